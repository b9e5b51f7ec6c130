#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fetch.sh - choose the stock kernel, fetch and unpack its packages
#
# KVER=<release> names one, KVER=latest chooses anew; otherwise the recorded
# choice is kept.  Packages stay in debs/ of the cache: a release whose
# packages are all there needs the archive no more.
set -eu
FERRIO_VERB=${FERRIO_VERB:-kdir}
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-lib.sh
. "$FERRIO_BED/prep-lib.sh"

debs=$FERRIO_CACHE/debs

# The packages of a release, all of one version.
names() {
	local abi=${1%-"$FERRIO_ARCH"}
	echo "linux-headers-$1 linux-headers-$abi-common linux-kbuild-$abi" \
		"linux-binary-$1 linux-modules-$1 linux-source-$(series_of "$1")"
}

# deb_file name version: the file in the cache, or nothing.
deb_file() {
	local f
	for f in "$debs/$1_$2_$FERRIO_ARCH.deb" "$debs/$1_$2_all.deb"; do
		if [ -e "$f" ]; then echo "$f"; fi
	done
}

# The newest version of a release of which every package is in the cache.
cached_version() {
	local f v n best='' whole
	for f in "$debs/linux-headers-$1_"*"_$FERRIO_ARCH.deb"; do
		[ -e "$f" ] || continue
		v=${f#"$debs/linux-headers-$1_"}
		v=${v%"_$FERRIO_ARCH.deb"}
		whole=y
		for n in $(names "$1"); do
			[ -n "$(deb_file "$n" "$v")" ] || whole=
		done
		if [ -n "$whole" ]; then best="$best $v"; fi
	done
	# shellcheck disable=SC2086 # a list
	printf '%s\n' $best | sort -V | tail -n 1
}

cached_releases() {
	local f r
	for f in "$debs/linux-headers-"*"-${FERRIO_ARCH}_"*; do
		[ -e "$f" ] || continue
		r=${f#"$debs/linux-headers-"}
		r=${r%%_*}
		if [ -n "$(cached_version "$r")" ]; then echo "$r"; fi
	done | sort -Vu
}

# Fresh package lists where we may; the lists that are there otherwise.
update_lists() {
	if [ "$(id -u)" != 0 ]; then return 0; fi
	step "package lists" in_root -C / apt-get update || {
		echo "  the archive does not answer, its last known state is used"
	}
}

# "release version" of every kernel of which the archive has all packages,
# oldest first.
offered() {
	# shellcheck disable=SC2016 # awk's own variables
	in_root -C / sh -c 'apt-cache madison $(
		apt-cache pkgnames linux-headers-
		apt-cache pkgnames linux-binary-
		apt-cache pkgnames linux-kbuild-
		apt-cache pkgnames linux-modules-
		apt-cache pkgnames linux-source-)' |
		awk -F '[| ]+' -v arch="-$FERRIO_ARCH" '
		{ have[$1 == "" ? $2 " " $3 : $1 " " $2] = 1 }
		END {
			for (k in have) {
				split(k, p, " ")
				r = p[1]
				if (!sub(/^linux-headers-/, "", r) ||
				    r !~ "^[0-9][^-]*" arch "$")
					continue
				abi = r
				sub(arch "$", "", abi)
				split(abi, d, ".")
				v = " " p[2]
				if (("linux-headers-" abi "-common" v) in have &&
				    ("linux-kbuild-" abi v) in have &&
				    ("linux-binary-" r v) in have &&
				    ("linux-modules-" r v) in have &&
				    ("linux-source-" d[1] "." d[2] v) in have)
					print r v
			}
		}' | sort -V
}

# Choose the newest release of the newest supported series; what the cache
# holds will do when the archive has none.
choose() {
	local series list
	list=$(
		offered
		for r in $(cached_releases); do
			echo "$r $(cached_version "$r")"
		done
	)
	for series in $(supported_series); do
		echo "$list" | sort -V | awk -v s="$series" '
			index($1, s ".") == 1 { last = $0 }
			END { if (last != "") print last }'
	done | head -n 1
}

record() {
	mkdir -p "$FERRIO_CACHE/kver"
	echo "$2" >"$FERRIO_CACHE/kver/$1.new"
	mv "$FERRIO_CACHE/kver/$1.new" "$FERRIO_CACHE/kver/$1"
}

# A Debian 13 host need not have the suite among its sources.
no_suite() {
	local suite
	for suite in $(supported_suites); do
		# shellcheck disable=SC2016 # apt's own format
		in_root -C / apt-get indextargets --no-release-info \
			--format '$(RELEASE)' 2>/dev/null | grep -x "$suite" >/dev/null ||
			echo "
  the sources of apt do not have $suite: add it, run apt-get update"
	done
}

no_such_kernel() {
	local list
	list=$(offered | cut -d ' ' -f 1 | xargs)
	die "kernel $1 is neither in the archive nor among the packages in $debs.
  the archive has: ${list:-none}
  the cache has: $(cached_releases | xargs)
  choose with KVER=<one of these>, or KVER=latest for the newest of series $(supported_series | xargs)$(no_suite)"
}

download() {
	local n list=()
	rm -rf "$debs/partial"
	mkdir -p "$debs/partial"
	for n in $(names "$KVER"); do
		if [ -z "$(deb_file "$n" "$1")" ]; then list+=("$n=$1"); fi
	done
	# apt writes under the final name while it loads; only what is whole
	# and verified leaves partial/.
	in_root -C "$debs/partial" apt-get -o APT::Sandbox::User=root \
		download "${list[@]}"
	mv "$debs/partial"/*.deb "$debs/"
	rmdir "$debs/partial"
}

unpack_stock() {
	local n
	rm -rf "$STOCK_PKG.tmp" "$STOCK_PKG"
	mkdir -p "$STOCK_PKG.tmp"
	for n in $(names "$KVER"); do
		case $n in linux-source-* | linux-modules-*) continue ;; esac
		in_root -C / dpkg-deb -x "$(deb_file "$n" "$KPKGVER")" \
			"$STOCK_PKG.tmp"
	done
	stamp "$STOCK_PKG.tmp" "$KPKGVER"
	mv "$STOCK_PKG.tmp" "$STOCK_PKG"
}

# Of the 4000 modules those that guests need, uncompressed: busybox inserts no others.
stock_modules() {
	sed 's/#.*//' "$FERRIO_BED/stock-modules" | xargs -n 1
}

unpack_modules() {
	local list
	mapfile -t list < <(stock_modules)
	rm -rf "$STOCK_MODULES.tmp" "$STOCK_MODULES"
	mkdir -p "$STOCK_MODULES.tmp/lib"
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root -C "$STOCK_MODULES.tmp" bash -o pipefail -euc '
		deb=$1 release=$2
		shift 2
		dpkg-deb --fsys-tarfile "$deb" | tar -x --strip-components=2 \
			"${@/#/./usr/lib/modules/$release/}"
		find . -name "*.xz" -exec unxz {} +
		depmod -b . "$release"
		' bash "$(deb_file "linux-modules-$KVER" "$KPKGVER")" "$KVER" \
		"${list[@]/%/.xz}"
	stamp "$STOCK_MODULES.tmp" "$modules"
	mv "$STOCK_MODULES.tmp" "$STOCK_MODULES"
}

unpack_source() {
	rm -rf "$KSRC.tmp" "$KSRC"
	mkdir -p "$KSRC.tmp"
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root -C / bash -o pipefail -euc '
		dpkg-deb --fsys-tarfile "$1" |
			tar -xO --wildcards "./usr/src/*.tar.xz" |
			xz -dc -T0 | tar -x --strip-components=1 -C "$2"
		' bash "$KSRC_DEB" "$KSRC.tmp"
	stamp "$KSRC.tmp" "$KPKGVER"
	mv "$KSRC.tmp" "$KSRC"
}

mkdir -p "$debs"
lock fetch
asked=$KVER
[ -z "${FERRIO_KVER_LATEST-}" ] || asked=latest
version=
case $asked in
'' | latest) ;;
*)
	version=$(cached_version "$asked")
	if [ -n "$version" ] && [ "${KPKGVER:-$version}" != "$version" ] &&
		[ -n "$(deb_file "linux-headers-$asked" "$KPKGVER")" ]; then
		# Two packagings of one release: stay with the one in use.
		version=$KPKGVER
	fi
	;;
esac
if [ -z "$version" ]; then
	update_lists
	case $asked in
	'' | latest)
		KVER=
		read -r KVER version <<<"$(choose)" || true
		if [ -z "$version" ]; then
			no_such_kernel "of series $(supported_series | xargs)"
		fi
		;;
	*)
		version=$(offered | awk -v r="$asked" '$1 == r { v = $2 }
			END { print v }')
		[ -n "$version" ] || no_such_kernel "$asked"
		;;
	esac
fi
if [ -z "$(series_suite "$(series_of "$KVER")")" ]; then
	echo "  note: series $(series_of "$KVER") is not among the supported ($(supported_series | xargs))"
fi
[ "$(cached_version "$KVER")" = "$version" ] ||
	step "fetch the packages of $KVER, $version" download "$version"
record "$KVER" "$version"
set_kver "$KVER"
if is_current "$STOCK_PKG" "$KPKGVER"; then
	current "packages of $KVER"
else
	step "unpack the packages of $KVER" unpack_stock
fi
modules=$(hash_of "$KPKGVER" "$(stock_modules)")
if is_current "$STOCK_MODULES" "$modules"; then
	current "modules of $KVER"
else
	step "unpack modules of $KVER" unpack_modules
fi
if is_current "$KSRC" "$KPKGVER"; then
	current "kernel source $KPKGVER"
else
	step "unpack the kernel source $KPKGVER" unpack_source
fi
# The choice is recorded last: until then every run makes it again.
case $asked in
'' | latest) record default "$KVER $(series_of "$KVER")" ;;
esac
