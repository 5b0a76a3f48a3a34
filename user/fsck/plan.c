// SPDX-License-Identifier: GPL-2.0-only
/* What shall be: a root, a place for what has none. */
#include <stdio.h>
#include <stdlib.h>

#include "repair.h"

int plan_name(struct repair *r, u64 dir, u64 ino, u8 type, const char *name, u32 len)
{
	struct new_name *n;

	r->names = check_grow(r->c, r->names, r->name_count, &r->name_room, sizeof(*r->names));
	if (r->c->err)
		return r->c->err;
	n = &r->names[r->name_count++];
	*n = (struct new_name){ .dir = dir, .ino = ino, .type = type, .len = len };
	memcpy(n->name, name, len);
	return 0;
}

/* An inode that is not there, at @at of the table. */
static struct check_inode *make_dir(struct check *c, size_t at, u64 ino)
{
	c->inodes = check_grow(c, c->inodes, c->inode_count, &c->inode_room, sizeof(*c->inodes));
	if (c->err)
		return NULL;
	memmove(&c->inodes[at + 1], &c->inodes[at], (c->inode_count - at) * sizeof(*c->inodes));
	c->inode_count++;
	c->inodes[at] = (struct check_inode){
		.ino = ino, .missing = true, .mode = S_IFDIR | 0700, .parent = VEXFS_ROOT_INO,
		.named_in = VEXFS_ROOT_INO,
	};
	return &c->inodes[at];
}

static bool has_lost(const struct check *c)
{
	for (size_t i = 0; i < c->inode_count; i++)
		if (c->inodes[i].lost && !inode_dying(&c->inodes[i]))
			return true;
	return false;
}

/* The number of the directory for the lost, made when there is none. */
static u64 lost_found(struct repair *r)
{
	static const char names[2][16] = { "lost+found", "lost+found-fsck" };
	struct check *c = r->c;
	struct check_inode *n = c->lost_found ? inode_find(c, c->lost_found) : NULL;
	const char *name = names[c->lost_found_taken];

	if (n && S_ISDIR(inode_true_mode(n)) && n->entries && !n->lost &&
	    n->named_in == VEXFS_ROOT_INO)
		return n->ino;
	n = make_dir(c, c->inode_count, r->next_ino);
	if (!n)
		return 0;
	r->next_ino++;
	n->entries = 1;
	inode_find(c, VEXFS_ROOT_INO)->subdirs++;
	if (plan_name(r, VEXFS_ROOT_INO, n->ino, DT_DIR, name, strlen(name)))
		return 0;
	return n->ino;
}

static int plan_lost(struct repair *r)
{
	struct check *c = r->c;
	u64 place = lost_found(r);

	for (size_t i = 0; place && i < c->inode_count; i++) {
		struct check_inode *n = &c->inodes[i];
		u32 mode = inode_true_mode(n);
		char name[24];

		if (!n->lost || inode_dying(n))
			continue;
		n->entries = 1;
		n->named_in = place;
		n->named_at = U64_MAX;
		if (S_ISDIR(mode))
			inode_find(c, place)->subdirs++;
		r->reconnected++;
		if (plan_name(r, place, n->ino, S_DT(mode), name,
			      snprintf(name, sizeof(name), "#%llu", n->ino)))
			break;
	}
	return c->err;
}

int plan(struct repair *r)
{
	struct check *c = r->c;

	r->next_ino = max_t(u64, le64_to_cpu(c->sb.next_ino), c->max_ino + 1);
	/* Every number is smaller than that of what is rebuilt. */
	if (r->next_ino >= U64_MAX - 1)
		return -EOVERFLOW;
	if (!inode_find(c, VEXFS_ROOT_INO) && !make_dir(c, 0, VEXFS_ROOT_INO))
		return -ENOMEM;
	return has_lost(c) ? plan_lost(r) : 0;
}
