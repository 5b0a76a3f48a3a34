// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds memory: the counters that vexfs.ko keeps for each of its call sites,
 * less what they were at the last reset.
 *
 * The counters belong to vexfs.ko and run from its first allocation; so what is
 * held is exact however late this module was loaded.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <vexfs_mem.h>
#include "memory.h"

/**
 * struct vxt_site - a call site and its counters at the last reset
 * @site: NULL as long as it has not allocated
 * @file: its file, from the source tree's top
 * @func_size: bytes of the name of its function, with the 0 byte at its end
 * @file_size: the same of @file
 * @allocs: and the rest: as in struct vexfs_site
 * @frees: at the last reset
 * @bytes: at the last reset
 * @failures: at the last reset
 * @sizes: at the last reset
 */
struct vxt_site {
	struct vexfs_site *site;
	const char *file;
	u16 func_size;
	u16 file_size;
	long allocs;
	long frees;
	long bytes;
	long failures;
	long sizes[VEXFS_MEM_SIZES];
};

static struct vxt_site *vxt_sites;	/* by id - 1 */

static struct vexfs_site *vxt_site_next(struct vexfs_site *site)
{
	struct llist_node *next = READ_ONCE(site->node.next);

	return next ? llist_entry(next, struct vexfs_site, node) : NULL;
}

/* The part of a path that stands in the source tree. */
static const char *vxt_site_file(const char *path)
{
	const char *part = strstr(path, "kmod/");

	return part ?: kbasename(path);
}

static void vxt_site_take(struct vexfs_site *site)
{
	struct vxt_site *place = &vxt_sites[site->id - 1];

	if (place->site)
		return;
	place->file = vxt_site_file(site->file);
	place->func_size = strlen(site->func) + 1;
	place->file_size = strlen(place->file) + 1;
	place->site = site;
}

/**
 * vxt_alloc_refresh() - look for call sites that allocated for the first time
 * @dropped: NULL, or receives the number of sites for which there is no room
 *
 * Return: the highest number of a site.
 */
u32 vxt_alloc_refresh(u32 *dropped)
{
	struct vexfs_site *site;
	u32 last = 0, lost = 0;

	lockdep_assert_held(&vxt_lock);
	for (site = vexfs_mem_sites(); site; site = vxt_site_next(site)) {
		if (site->id && site->id <= VXT_SITES)
			vxt_site_take(site);
		else
			lost++;
		last = max(last, min(site->id, VXT_SITES));
	}
	if (dropped)
		*dropped = lost;
	return last;
}

/**
 * vxt_alloc_read() - the counters of one call site
 * @id: its number
 * @row: filled
 *
 * Frees are read before allocations, so that a difference is never negative.
 *
 * Return: false when no such site is known.
 */
bool vxt_alloc_read(u32 id, struct vxt_alloc_row *row)
{
	struct vexfs_site *site;
	struct vxt_site *base;
	unsigned int i;
	long frees;

	lockdep_assert_held(&vxt_lock);
	if (!id || id > VXT_SITES || !vxt_sites[id - 1].site)
		return false;
	base = &vxt_sites[id - 1];
	site = base->site;
	frees = atomic_long_read(&site->frees);
	/* Allocations are counted before they can be freed. */
	smp_rmb();
	row->site = id;
	row->line = site->line;
	row->func = site->func;
	row->file = base->file;
	row->frees = frees - base->frees;
	row->allocs = atomic_long_read(&site->allocs) - base->allocs;
	row->live_objects = atomic_long_read(&site->allocs) - frees;
	row->bytes = atomic_long_read(&site->bytes) - base->bytes;
	row->failures = atomic_long_read(&site->failures) - base->failures;
	row->live = atomic_long_read(&site->live);
	row->peak = atomic_long_read(&site->peak);
	row->cache = site->cache;
	row->func_size = base->func_size;
	row->file_size = base->file_size;
	row->sizes_used = 0;
	for (i = 0; i < VEXFS_MEM_SIZES; i++) {
		row->sizes[i] = atomic_long_read(&site->sizes[i]) - base->sizes[i];
		if (row->sizes[i])
			row->sizes_used = i + 1;
	}
	return true;
}

/*
 * Let the peak start from what is held now. Who allocates counts live before
 * peak: whatever was held when the peak was set back is seen by the loop, here or there.
 */
static void vxt_peak_restart(struct vexfs_site *site)
{
	long peak, live;

	atomic_long_set(&site->peak, atomic_long_read(&site->live));
	/* The peak is set back before live is looked at again; see above. */
	smp_mb();
	live = atomic_long_read(&site->live);
	peak = atomic_long_read(&site->peak);
	while (live > peak && !atomic_long_try_cmpxchg(&site->peak, &peak, live))
		;
}

void vxt_alloc_reset(void)
{
	u32 i, j, last = vxt_alloc_refresh(NULL);

	for (i = 0; i < last; i++) {
		struct vexfs_site *site = vxt_sites[i].site;

		if (!site)
			continue;
		vxt_sites[i].frees = atomic_long_read(&site->frees);
		vxt_sites[i].allocs = atomic_long_read(&site->allocs);
		vxt_sites[i].bytes = atomic_long_read(&site->bytes);
		vxt_sites[i].failures = atomic_long_read(&site->failures);
		for (j = 0; j < VEXFS_MEM_SIZES; j++)
			vxt_sites[i].sizes[j] = atomic_long_read(&site->sizes[j]);
		vxt_peak_restart(site);
	}
}

u64 vxt_alloc_memory(void)
{
	return VXT_SITES * sizeof(*vxt_sites);
}

int vxt_alloc_init(void)
{
	vxt_sites = kvcalloc(VXT_SITES, sizeof(*vxt_sites), GFP_KERNEL);
	return vxt_sites ? 0 : -ENOMEM;
}

void vxt_alloc_exit(void)
{
	kvfree(vxt_sites);
}
