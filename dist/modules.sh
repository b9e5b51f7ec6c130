#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# modules.sh ready KDIR MO PATH     can what MO has be installed below PATH?
# modules.sh depmod KDIR PATH       tells the rest of that system of them
# modules.sh uninstall PATH DIR     takes the modules away from lib/modules/*/DIR
# modules.sh installed PREFIX DESTDIR   says what is left to do by hand
set -eu
PATH=$PATH:/usr/sbin:/sbin

die()
{
	echo "make: $*" >&2
	exit 1
}

ready() # KDIR MO PATH
{
	case $3 in
	*[[:space:]]*) die "INSTALL_MOD_PATH=$3: the kernel's build takes no name with blanks" ;;
	esac
	[ -e "$1/include/config/kernel.release" ] ||
		die "no kernel build tree in KDIR=$1: run 'make check-kdir KDIR=$1' to see what is missing"
	[ -e "$2/modules.order" ] ||
		die "there are no modules in MO=$2: run 'make KDIR=$1' first"
	while read -r object; do
		module=$2/$(basename "$object" .o).ko
		[ -e "$module" ] || die "$module is missing: run 'make KDIR=$1' again"
	done <"$2/modules.order"
	want=$(cat "$1/include/config/kernel.release")
	have=$(tr '\0' '\n' <"$module" | sed -n 's/^vermagic=\([^ ]*\).*/\1/p')
	[ "$have" = "$want" ] ||
		die "the modules in MO=$2 are for $have, KDIR=$1 is of $want: run 'make KDIR=$1', or give the KDIR= that they were built for"
	dir=$3/lib/modules/$want
	if ! mkdir -p "$dir" 2>/dev/null || [ ! -w "$dir" ]; then
		die "$dir is not yours to write: sudo make modules_install, or INSTALL_MOD_PATH=directory"
	fi
}

# What a package is made of has no modules of the kernel itself, to which ours could be
# added: whoever installs the package calls depmod.
run_depmod() # PATH RELEASE
{
	[ -e "$1/lib/modules/$2/modules.dep" ] || return 0
	command -v depmod >/dev/null ||
		die "depmod is missing (Debian: apt install kmod): then run depmod -b ${1:-/} $2"
	depmod -b "${1:-/}" "$2"
	echo "  DEPMOD  $1/lib/modules/$2"
}

after() # KDIR PATH
{
	run_depmod "$2" "$(cat "$1/include/config/kernel.release")"
}

# Says what it has taken away.
uninstall() # PATH DIR
{
	for dir in "$1"/lib/modules/*/"$2"; do
		[ -d "$dir" ] || continue
		release=${dir#"$1/lib/modules/"}
		release=${release%"/$2"}
		[ -w "$dir" ] || die "$dir is not yours to write: sudo make uninstall"
		# The last two are built for a kernel that has KUnit.
		for name in file_loader iov_copy ringbuffer ferrio_kunit ringbuffer_kunit; do
			rm -f "$dir/$name".ko "$dir/$name".ko.[gxz]*
		done
		echo "  REMOVE  $dir"
		# Not what is above lib/: a DESTDIR is of whoever made it.
		(cd "$1/" && rmdir -p --ignore-fail-on-non-empty "lib/modules/$release/$2") \
			2>/dev/null || :
		run_depmod "$1" "$release"
	done
}

installed() # PREFIX DESTDIR
{
	[ -z "$2" ] || return 0
	echo 'make install: what the system has to be told, once, by root:'
	echo "  systemd-sysusers $1/lib/sysusers.d/ferrio.conf     # makes the group ferrio"
	case $1 in
	/usr | /usr/local) ;;
	*) echo "  cp $1/lib/udev/rules.d/60-ferrio.rules /etc/udev/rules.d/     # udev does not look below $1" ;;
	esac
	echo '  udevadm control --reload && udevadm trigger --subsystem-match=misc'
}

verb=$1
shift
case $verb in
depmod) after "$@" ;;
*) "$verb" "$@" ;;
esac
