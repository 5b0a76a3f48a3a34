// SPDX-License-Identifier: GPL-2.0-only
/* An input as a stream of numbers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

u8 fuzz_u8(struct fuzz_stream *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static u64 bytes(struct fuzz_stream *s, u32 count)
{
	u64 value = 0;

	for (u32 i = 0; i < count; i++)
		value |= (u64)fuzz_u8(s) << i * 8;
	return value;
}

u64 fuzz_nasty(u32 which)
{
	static const u64 values[] = {
		0, 1, 2, 3, 7, 8, 40, 127, 128, 129, 255, 256, 511, 512, 1023, 1024, 1025, 4095,
		4096, 4097, 8191, 8192, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
		0xffffffff, 1ULL << 32, (1ULL << 44) - 1, 1ULL << 44, 1ULL << 51, 1ULL << 52,
		S64_MAX - 4095, S64_MAX - 1, S64_MAX, 1ULL << 63, U64_MAX - 4096, U64_MAX - 1,
		U64_MAX,
	};

	return values[which % ARRAY_SIZE(values)];
}

u64 fuzz_number(struct fuzz_stream *s)
{
	u8 kind = fuzz_u8(s);

	/* Small ones take a byte, for most of what matters is small. */
	if (kind < 128)
		return kind;
	switch (kind & 7) {
	case 0:
		return bytes(s, 2);
	case 1:
		return bytes(s, 3);
	case 2:
		return bytes(s, 4);
	case 3:
		return bytes(s, 8);
	case 4:
		return (u64)fuzz_u8(s) * VEXFS_BLOCK_SIZE;
	default:
		return fuzz_nasty(fuzz_u8(s));
	}
}

u32 fuzz_below(struct fuzz_stream *s, u32 n)
{
	return fuzz_u8(s) % n;
}

u64 fuzz_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

void fuzz_must(bool ok, const char *format, ...)
{
	va_list args;

	if (ok)
		return;
	va_start(args, format);
	fputs("fuzz: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}
