#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# user-test-rust.sh [TEST...]: the user library in Rust, built by the oldest compiler
# that it is for (Debian 13's, the build root's): its lints, its documents, of which each
# has an example, errors and cost; and, with a ring in user space behind open(2), the
# examples in these, the example programs, and the tests that need no module; prints
# KTAP.  With the module: selftests/ringbuffer/rust and crates.
#
# shellcheck disable=SC2317 # functions are called by their name
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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=(--package ferrio-ringbuffer --package ferrio-ringbuffer-sys
	--package ferrio-file-loader-sys)
with_fake=(-p ferrio-ringbuffer-test --features fake --test host)

cargo() # COMMAND...
{
	in_root -C rust/user timeout 1200 env "${CARGO_ENV[@]}" \
		RUSTDOCFLAGS='-D warnings' cargo "$@" 2>&1
}

# The same, with the ring in user space in front of all it starts.
faked() # COMMAND...
{
	in_root -C rust/user timeout 1200 env "${CARGO_ENV[@]}" FERRIO_SLOW="${FERRIO_SLOW:-1}" \
		LD_PRELOAD="$work/fake.so" cargo "$@"
}

# A row of its own, or none if others are asked for.
row() # NAME COMMAND...
{
	local name=$1 said status=0
	shift
	wanted "$name" || return 0
	said=$("$@" 2>&1) || status=$?
	result "$name" $status "$(tail -n 30 <<<"$said")"
}

# What rustdoc knows of the crates it tells the oldest compiler only if that is told to
# let a nightly's options pass, for these crates alone.
sections()
{
	local name
	for name in ferrio-ringbuffer ferrio-ringbuffer-sys ferrio-file-loader-sys; do
		in_root -C rust/user timeout 1200 env "${CARGO_ENV[@]}" \
			RUSTC_BOOTSTRAP="${name//-/_}" cargo rustdoc --quiet --locked --lib \
			--package "$name" -- -Z unstable-options --output-format json 2>&1 &&
		python3 -B "$here/check-crate-docs.py" \
			"$CARGO_DIR/doc/${name//-/_}.json" || return 1
	done
}

# Each of them, where it is missing.
missing_sections()
{
	local said
	cat >"$work/sample.rs" <<'EOF'
//! A crate.
/// Nothing.
pub fn bare() {}
/// # Examples
/// # Cost
pub fn fails() -> Result<(), ()> { Ok(()) }
/// # Examples
/// # Errors
/// # Cost
pub struct Whole;
impl Whole {
    /// # Cost
    pub fn method(&self) {}
    /// # Examples
    pub const NUMBER: u8 = 0;
    fn private(&self) {}
}
impl Clone for Whole {
    fn clone(&self) -> Self { Whole }
}
EOF
	in_root -C "$work" env RUSTC_BOOTSTRAP=1 rustdoc -Z unstable-options \
		--output-format json -o . sample.rs || return
	said=$(python3 -B "$here/check-crate-docs.py" "$work/sample.json") && return 1
	same_lines 'sample.rs:3: bare: no # Cost
sample.rs:3: bare: no # Examples
sample.rs:6: fails: no # Errors
sample.rs:13: method: no # Examples
sample.rs:15: NUMBER: no # Cost' "$said"
}

same_lines() # EXPECTED SEEN
{
	[ "$1" = "$2" ] || { echo "$2"; return 1; }
}

# All examples are compiled, and those that can be are run; of each crate there are some.
examples()
{
	local said
	said=$(faked test --locked --doc "${packages[@]}" \
		--features ferrio-ringbuffer/use-libc 2>&1) || {
		echo "$said"
		return 1
	}
	[ "$(grep -cE '^test result: ok\. [1-9][0-9]* passed; 0 failed; 0 ignored' \
		<<<"$said")" -ge 3 ]
}

# One of the example programs.
run() # NAME
{
	faked run --quiet --locked --package ferrio-ringbuffer --features use-libc --example "$1"
}

copy()
{
	head -c 300001 /dev/urandom >"$work/from"
	run copy <"$work/from" >"$work/to" && cmp "$work/from" "$work/to"
}

observe()
{
	[ "$(run observe | tail -n 2)" = \
'written   73728, read   73728: ................   0 %
the producer is gone' ]
}

has_tests()
{
	[ ${#tests[@]} != 0 ] || { cat "$work/built"; return 1; }
}

only=("$@")
wanted() # NAME
{
	[ ${#only[@]} = 0 ] || [[ " ${only[*]} " = *" $1 "* ]]
}

in_root gcc -O2 -D_GNU_SOURCE= -Irust/uapi -Iselftests/mapped -Wall -Wextra \
	-Wno-sign-compare -Werror -shared -fPIC -o "$work/fake.so" selftests/mapped/fake.c \
	selftests/mapped/fake-preload.c

# The program lists its tests as the kernel's harness does.
faked test --quiet --locked "${with_fake[@]}" -- -l >"$work/list" 2>"$work/built"
mapfile -t tests < <(awk '/^[a-z]/ { print $1 "." $2 }' "$work/list")
mine=()
for name in "${tests[@]}"; do
	! wanted "$name" || mine+=("$name")
done

rows='msrv clippy rustdoc sections missing-sections examples example-copy example-observe build'
count=${#mine[@]}
for name in $rows; do
	! wanted "$name" || count=$((count + 1))
done
plan_tests "$count"
row msrv cargo check --locked "${packages[@]}" --examples
row clippy cargo clippy --locked --all-targets "${packages[@]}" \
	--package ferrio-ringbuffer-test -- -D warnings
row rustdoc cargo doc --locked --no-deps "${packages[@]}"
row sections sections
row missing-sections missing_sections
row examples examples
row example-copy copy
row example-observe observe
# If it could not be built there is no other test of it to fail.
row build has_tests
[ ${#mine[@]} = 0 ] || faked test --quiet --locked "${with_fake[@]}" -- "${mine[@]}" \
	>"$work/ktap" 2>&1
for name in "${mine[@]}"; do
	# What hangs takes those behind it along: no line at all.
	if grep -qE "^ok [0-9]+ $name\$" "$work/ktap"; then
		result "$name" 0
	else
		result "$name" 1 "$(tail -n 30 "$work/ktap")"
	fi
done
end_tests
