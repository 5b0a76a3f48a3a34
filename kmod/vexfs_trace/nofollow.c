// SPDX-License-Identifier: GPL-2.0-only
/*
 * In place of follow.c, for kernels without the ORC unwinder or whose ftrace does not tell
 * registers: nothing is followed.
 */
#include "depth.h"

const bool vxt_follow_able;
bool vxt_follow_live;

notrace bool vxt_follow_begin(struct vexfs_op *op)
{
	return false;
}

notrace void vxt_follow_end(struct vexfs_op *op, u32 depth)
{
}

notrace bool vxt_follow_overlaps(u64 begin)
{
	return false;
}

notrace void vxt_follow_exits(void)
{
}

void vxt_follow_forget(unsigned int op_class)
{
}

void vxt_follow_clock(void)
{
}

notrace void vxt_follow_ask(const struct vxt_stack_class *class)
{
}

u64 vxt_follow_memory(void)
{
	return 0;
}

int vxt_follow_init(void)
{
	return 0;
}

void vxt_follow_stop(void)
{
}

void vxt_follow_exit(void)
{
}
