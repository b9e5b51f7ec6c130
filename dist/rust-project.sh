#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rust-project.sh KDIR MO MAKE...: writes rust-project.json, for rust-analyzer
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../selftests/testbed/env.sh
. "$top/selftests/testbed/env.sh"
kdir=$1 mo=$2
shift 2

die()
{
	echo "make rust-analyzer: $*" >&2
	exit 1
}

# What the tools of a build root call /usr/lib is elsewhere for an editor.
root=
if in_cache "$kdir" && ! is_debian13; then root=$FERRIO_ROOT; fi

# The kernel's own generator walks through the source of its crates.
[ -e "$kdir/rust/kernel/lib.rs" ] || [ -e "$kdir/source/rust/kernel/lib.rs" ] ||
	die "KDIR=$kdir has no source of the kernel's Rust crates, as packages of headers: give a tree with it, as of 'make kdir'"
rm -f "$mo/rust-project.json"
"$@" rust-analyzer
[ -s "$mo/rust-project.json" ] || die "the kernel's build wrote no $mo/rust-project.json"
python3 -B "$top/dist/rust-project.py" "$mo" "$mo/rust-project.json" "$top/rust-project.json" \
	"$root"
