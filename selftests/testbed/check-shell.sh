#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-shell.sh stock|test [DIR]: make shell, an interactive guest; what is in
# DIR is in /add there.
#
# shellcheck disable=SC2317 # functions are called by step
set -eu

here=$(cd "$(dirname "$0")" && pwd)
FERRIO_VERB=${FERRIO_VERB:-shell}
export FERRIO_VERB
# shellcheck source=env.sh
. "$here/env.sh"
may_work

place=$1 add=${2-}
if [ -n "$add" ]; then
	[ -d "$add" ] || die "ADD=$add: no such directory"
	add=$(realpath "$add")
fi
cd "$FERRIO_TOP"
case $place in
stock) "$here/kdir.sh" ;;
test) "$here/testkernel.sh" ;;
*) die "KERNEL=$place: neither stock nor test" ;;
esac
# On a fresh cache only these know which kernel it is.
set_kver "${KVER:-$(default_kver)}"
step "modules for the $place kernel" make "modules-$place"
step 'kselftest tree' in_root make -C selftests install

tree=$FERRIO_OUT/guest/shell
rm -rf "$tree"
mkdir -p "$tree/modules" "$tree/bin"
cp -r "$FERRIO_OUT/modules/$place"/. "$tree/modules/"
cp -r "$FERRIO_OUT/selftests/kselftest_install" "$tree/kselftest"
step 'ring-run' in_root gcc -O2 -Wall -Wextra -Werror -static -Irust/uapi \
	-o "$tree/bin/ring-run" selftests/run/ring-run.c selftests/run/channel.c
[ -z "$add" ] || cp -a "$add" "$tree/add"
ln -s /lib/ferrio/guest-shell "$tree/job"
"$here/initramfs.sh" pack "$tree" "$tree.cpio"
exec "$here/qemu.sh" --kernel "$place" --name shell --initrd "$tree.cpio" \
	--mem 2048 --shell
