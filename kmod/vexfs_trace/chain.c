// SPDX-License-Identifier: GPL-2.0-only
/*
 * The deepest chain of calls of each class of operations, with the bytes of each frame.
 *
 * Measuring a stack tells how deep an operation went, when it is over and the frames are
 * gone. So a depth that was seen is looked for in the operations that follow: the word at this
 * depth is watched (watch.c), and whoever writes it is on the deepest chain if the
 * operation then turns out to have gone just as deep.
 *
 * Looked for is, of the depths beyond the chain that is kept, the one that was seen most often: it
 * will come again soon. Then those beyond that. So a depth to which an interrupt had added does
 * not stand in the way, and what is kept ends up as the chain of the greatest depth that ever
 * comes twice.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <compat/unwind.h>
#include <trace/vexfs_events.h>
#include <trace/vexfs_trace.h>
#include "depth.h"

/* What vxt_chain_read() hands out. Under vxt_lock. */
static struct vxt_chain vxt_chain_row;

/**
 * vxt_chain_take() - note who is calling whom
 * @chain: filled
 * @op: the operation, in which the current task is
 * @regs: of the function that has just written to its stack, or is being entered
 * @low: lowest address of that function's frame so far
 *
 * Runs as an exception that may come anywhere, or as ftrace's callback: takes no lock.
 */
notrace void vxt_chain_take(struct vxt_chain *chain, struct vexfs_op *op, struct pt_regs *regs,
			    unsigned long low)
{
	unsigned long top = op->entry_sp, ip = regs->ip, sp = low, next;
	struct unwind_state state;

	chain->seq = op->seq;
	chain->depth = top - low;
	chain->pid = task_pid_nr(current);
	memcpy(chain->comm, current->comm, sizeof(chain->comm));
	chain->comm[sizeof(chain->comm) - 1] = '\0';
	chain->nr = 0;
	chain->entered = 0;
	chain->settled = false;
	/* Started from registers, the unwinder stands in the caller of their function. */
	for (unwind_start(&state, current, regs, NULL); ip && sp < top; unwind_next_frame(&state)) {
		next = vexfs_unwind_sp(&state);
		if (next <= sp || next > top || chain->nr >= VXT_FRAMES)
			break;
		chain->frame[chain->nr].ip = ip;
		chain->frame[chain->nr++].bytes = next - sp;
		sp = next;
		ip = unwind_get_return_address(&state);
	}
	chain->complete = sp == top;
	if (trace_vxt_stack_chain_enabled())
		trace_vxt_stack_chain(vexfs_event_next(VEXFS_EVENT_CHAIN), op, chain->depth,
				      regs->ip);
}

/* Is a chain of this depth better than what is kept? The class's lock is held. */
static bool vxt_chain_is_beyond(const struct vxt_stack_class *class, u32 depth)
{
	const struct vxt_chain *chain = class->chain;

	if (depth && depth == chain->depth)
		return !chain->complete || (chain->entered && !chain->settled);
	return depth > chain->depth;
}

/* Does a chain that was taken take the place of the one that is kept? The class's lock is held. */
static bool vxt_chain_is_better(const struct vxt_chain *chain, const struct vxt_chain *kept)
{
	if (chain->depth != kept->depth)
		return chain->depth > kept->depth;
	if (!kept->complete || !chain->entered)
		return chain->complete;
	return chain->complete && kept->entered && chain->entered > kept->entered;
}

/**
 * vxt_chain_want() - choose what to look for, given one more sample
 * @class: of the operation, which has counted the sample; its lock is held
 * @depth: how deep the operation went, exactly
 */
void vxt_chain_want(struct vxt_stack_class *class, u32 depth)
{
	u64 seen = class->hist[depth / VXT_WORD], other = class->hist[class->want / VXT_WORD];

	if (!vxt_chain_is_beyond(class, depth))
		return;
	if (!class->want || READ_ONCE(class->tries) >= VXT_TRIES || seen > other ||
	    (seen == other && depth > class->want)) {
		WRITE_ONCE(class->want, depth);
		WRITE_ONCE(class->tries, 0);
	}
}

/* Bytes of the largest frame that is known to be one. */
static u32 vxt_chain_largest(const struct vxt_chain *chain)
{
	u32 i, largest = 0;

	for (i = chain->entered ? 1 : 0; i < chain->nr; i++)
		largest = max(largest, chain->frame[i].bytes);
	return largest;
}

/* Whether a chain that is new has very many functions, or one with a very large frame. */
static void vxt_chain_judge(unsigned int op_class, u64 seq, u32 nr, u32 largest)
{
	u32 calls = READ_ONCE(vxt_settings[VXT_SET_ALERT_CALLS]);
	u32 frame = READ_ONCE(vxt_settings[VXT_SET_ALERT_FRAME]);

	if (calls && nr > calls)
		vxt_alert_post(VXT_ALERT_CALLS, op_class, seq, nr, calls);
	if (frame && largest > frame)
		vxt_alert_post(VXT_ALERT_FRAME, op_class, seq, largest, frame);
}

/**
 * vxt_chain_keep() - exchange the chain of a class for a deeper one
 * @class: takes it
 * @op_class: its number
 * @chain: receives the former one
 */
void vxt_chain_keep(struct vxt_stack_class *class, unsigned int op_class, struct vxt_chain **chain)
{
	u32 nr = (*chain)->nr, largest = vxt_chain_largest(*chain);
	u64 seq = (*chain)->seq;
	unsigned long flags;
	bool keep;

	flags = vxt_spin_lock(&class->lock);
	keep = vxt_chain_is_better(*chain, class->chain);
	if (keep)
		swap(*chain, class->chain);
	if (!vxt_chain_is_beyond(class, class->want))
		WRITE_ONCE(class->want, 0);
	vxt_spin_unlock(&class->lock, flags);
	if (keep)
		vxt_chain_judge(op_class, seq, nr, largest);
}

/**
 * vxt_chain_keep_entered() - keep a chain of which is known where its last function was entered
 * @op_class: takes it, if it leads to the depth that the class looks for
 * @chain: receives the former one
 * @reached: how deep the operation went, with the frames of ftrace and the unwinder: at most
 */
void vxt_chain_keep_entered(unsigned int op_class, struct vxt_chain **chain, u32 reached)
{
	struct vxt_stack_class *class = &vxt_stack_classes[op_class];
	u32 want = READ_ONCE(class->want), entered = (*chain)->depth;
	unsigned long flags;

	if (want && entered <= want && want <= reached) {
		(*chain)->entered = entered;
		(*chain)->frame[0].bytes += want - entered;
		(*chain)->depth = want;
		vxt_chain_keep(class, op_class, chain);
	}
	flags = vxt_spin_lock(&class->lock);
	if (READ_ONCE(class->tries) >= VXT_TRIES)
		class->chain->settled = true;
	if (!vxt_chain_is_beyond(class, class->want))
		WRITE_ONCE(class->want, 0);
	vxt_spin_unlock(&class->lock, flags);
}

/**
 * vxt_chain_read() - the deepest chain of a class
 * @op_class: which
 *
 * The caller holds vxt_lock.
 *
 * Return: a copy that is good until the lock is released or another one is read; NULL
 * when none was caught.
 */
const struct vxt_chain *vxt_chain_read(unsigned int op_class)
{
	struct vxt_stack_class *class = &vxt_stack_classes[op_class];
	unsigned long flags;

	lockdep_assert_held(&vxt_lock);
	flags = vxt_spin_lock(&class->lock);
	memcpy(&vxt_chain_row, class->chain, sizeof(vxt_chain_row));
	vxt_spin_unlock(&class->lock, flags);
	return vxt_chain_row.depth ? &vxt_chain_row : NULL;
}

/* Forget the chain. The class's lock is held. */
void vxt_chain_reset(struct vxt_stack_class *class)
{
	class->chain->depth = 0;
	WRITE_ONCE(class->want, 0);
	WRITE_ONCE(class->tries, 0);
}

u64 vxt_chain_memory(void)
{
	return (u64)VXT_CLASSES * sizeof(struct vxt_chain);
}

int vxt_chain_init(void)
{
	unsigned int i;

	for (i = 0; i < VXT_CLASSES; i++) {
		struct vxt_stack_class *class = &vxt_stack_classes[i];

		class->chain = kzalloc(sizeof(*class->chain), GFP_KERNEL);
		if (!class->chain) {
			vxt_chain_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

void vxt_chain_exit(void)
{
	unsigned int i;

	for (i = 0; i < VXT_CLASSES; i++) {
		kfree(vxt_stack_classes[i].chain);
		vxt_stack_classes[i].chain = NULL;
	}
}
