/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of vexfs.ko.
 *
 * Rules for all of them:
 *
 *  - They carry scalars, or the fixed layout of struct vexfs_op. Field names and
 *    the order of the arguments are ABI.
 *  - No VexFS lock is held when vexfs_op_enter and vexfs_op_exit fire; the
 *    others may fire under any lock of VexFS, but never inside an FPU section.
 *  - vexfs_op_exit fires exactly once for each vexfs_op_enter, on the same task,
 *    unless all probes of vexfs_op_exit were gone by then. An operation that
 *    began before the first probe was attached fires neither.
 *  - Operations nest: a write may begin writeback or evict an inode.
 *  - A numbered event (vexfs_op_exit, vexfs_alloc) takes its number only while
 *    the tracepoint or its sample (vexfs_op_sample, vexfs_alloc_sample) has a probe, and
 *    runs with preemption off from taking the number until the last probe of both has
 *    returned. See vexfs_events.h.
 *
 * The entry points. Each is a function that is never inlined and keeps its name, so that a
 * kprobe can name it. While somebody watches it has a struct vexfs_op in its frame, and stands in
 * every unwound stack of its operation; else it may have jumped to what does the work:
 *
 *	class		function		called for
 *	lookup		vexfs_dir_lookup	a name that the dcache does not know
 *	lookup		vexfs_fh_lookup		a file handle: open_by_handle_at, NFS
 *	lookup		vexfs_symlink_get	the target of a symbolic link, at first use
 *	lookup		vexfs_xattr_get		getxattr
 *	lookup		vexfs_xattr_list	listxattr
 *	create		vexfs_dir_create	open(O_CREAT), mknod of a regular file
 *	create		vexfs_dir_link		link
 *	create		vexfs_dir_mknod		mknod of a device, named pipe or socket
 *	create		vexfs_dir_symlink	symlink
 *	create		vexfs_dir_tmpfile	open(O_TMPFILE)
 *	mkdir		vexfs_dir_mkdir		mkdir
 *	unlink		vexfs_dir_unlink	unlink
 *	rmdir		vexfs_dir_rmdir		rmdir
 *	rename		vexfs_dir_rename	rename
 *	readdir		vexfs_dir_read		getdents
 *	read		vexfs_file_read		read, pread, readv
 *	read		vexfs_file_splice_read	splice, sendfile
 *	read		vexfs_file_seek		lseek to data or a hole
 *	write		vexfs_file_write	write, pwrite, writev
 *	write		vexfs_file_mkwrite	first store to a clean page of a mapping
 *	writeback	vexfs_file_writeback	dirty pages on their way to the device
 *	fsync		vexfs_file_fsync	fsync, fdatasync of files and directories
 *	setattr		vexfs_inode_setattr	chmod, chown, utimes, truncate
 *	setattr		vexfs_xattr_set		setxattr, removexattr
 *	setattr		vexfs_file_fallocate	fallocate
 *	evict		vexfs_inode_evict	an inode leaves memory; frees one without names
 *	sync		vexfs_super_sync	sync, syncfs, umount, the periodic commit
 *	sync		vexfs_trim		FITRIM
 *	statfs		vexfs_super_statfs	statfs
 *	coll_create	vexfs_coll_create	VEXFS_IOC_CREATE
 *	insert		vexfs_coll_insert	VEXFS_IOC_INSERT
 *	insert		vexfs_coll_append	write of rows to the end of a collection
 *	get		vexfs_coll_get		VEXFS_IOC_GET
 *	delete		vexfs_coll_delete	VEXFS_IOC_DELETE
 *	search		vexfs_coll_search	VEXFS_IOC_SEARCH
 *			vexfs_coll_range	VEXFS_IOC_RANGE
 *	search_hnsw	the same two		of a collection with an HNSW index
 *	search_lsh	the same two		of a collection with an LSH index
 *	search_codes	the same two		of a collection with an index of codes
 *	coll_stat	vexfs_coll_stat		VEXFS_IOC_STAT
 *	update		vexfs_coll_update	VEXFS_IOC_UPDATE
 *	filter		vexfs_coll_filter	VEXFS_IOC_FILTER
 *	meta_set	vexfs_meta_set		VEXFS_IOC_META_SET
 *	meta_get	vexfs_meta_get		VEXFS_IOC_META_GET
 *	reindex		vexfs_coll_reindex	VEXFS_IOC_REINDEX
 *
 * Page faults that read, readahead and the inode cache itself are no operations of
 * their own: they belong to whatever runs them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vexfs

#if !defined(VEXFS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VEXFS_TRACE_H

#include <linux/tracepoint.h>
#include "vexfs_op.h"

/* Somebody begins or ends to listen to operations: they are told of from then on, or no more. */
int vexfs_op_watch(void);
void vexfs_op_unwatch(void);

#define VEXFS_OP_DEFINE(id, name)	TRACE_DEFINE_ENUM(VEXFS_OP_##id);
#define VEXFS_OP_SYMBOL(id, name)	{ VEXFS_OP_##id, name },

VEXFS_OP_CLASSES(VEXFS_OP_DEFINE)
TRACE_DEFINE_ENUM(VEXFS_OP_NR);

#define vexfs_show_op(op_class)						\
	__print_symbolic(op_class,					\
			 VEXFS_OP_CLASSES(VEXFS_OP_SYMBOL)		\
			 { VEXFS_OP_NR, "?" })

/*
 * Fires when an operation enters VexFS, before it takes a lock or looks at what
 * the user handed it. What the operation learns later (dim, k, count) stands in the exit event.
 */
TRACE_EVENT_FN(vexfs_op_enter,
	TP_PROTO(struct vexfs_op *op),
	TP_ARGS(op),
	TP_STRUCT__entry(
		__field(u64,		seq)
		__field(u64,		ino)
		__field(unsigned int,	op_class)
	),
	TP_fast_assign(
		__entry->seq		= op->seq;
		__entry->ino		= op->ino;
		__entry->op_class	= op->op_class;
	),
	TP_printk("seq=0x%llx op=%s ino=%llu", __entry->seq,
		  vexfs_show_op(__entry->op_class), __entry->ino),
	vexfs_op_watch, vexfs_op_unwatch
);

DECLARE_EVENT_CLASS(vexfs_op_left,
	TP_PROTO(struct vexfs_op *op),
	TP_ARGS(op),
	TP_STRUCT__entry(
		__field(u64,		seq)
		__field(u64,		event)
		__field(u64,		ino)
		__field(u64,		bytes)
		__field(u64,		visited)
		__field(u64,		took)
		__field(unsigned int,	op_class)
		__field(unsigned int,	dim)
		__field(unsigned int,	k)
		__field(unsigned int,	count)
		__field(int,		err)
		__field(unsigned int,	hops)
	),
	TP_fast_assign(
		__entry->seq		= op->seq;
		__entry->event		= op->event;
		__entry->ino		= op->ino;
		__entry->bytes		= op->bytes;
		__entry->visited	= op->visited;
		__entry->took		= op->took;
		__entry->op_class	= op->op_class;
		__entry->dim		= op->dim;
		__entry->k		= op->k;
		__entry->count		= op->count;
		__entry->err		= op->err;
		__entry->hops		= op->hops;
	),
	TP_printk("seq=0x%llx event=0x%llx op=%s ino=%llu dim=%u k=%u count=%u bytes=%llu visited=%llu err=%d hops=%u took=%llu",
		  __entry->seq, __entry->event, vexfs_show_op(__entry->op_class),
		  __entry->ino, __entry->dim, __entry->k, __entry->count,
		  __entry->bytes, __entry->visited, __entry->err, __entry->hops, __entry->took)
);

/*
 * Fires when an operation leaves VexFS, whatever its result. err is 0 or a
 * negative errno; bytes were moved also when err is set; took is in nanoseconds, and 0 without
 * vexfs_trace.ko. Never fires for an operation
 * that was not traced at its entry.
 */
DEFINE_EVENT_FN(vexfs_op_left, vexfs_op_exit,
	TP_PROTO(struct vexfs_op *op),
	TP_ARGS(op),
	vexfs_op_watch, vexfs_op_unwatch
);

/*
 * The same for one operation of VEXFS_SAMPLE_EVERY, after vexfs_op_exit: for whoever looks at a
 * few and does not want to pay for all. Never fires for a number that vexfs_event_below() does
 * not choose.
 */
DEFINE_EVENT_FN(vexfs_op_left, vexfs_op_sample,
	TP_PROTO(struct vexfs_op *op),
	TP_ARGS(op),
	vexfs_op_watch, vexfs_op_unwatch
);

DECLARE_EVENT_CLASS(vexfs_allocated,
	TP_PROTO(u64 event, u32 site, const void *ptr, size_t size),
	TP_ARGS(event, site, ptr, size),
	TP_STRUCT__entry(
		__field(u64,		event)
		__field(const void *,	ptr)
		__field(size_t,		size)
		__field(u32,		site)
	),
	TP_fast_assign(
		__entry->event		= event;
		__entry->ptr		= ptr;
		__entry->size		= size;
		__entry->site		= site;
	),
	TP_printk("event=0x%llx site=%u ptr=%p size=%zu", __entry->event,
		  __entry->site, __entry->ptr, __entry->size)
);

/*
 * Fires after VexFS got memory: from vexfs_mem_alloc(), or for an inode from its
 * cache. Never fires for memory that the kernel takes on VexFS's behalf (page
 * cache, bios, dentries), nor when the allocation failed.
 */
DEFINE_EVENT(vexfs_allocated, vexfs_alloc,
	TP_PROTO(u64 event, u32 site, const void *ptr, size_t size),
	TP_ARGS(event, site, ptr, size)
);

/* The same for one allocation of VEXFS_SAMPLE_EVERY, after vexfs_alloc; see vexfs_op_sample. */
DEFINE_EVENT(vexfs_allocated, vexfs_alloc_sample,
	TP_PROTO(u64 event, u32 site, const void *ptr, size_t size),
	TP_ARGS(event, site, ptr, size)
);

/* Memory of ours: where it came from, its address and size. */
DECLARE_EVENT_CLASS(vexfs_object,
	TP_PROTO(u32 site, const void *ptr, size_t size),
	TP_ARGS(site, ptr, size),
	TP_STRUCT__entry(
		__field(const void *,	ptr)
		__field(size_t,		size)
		__field(u32,		site)
	),
	TP_fast_assign(
		__entry->ptr		= ptr;
		__entry->size		= size;
		__entry->site		= site;
	),
	TP_printk("site=%u ptr=%p size=%zu", __entry->site, __entry->ptr,
		  __entry->size)
);

/* Fires before the memory goes back. Never fires for a refused double free. */
DEFINE_EVENT(vexfs_object, vexfs_free,
	TP_PROTO(u32 site, const void *ptr, size_t size),
	TP_ARGS(site, ptr, size)
);

/*
 * Fires after an allocation, as vexfs_alloc does, but for some only: those whose number, counted
 * as the site's allocations are, has come to what the site's next says. Whoever attaches sets that.
 * vexfs_untrack fires before such an object goes. Neither is numbered.
 */
DEFINE_EVENT(vexfs_object, vexfs_track,
	TP_PROTO(u32 site, const void *ptr, size_t size),
	TP_ARGS(site, ptr, size)
);

DEFINE_EVENT(vexfs_object, vexfs_untrack,
	TP_PROTO(u32 site, const void *ptr, size_t size),
	TP_ARGS(site, ptr, size)
);

/*
 * Fires when memory is freed that was freed before (site is where it was allocated, 0 when that
 * is not known; first and by are where the two calls return to), or that was never ours (site and
 * first 0). The memory is left alone. Never fires once it serves another.
 */
TRACE_EVENT(vexfs_bad_free,
	TP_PROTO(u32 site, const void *ptr, unsigned long first, unsigned long by),
	TP_ARGS(site, ptr, first, by),
	TP_STRUCT__entry(
		__field(const void *,	ptr)
		__field(unsigned long,	first)
		__field(unsigned long,	by)
		__field(u32,		site)
	),
	TP_fast_assign(
		__entry->ptr		= ptr;
		__entry->first		= first;
		__entry->by		= by;
		__entry->site		= site;
	),
	TP_printk("site=%u ptr=%p first=%pS by=%pS", __entry->site, __entry->ptr,
		  (void *)__entry->first, (void *)__entry->by)
);

/*
 * Fires after a transaction was made durable (err 0), or could not be. nodes are tree
 * blocks and data_blocks file blocks that the transaction wrote. Never fires
 * for a commit that found nothing to do.
 */
TRACE_EVENT(vexfs_commit,
	TP_PROTO(u64 generation, u32 nodes, u64 data_blocks, int err),
	TP_ARGS(generation, nodes, data_blocks, err),
	TP_STRUCT__entry(
		__field(u64,		generation)
		__field(u64,		data_blocks)
		__field(u32,		nodes)
		__field(int,		err)
	),
	TP_fast_assign(
		__entry->generation	= generation;
		__entry->data_blocks	= data_blocks;
		__entry->nodes		= nodes;
		__entry->err		= err;
	),
	TP_printk("generation=%llu nodes=%u data_blocks=%llu err=%d",
		  __entry->generation, __entry->nodes, __entry->data_blocks,
		  __entry->err)
);

/*
 * Fires when a tree node (kind 0: block) or a segment of a collection (kind 1: ino, index) is
 * not in the cache, before the device is read for it. Never fires for what was read ahead, nor for
 * a segment past the end of the rows, which there is nothing to read of. Hits have counters only:
 * /sys/fs/vexfs/DEVICE/.
 */
TRACE_EVENT(vexfs_cache_miss,
	TP_PROTO(u32 kind, u64 place, u64 index),
	TP_ARGS(kind, place, index),
	TP_STRUCT__entry(
		__field(u64,		place)
		__field(u64,		index)
		__field(u32,		kind)
	),
	TP_fast_assign(
		__entry->place		= place;
		__entry->index		= index;
		__entry->kind		= kind;
	),
	TP_printk("kind=%u place=%llu index=%llu", __entry->kind, __entry->place,
		  __entry->index)
);

/*
 * Fires when an entry of the cache gave way: to another one, to the shrinker, or to an allocation
 * that had no other memory. place and index as of a miss; hot is 1 when it was protected, that is,
 * had been used again. Never fires for what is dropped with its file.
 */
TRACE_EVENT(vexfs_cache_evict,
	TP_PROTO(u32 kind, u64 place, u64 index, bool hot),
	TP_ARGS(kind, place, index, hot),
	TP_STRUCT__entry(
		__field(u64,		place)
		__field(u64,		index)
		__field(u32,		kind)
		__field(u32,		hot)
	),
	TP_fast_assign(
		__entry->place		= place;
		__entry->index		= index;
		__entry->kind		= kind;
		__entry->hot		= hot;
	),
	TP_printk("kind=%u place=%llu index=%llu hot=%u", __entry->kind, __entry->place,
		  __entry->index, __entry->hot)
);

/* Fires when a segment has begun to be read ahead of its use. */
TRACE_EVENT(vexfs_cache_prefetch,
	TP_PROTO(u64 ino, u64 index),
	TP_ARGS(ino, index),
	TP_STRUCT__entry(
		__field(u64,		ino)
		__field(u64,		index)
	),
	TP_fast_assign(
		__entry->ino		= ino;
		__entry->index		= index;
	),
	TP_printk("ino=%llu index=%llu", __entry->ino, __entry->index)
);

/*
 * Fires after the kernel, short of memory, has asked a cache for some, in the task that reclaims.
 * asked and freed in bytes; left could still be freed.
 */
TRACE_EVENT(vexfs_cache_shrink,
	TP_PROTO(u64 asked, u64 freed, u64 left),
	TP_ARGS(asked, freed, left),
	TP_STRUCT__entry(
		__field(u64,		asked)
		__field(u64,		freed)
		__field(u64,		left)
	),
	TP_fast_assign(
		__entry->asked		= asked;
		__entry->freed		= freed;
		__entry->left		= left;
	),
	TP_printk("asked=%llu freed=%llu left=%llu", __entry->asked, __entry->freed,
		  __entry->left)
);

#endif /* VEXFS_TRACE_H */

/* The build passes -I for the folder above this one. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH trace
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE vexfs
#include <trace/define_trace.h>
