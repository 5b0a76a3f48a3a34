// SPDX-License-Identifier: GPL-2.0-only
/* Processes that exist, from /proc/PID/maps. */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "object.h"
#include "process.h"
#include "procfs.h"

/* "start-end perms offset major:minor inode   path", the path possibly empty. */
static void take_line(uint32_t tgid, uint64_t time, const char *line)
{
	uint64_t start, end, offset;
	char perms[8];
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", &start, &end, perms,
		   &offset, &path) < 4 || !path)
		return;
	if (perms[2] == 'x')
		process_map(tgid, time, start, end, offset, object_find(line + path, NULL, 0));
}

void procfs_read(uint32_t tgid, uint64_t time)
{
	char path[64], *maps, *line, *rest;

	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	maps = read_file(path, NULL);
	rest = maps;
	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			take_line(tgid, time, line);
	free(maps);
}

void procfs_read_all(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc) {
		warn("/proc cannot be read: user stacks of processes that run already stay without"
		     " names");
		return;
	}
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name))
			procfs_read(strtoul(entry->d_name, NULL, 10), now_ns());
	closedir(proc);
}
