// SPDX-License-Identifier: GPL-2.0-only
/* The stack depth that vexfs_trace.ko reports is the one that there was. */
#include "vxt.h"
#include "kselftest_harness.h"
#include <trace/vexfs_op.h>

#define TRACE		"/sys/kernel/tracing/"
#define RECORD		TRACE "events/vexfs_trace/vxt_stack_record/enable"
#define CONFIG		VXT_DIR "config"
#define CLASS		VEXFS_OP_SEARCH
#define NAME		"search"
#define INNER_NAME	"delete"	/* CLASS - 1 */
#define SHARE_ALL	10000
#define SHARE_DEFAULT	10
#define BURST		16
#define TIMES		11	/* odd, and few: an interrupt may land in some, not in most */

FIXTURE(stack) {
	struct vxt_known known;
	struct vxt_stack seen;
};

FIXTURE_SETUP(stack)
{
	int err = vxt_module_load("selftests/modules/vxt_fixture");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, vxt_share(SHARE_ALL));
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(stack)
{
	vxt_write(RECORD, "0");
	vxt_write(CONFIG, "alert_stack 75");
	vxt_write(CONFIG, "alert_rate 10");
	vxt_share(SHARE_DEFAULT);
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_fixture"));
}

/* Run a case; interrupts only ever add: the least and the middle depth are the true one. */
#define RUN_EXACT(name, levels) do {						\
	ASSERT_EQ(0, vxt_reset());						\
	ASSERT_EQ(0, vxt_run(name, CLASS, levels, TIMES, &self->known));	\
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));				\
	EXPECT_EQ(TIMES, self->seen.calls);					\
	EXPECT_EQ(TIMES, self->seen.painted);					\
	EXPECT_EQ(0, self->seen.clipped);					\
	EXPECT_EQ(0, self->seen.shallow);					\
	EXPECT_EQ(self->known.expect, self->seen.min);				\
	EXPECT_EQ(self->known.expect, self->seen.p50);				\
	EXPECT_LE(self->seen.p50, self->seen.p99);				\
	EXPECT_LE(self->seen.p99, self->seen.max);				\
} while (0)

TEST_F(stack, depth_of_known_frames_is_exact_to_the_byte)
{
	uint64_t last = 0, frame = 0;
	unsigned int levels;

	for (levels = 5; levels <= 16; levels++) {
		RUN_EXACT("plain", levels);
		ASSERT_NE(0, self->known.frame);
		if (last)
			EXPECT_EQ(last + frame, self->seen.min);
		last = self->seen.min;
		frame = self->known.frame;
	}
}

TEST_F(stack, depth_includes_a_leaf_with_a_large_array)
{
	RUN_EXACT("leaf", 5);
	EXPECT_LT(4096, self->seen.min);
}

TEST_F(stack, depth_is_exact_on_a_kernel_thread)
{
	RUN_EXACT("thread", 5);
	EXPECT_LT(4096, self->seen.min);
}

TEST_F(stack, depth_is_exact_after_sleeping_and_moving_to_another_cpu)
{
	RUN_EXACT("sleep", 5);
	EXPECT_LT(4096, self->seen.min);
}

TEST_F(stack, interrupts_are_told)
{
	ASSERT_EQ(0, vxt_run("irq", CLASS, 12, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(TIMES, self->seen.painted);
	EXPECT_EQ(TIMES, self->seen.interrupted);
	/* They leave little on this stack. */
	EXPECT_LE(self->known.expect, self->seen.min);
	/* Without them, but for the timer's now and then. */
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(TIMES, self->seen.painted);
	EXPECT_GT(TIMES / 2, self->seen.interrupted);
}

TEST_F(stack, depth_includes_the_nested_operation)
{
	struct vxt_stack inner;

	RUN_EXACT("inner", 8);
	ASSERT_EQ(0, vxt_stack(INNER_NAME, &inner));
	EXPECT_EQ(TIMES, inner.painted);
	EXPECT_EQ(self->known.inner, inner.min);
	EXPECT_EQ(self->known.inner, inner.p50);
	EXPECT_LT(inner.min, self->seen.min);
}

TEST_F(stack, depth_survives_the_painting_of_a_nested_operation)
{
	struct vxt_stack inner;

	RUN_EXACT("outer", 8);
	ASSERT_EQ(0, vxt_stack(INNER_NAME, &inner));
	EXPECT_EQ(self->known.inner, inner.min);
	EXPECT_EQ(self->known.inner, inner.p50);
	EXPECT_LT(inner.max, self->seen.min);
}

TEST_F(stack, nested_depths_are_exact_with_narrow_windows_too)
{
	struct vxt_stack inner;

	ASSERT_EQ(0, vxt_run("outer", CLASS, 8, BURST + 40, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	ASSERT_EQ(0, vxt_stack(INNER_NAME, &inner));
	EXPECT_EQ(BURST + 40, self->seen.painted);
	EXPECT_EQ(self->known.expect, self->seen.min);
	EXPECT_EQ(self->known.expect, self->seen.p50);
	EXPECT_EQ(BURST + 40, inner.painted);
	EXPECT_EQ(self->known.inner, inner.min);
	EXPECT_EQ(self->known.inner, inner.p50);
}

/*
 * It is told of within the outer one, and goes deeper than one that is not deep: nothing is known of
 * that one then.
 */
TEST_F(stack, an_alert_of_a_nested_operation_is_nobodys_depth)
{
	ASSERT_EQ(0, vxt_write(CONFIG, "alert_stack 1"));
	ASSERT_EQ(0, vxt_write(CONFIG, "alert_rate 1000"));
	RUN_EXACT("inner", 16);
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("inner", CLASS, 1, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(TIMES, self->seen.clipped);
	EXPECT_EQ(0, self->seen.painted);
}

TEST_F(stack, absolute_depth_includes_the_callers)
{
	RUN_EXACT("leaf", 5);
	EXPECT_LT(self->seen.max, self->seen.absolute);
	EXPECT_LT(20.0, self->seen.share);
	EXPECT_EQ(0, self->seen.over75);
}

TEST_F(stack, an_operation_that_does_nothing_is_shallow)
{
	ASSERT_EQ(0, vxt_run("empty", CLASS, 1, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(TIMES, self->seen.painted);
	EXPECT_LT(TIMES / 2, self->seen.shallow);
	EXPECT_GT(1024, self->seen.min);
}

TEST_F(stack, a_sample_near_the_edge_of_the_window_is_clipped_and_the_next_is_whole)
{
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, BURST + 6, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(BURST + 6, self->seen.painted);
	EXPECT_EQ(0, self->seen.clipped);

	ASSERT_EQ(0, vxt_run("far", CLASS, 16, 1, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(BURST + 6, self->seen.painted);
	EXPECT_EQ(1, self->seen.clipped);
	EXPECT_EQ(BURST + 7, self->seen.calls);
	EXPECT_GT(self->known.expect, self->seen.max);

	ASSERT_EQ(0, vxt_run("leaf", CLASS, 16, 1, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(BURST + 7, self->seen.painted);
	EXPECT_EQ(1, self->seen.clipped);
	EXPECT_LE(self->known.expect, self->seen.max);
}

TEST_F(stack, every_call_is_counted_once)
{
	const unsigned int calls = 5000;

	ASSERT_EQ(0, vxt_share(SHARE_DEFAULT));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, calls, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(calls, self->seen.calls);
	EXPECT_EQ(calls, self->seen.painted + self->seen.unpainted + self->seen.clipped);
	/* The burst on credit; then these short operations cannot pay for more. */
	EXPECT_LE(BURST, self->seen.painted + self->seen.clipped);
	EXPECT_LT(calls / 2, self->seen.unpainted);
}

TEST_F(stack, painting_stops_at_share_0)
{
	ASSERT_EQ(0, vxt_share(0));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 200, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(200, self->seen.unpainted);
	EXPECT_EQ(0, self->seen.painted);
	EXPECT_EQ(VXT_NONE, self->seen.min);
	EXPECT_EQ(VXT_NONE, self->seen.max);
}

TEST_F(stack, reset_forgets_everything)
{
	char *text;

	ASSERT_EQ(0, vxt_run("leaf", CLASS, 5, TIMES, &self->known));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(0, self->seen.calls);
	text = vxt_read(VXT_DIR "stack");
	ASSERT_NE(NULL, text);
	EXPECT_EQ(NULL, vxt_line(text, NAME));
	free(text);

	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	EXPECT_EQ(TIMES, self->seen.calls);
	EXPECT_EQ(self->known.expect, self->seen.p50);
}

/* How many lines of the trace hold the record, and the depth of the last one. */
static unsigned int records(unsigned int *depth)
{
	char *text = vxt_read(TRACE "trace"), *at = text;
	unsigned int n = 0;

	while (at && (at = strstr(at, "vxt_stack_record: "))) {
		char *field = strstr(at, " depth=");

		n += field && sscanf(field, " depth=%u", depth) == 1;
		at++;
	}
	free(text);
	return n;
}

TEST_F(stack, a_record_fires_once_for_each_new_maximum)
{
	unsigned int depth = 0, fired, levels;
	uint64_t max;

	ASSERT_EQ(0, vxt_write(TRACE "trace", ""));
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 1, &self->known));
	EXPECT_EQ(0, records(&depth));

	ASSERT_EQ(0, vxt_write(RECORD, "1"));
	for (levels = 8; levels <= 16; levels += 4) {
		ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
		max = self->seen.max;
		fired = records(&depth);
		ASSERT_EQ(0, vxt_run("plain", CLASS, levels, 1, &self->known));
		ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
		EXPECT_EQ(fired + (self->seen.max > max), records(&depth));
		EXPECT_EQ(self->seen.max, depth);
		EXPECT_LE(self->known.expect, depth);
	}
	fired = records(&depth);
	EXPECT_LT(0, fired);
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, TIMES, &self->known));
	EXPECT_EQ(fired, records(&depth));
	ASSERT_EQ(0, vxt_write(TRACE "trace", ""));
}

TEST_F(stack, bad_settings_are_refused)
{
	EXPECT_EQ(-ERANGE, vxt_share(SHARE_ALL + 1));
	EXPECT_EQ(-EINVAL, vxt_write(VXT_DIR "config", "paint_share"));
	EXPECT_EQ(-EINVAL, vxt_write(VXT_DIR "config", "paint_share x"));
	EXPECT_EQ(-EINVAL, vxt_write(VXT_DIR "config", "paint_share -1"));
	EXPECT_EQ(-EINVAL, vxt_write(VXT_DIR "config", "colour 7"));
	EXPECT_EQ(-ERANGE, vxt_write(VXT_DIR "config", "paint_share 99999999999"));
	EXPECT_NE(0, vxt_write(VXT_DIR "stack", "1"));
}

TEST_HARNESS_MAIN
