#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kdir-run.sh kdir cmd... - run cmd with the tools that the tree kdir takes
#
# Those of the Debian 13 root for the trees in the cache, the caller's for
# others; MO, if set, is visible in the root.
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"

kdir=$1
shift
in_cache "$kdir" || exec "$@"
export FERRIO_BIND="${FERRIO_BIND:+$FERRIO_BIND:}${MO-}"
in_root "$@"
