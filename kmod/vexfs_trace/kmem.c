// SPDX-License-Identifier: GPL-2.0-only
/*
 * What calls of targets take from the kernel's allocators: counted at the tracepoints of the
 * kernel, as long as there are targets.
 *
 * A CPU counts for the task that runs, if that is in an operation or a call; the counts go with
 * the task (waits.c), and a call is what they rose by. What is freed later on its behalf, by RCU or
 * by another task, is not its own; nor is what an interrupt does meanwhile.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include "waits.h"

/* Preemption may be on: what the task is in, and what it has counted, moves with it. */
static __always_inline bool vxt_kmem_counts(void)
{
	return unlikely(this_cpu_read(vxt_running.op)) && in_task();
}

static notrace void vxt_kmem_got(size_t bytes)
{
	this_cpu_inc(vxt_running.memory.allocs);
	this_cpu_add(vxt_running.memory.bytes, bytes);
}

/* The probe of kmalloc: @ptr is NULL when there was no memory. */
static notrace void vxt_kmalloc(void *data, unsigned long call_site, const void *ptr, size_t bytes,
				size_t bytes_alloc, gfp_t gfp_flags, int node)
{
	if (vxt_kmem_counts() && !ZERO_OR_NULL_PTR(ptr))
		vxt_kmem_got(bytes);
}

/* The probe of kmem_cache_alloc. */
static notrace void vxt_cache_alloc(void *data, unsigned long call_site, const void *ptr,
				    struct kmem_cache *cache, gfp_t gfp_flags, int node)
{
	if (vxt_kmem_counts() && ptr)
		vxt_kmem_got(kmem_cache_size(cache));
}

/* The probe of kfree. */
static notrace void vxt_kfree(void *data, unsigned long call_site, const void *ptr)
{
	if (vxt_kmem_counts() && !ZERO_OR_NULL_PTR(ptr))
		this_cpu_inc(vxt_running.memory.frees);
}

/* The probe of kmem_cache_free. */
static notrace void vxt_cache_free(void *data, unsigned long call_site, const void *ptr,
				   const struct kmem_cache *cache)
{
	if (vxt_kmem_counts())
		this_cpu_inc(vxt_running.memory.frees);
}

/* The probe of mm_page_alloc. */
static notrace void vxt_page_alloc(void *data, struct page *page, unsigned int order,
				   gfp_t gfp_flags, int migratetype)
{
	if (vxt_kmem_counts() && page)
		this_cpu_add(vxt_running.memory.pages, 1ul << order);
}

/* The probe of mm_page_free. */
static notrace void vxt_page_free(void *data, struct page *page, unsigned int order)
{
	if (vxt_kmem_counts())
		this_cpu_add(vxt_running.memory.pages_freed, 1ul << order);
}

static struct vxt_point vxt_kmem_points[] = {
	{ .name = "kmalloc", .probe = vxt_kmalloc },
	{ .name = "kmem_cache_alloc", .probe = vxt_cache_alloc },
	{ .name = "kfree", .probe = vxt_kfree },
	{ .name = "kmem_cache_free", .probe = vxt_cache_free },
	{ .name = "mm_page_alloc", .probe = vxt_page_alloc },
	{ .name = "mm_page_free", .probe = vxt_page_free },
};

/* Before the first target. Return: 0, or what vxt_points_register() returns. */
int vxt_kmem_start(void)
{
	return vxt_points_register(vxt_kmem_points, ARRAY_SIZE(vxt_kmem_points));
}

/* After the last one. No probe runs any more when this returns. */
void vxt_kmem_stop(void)
{
	vxt_points_unregister(vxt_kmem_points, ARRAY_SIZE(vxt_kmem_points));
	tracepoint_synchronize_unregister();
}
