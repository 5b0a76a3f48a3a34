// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Distance kernels for any CPU, the reference: their results are the same, bit for bit, on every
 * host. Element i is added to sum i % 8, and the eight sums are added in a fixed tree. The
 * unit is compiled without contraction of products and sums.
 *
 * A row of f16 has the distances of the same row in f32. Its squares and their sums neither
 * overflow nor vanish: 2^16 * 2^34 is the largest, 2^-48 the smallest. Sums of i8 fit 32 bits:
 * 65,535 * 255^2 is below 2^32.
 */
#include "dist_fp.h"

#define vex_ones(word)	hweight64(word)
#include "dist_bits.h"
#include "vex_code.h"

#define SUMS	8

/* Four sums side by side, which the compiler puts into one register where there is one. */
typedef float vec __attribute__((__vector_size__(16)));
typedef float vec_mem __attribute__((__vector_size__(16), __may_alias__)) __aligned(4);

static __always_inline vec load(const vex_f32 *p)
{
	return *(const vec_mem *)p;
}

static __always_inline float add_sums(const float *s)
{
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

typedef u32 vec_bits __attribute__((__vector_size__(16)));

/*
 * Four elements in binary32. One below the normal range is the exact difference of two numbers:
 * with the exponent of the smallest normal one its bits are as much above that.
 */
static __always_inline vec load_half(const u8 *p)
{
	const vec_bits smallest = (vec_bits){ 0 } + (113u << 23);
	vec_bits x, size, normal, tiny, is_tiny;

	asm("movq %1, %0" : "=x" (x) : "m" (*(const u8 (*)[8])p));
	asm("punpcklwd %1, %0" : "+x" (x) : "x" ((vec_bits){ 0 }));
	size = (x & 0x7fff) << 13;
	normal = size + (112u << 23);
	tiny = (vec_bits)((vec)(size + smallest) - (vec)smallest);
	is_tiny = (vec_bits)(size < (1u << 23));
	return (vec)((normal & ~is_tiny) | (tiny & is_tiny) | (x & 0x8000) << 16);
}

static __always_inline float half_at(const u8 *row, u32 i)
{
	u32 bits = vex_f16_widen(get_unaligned_le16(row + 2 * i));
	float value;

	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Four elements from @i on, of f16 or f32; @half is a constant, as below. */
static __always_inline vec load_at(const void *row, u32 i, bool half)
{
	return half ? load_half((const u8 *)row + 2 * i) : load((const vex_f32 *)row + i);
}

static __always_inline float elem_at(const void *row, u32 i, bool half)
{
	return half ? half_at(row, i) : ((const vex_f32 *)row)[i];
}

static __always_inline float squares_of(const void *q, const void *r, u32 dim, bool half)
{
	vec sum[SUMS / 4] = { 0 }, low, high;
	float s[SUMS], d;
	u32 i, j;

	for (i = 0; i + SUMS <= dim; i += SUMS) {
		low = load_at(q, i, half) - load_at(r, i, half);
		high = load_at(q, i + 4, half) - load_at(r, i + 4, half);
		sum[0] += low * low;
		sum[1] += high * high;
	}
	__builtin_memcpy(s, sum, sizeof(s));
	for (j = 0; i + j < dim; j++) {
		d = elem_at(q, i + j, half) - elem_at(r, i + j, half);
		s[j] += d * d;
	}
	return add_sums(s);
}

static __always_inline float products_of(const void *q, const void *r, u32 dim, bool half)
{
	vec sum[SUMS / 4] = { 0 };
	float s[SUMS];
	u32 i, j;

	for (i = 0; i + SUMS <= dim; i += SUMS) {
		sum[0] += load_at(q, i, half) * load_at(r, i, half);
		sum[1] += load_at(q, i + 4, half) * load_at(r, i + 4, half);
	}
	__builtin_memcpy(s, sum, sizeof(s));
	for (j = 0; i + j < dim; j++)
		s[j] += elem_at(q, i + j, half) * elem_at(r, i + j, half);
	return add_sums(s);
}

static float square_distance(const vex_f32 *q, const vex_f32 *r, u32 dim)
{
	return squares_of(q, r, dim, false);
}

static float dot_product(const vex_f32 *q, const vex_f32 *r, u32 dim)
{
	return products_of(q, r, dim, false);
}

static float square_distance_f16(const u8 *q, const u8 *r, u32 dim)
{
	return squares_of(q, r, dim, true);
}

static float dot_product_f16(const u8 *q, const u8 *r, u32 dim)
{
	return products_of(q, r, dim, true);
}

static void l2_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const vex_f32 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_finish_l2(square_distance(q, row, dim), q, row, dim);
}

static void ip_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const vex_f32 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_finish_ip(dot_product(q, row, dim), q, row, dim);
}

static void cosine_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const float qq = dot_product(q, q, dim);
	const vex_f32 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_finish_cosine(dot_product(q, row, dim), qq,
					   dot_product(row, row, dim), q, row, dim);
}

/* (2^24 - 1) * 2^104 */
static const double f32_max = 16777215.0 * (1ULL << 52) * (1ULL << 52);

/*
 * In binary64 the square of a binary32 is exact, cannot underflow to zero, and 2^16 of them
 * cannot overflow.
 */
u32 vex_dist_exact_f32(u32 metric, const void *query, const void *vector, u32 dim)
{
	double dot = 0, qq = 0, rr = 0, l2 = 0, distance, d;
	const vex_f32 *q = query, *r = vector;
	u32 i;

	for (i = 0; i < dim; i++) {
		d = (double)q[i] - r[i];
		l2 += d * d;
		dot += (double)q[i] * r[i];
		qq += (double)q[i] * q[i];
		rr += (double)r[i] * r[i];
	}
	if (metric == VEXFS_METRIC_COSINE)
		return vex_finish_cosine_sound(dot, qq, rr);
	distance = metric == VEXFS_METRIC_L2 ? l2 : 0.0 - dot;
	if (distance > f32_max)
		return VEX_F32_MAX;
	if (distance < -f32_max)
		return VEX_F32_MAX | 1u << 31;
	/* The sum with zero turns a -0, which a tiny negative number rounds to, into 0. */
	return vex_f32_bits((float)distance + 0.0f);
}

/* ---- f16 ------------------------------------------------------------------------------ */

static void l2_f16_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const u8 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += 2 * (size_t)dim)
		out[i] = vex_f32_bits(square_distance_f16(q, row, dim));
}

static void ip_f16_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const u8 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += 2 * (size_t)dim)
		out[i] = vex_f32_bits(0.0f - dot_product_f16(q, row, dim));
}

static void cosine_f16_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const float qq = dot_product_f16(q, q, dim);
	const u8 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += 2 * (size_t)dim)
		out[i] = vex_finish_cosine_sound(dot_product_f16(q, row, dim), qq,
						 dot_product_f16(row, row, dim));
}

/* ---- i8 ------------------------------------------------------------------------------- */

static u32 square_distance_i8(const s8 *q, const s8 *r, u32 dim)
{
	u32 i, sum = 0;

	for (i = 0; i < dim; i++)
		sum += (q[i] - r[i]) * (q[i] - r[i]);
	return sum;
}

static s32 dot_product_i8(const s8 *q, const s8 *r, u32 dim)
{
	s32 sum = 0;
	u32 i;

	for (i = 0; i < dim; i++)
		sum += q[i] * r[i];
	return sum;
}

static void l2_i8_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const s8 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_f32_bits(square_distance_i8(q, row, dim));
}

static void ip_i8_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const s8 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_f32_bits(-dot_product_i8(q, row, dim));
}

static void cosine_i8_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const s32 qq = dot_product_i8(q, q, dim);
	const s8 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_finish_cosine_sound(dot_product_i8(q, row, dim), qq,
						 dot_product_i8(row, row, dim));
}

const struct vex_dist_ops vex_dist_scalar = {
	.isa = VEXFS_ISA_SCALAR,
	.name = "scalar",
	.code = &vex_code_scalar,
	.piece = {
		[VEXFS_ELEM_F32] = VEX_DIST_PIECE,
		[VEXFS_ELEM_F16] = VEX_DIST_PIECE / 8,
		[VEXFS_ELEM_I8] = VEX_DIST_PIECE / 8,
		[VEXFS_ELEM_B1] = VEX_DIST_PIECE / 8,
	},
	.kernel = {
		[VEXFS_ELEM_F32] = {
			[VEXFS_METRIC_L2] = l2_scalar,
			[VEXFS_METRIC_IP] = ip_scalar,
			[VEXFS_METRIC_COSINE] = cosine_scalar,
		},
		[VEXFS_ELEM_F16] = {
			[VEXFS_METRIC_L2] = l2_f16_scalar,
			[VEXFS_METRIC_IP] = ip_f16_scalar,
			[VEXFS_METRIC_COSINE] = cosine_f16_scalar,
		},
		[VEXFS_ELEM_I8] = {
			[VEXFS_METRIC_L2] = l2_i8_scalar,
			[VEXFS_METRIC_IP] = ip_i8_scalar,
			[VEXFS_METRIC_COSINE] = cosine_i8_scalar,
		},
		[VEXFS_ELEM_B1] = { [VEXFS_METRIC_HAMMING] = hamming_rows },
	},
};
