/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The distance kernels over vector registers, written once and compiled by each unit that has
 * a wider register. Before the inclusion the unit defines:
 *
 *	LANES		elements of a register
 *	vec		a register of binary32; vec_mem, the same in memory with the
 *			alignment of an element; vec_bits and vec_bits_mem, the same as integers
 *	fused()		a * b + c with one rounding
 *	sum4()		the sums of the lanes of four registers
 *	narrower	the kernels for rows shorter than one register
 *
 * Four rows run side by side: they share each load of the query, and hide the latency of each
 * other's additions. A row is summed in the same order whether it runs alone or among four, so
 * equal rows have equal distances wherever they lie. The elements past the last full register are
 * read by a register that ends with the row; lanes that were counted before are masked out.
 */
#ifndef VEX_DIST_VEC_H
#define VEX_DIST_VEC_H

#define ROWS	4
#define LINE	64
/*
 * How far ahead rows are asked for. Four rows are read at once, which the processor's own
 * prefetcher takes for four short streams that end with each row.
 */
#define AHEAD	4096

/* The LANES entries from n on keep the last n lanes of a register. */
static const u32 keep_last[2 * LANES] = { [LANES ... 2 * LANES - 1] = ~0u };

static __always_inline vec load(const vex_f32 *row, u32 i)
{
	return *(const vec_mem *)(row + i);
}

/* Elements @i to @dim - 1, fewer than a register holds, and zeros before them. */
static __always_inline vec load_tail(const vex_f32 *row, u32 i, u32 dim)
{
	vec_bits keep = *(const vec_bits_mem *)&keep_last[dim - i];

	return (vec)((vec_bits)load(row, dim - LANES) & keep);
}

/* What will be read AHEAD of element @i of ROWS rows: as much as one step takes. */
static __always_inline void prefetch_ahead(const vex_f32 *row, u32 i)
{
	const u8 *at = (const u8 *)row + AHEAD + (size_t)i * ROWS * sizeof(*row);
	u32 j;

	for (j = 0; j < ROWS * LANES * sizeof(*row); j += LINE)
		__builtin_prefetch(at + j);
}

static __always_inline vec add_square(vec a, vec b, vec sum)
{
	vec d = a - b;

	return fused(d, d, sum);
}

/* @rows is a constant, 1 or ROWS, here and below. */
static __always_inline void l2_rows(const vex_f32 *q, const vex_f32 *row, u32 dim, u32 rows,
				    u32 *out)
{
	vec sum[ROWS] = { 0 }, x;
	float total[ROWS];
	u32 i, j;

	for (i = 0; i + LANES <= dim; i += LANES) {
		x = load(q, i);
		if (rows == ROWS)
			prefetch_ahead(row, i);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = add_square(x, load(row + (size_t)j * dim, i), sum[j]);
	}
	if (i < dim) {
		x = load_tail(q, i, dim);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = add_square(x, load_tail(row + (size_t)j * dim, i, dim), sum[j]);
	}
	sum4(sum[0], sum[1], sum[2], sum[3], total);
	for (j = 0; j < rows; j++)
		out[j] = vex_finish_l2(total[j], q, row + (size_t)j * dim, dim);
}

static __always_inline void dot_rows(const vex_f32 *q, const vex_f32 *row, u32 dim, u32 rows,
				     float *dot)
{
	vec sum[ROWS] = { 0 }, x;
	u32 i, j;

	for (i = 0; i + LANES <= dim; i += LANES) {
		x = load(q, i);
		if (rows == ROWS)
			prefetch_ahead(row, i);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = fused(x, load(row + (size_t)j * dim, i), sum[j]);
	}
	if (i < dim) {
		x = load_tail(q, i, dim);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = fused(x, load_tail(row + (size_t)j * dim, i, dim), sum[j]);
	}
	sum4(sum[0], sum[1], sum[2], sum[3], dot);
}

static __always_inline void ip_rows(const vex_f32 *q, const vex_f32 *row, u32 dim, u32 rows,
				    u32 *out)
{
	float dot[ROWS];
	u32 j;

	dot_rows(q, row, dim, rows, dot);
	for (j = 0; j < rows; j++)
		out[j] = vex_finish_ip(dot[j], q, row + (size_t)j * dim, dim);
}

/* Inner products with the query, and squared norms, summed on one way. */
static __always_inline void cosine_sums(const vex_f32 *q, const vex_f32 *row, u32 dim, u32 rows,
					float *dot, float *norm2)
{
	vec qr[ROWS] = { 0 }, rr[ROWS] = { 0 }, x, y;
	u32 i, j;

	for (i = 0; i + LANES <= dim; i += LANES) {
		x = load(q, i);
		if (rows == ROWS)
			prefetch_ahead(row, i);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++) {
			y = load(row + (size_t)j * dim, i);
			qr[j] = fused(x, y, qr[j]);
			rr[j] = fused(y, y, rr[j]);
		}
	}
	if (i < dim) {
		x = load_tail(q, i, dim);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++) {
			y = load_tail(row + (size_t)j * dim, i, dim);
			qr[j] = fused(x, y, qr[j]);
			rr[j] = fused(y, y, rr[j]);
		}
	}
	sum4(qr[0], qr[1], qr[2], qr[3], dot);
	sum4(rr[0], rr[1], rr[2], rr[3], norm2);
}

/* Apart, so that a frame holds the registers of one only. */
static noinline void cosine_sums_one(const vex_f32 *q, const vex_f32 *row, u32 dim, float *dot,
				     float *norm2)
{
	cosine_sums(q, row, dim, 1, dot, norm2);
}

static noinline void cosine_sums_all(const vex_f32 *q, const vex_f32 *row, u32 dim, float *dot,
				     float *norm2)
{
	cosine_sums(q, row, dim, ROWS, dot, norm2);
}

static void l2_vec(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const vex_f32 *row = rows;

	if (dim < LANES) {
		narrower.f32[VEXFS_METRIC_L2](q, rows, n, dim, out);
		return;
	}
	for (; n >= ROWS; n -= ROWS, row += ROWS * (size_t)dim, out += ROWS)
		l2_rows(q, row, dim, ROWS, out);
	for (; n; n--, row += dim, out++)
		l2_rows(q, row, dim, 1, out);
}

static void ip_vec(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const vex_f32 *row = rows;

	if (dim < LANES) {
		narrower.f32[VEXFS_METRIC_IP](q, rows, n, dim, out);
		return;
	}
	for (; n >= ROWS; n -= ROWS, row += ROWS * (size_t)dim, out += ROWS)
		ip_rows(q, row, dim, ROWS, out);
	for (; n; n--, row += dim, out++)
		ip_rows(q, row, dim, 1, out);
}

static void cosine_vec(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	float qq[ROWS], dot[ROWS], norm2[ROWS];
	const vex_f32 *row = rows;
	u32 i, j, step;

	if (dim < LANES) {
		narrower.f32[VEXFS_METRIC_COSINE](q, rows, n, dim, out);
		return;
	}
	/* The squared norm of the query is its inner product with itself. */
	cosine_sums_one(q, q, dim, qq, norm2);
	for (i = 0; i < n; i += step) {
		step = n - i < ROWS ? 1 : ROWS;
		if (step == 1)
			cosine_sums_one(q, row, dim, dot, norm2);
		else
			cosine_sums_all(q, row, dim, dot, norm2);
		for (j = 0; j < step; j++, row += dim)
			*out++ = vex_finish_cosine(dot[j], qq[0], norm2[j], q, row, dim);
	}
}

#endif /* VEX_DIST_VEC_H */
