// SPDX-License-Identifier: GPL-2.0-only
/* The names file: writing lines, and finding the names of rows. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "store.h"

#define NAMES_PIECE	(256u << 10)	/* bytes read at once */
#define NAMES_LINE_MAX	65536u		/* longer names are cut when they are found */

static int reserve(struct names *n, size_t more)
{
	size_t room = n->room ? n->room : 4096;
	char *text;

	while (room - n->len < more)
		room *= 2;
	if (room == n->room)
		return 0;
	text = realloc(n->text, room);
	if (!text)
		return -ENOMEM;
	n->text = text;
	n->room = room;
	return 0;
}

int names_add(struct names *n, const char *name)
{
	int err = reserve(n, 2 * strlen(name) + 1);

	if (err)
		return err;
	for (; *name; name++) {
		if (*name == '\n' || *name == '\\')
			n->text[n->len++] = '\\';
		n->text[n->len++] = *name == '\n' ? 'n' : *name;
	}
	n->text[n->len++] = '\n';
	return 0;
}

int names_pad(struct names *n, uint64_t count)
{
	int err = reserve(n, count);

	if (err)
		return err;
	memset(n->text + n->len, '\n', count);
	n->len += count;
	return 0;
}

void names_free(struct names *n)
{
	free(n->text);
	memset(n, 0, sizeof(*n));
}

void names_unescape(char *line, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == '\\' && i + 1 < len) {
			i++;
			line[out++] = line[i] == 'n' ? '\n' : line[i];
		} else {
			line[out++] = line[i];
		}
	}
	line[out] = 0;
}

/**
 * struct scan - a pass over the names file, line by line
 * @piece: bytes read ahead
 * @have: of them
 * @at: of them, used
 * @pos: of the file, where the next piece begins
 * @line: the current line, cut at NAMES_LINE_MAX, not terminated
 * @len: bytes of it
 */
struct scan {
	struct store *store;
	char *piece;
	size_t have;
	size_t at;
	uint64_t pos;
	char *line;
	size_t len;
};

static int scan_start(struct scan *c, struct store *store)
{
	memset(c, 0, sizeof(*c));
	c->store = store;
	c->piece = malloc(NAMES_PIECE);
	c->line = malloc(NAMES_LINE_MAX + 1);
	return c->piece && c->line ? 0 : -ENOMEM;
}

static void scan_end(struct scan *c)
{
	free(c->piece);
	free(c->line);
}

/* Go to the next line. 1, 0 at the end, negative errno. */
static int scan_line(struct scan *c)
{
	bool any = false;

	c->len = 0;
	for (;;) {
		char *from, *end;
		size_t len, keep;
		int err;

		if (c->at == c->have) {
			c->at = 0;
			err = c->store->ops->names_read(c->store, c->pos, c->piece, NAMES_PIECE,
							&c->have);
			if (err)
				return err;
			c->pos += c->have;
			if (!c->have)
				return any;
		}
		any = true;
		from = c->piece + c->at;
		end = memchr(from, '\n', c->have - c->at);
		len = end ? (size_t)(end - from) : c->have - c->at;
		keep = len < NAMES_LINE_MAX - c->len ? len : NAMES_LINE_MAX - c->len;
		memcpy(c->line + c->len, from, keep);
		c->len += keep;
		c->at += len + !!end;
		if (end)
			return 1;
	}
}

int names_count(struct store *store, uint64_t *lines, uint64_t *bytes)
{
	struct scan c;
	int more;

	*lines = 0;
	*bytes = 0;
	more = store->ops->names_size(store, bytes);
	if (more == -ENOENT)
		return 0;
	if (!more)
		more = scan_start(&c, store);
	else
		return more;
	if (!more) {
		while ((more = scan_line(&c)) > 0)
			++*lines;
	}
	scan_end(&c);
	return more;
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct row_name *)a)->id, y = ((const struct row_name *)b)->id;

	return x < y ? -1 : x > y;
}

/* Give the current line to the rows from @i on whose it is; returns the next row. */
static size_t take_line(struct row_names *n, size_t i, struct scan *c, uint64_t line)
{
	for (; i < n->count && n->rows[i].id == line; i++) {
		n->rows[i].name = c->len ? strndup(c->line, c->len) : NULL;
		if (n->rows[i].name)
			names_unescape(n->rows[i].name, c->len);
	}
	return i;
}

int row_names_find(struct row_names *n, struct store *store, const uint64_t *ids, size_t count)
{
	uint64_t line = 0, size;
	struct scan c;
	size_t next = 0;
	int more;

	n->count = 0;
	n->rows = calloc(count, sizeof(*n->rows));
	if (!n->rows)
		return -ENOMEM;
	n->count = count;
	for (size_t i = 0; i < count; i++)
		n->rows[i].id = ids[i];
	qsort(n->rows, count, sizeof(*n->rows), by_id);
	more = store->ops->names_size(store, &size);
	if (more)
		return more == -ENOENT ? 0 : more;
	more = scan_start(&c, store);
	while (!more && next < count) {
		more = scan_line(&c);
		if (more <= 0)
			break;
		next = take_line(n, next, &c, line++);
		more = 0;
	}
	scan_end(&c);
	return more;
}

const char *row_names_get(const struct row_names *n, uint64_t id)
{
	struct row_name key = { .id = id };
	const struct row_name *row;

	if (!n->count)
		return NULL;
	row = bsearch(&key, n->rows, n->count, sizeof(key), by_id);
	return row ? row->name : NULL;
}

void row_names_free(struct row_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->rows[i].name);
	free(n->rows);
}
