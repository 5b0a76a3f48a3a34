/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the netlink family: what its parts share. */
#ifndef VXT_NETLINK_H
#define VXT_NETLINK_H

#include <linux/build_bug.h>
#include <linux/netlink.h>
#include <net/netlink.h>
#include "vxt.h"

/* State of a dump, in netlink_callback's ctx. */
struct vxt_dump {
	u32 next;	/* row that comes next */
	u64 only;	/* the one row wanted, or VXT_ALL */
	struct vxt_object *objects;	/* of held-get: what was held when it began */
	u32 nr;
};

#define VXT_ALL		U64_MAX
#define VXT_SITE_ATTR	1	/* which site is wanted, in all requests for sites */

static inline struct vxt_dump *vxt_dump(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct vxt_dump) > sizeof(cb->ctx));
	return (struct vxt_dump *)cb->ctx;
}

/* netlink.c */
int vxt_dump_start(struct netlink_callback *cb);
void *vxt_dump_message(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);
int vxt_dump_rows(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, u32 nr,
		  int (*put)(struct sk_buff *skb, u32 row));

/* netlink_mem.c */
extern const struct nla_policy vxt_site_policy[VXT_SITE_ATTR + 1];

int vxt_alloc_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_leak_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_held_dump_start(struct netlink_callback *cb);
int vxt_held_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vxt_held_dump_done(struct netlink_callback *cb);
int vxt_bad_free_dump_start(struct netlink_callback *cb);
int vxt_bad_free_dump(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* VXT_NETLINK_H */
