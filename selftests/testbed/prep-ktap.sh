# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# prep-ktap.sh - results of the host tests as KTAP; sourced by them
#
#   plan_tests n
#   result "name" status [details]   status 0: passed
#   same "name" expected seen        one text against another
#   end_tests                        exit status of the whole

ktap_n=0
ktap_failed=0

plan_tests() {
	ktap_plan=$1
	echo "TAP version 13"
	echo "1..$1"
}

result() {
	ktap_n=$((ktap_n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $ktap_n $1"
	else
		ktap_failed=$((ktap_failed + 1))
		if [ -n "${3-}" ]; then echo "# ${3//$'\n'/$'\n'# }"; fi
		echo "not ok $ktap_n $1"
	fi
}

same() {
	if [ "$2" = "$3" ]; then
		result "$1" 0
	else
		result "$1" 1 "expected: $2
seen: $3"
	fi
}

end_tests() {
	if [ "$ktap_n" != "$ktap_plan" ]; then
		echo "# planned $ktap_plan tests, ran $ktap_n"
		exit 1
	fi
	[ "$ktap_failed" = 0 ] || exit 1
	exit 0
}
