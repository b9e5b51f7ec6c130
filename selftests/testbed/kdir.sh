#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kdir.sh - prepare the build tree of the stock kernel
#
# Debian's kernel has Rust, but its header packages leave out what rustc needs
# to build against it.  The same source, configuration and tools make it anew.
# That they are the same is looked at twice: no option may come out otherwise,
# and each exported Rust symbol, whose mangled name contains a hash of the
# crate's name and of the version of rustc, has to be one of the kernel's.
set -eu
FERRIO_VERB=${FERRIO_VERB:-kdir}
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-lib.sh
. "$FERRIO_BED/prep-lib.sh"

# Raise when the steps below change in what they produce.
recipe=1

# The variables of our own make command line are not for the kernel's.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

inputs() {
	hash_of "kdir $recipe" "$KVER" "$KPKGVER" "$(in_root -C / sh -c \
		'rustc -V; bindgen --version; gcc --version; ld --version' |
		grep -iE 'rustc|bindgen|gcc|GNU ld')"
}

headers() {
	echo "$STOCK_PKG/usr/src/linux-headers-$KVER"
}

kmake() {
	in_root make -C "$KSRC" O="$STOCK_KDIR" KERNELRELEASE="$KVER" \
		-j"$(nproc)" "$@"
}

changed='MODULE_SIG_KEY|MODULE_SIG_ALL'
versions='(CC|RUSTC|BINDGEN)_VERSION_TEXT|[A-Z]+_VERSION|RUSTC_LLVM_[A-Z_]*VERSION|PAHOLE_HAS_[A-Z_]+'

# The key that signs Debian's modules is Debian's; ours stay unsigned.
configure() {
	rm -rf "${STOCK_KDIR:?}"
	mkdir -p "$STOCK_KDIR"
	sed -e 's/^CONFIG_MODULE_SIG_KEY=.*/CONFIG_MODULE_SIG_KEY=""/' \
		-e 's/^CONFIG_MODULE_SIG_ALL=y/# CONFIG_MODULE_SIG_ALL is not set/' \
		"$(headers)/.config" >"$STOCK_KDIR/.config"
	kmake olddefconfig
	same_options
	same_tool CONFIG_RUSTC_VERSION_TEXT
	same_tool CONFIG_GCC_VERSION
	echo "$want" >"$STOCK_KDIR/.ferrio-inputs"
}

# The options in which the configurations differ, less those changed above and
# those that only tell the names and versions of tools.
same_options() {
	local others
	others=$(diff "$(headers)/.config" "$STOCK_KDIR/.config" |
		grep -oE '^[<>] (# )?CONFIG_[A-Za-z0-9_]+' | grep -oE 'CONFIG.*' |
		sort -u | grep -vxE "CONFIG_($changed|$versions)" || true)
	if [ -n "$others" ]; then
		diff "$(headers)/.config" "$STOCK_KDIR/.config" || true
		echo "these options came out otherwise than in the kernel: $(echo "$others" | xargs)"
		return 1
	fi
}

same_tool() {
	local theirs ours
	theirs=$(grep "^$1=" "$(headers)/.config")
	ours=$(grep "^$1=" "$STOCK_KDIR/.config" || echo "$1 is not set")
	if [ "$theirs" != "$ours" ]; then
		echo "the kernel was built with $theirs, here it is $ours"
		return 1
	fi
}

# vmlinux is the type information of the kernel (BTF), for modules to refer to.
exports() {
	cp "$(headers)/Module.symvers" "$STOCK_KDIR/"
	cp "$(headers)/vmlinux" "$STOCK_KDIR/"
	sed -n 's/^EXPORT_SYMBOL_RUST_GPL(\(.*\));$/\1/p' \
		"$STOCK_KDIR"/rust/exports_*_generated.h |
		sort -u >"$STOCK_KDIR/.ferrio-symbols"
	[ -s "$STOCK_KDIR/.ferrio-symbols" ] || {
		echo "the tree exports no Rust symbol"
		return 1
	}
	awk '$3 == "vmlinux" { print $2 }' "$STOCK_KDIR/Module.symvers" |
		sort -u | comm -23 "$STOCK_KDIR/.ferrio-symbols" - \
		>"$STOCK_KDIR/.ferrio-strange"
	if [ -s "$STOCK_KDIR/.ferrio-strange" ]; then
		cat "$STOCK_KDIR/.ferrio-strange"
		echo "these Rust symbols of the tree are not in the kernel: the tree was built by other tools than the kernel"
		return 1
	fi
	wc -l <"$STOCK_KDIR/.ferrio-symbols"
}

# What is still to do, as far as can be known without the tools.
check_kver
parts=()
is_debian13 || [ -e "$FERRIO_ROOT/.ferrio-stamp" ] || parts+=(root)
[ -n "$KVER" ] && [ -e "$KSRC/.ferrio-stamp" ] || parts+=(kernel)
[ -e "$STOCK_KDIR/.ferrio-stamp" ] || parts+=(kdir)
plan ${parts[@]+"${parts[@]}"}
may_work

"$FERRIO_BED/root.sh"
"$FERRIO_BED/fetch.sh"
[ -z "${FERRIO_KVER_LATEST-}" ] || KVER=
set_kver "${KVER:-$(default_kver)}"

want=$(inputs)
lock "kdir-$KVER"
if is_current "$STOCK_KDIR" "$want"; then
	current "build tree of the stock kernel $KVER"
else
	# An interrupted build goes on where it was, if nothing else changed.
	if [ "$(cat "$STOCK_KDIR/.ferrio-inputs" 2>/dev/null)" != "$want" ]; then
		step "configure the stock kernel's tree" configure
	fi
	step "prepare the stock kernel's tree" kmake prepare modules_prepare
	step "compare its Rust symbols with the kernel's" exports
	stamp "$STOCK_KDIR" "$want"
fi
echo "KDIR=$STOCK_KDIR"
