// SPDX-License-Identifier: GPL-2.0-only
/* Queries from files, texts and rows. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

static int open_file(struct queries *q)
{
	struct row_shape shape = row_shape(q->store, q->how);
	uint32_t dim = rows_numbers(&shape);

	if (source_open(&q->source, q->path, q->format))
		return report_fail("%s: %s", q->path, q->source.error);
	if (q->source.format == &source_ivecs) {
		source_close(&q->source);
		return report_fail("%s: holds ids of neighbours, not vectors; give it to "
				   "--groundtruth", q->path);
	}
	if (q->source.dim == dim)
		return STATUS_OK;
	source_close(&q->source);
	return report_fail("%s: queries have %" PRIu32 " elements, rows of %s have %" PRIu32,
			   q->path, q->source.dim, q->store->path, dim);
}

static int open_texts(struct queries *q)
{
	size_t longest = 0;

	for (size_t i = 0; i < q->text_count; i++) {
		size_t len = strlen(q->texts[i]);
		bool cut;

		if (text_prefix(q->texts[i], len, &cut) < len)
			return report_misuse("the text '%s' is not UTF-8", q->texts[i]);
		if (len > longest)
			longest = len;
	}
	if (text_hasher_init(&q->hasher, q->store->stat.dim, longest))
		return report_fail("out of memory for the words");
	return STATUS_OK;
}

int queries_open(struct queries *q)
{
	struct row_shape shape = row_shape(q->store, q->how);
	int status = rows_check(&shape);

	if (status)
		return status;
	if (q->path)
		return open_file(q);
	return q->text_count ? open_texts(q) : STATUS_OK;
}

int rows_read(struct store *store, const uint64_t *ids, size_t count, void *out)
{
	size_t batch = BATCH_BYTES / store->stat.row_bytes;

	if (!batch)
		batch = 1;
	for (size_t at = 0; at < count; at += batch) {
		size_t part = count - at < batch ? count - at : batch;
		struct vexfs_get get = {
			.ids = (uintptr_t)(ids + at), .count = part,
			.rows = (uintptr_t)out + at * store->stat.row_bytes,
			.rows_len = part * store->stat.row_bytes, .dim = store->stat.dim,
		};
		int err = store_call(store, VEXFS_IOC_GET, &get);

		if (err == -ENOENT)
			return report_fail("%s: there is no row %" PRIu64 ": %s", store->path,
					   (uint64_t)get.bad_id, get.bad_id < store->stat.rows ?
					   "it was deleted" : "it was never inserted");
		if (err)
			return store_explain(store, "get", err);
	}
	return STATUS_OK;
}

static int read_texts(struct queries *q, float *out, uint32_t max, uint32_t *got)
{
	while (*got < max && q->next + *got < q->text_count) {
		const char *text = q->texts[q->next + *got];

		if (!text_vector(&q->hasher, text, strlen(text),
				 out + (size_t)*got * q->store->stat.dim))
			return report_misuse("the text '%s' has no word to look for", text);
		++*got;
	}
	return STATUS_OK;
}

int queries_read(struct queries *q, float *out, uint32_t max, uint32_t *got)
{
	struct row_shape shape = row_shape(q->store, q->how);
	int status = STATUS_OK;

	*got = 0;
	if (max > q->limit - q->next)
		max = q->limit - q->next;
	if (!max)
		return STATUS_OK;
	if (q->path) {
		if (source_read(&q->source, out, max, got))
			return report_fail("%s: %s", q->path, q->source.error);
	} else if (q->text_count) {
		status = read_texts(q, out, max, got);
	} else {
		*got = q->rows.count - q->next < max ? q->rows.count - q->next : max;
		if (*got)
			status = rows_read(q->store, q->rows.ids + q->next, *got, out);
	}
	if (!status && (q->path || q->text_count))
		status = rows_pack(&shape, out, *got, "query", q->next);
	q->next += *got;
	return status;
}

uint64_t queries_total(const struct queries *q)
{
	uint64_t total = q->text_count ? q->text_count : q->rows.count;

	return total < q->limit ? total : q->limit;
}

void queries_close(struct queries *q)
{
	if (q->path)
		source_close(&q->source);
	text_hasher_free(&q->hasher);
	free(q->texts);
	free(q->rows.ids);
}
