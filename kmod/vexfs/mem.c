// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of vexfs.ko, accounted by call site.
 *
 * Below VEXFS_MEM_SMALL bytes memory comes from kmalloc() behind a header. From
 * there on it comes in whole pages, where struct page's private word of the first
 * page holds the same facts; so a large buffer stays aligned to a page and wastes none.
 * An address on a page boundary is always the latter: the header sees to it.
 *
 * A free is checked against those facts before the allocator hears of it. Who freed a
 * small one stands in its header afterwards, until the memory serves another; who freed pages, in
 * a short list of the last.
 *
 * Some objects are tracked by whoever asks for it (vexfs_track): which ones, a count in
 * the site tells; so an object that is freed must know it.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <vex_platform.h>
#include <trace/vexfs.h>
#include <trace/vexfs_events.h>
#include "vexfs.h"

#define VEXFS_MEM_SMALL		2048
#define VEXFS_MEM_ORDER		3	/* above this, pages need not be contiguous */
#define VEXFS_MEM_SITES		1024

/*
 * Before a small allocation. @tag is a magic number in the upper half and the site; @facts the
 * size and VEXFS_MEM_TRACKED, or once it is freed, who did.
 */
struct vexfs_mem_head {
	unsigned long tag;
	unsigned long facts;
};

#define VEXFS_MEM_TAG_SHIFT	32
#define VEXFS_MEM_LIVE		0x76786d41UL
#define VEXFS_MEM_FREED		0x76786d46UL

#define VEXFS_MEM_TRACKED	BIT(39)	/* among the facts, above any size */

/* In the private word of the first page: magic, site, size and VEXFS_MEM_TRACKED. */
#define VEXFS_MEM_PAGE_MAGIC	0x5eUL
#define VEXFS_MEM_MAGIC_SHIFT	56
#define VEXFS_MEM_SITE_SHIFT	40
#define VEXFS_MEM_SIZE_MASK	(VEXFS_MEM_TRACKED - 1)
#define VEXFS_MEM_SITE_MASK	(BIT(VEXFS_MEM_MAGIC_SHIFT - VEXFS_MEM_SITE_SHIFT) - 1)

static LLIST_HEAD(vexfs_mem_list);
static atomic_t vexfs_mem_last_id = ATOMIC_INIT(0);
/* By id; entry 0 stays empty. Written once, before the site's state says so. */
static struct vexfs_site *vexfs_mem_table[VEXFS_MEM_SITES];

/* The pages that were freed last, and by whom. */
#define VEXFS_MEM_GONE		64U

static struct vexfs_mem_gone {
	const void *ptr;
	unsigned long by;
} vexfs_mem_gone[VEXFS_MEM_GONE];

static atomic_t vexfs_mem_gone_next = ATOMIC_INIT(0);

/* Take part in the list at first use. The winner is never preempted half-way. */
static noinline void vexfs_site_register(struct vexfs_site *site)
{
	preempt_disable();
	if (atomic_cmpxchg(&site->state, 0, 1) == 0) {
		unsigned int id = atomic_inc_return(&vexfs_mem_last_id);

		/* The sources hold a tenth of this; the last id is shared beyond it. */
		if (WARN_ON_ONCE(id >= VEXFS_MEM_SITES))
			id = VEXFS_MEM_SITES - 1;
		site->id = id;
		WRITE_ONCE(vexfs_mem_table[id], site);
		llist_add(&site->node, &vexfs_mem_list);
		atomic_set_release(&site->state, 2);
	}
	preempt_enable();
	while (atomic_read_acquire(&site->state) != 2)
		cpu_relax();
}

struct vexfs_site *vexfs_mem_site(unsigned int id)
{
	return id < VEXFS_MEM_SITES ? READ_ONCE(vexfs_mem_table[id]) : NULL;
}
EXPORT_SYMBOL_GPL(vexfs_mem_site);

struct vexfs_site *vexfs_mem_sites(void)
{
	struct llist_node *first = READ_ONCE(vexfs_mem_list.first);

	return first ? llist_entry(first, struct vexfs_site, node) : NULL;
}
EXPORT_SYMBOL_GPL(vexfs_mem_sites);

static noinline notrace void vexfs_mem_tell_alloc(u64 event, u32 site, const void *ptr, size_t size)
{
	trace_vexfs_alloc(event, site, ptr, size);
	if (vexfs_event_below(event, VEXFS_SAMPLE_BELOW))
		trace_vexfs_alloc_sample(event, site, ptr, size);
}

/* The number and its event belong together: nothing else may come between on this CPU. */
static __always_inline void vexfs_mem_trace_alloc(u32 site, const void *ptr, size_t size)
{
	u64 event;

	preempt_disable_notrace();
	event = vexfs_event_next(VEXFS_EVENT_ALLOC);
	if (trace_vexfs_alloc_enabled() || vexfs_event_below(event, VEXFS_SAMPLE_BELOW))
		vexfs_mem_tell_alloc(event, site, ptr, size);
	preempt_enable_notrace();
}

/*
 * An allocation that is due. Nobody may be there to track it: then none is due until somebody
 * comes, who waits for those that are in here before he sets the count.
 */
static noinline bool vexfs_mem_track(struct vexfs_site *site, const void *ptr, size_t size)
{
	bool tracked;

	preempt_disable();
	tracked = trace_vexfs_track_enabled();
	if (tracked)
		trace_vexfs_track(site->id, ptr, size);
	else
		WRITE_ONCE(site->next, LONG_MAX);
	preempt_enable();
	return tracked;
}

bool vexfs_mem_account(struct vexfs_site *site, const void *ptr, size_t size)
{
	long count, live, peak;

	if (unlikely(atomic_read_acquire(&site->state) != 2))
		vexfs_site_register(site);
	count = atomic_long_inc_return(&site->allocs);
	atomic_long_add(size, &site->bytes);
	atomic_long_inc(&site->sizes[vexfs_mem_size_class(size)]);
	live = atomic_long_add_return(size, &site->live);
	peak = atomic_long_read(&site->peak);
	while (live > peak && !atomic_long_try_cmpxchg(&site->peak, &peak, live))
		;
	if (trace_vexfs_alloc_enabled() || trace_vexfs_alloc_sample_enabled())
		vexfs_mem_trace_alloc(site->id, ptr, size);
	return unlikely(count >= READ_ONCE(site->next)) && vexfs_mem_track(site, ptr, size);
}

void vexfs_mem_unaccount(struct vexfs_site *site, const void *ptr, size_t size, bool tracked)
{
	trace_vexfs_free(site->id, ptr, size);
	if (unlikely(tracked))
		trace_vexfs_untrack(site->id, ptr, size);
	atomic_long_inc(&site->frees);
	atomic_long_sub(size, &site->live);
}

static void vexfs_mem_fail(struct vexfs_site *site)
{
	if (unlikely(atomic_read_acquire(&site->state) != 2))
		vexfs_site_register(site);
	atomic_long_inc(&site->failures);
}

/*
 * kmalloc() promises the alignment of a power of two only to sizes that are
 * one: keep out of its two other size classes.
 */
static size_t vexfs_mem_small_size(size_t size)
{
	size_t total = size + sizeof(struct vexfs_mem_head);

	if (total > 64 && total <= 96)
		return 97;
	if (total > 128 && total <= 192)
		return 193;
	return total;
}

static void *vexfs_mem_alloc_small(struct vexfs_site *site, size_t size, gfp_t gfp)
{
	struct vexfs_mem_head *head = kmalloc(vexfs_mem_small_size(size), gfp);

	if (!head) {
		vexfs_mem_fail(site);
		return NULL;
	}
	head->facts = size;
	if (vexfs_mem_account(site, head + 1, size))
		head->facts |= VEXFS_MEM_TRACKED;
	head->tag = VEXFS_MEM_LIVE << VEXFS_MEM_TAG_SHIFT | site->id;
	return head + 1;
}

static struct page *vexfs_mem_page(const void *ptr)
{
	return is_vmalloc_addr(ptr) ? vmalloc_to_page(ptr) : virt_to_page(ptr);
}

/* Pages, of the page allocator while they are few. */
static noinline_for_stack void *vexfs_mem_get_pages(size_t size, gfp_t gfp)
{
	unsigned int order = get_order(size);
	void *ptr = NULL;

	if (order <= VEXFS_MEM_ORDER)
		ptr = (void *)__get_free_pages(gfp | (order ? __GFP_NORETRY : 0), order);
	if (!ptr) {
		unsigned int nofs = memalloc_nofs_save();

		ptr = __vmalloc(size, (gfp & ~GFP_NOFS) | GFP_KERNEL);
		memalloc_nofs_restore(nofs);
	}
	return ptr;
}

static __always_inline
void *vexfs_mem_alloc_pages(struct vexfs_site *site, size_t size, gfp_t gfp)
{
	void *ptr = vexfs_mem_get_pages(size, gfp);
	unsigned long facts = size;

	if (!ptr) {
		vexfs_mem_fail(site);
		return NULL;
	}
	if (vexfs_mem_account(site, ptr, size))
		facts |= VEXFS_MEM_TRACKED;
	set_page_private(vexfs_mem_page(ptr),
			 VEXFS_MEM_PAGE_MAGIC << VEXFS_MEM_MAGIC_SHIFT |
			 (unsigned long)site->id << VEXFS_MEM_SITE_SHIFT | facts);
	return ptr;
}

void *vexfs_mem_alloc(struct vexfs_site *site, size_t size, bool zero)
{
	gfp_t gfp = GFP_NOFS | __GFP_NOWARN | (zero ? __GFP_ZERO : 0);

	if (size < VEXFS_MEM_SMALL)
		return vexfs_mem_alloc_small(site, size, gfp);
	if (size > VEXFS_MEM_SIZE_MASK) {
		vexfs_mem_fail(site);
		return NULL;
	}
	return vexfs_mem_alloc_pages(site, size, gfp);
}
EXPORT_SYMBOL_GPL(vexfs_mem_alloc);

void *vexfs_mem_alloc_cache(struct vexfs_site *site, size_t size, bool zero)
{
	return vexfs_mem_alloc_pages(site, size, GFP_NOFS | __GFP_NOWARN | __GFP_NORETRY |
				     __GFP_RECLAIMABLE | (zero ? __GFP_ZERO : 0));
}

/*
 * Neither the header nor the address is believed any further: the memory stays. @first is who
 * freed it before, 0 when that is not known.
 */
static noinline void vexfs_mem_bad_free(const void *ptr, unsigned int id, unsigned long first,
					unsigned long by)
{
	const struct vexfs_site *site = vexfs_mem_site(id);

	trace_vexfs_bad_free(id, ptr, first, by);
	if (site)
		pr_err("double free: %p, allocated by %s() at %s:%u, freed by %pS, again by %pS\n",
		       ptr, site->func, kbasename(site->file), site->line, (void *)first,
		       (void *)by);
	else if (first)
		pr_err("double free: %p, freed by %pS, again by %pS\n", ptr, (void *)first,
		       (void *)by);
	else
		pr_err("foreign free: %p, freed by %pS\n", ptr, (void *)by);
}

static void vexfs_mem_free_small(const void *ptr, unsigned long by)
{
	struct vexfs_mem_head *head = (struct vexfs_mem_head *)ptr - 1;
	/* It may be free: the memory checkers need not say so, this does. */
	unsigned long tag = READ_ONCE_NOCHECK(head->tag);
	unsigned long magic = tag >> VEXFS_MEM_TAG_SHIFT;
	u32 id = tag;
	struct vexfs_site *site = vexfs_mem_site(id);

	if (unlikely(magic != VEXFS_MEM_LIVE || !site)) {
		if (magic == VEXFS_MEM_FREED)
			vexfs_mem_bad_free(ptr, id, READ_ONCE_NOCHECK(head->facts), by);
		else
			vexfs_mem_bad_free(ptr, 0, 0, by);
		return;
	}
	vexfs_mem_unaccount(site, ptr, head->facts & VEXFS_MEM_SIZE_MASK,
			    head->facts & VEXFS_MEM_TRACKED);
	head->tag = VEXFS_MEM_FREED << VEXFS_MEM_TAG_SHIFT | id;
	head->facts = by;
	kfree(head);
}

/* Note who frees pages. */
static void vexfs_mem_go(const void *ptr, unsigned long by)
{
	unsigned int i = (unsigned int)atomic_inc_return(&vexfs_mem_gone_next) % VEXFS_MEM_GONE;
	struct vexfs_mem_gone *gone = &vexfs_mem_gone[i];

	WRITE_ONCE(gone->ptr, NULL);
	/* Whoever finds the new one finds the address gone, if it was the old one's. */
	smp_store_release(&gone->by, by);
	/* Pairs with vexfs_mem_gone_by(): who finds the address finds who freed it. */
	smp_store_release(&gone->ptr, ptr);
}

/* Who freed the pages last, 0 when they are not among those that went last. */
static unsigned long vexfs_mem_gone_by(const void *ptr)
{
	unsigned int last = atomic_read(&vexfs_mem_gone_next), i;

	for (i = 0; i < VEXFS_MEM_GONE; i++) {
		struct vexfs_mem_gone *gone = &vexfs_mem_gone[(last - i) % VEXFS_MEM_GONE];
		unsigned long by;

		/* Both pair with vexfs_mem_go(). */
		if (smp_load_acquire(&gone->ptr) != ptr)
			continue;
		/* See above. */
		by = smp_load_acquire(&gone->by);
		if (READ_ONCE(gone->ptr) == ptr)
			return by;
	}
	return 0;
}

static void vexfs_mem_free_pages(const void *ptr, unsigned long by)
{
	struct page *page = vexfs_mem_page(ptr);
	unsigned long facts = page ? page_private(page) : 0;
	size_t size = facts & VEXFS_MEM_SIZE_MASK;
	struct vexfs_site *site;

	site = vexfs_mem_site(facts >> VEXFS_MEM_SITE_SHIFT & VEXFS_MEM_SITE_MASK);
	if (unlikely(facts >> VEXFS_MEM_MAGIC_SHIFT != VEXFS_MEM_PAGE_MAGIC || !site)) {
		vexfs_mem_bad_free(ptr, 0, vexfs_mem_gone_by(ptr), by);
		return;
	}
	vexfs_mem_unaccount(site, ptr, size, facts & VEXFS_MEM_TRACKED);
	set_page_private(page, 0);
	vexfs_mem_go(ptr, by);
	if (is_vmalloc_addr(ptr))
		vfree(ptr);
	else
		free_pages((unsigned long)ptr, get_order(size));
}

void vexfs_mem_free(const void *ptr)
{
	if (!ptr)
		return;
	if (offset_in_page(ptr))
		vexfs_mem_free_small(ptr, _RET_IP_);
	else
		vexfs_mem_free_pages(ptr, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vexfs_mem_free);

/**
 * vexfs_mem_report_leaks() - name each site that still holds memory
 *
 * For module unload, when nothing should.
 */
void vexfs_mem_report_leaks(void)
{
	struct vexfs_site *site;

	llist_for_each_entry(site, READ_ONCE(vexfs_mem_list.first), node) {
		long live = atomic_long_read(&site->live);

		if (live)
			pr_err("%ld bytes in %ld objects leaked by %s() at %s:%u\n", live,
			       atomic_long_read(&site->allocs) - atomic_long_read(&site->frees),
			       site->func, kbasename(site->file), site->line);
	}
}
