/* SPDX-License-Identifier: GPL-2.0-only */
/* Names that a process gave to code that it made itself, in /tmp/perf-PID.map. */
#ifndef TRACE_READ_PERFMAP_H
#define TRACE_READ_PERFMAP_H

#include <stdint.h>

/* The interned name of @address in process @tgid, or NULL. */
const char *perfmap_name(uint32_t tgid, uint64_t address);

void perfmap_close(void);

#endif /* TRACE_READ_PERFMAP_H */
