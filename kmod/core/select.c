// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Which rows a search may find: those that match a filter over their metadata, those of a bitmap
 * that a program hands in, or those of both. Deleted rows are not its matter.
 */
#include "vex_index.h"
#include "vex_meta.h"

/* Rows that an estimate asks for at most, and matches that end it: one in five off, mostly. */
#define SAMPLE		256u
#define SAMPLE_HITS	32u

static int select_bits(struct vex_search_ctx *ctx, u64 first, u32 n)
{
	if (!ctx->s->filter) {
		memset(ctx->match, 0xff, DIV_ROUND_UP(n, 8u));
		return 0;
	}
	return vex_match_rows(ctx->fs, ctx->ino, ctx->s->filter, first, n, ctx->match_none,
			      ctx->match);
}

int vex_select_piece(struct vex_search_ctx *ctx, u64 first, u32 n)
{
	const struct vex_search *s = ctx->s;
	u64 any = 0, word;
	u32 i;
	int err;

	ctx->match_any = true;
	if (!vex_selective(s))
		return 0;
	err = select_bits(ctx, first, n);
	if (err)
		return err;
	for (i = 0; i < n; i += 64) {
		word = vex_bits_word(ctx->match, i / 64);
		if (s->allow)
			word &= vex_rows_word(s->allow, s->allow_words, first + i);
		if (n - i < 64)
			word &= (1ULL << (n - i)) - 1;
		put_unaligned_le64(word, ctx->match + i / 8);
		any |= word;
	}
	ctx->match_any = any;
	return 0;
}

int vex_select_row(struct vex_search_ctx *ctx, u64 id)
{
	const struct vex_search *s = ctx->s;
	int err;

	if (s->allow && !vex_rows_test(s->allow, s->allow_words, id))
		return 0;
	if (!s->filter)
		return 1;
	err = vex_match_rows(ctx->fs, ctx->ino, s->filter, id, 1, ctx->match_none, ctx->match);
	return err ? err : vex_bit_test(ctx->match, 0);
}

/* A row of part @i of SAMPLE equal parts, at no regular distance from those of other parts. */
static u64 sample_row(u64 rows, u32 i)
{
	u32 mixed = (i + 1) * 0x9e3779b1u;

	return (rows * i + ((rows * (mixed >> 8)) >> 24)) / SAMPLE;
}

/* Of the live rows, those that match a filter, as a sample tells. */
static int estimate(struct vex_search_ctx *ctx, u64 *pass)
{
	u64 rows = min_t(u64, ctx->coll.rows, U32_MAX), row;
	u32 n, hits = 0;
	int done;

	for (n = 0; n < SAMPLE && hits < SAMPLE_HITS; n++) {
		/* From all over the collection, however soon it ends. */
		row = sample_row(rows, n * 37 % SAMPLE);
		done = vex_search_live(ctx, row);
		if (done > 0)
			done = vex_select_row(ctx, row);
		if (done < 0)
			return done;
		hits += done;
	}
	*pass = div_u64(rows * hits, n);
	return 0;
}

/* Of the live rows, those in a bitmap, when deleted ones lie anywhere. */
static u64 count_allowed(const struct vex_search_ctx *ctx)
{
	const struct vex_coll *c = &ctx->coll;
	u64 words = min_t(u64, ctx->s->allow_words, DIV_ROUND_UP(c->rows, 64));
	u64 i, n = 0;

	for (i = 0; i < words; i++)
		n += hweight64(ctx->s->allow[i]);
	if (n > U64_MAX / max(c->live, 1ULL))
		return c->live;
	return div64_u64(n * c->live, max(c->rows, 1ULL));
}

int vex_select_pass(struct vex_search_ctx *ctx, u64 *pass)
{
	*pass = ctx->coll.live;
	if (ctx->s->filter)
		return estimate(ctx, pass);
	if (ctx->s->allow)
		*pass = count_allowed(ctx);
	return 0;
}
