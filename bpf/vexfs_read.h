/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs of vexfs_read.bpf.c and vexfs-trace-read share: the layout
 * of their maps. Fixed-width types, no holes.
 */
#ifndef VEXFS_READ_H
#define VEXFS_READ_H

#include <linux/types.h>
#include <trace/vexfs_op.h>

#define VXR_FRAMES		127	/* frames kept of a stack */
#define VXR_EPOCHS		2
#define VXR_COMM		16

/**
 * struct vxr_key - what events must agree in to be counted together
 * @kind: enum vexfs_event_kind
 * @id: operation class; for VEXFS_EVENT_ALLOC the site
 * @depth: bytes of stack, for VEXFS_EVENT_RECORD and _CHAIN; 0 otherwise
 * @cpu: where it happened: stack ids have a meaning only on their own CPU
 * @kstack: id of the kernel stack, or a negative errno
 * @ustack: id of the user stack, or a negative errno
 * @tgid: process
 * @generation: tells processes apart that had the same @tgid, and one process
 *	before and after exec; 0 where the kernel has no BTF
 * @caller: return address of the function that made the system call, 0 if unknown
 */
struct vxr_key {
	__u32 kind;
	__u32 id;
	__u32 depth;
	__u32 cpu;
	__s32 kstack;
	__s32 ustack;
	__u32 tgid;
	__u32 generation;
	__u64 caller;
};

/**
 * struct vxr_syscall - a system call instruction, recognised wherever it is mapped
 * @code: bytes around the address that it returns to: 8 before it, 8 from it on
 * @page_offset: that address, modulo the size of a page
 * @reserved: zero
 */
struct vxr_syscall {
	__u8 code[16];
	__u32 page_offset;
	__u32 reserved;
};

/**
 * struct vxr_value - the events of one key
 * @count: how many
 * @errors: of them, operations that failed
 * @size: bytes moved or allocated; for a record the absolute depth
 * @size_min: smallest
 * @size_max: largest
 * @visited: rows compared
 * @hops: rows whose links were followed, or buckets that were read
 * @time: nanoseconds that the operations took
 * @time_max: the longest
 * @first_ns: CLOCK_MONOTONIC of the first
 * @last_ns: and of the last
 * @tid: thread of the first
 * @reserved: zero
 * @comm: name of that thread
 */
struct vxr_value {
	__u64 count;
	__u64 errors;
	__u64 size;
	__u64 size_min;
	__u64 size_max;
	__u64 visited;
	__u64 hops;
	__u64 time;
	__u64 time_max;
	__u64 first_ns;
	__u64 last_ns;
	__u32 tid;
	__u32 reserved;
	char comm[VXR_COMM];
};

/**
 * struct vxr_origin - where memory came from
 * @key: of its allocation
 * @turn: in which that was counted: the ids of stacks have a meaning only there
 * @reserved: zero
 */
struct vxr_origin {
	struct vxr_key key;
	__u32 turn;
	__u32 reserved;
};

/**
 * struct vxr_taken - an allocation that was not freed yet
 * @origin: where it came from
 * @size: bytes
 * @ns: CLOCK_MONOTONIC of the allocation
 */
struct vxr_taken {
	struct vxr_origin origin;
	__u64 size;
	__u64 ns;
};

/**
 * struct vxr_freed - what was freed of one origin
 * @count: allocations
 * @size: their bytes
 * @time: nanoseconds that they lived, summed
 */
struct vxr_freed {
	__u64 count;
	__u64 size;
	__u64 time;
};

/**
 * struct vxr_follow - allocations that were followed, on one CPU, in one epoch
 * @untaken: not followed: there was no room
 * @unseen: their memory had been allocated anew, and its free not been seen
 * @undeleted: freed, and still in the map, which was busy
 * @uncounted: freed, and there was no room to count that
 */
struct vxr_follow {
	__u64 untaken;
	__u64 unseen;
	__u64 undeleted;
	__u64 uncounted;
};

/**
 * struct vxr_commits - transactions that were made durable, on one CPU
 * @count: how many; @failed more could not be
 * @nodes: blocks of the tree that they wrote
 * @data_blocks: blocks of files
 */
struct vxr_commits {
	__u64 count;
	__u64 failed;
	__u64 nodes;
	__u64 data_blocks;
};

/**
 * struct vxr_record - one event that travels whole, through the ring buffer
 * @key: as above; the stack ids hold the reason
 * @value: as above, of this event alone
 * @epoch: which epoch it belongs to
 * @kernel_bytes: bytes of kernel frames at the start of @frames
 * @user_bytes: bytes of user frames after them
 * @reserved: zero
 * @frames: instruction addresses, innermost first; only the bytes used travel
 */
struct vxr_record {
	struct vxr_key key;
	struct vxr_value value;
	__u32 epoch;
	__u32 kernel_bytes;
	__u32 user_bytes;
	__u32 reserved;
	__u64 frames[2 * (VXR_FRAMES + 1)];
};

/**
 * struct vxr_kind_stat - the events of one kind, on one CPU, in one epoch
 * @first: number of the first event seen, 0 when there was none
 * @last: number of the last
 * @skipped: seen, but not chosen as a sample
 * @in_map: counted in the map of totals
 * @in_ring: sent through the ring buffer
 * @kernel_collision: sent because another kernel stack held the slot
 * @user_collision: sent because another user stack held the slot
 * @stacks_full: sent because a stack map had no room
 * @totals_full: sent because the map of totals had no room
 * @ring_full: lost: had to be sent, and the ring buffer had no room
 * @unreadable: lost: the operation could not be read
 * @no_kernel_stack: kept, but the kernel gave no kernel stack
 * @no_user_stack: kept, without a user stack, as kernel threads are
 */
struct vxr_kind_stat {
	__u64 first;
	__u64 last;
	__u64 skipped;
	__u64 in_map;
	__u64 in_ring;
	__u64 kernel_collision;
	__u64 user_collision;
	__u64 stacks_full;
	__u64 totals_full;
	__u64 ring_full;
	__u64 unreadable;
	__u64 no_kernel_stack;
	__u64 no_user_stack;
};

/**
 * struct vxr_stat - one epoch on one CPU
 * @begun: programs that started in it
 * @done: of them, ended
 * @follow: of VEXFS_EVENT_ALLOC, those that were to be followed
 * @kind: by enum vexfs_event_kind
 */
struct vxr_stat {
	__u64 begun;
	__u64 done;
	struct vxr_follow follow;
	struct vxr_kind_stat kind[VEXFS_EVENT_NR];
};

#endif /* VEXFS_READ_H */
