#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-newcomer.sh: a fresh Debian 13, our packages by apt, the modules by DKMS, and
# in a guest with Debian's kernel what README.md has a newcomer do; another kernel, for
# which they are built by themselves; and nothing is left when they are purged.
# Prints KTAP; what the newcomer saw is in out/log/newcomer.console.
#
# shellcheck disable=SC2317 # functions are called by their name
set -u

here=$(cd "$(dirname "$0")" && pwd)
FERRIO_VERB=${FERRIO_VERB:-check-install}
export FERRIO_VERB
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-lib.sh
. "$here/prep-lib.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP" || exit 1
# shellcheck source=install-lib.sh
. "$here/install-lib.sh"
may_work

version=$(cat VERSION)
new=$FERRIO_OUT/newcomer
tree=$FERRIO_OUT/guest/newcomer
console=$FERRIO_OUT/log/newcomer.console
debs=(ferrio-dkms_"$version"_all.deb ferrio-dev_"$version"_all.deb
	ferrio-tools_"$version"_amd64.deb)
# Another kernel of the same version, which the archive has beside it.
other=${KVER%-amd64}-cloud-amd64
# The guest has an initramfs of ours; that of each kernel would take minutes.
export DEBIAN_FRONTEND=noninteractive INITRD=No

inside() # COMMAND...
{
	in_new_root "$new" "$@" 2>&1
}

# A directory of the newcomer's own, from which files are named as README.md does it.
typed() # COMMAND
{
	echo "# $1" >>"$console"
	in_new_root "$new" sh -c "cd /root && $1" 2>&1
}

# Of apt and dpkg are what they know and have done; ldconfig's and python's are made anew.
files()
{
	(cd "$new" && find . -xdev \( -path ./var/lib/apt -o -path ./var/lib/dpkg \
		-o -path ./var/log -o -path ./var/cache/apt -o -path ./tmp -o -path ./proc \
		-o -path ./sys -o -path ./dev -o -path ./run \) -prune -o -printf '%y %P\n') |
		LC_ALL=C sort
}

fresh()
{
	rm -rf --one-file-system "$new"
	mkdir -p "$new"
	in_root -C "$new" tar --numeric-owner -xf "$FERRIO_CACHE/install/base.tar.zst" || return
	differ trixie "$(sed -n 's/^VERSION_CODENAME=//p' "$new/etc/os-release")" || return
	# shellcheck disable=SC2016 # dpkg's own format
	differ '' "$(inside dpkg-query -W -f '${Package}\n' |
		grep -xE 'ferrio.*|dkms|rustc.*|bindgen|linux-source.*')" || return
	cp "${debs[@]/#/out/deb/}" "$new/root/" || return
	files >"$FERRIO_OUT/newcomer.before"
}

# The line that README.md has.  An archive that has moved on since the base was made is
# asked anew.
apt_installs()
{
	local all="apt install -y ${debs[*]/#/./}"
	: >"$console"
	typed "$all" >"$FERRIO_OUT/log/newcomer.apt" || {
		grep -q 'E: Failed to fetch\|E: Unable to fetch' "$FERRIO_OUT/log/newcomer.apt" &&
		inside apt-get update && inside sh -c "cd /root && $all" \
			>"$FERRIO_OUT/log/newcomer.apt"
	} || { tail -n 60 "$FERRIO_OUT/log/newcomer.apt"; return 1; }
	# What apt does behind it has another order each time.
	sed -n '/^Setting up ferrio-dkms/,/^Running depmod/p' "$FERRIO_OUT/log/newcomer.apt" |
		tr -d '\r' | sed '/^$/d' >>"$console"
}

dkms_status()
{
	differ "ferrio/$version, $KVER, x86_64: installed" "$(inside dkms status)"
}

built() # RELEASE
{
	local name module
	for name in file_loader iov_copy ringbuffer; do
		module=/lib/modules/$1/updates/dkms/$name.ko.xz
		differ "$version $1 SMP preempt mod_unload " \
			"$(inside modinfo -F version "$module") $(inside modinfo -F vermagic "$module")" ||
			return
	done
	# modprobe knows them by their names.
	differ "/lib/modules/$1/updates/dkms/ringbuffer.ko.xz" \
		"$(inside modinfo -k "$1" -F filename ringbuffer)"
}

group()
{
	inside getent group ferrio | grep -E '^ferrio:x:[0-9]+:$' || return
	typed 'usermod -aG ferrio alice'
}

# By what the packages brought, and as the user that README.md has.
program()
{
	echo "$ cc \$(pkg-config --cflags ferrio) -o hello /usr/share/doc/ferrio-dev/examples/hello.c" \
		>>"$console"
	# shellcheck disable=SC2016 # the newcomer's shell
	differ '' "$(inside runuser -l alice -c \
		'cc $(pkg-config --cflags ferrio) -o hello /usr/share/doc/ferrio-dev/examples/hello.c')"
}

# All but what only builds; Debian's own modules stay behind, as ours need none.
packed()
{
	rm -rf --one-file-system "$tree"
	mkdir -p "$tree/debian"
	install -m 755 "$here/guest-newcomer" "$tree/job"
	tar -C "$new" --one-file-system -cf - --exclude=./usr/src --exclude=./boot \
		--exclude='./usr/lib/llvm*' --exclude='*/libLLVM*' --exclude=./usr/lib/rustlib \
		--exclude='*/librustc_driver*' --exclude=./usr/lib/gcc --exclude=./usr/libexec/gcc \
		--exclude='*/libclang*' --exclude=./usr/share/doc --exclude=./usr/share/man \
		--exclude=./usr/share/locale --exclude=./var/cache --exclude=./var/lib/apt \
		--exclude=./var/lib/dpkg --exclude=./var/lib/dkms --exclude='./usr/lib/modules/*/kernel' \
		--exclude='*.a' --exclude=./root/*.deb --exclude='./usr/bin/x86_64-linux-gnu-*' \
		--exclude="./${FERRIO_CACHE#/}" --exclude="./${FERRIO_TOP#/}" . |
		tar -C "$tree/debian" -xf - || return
	"$here/initramfs.sh" pack "$tree" "$tree.cpio"
	rm -rf --one-file-system "$tree"
}

guest()
{
	packed || return
	"$here/qemu.sh" --kernel "$new/boot/vmlinuz-$KVER" --initrd "$tree.cpio" \
		--name newcomer-guest --cpus 2 --mem 3072 --limit 600 || return
	sed -n 's/^| //p' "$seen" | tr -d '\r' >>"$console"
}
seen=$FERRIO_OUT/log/newcomer-guest.ktap

fact() # NAME
{
	sed -n "s/^= $1 //p" "$seen" | tr -d '\r'
}

told() # NAME TEXT
{
	differ "$2" "$(fact "$1")"
}

said() # COMMAND: what came of it
{
	tr -d '\r' <"$seen" | awk -v head="| \$ $1" '
		$0 == head { on = 1; next } /^\| [$#] / || !/^\| / { on = 0 } on { print substr($0, 3) }'
}

status()
{
	local name
	told status 0 || return
	for name in ringbuffer file_loader iov_copy; do
		said 'ferrio status' | grep -w "$name" | grep -F "$version" || return
	done
}

versions()
{
	told version "$version
$version
$version"
}

another_kernel()
{
	inside apt-get install -y -t trixie-backports "linux-image-$other" "linux-headers-$other" \
		>"$FERRIO_OUT/log/newcomer.upgrade" || {
		tail -n 60 "$FERRIO_OUT/log/newcomer.upgrade"
		return 1
	}
	differ "ferrio/$version, $other, x86_64: installed
ferrio/$version, $KVER, x86_64: installed" "$(inside dkms status | LC_ALL=C sort -r)" &&
		built "$other"
}

# The kernel that goes takes its modules, and the tree they were built in, with it.  What
# came along, as a compiler, is Debian's, and of autoremove.
purged()
{
	inside dpkg -L ferrio-dkms ferrio-dev ferrio-tools | sed -n 's|^/||p' |
		LC_ALL=C sort -u >"$work/packaged"
	if ! inside apt-get purge -y ferrio-dkms ferrio-dev ferrio-tools "linux-image-$other" \
		"linux-headers-$other" >"$FERRIO_OUT/log/newcomer.purge"; then
		tail -n 60 "$FERRIO_OUT/log/newcomer.purge"
		return 1
	fi
	[ -s "$work/packaged" ] || { echo 'the packages had no files'; return 1; }
	differ '' "$(files | LC_ALL=C comm -13 "$FERRIO_OUT/newcomer.before" - | sed 's/^. //' >"$work/new"
		grep -E "ferrio|ringbuffer|file_loader|iov_copy|/updates|$other" "$work/new" | grep -v ^root/
		LC_ALL=C comm -12 "$work/packaged" <(LC_ALL=C sort "$work/new") | while read -r file; do
			[ -d "$new/$file" ] || echo "$file"
		done)"
}

# What differs from one machine, one kernel and one run to the other; DKMS draws dots
# for as long as something takes.
plain()
{
	sed -E 's/[0-9]+\.[0-9]+\.[0-9]+\+deb13/KERNEL/g; s/\.{3,}.*/.../
		s/[A-Z][a-z]{2} +[0-9]+ [0-9:]{5}/DATE/; s/[0-9]+, +[0-9]+ DATE/NUMBERS DATE/; s/10:[0-9]+ +/10:N /
		s/^[0-9]+ processes of/N processes of/; s/[[:space:]]+$//'
}

readme()
{
	awk '/^```console$/ && !n { n = 1; next } /^```$/ { n += n == 1 } n == 1' README.md
}

as_in_readme()
{
	differ "$(readme | plain)" "$(plain <"$console")"
}

plan fresh apt_installs dkms_status modules group program guest versions devices member \
	stranger strangers_ring hello status removed log another_kernel purged as_in_readme
# Another run would fetch into the same place.
lock newcomer >&2
"$here/install-base.sh" >&2 || exit 1
dist/deb.sh >&2 || exit 1
row fresh fresh
row apt_installs apt_installs
row dkms_status dkms_status
row modules built "$KVER"
row group group
row program program
row guest guest
row versions versions
row devices told devices 'crw-rw-rw- root:root /dev/ringbuffer
crw-rw---- root:ferrio /dev/file_loader
crw-rw---- root:ferrio /dev/iov_copy'
row member told member opened
row stranger told stranger '-bash: line 1: /dev/iov_copy: Permission denied'
row strangers_ring told strangers_ring 'hello from the other process'
row hello differ 'hello from the other process' "$(said ./hello)"
row status status
row removed told gone none
# Signed by DKMS with a key that the guest's kernel does not know.
row log told log 'ringbuffer: loading out-of-tree module taints kernel.
ringbuffer: module verification failed: signature and/or required key missing - tainting kernel'
row another_kernel another_kernel
row purged purged
row as_in_readme as_in_readme
end_tests
