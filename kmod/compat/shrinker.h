/* SPDX-License-Identifier: GPL-2.0-only */
/* Shrinkers: embedded and registered, or allocated by the kernel. */
#ifndef VEXFS_COMPAT_SHRINKER_H
#define VEXFS_COMPAT_SHRINKER_H

#include <linux/errno.h>
#include <linux/shrinker.h>

/**
 * struct vexfs_shrinker - a shrinker with a word for its owner
 * @owner: what vexfs_shrinker_owner() gives
 */
struct vexfs_shrinker {
#ifdef VEXFS_HAVE_SHRINKER_ALLOC
	struct shrinker *shrinker;
#else
	struct shrinker shrinker;
#endif
	void *owner;
};

typedef unsigned long (*vexfs_shrink_t)(struct shrinker *s, struct shrink_control *sc);

static inline void *vexfs_shrinker_owner(struct shrinker *s)
{
#ifdef VEXFS_HAVE_SHRINKER_ALLOC
	return s->private_data;
#else
	return container_of(s, struct vexfs_shrinker, shrinker)->owner;
#endif
}

static inline int vexfs_shrinker_add(struct vexfs_shrinker *v, void *owner, const char *name,
				     vexfs_shrink_t count, vexfs_shrink_t scan)
{
	v->owner = owner;
#ifdef VEXFS_HAVE_SHRINKER_ALLOC
	v->shrinker = shrinker_alloc(0, "vexfs:%s", name);
	if (!v->shrinker)
		return -ENOMEM;
	v->shrinker->count_objects = count;
	v->shrinker->scan_objects = scan;
	v->shrinker->seeks = DEFAULT_SEEKS;
	v->shrinker->private_data = owner;
	shrinker_register(v->shrinker);
	return 0;
#else
	v->shrinker.count_objects = count;
	v->shrinker.scan_objects = scan;
	v->shrinker.seeks = DEFAULT_SEEKS;
	return register_shrinker(&v->shrinker, "vexfs:%s", name);
#endif
}

/* Waits for one that runs. */
static inline void vexfs_shrinker_remove(struct vexfs_shrinker *v)
{
#ifdef VEXFS_HAVE_SHRINKER_ALLOC
	shrinker_free(v->shrinker);
#else
	unregister_shrinker(&v->shrinker);
#endif
}

#endif /* VEXFS_COMPAT_SHRINKER_H */
