# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# prep-ktap.sh - results of the host tests as KTAP, by the kselftest helpers
# of the kernel source; sourced after env.sh
#
#   plan_tests n
#   result "name" status [details]   status 0: passed
#   same "name" expected seen        one text against another
#   end_tests                        exit status of the whole

ktap_helpers=$KSRC/tools/testing/selftests/kselftest/ktap_helpers.sh
[ -e "$ktap_helpers" ] || die "no kernel source in $KSRC: run 'make kdir'"
# shellcheck source=/dev/null
. "$ktap_helpers"

plan_tests() {
	ktap_print_header
	ktap_set_plan "$1"
}

result() {
	if [ "$2" = 0 ]; then
		ktap_test_pass "$1"
	else
		if [ -n "${3-}" ]; then echo "# ${3//$'\n'/$'\n'# }"; fi
		ktap_test_fail "$1"
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

# Fails unless as many tests passed as were planned.
end_tests() {
	ktap_finished
}
