// SPDX-License-Identifier: GPL-2.0-only
/* Walking file trees. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "report.h"
#include "tree.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

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

/* One thing that fts found. */
static int visit(struct tree *t, FTSENT *e)
{
	switch (e->fts_info) {
	case FTS_F:
		return add_file(t, e->fts_path);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		if (e->fts_level == FTS_ROOTLEVEL)
			return report_fail("%s: %s", e->fts_path, strerror(e->fts_errno));
		report_warn("%s: %s; left out", e->fts_path, strerror(e->fts_errno));
		t->unreadable++;
		return STATUS_OK;
	case FTS_DC:
		report_warn("%s: a folder inside itself; left out", e->fts_path);
		t->unreadable++;
		return STATUS_OK;
	default:
		return STATUS_OK;
	}
}

int tree_walk(struct tree *t, char *const roots[])
{
	int status = STATUS_OK;
	FTSENT *e;
	FTS *fts;

	memset(t, 0, sizeof(*t));
	for (; *roots && !status; roots++) {
		char *one[] = { *roots, NULL };

		fts = fts_open(one, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
		if (!fts)
			return report_fail("%s: %s", *roots, strerror(errno));
		errno = 0;
		while (!status && !interrupt_pending() && (e = fts_read(fts))) {
			status = visit(t, e);
			progress_update(t->count, t->count);
			errno = 0;
		}
		if (!status && !interrupt_pending() && errno)
			status = report_fail("%s: %s", *roots, strerror(errno));
		fts_close(fts);
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
