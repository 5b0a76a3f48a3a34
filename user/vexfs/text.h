/* SPDX-License-Identifier: GPL-2.0-only */
/* Text as a vector: hashed character n-grams. */
#ifndef VEXFS_CMD_TEXT_H
#define VEXFS_CMD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_DEFAULT_DIM	256u
#define TEXT_CHUNK_DEFAULT	(64u << 10)	/* bytes of text behind one vector */
#define TEXT_CHUNK_MIN		256u
#define TEXT_CHUNK_MAX		(1u << 20)

struct text_gram;

/**
 * struct text_hasher - the working memory of text_vector(), kept between texts
 * @dim: elements of a vector
 * @slots: hash table of the n-grams of one text
 * @mask: slots - 1
 * @used: distinct n-grams, in the order of their first occurrence
 * @sum: one accumulator for each element
 */
struct text_hasher {
	uint32_t dim;
	struct text_gram *slots;
	uint32_t mask;
	uint32_t *used;
	double *sum;
};

/* 0 or -ENOMEM. Texts of up to @max_bytes can then be hashed. */
int text_hasher_init(struct text_hasher *h, uint32_t dim, size_t max_bytes);
void text_hasher_free(struct text_hasher *h);

/*
 * Make @out, dim elements of length 1, from @text, at most max_bytes of valid
 * UTF-8. Returns the number of distinct n-grams; with 0 there were none, and
 * @out is all zeros.
 */
uint32_t text_vector(struct text_hasher *h, const char *text, size_t len, float *out);

/*
 * The length of the longest prefix of @text that is text: valid UTF-8 with no
 * NUL. A character that the end of @text cuts in two ends the prefix, and
 * sets @cut; anything else that ends it is not text.
 */
size_t text_prefix(const char *text, size_t len, bool *cut);

/*
 * Where to cut @text, which is longer than @max bytes: at most @max, after the last
 * white space of its second half, or else between two characters.
 */
size_t text_cut(const char *text, size_t max);

#endif /* VEXFS_CMD_TEXT_H */
