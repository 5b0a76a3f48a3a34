// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which locks operations waited for: by class, kind of lock and site, and by their holders' stacks.
 *
 * Two tables of fixed size. Where the first is full, waits go to a row of their class that stands
 * for all others; where the second is full, a stack is not kept, and the row tells that: it has
 * counted more stacks than it has.
 */
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "waits.h"

#define VXT_LOCK_TRIES	16	/* places at which an entry may be */

const char * const vxt_lock_names[VXT_LOCK_KINDS] = {
	[VXT_LOCK_SPIN] = "spin",
	[VXT_LOCK_RWLOCK_READ] = "rwlock-read",
	[VXT_LOCK_RWLOCK_WRITE] = "rwlock-write",
	[VXT_LOCK_MUTEX] = "mutex",
	[VXT_LOCK_RWSEM_READ] = "rwsem-read",
	[VXT_LOCK_RWSEM_WRITE] = "rwsem-write",
	[VXT_LOCK_PERCPU_READ] = "percpu-read",
	[VXT_LOCK_PERCPU_WRITE] = "percpu-write",
	[VXT_LOCK_RTMUTEX] = "rtmutex",
	[VXT_LOCK_OTHER] = "other",
};

const char * const vxt_how_names[VXT_HOLDER_HOWS] = {
	[VXT_HOLDER_ASLEEP] = "asleep",
	[VXT_HOLDER_RUNNING] = "running",
	[VXT_HOLDER_READER] = "reader",
};

/* Guards both tables. Taken under any lock of the kernel; nothing is taken under it. */
static DEFINE_RAW_SPINLOCK(vxt_locks_lock);

/* The rows of those that have no room first, one a class. A row without waits is free. */
static struct vxt_lock_row *vxt_lock_rows;
static struct vxt_lock_stack *vxt_lock_stacks;
static struct vxt_lock_stack vxt_lock_copy;	/* of vxt_locks_stack(); under vxt_lock */

/* A free place may lie before the one that is looked for: rows go with their target. */
static struct vxt_lock_row *vxt_row_of(const struct vxt_wait *wait)
{
	u32 hash = hash_long(wait->site ^ wait->op_class << 8 ^ wait->kind, 32), i;
	struct vxt_lock_row *free = NULL, *row;

	for (i = 0; i < VXT_LOCK_TRIES; i++) {
		row = &vxt_lock_rows[VXT_CLASSES + (hash + i) % VXT_LOCK_ROWS];
		if (!row->waits)
			free = free ?: row;
		else if (row->op_class == wait->op_class && row->kind == wait->kind &&
			 row->site == wait->site)
			return row;
	}
	if (!free) {
		vxt_lock_rows[wait->op_class].op_class = wait->op_class;
		vxt_lock_rows[wait->op_class].kind = VXT_LOCK_OTHER;
		return &vxt_lock_rows[wait->op_class];
	}
	free->op_class = wait->op_class;
	free->kind = wait->kind;
	free->site = wait->site;
	return free;
}

static struct vxt_lock_stack *vxt_stack_of(u32 row, const struct vxt_holder *holder)
{
	size_t size = holder->nr * sizeof(*holder->frame);
	u32 hash = jhash(holder->frame, size, row), i;
	struct vxt_lock_stack *free = NULL, *stack;

	for (i = 0; i < VXT_LOCK_TRIES; i++) {
		stack = &vxt_lock_stacks[(hash + i) % VXT_LOCK_STACKS];
		if (!stack->waits)
			free = free ?: stack;
		else if (stack->row == row && stack->how == holder->how &&
			 stack->nr == holder->nr && !memcmp(stack->frame, holder->frame, size))
			return stack;
	}
	if (free) {
		free->row = row;
		free->how = holder->how;
		free->nr = holder->nr;
		memcpy(free->frame, holder->frame, size);
	}
	return free;
}

/**
 * vxt_locks_add() - count a wait
 * @wait: what for; it is over
 * @took: how long, in clock units
 * @holder: has the stack of the lock's holder; or NULL
 */
void vxt_locks_add(const struct vxt_wait *wait, u64 took, const struct vxt_holder *holder)
{
	struct vxt_lock_stack *stack;
	struct vxt_lock_row *row;
	unsigned long flags;

	flags = vxt_spin_lock(&vxt_locks_lock);
	row = vxt_row_of(wait);
	row->waits++;
	row->total += took;
	row->max = max(row->max, took);
	row->stacks += !!holder;
	stack = holder ? vxt_stack_of(row - vxt_lock_rows, holder) : NULL;
	if (stack) {
		stack->waits++;
		stack->total += took;
		stack->max = max(stack->max, took);
	}
	vxt_spin_unlock(&vxt_locks_lock, flags);
}

/**
 * vxt_locks_read() - one row
 * @row: its number, below VXT_LOCK_ALL
 * @copy: filled; times in ns
 *
 * The caller holds vxt_lock.
 *
 * Return: false when there is none of that number, or its target is gone.
 */
bool vxt_locks_read(u32 row, struct vxt_lock_row *copy)
{
	unsigned long flags;

	lockdep_assert_held(&vxt_lock);
	flags = vxt_spin_lock(&vxt_locks_lock);
	*copy = vxt_lock_rows[row];
	vxt_spin_unlock(&vxt_locks_lock, flags);
	copy->total = vxt_clock_to_ns(copy->total);
	copy->max = vxt_clock_to_ns(copy->max);
	return copy->waits && vxt_class_name(copy->op_class);
}

/**
 * vxt_locks_stack() - one holder's stack
 * @nr: its number, below VXT_LOCK_STACKS
 * @row: of which row; VXT_LOCK_ALL for any
 *
 * The caller holds vxt_lock.
 *
 * Return: a copy that is good until the next call, times in ns; NULL when there is none of that
 * number, or it is another row's.
 */
const struct vxt_lock_stack *vxt_locks_stack(u32 nr, u32 row)
{
	const struct vxt_lock_stack *stack = &vxt_lock_stacks[nr];
	unsigned long flags;
	bool found;

	lockdep_assert_held(&vxt_lock);
	flags = vxt_spin_lock(&vxt_locks_lock);
	found = stack->waits && (row == VXT_LOCK_ALL || stack->row == row);
	if (found)
		vxt_lock_copy = *stack;
	vxt_spin_unlock(&vxt_locks_lock, flags);
	if (!found)
		return NULL;
	vxt_lock_copy.total = vxt_clock_to_ns(vxt_lock_copy.total);
	vxt_lock_copy.max = vxt_clock_to_ns(vxt_lock_copy.max);
	return &vxt_lock_copy;
}

/* The target of that class is gone. The caller holds vxt_lock. */
void vxt_locks_forget(unsigned int op_class)
{
	unsigned long flags;
	u32 i;

	flags = vxt_spin_lock(&vxt_locks_lock);
	for (i = 0; i < VXT_LOCK_STACKS; i++)
		if (vxt_lock_rows[vxt_lock_stacks[i].row].op_class == op_class)
			memset(&vxt_lock_stacks[i], 0, sizeof(*vxt_lock_stacks));
	for (i = 0; i < VXT_LOCK_ALL; i++)
		if (vxt_lock_rows[i].op_class == op_class)
			memset(&vxt_lock_rows[i], 0, sizeof(*vxt_lock_rows));
	vxt_spin_unlock(&vxt_locks_lock, flags);
}

/* A wait under way is counted when it ends. */
void vxt_locks_reset(void)
{
	unsigned long flags;

	flags = vxt_spin_lock(&vxt_locks_lock);
	memset(vxt_lock_rows, 0, VXT_LOCK_ALL * sizeof(*vxt_lock_rows));
	memset(vxt_lock_stacks, 0, VXT_LOCK_STACKS * sizeof(*vxt_lock_stacks));
	vxt_spin_unlock(&vxt_locks_lock, flags);
}

u64 vxt_locks_memory(void)
{
	return VXT_LOCK_ALL * sizeof(*vxt_lock_rows) + VXT_LOCK_STACKS * sizeof(*vxt_lock_stacks);
}

int vxt_locks_init(void)
{
	vxt_lock_rows = kvcalloc(VXT_LOCK_ALL, sizeof(*vxt_lock_rows), GFP_KERNEL);
	vxt_lock_stacks = kvcalloc(VXT_LOCK_STACKS, sizeof(*vxt_lock_stacks), GFP_KERNEL);
	if (vxt_lock_rows && vxt_lock_stacks)
		return 0;
	vxt_locks_exit();
	return -ENOMEM;
}

void vxt_locks_exit(void)
{
	kvfree(vxt_lock_stacks);
	kvfree(vxt_lock_rows);
}
