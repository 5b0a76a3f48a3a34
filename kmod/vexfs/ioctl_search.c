// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations that look for rows: search and filter. ioctl.c tells the order in which each
 * looks at what it was handed.
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

static int vexfs_check_search(const struct vexfs_inode *vi, const struct vexfs_search *a)
{
	int err;

	if (!a->nq || a->nq > VEXFS_MAX_QUERIES || !a->k || a->k > VEXFS_MAX_K ||
	    a->ef > VEXFS_MAX_EF)
		return -EINVAL;
	err = vexfs_check_rows(vi, a->nq, a->dim, a->queries_len);
	if (err)
		return err;
	err = vexfs_check_filter(a->filter_count, a->filter_text_len);
	if (err)
		return err;
	return a->nq * a->k > VEXFS_MAX_RESULTS ? -E2BIG : 0;
}

static int vexfs_search_rows(struct inode *inode, struct vexfs_search *a, struct vex_filter *f,
			     struct vexfs_op *op)
{
	size_t results = (size_t)a->nq * a->k;
	struct vex_search s = { .nq = a->nq, .dim = a->dim, .k = a->k, .ef = a->ef,
				.filter = f };
	void *queries = vexfs_array_get(a->queries, a->queries_len);
	int err = -ENOMEM;

	if (IS_ERR(queries))
		return PTR_ERR(queries);
	s.queries = queries;
	s.ids = vex_alloc(results * sizeof(*s.ids));
	s.distances = vex_alloc(results * sizeof(*s.distances));
	if (s.ids && s.distances)
		err = vex_coll_search(vexfs_fs(inode), inode->i_ino, &s);
	a->visited = s.visited;
	op->hops = s.hops;
	a->bad_query = s.bad_query;
	if (!err)
		err = vexfs_array_put(a->ids, s.ids, results * sizeof(*s.ids));
	if (!err)
		err = vexfs_array_put(a->distances, s.distances,
				      results * sizeof(*s.distances));
	vex_free(s.distances);
	vex_free(s.ids);
	vex_free(queries);
	return vexfs_check(inode->i_sb, err);
}

static int vexfs_search_filtered(struct inode *inode, struct vexfs_search *a,
				 struct vexfs_op *op)
{
	struct vex_filter f;
	int err;

	if (!a->filter_count)
		return vexfs_search_rows(inode, a, NULL, op);
	err = vexfs_filter_get(&f, a->filter, a->filter_count, a->filter_text,
			       a->filter_text_len);
	if (err)
		return err;
	err = vexfs_search_rows(inode, a, &f, op);
	a->bad_node = f.bad_node;
	vexfs_filter_put(&f);
	return err;
}

static long vexfs_do_search(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_search a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), VEXFS_SEARCH_FIRST, arg, &size);
	if (err)
		return err;
	if (a.flags)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_READ);
	if (err)
		return err;
	op->dim = a.dim;
	op->count = a.nq;
	op->k = a.k;
	err = vexfs_check_search(vexfs_i(inode), &a);
	if (err)
		return err;
	err = vexfs_search_filtered(inode, &a, op);
	op->visited = a.visited;
	op->bytes = a.visited * vexfs_i(inode)->row_bytes;
	if ((!err || err == -EDOM || err == -EBADMSG) && vexfs_args_put(arg, &a, sizeof(a), size))
		return -EFAULT;
	return err;
}

/* VEXFS_IOC_SEARCH. */
noinline __noclone
long vexfs_coll_search(struct file *file, void __user *arg)
{
	struct vexfs_op op;
	long err;

	vexfs_op_begin(&op, vexfs_i(file_inode(file))->index == VEXFS_INDEX_HNSW ?
		       VEXFS_OP_SEARCH_HNSW : VEXFS_OP_SEARCH, file_inode(file)->i_ino);
	err = vexfs_do_search(file, arg, &op);
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
	struct vexfs_op op;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_FILTER, file_inode(file)->i_ino);
	err = vexfs_do_filter(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}
