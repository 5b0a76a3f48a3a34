// SPDX-License-Identifier: GPL-2.0-only
/* Opening a source, and what all formats share. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "source.h"

static const struct source_format *const formats[] = {
	&source_fvecs, &source_bvecs, &source_ivecs, &source_npy, &source_csv,
};

int source_error(struct source *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
	return -1;
}

static const struct source_format *find_format(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (!strcasecmp(formats[i]->name, name))
			return formats[i];
	}
	return NULL;
}

static int choose_format(struct source *s, const char *format)
{
	const char *dot = strrchr(s->path, '.');

	if (format) {
		s->format = find_format(format);
		if (!s->format)
			return source_error(s, "unknown format '%s'; known are " SOURCE_FORMATS,
					    format);
		return 0;
	}
	s->format = dot && !strchr(dot, '/') ? find_format(dot + 1) : NULL;
	if (!s->format)
		return source_error(s, "the name does not end in one of " SOURCE_FORMATS
				    "; tell the format with --format, or use --text for text");
	return 0;
}

int source_open(struct source *s, const char *path, const char *format)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	s->path = path;
	if (choose_format(s, format))
		return -1;
	s->f = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
	if (!s->f || fstat(fileno(s->f), &st)) {
		source_error(s, "%s", strerror(errno));
		source_close(s);
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		source_error(s, "is a folder; name a file, or use --text to import its texts");
		source_close(s);
		return -1;
	}
	if (S_ISREG(st.st_mode))
		s->size = st.st_size;
	s->total = s->size;
	if (s->format->open(s)) {
		source_close(s);
		return -1;
	}
	return 0;
}

int source_read(struct source *s, float *rows, uint32_t max, uint32_t *got)
{
	*got = 0;
	if (s->format->read(s, rows, max, got))
		return -1;
	if (s->f)
		s->done = s->offset;
	return 0;
}

void source_close(struct source *s)
{
	if (s->format && s->format->close)
		s->format->close(s);
	if (s->f && s->f != stdin)
		fclose(s->f);
	s->f = NULL;
}

int source_bytes(struct source *s, void *buf, size_t len, const char *what)
{
	size_t got = fread(buf, 1, len, s->f);

	if (ferror(s->f))
		return source_error(s, "byte %" PRIu64 ": %s", s->offset + got, strerror(errno));
	if (got == len) {
		s->offset += len;
		return 1;
	}
	if (!got)
		return 0;
	return source_error(s, "truncated: %s at byte %" PRIu64 " needs %zu bytes and has %zu",
			    what, s->offset, len, got);
}

int source_check_dim(struct source *s, uint64_t dim)
{
	if (dim >= 1 && dim <= SOURCE_MAX_DIM)
		return 0;
	return source_error(s, "record %" PRIu64 " at byte %" PRIu64
			    ": dimension %" PRId64 " is not between 1 and %u; is this a .%s file?",
			    s->record, s->offset, (int64_t)dim, SOURCE_MAX_DIM, s->format->name);
}

int source_check_finite(struct source *s, const float *row, uint64_t offset, uint32_t width)
{
	for (uint32_t i = 0; i < s->dim; i++) {
		uint32_t bits;

		memcpy(&bits, row + i, sizeof(bits));
		if ((~bits & 0x7f800000) == 0)
			return source_error(s, "record %" PRIu64 ", element %" PRIu32
					    " at byte %" PRIu64 ": %s cannot be stored",
					    s->record, i, offset + (uint64_t)i * width,
					    bits & 0x7fffff ? "not a number (NaN)" :
					    "a value that is infinite in binary32");
	}
	return 0;
}
