// SPDX-License-Identifier: GPL-2.0-only
/* Metadata of rows: key=value as the user writes it, to and from packed records. */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "record.h"

#define BLANK	" \t\r"

/* ---- values -------------------------------------------------------------------------- */

static bool key_char(unsigned char c, bool first)
{
	return c < 128 && (isalpha(c) || c == '_' ||
			   (!first && (isdigit(c) || c == '.' || c == '-')));
}

size_t key_length(const char *text)
{
	size_t n = 0;

	while (key_char(text[n], !n))
		n++;
	return n;
}

int value_type(const char *name)
{
	return !strcmp(name, "int") ? VEXFS_META_INT :
	       !strcmp(name, "float") ? VEXFS_META_FLOAT :
	       !strcmp(name, "string") ? VEXFS_META_STRING : -1;
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' :
	       isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* One character after a backslash; @text moves on. -1: no such escape. */
static int escape(const char **text)
{
	char c = *(*text)++;

	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '\\':
	case '"':
	case '\'':
		return c;
	case 'x':
		if (hex((*text)[0]) < 0 || hex((*text)[1]) < 0)
			return -1;
		*text += 2;
		return hex((*text)[-2]) << 4 | hex((*text)[-1]);
	default:
		return -1;
	}
}

static const char *string_read(struct value *v, const char *text, const char **end)
{
	char quote = *text++;

	v->type = VEXFS_META_STRING;
	v->len = 0;
	while (*text != quote) {
		int c = (unsigned char)*text;

		*end = text;
		if (!c)
			return "the string has no closing quote";
		text++;
		if (c == '\\') {
			c = escape(&text);
			if (c < 0)
				return "the escapes are \\n \\t \\\\ \\\" \\' and \\xNN";
		}
		if (v->len == sizeof(v->text))
			return "the string is longer than 256 bytes";
		v->text[v->len++] = c;
	}
	*end = text + 1;
	return NULL;
}

static const char *number_read(struct value *v, const char *text, const char **end)
{
	char *int_end, *float_end;
	double d;

	errno = 0;
	v->bits = strtoll(text, &int_end, 10);
	v->type = VEXFS_META_INT;
	v->len = 0;
	*end = int_end;
	if (int_end != text && !strchr(".eEpPxX", *int_end))
		return errno ? "the integer does not fit 64 bits" : NULL;
	if (int_end != text && !*int_end)
		return errno ? "the integer does not fit 64 bits" : NULL;
	d = strtod(text, &float_end);
	*end = text;
	if (float_end == text || isnan(d))
		return "a number or a string in quotes is needed";
	*end = float_end;
	v->type = VEXFS_META_FLOAT;
	memcpy(&v->bits, &d, sizeof(d));
	return NULL;
}

const char *value_read(struct value *v, const char *text, const char **end)
{
	return *text == '"' || *text == '\'' ? string_read(v, text, end) :
	       number_read(v, text, end);
}

/* The whole of @text as a string, without quotes. */
static const char *text_take(struct value *v, const char *text)
{
	v->type = VEXFS_META_STRING;
	v->len = strlen(text);
	if (v->len > sizeof(v->text))
		return "the string is longer than 256 bytes";
	memcpy(v->text, text, v->len);
	return NULL;
}

static const char *value_take(struct value *v, const char *text, int type)
{
	const char *end = text, *wrong;
	double d;

	if (type == VEXFS_META_STRING)
		return text_take(v, text);
	wrong = value_read(v, text, &end);
	if (!type && *text != '"' && *text != '\'' && (*end || end == text))
		return text_take(v, text);
	if (wrong)
		return wrong;
	if (*end)
		return "something follows the value";
	if (type == VEXFS_META_FLOAT && v->type == VEXFS_META_INT) {
		d = strtod(text, NULL);
		v->type = VEXFS_META_FLOAT;
		memcpy(&v->bits, &d, sizeof(d));
	}
	return type && v->type != type ? "is not of that type" : NULL;
}

/* ---- records ------------------------------------------------------------------------- */

static int refuse(struct record *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(struct record *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->wrong, sizeof(r->wrong), format, args);
	va_end(args);
	return -1;
}

/* Enter a key at its place; 0 or -1. */
static int enter(struct record *r, const char *key, size_t len, const struct value *v)
{
	unsigned int at = 0, text = v->type == VEXFS_META_STRING ? v->len : 0;
	char name[VEXFS_META_KEY_MAX + 1];

	if (len > VEXFS_META_KEY_MAX)
		return refuse(r, "'%.*s': a key has at most 31 characters", (int)len, key);
	memcpy(name, key, len);
	name[len] = 0;
	while (at < r->count && strcmp(r->keys[at], name) < 0)
		at++;
	if (at < r->count && !strcmp(r->keys[at], name))
		return refuse(r, "the key '%s' is given twice", name);
	if (r->count == VEXFS_META_PAIRS)
		return refuse(r, "a row has at most 16 keys");
	for (unsigned int i = 0; i < r->count; i++)
		text += r->values[i].type == VEXFS_META_STRING ? r->values[i].len : 0;
	if (text > VEXFS_META_TEXT_MAX)
		return refuse(r, "'%s': the strings of a row have at most 256 bytes together",
			      name);
	memmove(&r->keys[at + 1], &r->keys[at], (r->count - at) * sizeof(r->keys[0]));
	memmove(&r->values[at + 1], &r->values[at], (r->count - at) * sizeof(r->values[0]));
	memcpy(r->keys[at], name, len + 1);
	r->values[at] = *v;
	r->count++;
	return 0;
}

static int add(struct record *r, const char *arg, int type)
{
	size_t len = key_length(arg);
	const char *wrong;
	struct value v;

	if (!len || arg[len] != '=')
		return refuse(r, "'%s' is no KEY=VALUE; a key is a letter or _, then letters, "
			      "digits, _ . -", arg);
	wrong = value_take(&v, arg + len + 1, type);
	if (wrong)
		return refuse(r, "'%s': %s", arg, wrong);
	return enter(r, arg, len, &v);
}

int record_add(struct record *r, const char *arg, int type)
{
	return add(r, arg, type) ? report_misuse("%s", r->wrong) : GO_ON;
}

int record_remove(struct record *r, const char *key)
{
	struct value v = { .type = VEXFS_META_NONE };
	size_t len = key_length(key);

	if (!len || key[len])
		return report_misuse("'%s' is no key", key);
	return enter(r, key, len, &v) ? report_misuse("%s", r->wrong) : GO_ON;
}

/* Where the pair that begins here ends: at white space, but for such in quotes. */
static const char *pair_end(const char *pair)
{
	size_t key = key_length(pair);
	const char *end = pair + key + 1;
	struct value v;

	if (key && pair[key] == '=' && (*end == '"' || *end == '\'') &&
	    !value_read(&v, end, &end) && (!*end || strchr(BLANK, *end)))
		return end;
	return pair + strcspn(pair, BLANK);
}

int record_line(struct record *r, const char *line)
{
	const char *at = line + strspn(line, BLANK);

	while (*at) {
		const char *end = pair_end(at);
		char *pair = strndup(at, end - at);
		int err = pair ? add(r, pair, 0) : refuse(r, "%s", strerror(ENOMEM));

		free(pair);
		if (err)
			return -1;
		at = end + strspn(end, BLANK);
	}
	return 0;
}

static size_t value_bytes(const struct value *v)
{
	return v->type == VEXFS_META_STRING ? v->len : v->type == VEXFS_META_NONE ? 0 : 8;
}

size_t record_pack(const struct record *r, unsigned char *buf)
{
	unsigned char *p = buf + 4;
	uint32_t len;

	for (unsigned int i = 0; i < r->count; i++) {
		const struct value *v = &r->values[i];
		uint64_t bits = htole64(v->bits);
		size_t n = value_bytes(v), key_len = strlen(r->keys[i]);

		*p++ = key_len;
		*p++ = v->type;
		*p++ = n;
		*p++ = n >> 8;
		memcpy(p, r->keys[i], key_len);
		memcpy(p + key_len, v->type == VEXFS_META_STRING ? (const void *)v->text : &bits,
		       n);
		p += key_len + n;
	}
	len = htole32(p - buf - 4);
	memcpy(buf, &len, 4);
	return p - buf;
}

void *records_make(const struct record *r, uint32_t count, size_t *len)
{
	unsigned char one[RECORD_MAX];
	size_t n = record_pack(r, one);
	unsigned char *all = malloc(n * count);

	*len = n * count;
	for (uint32_t i = 0; all && i < count; i++)
		memcpy(all + i * n, one, n);
	return all;
}

static void print_text(struct report *r, const char *text, size_t len)
{
	putc('"', r->f);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];

		if (c == '"' || c == '\\')
			fprintf(r->f, "\\%c", c);
		else if (c < 32 || c == 127)
			fprintf(r->f, "\\x%02x", c);
		else
			putc(c, r->f);
	}
	putc('"', r->f);
}

static void json_text(struct report *r, const char *key, const char *text, size_t len)
{
	char copy[VEXFS_META_TEXT_MAX + 1];

	/* A NUL ends what JSON shows. */
	memcpy(copy, text, len);
	copy[len] = 0;
	json_string(r, key, copy);
}

static void print_int(struct report *r, const char *key, int64_t value)
{
	if (!r->json)
		fprintf(r->f, "%" PRId64, value);
	else
		json_int(r, key, value);
}

/* The shortest form that reads back as the same bits, and as a float. */
static void print_float(struct report *r, const char *key, double value)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	if (isfinite(value) && !strpbrk(text, ".e"))
		strcat(text, ".0");
	if (!r->json)
		fputs(text, r->f);
	else if (isfinite(value))
		json_number(r, key, text);
	else
		json_string(r, key, text);
}

static void print_value(struct report *r, const char *key, const unsigned char *p, uint32_t type,
			size_t len)
{
	uint64_t bits;
	double d;

	if (type == VEXFS_META_STRING) {
		if (r->json)
			json_text(r, key, (const char *)p, len);
		else
			print_text(r, (const char *)p, len);
		return;
	}
	memcpy(&bits, p, sizeof(bits));
	bits = le64toh(bits);
	memcpy(&d, &bits, sizeof(d));
	if (type == VEXFS_META_INT)
		print_int(r, key, (int64_t)bits);
	else
		print_float(r, key, d);
}

bool record_print(struct report *r, const unsigned char *rec, size_t len)
{
	char key[256];
	const char *between = "";

	while (len) {
		size_t n;

		if (len < 4)
			return false;
		n = rec[2] | rec[3] << 8;
		if (len - 4 < rec[0] + n || n > VEXFS_META_TEXT_MAX ||
		    (rec[1] != VEXFS_META_STRING && n != 8))
			return false;
		memcpy(key, rec + 4, rec[0]);
		key[rec[0]] = 0;
		if (!r->json)
			fprintf(r->f, "%s%s=", between, key);
		print_value(r, key, rec + 4 + rec[0], rec[1], n);
		between = "  ";
		n += 4 + rec[0];
		rec += n;
		len -= n;
	}
	return true;
}
