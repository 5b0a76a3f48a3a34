/* SPDX-License-Identifier: GPL-2.0-only */
/* Inodes: who maps their owners, and how their times are reached. */
#ifndef VEXFS_COMPAT_INODE_H
#define VEXFS_COMPAT_INODE_H

#include <linux/fs.h>

/* What a mount maps owners by: first parameter of many inode operations. */
#ifdef VEXFS_HAVE_IDMAP
typedef struct mnt_idmap vexfs_idmap_t;
#else
typedef struct user_namespace vexfs_idmap_t;
#endif

static inline void vexfs_fillattr(vexfs_idmap_t *idmap, u32 mask, struct inode *inode,
				  struct kstat *stat)
{
#ifdef VEXFS_HAVE_FILLATTR_MASK
	generic_fillattr(idmap, mask, inode, stat);
#else
	generic_fillattr(idmap, inode, stat);
#endif
}

#ifndef VEXFS_HAVE_INODE_TIMES
static inline struct timespec64 inode_get_atime(const struct inode *inode)
{
	return inode->i_atime;
}

static inline struct timespec64 inode_set_atime_to_ts(struct inode *inode,
						      struct timespec64 ts)
{
	inode->i_atime = ts;
	return ts;
}

static inline struct timespec64 inode_get_mtime(const struct inode *inode)
{
	return inode->i_mtime;
}

static inline struct timespec64 inode_set_mtime_to_ts(struct inode *inode,
						      struct timespec64 ts)
{
	inode->i_mtime = ts;
	return ts;
}
#endif

#ifndef VEXFS_HAVE_INODE_CTIME
static inline struct timespec64 inode_get_ctime(const struct inode *inode)
{
	return inode->i_ctime;
}

static inline struct timespec64 inode_set_ctime_to_ts(struct inode *inode,
						      struct timespec64 ts)
{
	inode->i_ctime = ts;
	return ts;
}
#endif

#endif /* VEXFS_COMPAT_INODE_H */
