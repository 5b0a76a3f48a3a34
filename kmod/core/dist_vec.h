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
 * for one stream, where four rows side by side are four short ones. Rows that are in the cache are
 * read side by side all the same, since they share what is loaded of the query. The sums of four
 * rows are added up together. A row is summed in the same order whether it runs alone or among
 * four, so equal rows have equal distances wherever they lie. Even and odd registers of a row have
 * a sum each: an addition does not wait for the one before. The elements past the last full
 * register are read by a register that ends with the row; lanes that were counted before are masked
 * out.
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

/*
 * One row: the lanes of the sum are added up by the caller. @stream: others follow behind it; like
 * @l2 it is a constant.
 */
static __always_inline vec row_sum(const u8 *q, const u8 *row, u32 dim, u32 size, bool stream,
				   bool l2)
{
	vec even = { 0 }, odd = { 0 };
	u32 i;

	for (i = 0; i + 2 * LANES <= dim; i += 2 * LANES) {
		if (stream)
			stream_on(row + i * size, 2 * LANES * size);
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

/* ROWS of them side by side, each in the same order. */
static __always_inline void near_sums(const u8 *q, const u8 *row, u32 dim, u32 size, bool l2,
				      vec *sum)
{
	vec even[ROWS] = { 0 }, odd[ROWS] = { 0 }, x, y;
	u32 i, j;

	for (i = 0; i + 2 * LANES <= dim; i += 2 * LANES) {
		x = load(q, i, size);
		y = load(q, i + LANES, size);
#pragma GCC unroll 4
		for (j = 0; j < ROWS; j++) {
			const u8 *at = row_at(row, j, dim, size);

			even[j] = add_term(x, load(at, i, size), even[j], l2);
			odd[j] = add_term(y, load(at, i + LANES, size), odd[j], l2);
		}
	}
	if (i + LANES <= dim) {
		x = load(q, i, size);
#pragma GCC unroll 4
		for (j = 0; j < ROWS; j++)
			even[j] = add_term(x, load(row_at(row, j, dim, size), i, size), even[j],
					   l2);
		i += LANES;
	}
	if (i < dim) {
		y = load_tail(q, i, dim, size);
#pragma GCC unroll 4
		for (j = 0; j < ROWS; j++)
			odd[j] = add_term(y, load_tail(row_at(row, j, dim, size), i, dim, size),
					  odd[j], l2);
	}
#pragma GCC unroll 4
	for (j = 0; j < ROWS; j++)
		sum[j] = even[j] + odd[j];
}

/* @rows is a constant, 1 or ROWS, here and below; @near, too: the rows are in the cache. */
static __always_inline void row_sums(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
				     bool near, bool l2, float *total)
{
	vec sum[ROWS] = { 0 };
	u32 j;

	if (near && rows == ROWS)
		near_sums(q, row, dim, size, l2, sum);
	else
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = row_sum(q, row_at(row, j, dim, size), dim, size, rows > 1, l2);
	sum4(sum[0], sum[1], sum[2], sum[3], total);
}

static __always_inline void l2_rows(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
				    bool near, u32 *out)
{
	float total[ROWS];
	u32 j;

	row_sums(q, row, dim, size, rows, near, true, total);
	for (j = 0; j < rows; j++)
		out[j] = size == F16 ? vex_f32_bits(total[j]) :
			 vex_finish_l2(total[j], q, row_at(row, j, dim, size), dim);
}

static __always_inline void ip_rows(const u8 *q, const u8 *row, u32 dim, u32 size, u32 rows,
				    bool near, u32 *out)
{
	float dot[ROWS];
	u32 j;

	row_sums(q, row, dim, size, rows, near, false, dot);
	for (j = 0; j < rows; j++)
		out[j] = size == F16 ? vex_f32_bits(0.0f - dot[j]) :
			 vex_finish_ip(dot[j], q, row_at(row, j, dim, size), dim);
}

/* The inner product with the query, and the squared norm, summed on one way. */
static __always_inline void cosine_row(const u8 *q, const u8 *row, u32 dim, u32 size, bool stream,
				       vec *qr, vec *rr)
{
	vec y;
	u32 i;

	for (i = 0; i + LANES <= dim; i += LANES) {
		if (stream)
			stream_on(row + i * size, LANES * size);
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
		cosine_row(q, row_at(row, j, dim, size), dim, size, rows > 1, &qr[j],
			   &rr[j]);
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

static __always_inline void l2_of(const u8 *q, const u8 *row, u32 n, u32 dim, u32 size, bool near,
				  u32 *out)
{
	for (; n >= ROWS; n -= ROWS, row = row_at(row, ROWS, dim, size), out += ROWS)
		l2_rows(q, row, dim, size, ROWS, near, out);
	for (; n; n--, row = row_at(row, 1, dim, size), out++)
		l2_rows(q, row, dim, size, 1, near, out);
}

static __always_inline void ip_of(const u8 *q, const u8 *row, u32 n, u32 dim, u32 size, bool near,
				  u32 *out)
{
	for (; n >= ROWS; n -= ROWS, row = row_at(row, ROWS, dim, size), out += ROWS)
		ip_rows(q, row, dim, size, ROWS, near, out);
	for (; n; n--, row = row_at(row, 1, dim, size), out++)
		ip_rows(q, row, dim, size, 1, near, out);
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

/* One kernel of the set: @of, with what is behind it as its last arguments. */
#define VEC_KERNEL(name, elem, metric, of, ...)						\
	static void name(const void *q, const void *rows, u32 n, u32 dim, u32 *out)	\
	{										\
		if (dim < LANES)							\
			narrower.kernel[elem][metric](q, rows, n, dim, out);		\
		else									\
			of(q, rows, n, dim, __VA_ARGS__, out);				\
	}

VEC_KERNEL(l2_f32, VEXFS_ELEM_F32, VEXFS_METRIC_L2, l2_of, F32, false)
VEC_KERNEL(ip_f32, VEXFS_ELEM_F32, VEXFS_METRIC_IP, ip_of, F32, false)
VEC_KERNEL(l2_f32_near, VEXFS_ELEM_F32, VEXFS_METRIC_L2, l2_of, F32, true)
VEC_KERNEL(ip_f32_near, VEXFS_ELEM_F32, VEXFS_METRIC_IP, ip_of, F32, true)
VEC_KERNEL(cosine_f32, VEXFS_ELEM_F32, VEXFS_METRIC_COSINE, cosine_of, F32)
VEC_KERNEL(l2_f16, VEXFS_ELEM_F16, VEXFS_METRIC_L2, l2_of, F16, false)
VEC_KERNEL(ip_f16, VEXFS_ELEM_F16, VEXFS_METRIC_IP, ip_of, F16, false)
VEC_KERNEL(cosine_f16, VEXFS_ELEM_F16, VEXFS_METRIC_COSINE, cosine_of, F16)

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

/* And of those for rows in the cache. */
#define VEC_NEAR							\
	[VEXFS_ELEM_F32] = {						\
		[VEXFS_METRIC_L2] = l2_f32_near,			\
		[VEXFS_METRIC_IP] = ip_f32_near,			\
	}

#endif /* VEX_DIST_VEC_H */
