// SPDX-License-Identifier: GPL-2.0-only
/*
 * The true neighbours for vexfs bench: all rows of the collection are read into a flat one in
 * memory, which compares every row.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vexfs.h>

#include "bench.h"
#include "progress.h"

/* Rows [@first, @first + *@n) from the collection; *@n becomes those before a deleted one. */
static int get_run(struct bench *b, uint64_t first, uint64_t *n, uint64_t *ids, float *rows)
{
	struct vexfs_get get = {
		.ids = (uintptr_t)ids, .rows = (uintptr_t)rows, .dim = b->store->stat.dim,
	};
	int err;

	for (uint64_t i = 0; i < *n; i++)
		ids[i] = first + i;
	while (*n) {
		get.count = *n;
		get.rows_len = *n * b->store->stat.row_bytes;
		err = store_call(b->store, VEXFS_IOC_GET, &get);
		if (err != -ENOENT)
			return err;
		*n = get.bad_id - first;
	}
	return 0;
}

/* Rows keep their ids: a deleted one is there, and deleted, too. */
static int copy_rows(struct bench *b, struct vexfs_coll *flat, uint64_t *ids, float *rows,
		     uint64_t batch)
{
	uint64_t total = b->store->stat.rows, at, n;
	int err = 0;

	progress_start("reading", "rows", total);
	for (at = 0; at < total && !err && !interrupt_pending(); at += n) {
		n = total - at < batch ? total - at : batch;
		err = get_run(b, at, &n, ids, rows);
		if (!err && n) {
			err = vexfs_coll_add(flat, rows, n, NULL);
		} else if (!err) {
			memset(rows, 0, b->store->stat.row_bytes);
			n = 1;
			err = vexfs_coll_add(flat, rows, 1, NULL);
			if (!err)
				err = vexfs_coll_delete(flat, &at, 1);
		}
		progress_update(at, at);
	}
	progress_stop();
	return err;
}

/* A flat collection in memory with the rows of b->store. A status. */
static int flat_copy(struct bench *b, struct vexfs_coll **flat)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = b->store->stat.dim, .metric = b->store->stat.metric,
		.index = VEXFS_COLL_FLAT, .elem = b->store->stat.elem,
	};
	uint64_t batch = BATCH_BYTES / b->store->stat.row_bytes;
	uint64_t *ids;
	float *rows;
	int err;

	batch = batch ? batch : 1;
	ids = calloc(batch, sizeof(*ids));
	rows = malloc(batch * b->store->stat.row_bytes);
	err = ids && rows ? vexfs_coll_memory(&o, flat) : -ENOMEM;
	if (!err)
		err = copy_rows(b, *flat, ids, rows, batch);
	free(rows);
	free(ids);
	return err ? store_explain(b->store, "recall", err) : STATUS_OK;
}

static int find_all(struct bench *b, struct vexfs_coll *flat)
{
	uint64_t each = b->batch * b->k;
	int status = STATUS_OK, err;

	progress_start("comparing", "queries", b->queries * b->batch);
	for (uint64_t i = 0; i < b->queries && !status && !interrupt_pending(); i++) {
		status = bench_rows_cycle(&b->asked, b->vectors, b->batch);
		if (!status)
			status = bench_pack(b, &b->asked, b->vectors, b->batch);
		if (status)
			break;
		err = vexfs_coll_search(flat, b->vectors, b->batch, b->k, NULL, b->truth + i * each,
					b->distances);
		if (err)
			status = store_explain(b->store, "recall", err);
		progress_update(i * b->batch, i * b->batch);
	}
	progress_stop();
	return status;
}

int bench_truth(struct bench *b)
{
	struct vexfs_coll *flat = NULL;
	int status;

	b->truth = calloc(b->queries * b->batch * b->k, sizeof(*b->truth));
	if (!b->truth)
		return report_fail("out of memory for the true neighbours");
	status = flat_copy(b, &flat);
	if (!status)
		status = find_all(b, flat);
	vexfs_coll_close(flat);
	return status;
}

static bool among(uint64_t id, const uint64_t *ids, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

uint64_t bench_found(const struct bench *b, uint64_t i)
{
	const uint64_t *truth = b->truth + i * b->batch * b->k;
	uint64_t found = 0;

	for (uint64_t q = 0; q < b->batch * b->k; q++) {
		uint64_t first = q / b->k * b->k;

		if (truth[q] != VEXFS_NO_ID && among(truth[q], b->ids + first, b->k))
			found++;
	}
	return found;
}
