// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations that look for rows: search, range and filter. ioctl.c tells the order in which
 * each looks at what it was handed.
 */
#include "ioctl.h"

/* The size of the first published one. */
#define VEXFS_SEARCH_FIRST	72

/* ---- filters ----------------------------------------------------------------------- */

static int vexfs_check_filter(u32 count, u32 text_len)
{
	if (count > VEXFS_MAX_FILTER || text_len > VEXFS_MAX_FILTER_TEXT || (text_len && !count))
		return -EINVAL;
	return 0;
}

static int vexfs_filter_get(struct vex_filter *f, u64 nodes, u32 count, u64 text, u32 text_len)
{
	*f = (struct vex_filter){ .count = count, .text_len = text_len };
	f->nodes = vexfs_array_get(nodes, count * sizeof(*f->nodes));
	if (IS_ERR(f->nodes))
		return PTR_ERR(f->nodes);
	if (!text_len)
		return 0;
	f->text = vexfs_array_get(text, text_len);
	if (!IS_ERR(f->text))
		return 0;
	vex_free(f->nodes);
	return PTR_ERR(f->text);
}

static void vexfs_filter_put(struct vex_filter *f)
{
	vex_free(f->text);
	vex_free(f->nodes);
}

/* ---- search ---------------------------------------------------------------------- */

/* What was found, or which query or node was refused, goes back to the caller. */
static long vexfs_answer(void __user *arg, void *a, size_t len, u32 size, int err)
{
	if ((!err || err == -EDOM || err == -EBADMSG) && vexfs_args_put(arg, a, len, size))
		return -EFAULT;
	return err;
}

static int vexfs_check_search(const struct vexfs_inode *vi, const struct vexfs_search *a)
{
	int err;

	if (!a->nq || a->nq > VEXFS_MAX_QUERIES || !a->k || a->k > VEXFS_MAX_K ||
	    a->ef > VEXFS_MAX_EF || a->probes > VEXFS_MAX_PROBES)
		return -EINVAL;
	err = vexfs_check_rows(vi, a->nq, a->dim, a->queries_len);
	if (err)
		return err;
	err = vexfs_check_filter(a->filter_count, a->filter_text_len);
	if (err)
		return err;
	return a->nq * a->k > VEXFS_MAX_RESULTS ? -E2BIG : 0;
}

/**
 * struct vexfs_asked - a search as it goes to the core; not on the stack, which is deepest under it
 * @search: what the user asks, and is told; or
 * @range: likewise
 * @s: of the core; its filter is @f, or NULL
 * @f: the filter
 * @queries: the user's address of the queries
 * @queries_len: bytes there
 * @ids: the user's address for the ids found
 * @distances: the same for their distances
 */
struct vexfs_asked {
	union {
		struct vexfs_search search;
		struct vexfs_range range;
	};
	struct vex_search s;
	struct vex_filter f;
	u64 queries;
	u64 queries_len;
	u64 ids;
	u64 distances;
};

/* Of the slots that results have room in, those that are copied out. */
static size_t vexfs_results(const struct vex_search *s)
{
	return s->ranged ? min_t(u64, s->met, s->k) : (size_t)s->nq * s->k;
}

static int vexfs_ask_rows(struct inode *inode, struct vexfs_asked *a)
{
	size_t room = (size_t)a->s.nq * a->s.k;
	void *queries = vexfs_array_get(a->queries, a->queries_len);
	int err = -ENOMEM;

	if (IS_ERR(queries))
		return PTR_ERR(queries);
	a->s.queries = queries;
	a->s.ids = vex_alloc(room * (sizeof(*a->s.ids) + sizeof(*a->s.distances)));
	if (a->s.ids) {
		a->s.distances = (u32 *)(a->s.ids + room);
		err = vex_coll_search(vexfs_fs(inode), inode->i_ino, &a->s);
	}
	if (!err)
		err = vexfs_array_put(a->ids, a->s.ids, vexfs_results(&a->s) * sizeof(u64));
	if (!err)
		err = vexfs_array_put(a->distances, a->s.distances,
				      vexfs_results(&a->s) * sizeof(u32));
	vex_free(a->s.ids);
	vex_free(queries);
	return vexfs_check(inode->i_sb, err);
}

/* Do a search, and let go of its filter. */
static noinline_for_stack
int vexfs_ask(struct inode *inode, struct vexfs_asked *a, struct vexfs_op *op)
{
	int err = vexfs_ask_rows(inode, a);

	op->visited = a->s.visited;
	op->hops = a->s.hops;
	op->bytes = a->s.visited * vexfs_i(inode)->row_bytes;
	if (a->s.filter)
		vexfs_filter_put(&a->f);
	return err;
}

static int vexfs_ask_filter(struct vexfs_asked *a, u64 nodes, u32 count, u64 text, u32 text_len)
{
	if (!count)
		return 0;
	a->s.filter = &a->f;
	return vexfs_filter_get(&a->f, nodes, count, text, text_len);
}

static long vexfs_do_search(struct file *file, void __user *arg, struct vexfs_op *op,
			    struct vexfs_asked *asked)
{
	struct inode *inode = file_inode(file);
	struct vexfs_search *a = &asked->search;
	u32 size;
	int err;

	err = vexfs_args_get(a, sizeof(*a), VEXFS_SEARCH_FIRST, arg, &size);
	if (err)
		return err;
	if (a->flags || a->reserved)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_READ);
	if (err)
		return err;
	op->dim = a->dim;
	op->count = a->nq;
	op->k = a->k;
	err = vexfs_check_search(vexfs_i(inode), a);
	if (!err)
		err = vexfs_ask_filter(asked, a->filter, a->filter_count, a->filter_text,
				       a->filter_text_len);
	if (err)
		return err;
	asked->s.nq = a->nq;
	asked->s.dim = a->dim;
	asked->s.k = a->k;
	asked->s.ef = a->ef;
	asked->s.probes = a->probes;
	asked->queries = a->queries;
	asked->queries_len = a->queries_len;
	asked->ids = a->ids;
	asked->distances = a->distances;
	err = vexfs_ask(inode, asked, op);
	a->visited = asked->s.visited;
	a->bad_query = asked->s.bad_query;
	a->bad_node = asked->f.bad_node;
	return vexfs_answer(arg, a, sizeof(*a), size, err);
}

/* Do one, with memory for what is asked. */
static long vexfs_ask_with(struct file *file, void __user *arg, struct vexfs_op *op,
			   long (*fn)(struct file *file, void __user *arg, struct vexfs_op *op,
				      struct vexfs_asked *asked))
{
	struct vexfs_asked *asked = vex_zalloc(sizeof(*asked));
	long err = asked ? fn(file, arg, op, asked) : -ENOMEM;

	vex_free(asked);
	return err;
}

/* Each kind of index has its own statistics. */
static u32 vexfs_search_class(const struct file *file)
{
	switch (vexfs_i(file_inode(file))->index) {
	case VEXFS_INDEX_HNSW:
		return VEXFS_OP_SEARCH_HNSW;
	case VEXFS_INDEX_LSH:
		return VEXFS_OP_SEARCH_LSH;
	case VEXFS_INDEX_CODES:
		return VEXFS_OP_SEARCH_CODES;
	default:
		return VEXFS_OP_SEARCH;
	}
}

/* VEXFS_IOC_SEARCH. */
noinline __noclone
long vexfs_coll_search(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, vexfs_search_class(file), file_inode(file)->i_ino);
	err = vexfs_ask_with(file, arg, &op, vexfs_do_search);
	vexfs_op_end(&op, err);
	return err;
}

/* ---- range ----------------------------------------------------------------------- */

static int vexfs_check_range(const struct vexfs_inode *vi, const struct vexfs_range *a)
{
	int err;

	if (!a->max || a->max > VEXFS_MAX_RANGE || a->ef > VEXFS_MAX_EF)
		return -EINVAL;
	err = vexfs_check_rows(vi, 1, a->dim, a->query_len);
	return err ? err : vexfs_check_filter(a->filter_count, a->filter_text_len);
}

static long vexfs_do_range(struct file *file, void __user *arg, struct vexfs_op *op,
			   struct vexfs_asked *asked)
{
	struct inode *inode = file_inode(file);
	struct vexfs_range *a = &asked->range;
	u32 size;
	int err;

	err = vexfs_args_get(a, sizeof(*a), sizeof(*a), arg, &size);
	if (err)
		return err;
	if (a->flags)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_READ);
	if (err)
		return err;
	op->dim = a->dim;
	op->count = 1;
	op->k = a->max;
	err = vexfs_check_range(vexfs_i(inode), a);
	if (!err)
		err = vexfs_ask_filter(asked, a->filter, a->filter_count, a->filter_text,
				       a->filter_text_len);
	if (err)
		return err;
	asked->s.nq = 1;
	asked->s.ranged = true;
	asked->s.dim = a->dim;
	asked->s.k = a->max;
	asked->s.ef = a->ef;
	asked->s.radius = a->radius;
	asked->queries = a->query;
	asked->queries_len = a->query_len;
	asked->ids = a->ids;
	asked->distances = a->distances;
	err = vexfs_ask(inode, asked, op);
	a->count = err ? 0 : vexfs_results(&asked->s);
	a->met = asked->s.met;
	a->visited = asked->s.visited;
	a->bad = asked->s.bad_query;
	a->bad_node = asked->f.bad_node;
	return vexfs_answer(arg, a, sizeof(*a), size, err);
}

/* VEXFS_IOC_RANGE. */
noinline __noclone
long vexfs_coll_range(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, vexfs_search_class(file), file_inode(file)->i_ino);
	err = vexfs_ask_with(file, arg, &op, vexfs_do_range);
	vexfs_op_end(&op, err);
	return err;
}

/* ---- filter ---------------------------------------------------------------------- */

static int vexfs_filter_rows(struct inode *inode, struct vexfs_filter *a)
{
	struct vex_filter f;
	u64 *ids;
	int err;

	err = vexfs_filter_get(&f, a->filter, a->filter_count, a->filter_text,
			       a->filter_text_len);
	if (err)
		return err;
	ids = vex_alloc((size_t)a->max * sizeof(*ids));
	err = ids ? vex_coll_filter(vexfs_fs(inode), inode->i_ino, &f, a->from, ids, a->max,
				    &a->count, &a->next) : -ENOMEM;
	a->bad_node = f.bad_node;
	if (!err)
		err = vexfs_array_put(a->ids, ids, (size_t)a->count * sizeof(*ids));
	vex_free(ids);
	vexfs_filter_put(&f);
	return vexfs_check(inode->i_sb, err);
}

static long vexfs_do_filter(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_filter a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), sizeof(a), arg, &size);
	if (err)
		return err;
	if (a.flags)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_READ);
	if (err)
		return err;
	op->dim = vexfs_i(inode)->dim;
	if (!a.filter_count || !a.max || a.max > VEXFS_MAX_IDS)
		return -EINVAL;
	err = vexfs_check_filter(a.filter_count, a.filter_text_len);
	if (err)
		return err;
	err = vexfs_filter_rows(inode, &a);
	if (!err)
		op->count = a.count;
	if ((!err || err == -EBADMSG) && vexfs_args_put(arg, &a, sizeof(a), size))
		return -EFAULT;
	return err;
}

/* VEXFS_IOC_FILTER. */
noinline __noclone
long vexfs_coll_filter(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_FILTER, file_inode(file)->i_ino);
	err = vexfs_do_filter(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}
