// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where vexfs_trace.ko says that the time of operations went, against waits of known length. The
 * fixture measures each wait itself: no less than from when it begins to when its cause is over, no
 * more than until it runs again.
 */
#include <signal.h>
#include <time.h>
#include <sys/wait.h>
#include "vxt.h"
#include "vxt_ops.h"
#include "kselftest_harness.h"
#include <trace/vexfs_op.h>

#define WAITS	"/sys/kernel/debug/vxt_waits"
#define CLASS	VEXFS_OP_SEARCH
#define NAME	"search"
#define INNER	"delete"	/* the class before */
#define FIRST	"get"		/* and the one before that */
#define MS	200u
#define US	(MS * 1000.0)
#define ERROR	0.02		/* the clock of the fixture and that of the tracer */
#define TRIES	10		/* for a stack: each CPU looks for one no more than once a tick */
#define TASKS	2048		/* for which the tracer has room */

FIXTURE(waits) {
	struct vxt_ops ops;
	struct vxt_lock lock;
	double lower, upper, whole;
};

FIXTURE_SETUP(waits)
{
	int err = vxt_module_load("selftests/modules/vxt_waits");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(waits)
{
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_waits"));
}

static int waits_write(const char *name, unsigned int number)
{
	char line[64];

	snprintf(line, sizeof(line), "%s %u %u", name, CLASS, number);
	return vxt_write(WAITS, line);
}

/* Run a case; what it says of itself in microseconds, and what the tracer says. */
static int waits_run(FIXTURE_DATA(waits) *self, const char *name, unsigned int number)
{
	int err = waits_write(name, number), n;
	char *text;

	if (err)
		return err;
	text = vxt_read(WAITS);
	if (!text)
		return -EIO;
	n = sscanf(text, "%lf %lf %lf", &self->lower, &self->upper, &self->whole);
	free(text);
	self->lower /= 1000;
	self->upper /= 1000;
	self->whole /= 1000;
	return n == 3 ? vxt_ops(NAME, &self->ops) : -EIO;
}

/* One operation, and all of its time is somewhere. */
static bool waits_whole(FIXTURE_DATA(waits) *self)
{
	const struct vxt_ops *o = &self->ops;

	return o->calls == 1 && !o->lost && vxt_ops_add_up(o) &&
	       o->total >= self->lower * (1 - ERROR) && o->total <= self->whole * (1 + ERROR);
}

TEST_F(waits, looping_is_time_on_the_cpu)
{
	ASSERT_EQ(0, waits_run(self, "busy", MS));
	EXPECT_TRUE(waits_whole(self));
	EXPECT_LE(US * (1 - ERROR), self->ops.cpu + self->ops.runnable);
	EXPECT_LE(US / 2, self->ops.cpu);
	EXPECT_EQ(0, self->ops.lock + self->ops.io + self->ops.sleep);
}

TEST_F(waits, sleeping_is_sleep_until_woken)
{
	ASSERT_EQ(0, waits_run(self, "sleep", MS));
	EXPECT_TRUE(waits_whole(self));
	EXPECT_LE(US * (1 - ERROR), self->ops.sleep);
	EXPECT_GE(self->upper * (1 + ERROR), self->ops.sleep + self->ops.runnable);
	EXPECT_EQ(0, self->ops.lock + self->ops.io);
}

TEST_F(waits, waiting_for_a_device_is_io)
{
	ASSERT_EQ(0, waits_run(self, "io", MS));
	EXPECT_TRUE(waits_whole(self));
	EXPECT_LE(US * (1 - ERROR), self->ops.io);
	EXPECT_GE(self->upper * (1 + ERROR), self->ops.io + self->ops.runnable);
	EXPECT_EQ(0, self->ops.lock + self->ops.sleep);
}

TEST_F(waits, being_preempted_is_runnable)
{
	ASSERT_EQ(0, waits_run(self, "crowded", MS));
	EXPECT_TRUE(waits_whole(self));
	EXPECT_LE(US * (1 - ERROR), self->ops.runnable);
	EXPECT_EQ(0, self->ops.lock + self->ops.io + self->ops.sleep);
}

TEST_F(waits, errors_are_counted_by_number)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, waits_run(self, "fail", ENOENT));
	ASSERT_EQ(0, waits_run(self, "fail", EIO));
	ASSERT_EQ(0, waits_run(self, "sleep", 1));
	EXPECT_EQ(5, self->ops.calls);
	EXPECT_EQ(4, self->ops.errors);
	EXPECT_STREQ("ENOENT:3,EIO:1", self->ops.errnos);
	ASSERT_EQ(0, waits_run(self, "fail", 512));	/* ERESTARTSYS */
	EXPECT_STREQ("ENOENT:3,EIO:1,others:1", self->ops.errnos);
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, waits_run(self, "sleep", 1));
	EXPECT_STREQ("-", self->ops.errnos);
}

TEST_F(waits, bytes_are_added_up)
{
	ASSERT_EQ(0, waits_run(self, "bytes", 3000000));
	ASSERT_EQ(0, waits_run(self, "bytes", 2000000));
	ASSERT_EQ(0, waits_run(self, "sleep", MS));
	EXPECT_EQ(5000000, self->ops.bytes);
	/* Bytes in a microsecond are megabytes in a second; the table has tenths. */
	EXPECT_GT(0.11, fabs(self->ops.rate - 5000000 / self->ops.total));
}

/* ---- operations in one another -------------------------------------------- */

TEST_F(waits, what_an_inner_operation_waits_the_outer_one_waits)
{
	ASSERT_EQ(0, waits_run(self, "nest", MS));
	EXPECT_TRUE(waits_whole(self));
	EXPECT_LE(3 * US * (1 - ERROR), self->ops.sleep);
	EXPECT_LE(US * (1 - ERROR), self->ops.cpu + self->ops.runnable);
	ASSERT_EQ(0, vxt_ops(INNER, &self->ops));
	EXPECT_TRUE(vxt_ops_add_up(&self->ops));
	EXPECT_LE(2 * US * (1 - ERROR), self->ops.sleep);
	EXPECT_GT(3 * US, self->ops.sleep);
	EXPECT_LE(US * (1 - ERROR), self->ops.cpu + self->ops.runnable);
	ASSERT_EQ(0, vxt_ops(FIRST, &self->ops));
	EXPECT_TRUE(vxt_ops_add_up(&self->ops));
	EXPECT_LE(US * (1 - ERROR), self->ops.sleep);
	EXPECT_GT(2 * US, self->ops.sleep);
	EXPECT_GT(US / 2, self->ops.cpu);
}

TEST_F(waits, operations_too_deep_in_one_another_are_lost_and_counted)
{
	ASSERT_EQ(0, waits_run(self, "deep", 50));
	EXPECT_EQ(7, self->ops.calls);
	EXPECT_EQ(3, self->ops.lost);
	EXPECT_LT((50 + 100 + 150) * 1000 * (1 - ERROR), self->ops.lost_time);
	EXPECT_TRUE(vxt_ops_add_up(&self->ops));
	/* The outermost one knows all that was waited. */
	ASSERT_EQ(0, vxt_ops(INNER, &self->ops));
	EXPECT_EQ(0, self->ops.lost);
	EXPECT_LE(8 * 50000 * (1 - ERROR), self->ops.sleep);
}

/* ---- locks ---------------------------------------------------------------- */

FIXTURE(contended) {
	FIXTURE_DATA(waits) w;
};

FIXTURE_VARIANT(contended) {
	const char *name;
	const char *kind;
	const char *site;
	const char *function;
	const char *did;	/* the holder */
};

FIXTURE_VARIANT_ADD(contended, mutex_asleep) {
	"mutex-asleep", "mutex", "waits_for_mutex", "waits_hold_asleep", "asleep",
};
FIXTURE_VARIANT_ADD(contended, mutex_busy) {
	"mutex-busy", "mutex", "waits_for_mutex", "waits_hold_busy", "running",
};
FIXTURE_VARIANT_ADD(contended, rwsem_asleep) {
	"rwsem-asleep", "rwsem-write", "waits_for_rwsem", "waits_hold_asleep", "asleep",
};
FIXTURE_VARIANT_ADD(contended, rwsem_busy) {
	"rwsem-busy", "rwsem-write", "waits_for_rwsem", "waits_hold_busy", "running",
};
FIXTURE_VARIANT_ADD(contended, reader) {
	"reader-asleep", "rwsem-read", "waits_for_rwsem", "waits_hold_asleep", "asleep",
};
FIXTURE_VARIANT_ADD(contended, held_by_reader) {
	"readers", "rwsem-write", "waits_for_rwsem", "waits_hold_asleep", "reader",
};

FIXTURE_SETUP(contended)
{
	int err = vxt_module_load("selftests/modules/vxt_waits");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(contended)
{
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_waits"));
}

TEST_F(contended, the_wait_counts_as_lock_and_the_holder_is_named)
{
	FIXTURE_DATA(waits) *w = &self->w;
	struct vxt_ops *o = &w->ops;
	unsigned int i;

	/*
	 * A holder that goes to sleep or comes back just then is seen doing the other, and one that
	 * has just been woken is seen running, but not yet in the function that it is to be in.
	 */
	for (i = 0; i < TRIES; i++) {
		ASSERT_EQ(0, vxt_reset());
		ASSERT_EQ(0, waits_run(w, variant->name, MS));
		ASSERT_EQ(0, vxt_lock(NAME, &w->lock));
		EXPECT_TRUE(waits_whole(w));
		EXPECT_EQ(0, o->io + o->sleep);
		/* Until the wait begins the operation is on the CPU, or wants to be; a rwsem spins. */
		EXPECT_LE(w->lower * (1 - ERROR), o->lock + o->cpu + o->runnable);
		EXPECT_GE(w->upper * (1 + ERROR), o->lock);
		/* It may come free without a wait. */
		if (!w->lock.waits)
			continue;
		EXPECT_EQ(1, w->lock.rows);
		EXPECT_EQ(1, w->lock.waits);
		EXPECT_GE(ROUNDING, fabs(w->lock.total - o->lock));
		EXPECT_EQ(w->lock.max, w->lock.total);
		EXPECT_STREQ(variant->kind, w->lock.kind);
		EXPECT_STREQ(variant->site, w->lock.site);
		if (w->lock.stacks && !strcmp(variant->did, w->lock.holder) &&
		    vxt_lock_holder_is(&w->lock, variant->function))
			break;
	}
	EXPECT_GT(TRIES, i);
	/* As long as the holder runs, who wants a rwsem spins, and that is time on the CPU. */
	EXPECT_LE(strcmp(variant->name, "rwsem-busy") ? US / 4 : 0, o->lock);
	EXPECT_STREQ(variant->did, w->lock.holder);
	EXPECT_TRUE(vxt_lock_holder_is(&w->lock, variant->function));
}

TEST_F(waits, many_waits_make_one_row)
{
	unsigned int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, waits_run(self, "mutex-asleep", 10));
	ASSERT_EQ(0, vxt_lock(NAME, &self->lock));
	EXPECT_EQ(1, self->lock.rows);
	/* On a busy machine some come when the lock is free again. */
	EXPECT_GE(20, self->lock.waits);
	EXPECT_LE(10, self->lock.waits);
	EXPECT_LT(0, self->lock.stacks);
	EXPECT_GE(self->lock.waits, self->lock.stacks);
	EXPECT_LE(ROUNDING, self->lock.max);
	EXPECT_GE(self->lock.total, self->lock.max);
	EXPECT_GE(ROUNDING, fabs(self->lock.total - self->ops.lock));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_lock(NAME, &self->lock));
	EXPECT_EQ(0, self->lock.rows);
}

/* ---- things that come in between ------------------------------------------ */

TEST_F(waits, a_task_that_is_killed_waits_no_more)
{
	pid_t pid = fork();

	if (!pid)
		_exit(waits_write("killed", 1000) ? 1 : 0);
	usleep(300000);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, vxt_ops(NAME, &self->ops));
	EXPECT_EQ(1, self->ops.calls);
	EXPECT_TRUE(vxt_ops_add_up(&self->ops));
	ASSERT_EQ(0, vxt_lock(NAME, &self->lock));
	EXPECT_EQ(1, self->lock.waits);
	EXPECT_STREQ("waits_for_killable", self->lock.site);
	EXPECT_GT(900000, self->lock.total);
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, waits_run(self, "sleep", MS));
	EXPECT_TRUE(waits_whole(self));
	EXPECT_LE(US * (1 - ERROR), self->ops.sleep);
}

TEST_F(waits, resets_while_it_waits_do_no_harm)
{
	pid_t pid = fork();
	struct timespec begin, now;

	if (!pid)
		_exit(waits_write("mutex-asleep", 3000) ? 1 : 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		ASSERT_EQ(0, vxt_reset());
		usleep(1000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec + (now.tv_nsec - begin.tv_nsec) / 1e9 < 0.8);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, vxt_ops(NAME, &self->ops));
	EXPECT_EQ(1, self->ops.calls);
	EXPECT_TRUE(vxt_ops_add_up(&self->ops));
	EXPECT_LE(2900000, self->ops.lock);
	ASSERT_EQ(0, vxt_lock(NAME, &self->lock));
	EXPECT_EQ(1, self->lock.waits);
}

TEST_F_TIMEOUT(waits, tasks_that_die_in_an_operation_leave_nothing, 200)
{
	ASSERT_EQ(0, waits_run(self, "die", TASKS + 200));
	EXPECT_EQ(0, self->ops.calls);
	ASSERT_EQ(0, waits_run(self, "full", 200));
	EXPECT_EQ(200, self->ops.calls);
	EXPECT_EQ(0, self->ops.lost);
	EXPECT_TRUE(vxt_ops_add_up(&self->ops));
}

TEST_F_TIMEOUT(waits, too_many_tasks_are_lost_and_counted, 200)
{
	ASSERT_EQ(0, waits_run(self, "full", TASKS + 500));
	EXPECT_EQ(TASKS + 500, self->ops.calls);
	EXPECT_LE(500, self->ops.lost);
	EXPECT_GT(TASKS, self->ops.lost);
	EXPECT_LT(0, self->ops.lost_time);
	EXPECT_TRUE(vxt_ops_add_up(&self->ops));
	/* And the room is there again. */
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, waits_run(self, "full", 200));
	EXPECT_EQ(200, self->ops.calls);
	EXPECT_EQ(0, self->ops.lost);
}

TEST_HARNESS_MAIN
