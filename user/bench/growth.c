// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the cost of single operations grows with what is there: fills an image with N
 * files in one directory and N rows in one collection, or does operations on such an image for
 * callgrind to count. See tools/bench-growth.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <valgrind/callgrind.h>

#include <vex_io.h>

#define DIM	32u
#define BATCH	1024u
/* Operations of each kind that are counted. */
#define OPS	1000u

static void die(const char *what, int err)
{
	fprintf(stderr, "growth: %s: %s\n", what, strerror(-err));
	exit(1);
}

static struct vex_name name_of(char *buf, size_t len, const char *prefix, uint64_t n)
{
	struct vex_name name = { .str = buf };

	name.len = snprintf(buf, len, "%s-%08" PRIu64, prefix, n);
	return name;
}

static uint64_t create(struct vex_fs *fs, const char *prefix, uint64_t n)
{
	struct vex_inode node = { .mode = S_IFREG | 0644 };
	char buf[32];
	struct vex_name name = name_of(buf, sizeof(buf), prefix, n);
	int err = vex_dir_create(fs, VEXFS_ROOT_INO, &name, &node);

	if (err)
		die("create", err);
	return node.ino;
}

static void lookup(struct vex_fs *fs, const char *prefix, uint64_t n, uint64_t *ino)
{
	char buf[32];
	struct vex_name name = name_of(buf, sizeof(buf), prefix, n);
	u64 found;
	u8 type;
	int err = vex_dir_lookup(fs, VEXFS_ROOT_INO, &name, &found, &type);

	if (err)
		die("lookup", err);
	*ino = found;
}

static void insert(struct vex_fs *fs, uint64_t coll, const float *rows, uint32_t count)
{
	u64 first, bad;
	int err = vex_coll_insert(fs, coll, rows, count, DIM, &first, &bad);

	if (err)
		die("insert", err);
}

static void get(struct vex_fs *fs, uint64_t coll, uint64_t row)
{
	float data[DIM];
	u64 id = row, bad;
	int err = vex_coll_get(fs, coll, &id, 1, DIM, data, &bad);

	if (err)
		die("get", err);
}

static void fill(struct vex_fs *fs, uint64_t count)
{
	struct vex_coll c = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
			      .index = VEXFS_INDEX_FLAT, .dim = DIM };
	static float rows[BATCH * DIM];
	uint64_t coll = create(fs, "rows", 0);
	int err = vex_coll_create(fs, coll, &c);

	if (err)
		die("create a collection", err);
	for (uint64_t n = 0; n < count; n++)
		create(fs, "file", n);
	for (uint64_t left = count, n; left; left -= n) {
		n = left < BATCH ? left : BATCH;
		insert(fs, coll, rows, n);
	}
}

/* A number below @n, the same in each run. */
static uint64_t pick(uint64_t i, uint64_t n)
{
	return i * 0x9e3779b97f4a7c15ULL % n;
}

/* The first pass brings what it needs into the cache; the second is counted. */
static void measure(struct vex_fs *fs, uint64_t count)
{
	static float row[DIM];
	uint64_t coll, ino, i;

	lookup(fs, "rows", 0, &coll);
	for (int pass = 0; pass < 2; pass++) {
		CALLGRIND_ZERO_STATS;
		for (i = 0; i < OPS; i++)
			lookup(fs, "file", pick(i, count), &ino);
		CALLGRIND_DUMP_STATS_AT("lookup");
		CALLGRIND_ZERO_STATS;
		for (i = 0; i < OPS; i++)
			create(fs, pass ? "new" : "warm", i);
		CALLGRIND_DUMP_STATS_AT("create");
		CALLGRIND_ZERO_STATS;
		for (i = 0; i < OPS; i++)
			get(fs, coll, pick(i, count));
		CALLGRIND_DUMP_STATS_AT("get a row");
		CALLGRIND_ZERO_STATS;
		for (i = 0; i < OPS; i++)
			insert(fs, coll, row, 1);
		CALLGRIND_DUMP_STATS_AT("insert a row");
	}
}

int main(int argc, char **argv)
{
	const struct vex_open_opts opts = { .cache_bytes = 1UL << 30 };
	const struct vex_mkfs_opts mkfs = { 0 };
	uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	struct vex_fs *fs;
	struct vex_io io;
	int err, filling;

	if (!count || (strcmp(argv[1], "fill") && strcmp(argv[1], "measure"))) {
		fputs("Usage: growth fill|measure IMAGE COUNT\n", stderr);
		return 2;
	}
	filling = argv[1][0] == 'f';
	vex_core_init();
	err = vex_io_fd_open(&io, argv[2], VEX_IO_FD_WRITE);
	if (!err && filling)
		err = vex_mkfs(&io, &mkfs);
	if (!err)
		err = vex_fs_open(&io, &opts, &fs, NULL);
	if (err)
		die(argv[2], err);
	if (filling)
		fill(fs, count);
	else
		measure(fs, count);
	err = vex_fs_close(fs);
	if (err)
		die("close", err);
	return 0;
}
