#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-base.sh - a fresh Debian 13 with the kernel of backports and its headers, as
# somebody has it who is about to install ferrio: install/base.tar.zst of the cache
#
# Packages that are fetched into it, or into what is unpacked from it, are kept in
# install/apt, so that it and its tests need the archive once.
set -eu
FERRIO_VERB=${FERRIO_VERB:-check-install}
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-lib.sh
. "$FERRIO_BED/prep-lib.sh"

[ -n "$KPKGVER" ] || die "which kernel it gets is chosen by 'make kdir': run that first"
dir=$FERRIO_CACHE/install
new=$dir/base.tmp
# Raise when make_base changes in what it produces.
recipe=2
want=$(hash_of "base $recipe" "$KVER" "$KPKGVER")

mirror() {
	local found
	found=$(host_mirror)
	[ -n "$found" ] || found=$(awk '$1 == "deb" { print $2; exit }' \
		"$FERRIO_ROOT/etc/apt/sources.list")
	echo "$found"
}

# The backports keep the newest kernel alone.
same_kernel() {
	local offered
	offered=$(in_new_root "$new" apt-cache madison linux-image-amd64 |
		awk -F '|' '/backports/ { gsub(/ /, "", $2); print $2; exit }')
	[ "$offered" = "$KPKGVER" ] || {
		echo "the backports have the kernel $offered now, that of the test bed is $KPKGVER: KVER=latest make kdir takes the new one"
		return 1
	}
}

make_base() {
	local place
	place=$(mirror)
	rm -rf --one-file-system "$new"
	mkdir -p "$dir/apt/partial"
	in_root -C / mmdebstrap --variant=debootstrap --mode=root --format=directory \
		trixie "$new" "deb $place trixie main" "deb $place trixie-backports main"
	{
		echo "Dir::Cache::archives \"$dir/apt\";"
		echo 'APT::Keep-Downloaded-Packages "true";'
		echo 'APT::Sandbox::User "root";'
		echo 'Acquire::Retries "3";'
		echo 'Acquire::Languages "none";'
		host_proxy
	} >"$new/etc/apt/apt.conf.d/90ferrio"
	# No service is to start in the root.
	printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
	chmod +x "$new/usr/sbin/policy-rc.d"
	# Guests have an initramfs of ours; that of the kernel would take minutes.
	export DEBIAN_FRONTEND=noninteractive INITRD=No
	in_new_root "$new" apt-get update
	same_kernel
	# Not -t, which would take libraries from there, too, whose headers then are others
	# than those that apt takes for ferrio-dkms: Documentation/packages.rst.
	in_new_root "$new" apt-get -y install linux-image-amd64/trixie-backports \
		linux-headers-amd64/trixie-backports
	in_new_root "$new" useradd -m -s /bin/bash alice
	in_new_root "$new" useradd -m -s /bin/bash bob
	in_root -C "$new" tar --zstd --one-file-system -cf "$dir/base.tar.zst.part" .
	mv "$dir/base.tar.zst.part" "$dir/base.tar.zst"
	rm -rf --one-file-system "$new"
}

if is_current "$dir" "$want" && [ -e "$dir/base.tar.zst" ]; then
	current "fresh Debian 13 with the kernel $KVER"
	exit 0
fi
need_root "making a fresh Debian 13"
lock install
step "fresh Debian 13 with the kernel $KVER" make_base
stamp "$dir" "$want"
