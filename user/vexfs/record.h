/* SPDX-License-Identifier: GPL-2.0-only */
/* Metadata of rows: values as the user writes them, records as the filesystem wants them. */
#ifndef VEXFS_CMD_RECORD_H
#define VEXFS_CMD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vexfs_format.h>

#include "report.h"

/* Bytes that a record takes at most: 16 pairs, of which one is 256 bytes of string. */
#define RECORD_MAX	1024u

/**
 * struct value - a value
 * @type: VEXFS_META_*
 * @bits: of an int or a float
 * @text: of a string
 * @len: bytes of it
 */
struct value {
	uint8_t type;
	uint64_t bits;
	char text[VEXFS_META_TEXT_MAX];
	uint32_t len;
};

/**
 * struct record - pairs to be stored, by key
 * @keys: ascending
 * @values: one for each
 * @count: of them
 * @wrong: what is, of the last pair that was refused
 */
struct record {
	char keys[VEXFS_META_PAIRS][VEXFS_META_KEY_MAX + 1];
	struct value values[VEXFS_META_PAIRS];
	unsigned int count;
	char wrong[512];
};

/* Bytes at the begin of @text that can be a key; 0: none. */
size_t key_length(const char *text);
/*
 * Read a value from @text: an int, a float, or a string in quotes; *@end receives what
 * follows. NULL, or what is wrong there.
 */
const char *value_read(struct value *v, const char *text, const char **end);
/* VEXFS_META_* of int, float, string; -1: none of them. */
int value_type(const char *name);

/*
 * Add "key=value" with the type by its look, or @type when it is not 0. GO_ON, or a status after
 * a message. record_remove() adds the wish that the key goes.
 */
int record_add(struct record *r, const char *arg, int type);
int record_remove(struct record *r, const char *key);
/*
 * Add the pairs of a line, which white space separates; it stands in a value that is in quotes
 * only. 0, or -1 with @r->wrong.
 */
int record_line(struct record *r, const char *line);
/* Pack, behind its length; @buf has room for RECORD_MAX bytes. Returns the bytes. */
size_t record_pack(const struct record *r, unsigned char *buf);

/* @count copies of it, one after another, @len bytes in all; NULL: no memory. */
void *records_make(const struct record *r, uint32_t count, size_t *len);

/* Print the packed record of @len bytes: as JSON members, or as key=value. False: malformed. */
bool record_print(struct report *r, const unsigned char *rec, size_t len);

#endif /* VEXFS_CMD_RECORD_H */
