// SPDX-License-Identifier: GPL-2.0-only
/* Messages, and reports as text or JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "report.h"
#include "text.h"

const char *report_program = "vexfs";

/* One line in one piece, with nothing from outside that a terminal would obey. */
static void message(const char *format, va_list args)
{
	char *text = NULL;

	progress_hide();
	fprintf(stderr, "%s: ", report_program);
	if (vasprintf(&text, format, args) >= 0)
		report_text(stderr, text);
	fputc('\n', stderr);
	free(text);
}

int report_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(format, args);
	va_end(args);
	return STATUS_FAILED;
}

int report_misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(format, args);
	va_end(args);
	fprintf(stderr, "Try '%s --help'.\n", report_program);
	return STATUS_USAGE;
}

int report_flush(void)
{
	if (!ferror(stdout) && !fflush(stdout))
		return STATUS_OK;
	return report_fail("standard output: %s", strerror(errno));
}

void report_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(format, args);
	va_end(args);
}

void report_begin(struct report *r, bool json)
{
	memset(r, 0, sizeof(*r));
	r->json = json;
	r->flat = REPORT_LEVELS;
	r->f = open_memstream(&r->text, &r->len);
	if (!r->f) {
		report_fail("out of memory");
		exit(STATUS_FAILED);
	}
	if (json)
		fputc('{', r->f);
}

int report_end(struct report *r)
{
	bool failed;

	if (r->json)
		fputs("\n}\n", r->f);
	failed = ferror(r->f);
	if (fclose(r->f) || failed) {
		free(r->text);
		return report_fail("out of memory for the report");
	}
	progress_hide();
	fwrite(r->text, 1, r->len, stdout);
	free(r->text);
	return report_flush();
}

void report_drop(struct report *r)
{
	fclose(r->f);
	free(r->text);
}

void report_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			fprintf(f, "\\x%02x", (unsigned char)*s);
		else
			fputc(*s, f);
	}
}

static void json_quote(struct report *r, const char *s)
{
	size_t len = strlen(s), valid = 0;
	bool cut;

	fputc('"', r->f);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (i >= valid)
			valid = i + text_prefix(s + i, len - i, &cut);
		if (i >= valid)
			fprintf(r->f, "\\udc%02x", c);
		else if (c == '"' || c == '\\')
			fprintf(r->f, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(r->f, "\\u%04x", c);
		else
			fputc(c, r->f);
	}
	fputc('"', r->f);
}

/* Line breaks and indentation before a value or a closing bracket. */
static void json_indent(struct report *r)
{
	if (r->level < r->flat)
		fprintf(r->f, "\n%*s", 2 * (int)(r->level + 1), "");
	else if (r->comma[r->level])
		fputc(' ', r->f);
}

/* What stands before a value. Returns false when no JSON was asked for. */
static bool json_key(struct report *r, const char *key)
{
	if (!r->json)
		return false;
	if (r->comma[r->level])
		fputc(',', r->f);
	json_indent(r);
	r->comma[r->level] = true;
	if (key) {
		json_quote(r, key);
		fputs(": ", r->f);
	}
	return true;
}

void json_open(struct report *r, const char *key, char bracket)
{
	if (!json_key(r, key))
		return;
	fputc(bracket, r->f);
	r->level++;
	r->comma[r->level] = false;
}

void json_close(struct report *r, char bracket)
{
	bool empty;

	if (!r->json)
		return;
	empty = !r->comma[r->level];
	r->level--;
	if (!empty && r->level + 1 < r->flat)
		fprintf(r->f, "\n%*s", 2 * (int)(r->level + 1), "");
	fputc(bracket, r->f);
}

void json_string(struct report *r, const char *key, const char *value)
{
	if (json_key(r, key))
		json_quote(r, value);
}

void json_uint(struct report *r, const char *key, uint64_t value)
{
	if (json_key(r, key))
		fprintf(r->f, "%" PRIu64, value);
}

void json_int(struct report *r, const char *key, int64_t value)
{
	if (json_key(r, key))
		fprintf(r->f, "%" PRId64, value);
}

void json_number(struct report *r, const char *key, const char *digits)
{
	if (json_key(r, key))
		fputs(digits, r->f);
}

void json_double(struct report *r, const char *key, double value)
{
	if (json_key(r, key))
		fprintf(r->f, "%.6g", value);
}

void json_float(struct report *r, const char *key, float value)
{
	if (json_key(r, key))
		fprintf(r->f, "%.9g", value);
}

void json_bits(struct report *r, const char *key, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (json_key(r, key))
		fprintf(r->f, "\"0x%08x\"", bits);
}
