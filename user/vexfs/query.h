/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the queries of a search come from. */
#ifndef VEXFS_CMD_QUERY_H
#define VEXFS_CMD_QUERY_H

#include "cmd.h"
#include "source.h"
#include "text.h"

/**
 * struct queries - queries of one kind: a file, texts, or rows of the collection
 * @store: the collection
 * @source: the file, when @path is set
 * @path: of the file, or NULL
 * @how: enum convert, of a file's numbers and those of texts
 * @texts: words to look for
 * @text_count: of them
 * @rows: ids of rows to look for
 * @next: the query to give next
 * @limit: most queries to give
 * @hasher: makes vectors of @texts
 */
struct queries {
	struct store *store;
	struct source source;
	const char *path;
	const char *format;
	uint32_t how;
	const char **texts;
	size_t text_count;
	struct id_list rows;
	uint64_t next;
	uint64_t limit;
	struct text_hasher hasher;
};

/* Open and check the queries, after @store is open. A status. */
int queries_open(struct queries *q);
/* Fill up to @max queries as the collection has rows into @out, with row_room() for each; *@got of 0 is the end. A status. */
int queries_read(struct queries *q, float *out, uint32_t max, uint32_t *got);
/* How many there will be, or 0 when that is not known. */
uint64_t queries_total(const struct queries *q);
void queries_close(struct queries *q);

/* Read rows as they are by id into @out, in parts. A status, with a message. */
int rows_read(struct store *store, const uint64_t *ids, size_t count, void *out);

#endif /* VEXFS_CMD_QUERY_H */
