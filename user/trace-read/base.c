// SPDX-License-Identifier: GPL-2.0-only
/* Messages, memory, interned strings, hash indexes. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base.h"

static void say(const char *format, va_list args)
{
	fflush(stdout);
	fputs("vexfs-trace-read: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(1);
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		die("out of memory (%zu bytes)", size);
	return p;
}

void *xmalloc(size_t size)
{
	return xrealloc(NULL, size);
}

void *xzalloc(size_t size)
{
	return memset(xmalloc(size), 0, size);
}

void *xmemdup(const void *from, size_t size)
{
	void *to = xmalloc(size);

	return size ? memcpy(to, from, size) : to;
}

char *xprintf(const char *format, ...)
{
	va_list args;
	char *s;
	int len;

	va_start(args, format);
	len = vasprintf(&s, format, args);
	va_end(args);
	if (len < 0)
		die("out of memory");
	return s;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ len * 0xff51afd7ed558ccdu, word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = mix(h ^ word) + 0x2545f4914f6cdd1du;
	}
	if (len) {
		word = 0;
		memcpy(&word, p, len);
		h = mix(h ^ word) + 0x2545f4914f6cdd1du;
	}
	return mix(h);
}

uint32_t index_find(const struct index *index, uint64_t hash, index_eq eq, const void *array,
		    const void *key)
{
	size_t i;

	if (!index->room)
		return INDEX_NONE;
	for (i = hash & (index->room - 1); index->slot[i]; i = (i + 1) & (index->room - 1))
		if (index->hash[i] == hash && eq(array, index->slot[i] - 1, key))
			return index->slot[i] - 1;
	return INDEX_NONE;
}

static void index_put(struct index *index, uint64_t hash, uint32_t slot)
{
	size_t i = hash & (index->room - 1);

	while (index->slot[i])
		i = (i + 1) & (index->room - 1);
	index->slot[i] = slot;
	index->hash[i] = hash;
	index->used++;
}

void index_add(struct index *index, uint64_t hash, uint32_t item)
{
	struct index old = *index;
	size_t i;

	if (index->used * 4 >= index->room * 3) {
		index->room = old.room ? 2 * old.room : 64;
		index->slot = xzalloc(index->room * sizeof(*index->slot));
		index->hash = xmalloc(index->room * sizeof(*index->hash));
		index->used = 0;
		for (i = 0; i < old.room; i++)
			if (old.slot[i])
				index_put(index, old.hash[i], old.slot[i]);
		index_free(&old);
	}
	index_put(index, hash, item + 1);
}

void index_clear(struct index *index)
{
	if (index->room)
		memset(index->slot, 0, index->room * sizeof(*index->slot));
	index->used = 0;
}

void index_free(struct index *index)
{
	free(index->slot);
	free(index->hash);
	*index = (struct index){};
}

struct piece {
	const char *s;
	size_t len;
};

static bool same_string(const void *array, uint32_t item, const void *key)
{
	const char *const *strings = array;
	const struct piece *piece = key;

	return !strncmp(strings[item], piece->s, piece->len) && !strings[item][piece->len];
}

const char *intern_len(const char *s, size_t len)
{
	static struct index index;
	static const char **strings;
	static size_t used, room;
	struct piece piece = { s, strnlen(s, len) };
	uint64_t hash = hash_bytes(s, piece.len, 0);
	uint32_t i = index_find(&index, hash, same_string, strings, &piece);
	char *copy;

	if (i != INDEX_NONE)
		return strings[i];
	copy = xmalloc(piece.len + 1);
	memcpy(copy, s, piece.len);
	copy[piece.len] = 0;
	GROW(strings, used, room);
	strings[used] = copy;
	index_add(&index, hash, used++);
	return copy;
}

const char *intern(const char *s)
{
	return intern_len(s, strlen(s));
}

char *read_file(const char *path, size_t *len)
{
	size_t used = 0, room = 4096;
	char *data;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	data = xmalloc(room + 1);
	while ((n = read(fd, data + used, room - used)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			n = errno;
			close(fd);
			free(data);
			errno = n;
			return NULL;
		}
		used += n;
		if (used == room) {
			room *= 2;
			data = xrealloc(data, room + 1);
		}
	}
	close(fd);
	data[used] = 0;
	if (len)
		*len = used;
	return data;
}
