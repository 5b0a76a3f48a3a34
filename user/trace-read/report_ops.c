// SPDX-License-Identifier: GPL-2.0-only
/* Of a report: what the time of operations went into, and which locks they waited for. */
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "format.h"
#include "report_text.h"

static void print_errors(const struct ops_counters *ops, FILE *out)
{
	struct wrap w = { .out = out, .indent = 11 };
	char *word;
	size_t i;

	w.column = fprintf(out, "  %-8s ", "errors");
	for (i = 0; i < ops->nr_errors; i++) {
		word = xprintf("%s %s%s", errno_name(ops->error[i].number),
			       number(ops->error[i].count), i + 1 < ops->nr_errors ? "," : "");
		wrap_word(&w, word);
		free(word);
	}
	fputc('\n', out);
}

static void print_bytes(const struct ops_counters *ops, FILE *out)
{
	fprintf(out, "  %-8s %s", "moved", bytes(ops->bytes));
	if (ops->total)
		fprintf(out, ", %.1f MB/s", (double)ops->bytes * 1000 / ops->total);
	fputc('\n', out);
}

/* Both kinds on one line, each if it was used. */
static void print_cache(const struct ops_counters *ops, FILE *out)
{
	uint64_t nodes = ops->node_hits + ops->node_misses;
	uint64_t segments = ops->segment_hits + ops->segment_misses;

	if (!nodes && !segments)
		return;
	fprintf(out, "  %-8s ", "cache");
	if (nodes)
		fprintf(out, "had %s of %s", percent(ops->node_hits, nodes),
			plural(nodes, "node"));
	if (segments)
		fprintf(out, "%s%s of %s", nodes ? ", " : "had ",
			percent(ops->segment_hits, segments), plural(segments, "segment"));
	fputc('\n', out);
}

void print_time(const struct ops_counters *ops, FILE *out)
{
	if (ops->total && ops->lost_ops < ops->calls) {
		fprintf(out, "  %-8s %s: %s on a CPU, %s locks, %s I/O, %s asleep, %s runnable",
			"time", duration(ops->total), percent(ops->cpu, ops->total),
			percent(ops->lock, ops->total), percent(ops->io, ops->total),
			percent(ops->sleep, ops->total), percent(ops->runnable, ops->total));
		if (ops->lost_ops)
			fprintf(out, ";\n%11s%s not known, of %s", "",
				percent(ops->lost, ops->total), plural(ops->lost_ops, "call"));
		fputc('\n', out);
	}
	if (ops->bytes)
		print_bytes(ops, out);
	if (ops->nr_errors)
		print_errors(ops, out);
	print_cache(ops, out);
}

void print_target(const struct target_counters *t, FILE *out)
{
	if (t->allocs || t->frees)
		fprintf(out, "  %-8s %s of %s allocated, %s freed\n", "memory",
			plural(t->allocs, "object"), bytes(t->bytes), number(t->frees));
	if (t->pages || t->pages_freed)
		fprintf(out, "  %-8s %s taken, %s given back\n", "",
			plural(t->pages, "page"), number(t->pages_freed));
}

/* The name alone, and the module where the kernel gave one: "f+0x12/0x34 [m]" is "[m] f". */
static char *short_name(const char *function)
{
	const char *module = strchr(function, '[');
	int len = strcspn(function, "+ ");

	return module ? xprintf("%s %.*s", module, len, function) :
			xprintf("%.*s", len, function);
}

static void print_holder(const struct lock_counters *l, FILE *out)
{
	struct wrap w = { .out = out, .indent = 18 };
	char *name, *word;
	size_t i;

	fprintf(out, "%12s %s, %s: holder %s\n", "", plural(l->waits, "wait"), duration(l->total),
		printable(l->holder));
	w.column = fprintf(out, "%18s", "");
	for (i = 0; i < l->stack.calls; i++) {
		name = short_name(l->stack.function[i]);
		word = xprintf("%s%s", i ? "<- " : "", printable(name));
		wrap_word(&w, word);
		free(word);
		free(name);
	}
	fputc('\n', out);
}

void print_locks(const struct report *r, FILE *out)
{
	const struct lock_counters **locks, **holders;
	size_t n, m, i, k;
	char *name;

	locks = report_locks(r, NULL, &n);
	if (n) {
		section(out, "LOCKS", "that operations waited for, by class and time");
		fprintf(out, "%-12s %-12s %8s %9s %9s %9s  %s\n", "class", "lock", "waits", "total",
			"mean", "max", "where");
	}
	for (i = 0; i < n; i++) {
		const struct lock_counters *l = locks[i];

		name = short_name(l->function);
		fprintf(out, "%-12s %-12s %8s %9s %9s %9s  %s\n", class_name(l->op_class), l->kind,
			number(l->waits), duration(l->total),
			duration(l->waits ? l->total / l->waits : 0), duration(l->max),
			printable(name));
		free(name);
		holders = report_locks(r, l, &m);
		for (k = 0; k < m && k < r->top; k++)
			print_holder(holders[k], out);
		if (k < m)
			fprintf(out, "%12s %s\n", "", plural(m - k, "further stack"));
		free(holders);
	}
	free(locks);
}
