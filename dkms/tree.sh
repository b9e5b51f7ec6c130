# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# tree.sh - the build tree of a Debian kernel, with Rust; to be sourced by bash
#
# Debian's kernel has Rust, but its header packages leave out what rustc needs to
# build against it.  The same source, configuration and tools make it anew.
# That they are the same is looked at: no option may come out otherwise, and each
# exported Rust symbol, whose mangled name contains a hash of the crate's name and of the
# version of rustc, has to be one of the kernel's.
#
# Who sources this sets
#   tree_headers   the headers of the kernel, as the package has them
#   tree_source    its source, of the same version
#   tree           where the tree goes
#   tree_release   the kernel's release
#   tree_run CMD   a function: runs CMD with the tools that the kernel was built by

# shellcheck disable=SC2154 # those above
tree_make() {
	tree_run make -C "$tree_source" O="$tree" KERNELRELEASE="$tree_release" \
		-j"$(nproc)" "$@"
}

tree_changed='MODULE_SIG_KEY|MODULE_SIG_ALL'
tree_versions='(CC|RUSTC|BINDGEN)_VERSION_TEXT|[A-Z]+_VERSION|RUSTC_LLVM_[A-Z_]*VERSION|PAHOLE_HAS_[A-Z_]+'

# The key that signs Debian's modules is Debian's; ours stay unsigned.
tree_configure() {
	rm -rf "${tree:?}"
	mkdir -p "$tree"
	sed -e 's/^CONFIG_MODULE_SIG_KEY=.*/CONFIG_MODULE_SIG_KEY=""/' \
		-e 's/^CONFIG_MODULE_SIG_ALL=y/# CONFIG_MODULE_SIG_ALL is not set/' \
		"$tree_headers/.config" >"$tree/.config"
	tree_make olddefconfig
	tree_same_options
	tree_same_tool CONFIG_RUSTC_VERSION_TEXT
	tree_same_tool CONFIG_GCC_VERSION
}

# The options in which the configurations differ, less those changed above and
# those that only tell the names and versions of tools.
tree_same_options() {
	local others
	others=$(diff "$tree_headers/.config" "$tree/.config" |
		grep -oE '^[<>] (# )?CONFIG_[A-Za-z0-9_]+' | grep -oE 'CONFIG.*' |
		sort -u | grep -vxE "CONFIG_($tree_changed|$tree_versions)" || true)
	if [ -n "$others" ]; then
		diff "$tree_headers/.config" "$tree/.config" || true
		echo "these options came out otherwise than in the kernel: $(echo "$others" | xargs)"
		return 1
	fi
}

# How rustc is told the options: of the tree its crates were, of the headers modules can be.
tree_same_cfg() {
	if ! diff <(tree_cfg "$tree_headers") <(tree_cfg "$tree"); then
		echo "rustc is told these options otherwise than in the kernel"
		return 1
	fi
}

tree_cfg() { # TREE
	grep -vE -- "^--cfg=CONFIG_($tree_changed|$tree_versions)(=|\$)" "$1/include/generated/rustc_cfg"
}

tree_same_tool() {
	local theirs ours
	theirs=$(grep "^$1=" "$tree_headers/.config")
	ours=$(grep "^$1=" "$tree/.config" || echo "$1 is not set")
	if [ "$theirs" != "$ours" ]; then
		echo "the kernel was built with $theirs, here it is $ours"
		return 1
	fi
}

# vmlinux is the type information of the kernel (BTF), for modules to refer to.
tree_exports() {
	cp "$tree_headers/Module.symvers" "$tree/"
	cp "$tree_headers/vmlinux" "$tree/"
	sed -n 's/^EXPORT_SYMBOL_RUST_GPL(\(.*\));$/\1/p' \
		"$tree"/rust/exports_*_generated.h | sort -u >"$tree/.ferrio-symbols"
	[ -s "$tree/.ferrio-symbols" ] || {
		echo "the tree exports no Rust symbol"
		return 1
	}
	awk '$3 == "vmlinux" { print $2 }' "$tree/Module.symvers" |
		sort -u | comm -23 "$tree/.ferrio-symbols" - >"$tree/.ferrio-strange"
	if [ -s "$tree/.ferrio-strange" ]; then
		cat "$tree/.ferrio-strange"
		echo "these Rust symbols of the tree are not in the kernel: the tree was built by other tools than the kernel"
		return 1
	fi
	wc -l <"$tree/.ferrio-symbols"
}
