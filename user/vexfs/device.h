/* SPDX-License-Identifier: GPL-2.0-only */
/* Images and block devices that nobody else uses. */
#ifndef VEXFS_CMD_DEVICE_H
#define VEXFS_CMD_DEVICE_H

#include <stdbool.h>

/*
 * Open @path, a regular file or a block device, and lock it against other
 * commands; one that is mounted, or attached to a loop device, is refused. Returns
 * a status, after a message.
 */
int device_open(const char *path, bool write, int *fd);
/* Refuse what is in use, and lock it, of a descriptor that is open. A status. */
int device_claim(const char *path, int fd, bool write);

#endif /* VEXFS_CMD_DEVICE_H */
