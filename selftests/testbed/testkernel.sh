#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# testkernel.sh [--config-only dir [fragment]] - build the test kernel
#
# The source of the stock kernel with every checker that helps to find a bug:
# tinyconfig and .config.fragment, built by LLVM since KASAN with Rust needs
# clang.  It takes half an hour on two cores and is built anew only when the
# fragment, the source or the tools change; an interrupted build goes on where
# it was.  --config-only makes nothing but the configuration, in dir.
set -eu
FERRIO_VERB=${FERRIO_VERB:-test-kernel}
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-lib.sh
. "$FERRIO_BED/prep-lib.sh"

# Raise when the steps below change in what they produce.
recipe=1
fragment=$FERRIO_TOP/.config.fragment

# The variables of our own make command line are not for the kernel's.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

tools() {
	in_root -C / sh -c 'rustc -V; bindgen --version; clang --version
		ld.lld --version; pahole --version' |
		grep -vE '^(Target|Thread model|InstalledDir):'
}

# Comments and order of the fragment do not count.
inputs() {
	hash_of "testkernel $recipe" "$KPKGVER" \
		"$(grep -E '^CONFIG_' "$fragment" | sort)" "$(tools)"
}

kmake() {
	local dir=$1
	shift
	in_root make -C "$KSRC" O="$dir" LLVM=1 -j"$(nproc)" "$@"
}

# configure dir fragment: tinyconfig, then the fragment with the defaults of
# what it brings into sight.  Most of the time goes into Kconfig asking the
# compiler what it can do, so the first half is kept for the next call and for
# other directories.
configure() {
	local tiny
	tiny=$(hash_of "$KPKGVER" "$(tools)")
	mkdir -p "$1"
	if [ "$(cat "$1/.ferrio-tiny-of" 2>/dev/null)" != "$tiny" ] &&
		[ "$(cat "$TEST_KDIR.config/.ferrio-tiny-of" 2>/dev/null)" = "$tiny" ]; then
		cp "$TEST_KDIR.config/.ferrio-tiny" "$1/"
		echo "$tiny" >"$1/.ferrio-tiny-of"
	fi
	if [ "$(cat "$1/.ferrio-tiny-of" 2>/dev/null)" != "$tiny" ]; then
		kmake "$1" tinyconfig
		mv "$1/.config" "$1/.ferrio-tiny"
		echo "$tiny" >"$1/.ferrio-tiny-of"
	fi
	cp "$2" "$1/.ferrio-fragment"
	in_root -C "$1" env KCONFIG_CONFIG="$1/.config" \
		"$KSRC/scripts/kconfig/merge_config.sh" -Q -m -O "$1" \
		"$1/.ferrio-tiny" "$1/.ferrio-fragment"
	kmake "$1" olddefconfig
	"$FERRIO_BED/prep-lost-options.sh" "$2" "$1/.config"
}

# The configuration is made beside the tree and moved in when it differs, so
# that the same one does not set off a rebuild.
configure_tree() {
	configure "$TEST_KDIR.config" "$fragment"
	mkdir -p "$TEST_KDIR"
	cmp "$TEST_KDIR.config/.config" "$TEST_KDIR/.config" ||
		cp "$TEST_KDIR.config/.config" "$TEST_KDIR/.config"
	echo "$want" >"$TEST_KDIR/.ferrio-inputs"
}

build() {
	kmake "$TEST_KDIR" bzImage modules
	ls -l "$TEST_BZIMAGE" "$TEST_KDIR/Module.symvers"
}

check_kver
parts=()
is_debian13 || [ -e "$FERRIO_ROOT/.ferrio-stamp" ] || parts+=(root)
[ -n "$KVER" ] && [ -e "$KSRC/.ferrio-stamp" ] || parts+=(kernel)
[ -n "${1-}" ] || [ -e "$TEST_KDIR/.ferrio-stamp" ] || parts+=(testkernel)
plan ${parts[@]+"${parts[@]}"}
may_work

"$FERRIO_BED/root.sh"
"$FERRIO_BED/fetch.sh"
[ -z "${FERRIO_KVER_LATEST-}" ] || KVER=
set_kver "${KVER:-$(default_kver)}"

case ${1-} in
--config-only)
	mkdir -p "$2"
	dir=$(cd "$2" && pwd -P)
	export FERRIO_BIND="${FERRIO_BIND:+$FERRIO_BIND:}$dir"
	step "configure the test kernel" configure "$dir" "${3-$fragment}"
	exit 0
	;;
?*) die "unknown argument $1; usage: testkernel.sh [--config-only dir [fragment]]" ;;
esac

want=$(inputs)
lock "testkernel-$KVER"
if is_current "$TEST_KDIR" "$want"; then
	current "test kernel"
else
	rm -f "$TEST_KDIR/.ferrio-stamp"
	if [ "$(cat "$TEST_KDIR/.ferrio-inputs" 2>/dev/null)" != "$want" ]; then
		step "configure the test kernel" configure_tree
	fi
	step "build the test kernel" build
	stamp "$TEST_KDIR" "$want"
fi
echo "TEST_KDIR=$TEST_KDIR"
