/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a BPF hash map in few calls. */
#ifndef TRACE_READ_BATCH_H
#define TRACE_READ_BATCH_H

#include <stdbool.h>
#include <stddef.h>

/* Told of @n elements. */
typedef void batch_fn(void *context, const void *keys, const void *values, size_t n);

/*
 * Hands all elements of map @fd to @each; @take: and removes them. Elements that programs add
 * meanwhile may be missed. Dies when the map cannot be read; @what it holds is said then.
 */
void batch_read(int fd, bool take, const char *what, size_t key_size, size_t value_size,
		batch_fn *each, void *context);

#endif /* TRACE_READ_BATCH_H */
