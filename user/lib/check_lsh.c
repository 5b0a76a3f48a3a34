// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buckets of LSH: is every live row in each table's bucket that its code says, once, and no row in
 * another one? The items were found sound before: links lead to rows.
 */
#include <stdlib.h>

#include "check.h"
#include "vex_hnsw.h"
#include "vex_lsh.h"

/**
 * struct buckets - the rows of an index, and where they have to be
 * @c: to tell faults to
 * @ix: the index
 * @bucket: of each row, by table
 * @met: of each row: in the table at hand
 * @steps: since the beginning
 * @told: faults
 */
struct buckets {
	struct check *c;
	struct vex_hnsw *ix;
	u32 *bucket;
	u8 *met;
	u32 steps;
	u32 told;
};

static void tell(struct buckets *b, u32 id, u32 table, const char *what)
{
	check_problem(b->c, VEX_P_INDEX_LINK, 0, b->ix->ino, "row %u %s of table %u", id, what,
		      table);
	b->told++;
}

/* What the codes say. */
static int buckets_find(struct buckets *b)
{
	struct vex_graph *g = &b->ix->graph;
	u32 tables = g->lsh.tables, id;
	struct vex_walk w = { };
	const u8 *code;
	int err = vex_walk_room(&w, g, 1, 1);

	for (id = 0; id < g->tab[0].count && !err; id++) {
		err = vex_code_get(g, 0, id, &code);
		if (err)
			break;
		vex_lsh_buckets(g, &w, code);
		memcpy(b->bucket + (size_t)id * tables, w.lsh->bucket, tables * sizeof(*b->bucket));
		check_index_settle(b->ix, ++b->steps);
	}
	vex_walk_free(&w);
	return err;
}

/* The rows of one bucket; the first fault is the last that its links can tell of. */
static int bucket_follow(struct buckets *b, u32 table, u32 bucket)
{
	struct vex_graph *g = &b->ix->graph;
	u32 id, next;
	int err = vex_lsh_next(g, 1, table << g->lsh.bits | bucket, 0, &next);

	while (!err && next) {
		id = next - 1;
		if (b->met[id]) {
			tell(b, id, table, "is twice in the buckets");
			break;
		}
		b->met[id] = 1;
		if (b->bucket[(size_t)id * g->lsh.tables + table] != bucket) {
			tell(b, id, table, "is in another bucket than its code's");
			break;
		}
		check_index_settle(b->ix, ++b->steps);
		err = vex_lsh_next(g, 0, id, table, &next);
	}
	return err;
}

static int table_check(struct buckets *b, u32 table)
{
	struct vex_graph *g = &b->ix->graph;
	u32 told = b->told, i;
	int err = 0;

	memset(b->met, 0, g->tab[0].count);
	for (i = 0; i < 1u << g->lsh.bits && !err && b->told < CHECK_INDEX_TOLD; i++)
		err = bucket_follow(b, table, i);
	/* Behind a fault rows are missing, and it is told already. */
	for (i = 0; i < g->tab[0].count && !err && b->told == told; i++)
		if (!b->met[i] && !g->ops->dead(g, i))
			tell(b, i, table, "is in no bucket");
	return err;
}

int check_lsh(struct check *c, struct vex_hnsw *ix)
{
	struct vex_graph *g = &ix->graph;
	u32 rows = g->tab[0].count, t;
	struct buckets b = { .c = c, .ix = ix };
	int err = -ENOMEM;

	if (!rows)
		return 0;
	b.bucket = calloc(rows, g->lsh.tables * sizeof(*b.bucket));
	b.met = malloc(rows);
	if (b.bucket && b.met)
		err = buckets_find(&b);
	for (t = 0; t < g->lsh.tables && !err && b.told < CHECK_INDEX_TOLD; t++)
		err = table_check(&b, t);
	free(b.bucket);
	free(b.met);
	return err;
}
