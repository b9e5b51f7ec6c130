# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# install-lib.sh - what the tests of the installation have in common; sourced behind
# env.sh and prep-ktap.sh
#
#   built            the three modules for the stock kernel are in $mo
#   made VERB...     make, as a user calls it, in the build root; its output
#   lines DIR        every file and directory below DIR
#   says "name" STATUS TEXT COMMAND...   fails with this text as its last line
#   wanted NAME      whether that row was asked for
#   row NAME COMMAND...

unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES FERRIO_VERB
mo=$FERRIO_OUT/build/install
work=$(mktemp -d /tmp/ferrio-install.XXXXXX)
# Others look into it: root's files are not theirs to write, which is what is tried.
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

made() # VERB...
{
	in_root make --no-print-directory "$@" 2>&1
}

built()
{
	mkdir -p "$FERRIO_OUT/log"
	made KDIR="$STOCK_KDIR" MO="$mo" quiet-modules=1 modules >"$FERRIO_OUT/log/install-build.log"
}

lines() # DIR
{
	(cd "$1" && find . -mindepth 1 -printf '%y %P\n') | LC_ALL=C sort
}

only=("$@")
wanted() # NAME
{
	[ ${#only[@]} = 0 ] || [[ " ${only[*]} " = *" $1 "* ]]
}

# A row of its own, or none if others are asked for.
row() # NAME COMMAND...
{
	local name=$1 said status=0
	shift
	wanted "$name" || return 0
	said=$("$@" 2>&1) || status=$?
	result "$name" $status "$(tail -n 30 <<<"$said")"
}

# As many rows are planned as are asked for.
plan() # NAME...
{
	local name count=0
	for name; do
		! wanted "$name" || count=$((count + 1))
	done
	plan_tests "$count"
}

# COMMAND fails, and its last line is TEXT.
says() # TEXT COMMAND...
{
	local text=$1 said status=0
	shift
	said=$("$@" 2>&1) || status=$?
	said=$(grep -v '^make: \*\*\*' <<<"$said" | tail -n 1)
	[ "$status" != 0 ] || { echo "no failure: $said"; return 1; }
	[ "$said" = "$text" ] || {
		printf 'expected: %s\nseen:     %s\n' "$text" "$said"
		return 1
	}
}

# The same as somebody who is not root, but reads what root's home has in it: the
# cache and the clone may be there.
made_as_nobody() # VERB...
{
	in_root setpriv --reuid=65534 --regid=65534 --clear-groups \
		--inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search \
		env HOME=/ make --no-print-directory "$@" 2>&1
}

differ() # EXPECTED SEEN
{
	diff <(echo "$1") <(echo "$2")
}
