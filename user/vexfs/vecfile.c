// SPDX-License-Identifier: GPL-2.0-only
/*
 * The .fvecs, .bvecs and .ivecs formats: each record is an int32 dimension and
 * then that many binary32, unsigned bytes or int32; all little-endian, all records of
 * the same dimension, no header.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

/* Bytes of an element. */
static uint32_t width(const struct source *s)
{
	return s->format == &source_bvecs ? 1 : 4;
}

/*
 * Read the dimension of the next record. 1, 0 at the end, -1. A record's
 * dimension is read when the record before it is done, that of the first by vecs_open().
 */
static int next_dim(struct source *s, uint32_t *dim)
{
	uint32_t raw;
	int got = source_bytes(s, &raw, sizeof(raw), "the dimension of a record");

	if (got > 0)
		*dim = le32toh(raw);
	return got;
}

static int vecs_open(struct source *s)
{
	uint64_t bytes, rest;
	int got = next_dim(s, &s->dim);

	if (got < 0)
		return -1;
	if (!got)
		return source_error(s, "is empty");
	s->offset = 0;
	if (source_check_dim(s, (int32_t)s->dim))
		return -1;
	s->offset = 4;
	bytes = 4 + (uint64_t)s->dim * width(s);
	rest = s->size % bytes;
	if (rest)
		return source_error(s, "%" PRIu64 " bytes are no whole number of records of %"
				    PRIu64 " (dimension %" PRIu32 "): record %" PRIu64
				    " at byte %" PRIu64 " is truncated, or the format is another",
				    s->size, bytes, s->dim, s->size / bytes, s->size - rest);
	return 0;
}

/* Read the elements of one record. */
static int read_elems(struct source *s, float *row)
{
	uint64_t offset = s->offset;
	size_t len = (size_t)s->dim * width(s);
	unsigned char *raw = (unsigned char *)row + (size_t)s->dim * 4 - len;
	int got = source_bytes(s, raw, len, "a record");

	if (got < 0)
		return -1;
	if (!got)
		return source_error(s, "truncated: record %" PRIu64 " ends at byte %" PRIu64
				    " after its dimension", s->record, s->offset);
	if (s->format == &source_fvecs)
		return source_check_finite(s, row, offset, 4);
	if (s->format == &source_bvecs) {
		/* The bytes lie at the end of the row, so none is overwritten unread. */
		for (uint32_t i = 0; i < s->dim; i++) {
			float value = raw[i];

			memcpy((char *)row + (size_t)i * 4, &value, sizeof(value));
		}
	}
	return 0;
}

static int vecs_read(struct source *s, float *rows, uint32_t max, uint32_t *got)
{
	while (*got < max) {
		uint64_t offset = s->offset;
		uint32_t dim = s->dim;

		if (s->record) {
			int more = next_dim(s, &dim);

			if (more <= 0)
				return more;
		}
		if (dim != s->dim)
			return source_error(s, "record %" PRIu64 " at byte %" PRIu64
					    " has dimension %" PRId32 ", the first has %" PRIu32,
					    s->record, offset, (int32_t)dim, s->dim);
		if (read_elems(s, rows + (size_t)*got * s->dim))
			return -1;
		s->record++;
		++*got;
	}
	return 0;
}

const struct source_format source_fvecs = {
	.name = "fvecs", .open = vecs_open, .read = vecs_read,
};

const struct source_format source_bvecs = {
	.name = "bvecs", .open = vecs_open, .read = vecs_read,
};

/* Elements stay int32 in the memory of the rows: for source_load_ids(). */
const struct source_format source_ivecs = {
	.name = "ivecs", .open = vecs_open, .read = vecs_read,
};

int source_load_ids(struct source *s, const char *path, uint32_t **ids, uint64_t *n, uint32_t *k)
{
	uint32_t got = 1, *all = NULL;
	uint64_t room = 0;

	if (source_open(s, path, "ivecs"))
		return -1;
	while (got) {
		if (s->record == room) {
			uint32_t *more;

			room = room ? 2 * room : 256;
			more = reallocarray(all, room, (size_t)s->dim * sizeof(*all));
			if (!more) {
				source_error(s, "%s", strerror(ENOMEM));
				break;
			}
			all = more;
		}
		if (source_read(s, (float *)all + s->record * s->dim, room - s->record, &got))
			break;
	}
	source_close(s);
	if (s->error[0]) {
		free(all);
		return -1;
	}
	*ids = all;
	*n = s->record;
	*k = s->dim;
	return 0;
}
