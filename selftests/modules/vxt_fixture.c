// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of known depth, to test what vexfs_trace.ko measures.
 *
 * /sys/kernel/debug/vxt_fixture runs one case for each line written to it,
 *
 *	CASE CLASS LEVELS
 *
 * and then reads as "CLASS EXPECT FRAME INNER": the depth in bytes that the
 * operation must be reported with, the size of one level's frame as seen at
 * run time, and the depth of the nested operation (0 without one). The cases:
 *
 *	plain	go LEVELS deep
 *	leaf	go LEVELS deep, then into a leaf with an array of 4 KiB
 *	far	as leaf, with an array of 2000 bytes: the most that the kernel's build allows
 *	inner	a nested operation (of the class before) goes LEVELS deep
 *	outer	go 2 * LEVELS deep and return, then a nested operation goes LEVELS deep
 *	sleep	sleep, move to another CPU, then as leaf
 *	thread	as leaf, on a kernel thread
 *	irq	as plain, and interrupt the CPU on the way
 *	empty	do nothing
 *	fail	as plain, and end with -EIO
 *	crowd	100 * LEVELS kernel threads are in an operation at the same time
 *	wait	wait for LEVELS / 10 seconds, then as plain
 *	call	no operation, but a call of fixture_target(), which does as leaf
 *	within	an operation goes LEVELS deep inside a call of fixture_target_around()
 *	stay	a call of fixture_target(), which first waits for LEVELS / 10 seconds
 *	takes	a call of fixture_takes(), which allocates LEVELS objects of 100 bytes, sleeps,
 *		allocates and frees 8 pages at once, and frees half of the objects
 *
 * The only recursion in this project: it is what has to be measured.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "vxt_line.h"
#include "vxt_op.h"

#define FIXTURE_LEVELS		32
#define FIXTURE_ROOM		(4096 / sizeof(unsigned long))
#define FIXTURE_ROOM_FAR	(2000 / sizeof(unsigned long))
#define FIXTURE_BYTES		100
#define FIXTURE_ORDER		3

struct fixture_run {
	unsigned int op_class;
	unsigned int levels;
	unsigned int wait_ms;
	bool leaf;
	bool far;
	int err;
	unsigned long lowest;	/* deepest address touched on purpose */
	unsigned long frames[FIXTURE_LEVELS + 1];
	unsigned int nr_frames;
	u64 expect;
	u64 inner;
};

static DEFINE_MUTEX(fixture_lock);	/* guards all below */
static struct fixture_run fixture;
static struct dentry *fixture_file;

/* Touches one word, the lowest of a large frame. Calls nothing. */
static noinline __no_sanitize_address void fixture_leaf(void)
{
	unsigned long room[FIXTURE_ROOM];

	WRITE_ONCE(room[0], fixture.levels);
	fixture.lowest = (unsigned long)&room[0];
}

static noinline __no_sanitize_address void fixture_far(void)
{
	unsigned long room[FIXTURE_ROOM_FAR];

	WRITE_ONCE(room[0], fixture.levels);
	fixture.lowest = (unsigned long)&room[0];
}

/* One level: a frame of always the same size, all of it below the caller's. */
static noinline __noclone __no_sanitize_address
unsigned int fixture_level(unsigned int level)
{
	unsigned long room[8];
	unsigned int below = 0;

	WRITE_ONCE(room[0], level);
	fixture.frames[level] = (unsigned long)__builtin_frame_address(0);
	fixture.nr_frames = level + 1;
	fixture.lowest = (unsigned long)&room[0];
	if (level + 1 < fixture.levels)
		below = fixture_level(level + 1);
	else if (fixture.leaf)
		fixture_leaf();
	else if (fixture.far)
		fixture_far();
	barrier();
	return below + READ_ONCE(room[0]);
}

static noinline void fixture_plain(struct fixture_run *run)
{
	struct vexfs_op op;

	fixture_begin(&op, run->op_class);
	if (run->wait_ms)
		msleep(run->wait_ms);
	if (run->levels)
		fixture_level(0);
	fixture_end(&op, run->err);
	run->expect = op.entry_sp - run->lowest;
}

static noinline __noclone void fixture_inner(struct fixture_run *run)
{
	struct vexfs_op op;

	fixture_begin(&op, run->op_class - 1);
	fixture_level(0);
	fixture_end(&op, 0);
	run->inner = op.entry_sp - run->lowest;
}

static noinline __noclone void fixture_nest(struct fixture_run *run)
{
	struct vexfs_op op;

	fixture_begin(&op, run->op_class);
	fixture_inner(run);
	fixture_end(&op, 0);
	run->expect = op.entry_sp - run->lowest;
}

static noinline void fixture_outer(struct fixture_run *run)
{
	unsigned long lowest;
	struct vexfs_op op;

	fixture_begin(&op, run->op_class);
	run->levels *= 2;
	fixture_level(0);
	run->levels /= 2;
	lowest = run->lowest;
	fixture_inner(run);
	fixture_end(&op, 0);
	run->expect = op.entry_sp - min(lowest, run->lowest);
}

static noinline void fixture_sleep(struct fixture_run *run)
{
	unsigned int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	struct vexfs_op op;

	fixture_begin(&op, run->op_class);
	msleep(20);
	if (cpu < nr_cpu_ids) {
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		set_cpus_allowed_ptr(current, cpu_possible_mask);
	}
	fixture_level(0);
	fixture_end(&op, 0);
	run->expect = op.entry_sp - run->lowest;
}

static void fixture_interrupted(struct irq_work *work)
{
}

static DEFINE_IRQ_WORK(fixture_irq, fixture_interrupted);

static noinline void fixture_irq_now(struct fixture_run *run)
{
	struct vexfs_op op;

	fixture_begin(&op, run->op_class);
	fixture_level(0);
	irq_work_queue(&fixture_irq);
	irq_work_sync(&fixture_irq);
	fixture_end(&op, 0);
	run->expect = op.entry_sp - run->lowest;
}

/* A function that is measured as a target; @run->expect is its depth. */
static noinline __noclone void fixture_target(struct fixture_run *run)
{
	if (run->wait_ms)
		msleep(run->wait_ms);
	fixture_level(0);
	run->expect = (unsigned long)__builtin_frame_address(0) + 2 * sizeof(unsigned long) -
		      run->lowest;
}

static noinline __noclone void fixture_target_around(struct fixture_run *run)
{
	fixture_inner(run);
	run->expect = (unsigned long)__builtin_frame_address(0) + 2 * sizeof(unsigned long) -
		      run->lowest;
}

/* What it takes is known; @run->expect is how many objects it leaves in @objects. */
static noinline __noclone void fixture_takes(struct fixture_run *run, void **objects)
{
	struct page *pages;
	unsigned int i;

	for (i = 0; i < run->levels; i++)
		objects[i] = kmalloc(FIXTURE_BYTES, GFP_KERNEL);
	msleep(20);
	pages = alloc_pages(GFP_KERNEL, FIXTURE_ORDER);
	if (pages)
		__free_pages(pages, FIXTURE_ORDER);
	while (i-- > run->levels / 2)
		kfree(objects[i]);
	run->expect = run->levels / 2;
}

static void fixture_took(struct fixture_run *run)
{
	void *objects[FIXTURE_LEVELS];
	unsigned int i;

	fixture_takes(run, objects);
	for (i = 0; i < run->expect; i++)
		kfree(objects[i]);
}

static void fixture_work(struct work_struct *work)
{
	fixture_plain(&fixture);
}

/* On a kernel thread, one of a workqueue. */
static void fixture_thread(void)
{
	struct work_struct work;

	INIT_WORK_ONSTACK(&work, fixture_work);
	schedule_work(&work);
	flush_work(&work);
	destroy_work_on_stack(&work);
}

struct fixture_crowd {
	struct completion all_in;
	struct completion go;
	atomic_t entering;
};

static noinline int fixture_one_of_crowd(void *data)
{
	struct fixture_crowd *crowd = data;
	struct vexfs_op op;

	fixture_begin(&op, fixture.op_class);
	if (atomic_dec_and_test(&crowd->entering))
		complete(&crowd->all_in);
	wait_for_completion(&crowd->go);
	fixture_end(&op, 0);
	return 0;
}

/* None of the threads may be left when this module goes: each is waited for. */
static int fixture_crowd(unsigned int threads)
{
	struct task_struct **task = kvcalloc(threads, sizeof(*task), GFP_KERNEL);
	struct fixture_crowd crowd;
	unsigned int i, nr;
	int err = 0;

	if (!task)
		return -ENOMEM;
	init_completion(&crowd.all_in);
	init_completion(&crowd.go);
	atomic_set(&crowd.entering, 1);
	for (nr = 0; nr < threads; nr++) {
		task[nr] = kthread_create(fixture_one_of_crowd, &crowd, "vxt_crowd");
		if (IS_ERR(task[nr])) {
			err = PTR_ERR(task[nr]);
			break;
		}
		get_task_struct(task[nr]);
		atomic_inc(&crowd.entering);
		wake_up_process(task[nr]);
	}
	if (!atomic_dec_and_test(&crowd.entering))
		wait_for_completion(&crowd.all_in);
	complete_all(&crowd.go);
	for (i = 0; i < nr; i++) {
		kthread_stop(task[i]);
		put_task_struct(task[i]);
	}
	kvfree(task);
	return err;
}

static int fixture_case(const char *name)
{
	struct fixture_run *run = &fixture;

	run->leaf = !strcmp(name, "leaf") || !strcmp(name, "sleep") || !strcmp(name, "thread");
	run->far = !strcmp(name, "far");
	run->err = strcmp(name, "fail") ? 0 : -EIO;
	if (!strcmp(name, "empty")) {
		run->levels = 0;
		fixture_plain(run);
		run->expect = 0;
	} else if (!strcmp(name, "plain") || !strcmp(name, "leaf") ||
		   run->far || run->err) {
		fixture_plain(run);
	} else if (!strcmp(name, "wait")) {
		run->wait_ms = 100 * run->levels;
		fixture_plain(run);
	} else if (!strcmp(name, "call")) {
		run->leaf = true;
		fixture_target(run);
	} else if (!strcmp(name, "stay")) {
		run->wait_ms = 100 * run->levels;
		fixture_target(run);
	} else if (!strcmp(name, "takes")) {
		fixture_took(run);
	} else if (!strcmp(name, "within")) {
		fixture_target_around(run);
	} else if (!strcmp(name, "inner")) {
		fixture_nest(run);
	} else if (!strcmp(name, "outer")) {
		fixture_outer(run);
	} else if (!strcmp(name, "sleep")) {
		fixture_sleep(run);
	} else if (!strcmp(name, "irq")) {
		fixture_irq_now(run);
	} else if (!strcmp(name, "crowd")) {
		return fixture_crowd(100 * run->levels);
	} else if (!strcmp(name, "thread")) {
		fixture_thread();
	} else {
		return -EINVAL;
	}
	return 0;
}

static ssize_t fixture_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned int op_class, levels;
	char name[VXT_LINE_NAME];
	int err;

	err = vxt_line_take(buf, len, name, &op_class, &levels);
	if (err)
		return err;
	if (!op_class || op_class >= VEXFS_OP_NR || !levels || 2 * levels > FIXTURE_LEVELS)
		return -EINVAL;

	mutex_lock(&fixture_lock);
	memset(&fixture, 0, sizeof(fixture));
	fixture.op_class = op_class;
	fixture.levels = levels;
	err = fixture_case(name);
	mutex_unlock(&fixture_lock);
	return err ?: len;
}

/* The frame size of a level, or 0 when there were fewer than two or they differ. */
static unsigned long fixture_frame(void)
{
	unsigned long frame = 0;
	unsigned int i;

	for (i = 1; i < fixture.nr_frames; i++) {
		unsigned long this = fixture.frames[i - 1] - fixture.frames[i];

		if (frame && frame != this)
			return 0;
		frame = this;
	}
	return frame;
}

static ssize_t fixture_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	char line[96];
	int n;

	mutex_lock(&fixture_lock);
	n = scnprintf(line, sizeof(line), "%u %llu %lu %llu\n", fixture.op_class, fixture.expect,
		      fixture_frame(), fixture.inner);
	mutex_unlock(&fixture_lock);
	return simple_read_from_buffer(buf, len, pos, line, n);
}

static const struct file_operations fixture_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = fixture_read,
	.write = fixture_write,
	.llseek = default_llseek,
};

static int __init fixture_init(void)
{
	fixture_file = debugfs_create_file("vxt_fixture", 0600, NULL, NULL, &fixture_fops);
	return PTR_ERR_OR_ZERO(fixture_file);
}

static void __exit fixture_exit(void)
{
	debugfs_remove(fixture_file);
}

module_init(fixture_init);
module_exit(fixture_exit);

MODULE_DESCRIPTION("Operations of known stack depth, to test vexfs_trace.ko");
MODULE_AUTHOR("VexFS developers");
MODULE_LICENSE("GPL");
