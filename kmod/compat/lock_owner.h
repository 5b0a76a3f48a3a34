/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds a lock that sleeps: the kernel's mutex and rwsem have that in their first words, with
 * flags in the low bits; it offers no function that tells. In a realtime kernel both are something
 * else, and nobody is named.
 */
#ifndef VEXFS_COMPAT_LOCK_OWNER_H
#define VEXFS_COMPAT_LOCK_OWNER_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/types.h>

#define VEXFS_MUTEX_OWNER_FLAGS	7UL	/* waiters, handoff, pickup */
#define VEXFS_RWSEM_OWNER_FLAGS	3UL	/* held by readers, do not spin */
#define VEXFS_RWSEM_READERS	1UL

struct task_struct;

/* The task that holds @mutex, or NULL. */
static __always_inline struct task_struct *vexfs_mutex_owner(const struct mutex *mutex)
{
#ifdef CONFIG_PREEMPT_RT
	return NULL;
#else
	return (void *)(atomic_long_read(&mutex->owner) & ~VEXFS_MUTEX_OWNER_FLAGS);
#endif
}

/*
 * The task that holds @sem for writing, or the last one that took it for reading: that one may have
 * let go, and may be gone. @reader tells which. NULL for neither.
 */
static __always_inline struct task_struct *vexfs_rwsem_owner(const struct rw_semaphore *sem,
							     bool *reader)
{
#ifdef CONFIG_PREEMPT_RT
	*reader = false;
	return NULL;
#else
	unsigned long owner = atomic_long_read(&sem->owner);

	*reader = owner & VEXFS_RWSEM_READERS;
	return (void *)(owner & ~VEXFS_RWSEM_OWNER_FLAGS);
#endif
}

#endif /* VEXFS_COMPAT_LOCK_OWNER_H */
