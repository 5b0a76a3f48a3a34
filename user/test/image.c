// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verifies an image by the words of vexfs_format.h alone: nothing of the core but its checksum
 * and name hash is used. First the tree is walked into a sorted list of items, then each kind of
 * item is held against the others, then the bitmaps against all blocks that are referred to.
 */
#include "image.h"

/* ---- superblocks ---------------------------------------------------------------- */

static const struct vexfs_super *super_at(const struct vex_io_mem *m, u32 slot)
{
	const struct vexfs_super *sb = (const void *)vex_io_mem_peek(m, VEXFS_SUPER_BLOCK(slot));

	if (!sb || le64_to_cpu(sb->magic) != VEXFS_SUPER_MAGIC ||
	    le32_to_cpu(sb->csum) != vex_crc32c((const u8 *)sb + 4, VEXFS_BLOCK_SIZE - 4) ||
	    (le64_to_cpu(sb->generation) & 1) != slot)
		return NULL;
	return sb;
}

/* Only the features of this version, and the right names for those that are set. */
static bool features_sound(const struct vexfs_super *sb)
{
	static const char names[64][24] = {
		"xattr", "symlink-special", "unwritten", "row-metadata", "hnsw", "lsh", "codes",
		[7] = "elems",
	};
	static const char none[24];
	u64 features = le64_to_cpu(sb->features);

	for (u32 bit = 0; bit < 64; bit++)
		if (memcmp(sb->feature_names[bit], features >> bit & 1 ? names[bit] : none, 24))
			return false;
	return !(features & ~0xffULL);
}

static bool super_check(struct check *c)
{
	const struct vexfs_super *a = super_at(c->m, 0), *b = super_at(c->m, 1);

	c->sb = a;
	if (b && (!a || le64_to_cpu(b->generation) > le64_to_cpu(a->generation)))
		c->sb = b;
	if (!c->sb)
		return WRONG(c, "no valid superblock");
	c->blocks = le64_to_cpu(c->sb->block_count);
	if (le32_to_cpu(c->sb->version) != VEXFS_FORMAT_VERSION || !features_sound(c->sb) ||
	    le32_to_cpu(c->sb->block_size) != VEXFS_BLOCK_SIZE ||
	    memchr_inv(c->sb->reserved, 0, sizeof(c->sb->reserved)))
		return WRONG(c, "superblock: a field has a wrong value");
	return true;
}

/* ---- tree ------------------------------------------------------------------------- */

/* Note a block as used, once. */
bool image_use(struct check *c, u64 block, const char *what, u64 whose)
{
	if (block >= c->blocks || c->used[block])
		return WRONG(c, "block %llu of %s %llu is %s", block, what, whose,
			     block >= c->blocks ? "outside" : "used twice");
	c->used[block] = 1;
	return true;
}

int image_key_cmp(const struct item *a, const struct item *b)
{
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static bool leaf_check(struct check *c, u64 block, const struct vexfs_node *hdr)
{
	const struct vexfs_item *it = (const void *)(hdr + 1);
	u32 count = le16_to_cpu(hdr->count), end = VEXFS_BLOCK_SIZE;

	for (u32 i = 0; i < count; i++) {
		struct item item = { le64_to_cpu(it[i].ino), le64_to_cpu(it[i].offset),
				     it[i].type, le16_to_cpu(it[i].len),
				     (const u8 *)hdr + le16_to_cpu(it[i].data) };

		if (le16_to_cpu(it[i].data) + round_up(item.len, 8u) != end ||
		    (u8 *)&it[i + 1] > item.data || memchr_inv(it[i].reserved, 0, 3) ||
		    memchr_inv(item.data + item.len, 0, -item.len & 7))
			return WRONG(c, "leaf %llu: item %u is misplaced or unclean", block, i);
		end -= round_up(item.len, 8u);
		if (c->count && image_key_cmp(&c->items[c->count - 1], &item) >= 0)
			return WRONG(c, "leaf %llu: item %u is out of order", block, i);
		if (c->count == c->room) {
			c->room = c->room ? 2 * c->room : 256;
			c->items = realloc(c->items, c->room * sizeof(item));
		}
		c->items[c->count++] = item;
	}
	if (memchr_inv(&it[count], 0, (const u8 *)hdr + end - (const u8 *)&it[count]))
		return WRONG(c, "leaf %llu: unused bytes are not zero", block);
	return true;
}

static bool node_check(struct check *c, u64 block, u64 generation, u32 level)
{
	const struct vexfs_node *hdr = (const void *)vex_io_mem_peek(c->m, block);
	const struct vexfs_child *ch = (const void *)(hdr + 1);

	if (!image_use(c, block, "the tree, level", level))
		return false;
	c->nodes++;
	if (le32_to_cpu(hdr->magic) != VEXFS_NODE_MAGIC ||
	    le32_to_cpu(hdr->csum) != vex_crc32c((const u8 *)hdr + 4, VEXFS_BLOCK_SIZE - 4) ||
	    memcmp(&hdr->fsid, c->sb->uuid, 8) || le64_to_cpu(hdr->block) != block ||
	    le64_to_cpu(hdr->generation) != generation || le16_to_cpu(hdr->level) != level ||
	    generation > le64_to_cpu(c->sb->generation) || hdr->reserved)
		return WRONG(c, "node %llu: wrong header or checksum", block);
	if (!level)
		return leaf_check(c, block, hdr);
	if (!le16_to_cpu(hdr->count) ||
	    le16_to_cpu(hdr->count) > (VEXFS_BLOCK_SIZE - sizeof(*hdr)) / sizeof(*ch))
		return WRONG(c, "node %llu: %u children", block, le16_to_cpu(hdr->count));
	for (u32 i = 0; i < le16_to_cpu(hdr->count); i++) {
		struct item key = { .ino = le64_to_cpu(ch[i].ino), .type = ch[i].type,
				    .offset = le64_to_cpu(ch[i].offset) };
		size_t first = c->count;

		if (!node_check(c, le64_to_cpu(ch[i].block), le64_to_cpu(ch[i].generation),
				level - 1))
			return false;
		if (first && image_key_cmp(&c->items[first - 1], &key) >= 0)
			return WRONG(c, "node %llu: key %u is not above its left", block, i);
		if (first < c->count && image_key_cmp(&key, &c->items[first]) > 0)
			return WRONG(c, "node %llu: key %u is above its child", block, i);
	}
	return true;
}

/* ---- space ------------------------------------------------------------------------- */

static bool space_check(struct check *c)
{
	u64 groups = DIV_ROUND_UP(c->blocks, (u64)VEXFS_GROUP_BLOCKS), free = 0;

	for (u64 g = 0; g < groups; g++) {
		const struct item *it = image_find(c, VEXFS_SYSTEM_INO, VEXFS_ITEM_BITMAP, g);
		const struct vexfs_bitmap_item *map = it ? (const void *)it->data : NULL;
		u32 clear = 0;

		for (u32 i = 0; i < VEXFS_GROUP_BLOCKS; i++) {
			u64 block = g * VEXFS_GROUP_BLOCKS + i;
			bool used = block >= c->blocks || c->used[block];

			clear += !used;
			if (map && used != !!(map->bits[i / 8] & 1 << (i & 7)))
				return WRONG(c, "block %llu is %s, and not marked so", block,
					     used ? "in use" : "free");
			if (!map && used && block < c->blocks && block && block != 1 && block != 9)
				return WRONG(c, "block %llu is in use in a group without a bitmap",
					     block);
		}
		if (map && le32_to_cpu(map->free) != clear)
			return WRONG(c, "group %llu: %u free said, %u found", g,
				     le32_to_cpu(map->free), clear);
		free += clear;
	}
	if (free != le64_to_cpu(c->sb->free_blocks))
		return WRONG(c, "superblock says %llu free blocks, %llu found",
			     le64_to_cpu(c->sb->free_blocks), free);
	if (c->unwritten != le64_to_cpu(c->sb->unwritten_blocks))
		return WRONG(c, "superblock says %llu unwritten blocks, %llu found",
			     le64_to_cpu(c->sb->unwritten_blocks), c->unwritten);
	if (c->nodes != le64_to_cpu(c->sb->tree_blocks))
		return WRONG(c, "superblock says %llu tree nodes, %llu found",
			     le64_to_cpu(c->sb->tree_blocks), c->nodes);
	return true;
}

static bool check_all(struct check *c)
{
	u64 reserved[] = { 0, VEXFS_SUPER_BLOCK(0), VEXFS_SUPER_BLOCK(1) };

	if (!super_check(c))
		return false;
	c->used = calloc(c->blocks, 1);
	for (u32 i = 0; i < ARRAY_SIZE(reserved); i++)
		image_use(c, reserved[i], "the format", 0);
	return node_check(c, le64_to_cpu(c->sb->root_block), le64_to_cpu(c->sb->root_generation),
			  le32_to_cpu(c->sb->root_level)) &&
	       image_items_check(c) && space_check(c);
}

const char *image_check(const struct vex_io_mem *m, struct image_facts *facts)
{
	static struct check c;
	bool ok;

	memset(&c, 0, sizeof(c));
	c.m = m;
	ok = check_all(&c);
	if (ok && facts)
		*facts = (struct image_facts){
			.generation = le64_to_cpu(c.sb->generation),
			.inodes = le64_to_cpu(c.sb->inode_count),
			.orphans = c.orphans,
			.free = le64_to_cpu(c.sb->free_blocks),
			.data = c.data,
		};
	free(c.used);
	free(c.items);
	free(c.tallies);
	return ok ? NULL : c.wrong;
}
