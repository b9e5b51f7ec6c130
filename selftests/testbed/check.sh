#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh [host|test|stock|install]...: make check, or a part of it; install only if
# it is named, as it takes a fresh Debian and a quarter of an hour.
#
# Two chains run side by side, since the machine has two cores at least and the
# test kernel (its build, then its guest) takes about as long as everything
# else.  Its guest keeps somewhat more than one core busy and is slow where one of
# its CPUs waits for the other one, so the other chain has to make do with what is
# left.  What fails does not stop the others; the verdict is results.py's alone,
# from what really ran, so that nothing here can forget a failure.
set -u

here=$(cd "$(dirname "$0")" && pwd)
FERRIO_VERB=${FERRIO_VERB:-check}
export FERRIO_VERB
# shellcheck source=env.sh
. "$here/env.sh"
may_work
cd "$FERRIO_TOP" || exit 1

# Of the make that called us: they are not for the builds below.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

# Not "log": step has one of its own, which functions called by it would see.
logs=$FERRIO_OUT/log
places=("$@")
[ $# -gt 0 ] || places=(host test stock)

wants() # PLACE
{
	case " ${places[*]} " in *" $1 "*) ;; *) return 1 ;; esac
}

# Programs of the manifest that ask for a guest with one CPU?  Not "grep -q":
# it leaves at its first match, and what still writes then dies of the pipe.
one_cpu() # PLACE
{
	in_root "$here/results.py" --manifest selftests/manifest \
		--programs "$1" 1cpu | grep : >/dev/null
}

guest() # PLACE KIND WHAT
{
	step "$1 guest: $3" "$here/check-guest.sh" "$1" "$2"
}

chain_test()
{
	"$here/testkernel.sh" || return
	step 'modules for the test kernel' make modules-test || return
	guest test main 'every program'
	if one_cpu test; then guest test 1cpu 'on one CPU'; fi
}

chain_stock()
{
	step 'modules for the stock kernel' make modules-stock || return
	guest stock main 'every program'
	if one_cpu stock; then guest stock 1cpu 'on one CPU'; fi
	guest stock tarball 'run_kselftest.sh of the tarball'
}

# One host script that prints TAP; its name is the prefix of its tests.
host_script() # NAME
{
	local status=0
	"$here/$1.sh" >"$logs/$1.ktap" || status=$?
	if [ $status = 0 ]; then
		echo pass >"$logs/$1.verdict"
	else
		echo fail >"$logs/$1.verdict"
		grep '^not ok' "$logs/$1.ktap"
	fi
	return $status
}

host_scripts()
{
	local script
	for script in "$here"/check-sources.sh "$here"/*-test-*.sh; do
		basename "$script" .sh
	done
}

# The packages, and what they do in a fresh Debian, with a guest of its own.
install_scripts='install-packages install-newcomer'
chain_install()
{
	local name
	for name in $install_scripts; do
		step "install: $name" host_script "$name"
	done
}

chain_host()
{
	local name
	for name in $(host_scripts); do
		step "host: $name" host_script "$name"
	done
}

streams=()
add() # PLACE PREFIX NAME
{
	local verdict=none
	[ ! -s "$logs/$3.verdict" ] || verdict=$(cat "$logs/$3.verdict")
	streams+=("$1:$2:$verdict:$logs/$3.ktap")
}

mkdir -p "$logs"
rm -f "$logs"/{stock,test}-{main,1cpu,tarball}.{ktap,verdict}
for name in $(host_scripts) $install_scripts; do rm -f "$logs/$name".{ktap,verdict}; done
start=$SECONDS

"$here/kdir.sh" || exit 1
# On a fresh cache only kdir.sh knows which kernel it is.
set_kver "${KVER:-$(default_kver)}"
echo "  guests run under $("$here/qemu.sh" --accel)"
if wants test || wants stock; then
	# An older tree would run in its place, so nothing goes on without it.
	step 'kselftest tree' in_root make -j"$(nproc)" -C selftests gen_tar || exit 1
fi
test_chain=
if wants test; then
	chain_test > >(cat) 2>&1 &
	test_chain=$!
	trap 'kill "$test_chain" 2>/dev/null; exit 1' INT TERM
fi
{
	renice -n 5 -p "$BASHPID" >/dev/null
	if wants stock; then chain_stock; fi
	if wants host; then chain_host; fi
	if wants install; then chain_install; fi
} 2>&1 | cat
[ -z "$test_chain" ] || wait "$test_chain"

if wants host; then
	for name in $(host_scripts); do add host "host/${name#check-}" "$name"; done
fi
if wants install; then
	for name in $install_scripts; do add install "install/${name#install-}" "$name"; done
fi
for place in test stock; do
	wants "$place" || continue
	add "$place" '!' "$place-main"
	if one_cpu "$place"; then add "$place" '1cpu!' "$place-1cpu"; fi
done
if wants stock; then add stock 'tarball!' stock-tarball; fi

echo "  took $(((SECONDS - start) / 60)) min $(((SECONDS - start) % 60)) s; logs in $logs"
wanted=$(IFS=,; echo "${places[*]}")
in_root "$here/results.py" --manifest selftests/manifest --places "$wanted" \
	"${streams[@]}"
