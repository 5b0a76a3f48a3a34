// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Transactions: the running one, and its commit.
 *
 * A commit writes, in this order: file data that still waits in memory; the
 * bitmaps, into the tree; every dirty tree node, each to a block that the last
 * commit calls free; a flush of the device; and one superblock, with FUA, over the
 * older of the two. Until that last write is on the medium the previous
 * superblock and all that it refers to stand untouched, so a crash at any point
 * shows the one state or the other.
 *
 * The filesystem is locked while the writes are handed to the device, and not while
 * the device is waited for: then the next transaction runs already. Who asks for a commit
 * meanwhile waits for the commit lock, and one commit serves all of them.
 *
 * A commit that fails before its superblock is written is undone: its nodes and data are
 * dirty again and belong to the running transaction. The next attempt takes a
 * generation of the same parity, so that it writes the same slot: the other one holds
 * the state on the device.
 */
#include "vex_fs.h"

static bool txn_fits(struct vex_fs *fs, u64 data, u64 meta, u64 spare, u32 flags)
{
	if (flags & VEX_TXN_URGENT)
		return vex_space_ok_urgent(fs, data + meta + spare);
	return vex_space_ok(fs, data, meta);
}

/*
 * How often a call that lacks space has a commit give back what was freed. More than once,
 * for between the commit and the lock others may take it.
 */
#define TXN_TRIES	3

/* Dirty nodes stay in memory until a commit: they may take a quarter of the cache. */
static bool txn_is_large(const struct vex_fs *fs)
{
	return fs->node_dirty_count > max(fs->cache.limit / 4 / VEXFS_BLOCK_SIZE, (size_t)256);
}

int vex_txn_begin(struct vex_fs *fs, u32 inserts, u32 touches, u64 data, u32 flags)
{
	u32 per_path, tries;
	u64 meta;
	int err;

	/* Without the lock: a call more or less makes no difference. It may also fail. */
	if (unlikely(txn_is_large(fs)))
		vex_commit(fs, false);

	for (tries = 0;; tries++) {
		vex_write_lock(&fs->lock);
		per_path = fs->root_level + 2;
		meta = (u64)(inserts + touches) * per_path + inserts;
		err = fs->read_only ? -EROFS : fs->stopped ? -EIO : 0;
		if (err)
			break;
		/* Leave some of the reserve to others as long as a commit can help. */
		if (txn_fits(fs, data, meta, tries ? 0 : fs->reserve / 2, flags)) {
			err = vex_node_prealloc(fs, inserts * per_path);
			if (!err)
				return 0;
			break;
		}
		err = -ENOSPC;
		if (tries == TXN_TRIES)
			break;
		vex_write_unlock(&fs->lock);
		err = vex_commit(fs, false);
		if (err)
			return err;
	}
	vex_write_unlock(&fs->lock);
	return err;
}

int vex_txn_more(struct vex_fs *fs, u32 nodes, u32 copies, u64 data, u32 flags)
{
	if (!txn_fits(fs, data, (u64)nodes + copies, 0, flags))
		return -EAGAIN;
	return vex_node_prealloc(fs, nodes);
}

/* For want of memory: what stands dirty in segments goes to the device, and may be evicted. */
static int txn_relieve(void *arg)
{
	struct vex_fs *fs = arg;
	int err;

	vex_write_lock(&fs->lock);
	err = fs->stopped ? -ENOMEM : vex_seg_flush(fs);
	if (!err)
		vex_flush_now(fs);
	vex_write_unlock(&fs->lock);
	return err;
}

bool vex_txn_again(struct vex_fs *fs, int *err, u32 *tries)
{
	if (*err == -ENOMEM && !(*tries)++) {
		*err = vex_aside(fs, VEX_ASIDE_CALL, txn_relieve, fs);
		return !*err;
	}
	if (*err != -EAGAIN)
		return false;
	*err = -ENOSPC;
	if ((*tries)++ == TXN_TRIES)
		return false;
	*err = vex_commit(fs, false);
	return !*err;
}

int vex_txn_begin_step(struct vex_fs *fs, u32 inserts, u32 few, u64 data)
{
	int err = vex_txn_begin(fs, inserts, VEX_DROP_STEP, data, VEX_TXN_URGENT);

	/* A step this large may not fit a full device; a small one must. */
	if (err == -ENOSPC)
		err = vex_txn_begin(fs, inserts, few, data, VEX_TXN_URGENT);
	return err;
}

void vex_txn_end(struct vex_fs *fs)
{
	vex_write_unlock(&fs->lock);
}

/* Fill the superblock of the running transaction into fs->super_buf. */
static void super_fill(struct vex_fs *fs)
{
	struct vexfs_super *sb = fs->super_buf;

	*sb = fs->super;
	sb->generation = cpu_to_le64(fs->generation);
	sb->free_blocks = cpu_to_le64(fs->free);
	sb->tree_blocks = cpu_to_le64(fs->tree_blocks);
	sb->unwritten_blocks = cpu_to_le64(fs->unwritten);
	sb->inode_count = cpu_to_le64(fs->inode_count);
	sb->next_ino = cpu_to_le64(fs->next_ino);
	sb->root_block = cpu_to_le64(fs->root_block);
	sb->root_generation = cpu_to_le64(fs->root_generation);
	sb->root_level = cpu_to_le32(fs->root_level);
	sb->commit_time = cpu_to_le64(vex_now(fs));
	sb->csum = cpu_to_le32(vex_crc32c((u8 *)sb + 4, sizeof(*sb) - 4));
}

/* Hand everything of the running transaction to the device. Locked for writing. */
static int commit_write(struct vex_fs *fs, u32 *nodes)
{
	int err;

	err = vex_seg_flush(fs);
	if (!err)
		err = vex_bitmaps_store(fs);
	if (err)
		return err;
	err = vex_node_write_dirty(fs, nodes);
	if (err) {
		/* Some were written; nothing changes them before the device is done. */
		vex_flush_now(fs);
		vex_flush_take_error(fs);
		if (vex_seg_redo(fs))
			vex_fs_stop(fs);
	}
	return err;
}

/* From here on the next transaction runs. Locked for writing. */
static void commit_launch(struct vex_fs *fs)
{
	super_fill(fs);
	vex_node_launch(fs);
	vex_blocks_hold(fs);
	fs->generation++;
	fs->changed = false;
}

/* Wait for the device, and write the superblock. Not locked. */
static int commit_finish(struct vex_fs *fs, bool *indoubt)
{
	const struct vexfs_super *sb = fs->super_buf;
	u32 slot = le64_to_cpu(sb->generation) & 1;
	u64 count;
	int err, met;

	err = vex_flush_end(fs);
	/* Another flush may have met the error of a write of ours. */
	met = vex_flush_take_error(fs);
	if (!err)
		err = met;
	if (err)
		return err;
	err = fs->io.ops->write(fs->io.ctx, VEXFS_SUPER_BLOCK(slot), 1, fs->super_buf,
				VEX_IO_FUA);
	*indoubt = err;
	if (!err && fs->discard && fs->io.ops->discard)
		vex_blocks_discard(fs, &count);
	return err;
}

/* The transaction that failed and the running one become one. Locked for writing. */
static void commit_undo(struct vex_fs *fs)
{
	fs->generation++;
	fs->changed = true;
	vex_node_land(fs, false);
	vex_blocks_release(fs, false);
	if (vex_seg_redo(fs))
		vex_fs_stop(fs);
}

/*
 * An I/O error, or what only damage to the filesystem can be. Out of memory or space is
 * neither: nothing was written that matters, and the caller may try again.
 */
static bool commit_is_fatal(const struct vex_fs *fs, int err)
{
	return err != -ENOSPC && err != -ENOMEM && !fs->keep_going;
}

/**
 * struct vex_commit - a commit that somebody asked for
 * @fs: filesystem
 * @force: also when nothing has changed
 */
struct vex_commit {
	struct vex_fs *fs;
	bool force;
};

/* commit_lock held. */
static int commit_run(void *arg)
{
	const struct vex_commit *commit = arg;
	struct vex_fs *fs = commit->fs;
	u64 generation, data;
	bool indoubt = false;
	u32 nodes = 0;
	int err;

	vex_write_lock(&fs->lock);
	if (fs->stopped || (!fs->changed && !commit->force)) {
		err = fs->stopped ? -EIO : 0;
		vex_write_unlock(&fs->lock);
		return err;
	}
	data = fs->seg_dirty_bytes >> VEXFS_BLOCK_SHIFT;
	generation = fs->generation;
	err = commit_write(fs, &nodes);
	if (!err) {
		commit_launch(fs);
		vex_flush_begin(fs);
		vex_write_unlock(&fs->lock);
		err = commit_finish(fs, &indoubt);
		vex_write_lock(&fs->lock);
		if (err) {
			commit_undo(fs);
		} else {
			fs->super.generation = cpu_to_le64(generation);
			vex_node_land(fs, true);
			vex_blocks_release(fs, true);
		}
	}
	if (err && (indoubt || commit_is_fatal(fs, err)))
		vex_fs_stop(fs);
	vex_write_unlock(&fs->lock);
	vex_trace_commit(generation, nodes, data, err);
	return err;
}

int vex_commit(struct vex_fs *fs, bool force)
{
	struct vex_commit commit = { .fs = fs, .force = force };
	int err = 0;

	vex_mutex_lock(&fs->commit_lock);
	/* Of what the caller knows of, nothing is left to do when another's commit served it. */
	if (force || READ_ONCE(fs->changed) || READ_ONCE(fs->stopped))
		err = vex_aside(fs, VEX_ASIDE_CALL, commit_run, &commit);
	vex_mutex_unlock(&fs->commit_lock);
	return err;
}

int vex_fs_checkpoint(struct vex_fs *fs)
{
	return READ_ONCE(fs->read_only) ? 0 : vex_commit(fs, false);
}

int vex_fs_commit(struct vex_fs *fs)
{
	if (unlikely(READ_ONCE(fs->components_off) & VEXFS_COMPONENT_TXN))
		return 0;
	return vex_fs_checkpoint(fs);
}

bool vex_fs_dirty(struct vex_fs *fs)
{
	return READ_ONCE(fs->changed);
}

void vex_fs_set_keep_going(struct vex_fs *fs, bool keep_going)
{
	vex_write_lock(&fs->lock);
	fs->keep_going = keep_going;
	vex_write_unlock(&fs->lock);
}

void vex_fs_set_discard(struct vex_fs *fs, bool discard)
{
	vex_write_lock(&fs->lock);
	fs->discard = discard;
	vex_write_unlock(&fs->lock);
}

int vex_fs_set_read_only(struct vex_fs *fs, bool read_only)
{
	bool done = false;
	int err = !read_only && fs->unread_super ? -EIO : 0;

	while (!err && !done) {
		err = vex_fs_checkpoint(fs);
		vex_write_lock(&fs->lock);
		/* A change may have come between the commit and the lock. */
		done = !err && (fs->read_only || !fs->changed);
		if (done)
			fs->read_only = read_only;
		vex_write_unlock(&fs->lock);
	}
	if (!err && !read_only)
		err = vex_orphans_finish(fs);
	return err;
}

int vex_fs_writable(struct vex_fs *fs)
{
	if (READ_ONCE(fs->read_only))
		return -EROFS;
	return READ_ONCE(fs->stopped) ? -EIO : 0;
}

int vex_space_reserve_now(struct vex_fs *fs, u64 blocks)
{
	int err = vex_fs_writable(fs);

	if (err)
		return err;
	return vex_space_promise(fs, blocks) ? 0 : -ENOSPC;
}

int vex_space_reserve(struct vex_fs *fs, u64 blocks)
{
	u32 tries;
	int err;

	for (tries = 0;; tries++) {
		err = vex_space_reserve_now(fs, blocks);
		if (err != -ENOSPC || tries == TXN_TRIES)
			return err;
		/* What was freed since the last commit comes back with the next. */
		err = vex_commit(fs, false);
		if (err)
			return err;
	}
}

void vex_space_owe(struct vex_fs *fs, u64 data)
{
	vex_spin_lock(&fs->space_lock);
	fs->reserved += data;
	vex_spin_unlock(&fs->space_lock);
}

void vex_space_unreserve(struct vex_fs *fs, u64 blocks)
{
	vex_spin_lock(&fs->space_lock);
	fs->reserved -= blocks;
	vex_spin_unlock(&fs->space_lock);
}
