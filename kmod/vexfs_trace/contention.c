// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long operations wait for locks, and where.
 *
 * The kernel tells of each lock that is not to be had at once, contention_begin, and of its end,
 * contention_end; a mutex begins twice when it first spins and then sleeps. All between is the
 * wait, spinning, asleep or runnable. Other locks that are waited for meanwhile, such as the one
 * inside a mutex, are within it.
 *
 * The site of a wait is the first return address outside of the functions that lock, found by
 * unwinding the own stack. That is done while there is nothing to do but wait, and takes each CPU
 * at most one part in VXT_UNWIND_SHARE of its time, or once a millisecond: where locks are
 * contended more often than that, the waits in between have no site. The functions that lock are
 * known by their names, which are looked up once for each address.
 */
#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <compat/unwind.h>
#include <trace/events/lock.h>
#include "waits.h"

#define VXT_UNWIND_SHARE	16
#define VXT_SITE_FRAMES		16	/* in which the site has to be found */
#define VXT_NAMES_SHIFT		8
#define VXT_NAMES		BIT(VXT_NAMES_SHIFT)

/* Functions that lock begin so. */
static const char * const vxt_lockers[] = {
	"mutex_", "__mutex_", "ww_mutex_", "__ww_mutex_", "rt_mutex_", "__rt_mutex_", "rt_spin_",
	"down_", "__down", "rwsem_", "percpu_", "__percpu_", "_raw_", "__raw_", "do_raw_",
	"queued_", "native_queued_", "__pv_queued_", "osq_", "__traceiter_", "trace_contention_",
};

/*
 * Addresses whose names were looked up, shifted left by one: the highest bit of all of them is set.
 * The lowest bit tells a function that locks. Who comes last at a place takes it.
 */
static unsigned long vxt_names[VXT_NAMES];

static DEFINE_PER_CPU(u64, vxt_unwind_next);
static u64 vxt_unwind_most;	/* a millisecond, in clock units */
static DEFINE_PER_CPU(char [KSYM_SYMBOL_LEN], vxt_name_room);

static notrace bool vxt_name_is_locker(unsigned long ip)
{
	char *name = *this_cpu_ptr(&vxt_name_room);
	unsigned int i;

	sprint_symbol_no_offset(name, ip);
	for (i = 0; i < ARRAY_SIZE(vxt_lockers); i++)
		if (strstarts(name, vxt_lockers[i]))
			return true;
	return false;
}

static notrace bool vxt_is_locker(unsigned long ip)
{
	unsigned long *place = &vxt_names[hash_long(ip, VXT_NAMES_SHIFT)];
	unsigned long known = READ_ONCE(*place);

	if (known >> 1 != (ip << 1) >> 1) {
		/* Of the call, not of what comes after it. */
		known = ip << 1 | vxt_name_is_locker(ip - 1);
		WRITE_ONCE(*place, known);
	}
	return known & 1;
}

/* Who asked for the lock; 0 when it is not found, or not the time to look. */
static notrace unsigned long vxt_site(u64 begin)
{
	struct unwind_state state;
	unsigned long ip, site = 0;
	unsigned int i = 0;
	u64 end;

	if (begin < this_cpu_read(vxt_unwind_next))
		return 0;
	for (unwind_start(&state, current, NULL, NULL); !unwind_done(&state) && !site;
	     unwind_next_frame(&state)) {
		ip = unwind_get_return_address(&state);
		if (!ip || i++ == VXT_SITE_FRAMES)
			break;
		if (!within_module(ip, THIS_MODULE) && !vxt_is_locker(ip))
			site = ip;
	}
	end = vxt_clock();
	this_cpu_write(vxt_unwind_next,
		       end + min(VXT_UNWIND_SHARE * (end - begin), READ_ONCE(vxt_unwind_most)));
	return site;
}

static notrace enum vxt_lock_kind vxt_lock_kind(unsigned int flags)
{
	bool read = flags & LCB_F_READ;

	if (flags & LCB_F_MUTEX)
		return VXT_LOCK_MUTEX;
	if (flags & LCB_F_RT)
		return VXT_LOCK_RTMUTEX;
	if (flags & LCB_F_PERCPU)
		return read ? VXT_LOCK_PERCPU_READ : VXT_LOCK_PERCPU_WRITE;
	if (!(flags & (LCB_F_READ | LCB_F_WRITE)))
		return flags & LCB_F_SPIN ? VXT_LOCK_SPIN : VXT_LOCK_OTHER;
	if (flags & LCB_F_SPIN)
		return read ? VXT_LOCK_RWLOCK_READ : VXT_LOCK_RWLOCK_WRITE;
	return read ? VXT_LOCK_RWSEM_READ : VXT_LOCK_RWSEM_WRITE;
}

/* The running task waits for a lock in @op from now on, or goes on to wait for it. */
static notrace void vxt_lock_wait(struct vexfs_op *op, void *lock, unsigned int flags)
{
	struct vxt_wait *wait = this_cpu_read(vxt_running.wait);

	if (!wait)
		wait = vxt_wait_claim();
	if (!wait) {
		/* It would count as something else. */
		vxt_wait_lose();
		return;
	}
	/* Between the probe of sched_switch and the switch the operation is the next task's. */
	if (wait->task != current || (wait->lock && wait->lock != lock))
		return;
	if (!wait->lock) {
		wait->lock = lock;
		wait->lock_since = vxt_clock();
		wait->kind = vxt_lock_kind(flags);
		wait->op_class = op->op_class;
		wait->site = 0;
	}
	if (!wait->site)
		wait->site = vxt_site(vxt_clock());
	vxt_holder_seek(wait);
}

/*
 * The probe of contention_begin. It may run wherever a lock may be taken, with interrupts off and
 * with any lock held, but those of ours.
 */
static notrace void vxt_contention_begins(void *data, void *lock, unsigned int flags)
{
	struct vexfs_op *op;

	if (likely(!this_cpu_read(vxt_running.op)) || !in_task())
		return;
	preempt_disable_notrace();
	op = this_cpu_read(vxt_running.op);
	if (op && !__this_cpu_read(vxt_locking)) {
		__this_cpu_inc(vxt_locking);
		vxt_lock_wait(op, lock, flags);
		__this_cpu_dec(vxt_locking);
	}
	preempt_enable_notrace();
}

static notrace void vxt_lock_waited(struct vxt_wait *wait)
{
	u64 took = vxt_clock() - wait->lock_since;
	bool found = vxt_holder_found(wait);
	struct vexfs_op *op = this_cpu_read(vxt_running.op);

	wait->total[VXT_LOCK] += took;
	/* Neither the clock has changed, nor a target gone that was waiting. */
	if (wait->cookie == READ_ONCE(vxt_load_cookie) && op && vxt_is_live(op))
		vxt_locks_add(wait, took, found ? wait->holder : NULL);
	vxt_contention_drop(wait);
}

/* The probe of contention_end. The lock may be held now, or the wait was given up. */
static notrace void vxt_contention_ends(void *data, void *lock, int ret)
{
	struct vxt_wait *wait;

	if (likely(!this_cpu_read(vxt_running.wait)) || !in_task())
		return;
	preempt_disable_notrace();
	wait = this_cpu_read(vxt_running.wait);
	if (wait && wait->task == current && wait->lock == lock &&
	    !__this_cpu_read(vxt_locking)) {
		__this_cpu_inc(vxt_locking);
		vxt_lock_waited(wait);
		__this_cpu_dec(vxt_locking);
	}
	preempt_enable_notrace();
}

/* The running task waits for no lock any more, whatever it did. */
notrace void vxt_contention_drop(struct vxt_wait *wait)
{
	vxt_holder_drop(wait);
	wait->lock = NULL;
}

static struct vxt_point vxt_contention_begin = {
	.name = "contention_begin", .probe = vxt_contention_begins,
};

static struct vxt_point vxt_contention_end = {
	.name = "contention_end", .probe = vxt_contention_ends,
};

/* The clock may have changed. */
void vxt_contention_reset(void)
{
	int cpu;

	WRITE_ONCE(vxt_unwind_most, vxt_clock_from_ns(NSEC_PER_MSEC));
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu(vxt_unwind_next, cpu), 0);
}

/* An end without a beginning does no harm; a beginning without an end would. */
int vxt_contention_init(void)
{
	int err;

	vxt_contention_reset();
	err = vxt_points_register(&vxt_contention_end, 1);
	if (err)
		return err;
	err = vxt_points_register(&vxt_contention_begin, 1);
	if (err)
		vxt_points_unregister(&vxt_contention_end, 1);
	return err;
}

/* No wait begins any more once the caller has synchronised. */
void vxt_contention_stop(void)
{
	vxt_points_unregister(&vxt_contention_begin, 1);
}

/*
 * Questions that are on their way are answered while their waiters can still take them back. The
 * caller synchronises afterwards.
 */
void vxt_contention_exit(void)
{
	vxt_holder_drain();
	vxt_points_unregister(&vxt_contention_end, 1);
}
