/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that can be seen of a filesystem, as text: a line for each name, in order of
 * the names. The model writes the same lines from what it knows.
 */
#ifndef CRASH_VIEW_H
#define CRASH_VIEW_H

#include <vex_core.h>

/* A growing text. */
struct text {
	char *str;
	size_t len, room;
};

void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *t);

/* A number for @len bytes that tells contents apart. */
u64 hash_bytes(u64 seed, const void *data, size_t len);

/* Nearest rows that a view shows, and the query: element @i. */
#define VIEW_K		4u
static inline int view_query(u64 i)
{
	return (int)(i * 5 % 7) - 2;
}

#define VIEW_TIMES	1u	/* and inode numbers, which the model does not know */

/**
 * view_fs() - describe what can be read
 * @fs: filesystem
 * @path: of the directory at which to begin, "" for the root; not below another
 * @flags: VIEW_*
 * @out: is added to
 *
 * Return: 0, or the first error of reading.
 */
int view_fs(struct vex_fs *fs, const char *path, unsigned int flags, struct text *out);

/* The first line in which two views differ, both versions, in a buffer that is reused. */
const char *view_difference(const char *expected, const char *found);

#endif /* CRASH_VIEW_H */
