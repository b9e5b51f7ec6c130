# SPDX-License-Identifier: GPL-2.0
#
# Putting things in place, and taking them away.  For packages: DESTDIR=, and for the
# modules INSTALL_MOD_PATH=, which is DESTDIR unless it is given.

PREFIX ?= /usr/local
INSTALL_MOD_PATH ?= $(DESTDIR)
# Below lib/modules/RELEASE: what depmod prefers to the kernel's own modules.
INSTALL_MOD_DIR ?= updates/ferrio
# Kbuild takes a relative path for one below MO.
mod-path = $(abspath $(INSTALL_MOD_PATH))

modules_install: SHELL := /bin/bash

install: ## headers, crates, man pages, udev rule, and what `make tools` built; PREFIX=, DESTDIR=
	@dist/install.sh install '$(PREFIX)' '$(DESTDIR)'
	@dist/modules.sh installed '$(PREFIX)' '$(DESTDIR)'

uninstall: ## take away what install and modules_install have put there; PREFIX=, DESTDIR=
	@gone=$$(dist/modules.sh uninstall '$(INSTALL_MOD_PATH)' '$(INSTALL_MOD_DIR)') || exit; \
		[ -z "$$gone" ] || echo "$$gone"; \
		dist/install.sh uninstall '$(PREFIX)' '$(DESTDIR)' "$$gone"

# Kbuild's own, which compresses them as the kernel's are, and signs them if the kernel
# has a key.  Its depmod wants System.map, which no package of headers has.
# FERRIO_BIND: the place can be seen from within a build root, too.
modules_install: export FERRIO_BIND = $(mod-path)/lib/modules
modules_install: ## the modules that `make` built, for KDIR's kernel; INSTALL_MOD_PATH=
	@dist/modules.sh ready '$(KDIR)' '$(abspath $(MO))' '$(INSTALL_MOD_PATH)'
	@$(call kbuild,$(KDIR),$(MO)) --no-print-directory INSTALL_MOD_PATH='$(mod-path)' \
		INSTALL_MOD_DIR='$(INSTALL_MOD_DIR)' DEPMOD=: $(kbuild-args) modules_install 2>&1 | \
		sed '/System.map/d; /DEPMOD/d'; exit $${PIPESTATUS[0]}
	@$(BED)/kdir-run.sh '$(KDIR)' dist/modules.sh depmod '$(KDIR)' '$(mod-path)'

sign: ## sign the modules in MO with KEY= and CERT=, by the kernel's own sign-file
	@dist/sign.sh '$(KDIR)' '$(abspath $(MO))' '$(KEY)' '$(CERT)'

.PHONY: install uninstall modules_install sign
