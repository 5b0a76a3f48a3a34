// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work on a stack of its own.
 *
 * A system call may be deep in its stack already when it finds that a transaction must be
 * committed, or that a piece of the tree must be read first. Neither has to happen there: a
 * worker, whose stack is empty, does it, and the caller waits. What it waits for is a
 * device, beside which the change of tasks costs little.
 */
#include <linux/blkdev.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include "vexfs.h"

/*
 * One queue a kind, for under memory pressure a queue may have but one worker, and each kind
 * may wait for those behind it: writing pages for a step of the core, that for a commit, that
 * for whoever holds the core's lock, that one for a segment, and that for a piece of the tree.
 */
static struct workqueue_struct *vexfs_aside_queues[VEXFS_ASIDE_NR];

struct vexfs_aside {
	struct work_struct work;
	struct task_struct *waiter;
	int (*fn)(void *arg);
	void *arg;
	int result;
	bool done;
};

static void vexfs_aside_work(struct work_struct *work)
{
	struct vexfs_aside *a = container_of(work, struct vexfs_aside, work);
	struct task_struct *waiter = a->waiter;
	struct blk_plug plug;

	blk_start_plug(&plug);
	a->result = a->fn(a->arg);
	blk_finish_plug(&plug);
	rcu_read_lock();
	/* Once told, the waiter may go, and @a with it; RCU keeps the task until it is woken. */
	smp_store_release(&a->done, true);
	wake_up_process(waiter);
	rcu_read_unlock();
}

/**
 * vexfs_aside() - have a worker run a function, and wait for it
 * @ctx: not used; makes it a struct vex_io_ops.aside
 * @kind: what it may wait for
 * @fn: function
 * @arg: its argument
 *
 * May sleep; may be called where the page cache or the core's locks are held that @kind allows.
 * The wait is in this very frame, not in those of a completion, for it often is where the
 * stack is deepest, and the scheduler goes deep from there.
 *
 * The worker is one of this CPU: it is there to run when the caller sleeps. With none, the
 * scheduler would look for work of other CPUs, on the caller's stack, several hundred bytes deep.
 *
 * Return: what @fn returned.
 */
int vexfs_aside(void *ctx, u32 kind, int (*fn)(void *arg), void *arg)
{
	struct vexfs_aside a = { .waiter = current, .fn = fn, .arg = arg };

	INIT_WORK_ONSTACK(&a.work, vexfs_aside_work);
	queue_work(vexfs_aside_queues[kind], &a.work);
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		/* Pairs with the release in vexfs_aside_work(). */
		if (smp_load_acquire(&a.done))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	destroy_work_on_stack(&a.work);
	return a.result;
}

/**
 * struct vexfs_span - a part of a file
 * @mapping: of the file
 * @from: first byte
 * @to: last byte
 */
struct vexfs_span {
	struct address_space *mapping;
	loff_t from;
	loff_t to;
};

static int vexfs_span_flush(void *arg)
{
	struct vexfs_span *span = arg;

	return filemap_write_and_wait_range(span->mapping, span->from, span->to);
}

/**
 * vexfs_flush_aside() - write back what is dirty of a file, and wait
 * @mapping: of the file; no folio of it is locked
 * @from: first byte
 * @to: last byte
 *
 * For operations of which this is a small part. fsync does not come here: who writes much
 * does it in its own name.
 *
 * Return: 0 or the first error of writing.
 */
int vexfs_flush_aside(struct address_space *mapping, loff_t from, loff_t to)
{
	struct vexfs_span span = { .mapping = mapping, .from = from, .to = to };

	if (!filemap_range_needs_writeback(mapping, from, to))
		return 0;
	return vexfs_aside(NULL, VEXFS_ASIDE_PAGES, vexfs_span_flush, &span);
}

void vexfs_aside_exit(void)
{
	u32 i;

	for (i = 0; i < VEXFS_ASIDE_NR; i++)
		if (vexfs_aside_queues[i])
			destroy_workqueue(vexfs_aside_queues[i]);
}

int vexfs_aside_init(void)
{
	static const char *const names[VEXFS_ASIDE_NR] = {
		[VEX_ASIDE_STEP] = "vexfs_step",
		[VEX_ASIDE_CALL] = "vexfs_call",
		[VEX_ASIDE_SEG] = "vexfs_seg",
		[VEX_ASIDE_LOAD] = "vexfs_load",
		[VEXFS_ASIDE_PAGES] = "vexfs_pages",
	};
	u32 i;

	for (i = 0; i < VEXFS_ASIDE_NR; i++) {
		vexfs_aside_queues[i] = alloc_workqueue(names[i], WQ_MEM_RECLAIM, 0);
		if (!vexfs_aside_queues[i]) {
			vexfs_aside_exit();
			return -ENOMEM;
		}
	}
	return 0;
}
