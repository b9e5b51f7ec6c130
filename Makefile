# SPDX-License-Identifier: GPL-2.0
#
# What a person types.  `make` builds the modules for one kernel and needs
# nothing but that kernel's build tree; all other verbs are in `make help`.

# The build tree of the kernel to build for.
KDIR ?= /lib/modules/$(shell uname -r)/build
# Where objects and modules go.
MO ?= $(CURDIR)/out/build/default

# What was asked for, for messages that say how to ask again.
FERRIO_VERB ?= $(strip $(MAKECMDGOALS) $(filter-out KVER=% FERRIO_CACHE=%,$(MAKEOVERRIDES)))
export FERRIO_VERB

include mk/build.mk
include $(filter-out mk/build.mk,$(wildcard mk/*.mk))

help: ## this list
	@echo 'usage: make [verb] [KDIR=build tree] [MO=output directory] [KVER=kernel release]'
	@echo
	@sed -n 's/^\([a-z][a-z0-9_-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
		sort | awk -F '\t' '{ printf "  %-16s %s\n", $$1, $$2 }'

.DEFAULT:
	@echo "make: there is no verb '$@'; 'make help' lists them" >&2; exit 2

.PHONY: help
