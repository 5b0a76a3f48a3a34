// SPDX-License-Identifier: GPL-2.0-only
/*
 * What statx() of a file by its path takes when the name has to be looked up, in cycles of the time
 * stamp counter: the files of a folder one after another, each once. The filesystem must have been
 * mounted anew, so that the kernel knows no name. Every fourth is not counted: it brings in what
 * is read from the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <x86intrin.h>

#define WARM_UP	4

static int fail(const char *what)
{
	fprintf(stderr, "stat: %s: %s\n", what, strerror(errno));
	return 1;
}

static uint64_t clock_cycles(void)
{
	uint64_t now;

	_mm_lfence();
	now = __rdtsc();
	_mm_lfence();
	return now;
}

static const char *file_name(const char *folder, unsigned int i)
{
	static char name[512];

	snprintf(name, sizeof(name), "%s/file-%06u", folder, i);
	return name;
}

static int make_files(const char *folder, unsigned int count)
{
	unsigned int i;
	int fd;

	for (i = 0; i < count; i++) {
		fd = open(file_name(folder, i), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			return -1;
		close(fd);
	}
	return 0;
}

static int stat_files(const char *folder, unsigned int count, uint64_t *cycles, size_t *n)
{
	unsigned int pass, i;
	struct statx st;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < count; i++) {
			const char *name = file_name(folder, i);
			uint64_t start;
			int err;

			if ((i % WARM_UP == 0) != (pass == 0))
				continue;
			start = clock_cycles();
			err = statx(AT_FDCWD, name, 0, STATX_BASIC_STATS, &st);
			if (pass)
				cycles[(*n)++] = clock_cycles() - start;
			if (err)
				return -1;
		}
	}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	bool make = argc == 4 && !strcmp(argv[1], "--make");
	unsigned int count = argc == 3 + make ? atoi(argv[argc - 1]) : 0;
	const char *folder = argv[argc - 2];
	uint64_t *cycles, sum = 0;
	size_t n = 0, i;

	if (count < 2 || count > 1000000) {
		fputs("Usage: stat [--make] FOLDER COUNT\n", stderr);
		return 2;
	}
	if (make)
		return make_files(folder, count) ? fail(folder) : 0;
	cycles = calloc(count, sizeof(*cycles));
	if (!cycles || stat_files(folder, count, cycles, &n))
		return fail(folder);
	qsort(cycles, n, sizeof(*cycles), by_value);
	for (i = 0; i < n; i++)
		sum += cycles[i];
	printf("{ \"cycles_min\": %" PRIu64 ", \"cycles_median\": %" PRIu64
	       ", \"cycles_mean\": %" PRIu64 " }\n", cycles[0], cycles[n / 2], sum / n);
	free(cycles);
	return 0;
}
