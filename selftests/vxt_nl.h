/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink by hand, so that a test can also send what no library would:
 * malformed attributes, wrong lengths, unknown commands.
 */
#ifndef SELFTESTS_VXT_NL_H
#define SELFTESTS_VXT_NL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vexfs_trace.h>

#define NL_ROOM		(256 * 1024)
#define NL_MSGS		4096

/**
 * struct nl - a socket, the request under way, and what came back
 * @fd: socket
 * @family: id of the family
 * @seq: of the request
 * @request: header, generic header, attributes
 * @reply: all messages received, one behind the other
 * @used: bytes of them
 * @msg: the data messages among them
 * @nr: how many
 * @batches: buffers in which they came
 * @interrupted: a message said that the dump is not consistent
 * @text: what the kernel said of an error, or ""
 * @offset: which attribute it meant, 0 when none
 */
struct nl {
	int fd;
	uint16_t family;
	uint32_t seq;
	struct {
		struct nlmsghdr h;
		struct genlmsghdr g;
		char attrs[1024];
	} request;
	char reply[NL_ROOM];
	size_t used;
	struct nlmsghdr *msg[NL_MSGS];
	unsigned int nr;
	unsigned int batches;
	bool interrupted;
	char text[256];
	uint32_t offset;
};

/* Begin a request; attributes are put behind it. */
static inline void nl_begin(struct nl *nl, uint8_t cmd, uint16_t flags)
{
	memset(&nl->request, 0, sizeof(nl->request));
	nl->request.h.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	nl->request.h.nlmsg_type = nl->family;
	nl->request.h.nlmsg_flags = NLM_F_REQUEST | flags;
	nl->request.h.nlmsg_seq = ++nl->seq;
	nl->request.g.cmd = cmd;
	nl->request.g.version = VEXFS_TRACE_FAMILY_VERSION;
}

static inline struct nlattr *nl_put(struct nl *nl, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr *attr = (void *)((char *)&nl->request + nl->request.h.nlmsg_len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, data, len);
	nl->request.h.nlmsg_len += NLA_ALIGN(attr->nla_len);
	return attr;
}

static inline struct nlattr *nl_put_u32(struct nl *nl, uint16_t type, uint32_t value)
{
	return nl_put(nl, type, &value, sizeof(value));
}

/* The attribute of a list, or NULL. */
static inline const struct nlattr *nl_find(const void *attrs, size_t len, uint16_t type)
{
	const char *at = attrs, *end = at + len;

	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			return NULL;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static inline const struct nlattr *nl_attr(const struct nlmsghdr *h, uint16_t type)
{
	return nl_find((const char *)h + NLMSG_HDRLEN + GENL_HDRLEN,
		       h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, type);
}

static inline const void *nl_data(const struct nlattr *attr)
{
	return (const char *)attr + NLA_HDRLEN;
}

/* A figure of a message, of 2, 4 or 8 bytes; UINT64_MAX when it is absent. */
static inline uint64_t nl_u64(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *attr = nl_attr(h, type);
	uint64_t value = 0;	/* little-endian: a short one fills the low bytes */

	if (!attr || attr->nla_len > NLA_HDRLEN + sizeof(value))
		return UINT64_MAX;
	memcpy(&value, nl_data(attr), attr->nla_len - NLA_HDRLEN);
	return value;
}

static inline const char *nl_text(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *attr = nl_attr(h, type);

	return attr ? nl_data(attr) : "";
}

/* What the kernel adds to an error or to the end of a dump. */
static inline void nl_extack(struct nl *nl, const struct nlmsghdr *h, size_t skip)
{
	const char *attrs = (const char *)h + NLMSG_HDRLEN + skip;
	const struct nlattr *attr;
	size_t len;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || h->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	len = h->nlmsg_len - NLMSG_HDRLEN - skip;
	attr = nl_find(attrs, len, NLMSGERR_ATTR_MSG);
	if (attr)
		snprintf(nl->text, sizeof(nl->text), "%s", (const char *)nl_data(attr));
	attr = nl_find(attrs, len, NLMSGERR_ATTR_OFFS);
	if (attr)
		memcpy(&nl->offset, nl_data(attr), sizeof(nl->offset));
}

/* Take one message in; true when it was the last, @err then holds the result. */
static inline bool nl_take(struct nl *nl, struct nlmsghdr *h, int *err)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t skip = sizeof(*e);

	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		nl->interrupted = true;
	switch (h->nlmsg_type) {
	case NLMSG_ERROR:
		*err = e->error;
		if (!(h->nlmsg_flags & NLM_F_CAPPED))
			skip += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
		nl_extack(nl, h, skip);
		return true;
	case NLMSG_DONE:
		memcpy(err, NLMSG_DATA(h), sizeof(*err));
		nl_extack(nl, h, sizeof(*err));
		return true;
	default:
		if (nl->nr < NL_MSGS)
			nl->msg[nl->nr++] = h;
		return false;
	}
}

/* Receive until the request is answered; its result, or -EAGAIN when nothing came for 5 s. */
static inline int nl_receive(struct nl *nl)
{
	int err = 0;

	nl->used = 0;
	nl->nr = 0;
	nl->batches = 0;
	nl->interrupted = false;
	nl->text[0] = '\0';
	nl->offset = 0;
	for (;;) {
		ssize_t n = recv(nl->fd, nl->reply + nl->used, NL_ROOM - nl->used, 0);
		struct nlmsghdr *h = (void *)(nl->reply + nl->used);

		if (n <= 0)
			return n ? -errno : -EPIPE;
		nl->used += NLMSG_ALIGN(n);
		nl->batches++;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if (nl_take(nl, h, &err))
				return err;
	}
}

static inline int nl_send(struct nl *nl)
{
	ssize_t n = send(nl->fd, &nl->request, nl->request.h.nlmsg_len, 0);

	return n < 0 ? -errno : 0;
}

static inline int nl_talk(struct nl *nl)
{
	int err = nl_send(nl);

	return err ? err : nl_receive(nl);
}

/* A request without attributes. */
static inline int nl_ask(struct nl *nl, uint8_t cmd, uint16_t flags)
{
	nl_begin(nl, cmd, flags);
	return nl_talk(nl);
}

static inline int nl_open(struct nl *nl)
{
	const struct timeval patience = { .tv_sec = 5 };
	const int one = 1;
	int err;

	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	nl->family = GENL_ID_CTRL;
	nl_begin(nl, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	nl->request.g.version = 1;
	nl_put(nl, CTRL_ATTR_FAMILY_NAME, VEXFS_TRACE_FAMILY_NAME,
	       sizeof(VEXFS_TRACE_FAMILY_NAME));
	err = nl_talk(nl);
	if (!err && nl->nr == 1)
		nl->family = nl_u64(nl->msg[0], CTRL_ATTR_FAMILY_ID);
	return err;
}

#endif /* SELFTESTS_VXT_NL_H */
