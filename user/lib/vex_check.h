/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checking a whole filesystem against the invariants of its format.
 *
 * The checker reads the device itself and trusts nothing that it has not verified, so it
 * works on any image that has one good superblock. It reports every violation by a code;
 * Documentation/format.rst has a row for each.
 */
#ifndef VEX_CHECK_H
#define VEX_CHECK_H

#include <stdio.h>

#include "vex_core.h"

/* What a repair of a problem does. */
enum vex_repair {
	VEX_REPAIR_NOTE,	/* no damage: what a crash leaves, and the next mount finishes */
	VEX_REPAIR_SAFE,	/* a number or a mark is set to what is true: nothing is lost */
	VEX_REPAIR_LOSSY,	/* something is dropped, moved to lost+found, or rebuilt */
	VEX_REPAIR_NONE,	/* cannot be repaired */
};

/* P(code, name, repair, what the repair does) */
#define VEX_PROBLEMS(P)									\
	P(SUPER_SLOT, "super-slot", NOTE, "written again from the other")		\
	P(SUPER_READ, "super-read", LOSSY, "written again from the other")		\
	P(SUPER_NONE, "super-none", NONE, "nothing: both superblocks are lost")		\
	P(SUPER_FEATURE, "super-feature", SAFE, "the feature is set")			\
	P(SUPER_NAMES, "super-names", SAFE, "the names are set")			\
	P(SUPER_RESERVED, "super-reserved", SAFE, "zeroed")				\
	P(SUPER_FREE, "super-free", SAFE, "counted anew")				\
	P(SUPER_TREE, "super-tree", SAFE, "counted anew")				\
	P(SUPER_UNWRITTEN, "super-unwritten", SAFE, "counted anew")			\
	P(SUPER_INODES, "super-inodes", SAFE, "counted anew")				\
	P(SUPER_NEXT, "super-next", SAFE, "raised above every inode")			\
	P(NODE_READ, "node-read", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(NODE_CSUM, "node-csum", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(NODE_STALE, "node-stale", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(NODE_LEVEL, "node-level", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(NODE_FORM, "node-form", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(NODE_ORDER, "node-order", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(NODE_BOUNDS, "node-bounds", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(NODE_CHILD, "node-child", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(NODE_TWICE, "node-twice", LOSSY, "tree rebuilt from the leaves that are left")	\
	P(ITEM_UNKNOWN, "item-unknown", LOSSY, "dropped")				\
	P(ITEM_FORM, "item-form", LOSSY, "dropped")					\
	P(ITEM_STRAY, "item-stray", LOSSY, "dropped")					\
	P(ITEM_MISFIT, "item-misfit", LOSSY, "dropped")					\
	P(INODE_MODE, "inode-mode", LOSSY, "the type is set by what the inode owns")	\
	P(INODE_SIZE, "inode-size", LOSSY, "set to the end of the data")		\
	P(INODE_PARENT, "inode-parent", SAFE, "bytes that mean nothing are cleared")	\
	P(INODE_FLAGS, "inode-flags", SAFE, "unknown flags are cleared")		\
	P(INODE_TIME, "inode-time", SAFE, "the fraction is cleared")			\
	P(INODE_BLOCKS, "inode-blocks", SAFE, "counted anew")				\
	P(INODE_LINKS, "inode-links", SAFE, "counted anew")				\
	P(INODE_LOST, "inode-lost", LOSSY, "entered in lost+found")			\
	P(ROOT_MISSING, "root-missing", LOSSY, "rebuilt")				\
	P(DIR_MISSING, "dir-missing", LOSSY, "the directory's inode is rebuilt")	\
	P(DIR_PARENT, "dir-parent", SAFE, "set to the directory that names it")		\
	P(DIR_TWICE, "dir-twice", LOSSY, "one name is kept")				\
	P(DIR_CYCLE, "dir-cycle", LOSSY, "moved to lost+found")				\
	P(DIRENT_FORM, "dirent-form", LOSSY, "dropped")					\
	P(DIRENT_NAME, "dirent-name", LOSSY, "entered by a legal name")			\
	P(DIRENT_HASH, "dirent-hash", LOSSY, "entered anew where it belongs")		\
	P(DIRENT_TWICE, "dirent-twice", LOSSY, "the second of equal names is dropped")	\
	P(DIRENT_TYPE, "dirent-type", SAFE, "set to the inode's")			\
	P(DIRENT_DANGLING, "dirent-dangling", LOSSY, "removed")				\
	P(EXTENT_FORM, "extent-form", LOSSY, "dropped")					\
	P(EXTENT_RANGE, "extent-range", LOSSY, "dropped")				\
	P(EXTENT_OVERLAP, "extent-overlap", LOSSY, "the second is dropped")		\
	P(EXTENT_SHARED, "extent-shared", LOSSY, "kept where the checksums fit")	\
	P(DATA_CSUM, "data-csum", NONE, "nothing: the content is lost")			\
	P(COLL_FORM, "coll-form", LOSSY, "becomes a plain file")			\
	P(COLL_FLAG, "coll-flag", LOSSY, "the flag follows the attributes")		\
	P(COLL_SIZE, "coll-size", LOSSY, "cut to whole rows")				\
	P(COLL_LIVE, "coll-live", SAFE, "counted anew")					\
	P(INDEX_HEAD, "index-head", NONE, "nothing here: 'vexfs reindex' makes it anew")		\
	P(INDEX_ITEM, "index-item", NONE, "nothing here: 'vexfs reindex' makes it anew")		\
	P(INDEX_LINK, "index-link", NONE, "nothing here: 'vexfs reindex' makes it anew")		\
	P(TOMB_RANGE, "tomb-range", LOSSY, "marks past the rows are cleared")		\
	P(META_FORM, "meta-form", LOSSY, "dropped")					\
	P(META_ROW, "meta-row", LOSSY, "dropped")					\
	P(XATTR_FORM, "xattr-form", LOSSY, "the attribute is dropped")			\
	P(SYMLINK_TARGET, "symlink-target", LOSSY, "becomes an empty file")		\
	P(BITMAP_FORM, "bitmap-form", SAFE, "written anew")				\
	P(BITMAP_FREE, "bitmap-free", SAFE, "marked as in use")				\
	P(BITMAP_USED, "bitmap-used", SAFE, "marked as free")				\
	P(BITMAP_COUNT, "bitmap-count", SAFE, "counted anew")				\
	P(ORPHAN_PENDING, "orphan-pending", NOTE, "finished")				\
	P(ORPHAN_FORM, "orphan-form", SAFE, "removed")					\
	P(ORPHAN_DANGLING, "orphan-dangling", SAFE, "removed")

#define VEX_PROBLEM_ENUM(code, name, repair, what) VEX_P_##code,
enum vex_problem_code {
	VEX_PROBLEMS(VEX_PROBLEM_ENUM)
	VEX_PROBLEM_CODES
};

struct vex_problem_kind {
	const char *name;
	const char *what;	/* the repair does */
	enum vex_repair repair;
};

extern const struct vex_problem_kind vex_problem_kinds[VEX_PROBLEM_CODES];

/**
 * struct vex_problem - one violation
 * @code: which invariant
 * @block: where, 0 when no block is to blame
 * @ino: of what inode, 0 when of none
 * @text: one line; printable, though parts may come from the image
 */
struct vex_problem {
	enum vex_problem_code code;
	u64 block;
	u64 ino;
	const char *text;
};

/**
 * struct vex_check_opts - how to check
 * @data: read all file data too and verify its checksums
 * @slot: use the superblock of this slot; -1: the newest valid one
 * @problem: called for each violation; may be NULL
 * @progress: called now and then; @done of @total blocks to be read are; other than 0 ends the
 *	check with that result; may be NULL
 * @ctx: first argument of both
 */
struct vex_check_opts {
	bool data;
	int slot;
	void (*problem)(void *ctx, const struct vex_problem *p);
	int (*progress)(void *ctx, u64 done, u64 total);
	void *ctx;
};

/**
 * struct vex_check_result - what was found
 * @problems: violations, without notes
 * @notes: VEX_REPAIR_NOTE
 * @unrepairable: of @problems, VEX_REPAIR_NONE
 * @lossy: of @problems, VEX_REPAIR_LOSSY
 * @tree_damaged: the items were not compared, for some cannot be read
 * @blocks: of the filesystem
 * @used: blocks in use, with those that the format reserves
 * @tree_blocks: of them, nodes
 * @unwritten: of them, blocks of unwritten extents
 * @inodes: in use
 * @generation: of the superblock that was used
 * @features: VEXFS_FEATURE_*
 */
struct vex_check_result {
	u64 problems;
	u64 notes;
	u64 unrepairable;
	u64 lossy;
	bool tree_damaged;
	u64 blocks;
	u64 used;
	u64 tree_blocks;
	u64 unwritten;
	u64 inodes;
	u64 generation;
	u64 features;
};

/**
 * vex_check_device() - compare everything in a filesystem with everything else
 * @io: device; only read, by nobody else written
 * @opts: how
 * @result: filled when the check ran to its end
 * @why: filled on EINVAL, EOPNOTSUPP and EUCLEAN; may be NULL
 *
 * Memory: a bit for each block of the groups of blocks that are in use, 64 bytes a leaf of the
 * tree, 128 bytes an inode, 24 bytes a name.
 *
 * Return: 0 when the check ran, whatever it found; EINVAL no VexFS; EOPNOTSUPP an unknown version
 * or feature; EUCLEAN the device is smaller than the filesystem; ENOMEM; what @progress returned.
 */
int vex_check_device(const struct vex_io *io, const struct vex_check_opts *opts,
		     struct vex_check_result *result, struct vex_open_error *why);

/**
 * vex_check() - the same for a filesystem that is open
 * @fs: filesystem without pending changes, used by nobody else
 * @out: where each violation is written, one a line
 *
 * Compares with the numbers in memory, too. Notes are passed over.
 *
 * Return: the number of violations; or -EBUSY with pending changes, or as vex_check_device().
 */
long vex_check(struct vex_fs *fs, FILE *out);

struct vex_graph;

/* A rule that an item of a graph breaks. */
struct vex_graph_fault {
	enum vex_problem_code code;
	const char *text;		/* "item n ..."; NULL: it breaks none */
};

/**
 * vex_graph_check_item() - is an item of a graph what it should be?
 * @g: the graph, held for reading; its head is sound
 * @layer: in use
 * @pos: below the count of the layer
 * @fault: receives what is wrong with it
 *
 * Return: 0, or what reading an item returned.
 */
int vex_graph_check_item(struct vex_graph *g, u32 layer, u32 pos, struct vex_graph_fault *fault);

/*
 * Live rows to which no links lead from the entry through the layers; -ENOMEM; as reading an item. No
 * damage: the choice of links promises no way to every row, only that there is one to nearly all.
 */
long vex_graph_unreached(struct vex_graph *g);

#endif /* VEX_CHECK_H */
