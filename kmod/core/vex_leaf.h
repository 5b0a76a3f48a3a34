/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Items inside one leaf. Headers grow upwards in key order, data downwards from
 * the end of the block, packed: item n's data end where item n - 1's begin. Each
 * item's data start at a multiple of 8 bytes and are padded with zeros to one.
 */
#ifndef VEX_LEAF_H
#define VEX_LEAF_H

#include "vex_fs.h"

static inline void vex_leaf_key(const struct vex_node *leaf, u32 slot, struct vex_key *key)
{
	const struct vexfs_item *it = &vex_node_items(leaf)[slot];

	key->ino = le64_to_cpu(it->ino);
	key->offset = le64_to_cpu(it->offset);
	key->type = it->type;
}

static inline u32 vex_leaf_len(const struct vex_node *leaf, u32 slot)
{
	return le16_to_cpu(vex_node_items(leaf)[slot].len);
}

/* Bytes that @len bytes of data take. */
static inline u32 vex_leaf_room(u32 len)
{
	return (len + 7) & ~7u;
}

static inline void *vex_leaf_data(const struct vex_node *leaf, u32 slot)
{
	return (u8 *)leaf->hdr + le16_to_cpu(vex_node_items(leaf)[slot].data);
}

/* Where the data of the items before @slot begin. */
static inline u32 vex_leaf_end(const struct vex_node *leaf, u32 slot)
{
	return slot ? le16_to_cpu(vex_node_items(leaf)[slot - 1].data) : VEXFS_BLOCK_SIZE;
}

/* Bytes between headers and data. */
static inline u32 vex_leaf_free(const struct vex_node *leaf)
{
	u32 count = vex_node_count(leaf);

	return vex_leaf_end(leaf, count) - (u32)sizeof(struct vexfs_node) -
	       count * (u32)sizeof(struct vexfs_item);
}

/* Open a zeroed item; the leaf has room. */
void vex_leaf_insert(struct vex_node *leaf, u32 slot, const struct vex_key *key, u32 len);
void vex_leaf_remove(struct vex_node *leaf, u32 slot);
void vex_leaf_shrink(struct vex_node *leaf, u32 slot, u32 len);
/* Append all items of @from; @to has room. */
void vex_leaf_append(struct vex_node *to, const struct vex_node *from);
/* Move the items from @at on to the empty leaf @right. */
void vex_leaf_split(struct vex_node *left, struct vex_node *right, u32 at);
/*
 * Where to split so that an item of @len bytes at @pos has room: the first item
 * that moves right. *@right tells on which side the new item belongs.
 */
u32 vex_leaf_split_point(const struct vex_node *leaf, u32 pos, u32 len, bool *right);

#endif /* VEX_LEAF_H */
