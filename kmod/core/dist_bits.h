/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Bits that differ. Before the inclusion a unit of kernels defines vex_ones(), the number of bits
 * set in a u64. Counting the words one by one takes as long as vpshufb with its tables does for
 * rows of up to a few thousand bits, and has no tail to mask.
 */
#ifndef VEX_DIST_BITS_H
#define VEX_DIST_BITS_H

#include "dist_fp.h"
#include "vex_code.h"

static __always_inline u32 vex_bits_differ(const u8 *a, const u8 *b, u32 bytes)
{
	u32 i, sum = 0;

	for (i = 0; i + 8 <= bytes; i += 8)
		sum += vex_ones(get_unaligned_le64(a + i) ^ get_unaligned_le64(b + i));
	if (bytes & 4) {
		sum += vex_ones(get_unaligned_le32(a + i) ^ get_unaligned_le32(b + i));
		i += 4;
	}
	for (; i < bytes; i++)
		sum += vex_ones((u64)(a[i] ^ b[i]));
	return sum;
}

static inline void hamming_rows(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const u32 bytes = vex_row_bytes(VEXFS_ELEM_B1, dim);
	const u8 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += bytes)
		out[i] = vex_f32_bits(vex_bits_differ(q, row, bytes));
}

/* A vex_code_dist. */
static inline void differ_b1(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes,
			     u32 *out)
{
	u32 i;

	for (i = 0; i < n; i++)
		out[i] = vex_bits_differ(f->level, codes[i], bytes);
}

#endif /* VEX_DIST_BITS_H */
