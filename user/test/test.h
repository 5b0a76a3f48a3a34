/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests share: cmocka with its headers, randomness from a seed, bit patterns. */
#ifndef VEX_TEST_H
#define VEX_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vex_core.h>
#include <vex_dist.h>
#include <vex_util.h>

/* SplitMix64: every seed, 0 too, gives a good sequence. */
static inline u64 test_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 to @n - 1. */
static inline u64 test_below(u64 *state, u64 n)
{
	return test_random(state) % n;
}

/* -1 to 1. */
static inline float test_unit(u64 *state)
{
	return (float)((double)test_random(state) / 0x1p63 - 1.0);
}

static inline u32 test_bits(float value)
{
	u32 bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float test_float(u32 bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

#endif /* VEX_TEST_H */
