# SPDX-License-Identifier: GPL-2.0-only
# What tools/bench-fs, tools/stress and selftests run in the VM; built with the user programs, not installed.
bench-programs :=
define bench-program
bench-programs += build/bench/$(1)
user-objs += $(call obj-of,$(2))
build/bench/$(1): $(call obj-of,$(2)) build/user/libvexfs.a
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) build/user/libvexfs.a $(3) -lm -lpthread
endef

$(eval $(call bench-program,fs,user/bench/fs.c,))
$(eval $(call bench-program,check,user/bench/check.c,))
$(eval $(call bench-program,depth,user/bench/depth.c,))
$(eval $(call bench-program,growth,user/bench/growth.c,))
$(eval $(call bench-program,acked,user/bench/acked.c,))
