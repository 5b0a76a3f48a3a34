// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints themselves, the numbers of their events, and their slow paths. */
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/static_call.h>
#include <vex_platform.h>
#include <trace/vexfs_events.h>
#include <trace/vexfs_hook.h>
#include "vexfs.h"

#define CREATE_TRACE_POINTS
#include <trace/vexfs.h>

EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_op_enter);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_op_exit);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_op_sample);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_alloc);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_alloc_sample);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_free);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_track);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_untrack);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_bad_free);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_commit);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_cache_miss);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_cache_evict);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_cache_prefetch);
EXPORT_TRACEPOINT_SYMBOL_GPL(vexfs_cache_shrink);

DEFINE_STATIC_KEY_FALSE(vexfs_op_watched);

static unsigned long vexfs_op_hooked;	/* bit 0 */

DEFINE_STATIC_CALL_NULL(vexfs_op_hook_enter, vexfs_op_no_hook);
DEFINE_STATIC_CALL_NULL(vexfs_op_hook_exit, vexfs_op_no_hook);
DEFINE_STATIC_CALL_NULL(vexfs_op_hook_exit_told, vexfs_op_no_hook);
EXPORT_STATIC_CALL_GPL(vexfs_op_hook_enter);
EXPORT_STATIC_CALL_GPL(vexfs_op_hook_exit);
EXPORT_STATIC_CALL_GPL(vexfs_op_hook_exit_told);

DEFINE_PER_CPU(struct vexfs_event_counts, vexfs_events);
EXPORT_PER_CPU_SYMBOL_GPL(vexfs_events);

/* Before the first operation. */
void vexfs_trace_init(void)
{
	unsigned int cpu, kind;

	for_each_possible_cpu(cpu) {
		struct vexfs_event_counts *c = per_cpu_ptr(&vexfs_events, cpu);

		c->seq = (u64)cpu << VEXFS_EVENT_CPU_SHIFT;
		for (kind = 0; kind < VEXFS_EVENT_NR; kind++)
			c->last[kind] = c->seq;
	}
}

u64 vexfs_event_count(unsigned int cpu, enum vexfs_event_kind kind)
{
	u64 last = READ_ONCE(per_cpu_ptr(&vexfs_events, cpu)->last[kind]);

	return last & (BIT_ULL(VEXFS_EVENT_CPU_SHIFT) - 1);
}
EXPORT_SYMBOL_GPL(vexfs_event_count);

int vexfs_op_watch(void)
{
	static_branch_inc(&vexfs_op_watched);
	return 0;
}

void vexfs_op_unwatch(void)
{
	static_branch_dec(&vexfs_op_watched);
}

int vexfs_op_hook_set(vexfs_op_hook *enter, vexfs_op_hook *exit, vexfs_op_hook *exit_told)
{
	if (test_and_set_bit(0, &vexfs_op_hooked))
		return -EBUSY;
	static_call_update(vexfs_op_hook_exit, exit);
	static_call_update(vexfs_op_hook_exit_told, exit_told);
	static_call_update(vexfs_op_hook_enter, enter);
	vexfs_op_watch();
	return 0;
}
EXPORT_SYMBOL_GPL(vexfs_op_hook_set);

void vexfs_op_hook_clear(void)
{
	vexfs_op_unwatch();
	static_call_update(vexfs_op_hook_enter, NULL);
	static_call_update(vexfs_op_hook_exit, NULL);
	static_call_update(vexfs_op_hook_exit_told, NULL);
	/* They run with preemption off. */
	synchronize_rcu();
	clear_bit(0, &vexfs_op_hooked);
}
EXPORT_SYMBOL_GPL(vexfs_op_hook_clear);

static noinline notrace void vexfs_op_tell_enter(struct vexfs_op *op)
{
	trace_vexfs_op_enter(op);
	static_call_cond(vexfs_op_hook_enter)(op);
}

/* Each field by itself: it takes fewer instructions than clearing all of them first. */
noinline notrace void vexfs_op_start(struct vexfs_op *op, enum vexfs_op_class op_class, u64 ino,
				     unsigned long entry_sp)
{
	op->ino = ino;
	op->bytes = 0;
	op->visited = 0;
	op->op_class = op_class;
	op->dim = 0;
	op->k = 0;
	op->count = 0;
	op->err = 0;
	op->hops = 0;
	op->entry_sp = entry_sp;
	/* The event's number comes at the end; what vexfs_trace.ko keeps there it sets itself. */
	preempt_disable_notrace();
	__this_cpu_inc(vexfs_events.seq);
	op->seq = __this_cpu_read(vexfs_events.seq);
	if (trace_vexfs_op_enter_enabled())
		vexfs_op_tell_enter(op);
	else
		static_call_cond(vexfs_op_hook_enter)(op);
	preempt_enable_notrace();
}

/* Tell the probes too. Preemption is off from taking the number until the last has returned. */
static noinline notrace void vexfs_op_tell_exit(struct vexfs_op *op)
{
	bool sample;

	op->event = vexfs_event_next(VEXFS_EVENT_OP);
	sample = vexfs_event_below(op->event, VEXFS_SAMPLE_BELOW);
	if (!sample && !trace_vexfs_op_exit_enabled()) {
		static_call_cond(vexfs_op_hook_exit)(op);
		return;
	}
	op->took = 0;
	static_call_cond(vexfs_op_hook_exit_told)(op);
	trace_vexfs_op_exit(op);
	if (sample)
		trace_vexfs_op_sample(op);
}

noinline notrace void vexfs_op_finish(struct vexfs_op *op, int err)
{
	op->err = err;
	preempt_disable_notrace();
	if (trace_vexfs_op_exit_enabled() || trace_vexfs_op_sample_enabled())
		vexfs_op_tell_exit(op);
	else
		static_call_cond(vexfs_op_hook_exit)(op);
	preempt_enable_notrace();
}

void vex_trace_commit(u64 generation, u32 nodes, u64 data_blocks, int err)
{
	trace_vexfs_commit(generation, nodes, data_blocks, err);
}

DEFINE_PER_CPU(u64, vexfs_cache_hits);
EXPORT_PER_CPU_SYMBOL_GPL(vexfs_cache_hits);

void vex_trace_cache_miss(u32 kind, u64 place, u64 index)
{
	trace_vexfs_cache_miss(kind, place, index);
}

void vex_trace_cache_evict(u32 kind, u64 place, u64 index, bool hot)
{
	trace_vexfs_cache_evict(kind, place, index, hot);
}

void vex_trace_cache_prefetch(u64 ino, u64 index)
{
	trace_vexfs_cache_prefetch(ino, index);
}

void vex_trace_cache_shrink(u64 asked, u64 freed, u64 left)
{
	trace_vexfs_cache_shrink(asked, freed, left);
}
