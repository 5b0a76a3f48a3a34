/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core counts for vexfs_trace.ko, by one instruction: how often this CPU found in the
 * cache what was wanted. vexfs_trace.ko knows which operation it was that ran, and sets the count
 * back as one begins.
 */
#ifndef VEXFS_COUNT_H
#define VEXFS_COUNT_H

#include <linux/percpu.h>
#include <linux/types.h>

/* Of nodes, and in the upper half of segments: no operation uses 2^32 of either. */
DECLARE_PER_CPU(u64, vexfs_cache_hits);

/* What one counts as, by enum vex_cache_kind. */
#define VEXFS_CACHE_HIT(_kind)	(1ULL << 32 * (_kind))

/* Any lock may be held. */
static inline void vex_trace_cache_hit(u32 kind)
{
	this_cpu_add(vexfs_cache_hits, VEXFS_CACHE_HIT(kind));
}

#endif /* VEXFS_COUNT_H */
