/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How deep stacks go, and by which calls: what stack.c, depths.c, chain.c, watch.c, follow.c,
 * emulator.c and task.c share, and what others ask them.
 */
#ifndef VXT_DEPTH_H
#define VXT_DEPTH_H

#include "vxt.h"

/**
 * struct vxt_stack_class - measured stacks of one operation class
 * @lock: guards everything below; taken with interrupts off, since a target may end within any
 *	lock of the kernel's; never nested
 * @samples: operations that were painted, the clipped ones included; read
 *	without the lock to see whether the burst is over
 * @want_whole: paint the next one down to the end of the stack; set without the lock too
 * @clipped: came too close to the edge of the window
 * @shallow: no deeper than the tracing itself
 * @over75: more than three quarters of the stack in use
 * @interrupted: during which an interrupt came, or the task changed the CPU
 * @sum: of depths, in bytes
 * @max_seq: sequence number of the deepest
 * @min: least depth
 * @max: greatest depth
 * @max_absolute: most bytes in use, from the top of the stack
 * @seen: greatest depth touched, the clipped ones included: sizes the window
 * @window: greatest depth in this window, see leaks.c
 * @before: and in the last one that had any
 * @want: depth whose chain of calls is looked for, 0 for none; read without the lock
 * @tries: operations that were watched for it in vain
 * @chain: the deepest chain that was caught, or NULL
 * @hist: samples by depth in words, VXT_DEPTHS of them
 */
struct vxt_stack_class {
	raw_spinlock_t lock;
	u64 samples;
	bool want_whole;
	u64 clipped;
	u64 shallow;
	u64 over75;
	u64 interrupted;
	u64 sum;
	u64 max_seq;
	u32 min;
	u32 max;
	u32 max_absolute;
	u32 seen;
	u32 window;
	u32 before;
	u32 want;
	u32 tries;
	struct vxt_chain *chain;
	u64 *hist;
} ____cacheline_aligned;

/**
 * struct vxt_chain - who called whom when a word of the stack was written
 * @seq: of the operation
 * @depth: of the word, in bytes below the caller of the entry function
 * @nr: number of frames
 * @complete: the frames lead to the operation's caller: their bytes add up to @depth
 * @entered: 0 when the word was seen written; else ftrace told of it: depth of the return address
 *	of the innermost function, whose frame is taken to be all that lies below
 * @settled: of the latter: a deeper function is looked for no more
 * @pid: of the task
 * @comm: name of the task
 * @frame: innermost first. @ip of the first is where the word was written, of the others where
 *	their callee returns to; @bytes is what the frame takes, return address included
 */
struct vxt_chain {
	u64 seq;
	u32 depth;
	u32 nr;
	bool complete;
	u32 entered;
	bool settled;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	struct vxt_frame {
		unsigned long ip;
		u32 bytes;
	} frame[VXT_FRAMES];
};

/* One line of a report. */
struct vxt_stack_row {
	u64 calls;
	u64 painted;
	u64 unpainted;
	u64 clipped;
	u64 shallow;
	u64 over75;
	u64 interrupted;
	u64 max_seq;
	u32 min;
	u32 mean;
	u32 p50;
	u32 p99;
	u32 max;
	u32 max_absolute;
};

/* stack.c */
extern struct vxt_stack_class vxt_stack_classes[VXT_CLASSES];
extern unsigned long vxt_pattern;	/* what an unused word of a painted stack holds */

int vxt_stack_init(void);
void vxt_stack_exit(void);
void vxt_stack_reset(void);
u64 vxt_stack_memory(void);
u64 vxt_stack_table_full(void);
void vxt_stack_enter_op(struct vexfs_op *op);
struct vexfs_op *vxt_stack_enter_call(unsigned int op_class, unsigned long entry_sp);
void vxt_stack_probed(unsigned long entry_sp);
void vxt_stack_told(void);
void vxt_stack_abandon(struct vexfs_op *op);
void vxt_stack_exit_op(struct vexfs_op *op, struct vxt_cpu_class *pc, u64 units);

/* May a CPU paint an operation of the class now? Preemption may be on: a guess does. */
static __always_inline bool vxt_stack_due(const struct vxt_cpu_class *pc)
{
	/* Either value will do: the next operation looks again. */
	return data_race(pc->sum) >= READ_ONCE(pc->next);
}

/* depths.c: what was measured. */
void vxt_stack_read(unsigned int op_class, struct vxt_stack_row *row);
void vxt_stack_class_reset(unsigned int op_class);
void vxt_stack_window_over(void);

/* chain.c: the calls that lead to the deepest word. */
int vxt_chain_init(void);
void vxt_chain_exit(void);
u64 vxt_chain_memory(void);
void vxt_chain_take(struct vxt_chain *chain, struct vexfs_op *op, struct pt_regs *regs,
		    unsigned long low);
void vxt_chain_keep(struct vxt_stack_class *class, unsigned int op_class,
		    struct vxt_chain **chain);
void vxt_chain_keep_entered(unsigned int op_class, struct vxt_chain **chain, u32 reached);
void vxt_chain_want(struct vxt_stack_class *class, u32 depth);
void vxt_chain_reset(struct vxt_stack_class *class);
const struct vxt_chain *vxt_chain_read(unsigned int op_class);

/* The depth that an operation of the class is to be watched for, or 0. */
static __always_inline u32 vxt_chain_wanted(const struct vxt_stack_class *class)
{
	return READ_ONCE(class->tries) < VXT_TRIES ? READ_ONCE(class->want) : 0;
}

/* watch.c: a watchpoint of each CPU. */
int vxt_watch_init(void);
void vxt_watch_exit(void);
bool vxt_watch_is_here(void);
u32 vxt_watch_count(void);
u64 vxt_watch_memory(void);
void vxt_watch_forget(unsigned int op_class);
unsigned long vxt_watch_begin(struct vexfs_op *op, unsigned long address);
u64 vxt_watch_end(struct vexfs_op *op, struct vxt_stack_class *class, u32 depth);

/* follow.c: chains where a CPU has no watchpoint. */
extern const bool vxt_follow_able;	/* this kernel can */
extern bool vxt_follow_live;

int vxt_follow_init(void);
void vxt_follow_stop(void);
void vxt_follow_exit(void);
u64 vxt_follow_memory(void);
bool vxt_follow_begin(struct vexfs_op *op);
void vxt_follow_end(struct vexfs_op *op, u32 depth);
bool vxt_follow_overlaps(u64 begin);
void vxt_follow_exits(void);
void vxt_follow_forget(unsigned int op_class);
void vxt_follow_clock(void);
void vxt_follow_ask(const struct vxt_stack_class *class);

/* emulator.c: interrupts that a watchpoint has cost. */
void vxt_emulator_init(void);
void vxt_emulator_repair(const struct pt_regs *regs);
void vxt_emulator_check(void);

/* task.c: which painted operation a task is in. */
struct vexfs_op **vxt_task_find(void);
struct vexfs_op **vxt_task_claim(void);
void vxt_task_release(struct vexfs_op **top);
struct vexfs_op *vxt_task_call(struct vexfs_op **top);
bool vxt_task_has_call(struct vexfs_op **top, const struct vexfs_op *op);
int vxt_task_calls_init(void);
void vxt_task_forget(unsigned int op_class);
void vxt_task_exits(void);
int vxt_task_init(void);
void vxt_task_exit(void);
u64 vxt_task_memory(void);

#endif /* VXT_DEPTH_H */
