# SPDX-License-Identifier: GPL-2.0
#
# Building: plain Kbuild, as the caller, with the compilers of the tree.

BED := selftests/testbed

# The kernel's modules have to come from the compiler that the kernel came from.
kbuild-cc = $(shell grep -qs '^CONFIG_CC_IS_CLANG=y' $(1)/include/config/auto.conf && echo LLVM=1)
kbuild = MO='$(abspath $(2))' $(BED)/kdir-run.sh '$(1)' $(MAKE) -C $(1) M=$(CURDIR) MO=$(abspath $(2)) $(call kbuild-cc,$(1))

list-modules = echo; echo 'modules:'; ls -1 $(1)/*.ko
# The modules that others can call.
calls-of := file_loader|ringbuffer

modules: ## (default) build the modules for KDIR into MO
	@$(BED)/kdir-run.sh '$(KDIR)' true
	@test -e $(KDIR)/include/config/auto.conf || \
		{ echo "make: no kernel build tree in KDIR=$(KDIR): run 'make check-kdir KDIR=$(KDIR)' to see what is missing, or 'make kdir' for one of Debian's kernel" >&2; exit 1; }
	@mkdir -p $(MO)
	@$(call kbuild,$(KDIR),$(MO)) $(kbuild-args)
	@$(if $(quiet-modules),,$(call list-modules,$(abspath $(MO))))

# Without the tree there is no Kbuild to ask, but what lies in out/ is ours.
clean: ## remove what the build of KDIR made in MO
	@if test -e $(KDIR)/include/config/auto.conf; then \
		mkdir -p $(MO) && $(call kbuild,$(KDIR),$(MO)) clean; \
	else case '$(abspath $(MO))/' in \
	'$(CURDIR)/out/build/'?*) rm -rf '$(abspath $(MO))' ;; \
	*) echo "make: no kernel build tree in KDIR=$(KDIR): give the one that MO=$(MO) was built for" >&2; exit 1 ;; \
	esac; fi

# Modules for the kernels of the test bed, with the tool chain of Debian 13.  Each
# step ends by a semicolon: in a list of && a failure would not end the shell.
# Modules that call another of ours are no use alone: they lie apart, in drivers/.
bed-modules = . $(BED)/env.sh; may_work; kdir=$$$(1)_KDIR; build=out/build/$(2) to=out/modules/$(2); \
	mkdir -p $$build $$to; \
	in_root $(MAKE) --no-print-directory KDIR=$$kdir MO=$(CURDIR)/$$build \
		quiet-modules=1 kbuild-args=ferrio-tests=1 modules; \
	rm -rf $$to/*.ko $$to/drivers; mkdir $$to/drivers; \
	for module in $$(basename -as .o $$(cat $$build/modules.order)); do \
		if tr "\\0" "\\n" <$$build/$$module.ko | grep -aqE "^depends=.*($(calls-of))"; \
		then cp $$build/$$module.ko $$to/drivers/; \
		else cp $$build/$$module.ko $$to/; fi; \
	done; \
	$(call list-modules,$(CURDIR)/out/modules/$(2))

modules-stock: ## modules for the stock kernel, in out/modules/stock
	@bash -ec '$(call bed-modules,STOCK,stock)'

modules-test: ## modules and KUnit modules for the test kernel, in out/modules/test
	@bash -ec '$(call bed-modules,TEST,test)'

# Headers, crates and symbols: a driver needs these and the build tree of its kernel.
# Whether there is a TO= is looked at in front of the build.
driver-api-to:
	@test -n '$(TO)' || { echo "make: driver-api: say where to, TO=directory" >&2; exit 2; }

driver-api: driver-api-to ## what a driver of your own takes to call our modules, copied to TO=directory
	@$(MAKE) --no-print-directory modules
	@mkdir -p '$(TO)/include/ferrio'
	@cp -rL rust/driver/. '$(TO)/'
	@cp rust/uapi/ferrio/file_loader.h rust/uapi/ferrio/ringbuffer.h '$(TO)/include/ferrio/'
	@cp rust/uapi/bindgen_parameters $(MO)/Module.symvers '$(TO)/'
	@echo; echo "driver API: include $(abspath $(TO))/driver.mk in your Kbuild"

# Clippy's objects are not for use, so they stay apart.
clippy: ## the kernel's clippy lints over all modules; a warning is an error
	@bash -ec '. $(BED)/env.sh; rm -rf out/build/clippy; in_root $(MAKE) --no-print-directory \
		KDIR=$$STOCK_KDIR MO=$(CURDIR)/out/build/clippy kbuild-args="CLIPPY=1 W=e ferrio-tests=1" modules'

rustdoc: ## HTML of the kernel crates in out/doc; a warning is an error
	@bash -ec '. $(BED)/env.sh; in_root $(MAKE) --no-print-directory KDIR=$$STOCK_KDIR \
		MO=$(CURDIR)/out/build/doc kbuild-args="ferrio-doc=$(CURDIR)/out/doc" quiet-modules=1 modules; \
		echo "documentation: $(CURDIR)/out/doc/ferrio/index.html"'

.PHONY: modules clean modules-stock modules-test driver-api driver-api-to clippy rustdoc
