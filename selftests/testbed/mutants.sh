#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mutants.sh [NAME...]: make check-mutants, proves that tests can fail.
#
# selftests/mutants/NAME.patch removes one check, wake, barrier or accounting
# step, and says before its diff which test that has to be seen by:
#
#   # kills: TEST ID @ test|stock|host|install
#   # boot: own            the mutant hangs or splats: a guest for it alone, with
#                          the whole program and the checks of its log
#   # program: DIR/PROGRAM only for ids that name none (log/...)
#
# Each patch is applied to a copy of the tree, and its modules are built there, and its
# program too if it is the user's header that is mutated.  The mutants of a
# place share one guest, in which each named test runs on the unmutated modules
# as well and has to pass.  A mutant is killed if its modules went in and the
# named test ran and failed; all else is a survivor.  On the host the id is
# host/SCRIPT/TEST, or install/NAME/TEST: SCRIPT.sh or install-NAME.sh of the copy is run
# for that test alone, and has to pass it before.
set -u

here=$(cd "$(dirname "$0")" && pwd)
FERRIO_VERB=${FERRIO_VERB:-check-mutants}
export FERRIO_VERB
# shellcheck source=env.sh
. "$here/env.sh"
may_work
cd "$FERRIO_TOP" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

out=$FERRIO_OUT/mutants
copy=$out/tree
log=$FERRIO_OUT/log
installed=$FERRIO_OUT/selftests/kselftest_install
killed=0 survived=0

header() # PATCH KEY
{
	sed -n "/^diff \|^--- /q; s/^# $2: *//p" "$1"
}

verdict() # killed|SURVIVED NAME TEXT
{
	printf '  %-9s %-28s %s\n' "$1" "$2" "$3"
	case $1 in
	killed) killed=$((killed + 1)) ;;
	passed) ;;
	*) survived=$((survived + 1)) ;;
	esac
}

# Reads the headers: id, place, boot, dir, program, test of each mutant.
declare -A id place boot dir program test
read_header() # NAME
{
	local patch=selftests/mutants/$1.patch kills where script

	kills=$(header "$patch" kills)
	id[$1]=${kills% @ *} place[$1]=${kills##* @ }
	case ${place[$1]} in
	host | install)
		grep -q "^${id[$1]} *|[^|]*|.*${place[$1]}" selftests/manifest || return 1
		script=${id[$1]#host/} place[$1]=host
		script=${script/#install\//install-}
		program[$1]=${script%%/*} test[$1]=${script#*/}
		[ -x "$here/${program[$1]}.sh" ]
		return
		;;
	esac
	boot[$1]=$(header "$patch" boot)
	where=$(header "$patch" program)
	[ -n "$where" ] || where=${id[$1]}
	dir[$1]=${where%%/*}
	# A program named as its directory adds no level to its ids; the others of
	# that directory do.
	if [[ $where = */*/* && -e $installed/${where%"/${where#*/*/}"} ]]; then
		where=${where#*/}
		program[$1]=${where%%/*} test[$1]=${id[$1]#*/*/}
	elif [ -e "$installed/${dir[$1]}/${dir[$1]}" ]; then
		program[$1]=${dir[$1]} test[$1]=${id[$1]#*/}
	elif [ -e "$installed/${dir[$1]}/${dir[$1]}.sh" ]; then
		program[$1]=${dir[$1]}.sh test[$1]=${id[$1]#*/}
	else
		where=${where#*/}
		program[$1]=${where%%/*} test[$1]=${id[$1]#*/*/}
	fi
	case ${place[$1]} in
	test | stock) ;;
	*) return 1 ;;
	esac
	grep -q "^${id[$1]} *|[^|]*|.*${place[$1]}" selftests/manifest || return 1
	[ -e "$installed/${dir[$1]}/${program[$1]}" ] || return 1
	case ${id[$1]} in log/*) [ "${boot[$1]}" = own ] || return 1 ;; esac
}

# Time stamps are part of what make sees: a file that is put back must be newer
# than the mutant's object, one that did not change keeps its date.  So rsync
# compares contents and leaves the dates alone.
refresh()
{
	in_root rsync -rlpc --delete --exclude=/out --exclude=/.git ./ "$copy/" || exit 1
}

modules() # NAME PLACE
{
	# The copy is a project of its own, with an out of its own.
	FERRIO_OUT=$copy/out make -C "$copy" "modules-$2" || return
	rm -rf "${out:?}/$2/$1"
	mkdir -p "$out/$2/$1"
	cp -r "$copy/out/modules/$2"/. "$out/$2/$1/"
	# Debugging information is nine tenths of them, and would fill the guest.
	find "$out/$2/$1" -name '*.ko' -print0 |
		while IFS= read -r -d '' ko; do in_root strip --strip-debug "$ko" </dev/null; done
}

mutate() # NAME
{
	# git would take the copy for a part of this repository and skip it all.
	(cd "$copy" && GIT_CEILING_DIRECTORIES=$out \
		git apply "$FERRIO_TOP/selftests/mutants/$1.patch")
}

# The program of a mutant of what programs are made of, to run instead of the plain one.
own_program() # NAME PLACE
{
	grep -Eq '^diff --git a/(rust/user/include|selftests)/' \
		"selftests/mutants/$1.patch" || return 0
	in_root make -s -C "$copy/selftests" KSRC="$KSRC" BUILD="$copy/out/selftests" \
		TARGETS="${dir[$1]}" all &&
		cp "$copy/out/selftests/${dir[$1]}/${program[$1]}" "$out/$2/$1/program"
}

build() # NAME PLACE
{
	local status=0

	mutate "$1" || return
	{ modules "$1" "$2" && own_program "$1" "$2"; } || status=$?
	refresh
	return $status
}

seconds() # NAME
{
	local limit
	limit=$(sed -n 's/^timeout=//p' "$installed/${dir[$1]}/settings" 2>/dev/null)
	echo "${limit:-45}"
}

# The guest's name is that of its logs.
run_guest() # NAME PLACE TREE MUTANTS
{
	local slow=2 limit=900 status=0
	[ "$2" = stock ] || slow=10 limit=2400
	# Some hang until their program's time is over.
	limit=$((limit + $4 * 20))
	"$here/initramfs.sh" pack "$3" "$3.cpio"
	rm -rf "$3"
	"$here/qemu.sh" --kernel "$2" --name "$1" --initrd "$3.cpio" \
		--mem $((1280 + $4 * 20)) \
		--limit "$limit" --append "FERRIO_PLACE=$2 FERRIO_SLOW=$slow" || status=$?
	rm -f "$3.cpio"
	# That a test fails is what it is for.
	[ $status -le 1 ]
}

result() # KTAP ID
{
	in_root "$here/results.py" --status "$1" '' "$2" | sed 's/ .*//'
}

# The mutants of one place that share a guest; a row named unmutated.N for each
# test that they name.
shared_guest() # PLACE NAME...
{
	local where=$1 tree=$out/guest-$1 name n=0
	shift
	rm -rf "$tree"
	mkdir -p "$tree/mutants"
	cp -r "$out/$where/unmutated" "$tree/mutants/"
	cp -r "$installed" "$tree/kselftest"
	rm -rf "$tree/kselftest/kselftest-packages"
	[ "$where" = test ] || cp -r "$STOCK_MODULES/lib" "$tree/"
	ln -s /lib/ferrio/guest-mutants "$tree/job"
	for name; do
		n=$((n + 1))
		ln -s unmutated "$tree/mutants/unmutated.$n"
		cp -r "$out/$where/$name" "$tree/mutants/$name"
		printf '%s %s %s %s %s\n' \
			"unmutated.$n" "${dir[$name]}" "${program[$name]}" \
			"${test[$name]}" "$(seconds "$name")" \
			"$name" "${dir[$name]}" "${program[$name]}" \
			"${test[$name]}" "$(seconds "$name")"
	done >"$tree/mutants/list"
	run_guest "mutants-$where" "$where" "$tree" $n
}

judge_shared() # PLACE NAME...
{
	local where=$1 ktap=$log/mutants-$1.ktap name n=0 plain inserted got
	shift
	for name; do
		n=$((n + 1))
		plain=$(result "$ktap" "unmutated.$n/${test[$name]}")
		inserted=$(result "$ktap" "$name.insert/all")
		got=$(result "$ktap" "$name/${test[$name]}")
		if [ "$plain" != PASS ]; then
			verdict BROKEN "$name" "${id[$name]}: $plain without the mutant"
		elif [ "$inserted" != PASS ]; then
			verdict BROKEN "$name" "its modules did not go in, see $ktap; is the mutant before it to be '# boot: own'?"
		elif [ "$got" = FAIL ]; then
			verdict killed "$name" "${id[$name]} @ $where"
		else
			verdict SURVIVED "$name" "${id[$name]} @ $where: $got"
		fi
	done
}

own_guest() # NAME
{
	local tree=$out/guest-$1
	rm -rf "$tree"
	mkdir -p "$tree"
	cp -r "$out/${place[$1]}/$1" "$tree/modules"
	cp -r "$installed" "$tree/kselftest"
	rm -rf "$tree/kselftest/kselftest-packages"
	[ ! -e "$tree/modules/program" ] ||
		mv "$tree/modules/program" "$tree/kselftest/${dir[$1]}/${program[$1]}"
	[ "${place[$1]}" = test ] || cp -r "$STOCK_MODULES/lib" "$tree/"
	echo "${dir[$1]}:${program[$1]}" >"$tree/programs"
	ln -s /lib/ferrio/guest-kselftest "$tree/job"
	run_guest "mutant-$1" "${place[$1]}" "$tree" 1
}

# A guest that died has no result line of the test that it died in; that the
# test had begun is then what counts.
judge_own() # NAME
{
	local ktap=$log/mutant-$1.ktap got inserted
	inserted=$(result "$ktap" modules/insert)
	got=$(result "$ktap" "${id[$1]}")
	if [ "$inserted" != PASS ]; then
		verdict BROKEN "$1" "its modules did not go in, see $ktap"
	elif [ "$got" = FAIL ]; then
		verdict killed "$1" "${id[$1]} @ ${place[$1]}"
	elif [ "$got" = MISSING ] && [ "$2" != 0 ] &&
		grep -q "RUN  *${test[$1]} " "$ktap"; then
		verdict killed "$1" "${id[$1]} @ ${place[$1]}: the guest died in it"
	else
		verdict SURVIVED "$1" "${id[$1]} @ ${place[$1]}: $got"
	fi
}

# The script of a host mutant in the copy, for its test alone.  Not in $log:
# step, which calls this, has a variable of that name.
host_run() # NAME KTAP
{
	FERRIO_OUT=$copy/out "$copy/selftests/testbed/${program[$1]}.sh" \
		"${test[$1]}" >"$2" || [ $? = 1 ]
}

host_mutant() # NAME
{
	local status=0

	host_run "$1" "$out/host-$1-plain.ktap" || return
	mutate "$1" || return
	host_run "$1" "$out/host-$1.ktap" || status=$?
	refresh
	return $status
}

judge_host() # NAME
{
	local plain got
	plain=$(result "$out/host-$1-plain.ktap" "${test[$1]}")
	got=$(result "$out/host-$1.ktap" "${test[$1]}")
	if [ "$plain" != PASS ]; then
		verdict BROKEN "$1" "${id[$1]}: $plain without the mutant"
	elif [ "$got" = FAIL ]; then
		verdict killed "$1" "${id[$1]} @ host"
	else
		verdict SURVIVED "$1" "${id[$1]} @ host: $got"
	fi
}

mkdir -p "$copy" "$log"
"$here/kdir.sh" || exit 1
# On a fresh cache only kdir.sh knows which kernel it is.
set_kver "${KVER:-$(default_kver)}"
names=("$@")
if [ $# = 0 ]; then
	for patch in selftests/mutants/*.patch; do
		[ ! -f "$patch" ] || names+=("$(basename "$patch" .patch)")
	done
fi
if [ ${#names[@]} = 0 ]; then
	echo 'mutants.sh: there is no selftests/mutants/*.patch' >&2
	exit 1
fi
step 'kselftest tree' in_root make -C selftests install || exit 1

good=()
for name in "${names[@]}"; do
	if [ ! -f "selftests/mutants/$name.patch" ]; then
		verdict BROKEN "$name" "no selftests/mutants/$name.patch"
	elif read_header "$name"; then
		good+=("$name")
	else
		verdict BROKEN "$name" "its '# kills: ID @ PLACE' names no listed test or no program"
	fi
done

refresh
for name in "${good[@]}"; do
	[ "${place[$name]}" = host ] || continue
	if step "host: $name" host_mutant "$name"; then
		judge_host "$name"
	else
		verdict BROKEN "$name" 'the patch does not apply, or its script does not run'
		refresh
	fi
done
for where in stock test; do
	shared=() own=() any=''
	for name in "${good[@]}"; do
		[ "${place[$name]}" = "$where" ] || continue
		if [ -z "$any" ]; then
			[ "$where" = stock ] || "$here/testkernel.sh" || exit 1
			step "unmutated modules, $where kernel" modules unmutated "$where" || exit 1
			any=1
		fi
		if ! step "build $name" build "$name" "$where"; then
			verdict BROKEN "$name" 'the patch does not apply or build'
			refresh
		elif [ "${boot[$name]}" = own ]; then
			own+=("$name")
		else
			shared+=("$name")
		fi
	done
	if [ ${#shared[@]} -gt 0 ]; then
		step "$where guest: ${#shared[@]} mutants" shared_guest "$where" "${shared[@]}"
		judge_shared "$where" "${shared[@]}"
	fi
	for name in "${own[@]}"; do
		status=0
		step "$where guest: $name" own_guest "$name" || status=$?
		judge_own "$name" "$status"
	done
done
echo "$killed killed, $survived survived"
[ "$survived" = 0 ] && [ "$killed" -gt 0 ]
