// SPDX-License-Identifier: GPL-2.0-only
/* The tests of the command on an image that is not mounted. */
#include "command.h"
#include "vex_io.h"

const char *const place_args[2] = { "--image", "test.img" };

const char *place_path(const char *name)
{
	static char paths[8][64];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "/%s", name);
	return path;
}

void place_make(unsigned int mib)
{
	struct vex_mkfs_opts opts = { .label = "test", .features = VEX_FEATURES_DEFAULT };
	struct vex_io io;

	write_file("test.img", "", 0);
	assert_int_equal(truncate("test.img", (off_t)mib << 20), 0);
	vex_core_init();
	assert_int_equal(vex_io_fd_open(&io, "test.img", VEX_IO_FD_WRITE), 0);
	assert_int_equal(vex_mkfs(&io, &opts), 0);
	assert_int_equal(vex_io_fd_close(&io), 0);
}

void place_end(void)
{
}
