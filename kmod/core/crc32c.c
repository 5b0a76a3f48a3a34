// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * CRC-32C, the checksum of every block: reflected polynomial 0x82f63b78, register set to all
 * ones before and inverted after.
 *
 * Without the instruction, eight bytes a step ("slicing"): table[0] maps a byte to its
 * effect on the register; table[k] maps it to that effect followed by k zero bytes. As the
 * CRC is linear, the effect of eight bytes is the sum of eight look-ups.
 */
#include "vex_util.h"

#define CRC32C_POLY	0x82f63b78u

static u32 table[8][256];
static bool has_instruction;

void vex_crc32c_init(void)
{
	u32 crc, i, k;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ CRC32C_POLY : crc >> 1;
		table[0][i] = crc;
	}
	for (k = 1; k < 8; k++)
		for (i = 0; i < 256; i++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];

	if (vex_cpu_has_crc32()) {
		vex_crc32c_x86_init();
		has_instruction = true;
	}
}

u32 vex_crc32c_table(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;
	u32 lo, hi;

	for (; len >= 8; len -= 8, p += 8) {
		lo = get_unaligned_le32(p) ^ crc;
		hi = get_unaligned_le32(p + 4);
		crc = table[7][lo & 0xff] ^ table[6][lo >> 8 & 0xff] ^
		      table[5][lo >> 16 & 0xff] ^ table[4][lo >> 24] ^
		      table[3][hi & 0xff] ^ table[2][hi >> 8 & 0xff] ^
		      table[1][hi >> 16 & 0xff] ^ table[0][hi >> 24];
	}
	for (; len; len--, p++)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return crc;
}

u32 vex_crc32c(const void *data, size_t len)
{
	if (has_instruction)
		return ~vex_crc32c_x86(~0u, data, len);
	return ~vex_crc32c_table(~0u, data, len);
}
