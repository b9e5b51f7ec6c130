# SPDX-License-Identifier: GPL-2.0
#
# prep.mk - verbs that prepare trees and tools; included by the Makefile.
# The scripts read KVER, KDIR and FERRIO_CACHE from the environment.

PREP_TESTBED := $(dir $(lastword $(MAKEFILE_LIST)))../selftests/testbed
PREP_ENV = $(foreach v,KVER FERRIO_CACHE,$(if $($v),$v='$($v)'))

.PHONY: check-kdir kdir test-kernel root distclean

check-kdir: ## say what is wrong with the kernel build tree KDIR=, and what mends it
	@$(PREP_ENV) $(PREP_TESTBED)/check-kdir.sh '$(KDIR)'

kdir: ## prepare the build tree of Debian's stock kernel; KVER= chooses one
	@$(PREP_ENV) $(PREP_TESTBED)/kdir.sh

test-kernel: ## build the test kernel from .config.fragment (half an hour, once)
	@$(PREP_ENV) $(PREP_TESTBED)/testkernel.sh

root: ## provide the Debian 13 tool chain: a build root, or what the host lacks
	@$(PREP_ENV) $(PREP_TESTBED)/root.sh

distclean: ## remove the cache: build root, packages, kernels; and out/
	@$(PREP_ENV) $(PREP_TESTBED)/distclean.sh
