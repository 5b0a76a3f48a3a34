/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core counts for vexfs_trace.ko, by one instruction: how often the task that runs found in
 * the cache what it wanted, and how often not. vexfs_trace.ko lets the counts go with the task from CPU to CPU while
 * that is in an operation, and makes the difference at its end the operation's.
 */
#ifndef VEXFS_COUNT_H
#define VEXFS_COUNT_H

#include <linux/percpu.h>
#include <linux/types.h>

/**
 * union vexfs_cache_uses - uses of the cache, by enum vex_cache_kind; the counters wrap around
 * @hits: found their entry
 * @misses: had to wait for it to be read
 * @pair: both of @hits, both of @misses
 */
union vexfs_cache_uses {
	struct {
		u32 hits[2];
		u32 misses[2];
	};
	u64 pair[2];
};

DECLARE_PER_CPU(union vexfs_cache_uses, vexfs_cache_uses);

/* Any lock may be held. */
static inline void vex_trace_cache_hit(u32 kind)
{
	this_cpu_inc(vexfs_cache_uses.hits[kind]);
}

#endif /* VEXFS_COUNT_H */
