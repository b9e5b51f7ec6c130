#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-packages.sh [TEST...]: what make deb builds: each file of each package,
# what they depend on, what runs when they are installed, and what lintian says.  That
# they work in a fresh Debian is install-newcomer.sh's.  Prints KTAP.
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
debs=$FERRIO_OUT/deb
packages='ferrio-dev ferrio-dkms ferrio-tools'

deb() # PACKAGE
{
	echo "$debs/$1_${version}_"*.deb
}

unpacked()
{
	local name
	for name in $packages; do
		in_root dpkg-deb -R "$(deb "$name")" "$work/$name" || return
	done
}

# Files and links, not directories.
files() # PACKAGE
{
	(cd "$work/$1" && find . -path ./DEBIAN -prune -o ! -type d -printf '%P\n') | LC_ALL=C sort
}

sorted()
{
	LC_ALL=C sort -u
}

field() # PACKAGE FIELD
{
	in_root dpkg-deb -f "$(deb "$1")" "$2"
}

build()
{
	made deb || return
	differ "ferrio-dev_${version}_all.deb
ferrio-dkms_${version}_all.deb
ferrio-tools_${version}_amd64.deb" "$(cd "$debs" && printf '%s\n' *.deb)"
}

# Also a warning is one; what is overridden has its reason there.
lintian()
{
	differ '' "$(in_root lintian --allow-root --fail-on error,warning \
		--tag-display-limit 0 "$debs"/*.deb 2>&1)"
}

documents() # PACKAGE
{
	printf "usr/share/doc/$1/%s\n" README.md.gz changelog.gz copyright
}

# What make dkms-source makes, and what belongs to no kernel.
files_dkms()
{
	made dkms-source DESTDIR="$work/source" >/dev/null || return
	differ "$({
		documents ferrio-dkms
		echo usr/lib/sysusers.d/ferrio.conf
		echo usr/lib/udev/rules.d/60-ferrio.rules
		echo usr/share/doc/ferrio-dkms/examples/modprobe.d/ferrio.conf
		echo usr/share/doc/ferrio-dkms/examples/modules-load.d/ferrio.conf
		cd "$work/source" && find . -type f -printf '%P\n'
	} | sorted)" "$(files ferrio-dkms)"
}

# What make install puts in these places, but its own list.
files_dev()
{
	made install PREFIX=/usr DESTDIR="$work/install" >/dev/null || return
	differ "$({
		documents ferrio-dev
		cd "$work/install" || exit
		find usr/include usr/share/ferrio usr/share/pkgconfig -type f \
			! -path usr/share/ferrio/installed
		find usr/share/doc/ferrio/examples -maxdepth 1 -type f |
			sed 's|/doc/ferrio/|/doc/ferrio-dev/|'
		find usr/share/man/man3 -type f | sed 's/$/.gz/'
	} | sorted)" "$(files ferrio-dev)" &&
	grep -qx usr/share/doc/ferrio-dev/examples/hello.c <<<"$(files ferrio-dev)" &&
	grep -qx usr/share/ferrio/driver/driver.mk <<<"$(files ferrio-dev)"
}

# A page for each of the command's verbs, which it writes itself.
files_tools()
{
	in_root "$work/ferrio-tools/usr/bin/ferrio" man "$work/pages" || return
	[ -e "$work/pages/ferrio.1" ] || return
	differ "$({
		documents ferrio-tools
		echo usr/bin/ferrio
		echo usr/share/bash-completion/completions/ferrio
		echo usr/share/fish/vendor_completions.d/ferrio.fish
		echo usr/share/lintian/overrides/ferrio-tools
		echo usr/share/zsh/site-functions/_ferrio
		(cd Documentation/man && printf 'usr/share/man/man4/%s.gz\n' *.4)
		(cd "$work/pages" && printf 'usr/share/man/man1/%s.gz\n' *.1)
	} | sorted)" "$(files ferrio-tools)"
}

nothing_twice()
{
	differ '' "$(for name in $packages; do files "$name"; done | LC_ALL=C sort | uniq -d)"
}

# All root's, and executable only what is run.
modes()
{
	local name said
	said=$(for name in $packages; do
		in_root dpkg-deb -c "$(deb "$name")" | awk '{ print $1, $2, $6 }'
	done)
	differ '' "$(grep -vE '^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) root/root ' <<<"$said")" &&
	differ "./usr/bin/ferrio
./usr/share/ferrio/driver/bindgen_flags.sh
./usr/src/ferrio-$version/dkms/build
./usr/src/ferrio-$version/dkms/check-kdir.py
./usr/src/ferrio-$version/dkms/pre-build
./usr/src/ferrio-$version/rust/driver/bindgen_flags.sh" \
		"$(sed -n 's/^-rwx.* //p' <<<"$said" | sorted)"
}

# DKMS' own list of packages is what the package depends on.
relations()
{
	local tree series
	tree=$(sed '/^#/d' dkms/tree-packages | xargs | sed 's/ /, /g')
	series=$(awk '/^[0-9]/ { print "linux-source-" $1 }' "$here/supported" | xargs |
		sed 's/ /, /g')
	[ -n "$tree" ] && [ -n "$series" ] || return
	differ "dkms (>= 3.0.11), systemd | systemd-standalone-sysusers | systemd-sysusers, $tree" \
		"$(field ferrio-dkms Depends)" &&
	differ "$series" "$(field ferrio-dkms Recommends)" &&
	differ '' "$(field ferrio-dev Depends)" &&
	differ 'gcc | c-compiler, pkgconf' "$(field ferrio-dev Recommends)" &&
	differ '' "$(field ferrio-tools Depends)$(field ferrio-tools Recommends)" &&
	differ 'all all amd64' "$(for name in $packages; do field "$name" Architecture; done | xargs)"
}

scripts()
{
	differ 'control md5sums postinst postrm prerm triggers' \
		"$(cd "$work/ferrio-dkms/DEBIAN" && echo *)" &&
	differ 'control md5sums' "$(cd "$work/ferrio-dev/DEBIAN" && echo *)" &&
	differ 'control md5sums' "$(cd "$work/ferrio-tools/DEBIAN" && echo *)" || return
	differ "$(awk '/^[0-9]/ { print "interest-noawait /usr/src/linux-source-" $1 ".tar.xz" }' \
		"$here/supported")" "$(grep -v '^#' "$work/ferrio-dkms/DEBIAN/triggers")" || return
	# shellcheck disable=SC2016 # debhelper's own
	grep -qxF '   systemd-sysusers ${DPKG_ROOT:+--root="$DPKG_ROOT"} ferrio.conf' \
		"$work/ferrio-dkms/DEBIAN/postinst"
}

# The source that an update unpacks is for those kernels alone that have no modules yet.
trigger()
{
	local place=$work/trigger said
	mkdir -p "$place/bin" "$place/lib/modules"/{1-none,2-done,3-none,4-gone}/build
	mkdir "$place/lib/modules"/{1-none,2-done,3-none}/build/include
	cat >"$place/bin/dkms" <<'END'
#!/bin/sh
case "$*" in
'status -k 2-done ferrio') echo 'ferrio/1, 2-done, x86_64: installed' ;;
status*) ;;
*) echo "$@"; exit 1 ;;
esac
END
	chmod 755 "$place/bin/dkms"
	sed "s|/lib/modules/|$place&|g" "$work/ferrio-dkms/DEBIAN/postinst" >"$place/postinst"
	said=$(in_root env PATH="$place/bin:/usr/bin:/bin" sh "$place/postinst" triggered \
		/usr/src/linux-source-7.3.tar.xz) || return
	differ 'autoinstall -k 1-none
autoinstall -k 3-none' "$said"
}

versions()
{
	local name
	for name in $packages; do
		differ "$version" "$(field "$name" Version)" || return
	done
	differ "PACKAGE_VERSION=\"$version\"" \
		"$(grep ^PACKAGE_VERSION= "$work/ferrio-dkms/usr/src/ferrio-$version/dkms.conf")" &&
	differ "Version: $version" \
		"$(grep ^Version: "$work/ferrio-dev/usr/share/pkgconfig/ferrio.pc")" &&
	differ "ferrio $version" "$(in_root "$work/ferrio-tools/usr/bin/ferrio" --version)" &&
	differ "ferrio ($version)" "$(sed -n '1s/) .*/)/p' debian/changelog)"
}

# Neither the one who built it nor his directory.
static()
{
	differ 'statically linked' \
		"$(in_root ldd "$work/ferrio-tools/usr/bin/ferrio" 2>&1 | sed 's/^[[:space:]]*//')" &&
	differ '' "$(for name in $packages; do
		grep -rlF -e "$FERRIO_TOP" -e '.cargo/registry' "$work/$name"
	done)"
}

# The same tree is the same packages, and is not built again.
kept()
{
	local before
	before=$(stat -c '%n %i %Y' "$debs"/*.deb)
	made deb >/dev/null &&
	differ "$before" "$(stat -c '%n %i %Y' "$debs"/*.deb)"
}

rows='build unpacked lintian files_dkms files_dev files_tools nothing_twice modes relations
	scripts trigger versions static kept'
# shellcheck disable=SC2086 # a list of words
plan $rows
wanted build || made deb >/dev/null
row build build
wanted unpacked || unpacked
for name in ${rows#build}; do
	row "$name" "$name"
done
end_tests
