/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own records of fork, exec, mmap and exit, of every process. */
#ifndef TRACE_READ_SIDEBAND_H
#define TRACE_READ_SIDEBAND_H

#include <stdbool.h>
#include <stddef.h>

/* Starts them. Without permission it says so once, and there are none. */
void sideband_open(void);

const int *sideband_fds(size_t *count);

/* Tells process.c what happened since, oldest first; true when the kernel lost some of it. */
bool sideband_read(void);

void sideband_close(void);

#endif /* TRACE_READ_SIDEBAND_H */
