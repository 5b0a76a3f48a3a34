// SPDX-License-Identifier: GPL-2.0-only
/* Mounting, and what belongs to the filesystem as a whole. */
#include <linux/blkdev.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/statfs.h>
#include "vexfs.h"

/* The core takes no more changes: tell, and do what errors= says. */
static void vexfs_super_stopped(struct super_block *sb)
{
	if (vexfs_sb(sb)->options.errors == VEXFS_ERRORS_PANIC)
		panic("vexfs: %s: a commit failed (errors=panic)\n", sb->s_id);
	pr_crit("%s: a commit failed: read-only from here. The last good commit is on the device: unmount, check the device, mount again\n",
		sb->s_id);
	/* As by a remount, but for the lock, which a caller may hold. */
	sb->s_flags |= SB_RDONLY;
}

/* An operation was refused: once in a while, the log tells why. */
static void vexfs_report_missed(struct super_block *sb, u32 missed)
{
	const char *name;
	u32 n;

	for (n = 0; missed && (name = vex_component_name(n)); n++)
		if (missed & BIT(n))
			pr_notice_ratelimited("%s: an operation was refused: components= leaves out %s\n",
					      sb->s_id, name);
}

/**
 * vexfs_super_report() - write to the log what the core has found wrong
 * @sb: filesystem
 *
 * The damaged block, and, once, that the filesystem stopped.
 */
noinline void vexfs_super_report(struct super_block *sb)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);
	struct vexfs_sb *sbi = vexfs_sb(sb);
	struct vex_statfs st;
	const char *what;
	u64 block;

	vexfs_report_missed(sb, vex_component_take_missed(sbi->fs));
	if (vex_fs_take_damage(sbi->fs, &block, &what) && __ratelimit(&limit))
		pr_err("%s: block %llu: %s\n", sb->s_id, block, what);
	vex_fs_statfs(sbi->fs, &st);
	if (st.stopped && !atomic_xchg(&sbi->stop_told, 1))
		vexfs_super_stopped(sb);
}

/**
 * vexfs_super_sync() - make every completed change durable
 * @sb: filesystem
 *
 * Dirty pages are the caller's: they must have been written back before.
 *
 * Return: 0 or a negative errno.
 */
noinline __noclone
int vexfs_super_sync(struct super_block *sb)
{
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_SYNC, 0);
	err = vexfs_check(sb, vex_fs_commit(vexfs_sb(sb)->fs));
	vexfs_op_end(&op, err);
	return err;
}

static void vexfs_commit_later(struct vexfs_sb *sbi)
{
	queue_delayed_work(system_unbound_wq, &sbi->commit_work, sbi->options.commit_secs * HZ);
}

static void vexfs_commit_work(struct work_struct *work)
{
	struct vexfs_sb *sbi = container_of(to_delayed_work(work), struct vexfs_sb,
					    commit_work);

	if (vex_fs_dirty(sbi->fs))
		vexfs_super_sync(sbi->sb);
	vexfs_commit_later(sbi);
}

static int vexfs_sync_fs(struct super_block *sb, int wait)
{
	return wait ? vexfs_super_sync(sb) : 0;
}

static int vexfs_freeze_fs(struct super_block *sb)
{
	cancel_delayed_work_sync(&vexfs_sb(sb)->commit_work);
	return vexfs_check(sb, vex_fs_checkpoint(vexfs_sb(sb)->fs));
}

static int vexfs_unfreeze_fs(struct super_block *sb)
{
	if (!sb_rdonly(sb))
		vexfs_commit_later(vexfs_sb(sb));
	return 0;
}

/*
 * Inodes live anywhere, so there is no fixed number of them: the free ones are
 * as many as there are blocks for one block of data each.
 */
static noinline __noclone
int vexfs_super_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct super_block *sb = dentry->d_sb;
	struct vex_statfs st;
	struct vexfs_op op __uninitialized;

	vexfs_op_begin(&op, VEXFS_OP_STATFS, d_inode(dentry)->i_ino);
	vex_fs_statfs(vexfs_sb(sb)->fs, &st);
	buf->f_type = VEXFS_STATFS_MAGIC;
	buf->f_bsize = VEXFS_BLOCK_SIZE;
	buf->f_frsize = VEXFS_BLOCK_SIZE;
	buf->f_blocks = st.blocks;
	buf->f_bfree = st.free;
	buf->f_bavail = st.avail;
	buf->f_files = st.inodes + st.avail;
	buf->f_ffree = st.avail;
	buf->f_namelen = VEXFS_NAME_MAX;
	buf->f_fsid = uuid_to_fsid(st.uuid);
	vexfs_op_end(&op, 0);
	return 0;
}

static void vexfs_put_super(struct super_block *sb)
{
	struct vexfs_sb *sbi = vexfs_sb(sb);
	int err;

	cancel_delayed_work_sync(&sbi->commit_work);
	vexfs_cache_detach(sb);
	err = vex_fs_close(sbi->fs);
	if (err)
		pr_err("%s: the last commit failed (%d): changes since the one before are lost\n",
		       sb->s_id, err);
	/* Who has the device open, too, shall not keep seeing what was there before. */
	invalidate_bdev(sb->s_bdev);
	sb->s_fs_info = NULL;
	vex_free(sbi);
}

static const struct super_operations vexfs_super_ops = {
	.alloc_inode	= vexfs_alloc_inode,
	.free_inode	= vexfs_free_inode,
	.write_inode	= vexfs_write_inode,
	.evict_inode	= vexfs_inode_evict,
	.put_super	= vexfs_put_super,
	.sync_fs	= vexfs_sync_fs,
	.freeze_fs	= vexfs_freeze_fs,
	.unfreeze_fs	= vexfs_unfreeze_fs,
	.statfs		= vexfs_super_statfs,
	.show_options	= vexfs_show_options,
};

/* ---- mounting ------------------------------------------------------------ */

static const char *vexfs_open_remedy(int err)
{
	switch (err) {
	case -EINVAL:
		return "make a filesystem with mkfs.vexfs, or name another device";
	case -EOPNOTSUPP:
		return "use a newer vexfs.ko";
	case -EUCLEAN:
		return "the image is damaged";
	case -ENOMEM:
		return "out of memory";
	default:
		return "check the device";
	}
}

static int vexfs_open(struct super_block *sb, struct fs_context *fc, struct vexfs_sb *sbi)
{
	struct vex_open_opts opts = {
		.read_only = sb_rdonly(sb),
		.keep_going = sbi->options.errors == VEXFS_ERRORS_CONTINUE,
		.discard = sbi->options.discard,
		.components_off = sbi->options.components_off,
		.cache_bytes = sbi->options.cache_bytes,
	};
	struct vex_open_error why = { .what = "cannot be opened" };
	struct vex_io io = {
		.ops = &vexfs_io_ops,
		.ctx = &sbi->io,
		.blocks = bdev_nr_bytes(sb->s_bdev) >> VEXFS_BLOCK_SHIFT,
	};
	int err;

	err = vex_fs_open(&io, &opts, &sbi->fs, &why);
	if (err)
		errorfc(fc, "%s: block %llu: %s%s%s (%d): %s", sb->s_id, why.block, why.what,
			why.feature[0] ? " " : "", why.feature, err, vexfs_open_remedy(err));
	return err;
}

static void vexfs_check_discard(struct super_block *sb, struct vexfs_options *opts)
{
	if (!opts->discard || bdev_max_discard_sectors(sb->s_bdev))
		return;
	pr_warn("%s: the device knows no discard: the option has no effect\n", sb->s_id);
	opts->discard = false;
}

static int vexfs_make_root(struct super_block *sb, struct fs_context *fc)
{
	struct inode *root = vexfs_inode_get(sb, VEXFS_ROOT_INO);

	if (IS_ERR(root)) {
		errorfc(fc, "%s: the root directory cannot be read (%ld)", sb->s_id,
			PTR_ERR(root));
		return PTR_ERR(root);
	}
	if (!S_ISDIR(root->i_mode)) {
		errorfc(fc, "%s: the root is not a directory: the image is damaged",
			sb->s_id);
		iput(root);
		return -EUCLEAN;
	}
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int vexfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct vexfs_sb *sbi;
	int err;

	if (!sb_set_blocksize(sb, VEXFS_BLOCK_SIZE))
		return invalfc(fc, "%s: its sectors are larger than a block of %u bytes",
			       sb->s_id, VEXFS_BLOCK_SIZE);
	sbi = vex_zalloc(sizeof(*sbi));
	if (!sbi)
		return -ENOMEM;
	sbi->sb = sb;
	sbi->options = *(struct vexfs_options *)fc->fs_private;
	INIT_DELAYED_WORK(&sbi->commit_work, vexfs_commit_work);
	vexfs_io_open(&sbi->io, sb->s_bdev);
	sb->s_fs_info = sbi;
	sb->s_magic = VEXFS_STATFS_MAGIC;
	sb->s_op = &vexfs_super_ops;
	sb->s_xattr = vexfs_xattr_handlers;
	sb->s_export_op = &vexfs_export_ops;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_time_gran = 1;
	/* A page is checksummed before it is written: it must not change between. */
	sb->s_iflags |= SB_I_STABLE_WRITES;

	/* What others wrote through the device's own page cache. */
	err = sync_blockdev(sb->s_bdev);
	if (err) {
		errorfc(fc, "%s: cannot be written back (%d): check the device", sb->s_id,
			err);
		goto out_free;
	}
	invalidate_bdev(sb->s_bdev);

	vexfs_check_discard(sb, &sbi->options);
	err = vexfs_open(sb, fc, sbi);
	if (err)
		goto out_free;
	err = vexfs_cache_attach(sb);
	if (err)
		goto out_close;
	err = vexfs_make_root(sb, fc);
	if (err)
		goto out_detach;
	if (!sb_rdonly(sb))
		vexfs_commit_later(sbi);
	return 0;

out_detach:
	vexfs_cache_detach(sb);
out_close:
	vex_fs_close(sbi->fs);
out_free:
	sb->s_fs_info = NULL;
	vex_free(sbi);
	return err;
}

static int vexfs_set_read_only(struct super_block *sb, struct fs_context *fc, bool ro)
{
	struct vexfs_sb *sbi = vexfs_sb(sb);
	int err;

	if (!ro && bdev_read_only(sb->s_bdev)) {
		errorfc(fc, "%s: the device is read-only", sb->s_id);
		return -EACCES;
	}
	if (ro)
		cancel_delayed_work_sync(&sbi->commit_work);
	err = vexfs_check(sb, vex_fs_set_read_only(sbi->fs, ro));
	if (err)
		errorfc(fc, "%s: cannot become read-%s (%d)", sb->s_id,
			ro ? "only" : "write", err);
	if (ro == !!err)
		vexfs_commit_later(sbi);
	return err;
}

static int vexfs_reconfigure(struct fs_context *fc)
{
	struct super_block *sb = fc->root->d_sb;
	struct vexfs_options *opts = fc->fs_private;
	struct vexfs_sb *sbi = vexfs_sb(sb);
	bool ro = fc->sb_flags & SB_RDONLY;
	int err;

	if (opts->cache_bytes != sbi->options.cache_bytes)
		return invalfc(fc, "cache= cannot change while mounted: unmount first");
	err = sync_filesystem(sb);
	if (err)
		return err;
	vexfs_check_discard(sb, opts);
	err = vexfs_check(sb, vex_component_switch(sbi->fs, opts->components_off));
	if (err)
		return err;
	sbi->options = *opts;
	vex_fs_set_keep_going(sbi->fs, opts->errors == VEXFS_ERRORS_CONTINUE);
	vex_fs_set_discard(sbi->fs, opts->discard);
	return ro == sb_rdonly(sb) ? 0 : vexfs_set_read_only(sb, fc, ro);
}

static int vexfs_get_tree(struct fs_context *fc)
{
	return get_tree_bdev(fc, vexfs_fill_super);
}

/* Mounts that are being set up, which hold options. */
static atomic_t vexfs_contexts = ATOMIC_INIT(0);

static void vexfs_free_fc(struct fs_context *fc)
{
	if (!fc->fs_private)
		return;
	vex_free(fc->fs_private);
	atomic_dec(&vexfs_contexts);
}

static const struct fs_context_operations vexfs_context_ops = {
	.parse_param	= vexfs_parse_param,
	.get_tree	= vexfs_get_tree,
	.reconfigure	= vexfs_reconfigure,
	.free		= vexfs_free_fc,
};

static int vexfs_init_fs_context(struct fs_context *fc)
{
	struct vexfs_options *opts;

	atomic_inc(&vexfs_contexts);
	opts = vex_zalloc(sizeof(*opts));
	if (!opts) {
		atomic_dec(&vexfs_contexts);
		return -ENOMEM;
	}
	if (fc->purpose == FS_CONTEXT_FOR_RECONFIGURE)
		*opts = vexfs_sb(fc->root->d_sb)->options;
	else
		vexfs_options_default(opts);
	fc->fs_private = opts;
	fc->ops = &vexfs_context_ops;
	fc->log.prefix = "vexfs";
	return 0;
}

struct file_system_type vexfs_fs_type = {
	.owner			= THIS_MODULE,
	.name			= "vexfs",
	.init_fs_context	= vexfs_init_fs_context,
	.parameters		= vexfs_params,
	.kill_sb		= kill_block_super,
	.fs_flags		= FS_REQUIRES_DEV,
};
MODULE_ALIAS_FS("vexfs");

bool vexfs_idle(void)
{
	return !atomic_read(&vexfs_contexts) && hlist_empty(&vexfs_fs_type.fs_supers);
}
EXPORT_SYMBOL_GPL(vexfs_idle);
