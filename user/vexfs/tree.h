/* SPDX-License-Identifier: GPL-2.0-only */
/* The regular files of file trees, in order. */
#ifndef VEXFS_CMD_TREE_H
#define VEXFS_CMD_TREE_H

#include <stddef.h>
#include <stdint.h>

#define TREE_MAX_FILES	(16u << 20)

/**
 * struct tree - files found
 * @paths: their paths, allocated
 * @count: of them
 * @room: pointers that fit in @paths
 * @unreadable: folders and files that could not be looked at; a message was printed for each
 */
struct tree {
	char **paths;
	size_t count;
	size_t room;
	uint64_t unreadable;
};

/*
 * Add the regular files at and below the @roots (ends with NULL), each folder
 * sorted by name; symbolic links are followed only when they are a root
 * themselves. Returns a status, with a message: a root that does not exist, or is neither
 * file nor folder, ends it.
 */
int tree_walk(struct tree *t, char *const roots[]);
/* Keep @count files, evenly spread over those found. */
void tree_sample(struct tree *t, size_t count);
void tree_free(struct tree *t);

#endif /* VEXFS_CMD_TREE_H */
