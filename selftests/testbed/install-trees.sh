#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-trees.sh SHAPE DIR - a kernel's headers in DIR, in the shape that a
# distribution gives them
#
#   debian   a directory of the flavour that includes the Makefile of a common one,
#            scripts elsewhere, nothing of Rust
#   arch     one directory, which is source and build tree, with rust/
#   ubuntu   links into a common directory, and rust, into one of a package of its own
#   bare     as arch, without rust/
#
# What they have is that of the stock kernel: its header packages, and for Rust the tree
# of make kdir.  The tree is $DIR/build; files are links, so that it takes a second.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"

shape=$1 dir=$2
src=$STOCK_PKG/usr/src
flavour=$src/linux-headers-$KVER
common=$(sed -n 's|^include /usr/src/\(.*\)/Makefile|\1|p' "$flavour/Makefile")
kbuild=$(readlink -f "$flavour/scripts")
kbuild=${kbuild%/scripts}

links() # FROM TO
{
	mkdir -p "$2"
	cp -rsf "$1"/. "$2/"
}

rust() # TO
{
	mkdir -p "$1"
	ln -s "$STOCK_KDIR"/rust/*.rmeta "$STOCK_KDIR"/rust/*.so "$1/"
}

target() # TREE
{
	ln -s "$STOCK_KDIR/scripts/target.json" "$1/scripts/"
}

# All in one: the flavour's files in front of the common ones.
one() # TREE
{
	links "$src/$common" "$1"
	rm -rf "$1"/scripts "$1"/tools
	links "$src/$common/scripts" "$1/scripts"
	links "$kbuild/scripts" "$1/scripts"
	links "$kbuild/tools" "$1/tools"
	links "$flavour/include" "$1/include"
	links "$flavour/arch" "$1/arch"
	ln -sf "$flavour"/{.config,Module.symvers,vmlinux} "$1/"
}

mkdir -p "$dir"
case $shape in
debian)
	links "$src/$common" "$dir/$common"
	rm -rf "$dir/$common"/{scripts,tools}
	links "$src/$common/scripts" "$dir/$common/scripts"
	links "$kbuild/scripts" "$dir/$common/scripts"
	links "$kbuild/tools" "$dir/$common/tools"
	links "$flavour/include" "$dir/build/include"
	links "$flavour/arch" "$dir/build/arch"
	ln -s "$kbuild/scripts" "$kbuild/tools" "$dir/build/"
	cp "$flavour"/{.config,.kernelvariables,Module.symvers} "$dir/build/"
	ln -s "$flavour/vmlinux" "$dir/build/"
	printf 'KBUILD_OUTPUT=%s\ninclude %s/Makefile\n' "$dir/build" "$dir/$common" \
		>"$dir/build/Makefile"
	;;
arch)
	one "$dir/build"
	rust "$dir/build/rust"
	target "$dir/build"
	;;
bare)
	one "$dir/build"
	;;
ubuntu)
	one "$dir/common"
	mkdir -p "$dir/build" "$dir/lib-rust"
	rust "$dir/lib-rust/rust"
	for name in "$dir"/common/*; do ln -s "../common/${name##*/}" "$dir/build/"; done
	cp "$flavour/.config" "$dir/build/"
	# What the build writes or reads by its own place is the flavour's.
	rm "$dir/build/scripts" "$dir/build/include"
	links "$dir/common/scripts" "$dir/build/scripts"
	links "$dir/common/include" "$dir/build/include"
	target "$dir/build"
	ln -s ../lib-rust/rust "$dir/build/rust"
	;;
*)
	die "$shape: no such shape"
	;;
esac
