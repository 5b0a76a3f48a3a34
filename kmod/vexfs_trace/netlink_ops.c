// SPDX-License-Identifier: GPL-2.0-only
/* The dumps of what operations did and waited for: ops-get and lock-get. */
#include <linux/kernel.h>
#include "netlink.h"

static int vxt_put_errno(struct sk_buff *skb, u32 number, u64 count)
{
	struct nlattr *nest = nla_nest_start(skb, VEXFS_TRACE_A_OPS_ERRNO);

	if (!nest || nla_put_u32(skb, VEXFS_TRACE_A_ERRNO_NUMBER, number) ||
	    nla_put_u64_64bit(skb, VEXFS_TRACE_A_ERRNO_COUNT, count, VEXFS_TRACE_A_ERRNO_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int vxt_put_errnos(struct sk_buff *skb, const struct vxt_ops_row *row)
{
	u32 i;

	for (i = 0; i < VXT_ERRNOS; i++)
		if (row->errno[i] && vxt_put_errno(skb, i, row->errno[i]))
			return -EMSGSIZE;
	return 0;
}

static int vxt_put_parts(struct sk_buff *skb, const struct vxt_ops_row *row)
{
	const int pad = VEXFS_TRACE_A_OPS_PAD;

	return nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_TOTAL_NS, row->total, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_CPU_NS, row->cpu, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_LOCK_NS, row->part[VXT_LOCK], pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_IO_NS, row->part[VXT_IO], pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_SLEEP_NS, row->part[VXT_SLEEP], pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_RUNNABLE_NS, row->part[VXT_READY], pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_LOST_NS, row->lost, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_LOST, row->lost_ops, pad);
}

static int vxt_put_ops(struct sk_buff *skb, u32 op_class)
{
	static struct vxt_ops_row row;	/* under vxt_lock */
	const int pad = VEXFS_TRACE_A_OPS_PAD;

	if (!vxt_class_name(op_class))
		return -ENOENT;
	vxt_ops_read(op_class, &row);
	return nla_put_u32(skb, VEXFS_TRACE_A_OPS_CLASS, op_class) ||
	       nla_put_string(skb, VEXFS_TRACE_A_OPS_NAME, vxt_class_name(op_class)) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_CALLS, row.count, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_ERRORS, row.errors, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_BYTES, row.bytes, pad) ||
	       vxt_put_parts(skb, &row) ||
	       vxt_put_errnos(skb, &row) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_NODE_MISSES, row.misses[0], pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_SEGMENT_MISSES, row.misses[1], pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_NODE_HITS, row.hits[0], pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_OPS_SEGMENT_HITS, row.hits[1], pad);
}

int vxt_ops_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return vxt_class_dump(skb, cb, VEXFS_TRACE_CMD_OPS_GET, vxt_put_ops);
}

static u64 vxt_lock_class_wanted;	/* or VXT_ALL; under vxt_lock */

static int vxt_put_holder(struct sk_buff *skb, const struct vxt_lock_stack *stack)
{
	u32 i;

	if (nla_put_string(skb, VEXFS_TRACE_A_LOCK_HOLDER, vxt_how_names[stack->how]))
		return -EMSGSIZE;
	for (i = 0; i < stack->nr; i++)
		if (vxt_put_frame(skb, VEXFS_TRACE_A_LOCK_FRAME, stack->frame[i], 0,
				  !i && stack->how != VXT_HOLDER_ASLEEP))
			return -EMSGSIZE;
	return 0;
}

static int vxt_put_waits(struct sk_buff *skb, const struct vxt_lock_row *row, u64 waits, u64 total,
			 u64 max)
{
	const int pad = VEXFS_TRACE_A_LOCK_PAD;

	return nla_put_u32(skb, VEXFS_TRACE_A_LOCK_CLASS, row->op_class) ||
	       nla_put_string(skb, VEXFS_TRACE_A_LOCK_NAME, vxt_class_name(row->op_class)) ||
	       nla_put_string(skb, VEXFS_TRACE_A_LOCK_KIND, vxt_lock_names[row->kind]) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LOCK_SITE, row->site, pad) ||
	       (row->site && nla_put_string(skb, VEXFS_TRACE_A_LOCK_FUNCTION,
					    vxt_address_name(row->site, false))) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LOCK_WAITS, waits, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LOCK_TOTAL_NS, total, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LOCK_MAX_NS, max, pad);
}

static bool vxt_lock_wanted(const struct vxt_lock_row *row)
{
	return vxt_lock_class_wanted == VXT_ALL || row->op_class == vxt_lock_class_wanted;
}

/* The rows first, then the stacks, each with what tells its row. */
static int vxt_put_lock(struct sk_buff *skb, u32 nr)
{
	const struct vxt_lock_stack *stack;
	struct vxt_lock_row row;

	if (nr < VXT_LOCK_ALL) {
		if (!vxt_locks_read(nr, &row) || !vxt_lock_wanted(&row))
			return -ENOENT;
		return vxt_put_waits(skb, &row, row.waits, row.total, row.max) ||
		       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LOCK_STACKS, row.stacks,
					 VEXFS_TRACE_A_LOCK_PAD);
	}
	stack = vxt_locks_stack(nr - VXT_LOCK_ALL, VXT_LOCK_ALL);
	if (!stack || !vxt_locks_read(stack->row, &row) || !vxt_lock_wanted(&row))
		return -ENOENT;
	return vxt_put_waits(skb, &row, stack->waits, stack->total, stack->max) ||
	       vxt_put_holder(skb, stack);
}

/* The one row that a request may choose is a class, of which there are many rows. */
int vxt_lock_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vxt_dump *dump = vxt_dump(cb);
	u64 only = dump->only;
	int err = -EINVAL;

	mutex_lock(&vxt_lock);
	if (vxt_class_is_there(cb)) {
		cb->seq = vxt_epoch;
		vxt_lock_class_wanted = only;
		dump->only = VXT_ALL;
		err = vxt_dump_rows(skb, cb, VEXFS_TRACE_CMD_LOCK_GET,
				    VXT_LOCK_ALL + VXT_LOCK_STACKS, vxt_put_lock);
		dump->only = only;
	}
	mutex_unlock(&vxt_lock);
	return err;
}
