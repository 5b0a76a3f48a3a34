/* SPDX-License-Identifier: GPL-2.0-only */
/* What netlink.c, which has the family, and the other parts of it share. */
#ifndef VXT_NETLINK_H
#define VXT_NETLINK_H

#include <linux/build_bug.h>
#include <linux/string.h>
#include <linux/vexfs_trace.h>
#include <net/genetlink.h>
#include "memory.h"
#include "waits.h"

#define VXT_ALL		U64_MAX
#define VXT_ROW_ATTR	1	/* which class or site is wanted, in all requests for them */

/* State of a dump, in netlink_callback's ctx. */
struct vxt_dump {
	u32 next;	/* row that comes next */
	u64 only;	/* the one row wanted, or VXT_ALL */
	struct vxt_object *objects;	/* of held-get: what was held when it began */
	u32 nr;
};

extern struct genl_family vxt_family;

static inline struct vxt_dump *vxt_dump(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct vxt_dump) > sizeof(cb->ctx));
	return (struct vxt_dump *)cb->ctx;
}

/* netlink.c */
int vxt_dump_start(struct netlink_callback *cb);
int vxt_long_dump_start(struct netlink_callback *cb);
void *vxt_dump_message(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);
int vxt_dump_rows(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, u32 nr,
		  int (*put)(struct sk_buff *skb, u32 row));
int vxt_class_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		   int (*put)(struct sk_buff *skb, u32 row));

/*
 * Attributes of a message that is told of thousands of times: written where there is room for all
 * of them, at a tenth of the instructions of nla_put() for each. No attribute needs padding where
 * unaligned words can be read. Each returns where the next one goes.
 */
static __always_inline void *vxt_write(void *at, u16 type, const void *data, u16 size)
{
	struct nlattr *attr = at;

	attr->nla_type = type;
	attr->nla_len = nla_attr_size(size);
	/* What pads it is not to be anything. */
	*(u32 *)(at + nla_total_size(size) - sizeof(u32)) = 0;
	memcpy(nla_data(attr), data, size);
	return at + nla_total_size(size);
}

static __always_inline void *vxt_write_u32(void *at, u16 type, u32 value)
{
	return vxt_write(at, type, &value, sizeof(value));
}

static __always_inline void *vxt_write_u64(void *at, u16 type, u64 value)
{
	BUILD_BUG_ON(!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS));
	return vxt_write(at, type, &value, sizeof(value));
}

/* One of several 64-bit attributes that are put at once. */
struct vxt_u64 {
	u16 type;
	u64 value;
};

int vxt_put_u64s(struct sk_buff *skb, const struct vxt_u64 *values, unsigned int nr);

bool vxt_class_is_there(struct netlink_callback *cb);
const char *vxt_address_name(unsigned long ip, bool exact);
int vxt_put_frame(struct sk_buff *skb, int type, unsigned long ip, u32 bytes, bool exact);

/* netlink_stack.c */
int vxt_stack_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_latency_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_chain_dump(struct sk_buff *skb, struct netlink_callback *cb);

/* netlink_target.c */
extern const struct nla_policy vxt_target_policy[VEXFS_TRACE_A_TARGET_FUNCTION + 1];

int vxt_target_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_target_add_do(struct sk_buff *skb, struct genl_info *info);
int vxt_target_del_do(struct sk_buff *skb, struct genl_info *info);

/* netlink_mem.c */
int vxt_alloc_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_leak_dump_start(struct netlink_callback *cb);
int vxt_leak_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_held_dump_start(struct netlink_callback *cb);
int vxt_held_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_held_dump_done(struct netlink_callback *cb);
int vxt_bad_free_dump(struct sk_buff *skb, struct netlink_callback *cb);

/* netlink_ops.c */
int vxt_ops_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_lock_dump(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* VXT_NETLINK_H */
