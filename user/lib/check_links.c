// SPDX-License-Identifier: GPL-2.0-only
/* Names against inodes: links, parents, what can be reached from the root. */
#include "check.h"

u32 inode_true_links(const struct check_inode *n)
{
	if (S_ISDIR(inode_true_mode(n)) && (n->ino == VEXFS_ROOT_INO || n->entries))
		return 2 + n->subdirs;
	return n->entries;
}

u64 inode_true_parent(const struct check_inode *n)
{
	if (n->ino == VEXFS_ROOT_INO)
		return VEXFS_ROOT_INO;
	if (S_ISDIR(inode_true_mode(n)))
		return n->entries ? n->named_in : n->parent;
	/* Of a device it is the number; of anything else it means nothing. */
	return S_ISCHR(inode_true_mode(n)) || S_ISBLK(inode_true_mode(n)) ? (u32)n->parent : 0;
}

/* A second name of a directory: the one that the directory itself believes in is kept. */
static void second_name(struct check *c, struct check_inode *n, const struct check_name *name)
{
	struct check_inode *before = inode_find(c, n->named_in);
	struct check_inode *here = inode_find(c, name->dir);

	check_problem(c, VEX_P_DIR_TWICE, 0, n->ino,
		      "directory with a name in %llu and one in %llu", n->named_in, name->dir);
	if (n->parent != name->dir || n->named_in == name->dir || n->ino == VEXFS_ROOT_INO)
		return;
	if (before)
		before->subdirs--;
	here->subdirs++;
	n->named_in = name->dir;
	n->named_at = name->offset;
}

static void see_name(struct check *c, const struct check_name *name)
{
	struct check_inode *n = inode_find(c, name->ino);
	struct check_inode *dir = inode_find(c, name->dir);
	u32 mode;

	if (!n) {
		check_problem(c, VEX_P_DIRENT_DANGLING, 0, name->dir,
			      "directory entry that names inode %llu, which is not there",
			      name->ino);
		return;
	}
	mode = inode_true_mode(n);
	if (S_ISDIR(mode) && (n->entries || n->ino == VEXFS_ROOT_INO)) {
		if (n->ino == VEXFS_ROOT_INO)
			n->named_in = VEXFS_ROOT_INO;
		second_name(c, n, name);
		return;
	}
	if (name->type != S_DT(mode) && !n->broken_link)
		check_problem(c, VEX_P_DIRENT_TYPE, 0, name->dir,
			      "directory entry of a wrong type for inode %llu", name->ino);
	n->entries++;
	n->named_in = name->dir;
	n->named_at = name->offset;
	if (S_ISDIR(mode))
		dir->subdirs++;
}

static void see_orphan(struct check *c, u64 ino)
{
	struct check_inode *n = inode_find(c, ino);

	if (!n || n->missing) {
		check_problem(c, VEX_P_ORPHAN_DANGLING, 0, ino,
			      "orphan item of an inode that is not there");
		return;
	}
	n->orphan = true;
}

#define MARK_PATH	1	/* on the path in hand */
#define MARK_DONE	2	/* ends at the root, or where a repair will put it */

/* Follow the names of a directory upwards, to the root or to one of its own. */
static void follow(struct check *c, struct check_inode *n)
{
	struct check_inode *at = n, *up;

	while (at && at->mark == 0 && at->ino != VEXFS_ROOT_INO && at->entries) {
		at->mark = MARK_PATH;
		at = inode_find(c, at->named_in);
	}
	if (at && at->mark == MARK_PATH) {
		check_problem(c, VEX_P_DIR_CYCLE, 0, at->ino,
			      "directory that is below itself");
		/* Take it out of the circle: its name goes. */
		up = inode_find(c, at->named_in);
		if (up)
			up->subdirs--;
		at->entries = 0;
		at->lost = true;
	}
	for (at = n; at && at->mark == MARK_PATH; at = inode_find(c, at->named_in))
		at->mark = MARK_DONE;
}

static void judge_links(struct check *c, struct check_inode *n)
{
	u32 links = inode_true_links(n);

	if (n->ino == VEXFS_ROOT_INO || n->entries || inode_dying(n) || n->lost) {
		if (n->missing || n->lost)
			return;
		if (n->nlink != links)
			check_problem(c, VEX_P_INODE_LINKS, 0, n->ino, "%u links, %u found",
				      n->nlink, links);
		if (S_ISDIR(inode_true_mode(n)) && n->parent != inode_true_parent(n))
			check_problem(c, VEX_P_DIR_PARENT, 0, n->ino,
				      "directory in %llu says that it is in %llu",
				      inode_true_parent(n), n->parent);
		if (n->orphan)
			check_problem(c, VEX_P_ORPHAN_PENDING, 0, n->ino,
				      n->entries ? "cut, its blocks are not freed yet" :
				      "removed, not freed yet");
		return;
	}
	check_problem(c, VEX_P_INODE_LOST, 0, n->ino, "no directory names it");
	n->lost = true;
}

static void judge_inode_counts(struct check *c, const struct check_inode *n)
{
	if (!n->missing && n->blocks != n->found)
		check_problem(c, VEX_P_INODE_BLOCKS, 0, n->ino, "%llu blocks, %llu found",
			      n->blocks, n->found);
	if (!n->missing && !n->coll && size_short(n))
		check_problem(c, VEX_P_INODE_SIZE, 0, n->ino, "%llu bytes, and data to %llu",
			      n->size, inode_end(n) << VEXFS_BLOCK_SHIFT);
}

static void judge_target(struct check *c, struct check_inode *n)
{
	if (!S_ISLNK(inode_true_mode(n)) || n->missing)
		return;
	/* The end of one that is dying may have gone piece by piece. */
	if (n->orphan || (!n->bad_target && n->target == n->size && n->target &&
			  n->target <= VEXFS_SYMLINK_MAX))
		return;
	check_problem(c, VEX_P_SYMLINK_TARGET, 0, n->ino,
		      "symbolic link of %llu bytes, %llu found", n->size, n->target);
	n->broken_link = true;
}

int check_links(struct check *c)
{
	struct check_inode *root = inode_find(c, VEXFS_ROOT_INO);

	if (!root)
		check_problem(c, VEX_P_ROOT_MISSING, 0, VEXFS_ROOT_INO, "no root directory");
	for (size_t i = 0; i < c->orphan_count; i++)
		see_orphan(c, c->orphans[i]);
	for (size_t i = 0; i < c->inode_count; i++)
		judge_target(c, &c->inodes[i]);
	for (size_t i = 0; i < c->name_count; i++)
		see_name(c, &c->names[i]);
	for (size_t i = 0; i < c->inode_count; i++)
		if (S_ISDIR(inode_true_mode(&c->inodes[i])))
			follow(c, &c->inodes[i]);
	for (size_t i = 0; i < c->inode_count; i++) {
		judge_links(c, &c->inodes[i]);
		judge_inode_counts(c, &c->inodes[i]);
	}
	check_colls(c);
	return c->err;
}
