# SPDX-License-Identifier: GPL-2.0-only
# How everything of userspace is built. Each component has a fragment,
# user/COMPONENT/build.mk, that names what it makes by these calls:
#
#   $(eval $(call user-program,NAME,SOURCES,LIBRARIES))
#	build/user/NAME from SOURCES and libvexfs.a; part of `make` and `make install`
#	(mkfs.*, fsck.* and mount.* go to sbin).
#   $(eval $(call user-test,NAME,SOURCES,LIBRARIES))
#	build/user/test/NAME, with ASan and UBSan, from SOURCES and libvexfs-asan.a, run by
#	`make check-unit`: exit status 0, cmocka's, TAP's or kselftest's output.
#   $(eval $(call kernel-test,NAME,SOURCES,LIBRARIES))
#	build/selftests/NAME, run in the VM by selftests/run, with the kernel's harness
#	on the include path.
#   kernel-scripts += selftests/NAME.sh
#	the same for a script that prints TAP.
#   $(eval $(call debug-test,NAME,SOURCES,LIBRARIES))
#	build/selftests/NAME, run on the kernel of tools/kernel/debug alone.
#
# SOURCES are paths from the top of the tree. A program that loads BPF adds
# `build/user/obj/user/X/main.o: build/bpf/NAME.skel.h` and includes "NAME.skel.h"; the
# skeleton is made from bpf/NAME.bpf.c. user-cflags-PATH (without .c) adds flags
# to one source. Only explicit rules: a search path (VPATH) would pick up the
# kernel's objects of the core.

CC ?= gcc
CXX ?= g++
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool) bpftool)
AR ?= ar
CFLAGS ?= -O2 -g

vex-cflags := -std=gnu11 -Wall -Wextra -Wvla -Wmissing-prototypes -Wstrict-prototypes \
	-Wno-unused-parameter -Wno-sign-compare \
	-fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -D_GNU_SOURCE \
	-Iuser/lib/platform -Iuser/lib -Ikmod/core -Ikmod/uapi -Ikmod -Ibpf -Ibuild/bpf -MMD -MP
san-flags := -fsanitize=address,undefined -fno-sanitize-recover=undefined

# As Kbuild has it for the kernel: the same flags give the same distances.
user-cflags-kmod/core/dist_scalar := -ffp-contract=off
user-cflags-kmod/core/code_scalar := -ffp-contract=off
user-cflags-kmod/core/pca_scalar := -ffp-contract=off
user-cflags-kmod/core/code_avx2 := -ffp-contract=off -mavx2
user-cflags-kmod/core/dist_avx2 := -ffp-contract=off -mavx2 -mfma
user-cflags-kmod/core/code_vnni := -ffp-contract=off -mavx2 -mavx512f -mavx512bw -mavx512vl \
	-mavx512dq
user-cflags-kmod/core/dist_avx512 := -ffp-contract=off -mavx2 -mfma -mavx512f -mavx512bw \
	-mavx512vl -mavx512dq
user-cflags-kmod/core/crc32c_x86 := -mcrc32

user-programs :=
user-tests :=
kernel-tests :=
kernel-scripts :=
debug-tests :=
user-objs :=

obj-of = $(patsubst %.c,build/user/obj/%.o,$(1))
asan-of = $(patsubst %.c,build/user/asan/%.o,$(1))

build/user/obj/%.o: %.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(vex-cflags) $(CFLAGS) $(CPPFLAGS) $(user-cflags-$*) -c -o $@ $<

build/user/asan/%.o: %.c
	$(say) 'CC asan' $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(vex-cflags) $(CFLAGS) $(CPPFLAGS) -O1 $(san-flags) $(user-cflags-$*) -c -o $@ $<

# ---- libvexfs: the core, and what userspace puts around it --------------------

include kmod/core/core.mk
lib-src := $(addprefix kmod/core/,$(vex-core-objs:.o=.c)) \
	$(sort $(wildcard user/lib/*.c user/lib/platform/*.c))

build/user/libvexfs.a: $(call obj-of,$(lib-src))
build/user/libvexfs-asan.a: $(call asan-of,$(lib-src))
user-objs += $(call obj-of,$(lib-src)) $(call asan-of,$(lib-src))

build/user/libvexfs.a build/user/libvexfs-asan.a:
	$(say) AR $@
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

# ---- BPF ---------------------------------------------------------------------

.PRECIOUS: build/bpf/%.bpf.o build/bpf/%.skel.h
build/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	$(say) BPF $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Ikmod -Ikmod/uapi -Ibpf \
		-I/usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<

build/bpf/%.skel.h: build/bpf/%.bpf.o
	$(say) SKEL $<
	$(Q)$(BPFTOOL) gen skeleton $< >$@.new && mv $@.new $@

# ---- the calls of the fragments ------------------------------------------------

define user-program
user-programs += build/user/$(1)
user-objs += $(call obj-of,$(2))
build/user/$(1): $(call obj-of,$(2)) build/user/libvexfs.a
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) build/user/libvexfs.a $(3) -lm -lpthread
endef

define user-test
user-tests += build/user/test/$(1)
user-objs += $(call asan-of,$(2))
build/user/test/$(1): $(call asan-of,$(2)) build/user/libvexfs-asan.a
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $(san-flags) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) build/user/libvexfs-asan.a $(3) -lm -lpthread
endef

# The kernel's own harness: from the packaged source of the newer kernel.
harness = build/kernel/6.12/source/tools/testing/selftests
define harness-program
user-objs += $(call obj-of,$(2))
$(call obj-of,$(2)): vex-cflags += -Iselftests -I$(harness) -Wno-missing-prototypes
$(call obj-of,$(2)): | build/kernel/6.12
build/selftests/$(1): $(call obj-of,$(2)) build/user/libvexfs.a
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) build/user/libvexfs.a $(3) -lm -lpthread
endef

define kernel-test
kernel-tests += build/selftests/$(1)
$(call harness-program,$(1),$(2),$(3))
endef

define debug-test
debug-tests += build/selftests/$(1)
$(call harness-program,$(1),$(2),$(3))
endef

-include $(sort $(wildcard user/*/build.mk selftests/build.mk))
-include $(user-objs:.o=.d)

# A changed rule or flag rebuilds what it makes.
$(user-objs): user/rules.mk
