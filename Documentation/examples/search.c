// SPDX-License-Identifier: GPL-2.0-only
/*
 * A collection through the ioctls alone: make one, insert rows, search, delete.
 *
 *	cc -Ikmod/uapi Documentation/examples/search.c -o search
 *	./search /mnt/colours
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vexfs.h>

static const char *const names[] = { "red", "orange", "blue", "navy" };
static const float colours[][3] = {
	{ 1.0f, 0.0f, 0.0f }, { 1.0f, 0.6f, 0.0f }, { 0.0f, 0.0f, 1.0f }, { 0.0f, 0.0f, 0.5f },
};

static void find(int fd, const float *query)
{
	__u64 ids[2];
	float distances[2];
	struct vexfs_search search = {
		.size = sizeof(search),
		.queries = (__u64)query,
		.queries_len = 3 * sizeof(*query),
		.nq = 1,
		.dim = 3,
		.k = 2,
		.ids = (__u64)ids,
		.distances = (__u64)distances,
	};
	int i;

	if (ioctl(fd, VEXFS_IOC_SEARCH, &search))
		err(1, "search");
	printf("%llu rows compared\n", search.visited);
	for (i = 0; i < 2; i++)
		if (ids[i] != VEXFS_NO_ID)
			printf("  %-6s  %.2f\n", names[ids[i]], distances[i]);
}

int main(int argc, char **argv)
{
	static const float sky[3] = { 0.3f, 0.6f, 1.0f };
	__u64 victim = 2;
	struct vexfs_create create = {
		.size = sizeof(create),
		.elem = VEXFS_ELEM_F32,
		.metric = VEXFS_METRIC_L2,
		.dim = 3,
		.index = VEXFS_INDEX_FLAT,
	};
	struct vexfs_insert insert = {
		.size = sizeof(insert),
		.rows = (__u64)colours,
		.rows_len = sizeof(colours),
		.count = 4,
		.dim = 3,
	};
	struct vexfs_delete del = {
		.size = sizeof(del),
		.ids = (__u64)&victim,
		.count = 1,
	};
	int fd;

	if (argc != 2)
		errx(2, "usage: search FILE (a new file on a VexFS)");
	fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		err(1, "%s", argv[1]);
	if (ioctl(fd, VEXFS_IOC_CREATE, &create))
		err(1, "%s: create", argv[1]);
	if (ioctl(fd, VEXFS_IOC_INSERT, &insert))
		err(1, "%s: insert", argv[1]);
	find(fd, sky);
	if (ioctl(fd, VEXFS_IOC_DELETE, &del))
		err(1, "%s: delete", argv[1]);
	find(fd, sky);
	if (fsync(fd))
		err(1, "%s", argv[1]);
	return 0;
}
