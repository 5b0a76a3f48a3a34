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
	unsigned int i;

	uname(&name);
	fprintf(out, "VexFS trace report   kernel %s   window %s", name.release,
		duration(r->window_ns));
	if (r->views != VIEW_ALL)
		fprintf(out, "   view");
	for (i = 0; r->views != VIEW_ALL && i < VIEWS; i++)
		if (r->views & 1u << i)
			fprintf(out, " %s", view_names[i]);
	fputc('\n', out);
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
		fprintf(out, "\na <- b means that b called a%s\n", r->views & VIEW_KERNEL ?
			"; * marks the call stacks of the deepest call" : "");
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

/* What classes are put in order by. */
static uint64_t class_weight(const struct report *r, unsigned int i)
{
	if (report_of_depths(r))
		return r->counters.classes[i].depth.max_absolute;
	return total_time(r, i);
}

/* Active classes, the weightiest first; returns how many. */
static unsigned int order_classes(const struct report *r, unsigned int *order)
{
	unsigned int n = 0, i, j;

	for (i = 0; i < MAX_CLASSES; i++) {
		if (!class_active(r, i))
			continue;
		for (j = n++; j && class_weight(r, order[j - 1]) < class_weight(r, i); j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
	return n;
}

static void print_overview_head(const struct report *r, FILE *out)
{
	bool kernel = r->views & VIEW_KERNEL, performance = r->views & VIEW_PERFORMANCE;

	section(out, "OPERATIONS", performance ? "by total time" :
		"by how far they went into the stack");
	fprintf(out, "%-12s %10s %9s %7s", "", "", "", "");
	if (report_of_times(r))
		fprintf(out, "   %16s", "");
	if (performance)
		fprintf(out, "   %29s", "latency           ");
	if (kernel)
		fprintf(out, "   %24s", "stack bytes, share of it");
	fprintf(out, "\n%-12s %10s %9s %7s", "class", "calls",
		r->sample > 1 ? "sampled" : "in window", "errors");
	if (report_of_times(r))
		fprintf(out, "   %9s %6s", "total", "share");
	if (performance)
		fprintf(out, "   %9s %9s %9s", "p50", "p99", "max");
	if (kernel)
		fprintf(out, "   %7s %7s %8s", "p99", "max", "deepest");
	fputc('\n', out);
}

/* @all: the time of all classes. */
static void print_latency(const struct report *r, unsigned int i, uint64_t all, FILE *out)
{
	const struct latency_counters *l = &r->counters.classes[i].latency;

	if (report_of_times(r))
		fprintf(out, "   %9s %6s", duration(total_time(r, i)),
			percent(total_time(r, i), all));
	if (l->count)
		fprintf(out, "   %9s %9s %9s", duration(l->p50), duration(l->p99),
			duration(l->max));
	else
		fprintf(out, "   %9s %9s %9s", "-", "-", "-");
}

static void print_overview(const struct report *r, FILE *out)
{
	unsigned int order[MAX_CLASSES], n = order_classes(r, order), k;
	uint64_t all = 0;

	print_overview_head(r, out);
	for (k = 0; k < n; k++)
		all += total_time(r, order[k]);
	for (k = 0; k < n; k++) {
		unsigned int i = order[k];
		const struct depth_counters *d = &r->counters.classes[i].depth;

		if (strlen(class_name(i)) > 12)
			fprintf(out, "%s\n%12s", printable(class_name(i)), "");
		else
			fprintf(out, "%-12s", class_name(i));
		fprintf(out, " %10s %9s %7s", number(d->calls),
			r->captured && i < VEXFS_OP_NR ?
			number(report_callers(r, VEXFS_EVENT_OP, i).events) : "-",
			number(r->counters.classes[i].latency.errors));
		if (r->views & VIEW_PERFORMANCE)
			print_latency(r, i, all, out);
		if (r->views & VIEW_KERNEL && d->measured)
			fprintf(out, "   %7s %7s %8s", number(d->p99), number(d->max),
				percent(d->max_absolute, r->counters.status.thread_size));
		else if (r->views & VIEW_KERNEL)
			fprintf(out, "   %7s %7s %8s", "-", "-", "-");
		fputc('\n', out);
	}
	if (!n)
		fputs("none yet\n", out);
}

static void print_figures(const struct report *r, const struct class_counters *c, FILE *out)
{
	const struct latency_counters *l = &c->latency;
	const struct depth_counters *d = &c->depth;

	if (!l->count || (report_of_depths(r) && !d->measured))
		return;
	fprintf(out, "%-10s %9s %9s %9s %9s %9s %9s %9s\n", "", "min", "p50", "p90", "p99", "p99.9",
		"max", "mean");
	if (r->views & VIEW_PERFORMANCE) {
		fprintf(out, "  %-8s %9s %9s %9s", "latency", duration(l->min), duration(l->p50),
			duration(l->p90));
		fprintf(out, " %9s %9s %9s %9s\n", duration(l->p99), duration(l->p999),
			duration(l->max), duration(l->mean));
	}
	if (r->views & VIEW_KERNEL && d->measured)
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

/* How often and how long, in the order of the callers. */
static void print_caller_figures(const struct report *r, const struct callers *callers,
				 const struct caller *c, FILE *out)
{
	const struct vxr_value *v = &c->sum;

	if (report_of_times(r)) {
		fprintf(out, "%12s %8s  %s", duration(v->time), percent(v->time, callers->time),
			printable(c->comm));
		fprintf(out, ", %s, mean %s", plural(v->count, "call"),
			duration(v->time / v->count));
		fprintf(out, ", max %s", duration(v->time_max));
	} else {
		fprintf(out, "%12s %8s  %s", number(v->count), percent(v->count, callers->events),
			printable(c->comm));
	}
	if (same_stacks(c, report_deepest(r, c->id)))
		fputs(" *", out);
	if (v->size)
		fprintf(out, ", %s", bytes(v->size));
	if (v->errors)
		fprintf(out, ", %s failed", number(v->errors));
	if (v->visited && report_of_times(r))
		fprintf(out, ",\n%23s%s rows compared, %s", "", number(v->visited),
			plural(v->hops, "hop"));
	else if (v->visited)
		fprintf(out, ", %s rows compared", number(v->visited));
	fputc('\n', out);
}

static void print_op_callers(const struct report *r, unsigned int i, FILE *out)
{
	struct callers callers = report_callers(r, VEXFS_EVENT_OP, i);
	size_t n = callers.count < r->top ? callers.count : r->top, j;

	if (!callers.count)
		return;
	fprintf(out, "  %-8s %s in the window, ", "calls", number(callers.events));
	if (report_of_times(r))
		fprintf(out, "%s, ", duration(callers.time));
	fprintf(out, "by %s", plural(callers.count, "call stack"));
	if (n < callers.count)
		fprintf(out, ", of which %s", number(n));
	fputc('\n', out);
	for (j = 0; j < n; j++) {
		print_caller_figures(r, &callers, &callers.first[j], out);
		report_stacks(out, &callers.first[j]);
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
		print_figures(r, c, out);
		if (r->views & VIEW_PERFORMANCE)
			print_time(&c->ops, out);
		print_target(&c->target, out);
		if (r->views & VIEW_KERNEL) {
			print_depth(r, i, out);
			print_calls(r, i, out);
		}
		print_op_callers(r, i, out);
	}
}

static void print_commits(const struct report *r, FILE *out)
{
	const struct vxr_commits *c = r->commits;

	if (!c || !(c->count + c->failed))
		return;
	section(out, "COMMITS", "transactions that were made durable in the window");
	fprintf(out, "%s: %s of the tree, %s of files; %s failed\n", plural(c->count, "commit"),
		plural(c->nodes, "block"), plural(c->data_blocks, "block"), number(c->failed));
}

void report_text(const struct report *r, FILE *out)
{
	print_header(r, out);
	if (r->views & (VIEW_KERNEL | VIEW_PERFORMANCE)) {
		print_overview(r, out);
		print_classes(r, out);
	}
	if (r->views & VIEW_PERFORMANCE) {
		print_locks(r, out);
		print_commits(r, out);
	}
	if (r->views & VIEW_MEMORY)
		report_text_memory(r, out);
	if (r->captured) {
		report_text_identity(r, out);
	} else {
		fputs("\nNo call stacks: no BPF programs were attached.\n", out);
	}
	if (!r->last)
		fputc('\n', out);
}
