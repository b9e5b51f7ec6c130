#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-test-taint.sh [TEST...]: what the stock kernel says and does when a module
# goes in that is unsigned, signed by a stranger, by a key of the machine's firmware, or
# spoilt; and which of these it takes when it insists on signatures, as with Secure
# Boot.  The firmware is a UEFI with that key among its own.  Prints KTAP.
#
# shellcheck disable=SC2317 # functions are called by their name
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP" || exit 1
# shellcheck source=install-lib.sh
. "$here/install-lib.sh"

tree=$work/tree
mkdir -p "$tree"/{unsigned,mine,stranger}

pair() # NAME
{
	in_root openssl req -new -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$1/" \
		-keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
}

signed() # NAME
{
	pair "$1"
	cp "$mo"/*.ko "$mo/modules.order" "$tree/$1/"
	made KDIR="$STOCK_KDIR" MO="$tree/$1" sign KEY="$work/$1.key" CERT="$work/$1.pem"
}

# Asks the kernel for each, in this order: its taint only grows.
cat >"$tree/job" <<'END'
#!/bin/sh
echo "job"
try()
{
	if said=$(insmod "/$1/$2.ko" 2>&1); then
		echo "$1 $2: in, $(cat /proc/sys/kernel/tainted)" \
			"$(cat "/sys/module/$2/taint") $(cat "/sys/module/$2/version")"
	else
		echo "$1 $2: ${said##*: }, $(cat /proc/sys/kernel/tainted)"
	fi
}
echo "before: $(cat /proc/sys/kernel/tainted)"
for what in $ferrio_try; do try "${what%/*}" "${what#*/}"; done
# busybox' insmod tries a second way to insert what was refused.
dmesg | sed -n 's/^\[[^]]*\] //; / taint/p; /^Loading of .* is rejected/p' | uniq
exit 0
END
chmod 755 "$tree/job"

guest() # NAME TRY OPTION...
{
	local name=$1 try=$2
	shift 2
	"$here/qemu.sh" --kernel stock --cpus 1 --name "install-taint-$name" --limit 300 \
		--initrd "$work/tree.cpio" --append "ferrio_try=${try// /,}" "$@" \
		>"$FERRIO_OUT/log/install-taint-$name.log" 2>&1 ||
		{ cat "$FERRIO_OUT/log/install-taint-$name.log"; return 1; }
	# In front of it the firmware has cleared its screen.
	tr -d '\r' <"$FERRIO_OUT/log/install-taint-$name.ktap" | sed '0,/job$/d'
}
# A list on the kernel's command line has no blanks.
# shellcheck disable=SC2016 # the guest's shell
sed -i 's/in \$ferrio_try/in $(echo $ferrio_try | tr , " ")/' "$tree/job"

version=$(cat VERSION)
oot='loading out-of-tree module taints kernel.'
bad='module verification failed: signature and/or required key missing - tainting kernel'

unsigned()
{
	differ "before: 0
unsigned ringbuffer: in, 12288 OE $version
unsigned file_loader: in, 12288 OE $version
unsigned iov_copy: in, 12288 OE $version
ringbuffer: $oot
ringbuffer: $bad" \
		"$(guest unsigned 'unsigned/ringbuffer unsigned/file_loader unsigned/iov_copy')"
}

stranger()
{
	differ "before: 0
stranger ringbuffer: in, 12288 OE $version
ringbuffer: $oot
ringbuffer: $bad" "$(guest stranger 'stranger/ringbuffer')"
}

# Bit 12 alone; what is signed and was changed then is refused by every kernel.
mine()
{
	differ "before: 0
mine ringbuffer: in, 4096 O $version
mine file_loader: in, 4096 O $version
spoilt iov_copy: Key was rejected by service, 4096
stranger iov_copy: in, 12288 OE $version
ringbuffer: $oot
iov_copy: $bad" "$(guest mine 'mine/ringbuffer mine/file_loader spoilt/iov_copy stranger/iov_copy' \
		--uefi "$work/vars.fd")"
}

# As with Secure Boot.
enforced()
{
	differ "before: 0
unsigned ringbuffer: Key was rejected by service, 0
stranger ringbuffer: Key was rejected by service, 0
mine ringbuffer: in, 4096 O $version
Loading of unsigned module is rejected
Loading of module with unavailable key is rejected
ringbuffer: $oot" "$(guest enforced 'unsigned/ringbuffer stranger/ringbuffer mine/ringbuffer' \
		--uefi "$work/vars.fd" --append module.sig_enforce=1)"
}

prepare()
{
	built || return
	cp "$mo"/*.ko "$tree/unsigned/"
	signed stranger && signed mine || return
	# Any one of its bytes.
	mkdir "$tree/spoilt"
	cp "$tree/mine/iov_copy.ko" "$tree/spoilt/"
	printf X | dd of="$tree/spoilt/iov_copy.ko" bs=1 seek=$(($(stat -c %s "$mo/iov_copy.ko") - 100)) \
		conv=notrunc status=none
	rm "$tree"/*/modules.order
	in_root virt-fw-vars -i /usr/share/OVMF/OVMF_VARS_4M.fd -o "$work/vars.fd" \
		--add-db f3a1c1a2-90d7-4c4e-8f51-6f2d1f6e7a10 "$work/mine.pem" || return
	"$here/initramfs.sh" pack "$tree" "$work/tree.cpio"
}

plan prepared unsigned stranger mine enforced
row prepared prepare
# The others ask for the files that it makes.
[ -e "$work/tree.cpio" ] || prepare >/dev/null 2>&1
for name in unsigned stranger mine enforced; do
	row $name $name
done
end_tests
