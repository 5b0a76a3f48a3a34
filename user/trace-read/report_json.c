// SPDX-License-Identifier: GPL-2.0-only
/*
 * A report for programs. The manual page documents the schema; fields are added, never
 * renamed, within one value of "version". Nothing is left out for --top.
 */
#include <stdlib.h>
#include <sys/utsname.h>

#include "base.h"
#include "json.h"
#include "options.h"
#include "report.h"
#include "report_json.h"

#define SCHEMA_VERSION 1

static void write_chain(struct json *j, const char *key, uint32_t chain)
{
	size_t n, i;
	const struct label *l = symbols_chain(chain, &n);

	json_open(j, key, '[');
	for (i = 0; i < n; i++) {
		json_open(j, NULL, '{');
		if (l[i].func)
			json_string(j, "function", l[i].func);
		if (l[i].module)
			json_string(j, "module", l[i].module);
		if (l[i].file)
			json_string(j, "file", l[i].file);
		if (l[i].line)
			json_u64(j, "line", l[i].line);
		if (l[i].inlined)
			json_bool(j, "inlined", true);
		if (l[i].step == STEP_CUT)
			json_bool(j, "callers_unknown", true);
		else
			json_u64(j, l[i].step == STEP_ADDRESS ? "address" : "offset", l[i].offset);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void write_fate(struct json *j, const struct fate *m)
{
	json_open(j, "held", '{');
	json_u64(j, "objects", m->held.count);
	json_u64(j, "bytes", m->held.size);
	json_u64(j, "oldest_ns", m->held.time);
	json_close(j, '}');
	json_open(j, "freed", '{');
	json_u64(j, "objects", m->freed.count);
	json_u64(j, "bytes", m->freed.size);
	json_u64(j, "total_lifetime_ns", m->freed.time);
	json_close(j, '}');
}

static void write_caller(struct json *j, const char *key, const struct caller *c, bool followed)
{
	const struct vxr_value *v = &c->sum;

	json_open(j, key, '{');
	U64(j, v, count);
	if (c->kind == VEXFS_EVENT_CHAIN) {
		U64(j, c, depth);
	} else if (c->kind == VEXFS_EVENT_RECORD) {
		U64(j, c, depth);
		json_u64(j, "absolute", v->size_max);
	} else if (v->count) {
		json_u64(j, "bytes", v->size);
		json_u64(j, "bytes_min", v->size_min);
		json_u64(j, "bytes_max", v->size_max);
	}
	if (c->kind == VEXFS_EVENT_OP) {
		U64(j, v, errors);
		U64(j, v, visited);
		U64(j, v, hops);
		json_u64(j, "time_ns", v->time);
		json_u64(j, "time_max_ns", v->time_max);
	}
	if (c->kind == VEXFS_EVENT_ALLOC && followed)
		write_fate(j, &c->fate);
	json_string(j, "thread", c->comm);
	json_u64(j, "process", c->tgid);
	write_chain(j, "kernel", c->kernel);
	write_chain(j, "user", c->user);
	json_close(j, '}');
}

static void write_callers(struct json *j, const char *key, const struct report *r,
			  unsigned int kind, uint32_t id)
{
	struct callers callers = report_callers(r, kind, id);
	size_t i;

	json_open(j, key, '[');
	for (i = 0; i < callers.count; i++)
		write_caller(j, NULL, &callers.first[i], r->follow);
	json_close(j, ']');
}

static void write_stack(struct json *j, const struct depth_counters *d)
{
	json_open(j, "stack", '{');
	U64(j, d, calls);
	U64(j, d, painted);
	U64(j, d, unpainted);
	U64(j, d, clipped);
	U64(j, d, shallow);
	U64(j, d, over_75);
	U64(j, d, interrupted);
	if (d->measured) {
		U64(j, d, min);
		U64(j, d, mean);
		U64(j, d, p50);
		U64(j, d, p99);
		U64(j, d, max);
		U64(j, d, max_absolute);
		U64(j, d, max_seq);
	}
	json_close(j, '}');
}

static void write_latency(struct json *j, const struct latency_counters *l)
{
	json_open(j, "latency_ns", '{');
	U64(j, l, count);
	U64(j, l, errors);
	if (l->count) {
		U64(j, l, min);
		U64(j, l, mean);
		U64(j, l, p50);
		U64(j, l, p90);
		U64(j, l, p99);
		U64(j, l, p999);
		U64(j, l, max);
	}
	json_close(j, '}');
}

static void write_target(struct json *j, const struct target_counters *t)
{
	U64(j, t, functions);
	U64(j, t, missed);
	json_open(j, "memory", '{');
	U64(j, t, allocs);
	U64(j, t, bytes);
	U64(j, t, frees);
	U64(j, t, pages);
	U64(j, t, pages_freed);
	json_close(j, '}');
}

static void write_ops(struct json *j, const struct ops_counters *o)
{
	size_t i;

	json_open(j, "time_ns", '{');
	U64(j, o, total);
	U64(j, o, cpu);
	U64(j, o, lock);
	U64(j, o, io);
	U64(j, o, sleep);
	U64(j, o, runnable);
	U64(j, o, lost);
	U64(j, o, lost_ops);
	json_close(j, '}');
	U64(j, o, bytes);
	json_open(j, "errnos", '{');
	for (i = 0; i < o->nr_errors; i++)
		json_u64(j, errno_name(o->error[i].number), o->error[i].count);
	json_close(j, '}');
	json_open(j, "cache_hits", '{');
	json_u64(j, "nodes", o->node_hits);
	json_u64(j, "segments", o->segment_hits);
	json_close(j, '}');
	json_open(j, "cache_misses", '{');
	json_u64(j, "nodes", o->node_misses);
	json_u64(j, "segments", o->segment_misses);
	json_close(j, '}');
}

static void write_deepest_calls(struct json *j, const struct chain_counters *c)
{
	size_t i;

	if (!c->depth) {
		json_null(j, "chain");
		return;
	}
	json_open(j, "chain", '{');
	U64(j, c, depth);
	json_bool(j, "complete", c->complete);
	json_bool(j, "ftrace", c->ftrace);
	if (c->seq) {
		U64(j, c, seq);
		U64(j, c, pid);
		json_string(j, "thread", c->comm);
	}
	json_open(j, "frames", '[');
	for (i = 0; i < c->frames; i++) {
		json_open(j, NULL, '{');
		U64(j, &c->frame[i], bytes);
		json_string(j, "function", c->frame[i].function);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void write_classes(struct json *j, const struct report *r)
{
	unsigned int i;

	json_open(j, "classes", '[');
	for (i = 0; i < MAX_CLASSES; i++) {
		const struct class_counters *c = &r->counters.classes[i];
		struct callers callers = report_callers(r, VEXFS_EVENT_OP, i);
		const struct caller *deepest = report_deepest(r, i);

		if (!c->depth.calls && !c->latency.count && !callers.count)
			continue;
		json_open(j, NULL, '{');
		json_string(j, "class", class_name(i));
		json_bool(j, "target", i >= VEXFS_OP_NR);
		if (i >= VEXFS_OP_NR)
			write_target(j, &c->target);
		write_stack(j, &c->depth);
		write_latency(j, &c->latency);
		write_ops(j, &c->ops);
		json_u64(j, "events", callers.events);
		write_callers(j, "callers", r, VEXFS_EVENT_OP, i);
		write_callers(j, "records", r, VEXFS_EVENT_RECORD, i);
		write_callers(j, "chains", r, VEXFS_EVENT_CHAIN, i);
		if (deepest)
			write_caller(j, "deepest", deepest, false);
		else
			json_null(j, "deepest");
		write_deepest_calls(j, &c->chain);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void write_lives(struct json *j, const struct site_counters *s)
{
	json_string(j, "verdict", s->verdict);
	U64(j, s, rises);
	U64(j, s, tracked);
	U64(j, s, old);
	U64(j, s, untracked);
	if (s->tracked)
		json_u64(j, "oldest_ns", s->oldest);
	json_open(j, "lifetime_ns", '{');
	json_u64(j, "count", s->ended);
	if (s->ended) {
		U64(j, s, mean);
		U64(j, s, p50);
		U64(j, s, p99);
		U64(j, s, max);
	}
	json_close(j, '}');
}

static void write_trail(struct json *j, const char *key, const struct trail *trail)
{
	size_t i;

	json_open(j, key, '[');
	for (i = 0; i < trail->calls; i++)
		json_string(j, NULL, trail->function[i]);
	json_close(j, ']');
}

static void write_held(struct json *j, const struct report *r)
{
	size_t i;

	json_open(j, "held", '[');
	for (i = 0; i < r->counters.nr_held; i++) {
		const struct held_counters *h = &r->counters.held[i];

		json_open(j, NULL, '{');
		U64(j, h, site);
		U64(j, h, objects);
		U64(j, h, bytes);
		json_u64(j, "oldest_ns", h->oldest);
		U64(j, h, pid);
		write_trail(j, "from", &h->from);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void write_bad_frees(struct json *j, const struct report *r)
{
	size_t i;

	json_open(j, "bad_frees", '[');
	for (i = 0; i < r->counters.nr_bad_frees; i++) {
		const struct bad_free_counters *b = &r->counters.bad_frees[i];

		json_open(j, NULL, '{');
		json_string(j, "kind", b->kind);
		U64(j, b, count);
		U64(j, b, site);
		json_string(j, "function", b->func);
		json_string(j, "first", b->first);
		json_string(j, "by", b->by);
		json_string(j, "thread", b->comm);
		U64(j, b, pid);
		write_trail(j, "allocated", &b->allocated);
		write_trail(j, "freed", &b->freed);
		write_trail(j, "again", &b->again);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void write_waits(struct json *j, const struct lock_counters *l)
{
	U64(j, l, waits);
	json_u64(j, "total_ns", l->total);
	json_u64(j, "max_ns", l->max);
}

static void write_holders(struct json *j, const struct report *r, const struct lock_counters *lock)
{
	const struct lock_counters **holders;
	size_t n, i;

	holders = report_locks(r, lock, &n);
	json_open(j, "holders", '[');
	for (i = 0; i < n; i++) {
		json_open(j, NULL, '{');
		json_string(j, "holder", holders[i]->holder);
		write_waits(j, holders[i]);
		write_trail(j, "frames", &holders[i]->stack);
		json_close(j, '}');
	}
	json_close(j, ']');
	free(holders);
}

static void write_locks(struct json *j, const struct report *r)
{
	const struct lock_counters **locks;
	size_t n, i;

	locks = report_locks(r, NULL, &n);
	json_open(j, "locks", '[');
	for (i = 0; i < n; i++) {
		json_open(j, NULL, '{');
		json_string(j, "class", class_name(locks[i]->op_class));
		json_string(j, "kind", locks[i]->kind);
		json_string(j, "function", locks[i]->function);
		write_waits(j, locks[i]);
		json_u64(j, "stacks", locks[i]->stacks);
		write_holders(j, r, locks[i]);
		json_close(j, '}');
	}
	json_close(j, ']');
	free(locks);
}

static void write_sites(struct json *j, const struct report *r)
{
	const struct site_counters **sites = report_sites(r);
	size_t i;

	json_open(j, "sites", '[');
	for (i = 0; i < r->counters.nr_sites; i++) {
		const struct site_counters *s = sites[i];

		json_open(j, NULL, '{');
		json_u64(j, "site", s->id);
		json_string(j, "function", s->func);
		json_string(j, "file", s->file);
		U64(j, s, line);
		U64(j, s, allocs);
		U64(j, s, frees);
		U64(j, s, bytes);
		U64(j, s, failures);
		U64(j, s, live);
		U64(j, s, live_objects);
		U64(j, s, peak);
		write_lives(j, s);
		json_u64(j, "events", report_callers(r, VEXFS_EVENT_ALLOC, s->id).events);
		write_callers(j, "callers", r, VEXFS_EVENT_ALLOC, s->id);
		json_close(j, '}');
	}
	json_close(j, ']');
	free(sites);
}

static void write_head(struct json *j, const struct report *r)
{
	const struct status_counters *s = &r->counters.status;
	struct utsname name;
	unsigned int i;
	char **word;

	uname(&name);
	json_string(j, "schema", "vexfs-trace-read");
	json_u64(j, "version", SCHEMA_VERSION);
	json_string(j, "kernel", name.release);
	json_string(j, "counters_by", r->source);
	json_open(j, "views", '[');
	for (i = 0; i < VIEWS; i++)
		if (r->views & 1u << i)
			json_string(j, NULL, view_names[i]);
	json_close(j, ']');
	json_seconds(j, "window_seconds", r->window_ns);
	if (s->since_reset)
		json_seconds(j, "counters_seconds", s->since_reset);
	if (s->thread_size)
		json_u64(j, "thread_size", s->thread_size);
	if (r->captured)
		U64(j, r, sample);
	if (!r->command)
		return;
	json_open(j, "command", '[');
	for (word = r->command; *word; word++)
		json_string(j, NULL, *word);
	json_close(j, ']');
	if (r->command_status >= 0)
		json_u64(j, "command_status", r->command_status);
}

static void write_commits(struct json *j, const struct report *r)
{
	const struct vxr_commits *c = r->commits;

	if (!c) {
		json_null(j, "commits");
		return;
	}
	json_open(j, "commits", '{');
	U64(j, c, count);
	U64(j, c, failed);
	U64(j, c, nodes);
	U64(j, c, data_blocks);
	json_close(j, '}');
}

void report_json(const struct report *r, FILE *out)
{
	struct json j = { .out = out };

	json_open(&j, NULL, '{');
	write_head(&j, r);
	write_classes(&j, r);
	write_locks(&j, r);
	write_sites(&j, r);
	write_held(&j, r);
	write_bad_frees(&j, r);
	write_commits(&j, r);
	if (r->captured) {
		report_json_identity(&j, r);
	} else {
		json_null(&j, "symbols");
		json_null(&j, "identity");
	}
	json_close(&j, '}');
}
