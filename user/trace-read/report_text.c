// SPDX-License-Identifier: GPL-2.0-only
/*
 * A report for people: at most 100 columns, unless a single name is longer. Calls go
 * from the innermost function outwards: "a <- b" means that b called a.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base.h"
#include "format.h"
#include "report.h"

#define WIDTH 100

/* A line under construction, broken before WIDTH; continuation lines are indented. */
struct wrap {
	FILE *out;
	int column, indent;
};

static void wrap_word(struct wrap *w, const char *word)
{
	int len = strlen(word);

	if (w->column > w->indent && w->column + 1 + len > WIDTH) {
		fprintf(w->out, "\n%*s", w->indent, "");
		w->column = w->indent;
	} else if (w->column > w->indent) {
		fputc(' ', w->out);
		w->column++;
	}
	fputs(word, w->out);
	w->column += len;
}

static void section(FILE *out, const char *title, const char *note)
{
	fprintf(out, "\n%s%s%s\n", title, *note ? "  " : "", note);
}

static const char *label_word(const struct label *l)
{
	static char word[512];
	const char *slash = l->file ? strrchr(l->file, '/') : NULL;
	int n;

	if (l->step == STEP_ADDRESS)
		n = snprintf(word, sizeof(word), "0x%" PRIx64, l->offset);
	else if (l->step == STEP_MODULE)
		n = snprintf(word, sizeof(word), "+0x%" PRIx64, l->offset);
	else
		n = snprintf(word, sizeof(word), "%s%s", printable(l->func),
			     l->inlined ? " (inlined)" : "");
	if (l->file && l->line && n < (int)sizeof(word))
		snprintf(word + n, sizeof(word) - n, " %s:%u",
			 printable(slash ? slash + 1 : l->file), l->line);
	return word;
}

/* "[vexfs] a <- b <- [kernel] c": the module stands where it changes. */
static void print_chain(FILE *out, const char *title, uint32_t chain, const char *proper)
{
	struct wrap w = { .out = out, .indent = 18 };
	const char *module = NULL;
	const struct label *l;
	size_t n, i;
	char *word;

	l = symbols_chain(chain, &n);
	w.column = fprintf(out, "%10s%-8s", "", title);
	for (i = 0; i < n; i++) {
		const char *m = l[i].module ? l[i].module : l[i].step == STEP_ADDRESS ? "?" : proper;

		if (m != module)
			word = xprintf("%s[%s] %s", i ? "<- " : "", printable(m), label_word(&l[i]));
		else
			word = xprintf("<- %s", label_word(&l[i]));
		wrap_word(&w, word);
		free(word);
		module = m;
	}
	if (!n)
		wrap_word(&w, "(none)");
	fputc('\n', out);
}

static void print_stacks(FILE *out, const struct caller *c)
{
	size_t n;

	print_chain(out, "kernel", c->kernel, "kernel");
	symbols_chain(c->user, &n);
	if (n)
		print_chain(out, "user", c->user, "?");
	else
		fprintf(out, "%10suser    (none: thread %s)\n", "", printable(c->comm));
}

static void print_header(const struct report *r, FILE *out)
{
	const struct status_counters *s = &r->counters.status;
	struct utsname name;
	char **word;

	uname(&name);
	fprintf(out, "VexFS trace report   kernel %s   window %s   counters by %s", name.release,
		duration(r->window_ns), r->source);
	if (s->since_reset)
		fprintf(out, ", of the last %s", duration(s->since_reset));
	fputc('\n', out);
	if (r->command) {
		struct wrap w = { .out = out, .column = fprintf(out, "command:"), .indent = 9 };

		w.indent = w.column;
		fputc(' ', out);
		w.column = ++w.indent;
		for (word = r->command; *word; word++)
			wrap_word(&w, printable(*word));
		fputc('\n', out);
	}
}

static bool class_active(const struct report *r, unsigned int i)
{
	return r->counters.classes[i].depth.calls || r->counters.classes[i].latency.count ||
	       report_callers(r, VEXFS_EVENT_OP, i).count;
}

static void print_overview(const struct report *r, FILE *out)
{
	unsigned int i;

	section(out, "OPERATIONS", "");
	fprintf(out, "%-12s %11s %8s   %9s %9s %9s   %8s %7s %7s %8s\n", "class", "calls", "errors",
		"p50", "p99", "max", "painted", "p99", "max", "of stack");
	for (i = 0; i < VEXFS_OP_NR; i++) {
		const struct depth_counters *d = &r->counters.classes[i].depth;
		const struct latency_counters *l = &r->counters.classes[i].latency;

		if (!class_active(r, i))
			continue;
		fprintf(out, "%-12s %11s %8s", class_name(i), number(d->calls), number(l->errors));
		if (l->count)
			fprintf(out, "   %9s %9s %9s", duration(l->p50), duration(l->p99),
				duration(l->max));
		else
			fprintf(out, "   %9s %9s %9s", "-", "-", "-");
		fprintf(out, "   %8s", percent(d->painted, d->calls));
		if (d->measured)
			fprintf(out, " %7s %7s %8s\n", number(d->p99), number(d->max),
				percent(d->max_absolute, r->counters.status.thread_size));
		else
			fprintf(out, " %7s %7s %8s\n", "-", "-", "-");
	}
}

static void print_latency(const struct latency_counters *l, FILE *out)
{
	if (!l->count)
		return;
	fprintf(out, "  latency  min %s  p50 %s  p90 %s", duration(l->min), duration(l->p50),
		duration(l->p90));
	fprintf(out, "  p99 %s  p99.9 %s", duration(l->p99), duration(l->p999));
	fprintf(out, "  max %s  mean %s\n", duration(l->max), duration(l->mean));
}

static void print_depth(const struct report *r, unsigned int i, FILE *out)
{
	const struct depth_counters *d = &r->counters.classes[i].depth;
	const struct caller *deepest = report_deepest(r, i);

	if (d->measured) {
		fprintf(out, "  stack    min %s  p50 %s  p99 %s  max %s  mean %s bytes", number(d->min),
			number(d->p50), number(d->p99), number(d->max), number(d->mean));
		fprintf(out, "; with its callers %s of %s\n", number(d->max_absolute),
			number(r->counters.status.thread_size));
	}
	fprintf(out, "           painted %s  unpainted %s  clipped %s", number(d->painted),
		number(d->unpainted), number(d->clipped));
	fprintf(out, "  shallow %s  over 75 %%: %s\n", number(d->shallow), number(d->over_75));
	if (deepest) {
		fprintf(out, "  deepest  %s bytes, of which these are the callers (%s, process %u)\n",
			number(deepest->depth), printable(deepest->comm), deepest->tgid);
		print_stacks(out, deepest);
	} else if (d->measured && r->captured && r->accounts[VEXFS_EVENT_RECORD].attached) {
		fputs("  deepest  reached before this window; --reset catches the next one\n", out);
	}
}

static void print_op_callers(const struct report *r, unsigned int i, FILE *out)
{
	struct callers callers = report_callers(r, VEXFS_EVENT_OP, i);
	size_t n = callers.count < r->top ? callers.count : r->top, j;

	if (!callers.count)
		return;
	fprintf(out, "  callers  %s calls in the window by %s call stacks", number(callers.events),
		number(callers.count));
	fprintf(out, n < callers.count ? ", the first %s of them\n" : "\n", number(n));
	for (j = 0; j < n; j++) {
		const struct caller *c = &callers.first[j];

		fprintf(out, "%12s %8s  %s", number(c->count), percent(c->count, callers.events),
			printable(c->comm));
		if (c->size)
			fprintf(out, ", %s", bytes(c->size));
		if (c->visited)
			fprintf(out, ", %s rows compared", number(c->visited));
		if (c->errors)
			fprintf(out, ", %s failed", number(c->errors));
		fputc('\n', out);
		print_stacks(out, c);
	}
}

static void print_classes(const struct report *r, FILE *out)
{
	unsigned int i;

	for (i = 0; i < VEXFS_OP_NR; i++) {
		const struct class_counters *c = &r->counters.classes[i];
		char title[32];
		size_t j;

		if (!class_active(r, i))
			continue;
		snprintf(title, sizeof(title), "%s", class_name(i));
		for (j = 0; title[j]; j++)
			title[j] = toupper((unsigned char)title[j]);
		fprintf(out, "\n%s  %s calls", title, number(c->depth.calls));
		if (c->latency.errors)
			fprintf(out, ", %s failed", number(c->latency.errors));
		fputc('\n', out);
		print_latency(&c->latency, out);
		print_depth(r, i, out);
		print_op_callers(r, i, out);
	}
}

static void print_site(const struct report *r, const struct site_counters *s, FILE *out)
{
	struct callers callers = report_callers(r, VEXFS_EVENT_ALLOC, s->id);
	size_t n = callers.count < r->top ? callers.count : r->top, j;

	fprintf(out, "%4u %10s %9s %10s %11s %10s %5s  %s %s:%u\n", s->id, bytes(s->live),
		number(s->live_objects), bytes(s->peak), number(s->allocs), bytes(s->bytes),
		number(s->failures), printable(s->func), printable(s->file), s->line);
	for (j = 0; j < n; j++) {
		const struct caller *c = &callers.first[j];

		fprintf(out, "%12s %8s  %s, %s\n", number(c->count),
			percent(c->size, callers.size), printable(c->comm), bytes(c->size));
		print_stacks(out, c);
	}
	if (n < callers.count)
		fprintf(out, "%24s%s further call stacks\n", "", number(callers.count - n));
}

static void print_sites(const struct report *r, FILE *out)
{
	const struct site_counters **sites = report_sites(r);
	size_t i, idle = 0;

	section(out, "ALLOCATIONS", "by live bytes; below each site what its window's bytes were for");
	fprintf(out, "%4s %10s %9s %10s %11s %10s %5s  %s\n", "site", "live", "objects", "peak",
		"allocs", "bytes", "fails", "where");
	for (i = 0; i < r->counters.nr_sites; i++) {
		if (sites[i]->allocs || sites[i]->live || sites[i]->failures)
			print_site(r, sites[i], out);
		else
			idle++;
	}
	if (idle)
		fprintf(out, "%s sites that hold nothing and were not used\n", number(idle));
	if (r->counters.status.sites_dropped)
		fprintf(out, "%s sites are missing: the module's table is full\n",
			number(r->counters.status.sites_dropped));
	free(sites);
}

static void print_ladder(const struct report *r, FILE *out)
{
	const struct ladder *l = &r->ladder;

	section(out, "SYMBOLS", "frames of the stacks above, by the best that could be had");
	fprintf(out, "%-12s %11s named %11s by address\n", "kernel",
		number(l->kernel[STEP_FUNCTION]), number(l->kernel[STEP_ADDRESS]));
	fprintf(out, "%-12s %11s named %11s by module and offset %11s by address\n", "user",
		number(l->user[STEP_FUNCTION]), number(l->user[STEP_MODULE]),
		number(l->user[STEP_ADDRESS]));
	fprintf(out, "%-12s %11s stacks have none of user space: they go by the thread's name\n", "",
		number(l->thread_only));
	if (l->stale)
		fprintf(out, "%-12s %11s user frames lie in files that were replaced since\n", "",
			number(l->stale));
}

static void print_outside(const struct report *r, FILE *out)
{
	unsigned int kind;

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		const struct outside *o = &r->outside[kind];

		if (!r->accounts[kind].attached || !o->known)
			continue;
		fprintf(out, "%-12s %11s numbered by the module since before the window, %s of them outside\n",
			kind_name(kind), number(o->between), number(o->around));
		if (o->contradictions)
			fprintf(out, "%-12s %11s CPUs emitted numbers that the module never gave\n", "",
				number(o->contradictions));
	}
}

static void print_reasons(const struct account *a, FILE *out)
{
	const struct vxr_kind_stat *s = &a->sum;

	if (a->from_ring || s->ring_full)
		fprintf(out, "%14svia ring: %s kernel and %s user stack collisions, %s stack map full, %s totals full\n",
			"", number(s->kernel_collision), number(s->user_collision),
			number(s->stacks_full), number(s->totals_full));
	if (account_lost(a))
		fprintf(out, "%14slost: %s ring full, %s unreadable, %s while the program ran already\n",
			"", number(s->ring_full), number(s->unreadable), number(a->recursion));
	if (s->no_kernel_stack)
		fprintf(out, "%14s%s without a kernel stack\n", "", number(s->no_kernel_stack));
	if (s->no_user_stack)
		fprintf(out, "%14s%s without a user stack (kernel threads)\n", "",
			number(s->no_user_stack));
}

static void print_identity(const struct report *r, FILE *out)
{
	int64_t residual = 0;
	unsigned int kind;

	section(out, "IDENTITY", "each event that the kernel numbered, and where it went");
	fprintf(out, "%-12s %11s = %11s + %11s + %11s   %8s\n", "", "emitted", "in maps", "via ring",
		"lost", "residual");
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		const struct account *a = &r->accounts[kind];

		if (!a->attached) {
			fprintf(out, "%-12s not watched: no tracepoint\n", kind_name(kind));
			continue;
		}
		fprintf(out, "%-12s %11s = %11s + %11s + %11s   %8" PRId64 "\n", kind_name(kind),
			number(a->emitted), number(a->from_map), number(a->from_ring),
			number(account_lost(a)), account_residual(a));
		print_reasons(a, out);
		residual += llabs(account_residual(a));
	}
	print_outside(r, out);
	if (r->trouble.missing_stacks || r->trouble.unsettled || r->trouble.misnumbered)
		fprintf(out, "TROUBLE: %s stack ids without a stack, %s epochs not left in time, %s events of another CPU\n",
			number(r->trouble.missing_stacks), number(r->trouble.unsettled),
			number(r->trouble.misnumbered));
	fprintf(out, "identity: emitted = captured + lost, residual %" PRId64 "\n", residual);
}

void report_text(const struct report *r, FILE *out)
{
	print_header(r, out);
	print_overview(r, out);
	print_classes(r, out);
	print_sites(r, out);
	if (r->captured) {
		print_ladder(r, out);
		print_identity(r, out);
	} else {
		fputs("\nNo call stacks: no BPF programs were attached.\n", out);
	}
	if (!r->last)
		fputc('\n', out);
}
