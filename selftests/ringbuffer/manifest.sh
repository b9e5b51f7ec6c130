#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Rows of selftests/manifest for the given test programs, from their own lists
# of tests: program/fixture.variant.test | requirement | where it must run.
set -eu

echo "# SPDX-License-Identifier: GPL-2.0"
for program; do
	name=${program##*/}
	case $name in
	abi | ends | holders | limits | sendfile | token) requirement=ground.3 ;;
	*) requirement=ground.5 ;;
	esac
	case $name in
	fault) place='test' ;;
	big) place='stock' ;;
	*) place='test,stock' ;;
	esac
	# Columns are fixture, variant, test; fixtures and variants of a block
	# stand only in its first lines, one each.
	"$program" -l 2>&1 | awk -v name="$name" -v need="$requirement" \
		-v place="$place" '
		function flush(   v, t) {
			for (v = 1; v <= (variants ? variants : 1); v++)
				for (t = 1; t <= tests; t++)
					printf "ringbuffer/%s/%s.%s%s | %s | %s\n",
						name, fixture,
						variants ? variant[v] "." : "",
						test[t], need, place
			variants = tests = 0
		}
		/^#/ { next }
		/^---/ { flush(); next }
		{
			f = substr($0, 1, 20); gsub(/ /, "", f)
			v = substr($0, 22, 25); gsub(/ /, "", v)
			t = substr($0, 48); gsub(/ /, "", t)
			if (f != "") fixture = f
			if (v != "") variant[++variants] = v
			if (t != "") test[++tests] = t
		}
		END { flush() }
	' || true
done
