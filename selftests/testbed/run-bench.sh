#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make bench [BENCH="pipe stream iov load ring_driver records"]: the modules against what the
# kernel has, in two guests with the stock kernel.
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

all='pipe stream iov load ring_driver records'
benches=${*:-$all}
# Those whose promises are about time, too.
timed=''
for name in $benches; do
	case " $all " in
	*" $name "*) ;;
	*) die "there is no bench '$name'; there are: $all" ;;
	esac
	case $name in pipe | stream) timed="$timed $name" ;; esac
done

tree=$FERRIO_OUT/guest/bench
bench=$FERRIO_TOP/selftests/bench

build()
{
	rm -rf "$tree"
	mkdir -p "$tree/bench" "$tree/modules" "$tree/drivers"
	for module in ringbuffer iov_copy iov_copy_twin file_loader ring_test_twin; do
		cp "$FERRIO_OUT/modules/stock/$module.ko" "$tree/modules/"
	done
	cp "$FERRIO_OUT"/modules/stock/drivers/ring_test_{,c_}sample.ko "$tree/drivers/"
	install -m 755 "$bench/guest-bench" "$tree/job"
	for program in bench-pipe bench-stream; do
		in_root gcc -O2 -Wall -Wextra -Werror -static \
			-I"$FERRIO_TOP/rust/uapi" -I"$FERRIO_TOP/rust/user/include" \
			-o "$tree/bench/$program" "$bench/$program.c" \
			"$FERRIO_TOP/selftests/run/channel.c"
	done
	in_root gcc -O2 -Wall -Wextra -Werror -static \
		-o "$tree/bench/bench-iov" "$bench/bench-iov.c"
	in_root gcc -O2 -Wall -Wextra -Werror -static \
		-I"$FERRIO_TOP/rust/uapi" -I"$FERRIO_TOP/rust/user/include" \
		-o "$tree/bench/bench-ring-driver" "$bench/bench-ring-driver.c"
	for program in bench-load bench-serve; do
		in_root gcc -O2 -Wall -Wextra -Werror -static \
			-I"$FERRIO_TOP/rust/uapi" \
			-o "$tree/bench/$program" "$bench/$program.c"
	done
	in_root clang -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -target bpf -mcpu=v3 \
		-I/usr/include/x86_64-linux-gnu \
		-c -o "$tree/bench/bench-records.bpf.o" "$bench/bench-records.bpf.c"
	# Not static: Debian's libelf.a, which libbpf takes, is not whole.
	in_root gcc -O2 -Wall -Wextra -Werror \
		-I"$FERRIO_TOP/rust/uapi" -I"$FERRIO_TOP/rust/user/include" \
		-o "$tree/bench/bench-records" "$bench/bench-records.c" \
		"$bench/bench-records-bpf.c" "$bench/bench-records-ring.c" -lbpf
	# Debian's own, with what they are linked to; openssl says how its library sums.
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root sh -eu -c '
		for program in /usr/bin/sha256sum /usr/bin/openssl; do
			cp --parents -L $program $(ldd $program | grep -o "/[^ ]*") "$1/"
		done
		cp --parents -L $(ldd "$1/bench/bench-records" | grep -o "/[^ ]*") "$1/"
	' sh "$tree"
	"$here/initramfs.sh" pack "$tree" "$tree.cpio"
}

guest() # NAME ROUNDS BENCHES OPTION...
{
	local name=$1 rounds=$2 what=$3
	shift 3
	"$here/qemu.sh" --kernel stock --initrd "$tree.cpio" --name "$name" \
		--limit 1800 --append "FERRIO_ROUNDS=$rounds" \
		--append "FERRIO_BENCHES=$(echo "$what" | tr ' ' ,)" \
		--append 'FERRIO_SMALL=1000000 FERRIO_LARGE=10000' "$@"
}

# Without erms a copy is counted by its loads and stores; with it the whole
# copy would count as one instruction, or as one per byte.  For `load`, where the
# kernel's own copy is compared with one to a program, both are to be the same code,
# which they are with fsrm alone.
alike=$(echo "$benches" | tr ' ' '\n' | grep -x load || true)
others=$(echo "$benches" | tr ' ' '\n' | grep -vx load | xargs)
"$here/kdir.sh"
# kdir.sh may have chosen the release just now.
case $KVER in latest) KVER='' ;; esac
step 'modules for the stock kernel' make modules-stock
step 'bench programs' build
rm -f "$FERRIO_OUT"/log/bench-icount.ktap "$FERRIO_OUT"/log/bench-load.ktap
[ -z "$others" ] || step 'guest that counts instructions, 2 rounds' \
	guest bench-icount 2 "$others" --icount --no-erms
[ -z "$alike" ] || step 'guest that counts those of a load, 2 rounds' \
	guest bench-load 2 "$alike" --icount --fsrm
cat "$FERRIO_OUT"/log/bench-load.ktap >>"$FERRIO_OUT/log/bench-icount.ktap" 2>/dev/null || true
[ -z "$timed" ] || step 'guest with 2 CPUs and a real clock, 5 rounds' \
	guest bench-wall 5 "$timed" --cpus 2 --no-erms
echo
# shellcheck disable=SC2086 # a list
in_root python3 -B "$bench/bench.py" "$FERRIO_OUT/log/bench-icount.ktap" \
	"$FERRIO_OUT/log/bench-wall.ktap" "$FERRIO_OUT/bench/latest.csv" $benches
