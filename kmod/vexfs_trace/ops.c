// SPDX-License-Identifier: GPL-2.0-only
/* What operations did and what their time was spent on: the counters of all CPUs as one. */
#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <trace/vexfs.h>
#include "waits.h"

/* An operation failed. Preemption is off. */
noinline notrace void vxt_ops_error(struct vxt_cpu_class *pc, int err)
{
	u32 *count = &pc->errno[err < 0 && err > -VXT_ERRNOS ? -err : 0];

	WRITE_ONCE(pc->errors, pc->errors + 1);
	WRITE_ONCE(*count, *count + 1);
}

/*
 * The probe of vexfs_cache_miss: what waits for a device can be counted at once, and operations
 * that miss nothing pay nothing for it. Preemption is off.
 */
static notrace void vxt_cache_missed(void *data, u32 kind, u64 place, u64 index)
{
	struct vexfs_op *op = this_cpu_read(vxt_running.op);

	if (op && in_task() && vxt_is_live(op) && kind < VXT_CACHE_KINDS)
		vxt_add(&vxt_cpu_class(op->op_class)->misses[kind], 1);
}

int vxt_ops_start(void)
{
	return register_trace_vexfs_cache_miss(vxt_cache_missed, NULL);
}

/* The caller synchronises. */
void vxt_ops_stop(void)
{
	unregister_trace_vexfs_cache_miss(vxt_cache_missed, NULL);
}

/* In clock units yet. The parts are read before the whole: they never exceed it. */
static void vxt_ops_add(const struct vxt_cpu_class *pc, struct vxt_ops_row *row)
{
	unsigned int i;

	for (i = 0; i < VXT_PARTS; i++)
		row->part[i] += READ_ONCE(pc->part[i]);
	row->lost += READ_ONCE(pc->lost);
	row->lost_ops += READ_ONCE(pc->lost_ops);
	/* Pairs with the order in which operations count: x86 keeps stores in order. */
	smp_rmb();
	row->total += READ_ONCE(pc->sum);
	row->errors += READ_ONCE(pc->errors);
	row->bytes += READ_ONCE(pc->bytes);
	for (i = 0; i < VXT_BUCKETS; i++)
		row->count += READ_ONCE(pc->hist[i]);
	for (i = 0; i < VXT_CACHE_KINDS; i++) {
		row->misses[i] += READ_ONCE(pc->misses[i]);
		row->hits[i] += READ_ONCE(pc->hits[i]);
	}
	row->memory.allocs += READ_ONCE(pc->memory.allocs);
	row->memory.bytes += READ_ONCE(pc->memory.bytes);
	row->memory.frees += READ_ONCE(pc->memory.frees);
	row->memory.pages += READ_ONCE(pc->memory.pages);
	row->memory.pages_freed += READ_ONCE(pc->memory.pages_freed);
	for (i = 0; i < VXT_ERRNOS; i++)
		row->errno[i] += READ_ONCE(pc->errno[i]);
}

/**
 * vxt_ops_read() - what the operations of one class did
 * @op_class: which
 * @row: filled; times in nanoseconds: @total is the sum of @cpu, @part and @lost
 *
 * The caller holds vxt_lock.
 */
void vxt_ops_read(unsigned int op_class, struct vxt_ops_row *row)
{
	u64 known;
	unsigned int i;
	int cpu;

	lockdep_assert_held(&vxt_lock);
	memset(row, 0, sizeof(*row));
	for_each_possible_cpu(cpu) {
		const struct vxt_cpu_class *pc = vxt_cpu_class_of(cpu, op_class);

		if (pc)
			vxt_ops_add(pc, row);
	}
	row->total = vxt_clock_to_ns(row->total);
	row->lost = vxt_clock_to_ns(row->lost);
	known = row->lost;
	for (i = 0; i < VXT_PARTS; i++) {
		row->part[i] = vxt_clock_to_ns(row->part[i]);
		known += row->part[i];
	}
	row->cpu = row->total - min(row->total, known);
}
