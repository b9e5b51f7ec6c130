# SPDX-License-Identifier: GPL-2.0
#
# For the Kbuild of a module that calls ferrio's modules.  `make driver-api TO=DIR`
# of ferrio copies this file to DIR, with the headers, the crates and the symbols.
#
# In C:
#
#	obj-m := mine.o
#	include DIR/driver.mk
#
# and #include <ferrio_file.h>, or <ferrio_ring.h>.  In Rust, with the crate `ferrio_file`:
#
#	obj-m := mine.o
#	mine-y := mine_main.o ferrio_file.o
#	ferrio-file-users := mine_main.o
#	include DIR/driver.mk
#
# and the same with ring for file.  The crate is compiled with the module, for its kernel and by its compiler, and is
# a part of it.

ferrio-driver := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

ccflags-y += -I$(ferrio-driver)/include
# Empty where ferrio itself is built: modpost sees the modules then.
KBUILD_EXTRA_SYMBOLS += $(wildcard $(ferrio-driver)/Module.symvers)

ferrio-crates := file ring
# Here, as `make clean` knows no configuration.
clean-files += $(foreach name,$(ferrio-crates),ferrio_$(name)_generated.rs libferrio_$(name).rmeta)

# Where generated sources are; include!() finds them through the environment.
# $(obj) is relative to the object tree or absolute, depending on MO=.
export FERRIO_GEN := $(abspath $(obj))

# --- bindgen -----------------------------------------------------------------

ifdef CONFIG_RUST

# The C flags of the kernel, less those that libclang does not know: the list is
# rust/Makefile's own, read from there so that it fits the kernel that is used.  Header
# packages of distributions leave that file out: then libclang is asked.
ferrio-rust-makefile := $(firstword $(wildcard $(srctree)/rust/Makefile $(objtree)/rust/Makefile))
ifneq ($(ferrio-rust-makefile),)
ferrio-bindgen-skip := $(shell sed -n '/^bindgen_skip_c_flags :=/,/[^\\]$$/p' \
	$(ferrio-rust-makefile) | sed 's/^bindgen_skip_c_flags :=//; s/\\$$//')
endif
ifeq ($(ferrio-bindgen-skip),)
ferrio-bindgen-skip = $(shell $(ferrio-driver)/bindgen_flags.sh '$(BINDGEN)' \
	$(filter -f% -m%,$(c_flags)))
endif
ferrio-bindgen-target-x86 := x86_64-linux-gnu
ferrio-bindgen-target-arm64 := aarch64-linux-gnu
ifdef CONFIG_CC_IS_CLANG
ferrio-bindgen-c-flags = $(c_flags) -w
else
ferrio-bindgen-c-flags = $(filter-out $(ferrio-bindgen-skip),$(c_flags)) -w \
	--target=$(ferrio-bindgen-target-$(SRCARCH))
endif

# What is the same for the mirrors in user space.
ferrio-bindgen-common := $(shell grep -h '^--' $(firstword \
	$(wildcard $(addsuffix /bindgen_parameters,$(ferrio-driver) $(ferrio-driver)/../uapi))))

# bindgen-args is set per target below.
quiet_cmd_ferrio_bindgen = BINDGEN $@
      cmd_ferrio_bindgen = $(BINDGEN) $< $(bindgen-args) $(ferrio-bindgen-common) \
	--ctypes-prefix ffi --no-layout-tests --no-debug '.*' \
	-o $@ -- $(filter-out $(CC_FLAGS_LTO),$(ferrio-bindgen-c-flags)) \
	-fno-builtin -D__BINDGEN__ -DMODULE

# --- a crate for each header ferrio_NAME.h -----------------------------------

# What belongs to the header is generated, all else comes from kernel::bindings.
ferrio-bindgen-file := --allowlist-function 'ferrio_file_.*' \
	--allowlist-type 'ferrio_file.*|ferrio_fl_(purpose|stage)' \
	--allowlist-var 'FERRIO_FL_PIN_.*|FERRIO_FILE_API'

ferrio-bindgen-ring := --allowlist-function 'ferrio_ring_.*' \
	--allowlist-type 'ferrio_ring.*' --allowlist-var 'FERRIO_RING_.*'

# The structs that the derives make plain bytes: no padding, any bit pattern valid.
ferrio-bytes-file := ferrio_.*
ferrio-bytes-ring := ferrio_ring_params

define ferrio-crate
$$(obj)/ferrio_$(1)_generated.rs: private bindgen-args = $$(ferrio-bindgen-$(1)) \
	--blocklist-type '(?:[^f]|f[^e]|fe[^r]).*' --with-derive-default \
	--with-derive-custom-struct \
	'$$(ferrio-bytes-$(1))=kernel::prelude::FromBytes,kernel::prelude::IntoBytes,zerocopy_derive::Immutable' \
	--raw-line 'use kernel::bindings::*; use kernel::ffi;'
$$(obj)/ferrio_$(1)_generated.rs: $$(ferrio-driver)/bindgen_$(1).h FORCE
	$$(call if_changed_dep,ferrio_bindgen)
targets += ferrio_$(1)_generated.rs

# An object of several modules gets all their names in RUST_MODFILE, separated
# by a blank that breaks the command line.  A crate is nobody's module.
$$(obj)/ferrio_$(1).o: private modfile = ferrio_$(1)
RUSTFLAGS_ferrio_$(1).o := --emit=metadata=$$(FERRIO_GEN)/libferrio_$(1).rmeta
$$(obj)/ferrio_$(1).o: $$(ferrio-driver)/ferrio_$(1)/ferrio_$(1).rs \
		$$(obj)/ferrio_$(1)_generated.rs FORCE
	+$$(call if_changed_rule,rustc_o_rs)

$$(foreach user,$$(ferrio-$(1)-users),$$(eval RUSTFLAGS_$$(user) += \
	--extern ferrio_$(1)=$$(FERRIO_GEN)/libferrio_$(1).rmeta))
$$(addprefix $$(obj)/,$$(ferrio-$(1)-users)): $$(obj)/ferrio_$(1).o
endef

$(foreach name,$(ferrio-crates),$(eval $(call ferrio-crate,$(name))))

endif # CONFIG_RUST
