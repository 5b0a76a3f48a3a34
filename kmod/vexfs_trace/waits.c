// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the time of an operation goes that is not spent on the CPU.
 *
 * Each CPU knows the operation in which its running task is: entering and leaving one are a few
 * instructions (waits.h). When the task leaves the CPU within an operation, the probe of
 * sched_switch puts that into the task's entry of a table, with the time and the reason; when the
 * task comes back, the time goes to one part or another:
 *
 *	lock	between contention_begin and contention_end, spinning or asleep (contention.c)
 *	io	asleep as one that waits for a device: what the kernel calls iowait
 *	sleep	asleep for any other reason, until it is woken
 *	ready	runnable: preempted, or woken, until it runs
 *
 * What remains of the operation's time was spent on the CPU.
 *
 * An entry is made at the first wait and given back at the end of the outermost operation. It adds
 * up what the task waits; an operation that enters meanwhile notes the sums, and takes the
 * difference when it leaves. So what an inner operation waits is part of the outer one's waits,
 * as its time is part of the outer one's time.
 *
 * When the table has no room for a task, its CPU forgets the operation: that one, and those around
 * it, find that out when they leave and count as lost, with all of their time.
 *
 * A call of a target is an operation here, too, but that no struct vexfs_op is its own: one that
 * belongs to the target stands for all of its calls, and is live as long as it has a cookie. What
 * was so far is noted where the kernel keeps what belongs to the call. When the target goes, the
 * calls that are under way never leave: their tasks are in something that is not live, and are
 * found out as soon as they leave the CPU.
 *
 * Nothing here waits or takes a lock. A slot of the table is claimed by its task by one
 * compare-and-swap, as those of task.c.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "depth.h"
#include "waits.h"

#define VXT_WAIT_SETS_SHIFT	8
#define VXT_WAIT_SETS		BIT(VXT_WAIT_SETS_SHIFT)
#define VXT_WAIT_WAYS		8

struct vxt_wait_set {
	struct task_struct *task[VXT_WAIT_WAYS];
} ____cacheline_aligned;

DEFINE_PER_CPU_ALIGNED(struct vxt_running, vxt_running);

static struct vxt_wait_set *vxt_wait_sets;
static struct vxt_wait (*vxt_waits)[VXT_WAIT_WAYS];	/* of each set */
static atomic_t vxt_aways = ATOMIC_INIT(0);		/* entries whose task is away */

/**
 * vxt_wait_find() - the entry of a task
 * @task: which; only compared
 *
 * Return: the entry, or NULL. It stays the task's as long as the task does not run.
 */
notrace struct vxt_wait *vxt_wait_find(const struct task_struct *task)
{
	unsigned int nr = hash_ptr(task, VXT_WAIT_SETS_SHIFT), i;

	for (i = 0; i < VXT_WAIT_WAYS; i++)
		if (READ_ONCE(vxt_wait_sets[nr].task[i]) == task)
			return &vxt_waits[nr][i];
	return NULL;
}

/**
 * vxt_wait_claim() - an entry for the running task, which is in an operation and has none
 *
 * Preemption is off.
 *
 * Return: the entry, or NULL when the table has no room.
 */
notrace struct vxt_wait *vxt_wait_claim(void)
{
	unsigned int nr = hash_ptr(current, VXT_WAIT_SETS_SHIFT), i;
	struct vxt_wait *wait;

	for (i = 0; i < VXT_WAIT_WAYS; i++) {
		struct task_struct **slot = &vxt_wait_sets[nr].task[i];

		/* Whoever finds the task before the rest is written sees that it is not away. */
		if (READ_ONCE(*slot) || cmpxchg(slot, NULL, current))
			continue;
		wait = &vxt_waits[nr][i];
		memset(wait, 0, offsetof(struct vxt_wait, level));
		wait->lock = NULL;
		wait->holder = NULL;
		wait->task = current;
		wait->cookie = READ_ONCE(vxt_load_cookie);
		this_cpu_write(vxt_running.wait, wait);
		return wait;
	}
	return NULL;
}

/* The running task, whose entry this is, needs it no more. */
static notrace void vxt_wait_release(struct vxt_wait *wait)
{
	unsigned int nr = hash_ptr(wait->task, VXT_WAIT_SETS_SHIFT);

	vxt_contention_drop(wait);
	this_cpu_write(vxt_running.wait, NULL);
	/* Whoever claims the slot next writes the entry after this task's last use of it. */
	smp_store_release(&vxt_wait_sets[nr].task[wait - vxt_waits[nr]], NULL);
}

/* The running task's waits are not known any more: the operations that it is in are lost. */
notrace void vxt_wait_lose(void)
{
	struct vxt_wait *wait = this_cpu_read(vxt_running.wait);

	this_cpu_write(vxt_running.op, NULL);
	this_cpu_write(vxt_running.inside, 0);
	if (wait)
		vxt_wait_release(wait);
}

/**
 * vxt_wait_nest() - an operation enters within another
 * @op: the inner one
 * @enclosing: the other; perhaps a call of a target
 */
noinline notrace void vxt_wait_nest(struct vexfs_op *op, const struct vexfs_op *enclosing)
{
	struct vxt_wait *wait;

	preempt_disable_notrace();
	vxt_cache_add(vxt_cpu_class(enclosing->op_class));
	wait = this_cpu_read(vxt_running.wait);
	if (wait && wait->nr < VXT_WAIT_NEST) {
		wait->level[wait->nr].op = op;
		memcpy(wait->level[wait->nr].total, wait->total, sizeof(wait->total));
	}
	if (wait)
		wait->nr++;
	preempt_enable_notrace();
}

/* What the operation waited, which is the innermost one; false when that is not known. */
static notrace bool vxt_wait_take(struct vxt_wait *wait, const struct vexfs_op *op, u64 *part)
{
	unsigned int i, level = wait->nr - 1;

	memcpy(part, wait->total, sizeof(wait->total));
	/* None has entered since the entry was made: all of it is this operation's. */
	if (!wait->nr)
		return true;
	wait->nr--;
	if (level >= VXT_WAIT_NEST || wait->level[level].op != op)
		return false;
	for (i = 0; i < VXT_PARTS; i++)
		part[i] -= wait->level[level].total[i];
	return true;
}

/* Count what an operation waited; @part is NULL when that is not known. False when it is lost. */
static notrace bool vxt_wait_count(struct vxt_cpu_class *pc, const u64 *part, u64 took)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; part && i < VXT_PARTS; i++)
		sum += part[i];
	if (!part || sum > took) {
		WRITE_ONCE(pc->lost, pc->lost + took);
		WRITE_ONCE(pc->lost_ops, pc->lost_ops + 1);
		return false;
	}
	for (i = 0; i < VXT_PARTS; i++)
		WRITE_ONCE(pc->part[i], pc->part[i] + part[i]);
	return true;
}

/**
 * vxt_wait_settle() - count what an operation waited, as it leaves
 * @op: the operation
 * @pc: its class on this CPU
 * @took: its whole time
 *
 * Preemption is off.
 */
noinline notrace void vxt_wait_settle(struct vexfs_op *op, struct vxt_cpu_class *pc, u64 took)
{
	struct vxt_wait *wait = this_cpu_read(vxt_running.wait);
	struct vxt_state *state = vxt_state(op);
	u64 part[VXT_PARTS];
	bool known = false;

	if (this_cpu_read(vxt_running.op) == op) {
		known = vxt_wait_take(wait, op, part) &&
			wait->cookie == READ_ONCE(vxt_load_cookie);
		if (!state->enclosing)
			vxt_wait_release(wait);
	} else {
		vxt_wait_lose();
		state->enclosing = NULL;
	}
	if (vxt_wait_count(pc, known ? part : NULL, took))
		vxt_cache_add(pc);
}

/**
 * vxt_wait_forget() - an operation leaves that is not counted
 * @op: the operation; perhaps one that nobody saw enter
 */
noinline notrace void vxt_wait_forget(struct vexfs_op *op)
{
	u64 part[VXT_PARTS];

	preempt_disable_notrace();
	if (this_cpu_read(vxt_running.op) == op) {
		struct vxt_wait *wait = this_cpu_read(vxt_running.wait);
		struct vexfs_op *enclosing = vxt_state(op)->enclosing;

		if (wait)
			vxt_wait_take(wait, op, part);
		if (wait && !enclosing)
			vxt_wait_release(wait);
		this_cpu_write(vxt_running.op, enclosing);
	}
	preempt_enable_notrace();
}

/**
 * vxt_span_begin() - a call of a target begins
 * @span: of the call; filled
 * @mark: of the target
 * @module: its bit in @inside of struct vxt_running when it is a module, else 0
 *
 * Preemption is off.
 */
notrace void vxt_span_begin(struct vxt_span *span, struct vexfs_op *mark, u32 module)
{
	const struct vxt_wait *wait = this_cpu_read(vxt_running.wait);

	span->mark = in_task() ? mark : NULL;
	if (!span->mark)
		return;
	memset(span->total, 0, sizeof(span->total));
	if (wait)
		memcpy(span->total, wait->total, sizeof(span->total));
	span->memory = *this_cpu_ptr(&vxt_running.memory);
	span->inside = this_cpu_read(vxt_running.inside);
	span->enclosing = this_cpu_read(vxt_running.op);
	if (span->enclosing)
		vxt_cache_add(vxt_cpu_class(span->enclosing->op_class));
	this_cpu_write(vxt_running.op, mark);
	this_cpu_write(vxt_running.inside, span->inside | module);
	vxt_cache_restart();
}

/* Leave the call; false when its task was lost meanwhile. */
static notrace bool vxt_span_leave(struct vxt_span *span, u64 *part)
{
	struct vxt_wait *wait = this_cpu_read(vxt_running.wait);
	bool known = true;
	unsigned int i;

	if (this_cpu_read(vxt_running.op) != span->mark) {
		vxt_wait_lose();
		return false;
	}
	for (i = 0; i < VXT_PARTS; i++)
		part[i] = wait ? wait->total[i] - span->total[i] : 0;
	if (wait) {
		known = wait->cookie == READ_ONCE(vxt_load_cookie);
		/* The call was made while its task waits for a lock, and is part of that. */
		if (wait->lock)
			part[VXT_LOCK] += vxt_clock() - wait->lock_since;
		if (!span->enclosing)
			vxt_wait_release(wait);
	}
	this_cpu_write(vxt_running.op, span->enclosing);
	this_cpu_write(vxt_running.inside, span->inside);
	return known;
}

static notrace void vxt_memory_add(struct vxt_memory *sum, const struct vxt_memory *to,
				   const struct vxt_memory *from)
{
	WRITE_ONCE(sum->allocs, sum->allocs + to->allocs - from->allocs);
	WRITE_ONCE(sum->bytes, sum->bytes + to->bytes - from->bytes);
	WRITE_ONCE(sum->frees, sum->frees + to->frees - from->frees);
	WRITE_ONCE(sum->pages, sum->pages + to->pages - from->pages);
	WRITE_ONCE(sum->pages_freed, sum->pages_freed + to->pages_freed - from->pages_freed);
}

/**
 * vxt_span_end() - a call of a target returns: count what it waited and allocated
 * @span: of the call
 * @pc: its class on this CPU
 * @took: its whole time
 *
 * The time of a call out of an interrupt was spent on the CPU. Preemption is off.
 */
notrace void vxt_span_end(struct vxt_span *span, struct vxt_cpu_class *pc, u64 took)
{
	u64 part[VXT_PARTS] = { };
	bool known;

	if (!span->mark)
		return;
	known = vxt_span_leave(span, part);
	if (part[VXT_LOCK] > took)
		part[VXT_LOCK] = took;
	if (vxt_wait_count(pc, known ? part : NULL, took)) {
		vxt_memory_add(&pc->memory, this_cpu_ptr(&vxt_running.memory), &span->memory);
		vxt_cache_add(pc);
	}
	vxt_cache_restart();
}

/* A call returns that is not counted. Preemption is off. */
notrace void vxt_span_forget(struct vxt_span *span)
{
	u64 part[VXT_PARTS];

	if (!span->mark)
		return;
	vxt_span_leave(span, part);
	vxt_cache_restart();
}

/*
 * The target of @mark is gone, @mark has no cookie any more, and all CPUs have seen that: whoever
 * is away in one of its calls finds that out when it comes back.
 */
void vxt_wait_forget_mark(const struct vexfs_op *mark)
{
	unsigned int nr, i;

	for (nr = 0; nr < VXT_WAIT_SETS; nr++)
		for (i = 0; i < VXT_WAIT_WAYS; i++)
			cmpxchg(&vxt_waits[nr][i].op, (struct vexfs_op *)mark, NULL);
}

/* The running task leaves the CPU within an operation. */
static notrace void vxt_wait_out(struct vexfs_op *op, struct task_struct *prev, bool runs_on)
{
	struct vxt_wait *wait = this_cpu_read(vxt_running.wait);

	if (unlikely(!vxt_is_live(op))) {
		vxt_wait_lose();
		return;
	}
	if (!wait)
		wait = vxt_wait_claim();
	this_cpu_write(vxt_running.op, NULL);
	this_cpu_write(vxt_running.wait, NULL);
	if (wait)
		wait->inside = this_cpu_read(vxt_running.inside);
	this_cpu_write(vxt_running.inside, 0);
	if (!wait)
		return;
	WRITE_ONCE(wait->op, op);
	wait->memory = *this_cpu_ptr(&vxt_running.memory);
	wait->hits = this_cpu_read(vexfs_cache_hits);
	wait->woken = 0;
	wait->part = runs_on ? VXT_READY : prev->in_iowait ? VXT_IO : VXT_SLEEP;
	wait->since = vxt_clock();
	WRITE_ONCE(wait->away, true);
	atomic_inc(&vxt_aways);
}

/* A task comes to run. */
static notrace void vxt_wait_in(struct task_struct *next)
{
	struct vxt_wait *wait = vxt_wait_find(next);
	u64 now, woken;

	if (!wait || !READ_ONCE(wait->away))
		return;
	WRITE_ONCE(wait->away, false);
	atomic_dec(&vxt_aways);
	this_cpu_write(vxt_running.op, READ_ONCE(wait->op));
	this_cpu_write(vxt_running.wait, wait);
	this_cpu_write(vxt_running.inside, wait->inside);
	*this_cpu_ptr(&vxt_running.memory) = wait->memory;
	this_cpu_write(vexfs_cache_hits, wait->hits);
	if (unlikely(!this_cpu_read(vxt_running.op))) {
		vxt_wait_lose();
		return;
	}
	/* The wait for a lock is counted as a whole. */
	if (wait->lock)
		return;
	now = vxt_clock();
	woken = wait->woken ?: now;
	wait->total[wait->part] += woken - wait->since;
	wait->total[VXT_READY] += now - woken;
}

/*
 * The probe of sched_switch: interrupts are off, the lock of the runqueue is held, and prev is
 * still the current task.
 */
static notrace void vxt_wait_switch(void *data, bool preempt, struct task_struct *prev,
				    struct task_struct *next, unsigned int prev_state)
{
	struct vexfs_op *op = this_cpu_read(vxt_running.op);

	this_cpu_write(vxt_running.task, next);
	if (unlikely(op))
		vxt_wait_out(op, prev, preempt || !prev_state);
	if (unlikely(atomic_read(&vxt_aways)))
		vxt_wait_in(next);
}

/* The probe of sched_wakeup: a task is runnable again, and the lock of its runqueue is held. */
static notrace void vxt_wait_wakeup(void *data, struct task_struct *task)
{
	struct vxt_wait *wait;

	if (likely(!atomic_read(&vxt_aways)))
		return;
	wait = vxt_wait_find(task);
	if (wait && READ_ONCE(wait->away) && wait->part != VXT_READY && !wait->woken)
		wait->woken = vxt_clock();
}

/* The probe of sched_process_exit: a task that dies in an operation never leaves it. */
static notrace void vxt_wait_exits(void *data, struct task_struct *task)
{
	preempt_disable_notrace();
	if (task == current) {
		if (unlikely(this_cpu_read(vxt_running.op)))
			vxt_wait_lose();
		vxt_task_exits();
		vxt_follow_exits();
	}
	preempt_enable_notrace();
}

/* That of sched_switch comes first and goes last: without it the CPUs' pointers go astray. */
static struct vxt_point vxt_wait_points[] = {
	{ .name = "sched_switch", .probe = vxt_wait_switch },
	{ .name = "sched_wakeup", .probe = vxt_wait_wakeup },
	{ .name = "sched_process_exit", .probe = vxt_wait_exits },
};

u64 vxt_waits_memory(void)
{
	return VXT_WAIT_SETS * (sizeof(*vxt_wait_sets) + sizeof(*vxt_waits)) +
	       vxt_holder_memory() + vxt_locks_memory();
}

/* The caller holds vxt_lock. */
void vxt_waits_reset(void)
{
	vxt_contention_reset();
	vxt_locks_reset();
}

static void vxt_waits_free(void)
{
	kvfree(vxt_waits);
	kvfree(vxt_wait_sets);
}

static int vxt_waits_alloc(void)
{
	vxt_wait_sets = kvcalloc(VXT_WAIT_SETS, sizeof(*vxt_wait_sets), GFP_KERNEL);
	vxt_waits = kvcalloc(VXT_WAIT_SETS, sizeof(*vxt_waits), GFP_KERNEL);
	if (vxt_wait_sets && vxt_waits)
		return 0;
	vxt_waits_free();
	return -ENOMEM;
}

/* Before the probes of operations: as soon as one has entered, all switches have to be seen. */
int vxt_waits_init(void)
{
	int err;

	err = vxt_waits_alloc();
	if (err)
		return err;
	err = vxt_locks_init();
	if (err)
		goto free_waits;
	err = vxt_holder_init();
	if (err)
		goto free_locks;
	err = vxt_points_register(vxt_wait_points, ARRAY_SIZE(vxt_wait_points));
	if (err)
		goto free_holders;
	err = vxt_contention_init();
	if (err)
		goto unregister;
	return 0;

unregister:
	vxt_points_unregister(vxt_wait_points, ARRAY_SIZE(vxt_wait_points));
	tracepoint_synchronize_unregister();
free_holders:
	vxt_holder_exit();
free_locks:
	vxt_locks_exit();
free_waits:
	vxt_waits_free();
	return err;
}

/*
 * The probes of operations are unregistered, and none of them runs any more once this has
 * synchronised. Tasks may be in operations all the same.
 */
void vxt_waits_exit(void)
{
	vxt_contention_stop();
	tracepoint_synchronize_unregister();
	vxt_contention_exit();
	vxt_points_unregister(vxt_wait_points, ARRAY_SIZE(vxt_wait_points));
	/* Interrupts in which holders answered have returned by then, too. */
	tracepoint_synchronize_unregister();
	vxt_holder_exit();
	vxt_locks_exit();
	vxt_waits_free();
}
