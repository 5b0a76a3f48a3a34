/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel face of VexFS: what its files share.
 *
 * Lock order, outermost first: inode rwsem, mapping's invalidate lock, folio
 * lock, locks of the core, vexfs_io.lock. Nothing of the core is held across
 * a copy to or from user memory.
 */
#ifndef VEXFS_H
#define VEXFS_H

#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/fs_parser.h>
#include <linux/kobject.h>
#include <linux/pagemap.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <core/vex_core.h>
#include <compat/inode.h>
#include <compat/pagecache.h>
#include <compat/shrinker.h>
#include "op.h"

#undef pr_fmt
#define pr_fmt(fmt) "vexfs: " fmt

/**
 * struct vexfs_batch - the writes for which one flush waits
 * @io: the device
 * @inflight: writes submitted or promised, and not completed
 * @err: first error of one of them
 */
struct vexfs_batch {
	struct vexfs_io *io;
	unsigned long inflight;
	int err;
};

/**
 * struct vexfs_io - the block device under one filesystem
 * @bdev: the device, opened by the mount
 * @lock: guards all the rest
 * @batch: the one that fills, and the one that a flush waits for
 * @current_batch: index of the one that fills
 * @idle: woken when a batch becomes empty
 * @read_done: woken when a read that was started is over
 */
struct vexfs_io {
	struct block_device *bdev;
	spinlock_t lock;	/* taken in interrupts, innermost */
	struct vexfs_batch batch[2];
	u32 current_batch;
	wait_queue_head_t idle;
	wait_queue_head_t read_done;
};

/* What follows when a commit fails. */
enum vexfs_errors {
	VEXFS_ERRORS_READ_ONLY,
	VEXFS_ERRORS_CONTINUE,
	VEXFS_ERRORS_PANIC,
};

/**
 * struct vexfs_options - how a filesystem is mounted; fs_context.fs_private
 * @cache_bytes: cache=
 * @commit_secs: commit=
 * @errors: errors=
 * @discard: discard
 * @components_off: what components= leaves out, VEXFS_COMPONENT_*
 */
struct vexfs_options {
	size_t cache_bytes;
	unsigned int commit_secs;
	enum vexfs_errors errors;
	bool discard;
	u32 components_off;
};

/**
 * struct vexfs_sb - one mounted filesystem; super_block.s_fs_info
 * @fs: the core's side of it
 * @io: its device
 * @sb: back pointer
 * @commit_work: the periodic commit, queued while mounted read-write
 * @options: changed under s_umount; each is one word for who reads it without
 * @stop_told: the log knows already that the filesystem stopped
 * @shrinker: gives memory of the core's cache back
 * @kobj: /sys/fs/vexfs/DEVICE
 * @kobj_gone: completed when the last user of @kobj is
 */
struct vexfs_sb {
	struct vex_fs *fs;
	struct vexfs_io io;
	struct super_block *sb;
	struct delayed_work commit_work;
	struct vexfs_options options;
	atomic_t stop_told;
	struct vexfs_shrinker shrinker;
	struct kobject kobj;
	struct completion kobj_gone;
};

/**
 * struct vexfs_inode - an inode in memory
 * @vfs: the VFS's side of it
 * @flags: VEXFS_INODE_*; VEXFS_INODE_COLL is set once, under the inode's rwsem
 * @dim: of a collection: elements of a row; constant from then on
 * @row_bytes: of a collection: bytes of a row; constant from then on
 * @index: of a collection: enum vexfs_index; constant from then on
 * @reserved: dirty pages that hold a reserved block
 * @blocks: its blocks, when the core's count of changes was @blocks_seq; both under i_lock
 * @btime: creation
 * @tracked: whether its memory is, see vexfs_mem_account()
 */
struct vexfs_inode {
	struct inode vfs;
	u32 flags;
	u32 dim;
	u32 row_bytes;
	u32 index;
	atomic_long_t reserved;
	u64 blocks;
	u64 blocks_seq;
	struct timespec64 btime;
	bool tracked;
};

static inline struct vexfs_sb *vexfs_sb(const struct super_block *sb)
{
	return sb->s_fs_info;
}

static inline struct vexfs_inode *vexfs_i(const struct inode *inode)
{
	return container_of(inode, struct vexfs_inode, vfs);
}

/* The core's filesystem of an inode. */
static inline struct vex_fs *vexfs_fs(const struct inode *inode)
{
	return vexfs_sb(inode->i_sb)->fs;
}

static inline bool vexfs_is_coll(const struct inode *inode)
{
	/* Pairs with vexfs_coll_attach(): who sees the flag sees the dimension. */
	return smp_load_acquire(&vexfs_i(inode)->flags) & VEXFS_INODE_COLL;
}

/* ---- super.c ------------------------------------------------------------ */

extern struct file_system_type vexfs_fs_type;

int vexfs_super_sync(struct super_block *sb);
void vexfs_super_report(struct super_block *sb);

/* Tell the log what the core found, when @err says that it found something. */
static inline int vexfs_check(struct super_block *sb, int err)
{
	if (unlikely(err == -EUCLEAN || err == -EIO || err == -EOPNOTSUPP))
		vexfs_super_report(sb);
	return err;
}

/* 0, or -EOPNOTSUPP when the mount option components= leaves out what this needs. */
static inline int vexfs_need(struct super_block *sb, u32 components)
{
	return vexfs_check(sb, vex_component_need(vexfs_sb(sb)->fs, components));
}

/* ---- options.c ---------------------------------------------------------- */

extern const struct fs_parameter_spec vexfs_params[];

void vexfs_options_default(struct vexfs_options *opts);
int vexfs_parse_param(struct fs_context *fc, struct fs_parameter *param);
int vexfs_show_options(struct seq_file *m, struct dentry *root);

/* ---- cache.c ------------------------------------------------------------ */

int vexfs_cache_attach(struct super_block *sb);
void vexfs_cache_detach(struct super_block *sb);
int vexfs_cache_init(void);
void vexfs_cache_exit(void);

/* ---- trim.c ------------------------------------------------------------- */

long vexfs_trim(struct file *file, void __user *arg);

/* ---- inode.c ------------------------------------------------------------ */

int vexfs_inode_cache_init(void);
void vexfs_inode_cache_exit(void);

struct inode *vexfs_alloc_inode(struct super_block *sb);
void vexfs_free_inode(struct inode *inode);
int vexfs_write_inode(struct inode *inode, struct writeback_control *wbc);
void vexfs_inode_evict(struct inode *inode);

struct inode *vexfs_inode_get(struct super_block *sb, u64 ino);
int vexfs_inode_fill(struct inode *inode, const struct vex_inode *node);
void vexfs_inode_refresh(struct inode *inode);
int vexfs_getattr(vexfs_idmap_t *idmap, const struct path *path, struct kstat *stat,
		  u32 request_mask, unsigned int flags);
int vexfs_inode_setattr(vexfs_idmap_t *idmap, struct dentry *dentry, struct iattr *attr);

static inline struct vex_time vexfs_time_from(struct timespec64 ts)
{
	return (struct vex_time){ .sec = ts.tv_sec, .nsec = ts.tv_nsec };
}

static inline struct timespec64 vexfs_time_to(struct vex_time t)
{
	return (struct timespec64){ .tv_sec = t.sec, .tv_nsec = t.nsec };
}

/* ---- xattr.c ------------------------------------------------------------ */

extern const struct xattr_handler *vexfs_xattr_handlers[];

ssize_t vexfs_xattr_list(struct dentry *dentry, char *buffer, size_t size);
int vexfs_security_init(struct inode *inode, struct inode *dir, const struct qstr *name);

/* ---- export.c ----------------------------------------------------------- */

extern const struct export_operations vexfs_export_ops;

/* ---- symlink.c ---------------------------------------------------------- */

extern const struct inode_operations vexfs_symlink_inode_ops;
extern const struct inode_operations vexfs_special_inode_ops;

/* ---- create.c ----------------------------------------------------------- */

int vexfs_dir_create(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		     umode_t mode, bool excl);
int vexfs_dir_mkdir(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		    umode_t mode);
int vexfs_dir_mknod(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		    umode_t mode, dev_t rdev);
int vexfs_dir_symlink(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		      const char *target);
int vexfs_dir_tmpfile(vexfs_idmap_t *idmap, struct inode *dir, struct file *file,
		      umode_t mode);
int vexfs_dir_link(struct dentry *old, struct inode *dir, struct dentry *dentry);

/* ---- dir.c -------------------------------------------------------------- */

static inline struct vex_name vexfs_name(const struct dentry *dentry)
{
	return (struct vex_name){ .str = dentry->d_name.name, .len = dentry->d_name.len };
}

extern const struct inode_operations vexfs_dir_inode_ops;
extern const struct file_operations vexfs_dir_ops;

/* ---- file.c ------------------------------------------------------------- */

extern const struct inode_operations vexfs_file_inode_ops;
extern const struct file_operations vexfs_file_ops;

int vexfs_file_fsync(struct file *file, loff_t start, loff_t end, int datasync);
int vexfs_file_truncate(struct inode *inode, loff_t size);
int vexfs_file_trim_end(struct inode *inode);
ssize_t vexfs_write_cached(struct kiocb *iocb, struct iov_iter *from);

/* ---- aops.c, readpage.c, writeback.c ------------------------------------ */

extern const struct address_space_operations vexfs_file_aops;

/* What a dirty page was promised; in its private word. */
enum vexfs_promise {
	VEXFS_PROMISE_BLOCK = 1,	/* a new block */
	VEXFS_PROMISE_INPLACE,		/* only the mapping: the block is unwritten */
};

int vexfs_page_reserve(struct inode *inode, struct folio *folio);
void vexfs_page_again(struct inode *inode, struct folio *folio);
int vexfs_page_relief(struct inode *inode);
void vexfs_page_settle(struct inode *inode, struct folio *folio, bool unused);
void vexfs_page_unreserve(struct inode *inode, struct folio *folio);
int vexfs_page_zero_part(struct inode *inode, loff_t from, loff_t to, bool write);
int vexfs_page_zero_tail(struct inode *inode, loff_t from, bool write);

int vexfs_read_init(void);
void vexfs_read_exit(void);
int vexfs_page_fill(struct inode *inode, struct folio *folio);
int vexfs_page_split(struct inode *inode, pgoff_t index);
int vexfs_read_folio(struct file *file, struct folio *folio);
void vexfs_readahead(struct readahead_control *rac);

int vexfs_writepages(struct address_space *mapping, struct writeback_control *wbc);

/* ---- falloc.c ----------------------------------------------------------- */

long vexfs_fallocate(struct file *file, int mode, loff_t pos, loff_t len);
loff_t vexfs_file_llseek(struct file *file, loff_t pos, int whence);

/* ---- direct.c ----------------------------------------------------------- */

#define VEXFS_DIRECT_ALIGN	512u

ssize_t vexfs_direct_read(struct kiocb *iocb, struct iov_iter *to);
ssize_t vexfs_direct_write(struct kiocb *iocb, struct iov_iter *from);

/* ---- coll.c ------------------------------------------------------------- */

extern const struct address_space_operations vexfs_coll_aops;

int vexfs_coll_attach(struct inode *inode);
int vexfs_coll_add(struct file *file, struct vex_rows *r);
int vexfs_coll_change(struct file *file, struct vex_rows *r);
int vexfs_coll_drop(struct file *file, u64 *ids, u32 count, u64 *bad_id);
ssize_t vexfs_coll_append(struct kiocb *iocb, struct iov_iter *from);

/* ---- ioctl.c ------------------------------------------------------------ */

long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* ---- io_bdev.c ---------------------------------------------------------- */

extern const struct vex_io_ops vexfs_io_ops;

struct page *vexfs_io_page(const void *buf);
int vexfs_io_init(void);
void vexfs_io_exit(void);
void vexfs_io_open(struct vexfs_io *io, struct block_device *bdev);
struct bio *vexfs_bio_alloc(struct block_device *bdev, unsigned int pages, u64 block,
			    blk_opf_t opf);
void vexfs_bio_later(struct bio *bio, work_func_t fn);
struct bio *vexfs_bio_of(struct work_struct *work);
void vexfs_io_end(struct vexfs_batch *batch, blk_status_t status);

/* ---- aside.c ------------------------------------------------------------ */

/* Beside those of the core. */
enum {
	VEXFS_ASIDE_PAGES = VEX_ASIDE_KINDS,	/* whatever writing back a file waits for */
	VEXFS_ASIDE_NR
};

int vexfs_aside_init(void);
void vexfs_aside_exit(void);
int vexfs_aside(void *ctx, u32 kind, int (*fn)(void *arg), void *arg);
int vexfs_flush_aside(struct address_space *mapping, loff_t from, loff_t to);

/* ---- trace.c ------------------------------------------------------------ */

void vexfs_trace_init(void);

/* ---- mem.c -------------------------------------------------------------- */

void vexfs_mem_report_leaks(void);

#endif /* VEXFS_H */
