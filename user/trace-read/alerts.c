// SPDX-License-Identifier: GPL-2.0-only
/* Prints the alerts of vexfs_trace.ko as they come, one line each. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/vexfs_trace.h>

#include "alerts.h"
#include "base.h"
#include "format.h"
#include "json.h"
#include "watch.h"

/**
 * struct alert - see enum vexfs_trace_a_alert
 * @kind: and the other strings: good until the message is gone
 * @site: it is about memory: @func says whose, and there is no class
 */
struct alert {
	const char *kind, *class, *comm, *func;
	bool site;
	uint64_t seq, value, limit, dropped;
	uint32_t pid;
};

static bool as_json;

static const char *text(struct nlattr *a)
{
	return a ? nla_get_string(a) : "?";
}

static uint64_t number64(struct nlattr *a)
{
	return a && (size_t)nla_len(a) == sizeof(uint64_t) ? nla_get_u64(a) : 0;
}

static const char *now(void)
{
	static char buffer[40];
	struct timespec t;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	localtime_r(&t.tv_sec, &tm);
	n = strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buffer + n, sizeof(buffer) - n, ".%03ld", t.tv_nsec / 1000000);
	return buffer;
}

static void print_text(const struct alert *a)
{
	printf("%s %-5s %s: ", now(), printable(a->kind), printable(a->site ? a->func : a->class));
	if (!strcmp(a->kind, "stack"))
		printf("%s bytes of the stack in use, over %s", number(a->value), number(a->limit));
	else if (!strcmp(a->kind, "calls"))
		printf("a chain of %s functions, over %s", number(a->value), number(a->limit));
	else if (!strcmp(a->kind, "frame"))
		printf("a function with a frame of %s bytes, over %s", number(a->value),
		       number(a->limit));
	else if (!strcmp(a->kind, "growth"))
		printf("%s bytes deep, over %s for what the window before had", number(a->value),
		       number(a->limit));
	else if (!strcmp(a->kind, "leak"))
		printf("a suspect now, holds %s", plural(a->value, "object"));
	else if (a->site)
		printf("refused, see bad-free-get");
	else if (!strcmp(a->kind, "slow"))
		printf("took %s, over %s", duration(a->value), duration(a->limit));
	else
		printf("%s, over %s", number(a->value), number(a->limit));
	printf(", by %s (thread %u)", printable(a->comm), a->pid);
	if (a->dropped)
		printf("; %s not told before this one", number(a->dropped));
	putchar('\n');
}

/* One object a line, so that it can be read as it comes. */
static void print_json(const struct alert *a)
{
	struct json j = { .out = stdout, .line = true };

	json_open(&j, NULL, '{');
	json_string(&j, "time", now());
	json_string(&j, "kind", a->kind);
	if (a->site)
		json_string(&j, "function", a->func);
	else
		json_string(&j, "class", a->class);
	json_u64(&j, "seq", a->seq);
	json_u64(&j, "value", a->value);
	json_u64(&j, "limit", a->limit);
	json_string(&j, "thread", a->comm);
	json_u64(&j, "pid", a->pid);
	json_u64(&j, "dropped", a->dropped);
	json_close(&j, '}');
}

static int on_alert(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[VEXFS_TRACE_A_ALERT_MAX + 1];
	struct alert a;

	(void)arg;
	if (genlmsg_hdr(nlmsg_hdr(msg))->cmd != VEXFS_TRACE_CMD_ALERT ||
	    genlmsg_parse(nlmsg_hdr(msg), 0, attrs, VEXFS_TRACE_A_ALERT_MAX, NULL) < 0)
		return NL_SKIP;
	a = (struct alert){
		.kind = text(attrs[VEXFS_TRACE_A_ALERT_KIND]),
		.class = text(attrs[VEXFS_TRACE_A_ALERT_NAME]),
		.site = attrs[VEXFS_TRACE_A_ALERT_SITE],
		.func = text(attrs[VEXFS_TRACE_A_ALERT_FUNC]),
		.comm = text(attrs[VEXFS_TRACE_A_ALERT_COMM]),
		.seq = number64(attrs[VEXFS_TRACE_A_ALERT_SEQ]),
		.value = number64(attrs[VEXFS_TRACE_A_ALERT_VALUE]),
		.limit = number64(attrs[VEXFS_TRACE_A_ALERT_LIMIT]),
		.dropped = number64(attrs[VEXFS_TRACE_A_ALERT_DROPPED]),
		.pid = number64(NULL),
	};
	if (attrs[VEXFS_TRACE_A_ALERT_PID])
		a.pid = nla_get_u32(attrs[VEXFS_TRACE_A_ALERT_PID]);
	if (as_json)
		print_json(&a);
	else
		print_text(&a);
	fflush(stdout);
	return NL_OK;
}

static struct nl_sock *listen_to_alerts(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int group, err;

	if (!sock)
		die("out of memory");
	err = genl_connect(sock);
	if (err)
		die("generic netlink: %s", nl_geterror(err));
	group = genl_ctrl_resolve_grp(sock, VEXFS_TRACE_FAMILY_NAME, VEXFS_TRACE_MCGRP_ALERTS);
	if (group < 0)
		die("no generic netlink family vexfs_trace: load the module: insmod vexfs_trace.ko"
		    " (after insmod vexfs.ko)");
	err = nl_socket_add_membership(sock, group);
	if (err)
		die("alerts of vexfs_trace: %s: run as root or with CAP_NET_ADMIN",
		    nl_geterror(err));
	nl_socket_disable_seq_check(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_alert, NULL);
	nl_socket_set_nonblocking(sock);
	return sock;
}

int alerts(const struct options *o)
{
	struct nl_sock *sock = listen_to_alerts();
	int status = STATUS_OK, err;

	as_json = o->json;
	watch_signals();
	watch_add(nl_socket_get_fd(sock), WATCH_RING);
	watch_start(o->duration_ns, 0, 0);
	while (!(watch_wait() & WATCH_END)) {
		err = nl_recvmsgs_default(sock);
		if (err == -NLE_NOMEM) {
			warn("alerts were lost: they came faster than they could be printed");
		} else if (err < 0 && err != -NLE_AGAIN) {
			warn("alerts of vexfs_trace: %s", nl_geterror(err));
			status = STATUS_ERROR;
			break;
		}
		if (ferror(stdout)) {
			status = STATUS_ERROR;
			break;
		}
	}
	nl_socket_free(sock);
	return status;
}
