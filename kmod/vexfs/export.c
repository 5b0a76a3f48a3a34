// SPDX-License-Identifier: GPL-2.0-only
/*
 * File handles, for NFS and open_by_handle_at(2): inode number and generation, and those of the
 * parent where they are asked for. Numbers are not given twice, so that a handle of a file that
 * is gone is stale for ever.
 */
#include <linux/exportfs.h>
#include "vexfs.h"

/* The types that the kernel keeps for a number of 64 bits; not every header names them. */
#define VEXFS_FH_INO		0x81
#define VEXFS_FH_INO_PARENT	0x82

/* One inode in a handle, in words of 32 bits. */
struct vexfs_fh {
	u32 ino_low;
	u32 ino_high;
	u32 generation;
};

#define VEXFS_FH_WORDS		(sizeof(struct vexfs_fh) / sizeof(u32))

static void vexfs_fh_fill(struct vexfs_fh *fh, const struct inode *inode)
{
	fh->ino_low = lower_32_bits(inode->i_ino);
	fh->ino_high = upper_32_bits(inode->i_ino);
	fh->generation = inode->i_generation;
}

static int vexfs_fh_encode(struct inode *inode, u32 *words, int *max, struct inode *parent)
{
	struct vexfs_fh *fh = (struct vexfs_fh *)words;
	int need = parent ? 2 * VEXFS_FH_WORDS : VEXFS_FH_WORDS;
	bool room = *max >= need;

	*max = need;
	if (!room)
		return FILEID_INVALID;
	vexfs_fh_fill(fh, inode);
	if (!parent)
		return VEXFS_FH_INO;
	vexfs_fh_fill(fh + 1, parent);
	return VEXFS_FH_INO_PARENT;
}

static struct inode *vexfs_fh_inode(struct super_block *sb, const struct vexfs_fh *fh)
{
	u64 ino = fh->ino_low | (u64)fh->ino_high << 32;
	struct vex_inode node;
	struct inode *inode;
	int err;

	/* Handles come from anywhere: one of what is not there is no sign of damage. */
	inode = ilookup(sb, ino);
	if (!inode) {
		err = vexfs_check(sb, vex_inode_get(vexfs_sb(sb)->fs, ino, &node));
		if (err == -ENOENT || (!err && !node.nlink))
			err = -ESTALE;
		inode = err ? ERR_PTR(err) : vexfs_inode_get(sb, ino);
	}
	if (IS_ERR(inode))
		return inode;
	if (!inode->i_nlink || inode->i_generation != fh->generation) {
		iput(inode);
		return ERR_PTR(-ESTALE);
	}
	return inode;
}

static noinline __noclone
struct dentry *vexfs_fh_lookup(struct super_block *sb, const struct vexfs_fh *fh)
{
	struct dentry *found;
	struct vexfs_op op __uninitialized;

	vexfs_op_begin(&op, VEXFS_OP_LOOKUP, fh->ino_low);
	found = d_obtain_alias(vexfs_fh_inode(sb, fh));
	vexfs_op_end(&op, PTR_ERR_OR_ZERO(found));
	return found;
}

static struct dentry *vexfs_fh_to_dentry(struct super_block *sb, struct fid *fid, int words,
					 int type)
{
	if ((type != VEXFS_FH_INO && type != VEXFS_FH_INO_PARENT) || words < VEXFS_FH_WORDS)
		return NULL;
	return vexfs_fh_lookup(sb, (const struct vexfs_fh *)fid->raw);
}

static struct dentry *vexfs_fh_to_parent(struct super_block *sb, struct fid *fid, int words,
					 int type)
{
	if (type != VEXFS_FH_INO_PARENT || words < 2 * VEXFS_FH_WORDS)
		return NULL;
	return vexfs_fh_lookup(sb, (const struct vexfs_fh *)fid->raw + 1);
}

/* The core knows the parent of every directory. */
static struct dentry *vexfs_fh_parent(struct dentry *child)
{
	struct inode *inode = d_inode(child);
	struct vex_inode node;
	int err;

	err = vexfs_check(inode->i_sb, vex_inode_get(vexfs_fs(inode), inode->i_ino, &node));
	if (err)
		return ERR_PTR(err);
	return d_obtain_alias(vexfs_inode_get(inode->i_sb, node.parent));
}

const struct export_operations vexfs_export_ops = {
	.encode_fh	= vexfs_fh_encode,
	.fh_to_dentry	= vexfs_fh_to_dentry,
	.fh_to_parent	= vexfs_fh_to_parent,
	.get_parent	= vexfs_fh_parent,
};
