/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failing one allocation after another, in order: for the tests that run on kernels with
 * fault injection (tools/kernel/debug). What a call allocates in its own task fails once in the
 * first place where it may, then in the second, until the call gets through.
 */
#ifndef SELFTESTS_ENOMEM_H
#define SELFTESTS_ENOMEM_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "vxt.h"

#define ENOMEM_MOST	20000	/* a call that allocates more often is not followed to its end */

/* Allocations that may sleep fail too, and single pages. -ENOENT: not on this kernel. */
static inline int enomem_init(void)
{
	static const char * const files[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
	};
	unsigned int i;
	int err = 0;

	for (i = 0; i < sizeof(files) / sizeof(*files) && !err; i++)
		err = vxt_write(files[i][0], files[i][1]);
	return err;
}

/*
 * But for what @function of the kernel allocates, or has allocated: it cannot go without, and
 * leaves something broken. Where there are more of that name, what lies between is excepted too.
 * NULL: no exception.
 */
static inline int enomem_except(const char *function)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	unsigned long start = 0, end = 0, at;
	bool in = false;
	char line[512], name[256], path[96], value[24];
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned int i;
	int err = 0;

	while (function && f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %255s", &at, name) != 2)
			continue;
		if (in)
			end = at;
		in = !strcmp(name, function);
		if (in && !start)
			start = at;
	}
	if (f)
		fclose(f);
	if (function && !end)
		return -ENOENT;
	for (i = 0; i < 4 && !err; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/reject-%s", kinds[i / 2],
			 i % 2 ? "end" : "start");
		snprintf(value, sizeof(value), "%#lx", i % 2 ? end : start);
		err = vxt_write(path, value);
	}
	return err;
}

/* What allocation of this task fails from now on, 0 for none; -1 to ask which is left. */
static inline long enomem_nth(long nth)
{
	static int fd = -1;
	char text[24] = "";

	if (fd < 0)
		fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth >= 0) {
		snprintf(text, sizeof(text), "%ld", nth);
		return pwrite(fd, text, strlen(text), 0) < 0 ? -errno : 0;
	}
	return pread(fd, text, sizeof(text) - 1, 0) < 0 ? -errno : atol(text);
}

/*
 * Call @fn, which gives 0 or a negative errno, until no allocation of it fails. After each failure
 * @undo, if there is one, puts back what the call did in spite of it (@err is 0 then) or had
 * to leave. Returns how many failures there were, or a negative number that tells what was wrong.
 */
static inline long enomem_each(const char *what, int (*fn)(void *arg),
			       int (*undo)(void *arg, int err), void *arg)
{
	long nth, left;
	int err, failed = 0, passed = 0;

	for (nth = 1; nth < ENOMEM_MOST; nth++) {
		err = enomem_nth(nth);
		if (err)
			return err;
		err = fn(arg);
		left = enomem_nth(-1);
		enomem_nth(0);
		if (left > 0) {
			printf("# %s: %ld allocations failed, one by one: %d calls went on without, %d did not\n",
			       what, nth - 1, passed, failed);
			return err ? err : nth - 1;
		}
		if (err && err != -ENOMEM && err != -ENOBUFS) {
			printf("# %s: allocation %ld failed, and the call with %s\n", what, nth,
			       strerror(-err));
			return err;
		}
		failed += !!err;
		passed += !err;
		err = undo ? undo(arg, err) : 0;
		if (err) {
			printf("# %s: allocation %ld failed, and then: %s\n", what, nth,
			       strerror(-err));
			return err;
		}
	}
	return -E2BIG;
}

#endif /* SELFTESTS_ENOMEM_H */
