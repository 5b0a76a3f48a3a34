/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Inside the core: structures and the calls between its files.
 *
 * How a change happens. vex_txn_begin() takes the filesystem lock for writing
 * and makes sure, before anything changes, that the space and the memory that
 * the change can need are there. The change then *touches* every tree leaf
 * that it will edit: touching copies the leaf and its ancestors to new blocks
 * (once per transaction) and pins them in memory. Only touching reads the
 * device, so only touching can fail; the edits after it cannot. That is
 * why a call is whole or not at all without an undo log. vex_txn_end() drops
 * the lock; the changes wait for the next commit.
 *
 * A commit takes what stands at one moment, under the lock, and waits for the device
 * without it: see txn.c. So three generations can be there at once: the last one on the device, one
 * that is being committed, and the running one.
 */
#ifndef VEX_FS_H
#define VEX_FS_H

#include "vex_extent.h"
#include "vex_tree.h"
#include "vex_types.h"

/* ---- fs.c ---------------------------------------------------------------- */

/* Call a function on a stack that has room, and return its result. */
int vex_aside(struct vex_fs *fs, enum vex_aside kind, int (*fn)(void *arg), void *arg);

/* ---- feature.c ----------------------------------------------------------- */

/* Set the feature word and the table of names. */
void vex_features_fill(struct vexfs_super *sb, u64 features);
/* The first unknown feature of @sb as text; false when there is none. */
bool vex_feature_unknown(const struct vexfs_super *sb, char text[VEXFS_FEATURE_NAME + 1]);

/* ---- fs.c ---------------------------------------------------------------- */

/* Remember a damaged block and return -EUCLEAN. */
int vex_damaged(struct vex_fs *fs, u64 block, const char *what);
/* Remember a block that the device did not give, and return @err. */
int vex_dev_refused(struct vex_fs *fs, u64 block, int err);

/* Read blocks of the device. In the frame of its caller, for the device is deep already. */
static inline int vex_dev_read(struct vex_fs *fs, u64 block, u32 count, void *buf)
{
	int err = fs->io.ops->read(fs->io.ctx, block, count, buf);

	return err ? vex_dev_refused(fs, block, err) : 0;
}

/* No further changes: the last commit stands. */
void vex_fs_stop(struct vex_fs *fs);

/*
 * The result of an edit that cannot fail after its touch. Should it fail all the same, the
 * transaction is half done and must never be committed.
 */
static inline int vex_must(struct vex_fs *fs, int err)
{
	if (err)
		vex_fs_stop(fs);
	return err;
}

/* The bound on clean cached memory. */
static inline size_t vex_cache_bound(const struct vex_fs *fs)
{
	return fs->components_off & VEXFS_COMPONENT_CACHE ? 0 : fs->cache.limit;
}

/* What a call with rows needs: vex_component_need(). */
static inline u32 vex_rows_components(const struct vex_rows *r)
{
	return VEXFS_COMPONENT_STORAGE | (r->meta ? VEXFS_COMPONENT_METADATA : 0);
}

/* Does the host keep file data in a page cache of its own? */
static inline bool vex_host_caches(const struct vex_fs *fs)
{
	return fs->io.ops->data_begin;
}

/* ---- flush.c ------------------------------------------------------------- */

void vex_flush_begin(struct vex_fs *fs);
int vex_flush_end(struct vex_fs *fs);
int vex_flush_now(struct vex_fs *fs);
void vex_flush_note_error(struct vex_fs *fs, int err);
int vex_flush_take_error(struct vex_fs *fs);

/* May the device still read what was written in @epoch? It can only change to no. */
static inline bool vex_in_flight(const struct vex_fs *fs, u64 epoch)
{
	return epoch >= READ_ONCE(fs->io_done);
}

/*
 * A filesystem as @sb says, without a look at its tree, for a repair. Ends by vex_fs_close(), which
 * commits; after vex_fs_stop() it does not.
 */
int vex_fs_attach(const struct vex_io *io, const struct vexfs_super *sb, struct vex_fs **out);

/* ---- alloc.c: fs->lock held for writing ---------------------------------- */

int vex_alloc_init(struct vex_fs *fs);
void vex_alloc_destroy(struct vex_fs *fs);
/* Have the bitmaps of group @g in memory. */
int vex_group_load(struct vex_fs *fs, u64 g);
/* Give group @g its bitmaps: VEX_GROUP_MEMORY zeroed bytes, but for the blocks in use. */
void vex_group_attach(struct vex_fs *fs, u64 g, u8 *bits);
/* Allocate one run of at most @want blocks. -ENOSPC. */
int vex_blocks_alloc(struct vex_fs *fs, u32 want, bool tree, u64 *block, u32 *count);
/* Load what freeing these blocks needs, so that vex_blocks_free() cannot fail. */
int vex_blocks_touch(struct vex_fs *fs, u64 block, u32 count);
/* Free blocks of touched groups. @fresh: this very transaction allocated them. Cannot fail. */
void vex_blocks_free(struct vex_fs *fs, u64 block, u32 count, bool fresh);
/* Bring the tree's bitmap items up to date, until they hold their own blocks. */
int vex_bitmaps_store(struct vex_fs *fs);

/* ---- held.c: fs->lock held for writing ----------------------------------- */

/* A commit begins: what the running transaction freed is its to give back. */
void vex_blocks_hold(struct vex_fs *fs);
/* It ended: give back, or, when it failed, pin again. */
void vex_blocks_release(struct vex_fs *fs, bool committed);
/* Tell the device about all held blocks; fs->commit_lock held, not fs->lock. */
int vex_blocks_discard(struct vex_fs *fs, u64 *count);
/* Hold the free runs of at least @shortest blocks of group @g inside [@start, @end). */
int vex_blocks_hold_free(struct vex_fs *fs, u64 g, u64 start, u64 end, u64 shortest);
/*
 * May @data more blocks be promised and @meta tree nodes be allocated, with the reserve
 * left over, next to all that is promised already? vex_space_promise() also promises them.
 */
bool vex_space_ok(struct vex_fs *fs, u64 data, u64 meta);
bool vex_space_promise(struct vex_fs *fs, u64 data);
/* Promise them unasked: the transaction has made sure of the space. */
void vex_space_owe(struct vex_fs *fs, u64 data);
/* The same, not minding promises: for calls that keep them, or free space. */
bool vex_space_ok_urgent(struct vex_fs *fs, u64 need);
/* More, or fewer, blocks are unwritten. */
void vex_space_unwritten(struct vex_fs *fs, s64 delta);
/* Promise blocks to vex_extent_provide(); @blocks < 0: give back, or they are provided. */
bool vex_space_promise_unwritten(struct vex_fs *fs, s64 blocks);
/* Are there @data blocks, with half of the reserve, and what writing unwritten ones takes? */
bool vex_space_ok_inplace(struct vex_fs *fs, u64 data);
/* Blocks that are free and promised to nobody. Any context. */
u64 vex_space_avail(struct vex_fs *fs);

/* ---- txn.c --------------------------------------------------------------- */

#define VEX_TXN_URGENT	1u	/* frees space: may use the reserve */

/*
 * Take the lock for writing and prepare a change that inserts at most @inserts
 * items, edits @touches more paths and adds @data blocks of data. ENOSPC, ENOMEM, EROFS, EIO; then
 * the lock is not held.
 */
int vex_txn_begin(struct vex_fs *fs, u32 inserts, u32 touches, u64 data, u32 flags);
/*
 * The same, urgent, for a change that edits as much as it can at a time: VEX_DROP_STEP paths, or
 * @few on a device too full for that.
 */
int vex_txn_begin_step(struct vex_fs *fs, u32 inserts, u32 few, u64 data);
/*
 * Inside a transaction and before its first edit: prepare for @nodes new tree nodes, @copies copied
 * ones and @data blocks, in all. For a change that has counted what it needs. ENOMEM; EAGAIN lack
 * of space: end the transaction, and begin again when vex_txn_again() says so.
 */
int vex_txn_more(struct vex_fs *fs, u32 nodes, u32 copies, u64 data, u32 flags);
/*
 * After a transaction that ended with *@err: did it lack space, or memory, and was some given
 * back?
 * False with the final error. *@tries starts at 0. The lock is not held.
 */
bool vex_txn_again(struct vex_fs *fs, int *err, u32 *tries);
void vex_txn_end(struct vex_fs *fs);
/* vex_fs_commit(), with @force also when nothing changed. No lock held. */
int vex_commit(struct vex_fs *fs, bool force);

/* ---- inode.c: fs->lock held ---------------------------------------------- */

/* The part of an inode that the core itself looks at; small, for it stands in frames. */
struct vex_brief {
	u64 ino;
	u64 size;
	u64 blocks;
	u32 mode;
	u32 nlink;
	u32 flags;
};

static inline struct vex_key vex_inode_key(u64 ino)
{
	return vex_key(ino, VEXFS_ITEM_INODE, 0);
}

static inline struct vex_key vex_orphan_key(u64 ino)
{
	return vex_key(VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, ino);
}

int vex_inode_load(struct vex_fs *fs, u64 ino, struct vex_brief *out);
/* The same for a caller that does not hold the lock. */
int vex_inode_brief(struct vex_fs *fs, u64 ino, struct vex_brief *out);
/* Touch the inode's item; @path stands on it. For writing. */
int vex_inode_touch(struct vex_fs *fs, u64 ino, struct vex_path *path);
void vex_inode_pack(struct vexfs_inode_item *to, const struct vex_inode *from);
void vex_inode_unpack(u64 ino, const struct vexfs_inode_item *from, struct vex_inode *to);
struct vexfs_time vex_time_pack(u64 ns);
/* The number of blocks of an inode is about to change. For writing. */
static inline void vex_blocks_changed(struct vex_fs *fs, u64 ino)
{
	u64 *seq = &fs->blocks_seq[ino % VEX_BLOCKS_SEQS];

	WRITE_ONCE(*seq, *seq + 1);
}

/* Edit an inode that was touched before: cannot fail after that. */
int vex_inode_add_blocks(struct vex_fs *fs, u64 ino, s64 delta);

/* ---- evict.c, truncate.c --------------------------------------------------- */

/* Mark an inode as one with work left; its place was touched. It may be marked already. */
int vex_orphan_insert(struct vex_fs *fs, u64 ino);
/* Finish orphans; called once by open. Takes the lock. */
int vex_orphans_finish(struct vex_fs *fs);
/* Go on with a truncation, in steps, to the end. Takes the lock. */
int vex_truncate_rest(struct vex_fs *fs, u64 ino);
/*
 * Finish a truncation that met an error, if this file has one: before anything comes to lie
 * behind its end. Takes the lock; costs one look at a flag as long as there was no error.
 */
int vex_truncate_settle(struct vex_fs *fs, u64 ino);

/* ---- falloc.c ------------------------------------------------------------- */

/*
 * File blocks [@from, @to) are about to change: have what segments hold there, together with
 * bytes that stay, on the device, and forget it. For writing, under one hold with the change.
 */
int vex_segs_leave(struct vex_fs *fs, u64 ino, u64 from, u64 to);

/* ---- dirent.c: fs->lock held ----------------------------------------------- */

/**
 * struct vex_found - where a name stands in its directory
 * @key: of the entry, or of the first free slot for it
 * @ino: what it names
 * @type: DT_* of that
 */
struct vex_found {
	struct vex_key key;
	u64 ino;
	u8 type;
};

/* 0: found; -ENOENT: not there, @f->key is free for it; -ENOSPC: all slots taken. */
int vex_entry_find(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		   struct vex_found *f);
/* Add an entry whose place was touched. */
int vex_entry_insert(struct vex_fs *fs, const struct vex_key *key, const struct vex_name *name,
		     u64 ino, u8 type);

/* ---- symlink.c: fs->lock held ---------------------------------------------- */

/* What a symbolic link leads to; @len 0: the new inode is none. */
struct vex_target {
	const char *str;
	u32 len;
};

static inline u32 vex_target_chunks(const struct vex_target *target)
{
	return DIV_ROUND_UP(target->len, VEXFS_SYMLINK_CHUNK);
}

/* Store the target of an inode without items behind it, whose place was touched. */
int vex_target_insert(struct vex_fs *fs, u64 ino, const struct vex_target *target);

/* ---- create.c: fs->lock held ----------------------------------------------- */

/* Make @node, whose mode is checked, and name it. For writing. */
int vex_node_create(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		    struct vex_inode *node, const struct vex_target *target);

/* ---- dir.c: fs->lock held -------------------------------------------------- */

/* Load an inode that must be a directory with a name. */
int vex_dir_load(struct vex_fs *fs, u64 dir, struct vex_brief *out);
/* Edit a directory that was touched: links, and times. */
int vex_dir_changed(struct vex_fs *fs, u64 dir, int links);
/* May this inode lose a name; a directory only when it is empty. */
int vex_victim_check(struct vex_fs *fs, const struct vex_brief *node);
int vex_victim_touch(struct vex_fs *fs, u64 ino);
/* An inode that was touched loses a name; with the last one it becomes an orphan. */
int vex_victim_unlink(struct vex_fs *fs, u64 ino);

#endif /* VEX_FS_H */
