/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Metadata of rows inside the core. A record is the packed pairs of one row; a batch
 * is many records, each behind its length; <linux/vexfs.h> and <linux/vexfs_format.h> tell both.
 */
#ifndef VEX_META_H
#define VEX_META_H

#include "vex_fs.h"

/* Bytes of the largest record: 15 numbers, and one string that takes all that strings may. */
#define VEX_META_MAX	(VEXFS_META_PAIRS * (sizeof(struct vexfs_meta_pair) +	\
					     VEXFS_META_KEY_MAX) +		\
			 (VEXFS_META_PAIRS - 1) * 8 + VEXFS_META_TEXT_MAX)
/* Tree nodes with metadata that one deletion of rows may change. */
#define VEX_META_DROP_NODES	16384u

/* ---- meta_rec.c: records; any context ------------------------------------ */

/* A pair inside a record. */
struct vex_pair {
	const u8 *key;
	const u8 *value;
	u32 key_len;
	u32 type;
	u32 len;
};

/*
 * Step through the record that ends at @end. 1: @pair is the one at *@at, which moves on; 0 at
 * the end; -EBADMSG: no pair fits there.
 */
int vex_pair_next(const u8 **at, const u8 *end, struct vex_pair *pair);
/* -EBADMSG when the record breaks any rule; @merge: pairs of VEXFS_META_NONE are welcome. */
int vex_meta_check(const u8 *rec, u32 len, bool merge);
/*
 * Merge the sound record @add into the sound record @old. @out has room for VEX_META_MAX bytes;
 * returns how many it got, or -EBADMSG when the limits do not allow the result.
 */
int vex_meta_merge(const u8 *old, u32 old_len, const u8 *add, u32 add_len, u8 *out);
/* Compare keys: bytes, then length. */
int vex_meta_key_cmp(const u8 *a, u32 a_len, const u8 *b, u32 b_len);
/* May these bytes be a key? */
bool vex_meta_key_ok(const u8 *key, u32 len);
bool vex_meta_is_nan(u64 bits);

/* ---- meta.c: the records of one transaction ------------------------------- */

struct vex_meta_txn;

/*
 * Check the records of @r and sort them by row; without the lock. Without @r->ids the rows are
 * new ones: vex_meta_prepare() numbers them. *@out is NULL when @r has none.
 */
int vex_meta_open(struct vex_rows *r, struct vex_meta_txn **out);
/*
 * Inside a transaction, before its first edit: read what is there, merge, see that space and
 * memory suffice, next to @data blocks of data, and touch. @first: of new rows. @t may be NULL.
 */
int vex_meta_prepare(struct vex_fs *fs, u64 ino, struct vex_meta_txn *t, u64 first, u64 data,
		     u64 *bad_row);
/* Store what was prepared. Cannot fail. */
int vex_meta_apply(struct vex_fs *fs, u64 ino, struct vex_meta_txn *t);
void vex_meta_close(struct vex_meta_txn *t);

/*
 * The same for rows that go: @found, a bit for each of the sorted @ids, receives
 * which have metadata. @more: tree nodes that the rest of the transaction needs.
 */
int vex_meta_drop_prepare(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u8 *found,
			  u32 more);
int vex_meta_drop(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, const u8 *found);

/* The first row at or after @from that has metadata; -ENOENT. */
int vex_meta_next_row(struct vex_fs *fs, u64 ino, u64 from, u64 *row);

/* ---- filter.c, match.c ----------------------------------------------------- */

/* -EBADMSG, with @f->bad_node, when it is no sound program. */
int vex_filter_check(struct vex_filter *f);
/* Does a record match? 1, 0, or -EBADMSG when the record is damaged. */
int vex_filter_eval(const struct vex_filter *f, const u8 *rec, u32 len);
/* Does a row without metadata match? */
bool vex_filter_none(const struct vex_filter *f);
/* Compare an int with the bits of a float, by exact value: below, at or above 0. */
int vex_meta_cmp_mixed(s64 a, u64 b);

/*
 * Which of the rows [@first, @first + @n) match, whether live or not: a bit each in @bits.
 * @none: what a row without metadata is. fs->lock held.
 */
int vex_match_rows(struct vex_fs *fs, u64 ino, const struct vex_filter *f, u64 first, u32 n,
		   bool none, u8 *bits);

#endif /* VEX_META_H */
