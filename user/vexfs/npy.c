// SPDX-License-Identifier: GPL-2.0-only
/*
 * The .npy format of NumPy, versions 1 to 3: the magic "\x93NUMPY", two bytes of
 * version, the length of the header (2 bytes, from version 2 on 4), then the
 * header, a Python dictionary with the keys descr, fortran_order and shape, then
 * the elements. Read are arrays of '<f2', '<f4', '<f8', '|i1', '|u1' and '|b1' in C
 * order with one axis (a single row) or two (rows, elements).
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

#define NPY_HEADER_MAX	65536u
#define NPY_PREFIX	10u		/* magic, version and the shorter length */

/**
 * struct npy - what the header tells
 * @type: of an element
 * @width: bytes of an element
 * @rows: rows in the file
 * @raw: memory for one row as it stands in the file
 */
struct npy {
	const char *type;
	uint32_t width;
	uint64_t rows;
	unsigned char *raw;
};

/**
 * struct header - the dictionary while it is read
 * @at: next character; the text ends with a NUL
 * @descr: element type
 * @fortran: elements are in column order
 * @shape: lengths of the axes
 * @axes: number of them, -1 when not seen
 */
struct header {
	const char *at;
	char descr[16];
	int fortran;
	uint64_t shape[2];
	int axes;
};

static bool skip(struct header *h, char c)
{
	while (isspace((unsigned char)*h->at))
		h->at++;
	if (*h->at != c)
		return false;
	h->at++;
	return true;
}

/* A quoted string; false when there is none, or it does not fit. */
static bool read_string(struct header *h, char *out, size_t room)
{
	char quote = skip(h, '\'') ? '\'' : skip(h, '"') ? '"' : 0;
	size_t len = 0;

	if (!quote)
		return false;
	for (; *h->at && *h->at != quote; h->at++) {
		if (*h->at == '\\' || len + 1 >= room)
			return false;
		out[len++] = *h->at;
	}
	out[len] = 0;
	return skip(h, quote);
}

static bool read_bool(struct header *h, int *out)
{
	skip(h, ' ');
	for (*out = 0; *out < 2; ++*out) {
		static const char *const words[] = { "False", "True" };
		size_t len = strlen(words[*out]);

		if (!strncmp(h->at, words[*out], len)) {
			h->at += len;
			return true;
		}
	}
	return false;
}

/* A tuple of lengths. Those past the second axis are counted, not kept. */
static bool read_shape(struct header *h)
{
	h->axes = 0;
	if (!skip(h, '('))
		return false;
	while (!skip(h, ')')) {
		unsigned long long value;
		char *end;

		if (!isdigit((unsigned char)*h->at))
			return false;
		errno = 0;
		value = strtoull(h->at, &end, 10);
		if (errno)
			return false;
		h->at = end;
		if (h->axes < 2)
			h->shape[h->axes] = value;
		h->axes++;
		if (!skip(h, ',')) {
			if (!skip(h, ')'))
				return false;
			return true;
		}
	}
	return true;
}

/* NULL, or what is wrong. */
static const char *read_dictionary(struct header *h)
{
	char key[32];

	if (!skip(h, '{'))
		return "does not begin with '{'";
	while (!skip(h, '}')) {
		if (!read_string(h, key, sizeof(key)) || !skip(h, ':'))
			return "has no key where one is due";
		if (!strcmp(key, "descr")) {
			if (!read_string(h, h->descr, sizeof(h->descr)))
				return "has an element type that is not a simple one";
		} else if (!strcmp(key, "fortran_order")) {
			if (!read_bool(h, &h->fortran))
				return "has a fortran_order that is neither True nor False";
		} else if (!strcmp(key, "shape")) {
			if (!read_shape(h))
				return "has a shape that is not a tuple of lengths";
		} else {
			return "has an unknown key";
		}
		if (!skip(h, ',')) {
			if (!skip(h, '}'))
				return "does not end with '}'";
			break;
		}
	}
	while (isspace((unsigned char)*h->at))
		h->at++;
	if (*h->at)
		return "goes on after its end";
	if (!h->descr[0] || h->fortran < 0 || h->axes < 0)
		return "lacks descr, fortran_order or shape";
	return NULL;
}

/* Read magic, version, length and text of the header. Returns the text, or NULL. */
static char *read_header(struct source *s)
{
	unsigned char prefix[NPY_PREFIX + 2];
	uint32_t len;
	char *text;

	if (source_bytes(s, prefix, NPY_PREFIX, "the file header") <= 0 ||
	    memcmp(prefix, "\x93NUMPY", 6)) {
		source_error(s, "is not a .npy file: it does not begin with \\x93NUMPY");
		return NULL;
	}
	if (prefix[6] < 1 || prefix[6] > 3) {
		source_error(s, "version %u.%u of the format is unknown; known are 1, 2 and 3",
			     prefix[6], prefix[7]);
		return NULL;
	}
	len = prefix[8] | prefix[9] << 8;
	if (prefix[6] > 1) {
		if (source_bytes(s, prefix + NPY_PREFIX, 2, "the file header") <= 0)
			goto cut;
		len |= (uint32_t)prefix[10] << 16 | (uint32_t)prefix[11] << 24;
	}
	if (len > NPY_HEADER_MAX) {
		source_error(s, "the header says that it is %" PRIu32 " bytes long; at most %u "
			     "are read", len, NPY_HEADER_MAX);
		return NULL;
	}
	text = calloc(1, len + 1);
	if (text && len && source_bytes(s, text, len, "the header") <= 0) {
		free(text);
		goto cut;
	}
	if (!text)
		source_error(s, "%s", strerror(ENOMEM));
	else if (strlen(text) != len)
		text[0] = 0;
	return text;
cut:
	if (!s->error[0])
		source_error(s, "truncated: the file ends inside its header, at byte %" PRIu64,
			     s->offset);
	return NULL;
}

/* Take what the header tells, and check it against the length of the file. */
static int use_header(struct source *s, struct npy *n, const struct header *h)
{
	static const char *const types[] = { "<f2", "<f4", "<f8", "|i1", "|u1", "|b1" };
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(h->descr, types[i]))
			n->type = types[i];
	if (n->type)
		n->width = n->type[2] - '0';
	else
		return source_error(s, "element type '%s' is not read; convert in Python: "
				    "numpy.save(NEW, a.astype('<f4'))", h->descr);
	if (h->fortran)
		return source_error(s, "the array is in Fortran order; convert in Python: "
				    "numpy.save(NEW, numpy.ascontiguousarray(a))");
	if (h->axes < 1 || h->axes > 2)
		return source_error(s, "the array has %d axes; it must have one (a row) or two "
				    "(rows, elements)", h->axes);
	n->rows = h->axes == 2 ? h->shape[0] : 1;
	if (source_check_dim(s, h->shape[h->axes - 1]))
		return -1;
	s->dim = h->shape[h->axes - 1];
	if (__builtin_mul_overflow(n->rows, (uint64_t)s->dim * n->width, &bytes))
		return source_error(s, "the shape (%" PRIu64 ", %" PRIu32 ") is too large for any "
				    "file", n->rows, s->dim);
	if (s->size && s->size - s->offset != bytes)
		return source_error(s, "the shape (%" PRIu64 ", %" PRIu32 ") needs %" PRIu64
				    " bytes after the header, the file has %" PRIu64, n->rows,
				    s->dim, bytes, s->size - s->offset);
	return 0;
}

static int npy_open(struct source *s)
{
	struct header h = { .fortran = -1, .axes = -1 };
	struct npy *n = calloc(1, sizeof(*n));
	const char *wrong;
	char *text;

	s->private = n;
	if (!n)
		return source_error(s, "%s", strerror(ENOMEM));
	text = read_header(s);
	if (!text)
		return -1;
	h.at = text;
	wrong = read_dictionary(&h);
	free(text);
	if (wrong)
		return source_error(s, "the header %s", wrong);
	if (use_header(s, n, &h))
		return -1;
	n->raw = malloc((size_t)s->dim * n->width);
	return n->raw ? 0 : source_error(s, "%s", strerror(ENOMEM));
}

static float element(const struct npy *n, uint32_t i)
{
	const unsigned char *raw = n->raw + (size_t)i * n->width;
	uint64_t bits = 0;
	_Float16 half;
	double wide;
	float value;

	if (n->width == 1)
		return n->type[1] == 'i' ? (float)(int8_t)*raw : (float)*raw;
	if (n->width == 2) {
		memcpy(&half, raw, sizeof(half));
		return half;
	}
	memcpy(&bits, raw, n->width);
	bits = le64toh(bits);
	if (n->width == 4) {
		memcpy(&value, raw, 4);
		return value;
	}
	memcpy(&wide, &bits, sizeof(wide));
	return (float)wide;
}

static int npy_read(struct source *s, float *rows, uint32_t max, uint32_t *got)
{
	struct npy *n = s->private;

	for (; *got < max && s->record < n->rows; ++*got) {
		float *row = rows + (size_t)*got * s->dim;
		uint64_t offset = s->offset;
		int more = source_bytes(s, n->raw, (size_t)s->dim * n->width, "a row");

		if (more < 0)
			return -1;
		if (!more)
			return source_error(s, "truncated: ends at byte %" PRIu64 " after %" PRIu64
					    " of %" PRIu64 " rows", s->offset, s->record, n->rows);
		for (uint32_t i = 0; i < s->dim; i++)
			row[i] = element(n, i);
		if (source_check_finite(s, row, offset, n->width))
			return -1;
		s->record++;
	}
	return 0;
}

static void npy_close(struct source *s)
{
	struct npy *n = s->private;

	if (n)
		free(n->raw);
	free(n);
	s->private = NULL;
}

const struct source_format source_npy = {
	.name = "npy", .open = npy_open, .read = npy_read, .close = npy_close,
};
