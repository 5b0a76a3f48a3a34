/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All of the kernel that the core may see. user/lib/platform/vex_platform.h
 * offers the same few names to the userspace build.
 */
#ifndef VEX_PLATFORM_H
#define VEX_PLATFORM_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/fs_types.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/stat.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#include <compat/unaligned.h>

#include "vexfs_count.h"
#include "vexfs_mem.h"
#include "vex_cpu.h"

/* Locks of the core. */
typedef struct rw_semaphore vex_rwsem_t;
typedef struct mutex vex_mutex_t;
typedef spinlock_t vex_spin_t;

#define vex_rwsem_init(l)	init_rwsem(l)
#define vex_rwsem_destroy(l)	do { } while (0)
#define vex_read_lock(l)	down_read(l)
#define vex_read_unlock(l)	up_read(l)
#define vex_write_lock(l)	down_write(l)
#define vex_write_unlock(l)	up_write(l)
#define vex_write_trylock(l)	down_write_trylock(l)
#define vex_assert_write_locked(l) lockdep_assert_held_write(l)
#define vex_assert_locked(l)	lockdep_assert_held(l)
#define vex_mutex_init(l)	mutex_init(l)
#define vex_mutex_destroy(l)	mutex_destroy(l)
#define vex_mutex_lock(l)	mutex_lock(l)
#define vex_mutex_unlock(l)	mutex_unlock(l)
#define vex_spin_init(l)	spin_lock_init(l)
#define vex_spin_lock(l)	spin_lock(l)
#define vex_spin_unlock(l)	spin_unlock(l)

/* A place where a long loop lets others run; not inside an FPU section. */
#define vex_resched()		cond_resched()
/* True when the calling task was killed and a long operation should end. */
#define vex_interrupted()	fatal_signal_pending(current)

/* A transaction ended: err is 0 when it is durable. Any lock may be held. */
void vex_trace_commit(u64 generation, u32 nodes, u64 data_blocks, int err);

/*
 * The cache. @kind is enum vex_cache_kind; a node is named by its block, a segment by its inode
 * and index. Any lock may be held. vex_trace_cache_hit() is in vexfs_count.h.
 */
void vex_trace_cache_miss(u32 kind, u64 place, u64 index);
void vex_trace_cache_evict(u32 kind, u64 place, u64 index, bool hot);
void vex_trace_cache_prefetch(u64 ino, u64 index);
void vex_trace_cache_shrink(u64 asked, u64 freed, u64 left);

#endif /* VEX_PLATFORM_H */
