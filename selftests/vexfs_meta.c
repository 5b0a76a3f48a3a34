// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata and updates of rows in the kernel: they are there after a remount, read(2) and mmap(2)
 * see new rows, every field that can be wrong is refused with its errno, and nothing changes then.
 */
#include "common.h"
#include <signal.h>
#include <sys/wait.h>
#include <linux/vexfs_format.h>

#define DIM	8
#define ROWS	200

/* Records under construction. */
struct records {
	unsigned char data[1 << 16];
	uint32_t len;
	uint32_t open;
};

static void begin(struct records *r)
{
	r->open = r->len;
	r->len += 4;
}

static void end(struct records *r)
{
	uint32_t n = r->len - r->open - 4;

	memcpy(r->data + r->open, &n, 4);
}

static void pair(struct records *r, const char *key, int type, const void *value, uint16_t len)
{
	unsigned char *p = r->data + r->len;

	p[0] = strlen(key);
	p[1] = type;
	memcpy(p + 2, &len, 2);
	memcpy(p + 4, key, p[0]);
	if (len)
		memcpy(p + 4 + p[0], value, len);
	r->len += 4 + p[0] + len;
}

static void put_int(struct records *r, const char *key, int64_t value)
{
	pair(r, key, VEXFS_META_INT, &value, 8);
}

static void put_string(struct records *r, const char *key, const char *value)
{
	pair(r, key, VEXFS_META_STRING, value, strlen(value));
}

FIXTURE(meta) {
	int fd;
	float rows[ROWS * DIM];
	uint64_t ids[ROWS];
	struct records in;
	struct records out;
};

/* Row n: lang "de" or "en", year 2000 + n; every tenth has none. */
static void fill(struct records *r, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		begin(r);
		if (i % 10) {
			put_string(r, "lang", i & 1 ? "en" : "de");
			put_int(r, "year", 2000 + i);
		}
		end(r);
	}
}

FIXTURE_SETUP(meta)
{
	struct vexfs_insert a;
	uint32_t i;

	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, NULL));
	self->fd = coll_open(MNT "/coll", DIM, VEXFS_METRIC_L2);
	ASSERT_LE(0, self->fd);
	fill_floats(self->rows, ROWS * DIM, 1);
	fill(&self->in, ROWS);
	a = insert_args(self->rows, ROWS, DIM);
	a.meta = (uintptr_t)self->in.data;
	a.meta_len = self->in.len;
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_INSERT, &a));
	for (i = 0; i < ROWS; i++)
		self->ids[i] = i;
}

FIXTURE_TEARDOWN(meta)
{
	close(self->fd);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

static struct vexfs_meta_set set_args(const uint64_t *ids, uint32_t count, struct records *r)
{
	return (struct vexfs_meta_set){
		.size = sizeof(struct vexfs_meta_set), .ids = (uintptr_t)ids, .count = count,
		.meta = (uintptr_t)r->data, .meta_len = r->len,
	};
}

static struct vexfs_meta_get meta_args(const uint64_t *ids, uint32_t count, struct records *r)
{
	return (struct vexfs_meta_get){
		.size = sizeof(struct vexfs_meta_get), .ids = (uintptr_t)ids, .count = count,
		.meta = (uintptr_t)r->data, .meta_len = sizeof(r->data),
	};
}

static struct vexfs_update update_args(const uint64_t *ids, const float *rows, uint32_t count)
{
	return (struct vexfs_update){
		.size = sizeof(struct vexfs_update), .ids = (uintptr_t)ids,
		.rows = (uintptr_t)rows, .rows_len = count * DIM * sizeof(float), .count = count,
		.dim = DIM,
	};
}

/* year >= 2100 and lang == "de" */
static const struct vexfs_filter_node nodes[] = {
	{ .op = VEXFS_FILTER_GE, .type = VEXFS_META_INT, .key_len = 4, .key = "year",
	  .value = 2100 },
	{ .op = VEXFS_FILTER_EQ, .type = VEXFS_META_STRING, .key_len = 4, .key = "lang",
	  .len = 2 },
	{ .op = VEXFS_FILTER_AND },
};

static struct vexfs_filter filter_args(uint64_t *ids, uint32_t max)
{
	return (struct vexfs_filter){
		.size = sizeof(struct vexfs_filter), .filter = (uintptr_t)nodes,
		.filter_text = (uintptr_t)"de", .filter_count = 3, .filter_text_len = 2,
		.ids = (uintptr_t)ids, .max = max,
	};
}

static int wanted(uint64_t id)
{
	return id >= 100 && id < ROWS && id % 10 && !(id & 1);
}

/* All metadata are those of self->in, with none for deleted rows asked. */
static int same_meta(FIXTURE_DATA(meta) *self)
{
	struct vexfs_meta_get g = meta_args(self->ids, ROWS, &self->out);
	int err = neg(ioctl(self->fd, VEXFS_IOC_META_GET, &g));

	if (err)
		return err;
	return g.used != self->in.len || memcmp(self->out.data, self->in.data, g.used) ?
	       -EBADMSG : 0;
}

static int same_rows(FIXTURE_DATA(meta) *self)
{
	float got[ROWS * DIM];
	struct vexfs_get g = get_args(self->ids, got, ROWS, DIM);
	int err = neg(ioctl(self->fd, VEXFS_IOC_GET, &g));

	return err ? err : memcmp(got, self->rows, sizeof(got)) ? -EBADMSG : 0;
}

#define SAME()	do { EXPECT_EQ(0, same_meta(self)); EXPECT_EQ(0, same_rows(self)); } while (0)

static int reopen(FIXTURE_DATA(meta) *self)
{
	int err;

	close(self->fd);
	err = remount();
	self->fd = open(MNT "/coll", O_RDWR);
	return err ? err : self->fd < 0 ? -errno : 0;
}

/* ---- what works ------------------------------------------------------------------------ */

TEST_F(meta, metadata_are_there_after_a_remount)
{
	SAME();
	ASSERT_EQ(0, reopen(self));
	SAME();
}

TEST_F(meta, set_replaces_and_merges)
{
	struct records r = { .len = 0 };
	uint64_t ids[] = { 15, 10 };
	struct vexfs_meta_set a;
	struct vexfs_meta_get g = meta_args(ids, 2, &self->out);

	begin(&r);
	put_int(&r, "year", -1);
	end(&r);
	begin(&r);
	put_string(&r, "title", "ten");
	end(&r);
	a = set_args(ids, 2, &r);
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_META_SET, &a));
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_META_GET, &g));
	ASSERT_EQ(r.len, g.used);
	EXPECT_EQ(0, memcmp(self->out.data, r.data, r.len));

	/* Merged: one key more, one away. */
	r.len = 0;
	begin(&r);
	put_string(&r, "lang", "fr");
	end(&r);
	begin(&r);
	pair(&r, "title", VEXFS_META_NONE, NULL, 0);
	end(&r);
	a = set_args(ids, 2, &r);
	a.flags = VEXFS_META_MERGE;
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_META_SET, &a));
	ASSERT_EQ(0, reopen(self));
	r.len = 0;
	begin(&r);
	put_string(&r, "lang", "fr");
	put_int(&r, "year", -1);
	end(&r);
	begin(&r);
	end(&r);
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_META_GET, &g));
	ASSERT_EQ(r.len, g.used);
	EXPECT_EQ(0, memcmp(self->out.data, r.data, r.len));
}

TEST_F(meta, update_changes_rows_for_every_reader)
{
	float *map = mmap(NULL, sizeof(self->rows), PROT_READ, MAP_SHARED, self->fd, 0);
	uint64_t ids[] = { 150, 0, 199, 77 };
	float rows[4 * DIM], got[ROWS * DIM];
	struct vexfs_update a = update_args(ids, rows, 4);
	struct records r = { .len = 0 };
	unsigned int i;

	ASSERT_NE(MAP_FAILED, map);
	/* In the page cache before. */
	ASSERT_EQ(0, memcmp(map, self->rows, sizeof(self->rows)));
	fill_floats(rows, 4 * DIM, 2);
	for (i = 0; i < 4; i++) {
		memcpy(self->rows + ids[i] * DIM, rows + i * DIM, DIM * sizeof(float));
		begin(&r);
		end(&r);
	}
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_UPDATE, &a));
	SAME();
	EXPECT_EQ(0, memcmp(map, self->rows, sizeof(self->rows)));
	ASSERT_EQ((ssize_t)sizeof(got), pread(self->fd, got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(got, self->rows, sizeof(got)));
	munmap(map, sizeof(self->rows));
	ASSERT_EQ(0, reopen(self));
	SAME();
	/* With metadata: an empty record takes them away. */
	a.meta = (uintptr_t)r.data;
	a.meta_len = r.len;
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_UPDATE, &a));
	self->in.len = 0;
	for (i = 0; i < ROWS; i++) {
		begin(&self->in);
		if (i % 10 && i != 77 && i != 199) {
			put_string(&self->in, "lang", i & 1 ? "en" : "de");
			put_int(&self->in, "year", 2000 + i);
		}
		end(&self->in);
	}
	SAME();
}

TEST_F(meta, filters_list_what_matches)
{
	uint64_t ids[7], id = 0, seen = 0, i;
	struct vexfs_filter a = filter_args(ids, 7);
	struct vexfs_delete d;
	uint64_t gone[] = { 102, 104 };

	d = delete_args(gone, 2);
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_DELETE, &d));
	while (a.from != VEXFS_NO_ID) {
		ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_FILTER, &a));
		ASSERT_GE(7, a.count);
		for (i = 0; i < a.count; i++, id++, seen++) {
			while (!wanted(id) || id == 102 || id == 104)
				ASSERT_GT(ROWS, id++);
			EXPECT_EQ(id, ids[i]);
		}
		a.from = a.next;
	}
	EXPECT_EQ(40 - 2, seen);
}

TEST_F(meta, a_filtered_search_is_exact)
{
	uint64_t ids[64], i, k;
	float distances[64];
	struct vexfs_search s = search_args(self->rows + 3 * DIM, 1, DIM, 64, ids, distances);

	s.filter = (uintptr_t)nodes;
	s.filter_text = (uintptr_t)"de";
	s.filter_count = 3;
	s.filter_text_len = 2;
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_SEARCH, &s));
	EXPECT_EQ(40, s.visited);
	for (i = 0; i < 64; i++) {
		if (i >= 40) {
			EXPECT_EQ(VEXFS_NO_ID, ids[i]);
			continue;
		}
		EXPECT_TRUE(wanted(ids[i]));
		for (k = 0; k < i; k++)
			EXPECT_NE(ids[k], ids[i]);
		if (i)
			EXPECT_LE(distances[i - 1], distances[i]);
	}
}

TEST_F(meta, deleting_rows_deletes_their_metadata)
{
	struct statfs before, after;
	struct vexfs_delete d = delete_args(self->ids, ROWS);
	struct vexfs_meta_get g = meta_args(self->ids, 1, &self->out);

	ASSERT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, statfs(MNT, &before));
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_DELETE, &d));
	EXPECT_EQ(-ENOENT, neg(ioctl(self->fd, VEXFS_IOC_META_GET, &g)));
	EXPECT_EQ(0, g.bad_row);
	ASSERT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, statfs(MNT, &after));
	EXPECT_LT(before.f_bfree, after.f_bfree);
	ASSERT_EQ(0, unlink(MNT "/coll"));
	self->fd = (close(self->fd), open(MNT, O_RDONLY));
	ASSERT_EQ(0, syncfs(self->fd));
}

/* ---- what is refused ---------------------------------------------------------------------- */

TEST_F(meta, set_refuses_every_wrong_field)
{
	struct vexfs_meta_set good = set_args(self->ids, ROWS, &self->in), a;
	uint64_t ids[ROWS];

#define SET_IS(what, ...) do {							\
	a = good;								\
	__VA_ARGS__;								\
	EXPECT_EQ(what, neg(ioctl(self->fd, VEXFS_IOC_META_SET, &a)));		\
	SAME();									\
} while (0)
	memcpy(ids, self->ids, sizeof(ids));
	SET_IS(-EINVAL, a.flags = 2);
	SET_IS(-EINVAL, a.flags = 1u << 31);
	SET_IS(-EINVAL, a.reserved = 1);
	SET_IS(-EINVAL, a.count = 0);
	SET_IS(-E2BIG, a.count = VEXFS_MAX_META + 1);
	SET_IS(-E2BIG, a.count = UINT32_MAX);
	SET_IS(-EINVAL, a.meta_len = 0);
	SET_IS(-EINVAL, a.meta_len = 4 * ROWS - 1);
	SET_IS(-E2BIG, a.meta_len = VEXFS_MAX_BATCH + 1);
	SET_IS(-E2BIG, a.meta_len = UINT64_MAX);
	SET_IS(-EFAULT, a.ids = 0);
	SET_IS(-EFAULT, a.ids = UINT64_MAX);
	SET_IS(-EFAULT, a.meta = 0);
	SET_IS(-EFAULT, a.meta = 1ULL << 63);
	SET_IS(-EBADMSG, a.meta_len--);
	EXPECT_EQ(ROWS - 1, a.bad_row);
	SET_IS(-EINVAL, a.count--);
	self->in.data[self->in.len - 8 - 4] ^= 0x80;
	a = good;
	EXPECT_EQ(-EBADMSG, neg(ioctl(self->fd, VEXFS_IOC_META_SET, &a)));
	EXPECT_EQ(ROWS - 1, a.bad_row);
	self->in.data[self->in.len - 8 - 4] ^= 0x80;
	a.ids = (uintptr_t)ids;
	ids[5] = ROWS;
	SET_IS(-ENOENT, a.ids = (uintptr_t)ids);
	EXPECT_EQ(5, a.bad_row);
	ids[5] = 6;
	SET_IS(-EINVAL, a.ids = (uintptr_t)ids);
}

TEST_F(meta, get_refuses_every_wrong_field)
{
	struct vexfs_meta_get good = meta_args(self->ids, ROWS, &self->out), a;
	uint64_t ids[] = { 0, ROWS };

#define GET_IS(what, ...) do {							\
	a = good;								\
	__VA_ARGS__;								\
	EXPECT_EQ(what, neg(ioctl(self->fd, VEXFS_IOC_META_GET, &a)));		\
} while (0)
	GET_IS(-EINVAL, a.flags = 1);
	GET_IS(-EINVAL, a.reserved = 1);
	GET_IS(-EINVAL, a.count = 0);
	GET_IS(-E2BIG, a.count = VEXFS_MAX_META + 1);
	GET_IS(-E2BIG, a.meta_len = VEXFS_MAX_BATCH + 1);
	GET_IS(-EFAULT, a.ids = 0);
	GET_IS(-EFAULT, a.meta = 0);
	GET_IS(-ENOENT, a.ids = (uintptr_t)ids; a.count = 2);
	EXPECT_EQ(1, a.bad_row);
	memset(self->out.data, 0x55, sizeof(self->out.data));
	GET_IS(-ERANGE, a.meta_len = self->in.len - 1);
	EXPECT_EQ(self->in.len, a.used);
	EXPECT_EQ(0x55, self->out.data[0]);
	GET_IS(-ERANGE, a.meta_len = 0);
	EXPECT_EQ(self->in.len, a.used);
	GET_IS(0, a.meta_len = self->in.len);
	EXPECT_EQ(0x55, self->out.data[self->in.len]);
}

TEST_F(meta, update_refuses_every_wrong_field)
{
	float rows[ROWS * DIM];
	struct vexfs_update good = update_args(self->ids, rows, ROWS), a;
	uint64_t ids[ROWS];

#define UPDATE_IS(what, ...) do {						\
	a = good;								\
	__VA_ARGS__;								\
	EXPECT_EQ(what, neg(ioctl(self->fd, VEXFS_IOC_UPDATE, &a)));		\
	SAME();									\
} while (0)
	fill_floats(rows, ROWS * DIM, 3);
	memcpy(ids, self->ids, sizeof(ids));
	UPDATE_IS(-EINVAL, a.flags = 2);
	UPDATE_IS(-EINVAL, a.count = 0; a.rows_len = 0);
	UPDATE_IS(-EINVAL, a.dim = DIM + 1);
	UPDATE_IS(-EINVAL, a.rows_len--);
	UPDATE_IS(-EINVAL, a.count--);
	UPDATE_IS(-E2BIG, a.count = 513; a.rows_len = 513 * DIM * 4);
	UPDATE_IS(-E2BIG, a.count = 1 << 20; a.rows_len = (1ULL << 20) * DIM * 4);
	UPDATE_IS(-EFAULT, a.ids = 0);
	UPDATE_IS(-EFAULT, a.rows = 0);
	UPDATE_IS(-EFAULT, a.meta_len = self->in.len);
	UPDATE_IS(-EINVAL, a.meta_len = 3);
	UPDATE_IS(-E2BIG, a.meta_len = VEXFS_MAX_BATCH + 1);
	UPDATE_IS(-EBADMSG, a.meta = (uintptr_t)self->in.data; a.meta_len = self->in.len - 1);
	EXPECT_EQ(ROWS - 1, a.bad_row);
	ids[9] = 1ULL << 63;
	UPDATE_IS(-ENOENT, a.ids = (uintptr_t)ids);
	EXPECT_EQ(9, a.bad_row);
	ids[9] = 8;
	UPDATE_IS(-EINVAL, a.ids = (uintptr_t)ids);
	rows[7 * DIM] = __builtin_inff();
	UPDATE_IS(-EDOM, a.meta_len = 0);
	EXPECT_EQ(7, a.bad_row);
}

TEST_F(meta, insert_refuses_every_wrong_record)
{
	struct vexfs_insert good = insert_args(self->rows, ROWS, DIM), a;

	good.meta = (uintptr_t)self->in.data;
	good.meta_len = self->in.len;
#define INSERT_IS(what, ...) do {						\
	a = good;								\
	__VA_ARGS__;								\
	EXPECT_EQ(what, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));		\
	EXPECT_EQ(ROWS, coll_stat(self->fd).rows);				\
} while (0)
	INSERT_IS(-EINVAL, a.flags = VEXFS_META_MERGE);
	INSERT_IS(-EFAULT, a.meta = 0);
	INSERT_IS(-EINVAL, a.meta_len = 1);
	INSERT_IS(-E2BIG, a.meta_len = VEXFS_MAX_BATCH + 1);
	INSERT_IS(-EBADMSG, a.meta_len--);
	EXPECT_EQ(ROWS - 1, a.bad_row);
	SAME();
}

TEST_F(meta, filters_refuse_every_wrong_field)
{
	struct vexfs_filter_node bad[3];
	float distances[4];
	uint64_t ids[4];
	struct vexfs_search s = search_args(self->rows, 1, DIM, 4, ids, distances);
	struct vexfs_filter good = filter_args(ids, 4), a;

#define FILTER_IS(what, ...) do {						\
	a = good;								\
	__VA_ARGS__;								\
	EXPECT_EQ(what, neg(ioctl(self->fd, VEXFS_IOC_FILTER, &a)));		\
} while (0)
	FILTER_IS(-EINVAL, a.flags = 1);
	FILTER_IS(-EINVAL, a.filter_count = 0);
	FILTER_IS(-EINVAL, a.filter_count = VEXFS_MAX_FILTER + 1);
	FILTER_IS(-EINVAL, a.filter_text_len = VEXFS_MAX_FILTER_TEXT + 1);
	FILTER_IS(-EINVAL, a.max = 0);
	FILTER_IS(-EINVAL, a.max = VEXFS_MAX_IDS + 1);
	FILTER_IS(-EFAULT, a.filter = 0);
	FILTER_IS(-EFAULT, a.filter_text = 0);
	FILTER_IS(-EFAULT, a.ids = 0);
	FILTER_IS(-EBADMSG, a.filter_text_len = 1);
	EXPECT_EQ(1, a.bad_node);
	FILTER_IS(-EBADMSG, a.filter_count = 2);
	EXPECT_EQ(1, a.bad_node);
	FILTER_IS(0, a.from = UINT64_MAX);
	EXPECT_EQ(0, a.count);
	EXPECT_EQ(VEXFS_NO_ID, a.next);
	memcpy(bad, nodes, sizeof(bad));
	bad[2].op = 12;
	FILTER_IS(-EBADMSG, a.filter = (uintptr_t)bad);
	EXPECT_EQ(2, a.bad_node);

	s.filter = (uintptr_t)bad;
	s.filter_text = (uintptr_t)"de";
	s.filter_text_len = 2;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &s)));
	s.filter_count = VEXFS_MAX_FILTER + 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &s)));
	s.filter_count = 3;
	EXPECT_EQ(-EBADMSG, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &s)));
	EXPECT_EQ(2, s.bad_node);
	s.filter = 0;
	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &s)));
	s.filter = (uintptr_t)nodes;
	s.filter_text = 0;
	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &s)));
}

TEST_F(meta, a_read_only_mount_still_reads)
{
	struct vexfs_meta_set a = set_args(self->ids, ROWS, &self->in);
	struct vexfs_update u = update_args(self->ids, self->rows, ROWS);

	close(self->fd);
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(MS_RDONLY, NULL));
	self->fd = open(MNT "/coll", O_RDONLY);
	ASSERT_LE(0, self->fd);
	SAME();
	EXPECT_EQ(-EBADF, neg(ioctl(self->fd, VEXFS_IOC_META_SET, &a)));
	EXPECT_EQ(-EBADF, neg(ioctl(self->fd, VEXFS_IOC_UPDATE, &u)));
}

TEST_F(meta, changes_are_killable)
{
	struct vexfs_update u = update_args(self->ids, self->rows, ROWS);
	struct vexfs_meta_set a = set_args(self->ids, ROWS, &self->in);
	uint64_t ids[4];
	int i, status;

	for (i = 0; i < 20; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			for (;;) {
				struct vexfs_filter f = filter_args(ids, 4);

				ioctl(self->fd, VEXFS_IOC_UPDATE, &u);
				ioctl(self->fd, VEXFS_IOC_META_SET, &a);
				ioctl(self->fd, VEXFS_IOC_FILTER, &f);
			}
		}
		usleep(1000 * (i + 1));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		SAME();
	}
}

TEST_HARNESS_MAIN
