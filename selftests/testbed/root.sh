#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# root.sh - provide the Debian 13 tool chain
#
# On Debian 13 that is the host's; the script only says what is missing.
# Elsewhere it makes a build root in the cache.
set -eu
FERRIO_VERB=${FERRIO_VERB:-root}
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-lib.sh
. "$FERRIO_BED/prep-lib.sh"

read -ra packages <<<"$(packages)"
# Raise when make_base or add_packages change in what they produce.
recipe=1
want=$(hash_of "root $recipe" "${packages[@]}")

check_host() {
	local p missing=()
	for p in "${packages[@]}"; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null |
			grep -qx installed || missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] || die "packages are missing; run:
  sudo apt-get install --no-install-recommends ${missing[*]}"
}

# A source of the host that does not answer is no reason to stop: whether
# debootstrap can be had shows in the next line.
install_debootstrap() {
	apt-get update || true
	DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends debootstrap debian-archive-keyring
}

need_debootstrap() {
	if command -v debootstrap >/dev/null &&
		[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
		return
	fi
	command -v apt-get >/dev/null || die "debootstrap and the keyring of the Debian archive are missing; install them (Fedora: dnf install debootstrap debian-keyring; Arch: pacman -S debootstrap debian-archive-keyring), then run: $(again)"
	step "install debootstrap" install_debootstrap
}

# debootstrap mounts /proc inside what it makes; in a mount name space of its
# own nothing is left when it is interrupted.
make_base() {
	local new=$FERRIO_ROOT.tmp mirror
	rm -rf --one-file-system "$new"
	mkdir -p "$(dirname "$new")"
	mirror=$(host_mirror)
	unshare --mount --propagation private debootstrap --variant=minbase \
		--include=ca-certificates trixie "$new" ${mirror:+"$mirror"}
	# Whatever mirror it was, the backports are on the same.
	awk '$1 == "deb" {
		print "deb", $2, "trixie main"
		print "deb", $2, "trixie-backports main"; exit
	}' "$new/etc/apt/sources.list" >"$new/sources"
	grep -q backports "$new/sources"
	mv "$new/sources" "$new/etc/apt/sources.list"
	{
		echo 'APT::Install-Recommends "false";'
		echo 'APT::Sandbox::User "root";'
		echo 'Acquire::Retries "3";'
		echo 'Acquire::Languages "none";'
		host_proxy
	} >"$new/etc/apt/apt.conf.d/90ferrio"
	# No service is to start in the root.
	printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
	chmod +x "$new/usr/sbin/policy-rc.d"
	mv "$new" "$FERRIO_ROOT"
}

# The first two calls pick up what an interrupted run has left half done.
add_packages() {
	export DEBIAN_FRONTEND=noninteractive
	in_new_root "$FERRIO_ROOT" dpkg --configure -a
	in_new_root "$FERRIO_ROOT" apt-get -y --fix-broken install
	in_new_root "$FERRIO_ROOT" apt-get -y --no-install-recommends install \
		"${packages[@]}"
	in_new_root "$FERRIO_ROOT" apt-get clean
}

# What apt itself says it will fetch.
apt_need() {
	in_new_root "$FERRIO_ROOT" apt-get --assume-no \
		--no-install-recommends install "${packages[@]}" 2>/dev/null |
		sed -n 's/^Need to get/  apt: need to get/p' || true
}

if is_debian13; then
	check_host
	current "tool chain: the packages of this Debian 13 host"
	exit 0
fi
if is_current "$FERRIO_ROOT" "$want"; then
	current "Debian 13 build root"
	exit 0
fi
plan root
need_root "making the Debian 13 build root"
lock root
if is_current "$FERRIO_ROOT" "$want"; then exit 0; fi
need_debootstrap
# The directory appears by rename, so what is there has a whole base system.
[ -d "$FERRIO_ROOT" ] || step "Debian 13 base system" make_base
step "package lists" in_new_root "$FERRIO_ROOT" apt-get update
apt_need
step "tool chain, ${#packages[@]} packages" add_packages
stamp "$FERRIO_ROOT" "$want"
