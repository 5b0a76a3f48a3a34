/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The distance kernels over vector registers, written once and compiled by each unit that has
 * a wider register. Before the inclusion the unit defines:
 *
 *	LANES		elements of a register
 *	vec		a register of binary32; vec_mem, the same in memory with the
 *			alignment of an element; vec_bits and vec_bits_mem, the same as integers
 *	widen_half()	LANES elements of binary16 in binary32
 *	fused()		a * b + c with one rounding
 *	sum4()		the sums of the lanes of four registers
 *	narrower	the kernels for rows shorter than one register
 *
 * Four rows run side by side: they share each load of the query, and hide the latency of each
 * other's additions. A row is summed in the same order whether it runs alone or among four, so
 * equal rows have equal distances wherever they lie. The elements past the last full register are
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
#define LINE	64
/*
 * How far ahead rows are asked for. Four rows are read at once, which the processor's own
 * prefetcher takes for four short streams that end with each row.
 */
#define AHEAD	4096

/* The LANES entries from n on keep the last n lanes of a register. */
static const u32 keep_last[2 * LANES] = { [LANES ... 2 * LANES - 1] = ~0u };

static __always_inline const u8 *row_at(const u8 *row, u32 j, u32 dim, u32 size)
{
	return row + (size_t)j * dim * size;
}

static __always_inline vec load(const u8 *row, u32 i, u32 size)
{
	const u8 *at = row + (size_t)i * size;

	if (size == F16)
		return widen_half(at);
	return *(const vec_mem *)at;
}

/* Elements @i to @dim - 1, fewer than a register holds, and zeros before them. */
static __always_inline vec load_tail(const u8 *row, u32 i, u32 dim, u32 size)
{
	vec_bits keep = *(const vec_bits_mem *)&keep_last[dim - i];

	return (vec)((vec_bits)load(row, dim - LANES, size) & keep);
}

/* What will be read AHEAD of element @i of ROWS rows: as much as one step takes. */
static __always_inline void prefetch_ahead(const u8 *row, u32 i, u32 size)
{
	const u8 *at = row + AHEAD + (size_t)i * ROWS * size;
	u32 j;

	for (j = 0; j < ROWS * LANES * size; j += LINE)
		__builtin_prefetch(at + j);
}

static __always_inline vec add_square(vec a, vec b, vec sum)
{
	vec d = a - b;

	return fused(d, d, sum);
}

/* @rows is a constant, 1 or ROWS, here and below. */
static __always_inline void l2_rows(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
				    u32 *out)
{
	vec sum[ROWS] = { 0 }, x;
	float total[ROWS];
	u32 i, j;

	for (i = 0; i + LANES <= dim; i += LANES) {
		x = load(q, i, size);
		if (rows == ROWS)
			prefetch_ahead(row, i, size);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = add_square(x, load(row_at(row, j, dim, size), i, size), sum[j]);
	}
	if (i < dim) {
		x = load_tail(q, i, dim, size);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = add_square(x, load_tail(row_at(row, j, dim, size), i, dim, size),
					    sum[j]);
	}
	sum4(sum[0], sum[1], sum[2], sum[3], total);
	for (j = 0; j < rows; j++)
		out[j] = size == F16 ? vex_f32_bits(total[j]) :
			 vex_finish_l2(total[j], q, row_at(row, j, dim, size), dim);
}

static __always_inline void ip_rows(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
				    u32 *out)
{
	vec sum[ROWS] = { 0 }, x;
	float dot[ROWS];
	u32 i, j;

	for (i = 0; i + LANES <= dim; i += LANES) {
		x = load(q, i, size);
		if (rows == ROWS)
			prefetch_ahead(row, i, size);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = fused(x, load(row_at(row, j, dim, size), i, size), sum[j]);
	}
	if (i < dim) {
		x = load_tail(q, i, dim, size);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = fused(x, load_tail(row_at(row, j, dim, size), i, dim, size),
				       sum[j]);
	}
	sum4(sum[0], sum[1], sum[2], sum[3], dot);
	for (j = 0; j < rows; j++)
		out[j] = size == F16 ? vex_f32_bits(0.0f - dot[j]) :
			 vex_finish_ip(dot[j], q, row_at(row, j, dim, size), dim);
}

/* Inner products with the query, and squared norms, summed on one way. */
static __always_inline void cosine_sums(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
					float *dot, float *norm2)
{
	vec qr[ROWS] = { 0 }, rr[ROWS] = { 0 }, x, y;
	u32 i, j;

	for (i = 0; i + LANES <= dim; i += LANES) {
		x = load(q, i, size);
		if (rows == ROWS)
			prefetch_ahead(row, i, size);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++) {
			y = load(row_at(row, j, dim, size), i, size);
			qr[j] = fused(x, y, qr[j]);
			rr[j] = fused(y, y, rr[j]);
		}
	}
	if (i < dim) {
		x = load_tail(q, i, dim, size);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++) {
			y = load_tail(row_at(row, j, dim, size), i, dim, size);
			qr[j] = fused(x, y, qr[j]);
			rr[j] = fused(y, y, rr[j]);
		}
	}
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
