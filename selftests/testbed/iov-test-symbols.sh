#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# iov-test-symbols.sh
#
# The copies of iterators are exported without the checks that their inline forms in
# uio.h make: of the size, and, on a hardened kernel, of whether that memory may be copied.
# So Rust must not call them itself; our C must, through those forms.  Looks at what the
# objects want from elsewhere.  Prints KTAP.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP" || exit 1

build=$FERRIO_OUT/build/iov-compile
log=$FERRIO_OUT/log/iov-test-symbols.log
mkdir -p "$build" "${log%/*}"
if ! in_root env -u MAKEFLAGS make -s -C "$STOCK_KDIR" M="$FERRIO_TOP" MO="$build" \
	ferrio-tests=1 rust/ferrio/{ferrio,shim_iov}.o >"$log" 2>&1; then
	tail -n 20 "$log" | sed 's/^/# /'
	die "iov-test-symbols.sh: the crate does not compile: $log"
fi

# Those of the symbols that an object wants, one a line.
wants() # OBJECT SYMBOL...
{
	local object=$1
	shift
	in_root nm -u "$build/rust/ferrio/$object" | awk '{ print $2 }' |
		grep -xF "$(printf '%s\n' "$@")" | LC_ALL=C sort | xargs
}

# The functions of an object that want a symbol.
callers() # OBJECT SYMBOL
{
	in_root objdump -dr --no-show-raw-insn "$build/rust/ferrio/$1" | awk -v symbol="$2" '
		/^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name) }
		$2 ~ /^R_/ && index($3, symbol "-") == 1 { print name }' | LC_ALL=C sort -u | xargs
}

copies='_copy_from_iter _copy_from_iter_flushcache _copy_from_iter_nocache _copy_mc_to_iter
	_copy_to_iter'
forms='ferrio_copy_from_iter ferrio_copy_from_iter_flushcache ferrio_copy_from_iter_nocache
	ferrio_copy_mc_to_iter ferrio_copy_to_iter'

plan_tests 3
# shellcheck disable=SC2086 # lists
{
	same the_forms_copy "$(xargs <<<"$copies")" "$(wants shim_iov.o $copies)"
	same the_forms_check "$(xargs <<<"$forms")" "$(callers shim_iov.o __check_object_size)"
	same rust_calls_the_forms "$(xargs <<<"$forms")" "$(wants ferrio.o $copies $forms)"
}
end_tests
