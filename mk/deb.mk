# SPDX-License-Identifier: GPL-2.0
#
# deb.mk - packages for Debian.

deb: ## Debian packages of this tree, in out/deb; Documentation/packages.rst
	@dist/deb.sh

.PHONY: deb
