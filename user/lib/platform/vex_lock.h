/* SPDX-License-Identifier: GPL-2.0-only */
/* Locks of the core on top of POSIX threads; a misuse ends the program. */
#ifndef VEX_LOCK_H
#define VEX_LOCK_H

#include <pthread.h>
#include <sched.h>

typedef pthread_mutex_t vex_mutex_t;
typedef pthread_mutex_t vex_spin_t;

/**
 * struct vex_rwsem - a lock of many readers or one writer; writers go first
 * @lock: the lock
 * @writer: the thread that holds it for writing, while @written
 * @written: a writer holds it
 */
typedef struct vex_rwsem {
	pthread_rwlock_t lock;
	pthread_t writer;
	bool written;
} vex_rwsem_t;

void vex_rwsem_init(vex_rwsem_t *l);
void vex_rwsem_destroy(vex_rwsem_t *l);
void vex_read_lock(vex_rwsem_t *l);
void vex_read_unlock(vex_rwsem_t *l);
void vex_write_lock(vex_rwsem_t *l);
void vex_write_unlock(vex_rwsem_t *l);
bool vex_write_trylock(vex_rwsem_t *l);
void vex_assert_write_locked(vex_rwsem_t *l);
void vex_assert_locked(vex_rwsem_t *l);

void vex_mutex_init(vex_mutex_t *l);
void vex_mutex_destroy(vex_mutex_t *l);
void vex_mutex_lock(vex_mutex_t *l);
void vex_mutex_unlock(vex_mutex_t *l);

#define vex_spin_init(l)	vex_mutex_init(l)
#define vex_spin_lock(l)	vex_mutex_lock(l)
#define vex_spin_unlock(l)	vex_mutex_unlock(l)

#define vex_resched()		vex_may_sleep()
#define vex_interrupted()	false

#endif /* VEX_LOCK_H */
