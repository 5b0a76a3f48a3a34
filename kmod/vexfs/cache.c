// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's cache as the kernel sees it: memory that can be given back, and
 * counters in /sys/fs/vexfs/DEVICE/.
 *
 * The shrinker may run inside any allocation, also one of the core under its locks. It takes
 * the innermost of them only, and does no I/O, so GFP_NOFS is served, too.
 */
#include <linux/mm.h>
#include <linux/sysfs.h>
#include "vexfs.h"

/* An object of the shrinker is a page. */
static unsigned long vexfs_cache_count(struct shrinker *s, struct shrink_control *sc)
{
	struct vexfs_sb *sbi = vexfs_shrinker_owner(s);
	unsigned long pages = vex_cache_evictable(sbi->fs) >> PAGE_SHIFT;

	return pages ? pages : SHRINK_EMPTY;
}

static unsigned long vexfs_cache_scan(struct shrinker *s, struct shrink_control *sc)
{
	struct vexfs_sb *sbi = vexfs_shrinker_owner(s);
	size_t freed = vex_cache_shrink(sbi->fs, sc->nr_to_scan << PAGE_SHIFT);

	return freed ? freed >> PAGE_SHIFT : SHRINK_STOP;
}

/* ---- counters -------------------------------------------------------------- */

/**
 * struct vexfs_cache_attr - a file with one counter
 * @attr: name and mode
 * @offset: of the counter in struct vex_cache_stats
 */
struct vexfs_cache_attr {
	struct attribute attr;
	size_t offset;
};

#define VEXFS_CACHE_ATTR(file, field)					\
	static struct vexfs_cache_attr vexfs_attr_##field = {		\
		.attr = { .name = file, .mode = 0444 },			\
		.offset = offsetof(struct vex_cache_stats, field),	\
	}

VEXFS_CACHE_ATTR("cache_limit", limit);
VEXFS_CACHE_ATTR("cache_node_bytes", node_bytes);
VEXFS_CACHE_ATTR("cache_segment_bytes", seg_bytes);
VEXFS_CACHE_ATTR("cache_protected_bytes", protected_bytes);
VEXFS_CACHE_ATTR("cache_pinned_bytes", pinned_bytes);
VEXFS_CACHE_ATTR("cache_node_hits", node_hits);
VEXFS_CACHE_ATTR("cache_node_misses", node_misses);
VEXFS_CACHE_ATTR("cache_segment_hits", seg_hits);
VEXFS_CACHE_ATTR("cache_segment_misses", seg_misses);
VEXFS_CACHE_ATTR("cache_ghost_hits", ghost_hits);
VEXFS_CACHE_ATTR("cache_evictions", evictions);
VEXFS_CACHE_ATTR("cache_stolen", stolen);
VEXFS_CACHE_ATTR("cache_bounced", bounced);
VEXFS_CACHE_ATTR("cache_prefetched", prefetched);
VEXFS_CACHE_ATTR("cache_prefetch_used", prefetch_used);
VEXFS_CACHE_ATTR("cache_prefetch_wasted", prefetch_wasted);
VEXFS_CACHE_ATTR("cache_shrunk", shrunk);

static struct attribute *vexfs_cache_attrs[] = {
	&vexfs_attr_limit.attr,
	&vexfs_attr_node_bytes.attr,
	&vexfs_attr_seg_bytes.attr,
	&vexfs_attr_protected_bytes.attr,
	&vexfs_attr_pinned_bytes.attr,
	&vexfs_attr_node_hits.attr,
	&vexfs_attr_node_misses.attr,
	&vexfs_attr_seg_hits.attr,
	&vexfs_attr_seg_misses.attr,
	&vexfs_attr_ghost_hits.attr,
	&vexfs_attr_evictions.attr,
	&vexfs_attr_stolen.attr,
	&vexfs_attr_bounced.attr,
	&vexfs_attr_prefetched.attr,
	&vexfs_attr_prefetch_used.attr,
	&vexfs_attr_prefetch_wasted.attr,
	&vexfs_attr_shrunk.attr,
	NULL
};
ATTRIBUTE_GROUPS(vexfs_cache);

static ssize_t vexfs_cache_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct vexfs_cache_attr *a = container_of(attr, struct vexfs_cache_attr, attr);
	struct vexfs_sb *sbi = container_of(kobj, struct vexfs_sb, kobj);
	struct vex_cache_stats stats;

	vex_cache_stats(sbi->fs, &stats);
	return sysfs_emit(buf, "%llu\n", *(u64 *)((char *)&stats + a->offset));
}

static const struct sysfs_ops vexfs_cache_sysfs_ops = {
	.show = vexfs_cache_show,
};

static void vexfs_cache_release(struct kobject *kobj)
{
	complete(&container_of(kobj, struct vexfs_sb, kobj)->kobj_gone);
}

static const struct kobj_type vexfs_cache_ktype = {
	.default_groups	= vexfs_cache_groups,
	.sysfs_ops	= &vexfs_cache_sysfs_ops,
	.release	= vexfs_cache_release,
};

/* /sys/fs/vexfs */
static struct kobject *vexfs_cache_root;

static void vexfs_cache_drop_kobj(struct vexfs_sb *sbi)
{
	kobject_put(&sbi->kobj);
	wait_for_completion(&sbi->kobj_gone);
}

/**
 * vexfs_cache_attach() - let a mount's cache be shrunk, and its counters be read
 * @sb: its core's filesystem is open
 *
 * Return: 0, or a negative errno with nothing attached.
 */
int vexfs_cache_attach(struct super_block *sb)
{
	struct vexfs_sb *sbi = vexfs_sb(sb);
	int err;

	init_completion(&sbi->kobj_gone);
	err = kobject_init_and_add(&sbi->kobj, &vexfs_cache_ktype, vexfs_cache_root, "%s",
				   sb->s_id);
	if (!err)
		err = vexfs_shrinker_add(&sbi->shrinker, sbi, sb->s_id, vexfs_cache_count,
					 vexfs_cache_scan);
	if (err)
		vexfs_cache_drop_kobj(sbi);
	return err;
}

/* Before the core's filesystem is closed. */
void vexfs_cache_detach(struct super_block *sb)
{
	struct vexfs_sb *sbi = vexfs_sb(sb);

	vexfs_shrinker_remove(&sbi->shrinker);
	vexfs_cache_drop_kobj(sbi);
}

int vexfs_cache_init(void)
{
	vexfs_cache_root = kobject_create_and_add("vexfs", fs_kobj);
	return vexfs_cache_root ? 0 : -ENOMEM;
}

void vexfs_cache_exit(void)
{
	kobject_put(vexfs_cache_root);
}
