// SPDX-License-Identifier: GPL-2.0-only
/* The report in text: how well frames could be named, and the account of every event. */
#include <inttypes.h>
#include <stdlib.h>

#include "base.h"
#include "format.h"
#include "report_text.h"

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
	if (t->unknown_origins)
		fprintf(out, "TROUBLE: %s freed that nobody saw allocated\n",
			plural(t->unknown_origins, "kind"));
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

/* What became of the allocations that were to be followed, since the start. */
static void print_follow(const struct report *r, FILE *out)
{
	const struct follow_account *f = r->follow;

	if (!f)
		return;
	fprintf(out, "memory: %s allocated = %s freed + %s held + %s lost", number(f->taken),
		number(f->freed), number(f->held), number(follow_lost(f)));
	if (r->last)
		fprintf(out, ", residual %" PRId64 "\n", follow_rest(f));
	else
		fprintf(out, " + %" PRId64 " of the last moment\n", follow_rest(f));
	if (follow_lost(f))
		fprintf(out, "%13slost: %s no room to follow, %s freed unseen, %s no room to"
			" count\n", "", number(f->sum.untaken), number(f->sum.unseen),
			number(f->sum.uncounted));
	if (f->recursion + f->sum.undeleted)
		fprintf(out, "%13sup to %s freed unseen may count as held, or as freed later\n",
			"", number(f->recursion + f->sum.undeleted));
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

		if (!a->wanted)
			continue;
		if (!a->attached) {
			fprintf(out, "%-11s not watched: no tracepoint\n", kind_name(kind));
			continue;
		}
		print_account(r, kind, out);
		residual += llabs(account_residual(a));
	}
	print_follow(r, out);
	if (r->last && r->follow)
		residual += llabs(follow_rest(r->follow));
	print_trouble(r, out);
	fprintf(out, "identity: emitted = captured + %slost, residual %" PRId64 "\n",
		r->sample > 1 ? "not sampled + " : "", residual);
}

void report_text_identity(const struct report *r, FILE *out)
{
	print_ladder(r, out);
	print_identity(r, out);
}
