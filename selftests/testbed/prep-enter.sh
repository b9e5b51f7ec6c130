#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# prep-enter.sh root dir cmd... - run cmd in dir of the build root
#
# The second half of in_root (env.sh): expects a mount name space of its own,
# so that every mount made here ends with the command.
set -eu

root=$1
dir=$2
shift 2

# Make a directory visible under its own name.
show() {
	[ -d "$1" ] || return 0
	mkdir -p "$root$1"
	mount "${2:---bind}" "$1" "$root$1"
}

# Inside, / has to be a mount point as elsewhere: unshare and df look for it.
mount --bind "$root" "$root"
# Submounts of the cache stay out of sight: the root lies in it.
show /dev --rbind
show /proc --rbind
show /sys --rbind
show /tmp
show "$FERRIO_CACHE"
show "$FERRIO_TOP"
old_ifs=$IFS
IFS=:
for d in ${FERRIO_BIND-}; do show "$d"; done
IFS=$old_ifs
[ -d "$root$dir" ] || show "$dir"
mount --bind "$(readlink -f /etc/resolv.conf)" "$root/etc/resolv.conf"
# Who reaches a registry through something that signs for it trusts that; so must cargo.
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -s "$bundle" ] && [ -e "$root$bundle" ]; then
	mount --bind "$(readlink -f "$bundle")" "$root$bundle"
fi

# What names tools or libraries of the host would mislead those of the root.
unset LD_PRELOAD LD_LIBRARY_PATH PYTHONPATH PYTHONHOME RUSTUP_HOME \
	RUSTUP_TOOLCHAIN CARGO_HOME LANG LANGUAGE CDPATH
case ${TMPDIR-/tmp} in /tmp | /tmp/*) ;; *) unset TMPDIR ;; esac
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
HOME=/root
export PATH LC_ALL HOME
# shellcheck disable=SC2016 # expanded by the inner shell
exec chroot "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$dir" "$@"
