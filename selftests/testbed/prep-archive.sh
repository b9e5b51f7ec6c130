#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# prep-archive.sh dir release... - a made-up archive of kernel packages
#
# For the tests of fetch.sh and kdir.sh: packages with the names and the
# layout of Debian's, a few bytes each, as an archive that apt reads from
# dir/archive when APT_CONFIG=dir/apt.conf.  The source is a Makefile that
# notes in count how often it was called.  A release that ends in "-" has no
# source package.
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"

dir=$1
shift
suite=$(supported_suites | head -n 1)
index=$dir/archive/dists/$suite/main/binary-$FERRIO_ARCH
mkdir -p "$index" "$dir/apt/lists/partial" "$dir/apt/cache"
cat >"$dir/apt.conf" <<END
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$dir/apt/lists";
Dir::Cache "$dir/apt/cache";
APT::Sandbox::User "root";
END
echo "deb [trusted=yes] file:$dir/archive $suite main" >"$dir/sources.list"

# package name version tree arch
package() {
	local deb=$dir/archive/$1_$2_$4.deb
	mkdir -p "$3/DEBIAN" "$3/usr/share/doc/$1"
	printf '%s\n' "Package: $1" "Version: $2" "Architecture: $4" \
		"Maintainer: nobody <nobody@localhost>" \
		"Description: made up" >"$3/DEBIAN/control"
	in_root -C / dpkg-deb --root-owner-group -Znone -b "$3" "$deb"
	{
		sed '$d' "$3/DEBIAN/control"
		printf '%s\n' "Filename: ./${deb##*/}" \
			"Size: $(stat -c %s "$deb")" \
			"SHA256: $(sha256sum "$deb" | cut -d ' ' -f 1)" \
			"Description: made up" ''
	} >>"$index/Packages"
	rm -rf "$3"
}

# The kernel source: what kdir.sh asks of it, and nothing else.
source_tree() {
	mkdir -p "$1"
	cat >"$1/Makefile" <<'END'
olddefconfig:
	@echo config >>$(O)/../count
	@if [ -n "$$FAKE_RUSTC" ]; then \
		sed -i 's/rustc 1/rustc 2/' $(O)/.config; fi
	@if [ -n "$$FAKE_OPTION" ]; then echo "$$FAKE_OPTION" >>$(O)/.config; fi
prepare modules_prepare:
	@echo $@ >>$(O)/../count
	@if [ "$$FAKE_HANG" = $@ ]; then touch $(O)/../hangs; sleep 60; fi
	@[ "$$FAKE_FAIL" != $@ ] || { echo "made to fail"; exit 1; }
	@mkdir -p $(O)/rust
	@echo "EXPORT_SYMBOL_RUST_GPL(_R$${FAKE_SYMBOL:-good});" \
		>$(O)/rust/exports_kernel_generated.h
END
}

: >"$index/Packages"
in_root -C "$dir" sh -c 'gcc -c -x c -o empty.ko /dev/null && xz -f empty.ko'
for release; do
	whole=y
	case $release in
	*-)
		whole=
		release=${release%-}
		;;
	esac
	series=$(series_of "$release")
	abi=${release%-"$FERRIO_ARCH"}
	version=${abi%%+*}-1
	t=$dir/tree
	h=$t/usr/src/linux-headers-$release
	mkdir -p "$h"
	printf '%s\n' 'CONFIG_RUSTC_VERSION_TEXT="rustc 1"' \
		'CONFIG_GCC_VERSION=1' 'CONFIG_MODULE_SIG_ALL=y' >"$h/.config"
	printf '0x0\t_Rgood\tvmlinux\tEXPORT_SYMBOL_GPL\t\n' >"$h/Module.symvers"
	echo btf >"$h/vmlinux"
	package "linux-headers-$release" "$version" "$t" "$FERRIO_ARCH"
	package "linux-headers-$abi-common" "$version" "$t" all
	package "linux-kbuild-$abi" "$version" "$t" "$FERRIO_ARCH"
	mkdir -p "$t/usr/lib/modules/$release"
	echo "image $release" >"$t/usr/lib/modules/$release/vmlinuz"
	package "linux-binary-$release" "$version" "$t" "$FERRIO_ARCH"
	sed 's/#.*//; /^$/d' "$FERRIO_BED/stock-modules" | while read -r module; do
		mkdir -p "$t/usr/lib/modules/$release/${module%/*}"
		cp "$dir/empty.ko.xz" "$t/usr/lib/modules/$release/$module.xz"
	done
	package "linux-modules-$release" "$version" "$t" "$FERRIO_ARCH"
	[ -n "$whole" ] || continue
	source_tree "$dir/linux-source-$series"
	mkdir -p "$t/usr/src"
	in_root -C "$dir" tar -cJf "$t/usr/src/linux-source-$series.tar.xz" \
		"linux-source-$series"
	rm -rf "$dir/linux-source-$series"
	package "linux-source-$series" "$version" "$t" all
done >/dev/null
in_root -C / env APT_CONFIG="$dir/apt.conf" apt-get -q update >/dev/null
