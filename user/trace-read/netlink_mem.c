// SPDX-License-Identifier: GPL-2.0-only
/* What the netlink family tells about memory. */
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/vexfs_trace.h>

#include "counters.h"
#include "netlink.h"

#define ALLOC(attr, member) FIELD(VEXFS_TRACE_A_ALLOC_##attr, struct site_counters, member)
static const struct field alloc_fields[] = {
	ALLOC(SITE, id), ALLOC(LINE, line), ALLOC(ALLOCS, allocs), ALLOC(FREES, frees),
	ALLOC(BYTES, bytes), ALLOC(FAILURES, failures), ALLOC(LIVE, live),
	ALLOC(LIVE_OBJECTS, live_objects), ALLOC(PEAK, peak),
};

#define LEAK(attr, member) FIELD(VEXFS_TRACE_A_LEAK_##attr, struct site_counters, member)
static const struct field leak_fields[] = {
	LEAK(RISES, rises), LEAK(TRACKED, tracked), LEAK(OLD, old), LEAK(OLDEST_NS, oldest),
	LEAK(UNTRACKED, untracked), LEAK(ENDED, ended), LEAK(MEAN_NS, mean), LEAK(P50_NS, p50),
	LEAK(P99_NS, p99), LEAK(MAX_NS, max),
};

#define HELD(attr, member) FIELD(VEXFS_TRACE_A_HELD_##attr, struct held_counters, member)
static const struct field held_fields[] = {
	HELD(SITE, site), HELD(OBJECTS, objects), HELD(PID, pid), HELD(BYTES, bytes),
	HELD(OLDEST_NS, oldest),
};

#define BAD(attr, member) FIELD(VEXFS_TRACE_A_BAD_FREE_##attr, struct bad_free_counters, member)
static const struct field bad_free_fields[] = {
	BAD(SITE, site), BAD(PID, pid), BAD(COUNT, count),
};

int on_alloc(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_ALLOC_MAX + 1];
	struct site_counters *site;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_ALLOC_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_ALLOC_SITE])
		return NL_SKIP;
	site = counters_add_site(arg);
	TAKE(site, attrs, alloc_fields);
	site->func = attr_string(attrs[VEXFS_TRACE_A_ALLOC_FUNC]);
	site->file = attr_string(attrs[VEXFS_TRACE_A_ALLOC_FILE]);
	return NL_OK;
}

int on_leak(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_LEAK_MAX + 1];
	struct site_counters *site;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_LEAK_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_LEAK_SITE])
		return NL_SKIP;
	/* One that allocated for the first time just now: the next report has it. */
	site = counters_find_site(arg, nla_get_u32(attrs[VEXFS_TRACE_A_LEAK_SITE]));
	if (!site)
		return NL_SKIP;
	TAKE(site, attrs, leak_fields);
	site->verdict = attr_string(attrs[VEXFS_TRACE_A_LEAK_VERDICT]);
	return NL_OK;
}

void netlink_take_trail(struct trail *trail, struct nl_msg *msg, int type)
{
	struct nlattr *attrs[VEXFS_TRACE_A_FRAME_MAX + 1], *a;
	int left;

	nlmsg_for_each_attr(a, nlmsg_hdr(msg), GENL_HDRLEN, left)
		if (nla_type(a) == type &&
		    nla_parse_nested(attrs, VEXFS_TRACE_A_FRAME_MAX, a, NULL) >= 0)
			trail_add(trail, attr_string(attrs[VEXFS_TRACE_A_FRAME_FUNCTION]));
}

int on_held(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_HELD_MAX + 1];
	struct held_counters *held;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_HELD_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_HELD_SITE])
		return NL_SKIP;
	held = counters_add_held(arg);
	TAKE(held, attrs, held_fields);
	netlink_take_trail(&held->from, msg, VEXFS_TRACE_A_HELD_FRAME);
	return NL_OK;
}

int on_bad_free(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_BAD_FREE_MAX + 1];
	struct bad_free_counters *bad;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_BAD_FREE_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_BAD_FREE_KIND])
		return NL_SKIP;
	bad = counters_add_bad_free(arg);
	TAKE(bad, attrs, bad_free_fields);
	bad->kind = attr_string(attrs[VEXFS_TRACE_A_BAD_FREE_KIND]);
	bad->func = attr_string(attrs[VEXFS_TRACE_A_BAD_FREE_FUNC]);
	bad->first = attr_string(attrs[VEXFS_TRACE_A_BAD_FREE_FIRST]);
	bad->by = attr_string(attrs[VEXFS_TRACE_A_BAD_FREE_BY]);
	bad->comm = attr_string(attrs[VEXFS_TRACE_A_BAD_FREE_COMM]);
	netlink_take_trail(&bad->allocated, msg, VEXFS_TRACE_A_BAD_FREE_ALLOCATED);
	netlink_take_trail(&bad->freed, msg, VEXFS_TRACE_A_BAD_FREE_FREED);
	netlink_take_trail(&bad->again, msg, VEXFS_TRACE_A_BAD_FREE_AGAIN);
	return NL_OK;
}
