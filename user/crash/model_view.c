// SPDX-License-Identifier: GPL-2.0-only
/* The model, in the words of view_fs(). */
#include <stdlib.h>

#include "model.h"
#include "node.h"

static int element(const struct node *n, u64 row, u32 i)
{
	return op_element(n->seed[row][0], n->seed[row][1] + i);
}

static int distance(const struct node *n, u64 row)
{
	int sum = 0;

	for (u32 i = 0; i < n->dim; i++) {
		int a = element(n, row, i), b = view_query(i);

		sum += n->metric == VEXFS_METRIC_L2 ? (a - b) * (a - b) : -a * b;
	}
	return sum;
}

/* The nearest by choosing the least again and again. */
static void show_nearest(const struct node *n, struct text *out)
{
	int *d = malloc(n->rows * sizeof(*d) + 1);
	u8 *taken = calloc(1, n->rows + 1);

	for (u64 row = 0; row < n->rows; row++)
		d[row] = distance(n, row);
	for (u32 k = 0; k < VIEW_K; k++) {
		u64 best = n->rows;

		for (u64 row = 0; row < n->rows; row++)
			if (n->data[row] && !taken[row] && (best == n->rows || d[row] < d[best]))
				best = row;
		if (best == n->rows)
			break;
		taken[best] = 1;
		text_add(out, " %llu:%d", best, d[best]);
	}
	free(taken);
	free(d);
}

static void show_rows(const struct node *n, struct text *out)
{
	float *row = malloc(n->dim * sizeof(*row));
	u64 hash = 0, live = 0, meta = 0;
	u8 record[OP_META_MAX];

	for (u64 id = 0; id < n->rows; id++) {
		if (!n->data[id])
			continue;
		for (u32 i = 0; i < n->dim; i++)
			row[i] = element(n, id, i);
		hash = hash_bytes(hash + id, row, n->dim * sizeof(*row));
		live++;
		meta = hash_bytes(meta + id, record, op_meta(n->seed[id][2], id, record));
	}
	free(row);
	text_add(out, " dim=%u metric=%u rows=%llu live=%llu values=%016llx meta=%016llx",
		 n->dim, n->metric, n->rows, live, hash, meta);
	if (n->metric == VEXFS_METRIC_COSINE)
		return;
	text_add(out, " nearest");
	show_nearest(n, out);
}

static void show_bytes(const struct node *n, struct text *out)
{
	u64 pos, len, hash = 0;

	for (pos = 0; pos < n->size; pos += len) {
		len = min(n->size - pos, (u64)65536);
		hash = hash_bytes(hash, n->data + pos, len);
	}
	text_add(out, " bytes=%016llx", hash);
}

static int by_xattr(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static void show_xattrs(struct node *n, struct text *out)
{
	qsort(n->xattrs, n->xattr_count, sizeof(n->xattrs[0]), by_xattr);
	for (u32 i = 0; i < n->xattr_count; i++) {
		const struct xattr *x = &n->xattrs[i];
		u8 *value = malloc(x->len + 1);

		for (u64 k = 0; k < x->len; k++)
			value[k] = op_byte(x->seed, k);
		text_add(out, " user.%s=%llu:%016llx", x->name, x->len,
			 hash_bytes(0, value, x->len));
		free(value);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->str, ((const struct name *)b)->str);
}

static void show(struct node *n, const char *path, int *ids, struct text *out)
{
	char below[1024];

	if (n->id < 0)
		n->id = (*ids)++;
	text_add(out, "%s mode=%o owner=%u:%u links=%u size=%llu id=%d", *path ? path : "/",
		 n->mode, n->uid, n->gid, n->nlink, S_ISDIR(n->mode) ? 0 : n->size, n->id);
	if (n->coll)
		show_rows(n, out);
	else if (S_ISREG(n->mode))
		show_bytes(n, out);
	else if (S_ISLNK(n->mode))
		text_add(out, " says=%s", n->target);
	show_xattrs(n, out);
	text_add(out, "\n");
	if (n->count)
		qsort(n->names, n->count, sizeof(*n->names), by_name);
	for (u32 i = 0; i < n->count; i++) {
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", n->names[i].str);
		show(n->names[i].node, below, ids, out);
	}
}

void model_view(struct model *m, const char *path, struct text *out)
{
	struct node *from = model_node(m, path);
	int ids = 0;

	for (struct node *n = m->all; n; n = n->next)
		n->id = -1;
	if (from)
		show(from, path, &ids, out);
}
