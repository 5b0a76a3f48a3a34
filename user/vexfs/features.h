/* SPDX-License-Identifier: GPL-2.0-only */
/* Features of a filesystem by name. */
#ifndef VEXFS_CMD_FEATURES_H
#define VEXFS_CMD_FEATURES_H

#include <stdint.h>
#include <stdio.h>

/*
 * Apply "name,^name,none,..." to @features, from left to right. GO_ON, or the status after a
 * message.
 */
int features_parse(const char *list, uint64_t *features);
/* The names of @features on one line, "none" when there are none. */
void features_print(FILE *f, uint64_t features);
/* All that there are and what they are for, one a line, each behind @indent. */
void features_list(FILE *f, const char *indent);

#endif /* VEXFS_CMD_FEATURES_H */
