// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Blocks that are free and may not be allocated yet.
 *
 * What the running transaction frees is pinned. When its commit begins, the pinned blocks
 * become held, and are given back when the commit stands; should it fail, they are pinned
 * again, for the next one. Between commits the same bits keep free blocks away from
 * allocation while the device is told that it may discard them.
 */
#include "vex_fs.h"

#define GROUP_WORDS	(VEXFS_GROUP_BYTES / 8)

static void word_put(u8 *bits, u32 word, u64 value)
{
	put_unaligned_le64(value, bits + word * 8);
}

static u64 group_first(const struct vex_fs *fs, const struct vex_group *grp)
{
	return (u64)(grp - fs->groups) * VEXFS_GROUP_BLOCKS;
}

static void held_count(struct vex_fs *fs, u64 pinned, u64 held)
{
	vex_spin_lock(&fs->space_lock);
	fs->pinned += pinned;
	fs->held += held;
	vex_spin_unlock(&fs->space_lock);
}

void vex_blocks_hold(struct vex_fs *fs)
{
	struct vex_group *grp;

	vex_assert_write_locked(&fs->lock);
	list_for_each_entry(grp, &fs->groups_pinned, pins) {
		memcpy(grp->held, grp->pinned, VEXFS_GROUP_BYTES);
		memset(grp->pinned, 0, VEXFS_GROUP_BYTES);
		list_add_tail(&grp->holds, &fs->groups_held);
	}
	while (!list_empty(&fs->groups_pinned))
		list_del_init(fs->groups_pinned.next);
	vex_spin_lock(&fs->space_lock);
	fs->held = fs->pinned;
	vex_spin_unlock(&fs->space_lock);
}

/* Clear the held bits; returns how many there were. */
static u32 group_release(struct vex_group *grp)
{
	u32 n = vex_bits_count(grp->held, VEXFS_GROUP_BLOCKS);

	memset(grp->held, 0, VEXFS_GROUP_BYTES);
	grp->free += n;
	grp->hint = 0;
	return n;
}

static void group_repin(struct vex_fs *fs, struct vex_group *grp)
{
	u32 word;

	for (word = 0; word < GROUP_WORDS; word++)
		word_put(grp->pinned, word, vex_bits_word(grp->pinned, word) |
					    vex_bits_word(grp->held, word));
	memset(grp->held, 0, VEXFS_GROUP_BYTES);
	if (list_empty(&grp->pins))
		list_add_tail(&grp->pins, &fs->groups_pinned);
}

void vex_blocks_release(struct vex_fs *fs, bool committed)
{
	struct vex_group *grp;

	vex_assert_write_locked(&fs->lock);
	while (!list_empty(&fs->groups_held)) {
		grp = list_first_entry(&fs->groups_held, struct vex_group, holds);
		list_del_init(&grp->holds);
		if (committed)
			group_release(grp);
		else
			group_repin(fs, grp);
	}
	vex_spin_lock(&fs->space_lock);
	if (committed)
		fs->pinned -= fs->held;
	fs->held = 0;
	vex_spin_unlock(&fs->space_lock);
}

/* Tell the device about the held blocks of one group. */
static int group_discard(struct vex_fs *fs, const struct vex_group *grp, u64 *count)
{
	u64 first = group_first(fs, grp);
	u32 from, to;
	int err;

	for (from = 0; from < VEXFS_GROUP_BLOCKS; from = to + 1) {
		for (to = from; to < VEXFS_GROUP_BLOCKS && vex_bit_test(grp->held, to); to++)
			;
		if (to == from)
			continue;
		err = fs->io.ops->discard(fs->io.ctx, first + from, to - from);
		if (err)
			return err;
		*count += to - from;
	}
	return 0;
}

/**
 * vex_blocks_discard() - tell the device that all held blocks hold nothing of value
 * @fs: filesystem; commit_lock held, so that the held blocks stay what they are
 * @count: receives how many blocks
 *
 * Return: 0 or the device's error. Nothing depends on it.
 */
int vex_blocks_discard(struct vex_fs *fs, u64 *count)
{
	struct vex_group *grp;
	int err = 0;

	*count = 0;
	list_for_each_entry(grp, &fs->groups_held, holds) {
		err = group_discard(fs, grp, count);
		if (err)
			break;
	}
	return err;
}

/**
 * vex_blocks_hold_free() - hold the free runs of a group, to have them discarded
 * @fs: filesystem, locked for writing, with the commit lock held and nothing held yet
 * @g: the group
 * @start: first block of the device that matters
 * @end: the block after the last
 * @shortest: shortest run that is worth it, in blocks
 *
 * Return: 0; an error of loading the group's bitmap.
 */
int vex_blocks_hold_free(struct vex_fs *fs, u64 g, u64 start, u64 end, u64 shortest)
{
	u64 base = g * VEXFS_GROUP_BLOCKS;
	struct vex_group *grp = &fs->groups[g];
	u32 first = start > base ? start - base : 0;
	u32 last = min(end - base, (u64)VEXFS_GROUP_BLOCKS);
	u32 from, to, i, n = 0;
	int err;

	vex_assert_write_locked(&fs->lock);
	err = vex_group_load(fs, g);
	if (err)
		return err;
	for (from = first; from < last; from = to + 1) {
		for (to = from; to < last && !vex_bit_test(grp->bits, to) &&
		     !vex_bit_test(grp->pinned, to); to++)
			;
		if (to == from || to - from < shortest)
			continue;
		for (i = from; i < to; i++)
			vex_bit_set(grp->held, i);
		n += to - from;
	}
	if (!n)
		return 0;
	grp->free -= n;
	list_add_tail(&grp->holds, &fs->groups_held);
	held_count(fs, n, n);
	return 0;
}

/* Trim one group; commit_lock held. */
static int trim_group(struct vex_fs *fs, u64 g, u64 start, u64 end, u64 shortest, u64 *trimmed)
{
	u64 count = 0;
	int err;

	vex_write_lock(&fs->lock);
	err = vex_blocks_hold_free(fs, g, start, end, shortest);
	vex_write_unlock(&fs->lock);
	if (err)
		return err;
	err = vex_blocks_discard(fs, &count);
	*trimmed += count;
	vex_write_lock(&fs->lock);
	vex_blocks_release(fs, true);
	vex_write_unlock(&fs->lock);
	return err;
}

/**
 * vex_fs_trim() - tell the device about free blocks
 * @fs: filesystem
 * @start: first block of the range
 * @count: its length in blocks; may reach past the end
 * @shortest: shortest run worth telling, in blocks
 * @trimmed: receives the blocks told
 *
 * Blocks that an uncommitted change has freed are left out. Allocation goes on meanwhile, in
 * other groups of blocks; commits wait for one group at a time.
 *
 * Return: 0; -EOPNOTSUPP the device cannot; -EROFS; -EINTR; an I/O error.
 */
int vex_fs_trim(struct vex_fs *fs, u64 start, u64 count, u64 shortest, u64 *trimmed)
{
	u64 end = count > fs->blocks - min(start, fs->blocks) ? fs->blocks : start + count;
	u64 block, g;
	int err = 0;

	*trimmed = 0;
	if (!fs->io.ops->discard)
		return -EOPNOTSUPP;
	if (fs->read_only)
		return -EROFS;
	for (block = start; block < end && !err; block = (g + 1) * VEXFS_GROUP_BLOCKS) {
		g = block / VEXFS_GROUP_BLOCKS;
		vex_mutex_lock(&fs->commit_lock);
		err = trim_group(fs, g, block, end, max(shortest, 1ULL), trimmed);
		vex_mutex_unlock(&fs->commit_lock);
		if (!err && vex_interrupted())
			err = -EINTR;
		vex_resched();
	}
	return err;
}
