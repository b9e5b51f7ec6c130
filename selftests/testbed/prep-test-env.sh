#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the functions of env.sh do what the scripts rely on?
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-ktap.sh
. "$FERRIO_BED/prep-ktap.sh"

tmp=$(mktemp -d /tmp/ferrio-env.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
FERRIO_OUT=$tmp/out

plan_tests 17

# --- in_root ---
same in-root-is-debian-13 VERSION_ID=13 "$(in_root grep VERSION_ID \
	/etc/os-release | tr -d '"')"
same in-root-directory "$FERRIO_BED" "$(in_root -C "$FERRIO_BED" pwd)"
same in-root-arguments "a b|*|" "$(in_root printf '%s|' 'a b' '*')"
same in-root-variable "it's" "$(SOME_VARIABLE="it's" \
	in_root printenv SOME_VARIABLE)"
same in-root-input text "$(echo text | in_root cat)"
rc=0
(in_root sh -c 'exit 7') || rc=$?
same in-root-status 7 $rc
echo outside >"$tmp/file"
in_root sh -c "echo inside >>'$tmp/file'"
same in-root-files "outside inside" "$(xargs <"$tmp/file")"
before=$(wc -l </proc/self/mountinfo)
in_root true
same in-root-leaves-no-mount "$before" "$(wc -l </proc/self/mountinfo)"

# A script that was started before there was any choice.
cat >"$tmp/early" <<END
set -eu
export FERRIO_CACHE=$tmp/cache FERRIO_ROOT=$FERRIO_ROOT KVER=
. "$FERRIO_BED/env.sh"
mkdir -p "$tmp/cache/kver"
echo "1.2.3-x $(supported_series | head -n 1)" >"$tmp/cache/kver/default"
echo 1.2.3-4 >"$tmp/cache/kver/1.2.3-x"
in_root printenv KVER KSRC
END
same in-root-after-choice "1.2.3-x
$tmp/cache/src/linux-1.2.3-4" "$(bash "$tmp/early" 2>&1)"

# Who may not enter the root is told how to ask again, whatever it was.
mkdir "$tmp/bin"
printf '#!/bin/sh\necho 1000\n' >"$tmp/bin/id"
chmod +x "$tmp/bin/id"
printf 'ID=debian\nVERSION_ID=12\n' >"$tmp/debian-12"
asked='run FILE=/a
bench
check
check-test
check-mutants
shell KERNEL=test
modules-stock
test-kernel KVER=7.3.4+deb13-amd64
kdir
root
check-kdir KDIR=CACHE/kdir/x
KDIR=CACHE/kdir/x'
asked=${asked//CACHE/"$tmp/none"}
# shellcheck disable=SC2086 # words of a command line
told=$(echo "$asked" | while read -r line; do
	env -u FERRIO_VERB -u FERRIO_KVER_ASKED -u FERRIO_PLANNED -u KVER \
		-u FERRIO_ROOT PATH="$tmp/bin:$PATH" FERRIO_CACHE="$tmp/none" \
		FERRIO_OS_RELEASE="$tmp/debian-12" \
		make -C "$FERRIO_TOP" $line 2>&1 </dev/null |
		grep -A 1 'outside Debian 13 this needs root' | sed 1d
done)
same every-verb-names-itself "$(while read -r line; do
	echo "  sudo make -C $FERRIO_TOP $line FERRIO_CACHE=$tmp/none"
done <<<"$asked")
no cache was made" "$told
$([ -e "$tmp/none" ] || echo no cache was made)"

# --- which tools a tree takes ---
same tree-of-the-cache "$(in_root cat /etc/os-release)" \
	"$("$FERRIO_BED/kdir-run.sh" "$STOCK_KDIR" cat /etc/os-release)"
same tree-elsewhere "$(cat /etc/os-release)" \
	"$("$FERRIO_BED/kdir-run.sh" "$tmp" cat /etc/os-release)"

# --- the Makefile ---
mk() {
	env -u FERRIO_VERB make --no-print-directory -C "$FERRIO_TOP" "$@" 2>&1 |
		grep -v '^make: \*\*\*'
}
same no-such-verb "make: there is no verb 'nonsense'; 'make help' lists them" \
	"$(mk nonsense)"
mo=$FERRIO_TOP/out/build/clean-test
mkdir -p "$mo"
same clean-without-a-tree "make: no kernel build tree in KDIR=$tmp: give the one that MO=$tmp was built for
 gone" "$(mk clean KDIR="$tmp" MO="$tmp")
$(mk clean KDIR="$tmp" MO="$mo") $([ -e "$mo" ] || echo gone)"

# --- step ---
# On a busy machine a second begins in between.
same step-one-line "  say hello, twice N s: hello" "$(step 'say hello, twice' \
	echo hello | tr -s ' ' | sed 's/^ /  /; s/ [0-9]* s$/ N s/'): $(cat \
	"$tmp/out/log/say-hello-twice.log")"
# A function that went on after a command of its had failed would hide it.
# shellcheck disable=SC2317 # called in the script below
fails() {
	seq 130
	false
	echo never
}
cat >"$tmp/script" <<END
set -eu
. "$FERRIO_BED/env.sh"
FERRIO_OUT=$tmp/out
$(declare -f fails)
step "that fails" fails
echo "goes on"
END
rc=0
out=$(bash "$tmp/script" 2>&1) || rc=$?
same step-failure "1 that fails FAILED after N s
$(seq 11 130 | sed 's/^/    | /')
    the whole log: $tmp/out/log/that-fails.log" "$rc $(echo "$out" |
	sed '1s/  */ /g; 1s/^ //; 1s/ [0-9]* s$/ N s/')"
same step-keeps-the-whole-log "$(seq 130)" "$(cat "$tmp/out/log/that-fails.log")"
end_tests
