// SPDX-License-Identifier: GPL-2.0-only
/* Opening images and devices; telling who uses one. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "report.h"

/* Where block device @dev is mounted, into @where; false when it is not. */
static bool mounted_at(dev_t dev, char *where, size_t len)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	unsigned int major, minor;
	char line[8192], dir[4096];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*u %*u %u:%u %*s %4095s", &major, &minor, dir) == 3 &&
		    makedev(major, minor) == dev) {
			snprintf(where, len, "%s", dir);
			found = true;
		}
	}
	if (f)
		fclose(f);
	return found;
}

/* The loop device that @path is attached to, into @loop; false when there is none. */
static bool attached_to(const char *path, char *loop, size_t len)
{
	char *real = realpath(path, NULL);
	bool found = false;
	glob_t g;

	if (!real || glob("/sys/block/loop*/loop/backing_file", 0, NULL, &g)) {
		free(real);
		return false;
	}
	for (size_t i = 0; i < g.gl_pathc && !found; i++) {
		char line[4097] = "";
		FILE *f = fopen(g.gl_pathv[i], "re");

		if (f && fgets(line, sizeof(line), f)) {
			line[strcspn(line, "\n")] = 0;
			found = !strcmp(line, real);
		}
		if (f)
			fclose(f);
		if (found)
			snprintf(loop, len, "/dev/%.*s",
				 (int)strcspn(g.gl_pathv[i] + strlen("/sys/block/"), "/"),
				 g.gl_pathv[i] + strlen("/sys/block/"));
	}
	globfree(&g);
	free(real);
	return found;
}

int device_claim(const char *path, int fd, bool write)
{
	char where[4096];
	struct stat st;

	if (fstat(fd, &st))
		return report_fail("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return report_fail("%s: is neither a regular file nor a block device", path);
	if (S_ISREG(st.st_mode) && attached_to(path, where, sizeof(where)))
		return report_fail("%s: is attached to %s; unmount and detach it first", path,
				   where);
	if (flock(fd, (write ? LOCK_EX : LOCK_SH) | LOCK_NB))
		return report_fail("%s: %s", path, errno == EWOULDBLOCK ?
				   "another command is using it; try again when it has ended" :
				   strerror(errno));
	return STATUS_OK;
}

int device_open(const char *path, bool write, int *fd)
{
	int flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	char where[4096];
	struct stat st;
	int status;

	if (stat(path, &st))
		return report_fail("%s: %s", path, strerror(errno));
	/* For a block device, O_EXCL refuses one that is mounted or otherwise claimed. */
	if (S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	*fd = open(path, flags);
	if (*fd < 0 && errno == EBUSY) {
		bool mounted = mounted_at(st.st_rdev, where, sizeof(where));

		if (mounted)
			return report_fail("%s: is mounted at %s; unmount it first", path, where);
		return report_fail("%s: is in use; release it first (a partition, swap, RAID or "
				   "LVM on it)", path);
	}
	if (*fd < 0)
		return report_fail("%s: %s", path, strerror(errno));
	status = device_claim(path, *fd, write);
	if (status) {
		close(*fd);
		*fd = -1;
	}
	return status;
}
