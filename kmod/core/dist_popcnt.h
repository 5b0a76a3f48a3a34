/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The bits set in a word, for units that run on CPUs with AVX2: all of them have POPCNT. */
#ifndef VEX_DIST_POPCNT_H
#define VEX_DIST_POPCNT_H

static __always_inline u64 vex_ones(u64 word)
{
	u64 ones;

	asm("popcnt %1, %0" : "=r" (ones) : "rm" (word) : "cc");
	return ones;
}

#endif /* VEX_DIST_POPCNT_H */
