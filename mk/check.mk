# SPDX-License-Identifier: GPL-2.0
#
# The verbs that test; the work is done by selftests/testbed.

TESTBED := selftests/testbed

check: ## all tests: sources, test kernel and stock kernel in guests
	@$(TESTBED)/check.sh

check-host: ## only the tests of sources, tools and test bed
	@$(TESTBED)/check.sh host

check-test: ## only the guest with the test kernel
	@$(TESTBED)/check.sh test

check-stock: ## only the guests with the stock kernel
	@$(TESTBED)/check.sh stock

check-install: ## only the packages, in a fresh Debian 13 (15 minutes)
	@$(TESTBED)/check.sh install

check-all: ## check and check-install
	@$(TESTBED)/check.sh host test stock install

check-long: ## all tests with their long rounds (hours)
	@FERRIO_LONG=1 $(TESTBED)/check.sh

check-mutants: ## each of selftests/mutants/*.patch has to make its test fail
	@$(TESTBED)/mutants.sh

shell: ## a guest to try things in, modules inserted; ADD=directory to take along, KERNEL=test
	@$(TESTBED)/check-shell.sh $(or $(KERNEL),stock) $(if $(ADD),'$(ADD)')

.PHONY: check check-host check-test check-stock check-install check-all check-long check-mutants shell
