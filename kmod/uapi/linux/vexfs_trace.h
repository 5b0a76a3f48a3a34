/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Generic netlink family vexfs_trace.
 *
 * What each VexFS operation costs: kernel stack bytes, latency, and memory by call site.
 * vexfs_trace.ko offers the family; every operation needs CAP_NET_ADMIN. All counters but those
 * of memory held run from the last reset.
 *
 * A dump during which the counters are reset carries NLM_F_DUMP_INTR on the messages that
 * follow: the caller drops it and dumps again. Attributes that a request does not know are
 * refused.
 *
 * Made from Documentation/netlink/specs/vexfs_trace.yaml by tools/netlink-uapi.
 */
#ifndef _UAPI_LINUX_VEXFS_TRACE_H
#define _UAPI_LINUX_VEXFS_TRACE_H

#define VEXFS_TRACE_FAMILY_NAME		"vexfs_trace"
#define VEXFS_TRACE_FAMILY_VERSION	1

/**
 * enum vexfs_trace_a_stack - Kernel stack of one operation class. Each call is counted once:
 *     calls = painted + unpainted + clipped.
 * @VEXFS_TRACE_A_STACK_CLASS: (u32) Number of the operation class. In a request: dump this
 *     class only.
 * @VEXFS_TRACE_A_STACK_NAME: (string) Name of the operation class.
 * @VEXFS_TRACE_A_STACK_CALLS: (u64) Operations that ended.
 * @VEXFS_TRACE_A_STACK_PAINTED: (u64) Operations whose depth was measured; the depths below are
 *     theirs.
 * @VEXFS_TRACE_A_STACK_UNPAINTED: (u64) Operations left out, mostly to keep the cost within the
 *     paint share.
 * @VEXFS_TRACE_A_STACK_CLIPPED: (u64) Operations that came too close to the edge of the painted
 *     window for an exact depth, or in which an alert went deeper than they did. The next
 *     operation of the class is painted whole.
 * @VEXFS_TRACE_A_STACK_SHALLOW: (u64) Of the painted, those that went no deeper than the
 *     tracing itself: their depth is an upper bound.
 * @VEXFS_TRACE_A_STACK_MIN_DEPTH: (u32) Least depth, in bytes below the stack pointer of the
 *     caller of the operation's entry function. Absent while nothing was painted; so are the
 *     other depths and max-seq.
 * @VEXFS_TRACE_A_STACK_MEAN_DEPTH: (u32) Mean depth in bytes, rounded down.
 * @VEXFS_TRACE_A_STACK_P50_DEPTH: (u32) Median depth in bytes, exact.
 * @VEXFS_TRACE_A_STACK_P99_DEPTH: (u32) 99th percentile of the depth in bytes, exact.
 * @VEXFS_TRACE_A_STACK_MAX_DEPTH: (u32) Greatest depth in bytes.
 * @VEXFS_TRACE_A_STACK_MAX_ABSOLUTE: (u32) Most bytes of the task's stack in use during an
 *     operation, counted from the top of the stack, the callers of the operation included.
 * @VEXFS_TRACE_A_STACK_MAX_SEQ: (u64) Sequence number of the operation that set max-depth.
 * @VEXFS_TRACE_A_STACK_OVER_75: (u64) Painted operations during which more than three quarters
 *     of the stack were in use, counted from its top.
 * @VEXFS_TRACE_A_STACK_THREAD_SIZE: (u32) Bytes of a kernel stack.
 * @VEXFS_TRACE_A_STACK_PAD: padding before 64-bit attributes
 * @VEXFS_TRACE_A_STACK_INTERRUPTED: (u64) Painted operations during which an interrupt came, or
 *     the task changed the CPU: an interrupt leaves some hundred bytes on the stack.
 */
enum vexfs_trace_a_stack {
	VEXFS_TRACE_A_STACK_CLASS = 1,
	VEXFS_TRACE_A_STACK_NAME,
	VEXFS_TRACE_A_STACK_CALLS,
	VEXFS_TRACE_A_STACK_PAINTED,
	VEXFS_TRACE_A_STACK_UNPAINTED,
	VEXFS_TRACE_A_STACK_CLIPPED,
	VEXFS_TRACE_A_STACK_SHALLOW,
	VEXFS_TRACE_A_STACK_MIN_DEPTH,
	VEXFS_TRACE_A_STACK_MEAN_DEPTH,
	VEXFS_TRACE_A_STACK_P50_DEPTH,
	VEXFS_TRACE_A_STACK_P99_DEPTH,
	VEXFS_TRACE_A_STACK_MAX_DEPTH,
	VEXFS_TRACE_A_STACK_MAX_ABSOLUTE,
	VEXFS_TRACE_A_STACK_MAX_SEQ,
	VEXFS_TRACE_A_STACK_OVER_75,
	VEXFS_TRACE_A_STACK_THREAD_SIZE,
	VEXFS_TRACE_A_STACK_PAD,
	VEXFS_TRACE_A_STACK_INTERRUPTED,

	/* private: */
	__VEXFS_TRACE_A_STACK_MAX,
	VEXFS_TRACE_A_STACK_MAX = (__VEXFS_TRACE_A_STACK_MAX - 1)
};

/**
 * enum vexfs_trace_a_size - Allocations of like sizes.
 * @VEXFS_TRACE_A_SIZE_MOST: (u64) Bytes of the largest in this class; the least is half of it
 *     and one more. 0 in the last class, which holds all that is larger.
 * @VEXFS_TRACE_A_SIZE_COUNT: (u64) Allocations.
 * @VEXFS_TRACE_A_SIZE_PAD: padding before 64-bit attributes
 */
enum vexfs_trace_a_size {
	VEXFS_TRACE_A_SIZE_MOST = 1,
	VEXFS_TRACE_A_SIZE_COUNT,
	VEXFS_TRACE_A_SIZE_PAD,

	/* private: */
	__VEXFS_TRACE_A_SIZE_MAX,
	VEXFS_TRACE_A_SIZE_MAX = (__VEXFS_TRACE_A_SIZE_MAX - 1)
};

/**
 * enum vexfs_trace_a_alloc - Memory of one call site of vexfs.ko.
 * @VEXFS_TRACE_A_ALLOC_SITE: (u32) Number of the site, 1 and up. In a request, dump this site
 *     only.
 * @VEXFS_TRACE_A_ALLOC_FUNC: (string) Function that allocates.
 * @VEXFS_TRACE_A_ALLOC_FILE: (string) Source file.
 * @VEXFS_TRACE_A_ALLOC_LINE: (u32) Line in the source file.
 * @VEXFS_TRACE_A_ALLOC_ALLOCS: (u64) Allocations since the last reset.
 * @VEXFS_TRACE_A_ALLOC_FREES: (u64) Frees since the last reset, whenever allocated.
 * @VEXFS_TRACE_A_ALLOC_BYTES: (u64) Bytes of allocs.
 * @VEXFS_TRACE_A_ALLOC_FAILURES: (u64) Allocations that failed since the last reset.
 * @VEXFS_TRACE_A_ALLOC_LIVE: (u64) Bytes held now; not reset.
 * @VEXFS_TRACE_A_ALLOC_LIVE_OBJECTS: (u64) Allocations held now; not reset.
 * @VEXFS_TRACE_A_ALLOC_PEAK: (u64) Highest live since the last reset, when it starts from live.
 * @VEXFS_TRACE_A_ALLOC_PAD: padding before 64-bit attributes
 * @VEXFS_TRACE_A_ALLOC_CACHE: (u8) 1 when the memory can be given back to the kernel, and is
 *     when memory is short.
 * @VEXFS_TRACE_A_ALLOC_SIZE: (nests) Allocations since the last reset by size, one nest for
 *     each class of sizes that there were.
 */
enum vexfs_trace_a_alloc {
	VEXFS_TRACE_A_ALLOC_SITE = 1,
	VEXFS_TRACE_A_ALLOC_FUNC,
	VEXFS_TRACE_A_ALLOC_FILE,
	VEXFS_TRACE_A_ALLOC_LINE,
	VEXFS_TRACE_A_ALLOC_ALLOCS,
	VEXFS_TRACE_A_ALLOC_FREES,
	VEXFS_TRACE_A_ALLOC_BYTES,
	VEXFS_TRACE_A_ALLOC_FAILURES,
	VEXFS_TRACE_A_ALLOC_LIVE,
	VEXFS_TRACE_A_ALLOC_LIVE_OBJECTS,
	VEXFS_TRACE_A_ALLOC_PEAK,
	VEXFS_TRACE_A_ALLOC_PAD,
	VEXFS_TRACE_A_ALLOC_CACHE,
	VEXFS_TRACE_A_ALLOC_SIZE,

	/* private: */
	__VEXFS_TRACE_A_ALLOC_MAX,
	VEXFS_TRACE_A_ALLOC_MAX = (__VEXFS_TRACE_A_ALLOC_MAX - 1)
};

/**
 * enum vexfs_trace_a_latency - Time from entry to exit of one operation class, in nanoseconds.
 *     Percentiles are within 1 %; shortest, mean and longest are exact.
 * @VEXFS_TRACE_A_LATENCY_CLASS: (u32) Number of the operation class. In a request: dump this
 *     class only.
 * @VEXFS_TRACE_A_LATENCY_NAME: (string) Name of the operation class.
 * @VEXFS_TRACE_A_LATENCY_COUNT: (u64) Operations that ended.
 * @VEXFS_TRACE_A_LATENCY_ERRORS: (u64) Of them, those that failed.
 * @VEXFS_TRACE_A_LATENCY_MIN_NS: (u64) Shortest. Absent while count is 0; so are the other
 *     times.
 * @VEXFS_TRACE_A_LATENCY_MEAN_NS: (u64) Mean.
 * @VEXFS_TRACE_A_LATENCY_P50_NS: (u64) Median.
 * @VEXFS_TRACE_A_LATENCY_P90_NS: (u64) 90th percentile.
 * @VEXFS_TRACE_A_LATENCY_P99_NS: (u64) 99th percentile.
 * @VEXFS_TRACE_A_LATENCY_P999_NS: (u64) 99.9th percentile.
 * @VEXFS_TRACE_A_LATENCY_MAX_NS: (u64) Longest.
 * @VEXFS_TRACE_A_LATENCY_PAD: padding before 64-bit attributes
 */
enum vexfs_trace_a_latency {
	VEXFS_TRACE_A_LATENCY_CLASS = 1,
	VEXFS_TRACE_A_LATENCY_NAME,
	VEXFS_TRACE_A_LATENCY_COUNT,
	VEXFS_TRACE_A_LATENCY_ERRORS,
	VEXFS_TRACE_A_LATENCY_MIN_NS,
	VEXFS_TRACE_A_LATENCY_MEAN_NS,
	VEXFS_TRACE_A_LATENCY_P50_NS,
	VEXFS_TRACE_A_LATENCY_P90_NS,
	VEXFS_TRACE_A_LATENCY_P99_NS,
	VEXFS_TRACE_A_LATENCY_P999_NS,
	VEXFS_TRACE_A_LATENCY_MAX_NS,
	VEXFS_TRACE_A_LATENCY_PAD,

	/* private: */
	__VEXFS_TRACE_A_LATENCY_MAX,
	VEXFS_TRACE_A_LATENCY_MAX = (__VEXFS_TRACE_A_LATENCY_MAX - 1)
};

/**
 * enum vexfs_trace_a_cpu - Numbered events that one CPU has emitted since vexfs.ko was loaded.
 * @VEXFS_TRACE_A_CPU_ID: (u32) Number of the CPU.
 * @VEXFS_TRACE_A_CPU_OP: (u64) vexfs_op_exit.
 * @VEXFS_TRACE_A_CPU_ALLOC: (u64) vexfs_alloc.
 * @VEXFS_TRACE_A_CPU_RECORD: (u64) vxt_stack_record.
 * @VEXFS_TRACE_A_CPU_PAD: padding before 64-bit attributes
 * @VEXFS_TRACE_A_CPU_CHAIN: (u64) vxt_stack_chain.
 */
enum vexfs_trace_a_cpu {
	VEXFS_TRACE_A_CPU_ID = 1,
	VEXFS_TRACE_A_CPU_OP,
	VEXFS_TRACE_A_CPU_ALLOC,
	VEXFS_TRACE_A_CPU_RECORD,
	VEXFS_TRACE_A_CPU_PAD,
	VEXFS_TRACE_A_CPU_CHAIN,

	/* private: */
	__VEXFS_TRACE_A_CPU_MAX,
	VEXFS_TRACE_A_CPU_MAX = (__VEXFS_TRACE_A_CPU_MAX - 1)
};

/**
 * enum vexfs_trace_a_frame - One function of a chain of calls.
 * @VEXFS_TRACE_A_FRAME_IP: (u64) In the innermost frame the instruction after the one that
 *     wrote to the stack, in the others where their callee returns to.
 * @VEXFS_TRACE_A_FRAME_BYTES: (u32) Bytes of stack between the frame's callee and its caller,
 *     the return address included.
 * @VEXFS_TRACE_A_FRAME_FUNCTION: (string) Name, offset and size of the function, and its
 *     module: as the kernel prints them.
 * @VEXFS_TRACE_A_FRAME_PAD: padding before 64-bit attributes
 */
enum vexfs_trace_a_frame {
	VEXFS_TRACE_A_FRAME_IP = 1,
	VEXFS_TRACE_A_FRAME_BYTES,
	VEXFS_TRACE_A_FRAME_FUNCTION,
	VEXFS_TRACE_A_FRAME_PAD,

	/* private: */
	__VEXFS_TRACE_A_FRAME_MAX,
	VEXFS_TRACE_A_FRAME_MAX = (__VEXFS_TRACE_A_FRAME_MAX - 1)
};

/**
 * enum vexfs_trace_a_chain - The chain of calls of the deepest operation of a class that was
 *     caught in the act. A depth has to be seen before it can be watched for, so it may be less
 *     than the greatest one.
 * @VEXFS_TRACE_A_CHAIN_CLASS: (u32) Number of the operation class. In a request: dump this
 *     class only.
 * @VEXFS_TRACE_A_CHAIN_NAME: (string) Name of the operation class.
 * @VEXFS_TRACE_A_CHAIN_DEPTH: (u32) Depth in bytes that the chain leads to, counted from the
 *     caller of the operation.
 * @VEXFS_TRACE_A_CHAIN_MAX_DEPTH: (u32) Greatest depth in bytes of an operation of the class.
 * @VEXFS_TRACE_A_CHAIN_SEQ: (u64) Sequence number of the operation.
 * @VEXFS_TRACE_A_CHAIN_PID: (u32) Thread that ran it.
 * @VEXFS_TRACE_A_CHAIN_COMM: (string) Name of the thread.
 * @VEXFS_TRACE_A_CHAIN_COMPLETE: (u8) 1 when the frames lead up to the caller of the operation:
 *     their bytes add up to depth then. 0 when the unwinder lost its way.
 * @VEXFS_TRACE_A_CHAIN_FRAME: (nests) The frames, innermost first.
 * @VEXFS_TRACE_A_CHAIN_PAD: padding before 64-bit attributes
 * @VEXFS_TRACE_A_CHAIN_FTRACE: (u8) 1 when the CPU had no debug register and ftrace told of the
 *     chain: the innermost function is the one that was entered deepest, and its frame all that
 *     lies below. 0 when the word was seen written.
 */
enum vexfs_trace_a_chain {
	VEXFS_TRACE_A_CHAIN_CLASS = 1,
	VEXFS_TRACE_A_CHAIN_NAME,
	VEXFS_TRACE_A_CHAIN_DEPTH,
	VEXFS_TRACE_A_CHAIN_MAX_DEPTH,
	VEXFS_TRACE_A_CHAIN_SEQ,
	VEXFS_TRACE_A_CHAIN_PID,
	VEXFS_TRACE_A_CHAIN_COMM,
	VEXFS_TRACE_A_CHAIN_COMPLETE,
	VEXFS_TRACE_A_CHAIN_FRAME,
	VEXFS_TRACE_A_CHAIN_PAD,
	VEXFS_TRACE_A_CHAIN_FTRACE,

	/* private: */
	__VEXFS_TRACE_A_CHAIN_MAX,
	VEXFS_TRACE_A_CHAIN_MAX = (__VEXFS_TRACE_A_CHAIN_MAX - 1)
};

/**
 * enum vexfs_trace_a_target - A function of the kernel or of a module that is measured as an
 *     operation is. Its class is in the dumps of stacks, latencies, chains, what time went
 *     into, and locks.
 * @VEXFS_TRACE_A_TARGET_NAME: (string) Name of the function, after its module and a colon where
 *     it is of one and the name alone is not enough. Or "module:" and the name of a module.
 * @VEXFS_TRACE_A_TARGET_CLASS: (u32) Number of its class.
 * @VEXFS_TRACE_A_TARGET_MISSED: (u64) Calls that were not counted: too many were under way, or
 *     they came from where the kernel's probes do not work.
 * @VEXFS_TRACE_A_TARGET_PAD: padding before 64-bit attributes
 * @VEXFS_TRACE_A_TARGET_ALLOCS: (u64) Objects that its calls took from the kernel's slabs, with
 *     kmalloc or from a cache of their own, and what they called did. Calls whose time is lost
 *     are not in this, nor in what follows.
 * @VEXFS_TRACE_A_TARGET_BYTES: (u64) Bytes of these objects, as they were asked for.
 * @VEXFS_TRACE_A_TARGET_FREES: (u64) Objects that its calls gave back; not what is freed later
 *     on their behalf.
 * @VEXFS_TRACE_A_TARGET_PAGES: (u64) Pages that its calls took, those among them that slabs,
 *     large objects and virtual memory are made of.
 * @VEXFS_TRACE_A_TARGET_PAGES_FREED: (u64) Pages that its calls gave back.
 * @VEXFS_TRACE_A_TARGET_FUNCTIONS: (u32) How many functions it has; more than one where it is a
 *     module.
 * @VEXFS_TRACE_A_TARGET_FUNCTION: (string) Of a target that is a module, the function to add.
 */
enum vexfs_trace_a_target {
	VEXFS_TRACE_A_TARGET_NAME = 1,
	VEXFS_TRACE_A_TARGET_CLASS,
	VEXFS_TRACE_A_TARGET_MISSED,
	VEXFS_TRACE_A_TARGET_PAD,
	VEXFS_TRACE_A_TARGET_ALLOCS,
	VEXFS_TRACE_A_TARGET_BYTES,
	VEXFS_TRACE_A_TARGET_FREES,
	VEXFS_TRACE_A_TARGET_PAGES,
	VEXFS_TRACE_A_TARGET_PAGES_FREED,
	VEXFS_TRACE_A_TARGET_FUNCTIONS,
	VEXFS_TRACE_A_TARGET_FUNCTION,

	/* private: */
	__VEXFS_TRACE_A_TARGET_MAX,
	VEXFS_TRACE_A_TARGET_MAX = (__VEXFS_TRACE_A_TARGET_MAX - 1)
};

/**
 * enum vexfs_trace_a_leak - Whether a call site leaks, and how long its objects live. Some
 *     objects are followed from their allocation to their end, one in alloc_sample: tracked and
 *     the attributes that follow are theirs.
 * @VEXFS_TRACE_A_LEAK_SITE: (u32) Number of the call site. In a request: dump this site only.
 * @VEXFS_TRACE_A_LEAK_FUNC: (string) Function that allocates.
 * @VEXFS_TRACE_A_LEAK_FILE: (string) Source file.
 * @VEXFS_TRACE_A_LEAK_LINE: (u32) Line in the source file.
 * @VEXFS_TRACE_A_LEAK_VERDICT: (string) "leaked": no filesystem is mounted, so what is held is
 *     lost; "suspect": what is held grew in each of the last windows, and some of it is older
 *     than any object that the site ever freed; "growing": it grew, no more is known; "cache":
 *     memory that is given back when it is short; "steady".
 * @VEXFS_TRACE_A_LEAK_LIVE: (u64) Bytes held.
 * @VEXFS_TRACE_A_LEAK_LIVE_OBJECTS: (u64) Objects held.
 * @VEXFS_TRACE_A_LEAK_RISES: (u32) Windows in a row in which the least number of objects held
 *     rose.
 * @VEXFS_TRACE_A_LEAK_TRACKED: (u32) Objects held that are followed.
 * @VEXFS_TRACE_A_LEAK_OLD: (u32) Of them, those that are older than four windows.
 * @VEXFS_TRACE_A_LEAK_OLDEST_NS: (u64) Age of the oldest of them.
 * @VEXFS_TRACE_A_LEAK_UNTRACKED: (u64) Objects that should have been followed, and found no
 *     room: what is said of tracked is inaccurate when this is not 0.
 * @VEXFS_TRACE_A_LEAK_ENDED: (u64) Objects that were followed to their end since the last
 *     reset.
 * @VEXFS_TRACE_A_LEAK_MEAN_NS: (u64) Mean of their lifetimes.
 * @VEXFS_TRACE_A_LEAK_P50_NS: (u64) Median of their lifetimes, within 12 %.
 * @VEXFS_TRACE_A_LEAK_P99_NS: (u64) 99th percentile of their lifetimes, within 12 %.
 * @VEXFS_TRACE_A_LEAK_MAX_NS: (u64) Longest of their lifetimes.
 * @VEXFS_TRACE_A_LEAK_PAD: padding before 64-bit attributes
 */
enum vexfs_trace_a_leak {
	VEXFS_TRACE_A_LEAK_SITE = 1,
	VEXFS_TRACE_A_LEAK_FUNC,
	VEXFS_TRACE_A_LEAK_FILE,
	VEXFS_TRACE_A_LEAK_LINE,
	VEXFS_TRACE_A_LEAK_VERDICT,
	VEXFS_TRACE_A_LEAK_LIVE,
	VEXFS_TRACE_A_LEAK_LIVE_OBJECTS,
	VEXFS_TRACE_A_LEAK_RISES,
	VEXFS_TRACE_A_LEAK_TRACKED,
	VEXFS_TRACE_A_LEAK_OLD,
	VEXFS_TRACE_A_LEAK_OLDEST_NS,
	VEXFS_TRACE_A_LEAK_UNTRACKED,
	VEXFS_TRACE_A_LEAK_ENDED,
	VEXFS_TRACE_A_LEAK_MEAN_NS,
	VEXFS_TRACE_A_LEAK_P50_NS,
	VEXFS_TRACE_A_LEAK_P99_NS,
	VEXFS_TRACE_A_LEAK_MAX_NS,
	VEXFS_TRACE_A_LEAK_PAD,

	/* private: */
	__VEXFS_TRACE_A_LEAK_MAX,
	VEXFS_TRACE_A_LEAK_MAX = (__VEXFS_TRACE_A_LEAK_MAX - 1)
};

/**
 * enum vexfs_trace_a_held - Objects that are followed and held, of one call site and from one
 *     chain of calls.
 * @VEXFS_TRACE_A_HELD_SITE: (u32) Number of the call site. In a request: dump this site only.
 * @VEXFS_TRACE_A_HELD_OBJECTS: (u32) Objects held.
 * @VEXFS_TRACE_A_HELD_BYTES: (u64) Bytes held.
 * @VEXFS_TRACE_A_HELD_OLDEST_NS: (u64) Age of the oldest one.
 * @VEXFS_TRACE_A_HELD_PID: (u32) Thread that allocated one of them.
 * @VEXFS_TRACE_A_HELD_FRAME: (nests) The calls, innermost first; none when they were lost.
 * @VEXFS_TRACE_A_HELD_PAD: padding before 64-bit attributes
 */
enum vexfs_trace_a_held {
	VEXFS_TRACE_A_HELD_SITE = 1,
	VEXFS_TRACE_A_HELD_OBJECTS,
	VEXFS_TRACE_A_HELD_BYTES,
	VEXFS_TRACE_A_HELD_OLDEST_NS,
	VEXFS_TRACE_A_HELD_PID,
	VEXFS_TRACE_A_HELD_FRAME,
	VEXFS_TRACE_A_HELD_PAD,

	/* private: */
	__VEXFS_TRACE_A_HELD_MAX,
	VEXFS_TRACE_A_HELD_MAX = (__VEXFS_TRACE_A_HELD_MAX - 1)
};

/**
 * enum vexfs_trace_a_bad_free - Frees that were refused, alike in who did them: of memory that
 *     was freed before, or that was never given. The memory was left alone.
 * @VEXFS_TRACE_A_BAD_FREE_KIND: (string) "double-free", or "foreign-free": memory that was
 *     never given, or freed too long ago to know.
 * @VEXFS_TRACE_A_BAD_FREE_COUNT: (u64) How many there were.
 * @VEXFS_TRACE_A_BAD_FREE_SITE: (u32) Number of the call site that had allocated the memory, 0
 *     when that is not known.
 * @VEXFS_TRACE_A_BAD_FREE_FUNC: (string) Function that allocates.
 * @VEXFS_TRACE_A_BAD_FREE_FILE: (string) Source file.
 * @VEXFS_TRACE_A_BAD_FREE_LINE: (u32) Line in the source file.
 * @VEXFS_TRACE_A_BAD_FREE_FIRST: (string) Function that had freed it before.
 * @VEXFS_TRACE_A_BAD_FREE_BY: (string) Function whose free was refused.
 * @VEXFS_TRACE_A_BAD_FREE_PID: (u32) Thread of the first of these frees.
 * @VEXFS_TRACE_A_BAD_FREE_COMM: (string) Name of the thread.
 * @VEXFS_TRACE_A_BAD_FREE_ALLOCATED: (nests) Calls that led to the allocation, of an object
 *     that was followed.
 * @VEXFS_TRACE_A_BAD_FREE_FREED: (nests) Calls that led to its first free, likewise.
 * @VEXFS_TRACE_A_BAD_FREE_AGAIN: (nests) Calls that led to the free that was refused.
 * @VEXFS_TRACE_A_BAD_FREE_PAD: padding before 64-bit attributes
 */
enum vexfs_trace_a_bad_free {
	VEXFS_TRACE_A_BAD_FREE_KIND = 1,
	VEXFS_TRACE_A_BAD_FREE_COUNT,
	VEXFS_TRACE_A_BAD_FREE_SITE,
	VEXFS_TRACE_A_BAD_FREE_FUNC,
	VEXFS_TRACE_A_BAD_FREE_FILE,
	VEXFS_TRACE_A_BAD_FREE_LINE,
	VEXFS_TRACE_A_BAD_FREE_FIRST,
	VEXFS_TRACE_A_BAD_FREE_BY,
	VEXFS_TRACE_A_BAD_FREE_PID,
	VEXFS_TRACE_A_BAD_FREE_COMM,
	VEXFS_TRACE_A_BAD_FREE_ALLOCATED,
	VEXFS_TRACE_A_BAD_FREE_FREED,
	VEXFS_TRACE_A_BAD_FREE_AGAIN,
	VEXFS_TRACE_A_BAD_FREE_PAD,

	/* private: */
	__VEXFS_TRACE_A_BAD_FREE_MAX,
	VEXFS_TRACE_A_BAD_FREE_MAX = (__VEXFS_TRACE_A_BAD_FREE_MAX - 1)
};

/**
 * enum vexfs_trace_a_alert - Something that should be known at once. The limits are settings,
 *     see Documentation/counters.rst.
 * @VEXFS_TRACE_A_ALERT_KIND: (string) "stack", the stack in use in bytes, counted from its top;
 *     "calls", the functions of a chain; "frame", the bytes of one function in it; "slow", a
 *     duration in ns; "growth", the depth in bytes of the deepest operation in a window;
 *     "leak", the objects held of a call site that is suspected of a leak; "double-free" and
 *     "foreign-free", a free that was refused.
 * @VEXFS_TRACE_A_ALERT_CLASS: (u32) Number of the operation class.
 * @VEXFS_TRACE_A_ALERT_NAME: (string) Name of the operation class.
 * @VEXFS_TRACE_A_ALERT_SEQ: (u64) Sequence number of the operation, 0 when it has none.
 * @VEXFS_TRACE_A_ALERT_VALUE: (u64) How much it was.
 * @VEXFS_TRACE_A_ALERT_LIMIT: (u64) How much would have been without an alert.
 * @VEXFS_TRACE_A_ALERT_PID: (u32) Thread that ran the operation. For growth and leak, which are
 *     seen when a window is over, a kernel thread.
 * @VEXFS_TRACE_A_ALERT_COMM: (string) Name of the thread.
 * @VEXFS_TRACE_A_ALERT_DROPPED: (u64) Alerts that were not sent since the one before, because
 *     there were too many in a second.
 * @VEXFS_TRACE_A_ALERT_PAD: padding before 64-bit attributes
 * @VEXFS_TRACE_A_ALERT_SITE: (u32) Of what is about memory: number of the call site, 0 when it
 *     is not known. There is no class, name and seq then.
 * @VEXFS_TRACE_A_ALERT_FUNC: (string) Function of the call site, when it is known.
 */
enum vexfs_trace_a_alert {
	VEXFS_TRACE_A_ALERT_KIND = 1,
	VEXFS_TRACE_A_ALERT_CLASS,
	VEXFS_TRACE_A_ALERT_NAME,
	VEXFS_TRACE_A_ALERT_SEQ,
	VEXFS_TRACE_A_ALERT_VALUE,
	VEXFS_TRACE_A_ALERT_LIMIT,
	VEXFS_TRACE_A_ALERT_PID,
	VEXFS_TRACE_A_ALERT_COMM,
	VEXFS_TRACE_A_ALERT_DROPPED,
	VEXFS_TRACE_A_ALERT_PAD,
	VEXFS_TRACE_A_ALERT_SITE,
	VEXFS_TRACE_A_ALERT_FUNC,

	/* private: */
	__VEXFS_TRACE_A_ALERT_MAX,
	VEXFS_TRACE_A_ALERT_MAX = (__VEXFS_TRACE_A_ALERT_MAX - 1)
};

/**
 * enum vexfs_trace_a_status - The state of the tracer as a whole.
 * @VEXFS_TRACE_A_STATUS_VERSION: (u32) Version of this interface.
 * @VEXFS_TRACE_A_STATUS_CLASSES: (u32) Number of operation classes.
 * @VEXFS_TRACE_A_STATUS_SITES: (u32) Number of call sites that have allocated.
 * @VEXFS_TRACE_A_STATUS_SITES_DROPPED: (u32) Call sites for which the tracer has no room;
 *     alloc-get lacks them.
 * @VEXFS_TRACE_A_STATUS_THREAD_SIZE: (u32) Bytes of a kernel stack.
 * @VEXFS_TRACE_A_STATUS_CALLS: (u64) Operations that ended, all classes.
 * @VEXFS_TRACE_A_STATUS_PAINTED: (u64) Of them, measured.
 * @VEXFS_TRACE_A_STATUS_UNPAINTED: (u64) Of them, left out.
 * @VEXFS_TRACE_A_STATUS_CLIPPED: (u64) Of them, too close to the edge of the window.
 * @VEXFS_TRACE_A_STATUS_TABLE_FULL: (u64) Of the unpainted, those for which the table of tasks
 *     had no room.
 * @VEXFS_TRACE_A_STATUS_PAINT_SHARE: (u32) Bound on the time spent painting, in 1/10000 of each
 *     class's time.
 * @VEXFS_TRACE_A_STATUS_MEMORY: (u64) Bytes of memory that the tracer holds for its counters.
 * @VEXFS_TRACE_A_STATUS_RESETS: (u32) How often the counters were reset since the module was
 *     loaded.
 * @VEXFS_TRACE_A_STATUS_RESET_TIME: (u64) Time of the last reset or of loading, in ns since
 *     1970 (CLOCK_REALTIME).
 * @VEXFS_TRACE_A_STATUS_SINCE_RESET: (u64) Nanoseconds since then (CLOCK_MONOTONIC).
 * @VEXFS_TRACE_A_STATUS_CLOCK: (string) Clock of the latencies: "tsc"; "ktime", where the
 *     kernel does not trust the TSC; or "tsc-unstable": it ceased to, and a reset will change
 *     the clock.
 * @VEXFS_TRACE_A_STATUS_CPU: (nests) Emitted events, one nest for each possible CPU.
 * @VEXFS_TRACE_A_STATUS_PAINT_NS: (u64) Nanoseconds spent on painting and scanning stacks.
 * @VEXFS_TRACE_A_STATUS_OPERATIONS_NS: (u64) Nanoseconds that all operations took.
 * @VEXFS_TRACE_A_STATUS_PAD: padding before 64-bit attributes
 * @VEXFS_TRACE_A_STATUS_WATCHES: (u32) CPUs with a watchpoint for chains of calls; 0 where no
 *     debug register is to be had.
 * @VEXFS_TRACE_A_STATUS_ALERTS: (u64) Alerts since the module was loaded.
 * @VEXFS_TRACE_A_STATUS_ALERTS_DROPPED: (u64) Alerts that were not sent, because there were too
 *     many in a second, or, and then they are among alerts, too, no memory, or their target is
 *     gone.
 * @VEXFS_TRACE_A_STATUS_TRAILS_LOST: (u64) Chains of calls, of objects that are followed, for
 *     which there was no room.
 * @VEXFS_TRACE_A_STATUS_BAD_FREES_LOST: (u64) Refused frees, unlike all others, for which there
 *     was no room.
 */
enum vexfs_trace_a_status {
	VEXFS_TRACE_A_STATUS_VERSION = 1,
	VEXFS_TRACE_A_STATUS_CLASSES,
	VEXFS_TRACE_A_STATUS_SITES,
	VEXFS_TRACE_A_STATUS_SITES_DROPPED,
	VEXFS_TRACE_A_STATUS_THREAD_SIZE,
	VEXFS_TRACE_A_STATUS_CALLS,
	VEXFS_TRACE_A_STATUS_PAINTED,
	VEXFS_TRACE_A_STATUS_UNPAINTED,
	VEXFS_TRACE_A_STATUS_CLIPPED,
	VEXFS_TRACE_A_STATUS_TABLE_FULL,
	VEXFS_TRACE_A_STATUS_PAINT_SHARE,
	VEXFS_TRACE_A_STATUS_MEMORY,
	VEXFS_TRACE_A_STATUS_RESETS,
	VEXFS_TRACE_A_STATUS_RESET_TIME,
	VEXFS_TRACE_A_STATUS_SINCE_RESET,
	VEXFS_TRACE_A_STATUS_CLOCK,
	VEXFS_TRACE_A_STATUS_CPU,
	VEXFS_TRACE_A_STATUS_PAINT_NS,
	VEXFS_TRACE_A_STATUS_OPERATIONS_NS,
	VEXFS_TRACE_A_STATUS_PAD,
	VEXFS_TRACE_A_STATUS_WATCHES,
	VEXFS_TRACE_A_STATUS_ALERTS,
	VEXFS_TRACE_A_STATUS_ALERTS_DROPPED,
	VEXFS_TRACE_A_STATUS_TRAILS_LOST,
	VEXFS_TRACE_A_STATUS_BAD_FREES_LOST,

	/* private: */
	__VEXFS_TRACE_A_STATUS_MAX,
	VEXFS_TRACE_A_STATUS_MAX = (__VEXFS_TRACE_A_STATUS_MAX - 1)
};

/**
 * enum vexfs_trace_a_errno - How often operations of a class failed with one error.
 * @VEXFS_TRACE_A_ERRNO_NUMBER: (u32) The errno, positive; 0 stands for all that have no count
 *     of their own.
 * @VEXFS_TRACE_A_ERRNO_COUNT: (u64) Operations that failed with it.
 * @VEXFS_TRACE_A_ERRNO_PAD: padding before 64-bit attributes
 */
enum vexfs_trace_a_errno {
	VEXFS_TRACE_A_ERRNO_NUMBER = 1,
	VEXFS_TRACE_A_ERRNO_COUNT,
	VEXFS_TRACE_A_ERRNO_PAD,

	/* private: */
	__VEXFS_TRACE_A_ERRNO_MAX,
	VEXFS_TRACE_A_ERRNO_MAX = (__VEXFS_TRACE_A_ERRNO_MAX - 1)
};

/**
 * enum vexfs_trace_a_ops - What the operations of one class did, and what their time was spent
 *     on: total-ns = cpu-ns + lock-ns + io-ns + sleep-ns + runnable-ns + lost-ns. The time of
 *     an operation includes that of operations within it.
 * @VEXFS_TRACE_A_OPS_CLASS: (u32) Number of the operation class. In a request: dump this class
 *     only.
 * @VEXFS_TRACE_A_OPS_NAME: (string) Name of the operation class.
 * @VEXFS_TRACE_A_OPS_CALLS: (u64) Operations that ended.
 * @VEXFS_TRACE_A_OPS_ERRORS: (u64) Of them, those that failed.
 * @VEXFS_TRACE_A_OPS_BYTES: (u64) Bytes that they moved.
 * @VEXFS_TRACE_A_OPS_TOTAL_NS: (u64) Time from entry to exit, all of them.
 * @VEXFS_TRACE_A_OPS_CPU_NS: (u64) Time on a CPU, interrupts included.
 * @VEXFS_TRACE_A_OPS_LOCK_NS: (u64) Time waiting for locks, spinning or asleep, as far as the
 *     kernel tells.
 * @VEXFS_TRACE_A_OPS_IO_NS: (u64) Time asleep waiting for a device.
 * @VEXFS_TRACE_A_OPS_SLEEP_NS: (u64) Time asleep for any other reason.
 * @VEXFS_TRACE_A_OPS_RUNNABLE_NS: (u64) Time ready to run without a CPU.
 * @VEXFS_TRACE_A_OPS_LOST_NS: (u64) Time of operations of which that is not known.
 * @VEXFS_TRACE_A_OPS_LOST: (u64) How many these are.
 * @VEXFS_TRACE_A_OPS_ERRNO: (nests) One nest for each error that occurred.
 * @VEXFS_TRACE_A_OPS_NODE_MISSES: (u64) Tree nodes that were read because the cache did not
 *     have them.
 * @VEXFS_TRACE_A_OPS_SEGMENT_MISSES: (u64) Segments of collections, likewise.
 * @VEXFS_TRACE_A_OPS_PAD: padding before 64-bit attributes
 * @VEXFS_TRACE_A_OPS_NODE_HITS: (u64) Uses of tree nodes that were in the cache.
 * @VEXFS_TRACE_A_OPS_SEGMENT_HITS: (u64) Uses of segments that were in the cache, or were being
 *     read ahead.
 */
enum vexfs_trace_a_ops {
	VEXFS_TRACE_A_OPS_CLASS = 1,
	VEXFS_TRACE_A_OPS_NAME,
	VEXFS_TRACE_A_OPS_CALLS,
	VEXFS_TRACE_A_OPS_ERRORS,
	VEXFS_TRACE_A_OPS_BYTES,
	VEXFS_TRACE_A_OPS_TOTAL_NS,
	VEXFS_TRACE_A_OPS_CPU_NS,
	VEXFS_TRACE_A_OPS_LOCK_NS,
	VEXFS_TRACE_A_OPS_IO_NS,
	VEXFS_TRACE_A_OPS_SLEEP_NS,
	VEXFS_TRACE_A_OPS_RUNNABLE_NS,
	VEXFS_TRACE_A_OPS_LOST_NS,
	VEXFS_TRACE_A_OPS_LOST,
	VEXFS_TRACE_A_OPS_ERRNO,
	VEXFS_TRACE_A_OPS_NODE_MISSES,
	VEXFS_TRACE_A_OPS_SEGMENT_MISSES,
	VEXFS_TRACE_A_OPS_PAD,
	VEXFS_TRACE_A_OPS_NODE_HITS,
	VEXFS_TRACE_A_OPS_SEGMENT_HITS,

	/* private: */
	__VEXFS_TRACE_A_OPS_MAX,
	VEXFS_TRACE_A_OPS_MAX = (__VEXFS_TRACE_A_OPS_MAX - 1)
};

/**
 * enum vexfs_trace_a_lock - Locks that operations waited for. A message without a holder is
 *     about all waits of a class for a kind of lock at one place; one with a holder is about
 *     those of them during which the lock's holder had the same stack.
 * @VEXFS_TRACE_A_LOCK_CLASS: (u32) Number of the operation class. In a request: dump this class
 *     only.
 * @VEXFS_TRACE_A_LOCK_NAME: (string) Name of the operation class.
 * @VEXFS_TRACE_A_LOCK_KIND: (string) Kind of the lock: "mutex", "rwsem-read", "rwsem-write",
 *     "spin", "rwlock-read", "rwlock-write", "percpu-read", "percpu-write", "rtmutex", "other".
 * @VEXFS_TRACE_A_LOCK_SITE: (u64) Where the function that asked for the lock goes on; 0 when
 *     that is not known.
 * @VEXFS_TRACE_A_LOCK_FUNCTION: (string) Its name, offset and size, and its module; absent when
 *     site is 0.
 * @VEXFS_TRACE_A_LOCK_WAITS: (u64) Waits that are over.
 * @VEXFS_TRACE_A_LOCK_TOTAL_NS: (u64) Time waited.
 * @VEXFS_TRACE_A_LOCK_MAX_NS: (u64) The longest wait.
 * @VEXFS_TRACE_A_LOCK_STACKS: (u64) Waits during which the holder's stack was taken. Without a
 *     holder only.
 * @VEXFS_TRACE_A_LOCK_HOLDER: (string) What the holder did: "asleep"; "running", on another
 *     CPU; or "reader", the last that took the lock for reading, perhaps not the one that is
 *     waited for.
 * @VEXFS_TRACE_A_LOCK_FRAME: (nests) The holder's stack, innermost frame first; without the
 *     bytes.
 * @VEXFS_TRACE_A_LOCK_PAD: padding before 64-bit attributes
 */
enum vexfs_trace_a_lock {
	VEXFS_TRACE_A_LOCK_CLASS = 1,
	VEXFS_TRACE_A_LOCK_NAME,
	VEXFS_TRACE_A_LOCK_KIND,
	VEXFS_TRACE_A_LOCK_SITE,
	VEXFS_TRACE_A_LOCK_FUNCTION,
	VEXFS_TRACE_A_LOCK_WAITS,
	VEXFS_TRACE_A_LOCK_TOTAL_NS,
	VEXFS_TRACE_A_LOCK_MAX_NS,
	VEXFS_TRACE_A_LOCK_STACKS,
	VEXFS_TRACE_A_LOCK_HOLDER,
	VEXFS_TRACE_A_LOCK_FRAME,
	VEXFS_TRACE_A_LOCK_PAD,

	/* private: */
	__VEXFS_TRACE_A_LOCK_MAX,
	VEXFS_TRACE_A_LOCK_MAX = (__VEXFS_TRACE_A_LOCK_MAX - 1)
};

/**
 * enum vexfs_trace_cmd - operations of the family
 * @VEXFS_TRACE_CMD_STACK_GET: (dump) Stack depth of each operation class.
 * @VEXFS_TRACE_CMD_ALLOC_GET: (dump) Memory of each call site.
 * @VEXFS_TRACE_CMD_LATENCY_GET: (dump) Latency of each operation class.
 * @VEXFS_TRACE_CMD_STATUS_GET: (do) The state of the tracer and the numbers of events emitted.
 * @VEXFS_TRACE_CMD_RESET: (do) Start all counters again. The numbers of events and the memory
 *     held go on; the highest memory held starts from the memory held now.
 * @VEXFS_TRACE_CMD_CHAIN_GET: (dump) The deepest chain of calls of each operation class that
 *     has one.
 * @VEXFS_TRACE_CMD_TARGET_GET: (dump) The functions that are measured.
 * @VEXFS_TRACE_CMD_TARGET_ADD: (do) Measure a function from now on. Or one more function of the
 *     module that name stands for, "module:NAME": calls of these functions that do not come
 *     from a call of another of them count, in one class. The message that goes with an error
 *     tells why it cannot be.
 * @VEXFS_TRACE_CMD_TARGET_DEL: (do) Measure a function, or a module, no more, and forget what
 *     was measured.
 * @VEXFS_TRACE_CMD_ALERT: (event) Something that should be known at once, to the group alerts.
 * @VEXFS_TRACE_CMD_LEAK_GET: (dump) Whether each call site leaks, and how long its objects
 *     live.
 * @VEXFS_TRACE_CMD_HELD_GET: (dump) Where the objects come from that are followed and held.
 * @VEXFS_TRACE_CMD_BAD_FREE_GET: (dump) Frees that were refused, since the last reset.
 * @VEXFS_TRACE_CMD_OPS_GET: (dump) What the operations of each class did and what their time
 *     was spent on.
 * @VEXFS_TRACE_CMD_LOCK_GET: (dump) The locks that operations waited for, and the stacks of
 *     their holders.
 */
enum vexfs_trace_cmd {
	VEXFS_TRACE_CMD_STACK_GET = 1,
	VEXFS_TRACE_CMD_ALLOC_GET,
	VEXFS_TRACE_CMD_LATENCY_GET,
	VEXFS_TRACE_CMD_STATUS_GET,
	VEXFS_TRACE_CMD_RESET,
	VEXFS_TRACE_CMD_CHAIN_GET,
	VEXFS_TRACE_CMD_TARGET_GET,
	VEXFS_TRACE_CMD_TARGET_ADD,
	VEXFS_TRACE_CMD_TARGET_DEL,
	VEXFS_TRACE_CMD_ALERT,
	VEXFS_TRACE_CMD_LEAK_GET,
	VEXFS_TRACE_CMD_HELD_GET,
	VEXFS_TRACE_CMD_BAD_FREE_GET,
	VEXFS_TRACE_CMD_OPS_GET,
	VEXFS_TRACE_CMD_LOCK_GET,

	/* private: */
	__VEXFS_TRACE_CMD_MAX,
	VEXFS_TRACE_CMD_MAX = (__VEXFS_TRACE_CMD_MAX - 1)
};

#define VEXFS_TRACE_MCGRP_ALERTS	"alerts"

#endif /* _UAPI_LINUX_VEXFS_TRACE_H */
