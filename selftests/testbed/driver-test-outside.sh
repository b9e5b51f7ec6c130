#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Drivers of somebody else: the samples that call file_loader.ko and ringbuffer.ko, built in a
# directory of their own from nothing but what `make driver-api` copies and the kernel's build tree,
# and inserted on the stock kernel; and what the documents show, built so.  Prints KTAP.
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
tree=$work/tree
trap 'rm -rf "$work"' EXIT
mkdir -p "${log%/*}" "$work"/{mine,other,page,tree/modules}
: >"$log"

# DIR: builds the driver that is there.
build()
{
	in_root -C "$1" make -C "$STOCK_KDIR" M="$1" >>"$log" 2>&1
}

# The Kbuild of somebody else, and the sources that he copied.
cp samples/{config_sample_main.rs,config_c_sample.c,ring_test_sample_main.rs} \
	samples/ring_t{est_c_sample.c,imer_sample_main.rs,imer_c_sample.c} "$work/mine/"
cat >"$work/mine/Kbuild" <<END
obj-m := config_sample.o config_c_sample.o ring_test_sample.o ring_test_c_sample.o
obj-m += ring_timer_sample.o ring_timer_c_sample.o
config_sample-y := config_sample_main.o ferrio_file.o
ferrio-file-users := config_sample_main.o
ring_test_sample-y := ring_test_sample_main.o ferrio_ring.o
ring_timer_sample-y := ring_timer_sample_main.o ferrio_ring.o
ferrio-ring-users := ring_test_sample_main.o ring_timer_sample_main.o
include $work/api/driver.mk
END

plan_tests 8
make --no-print-directory KDIR="$STOCK_KDIR" MO="$FERRIO_OUT/build/stock" quiet-modules=1 \
	kbuild-args=ferrio-tests=1 driver-api TO="$work/api" >>"$log" 2>&1
result copied $? "see $log"
build "$work/mine"
result built $? "see $log"
# Each input is in the dependencies that the compilers have written.
same nothing_of_ferrio '' "$(grep -rlF --include='*.cmd' "$FERRIO_TOP" "$work/mine")"

# Another version of the header: the other driver was built with what it belonged to.
cp -r "$work/api" "$work/other-api"
sed -i 's/FERRIO_\(FILE\|RING\)_1/FERRIO_\1_0/' "$work"/other-api/include/ferrio_{file,ring}.h \
	"$work/other-api/Module.symvers"
cp samples/config_c_sample.c samples/ring_test_c_sample.c "$work/other/"
printf 'obj-m := config_c_sample.o ring_test_c_sample.o\ninclude %s/other-api/driver.mk\n' \
	"$work" >"$work/other/Kbuild"
build "$work/other"
result other_built $? "see $log"

# What the page shows to whoever begins.
cat >"$work/page/Kbuild" <<END
obj-m := page_c.o page_rust.o
page_rust-y := page_rust_main.o ferrio_ring.o
ferrio-ring-users := page_rust_main.o
ccflags-y := -Werror -Wno-unused-function
include $work/api/driver.mk
END
page=Documentation/ring_driver.rst
in_root python3 -B "$here/rst-code.py" $page c >"$work/page/page_c.c" 2>>"$log" &&
	in_root python3 -B "$here/rst-code.py" $page rust >"$work/page/page_rust_main.rs" 2>>"$log" &&
	build "$work/page"
result documents $? "see $log"

# The programs that move the data.
for program in ring_test ring_timer; do
	in_root cc -static -O2 -I rust/uapi -I rust/user/include -o "$tree/$program" \
		samples/$program.c >>"$log" 2>&1 || break
done
status=0
[ -x "$tree/ring_timer" ] || status=1
result program "$status" "see $log"

cp "$FERRIO_OUT"/build/stock/{file_loader,ringbuffer}.ko "$work"/mine/*.ko "$tree/modules/"
cp "$work/other/config_c_sample.ko" "$tree/modules/other.ko"
cp "$work/other/ring_test_c_sample.ko" "$tree/modules/other_ring.ko"
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
insmod /modules/ringbuffer.ko
insmod /modules/other_ring.ko 2>&1 | sed 's/.*: /other: /'
for module in ring_test_sample ring_test_c_sample; do
	insmod /modules/$module.ko
	echo "$module: $(/ring_test 100000)"
	echo "$module: $(/ring_test -s 10000)"
	rmmod $module
done
for module in ring_timer_sample ring_timer_c_sample; do
	insmod /modules/$module.ko period_ns=1000000
	for how in -s -ms; do
		# How many and how fast is the guest's.
		echo "$module: $(/ring_timer $how 20 300 | sed 's/[0-9.]\{1,\}/N/g')"
	done
	rmmod $module
done
rmmod ringbuffer
ls /sys/module | grep -E 'config|file_loader|ring'
exit 0
END
chmod 755 "$tree/job"
"$here/initramfs.sh" pack "$tree" "$work/tree.cpio"
"$here/qemu.sh" --kernel stock --cpus 1 --mem 512 --name driver-outside \
	--initrd "$work/tree.cpio" --limit 120 >>"$log" 2>&1
result guest $? "see $log"

# What samples/ring_timer.c prints, without its numbers.
said() # HOW
{
	echo "N records, $1, in N s: N/s; N periods without the timer," \
		"N records lost, told by N gaps"
}
same loaded 'other: Invalid argument
config_sample: outside
config_c_sample: outside
other: Invalid argument
ring_test_sample: 100000 numbers read and written, mapped
ring_test_sample: 10000 numbers read and written, by read() and write()
ring_test_c_sample: 100000 numbers read and written, mapped
ring_test_c_sample: 10000 numbers read and written, by read() and write()
ring_timer_sample: '"$(said 'by read()')"'
ring_timer_sample: '"$(said mapped)"'
ring_timer_c_sample: '"$(said 'by read()')"'
ring_timer_c_sample: '"$(said mapped)" "$(tr -d '\r' <"$FERRIO_OUT/log/driver-outside.ktap")"
end_tests
