// SPDX-License-Identifier: GPL-2.0-only
/* The deepest chain of calls that vexfs_trace.ko reports is the one that there was. */
#include "vxt.h"
#include "kselftest_harness.h"
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <time.h>
#include <trace/vexfs_op.h>

#define TRACE		"/sys/kernel/tracing/"
#define CHAIN		TRACE "events/vexfs_trace/vxt_stack_chain/enable"
#define CLASS		VEXFS_OP_SEARCH
#define NAME		"search"
#define INNER_NAME	"delete"	/* CLASS - 1 */
#define SHARE_ALL	10000
#define SHARE_DEFAULT	10
#define CONFIG		VXT_DIR "config"
#define FOLLOW_S	60	/* until functions are traced: an emulator takes seconds */
#define RUNS		100	/* chains to get right */
#define TIMES		40	/* operations within which a chain is caught, whatever interrupts add */

FIXTURE(chain) {
	struct vxt_known known;
	struct vxt_chain seen;
};

FIXTURE_SETUP(chain)
{
	int err = vxt_module_load("selftests/modules/vxt_fixture");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, vxt_share(SHARE_ALL));
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(chain)
{
	vxt_write(CHAIN, "0");
	vxt_share(SHARE_DEFAULT);
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_fixture"));
}

/* fixture_leaf, @levels of known frames, fixture_plain. */
static bool is_leaf_chain(const struct vxt_chain *c, const struct vxt_known *known,
			  unsigned int levels)
{
	unsigned int i;

	if (!vxt_adds_up(c) || c->depth != known->expect || c->nr != levels + 2)
		return false;
	if (strcmp(c->frame[0].function, "fixture_leaf") || c->frame[0].bytes <= 4096)
		return false;
	for (i = 1; i <= levels; i++)
		if (strcmp(c->frame[i].function, "fixture_level") ||
		    c->frame[i].bytes != known->frame)
			return false;
	return !strcmp(c->frame[i].function, "fixture_plain");
}

static void show(const struct vxt_chain *c)
{
	unsigned int i;

	printf("# depth %u of %u\n", c->depth, c->max);
	for (i = 0; i < c->nr; i++)
		printf("# %u %u %s\n", c->frame[i].bytes, c->frame[i].from, c->frame[i].function);
}

/* Runs a case until its chain is as deep as is known; false when it never is. */
static bool catch_chain(const char *name, unsigned int levels, struct vxt_known *known,
			struct vxt_chain *c)
{
	unsigned int i;

	for (i = 0; i < TIMES; i++) {
		if (vxt_run(name, CLASS, levels, 2, known) || vxt_chain(NAME, c))
			return false;
		if (c->depth >= known->expect)
			return true;
	}
	return false;
}

TEST_F(chain, the_chain_is_right_every_time)
{
	unsigned int run, right = 0, more = 0;

	for (run = 0; run < RUNS; run++) {
		unsigned int levels = 3 + run % 13;

		ASSERT_EQ(0, vxt_reset());
		ASSERT_TRUE(catch_chain("leaf", levels, &self->known, &self->seen));
		/* An interrupt at the deepest point makes a deeper chain, a true one. */
		if (self->seen.depth > self->known.expect && vxt_adds_up(&self->seen))
			more++;
		else if (is_leaf_chain(&self->seen, &self->known, levels))
			right++;
		else
			show(&self->seen);
	}
	EXPECT_EQ(RUNS, right + more);
	EXPECT_GT(RUNS / 10, more);
}

TEST_F(chain, a_chain_needs_an_operation_that_comes_again)
{
	ASSERT_EQ(0, vxt_run("leaf", CLASS, 5, 1, &self->known));
	ASSERT_EQ(0, vxt_chain(NAME, &self->seen));
	EXPECT_EQ(0, self->seen.nr);
	ASSERT_TRUE(catch_chain("leaf", 5, &self->known, &self->seen));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_chain(NAME, &self->seen));
	EXPECT_EQ(0, self->seen.nr);
}

TEST_F(chain, a_deeper_operation_takes_its_place_and_a_shallower_one_does_not)
{
	unsigned int deep;

	ASSERT_TRUE(catch_chain("leaf", 4, &self->known, &self->seen));
	ASSERT_TRUE(catch_chain("leaf", 12, &self->known, &self->seen));
	EXPECT_EQ(14, self->seen.nr);
	deep = self->seen.depth;
	ASSERT_EQ(0, vxt_run("plain", CLASS, 4, TIMES, &self->known));
	ASSERT_EQ(0, vxt_chain(NAME, &self->seen));
	EXPECT_EQ(deep, self->seen.depth);
}

TEST_F(chain, it_leads_through_a_nested_operation)
{
	struct vxt_chain inner;
	unsigned int i, levels = 0, entries = 0;

	ASSERT_TRUE(catch_chain("inner", 8, &self->known, &self->seen));
	EXPECT_TRUE(vxt_adds_up(&self->seen));
	for (i = 0; i < self->seen.nr; i++) {
		levels += !strcmp(self->seen.frame[i].function, "fixture_level");
		entries += !strcmp(self->seen.frame[i].function, "fixture_inner");
	}
	EXPECT_EQ(8, levels);
	EXPECT_EQ(1, entries);
	/*
	 * The outer one has its chain: now the watchpoint is free for the inner one, but for the
	 * tries that a depth takes which an interrupt had added to.
	 */
	for (i = 0; i < 4 * TIMES; i++) {
		ASSERT_EQ(0, vxt_run("inner", CLASS, 8, 1, &self->known));
		ASSERT_EQ(0, vxt_chain(INNER_NAME, &inner));
		if (inner.depth >= self->known.inner)
			break;
	}
	EXPECT_TRUE(vxt_adds_up(&inner));
	EXPECT_EQ(self->known.inner, inner.depth);
}

TEST_F(chain, painting_by_a_nested_operation_is_not_taken_for_the_deepest_call)
{
	ASSERT_TRUE(catch_chain("outer", 8, &self->known, &self->seen));
	EXPECT_TRUE(vxt_adds_up(&self->seen));
	EXPECT_STREQ("fixture_level", self->seen.frame[0].function);
	EXPECT_EQ(16 + 1, self->seen.nr);
}

TEST_F(chain, it_is_caught_on_a_kernel_thread)
{
	ASSERT_TRUE(catch_chain("thread", 5, &self->known, &self->seen));
	EXPECT_TRUE(is_leaf_chain(&self->seen, &self->known, 5));
}

/* The watchpoint stays behind; what is caught all the same has to be right. */
TEST_F(chain, an_operation_that_changes_the_cpu_leaves_nothing_wrong)
{
	unsigned int i;

	for (i = 0; i < TIMES; i++)
		ASSERT_EQ(0, vxt_run("sleep", CLASS, 5, 1, &self->known));
	ASSERT_EQ(0, vxt_chain(NAME, &self->seen));
	EXPECT_TRUE(!self->seen.nr || vxt_adds_up(&self->seen));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_TRUE(catch_chain("leaf", 5, &self->known, &self->seen));
	EXPECT_TRUE(is_leaf_chain(&self->seen, &self->known, 5));
}

TEST_F(chain, the_tracepoint_names_the_function_at_the_very_moment)
{
	char *text, *at;

	ASSERT_EQ(0, vxt_write(TRACE "trace", ""));
	ASSERT_EQ(0, vxt_write(CHAIN, "1"));
	ASSERT_TRUE(catch_chain("leaf", 5, &self->known, &self->seen));
	text = vxt_read(TRACE "trace");
	ASSERT_NE(NULL, text);
	at = strstr(text, "vxt_stack_chain: ");
	ASSERT_NE(NULL, at);
	EXPECT_NE(NULL, strstr(at, "ip=fixture_leaf+"));
	free(text);
	ASSERT_EQ(0, vxt_write(TRACE "trace", ""));
}

/* A watchpoint of this task, as a debugger sets it; a descriptor or a negative errno. */
static int watchpoint(volatile uint64_t *word)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .sample_period = 1,
		.bp_type = HW_BREAKPOINT_W, .bp_addr = (uintptr_t)word,
		.bp_len = HW_BREAKPOINT_LEN_8, .exclude_kernel = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	return fd < 0 ? -errno : fd;
}

static uint64_t hits(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

TEST_F(chain, debuggers_keep_three_registers_and_theirs_go_on_working)
{
	static volatile uint64_t word[4];
	unsigned int again, round, i;
	int fd[3];

	/* Twice: theirs come and go, and ours need not stay in the same register. */
	for (again = 0; again < 2; again++) {
		for (i = 0; i < 3; i++) {
			fd[i] = watchpoint(&word[i]);
			ASSERT_LE(0, fd[i]);
		}
		EXPECT_EQ(-ENOSPC, watchpoint(&word[3]));
		for (round = 1; round <= 5; round++) {
			ASSERT_EQ(0, vxt_reset());
			ASSERT_TRUE(catch_chain("leaf", 5, &self->known, &self->seen));
			EXPECT_TRUE(is_leaf_chain(&self->seen, &self->known, 5));
			for (i = 0; i < 3; i++) {
				word[i]++;
				EXPECT_EQ(round, hits(fd[i]));
			}
		}
		for (i = 0; i < 3; i++)
			close(fd[i]);
	}
}

#define REGISTERS	4

/* Load the module anew while a debugger has all registers. */
static int load_without(volatile uint64_t *word, int *fd)
{
	int i, err = vxt_module_unload("vexfs_trace");

	for (i = 0; i < REGISTERS && !err; i++) {
		fd[i] = watchpoint(&word[i]);
		err = fd[i] < 0 ? fd[i] : 0;
	}
	err = err ?: vxt_module_load("vexfs_trace");
	return err ?: vxt_share(SHARE_ALL);
}

/* And with registers again. The debugger's have to have worked. */
static int load_with(volatile uint64_t *word, const int *fd)
{
	int i, wrong = 0, err = vxt_module_unload("vexfs_trace");

	for (i = 0; i < REGISTERS; i++) {
		word[i]++;
		wrong += hits(fd[i]) != 1;
		close(fd[i]);
	}
	err = err ?: vxt_module_load("vexfs_trace");
	return err ?: wrong ? -EIO : vxt_share(SHARE_ALL);
}

TEST_F(chain, without_a_free_register_all_else_is_measured)
{
	static volatile uint64_t word[REGISTERS];
	struct vxt_stack stack;
	int fd[REGISTERS];

	ASSERT_EQ(0, load_without(word, fd));
	ASSERT_EQ(0, vxt_write(CONFIG, "chain_ftrace 0"));
	ASSERT_EQ(0, vxt_run("leaf", CLASS, 5, 10, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &stack));
	EXPECT_EQ(self->known.expect, stack.p50);
	ASSERT_EQ(0, vxt_chain(NAME, &self->seen));
	EXPECT_EQ(0, self->seen.nr);
	ASSERT_EQ(0, load_with(word, fd));
	ASSERT_TRUE(catch_chain("leaf", 5, &self->known, &self->seen));
	EXPECT_FALSE(self->seen.ftrace);
}

/* Runs a case for as long as it takes until functions are traced; false when they are not. */
static bool follow_chain(const char *name, unsigned int levels, struct vxt_known *known,
			 struct vxt_chain *c)
{
	time_t last = time(NULL) + FOLLOW_S;

	do {
		if (vxt_run(name, CLASS, levels, 20, known) || vxt_chain(NAME, c))
			return false;
	} while (c->depth < known->expect && time(NULL) < last);
	return c->depth >= known->expect;
}

/* Depths are measured before functions are traced, and have to be right afterwards. */
TEST_F_TIMEOUT(chain, without_a_free_register_ftrace_finds_it, 3 * FOLLOW_S)
{
	static volatile uint64_t word[REGISTERS];
	struct vxt_stack stack;
	int fd[REGISTERS];
	unsigned int i;

	ASSERT_EQ(0, load_without(word, fd));
	/* What is looked for is not what an interrupt added to. */
	ASSERT_EQ(0, vxt_write(CONFIG, "chain_ftrace 0"));
	ASSERT_EQ(0, vxt_run("leaf", CLASS, 5, TIMES, &self->known));
	ASSERT_EQ(0, vxt_write(CONFIG, "chain_ftrace 1000"));
	ASSERT_TRUE(follow_chain("leaf", 5, &self->known, &self->seen));
	show(&self->seen);
	EXPECT_TRUE(self->seen.ftrace);
	EXPECT_TRUE(is_leaf_chain(&self->seen, &self->known, 5));

	/* A chain whose last function has a small frame: what ftrace puts there reaches deeper. */
	ASSERT_EQ(0, vxt_write(CONFIG, "chain_ftrace 0"));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("plain", CLASS, 9, TIMES, &self->known));
	ASSERT_EQ(0, vxt_write(CONFIG, "chain_ftrace 1000"));
	ASSERT_TRUE(follow_chain("plain", 9, &self->known, &self->seen));
	show(&self->seen);
	EXPECT_TRUE(self->seen.ftrace);
	EXPECT_TRUE(vxt_adds_up(&self->seen));
	EXPECT_EQ(self->known.expect, self->seen.depth);
	EXPECT_EQ(9 + 1, self->seen.nr);
	for (i = 0; i < 9; i++)
		EXPECT_STREQ("fixture_level", self->seen.frame[i].function);

	ASSERT_EQ(0, vxt_stack(NAME, &stack));
	EXPECT_EQ(self->known.expect, stack.p50);
	ASSERT_EQ(0, load_with(word, fd));
}

TEST_HARNESS_MAIN
