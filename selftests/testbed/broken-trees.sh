#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# broken-trees.sh dir - make kernel build trees in dir, each with one defect
#
# A tree consists of links to the prepared tree of the stock kernel; only what
# is broken is a file of its own.  The names say what is wrong; "whole" is the
# one without a defect.
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"

[ $# = 1 ] || die "usage: broken-trees.sh dir"
[ -e "$STOCK_KDIR/rust/libkernel.rmeta" ] ||
	die "no build tree of the stock kernel to start from: run 'make kdir'"
mkdir -p "$1"
cd "$1"
real=$(readlink -f "$STOCK_KDIR")

# tree name: links to everything; rust/ and include/config/ can be changed.
tree() {
	rm -rf "$1"
	mkdir -p "$1/rust" "$1/include/config"
	ln -s "$real"/* "$1/" 2>/dev/null || true
	rm -f "$1/source"
	ln -s "$real"/rust/* "$1/rust/" 2>/dev/null || true
	ln -s "$real"/include/generated "$1/include/"
	cp "$real/include/config/auto.conf" \
		"$real/include/config/kernel.release" "$1/include/config/"
	echo "$1"
}

# own file: replace the link by a copy.
own() {
	cp --remove-destination "$(readlink -f "$1")" "$1"
}

tree whole

tree unprepared
rm unprepared/include/config/auto.conf

tree no-symvers
rm no-symvers/Module.symvers

tree rust-off
sed -i '/^CONFIG_RUST=/d' rust-off/include/config/auto.conf

# What Debian's header packages are like.
tree no-metadata
rm no-metadata/rust/*.rmeta

# The text has a length in front of it, so the other one is as long.
tree other-rustc
own other-rustc/rust/libkernel.rmeta
sed -i 's/rustc 1\.\([0-9]*\)\.\([0-9]\)/rustc 1.\1.9/' \
	other-rustc/rust/libkernel.rmeta

tree other-config
sed -i 's/^\(CONFIG_RUSTC_VERSION_TEXT="*rustc \)[0-9.]*/\11.80.0/' \
	other-config/include/config/auto.conf

tree no-macros
rm no-macros/rust/libmacros.so

# e_machine, at offset 18, becomes 21: 64-bit PowerPC.
tree foreign-macros
own foreign-macros/rust/libmacros.so
printf '\025\000' | dd of=foreign-macros/rust/libmacros.so bs=1 seek=18 \
	conv=notrunc status=none

# What a tree from a distribution with another C library is like.
tree unloadable-macros
own unloadable-macros/rust/libmacros.so
sed -i 's/libgcc_s\.so\.1/libgcc_x.so.1/g' unloadable-macros/rust/libmacros.so

tree missing-compiler
sed -i -e 's/^CONFIG_CC_IS_GCC=y/CONFIG_CC_IS_CLANG=y/' \
	-e 's/^CONFIG_CC_VERSION_TEXT=.*/CONFIG_CC_VERSION_TEXT="clang version 99.1.0"/' \
	-e 's/^CONFIG_CLANG_VERSION=.*/CONFIG_CLANG_VERSION=990100/' \
	missing-compiler/include/config/auto.conf

tree other-compiler
sed -i -e 's/^CONFIG_CC_VERSION_TEXT=.*/CONFIG_CC_VERSION_TEXT="gcc (GCC) 9.1.0"/' \
	-e 's/^CONFIG_GCC_VERSION=.*/CONFIG_GCC_VERSION=90100/' \
	other-compiler/include/config/auto.conf

# Of another build of the same kernel by the same rustc.
tree damaged-metadata
own damaged-metadata/rust/libbindings.rmeta
truncate -s -4096 damaged-metadata/rust/libbindings.rmeta
