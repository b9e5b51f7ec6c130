#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# bindgen_flags.sh BINDGEN FLAG...: those of a compiler's flags that the libclang of
# bindgen does not know, for trees without rust/Makefile, which has a list of them.
#
# It names all that it does not know at once, others perhaps only without these.
set -u

bindgen=$1
shift
empty=$(mktemp --suffix=.h) || exit 1
trap 'rm -f "$empty"' EXIT
left=$* bad=
while :; do
	# shellcheck disable=SC2086 # a list of words
	said=$("$bindgen" "$empty" -- $left -w 2>&1 >/dev/null) && break
	# error: unknown argument: '-fconserve-stack'; unsupported option '-mx' for target;
	# unsupported argument 'y' to option '-mx='
	new=$(printf '%s\n' "$said" | sed -n "
		s/.*error: unknown argument[^']*'\([^']*\)'.*/\1/p
		s/.*error: unsupported option '\([^']*\)'.*/\1/p
		s/.*error: .* to option '\([^']*\)'.*/\1/p")
	[ -n "$new" ] || { printf '%s\n' "$said" >&2; exit 1; }
	rest=
	for flag in $left; do
		keep=1
		for word in $new; do
			# What ends in = has a value behind it.
			case $word in
			*=) case $flag in "$word"*) keep= ;; esac ;;
			*) [ "$flag" != "$word" ] || keep= ;;
			esac
		done
		if [ -n "$keep" ]; then rest="$rest $flag"; else bad="$bad $flag"; fi
	done
	# What it names is no flag of ours: it would say so for ever.
	[ "$rest" != "$left" ] || { printf '%s\n' "$said" >&2; exit 1; }
	left=$rest
done
echo "$bad"
