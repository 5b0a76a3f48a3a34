/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core counts for vexfs_trace.ko, by one instruction: how often this CPU found in the
 * cache what was wanted, and how often not. vexfs_trace.ko knows which operation it was that ran.
 */
#ifndef VEXFS_COUNT_H
#define VEXFS_COUNT_H

#include <linux/percpu.h>
#include <linux/types.h>

/**
 * struct vexfs_cache_uses - uses of the cache that found their entry, and that had to wait for it
 * @hits: of nodes, and in the upper half of segments; differences of either half are right whatever
 *	the sum of all is
 * @misses: likewise
 */
struct vexfs_cache_uses {
	u64 hits;
	u64 misses;
};

DECLARE_PER_CPU(struct vexfs_cache_uses, vexfs_cache_uses);

/* What one use counts as, by enum vex_cache_kind. */
#define VEXFS_CACHE_USE(_kind)	(1ULL << 32 * (_kind))

/* Any lock may be held. */
static inline void vex_trace_cache_hit(u32 kind)
{
	this_cpu_add(vexfs_cache_uses.hits, VEXFS_CACHE_USE(kind));
}

#endif /* VEXFS_COUNT_H */
