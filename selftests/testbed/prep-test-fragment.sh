#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does the test kernel's configuration keep every option of .config.fragment,
# and does one that is lost fail the build by name?
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-ktap.sh
. "$FERRIO_BED/prep-ktap.sh"
# shellcheck source=prep-lib.sh
. "$FERRIO_BED/prep-lib.sh"

tmp=$(mktemp -d /tmp/ferrio-fragment.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
# What the next run can use again stays in the cache.
dir=$FERRIO_CACHE/config/$KVER
lock config >&2

# lost fragment: the names that configuring with it reports as lost
lost() {
	FERRIO_OUT=$tmp/out "$FERRIO_BED/testkernel.sh" --config-only "$dir" \
		"$1" >"$tmp/log" 2>&1 && echo "status 0" || echo "status $?"
	sed -n 's/^.*lost: \(CONFIG_[A-Z0-9_]*=[^ ]*\) became .*/\1/p' "$tmp/log"
}

plan_tests 4

# One pass of Kconfig shows both: the options of the fragment survive beside
# one that does not exist and one whose dependency is not met.
{
	cat "$FERRIO_TOP/.config.fragment"
	echo CONFIG_FERRIO_MADE_UP=y
	echo CONFIG_BTRFS_FS_POSIX_ACL=y
} >"$tmp/fragment"
same lost-by-name "status 1
CONFIG_FERRIO_MADE_UP=y
CONFIG_BTRFS_FS_POSIX_ACL=y" "$(lost "$tmp/fragment")"
same fragment-survives "" "$("$FERRIO_BED/prep-lost-options.sh" \
	"$FERRIO_TOP/.config.fragment" "$dir/.config" 2>&1)"

# The comparison itself: changed, unset, set against the wish, and numbers.
cat >"$tmp/wanted" <<-END
	CONFIG_A=y
	CONFIG_B=n
	# CONFIG_C is not set
	CONFIG_D=20
	CONFIG_E="text"
	CONFIG_F=y
END
cat >"$tmp/config" <<-END
	CONFIG_A=m
	CONFIG_B=y
	CONFIG_C=y
	CONFIG_D=21
	CONFIG_E="text"
	# CONFIG_F is not set
	CONFIG_FF=y
END
set +e
seen=$("$FERRIO_BED/prep-lost-options.sh" "$tmp/wanted" "$tmp/config")
status=$?
set -e
same every-way-of-loss "lost: CONFIG_A=y became CONFIG_A=m
lost: CONFIG_B=n became CONFIG_B=y
lost: CONFIG_C=n became CONFIG_C=y
lost: CONFIG_D=20 became CONFIG_D=21
lost: CONFIG_F=y became CONFIG_F=n
status 1" "$seen
status $status"

# A fragment that sets nothing is a mistake, not a success.
: >"$tmp/empty"
set +e
seen=$("$FERRIO_BED/prep-lost-options.sh" "$tmp/empty" "$tmp/config")
status=$?
set -e
same empty-fragment "the fragment sets no option
status 1" "$seen
status $status"
end_tests
