#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh - the Debian packages, into out/deb, by the tool chain of Debian 13
#
# They are built in a copy of the tree, in which nothing lies but what git knows of, or
# is going to; what another build has left is not in it.
set -eu -o pipefail

here=$(cd "$(dirname "$0")/../selftests/testbed" && pwd)
FERRIO_VERB=${FERRIO_VERB:-deb}
# shellcheck source=../selftests/testbed/env.sh
. "$here/env.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
cd "$FERRIO_TOP"

version=$(cat VERSION)
to=$FERRIO_OUT/deb
copy=$to/build/ferrio-$version

# A released tree has no git, and nothing else in it either but what was built.
sources() {
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' file; do
				if [ -e "$file" ]; then printf '%s\0' "$file"; fi
			done
	else
		find . -path ./out -prune -o \( -type f -o -type l \) -printf '%P\0'
	fi | LC_ALL=C sort -z
}

export_tree() {
	rm -rf "$to/build"
	mkdir -p "$copy"
	sources | tar --null --no-recursion -T - -cf - | tar -xf - -C "$copy"
	# Who has a tight umask gets the same packages.
	chmod -R u=rwX,go=rX "$copy"
}

# debhelper gives each build a home of its own, in which cargo would fetch all crates anew.
build() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root -C "$copy" sh -eu -c '
		CARGO_HOME=${CARGO_HOME:-$HOME/.cargo}
		export CARGO_HOME
		exec dpkg-buildpackage -us -uc -b -ui
	'
}

sum=$(sources | tar --null --no-recursion -T - --mtime=@0 --owner=0 --group=0 \
	--numeric-owner --mode=u=rwX,go=rX -cf - | sha256sum)
if [ "$(cat "$to/stamp" 2>/dev/null)" != "$sum" ]; then
	rm -rf "$to"
	export_tree
	step "packages of ferrio $version" build
	mv "$to"/build/*.deb "$to/"
	rm -rf "$to/build"
	echo "$sum" >"$to/stamp"
fi
ls -1 "$to"/*.deb
