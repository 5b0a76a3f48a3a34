// SPDX-License-Identifier: GPL-2.0-only
/* The report in JSON: how well frames could be named, and the account of every event. */
#include <stdlib.h>

#include "report_json.h"

static void write_ladder(struct json *j, const struct ladder *l)
{
	json_open(j, "symbols", '{');
	json_open(j, "kernel", '{');
	json_u64(j, "function", l->kernel[STEP_FUNCTION]);
	json_u64(j, "address", l->kernel[STEP_ADDRESS]);
	json_close(j, '}');
	json_open(j, "user", '{');
	json_u64(j, "function", l->user[STEP_FUNCTION]);
	json_u64(j, "module_offset", l->user[STEP_MODULE]);
	json_u64(j, "address", l->user[STEP_ADDRESS]);
	json_u64(j, "callers_unknown", l->user[STEP_CUT]);
	U64(j, l, stale);
	json_close(j, '}');
	U64(j, l, thread_only);
	json_close(j, '}');
}

static void write_account(struct json *j, const struct report *r, unsigned int kind)
{
	const struct account *a = &r->accounts[kind];
	const struct vxr_kind_stat *s = &a->sum;
	const struct outside *o = &r->outside[kind];

	json_open(j, kind_name(kind), '{');
	json_bool(j, "watched", a->attached);
	U64(j, a, emitted);
	json_u64(j, "captured", a->from_map + a->from_ring);
	json_u64(j, "in_maps", a->from_map);
	json_u64(j, "via_ring", a->from_ring);
	json_u64(j, "not_sampled", a->unsampled);
	json_open(j, "lost", '{');
	U64(j, s, ring_full);
	U64(j, s, unreadable);
	U64(j, a, recursion);
	json_close(j, '}');
	json_i64(j, "residual", account_residual(a));
	json_open(j, "ring_reasons", '{');
	U64(j, s, kernel_collision);
	U64(j, s, user_collision);
	U64(j, s, stacks_full);
	U64(j, s, totals_full);
	json_close(j, '}');
	U64(j, s, no_kernel_stack);
	U64(j, s, no_user_stack);
	if (o->known) {
		json_open(j, "module", '{');
		json_u64(j, "numbered", o->between);
		json_u64(j, "outside", o->around);
		U64(j, o, contradictions);
		json_close(j, '}');
	} else {
		json_null(j, "module");
	}
	json_close(j, '}');
}

static void write_follow(struct json *j, const struct report *r)
{
	const struct follow_account *f = r->follow;

	json_open(j, "memory", '{');
	json_u64(j, "allocated", f->taken);
	U64(j, f, freed);
	U64(j, f, held);
	json_open(j, "lost", '{');
	json_u64(j, "no_room", f->sum.untaken);
	json_u64(j, "freed_unseen", f->sum.unseen);
	json_u64(j, "uncounted", f->sum.uncounted);
	json_close(j, '}');
	json_u64(j, "held_at_most_freed", f->recursion + f->sum.undeleted);
	json_i64(j, r->last ? "residual" : "under_way", follow_rest(f));
	json_close(j, '}');
}

static void write_identity(struct json *j, const struct report *r)
{
	int64_t residual = 0;
	unsigned int kind;

	json_open(j, "identity", '{');
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		write_account(j, r, kind);
		residual += llabs(account_residual(&r->accounts[kind]));
	}
	if (r->follow)
		write_follow(j, r);
	if (r->follow && r->last)
		residual += llabs(follow_rest(r->follow));
	json_open(j, "trouble", '{');
	U64(j, &r->trouble, missing_stacks);
	U64(j, &r->trouble, unsettled);
	U64(j, &r->trouble, misnumbered);
	U64(j, &r->trouble, unknown_origins);
	json_close(j, '}');
	json_i64(j, "residual", residual);
	json_bool(j, "holds", !report_residual(r));
	json_close(j, '}');
}

void report_json_identity(struct json *j, const struct report *r)
{
	write_ladder(j, &r->ladder);
	write_identity(j, r);
}
