// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks in every operation: what all of them pay for being counted.
 *
 * Each is a straight line through the ordinary case: no call, no register to save, no counter
 * touched before it is known that nothing else is to be done. An operation that is not ordinary is
 * left by a jump, with all that has to be done for it, to a function that knows every case: one
 * that is painted, or nested, or had to wait, one that failed, the shortest and the longest of its
 * class so far, a slow one, the first after a reset.
 */
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <trace/vexfs.h>
#include "depth.h"
#include "waits.h"

static noinline notrace void vxt_op_start_slowly(struct vexfs_op *op)
{
	vxt_state(op)->start = vxt_clock();
}

static noinline notrace void vxt_op_enter_slowly(struct vexfs_op *op)
{
	struct vxt_state *state = vxt_state(op);

	if (state->enclosing) {
		/* What the hooks of this one do to the stack is not the enclosing one's depth. */
		vxt_stack_probed(op->entry_sp);
		vxt_wait_nest(op, state->enclosing);
	}
	this_cpu_write(vxt_running.op, op);
	vxt_cache_restart();
	if (vxt_stack_due(vxt_cpu_class_here(op->op_class)))
		vxt_stack_enter_op(op);
	else
		vxt_op_start_slowly(op);
}

/**
 * vxt_op_enter() - an operation enters
 * @op: the operation
 *
 * Comes after all probes of vexfs_op_enter, so that what they do to the stack is painted over.
 * Preemption is off.
 */
notrace void vxt_op_enter(struct vexfs_op *op)
{
	struct vxt_state *state = vxt_state(op);

	state->cookie = vxt_cookie();
	state->enclosing = this_cpu_read(vxt_running.op);
	if (unlikely(state->enclosing || vxt_stack_due(vxt_cpu_class_here(op->op_class)))) {
		vxt_op_enter_slowly(op);
		return;
	}
	this_cpu_write(vxt_running.op, op);
	vxt_cache_restart();
	if (static_branch_likely(&vxt_clock_is_tsc))
		state->start = rdtsc();
	else
		vxt_op_start_slowly(op);
}

/* Which durations are ordinary from now on, to operations of this CPU. */
static notrace void vxt_range_set(struct vxt_cpu_class *pc)
{
	u64 slow = READ_ONCE(vxt_slow);

	pc->least = max_t(u64, pc->min, VXT_SUB);
	WRITE_ONCE(pc->most, min3(pc->max, slow, VXT_UNITS_MOST));
	/* Pairs with vxt_range_restart(): it sets @most after this, or this sees what it is for. */
	smp_mb();
	if (READ_ONCE(vxt_slow) != slow || READ_ONCE(vxt_epoch) != pc->epoch)
		WRITE_ONCE(pc->most, 0);
}

static notrace void vxt_op_count(struct vexfs_op *op, struct vxt_cpu_class *pc, u64 units)
{
	vxt_latency_add(pc, units);
	if (op->err)
		vxt_ops_error(pc, op->err);
	vxt_wait_leave(op, pc, units);
	vxt_add(&pc->bytes, op->bytes);
	vxt_range_set(pc);
}

/*
 * Any operation. One that has neither cookie entered before this load of the module, or before
 * the clock was changed.
 */
static noinline notrace void vxt_op_exit_slowly(struct vexfs_op *op, u64 end)
{
	struct vxt_state *state = vxt_state(op);
	bool painted = state->cookie == vxt_cookie_painted(op);
	struct vxt_cpu_class *pc;

	if (!painted && state->cookie != vxt_cookie()) {
		vxt_wait_forget(op);
		vxt_follow_end(op, 0);
		return;
	}
	pc = vxt_cpu_class(op->op_class);
	vxt_op_count(op, pc, end - state->start);
	if (painted) {
		state->cookie = 0;
		vxt_stack_exit_op(op, pc, end - state->start);
	} else {
		vxt_add(&pc->unpainted, 1);
		vxt_alert_slow(op->op_class, op->seq, end - state->start);
	}
}

static noinline notrace void vxt_op_exit_clock(struct vexfs_op *op)
{
	vxt_op_exit_slowly(op, vxt_clock());
}

/* Is it in nothing else, and has its task not waited? */
static __always_inline bool vxt_op_is_alone(struct vexfs_op *op)
{
	return __this_cpu_read(vxt_running.op) == op && !__this_cpu_read(vxt_running.wait) &&
	       !vxt_state(op)->enclosing;
}

/* @end: by the clock. */
static __always_inline void vxt_op_exit_at(struct vexfs_op *op, u64 end)
{
	struct vxt_state *state = vxt_state(op);
	u64 units = end - state->start;
	struct vxt_cpu_class *pc = vxt_cpu_class_here(op->op_class);

	/* An end that comes just before @most is taken back counts as before that. */
	if (unlikely(state->cookie != vxt_cookie() || units > data_race(pc->most) ||
		     units < pc->least || op->err || !vxt_op_is_alone(op))) {
		vxt_op_exit_slowly(op, end);
		return;
	}
	vxt_add(&pc->hist[vxt_latency_bucket_ordinary(units)], 1);
	vxt_add(&pc->sum, units);
	__this_cpu_write(vxt_running.op, NULL);
	vxt_cache_add(pc);
	vxt_add(&pc->bytes, op->bytes);
	vxt_add(&pc->unpainted, 1);
}

/**
 * vxt_op_exit() - an operation leaves
 * @op: the operation
 *
 * Comes before all probes of vexfs_op_exit: what they do to the stack is not the operation's.
 * Preemption is off.
 */
notrace void vxt_op_exit(struct vexfs_op *op)
{
	if (static_branch_likely(&vxt_clock_is_tsc))
		vxt_op_exit_at(op, rdtsc());
	else
		vxt_op_exit_clock(op);
}

/**
 * vxt_op_exit_told() - an operation leaves, and probes will be told of it
 * @op: the operation; told how long it took, as the counters are
 *
 * As vxt_op_exit().
 */
notrace void vxt_op_exit_told(struct vexfs_op *op)
{
	struct vxt_state *state = vxt_state(op);
	bool counted = state->cookie == vxt_cookie() || state->cookie == vxt_cookie_painted(op);
	u64 end = vxt_clock(), units = end - state->start;

	vxt_op_exit_at(op, end);
	if (counted)
		op->took = vxt_clock_to_ns(units);
}
