/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The face of the VexFS core: what a host (vexfs.ko, libvexfs) may call.
 *
 * The core knows one device through struct vex_io_ops and keeps one
 * filesystem in struct vex_fs. Every function returns 0 or a negative errno
 * and may sleep unless it says otherwise. Locking is inside: any call may run
 * beside any other. A call that changes the filesystem does so as part of the
 * running transaction, whole or not at all; vex_fs_commit() makes it durable.
 */
#ifndef VEX_CORE_H
#define VEX_CORE_H

#include "vex_data.h"
#include "vex_device.h"
#include "vex_names.h"
#include "vex_rows.h"

/* ---- filesystem (fs.c, txn.c) -------------------------------------------- */

#define VEX_FEATURES_DEFAULT	VEXFS_FEATURES_KNOWN

/**
 * struct vex_mkfs_opts - how to make a filesystem
 * @blocks: size in blocks; 0: the whole device
 * @label: text of at most VEXFS_LABEL_MAX bytes, or NULL
 * @uuid: 16 bytes, or NULL for a random one
 * @uid: owner of the root directory
 * @gid: its group
 * @features: VEXFS_FEATURE_* that it may use; VEX_FEATURES_DEFAULT unless asked otherwise
 */
struct vex_mkfs_opts {
	u64 blocks;
	u64 features;
	const char *label;
	const u8 *uuid;
	u32 uid;
	u32 gid;
};

/*
 * EINVAL: the device is too small, or a field out of range, or an unknown feature; or an I/O
 * error.
 */
int vex_mkfs(const struct vex_io *io, const struct vex_mkfs_opts *opts);

/**
 * struct vex_open_opts - how to open a filesystem
 * @read_only: refuse every change with EROFS; the device is not written
 * @keep_going: a commit that fails before its superblock is written leaves the filesystem
 *	usable: the changes wait for the next commit. Otherwise, and when the superblock's
 *	own write fails, the filesystem is stopped
 * @discard: tell the device which blocks each commit has freed
 * @components_off: VEXFS_COMPONENT_* that are switched off
 * @cache_bytes: bound on clean cached memory; 0 chooses 64 MiB
 */
struct vex_open_opts {
	bool read_only;
	bool keep_going;
	bool discard;
	u32 components_off;
	size_t cache_bytes;
};

/**
 * struct vex_open_error - why an open failed, for the message to the user
 * @what: static text
 * @block: where
 * @feature: the unknown feature after which @what asks: its name as the image gives it, in
 *	printable ASCII, or "bit 17" where it gives none; else empty
 */
struct vex_open_error {
	const char *what;
	u64 block;
	char feature[VEXFS_FEATURE_NAME + 1];
};

/*
 * EINVAL no VexFS here; EUCLEAN damaged; EOPNOTSUPP an unknown version or
 * feature; EIO, also, unless for reading only, when one superblock cannot be read; ENOMEM.
 * @err, which may be NULL, is filled on failure.
 */
int vex_fs_open(const struct vex_io *io, const struct vex_open_opts *opts,
		struct vex_fs **fs, struct vex_open_error *err);

/*
 * Commit what is pending, then free everything, also when the commit fails.
 * Returns the commit's result.
 */
int vex_fs_close(struct vex_fs *fs);

/*
 * Make all completed calls durable. Calls may run meanwhile; those that begin a commit wait,
 * and find that it was done for them when nothing changed since. ENOSPC and ENOMEM
 * before anything was written leave the transaction running. After an I/O error the previous
 * commit stands on the device; the filesystem goes on or is stopped as
 * vex_open_opts.keep_going says. One that is stopped refuses every change with EIO.
 */
int vex_fs_commit(struct vex_fs *fs);

/* The same, also with the component txn switched off, when vex_fs_commit() does nothing. */
int vex_fs_checkpoint(struct vex_fs *fs);

/* Change options of the open at any time. */
void vex_fs_set_keep_going(struct vex_fs *fs, bool keep_going);
void vex_fs_set_discard(struct vex_fs *fs, bool discard);

/*
 * Tell the device about all free runs of at least @shortest blocks in [@start, @start + @count).
 * @trimmed receives the blocks told. EOPNOTSUPP without ops->discard; EINTR when killed;
 * EROFS; the device's error.
 */
int vex_fs_trim(struct vex_fs *fs, u64 start, u64 count, u64 shortest, u64 *trimmed);

/* True when changes wait for a commit. */
bool vex_fs_dirty(struct vex_fs *fs);

/*
 * Change between read-only and read-write; commits first. EIO also for one that was opened when the
 * device did not give both superblocks: its state may not be the newest.
 */
int vex_fs_set_read_only(struct vex_fs *fs, bool read_only);

/* Was the filesystem made with all of @features, VEXFS_FEATURE_*? Never sleeps. */
bool vex_fs_has_feature(const struct vex_fs *fs, u64 features);

/* The name of a known feature, VEXFS_FEATURE_NAME bytes at most; NULL for an unknown bit. */
const char *vex_feature_name(u32 bit);

struct vex_statfs {
	u64 blocks;
	u64 free;		/* not in use */
	u64 avail;		/* free for data: without reservation and reserve */
	u64 inodes;		/* in use */
	u64 generation;		/* of the last commit */
	u64 features;		/* VEXFS_FEATURE_* */
	u64 tree_blocks;
	u64 cache_hits, cache_misses, cache_evictions;
	u64 cache_bytes;	/* held now */
	u8 uuid[16];
	char label[VEXFS_LABEL_MAX + 1];
	bool stopped;		/* after a failed commit */
};

void vex_fs_statfs(struct vex_fs *fs, struct vex_statfs *st);

/* ---- cache (cache.c, prefetch.c) ----------------------------------------- */

/**
 * struct vex_cache_stats - the cache of an open filesystem
 * @limit: its bound, in bytes
 * @node_bytes: memory of tree nodes
 * @seg_bytes: memory of segments
 * @protected_bytes: of both: what was used again
 * @pinned_bytes: of both: dirty, being written or being read
 * @node_hits: uses of nodes that found them
 * @node_misses: uses that read the device
 * @seg_hits: as @node_hits; a segment that is still being read ahead is a hit
 * @seg_misses: as @node_misses
 * @ghost_hits: entries read again soon after they went
 * @evictions: entries that went for others, or for memory
 * @stolen: of them, those whose memory went to another at once, for want of more
 * @bounced: reads that passed by the cache for want of memory
 * @prefetched: segments read ahead
 * @prefetch_used: of them, those that were used
 * @prefetch_wasted: of them, those that went without a use
 * @shrunk: bytes given back by vex_cache_shrink()
 */
struct vex_cache_stats {
	u64 limit;
	u64 node_bytes;
	u64 seg_bytes;
	u64 protected_bytes;
	u64 pinned_bytes;
	u64 node_hits;
	u64 node_misses;
	u64 seg_hits;
	u64 seg_misses;
	u64 ghost_hits;
	u64 evictions;
	u64 stolen;
	u64 bounced;
	u64 prefetched;
	u64 prefetch_used;
	u64 prefetch_wasted;
	u64 shrunk;
};

void vex_cache_stats(struct vex_fs *fs, struct vex_cache_stats *out);
/* Bytes that could be given back. Never sleeps. */
size_t vex_cache_evictable(const struct vex_fs *fs);
/* Give memory back; returns the bytes. Does no I/O and waits for none. */
size_t vex_cache_shrink(struct vex_fs *fs, size_t bytes);

/*
 * The last damage found since open, or the last block that could not be read: which block, and a
 * static text. Returns false when there was none. Cleared by the call.
 */
bool vex_fs_take_damage(struct vex_fs *fs, u64 *block, const char **what);

/* ---- components (component.c) -------------------------------------------- */

/* Name of the component of bit @n; NULL past the last. */
const char *vex_component_name(u32 n);
/* VEXFS_COMPONENT_* of a name of @len bytes; 0: there is none of it. */
u32 vex_component_parse(const char *name, size_t len);
/* 0, or EOPNOTSUPP when one of @components is off. For calls that do not enter the core. */
int vex_component_need(struct vex_fs *fs, u32 components);
/* Those whose lack has refused a call since the last time of asking. */
u32 vex_component_take_missed(struct vex_fs *fs);
/* Switch exactly @off off, after a commit. EINVAL an unknown one; or the commit's error. */
int vex_component_switch(struct vex_fs *fs, u32 off);

/* ---- inodes (inode.c) ---------------------------------------------------- */

struct vex_time {
	s64 sec;
	u32 nsec;
};

/**
 * struct vex_inode - what the core knows of an inode
 * @parent: of a directory
 * @rdev: of a device: its number, as struct vexfs_inode_item has it
 * @flags: VEXFS_INODE_*
 * @blocks: data blocks on the device
 */
struct vex_inode {
	u64 ino;
	u32 mode;
	u32 uid;
	u32 gid;
	u32 nlink;
	u64 size;
	u64 blocks;
	u64 parent;
	u32 rdev;
	u32 generation;
	u32 flags;
	struct vex_time atime;
	struct vex_time mtime;
	struct vex_time ctime;
	struct vex_time btime;
};

/* ENOENT when the inode does not exist. */
int vex_inode_get(struct vex_fs *fs, u64 ino, struct vex_inode *out);

/*
 * The number of blocks of an inode, and a count of changes to it: a host that remembers a number,
 * and what the count was before it asked, has the present number as long as the count is the same.
 * The count takes no lock.
 */
int vex_inode_blocks(struct vex_fs *fs, u64 ino, u64 *blocks);
u64 vex_blocks_seq(struct vex_fs *fs, u64 ino);

#define VEX_SET_MODE	0x01u
#define VEX_SET_UID	0x02u
#define VEX_SET_GID	0x04u
#define VEX_SET_SIZE	0x08u	/* the number only: never frees blocks */
#define VEX_SET_ATIME	0x10u
#define VEX_SET_MTIME	0x20u
#define VEX_SET_CTIME	0x40u

/* Store the fields that @mask names. Never fails for lack of space. */
int vex_inode_set(struct vex_fs *fs, u64 ino, const struct vex_inode *in, u32 mask);

/*
 * Make a regular file without a name. In: @node's mode, uid, gid; out: all of @node. It
 * is freed by vex_inode_evict(), by the next open after a crash, or gets a name
 * by vex_dir_link(). EINVAL another type; ENOSPC.
 */
int vex_inode_create(struct vex_fs *fs, struct vex_inode *node);

/*
 * Free an inode without names and all that it owns. EINVAL when it has names. A large file
 * is freed in several transactions; a crash between them is finished by the next open.
 */
int vex_inode_evict(struct vex_fs *fs, u64 ino);

/* ---- distance kernels (dist.c) ------------------------------------------- */

/*
 * Choose the instruction set of all distance kernels, VEXFS_ISA_*. EOPNOTSUPP
 * when this CPU lacks it. Not while a search runs.
 */
int vex_dist_select(u32 isa);

/* The widest set that this CPU has; what vex_dist_init() chooses. */
u32 vex_dist_best(void);
u32 vex_dist_isa(void);
const char *vex_dist_isa_name(u32 isa);

/* Call once before anything else: chooses checksum and distance kernels. */
void vex_core_init(void);

#endif /* VEX_CORE_H */
