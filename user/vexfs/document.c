// SPDX-License-Identifier: GPL-2.0-only
/* Reading the texts of file trees, a chunk at a time. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "document.h"
#include "progress.h"
#include "report.h"

/* Enough to see whether the character at the end of a chunk is whole. */
#define LOOK_AHEAD	4

static void leave_out(struct documents *d, const char *path, int err)
{
	report_warn("%s: %s; left out", path, strerror(err));
	d->unreadable++;
}

/* Open the next file that can be. False when there is none left. */
static bool open_next(struct documents *d)
{
	while (d->next < d->tree.count) {
		const char *path = d->tree.paths[d->next++];
		struct stat st;

		d->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (d->fd < 0) {
			leave_out(d, path, errno);
			continue;
		}
		if (!fstat(d->fd, &st) && S_ISREG(st.st_mode)) {
			d->have = 0;
			d->pos = 0;
			d->gave = false;
			return true;
		}
		/* It was a regular file when the tree was walked. */
		leave_out(d, path, EAGAIN);
		close(d->fd);
		d->fd = -1;
	}
	return false;
}

static void end_file(struct documents *d)
{
	close(d->fd);
	d->fd = -1;
	d->texts += d->gave;
}

/* Fill the buffer. False after an error, which was told. */
static bool fill(struct documents *d, bool *eof)
{
	size_t room = d->chunk + LOOK_AHEAD;

	while (d->have < room) {
		ssize_t got = read(d->fd, d->buf + d->have, room - d->have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			leave_out(d, d->tree.paths[d->next - 1], errno);
			return false;
		}
		if (!got) {
			*eof = true;
			return true;
		}
		d->have += got;
	}
	return true;
}

static int name_row(struct source *s, const struct documents *d)
{
	const char *path = d->tree.paths[d->next - 1];
	char *name = NULL;
	int err;

	if (!s->names)
		return 0;
	if (!d->pos)
		err = names_add(s->names, path);
	else if (asprintf(&name, "%s@%" PRIu64, path, d->pos) < 0)
		return source_error(s, "%s", strerror(ENOMEM));
	else
		err = names_add(s->names, name);
	free(name);
	return err ? source_error(s, "%s", strerror(-err)) : 0;
}

/* Take the next chunk of the open file. 1 when it became a row, 0 when not, -1. */
static int next_chunk(struct source *s, struct documents *d, float *row)
{
	bool eof = false, cut, row_made;
	size_t len, text;

	if (!fill(d, &eof)) {
		end_file(d);
		return 0;
	}
	text = text_prefix(d->buf, d->have, &cut);
	if (text < d->have && (!cut || eof)) {
		d->binary++;
		end_file(d);
		return 0;
	}
	len = d->have > d->chunk ? text_cut(d->buf, d->chunk) : d->have;
	row_made = text_vector(&d->hasher, d->buf, len, row);
	if (row_made) {
		if (name_row(s, d))
			return -1;
		d->gave = true;
		d->bytes += len;
	}
	d->pos += len;
	d->have -= len;
	memmove(d->buf, d->buf + len, d->have);
	if (eof && !d->have) {
		d->empty += !d->gave;
		end_file(d);
	}
	return row_made;
}

static int documents_read(struct source *s, float *rows, uint32_t max, uint32_t *got)
{
	struct documents *d = s->private;

	while (*got < max && !interrupt_pending()) {
		int row;

		if (d->fd < 0 && !open_next(d))
			break;
		row = next_chunk(s, d, rows + (size_t)*got * s->dim);
		if (row < 0)
			return -1;
		*got += row;
		s->record += row;
		s->done = d->next;
		progress_update(s->done, s->record);
	}
	return 0;
}

static void documents_close(struct source *s)
{
	struct documents *d = s->private;

	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	text_hasher_free(&d->hasher);
	free(d->buf);
	d->buf = NULL;
}

static const struct source_format source_text = {
	.name = "text", .read = documents_read, .close = documents_close,
};

int documents_open(struct source *s, struct documents *d, struct tree *tree, uint32_t dim,
		   size_t chunk)
{
	memset(s, 0, sizeof(*s));
	memset(d, 0, sizeof(*d));
	s->path = "the texts";
	s->format = &source_text;
	s->private = d;
	s->dim = dim;
	s->total = tree->count;
	d->tree = *tree;
	d->unreadable = tree->unreadable;
	d->chunk = chunk;
	d->fd = -1;
	d->buf = malloc(chunk + LOOK_AHEAD);
	if (d->buf && !text_hasher_init(&d->hasher, dim, chunk + LOOK_AHEAD))
		return 0;
	free(d->buf);
	d->buf = NULL;
	return source_error(s, "%s", strerror(ENOMEM));
}
