/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VexFS vector operations.
 *
 * A collection is a regular file that VEXFS_IOC_CREATE turned into a row-major
 * matrix. Every operation is an ioctl on an open file. Each argument structure
 * starts with its own size, so that it can grow:
 *
 *  - a caller built against an older header passes a smaller size; the fields
 *    that it does not know read as zero;
 *  - a caller built against a newer header passes a larger size; the kernel
 *    accepts it when every byte that it does not know is zero, and answers
 *    E2BIG otherwise.
 *
 * A size below the first published structure is EINVAL; unknown flags are
 * EINVAL. Pointers travel as __u64. Rows are packed, little-endian, without
 * padding between them. Errors common to all operations:
 *
 *  EFAULT   an address of the structure or of an array is not accessible
 *  ENOTTY   not a regular file of a VexFS, or an unknown operation
 *  ENODATA  the file is not a collection (all but CREATE and CAPS)
 *  EBADF    the descriptor lacks the access mode that the operation needs
 *           (read for GET, SEARCH, RANGE, META_GET and FILTER; write for CREATE, INSERT,
 *           DELETE, UPDATE, META_SET and REINDEX)
 *  EROFS    a changing operation on a read-only mount
 *  EUCLEAN  a block on the device fails its checksum or its invariants
 *  EIO      the device failed, or the filesystem stopped after a failed commit
 *  EINTR    a fatal signal arrived
 */
#ifndef _UAPI_LINUX_VEXFS_H
#define _UAPI_LINUX_VEXFS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Limits; VEXFS_IOC_CAPS reports the same figures. */
#define VEXFS_MAX_DIM		65535u		/* elements of one row */
#define VEXFS_MAX_K		4096u		/* neighbours of one query */
#define VEXFS_MAX_EF		65536u	/* breadth of a search by an index */
#define VEXFS_MAX_PROBES	4096u	/* buckets of each table of LSH that it reads */
#define VEXFS_MAX_RANGE		65536u	/* rows that one range search returns */
#define VEXFS_MAX_QUERIES	4096u		/* queries of one search */
#define VEXFS_MAX_RESULTS	(1u << 20)	/* queries * k of one search */
#define VEXFS_MAX_IDS		(1u << 20)	/* ids of one get or delete */
#define VEXFS_MAX_BATCH		(16u << 20)	/* bytes of rows of one call */
#define VEXFS_MAX_UPDATE	512u		/* rows of one update */
#define VEXFS_MAX_META		4096u		/* rows with metadata of one call */
#define VEXFS_MAX_FILTER	32u		/* nodes of one filter */
#define VEXFS_MAX_FILTER_TEXT	8192u		/* bytes of its strings */

/*
 * The components of a mount, which components= switches: see vexfs(5) for what is missing
 * without one. A call that needs one that is off fails with EOPNOTSUPP.
 */
#define VEXFS_COMPONENT_STORAGE		0x01u	/* contents of files, rows of collections */
#define VEXFS_COMPONENT_SEARCH		0x02u	/* search */
#define VEXFS_COMPONENT_METADATA	0x04u	/* extended attributes, metadata of rows */
#define VEXFS_COMPONENT_CACHE		0x08u	/* tree nodes and rows kept in memory */
#define VEXFS_COMPONENT_TXN		0x10u	/* fsync makes durable */
#define VEXFS_COMPONENTS_ALL		0x1fu

/* Stands in a result slot for which no row exists. */
#define VEXFS_NO_ID		(~0ULL)

/**
 * enum vexfs_elem - the type of one element of a row
 * @VEXFS_ELEM_F32: IEEE 754 binary32, 4 bytes; NaN and infinities are refused
 * @VEXFS_ELEM_F16: IEEE 754 binary16, 2 bytes; NaN and infinities are refused
 * @VEXFS_ELEM_I8: an integer from -128 to 127, 1 byte
 * @VEXFS_ELEM_B1: a bit. Element i is bit i % 8, the lowest being 0, of byte i / 8; a row has
 *	(dim + 7) / 8 bytes, and one with a bit set behind its last element is refused
 *
 * Queries have the element type of the collection. All but F32 needs a filesystem with the
 * feature "elems".
 */
enum vexfs_elem {
	VEXFS_ELEM_F32	= 1,
	VEXFS_ELEM_F16	= 2,
	VEXFS_ELEM_I8	= 3,
	VEXFS_ELEM_B1	= 4,
};

/**
 * enum vexfs_metric - what "near" means; smaller is nearer for all of them
 * @VEXFS_METRIC_L2: squared Euclidean distance
 * @VEXFS_METRIC_IP: negated inner product
 * @VEXFS_METRIC_COSINE: 1 - cosine of the angle, 0 to 2; 1 when a vector is zero
 * @VEXFS_METRIC_HAMMING: how many bits differ; of VEXFS_ELEM_B1, which has no other metric
 *
 * A distance is binary32, whatever the rows are. One beyond its range is reported as +-FLT_MAX.
 * Of I8 and B1 it is exact, rounded once; that of F16 is computed in binary32.
 */
enum vexfs_metric {
	VEXFS_METRIC_L2		= 1,
	VEXFS_METRIC_IP		= 2,
	VEXFS_METRIC_COSINE	= 3,
	VEXFS_METRIC_HAMMING	= 4,
};

/**
 * enum vexfs_index - how a collection is searched
 * @VEXFS_INDEX_FLAT: every live row is compared: exact
 * @VEXFS_INDEX_HNSW: a graph leads to rows that are near: approximate, see @ef of struct
 *	vexfs_search. Up to VEXFS_HNSW_TRAINING rows, every one is compared.
 *	EINVAL for rows of some 65,000 elements, which do not fit an item of the graph
 * @VEXFS_INDEX_LSH: tables of buckets that near rows are likely to share: approximate, see @ef and
 *	@probes of struct vexfs_search. Otherwise as HNSW
 * @VEXFS_INDEX_CODES: every live row is compared by its code, and the nearest by the rows:
 *	approximate, see @ef of struct vexfs_search, and seldom wrong. Exact where that is as fast:
 *	few rows, searches by distance. Otherwise as HNSW
 */
enum vexfs_index {
	VEXFS_INDEX_FLAT	= 1,
	VEXFS_INDEX_HNSW	= 2,
	VEXFS_INDEX_LSH		= 3,
	VEXFS_INDEX_CODES	= 4,
};

/* Rows that a collection with an index has before that begins. */
#define VEXFS_HNSW_TRAINING	1024u

/**
 * enum vexfs_code - what an index compares rows by; results are ranked on the rows
 * @VEXFS_CODE_AUTO: of HNSW the fastest that tells the rows apart, of codes the same without PCA;
 *	tried out when the index begins and when it has grown, and again when rows come that the
 *	code does not fit. Of LSH the faster one of SQ7 and SQ4 for the dimension
 * @VEXFS_CODE_SQ7: seven bits an element, in a byte
 * @VEXFS_CODE_SQ4: four bits an element
 * @VEXFS_CODE_B1: the bits themselves; of VEXFS_ELEM_B1, which has no other
 * @VEXFS_CODE_F32: the elements in four bytes each, with nothing lost; not of LSH
 * @VEXFS_CODE_PCA: seven bits for each of the few directions in which rows differ most. 256 to
 *	4,096 elements, and not by inner product; not of LSH
 */
enum vexfs_code {
	VEXFS_CODE_AUTO		= 0,
	VEXFS_CODE_SQ7		= 1,
	VEXFS_CODE_SQ4		= 2,
	VEXFS_CODE_B1		= 3,
	VEXFS_CODE_F32		= 4,
	VEXFS_CODE_PCA		= 5,
};

/**
 * struct vexfs_create - turn an empty regular file into a collection
 * @size: in: sizeof(struct vexfs_create)
 * @flags: in: must be 0
 * @elem: in: &enum vexfs_elem
 * @metric: in: &enum vexfs_metric
 * @dim: in: elements of a row, 1 to VEXFS_MAX_DIM
 * @index: in: &enum vexfs_index
 * @code: in: of HNSW, LSH and codes: &enum vexfs_code
 * @m: in: of HNSW: links of a row in each layer, 2 to 128; 0: 16
 * @ef_construction: in: of HNSW: breadth of the search for them, up to 65,536; 0: 200
 * @tables: in: of LSH: 1 to 64; 0: 8
 * @bits: in: of LSH: of the number of a bucket, 1 to 20; 0: 12. @tables * @bits times @dim, rounded
 *	up to 64, is 16 Mi at most
 * @reserved: in: must be 0
 *
 * What is not of the index is zero. EINVAL a field is out of range, or @elem, @metric, @index and
 * @code do not go together; EEXIST already a collection; ENOTEMPTY the file has data; ENOSPC no
 * space; EOPNOTSUPP the filesystem was made without the feature hnsw, lsh, codes or elems.
 */
struct vexfs_create {
	__u32 size;
	__u32 flags;
	__u32 elem;
	__u32 metric;
	__u32 dim;
	__u32 index;
	__u32 code;
	__u32 m;
	__u32 ef_construction;
	__u32 tables;
	__u32 bits;
	__u32 reserved;
};

/*
 * Metadata of rows: at most 16 typed pairs a row. One row's record is its pairs, each a struct
 * vexfs_meta_pair of <linux/vexfs_format.h> with key and value, sorted by key as told there. Many
 * rows' records travel one after another, each behind its length in bytes, a __le32; a
 * length of 0 is a row without metadata.
 *
 * EBADMSG a record breaks a rule: a key that is none, stands twice or out of order, an unknown
 * type, a value of a wrong length, NaN, more than 16 pairs or 256 bytes of strings.
 */

/* Flags of an operation that writes metadata. */
#define VEXFS_META_MERGE	1u	/* keep the pairs that the record does not name */

/**
 * struct vexfs_insert - append rows, all of them or none
 * @size: in: sizeof(struct vexfs_insert)
 * @flags: in: must be 0
 * @rows: in: address of @count packed rows
 * @rows_len: in: bytes at @rows; must equal count * bytes of a row
 * @count: in: rows, at least 1; at most VEXFS_MAX_BATCH bytes of them
 * @dim: in: must equal the collection's dimension
 * @first_id: out: id of the first row; the others follow without a gap
 * @bad_row: out: with EDOM and EBADMSG, the position in the batch of the refused row
 * @meta: in: address of @count records of metadata, or 0
 * @meta_len: in: bytes at @meta; 0: no row gets metadata
 *
 * EINVAL a field is out of range or does not match; E2BIG the batch is larger
 * than VEXFS_MAX_BATCH, or has metadata and more than VEXFS_MAX_META rows; EDOM a row holds
 * NaN, an infinity or a bit behind its last element; EBADMSG a record of metadata breaks a rule;
 * ENOSPC the device is full (nothing was inserted); EFBIG the file would pass the size limit.
 */
struct vexfs_insert {
	__u32 size;
	__u32 flags;
	__u64 rows;
	__u64 rows_len;
	__u32 count;
	__u32 dim;
	__u64 first_id;
	__u64 bad_row;
	__u64 meta;
	__u64 meta_len;
};

/**
 * struct vexfs_get - copy rows out by id
 * @size: in: sizeof(struct vexfs_get)
 * @flags: in: must be 0
 * @ids: in: address of @count __u64 ids
 * @rows: in: address that receives @count packed rows
 * @rows_len: in: bytes at @rows; must equal count * bytes of a row
 * @count: in: 1 to VEXFS_MAX_IDS; at most VEXFS_MAX_BATCH bytes of rows
 * @dim: in: must equal the collection's dimension
 * @bad_id: out: with ENOENT, the first id that is not a live row
 *
 * EINVAL, E2BIG as for insert; ENOENT an id never existed or was deleted.
 */
struct vexfs_get {
	__u32 size;
	__u32 flags;
	__u64 ids;
	__u64 rows;
	__u64 rows_len;
	__u32 count;
	__u32 dim;
	__u64 bad_id;
};

/**
 * struct vexfs_delete - delete rows by id, all of them or none
 * @size: in: sizeof(struct vexfs_delete)
 * @flags: in: must be 0
 * @ids: in: address of @count __u64 ids
 * @count: in: 1 to VEXFS_MAX_IDS
 * @reserved: must be 0
 * @bad_id: out: with ENOENT, the first id that is not a live row
 *
 * Ids are never given to another row. A deleted row is never found or got again,
 * but its bytes stay where they are in the file; its metadata are gone. EINVAL a field is out of
 * range, or an id stands twice; ENOENT an id never existed or was deleted before; E2BIG the
 * rows' metadata lie in more than 16384 tree nodes: delete fewer at a time; ENOSPC the
 * device has no room for the changed nodes: the same.
 */
struct vexfs_delete {
	__u32 size;
	__u32 flags;
	__u64 ids;
	__u32 count;
	__u32 reserved;
	__u64 bad_id;
};

/**
 * enum vexfs_filter_op - a step of a filter
 * @VEXFS_FILTER_AND: pops two results, pushes 1 when both are 1
 * @VEXFS_FILTER_OR: pops two, pushes 1 when one of them is
 * @VEXFS_FILTER_NOT: pops one, pushes the other
 * @VEXFS_FILTER_EXISTS: pushes 1 when the row has the key
 * @VEXFS_FILTER_EQ: pushes 1 when the row has the key, and its value equals
 * @VEXFS_FILTER_NE: the key's value is another one of the same kind
 * @VEXFS_FILTER_LT: the key's value is smaller
 * @VEXFS_FILTER_LE: smaller or equal
 * @VEXFS_FILTER_GT: larger
 * @VEXFS_FILTER_GE: larger or equal
 * @VEXFS_FILTER_PREFIX: the key's value is a string that starts with the node's
 *
 * Numbers compare by their exact value, whether int or float; strings as bytes, a prefix
 * before what it is a prefix of. Where a number meets a string, or the row lacks the key,
 * every comparison is 0, NE too.
 */
enum vexfs_filter_op {
	VEXFS_FILTER_AND	= 1,
	VEXFS_FILTER_OR		= 2,
	VEXFS_FILTER_NOT	= 3,
	VEXFS_FILTER_EXISTS	= 4,
	VEXFS_FILTER_EQ		= 5,
	VEXFS_FILTER_NE		= 6,
	VEXFS_FILTER_LT		= 7,
	VEXFS_FILTER_LE		= 8,
	VEXFS_FILTER_GT		= 9,
	VEXFS_FILTER_GE		= 10,
	VEXFS_FILTER_PREFIX	= 11,
};

/**
 * struct vexfs_filter_node - one step of a filter: a program in postfix order
 * @op: &enum vexfs_filter_op
 * @type: of the value: VEXFS_META_INT, _FLOAT or _STRING; 0 without a value
 * @key_len: bytes of @key; 0 for AND, OR and NOT
 * @reserved: must be 0
 * @len: bytes of a string, at most VEXFS_META_TEXT_MAX; 0 otherwise
 * @key: the key, padded with zeros
 * @value: an int or the bits of a float; for a string its offset in the filter's text
 *
 * A filter is 1 to VEXFS_MAX_FILTER nodes that leave exactly one result. A row for which
 * it is 1 matches.
 */
struct vexfs_filter_node {
	__u8 op;
	__u8 type;
	__u8 key_len;
	__u8 reserved;
	__u32 len;
	__u8 key[32];
	__u64 value;
};

/**
 * struct vexfs_search - k nearest neighbours of each query of a batch
 * @size: in: sizeof(struct vexfs_search)
 * @flags: in: must be 0
 * @queries: in: address of @nq packed rows
 * @queries_len: in: bytes at @queries; must equal nq * bytes of a row
 * @nq: in: queries, 1 to VEXFS_MAX_QUERIES
 * @dim: in: must equal the collection's dimension
 * @k: in: neighbours wanted of each query, 1 to VEXFS_MAX_K;
 *     nq * k at most VEXFS_MAX_RESULTS
 * @ef: in: of HNSW: breadth of the search, up to VEXFS_MAX_EF; 0: 100. At least k is taken. Of LSH
 *     and codes: rows that are kept to be ranked; of codes 0: the larger one of 100 and 8 * k
 * @ids: in: address that receives nq * k __u64 ids, nearest first
 * @distances: in: address that receives nq * k binary32 distances
 * @visited: out: rows compared, by their codes or whole, summed over the queries
 * @bad_query: out: with EDOM, the position of the refused query
 * @filter: in: address of @filter_count struct vexfs_filter_node, or 0
 * @filter_text: in: address of @filter_text_len bytes: the filter's strings
 * @filter_count: in: nodes, at most VEXFS_MAX_FILTER; 0: every live row is compared
 * @filter_text_len: in: at most VEXFS_MAX_FILTER_TEXT; 0 without a filter
 * @bad_node: out: with EBADMSG, the position of the refused node
 * @probes: in: of LSH: buckets to read of each table, on average: the likeliest of all tables come
 *     first; up to VEXFS_MAX_PROBES. 0: until 32 rows were compared for each of @ef, at most 256
 * @reserved: in: must be 0
 *
 * With a filter only rows that match are found. Without an index only they are compared; with
 * HNSW a sample of the rows tells about how many match, and either all of these are compared, or
 * the graph is walked as much more broadly, again when too few of them come out.
 * Where a query finds fewer than k rows, the rest of its slots hold
 * VEXFS_NO_ID and +FLT_MAX. Equal distances are ordered by id. EINVAL a field
 * is out of range or does not match; E2BIG nq * k or the bytes of the queries
 * pass their limit; EDOM a query is one that could not be inserted; EBADMSG the filter is
 * malformed.
 */
struct vexfs_search {
	__u32 size;
	__u32 flags;
	__u64 queries;
	__u64 queries_len;
	__u32 nq;
	__u32 dim;
	__u32 k;
	__u32 ef;
	__u64 ids;
	__u64 distances;
	__u64 visited;
	__u64 bad_query;
	__u64 filter;
	__u64 filter_text;
	__u32 filter_count;
	__u32 filter_text_len;
	__u64 bad_node;
	__u32 probes;
	__u32 reserved;
};

/**
 * struct vexfs_range - the rows within a distance of one query
 * @size: in: sizeof(struct vexfs_range)
 * @flags: in: must be 0
 * @query: in: address of one row
 * @query_len: in: bytes at @query; must equal bytes of a row
 * @dim: in: must equal the collection's dimension
 * @radius: in: the largest distance, as the bits of a binary32; in the units of the metric: squared
 *	of L2, below 0 makes sense of IP
 * @max: in: rows wanted at most, 1 to VEXFS_MAX_RANGE
 * @ef: in: of HNSW: breadth of the first walk, up to VEXFS_MAX_EF; 0: 100. The next ones are
 *	broader, each at least twice, until many rows in a row lie beyond @radius, or all rows are
 *	compared
 * @ids: in: address that receives at most @max __u64 ids, nearest first, equal distances by id
 * @distances: in: address that receives at most @max binary32 distances
 * @count: out: rows returned: all that were met, or the @max nearest of them
 * @met: out: rows within @radius that were met: all there are without an index. By HNSW a search
 *	ends when it has @max and finds no nearer ones: then there may be more than @met
 * @visited: out: rows compared, by their codes or whole
 * @bad: out: with EDOM, 0: the query is refused; 1: @radius is
 * @filter: in: as in &struct vexfs_search, like all that follow
 *
 * EINVAL a field is out of range or does not match; E2BIG the query is larger than a batch may be;
 * EDOM the query or @radius is NaN or infinite; EBADMSG the filter is malformed.
 */
struct vexfs_range {
	__u32 size;
	__u32 flags;
	__u64 query;
	__u64 query_len;
	__u32 dim;
	__u32 radius;
	__u32 max;
	__u32 ef;
	__u64 ids;
	__u64 distances;
	__u64 count;
	__u64 met;
	__u64 visited;
	__u64 bad;
	__u64 filter;
	__u64 filter_text;
	__u32 filter_count;
	__u32 filter_text_len;
	__u64 bad_node;
};

/**
 * struct vexfs_update - new content for rows, all of them or none
 * @size: in: sizeof(struct vexfs_update)
 * @flags: in: VEXFS_META_MERGE or 0
 * @ids: in: address of @count __u64 ids
 * @rows: in: address of @count packed rows, in the order of @ids
 * @rows_len: in: bytes at @rows; must equal count * bytes of a row
 * @count: in: 1 to VEXFS_MAX_UPDATE; at most VEXFS_MAX_BATCH bytes of rows
 * @dim: in: must equal the collection's dimension
 * @meta: in: address of @count records of metadata, or 0
 * @meta_len: in: bytes at @meta; 0: metadata stay as they are
 * @bad_row: out: with ENOENT, EDOM and EBADMSG, the position of the refused row
 *
 * Rows and metadata change together. Without VEXFS_META_MERGE a record replaces all that was
 * known of its row; with it a pair replaces or adds its key, and one of type VEXFS_META_NONE
 * (and no value) removes it. EINVAL a field is out of range or does not match, or an id
 * stands twice; E2BIG more rows or bytes than that; ENOENT an id is no live row; EDOM a
 * row is one that could not be inserted; EBADMSG a record breaks a rule, alone or merged; ENOSPC.
 */
struct vexfs_update {
	__u32 size;
	__u32 flags;
	__u64 ids;
	__u64 rows;
	__u64 rows_len;
	__u32 count;
	__u32 dim;
	__u64 meta;
	__u64 meta_len;
	__u64 bad_row;
};

/**
 * struct vexfs_meta_set - change the metadata of rows, of all of them or of none
 * @size: in: sizeof(struct vexfs_meta_set)
 * @flags: in: VEXFS_META_MERGE or 0, as for update
 * @ids: in: address of @count __u64 ids
 * @meta: in: address of @count records of metadata, in the order of @ids
 * @meta_len: in: bytes at @meta
 * @count: in: 1 to VEXFS_MAX_META
 * @reserved: must be 0
 * @bad_row: out: with ENOENT and EBADMSG, the position of the refused row
 *
 * EINVAL a field is out of range, or an id stands twice; E2BIG more rows than that, or
 * @meta_len passes VEXFS_MAX_BATCH; ENOENT an id is no live row; EBADMSG a record breaks a rule,
 * alone or merged; ENOSPC.
 */
struct vexfs_meta_set {
	__u32 size;
	__u32 flags;
	__u64 ids;
	__u64 meta;
	__u64 meta_len;
	__u32 count;
	__u32 reserved;
	__u64 bad_row;
};

/**
 * struct vexfs_meta_get - copy the metadata of rows out
 * @size: in: sizeof(struct vexfs_meta_get)
 * @flags: in: must be 0
 * @ids: in: address of @count __u64 ids
 * @meta: in: address that receives @count records, in the order of @ids
 * @meta_len: in: bytes at @meta, at most VEXFS_MAX_BATCH
 * @count: in: 1 to VEXFS_MAX_META
 * @reserved: must be 0
 * @used: out: bytes that the records take; with ERANGE, what @meta_len must be
 * @bad_row: out: with ENOENT, the position of the first id that is no live row
 *
 * EINVAL a field is out of range; E2BIG more rows than that, or @meta_len passes
 * VEXFS_MAX_BATCH; ENOENT; ERANGE the records do not fit, and nothing was copied.
 */
struct vexfs_meta_get {
	__u32 size;
	__u32 flags;
	__u64 ids;
	__u64 meta;
	__u64 meta_len;
	__u32 count;
	__u32 reserved;
	__u64 used;
	__u64 bad_row;
};

/**
 * struct vexfs_filter - the live rows that match a filter
 * @size: in: sizeof(struct vexfs_filter)
 * @flags: in: must be 0
 * @filter: in: address of @filter_count struct vexfs_filter_node
 * @filter_text: in: address of @filter_text_len bytes: the filter's strings
 * @filter_count: in: 1 to VEXFS_MAX_FILTER
 * @filter_text_len: in: at most VEXFS_MAX_FILTER_TEXT
 * @from: in: the first id to look at
 * @ids: in: address that receives at most @max ids, ascending
 * @max: in: 1 to VEXFS_MAX_IDS
 * @count: out: ids found
 * @next: out: where to go on; VEXFS_NO_ID: there is no more
 * @bad_node: out: with EBADMSG, the position of the refused node
 *
 * Rows that change while it runs may be seen as before or after. EINVAL a field is out of
 * range; EBADMSG the filter is malformed.
 */
struct vexfs_filter {
	__u32 size;
	__u32 flags;
	__u64 filter;
	__u64 filter_text;
	__u32 filter_count;
	__u32 filter_text_len;
	__u64 from;
	__u64 ids;
	__u32 max;
	__u32 count;
	__u64 next;
	__u64 bad_node;
};

/**
 * struct vexfs_stat - what a collection is and holds
 * @size: in: sizeof(struct vexfs_stat)
 * @flags: in: must be 0
 * @elem: out: &enum vexfs_elem
 * @metric: out: &enum vexfs_metric
 * @dim: out: elements of a row
 * @index: out: &enum vexfs_index
 * @rows: out: rows ever inserted; the next row gets this id
 * @live: out: rows not deleted
 * @row_bytes: out: bytes of a row
 * @blocks: out: 4 KiB blocks of rows and index on the device
 * @code: out: of an index: &enum vexfs_code
 * @m: out: of HNSW: links of a row
 * @ef_construction: out: of HNSW: breadth of the search for them
 * @pending: out: rows in the index whose content is newer: searches compare them one by one
 * @indexed: out: rows in the index; the others are compared one by one, too
 * @tables: out: of LSH
 * @bits: out: of LSH: of the number of a bucket
 */
struct vexfs_stat {
	__u32 size;
	__u32 flags;
	__u32 elem;
	__u32 metric;
	__u32 dim;
	__u32 index;
	__u64 rows;
	__u64 live;
	__u64 row_bytes;
	__u64 blocks;
	__u32 code;
	__u32 m;
	__u32 ef_construction;
	__u32 pending;
	__u64 indexed;
	__u32 tables;
	__u32 bits;
};

/**
 * struct vexfs_reindex - make the index of a collection anew
 * @size: in: sizeof(struct vexfs_reindex)
 * @flags: in: must be 0
 * @code: in: &enum vexfs_code; 0: as it was
 * @m: in: of HNSW: links of a row; 0: as it was
 * @ef_construction: in: of HNSW: breadth of the search for them; 0: as it was
 * @reserved: in: must be 0
 * @tables: in: of LSH; 0: as it was
 * @bits: in: of LSH: of the number of a bucket; 0: as it was
 *
 * After damage to it, for other parameters, or when the rows are not like those that it was begun
 * with any more. Searches go on meanwhile and compare rows that are not in it yet. What cannot
 * be read of the old one gets its default. EINVAL a field is out of range; EOPNOTSUPP the
 * collection has no index; EINTR: the rest of the rows enter it with the next insertion, or when
 * asked again.
 */
struct vexfs_reindex {
	__u32 size;
	__u32 flags;
	__u32 code;
	__u32 m;
	__u32 ef_construction;
	__u32 reserved;
	__u32 tables;
	__u32 bits;
};

/* The instruction sets that distance kernels exist for. */
#define VEXFS_ISA_SCALAR	0u
#define VEXFS_ISA_AVX2		1u
#define VEXFS_ISA_AVX512	2u

/**
 * struct vexfs_caps - what this kernel's VexFS can do
 * @size: in: sizeof(struct vexfs_caps)
 * @flags: in: must be 0
 * @elems: out: bit n set: enum vexfs_elem value n is served
 * @metrics: out: bit n set: enum vexfs_metric value n is served
 * @indexes: out: bit n set: enum vexfs_index value n is served
 * @isa: out: VEXFS_ISA_* chosen at load
 * @max_dim: out: VEXFS_MAX_DIM
 * @max_k: out: VEXFS_MAX_K
 * @max_queries: out: VEXFS_MAX_QUERIES
 * @max_results: out: VEXFS_MAX_RESULTS
 * @max_ids: out: VEXFS_MAX_IDS
 * @max_batch: out: VEXFS_MAX_BATCH
 * @max_update: out: VEXFS_MAX_UPDATE
 * @max_meta: out: VEXFS_MAX_META
 * @max_filter: out: VEXFS_MAX_FILTER
 * @max_filter_text: out: VEXFS_MAX_FILTER_TEXT
 *
 * Works on any regular file or directory of a VexFS.
 */
struct vexfs_caps {
	__u32 size;
	__u32 flags;
	__u32 elems;
	__u32 metrics;
	__u32 indexes;
	__u32 isa;
	__u32 max_dim;
	__u32 max_k;
	__u32 max_queries;
	__u32 max_results;
	__u32 max_ids;
	__u32 max_batch;
	__u32 max_update;
	__u32 max_meta;
	__u32 max_filter;
	__u32 max_filter_text;
};

/* The size travels inside the structure, so the request number has none. */
#define VEXFS_IOC_TYPE		0xBE
#define VEXFS_IOC(nr)		_IOC(_IOC_READ | _IOC_WRITE, VEXFS_IOC_TYPE, nr, 0)

#define VEXFS_IOC_CAPS		VEXFS_IOC(0)	/* struct vexfs_caps */
#define VEXFS_IOC_CREATE	VEXFS_IOC(1)	/* struct vexfs_create */
#define VEXFS_IOC_INSERT	VEXFS_IOC(2)	/* struct vexfs_insert */
#define VEXFS_IOC_GET		VEXFS_IOC(3)	/* struct vexfs_get */
#define VEXFS_IOC_DELETE	VEXFS_IOC(4)	/* struct vexfs_delete */
#define VEXFS_IOC_SEARCH	VEXFS_IOC(5)	/* struct vexfs_search */
#define VEXFS_IOC_STAT		VEXFS_IOC(6)	/* struct vexfs_stat */
#define VEXFS_IOC_UPDATE	VEXFS_IOC(7)	/* struct vexfs_update */
#define VEXFS_IOC_META_SET	VEXFS_IOC(8)	/* struct vexfs_meta_set */
#define VEXFS_IOC_META_GET	VEXFS_IOC(9)	/* struct vexfs_meta_get */
#define VEXFS_IOC_FILTER	VEXFS_IOC(10)	/* struct vexfs_filter */
#define VEXFS_IOC_REINDEX	VEXFS_IOC(11)	/* struct vexfs_reindex */
#define VEXFS_IOC_RANGE		VEXFS_IOC(12)	/* struct vexfs_range */

#endif /* _UAPI_LINUX_VEXFS_H */
