#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run-file.sh [FILE]: make run.  Moves a real file (the source package of the
# kernel) between processes in a guest with the stock kernel, loads it and the kernel's
# own image by file_loader.ko, and compares what arrived with what the host has; reads
# what drivers write in a timer's interrupt.
#
# shellcheck disable=SC2317 # functions are called by step
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
FERRIO_VERB=${FERRIO_VERB:-run}
export FERRIO_VERB
# shellcheck source=env.sh
. "$here/env.sh"
may_work

# Of the make that called us: they are not for the builds below.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

file=${1-}
if [ -n "$file" ]; then
	if [ ! -f "$file" ] || [ ! -r "$file" ]; then
		die "$file: no such file, or not readable"
	fi
	file=$(realpath "$file")
fi
cd "$FERRIO_TOP"

src=$FERRIO_TOP/selftests/run
tree=$FERRIO_OUT/guest/run
input=$tree/input/file
results=$FERRIO_OUT/log/run.ktap
# What makes tar's output depend on the content alone.
tar_options='--format=ustar --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=0644'

programs()
{
	rm -rf "$tree"
	mkdir -p "$tree"/{input,modules,run-bin}
	cp "$FERRIO_OUT/modules/stock"/{ringbuffer,file_loader,drivers/ring_timer_*}.ko \
		"$tree/modules/"
	install -m 755 "$src/guest-run" "$tree/job"
	echo "$tar_options" >"$tree/tar-options"
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root sh -eu -c '
		src=$1 tree=$2 uapi=$3 user=$4 samples=$5
		cc="gcc -O2 -Wall -Wextra -Werror -I$uapi -I$user"
		$cc -o "$tree/run-bin/ring-run" "$src/ring-run.c" "$src/channel.c"
		$cc -o "$tree/run-bin/ring-move" "$src/ring-move.c" \
			"$src/send.c" "$src/receive.c" "$src/channel.c" -lcrypto
		for name in load ring_timer; do
			$cc -o "$tree/run-bin/$name" "$samples/$name.c"
		done
		# Unmodified programs, with the libraries that they ask for.
		for name in tar zstd sha256sum yes head; do
			file=$(PATH=/usr/bin command -v $name)
			cp --parents -L "$file" "$tree"
			ldd "$file"
		done >"$tree/ldd"
		ldd "$tree/run-bin/ring-move" >>"$tree/ldd"
		grep -o "/[^ ]*" "$tree/ldd" | sort -u |
			xargs -I LIB cp --parents -L LIB "$tree"
		rm "$tree/ldd"
	' sh "$src" "$tree" "$FERRIO_TOP/rust/uapi" "$FERRIO_TOP/rust/user/include" \
		"$FERRIO_TOP/samples"
}

# Without compression: the guest has the file in its page cache from the start.
archive()
{
	cp "$file" "$input"
	cp "$STOCK_VMLINUZ" "$tree/input/vmlinuz"
	chmod 644 "$tree/input"/*
	"$here/initramfs.sh" pack "$tree" "$tree.cpio"
}

# The same programs over the host's pipes; written where nothing is mixed in.
expected()
{
	local sums=$FERRIO_OUT/guest/run.sums
	rm -f "$sums"
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root sh -eu -c '
		sum() {
			sha256sum | sed "s/ .*//; s/^/$1=/"
		}
		sum file <"$1/file"
		sum image <"$1/vmlinuz"
		tar $2 -cf - -C "$1" file | zstd -q -1 -T1 -c | sum tar
		yes | head -c "$(stat -c %s "$1/file")" | sum yes
	' sh "$tree/input" "$tar_options" >"$sums.new"
	mv "$sums.new" "$sums"
}

# One line that says where the guest is, as long as it runs.
progress() # PID
{
	local said='' last='' stage='' percent='' line
	while kill -0 "$1" 2>/dev/null; do
		sleep 0.5
		while read -r line; do
			case $line in
			'# '[0-9]*%) percent=${line#\# } ;;
			*) stage=${line#\# } percent='' ;;
			esac
		done < <(grep -a '^# ' "$results" 2>/dev/null)
		stage=${stage:-guest boots}
		last="$stage $percent"
		if [ -t 1 ]; then
			printf '\r  %3d s  %-70.70s' $((SECONDS - began)) "$last"
		elif [ "$stage" != "$said" ]; then
			printf '  %3d s  %s\n' $((SECONDS - began)) "$stage"
		fi
		said=$stage
	done
	if [ -t 1 ]; then printf '\r%-80s\r' ''; fi
}

# Seconds of the steps that fetch, from their lines.
fetched()
{
	sed -En 's/^  (package lists|Debian 13 base system|tool chain|fetch ).* ([0-9]+) s$/\2/p' "$1" |
		awk '{ sum += $1 } END { print sum + 0 }'
}

mkdir -p "$FERRIO_OUT/log"
"$here/kdir.sh" | tee "$FERRIO_OUT/log/run-kdir.log"
# kdir.sh may have chosen the release just now.
case $KVER in latest) KVER='' ;; esac
# shellcheck source=env.sh
. "$here/env.sh"
step 'modules for the stock kernel' make modules-stock
file=${file:-$KSRC_DEB}
bytes=$(stat -c %s "$file")
[ "$bytes" -gt 0 ] || die "$file is empty: give another one, make run FILE=..."
[ "$bytes" -le $((1 << 30)) ] || die "$file has more than 1 GiB, which the guest could not hold: give a smaller one, make run FILE=..."
step 'programs of the run' programs
step "archive of $(basename "$file")" archive
prepared=$SECONDS
echo "  guest runs under $("$here/qemu.sh" --accel)"
echo

began=$SECONDS
# Of the run before: it would be taken for the progress of this one.
rm -f "$results"
# TCG does rep movsb byte by byte: without it every kind of channel is faster.
"$here/qemu.sh" --kernel stock --initrd "$tree.cpio" --name run --no-erms \
	--cpus 2 --mem $((1024 + bytes * 2 / (1 << 20))) --limit 900 \
	>"$FERRIO_OUT/log/run.log" 2>&1 &
guest=$!
trap 'kill "$guest" 2>/dev/null; exit 1' HUP INT TERM
expected &
sums=$!
progress "$guest"
status=0
wait "$guest" || status=$?
wait "$sums"
rm -rf "$tree.cpio" "$tree"
if [ "$status" -gt 1 ]; then
	cat "$FERRIO_OUT/log/run.log" >&2
	exit 1
fi

echo "$(basename "$file"), $bytes bytes"
mapfile -t sums <"$FERRIO_OUT/guest/run.sums"
verdict=0
in_root python3 -B "$src/table.py" "$results" "$bytes" \
	"$FERRIO_OUT/run/latest.md" "${sums[@]}" || verdict=1
[ "$status" = 0 ] || verdict=1
echo
loaded=$(fetched "$FERRIO_OUT/log/run-kdir.log")
echo "  prepared in $((prepared - loaded)) s (and $loaded s in steps that fetch), guest $((SECONDS - began)) s"
if [ $verdict = 0 ]; then
	echo 'make run: all bytes arrived unchanged'
else
	echo "make run: FAILED; logs: $FERRIO_OUT/log/run.*" >&2
fi
exit $verdict
