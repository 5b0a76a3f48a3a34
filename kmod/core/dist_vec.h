/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The distance kernels over vector registers, written once and compiled by each unit that has
 * a wider register. Before the inclusion the unit defines:
 *
 *	LANES		elements of a register
 *	vec		a register of binary32; vec_mem, the same in memory with the
 *			alignment of an element; vec_bits and vec_bits_mem, the same as integers
 *	fetch_lanes()	LANES elements of binary32 of a row in memory
 *	widen_half()	LANES elements of binary16 in binary32
 *	fused()		a * b + c with one rounding
 *	sum4()		the sums of the lanes of four registers
 *	narrower	the kernels for rows shorter than one register
 *
 * Rows are read one after another, as they lie in memory: the processor's own prefetcher takes that
 * for one stream, where four rows side by side are four short ones. The sums of four rows are added
 * up together. A row is summed in the same order whether it runs alone or among four, so
 * equal rows have equal distances wherever they lie. Even and odd registers of a row have a sum
 * each: an addition does not wait for the one before. The elements past the last full register are
 * read by a register that ends with the row; lanes that were counted before are masked out.
 *
 * Rows of f16 are widened on the way; their sums need no finish (dist_scalar.c).
 */
#ifndef VEX_DIST_VEC_H
#define VEX_DIST_VEC_H

/* Bytes of an element: a constant, as which it is passed down. */
#define F32	4
#define F16	2

#define ROWS	4

/* The LANES entries from n on keep the last n lanes of a register. */
static const u32 keep_last[2 * LANES] = { [LANES ... 2 * LANES - 1] = ~0u };

static __always_inline const u8 *row_at(const u8 *row, u32 j, u32 dim, u32 size)
{
	return row + (size_t)j * dim * size;
}

/* Of the query, which is in the cache. */
static __always_inline vec load(const u8 *q, u32 i, u32 size)
{
	const u8 *at = q + (size_t)i * size;

	if (size == F16)
		return widen_half(at);
	return *(const vec_mem *)at;
}

/* Of a row, which perhaps is not. */
static __always_inline vec fetch(const u8 *row, u32 i, u32 size)
{
	const u8 *at = row + (size_t)i * size;

	if (size == F16)
		return widen_half(at);
	return fetch_lanes(at);
}

/* Elements @i to @dim - 1, fewer than a register holds, and zeros before them. */
static __always_inline vec load_tail(const u8 *row, u32 i, u32 dim, u32 size)
{
	vec_bits keep = *(const vec_bits_mem *)&keep_last[dim - i];

	return (vec)((vec_bits)load(row, dim - LANES, size) & keep);
}

/* What two registers add to the sum of a squared distance, @l2, or of an inner product. */
static __always_inline vec add_term(vec a, vec b, vec sum, bool l2)
{
	vec d = a - b;

	return l2 ? fused(d, d, sum) : fused(a, b, sum);
}

/* One row: the lanes of the sum are added up by the caller. @l2 is a constant. */
static __always_inline vec row_sum(const u8 *q, const u8 *row, u32 dim, u32 size, bool l2)
{
	vec even = { 0 }, odd = { 0 };
	u32 i;

	for (i = 0; i + 2 * LANES <= dim; i += 2 * LANES) {
		even = add_term(load(q, i, size), fetch(row, i, size), even, l2);
		odd = add_term(load(q, i + LANES, size), fetch(row, i + LANES, size), odd, l2);
	}
	if (i + LANES <= dim) {
		even = add_term(load(q, i, size), fetch(row, i, size), even, l2);
		i += LANES;
	}
	if (i < dim)
		odd = add_term(load_tail(q, i, dim, size), load_tail(row, i, dim, size), odd, l2);
	return even + odd;
}

/* @rows is a constant, 1 or ROWS, here and below. */
static __always_inline void l2_rows(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
				    u32 *out)
{
	vec sum[ROWS] = { 0 };
	float total[ROWS];
	u32 j;

#pragma GCC unroll 4
	for (j = 0; j < rows; j++)
		sum[j] = row_sum(q, row_at(row, j, dim, size), dim, size, true);
	sum4(sum[0], sum[1], sum[2], sum[3], total);
	for (j = 0; j < rows; j++)
		out[j] = size == F16 ? vex_f32_bits(total[j]) :
			 vex_finish_l2(total[j], q, row_at(row, j, dim, size), dim);
}

static __always_inline void ip_rows(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
				    u32 *out)
{
	vec sum[ROWS] = { 0 };
	float dot[ROWS];
	u32 j;

#pragma GCC unroll 4
	for (j = 0; j < rows; j++)
		sum[j] = row_sum(q, row_at(row, j, dim, size), dim, size, false);
	sum4(sum[0], sum[1], sum[2], sum[3], dot);
	for (j = 0; j < rows; j++)
		out[j] = size == F16 ? vex_f32_bits(0.0f - dot[j]) :
			 vex_finish_ip(dot[j], q, row_at(row, j, dim, size), dim);
}

/* The inner product with the query, and the squared norm, summed on one way. */
static __always_inline void cosine_row(const u8 *q, const u8 *row, u32 dim, u32 size, vec *qr,
				       vec *rr)
{
	vec y;
	u32 i;

	for (i = 0; i + LANES <= dim; i += LANES) {
		y = fetch(row, i, size);
		*qr = fused(load(q, i, size), y, *qr);
		*rr = fused(y, y, *rr);
	}
	if (i < dim) {
		y = load_tail(row, i, dim, size);
		*qr = fused(load_tail(q, i, dim, size), y, *qr);
		*rr = fused(y, y, *rr);
	}
}

static __always_inline void cosine_sums(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
					float *dot, float *norm2)
{
	vec qr[ROWS] = { 0 }, rr[ROWS] = { 0 };
	u32 j;

#pragma GCC unroll 4
	for (j = 0; j < rows; j++)
		cosine_row(q, row_at(row, j, dim, size), dim, size, &qr[j], &rr[j]);
	sum4(qr[0], qr[1], qr[2], qr[3], dot);
	sum4(rr[0], rr[1], rr[2], rr[3], norm2);
}

typedef void (*cosine_sums_fn)(const u8 *q, const u8 *row, u32 dim, float *dot, float *norm2);

/* Apart, so that a frame holds the registers of one only. */
static noinline void cosine_one_f32(const u8 *q, const u8 *row, u32 dim, float *dot, float *norm2)
{
	cosine_sums(q, row, dim, F32, 1, dot, norm2);
}

static noinline void cosine_all_f32(const u8 *q, const u8 *row, u32 dim, float *dot, float *norm2)
{
	cosine_sums(q, row, dim, F32, ROWS, dot, norm2);
}

static noinline void cosine_one_f16(const u8 *q, const u8 *row, u32 dim, float *dot, float *norm2)
{
	cosine_sums(q, row, dim, F16, 1, dot, norm2);
}

static noinline void cosine_all_f16(const u8 *q, const u8 *row, u32 dim, float *dot, float *norm2)
{
	cosine_sums(q, row, dim, F16, ROWS, dot, norm2);
}

static __always_inline void l2_of(const u8 *q, const u8 *row, u32 n, u32 dim, u32 size, u32 *out)
{
	for (; n >= ROWS; n -= ROWS, row = row_at(row, ROWS, dim, size), out += ROWS)
		l2_rows(q, row, dim, size, ROWS, out);
	for (; n; n--, row = row_at(row, 1, dim, size), out++)
		l2_rows(q, row, dim, size, 1, out);
}

static __always_inline void ip_of(const u8 *q, const u8 *row, u32 n, u32 dim, u32 size, u32 *out)
{
	for (; n >= ROWS; n -= ROWS, row = row_at(row, ROWS, dim, size), out += ROWS)
		ip_rows(q, row, dim, size, ROWS, out);
	for (; n; n--, row = row_at(row, 1, dim, size), out++)
		ip_rows(q, row, dim, size, 1, out);
}

static __always_inline void cosine_of(const u8 *q, const u8 *row, u32 n, u32 dim, u32 size,
				      u32 *out)
{
	const cosine_sums_fn one = size == F16 ? cosine_one_f16 : cosine_one_f32;
	const cosine_sums_fn all = size == F16 ? cosine_all_f16 : cosine_all_f32;
	float qq[ROWS], dot[ROWS], norm2[ROWS];
	u32 i, j, step;

	/* The squared norm of the query is its inner product with itself. */
	one(q, q, dim, qq, norm2);
	for (i = 0; i < n; i += step) {
		step = n - i < ROWS ? 1 : ROWS;
		if (step == 1)
			one(q, row, dim, dot, norm2);
		else
			all(q, row, dim, dot, norm2);
		for (j = 0; j < step; j++, row = row_at(row, 1, dim, size))
			*out++ = size == F16 ? vex_finish_cosine_sound(dot[j], qq[0], norm2[j]) :
				 vex_finish_cosine(dot[j], qq[0], norm2[j], q, row, dim);
	}
}

static void l2_f32(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	if (dim < LANES)
		narrower.kernel[VEXFS_ELEM_F32][VEXFS_METRIC_L2](q, rows, n, dim, out);
	else
		l2_of(q, rows, n, dim, F32, out);
}

static void ip_f32(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	if (dim < LANES)
		narrower.kernel[VEXFS_ELEM_F32][VEXFS_METRIC_IP](q, rows, n, dim, out);
	else
		ip_of(q, rows, n, dim, F32, out);
}

static void cosine_f32(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	if (dim < LANES)
		narrower.kernel[VEXFS_ELEM_F32][VEXFS_METRIC_COSINE](q, rows, n, dim, out);
	else
		cosine_of(q, rows, n, dim, F32, out);
}

static void l2_f16(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	if (dim < LANES)
		narrower.kernel[VEXFS_ELEM_F16][VEXFS_METRIC_L2](q, rows, n, dim, out);
	else
		l2_of(q, rows, n, dim, F16, out);
}

static void ip_f16(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	if (dim < LANES)
		narrower.kernel[VEXFS_ELEM_F16][VEXFS_METRIC_IP](q, rows, n, dim, out);
	else
		ip_of(q, rows, n, dim, F16, out);
}

static void cosine_f16(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	if (dim < LANES)
		narrower.kernel[VEXFS_ELEM_F16][VEXFS_METRIC_COSINE](q, rows, n, dim, out);
	else
		cosine_of(q, rows, n, dim, F16, out);
}

/* See struct vex_dist_ops. */
#define VEC_PIECES						\
	[VEXFS_ELEM_F32] = VEX_DIST_PIECE,			\
	[VEXFS_ELEM_F16] = VEX_DIST_PIECE / 2,			\
	[VEXFS_ELEM_I8] = VEX_DIST_PIECE / 2,			\
	[VEXFS_ELEM_B1] = VEX_DIST_PIECE / 4

/* The part of a table of kernels that is made here. */
#define VEC_KERNELS							\
	[VEXFS_ELEM_F32] = {						\
		[VEXFS_METRIC_L2] = l2_f32,				\
		[VEXFS_METRIC_IP] = ip_f32,				\
		[VEXFS_METRIC_COSINE] = cosine_f32,			\
	},								\
	[VEXFS_ELEM_F16] = {						\
		[VEXFS_METRIC_L2] = l2_f16,				\
		[VEXFS_METRIC_IP] = ip_f16,				\
		[VEXFS_METRIC_COSINE] = cosine_f16,			\
	}

#endif /* VEX_DIST_VEC_H */
