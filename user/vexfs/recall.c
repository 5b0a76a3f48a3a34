// SPDX-License-Identifier: GPL-2.0-only
/* recall@k against an .ivecs file of true neighbours. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "recall.h"
#include "report.h"
#include "source.h"

int recall_open(struct recall *r, const char *path, uint64_t k)
{
	struct source s;

	memset(r, 0, sizeof(*r));
	r->path = path;
	if (source_load_ids(&s, path, &r->ids, &r->rows, &r->width))
		return report_fail("%s: %s", path, s.error);
	if (r->width < k)
		return report_fail("%s: holds %" PRIu32 " neighbours of each query; -k %" PRIu64
				   " needs as many", path, r->width, k);
	return STATUS_OK;
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int recall_add(struct recall *r, uint64_t query, const uint64_t *ids, uint64_t k)
{
	uint32_t *truth = r->ids + query * r->width;

	if (query >= r->rows)
		return report_fail("%s: holds the neighbours of %" PRIu64
				   " queries, there are more; see --limit", r->path, r->rows);
	/* Each row is used once: it can be sorted where it stands. */
	qsort(truth, k, sizeof(*truth), by_id);
	for (uint64_t i = 0; i < k; i++) {
		uint32_t id = ids[i];

		if (id == ids[i] && bsearch(&id, truth, k, sizeof(*truth), by_id))
			r->found++;
	}
	r->wanted += k;
	return STATUS_OK;
}

double recall_value(const struct recall *r)
{
	return r->wanted ? (double)r->found / r->wanted : 0;
}

void recall_close(struct recall *r)
{
	free(r->ids);
	memset(r, 0, sizeof(*r));
}
