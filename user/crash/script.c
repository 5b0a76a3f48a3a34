// SPDX-License-Identifier: GPL-2.0-only
/* Scripts as text. */
#include <stdlib.h>

#include "script.h"

enum { LINE_MOST = 65536 };

void script_init(struct script *s)
{
	*s = (struct script){ .blocks = 512 };
}

void script_free(struct script *s)
{
	free(s->ops);
	free(s->crash);
	script_init(s);
}

void script_add(struct script *s, const struct op *op)
{
	/* Room doubles at each power of two. */
	if (!(s->count & (s->count - 1)))
		s->ops = realloc(s->ops, (s->count ? 2 * s->count : 1) * sizeof(*s->ops));
	s->ops[s->count++] = *op;
}

void script_copy(struct script *to, const struct script *from)
{
	*to = *from;
	to->ops = NULL;
	to->count = 0;
	to->crash = NULL;
	for (u32 i = 0; i < from->count; i++)
		script_add(to, &from->ops[i]);
}

void script_print(const struct script *s, const struct crash *crash, FILE *out,
		  const char *before, const char *after)
{
	char line[OP_LINE_MAX];

	fprintf(out, "%sdisk %llu cache %llu seed %llu threads %u discard %u%s", before,
		s->blocks, s->cache, s->seed, s->threads, s->discard, after);
	for (u32 i = 0; i < s->count; i++)
		fprintf(out, "%s%s%s", before, op_print(&s->ops[i], line), after);
	if (!crash)
		return;
	fprintf(out, "%scrash at %u", before, crash->at);
	if (crash->torn != CRASH_WHOLE)
		fprintf(out, " torn %u %u", crash->torn, crash->sectors);
	for (u32 i = 0; i < crash->count; i++)
		fprintf(out, "%s %u", i ? "" : " without", crash->missing[i]);
	fprintf(out, "%s", after);
}

static const char *parse_disk(struct script *s, const char *line)
{
	int used = 0;

	sscanf(line, "disk %llu cache %llu seed %llu threads %u discard %u %n", &s->blocks,
	       &s->cache, &s->seed, &s->threads, &s->discard, &used);
	if (!used || line[used])
		return "not: disk BLOCKS cache BYTES seed N threads N discard N";
	if (s->blocks < VEXFS_MIN_BLOCKS || s->blocks > 65536)
		return "a disk has 256 to 65536 blocks";
	return s->threads > 8 ? "at most 8 threads" : NULL;
}

static const char *parse_crash(struct script *s, const char *line)
{
	struct crash *c = calloc(1, sizeof(*c));
	int used = 0, n;

	free(s->crash);
	s->crash = c;
	c->torn = CRASH_WHOLE;
	sscanf(line, "crash at %u %n", &c->at, &used);
	if (!used)
		return "not: crash at EVENT [torn EVENT SECTORS] [without EVENT...]";
	line += used;
	used = 0;
	sscanf(line, "torn %u %hhu %n", &c->torn, &c->sectors, &used);
	line += used;
	if (!*line)
		return NULL;
	if (strncmp(line, "without ", 8))
		return "not: crash at EVENT [torn EVENT SECTORS] [without EVENT...]";
	for (line += 8; *line; line += n) {
		n = 0;
		if (c->count == CRASH_MISSING_MAX ||
		    sscanf(line, "%u %n", &c->missing[c->count], &n) != 1)
			return "not a list of events";
		c->count++;
	}
	return NULL;
}

static const char *parse_line(struct script *s, const char *line)
{
	const char *wrong;
	struct op op;

	if (!strncmp(line, "disk ", 5))
		return parse_disk(s, line);
	if (!strncmp(line, "crash ", 6))
		return parse_crash(s, line);
	wrong = op_parse(&op, line);
	if (!wrong)
		script_add(s, &op);
	return wrong;
}

const char *script_parse(struct script *s, const char *text, u32 *number)
{
	char *line = malloc(LINE_MOST);
	const char *wrong = NULL;

	for (*number = 1; *text && !wrong; ++*number) {
		size_t len = strcspn(text, "\n"), used;

		if (len >= LINE_MOST) {
			wrong = "line too long";
			break;
		}
		memcpy(line, text, len);
		line[len] = 0;
		line[strcspn(line, "#\r")] = 0;
		text += len + (text[len] == '\n');
		used = strspn(line, " \t");
		if (line[used])
			wrong = parse_line(s, line + used);
		if (wrong)
			break;
	}
	free(line);
	return wrong;
}
