#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# sign.sh KDIR MO KEY CERT: signs the modules in MO as the kernel's build would.
set -eu

kdir=$1 mo=$2 key=$3 cert=$4

die()
{
	echo "make sign: $*" >&2
	exit 1
}

usage="KEY=private key (PEM, or a pkcs11: URI) CERT=certificate (PEM or DER)"
case $key:$cert in
:* | *:) die "whose signature? $usage; Documentation/signing.rst says how to make a pair" ;;
esac
[ -e "$cert" ] || die "CERT=$cert: there is no such file"
case $key in
pkcs11:*) ;;
*) [ -r "$key" ] || die "KEY=$key: there is no such file, or it is not yours to read" ;;
esac
tool=$kdir/scripts/sign-file
[ -x "$tool" ] || die "there is no scripts/sign-file in KDIR=$kdir: its kernel has no CONFIG_MODULE_SIG, or the tree is not prepared ('make check-kdir KDIR=$kdir')"
command -v openssl >/dev/null || die "openssl is missing (Debian: apt install openssl)"
[ -e "$mo/modules.order" ] || die "there are no modules in MO=$mo: run 'make' first"
[ -w "$mo" ] || die "$mo is not yours to write: sign as who ran 'make'"
hash=$(sed -n 's/^CONFIG_MODULE_SIG_HASH=//p' "$kdir/include/config/auto.conf" | tr -d '"')
[ -n "$hash" ] || die "KDIR=$kdir: its kernel has no CONFIG_MODULE_SIG, and looks at no signature"

# sign-file takes any two, and what it makes of two that are no pair no kernel loads.
public() # openssl's words for a public key
{
	openssl "$@" 2>/dev/null || :
}
certs=$(public x509 -in "$cert" -noout -pubkey)
[ -n "$certs" ] || die "CERT=$cert is no certificate: $usage"
case $key in
pkcs11:*) ;;
*)
	keys=$(public pkey -in "$key" -pubout ${KBUILD_SIGN_PIN:+-passin env:KBUILD_SIGN_PIN})
	[ -n "$keys" ] || die "KEY=$key is no private key, or needs its passphrase in KBUILD_SIGN_PIN"
	[ "$keys" = "$certs" ] || die "KEY=$key and CERT=$cert are no pair: no kernel would take the signature"
	;;
esac

# A second signature would sign the first one with the module: what has one is put
# back to what it was.  Behind a signature stand struct module_signature of 12 bytes,
# whose last four are its length, and the marker of 28.
marker='~Module signature appended~'
unsign() # MODULE
{
	tail -c 28 "$1" | grep -qaF "$marker" || return 0
	# shellcheck disable=SC2046 # four numbers
	set -- "$1" $(tail -c 32 "$1" | head -c 4 | od -An -tu1)
	truncate -s "-$(((($2 * 256 + $3) * 256 + $4) * 256 + $5 + 40))" "$1"
}

# A module is signed or as it was, whatever sign-file does.
trap 'rm -f "$mo"/*.ko.part' EXIT
trap 'exit 1' HUP INT TERM
while read -r object; do
	module=$mo/$(basename "$object" .o).ko
	[ -e "$module" ] || die "$module is missing: run 'make' again"
	cp -p "$module" "$module.part"
	unsign "$module.part"
	"$tool" "$hash" "$key" "$cert" "$module.part"
	mv -f "$module.part" "$module"
	echo "signed: $module"
done <"$mo/modules.order"
