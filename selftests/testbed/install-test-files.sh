#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-test-files.sh [TEST...]: what make install puts where, that programs,
# crates and drivers of others can be built from it alone, and that make uninstall
# leaves nothing.  Prints KTAP.
#
# shellcheck disable=SC2317 # functions are called by their name
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
# shellcheck source=cargo-lib.sh
. "$here/cargo-lib.sh"
cd "$FERRIO_TOP" || exit 1
# shellcheck source=install-lib.sh
. "$here/install-lib.sh"
cargo_env

dest=$work/dest
usr=$dest/usr
prefix=(PREFIX=/usr DESTDIR="$dest")

# Headers of the ABI and of the library, byte for byte, and no others.
headers()
{
	local file
	differ "$(cd rust && find uapi/ferrio user/include/ferrio -name '*.h' -printf '%f\n' |
		LC_ALL=C sort)" "$(cd "$usr/include/ferrio" && find . -type f -printf '%P\n' |
		LC_ALL=C sort)" || return
	for file in rust/uapi/ferrio/*.h rust/user/include/ferrio/*.h; do
		cmp "$file" "$usr/include/ferrio/${file##*/}" || return
	done
}

pages()
{
	local file
	for file in Documentation/man/*.[1-9]; do
		cmp "$file" "$usr/share/man/man${file##*.}/${file##*/}" || return
	done
	in_root mandoc -T lint -W warning "$usr"/share/man/man*/*
}

system_files()
{
	differ 'f lib/sysusers.d/ferrio.conf
f lib/udev/rules.d/60-ferrio.rules
f share/doc/ferrio/README.md
f share/doc/ferrio/examples/modprobe.d/ferrio.conf
f share/doc/ferrio/examples/modules-load.d/ferrio.conf' \
		"$(lines "$usr" | grep -E '^f (lib|share/doc)/' | grep -v 'examples/[^/]*$')"
}

rule()
{
	differ 'SUBSYSTEM=="misc", KERNEL=="file_loader|iov_copy", GROUP="ferrio", MODE="0660"' \
		"$(grep -v '^#' "$usr/lib/udev/rules.d/60-ferrio.rules")" &&
	differ 'g ferrio -' "$(grep -v '^#' "$usr/lib/sysusers.d/ferrio.conf")"
}

# The examples name modules and parameters that there are, with their defaults.
examples()
{
	local module options option said
	differ 'file_loader
iov_copy
ringbuffer' "$(grep -v '^#' "$usr/share/doc/ferrio/examples/modules-load.d/ferrio.conf" |
		LC_ALL=C sort)" || return
	said=$(sed -n 's/^#options //p' "$usr/share/doc/ferrio/examples/modprobe.d/ferrio.conf")
	[ -n "$said" ] || return
	while read -r module options; do
		for option in $options; do
			grep -q "${option%=*}" <<<"$(in_root modinfo -F parm "$mo/$module.ko")" ||
				{ echo "$module has no parameter ${option%=*}"; return 1; }
			grep -qE "^${option%=*} +${option#*=} " Documentation/insmod.rst ||
				{ echo "insmod.rst knows no default ${option#*=} of ${option%=*}"; return 1; }
		done
	done <<<"$said"
}

pkg() # ARGUMENT...
{
	in_root env PKG_CONFIG_PATH="$usr/share/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dest" \
		PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 pkg-config "$@" ferrio
}

pkg_config()
{
	differ "$(cat VERSION)" "$(pkg --modversion)" &&
	differ "-I$usr/include" "$(pkg --cflags | sed 's/ *$//')" &&
	differ "" "$(pkg --libs | sed 's/ *$//')" &&
	differ "$dest/usr/share/ferrio/driver" "$dest$(pkg --variable=driverdir | sed "s|^$dest||")"
}

# The README's programs, by what pkg-config says and nothing else.
program()
{
	local name
	for name in hello mapped load; do
		cp "samples/$name.c" "$work/"
		# shellcheck disable=SC2046 # words
		in_root -C "$work" cc -Wall -Wextra -Werror $(pkg --cflags) -o "$name" "$name.c" ||
			return
	done
	# shellcheck disable=SC2046 # words
	grep -F "$FERRIO_TOP" <<<"$(in_root -C "$work" cc -M $(pkg --cflags) hello.c)" && return 1
	return 0
}

# A program of somebody else's, by a path, without a network.
user_crates()
{
	mkdir -p "$work/mine/src"
	cat >"$work/mine/Cargo.toml" <<EOF
[package]
name = "mine"
version = "1.0.0"
edition = "2021"
[dependencies]
ferrio-ringbuffer = { path = "$usr/share/ferrio/rust/user/ringbuffer" }
EOF
	cat >"$work/mine/src/main.rs" <<'EOF'
fn main() {
    match ferrio_ringbuffer::ringbuffer(65536) {
        Ok(_) => println!("a ring"),
        Err(error) => println!("{error}"),
    }
}
EOF
	# Of the crates of others those that our own lock file has.
	cp rust/user/Cargo.lock "$work/mine/"
	in_root -C "$work/mine" timeout 600 env "${CARGO_ENV[@]}" cargo build --quiet || return
	differ 'no /dev/ringbuffer: insmod ringbuffer.ko' "$("$CARGO_DIR/debug/mine")"
}

# What modpost takes from it is what the modules export.
driver_symbols()
{
	differ "$(LC_ALL=C sort "$mo/Module.symvers")" \
		"$(LC_ALL=C sort "$usr/share/ferrio/driver/Module.symvers")"
}

# Drivers of somebody else, in C and in Rust.
driver()
{
	mkdir -p "$work/driver"
	cp samples/config_c_sample.c samples/ring_test_sample_main.rs "$work/driver/"
	cat >"$work/driver/Kbuild" <<EOF
obj-m := config_c_sample.o ring_test_sample.o
ring_test_sample-y := ring_test_sample_main.o ferrio_ring.o
ferrio-ring-users := ring_test_sample_main.o
include $usr/share/ferrio/driver/driver.mk
EOF
	in_root -C "$work/driver" make -C "$STOCK_KDIR" M="$work/driver" || return
	differ 'file_loader
ringbuffer' "$(in_root modinfo -F depends "$work"/driver/*.ko)" || return
	! grep -rlF --include='*.cmd' "$FERRIO_TOP" "$work/driver"
}

# The list that uninstall goes by.
list()
{
	differ "$(lines "$usr" | grep '^f' | sed 's/^f //')" \
		"$(sed -n 's/^f //p' "$usr/share/ferrio/installed")"
}

nothing_twice()
{
	made install "${prefix[@]}" >"$work/said" || return
	differ "$before" "$(lines "$dest")"
}

# What a version before had, and this one has not.
older_version()
{
	mkdir -p "$usr/share/ferrio/older"
	echo old >"$usr/share/ferrio/older/file"
	{
		echo 'd share/ferrio/older'
		echo 'f share/ferrio/older/file'
	} >>"$usr/share/ferrio/installed"
	made install "${prefix[@]}" >"$work/said" || return
	[ ! -e "$usr/share/ferrio/older/file" ] || { echo "it is still there"; return 1; }
	made uninstall "${prefix[@]}" >"$work/said" || return
	differ "" "$(lines "$work" | grep dest)"
}

# Into a system that has files of others in the same places.
among_others()
{
	local system=$work/system was
	mkdir -p "$system/usr/share/man/man4" "$system/usr/include/ferrio" "$system/usr/bin"
	echo theirs >"$system/usr/share/man/man4/null.4"
	echo theirs >"$system/usr/include/ferrio/theirs.h"
	was=$(lines "$system")
	made install PREFIX=/usr DESTDIR="$system" >"$work/said" &&
	made uninstall PREFIX=/usr DESTDIR="$system" >"$work/said" &&
	differ "$was" "$(lines "$system")"
}

# Files that came into our directories later stay, and so do these.
foreign_stays()
{
	local system=$work/foreign
	made install PREFIX=/usr/local DESTDIR="$system" >"$work/said" || return
	echo theirs >"$system/usr/local/share/ferrio/theirs"
	made uninstall PREFIX=/usr/local DESTDIR="$system" >"$work/said" || return
	differ 'd usr
d usr/local
d usr/local/share
d usr/local/share/ferrio
f usr/local/share/ferrio/theirs' "$(lines "$system")"
}

# Directories that were there, and empty, are of whoever made them.
empty_stays()
{
	local system=$work/empty
	mkdir -p "$system/opt"
	made install PREFIX=/opt/of/ferrio DESTDIR="$system//" >"$work/said" &&
	[ -e "$system/opt/of/ferrio/include/ferrio/ring.h" ] &&
	made install PREFIX=/opt/of/ferrio DESTDIR="$system" >"$work/said" &&
	made uninstall PREFIX=/opt/of/ferrio DESTDIR="$system" >"$work/said" || return
	differ 'd opt' "$(lines "$system")"
}

# What a link leads to is not written, be it in a file's place or that of its parts.
link_in_the_way()
{
	local system=$work/link man4=$work/link/usr/share/man/man4
	mkdir -p "$man4"
	echo theirs >"$system/theirs"
	ln -s ../../../../theirs "$man4/ringbuffer.4"
	ln -s ../../../../theirs "$man4/ringbuffer.4.part"
	made install PREFIX=/usr DESTDIR="$system" >"$work/said" || return
	differ theirs "$(cat "$system/theirs")" &&
	differ 'regular file' "$(stat -c %F "$man4/ringbuffer.4")" &&
	cmp Documentation/man/ringbuffer.4 "$man4/ringbuffer.4"
}

# Whoever may write the list chooses nothing outside of the prefix.
leads_out()
{
	local system=$work/out
	made install PREFIX=/usr DESTDIR="$system" >"$work/said" || return
	: >"$system/theirs"
	mkdir "$system/empty"
	printf '%s\n' 'f ../theirs' "f $system/theirs" 'f share/../../theirs' 'd ../empty' \
		>>"$system/usr/share/ferrio/installed"
	made install PREFIX=/usr DESTDIR="$system" >"$work/said" &&
	made uninstall PREFIX=/usr DESTDIR="$system" >"$work/said" || return
	differ 'd empty
f theirs' "$(lines "$system")"
}

# A signal leaves nothing in TMPDIR either.
stopped()
{
	mkdir "$work/tmp" "$work/slow"
	# shellcheck disable=SC2016 # for the script
	printf '#!/bin/sh\nkill -TERM $PPID\nsleep 1\n' >"$work/slow/mkdir"
	chmod 755 "$work/slow/mkdir"
	! in_root env TMPDIR="$work/tmp" PATH="$work/slow:/usr/bin:/bin" \
		dist/install.sh install /usr "$work/stopped" >"$work/said" 2>&1 || return
	differ '' "$(lines "$work/tmp")"
}

# What stopped in the middle can be taken back.
interrupted()
{
	local system=$work/interrupted was
	mkdir -p "$system/usr/share/man/man4/ringbuffer.4/in/the/way"
	was=$(lines "$system")
	! made install PREFIX=/usr DESTDIR="$system" >"$work/said" || return
	[ -e "$system/usr/include/ferrio/ring.h" ] || [ -e "$system/usr/share/ferrio/installed" ] ||
		return
	made uninstall PREFIX=/usr DESTDIR="$system" >"$work/said"
	differ "$was" "$(lines "$system")"
}

# Also what a tight umask would keep from others is for all.
modes()
{
	(umask 077 && made install PREFIX=/usr DESTDIR="$work/modes" >"$work/said") || return
	differ '' "$(find "$work/modes/usr" -type f ! -perm 644 ! -path '*/bin/*' ! -name '*.sh';
		find "$work/modes/usr" -type d ! -perm 755)"
}

# One version everywhere: a release changes VERSION and is told here what else.
versions()
{
	local version file
	version=$(cat VERSION)
	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "VERSION: $version"; return 1; }
	for file in rust/ring/Cargo.toml rust/user/*/Cargo.toml; do
		grep -qx "version = \"$version\"" "$file" ||
			{ echo "$file: not version $version"; return 1; }
	done
	grep -q "^## \[$version\]" CHANGELOG.md || { echo "CHANGELOG.md: no $version"; return 1; }
	[ "$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)" = "$version" ] ||
		{ echo "debian/changelog: not $version"; return 1; }
}

rows='installed headers pages system_files rule examples pkg_config program user_crates
	driver_symbols driver list nothing_twice older_version among_others foreign_stays
	empty_stays link_in_the_way leads_out stopped interrupted modes versions nothing_there
	no_permission no_permission_to_uninstall relative_prefix root_prefix odd_prefix what_is_left_to_do without_tools'
# shellcheck disable=SC2086 # a list of words
plan $rows
built || echo "# the modules could not be built, see $FERRIO_OUT/log/install-build.log"
row installed made install "${prefix[@]}"
[ -e "$usr/share/ferrio/installed" ] || made install "${prefix[@]}" >/dev/null
before=$(lines "$dest")
for name in headers pages system_files rule examples pkg_config program user_crates \
	driver_symbols driver list nothing_twice older_version among_others foreign_stays \
	empty_stays link_in_the_way leads_out stopped interrupted modes versions; do
	row $name $name
done
row nothing_there says "make uninstall: nothing of ferrio is in $work/none/usr/local: give the PREFIX= and DESTDIR= of make install" \
	made uninstall DESTDIR="$work/none"
mkdir "$work/roots"
row no_permission says "make install: $work/roots/usr/local is not yours to write: sudo make install, or PREFIX=\$HOME/.local" \
	made_as_nobody install DESTDIR="$work/roots"
made install DESTDIR="$work/roots" >/dev/null
row no_permission_to_uninstall says "make uninstall: $work/roots/usr/local is not yours to write: sudo make uninstall" \
	made_as_nobody uninstall DESTDIR="$work/roots"
row relative_prefix says 'make install: PREFIX=usr: has to begin with a /' made install PREFIX=usr
row root_prefix says 'make install: PREFIX=/: has to be a directory below /' \
	made install PREFIX=/ DESTDIR="$work/roots"
row odd_prefix says "make install: PREFIX=/a|b: a name with blanks or one of \\ & | \" \$ \` # ; is not for pkg-config" \
	made install 'PREFIX=/a|b' DESTDIR="$work/roots"
# Into the system that it runs on: then that system has to be told; udev looks into /usr
# and /usr/local alone.
what_is_left_to_do()
{
	differ "make install: what the system has to be told, once, by root:
  systemd-sysusers /usr/local/lib/sysusers.d/ferrio.conf     # makes the group ferrio
  udevadm control --reload && udevadm trigger --subsystem-match=misc" \
		"$(dist/modules.sh installed /usr/local '')" &&
	differ "make install: what the system has to be told, once, by root:
  systemd-sysusers $work/here/lib/sysusers.d/ferrio.conf     # makes the group ferrio
  cp $work/here/lib/udev/rules.d/60-ferrio.rules /etc/udev/rules.d/     # udev does not look below $work/here
  udevadm control --reload && udevadm trigger --subsystem-match=misc" \
		"$(made install PREFIX="$work/here" | grep -v 'without the command')"
}
row what_is_left_to_do what_is_left_to_do
# A tree in which nothing was built yet.
without_tools()
{
	mkdir "$work/tree"
	cp -r VERSION README.md Makefile mk dist rust samples Documentation "$work/tree/" || return
	differ "make install: without the command ferrio, which 'make tools' builds" \
		"$(in_root -C "$work/tree" make --no-print-directory install DESTDIR="$work/bare" 2>&1)"
}
row without_tools without_tools
end_tests
