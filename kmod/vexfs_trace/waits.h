/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the time of operations goes: what waits.c, contention.c, holder.c, locks.c, kmem.c share.
 *
 * struct vxt_running belongs to the task that runs on the CPU: the probe of sched_switch exchanges
 * it with the task. So it is read and written without a lock, by one instruction at a time where
 * preemption may be on.
 */
#ifndef VXT_WAITS_H
#define VXT_WAITS_H

#include "vxt.h"

#define VXT_WAIT_NEST		4	/* operations that enter within one that has waited */
#define VXT_HOLDER_FRAMES	24	/* of a holder's stack; deeper ones are cut off */
#define VXT_LOCK_ROWS		256	/* combinations of class, kind and site that have a row */
#define VXT_LOCK_STACKS		512	/* holders' stacks, of all rows */

struct vxt_wait;

/**
 * struct vxt_running - what a CPU's running task is in
 * @op: innermost operation, NULL when it is in none, or when its waits were lost
 * @wait: its entry in the table of tasks that have waited in an operation, or NULL
 * @task: the task, once the CPU has switched; others compare it, and look no further
 * @memory: what it allocated while in an operation, counted from anywhere: only differences tell
 * @inside: targets that are modules, in which the task is; 0 when it is in no operation
 */
struct vxt_running {
	struct vexfs_op *op;
	struct vxt_wait *wait;
	struct task_struct *task;
	struct vxt_memory memory;
	u32 inside;
};

DECLARE_PER_CPU_ALIGNED(struct vxt_running, vxt_running);

enum vxt_lock_kind {
	VXT_LOCK_SPIN,
	VXT_LOCK_RWLOCK_READ,
	VXT_LOCK_RWLOCK_WRITE,
	VXT_LOCK_MUTEX,
	VXT_LOCK_RWSEM_READ,
	VXT_LOCK_RWSEM_WRITE,
	VXT_LOCK_PERCPU_READ,
	VXT_LOCK_PERCPU_WRITE,
	VXT_LOCK_RTMUTEX,
	VXT_LOCK_OTHER,
	VXT_LOCK_KINDS
};

/* What a holder did when its stack was taken. */
enum vxt_holder_how {
	VXT_HOLDER_ASLEEP,	/* off the CPU */
	VXT_HOLDER_RUNNING,	/* on another CPU: frame 0 is where it was interrupted */
	VXT_HOLDER_READER,	/* the last that took the lock for reading */
	VXT_HOLDER_HOWS
};

/**
 * struct vxt_holder - the stack of a lock's holder, for the time of one wait
 * @state: VXT_HOLDER_*, see holder.c
 * @task: the holder; compared, and followed only while it is known to hold the lock
 * @lock: what it holds; followed only while the waiter waits
 * @kind: of @lock
 * @reader: it holds the lock for reading
 * @csd: asks its CPU
 * @how: what it did
 * @nr: number of frames; 0 when there is no stack
 * @frame: innermost first
 */
struct vxt_holder {
	atomic_t state;
	struct task_struct *task;
	void *lock;
	enum vxt_lock_kind kind;
	bool reader;
	call_single_data_t csd;
	enum vxt_holder_how how;
	u32 nr;
	unsigned long frame[VXT_HOLDER_FRAMES];
};

/**
 * struct vxt_wait - a task that has waited in the operation that it is in
 * @task: whose it is
 * @cookie: vxt_load_cookie, which changes with the clock
 * @op: innermost operation, while the task is away; NULL when that was a call of a target that has
 *	been removed since
 * @since: when it left the CPU
 * @woken: when it became runnable, 0 when it has not
 * @part: what it left for
 * @away: it is off the CPU
 * @memory: of struct vxt_running, while the task is away
 * @hits: of the innermost operation in the cache so far, while the task is away
 * @inside: of struct vxt_running, while the task is away
 * @total: time that went to each part since the entry was made
 * @nr: operations that entered since then and run; @level of as many as there is room for
 * @level: @total when each of them entered, the outermost first
 * @lock: for which it waits, spinning or asleep; NULL for none
 * @lock_since: from when on
 * @kind: of @lock
 * @op_class: of the operation that waits for @lock
 * @site: who asked for @lock: a return address, 0 when that was not looked at
 * @holder: its holder's stack, perhaps on the way; NULL for none
 *
 * The task alone writes it while it runs; when it is away the scheduler's probes do, one after
 * another by the locks of its runqueue.
 */
struct vxt_wait {
	struct task_struct *task;
	u64 cookie;
	struct vexfs_op *op;
	u64 since;
	u64 woken;
	enum vxt_part part;
	bool away;
	struct vxt_memory memory;
	u64 hits;
	u32 inside;
	u64 total[VXT_PARTS];
	unsigned int nr;
	struct {
		struct vexfs_op *op;
		u64 total[VXT_PARTS];
	} level[VXT_WAIT_NEST];
	void *lock;
	u64 lock_since;
	enum vxt_lock_kind kind;
	unsigned int op_class;
	unsigned long site;
	struct vxt_holder *holder;
};

/**
 * struct vxt_span - one call of a target, from its entry to its return
 * @mark: stands for the call as what its task is in; NULL for a call out of an interrupt, which is
 *	in no task
 * @enclosing: what the task is in besides
 * @inside: modules that it is in besides
 * @total: what the task had waited before
 * @memory: what it had allocated before
 */
struct vxt_span {
	struct vexfs_op *mark;
	struct vexfs_op *enclosing;
	u32 inside;
	u64 total[VXT_PARTS];
	struct vxt_memory memory;
};

/* waits.c */
void vxt_span_begin(struct vxt_span *span, struct vexfs_op *mark, u32 module);
void vxt_span_end(struct vxt_span *span, struct vxt_cpu_class *pc, u64 took);
void vxt_span_forget(struct vxt_span *span);
void vxt_wait_forget_mark(const struct vexfs_op *mark);
int vxt_waits_init(void);
void vxt_waits_exit(void);
void vxt_waits_reset(void);
u64 vxt_waits_memory(void);
void vxt_wait_nest(struct vexfs_op *op, const struct vexfs_op *enclosing);
void vxt_wait_settle(struct vexfs_op *op, struct vxt_cpu_class *pc, u64 took);
void vxt_wait_forget(struct vexfs_op *op);
struct vxt_wait *vxt_wait_claim(void);
void vxt_wait_lose(void);
struct vxt_wait *vxt_wait_find(const struct task_struct *task);

/* Hits in the cache count from here on. The task may move. */
static __always_inline void vxt_cache_restart(void)
{
	this_cpu_write(vexfs_cache_hits, 0);
}

/* Those since then are of this class. Preemption is off. */
static __always_inline void vxt_cache_add(struct vxt_cpu_class *pc)
{
	u64 hits = __this_cpu_read(vexfs_cache_hits);

	vxt_add(&pc->hits[0], (u32)hits);
	vxt_add(&pc->hits[1], hits >> 32);
}

/* It leaves it, after @took. Preemption is off. */
static __always_inline void vxt_wait_leave(struct vexfs_op *op, struct vxt_cpu_class *pc, u64 took)
{
	struct vexfs_op *enclosing;

	if (unlikely(__this_cpu_read(vxt_running.op) != op || __this_cpu_read(vxt_running.wait)))
		vxt_wait_settle(op, pc, took);
	else
		vxt_cache_add(pc);
	enclosing = vxt_state(op)->enclosing;
	__this_cpu_write(vxt_running.op, enclosing);
	if (unlikely(enclosing))
		vxt_cache_restart();
}

/* contention.c */
int vxt_contention_init(void);
void vxt_contention_stop(void);
void vxt_contention_exit(void);
void vxt_contention_reset(void);
void vxt_contention_drop(struct vxt_wait *wait);

/* holder.c: the stacks of those who hold locks. Preemption is off. */
int vxt_holder_init(void);
void vxt_holder_drain(void);
void vxt_holder_exit(void);
u64 vxt_holder_memory(void);
void vxt_holder_seek(struct vxt_wait *wait);
bool vxt_holder_found(struct vxt_wait *wait);
void vxt_holder_drop(struct vxt_wait *wait);

/* locks.c */
#define VXT_LOCK_ALL	(VXT_CLASSES + VXT_LOCK_ROWS)	/* rows, with those for all others */

/**
 * struct vxt_lock_row - waits of a class for a kind of lock at a site
 * @op_class: of the operation; the innermost one, where several are nested
 * @kind: of the lock
 * @site: who asked for it: a return address, or 0
 * @waits: how many
 * @stacks: of them, those for which the holder's stack was taken
 * @total: time waited
 * @max: the longest
 */
struct vxt_lock_row {
	unsigned int op_class;
	enum vxt_lock_kind kind;
	unsigned long site;
	u64 waits;
	u64 stacks;
	u64 total;
	u64 max;
};

/* Waits of a row during which the holder had this stack, innermost frame first. */
struct vxt_lock_stack {
	u32 row;
	enum vxt_holder_how how;
	u32 nr;
	u64 waits;
	u64 total;
	u64 max;
	unsigned long frame[VXT_HOLDER_FRAMES];
};

extern const char * const vxt_lock_names[VXT_LOCK_KINDS];
extern const char * const vxt_how_names[VXT_HOLDER_HOWS];

int vxt_locks_init(void);
void vxt_locks_exit(void);
void vxt_locks_reset(void);
void vxt_locks_forget(unsigned int op_class);
u64 vxt_locks_memory(void);
void vxt_locks_add(const struct vxt_wait *wait, u64 took, const struct vxt_holder *holder);
bool vxt_locks_read(u32 row, struct vxt_lock_row *copy);
const struct vxt_lock_stack *vxt_locks_stack(u32 nr, u32 row);

/* kmem.c: what calls of targets allocate. The caller holds vxt_lock. */
int vxt_kmem_start(void);
void vxt_kmem_stop(void);

/* points.c: tracepoints of the kernel, by name. */
struct vxt_point {
	const char *name;
	void *probe;
	struct tracepoint *point;
};

int vxt_points_register(struct vxt_point *points, unsigned int nr);
void vxt_points_unregister(struct vxt_point *points, unsigned int nr);

#endif /* VXT_WAITS_H */
