/* SPDX-License-Identifier: GPL-2.0-only */
/* How many of the true neighbours a search found. */
#ifndef VEXFS_CMD_RECALL_H
#define VEXFS_CMD_RECALL_H

#include <stdint.h>

/**
 * struct recall - true neighbours and what was found of them
 * @path: of the .ivecs file
 * @ids: its rows of @width ids, nearest first
 * @rows: of them
 * @width: ids of a row
 * @found: true neighbours found
 * @wanted: true neighbours looked for
 */
struct recall {
	const char *path;
	uint32_t *ids;
	uint64_t rows;
	uint32_t width;
	uint64_t found;
	uint64_t wanted;
};

/* Load the true neighbours; each row must have @k at least. A status. */
int recall_open(struct recall *r, const char *path, uint64_t k);
/* Compare the @k ids found by a query with its true neighbours. A status. */
int recall_add(struct recall *r, uint64_t query, const uint64_t *ids, uint64_t k);
/* The share found, 0 to 1. */
double recall_value(const struct recall *r);
void recall_close(struct recall *r);

#endif /* VEXFS_CMD_RECALL_H */
