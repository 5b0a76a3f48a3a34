/* SPDX-License-Identifier: GPL-2.0-only */
/* What the model is made of: model.c changes it, model_view.c describes it. */
#ifndef CRASH_NODE_H
#define CRASH_NODE_H

#include "op.h"

struct node;

struct name {
	char str[OP_PATH_MAX];
	struct node *node;
};

struct xattr {
	char name[OP_PATH_MAX];
	u64 len, seed;
};

/**
 * struct node - a file or a directory
 * @data: bytes of a file; of a collection one byte a row: is it live?
 * @seed: of a collection: of each row, the content's seed and the element where it begins, and
 *	that of its metadata
 * @names: of a directory
 * @id: number in the view being made
 */
struct node {
	struct node *next;
	u32 mode, uid, gid, nlink;
	u64 size;
	u8 *data;
	bool coll;
	u32 dim, metric;
	u64 rows;
	u64 (*seed)[3];
	char target[OP_PATH_MAX];
	struct xattr xattrs[OP_XATTRS_MAX];
	u32 xattr_count;
	struct name *names;
	u32 count;
	int id;
};

struct model {
	struct node *all;
	struct node *root;
};

/* What a path names, or NULL. */
struct node *model_node(struct model *m, const char *path);

#endif /* CRASH_NODE_H */
