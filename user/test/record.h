/* SPDX-License-Identifier: GPL-2.0-only */
/* Records and batches of metadata, built by the words of the format alone. */
#ifndef VEX_TEST_RECORD_H
#define VEX_TEST_RECORD_H

#include "test.h"

struct batch {
	u8 data[1 << 20];
	u32 len;
	u32 open;		/* where the length of the record being built stands */
};

static inline void batch_begin(struct batch *b)
{
	b->open = b->len;
	b->len += 4;
}

static inline void batch_end(struct batch *b)
{
	u32 n = b->len - b->open - 4;

	memcpy(b->data + b->open, &n, 4);
}

static inline void batch_pair(struct batch *b, const char *key, u8 type, const void *value,
			      u16 len)
{
	b->data[b->len++] = strlen(key);
	b->data[b->len++] = type;
	memcpy(b->data + b->len, &len, 2);
	memcpy(b->data + b->len + 2, key, strlen(key));
	if (len)
		memcpy(b->data + b->len + 2 + strlen(key), value, len);
	b->len += 2 + strlen(key) + len;
}

static inline void batch_int(struct batch *b, const char *key, s64 value)
{
	batch_pair(b, key, VEXFS_META_INT, &value, 8);
}

static inline void batch_float(struct batch *b, const char *key, double value)
{
	batch_pair(b, key, VEXFS_META_FLOAT, &value, 8);
}

static inline void batch_string(struct batch *b, const char *key, const char *value)
{
	batch_pair(b, key, VEXFS_META_STRING, value, strlen(value));
}

#endif /* VEX_TEST_RECORD_H */
