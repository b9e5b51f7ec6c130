#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-shell.sh stock|test: make shell, an interactive guest.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
cd "$FERRIO_TOP"

place=$1
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
mkdir -p "$tree/modules"
cp "$FERRIO_OUT/modules/$place"/*.ko "$tree/modules/"
cp -r "$FERRIO_OUT/selftests/kselftest_install" "$tree/kselftest"
ln -s /lib/ferrio/guest-shell "$tree/job"
"$here/initramfs.sh" pack "$tree" "$tree.cpio"
exec "$here/qemu.sh" --kernel "$place" --name shell --initrd "$tree.cpio" \
	--mem 2048 --shell
