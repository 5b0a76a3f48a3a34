// SPDX-License-Identifier: GPL-2.0-only
/* What goes beyond a limit is told at once, once, and not too often. */
#include <poll.h>
#include "vxt.h"
#include "vxt_nl.h"
#include "kselftest_harness.h"
#include <trace/vexfs_op.h>

#define CONFIG		VXT_DIR "config"
#define CLASS		VEXFS_OP_SEARCH
#define SHARE_ALL	10000
#define SHARE_DEFAULT	10

FIXTURE(alert) {
	struct nl nl;		/* asks */
	int fd;			/* listens */
	struct vxt_known known;
	char message[4096];
	struct nlmsghdr *h;
};

static const char * const defaults[] = {
	"alert_stack 75", "alert_calls 100", "alert_frame 1024", "alert_slow 0", "alert_rate 10",
	"window 10",
};

/* Number of the group alerts, 0 when there is none. */
static uint32_t group_of(struct nl *nl)
{
	const struct nlattr *groups, *group, *id;

	nl->family = GENL_ID_CTRL;
	nl_begin(nl, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	nl_put(nl, CTRL_ATTR_FAMILY_NAME, VEXFS_TRACE_FAMILY_NAME,
	       sizeof(VEXFS_TRACE_FAMILY_NAME));
	if (nl_talk(nl) || !nl->nr)
		return 0;
	groups = nl_attr(nl->msg[0], CTRL_ATTR_MCAST_GROUPS);
	group = groups ? nl_find(nl_data(groups), groups->nla_len - NLA_HDRLEN, 1) : NULL;
	id = group ? nl_find(nl_data(group), group->nla_len - NLA_HDRLEN,
			     CTRL_ATTR_MCAST_GRP_ID) : NULL;
	return id ? *(const uint32_t *)nl_data(id) : 0;
}

static int listener(uint32_t group)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return -errno;
	return fd;
}

FIXTURE_SETUP(alert)
{
	int err = vxt_module_load("selftests/modules/vxt_fixture");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, vxt_share(SHARE_ALL));
	ASSERT_EQ(0, vxt_reset());
	/* A new second, with all the alerts that it may have. */
	usleep(1100000);
	self->fd = listener(group_of(&self->nl));
	ASSERT_LE(0, self->fd);
	close(self->nl.fd);
	ASSERT_EQ(0, nl_open(&self->nl));
}

FIXTURE_TEARDOWN(alert)
{
	unsigned int i;

	for (i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		EXPECT_EQ(0, vxt_write(CONFIG, defaults[i]));
	vxt_share(SHARE_DEFAULT);
	vxt_reset();
	close(self->fd);
	close(self->nl.fd);
	EXPECT_EQ(0, vxt_module_unload("vxt_fixture"));
}

/* The next alert, within @ms; NULL when there is none. */
static struct nlmsghdr *next_alert(int fd, char *message, size_t size, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct nlmsghdr *h = (void *)message;
	ssize_t n;

	if (poll(&p, 1, ms) != 1)
		return NULL;
	n = recv(fd, message, size, 0);
	return n > 0 && NLMSG_OK(h, n) ? h : NULL;
}

#define NEXT(ms) (self->h = next_alert(self->fd, self->message, sizeof(self->message), ms))

TEST_F(alert, a_stack_over_its_limit_is_told_with_who_and_how_much)
{
	ASSERT_EQ(0, vxt_write(CONFIG, "alert_frame 0"));
	ASSERT_EQ(0, vxt_run("leaf", CLASS, 5, 1, &self->known));
	EXPECT_EQ(NULL, NEXT(300));
	/* 4 KiB and more are over 20 % of 16 KiB. */
	ASSERT_EQ(0, vxt_write(CONFIG, "alert_stack 20"));
	ASSERT_EQ(0, vxt_run("leaf", CLASS, 5, 1, &self->known));
	ASSERT_NE(NULL, NEXT(3000));
	EXPECT_STREQ("stack", nl_text(self->h, VEXFS_TRACE_A_ALERT_KIND));
	EXPECT_STREQ("search", nl_text(self->h, VEXFS_TRACE_A_ALERT_NAME));
	EXPECT_EQ(CLASS, nl_u64(self->h, VEXFS_TRACE_A_ALERT_CLASS));
	EXPECT_LT(self->known.expect, nl_u64(self->h, VEXFS_TRACE_A_ALERT_VALUE));
	EXPECT_EQ(16384 / 100 * 20, nl_u64(self->h, VEXFS_TRACE_A_ALERT_LIMIT));
	EXPECT_EQ(getpid(), nl_u64(self->h, VEXFS_TRACE_A_ALERT_PID));
	EXPECT_STREQ("vxt_alert", nl_text(self->h, VEXFS_TRACE_A_ALERT_COMM));
	EXPECT_EQ(0, nl_u64(self->h, VEXFS_TRACE_A_ALERT_DROPPED));
	EXPECT_EQ(NULL, NEXT(300));
	/* A shallow one is no matter. */
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 5, &self->known));
	EXPECT_EQ(NULL, NEXT(300));
}

TEST_F(alert, a_class_that_goes_deeper_than_in_the_window_before_is_told)
{
	unsigned int i;

	ASSERT_EQ(0, vxt_write(CONFIG, "alert_frame 0"));
	ASSERT_EQ(0, vxt_write(CONFIG, "window 1"));
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 5, &self->known));
	/* That window is over by then. */
	usleep(2500000);
	EXPECT_EQ(NULL, NEXT(0));
	ASSERT_EQ(0, vxt_run("leaf", CLASS, 5, 1, &self->known));
	for (i = 0; i < 30 && !NEXT(200); i++)
		;
	ASSERT_NE(NULL, self->h);
	EXPECT_STREQ("growth", nl_text(self->h, VEXFS_TRACE_A_ALERT_KIND));
	EXPECT_STREQ("search", nl_text(self->h, VEXFS_TRACE_A_ALERT_NAME));
	EXPECT_EQ(self->known.expect, nl_u64(self->h, VEXFS_TRACE_A_ALERT_VALUE));
	EXPECT_GT(self->known.expect, nl_u64(self->h, VEXFS_TRACE_A_ALERT_LIMIT));
	/* It is the measure for the next one. */
	ASSERT_EQ(0, vxt_run("leaf", CLASS, 5, 1, &self->known));
	EXPECT_EQ(NULL, NEXT(2500));
}

TEST_F(alert, a_large_frame_and_a_long_chain_are_told_once_for_each_chain)
{
	bool frame = false, calls = false;
	unsigned int i;

	ASSERT_EQ(0, vxt_write(CONFIG, "alert_calls 8"));
	for (i = 0; i < 40 && !(frame && calls); i++) {
		ASSERT_EQ(0, vxt_run("leaf", CLASS, 7, 2, &self->known));
		while (NEXT(200)) {
			const char *kind = nl_text(self->h, VEXFS_TRACE_A_ALERT_KIND);

			if (!strcmp(kind, "frame")) {
				EXPECT_LE(4096, nl_u64(self->h, VEXFS_TRACE_A_ALERT_VALUE));
				EXPECT_EQ(1024, nl_u64(self->h, VEXFS_TRACE_A_ALERT_LIMIT));
				frame = true;
			} else {
				EXPECT_STREQ("calls", kind);
				EXPECT_LE(9, nl_u64(self->h, VEXFS_TRACE_A_ALERT_VALUE));
				EXPECT_EQ(8, nl_u64(self->h, VEXFS_TRACE_A_ALERT_LIMIT));
				calls = true;
			}
		}
	}
	EXPECT_TRUE(frame);
	EXPECT_TRUE(calls);
}

TEST_F(alert, a_slow_operation_is_told_painted_or_not)
{
	ASSERT_EQ(0, vxt_share(0));
	ASSERT_EQ(0, vxt_write(CONFIG, "alert_slow 50000"));
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 1, &self->known));
	ASSERT_EQ(0, vxt_run("wait", CLASS, 2, 1, &self->known));
	ASSERT_NE(NULL, NEXT(3000));
	EXPECT_STREQ("slow", nl_text(self->h, VEXFS_TRACE_A_ALERT_KIND));
	/* 200 ms by another clock. */
	EXPECT_LE(150000000, nl_u64(self->h, VEXFS_TRACE_A_ALERT_VALUE));
	/* Within a tick of the clock that counts. */
	EXPECT_LE(49999900, nl_u64(self->h, VEXFS_TRACE_A_ALERT_LIMIT));
	EXPECT_GE(50000100, nl_u64(self->h, VEXFS_TRACE_A_ALERT_LIMIT));
	ASSERT_EQ(0, vxt_write(CONFIG, "alert_slow 0"));
	ASSERT_EQ(0, vxt_run("wait", CLASS, 2, 1, &self->known));
	EXPECT_EQ(NULL, NEXT(300));
}

TEST_F(alert, a_flood_is_counted_and_a_stuck_listener_stops_nobody)
{
	uint64_t told = 0, dropped = 0, posted, lost;
	unsigned int i;

	ASSERT_EQ(0, vxt_write(CONFIG, "alert_frame 0"));
	ASSERT_EQ(0, vxt_write(CONFIG, "alert_stack 1"));
	/* The first one tells of what others before this test dropped. */
	usleep(1200000);
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 1, &self->known));
	ASSERT_NE(NULL, NEXT(3000));
	usleep(1200000);
	ASSERT_EQ(0, nl_ask(&self->nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	posted = nl_u64(self->nl.msg[0], VEXFS_TRACE_A_STATUS_ALERTS);
	lost = nl_u64(self->nl.msg[0], VEXFS_TRACE_A_STATUS_ALERTS_DROPPED);
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 2000, &self->known));
	/* One more, once the second is over, tells of the rest. */
	sleep(1);
	usleep(200000);
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 1, &self->known));
	while (NEXT(500)) {
		told++;
		dropped += nl_u64(self->h, VEXFS_TRACE_A_ALERT_DROPPED);
	}
	EXPECT_EQ(2001, told + dropped);
	EXPECT_LT(0, told);
	EXPECT_GT(1000, told);
	ASSERT_EQ(0, nl_ask(&self->nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	EXPECT_EQ(posted + told, nl_u64(self->nl.msg[0], VEXFS_TRACE_A_STATUS_ALERTS));
	EXPECT_EQ(lost + dropped, nl_u64(self->nl.msg[0], VEXFS_TRACE_A_STATUS_ALERTS_DROPPED));

	/* Nobody reads while thousands are sent: the socket overflows, and says so. */
	ASSERT_EQ(0, vxt_write(CONFIG, "alert_rate 10000"));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 200, &self->known));
	usleep(300000);
	for (i = 0; i < 100000 && recv(self->fd, self->message, sizeof(self->message), 0) > 0; i++)
		;
	EXPECT_TRUE(errno == ENOBUFS || errno == EAGAIN);
	ASSERT_EQ(0, nl_ask(&self->nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK));
	EXPECT_LE(posted + told + 50, nl_u64(self->nl.msg[0], VEXFS_TRACE_A_STATUS_ALERTS));
}

TEST_F(alert, settings_out_of_range_are_refused_and_change_nothing)
{
	char *before = vxt_read(CONFIG), *after;

	EXPECT_EQ(-ERANGE, vxt_write(CONFIG, "alert_stack 101"));
	EXPECT_EQ(-ERANGE, vxt_write(CONFIG, "alert_calls 100000"));
	EXPECT_EQ(-ERANGE, vxt_write(CONFIG, "alert_frame 16385"));
	EXPECT_EQ(-ERANGE, vxt_write(CONFIG, "alert_slow 4294967296"));
	EXPECT_EQ(-ERANGE, vxt_write(CONFIG, "alert_rate 10001"));
	EXPECT_EQ(-EINVAL, vxt_write(CONFIG, "alert_stack"));
	EXPECT_EQ(-EINVAL, vxt_write(CONFIG, "alert_stack "));
	EXPECT_EQ(-EINVAL, vxt_write(CONFIG, "alert_stack 5 5"));
	EXPECT_EQ(-EINVAL, vxt_write(CONFIG, "alert_ 5"));
	EXPECT_EQ(-EINVAL, vxt_write(CONFIG, " 5"));
	EXPECT_EQ(-EINVAL, vxt_write(CONFIG, "alert_stack -5"));
	after = vxt_read(CONFIG);
	ASSERT_NE(NULL, before);
	ASSERT_NE(NULL, after);
	EXPECT_STREQ(before, after);
	free(before);
	free(after);
}

TEST_F(alert, only_the_privileged_may_listen)
{
	uint32_t group = group_of(&self->nl);
	int fd;

	ASSERT_NE(0, group);
	ASSERT_EQ(0, seteuid(65534));
	fd = listener(group);
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(-EPERM, fd);
	if (fd >= 0)
		close(fd);
}

TEST_HARNESS_MAIN
