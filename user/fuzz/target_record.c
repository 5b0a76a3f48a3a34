// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: metadata as the vexfs command takes it, a KEY=VALUE a line. What is accepted packs to a
 * record that the core accepts; what is printed of a record reads as the same record again. A
 * line that begins with + removes the key, one with : and i, f or s has a type, one with & has
 * many pairs, as files of metadata have them.
 *
 * Input: byte 0 how to print, then the lines.
 */
#include <stdio.h>
#include <stdlib.h>

#include <vex_meta.h>

#include "../vexfs/options.h"
#include "../vexfs/record.h"
#include "text.h"

static bool add_line(struct record *r, const char *line)
{
	static const char types[] = "ifs";
	const char *type;

	if (*line == '+') {
		record_remove(r, line + 1);
		return true;
	}
	type = line[0] == ':' && line[1] ? strchr(types, line[1]) : NULL;
	if (type)
		record_add(r, line + 2, VEXFS_META_INT + (type - types));
	else if (*line == '&')
		record_line(r, line + 1);
	else
		record_add(r, line, 0);
	return false;
}

static void print(const unsigned char *rec, size_t len, bool json)
{
	static struct record again;
	unsigned char packed[RECORD_MAX];
	struct report r;

	report_begin(&r, json);
	fuzz_must(record_print(&r, rec, len), "a sound record is said to be malformed");
	fflush(r.f);
	if (!json) {
		memset(&again, 0, sizeof(again));
		fuzz_must(!record_line(&again, r.text), "printed %s: %s", r.text, again.wrong);
		fuzz_must(record_pack(&again, packed) == len + 4 && !memcmp(packed + 4, rec, len),
			  "printed as another: %s", r.text);
	}
	report_drop(&r);
}

void fuzz_record(const u8 *data, size_t len)
{
	struct fuzz_stream s = { data, data + len };
	bool json = fuzz_u8(&s) & 1, removes = false;
	char *text = fuzz_text(s.at, s.end - s.at), *line, *rest = text;
	unsigned char *packed = malloc(RECORD_MAX);
	static struct record r;
	size_t bytes;

	fuzz_must(packed, "no memory");
	memset(&r, 0, sizeof(r));
	fuzz_quiet();
	while ((line = strsep(&rest, "\n")))
		removes |= add_line(&r, line);
	fuzz_quiet_end();
	bytes = record_pack(&r, packed);
	fuzz_must(bytes <= RECORD_MAX && get_unaligned_le32(packed) == bytes - 4, "packed wrongly");
	fuzz_must(!vex_meta_check(packed + 4, bytes - 4, removes), "packed what the core refuses");
	if (!removes)
		print(packed + 4, bytes - 4, json);
	free(packed);
	free(text);
}

/* A record from anywhere is printed, or said to be malformed. */
void fuzz_print(const u8 *data, size_t len)
{
	u8 *copy = malloc(len ?: 1);
	struct report r;

	fuzz_must(copy, "no memory");
	memcpy(copy, data, len);
	report_begin(&r, len & 1);
	record_print(&r, copy, len);
	report_drop(&r);
	free(copy);
}
