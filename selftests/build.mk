# SPDX-License-Identifier: GPL-2.0-only
# The kselftests: one program a feature. See user/rules.mk for the calls.

# The harness keeps a variable across vfork() in each test: GCC warns of every one.
$(foreach t,$(basename $(wildcard selftests/*.c)),$(eval user-cflags-$(t) := -Wno-clobbered))
# It has a main() of its own, for its options.
user-cflags-selftests/vexfs_fsx += -Wno-unused-function

$(eval $(call kernel-test,vexfs_mount,selftests/vexfs_mount.c,))
$(eval $(call kernel-test,vexfs_options,selftests/vexfs_options.c,))
$(eval $(call kernel-test,vexfs_fs,selftests/vexfs_fs.c,))
$(eval $(call kernel-test,vexfs_names,selftests/vexfs_names.c,))
$(eval $(call kernel-test,vexfs_xattr,selftests/vexfs_xattr.c,))
$(eval $(call kernel-test,vexfs_dirs,selftests/vexfs_dirs.c,))
$(eval $(call kernel-test,vexfs_file,selftests/vexfs_file.c,))
$(eval $(call kernel-test,vexfs_falloc,selftests/vexfs_falloc.c,))
$(eval $(call kernel-test,vexfs_direct,selftests/vexfs_direct.c,))
$(eval $(call kernel-test,vexfs_fsx,selftests/vexfs_fsx.c,))
$(eval $(call kernel-test,vexfs_ioctl,selftests/vexfs_ioctl.c,))
$(eval $(call kernel-test,vexfs_coll,selftests/vexfs_coll.c,))
$(eval $(call kernel-test,vexfs_meta,selftests/vexfs_meta.c,))
$(eval $(call kernel-test,vexfs_hnsw,selftests/vexfs_hnsw.c,))
$(eval $(call kernel-test,vexfs_elem,selftests/vexfs_elem.c,))
$(eval $(call kernel-test,vexfs_lsh,selftests/vexfs_lsh.c,))
$(eval $(call kernel-test,vexfs_search_race,selftests/vexfs_search_race.c,))
$(eval $(call kernel-test,vexfs_cache,selftests/vexfs_cache.c,))
$(eval $(call kernel-test,vexfs_stress,selftests/vexfs_stress.c,))
$(eval $(call kernel-test,vexfs_ioctl_fuzz,selftests/vexfs_ioctl_fuzz.c,))
$(eval $(call kernel-test,vexfs_forged,selftests/vexfs_forged.c \
	$(addprefix user/fuzz/,stream.c base.c forge.c),))
$(eval $(call kernel-test,vexfs_events,selftests/vexfs_events.c,))

# vexfs_trace.ko
$(eval $(call kernel-test,vxt_stack,selftests/vxt_stack.c,))
$(eval $(call kernel-test,vxt_chain,selftests/vxt_chain.c,))
$(eval $(call kernel-test,vxt_target,selftests/vxt_target.c,))
$(eval $(call kernel-test,vxt_target_waits,selftests/vxt_target_waits.c,))
$(eval $(call kernel-test,vxt_alert,selftests/vxt_alert.c,))
$(eval $(call kernel-test,vxt_netlink,selftests/vxt_netlink.c,))
$(eval $(call kernel-test,vxt_latency,selftests/vxt_latency.c,))
$(eval $(call kernel-test,vxt_waits,selftests/vxt_waits.c,))
$(eval $(call kernel-test,vxt_waits_nl,selftests/vxt_waits_nl.c,))
$(eval $(call kernel-test,vxt_mixed,selftests/vxt_mixed.c,-lpthread))
$(eval $(call kernel-test,vxt_alloc,selftests/vxt_alloc.c,))
$(eval $(call kernel-test,vxt_memory,selftests/vxt_memory.c,))
$(eval $(call kernel-test,vxt_search,selftests/vxt_search.c,))
$(eval $(call kernel-test,vxt_hotplug,selftests/vxt_hotplug.c,))
kernel-scripts += selftests/vxt_ynl.sh selftests/vxt_unload.sh selftests/bpftrace.sh

# On devices that fail; its writers are those of user/bench.
kernel-scripts += selftests/vexfs_flaky.sh
# A short run of tools/stress; its programs are those of user/bench.
kernel-scripts += selftests/stress.sh

# mkfs.vexfs on a device.
kernel-scripts += selftests/mkfs.sh

# Kernels of tools/kernel/debug only: they fail allocations on demand.
$(eval $(call debug-test,vxt_enomem,selftests/vxt_enomem.c,))
$(eval $(call debug-test,vexfs_enomem,selftests/vexfs_enomem.c,))
