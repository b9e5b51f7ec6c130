#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A driver of somebody else: the samples that call file_loader.ko, built in a directory of
# their own from nothing but what `make driver-api` copies and the kernel's build tree,
# and inserted on the stock kernel.  Prints KTAP.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

log=$FERRIO_OUT/log/driver-outside.log
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "${log%/*}" "$work"/{mine,other,tree/modules}
: >"$log"

# DIR: builds the driver that is there.
build()
{
	in_root -C "$1" make -C "$STOCK_KDIR" M="$1" >>"$log" 2>&1
}

# The Kbuild of somebody else, and the sources that he copied.
cp samples/config_sample_main.rs samples/config_c_sample.c "$work/mine/"
cat >"$work/mine/Kbuild" <<END
obj-m := config_sample.o config_c_sample.o
config_sample-y := config_sample_main.o ferrio_file.o
ferrio-file-users := config_sample_main.o
include $work/api/driver.mk
END

plan_tests 6
make --no-print-directory KDIR="$STOCK_KDIR" MO="$FERRIO_OUT/build/stock" quiet-modules=1 \
	kbuild-args=ferrio-tests=1 driver-api TO="$work/api" >>"$log" 2>&1
result copied $? "see $log"
build "$work/mine"
result built $? "see $log"
# Each input is in the dependencies that the compilers have written.
same nothing_of_ferrio '' "$(grep -rlF --include='*.cmd' "$FERRIO_TOP" "$work/mine")"

# Another version of the header: the other driver was built with what it belonged to.
cp -r "$work/api" "$work/other-api"
sed -i 's/FERRIO_FILE_1/FERRIO_FILE_0/' "$work/other-api/include/ferrio_file.h" \
	"$work/other-api/Module.symvers"
cp samples/config_c_sample.c "$work/other/"
printf 'obj-m := config_c_sample.o\ninclude %s/other-api/driver.mk\n' "$work" >"$work/other/Kbuild"
build "$work/other"
result other_built $? "see $log"

tree=$work/tree
cp "$FERRIO_OUT/build/stock/file_loader.ko" "$work"/mine/*.ko "$tree/modules/"
cp "$work/other/config_c_sample.ko" "$tree/modules/other.ko"
cat >"$tree/job" <<'END'
#!/bin/sh
insmod /modules/file_loader.ko
printf 'outside\n' >/etc/config_sample
insmod /modules/other.ko 2>&1 | sed 's/.*: /other: /'
for module in config_sample config_c_sample; do
	insmod /modules/$module.ko
	echo "$module: $(cat /sys/kernel/debug/$module/config)"
	rmmod $module
done
rmmod file_loader
ls /sys/module | grep -E 'config|file_loader'
exit 0
END
chmod 755 "$tree/job"
"$here/initramfs.sh" pack "$tree" "$work/tree.cpio"
"$here/qemu.sh" --kernel stock --cpus 1 --mem 512 --name driver-outside \
	--initrd "$work/tree.cpio" --limit 120 >>"$log" 2>&1
result guest $? "see $log"
same loaded 'other: Invalid argument
config_sample: outside
config_c_sample: outside' "$(tr -d '\r' <"$FERRIO_OUT/log/driver-outside.ktap")"
end_tests
