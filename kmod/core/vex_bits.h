/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Bitmaps as the format has them: bit n is bit n & 7 of byte n / 8. */
#ifndef VEX_BITS_H
#define VEX_BITS_H

#include <vex_platform.h>

static inline bool vex_bit_test(const u8 *bits, u64 n)
{
	return bits[n / 8] & (1u << (n & 7));
}

static inline void vex_bit_set(u8 *bits, u64 n)
{
	bits[n / 8] |= 1u << (n & 7);
}

static inline void vex_bit_clear(u8 *bits, u64 n)
{
	bits[n / 8] &= ~(1u << (n & 7));
}

/* Bits 64 * @word and the 63 after it, the first one lowest. */
static inline u64 vex_bits_word(const u8 *bits, u32 word)
{
	return get_unaligned_le64(bits + word * 8);
}

/* How many of the first @n bits are set. */
static inline u32 vex_bits_count(const u8 *bits, u32 n)
{
	u32 count = 0;
	u32 i;

	for (i = 0; i + 64 <= n; i += 64)
		count += hweight64(vex_bits_word(bits, i / 64));
	for (; i < n; i++)
		count += vex_bit_test(bits, i);
	return count;
}

/*
 * Bitmaps of rows as a program has them: row n is bit n % 64 of word n / 64, and rows past the last
 * of @words are not in it. The 64 rows from @first on, the first one lowest.
 */
static inline u64 vex_rows_word(const u64 *map, u64 words, u64 first)
{
	u64 at = first / 64;
	u64 low = at < words ? map[at] >> first % 64 : 0;

	return first % 64 && at + 1 < words ? low | map[at + 1] << (64 - first % 64) : low;
}

static inline bool vex_rows_test(const u64 *map, u64 words, u64 row)
{
	return row / 64 < words && map[row / 64] >> row % 64 & 1;
}

#endif /* VEX_BITS_H */
