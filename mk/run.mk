# SPDX-License-Identifier: GPL-2.0
#
# run.mk - the modules at work.

run: ## load a real file in a guest, and move it through rings, beside pipe and AF_UNIX; FILE=
	@$(BED)/run-file.sh $(if $(FILE),'$(FILE)')

.PHONY: run
