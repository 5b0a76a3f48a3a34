// SPDX-License-Identifier: GPL-2.0-only
/* Functions of other modules are measured as exactly as operations of VexFS. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include "vxt.h"
#include "vxt_nl.h"
#include "vxt_ops.h"
#include "kselftest_harness.h"
#include <trace/vexfs_op.h>

#define TARGETS		VXT_DIR "targets"
#define NAME		"fixture_target"
#define AROUND		"fixture_target_around"
#define TAKES		"fixture_takes"
#define MODULE		"module:vxt_fixture"
#define CLASS		VEXFS_OP_SEARCH
#define INNER_NAME	"delete"	/* CLASS - 1 */
#define SHARE_ALL	10000
#define SHARE_DEFAULT	10
#define TIMES		11	/* odd, and few: an interrupt may land in some, not in most */
#define MOST		8

FIXTURE(target) {
	struct nl nl;
	struct vxt_known known;
	struct vxt_stack seen;
	struct vxt_chain chain;
};

FIXTURE_SETUP(target)
{
	int err = vxt_module_load("selftests/modules/vxt_fixture");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, vxt_share(SHARE_ALL));
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(target)
{
	vxt_write(TARGETS, "-" NAME);
	vxt_write(TARGETS, "-" AROUND);
	vxt_write(TARGETS, "-" TAKES);
	vxt_write(TARGETS, "-" MODULE);
	vxt_share(SHARE_DEFAULT);
	vxt_reset();
	close(self->nl.fd);
	EXPECT_EQ(0, vxt_module_unload("vxt_fixture"));
}

/* What calls of a target took from the allocators. */
struct memory {
	unsigned long missed, allocs, bytes, frees, pages, freed;
};

static int memory(const char *name, struct memory *m)
{
	char *text = vxt_read(TARGETS), *line, *rest = text, function[64];
	int n = 0;

	while (text && (line = strsep(&rest, "\n")) && n != 7) {
		n = sscanf(line, "%*u %*u %lu %lu %lu %lu %lu %lu %63s", &m->missed, &m->allocs,
			   &m->bytes, &m->frees, &m->pages, &m->freed, function);
		if (n == 7 && strcmp(function, name))
			n = 0;
	}
	free(text);
	return n == 7 ? 0 : -1;
}

/* What adding or removing a function says. */
static int target(struct nl *nl, uint8_t cmd, const char *name)
{
	nl_begin(nl, cmd, NLM_F_ACK);
	nl_put(nl, VEXFS_TRACE_A_TARGET_NAME, name, strlen(name) + 1);
	return nl_talk(nl);
}

static unsigned int targets(void)
{
	char *text = vxt_read(TARGETS), *at = text;
	unsigned int lines = 0;

	for (; at && (at = strchr(at, '\n')); at++)
		lines++;
	free(text);
	return lines ? lines - 1 : 0;
}

TEST_F(target, depth_is_exact_to_the_byte)
{
	uint64_t last = 0;
	unsigned int levels;

	ASSERT_EQ(0, vxt_write(TARGETS, "+" NAME));
	for (levels = 8; levels <= 16; levels++) {
		ASSERT_EQ(0, vxt_reset());
		ASSERT_EQ(0, vxt_run("call", CLASS, levels, TIMES, &self->known));
		ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
		EXPECT_EQ(TIMES, self->seen.calls);
		EXPECT_EQ(TIMES, self->seen.painted);
		EXPECT_EQ(0, self->seen.shallow);
		EXPECT_EQ(self->known.expect, self->seen.min);
		EXPECT_EQ(self->known.expect, self->seen.p50);
		if (last)
			EXPECT_EQ(last + self->known.frame, self->seen.min);
		last = self->seen.min;
	}
}

TEST_F(target, every_call_is_counted_and_timed)
{
	struct vxt_latency latency;

	ASSERT_EQ(0, vxt_share(SHARE_DEFAULT));
	ASSERT_EQ(0, vxt_write(TARGETS, "+" NAME));
	ASSERT_EQ(0, vxt_run("call", CLASS, 5, 1000, &self->known));
	ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
	ASSERT_EQ(0, vxt_latency(NAME, &latency));
	EXPECT_EQ(1000, self->seen.calls);
	EXPECT_EQ(1000, self->seen.painted + self->seen.unpainted + self->seen.clipped);
	EXPECT_EQ(1000, latency.count);
	EXPECT_LT(0, latency.min);
	EXPECT_EQ(0, latency.errors);
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("stay", CLASS, 5, 1, &self->known));
	ASSERT_EQ(0, vxt_latency(NAME, &latency));
	EXPECT_EQ(1, latency.count);
	EXPECT_LE(500000, latency.min);
}

TEST_F(target, the_chain_of_calls_is_right)
{
	unsigned int i, levels = 7;

	ASSERT_EQ(0, vxt_write(TARGETS, "+" NAME));
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, vxt_run("call", CLASS, levels, 2, &self->known));
		ASSERT_EQ(0, vxt_chain(NAME, &self->chain));
		if (self->chain.depth >= self->known.expect)
			break;
	}
	ASSERT_EQ(self->known.expect, self->chain.depth);
	EXPECT_TRUE(vxt_adds_up(&self->chain));
	ASSERT_EQ(levels + 2, self->chain.nr);
	EXPECT_STREQ("fixture_leaf", self->chain.frame[0].function);
	for (i = 1; i <= levels; i++)
		EXPECT_STREQ("fixture_level", self->chain.frame[i].function);
	EXPECT_STREQ(NAME, self->chain.frame[i].function);
}

TEST_F(target, an_operation_inside_a_call_and_the_call_are_both_exact)
{
	struct vxt_stack inner;

	ASSERT_EQ(0, vxt_write(TARGETS, "+" AROUND));
	ASSERT_EQ(0, vxt_run("within", CLASS, 12, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(AROUND, &self->seen));
	ASSERT_EQ(0, vxt_stack(INNER_NAME, &inner));
	EXPECT_EQ(TIMES, self->seen.painted);
	EXPECT_EQ(TIMES, inner.painted);
	EXPECT_EQ(self->known.expect, self->seen.p50);
	EXPECT_EQ(self->known.inner, inner.p50);
	EXPECT_LT(inner.p50, self->seen.p50);
}

static void *stay(void *known)
{
	vxt_run("stay", CLASS, 10, 1, known);
	return NULL;
}

/* A call that is under way when its target goes is not counted, nor is anything of it left. */
TEST_F(target, a_target_may_go_while_it_is_being_called)
{
	unsigned int round;
	struct vxt_ops ops;
	pthread_t thread;

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, vxt_write(TARGETS, "+" NAME));
		ASSERT_EQ(0, pthread_create(&thread, NULL, stay, &self->known));
		usleep(300000);
		ASSERT_EQ(0, vxt_write(TARGETS, "-" NAME));
		/* Also the place of the call is free for another one by then. */
		if (round)
			ASSERT_EQ(0, vxt_write(TARGETS, "+" NAME));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
		EXPECT_EQ(0, self->seen.calls);
		if (!round)
			ASSERT_EQ(0, vxt_write(TARGETS, "+" NAME));
		ASSERT_EQ(0, vxt_run("call", CLASS, 9, TIMES, &self->known));
		ASSERT_EQ(0, vxt_stack(NAME, &self->seen));
		EXPECT_EQ(TIMES, self->seen.painted);
		EXPECT_EQ(self->known.expect, self->seen.p50);
		ASSERT_EQ(0, vxt_ops(NAME, &ops));
		EXPECT_EQ(TIMES, ops.calls);
		EXPECT_EQ(0, ops.lost);
		EXPECT_EQ(0, ops.sleep);
		ASSERT_EQ(0, vxt_write(TARGETS, "-" NAME));
	}
}

/* The calls sleep, and may come back on another CPU: what they took goes with them. */
TEST_F(target, what_its_calls_allocate_is_counted)
{
	const unsigned int objects = 16, slabs = TIMES * objects;
	struct vxt_ops ops;
	struct memory m;

	ASSERT_EQ(0, vxt_write(TARGETS, "+" TAKES));
	ASSERT_EQ(0, vxt_run("takes", CLASS, objects, TIMES, &self->known));
	ASSERT_EQ(0, memory(TAKES, &m));
	EXPECT_EQ(0, m.missed);
	EXPECT_EQ(TIMES * objects, m.allocs);
	EXPECT_EQ(TIMES * objects * 100, m.bytes);
	EXPECT_EQ(TIMES * objects / 2, m.frees);
	/* A slab may need new pages for the objects. */
	EXPECT_LE(TIMES * 8, m.pages);
	EXPECT_GE(TIMES * 8 + slabs, m.pages);
	EXPECT_LE(TIMES * 8, m.freed);
	EXPECT_GE(m.pages, m.freed);
	ASSERT_EQ(0, vxt_ops(TAKES, &ops));
	EXPECT_EQ(TIMES, ops.calls);
	EXPECT_EQ(0, ops.lost);
	EXPECT_TRUE(vxt_ops_add_up(&ops));
	EXPECT_LT(TIMES * 20000, ops.sleep);
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, memory(TAKES, &m));
	EXPECT_EQ(0, m.allocs + m.bytes + m.frees + m.pages + m.freed);
}

TEST_F(target, what_cannot_be_measured_is_refused_with_the_reason)
{
	struct nl *nl = &self->nl;
	char longest[80];

	EXPECT_EQ(-ENOENT, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, "vexfs_no_such_function"));
	EXPECT_STREQ("no such function, or it was inlined everywhere", nl->text);
	EXPECT_EQ(-EINVAL, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, "asm_exc_page_fault"));
	EXPECT_STREQ("the kernel does not let this function be probed", nl->text);
	EXPECT_EQ(-EINVAL, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, "do_exit"));
	EXPECT_STREQ("the function never returns", nl->text);
	EXPECT_EQ(-EINVAL, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, ""));
	EXPECT_STREQ("not the name of a function", nl->text);
	EXPECT_EQ(-EINVAL, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, "two words"));
	EXPECT_EQ(-EINVAL, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, "0xffffffff81000000"));
	EXPECT_EQ(-EINVAL, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, "vfs_read+8"));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	EXPECT_NE(0, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, longest));
	EXPECT_STRNE("", nl->text);
	EXPECT_EQ(-ENOENT, target(nl, VEXFS_TRACE_CMD_TARGET_DEL, NAME));
	EXPECT_STREQ("no such target", nl->text);
	EXPECT_EQ(-ENOENT, target(nl, VEXFS_TRACE_CMD_TARGET_DEL, ""));
	nl_begin(nl, VEXFS_TRACE_CMD_TARGET_ADD, NLM_F_ACK);
	EXPECT_EQ(-EINVAL, nl_talk(nl));
	EXPECT_EQ(-EINVAL, vxt_write(TARGETS, "fixture_target"));
	EXPECT_EQ(-EINVAL, vxt_write(TARGETS, ""));
	EXPECT_EQ(0, targets());
}

/* The report is read with locks that these functions take, or are called under. */
static int module_function(struct nl *nl, const char *function)
{
	nl_begin(nl, VEXFS_TRACE_CMD_TARGET_ADD, NLM_F_ACK);
	nl_put(nl, VEXFS_TRACE_A_TARGET_NAME, MODULE, sizeof(MODULE));
	nl_put(nl, VEXFS_TRACE_A_TARGET_FUNCTION, function, strlen(function) + 1);
	return nl_talk(nl);
}

/* Of functions that call one another the outermost call counts. */
TEST_F(target, the_functions_of_a_module_are_one_target)
{
	struct nl *nl = &self->nl;
	struct vxt_ops ops;
	char *text;

	ASSERT_EQ(0, module_function(nl, NAME));
	ASSERT_EQ(0, module_function(nl, AROUND));
	ASSERT_EQ(0, module_function(nl, "fixture_inner"));
	EXPECT_EQ(1, targets());
	EXPECT_EQ(-EEXIST, module_function(nl, NAME));
	EXPECT_EQ(-EEXIST, module_function(nl, NAME));
	EXPECT_EQ(-ENOENT, module_function(nl, "vfs_write"));
	EXPECT_EQ(-EINVAL, module_function(nl, "vexfs:vexfs_lookup"));
	EXPECT_EQ(-ENOENT, module_function(nl, "vexfs_no_such_function"));
	EXPECT_EQ(-EINVAL, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, "module:vexfs"));
	EXPECT_STREQ("name a function of the module, too", nl->text);
	EXPECT_EQ(-ENOENT, vxt_write(TARGETS, "+module:vexfs vexfs_no_such_function"));
	EXPECT_EQ(-EINVAL, vxt_write(TARGETS, "+vfs_read vfs_write"));
	EXPECT_EQ(1, targets());
	text = vxt_read(TARGETS);
	EXPECT_TRUE(text && strstr(text, " 3 "));
	free(text);

	ASSERT_EQ(0, vxt_run("call", CLASS, 9, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(MODULE, &self->seen));
	EXPECT_EQ(TIMES, self->seen.painted);
	EXPECT_EQ(self->known.expect, self->seen.p50);
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("within", CLASS, 16, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(MODULE, &self->seen));
	EXPECT_EQ(TIMES, self->seen.painted);
	EXPECT_EQ(self->known.expect, self->seen.p50);
	EXPECT_EQ(0, self->seen.shallow);
	ASSERT_EQ(0, vxt_ops(MODULE, &ops));
	EXPECT_EQ(TIMES, ops.calls);
	EXPECT_EQ(0, ops.lost);

	/* Nor does one count that comes from an operation or another target inside of a call. */
	ASSERT_EQ(0, module_function(nl, "fixture_nest"));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("inner", CLASS, 16, TIMES, &self->known));
	ASSERT_EQ(0, vxt_ops(MODULE, &ops));
	EXPECT_EQ(TIMES, ops.calls);
	EXPECT_EQ(0, ops.lost);
	ASSERT_EQ(0, vxt_ops("search", &ops));
	EXPECT_EQ(TIMES, ops.calls);
	EXPECT_EQ(0, ops.lost);

	/* Not deeper than what the probe inside may have done: an upper bound, and said to be. */
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_run("within", CLASS, 1, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack(MODULE, &self->seen));
	EXPECT_EQ(TIMES, self->seen.painted);
	EXPECT_EQ(TIMES, self->seen.shallow);
	EXPECT_LE(self->known.expect, self->seen.min);
	ASSERT_EQ(0, target(nl, VEXFS_TRACE_CMD_TARGET_DEL, MODULE));
	EXPECT_EQ(0, targets());
}

TEST_F(target, functions_that_the_tracer_calls_itself_do_no_harm)
{
	static const char * const some[] = {
		"_raw_spin_lock", "_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore",
		"mutex_lock", "seq_printf",
	};
	unsigned int i, j;

	for (i = 0; i < sizeof(some) / sizeof(*some); i++) {
		ASSERT_EQ(0, target(&self->nl, VEXFS_TRACE_CMD_TARGET_ADD, some[i]));
		for (j = 0; j < 50; j++) {
			free(vxt_read(VXT_DIR "stack"));
			free(vxt_read(VXT_DIR "chain"));
			ASSERT_EQ(0, vxt_reset());
		}
		free(vxt_read(VXT_DIR "stack"));
		ASSERT_EQ(0, vxt_stack(some[i], &self->seen));
		EXPECT_LT(0, self->seen.calls);
		ASSERT_EQ(0, target(&self->nl, VEXFS_TRACE_CMD_TARGET_DEL, some[i]));
	}
	EXPECT_EQ(-EINVAL, target(&self->nl, VEXFS_TRACE_CMD_TARGET_ADD, "vxt_scan"));
	EXPECT_EQ(-EINVAL, target(&self->nl, VEXFS_TRACE_CMD_TARGET_ADD, "vexfs_trace:vxt_paint"));
	EXPECT_EQ(0, targets());
}

/* A task that dies inside leaves no place of the table taken: there are 2,048. */
TEST_F(target, tasks_that_end_inside_a_call_leave_nothing)
{
	struct nl *nl = &self->nl;
	unsigned int i;
	int status;

	ASSERT_EQ(0, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, "get_signal"));
	for (i = 0; i < 2500; i++) {
		pid_t pid = vfork();

		ASSERT_LE(0, pid);
		if (!pid) {
			kill(getpid(), SIGKILL);
			_exit(1);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
	}
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	EXPECT_EQ(0, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_TABLE_FULL));
	ASSERT_EQ(0, target(nl, VEXFS_TRACE_CMD_TARGET_DEL, "get_signal"));
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 5, &self->known));
	ASSERT_EQ(0, vxt_stack("search", &self->seen));
	EXPECT_EQ(5, self->seen.painted);
}

TEST_F(target, each_has_its_class_and_there_is_room_for_eight)
{
	static const char * const some[MOST + 1] = {
		"vfs_read", "vfs_write", "vfs_open", "vfs_statx", "filp_close", "vfs_fsync_range",
		"vfs_unlink", NAME, AROUND,
	};
	struct nl *nl = &self->nl;
	unsigned int i, j;

	for (i = 0; i < MOST; i++) {
		ASSERT_EQ(0, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, some[i]));
		ASSERT_EQ(1, nl->nr);
		EXPECT_EQ(VEXFS_OP_NR + i, nl_u64(nl->msg[0], VEXFS_TRACE_A_TARGET_CLASS));
		EXPECT_EQ(-EEXIST, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, some[i]));
	}
	EXPECT_EQ(-ENOSPC, target(nl, VEXFS_TRACE_CMD_TARGET_ADD, some[i]));
	EXPECT_STREQ("there is no room for more targets: remove one", nl->text);
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_TARGET_GET, NLM_F_DUMP));
	ASSERT_EQ(MOST, nl->nr);
	for (i = 0; i < MOST; i++) {
		EXPECT_STREQ(some[i], nl_text(nl->msg[i], VEXFS_TRACE_A_TARGET_NAME));
		EXPECT_EQ(0, nl_u64(nl->msg[i], VEXFS_TRACE_A_TARGET_MISSED));
	}
	EXPECT_EQ(MOST, targets());
	/* They have lines as operations have. */
	for (j = 0; j < 100; j++)
		free(vxt_read(TARGETS));
	ASSERT_EQ(0, vxt_stack("vfs_read", &self->seen));
	EXPECT_LE(200, self->seen.calls);
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP));
	ASSERT_EQ(VEXFS_OP_NR + MOST, nl->nr);
	EXPECT_STREQ("vfs_read", nl_text(nl->msg[VEXFS_OP_NR], VEXFS_TRACE_A_STACK_NAME));
	for (i = 0; i < MOST; i++)
		ASSERT_EQ(0, target(nl, VEXFS_TRACE_CMD_TARGET_DEL, some[i]));
	EXPECT_EQ(0, targets());
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP));
	EXPECT_EQ(VEXFS_OP_NR, nl->nr);
}

TEST_F(target, its_module_may_unload_meanwhile)
{
	ASSERT_EQ(0, vxt_write(TARGETS, "+vxt_fixture:" NAME));
	ASSERT_EQ(0, vxt_run("call", CLASS, 9, TIMES, &self->known));
	ASSERT_EQ(0, vxt_stack("vxt_fixture:" NAME, &self->seen));
	EXPECT_EQ(TIMES, self->seen.painted);
	EXPECT_EQ(self->known.expect, self->seen.p50);
	ASSERT_EQ(0, vxt_module_unload("vxt_fixture"));
	free(vxt_read(VXT_DIR "stack"));
	free(vxt_read(VXT_DIR "chain"));
	ASSERT_EQ(0, vxt_write(TARGETS, "-vxt_fixture:" NAME));
	ASSERT_EQ(0, vxt_module_load("selftests/modules/vxt_fixture"));
}

TEST_HARNESS_MAIN
