/* SPDX-License-Identifier: GPL-2.0-only */
/* Events that came whole through the ring buffer, until their epoch is retired. */
#ifndef TRACE_READ_FALLBACK_H
#define TRACE_READ_FALLBACK_H

#include <stddef.h>
#include <stdint.h>

/* What libbpf calls for each record. */
int fallback_record(void *context, void *data, size_t size);

/* Hands those of @epoch to events_add(); adds their number to @counted, by kind. */
void fallback_flush(uint32_t epoch, uint64_t *counted);

#endif /* TRACE_READ_FALLBACK_H */
