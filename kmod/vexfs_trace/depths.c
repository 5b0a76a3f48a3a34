// SPDX-License-Identifier: GPL-2.0-only
/* What stack.c has measured of each class: read, compared with the window before, forgotten. */
#include "depth.h"

/* The least depth that @percent of the samples do not exceed. */
static u32 vxt_stack_percentile(const struct vxt_stack_class *class, u64 painted,
				unsigned int percent)
{
	u64 rank = DIV_ROUND_UP_ULL(painted * percent, 100);
	unsigned int i;

	for (i = 0; i < VXT_DEPTHS - 1; i++) {
		if (rank <= class->hist[i])
			break;
		rank -= class->hist[i];
	}
	return i * VXT_WORD;
}

/**
 * vxt_stack_read() - the stack counters of one class
 * @op_class: which
 * @row: filled
 *
 * The caller holds vxt_lock.
 */
void vxt_stack_read(unsigned int op_class, struct vxt_stack_row *row)
{
	struct vxt_stack_class *class = &vxt_stack_classes[op_class];
	unsigned long flags;
	int cpu;

	lockdep_assert_held(&vxt_lock);
	memset(row, 0, sizeof(*row));
	for_each_possible_cpu(cpu) {
		const struct vxt_cpu_class *pc = vxt_cpu_class_of(cpu, op_class);

		if (pc)
			row->unpainted += READ_ONCE(pc->unpainted);
	}

	flags = vxt_spin_lock(&class->lock);
	row->clipped = class->clipped;
	row->painted = class->samples - class->clipped;
	row->shallow = class->shallow;
	row->over75 = class->over75;
	row->interrupted = class->interrupted;
	row->max_seq = class->max_seq;
	row->min = class->min;
	row->max = class->max;
	row->max_absolute = class->max_absolute;
	if (row->painted) {
		row->mean = div64_u64(class->sum, row->painted);
		row->p50 = vxt_stack_percentile(class, row->painted, 50);
		row->p99 = vxt_stack_percentile(class, row->painted, 99);
	}
	vxt_spin_unlock(&class->lock, flags);
	row->calls = row->painted + row->clipped + row->unpainted;
}

/* Forget what was measured of a class. The caller holds vxt_lock. */
void vxt_stack_class_reset(unsigned int op_class)
{
	struct vxt_stack_class *class = &vxt_stack_classes[op_class];
	unsigned long flags;

	flags = vxt_spin_lock(&class->lock);
	memset(class->hist, 0, VXT_DEPTHS * sizeof(*class->hist));
	WRITE_ONCE(class->samples, 0);
	WRITE_ONCE(class->want_whole, false);
	class->clipped = 0;
	class->shallow = 0;
	class->over75 = 0;
	class->interrupted = 0;
	class->sum = 0;
	class->max_seq = 0;
	class->min = 0;
	class->max = 0;
	class->max_absolute = 0;
	class->window = 0;
	class->before = 0;
	WRITE_ONCE(class->seen, 0);
	vxt_chain_reset(class);
	vxt_spin_unlock(&class->lock, flags);
}

/* Tell of the classes that went much deeper than in the window before. */
void vxt_stack_window_over(void)
{
	u32 growth = READ_ONCE(vxt_settings[VXT_SET_ALERT_GROWTH]);
	unsigned int i;

	for (i = 0; i < VXT_CLASSES; i++) {
		struct vxt_stack_class *class = &vxt_stack_classes[i];
		unsigned long flags;
		u32 depth, before;

		flags = vxt_spin_lock(&class->lock);
		depth = class->window;
		before = class->before;
		class->before = depth ?: before;
		class->window = 0;
		vxt_spin_unlock(&class->lock, flags);
		preempt_disable();
		if (growth && before && depth * 100 > before * (100 + growth))
			vxt_alert_post(VXT_ALERT_GROWTH, i, 0, depth,
				       before * (100 + growth) / 100);
		preempt_enable();
	}
}
