// SPDX-License-Identifier: GPL-2.0-only
/* Calls on collections with arguments from a stream. */
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

	coll.metric = fuzz_u8(s) < 0xf0 ? 1 + fuzz_u8(s) % 3 : fuzz_number(s);
	coll.dim = fuzz_u8(s) < 0xf0 ? 1 + fuzz_u8(s) : fuzz_number(s);
	if (fuzz_u8(s) > 0xf0)
		coll.elem = fuzz_number(s);
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
