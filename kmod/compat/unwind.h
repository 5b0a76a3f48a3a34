/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs of unwinders: only that of ORC tells where in the stack it stands. */
#ifndef VEXFS_COMPAT_UNWIND_H
#define VEXFS_COMPAT_UNWIND_H

#include <linux/llist.h>
#include <linux/sched.h>
#include <asm/unwind.h>

/* The stack pointer of the frame at which @state stands; 0 when that is not known. */
static __always_inline unsigned long vexfs_unwind_sp(const struct unwind_state *state)
{
#ifdef CONFIG_UNWINDER_ORC
	return state->sp;
#else
	return 0;
#endif
}

/*
 * Is @task in a function that a kretprobe has? To go past one on the stack of a task that is
 * runnable makes the kernel warn, even if that is off the CPU.
 */
static __always_inline bool vexfs_task_is_probed(const struct task_struct *task)
{
#ifdef CONFIG_RETHOOK
	return !llist_empty(&task->rethooks);
#else
	return false;
#endif
}

#endif /* VEXFS_COMPAT_UNWIND_H */
