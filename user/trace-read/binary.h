/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols, source lines and inlined functions of one ELF file. */
#ifndef TRACE_READ_BINARY_H
#define TRACE_READ_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "object.h"

/* Whether the file's build-id begins with these bytes. */
bool binary_has_id(int fd, const uint8_t *id, size_t id_size);

/* Never NULL; a file that is no ELF has no symbols. @fd stays the caller's, and open. */
struct binary *binary_open(int fd);

/* See object_places(). */
size_t binary_places(struct binary *binary, uint64_t offset, struct place *places, size_t max);

void binary_close(struct binary *binary);

#endif /* TRACE_READ_BINARY_H */
