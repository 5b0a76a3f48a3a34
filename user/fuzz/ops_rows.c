// SPDX-License-Identifier: GPL-2.0-only
/* Calls on collections with arguments from a stream. */
#include <vex_bits.h>

#include "meta.h"
#include "ops.h"

/* The collection's dimension mostly, or a wrong one. */
static u32 arg_dim(struct fuzz_ops *o, struct fuzz_stream *s, u64 ino)
{
	struct vex_coll coll;

	if (fuzz_u8(s) < 0xe0 && !vex_coll_stat(o->fs, ino, &coll))
		return coll.dim;
	return fuzz_number(s);
}

/* A count that fits the buffer when the dimension is right; else any. */
static u32 arg_count(struct fuzz_stream *s, u32 dim, u32 most)
{
	u64 room = min((u64)BUF_BYTES / 4 / max(dim, 1u), (u64)most);

	return fuzz_number(s) % (room + 1);
}

void call_coll_create(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	struct vex_coll coll = {
		.elem = VEXFS_ELEM_F32, .index = VEXFS_INDEX_FLAT,
	};
	u8 elem;

	coll.metric = fuzz_u8(s) < 0xf0 ? 1 + fuzz_u8(s) % 3 : fuzz_number(s);
	coll.dim = fuzz_u8(s) < 0xf0 ? 1 + fuzz_u8(s) : fuzz_number(s);
	elem = fuzz_u8(s);
	if (elem > 0xf0)
		coll.elem = fuzz_number(s);
	else if (elem >= 0xc0)
		coll.elem = VEXFS_ELEM_F16 + elem % 3;
	if (coll.elem == VEXFS_ELEM_B1 && elem & 8)
		coll.metric = VEXFS_METRIC_HAMMING;
	if (fuzz_u8(s) > 0xf0)
		coll.index = fuzz_number(s);
	SAID(vex_coll_create(o->fs, ino, &coll), EINVAL, EEXIST, ENOTEMPTY, ENOTTY, ENOENT, ENOSPC);
}

void call_insert(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), first = 0, bad = 0;
	u32 dim = arg_dim(o, s, ino), count = arg_count(s, dim, 1000);

	fill(s, min((size_t)count * dim * 4, (size_t)BUF_BYTES));
	SAID(vex_coll_insert(o->fs, ino, buf, count, dim, &first, &bad), EINVAL, E2BIG, EDOM, ENOSPC,
	     EFBIG, ENODATA, ENOENT);
}

static void arg_ids(struct fuzz_stream *s, u32 count)
{
	u64 id = fuzz_number(s), step = fuzz_number(s);

	for (u32 i = 0; i < count; i++, id += step)
		ids[i] = id;
}

void call_get(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), bad = 0;
	u32 dim = arg_dim(o, s, ino), count = arg_count(s, dim, 4000);

	arg_ids(s, count);
	SAID(vex_coll_get(o->fs, ino, ids, count, dim, buf, &bad), EINVAL, E2BIG, ENOENT, ENODATA);
}

void call_delete(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), bad = 0;
	u32 count = fuzz_number(s) % 600;

	arg_ids(s, count);
	SAID(vex_coll_delete(o->fs, ino, ids, count, &bad), EINVAL, ENOENT, ENODATA, ENOSPC);
}

void call_search(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	struct vex_search search = { .queries = buf, .ids = ids, .distances = distances };

	search.dim = arg_dim(o, s, ino);
	search.nq = arg_count(s, search.dim, 64);
	search.k = fuzz_number(s);
	/* The results fit, or are refused. */
	if (search.k <= VEXFS_MAX_K && (u64)search.nq * search.k > ARRAY_SIZE(ids))
		search.nq = 1;
	fill(s, min((size_t)search.nq * search.dim * 4, (size_t)BUF_BYTES));
	SAID(vex_coll_search(o->fs, ino, &search), EINVAL, E2BIG, EDOM, ENODATA, ENOENT);
}

/* ---- metadata of rows --------------------------------------------------------------- */

static u8 meta[200000], back[200000];

/* Rows, as insert and update take them; their metadata when the stream says so. */
static void arg_rows(struct fuzz_ops *o, struct fuzz_stream *s, u64 ino, struct vex_rows *r)
{
	u8 how = fuzz_u8(s);

	r->dim = arg_dim(o, s, ino);
	r->count = how & 8 ? arg_count(s, r->dim, 600) : min(how & 7u, BUF_BYTES / 4 / max(r->dim, 1u));
	fill(s, min((size_t)r->count * r->dim * 4, (size_t)BUF_BYTES));
	r->rows = buf;
	if (how & 0x60) {
		r->meta = meta;
		r->meta_len = fuzz_make_batch(s, r->flags, r->count, meta, sizeof(meta));
	}
	/* Ones that are cut, or go on. */
	if (how >= 0xf0 && r->meta)
		r->meta_len = min(fuzz_number(s), (u64)sizeof(meta));
}

/* The records that were given are the ones that are got. */
static void meta_is(struct fuzz_ops *o, u64 ino, const u64 *rows, const struct vex_rows *r)
{
	size_t used = 0;
	u64 bad;
	int err = vex_meta_get(o->fs, ino, rows, r->count, back, sizeof(back), &used, &bad);

	fuzz_must(!err && used == r->meta_len && !memcmp(back, meta, used),
		  "metadata of %zu bytes read as %d, %zu bytes", r->meta_len, err, used);
}

static void rows_are(struct fuzz_ops *o, u64 ino, const u64 *rows, const struct vex_rows *r)
{
	struct vex_coll coll;
	u64 bad;
	int err = vex_coll_stat(o->fs, ino, &coll);

	if (!err)
		err = vex_coll_get(o->fs, ino, rows, r->count, r->dim, back, &bad);
	fuzz_must(!err && !memcmp(back, buf, (size_t)r->count * coll.row_bytes), "rows are not what was given: %d", err);
}

void call_append(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	struct vex_rows r = { .flags = fuzz_u8(s) < 0xf8 ? 0 : fuzz_u8(s) };

	arg_rows(o, s, ino, &r);
	if (SAID(vex_coll_append(o->fs, ino, &r), EINVAL, E2BIG, EDOM, ENOSPC, EFBIG, ENODATA, ENOENT,
		 EBADMSG) || !sound(o))
		return;
	for (u32 i = 0; i < r.count; i++)
		ids[i] = r.first_id + i;
	rows_are(o, ino, ids, &r);
	if (r.meta)
		meta_is(o, ino, ids, &r);
}

void call_update(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	u8 flags = fuzz_u8(s);
	struct vex_rows r = { .ids = ids, .flags = flags < 0xf8 ? flags & VEXFS_META_MERGE : flags };

	arg_rows(o, s, ino, &r);
	arg_ids(s, r.count);
	if (SAID(vex_coll_update(o->fs, ino, &r), EINVAL, E2BIG, EDOM, ENOSPC, ENODATA, ENOENT,
		 EBADMSG) || !sound(o))
		return;
	rows_are(o, ino, ids, &r);
	if (r.meta && !r.flags)
		meta_is(o, ino, ids, &r);
}

void call_meta_set(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	u8 flags = fuzz_u8(s);
	struct vex_rows r = {
		.ids = ids, .meta = meta, .flags = flags < 0xf8 ? flags & VEXFS_META_MERGE : flags,
	};

	r.count = fuzz_u8(s);
	r.count = r.count < 0xf0 ? r.count % 24 : fuzz_number(s) % 4100;
	arg_ids(s, r.count);
	r.meta_len = fuzz_make_batch(s, r.flags, r.count, meta, sizeof(meta));
	if (SAID(vex_meta_set(o->fs, ino, &r), EINVAL, E2BIG, ENOSPC, ENODATA, ENOENT, EBADMSG) ||
	    r.flags || !sound(o))
		return;
	meta_is(o, ino, ids, &r);
}

void call_meta_get(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), bad = 0;
	u32 count = fuzz_number(s) % 4100;
	size_t len = fuzz_u8(s) & 3 ? sizeof(back) : fuzz_number(s) % sizeof(back), used = 0;

	arg_ids(s, count);
	if (!SAID(vex_meta_get(o->fs, ino, ids, count, back, len, &used, &bad), EINVAL, E2BIG, ENOENT,
		  ENODATA, ERANGE))
		fuzz_must(used <= len, "vex_meta_get() filled more than there is");
}

/* Does a row match? -1: it is not live. */
static int row_matches(struct fuzz_ops *o, u64 ino, u64 row, const struct vex_filter *f)
{
	size_t used = 0;
	u64 bad;
	int err = vex_meta_get(o->fs, ino, &row, 1, back, sizeof(back), &used, &bad);

	if (err == -ENOENT)
		return -1;
	fuzz_must(!err && used >= 4, "the metadata of a row gave %d", err);
	return fuzz_matches(f->nodes, f->count, f->text, back + 4, used - 4);
}

/* Of the rows before @next those that match are listed, and no others. */
static void list_is(struct fuzz_ops *o, u64 ino, const struct vex_filter *f, u64 from, u64 next,
		    u32 count)
{
	struct vex_coll coll;
	u32 at = 0;

	fuzz_must(!vex_coll_stat(o->fs, ino, &coll), "a collection that was listed is none");
	for (u64 row = from; row < min(next, coll.rows) && row - from < 200; row++) {
		bool listed = at < count && ids[at] == row;

		fuzz_must(listed == (row_matches(o, ino, row, f) == 1), "row %llu is%s listed",
			  (unsigned long long)row, listed ? "" : " not");
		at += listed;
	}
}

void call_filter(struct fuzz_ops *o, struct fuzz_stream *s)
{
	static struct fuzz_program p;
	u64 ino = arg_ino(o, s), from = fuzz_u8(s) & 1 ? 0 : fuzz_number(s), next = 0;
	u32 max = 1 + fuzz_number(s) % ARRAY_SIZE(ids), count = 0;
	struct vex_filter f = { .nodes = p.nodes, .text = p.text };

	fuzz_make_filter(s, &p);
	f.count = p.count;
	f.text_len = p.text_len;
	if (SAID(vex_coll_filter(o->fs, ino, &f, from, ids, max, &count, &next), EINVAL, EBADMSG,
		 ENODATA, ENOENT))
		return;
	fuzz_must(count <= max, "more rows than there is room for");
	for (u32 i = 0; i < count; i++)
		fuzz_must(ids[i] >= (i ? ids[i - 1] + 1 : from) && ids[i] < next, "rows out of order");
	if (sound(o))
		list_is(o, ino, &f, from, next, count);
}

void call_prefetch(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	u32 count = fuzz_number(s) % 600;

	arg_ids(s, count);
	SAID(vex_coll_prefetch(o->fs, ino, ids, count), EINVAL, E2BIG, ENODATA, ENOENT);
}

/* What is found with a filter matches it. */
static void found_match(struct fuzz_ops *o, u64 ino, const struct vex_filter *f, u32 count)
{
	for (u32 i = 0; i < min(count, 40u) && ids[i] != VEXFS_NO_ID; i++)
		fuzz_must(row_matches(o, ino, ids[i], f) == 1, "row %llu was found and does not match",
			  (unsigned long long)ids[i]);
}

void call_search_filtered(struct fuzz_ops *o, struct fuzz_stream *s)
{
	static struct fuzz_program p;
	u64 ino = arg_ino(o, s);
	struct vex_filter f = { .nodes = p.nodes, .text = p.text };
	struct vex_search search = {
		.queries = buf, .ids = ids, .distances = distances, .nq = 1, .filter = &f,
	};

	search.dim = arg_dim(o, s, ino);
	search.k = 1 + fuzz_u8(s);
	search.ef = fuzz_u8(s);
	fuzz_make_filter(s, &p);
	f.count = p.count;
	f.text_len = p.text_len;
	fill(s, min((size_t)search.dim * 4, (size_t)BUF_BYTES));
	if (!SAID(vex_coll_search(o->fs, ino, &search), EINVAL, E2BIG, EDOM, ENODATA, ENOENT,
		  EBADMSG) && sound(o))
		found_match(o, ino, &f, search.k);
}

/* Rows within a distance, of those in a bitmap: as many as it says, and none beyond it. */
void call_range(struct fuzz_ops *o, struct fuzz_stream *s)
{
	static u64 allow[4];
	u64 ino = arg_ino(o, s);
	struct vex_search search = {
		.queries = buf, .ids = ids, .distances = distances, .nq = 1, .ranged = true,
	};
	u32 i;

	search.dim = arg_dim(o, s, ino);
	search.k = fuzz_u8(s);
	search.ef = fuzz_u8(s);
	search.radius = fuzz_number(s);
	search.radius = search.radius << 16 | fuzz_u8(s);
	if (fuzz_u8(s) & 1) {
		for (i = 0; i < ARRAY_SIZE(allow); i++)
			allow[i] = fuzz_number(s);
		search.allow = allow;
		search.allow_words = fuzz_u8(s) % (ARRAY_SIZE(allow) + 1);
	}
	fill(s, min((size_t)search.dim * 4, (size_t)BUF_BYTES));
	if (SAID(vex_coll_search(o->fs, ino, &search), EINVAL, E2BIG, EDOM, ENODATA, ENOENT))
		return;
	for (i = 0; i < search.k; i++) {
		fuzz_must((ids[i] != VEXFS_NO_ID) == (i < search.met), "%llu rows met, slot %u",
			  (unsigned long long)search.met, i);
		fuzz_must(ids[i] == VEXFS_NO_ID || !search.allow ||
			  vex_rows_test(allow, search.allow_words, ids[i]), "row %llu is not allowed",
			  (unsigned long long)ids[i]);
	}
}
