// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stacks of those who hold the locks that operations wait for.
 *
 * A mutex knows its owner, and so does a rwsem that is held for writing. As long as the lock is not
 * released its owner does not end, and as long as somebody waits for it the lock is there.
 *
 * An owner that is off the CPU is unwound at once; if it has run meanwhile, which the number of its
 * switches tells, the stack is thrown away. An owner that runs on another CPU is interrupted there
 * and takes its own stack, if it owns the lock still and the waiter waits for it still: the waiter
 * that is done either takes the question back, or waits until it is answered.
 *
 * A rwsem that is held for reading knows only who took it last. That task may have released it
 * since, and may be gone: it is looked for by its address alone, among those that run and those
 * that are away in an operation, and its stack is marked as that of a reader.
 *
 * Each CPU looks for a stack at most once a tick.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <compat/lock_owner.h>
#include <compat/unwind.h>
#include "waits.h"

#define VXT_HOLDERS	64	/* waits whose holders are known at once */

/*
 * States: FREE until a waiter claims it; OURS the waiter's alone; ASKED the question is on its way
 * to a CPU; TAKING that CPU answers; TAKEN it has answered; CANCELLED the waiter is gone, and the
 * CPU frees it.
 */
enum {
	VXT_HOLDER_FREE,
	VXT_HOLDER_OURS,
	VXT_HOLDER_ASKED,
	VXT_HOLDER_TAKING,
	VXT_HOLDER_TAKEN,
	VXT_HOLDER_CANCELLED,
};

static struct vxt_holder *vxt_holders;
static DEFINE_PER_CPU(unsigned long, vxt_holder_tick);	/* in which the CPU looked last */

/* Whoever holds the lock now. The lock is there. */
static notrace struct task_struct *vxt_owner(void *lock, enum vxt_lock_kind kind, bool *reader)
{
	*reader = false;
	if (kind == VXT_LOCK_MUTEX)
		return vexfs_mutex_owner(lock);
	if (kind == VXT_LOCK_RWSEM_READ || kind == VXT_LOCK_RWSEM_WRITE)
		return vexfs_rwsem_owner(lock, reader);
	return NULL;
}

static notrace bool vxt_owner_is(const struct vxt_holder *holder)
{
	bool reader;

	return vxt_owner(holder->lock, holder->kind, &reader) == holder->task &&
	       reader == holder->reader;
}

static notrace void vxt_holder_unwind(struct vxt_holder *holder, struct unwind_state *state)
{
	unsigned long ip;
	u32 nr = 0;

	for (; !unwind_done(state) && nr < VXT_HOLDER_FRAMES; unwind_next_frame(state)) {
		ip = unwind_get_return_address(state);
		if (!ip)
			break;
		holder->frame[nr++] = ip;
	}
	holder->nr = nr;
}

/*
 * The stack of a holder that is off the CPU. RCU keeps the task and its stack from going away,
 * whatever it does: both are freed after a grace period, and preemption is off.
 */
static notrace void vxt_holder_take_away(struct vxt_holder *holder)
{
	struct task_struct *task = holder->task;
	unsigned long switches = READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
	struct unwind_state state;
	unsigned long flags;

	/* Pairs with the scheduler, which counts a switch before the task is off the CPU. */
	smp_rmb();
	if (READ_ONCE(task->on_cpu))
		return;
	if (vxt_targets_any() || vexfs_task_is_probed(task)) {
		/* Only while it is asleep, and nobody can wake it. Any lock may be held here. */
		if (!raw_spin_trylock_irqsave(&task->pi_lock, flags))
			return;
		if (!task_is_running(task) && !READ_ONCE(task->on_rq)) {
			unwind_start(&state, task, NULL, NULL);
			vxt_holder_unwind(holder, &state);
		}
		raw_spin_unlock_irqrestore(&task->pi_lock, flags);
	} else {
		unwind_start(&state, task, NULL, NULL);
		vxt_holder_unwind(holder, &state);
	}
	/* The same the other way round. */
	smp_rmb();
	if (READ_ONCE(task->on_cpu) || !vxt_owner_is(holder) ||
	    switches != READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw))
		holder->nr = 0;
	holder->how = holder->reader ? VXT_HOLDER_READER : VXT_HOLDER_ASLEEP;
}

/* The interrupt's own frames come first: begin where the task was interrupted. */
static notrace void vxt_holder_take_own(struct vxt_holder *holder)
{
	struct unwind_state state;

	for (unwind_start(&state, current, NULL, NULL); !unwind_done(&state);
	     unwind_next_frame(&state))
		if (unwind_get_entry_regs(&state, NULL))
			break;
	vxt_holder_unwind(holder, &state);
	holder->how = holder->reader ? VXT_HOLDER_READER : VXT_HOLDER_RUNNING;
}

/* The interrupt on the CPU on which the holder ran. */
static notrace void vxt_holder_asked(void *data)
{
	struct vxt_holder *holder = data;

	if (atomic_cmpxchg(&holder->state, VXT_HOLDER_ASKED, VXT_HOLDER_TAKING) !=
	    VXT_HOLDER_ASKED) {
		atomic_set_release(&holder->state, VXT_HOLDER_FREE);
		return;
	}
	/* From here on the waiter waits for us: the lock is there, and the owner cannot let go. */
	if (current == holder->task && vxt_owner_is(holder))
		vxt_holder_take_own(holder);
	atomic_set_release(&holder->state, VXT_HOLDER_TAKEN);
}

/* The CPU on which a task runs, or -1; the task is not looked at. */
static notrace int vxt_holder_cpu(const struct task_struct *task)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (READ_ONCE(per_cpu(vxt_running, cpu).task) == task)
			return cpu;
	return -1;
}

static notrace struct vxt_holder *vxt_holder_claim(void)
{
	unsigned int i;

	for (i = 0; i < VXT_HOLDERS; i++)
		if (atomic_read(&vxt_holders[i].state) == VXT_HOLDER_FREE &&
		    atomic_cmpxchg(&vxt_holders[i].state, VXT_HOLDER_FREE,
				   VXT_HOLDER_OURS) == VXT_HOLDER_FREE)
			return &vxt_holders[i];
	return NULL;
}

/**
 * vxt_holder_seek() - look for the stack of whoever holds the lock that is waited for
 * @wait: the running task's; it has begun to wait, or begins to sleep having spun
 *
 * The answer may come later, or not at all. Takes no lock, wakes nobody.
 */
notrace void vxt_holder_seek(struct vxt_wait *wait)
{
	struct vxt_holder *holder = wait->holder;
	struct task_struct *task;
	bool reader;
	int cpu;

	/* On its way, or here. */
	if (holder && (atomic_read(&holder->state) != VXT_HOLDER_OURS || holder->nr))
		return;
	task = vxt_owner(wait->lock, wait->kind, &reader);
	if (!task || task == current)
		return;
	if (!holder) {
		unsigned long tick = jiffies;

		if (this_cpu_read(vxt_holder_tick) == tick)
			return;
		this_cpu_write(vxt_holder_tick, tick);
		holder = vxt_holder_claim();
	}
	if (!holder)
		return;
	wait->holder = holder;
	holder->task = task;
	holder->lock = wait->lock;
	holder->kind = wait->kind;
	holder->reader = reader;
	holder->nr = 0;
	cpu = vxt_holder_cpu(task);
	if (cpu < 0) {
		/* A reader may be gone, but not one that has an entry. */
		if (!reader || vxt_wait_find(task))
			vxt_holder_take_away(holder);
	} else if (cpu != smp_processor_id()) {
		atomic_set_release(&holder->state, VXT_HOLDER_ASKED);
		if (smp_call_function_single_async(cpu, &holder->csd))
			atomic_set(&holder->state, VXT_HOLDER_OURS);
	}
}

/**
 * vxt_holder_found() - is there a stack?
 * @wait: the running task's; it does not wait any more, and the lock is still there
 *
 * Takes back a question that is on its way.
 *
 * Return: true when @wait->holder has it.
 */
notrace bool vxt_holder_found(struct vxt_wait *wait)
{
	struct vxt_holder *holder = wait->holder;

	if (!holder)
		return false;
	if (atomic_read(&holder->state) == VXT_HOLDER_OURS)
		return holder->nr;
	if (atomic_cmpxchg(&holder->state, VXT_HOLDER_ASKED, VXT_HOLDER_CANCELLED) ==
	    VXT_HOLDER_ASKED) {
		wait->holder = NULL;
		return false;
	}
	/* Another CPU is in the middle of an interrupt, in which it waits for nothing. */
	while (atomic_read_acquire(&holder->state) != VXT_HOLDER_TAKEN)
		cpu_relax();
	return holder->nr;
}

/* The running task needs the holder no more. */
notrace void vxt_holder_drop(struct vxt_wait *wait)
{
	vxt_holder_found(wait);
	if (!wait->holder)
		return;
	atomic_set_release(&wait->holder->state, VXT_HOLDER_FREE);
	wait->holder = NULL;
}

u64 vxt_holder_memory(void)
{
	return VXT_HOLDERS * sizeof(*vxt_holders);
}

int vxt_holder_init(void)
{
	unsigned int i;

	vxt_holders = kvcalloc(VXT_HOLDERS, sizeof(*vxt_holders), GFP_KERNEL);
	if (!vxt_holders)
		return -ENOMEM;
	for (i = 0; i < VXT_HOLDERS; i++)
		INIT_CSD(&vxt_holders[i].csd, vxt_holder_asked, &vxt_holders[i]);
	return 0;
}

/*
 * Nobody asks any more: wait until nothing is on its way. The interrupts that answered last return
 * within a grace period.
 */
void vxt_holder_drain(void)
{
	unsigned int i;
	int state;

	for (i = 0; i < VXT_HOLDERS; i++) {
		do {
			state = atomic_read(&vxt_holders[i].state);
			cond_resched();
		} while (state == VXT_HOLDER_ASKED || state == VXT_HOLDER_TAKING ||
			 state == VXT_HOLDER_CANCELLED);
	}
}

void vxt_holder_exit(void)
{
	kvfree(vxt_holders);
}
