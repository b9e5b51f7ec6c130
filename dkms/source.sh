#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# source.sh [DESTDIR] - puts what DKMS needs into DESTDIR/usr/src/ferrio-VERSION
#
# That is what the three modules are made of, and nothing for tests.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
version=$(cat VERSION)
to=${1-}/usr/src/ferrio-$version

die()
{
	echo "make dkms-source: $*" >&2
	exit 1
}

if ! mkdir -p "$to" 2>/dev/null || [ ! -w "$to" ]; then
	die "$to is not yours to write: sudo make dkms-source, or DESTDIR=directory"
fi
rm -rf "$to"
mkdir -p "$to/rust" "$to/dkms"
cp Kbuild VERSION "$to/"
for name in driver ferrio file_loader iov_copy ring ringbuffer uapi; do
	cp -rL "rust/$name" "$to/rust/"
done
# KUnit's, and what is for programs.
rm -f "$to"/rust/ringbuffer/*kunit* "$to/rust/ring/Cargo.toml"
cp dkms/build dkms/pre-build dkms/tree.sh dkms/tree-packages "$to/dkms/"
for name in check-kdir.py prep_mending.py supported; do
	cp "selftests/testbed/$name" "$to/dkms/"
done
# 7.3 is ^7\.3\. for DKMS.
series=$(sed -n 's/^\([0-9]*\)\.\([0-9]*\)[[:space:]].*/\1\\\\.\2/p' selftests/testbed/supported |
	paste -sd '|')
sed "s/@VERSION@/$version/; s/@SERIES@/^($series)\\\\./" dkms/dkms.conf.in >"$to/dkms.conf"
chmod -R u=rwX,go=rX "$to"
echo "DKMS source: $to; next: dkms install ferrio/$version"
