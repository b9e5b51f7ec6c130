#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs one guest and says how it ended.
#
#   --kernel stock|test|FILE  which kernel
#   --initrd FILE[+FILE...]   archives behind the base initramfs; one holds /job
#   --name NAME               of the logs, out/log/NAME.{console,ktap,files}
#   --limit SECONDS           wall clock, then the guest counts as hung
#   --cpus 1..4               (2)
#   --mem MIB                 (1024)
#   --append 'WORD...'        more of the kernel command line; NAME=value is in
#                             the job's environment
#   --files DIR               puts what the job sent with guest-put there
#   --icount                  guest time counts instructions; one CPU, TCG
#   --no-erms                 rep movsb counts one instruction per byte under
#                             icount: tell the guest not to use it
#   --fsrm                    tell it to use that for all copies and nothing else
#   --uefi FILE               variables of UEFI firmware, which then starts the guest
#   --shell                   console on this terminal
#   --accel                   only say which accelerator this machine gives
#
# Exit status: 0 the job succeeded, 1 the job failed, 2 there is no verdict
# (panic, hang, guest that ended without one), 3 the runner could not run it.
#
# shellcheck disable=SC2054 # the commas belong to QEMU's options
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"

die()
{
	echo "qemu.sh: $*" >&2
	exit 3
}

kernel='' initrd='' name='' limit='' cpus=2 mem=1024 append='' files=''
icount='' erms=',+erms' shell='' only_accel='' accel='' uefi=''

while [ $# -gt 0 ]; do
	case $1 in
	--icount) icount=1; shift; continue ;;
	--no-erms) erms=',-erms,-fsrm'; shift; continue ;;
	--fsrm) erms=',-erms,+fsrm'; shift; continue ;;
	--shell) shell=1; shift; continue ;;
	--accel) only_accel=1; shift; continue ;;
	esac
	[ $# -ge 2 ] || die "$1: a value is missing, or it is no option"
	case $1 in
	--kernel) kernel=$2 ;;
	--initrd) initrd=$2 ;;
	--name) name=$2 ;;
	--limit) limit=$2 ;;
	--cpus) cpus=$2 ;;
	--mem) mem=$2 ;;
	--append) append="$append $2" ;;
	--files) files=$2 ;;
	--uefi) uefi=$2 ;;
	--force-accel) accel=$2 ;;
	*) die "$1: no such option" ;;
	esac
	shift 2
done

# /dev/kvm may be there and yet run no guest (nested hosts), so only a guest
# that came to its verdict proves it.  The answer holds for this boot of this
# machine.
probe_accel()
{
	local key answer

	if [ ! -w /dev/kvm ]; then
		echo 'tcg no usable /dev/kvm'
		return
	fi
	key=$(cat /proc/sys/kernel/random/boot_id)
	answer=$FERRIO_CACHE/accel
	if [ -f "$answer" ] && [ "$(sed -n 1p "$answer")" = "$key" ]; then
		sed -n 2p "$answer"
		return
	fi
	local tree=$FERRIO_OUT/initramfs/probe said
	mkdir -p "$tree"
	printf '#!/bin/sh\nexit 0\n' >"$tree/job"
	chmod 755 "$tree/job"
	"$here/initramfs.sh" pack "$tree" "$tree.cpio"
	if "$0" --kernel stock --initrd "$tree.cpio" --name accel-probe \
		--limit 20 --force-accel kvm >/dev/null 2>&1; then
		said='kvm a guest ran under it'
	else
		said='tcg /dev/kvm runs no guest here, see accel-probe.console'
	fi
	mkdir -p "$FERRIO_CACHE"
	printf '%s\n%s\n' "$key" "$said" >"$answer"
	echo "$said"
}

why=
if [ -n "$icount" ]; then
	accel=tcg why='icount needs it'
elif [ -z "$accel" ]; then
	read -r accel why < <(probe_accel)
fi
if [ -n "$only_accel" ]; then
	echo "$accel ($why)"
	exit 0
fi

case $kernel in
stock) image=$STOCK_VMLINUZ ;;
test) image=$TEST_BZIMAGE ;;
'') die '--kernel is missing' ;;
*) image=$kernel ;;
esac
[ -f "$image" ] || die "$image is missing: make testbed"
[ -n "$initrd" ] || die '--initrd is missing'
[ -n "$name" ] || die '--name is missing'
[ -n "$limit$shell" ] || die '--limit is missing'
case $cpus in [1-4]) ;; *) die "--cpus $cpus: not 1 to 4" ;; esac

log=$FERRIO_OUT/log
mkdir -p "$log"
rm -f "$log/$name".{console,ktap,files,qemu}
: >"$log/$name.ktap"
: >"$log/$name.files"

# One file for QEMU.  Archives are padded to 512 bytes by cpio, so that the
# kernel finds the next one behind it.
all=$(mktemp "$FERRIO_OUT/initrd.XXXXXX")
trap 'rm -f "$all"' EXIT
IFS=+ read -r -a parts <<<"$initrd"
base=$("$here/initramfs.sh" base)
cat "$base" "${parts[@]}" >"$all"

# cryptomgr.notests: the stock kernel's crypto self-tests take two thirds of
# the CPU for a while.  log_buf_len: the log is read after the last test, and
# nothing of it may have been overwritten.  panic=-1 with -no-reboot ends QEMU
# at once, with status 0, which is no verdict.  no_timer_check: on a busy host a
# guest under TCG may get too few ticks while the kernel counts them, and then
# panics; under other hypervisors the kernel leaves that test out by itself.
cmdline="console=ttyS0 panic=-1 quiet cryptomgr.notests=1 log_buf_len=4M no_timer_check$append"
# identify_cpu() clears the boot CPU's feature bits before it reads them anew.
# An interrupt in between sees no LA57, so KASAN takes kernel addresses of
# 5-level paging for wild ones (one boot in thirty here); with four levels the
# bit is never asked for.
# SLUB keeps free objects of a size in arrays (sheaves), in which the pointer to one
# that was taken stays behind, so that kmemleak finds it: dozens of leaked objects of a
# size went unseen.  Caches with consistency checks have no such arrays.
if [ "$kernel" = test ]; then cmdline="$cmdline no5lvl slab_debug=F,kmalloc*,filp"; fi

args=(-nodefaults -no-user-config -display none -no-reboot
	-kernel "$image" -initrd "$all" -m "$mem"
	-device isa-debug-exit,iobase=0xf4,iosize=0x04)
case $accel in
kvm) args+=(-accel kvm -cpu host) ;;
*)
	if [ -n "$icount" ]; then
		args+=(-accel tcg,thread=single -icount shift=0,sleep=off)
		cpus=1
	else
		args+=(-accel tcg,thread=multi)
	fi
	args+=(-cpu "max$erms")
	;;
esac
args+=(-smp "$cpus")
if [ -n "$uefi" ]; then
	args+=(-machine q35,smm=off
		-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd
		-drive "if=pflash,format=raw,snapshot=on,file=$(realpath "$uefi")")
fi
if [ -n "$shell" ]; then
	args+=(-serial mon:stdio)
	limit=0
else
	args+=(-serial "file:$log/$name.console")
fi
args+=(-serial "file:$log/$name.ktap" -serial "file:$log/$name.files"
	-append "$cmdline")

# However this script ends, QEMU goes with it: the kernel sees to that.
status=0
if [ -n "$shell" ]; then
	in_root setpriv --pdeathsig TERM qemu-system-x86_64 "${args[@]}" ||
		status=$?
else
	in_root setpriv --pdeathsig TERM timeout -k 5 "$limit" \
		setpriv --pdeathsig KILL qemu-system-x86_64 "${args[@]}" \
		</dev/null >"$log/$name.qemu" 2>&1 || status=$?
fi

tails()
{
	local f

	# The reason stands above the call trace, which may be longer than what
	# is shown of it.
	grep -aE 'Kernel panic|BUG:|Oops:|WARNING:' "$log/$name.console" |
		head -n 5 | tr -d '\r'
	for f in "$log/$name".{console,ktap,qemu}; do
		if [ -s "$f" ]; then
			echo "--- last lines of $f"
			tail -n 25 "$f" | tr -d '\r'
		fi
	done
}

case $status in
33) verdict=0 text='job succeeded' ;;
35) verdict=1 text="job failed; its output: $log/$name.ktap" ;;
124 | 137) verdict=2 text="no verdict: hung, stopped after $limit s" ;;
0) verdict=2 text='no verdict: panic or reboot' ;;
*) verdict=3 text="QEMU failed with status $status" ;;
esac
if [ "$verdict" -lt 2 ] && [ -n "$files" ]; then
	python3 "$here/guest-files.py" "$log/$name.files" "$files" || verdict=3
fi
echo "guest $name: $text ($kernel kernel, $cpus CPU, $accel)"
[ "$verdict" -lt 2 ] || [ -n "$shell" ] || tails
exit "$verdict"
