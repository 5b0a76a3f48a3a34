/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of vexfs_trace.ko. The rules of trace/vexfs.h hold: scalars and
 * struct vexfs_op, names and order of the arguments are ABI, numbers are taken
 * only while the tracepoint has a probe, with preemption off until the last probe has
 * returned.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vexfs_trace

#if !defined(VEXFS_TRACE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VEXFS_TRACE_TRACE_H

#include <linux/tracepoint.h>
#include "vexfs_op.h"

/*
 * Fires when an operation ended that went deeper into its stack than all of its
 * class before, since the last reset: once the stack was scanned, inside
 * vexfs_op_exit and before other probes of that see the operation. depth is
 * counted from the caller of the operation, absolute from the top of the
 * stack; both in bytes. Never fires for an operation that was not painted, or
 * whose depth is not known exactly (clipped).
 */
TRACE_EVENT(vxt_stack_record,
	TP_PROTO(u64 event, struct vexfs_op *op, u32 depth, u32 absolute),
	TP_ARGS(event, op, depth, absolute),
	TP_STRUCT__entry(
		__field(u64,		seq)
		__field(u64,		event)
		__field(u64,		ino)
		__field(unsigned int,	op_class)
		__field(u32,		depth)
		__field(u32,		absolute)
	),
	TP_fast_assign(
		__entry->seq		= op->seq;
		__entry->event		= event;
		__entry->ino		= op->ino;
		__entry->op_class	= op->op_class;
		__entry->depth		= depth;
		__entry->absolute	= absolute;
	),
	TP_printk("seq=0x%llx event=0x%llx op_class=%u ino=%llu depth=%u absolute=%u",
		  __entry->seq, __entry->event, __entry->op_class, __entry->ino,
		  __entry->depth, __entry->absolute)
);

/*
 * Fires while an operation runs, in the debug exception that tells that a word of its stack was
 * written: from here a stack trace leads through the exception to the function that
 * wrote, at ip, and on to the operation. The word is depth bytes below the caller of the
 * operation. It was the deepest of some operation before; whether of this one, its end tells.
 * Probes run as in an NMI.
 *
 * On a CPU without a debug register it fires in ftrace's callback, whenever the operation enters a
 * function at a lower stack pointer than before: ip is in that function, and the word its return
 * address. Probes run with preemption off.
 */
TRACE_EVENT(vxt_stack_chain,
	TP_PROTO(u64 event, struct vexfs_op *op, u32 depth, unsigned long ip),
	TP_ARGS(event, op, depth, ip),
	TP_STRUCT__entry(
		__field(u64,		seq)
		__field(u64,		event)
		__field(u64,		ino)
		__field(unsigned int,	op_class)
		__field(u32,		depth)
		__field(unsigned long,	ip)
	),
	TP_fast_assign(
		__entry->seq		= op->seq;
		__entry->event		= event;
		__entry->ino		= op->ino;
		__entry->op_class	= op->op_class;
		__entry->depth		= depth;
		__entry->ip		= ip;
	),
	TP_printk("seq=0x%llx event=0x%llx op_class=%u ino=%llu depth=%u ip=%pS",
		  __entry->seq, __entry->event, __entry->op_class, __entry->ino,
		  __entry->depth, (void *)__entry->ip)
);

#endif /* VEXFS_TRACE_TRACE_H */

/* The build passes -I for the folder above this one. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH trace
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE vexfs_trace
#include <trace/define_trace.h>
