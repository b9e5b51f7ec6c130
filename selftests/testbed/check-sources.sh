#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks of the sources, one TAP result each; what is wrong is printed above it.
# A tool that is missing is a failure of its check.
#
# shellcheck disable=SC2317 # check_* are called by their name
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"
cd "$FERRIO_TOP" || exit 1

# What is going to be committed counts as well.
files() # PATTERN...
{
	git ls-files --cached --others --exclude-standard -- "$@" | sort -u |
		while read -r file; do
			[ ! -f "$file" ] || echo "$file"
		done
}

# Reads file names; fails if there are none, since then nothing was checked.
some() # COMMAND...
{
	local list
	mapfile -t list
	if [ ${#list[@]} = 0 ]; then
		echo "there is no file to check"
		return 1
	fi
	in_root "$@" "${list[@]}"
}

scripts()
{
	files | while read -r file; do
		if head -n 1 "$file" | grep -aqE '^#!/(usr/)?bin/(env )?(ba|da)?sh' ||
			head -n 5 "$file" | grep -aq '^# shellcheck shell='; then
			echo "$file"
		fi
	done
}

check_rustfmt()
{
	files '*.rs' | some rustfmt --check --edition 2021
}

check_clippy()
{
	make --no-print-directory clippy
}

check_rustdoc()
{
	make --no-print-directory rustdoc
}

check_shellcheck()
{
	scripts | some shellcheck -x -P SCRIPTDIR
}

# Not looked for, with the reason:
#   VOLATILE       the test programs share memory with the kernel on purpose
#
# It takes half a minute or two for all files, so one that it has let pass is not looked at
# again: the record is of what went in, the file, the script and its lists.
check_checkpatch()
{
	local passed=$FERRIO_CACHE/checkpatch tool file sum any='' todo=() sums=()
	local options='--no-tree --no-summary --terse --show-types -f --ignore VOLATILE'
	tool=$({ cat "$KSRC"/scripts/{checkpatch.pl,const_structs.checkpatch,spelling.txt}
		echo "$options"; } | sha256sum)
	mkdir -p "$passed"
	while read -r file; do
		any=1
		sum=$({ echo "$tool $file"; cat "$file"; } | sha256sum)
		[ -e "$passed/${sum%% *}" ] || { todo+=("$file"); sums+=("$passed/${sum%% *}"); }
	done < <(files '*.c' '*.h')
	find "$passed" -type f -mtime +30 -delete
	[ -n "$any" ] || return
	[ ${#todo[@]} -gt 0 ] || return 0
	# One call for all: most of the time is that of its start.
	# shellcheck disable=SC2086 # a list of words
	perl "$KSRC/scripts/checkpatch.pl" $options "${todo[@]}" && touch "${sums[@]}"
}

check_man()
{
	files 'Documentation/man/*.[1-9]' | some mandoc -T lint -W warning
}

check_python()
{
	files '*.py' | some python3 -B -W error -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)'
}

check_spdx()
{
	local file bad=0
	while read -r file; do
		case $file in
		LICENSES/* | COPYING | VERSION | debian/changelog | debian/source/format) continue ;;
		esac
		if ! head -n 5 "$file" | grep -aq 'SPDX-License-Identifier: '; then
			echo "$file: no SPDX-License-Identifier in its first five lines"
			bad=1
		fi
	done < <(files)
	return "$bad"
}

# rust/ferrio has the unsafe code; besides it one module ffi per user crate and per
# crate of the driver API.
check_unsafe()
{
	local list
	# A link is what it leads to.
	mapfile -t list < <(files '*.rs' | xargs realpath --relative-to=. |
		grep -v -e '^rust/ferrio/' -e '/ffi\.rs$' -e '/ffi/')
	if [ ${#list[@]} = 0 ]; then
		echo "there is no file to check"
		return 1
	fi
	if sed 's://.*$::' -s "${list[@]}" | grep -qw unsafe; then
		grep -Hnw unsafe "${list[@]}" | grep -v '^[^:]*:[0-9]*:[[:space:]]*//'
		return 1
	fi
}

# rustfmt leaves comments and macros as wide as they are.
check_length()
{
	local file lines bad=0 columns=100
	while read -r file; do
		lines=$(wc -l <"$file")
		if [ "$lines" -ge 500 ]; then
			echo "$file: $lines lines; one subject to a file, split before 500"
			bad=1
		fi
	done < <(files '*.rs' '*.c' '*.h' '*.sh' '*.py' 'guest-*' '*.mk' Makefile)
	while read -r file; do
		if LC_ALL=C.UTF-8 grep -nHE "^.{$((columns + 1)),}" "$file"; then
			echo "$file: more than $columns columns"
			bad=1
		fi
	done < <(files '*.rs')
	return "$bad"
}

# Rings were broken before: each way has its tests and its mutant.
check_lessons()
{
	in_root python3 -B "$here/check-lessons.py"
}

# A mutant that no longer applies, or whose test has another name, proves nothing.
check_mutants()
{
	local patch bad=0
	for patch in selftests/mutants/*.patch; do
		git apply --check "$patch" || { echo "$patch does not apply"; bad=1; }
	done
	awk -F ' *[|] *' '
		FILENAME == "selftests/manifest" { places[$1] = "," $3 ","; next }
		FNR == 1 { if (file) judge(); file = FILENAME; kills = "" }
		/^# kills: / && !kills { kills = substr($0, 10) }
		END { judge(); exit bad }
		function judge(    word) {
			if (split(kills, word, " @ ") == 2 && index(places[word[1]], "," word[2] ","))
				return
			print file ": its \"# kills: ID @ PLACE\" names no test of the manifest: " kills
			bad = 1
		}' selftests/manifest selftests/mutants/*.patch || bad=1
	return "$bad"
}

checks='rustfmt clippy rustdoc shellcheck checkpatch man python spdx unsafe length lessons
	mutants'
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $checks
mkdir -p "$FERRIO_OUT/log"
echo "TAP version 13"
echo "1..$#"
number=0 failed=0
for check; do
	number=$((number + 1))
	start=$SECONDS
	if "check_$check" >"$FERRIO_OUT/log/sources-$check.log" 2>&1 </dev/null; then
		echo "ok $number $check"
	else
		tail -n 40 "$FERRIO_OUT/log/sources-$check.log" | sed 's/^/# /'
		echo "not ok $number $check"
		failed=1
	fi
	echo "# $check took $((SECONDS - start)) s"
done
exit $failed
