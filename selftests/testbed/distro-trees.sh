#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# distro-trees.sh dir - kernel build trees in dir, as distributions make them, each
# with one defect
#
# They are links to parts of the stock kernel's; release, configuration and who compiled
# it are what each distribution writes there.  A tree is dir/MAKER/DEFECT/..., with the path
# in it that a package would give it; "whole" has no defect.  Prints "MAKER DEFECT path" of each.
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"

[ $# = 1 ] || die "usage: distro-trees.sh dir"
[ -e "$STOCK_KDIR/rust/libkernel.rmeta" ] ||
	die "no build tree of the stock kernel to start from: run 'make kdir'"
mkdir -p "$1"
cd "$1"
top=$PWD

src=$STOCK_PKG/usr/src
flavour=$src/linux-headers-$KVER
common=$(sed -n 's|^include /usr/src/\(.*\)/Makefile|\1|p' "$flavour/Makefile")
kbuild=$(readlink -f "$flavour/scripts")

# identity maker release path: the distribution's kernel, and where its tree lies.
identity() {
	mkdir -p "$1"
	release=$2 path=$3
}

# tree maker defect by host: what says who made it is its own, all else are links.
tree() {
	kdir=$top/$1/$2/$path
	mkdir -p "$kdir/include/config" "$kdir/include/generated" "$kdir/rust" "$kdir/scripts/mod"
	ln -s "$src/$common/Makefile" "$flavour/Module.symvers" "$flavour/arch" "$kdir/"
	ln -s "$src/$common/include"/* "$flavour/include"/* "$kdir/include/" 2>/dev/null || true
	ln -s "$flavour/include/generated"/* "$kdir/include/generated/"
	ln -s "$kbuild/mod/modpost" "$kdir/scripts/mod/"
	ln -s "$STOCK_KDIR/scripts/target.json" "$kdir/scripts/"
	ln -s "$STOCK_KDIR"/rust/*.rmeta "$STOCK_KDIR"/rust/*.so "$kdir/rust/"
	for file in compile.h package.h; do own "include/generated/$file"; done
	cp "$flavour/include/config/auto.conf" "$kdir/include/config/"
	echo "$release" | write include/config/kernel.release
	sed -i "s/Debian [^ \"]*/$1/" "$kdir/include/generated/package.h"
	sed -i -e "s/\"debian-kernel\"/\"$3\"/" -e "s/\"lists.debian.org\"/\"$4\"/" \
		"$kdir/include/generated/compile.h"
	echo "$1 $2 $kdir"
}

# own file: a copy in place of the link.
own() {
	cp --remove-destination "$(readlink -f "$kdir/$1")" "$kdir/$1"
}

# write file: standard input in place of the link, never through it: what it leads to is
# the cache's.
write() {
	rm -f "$kdir/$1"
	cat >"$kdir/$1"
}

config() { # OPTION VALUE
	sed -i "/^$1=/d" "$kdir/include/config/auto.conf"
	[ -z "$2" ] || echo "$1=$2" >>"$kdir/include/config/auto.conf"
}

# What each maker's trees can lack; extra is what its own are like besides.
# shellcheck disable=SC2317 # called by defects
extra() { :; }
defects() { # MAKER BY HOST
	local maker=$1
	shift
	tree "$maker" whole "$@"
	extra
	tree "$maker" unprepared "$@"
	extra
	rm "$kdir/scripts/mod/modpost"
	tree "$maker" rust-off "$@"
	extra
	config CONFIG_RUST ''
	tree "$maker" no-metadata "$@"
	extra
	rm -f "$kdir"/rust/*
	tree "$maker" other-rustc "$@"
	extra
	own rust/libkernel.rmeta
	sed -i 's/rustc 1\.\([0-9]*\)\.\([0-9]\)/rustc 1.\1.9/' "$kdir/rust/libkernel.rmeta"
	# e_machine 21 is 64-bit PowerPC.
	[ "$maker" = ubuntu ] || return 0
	tree "$maker" foreign-macros "$@"
	extra
	own rust/libzerocopy_derive.so
	printf '\025\000' | dd of="$kdir/rust/libzerocopy_derive.so" bs=1 seek=18 \
		conv=notrunc status=none
}

# Two packages, the Makefile of one leads to the other; with what they lack, or each would be
# the tree without metadata.
identity debian "$KVER" "usr/src/linux-headers-$KVER"
extra() {
	ln -s "$flavour/.kernelvariables" "$kdir/"
	printf 'KBUILD_OUTPUT=%s\ninclude %s/Makefile\n' "$kdir" "$src/$common" | write Makefile
}
defects debian debian-kernel lists.debian.org

# What is of Rust is a package of its own.
extra() {
	config CONFIG_VERSION_SIGNATURE '"Ubuntu 7.3.0-12.12-generic 7.3.4"'
	mkdir -p "${kdir%/*}/linux-lib-rust"
	mv "$kdir/rust" "${kdir%/*}/linux-lib-rust/"
	ln -s ../linux-lib-rust/rust "$kdir/"
}
identity ubuntu 7.3.0-12-generic usr/src/linux-headers-7.3.0-12-generic
defects ubuntu buildd lcy02-amd64-001
extra() { :; }

identity arch 7.3.4-arch1-1 usr/lib/modules/7.3.4-arch1-1/build
defects arch linux archlinux
release=7.3.4-1-lts path=usr/lib/modules/7.3.4-1-lts/build
tree arch lts linux archlinux
rm -f "$kdir"/rust/*

identity fedora 7.3.4-200.fc44.x86_64 usr/src/kernels/7.3.4-200.fc44.x86_64
defects fedora mockbuild buildvm

# Nothing in the release tells of NixOS.
identity nixos 7.3.4 nix/store/0123-linux-7.3.4-dev/lib/modules/7.3.4/build
defects nixos nixbld localhost

# A whole source is somebody's own, whatever it is called.
identity own "$KVER" linux
extra() {
	mkdir -p "$kdir/init"
	write init/main.c </dev/null
}
defects own me here
tree own randstruct me here
extra
config CONFIG_RUST ''
config CONFIG_RANDSTRUCT y
tree own modversions me here
extra
config CONFIG_RUST ''
config CONFIG_MODVERSIONS y
config CONFIG_GENDWARFKSYMS ''
config CONFIG_RUST_IS_AVAILABLE ''
tree own lto me here
extra
config CONFIG_RUST ''
config CONFIG_LTO y
tree own no-target me here
extra
rm "$kdir/scripts/target.json"
tree own inline-helpers me here
extra
config CONFIG_RUST_INLINE_HELPERS y
tree own moved me here
extra
printf 'export KBUILD_OUTPUT = %s\ninclude /nowhere/linux/Makefile\n' "$kdir" | write Makefile
path=lib/modules/7.3.3-mine/build
tree own other-release me here
extra
