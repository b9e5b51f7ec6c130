#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# user-test-ferrio.sh [TEST...]: the command ferrio, built by the oldest compiler that it
# is for: its lints, its own tests, on systems made of files, and what make tools makes of
# it: a program that needs no library, manual pages, completions; prints KTAP.  With the
# modules: selftests/ferrio.
#
# shellcheck disable=SC2317 # functions are called by their name
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
# shellcheck source=cargo-lib.sh
. "$here/cargo-lib.sh"
cd "$FERRIO_TOP" || exit 1
cargo_env

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=out/tools

cargo() # COMMAND...
{
	in_root -C rust/user timeout 1200 env "${CARGO_ENV[@]}" cargo "$@"
}

# A row of its own, or none if others are asked for.
row() # NAME COMMAND...
{
	local name=$1 said status=0
	shift
	wanted "$name" || return 0
	said=$("$@" 2>&1) || status=$?
	result "$name" $status "$(tail -n 30 <<<"$said")"
}

only=("$@")
wanted() # NAME...
{
	local name
	[ ${#only[@]} != 0 ] || return 0
	for name; do
		[[ " ${only[*]} " != *" $name "* ]] || return 0
	done
	return 1
}

# status::text::tests::a_ring is status.text.a_ring here, command.rs' are command.NAME.
names()
{
	awk '
		/^[a-z_0-9:]+: test$/ {
			sub(/: test$/, "")
			if (!sub(/tests::/, ""))
				$0 = "command::" $0
			gsub(/::/, ".")
			print
		}' "$1"
}

has_tests()
{
	[ ${#tests[@]} != 0 ] || { cat "$work/built"; return 1; }
}

# As make tools does it; what that says of an error is of use.
built()
{
	make --no-print-directory tools
}

made()
{
	cat "$work/tools"
	return "$(cat "$work/status")"
}

version()
{
	[ "$($tools/ferrio --version)" = "ferrio $(cat VERSION)" ]
}

# Neither a library nor something that would look for one.
static()
{
	local headers
	headers=$(in_root readelf -W -d -l "$tools/ferrio") || return
	! grep -E 'NEEDED|INTERP' <<<"$headers"
}

pages()
{
	local page list=("$tools"/man/ferrio*.1)
	[ ${#list[@]} = 7 ] || { ls "$tools/man"; return 1; }
	in_root mandoc -T lint -W warning "${list[@]}" || return
	# What refers to each other is there.
	for page in $(in_root mandoc -T ascii "$tools/man/ferrio.1" | col -b |
		grep -oE 'ferrio-[a-z]+\(1\)' | sort -u); do
		[ -e "$tools/man/${page%(1)}.1" ] || { echo "no $page"; return 1; }
	done
}

# What bash makes of them.
completions()
{
	[ -s "$tools/completions/_ferrio" ] && [ -s "$tools/completions/ferrio.fish" ] || return
	bash -uc '
		. "$1"
		COMP_WORDS=(ferrio st) COMP_CWORD=1 COMPREPLY=()
		_ferrio ferrio st ferrio
		[ "${COMPREPLY[*]}" = status ] || { declare -p COMPREPLY; exit 1; }
		COMP_WORDS=(ferrio status --w) COMP_CWORD=2 COMPREPLY=()
		_ferrio ferrio --w status
		[ "${COMPREPLY[*]}" = --watch ] || { declare -p COMPREPLY; exit 1; }
	' bash "$tools/completions/ferrio.bash"
}

cargo test --locked --package ferrio -- --list >"$work/list" 2>"$work/built"
mapfile -t tests < <(names "$work/list")
mine=()
for name in "${tests[@]}"; do
	! wanted "$name" || mine+=("$name")
done

rows='clippy build tools version static pages completions'
count=${#mine[@]}
for name in $rows; do
	! wanted "$name" || count=$((count + 1))
done
plan_tests "$count"
row clippy cargo clippy --locked --all-targets --package ferrio -- -D warnings
# If it could not be built there is no other test of it to fail.
row build has_tests
if wanted tools version static pages completions; then
	built >"$work/tools" 2>&1
	echo $? >"$work/status"
fi
row tools made
row version version
row static static
row pages pages
row completions completions
[ ${#mine[@]} = 0 ] || cargo test --locked --no-fail-fast --package ferrio \
	>"$work/said" 2>&1
for name in "${mine[@]}"; do
	path=${name//./::}
	case $name in
	command.*) path=${path#command::} ;;
	*) path=${path%::*}::tests::${path##*::} ;;
	esac
	# What hangs takes those behind it along: no line at all.
	if grep -qxF "test $path ... ok" "$work/said"; then
		result "$name" 0
	else
		result "$name" 1 "$(grep -F -A 12 -e "---- $path " "$work/said" ||
			tail -n 30 "$work/said")"
	fi
done
end_tests
