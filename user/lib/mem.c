// SPDX-License-Identifier: GPL-2.0-only
/* Counted memory for the core in userspace, which fails when a test asks for it. */
#include <malloc.h>
#include <stdlib.h>

#include <vex_platform.h>

static struct vex_mem_count mem;
static u64 mem_fail_from, mem_fail_to;

void *vex_mem_alloc(size_t size, bool zero)
{
	u64 call = __atomic_add_fetch(&mem.calls, 1, __ATOMIC_RELAXED);
	void *p = NULL;

	vex_may_sleep();
	if ((call >= mem_fail_from && call < mem_fail_to) ||
	    posix_memalign(&p, size >= 4096 ? 4096 : size >= 64 ? 64 : 16, size ? size : 1)) {
		__atomic_add_fetch(&mem.failed, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	if (zero)
		memset(p, 0, size);
	__atomic_add_fetch(&mem.live, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&mem.bytes, malloc_usable_size(p), __ATOMIC_RELAXED);
	return p;
}

void vex_free(const void *ptr)
{
	if (!ptr)
		return;
	__atomic_sub_fetch(&mem.live, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&mem.bytes, malloc_usable_size((void *)ptr), __ATOMIC_RELAXED);
	free((void *)ptr);
}

void vex_mem_count(struct vex_mem_count *out)
{
	out->calls = __atomic_load_n(&mem.calls, __ATOMIC_RELAXED);
	out->failed = __atomic_load_n(&mem.failed, __ATOMIC_RELAXED);
	out->live = __atomic_load_n(&mem.live, __ATOMIC_RELAXED);
	out->bytes = __atomic_load_n(&mem.bytes, __ATOMIC_RELAXED);
}

void vex_mem_fail(u64 nth, u64 more)
{
	mem_fail_from = nth ? mem.calls + nth : 0;
	mem_fail_to = nth ? mem_fail_from + 1 + min(more, U64_MAX - mem_fail_from - 1) : 0;
}
