// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text as a vector: hashed character n-grams.
 *
 * 1. The text is read as UTF-8 code points. Capital letters of the Latin,
 *    Greek and Cyrillic ranges become small ones; each run of white space becomes one
 *    space; one space is put before and after the whole.
 * 2. Every run of 3, 4 and 5 characters in it is an n-gram, unless a space
 *    stands inside it: spaces count only as its first or last character. So
 *    n-grams tell where words begin and end, and their order plays no part.
 * 3. An n-gram of the characters c1..cn has the 64-bit hash
 *	h = mix(f(..f(f(S, c1), c2).., cn)),  f(h, c) = (h ^ c) * P
 *    with S the offset basis and P the prime of FNV-1a (Fowler, Noll, Vo), and
 *    mix the 64-bit finaliser of MurmurHash3 (Appleby).
 * 4. An n-gram that occurs c times weighs log(1 + c). It is added to element
 *    ((h >> 32) * dim) >> 32, with a plus sign when bit 0 of h is set
 *    and a minus sign otherwise (feature hashing, Weinberger et al., 2009).
 * 5. The vector is scaled to length 1.
 *
 * Texts that share words, or parts of words, get vectors at a small angle: the
 * metric for them is the cosine. Nothing is learnt from a corpus, so any machine makes
 * the same vector of the same text.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define GRAM_MIN	3
#define GRAM_MAX	5
#define GRAM_SIZES	(GRAM_MAX - GRAM_MIN + 1)

struct text_gram {
	uint64_t hash;
	uint32_t count;		/* 0: the slot is free */
};

#define FNV_BASIS	0xcbf29ce484222325ULL
#define FNV_PRIME	0x00000100000001b3ULL

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

int text_hasher_init(struct text_hasher *h, uint32_t dim, size_t max_bytes)
{
	size_t grams = GRAM_SIZES * (max_bytes + 2);
	uint32_t slots = 1024;

	while (slots < 2 * grams)
		slots *= 2;
	h->dim = dim;
	h->mask = slots - 1;
	h->slots = calloc(slots, sizeof(*h->slots));
	h->used = calloc(grams, sizeof(*h->used));
	h->sum = calloc(dim, sizeof(*h->sum));
	if (h->slots && h->used && h->sum)
		return 0;
	text_hasher_free(h);
	return -ENOMEM;
}

void text_hasher_free(struct text_hasher *h)
{
	free(h->slots);
	free(h->used);
	free(h->sum);
	memset(h, 0, sizeof(*h));
}

/*
 * Decode one code point of at most @len bytes. Returns its length; 0 when it is cut off
 * by the end; -1 when it is not UTF-8 (overlong forms, surrogates and what lies past
 * U+10FFFF are not).
 */
static int decode(const unsigned char *s, size_t len, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int n = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : -1;

	if (n <= 1) {
		*c = *s;
		return n;
	}
	*c = *s & (0x7f >> n);
	for (int i = 1; i < n; i++) {
		if ((size_t)i >= len)
			return 0;
		if (s[i] >> 6 != 2)
			return -1;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return -1;
	return n;
}

size_t text_prefix(const char *text, size_t len, bool *cut)
{
	size_t i = 0;
	uint32_t c;
	int n = 1;

	while (i < len && text[i]) {
		n = decode((const unsigned char *)text + i, len - i, &c);
		if (n <= 0)
			break;
		i += n;
	}
	*cut = n == 0;
	return i;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x3000;
}

size_t text_cut(const char *text, size_t max)
{
	size_t at = max;

	for (size_t i = max; i > max / 2; i--) {
		if (is_space((unsigned char)text[i - 1]))
			return i;
	}
	while (at > max - 4 && ((unsigned char)text[at] >> 6) == 2)
		at--;
	return at;
}

static uint32_t fold(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177))
		return c | 1;
	return c;
}

/**
 * struct reader - the characters of a text after folding
 * @at: next byte
 * @end: end of the bytes
 * @space: the last character was a space
 * @done: the closing space was given
 */
struct reader {
	const unsigned char *at;
	const unsigned char *end;
	bool space;
	bool done;
};

/* The next character; 0 at the end. */
static uint32_t next_char(struct reader *r)
{
	uint32_t c;

	while (r->at < r->end) {
		int n = decode(r->at, r->end - r->at, &c);

		if (n <= 0)
			break;
		r->at += n;
		c = fold(c);
		if (!is_space(c)) {
			r->space = false;
			return c;
		}
		if (!r->space) {
			r->space = true;
			return ' ';
		}
	}
	if (r->done || r->space)
		return 0;
	r->done = true;
	r->space = true;
	return ' ';
}

/* Count one n-gram; returns 1 when it is the first of its kind. */
static uint32_t count_gram(struct text_hasher *h, uint64_t hash, uint32_t distinct)
{
	uint32_t at;

	hash = mix(hash);
	for (at = hash & h->mask; h->slots[at].count; at = (at + 1) & h->mask) {
		if (h->slots[at].hash == hash) {
			h->slots[at].count++;
			return 0;
		}
	}
	h->slots[at].hash = hash;
	h->slots[at].count = 1;
	h->used[distinct] = at;
	return 1;
}

static uint32_t count_grams(struct text_hasher *h, const char *text, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)text;
	struct reader r = { .at = bytes, .end = bytes + len, .space = true };
	uint32_t window[GRAM_MAX] = { ' ' };
	uint32_t distinct = 0, have = 1, c;
	bool more = true;

	while (more || have >= GRAM_MIN) {
		uint64_t hash = FNV_BASIS;

		while (have < GRAM_MAX && more) {
			c = next_char(&r);
			more = c;
			if (more)
				window[have++] = c;
		}
		for (uint32_t n = 1; n <= have; n++) {
			hash = (hash ^ window[n - 1]) * FNV_PRIME;
			if (n >= GRAM_MIN)
				distinct += count_gram(h, hash, distinct);
			if (n > 1 && window[n - 1] == ' ')
				break;
		}
		if (have)
			memmove(window, window + 1, --have * sizeof(*window));
	}
	return distinct;
}

uint32_t text_vector(struct text_hasher *h, const char *text, size_t len, float *out)
{
	uint32_t distinct = count_grams(h, text, len);
	double norm = 0;

	memset(h->sum, 0, h->dim * sizeof(*h->sum));
	for (uint32_t i = 0; i < distinct; i++) {
		struct text_gram *g = &h->slots[h->used[i]];
		double weight = log(1.0 + g->count);

		h->sum[(g->hash >> 32) * h->dim >> 32] += g->hash & 1 ? weight : -weight;
		g->count = 0;
	}
	for (uint32_t i = 0; i < h->dim; i++)
		norm += h->sum[i] * h->sum[i];
	norm = norm > 0 ? 1 / sqrt(norm) : 0;
	for (uint32_t i = 0; i < h->dim; i++)
		out[i] = (float)(h->sum[i] * norm);
	return norm > 0 ? distinct : 0;
}
