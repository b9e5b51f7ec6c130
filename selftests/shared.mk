# SPDX-License-Identifier: GPL-2.0
#
# What the programs of a directory share is compiled once, as it would take as long
# as they do themselves.  Included behind lib.mk; SHARED names the sources.

SHARED_OBJS := $(patsubst %.c,$(OUTPUT)/%.o,$(notdir $(SHARED)))
EXTRA_CLEAN += $(SHARED_OBJS)
vpath %.c $(sort $(dir $(SHARED)))

$(SHARED_OBJS): $(OUTPUT)/%.o: %.c $(LOCAL_HDRS)
	$(call msg,CC,,$@)
	$(Q)$(COMPILE.c) $< -o $@
