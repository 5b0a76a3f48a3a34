/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where vectors come from: a file of one of the formats below, or the texts of
 * file trees. A source gives rows of binary32, all finite, in order; the first thing
 * that is wrong in it ends it with a message that tells the place.
 */
#ifndef VEXFS_CMD_SOURCE_H
#define VEXFS_CMD_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "names.h"

#define SOURCE_MAX_DIM	65535u

struct source_format;

/**
 * struct source - an open source
 * @path: as the user named it, "-" is standard input
 * @format: how it is read
 * @f: the file, NULL for text
 * @size: bytes of it when it is a regular file, or 0
 * @offset: bytes read so far
 * @dim: elements of a row
 * @record: rows given so far
 * @done: of @total, for the progress line; both 0 when the end is not known
 * @total: see @done
 * @names: NULL, or receives a name for each row given
 * @private: the format's own
 * @error: what is wrong, when a call returned -1
 */
struct source {
	const char *path;
	const struct source_format *format;
	FILE *f;
	uint64_t size;
	uint64_t offset;
	uint32_t dim;
	uint64_t record;
	uint64_t done;
	uint64_t total;
	struct names *names;
	void *private;
	char error[512];
};

/**
 * struct source_format - a kind of source
 * @name: as in --format, and the ending of file names
 * @open: read the header; @dim is set then. 0 or -1
 * @read: give up to @max rows; *@got of 0 is the end. 0 or -1
 * @close: free @private
 */
struct source_format {
	const char *name;
	int (*open)(struct source *s);
	int (*read)(struct source *s, float *rows, uint32_t max, uint32_t *got);
	void (*close)(struct source *s);
};

extern const struct source_format source_fvecs;
extern const struct source_format source_bvecs;
extern const struct source_format source_ivecs;
extern const struct source_format source_npy;
extern const struct source_format source_csv;

/* The names of the formats, for messages. */
#define SOURCE_FORMATS	"fvecs, bvecs, npy, csv"

/*
 * Open @path; @format is a name, or NULL to go by the ending. 0, or -1 with
 * s->error set and nothing left open.
 */
int source_open(struct source *s, const char *path, const char *format);
int source_read(struct source *s, float *rows, uint32_t max, uint32_t *got);
void source_close(struct source *s);

/* For formats: set s->error and return -1. */
int source_error(struct source *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Read exactly @len bytes. 1, 0 at a clean end, -1 with an error that names @what. */
int source_bytes(struct source *s, void *buf, size_t len, const char *what);
/* Check a dimension that the file states. 0 or -1. */
int source_check_dim(struct source *s, uint64_t dim);
/* Check that @row, whose first byte stands at @offset, is finite; @width: bytes of an element. */
int source_check_finite(struct source *s, const float *row, uint64_t offset, uint32_t width);

/* The nearest neighbours of an .ivecs file: @n rows of @k ids. Freed by the caller. */
int source_load_ids(struct source *s, const char *path, uint32_t **ids, uint64_t *n, uint32_t *k);

#endif /* VEXFS_CMD_SOURCE_H */
