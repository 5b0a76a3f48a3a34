// SPDX-License-Identifier: GPL-2.0-only
/* Walking file trees. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "progress.h"
#include "report.h"
#include "tree.h"

static int add_file(struct tree *t, const char *path)
{
	if (t->count == TREE_MAX_FILES)
		return report_fail("more than %u files; import them in parts", TREE_MAX_FILES);
	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 1024;
		char **paths = reallocarray(t->paths, room, sizeof(*paths));

		if (!paths)
			return report_fail("out of memory for the list of files");
		t->paths = paths;
		t->room = room;
	}
	t->paths[t->count] = strdup(path);
	if (!t->paths[t->count])
		return report_fail("out of memory for the list of files");
	t->count++;
	return STATUS_OK;
}

static int leave_out(struct tree *t, const char *path, int err)
{
	report_warn("%s: %s; left out", path, strerror(err));
	t->unreadable++;
	return STATUS_OK;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
}

/* The type of an entry, DT_*: most filesystems tell it without a look at the inode. */
static unsigned char type_of(const struct dirent *d, const char *path)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type;
	return lstat(path, &st) ? DT_UNKNOWN : IFTODT(st.st_mode);
}

static int walk_folder(struct tree *t, const char *path);

static int visit(struct tree *t, const char *folder, const struct dirent *d)
{
	size_t len = strlen(folder);
	char *path = NULL;
	int status = STATUS_OK;

	while (len > 1 && folder[len - 1] == '/')
		len--;
	if (asprintf(&path, "%.*s%s%s", (int)len, folder, folder[len - 1] == '/' ? "" : "/",
		     d->d_name) < 0)
		return report_fail("out of memory for the list of files");
	switch (type_of(d, path)) {
	case DT_REG:
		status = add_file(t, path);
		break;
	case DT_DIR:
		status = walk_folder(t, path);
		break;
	case DT_UNKNOWN:
		status = leave_out(t, path, errno);
		break;
	}
	free(path);
	return status;
}

/* The files below one folder. Depth ends where a path is too long for the kernel. */
static int walk_folder(struct tree *t, const char *path)
{
	struct dirent **list;
	int status = STATUS_OK;
	int count = scandir(path, &list, not_dots, by_name);

	if (count < 0)
		return leave_out(t, path, errno);
	for (int i = 0; i < count; i++) {
		if (!status && !interrupt_pending())
			status = visit(t, path, list[i]);
		free(list[i]);
	}
	free(list);
	progress_update(t->count, t->count);
	return status;
}

int tree_walk(struct tree *t, char *const roots[])
{
	int status = STATUS_OK;
	struct stat st;

	memset(t, 0, sizeof(*t));
	for (; *roots && !status && !interrupt_pending(); roots++) {
		if (stat(*roots, &st))
			status = report_fail("%s: %s", *roots, strerror(errno));
		else if (S_ISDIR(st.st_mode))
			status = walk_folder(t, *roots);
		else if (S_ISREG(st.st_mode))
			status = add_file(t, *roots);
		else
			status = report_fail("%s: is neither a folder nor a regular file", *roots);
	}
	return status;
}

void tree_sample(struct tree *t, size_t count)
{
	size_t total = t->count, kept = 0;

	if (!count || count >= total)
		return;
	for (size_t i = 0; i < total; i++) {
		/* File i is kept when a multiple of total / count falls on it. */
		if (kept < count && i == kept * total / count)
			t->paths[kept++] = t->paths[i];
		else
			free(t->paths[i]);
	}
	t->count = kept;
}

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->paths[i]);
	free(t->paths);
	memset(t, 0, sizeof(*t));
}
