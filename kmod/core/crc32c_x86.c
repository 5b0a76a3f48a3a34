// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * CRC-32C by the crc32 instruction. It has a latency of three cycles and starts once a cycle, so a
 * block is cut into three lanes that run side by side. Joining them needs the register of a
 * lane carried over the LANE bytes of the next one: a linear map, kept as four tables of a
 * byte each.
 */
#include "vex_util.h"

/* Three of them leave 16 bytes of a 4 KiB block, 12 of a node without its checksum. */
#define LANE	1360u
/* Bytes of each lane in one round of the loop: a divisor of it. */
#define STEP	80u

static u32 carry[4][256];

static inline u64 crc32_word(u64 crc, u64 word)
{
	asm("crc32q %1, %0" : "+r" (crc) : "rm" (word));
	return crc;
}

static inline u32 crc32_byte(u32 crc, u8 byte)
{
	asm("crc32b %1, %0" : "+r" (crc) : "qm" (byte));
	return crc;
}

static u32 carry_lane(u32 crc)
{
	return carry[0][crc & 0xff] ^ carry[1][crc >> 8 & 0xff] ^
	       carry[2][crc >> 16 & 0xff] ^ carry[3][crc >> 24];
}

void vex_crc32c_x86_init(void)
{
	u32 byte, i, n;
	u64 crc;

	for (byte = 0; byte < 4; byte++) {
		for (i = 1; i < 256; i++) {
			crc = (u64)i << (8 * byte);
			for (n = 0; n < LANE; n += 8)
				crc = crc32_word(crc, 0);
			carry[byte][i] = crc;
		}
	}
}

static u32 three_lanes(u32 crc, const u8 *p)
{
	const u8 *end = p + LANE;
	u64 a = crc, b = 0, c = 0;
	u32 n;

	/* Rolled up, half of the instructions would only count. */
	for (; p < end; p += STEP) {
#pragma GCC unroll 10
		for (n = 0; n < STEP; n += 8) {
			a = crc32_word(a, get_unaligned_le64(p + n));
			b = crc32_word(b, get_unaligned_le64(p + LANE + n));
			c = crc32_word(c, get_unaligned_le64(p + 2 * LANE + n));
		}
	}
	return carry_lane(carry_lane(a) ^ b) ^ c;
}

u32 vex_crc32c_x86(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;
	u64 one;

	for (; len >= 3 * LANE; len -= 3 * LANE, p += 3 * LANE)
		crc = three_lanes(crc, p);
	for (one = crc; len >= 8; len -= 8, p += 8)
		one = crc32_word(one, get_unaligned_le64(p));
	for (crc = one; len; len--, p++)
		crc = crc32_byte(crc, *p);
	return crc;
}
