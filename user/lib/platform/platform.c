// SPDX-License-Identifier: GPL-2.0-only
/* The parts of the userspace platform that are more than a macro. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "vex_platform.h"

__thread bool vex_fpu_section;

static struct vex_mem_count mem;
static u64 mem_fail_from, mem_fail_to;

void vex_rule(bool ok, const char *rule)
{
	if (likely(ok))
		return;
	fprintf(stderr, "vexfs core broke a rule of its host: %s\n", rule);
	abort();
}

/* ---- memory --------------------------------------------------------------- */

void *vex_mem_alloc(size_t size, bool zero)
{
	u64 call = __atomic_add_fetch(&mem.calls, 1, __ATOMIC_RELAXED);
	void *p = NULL;

	vex_may_sleep();
	if ((call >= mem_fail_from && call < mem_fail_to) ||
	    posix_memalign(&p, size >= 4096 ? 4096 : 16, size ? size : 1)) {
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

/* ---- locks ---------------------------------------------------------------- */

void vex_rwsem_init(vex_rwsem_t *l)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	/* As the kernel's: a reader that comes after a waiting writer waits too. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	vex_rule(!pthread_rwlock_init(&l->lock, &attr), "a lock can be made");
	pthread_rwlockattr_destroy(&attr);
	l->written = false;
}

void vex_rwsem_destroy(vex_rwsem_t *l)
{
	vex_rule(!pthread_rwlock_destroy(&l->lock), "a lock is destroyed when nobody holds it");
}

void vex_read_lock(vex_rwsem_t *l)
{
	vex_may_sleep();
	vex_rule(!pthread_rwlock_rdlock(&l->lock), "a thread locks once (read)");
}

void vex_read_unlock(vex_rwsem_t *l)
{
	vex_rule(!l->written, "a read lock is unlocked as one");
	vex_rule(!pthread_rwlock_unlock(&l->lock), "a held lock is unlocked (read)");
}

void vex_write_lock(vex_rwsem_t *l)
{
	vex_may_sleep();
	vex_rule(!pthread_rwlock_wrlock(&l->lock), "a thread locks once (write)");
	l->writer = pthread_self();
	l->written = true;
}

void vex_write_unlock(vex_rwsem_t *l)
{
	vex_assert_write_locked(l);
	l->written = false;
	vex_rule(!pthread_rwlock_unlock(&l->lock), "a held lock is unlocked (write)");
}

void vex_assert_write_locked(vex_rwsem_t *l)
{
	vex_rule(l->written && pthread_equal(l->writer, pthread_self()),
		 "the write lock is held by this thread");
}

void vex_assert_locked(vex_rwsem_t *l)
{
	vex_rule(pthread_rwlock_trywrlock(&l->lock) != 0, "the lock is held");
}

void vex_mutex_init(vex_mutex_t *l)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	vex_rule(!pthread_mutex_init(l, &attr), "a mutex can be made");
	pthread_mutexattr_destroy(&attr);
}

void vex_mutex_destroy(vex_mutex_t *l)
{
	vex_rule(!pthread_mutex_destroy(l), "a mutex is destroyed when nobody holds it");
}

void vex_mutex_lock(vex_mutex_t *l)
{
	vex_may_sleep();
	vex_rule(!pthread_mutex_lock(l), "a thread locks a mutex once");
}

void vex_mutex_unlock(vex_mutex_t *l)
{
	vex_rule(!pthread_mutex_unlock(l), "a mutex is unlocked by its owner");
}

/* ---- library -------------------------------------------------------------- */

static void swap_bytes(void *a, void *b, int size)
{
	for (u8 *x = a, *y = b; size--; x++, y++)
		swap(*x, *y);
}

static void sift_down(u8 *base, size_t root, size_t num, size_t size, cmp_func_t cmp,
		      swap_func_t swp)
{
	size_t child;

	while ((child = 2 * root + 1) < num) {
		if (child + 1 < num &&
		    cmp(base + child * size, base + (child + 1) * size) < 0)
			child++;
		if (cmp(base + root * size, base + child * size) >= 0)
			return;
		swp(base + root * size, base + child * size, size);
		root = child;
	}
}

void sort(void *base, size_t num, size_t size, cmp_func_t cmp, swap_func_t swp)
{
	swp = swp ? swp : swap_bytes;
	for (size_t i = num / 2; i-- > 0;)
		sift_down(base, i, num, size, cmp, swp);
	for (size_t end = num; end-- > 1;) {
		swp(base, (u8 *)base + end * size, size);
		sift_down(base, 0, end, size, cmp, swp);
	}
}

void *memchr_inv(const void *start, int c, size_t len)
{
	for (const u8 *p = start; len--; p++)
		if (*p != (u8)c)
			return (void *)p;
	return NULL;
}
