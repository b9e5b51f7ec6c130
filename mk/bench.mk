# SPDX-License-Identifier: GPL-2.0
#
# bench.mk - what the ring costs, against the kernel's own means.

bench: ## measure the ring against the pipe; result in out/bench/latest.csv
	@$(BED)/run-bench.sh

.PHONY: bench
