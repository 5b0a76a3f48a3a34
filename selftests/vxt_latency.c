// SPDX-License-Identifier: GPL-2.0-only
/* The latencies that vexfs_trace.ko reports, against waits of known length. */
#include <sched.h>
#include <time.h>
#include "vxt.h"
#include "kselftest_harness.h"
#include <trace/vexfs_op.h>

#define CLASS	VEXFS_OP_SEARCH
#define NAME	"search"
#define TENTH	100000.0	/* what the fixture waits for each level, in us */
#define ERROR	0.01		/* of the histogram */

FIXTURE(latency) {
	struct vxt_known known;
	struct vxt_latency seen;
};

FIXTURE_SETUP(latency)
{
	int err = vxt_module_load("selftests/modules/vxt_fixture");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(latency)
{
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_fixture"));
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

TEST_F(latency, one_operation_is_timed_from_entry_to_exit)
{
	double begin = now_us(), outside;

	ASSERT_EQ(0, vxt_run("wait", CLASS, 5, 1, &self->known));
	outside = now_us() - begin;
	ASSERT_EQ(0, vxt_latency(NAME, &self->seen));
	EXPECT_EQ(1, self->seen.count);
	EXPECT_EQ(0, self->seen.errors);
	EXPECT_LE(5 * TENTH, self->seen.min);
	EXPECT_LE(self->seen.max, outside * (1 + ERROR));
	/* One value is all there is: every figure is that value. */
	EXPECT_EQ(self->seen.min, self->seen.max);
	EXPECT_EQ(self->seen.min, self->seen.mean);
	EXPECT_EQ(self->seen.min, self->seen.p50);
	EXPECT_EQ(self->seen.min, self->seen.p999);
}

TEST_F(latency, percentiles_are_within_one_percent)
{
	double longest = 0, shortest = 1e12, sum = 0;
	unsigned int i;

	/* Nine short ones and a long one, far apart. */
	for (i = 0; i < 10; i++) {
		double begin = now_us(), took;

		ASSERT_EQ(0, vxt_run("wait", CLASS, i == 4 ? 12 : 1, 1, &self->known));
		took = now_us() - begin;
		sum += took;
		shortest = took < shortest ? took : shortest;
		longest = took > longest ? took : longest;
	}
	ASSERT_EQ(0, vxt_latency(NAME, &self->seen));
	EXPECT_EQ(10, self->seen.count);
	EXPECT_LE(self->seen.min, self->seen.p50);
	EXPECT_LE(self->seen.p50, self->seen.p90);
	EXPECT_LE(self->seen.p90, self->seen.p99);
	EXPECT_LE(self->seen.p99, self->seen.p999);
	EXPECT_LE(self->seen.p999, self->seen.max);
	/* The timer that ends a wait and the clock that measures it may differ by as much. */
	EXPECT_LE(TENTH * (1 - ERROR), self->seen.min);
	EXPECT_LE(self->seen.min, shortest * (1 + ERROR));
	/* The ninth of ten is still a short one, the tenth is the long one. */
	EXPECT_GT(6 * TENTH, self->seen.p90);
	EXPECT_LE(12 * TENTH * (1 - ERROR), self->seen.p99);
	EXPECT_LE(self->seen.max, longest * (1 + ERROR));
	EXPECT_LE(self->seen.mean, sum / 10 * (1 + ERROR));
	EXPECT_LE((9 * TENTH + 12 * TENTH) / 10 * (1 - ERROR), self->seen.mean);
}

TEST_F(latency, errors_are_counted)
{
	ASSERT_EQ(0, vxt_run("fail", CLASS, 5, 7, &self->known));
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 30, &self->known));
	ASSERT_EQ(0, vxt_latency(NAME, &self->seen));
	EXPECT_EQ(37, self->seen.count);
	EXPECT_EQ(7, self->seen.errors);
}

TEST_F(latency, count_equals_the_calls_of_the_stack)
{
	struct vxt_stack stack;

	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 1000, &self->known));
	ASSERT_EQ(0, vxt_latency(NAME, &self->seen));
	ASSERT_EQ(0, vxt_stack(NAME, &stack));
	EXPECT_EQ(1000, self->seen.count);
	EXPECT_EQ(1000, stack.calls);
}

TEST_F(latency, operations_of_both_cpus_are_merged)
{
	cpu_set_t set;
	int cpu, cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (cpu = 0; cpu < cpus; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
		ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 10, &self->known));
	}
	ASSERT_EQ(0, vxt_latency(NAME, &self->seen));
	EXPECT_EQ(10 * cpus, self->seen.count);
}

TEST_F(latency, reset_forgets_all)
{
	ASSERT_EQ(0, vxt_run("wait", CLASS, 3, 1, &self->known));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_latency(NAME, &self->seen));
	EXPECT_EQ(0, self->seen.count);
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 3, &self->known));
	ASSERT_EQ(0, vxt_latency(NAME, &self->seen));
	EXPECT_EQ(3, self->seen.count);
	EXPECT_GT(3 * TENTH, self->seen.max);
}

TEST_HARNESS_MAIN
