// SPDX-License-Identifier: GPL-2.0-only
/* The requests about functions of others that are measured: target-get, target-add, target-del. */
#include <linux/mutex.h>
#include "netlink.h"

const struct nla_policy vxt_target_policy[VEXFS_TRACE_A_TARGET_FUNCTION + 1] = {
	[VEXFS_TRACE_A_TARGET_NAME] = { .type = NLA_NUL_STRING, .len = VXT_NAME_LEN - 1 },
	[VEXFS_TRACE_A_TARGET_FUNCTION] = { .type = NLA_NUL_STRING, .len = VXT_NAME_LEN - 1 },
};

static int vxt_put_memory(struct sk_buff *skb, const struct vxt_memory *memory)
{
	const int pad = VEXFS_TRACE_A_TARGET_PAD;

	return nla_put_u64_64bit(skb, VEXFS_TRACE_A_TARGET_ALLOCS, memory->allocs, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_TARGET_BYTES, memory->bytes, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_TARGET_FREES, memory->frees, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_TARGET_PAGES, memory->pages, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_TARGET_PAGES_FREED, memory->pages_freed, pad);
}

static int vxt_put_target(struct sk_buff *skb, u32 nr)
{
	struct vxt_target_row row;

	if (!vxt_target_read(VEXFS_OP_NR + nr, &row))
		return -ENOENT;
	return nla_put_string(skb, VEXFS_TRACE_A_TARGET_NAME, row.name) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_TARGET_CLASS, VEXFS_OP_NR + nr) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_TARGET_FUNCTIONS, row.functions) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_TARGET_MISSED, row.missed,
				 VEXFS_TRACE_A_TARGET_PAD) ||
	       vxt_put_memory(skb, &row.memory);
}

int vxt_target_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	int err;

	mutex_lock(&vxt_lock);
	cb->seq = vxt_epoch;
	err = vxt_dump_rows(skb, cb, VEXFS_TRACE_CMD_TARGET_GET, VXT_TARGETS, vxt_put_target);
	mutex_unlock(&vxt_lock);
	return err;
}

/* The name of a request, or NULL, the reason being told. */
static const char *vxt_request_name(struct genl_info *info)
{
	if (GENL_REQ_ATTR_CHECK(info, VEXFS_TRACE_A_TARGET_NAME))
		return NULL;
	return nla_data(info->attrs[VEXFS_TRACE_A_TARGET_NAME]);
}

int vxt_target_add_do(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *function = info->attrs[VEXFS_TRACE_A_TARGET_FUNCTION];
	const char *name = vxt_request_name(info);
	struct sk_buff *reply;
	u32 op_class;
	void *hdr;
	int err;

	if (!name)
		return -EINVAL;
	reply = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	err = vxt_target_add(name, function ? nla_data(function) : NULL, &op_class,
			     info->extack);
	if (err)
		goto free;
	hdr = genlmsg_put_reply(reply, info, &vxt_family, 0, VEXFS_TRACE_CMD_TARGET_ADD);
	if (!hdr || nla_put_string(reply, VEXFS_TRACE_A_TARGET_NAME, name) ||
	    nla_put_u32(reply, VEXFS_TRACE_A_TARGET_CLASS, op_class)) {
		vxt_target_remove(name, NULL);
		err = -EMSGSIZE;
		goto free;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);

free:
	nlmsg_free(reply);
	return err;
}

int vxt_target_del_do(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = vxt_request_name(info);

	return name ? vxt_target_remove(name, info->extack) : -EINVAL;
}
