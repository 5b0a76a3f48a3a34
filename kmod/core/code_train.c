// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Codecs: their making from a sample of rows, and what their codes tell of it.
 *
 * The range of an element reaches from one quantile of the sample to another, so that a few
 * outliers do not make the steps coarse; what lies outside is cut to the first or last level.
 * The common step is that of the widest element.
 *
 * So levels tell little of rows that differ in a small part of the range only: of short ones beside
 * long ones, or in few elements. Whether that is so is tried out: for some rows of the sample, are
 * those that are nearest by their codes the nearest ones?
 */
#include "vex_pca.h"
#include "vex_util.h"

/* Of 1,024 values this many are left out at each end: four bits want the bulk, seven nearly all. */
static const u32 trim[] = {
	[VEX_CODE_SQ7] = 2,
	[VEX_CODE_SQ4] = 6,
	[VEX_CODE_PCA] = 2,
};

static int order_cmp(const void *a, const void *b)
{
	u32 x = *(const u32 *)a;
	u32 y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* The inverse of vex_f32_order(). */
static u32 order_bits(u32 order)
{
	return order & 0x80000000u ? order & ~0x80000000u : ~order;
}

/* The bulk of element @i over the sample, and its median. */
static void range_of(const struct vex_codec *c, const u8 *rows, u32 count, u32 i, u32 *column,
		     struct vex_range *r)
{
	/* Rounded: of 256 rows one, without which a single outlier would set all steps. */
	u32 cut = (trim[c->kind] * count + VEX_TRAIN_ROWS / 2) / VEX_TRAIN_ROWS;
	u32 n;

	for (n = 0; n < count; n++)
		column[n] = vex_f32_order(get_unaligned_le32(rows + ((size_t)n * c->dim + i) * 4));
	sort(column, count, sizeof(*column), order_cmp, NULL);
	r->from = order_bits(column[cut]);
	r->median = order_bits(column[count / 2]);
	r->to = order_bits(column[count - 1 - cut]);
}

static const u8 *row_at(const struct vex_codec *c, const void *rows, u32 i)
{
	return (const u8 *)rows + (size_t)i * c->dim * 4;
}

/* Of 1,024 rows, as many are cut. */
static u32 usual_of(const struct vex_codec *c, const u8 *rows, u32 count)
{
	u32 i, cut = 0;

	for (i = 0; i < count; i++)
		cut += vex_codec_cut(c, row_at(c, rows, i));
	return cut * VEX_TRAIN_ROWS / count;
}

static int ranges_train(struct vex_codec *c, void *rows, u32 count)
{
	struct vex_range *range;
	u32 *column;
	u32 i;
	int err;

	if (c->kind == VEX_CODE_B1)
		return 0;
	column = vex_alloc(count * sizeof(*column));
	range = vex_alloc(c->dim * sizeof(*range));
	err = column && range ? 0 : -ENOMEM;
	for (i = 0; i < count && !err && c->metric == VEXFS_METRIC_COSINE; i++) {
		u8 *row = (u8 *)rows + (size_t)i * c->dim * 4;

		vex_fpu_begin();
		vex_code_normalise(row, row, c->dim);
		vex_fpu_end();
	}
	for (i = 0; i < c->dim && !err; i++) {
		range_of(c, rows, count, i, column, &range[i]);
		if (vex_breathe())
			err = -EINTR;
	}
	if (!err) {
		vex_fpu_begin();
		vex_codec_fit(c, range);
		vex_fpu_end();
		c->usual = usual_of(c, rows, count);
	}
	vex_free(range);
	vex_free(column);
	return err;
}

/* The main directions; 1: rows differ in too many, unless @any will do. */
static int pca_train(struct vex_codec *c, const u8 *rows, u32 count, bool any)
{
	u8 *levels;
	u32 i;
	int err;

	if (!any && count < VEX_PCA_ROWS)
		return 1;
	levels = vex_alloc((size_t)count * c->row_padded);
	if (!levels)
		return -ENOMEM;
	/* Without directions yet they are those of the elements. */
	for (i = 0; i < count; i++)
		vex_codec_levels(c, row_at(c, rows, i), levels + (size_t)i * c->row_padded);
	err = vex_pca_train(levels, count, c->row_padded, any, &c->pca);
	vex_free(levels);
	if (err || !c->pca)
		return err ? err : 1;
	vex_codec_shape(c, VEX_CODE_PCA, c->elem, c->metric, c->dim);
	return 0;
}

static int codec_make(struct vex_codec *c, u32 kind, void *rows, u32 count, bool any)
{
	int err;

	vex_pca_free(c->pca);
	c->pca = NULL;
	vex_codec_shape(c, kind, c->elem, c->metric, c->dim);
	err = ranges_train(c, rows, count);
	return !err && kind == VEX_CODE_PCA ? pca_train(c, rows, count, any) : err;
}

int vex_codec_train(struct vex_codec *c, void *rows, u32 count)
{
	return codec_make(c, c->kind, rows, count, true);
}

/* ---- what codes tell ------------------------------------------------------------- */

/* Rows that are looked for, of at least so many; and as many of their nearest are compared. */
#define TRIALS		64u
#define TRIAL_LEAST	128u
#define TRIAL_K		10u
/* A row of which less is found, in per cent, is lost; so many may be. */
#define TRIAL_LEAST_FOUND	30u
#define TRIAL_LOST	2u

/*
 * What is found on the average, in per cent, at least. Rows of SIFT, and gaussian ones of 32 to
 * 1,536 elements, of low rank, sparse or in clusters: SQ7 finds 95 and more of them, SQ4 83.
 */
static const u32 trial_found[] = {
	[VEX_CODE_SQ7] = 88,
	[VEX_CODE_SQ4] = 78,
	[VEX_CODE_PCA] = 70,
};

/**
 * struct trial - rows, and their codes, to be compared with some of them
 * @c: the codec
 * @rows: of the sample
 * @count: as many
 * @code: one for each row
 * @codes: where they are
 * @exact: their distances, as an order
 * @coarse: the same by the codes
 * @levels: of the row that is looked for
 * @form: and its form
 */
struct trial {
	const struct vex_codec *c;
	const u8 *rows;
	u32 count;
	const u8 **code;
	u8 *codes;
	u32 *exact;
	u32 *coarse;
	u8 *levels;
	struct vex_form form;
};

static void trial_free(struct trial *t)
{
	vex_free(t->code);
	vex_free(t->codes);
	vex_free(t->exact);
	vex_free(t->coarse);
	vex_free(t->levels);
	vex_free(t->form.level);
}

static int trial_init(struct trial *t)
{
	const struct vex_codec *c = t->c;
	u32 i;

	t->code = vex_alloc(t->count * sizeof(*t->code));
	t->codes = vex_alloc((size_t)t->count * c->bytes);
	t->exact = vex_alloc(t->count * sizeof(*t->exact));
	t->coarse = vex_alloc(t->count * sizeof(*t->coarse));
	t->levels = vex_alloc(vex_codec_room(c));
	t->form.level = vex_alloc(c->padded);
	if (!t->code || !t->codes || !t->exact || !t->coarse || !t->levels || !t->form.level)
		return -ENOMEM;
	for (i = 0; i < t->count; i++) {
		vex_codec_levels(c, row_at(c, t->rows, i), t->levels);
		vex_codec_pack(c, t->levels, t->codes + (size_t)i * c->bytes);
		t->code[i] = t->codes + (size_t)i * c->bytes;
	}
	return 0;
}

/* Distances of row @q to all, by elements and by codes. */
static noinline_for_stack void trial_measure(struct trial *t, u32 q)
{
	const struct vex_codec *c = t->c;
	struct vex_measure m = vex_measure_of(VEXFS_ELEM_F32, c->metric, c->dim);
	u32 i;

	vex_codec_query(c, row_at(c, t->rows, q), t->levels);
	vex_codec_form(c, t->levels, &t->form);
	vex_codec_dists(c, &t->form, t->code, t->count, t->coarse);
	vex_dist_rows(&m, row_at(c, t->rows, q), t->rows, t->count, t->exact);
	for (i = 0; i < t->count; i++)
		t->exact[i] = vex_f32_order(t->exact[i]);
}

/* The distance of the nearest TRIAL_K but one. */
static u32 kth(const u32 *dist, u32 count)
{
	u32 near[TRIAL_K], n = 0, i, j;

	for (i = 0; i < count; i++) {
		if (n == TRIAL_K && dist[i] >= near[n - 1])
			continue;
		n += n < TRIAL_K;
		for (j = n - 1; j && near[j - 1] > dist[i]; j--)
			near[j] = near[j - 1];
		near[j] = dist[i];
	}
	return near[n - 1];
}

/* The share of the nearest rows among those that are nearest by their codes, in per cent. */
static u32 trial_share(const struct trial *t)
{
	u32 exact = kth(t->exact, t->count), coarse = kth(t->coarse, t->count);
	u32 i, found = 0, near = 0;

	for (i = 0; i < t->count; i++) {
		if (t->coarse[i] > coarse)
			continue;
		near++;
		found += t->exact[i] <= exact;
	}
	return found * 100 / near;
}

int vex_codec_poor(const struct vex_codec *c, const void *rows, u32 count)
{
	struct trial t = { .c = c, .rows = rows, .count = count };
	u32 i, share, sum = 0, lost = 0;
	int err;

	if (vex_code_exact(c->kind) || count < TRIAL_LEAST)
		return 0;
	err = trial_init(&t);
	for (i = 0; i < TRIALS && !err; i++) {
		trial_measure(&t, i * count / TRIALS);
		share = trial_share(&t);
		sum += share;
		lost += share < TRIAL_LEAST_FOUND;
		if (vex_breathe())
			err = -EINTR;
	}
	trial_free(&t);
	return err ? err : lost > TRIAL_LOST || sum < TRIALS * trial_found[c->kind];
}

/* The kind of more bits. */
static u32 kind_next(u32 kind)
{
	return kind == VEX_CODE_PCA ? VEX_CODE_SQ4 :
	       kind == VEX_CODE_SQ4 ? VEX_CODE_SQ7 : VEX_CODE_F32;
}

int vex_codec_choose(struct vex_codec *c, u32 kind, void *rows, u32 count)
{
	int err, poor;

	for (;; kind = kind_next(kind)) {
		err = codec_make(c, kind, rows, count, false);
		if (err == 1)
			continue;
		if (err || c->dim > VEX_CODE_F32_DIM)
			return err;
		poor = vex_codec_poor(c, rows, count);
		if (poor <= 0)
			return poor;
	}
}
