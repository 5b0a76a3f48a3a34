// SPDX-License-Identifier: GPL-2.0-only
/*
 * A report for people: at most 100 columns, unless a single name is longer.
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
#include "report_text.h"

static const char *label_word(const struct label *l)
{
	static char word[512];
	const char *slash = l->file ? strrchr(l->file, '/') : NULL;
	int n;

	if (l->step == STEP_CUT)
		return "...";
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
		const char *m = l[i].module ? l[i].module : proper;

		if (l[i].step >= STEP_ADDRESS)
			m = module;
		if (m != module)
			word = xprintf("%s[%s] %s", i ? "<- " : "", printable(m),
				       label_word(&l[i]));
		else
			word = xprintf("%s%s", i ? "<- " : "", label_word(&l[i]));
		wrap_word(&w, word);
		free(word);
		module = m;
	}
	if (!n)
		wrap_word(&w, "(none)");
	fputc('\n', out);
}

void report_stacks(FILE *out, const struct caller *c)
{
	size_t n;

	print_chain(out, "kernel", c->kernel, "kernel");
	symbols_chain(c->user, &n);
	if (n)
		print_chain(out, "user", c->user, "?");
	else
		fprintf(out, "%10suser    (none: thread %s)\n", "", printable(c->comm));
}

static void print_command(char **command, FILE *out)
{
	struct wrap w = { .out = out, .indent = 9 };
	char **arg, *copy, *rest, *word;

	w.column = fprintf(out, "command: ");
	for (arg = command; *arg; arg++) {
		rest = copy = xprintf("%s", *arg);
		while ((word = strsep(&rest, " \t\n")))
			if (*word)
				wrap_word(&w, printable(word));
		free(copy);
	}
	fputc('\n', out);
}

static void print_header(const struct report *r, FILE *out)
{
	const struct status_counters *s = &r->counters.status;
	struct utsname name;

	uname(&name);
	fprintf(out, "VexFS trace report   kernel %s   window %s\n", name.release,
		duration(r->window_ns));
	fprintf(out, "counters by %s", r->source);
	if (s->since_reset)
		fprintf(out, ", of the last %s", duration(s->since_reset));
	fputc('\n', out);
	if (r->command)
		print_command(r->command, out);
	if (r->captured && r->sample > 1)
		fprintf(out, "call stacks of one operation and allocation of %s\n",
			number(r->sample));
	if (r->captured)
		fputs("\na <- b means that b called a; * marks the call stacks of the deepest call"
		      "\n", out);
}

static bool class_active(const struct report *r, unsigned int i)
{
	return r->counters.classes[i].depth.calls || r->counters.classes[i].latency.count ||
	       report_callers(r, VEXFS_EVENT_OP, i).count;
}

static uint64_t total_time(const struct report *r, unsigned int i)
{
	const struct latency_counters *l = &r->counters.classes[i].latency;

	return l->count * l->mean;
}

/* Active classes, those first in which most time was spent; returns how many. */
static unsigned int order_classes(const struct report *r, unsigned int *order)
{
	unsigned int n = 0, i, j;

	for (i = 0; i < MAX_CLASSES; i++) {
		if (!class_active(r, i))
			continue;
		for (j = n++; j && total_time(r, order[j - 1]) < total_time(r, i); j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
	return n;
}

static void print_overview(const struct report *r, FILE *out)
{
	unsigned int order[MAX_CLASSES], n = order_classes(r, order), k;

	section(out, "OPERATIONS", "by total time");
	fprintf(out, "%-12s %10s %9s %7s   %29s   %24s\n", "", "", "", "", "latency           ",
		"stack bytes, share of it");
	fprintf(out, "%-12s %10s %9s %7s   %9s %9s %9s   %7s %7s %8s\n", "class", "calls",
		r->sample > 1 ? "sampled" : "in window", "errors", "p50", "p99", "max", "p99", "max", "deepest");
	for (k = 0; k < n; k++) {
		unsigned int i = order[k];
		const struct depth_counters *d = &r->counters.classes[i].depth;
		const struct latency_counters *l = &r->counters.classes[i].latency;

		if (strlen(class_name(i)) > 12)
			fprintf(out, "%s\n%12s", printable(class_name(i)), "");
		else
			fprintf(out, "%-12s", class_name(i));
		fprintf(out, " %10s %9s %7s", number(d->calls),
			r->captured && i < VEXFS_OP_NR ?
			number(report_callers(r, VEXFS_EVENT_OP, i).events) : "-",
			number(l->errors));
		if (l->count)
			fprintf(out, "   %9s %9s %9s", duration(l->p50), duration(l->p99),
				duration(l->max));
		else
			fprintf(out, "   %9s %9s %9s", "-", "-", "-");
		if (d->measured)
			fprintf(out, "   %7s %7s %8s\n", number(d->p99), number(d->max),
				percent(d->max_absolute, r->counters.status.thread_size));
		else
			fprintf(out, "   %7s %7s %8s\n", "-", "-", "-");
	}
	if (!n)
		fputs("none yet\n", out);
}

static void print_figures(const struct class_counters *c, FILE *out)
{
	const struct latency_counters *l = &c->latency;
	const struct depth_counters *d = &c->depth;

	if (!l->count)
		return;
	fprintf(out, "%-10s %9s %9s %9s %9s %9s %9s %9s\n", "", "min", "p50", "p90", "p99", "p99.9",
		"max", "mean");
	fprintf(out, "  %-8s %9s %9s %9s", "latency", duration(l->min), duration(l->p50),
		duration(l->p90));
	fprintf(out, " %9s %9s %9s %9s\n", duration(l->p99), duration(l->p999), duration(l->max),
		duration(l->mean));
	if (d->measured)
		fprintf(out, "  %-8s %9s %9s %9s %9s %9s %9s %9s bytes\n", "stack", number(d->min),
			number(d->p50), "", number(d->p99), "", number(d->max), number(d->mean));
}

static bool same_stacks(const struct caller *a, const struct caller *b)
{
	return a && b && a->kernel == b->kernel && a->user == b->user && a->comm == b->comm;
}

/* The call stack of a record is printed once: an asterisk leads there. */
static bool is_shown(const struct report *r, const struct callers *callers,
		     const struct caller *record)
{
	size_t i;

	for (i = 0; i < callers->count && i < r->top; i++)
		if (same_stacks(&callers->first[i], record))
			return true;
	return false;
}

static void print_depth(const struct report *r, unsigned int i, FILE *out)
{
	const struct depth_counters *d = &r->counters.classes[i].depth;
	const struct caller *deepest = report_deepest(r, i);
	struct callers callers = report_callers(r, VEXFS_EVENT_OP, i);

	fprintf(out, "  %-8s %s of %s calls", "painted", number(d->painted), number(d->calls));
	fprintf(out, "; %s unpainted, %s clipped", number(d->unpainted), number(d->clipped));
	if (d->shallow)
		fprintf(out, "; %s of them shallow", number(d->shallow));
	if (d->interrupted)
		fprintf(out, "; %s interrupted", number(d->interrupted));
	if (d->over_75)
		fprintf(out, "; %s over 75 %% of the stack", number(d->over_75));
	fputc('\n', out);
	if (!d->measured)
		return;
	fprintf(out, "  %-8s %s bytes below its caller, %s of the stack", "deepest", number(d->max),
		number(d->max_absolute));
	if (r->counters.status.thread_size)
		fprintf(out, "'s %s", number(r->counters.status.thread_size));
	if (deepest) {
		fprintf(out, ", by %s", printable(deepest->comm));
		if (is_shown(r, &callers, deepest)) {
			fputs(" *\n", out);
		} else {
			fputc('\n', out);
			report_stacks(out, deepest);
		}
	} else if (r->captured && r->accounts[VEXFS_EVENT_RECORD].attached) {
		fputs(",\n           before this window: --reset starts anew\n", out);
	} else {
		fputc('\n', out);
	}
}

/* The chain of calls, with what each function takes of the stack. */
static void print_calls(const struct report *r, unsigned int op_class, FILE *out)
{
	const struct chain_counters *c = &r->counters.classes[op_class].chain;
	uint32_t from = c->depth;
	size_t i;

	if (!c->depth)
		return;
	fprintf(out, "  %-8s of calls, caught at %s bytes", "chain", number(c->depth));
	if (c->seq)
		fprintf(out, ", by %s (thread %u)", printable(c->comm), c->pid);
	fprintf(out, "%s%s\n%12s %8s\n", c->ftrace ? ", by ftrace" : "",
		c->complete ? "" : "; incomplete", "frame", "down to");
	for (i = 0; i < c->frames; i++) {
		fprintf(out, "%12s %8s  %s\n", number(c->frame[i].bytes), number(from),
			printable(c->frame[i].function));
		from -= c->frame[i].bytes;
	}
}

static void print_op_callers(const struct report *r, unsigned int i, FILE *out)
{
	struct callers callers = report_callers(r, VEXFS_EVENT_OP, i);
	size_t n = callers.count < r->top ? callers.count : r->top, j;

	if (!callers.count)
		return;
	fprintf(out, "  %-8s %s in the window, by %s", "calls", number(callers.events),
		plural(callers.count, "call stack"));
	if (n < callers.count)
		fprintf(out, ", of which %s", number(n));
	fputc('\n', out);
	for (j = 0; j < n; j++) {
		const struct caller *c = &callers.first[j];

		fprintf(out, "%12s %8s  %s", number(c->count), percent(c->count, callers.events),
			printable(c->comm));
		if (same_stacks(c, report_deepest(r, i)))
			fputs(" *", out);
		if (c->size)
			fprintf(out, ", %s", bytes(c->size));
		if (c->visited)
			fprintf(out, ", %s rows compared", number(c->visited));
		if (c->errors)
			fprintf(out, ", %s failed", number(c->errors));
		fputc('\n', out);
		report_stacks(out, c);
	}
}

static void print_classes(const struct report *r, FILE *out)
{
	unsigned int order[MAX_CLASSES], n = order_classes(r, order), k;

	for (k = 0; k < n; k++) {
		unsigned int i = order[k];
		const struct class_counters *c = &r->counters.classes[i];
		char title[64];
		size_t j;

		snprintf(title, sizeof(title), "%s", class_name(i));
		for (j = 0; title[j] && i < VEXFS_OP_NR; j++)
			title[j] = toupper((unsigned char)title[j]);
		fprintf(out, "\n%s  %s", title, plural(c->depth.calls, "call"));
		if (c->target.functions > 1)
			fprintf(out, " of %s", plural(c->target.functions, "function"));
		if (c->target.missed)
			fprintf(out, ", %s missed", number(c->target.missed));
		if (c->latency.errors)
			fprintf(out, ", %s failed", number(c->latency.errors));
		fputc('\n', out);
		print_figures(c, out);
		print_time(&c->ops, out);
		print_target(&c->target, out);
		print_depth(r, i, out);
		print_calls(r, i, out);
		print_op_callers(r, i, out);
	}
}

static void print_ladder(const struct report *r, FILE *out)
{
	const struct ladder *l = &r->ladder;

	section(out, "SYMBOLS", "frames of all call stacks, by the best that could be had");
	fprintf(out, "%-8s %10s %18s %12s %16s %12s\n", "", "function", "module and offset",
		"address", "callers unknown", "thread only");
	fprintf(out, "%-8s %10s %18s %12s\n", "kernel", number(l->kernel[STEP_FUNCTION]), "",
		number(l->kernel[STEP_ADDRESS]));
	fprintf(out, "%-8s %10s %18s %12s %16s %12s\n", "user", number(l->user[STEP_FUNCTION]),
		number(l->user[STEP_MODULE]), number(l->user[STEP_ADDRESS]),
		number(l->user[STEP_CUT]), number(l->thread_only));
	if (l->stale)
		fprintf(out, "%s in files that were replaced since\n",
			plural(l->stale, "user frame"));
}

static void print_reasons(const struct account *a, FILE *out)
{
	const struct vxr_kind_stat *s = &a->sum;

	if (a->from_ring || s->ring_full)
		fprintf(out, "%13svia ring: %s kernel, %s user stacks collided; %s stack map,"
			" %s totals full\n", "", number(s->kernel_collision),
			number(s->user_collision), number(s->stacks_full),
			number(s->totals_full));
	if (account_lost(a))
		fprintf(out, "%13slost: %s ring full, %s unreadable, %s in recursion\n", "",
			number(s->ring_full), number(s->unreadable), number(a->recursion));
	if (s->no_kernel_stack)
		fprintf(out, "%13s%s without a kernel stack\n", "", number(s->no_kernel_stack));
	if (s->no_user_stack)
		fprintf(out, "%13s%s without a user stack (kernel threads)\n", "",
			number(s->no_user_stack));
}

static void print_trouble(const struct report *r, FILE *out)
{
	const struct trouble *t = &r->trouble;
	unsigned int kind;

	if (t->missing_stacks || t->unsettled || t->misnumbered)
		fprintf(out, "TROUBLE: %s lost, %s not left in time, %s of another CPU\n",
			plural(t->missing_stacks, "stack"), plural(t->unsettled, "epoch"),
			plural(t->misnumbered, "event"));
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++)
		if (r->outside[kind].contradictions)
			fprintf(out, "TROUBLE: %s: %s with numbers that the module never gave\n",
				kind_name(kind), plural(r->outside[kind].contradictions, "CPU"));
}

static void print_account(const struct report *r, unsigned int kind, FILE *out)
{
	const struct account *a = &r->accounts[kind];
	const struct outside *o = &r->outside[kind];

	fprintf(out, "%-11s %10s = %10s + %10s + ", kind_name(kind), number(a->emitted),
		number(a->from_map), number(a->from_ring));
	if (r->sample > 1)
		fprintf(out, "%11s + ", number(a->unsampled));
	fprintf(out, "%10s   %8" PRId64, number(account_lost(a)), account_residual(a));
	if (r->sample <= 1)
		fprintf(out, "   %10s %12s", o->known ? number(o->between) : "-",
			o->known ? number(o->around) : "-");
	else if (o->known)
		fprintf(out, "\n%13sby module: %s, out of window: %s", "", number(o->between),
			number(o->around));
	fputc('\n', out);
	print_reasons(a, out);
}

static void print_identity(const struct report *r, FILE *out)
{
	int64_t residual = 0;
	unsigned int kind;

	section(out, "IDENTITY", "every event that the kernel numbered, and where it went");
	if (r->sample > 1)
		fprintf(out, "%-11s %10s = %10s + %10s + %11s + %10s   %8s\n", "", "emitted",
			"in maps", "via ring", "not sampled", "lost", "residual");
	else
		fprintf(out, "%-11s %10s = %10s + %10s + %10s   %8s   %10s %12s\n", "", "emitted",
			"in maps", "via ring", "lost", "residual", "by module", "out of window");
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		const struct account *a = &r->accounts[kind];

		if (!a->attached) {
			fprintf(out, "%-11s not watched: no tracepoint\n", kind_name(kind));
			continue;
		}
		print_account(r, kind, out);
		residual += llabs(account_residual(a));
	}
	print_trouble(r, out);
	fprintf(out, "identity: emitted = captured + %slost, residual %" PRId64 "\n",
		r->sample > 1 ? "not sampled + " : "", residual);
}

void report_text(const struct report *r, FILE *out)
{
	print_header(r, out);
	print_overview(r, out);
	print_classes(r, out);
	print_locks(r, out);
	report_text_memory(r, out);
	if (r->captured) {
		print_ladder(r, out);
		print_identity(r, out);
	} else {
		fputs("\nNo call stacks: no BPF programs were attached.\n", out);
	}
	if (!r->last)
		fputc('\n', out);
}
