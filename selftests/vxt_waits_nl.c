// SPDX-License-Identifier: GPL-2.0-only
/* The dumps of what operations did and waited for tell the same as debugfs. */
#include "vxt.h"
#include "vxt_nl.h"
#include "vxt_ops.h"
#include "kselftest_harness.h"
#include <trace/vexfs_op.h>

#define WAITS	"/sys/kernel/debug/vxt_waits"
#define CLASS	VEXFS_OP_SEARCH
#define OTHER	VEXFS_OP_DELETE		/* the class before */

FIXTURE(waits_nl) {
	struct nl nl;
};

static int waits_run(const char *name, unsigned int number)
{
	char line[64];

	snprintf(line, sizeof(line), "%s %u %u", name, CLASS, number);
	return vxt_write(WAITS, line);
}

FIXTURE_SETUP(waits_nl)
{
	int err = vxt_module_load("selftests/modules/vxt_waits");
	unsigned int i;

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, waits_run("nest", 10));
	ASSERT_EQ(0, waits_run("bytes", 1000000));
	ASSERT_EQ(0, waits_run("io", 20));
	ASSERT_EQ(0, waits_run("crowded", 20));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, waits_run("fail", ENOSPC));
	ASSERT_EQ(0, waits_run("fail", 512));
	ASSERT_EQ(0, waits_run("deep", 5));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, waits_run("mutex-asleep", 20));
		ASSERT_EQ(0, waits_run("readers", 20));
	}
}

FIXTURE_TEARDOWN(waits_nl)
{
	close(self->nl.fd);
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_waits"));
}

/* Nanoseconds of a message are the microseconds of a table. */
static bool same(const struct nlmsghdr *h, uint16_t type, double us)
{
	return fabs(nl_u64(h, type) - us * 1000) < 1;
}

/* The errors of a message, as the table has them; only two are expected here. */
static void errors_of(const struct nlmsghdr *h, char *text, size_t room)
{
	const char *at = (const char *)h + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)h + h->nlmsg_len;
	uint64_t others = 0;

	strcpy(text, "-");
	for (; end - at >= NLA_HDRLEN; at += NLA_ALIGN(((const struct nlattr *)at)->nla_len)) {
		const struct nlattr *nest = (const void *)at, *number, *count;
		uint64_t n;
		uint32_t e;

		if ((nest->nla_type & NLA_TYPE_MASK) != VEXFS_TRACE_A_OPS_ERRNO)
			continue;
		number = nl_find(nl_data(nest), nest->nla_len - NLA_HDRLEN,
				 VEXFS_TRACE_A_ERRNO_NUMBER);
		count = nl_find(nl_data(nest), nest->nla_len - NLA_HDRLEN,
				VEXFS_TRACE_A_ERRNO_COUNT);
		memcpy(&e, nl_data(number), sizeof(e));
		memcpy(&n, nl_data(count), sizeof(n));
		if (e == ENOSPC)
			snprintf(text, room, "ENOSPC:%lu", n);
		else if (e == 0)
			others = n;
	}
	if (others)
		snprintf(text + strlen(text), room - strlen(text), ",others:%lu", others);
}

TEST_F(waits_nl, ops_dump_equals_debugfs)
{
	struct nl *nl = &self->nl;
	char errors[64];
	struct vxt_ops o;
	unsigned int i;

	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_OPS_GET, NLM_F_DUMP));
	EXPECT_FALSE(nl->interrupted);
	ASSERT_EQ(VEXFS_OP_NR, nl->nr);
	for (i = 0; i < nl->nr; i++) {
		const struct nlmsghdr *h = nl->msg[i];

		EXPECT_EQ(i, nl_u64(h, VEXFS_TRACE_A_OPS_CLASS));
		ASSERT_EQ(0, vxt_ops(nl_text(h, VEXFS_TRACE_A_OPS_NAME), &o));
		if (i == CLASS) {
			EXPECT_LT(0, o.calls);
			EXPECT_EQ(4, o.errors);
			EXPECT_EQ(1000000, o.bytes);
			EXPECT_EQ(3, o.lost);
			EXPECT_LT(0, o.lock);
			EXPECT_LT(0, o.io);
			EXPECT_LT(0, o.sleep);
			EXPECT_LT(0, o.runnable);
			errors_of(h, errors, sizeof(errors));
			EXPECT_STREQ(o.errnos, errors);
		}
		EXPECT_EQ(o.calls, nl_u64(h, VEXFS_TRACE_A_OPS_CALLS));
		EXPECT_EQ(o.errors, nl_u64(h, VEXFS_TRACE_A_OPS_ERRORS));
		EXPECT_EQ(o.bytes, nl_u64(h, VEXFS_TRACE_A_OPS_BYTES));
		EXPECT_EQ(o.lost, nl_u64(h, VEXFS_TRACE_A_OPS_LOST));
		EXPECT_TRUE(same(h, VEXFS_TRACE_A_OPS_TOTAL_NS, o.total));
		EXPECT_TRUE(same(h, VEXFS_TRACE_A_OPS_CPU_NS, o.cpu));
		EXPECT_TRUE(same(h, VEXFS_TRACE_A_OPS_LOCK_NS, o.lock));
		EXPECT_TRUE(same(h, VEXFS_TRACE_A_OPS_IO_NS, o.io));
		EXPECT_TRUE(same(h, VEXFS_TRACE_A_OPS_SLEEP_NS, o.sleep));
		EXPECT_TRUE(same(h, VEXFS_TRACE_A_OPS_RUNNABLE_NS, o.runnable));
		EXPECT_TRUE(same(h, VEXFS_TRACE_A_OPS_LOST_NS, o.lost_time));
		EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_OPS_NODE_MISSES));
		EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_OPS_SEGMENT_MISSES));
		EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_OPS_NODE_HITS));
		EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_OPS_SEGMENT_HITS));
	}
}

/* Whether the table of locks has a line that begins as the message says. */
static bool has_line(const struct nlmsghdr *h, const char *text, const char *function)
{
	const char *holder = nl_text(h, VEXFS_TRACE_A_LOCK_HOLDER);
	uint64_t waits = nl_u64(h, VEXFS_TRACE_A_LOCK_WAITS);
	uint64_t total = nl_u64(h, VEXFS_TRACE_A_LOCK_TOTAL_NS);
	uint64_t max = nl_u64(h, VEXFS_TRACE_A_LOCK_MAX_NS), mean = total / waits;
	char begin[256], end[256];
	const char *line;

	snprintf(begin, sizeof(begin), "%-12s %-12s %8lu ", nl_text(h, VEXFS_TRACE_A_LOCK_NAME),
		 nl_text(h, VEXFS_TRACE_A_LOCK_KIND), waits);
	snprintf(end, sizeof(end), " %8lu.%03lu %8lu.%03lu %8lu.%03lu %-7s %5s  %s\n", total / 1000,
		 total % 1000, mean / 1000, mean % 1000, max / 1000, max % 1000,
		 *holder ? holder : "-", *holder ? "0" : "-", function);
	for (line = text; line && *line; line = strchr(line, '\n') + 1)
		if (!strncmp(line, begin, strlen(begin)) &&
		    !strncmp(line + strlen(begin) + 8, end, strlen(end)))
			return true;
	return false;
}

TEST_F(waits_nl, lock_dump_equals_debugfs)
{
	char *text = vxt_read(VXT_DIR "locks");
	struct nl *nl = &self->nl;
	unsigned int i, rows = 0, stacks = 0;
	const char *line;

	ASSERT_NE(NULL, text);
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_LOCK_GET, NLM_F_DUMP));
	EXPECT_FALSE(nl->interrupted);
	for (i = 0; i < nl->nr; i++) {
		const struct nlmsghdr *h = nl->msg[i];
		const struct nlattr *frame = nl_attr(h, VEXFS_TRACE_A_LOCK_FRAME);
		const char *function = nl_text(h, VEXFS_TRACE_A_LOCK_FUNCTION);

		if (frame) {
			stacks++;
			function = nl_data(nl_find(nl_data(frame), frame->nla_len - NLA_HDRLEN,
						   VEXFS_TRACE_A_FRAME_FUNCTION));
			EXPECT_STRNE("", nl_text(h, VEXFS_TRACE_A_LOCK_HOLDER));
		} else {
			rows++;
			EXPECT_NE(UINT64_MAX, nl_u64(h, VEXFS_TRACE_A_LOCK_STACKS));
		}
		EXPECT_TRUE(has_line(h, text, function));
	}
	EXPECT_LE(2, rows);
	EXPECT_LE(1, stacks);
	/* No line that has no message: rows have no frame, stacks begin with frame 0. */
	for (line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		char at[16];

		ASSERT_EQ(1, sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %15s", at));
		rows -= !strcmp(at, "-");
		stacks -= !strcmp(at, "0");
	}
	EXPECT_EQ(0, rows);
	EXPECT_EQ(0, stacks);
	free(text);
}

TEST_F(waits_nl, locks_of_one_class)
{
	struct nl *nl = &self->nl;
	unsigned int i;

	nl_begin(nl, VEXFS_TRACE_CMD_LOCK_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_LOCK_CLASS, CLASS);
	ASSERT_EQ(0, nl_talk(nl));
	EXPECT_LE(2, nl->nr);
	for (i = 0; i < nl->nr; i++)
		EXPECT_EQ(CLASS, nl_u64(nl->msg[i], VEXFS_TRACE_A_LOCK_CLASS));
	nl_begin(nl, VEXFS_TRACE_CMD_LOCK_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_LOCK_CLASS, OTHER);
	ASSERT_EQ(0, nl_talk(nl));
	EXPECT_EQ(0, nl->nr);
	nl_begin(nl, VEXFS_TRACE_CMD_OPS_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_OPS_CLASS, CLASS);
	ASSERT_EQ(0, nl_talk(nl));
	ASSERT_EQ(1, nl->nr);
	EXPECT_EQ(CLASS, nl_u64(nl->msg[0], VEXFS_TRACE_A_OPS_CLASS));
}

TEST_HARNESS_MAIN
