// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of the kernel and its modules. The file's text is kept, names point
 * into it. It has no sizes: a function ends where the next one begins.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "kallsyms.h"

/* No function is larger; beyond that an address is outside of all modules. */
#define MAX_FUNCTION	(256u << 10)

static char *text;
static struct kernel_symbol *symbols;
static size_t nr_symbols, room_symbols;

static int by_start(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->rank - y->rank;
}

/* "address type name", for modules followed by a tab and "[module]". */
static void take_line(char *line)
{
	struct kernel_symbol s = {};
	char *end, *name, type;
	const char *c;

	s.start = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return;
	type = end[1];
	if (!strchr("tTwW", type))
		return;
	name = end + 3;
	end = strchr(name, '\t');
	if (end) {
		*end = 0;
		s.module = end + 2;
		end = strchr(end + 1, ']');
		if (end)
			*end = 0;
	}
	s.name = name;
	s.rank = type == 'T' ? 0 : 1;
	for (c = name; *c == '_' && s.rank < 60; c++)
		s.rank += 2;
	GROW(symbols, nr_symbols, room_symbols);
	symbols[nr_symbols++] = s;
}

bool kallsyms_load(void)
{
	char *rest, *line;
	size_t i, kept = 0;
	bool visible = false;

	kallsyms_free();
	text = read_file("/proc/kallsyms", NULL);
	if (!text) {
		warn("kernel stacks stay without names: /proc/kallsyms: %s", strerror(errno));
		return false;
	}
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			take_line(line);
	for (i = 0; i < nr_symbols && !visible; i++)
		visible = symbols[i].start;
	if (!visible) {
		warn("kernel stacks stay without names: the addresses in /proc/kallsyms are hidden:"
		     " run as root, and: sysctl kernel.kptr_restrict=1 (0 when not root)");
		kallsyms_free();
		return false;
	}
	qsort(symbols, nr_symbols, sizeof(*symbols), by_start);
	for (i = 0; i < nr_symbols; i++)
		if (!kept || symbols[kept - 1].start != symbols[i].start)
			symbols[kept++] = symbols[i];
	nr_symbols = kept;
	return true;
}

const struct kernel_symbol *kallsyms_find(uint64_t address)
{
	size_t low = 0, high = nr_symbols;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (symbols[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address - symbols[low - 1].start > MAX_FUNCTION)
		return NULL;
	return &symbols[low - 1];
}

void kallsyms_free(void)
{
	free(symbols);
	free(text);
	symbols = NULL;
	text = NULL;
	nr_symbols = room_symbols = 0;
}
