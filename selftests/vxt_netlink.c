// SPDX-License-Identifier: GPL-2.0-only
/* The netlink family: what it refuses, and that it tells the same as debugfs. */
#include <sched.h>
#include <sys/wait.h>
#include "vxt.h"
#include "vxt_nl.h"
#include "kselftest_harness.h"
#include <trace/vexfs_op.h>

#define CLASS		VEXFS_OP_SEARCH
#define SHARE_ALL	10000
#define SHARE_DEFAULT	10
#define OP_EXIT		"/sys/kernel/tracing/events/vexfs/vexfs_op_exit/enable"
#define UNKNOWN		77

static const uint8_t dumps[] = {
	VEXFS_TRACE_CMD_STACK_GET, VEXFS_TRACE_CMD_ALLOC_GET, VEXFS_TRACE_CMD_LATENCY_GET,
	VEXFS_TRACE_CMD_CHAIN_GET, VEXFS_TRACE_CMD_TARGET_GET, VEXFS_TRACE_CMD_LEAK_GET,
	VEXFS_TRACE_CMD_HELD_GET, VEXFS_TRACE_CMD_BAD_FREE_GET,
	VEXFS_TRACE_CMD_OPS_GET, VEXFS_TRACE_CMD_LOCK_GET,
};

static const uint8_t does[] = {
	VEXFS_TRACE_CMD_STATUS_GET, VEXFS_TRACE_CMD_RESET, VEXFS_TRACE_CMD_TARGET_ADD,
	VEXFS_TRACE_CMD_TARGET_DEL,
};

/* How a command is asked: all of its flags. */
static uint16_t flags_of(uint8_t cmd)
{
	return memchr(dumps, cmd, sizeof(dumps)) ? NLM_F_DUMP : NLM_F_ACK;
}

FIXTURE(netlink) {
	struct nl nl;
	struct vxt_known known;
};

FIXTURE_SETUP(netlink)
{
	int err = vxt_module_load("selftests/modules/vxt_fixture");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, vxt_share(SHARE_ALL));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_NE(GENL_ID_CTRL, self->nl.family);
}

FIXTURE_TEARDOWN(netlink)
{
	close(self->nl.fd);
	vxt_share(SHARE_DEFAULT);
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_fixture"));
}

/* ---- refusals ------------------------------------------------------------- */

TEST_F(netlink, unknown_attributes_are_refused)
{
	struct nl *nl = &self->nl;
	uint8_t cmd;

	for (cmd = 1; cmd <= VEXFS_TRACE_CMD_MAX; cmd++) {
		if (cmd == VEXFS_TRACE_CMD_ALERT)	/* is only ever sent */
			continue;
		nl_begin(nl, cmd, flags_of(cmd));
		nl_put_u32(nl, UNKNOWN, 1);
		EXPECT_EQ(-EINVAL, nl_talk(nl));
		EXPECT_STREQ("Unknown attribute type", nl->text);
		EXPECT_EQ(NLMSG_HDRLEN + GENL_HDRLEN, nl->offset);
	}
}

TEST_F(netlink, attributes_of_replies_are_refused_in_requests)
{
	struct nl *nl = &self->nl;
	unsigned int i;
	uint16_t type;

	for (type = 1; type <= VEXFS_TRACE_A_STATUS_MAX; type++) {
		for (i = 0; i < sizeof(does); i++) {
			/* Those that a request has: see vxt_target.c. */
			if (type == VEXFS_TRACE_A_TARGET_NAME &&
			    (does[i] == VEXFS_TRACE_CMD_TARGET_ADD ||
			     does[i] == VEXFS_TRACE_CMD_TARGET_DEL))
				continue;
			if (type == VEXFS_TRACE_A_TARGET_FUNCTION &&
			    does[i] == VEXFS_TRACE_CMD_TARGET_ADD)
				continue;
			nl_begin(nl, does[i], NLM_F_ACK);
			nl_put_u32(nl, type, 1);
			EXPECT_EQ(-EINVAL, nl_talk(nl));
			EXPECT_STRNE("", nl->text);
		}
	}
	for (i = 0; i < sizeof(dumps); i++) {
		nl_begin(nl, dumps[i], NLM_F_DUMP);
		nl_put_u32(nl, 2, 1);
		EXPECT_EQ(-EINVAL, nl_talk(nl));
		EXPECT_STRNE("", nl->text);
	}
}

TEST_F(netlink, a_class_out_of_range_is_named)
{
	const uint32_t wrong[] = { VEXFS_OP_NR, VEXFS_OP_NR + 1, 1 << 16, UINT32_MAX };
	struct nl *nl = &self->nl;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		nl_begin(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP);
		nl_put_u32(nl, VEXFS_TRACE_A_STACK_CLASS, wrong[i]);
		EXPECT_EQ(-EINVAL, nl_talk(nl));
		EXPECT_STREQ("no such operation class", nl->text);

		nl_begin(nl, VEXFS_TRACE_CMD_LATENCY_GET, NLM_F_DUMP);
		nl_put_u32(nl, VEXFS_TRACE_A_LATENCY_CLASS, wrong[i]);
		EXPECT_EQ(-EINVAL, nl_talk(nl));
		EXPECT_STREQ("no such operation class", nl->text);

		nl_begin(nl, VEXFS_TRACE_CMD_CHAIN_GET, NLM_F_DUMP);
		nl_put_u32(nl, VEXFS_TRACE_A_CHAIN_CLASS, wrong[i]);
		EXPECT_EQ(-EINVAL, nl_talk(nl));
		EXPECT_STREQ("no such operation class", nl->text);

		nl_begin(nl, VEXFS_TRACE_CMD_OPS_GET, NLM_F_DUMP);
		nl_put_u32(nl, VEXFS_TRACE_A_OPS_CLASS, wrong[i]);
		EXPECT_EQ(-EINVAL, nl_talk(nl));
		EXPECT_STREQ("no such operation class", nl->text);

		nl_begin(nl, VEXFS_TRACE_CMD_LOCK_GET, NLM_F_DUMP);
		nl_put_u32(nl, VEXFS_TRACE_A_LOCK_CLASS, wrong[i]);
		EXPECT_EQ(-EINVAL, nl_talk(nl));
		EXPECT_STREQ("no such operation class", nl->text);
	}
}

TEST_F(netlink, a_call_site_that_is_not_there_is_named)
{
	const uint32_t wrong[] = { 0, 100000, UINT32_MAX };
	struct nl *nl = &self->nl;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		nl_begin(nl, VEXFS_TRACE_CMD_ALLOC_GET, NLM_F_DUMP);
		nl_put_u32(nl, VEXFS_TRACE_A_ALLOC_SITE, wrong[i]);
		EXPECT_EQ(-ENOENT, nl_talk(nl));
		EXPECT_STREQ("no such call site, or it never allocated", nl->text);
	}
}

TEST_F(netlink, attributes_of_wrong_length_are_refused)
{
	const char data[16] = "";
	struct nl *nl = &self->nl;
	unsigned int i, len;

	for (i = 0; i < sizeof(dumps); i++) {
		for (len = 0; len <= sizeof(data); len++) {
			if (len == sizeof(uint32_t))
				continue;
			nl_begin(nl, dumps[i], NLM_F_DUMP);
			nl_put(nl, 1, data, len);
			EXPECT_NE(0, nl_talk(nl));
			EXPECT_STRNE("", nl->text);
		}
	}
}

TEST_F(netlink, damaged_attributes_are_refused)
{
	struct nl *nl = &self->nl;

	/* A nest where a number belongs. */
	nl_begin(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_STACK_CLASS | NLA_F_NESTED, 1);
	EXPECT_EQ(-EINVAL, nl_talk(nl));

	/* Longer than the message. */
	nl_begin(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_STACK_CLASS, 1)->nla_len = 200;
	EXPECT_EQ(-EINVAL, nl_talk(nl));

	/* Shorter than its own header. */
	nl_begin(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_STACK_CLASS, 1)->nla_len = 1;
	EXPECT_EQ(-EINVAL, nl_talk(nl));

	/* Bytes behind the last attribute. */
	nl_begin(nl, VEXFS_TRACE_CMD_RESET, NLM_F_ACK);
	nl->request.h.nlmsg_len += 3;
	EXPECT_EQ(-EINVAL, nl_talk(nl));
}

TEST_F(netlink, commands_are_refused_in_the_wrong_form)
{
	struct nl *nl = &self->nl;
	unsigned int i;

	EXPECT_EQ(-EOPNOTSUPP, nl_ask(nl, 0, NLM_F_ACK));
	EXPECT_EQ(-EOPNOTSUPP, nl_ask(nl, VEXFS_TRACE_CMD_MAX + 1, NLM_F_ACK));
	EXPECT_EQ(-EOPNOTSUPP, nl_ask(nl, VEXFS_TRACE_CMD_MAX + 1, NLM_F_DUMP));
	EXPECT_EQ(-EOPNOTSUPP, nl_ask(nl, 255, NLM_F_ACK));
	for (i = 0; i < sizeof(dumps); i++)
		EXPECT_EQ(-EOPNOTSUPP, nl_ask(nl, dumps[i], NLM_F_ACK));
	for (i = 0; i < sizeof(does); i++)
		EXPECT_EQ(-EOPNOTSUPP, nl_ask(nl, does[i], NLM_F_DUMP));

	/* No room for the generic header; a reserved field that is not zero. */
	nl_begin(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK);
	nl->request.h.nlmsg_len = NLMSG_HDRLEN + 2;
	EXPECT_EQ(-EINVAL, nl_talk(nl));
	nl_begin(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK);
	nl->request.g.reserved = 1;
	EXPECT_EQ(-EINVAL, nl_talk(nl));
}

/* As nobody: every command must answer EPERM. The number of the first that does not, or 0. */
static int ask_as_nobody(struct nl *nl)
{
	uint8_t cmd;

	if (setgid(65534) || setuid(65534) || nl_open(nl))
		return 100;
	for (cmd = 1; cmd <= VEXFS_TRACE_CMD_MAX; cmd++)
		if (cmd != VEXFS_TRACE_CMD_ALERT && nl_ask(nl, cmd, flags_of(cmd)) != -EPERM)
			return cmd;
	return 0;
}

TEST_F(netlink, an_unprivileged_user_may_nothing)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 7, &self->known));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(ask_as_nobody(&self->nl));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));

	/* The reset among them did nothing. */
	ASSERT_EQ(0, nl_ask(&self->nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	EXPECT_LE(7, nl_u64(self->nl.msg[0], VEXFS_TRACE_A_STATUS_CALLS));
}

TEST_F(netlink, random_requests_do_no_harm)
{
	struct nl *nl = &self->nl;
	uint32_t x = 12345;
	unsigned int i, j;

	for (i = 0; i < 3000; i++) {
		nl_begin(nl, 1 + i % VEXFS_TRACE_CMD_MAX, NLM_F_ACK);
		for (j = 0; j < 64; j++) {
			x = x * 1103515245 + 12345;
			nl->request.attrs[j] = x >> 16;
		}
		/* Often a plausible start, so that more than the first check is reached. */
		if (i & 1)
			memcpy(nl->request.attrs, "\x08\x00\x01\x00", 4);
		nl->request.h.nlmsg_len += x % 64;
		if (x & 64)
			nl->request.h.nlmsg_flags |= NLM_F_DUMP;
		EXPECT_NE(-EAGAIN, nl_talk(nl));
	}
	EXPECT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
}

/* ---- answers -------------------------------------------------------------- */

/* Some operations of every class, so that each has all of its figures. */
static int run_all_classes(struct vxt_known *known)
{
	unsigned int i;
	int err = 0;

	for (i = 1; i < VEXFS_OP_NR && !err; i++)
		err = vxt_run(i == 1 ? "inner" : i % 3 ? "plain" : "fail", i, 4 + i % 8, 3, known);
	return err;
}

TEST_F(netlink, stack_dump_equals_debugfs)
{
	struct nl *nl = &self->nl;
	struct vxt_stack s;
	unsigned int i;

	ASSERT_EQ(0, run_all_classes(&self->known));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP));
	EXPECT_FALSE(nl->interrupted);
	ASSERT_EQ(VEXFS_OP_NR, nl->nr);
	for (i = 0; i < nl->nr; i++) {
		const struct nlmsghdr *h = nl->msg[i];

		EXPECT_EQ(i, nl_u64(h, VEXFS_TRACE_A_STACK_CLASS));
		ASSERT_EQ(0, vxt_stack(nl_text(h, VEXFS_TRACE_A_STACK_NAME), &s));
		EXPECT_LT(0, s.calls);
		EXPECT_EQ(s.calls, nl_u64(h, VEXFS_TRACE_A_STACK_CALLS));
		EXPECT_EQ(s.painted, nl_u64(h, VEXFS_TRACE_A_STACK_PAINTED));
		EXPECT_EQ(s.unpainted, nl_u64(h, VEXFS_TRACE_A_STACK_UNPAINTED));
		EXPECT_EQ(s.clipped, nl_u64(h, VEXFS_TRACE_A_STACK_CLIPPED));
		EXPECT_EQ(s.shallow, nl_u64(h, VEXFS_TRACE_A_STACK_SHALLOW));
		EXPECT_EQ(s.min, nl_u64(h, VEXFS_TRACE_A_STACK_MIN_DEPTH));
		EXPECT_EQ(s.mean, nl_u64(h, VEXFS_TRACE_A_STACK_MEAN_DEPTH));
		EXPECT_EQ(s.p50, nl_u64(h, VEXFS_TRACE_A_STACK_P50_DEPTH));
		EXPECT_EQ(s.p99, nl_u64(h, VEXFS_TRACE_A_STACK_P99_DEPTH));
		EXPECT_EQ(s.max, nl_u64(h, VEXFS_TRACE_A_STACK_MAX_DEPTH));
		EXPECT_EQ(s.absolute, nl_u64(h, VEXFS_TRACE_A_STACK_MAX_ABSOLUTE));
		EXPECT_EQ(s.over75, nl_u64(h, VEXFS_TRACE_A_STACK_OVER_75));
	}
}

/* Whether a line of the table of chains is what frame @n of the message says. */
static bool frame_equals(const struct nlmsghdr *h, const struct nlattr *nest, unsigned int n,
			 unsigned int from, const char *line)
{
	const struct nlattr *bytes = nl_find(nl_data(nest), nest->nla_len - NLA_HDRLEN,
					     VEXFS_TRACE_A_FRAME_BYTES);
	const struct nlattr *function = nl_find(nl_data(nest), nest->nla_len - NLA_HDRLEN,
						VEXFS_TRACE_A_FRAME_FUNCTION);
	char want[256];
	uint32_t value;

	if (!bytes || !function)
		return false;
	memcpy(&value, nl_data(bytes), sizeof(value));
	snprintf(want, sizeof(want), "%-12s %7lu %7lu %-6s %5u %7u %7u  %s\n",
		 nl_text(h, VEXFS_TRACE_A_CHAIN_NAME), nl_u64(h, VEXFS_TRACE_A_CHAIN_MAX_DEPTH),
		 nl_u64(h, VEXFS_TRACE_A_CHAIN_DEPTH),
		 nl_u64(h, VEXFS_TRACE_A_CHAIN_FTRACE) ? "ftrace" : "watch", n, value, from,
		 (const char *)nl_data(function));
	return !strncmp(line, want, strlen(want));
}

TEST_F(netlink, chain_dump_equals_debugfs)
{
	struct nl *nl = &self->nl;
	char *text, *line;
	unsigned int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, run_all_classes(&self->known));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_CHAIN_GET, NLM_F_DUMP));
	text = vxt_read(VXT_DIR "chain");
	ASSERT_NE(NULL, text);
	line = strchr(text, '\n') + 1;
	/* Nearly every class was caught. */
	EXPECT_LT(VEXFS_OP_NR - 5, nl->nr);
	for (i = 0; i < nl->nr; i++) {
		const struct nlmsghdr *h = nl->msg[i];
		const char *at = (const char *)h + NLMSG_HDRLEN + GENL_HDRLEN;
		unsigned int from = nl_u64(h, VEXFS_TRACE_A_CHAIN_DEPTH), n = 0;
		uint32_t bytes;

		EXPECT_EQ(1, nl_u64(h, VEXFS_TRACE_A_CHAIN_COMPLETE));
		EXPECT_LT(0, nl_u64(h, VEXFS_TRACE_A_CHAIN_SEQ));
		EXPECT_EQ(getpid(), nl_u64(h, VEXFS_TRACE_A_CHAIN_PID));
		EXPECT_STREQ("vxt_netlink", nl_text(h, VEXFS_TRACE_A_CHAIN_COMM));
		for (; at < (const char *)h + h->nlmsg_len;
		     at += NLA_ALIGN(((const struct nlattr *)at)->nla_len)) {
			const struct nlattr *nest = (const void *)at;

			if ((nest->nla_type & NLA_TYPE_MASK) != VEXFS_TRACE_A_CHAIN_FRAME)
				continue;
			ASSERT_TRUE(frame_equals(h, nest, n++, from, line));
			memcpy(&bytes, nl_data(nl_find(nl_data(nest), nest->nla_len - NLA_HDRLEN,
						       VEXFS_TRACE_A_FRAME_BYTES)), sizeof(bytes));
			from -= bytes;
			line = strchr(line, '\n') + 1;
		}
		EXPECT_EQ(0, from);
	}
	EXPECT_EQ('\0', *line);
	free(text);
}

/* Nanoseconds as debugfs prints them: microseconds with three decimals. */
static double us(uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu.%03lu", ns / 1000, ns % 1000);
	return strtod(text, NULL);
}

TEST_F(netlink, latency_dump_equals_debugfs)
{
	struct nl *nl = &self->nl;
	struct vxt_latency l;
	unsigned int i;

	ASSERT_EQ(0, run_all_classes(&self->known));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_LATENCY_GET, NLM_F_DUMP));
	EXPECT_FALSE(nl->interrupted);
	ASSERT_EQ(VEXFS_OP_NR, nl->nr);
	for (i = 0; i < nl->nr; i++) {
		const struct nlmsghdr *h = nl->msg[i];

		EXPECT_EQ(i, nl_u64(h, VEXFS_TRACE_A_LATENCY_CLASS));
		ASSERT_EQ(0, vxt_latency(nl_text(h, VEXFS_TRACE_A_LATENCY_NAME), &l));
		EXPECT_LT(0, l.count);
		EXPECT_EQ(l.count, nl_u64(h, VEXFS_TRACE_A_LATENCY_COUNT));
		EXPECT_EQ(l.errors, nl_u64(h, VEXFS_TRACE_A_LATENCY_ERRORS));
		EXPECT_EQ(l.min, us(nl_u64(h, VEXFS_TRACE_A_LATENCY_MIN_NS)));
		EXPECT_EQ(l.mean, us(nl_u64(h, VEXFS_TRACE_A_LATENCY_MEAN_NS)));
		EXPECT_EQ(l.p50, us(nl_u64(h, VEXFS_TRACE_A_LATENCY_P50_NS)));
		EXPECT_EQ(l.p90, us(nl_u64(h, VEXFS_TRACE_A_LATENCY_P90_NS)));
		EXPECT_EQ(l.p99, us(nl_u64(h, VEXFS_TRACE_A_LATENCY_P99_NS)));
		EXPECT_EQ(l.p999, us(nl_u64(h, VEXFS_TRACE_A_LATENCY_P999_NS)));
		EXPECT_EQ(l.max, us(nl_u64(h, VEXFS_TRACE_A_LATENCY_MAX_NS)));
	}
}

TEST_F(netlink, alloc_dump_equals_debugfs)
{
	struct nl *nl = &self->nl;
	char *text, *at, expect[512];
	unsigned int i;

	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_ALLOC_GET, NLM_F_DUMP));
	text = vxt_read(VXT_DIR "alloc");
	ASSERT_NE(NULL, text);
	at = strchr(text, '\n') + 1;
	for (i = 0; i < nl->nr; i++) {
		const struct nlmsghdr *h = nl->msg[i];

		snprintf(expect, sizeof(expect),
			 "%5lu %10lu %10lu %8lu %12lu %12lu %14lu %8lu  %-28s %s:%lu ",
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_SITE),
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_ALLOCS),
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_FREES),
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE_OBJECTS),
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE),
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_PEAK),
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_BYTES),
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_FAILURES),
			 nl_text(h, VEXFS_TRACE_A_ALLOC_FUNC), nl_text(h, VEXFS_TRACE_A_ALLOC_FILE),
			 nl_u64(h, VEXFS_TRACE_A_ALLOC_LINE));
		EXPECT_EQ(0, strncmp(at, expect, strlen(expect)));
		at += strcspn(at, "\n") + 1;
	}
	EXPECT_EQ('\0', *at);
	free(text);
}

TEST_F(netlink, a_class_can_be_asked_for_alone)
{
	struct nl *nl = &self->nl;

	nl_begin(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_STACK_CLASS, CLASS);
	ASSERT_EQ(0, nl_talk(nl));
	ASSERT_EQ(1, nl->nr);
	EXPECT_EQ(CLASS, nl_u64(nl->msg[0], VEXFS_TRACE_A_STACK_CLASS));
	EXPECT_STREQ("search", nl_text(nl->msg[0], VEXFS_TRACE_A_STACK_NAME));
	/* Nothing was painted: no depth is invented. */
	EXPECT_EQ(0, nl_u64(nl->msg[0], VEXFS_TRACE_A_STACK_PAINTED));
	EXPECT_EQ(NULL, nl_attr(nl->msg[0], VEXFS_TRACE_A_STACK_MIN_DEPTH));
	EXPECT_EQ(NULL, nl_attr(nl->msg[0], VEXFS_TRACE_A_STACK_MAX_DEPTH));

	nl_begin(nl, VEXFS_TRACE_CMD_LATENCY_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_LATENCY_CLASS, CLASS);
	ASSERT_EQ(0, nl_talk(nl));
	ASSERT_EQ(1, nl->nr);
	EXPECT_EQ(0, nl_u64(nl->msg[0], VEXFS_TRACE_A_LATENCY_COUNT));
	EXPECT_EQ(NULL, nl_attr(nl->msg[0], VEXFS_TRACE_A_LATENCY_MIN_NS));

	/* No chain was caught: none is invented. */
	nl_begin(nl, VEXFS_TRACE_CMD_CHAIN_GET, NLM_F_DUMP);
	nl_put_u32(nl, VEXFS_TRACE_A_CHAIN_CLASS, CLASS);
	ASSERT_EQ(0, nl_talk(nl));
	EXPECT_EQ(0, nl->nr);
}

TEST_F(netlink, reset_resets)
{
	struct nl *nl = &self->nl;
	uint64_t resets;

	ASSERT_EQ(0, run_all_classes(&self->known));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	ASSERT_EQ(1, nl->nr);
	resets = nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_RESETS);
	EXPECT_LT(0, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_CALLS));

	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_RESET, NLM_F_ACK));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	EXPECT_EQ(resets + 1, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_RESETS));
	EXPECT_EQ(0, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_CALLS));
	EXPECT_EQ(0, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_PAINTED));
	EXPECT_GT(5000000000, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_SINCE_RESET));
	EXPECT_LT(0, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_RESET_TIME));
}

/* The sum over the CPUs of one kind of event, by its attribute. */
static uint64_t events(const struct nlmsghdr *h, uint16_t kind)
{
	const char *at = (const char *)h + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)h + h->nlmsg_len;
	uint64_t sum = 0, one;

	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at, *value;

		if ((attr->nla_type & NLA_TYPE_MASK) == VEXFS_TRACE_A_STATUS_CPU) {
			value = nl_find(nl_data(attr), attr->nla_len - NLA_HDRLEN, kind);
			if (value) {
				memcpy(&one, nl_data(value), sizeof(one));
				sum += one;
			}
		}
		at += NLA_ALIGN(attr->nla_len);
	}
	return sum;
}

TEST_F(netlink, status_counts_the_events_of_each_cpu)
{
	struct nl *nl = &self->nl;
	uint64_t ops, records;

	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	ops = events(nl->msg[0], VEXFS_TRACE_A_CPU_OP);
	records = events(nl->msg[0], VEXFS_TRACE_A_CPU_RECORD);
	/* Nobody listens to operations, nor to records: none has a number. */
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 25, &self->known));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	EXPECT_EQ(ops, events(nl->msg[0], VEXFS_TRACE_A_CPU_OP));
	ASSERT_EQ(0, vxt_write(OP_EXIT, "1"));
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 25, &self->known));
	ASSERT_EQ(0, vxt_write(OP_EXIT, "0"));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	EXPECT_EQ(ops + 25, events(nl->msg[0], VEXFS_TRACE_A_CPU_OP));
	EXPECT_EQ(records, events(nl->msg[0], VEXFS_TRACE_A_CPU_RECORD));
	EXPECT_EQ(VEXFS_TRACE_FAMILY_VERSION, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_VERSION));
	EXPECT_EQ(VEXFS_OP_NR, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_CLASSES));
	EXPECT_EQ(SHARE_ALL, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_PAINT_SHARE));
	EXPECT_EQ(nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_CALLS),
		  nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_PAINTED) +
		  nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_UNPAINTED) +
		  nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_CLIPPED));
}

TEST_F(netlink, operations_without_room_in_the_table_are_unpainted)
{
	const uint64_t threads = 1600;
	struct nl *nl = &self->nl;
	uint64_t full;

	ASSERT_EQ(0, vxt_run("crowd", CLASS, threads / 100, 1, &self->known));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	full = nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_TABLE_FULL);
	EXPECT_EQ(threads, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_CALLS));
	EXPECT_LT(0, full);
	EXPECT_EQ(full, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_UNPAINTED));
	EXPECT_EQ(threads - full, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_PAINTED) +
				  nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_CLIPPED));

	/* All slots are free again: no set of the table has nine of so few, or hardly ever. */
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_RESET, NLM_F_ACK));
	ASSERT_EQ(0, vxt_run("crowd", CLASS, 1, 1, &self->known));
	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	EXPECT_EQ(100, nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_PAINTED) +
		       nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_CLIPPED));
}

TEST_F(netlink, painting_keeps_within_its_share)
{
	struct nl *nl = &self->nl;
	uint64_t paint, operations, burst;
	bool kept = false;
	unsigned int i;

	/* One CPU, so that there is one burst. */
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	ASSERT_EQ(0, vxt_share(SHARE_DEFAULT));
	/*
	 * Each is paid back before the next: only the last may stand out, dear as it may be. Once
	 * in a while the machine below stops for longer than all the painting takes.
	 */
	for (i = 0; i < 5 && !kept; i++) {
		ASSERT_EQ(0, vxt_reset());
		ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 70, &self->known));
		ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
		burst = nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_PAINT_NS);
		operations = nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_OPERATIONS_NS);
		EXPECT_LT(0, burst);

		ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 30000, &self->known));
		ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
		paint = nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_PAINT_NS) - burst;
		operations = nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_OPERATIONS_NS) - operations;
		kept = paint <= operations * SHARE_DEFAULT / 10000 + burst;
	}
	EXPECT_TRUE(kept);
}

TEST_F(netlink, a_reset_in_the_middle_marks_the_dump)
{
	struct nl *nl = &self->nl;

	ASSERT_EQ(0, run_all_classes(&self->known));
	nl_begin(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP);
	ASSERT_EQ(0, nl_send(nl));	/* fills the first buffer */
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, nl_receive(nl));
	EXPECT_LT(1, nl->batches);
	EXPECT_TRUE(nl->interrupted);
	EXPECT_FALSE(nl->msg[0]->nlmsg_flags & NLM_F_DUMP_INTR);

	ASSERT_EQ(0, nl_ask(nl, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP));
	EXPECT_FALSE(nl->interrupted);
}

TEST_HARNESS_MAIN
