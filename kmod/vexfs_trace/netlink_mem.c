// SPDX-License-Identifier: GPL-2.0-only
/* The part of the netlink family that is about memory. */
#include <linux/slab.h>
#include <linux/vexfs_trace.h>
#include <net/genetlink.h>
#include "netlink.h"
#include "vxt.h"

/* Of a class of sizes: a nest of two numbers. */
#define VXT_SIZE_BYTES	(NLA_HDRLEN + 2 * (NLA_HDRLEN + sizeof(u64)))

static void *vxt_write_sizes(void *at, const struct vxt_alloc_row *row)
{
	unsigned int i;

	for (i = 0; i < row->sizes_used; i++) {
		u64 most = i == VEXFS_MEM_SIZES - 1 ? 0 : (u64)VEXFS_MEM_SIZE_LEAST << i;
		struct nlattr *nest = at;

		if (!row->sizes[i])
			continue;
		nest->nla_type = VEXFS_TRACE_A_ALLOC_SIZE | NLA_F_NESTED;
		nest->nla_len = VXT_SIZE_BYTES;
		at = vxt_write_u64(nla_data(nest), VEXFS_TRACE_A_SIZE_MOST, most);
		at = vxt_write_u64(at, VEXFS_TRACE_A_SIZE_COUNT, row->sizes[i]);
	}
	return at;
}

static void *vxt_write_counts(void *at, const struct vxt_alloc_row *row)
{
	at = vxt_write_u64(at, VEXFS_TRACE_A_ALLOC_ALLOCS, row->allocs);
	at = vxt_write_u64(at, VEXFS_TRACE_A_ALLOC_FREES, row->frees);
	at = vxt_write_u64(at, VEXFS_TRACE_A_ALLOC_BYTES, row->bytes);
	at = vxt_write_u64(at, VEXFS_TRACE_A_ALLOC_FAILURES, row->failures);
	at = vxt_write_u64(at, VEXFS_TRACE_A_ALLOC_LIVE, row->live);
	at = vxt_write_u64(at, VEXFS_TRACE_A_ALLOC_LIVE_OBJECTS, row->live_objects);
	return vxt_write_u64(at, VEXFS_TRACE_A_ALLOC_PEAK, row->peak);
}

/* Sites are numbered from 1; one that has not allocated yet makes no message. */
static int vxt_put_alloc(struct sk_buff *skb, u32 site)
{
	struct vxt_alloc_row row;
	void *begin, *at;
	int most;

	if (!vxt_alloc_read(site, &row))
		return -ENOENT;
	most = 2 * nla_total_size(sizeof(u32)) + nla_total_size(sizeof(u8)) +
	       nla_total_size(row.func_size) + nla_total_size(row.file_size) +
	       7 * nla_total_size(sizeof(u64)) + row.sizes_used * VXT_SIZE_BYTES;
	if (skb_tailroom(skb) < most)
		return -EMSGSIZE;
	begin = skb_tail_pointer(skb);
	at = vxt_write_u32(begin, VEXFS_TRACE_A_ALLOC_SITE, row.site);
	at = vxt_write(at, VEXFS_TRACE_A_ALLOC_FUNC, row.func, row.func_size);
	at = vxt_write(at, VEXFS_TRACE_A_ALLOC_FILE, row.file, row.file_size);
	at = vxt_write_u32(at, VEXFS_TRACE_A_ALLOC_LINE, row.line);
	at = vxt_write_counts(at, &row);
	at = vxt_write(at, VEXFS_TRACE_A_ALLOC_CACHE, &row.cache, sizeof(u8));
	at = vxt_write_sizes(at, &row);
	skb_put(skb, at - begin);
	return 0;
}

/* A dump of sites by number, of which the request may want one. The caller holds vxt_lock. */
static int vxt_site_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
			 int (*put)(struct sk_buff *skb, u32 site))
{
	u32 last = vxt_alloc_refresh(NULL);
	u64 only = vxt_dump(cb)->only;
	struct vxt_alloc_row row;

	if (only != VXT_ALL && !vxt_alloc_read(only, &row)) {
		NL_SET_ERR_MSG(cb->extack, "no such call site, or it never allocated");
		return -ENOENT;
	}
	cb->seq = vxt_epoch;
	return vxt_dump_rows(skb, cb, cmd, last + 1, put);
}

int vxt_alloc_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	int err;

	mutex_lock(&vxt_lock);
	err = vxt_site_dump(skb, cb, VEXFS_TRACE_CMD_ALLOC_GET, vxt_put_alloc);
	mutex_unlock(&vxt_lock);
	return err;
}

static int vxt_put_lives(struct sk_buff *skb, const struct vxt_leak_row *row)
{
	const int pad = VEXFS_TRACE_A_LEAK_PAD;

	if (row->tracked &&
	    nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_OLDEST_NS, row->oldest, pad))
		return -EMSGSIZE;
	if (!row->life.ended)
		return 0;
	return nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_MEAN_NS, row->life.mean, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_P50_NS, row->life.p50, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_P99_NS, row->life.p99, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_MAX_NS, row->life.max, pad);
}

static int vxt_put_leak(struct sk_buff *skb, u32 site)
{
	const int pad = VEXFS_TRACE_A_LEAK_PAD;
	struct vxt_leak_row row;

	if (!vxt_leak_read(site, &row))
		return -ENOENT;
	return nla_put_u32(skb, VEXFS_TRACE_A_LEAK_SITE, site) ||
	       nla_put_string(skb, VEXFS_TRACE_A_LEAK_FUNC, row.alloc.func) ||
	       nla_put_string(skb, VEXFS_TRACE_A_LEAK_FILE, row.alloc.file) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_LEAK_LINE, row.alloc.line) ||
	       nla_put_string(skb, VEXFS_TRACE_A_LEAK_VERDICT, vxt_verdict_names[row.verdict]) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_LIVE, row.alloc.live, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_LIVE_OBJECTS, row.alloc.live_objects,
				 pad) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_LEAK_RISES, row.rises) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_LEAK_TRACKED, row.tracked) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_LEAK_OLD, row.old) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_UNTRACKED, row.life.untracked, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_LEAK_ENDED, row.life.ended, pad) ||
	       vxt_put_lives(skb, &row);
}

/* Looks at what is held once, and not for each buffer. */
int vxt_leak_dump_start(struct netlink_callback *cb)
{
	mutex_lock(&vxt_lock);
	vxt_leak_refresh();
	mutex_unlock(&vxt_lock);
	return vxt_dump_start(cb);
}

int vxt_leak_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	int err;

	mutex_lock(&vxt_lock);
	err = vxt_site_dump(skb, cb, VEXFS_TRACE_CMD_LEAK_GET, vxt_put_leak);
	mutex_unlock(&vxt_lock);
	return err;
}

/* The calls of a trail, as nests of the type; none when the trail is lost. Under vxt_lock. */
static int vxt_put_trail(struct sk_buff *skb, int type, u32 id)
{
	const struct vxt_trail *trail = vxt_trail_get(id);
	u32 i;

	for (i = trail ? vxt_trail_first(trail) : 0; trail && i < trail->nr; i++)
		if (vxt_put_frame(skb, type, trail->ip[i], 0, false))
			return -EMSGSIZE;
	return 0;
}

/* A dump takes a while: it tells what was held when it began. */
int vxt_held_dump_start(struct netlink_callback *cb)
{
	struct vxt_dump *dump = vxt_dump(cb);

	vxt_long_dump_start(cb);
	dump->objects = vxt_track_copy(&dump->nr);
	return dump->objects ? 0 : -ENOMEM;
}

int vxt_held_dump_done(struct netlink_callback *cb)
{
	kvfree(vxt_dump(cb)->objects);
	return 0;
}

static int vxt_put_held(struct sk_buff *skb, const struct vxt_group *group)
{
	const int pad = VEXFS_TRACE_A_HELD_PAD;

	return nla_put_u32(skb, VEXFS_TRACE_A_HELD_SITE, group->site) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_HELD_OBJECTS, group->objects) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_HELD_BYTES, group->bytes, pad) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_HELD_OLDEST_NS, group->oldest, pad) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_HELD_PID, group->pid) ||
	       vxt_put_trail(skb, VEXFS_TRACE_A_HELD_FRAME, group->trail);
}

int vxt_held_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vxt_dump *dump = vxt_dump(cb);
	struct vxt_group group;
	u32 next;

	mutex_lock(&vxt_lock);
	cb->seq = vxt_epoch;
	for (; dump->next < dump->nr; dump->next = next) {
		void *hdr;

		next = vxt_track_group(dump->objects, dump->nr, dump->next, &group);
		if (dump->only != VXT_ALL && dump->only != group.site)
			continue;
		hdr = vxt_dump_message(skb, cb, VEXFS_TRACE_CMD_HELD_GET);
		if (!hdr)
			break;
		if (vxt_put_held(skb, &group)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	mutex_unlock(&vxt_lock);
	return skb->len ?: dump->next < dump->nr ? -EMSGSIZE : 0;
}

static int vxt_put_bad_free_site(struct sk_buff *skb, u32 site)
{
	struct vxt_alloc_row row;

	if (nla_put_u32(skb, VEXFS_TRACE_A_BAD_FREE_SITE, site))
		return -EMSGSIZE;
	if (!vxt_alloc_read(site, &row))
		return 0;
	return nla_put_string(skb, VEXFS_TRACE_A_BAD_FREE_FUNC, row.func) ||
	       nla_put_string(skb, VEXFS_TRACE_A_BAD_FREE_FILE, row.file) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_BAD_FREE_LINE, row.line);
}

/* Who called the function that returned to @ip. */
static int vxt_put_caller(struct sk_buff *skb, int type, unsigned long ip)
{
	return ip ? nla_put_string(skb, type, vxt_address_name(ip, false)) : 0;
}

static int vxt_put_bad_free(struct sk_buff *skb, u32 i)
{
	struct vxt_bad_free bad;

	if (!vxt_bad_free_read(i, &bad))
		return -ENOENT;
	return nla_put_string(skb, VEXFS_TRACE_A_BAD_FREE_KIND, vxt_alert_names[bad.kind]) ||
	       nla_put_u64_64bit(skb, VEXFS_TRACE_A_BAD_FREE_COUNT, bad.count,
				 VEXFS_TRACE_A_BAD_FREE_PAD) ||
	       vxt_put_bad_free_site(skb, bad.site) ||
	       vxt_put_caller(skb, VEXFS_TRACE_A_BAD_FREE_FIRST, bad.first) ||
	       vxt_put_caller(skb, VEXFS_TRACE_A_BAD_FREE_BY, bad.by) ||
	       nla_put_u32(skb, VEXFS_TRACE_A_BAD_FREE_PID, bad.pid) ||
	       nla_put_string(skb, VEXFS_TRACE_A_BAD_FREE_COMM, bad.comm) ||
	       vxt_put_trail(skb, VEXFS_TRACE_A_BAD_FREE_ALLOCATED, bad.allocated) ||
	       vxt_put_trail(skb, VEXFS_TRACE_A_BAD_FREE_FREED, bad.freed) ||
	       vxt_put_trail(skb, VEXFS_TRACE_A_BAD_FREE_AGAIN, bad.again);
}

int vxt_bad_free_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	int err;

	mutex_lock(&vxt_lock);
	vxt_alloc_refresh(NULL);
	cb->seq = vxt_epoch;
	err = vxt_dump_rows(skb, cb, VEXFS_TRACE_CMD_BAD_FREE_GET, VXT_BAD_FREES,
			    vxt_put_bad_free);
	mutex_unlock(&vxt_lock);
	return err;
}
