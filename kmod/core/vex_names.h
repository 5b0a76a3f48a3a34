/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Of the face of the core: names of files, and their extended attributes. See vex_core.h. */
#ifndef VEX_NAMES_H
#define VEX_NAMES_H

#include <vex_platform.h>
#include <linux/vexfs.h>
#include <linux/vexfs_format.h>

struct vex_fs;
struct vex_inode;

/* ---- directories (dir.c) ------------------------------------------------- */

struct vex_name {
	const char *str;
	u32 len;		/* 1 to VEXFS_NAME_MAX */
};

/* ENOENT no such name; ENOTDIR @dir is not a directory. @type receives DT_*. */
int vex_dir_lookup(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		   u64 *ino, u8 *type);

/*
 * Make an inode and its name. In: @node's mode, uid, gid, and rdev of a device (any type
 * but symbolic links); out: all of @node. EEXIST, ENOSPC, ENOTDIR, EMLINK.
 */
int vex_dir_create(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		   struct vex_inode *node);

/*
 * Make a symbolic link to @len bytes @target, which holds no NUL. In: @node's uid and gid;
 * out: all of @node. ENOENT an empty target; ENAMETOOLONG one longer than
 * VEXFS_SYMLINK_MAX; EINVAL a NUL; EEXIST, ENOSPC, ENOTDIR.
 */
int vex_dir_symlink(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		    const char *target, size_t len, struct vex_inode *node);

/*
 * Read a symbolic link's target, not terminated; @done receives its bytes, cut to @len.
 * EINVAL another type; ENOENT.
 */
int vex_symlink_read(struct vex_fs *fs, u64 ino, char *buf, size_t len, size_t *done);

/*
 * Give an inode one more name; or its first one, when it was made without. EPERM a
 * directory; EMLINK it has VEXFS_LINK_MAX names; ENOENT it lost its last name; EEXIST, ENOSPC,
 * ENOTDIR.
 */
int vex_dir_link(struct vex_fs *fs, u64 dir, const struct vex_name *name, u64 ino);

/*
 * Remove a name. A file that loses its last name stays until vex_inode_evict();
 * a crash before that is finished by the next open. ENOTDIR/EISDIR when
 * @rmdir does not fit the type; ENOTEMPTY.
 */
int vex_dir_remove(struct vex_fs *fs, u64 dir, const struct vex_name *name, bool rmdir);

/* renameat2(2) flags that the core knows. */
#define VEX_RENAME_NOREPLACE	1u
#define VEX_RENAME_EXCHANGE	2u

/*
 * Rename, replacing an existing target of fitting type; or exchange two names, whatever
 * they name. The host guards against loops (a directory moved under itself).
 * @replaced receives the inode that lost a name, or 0: the host evicts it when it was the
 * last. EEXIST with NOREPLACE; ENOENT; EINVAL both flags, or unknown ones.
 */
int vex_dir_rename(struct vex_fs *fs, u64 from, const struct vex_name *old_name,
		   u64 to, const struct vex_name *new_name, u32 flags, u64 *replaced);

/**
 * struct vex_dirent - one entry as vex_dir_read() packs it
 * @pos: position of this entry
 * @ino: what it names
 * @type: DT_*
 * @len: bytes of name
 * @name: not terminated
 *
 * Entries lie one after another, each on the next multiple of 8 bytes.
 */
struct vex_dirent {
	u64 pos;
	u64 ino;
	u8 type;
	u8 len;
	char name[];
};

#define VEX_DIRENT_SIZE(len) \
	((offsetof(struct vex_dirent, name) + (len) + 7) & ~(size_t)7)

/*
 * Fill @buf (at least VEX_DIRENT_SIZE(255) bytes) with entries at or after
 * @pos, without "." and "..". @used receives the bytes filled, 0 at the end.
 * Continue at the last entry's pos + 1. A position stays right while entries
 * come and go, and fits 63 bits.
 */
int vex_dir_read(struct vex_fs *fs, u64 dir, u64 pos, void *buf, size_t len, size_t *used);

/* ---- extended attributes (xattr.c) --------------------------------------- */

#define VEX_XATTR_CREATE	1u
#define VEX_XATTR_REPLACE	2u

/*
 * Names have their prefix, "user.colour", and are 1 to VEXFS_NAME_MAX bytes. All of
 * these: ENOENT no such inode; EOPNOTSUPP the filesystem was made without; EINVAL an empty
 * name; ERANGE a longer one.
 */

/* @done receives the value's bytes; @len 0 asks for those alone. ENODATA; ERANGE @len is less. */
int vex_xattr_get(struct vex_fs *fs, u64 ino, const struct vex_name *name, void *buf,
		  size_t len, size_t *done);

/*
 * Set an attribute: the new value, or, after an error or a crash, the old one. EEXIST with
 * VEX_XATTR_CREATE, ENODATA with VEX_XATTR_REPLACE; E2BIG more than VEXFS_XATTR_VALUE_MAX; EINVAL
 * unknown flags; ENOSPC.
 */
int vex_xattr_set(struct vex_fs *fs, u64 ino, const struct vex_name *name, const void *value,
		  size_t len, u32 flags);

/* ENODATA. */
int vex_xattr_remove(struct vex_fs *fs, u64 ino, const struct vex_name *name);

/*
 * All names, each with a NUL, but those that begin with @hide, which may be NULL. @done receives
 * their bytes; @len 0 asks for those alone; ERANGE @len is less.
 */
int vex_xattr_list(struct vex_fs *fs, u64 ino, const char *hide, char *buf, size_t len,
		   size_t *done);

#endif /* VEX_NAMES_H */
