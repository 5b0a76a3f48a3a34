// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers as text: a row a line, separated by commas, semicolons, white space or
 * both. Empty lines and lines that begin with '#' are left out, and so is a first
 * line whose first field is not a number: a heading.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "source.h"

#define CSV_LINE_MAX	(4u << 20)

/**
 * struct csv - a file being read
 * @line: the current line
 * @number: of it, from 1
 * @start: byte of the file where it begins
 * @first: the first row, read ahead to know the dimension; then NULL
 * @row: memory for a row
 */
struct csv {
	char *line;
	uint64_t number;
	uint64_t start;
	float *first;
	float *row;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

int csv_parse(const char *line, float *row, uint32_t room, uint32_t *count, uint32_t *column)
{
	const char *at = line;

	*count = 0;
	for (;;) {
		char *end;

		while (is_blank(*at))
			at++;
		*column = at - line + 1;
		if (!*at && !*count)
			return 0;
		if (*count == room)
			return -E2BIG;
		row[*count] = strtof(at, &end);
		if (end == at)
			return -EINVAL;
		++*count;
		at = end;
		while (is_blank(*at))
			at++;
		if (!*at)
			return 0;
		*column = at - line + 1;
		if (*at == ',' || *at == ';')
			at++;
		else if (!is_blank(at[-1]))
			return -EINVAL;
	}
}

/* Read one line without its end. 1, 0 at the end of the file, -1. */
static int read_line(struct source *s, struct csv *c)
{
	size_t len = 0;
	int ch;

	c->start = s->offset;
	while ((ch = getc_unlocked(s->f)) != EOF && ch != '\n') {
		if (len == CSV_LINE_MAX || !ch)
			return source_error(s, "line %" PRIu64 " at byte %" PRIu64 ": %s",
					    c->number + 1, c->start, ch ?
					    "longer than 4 MiB" : "holds a NUL, this is not text");
		c->line[len++] = ch;
	}
	if (ferror(s->f))
		return source_error(s, "byte %" PRIu64 ": %s", s->offset + len, strerror(errno));
	s->offset += len + (ch == '\n');
	c->line[len] = 0;
	if (ch == EOF && !len)
		return 0;
	c->number++;
	return 1;
}

/* Find the next row. 1, 0 at the end, -1. */
static int next_row(struct source *s, struct csv *c, uint32_t *count)
{
	for (;;) {
		uint32_t column;
		int got = read_line(s, c), err;

		if (got <= 0)
			return got;
		if (c->line[0] == '#')
			continue;
		err = csv_parse(c->line, c->row, SOURCE_MAX_DIM, count, &column);
		if (err == -E2BIG)
			return source_error(s, "line %" PRIu64 ": more than %u numbers", c->number,
					    SOURCE_MAX_DIM);
		if (err && !*count && c->number == 1)
			continue;
		if (err)
			return source_error(s, "line %" PRIu64 ", column %" PRIu32
					    " at byte %" PRIu64 ": not a number", c->number,
					    column, c->start + column - 1);
		if (*count)
			return 1;
	}
}

static int csv_open(struct source *s)
{
	struct csv *c = calloc(1, sizeof(*c));
	int got;

	s->private = c;
	if (c)
		c->line = malloc(CSV_LINE_MAX + 1);
	if (c)
		c->row = malloc(SOURCE_MAX_DIM * sizeof(*c->row));
	if (!c || !c->line || !c->row)
		return source_error(s, "%s", strerror(ENOMEM));
	got = next_row(s, c, &s->dim);
	if (got < 0)
		return -1;
	if (!got)
		return source_error(s, "holds no row of numbers");
	c->first = c->row;
	return 0;
}

static int check_row(struct source *s, const struct csv *c, uint32_t count)
{
	if (count != s->dim)
		return source_error(s, "line %" PRIu64 " at byte %" PRIu64 " has %" PRIu32
				    " numbers, the first row has %" PRIu32, c->number, c->start,
				    count, s->dim);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t bits;

		memcpy(&bits, c->row + i, sizeof(bits));
		if ((~bits & 0x7f800000) == 0)
			return source_error(s, "line %" PRIu64 " at byte %" PRIu64
					    ", element %" PRIu32 ": NaN and what is infinite in "
					    "binary32 cannot be stored", c->number, c->start, i);
	}
	return 0;
}

static int csv_read(struct source *s, float *rows, uint32_t max, uint32_t *got)
{
	struct csv *c = s->private;

	for (; *got < max; ++*got) {
		uint32_t count = s->dim;

		if (!c->first) {
			int more = next_row(s, c, &count);

			if (more <= 0)
				return more;
		}
		c->first = NULL;
		if (check_row(s, c, count))
			return -1;
		memcpy(rows + (size_t)*got * s->dim, c->row, (size_t)s->dim * sizeof(*rows));
		s->record++;
	}
	return 0;
}

static void csv_close(struct source *s)
{
	struct csv *c = s->private;

	if (c) {
		free(c->line);
		free(c->row);
	}
	free(c);
	s->private = NULL;
}

const struct source_format source_csv = {
	.name = "csv", .open = csv_open, .read = csv_read, .close = csv_close,
};
