/* SPDX-License-Identifier: GPL-2.0-only */
/* Vectors of a benchmark: read from files, or made. */
#ifndef ANN_VECS_H
#define ANN_VECS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct vecs - rows of equal length
 * @rows: how many
 * @dim: elements of each
 * @data: packed elements of .fvecs and .bvecs, as binary32
 * @ids: packed elements of .ivecs
 */
struct vecs {
	uint64_t rows;
	uint32_t dim;
	float *data;
	int32_t *ids;
};

/* What made a function fail: the file, the fault and the remedy. */
struct vecs_error {
	char text[512];
};

/*
 * Read the first @most rows of a .fvecs or .bvecs file, by its name's end, or of an .ivecs file.
 * Each row is its length, an int32, and then so many f32, u8 or int32, all little-endian.
 * 0, or -1 with *@e filled in.
 */
int vecs_read(const char *path, uint64_t most, struct vecs *out, struct vecs_error *e);
int vecs_read_ids(const char *path, uint64_t most, struct vecs *out, struct vecs_error *e);
void vecs_free(struct vecs *v);

/* Base rows and queries of one distribution are two streams. */
enum vecs_stream { VECS_BASE, VECS_QUERIES };

/* Make rows: see generate.c. 0, or -1 without memory. */
int vecs_generate(uint64_t rows, uint32_t dim, uint64_t seed, enum vecs_stream stream,
		  struct vecs *out);
/* Of the elements; the same on every machine (FNV-1a). */
uint64_t vecs_checksum(const struct vecs *v);

#endif /* ANN_VECS_H */
