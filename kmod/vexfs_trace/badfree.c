// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frees that vexfs.ko refused: of memory that was freed before, or that was never given. What
 * stands here is who did it; of memory that was followed (track.c), also from where it was
 * allocated and freed before.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <trace/vexfs.h>
#include "memory.h"

/* Guards the table and the count; taken with interrupts off, innermost. */
static DEFINE_RAW_SPINLOCK(vxt_bad_free_lock);
static struct vxt_bad_free vxt_bad_frees[VXT_BAD_FREES];
static u32 vxt_bad_free_nr;
static u64 vxt_bad_free_lost;

static bool vxt_bad_free_same(const struct vxt_bad_free *a, const struct vxt_bad_free *b)
{
	return a->kind == b->kind && a->site == b->site && a->first == b->first &&
	       a->by == b->by && a->allocated == b->allocated && a->freed == b->freed &&
	       a->again == b->again;
}

/* The probe of vexfs_bad_free: the memory was not touched. Any context but NMI. */
static void vxt_bad_free(void *data, u32 site, const void *ptr, unsigned long first,
			 unsigned long by)
{
	struct vxt_bad_free bad = {
		.kind = first ? VXT_ALERT_DOUBLE_FREE : VXT_ALERT_FOREIGN_FREE,
		.site = site, .first = first, .by = by, .count = 1,
		.pid = task_pid_nr(current),
	};
	struct vxt_gone gone;
	unsigned long flags;
	u32 i;

	memcpy(bad.comm, current->comm, sizeof(bad.comm));
	bad.comm[sizeof(bad.comm) - 1] = '\0';
	bad.again = vxt_trail_save();
	if (first && vxt_track_gone(ptr, &gone)) {
		bad.site = bad.site ?: gone.site;
		bad.allocated = gone.allocated;
		bad.freed = gone.freed;
	}
	raw_spin_lock_irqsave(&vxt_bad_free_lock, flags);
	for (i = 0; i < vxt_bad_free_nr; i++)
		if (vxt_bad_free_same(&vxt_bad_frees[i], &bad))
			break;
	if (i < vxt_bad_free_nr)
		vxt_bad_frees[i].count++;
	else if (i < VXT_BAD_FREES)
		vxt_bad_frees[vxt_bad_free_nr++] = bad;
	else
		vxt_bad_free_lost++;
	raw_spin_unlock_irqrestore(&vxt_bad_free_lock, flags);
	preempt_disable();
	vxt_alert_post_site(bad.kind, bad.site, 1, 0);
	preempt_enable();
}

/**
 * vxt_bad_free_read() - one of the refused frees
 * @i: which, in the order of their first time
 * @bad: filled
 *
 * Return: false when there are not so many.
 */
bool vxt_bad_free_read(u32 i, struct vxt_bad_free *bad)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&vxt_bad_free_lock, flags);
	found = i < vxt_bad_free_nr;
	if (found)
		*bad = vxt_bad_frees[i];
	raw_spin_unlock_irqrestore(&vxt_bad_free_lock, flags);
	return found;
}

/* How many frees of other kinds were refused than there is room for. */
u64 vxt_bad_frees_lost(void)
{
	return READ_ONCE(vxt_bad_free_lost);
}

void vxt_bad_free_reset(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vxt_bad_free_lock, flags);
	vxt_bad_free_nr = 0;
	vxt_bad_free_lost = 0;
	raw_spin_unlock_irqrestore(&vxt_bad_free_lock, flags);
}

int vxt_bad_free_start(void)
{
	return register_trace_vexfs_bad_free(vxt_bad_free, NULL);
}

/* The caller waits for those that are in the probe. */
void vxt_bad_free_stop(void)
{
	unregister_trace_vexfs_bad_free(vxt_bad_free, NULL);
}
