/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Begin and end of a traced operation. Both are part of the entry function, so
 * that an untraced operation pays a no-op, a store and a test, and so that the
 * entry function's own frame is what depths are counted from.
 */
#ifndef VEXFS_OP_TRACE_H
#define VEXFS_OP_TRACE_H

#include <linux/jump_label.h>
#include <compat/uninitialized.h>
#include <trace/vexfs_op.h>

DECLARE_STATIC_KEY_FALSE(vexfs_op_watched);

/* The slow paths, in trace.c. */
void vexfs_op_start(struct vexfs_op *op, enum vexfs_op_class op_class, u64 ino,
		    unsigned long entry_sp);
void vexfs_op_finish(struct vexfs_op *op, int err);

/**
 * vexfs_op_traced() - does anybody watch operations?
 *
 * For an entry function whose struct vexfs_op would stand above a deep chain of calls. It does the
 * work twice: when this says so, between begin and end, with the operation in the scope of that
 * branch alone; and else by a call that is the last thing that it does. The compiler makes that
 * one a jump, which leaves nothing of the entry function in the stack.
 *
 * Return: true when one of the tracepoints has a probe, or the hooks are set.
 */
static __always_inline bool vexfs_op_traced(void)
{
	return static_branch_unlikely(&vexfs_op_watched);
}

/**
 * vexfs_op_begin() - an operation enters VexFS
 * @op: in the frame of the entry function, which must be noinline and __noclone, so that
 *	it is one function of just its name
 * @op_class: its class
 * @ino: inode, or 0 when it has none yet
 *
 * The stack pointer of the caller at the call stands two words above the
 * frame pointer: the saved frame pointer and the return address lie between.
 */
static __always_inline void vexfs_op_begin(struct vexfs_op *op,
					   enum vexfs_op_class op_class, u64 ino)
{
	op->seq = 0;
	if (vexfs_op_traced())
		vexfs_op_start(op, op_class, ino,
			       (unsigned long)__builtin_frame_address(0) +
			       2 * sizeof(unsigned long));
}

/**
 * vexfs_op_end() - an operation leaves VexFS
 * @op: what vexfs_op_begin() began
 * @err: 0 or a negative errno
 */
static __always_inline void vexfs_op_end(struct vexfs_op *op, int err)
{
	if (unlikely(op->seq))
		vexfs_op_finish(op, err);
}

#endif /* VEXFS_OP_TRACE_H */
