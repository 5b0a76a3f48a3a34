// SPDX-License-Identifier: GPL-2.0-only
/* Collections against their files. */
#include <stdlib.h>

#include "check.h"

static int coll_cmp(const void *key, const void *elem)
{
	u64 ino = *(const u64 *)key;
	const struct check_coll *k = elem;

	return ino < k->ino ? -1 : ino > k->ino;
}

struct check_coll *coll_find(struct check *c, u64 ino)
{
	return c->coll_count ? bsearch(&ino, c->colls, c->coll_count, sizeof(*c->colls),
				       coll_cmp) : NULL;
}

u64 coll_true_rows(const struct check_coll *k, const struct check_inode *n)
{
	u64 there = inode_end(n) << VEXFS_BLOCK_SHIFT;
	u64 rows = 0;

	/* All rows were written, so the data reach as far as the rows, and no further. */
	if (k->rows * k->row_bytes <= there)
		rows = k->rows;
	if (n->size <= there && n->size % k->row_bytes == 0)
		rows = max_t(u64, rows, n->size / k->row_bytes);
	if (round_up(rows * k->row_bytes, (u64)VEXFS_BLOCK_SIZE) < there)
		rows = there / k->row_bytes;
	return rows;
}

void check_colls(struct check *c)
{
	for (size_t i = 0; i < c->coll_count; i++) {
		const struct check_coll *k = &c->colls[i];
		struct check_inode *n = inode_find(c, k->ino);

		if (inode_dying(n))
			continue;
		if (k->rows * k->row_bytes != n->size || k->keep != k->rows)
			check_problem(c, VEX_P_COLL_SIZE, 0, k->ino,
				      "%llu rows of %u bytes in a file of %llu bytes with data to %llu",
				      k->rows, k->row_bytes, n->size,
				      inode_end(n) << VEXFS_BLOCK_SHIFT);
		if (k->live != k->rows - k->tombs)
			check_problem(c, VEX_P_COLL_LIVE, 0, k->ino, "%llu live rows, %llu found",
				      k->live, k->rows - k->tombs);
	}
	for (size_t i = 0; i < c->inode_count; i++) {
		const struct check_inode *n = &c->inodes[i];

		if (!n->coll_bad && n->coll != !!(n->flags & VEXFS_INODE_COLL) && !inode_dying(n))
			check_problem(c, VEX_P_COLL_FLAG, 0, n->ino, n->coll ?
				      "has a collection's attributes, and is none" :
				      "collection without attributes");
	}
}
