// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The flat index: every live row is compared, so the result is exact. All
 * queries of a batch share one pass over the rows.
 */
#include "vex_index.h"

/* Rows from @row on whole in one segment, and in one tomb group; 0 when not even one is. */
static u32 rows_together(const struct vex_coll *c, u64 row)
{
	u32 room = VEX_SEG_BYTES - (row * c->row_bytes & (VEX_SEG_BYTES - 1));
	u64 n = min_t(u64, room / c->row_bytes, c->rows - row);

	n = min_t(u64, n, VEXFS_TOMB_ROWS - row % VEXFS_TOMB_ROWS);
	return min_t(u64, n, VEX_BATCH_ROWS);
}

/* Compare a copy of one row: one that straddles segments, or any when there is no memory. */
static int flat_single(struct vex_search_ctx *ctx, u64 row)
{
	int err;

	err = vex_file_read_locked(ctx->fs, ctx->ino, ctx->coll.rows * ctx->coll.row_bytes,
				   row * ctx->coll.row_bytes, ctx->row, ctx->coll.row_bytes);
	if (!err)
		err = vex_search_offer(ctx, row, &ctx->row, 0, 1);
	return err ? err : 1;
}

/* Compare a batch in place; returns the rows done or an error. */
static int flat_batch(struct vex_search_ctx *ctx, u64 row, u32 n)
{
	u64 pos = row * ctx->coll.row_bytes;
	struct vex_seg *seg;
	int err;

	err = vex_stream_get(ctx->fs, ctx->ino, pos / VEX_SEG_BYTES,
			     DIV_ROUND_UP(ctx->coll.rows * ctx->coll.row_bytes, VEX_SEG_BYTES),
			     &seg);
	if (err == -ENOMEM)
		return flat_single(ctx, row);
	if (err)
		return err;
	err = vex_search_offer(ctx, row, &seg->data, pos & (VEX_SEG_BYTES - 1), n);
	vex_seg_put(ctx->fs, seg);
	return err ? err : (int)n;
}

/* Rows of which none may be found are not even read. Returns the rows done or an error. */
static int flat_piece(struct vex_search_ctx *ctx, u64 row)
{
	u32 n = rows_together(&ctx->coll, row);
	int err = vex_select_piece(ctx, row, max(n, 1u));

	if (err)
		return err;
	if (!ctx->match_any)
		return max(n, 1u);
	return n ? flat_batch(ctx, row, n) : flat_single(ctx, row);
}

int vex_flat_search(struct vex_search_ctx *ctx)
{
	u64 row = ctx->from[0];
	int done;
	u32 q;

	for (q = 1; q < ctx->s->nq; q++)
		row = min(row, ctx->from[q]);
	while (row < ctx->coll.rows) {
		done = flat_piece(ctx, row);
		if (done < 0)
			return done;
		row += done;
		done = vex_search_breathe(ctx);
		if (done)
			return done;
	}
	return 0;
}

const struct vex_index_ops vex_index_flat = {
	.id = VEXFS_INDEX_FLAT,
	.name = "flat",
	.search = vex_flat_search,
};
