# SPDX-License-Identifier: GPL-2.0-only
# Objects of vexfs_trace.ko, relative to this folder.
vexfs-trace-kmod-objs := main.o hook.o config.o alert.o stack.o depths.o task.o chain.o watch.o \
	$(if $(and $(CONFIG_DYNAMIC_FTRACE_WITH_REGS),$(CONFIG_UNWINDER_ORC)),follow.o,nofollow.o) \
	emulator.o targets.o latency.o ops.o points.o waits.o contention.o holder.o locks.o kmem.o \
	alloc.o trail.o track.o leaks.o badfree.o debugfs.o debugfs_mem.o debugfs_ops.o \
	netlink.o netlink_mem.o netlink_ops.o netlink_stack.o netlink_target.o
