// SPDX-License-Identifier: GPL-2.0-only
/* The dumps of how deep operations go and how long they take: stack-get, chain-get, latency-get. */
#include "depth.h"
#include "netlink.h"

static int vxt_put_depths(struct sk_buff *skb, const struct vxt_stack_row *row)
{
	if (!row->painted)
		return 0;
	return nla_put_u32(skb, VEXFS_TRACE_A_STACK_MIN_DEPTH, row->min) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STACK_MEAN_DEPTH, row->mean) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STACK_P50_DEPTH, row->p50) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STACK_P99_DEPTH, row->p99) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STACK_MAX_DEPTH, row->max) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STACK_MAX_ABSOLUTE, row->max_absolute) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STACK_MAX_SEQ, row->max_seq,
				 VEXFS_TRACE_A_STACK_PAD);
}

static int vxt_put_stack(struct sk_buff *skb, u32 op_class)
{
	const int pad = VEXFS_TRACE_A_STACK_PAD;
	struct vxt_stack_row row;

	if (!vxt_class_name(op_class))
		return -ENOENT;

	vxt_stack_read(op_class, &row);
	return nla_put_u32(skb, VEXFS_TRACE_A_STACK_CLASS, op_class) ||
	       nla_put_string(skb, VEXFS_TRACE_A_STACK_NAME, vxt_class_name(op_class)) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STACK_CALLS, row.calls, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STACK_PAINTED, row.painted, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STACK_UNPAINTED, row.unpainted, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STACK_CLIPPED, row.clipped, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STACK_SHALLOW, row.shallow, pad) ||
	       vxt_put_depths(skb, &row) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STACK_OVER_75, row.over75, pad) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_STACK_THREAD_SIZE, THREAD_SIZE) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_STACK_INTERRUPTED, row.interrupted, pad);
}

static int vxt_put_times(struct sk_buff *skb, const struct vxt_latency_row *row)
{
	const int pad = VEXFS_TRACE_A_LATENCY_PAD;

	if (!row->count)
		return 0;
	return nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_MIN_NS, row->min, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_MEAN_NS, row->mean, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_P50_NS, row->p50, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_P90_NS, row->p90, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_P99_NS, row->p99, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_P999_NS, row->p999, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_MAX_NS, row->max, pad);
}

static int vxt_put_latency(struct sk_buff *skb, u32 op_class)
{
	const int pad = VEXFS_TRACE_A_LATENCY_PAD;
	struct vxt_latency_row row;

	if (!vxt_class_name(op_class))
		return -ENOENT;
	vxt_latency_read(op_class, &row);
	return nla_put_u32(skb, VEXFS_TRACE_A_LATENCY_CLASS, op_class) ||
	       nla_put_string(skb, VEXFS_TRACE_A_LATENCY_NAME, vxt_class_name(op_class)) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_COUNT, row.count, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LATENCY_ERRORS, row.errors, pad) ||
	       vxt_put_times(skb, &row);
}

int vxt_stack_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return vxt_class_dump(skb, cb, VEXFS_TRACE_CMD_STACK_GET, vxt_put_stack);
}

int vxt_latency_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return vxt_class_dump(skb, cb, VEXFS_TRACE_CMD_LATENCY_GET, vxt_put_latency);
}

static int vxt_put_chain(struct sk_buff *skb, u32 op_class)
{
	const struct vxt_chain *chain;
	struct vxt_stack_row row;
	u32 i;

	chain = vxt_class_name(op_class) ? vxt_chain_read(op_class) : NULL;
	if (!chain)
		return -ENOENT;
	vxt_stack_read(op_class, &row);
	if (nla_put_u32(skb, VEXFS_TRACE_A_CHAIN_CLASS, op_class) ||
	    nla_put_string(skb, VEXFS_TRACE_A_CHAIN_NAME, vxt_class_name(op_class)) ||
	    nla_put_u32(skb, VEXFS_TRACE_A_CHAIN_DEPTH, chain->depth) ||
	    nla_put_u32(skb, VEXFS_TRACE_A_CHAIN_MAX_DEPTH, row.max) ||
	    nla_put_u64_64bit(skb, VEXFS_TRACE_A_CHAIN_SEQ, chain->seq,
			      VEXFS_TRACE_A_CHAIN_PAD) ||
	    nla_put_u32(skb, VEXFS_TRACE_A_CHAIN_PID, chain->pid) ||
	    nla_put_string(skb, VEXFS_TRACE_A_CHAIN_COMM, chain->comm) ||
	    nla_put_u8(skb, VEXFS_TRACE_A_CHAIN_COMPLETE, chain->complete) ||
	    nla_put_u8(skb, VEXFS_TRACE_A_CHAIN_FTRACE, !!chain->entered))
		return -EMSGSIZE;
	for (i = 0; i < chain->nr; i++)
		if (vxt_put_frame(skb, VEXFS_TRACE_A_CHAIN_FRAME, chain->frame[i].ip,
				  chain->frame[i].bytes, i == 0))
			return -EMSGSIZE;
	return 0;
}

int vxt_chain_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return vxt_class_dump(skb, cb, VEXFS_TRACE_CMD_CHAIN_GET, vxt_put_chain);
}
