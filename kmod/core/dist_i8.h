/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Distance kernels of i8 over vector registers, written once as those of dist_vec.h are, whose
 * ROWS it shares. Before the inclusion the unit defines:
 *
 *	WORDS		words of a register
 *	words		a register of signed words; words_mem, the same in memory without alignment
 *	sums		the same register as signed sums
 *	widen()		WORDS elements in words
 *	add_products()	sums + the products of two registers of words, added in pairs; its last
 *			argument, a constant, chooses among instructions
 *	sum4_int()	the sums of the lanes of four registers
 *	narrower	the kernels for rows shorter than one register
 *
 * An element and a difference of two fit a word, and all sums fit 32 bits (dist_scalar.c).
 */
#ifndef VEX_DIST_I8_H
#define VEX_DIST_I8_H

/* The WORDS entries from n on keep the last n words of a register. */
static const s16 keep_last_words[2 * WORDS] = { [WORDS ... 2 * WORDS - 1] = -1 };

/* Elements @i to @dim - 1, fewer than a register holds, and zeros before them. */
static __always_inline words widen_tail(const s8 *row, u32 i, u32 dim)
{
	return widen(row + dim - WORDS) & *(const words_mem *)&keep_last_words[dim - i];
}

/* What l2_words() and dot_words() have in common: products of differences, or of elements. */
static __always_inline sums step_i8(words x, words y, sums sum, bool l2, bool vnni)
{
	words d = x - y;

	return l2 ? add_products(d, d, sum, vnni) : add_products(x, y, sum, vnni);
}

/* @rows, 1 or ROWS, @l2 and @vnni are constants. */
static __always_inline void sums_i8(const s8 *q, const s8 *row, u32 dim, u32 rows, s32 *total,
				    bool l2, bool vnni)
{
	sums sum[ROWS] = { 0 };
	const s8 *at;
	int4 four;
	words x;
	u32 i, j;

	for (i = 0; i + WORDS <= dim; i += WORDS) {
		x = widen(q + i);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++) {
			at = row + (size_t)j * dim + i;
			if (rows > 1)
				stream_on((const u8 *)at, WORDS);
			sum[j] = step_i8(x, widen(at), sum[j], l2, vnni);
		}
	}
	if (i < dim) {
		x = widen_tail(q, i, dim);
#pragma GCC unroll 4
		for (j = 0; j < rows; j++)
			sum[j] = step_i8(x, widen_tail(row + (size_t)j * dim, i, dim), sum[j], l2,
					 vnni);
	}
	four = sum4_int(sum[0], sum[1], sum[2], sum[3]);
	__builtin_memcpy(total, &four, sizeof(four));
}

static __always_inline void l2_i8(const void *q, const void *rows, u32 n, u32 dim, u32 *out,
				  bool vnni)
{
	const s8 *row = rows;
	u32 total[ROWS], j;

	for (; n >= ROWS; n -= ROWS, row += ROWS * (size_t)dim, out += ROWS) {
		sums_i8(q, row, dim, ROWS, (s32 *)total, true, vnni);
		for (j = 0; j < ROWS; j++)
			out[j] = vex_f32_bits(total[j]);
	}
	for (; n; n--, row += dim, out++) {
		sums_i8(q, row, dim, 1, (s32 *)total, true, vnni);
		*out = vex_f32_bits(total[0]);
	}
}

static __always_inline void ip_i8(const void *q, const void *rows, u32 n, u32 dim, u32 *out,
				  bool vnni)
{
	const s8 *row = rows;
	s32 dot[ROWS];
	u32 j;

	for (; n >= ROWS; n -= ROWS, row += ROWS * (size_t)dim, out += ROWS) {
		sums_i8(q, row, dim, ROWS, dot, false, vnni);
		for (j = 0; j < ROWS; j++)
			out[j] = vex_f32_bits(-dot[j]);
	}
	for (; n; n--, row += dim, out++) {
		sums_i8(q, row, dim, 1, dot, false, vnni);
		*out = vex_f32_bits(-dot[0]);
	}
}

/* The query's product with a row, then the row's with itself, which is near by then. */
static __always_inline void cosine_i8(const void *q, const void *rows, u32 n, u32 dim, u32 *out,
				      bool vnni)
{
	s32 qq[ROWS], dot[ROWS], norm2[ROWS];
	const s8 *row = rows;

	sums_i8(q, q, dim, 1, qq, false, vnni);
	for (; n; n--, row += dim, out++) {
		sums_i8(q, row, dim, 1, dot, false, vnni);
		sums_i8(row, row, dim, 1, norm2, false, vnni);
		*out = vex_finish_cosine_sound(dot[0], qq[0], norm2[0]);
	}
}

/* One kernel of a set. */
#define I8_KERNEL(metric, name, with_vnni, fn)						\
	static void fn##_##name(const void *q, const void *rows, u32 n, u32 dim, u32 *out)	\
	{											\
		if (dim < WORDS)								\
			narrower.kernel[VEXFS_ELEM_I8][metric](q, rows, n, dim, out);		\
		else										\
			fn(q, rows, n, dim, out, with_vnni);					\
	}

/* The table of those that I8_KERNEL() made. */
#define I8_TABLE(name) {							\
	[VEXFS_METRIC_L2] = l2_i8_##name,					\
	[VEXFS_METRIC_IP] = ip_i8_##name,					\
	[VEXFS_METRIC_COSINE] = cosine_i8_##name,				\
}

#endif /* VEX_DIST_I8_H */
