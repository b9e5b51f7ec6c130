#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does make kdir choose, fetch and prepare the right kernel, and say clearly
# what it cannot do?  The archive is made up (prep-archive.sh), the tools are
# real.
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-ktap.sh
. "$FERRIO_BED/prep-ktap.sh"

tmp=$(mktemp -d /tmp/ferrio-kdir.XXXXXX)
trap 'rm -rf "$tmp"' EXIT

series=$(supported_series | head -n 1)
old=$series.4+deb13-amd64
new=$series.10+deb13-amd64
"$FERRIO_BED/prep-archive.sh" "$tmp" "$old" "$new" \
	"$series.11+deb13-amd64-" 1.2.3+deb13-amd64
# The root stays the real one; everything else is under tmp.
export FERRIO_ROOT APT_CONFIG="$tmp/apt.conf"
cache=$tmp/cache
unset KVER FERRIO_VERB FERRIO_PLANNED FERRIO_KVER_ASKED FERRIO_KVER_LATEST

# verb [VAR=value...] script: its output, and the status in the last line
verb() {
	set +e
	env FERRIO_CACHE="$cache" FERRIO_OUT="$tmp/out" "${@:1:$#-1}" \
		"$FERRIO_BED/${*: -1}" 2>&1
	echo "status $?"
	set -e
}

has() {
	case $3 in
	*"$2"*) result "$1" 0 ;;
	*) result "$1" 1 "expected to find: $2
seen: $3" ;;
	esac
}

# What make was asked in the made-up source since the last look; it runs
# what it may in parallel, so the order says nothing.
count() {
	sort "$cache/kdir/count" 2>/dev/null | xargs
	rm -f "$cache/kdir/count"
}

plan_tests 29

# --- choosing ---
out=$(verb kdir.sh)
same newest-of-series "KDIR=$cache/kdir/$new
status 0" "$(echo "$out" | tail -n 2)"
same whole-procedure "config modules_prepare prepare" "$(count)"
has plan-before-fetch "To be made in $cache, at most:
  kernel packages and source " "$out"
same symvers-and-image "_Rgood image $new" "$(awk '{ print $2 }' \
	"$cache/kdir/$new/Module.symvers") $(cat \
	"$cache/stock/$new/usr/lib/modules/$new/vmlinuz")"
same modules-of-the-guests "$(sed 's/#.*//' "$FERRIO_BED/stock-modules" | xargs -n 1 |
	sort)" "$(cd "$cache/modules/$new/lib/modules/$new" &&
	cut -d : -f 1 modules.dep | sort)"
same unsigned '# CONFIG_MODULE_SIG_ALL is not set' \
	"$(grep MODULE_SIG_ALL "$cache/kdir/$new/.config")"
out=$(verb kdir.sh)
same second-run-does-nothing "" "$(count)"
same second-run-says-so 5 "$(echo "$out" | grep -c ' current$')"
out=$(verb KVER="$old" kdir.sh)
same kver-overrides "KDIR=$cache/kdir/$old" "$(echo "$out" | grep KDIR=)"
same default-stays "$new" "$(cut -d ' ' -f 1 "$cache/kver/default")"
out=$(verb KVER=1.2.3+deb13-amd64 kdir.sh)
has other-series-is-noted "note: series 1.2 is not among the supported" "$out"
count >"$tmp/ignored"

# --- what is not there ---
message() {
	echo "fetch.sh: kernel $1 is neither in the archive nor among the packages in $cache/debs.
  the archive has: $2
  the cache has: $3
  choose with KVER=<one of these>, or KVER=latest for the newest of series $(supported_series | xargs)
status 1"
}
all="1.2.3+deb13-amd64 $old $new"
same made-up-kver "$(message 99.9.9+deb13-amd64 "$all" "$all")" \
	"$(verb KVER=99.9.9+deb13-amd64 kdir.sh | sed -n '/^fetch.sh:/,$p')"
same no-release-by-its-name "kdir.sh: KVER=1.2.3 is no release of a Debian kernel, which looks like 7.3.4+deb13-amd64
status 1" "$(verb KVER=1.2.3 kdir.sh)"
same incomplete-is-not-offered "$(message "$series.11+deb13-amd64" "$all" \
	"$all")" "$(verb KVER="$series.11+deb13-amd64" kdir.sh |
	sed -n '/^fetch.sh:/,$p')"

# --- the archive moves on ---
find "$tmp/archive" -name Packages -exec truncate -s 0 {} +
rm -f "$tmp/archive/"*.deb
in_root -C / apt-get -q update >/dev/null
rm -rf "$cache/kdir" "$cache/stock" "$cache/src" "$cache/kver"
out=$(verb KVER="$old" kdir.sh)
same archive-moved-on "KDIR=$cache/kdir/$old" "$(echo "$out" | grep KDIR=)"
out=$(verb kdir.sh)
same newest-in-the-cache "KDIR=$cache/kdir/$new" "$(echo "$out" | grep KDIR=)"
rm -f "$cache/debs/linux-source-$series"_*
rm -rf "$cache/kver"
: >"$tmp/sources.list"
same nothing-left "$(message "of series $(supported_series | xargs)" none \
	1.2.3+deb13-amd64 | sed "\$i\\  the sources of apt do not have $(
	supported_suites | head -n 1): add it, run apt-get update")" "$(verb kdir.sh | sed -n '/^fetch.sh:/,$p')"
rm -rf "$cache"
verb kdir.sh >"$tmp/ignored"
same failure-leaves-no-tree "" "$(ls "$cache/kdir" 2>/dev/null)"

# --- steps that fail or are interrupted ---
"$FERRIO_BED/prep-archive.sh" "$tmp" "$old"
out=$(verb FAKE_RUSTC=2 kdir.sh)
has other-rustc 'the kernel was built with CONFIG_RUSTC_VERSION_TEXT="rustc 1", here it is CONFIG_RUSTC_VERSION_TEXT="rustc 2"' \
	"$out"
out=$(verb FAKE_OPTION=CONFIG_STRANGE=y kdir.sh)
has strange-option "    | these options came out otherwise than in the kernel: CONFIG_STRANGE" \
	"$out"
out=$(verb FAKE_SYMBOL=bad kdir.sh)
has strange-symbol "    | _Rbad
    | these Rust symbols of the tree are not in the kernel" "$out"
count >"$tmp/ignored"
rm -rf "$cache/kdir"
out=$(verb FAKE_FAIL=modules_prepare kdir.sh)
has failure-shows-the-log "    | made to fail" "$out"
count >"$tmp/ignored"
verb kdir.sh >"$tmp/ignored"
same goes-on-after-failure "modules_prepare prepare" "$(count)"
rm -rf "$cache/kdir"
FAKE_HANG=prepare FERRIO_CACHE=$cache FERRIO_OUT=$tmp/out setsid \
	"$FERRIO_BED/kdir.sh" >"$tmp/ignored" 2>&1 &
pid=$!
for _ in $(seq 300); do
	[ ! -e "$cache/kdir/hangs" ] || break
	sleep 0.1
done
kill -TERM -- "-$pid"
wait "$pid" 2>"$tmp/ignored" || true
count >"$tmp/ignored"
verb kdir.sh >"$tmp/ignored"
same goes-on-after-interrupt "modules_prepare prepare yes" \
	"$(count) $([ -e "$cache/kdir/$old/.ferrio-stamp" ] && echo yes)"

# --- the choice is kept until it is asked for anew ---
"$FERRIO_BED/prep-archive.sh" "$tmp" "$old" "$new"
rm -rf "$cache/kdir"
same latest-chooses-anew "KDIR=$cache/kdir/$old
KDIR=$cache/kdir/$new
KDIR=$cache/kdir/$new" "$(for v in '' latest ''; do
	verb KVER=$v kdir.sh | grep KDIR=
done)"

# --- the machine ---
mkdir "$tmp/bin" "$tmp/empty"
printf '#!/bin/sh\necho 1000\n' >"$tmp/bin/id"
printf '#!/bin/sh\necho head\necho x x x %s x x\n' 102400 >"$tmp/bin/df"
chmod +x "$tmp/bin/id" "$tmp/bin/df"
printf 'ID=debian\nVERSION_ID=12\n' >"$tmp/debian-12"
cache=$tmp/empty
mv "$tmp/bin/df" "$tmp/df"
same without-root "kdir.sh: outside Debian 13 this needs root, for the Debian 13 build root; run:
  sudo make -C $FERRIO_TOP kdir KVER=$old FERRIO_CACHE=$cache
status 1" "$(verb PATH="$tmp/bin:$PATH" FERRIO_ROOT="$cache/root" KVER="$old" \
	FERRIO_OS_RELEASE="$tmp/debian-12" kdir.sh | tail -n 3)"
mv "$tmp/df" "$tmp/bin/df"
rm "$tmp/bin/id"
# Of a Debian 13 host, dpkg-query knows gcc and make only.
cat >"$tmp/bin/dpkg-query" <<'END'
#!/bin/sh
for p; do :; done
case $p in gcc | make) echo installed ;; *) exit 1 ;; esac
END
chmod +x "$tmp/bin/dpkg-query"
printf 'ID=debian\nVERSION_ID=13\n' >"$tmp/debian-13"
same host-lacks-packages "root.sh: packages are missing; run:
  sudo apt-get install --no-install-recommends $(sed 's/#.*//' \
	"$FERRIO_BED/prep-packages" | xargs | sed 's/^gcc make //')
status 1" "$(verb PATH="$tmp/bin:$PATH" FERRIO_OS_RELEASE="$tmp/debian-13" \
	root.sh)"
printf '#!/bin/sh\necho installed\n' >"$tmp/bin/dpkg-query"
same host-has-packages "status 0" "$(verb PATH="$tmp/bin:$PATH" \
	FERRIO_OS_RELEASE="$tmp/debian-13" root.sh | tail -n 1)"
same no-space "kdir.sh: $cache has 100 MiB free, 5500 MiB are needed; make room, or choose another place: make -C $FERRIO_TOP kdir FERRIO_CACHE=/elsewhere
status 1
nothing fetched" "$(verb PATH="$tmp/bin:$PATH" FERRIO_ROOT="$cache/root" \
	FERRIO_OS_RELEASE="$tmp/debian-12" kdir.sh | tail -n 2)
$([ -n "$(ls -A "$cache")" ] || echo nothing fetched)"
end_tests
