// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random arguments for every vector operation, from threads of root and of another user at
 * once: sizes, tails, flags, counts, addresses that cannot be read or written, that overlap, or
 * are the kernel's; records of metadata and filters that are spoilt, and that another thread
 * changes while they are read. Each call answers with an errno that <linux/vexfs.h> names, and
 * one that succeeds with figures that can be.
 *
 * VEXFS_FUZZ_CALLS in the environment gives the calls of each thread (1500), VEXFS_FUZZ_SEED
 * the seed (1).
 */
#include "common.h"
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define THREADS		4
#define BUF_BYTES	(1UL << 20)
#define TAIL_BYTES	4096
/* Where things stand in the first MiB; rows are in front, ids in the second half. */
#define OUT_AT		(BUF_BYTES / 4)
#define META_AT		(BUF_BYTES / 8 * 3)
#define NODES_AT	(META_AT + 4096)
#define TEXT_AT		(NODES_AT + 4096)
#define IDS_AT		(BUF_BYTES / 2)
#define META_ROWS	6

/* What all threads use. */
static unsigned long calls = 1500;
static uint64_t seed = 1;
static unsigned char *area;		/* writable, then read-only, then nothing */
static const char *const paths[] = {
	MNT "/coll", MNT "/wide", MNT "/file", MNT "/empty", MNT "/dir", MNT "/dir/mine",
	MNT "/half", MNT "/bytes", MNT "/bits",
};
#define PATHS	(sizeof(paths) / sizeof(*paths))
#define OTHERS	6			/* of the last, that are collections of other types */

/* Types of elements; a row of each has 32 bytes. */
static const struct vexfs_create types[] = {
	{ .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .dim = 8 },
	{ .elem = VEXFS_ELEM_F16, .metric = VEXFS_METRIC_IP, .dim = 16 },
	{ .elem = VEXFS_ELEM_I8, .metric = VEXFS_METRIC_COSINE, .dim = 32 },
	{ .elem = VEXFS_ELEM_B1, .metric = VEXFS_METRIC_HAMMING, .dim = 256 },
};
#define TYPES	(sizeof(types) / sizeof(*types))

/* Structures that are right, as a start; filled by templates_make(). */
static struct {
	struct vexfs_caps caps;
	struct vexfs_create create;
	struct vexfs_insert insert;
	struct vexfs_get get;
	struct vexfs_delete del;
	struct vexfs_search search;
	struct vexfs_stat stat;
	struct vexfs_insert append;	/* with metadata */
	struct vexfs_search find;	/* with a filter */
	struct vexfs_update update;
	struct vexfs_meta_set meta_set;
	struct vexfs_meta_get meta_get;
	struct vexfs_filter filter;
	struct vexfs_range range;
} right;

static const struct operation {
	unsigned long cmd;
	const void *right;
	unsigned int size;
	unsigned int dim_at;		/* 0: it has no dimensions */
} operations[] = {
	{ VEXFS_IOC_CAPS,	&right.caps,	sizeof(right.caps), 0 },
	{ VEXFS_IOC_CREATE,	&right.create,	sizeof(right.create),
	  offsetof(struct vexfs_create, dim) },
	{ VEXFS_IOC_INSERT,	&right.insert,	sizeof(right.insert),
	  offsetof(struct vexfs_insert, dim) },
	{ VEXFS_IOC_GET,	&right.get,	sizeof(right.get),
	  offsetof(struct vexfs_get, dim) },
	{ VEXFS_IOC_DELETE,	&right.del,	sizeof(right.del), 0 },
	{ VEXFS_IOC_SEARCH,	&right.search,	sizeof(right.search),
	  offsetof(struct vexfs_search, dim) },
	{ VEXFS_IOC_STAT,	&right.stat,	sizeof(right.stat), 0 },
	{ VEXFS_IOC_INSERT,	&right.append,	sizeof(right.append),
	  offsetof(struct vexfs_insert, dim) },
	{ VEXFS_IOC_SEARCH,	&right.find,	sizeof(right.find),
	  offsetof(struct vexfs_search, dim) },
	{ VEXFS_IOC_UPDATE,	&right.update,	sizeof(right.update),
	  offsetof(struct vexfs_update, dim) },
	{ VEXFS_IOC_META_SET,	&right.meta_set, sizeof(right.meta_set), 0 },
	{ VEXFS_IOC_META_GET,	&right.meta_get, sizeof(right.meta_get), 0 },
	{ VEXFS_IOC_FILTER,	&right.filter,	sizeof(right.filter), 0 },
	{ VEXFS_IOC_RANGE,	&right.range,	sizeof(right.range),
	  offsetof(struct vexfs_range, dim) },
};
#define OPERATIONS	(sizeof(operations) / sizeof(*operations))

static const int documented[] = {
	EFAULT, ENOTTY, ENODATA, EBADF, EROFS, EINTR, EINVAL, E2BIG, EDOM, ENOSPC, EFBIG, ENOENT,
	EEXIST, ENOTEMPTY, ENOMEM, EPERM, EOPNOTSUPP, EBADMSG, ERANGE,
};

static uint64_t next(uint64_t *rnd)
{
	*rnd += 0x9e3779b97f4a7c15ULL;
	return mix(*rnd);
}

/* Sound records of metadata, one a row, behind their lengths; their bytes. */
static unsigned int meta_make(unsigned char *at)
{
	static const unsigned char record[] =
		"\x1a\0\0\0\1\1\x8\0i\5\0\0\0\0\0\0\0\1\3\x8\0stwo part";
	unsigned int i, len = sizeof(record) - 1;

	for (i = 0; i < META_ROWS; i++) {
		memcpy(at + i * len, record, len);
		at[i * len + 9] = i;
	}
	return i * len;
}

/* A sound filter of three nodes: i >= 2 or s ^= "two". */
static void filter_make(void)
{
	struct vexfs_filter_node *n = (void *)(area + NODES_AT);

	memcpy(area + TEXT_AT, "not two", 7);
	n[0] = (struct vexfs_filter_node){
		.op = VEXFS_FILTER_GE, .type = VEXFS_META_INT, .key_len = 1, .key = "i", .value = 2,
	};
	n[1] = (struct vexfs_filter_node){
		.op = VEXFS_FILTER_PREFIX, .type = VEXFS_META_STRING, .key_len = 1, .key = "s",
		.value = 4, .len = 3,
	};
	n[2] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_OR };
}

static void nested_templates_make(void)
{
	uintptr_t rows = (uintptr_t)area, out = rows + OUT_AT, ids = rows + IDS_AT + 50 * 8;
	unsigned int meta_len = meta_make(area + META_AT);

	filter_make();
	right.append = right.insert;
	right.append.count = META_ROWS;
	right.append.rows_len = META_ROWS * 32;
	right.append.meta = rows + META_AT;
	right.append.meta_len = meta_len;
	right.find = right.search;
	right.find.filter = rows + NODES_AT;
	right.find.filter_text = rows + TEXT_AT;
	right.find.filter_count = 3;
	right.find.filter_text_len = 7;
	right.update = (struct vexfs_update){
		.size = sizeof(right.update), .flags = VEXFS_META_MERGE, .ids = ids, .rows = rows,
		.rows_len = META_ROWS * 32, .count = META_ROWS, .dim = 8, .meta = rows + META_AT,
		.meta_len = meta_len,
	};
	right.meta_set = (struct vexfs_meta_set){
		.size = sizeof(right.meta_set), .ids = ids, .meta = rows + META_AT,
		.meta_len = meta_len, .count = META_ROWS,
	};
	right.meta_get = (struct vexfs_meta_get){
		.size = sizeof(right.meta_get), .ids = ids, .meta = out, .meta_len = 8192,
		.count = META_ROWS,
	};
	right.filter = (struct vexfs_filter){
		.size = sizeof(right.filter), .filter = rows + NODES_AT,
		.filter_text = rows + TEXT_AT, .filter_count = 3, .filter_text_len = 7,
		.ids = out, .max = 100,
	};
	right.range = (struct vexfs_range){
		.size = sizeof(right.range), .query = rows, .query_len = 32, .dim = 8,
		.radius = 0x40000000, .max = 100, .ids = out, .distances = out + 4096,
		.filter = rows + NODES_AT, .filter_text = rows + TEXT_AT, .filter_count = 3,
		.filter_text_len = 7,
	};
}

/* What the structures point to: right again, or some of it spoilt, under whoever reads it. */
static void nested_change(uint64_t *rnd)
{
	static const unsigned int places[] = { META_AT, NODES_AT, TEXT_AT };
	unsigned int at = places[mix(*rnd) % 3] + mix(*rnd + 1) % 180;

	switch (mix(*rnd + 2) % 12) {
	case 0:
	case 1:
		meta_make(area + META_AT);
		filter_make();
		break;
	case 2:
		area[at] ^= 1u << mix(*rnd + 3) % 8;
		break;
	case 3:
		area[at] = mix(*rnd + 3);
		break;
	}
}

static void templates_make(void)
{
	uintptr_t rows = (uintptr_t)area, ids = rows + IDS_AT, out = rows + OUT_AT;

	right.caps.size = sizeof(right.caps);
	right.stat.size = sizeof(right.stat);
	right.create = (struct vexfs_create){
		.size = sizeof(right.create), .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
		.dim = 8, .index = VEXFS_INDEX_FLAT,
	};
	right.insert = (struct vexfs_insert){
		.size = sizeof(right.insert), .rows = rows, .rows_len = 3 * 32, .count = 3, .dim = 8,
	};
	right.get = (struct vexfs_get){
		.size = sizeof(right.get), .ids = ids, .rows = out, .rows_len = 2 * 32,
		.count = 2, .dim = 8,
	};
	right.del = (struct vexfs_delete){
		.size = sizeof(right.del), .ids = ids, .count = 1,
	};
	right.search = (struct vexfs_search){
		.size = sizeof(right.search), .queries = rows, .queries_len = 32, .nq = 1,
		.dim = 8, .k = 5, .ids = out, .distances = out + 4096,
	};
	nested_templates_make();
}

/* An address: good, misaligned, at the end of what is mapped, read-only, no one's, the kernel's. */
static uint64_t address(uint64_t *rnd, const void *self)
{
	uint64_t base = (uintptr_t)area;

	switch (next(rnd) % 9) {
	case 0:
		return base + next(rnd) % (BUF_BYTES / 2);
	case 1:
		return base + BUF_BYTES - next(rnd) % 100;
	case 2:
		return base + BUF_BYTES + next(rnd) % 4096;
	case 3:
		return base + 2 * BUF_BYTES - next(rnd) % 100;
	case 4:
		return base + 2 * BUF_BYTES + next(rnd) % BUF_BYTES;
	case 5:
		return 0xffff888000000000ULL + next(rnd) % 4096 * 4096;
	case 6:
		return (uintptr_t)self + next(rnd) % 64;
	case 7:
		return next(rnd) % 4096;
	default:
		return next(rnd);
	}
}

static uint64_t number(uint64_t *rnd)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 7, 8, 31, 32, 33, 512, 513, 4096, 4097, 8192, 8193, 65535,
		65536, 1 << 20, (1 << 20) + 1, 16 << 20,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 1ULL << 32, INT64_MAX, UINT64_MAX,
	};

	return next(rnd) & 1 ? edges[next(rnd) % (sizeof(edges) / sizeof(*edges))] :
	       next(rnd) % 5000;
}

/* Change one field of the structure, whatever it is. */
static void spoil(unsigned char *args, unsigned int size, uint64_t *rnd)
{
	unsigned int at = next(rnd) % size & ~3u;
	uint64_t value = number(rnd);

	if (!(at & 7) && size - at >= 8 && next(rnd) & 1) {
		value = address(rnd, args);
		memcpy(args + at, &value, 8);
	} else {
		memcpy(args + at, &value, 4);
	}
}

static bool is_documented(int err)
{
	size_t i;

	for (i = 0; i < sizeof(documented) / sizeof(*documented); i++)
		if (documented[i] == err)
			return true;
	return false;
}

/*
 * Of an operation that succeeded: can its figures be? @asked is what @args was before, for an
 * array that it was to fill may lie on top of it.
 */
static bool is_possible(const struct operation *o, const void *asked, const void *args)
{
	const struct vexfs_meta_get *get = asked, *got = args;
	const struct vexfs_filter *list = asked, *listed = args;
	const struct vexfs_range *range = asked, *ranged = args;

	if (*(const uint32_t *)asked != o->size)
		return true;
	if (o->cmd == VEXFS_IOC_META_GET)
		return got->used >= 4ULL * get->count && got->used <= get->meta_len;
	if (o->cmd == VEXFS_IOC_RANGE)
		return ranged->count <= range->max && ranged->count <= ranged->met &&
		       (ranged->count == range->max || ranged->count == ranged->met);
	if (o->cmd == VEXFS_IOC_FILTER)
		return listed->count <= list->max &&
		       (listed->next > list->from || listed->next == VEXFS_NO_ID);
	return true;
}

/**
 * struct caller - a thread
 * @rnd: its randomness
 * @user: it runs as; 0 is root
 * @type: of its file, of @types
 * @done: calls that succeeded
 * @odd: an errno that no one documented, 0: none
 * @impossible: a request that succeeded with figures that cannot be, 0: none
 */
struct caller {
	pthread_t thread;
	uint64_t rnd;
	unsigned int user;
	unsigned int type;
	unsigned long done;
	unsigned long cmd;
	unsigned long impossible;
	int odd;
};

/* The same bytes as rows of the type; a file that is not a collection yet may become one. */
static void retype(const struct operation *o, unsigned int type, unsigned char *args)
{
	struct vexfs_create *create = (void *)args;

	if (o->dim_at)
		memcpy(args + o->dim_at, &types[type].dim, sizeof(types[type].dim));
	if (o->cmd == VEXFS_IOC_CREATE) {
		create->elem = types[type].elem;
		create->metric = types[type].metric;
	}
}

/* Open another file. */
static int file_next(struct caller *c)
{
	static const int modes[] = { O_RDWR, O_RDWR, O_RDONLY, O_WRONLY };
	unsigned int path = next(&c->rnd) % PATHS;
	int fd = open(paths[path], modes[next(&c->rnd) % 4]);

	c->type = path >= OTHERS ? path - OTHERS + 1 : path ? next(&c->rnd) % TYPES : 0;
	return fd < 0 ? open(MNT "/dir", O_RDONLY | O_DIRECTORY) : fd;
}

static void call(struct caller *c, int fd)
{
	const struct operation *o = &operations[next(&c->rnd) % OPERATIONS];
	unsigned long cmd = next(&c->rnd) % 40 ? o->cmd : VEXFS_IOC(next(&c->rnd) % 32);
	unsigned char args[TAIL_BYTES + 256] __attribute__((aligned(8))) = { 0 };
	unsigned char asked[256] __attribute__((aligned(8)));
	unsigned char answer[256] __attribute__((aligned(8)));
	unsigned int shift = next(&c->rnd) % 16 ? 0 : next(&c->rnd) % 8;
	uint32_t size = o->size;
	uint64_t n, where;

	memcpy(args, o->right, o->size);
	retype(o, c->type, args);
	memmove(args + shift, args, o->size);
	for (n = next(&c->rnd) % 4; n; n--)
		spoil(args + shift, o->size, &c->rnd);
	/* Mostly as large as it is, or larger with zeros, or with something in the tail. */
	if (!(next(&c->rnd) % 6)) {
		size = next(&c->rnd) % (TAIL_BYTES + 1);
		if (next(&c->rnd) & 1)
			args[shift + next(&c->rnd) % TAIL_BYTES] ^= 1;
	}
	if (next(&c->rnd) % 16)
		memcpy(args + shift, &size, sizeof(size));
	where = next(&c->rnd) % 32 ? (uintptr_t)args + shift : address(&c->rnd, args);
	/* Not into this thread's own stack. */
	if (where - (uintptr_t)args < sizeof(args) && where != (uintptr_t)args + shift)
		where = (uintptr_t)args + shift;
	nested_change(&c->rnd);
	memcpy(asked, args + shift, sizeof(asked));
	if (ioctl(fd, cmd, where) >= 0) {
		c->done++;
		memcpy(answer, args + shift, sizeof(answer));
		if (where == (uintptr_t)args + shift && cmd == o->cmd &&
		    !is_possible(o, asked, answer))
			c->impossible = cmd;
	} else if (!is_documented(errno)) {
		c->odd = errno;
		c->cmd = cmd;
	}
}

static void *caller_run(void *arg)
{
	struct caller *c = arg;
	unsigned long i;
	int fd = -1;

	/* Of this thread only: the library's would change all. */
	if (c->user)
		syscall(SYS_setresuid, c->user, c->user, c->user);
	for (i = 0; i < calls; i++) {
		if (fd < 0 || !(next(&c->rnd) % 12)) {
			if (fd >= 0)
				close(fd);
			fd = file_next(c);
		}
		call(c, fd);
		/* A file to make a collection of, again and again. */
		if (!(next(&c->rnd) % 64)) {
			unlink(MNT "/dir/mine");
			close(open(MNT "/dir/mine", O_CREAT | O_RDWR, 0666));
		}
	}
	close(fd);
	return NULL;
}

/* Collections of the other types, with an index and some rows. */
static bool others_make(void)
{
	struct vexfs_create create;
	struct vexfs_insert insert;
	unsigned int i;
	bool made = true;
	int fd;

	for (i = 1; i < TYPES && made; i++) {
		create = types[i];
		create.size = sizeof(create);
		create.index = VEXFS_INDEX_HNSW;
		insert = right.insert;
		insert.dim = types[i].dim;
		/* Of these bytes all are finite. */
		insert.rows = (uintptr_t)area + IDS_AT;
		fd = open(paths[OTHERS + i - 1], O_CREAT | O_RDWR, 0666);
		made = fd >= 0 && !ioctl(fd, VEXFS_IOC_CREATE, &create) &&
		       !ioctl(fd, VEXFS_IOC_INSERT, &insert);
		close(fd);
	}
	return made;
}

static bool prepare(void)
{
	unsigned int i;
	int fd;

	area = mmap(NULL, 3 * BUF_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || mprotect(area + BUF_BYTES, BUF_BYTES, PROT_READ) ||
	    munmap(area + 2 * BUF_BYTES, BUF_BYTES))
		return false;
	/* Small floats in front, ids behind. */
	fill_floats((float *)area, BUF_BYTES / 8, 1);
	for (i = 0; i < BUF_BYTES / 16; i++)
		((uint64_t *)(area + BUF_BYTES / 2))[i] = i;
	templates_make();
	if (make_fs(96) || do_mount(0, NULL) || mkdir(MNT "/dir", 0777) || chmod(MNT "/dir", 0777))
		return false;
	fd = coll_open(MNT "/coll", 8, VEXFS_METRIC_L2);
	if (fd < 0 || coll_insert(fd, (float *)area, 200, 8))
		return false;
	close(fd);
	close(coll_open(MNT "/wide", 65535, VEXFS_METRIC_COSINE));
	if (make_file(MNT "/file", 100000, 2) || make_file(MNT "/empty", 0, 1) || !others_make())
		return false;
	for (i = 0; i < PATHS; i++)
		chmod(paths[i], i == 1 ? 0600 : 0777);
	return true;
}

FIXTURE(hostile) {
	struct caller callers[THREADS];
};

FIXTURE_SETUP(hostile)
{
	const char *count = getenv("VEXFS_FUZZ_CALLS"), *from = getenv("VEXFS_FUZZ_SEED");

	calls = count ? strtoul(count, NULL, 0) : calls;
	seed = from ? strtoull(from, NULL, 0) : seed;
	ASSERT_TRUE(prepare());
}

FIXTURE_TEARDOWN(hostile)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

TEST_F_TIMEOUT(hostile, arguments_get_documented_answers, 280)
{
	struct caller *c = self->callers;
	unsigned long done = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		c[i].rnd = seed * 1000 + i;
		c[i].user = i & 1 ? 1000 : 0;
		ASSERT_EQ(0, pthread_create(&c[i].thread, NULL, caller_run, &c[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(c[i].thread, NULL);
		done += c[i].done;
		EXPECT_EQ(0, c[i].odd)
			TH_LOG("request %#lx gave %s", c[i].cmd, strerror(c[i].odd));
		EXPECT_EQ(0, c[i].impossible);
	}
	/* Some are right, so that the others are wrong in one thing only. */
	EXPECT_LT(calls / 10, done);
	EXPECT_GT(calls * THREADS, done);
	TH_LOG("%lu operations from seed %llu, %lu of them done", calls * THREADS,
	       (unsigned long long)seed, done);
}

TEST_HARNESS_MAIN
