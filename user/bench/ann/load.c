// SPDX-License-Identifier: GPL-2.0-only
/* Rows, queries and true neighbours: from files, or made. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vexfs.h>

#include "ann.h"

#define ROWS_DEFAULT	50000u
#define QUERIES_DEFAULT	500u
/* Queries between two looks at Ctrl-C. */
#define TRUTH_STEP	20u

/* The file @name.fvecs, .bvecs or .ivecs of a folder; NULL when there is none. */
static const char *in_folder(const char *dir, const char *name, const char *const *ends)
{
	char *path = malloc(strlen(dir) + strlen(name) + 10);

	for (; path && *ends; ends++) {
		sprintf(path, "%s/%s%s", dir, name, *ends);
		if (!access(path, F_OK))
			return path;
	}
	free(path);
	return NULL;
}

static const char *find(const struct options *o, const char *given, const char *name)
{
	static const char *const ends[] = { ".fvecs", ".bvecs", NULL };
	const char *path = given;

	if (!path && o->dir) {
		path = in_folder(o->dir, name, ends);
		if (!path)
			ann_die("%s: holds neither %s.fvecs nor %s.bvecs; give the file by --%s",
				o->dir, name, name, name);
	}
	return path;
}

static const char *find_truth(const struct options *o)
{
	static const char *const ends[] = { ".ivecs", NULL };

	return o->truth || !o->dir ? o->truth : in_folder(o->dir, "gt", ends);
}

static void read_file(const char *path, uint64_t most, struct vecs *out)
{
	struct vecs_error e;

	if (vecs_read(path, most ? most : UINT64_MAX, out, &e))
		ann_die("%s", e.text);
}

static void make(const struct options *o, struct data *d)
{
	uint64_t rows = o->rows ? o->rows : ROWS_DEFAULT;
	uint64_t queries = o->queries ? o->queries : QUERIES_DEFAULT;

	ann_progress(o, "making %" PRIu64 " rows of %u elements", rows, o->dim);
	if (vecs_generate(rows, o->dim, o->seed, VECS_BASE, &d->base) ||
	    vecs_generate(queries, o->dim, o->seed, VECS_QUERIES, &d->queries))
		ann_die("no memory for %" PRIu64 " rows of %u elements; make fewer by --rows",
			rows, o->dim);
	snprintf(d->what, sizeof(d->what), "generated from seed %" PRIu64 ", checksum %016" PRIx64,
		 o->seed, vecs_checksum(&d->base));
}

/* What a file of true neighbours says must be about these rows. */
static void truth_check(const char *path, const struct data *d)
{
	const struct vecs *t = &d->truth;
	uint64_t i;

	if (t->rows < d->queries.rows)
		ann_die("%s: holds %" PRIu64 " rows for %" PRIu64 " queries; give the file of "
			"these queries, or fewer by --queries", path, t->rows, d->queries.rows);
	if (t->dim < ANN_K)
		ann_die("%s: holds %u neighbours of a query, %u are needed; leave it out to have "
			"them computed", path, t->dim, ANN_K);
	for (i = 0; i < t->rows * t->dim; i++)
		if (t->ids[i] < 0 || (uint64_t)t->ids[i] >= d->base.rows)
			ann_die("%s: names row %d, and there are %" PRIu64 "; give the file of "
				"these rows", path, (int)t->ids[i], d->base.rows);
}

/* The flat index compares every row. */
static void truth_compute(const struct options *o, struct data *d)
{
	struct vexfs_coll_options co = { .size = sizeof(co), .dim = d->base.dim,
					 .index = VEXFS_COLL_FLAT };
	uint64_t ids[TRUTH_STEP * ANN_K], i, j, n;
	float distances[TRUTH_STEP * ANN_K];
	struct vexfs_coll *c = NULL;
	int err = vexfs_coll_memory(&co, &c);

	d->truth = (struct vecs){ .rows = d->queries.rows, .dim = ANN_K };
	d->truth.ids = malloc(d->truth.rows * ANN_K * sizeof(*d->truth.ids));
	if (!err)
		err = d->truth.ids ? vexfs_coll_add(c, d->base.data, d->base.rows, NULL) : -1;
	for (i = 0; i < d->queries.rows && !err; i += n) {
		ann_breathe();
		ann_progress(o, "true neighbours of query %" PRIu64 " of %" PRIu64, i,
			     d->queries.rows);
		n = d->queries.rows - i < TRUTH_STEP ? d->queries.rows - i : TRUTH_STEP;
		err = vexfs_coll_search(c, d->queries.data + i * d->queries.dim, n, ANN_K, NULL,
					ids, distances);
		for (j = 0; j < n * ANN_K && !err; j++)
			d->truth.ids[i * ANN_K + j] = ids[j];
	}
	vexfs_coll_close(c);
	if (err)
		ann_die("the true neighbours cannot be computed: %s", vexfs_coll_error(err));
}

/* Only the true neighbours among all rows of a file are known, not those among its first ones. */
static void truth_get(const struct options *o, struct data *d, bool whole)
{
	const char *path = find_truth(o);
	struct vecs_error e;

	if (!path || !whole) {
		truth_compute(o, d);
		return;
	}
	if (vecs_read_ids(path, UINT64_MAX, &d->truth, &e))
		ann_die("%s", e.text);
	truth_check(path, d);
}

void data_load(const struct options *o, struct data *d)
{
	const char *base = find(o, o->base, "base"), *query = find(o, o->query, "query");
	bool whole = true;

	memset(d, 0, sizeof(*d));
	if (!base != !query)
		ann_die("--base and --query go together");
	if (base) {
		read_file(base, o->rows, &d->base);
		read_file(query, o->queries, &d->queries);
		snprintf(d->what, sizeof(d->what), "%s", strrchr(base, '/') ?
			 strrchr(base, '/') + 1 : base);
		whole = !o->rows || d->base.rows < o->rows;
	} else {
		make(o, d);
	}
	if (d->base.dim != d->queries.dim)
		ann_die("%s has %u elements a row and %s has %u; give files that belong together",
			base, d->base.dim, query, d->queries.dim);
	if (d->base.rows < ANN_K || d->base.rows > INT32_MAX)
		ann_die("%" PRIu64 " rows: %u to %d are possible", d->base.rows, ANN_K, INT32_MAX);
	if (!d->queries.rows)
		ann_die("%s holds no query", query ? query : "the seed");
	truth_get(o, d, whole);
}

void data_free(struct data *d)
{
	vecs_free(&d->base);
	vecs_free(&d->queries);
	vecs_free(&d->truth);
}
