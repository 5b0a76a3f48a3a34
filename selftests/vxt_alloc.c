// SPDX-License-Identifier: GPL-2.0-only
/* The memory of VexFS by call site: exact, and back where it began after any work. */
#include "common.h"
#include "vxt.h"
#include "vxt_nl.h"

#define SITES	1024
#define FILES	200

struct site {
	uint64_t allocs;
	uint64_t frees;
	uint64_t objects;
	uint64_t live;
	uint64_t peak;
	uint64_t failures;
	char func[64];
	char file[128];
};

FIXTURE(alloc) {
	struct nl nl;
	struct site site[SITES];
	unsigned int nr;
	struct site before[SITES];
	unsigned int nr_before;
};

static uint64_t sum_live(const struct site *site, unsigned int nr)
{
	uint64_t sum = 0;

	while (nr--)
		sum += site[nr].live;
	return sum;
}

/* All sites, by number; returns how many, or a negative errno. */
static int sites(struct nl *nl, struct site *site)
{
	unsigned int i, nr = 0;
	int err = nl_ask(nl, VEXFS_TRACE_CMD_ALLOC_GET, NLM_F_DUMP);

	memset(site, 0, SITES * sizeof(*site));
	for (i = 0; !err && i < nl->nr; i++) {
		const struct nlmsghdr *h = nl->msg[i];
		uint64_t id = nl_u64(h, VEXFS_TRACE_A_ALLOC_SITE);
		struct site *s = &site[id];

		if (id >= SITES)
			return -ERANGE;
		s->allocs = nl_u64(h, VEXFS_TRACE_A_ALLOC_ALLOCS);
		s->frees = nl_u64(h, VEXFS_TRACE_A_ALLOC_FREES);
		s->objects = nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE_OBJECTS);
		s->live = nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE);
		s->peak = nl_u64(h, VEXFS_TRACE_A_ALLOC_PEAK);
		s->failures = nl_u64(h, VEXFS_TRACE_A_ALLOC_FAILURES);
		snprintf(s->func, sizeof(s->func), "%s", nl_text(h, VEXFS_TRACE_A_ALLOC_FUNC));
		snprintf(s->file, sizeof(s->file), "%s", nl_text(h, VEXFS_TRACE_A_ALLOC_FILE));
		nr = id + 1;
	}
	return err ? err : (int)nr;
}

/* Files, directories, names that come and go, a collection that is filled and searched. */
static int work(void)
{
	float row[64] = { 1 }, distances[4];
	struct vexfs_search search;
	uint64_t ids[4];
	char path[64];
	int i, fd, err = 0;

	for (i = 0; i < FILES && !err; i++) {
		snprintf(path, sizeof(path), MNT "/file%d", i);
		err = make_file(path, i * 300, i);
	}
	for (i = 0; i < FILES / 2 && !err; i++) {
		snprintf(path, sizeof(path), MNT "/file%d", i * 2);
		err = neg(unlink(path));
	}
	err = err ?: neg(mkdir(MNT "/dir", 0755));
	fd = err ?: coll_open(MNT "/dir/rows", 64, VEXFS_METRIC_L2);
	if (fd < 0)
		return fd;
	for (i = 0; i < 100 && !err; i++) {
		row[i % 64] = i;
		err = coll_insert(fd, row, 1, 64) < 0;
	}
	search = search_args(row, 1, 64, 4, ids, distances);
	err = err ?: neg(ioctl(fd, VEXFS_IOC_SEARCH, &search));
	close(fd);
	return err;
}

/* Inodes are freed a grace period after they went: wait until nothing changes any more. */
static int settled_sites(struct nl *nl, struct site *site)
{
	unsigned int same = 0, patience = 100;
	uint64_t last = UINT64_MAX;
	int nr = 0;

	while (same < 6 && patience-- && nr >= 0) {
		usleep(50000);
		nr = sites(nl, site);
		same = nr >= 0 && sum_live(site, nr) == last ? same + 1 : 0;
		last = nr >= 0 ? sum_live(site, nr) : 0;
	}
	return nr;
}

FIXTURE_SETUP(alloc)
{
	ASSERT_EQ(0, make_fs(256));
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_LE(0, settled_sites(&self->nl, self->before));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_LE(0, self->nr_before = sites(&self->nl, self->before));
}

FIXTURE_TEARDOWN(alloc)
{
	do_umount();
	close(self->nl.fd);
}

TEST_F(alloc, live_returns_to_where_it_began)
{
	unsigned int i;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, work());
	ASSERT_EQ(0, do_umount());
	ASSERT_LT(0, self->nr = settled_sites(&self->nl, self->site));
	for (i = 0; i < self->nr; i++) {
		const struct site *s = &self->site[i];

		EXPECT_EQ(self->before[i].live, s->live) {
			TH_LOG("%s in %s", s->func, s->file);
		}
		EXPECT_EQ(self->before[i].objects, s->objects) {
			TH_LOG("%s in %s", s->func, s->file);
		}
	}
}

TEST_F(alloc, live_is_what_was_given_and_not_given_back)
{
	unsigned int i, used = 0;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, work());
	ASSERT_LT(0, self->nr = sites(&self->nl, self->site));
	for (i = 0; i < self->nr; i++) {
		const struct site *s = &self->site[i];

		EXPECT_EQ(self->before[i].objects + s->allocs - s->frees, s->objects);
		EXPECT_LE(s->live, s->peak);
		EXPECT_EQ(!s->objects, !s->live);
		EXPECT_EQ(0, s->failures);
		used += s->allocs > 0;
		if (s->allocs) {
			EXPECT_EQ(0, strncmp(s->file, "kmod/", 5));
			EXPECT_STRNE("", s->func);
		}
	}
	EXPECT_LT(5, used);
	EXPECT_LT(sum_live(self->before, self->nr_before), sum_live(self->site, self->nr));
}

TEST_F(alloc, open_files_are_held_and_let_go)
{
	static struct site open_now[SITES];
	int fd[FILES], nr, i;
	uint64_t most = 0;
	char path[64];

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_LT(0, self->nr = sites(&self->nl, self->site));
	for (i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), MNT "/open%d", i);
		fd[i] = open(path, O_CREAT | O_RDWR, 0644);
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(0, unlink(path));
	}
	ASSERT_LT(0, nr = sites(&self->nl, open_now));
	/* Some site holds one object for each inode at least. */
	for (i = 0; i < nr; i++)
		if (open_now[i].objects > self->site[i].objects + most)
			most = open_now[i].objects - self->site[i].objects;
	EXPECT_LE(FILES, most);
	for (i = 0; i < FILES; i++)
		close(fd[i]);
}

TEST_F(alloc, reset_keeps_live_and_restarts_the_peak)
{
	static struct site after[SITES];
	unsigned int i;
	int nr;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, work());
	sync();
	ASSERT_LT(0, self->nr = sites(&self->nl, self->site));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_LT(0, nr = sites(&self->nl, after));
	ASSERT_LE(self->nr, nr);
	/* A commit may run at any time: compare what it cannot have changed much. */
	for (i = 0; i < nr; i++) {
		EXPECT_LE(after[i].live, after[i].peak);
		EXPECT_LE(after[i].allocs, self->site[i].allocs + 64);
		if (self->site[i].allocs > 1000)
			EXPECT_LT(after[i].allocs, self->site[i].allocs);
	}
	EXPECT_LT(0, sum_live(after, nr));
}

TEST_F(alloc, debugfs_and_netlink_tell_the_same)
{
	char *text, *line;
	unsigned int i, lines = 0;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, work());
	ASSERT_EQ(0, do_umount());
	ASSERT_LT(0, self->nr = settled_sites(&self->nl, self->site));
	text = vxt_read(VXT_DIR "alloc");
	ASSERT_NE(NULL, text);
	for (line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
		unsigned long id, allocs, frees, objects, live;

		ASSERT_EQ(5, sscanf(line, "%lu %lu %lu %lu %lu", &id, &allocs, &frees, &objects,
				    &live));
		ASSERT_LT(id, self->nr);
		EXPECT_EQ(self->site[id].allocs, allocs);
		EXPECT_EQ(self->site[id].frees, frees);
		EXPECT_EQ(self->site[id].objects, objects);
		EXPECT_EQ(self->site[id].live, live);
		lines++;
	}
	free(text);
	for (i = 0; i < self->nr; i++)
		lines -= self->site[i].func[0] != '\0';
	EXPECT_EQ(0, lines);
}

TEST_HARNESS_MAIN
