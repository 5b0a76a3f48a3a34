/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of rows. They stand in a plain file beside the collection, FILE.names:
 * line n + 1 is the name of row n, empty when it has none. In a name a backslash
 * is written as two, a line feed as backslash and n.
 */
#ifndef VEXFS_CMD_NAMES_H
#define VEXFS_CMD_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define NAMES_SUFFIX	".names"

struct store;

/**
 * struct names - lines to come
 * @text: the lines, each with its line feed
 * @len: bytes
 * @room: bytes of memory
 */
struct names {
	char *text;
	size_t len;
	size_t room;
};

/* Add a line; 0 or -ENOMEM. */
int names_add(struct names *n, const char *name);
/* Add @count empty lines. */
int names_pad(struct names *n, uint64_t count);
void names_free(struct names *n);

/* Undo the escapes of the @len bytes of a line, in place, and terminate it. */
void names_unescape(char *line, size_t len);

/* The lines of the file of @store; 0 when there is none. Negative errno. */
int names_count(struct store *store, uint64_t *lines, uint64_t *bytes);

/**
 * struct row_name - a row and its name
 * @id: the row
 * @name: allocated, or NULL when it has none
 */
struct row_name {
	uint64_t id;
	char *name;
};

/**
 * struct row_names - the names of some rows
 * @rows: sorted by id
 * @count: of them
 */
struct row_names {
	struct row_name *rows;
	size_t count;
};

/*
 * Find the names of @count rows in one pass over the file. 0, also when there is no such
 * file; or negative errno. To be freed in any case.
 */
int row_names_find(struct row_names *n, struct store *store, const uint64_t *ids, size_t count);
/* The name of a row, or NULL. */
const char *row_names_get(const struct row_names *n, uint64_t id);
void row_names_free(struct row_names *n);

#endif /* VEXFS_CMD_NAMES_H */
