// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Items inside one leaf: insert, remove, cut, split, append. */
#include "vex_leaf.h"

/* Move the data of the items from @slot on by @delta bytes. */
static void shift_offsets(struct vex_node *leaf, u32 slot, int delta)
{
	struct vexfs_item *it = vex_node_items(leaf);
	u32 count = vex_node_count(leaf);

	for (; slot < count; slot++)
		it[slot].data = cpu_to_le16(le16_to_cpu(it[slot].data) + delta);
}

void vex_leaf_insert(struct vex_node *leaf, u32 slot, const struct vex_key *key, u32 len)
{
	struct vexfs_item *it = vex_node_items(leaf);
	u8 *block = (u8 *)leaf->hdr;
	u32 count = vex_node_count(leaf);
	u32 low = vex_leaf_end(leaf, count);
	u32 end = vex_leaf_end(leaf, slot);
	u32 room = vex_leaf_room(len);

	memmove(block + low - room, block + low, end - low);
	memset(block + end - room, 0, room);
	shift_offsets(leaf, slot, -(int)room);
	memmove(&it[slot + 1], &it[slot], (count - slot) * sizeof(*it));
	memset(&it[slot], 0, sizeof(*it));
	it[slot].ino = cpu_to_le64(key->ino);
	it[slot].offset = cpu_to_le64(key->offset);
	it[slot].type = key->type;
	it[slot].data = cpu_to_le16(end - room);
	it[slot].len = cpu_to_le16(len);
	leaf->hdr->count = cpu_to_le16(count + 1);
}

void vex_leaf_remove(struct vex_node *leaf, u32 slot)
{
	struct vexfs_item *it = vex_node_items(leaf);
	u32 count = vex_node_count(leaf);

	vex_leaf_shrink(leaf, slot, 0);
	memmove(&it[slot], &it[slot + 1], (count - slot - 1) * sizeof(*it));
	memset(&it[count - 1], 0, sizeof(*it));
	leaf->hdr->count = cpu_to_le16(count - 1);
}

void vex_leaf_shrink(struct vex_node *leaf, u32 slot, u32 len)
{
	struct vexfs_item *it = vex_node_items(leaf);
	u8 *block = (u8 *)leaf->hdr;
	u32 low = vex_leaf_end(leaf, vex_node_count(leaf));
	u32 data = le16_to_cpu(it[slot].data);
	u32 keep = vex_leaf_room(len);
	u32 delta = vex_leaf_room(le16_to_cpu(it[slot].len)) - keep;

	memset(block + data + len, 0, keep - len);
	memmove(block + low + delta, block + low, data + keep - low);
	memset(block + low, 0, delta);
	shift_offsets(leaf, slot, delta);
	it[slot].len = cpu_to_le16(len);
}

void vex_leaf_append(struct vex_node *to, const struct vex_node *from)
{
	u32 more = vex_node_count(from);
	u32 have = vex_node_count(to);
	u32 to_low = vex_leaf_end(to, have);
	u32 from_low = vex_leaf_end(from, more);
	u32 bytes = VEXFS_BLOCK_SIZE - from_low;

	memcpy((u8 *)to->hdr + to_low - bytes, (const u8 *)from->hdr + from_low, bytes);
	memcpy(&vex_node_items(to)[have], vex_node_items(from), more * sizeof(struct vexfs_item));
	to->hdr->count = cpu_to_le16(have + more);
	shift_offsets(to, have, (int)to_low - (int)VEXFS_BLOCK_SIZE);
}

void vex_leaf_split(struct vex_node *left, struct vex_node *right, u32 at)
{
	struct vexfs_item *it = vex_node_items(left);
	u32 count = vex_node_count(left);
	u32 low = vex_leaf_end(left, count);
	u32 end = vex_leaf_end(left, at);

	memcpy((u8 *)right->hdr + VEXFS_BLOCK_SIZE - (end - low), (u8 *)left->hdr + low, end - low);
	memcpy(vex_node_items(right), &it[at], (count - at) * sizeof(*it));
	right->hdr->count = cpu_to_le16(count - at);
	shift_offsets(right, 0, (int)VEXFS_BLOCK_SIZE - (int)end);

	memset((u8 *)left->hdr + low, 0, end - low);
	memset(&it[at], 0, (count - at) * sizeof(*it));
	left->hdr->count = cpu_to_le16(at);
}

u32 vex_leaf_split_point(const struct vex_node *leaf, u32 pos, u32 len, bool *right)
{
	u32 count = vex_node_count(leaf);
	u32 total = VEX_NODE_SPACE - vex_leaf_free(leaf) + vex_leaf_room(len) +
		    sizeof(struct vexfs_item);
	u32 used = 0;
	u32 i;

	*right = true;
	/* Keys that arrive in order fill their leaves. */
	if (pos == count)
		return count;
	/*
	 * Walk the items as they will stand with the new one among them, until the
	 * left side has half. An item is at most a third of a leaf, so both
	 * sides fit.
	 */
	for (i = 0; i < count; i++) {
		if (i == pos) {
			used += vex_leaf_room(len) + sizeof(struct vexfs_item);
			if (used >= total / 2) {
				*right = false;
				return i;
			}
		}
		used += vex_leaf_room(vex_leaf_len(leaf, i)) + sizeof(struct vexfs_item);
		if (used >= total / 2)
			break;
	}
	*right = pos > i;
	return i + 1;
}
