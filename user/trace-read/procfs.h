/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that exist, from /proc. */
#ifndef TRACE_READ_PROCFS_H
#define TRACE_READ_PROCFS_H

#include <stdint.h>

/* Tells process.c the executable mappings of one process, known from @time on. */
void procfs_read(uint32_t tgid, uint64_t time);

/* The same for every process there is. */
void procfs_read_all(void);

#endif /* TRACE_READ_PROCFS_H */
