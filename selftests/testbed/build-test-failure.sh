#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A build that fails has to say so, also where modules of an earlier one lie: prints
# KTAP.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP"
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

work=$(mktemp -d "$FERRIO_OUT/build-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/out/modules/stock"
cp -a Kbuild Makefile mk rust samples selftests "$work/"
touch "$work/out/modules/stock/ringbuffer.ko"
# shellcheck disable=SC2016 # for make
echo '$(error broken on purpose)' >>"$work/Kbuild"

# One recipe builds for both kernels; the test kernel may not be there yet.
plan_tests 1
status=0
said=$(make -C "$work" modules-stock 2>&1) || status=$?
if [ "$status" != 0 ] && [[ $said == *'broken on purpose'* ]]; then
	result modules_stock 0
else
	result modules_stock 1 "status $status, $said"
fi
end_tests
