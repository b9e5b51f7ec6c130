#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-guest.sh PLACE main|1cpu|tarball: one test guest.
#
#   main     every program of the kselftest tree
#   1cpu     the programs that the manifest asks for on one CPU (1cpu/...)
#   tarball  run_kselftest.sh of the unpacked gen_tar tarball, less the programs
#            that the manifest does not list there: each has run in `main`, and
#            some take minutes
#
# Needs out/modules/PLACE and out/selftests.  The KTAP ends up in
# out/log/PLACE-KIND.ktap, pass, fail or none in out/log/PLACE-KIND.verdict.
# FERRIO_LONG=1: the programs run their long rounds, on four CPUs where two are enough
# for the short ones: the torture is meant for more threads than one CPU's in each place.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"

place=$1 kind=$2
name=$place-$kind
verdict=$FERRIO_OUT/log/$name.verdict
installed=$FERRIO_OUT/selftests/kselftest_install
tarball=$installed/kselftest-packages/kselftest.tar.gz
tree=$FERRIO_OUT/guest/$name

mkdir -p "$FERRIO_OUT/log"
echo none >"$verdict"

rm -rf "$tree"
mkdir -p "$tree/modules"
cp -r "$FERRIO_OUT/modules/$place"/. "$tree/modules/"
# As INSTALL_MOD_STRIP=1 does: nobody in the guest reads what a debugger does, and each
# insertion copies the file.
in_root find "$tree/modules" -name '*.ko' -exec strip --strip-debug {} +

# The test kernel is 10 to 40 times slower, and its boot and kmemleak's scans
# take time in proportion to the memory; so rings of 1 GiB, which need room
# beside them, are tested on the stock kernel alone.
# The limits are for a guest that hangs, on a machine that does much else: with an empty
# cache the stock kernel's guest runs beside the build of the test kernel.
case $place in
test) slow=10 limit=2400 mem=1280 ;;
stock) slow=2 limit=2400 mem=3072 ;;
*) die "check-guest.sh: $place is neither test nor stock" ;;
esac
cpus=${FERRIO_LONG:+4} cpus=${cpus:-2}
job=guest-kselftest
case $kind in
main) ;;
1cpu)
	cpus=1
	in_root env KSRC="$KSRC" "$here/results.py" --manifest \
		"$FERRIO_TOP/selftests/manifest" --programs "$place" 1cpu \
		>"$tree/programs"
	grep -q : "$tree/programs" || die "the manifest lists no program for $name"
	;;
tarball)
	job=guest-tarball
	cp "$tarball" "$tree/"
	while IFS=: read -r dir program; do
		id=$dir/${program%.sh}
		[ "$id" != "$dir/$dir" ] || id=$dir
		grep -q "^tarball/run_kselftest/$id |" \
			"$FERRIO_TOP/selftests/manifest" || echo "-S $dir:$program"
	done <"$installed/kselftest-list.txt" >"$tree/skip"
	# run_kselftest.sh stops a program that hangs, if there is a timeout
	# that knows --foreground: coreutils' does, busybox's does not.
	in_root cp --parents -L /usr/bin/timeout /lib64/ld-linux-x86-64.so.2 \
		/lib/x86_64-linux-gnu/libc.so.6 "$tree/"
	;;
*) die "check-guest.sh: no guest is called $kind" ;;
esac
if [ "$job" = guest-kselftest ]; then
	cp -r "$installed" "$tree/kselftest"
	[ "$place" = test ] || cp -r "$STOCK_MODULES/lib" "$tree/"
	rm -rf "$tree/kselftest/kselftest-packages"
fi
# A program of Debian's with what it is linked to; the test kernel is too slow for it.
if [ "$place-$kind" = stock-main ]; then
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root sh -eu -c 'cp --parents -L /usr/bin/fio \
		$(ldd /usr/bin/fio | grep -o "/[^ ]*") "$1/"' sh "$tree"
fi
ln -s "/lib/ferrio/$job" "$tree/job"
"$here/initramfs.sh" pack "$tree" "$tree.cpio"
rm -rf "$tree"

append="FERRIO_PLACE=$place FERRIO_SLOW=$slow"
if [ -n "${FERRIO_LONG-}" ]; then
	append="FERRIO_PLACE=$place FERRIO_SLOW=$((slow * 10)) FERRIO_LONG=1"
	limit=$((limit * 10))
fi
status=0
"$here/qemu.sh" --kernel "$place" --name "$name" --initrd "$tree.cpio" \
	--cpus "$cpus" --mem "$mem" --limit "$limit" --append "$append" || status=$?
rm -f "$tree.cpio"
case $status in
0) echo pass >"$verdict" ;;
1)
	echo fail >"$verdict"
	# What failed, each with the diagnostics before it.
	tr -d '\r' <"$FERRIO_OUT/log/$name.ktap" | awk '
		/^ *#/ { said = said $0 "\n"; next }
		/^ *not ok/ { printf "%s%s\n", said, $0 }
		{ said = "" }' | head -n 120
	;;
esac
exit "$status"
