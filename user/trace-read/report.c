// SPDX-License-Identifier: GPL-2.0-only
/* Joins counters and call stacks. */
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "events.h"
#include "report.h"

/* How the callers of operations are put in order. */
static bool by_time;

static bool same_caller(const void *array, uint32_t item, const void *key)
{
	const struct caller *a = &((const struct caller *)array)[item], *b = key;

	return a->kind == b->kind && a->id == b->id && a->depth == b->depth &&
	       a->kernel == b->kernel && a->user == b->user && a->comm == b->comm;
}

/* What makes it important; of allocations that are followed, first what they hold. */
static uint64_t weight(const struct caller *c)
{
	if (c->kind == VEXFS_EVENT_RECORD || c->kind == VEXFS_EVENT_CHAIN)
		return c->depth;
	if (c->kind == VEXFS_EVENT_ALLOC)
		return c->sum.size;
	return by_time ? c->sum.time : c->sum.count;
}

/* Most important first within a class or site. */
static int by_weight(const void *a, const void *b)
{
	const struct caller *x = a, *y = b;
	uint64_t weight_x = weight(x), weight_y = weight(y);

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->fate.held.size != y->fate.held.size)
		return x->fate.held.size > y->fate.held.size ? -1 : 1;
	if (weight_x != weight_y)
		return weight_x > weight_y ? -1 : 1;
	if (x->kernel != y->kernel)
		return x->kernel < y->kernel ? -1 : 1;
	return x->user < y->user ? -1 : x->user > y->user;
}

static void add_group(struct report *r, size_t *room, struct index *index, const struct group *g)
{
	struct caller want = {
		.kind = g->kind, .id = g->id, .depth = g->depth,
		.kernel = symbols_kernel_chain(g->kernel), .user = symbols_user_chain(g->user),
		.comm = g->comm, .tgid = g->tgid, .sum.size_min = UINT64_MAX,
	};
	uint32_t key[] = { want.kind, want.id, want.depth, want.kernel, want.user };
	uint64_t hash = hash_bytes(key, sizeof(key), (uintptr_t)want.comm);
	uint32_t i = index_find(index, hash, same_caller, r->callers, &want);
	struct caller *c;

	if (i == INDEX_NONE) {
		GROW(r->callers, r->nr_callers, *room);
		r->callers[r->nr_callers] = want;
		i = r->nr_callers++;
		index_add(index, hash, i);
	}
	c = &r->callers[i];
	value_merge(&c->sum, &g->sum);
	fate_merge(&c->fate, &g->fate);
}

void report_join(struct report *r)
{
	struct index index = {};
	const struct group *groups;
	size_t n, i, room = 0;

	/* It tells the groups what is held: so it comes first. */
	r->follow = capture_follow();
	r->commits = capture_commits();
	groups = events_groups(&n);
	for (i = 0; i < n; i++) {
		add_group(r, &room, &index, &groups[i]);
		symbols_count_kernel(groups[i].kernel, &r->ladder);
		symbols_count_user(groups[i].user, &r->ladder);
	}
	index_free(&index);
	by_time = report_of_times(r);
	if (r->nr_callers)
		qsort(r->callers, r->nr_callers, sizeof(*r->callers), by_weight);
	r->accounts = capture_account();
	r->trouble = *capture_trouble();
}

void report_check(struct report *r, const struct status_counters *before,
		  const struct status_counters *after)
{
	unsigned int kind, cpu;

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		struct outside *o = &r->outside[kind];

		o->known = before->cpu && after->cpu && before->cpus == after->cpus;
		for (cpu = 0; o->known && cpu < after->cpus; cpu++) {
			uint64_t from = before->cpu[cpu].kind[kind];
			uint64_t to = after->cpu[cpu].kind[kind];
			uint64_t first, last;

			o->between += to - from;
			if (!capture_seen(kind, cpu, &first, &last))
				o->around += to - from;
			else if (first <= from || last > to)
				o->contradictions++;
			else
				o->around += first - from - 1 + to - last;
		}
	}
}

struct callers report_callers(const struct report *r, unsigned int kind, uint32_t id)
{
	struct callers found = {};
	size_t i;

	for (i = 0; i < r->nr_callers; i++) {
		const struct caller *c = &r->callers[i];

		if (c->kind != kind || c->id != id)
			continue;
		if (!found.first)
			found.first = c;
		found.count++;
		found.events += c->sum.count;
		found.size += c->sum.size;
		found.time += c->sum.time;
		fate_merge(&found.fate, &c->fate);
	}
	return found;
}

const struct caller *report_deepest(const struct report *r, uint32_t op_class)
{
	struct callers records = report_callers(r, VEXFS_EVENT_RECORD, op_class);
	const struct depth_counters *d = &r->counters.classes[op_class].depth;

	if (!records.count || !d->measured || records.first->depth != d->max)
		return NULL;
	return records.first;
}

static int by_live(const void *a, const void *b)
{
	const struct site_counters *x = *(const struct site_counters *const *)a;
	const struct site_counters *y = *(const struct site_counters *const *)b;

	if (x->live != y->live)
		return x->live > y->live ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

const struct site_counters **report_sites(const struct report *r)
{
	const struct site_counters **sites = xmalloc(r->counters.nr_sites * sizeof(*sites));
	size_t i;

	for (i = 0; i < r->counters.nr_sites; i++)
		sites[i] = &r->counters.sites[i];
	if (i)
		qsort(sites, i, sizeof(*sites), by_live);
	return sites;
}

static int by_frames(const struct lock_counters *x, const struct lock_counters *y)
{
	size_t i;
	int order;

	for (i = 0; i < x->stack.calls && i < y->stack.calls; i++) {
		order = strcmp(x->stack.function[i], y->stack.function[i]);
		if (order)
			return order;
	}
	return (x->stack.calls > y->stack.calls) - (x->stack.calls < y->stack.calls);
}

/* However they came, the order is the same. */
static int by_wait(const void *a, const void *b)
{
	const struct lock_counters *x = *(const struct lock_counters *const *)a;
	const struct lock_counters *y = *(const struct lock_counters *const *)b;
	int order;

	if (x->op_class != y->op_class)
		return x->op_class < y->op_class ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	order = strcmp(x->kind, y->kind);
	if (!order)
		order = strcmp(x->function, y->function);
	return order ? order : by_frames(x, y);
}

static bool is_of(const struct lock_counters *l, const struct lock_counters *of)
{
	if (!of)
		return !l->holder;
	return l->holder && l->op_class == of->op_class && !strcmp(l->kind, of->kind) &&
	       !strcmp(l->function, of->function);
}

const struct lock_counters **report_locks(const struct report *r, const struct lock_counters *of,
					  size_t *n)
{
	const struct counters *c = &r->counters;
	const struct lock_counters **locks = xmalloc((c->nr_locks + 1) * sizeof(*locks));
	size_t i;

	*n = 0;
	for (i = 0; i < c->nr_locks; i++)
		if (is_of(&c->locks[i], of))
			locks[(*n)++] = &c->locks[i];
	if (*n)
		qsort(locks, *n, sizeof(*locks), by_wait);
	return locks;
}

bool report_residual(const struct report *r)
{
	unsigned int kind;

	if (!r->captured)
		return false;
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++)
		if (account_residual(&r->accounts[kind]) || r->outside[kind].contradictions)
			return true;
	/* While programs run, some allocations are in neither account yet. */
	if (r->last && r->follow && follow_rest(r->follow))
		return true;
	return r->trouble.missing_stacks || r->trouble.unsettled || r->trouble.misnumbered ||
	       r->trouble.unknown_origins;
}

void report_free(struct report *r)
{
	counters_free(&r->counters);
	free(r->callers);
	r->callers = NULL;
	r->nr_callers = 0;
}
