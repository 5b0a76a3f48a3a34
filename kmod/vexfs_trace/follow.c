// SPDX-License-Identifier: GPL-2.0-only
/*
 * The deepest chain of calls where a CPU has no watchpoint for it: by ftrace.
 *
 * When a class has no chain for a depth that was seen, and the CPU no debug register, functions
 * are traced for a while: all of the kernel's, since any may be called. One operation at a time is
 * followed. Whenever its task enters a function at a lower stack pointer than before, the chain of
 * calls is taken; at the end of the operation it is that of the function which was entered deepest.
 * It is kept if the operation went as deep as what is looked for, and is better than another one
 * if its last function was entered deeper. What lies below is that function's own, and of what it
 * called that ftrace does not know.
 *
 * How deep an operation went that is followed is known only from above: ftrace and the unwinder
 * have frames of their own on its stack, a kilobyte of them. So one counts that went as deep with
 * them, and only a depth is looked for that came twice. Whatever else was painted when functions
 * were traced, if only for a part of the operation, is not counted.
 *
 * Tracing costs every call of the machine. So it ends after VXT_FOLLOW_STEPS, or when no class
 * wants it any more, and rests for as long as the setting chain_ftrace says: 1 % of the time is
 * spent so unless it was changed.
 */
#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "depth.h"

#define VXT_FOLLOW_STEPS	10u	/* of VXT_FOLLOW_MS each */
#define VXT_FOLLOW_MS		10u
#define VXT_FOLLOW_SCALE	1000u	/* of the setting */
#define VXT_FOLLOW_BUSY		((struct vexfs_op *)1)

/* What is left of a stack of which no chain is taken: the unwinder needs some of it. */
#define VXT_FOLLOW_SPARE	4096u

const bool vxt_follow_able = true;
bool vxt_follow_live;	/* functions are being traced, or are about to be */

/**
 * struct vxt_follow - who is followed, and when it may be
 * @op: the operation, NULL for none, VXT_FOLLOW_BUSY while that changes, and from when its target
 *	or its task has gone until functions are traced no more. Who sets it from NULL owns the
 *	rest up to @room
 * @op_class: of @op
 * @task: in which it runs
 * @low: stack pointer of the deepest function so far
 * @inside: a chain is being taken: what is called for that is traced, too
 * @room: for a chain
 * @on: functions are traced: before that nothing would be seen
 * @ended: clock when functions were last traced; under vxt_lock, as the clock may change
 * @asked: tracing was asked for, and is not over
 * @closed: nobody may ask any more
 * @rest: jiffies until which nobody may ask again
 */
static struct {
	struct vexfs_op *op;
	unsigned int op_class;
	struct task_struct *task;
	unsigned long low;
	bool inside;
	struct vxt_chain *room;
	bool on;
	u64 ended;
	bool asked;
	bool closed;
	unsigned long rest;
} vxt_follow;

/* Does a class look for a chain of a depth that came twice? */
static notrace bool vxt_follow_wanted(const struct vxt_stack_class *class)
{
	u32 want = vxt_chain_wanted(class);

	return want && READ_ONCE(class->hist[want / VXT_WORD]) > 1;
}

/* Is it the next deeper function of what is followed, and not near the end of the stack? */
static __always_inline bool vxt_follow_is_deeper(unsigned long sp)
{
	unsigned long base = (unsigned long)task_stack_page(current);

	return sp < vxt_follow.low && sp >= base + VXT_FOLLOW_SPARE &&
	       vxt_follow.low <= base + THREAD_SIZE;
}

/* Runs as any function of the kernel is entered, in any context. */
static notrace void vxt_follow_call(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct vexfs_op *op = READ_ONCE(vxt_follow.op);
	struct pt_regs *regs;

	if (likely(!op || op == VXT_FOLLOW_BUSY || READ_ONCE(vxt_follow.task) != current))
		return;
	regs = ftrace_get_regs(fregs);
	/* What is called for this is traced, too. An interrupt's functions are on another stack. */
	if (!regs || vxt_follow.inside || !vxt_follow_is_deeper(regs->sp))
		return;
	preempt_disable_notrace();
	vxt_follow.inside = true;
	vxt_follow.low = regs->sp;
	vxt_chain_take(vxt_follow.room, op, regs, regs->sp);
	/* This may schedule. */
	preempt_enable_notrace();
	vxt_follow.inside = false;
}

static struct ftrace_ops vxt_follow_ops = {
	.func = vxt_follow_call,
	.flags = FTRACE_OPS_FL_SAVE_REGS,
};

/**
 * vxt_follow_begin() - follow an operation that enters, if its class has use for that
 * @op: the operation, in which the current task is about to be
 *
 * Preemption is off.
 *
 * Return: true when it is followed; vxt_follow_end() ends that.
 */
notrace bool vxt_follow_begin(struct vexfs_op *op)
{
	struct vxt_stack_class *class = &vxt_stack_classes[op->op_class];

	if (!READ_ONCE(vxt_follow.on) || !vxt_follow_wanted(class) || vxt_watch_is_here() ||
	    cmpxchg(&vxt_follow.op, NULL, VXT_FOLLOW_BUSY))
		return false;
	WRITE_ONCE(class->tries, class->tries + 1);
	vxt_follow.op_class = op->op_class;
	WRITE_ONCE(vxt_follow.task, current);
	vxt_follow.low = op->entry_sp;
	vxt_follow.inside = false;
	vxt_follow.room->nr = 0;
	/* Whoever finds the operation finds the rest. */
	smp_store_release(&vxt_follow.op, op);
	return true;
}

/**
 * vxt_follow_end() - an operation ends that is perhaps followed
 * @op: the operation
 * @depth: how deep it went, ftrace's frames included; 0 when that is not known
 *
 * Preemption is off.
 */
notrace void vxt_follow_end(struct vexfs_op *op, u32 depth)
{
	if (READ_ONCE(vxt_follow.op) != op || cmpxchg(&vxt_follow.op, op, VXT_FOLLOW_BUSY) != op)
		return;
	if (vxt_follow.room->nr)
		vxt_chain_keep_entered(op->op_class, &vxt_follow.room, depth);
	/* Pairs with the exchange in vxt_follow_begin(). */
	smp_store_release(&vxt_follow.op, NULL);
}

/**
 * vxt_follow_overlaps() - were functions traced at a time when an operation ran?
 * @begin: clock when it began
 *
 * Return: true when they were, or are.
 */
notrace bool vxt_follow_overlaps(u64 begin)
{
	if (READ_ONCE(vxt_follow_live))
		return true;
	/* Pairs with vxt_follow_work(): who does not find it going on finds when it ended. */
	smp_rmb();
	return begin <= READ_ONCE(vxt_follow.ended);
}

/* The running task ends: what it was in never will. */
notrace void vxt_follow_exits(void)
{
	struct vexfs_op *op = READ_ONCE(vxt_follow.op);

	if (op && READ_ONCE(vxt_follow.task) == current)
		cmpxchg(&vxt_follow.op, op, VXT_FOLLOW_BUSY);
}

/* Nobody ends the calls of a target that is gone; its task may be taking the chain of one. */
void vxt_follow_forget(unsigned int op_class)
{
	struct vexfs_op *op = READ_ONCE(vxt_follow.op);

	if (op && READ_ONCE(vxt_follow.op_class) == op_class)
		cmpxchg(&vxt_follow.op, op, VXT_FOLLOW_BUSY);
}

/* The clock is another one: its readings do not compare. The caller holds vxt_lock. */
void vxt_follow_clock(void)
{
	WRITE_ONCE(vxt_follow.ended, 0);
}

/* Have all operations of classes that look for a chain followed next. Are there any? */
static bool vxt_follow_choose(void)
{
	bool any = false;
	unsigned int i;

	if (!READ_ONCE(vxt_settings[VXT_SET_PAINT_SHARE]))
		return false;
	for (i = 0; i < VXT_CLASSES; i++) {
		if (!vxt_follow_wanted(&vxt_stack_classes[i]))
			continue;
		any = true;
		vxt_next_now(i);
	}
	return any;
}

static void vxt_follow_work(struct work_struct *work)
{
	u32 share = READ_ONCE(vxt_settings[VXT_SET_CHAIN_FTRACE]);
	unsigned long began = jiffies;
	unsigned int step;

	WRITE_ONCE(vxt_follow_live, true);
	if (share && !register_ftrace_function(&vxt_follow_ops)) {
		WRITE_ONCE(vxt_follow.on, true);
		for (step = 0; step < VXT_FOLLOW_STEPS && vxt_follow_choose(); step++)
			msleep(VXT_FOLLOW_MS);
		WRITE_ONCE(vxt_follow.on, false);
		unregister_ftrace_function(&vxt_follow_ops);
	}
	/* Nobody is in vxt_follow_call() any more. */
	WRITE_ONCE(vxt_follow.op, NULL);
	mutex_lock(&vxt_lock);
	WRITE_ONCE(vxt_follow.ended, vxt_clock());
	mutex_unlock(&vxt_lock);
	/* Pairs with vxt_follow_overlaps(). */
	smp_wmb();
	WRITE_ONCE(vxt_follow_live, false);
	share = max(share, 1u);
	WRITE_ONCE(vxt_follow.rest, jiffies + (jiffies - began + 1) *
				    (VXT_FOLLOW_SCALE - share) / share);
	/* After @rest was set: see vxt_follow_ask(). */
	smp_store_release(&vxt_follow.asked, false);
}

static DECLARE_WORK(vxt_follow_worker, vxt_follow_work);

static void vxt_follow_wake(struct irq_work *work)
{
	schedule_work(&vxt_follow_worker);
}

static struct irq_work vxt_follow_irq = IRQ_WORK_INIT(vxt_follow_wake);

/**
 * vxt_follow_ask() - perhaps a class looks for a chain, and this CPU has no watchpoint
 * @class: the class
 *
 * Any context but NMI, with preemption off.
 */
notrace void vxt_follow_ask(const struct vxt_stack_class *class)
{
	if (!vxt_follow_wanted(class) || !READ_ONCE(vxt_settings[VXT_SET_CHAIN_FTRACE]) ||
	    READ_ONCE(vxt_follow.closed) || READ_ONCE(vxt_follow.asked) ||
	    time_before(jiffies, READ_ONCE(vxt_follow.rest)))
		return;
	if (!xchg(&vxt_follow.asked, true))
		irq_work_queue(&vxt_follow_irq);
}

u64 vxt_follow_memory(void)
{
	return sizeof(struct vxt_chain);
}

int vxt_follow_init(void)
{
	vxt_follow.rest = jiffies;
	vxt_follow.room = kzalloc(sizeof(*vxt_follow.room), GFP_KERNEL);
	return vxt_follow.room ? 0 : -ENOMEM;
}

/* Functions are traced no more when this returns: before the probe that sees tasks end is gone. */
void vxt_follow_stop(void)
{
	WRITE_ONCE(vxt_follow.closed, true);
	/* Who has not seen that runs with preemption off. */
	synchronize_rcu();
	irq_work_sync(&vxt_follow_irq);
	cancel_work_sync(&vxt_follow_worker);
}

void vxt_follow_exit(void)
{
	vxt_follow_stop();
	kfree(vxt_follow.room);
}
