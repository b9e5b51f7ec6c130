#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# iov-test-compile.sh [TEST...]
#
# What the types of ferrio::iov are there to prevent does not compile.  Each file of
# selftests/iov-compile-fail is compiled twice, by rustc with the flags that Kbuild
# gives it for a module: as it is, which must work, and with `--cfg wrong`, which must
# fail with the error that its second line names, and with no other.  A third line
# `// says: TEXT` is what the message has to have in it, where the error alone could be
# of something else.  Prints KTAP.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP" || exit 1

snippets=()
for test; do
	snippets+=("selftests/iov-compile-fail/${test//_/-}.rs")
done
[ $# -gt 0 ] || snippets=(selftests/iov-compile-fail/*.rs)
build=$FERRIO_OUT/build/iov-compile
log=$FERRIO_OUT/log/iov-test-compile.log
pattern=rust/ferrio_test/ferrio_test_main

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The crate, and a user of it: from his command line the flags are taken.
mkdir -p "$build" "${log%/*}"
if ! in_root env -u MAKEFLAGS make -s -C "$STOCK_KDIR" M="$FERRIO_TOP" MO="$build" \
	ferrio-tests=1 rust/ferrio/ferrio.o $pattern.o >"$log" 2>&1; then
	tail -n 20 "$log" | sed 's/^/# /'
	die "iov-test-compile.sh: the crate does not compile: $log"
fi
command=$(sed -n '1s/^savedcmd_[^ ]* := //p' "$build/rust/ferrio_test/.ferrio_test_main.o.cmd")
command=${command%%;*}
command=$(sed -E 's/ --emit=[^ ]*//g; s/ --out-dir [^ ]*//; s, [^ ]*'$pattern'\.rs *$,,' \
	<<<"$command")

# Prints the errors' codes, one a line; an error without a code is "none".
compile() # FILE TEXT ARG...
{
	local file=$1 text=$2
	shift 2
	in_root bash -c "cd '$build' && RUSTC_BOOTSTRAP=1 $command --emit=metadata='$work/snippet.rmeta' \
		--crate-name snippet --check-cfg='cfg(wrong)' --cap-lints=allow \
		--error-format=json $* '$FERRIO_TOP/$file'" >"$work/out" 2>&1
	local status=$?
	in_root python3 -B - "$work/out" "$status" "$text" <<'END'
import json, sys

codes = set()
said = not sys.argv[3]
for line in open(sys.argv[1], encoding="utf-8"):
    try:
        message = json.loads(line)
    except ValueError:
        codes.add("no-json")
        continue
    if message.get("level") == "error" and not message["message"].startswith("aborting"):
        said = said or sys.argv[3] in message["message"]
        codes.add((message.get("code") or {"code": "none"})["code"])
if (sys.argv[2] != "0") != bool(codes):
    codes.add("status-" + sys.argv[2])
if not said:
    codes.add("of-something-else")
print(" ".join(sorted(codes)))
END
}

[ -e "${snippets[0]}" ] || die "iov-test-compile.sh: no ${snippets[0]}"
plan_tests ${#snippets[@]}
for file in "${snippets[@]}"; do
	name=$(basename "$file" .rs)
	right=$(compile "$file" '')
	wrong=$(compile "$file" "$(sed -n '3s,^// says: ,,p' "$file")" --cfg wrong)
	want=$(sed -n '2s,^// error: ,,p' "$file")
	same "${name//-/_}" "right: none, wrong: ${want:-not said}" "right: ${right:-none}, wrong: ${wrong:-none}"
	if [ "$wrong" != "$want" ] || [ -n "$right" ]; then
		tail -n 40 "$work/out" | cut -c1-600 >>"$log"
	fi
done
end_tests
