// SPDX-License-Identifier: GPL-2.0-only
/*
 * The filesystem without memory: each allocation of each operation fails in turn. The operation
 * then says so and has changed nothing, or goes on without; afterwards all is as it has to be.
 */
#include "common.h"
#include "enomem.h"
#include <dirent.h>
#include <sys/xattr.h>

#define DIM	24
#define ROWS	300
#define MORE	20
#define K	10

FIXTURE(enomem) {
	float rows[ROWS * DIM];
	float more[MORE * DIM];
};

FIXTURE_SETUP(enomem)
{
	ASSERT_EQ(0, enomem_init());
	fill_floats(self->rows, ROWS * DIM, 1);
	fill_floats(self->more, MORE * DIM, 2);
	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, NULL));
}

FIXTURE_TEARDOWN(enomem)
{
	enomem_nth(0);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* ---- the namespace and files --------------------------------------------- */

static int mount_it(void *arg)
{
	return do_mount(0, arg);
}

static int umount_again(void *arg, int err)
{
	(void)arg;
	return err ? 0 : do_umount();
}

TEST_F_TIMEOUT(enomem, it_mounts_whole_or_not_at_all, 800)
{
	ASSERT_EQ(0, make_file(MNT "/file", 100000, 3));
	ASSERT_EQ(0, do_umount());
	EXPECT_LT(20, enomem_each("mount", mount_it, umount_again, NULL));
	EXPECT_EQ(0, check_file(MNT "/file", 100000, 3));
}

#define NAMED	MNT "/one"
#define OTHER	MNT "/another"

static int creates(void *arg)
{
	int fd = open(arg, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* What made a file, a folder or a link goes again; one that failed has made nothing. */
static int made(void *arg, int err)
{
	struct stat st;

	return err ? lstat(arg, &st) ? 0 : -EEXIST : neg(remove(arg));
}

static int makes_dir(void *arg)
{
	return neg(mkdir(arg, 0755));
}

static int links(void *arg)
{
	return neg(symlink("nowhere", arg));
}

static int renames(void *arg)
{
	return neg(rename(arg, OTHER));
}

static int renamed(void *arg, int err)
{
	if (err)
		return access(arg, F_OK) || !access(OTHER, F_OK) ? -EEXIST : 0;
	return neg(rename(OTHER, arg));
}

static int removes(void *arg)
{
	return neg(unlink(arg));
}

static int removed(void *arg, int err)
{
	return err ? neg(access(arg, F_OK)) : creates(arg);
}

static int lists(void *arg)
{
	DIR *dir = opendir(arg);
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return -errno;
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		n++;
	n = errno ? -errno : n == 2 + 100 ? 0 : -EBADMSG;
	closedir(dir);
	return n;
}

static int sets_xattr(void *arg)
{
	return neg(setxattr(arg, "user.name", "value", 5, 0));
}

static int has_xattr(void *arg, int err)
{
	char value[8];
	long n = neg(getxattr(arg, "user.name", value, sizeof(value)));

	if (err)
		return n == -ENODATA ? 0 : -EEXIST;
	return n == 5 && !memcmp(value, "value", 5) ? neg(removexattr(arg, "user.name")) : -EBADMSG;
}

TEST_F_TIMEOUT(enomem, names_change_or_stay, 800)
{
	char name[64];
	int i;

	EXPECT_LT(0, enomem_each("create", creates, made, NAMED));
	EXPECT_EQ(0, unlink(NAMED));
	EXPECT_LT(0, enomem_each("mkdir", makes_dir, made, NAMED));
	EXPECT_EQ(0, rmdir(NAMED));
	EXPECT_LT(0, enomem_each("symlink", links, made, NAMED));
	EXPECT_EQ(0, unlink(NAMED));
	ASSERT_EQ(0, creates(NAMED));
	EXPECT_LT(0, enomem_each("rename", renames, renamed, NAMED));
	EXPECT_EQ(0, rename(OTHER, NAMED));
	EXPECT_LE(0, enomem_each("setxattr", sets_xattr, has_xattr, NAMED));
	EXPECT_LE(0, enomem_each("unlink", removes, removed, NAMED));
	ASSERT_EQ(0, mkdir(MNT "/many", 0755));
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), MNT "/many/file-%d", i);
		ASSERT_EQ(0, creates(name));
	}
	ASSERT_EQ(0, remount());
	EXPECT_LE(0, enomem_each("readdir", lists, NULL, MNT "/many"));
}

#define LEN	70000

static int writes(void *arg)
{
	char *buf = arg;
	int fd = open(NAMED, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
	long n;
	int err;

	if (fd < 0)
		return -errno;
	/* A write that is cut short says so. */
	n = neg(pwrite(fd, buf, LEN, 0));
	err = n < 0 ? n : n < LEN ? -ENOMEM : neg(fsync(fd));
	close(fd);
	return err;
}

static int reads(void *arg)
{
	(void)arg;
	return check_file(NAMED, LEN, 5);
}

static int written(void *arg, int err)
{
	return err ? 0 : reads(arg);
}

/* What write and fsync took is there. */
TEST_F_TIMEOUT(enomem, files_are_written_and_read_or_refused, 800)
{
	char *buf = malloc(LEN);

	ASSERT_NE(NULL, buf);
	pattern(buf, LEN, 5, 0);
	EXPECT_LT(0, enomem_each("write", writes, written, buf));
	EXPECT_EQ(0, reads(NULL));
	ASSERT_EQ(0, remount());
	EXPECT_LT(0, enomem_each("read", reads, NULL, NULL));
	EXPECT_EQ(0, reads(NULL));
	free(buf);
}

/* ---- collections ---------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t index;
} kinds[] = {
	{ "flat", VEXFS_INDEX_FLAT },
	{ "hnsw", VEXFS_INDEX_HNSW },
	{ "lsh", VEXFS_INDEX_LSH },
	{ "codes", VEXFS_INDEX_CODES },
};

struct coll {
	int fd;
	float *rows;
	float *more;
	uint64_t rows_before;
	uint64_t next;	/* row to delete */
	uint64_t live;	/* rows that are not deleted */
	uint64_t ids[K];
	uint64_t found[K];
	float distances[K];
};

static int makes(void *arg)
{
	struct vexfs_create *a = arg;
	int fd = open(NAMED, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	int err;

	if (fd < 0)
		return -errno;
	err = neg(ioctl(fd, VEXFS_IOC_CREATE, a));
	close(fd);
	return err;
}

static int unmakes(void *arg, int err)
{
	(void)arg;
	(void)err;
	return access(NAMED, F_OK) ? 0 : neg(unlink(NAMED));
}

static int inserts(void *arg)
{
	struct coll *c = arg;
	long id = coll_insert(c->fd, c->more, MORE, DIM);

	return id < 0 ? id : 0;
}

/* All of the rows or none of them. */
static int inserted(void *arg, int err)
{
	struct coll *c = arg;
	uint64_t rows = coll_stat(c->fd).rows, want = c->rows_before + (err ? 0 : MORE);

	if (rows != want) {
		printf("# %llu rows, %llu expected\n", (unsigned long long)rows,
		       (unsigned long long)want);
		return -EBADMSG;
	}
	c->rows_before = rows;
	return 0;
}

static int searches(void *arg)
{
	struct coll *c = arg;
	struct vexfs_search a = search_args(c->rows, 1, DIM, K, c->found, c->distances);

	return neg(ioctl(c->fd, VEXFS_IOC_SEARCH, &a));
}

/* What it finds is the same with and without. */
static int found(void *arg, int err)
{
	struct coll *c = arg;

	return err || !memcmp(c->ids, c->found, sizeof(c->ids)) ? 0 : -EBADMSG;
}

static int gets(void *arg)
{
	struct coll *c = arg;
	float row[DIM];
	uint64_t id = 7;
	struct vexfs_get a = get_args(&id, row, 1, DIM);
	int err = neg(ioctl(c->fd, VEXFS_IOC_GET, &a));

	return err ? err : memcmp(row, c->rows + 7 * DIM, sizeof(row)) ? -EBADMSG : 0;
}

static int deletes(void *arg)
{
	struct coll *c = arg;
	struct vexfs_delete a = delete_args(&c->next, 1);

	return neg(ioctl(c->fd, VEXFS_IOC_DELETE, &a));
}

/* One that was refused is still there: it is the next one, too. */
static int deleted(void *arg, int err)
{
	struct coll *c = arg;

	c->live -= !err;
	c->next += !err;
	return coll_stat(c->fd).live == c->live ? 0 : -EBADMSG;
}

static int opens(void *arg)
{
	int *fd = arg;

	*fd = open(NAMED, O_RDWR | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

static int closes(void *arg, int err)
{
	return err ? 0 : neg(close(*(int *)arg));
}

static int each_kind(struct __test_metadata *_metadata, FIXTURE_DATA(enomem) *self, unsigned int i)
{
	struct vexfs_create a = {
		.size = sizeof(a), .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .dim = DIM,
		.index = kinds[i].index,
	};
	struct coll c = { .rows = self->rows, .more = self->more, .rows_before = ROWS };
	char what[64];

	if (a.index == VEXFS_INDEX_HNSW)
		a.ef_construction = 40;
	snprintf(what, sizeof(what), "%s: create", kinds[i].name);
	EXPECT_LT(0, enomem_each(what, makes, unmakes, &a));
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(0, NULL));
	snprintf(what, sizeof(what), "%s: open", kinds[i].name);
	EXPECT_LE(0, enomem_each(what, opens, closes, &c.fd));
	ASSERT_EQ(0, coll_insert(c.fd, c.rows, ROWS, DIM));
	snprintf(what, sizeof(what), "%s: insert", kinds[i].name);
	EXPECT_LT(0, enomem_each(what, inserts, inserted, &c));

	/* From what is on the device, so that it has to be loaded. */
	close(c.fd);
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, opens(&c.fd));
	EXPECT_EQ(0, searches(&c));
	memcpy(c.ids, c.found, sizeof(c.ids));
	close(c.fd);
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, opens(&c.fd));
	snprintf(what, sizeof(what), "%s: search", kinds[i].name);
	EXPECT_LT(0, enomem_each(what, searches, found, &c));
	EXPECT_EQ(0, found(&c, 0));
	snprintf(what, sizeof(what), "%s: get", kinds[i].name);
	EXPECT_LE(0, enomem_each(what, gets, NULL, &c));
	snprintf(what, sizeof(what), "%s: delete", kinds[i].name);
	c.live = coll_stat(c.fd).live;
	EXPECT_LE(0, enomem_each(what, deletes, deleted, &c));
	close(c.fd);
	return neg(unlink(NAMED));
}

TEST_F_TIMEOUT(enomem, rows_are_taken_and_found_or_refused, 1500)
{
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		EXPECT_EQ(0, each_kind(_metadata, self, i));
}

TEST_HARNESS_MAIN
