/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside vexfs_trace.ko: what its parts share.
 *
 * Counters have two homes. What changes with every operation lies in memory of
 * the CPU that ran it and is written by that CPU alone, preemption being off: no
 * atomics. What changes only with a measured stack lies in one place for
 * each class, under a spinlock. vxt_lock orders readers and resets.
 *
 * Calls of targets are counted in handlers of kretprobes. The kernel runs no handler on a CPU
 * that is in one: a call out of an interrupt is missed then, and so a handler, too, has its CPU's
 * counters for itself.
 */
#ifndef VXT_H
#define VXT_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <asm/ptrace.h>
#include <asm/tsc.h>
#include <trace/vexfs_op.h>
#include <vexfs_count.h>

#define VXT_TARGETS		8	/* functions of others that are measured at once */
#define VXT_CLASSES		(VEXFS_OP_NR + VXT_TARGETS)
#define VXT_FUNCTIONS		1024	/* of one target that stands for a module */
#define VXT_NAME_LEN		64	/* of a target, with the 0 byte */
#define VXT_NEST		4	/* calls of targets in which a task is measured at once */
#define VXT_SHARE_SCALE		10000	/* the paint share is in parts of this */
#define VXT_SHARE_DEFAULT	10
#define VXT_BURST		16	/* first samples of a class, painted on credit */
#define VXT_BURST_CALLS	64	/* the same of a target, which somebody looks at now */
#define VXT_CALL_SHARE		10	/* and by how much more of its time it may be painted */
#define VXT_PAUSE		15	/* operations between two later ones, if all take as long */
#define VXT_FRAMES		128	/* of a chain of calls; deeper ones are cut off */
#define VXT_TRIES		64u	/* operations that are watched for a depth in vain */
#define VXT_CACHE_KINDS		2	/* enum vex_cache_kind: nodes, segments */
#define VXT_ERRNOS		134	/* errnos that are counted by themselves; 0: all others */

/*
 * Latency histogram: one bucket a unit below 2^7, then 64 buckets an octave up to
 * 2^40 (6 minutes at 3 GHz): the middle of a bucket is within 0.8 % of its values.
 */
#define VXT_SUB_SHIFT		6
#define VXT_SUB			BIT(VXT_SUB_SHIFT)
#define VXT_OCTAVE_LAST		39
#define VXT_UNITS_MOST		((2ULL << VXT_OCTAVE_LAST) - 1)
#define VXT_BUCKETS		(2 * VXT_SUB + (VXT_OCTAVE_LAST - VXT_SUB_SHIFT) * VXT_SUB)

/* Stack histogram: one bucket a word, so that percentiles are exact. */
#define VXT_WORD		sizeof(unsigned long)
#define VXT_DEPTHS		(THREAD_SIZE / VXT_WORD + 1)

/**
 * struct vxt_state - what op->trace holds of a running operation
 * @cookie: marks the state as written by this load of the module, see vxt_cookie()
 * @start: clock at entry; of a call of a target, if that is painted
 * @window: of a painted one, as @floor, @low and @outer: lowest painted address; VXT_WINDOW_* in
 *	its low bits
 * @floor: depth at which the painted range begins; what lies above was in use when painting, by
 *	the probe of a target that was called within, or by telling of something
 * @low: greatest depth that is known to be dirty from before a nested
 *	operation painted over it, or from a nested operation; 0 for none
 * @interrupts: of the CPU before it was painted, and which CPU that was
 * @outer: the painted operation of this task in which this one is nested, or NULL
 * @enclosing: the operation of this task in which this one is nested, painted or not, or NULL
 *
 * Depths are bytes below the operation's entry_sp.
 */
struct vxt_state {
	u64 cookie;
	u64 start;
	unsigned long window;
	u16 floor;
	u16 low;
	u32 interrupts;
	struct vexfs_op *outer;
	struct vexfs_op *enclosing;
};

#define VXT_WINDOW_WHOLE	1UL	/* reaches down to the end of the stack */
#define VXT_WINDOW_CLIPPED	2UL	/* a nested operation came too close to its edge */
#define VXT_WINDOW_WATCHED	4UL	/* this CPU's watchpoint stands in the stack, see watch.c */
#define VXT_WINDOW_TOLD		8UL	/* something was told of within, which went deep itself */
#define VXT_WINDOW_FLAGS	(VXT_WINDOW_WHOLE | VXT_WINDOW_CLIPPED | VXT_WINDOW_WATCHED | \
				 VXT_WINDOW_TOLD)

/* What becomes of the time of operations that is not spent on the CPU: see waits.c. */
enum vxt_part {
	VXT_LOCK,	/* waiting for a lock */
	VXT_IO,		/* asleep for a device */
	VXT_SLEEP,	/* asleep otherwise */
	VXT_READY,	/* runnable */
	VXT_PARTS
};

/*
 * What a task takes from the kernel's allocators and gives back: objects of slabs, with the bytes
 * that were asked for, and pages, among them those that slabs are made of.
 */
struct vxt_memory {
	u64 allocs;
	u64 bytes;
	u64 frees;
	u64 pages;
	u64 pages_freed;
};

/**
 * struct vxt_cpu_class - one operation class on one CPU; its owner alone writes
 * @epoch: vxt_epoch for which the rest is valid; 0 while it is being cleared
 * @least: operations of at least this and at most @most clock units are ordinary: they have a
 *	bucket of their own, are neither the shortest nor the longest, and not slow
 * @most: likewise; 0 has the next operation look at all of it again, and is written from elsewhere,
 *	too: see vxt_range_restart()
 * @sum: of all durations, in clock units
 * @next: paint again when @sum has come this far; a reset writes it from elsewhere
 * @paint: clock units spent on painting and scanning
 * @owed: of them, those of the first samples, which @next does not hold yet
 * @unpainted: operations that were not painted
 * @errors: operations that failed
 * @max: longest duration
 * @min: shortest duration, U64_MAX when there was none yet
 * @bytes: that operations moved
 * @part: of @sum, in clock units
 * @lost: of @sum, of operations whose waits are not known
 * @lost_ops: how many these are
 * @memory: of calls of a target, but the lost ones
 * @hits: nodes and segments that were in the cache, but of lost operations
 * @misses: likewise, that were not; of lost operations, too
 * @errno: failed operations by errno; those beyond VXT_ERRNOS at 0
 * @hist: operations by duration
 */
struct vxt_cpu_class {
	u32 epoch;
	u64 least;
	u64 most;
	u64 sum;
	u64 next;
	u64 paint;
	u64 owed;
	u64 unpainted;
	u64 errors;
	u64 max;
	u64 min;
	u64 bytes;
	u64 part[VXT_PARTS];
	u64 lost;
	u64 lost_ops;
	struct vxt_memory memory;
	u64 hits[VXT_CACHE_KINDS];
	u64 misses[VXT_CACHE_KINDS];
	u32 errno[VXT_ERRNOS];
	u64 hist[VXT_BUCKETS];
} ____cacheline_aligned;

/* Those of one CPU, found by one instruction. */
struct vxt_cpu_classes {
	struct vxt_cpu_class *of[VXT_CLASSES];
};

/* One line of each report; the faces (debugfs, netlink) print the same. */
struct vxt_latency_row {
	u64 count;
	u64 errors;
	u64 min;
	u64 mean;
	u64 p50;
	u64 p90;
	u64 p99;
	u64 p999;
	u64 max;
};

struct vxt_ops_row {
	u64 count;
	u64 errors;
	u64 bytes;
	u64 total;
	u64 cpu;
	u64 part[VXT_PARTS];
	u64 lost;
	u64 lost_ops;
	struct vxt_memory memory;
	u64 hits[VXT_CACHE_KINDS];
	u64 misses[VXT_CACHE_KINDS];
	u64 errno[VXT_ERRNOS];
};

struct vxt_status {
	u32 sites;
	u32 sites_dropped;
	u32 share;
	u32 resets;
	u64 calls;
	u64 painted;
	u64 unpainted;
	u64 clipped;
	u64 table_full;
	u64 paint_ns;
	u64 operations_ns;
	u64 memory;
	u64 reset_time;
	u64 since_reset;
	u32 watches;
	u64 alerts;
	u64 alerts_dropped;
	u64 trails_lost;
	u64 bad_frees_lost;
	const char *clock;
};

/* main.c */
extern struct mutex vxt_lock;		/* readers of rows and resets; outermost */
extern u32 vxt_epoch;			/* changes with each reset; never 0 */
extern u64 vxt_load_cookie;
extern u64 vxt_price;			/* its inverse, in 1/2^VXT_PRICE_SHIFT; 0: paint all */
DECLARE_PER_CPU(struct vxt_cpu_classes, vxt_cpu_classes);
DECLARE_STATIC_KEY_FALSE(vxt_clock_is_tsc);

#define VXT_PRICE_SHIFT		8

void vxt_reset(void);
void vxt_share_set(void);
void vxt_status_read(struct vxt_status *status);
u64 vxt_clock_to_ns(u64 units);
u64 vxt_clock_from_ns(u64 ns);
void vxt_range_restart(void);
void vxt_next_now(unsigned int op_class);
void vxt_cpu_class_renew(struct vxt_cpu_class *pc);
void vxt_class_restart(unsigned int op_class);
const char *vxt_class_name(unsigned int op_class);

/* Timestamp of durations: cycles unless the kernel distrusts the TSC, else nanoseconds. */
static __always_inline u64 vxt_clock(void)
{
	if (static_branch_likely(&vxt_clock_is_tsc))
		return rdtsc();
	return ktime_get_mono_fast_ns();
}

static __always_inline struct vxt_state *vxt_state(struct vexfs_op *op)
{
	BUILD_BUG_ON(sizeof(struct vxt_state) > sizeof(op->trace));
	return (struct vxt_state *)op->trace;
}

/* Differs with each load, so that what an earlier load left never matches. */
static __always_inline u64 vxt_cookie(void)
{
	return READ_ONCE(vxt_load_cookie);
}

/*
 * The same of an operation that was painted; it has one of the two. It differs with each frame,
 * since it is looked for where a frame may have been.
 */
static __always_inline u64 vxt_cookie_painted(const struct vexfs_op *op)
{
	return vxt_cookie() ^ (unsigned long)op ^ 1;
}

/* Is it under way? A call whose target is gone is not; what runs or is away within it is asked. */
static __always_inline bool vxt_is_live(struct vexfs_op *op)
{
	return READ_ONCE(vxt_state(op)->cookie);
}

/* This CPU's counters of a class, which a reset since may have made void. Preemption is off. */
static __always_inline struct vxt_cpu_class *vxt_cpu_class_here(unsigned int op_class)
{
	return __this_cpu_read(vxt_cpu_classes.of[op_class]);
}

/* The same, cleared when a reset came since. */
static __always_inline struct vxt_cpu_class *vxt_cpu_class(unsigned int op_class)
{
	struct vxt_cpu_class *pc = vxt_cpu_class_here(op_class);

	if (unlikely(pc->epoch != READ_ONCE(vxt_epoch)))
		vxt_cpu_class_renew(pc);
	return pc;
}

/*
 * A target may be a function that is called with one of our locks held, that which takes the lock
 * among them. Its handlers must not want a lock then: whoever takes one says so before, with
 * preemption off.
 */
DECLARE_PER_CPU(unsigned int, vxt_locking);

static __always_inline unsigned long vxt_spin_lock(raw_spinlock_t *lock)
	__acquires(lock)
{
	unsigned long flags;

	preempt_disable_notrace();
	__this_cpu_inc(vxt_locking);
	raw_spin_lock_irqsave(lock, flags);
	return flags;
}

static __always_inline void vxt_spin_unlock(raw_spinlock_t *lock, unsigned long flags)
	__releases(lock)
{
	raw_spin_unlock_irqrestore(lock, flags);
	__this_cpu_dec(vxt_locking);
	preempt_enable_notrace();
}

/* The counters of another CPU, or NULL when it has none since the last reset. */
static inline const struct vxt_cpu_class *vxt_cpu_class_of(int cpu, unsigned int op_class)
{
	const struct vxt_cpu_class *pc = per_cpu(vxt_cpu_classes, cpu).of[op_class];

	/* Pairs with vxt_cpu_class_renew(): with the epoch the cleared counters are seen. */
	return smp_load_acquire(&pc->epoch) == vxt_epoch ? pc : NULL;
}

/* config.c: what can be set. */
enum vxt_setting_id {
	VXT_SET_PAINT_SHARE,	/* in 1/VXT_SHARE_SCALE; 0: paint nothing */
	VXT_SET_ALERT_STACK,
	VXT_SET_ALERT_CALLS,
	VXT_SET_ALERT_FRAME,
	VXT_SET_ALERT_SLOW,
	VXT_SET_ALERT_GROWTH,
	VXT_SET_ALERT_RATE,
	VXT_SET_ALLOC_SAMPLE,	/* one allocation in so many is followed; 0: none */
	VXT_SET_WINDOW,		/* seconds */
	VXT_SET_CHAIN_FTRACE,	/* in 1/1000 of the time; 0: never */
	VXT_SET_NR
};

struct vxt_setting {
	const char *name;
	u32 most;
	const char *unit;
};

extern u32 vxt_settings[VXT_SET_NR];
extern const struct vxt_setting vxt_setting_table[VXT_SET_NR];
extern u64 vxt_slow;

int vxt_setting_set(const char *name, u32 value);
void vxt_slow_set(void);

/* alert.c: what somebody should hear of at once. */
enum vxt_alert_kind {
	VXT_ALERT_STACK,
	VXT_ALERT_CALLS,
	VXT_ALERT_FRAME,
	VXT_ALERT_SLOW,
	VXT_ALERT_GROWTH,
	VXT_ALERT_LEAK,
	VXT_ALERT_DOUBLE_FREE,
	VXT_ALERT_FOREIGN_FREE,
	VXT_ALERT_NR
};

/*
 * See enum vexfs_trace_a_alert. @value and @limit of a slow operation are in clock units. Of what
 * is about memory, @op_class is VXT_CLASSES.
 */
struct vxt_alert {
	enum vxt_alert_kind kind;
	u32 op_class;
	u32 site;
	u64 seq;
	u64 value;
	u64 limit;
	u64 dropped;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

extern const char * const vxt_alert_names[VXT_ALERT_NR];

void vxt_alert_post(enum vxt_alert_kind kind, unsigned int op_class, u64 seq, u64 value,
		    u64 limit);
void vxt_alert_post_site(enum vxt_alert_kind kind, u32 site, u64 value, u64 limit);
void vxt_alert_counts(u64 *posted, u64 *dropped);
void vxt_alert_exit(void);

/* Tell of an operation or call that took long. Preemption is off. */
static __always_inline void vxt_alert_slow(unsigned int op_class, u64 seq, u64 units)
{
	if (unlikely(units > READ_ONCE(vxt_slow)))
		vxt_alert_post(VXT_ALERT_SLOW, op_class, seq, units, READ_ONCE(vxt_slow));
}

/* hook.c */
void vxt_op_enter(struct vexfs_op *op);
void vxt_op_exit(struct vexfs_op *op);
void vxt_op_exit_told(struct vexfs_op *op);

/* ops.c */
int vxt_ops_start(void);
void vxt_ops_stop(void);
void vxt_ops_error(struct vxt_cpu_class *pc, int err);
void vxt_ops_read(unsigned int op_class, struct vxt_ops_row *row);

/* latency.c */
void vxt_latency_read(unsigned int op_class, struct vxt_latency_row *row);

/* The bucket of a duration from VXT_SUB to VXT_UNITS_MOST. */
static __always_inline unsigned long vxt_latency_bucket_ordinary(u64 units)
{
	unsigned long shift = __fls(units) - VXT_SUB_SHIFT;

	return shift * VXT_SUB + (units >> shift);
}

/* The bucket of any duration. */
static __always_inline unsigned long vxt_latency_bucket(u64 units)
{
	return units < VXT_SUB ? units : vxt_latency_bucket_ordinary(min(units, VXT_UNITS_MOST));
}

/* Add to a counter of this CPU, in one instruction: no interrupt comes between. */
static __always_inline void vxt_add(u64 *counter, u64 n)
{
	asm("addq %1, %0" : "+m" (*counter) : "er" (n) : "cc");
}

/* Count an operation or call. Preemption is off. */
static __always_inline void vxt_latency_add(struct vxt_cpu_class *pc, u64 units)
{
	vxt_add(&pc->hist[vxt_latency_bucket(units)], 1);
	vxt_add(&pc->sum, units);
	if (units > pc->max)
		WRITE_ONCE(pc->max, units);
	if (units < pc->min)
		WRITE_ONCE(pc->min, units);
}

/* targets.c: functions of others. */
struct netlink_ext_ack;

/* One line of the report. */
struct vxt_target_row {
	const char *name;
	u32 functions;
	u64 missed;
	struct vxt_memory memory;
};

int vxt_target_add(const char *name, const char *function, u32 *op_class,
		   struct netlink_ext_ack *extack);
int vxt_target_remove(const char *name, struct netlink_ext_ack *extack);
void vxt_targets_remove(void);
bool vxt_targets_any(void);
u64 vxt_targets_memory(void);
const char *vxt_target_name(unsigned int nr);
bool vxt_target_read(unsigned int op_class, struct vxt_target_row *row);

/* debugfs.c, netlink.c */
void vxt_debugfs_init(void);
void vxt_debugfs_exit(void);
int vxt_netlink_init(void);
void vxt_netlink_exit(void);
bool vxt_netlink_alert(const struct vxt_alert *alert);

#endif /* VXT_H */
