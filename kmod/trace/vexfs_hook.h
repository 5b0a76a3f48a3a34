/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks of vexfs_trace.ko in every operation.
 *
 * They stand where probes of vexfs_op_enter and vexfs_op_exit would, and cost half of one:
 * nothing is looked up, and no number is given out for them. The order is part of what is
 * measured: enter comes after all probes of vexfs_op_enter, so that what these do to the
 * stack is painted over, and exit before all probes of vexfs_op_exit.
 */
#ifndef VEXFS_HOOK_H
#define VEXFS_HOOK_H

#include <linux/preempt.h>
#include <linux/static_call.h>
#include "vexfs_op.h"

/* Called with preemption off. */
typedef void vexfs_op_hook(struct vexfs_op *op);

vexfs_op_hook vexfs_op_no_hook;	/* only lends its type */
DECLARE_STATIC_CALL(vexfs_op_hook_enter, vexfs_op_no_hook);
DECLARE_STATIC_CALL(vexfs_op_hook_exit, vexfs_op_no_hook);
DECLARE_STATIC_CALL(vexfs_op_hook_exit_told, vexfs_op_no_hook);

/**
 * vexfs_op_hook_set() - have every operation call these
 * @enter: as it enters
 * @exit: as it leaves; also of operations that entered before this call
 * @exit_told: instead of @exit where probes of an exit event follow; sets @took, which is 0
 *
 * There is room for one set. Sleeps.
 *
 * Return: 0 or -EBUSY.
 */
int vexfs_op_hook_set(vexfs_op_hook *enter, vexfs_op_hook *exit, vexfs_op_hook *exit_told);

/**
 * vexfs_op_hook_clear() - call the hooks no more
 *
 * When this returns none is running. Sleeps.
 */
void vexfs_op_hook_clear(void);

#endif /* VEXFS_HOOK_H */
