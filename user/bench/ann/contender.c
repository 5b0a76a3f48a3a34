// SPDX-License-Identifier: GPL-2.0-only
/* Who takes part: other libraries by peers.cc, VexFS by its public C API and nothing else. */
#include <errno.h>
#include <stdlib.h>

#include <vexfs.h>

#include "ann.h"
#include "peers.h"

static void *other_open(const struct contender_kind *kind, uint32_t dim, uint64_t rows)
{
	return peer_open(kind->which, dim, rows, ANN_M, ANN_EF_CONSTRUCTION);
}

static int other_add(void *index, const float *rows, uint64_t count)
{
	return peer_add(index, rows, count);
}

static void other_set_ef(void *index, uint32_t ef)
{
	peer_set_ef(index, ef);
}

static int other_search(void *index, const float *queries, uint64_t nq, uint32_t ef, uint64_t *ids)
{
	return peer_search(index, queries, nq, ANN_K, ids);
}

static uint64_t other_bytes(void *index)
{
	return peer_bytes(index);
}

static void other_close(void *index)
{
	peer_close(index);
}

/* ---- VexFS ------------------------------------------------------------------------ */

static __thread int vexfs_err;

static void *vexfs_open(const struct contender_kind *kind, uint32_t dim, uint64_t rows)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o),
		.dim = dim,
		.index = kind->index,
		.code = kind->which,
		.m = ANN_M,
		.ef_construction = ANN_EF_CONSTRUCTION,
	};
	struct vexfs_coll *c = NULL;

	vexfs_err = vexfs_coll_memory(&o, &c);
	return vexfs_err ? NULL : c;
}

static int vexfs_add(void *index, const float *rows, uint64_t count)
{
	vexfs_err = vexfs_coll_add(index, rows, count, NULL);
	return vexfs_err ? -1 : 0;
}

/* Each search tells its own. */
static void vexfs_set_ef(void *index, uint32_t ef)
{
}

static int vexfs_search(void *index, const float *queries, uint64_t nq, uint32_t ef, uint64_t *ids)
{
	struct vexfs_coll_query q = { .size = sizeof(q), .ef = ef };
	float *distances = malloc(nq * ANN_K * sizeof(*distances));

	vexfs_err = -ENOMEM;
	if (distances)
		vexfs_err = vexfs_coll_search(index, queries, nq, ANN_K, &q, ids, distances);
	free(distances);
	return vexfs_err ? -1 : 0;
}

static uint64_t vexfs_bytes(void *index)
{
	struct vexfs_coll_stats s;

	return vexfs_coll_stat(index, &s) ? 0 : s.row_bytes + s.index_bytes;
}

static void vexfs_close(void *index)
{
	vexfs_coll_close(index);
}

static const char *vexfs_error(void)
{
	return vexfs_coll_error(vexfs_err);
}

#define OTHER	.open = other_open, .add = other_add, .set_ef = other_set_ef,		\
		.search = other_search, .bytes = other_bytes, .close = other_close,	\
		.error = peer_error
#define VEXFS	.open = vexfs_open, .add = vexfs_add, .set_ef = vexfs_set_ef,		\
		.search = vexfs_search, .bytes = vexfs_bytes, .close = vexfs_close,	\
		.error = vexfs_error

/* hnswlib is what the others are compared with. Colours that can be read on white and on black. */
const struct contender_kind contender_kinds[ANN_CONTENDERS] = {
	{ .name = "hnswlib HNSW f32", .colour = "#d1730f", OTHER, .which = PEER_HNSWLIB },
	{ .name = "faiss HNSW f32", .colour = "#b0569c", OTHER, .which = PEER_FAISS_HNSW },
	{ .name = "VexFS HNSW sq7", .colour = "#2b7fd9", VEXFS,
	  .index = VEXFS_COLL_HNSW, .which = VEXFS_COLL_SQ7 },
	{ .name = "VexFS HNSW sq4", .colour = "#1f9e89", VEXFS,
	  .index = VEXFS_COLL_HNSW, .which = VEXFS_COLL_SQ4 },
	{ .name = "VexFS HNSW pca", .colour = "#7a5cc9", VEXFS, .least_dim = 256,
	  .index = VEXFS_COLL_HNSW, .which = VEXFS_COLL_PCA },
	{ .name = "VexFS LSH sq7", .colour = "#7a8b2f", VEXFS,
	  .index = VEXFS_COLL_LSH, .which = VEXFS_COLL_SQ7 },
	{ .name = "VexFS flat sq7", .colour = "#2b7fd9", VEXFS,
	  .index = VEXFS_COLL_CODES, .which = VEXFS_COLL_SQ7 },
	{ .name = "VexFS flat sq4", .colour = "#1f9e89", VEXFS,
	  .index = VEXFS_COLL_CODES, .which = VEXFS_COLL_SQ4 },
	{ .name = "faiss flat f32", .colour = "#b0569c", OTHER, .exact = true,
	  .which = PEER_FAISS_FLAT },
	{ .name = "VexFS flat f32", .colour = "#2b7fd9", VEXFS, .exact = true,
	  .index = VEXFS_COLL_FLAT },
};
