# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# env.sh - where things are, and how a step is run; to be sourced by bash
#
#   FERRIO_TOP      the project
#   FERRIO_CACHE    what is expensive to make and independent of the working
#                   tree: build root, packages, kernel trees
#   FERRIO_ROOT     the Debian 13 build root (unused on Debian 13 itself)
#   FERRIO_OUT      logs and results of this working tree, ignored by git
#   KVER            release of the stock kernel, 7.3.4+deb13-amd64; the
#                   caller's, else what fetch.sh chose; empty before it chose
#   KPKGVER         version of its Debian packages, 7.3.4-1~bpo13+1
#   KSRC            its source, KSRC_DEB the package that it came in
#   STOCK_KDIR      build tree of the stock kernel, STOCK_VMLINUZ its image
#   STOCK_MODULES   lib/modules of it, less what no test needs
#   TEST_KDIR       build tree of the test kernel, TEST_BZIMAGE its image
#
# The paths follow from KVER alone; whether anything is there already is the
# business of kdir.sh and testkernel.sh.

FERRIO_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
FERRIO_BED=$FERRIO_TOP/selftests/testbed
FERRIO_CACHE=${FERRIO_CACHE:-${HOME:-/root}/.cache/ferrio}
case $FERRIO_CACHE in
/*) ;;
*) FERRIO_CACHE=$PWD/$FERRIO_CACHE ;;
esac
FERRIO_ROOT=${FERRIO_ROOT:-$FERRIO_CACHE/root}
FERRIO_OUT=${FERRIO_OUT:-$FERRIO_TOP/out}
FERRIO_ARCH=amd64

# The supported series, newest first.
supported_series() {
	awk '/^[0-9]/ { print $1 }' "$FERRIO_BED/supported"
}

# The suites of the archive that carry them.
supported_suites() {
	awk '/^[0-9]/ { print $2 }' "$FERRIO_BED/supported" | sort -u
}

# The suite of the archive that carries a series; empty if none is known.
series_suite() {
	awk -v want="$1" '$1 == want { print $2 }' "$FERRIO_BED/supported"
}

# 7.3.4+deb13-amd64 is of series 7.3.
series_of() {
	local IFS=. part
	read -ra part <<<"$1"
	echo "${part[0]-}.${part[1]-}"
}

# The recorded choice holds as long as its series is the newest supported.
default_kver() {
	local release series newest
	[ -r "$FERRIO_CACHE/kver/default" ] || return 0
	read -r release series <"$FERRIO_CACHE/kver/default" || return 0
	newest=$(supported_series)
	[ "$series" != "${newest%%$'\n'*}" ] || echo "$release"
}

# Set everything that follows from the kernel release.
set_kver() {
	KVER=$1
	KPKGVER=
	if [ -n "$KVER" ] && [ -r "$FERRIO_CACHE/kver/$KVER" ]; then
		read -r KPKGVER <"$FERRIO_CACHE/kver/$KVER"
	fi
	KSRC=$FERRIO_CACHE/src/linux-${KPKGVER:-none}
	KSRC_DEB=$FERRIO_CACHE/debs/linux-source-$(series_of "$KVER")_${KPKGVER}_all.deb
	STOCK_PKG=$FERRIO_CACHE/stock/${KVER:-none}
	STOCK_KDIR=$FERRIO_CACHE/kdir/${KVER:-none}
	STOCK_VMLINUZ=$STOCK_PKG/usr/lib/modules/${KVER:-none}/vmlinuz
	STOCK_MODULES=$FERRIO_CACHE/modules/${KVER:-none}
	TEST_KDIR=$FERRIO_CACHE/testkernel/${KVER:-none}
	TEST_BZIMAGE=$TEST_KDIR/arch/x86/boot/bzImage
	export KVER KPKGVER KSRC KSRC_DEB STOCK_PKG STOCK_KDIR STOCK_VMLINUZ
	export STOCK_MODULES
	export TEST_KDIR TEST_BZIMAGE
}

# What the user asked for, for messages; scripts that call each other keep it.
FERRIO_KVER_ASKED=${FERRIO_KVER_ASKED-${KVER-}}

# latest is for fetch.sh, which chooses anew; for all others it is what was
# chosen.
if [ "${KVER-}" = latest ]; then export FERRIO_KVER_LATEST=y; fi
if [ -n "${FERRIO_KVER_LATEST-}" ]; then KVER=; fi
set_kver "${KVER:-$(default_kver)}"
export FERRIO_TOP FERRIO_BED FERRIO_CACHE FERRIO_ROOT FERRIO_OUT FERRIO_ARCH
export FERRIO_KVER_ASKED

# Say why nothing more can be done, in one message, and leave.
die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

is_debian13() {
	local ID='' VERSION_ID=''
	# shellcheck source=/dev/null
	. "${FERRIO_OS_RELEASE:-/etc/os-release}" 2>/dev/null || return 1
	[ "$ID" = debian ] && [ "$VERSION_ID" = 13 ]
}

# The command line that repeats what the user asked for, for messages.
again() {
	local line="make -C $FERRIO_TOP${FERRIO_VERB:+ $FERRIO_VERB}"
	[ -z "${FERRIO_KVER_ASKED-}" ] || line="$line KVER=$FERRIO_KVER_ASKED"
	echo "$line FERRIO_CACHE=$FERRIO_CACHE"
}

# Stop before anything is touched when this user cannot do it.
may_work() {
	[ "$(id -u)" != 0 ] || return 0
	is_debian13 || die "outside Debian 13 this needs root, for the Debian 13 build root; run:
  sudo $(again)"
	[ ! -e "$FERRIO_CACHE" ] || [ -w "$FERRIO_CACHE" ] ||
		die "$FERRIO_CACHE is not yours to write; run:
  sudo $(again)"
}

# Whether a path lies in the cache, whose trees take the build root's tools.
in_cache() {
	case $(readlink -m "$1")/ in
	"$(readlink -m "$FERRIO_CACHE")"/*) ;;
	*) return 1 ;;
	esac
}

# in_root [-C dir] cmd...: run cmd with the tool chain of Debian 13.
# The project, the cache, /tmp and dir have the same names inside; further
# directories can be named in FERRIO_BIND, separated by colons.
in_root() {
	local dir=$PWD
	if [ "$1" = -C ]; then
		dir=$(cd "$2" && pwd -P) || return 1
		shift 2
	fi
	# The choice may have been made since this file was read.
	[ -n "$KPKGVER" ] || set_kver "${KVER:-$(default_kver)}"
	if is_debian13; then
		(cd "$dir" && exec "$@")
		return
	fi
	may_work
	if [ ! -e "$FERRIO_ROOT/.ferrio-stamp" ]; then
		die "no Debian 13 build root in $FERRIO_ROOT: run 'make root'"
	fi
	unshare --mount --propagation private \
		"$FERRIO_BED/prep-enter.sh" "$FERRIO_ROOT" "$dir" "$@"
}

# step "what" cmd...: run cmd, print one line with the time it took, keep its
# output in a log.  When it fails, show the end of the log and return its
# status.  To be called as a plain command: within if, && or || the shell
# would ignore set -e inside cmd when that is a function.
step() {
	local what=$1 log start rc=0 errexit=+e
	shift
	mkdir -p "$FERRIO_OUT/log"
	log=$FERRIO_OUT/log/$(echo "$what" | tr -cs 'A-Za-z0-9.+\n' - |
		sed 's/^-*//; s/-*$//').log
	case $- in *e*) errexit=-e ;; esac
	if [ -t 1 ]; then printf '  %-60s ...\r' "$what"; fi
	start=$SECONDS
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	rc=$?
	set $errexit
	if [ $rc = 0 ]; then
		printf '  %-60s %4d s\n' "$what" $((SECONDS - start))
		return 0
	fi
	printf '  %-60s FAILED after %d s\n' "$what" $((SECONDS - start))
	{
		tail -n 120 "$log" | sed 's/^/    | /'
		echo "    the whole log: $log"
	} >&2
	return $rc
}
