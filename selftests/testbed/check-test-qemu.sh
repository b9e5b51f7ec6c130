#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of qemu.sh, guest-init and guest-log: what becomes of a guest that
# succeeds, fails, panics, hangs, goes away or has a splat in its log, and of
# QEMU when its runner is ended.  Prints TAP; boots the stock kernel ten times or
# more.  Names of tests as arguments choose some.
#
# shellcheck disable=SC2317 # the tests are called by their name
# shellcheck disable=SC2016 # jobs are text that the guest's shell expands
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"

scratch=$(mktemp -d "$FERRIO_OUT/check-test-qemu.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# Each guest's logs have a name of their own, to be looked at after a failure.
log=$FERRIO_OUT/log

# Runs JOB (shell text) as the job of a guest; leaves $status and $said.
guest() # NAME JOB OPTION...
{
	local name=check-test-qemu-$1 tree=$scratch/$1

	mkdir -p "$tree/kselftest/kselftest"
	cp "$KSRC/tools/testing/selftests/kselftest/ktap_helpers.sh" \
		"$tree/kselftest/kselftest/"
	printf '#!/bin/sh\n%s\n' "$2" >"$tree/job"
	chmod 755 "$tree/job"
	shift 2
	"$here/initramfs.sh" pack "$tree" "$tree.cpio"
	status=0
	said=$("$here/qemu.sh" --kernel stock --cpus 1 --mem 512 --name "$name" \
		--initrd "$tree.cpio" --limit 300 "$@" 2>&1) || status=$?
}

# Says what is not as expected; succeeds if all is.
expect() # STATUS TEXT
{
	if [ "$status" != "$1" ] || ! grep -qF -- "$2" <<<"$said"; then
		echo "expected status $1 and '$2'; got status $status and:"
		echo "$said"
		return 1
	fi
}

success()
{
	guest success 'exit 0'
	expect 0 'job succeeded'
}

failure()
{
	guest failure 'exit 7'
	expect 1 "job failed; its output: $log/check-test-qemu-failure.ktap"
}

panic()
{
	guest panic 'echo c >/proc/sysrq-trigger'
	expect 2 'no verdict: panic or reboot' &&
		expect 2 'Kernel panic - not syncing: sysrq triggered crash'
}

# Powering off leaves QEMU with status 0, as success of most programs would.
poweroff()
{
	guest poweroff 'poweroff -f'
	expect 2 'no verdict'
}

# The limit has to leave time to boot, which depends on what else the machine
# does; so a guest that was stopped too early is tried again.
hang()
{
	local limit
	for limit in 20 60 240; do
		guest hang 'echo still here; sleep 1000' --limit "$limit"
		expect 2 "no verdict: hung, stopped after $limit s" || return 1
		expect 2 'still here' && return
	done
	return 1
}

# Every byte comes back, also with kernel messages in between.
files()
{
	local sum
	guest files 'for n in 1 2 3 4 5 6 7 8; do
			head -c 30000 /bin/busybox
			echo "message $n" >/dev/kmsg
		done >/tmp/data
		guest-put data </tmp/data && sha256sum </tmp/data | guest-put sum' \
		--files "$scratch/back"
	expect 0 'job succeeded' || return 1
	sum=$(sha256sum <"$scratch/back/data")
	if [ "$(stat -c %s "$scratch/back/data")" != 240000 ] ||
		[ "$sum" != "$(cat "$scratch/back/sum")" ]; then
		ls -l "$scratch/back"
		return 1
	fi
}

# Its output and its command line name the guest, so QEMU is found by that.
running()
{
	pgrep -f "^[^ ]*qemu-system.*/check-test-qemu-$1\\.ktap" >"$scratch/pids"
}

# Waits until QEMU of guest NAME runs (yes) or has gone (no).
becomes() # NAME yes|no
{
	local is
	for _ in $(seq 150); do
		is=no
		if running "$1"; then is=yes; fi
		[ "$is" != "$2" ] || return 0
		sleep 0.2
	done
	echo "guest $1 runs: $is, wanted: $2"
	return 1
}

# A runner that is ended leaves no QEMU behind, however it was ended: that of
# make shell by the loss of its terminal, too.
runner_ends()
{
	local tree=$scratch/ends sig pid bad=0
	mkdir -p "$tree"
	printf '#!/bin/sh\nsleep 1000\n' >"$tree/job"
	chmod 755 "$tree/job"
	"$here/initramfs.sh" pack "$tree" "$tree.cpio"
	for sig in TERM KILL; do
		"$here/qemu.sh" --kernel stock --name "check-test-qemu-$sig" \
			--initrd "$tree.cpio" --limit 300 >"$scratch/$sig" 2>&1 &
		pid=$!
		becomes "$sig" yes || bad=1
		kill "-$sig" "$pid"
		wait "$pid" 2>/dev/null
		becomes "$sig" no || bad=1
	done
	python3 -c '
import os, pty, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
sys.stdin.readline()
os.close(terminal)
os.waitpid(pid, 0)' "$here/qemu.sh" --kernel stock --name check-test-qemu-HUP \
		--initrd "$tree.cpio" --shell < <(becomes HUP yes >&2; echo) || bad=1
	becomes HUP no || bad=1
	# Only what this test started can have these names.
	for sig in TERM KILL HUP; do
		if running "$sig"; then xargs kill -KILL <"$scratch/pids"; fi
	done
	return "$bad"
}

# One kind of splat after another, each in a log that is otherwise empty, and
# pages that stayed live; between them logs that have to pass.
splats=(
	'WARNING: CPU: 0 PID: 1 at mm/slab.c:1 f+0x1/0x2'
	'kernel BUG at mm/slab.c:1!'
	'BUG: KASAN: slab-use-after-free in f+0x1/0x2'
	'UBSAN: array-index-out-of-bounds in a.c:1:2'
	'Oops: general protection fault, probably for non-canonical address'
	'BUG: sleeping function called from invalid context at a.c:1'
	'WARNING: possible circular locking dependency detected'
	'INFO: task rw:77 blocked for more than 60 seconds.'
	'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:'
	'refcount_t: underflow; use-after-free.'
	'watchdog: BUG: soft lockup - CPU#0 stuck for 22s!'
	'kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)'
	'rust_kernel: panicked at a.rs:1:2:'
	'BUG: Bad page state in process rw  pfn:1'
)

log_checks()
{
	local text job

	job='try() { # ok|"not ok" ROW WHAT
		/lib/ferrio/guest-log stock >/tmp/said
		grep -q "^$1 . $2" /tmp/said && return
		echo "$3: wanted $1 $2, got:"; cat /tmp/said; bad=1
	}
	bad=0
	echo "program 0" >/tmp/live_pages
	dmesg -C; try ok clean "empty log"; try ok live_pages "no live page"
	echo "a WARN-free line, no bug" >/dev/kmsg; try ok clean "harmless line"
	rm /tmp/live_pages; try "not ok" live_pages "counter never read"
	echo "program 3" >/tmp/live_pages; try "not ok" live_pages "three pages"
	'
	for text in "${splats[@]}"; do
		job+="dmesg -C; echo '$text' >/dev/kmsg; try 'not ok' clean '$text'
		"
	done
	guest log-checks "$job"'exit $bad'
	if ! expect 0 'job succeeded'; then
		cat "$log/check-test-qemu-log-checks.ktap"
		return 1
	fi
}

tests='success failure panic poweroff hang files runner_ends log_checks'
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $tests
mkdir -p "$log"
echo "TAP version 13"
echo "1..$#"
number=0 failed=0
for test; do
	number=$((number + 1))
	if "$test" >"$scratch/said" 2>&1; then
		echo "ok $number $test"
	else
		sed 's/^/# /' "$scratch/said"
		echo "not ok $number $test"
		failed=1
	fi
done
exit $failed
