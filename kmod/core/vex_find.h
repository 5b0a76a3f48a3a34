/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Finding the nearest rows by a graph: how broad a walk has to be when not every row may be found,
 * or how many are wanted is not known; and when comparing all of them is the shorter way.
 */
#ifndef VEX_FIND_H
#define VEX_FIND_H

#include "vex_graph.h"
#include "vex_util.h"

/**
 * struct vex_aim - what the queries of a batch want of a graph
 * @k: nearest rows wanted
 * @ef: breadth asked for; 0: the default
 * @rows: of the collection
 * @met: of them, those that walks meet: not the deleted ones that links lead around
 * @pass: rows that may be found; an estimate will do
 * @queries: of the batch
 * @scan: cost of telling for all rows whether they may be found
 * @ask: the same for one row that a walk has led to
 * @whole: cost of comparing all codes, of an index that does; 0: of a graph
 * @filtered: there is a filter
 * @tried: codes that are equal are most likely those of equal rows
 * @all: all rows within a distance are wanted, up to @k
 * @breadth: out: of the first walk; 0: compare all rows that may be found
 * @want: out: rows that may be found which the first walk is hoped to bring
 * @least: out: as many will do
 * @flat: out: cost of comparing all that may be found with one query
 *
 * Costs are in rows that are compared one behind the other.
 */
struct vex_aim {
	u32 k;
	u32 ef;
	u64 rows;
	u64 met;
	u64 pass;
	u32 queries;
	u64 scan;
	u32 ask;
	u64 whole;
	bool filtered;
	bool tried;
	bool all;
	u32 breadth;
	u32 want;
	u32 least;
	u64 flat;
};

/* Fill in what is marked out. */
void vex_aim_take(struct vex_aim *a);

/**
 * struct vex_find - one query of a graph
 * @graph: held for reading
 * @walk: memory
 * @aim: taken
 * @query: a row
 * @heap: receives the nearest
 * @dists: grows by the distances taken between codes
 * @hops: grows by the rows whose links were followed
 * @offer: rank a row that a walk has led to: 0: it may not be found, 1: it is none of the nearest
 *	so far, 2: it is; or an error
 * @soon: it will be offered soon; may be NULL
 */
struct vex_find {
	struct vex_graph *graph;
	struct vex_walk *walk;
	const struct vex_aim *aim;
	const void *query;
	struct vex_topk *heap;
	u64 dists;
	u64 hops;
	int (*offer)(struct vex_find *f, u32 id);
	void (*soon)(struct vex_find *f, u32 id);
};

/*
 * 0: the heap has what is nearest in the graph; 1: the heap is empty, and all rows that may be
 * found have to be compared; or an error: ENOMEM; EINTR; as vex_graph_search() and @offer.
 */
int vex_graph_find(struct vex_find *f);

#endif /* VEX_FIND_H */
