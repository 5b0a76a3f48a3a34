// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that wait for a known time, to test where vexfs_trace.ko says that it went.
 *
 * /sys/kernel/debug/vxt_waits runs one case for each line written to it,
 *
 *	CASE CLASS NUMBER
 *
 * and then reads as "LOWER UPPER WHOLE", in ns: the wait that the case is about took that much at
 * least and at most, and the operation so much at most. The cases, NUMBER being milliseconds
 * unless said:
 *
 *	busy		loop
 *	sleep		sleep
 *	io		sleep as one that waits for a device
 *	crowded		loop, while a thread of higher priority takes the CPU for that long
 *	mutex-asleep	wait for a mutex whose holder sleeps in waits_hold_asleep()
 *	mutex-bare	the same, but not within an operation
 *	mutex-busy	the same, the holder loops on another CPU, in waits_hold_busy()
 *	rwsem-asleep, rwsem-busy	for a rwsem, for writing, held for writing
 *	reader-asleep	for a rwsem, for reading, held for writing
 *	readers		for a rwsem, for writing, held for reading by a task in an operation
 *	spin		for a spinlock
 *	killed		for a mutex, by a task that is killed meanwhile
 *	nest		sleep, and so does an operation within (class before), and one in that
 *	deep		the same with eight, one in another; all of the class but the first
 *	die		NUMBER threads sleep in an operation and end there
 *	full		NUMBER threads are asleep in an operation at the same time
 *	fail		end with the error NUMBER
 *	bytes		move NUMBER bytes
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "vxt_line.h"
#include "vxt_op.h"

#define WAITS_DEEP	8

struct waits_run {
	const char *name;
	unsigned int op_class;
	unsigned int number;
	u64 lower;
	u64 upper;
	u64 whole;
};

/**
 * struct waits_holder - a thread that holds a lock
 * @busy: it loops, else it sleeps
 * @there: it has begun to
 * @run: what it is for
 * @held: it holds it
 * @wanted: the operation is about to want it
 * @released: when it let go
 * @entered: threads that are in an operation
 */
struct waits_holder {
	bool busy;
	bool there;
	struct waits_run *run;
	struct completion held;
	struct completion wanted;
	u64 released;
	atomic_t entered;
};

static DEFINE_MUTEX(waits_lock);	/* one case at a time */
static struct waits_run waits;
static struct dentry *waits_file;

static DEFINE_MUTEX(waits_mutex);	/* these three guard nothing: they are waited for */
static DECLARE_RWSEM(waits_rwsem);
static DEFINE_SPINLOCK(waits_spin);

static bool waits_is(const struct waits_run *run, const char *name)
{
	return !strcmp(run->name, name);
}

static noinline void waits_loop(unsigned int ms)
{
	u64 end = ktime_get_ns() + (u64)ms * NSEC_PER_MSEC;

	while (ktime_get_ns() < end)
		cond_resched();
}

/* The same for who may not sleep. */
static noinline void waits_spin_for(unsigned int ms)
{
	u64 end = ktime_get_ns() + (u64)ms * NSEC_PER_MSEC;

	while (ktime_get_ns() < end)
		cpu_relax();
}

/* What the stacks of holders have to name. */
static noinline __noclone void waits_hold_asleep(struct waits_holder *holder)
{
	WRITE_ONCE(holder->there, true);
	msleep(holder->run->number);
	barrier();
}

static noinline __noclone void waits_hold_busy(struct waits_holder *holder)
{
	WRITE_ONCE(holder->there, true);
	waits_loop(holder->run->number);
	barrier();
}

static void waits_hold(struct waits_holder *holder)
{
	complete(&holder->held);
	wait_for_completion(&holder->wanted);
	if (holder->busy)
		waits_hold_busy(holder);
	else
		waits_hold_asleep(holder);
	holder->released = ktime_get_ns();
}

static noinline void waits_reader(struct waits_holder *holder)
{
	struct vexfs_op op;

	fixture_begin(&op, holder->run->op_class - 1);
	down_read(&waits_rwsem);
	waits_hold(holder);
	up_read(&waits_rwsem);
	fixture_end(&op, 0);
}

static int waits_holder(void *data)
{
	struct waits_holder *holder = data;
	struct waits_run *run = holder->run;

	if (waits_is(run, "readers")) {
		waits_reader(holder);
	} else if (waits_is(run, "spin")) {
		spin_lock(&waits_spin);
		complete(&holder->held);
		/* With the lock held, and so without sleeping. */
		while (!try_wait_for_completion(&holder->wanted))
			cpu_relax();
		waits_spin_for(run->number);
		holder->released = ktime_get_ns();
		spin_unlock(&waits_spin);
	} else if (strstarts(run->name, "mutex") || waits_is(run, "killed")) {
		mutex_lock(&waits_mutex);
		waits_hold(holder);
		mutex_unlock(&waits_mutex);
	} else {
		down_write(&waits_rwsem);
		waits_hold(holder);
		up_write(&waits_rwsem);
	}
	return 0;
}

/* Functions that ask for a lock: the sites. */
static noinline __noclone void waits_for_mutex(void)
{
	mutex_lock(&waits_mutex);
	mutex_unlock(&waits_mutex);
}

static noinline __noclone void waits_for_rwsem(bool read)
{
	if (read) {
		down_read(&waits_rwsem);
		up_read(&waits_rwsem);
	} else {
		down_write(&waits_rwsem);
		up_write(&waits_rwsem);
	}
}

static noinline __noclone void waits_for_spin(void)
{
	spin_lock(&waits_spin);
	spin_unlock(&waits_spin);
}

static noinline __noclone void waits_for_killable(void)
{
	if (!mutex_lock_killable(&waits_mutex))
		mutex_unlock(&waits_mutex);
}

static void waits_for(struct waits_run *run)
{
	if (waits_is(run, "spin"))
		waits_for_spin();
	else if (waits_is(run, "killed"))
		waits_for_killable();
	else if (strstarts(run->name, "mutex"))
		waits_for_mutex();
	else
		waits_for_rwsem(strstarts(run->name, "reader-"));
}

/* A thread that can be waited for, on a CPU other than this one. */
static struct task_struct *waits_start(int (*function)(void *), void *data, bool other)
{
	struct task_struct *task = kthread_create(function, data, "vxt_waits");
	unsigned int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());

	if (IS_ERR(task))
		return task;
	get_task_struct(task);
	if (other && cpu < nr_cpu_ids)
		kthread_bind(task, cpu);
	wake_up_process(task);
	return task;
}

static void waits_stop(struct task_struct *task)
{
	kthread_stop(task);
	put_task_struct(task);
}

static noinline __noclone void waits_contended(struct waits_run *run, struct waits_holder *holder)
{
	u64 wanted, got, begin = ktime_get_ns();
	bool bare = strstr(run->name, "bare");
	struct vexfs_op op;

	if (!bare)
		fixture_begin(&op, run->op_class);
	complete(&holder->wanted);
	/* A spinlock's holder cannot let others run. */
	while (!waits_is(run, "spin") && !READ_ONCE(holder->there))
		cond_resched();
	wanted = ktime_get_ns();
	waits_for(run);
	got = ktime_get_ns();
	if (!bare)
		fixture_end(&op, 0);
	run->whole = ktime_get_ns() - begin;
	run->lower = holder->released - wanted;
	run->upper = got - wanted;
}

/* It is held before the operation begins, so that only the wait for it is in there. */
static int waits_lock_case(struct waits_run *run)
{
	struct waits_holder holder = { .run = run, .busy = strstr(run->name, "busy") };
	struct task_struct *task;

	init_completion(&holder.held);
	init_completion(&holder.wanted);
	task = waits_start(waits_holder, &holder, true);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (waits_is(run, "spin")) {
		/* Its CPU does nothing else: a completion would wake this task there. */
		while (!try_wait_for_completion(&holder.held))
			cond_resched();
	} else {
		wait_for_completion(&holder.held);
	}
	waits_contended(run, &holder);
	waits_stop(task);
	return 0;
}

static noinline __noclone void waits_plain(struct waits_run *run)
{
	u64 wanted, begin = ktime_get_ns();
	struct vexfs_op op;
	int err = 0;

	fixture_begin(&op, run->op_class);
	wanted = ktime_get_ns();
	if (waits_is(run, "busy"))
		waits_loop(run->number);
	else if (waits_is(run, "sleep"))
		msleep(run->number);
	else if (waits_is(run, "bytes"))
		op.bytes = run->number;
	else if (waits_is(run, "fail"))
		err = -(int)run->number;
	if (waits_is(run, "io")) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		io_schedule_timeout(msecs_to_jiffies(run->number));
	}
	run->upper = ktime_get_ns() - wanted;
	fixture_end(&op, err);
	run->whole = ktime_get_ns() - begin;
	run->lower = (u64)run->number * NSEC_PER_MSEC;
}

static int waits_rival(void *data)
{
	struct waits_holder *rival = data;

	wait_for_completion(&rival->wanted);
	rival->released = ktime_get_ns();
	waits_spin_for(rival->run->number);
	complete(&rival->held);
	return 0;
}

static noinline void waits_crowded(struct waits_run *run, struct waits_holder *rival)
{
	u64 begin = ktime_get_ns();
	struct vexfs_op op;

	fixture_begin(&op, run->op_class);
	complete(&rival->wanted);
	/* The rival has the CPU from here on, and gives it back when it is done. */
	while (!try_wait_for_completion(&rival->held))
		cond_resched();
	fixture_end(&op, 0);
	run->whole = ktime_get_ns() - begin;
	run->lower = (u64)run->number * NSEC_PER_MSEC;
	run->upper = run->whole;
}

static int waits_crowded_case(struct waits_run *run)
{
	struct waits_holder rival = { .run = run };
	struct task_struct *task;

	init_completion(&rival.held);
	init_completion(&rival.wanted);
	task = kthread_create(waits_rival, &rival, "vxt_waits");
	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);
	migrate_disable();
	kthread_bind(task, smp_processor_id());
	sched_set_fifo(task);
	wake_up_process(task);
	waits_crowded(run, &rival);
	migrate_enable();
	waits_stop(task);
	return 0;
}

static noinline void waits_innermost(struct waits_run *run)
{
	struct vexfs_op op;

	fixture_begin(&op, run->op_class - 2);
	msleep(run->number);
	fixture_end(&op, 0);
}

static noinline __noclone void waits_inner(struct waits_run *run)
{
	struct vexfs_op op;

	fixture_begin(&op, run->op_class - 1);
	msleep(run->number);
	waits_innermost(run);
	waits_loop(run->number);
	fixture_end(&op, 0);
}

static noinline void waits_nest(struct waits_run *run)
{
	u64 begin = ktime_get_ns();
	struct vexfs_op op;

	fixture_begin(&op, run->op_class);
	msleep(run->number);
	waits_inner(run);
	fixture_end(&op, 0);
	run->whole = ktime_get_ns() - begin;
	run->lower = 3ULL * run->number * NSEC_PER_MSEC;
	run->upper = run->whole;
}

/* All of them are in each other: none may be in a frame that is left before it ends. */
static noinline void waits_deep(struct waits_run *run)
{
	static struct vexfs_op op[WAITS_DEEP];	/* under waits_lock */
	u64 begin = ktime_get_ns();
	int i;

	for (i = 0; i < WAITS_DEEP; i++) {
		fixture_begin(&op[i], run->op_class - !i);
		msleep(run->number);
	}
	while (i--)
		fixture_end(&op[i], 0);
	run->whole = ktime_get_ns() - begin;
	run->lower = (u64)WAITS_DEEP * run->number * NSEC_PER_MSEC;
	run->upper = run->whole;
}

static noinline int waits_dies(void *data)
{
	struct waits_holder *dead = data;
	struct vexfs_op op;

	fixture_begin(&op, dead->run->op_class);
	/* Any sleep will do; there are thousands of them, one after another. */
	usleep_range(1000, 2000);
	kthread_complete_and_exit(&dead->held, 0);
	return 0;
}

static int waits_die_case(struct waits_run *run)
{
	struct waits_holder dead = { .run = run };
	struct task_struct *task;
	unsigned int i;

	init_completion(&dead.held);
	for (i = 0; i < run->number; i++) {
		task = waits_start(waits_dies, &dead, false);
		if (IS_ERR(task))
			return PTR_ERR(task);
		wait_for_completion(&dead.held);
		waits_stop(task);
	}
	return 0;
}

static noinline int waits_sleeper(void *data)
{
	struct waits_holder *all = data;
	struct vexfs_op op;

	fixture_begin(&op, all->run->op_class);
	atomic_inc(&all->entered);
	wait_for_completion(&all->wanted);
	fixture_end(&op, 0);
	return 0;
}

static int waits_full_case(struct waits_run *run)
{
	struct task_struct **task = kvcalloc(run->number, sizeof(*task), GFP_KERNEL);
	struct waits_holder all = { .run = run };
	unsigned int nr;
	int err = 0;

	if (!task)
		return -ENOMEM;
	init_completion(&all.wanted);
	for (nr = 0; nr < run->number && !err; nr++) {
		task[nr] = waits_start(waits_sleeper, &all, false);
		err = PTR_ERR_OR_ZERO(task[nr]);
	}
	nr -= !!err;
	while (atomic_read(&all.entered) < nr)
		msleep(20);
	/* All of them have come to sleep. */
	msleep(200);
	complete_all(&all.wanted);
	while (nr--)
		waits_stop(task[nr]);
	kvfree(task);
	return err;
}

static int waits_case(struct waits_run *run)
{
	static const char * const plain[] = { "busy", "sleep", "io", "fail", "bytes" };
	static const char * const locks[] = {
		"mutex-asleep", "mutex-busy", "mutex-bare", "rwsem-asleep", "rwsem-busy",
		"reader-asleep", "readers", "spin", "killed",
	};

	if (match_string(plain, ARRAY_SIZE(plain), run->name) >= 0) {
		waits_plain(run);
		return 0;
	}
	if (match_string(locks, ARRAY_SIZE(locks), run->name) >= 0)
		return waits_lock_case(run);
	if (waits_is(run, "crowded"))
		return waits_crowded_case(run);
	if (waits_is(run, "die"))
		return waits_die_case(run);
	if (waits_is(run, "full"))
		return waits_full_case(run);
	if (waits_is(run, "nest"))
		waits_nest(run);
	else if (waits_is(run, "deep"))
		waits_deep(run);
	else
		return -EINVAL;
	return 0;
}

static ssize_t waits_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned int op_class, number;
	char name[VXT_LINE_NAME];
	int err;

	err = vxt_line_take(buf, len, name, &op_class, &number);
	if (err)
		return err;
	if (op_class < 2 || op_class >= VEXFS_OP_NR)
		return -EINVAL;

	err = mutex_lock_killable(&waits_lock);
	if (err)
		return err;
	waits = (struct waits_run){ .name = name, .op_class = op_class, .number = number };
	err = waits_case(&waits);
	mutex_unlock(&waits_lock);
	return err ?: len;
}

static ssize_t waits_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	char line[96];
	int n;

	mutex_lock(&waits_lock);
	n = scnprintf(line, sizeof(line), "%llu %llu %llu\n", waits.lower, waits.upper,
		      waits.whole);
	mutex_unlock(&waits_lock);
	return simple_read_from_buffer(buf, len, pos, line, n);
}

static const struct file_operations waits_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = waits_read,
	.write = waits_write,
	.llseek = default_llseek,
};

static int __init waits_init(void)
{
	waits_file = debugfs_create_file("vxt_waits", 0600, NULL, NULL, &waits_fops);
	return PTR_ERR_OR_ZERO(waits_file);
}

static void __exit waits_exit(void)
{
	debugfs_remove(waits_file);
}

module_init(waits_init);
module_exit(waits_exit);

MODULE_DESCRIPTION("Operations that wait for a known time, to test vexfs_trace.ko");
MODULE_AUTHOR("VexFS developers");
MODULE_LICENSE("GPL");
