/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the command share. */
#ifndef VEXFS_CMD_TEST_H
#define VEXFS_CMD_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char test_dir[] = "/tmp/vexfs-test.XXXXXX";

static inline int test_enter(void **state)
{
	return !mkdtemp(test_dir) || chdir(test_dir);
}

static inline int test_leave(void **state)
{
	char *command = NULL;
	int err;

	if (chdir("/") || asprintf(&command, "rm -rf %s", test_dir) < 0)
		return -1;
	err = system(command);
	free(command);
	return err;
}

/* Make a file of the test's folder. */
static inline void write_file(const char *name, const void *data, size_t len)
{
	FILE *f = fopen(name, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

#endif /* VEXFS_CMD_TEST_H */
