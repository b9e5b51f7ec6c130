#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does check-kdir find each defect, and nothing else, and name the right
# command?  The trees are those of broken-trees.sh.
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-ktap.sh
. "$FERRIO_BED/prep-ktap.sh"

tmp=$(mktemp -d /tmp/ferrio-check-kdir.XXXXXX)
trap 'rm -rf "$tmp"' EXIT

"$FERRIO_BED/broken-trees.sh" "$tmp" >/dev/null
rustc=$(in_root rustc --version)
number="rustc $(echo "$rustc" | cut -d ' ' -f 2)"
gcc=$(in_root gcc --version | head -n 1)
clang=$(in_root clang --version | head -n 1)
bindgen=$(in_root bindgen --version)
# On Debian 13 and in the root, tools come by apt-get.
release=$tmp/os-debian
echo 'ID=debian' >"$release"

# check tree [VAR=value...]: output and status of check-kdir, as a module
# build on Debian 13 would see the tree.
check() {
	local kdir=$1
	shift
	set +e
	in_root env FERRIO_OS_RELEASE="$release" "$@" \
		/usr/bin/python3 "$FERRIO_BED/check-kdir.py" "$kdir"
	echo "status $?"
	set -e
}

# A call with one argument too many.
wrong() {
	local status=0
	in_root /usr/bin/python3 "$FERRIO_BED/check-kdir.py" one two || status=$?
	echo "status $status"
}

# is tree "the one line" [VAR=value...]
is() {
	local name=$1 line=$2
	shift 2
	same "$name" "check-kdir: $line
status 1" "$(check "$tmp/$name" "$@" 2>&1)"
}

# Directories of programs that lack one of them.
without() {
	local p
	mkdir "$tmp/without-$1"
	for p in rustc bindgen gcc clang ld.lld; do
		[ "$p" = "$1" ] || ln -s "/usr/bin/$p" "$tmp/without-$1/$p"
	done
	echo "PATH=$tmp/without-$1"
}

# family ID: the advice for a package's tree that is not there, whose release says
# nothing: that of the distribution that runs here.
family() {
	echo "ID=$1" >"$tmp/os-$1"
	release=$tmp/os-$1 check /lib/modules/9.9.9-1-test/build 2>&1 | sed -n 's/.*build; //p'
}

plan_tests 28

whole="$KVER, gcc ${gcc##* }, $bindgen, ${rustc%% (built *}"
same whole "ok: $tmp/whole: $whole
status 0" "$(check "$tmp/whole" 2>&1)"
stock="run: make kdir, for a tree of Debian's backports kernel, with Rust"
is missing "no such directory: $tmp/missing; give the tree of a kernel in KDIR=, or $stock"
mkdir -p "$tmp/no-tree/include"
is no-tree "$tmp/no-tree is not a kernel build tree; give the tree of a kernel in KDIR=, or $stock"
same missing-of-a-package "check-kdir: no such directory: /lib/modules/9.9.9-1-test/build; run: apt-get install linux-headers-9.9.9-1-test, or $stock
status 1" "$(check /lib/modules/9.9.9-1-test/build 2>&1)"
same missing-in-the-cache "check-kdir: no such directory: $FERRIO_CACHE/kdir/9.9.9-x; run: make kdir KVER=9.9.9-x
status 1" "$(check "$FERRIO_CACHE/kdir/9.9.9-x" 2>&1)"
is unprepared "$tmp/unprepared is not prepared: it has no include/config/auto.conf; run: make -C $tmp/unprepared prepare modules_prepare"
is no-symvers "$tmp/no-symvers is not prepared: it has no Module.symvers; run: make -C $tmp/no-symvers modules"
is rust-off "the kernel is configured without Rust (CONFIG_RUST is off); run: make -C $tmp/rust-off rustavailable, then set CONFIG_RUST by make -C $tmp/rust-off menuconfig and build the kernel"
is no-metadata "no Rust metadata: rust/libcore.rmeta, rust/libbindings.rmeta, rust/libkernel.rmeta missing; run: make -C $tmp/no-metadata prepare rust/"
is other-rustc "rust/libkernel.rmeta was made by ${number%.*}.9${rustc#"$number"}, but the rustc here is $rustc; run: make -C $tmp/other-rustc prepare rust/"
is other-config "the tree is configured for rustc 1.80.0${rustc#"$number"}, but its metadata was made by $rustc; run: make -C $tmp/other-config prepare rust/"
is damaged-metadata "rustc cannot use the metadata: error[E0463]: can't find crate for \`kernel\`; run: make -C $tmp/damaged-metadata prepare rust/"
is no-macros "no proc macros: rust/libmacros.so is missing; run: make -C $tmp/no-macros prepare rust/"
is foreign-macros "foreign proc macro: rust/libmacros.so is for another machine (ELF 21), this is $(uname -m); run: make -C $tmp/foreign-macros prepare rust/"
is unloadable-macros "foreign proc macro: rust/libmacros.so cannot be loaded: libgcc_x.so.1: cannot open shared object file: No such file or directory; run: make -C $tmp/unloadable-macros prepare rust/"
is missing-compiler "the kernel was built by \"clang version 99.1.0\", here is \"$clang\"; run: apt-get install clang-99"
is other-compiler "the kernel was built by \"gcc (GCC) 9.1.0\", here is \"$gcc\"; run: apt-get install gcc-9"

# The right compiler is there, but not by the name that make takes.
path=$(without nothing)
printf '#!/bin/sh\necho "gcc-9 (GCC) 9.1.0"\n' >"$tmp/without-nothing/gcc-9"
chmod +x "$tmp/without-nothing/gcc-9"
same compiler-by-name "check-kdir: the kernel was built by \"gcc (GCC) 9.1.0\", gcc is \"$gcc\"; run make with CC=gcc-9
status 1" "$(check "$tmp/other-compiler" "$path" 2>&1)"
same compiler-of-caller "ok: $tmp/other-compiler: $KVER, gcc-9 9.1.0, $bindgen, ${rustc%% (built *}
status 0" "$(check "$tmp/other-compiler" "$path" CC=gcc-9 2>&1)"

for p in rustc bindgen; do
	same "no-$p" "check-kdir: $p is not installed; run: apt-get install $p
status 1" "$(check "$tmp/whole" "$(without $p)" 2>&1)"
done

# By its path, the tree of make kdir is known to be looked at in the root.
same stock-tree "ok: $STOCK_KDIR: $whole" \
	"$("$FERRIO_BED/check-kdir.sh" "$STOCK_KDIR" 2>&1)"

same debian-package "run: apt-get install linux-headers-9.9.9-1-test, or $stock" "$(family debian)"
same ubuntu-package "run: apt-get install linux-headers-9.9.9-1-test" "$(family ubuntu)"
same arch-package "run: pacman -Syu linux linux-headers rust" "$(family arch)"
same fedora-package "run: dnf install kernel-devel-9.9.9-1-test" "$(family fedora)"
same unknown-package "install the headers of your kernel, or $stock" "$(family plan9)"
same usage "usage: check-kdir.py kdir
status 2" "$(wrong 2>&1)"
end_tests
