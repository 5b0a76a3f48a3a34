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

#endif /* VEX_BITS_H */
