/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes JSON: commas, indentation and escapes are seen to. */
#ifndef TRACE_READ_JSON_H
#define TRACE_READ_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 16

/**
 * struct json - a document being written
 * @out: where to
 * @depth: open objects and arrays
 * @used: by depth: something was written there
 * @line: all in one line
 */
struct json {
	FILE *out;
	unsigned int depth;
	bool used[JSON_DEPTH + 1];
	bool line;
};

/* @key is NULL inside of arrays and for the outermost value. */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_string(struct json *j, const char *key, const char *value);	/* NULL: null */
void json_u64(struct json *j, const char *key, uint64_t value);
void json_i64(struct json *j, const char *key, int64_t value);
void json_seconds(struct json *j, const char *key, uint64_t ns);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

#endif /* TRACE_READ_JSON_H */
