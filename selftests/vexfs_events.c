// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people build their tracing on: the entry points that kmod/trace/vexfs.h lists can be
 * probed, its events have their fields, each operation fires its class once, and numbered events
 * have no gap.
 */
#include "common.h"
#include <ctype.h>
#include <linux/vexfs.h>
#include <trace/vexfs_op.h>

#define TRACEFS	"/sys/kernel/tracing"
#define INST	TRACEFS "/instances/vexfs"
#define HEADER	"kmod/trace/vexfs.h"

FIXTURE(events) {
};

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	int err;

	if (fd < 0)
		return -errno;
	err = neg(write(fd, text, strlen(text)));
	close(fd);
	return err < 0 ? err : 0;
}

FIXTURE_SETUP(events)
{
	mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	rmdir(INST);
	ASSERT_EQ(0, mkdir(INST, 0700));
	ASSERT_EQ(0, put(INST "/buffer_size_kb", "8192"));
	ASSERT_EQ(0, make_fs(64));
	ASSERT_EQ(0, do_mount(0, "commit=300"));
}

FIXTURE_TEARDOWN(events)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, rmdir(INST));
}

static int set_events(const char *on)
{
	return put(INST "/events/vexfs/enable", on);
}

/* ---- names ---------------------------------------------------------------- */

#define MOST_ENTRIES	64

struct entry {
	char function[64];
	int symbols;		/* of vexfs.ko with just this name */
};

/* What the header lists: the number, or a negative errno. */
static int documented_entries(struct entry *entries)
{
	FILE *f = fopen(HEADER, "r");
	char line[256], class[64], function[64];
	int n = 0;

	if (!f)
		return -errno;
	while (n < MOST_ENTRIES && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " *\t%63[a-z_]%*[\t]%63[a-z_]", class, function) != 2 ||
		    strncmp(function, "vexfs_", 6))
			continue;
		strcpy(entries[n].function, function);
		entries[n++].symbols = 0;
	}
	fclose(f);
	return n;
}

/* Once for all of them: the kernel takes seconds to tell its symbols. */
static void count_symbols(struct entry *entries, int n)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512], symbol[256];
	int i;

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[vexfs]") || sscanf(line, "%*s %*c %255s", symbol) != 1)
			continue;
		for (i = 0; i < n; i++)
			entries[i].symbols += !strcmp(symbol, entries[i].function);
	}
	if (f)
		fclose(f);
}

TEST_F_TIMEOUT(events, every_documented_entry_point_can_be_probed, 250)
{
	struct entry entries[MOST_ENTRIES];
	char probe[160];
	int n = documented_entries(entries), i;

	EXPECT_LE(24, n);
	EXPECT_GT(MOST_ENTRIES, n);
	count_symbols(entries, n);
	for (i = 0; i < n; i++) {
		EXPECT_EQ(1, entries[i].symbols)
			TH_LOG("%s", entries[i].function);
		snprintf(probe, sizeof(probe), "p:vexfs_test/probe vexfs:%.63s",
			 entries[i].function);
		EXPECT_EQ(0, put(TRACEFS "/kprobe_events", probe))
			TH_LOG("%s", entries[i].function);
		EXPECT_EQ(0, put(TRACEFS "/kprobe_events", "-:vexfs_test/probe"));
	}
}

static int field_is_there(const char *event, const char *field)
{
	char path[128], line[256], want[96];
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), INST "/events/vexfs/%s/format", event);
	snprintf(want, sizeof(want), " %s;", field);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "field:") && strstr(line, want))
			found = 1;
	if (f)
		fclose(f);
	return found;
}

TEST_F(events, every_event_has_its_fields)
{
	static const char *const want[][2] = {
		{ "vexfs_op_enter", "seq" }, { "vexfs_op_enter", "ino" },
		{ "vexfs_op_enter", "op_class" },
		{ "vexfs_op_exit", "seq" }, { "vexfs_op_exit", "event" },
		{ "vexfs_op_exit", "ino" }, { "vexfs_op_exit", "bytes" },
		{ "vexfs_op_exit", "visited" }, { "vexfs_op_exit", "op_class" },
		{ "vexfs_op_exit", "dim" }, { "vexfs_op_exit", "k" },
		{ "vexfs_op_exit", "count" }, { "vexfs_op_exit", "err" },
		{ "vexfs_op_exit", "hops" }, { "vexfs_op_exit", "took" },
		{ "vexfs_op_sample", "seq" }, { "vexfs_op_sample", "event" },
		{ "vexfs_op_sample", "op_class" }, { "vexfs_op_sample", "err" },
		{ "vexfs_alloc_sample", "event" }, { "vexfs_alloc_sample", "size" },
		{ "vexfs_alloc", "event" }, { "vexfs_alloc", "ptr" },
		{ "vexfs_alloc", "size" }, { "vexfs_alloc", "site" },
		{ "vexfs_free", "ptr" }, { "vexfs_free", "size" }, { "vexfs_free", "site" },
		{ "vexfs_track", "ptr" }, { "vexfs_track", "size" }, { "vexfs_track", "site" },
		{ "vexfs_untrack", "ptr" }, { "vexfs_untrack", "size" },
		{ "vexfs_untrack", "site" },
		{ "vexfs_bad_free", "ptr" }, { "vexfs_bad_free", "site" },
		{ "vexfs_bad_free", "first" }, { "vexfs_bad_free", "by" },
		{ "vexfs_commit", "generation" }, { "vexfs_commit", "data_blocks" },
		{ "vexfs_commit", "nodes" }, { "vexfs_commit", "err" },
		{ "vexfs_cache_miss", "kind" }, { "vexfs_cache_miss", "place" },
		{ "vexfs_cache_miss", "index" },
		{ "vexfs_cache_evict", "kind" }, { "vexfs_cache_evict", "place" },
		{ "vexfs_cache_evict", "index" }, { "vexfs_cache_evict", "hot" },
		{ "vexfs_cache_prefetch", "ino" }, { "vexfs_cache_prefetch", "index" },
		{ "vexfs_cache_shrink", "asked" }, { "vexfs_cache_shrink", "freed" },
		{ "vexfs_cache_shrink", "left" },
	};
	unsigned int i, missing = 0;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		if (field_is_there(want[i][0], want[i][1]))
			continue;
		TH_LOG("%s.%s is missing", want[i][0], want[i][1]);
		missing++;
	}
	EXPECT_EQ(0, missing);
}

/* ---- what fires -------------------------------------------------------------- */

#define MOST	20000

/* One line of the trace, as far as it is needed. */
struct event {
	char name[32], op[32];
	unsigned long long seq, number, bytes, visited, hops, took;
	int pid, err;
	unsigned int dim, k, count;
};

static unsigned long long value(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtoull(at + strlen(key), NULL, 0) : 0;
}

static int read_trace(struct event *events)
{
	FILE *f = fopen(INST "/trace", "r");
	char line[1024];
	int n = 0;

	while (f && n < MOST && fgets(line, sizeof(line), f)) {
		struct event *e = &events[n];
		char *at = strstr(line, ": vexfs_"), *space;

		if (line[0] == '#' || !at)
			continue;
		memset(e, 0, sizeof(*e));
		sscanf(at + 2, "%31[a-z_]", e->name);
		if (strstr(line, " op="))
			sscanf(strstr(line, " op="), " op=%31[a-z_]", e->op);
		/* TASK-PID [CPU] */
		space = strstr(line, " [");
		while (space && space > line && space[-1] == ' ')
			space--;
		while (space && space > line && isdigit(space[-1]))
			space--;
		e->pid = space ? atoi(space) : 0;
		e->seq = value(line, " seq=");
		e->number = value(line, " event=");
		e->bytes = value(line, " bytes=");
		e->visited = value(line, " visited=");
		e->hops = value(line, " hops=");
		e->took = value(line, " took=");
		e->dim = value(line, " dim=");
		e->k = value(line, " k=");
		e->count = value(line, " count=");
		e->err = (int)strtol(strstr(line, " err=") ? strstr(line, " err=") + 5 : "0",
				     NULL, 10);
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

/* The exits of one class, by this process; *@last is the last of them. */
static int exits(const struct event *events, int n, const char *op, const struct event **last)
{
	int i, found = 0;

	for (i = 0; i < n; i++)
		if (!strcmp(events[i].name, "vexfs_op_exit") && !strcmp(events[i].op, op) &&
		    events[i].pid == getpid()) {
			found++;
			*last = &events[i];
		}
	return found;
}

TEST_F(events, each_operation_fires_its_class_with_what_it_did)
{
	struct event *events = calloc(MOST, sizeof(*events));
	const struct event *e = NULL;
	float rows[4 * 10], distances[3];
	uint64_t ids[3];
	struct vexfs_search s = search_args(rows, 2, 4, 1, ids, distances);
	char buf[5000];
	int fd, n;

	fill_floats(rows, 40, 1);
	ASSERT_EQ(0, set_events("1"));
	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	fd = open(MNT "/d/f", O_CREAT | O_RDWR, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5000, write(fd, buf, 5000));
	ASSERT_EQ(4000, pread(fd, buf, 5000, 1000));
	ASSERT_EQ(0, fsync(fd));
	close(fd);
	ASSERT_EQ(0, rename(MNT "/d/f", MNT "/d/g"));
	ASSERT_EQ(0, truncate(MNT "/d/g", 10));
	ASSERT_EQ(-ENOTEMPTY, neg(rmdir(MNT "/d")));
	ASSERT_EQ(0, unlink(MNT "/d/g"));
	fd = coll_open(MNT "/c", 4, VEXFS_METRIC_L2);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, coll_insert(fd, rows, 10, 4));
	ASSERT_EQ(0, ioctl(fd, VEXFS_IOC_SEARCH, &s));
	s.k = 0;
	ASSERT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_SEARCH, &s)));
	close(fd);
	ASSERT_EQ(0, set_events("0"));
	n = read_trace(events);

	EXPECT_EQ(1, exits(events, n, "mkdir", &e));
	EXPECT_EQ(2, exits(events, n, "create", &e));
	EXPECT_EQ(1, exits(events, n, "write", &e));
	EXPECT_EQ(5000, e->bytes);
	EXPECT_EQ(1, exits(events, n, "read", &e));
	EXPECT_EQ(4000, e->bytes);
	EXPECT_EQ(1, exits(events, n, "fsync", &e));
	EXPECT_LE(1, exits(events, n, "writeback", &e));
	EXPECT_EQ(1, exits(events, n, "rename", &e));
	EXPECT_EQ(1, exits(events, n, "setattr", &e));
	EXPECT_EQ(1, exits(events, n, "rmdir", &e));
	EXPECT_EQ(-ENOTEMPTY, e->err);
	EXPECT_EQ(1, exits(events, n, "unlink", &e));
	EXPECT_EQ(1, exits(events, n, "evict", &e));
	EXPECT_EQ(1, exits(events, n, "coll_create", &e));
	EXPECT_EQ(4, e->dim);
	EXPECT_EQ(1, exits(events, n, "insert", &e));
	EXPECT_EQ(4, e->dim);
	EXPECT_EQ(10, e->count);
	EXPECT_EQ(160, e->bytes);
	EXPECT_EQ(2, exits(events, n, "search", &e));
	EXPECT_EQ(-EINVAL, e->err);
	for (e = events; strcmp(e->op, "search") || strcmp(e->name, "vexfs_op_exit"); e++)
		;
	EXPECT_EQ(0, e->err);
	EXPECT_EQ(2, e->count);
	EXPECT_EQ(1, e->k);
	EXPECT_EQ(20, e->visited);
	free(events);
}

#define INDEXED	1500
#define WIDTH	8

/* Two searches, one of which is refused, between two looks at the trace. */
static int index_search(uint32_t index, struct vexfs_search *s)
{
	static float rows[INDEXED * WIDTH];
	struct vexfs_create a = {
		.size = sizeof(a), .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .dim = WIDTH,
		.index = index,
	};
	int fd = open(MNT "/c", O_CREAT | O_EXCL | O_RDWR, 0644), err;

	fill_floats(rows, INDEXED * WIDTH, 1);
	err = fd < 0 ? -errno : neg(ioctl(fd, VEXFS_IOC_CREATE, &a));
	if (!err)
		err = coll_insert(fd, rows, INDEXED, WIDTH);
	if (!err)
		err = set_events("1");
	if (!err)
		err = neg(ioctl(fd, VEXFS_IOC_SEARCH, s));
	s->ef = ~0u;
	if (!err && neg(ioctl(fd, VEXFS_IOC_SEARCH, s)) != -EINVAL)
		err = -ERANGE;
	set_events("0");
	close(fd);
	return err ? err : unlink(MNT "/c");
}

TEST_F(events, each_kind_of_index_has_a_class_that_tells_what_it_compared)
{
	static const struct {
		uint32_t index;
		const char *op;
	} kinds[] = {
		{ VEXFS_INDEX_HNSW, "search_hnsw" }, { VEXFS_INDEX_LSH, "search_lsh" },
		{ VEXFS_INDEX_CODES, "search_codes" },
	};
	struct event *events = calloc(MOST, sizeof(*events));
	const struct event *e = NULL;
	float query[WIDTH], distances[10];
	unsigned int i;
	uint64_t ids[10];
	int n;

	fill_floats(query, WIDTH, 2);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct vexfs_search s = search_args(query, 1, WIDTH, 10, ids, distances);

		ASSERT_EQ(0, index_search(kinds[i].index, &s));
		n = read_trace(events);
		EXPECT_EQ(0, exits(events, n, "search", &e));
		EXPECT_EQ(2, exits(events, n, kinds[i].op, &e));
		EXPECT_EQ(-EINVAL, e->err);
		for (e = events; strcmp(e->op, kinds[i].op) || strcmp(e->name, "vexfs_op_exit"); e++)
			;
		EXPECT_EQ(0, e->err);
		EXPECT_EQ(s.visited, e->visited);
		EXPECT_EQ(!access("/sys/module/vexfs_trace", F_OK), e->took > 0);
		EXPECT_LE(10, e->visited);
		EXPECT_GT(2 * INDEXED, e->visited);
		/* Codes have no links. */
		EXPECT_EQ(kinds[i].index == VEXFS_INDEX_CODES, !e->hops);
	}
	free(events);
}

TEST_F(events, every_entry_has_one_exit)
{
	struct event *events = calloc(MOST, sizeof(*events));
	int i, j, n, enters = 0, pairs = 0;

	ASSERT_EQ(0, set_events("1"));
	for (i = 0; i < 30; i++) {
		ASSERT_EQ(0, make_file(MNT "/f", 50000, i));
		ASSERT_EQ(0, check_file(MNT "/f", 50000, i));
		sync();
	}
	ASSERT_EQ(0, set_events("0"));
	n = read_trace(events);
	for (i = 0; i < n; i++) {
		if (strcmp(events[i].name, "vexfs_op_enter") || events[i].pid != getpid())
			continue;
		enters++;
		for (j = i + 1; j < n; j++)
			if (events[j].seq == events[i].seq &&
			    strcmp(events[j].name, "vexfs_op_sample")) {
				EXPECT_STREQ("vexfs_op_exit", events[j].name);
				EXPECT_STREQ(events[i].op, events[j].op);
				pairs++;
			}
	}
	EXPECT_LT(100, enters);
	EXPECT_EQ(enters, pairs);
	free(events);
}

/* The numbers of a kind, sorted: on each CPU one follows the other. */
static int by_value(const void *pa, const void *pb)
{
	unsigned long long a = *(unsigned long long *)pa, b = *(unsigned long long *)pb;

	return a < b ? -1 : a > b;
}

static int gaps(const struct event *events, int n, const char *name, int *count)
{
	unsigned long long *numbers = calloc(n, sizeof(*numbers));
	int i, bad = 0;

	*count = 0;
	for (i = 0; i < n; i++)
		if (!strcmp(events[i].name, name))
			numbers[(*count)++] = events[i].number;
	qsort(numbers, *count, sizeof(*numbers), by_value);
	for (i = 1; i < *count; i++)
		if (numbers[i] >> 48 == numbers[i - 1] >> 48 && numbers[i] != numbers[i - 1] + 1)
			bad++;
	free(numbers);
	return bad;
}

/* Also across a pause: no number is taken while nobody listens. */
TEST_F(events, numbers_have_no_gap)
{
	struct event *events = calloc(MOST, sizeof(*events));
	int i, n, count;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_alloc/enable", "1"));
		ASSERT_EQ(0, make_file(MNT "/f", 50000, i));
		sync();
		ASSERT_EQ(0, unlink(MNT "/f"));
		ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_alloc/enable", "0"));
		ASSERT_EQ(0, make_file(MNT "/f", 50000, i));
		sync();
	}
	n = read_trace(events);
	EXPECT_EQ(0, gaps(events, n, "vexfs_alloc", &count));
	EXPECT_LT(6, count);

	ASSERT_EQ(0, put(INST "/trace", "x"));
	ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_op_exit/enable", "1"));
	for (i = 0; i < 30; i++)
		ASSERT_EQ(0, make_file(MNT "/f", 50000, i));
	ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_op_exit/enable", "0"));
	n = read_trace(events);
	EXPECT_EQ(0, gaps(events, n, "vexfs_op_exit", &count));
	EXPECT_LT(60, count);
	free(events);
}

/* The rule of vexfs_op.h. */
static bool is_sample(unsigned long long number)
{
	return (uint32_t)number * VEXFS_SAMPLE_FACTOR < VEXFS_SAMPLE_BELOW;
}

/* How many events of the one name are not followed by one of the other, where they should be. */
static int not_sampled(const struct event *events, int n, const char *name, const char *sample,
		       int *count)
{
	int i, wrong = 0;

	*count = 0;
	for (i = 0; i < n; i++) {
		bool is_next = i + 1 < n && !strcmp(events[i + 1].name, sample) &&
			       events[i + 1].number == events[i].number;

		if (!strcmp(events[i].name, sample))
			++*count;
		if (!strcmp(events[i].name, sample) && !is_sample(events[i].number))
			wrong++;
		if (!strcmp(events[i].name, name) && events[i].pid == getpid() &&
		    is_sample(events[i].number) != is_next)
			wrong++;
	}
	return wrong;
}

TEST_F(events, samples_are_chosen_by_their_numbers)
{
	struct event *events = calloc(MOST, sizeof(*events));
	cpu_set_t set;
	int i, n, count;

	/* On one CPU, so that in the trace one follows the other. */
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_op_exit/enable", "1"));
	ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_op_sample/enable", "1"));
	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, make_file(MNT "/f", 100, i));
	ASSERT_EQ(0, set_events("0"));
	n = read_trace(events);
	EXPECT_EQ(0, not_sampled(events, n, "vexfs_op_exit", "vexfs_op_sample", &count));
	EXPECT_LT(300 * 2 / VEXFS_SAMPLE_EVERY / 2, count);

	ASSERT_EQ(0, put(INST "/trace", "x"));
	ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_alloc/enable", "1"));
	ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_alloc_sample/enable", "1"));
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, make_file(MNT "/f", 100, i));
		ASSERT_EQ(0, unlink(MNT "/f"));
	}
	ASSERT_EQ(0, set_events("0"));
	n = read_trace(events);
	EXPECT_EQ(0, not_sampled(events, n, "vexfs_alloc", "vexfs_alloc_sample", &count));
	EXPECT_LT(300 / VEXFS_SAMPLE_EVERY / 2, count);
	free(events);
}

/* The numbers are given out, and the samples told, when nobody listens to the rest. */
TEST_F(events, samples_come_alone_too)
{
	struct event *events = calloc(MOST, sizeof(*events));
	int i, n, count;

	ASSERT_EQ(0, put(INST "/events/vexfs/vexfs_op_sample/enable", "1"));
	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, make_file(MNT "/f", 100, i));
	ASSERT_EQ(0, set_events("0"));
	n = read_trace(events);
	EXPECT_EQ(0, not_sampled(events, n, "vexfs_op_exit", "vexfs_op_sample", &count));
	EXPECT_LT(300 * 2 / VEXFS_SAMPLE_EVERY / 2, count);
	EXPECT_EQ(n, count);
	free(events);
}

TEST_F(events, a_commit_is_told_once)
{
	struct event *events = calloc(MOST, sizeof(*events));
	int i, n, commits = 0;

	sync();
	ASSERT_EQ(0, set_events("1"));
	ASSERT_EQ(0, make_file(MNT "/f", 50000, 1));
	sync();
	sync();
	ASSERT_EQ(0, set_events("0"));
	n = read_trace(events);
	for (i = 0; i < n; i++)
		if (!strcmp(events[i].name, "vexfs_commit"))
			commits++;
	EXPECT_EQ(1, commits);
	free(events);
}

TEST_HARNESS_MAIN
