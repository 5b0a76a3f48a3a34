// SPDX-License-Identifier: GPL-2.0-only
/* The report in text: memory. */
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "format.h"
#include "report_text.h"

/* What became of the allocations of a call stack. */
static void print_fate(const struct fate *m, FILE *out)
{
	fprintf(out, "%23sheld %s", "", bytes(m->held.size));
	if (m->held.count)
		fprintf(out, " in %s, the oldest %s", plural(m->held.count, "object"),
			duration(m->held.time));
	fputc('\n', out);
	if (m->freed.count)
		fprintf(out, "%23sfreed %s after %s on average\n", "", number(m->freed.count),
			duration(m->freed.time / m->freed.count));
}

static void print_site_callers(const struct report *r, const struct site_counters *s, FILE *out)
{
	struct callers callers = report_callers(r, VEXFS_EVENT_ALLOC, s->id);
	size_t n = callers.count < r->top ? callers.count : r->top, j;

	fprintf(out, "  site %u, %s: %s in the window, %s, by %s\n", s->id, printable(s->func),
		plural(callers.events, "allocation"), bytes(callers.size),
		plural(callers.count, "call stack"));
	for (j = 0; j < n; j++) {
		const struct caller *c = &callers.first[j];

		fprintf(out, "%12s %8s  %s, %s\n", number(c->sum.count),
			percent(c->sum.size, callers.size), printable(c->comm), bytes(c->sum.size));
		if (r->follow)
			print_fate(&c->fate, out);
		report_stacks(out, c);
	}
}

static void print_sites(const struct report *r, FILE *out)
{
	const struct site_counters **sites = report_sites(r);
	size_t i, idle = 0, shown = 0;

	section(out, "ALLOCATIONS", "by live bytes");
	fprintf(out, "%4s %8s %8s %8s %10s %8s %5s  %s\n", "site", "live", "objects", "peak",
		"allocs", "bytes", "fails", "where");
	for (i = 0; i < r->counters.nr_sites; i++) {
		const struct site_counters *s = sites[i];
		const char *slash = strrchr(s->file, '/');

		if (!s->allocs && !s->live && !s->failures) {
			idle++;
			continue;
		}
		fprintf(out, "%4u %8s %8s %8s %10s %8s %5s  %s %s:%u\n", s->id, bytes(s->live),
			number(s->live_objects), bytes(s->peak), number(s->allocs), bytes(s->bytes),
			number(s->failures), printable(s->func),
			printable(slash ? slash + 1 : s->file), s->line);
	}
	if (idle)
		fprintf(out, "%s hold nothing and were not used\n", plural(idle, "further site"));
	if (r->counters.status.sites_dropped)
		fprintf(out, "%s missing: the module's table is full\n",
			plural(r->counters.status.sites_dropped, "site"));
	for (i = 0; i < r->counters.nr_sites && shown < 2 * r->top; i++)
		if (report_callers(r, VEXFS_EVENT_ALLOC, sites[i]->id).count) {
			print_site_callers(r, sites[i], out);
			shown++;
		}
	free(sites);
}

/* How long the objects live that were followed. */
static void print_lives(const struct report *r, FILE *out)
{
	const struct site_counters **sites = report_sites(r);
	bool first = true;
	size_t i;

	for (i = 0; i < r->counters.nr_sites; i++) {
		const struct site_counters *s = sites[i];

		if (!s->ended && !s->tracked)
			continue;
		if (first) {
			section(out, "LIFETIMES", "of the objects that were followed");
			fprintf(out, "%4s %8s %8s %8s %8s %8s %8s %-7s  %s\n", "site", "ended",
				"p50", "p99", "max", "held", "oldest", "verdict", "where");
		}
		first = false;
		fprintf(out, "%4u %8s %8s %8s %8s %8s %8s %-7s  %s%s\n", s->id, number(s->ended),
			s->ended ? duration(s->p50) : "-", s->ended ? duration(s->p99) : "-",
			s->ended ? duration(s->max) : "-", number(s->tracked),
			s->tracked ? duration(s->oldest) : "-",
			s->verdict ? printable(s->verdict) : "-", printable(s->func),
			s->untracked ? " (inaccurate: table full)" : "");
	}
	free(sites);
}

static void print_trail(const char *what, const struct trail *trail, FILE *out)
{
	size_t i;

	for (i = 0; i < trail->calls; i++)
		fprintf(out, "%14s  %s\n", i ? "" : what, printable(trail->function[i]));
}

/* Is this a site that leaks, or may? */
static bool is_suspect(const struct site_counters *s)
{
	return s && s->verdict && (!strcmp(s->verdict, "leaked") || !strcmp(s->verdict, "suspect"));
}

static void print_held(const struct report *r, const struct site_counters *s, FILE *out)
{
	const struct counters *c = &r->counters;
	unsigned int shown = 0;
	size_t i;

	for (i = 0; i < c->nr_held && shown < r->top; i++) {
		const struct held_counters *h = &c->held[i];

		if (h->site != s->id)
			continue;
		fprintf(out, "%14s, %s, the oldest %s ago, thread %u\n",
			plural(h->objects, "object"), bytes(h->bytes), duration(h->oldest), h->pid);
		print_trail("from", &h->from, out);
		shown++;
	}
}

static void print_leaks(const struct report *r, FILE *out)
{
	bool first = true;
	size_t i;

	for (i = 0; i < r->counters.nr_sites; i++) {
		const struct site_counters *s = &r->counters.sites[i];

		if (!is_suspect(s))
			continue;
		if (first)
			section(out, "LEAKS",
				       "leaked: held without a mount; suspect: grows, and outlives the rest");
		first = false;
		fprintf(out, "  %s: site %u, %s: %s, %s", printable(s->verdict), s->id,
			printable(s->func), plural(s->live_objects, "object"), bytes(s->live));
		if (s->tracked)
			fprintf(out, "; %s of them followed, %s old", number(s->tracked),
				number(s->old));
		fputc('\n', out);
		print_held(r, s, out);
	}
}

static void print_bad_frees(const struct report *r, FILE *out)
{
	size_t i;

	if (r->counters.nr_bad_frees)
		section(out, "BAD FREES", "refused: the memory was left alone");
	for (i = 0; i < r->counters.nr_bad_frees; i++) {
		const struct bad_free_counters *b = &r->counters.bad_frees[i];

		fprintf(out, "  %s, %s, by %s (thread %u)", printable(b->kind),
			plural(b->count, "time"), printable(b->comm), b->pid);
		if (b->site)
			fprintf(out, ", of site %u, %s", b->site, printable(b->func));
		fputc('\n', out);
		print_trail("allocated", &b->allocated, out);
		if (b->freed.calls)
			print_trail("freed", &b->freed, out);
		else if (strcmp(b->first, "?"))
			fprintf(out, "%14s  %s\n", "freed", printable(b->first));
		print_trail(strcmp(b->kind, "double-free") ? "freed" : "freed again", &b->again, out);
	}
}

void report_text_memory(const struct report *r, FILE *out)
{
	print_sites(r, out);
	print_lives(r, out);
	print_leaks(r, out);
	print_bad_frees(r, out);
}
