#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The user library in Rust: built by the oldest compiler that it is for (Debian
# 13's, the build root's), its lints, its documents and the examples in them;
# prints KTAP.  Its tests need the device: selftests/ringbuffer/rust.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
# shellcheck source=cargo-lib.sh
. "$here/cargo-lib.sh"
cd "$FERRIO_TOP" || exit 1
cargo_env

cargo() # COMMAND...
{
	in_root -C rust/user timeout 1200 env "${CARGO_ENV[@]}" \
		RUSTDOCFLAGS='-D warnings' cargo "$@" 2>&1
}

row() # NAME COMMAND...
{
	local name=$1 said status=0
	shift
	said=$("$@") || status=$?
	result "$name" $status "$(tail -n 30 <<<"$said")"
}

# All examples are compiled and those without the device are run: some have to be there.
examples()
{
	local said
	said=$(cargo test --locked --doc --package ferrio-ringbuffer) || {
		echo "$said"
		return 1
	}
	grep -qE '^test result: ok\. [1-9][0-9]* passed; 0 failed; 0 ignored' <<<"$said"
}

plan_tests 4
row msrv cargo check --locked --package ferrio-ringbuffer
row clippy cargo clippy --locked --package ferrio-ringbuffer \
	--package ferrio-ringbuffer-test -- -D warnings
row rustdoc cargo doc --locked --no-deps --package ferrio-ringbuffer
row examples examples
end_tests
