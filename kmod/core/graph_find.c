// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Finding the nearest rows by a graph when not every row may be found.
 *
 * A walk is blind for deleted rows and filters: it brings the nearest rows of all, and those that
 * may be found are picked out of them afterwards, by their order. So a walk for n of them has to be
 * broader by the share that may be found. This share is that of the whole collection; near the
 * query it may be another one. When too few come out the walk is done again, 2 to 8 times as broad,
 * until it would cost more than comparing every row that may be found. That is the end, too, of a
 * filter whose rows all lie far from the query, and the result is exact then. Each walk but the
 * last costs half of the next one at most, and the last one less than the comparison.
 *
 * The costs are measured, with rows of 64 elements: a place in the pool is as dear as HOP_COST rows
 * compared one behind the other, for the links that are followed from it and the random reads of
 * codes; and, since the pool is a sorted array, by one more for every POOL_PLACES places. Where few
 * of the rows match, each costs as much to compare as ROW_COST that lie one behind the other.
 */
#include "vex_find.h"

/* The breadth of a search that asks for none. */
#define EF_DEFAULT	100u
/* And for each of k, where all codes are compared and a place is cheap. */
#define EF_CODES	8u
#define HOP_COST	16u
#define POOL_PLACES	256u
#define ROW_COST	4u
/* Rows are told of so many places before their turn. */
#define AHEAD		3u
/* Rows ranked between two looks at signals and the scheduler. */
#define BREATH		64u

static u64 walk_cost(const struct vex_aim *a, u64 breadth)
{
	return a->whole + breadth * (HOP_COST + a->ask + breadth / POOL_PLACES);
}

/* The breadth of a walk that meets @want rows that may be found, when they lie anywhere. */
static u64 breadth_for(const struct vex_aim *a, u32 want)
{
	/* Whatever an image says of its rows, there is a breadth. */
	if (a->met > U64_MAX / want)
		return VEX_GRAPH_EF_MAX;
	return max_t(u64, div64_u64(a->met * want, max(a->pass, 1ULL)), want);
}

void vex_aim_take(struct vex_aim *a)
{
	u32 usual = max(EF_DEFAULT, a->whole ? EF_CODES * a->k : 0);
	u32 ef = max(a->ef ? a->ef : usual, a->all ? 1 : a->k);
	bool asked = a->ef && !a->filtered && !a->all;
	u64 breadth, compare;

	a->ef = min(ef, VEX_GRAPH_EF_MAX);
	a->want = a->ef;
	a->least = min_t(u64, a->k, a->pass);
	compare = a->filtered ? min(a->pass, a->rows / ROW_COST) * ROW_COST : a->rows;
	a->flat = a->scan + compare;
	if (a->filtered && !a->all) {
		/* How many come out varies; most of the time it is enough at once. */
		a->want = max(a->ef, a->k + a->k / 2 + 8);
		a->least = max(a->k, a->want / 2);
	}
	breadth = breadth_for(a, a->want);
	a->breadth = min_t(u64, breadth, VEX_GRAPH_EF_MAX);
	/* All codes within a distance, or many, are as dear as all rows. */
	if ((!a->filtered && !a->whole) || asked)
		return;
	if (breadth > VEX_GRAPH_EF_MAX || (a->whole && a->all) ||
	    walk_cost(a, breadth) * a->queries > a->scan + compare * a->queries)
		a->breadth = 0;
}

/* Of rows equally far away, as many; all of them where some may not be found. */
static u32 ties_kept(const struct vex_aim *a, u32 breadth)
{
	if (a->filtered || a->all || a->pass < a->met)
		return breadth;
	return vex_graph_ties(a->k, breadth, a->tried);
}

static int walk(struct vex_find *f, u32 breadth)
{
	struct vex_graph *g = f->graph;
	struct vex_walk *w = f->walk;
	int err = vex_walk_room(w, g, max(breadth, 2 * g->m), g->tab[0].count);

	/* Insertions count on the same walks. */
	w->dists = 0;
	w->hops = 0;
	if (!err)
		err = vex_graph_search(g, w, f->query, breadth, ties_kept(f->aim, breadth));
	f->dists += w->dists;
	f->hops += w->hops;
	return err;
}

/*
 * Rank what a walk has brought, until many in a row are none of the nearest. 1: that came to pass,
 * or enough may be found; 0: too few, *@found of them; or an error.
 */
static int rank(struct vex_find *f, u32 *found)
{
	const struct vex_walk *w = f->walk;
	u32 i, idle = 0, ef = f->aim->ef;
	int done;

	*found = 0;
	for (i = 0; f->soon && i < min(w->size, AHEAD); i++)
		f->soon(f, vex_near_pos(w->pool[i]));
	for (i = 0; i < w->size; i++) {
		if (f->soon && i + AHEAD < w->size)
			f->soon(f, vex_near_pos(w->pool[i + AHEAD]));
		done = f->offer(f, vex_near_pos(w->pool[i]));
		if (done < 0)
			return done;
		*found += !!done;
		idle = done == 2 ? 0 : idle + done;
		if (idle >= vex_graph_patience(f->graph, f->heap->count, ef))
			return 1;
		if (unlikely(i % BREATH == BREATH - 1)) {
			if (vex_breathe())
				return -EINTR;
		}
	}
	return !f->aim->all && *found >= f->aim->least;
}

/* The next walk's breadth after one of @breadth that has brought @found rows; 0: no more walks. */
static u32 broader(const struct vex_find *f, u64 breadth, u32 found)
{
	const struct vex_aim *a = f->aim;

	breadth *= clamp(a->want / max(found, 1u), 2u, 8u);
	if (breadth > VEX_GRAPH_EF_MAX || breadth > f->graph->tab[0].count ||
	    walk_cost(a, breadth) > a->flat)
		return 0;
	return breadth;
}

int vex_graph_find(struct vex_find *f)
{
	u32 breadth = min(f->aim->breadth, f->graph->tab[0].count);
	u32 found;
	int err;

	if (!f->graph->layers)
		return 0;
	while (breadth) {
		vex_topk_reset(f->heap);
		err = walk(f, breadth);
		if (!err)
			err = rank(f, &found);
		if (err)
			return min(err, 0);
		breadth = broader(f, breadth, found);
	}
	vex_topk_reset(f->heap);
	return 1;
}
