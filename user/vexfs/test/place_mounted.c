// SPDX-License-Identifier: GPL-2.0-only
/* The tests of the command on a mounted filesystem, in the VM. */
#include <sys/mount.h>
#include <sys/stat.h>

#include "command.h"

#define DEVICE	(getenv("VEXFS_TEST_DEV") ?: "/dev/vda")
#define MOUNT	"/tmp/vexfs-cmd"

const char *const place_args[2];

const char *place_path(const char *name)
{
	static char paths[8][64];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), MOUNT "/%s", name);
	return path;
}

void place_make(unsigned int mib)
{
	char command[128];

	place_end();
	mkdir(MOUNT, 0755);
	snprintf(command, sizeof(command), "mkfs.vexfs -f -q -s %uM %s >&2", mib, DEVICE);
	assert_int_equal(system(command), 0);
	assert_int_equal(mount(DEVICE, MOUNT, "vexfs", 0, NULL), 0);
}

void place_end(void)
{
	umount(MOUNT);
}
