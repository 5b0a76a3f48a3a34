// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work on a stack of its own.
 *
 * A system call may be deep in its stack already when it finds that a transaction must be
 * committed, or that a piece of the tree must be read first. Neither has to happen there: a
 * worker, whose stack is empty, does it, and the caller waits. What it waits for is a
 * device, beside which the change of tasks costs little.
 */
#include <linux/completion.h>
#include <linux/workqueue.h>
#include "vexfs.h"

/*
 * One queue a kind, for under memory pressure a queue may have but one worker: a call of
 * VEX_ASIDE_CALL waits for whoever holds the core's lock, and that one for its VEX_ASIDE_LOAD.
 */
static struct workqueue_struct *vexfs_aside_queues[VEX_ASIDE_KINDS];

struct vexfs_aside {
	struct work_struct work;
	struct completion done;
	int (*fn)(void *arg);
	void *arg;
	int result;
};

static void vexfs_aside_work(struct work_struct *work)
{
	struct vexfs_aside *a = container_of(work, struct vexfs_aside, work);

	a->result = a->fn(a->arg);
	/* @a may be gone when this returns. */
	complete(&a->done);
}

/**
 * vexfs_aside() - have a worker run a function, and wait for it
 * @ctx: not used; makes it a struct vex_io_ops.aside
 * @kind: what it may wait for
 * @fn: function
 * @arg: its argument
 *
 * May sleep; may be called where the page cache or the core's locks are held that @kind allows.
 *
 * Return: what @fn returned.
 */
int vexfs_aside(void *ctx, enum vex_aside kind, int (*fn)(void *arg), void *arg)
{
	struct vexfs_aside a = { .fn = fn, .arg = arg };

	INIT_WORK_ONSTACK(&a.work, vexfs_aside_work);
	init_completion(&a.done);
	queue_work(vexfs_aside_queues[kind], &a.work);
	wait_for_completion(&a.done);
	destroy_work_on_stack(&a.work);
	return a.result;
}

void vexfs_aside_exit(void)
{
	u32 i;

	for (i = 0; i < VEX_ASIDE_KINDS; i++)
		if (vexfs_aside_queues[i])
			destroy_workqueue(vexfs_aside_queues[i]);
}

int vexfs_aside_init(void)
{
	static const char *const names[] = { "vexfs_call", "vexfs_load" };
	u32 i;

	for (i = 0; i < VEX_ASIDE_KINDS; i++) {
		vexfs_aside_queues[i] = alloc_workqueue(names[i], WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
		if (!vexfs_aside_queues[i]) {
			vexfs_aside_exit();
			return -ENOMEM;
		}
	}
	return 0;
}
