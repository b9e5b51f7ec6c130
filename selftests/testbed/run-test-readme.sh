#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What README.md and CONTRIBUTING.md say has to be so: prints KTAP.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
# shellcheck source=prep-ktap.sh
. "$here/prep-ktap.sh"
cd "$FERRIO_TOP"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first block of C between the fences.
block()
{
	awk '/^```c$/ && !n { n = 1; next } /^```$/ { n += n == 1 } n == 1' "$1"
}

# Its lines that are commands of make, without comments and arguments.
verbs()
{
	grep -oE '`make [a-z-]+|^    make [a-z-]+' "$1" | awk '{ print $2 }' | sort -u
}

# Files that it links to or names in a command.
named()
{
	grep -oE '\]\([^)#]+\)' "$1" | sed 's/^](//; s/)$//' | grep -v '^http'
	# What a system says that has the packages is of files of its own.
	# shellcheck disable=SC2016 # a fence
	sed '/^```console$/,/^```$/d' "$1" |
		grep -oE '(Documentation|samples|rust|selftests|dist|dkms)/[A-Za-z0-9_./-]+[A-Za-z0-9]'
}

missing_files()
{
	named "$1" | sort -u | while read -r file; do
		[ -e "$file" ] || echo "$file"
	done
}

missing_verbs()
{
	make --no-print-directory help | awk '{ print $1 }' | sort >"$work/verbs"
	verbs "$1" | comm -23 - "$work/verbs"
}

plan_tests 8

block README.md >"$work/hello.c"
same sample_is_verbatim "$(cat samples/hello.c)" "$(cat "$work/hello.c")"

status=0
said=$(in_root gcc -Wall -Wextra -Werror -O2 -Irust/uapi -o "$work/hello" \
	"$work/hello.c" 2>&1) || status=$?
result sample_compiles $status "$said"

# Its own commands, with the output elsewhere.
status=0
said=$(grep -oE '^ +cc .*' README.md | sed -E "s|-o ([a-z-]+)|-o $work/\1|" |
	in_root sh -eux 2>&1) || status=$?
[ -x "$work/ring-run" ] && [ -x "$work/load" ] || status=1
result ring_run_compiles $status "$said"

same files_exist '' "$(missing_files README.md)"
same verbs_exist '' "$(missing_verbs README.md)"

# Whoever begins to change something goes by these.
same guide_files_exist '' "$(missing_files CONTRIBUTING.md; missing_files CHANGELOG.md)"
same guide_verbs_exist '' "$(missing_verbs CONTRIBUTING.md)"

# The checks above can fail at all.
cat >"$work/bad.md" <<'END'
`make nonsense` and [a file](Documentation/nowhere.rst)
END
same bad_readme_is_seen "Documentation/nowhere.rst nonsense" \
	"$(missing_files "$work/bad.md") $(missing_verbs "$work/bad.md")"
end_tests
