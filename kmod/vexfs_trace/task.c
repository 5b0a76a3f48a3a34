// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which painted operation a task is in: what a nested one needs to know.
 *
 * A set-associative table of fixed size. A slot belongs to one task from its
 * outermost painted operation to that one's end. Only that task writes the slot,
 * and only the task pointer is looked at by others; so a free slot is claimed
 * by one compare-and-swap, and nothing here waits.
 *
 * An operation of VexFS lies in its own frame. A call of a target has none that is ours: it lies
 * in its task's slot. A free one has no cookie.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "depth.h"

#define VXT_SETS_SHIFT	8
#define VXT_SETS	BIT(VXT_SETS_SHIFT)
#define VXT_WAYS	8

struct vxt_task_set {
	struct task_struct *task[VXT_WAYS];
	struct vexfs_op *top[VXT_WAYS];
} ____cacheline_aligned;

static struct vxt_task_set *vxt_task_sets;
static struct vexfs_op (*vxt_calls)[VXT_NEST];	/* of each slot; NULL before the first target */

static __always_inline struct vxt_task_set *vxt_task_set(void)
{
	return &vxt_task_sets[hash_ptr(current, VXT_SETS_SHIFT)];
}

/* Where the innermost painted operation of this task stands; NULL when it is in none. */
notrace struct vexfs_op **vxt_task_find(void)
{
	struct vxt_task_set *set = vxt_task_set();
	unsigned int i;

	for (i = 0; i < VXT_WAYS; i++)
		if (READ_ONCE(set->task[i]) == current)
			return &set->top[i];
	return NULL;
}

/* The calls of the slot of this task. */
static notrace struct vexfs_op *vxt_slot_calls(struct vexfs_op **top)
{
	struct vxt_task_set *set = vxt_task_set();

	return vxt_calls[(set - vxt_task_sets) * VXT_WAYS + (top - set->top)];
}

/* Is @op one of the calls of this task's slot? */
notrace bool vxt_task_has_call(struct vexfs_op **top, const struct vexfs_op *op)
{
	const struct vexfs_op *calls;

	if (!READ_ONCE(vxt_calls))
		return false;
	calls = vxt_slot_calls(top);
	return op >= calls && op < calls + VXT_NEST;
}

/* Room for one more call of this task, whose slot this is; NULL when there is none. */
notrace struct vexfs_op *vxt_task_call(struct vexfs_op **top)
{
	struct vexfs_op *calls = vxt_slot_calls(top);
	unsigned int i;

	for (i = 0; i < VXT_NEST; i++)
		if (!READ_ONCE(vxt_state(&calls[i])->cookie))
			return &calls[i];
	return NULL;
}

/*
 * The calls of a target that is gone will not end: take their cookies. Their slots are theirs
 * until the tasks are measured again, or end.
 */
void vxt_task_forget(unsigned int op_class)
{
	struct vexfs_op *op = vxt_calls[0], *end = op + VXT_SETS * VXT_WAYS * VXT_NEST;

	/* A room that is taken by a call of another target meanwhile has its class by then. */
	for (; op < end; op++)
		if (READ_ONCE(vxt_state(op)->cookie) && READ_ONCE(op->op_class) == op_class)
			WRITE_ONCE(vxt_state(op)->cookie, 0);
}

/*
 * The running task ends: what it was in never will. An operation that it died in, or a call of a
 * target that does not return. Preemption is off; called by the probe in waits.c.
 */
notrace void vxt_task_exits(void)
{
	struct vexfs_op **top = vxt_task_find(), *calls;
	unsigned int i;

	if (top && READ_ONCE(vxt_calls)) {
		calls = vxt_slot_calls(top);
		for (i = 0; i < VXT_NEST; i++)
			WRITE_ONCE(vxt_state(&calls[i])->cookie, 0);
	}
	if (top)
		vxt_task_release(top);
}

/* A slot for this task, which has none; NULL when there is no room. */
notrace struct vexfs_op **vxt_task_claim(void)
{
	struct vxt_task_set *set = vxt_task_set();
	unsigned int i;

	for (i = 0; i < VXT_WAYS; i++) {
		if (READ_ONCE(set->task[i]) || cmpxchg(&set->task[i], NULL, current))
			continue;
		set->top[i] = NULL;
		return &set->top[i];
	}
	return NULL;
}

/* Give the slot back. */
notrace void vxt_task_release(struct vexfs_op **top)
{
	struct vxt_task_set *set = vxt_task_set();

	/* Whoever claims the slot next writes top after this task's last use of it. */
	smp_store_release(&set->task[top - set->top], NULL);
}

static size_t vxt_calls_size(void)
{
	return array_size(VXT_SETS * VXT_WAYS, sizeof(*vxt_calls));
}

u64 vxt_task_memory(void)
{
	return VXT_SETS * sizeof(*vxt_task_sets) + (READ_ONCE(vxt_calls) ? vxt_calls_size() : 0);
}

/* Before the first target; the caller holds vxt_lock. */
int vxt_task_calls_init(void)
{
	void *calls;

	if (vxt_calls)
		return 0;
	calls = kvzalloc(vxt_calls_size(), GFP_KERNEL);
	if (!calls)
		return -ENOMEM;
	WRITE_ONCE(vxt_calls, calls);
	return 0;
}

int vxt_task_init(void)
{
	vxt_task_sets = kvcalloc(VXT_SETS, sizeof(*vxt_task_sets), GFP_KERNEL);
	return vxt_task_sets ? 0 : -ENOMEM;
}

void vxt_task_exit(void)
{
	kvfree(vxt_calls);
	kvfree(vxt_task_sets);
}
