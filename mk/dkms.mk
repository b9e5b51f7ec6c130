# SPDX-License-Identifier: GPL-2.0
#
# dkms.mk - the modules for DKMS.

dkms-source: ## what DKMS builds the modules from, in DESTDIR=/usr/src/ferrio-VERSION
	@dkms/source.sh '$(DESTDIR)'

.PHONY: dkms-source
