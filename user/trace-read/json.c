// SPDX-License-Identifier: GPL-2.0-only
/* Writes JSON. Bytes that are no UTF-8 become U+FFFD. */
#include <inttypes.h>

#include "json.h"

static void write_string(FILE *out, const char *s);

static void begin(struct json *j, const char *key)
{
	if (j->used[j->depth])
		fputc(',', j->out);
	if (j->depth && !j->line)
		fprintf(j->out, "\n%*s", (int)j->depth, "");
	else if (j->line && j->used[j->depth])
		fputc(' ', j->out);
	j->used[j->depth] = true;
	if (key) {
		write_string(j->out, key);
		fputs(": ", j->out);
	}
}

/* Length of the UTF-8 sequence at @s, 0 when it is none. */
static unsigned int sequence(const unsigned char *s)
{
	unsigned int n, i;

	if (*s < 0x80)
		return 1;
	n = *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 :
	    *s >= 0xf0 && *s < 0xf5 ? 4 : 0;
	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and beyond the last code point. */
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void write_string(FILE *out, const char *string)
{
	const unsigned char *s = (const unsigned char *)string;
	unsigned int n;

	fputc('"', out);
	while (*s) {
		n = sequence(s);
		if (!n)
			fputs("\\ufffd", out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\u%04x", *s);
		else
			fwrite(s, 1, n, out);
		s += n ? n : 1;
	}
	fputc('"', out);
}

void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	fputc(bracket, j->out);
	if (j->depth < JSON_DEPTH)
		j->depth++;
	j->used[j->depth] = false;
}

void json_close(struct json *j, char bracket)
{
	bool used = j->used[j->depth];

	j->depth--;
	if (used && !j->line)
		fprintf(j->out, "\n%*s", (int)j->depth, "");
	fputc(bracket, j->out);
	if (!j->depth) {
		fputc('\n', j->out);
		j->used[0] = false;
	}
}

void json_string(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	if (value)
		write_string(j->out, value);
	else
		fputs("null", j->out);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	fprintf(j->out, "%" PRIu64, value);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	begin(j, key);
	fprintf(j->out, "%" PRId64, value);
}

void json_seconds(struct json *j, const char *key, uint64_t ns)
{
	begin(j, key);
	fprintf(j->out, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	fputs("null", j->out);
}
