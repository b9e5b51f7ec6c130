#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kunit.sh [DIR]: inserts every *_kunit.ko of DIR (or of $FERRIO_MODULES, or of
# this program's own directory), one after another, and reports each of its
# suites as a subtest with the cases below it.
#
# insmod succeeds even if a suite fails, so the results come from debugfs.
#
# shellcheck disable=SC2046,SC2086 # lists of module and suite names are split

results=/sys/kernel/debug/kunit
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-${FERRIO_MODULES:-$here}}
number=0 failed=0

skip()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit 4
}

result() # "ok"|"not ok" NAME
{
	number=$((number + 1))
	echo "$1 $number $2"
	[ "$1" = ok ] || failed=1
}

names() # DIR
{
	for path in "$1"/*; do
		[ ! -e "$path" ] || printf '%s ' "${path##*/}"
	done
}

# Inserts one module and keeps what its suites say in $store/MODULE/; only one
# at a time, since a suite may bring the driver along that another one has.
collect() # FILE
{
	module=${1##*/} module=${module%.ko}
	mkdir "$store/$module"
	before=$(names $results)
	insmod "$1" 2>&1 || return 1
	for suite in $(names $results); do
		case " $before " in
		*" $suite "*) continue ;;
		esac
		cat "$results/$suite/results" >"$store/$module/$suite"
	done
	rmmod "$module" 2>&1 || return 1
	if [ -z "$(names "$store/$module")" ]; then
		echo "$module: no suite appeared in $results"
		return 1
	fi
}

# A suite's own outer header and number are those of a log with one suite; here
# it is one of many.
show() # FILE
{
	sed -e '/^KTAP version/d' -e '/^1\.\.1$/d' -e '/^ok 1 /d' \
		-e '/^not ok 1 /d' "$1"
	if grep -q '^ok 1 ' "$1"; then
		number=$((number + 1))
		sed -n "s/^ok 1 /ok $number /p" "$1"
	else
		result "not ok" "${1##*/}"
	fi
}

[ -d $results ] || skip "this kernel has no KUnit: $results is missing"

store=$(mktemp -d)
trap 'rm -r "$store"' EXIT
suites=0 modules='' broken=''
for ko in "$dir"/*_kunit.ko; do
	[ -f "$ko" ] || continue
	module=${ko##*/} module=${module%.ko}
	modules="$modules $module"
	if ! collect "$ko" >"$store/said" 2>&1; then
		broken="$broken $module"
	fi
	sed 's/^/# /' "$store/said" >>"$store/diagnostics"
	set -- $(names "$store/$module")
	suites=$((suites + $#))
done

# One result per module (it went in and out and had a suite), one per suite.
set -- $modules
echo "TAP version 13"
if [ $# = 0 ]; then
	echo "1..1"
	echo "# no *_kunit.ko in $dir"
	result "not ok" modules
	exit 1
fi
echo "1..$(($# + suites))"
cat "$store/diagnostics"
for module; do
	case "$broken " in
	*" $module "*) result "not ok" "$module" ;;
	*) result ok "$module" ;;
	esac
	for suite in "$store/$module"/*; do
		[ ! -f "$suite" ] || show "$suite"
	done
done
exit $failed
