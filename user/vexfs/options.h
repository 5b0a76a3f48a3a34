/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of options, for every program here. */
#ifndef VEXFS_CMD_OPTIONS_H
#define VEXFS_CMD_OPTIONS_H

#include <stdint.h>

/* No reason to end: any other value is the exit status to end with. */
#define GO_ON	(-1)

/* Read a number of @min to @max. GO_ON, or a status after a message that names @what. */
int option_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out);
/* The same with a suffix K, M, G or T (powers of 1024). */
int option_size(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* 1234567 as "1,234,567", in one of a few static buffers. */
const char *grouped(uint64_t n);

#endif /* VEXFS_CMD_OPTIONS_H */
