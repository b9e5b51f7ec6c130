#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-test-dkms.sh [TEST...]: DKMS builds, installs and removes the modules for
# trees of the shape of Arch's and Ubuntu's, and says in its log what is in the way where
# it cannot; what it needs of Debian's kernel, where there is nothing of Rust.  That it
# makes the missing parts there is install-newcomer.sh's, as it takes minutes.  Prints KTAP.
#
# shellcheck disable=SC2317 # functions are called by their name
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP" || exit 1
# shellcheck source=install-lib.sh
. "$here/install-lib.sh"

version=$(cat VERSION)
source=$work/root/usr/src/ferrio-$version

# A tree takes a while: only those that are asked for.
tree() # SHAPE
{
	[ -e "$work/$1" ] || "$here/install-trees.sh" "$1" "$work/$1"
}

dk() # VERB SHAPE [ARGUMENT...]
{
	local verb=$1 shape=$2
	shift 2
	tree "$shape" || return
	mkdir -p "$work/dkms/$shape" "$work/to/$shape"
	in_root env FERRIO_DKMS_CACHE="$work/cache" "${also[@]}" dkms "$verb" "ferrio/$version" \
		-k "${release:-$KVER}" --kernelsourcedir "$work/$shape/build" \
		--dkmstree "$work/dkms/$shape" --sourcetree "$work/root/usr/src" \
		--installtree "$work/to/$shape" "$@" 2>&1
}
also=() release=

log()
{
	cat "$(find "$work/dkms/$1" -name make.log | head -n 1)"
}

sources()
{
	made dkms-source DESTDIR="$work/root" || return
	# Of the tests nothing, and nothing that leads out of it.
	! (cd "$source" && find . -type l -o -name '*kunit*' -o -name '*test*.sh') | grep . ||
		return
	! grep -l '@VERSION@\|@SERIES@' -r "$source" || return
	differ '755 dkms/build
755 dkms/pre-build' "$(cd "$source" && stat -c '%a %n' dkms/build dkms/pre-build)"
}

# What DKMS reads is what Kbuild makes.
conf()
{
	(
		# shellcheck disable=SC2034 # for dkms.conf
		kernelver=1 kernel_source_dir=2
		# shellcheck source=/dev/null
		. "$source/dkms.conf"
		differ "$(sed -n 's/^ferrio-modules := //p' Kbuild | xargs -n 1)" \
			"$(printf '%s\n' "${BUILT_MODULE_NAME[@]}")" &&
		differ "${#BUILT_MODULE_NAME[@]}" "${#DEST_MODULE_LOCATION[@]}" &&
		differ "ferrio $version yes x86_64 CONFIG_RUST" "$PACKAGE_NAME $PACKAGE_VERSION $AUTOINSTALL $BUILD_EXCLUSIVE_ARCH $BUILD_EXCLUSIVE_CONFIG" &&
		[[ $KVER =~ $BUILD_EXCLUSIVE_KERNEL ]] &&
		! [[ 6.12.1-amd64 =~ $BUILD_EXCLUSIVE_KERNEL ]] &&
		! [[ 7.30.1-amd64 =~ $BUILD_EXCLUSIVE_KERNEL ]]
	)
}

builds() # SHAPE
{
	local module name
	dk build "$1" || { log "$1" | tail -n 20; return 1; }
	for name in file_loader iov_copy ringbuffer; do
		module=$work/dkms/$1/ferrio/$version/$KVER/x86_64/module/$name.ko
		differ "$version $KVER SMP preempt mod_unload " \
			"$(in_root modinfo -F version "$module") $(in_root modinfo -F vermagic "$module")" ||
			return
	done
	# Against the tree it was given, not one of its own.
	log "$1" | grep -qxF "ferrio: builds in $work/$1/build"
}

arch_installed()
{
	[ -d "$work/dkms/arch/ferrio" ] || builds arch >/dev/null || return
	# The modules of the kernel itself would be there.
	mkdir -p "$work/to/arch/$KVER"
	dk install arch --no-depmod || return
	differ 'file_loader.ko
iov_copy.ko
ringbuffer.ko' "$(find "$work/to/arch/$KVER/updates/dkms" -type f -printf '%f\n' |
		sed 's/\.[gxz]*$//' | sort)"
}

# What was built goes, and what was made for it.
arch_removed()
{
	arch_installed >/dev/null || return
	dk remove arch --no-depmod || return
	differ '' "$(find "$work/to/arch" "$work/dkms/arch" -name '*.ko*' -o -name '*ferrio*')"
}

# DKMS skips kernels that the sources are not for, before it does anything.
skipped() # RELEASE TREE
{
	local said status=0
	release=$1
	said=$(dk build "$2") || status=$?
	release=
	differ 77 $status &&
	grep -F 'BUILD_EXCLUSIVE directive' <<<"$said"
}

another_series()
{
	skipped 6.12.48-amd64 arch
}

without_rust()
{
	tree bare
	cp -r "$work/bare" "$work/no-rust"
	sed -i '/^CONFIG_RUST=y/d' "$work/no-rust/build/include/config/auto.conf"
	skipped "$KVER" no-rust
}

# --- what is in the way ---

# Packages as if they were installed, or in another state.
packages() # NAME=VERSION[=STATE]...
{
	local one name version state
	rm -rf "$work/dpkg"
	mkdir -p "$work/dpkg/info" "$work/dpkg/updates"
	cp "${FERRIO_DPKG:-$root_dpkg}/status" "$work/dpkg/status"
	for one; do
		IFS='=' read -r name version state <<<"$one"
		cat >>"$work/dpkg/status" <<EOF

Package: $name
Status: install ok ${state:-installed}
Priority: optional
Section: kernel
Maintainer: nobody <nobody@localhost>
Architecture: amd64
Version: $version
Description: made up
EOF
	done
}
root_dpkg=/var/lib/dpkg
is_debian13 || root_dpkg=$FERRIO_ROOT/var/lib/dpkg

# The very line, and status 1; and that DKMS has it in its log.
says_of() # SHAPE LINE
{
	local said status=0
	also=(DPKG_ADMINDIR="$work/dpkg" FERRIO_DKMS_SOURCES="$work/sources" "${more[@]}")
	rm -rf "$work/dkms/$1"
	said=$(dk build "$1") || status=$?
	also=()
	[ $status != 0 ] || { echo "it was built"; return 1; }
	differ "$2" "$(log "$1" | grep -E '^(ferrio|check-kdir): ')"
}
more=()

headers=linux-headers-$KVER=$KPKGVER
series=$(series_of "$KVER")
cannot="ferrio: cannot be built for $KVER:"

no_source()
{
	packages "$headers"
	says_of debian "$cannot its headers have no Rust metadata, which is made from the kernel's source: apt install linux-source-$series=$KPKGVER"
}

source_of_another_version()
{
	packages "$headers" "linux-source-$series=7.3.3-1~bpo13+1"
	says_of debian "$cannot the headers are of version $KPKGVER, linux-source-$series is of 7.3.3-1~bpo13+1: apt install linux-source-$series=$KPKGVER"
}

source_is_gone()
{
	packages "$headers" "linux-source-$series=$KPKGVER"
	says_of debian "$cannot $work/sources/linux-source-$series.tar.xz is missing: apt install --reinstall linux-source-$series"
}

# As dpkg has them when it configures the headers of a new kernel, and DKMS is called.
in_an_update()
{
	packages "$headers=half-configured" "linux-source-$series=$KPKGVER=unpacked"
	rm -rf "$work/sources"
	mkdir -p "$work/cache/kdir/$KVER"
	says_of debian "$cannot $work/sources/linux-source-$series.tar.xz is missing: apt install --reinstall linux-source-$series" &&
	# Nor is its tree one of a kernel that is gone.
	[ -d "$work/cache/kdir/$KVER" ]
	local status=$?
	rm -rf "$work/cache"
	return $status
}

# What was removed has left its configuration, and no files.
source_was_removed()
{
	packages "$headers" "linux-source-$series=$KPKGVER=config-files"
	says_of debian "$cannot its headers have no Rust metadata, which is made from the kernel's source: apt install linux-source-$series=$KPKGVER"
}

no_tools()
{
	packages "$headers" "linux-source-$series=$KPKGVER"
	mkdir -p "$work/sources"
	echo >"$work/sources/linux-source-$series.tar.xz"
	sed -i -E '/^Package: (bindgen|flex)$/,/^$/d' "$work/dpkg/status"
	says_of debian "$cannot its Rust metadata has to be made first, for which packages are missing: apt install flex bindgen"
}

another_rustc()
{
	packages "$headers" "linux-source-$series=$KPKGVER"
	mkdir -p "$work/sources" "$work/bin"
	echo >"$work/sources/linux-source-$series.tar.xz"
	printf '#!/bin/sh\necho rustc 1.90.0\n' >"$work/bin/rustc"
	chmod 755 "$work/bin/rustc"
	tree debian
	more=(PATH="$work/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	says_of debian "$cannot the kernel was built by $(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT=//p' \
		"$work/debian/build/include/config/auto.conf" | tr -d '"'), here rustc is rustc 1.90.0: apt install --reinstall rustc, and no other rustc in front of it in PATH"
	local status=$?
	more=()
	return $status
}

# What is no source fails in the middle, and leaves nothing.
spoilt_source()
{
	packages "$headers" "linux-source-$series=$KPKGVER"
	mkdir -p "$work/sources"
	echo no archive >"$work/sources/linux-source-$series.tar.xz"
	says_of debian "ferrio: makes the Rust metadata of $KVER, which takes some minutes
$cannot its Rust metadata could not be made: the reason is above" &&
	differ "$work/cache/lock" "$(find "$work/cache" -mindepth 1)"
}

# Anybody else's tree: the words of check-kdir.
as_check_kdir()
{
	local words
	packages
	tree bare
	words=$(in_root python3 -B "$here/check-kdir.py" "$work/bare/build")
	grep -q '^check-kdir: ' <<<"$words" && says_of bare "$words"
}

# Trees of kernels whose headers are gone go with the next build, and what an interrupted
# one has left; what is not ours does not.
forgotten()
{
	mkdir -p "$work/cache/kdir/7.3.1-1-amd64" "$work/cache/kdir/theirs" \
		"$work/cache/work-7.3.1-1-amd64/tree"
	echo stamp >"$work/cache/kdir/7.3.1-1-amd64/.ferrio-stamp"
	packages "$headers"
	says_of debian "$cannot its headers have no Rust metadata, which is made from the kernel's source: apt install linux-source-$series=$KPKGVER" &&
	differ "$work/cache/kdir
$work/cache/kdir/theirs
$work/cache/lock" "$(find "$work/cache" -mindepth 1 | LC_ALL=C sort)"
}

rows='sources conf arch_builds arch_installed arch_removed ubuntu_builds another_series
	without_rust no_source source_of_another_version source_is_gone in_an_update
	source_was_removed no_tools another_rustc spoilt_source as_check_kdir forgotten'
# shellcheck disable=SC2086 # a list of words
plan $rows
row sources sources
[ -e "$source/dkms.conf" ] || made dkms-source DESTDIR="$work/root" >/dev/null
row conf conf
row arch_builds builds arch
row arch_installed arch_installed
row arch_removed arch_removed
row ubuntu_builds builds ubuntu
for name in another_series without_rust no_source source_of_another_version \
	source_is_gone in_an_update source_was_removed no_tools another_rustc spoilt_source \
	as_check_kdir forgotten; do
	row $name $name
done
end_tests
