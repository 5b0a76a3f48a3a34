// SPDX-License-Identifier: GPL-2.0-only
/*
 * How deep an operation goes into the stack of its task, exactly.
 *
 * At entry the unused part of the stack is painted with a word that was drawn at
 * random; at exit the lowest word that has changed is the deepest one touched,
 * whoever touched it: leaf functions, functions that cannot be traced, the block
 * layer, an interrupt's entry frame. Words are 8 bytes: so are the steps in
 * which the ABI moves the stack pointer.
 *
 * Cost is bounded in two ways. The window, the part that is painted, goes only
 * a little below the deepest word that the class has touched; when a sample
 * ends within VXT_NEAR bytes of the window's end, something may have lain beyond:
 * the sample counts as clipped and not as a depth, and the next one paints everything.
 * VXT_NEAR is the largest frame that the kernel's build allows: a frame
 * that straddles the end of the window, with an array in it that nobody wrote, does
 * not pass unnoticed. And each class on each CPU pays for painting with a share of
 * the time of its operations: until what was spent is earned, it is not painted, but
 * counted. Only the first samples of a class are painted before they are earned. Of
 * long operations, which could pay for it each time, one in some is painted.
 *
 * An operation may run inside another of the same task. It would paint over what
 * tells how deep the outer one has been: so that is read first, and kept in the outer
 * one's state; and when the inner one ends its depth is handed on. All operations share
 * one pattern: what the outer painted and nobody dirtied serves the inner one too.
 *
 * The tracing itself uses the stack between the entry function's frame and the
 * painted part. An operation that did not go deeper has a depth of at most that:
 * it is counted so, and as shallow. So is one that went no deeper than where the probe of a target
 * stood that it called, or the hooks of a nested operation: it may have been those. One in which
 * something was told of that went deeper than it did counts as clipped: nothing is known of it.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <compat/interrupts.h>
#include <trace/vexfs_events.h>
#include <trace/vexfs_trace.h>
#include "depth.h"

/* Debugging aids put calls of their own, and larger frames, everywhere. */
#define VXT_AIDED	(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_LOCKDEP) || \
			 IS_ENABLED(CONFIG_DEBUG_PREEMPT))

#define VXT_NEAR	2048u	/* no depth is trusted so close to the window's end */
#define VXT_SLACK	3072u	/* window below the deepest word seen: VXT_NEAR and room to grow */
#define VXT_REPAINT	256u	/* every so many samples the whole stack is painted */
#define VXT_GUARD	64u	/* left alone at the end of the stack, above its magic word */
#define VXT_MARGIN	160u	/* stack that the tracing itself may take after painting */
#define VXT_PROBE_SPARE	256u	/* and what the kernel's probes, or our hooks, may take */
#define VXT_TELL_SPARE	(VXT_AIDED ? 3072u : 768u)	/* and telling of something */

struct vxt_stack_class vxt_stack_classes[VXT_CLASSES];

unsigned long vxt_pattern __ro_after_init;
static atomic64_t vxt_table_full = ATOMIC64_INIT(0);
static DEFINE_PER_CPU(u64, vxt_calls);
DEFINE_PER_CPU(unsigned int, vxt_locking);

/**
 * struct vxt_sample - what one painted operation told
 * @depth: bytes below the caller of the entry function
 * @absolute: bytes from the top of the stack
 * @clipped: the two are only lower bounds
 * @shallow: the two are only upper bounds
 * @interrupted: an interrupt came meanwhile, or the task changed the CPU
 */
struct vxt_sample {
	u32 depth;
	u32 absolute;
	bool clipped;
	bool shallow;
	bool interrupted;
};

/*
 * Between the paint and the end of the probe, and between the clock and the scan, nothing
 * is called where the clock is a register; only debugging aids put in calls of their own.
 */
static __always_inline unsigned long vxt_margin(void)
{
	if (VXT_AIDED)
		return 2 * VXT_MARGIN;
	return static_branch_likely(&vxt_clock_is_tsc) ? 0 : VXT_MARGIN;
}

/*
 * Paint from @low up to the own frame. Returns where the paint ends. Calls
 * nothing, and keeps nothing below the stack pointer.
 */
static noinline notrace __no_sanitize_address
unsigned long vxt_paint(unsigned long low)
{
	unsigned long sp = current_stack_pointer;
	unsigned long words = low < sp ? (sp - low) / VXT_WORD : 0;

	asm volatile("rep stosq"
		     : "+D" (low), "+c" (words)
		     : "a" (vxt_pattern)
		     : "memory");
	return sp;
}

/*
 * The lowest word from @low up to *@high that is not the pattern's; *@high when
 * there is none. *@high is first lowered to the own frame: what lies
 * above is in use. Calls nothing.
 */
static noinline notrace __no_sanitize_address
unsigned long vxt_scan(unsigned long low, unsigned long *high)
{
	unsigned long end = current_stack_pointer - vxt_margin();
	unsigned long words;
	bool same;

	if (end < *high)
		*high = end;
	if (low >= *high)
		return *high;
	words = (*high - low) / VXT_WORD;
	asm volatile("repe scasq"
		     : "+D" (low), "+c" (words), "=@cce" (same)
		     : "a" (vxt_pattern)
		     : "memory");
	return same ? *high : low - VXT_WORD;
}

static __always_inline unsigned long vxt_window(const struct vxt_state *state)
{
	return state->window & ~VXT_WINDOW_FLAGS;
}

/* Keep what the outer operation dirtied so far; returns the lowest dirty address. */
static noinline notrace unsigned long vxt_stack_fold(struct vexfs_op *outer)
{
	struct vxt_state *state = vxt_state(outer);
	unsigned long high = outer->entry_sp - state->floor;
	unsigned long dirty = vxt_scan(vxt_window(state), &high);

	if (dirty < high)
		state->low = max_t(u16, state->low, outer->entry_sp - dirty);
	return dirty;
}

/*
 * The operation in which the slot's task is, if @op, which began at @entry_sp, is nested in it. A
 * task that died in an operation leaves its slot to whoever gets its memory: believe only what
 * lies above on this stack, or in the slot itself, holds the cookie and began above.
 */
static notrace struct vexfs_op *vxt_stack_outer(struct vexfs_op **top, const struct vexfs_op *op,
						unsigned long entry_sp)
{
	unsigned long end = (unsigned long)task_stack_page(current) + THREAD_SIZE;
	struct vexfs_op *outer = *top;

	/* Of a call that never ended the room may be this one's. */
	if (!outer || outer == op)
		return NULL;
	if (!vxt_task_has_call(top, outer) &&
	    ((unsigned long)outer < entry_sp || (unsigned long)(outer + 1) > end))
		return NULL;
	if (READ_ONCE_NOCHECK(vxt_state(outer)->cookie) != vxt_cookie_painted(outer))
		return NULL;
	return outer->entry_sp >= entry_sp && outer->entry_sp <= end ? outer : NULL;
}

/* The part of the stack to paint: lowest address, and VXT_WINDOW_WHOLE. */
static notrace unsigned long vxt_stack_window(struct vxt_stack_class *class, unsigned long entry_sp)
{
	unsigned long end = (unsigned long)end_of_stack(current) + VXT_GUARD;
	u64 samples = READ_ONCE(class->samples);
	unsigned long reach;

	if (samples < VXT_BURST || !(samples % VXT_REPAINT) || READ_ONCE(class->want_whole)) {
		WRITE_ONCE(class->want_whole, false);
		return end | VXT_WINDOW_WHOLE;
	}
	reach = ALIGN(READ_ONCE(class->seen) + VXT_SLACK, VXT_GUARD);
	if (reach >= entry_sp - end)
		return end | VXT_WINDOW_WHOLE;
	return entry_sp - reach;
}

/* May anything be painted? The setting may have changed since @next was set. */
static __always_inline bool vxt_stack_on(void)
{
	return READ_ONCE(vxt_settings[VXT_SET_PAINT_SHARE]);
}

/* Is this the task's own stack, and did the operation begin on it? */
static notrace bool vxt_stack_usable(unsigned long entry_sp)
{
	unsigned long base = (unsigned long)task_stack_page(current);
	unsigned long sp = current_stack_pointer;

	return sp > base + VXT_GUARD && entry_sp > sp && entry_sp <= base + THREAD_SIZE &&
	       IS_ALIGNED(entry_sp, VXT_WORD);
}

/* How many samples of a class are painted before they are earned. */
static __always_inline u64 vxt_burst(unsigned int op_class)
{
	return op_class < VEXFS_OP_NR ? VXT_BURST : VXT_BURST_CALLS;
}

/*
 * Account for painting. The class has to earn it: it is not painted again before the time of its
 * operations has grown by the cost times the price. The first samples are painted on
 * credit, so that something is known of a class at once: what they cost is earned after them.
 */
static __always_inline void vxt_stack_pay(struct vxt_cpu_class *pc, unsigned int op_class, u64 cost)
{
	vxt_add(&pc->paint, cost);
	pc->owed += op_class < VEXFS_OP_NR ? cost : cost / VXT_CALL_SHARE;
	if (READ_ONCE(vxt_stack_classes[op_class].samples) < vxt_burst(op_class))
		return;
	WRITE_ONCE(pc->next, max(pc->next, pc->sum) +
			     (pc->owed * READ_ONCE(vxt_price) >> VXT_PRICE_SHIFT));
	pc->owed = 0;
}

/* Long operations earn more than they need: leave some out all the same. */
static notrace void vxt_stack_pause(struct vxt_cpu_class *pc, unsigned int op_class, u64 units)
{
	if (op_class < VEXFS_OP_NR && READ_ONCE(vxt_price) &&
	    READ_ONCE(vxt_stack_classes[op_class].samples) >= VXT_BURST)
		WRITE_ONCE(pc->next, max(pc->next, pc->sum + VXT_PAUSE * units));
}

/* Changes with each interrupt of this CPU, and with the CPU. Preemption is off. */
static __always_inline u32 vxt_interrupts(void)
{
	return vexfs_interrupts() << 8 | (smp_processor_id() & 0xff);
}

/* What to paint, given the operation in which this one is nested, or NULL. */
static notrace unsigned long vxt_stack_prepare(struct vexfs_op *op, struct vexfs_op *outer)
{
	struct vxt_state *state = vxt_state(op);
	unsigned long window = vxt_stack_window(&vxt_stack_classes[op->op_class], op->entry_sp);
	unsigned long from = window & ~VXT_WINDOW_FLAGS;

	if (outer) {
		struct vxt_state *above = vxt_state(outer);
		unsigned long dirty = vxt_stack_fold(outer);

		/* Below the dirty words the outer one's paint is as good as new. */
		if (from >= vxt_window(above)) {
			from = dirty;
			window = above->window & (~VXT_WINDOW_FLAGS | VXT_WINDOW_WHOLE);
		}
	}
	state->window = window;
	state->low = 0;
	state->interrupts = vxt_interrupts();
	state->outer = outer;
	return from;
}

/*
 * Have the word @depth bytes down watched, if it is painted. Nothing is called after the
 * paint but a function that tells how far down it reached.
 */
static __always_inline void vxt_stack_watch(struct vexfs_op *op, u32 depth)
{
	struct vxt_stack_class *class = &vxt_stack_classes[op->op_class];
	struct vxt_state *state = vxt_state(op);
	unsigned long address = op->entry_sp - depth;
	unsigned long low;

	if (address < vxt_window(state) || depth <= state->floor)
		return;
	low = vxt_watch_begin(op, address);
	if (!low)
		return;
	WRITE_ONCE(class->tries, class->tries + 1);
	state->window |= VXT_WINDOW_WATCHED;
	state->floor = max_t(u16, state->floor, op->entry_sp - (low - vxt_margin()));
}

/*
 * Paint for an operation in whose slot @top lies, with @spare bytes for what is called yet before
 * the operation begins.
 */
static __always_inline void vxt_stack_begin(struct vexfs_op *op, struct vexfs_op **top,
					    unsigned long spare)
{
	unsigned long from = vxt_stack_prepare(op, vxt_stack_outer(top, op, op->entry_sp));
	u32 want;

	*top = op;
	vxt_state(op)->floor = op->entry_sp - (vxt_paint(from) - vxt_margin() - spare);
	want = vxt_chain_wanted(&vxt_stack_classes[op->op_class]);
	if (unlikely(want) && !READ_ONCE(vxt_follow_live))
		vxt_stack_watch(op, want);
}

/**
 * vxt_stack_enter_op() - paint the stack of an operation that enters, if it is due
 * @op: the operation; its state says afterwards whether it was painted, and when it began
 *
 * Preemption is off.
 */
noinline notrace void vxt_stack_enter_op(struct vexfs_op *op)
{
	u64 begin = vxt_clock();
	struct vxt_cpu_class *pc = vxt_cpu_class(op->op_class);
	struct vexfs_op **top;
	bool live;

	if (!vxt_stack_on() || !vxt_stack_due(pc) || !vxt_stack_usable(op->entry_sp))
		goto out;
	live = READ_ONCE(vxt_follow_live);
	if (live && !vxt_follow_begin(op))
		goto out;
	top = vxt_task_find();
	if (!top)
		top = vxt_task_claim();
	if (!top) {
		atomic64_inc(&vxt_table_full);
		vxt_follow_end(op, 0);
		goto out;
	}
	vxt_state(op)->cookie = vxt_cookie_painted(op);
	vxt_stack_begin(op, top, 0);
	/* Following has a bound of its own. */
	if (!live)
		vxt_stack_pay(pc, op->op_class, vxt_clock() - begin);
out:
	vxt_state(op)->start = vxt_clock();
}

/*
 * Tracing itself stands in a painted operation, if this task is in one: below @entry_sp, and no
 * further below the own frame than @spare.
 */
static __always_inline void vxt_stack_reached(unsigned long entry_sp, unsigned int spare,
					      unsigned long flag)
{
	unsigned long end = (unsigned long)end_of_stack(current) + VXT_GUARD;
	unsigned long reach = max(current_stack_pointer - spare, end);
	struct vexfs_op **top = vxt_task_find(), *outer;
	struct vxt_state *state;

	outer = top ? vxt_stack_outer(top, NULL, entry_sp) : NULL;
	if (!outer)
		return;
	state = vxt_state(outer);
	state->floor = max_t(u16, state->floor, outer->entry_sp - reach);
	state->window |= flag;
}

/**
 * vxt_stack_probed() - a probe or a hook stands in a painted operation, if this task is in one
 * @entry_sp: stack pointer of who called the function that is probed, or of the inner operation
 *
 * Preemption is off.
 */
noinline notrace void vxt_stack_probed(unsigned long entry_sp)
{
	vxt_stack_reached(entry_sp, VXT_PROBE_SPARE, 0);
}

/**
 * vxt_stack_told() - somebody is about to be told of something, perhaps in a painted operation
 *
 * On the task's own stack, with preemption off.
 */
noinline notrace void vxt_stack_told(void)
{
	vxt_stack_reached(current_stack_pointer, VXT_TELL_SPARE, VXT_WINDOW_TOLD);
}

/* Calls of targets are numbered by themselves, as operations are. Preemption is off. */
static __always_inline u64 vxt_call_next(void)
{
	return this_cpu_inc_return(vxt_calls) | (u64)smp_processor_id() << VEXFS_EVENT_CPU_SHIFT;
}

/**
 * vxt_stack_enter_call() - paint the stack of a call of a target, if it is due
 * @op_class: of the target
 * @entry_sp: stack pointer of the caller at the call
 *
 * Preemption is off.
 *
 * Return: the call, for vxt_stack_exit_op(), or NULL when it was not painted.
 */
noinline notrace struct vexfs_op *vxt_stack_enter_call(unsigned int op_class,
						       unsigned long entry_sp)
{
	struct vxt_cpu_class *pc = vxt_cpu_class(op_class);
	u64 begin = vxt_clock();
	struct vexfs_op **top, *op;
	bool claimed, live = READ_ONCE(vxt_follow_live);

	if (!vxt_stack_on() || !vxt_stack_due(pc) || !vxt_stack_usable(entry_sp) ||
	    __this_cpu_read(vxt_locking))
		return NULL;
	top = vxt_task_find();
	claimed = !top;
	if (!top)
		top = vxt_task_claim();
	op = top ? vxt_task_call(top) : NULL;
	if (!op) {
		atomic64_inc(&vxt_table_full);
		if (top && claimed)
			vxt_task_release(top);
		return NULL;
	}
	op->seq = vxt_call_next();
	op->entry_sp = entry_sp;
	/* In this order: see vxt_task_forget(). */
	WRITE_ONCE(op->op_class, op_class);
	barrier();
	if (live && !vxt_follow_begin(op)) {
		if (claimed)
			vxt_task_release(top);
		return NULL;
	}
	WRITE_ONCE(vxt_state(op)->cookie, vxt_cookie_painted(op));
	vxt_stack_begin(op, top, VXT_PROBE_SPARE);
	vxt_state(op)->start = vxt_clock();
	if (!live)
		vxt_stack_pay(pc, op_class, vxt_state(op)->start - begin);
	return op;
}

/* Count a sample; true when it is the deepest of its class. */
static bool vxt_stack_count(struct vxt_stack_class *class, const struct vxt_sample *sample, u64 seq)
{
	bool record = false;
	unsigned long flags;

	flags = vxt_spin_lock(&class->lock);
	WRITE_ONCE(class->samples, class->samples + 1);
	WRITE_ONCE(class->seen, max(class->seen, sample->depth));
	if (sample->clipped) {
		class->clipped++;
		WRITE_ONCE(class->want_whole, true);
	} else {
		u64 painted = class->samples - class->clipped;

		record = sample->depth > class->max || painted == 1;
		if (record) {
			class->max = sample->depth;
			class->max_seq = seq;
		}
		if (sample->depth < class->min || painted == 1)
			class->min = sample->depth;
		class->max_absolute = max(class->max_absolute, sample->absolute);
		class->window = max(class->window, sample->depth);
		class->sum += sample->depth;
		class->shallow += sample->shallow;
		class->interrupted += sample->interrupted;
		class->over75 += sample->absolute > THREAD_SIZE / 4 * 3;
		class->hist[sample->depth / VXT_WORD]++;
		if (!sample->shallow)
			vxt_chain_want(class, sample->depth);
	}
	vxt_spin_unlock(&class->lock, flags);
	return record;
}

/* Scan, and turn what was found into a sample. */
static notrace unsigned long vxt_stack_measure(const struct vexfs_op *op,
					       const struct vxt_state *state,
					       struct vxt_sample *sample)
{
	unsigned long base = (unsigned long)task_stack_page(current);
	unsigned long high = op->entry_sp - state->floor;
	unsigned long found = vxt_scan(vxt_window(state), &high);
	unsigned long low = min_t(unsigned long, found, op->entry_sp - state->low);

	sample->depth = op->entry_sp - low;
	sample->absolute = base + THREAD_SIZE - low;
	sample->shallow = low == high;
	sample->interrupted = state->interrupts != vxt_interrupts();
	sample->clipped = state->window & VXT_WINDOW_CLIPPED ||
			  (state->window & VXT_WINDOW_TOLD && sample->shallow) ||
			  (!(state->window & VXT_WINDOW_WHOLE) &&
			   low < vxt_window(state) + VXT_NEAR);
	return low;
}

/* Whether the stack was nearly full. */
static notrace void vxt_stack_judge(const struct vexfs_op *op, const struct vxt_sample *sample)
{
	u32 percent = READ_ONCE(vxt_settings[VXT_SET_ALERT_STACK]);
	u32 limit = THREAD_SIZE / 100 * percent;

	if (unlikely(percent && sample->absolute > limit))
		vxt_alert_post(VXT_ALERT_STACK, op->op_class, op->seq, sample->absolute, limit);
}

/* What an inner operation found is true of the outer one as well. */
static notrace void vxt_stack_hand_on(struct vexfs_op *inner, unsigned long low, bool clipped)
{
	struct vxt_state *state = vxt_state(inner);
	struct vexfs_op *op = state->outer;
	struct vxt_state *outer = vxt_state(op);
	const unsigned long of_one = VXT_WINDOW_WATCHED | VXT_WINDOW_TOLD;
	const unsigned long clip = VXT_WINDOW_CLIPPED;

	outer->low = max_t(u16, outer->low, op->entry_sp - low);
	outer->floor = max_t(u16, outer->floor, state->floor + (op->entry_sp - inner->entry_sp));
	if (vxt_window(state) < vxt_window(outer))
		outer->window = (state->window & ~of_one) | (outer->window & (clip | of_one));
	if (clipped)
		outer->window |= clip;
}

/**
 * vxt_stack_exit_op() - measure the stack of an operation that was painted
 * @op: the operation, which leaves
 * @pc: its class on this CPU, which pays; preemption is off
 * @units: what it took
 *
 * What comes after the scan may use the stack as it likes: so a slow one is told of here.
 */
noinline notrace void vxt_stack_exit_op(struct vexfs_op *op, struct vxt_cpu_class *pc, u64 units)
{
	u64 begin = vxt_clock();
	struct vxt_stack_class *class = &vxt_stack_classes[op->op_class];
	struct vxt_state *state = vxt_state(op);
	struct vxt_sample sample;
	struct vexfs_op **top;
	unsigned long low;
	u64 caught = 0;
	bool record;

	low = vxt_stack_measure(op, state, &sample);
	if (state->outer)
		vxt_stack_hand_on(op, low, sample.clipped);
	top = vxt_task_find();
	if (top) {
		*top = state->outer;
		if (!state->outer)
			vxt_task_release(top);
	}
	if (unlikely(vxt_follow_overlaps(state->start))) {
		if (state->window & VXT_WINDOW_WATCHED)
			vxt_watch_end(op, class, 0);
		vxt_follow_end(op, sample.depth);
		vxt_add(&pc->unpainted, 1);
		vxt_alert_slow(op->op_class, op->seq, units);
		return;
	}
	if (unlikely(state->window & VXT_WINDOW_WATCHED))
		caught = vxt_watch_end(op, class,
				       sample.clipped || sample.shallow ? 0 : sample.depth);
	record = vxt_stack_count(class, &sample, op->seq);
	vxt_stack_judge(op, &sample);
	vxt_alert_slow(op->op_class, op->seq, units);
	vxt_stack_pay(pc, op->op_class, vxt_clock() - begin + caught);
	vxt_stack_pause(pc, op->op_class, units);
	if (unlikely(vxt_chain_wanted(class) && !vxt_watch_is_here()))
		vxt_follow_ask(class);

	if (record && trace_vxt_stack_record_enabled())
		trace_vxt_stack_record(vexfs_event_next(VEXFS_EVENT_RECORD), op, sample.depth,
				       sample.absolute);
}

/**
 * vxt_stack_abandon() - a painted call ends, and nothing is to be told of it
 * @op: the call
 *
 * Preemption is off.
 */
noinline notrace void vxt_stack_abandon(struct vexfs_op *op)
{
	struct vxt_state *state = vxt_state(op);
	struct vexfs_op **top = vxt_task_find();

	if (state->window & VXT_WINDOW_WATCHED)
		vxt_watch_end(op, &vxt_stack_classes[op->op_class], 0);
	vxt_follow_end(op, 0);
	if (!top)
		return;
	*top = state->outer;
	if (!state->outer)
		vxt_task_release(top);
}

/* The caller holds vxt_lock. */
void vxt_stack_reset(void)
{
	unsigned int i;

	for (i = 0; i < VXT_CLASSES; i++)
		vxt_stack_class_reset(i);
	atomic64_set(&vxt_table_full, 0);
}

u64 vxt_stack_table_full(void)
{
	return atomic64_read(&vxt_table_full);
}

u64 vxt_stack_memory(void)
{
	return vxt_task_memory() + vxt_chain_memory() + vxt_watch_memory() + vxt_follow_memory() +
	       (u64)VXT_CLASSES * VXT_DEPTHS * sizeof(u64);
}

int vxt_stack_init(void)
{
	u64 *hist = kvcalloc(VXT_CLASSES * VXT_DEPTHS, sizeof(*hist), GFP_KERNEL);
	unsigned int i;
	int err;

	if (!hist)
		return -ENOMEM;
	err = vxt_task_init();
	if (err)
		goto free_hist;
	err = vxt_chain_init();
	if (err)
		goto free_tasks;
	err = vxt_follow_init();
	if (err)
		goto free_chains;
	err = vxt_watch_init();
	if (err)
		goto free_follow;
	for (i = 0; i < VXT_CLASSES; i++) {
		raw_spin_lock_init(&vxt_stack_classes[i].lock);
		vxt_stack_classes[i].hist = hist + i * VXT_DEPTHS;
	}
	vxt_pattern = get_random_u64();
	return 0;

free_follow:
	vxt_follow_exit();
free_chains:
	vxt_chain_exit();
free_tasks:
	vxt_task_exit();
free_hist:
	kvfree(hist);
	return err;
}

void vxt_stack_exit(void)
{
	vxt_watch_exit();
	vxt_follow_exit();
	vxt_chain_exit();
	vxt_task_exit();
	kvfree(vxt_stack_classes[0].hist);
}
