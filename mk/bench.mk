# SPDX-License-Identifier: GPL-2.0
#
# bench.mk - what the modules cost, against the kernel's own means.

bench: ## measure the modules against their peers, BENCH='pipe stream iov load ring_driver records'; result in out/bench/latest.csv
	@$(BED)/run-bench.sh $(BENCH)

.PHONY: bench
