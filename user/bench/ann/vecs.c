// SPDX-License-Identifier: GPL-2.0-only
/* Reading .fvecs, .bvecs and .ivecs. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vecs.h"

#define DIM_MAX	65535u

/**
 * struct source - a file that is being read
 * @path: its name
 * @file: open
 * @width: bytes of an element
 * @bytes: of the file
 * @e: for a fault
 */
struct source {
	const char *path;
	FILE *file;
	size_t width;
	uint64_t bytes;
	struct vecs_error *e;
};

static int __attribute__((format(printf, 2, 3))) fault(struct source *s, const char *how, ...)
{
	size_t len;
	va_list args;

	snprintf(s->e->text, sizeof(s->e->text), "%s: ", s->path);
	len = strlen(s->e->text);
	va_start(args, how);
	vsnprintf(s->e->text + len, sizeof(s->e->text) - len, how, args);
	va_end(args);
	return -1;
}

static int source_open(struct source *s, const char *path, size_t width, struct vecs_error *e)
{
	struct stat st;

	*s = (struct source){ .path = path, .width = width, .e = e };
	s->file = fopen(path, "rb");
	if (!s->file)
		return fault(s, "%s; give the file by --base, --query or --truth", strerror(errno));
	if (fstat(fileno(s->file), &st)) {
		fault(s, "%s", strerror(errno));
		fclose(s->file);
		return -1;
	}
	s->bytes = st.st_size;
	return 0;
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Length of the first row, and from the size of the file how many there are. */
static int shape(struct source *s, uint64_t most, struct vecs *v)
{
	uint64_t row;
	uint8_t head[4];

	if (fread(head, sizeof(head), 1, s->file) != 1)
		return fault(s, "holds no row; is it the right file?");
	rewind(s->file);
	v->dim = le32(head);
	if (!v->dim || v->dim > DIM_MAX)
		return fault(s, "the first row has %d elements, 1 to %u are possible; is it of the "
			     "kind that its name tells?", (int)v->dim, DIM_MAX);
	row = sizeof(head) + v->dim * s->width;
	v->rows = s->bytes / row < most ? s->bytes / row : most;
	if (v->rows < most && s->bytes % row)
		return fault(s, "ends within row %llu; fetch or make the file again",
			     (unsigned long long)v->rows);
	return 0;
}

/* Row @i into @buf, without its length. */
static int row_read(struct source *s, const struct vecs *v, uint64_t i, uint8_t *buf)
{
	uint8_t head[4];

	if (fread(head, sizeof(head), 1, s->file) != 1)
		return fault(s, "row %llu cannot be read: %s", (unsigned long long)i,
			     ferror(s->file) ? strerror(errno) : "the file became shorter");
	if (le32(head) != v->dim)
		return fault(s, "row %llu has %d elements and row 0 has %u; all rows must have "
			     "as many", (unsigned long long)i, (int)le32(head), v->dim);
	if (fread(buf, s->width, v->dim, s->file) != v->dim)
		return fault(s, "row %llu cannot be read: %s", (unsigned long long)i,
			     ferror(s->file) ? strerror(errno) : "the file became shorter");
	return 0;
}

/* The four bytes of an element mean the same to an integer and to a float. */
static void row_take(const struct source *s, const uint8_t *buf, uint32_t dim, void *to)
{
	float *value = to;
	uint32_t i, bits;

	for (i = 0; i < dim; i++) {
		if (s->width == 1) {
			value[i] = buf[i];
			continue;
		}
		bits = le32(buf + 4 * i);
		memcpy((uint8_t *)to + 4 * i, &bits, 4);
	}
}

static int read_all(struct source *s, uint64_t most, struct vecs *v, void **data)
{
	uint8_t *buf, *to;
	uint64_t i;
	int err = shape(s, most, v);

	if (err)
		return err;
	buf = malloc(v->dim * s->width);
	to = malloc(v->rows * v->dim * 4 + 1);
	*data = to;
	if (!buf || !to)
		err = fault(s, "no memory for %llu rows; use fewer by --rows",
			    (unsigned long long)v->rows);
	for (i = 0; i < v->rows && !err; i++) {
		err = row_read(s, v, i, buf);
		if (!err)
			row_take(s, buf, v->dim, to + i * v->dim * 4);
	}
	free(buf);
	return err;
}

static int read_file(const char *path, size_t width, uint64_t most, struct vecs *v, void **data,
		     struct vecs_error *e)
{
	struct source s;
	int err = source_open(&s, path, width, e);

	if (err)
		return err;
	err = read_all(&s, most, v, data);
	fclose(s.file);
	return err;
}

static int ends(const char *path, const char *end)
{
	size_t len = strlen(path), n = strlen(end);

	return len > n && !strcmp(path + len - n, end);
}

int vecs_read(const char *path, uint64_t most, struct vecs *out, struct vecs_error *e)
{
	struct source s = { .path = path, .e = e };
	void *data = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	if (!ends(path, ".fvecs") && !ends(path, ".bvecs"))
		return fault(&s, "the name must end in .fvecs or .bvecs, by what it holds");
	err = read_file(path, ends(path, ".bvecs") ? 1 : 4, most, out, &data, e);
	out->data = data;
	if (err)
		vecs_free(out);
	return err;
}

int vecs_read_ids(const char *path, uint64_t most, struct vecs *out, struct vecs_error *e)
{
	void *data = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	err = read_file(path, 4, most, out, &data, e);
	out->ids = data;
	if (err)
		vecs_free(out);
	return err;
}

void vecs_free(struct vecs *v)
{
	free(v->data);
	free(v->ids);
	memset(v, 0, sizeof(*v));
}
