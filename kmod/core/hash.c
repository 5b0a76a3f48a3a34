// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a keyed hash
 * of names whose collisions a user without the key cannot construct. The state is four words;
 * each eight bytes of input are mixed in by two rounds, the last ones with the length in the top
 * byte; four rounds end it.
 */
#include "vex_util.h"

static inline void sip_round(u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rol64(v[1], 13) ^ v[0];
	v[3] = rol64(v[3], 16) ^ v[2];
	v[0] = rol64(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rol64(v[1], 17) ^ v[2];
	v[3] = rol64(v[3], 21) ^ v[0];
	v[2] = rol64(v[2], 32);
}

static inline void sip_word(u64 v[4], u64 word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

u64 vex_siphash(const u64 key[2], const void *data, size_t len)
{
	u64 v[4] = {
		key[0] ^ 0x736f6d6570736575ULL,	/* "somepseudorandomlygeneratedbytes" */
		key[1] ^ 0x646f72616e646f6dULL,
		key[0] ^ 0x6c7967656e657261ULL,
		key[1] ^ 0x7465646279746573ULL,
	};
	u64 last = (u64)len << 56;
	const u8 *p = data;
	u32 i;

	for (; len >= 8; len -= 8, p += 8)
		sip_word(v, get_unaligned_le64(p));
	for (i = 0; i < len; i++)
		last |= (u64)p[i] << (8 * i);
	sip_word(v, last);

	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
