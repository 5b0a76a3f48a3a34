// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints themselves, the numbers of their events, and their slow paths. */
#include <linux/export.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <vex_platform.h>
#include <trace/vexfs_events.h>
#include "op.h"

#define CREATE_TRACE_POINTS
#include <trace/vexfs.h>

EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_op_enter);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_op_exit);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_alloc);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_free);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_commit);

struct vexfs_event_counts {
	u64 count[VEXFS_EVENT_NR];
	u64 seq;
};

static DEFINE_PER_CPU(struct vexfs_event_counts, vexfs_events);

static u64 vexfs_event_number(u64 count)
{
	return (u64)smp_processor_id() << VEXFS_EVENT_CPU_SHIFT | count;
}

u64 vexfs_event_next(enum vexfs_event_kind kind)
{
	return vexfs_event_number(this_cpu_inc_return(vexfs_events.count[kind]));
}
EXPORT_SYMBOL_GPL(vexfs_event_next);

u64 vexfs_event_count(unsigned int cpu, enum vexfs_event_kind kind)
{
	return READ_ONCE(per_cpu_ptr(&vexfs_events, cpu)->count[kind]);
}
EXPORT_SYMBOL_GPL(vexfs_event_count);

noinline void vexfs_op_start(struct vexfs_op *op, enum vexfs_op_class op_class, u64 ino,
			     unsigned long entry_sp)
{
	memset(op, 0, sizeof(*op));
	op->op_class = op_class;
	op->ino = ino;
	op->entry_sp = entry_sp;
	preempt_disable();
	op->seq = vexfs_event_number(this_cpu_inc_return(vexfs_events.seq));
	preempt_enable();
	trace_vexfs_op_enter(op);
}

noinline void vexfs_op_finish(struct vexfs_op *op, int err)
{
	op->err = err;
	preempt_disable();
	if (trace_vexfs_op_exit_enabled()) {
		op->event = vexfs_event_next(VEXFS_EVENT_OP);
		trace_vexfs_op_exit(op);
	}
	preempt_enable();
}

void vex_trace_commit(u64 generation, u32 nodes, u64 data_blocks, int err)
{
	trace_vexfs_commit(generation, nodes, data_blocks, err);
}
