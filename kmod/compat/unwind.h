/* SPDX-License-Identifier: GPL-2.0-only */
/* Where an unwinder stands in the stack: only that of ORC tells. */
#ifndef VEXFS_COMPAT_UNWIND_H
#define VEXFS_COMPAT_UNWIND_H

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

#endif /* VEXFS_COMPAT_UNWIND_H */
