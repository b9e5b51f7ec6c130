# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# cargo-lib.sh: what all calls of cargo have in common; sourced behind env.sh.
#
# What cargo builds lies in the cache, where the next clone in the place of this one
# finds the crates of others.  Each place has a directory of its own: cargo gives
# our crates the same names in every clone, and goes by the dates of their files, so
# it would take what another clone built later for this one's.  What nobody used for
# a week goes.

cargo_env()
{
	CARGO_DIR=$FERRIO_CACHE/cargo/${FERRIO_TOP//\//-}
	mkdir -p "$CARGO_DIR"
	touch "$CARGO_DIR"
	find "$FERRIO_CACHE/cargo" -mindepth 1 -maxdepth 1 -mtime +7 \
		-exec rm -rf {} + 2>/dev/null || true
	# Whoever waits for the net longer than that has none.
	# shellcheck disable=SC2034 # for those who source this
	CARGO_ENV=(CARGO_TARGET_DIR="$CARGO_DIR" CARGO_NET_RETRY=5 CARGO_HTTP_TIMEOUT=60
		CARGO_TERM_COLOR=never)
}
