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

#include "vex_bits.h"
#include "vex_cache.h"
#include "vex_core.h"
#include "vex_util.h"

/* ---- limits -------------------------------------------------------------- */

#define VEX_NODE_SPACE		(VEXFS_BLOCK_SIZE - sizeof(struct vexfs_node))
#define VEX_CHILD_MAX		(VEX_NODE_SPACE / sizeof(struct vexfs_child))
/* Two of three items always fit a leaf, so that one split makes room for any. */
#define VEX_ITEM_MAX		(VEX_NODE_SPACE / 3 - sizeof(struct vexfs_item))
#define VEX_SEG_BLOCKS		16u
#define VEX_SEG_BYTES		(VEX_SEG_BLOCKS * VEXFS_BLOCK_SIZE)
#define VEX_CACHE_DEFAULT	(64u << 20)
/* Blocks of metadata that only calls which free space may use. */
#define VEX_RESERVE_BASE	32u
/* Items whose deletion one step of evict or truncate does in one hold of the lock. */
#define VEX_DROP_STEP		64u
/* Inodes that share a count of changes to their blocks: see vex_blocks_seq(). */
#define VEX_BLOCKS_SEQS		64u

/* ---- tree nodes (node.c) ------------------------------------------------- */

struct vex_key {
	u64 ino;
	u64 offset;
	u8 type;
};

/**
 * struct vex_node - a tree node in memory
 * @c: its place in the cache, by block; @c.list is in fs->node_dirty when dirty, in
 *	fs->node_flight while it is being committed, in fs->node_pool when spare, in
 *	fs->node_retired when only the device still reads @hdr, else in a queue of the cache
 * @block: where it stands, or will stand
 * @dirty: belongs to the running transaction; changes under fs->lock held for writing
 * @flight: in fs->node_flight; with @dirty
 * @epoch: fs->io_epoch at its last write, 0: never written
 * @hdr: the block
 */
struct vex_node {
	struct vex_cached c;
	u64 block;
	bool dirty;
	bool flight;
	u64 epoch;
	struct vexfs_node *hdr;
};

/* Memory that one cached node stands for. */
#define VEX_NODE_MEMORY	((u32)(VEXFS_BLOCK_SIZE + sizeof(struct vex_node)))

/**
 * struct vex_path - the way from the root to an item
 * @node: held nodes by level; 0 is the leaf
 * @slot: entry of each
 * @levels: levels in use; 0: holds nothing
 * @cached: set by vex_tree_find_cached(): a node that is not in memory is -EAGAIN
 */
struct vex_path {
	struct vex_node *node[VEXFS_MAX_LEVEL];
	u16 slot[VEXFS_MAX_LEVEL];
	u16 levels;
	bool cached;
};

/* ---- free space (alloc.c) ------------------------------------------------ */

/* The three bitmaps of a group stand one behind the other. */
#define VEX_GROUP_MEMORY	(3 * VEXFS_GROUP_BYTES)

/**
 * struct vex_group - VEXFS_GROUP_BLOCKS blocks of the device
 * @bits: in use, as the next commit will say; NULL: not loaded
 * @pinned: freed by the running transaction: the generation before it needs them
 * @held: freed by the one that is being committed, or being trimmed
 * @free: blocks that may be allocated now
 * @hint: no block that may be allocated stands before this one
 * @dirty: in fs->groups_dirty: @bits differ from the tree's item
 * @pins: in fs->groups_pinned: @pinned has bits
 * @holds: in fs->groups_held: @held has bits; who has fs->commit_lock may read it and @held
 *
 * All under fs->lock held for writing.
 */
struct vex_group {
	u8 *bits;
	u8 *pinned;
	u8 *held;
	u32 free;
	u32 hint;
	struct list_head dirty;
	struct list_head pins;
	struct list_head holds;
};

/* ---- segments (segment.c) ------------------------------------------------ */

/**
 * struct vex_seg - VEX_SEG_BYTES of a file in memory
 * @c: its place in the cache, by file and index; @c.list is in fs->seg_dirty when dirty, in
 *	fs->seg_sent when clean and not safe on the device, in fs->cache.loading while it is read,
 *	in fs->seg_retired when only the device still reads @data, else in a queue of the cache
 * @ino: the file
 * @index: file offset / VEX_SEG_BYTES
 * @dirty: bit n: block n has changed since it was written; under fs->lock
 * @sent: bit n: block n was written, and not yet flushed when @epoch is past fs->io_safe
 * @epoch: fs->io_epoch at its last write, 0: never written
 * @copied: @data is a copy that was not written since: the device does not read it
 * @data: the bytes
 * @loading: they are not there yet; changes under its load lock and the cache lock
 * @load: reads under way while @loading; NULL: none were begun. Under its load lock
 * @err: the load failed; who has it puts it back, the last one frees it
 */
struct vex_seg {
	struct vex_cached c;
	u64 ino;
	u64 index;
	u32 dirty;
	u32 sent;
	u64 epoch;
	u8 *data;
	bool copied;
	bool loading;
	struct vex_load *load;
	int err;
};

/* Memory that one cached segment stands for. */
#define VEX_SEG_MEMORY	((u32)(VEX_SEG_BYTES + sizeof(struct vex_seg)))

/**
 * struct vex_fs - a filesystem in use
 * @commit_lock: held for the whole of a commit. Outermost
 * @lock: the filesystem lock. Readers of tree, segments and attributes hold it
 *	for reading; changes, and the beginning and end of commits for writing
 * @flush_lock: held from the beginning of a flush to its end; inside @lock
 * @index_lock: @indexes and the users of each; inside @lock, outside of the caches' locks
 * @cache_lock: lists, hashes, reference counts and counters of both caches;
 *	innermost, never held over I/O or allocation
 * @space_lock: @free, @pinned, @held, @reserved to @unwritten; innermost
 * @super: as the last commit wrote it
 * @generation: of the running transaction; nodes of it are not copied again
 * @free: blocks that the next commit will call free; @pinned of them still
 *	belong to an earlier one
 * @held: of @pinned: those that the commit under way gives back
 * @reserved: blocks promised to data that is not written yet; @inplace of them stand
 *	for unwritten blocks and take none
 * @providing: blocks promised to be unwritten ones
 * @unwritten: blocks of unwritten extents, as the next commit will say
 * @reserve: blocks kept for calls that free space
 * @unread_super: the device did not give one of the superblocks: never write
 * @stopped: a commit failed; refuse changes
 * @components_off: VEXFS_COMPONENT_*; a reader without a lock may see the old word
 * @components_missed: refused calls; under @space_lock
 * @changed: the running transaction has changes
 * @node_dirty_count: nodes in @node_dirty; under @lock for writing
 * @orphans_pending: orphans of before the open are not finished yet
 * @work_left: a truncation met an error: there may be extents behind ends
 * @scratch: VEXFS_BLOCK_SIZE bytes for whoever holds @lock for writing
 * @edit_path: likewise, for one edit of the tree
 * @seg_csums: likewise, of a run of blocks that is about to be written
 * @super_buf: a block for superblocks; under @commit_lock
 * @io_epoch: see flush.c; with @io_done, @io_safe and @io_err under @cache_lock
 * @indexes: indexes of collections that were used, see vex_hnsw.h
 * @index_held: bytes of segments that they hold; under @cache_lock, or @lock for writing
 * @blocks_seq: see vex_blocks_seq(); grow under @lock for writing, read without it
 */
struct vex_fs {
	struct vex_io io;
	vex_mutex_t commit_lock;
	vex_rwsem_t lock;
	vex_mutex_t flush_lock;
	vex_mutex_t index_lock;
	vex_spin_t cache_lock;
	vex_spin_t space_lock;

	struct vexfs_super super;
	u64 generation;
	u64 fsid;
	u64 blocks;
	u64 root_block;
	u64 root_generation;
	u32 root_level;
	u64 tree_blocks;
	u64 inode_count;
	u64 next_ino;
	u64 hash_key[2];

	u64 free;
	u64 pinned;
	u64 held;
	u64 reserved;
	u64 inplace;
	u64 providing;
	u64 unwritten;
	u64 reserve;
	bool read_only;
	bool unread_super;
	bool stopped;
	bool keep_going;
	bool discard;
	u32 components_off;
	u32 components_missed;
	bool changed;
	bool orphans_pending;
	bool work_left;

	u64 damage_block;
	const char *damage_what;	/* NULL: none */

	struct vex_group *groups;
	u64 nr_groups;
	struct list_head groups_dirty;
	struct list_head groups_pinned;
	struct list_head groups_held;
	u64 cursor_data;		/* group where the last data went */
	u64 cursor_tree;

	struct vex_cache cache;
	struct list_head node_dirty;
	struct list_head node_flight;
	struct list_head node_retired;
	struct list_head node_pool;
	u32 pool_count;
	u32 node_dirty_count;
	struct list_head seg_dirty;
	struct list_head seg_sent;
	struct list_head seg_retired;
	u64 io_epoch;
	u64 io_done;
	u64 io_safe;
	int io_err;
	size_t seg_dirty_bytes;
	struct list_head indexes;
	size_t index_held;
	u64 blocks_seq[VEX_BLOCKS_SEQS];

	void *scratch;
	struct vex_path edit_path;
	u32 seg_csums[VEX_SEG_BLOCKS];
	void *super_buf;
};

/* Call the host's device. */
static inline u64 vex_now(struct vex_fs *fs)
{
	return fs->io.ops->now(fs->io.ctx);
}

/* Was it made with this VEXFS_FEATURE_*? An operation that needs it answers EOPNOTSUPP else. */
static inline bool vex_has_feature(const struct vex_fs *fs, u64 feature)
{
	return (le64_to_cpu(fs->super.features) & feature) == feature;
}

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

/* ---- node.c: fs->lock held ----------------------------------------------- */

int vex_node_get(struct vex_fs *fs, u64 block, u64 generation, u32 level, struct vex_node **out);
/* The same without reading: -EAGAIN when the node is not cached. */
int vex_node_get_cached(struct vex_fs *fs, u64 block, u64 generation, u32 level,
			struct vex_node **out);
void vex_node_put(struct vex_fs *fs, struct vex_node *node);
/* A new dirty node; takes its memory from the pool. For writing. */
int vex_node_new(struct vex_fs *fs, u32 level, struct vex_node **out);
/* Move a clean node to a new block, for writing. A dirty one is left as it is. */
int vex_node_cow(struct vex_fs *fs, struct vex_node *node);
/* Drop a dirty, emptied node and free its block. The caller's reference goes with it. */
void vex_node_discard(struct vex_fs *fs, struct vex_node *node);
/* Have @count spare nodes in the pool. */
int vex_node_prealloc(struct vex_fs *fs, u32 count);
/* Write all dirty nodes; they stay dirty. */
int vex_node_write_dirty(struct vex_fs *fs, u32 *count);
/* The dirty nodes belong to the commit now under way; clean or dirty again at its end. */
void vex_node_launch(struct vex_fs *fs);
void vex_node_land(struct vex_fs *fs, bool committed);
void vex_node_free_list(struct list_head *list);
void vex_node_destroy_all(struct vex_fs *fs);
void vex_node_release_memory(struct vex_node *node);

static inline u32 vex_node_count(const struct vex_node *n)
{
	return le16_to_cpu(n->hdr->count);
}

static inline struct vexfs_item *vex_node_items(const struct vex_node *n)
{
	return (struct vexfs_item *)(n->hdr + 1);
}

static inline struct vexfs_child *vex_node_children(const struct vex_node *n)
{
	return (struct vexfs_child *)(n->hdr + 1);
}

/* ---- tree.c: fs->lock held ----------------------------------------------- */

/*
 * Find @key for reading. 0: @path stands on it. -ENOENT: @path stands on the
 * first larger item, or past the last item of a leaf: see vex_tree_settle().
 * Any other error: @path holds nothing.
 */
int vex_tree_find(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path);
/* The same without reading the device, here and in steps from there: -EAGAIN. */
int vex_tree_find_cached(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path);
/* The same for changing: the path is touched. For writing. */
int vex_tree_touch(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path);
/*
 * Make room for a new item of @len bytes; @path stands on it and its data are
 * zero. -EEXIST. After a touch of the same key, with nodes in the pool, it cannot fail.
 */
int vex_tree_insert(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path);
/*
 * Like vex_tree_insert(), but an item that is there gives way to a zeroed one of @len bytes; what
 * it held is gone.
 */
int vex_tree_replace(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path);
/* Remove the item on which a touched path stands; releases the path. Cannot fail. */
void vex_tree_delete(struct vex_fs *fs, struct vex_path *path);
/* Cut the data of the item on a touched path to its first @len bytes. */
void vex_tree_shrink(struct vex_path *path, u32 len);
/* Step over the end of a leaf: 0 when @path stands on an item, -ENOENT at the end. */
int vex_tree_settle(struct vex_fs *fs, struct vex_path *path);
/* Find the first item at or after @key, whatever it belongs to; -ENOENT at the end. */
int vex_tree_seek(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path);
/* Go to the next item. */
int vex_tree_next(struct vex_fs *fs, struct vex_path *path);
/* Go to the previous item; -ENOENT at the beginning. */
int vex_tree_prev(struct vex_fs *fs, struct vex_path *path);
void vex_path_release(struct vex_fs *fs, struct vex_path *path);

void vex_path_key(const struct vex_path *path, struct vex_key *key);
void *vex_path_data(const struct vex_path *path);
u32 vex_path_len(const struct vex_path *path);

static inline struct vex_key vex_key(u64 ino, u8 type, u64 offset)
{
	return (struct vex_key){ .ino = ino, .offset = offset, .type = type };
}

/* Touch the place of @key, whether it exists or not. */
int vex_touch_key(struct vex_fs *fs, const struct vex_key *key);
/* Touch, then delete or insert an item that a touch has prepared: see vex_must(). */
int vex_delete_key(struct vex_fs *fs, const struct vex_key *key);
int vex_insert_empty(struct vex_fs *fs, const struct vex_key *key);

/* Find or touch the item of a fixed-size structure: EUCLEAN when its size is not @len. */
int vex_item_find(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path);
int vex_item_touch(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path);

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

/* ---- extent.c: fs->lock held --------------------------------------------- */

/**
 * struct vex_extent - an extent item, checked
 * @fblock: first file block
 * @block: first block on the device
 * @count: blocks
 * @unwritten: allocated only: reads as zeros, no checksums
 */
struct vex_extent {
	u64 fblock;
	u64 block;
	u32 count;
	bool unwritten;
};

/* Bytes of an extent's item. */
static inline u32 vex_extent_len(u32 count, bool unwritten)
{
	return sizeof(struct vexfs_extent_item) + (unwritten ? 0 : count * sizeof(__le32));
}

static inline __le32 *vex_extent_csums(struct vexfs_extent_item *item)
{
	return (__le32 *)(item + 1);
}

/* The first extent that ends behind @fblock: the one that holds it, or the next. -ENOENT. */
int vex_extent_next(struct vex_fs *fs, u64 ino, u64 fblock, struct vex_extent *e);

int vex_extent_find(struct vex_fs *fs, u64 ino, u64 fblock, u32 max, struct vex_map *map,
		    u32 *csums);
/*
 * Touch all that unmapping [@from, @to) edits, @items extents of it at most. @mapped receives the
 * blocks that they map there.
 */
int vex_extent_touch(struct vex_fs *fs, u64 ino, u64 from, u64 to, u32 items, u64 *mapped);
/*
 * Unmap file blocks [@from, @to); at most VEX_DROP_STEP items. Returns 1 when
 * there is more to do. For writing, inside a transaction.
 */
int vex_extent_drop(struct vex_fs *fs, u64 ino, u64 from, u64 to);
/* Touch what cutting @e up to @to edits, but not the blocks. */
int vex_extent_touch_item(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 to);
/* Take [@from, @to) out of one extent that overlaps it; its blocks stay in use. Touched before. */
int vex_extent_cut(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 from, u64 to);
/* Unmap and free all of [@from, @to), whose extents vex_extent_touch() has touched. */
int vex_extent_remove_touched(struct vex_fs *fs, u64 ino, u64 from, u64 to);

/* ---- remap.c: fs->lock held ---------------------------------------------- */

/*
 * Map @count file blocks to one run of at most as many for new content, and consume as many
 * reserved blocks; *@map tells the run. For writing, inside a transaction. Frees what was
 * mapped there, unless it was unwritten: then the run is that.
 */
int vex_extent_replace(struct vex_fs *fs, u64 ino, u64 fblock, u32 count, const u32 *csums,
		       u64 size, struct vex_map *map);
/* The same with a new run that stays unwritten, of up to VEXFS_UNWRITTEN_MAX blocks. */
int vex_extent_provide(struct vex_fs *fs, u64 ino, u64 fblock, u32 count, struct vex_map *map);

/* ---- segment.c: fs->lock held -------------------------------------------- */

/* Zero a segment from byte @from on; the blocks behind that need no write any more. */
void vex_seg_cut(struct vex_fs *fs, struct vex_seg *seg, u32 from);
/* Get a segment; @fresh: nothing of it exists yet, do not read. */
int vex_seg_get(struct vex_fs *fs, u64 ino, u64 index, bool fresh, struct vex_seg **out);
/* The same for a caller that is deep in its stack: what is not in memory is read on another. */
int vex_seg_get_aside(struct vex_fs *fs, u64 ino, u64 index, bool fresh, struct vex_seg **out);
/* Get a segment that is in memory; NULL: it is not, or not yet. */
struct vex_seg *vex_seg_loaded(struct vex_fs *fs, u64 ino, u64 index);
/* Is it in memory, or being read? */
bool vex_seg_known(struct vex_fs *fs, u64 ino, u64 index);
void vex_seg_put(struct vex_fs *fs, struct vex_seg *seg);
/* Begin to read a segment that nobody has; for want of memory nothing happens. */
void vex_seg_ahead(struct vex_fs *fs, u64 ino, u64 index);
/* See to it that the device does not read @data. For writing, before a change of its bytes. */
int vex_seg_settle(struct vex_fs *fs, struct vex_seg *seg);
/* Mark bytes changed. For writing. Returns the number of blocks that became dirty. */
u32 vex_seg_dirty(struct vex_fs *fs, struct vex_seg *seg, u32 from, u32 to);
/* Write all dirty segments to new places. For writing. */
int vex_seg_flush(struct vex_fs *fs);
/* Has one of a file's clean segments from @index to before @end not been flushed yet? */
bool vex_seg_unsafe(struct vex_fs *fs, u64 ino, u64 index, u64 end);
/* Forget a file's segments from @index to before @end, dirty ones too. For writing. */
void vex_seg_forget_range(struct vex_fs *fs, u64 ino, u64 index, u64 end);
/* At or past @index. */
static inline void vex_seg_forget(struct vex_fs *fs, u64 ino, u64 index)
{
	vex_seg_forget_range(fs, ino, index, ~0ULL);
}

void vex_seg_destroy_all(struct vex_fs *fs);
/* A flush went well: what it made safe may be evicted. cache_lock held. */
void vex_seg_safe(struct vex_fs *fs);
void vex_seg_release_memory(struct vex_seg *seg);
void vex_seg_free_list(struct vex_fs *fs, struct list_head *list);
/* After a failed flush: what it may have lost is dirty again. For writing. -ENOSPC. */
int vex_seg_redo(struct vex_fs *fs);

/* ---- load.c: fs->lock held ----------------------------------------------- */

/* Begin to read a loading segment; its load lock is held. */
void vex_load_start(struct vex_fs *fs, struct vex_seg *seg);
/*
 * See to the end of a load, whoever began it, and verify what came. The caller holds the
 * segment, and puts it back on an error, too.
 */
int vex_load_finish(struct vex_fs *fs, struct vex_seg *seg);
/* Wait for the device to let go of a segment that is thrown away. */
void vex_load_abandon(struct vex_fs *fs, struct vex_seg *seg);
/* Read bytes inside one segment, past the cache, which does not have it. */
int vex_load_bounce(struct vex_fs *fs, u64 ino, u64 pos, void *buf, size_t len);
vex_mutex_t *vex_load_lock(struct vex_fs *fs, u64 ino, u64 index);

/* ---- file.c: fs->lock held ----------------------------------------------- */

/* Copy bytes out; all of [@pos, @pos + @len) lies inside the file, which has @size bytes. */
int vex_file_read_locked(struct vex_fs *fs, u64 ino, u64 size, u64 pos, void *buf, size_t len);

/* The segments of one write, held so that storing cannot fail. */
struct vex_file_span {
	u64 ino;
	u64 pos;
	size_t len;
	u32 count;
	struct vex_seg **segs;
};

/* Get and settle the segments of [@pos, @pos + @len) of a file of @size bytes. For writing. */
int vex_span_open(struct vex_fs *fs, u64 ino, u64 size, u64 pos, size_t len,
		  struct vex_file_span *span);
/* Copy @buf in; uses up to vex_span_blocks() reserved blocks. Cannot fail. */
void vex_span_store(struct vex_fs *fs, struct vex_file_span *span, const void *buf);
void vex_span_close(struct vex_fs *fs, struct vex_file_span *span);

/* Blocks that a write of @len bytes at @pos may dirty. */
static inline u64 vex_span_blocks(u64 pos, size_t len)
{
	return ((pos + len + VEXFS_BLOCK_SIZE - 1) >> VEXFS_BLOCK_SHIFT) -
	       (pos >> VEXFS_BLOCK_SHIFT);
}

/* ---- coll.c, tomb.c: fs->lock held ----------------------------------------------- */

int vex_coll_load(struct vex_fs *fs, u64 ino, struct vex_coll *out);
/*
 * The bitmap of deleted rows of group @group into @bits (VEXFS_TOMB_BYTES); returns 1 when
 * there is one, 0 when no row of it was deleted.
 */
int vex_tomb_load(struct vex_fs *fs, u64 ino, u64 group, u8 *bits);
/* Was this row, which @ino has, deleted? 1 yes, 0 no, or an error. */
int vex_row_dead(struct vex_fs *fs, u64 ino, u64 id);
/* Is this row there? 1 yes, 0 no, or an error. */
int vex_row_live(struct vex_fs *fs, u64 ino, const struct vex_coll *c, u64 id);
/* -ENOENT, with the position *@bad, when one of @ids is no live row. */
int vex_rows_live(struct vex_fs *fs, u64 ino, const struct vex_coll *c, const u64 *ids, u32 count,
		  u32 *bad);
/*
 * The limits and contents of rows that come in: EINVAL, E2BIG, EDOM; ENODATA. @r->row_bytes is
 * set. Lock not held.
 */
int vex_rows_check(struct vex_fs *fs, u64 ino, struct vex_rows *r);
/* Touch what vex_coll_store() and vex_coll_stamp() edit. */
int vex_coll_touch(struct vex_fs *fs, u64 ino);
/* Change the counts of a collection, its file's size and times. Touched before: cannot fail. */
int vex_coll_store(struct vex_fs *fs, u64 ino, u64 rows, u64 live, u64 size);
/* Set the time of the last change; @content: of the rows too. Touched before: cannot fail. */
int vex_coll_stamp(struct vex_fs *fs, u64 ino, bool content);
/* Tree nodes that the preparations of vex_coll_touch() and its edits can need. */
static inline u32 vex_coll_copies(const struct vex_fs *fs)
{
	return 2 * (fs->root_level + 2);
}

#endif /* VEX_FS_H */
