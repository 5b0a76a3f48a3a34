// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a dump of the family vexfs_trace takes for each row, in cycles of the time stamp counter: the
 * counters of all call sites, many times, less the same number of dumps of one call site. So what
 * is paid once for a dump is left out, as it does not count where there are thousands of rows. A
 * reader that only counts the messages: what it costs is next to nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <x86intrin.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/vexfs_trace.h>

#define ROOM	(64 * 1024)

static uint64_t rows;
static char buffer[ROOM];

/* Count the messages of one dump. Return: 0 or -1 (errno). */
static int receive(int fd)
{
	for (;;) {
		ssize_t size = recv(fd, buffer, ROOM, 0);
		struct nlmsghdr *h = (struct nlmsghdr *)buffer;
		int left;

		if (size < 0)
			return -1;
		for (left = size; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR) {
				errno = -((struct nlmsgerr *)nlmsg_data(h))->error;
				return -1;
			}
			rows++;
		}
	}
}

/* @site: 0 for all. */
static int dump(struct nl_sock *sock, int family, uint32_t site)
{
	struct nl_msg *msg = nlmsg_alloc();
	int err = -NLE_NOMEM;

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_DUMP,
			       VEXFS_TRACE_CMD_ALLOC_GET, VEXFS_TRACE_FAMILY_VERSION) &&
	    (!site || !nla_put_u32(msg, VEXFS_TRACE_A_ALLOC_SITE, site)))
		err = nl_send_auto(sock, msg);
	nlmsg_free(msg);
	if (err >= 0 && receive(nl_socket_get_fd(sock)))
		err = -nl_syserr2nlerr(errno);
	return err;
}

/* Cycles of so many dumps; counts their rows. */
static uint64_t dumps(struct nl_sock *sock, int family, uint32_t site, unsigned int times, int *err)
{
	uint64_t start;

	rows = 0;
	start = __rdtsc();
	while (*err >= 0 && times--)
		*err = dump(sock, family, site);
	return __rdtsc() - start;
}

int main(int argc, char **argv)
{
	unsigned int times = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct nl_sock *sock = nl_socket_alloc();
	uint64_t all, one, more;
	int family, err;

	if (!times || !sock) {
		fputs("Usage: dump TIMES\n", stderr);
		return 2;
	}
	err = genl_connect(sock);
	family = err ? err : genl_ctrl_resolve(sock, VEXFS_TRACE_FAMILY_NAME);
	err = family < 0 ? family : 0;
	/* Once for the caches; not counted. */
	dumps(sock, family, 0, 1, &err);
	one = dumps(sock, family, 1, times, &err);
	all = dumps(sock, family, 0, times, &err);
	more = rows - times;
	nl_socket_free(sock);
	if (err >= 0 && rows <= times)
		err = -NLE_OBJ_NOTFOUND;
	if (err < 0) {
		fprintf(stderr, "dump: family vexfs_trace: %s\n", nl_geterror(err));
		return 1;
	}
	printf("{ \"rows\": %" PRIu64 ", \"cycles_row\": %" PRIu64 ", \"cycles_dump\": %" PRIu64
	       " }\n", rows, (all - one) / more, one / times);
	return 0;
}
