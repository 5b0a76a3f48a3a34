// SPDX-License-Identifier: GPL-2.0-only
/* The counters by generic netlink, family vexfs_trace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/vexfs_trace.h>

#include "base.h"
#include "counters.h"
#include "netlink.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* A dump that a reset interrupted is taken again, this often. */
#define DUMP_TRIES 20

static struct nl_sock *sock;
static int family;
/* What the kernel said about the last refused request. */
static const char *refusal;

#define STACK(attr, member) FIELD(VEXFS_TRACE_A_STACK_##attr, struct depth_counters, member)
static const struct field stack_fields[] = {
	STACK(CALLS, calls), STACK(PAINTED, painted), STACK(UNPAINTED, unpainted),
	STACK(CLIPPED, clipped), STACK(SHALLOW, shallow), STACK(OVER_75, over_75),
	STACK(INTERRUPTED, interrupted),
	STACK(MIN_DEPTH, min), STACK(MEAN_DEPTH, mean), STACK(P50_DEPTH, p50),
	STACK(P99_DEPTH, p99), STACK(MAX_DEPTH, max), STACK(MAX_ABSOLUTE, max_absolute),
	STACK(MAX_SEQ, max_seq),
};

#define LATENCY(attr, member) FIELD(VEXFS_TRACE_A_LATENCY_##attr, struct latency_counters, member)
static const struct field latency_fields[] = {
	LATENCY(COUNT, count), LATENCY(ERRORS, errors), LATENCY(MIN_NS, min),
	LATENCY(MEAN_NS, mean), LATENCY(P50_NS, p50), LATENCY(P90_NS, p90),
	LATENCY(P99_NS, p99), LATENCY(P999_NS, p999), LATENCY(MAX_NS, max),
};

#define CHAIN(attr, member) FIELD(VEXFS_TRACE_A_CHAIN_##attr, struct chain_counters, member)
static const struct field chain_fields[] = {
	CHAIN(DEPTH, depth), CHAIN(SEQ, seq), CHAIN(PID, pid), CHAIN(COMPLETE, complete),
	CHAIN(FTRACE, ftrace),
};

#define FRAME(attr, member) FIELD(VEXFS_TRACE_A_FRAME_##attr, struct chain_frame, member)
static const struct field frame_fields[] = {
	FRAME(IP, ip), FRAME(BYTES, bytes),
};

#define OPS(attr, member) FIELD(VEXFS_TRACE_A_OPS_##attr, struct ops_counters, member)
static const struct field ops_fields[] = {
	OPS(CALLS, calls), OPS(ERRORS, errors), OPS(BYTES, bytes), OPS(TOTAL_NS, total),
	OPS(CPU_NS, cpu), OPS(LOCK_NS, lock), OPS(IO_NS, io), OPS(SLEEP_NS, sleep),
	OPS(RUNNABLE_NS, runnable), OPS(LOST_NS, lost), OPS(LOST, lost_ops),
	OPS(NODE_HITS, node_hits), OPS(NODE_MISSES, node_misses),
	OPS(SEGMENT_HITS, segment_hits), OPS(SEGMENT_MISSES, segment_misses),
};

#define LOCK(attr, member) FIELD(VEXFS_TRACE_A_LOCK_##attr, struct lock_counters, member)
static const struct field lock_fields[] = {
	LOCK(CLASS, op_class), LOCK(WAITS, waits), LOCK(STACKS, stacks), LOCK(TOTAL_NS, total),
	LOCK(MAX_NS, max),
};

#define TARGET(attr, member) FIELD(VEXFS_TRACE_A_TARGET_##attr, struct target_counters, member)
static const struct field target_fields[] = {
	TARGET(MISSED, missed), TARGET(ALLOCS, allocs), TARGET(BYTES, bytes), TARGET(FREES, frees),
	TARGET(PAGES, pages), TARGET(PAGES_FREED, pages_freed), TARGET(FUNCTIONS, functions),
};

#define STATUS(attr, member) FIELD(VEXFS_TRACE_A_STATUS_##attr, struct status_counters, member)
static const struct field status_fields[] = {
	STATUS(VERSION, version), STATUS(SITES_DROPPED, sites_dropped), STATUS(RESETS, resets),
	STATUS(PAINT_SHARE, paint_share), STATUS(THREAD_SIZE, thread_size),
	STATUS(SINCE_RESET, since_reset), STATUS(TABLE_FULL, table_full), STATUS(MEMORY, memory),
	STATUS(WATCHES, watches),
};

#define CPU(attr, number) FIELD(VEXFS_TRACE_A_CPU_##attr, struct event_counts, kind[number])
static const struct field cpu_fields[] = {
	CPU(OP, VEXFS_EVENT_OP), CPU(ALLOC, VEXFS_EVENT_ALLOC), CPU(RECORD, VEXFS_EVENT_RECORD),
	CPU(CHAIN, VEXFS_EVENT_CHAIN),
};

/* Attributes of a width that differs from the field's are taken as absent. */
void netlink_take(void *to, struct nlattr **attrs, const struct field *fields, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct nlattr *a = attrs[fields[i].attr];

		if (a && (size_t)nla_len(a) == fields[i].size)
			memcpy((char *)to + fields[i].offset, nla_data(a), fields[i].size);
	}
}

const char *attr_string(const struct nlattr *a)
{
	return a ? intern_len(nla_data(a), nla_len(a)) : "?";
}

static int on_stack(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_STACK_MAX + 1];
	struct counters *counters = arg;
	struct depth_counters d = {};
	uint32_t id;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_STACK_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_STACK_CLASS])
		return NL_SKIP;
	id = nla_get_u32(attrs[VEXFS_TRACE_A_STACK_CLASS]);
	if (id >= MAX_CLASSES)
		return NL_SKIP;
	class_set_name(id, attr_string(attrs[VEXFS_TRACE_A_STACK_NAME]));
	TAKE(&d, attrs, stack_fields);
	d.measured = attrs[VEXFS_TRACE_A_STACK_MAX_DEPTH];
	counters->classes[id].depth = d;
	return NL_OK;
}

static int on_latency(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_LATENCY_MAX + 1];
	struct counters *counters = arg;
	struct latency_counters l = {};
	uint32_t id;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_LATENCY_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_LATENCY_CLASS])
		return NL_SKIP;
	id = nla_get_u32(attrs[VEXFS_TRACE_A_LATENCY_CLASS]);
	if (id >= MAX_CLASSES)
		return NL_SKIP;
	TAKE(&l, attrs, latency_fields);
	counters->classes[id].latency = l;
	return NL_OK;
}

static void take_frame(struct chain_frame *frame, struct nlattr *nest)
{
	struct nlattr *attrs[VEXFS_TRACE_A_FRAME_MAX + 1];

	if (nla_parse_nested(attrs, VEXFS_TRACE_A_FRAME_MAX, nest, NULL) < 0)
		return;
	TAKE(frame, attrs, frame_fields);
	frame->function = attr_string(attrs[VEXFS_TRACE_A_FRAME_FUNCTION]);
}

static int on_chain(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_CHAIN_MAX + 1], *a;
	struct counters *counters = arg;
	struct chain_counters *chain;
	uint32_t id;
	int left;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_CHAIN_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_CHAIN_CLASS])
		return NL_SKIP;
	id = nla_get_u32(attrs[VEXFS_TRACE_A_CHAIN_CLASS]);
	if (id >= MAX_CLASSES)
		return NL_SKIP;
	chain = &counters->classes[id].chain;
	TAKE(chain, attrs, chain_fields);
	chain->comm = attr_string(attrs[VEXFS_TRACE_A_CHAIN_COMM]);
	nlmsg_for_each_attr(a, nlmsg_hdr(msg), GENL_HDRLEN, left)
		if (nla_type(a) == VEXFS_TRACE_A_CHAIN_FRAME)
			take_frame(counters_add_frame(chain), a);
	return NL_OK;
}

static void take_error(struct ops_counters *ops, struct nlattr *nest)
{
	struct nlattr *attrs[VEXFS_TRACE_A_ERRNO_MAX + 1];

	if (nla_parse_nested(attrs, VEXFS_TRACE_A_ERRNO_MAX, nest, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_ERRNO_NUMBER] || !attrs[VEXFS_TRACE_A_ERRNO_COUNT])
		return;
	ops_add_error(ops, nla_get_u32(attrs[VEXFS_TRACE_A_ERRNO_NUMBER]),
		      nla_get_u64(attrs[VEXFS_TRACE_A_ERRNO_COUNT]));
}

static int on_ops(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_OPS_MAX + 1], *a;
	struct counters *counters = arg;
	struct ops_counters *ops;
	uint32_t id;
	int left;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_OPS_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_OPS_CLASS])
		return NL_SKIP;
	id = nla_get_u32(attrs[VEXFS_TRACE_A_OPS_CLASS]);
	if (id >= MAX_CLASSES)
		return NL_SKIP;
	ops = &counters->classes[id].ops;
	counters_clear_ops(ops);
	TAKE(ops, attrs, ops_fields);
	nlmsg_for_each_attr(a, nlmsg_hdr(msg), GENL_HDRLEN, left)
		if (nla_type(a) == VEXFS_TRACE_A_OPS_ERRNO)
			take_error(ops, a);
	return NL_OK;
}

static int on_lock(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_LOCK_MAX + 1];
	struct lock_counters *lock;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_LOCK_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_LOCK_CLASS])
		return NL_SKIP;
	lock = counters_add_lock(arg);
	TAKE(lock, attrs, lock_fields);
	lock->kind = attr_string(attrs[VEXFS_TRACE_A_LOCK_KIND]);
	lock->function = attr_string(attrs[VEXFS_TRACE_A_LOCK_FUNCTION]);
	if (attrs[VEXFS_TRACE_A_LOCK_HOLDER])
		lock->holder = attr_string(attrs[VEXFS_TRACE_A_LOCK_HOLDER]);
	netlink_take_trail(&lock->stack, msg, VEXFS_TRACE_A_LOCK_FRAME);
	return NL_OK;
}

static int on_target(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_TARGET_MAX + 1];
	struct counters *counters = arg;
	uint32_t id;

	if (!counters ||
	    genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_TARGET_MAX, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_TARGET_CLASS])
		return NL_SKIP;
	id = nla_get_u32(attrs[VEXFS_TRACE_A_TARGET_CLASS]);
	if (id >= MAX_CLASSES)
		return NL_SKIP;
	TAKE(&counters->classes[id].target, attrs, target_fields);
	return NL_OK;
}

static void take_cpu(struct status_counters *status, struct nlattr *nest)
{
	struct nlattr *attrs[VEXFS_TRACE_A_CPU_MAX + 1];
	uint32_t cpu;

	if (nla_parse_nested(attrs, VEXFS_TRACE_A_CPU_MAX, nest, NULL) < 0 ||
	    !attrs[VEXFS_TRACE_A_CPU_ID])
		return;
	cpu = nla_get_u32(attrs[VEXFS_TRACE_A_CPU_ID]);
	if (cpu > UINT16_MAX)
		return;
	if (cpu >= status->cpus) {
		status->cpu = xrealloc(status->cpu, (cpu + 1) * sizeof(*status->cpu));
		memset(status->cpu + status->cpus, 0,
		       (cpu + 1 - status->cpus) * sizeof(*status->cpu));
		status->cpus = cpu + 1;
	}
	TAKE(&status->cpu[cpu], attrs, cpu_fields);
}

static int on_status(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_STATUS_MAX + 1], *a;
	struct status_counters *status = arg;
	int left;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_STATUS_MAX, NULL) < 0)
		return NL_SKIP;
	TAKE(status, attrs, status_fields);
	status->clock = attr_string(attrs[VEXFS_TRACE_A_STATUS_CLOCK]);
	nlmsg_for_each_attr(a, nlmsg_hdr(msg), GENL_HDRLEN, left)
		if (nla_type(a) == VEXFS_TRACE_A_STATUS_CPU)
			take_cpu(status, a);
	return NL_OK;
}

/* Keeps the kernel's own words on why it refused; the error itself is returned. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	size_t skip = sizeof(*e);
	struct nlattr *a;
	int left;

	(void)from;
	(void)arg;
	refusal = NULL;
	if (hdr->nlmsg_flags & NLM_F_ACK_TLVS) {
		if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
			skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
		nlmsg_for_each_attr(a, hdr, skip, left)
			if (nla_type(a) == NLMSGERR_ATTR_MSG)
				refusal = intern_len(nla_data(a), nla_len(a));
	}
	return -nl_syserr2nlerr(e->error);
}

static void explain(const char *what, int err)
{
	if (err == -NLE_PERM)
		warn("netlink family vexfs_trace: %s: not permitted: run as root or with"
		     " CAP_NET_ADMIN", what);
	else
		warn("netlink family vexfs_trace: %s: %s%s%s", what, nl_geterror(err),
		     refusal ? ": " : "", refusal ? refusal : "");
}

/*
 * One request, perhaps with the name of a target and a function of it; its replies go to @reply with
 * @arg.
 */
static int request(int cmd, int flags, const char *target, const char *function,
		   nl_recvmsg_msg_cb_t reply, void *arg)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct nl_msg *msg = nlmsg_alloc();
	int err = -NLE_NOMEM;

	if (!cb || !msg ||
	    !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, cmd,
			 VEXFS_TRACE_FAMILY_VERSION) ||
	    (target && nla_put_string(msg, VEXFS_TRACE_A_TARGET_NAME, target)) ||
	    (function && nla_put_string(msg, VEXFS_TRACE_A_TARGET_FUNCTION, function)))
		goto out;
	if (reply)
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, reply, arg);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, NULL);
	err = nl_send_auto(sock, msg);
	if (err >= 0)
		err = nl_recvmsgs(sock, cb);
	/* A request without a dump is answered by its reply and then by an acknowledgement. */
	if (err >= 0 && reply && !(flags & NLM_F_DUMP))
		err = nl_wait_for_ack(sock);
out:
	nlmsg_free(msg);
	nl_cb_put(cb);
	return err < 0 ? err : 0;
}

static bool dump(struct counters *c, const char *what, int cmd, nl_recvmsg_msg_cb_t reply)
{
	int err, tries = 0;

	do {
		if (cmd == VEXFS_TRACE_CMD_ALLOC_GET)
			c->nr_sites = 0;
		else if (cmd == VEXFS_TRACE_CMD_CHAIN_GET)
			counters_clear_chains(c);
		else if (cmd == VEXFS_TRACE_CMD_HELD_GET)
			counters_clear_held(c);
		else if (cmd == VEXFS_TRACE_CMD_BAD_FREE_GET)
			counters_clear_bad_frees(c);
		else if (cmd == VEXFS_TRACE_CMD_LOCK_GET)
			counters_clear_locks(c);
		err = request(cmd, NLM_F_DUMP, NULL, NULL, reply, c);
	} while (err == -NLE_DUMP_INTR && ++tries < DUMP_TRIES);
	if (err)
		explain(what, err);
	return !err;
}

static bool netlink_open(void)
{
	int on = 1, err;

	sock = nl_socket_alloc();
	if (!sock)
		die("out of memory");
	err = genl_connect(sock);
	if (err) {
		warn("generic netlink: %s", nl_geterror(err));
		return false;
	}
	/* For messages in words; a kernel without them is fine too. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	family = genl_ctrl_resolve(sock, VEXFS_TRACE_FAMILY_NAME);
	if (family < 0) {
		warn("no generic netlink family vexfs_trace: load the module: insmod vexfs_trace.ko"
		     " (after insmod vexfs.ko)");
		return false;
	}
	return true;
}

static void netlink_close(void)
{
	nl_socket_free(sock);
	sock = NULL;
}

static bool netlink_status(struct status_counters *status)
{
	int err = request(VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK, NULL, NULL, on_status, status);

	if (err)
		explain("status-get", err);
	return !err;
}

static bool netlink_read(struct counters *c)
{
	return netlink_status(&c->status) &&
	       dump(c, "stack-get", VEXFS_TRACE_CMD_STACK_GET, on_stack) &&
	       dump(c, "target-get", VEXFS_TRACE_CMD_TARGET_GET, on_target) &&
	       dump(c, "chain-get", VEXFS_TRACE_CMD_CHAIN_GET, on_chain) &&
	       dump(c, "latency-get", VEXFS_TRACE_CMD_LATENCY_GET, on_latency) &&
	       dump(c, "ops-get", VEXFS_TRACE_CMD_OPS_GET, on_ops) &&
	       dump(c, "lock-get", VEXFS_TRACE_CMD_LOCK_GET, on_lock) &&
	       dump(c, "alloc-get", VEXFS_TRACE_CMD_ALLOC_GET, on_alloc) &&
	       dump(c, "leak-get", VEXFS_TRACE_CMD_LEAK_GET, on_leak) &&
	       dump(c, "held-get", VEXFS_TRACE_CMD_HELD_GET, on_held) &&
	       dump(c, "bad-free-get", VEXFS_TRACE_CMD_BAD_FREE_GET, on_bad_free);
}

static enum target_result netlink_target_add(const char *name, const char *function,
					     const char **reason)
{
	int err = request(VEXFS_TRACE_CMD_TARGET_ADD, NLM_F_ACK, name, function, on_target, NULL);

	if (!err)
		return TARGET_DONE;
	if (err == -NLE_EXIST)
		return TARGET_THERE;
	*reason = refusal ? refusal : nl_geterror(err);
	return TARGET_REFUSED;
}

static void netlink_target_drop(const char *name)
{
	request(VEXFS_TRACE_CMD_TARGET_DEL, NLM_F_ACK, name, NULL, NULL, NULL);
}

static bool netlink_reset(void)
{
	int err = request(VEXFS_TRACE_CMD_RESET, NLM_F_ACK, NULL, NULL, NULL, NULL);

	if (err)
		explain("reset", err);
	return !err;
}

const struct counter_source netlink_source = {
	.name	= "netlink",
	.open	= netlink_open,
	.status	= netlink_status,
	.read	= netlink_read,
	.target_add	= netlink_target_add,
	.target_drop	= netlink_target_drop,
	.reset	= netlink_reset,
	.close	= netlink_close,
};
