/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One operation as the tracepoints hand it on: shared by vexfs.ko, which fills
 * it, by vexfs_trace.ko, which keeps its own state of the operation in it, and
 * by BPF programs, which read it with one probe read. Offsets are ABI.
 */
#ifndef VEXFS_OP_H
#define VEXFS_OP_H

/*
 * Operation classes. The list is written once; users define X(id, name) and expand it.
 */
#define VEXFS_OP_CLASSES(X)		\
	X(LOOKUP,	"lookup")	\
	X(CREATE,	"create")	\
	X(MKDIR,	"mkdir")	\
	X(UNLINK,	"unlink")	\
	X(RMDIR,	"rmdir")	\
	X(RENAME,	"rename")	\
	X(READDIR,	"readdir")	\
	X(READ,		"read")		\
	X(WRITE,	"write")	\
	X(WRITEBACK,	"writeback")	\
	X(FSYNC,	"fsync")	\
	X(SETATTR,	"setattr")	\
	X(EVICT,	"evict")	\
	X(SYNC,		"sync")		\
	X(STATFS,	"statfs")	\
	X(COLL_CREATE,	"coll_create")	\
	X(INSERT,	"insert")	\
	X(GET,		"get")		\
	X(DELETE,	"delete")	\
	X(SEARCH,	"search")	\
	X(COLL_STAT,	"coll_stat")	\
	X(UPDATE,	"update")	\
	X(FILTER,	"filter")	\
	X(META_SET,	"meta_set")	\
	X(META_GET,	"meta_get")	\
	X(SEARCH_HNSW,	"search_hnsw")	\
	X(REINDEX,	"reindex")	\
	X(SEARCH_LSH,	"search_lsh")	\
	X(SEARCH_CODES,	"search_codes")

#define VEXFS_OP_ENUM(id, name) VEXFS_OP_##id,
enum vexfs_op_class {
	VEXFS_OP_CLASSES(VEXFS_OP_ENUM)
	VEXFS_OP_NR
};

/*
 * Kinds of numbered events. Each kind is numbered per CPU without a gap, so
 * that a reader which saw a first and a last number knows how many it should have seen:
 * event = CPU << 48 | count, count starting at 1.
 */
enum vexfs_event_kind {
	VEXFS_EVENT_OP,		/* vexfs_op_exit */
	VEXFS_EVENT_ALLOC,	/* vexfs_alloc */
	VEXFS_EVENT_RECORD,	/* vxt_stack_record, of vexfs_trace.ko */
	VEXFS_EVENT_CHAIN,	/* vxt_stack_chain, of vexfs_trace.ko */
	VEXFS_EVENT_NR
};

#define VEXFS_EVENT_CPU_SHIFT	48

/*
 * Samples of events, chosen by their numbers: event n is one when n * VEXFS_SAMPLE_FACTOR, modulo
 * 2^32, is below a bound, which is 2^32 / N for one of N. The factor is 2^32 over the golden
 * ratio: the chosen ones lie as evenly as can be, and fall in step with nothing that comes round
 * after a few events. A smaller bound chooses some of those that a larger one does.
 */
#define VEXFS_SAMPLE_FACTOR	0x9e3779b9u
#define VEXFS_SAMPLE_EVERY	64u	/* of vexfs_op_sample and vexfs_alloc_sample */
#define VEXFS_SAMPLE_BELOW	((1ULL << 32) / VEXFS_SAMPLE_EVERY)

/**
 * struct vexfs_op - a running operation; lives in its entry function's frame
 * @seq: identity: CPU << 48 | count at entry; 0 when nobody traced the entry
 * @event: number of the exit event, set just before vexfs_op_exit fires
 * @ino: inode, 0 where there is none yet
 * @bytes: bytes moved
 * @visited: distances taken: rows compared, by their codes or whole
 * @op_class: enum vexfs_op_class
 * @dim: elements of a row
 * @k: neighbours asked for
 * @count: rows, ids or queries of a batch
 * @err: 0 or a negative errno, valid at exit
 * @hops: rows of a graph whose links were followed; buckets of an LSH index that were read
 * @entry_sp: stack pointer of the entry function's caller at the call: depths are
 *	counted from here downwards
 * @took: nanoseconds from entry to exit, valid in the exit events; 0 where vexfs_trace.ko does not
 *	know: it is not loaded, or was not yet when the operation entered
 * @trace: vexfs_trace.ko's own
 */
struct vexfs_op {
	unsigned long long seq;
	unsigned long long event;
	unsigned long long ino;
	unsigned long long bytes;
	unsigned long long visited;
	unsigned int op_class;
	unsigned int dim;
	unsigned int k;
	unsigned int count;
	int err;
	unsigned int hops;
	unsigned long long entry_sp;
	unsigned long long took;
	unsigned long long trace[6];
};

#endif /* VEXFS_OP_H */
