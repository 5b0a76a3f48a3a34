// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Codes on any CPU: the reference of the kernels of distances, and the floating point that makes
 * codecs and levels. Compiled without contraction, so that a row has the same levels on every host.
 */
#include "dist_fp.h"
#include "vex_code.h"

#define vex_ones(word)	hweight64(word)
#include "dist_bits.h"

static u32 square(s32 d)
{
	return d * d;
}

static void l2_sq7(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	const s8 *q = (const s8 *)f->level;
	u32 i, j, sum;

	for (i = 0; i < n; i++) {
		for (sum = 0, j = 0; j < bytes; j++)
			sum += square(q[j] - codes[i][j]);
		out[i] = sum;
	}
}

static void ip_sq7(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	const s8 *q = (const s8 *)f->level;
	s32 sum;
	u32 i, j;

	for (i = 0; i < n; i++) {
		for (sum = 0, j = 0; j < bytes; j++)
			sum += q[j] * codes[i][j];
		out[i] = 0x80000000u - (u32)(sum - f->bias);
	}
}

/* The elements of byte @j of a code, and where they stand in a form. */
static s32 lower(u8 code)
{
	return (code & 15) << 3;
}

static s32 upper(u8 code)
{
	return code >> 4 << 3;
}

static const s8 *form_of_byte(const struct vex_form *f, u32 j)
{
	return (const s8 *)f->level + (j & ~31u) * 2 + (j & 31);
}

static void l2_sq4(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	const s8 *q;
	u32 i, j, sum;

	for (i = 0; i < n; i++) {
		for (sum = 0, j = 0; j < bytes; j++) {
			q = form_of_byte(f, j);
			sum += square(q[0] - lower(codes[i][j])) +
			       square(q[32] - upper(codes[i][j]));
		}
		out[i] = sum;
	}
}

static void ip_sq4(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	const s8 *q;
	s32 sum;
	u32 i, j;

	for (i = 0; i < n; i++) {
		for (sum = 0, j = 0; j < bytes; j++) {
			q = form_of_byte(f, j);
			sum += q[0] * lower(codes[i][j]) + q[32] * upper(codes[i][j]);
		}
		out[i] = 0x80000000u - (u32)(sum - f->bias);
	}
}

/*
 * 1 / length, 0 of a zero row. In binary64 no sum of squares overflows or vanishes, and a row of
 * subnormal numbers has an inverse.
 */
static double inverse_length(const vex_f32 *row, u32 dim)
{
	double sum = 0;
	u32 i;

	for (i = 0; i < dim; i++)
		sum += (double)row[i] * row[i];
	return sum > 0 ? 1.0 / vex_sqrt(sum) : 0.0;
}

void vex_code_normalise(const void *row, void *out, u32 dim)
{
	double scale = inverse_length(row, dim);
	const vex_f32 *in = row;
	vex_f32 *to = out;
	u32 i;

	for (i = 0; i < dim; i++)
		to[i] = (float)(in[i] * scale);
}

/*
 * A zero row has no direction: under cosine it is as far from all others as if it were square to
 * them. What stands for it is further away than any row of length one is, so that it does not take
 * the places of those that are nearer.
 */
#define FAR_LEVEL	0
#define FAR_FLOAT	3.0f

void vex_code_floats(const struct vex_codec *c, const void *row, bool query, u8 *out)
{
	bool cosine = c->metric == VEXFS_METRIC_COSINE;
	double scale = cosine ? inverse_length(row, c->dim) : 1.0;
	bool moved = c->metric == VEXFS_METRIC_IP && !query;
	const vex_f32 *low = (const vex_f32 *)c->low;
	vex_f32 *to = (vex_f32 *)out;
	const vex_f32 *x = row;
	u32 i;

	for (i = 0; i < c->dim; i++) {
		to[i] = (float)(x[i] * scale);
		if (moved)
			to[i] -= low[i];
		if (scale == 0)
			to[i] = FAR_FLOAT;
	}
	__builtin_memset(to + c->dim, 0, c->bytes - c->dim * sizeof(*to));
}

/* Squares of levels that an element may lack on the average. */
static const float cut_most[] = {
	[VEX_CODE_SQ7] = 4,
	[VEX_CODE_SQ4] = 16,
	[VEX_CODE_PCA] = 4,
};

bool vex_code_cut(const struct vex_codec *c, const void *row)
{
	double scale = c->metric == VEXFS_METRIC_COSINE ? inverse_length(row, c->dim) : 1.0;
	float inv = *(const vex_f32 *)&c->inv_step, sum = 0, level, over;
	const vex_f32 *low = (const vex_f32 *)c->low;
	const vex_f32 *x = row;
	u32 i;

	for (i = 0; i < c->dim; i++) {
		level = ((float)(x[i] * scale) - low[i]) * inv;
		over = level < 0 ? level : level > VEX_LEVEL_MAX ? level - VEX_LEVEL_MAX : 0;
		sum += over * over;
	}
	return scale != 0 && sum > cut_most[c->kind] * c->dim;
}

static void levels_scalar(const struct vex_codec *c, const void *row, u8 *out)
{
	float inv = *(const vex_f32 *)&c->inv_step;
	double scale = c->metric == VEXFS_METRIC_COSINE ? inverse_length(row, c->dim) : 1.0;
	const vex_f32 *low = (const vex_f32 *)c->low;
	const vex_f32 *x = row;
	u32 i;

	for (i = 0; i < c->dim; i++) {
		float level = ((float)(x[i] * scale) - low[i]) * inv + 0.5f;

		/* NaN, of an infinite difference and a step that has no inverse, is level 0. */
		level = level > 0 ? level : 0;
		out[i] = level < VEX_LEVEL_MAX ? (s32)level : (s32)VEX_LEVEL_MAX;
	}
	if (scale == 0)
		__builtin_memset(out, FAR_LEVEL, c->dim);
	__builtin_memset(out + c->dim, 0, c->row_padded - c->dim);
}

/* In binary64 the smallest number has an inverse. */
void vex_code_query_ip(const struct vex_codec *c, const void *row, u8 *out)
{
	const vex_f32 *x = row;
	float most = 0, size;
	double inv;
	u32 i;

	for (i = 0; i < c->dim; i++) {
		size = x[i] < 0 ? -x[i] : x[i];
		most = size > most ? size : most;
	}
	inv = most > 0 ? 63.0 / most : 0;
	for (i = 0; i < c->dim; i++)
		out[i] = (s32)(x[i] * inv + 64.5);
	__builtin_memset(out + c->dim, 0, c->row_padded - c->dim);
}

static float value_of(const u32 *bits)
{
	return *(const vex_f32 *)bits;
}

/*
 * What becomes level 64, and half of the width around it. Under an inner product it is what most
 * rows are near: how far a row is from there is how much it counts.
 */
static float middle_of(u32 metric, const struct vex_range *r, float *half)
{
	float from = value_of(&r->from), to = value_of(&r->to), median = value_of(&r->median);

	/* Halves first: the whole may overflow. */
	*half = to * 0.5f - from * 0.5f;
	if (metric != VEXFS_METRIC_IP)
		return to * 0.5f + from * 0.5f;
	*half = to - median > median - from ? to - median : median - from;
	return median;
}

void vex_codec_fit(struct vex_codec *c, const struct vex_range *r)
{
	const float largest = 16777215.0f * (1ULL << 52) * (1ULL << 52);
	const float least = 1.0f / (1ULL << 50) / (1ULL << 50);
	vex_f32 *low = (vex_f32 *)c->low;
	float widest = 0, half, inv;
	u32 i;

	for (i = 0; i < c->dim; i++) {
		low[i] = middle_of(c->metric, &r[i], &half);
		widest = half > widest ? half : widest;
	}
	/* Twice the largest number is none. */
	widest = widest < largest ? widest : largest;
	for (i = 0; i < c->dim && c->kind != VEX_CODE_F32; i++) {
		low[i] -= widest * (64.0f / 63.0f);
		/* Of the largest numbers it would be infinite, and all levels the same. */
		low[i] = low[i] < -largest ? -largest : low[i];
	}
	/* Level 64 is the middle, 1 and 127 are the ends. */
	inv = widest > least && c->kind != VEX_CODE_F32 ? 63.0f / widest : 0;
	c->inv_step = vex_f32_bits(inv);
}

static void rise_scalar(u64 *at, u32 n, u32 by)
{
	memmove(at + by, at, n * sizeof(*at));
}

const struct vex_code_ops vex_code_scalar = {
	.l2 = { [VEX_CODE_SQ7] = l2_sq7, [VEX_CODE_SQ4] = l2_sq4 },
	.b1 = differ_b1,
	.ip = { [VEX_CODE_SQ7] = ip_sq7, [VEX_CODE_SQ4] = ip_sq4 },
	.levels = levels_scalar,
	.rise = rise_scalar,
};
