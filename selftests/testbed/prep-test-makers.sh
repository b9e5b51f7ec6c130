#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does check-kdir name what the maker of a kernel has, for trees in the shape of each
# distribution's (distro-trees.sh), whoever looks?  Prints KTAP.
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-ktap.sh
. "$FERRIO_BED/prep-ktap.sh"

tmp=$(mktemp -d /tmp/ferrio-makers.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
"$FERRIO_BED/distro-trees.sh" "$tmp" >"$tmp/list"

# What is looked at elsewhere, besides each tree at home.
elsewhere() {
	local maker host
	while read -r maker host; do
		echo "$maker-no-metadata-on-$host $host $maker no-metadata"
		echo "$maker-no-bindgen-on-$host $host $maker whole"
	done
}

# name host path [PATH], for one round in the build root.
mkdir "$tmp/said" "$tmp/bin"
for p in rustc gcc x86_64-linux-gnu-gcc-14; do ln -s "/usr/bin/$p" "$tmp/bin/"; done
while read -r maker defect path; do
	host=$maker
	[ "$maker" != own ] || host=debian
	echo "$maker-$defect $host $path /usr/bin:/bin"
done <"$tmp/list" >"$tmp/rounds"
while read -r name host maker defect; do
	path=$(awk -v m="$maker" -v d="$defect" '$1 == m && $2 == d { print $3 }' "$tmp/list")
	# There the tool is missing.
	case $name in *no-bindgen*) echo "$name $host $path $tmp/bin" ;;
	*) echo "$name $host $path /usr/bin:/bin" ;; esac
done >>"$tmp/rounds" < <(printf '%s\n' 'debian arch' 'ubuntu debian' 'arch fedora' 'nixos ubuntu' |
	elsewhere)
# shellcheck disable=SC2016 # expanded in the root
in_root bash -euc '
	while read -r name host path bin; do
		echo "ID=$host" >"$1/os"
		FERRIO_OS_RELEASE=$1/os FERRIO_CACHE= PATH=$bin \
			/usr/bin/python3 -B "$2" "$path" >"$1/said/$name" 2>&1 || true
	done <"$1/rounds"' bash "$tmp" "$FERRIO_BED/check-kdir.py"

rustc=$(in_root rustc --version)
number="rustc $(echo "$rustc" | cut -d ' ' -f 2)"
gcc=$(in_root gcc --version | head -n 1)
bindgen=$(in_root bindgen --version)
stock="run: make kdir, for a tree of Debian's backports kernel, with Rust"

# The one line of a tree; @ in what is wanted is the tree.
says() { # NAME LINE
	local path
	path=$(awk -v n="$1" '$1 == n { print $3 }' "$tmp/rounds")
	same "$1" "${2//@/$path}" "$(cat "$tmp/said/$1")"
}

off='check-kdir: the kernel is configured without Rust (CONFIG_RUST is off'
none='check-kdir: no Rust metadata: rust/libcore.rmeta, rust/libbindings.rmeta, rust/libkernel.rmeta missing'
other="check-kdir: rust/libkernel.rmeta was made by ${number%.*}.9${rustc#"$number"}, but the rustc here is $rustc"
bare='check-kdir: @ is not prepared: it has no scripts/mod/modpost'
headers="run: apt-get install linux-headers"
has="gcc ${gcc##* }, $bindgen, ${rustc%% (built *}"
rust=${number#rustc } rust=${rust%.*}

plan_tests 43
says debian-whole "ok: @: $KVER, x86_64-linux-gnu-gcc-14 ${gcc##* }${has#"gcc ${gcc##* }"}"
says debian-unprepared "$bare; $headers-$KVER, or $stock"
says debian-rust-off "$off); run: apt-get install -t $(supported_suites) linux-image-amd64 linux-headers-amd64, and boot that kernel"
says debian-no-metadata "$none; run: make kdir KVER=$KVER"
says debian-other-rustc "$other; run: make kdir KVER=$KVER"

release=7.3.0-12-generic
says ubuntu-whole "ok: @: $release, $has"
says ubuntu-unprepared "$bare; $headers-$release"
says ubuntu-rust-off "$off); boot a kernel of Ubuntu 24.10 or newer"
says ubuntu-no-metadata "$none; run: apt-get install linux-lib-rust-$release"
says ubuntu-other-rustc "$other; run: apt-get install rustc-$rust, and make with RUSTC=rustc-$rust"
says ubuntu-foreign-macros "check-kdir: foreign proc macro: rust/libzerocopy_derive.so is for another machine (ELF 21), this is $(uname -m); run: apt-get install linux-lib-rust-$release"

update='pacman -Syu linux linux-headers rust'
says arch-whole "ok: @: 7.3.4-arch1-1, $has"
says arch-unprepared "$bare; run: $update"
says arch-rust-off "$off); this build of linux is without; run: pacman -Syu linux linux-headers, and boot it if it has CONFIG_RUST=y in /proc/config.gz"
says arch-no-metadata "$none; run: $update"
says arch-other-rustc "$other; run: $update, and if rust is ahead of the kernel then, its version before from /var/cache/pacman/pkg"
says arch-lts "$none; run: pacman -Syu linux-lts linux-lts-headers rust"

release=7.3.4-200.fc44
source="Fedora's kernel-devel has no Rust metadata, a tree of the kernel's source has; run: dnf download --source kernel-$release (then as in Documentation/insmod.rst), or $stock"
says fedora-whole "ok: @: $release.x86_64, $has"
says fedora-unprepared "$bare; run: dnf install kernel-devel-$release.x86_64"
says fedora-rust-off "$off); build a kernel of your own with it, or $stock"
says fedora-no-metadata "$none; $source"
says fedora-other-rustc "$other; $source"

kernel="'<nixpkgs>' -A linuxPackages_7_3.kernel"
dev="nix-build $kernel.dev, and make with KDIR=result-dev/lib/modules/7.3.4/build"
says nixos-whole "ok: @: 7.3.4, $has"
says nixos-unprepared "$bare; run: $dev"
says nixos-rust-off "$off); choose a kernel of 6.12 or newer, which has Rust, in boot.kernelPackages"
says nixos-no-metadata "$none; run: $dev"
says nixos-other-rustc "$other; run: nix-shell $kernel, and make in it"

on='; run: make -C @ rustavailable, then set CONFIG_RUST by make -C @ menuconfig and build the kernel'
says own-whole "ok: @: $KVER, $has"
says own-unprepared "$bare; run: make -C @ prepare modules_prepare"
says own-rust-off "$off)$on"
says own-randstruct "$off, in its way: CONFIG_RANDSTRUCT)$on"
says own-modversions "$off, in its way: CONFIG_MODVERSIONS without CONFIG_GENDWARFKSYMS, no rustc or bindgen when it was configured)$on"
says own-lto "$off, in its way: CONFIG_LTO)$on"
says own-no-target "check-kdir: scripts/target.json is missing, which says for which machine rustc builds; run: make -C @ prepare rust/"
says own-inline-helpers "check-kdir: no Rust metadata: rust/helpers/helpers_module.bc missing; run: make -C @ prepare rust/"
says own-moved "check-kdir: its Makefile leads to /nowhere/linux/Makefile, which is not there: the tree or its source was moved; run, in the kernel's source: make O=@ prepare modules_prepare"
says own-other-release "check-kdir: the tree is for $KVER, not for 7.3.3-mine, which would refuse what is built in it; give the tree of a kernel in KDIR=, or $stock"

missing='check-kdir: bindgen is not installed'
version=${bindgen#bindgen }
says debian-no-bindgen-on-arch "$missing; run, on Debian: apt-get install bindgen"
says ubuntu-no-metadata-on-debian "$none; run, on Ubuntu: apt-get install linux-lib-rust-7.3.0-12-generic"
says ubuntu-no-bindgen-on-debian "$missing; run, on Ubuntu: apt-get install bindgen-${version%.*}, or bindgen where that is $version or newer"
says arch-no-metadata-on-fedora "$none; run, on Arch Linux: $update"
says arch-no-bindgen-on-fedora "$missing; run, on Arch Linux: pacman -S rust-bindgen"
says nixos-no-metadata-on-ubuntu "$none; run, on NixOS: $dev"
end_tests
