#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# prep-lost-options.sh fragment config - name what a configuration has lost
#
# Kconfig drops an option whose dependencies are not met, or that it does not
# know, without a word.  Prints every option of the fragment that is not in
# the configuration as the fragment has it, and fails if there is one.
set -eu

awk '
FILENAME == ARGV[1] {
	if (match($0, /^CONFIG_[A-Za-z0-9_]+=/))
		want[++n] = $0
	else if (match($0, /^# CONFIG_[A-Za-z0-9_]+ is not set$/))
		want[++n] = $2 "=n"
	next
}
match($0, /^CONFIG_[A-Za-z0-9_]+=/) {
	have[substr($0, 1, RLENGTH - 1)] = substr($0, RLENGTH + 1)
}
END {
	if (n == 0) {
		print "the fragment sets no option"
		exit 1
	}
	for (i = 1; i <= n; i++) {
		eq = index(want[i], "=")
		name = substr(want[i], 1, eq - 1)
		value = substr(want[i], eq + 1)
		is = (name in have) ? have[name] : "n"
		if (is != value) {
			print "lost: " want[i] " became " name "=" is
			lost++
		}
	}
	exit lost > 0
}' "$1" "$2"
