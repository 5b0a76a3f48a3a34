// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which call sites leak.
 *
 * Certain is it when no filesystem of ours is mounted: then whatever is held is lost. While
 * one is, a site can only be suspected. Its objects are counted four times a window, and the
 * least count is the window's floor: what comes and goes does not raise it. A site whose
 * floor rose in each of the last windows grows; so does a cache that fills up, and whatever hangs
 * on one, such as what is kept for each inode in memory. A suspect grows, is none of the caches,
 * and holds objects which are older than any that it ever freed: those are what to look at.
 */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <vexfs_mem.h>
#include "depth.h"
#include "memory.h"

#define VXT_LEAK_LOOKS		4U	/* of a window */
#define VXT_LEAK_RISES		4U	/* windows in which the floor of one that grows rose */

const char * const vxt_verdict_names[VXT_VERDICT_NR] = {
	[VXT_VERDICT_STEADY] = "steady",
	[VXT_VERDICT_CACHE] = "cache",
	[VXT_VERDICT_GROWING] = "growing",
	[VXT_VERDICT_SUSPECT] = "suspect",
	[VXT_VERDICT_LEAKED] = "leaked",
};

/**
 * struct vxt_growth - the objects of one site over time
 * @floor: least number in the last whole window, LONG_MAX before there was one
 * @low: least number so far in this one
 * @rises: windows in a row in which @floor did not fall, and rose in the last four of them
 * @still: windows in a row in which it did not change
 * @told: an alert was posted since it last was no suspect
 */
struct vxt_growth {
	long floor;
	long low;
	u32 rises;
	u32 still;
	bool told;
};

/* All under vxt_lock. */
static struct vxt_growth *vxt_growths;	/* by id - 1 */
static struct vxt_held *vxt_helds;	/* by id - 1, as of the last look */
static u32 vxt_looks;
static bool vxt_leak_idle;		/* nothing should be held, as of the last look */

static void vxt_leak_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(vxt_leak_worker, vxt_leak_work);

static u64 vxt_leak_window_units(void)
{
	return vxt_clock_from_ns((u64)vxt_settings[VXT_SET_WINDOW] * NSEC_PER_SEC);
}

/* A window is over. */
static void vxt_growth_window(struct vxt_growth *growth)
{
	if (growth->low > growth->floor) {
		growth->rises++;
		growth->still = 0;
	} else if (growth->low < growth->floor || ++growth->still >= VXT_LEAK_RISES) {
		growth->rises = 0;
		growth->still = 0;
	}
	growth->floor = growth->low;
	growth->low = LONG_MAX;
}

static enum vxt_verdict vxt_leak_verdict(u32 id, const struct vexfs_site *site,
					 const struct vxt_alloc_row *row,
					 const struct vxt_life_row *life)
{
	const struct vxt_growth *growth = &vxt_growths[id - 1];
	const struct vxt_held *held = &vxt_helds[id - 1];

	if (vxt_leak_idle && row->live_objects)
		return VXT_VERDICT_LEAKED;
	if (site->cache)
		return VXT_VERDICT_CACHE;
	if (growth->rises < VXT_LEAK_RISES)
		return VXT_VERDICT_STEADY;
	/* Of a site that frees nothing it is not known how long its objects live. */
	return life->ended && held->old && held->oldest > life->max_units ?
	       VXT_VERDICT_SUSPECT : VXT_VERDICT_GROWING;
}

/**
 * vxt_leak_refresh() - look what is held now, before rows are read
 *
 * Sleeps. The caller holds vxt_lock.
 */
void vxt_leak_refresh(void)
{
	u64 window = vxt_leak_window_units();

	vxt_leak_idle = vexfs_idle();
	if (vxt_leak_idle) {
		/* Inodes go a grace period after their filesystem. */
		rcu_barrier();
		vxt_leak_idle = vexfs_idle();
	}
	vxt_track_scan(vxt_helds, window ? VXT_LEAK_RISES * window : U64_MAX);
}

/**
 * vxt_leak_read() - what is known of one site
 * @id: its number
 * @row: filled, as of vxt_leak_refresh()
 *
 * Return: false when no such site is known.
 */
bool vxt_leak_read(u32 id, struct vxt_leak_row *row)
{
	if (!vxt_alloc_read(id, &row->alloc))
		return false;
	vxt_life_read(id, &row->life);
	row->rises = vxt_growths[id - 1].rises;
	row->tracked = vxt_helds[id - 1].objects;
	row->old = vxt_helds[id - 1].old;
	row->oldest = vxt_clock_to_ns(vxt_helds[id - 1].oldest);
	row->verdict = vxt_leak_verdict(id, vexfs_mem_site(id), &row->alloc, &row->life);
	/* Mounted meanwhile. */
	if (row->verdict == VXT_VERDICT_LEAKED && !vexfs_idle())
		row->verdict = VXT_VERDICT_STEADY;
	return true;
}

/* One look at all sites; tell of new suspects at the end of a window. */
static void vxt_leak_look(void)
{
	bool over = ++vxt_looks % VXT_LEAK_LOOKS == 0;
	u32 id, last = vxt_alloc_refresh(NULL);
	struct vxt_leak_row row;

	if (over) {
		vxt_stack_window_over();
		vxt_leak_refresh();
	}
	for (id = 1; id <= last; id++) {
		struct vxt_growth *growth = &vxt_growths[id - 1];

		if (!vxt_alloc_read(id, &row.alloc))
			continue;
		growth->low = min_t(long, growth->low, row.alloc.live_objects);
		if (!over)
			continue;
		vxt_growth_window(growth);
		if (!vxt_leak_read(id, &row))
			continue;
		if (row.verdict < VXT_VERDICT_SUSPECT) {
			growth->told = false;
		} else if (!growth->told) {
			growth->told = true;
			preempt_disable();
			vxt_alert_post_site(VXT_ALERT_LEAK, id, row.alloc.live_objects, 0);
			preempt_enable();
		}
	}
}

/* A window cannot be shorter than a second: that is 250 ms between two looks. */
static void vxt_leak_again(void)
{
	u32 window = READ_ONCE(vxt_settings[VXT_SET_WINDOW]);

	if (window)
		schedule_delayed_work(&vxt_leak_worker,
				      msecs_to_jiffies(window * MSEC_PER_SEC / VXT_LEAK_LOOKS));
}

static void vxt_leak_work(struct work_struct *work)
{
	mutex_lock(&vxt_lock);
	vxt_leak_look();
	mutex_unlock(&vxt_lock);
	vxt_leak_again();
}

/* Begin with a first window, as long as the setting says. The caller holds vxt_lock. */
void vxt_leak_restart(void)
{
	u32 i;

	for (i = 0; i < VXT_SITES; i++)
		vxt_growths[i] = (struct vxt_growth){ .floor = LONG_MAX, .low = LONG_MAX };
	vxt_looks = 0;
	/* The work waits for the lock, or for its time: it comes again by itself. */
	if (vxt_settings[VXT_SET_WINDOW])
		mod_delayed_work(system_wq, &vxt_leak_worker, 0);
}

u64 vxt_leak_memory(void)
{
	return VXT_SITES * (sizeof(*vxt_growths) + sizeof(*vxt_helds));
}

int vxt_leak_init(void)
{
	vxt_growths = kvcalloc(VXT_SITES, sizeof(*vxt_growths), GFP_KERNEL);
	vxt_helds = kvcalloc(VXT_SITES, sizeof(*vxt_helds), GFP_KERNEL);
	if (vxt_growths && vxt_helds)
		return 0;
	vxt_leak_exit();
	return -ENOMEM;
}

void vxt_leak_stop(void)
{
	cancel_delayed_work_sync(&vxt_leak_worker);
}

void vxt_leak_exit(void)
{
	kvfree(vxt_helds);
	kvfree(vxt_growths);
}
