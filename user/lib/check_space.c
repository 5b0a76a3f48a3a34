// SPDX-License-Identifier: GPL-2.0-only
/* Space: bitmaps and counters against the blocks that were met; data against checksums. */
#include "check.h"

static u64 group_blocks(const struct check *c, u64 g)
{
	return min_t(u64, c->blocks - g * VEXFS_GROUP_BLOCKS, VEXFS_GROUP_BLOCKS);
}

/* Bits of byte @i of a group that lie past the end of the filesystem. */
static u8 past_end(u64 blocks, u32 i)
{
	if (blocks >= (i + 1) * 8)
		return 0;
	return blocks <= i * 8 ? 0xff : (u8)(0xff << (blocks - i * 8));
}

struct bitmap_tally {
	u64 first[2];
	u64 count[2];
};

static int judge_bitmap(struct check *c, const struct check_item *it, void *arg)
{
	const struct vexfs_bitmap_item *item = (const void *)it->data;
	static const u8 none[VEXFS_GROUP_BYTES];
	enum vex_problem_code code;
	u64 g = it->key.offset, blocks;
	struct bitmap_tally t = { 0 };
	const u8 *used;
	u32 clear = 0;

	if (it->key.ino != VEXFS_SYSTEM_INO || it->key.type != VEXFS_ITEM_BITMAP)
		return 0;
	if (item_wrong(c, it, &code))
		return 0;
	blocks = group_blocks(c, g);
	used = c->used.groups[g] ? c->used.groups[g] : none;
	for (u32 i = 0; i < VEXFS_GROUP_BYTES; i++) {
		u8 want = used[i] | past_end(blocks, i);
		u8 wrong[2] = { want & ~item->bits[i], item->bits[i] & ~want };

		clear += 8 - hweight8(item->bits[i]);
		for (u32 k = 0; k < 2 && (want ^ item->bits[i]); k++) {
			if (wrong[k] && !t.count[k])
				t.first[k] = g * VEXFS_GROUP_BLOCKS + i * 8 +
					     __builtin_ctz(wrong[k]);
			t.count[k] += hweight8(wrong[k]);
		}
	}
	if (t.count[0])
		check_problem(c, VEX_P_BITMAP_FREE, t.first[0], 0,
			      "%llu blocks of group %llu are in use and marked free", t.count[0], g);
	if (t.count[1])
		check_problem(c, VEX_P_BITMAP_USED, t.first[1], 0,
			      "%llu blocks of group %llu are free and marked as in use", t.count[1],
			      g);
	if (clear != le32_to_cpu(item->free))
		check_problem(c, VEX_P_BITMAP_COUNT, it->block, 0,
			      "group %llu: %u free blocks said, %u marked", g,
			      le32_to_cpu(item->free), clear);
	if (t.count[0] || t.count[1] || clear != le32_to_cpu(item->free))
		vex_bit_set(c->bitmap_wrong, g);
	return 0;
}

/* Groups with blocks in use and no bitmap; group 0 may have its reserved ones. */
static void judge_missing(struct check *c)
{
	for (u64 g = 0; g < c->used.nr_groups; g++) {
		if (!c->used.groups[g] || vex_bit_test(c->bitmap_seen, g))
			continue;
		if (g || vex_bits_count(c->used.groups[g], VEXFS_GROUP_BLOCKS) > 3)
			check_problem(c, VEX_P_BITMAP_FREE, g * VEXFS_GROUP_BLOCKS, 0,
				      "group %llu has blocks in use and no bitmap", g);
	}
}

static void judge_counter(struct check *c, enum vex_problem_code code, const char *of, u64 said,
			  u64 found)
{
	if (said != found)
		check_problem(c, code, VEXFS_SUPER_BLOCK(c->slot), 0, "%llu %s said, %llu found",
			      said, of, found);
}

int check_space(struct check *c)
{
	const struct vexfs_super *sb = &c->sb;

	/* Bitmaps stand first in the tree. */
	for (size_t i = 0; i < c->leaf_count && !c->err; i++) {
		if (c->leaves[i].lo.ino != VEXFS_SYSTEM_INO)
			break;
		c->err = leaf_read(c, i);
		if (!c->err)
			c->err = leaf_each(c, i, judge_bitmap, NULL);
	}
	judge_missing(c);
	judge_counter(c, VEX_P_SUPER_FREE, "free blocks", le64_to_cpu(sb->free_blocks),
		      c->blocks - c->used.count);
	judge_counter(c, VEX_P_SUPER_TREE, "tree nodes", le64_to_cpu(sb->tree_blocks),
		      c->result.tree_blocks);
	judge_counter(c, VEX_P_SUPER_UNWRITTEN, "unwritten blocks",
		      le64_to_cpu(sb->unwritten_blocks), c->result.unwritten);
	judge_counter(c, VEX_P_SUPER_INODES, "inodes", le64_to_cpu(sb->inode_count),
		      c->real_inodes);
	if (c->max_ino >= le64_to_cpu(sb->next_ino))
		check_problem(c, VEX_P_SUPER_NEXT, VEXFS_SUPER_BLOCK(c->slot), c->max_ino,
			      "next inode number %llu is not above inode %llu",
			      le64_to_cpu(sb->next_ino), c->max_ino);
	if (c->missing_features)
		check_problem(c, VEX_P_SUPER_FEATURE, VEXFS_SUPER_BLOCK(c->slot), 0,
			      "holds what its features say it does not (0x%llx)",
			      c->missing_features);
	return c->err;
}

/* ---- file data --------------------------------------------------------------------------- */

static int verify_extent(struct check *c, const struct check_item *it, void *arg)
{
	const struct vexfs_extent_item *item = (const void *)it->data;
	const __le32 *csums = (const void *)(item + 1);
	struct check_inode *n = inode_find(c, it->key.ino);
	u64 block, bad = 0, first = 0;
	u8 *data = arg;
	bool whole;
	u32 count;

	/* Extents that a repair drops are not looked at, nor what stands beside them. */
	if (it->key.type != VEXFS_ITEM_EXTENT || !n || n->missing || n->hurt ||
	    !item_fits(n, it->key.type) || !extent_form(it) || extent_is_unwritten(it))
		return 0;
	block = le64_to_cpu(item->block);
	count = le32_to_cpu(item->count);
	if (block >= c->blocks || count > c->blocks - block)
		return 0;
	/* What cannot be read in one piece is tried block by block. */
	whole = !c->io.ops->read(c->io.ctx, block, count, data);
	for (u32 i = 0; i < count; i++) {
		u8 *at = data + (size_t)i * VEXFS_BLOCK_SIZE;

		if ((whole || !c->io.ops->read(c->io.ctx, block + i, 1, at)) &&
		    vex_block_csum(at) == le32_to_cpu(csums[i]))
			continue;
		if (!bad++)
			first = i;
	}
	n->rotten |= bad;
	if (bad)
		check_problem(c, VEX_P_DATA_CSUM, block + first, it->key.ino,
			      "%llu blocks from file block %llu on are damaged", bad,
			      it->key.offset + first);
	return check_progress(c, count);
}

int check_data(struct check *c)
{
	u8 *data = vex_alloc(VEXFS_EXTENT_MAX * VEXFS_BLOCK_SIZE);
	int err = data ? 0 : -ENOMEM;

	for (size_t i = 0; i < c->leaf_count && !err; i++) {
		err = leaf_read(c, i);
		if (!err)
			err = leaf_each(c, i, verify_extent, data);
		if (!err)
			check_flush(c);
	}
	vex_free(data);
	return err > 0 ? 0 : err;
}
