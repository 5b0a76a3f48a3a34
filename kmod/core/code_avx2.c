// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Distances of codes with AVX2: 32 elements a register, four codes side by side. All arithmetic
 * is exact, so the results are those of the reference.
 *
 * Levels have seven bits: a difference fits a signed byte, and the sum of two squares a signed
 * word, which is what vpmaddubsw adds up.
 */
#include "dist_fp.h"
#include "dist_popcnt.h"
#include "dist_ymm.h"
#include "vex_code.h"
#include "dist_bits.h"

typedef u8 bytes32 __attribute__((__vector_size__(32)));
typedef u8 bytes32_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(1);
typedef s16 words16 __attribute__((__vector_size__(32)));
typedef int8 sums;
typedef u64 words4_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(8);
typedef float vec8_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(4);

#define STEP	32

static __always_inline bytes32 load(const u8 *p)
{
	return *(const bytes32_mem *)p;
}

static __always_inline words16 multiply_pairs(bytes32 a, bytes32 b)
{
	words16 r;

	asm("vpmaddubsw %2, %1, %0" : "=x" (r) : "x" (a), "xm" (b));
	return r;
}

static __always_inline sums widen(words16 a)
{
	const words16 ones = (words16){ 0 } + 1;
	sums r;

	asm("vpmaddwd %2, %1, %0" : "=x" (r) : "x" (a), "x" (ones));
	return r;
}

static __always_inline sums squares(bytes32 q, bytes32 x)
{
	bytes32 d = q - x, size;

	asm("vpabsb %1, %0" : "=x" (size) : "x" (d));
	return widen(multiply_pairs(size, size));
}

static __always_inline sums products(bytes32 q, bytes32 x)
{
	return widen(multiply_pairs(x, q));
}

static __always_inline bytes32 lower(bytes32 x)
{
	words16 r;

	asm("vpsllw $3, %1, %0" : "=x" (r) : "x" (x));
	return (bytes32)r & ((bytes32){ 0 } + 0x78);
}

static __always_inline bytes32 upper(bytes32 x)
{
	words16 r;

	asm("vpsrlw $1, %1, %0" : "=x" (r) : "x" (x));
	return (bytes32)r & ((bytes32){ 0 } + 0x78);
}

static __always_inline sums step(const u8 *q, const u8 *code, u32 j, sums sum, bool ip, bool half)
{
	bytes32 x = load(code + j);

	if (!half)
		return sum + (ip ? products(load(q + j), x) : squares(load(q + j), x));
	q += 2 * j;
	return sum + (ip ? products(load(q), lower(x)) + products(load(q + 32), upper(x)) :
			   squares(load(q), lower(x)) + squares(load(q + 32), upper(x)));
}

/* A full register is all there is. */
static __always_inline sums step_rest(const u8 *q, const u8 *code, u32 j, sums sum, bool ip,
				      bool half)
{
	return sum;
}

static __always_inline int4 sum4_codes(const sums *sum)
{
	return sum4_int_ymm(sum[0], sum[1], sum[2], sum[3]);
}

#include "code_vec.h"

/* Eight levels; as code_scalar.c has it, in the same steps. */
static __always_inline sums levels8(vec8 x, vec8 low, vec8 inv)
{
	const vec8 none = { 0 };
	const vec8 most = none + (float)VEX_LEVEL_MAX;
	vec8 level = (x - low) * inv + 0.5f;
	sums r;

	/* The second operand is what a NaN gives. */
	asm("vmaxps %2, %1, %0" : "=x" (level) : "x" (level), "x" (none));
	asm("vminps %2, %1, %0" : "=x" (level) : "x" (level), "x" (most));
	asm("vcvttps2dq %1, %0" : "=x" (r) : "x" (level));
	return r;
}

/* The low bytes of 32 levels, in order: packing takes the lanes of 16 bytes by themselves. */
static __always_inline void levels_store(sums a, sums b, sums c, sums d, u8 *out)
{
	static const s32 in_order[8] = { 0, 4, 1, 5, 2, 6, 3, 7 };
	sums ab, cd, order;

	__builtin_memcpy(&order, in_order, sizeof(order));
	asm("vpackssdw %2, %1, %0" : "=x" (ab) : "x" (a), "x" (b));
	asm("vpackssdw %2, %1, %0" : "=x" (cd) : "x" (c), "x" (d));
	asm("vpackuswb %2, %1, %0" : "=x" (ab) : "x" (ab), "x" (cd));
	asm("vpermd %1, %2, %0" : "=x" (ab) : "x" (ab), "x" (order));
	*(bytes32_mem *)out = (bytes32)ab;
}

void vex_levels_avx2(const struct vex_codec *c, const void *row, u8 *out)
{
	const vex_f32 *x = row, *low = (const vex_f32 *)c->low;
	vec8 inv = (vec8){ 0 } + *(const vex_f32 *)&c->inv_step;
	struct vex_codec rest = *c;
	sums eight[4];
	s32 level[8];
	u32 i, j;

	/* Lengths are summed in one order only. */
	if (c->metric == VEXFS_METRIC_COSINE) {
		vex_code_scalar.levels(c, row, out);
		return;
	}
	for (i = 0; i + 32 <= c->dim; i += 32) {
#pragma GCC unroll 4
		for (j = 0; j < 4; j++)
			eight[j] = levels8(*(const vec8_mem *)(x + i + 8 * j),
					   *(const vec8_mem *)(low + i + 8 * j), inv);
		levels_store(eight[0], eight[1], eight[2], eight[3], out + i);
	}
	for (; i + 8 <= c->dim; i += 8) {
		eight[0] = levels8(*(const vec8_mem *)(x + i), *(const vec8_mem *)(low + i), inv);
		__builtin_memcpy(level, &eight[0], sizeof(level));
		for (j = 0; j < 8; j++)
			out[i + j] = level[j];
	}
	rest.dim -= i;
	rest.row_padded -= i;
	rest.low += i;
	vex_code_scalar.levels(&rest, x + i, out + i);
}

/* From above: what is read has not been written. The lowest four are read first, written last. */
void vex_rise_avx2(u64 *at, u32 n, u32 by)
{
	words4_mem lowest;

	if (n < 4) {
		for (; n; n--)
			at[n - 1 + by] = at[n - 1];
		return;
	}
	lowest = *(words4_mem *)at;
	for (; n >= 16; n -= 16) {
		const words4_mem *from = (const words4_mem *)(at + n - 16);
		words4_mem a = from[0], b = from[1], c = from[2], d = from[3];
		words4_mem *to = (words4_mem *)(at + n - 16 + by);

		to[3] = d;
		to[2] = c;
		to[1] = b;
		to[0] = a;
	}
	for (; n > 4; n -= min(n - 4, 4u))
		*(words4_mem *)(at + n - 4 + by) = *(words4_mem *)(at + n - 4);
	*(words4_mem *)(at + by) = lowest;
}

const struct vex_code_ops vex_code_avx2 = {
	.l2 = { [VEX_CODE_SQ7] = l2_sq7, [VEX_CODE_SQ4] = l2_sq4 },
	.b1 = differ_b1,
	.ip = { [VEX_CODE_SQ7] = ip_sq7, [VEX_CODE_SQ4] = ip_sq4 },
	.levels = vex_levels_avx2,
	.rise = vex_rise_avx2,
};
