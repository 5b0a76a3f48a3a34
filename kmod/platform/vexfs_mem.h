/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of VexFS, accounted by call site. Every allocation of vexfs.ko, core
 * included, goes through these, and is counted from the first one on: live
 * figures are exact whenever vexfs_trace.ko is loaded.
 */
#ifndef VEXFS_MEM_H
#define VEXFS_MEM_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/llist.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define VEXFS_MEM_SIZES		24U	/* classes of sizes */
#define VEXFS_MEM_SIZE_LEAST	16U	/* the largest of the first class */

/**
 * struct vexfs_site - one place in the source that allocates
 * @func: function
 * @file: source file
 * @line: line in @file
 * @cache: what it allocates is cached: it goes when memory is short
 * @id: 1.. in order of first use; 0 before that
 * @state: 0 unused, 1 being registered, 2 registered
 * @allocs: allocations that succeeded
 * @frees: of them, freed
 * @bytes: bytes of @allocs
 * @live: bytes not freed
 * @peak: highest @live
 * @failures: allocations that failed
 * @sizes: @allocs by size: VEXFS_MEM_SIZES of them, see vexfs_mem_size_class()
 * @next: the allocation, counted as in @allocs, that is tracked next
 * @node: in the list of sites
 *
 * The counters are exact, each by itself; they are not read as one unit.
 */
struct vexfs_site {
	const char *func;
	const char *file;
	unsigned int line;
	bool cache;
	unsigned int id;
	atomic_t state;
	atomic_long_t allocs;
	atomic_long_t frees;
	atomic_long_t bytes;
	atomic_long_t live;
	atomic_long_t peak;
	atomic_long_t failures;
	atomic_long_t sizes[VEXFS_MEM_SIZES];
	long next;
	struct llist_node node;
};

#define VEXFS_SITE_OF(_cache) ({				\
	static struct vexfs_site __site = {			\
		.func = __func__, .file = __FILE__, .line = __LINE__, .cache = (_cache), \
	};							\
	&__site;						\
})

#define VEXFS_SITE()		VEXFS_SITE_OF(false)
#define VEXFS_SITE_CACHE()	VEXFS_SITE_OF(true)

/* Sizes up to VEXFS_MEM_SIZE_LEAST << the class; what is larger than all is in the last one. */
static inline unsigned int vexfs_mem_size_class(size_t size)
{
	return size ? min(fls_long((size - 1) / VEXFS_MEM_SIZE_LEAST), VEXFS_MEM_SIZES - 1) : 0;
}

/*
 * @size bytes, aligned to 16 bytes, or to a page when @size is a page or more; zeroed when
 * @zero; NULL when there is no memory. Never enters the filesystem to reclaim memory (GFP_NOFS).
 */
void *vexfs_mem_alloc(struct vexfs_site *site, size_t size, bool zero);
/*
 * The same for memory that the shrinker can give back: tries less hard, for the caller can do
 * without. It belongs to no memory cgroup, as who reads a block first is not the only one to
 * use it; cache= bounds it.
 */
void *vexfs_mem_alloc_cache(struct vexfs_site *site, size_t size, bool zero);
/*
 * NULL is allowed. A pointer that was freed before, or was never given, is reported and left
 * alone.
 */
void vexfs_mem_free(const void *ptr);
/*
 * Account memory of a slab cache, which keeps its own objects. Returns whether the object is
 * tracked, which has to be said when it goes.
 */
bool vexfs_mem_account(struct vexfs_site *site, const void *ptr, size_t size);
void vexfs_mem_unaccount(struct vexfs_site *site, const void *ptr, size_t size, bool tracked);
/* The list of sites that were used, newest first; entries are never removed. */
struct vexfs_site *vexfs_mem_sites(void);
/* The site of a number, or NULL. */
struct vexfs_site *vexfs_mem_site(unsigned int id);
/*
 * Is no filesystem of ours mounted, nor about to be? Then nothing is held, but inodes until a
 * grace period is over.
 */
bool vexfs_idle(void);

#define vex_alloc(size)		vexfs_mem_alloc(VEXFS_SITE(), size, false)
#define vex_zalloc(size)	vexfs_mem_alloc(VEXFS_SITE(), size, true)
/* What is kept with an inode, a block or a segment in memory, for as long as that is. */
#define vex_alloc_kept(size)	vexfs_mem_alloc(VEXFS_SITE_CACHE(), size, false)
#define vex_zalloc_kept(size)	vexfs_mem_alloc(VEXFS_SITE_CACHE(), size, true)
#define vex_alloc_cache(size, zero) vexfs_mem_alloc_cache(VEXFS_SITE_CACHE(), size, zero)
#define vex_free(ptr)		vexfs_mem_free(ptr)

#endif /* VEXFS_MEM_H */
