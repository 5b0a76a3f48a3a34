/* SPDX-License-Identifier: GPL-2.0-only */
/* The system call instructions of libc, for the BPF programs to recognise. */
#ifndef TRACE_READ_SYSCALLS_H
#define TRACE_READ_SYSCALLS_H

#include <stddef.h>

/* Finds them, the first time; how many there are. */
size_t syscalls_find(void);

/* Puts them into the programs' map. */
void syscalls_fill(int map);

void syscalls_free(void);

#endif /* TRACE_READ_SYSCALLS_H */
