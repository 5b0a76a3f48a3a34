/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that were mapped executable: programs and libraries, found again by path and, where
 * the kernel told it, by build-id, so that a replaced file never lends its names.
 */
#ifndef TRACE_READ_OBJECT_H
#define TRACE_READ_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_SIZE	20

struct binary;

/**
 * struct object - one file
 * @path: as the process saw it
 * @name: last part of @path
 * @id: build-id, @id_size bytes of it; 0 when the kernel did not tell
 * @fd: open file, or -1
 * @tried: it was looked for
 * @stale: what is at @path now is another file
 * @binary: symbols and lines, once they were needed
 */
struct object {
	const char *path;
	const char *name;
	uint8_t id[BUILD_ID_SIZE];
	size_t id_size;
	int fd;
	bool tried, stale;
	struct binary *binary;
};

/**
 * struct place - where in the source an address is
 * @func: function, NULL when unknown
 * @file: source file, NULL when unknown
 * @line: line in @file
 */
struct place {
	const char *func, *file;
	unsigned int line;
};

/* The object of a mapping's name; NULL for memory that is no file. */
struct object *object_find(const char *path, const uint8_t *id, size_t id_size);

/* An address in @object was seen in process @tgid: the file is opened while it can be found. */
void object_use(struct object *object, uint32_t tgid);

/*
 * What is at @offset of the file, innermost inlined function first, at most @max
 * places. Returns how many; 0 when the file has no name for it.
 */
size_t object_places(struct object *object, uint64_t offset, struct place *places, size_t max);

/* Forgets all objects; frames that refer to them must be gone. */
void objects_close(void);

#endif /* TRACE_READ_OBJECT_H */
