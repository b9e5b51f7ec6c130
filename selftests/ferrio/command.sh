#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The command ferrio with the modules loaded: what it says of rings and files that others
# hold, what goes through cat and pipe, and each error with its status.
set -u

here=$(cd "$(dirname "$0")" && pwd)
ferrio=$here/ferrio
dir=/tmp/ferrio-test
number=0 failed=0

# NAME WANTED GOT
same()
{
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number $1"
		return
	fi
	echo "$3" | sed 's/^/# printed: /'
	echo "$2" | sed 's/^/# not:     /'
	echo "not ok $number $1"
	failed=1
}

# What it says on the standard error, and its status.
said()
{
	{ "$@" >/dev/null; } 2>&1
	echo "status $?"
}

# The value of a key of the first object of JSON that has it; FILTER picks the object.
value() # KEY [FILTER]
{
	tr '\n' ' ' | sed 's/": */":/g' | sed 's/[{}]/\n/g' | grep "${2-}" |
		grep -o "\"$1\":[^,]*" | head -n 1 | sed 's/^[^:]*: *//; s/ *$//'
}

as_nobody()
{
	su -s /bin/sh nobody -c "$*"
}

echo "TAP version 13"
if [ ! -c /dev/file_loader ] || [ ! -c /dev/ringbuffer ]; then
	echo "1..0 # SKIP no /dev/ringbuffer or /dev/file_loader: insmod them"
	exit 4
fi
echo "1..41"
mkdir "$dir"
chmod 755 "$dir"
# A whole file, and one of 8 MiB.
printf abc >"$dir/abc"
abc=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
head -c 8388608 /dev/urandom >"$dir/big"
big=$(sha256sum <"$dir/big")

# --- status ---
# A ring with 3000 bytes in it, held by this shell and, as what it has is handed on, by
# the command itself.
exec 5<>/dev/ringbuffer
head -c 3000 /dev/zero >&5
"$ferrio" status --json >"$dir/json"
id=$(sed -n 's/^rb-id:[[:space:]]*//p' /proc/$$/fdinfo/5)
of() { value "$1" "\"id\":$id," <"$dir/json"; }
same status_ring "id $id, 65536, 3000, 0, 3000" \
	"id $(of id), $(of size), $(of written), $(of read), $(of fill)"
same status_holder "$$ \"plain\" 5" "$(value pid "\"pid\":$$," <"$dir/json") $(
	value kind "\"pid\":$$,.*\"fd\":5" <"$dir/json") $(
	value fd "\"pid\":$$,.*\"fd\":5" <"$dir/json")"
same status_module 'true "live"' "$(value loaded '"name":"ringbuffer"' <"$dir/json") $(
	value state '"name":"ringbuffer"' <"$dir/json")"
same status_version "\"$(cat /sys/module/ringbuffer/version)\"" \
	"$(value version '"name":"ringbuffer"' <"$dir/json")"
same status_device 'true "0666" true' "$(
	value right '"path":"/dev/ringbuffer"' <"$dir/json") $(
	value mode '"path":"/dev/ringbuffer"' <"$dir/json") $(
	value may_open '"path":"/dev/ringbuffer"' <"$dir/json")"
same status_all_looked_at 0 "$(value not_inspected <"$dir/json")"
same status_text "$id /dev/ringbuffer, 64 KiB of bytes, 4 % full (2.9 KiB)" "$("$ferrio" status 5<&- |
	grep "^ *$id " | sed 's/^ *//; s/  */ /g')"
same status_of_others '1' "$(as_nobody "$ferrio status" | grep -c 'processes.* not looked at: run as root')"
same status_others_rings 'rings: 0' "$(as_nobody "$ferrio status" 5<&- | grep '^rings:')"
# Two looks; between them the ring is emptied.
"$ferrio" status --json --watch=1 >"$dir/watch" 5<&- &
watch=$!
for _ in $(seq 100); do
	[ "$(wc -l <"$dir/watch")" -lt 1 ] || break
	sleep 0.1
done
head -c 3000 <&5 >/dev/null
for _ in $(seq 200); do
	[ "$(wc -l <"$dir/watch")" -lt 3 ] || break
	sleep 0.1
done
kill -INT $watch
wait $watch
same watch_ends "status 0" "status $?"
same watch_looks '3000 0' "$(head -n 1 "$dir/watch" | value fill "\"id\":$id,") $(
	sed -n 3p "$dir/watch" | value fill "\"id\":$id,")"
exec 5>&-
same status_ring_is_gone '' "$("$ferrio" status --json | value fill "\"id\":$id,")"
same status_reader_has_enough 0 "$( ("$ferrio" status; echo $? >"$dir/status") | head -n 1 >/dev/null
	cat "$dir/status")"

# --- load ---
"$ferrio" load --json "$dir/abc" >"$dir/load"
got() { value "$1" <"$dir/load"; }
same load_digest "\"$abc\" 3" "$(got sha256) $(got bytes)"
same load_file "\"$dir/abc\" $(stat -c %i "$dir/abc")" "$(got path) $(got inode)"
same load_time "\"$(stat -c %Y "$dir/abc")" "$(got modified | sed 's/\..*//')"
same load_purpose '"policy" 0' "$("$ferrio" load --json --purpose policy "$dir/abc" >"$dir/load"
	got purpose) $(got uid)"
same load_as_init "\"$abc\"" "$("$ferrio" load --json --as-init "$dir/abc" | value sha256)"
same load_content "$big" "$("$ferrio" load -o - "$dir/big" 2>/dev/null | sha256sum)"
"$ferrio" load -o "$dir/copy" "$dir/big" >/dev/null
same load_to_file "$big" "$(sha256sum <"$dir/copy")"
rm "$dir/copy"
same load_pinned "status 0" "$(said "$ferrio" load --sha256 $abc "$dir/abc")"
same load_other_content "ferrio: $dir/abc: Bad message (os error 74): it is not what is pinned; ferrio load without the pin says what it is
status 1" "$(said "$ferrio" load --sha256 "$(echo $abc | tr 0-9 1-90)" "$dir/abc")"
same load_too_large "ferrio: $dir/abc: File too large (os error 27): it has 3 B, --max is 2 B; --max 3 would do
status 1" "$(said "$ferrio" load --max 2 "$dir/abc")"
same load_writer "ferrio: $dir/abc: Text file busy (os error 26): it is open for writing; fuser -v FILE says who has it
status 1" "$(exec 3>>"$dir/abc"; said "$ferrio" load "$dir/abc")"
same load_no_file "ferrio: $dir/none: No such file or directory (os error 2); look at the name
status 1" "$(said "$ferrio" load "$dir/none")"
mkfifo "$dir/fifo"
same load_fifo 'status 1' "$(said timeout 20 "$ferrio" load "$dir/fifo" | tail -n 1)"
same load_name 'ferrio: /tmp/ferrio-test/a\u{1b}[2J: No such file or directory (os error 2); look at the name
status 1' "$(said "$ferrio" load "$dir/$(printf 'a\033[2J')")"
same load_directory "ferrio: $dir: no regular file; only such can be loaded
status 1" "$(said "$ferrio" load "$dir")"
# One of two: the other one is loaded.
same load_goes_on "$abc status 1" "$("$ferrio" load "$dir/none" "$dir/abc" 2>/dev/null |
	sed -n 's/^sha256  //p') $(said "$ferrio" load "$dir/none" "$dir/abc" | tail -n 1)"
same load_no_permission "ferrio: /dev/file_loader: Permission denied (os error 13); it is root's, and the group ferrio's where udev knows of it: sudo, or join the group" \
	"$(as_nobody "$ferrio load $dir/abc" 2>&1)"
same load_usage 'status 2' "$(said "$ferrio" load --sha256 abc "$dir/abc" | tail -n 1)"

# --- cat and pipe ---
same cat_content "$big" "$("$ferrio" cat <"$dir/big" | sha256sum)"
same cat_files "abcabc status 1" "$("$ferrio" cat --size 4096 "$dir/abc" "$dir/none" "$dir/abc" 2>/dev/null
	echo " status $?")"
# A reader that has enough is nothing to speak of.
{ "$ferrio" cat "$dir/big" 2>"$dir/said"; echo $? >>"$dir/said"; } | head -c 1 >/dev/null
same cat_reader_has_enough 0 "$(cat "$dir/said")"
same pipe_content "$big" "$("$ferrio" pipe cat "$dir/big" -- cat -- sha256sum)"
same pipe_status '3 0 4 127 143' "$(
	"$ferrio" pipe true -- sh -c 'exit 3'; printf "%s " $?
	"$ferrio" pipe sh -c 'exit 4' -- true; printf "%s " $?
	"$ferrio" pipe --pipefail sh -c 'exit 4' -- true; printf "%s " $?
	"$ferrio" pipe true -- /no/such/command 2>/dev/null; printf "%s " $?
	"$ferrio" pipe true -- sh -c 'kill -TERM $$'; printf %s $?)"
# What a shell has in the background ignores SIGINT; so do the commands.
same pipe_ignored 'SigIgn: 2' "$( (trap '' INT; exec "$ferrio" pipe true -- cat /proc/self/status) |
	sed -n 's/^SigIgn:.*\(.\)$/SigIgn: \1/p')"
# A producer without a consumer gets SIGPIPE, as in a shell.
same pipe_broken 0 "$(timeout 20 "$ferrio" pipe yes -- true; echo $?)"
# What is sent to it goes on to them, and none is left.
sleepers()
{
	grep -lx sleep /proc/[0-9]*/comm 2>/dev/null | wc -l
}
"$ferrio" pipe sleep 1234 -- sleep 1234 &
pipe=$!
for _ in $(seq 1000); do
	[ "$(sleepers)" -lt 2 ] || break
done
kill -TERM $pipe
wait $pipe
same pipe_signal "143, 0 left" "$?, $(sleepers) left"

# --- doctor, and nothing there ---
# What is loaded and not installed is gone with the next boot: a warning.
same doctor 'warn module-ringbuffer
warn module-file_loader
warn module-iov_copy
ok limits-ringbuffer
ok limits-file_loader' "$("$ferrio" doctor | awk '$2 ~ /^(module|limits)-/ { print $1, $2 }')"
rmmod file_loader
same load_no_module "ferrio: /dev/file_loader: No such file or directory (os error 2); the module is not loaded: sudo modprobe file_loader
status 1" "$(said "$ferrio" load "$dir/abc")"
insmod "${FERRIO_MODULES:-/modules}/file_loader.ko"

rm -r "$dir"
exit $failed
