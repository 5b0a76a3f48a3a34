/* SPDX-License-Identifier: GPL-2.0-only */
/* One line of numbers. */
#ifndef VEXFS_CMD_CSV_H
#define VEXFS_CMD_CSV_H

#include <stdint.h>

/*
 * Read the numbers of @line, @room of them at most; *@count tells how many. 0;
 * -EINVAL when something is not a number, *@column (from 1) tells where; -E2BIG. The values
 * are not checked: NaN and infinities pass.
 */
int csv_parse(const char *line, float *row, uint32_t room, uint32_t *count, uint32_t *column);

#endif /* VEXFS_CMD_CSV_H */
