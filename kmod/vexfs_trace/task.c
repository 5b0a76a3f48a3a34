// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which painted operation a task is in: what a nested one needs to know.
 *
 * A set-associative table of fixed size. A slot belongs to one task from its
 * outermost painted operation to that one's end. Only that task writes the slot,
 * and only the task pointer is looked at by others; so a free slot is claimed
 * by one compare-and-swap, and nothing here waits.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "vxt.h"

#define VXT_SETS_SHIFT	8
#define VXT_SETS	BIT(VXT_SETS_SHIFT)
#define VXT_WAYS	8

struct vxt_task_set {
	struct task_struct *task[VXT_WAYS];
	struct vexfs_op *top[VXT_WAYS];
} ____cacheline_aligned;

static struct vxt_task_set *vxt_task_sets;

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

u64 vxt_task_memory(void)
{
	return VXT_SETS * sizeof(*vxt_task_sets);
}

int vxt_task_init(void)
{
	vxt_task_sets = kvcalloc(VXT_SETS, sizeof(*vxt_task_sets), GFP_KERNEL);
	return vxt_task_sets ? 0 : -ENOMEM;
}

void vxt_task_exit(void)
{
	kvfree(vxt_task_sets);
}
