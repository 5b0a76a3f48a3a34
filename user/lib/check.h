/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the checker, and for the repair that continues where it ends.
 *
 * Passes: check_tree.c finds the leaves; check_items.c judges each item by itself and
 * collects what refers to what; check_links.c compares names with inodes;
 * check_space.c bitmaps and counters with the blocks met. A judgement (judge_*) depends
 * on the items before it only, so that a repair that goes through the items again comes
 * to the same one.
 */
#ifndef VEX_CHECK_INTERNAL_H
#define VEX_CHECK_INTERNAL_H

#include "vex_check.h"
#include "vex_fs.h"

/* ---- check_map.c: a set of blocks, with memory for groups that have any ------------ */

struct block_map {
	u8 **groups;
	u64 nr_groups;
	u64 blocks;
	u64 count;
};

int map_init(struct block_map *m, u64 blocks);
void map_free(struct block_map *m);
bool map_test(const struct block_map *m, u64 block);
/* Is any of these in the set? */
bool map_any(const struct block_map *m, u64 block, u64 count);
/* Add blocks; all inside. 0 or -ENOMEM. */
int map_add(struct block_map *m, u64 block, u64 count);
void map_del(struct block_map *m, u64 block);
/* Add block 0 and the superblocks. */
int map_add_reserved(struct block_map *m);

/* ---- items --------------------------------------------------------------------------- */

/**
 * struct leaf_ref - a leaf, or the part of one that holds
 * @block: where
 * @generation: which content; 0: any
 * @lo: items below are not part of it
 * @hi: nor these and above
 */
struct leaf_ref {
	u64 block;
	u64 generation;
	struct vex_key lo;
	struct vex_key hi;
};

/**
 * struct check_item - an item as the passes see it
 * @key: its key
 * @data: in the leaf's buffer, at a multiple of 8
 * @len: bytes
 * @block: of the leaf
 */
struct check_item {
	struct vex_key key;
	const u8 *data;
	u32 len;
	u64 block;
};

/**
 * struct check_inode - what was seen of one inode
 * @ino: its number
 * @size: that it claims
 * @parent: that it claims
 * @blocks: that it claims
 * @found: blocks of its extents
 * @past: of them, behind its size
 * @end: file block behind its last extent before VEXFS_INDEX_POS; see inode_end()
 * @far: the same of all extents, when there are some from there on: of a collection its index
 * @far_past: of these, blocks behind its size
 * @named_in: the directory that names it; of a directory the one that is kept
 * @named_at: the entry's offset
 * @mode: type and permissions that it claims
 * @nlink: links that it claims
 * @entries: directory entries that name it
 * @subdirs: directories that it names
 * @flags: VEXFS_INODE_* that it claims
 * @target: bytes of a symbolic link's target
 */
struct check_inode {
	u64 ino;
	u64 size;
	u64 parent;
	u64 blocks;
	u64 found;
	u64 past;
	u64 end;
	u64 far;
	u64 far_past;
	u64 named_in;
	u64 named_at;
	u64 target;
	u32 mode;
	u32 nlink;
	u32 entries;
	u32 subdirs;
	u32 flags;
	bool missing;		/* no inode item: made up for a directory's entries */
	bool orphan;		/* has an orphan item */
	bool bad_time;
	bool coll;		/* has a sound collection item */
	bool coll_bad;		/* has one that is not */
	bool dirents;		/* has entries */
	bool hurt;		/* lost an extent */
	bool rotten;		/* data fail their checksum */
	u8 mark;		/* of the search for cycles */
	bool lost;		/* to be entered in lost+found */
	bool bad_target;	/* its pieces do not fit together */
	bool broken_link;	/* becomes an empty file */
};

struct check_coll {
	u64 ino;
	u64 rows;
	u64 live;
	u64 keep;		/* rows that a repair keeps */
	u64 tombs;		/* bits set below @rows */
	u64 keep_tombs;		/* and below @keep */
	u32 row_bytes;
	u32 index;
};

/* Of a collection, what lies from here on is its index. */
#define VEXFS_INDEX_FBLOCK	(VEXFS_INDEX_POS >> VEXFS_BLOCK_SHIFT)

/* File block behind the last extent that is no index. */
static inline u64 inode_end(const struct check_inode *n)
{
	return n->far && !n->coll ? n->far : n->end;
}

/* The deleted rows of one group of the collection in hand. */
struct check_tomb {
	u64 group;
	u8 bits[VEXFS_TOMB_BYTES];
};

/* The attribute in hand: see check_xattr.c. */
struct check_xattr {
	u64 ino;
	u64 slot;		/* offset of its first piece */
	u64 next;		/* offset of the piece to come */
	u32 left;		/* bytes to come */
	u32 name_len;
	u8 name[VEXFS_NAME_MAX];
	bool bad;		/* and reported */
};

struct bad_xattr {
	u64 ino;
	u64 slot;
};

struct check_name {
	u64 ino;
	u64 dir;
	u64 offset;
	u8 type;
};

/* Names of one hash, to find equal ones. */
struct dup_names {
	u64 dir;
	u64 hash;
	u32 count;
	u8 len[VEXFS_DIRENT_SLOTS];
	u8 name[VEXFS_DIRENT_SLOTS][VEXFS_NAME_MAX];
};

struct held_problem {
	struct vex_problem p;
	char *text;
};

struct check {
	struct vex_io io;
	struct vex_check_opts opts;
	struct vex_check_result result;
	struct vexfs_super sb;
	u32 slot;
	u64 highest;		/* generation of any valid superblock */
	u64 fsid;
	u64 blocks;
	u64 hash_key[2];

	struct block_map used;		/* by what is sound */
	struct block_map tree;		/* nodes, to be left alone until the commit */
	struct block_map contested;	/* claimed twice: goes to whom the checksum fits */
	bool contest;			/* the items are gone through with that known */
	struct leaf_ref *leaves;
	size_t leaf_count, leaf_room;
	bool salvaged;			/* leaves are of the scan */
	bool damaged;			/* a node cannot be used */
	u8 *leaf_buf;

	struct check_inode *inodes;
	size_t inode_count, inode_room;
	u64 real_inodes;		/* with an item */
	struct check_name *names;
	size_t name_count, name_room;
	u64 *orphans;
	size_t orphan_count, orphan_room;
	struct check_coll *colls;
	size_t coll_count, coll_room;
	struct check_tomb *tombs;	/* of @tomb_ino, ascending */
	size_t tomb_count, tomb_room;
	u64 tomb_ino;
	struct check_xattr xattr;
	struct bad_xattr *bad_xattrs;	/* in the order of their keys */
	size_t bad_xattr_count, bad_xattr_room;
	u8 *bitmap_seen;		/* a bit for each group */
	u8 *bitmap_wrong;
	u64 extent_end;			/* of the last extent of the inode in hand */
	u64 extent_ino;
	u64 max_ino;
	u64 missing_features;
	u64 lost_found;			/* inode that root names so */
	bool lost_found_taken;		/* by something else than a directory */
	struct dup_names *dup;

	struct held_problem *held;	/* until their pass is over */
	size_t held_count, held_room;
	u64 work_done, work_total;
	int err;
};

/* Report a violation; it is held back until check_flush(). */
void check_problem(struct check *c, enum vex_problem_code code, u64 block, u64 ino,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));
void check_flush(struct check *c);
void check_forget(struct check *c);
int check_progress(struct check *c, u64 blocks);

/* Room for one more of a growing array; NULL sets c->err. */
void *check_grow(struct check *c, void *array, size_t count, size_t *room, size_t size);

int check_begin(struct check *c, const struct vex_io *io, const struct vex_check_opts *opts);
void check_end(struct check *c);
/* Everything from the tree on. 0 or an error. */
int check_run(struct check *c);
/* c->used becomes what the format reserves and c->tree. */
int check_used_reset(struct check *c);
/* From the items on, once the leaves are known. */
int check_from_items(struct check *c);

/* ---- check_super.c */
int check_supers(struct check *c, struct vex_open_error *why);

/* ---- check_meta.c */
/* Remember a tomb item for the judgement of the metadata behind it. */
void meta_note_tomb(struct check *c, const struct check_item *it);
/*
 * NULL, or why this metadata item of a collection of @rows rows cannot be. It depends on the
 * inode's tomb items, which stand before it.
 */
const char *meta_wrong(const struct check *c, u64 rows, const struct check_item *it,
		       enum vex_problem_code *code);

/* ---- check_tree.c */
int key_cmp(const struct vex_key *a, const struct vex_key *b);
/* NULL or what is wrong with a node; @level of the parent's opinion, -1: any. */
const char *node_wrong(const struct check *c, const struct vexfs_node *hdr, u64 block,
		       u64 generation, int level, enum vex_problem_code *code);
int check_tree(struct check *c);
int leaf_add(struct check *c, const struct leaf_ref *ref);
/* NULL or what is wrong with the leaf in c->leaf_buf that @ref names. */
const char *leaf_wrong(const struct check *c, const struct leaf_ref *ref,
		       enum vex_problem_code *code);
struct vex_key item_key(const struct vexfs_item *it);
/*
 * Read leaf @i into c->leaf_buf. 0; 1 when it cannot be used, which was reported; a negative
 * errno.
 */
int leaf_read(struct check *c, size_t i);
/* Call @fn for each item of leaf @i in the buffer that is part of it. */
int leaf_each(struct check *c, size_t i, int (*fn)(struct check *c, const struct check_item *it,
						   void *arg), void *arg);

/* ---- check_items.c */
int check_items(struct check *c);
void items_reset(struct check *c);
struct check_inode *inode_find(struct check *c, u64 ino);

/* What is to be done with an item. */
enum verdict { KEEP, DROP, REENTER };

/* Judge and, when @report, report. c->used (or @map) learns of blocks. */
enum verdict judge_dirent(struct check *c, const struct check_item *it, bool report);
enum verdict judge_extent(struct check *c, struct block_map *map, struct check_inode *n,
			  const struct check_item *it, bool report);
/* NULL, or why an item of this type and size cannot be; *@code is set. */
const char *item_wrong(const struct check *c, const struct check_item *it,
		       enum vex_problem_code *code);
bool item_fits(const struct check_inode *n, u8 type);
/* Is the item of an extent of a possible length? */
bool extent_form(const struct check_item *it);
/* Of a well-formed one: */
bool extent_is_unwritten(const struct check_item *it);
bool coll_sound(const struct vexfs_coll_item *item, u32 *row_bytes);
bool name_legal(const u8 *name, u32 len);
u32 inode_true_mode(const struct check_inode *n);
bool size_short(const struct check_inode *n);
u32 inode_true_flags(const struct check_inode *n);
u64 inode_true_size(struct check *c, const struct check_inode *n);

/* ---- check_xattr.c */
void check_xattr_see(struct check *c, const struct check_item *it);
/* No piece follows. */
void check_xattr_end(struct check *c);
/* Is this a piece of an attribute that is not whole? Once all items were seen. */
bool check_xattr_bad(const struct check *c, const struct vex_key *key);

/* ---- check_links.c */
int check_links(struct check *c);
u32 inode_true_links(const struct check_inode *n);
u64 inode_true_parent(const struct check_inode *n);
/* Freed by the next mount: no name, no link, an orphan item. */
static inline bool inode_dying(const struct check_inode *n)
{
	return n->orphan && !n->entries && !n->nlink && n->ino != VEXFS_ROOT_INO;
}

/* ---- check_colls.c */
void check_colls(struct check *c);
struct check_coll *coll_find(struct check *c, u64 ino);
/* Rows to keep: as claimed when the data are there, else the whole rows that are. */
u64 coll_true_rows(const struct check_coll *k, const struct check_inode *n);

/* ---- check_index.c */
/* All that stands below was found sound. */
int check_indexes(struct check *c);
/* Faults of one layer or of the buckets that are told; the others are like them. */
#define CHECK_INDEX_TOLD	8u
struct vex_hnsw;
/* Now and then let go of what is held of an index. fs->lock is held, and let go of meanwhile. */
void check_index_settle(struct vex_hnsw *ix, u32 step);

/* ---- check_codes.c: as check_lsh() */
int check_codes(struct check *c, struct vex_hnsw *ix);

/* ---- check_lsh.c */
/* Every item was found sound. -ENOMEM; as reading one. */
int check_lsh(struct check *c, struct vex_hnsw *ix);

/* ---- check_space.c */
int check_space(struct check *c);
int check_data(struct check *c);

#endif /* VEX_CHECK_INTERNAL_H */
