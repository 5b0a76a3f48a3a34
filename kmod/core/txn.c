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
 */
#include "vex_fs.h"

int vex_txn_begin(struct vex_fs *fs, u32 inserts, u32 touches, u64 data, u32 flags)
{
	u32 per_path = fs->root_level + 2;
	u64 meta;
	int err = 0;

	vex_write_lock(&fs->lock);
	if (fs->read_only)
		err = -EROFS;
	else if (fs->stopped)
		err = -EIO;
	if (err)
		goto unlock;

	meta = (u64)(inserts + touches) * per_path + inserts;
	if (flags & VEX_TXN_URGENT) {
		if (!vex_space_ok_urgent(fs, data + meta + fs->reserve / 2))
			err = vex_commit_locked(fs, false);
		if (!err && !vex_space_ok_urgent(fs, data + meta))
			err = -ENOSPC;
	} else if (!vex_space_ok(fs, data, meta)) {
		err = vex_commit_locked(fs, false);
		if (!err && !vex_space_ok(fs, data, meta))
			err = -ENOSPC;
	}
	if (!err)
		err = vex_node_prealloc(fs, inserts * per_path);
	if (!err)
		return 0;
unlock:
	vex_write_unlock(&fs->lock);
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
	sb->inode_count = cpu_to_le64(fs->inode_count);
	sb->next_ino = cpu_to_le64(fs->next_ino);
	sb->root_block = cpu_to_le64(fs->root_block);
	sb->root_generation = cpu_to_le64(fs->root_generation);
	sb->root_level = cpu_to_le32(fs->root_level);
	sb->commit_time = cpu_to_le64(vex_now(fs));
	sb->csum = cpu_to_le32(vex_crc32c((u8 *)sb + 4, sizeof(*sb) - 4));
}

/* From the first write on, an error stops the filesystem. */
static int commit_write(struct vex_fs *fs, u32 *nodes)
{
	int err;

	err = vex_node_write_dirty(fs, nodes);
	if (!err)
		err = fs->io.ops->flush(fs->io.ctx);
	if (err)
		return err;
	fs->io_epoch++;
	super_fill(fs);
	return fs->io.ops->write(fs->io.ctx, VEXFS_SUPER_BLOCK(fs->generation & 1), 1,
				 fs->super_buf, VEX_IO_FUA);
}

/**
 * vex_commit_locked() - make the running transaction durable
 * @fs: filesystem, locked for writing
 * @force: also when nothing changed
 *
 * Return: 0; -ENOSPC or -ENOMEM when it could not be prepared and goes on
 * running; any other error stopped the filesystem.
 */
int vex_commit_locked(struct vex_fs *fs, bool force)
{
	u64 data = fs->seg_dirty_bytes >> VEXFS_BLOCK_SHIFT;
	u32 nodes = 0;
	int err;

	vex_assert_write_locked(&fs->lock);
	if (fs->stopped)
		return -EIO;
	if (!fs->changed && !force)
		return 0;
	err = vex_seg_flush(fs);
	if (!err)
		err = vex_bitmaps_store(fs);
	if (err == -ENOSPC || err == -ENOMEM)
		return err;
	if (!err)
		err = commit_write(fs, &nodes);
	vex_trace_commit(fs->generation, nodes, data, err);
	if (err) {
		vex_fs_stop(fs);
		return err;
	}
	fs->super.generation = cpu_to_le64(fs->generation);
	fs->generation++;
	fs->changed = false;
	vex_blocks_unpin(fs);
	vex_node_clean(fs);
	return 0;
}

int vex_fs_commit(struct vex_fs *fs)
{
	int err;

	if (fs->read_only)
		return 0;
	vex_write_lock(&fs->lock);
	err = vex_commit_locked(fs, false);
	vex_write_unlock(&fs->lock);
	return err;
}

bool vex_fs_dirty(struct vex_fs *fs)
{
	return READ_ONCE(fs->changed);
}

int vex_fs_set_read_only(struct vex_fs *fs, bool read_only)
{
	int err = 0;

	vex_write_lock(&fs->lock);
	if (!fs->read_only)
		err = vex_commit_locked(fs, false);
	if (!err)
		fs->read_only = read_only;
	vex_write_unlock(&fs->lock);
	if (!err && !read_only)
		err = vex_orphans_finish(fs);
	return err;
}

int vex_space_reserve(struct vex_fs *fs, u64 blocks)
{
	int err;

	if (fs->read_only)
		return -EROFS;
	if (READ_ONCE(fs->stopped))
		return -EIO;
	if (vex_space_promise(fs, blocks))
		return 0;
	/* What was freed since the last commit comes back with the next. */
	vex_write_lock(&fs->lock);
	err = vex_commit_locked(fs, false);
	vex_write_unlock(&fs->lock);
	if (err)
		return err;
	return vex_space_promise(fs, blocks) ? 0 : -ENOSPC;
}

void vex_space_unreserve(struct vex_fs *fs, u64 blocks)
{
	vex_spin_lock(&fs->space_lock);
	fs->reserved -= blocks;
	vex_spin_unlock(&fs->space_lock);
}
