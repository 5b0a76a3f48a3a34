/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Inside the core: the filesystem in memory, and what it is made of. See vex_fs.h. */
#ifndef VEX_TYPES_H
#define VEX_TYPES_H

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

#endif /* VEX_TYPES_H */
