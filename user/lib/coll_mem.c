// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Collections in memory: rows and index in pieces of a large page each, and what vexfs.h promises.
 */
#include <sys/mman.h>

#include "coll_mem.h"

/* The size of the first published options. */
#define COLL_OPTIONS_FIRST	28u

/* Of Linux 6.1; the C library may be older. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* Address space of @bytes, aligned to as many; no page of it is there before it is used. */
static void *piece_map(size_t bytes)
{
	u8 *p = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u8 *at = (u8 *)round_up((uintptr_t)p, bytes);

	if (p == MAP_FAILED)
		return NULL;
	if (at > p)
		munmap(p, at - p);
	munmap(at + bytes, p + bytes - at);
	return at;
}

int coll_chunk(struct vex_tab *t, u32 chunk, size_t bytes, u64 items)
{
	int err = vex_tab_room(t, chunk + 1);
	void *p;

	if (err || t->chunk[chunk])
		return err;
	p = piece_map(bytes);
	if (!p)
		return -ENOMEM;
	/*
	 * A large page is whole from its first byte on: only for a piece that will be full, or, made
	 * of small ones, that is. Without large pages it works all the same.
	 */
	if (bytes == COLL_CHUNK && items >= (chunk + 1ULL) * t->per)
		madvise(p, bytes, MADV_HUGEPAGE);
	else if (bytes == COLL_CHUNK && chunk && madvise(t->chunk[chunk - 1], bytes, MADV_COLLAPSE))
		madvise(t->chunk[chunk - 1], bytes, MADV_HUGEPAGE);
	t->chunk[chunk] = p;
	return 0;
}

void coll_tab_free(struct vex_tab *t, size_t bytes)
{
	u32 i;

	for (i = 0; i < t->chunks; i++)
		if (t->chunk[i])
			munmap(t->chunk[i], bytes);
	vex_free(t->chunk);
	t->chunk = NULL;
	t->chunks = 0;
}

static void default_to(u32 *value, u32 by_default)
{
	*value = *value ? *value : by_default;
}

static bool index_served(const struct vexfs_coll_options *o)
{
	if (o->index != VEXFS_COLL_LSH)
		return o->index <= VEXFS_COLL_CODES &&
		       vex_code_served(o->code, o->elem, o->metric, o->dim);
	return vex_levels_served(o->code, o->elem) && vex_lsh_served(o->tables, o->bits, o->dim);
}

static int options_check(const struct vexfs_coll_options *o, struct vexfs_coll_options *out)
{
	memset(out, 0, sizeof(*out));
	if (o->size < COLL_OPTIONS_FIRST || o->size > sizeof(*o))
		return -EINVAL;
	memcpy(out, o, o->size);
	out->size = sizeof(*out);
	default_to(&out->elem, VEXFS_COLL_ELEM_F32);
	default_to(&out->metric, out->elem == VEXFS_COLL_ELEM_B1 ? VEXFS_COLL_HAMMING :
				 VEXFS_COLL_L2);
	default_to(&out->index, VEXFS_COLL_HNSW);
	default_to(&out->m, 16);
	default_to(&out->ef_construction, 200);
	default_to(&out->tables, VEX_LSH_TABLES);
	default_to(&out->bits, VEX_LSH_BITS);
	if (!out->dim || out->dim > VEXFS_MAX_DIM || !vex_elem_served(out->elem, out->metric) ||
	    out->m < VEX_GRAPH_M_MIN || out->m > VEX_GRAPH_M_MAX ||
	    out->ef_construction > VEX_GRAPH_EF_MAX || !index_served(out))
		return -EINVAL;
	return 0;
}

static void core_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, vex_core_init);
}

static struct vexfs_coll *coll_new(void)
{
	struct vexfs_coll *c;

	core_init();
	c = vex_zalloc(sizeof(*c));
	if (!c)
		return NULL;
	vex_rwsem_init(&c->lock);
	vex_mutex_init(&c->adding);
	vex_mutex_init(&c->walks_lock);
	return c;
}

int vexfs_coll_memory(const struct vexfs_coll_options *o, struct vexfs_coll **out)
{
	struct vexfs_coll *c = coll_new();
	int err;

	if (!c)
		return -ENOMEM;
	err = options_check(o, &c->options);
	if (!err) {
		coll_rows_init(c);
		if (c->options.index != VEXFS_COLL_FLAT)
			err = coll_graph_open(c);
	}
	if (err) {
		vexfs_coll_close(c);
		return err;
	}
	*out = c;
	return 0;
}

int vexfs_coll_open(const char *image, const char *path, const struct vexfs_coll_options *make,
		    uint32_t flags, struct vexfs_coll **out)
{
	struct vexfs_coll_options o;
	struct vexfs_coll *c;
	int err = 0;

	if (flags & ~VEXFS_COLL_READ_ONLY || (make && flags))
		return -EINVAL;
	if (make)
		err = options_check(make, &o);
	if (err)
		return err;
	c = coll_new();
	if (!c)
		return -ENOMEM;
	err = coll_image_open(image, path, make ? &o : NULL, flags & VEXFS_COLL_READ_ONLY, c);
	if (err) {
		vexfs_coll_close(c);
		return err;
	}
	*out = c;
	return 0;
}

static void walk_free(struct coll_walk *w)
{
	vex_walk_free(&w->walk);
	vex_free(w->heaps);
	vex_free(w->cands);
	vex_free(w->from);
	vex_free(w->dist);
	vex_free(w->row);
	vex_free(w);
}

int vexfs_coll_close(struct vexfs_coll *c)
{
	struct coll_walk *w;
	int err = 0;

	if (!c)
		return 0;
	if (c->image)
		err = coll_image_close(c->image);
	while ((w = c->walks)) {
		c->walks = w->next;
		walk_free(w);
	}
	coll_graph_close(c);
	coll_rows_free(c);
	vex_mutex_destroy(&c->walks_lock);
	vex_mutex_destroy(&c->adding);
	vex_rwsem_destroy(&c->lock);
	vex_free(c);
	return err;
}

static struct coll_walk *walk_new(const struct vexfs_coll *c)
{
	struct coll_walk *w = vex_zalloc(sizeof(*w));

	if (!w)
		return NULL;
	w->row = vex_alloc(max(COLL_WIDE, c->row_bytes));
	if (w->row)
		return w;
	vex_free(w);
	return NULL;
}

struct coll_walk *coll_walk_take(struct vexfs_coll *c)
{
	struct coll_walk *w;

	vex_mutex_lock(&c->walks_lock);
	w = c->walks;
	if (w)
		c->walks = w->next;
	vex_mutex_unlock(&c->walks_lock);
	return w ? w : walk_new(c);
}

void coll_walk_give(struct vexfs_coll *c, struct coll_walk *w)
{
	vex_mutex_lock(&c->walks_lock);
	w->next = c->walks;
	c->walks = w;
	vex_mutex_unlock(&c->walks_lock);
}

/* ---- insertion -------------------------------------------------------------------- */

int vexfs_coll_add(struct vexfs_coll *c, const void *rows, uint64_t count, uint64_t *first_id)
{
	int err;

	if (!c->image && count > VEX_GRAPH_ROWS_MAX)
		return -EFBIG;
	if (vex_rows_find_bad(c->options.elem, rows, count, c->options.dim) < count)
		return -EDOM;
	if (c->image)
		return coll_image_add(c, rows, count, first_id);
	vex_mutex_lock(&c->adding);
	if (count > VEX_GRAPH_ROWS_MAX - c->rows.count) {
		vex_mutex_unlock(&c->adding);
		return -EFBIG;
	}
	if (first_id)
		*first_id = c->rows.count;
	err = coll_rows_append(c, rows, count);
	if (!err)
		err = coll_graph_grow(c);
	vex_mutex_unlock(&c->adding);
	return err;
}

/* ---- by id ------------------------------------------------------------------------ */

static int ids_check(const struct vexfs_coll *c, const uint64_t *ids, uint64_t count)
{
	u64 i;

	for (i = 0; i < count; i++)
		if (ids[i] >= c->rows.count || coll_row_dead(c, ids[i]))
			return -ENOENT;
	return 0;
}

int vexfs_coll_get(struct vexfs_coll *c, const uint64_t *ids, uint64_t count, void *rows)
{
	u64 i;
	int err;

	if (c->image)
		return coll_image_get(c, ids, count, rows);
	vex_read_lock(&c->lock);
	err = ids_check(c, ids, count);
	for (i = 0; i < count && !err; i++)
		coll_row_copy(c, ids[i], (u8 *)rows + i * c->row_bytes);
	vex_read_unlock(&c->lock);
	return err;
}

int vexfs_coll_delete(struct vexfs_coll *c, const uint64_t *ids, uint64_t count)
{
	u64 i, bit;
	int err;

	if (c->image)
		return coll_image_delete(c, ids, count);
	vex_write_lock(&c->lock);
	err = ids_check(c, ids, count);
	for (i = 0; i < count && !err; i++) {
		bit = 1ULL << ids[i] % 64;
		c->live -= !(c->dead[ids[i] / 64] & bit);
		c->dead[ids[i] / 64] |= bit;
	}
	vex_write_unlock(&c->lock);
	/*
	 * The rows are deleted, whatever becomes of the links. Who inserts just now looks after
	 * those, too.
	 */
	if (!err && !pthread_mutex_trylock(&c->adding)) {
		coll_graph_grow(c);
		vex_mutex_unlock(&c->adding);
	}
	return err;
}

static u64 tab_memory(const struct vex_tab *t)
{
	return (u64)t->count * t->bytes;
}

static int memory_stat(struct vexfs_coll *c, struct vexfs_coll_stats *out)
{
	u32 i;

	vex_read_lock(&c->lock);
	out->rows = c->rows.count;
	out->live = c->live;
	out->indexed = c->graph.tab[0].count;
	out->code = c->options.index == VEXFS_COLL_FLAT ? 0 : c->options.code;
	out->row_bytes = tab_memory(&c->rows);
	for (i = 0; i < VEX_GRAPH_LAYERS; i++)
		out->index_bytes += tab_memory(&c->graph.tab[i]);
	vex_read_unlock(&c->lock);
	return 0;
}

int vexfs_coll_stat(struct vexfs_coll *c, struct vexfs_coll_stats *out)
{
	const struct vexfs_coll_options *o = &c->options;
	int err;

	memset(out, 0, sizeof(*out));
	err = c->image ? coll_image_stat(c, out) : memory_stat(c, out);
	if (err)
		return err;
	out->dim = o->dim;
	out->metric = o->metric;
	out->elem = o->elem;
	out->index = o->index;
	if (o->index == VEXFS_COLL_FLAT)
		return 0;
	if (o->index == VEXFS_COLL_LSH) {
		out->tables = o->tables;
		out->bits = o->bits;
		return 0;
	}
	if (o->index == VEXFS_COLL_CODES)
		return 0;
	out->m = o->m;
	out->ef_construction = o->ef_construction;
	return 0;
}

int vexfs_coll_sync(struct vexfs_coll *c)
{
	return c->image ? coll_image_sync(c) : 0;
}

const char *vexfs_coll_error(int err)
{
	switch (-err) {
	case 0: return "no error";
	case EINVAL: return "an argument is out of range";
	case EDOM: return "a vector holds NaN, an infinity or a bit behind its last element";
	case ENOENT: return "an id never existed, or its row was deleted";
	case ENOMEM: return "out of memory";
	case EFBIG: return "a collection holds 2,147,483,647 rows at most";
	case EBUSY: return "another program has the image open";
	case ENODATA: return "the file is no collection";
	case EUCLEAN: return "a block of the image is damaged: fsck.vexfs tells which";
	case EOPNOTSUPP: return "the image cannot do this, or needs a newer libvexfs";
	default: return strerror(-err);
	}
}
