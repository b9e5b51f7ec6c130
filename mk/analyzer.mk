# SPDX-License-Identifier: GPL-2.0
#
# analyzer.mk - what editors want to know.

# The generated sources have to be there, and of everything; so it is built, apart from
# what is for use, unless MO= names what has been.
analyzer-mo := $(if $(filter-out file,$(origin MO)),$(MO),$(CURDIR)/out/build/analyzer)

rust-analyzer: ## rust-project.json for editors: all kernel crates, samples and tests too, for KDIR
	@$(MAKE) --no-print-directory MO='$(analyzer-mo)' quiet-modules=1 kbuild-args=ferrio-tests=1 modules
	@dist/rust-project.sh '$(KDIR)' '$(abspath $(analyzer-mo))' \
		env $(call kbuild,$(KDIR),$(analyzer-mo)) --no-print-directory -s

.PHONY: rust-analyzer
