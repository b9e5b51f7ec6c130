#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-test-modules.sh [TEST...]: what modinfo says, make modules_install into the
# root of a system, make uninstall from it, and make sign.  Prints KTAP.
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

root=$work/root
tree=(KDIR="$STOCK_KDIR" MO="$mo")
into=$root/lib/modules/$KVER/updates/ferrio

field() # FIELD MODULE
{
	in_root modinfo -F "$1" "$2"
}

# All that a module can say of itself, in each of them.
modinfo()
{
	local module name
	for name in file_loader iov_copy ringbuffer; do
		module=$mo/$name.ko
		differ "$name" "$(field name "$module")" &&
		differ "$(cat VERSION)" "$(field version "$module")" &&
		differ 'GPL' "$(field license "$module")" &&
		differ 'The ferrio developers' "$(field author "$module")" &&
		differ "$KVER SMP preempt mod_unload " "$(field vermagic "$module")" &&
		differ '' "$(field depends "$module")" || return
		[ "$(field description "$module" | wc -w)" -ge 4 ] || return
		[[ $(field srcversion "$module") =~ ^[0-9A-F]{23}$ ]] || return
		# Each parameter with its text, its default in it, and its type.
		differ '' "$(field parm "$module" | grep -vE '^[a-z_]+:[A-Z].*\(default .*\) \(ulong\)$')" || return
		[ -n "$(field parm "$module")" ] || return
	done
	differ FERRIO_FILE_1 "$(field import_ns "$mo/file_loader.ko")" &&
	differ FERRIO_RING_1 "$(field import_ns "$mo/ringbuffer.ko")"
}

# The system has modules of its own and their lists.
system()
{
	mkdir -p "$root"
	cp -r "$STOCK_MODULES/lib" "$root/" || return
	# What the modules' package has besides, and depmod looks for.
	touch "$root/lib/modules/$KVER"/modules.{order,builtin,builtin.modinfo}
	in_root depmod -b "$root" "$KVER"
	[ -s "$root/lib/modules/$KVER/modules.dep" ]
}

installed()
{
	made "${tree[@]}" modules_install INSTALL_MOD_PATH="$root" >"$work/said" ||
		{ cat "$work/said"; return 1; }
	# "No warning" is part of it.
	! grep -i warning "$work/said" || return
	differ 'file_loader.ko.xz
iov_copy.ko.xz
ringbuffer.ko.xz' "$(find "$into" -type f -printf '%P\n' | LC_ALL=C sort)" || return
	cp "$into/ringbuffer.ko.xz" "$work/"
	in_root xz -d "$work/ringbuffer.ko.xz" || return
	in_root cmp "$work/ringbuffer.ko" "$mo/ringbuffer.ko"
}

# depmod was called, so modprobe knows them by name, and a driver that calls one has
# that one inserted in front.
known()
{
	local name
	for name in file_loader iov_copy ringbuffer; do
		differ "insmod $into/$name.ko.xz " \
			"$(in_root modprobe -d "$root" -S "$KVER" --show-depends $name)" || return
	done
}

# What is in updates/ goes before what the kernel brings along.
preferred()
{
	cp "$into/iov_copy.ko.xz" "$root/lib/modules/$KVER/kernel/"
	in_root depmod -b "$root" "$KVER"
	differ "insmod $into/iov_copy.ko.xz " \
		"$(in_root modprobe -d "$root" -S "$KVER" --show-depends iov_copy)"
	local status=$?
	rm "$root/lib/modules/$KVER/kernel/iov_copy.ko.xz"
	in_root depmod -b "$root" "$KVER"
	return $status
}

lists()
{
	(cd "$root/lib/modules/$KVER" && sha256sum modules.dep modules.alias modules.symbols)
}

uninstalled()
{
	if ! made install PREFIX=/usr DESTDIR="$root" >"$work/said" ||
		! made uninstall PREFIX=/usr DESTDIR="$root" >"$work/said"; then
		cat "$work/said"
		return 1
	fi
	differ "$before" "$(lines "$root")" && differ "$before_lists" "$(lists)"
}

# Nothing but modules, of a kernel with KUnit: what they lay in goes, not what that lay in.
modules_alone()
{
	local dir=$work/alone/lib/modules/9.9.9/updates/ferrio name
	mkdir -p "$dir"
	for name in file_loader iov_copy ringbuffer ferrio_kunit ringbuffer_kunit; do
		: >"$dir/$name.ko"
	done
	differ "  REMOVE  $dir" "$(made uninstall DESTDIR="$work/alone" || echo "status $?")" &&
	differ '' "$(lines "$work/alone")" && [ -d "$work/alone" ]
}

# From where make runs, which is not where Kbuild does.
relative()
{
	local to
	to=$(realpath --relative-to=. "$work/relative")
	made "${tree[@]}" modules_install INSTALL_MOD_PATH="$to" >"$work/said" || return
	differ "f lib/modules/$KVER/updates/ferrio/file_loader.ko.xz
f lib/modules/$KVER/updates/ferrio/iov_copy.ko.xz
f lib/modules/$KVER/updates/ferrio/ringbuffer.ko.xz" "$(lines "$work/relative" | grep ^f)"
}

# A staging directory is no system: depmod there would list our modules alone.
staged()
{
	made "${tree[@]}" modules_install DESTDIR="$work/stage" >"$work/said" || return
	differ "f lib/modules/$KVER/updates/ferrio/file_loader.ko.xz
f lib/modules/$KVER/updates/ferrio/iov_copy.ko.xz
f lib/modules/$KVER/updates/ferrio/ringbuffer.ko.xz" "$(lines "$work/stage" | grep ^f)"
}

rows='modinfo system installed known preferred uninstalled modules_alone staged
	relative blanks not_built another_kernel
	no_tree no_permission whose no_key no_cert not_a_cert not_a_key no_pair not_yours not_prepared
	signed signed_anew installed_signed'
# shellcheck disable=SC2086 # a list of words
plan $rows
built || echo "# the modules could not be built, see $FERRIO_OUT/log/install-build.log"
row modinfo modinfo
row system system
# What one row alone needs of those in front of it.
[ -e "$root/lib/modules/$KVER/modules.dep" ] || system
before=$(lines "$root") before_lists=$(lists)
wanted installed || installed >/dev/null 2>&1
for name in installed known preferred uninstalled modules_alone staged relative; do
	row $name $name
done

# --- what cannot be installed ---
mkdir "$work/empty" "$work/other" "$work/roots"
row blanks says "make: INSTALL_MOD_PATH=$work/a b: the kernel's build takes no name with blanks" \
	made "${tree[@]}" modules_install DESTDIR="$work/a b"
row not_built says "make: there are no modules in MO=$work/empty: run 'make KDIR=$STOCK_KDIR' first" \
	made KDIR="$STOCK_KDIR" MO="$work/empty" modules_install DESTDIR="$work/no"
mkdir -p "$work/other/include/config"
echo 9.9.9-other >"$work/other/include/config/kernel.release"
row another_kernel says "make: the modules in MO=$mo are for $KVER, KDIR=$work/other is of 9.9.9-other: run 'make KDIR=$work/other', or give the KDIR= that they were built for" \
	made KDIR="$work/other" MO="$mo" modules_install DESTDIR="$work/no"
row no_tree says "make: no kernel build tree in KDIR=$work/empty: run 'make check-kdir KDIR=$work/empty' to see what is missing" \
	made KDIR="$work/empty" MO="$mo" modules_install DESTDIR="$work/no"
row no_permission says "make: $work/roots/lib/modules/$KVER is not yours to write: sudo make modules_install, or INSTALL_MOD_PATH=directory" \
	made_as_nobody "${tree[@]}" modules_install DESTDIR="$work/roots"

# --- signatures ---
pair() # NAME
{
	in_root openssl req -new -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$1/" \
		-keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
}
pair one
pair two
# Signed is a copy, as others use what was built.
signing=$work/signing
mkdir "$signing"
cp "$mo"/*.ko "$mo/modules.order" "$signing/"
sign=(KDIR="$STOCK_KDIR" MO="$signing" sign)
usage='KEY=private key (PEM, or a pkcs11: URI) CERT=certificate (PEM or DER)'
row whose says "make sign: whose signature? $usage; Documentation/signing.rst says how to make a pair" \
	made "${sign[@]}" KEY="$work/one.key"
row no_key says "make sign: KEY=$work/none: there is no such file, or it is not yours to read" \
	made "${sign[@]}" KEY="$work/none" CERT="$work/one.pem"
row no_cert says "make sign: CERT=$work/none: there is no such file" \
	made "${sign[@]}" KEY="$work/one.key" CERT="$work/none"
row not_a_cert says "make sign: CERT=$work/one.key is no certificate: $usage" \
	made "${sign[@]}" KEY="$work/one.key" CERT="$work/one.key"
row not_a_key says "make sign: KEY=$work/one.pem is no private key, or needs its passphrase in KBUILD_SIGN_PIN" \
	made "${sign[@]}" KEY="$work/one.pem" CERT="$work/one.pem"
row no_pair says "make sign: KEY=$work/one.key and CERT=$work/two.pem are no pair: no kernel would take the signature" \
	made "${sign[@]}" KEY="$work/one.key" CERT="$work/two.pem"
row not_yours says "make sign: $signing is not yours to write: sign as who ran 'make'" \
	made_as_nobody "${sign[@]}" KEY="$work/two.pem" CERT="$work/one.pem"
row not_prepared says "make sign: there is no scripts/sign-file in KDIR=$work/other: its kernel has no CONFIG_MODULE_SIG, or the tree is not prepared ('make check-kdir KDIR=$work/other')" \
	made KDIR="$work/other" MO="$signing" sign KEY="$work/one.key" CERT="$work/one.pem"

signed_by() # NAME
{
	local module
	made "${sign[@]}" KEY="$work/$1.key" CERT="$work/$1.pem" >"$work/said" ||
		{ cat "$work/said"; return 1; }
	differ "signed: $signing/file_loader.ko
signed: $signing/iov_copy.ko
signed: $signing/ringbuffer.ko" "$(sort "$work/said")" || return
	for module in file_loader iov_copy ringbuffer; do
		differ "$1" "$(field signer "$signing/$module.ko")" &&
		differ sha256 "$(field sig_hashalgo "$signing/$module.ko")" || return
		# Once, and behind the module as it was.
		differ 1 "$(grep -ac 'Module signature appended' "$signing/$module.ko")" || return
		in_root cmp -n "$(stat -c %s "$mo/$module.ko")" "$mo/$module.ko" \
			"$signing/$module.ko" || return
	done
}

signed_anew()
{
	signed_by one && signed_by two
}
row signed signed_by one
row signed_anew signed_anew

installed_signed()
{
	signed_by two || return
	made KDIR="$STOCK_KDIR" MO="$signing" modules_install DESTDIR="$work/sealed" \
		>"$work/said" || { cat "$work/said"; return 1; }
	differ two "$(field signer \
		"$work/sealed/lib/modules/$KVER/updates/ferrio/ringbuffer.ko.xz")"
}
row installed_signed installed_signed
end_tests
