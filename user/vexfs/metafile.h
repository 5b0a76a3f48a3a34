/* SPDX-License-Identifier: GPL-2.0-only */
/* A file of metadata: the pairs of a row a line. */
#ifndef VEXFS_CMD_METAFILE_H
#define VEXFS_CMD_METAFILE_H

#include <stdint.h>
#include <stdio.h>

#include "record.h"

/**
 * struct metafile - an open file of metadata
 * @path: as the user named it
 * @line: number of the last line that was read, from 1
 * @packed: records of a batch, @len bytes, each behind its length
 */
struct metafile {
	const char *path;
	FILE *f;
	char *text;
	size_t room;
	uint64_t line;
	unsigned char *packed;
	size_t len;
	struct record record;
};

/*
 * Open @path for batches of at most @batch rows. A regular file is read to its end first, so that
 * what is wrong in it is told before anything has changed. A status, after a message.
 */
int metafile_open(struct metafile *m, const char *path, uint32_t batch);
/* Pack the records of the next @count lines. A status, after a message. */
int metafile_read(struct metafile *m, uint32_t count);
/* Complain when there are lines left. A status. */
int metafile_end(struct metafile *m);
void metafile_close(struct metafile *m);

#endif /* VEXFS_CMD_METAFILE_H */
