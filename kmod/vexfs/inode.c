// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inodes in memory.
 *
 * While an inode is in memory the VFS's copy says what the times of all but a directory are, and
 * write_inode brings them to the core. Names and link counts are the core's:
 * after an operation on them the VFS's copy is refreshed from there. A size travels
 * with the data that fills it, or with truncate; write_inode never stores one, so that
 * no crash can show a size whose data is missing.
 */
#include <linux/slab.h>
#include "vexfs.h"

static struct kmem_cache *vexfs_inode_cache;
static struct vexfs_site *vexfs_inode_site;

static void vexfs_inode_init_once(void *ptr)
{
	struct vexfs_inode *vi = ptr;

	inode_init_once(&vi->vfs);
}

int vexfs_inode_cache_init(void)
{
	vexfs_inode_site = VEXFS_SITE_CACHE();
	vexfs_inode_cache = kmem_cache_create("vexfs_inode", sizeof(struct vexfs_inode), 0,
					      SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
					      vexfs_inode_init_once);
	return vexfs_inode_cache ? 0 : -ENOMEM;
}

void vexfs_inode_cache_exit(void)
{
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(vexfs_inode_cache);
}

struct inode *vexfs_alloc_inode(struct super_block *sb)
{
	struct vexfs_inode *vi = alloc_inode_sb(sb, vexfs_inode_cache, GFP_KERNEL);

	if (!vi)
		return NULL;
	vi->flags = 0;
	vi->dim = 0;
	vi->row_bytes = 0;
	vi->index = 0;
	atomic_long_set(&vi->reserved, 0);
	vi->blocks = 0;
	vi->blocks_seq = U64_MAX;
	vi->btime = (struct timespec64){ };
	vi->tracked = vexfs_mem_account(vexfs_inode_site, vi, sizeof(*vi));
	return &vi->vfs;
}

void vexfs_free_inode(struct inode *inode)
{
	struct vexfs_inode *vi = vexfs_i(inode);

	vexfs_mem_unaccount(vexfs_inode_site, vi, sizeof(*vi), vi->tracked);
	if (S_ISLNK(inode->i_mode))
		vex_free(inode->i_link);
	kmem_cache_free(vexfs_inode_cache, vi);
}

/**
 * vexfs_inode_fill() - make a VFS inode from the core's
 * @inode: new, locked, not visible yet
 * @node: what the core says
 *
 * Return: 0, or -EUCLEAN for an inode that cannot be one.
 */
int vexfs_inode_fill(struct inode *inode, const struct vex_inode *node)
{
	struct vexfs_inode *vi = vexfs_i(inode);

	if ((!node->nlink && !(node->flags & VEXFS_INODE_NAMELESS)) ||
	    node->size > MAX_LFS_FILESIZE)
		goto damaged;
	inode->i_mode = node->mode;
	i_uid_write(inode, node->uid);
	i_gid_write(inode, node->gid);
	set_nlink(inode, node->nlink);
	i_size_write(inode, node->size);
	inode_set_atime_to_ts(inode, vexfs_time_to(node->atime));
	inode_set_mtime_to_ts(inode, vexfs_time_to(node->mtime));
	inode_set_ctime_to_ts(inode, vexfs_time_to(node->ctime));
	inode->i_generation = node->generation;
	vi->btime = vexfs_time_to(node->btime);

	switch (node->mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &vexfs_file_inode_ops;
		inode->i_fop = &vexfs_file_ops;
		inode->i_mapping->a_ops = &vexfs_file_aops;
		return node->flags & VEXFS_INODE_COLL ? vexfs_coll_attach(inode) : 0;
	case S_IFDIR:
		inode->i_op = &vexfs_dir_inode_ops;
		inode->i_fop = &vexfs_dir_ops;
		return 0;
	case S_IFLNK:
		inode->i_op = &vexfs_symlink_inode_ops;
		return 0;
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		inode->i_op = &vexfs_special_inode_ops;
		init_special_inode(inode, node->mode, new_decode_dev(node->rdev));
		return 0;
	}
damaged:
	pr_err_ratelimited("%s: inode %llu: mode %o, %u names, %llu bytes: damaged\n",
			   inode->i_sb->s_id, node->ino, node->mode, node->nlink,
			   node->size);
	return -EUCLEAN;
}

/* Remember a number of blocks, and what the count of changes was before it was asked for. */
static void vexfs_blocks_keep(struct inode *inode, u64 blocks, u64 seq)
{
	struct vexfs_inode *vi = vexfs_i(inode);

	spin_lock(&inode->i_lock);
	vi->blocks = blocks;
	vi->blocks_seq = seq;
	spin_unlock(&inode->i_lock);
}

/* The number of blocks of an inode: the core is asked only after a change. */
static int vexfs_blocks_get(struct inode *inode, u64 *blocks)
{
	struct vexfs_inode *vi = vexfs_i(inode);
	u64 seq = vex_blocks_seq(vexfs_fs(inode), inode->i_ino);
	bool known;
	int err;

	spin_lock(&inode->i_lock);
	known = vi->blocks_seq == seq;
	*blocks = vi->blocks;
	spin_unlock(&inode->i_lock);
	if (known)
		return 0;
	err = vexfs_check(inode->i_sb, vex_inode_blocks(vexfs_fs(inode), inode->i_ino, blocks));
	if (!err)
		vexfs_blocks_keep(inode, *blocks, seq);
	return err;
}

/**
 * vexfs_inode_get() - the inode of a number
 * @sb: filesystem
 * @ino: its number
 *
 * Return: a referenced inode or an error pointer.
 */
struct inode *vexfs_inode_get(struct super_block *sb, u64 ino)
{
	struct inode *inode = iget_locked(sb, ino);
	struct vex_inode node = { 0 };
	u64 seq;
	int err;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(inode->i_state & I_NEW))
		return inode;
	seq = vex_blocks_seq(vexfs_sb(sb)->fs, ino);
	err = vexfs_check(sb, vex_inode_get(vexfs_sb(sb)->fs, ino, &node));
	/* Who got the number from a name must find the inode. */
	if (err == -ENOENT) {
		pr_err_ratelimited("%s: inode %llu has a name and is not there: damaged\n",
				   sb->s_id, ino);
		err = -EUCLEAN;
	}
	/* Nor is it one without a name. */
	node.flags &= ~VEXFS_INODE_NAMELESS;
	if (!err)
		err = vexfs_inode_fill(inode, &node);
	if (err) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	vexfs_blocks_keep(inode, node.blocks, seq);
	unlock_new_inode(inode);
	return inode;
}

/**
 * vexfs_inode_refresh() - take over what an operation on names changed
 * @inode: whose names, or entries, changed
 *
 * The inode's rwsem is held, or the operation has no other user of it. When the core
 * cannot tell, the old values stay.
 */
void vexfs_inode_refresh(struct inode *inode)
{
	struct vex_inode node;

	if (vexfs_check(inode->i_sb, vex_inode_get(vexfs_fs(inode), inode->i_ino, &node)))
		return;
	set_nlink(inode, node.nlink);
	inode_set_ctime_to_ts(inode, vexfs_time_to(node.ctime));
	if (S_ISDIR(inode->i_mode))
		inode_set_mtime_to_ts(inode, vexfs_time_to(node.mtime));
}

static int vexfs_inode_store(struct inode *inode, u32 mask)
{
	struct vex_inode node = {
		.mode = inode->i_mode,
		.uid = i_uid_read(inode),
		.gid = i_gid_read(inode),
		.atime = vexfs_time_from(inode_get_atime(inode)),
		.mtime = vexfs_time_from(inode_get_mtime(inode)),
		.ctime = vexfs_time_from(inode_get_ctime(inode)),
	};

	return vexfs_check(inode->i_sb, vex_inode_set(vexfs_fs(inode), inode->i_ino, &node,
						      mask));
}

/* The other times of a directory are the core's. */
int vexfs_write_inode(struct inode *inode, struct writeback_control *wbc)
{
	u32 mask = VEX_SET_MODE | VEX_SET_UID | VEX_SET_GID | VEX_SET_ATIME;

	if (!S_ISDIR(inode->i_mode))
		mask |= VEX_SET_MTIME | VEX_SET_CTIME;
	return vexfs_inode_store(inode, mask);
}

/* The last user is gone: drop its pages, and, without names, its space. */
noinline __noclone
void vexfs_inode_evict(struct inode *inode)
{
	struct vexfs_op op __uninitialized;
	int err = 0;

	vexfs_op_begin(&op, VEXFS_OP_EVICT, inode->i_ino);
	truncate_inode_pages_final(&inode->i_data);
	/* Number 0: creating it failed. */
	if (!inode->i_nlink && inode->i_ino && !is_bad_inode(inode)) {
		err = vexfs_check(inode->i_sb, vex_inode_evict(vexfs_fs(inode),
							       inode->i_ino));
		if (err)
			pr_warn_ratelimited("%s: inode %lu: not freed (%d); the next mount does it\n",
					    inode->i_sb->s_id, inode->i_ino, err);
	}
	WARN_ON_ONCE(atomic_long_read(&vexfs_i(inode)->reserved));
	clear_inode(inode);
	vexfs_op_end(&op, err);
}

/*
 * Pages that wait for writeback count as blocks: a file with data never has none. The number
 * is given unasked, too: ls(1) adds it up without asking for it.
 */
int vexfs_getattr(vexfs_idmap_t *idmap, const struct path *path, struct kstat *stat,
		  u32 request_mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct vexfs_inode *vi = vexfs_i(inode);
	u64 blocks;
	int err;

	vexfs_fillattr(idmap, request_mask, inode, stat);
	stat->result_mask |= STATX_BTIME;
	stat->btime = vi->btime;
	if (!S_ISREG(inode->i_mode))
		return 0;
	err = vexfs_blocks_get(inode, &blocks);
	if (err)
		return err;
	stat->blocks = (blocks + atomic_long_read(&vi->reserved)) <<
		       (VEXFS_BLOCK_SHIFT - SECTOR_SHIFT);
	if (request_mask & STATX_DIOALIGN && !vexfs_is_coll(inode)) {
		stat->result_mask |= STATX_DIOALIGN;
		stat->dio_mem_align = 1;
		stat->dio_offset_align = VEXFS_DIRECT_ALIGN;
	}
	return 0;
}

static int vexfs_setattr_size(struct inode *inode, loff_t size)
{
	int err;

	if (size == i_size_read(inode))
		return vexfs_file_trim_end(inode);
	err = vexfs_file_truncate(inode, size);
	if (!err)
		inode_set_mtime_to_ts(inode, current_time(inode));
	return err;
}

static noinline
int vexfs_setattr(vexfs_idmap_t *idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	int err;

	err = setattr_prepare(idmap, dentry, attr);
	if (err)
		return err;
	if (attr->ia_valid & ATTR_SIZE) {
		err = vexfs_setattr_size(inode, attr->ia_size);
		if (err)
			return err;
	}
	setattr_copy(idmap, inode, attr);
	err = vexfs_inode_store(inode, VEX_SET_MODE | VEX_SET_UID | VEX_SET_GID |
				VEX_SET_ATIME | VEX_SET_MTIME | VEX_SET_CTIME);
	/* It stands in memory already: let writeback try again. */
	if (err)
		mark_inode_dirty(inode);
	return err;
}

/* chmod, chown, utimes, truncate. */
noinline __noclone
int vexfs_inode_setattr(vexfs_idmap_t *idmap, struct dentry *dentry, struct iattr *attr)
{
	if (vexfs_op_traced()) {
		struct vexfs_op op __uninitialized;
		int err;

		vexfs_op_begin(&op, VEXFS_OP_SETATTR, d_inode(dentry)->i_ino);
		err = vexfs_setattr(idmap, dentry, attr);
		vexfs_op_end(&op, err);
		return err;
	}
	return vexfs_setattr(idmap, dentry, attr);
}
