/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Distances of codes, four side by side: the loops that the instruction sets share. A unit defines
 * before it includes this
 *
 *	sums		a register of s32
 *	STEP		bytes of a code to a full register, a multiple of 32
 *	step()		adds what STEP bytes of a code make
 *	step_rest()	the same of 32 bytes, where STEP is more
 *	sum4_codes()	the sums of four registers
 *
 * Codes are multiples of 32 bytes. @ip and @half are constants all the way down.
 */
#include "dist_ymm.h"

/* Codes that run side by side. */
#define ABREAST	4

typedef u32 dists4 __attribute__((__vector_size__(16)));

/* With AVX2, which the wider sets have, too. */
void vex_levels_avx2(const struct vex_codec *c, const void *row, u8 *out);
void vex_rise_avx2(u64 *at, u32 n, u32 by);

/* The full registers of ABREAST codes, which lie anywhere. */
static __always_inline void sum_abreast(const struct vex_form *f, const u8 *const *codes,
					u32 bytes, sums *sum, bool ip, bool half)
{
	u32 i, j;

	for (j = 0; j + STEP <= bytes; j += STEP)
#pragma GCC unroll 4
		for (i = 0; i < ABREAST; i++)
			sum[i] = step(f->level, codes[i], j, sum[i], ip, half);
}

/* The same of codes that lie one behind the other: they are read as one stream. */
static __always_inline void sum_packed(const struct vex_form *f, const u8 *const *codes,
				       u32 bytes, sums *sum, bool ip, bool half)
{
	u32 i, j;

#pragma GCC unroll 4
	for (i = 0; i < ABREAST; i++)
		for (j = 0; j + STEP <= bytes; j += STEP) {
			stream_on(codes[i] + j, STEP);
			sum[i] = step(f->level, codes[i], j, sum[i], ip, half);
		}
}

/* @packed is a constant, too. */
static __always_inline void abreast(const struct vex_form *f, const u8 *const *codes, u32 bytes,
				    u32 *out, bool ip, bool half, bool packed)
{
	sums sum[ABREAST] = { 0 };
	u32 i, j = bytes / STEP * STEP;
	int4 total;

	if (packed)
		sum_packed(f, codes, bytes, sum, ip, half);
	else
		sum_abreast(f, codes, bytes, sum, ip, half);
	if (STEP > 32 && j < bytes)
#pragma GCC unroll 4
		for (i = 0; i < ABREAST; i++)
			sum[i] = step_rest(f->level, codes[i], j, sum[i], ip, half);
	total = sum4_codes(sum);
	if (ip)
		total = (int4)(0x80000000u - (dists4)(total - f->bias));
	__builtin_memcpy(out, &total, sizeof(total));
}

static __always_inline bool are_packed(const u8 *const *codes, u32 n, u32 bytes)
{
	return n > ABREAST && codes[n - 1] - codes[0] == (long)(n - 1) * bytes;
}

static __always_inline void all(const struct vex_form *f, const u8 *const *codes, u32 n,
				u32 bytes, u32 *out, bool ip, bool half)
{
	const u8 *last[ABREAST];
	u32 rest[ABREAST];
	u32 i;

	if (are_packed(codes, n, bytes))
		for (; n >= ABREAST; n -= ABREAST, codes += ABREAST, out += ABREAST)
			abreast(f, codes, bytes, out, ip, half, true);
	for (; n >= ABREAST; n -= ABREAST, codes += ABREAST, out += ABREAST)
		abreast(f, codes, bytes, out, ip, half, false);
	if (!n)
		return;
	for (i = 0; i < ABREAST; i++)
		last[i] = codes[min(i, n - 1)];
	abreast(f, last, bytes, rest, ip, half, false);
	for (i = 0; i < n; i++)
		out[i] = rest[i];
}

static void l2_sq7(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	all(f, codes, n, bytes, out, false, false);
}

static void ip_sq7(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	all(f, codes, n, bytes, out, true, false);
}

static void l2_sq4(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	all(f, codes, n, bytes, out, false, true);
}

static void ip_sq4(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	all(f, codes, n, bytes, out, true, true);
}
