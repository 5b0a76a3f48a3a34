/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers of traced events: taken one by one and per CPU, so that whoever saw
 * the first and the last of a window knows how many it should have seen.
 */
#ifndef VEXFS_EVENTS_H
#define VEXFS_EVENTS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include "vexfs_op.h"

/**
 * struct vexfs_event_counts - the last numbers that a CPU has given out
 * @last: of each kind of event
 * @seq: of operations
 *
 * They start with the CPU's bits in place.
 */
struct vexfs_event_counts {
	u64 last[VEXFS_EVENT_NR];
	u64 seq;
};

DECLARE_PER_CPU(struct vexfs_event_counts, vexfs_events);

/**
 * vexfs_event_next() - take the next number of this CPU
 * @kind: what is about to be emitted
 *
 * Preemption must be off from here until the event was emitted, so that the
 * CPU in the number is the CPU of the event. A kind whose events come from an NMI or a
 * debug exception comes from nowhere else.
 *
 * Return: CPU << VEXFS_EVENT_CPU_SHIFT | count, the first count being 1.
 */
static __always_inline u64 vexfs_event_next(enum vexfs_event_kind kind)
{
	return this_cpu_inc_return(vexfs_events.last[kind]);
}

/**
 * vexfs_event_count() - how many numbers a CPU has given out
 * @cpu: any possible CPU
 * @kind: which kind
 *
 * Return: the count of the last number, 0 when there was none yet; without
 * the CPU's bits.
 */
u64 vexfs_event_count(unsigned int cpu, enum vexfs_event_kind kind);

/**
 * vexfs_event_below() - is an event chosen as a sample?
 * @event: its number
 * @below: the bound, at most 2^32, which chooses all; see vexfs_op.h
 *
 * Return: true when it is.
 */
static inline bool vexfs_event_below(u64 event, u64 below)
{
	return (u32)event * VEXFS_SAMPLE_FACTOR < below;
}

#endif /* VEXFS_EVENTS_H */
