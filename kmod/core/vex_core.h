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

#include <vex_platform.h>
#include <linux/vexfs.h>
#include <linux/vexfs_format.h>

struct vex_fs;

/* ---- the outside world --------------------------------------------------- */

#define VEX_IO_FUA	1u	/* on stable storage when the write returns */

/**
 * struct vex_read - a read that goes on while its caller does something else
 * @block: first block on the device
 * @buf: where to
 * @count: blocks
 * @err: result, for the host
 * @left: for the host: pieces of it that are not over
 * @host: for the host
 */
struct vex_read {
	u64 block;
	void *buf;
	u32 count;
	int err;
	u32 left;
	void *host;
};

/**
 * enum vex_aside - what a call of struct vex_io_ops.aside may wait for
 * @VEX_ASIDE_STEP: a commit, and locks of the core; the caller holds none
 * @VEX_ASIDE_CALL: locks of the core; the caller holds none
 * @VEX_ASIDE_SEG: the device, and locks of loads; the caller may hold fs->lock
 * @VEX_ASIDE_LOAD: the device only
 * @VEX_ASIDE_KINDS: how many there are
 */
enum vex_aside {
	VEX_ASIDE_STEP,
	VEX_ASIDE_CALL,
	VEX_ASIDE_SEG,
	VEX_ASIDE_LOAD,
	VEX_ASIDE_KINDS
};

/**
 * struct vex_io_ops - a device, a clock and randomness
 * @read: read @count blocks into @buf; returns when the data is there
 * @read_start: begin to read as @r says; @r and its buffer stay until @read_wait. NULL in a host
 *	that cannot
 * @read_wait: wait for that, and return its result
 * @write: write @count blocks from @buf. Without VEX_IO_FUA the call may return
 *	early; @buf then stays unchanged until a @flush that began later returns
 * @flush_begin: draw a line for the next @flush: it need not wait for what is written or
 *	announced later. Inside the filesystem lock, as every write without
 *	VEX_IO_FUA; at most one flush is under way. May be NULL in a host whose @flush
 *	waits for everything
 * @flush: wait for every write before @flush_begin, and for all data writes that were
 *	announced by @data_begin before it; then flush the device's cache. Returns the first
 *	error of them. Outside of the filesystem lock
 * @discard: the blocks hold nothing of value any more; returns when the device
 *	has done it, or does not care; may be NULL
 * @data_begin: called inside the filesystem lock when vex_extent_write() has
 *	promised that the host will write data; the host ends it when its
 *	write completes; NULL in a host that only writes through the core. Returns a number
 *	that tells the host to which flush the write belongs: vex_map.batch
 * @aside: call @fn of @arg, for an enum vex_aside, on another stack when the host's is small, and
 *	return its result; NULL in a host whose is not
 * @now: wall clock, nanoseconds since 1970
 * @random: fill @buf with @len unpredictable bytes
 *
 * A buffer is memory of vex_alloc(). Blocks are VEXFS_BLOCK_SIZE bytes.
 */
struct vex_io_ops {
	int (*read)(void *ctx, u64 block, u32 count, void *buf);
	void (*read_start)(void *ctx, struct vex_read *r);
	int (*read_wait)(void *ctx, struct vex_read *r);
	int (*write)(void *ctx, u64 block, u32 count, const void *buf, u32 flags);
	void (*flush_begin)(void *ctx);
	int (*flush)(void *ctx);
	int (*discard)(void *ctx, u64 block, u64 count);
	u32 (*data_begin)(void *ctx);
	int (*aside)(void *ctx, u32 kind, int (*fn)(void *arg), void *arg);
	u64 (*now)(void *ctx);
	void (*random)(void *ctx, void *buf, size_t len);
};

struct vex_io {
	const struct vex_io_ops *ops;
	void *ctx;
	u64 blocks;		/* size of the device */
};

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

/* ---- file data for a host with its own page cache (extent.c) ------------- */

/**
 * struct vex_map - where a run of file blocks lies
 * @fblock: first file block
 * @block: first block on the device; 0 for what reads as zeros
 * @count: blocks
 * @batch: from vex_extent_write(): what ops->data_begin() returned
 * @unwritten: from vex_extent_map(): what reads as zeros is allocated
 */
struct vex_map {
	u64 fblock;
	u64 block;
	u32 count;
	u32 batch;
	bool unwritten;
};

/*
 * Map the run that starts at @fblock, at most @max blocks (and at most
 * VEXFS_EXTENT_MAX). @csums receives a crc32c for each block that is no hole.
 * The caller compares each block it reads; see vex_block_csum().
 */
int vex_extent_map(struct vex_fs *fs, u64 ino, u64 fblock, u32 max,
		   struct vex_map *map, u32 *csums);

/**
 * struct vex_window - where all blocks of a piece of a file lie
 * @fblock: first file block
 * @count: blocks, at least 1
 * @cached: do not read the device for it
 * @runs: receives the number of runs; together they are the window, in order
 * @map: room for @count of them. Blocks that follow each other on the device too are one run
 * @csums: room for @count checksums; that of block @fblock + n is the nth, if it is no hole
 */
struct vex_window {
	u64 fblock;
	u32 count;
	bool cached;
	u32 runs;
	struct vex_map *map;
	u32 *csums;
};

/*
 * Map a whole window at one moment. -EAGAIN: with @cached, a piece of the tree is not in memory.
 * The caller compares each block it reads; see vex_block_csum().
 */
int vex_extent_window(struct vex_fs *fs, u64 ino, struct vex_window *w);

/* crc32c of one block of VEXFS_BLOCK_SIZE bytes; any context. */
u32 vex_block_csum(const void *data);

/* Report a data block whose checksum was wrong, for vex_fs_take_damage(). */
void vex_fs_note_damage(struct vex_fs *fs, u64 block, const char *what);

/* 0 as long as changes are taken; EROFS; EIO when stopped. */
int vex_fs_writable(struct vex_fs *fs);

/*
 * Promise @blocks blocks of data to come, so that writing them back cannot meet
 * a full device. ENOSPC; EROFS; EIO when stopped. Gives back with
 * vex_space_unreserve(); vex_extent_write() uses what was reserved.
 */
int vex_space_reserve(struct vex_fs *fs, u64 blocks);
/* The same without a commit that would make room. Does not sleep. */
int vex_space_reserve_now(struct vex_fs *fs, u64 blocks);
void vex_space_unreserve(struct vex_fs *fs, u64 blocks);

/*
 * On a full device: promise that one block of data can be written back, which needs no new block
 * because @fblock is unwritten, and stays so until then. Used by vex_extent_write() like any
 * other; when it did, or in place of vex_space_unreserve() with @unused, the host calls
 * vex_space_end_inplace(). ENOSPC: it is not unwritten. EAGAIN: after all that is
 * promised so far was written back and committed.
 */
int vex_space_reserve_inplace(struct vex_fs *fs, u64 ino, u64 fblock);
void vex_space_end_inplace(struct vex_fs *fs, bool unused);
/*
 * On a full device: promise a block from the reserve, for a change inside a block that is in
 * use: it comes back with the commit after. ENOSPC: not even that, after a commit.
 */
int vex_space_reserve_urgent(struct vex_fs *fs);

/*
 * Give file blocks @fblock.. a place for new content: allocates one run of
 * at most @count blocks (1 to VEXFS_EXTENT_MAX), maps it with @csums, frees what was mapped there
 * before, and consumes as many reserved blocks. Blocks that were unwritten are that place
 * themselves. @map tells the run; it may be
 * shorter than @count. The host then writes the data to it, after
 * ops->data_begin() was called for it under the lock. When @size is larger than the
 * inode's size, the size is set with it.
 * Between this call and its write a host calls nothing else of the core.
 */
int vex_extent_write(struct vex_fs *fs, u64 ino, u64 fblock, u32 count,
		     const u32 *csums, u64 size, struct vex_map *map);

/*
 * Set the size, freeing blocks past it. The host has zeroed the rest of the
 * last block before (a host with a page cache), or the core does (segments).
 */
int vex_file_truncate(struct vex_fs *fs, u64 ino, u64 size);

/*
 * Give every hole of file blocks [@from, @to) unwritten blocks; with @zero all that is written
 * there gets new, unwritten ones, too. Ends early with EINTR when the caller is killed, and with
 * ENOSPC: before anything has changed when the holes need more than there is. EOPNOTSUPP, EPERM,
 * EISDIR.
 * The size stays: see vex_file_truncate().
 */
int vex_file_provide(struct vex_fs *fs, u64 ino, u64 from, u64 to, bool zero);

/* Free file blocks [@from, @to): they read as zeros. EINTR, EPERM, EISDIR. */
int vex_file_punch(struct vex_fs *fs, u64 ino, u64 from, u64 to);

/*
 * The first byte at or after @pos, before @size, that is data, or, with @hole, that is not: in
 * a hole, unwritten, or the end. ENXIO: no such byte, or @pos is not before @size. A host with a
 * page cache writes it back before.
 */
int vex_file_seek(struct vex_fs *fs, u64 ino, u64 pos, u64 size, bool hole, u64 *found);

/* ---- file data for a host without one, and all collections (file.c) ------ */

/* Read or write bytes through the core's segment cache; @done bytes. */
int vex_file_read(struct vex_fs *fs, u64 ino, u64 pos, void *buf, size_t len, size_t *done);
int vex_file_write(struct vex_fs *fs, u64 ino, u64 pos, const void *buf, size_t len);

/* Bits of vex_file_fallocate(), as fallocate(2) has them. */
#define VEX_FALLOC_KEEP_SIZE	0x01u
#define VEX_FALLOC_PUNCH	0x02u
#define VEX_FALLOC_ZERO		0x10u

/*
 * fallocate(2) as a whole: EOPNOTSUPP for other modes, and for VEX_FALLOC_PUNCH without
 * VEX_FALLOC_KEEP_SIZE; EINVAL for no bytes; EFBIG.
 */
int vex_file_fallocate(struct vex_fs *fs, u64 ino, u32 mode, u64 pos, u64 len);

/* ---- collections (coll.c, search.c) -------------------------------------- */

/**
 * struct vex_coll - a collection
 * @elem: enum vexfs_elem
 * @metric: enum vexfs_metric
 * @index: enum vexfs_index
 * @dim: elements of a row
 * @code: of a new one with an index: enum vexfs_code
 * @m: of a new one with HNSW; 0: the default
 * @ef_construction: likewise
 * @tables: of a new one with LSH; 0: the default
 * @bits: likewise
 * @rows: rows ever inserted
 * @live: of them, those not deleted
 * @row_bytes: of a row
 * @blocks: of its file, the index's among them
 */
struct vex_coll {
	u32 elem;
	u32 metric;
	u32 index;
	u32 dim;
	u32 code;
	u32 m;
	u32 ef_construction;
	u32 tables;
	u32 bits;
	u64 rows;
	u64 live;
	u32 row_bytes;
	u64 blocks;
};

/* Bits of the served VEXFS_ELEM_*, VEXFS_METRIC_* and VEXFS_INDEX_*. */
#define VEX_ELEMS_SERVED	(1u << VEXFS_ELEM_F32 | 1u << VEXFS_ELEM_F16 | \
				 1u << VEXFS_ELEM_I8 | 1u << VEXFS_ELEM_B1)
#define VEX_METRICS_SERVED	(1u << VEXFS_METRIC_L2 | 1u << VEXFS_METRIC_IP | \
				 1u << VEXFS_METRIC_COSINE | 1u << VEXFS_METRIC_HAMMING)
#define VEX_INDEXES_SERVED	(1u << VEXFS_INDEX_FLAT | 1u << VEXFS_INDEX_HNSW | \
				 1u << VEXFS_INDEX_LSH | 1u << VEXFS_INDEX_CODES)

/* Do these go together? b1 has the metric Hamming and no other, the rest all the others. */
bool vex_elem_served(u32 elem, u32 metric);
/* Bytes of a row of @dim elements, up to VEXFS_MAX_DIM; 0: no such type. */
u32 vex_row_bytes(u32 elem, u32 dim);
/*
 * The first of @count packed rows that cannot be stored, or @count: one with NaN or an infinity,
 * or, of b1, with a bit behind its last element. @elem is served; integer arithmetic only.
 */
u64 vex_rows_find_bad(u32 elem, const void *rows, u64 count, u32 dim);

/* EINVAL a field out of range; EEXIST; ENOTEMPTY; as VEXFS_IOC_CREATE. */
int vex_coll_create(struct vex_fs *fs, u64 ino, const struct vex_coll *c);

/* ENODATA not a collection. */
int vex_coll_stat(struct vex_fs *fs, u64 ino, struct vex_coll *out);

/*
 * Append @count packed rows of @dim elements. @bad_row is set with EDOM. The
 * rows are in the running transaction when the call returns.
 */
int vex_coll_insert(struct vex_fs *fs, u64 ino, const void *rows, u32 count,
		    u32 dim, u64 *first_id, u64 *bad_row);

int vex_coll_get(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u32 dim,
		 void *rows, u64 *bad_id);

/* @ids is sorted in place. */
int vex_coll_delete(struct vex_fs *fs, u64 ino, u64 *ids, u32 count, u64 *bad_id);

/**
 * struct vex_rows - rows of one call, and what is known of them
 * @ids: of an update and of vex_meta_set(): which rows
 * @rows: @count packed rows of @dim elements; unused by vex_meta_set()
 * @count: at least 1
 * @dim: elements of a row, as the caller believes
 * @row_bytes: receives the bytes of a row; unused by vex_meta_set()
 * @flags: VEXFS_META_MERGE or 0
 * @meta: @count records of metadata as <linux/vexfs.h> tells, or NULL
 * @meta_len: bytes of them
 * @first_id: receives the id of the first row of vex_coll_append()
 * @bad_row: receives the position of a refused row, with EDOM, ENOENT and EBADMSG
 * @grow: set when the collection's index does not have the rows yet
 */
struct vex_rows {
	const u64 *ids;
	const void *rows;
	u32 count;
	u32 dim;
	u32 row_bytes;
	u32 flags;
	const void *meta;
	size_t meta_len;
	u64 first_id;
	u64 bad_row;
	bool grow;
};

/* vex_coll_insert() with metadata: rows and metadata are there together or not at all. */
int vex_coll_append(struct vex_fs *fs, u64 ino, struct vex_rows *r);
/* As VEXFS_IOC_UPDATE: rows, and metadata where @r->meta is not NULL, all or nothing. */
int vex_coll_update(struct vex_fs *fs, u64 ino, struct vex_rows *r);

/* ---- metadata of rows (meta.c, match.c) ---------------------------------- */

/* As VEXFS_IOC_META_SET: all of the batch in one transaction, or nothing. */
int vex_meta_set(struct vex_fs *fs, u64 ino, struct vex_rows *r);
/* As VEXFS_IOC_META_GET. @buf may be NULL when @len is 0: then @used tells with ERANGE. */
int vex_meta_get(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, void *buf, size_t len,
		 size_t *used, u64 *bad_row);

/**
 * struct vex_filter - a predicate over metadata; see struct vexfs_filter_node
 * @nodes: @count of them
 * @text: the strings, @text_len bytes
 * @bad_node: set with EBADMSG
 */
struct vex_filter {
	const struct vexfs_filter_node *nodes;
	u32 count;
	const void *text;
	u32 text_len;
	u32 bad_node;
};

/*
 * List at most @max live rows from @from on that match, ascending. @next receives where to go
 * on, VEXFS_NO_ID at the end. EBADMSG; EINTR; as VEXFS_IOC_FILTER.
 */
int vex_coll_filter(struct vex_fs *fs, u64 ino, struct vex_filter *f, u64 from, u64 *ids,
		    u32 max, u32 *count, u64 *next);

/**
 * struct vex_search - a batch of queries
 * @queries: nq packed rows of @dim elements
 * @k: nearest rows wanted of each
 * @ids: receives nq * k ids, nearest first, VEXFS_NO_ID where there is none
 * @distances: receives nq * k binary32 bit patterns
 * @ef: breadth of a search by an index; 0: the default
 * @probes: buckets to read of each table of LSH; 0: the default
 * @visited: receives the rows compared
 * @hops: receives the rows whose links were followed, or the buckets read
 * @bad_query: set with EDOM
 * @filter: only rows that match are found; NULL: all
 * @allow: only rows whose bit is set, bit id % 64 of word id / 64; NULL: all
 * @allow_words: words at @allow; rows past them are not found
 * @ranged: only rows at a distance of at most @radius; @k, up to VEXFS_MAX_RANGE, of them
 * @radius: bits of a binary32; EDOM when it is NaN or infinite
 * @met: receives the rows within @radius that were compared, of all queries
 */
struct vex_search {
	const void *queries;
	u32 nq;
	u32 dim;
	u32 k;
	u32 ef;
	u32 probes;
	u64 *ids;
	u32 *distances;
	u64 visited;
	u64 hops;
	u64 bad_query;
	struct vex_filter *filter;
	const u64 *allow;
	u64 allow_words;
	bool ranged;
	u32 radius;
	u64 met;
};

int vex_coll_search(struct vex_fs *fs, u64 ino, struct vex_search *s);

/**
 * struct vex_index_stat - the index of a collection
 * @code: enum vexfs_code
 * @m: links of a row
 * @ef_construction: breadth of the search for them
 * @tables: of LSH
 * @bits: of a bucket's number
 * @indexed: rows in the index
 * @pending: of them, rows that have changed since: compared one by one
 */
struct vex_index_stat {
	u32 code;
	u32 m;
	u32 ef_construction;
	u32 tables;
	u32 bits;
	u64 indexed;
	u64 pending;
};

/* All zero of a collection without an index. ENODATA; EUCLEAN the index is damaged. */
int vex_index_stat(struct vex_fs *fs, u64 ino, struct vex_index_stat *out);
/*
 * Make the index of a collection anew, whatever is left of it: rows are compared one by one
 * until they are in it again. Zeros of @want leave the parameters as they are, or, when they
 * cannot be read, are the defaults. EOPNOTSUPP it has none; EINVAL out of range; EINTR rows are
 * still missing, and the next insertion goes on.
 */
int vex_index_rebuild(struct vex_fs *fs, u64 ino, const struct vex_index_stat *want);

/* Begin to read rows that will be asked for soon; see vex_io_ops.read_start. */
int vex_coll_prefetch(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count);

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
