/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every part of vexfs-trace-read needs: messages, memory that ends the
 * program when there is none, interned strings, hash indexes over arrays.
 */
#ifndef TRACE_READ_BASE_H
#define TRACE_READ_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* Both prefix the program's name and end the line. die() leaves with exit status 1. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

void *xmalloc(size_t size);
void *xzalloc(size_t size);
void *xrealloc(void *old, size_t size);
void *xmemdup(const void *from, size_t size);
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Make room in an array for one more element; capacity doubles. */
#define GROW(array, used, room) do {						\
	if ((used) == (room)) {							\
		(room) = (room) ? 2 * (room) : 16;				\
		(array) = xrealloc((array), (room) * sizeof(*(array)));	\
	}									\
} while (0)

/* One copy of each string, for the life of the program: equal strings are one pointer. */
const char *intern(const char *s);
const char *intern_len(const char *s, size_t len);

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);
uint64_t now_ns(void);

/* A whole file, with a 0 byte after it, or NULL (errno). For /proc, /sys and small files. */
char *read_file(const char *path, size_t *len);

/**
 * struct index - finds elements of an array by hash
 * @slot: element's number + 1, 0 where empty
 * @hash: of that element
 * @room: slots, a power of two
 * @used: slots taken
 */
struct index {
	uint32_t *slot;
	uint64_t *hash;
	size_t room;
	size_t used;
};

/* Whether the element @item of @array is what @key describes. */
typedef bool (*index_eq)(const void *array, uint32_t item, const void *key);

#define INDEX_NONE	UINT32_MAX

uint32_t index_find(const struct index *index, uint64_t hash, index_eq eq, const void *array,
		    const void *key);
void index_add(struct index *index, uint64_t hash, uint32_t item);
void index_clear(struct index *index);
void index_free(struct index *index);

#endif /* TRACE_READ_BASE_H */
