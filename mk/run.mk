# SPDX-License-Identifier: GPL-2.0
#
# run.mk - the modules at work.

run: ## move a real file through a ring in a guest, beside pipe and AF_UNIX; FILE=
	@$(BED)/run-file.sh $(if $(FILE),'$(FILE)')

.PHONY: run
