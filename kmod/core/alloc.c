// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Free space: one bitmap for each group of blocks, loaded when first needed and
 * stored as items of the tree.
 *
 * A group keeps three bitmaps in memory: what the next commit will call in use, what the
 * running transaction freed, and what the commit under way gives back at its end. A block
 * may be allocated when it is in none: so nothing that the last commit refers to is
 * overwritten before the next one stands.
 *
 * Storing a bitmap touches the leaf that holds it, which allocates and frees
 * blocks, which changes bitmaps. vex_bitmaps_store() goes on until none is dirty;
 * it ends because a leaf is copied at most once in a transaction.
 */
#include "vex_fs.h"

#define GROUP_WORDS	(VEXFS_GROUP_BYTES / 8)

static struct vex_group *group_of(struct vex_fs *fs, u64 block)
{
	return &fs->groups[block / VEXFS_GROUP_BLOCKS];
}

/* Blocks of the group that exist on the device. */
static u32 group_size(const struct vex_fs *fs, u64 g)
{
	u64 left = fs->blocks - g * VEXFS_GROUP_BLOCKS;

	return left < VEXFS_GROUP_BLOCKS ? (u32)left : VEXFS_GROUP_BLOCKS;
}

static u32 count_clear(const u8 *bits, u32 blocks)
{
	return blocks - vex_bits_count(bits, blocks);
}

/* What a group without an item looks like. */
static void group_fill_reserved(const struct vex_fs *fs, u64 g, u8 *bits)
{
	u32 i;

	for (i = group_size(fs, g); i < VEXFS_GROUP_BLOCKS; i++)
		vex_bit_set(bits, i);
	if (g)
		return;
	vex_bit_set(bits, 0);
	vex_bit_set(bits, VEXFS_SUPER_BLOCK(0));
	vex_bit_set(bits, VEXFS_SUPER_BLOCK(1));
}

/* Fill @bits from the tree. */
static int group_read(struct vex_fs *fs, u64 g, u8 *bits)
{
	struct vex_key key = vex_key(VEXFS_SYSTEM_INO, VEXFS_ITEM_BITMAP, g);
	const struct vexfs_bitmap_item *item;
	struct vex_path path;
	int err;

	/* While mkfs has no root yet there is no tree to look into. */
	err = fs->root_block ? vex_item_find(fs, &key, sizeof(*item), &path) : -ENOENT;
	if (err == -ENOENT) {
		group_fill_reserved(fs, g, bits);
		return 0;
	}
	if (err)
		return err;
	item = vex_path_data(&path);
	memcpy(bits, item->bits, VEXFS_GROUP_BYTES);
	group_fill_reserved(fs, g, bits);
	if (count_clear(bits, group_size(fs, g)) != le32_to_cpu(item->free))
		err = vex_damaged(fs, path.node[0]->block, "bitmap with a wrong free count");
	vex_path_release(fs, &path);
	return err;
}

void vex_group_attach(struct vex_fs *fs, u64 g, u8 *bits)
{
	struct vex_group *grp = &fs->groups[g];

	grp->bits = bits;
	grp->pinned = bits + VEXFS_GROUP_BYTES;
	grp->held = bits + 2 * VEXFS_GROUP_BYTES;
	grp->free = count_clear(bits, group_size(fs, g));
	grp->hint = 0;
}

/**
 * struct vex_group_ask - a group whose bitmap is needed
 * @fs: filesystem, locked for writing by who asks
 * @g: its number
 */
struct vex_group_ask {
	struct vex_fs *fs;
	u64 g;
};

static int group_load(void *arg)
{
	const struct vex_group_ask *ask = arg;
	u8 *bits = vex_zalloc(VEX_GROUP_MEMORY);
	int err;

	if (!bits)
		return -ENOMEM;
	err = group_read(ask->fs, ask->g, bits);
	if (err) {
		vex_free(bits);
		return err;
	}
	vex_group_attach(ask->fs, ask->g, bits);
	return 0;
}

/* Whoever needs a bitmap is deep inside the tree, and it is the tree that has to be read for it. */
static noinline_for_stack
int group_load_aside(struct vex_fs *fs, u64 g)
{
	struct vex_group_ask ask = { .fs = fs, .g = g };

	return vex_aside(fs, VEX_ASIDE_LOAD, group_load, &ask);
}

int vex_group_load(struct vex_fs *fs, u64 g)
{
	return fs->groups[g].bits ? 0 : group_load_aside(fs, g);
}

static void group_mark(struct vex_fs *fs, struct vex_group *grp)
{
	if (list_empty(&grp->dirty))
		list_add_tail(&grp->dirty, &fs->groups_dirty);
}

/* 64 blocks of a group: those that may not be allocated. */
static u64 group_used(const struct vex_group *grp, u32 word)
{
	return vex_bits_word(grp->bits, word) | vex_bits_word(grp->pinned, word) |
	       vex_bits_word(grp->held, word);
}

/*
 * The first run of @want allocatable blocks, or else the longest. Whole words
 * are skipped or taken at once.
 */
static noinline_for_stack
u32 group_find(struct vex_group *grp, u32 want, u32 *start)
{
	u32 best = 0, run = 0;
	u32 word = grp->hint / 64;
	u32 n;

	for (; word < GROUP_WORDS; word++) {
		u64 used = group_used(grp, word);

		if (!~used) {
			run = 0;
			continue;
		}
		for (n = 0; n < 64; n++, used >>= 1) {
			run = used & 1 ? 0 : run + 1;
			if (run <= best)
				continue;
			best = run;
			*start = word * 64 + n + 1 - run;
			if (best == want)
				return best;
		}
	}
	return best;
}

static noinline_for_stack
void group_take(struct vex_fs *fs, struct vex_group *grp, u32 start, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		vex_bit_set(grp->bits, start + i);
	grp->free -= count;
	if (grp->hint >= start && grp->hint < start + count)
		grp->hint = start + count;
	group_mark(fs, grp);
	vex_spin_lock(&fs->space_lock);
	fs->free -= count;
	vex_spin_unlock(&fs->space_lock);
	fs->changed = true;
}

/* Groups in which a run of full length is looked for before a shorter one will do. */
#define FULL_RUN_GROUPS	8

/**
 * vex_blocks_alloc() - allocate one run of blocks
 * @fs: filesystem, locked for writing
 * @want: blocks wanted, at least 1
 * @tree: for tree nodes, which are kept apart from data
 * @block: receives the first block
 * @count: receives how many, 1 to @want
 *
 * Return: 0; -ENOSPC when no block may be allocated now; an error of loading a
 * bitmap.
 */
int vex_blocks_alloc(struct vex_fs *fs, u32 want, bool tree, u64 *block, u32 *count)
{
	u64 *cursor = tree ? &fs->cursor_tree : &fs->cursor_data;
	u64 best_group = 0;
	u32 best = 0, best_start = 0;
	u64 i;
	int err;

	vex_assert_write_locked(&fs->lock);
	for (i = 0; i < fs->nr_groups && best < want; i++) {
		u64 g = (*cursor + i) % fs->nr_groups;
		u32 start = 0, run;

		if (best && i >= FULL_RUN_GROUPS)
			break;
		err = vex_group_load(fs, g);
		if (err)
			return err;
		if (fs->groups[g].free <= best)
			continue;
		run = group_find(&fs->groups[g], want, &start);
		if (run > best) {
			best = run;
			best_start = start;
			best_group = g;
		}
	}
	if (!best)
		return -ENOSPC;
	group_take(fs, &fs->groups[best_group], best_start, best);
	*cursor = best_group;
	*block = best_group * VEXFS_GROUP_BLOCKS + best_start;
	*count = best;
	return 0;
}

int vex_blocks_touch(struct vex_fs *fs, u64 block, u32 count)
{
	int err;
	u32 i;

	if (!count || block + count > fs->blocks)
		return vex_damaged(fs, block, "reference outside of the filesystem");
	err = vex_group_load(fs, block / VEXFS_GROUP_BLOCKS);
	if (!err)
		err = vex_group_load(fs, (block + count - 1) / VEXFS_GROUP_BLOCKS);
	if (err)
		return err;
	for (i = 0; i < count; i++)
		if (!vex_bit_test(group_of(fs, block + i)->bits, (block + i) % VEXFS_GROUP_BLOCKS))
			return vex_damaged(fs, block + i, "block in use is marked free");
	return 0;
}

void vex_blocks_free(struct vex_fs *fs, u64 block, u32 count, bool fresh)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct vex_group *grp = group_of(fs, block + i);
		u32 n = (block + i) % VEXFS_GROUP_BLOCKS;

		vex_bit_clear(grp->bits, n);
		if (fresh) {
			grp->free++;
			grp->hint = min(grp->hint, n);
		} else {
			vex_bit_set(grp->pinned, n);
			if (list_empty(&grp->pins))
				list_add_tail(&grp->pins, &fs->groups_pinned);
		}
		group_mark(fs, grp);
	}
	vex_spin_lock(&fs->space_lock);
	fs->free += count;
	if (!fresh)
		fs->pinned += count;
	vex_spin_unlock(&fs->space_lock);
	fs->changed = true;
}

static int bitmap_store(struct vex_fs *fs, u64 g)
{
	struct vex_key key = vex_key(VEXFS_SYSTEM_INO, VEXFS_ITEM_BITMAP, g);
	struct vex_group *grp = &fs->groups[g];
	struct vexfs_bitmap_item *item;
	struct vex_path path;
	int err;

	err = vex_item_touch(fs, &key, sizeof(*item), &path);
	if (err == -ENOENT)
		err = vex_tree_insert(fs, &key, sizeof(*item), &path);
	if (err)
		return err;
	/* Every block that this needed is allocated now: the copy is complete. */
	item = vex_path_data(&path);
	item->free = cpu_to_le32(count_clear(grp->bits, group_size(fs, g)));
	memcpy(item->bits, grp->bits, VEXFS_GROUP_BYTES);
	list_del_init(&grp->dirty);
	vex_path_release(fs, &path);
	return 0;
}

int vex_bitmaps_store(struct vex_fs *fs)
{
	struct vex_group *grp;
	int err;

	while (!list_empty(&fs->groups_dirty)) {
		grp = list_first_entry(&fs->groups_dirty, struct vex_group, dirty);
		err = bitmap_store(fs, grp - fs->groups);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Tree nodes that writing @data blocks back can need at worst: each block in a
 * leaf of its own, but no node copied twice, and the room that the new items take.
 */
static u64 meta_of(const struct vex_fs *fs, u64 data)
{
	u64 copied = data * (fs->root_level + 1);

	if (!data)
		return 0;
	return min(copied, fs->tree_blocks) + data / 16 + 4;
}

/*
 * What unwritten blocks keep back for the tree nodes that writing them will take for good: at
 * worst each second block becomes an extent of its own, 3 nodes for 128 blocks.
 */
#define HOLD_SHIFT	5

/* space_lock held. Blocks that are free, and not to be given away. */
static u64 space_kept(const struct vex_fs *fs)
{
	return fs->reserved - min(fs->inplace, fs->reserved) + fs->providing + fs->reserve +
	       ((fs->unwritten + fs->providing) >> HOLD_SHIFT);
}

/* space_lock held. */
static bool space_fits(const struct vex_fs *fs, u64 data, u64 meta)
{
	return fs->free - fs->pinned >= space_kept(fs) + data +
					meta_of(fs, fs->reserved + data) + meta;
}

bool vex_space_ok(struct vex_fs *fs, u64 data, u64 meta)
{
	bool ok;

	vex_spin_lock(&fs->space_lock);
	ok = space_fits(fs, data, meta);
	vex_spin_unlock(&fs->space_lock);
	return ok;
}

bool vex_space_promise(struct vex_fs *fs, u64 data)
{
	bool ok;

	vex_spin_lock(&fs->space_lock);
	ok = space_fits(fs, data, 0);
	if (ok)
		fs->reserved += data;
	vex_spin_unlock(&fs->space_lock);
	return ok;
}

bool vex_space_ok_urgent(struct vex_fs *fs, u64 need)
{
	bool ok;

	vex_spin_lock(&fs->space_lock);
	ok = fs->free - fs->pinned >= need;
	vex_spin_unlock(&fs->space_lock);
	return ok;
}

void vex_space_unwritten(struct vex_fs *fs, s64 delta)
{
	vex_spin_lock(&fs->space_lock);
	fs->unwritten += delta;
	vex_spin_unlock(&fs->space_lock);
}

bool vex_space_promise_unwritten(struct vex_fs *fs, s64 blocks)
{
	u64 more = max_t(s64, blocks, 0);
	bool ok;

	vex_spin_lock(&fs->space_lock);
	ok = space_fits(fs, 0, more + (more >> HOLD_SHIFT)) || !more;
	if (ok)
		fs->providing += blocks;
	vex_spin_unlock(&fs->space_lock);
	return ok;
}

u64 vex_space_avail(struct vex_fs *fs)
{
	u64 kept;

	vex_spin_lock(&fs->space_lock);
	kept = min(space_kept(fs), fs->free);
	kept = fs->free - kept;
	vex_spin_unlock(&fs->space_lock);
	return kept;
}

/* space_lock held. Half of the reserve may be used: it comes back with the next commit. */
static bool space_fits_reserve(const struct vex_fs *fs, u64 data, u64 inplace)
{
	return fs->free - fs->pinned + fs->reserve / 2 >=
	       space_kept(fs) + data + meta_of(fs, fs->reserved + data + inplace);
}

bool vex_space_ok_inplace(struct vex_fs *fs, u64 data)
{
	bool ok;

	vex_spin_lock(&fs->space_lock);
	ok = space_fits_reserve(fs, data, 1);
	vex_spin_unlock(&fs->space_lock);
	return ok;
}

static bool space_promise_reserve(struct vex_fs *fs, bool inplace)
{
	bool ok;

	vex_spin_lock(&fs->space_lock);
	ok = space_fits_reserve(fs, !inplace, inplace);
	if (ok) {
		fs->reserved++;
		fs->inplace += inplace;
	}
	vex_spin_unlock(&fs->space_lock);
	return ok;
}

int vex_space_reserve_inplace(struct vex_fs *fs, u64 ino, u64 fblock)
{
	struct vex_extent e;
	int err;

	vex_read_lock(&fs->lock);
	err = vex_extent_next(fs, ino, fblock, &e);
	vex_read_unlock(&fs->lock);
	if (err == -ENOENT || (!err && (e.fblock > fblock || !e.unwritten)))
		err = -ENOSPC;
	if (!err && !space_promise_reserve(fs, true))
		err = -EAGAIN;
	return err;
}

void vex_space_end_inplace(struct vex_fs *fs, bool unused)
{
	vex_spin_lock(&fs->space_lock);
	fs->inplace--;
	fs->reserved -= unused;
	vex_spin_unlock(&fs->space_lock);
}

int vex_space_reserve_urgent(struct vex_fs *fs)
{
	int err;

	if (vex_space_promise(fs, 1) || space_promise_reserve(fs, false))
		return 0;
	err = vex_fs_commit(fs);
	if (err)
		return err;
	return space_promise_reserve(fs, false) ? 0 : -ENOSPC;
}

static void group_init(struct vex_group *grp)
{
	INIT_LIST_HEAD(&grp->dirty);
	INIT_LIST_HEAD(&grp->pins);
	INIT_LIST_HEAD(&grp->holds);
}

int vex_alloc_init(struct vex_fs *fs)
{
	u64 g;

	fs->nr_groups = DIV_ROUND_UP(fs->blocks, (u64)VEXFS_GROUP_BLOCKS);
	fs->groups = vex_zalloc(fs->nr_groups * sizeof(*fs->groups));
	if (!fs->groups)
		return -ENOMEM;
	for (g = 0; g < fs->nr_groups; g++)
		group_init(&fs->groups[g]);
	fs->reserve = VEX_RESERVE_BASE + fs->nr_groups;
	return 0;
}

void vex_alloc_destroy(struct vex_fs *fs)
{
	u64 g;

	for (g = 0; fs->groups && g < fs->nr_groups; g++)
		vex_free(fs->groups[g].bits);
	vex_free(fs->groups);
}
