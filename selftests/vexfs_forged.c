// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forged images, by the mutator of the fuzzers, in the kernel: each is mounted read-only and
 * read, mounted and changed, unmounted. Whatever they hold, the kernel goes on.
 *
 *	vexfs_forged [COUNT [SEED]]	random edits (400, 1)
 *	vexfs_forged FILE...		inputs of the fuzzer fuzz_image
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <linux/vexfs.h>

#include "../user/fuzz/fuzz.h"

#define MNT	"/tmp/vexfs-mnt"

static const char *device;
static u64 mounted, refused, damaged;

/* Bounds, for a forged tree of directories may have no end. */
static u32 entries_left;

static void note(long result)
{
	damaged += result < 0 && (errno == EUCLEAN || errno == EIO);
}

static void use_rows(int fd)
{
	static u8 rows[1 << 16];
	u64 ids[4], found[8];
	float distances[8];
	struct vexfs_stat st = { .size = sizeof(st) };
	struct vexfs_get get = { .size = sizeof(get), .ids = (uintptr_t)ids, .count = 1 };
	struct vexfs_search search = { .size = sizeof(search), .nq = 1, .k = 8 };

	if (ioctl(fd, VEXFS_IOC_STAT, &st)) {
		note(-1);
		return;
	}
	if (st.row_bytes > sizeof(rows))
		return;
	get.rows = (uintptr_t)rows;
	get.rows_len = st.row_bytes;
	get.dim = st.dim;
	for (ids[0] = 0; ids[0] < 3; ids[0]++)
		note(ioctl(fd, VEXFS_IOC_GET, &get));
	ids[0] = st.rows - 1;
	note(ioctl(fd, VEXFS_IOC_GET, &get));
	memset(rows, 0, st.row_bytes);
	search.queries = (uintptr_t)rows;
	search.queries_len = st.row_bytes;
	search.dim = st.dim;
	search.ids = (uintptr_t)found;
	search.distances = (uintptr_t)distances;
	if (st.rows < 100000)
		note(ioctl(fd, VEXFS_IOC_SEARCH, &search));
}

static void use_file(int dir, const char *name, const struct stat *st)
{
	char buf[16384];
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		note(-1);
		return;
	}
	note(read(fd, buf, sizeof(buf)));
	note(pread(fd, buf, sizeof(buf), st->st_size / 2));
	note(pread(fd, buf, sizeof(buf), st->st_size - 5000));
	note(lseek(fd, 1, SEEK_DATA));
	note(flistxattr(fd, buf, sizeof(buf)));
	use_rows(fd);
	close(fd);
}

static void use_dir(int dir, u32 depth)
{
	char target[8192];
	struct dirent *e;
	struct stat st;
	DIR *d = fdopendir(dir);

	while (d && entries_left && (errno = 0, e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		entries_left--;
		if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
			note(-1);
			continue;
		}
		if (S_ISREG(st.st_mode))
			use_file(dir, e->d_name, &st);
		else if (S_ISLNK(st.st_mode))
			note(readlinkat(dir, e->d_name, target, sizeof(target)));
		else if (S_ISDIR(st.st_mode) && depth < 8)
			use_dir(openat(dir, e->d_name, O_RDONLY | O_DIRECTORY), depth + 1);
	}
	if (d && errno)
		note(-1);
	if (d)
		closedir(d);
	else if (dir >= 0)
		close(dir);
}

static void read_all(void)
{
	struct statfs st;

	entries_left = 300;
	note(statfs(MNT, &st));
	use_dir(open(MNT, O_RDONLY | O_DIRECTORY), 0);
}

static int open_at(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_NOFOLLOW, 0644);

	note(fd);
	return fd;
}

static void insert(const char *path)
{
	float rows[64] = { 1, 2, 3 };
	struct vexfs_insert a = {
		.size = sizeof(a), .rows = (uintptr_t)rows, .rows_len = 60, .count = 3, .dim = 5,
	};
	u64 ids[] = { 0, 3 };
	struct vexfs_delete del = { .size = sizeof(del), .ids = (uintptr_t)ids, .count = 2 };
	int fd = open_at(path, O_RDWR);

	if (fd < 0)
		return;
	note(ioctl(fd, VEXFS_IOC_INSERT, &a));
	note(ioctl(fd, VEXFS_IOC_DELETE, &del));
	note(ftruncate(fd, 100));
	close(fd);
}

static void change_all(u64 rnd)
{
	static const char *const names[] = {
		MNT "/d/file", MNT "/second", MNT "/link", MNT "/empty", MNT "/d", MNT "/d/rows",
		MNT "/new", MNT "/d/dev", MNT "/dir", MNT "/dir/x",
	};
	static u8 data[40000];

	for (u32 i = 0; i < 24; i++) {
		const char *a = names[fuzz_random(&rnd) % ARRAY_SIZE(names)];
		const char *b = names[fuzz_random(&rnd) % ARRAY_SIZE(names)];
		int fd = -1;

		switch (fuzz_random(&rnd) % 12) {
		case 0:
			note(mkdir(a, 0755));
			break;
		case 1:
			note(unlink(a));
			break;
		case 2:
			note(rmdir(a));
			break;
		case 3:
			note(rename(a, b));
			break;
		case 4:
			note(link(a, b));
			break;
		case 5:
			note(symlink("target", a));
			break;
		case 6:
			note(truncate(a, fuzz_random(&rnd) % 100000));
			break;
		case 7:
			note(chmod(a, 0600));
			break;
		case 8:
			insert(a);
			break;
		default:
			fd = open_at(a, O_RDWR | O_CREAT);
		}
		if (fd < 0)
			continue;
		note(pwrite(fd, data, sizeof(data), fuzz_random(&rnd) % 60000));
		if (i & 1)
			note(fsync(fd));
		close(fd);
	}
}

static bool mount_it(unsigned long flags)
{
	bool is = !mount(device, MNT, "vexfs", flags, "errors=continue");

	mounted += is;
	refused += !is;
	return is;
}

static void fatal(const char *what)
{
	printf("not ok - forged images: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void unmount_it(void)
{
	if (umount(MNT))
		fatal("umount");
}

static void write_image(struct vex_io_mem *m)
{
	static u8 *image;
	int fd = open(device, O_WRONLY | O_DIRECT);

	if (!image && posix_memalign((void **)&image, 4096, FUZZ_BLOCKS * VEXFS_BLOCK_SIZE))
		fatal("memory");
	for (u64 b = 0; b < FUZZ_BLOCKS; b++)
		memcpy(image + b * VEXFS_BLOCK_SIZE, vex_io_mem_peek(m, b), VEXFS_BLOCK_SIZE);
	if (fd < 0 || write(fd, image, FUZZ_BLOCKS * VEXFS_BLOCK_SIZE) < 0)
		fatal(device);
	close(fd);
}

static void try(const u8 *data, size_t len)
{
	static const u8 often[] = { 1, 2, 1, 2, 0, 2, 1, 3 };
	struct fuzz_stream s = { data, data + len };
	u32 base = often[fuzz_u8(&s) & 7];
	struct vex_io_mem *m = vex_io_mem_clone(fuzz_base(base));
	u64 seed;

	seed = fuzz_u8(&s);
	seed = seed << 16 | fuzz_u8(&s) << 8 | fuzz_u8(&s);
	fuzz_forge(m, base, &s);
	write_image(m);
	vex_io_mem_destroy(m);
	if (mount_it(MS_RDONLY)) {
		read_all();
		unmount_it();
	}
	if (mount_it(0)) {
		read_all();
		change_all(seed);
		read_all();
		unmount_it();
	}
}

static void try_random(u64 seed)
{
	u8 data[4 + 4 * FUZZ_EDIT_BYTES];
	size_t len = 4;

	for (u32 i = 0; i < 4; i++)
		data[i] = fuzz_random(&seed);
	/* The largest base takes long to make and to read. */
	if ((data[0] & 7) == 7 && fuzz_random(&seed) % 8)
		data[0]--;
	for (u32 n = 1 + fuzz_random(&seed) % 4; n; n--, len += FUZZ_EDIT_BYTES)
		fuzz_edit_random(data + len, &seed);
	try(data, len);
}

static u64 try_files(char **files)
{
	static u8 data[4096];
	u64 count = 0;

	for (; *files; files++, count++) {
		FILE *f = fopen(*files, "rb");
		size_t len = f ? fread(data, 1, sizeof(data), f) : 0;

		if (!f)
			fatal(*files);
		fclose(f);
		try(data, len);
	}
	return count;
}

int main(int argc, char **argv)
{
	char *end = "";
	u64 count = argc > 1 ? strtoull(argv[1], &end, 0) : 400;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	device = getenv("VEXFS_TEST_DEV") ?: "/dev/vda";
	mkdir(MNT, 0755);
	umount2(MNT, MNT_DETACH);
	if (*end)
		count = try_files(argv + 1);
	for (u64 i = 0; !*end && i < count; i++)
		try_random(seed * 1000003 + i);
	printf("# %llu mounted, %llu refused, %llu calls met damage\n", (unsigned long long)mounted,
	       (unsigned long long)refused, (unsigned long long)damaged);
	if (!*end && (mounted < count / 4 || refused < count / 20 || damaged < count / 10)) {
		printf("not ok - forged images: these were too tame to prove anything\n");
		return 1;
	}
	printf("ok - %llu forged images, seed %llu, were mounted or refused, read and changed\n",
	       (unsigned long long)count, (unsigned long long)seed);
	return 0;
}
