#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make bench: the ring against the kernel's own channels, in two guests with the
# stock kernel.
#
# One guest has a clock that counts instructions (-icount), the other two CPUs and
# a real clock: what it says depends on the machine, and wants both of its cores.
# Documentation/bench.rst has the rest.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
FERRIO_VERB=${FERRIO_VERB:-bench}
export FERRIO_VERB
# shellcheck source=env.sh
. "$here/env.sh"
may_work
cd "$FERRIO_TOP"

# Of the make that called us: they are not for the builds below.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

tree=$FERRIO_OUT/guest/bench
bench=$FERRIO_TOP/selftests/bench

build()
{
	rm -rf "$tree"
	mkdir -p "$tree/bench" "$tree/modules"
	cp "$FERRIO_OUT/modules/stock/ringbuffer.ko" "$tree/modules/"
	install -m 755 "$bench/guest-bench" "$tree/job"
	for program in bench-pipe bench-stream; do
		in_root gcc -O2 -Wall -Wextra -Werror -static \
			-I"$FERRIO_TOP/rust/uapi" -I"$FERRIO_TOP/rust/user/include" \
			-o "$tree/bench/$program" "$bench/$program.c" \
			"$FERRIO_TOP/selftests/run/channel.c"
	done
	"$here/initramfs.sh" pack "$tree" "$tree.cpio"
}

guest() # NAME ROUNDS OPTION...
{
	local name=$1 rounds=$2
	shift 2
	"$here/qemu.sh" --kernel stock --initrd "$tree.cpio" --name "$name" \
		--limit 1800 --append "FERRIO_ROUNDS=$rounds" \
		--append 'FERRIO_SMALL=1000000 FERRIO_LARGE=10000' "$@"
}

# Without erms a copy is counted by its loads and stores; with it the whole
# copy would count as one instruction, or as one per byte.
"$here/kdir.sh"
# kdir.sh may have chosen the release just now.
case $KVER in latest) KVER='' ;; esac
step 'modules for the stock kernel' make modules-stock
step 'bench programs' build
step 'guest that counts instructions, 2 rounds' \
	guest bench-icount 2 --icount --no-erms
step 'guest with 2 CPUs and a real clock, 5 rounds' \
	guest bench-wall 5 --cpus 2 --no-erms
echo
in_root python3 -B "$bench/bench.py" "$FERRIO_OUT/log/bench-icount.ktap" \
	"$FERRIO_OUT/log/bench-wall.ktap" "$FERRIO_OUT/bench/latest.csv"
