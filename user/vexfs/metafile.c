// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file of metadata: the pairs of a row a line, as 'vexfs meta set' takes them, with white
 * space between. An empty line is a row without metadata.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "metafile.h"
#include "options.h"
#include "progress.h"

/* Read the next line into the record. 1, 0 at the end, -1 after a message. */
static int next_line(struct metafile *m)
{
	ssize_t len = getline(&m->text, &m->room, m->f);

	if (len < 0 && feof(m->f))
		return 0;
	m->line++;
	if (len < 0) {
		report_fail("%s: line %" PRIu64 ": %s", m->path, m->line, strerror(errno));
		return -1;
	}
	if (len && m->text[len - 1] == '\n')
		m->text[--len] = 0;
	m->record.count = 0;
	if (strlen(m->text) == (size_t)len && !record_line(&m->record, m->text))
		return 1;
	report_fail("%s: line %" PRIu64 ": %s", m->path, m->line,
		    strlen(m->text) == (size_t)len ? m->record.wrong :
		    "holds a NUL, this is not text");
	return -1;
}

/* Is every line right? A status. */
static int check_all(struct metafile *m)
{
	struct stat st;
	int got = 0;

	/* What is no file is read only once. */
	if (fstat(fileno(m->f), &st) || !S_ISREG(st.st_mode))
		return STATUS_OK;
	while (!interrupt_pending() && (got = next_line(m)) > 0)
		;
	rewind(m->f);
	m->line = 0;
	return got < 0 ? STATUS_FAILED : STATUS_OK;
}

int metafile_open(struct metafile *m, const char *path, uint32_t batch)
{
	memset(m, 0, sizeof(*m));
	m->path = path;
	m->f = fopen(path, "re");
	if (!m->f)
		return report_fail("%s: %s", path, strerror(errno));
	m->packed = malloc((size_t)batch * RECORD_MAX);
	return m->packed ? check_all(m) : report_fail("out of memory for the metadata");
}

int metafile_read(struct metafile *m, uint32_t count)
{
	m->len = 0;
	for (uint32_t i = 0; i < count; i++) {
		int got = next_line(m);

		if (!got)
			return report_fail("%s: ends after line %" PRIu64 ", before the rows do",
					   m->path, m->line);
		if (got < 0)
			return STATUS_FAILED;
		m->len += record_pack(&m->record, m->packed + m->len);
	}
	return STATUS_OK;
}

int metafile_end(struct metafile *m)
{
	return getc(m->f) == EOF ? STATUS_OK :
	       report_fail("%s: line %" PRIu64 ": there are more lines than rows", m->path,
			   m->line + 1);
}

void metafile_close(struct metafile *m)
{
	if (m->f)
		fclose(m->f);
	free(m->text);
	free(m->packed);
	memset(m, 0, sizeof(*m));
}
