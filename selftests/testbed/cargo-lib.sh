# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# cargo-lib.sh: what all calls of cargo have in common; sourced behind env.sh.
#
# What cargo builds lies in the cache: most of it are crates of others, which are
# the same for every clone.  Our own have a name of their own there for each clone;
# what nobody used for a day goes.

cargo_env()
{
	local dir=$FERRIO_CACHE/cargo
	mkdir -p "$dir"
	find "$dir" -name '*ferrio*' -mmin +1440 -prune -exec rm -rf {} + 2>/dev/null || true
	# Whoever waits for the net longer than that has none.
	# shellcheck disable=SC2034 # for those who source this
	CARGO_ENV=(CARGO_TARGET_DIR="$dir" CARGO_NET_RETRY=5 CARGO_HTTP_TIMEOUT=60
		CARGO_TERM_COLOR=never)
}
