// SPDX-License-Identifier: GPL-2.0-only
/* The counters for people: the tables that are about memory. See debugfs.c. */
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "debugfs.h"
#include "memory.h"

/* "SIZE:COUNT,..." of the classes that there were; SIZE is the largest, "+" for what is beyond. */
static void vxt_show_sizes(struct seq_file *m, const struct vxt_alloc_row *row)
{
	const char *between = " ";
	unsigned int i;

	for (i = 0; i < VEXFS_MEM_SIZES; i++) {
		if (!row->sizes[i])
			continue;
		if (i == VEXFS_MEM_SIZES - 1)
			seq_printf(m, "%s+:%llu", between, row->sizes[i]);
		else
			seq_printf(m, "%s%llu:%llu", between, (u64)VEXFS_MEM_SIZE_LEAST << i,
				   row->sizes[i]);
		between = ",";
	}
	seq_puts(m, *between == ',' ? "\n" : " -\n");
}

static int alloc_show(struct seq_file *m, void *unused)
{
	struct vxt_alloc_row row;
	u32 i, last;

	seq_printf(m, "%5s %10s %10s %8s %12s %12s %14s %8s  %-28s %s %s\n", "site", "allocs",
		   "frees", "objects", "live/B", "peak/B", "bytes/B", "failures", "function",
		   "file:line", "sizes/B");
	mutex_lock(&vxt_lock);
	last = vxt_alloc_refresh(NULL);
	for (i = 1; i <= last; i++) {
		if (!vxt_alloc_read(i, &row))
			continue;
		seq_printf(m, "%5u %10llu %10llu %8llu %12llu %12llu %14llu %8llu  %-28s %s:%u",
			   row.site, row.allocs, row.frees, row.live_objects, row.live, row.peak,
			   row.bytes, row.failures, row.func, row.file, row.line);
		vxt_show_sizes(m, &row);
	}
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(alloc);

static void vxt_show_ms(struct seq_file *m, bool known, u64 ns)
{
	/* What are nanoseconds there are microseconds here. */
	if (known)
		vxt_show_us(m, div_u64(ns, NSEC_PER_USEC));
	else
		seq_printf(m, " %12s", "-");
}

static int leaks_show(struct seq_file *m, void *unused)
{
	static struct vxt_leak_row row;	/* under vxt_lock */
	u32 i, last;

	seq_printf(m, "%5s %-8s %8s %12s %6s %8s %8s %12s %9s %8s %12s %12s %12s %12s  %-28s %s\n",
		   "site", "verdict", "objects", "live/B", "rises", "tracked", "old", "oldest/ms",
		   "untracked", "ended", "mean/ms", "p50/ms", "p99/ms", "max/ms", "function",
		   "file:line");
	mutex_lock(&vxt_lock);
	last = vxt_alloc_refresh(NULL);
	vxt_leak_refresh();
	for (i = 1; i <= last; i++) {
		if (!vxt_leak_read(i, &row))
			continue;
		seq_printf(m, "%5u %-8s %8llu %12llu %6u %8u %8u", i,
			   vxt_verdict_names[row.verdict], row.alloc.live_objects, row.alloc.live,
			   row.rises, row.tracked, row.old);
		vxt_show_ms(m, row.tracked, row.oldest);
		seq_printf(m, " %9llu %8llu", row.life.untracked, row.life.ended);
		vxt_show_ms(m, row.life.ended, row.life.mean);
		vxt_show_ms(m, row.life.ended, row.life.p50);
		vxt_show_ms(m, row.life.ended, row.life.p99);
		vxt_show_ms(m, row.life.ended, row.life.max);
		seq_printf(m, "  %-28s %s:%u\n", row.alloc.func, row.alloc.file, row.alloc.line);
	}
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(leaks);

static void vxt_show_trail(struct seq_file *m, const char *what, u32 id)
{
	const struct vxt_trail *trail = vxt_trail_get(id);
	u32 i;

	if (!trail)
		seq_printf(m, "\t%-9s -\n", what);
	for (i = trail ? vxt_trail_first(trail) : 0; trail && i < trail->nr; i++) {
		seq_printf(m, "\t%-9s %pB\n", what, (void *)trail->ip[i]);
		what = "";
	}
}

static void vxt_show_site(struct seq_file *m, u32 site)
{
	struct vxt_alloc_row row;

	if (vxt_alloc_read(site, &row))
		seq_printf(m, "  %s %s:%u\n", row.func, row.file, row.line);
	else
		seq_puts(m, "  -\n");
}

/* A line for each site and trail, and one for each call of the trail. */
static int held_show(struct seq_file *m, void *unused)
{
	struct vxt_object *all;
	struct vxt_group group;
	u32 i, nr;

	all = vxt_track_copy(&nr);
	if (!all)
		return -ENOMEM;
	seq_printf(m, "%5s %8s %12s %12s %8s  %s\n", "site", "objects", "live/B", "oldest/ms",
		   "thread", "function file:line");
	mutex_lock(&vxt_lock);
	vxt_alloc_refresh(NULL);
	for (i = 0; i < nr;) {
		i = vxt_track_group(all, nr, i, &group);
		seq_printf(m, "%5u %8u %12llu", group.site, group.objects, group.bytes);
		vxt_show_ms(m, true, group.oldest);
		seq_printf(m, " %8d", group.pid);
		vxt_show_site(m, group.site);
		vxt_show_trail(m, "", group.trail);
	}
	mutex_unlock(&vxt_lock);
	kvfree(all);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(held);

static int bad_frees_show(struct seq_file *m, void *unused)
{
	struct vxt_bad_free bad;
	u32 i;

	seq_printf(m, "%-12s %8s %5s %8s %-16s  %s\n", "kind", "count", "site", "thread",
		   "name", "function file:line");
	mutex_lock(&vxt_lock);
	vxt_alloc_refresh(NULL);
	for (i = 0; vxt_bad_free_read(i, &bad); i++) {
		seq_printf(m, "%-12s %8llu %5u %8d %-16s", vxt_alert_names[bad.kind], bad.count,
			   bad.site, bad.pid, bad.comm);
		vxt_show_site(m, bad.site);
		vxt_show_trail(m, "allocated", bad.allocated);
		if (bad.first && !bad.freed)
			seq_printf(m, "\t%-9s %pB\n", "freed", (void *)bad.first);
		else if (bad.first)
			vxt_show_trail(m, "freed", bad.freed);
		vxt_show_trail(m, "again", bad.again);
	}
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bad_frees);

void vxt_debugfs_mem_init(struct dentry *dir)
{
	debugfs_create_file("alloc", 0400, dir, NULL, &alloc_fops);
	debugfs_create_file("leaks", 0400, dir, NULL, &leaks_fops);
	debugfs_create_file("held", 0400, dir, NULL, &held_fops);
	debugfs_create_file("bad_frees", 0400, dir, NULL, &bad_frees_fops);
}
