#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the verdicts of `make run` and `make bench`: prints TAP.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2016 # expanded by the inner shell
exec bash -c '. "$1/env.sh"; in_root python3 -B "$1/run-test-verdicts.py"' \
	sh "$here"
