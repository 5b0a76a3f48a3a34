// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Distances of codes with AVX-512 and VNNI: 64 elements a register, four codes side by side.
 * vpdpbusd multiplies bytes and adds up four products at once. All arithmetic is exact, so the
 * results are those of the reference.
 *
 * Levels have seven bits: the size of a difference is the same as a signed byte and as an unsigned
 * one.
 */
#include "dist_fp.h"
#include "dist_popcnt.h"
#include "vex_code.h"
#include "dist_bits.h"

#define STEP	64

typedef u8 bytes64 __attribute__((__vector_size__(64)));
typedef u8 bytes64_mem __attribute__((__vector_size__(64), __may_alias__)) __aligned(1);
typedef u64 quads8 __attribute__((__vector_size__(64)));
typedef s16 words32 __attribute__((__vector_size__(64)));
typedef s32 sums __attribute__((__vector_size__(64)));

static __always_inline bytes64 load(const u8 *p)
{
	return *(const bytes64_mem *)p;
}

/* 32 bytes, and zeroes above them. */
static __always_inline bytes64 load_half(const u8 *p)
{
	bytes64 r;

	asm("vmovdqu32 %1, %t0" : "=v" (r) : "m" (*(const u8 (*)[32])p));
	return r;
}

/* @a is taken as unsigned, @b as signed. */
static __always_inline sums add_products(sums sum, bytes64 a, bytes64 b)
{
	asm("vpdpbusd %2, %1, %0" : "+v" (sum) : "v" (a), "v" (b));
	return sum;
}

/* What one register of levels adds. */
static __always_inline sums add(sums sum, bytes64 q, bytes64 x, bool ip)
{
	bytes64 d = q - x, size;

	if (ip)
		return add_products(sum, x, q);
	asm("vpabsb %1, %0" : "=v" (size) : "v" (d));
	return add_products(sum, size, size);
}

static __always_inline bytes64 lower(bytes64 x)
{
	words32 r;

	asm("vpsllw $3, %1, %0" : "=v" (r) : "v" (x));
	return (bytes64)r & ((bytes64){ 0 } + 0x78);
}

static __always_inline bytes64 upper(bytes64 x)
{
	words32 r;

	asm("vpsrlw $1, %1, %0" : "=v" (r) : "v" (x));
	return (bytes64)r & ((bytes64){ 0 } + 0x78);
}

/*
 * Of half bytes, 32 hold the levels of 64 elements: first those of the lower halves. Of two such
 * blocks of a query, those that go with the lower halves, and with the upper ones.
 */
static __always_inline bytes64 lower_blocks(bytes64 a, bytes64 b)
{
	quads8 r;

	asm("vshufi64x2 $0x44, %2, %1, %0" : "=v" (r) : "v" (a), "v" (b));
	return (bytes64)r;
}

static __always_inline bytes64 upper_blocks(bytes64 a, bytes64 b)
{
	quads8 r;

	asm("vshufi64x2 $0xee, %2, %1, %0" : "=v" (r) : "v" (a), "v" (b));
	return (bytes64)r;
}

static __always_inline sums step(const u8 *q, const u8 *code, u32 j, sums sum, bool ip, bool half)
{
	bytes64 x = load(code + j), a, b;

	if (!half)
		return add(sum, load(q + j), x, ip);
	a = load(q + 2 * j);
	b = load(q + 2 * j + 64);
	sum = add(sum, lower_blocks(a, b), lower(x), ip);
	return add(sum, upper_blocks(a, b), upper(x), ip);
}

static __always_inline sums step_rest(const u8 *q, const u8 *code, u32 j, sums sum, bool ip,
				      bool half)
{
	bytes64 x = load_half(code + j);

	if (!half)
		return add(sum, load_half(q + j), x, ip);
	sum = add(sum, load_half(q + 2 * j), lower(x), ip);
	return add(sum, load_half(q + 2 * j + 32), upper(x), ip);
}

#include "dist_zmm.h"

static __always_inline int4 sum4_codes(const sums *sum)
{
	return sum4_int(sum[0], sum[1], sum[2], sum[3]);
}

#include "code_vec.h"

const struct vex_code_ops vex_code_vnni = {
	.l2 = { [VEX_CODE_SQ7] = l2_sq7, [VEX_CODE_SQ4] = l2_sq4 },
	.b1 = differ_b1,
	.ip = { [VEX_CODE_SQ7] = ip_sq7, [VEX_CODE_SQ4] = ip_sq4 },
	.levels = vex_levels_avx2,
	.rise = vex_rise_avx2,
};
