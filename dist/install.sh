#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# install.sh install PREFIX [DESTDIR]
# install.sh uninstall PREFIX DESTDIR [MODULES]     MODULES: what went already, if any did
#
# Puts everything but the modules in place, and takes it away again.  What was put
# where is written down in PREFIX/share/ferrio/installed, which is what is taken
# away: also of a version that had other files.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
verb=$1 prefix=${2%/} dest=${3-}

die()
{
	echo "make $verb: $*" >&2
	exit 1
}

# pkg-config gives the name to a shell, and sed puts it in.
case $prefix in
*[[:space:]\\\&\|\"\$\`\#\;]*)
	die "PREFIX=$prefix: a name with blanks or one of \\ & | \" \$ \` # ; is not for pkg-config" ;;
/*) ;;
'') die "PREFIX=$2: has to be a directory below /" ;;
*) die "PREFIX=$prefix: has to begin with a /" ;;
esac
# However it is written, the same: how many directories were made is counted in it.
base=$(realpath -ms -- "$dest$prefix")
list=$base/share/ferrio/installed

put() # MODE SOURCE|- NAME
{
	mkdir -p "$stage/${3%/*}"
	if [ "$2" = - ]; then cat >"$stage/$3"; else cp "$top/$2" "$stage/$3"; fi
	chmod "$1" "$stage/$3"
}

tree() # DIRECTORY NAME PATTERN...
{
	from=$1 name=$2
	shift 2
	for pattern; do
		# A link is what it leads to.
		(cd "$top/$from" && find -L . -type f -name "$pattern" ! -path '*/target/*') |
			LC_ALL=C sort | while read -r file; do
			put 644 "$from/${file#./}" "$name/${file#./}"
		done
	done
}

filled() # FILE
{
	sed "s|@PREFIX@|$prefix|; s|@VERSION@|$version|" "$top/$1"
}

headers()
{
	for file in "$top"/rust/uapi/ferrio/*.h "$top"/rust/user/include/ferrio/*.h; do
		put 644 "${file#"$top"/}" "include/ferrio/${file##*/}"
	done
	filled dist/ferrio.pc.in | put 644 - share/pkgconfig/ferrio.pc
}

# What `make driver-api` copies, less the symbols of a build: those of a kernel
# without MODVERSIONS are the same for all.
driver()
{
	tree rust/driver share/ferrio/driver driver.mk '*.h' '*.rs'
	for name in file_loader ringbuffer; do
		put 644 "rust/uapi/ferrio/$name.h" "share/ferrio/driver/include/ferrio/$name.h"
	done
	put 644 rust/uapi/bindgen_parameters share/ferrio/driver/bindgen_parameters
	put 755 rust/driver/bindgen_flags.sh share/ferrio/driver/bindgen_flags.sh
	symvers | put 644 - share/ferrio/driver/Module.symvers
}

symvers()
{
	for module in file_loader:file ringbuffer:ring; do
		space=$(sed -n 's/^#define FERRIO_[A-Z]*_API[[:space:]]*//p' \
			"$top/rust/driver/include/ferrio_${module#*:}.h" | tr -d '"')
		sed -n 's/^FERRIO_EXPORT(\(.*\));$/\1/p' "$top/rust/${module%:*}/export_symbols.c" |
			while read -r symbol; do
				printf '0x00000000\t%s\t%s\tEXPORT_SYMBOL_GPL\t%s\n' \
					"$symbol" "${module%:*}" "$space"
			done
	done
}

# The crates of programs find each other, and the headers, where they lie here.
crates()
{
	tree rust/ring share/ferrio/rust/ring '*.rs' Cargo.toml
	tree rust/uapi share/ferrio/rust/uapi '*.h' bindgen_parameters
	tree rust/user/include share/ferrio/rust/user/include '*.h'
	members='"../ring"'
	for file in "$top"/rust/user/*-sys/Cargo.toml "$top"/rust/user/ringbuffer/Cargo.toml; do
		file=${file%/Cargo.toml}
		name=${file##*/}
		tree "rust/user/$name" "share/ferrio/rust/user/$name" '*.rs' '*.h' Cargo.toml
		members="$members, \"$name\""
	done
	sed "/^members = /,/\]/c members = [$members]" "$top/rust/user/Cargo.toml" |
		put 644 - share/ferrio/rust/user/Cargo.toml
}

pages() # DIRECTORY
{
	for file in "$top/$1"/*.[1-9]; do
		put 644 "${file#"$top"/}" "share/man/man${file##*.}/${file##*/}"
	done
}

# The command, if `make tools` has built it.
tools()
{
	[ -x "$top/out/tools/ferrio" ] || {
		echo "make install: without the command ferrio, which 'make tools' builds" >&2
		return 0
	}
	put 755 out/tools/ferrio bin/ferrio
	pages out/tools/man
	put 644 out/tools/completions/ferrio.bash share/bash-completion/completions/ferrio
	put 644 out/tools/completions/_ferrio share/zsh/site-functions/_ferrio
	put 644 out/tools/completions/ferrio.fish share/fish/vendor_completions.d/ferrio.fish
}

system()
{
	put 644 dist/60-ferrio.rules lib/udev/rules.d/60-ferrio.rules
	put 644 dist/sysusers.conf lib/sysusers.d/ferrio.conf
	put 644 dist/modules-load.conf share/doc/ferrio/examples/modules-load.d/ferrio.conf
	put 644 dist/modprobe.conf share/doc/ferrio/examples/modprobe.d/ferrio.conf
	put 644 README.md share/doc/ferrio/README.md
	for file in "$top"/samples/*.[ch] "$top"/samples/*.rs; do
		# Twins are for the bench.
		case $file in *_twin.c) continue ;; esac
		put 644 "${file#"$top"/}" "share/doc/ferrio/examples/${file##*/}"
	done
}

# One line for each file, one for each directory that was made for them, and how many
# were made for the prefix: itself, and above it.
# The list is as much its owner's as the prefix: what leads out of that is no entry.
entries() # f|d|m LIST
{
	[ ! -e "$2" ] || sed -n "s/^$1 //p" "$2" | grep -vE '(^|/)\.\.(/|$)|^/' || :
}

# An installed file is whole or not there, also for who reads it in this moment.  What a
# link in its place leads to is somebody else's: install replaces the link.
whole() # FROM MODE TO
{
	install -m "$2" -T "$1" "$3.part"
	mv -fT "$3.part" "$3"
}

# The list is there first, so that also an interrupted call can be taken back.
copy()
{
	{
		(cd "$stage" && find . -type f) | sed 's|^\./|f |'
		echo "f share/ferrio/installed"
		(cd "$stage" && find . -mindepth 1 -type d) | sed 's|^\./||' |
			while read -r dir; do
				[ -d "$base/$dir" ] || echo "d $dir"
			done
		entries d "$list" | sed 's/^/d /'
		[ "$new" = 0 ] || echo "m $new"
		entries m "$list" | sed 's/^/m /'
	} | LC_ALL=C sort -u >"$stage.list"
	[ ! -e "$list" ] || cp "$list" "$stage.old"
	mkdir -p "${list%/*}"
	# What an older version had and this one has not goes at the end.
	{ cat "$stage.list"; entries f "$stage.old" | sed 's/^/f /'; } |
		LC_ALL=C sort -u >"$stage.both"
	whole "$stage.both" 644 "$list"
	(cd "$stage" && find . -type f) | while read -r file; do
		mkdir -p "$base/${file%/*}"
		whole "$stage/$file" "$(stat -c %a "$stage/$file")" "$base/$file"
	done
	entries f "$stage.list" >"$stage.new"
	entries f "$stage.old" | grep -vxF -f "$stage.new" | while read -r file; do
		rm -f "$base/$file"
	done
	whole "$stage.list" 644 "$list"
}

take()
{
	cp "$list" "$stage.list"
	entries f "$stage.list" | while read -r file; do
		# A directory in its place is somebody else's.
		[ -d "$base/$file" ] || rm -f "$base/$file"
		rm -f "$base/$file.part"
	done
	# What somebody else has put there stays, with its directory.
	entries d "$stage.list" | LC_ALL=C sort -r | while read -r dir; do
		rmdir "$base/$dir" 2>/dev/null || :
	done
	made=$(entries m "$stage.list")
	dir=$base
	while [ "${made:-0}" -gt 0 ] && rmdir "$dir" 2>/dev/null; do
		dir=${dir%/*} made=$((made - 1))
	done
}

version=$(cat "$top/VERSION")
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A signal alone would not run the line above.
trap 'exit 1' HUP INT TERM
stage=$work/stage
mkdir "$stage"
case $verb in
install)
	new=0 dir=$base
	while [ ! -d "${dir:-/}" ]; do
		dir=${dir%/*} new=$((new + 1))
	done
	if ! mkdir -p "$base" 2>/dev/null || [ ! -w "$base" ]; then
		die "$base is not yours to write: sudo make install, or PREFIX=\$HOME/.local"
	fi
	headers
	driver
	crates
	pages Documentation/man
	tools
	system
	copy
	;;
uninstall)
	[ -e "$list" ] || [ -z "${4-}" ] || exit 0
	[ -e "$list" ] ||
		die "nothing of ferrio is in $base: give the PREFIX= and DESTDIR= of make install"
	[ -w "${list%/*}" ] || die "$base is not yours to write: sudo make uninstall"
	take
	;;
esac
