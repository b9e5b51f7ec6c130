#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kdir.sh - prepare the build tree of the stock kernel
#
# How it is made, and that it fits the kernel, is dkms/tree.sh's.
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

# shellcheck source=../../dkms/tree.sh
. "$FERRIO_TOP/dkms/tree.sh"
tree_run() {
	in_root "$@"
}

configure() {
	tree_configure
	echo "$want" >"$STOCK_KDIR/.ferrio-inputs"
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

tree_headers=$STOCK_PKG/usr/src/linux-headers-$KVER tree_source=$KSRC
tree=$STOCK_KDIR tree_release=$KVER
want=$(inputs)
lock "kdir-$KVER"
if is_current "$STOCK_KDIR" "$want"; then
	current "build tree of the stock kernel $KVER"
else
	# An interrupted build goes on where it was, if nothing else changed.
	if [ "$(cat "$STOCK_KDIR/.ferrio-inputs" 2>/dev/null)" != "$want" ]; then
		step "configure the stock kernel's tree" configure
	fi
	step "prepare the stock kernel's tree" tree_make prepare modules_prepare
	step "compare its Rust symbols with the kernel's" tree_exports
	stamp "$STOCK_KDIR" "$want"
fi
echo "KDIR=$STOCK_KDIR"
