/* SPDX-License-Identifier: GPL-2.0-only */
/* The texts of file trees as a source of rows. */
#ifndef VEXFS_CMD_DOCUMENT_H
#define VEXFS_CMD_DOCUMENT_H

#include "source.h"
#include "text.h"
#include "tree.h"

/**
 * struct documents - texts being read; stands in source.private
 * @tree: the files
 * @next: the file to open next
 * @chunk: most bytes of text behind one row; a longer text gives several
 * @hasher: makes the vectors
 * @buf: text of the open file from byte @pos on
 * @have: bytes of it
 * @pos: see @buf
 * @fd: the open file, or -1
 * @gave: the open file gave a row
 * @texts: files that gave rows
 * @binary: files left out because they are no UTF-8 text (from some place on)
 * @empty: files without three characters in a row to hash
 * @unreadable: files and folders left out for an error, which was printed
 * @bytes: bytes of text behind all rows
 */
struct documents {
	struct tree tree;
	size_t next;
	size_t chunk;
	struct text_hasher hasher;
	char *buf;
	size_t have;
	uint64_t pos;
	int fd;
	bool gave;
	uint64_t texts;
	uint64_t binary;
	uint64_t empty;
	uint64_t unreadable;
	uint64_t bytes;
};

/*
 * Open the texts of @tree as @s, in rows of @dim elements. Rows are named PATH, or
 * PATH@BYTE when they are not the first of their file. 0, or -1 with s->error
 * set. The tree stays the caller's.
 */
int documents_open(struct source *s, struct documents *d, struct tree *tree, uint32_t dim,
		   size_t chunk);

#endif /* VEXFS_CMD_DOCUMENT_H */
