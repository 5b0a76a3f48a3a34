// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters for programs: the generic netlink family that
 * Documentation/netlink/specs/vexfs_trace.yaml describes.
 *
 * A dump holds vxt_lock while it fills one message buffer, and carries the number
 * of resets as its sequence: a reset between two buffers marks the rest as
 * interrupted.
 */
#include <linux/cpumask.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/vexfs_trace.h>
#include <net/genetlink.h>
#include <compat/unaligned.h>
#include <trace/vexfs_events.h>
#include "netlink.h"

#define VXT_LONG_ROOM	SZ_64K	/* VXT_FRAMES of the longest names */

/* Requests for one row: which class or call site is wanted. */
static const struct nla_policy vxt_row_policy[VXT_ROW_ATTR + 1] = {
	[VXT_ROW_ATTR] = { .type = NLA_U32 },
};

/* Requests without attributes: a policy is needed for any to be refused. */
static const struct nla_policy vxt_no_policy[] = {
	[VEXFS_TRACE_A_STATUS_VERSION] = { .type = NLA_REJECT },
};

/* VXT_ROW_ATTR of a dump request, where its policy lets one be, chooses a row. */
int vxt_dump_start(struct netlink_callback *cb)
{
	const struct nlattr *attr = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, VXT_ROW_ATTR);

	BUILD_BUG_ON(VEXFS_TRACE_A_STACK_CLASS != 1 || VEXFS_TRACE_A_ALLOC_SITE != 1 ||
		     VEXFS_TRACE_A_LATENCY_CLASS != 1 || VEXFS_TRACE_A_CHAIN_CLASS != 1 ||
		     VEXFS_TRACE_A_LEAK_SITE != 1 || VEXFS_TRACE_A_HELD_SITE != 1 ||
		     VEXFS_TRACE_A_OPS_CLASS != 1 || VEXFS_TRACE_A_LOCK_CLASS != 1);
	BUILD_BUG_ON(VXT_ROW_ATTR != 1);
	vxt_dump(cb)->next = 0;
	vxt_dump(cb)->only = attr ? nla_get_u32(attr) : VXT_ALL;
	return 0;
}

/* The same of rows with many calls, which the kernel's default may have no room for. */
int vxt_long_dump_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = VXT_LONG_ROOM;
	return vxt_dump_start(cb);
}

/**
 * vxt_put_u64s() - put some 64-bit attributes
 * @skb: the message
 * @values: types and values, in the order in which they come
 * @nr: how many
 *
 * Return: 0, or -EMSGSIZE when there is no room.
 */
int vxt_put_u64s(struct sk_buff *skb, const struct vxt_u64 *values, unsigned int nr)
{
	int size = nr * nla_total_size(sizeof(u64));
	void *at;

	if (skb_tailroom(skb) < size)
		return -EMSGSIZE;
	at = skb_put(skb, size);
	while (nr--) {
		at = vxt_write_u64(at, values->type, values->value);
		values++;
	}
	return 0;
}

/**
 * vxt_address_name() - the function of an address
 * @ip: the address
 * @exact: it is that of an instruction; else a call returns there, and the call is named
 *
 * The caller holds vxt_lock.
 *
 * Return: name, offset and module, good until the next call.
 */
const char *vxt_address_name(unsigned long ip, bool exact)
{
	static char name[KSYM_SYMBOL_LEN];

	lockdep_assert_held(&vxt_lock);
	scnprintf(name, sizeof(name), exact ? "%pS" : "%pB", (void *)ip);
	return name;
}

/**
 * vxt_put_frame() - put one function of a chain of calls
 * @skb: the message
 * @type: of the nest
 * @ip: address in the function
 * @bytes: of its frame, 0 when that is not known
 * @exact: see vxt_address_name()
 *
 * Return: 0, or -EMSGSIZE when there is no room.
 */
int vxt_put_frame(struct sk_buff *skb, int type, unsigned long ip, u32 bytes, bool exact)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest ||
	    nla_put_u64_64bit(skb, VEXFS_TRACE_A_FRAME_IP, ip, VEXFS_TRACE_A_FRAME_PAD) ||
	    (bytes && nla_put_u32(skb, VEXFS_TRACE_A_FRAME_BYTES, bytes)) ||
	    nla_put_string(skb, VEXFS_TRACE_A_FRAME_FUNCTION, vxt_address_name(ip, exact)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Begin a message of a dump; NULL when the buffer has no room for it. */
void *vxt_dump_message(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &vxt_family,
				NLM_F_MULTI, cmd);

	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

/*
 * Fill one buffer with rows, each by @put: 0 for done, -ENOENT for a row that does not
 * exist, anything else for a buffer that has no room for it.
 */
int vxt_dump_rows(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, u32 nr,
		  int (*put)(struct sk_buff *skb, u32 row))
{
	struct vxt_dump *dump = vxt_dump(cb);

	for (; dump->next < nr; dump->next++) {
		void *hdr;
		int err;

		if (dump->only != VXT_ALL && dump->only != dump->next)
			continue;
		hdr = vxt_dump_message(skb, cb, cmd);
		if (!hdr)
			break;
		err = put(skb, dump->next);
		if (!err) {
			genlmsg_end(skb, hdr);
			continue;
		}
		genlmsg_cancel(skb, hdr);
		if (err != -ENOENT)
			break;
	}
	return skb->len ?: dump->next < nr ? -EMSGSIZE : 0;
}

/*
 * Is the class that a dump asks for one, if it asks for any? Only here is there an extack to tell
 * with. Under vxt_lock.
 */
bool vxt_class_is_there(struct netlink_callback *cb)
{
	u64 only = vxt_dump(cb)->only;

	if (only == VXT_ALL || (only < VXT_CLASSES && vxt_class_name(only)))
		return true;
	NL_SET_ERR_MSG(cb->extack, "no such operation class");
	return false;
}

int vxt_class_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		   int (*put)(struct sk_buff *skb, u32 row))
{
	int err = -EINVAL;

	mutex_lock(&vxt_lock);
	if (vxt_class_is_there(cb)) {
		cb->seq = vxt_epoch;
		err = vxt_dump_rows(skb, cb, cmd, VXT_CLASSES, put);
	}
	mutex_unlock(&vxt_lock);
	return err;
}

static int vxt_put_cpu(struct sk_buff *skb, int cpu)
{
	const int pad = VEXFS_TRACE_A_CPU_PAD;
	struct nlattr *nest = nla_nest_start(skb, VEXFS_TRACE_A_STATUS_CPU);

	if (!nest ||
	    nla_put_u32(skb, VEXFS_TRACE_A_CPU_ID, cpu) ||
	    nla_put_u64_64bit(skb, VEXFS_TRACE_A_CPU_OP,
			      vexfs_event_count(cpu, VEXFS_EVENT_OP), pad) ||
	    nla_put_u64_64bit(skb, VEXFS_TRACE_A_CPU_ALLOC,
			      vexfs_event_count(cpu, VEXFS_EVENT_ALLOC), pad) ||
	    nla_put_u64_64bit(skb, VEXFS_TRACE_A_CPU_RECORD,
			      vexfs_event_count(cpu, VEXFS_EVENT_RECORD), pad) ||
	    nla_put_u64_64bit(skb, VEXFS_TRACE_A_CPU_CHAIN,
			      vexfs_event_count(cpu, VEXFS_EVENT_CHAIN), pad))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int vxt_put_cpus(struct sk_buff *skb)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (vxt_put_cpu(skb, cpu))
			return -EMSGSIZE;
	return 0;
}

static int vxt_put_status(struct sk_buff *skb, const struct vxt_status *status)
{
	const int pad = VEXFS_TRACE_A_STATUS_PAD;

	return nla_put_u32(skb, VEXFS_TRACE_A_STATUS_VERSION, VEXFS_TRACE_FAMILY_VERSION) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STATUS_CLASSES, VEXFS_OP_NR) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STATUS_SITES, status->sites) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STATUS_SITES_DROPPED, status->sites_dropped) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STATUS_THREAD_SIZE, THREAD_SIZE) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_CALLS, status->calls, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_PAINTED, status->painted, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_UNPAINTED, status->unpainted, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_CLIPPED, status->clipped, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_TABLE_FULL, status->table_full, pad) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STATUS_PAINT_SHARE, status->share) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_MEMORY, status->memory, pad) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STATUS_RESETS, status->resets) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_RESET_TIME, status->reset_time, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_SINCE_RESET, status->since_reset, pad) ||
	       nla_put_string(skb, VEXFS_TRACE_A_STATUS_CLOCK, status->clock) ||
	       vxt_put_cpus(skb) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_PAINT_NS, status->paint_ns, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_OPERATIONS_NS,
				 status->operations_ns, pad) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STATUS_WATCHES, status->watches) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_ALERTS, status->alerts, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_ALERTS_DROPPED,
				 status->alerts_dropped, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_TRAILS_LOST, status->trails_lost, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STATUS_BAD_FREES_LOST,
				 status->bad_frees_lost, pad);
}

static int vxt_status_get(struct sk_buff *skb, struct genl_info *info)
{
	size_t cpu_size = nla_total_size(nla_total_size(sizeof(u32)) +
					 VEXFS_EVENT_NR * nla_total_size_64bit(sizeof(u64)));
	struct vxt_status status;
	struct sk_buff *reply;
	void *hdr;

	reply = genlmsg_new(NLMSG_DEFAULT_SIZE + num_possible_cpus() * cpu_size, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	hdr = genlmsg_put_reply(reply, info, &vxt_family, 0, VEXFS_TRACE_CMD_STATUS_GET);
	if (!hdr)
		goto too_small;
	mutex_lock(&vxt_lock);
	vxt_status_read(&status);
	mutex_unlock(&vxt_lock);
	if (vxt_put_status(reply, &status))
		goto too_small;
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);

too_small:
	nlmsg_free(reply);
	return -EMSGSIZE;
}

static int vxt_reset_do(struct sk_buff *skb, struct genl_info *info)
{
	vxt_reset();
	return 0;
}

static const struct genl_ops vxt_ops[] = {
	{
		.cmd = VEXFS_TRACE_CMD_STACK_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_row_policy,
		.maxattr = VXT_ROW_ATTR,
		.start = vxt_dump_start,
		.dumpit = vxt_stack_dump,
	},
	{
		.cmd = VEXFS_TRACE_CMD_ALLOC_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_row_policy,
		.maxattr = VXT_ROW_ATTR,
		.start = vxt_dump_start,
		.dumpit = vxt_alloc_dump,
	},
	{
		.cmd = VEXFS_TRACE_CMD_LATENCY_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_row_policy,
		.maxattr = VXT_ROW_ATTR,
		.start = vxt_dump_start,
		.dumpit = vxt_latency_dump,
	},
	{
		.cmd = VEXFS_TRACE_CMD_STATUS_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_no_policy,
		.maxattr = ARRAY_SIZE(vxt_no_policy) - 1,
		.doit = vxt_status_get,
	},
	{
		.cmd = VEXFS_TRACE_CMD_RESET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_no_policy,
		.maxattr = ARRAY_SIZE(vxt_no_policy) - 1,
		.doit = vxt_reset_do,
	},
	{
		.cmd = VEXFS_TRACE_CMD_CHAIN_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_row_policy,
		.maxattr = VXT_ROW_ATTR,
		.start = vxt_long_dump_start,
		.dumpit = vxt_chain_dump,
	},
	{
		.cmd = VEXFS_TRACE_CMD_TARGET_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_no_policy,
		.maxattr = ARRAY_SIZE(vxt_no_policy) - 1,
		.start = vxt_dump_start,
		.dumpit = vxt_target_dump,
	},
	{
		.cmd = VEXFS_TRACE_CMD_TARGET_ADD,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_target_policy,
		.maxattr = VEXFS_TRACE_A_TARGET_FUNCTION,
		.doit = vxt_target_add_do,
	},
	{
		.cmd = VEXFS_TRACE_CMD_TARGET_DEL,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_target_policy,
		.maxattr = VEXFS_TRACE_A_TARGET_NAME,
		.doit = vxt_target_del_do,
	},
	{
		.cmd = VEXFS_TRACE_CMD_LEAK_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_row_policy,
		.maxattr = VXT_ROW_ATTR,
		.start = vxt_leak_dump_start,
		.dumpit = vxt_leak_dump,
	},
	{
		.cmd = VEXFS_TRACE_CMD_HELD_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_row_policy,
		.maxattr = VXT_ROW_ATTR,
		.start = vxt_held_dump_start,
		.dumpit = vxt_held_dump,
		.done = vxt_held_dump_done,
	},
	{
		.cmd = VEXFS_TRACE_CMD_BAD_FREE_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_no_policy,
		.maxattr = ARRAY_SIZE(vxt_no_policy) - 1,
		.start = vxt_long_dump_start,
		.dumpit = vxt_bad_free_dump,
	},
	{
		.cmd = VEXFS_TRACE_CMD_OPS_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_row_policy,
		.maxattr = VXT_ROW_ATTR,
		.start = vxt_long_dump_start,
		.dumpit = vxt_ops_dump,
	},
	{
		.cmd = VEXFS_TRACE_CMD_LOCK_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = vxt_row_policy,
		.maxattr = VXT_ROW_ATTR,
		.start = vxt_long_dump_start,
		.dumpit = vxt_lock_dump,
	},
};

static const struct genl_multicast_group vxt_groups[] = {
	{ .name = VEXFS_TRACE_MCGRP_ALERTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family vxt_family __ro_after_init = {
	.name = VEXFS_TRACE_FAMILY_NAME,
	.version = VEXFS_TRACE_FAMILY_VERSION,
	.module = THIS_MODULE,
	.ops = vxt_ops,
	.n_ops = ARRAY_SIZE(vxt_ops),
	.mcgrps = vxt_groups,
	.n_mcgrps = ARRAY_SIZE(vxt_groups),
};

/* A target may be gone by now. */
static int vxt_put_alert_class(struct sk_buff *skb, const struct vxt_alert *alert)
{
	const char *name = vxt_class_name(alert->op_class);

	return !name || nla_put_u32(skb, VEXFS_TRACE_A_ALERT_CLASS, alert->op_class) ||
	       nla_put_string(skb, VEXFS_TRACE_A_ALERT_NAME, name) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_ALERT_SEQ, alert->seq,
				 VEXFS_TRACE_A_ALERT_PAD);
}

static int vxt_put_alert_site(struct sk_buff *skb, const struct vxt_alert *alert)
{
	const struct vexfs_site *site = vexfs_mem_site(alert->site);

	return nla_put_u32(skb, VEXFS_TRACE_A_ALERT_SITE, alert->site) ||
	       (site && nla_put_string(skb, VEXFS_TRACE_A_ALERT_FUNC, site->func));
}

static int vxt_put_alert(struct sk_buff *skb, const struct vxt_alert *alert)
{
	const int pad = VEXFS_TRACE_A_ALERT_PAD;
	bool site = alert->op_class == VXT_CLASSES;
	bool slow = alert->kind == VXT_ALERT_SLOW;

	return nla_put_string(skb, VEXFS_TRACE_A_ALERT_KIND, vxt_alert_names[alert->kind]) ||
	       (site ? vxt_put_alert_site(skb, alert) : vxt_put_alert_class(skb, alert)) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_ALERT_VALUE,
				 slow ? vxt_clock_to_ns(alert->value) : alert->value, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_ALERT_LIMIT,
				 slow ? vxt_clock_to_ns(alert->limit) : alert->limit, pad) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_ALERT_PID, alert->pid) ||
	       nla_put_string(skb, VEXFS_TRACE_A_ALERT_COMM, alert->comm) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_ALERT_DROPPED, alert->dropped, pad);
}

/**
 * vxt_netlink_alert() - tell all who listen
 * @alert: what
 *
 * May sleep. Who does not keep up loses messages, and learns that from its socket.
 *
 * Return: false when there was no memory for it, or it is of a target that is gone.
 */
bool vxt_netlink_alert(const struct vxt_alert *alert)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *hdr;
	int err;

	if (!skb)
		return false;
	hdr = genlmsg_put(skb, 0, 0, &vxt_family, 0, VEXFS_TRACE_CMD_ALERT);
	mutex_lock(&vxt_lock);
	err = hdr ? vxt_put_alert(skb, alert) : -ENOENT;
	mutex_unlock(&vxt_lock);
	if (err) {
		nlmsg_free(skb);
		return false;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&vxt_family, skb, 0, 0, GFP_KERNEL);
	return true;
}

int vxt_netlink_init(void)
{
	return genl_register_family(&vxt_family);
}

void vxt_netlink_exit(void)
{
	genl_unregister_family(&vxt_family);
}

MODULE_ALIAS_GENL_FAMILY(VEXFS_TRACE_FAMILY_NAME);
