// SPDX-License-Identifier: GPL-2.0-only
/* Locks of the core in userspace. What the kernel would only deadlock on ends the program. */
#include <vex_platform.h>

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

bool vex_write_trylock(vex_rwsem_t *l)
{
	if (pthread_rwlock_trywrlock(&l->lock))
		return false;
	l->writer = pthread_self();
	l->written = true;
	return true;
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
