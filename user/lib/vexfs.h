/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libvexfs: collections of vectors in a program, in memory or in a VexFS image, by the code that
 * searches them inside the kernel. Link libvexfs.a with -lm -lpthread.
 *
 *	struct vexfs_coll_options o = { .size = sizeof(o), .dim = 128 };
 *	struct vexfs_coll *c;
 *	int err = vexfs_coll_memory(&o, &c);
 *
 *	if (!err)
 *		err = vexfs_coll_add(c, rows, count, NULL);
 *	if (!err)
 *		err = vexfs_coll_search(c, query, 1, 10, NULL, ids, distances);
 *	vexfs_coll_close(c);
 *
 * Functions return 0 or a negative errno value; vexfs_coll_error() tells what was wrong. All may
 * be called by many threads at once on one collection, but for vexfs_coll_close(). A row's id is
 * its number: rows get ids in the order in which they are added, from 0.
 */
#ifndef VEXFS_H
#define VEXFS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vexfs_coll;

/* The type of an element: as enum vexfs_elem of <linux/vexfs.h>. */
#define VEXFS_COLL_ELEM_F32	1u	/* binary32: float */
#define VEXFS_COLL_ELEM_F16	2u	/* binary16, 2 bytes */
#define VEXFS_COLL_ELEM_I8	3u	/* int8_t */
#define VEXFS_COLL_ELEM_B1	4u	/* bits, the first of a byte lowest; zeros fill the last byte */

/* What "near" means: as enum vexfs_metric. */
#define VEXFS_COLL_L2		1u	/* squared Euclidean distance */
#define VEXFS_COLL_IP		2u	/* negated inner product */
#define VEXFS_COLL_COSINE	3u	/* 1 - cosine */
#define VEXFS_COLL_HAMMING	4u	/* bits that differ: of VEXFS_COLL_ELEM_B1, which has no other */

/* How a collection is searched: as enum vexfs_index. */
#define VEXFS_COLL_FLAT		1u	/* every row is compared: exact */
#define VEXFS_COLL_HNSW		2u	/* a graph: approximate, fast */
#define VEXFS_COLL_LSH		3u	/* tables of buckets: approximate, built fast */
#define VEXFS_COLL_CODES	4u	/* every row is compared by its code: nearly exact */

/* What an index compares rows by: as enum vexfs_code. Results are always ranked on the rows. */
#define VEXFS_COLL_AUTO		0u	/* the fastest that tells the rows apart */
#define VEXFS_COLL_SQ7		1u	/* seven bits of an element, in a byte */
#define VEXFS_COLL_SQ4		2u	/* four bits of an element */
#define VEXFS_COLL_BITS		3u	/* of bits, which have no other: the rows */
#define VEXFS_COLL_F32		4u	/* the elements as they are */
#define VEXFS_COLL_PCA		5u	/* seven bits along each of the main directions */

/* Stands in a result slot for which no row exists. */
#define VEXFS_COLL_NO_ID	UINT64_MAX

/*
 * Structures that begin with their size grow: one of an earlier version, smaller, has zeros for
 * what it lacks; a larger one is EINVAL.
 */

/**
 * struct vexfs_coll_options - what a collection is
 * @size: sizeof(struct vexfs_coll_options)
 * @dim: elements of a row, 1 to 65,535
 * @metric: VEXFS_COLL_L2 (also 0), _IP or _COSINE; of VEXFS_COLL_ELEM_B1 _HAMMING (also 0)
 * @index: VEXFS_COLL_HNSW (also 0), _CODES, _FLAT, or, but for bits, _LSH
 * @code: of HNSW and codes: VEXFS_COLL_AUTO, _SQ7, _SQ4, _F32 or _PCA; of LSH neither of the last;
 *	of bits _AUTO or _BITS
 * @m: of HNSW: links of a row, 2 to 128; 0: 16
 * @ef_construction: of HNSW: breadth of the search for them, up to 65,536; 0: 200
 * @elem: type of the elements: VEXFS_COLL_ELEM_F32 (also 0), _F16, _I8 or _B1
 * @tables: of LSH: 1 to 64; 0: 8. More find more, and take more memory and time
 * @bits: of LSH: of a bucket's number, 1 to 20; 0: 12. Each bit more halves the buckets' rows.
 *	EINVAL @tables * @bits * @dim, rounded up to 64, is more than 16 Mi
 */
struct vexfs_coll_options {
	uint32_t size;
	uint32_t dim;
	uint32_t metric;
	uint32_t index;
	uint32_t code;
	uint32_t m;
	uint32_t ef_construction;
	uint32_t elem;
	uint32_t tables;
	uint32_t bits;
};

/**
 * struct vexfs_coll_query - how to search
 * @size: sizeof(struct vexfs_coll_query)
 * @ef: of HNSW: breadth of the search, at least k; 0: 100, or k when that is more. More finds more
 *	of the true neighbours, and takes longer. Of LSH and codes: rows that are kept to be
 *	ranked; of codes 0: the larger one of 100 and 8 * k
 * @filter: only rows whose bit is set may be found: bit id % 64 of word id / 64; NULL: all
 * @filter_words: words at @filter; rows past them are not found
 * @compared: receives the rows whose distance or code was compared
 * @probes: of LSH: buckets to read of each table, on average: the likeliest of all tables come
 *	first; up to 4,096. 0: until 32 rows were compared for each of @ef, at most 256
 * @reserved: 0
 */
struct vexfs_coll_query {
	uint32_t size;
	uint32_t ef;
	const uint64_t *filter;
	uint64_t filter_words;
	uint64_t compared;
	uint32_t probes;
	uint32_t reserved;
};

/**
 * struct vexfs_coll_stats - what a collection holds
 * @rows: rows ever added
 * @live: of them, those not deleted
 * @indexed: rows in the index; the others are compared one by one
 * @row_bytes: memory of rows, see vexfs_coll_add()
 * @index_bytes: memory of the index
 * @dim: as in struct vexfs_coll_options, like all that follow
 */
struct vexfs_coll_stats {
	uint64_t rows;
	uint64_t live;
	uint64_t indexed;
	uint64_t row_bytes;
	uint64_t index_bytes;
	uint32_t dim;
	uint32_t metric;
	uint32_t index;
	uint32_t code;
	uint32_t m;
	uint32_t ef_construction;
	uint32_t elem;
	uint32_t tables;
	uint32_t bits;
};

/* An empty collection in memory. EINVAL an option is out of range; ENOMEM. */
int vexfs_coll_memory(const struct vexfs_coll_options *o, struct vexfs_coll **out);

#define VEXFS_COLL_READ_ONLY	1u	/* others may read the image, too; changes are EROFS */

/*
 * A collection in a VexFS image, or in a device that is not mounted: the file @path of it. With
 * @make, which may be NULL, it is made, and must not exist; its folder must. @flags: 0 or, without
 * @make, VEXFS_COLL_READ_ONLY. The image was made by mkfs.vexfs; nobody else may write it as long
 * as it is open. ENOENT; EEXIST; ENODATA the file is no collection; EBUSY somebody has the image
 * open; EINVAL it holds no VexFS, or an option is out of range; EUCLEAN; what open(2) says.
 *
 * Differences to memory: changes are durable after vexfs_coll_sync(); k is at most 4,096; an id
 * that stands twice in one deletion is EINVAL.
 */
int vexfs_coll_open(const char *image, const char *path, const struct vexfs_coll_options *make,
		    uint32_t flags, struct vexfs_coll **out);
/* Make all that was done durable. Nothing to do in memory. */
int vexfs_coll_sync(struct vexfs_coll *c);
/*
 * Write a collection in memory into an image, as a new file; the index is made anew there. The
 * file has its name once all of it is durable: after an error, or a crash, there is none. Errors
 * as vexfs_coll_open(); ENOSPC.
 */
int vexfs_coll_save(struct vexfs_coll *c, const char *image, const char *path);

/* Sync and free everything; NULL is allowed. An error of the sync. */
int vexfs_coll_close(struct vexfs_coll *c);

/*
 * Append @count packed rows, of the collection's element type. @first_id, which may be NULL,
 * receives the first one's id. EDOM: an element is NaN or infinite, or a bit is set behind the last
 * one, and no row was added; ENOMEM: as many rows were added as vexfs_coll_stat() tells, and the
 * index lacks some: the next call brings them in. EFBIG; in an image ENOSPC, too, with as many rows
 * added.
 *
 * Rows that are unlike those that the codes were made for, far outside of their range, are compared
 * one by one until codes are made anew, which is when they are a sixteenth of all, in an image a
 * third.
 *
 * In memory, as long as all elements of VEXFS_COLL_ELEM_F32 are whole numbers from 0 to 255, each
 * takes a byte. The first row of others has all rows widened, while searches go on. Results are the
 * same, bit for bit, before and after.
 */
int vexfs_coll_add(struct vexfs_coll *c, const void *rows, uint64_t count, uint64_t *first_id);

/*
 * The @k nearest rows of each of @nq packed queries of the same element type, nearest first, equal
 * distances by id. @ids and @distances receive nq * k each; slots past the last row found hold
 * VEXFS_COLL_NO_ID and FLT_MAX.
 * @q may be NULL. EINVAL @k is not 1 to 65,536, or a field of @q is out of range; EDOM.
 * Queries of one call share a pass over the rows where these are compared one by one.
 */
int vexfs_coll_search(struct vexfs_coll *c, const void *queries, uint64_t nq, uint32_t k,
		      struct vexfs_coll_query *q, uint64_t *ids, float *distances);

/*
 * The rows at a distance of at most @radius from one query, nearest first, equal distances by id:
 * up to @max, the nearest of them. @ids and @distances receive as many; slots past the last row
 * found are as above. @met receives how many rows within @radius the search has met: all, but of
 * HNSW, where it ends as soon as the walk is well past @radius or has the @max nearest, those that
 * the walk has led to. When it is more than @max, there are more rows than were returned. @radius is
 * a distance as the search returns it: squared of L2, and may be negative of IP. q->ef is the
 * breadth of the first walk; each next one is twice as broad or more. EINVAL @max is not 1 to
 * 65,536; EDOM the query or @radius is NaN or infinite.
 */
int vexfs_coll_range(struct vexfs_coll *c, const void *query, float radius, uint32_t max,
		     struct vexfs_coll_query *q, uint64_t *ids, float *distances, uint64_t *met);

/* Copy rows out by id. ENOENT. */
int vexfs_coll_get(struct vexfs_coll *c, const uint64_t *ids, uint64_t count, void *rows);
/* Delete rows: all, or, with ENOENT, none. An id may stand twice. */
int vexfs_coll_delete(struct vexfs_coll *c, const uint64_t *ids, uint64_t count);

int vexfs_coll_stat(struct vexfs_coll *c, struct vexfs_coll_stats *out);

/* A text for an error of these functions; static. */
const char *vexfs_coll_error(int err);

#ifdef __cplusplus
}
#endif
#endif /* VEXFS_H */
