// SPDX-License-Identifier: GPL-2.0-only
/* Where the time of calls of a target goes, with operations inside of them and without. */
#include <math.h>
#include <pthread.h>
#include "vxt.h"
#include "vxt_ops.h"
#include "kselftest_harness.h"
#include <trace/vexfs_op.h>

#define WAITS		"/sys/kernel/debug/vxt_waits"
#define TARGETS		VXT_DIR "targets"
#define PLAIN		"waits_plain"
#define CONTENDED	"waits_contended"
#define INNER		"waits_inner"
#define NAME		"search"
#define CLASS		VEXFS_OP_SEARCH
#define MS		100u
#define US		(MS * 1000.0)
#define TRIES		10

FIXTURE(calls) {
	struct vxt_ops ops, inner;
	struct vxt_lock lock;
};

FIXTURE_SETUP(calls)
{
	int err = vxt_module_load("selftests/modules/vxt_waits");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(calls)
{
	vxt_write(TARGETS, "-" PLAIN);
	vxt_write(TARGETS, "-" CONTENDED);
	vxt_write(TARGETS, "-" INNER);
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_waits"));
}

static int run(const char *name, unsigned int number)
{
	char line[64];

	snprintf(line, sizeof(line), "%s %u %u", name, CLASS, number);
	return vxt_write(WAITS, line);
}

/* Run a case: what the calls of @target did, and the operations inside of them. */
static int run_in(FIXTURE_DATA(calls) *self, const char *name, const char *target)
{
	int err = vxt_reset();

	if (!err)
		err = run(name, MS);
	if (!err)
		err = vxt_ops(target, &self->ops);
	return err ? err : vxt_ops(NAME, &self->inner);
}

/* One call, all of whose time is somewhere: at least what its operation waited. */
static bool whole(const FIXTURE_DATA(calls) *self)
{
	const struct vxt_ops *o = &self->ops, *inner = &self->inner;

	return o->calls == 1 && !o->lost && vxt_ops_add_up(o) && o->total >= inner->total &&
	       fabs(o->lock - inner->lock) < ROUNDING && fabs(o->io - inner->io) < ROUNDING &&
	       fabs(o->sleep - inner->sleep) < ROUNDING;
}

TEST_F(calls, what_an_operation_inside_waits_is_theirs_too)
{
	ASSERT_EQ(0, vxt_write(TARGETS, "+" PLAIN));
	ASSERT_EQ(0, run_in(self, "sleep", PLAIN));
	EXPECT_TRUE(whole(self));
	EXPECT_LE(US * 0.9, self->ops.sleep);
	ASSERT_EQ(0, run_in(self, "io", PLAIN));
	EXPECT_TRUE(whole(self));
	EXPECT_LE(US * 0.9, self->ops.io);
	ASSERT_EQ(0, run_in(self, "busy", PLAIN));
	EXPECT_TRUE(whole(self));
	EXPECT_LE(US * 0.9, self->ops.cpu + self->ops.runnable);
	EXPECT_EQ(0, self->ops.sleep + self->ops.lock);
}

TEST_F(calls, a_lock_that_an_operation_inside_waits_for_is_the_operations)
{
	ASSERT_EQ(0, vxt_write(TARGETS, "+" CONTENDED));
	ASSERT_EQ(0, run_in(self, "mutex-asleep", CONTENDED));
	EXPECT_TRUE(whole(self));
	EXPECT_LT(0, self->ops.lock);
	ASSERT_EQ(0, vxt_lock(CONTENDED, &self->lock));
	EXPECT_EQ(0, self->lock.rows);
	ASSERT_EQ(0, vxt_lock(NAME, &self->lock));
	EXPECT_EQ(1, self->lock.rows);
}

/* Nothing of VexFS is on the way: as with any function of any module. */
TEST_F(calls, a_lock_that_a_call_waits_for_is_told_with_its_holder)
{
	unsigned int i;

	ASSERT_EQ(0, vxt_write(TARGETS, "+" CONTENDED));
	for (i = 0; i < TRIES; i++) {
		ASSERT_EQ(0, run_in(self, "mutex-bare", CONTENDED));
		ASSERT_EQ(0, vxt_lock(CONTENDED, &self->lock));
		EXPECT_EQ(0, self->inner.calls);
		EXPECT_TRUE(vxt_ops_add_up(&self->ops));
		EXPECT_EQ(0, self->ops.lost);
		EXPECT_GE(ROUNDING, fabs(self->lock.total - self->ops.lock));
		/* The holder may be on its way to sleep, or let go before. */
		if (self->lock.waits && vxt_lock_holder_is(&self->lock, "waits_hold_asleep"))
			break;
	}
	EXPECT_GT(TRIES, i);
	EXPECT_LE(US / 4, self->ops.lock);
	EXPECT_STREQ("mutex", self->lock.kind);
	EXPECT_STREQ("waits_for_mutex", self->lock.site);
	ASSERT_EQ(0, vxt_write(TARGETS, "-" CONTENDED));
	ASSERT_EQ(0, vxt_lock(CONTENDED, &self->lock));
	EXPECT_EQ(0, self->lock.rows);
}

TEST_F(calls, they_may_lie_within_operations_and_those_within_them)
{
	struct vxt_ops outer, innermost;

	ASSERT_EQ(0, vxt_write(TARGETS, "+" INNER));
	ASSERT_EQ(0, run_in(self, "nest", INNER));
	outer = self->inner;
	ASSERT_EQ(0, vxt_ops("delete", &self->inner));
	ASSERT_EQ(0, vxt_ops("get", &innermost));
	EXPECT_TRUE(whole(self));
	EXPECT_LE(2 * US * 0.9, self->ops.sleep);
	EXPECT_EQ(1, outer.calls);
	EXPECT_EQ(0, outer.lost + innermost.lost + self->inner.lost);
	/* Each sleeps that long, but for the time until it is off the CPU. */
	EXPECT_LE(self->ops.sleep + US * 0.9, outer.sleep);
	EXPECT_GE(self->ops.sleep - US * 0.9, innermost.sleep);
}

static void *contended(void *unused)
{
	run("mutex-bare", 5 * MS);
	return NULL;
}

/* Its task is asleep in the call as the target goes, and wakes up when there is another one. */
TEST_F(calls, a_target_may_go_while_a_call_waits)
{
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vxt_write(TARGETS, "+" CONTENDED));
		ASSERT_EQ(0, pthread_create(&thread, NULL, contended, NULL));
		usleep(200000);
		ASSERT_EQ(0, vxt_write(TARGETS, "-" CONTENDED));
		ASSERT_EQ(0, vxt_write(TARGETS, "+" PLAIN));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, vxt_lock(PLAIN, &self->lock));
		EXPECT_EQ(0, self->lock.rows);
		ASSERT_EQ(0, run_in(self, "sleep", PLAIN));
		EXPECT_TRUE(whole(self));
		EXPECT_EQ(0, self->inner.lost);
		ASSERT_EQ(0, vxt_write(TARGETS, "-" PLAIN));
	}
}

TEST_HARNESS_MAIN
