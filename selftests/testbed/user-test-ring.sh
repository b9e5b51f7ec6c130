#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The user library in C: its tests with a ring in user space, by both compilers, as
# C and as C++, with sanitizers; prints KTAP.
#
# shellcheck disable=SC2317 # functions are called by their name
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP" || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapped=selftests/mapped
user=rust/user/include
# -isystem: the harness is not ours to warn about.
flags=(-D_GNU_SOURCE= -Irust/uapi "-I$mapped"
	-isystem "$KSRC/tools/testing/selftests")
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual
	-Werror)
# The harness compares a size with a count or an errno as they are.
lenient=(-Wall -Wextra -Wno-sign-compare -Werror)

# NAME COMMAND...: what it prints is shown if it fails.
row()
{
	local name=$1 said status=0
	shift
	said=$("$@" 2>&1) || status=$?
	result "$name" $status "$(tail -n 30 <<<"$said")"
}

# The ring in user space, for one kind of build.
fake() # NAME COMPILER...
{
	local name=$1
	shift
	in_root "$@" "${flags[@]}" "${lenient[@]}" -c -o "$work/fake-$name.o" "$mapped/fake.c"
}

# All of the harness' tests passed, and there were some.
passed() # OUTPUT
{
	grep -qE '^# Totals: pass:[1-9][0-9]* fail:0 xfail:0 xpass:0 skip:0 error:0$' "$1"
}

# One of the programs with the harness.
program() # NAME BUILD LIMIT COMPILER...
{
	local exe=$work/$1-$2 object=$work/fake-$2.o limit=$3
	local source=$mapped/user-$1.c
	shift 3
	[ -e "$object" ] || return 1
	in_root "$@" "${flags[@]}" "${lenient[@]}" "-I$user" -o "$exe" "$source" \
		"$object" -lpthread || return
	# ThreadSanitizer wants its addresses where it knows them.
	if in_root env "TSAN_OPTIONS=${tsan_options-}" setarch -R timeout "$limit" "$exe" \
		>"$exe.ktap" 2>&1 &&
		passed "$exe.ktap"; then
		return 0
	fi
	grep -v '^ok\|RUN\|  OK' "$exe.ktap"
	return 1
}

# Two files that include the library, with every warning.
strict() # FAKE COMPILER-OF-ONE COMPILER-OF-OTHER LINK...
{
	local object=$work/fake-$1.o one=$2 other=$3
	shift 3
	# shellcheck disable=SC2086 # a compiler with its options
	in_root $one -O2 "${warnings[@]}" -Irust/uapi "-I$user" -c -o "$work/one.o" \
		"$mapped/strict-produce.c" || return
	# shellcheck disable=SC2086 # a compiler with its options
	in_root $other -O2 "${warnings[@]}" -Irust/uapi "-I$user" -c -o "$work/other.o" \
		"$mapped/strict-main.c" || return
	in_root "$@" -o "$work/strict" "$work/one.o" "$work/other.o" "$object" || return
	[ "$(in_root timeout 400 "$work/strict")" = 0 ]
}

# A program as it is, with the ring in user space behind open(2).
as_it_is() # OUTPUT SOURCE...
{
	in_root gcc -O2 "${flags[@]}" "${lenient[@]}" "-I$user" -include fake-device.h -o "$@" \
		"$work/fake-gcc.o"
}

sample()
{
	as_it_is "$work/sample" samples/mapped.c || return
	[ "$(in_root timeout 400 "$work/sample")" = \
'message 1, read where it was written
message 2, read where it was written
message 3, read where it was written' ]
}

bench()
{
	in_root gcc -O2 "${flags[@]}" "${lenient[@]}" -c -o "$work/channel.o" \
		selftests/run/channel.c || return
	as_it_is "$work/bench" selftests/bench/bench-stream.c "$work/channel.o" || return
	in_root timeout 400 "$work/bench" mapped 16 100000 | grep -qxE 'mapped 16 100000 [0-9]+' &&
		in_root timeout 400 "$work/bench" mapped 65536 200 |
		grep -qxE 'mapped 65536 200 [0-9]+'
}

# A position that is stored without release has to be seen, or nothing would be.
weak_store()
{
	# the first race is enough, and each takes long to be told
	local weak=$work/weak user tsan_options=halt_on_error=1
	mkdir -p "$weak"
	cp -r rust/user/include/ferrio "$weak/"
	sed -i 's/rb->own, position, __ATOMIC_RELEASE/rb->own, position, __ATOMIC_RELAXED/' \
		"$weak/ferrio/ring-end.h"
	! cmp -s rust/user/include/ferrio/ring-end.h "$weak/ferrio/ring-end.h" || return
	user=$weak
	if program race tsan 400 "${tsan[@]}"; then
		echo "no race was found"
		return 1
	fi
	grep -q 'WARNING: ThreadSanitizer: data race' "$work/race-tsan.ktap"
}

tsan=(gcc -O2 -fsanitize=thread -Wno-tsan)
# With more optimisation most of the time would go into building.
asan=(gcc -Og '-fsanitize=address,undefined' -fno-sanitize-recover=all)

fake gcc gcc -O2
fake m32 gcc -O2 -m32
fake clang clang -O2
fake asan "${asan[@]}"
fake tsan "${tsan[@]}"

plan_tests 24
row strict-gcc-c11 strict gcc 'gcc -std=c11 -Wstrict-prototypes' 'gcc -std=c11' gcc
row strict-gcc-c23 strict gcc 'gcc -std=c23' 'gcc -std=c23' gcc
row strict-gcc-m32 strict m32 'gcc -m32 -std=c11' 'gcc -m32 -std=c11' gcc -m32
row strict-clang-c11 strict clang 'clang -std=c11' 'clang -std=c11' clang
row strict-clang-cxx11 strict clang 'clang -x c++ -std=c++11' \
	'clang -x c++ -std=c++11' clang
row strict-clang-cxx17 strict clang 'clang -x c++ -std=c++17' \
	'clang -x c++ -std=c++17' clang
row strict-mixed strict gcc 'clang -x c++ -std=c++20' 'gcc -std=c11' gcc
row race-clang program race clang 400 clang -O2
for name in hostile setup sleep turns wakes; do
	row $name-clang program $name clang 400 clang -O2
	row $name-asan program $name asan 400 "${asan[@]}"
done
row race-tsan program race tsan 400 "${tsan[@]}"
row race-tsan-sees-a-weak-store weak_store
row count-gcc program count gcc 400 gcc -O2
row count-clang program count clang 400 clang -O2
row sample sample
row bench-stream bench
end_tests
