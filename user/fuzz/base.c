// SPDX-License-Identifier: GPL-2.0-only
/* The images that inputs start from, made once by the core's own operations. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static struct vex_io_mem *bases[FUZZ_BASES];

static void well(int err)
{
	fuzz_must(!err, "a base image cannot be made: %d", err);
}

static struct vex_name name_of(const char *str)
{
	return (struct vex_name){ .str = str, .len = strlen(str) };
}

static u64 make(struct vex_fs *fs, u64 dir, const char *str, u32 mode)
{
	struct vex_inode node = { .mode = mode, .uid = 1, .gid = 2, .rdev = 0x103 };
	struct vex_name name = name_of(str);

	well(vex_dir_create(fs, dir, &name, &node));
	return node.ino;
}

static void write_at(struct vex_fs *fs, u64 ino, u64 pos, size_t len)
{
	u8 *buf = malloc(len);
	u64 rnd = ino;

	for (size_t i = 0; i < len; i++)
		buf[i] = fuzz_random(&rnd);
	well(vex_file_write(fs, ino, pos, buf, len));
	free(buf);
}

static void collection(struct vex_fs *fs, u64 ino, u32 dim, u32 metric, u32 rows)
{
	struct vex_coll coll = {
		.elem = VEXFS_ELEM_F32, .metric = metric, .index = VEXFS_INDEX_FLAT, .dim = dim,
	};
	float *values = malloc((size_t)rows * dim * sizeof(*values));
	u64 first, bad, rnd = dim, ids[3] = { 1, 5, 2 };

	for (u32 i = 0; i < rows * dim; i++)
		values[i] = (float)(s64)fuzz_random(&rnd) / 0x1p63f;
	well(vex_coll_create(fs, ino, &coll));
	well(vex_coll_insert(fs, ino, values, rows, dim, &first, &bad));
	well(vex_coll_delete(fs, ino, ids, ARRAY_SIZE(ids), &bad));
	free(values);
}

/* Of another type: dimensions and bytes such that no byte is wrong. */
static void collection_of(struct vex_fs *fs, u64 ino, u32 elem, u32 metric)
{
	struct vex_coll coll = {
		.elem = elem, .metric = metric, .index = VEXFS_INDEX_FLAT, .dim = 16,
	};
	u64 first, bad;
	u8 rows[9 * 32];

	memset(rows, '3', sizeof(rows));
	well(vex_coll_create(fs, ino, &coll));
	well(vex_coll_insert(fs, ino, rows, 9, coll.dim, &first, &bad));
}

/* Metadata of every third row: a number and a string; a short one of the last. */
static void metadata(struct vex_fs *fs, u64 ino, u32 rows)
{
	static const u8 record[] = "\x1e\0\0\0\3\1\x8\0key\x7\0\0\0\0\0\0\0\4\3\7\0langtwo par";
	u64 bad = 0;

	for (u64 id = 0; id < rows; id += 3) {
		struct vex_rows r = {
			.ids = &id, .count = 1, .meta = record, .meta_len = sizeof(record) - 1,
		};

		bad = vex_meta_set(fs, ino, &r);
		/* Some rows are deleted. */
		fuzz_must(!bad || bad == (u64)-ENOENT, "metadata gave %d", (int)bad);
	}
}

/* Attributes: a short one, one of several pieces, two of one inode. */
static void attributes(struct vex_fs *fs, u64 ino, size_t len)
{
	struct vex_name first = name_of("user.first"), second = name_of("trusted.second");
	u8 value[3000];

	memset(value, 'v', sizeof(value));
	well(vex_xattr_set(fs, ino, &first, value, 9, 0));
	well(vex_xattr_set(fs, ino, &second, value, len, 0));
}

/* Some of everything that the format knows. */
static void everything(struct vex_fs *fs)
{
	struct vex_inode node = { .uid = 3 };
	struct vex_name name = name_of("link"), second = name_of("second");
	u64 rows;
	u64 dir = make(fs, VEXFS_ROOT_INO, "d", S_IFDIR | 0755);
	u64 file = make(fs, dir, "file", S_IFREG | 0644);
	char target[VEXFS_SYMLINK_CHUNK + 200];

	write_at(fs, file, 0, 9000);
	write_at(fs, file, 40000, 30000);
	well(vex_dir_link(fs, VEXFS_ROOT_INO, &second, file));
	memset(target, 't', sizeof(target));
	well(vex_dir_symlink(fs, dir, &name, target, sizeof(target), &node));
	well(vex_dir_symlink(fs, VEXFS_ROOT_INO, &name, "d/file", 6, &node));
	make(fs, dir, "dev", S_IFCHR | 0600);
	make(fs, dir, "fifo", S_IFIFO | 0600);
	make(fs, VEXFS_ROOT_INO, "empty", S_IFREG | 0444);
	rows = make(fs, dir, "rows", S_IFREG | 0644);
	collection(fs, rows, 5, VEXFS_METRIC_L2, 90);
	metadata(fs, rows, 12);
	attributes(fs, dir, 40);
	well(vex_file_fallocate(fs, file, VEX_FALLOC_KEEP_SIZE, 80000, 20000));
	collection(fs, make(fs, dir, "more", S_IFREG | 0644), 3, VEXFS_METRIC_COSINE, 6);
	collection_of(fs, make(fs, dir, "half", S_IFREG | 0644), VEXFS_ELEM_F16, VEXFS_METRIC_IP);
	collection_of(fs, make(fs, dir, "bytes", S_IFREG | 0644), VEXFS_ELEM_I8, VEXFS_METRIC_L2);
	collection_of(fs, make(fs, dir, "bits", S_IFREG | 0644), VEXFS_ELEM_B1,
		      VEXFS_METRIC_HAMMING);
}

static void names(struct vex_fs *fs, u32 count)
{
	char name[200];

	for (u32 i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "entry-%u-%0150u", i, i);
		make(fs, VEXFS_ROOT_INO, name, S_IFREG | 0644);
	}
}

/* Files whose names are gone, as a crash leaves them. */
static void orphans(struct vex_fs *fs)
{
	struct vex_inode node = { .mode = S_IFREG | 0600 };
	struct vex_name name = name_of("gone");
	u64 ino = make(fs, VEXFS_ROOT_INO, "gone", S_IFREG | 0644);

	write_at(fs, ino, 0, 20000);
	well(vex_dir_remove(fs, VEXFS_ROOT_INO, &name, false));
	well(vex_inode_create(fs, &node));
}

static struct vex_io_mem *base_make(u32 number)
{
	struct vex_mkfs_opts opts = { .label = "base", .features = VEX_FEATURES_DEFAULT };
	struct vex_open_opts open = { .read_only = false };
	struct vex_io_mem *m = vex_io_mem_create(FUZZ_BLOCKS, 1 + number);
	struct vex_io io;
	struct vex_fs *fs;

	fuzz_must(m, "no memory");
	io = vex_io_mem_io(m);
	well(vex_mkfs(&io, &opts));
	well(vex_fs_open(&io, &open, &fs, NULL));
	if (number)
		everything(fs);
	/* The older superblock has a state of its own. */
	well(vex_fs_commit(fs));
	if (number == 2) {
		names(fs, 60);
		attributes(fs, VEXFS_ROOT_INO, 2500);
	}
	if (number == 3)
		names(fs, 800);
	if (number >= 2)
		orphans(fs);
	well(vex_fs_close(fs));
	return m;
}

/* At the program's end, so that nothing counts as a leak. */
static void bases_free(void)
{
	for (u32 i = 0; i < FUZZ_BASES; i++)
		vex_io_mem_destroy(bases[i]);
}

const struct vex_io_mem *fuzz_base(u32 number)
{
	static bool registered;

	if (!registered) {
		registered = true;
		vex_core_init();
		atexit(bases_free);
	}
	number %= FUZZ_BASES;
	if (!bases[number])
		bases[number] = base_make(number);
	return bases[number];
}
