# SPDX-License-Identifier: GPL-2.0
#
# The command ferrio: one file that needs no library, so that it runs in any guest, and
# what it writes itself, its manual pages and completions.

TOOLS := out/tools
# Most of the time would go into what reads the command line, which is not in a hurry.
tools-profile = $(foreach name,clap_builder clap_complete, \
	--config profile.release.package.$(name).opt-level=1)

# Whose machine it was built on is nobody's business.
tools-flags = -C target-feature=+crt-static --remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=/cargo

tools: ## the command ferrio, static, with manual pages and completions, in out/tools
	@bash -ec '. $(BED)/env.sh; . $(BED)/cargo-lib.sh; cargo_env; \
		target=$$(in_root rustc -vV | sed -n "s/^host: //p"); \
		in_root -C rust/user env "$${CARGO_ENV[@]}" \
			RUSTFLAGS="$(tools-flags)" \
			cargo build --locked --release --package ferrio --target "$$target" \
			$(tools-profile); \
		rm -rf $(TOOLS); mkdir -p $(TOOLS)/completions; \
		cp "$$CARGO_DIR/$$target/release/ferrio" $(TOOLS)/ferrio'
	@$(TOOLS)/ferrio man $(TOOLS)/man
	@$(TOOLS)/ferrio completions bash >$(TOOLS)/completions/ferrio.bash
	@$(TOOLS)/ferrio completions zsh >$(TOOLS)/completions/_ferrio
	@$(TOOLS)/ferrio completions fish >$(TOOLS)/completions/ferrio.fish
	@echo; echo "the command: $(CURDIR)/$(TOOLS)/ferrio"

.PHONY: tools
