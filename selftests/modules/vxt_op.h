/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations that are none of vexfs.ko, and seen as such by whoever watches. */
#ifndef VXT_OP_H
#define VXT_OP_H

#include <linux/atomic.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <trace/vexfs.h>
#include <trace/vexfs_events.h>
#include <trace/vexfs_hook.h>

static atomic64_t fixture_seq = ATOMIC64_INIT(0);

/*
 * As the entry function of an operation in vexfs.ko: the two halves are inlined
 * into it, and depths are counted from its caller.
 */
static __always_inline void fixture_begin(struct vexfs_op *op, unsigned int op_class)
{
	memset(op, 0, sizeof(*op));
	op->op_class = op_class;
	op->entry_sp = (unsigned long)__builtin_frame_address(0) + 2 * sizeof(unsigned long);
	op->seq = atomic64_inc_return(&fixture_seq);
	trace_vexfs_op_enter(op);
	preempt_disable_notrace();
	static_call_cond(vexfs_op_hook_enter)(op);
	preempt_enable_notrace();
}

static __always_inline void fixture_end(struct vexfs_op *op, int err)
{
	op->err = err;
	preempt_disable();
	if (!trace_vexfs_op_exit_enabled() && !trace_vexfs_op_sample_enabled()) {
		static_call_cond(vexfs_op_hook_exit)(op);
	} else {
		static_call_cond(vexfs_op_hook_exit_told)(op);
		op->event = vexfs_event_next(VEXFS_EVENT_OP);
		trace_vexfs_op_exit(op);
		if (vexfs_event_below(op->event, VEXFS_SAMPLE_BELOW))
			trace_vexfs_op_sample(op);
	}
	preempt_enable();
}

#endif /* VXT_OP_H */
