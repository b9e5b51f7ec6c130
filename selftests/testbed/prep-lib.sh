# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# prep-lib.sh - what the scripts that fill the cache share; sourced after
# env.sh

# The command that people type for the running script; a script that calls
# another one keeps its own verb in the messages.
FERRIO_VERB=${FERRIO_VERB:-help}
export FERRIO_VERB

need_root() {
	[ "$(id -u)" = 0 ] || die "$1 needs root; run:
  sudo $(again)"
}

# A name that cannot be a kernel's, before anything is announced.
check_kver() {
	case $KVER in
	'' | [0-9]*.[0-9]*-"$FERRIO_ARCH") ;;
	*) die "KVER=$KVER is no release of a Debian kernel, which looks like 7.3.4+deb13-$FERRIO_ARCH" ;;
	esac
}

hash_of() {
	printf '%s\n' "$@" | sha256sum | cut -c 1-16
}

# A directory is current when its stamp holds the hash of today's inputs.
# The stamp is the last thing written, so an interrupted step has none.
is_current() {
	[ "$(cat "$1/.ferrio-stamp" 2>/dev/null)" = "$2" ]
}

stamp() {
	echo "$2" >"$1/.ferrio-stamp.new"
	mv "$1/.ferrio-stamp.new" "$1/.ferrio-stamp"
}

current() {
	printf '  %-60s current\n' "$1"
}

# Hold a lock of the cache until the script ends: two verbs may run at once.
lock() {
	local fd
	mkdir -p "$FERRIO_CACHE/lock"
	[ ! -e "$FERRIO_CACHE/lock/$1" ] || [ -w "$FERRIO_CACHE/lock/$1" ] ||
		die "$FERRIO_CACHE/lock/$1 is not yours to write; run:
  sudo $(again)"
	exec {fd}>"$FERRIO_CACHE/lock/$1"
	if ! flock --nonblock "$fd"; then
		echo "  waiting for another run that works on: $1"
		flock "$fd"
	fi
}

# plan part...: before anything is fetched, say what will be, and check that
# the disk holds it.  Figures are in MiB, measured and rounded up.
plan() {
	local part what down disk sum_down=0 sum_disk=0 free who='no root needed'
	if [ -n "${FERRIO_PLANNED-}" ]; then return 0; fi
	export FERRIO_PLANNED=1
	[ $# != 0 ] || return 0
	echo "To be made in $FERRIO_CACHE, at most:"
	for part; do
		case $part in
		root)
			what="Debian 13 build root: base system and $(packages | wc -w) packages"
			down=450 disk=2800
			;;
		kernel)
			what="kernel packages and source"
			down=300 disk=2400
			;;
		kdir)
			what="build tree of the stock kernel"
			down=0 disk=300
			;;
		testkernel)
			what="test kernel"
			down=0 disk=2800
			;;
		esac
		printf '  %-58s %5d MiB to fetch %5d MiB of disk\n' \
			"$what" $down $disk
		sum_down=$((sum_down + down))
		sum_disk=$((sum_disk + disk))
	done
	is_debian13 || who='root needed (debootstrap, chroot)'
	printf '  %-58s %5d MiB to fetch %5d MiB of disk; %s\n' \
		"together" $sum_down $sum_disk "$who"
	may_work
	mkdir -p "$FERRIO_CACHE"
	free=$(df -Pk "$FERRIO_CACHE" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge $sum_disk ] || die "$FERRIO_CACHE has $free MiB free, $sum_disk MiB are needed; make room, or choose another place: $(FERRIO_CACHE=/elsewhere again)"
}

packages() {
	sed 's/#.*//' "$FERRIO_BED/prep-packages" | xargs
}

# Like in_root, for a root that is not finished yet.
in_new_root() {
	unshare --mount --propagation private \
		"$FERRIO_BED/prep-enter.sh" "$1" / "${@:2}"
}

# The mirror that a Debian host itself uses; nothing elsewhere, so that
# debootstrap takes its default.
host_mirror() {
	local ID='' VERSION_CODENAME=''
	# shellcheck source=/dev/null
	. /etc/os-release
	[ "$ID" = debian ] && command -v apt-get >/dev/null || return 0
	# shellcheck disable=SC2016 # apt's own format
	apt-get indextargets --no-release-info --format \
		'$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v r="$VERSION_CODENAME" '$1 == r && $2 == "main" {
			print $3; exit
		}'
}

# The proxy that a Debian host's apt goes by, as lines for another apt.
host_proxy() {
	if command -v apt-config >/dev/null; then
		apt-config dump | grep -E '^Acquire::https?::Proxy ' || true
	fi
}
