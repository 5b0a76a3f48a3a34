/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Of the face of the core: collections, searches, and metadata of rows. See vex_core.h. */
#ifndef VEX_ROWS_H
#define VEX_ROWS_H

#include <vex_platform.h>
#include <linux/vexfs.h>
#include <linux/vexfs_format.h>

struct vex_fs;

/* ---- collections (coll.c, search.c) -------------------------------------- */

/**
 * struct vex_coll - a collection
 * @elem: enum vexfs_elem
 * @metric: enum vexfs_metric
 * @index: enum vexfs_index
 * @dim: elements of a row
 * @code: of a new one with an index: enum vexfs_code
 * @m: of a new one with HNSW; 0: the default
 * @ef_construction: likewise
 * @tables: of a new one with LSH; 0: the default
 * @bits: likewise
 * @rows: rows ever inserted
 * @live: of them, those not deleted
 * @row_bytes: of a row
 * @blocks: of its file, the index's among them
 */
struct vex_coll {
	u32 elem;
	u32 metric;
	u32 index;
	u32 dim;
	u32 code;
	u32 m;
	u32 ef_construction;
	u32 tables;
	u32 bits;
	u64 rows;
	u64 live;
	u32 row_bytes;
	u64 blocks;
};

/* Bits of the served VEXFS_ELEM_*, VEXFS_METRIC_* and VEXFS_INDEX_*. */
#define VEX_ELEMS_SERVED	(1u << VEXFS_ELEM_F32 | 1u << VEXFS_ELEM_F16 | \
				 1u << VEXFS_ELEM_I8 | 1u << VEXFS_ELEM_B1)
#define VEX_METRICS_SERVED	(1u << VEXFS_METRIC_L2 | 1u << VEXFS_METRIC_IP | \
				 1u << VEXFS_METRIC_COSINE | 1u << VEXFS_METRIC_HAMMING)
#define VEX_INDEXES_SERVED	(1u << VEXFS_INDEX_FLAT | 1u << VEXFS_INDEX_HNSW | \
				 1u << VEXFS_INDEX_LSH | 1u << VEXFS_INDEX_CODES)

/* Do these go together? b1 has the metric Hamming and no other, the rest all the others. */
bool vex_elem_served(u32 elem, u32 metric);
/* Bytes of a row of @dim elements, up to VEXFS_MAX_DIM; 0: no such type. */
u32 vex_row_bytes(u32 elem, u32 dim);
/*
 * The first of @count packed rows that cannot be stored, or @count: one with NaN or an infinity,
 * or, of b1, with a bit behind its last element. @elem is served; integer arithmetic only.
 */
u64 vex_rows_find_bad(u32 elem, const void *rows, u64 count, u32 dim);

/* EINVAL a field out of range; EEXIST; ENOTEMPTY; as VEXFS_IOC_CREATE. */
int vex_coll_create(struct vex_fs *fs, u64 ino, const struct vex_coll *c);

/* ENODATA not a collection. */
int vex_coll_stat(struct vex_fs *fs, u64 ino, struct vex_coll *out);

/*
 * Append @count packed rows of @dim elements. @bad_row is set with EDOM. The
 * rows are in the running transaction when the call returns.
 */
int vex_coll_insert(struct vex_fs *fs, u64 ino, const void *rows, u32 count,
		    u32 dim, u64 *first_id, u64 *bad_row);

int vex_coll_get(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u32 dim,
		 void *rows, u64 *bad_id);

/* @ids is sorted in place. */
int vex_coll_delete(struct vex_fs *fs, u64 ino, u64 *ids, u32 count, u64 *bad_id);

/**
 * struct vex_rows - rows of one call, and what is known of them
 * @ids: of an update and of vex_meta_set(): which rows
 * @rows: @count packed rows of @dim elements; unused by vex_meta_set()
 * @count: at least 1
 * @dim: elements of a row, as the caller believes
 * @row_bytes: receives the bytes of a row; unused by vex_meta_set()
 * @flags: VEXFS_META_MERGE or 0
 * @meta: @count records of metadata as <linux/vexfs.h> tells, or NULL
 * @meta_len: bytes of them
 * @first_id: receives the id of the first row of vex_coll_append()
 * @bad_row: receives the position of a refused row, with EDOM, ENOENT and EBADMSG
 * @grow: set when the collection's index does not have the rows yet
 */
struct vex_rows {
	const u64 *ids;
	const void *rows;
	u32 count;
	u32 dim;
	u32 row_bytes;
	u32 flags;
	const void *meta;
	size_t meta_len;
	u64 first_id;
	u64 bad_row;
	bool grow;
};

/* vex_coll_insert() with metadata: rows and metadata are there together or not at all. */
int vex_coll_append(struct vex_fs *fs, u64 ino, struct vex_rows *r);
/* As VEXFS_IOC_UPDATE: rows, and metadata where @r->meta is not NULL, all or nothing. */
int vex_coll_update(struct vex_fs *fs, u64 ino, struct vex_rows *r);

/* ---- metadata of rows (meta.c, match.c) ---------------------------------- */

/* As VEXFS_IOC_META_SET: all of the batch in one transaction, or nothing. */
int vex_meta_set(struct vex_fs *fs, u64 ino, struct vex_rows *r);
/* As VEXFS_IOC_META_GET. @buf may be NULL when @len is 0: then @used tells with ERANGE. */
int vex_meta_get(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, void *buf, size_t len,
		 size_t *used, u64 *bad_row);

/**
 * struct vex_filter - a predicate over metadata; see struct vexfs_filter_node
 * @nodes: @count of them
 * @text: the strings, @text_len bytes
 * @bad_node: set with EBADMSG
 */
struct vex_filter {
	const struct vexfs_filter_node *nodes;
	u32 count;
	const void *text;
	u32 text_len;
	u32 bad_node;
};

/*
 * List at most @max live rows from @from on that match, ascending. @next receives where to go
 * on, VEXFS_NO_ID at the end. EBADMSG; EINTR; as VEXFS_IOC_FILTER.
 */
int vex_coll_filter(struct vex_fs *fs, u64 ino, struct vex_filter *f, u64 from, u64 *ids,
		    u32 max, u32 *count, u64 *next);

/**
 * struct vex_search - a batch of queries
 * @queries: nq packed rows of @dim elements
 * @k: nearest rows wanted of each
 * @ids: receives nq * k ids, nearest first, VEXFS_NO_ID where there is none
 * @distances: receives nq * k binary32 bit patterns
 * @ef: breadth of a search by an index; 0: the default
 * @probes: buckets to read of each table of LSH; 0: the default
 * @visited: receives the rows compared
 * @hops: receives the rows whose links were followed, or the buckets read
 * @bad_query: set with EDOM
 * @filter: only rows that match are found; NULL: all
 * @allow: only rows whose bit is set, bit id % 64 of word id / 64; NULL: all
 * @allow_words: words at @allow; rows past them are not found
 * @ranged: only rows at a distance of at most @radius; @k, up to VEXFS_MAX_RANGE, of them
 * @radius: bits of a binary32; EDOM when it is NaN or infinite
 * @met: receives the rows within @radius that were compared, of all queries
 */
struct vex_search {
	const void *queries;
	u32 nq;
	u32 dim;
	u32 k;
	u32 ef;
	u32 probes;
	u64 *ids;
	u32 *distances;
	u64 visited;
	u64 hops;
	u64 bad_query;
	struct vex_filter *filter;
	const u64 *allow;
	u64 allow_words;
	bool ranged;
	u32 radius;
	u64 met;
};

int vex_coll_search(struct vex_fs *fs, u64 ino, struct vex_search *s);

/**
 * struct vex_index_stat - the index of a collection
 * @code: enum vexfs_code
 * @m: links of a row
 * @ef_construction: breadth of the search for them
 * @tables: of LSH
 * @bits: of a bucket's number
 * @indexed: rows in the index
 * @pending: of them, rows that have changed since: compared one by one
 */
struct vex_index_stat {
	u32 code;
	u32 m;
	u32 ef_construction;
	u32 tables;
	u32 bits;
	u64 indexed;
	u64 pending;
};

/* All zero of a collection without an index. ENODATA; EUCLEAN the index is damaged. */
int vex_index_stat(struct vex_fs *fs, u64 ino, struct vex_index_stat *out);
/*
 * Make the index of a collection anew, whatever is left of it: rows are compared one by one
 * until they are in it again. Zeros of @want leave the parameters as they are, or, when they
 * cannot be read, are the defaults. EOPNOTSUPP it has none; EINVAL out of range; EINTR rows are
 * still missing, and the next insertion goes on.
 */
int vex_index_rebuild(struct vex_fs *fs, u64 ino, const struct vex_index_stat *want);

/* Begin to read rows that will be asked for soon; see vex_io_ops.read_start. */
int vex_coll_prefetch(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count);

#endif /* VEX_ROWS_H */
