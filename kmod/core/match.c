// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Rows that match a filter: for a search, a piece at a time, and as a list.
 *
 * The items of a piece are walked in key order beside the rows. A row without an item is what
 * the filter says of an empty record, which is asked once. Where that is no match, a
 * listing goes from item to item, however far apart they are.
 */
#include "vex_index.h"
#include "vex_meta.h"

/* Rows between two breaths of a listing. */
#define PIECE_ROWS	VEX_BATCH_ROWS

noinline_for_stack
int vex_match_rows(struct vex_fs *fs, u64 ino, const struct vex_filter *f, u64 first, u32 n,
		   bool none, u8 *bits)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_META, first);
	struct vex_path path;
	int err;

	memset(bits, none ? 0xff : 0, DIV_ROUND_UP(n, 8u));
	for (err = vex_tree_seek(fs, &key, &path); !err; err = vex_tree_next(fs, &path)) {
		u32 i;
		int hit;

		vex_path_key(&path, &key);
		if (key.ino != ino || key.type != VEXFS_ITEM_META || key.offset - first >= n)
			break;
		i = key.offset - first;
		hit = vex_filter_eval(f, vex_path_data(&path), vex_path_len(&path));
		if (hit < 0) {
			err = vex_damaged(fs, path.node[0]->block, "malformed metadata of a row");
			break;
		}
		if (hit)
			vex_bit_set(bits, i);
		else
			vex_bit_clear(bits, i);
		/* A single row is asked for often: no look at what is behind it. */
		if (i + 1 == n)
			break;
	}
	vex_path_release(fs, &path);
	return err == -ENOENT ? 0 : err;
}

/**
 * struct listing - a listing in progress
 * @fs: filesystem
 * @ino: collection
 * @f: predicate
 * @rows: of the collection
 * @none: a row without metadata matches
 * @ids: receives the matches
 * @max: room in @ids
 * @count: matches so far
 * @tombs: deleted rows of the group of the piece
 * @bits: matches of the piece
 */
struct listing {
	struct vex_fs *fs;
	u64 ino;
	const struct vex_filter *f;
	u64 rows;
	bool none;
	u64 *ids;
	u32 max;
	u32 count;
	u8 tombs[VEXFS_TOMB_BYTES];
	u8 bits[PIECE_ROWS / 8];
};

/* Take the live matches of a piece that lies in one tomb group; *@next receives where to go on. */
static int list_piece(struct listing *l, u64 first, u32 n, u64 *next)
{
	u32 at = first % VEXFS_TOMB_ROWS;
	u32 i;
	int any;

	any = vex_tomb_load(l->fs, l->ino, first / VEXFS_TOMB_ROWS, l->tombs);
	if (any >= 0) {
		int err = vex_match_rows(l->fs, l->ino, l->f, first, n, l->none, l->bits);

		if (err)
			return err;
	}
	for (i = 0; i < n && any >= 0; i++) {
		if (!vex_bit_test(l->bits, i) || (any && vex_bit_test(l->tombs, at + i)))
			continue;
		if (l->count == l->max)
			break;
		l->ids[l->count++] = first + i;
	}
	*next = first + i;
	return min(any, 0);
}

/* One piece from *@row on; returns 1 when there is more to do. */
static noinline_for_stack
int list_step(struct listing *l, u64 *row)
{
	u64 n;
	int err;

	if (!l->none) {
		err = vex_meta_next_row(l->fs, l->ino, *row, row);
		if (err == -ENOENT)
			*row = VEXFS_NO_ID;
		if (err)
			return err == -ENOENT ? 0 : err;
	}
	if (*row >= l->rows) {
		*row = VEXFS_NO_ID;
		return 0;
	}
	n = min_t(u64, l->rows - *row, VEXFS_TOMB_ROWS - *row % VEXFS_TOMB_ROWS);
	n = min_t(u64, n, PIECE_ROWS);
	err = list_piece(l, *row, n, row);
	return err ? err : l->count < l->max;
}

/**
 * vex_coll_filter() - the live rows that match a filter
 * @fs: filesystem
 * @ino: collection
 * @f: filter
 * @from: the first row to look at
 * @ids: receives at most @max ids, ascending
 * @max: at least 1
 * @count: receives how many
 * @next: receives where to go on, VEXFS_NO_ID at the end
 *
 * The lock is let go between pieces.
 *
 * Return: 0; -ENODATA no collection; -EINVAL, -EBADMSG as VEXFS_IOC_FILTER; -EINTR the task was
 * killed; -ENOMEM; -EUCLEAN or the device's error.
 */
int vex_coll_filter(struct vex_fs *fs, u64 ino, struct vex_filter *f, u64 from, u64 *ids,
		    u32 max, u32 *count, u64 *next)
{
	struct listing *l;
	struct vex_coll c;
	int err;

	*count = 0;
	*next = from;
	if (!max)
		return -EINVAL;
	err = vex_component_need(fs, VEXFS_COMPONENT_METADATA);
	if (!err)
		err = vex_filter_check(f);
	if (!err)
		err = vex_coll_stat(fs, ino, &c);
	if (err)
		return err;
	l = vex_zalloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->fs = fs;
	l->ino = ino;
	l->f = f;
	l->rows = c.rows;
	l->none = vex_filter_none(f);
	l->ids = ids;
	l->max = max;
	do {
		vex_read_lock(&fs->lock);
		err = list_step(l, next);
		vex_read_unlock(&fs->lock);
		vex_resched();
		if (err == 1 && vex_interrupted())
			err = -EINTR;
	} while (err == 1);
	*count = l->count;
	if (!err && *next >= l->rows)
		*next = VEXFS_NO_ID;
	vex_free(l);
	return err;
}
