#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ring-test-loom.sh [TEST...]: the protocol of rust/ring under the model
# checker, and its arithmetic: prints KTAP.
#
# Runs rust/user/ring-test with the build root's cargo.
# With FERRIO_LONG the models are searched further.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
# shellcheck source=cargo-lib.sh
. "$here/cargo-lib.sh"
cd "$FERRIO_TOP"
cargo_env

log=$FERRIO_OUT/log/ring-loom
mkdir -p "$log"

cargo_test() # LIMIT ARGUMENT...
{
	local limit=$1
	shift
	in_root -C rust/user timeout "$limit" env "${CARGO_ENV[@]}" \
		cargo test --release --locked --no-fail-fast -p ferrio-ring-test "$@"
}

# With the kernel's compiler, and no cargo: as Kbuild compiles it.
plain() # TOOL ARGUMENT...
{
	rm -rf "$log/plain"
	mkdir "$log/plain"
	in_root "$@" --edition 2021 --crate-type lib -D warnings -W missing_docs \
		-W unreachable_pub -W rust_2018_idioms rust/ring/ring.rs 2>&1
}

status=0
cargo_test 1200 -- --list --format terse >"$log/list" 2>"$log/build" || status=$?
if [ $status != 0 ]; then
	plan_tests 1
	result build 1 "$(tail -n 30 "$log/build")
cargo cannot build rust/user; if it did not reach crates.io, the crates of
rust/user/Cargo.lock have to be in its cache."
	end_tests
fi
mapfile -t tests < <(sed -n 's/: test$//p' "$log/list")
if [ $# -gt 0 ]; then tests=("$@"); fi

limit=600
[ "${FERRIO_LONG:-0}" = 0 ] || limit=4h
cargo_test "$limit" -- --test-threads 1 --exact "${tests[@]}" >"$log/tests" 2>&1 || true

if [ $# -gt 0 ]; then
	plan_tests $#
else
	plan_tests $((${#tests[@]} + 3))
	result build 0
	status=0
	said=$(plain clippy-driver -W clippy::all --out-dir "$log/plain") || status=$?
	result clippy $status "$said"
	status=0
	said=$(plain rustdoc --document-private-items -o "$log/plain") || status=$?
	result rustdoc $status "$said"
fi
for name in "${tests[@]}"; do
	# What panics while it unwinds takes the program along: no line at all.
	if grep -qx "test $name \.\.\. ok" "$log/tests"; then
		result "$name" 0
	else
		result "$name" 1 "$(sed -n "/^---- $name stdout/,/^stack backtrace:/p" "$log/tests")
$(tail -n 20 "$log/tests")"
	fi
done
end_tests
