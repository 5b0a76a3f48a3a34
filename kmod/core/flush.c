// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Flushes, and the memory that the device may still read.
 *
 * Writes return early: the device reads their buffers until a flush that began after
 * them is over. io_epoch numbers the time between the beginnings of two flushes; a
 * buffer carries the epoch of its write. io_done is the newest epoch whose flush has
 * ended: a buffer of it or of a later one is *in flight*. io_safe is the same for flushes that
 * ended well, with no error pending: what was written before it is on the medium.
 *
 * A flush begins under the filesystem lock and ends without it. So calls go on while
 * the device works; what they change in flight, they change in a copy of, and
 * the old buffer is *retired*: kept until the device is done with it.
 */
#include "vex_fs.h"

/**
 * vex_flush_begin() - draw the line: what was written up to here is to be flushed
 * @fs: filesystem, locked for writing
 *
 * The caller ends it by vex_flush_end(), after unlocking if it likes, and does nothing else
 * that may flush before that.
 */
void vex_flush_begin(struct vex_fs *fs)
{
	vex_assert_write_locked(&fs->lock);
	vex_mutex_lock(&fs->flush_lock);
	if (fs->io.ops->flush_begin)
		fs->io.ops->flush_begin(fs->io.ctx);
	vex_spin_lock(&fs->cache_lock);
	fs->io_epoch++;
	vex_spin_unlock(&fs->cache_lock);
}

/* Release the retired buffers that the device has let go of. */
static void retired_release(struct vex_fs *fs)
{
	struct vex_node *node, *next_node;
	struct vex_seg *seg, *next_seg;

	LIST_HEAD(nodes);
	LIST_HEAD(segs);

	vex_spin_lock(&fs->cache_lock);
	list_for_each_entry_safe(node, next_node, &fs->node_retired, c.list)
		if (!vex_in_flight(fs, node->epoch))
			list_move(&node->c.list, &nodes);
	list_for_each_entry_safe(seg, next_seg, &fs->seg_retired, c.list)
		if (!vex_in_flight(fs, seg->epoch))
			list_move(&seg->c.list, &segs);
	vex_spin_unlock(&fs->cache_lock);
	vex_node_free_list(&nodes);
	vex_seg_free_list(fs, &segs);
}

/**
 * vex_flush_end() - wait until everything before vex_flush_begin() is on the medium
 * @fs: filesystem
 *
 * An error is kept for the commit, too, should another have asked for the flush.
 *
 * Return: 0; the first error of a write, or of the flush, since the last flush.
 */
int vex_flush_end(struct vex_fs *fs)
{
	int err = fs->io.ops->flush(fs->io.ctx);

	vex_spin_lock(&fs->cache_lock);
	fs->io_done = fs->io_epoch;
	if (err)
		fs->io_err = err;
	else if (!fs->io_err)
		fs->io_safe = fs->io_epoch;
	vex_seg_safe(fs);
	vex_spin_unlock(&fs->cache_lock);
	vex_mutex_unlock(&fs->flush_lock);
	retired_release(fs);
	return err;
}

/* Both at once, for a caller that holds the lock for writing. */
int vex_flush_now(struct vex_fs *fs)
{
	vex_flush_begin(fs);
	return vex_flush_end(fs);
}

/* A write that failed at once: the next commit must not succeed. */
void vex_flush_note_error(struct vex_fs *fs, int err)
{
	vex_spin_lock(&fs->cache_lock);
	fs->io_err = err;
	vex_spin_unlock(&fs->cache_lock);
}

/* The error of all flushes since the last call. */
int vex_flush_take_error(struct vex_fs *fs)
{
	int err;

	vex_spin_lock(&fs->cache_lock);
	err = fs->io_err;
	fs->io_err = 0;
	vex_spin_unlock(&fs->cache_lock);
	return err;
}
