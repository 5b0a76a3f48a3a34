// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Collections in a VexFS image or unmounted device, by the same core that is in the kernel: the
 * rest of what vexfs.h promises. A call with many rows or queries is several of the core.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <vex_io.h>
#include "coll_mem.h"

/* Rows that are copied at a time. */
#define COPY_BYTES	(4u << 20)

/**
 * struct coll_image - where a collection is
 * @io: the image
 * @fs: the filesystem in it
 * @ino: the collection
 * @read_only: opened so
 */
struct coll_image {
	struct vex_io io;
	struct vex_fs *fs;
	u64 ino;
	bool read_only;
};

/* An image of which somebody else has a writer is busy. */
static int image_attach(struct coll_image *i, const char *path)
{
	int how = (i->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	struct stat st;
	int err = 0;
	int fd;

	/* Of a block device this is refused while it is mounted. */
	if (!stat(path, &st) && S_ISBLK(st.st_mode))
		how |= O_EXCL;
	fd = open(path, how);
	if (fd < 0)
		return -errno;
	if (flock(fd, (i->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
		err = -EBUSY;
	if (!err)
		err = vex_io_fd_attach(&i->io, fd);
	if (err)
		close(fd);
	return err;
}

static int image_open(struct coll_image *i, const char *path)
{
	struct vex_open_opts opts = { .read_only = i->read_only };
	int err = image_attach(i, path);

	if (err)
		return err;
	return i->io.blocks < VEXFS_MIN_BLOCKS ? -EINVAL :
	       vex_fs_open(&i->io, &opts, &i->fs, NULL);
}

/* The folder of a path, and the last name in it. */
static int image_walk(struct coll_image *i, const char *path, u64 *dir, struct vex_name *name)
{
	u8 type = DT_DIR;
	int err;

	*dir = VEXFS_ROOT_INO;
	path += strspn(path, "/");
	for (;;) {
		name->str = path;
		name->len = strcspn(path, "/");
		if (!name->len)
			return -EISDIR;
		if (name->len > VEXFS_NAME_MAX)
			return -ENAMETOOLONG;
		path += name->len + strspn(path + name->len, "/");
		if (!*path)
			return 0;
		err = vex_dir_lookup(i->fs, *dir, name, dir, &type);
		if (err)
			return err;
		if (type != DT_DIR)
			return -ENOTDIR;
	}
}

/* A collection that has no name yet; a crash leaves nothing of it. */
static int image_make(struct coll_image *i, const struct vexfs_coll_options *o)
{
	struct vex_inode node = { .mode = S_IFREG | 0644, .uid = getuid(), .gid = getgid() };
	struct vex_coll c = {
		.elem = o->elem, .metric = o->metric, .index = o->index, .dim = o->dim,
	};
	int err;

	if (o->index != VEXFS_INDEX_FLAT)
		c.code = o->code;
	if (o->index == VEXFS_INDEX_HNSW) {
		c.m = o->m;
		c.ef_construction = o->ef_construction;
	} else if (o->index == VEXFS_INDEX_LSH) {
		c.tables = o->tables;
		c.bits = o->bits;
	}
	err = vex_inode_create(i->fs, &node);
	if (err)
		return err;
	i->ino = node.ino;
	err = vex_coll_create(i->fs, node.ino, &c);
	if (err)
		vex_inode_evict(i->fs, node.ino);
	return err;
}

/* Give it its name, or free it. */
static int image_name(struct coll_image *i, u64 dir, const struct vex_name *name)
{
	int err = vex_dir_link(i->fs, dir, name, i->ino);

	if (err)
		vex_inode_evict(i->fs, i->ino);
	return err;
}

static int image_find(struct coll_image *i, const char *path, const struct vexfs_coll_options *make)
{
	struct vex_name name;
	u64 dir;
	u8 type;
	int err;

	err = image_walk(i, path, &dir, &name);
	if (err)
		return err;
	err = vex_dir_lookup(i->fs, dir, &name, &i->ino, &type);
	if (err != -ENOENT || !make)
		return err ? err : make ? -EEXIST : 0;
	err = image_make(i, make);
	return err ? err : image_name(i, dir, &name);
}

/* What the collection is, as if it had been asked for. */
static int options_read(struct coll_image *i, struct vexfs_coll_options *o)
{
	struct vex_index_stat index;
	struct vex_coll c;
	int err;

	err = vex_coll_stat(i->fs, i->ino, &c);
	if (!err)
		err = vex_index_stat(i->fs, i->ino, &index);
	if (err)
		return err;
	*o = (struct vexfs_coll_options){
		.size = sizeof(*o), .dim = c.dim, .metric = c.metric, .elem = c.elem, .index = c.index,
		.code = index.code, .m = index.m, .ef_construction = index.ef_construction,
		.tables = index.tables, .bits = index.bits,
	};
	return 0;
}

int coll_image_close(struct coll_image *i)
{
	int err = 0, closed;

	if (i->fs)
		err = vex_fs_close(i->fs);
	if (i->io.ops) {
		closed = vex_io_fd_close(&i->io);
		err = err ? err : closed;
	}
	vex_free(i);
	return err;
}

int coll_image_open(const char *image, const char *path, const struct vexfs_coll_options *make,
		    bool read_only, struct vexfs_coll *c)
{
	struct coll_image *i = vex_zalloc(sizeof(*i));
	int err;

	if (!i)
		return -ENOMEM;
	c->image = i;
	i->read_only = read_only;
	err = image_open(i, image);
	if (!err)
		err = image_find(i, path, make);
	return err ? err : options_read(i, &c->options);
}

static u32 row_bytes(const struct vexfs_coll *c)
{
	return vex_row_bytes(c->options.elem, c->options.dim);
}

static int image_add(struct coll_image *i, const struct vexfs_coll *c, const void *rows, u64 count,
		     uint64_t *first_id)
{
	u32 bytes = row_bytes(c), most = VEXFS_MAX_BATCH / bytes, n;
	u64 done, first, bad;
	int err = 0;

	for (done = 0; done < count && !err; done += n) {
		n = min_t(u64, count - done, most);
		err = vex_coll_insert(i->fs, i->ino, (const u8 *)rows + done * bytes, n,
				      c->options.dim, &first, &bad);
		if (!err && !done && first_id)
			*first_id = first;
	}
	return err;
}

int coll_image_add(struct vexfs_coll *c, const void *rows, u64 count, uint64_t *first_id)
{
	int err;

	/* Rows of one call get ids one behind the other. */
	vex_mutex_lock(&c->adding);
	err = image_add(c->image, c, rows, count, first_id);
	vex_mutex_unlock(&c->adding);
	return err;
}

static void search_options(struct vex_search *s, const struct vexfs_coll_query *q)
{
	if (!q)
		return;
	s->ef = q->ef;
	s->probes = q->probes;
	s->allow = (const u64 *)q->filter;
	s->allow_words = q->filter_words;
}

int coll_image_search(struct vexfs_coll *c, const void *queries, u64 nq, u32 k,
		      struct vexfs_coll_query *q, uint64_t *ids, float *distances)
{
	u32 bytes = row_bytes(c);
	struct vex_search s = { .dim = c->options.dim, .k = k };
	u64 most = min(VEXFS_MAX_RESULTS / k, VEXFS_MAX_QUERIES), done, compared = 0;
	int err = 0;

	if (k > VEXFS_MAX_K)
		return -EINVAL;
	search_options(&s, q);
	most = min_t(u64, most, VEXFS_MAX_BATCH / bytes);
	for (done = 0; done < nq && !err; done += s.nq) {
		s.nq = min(nq - done, most);
		s.queries = (const u8 *)queries + done * bytes;
		s.ids = (u64 *)ids + done * k;
		s.distances = (u32 *)(distances + done * k);
		err = vex_coll_search(c->image->fs, c->image->ino, &s);
		compared += s.visited;
	}
	q->compared = compared;
	return err;
}

int coll_image_range(struct vexfs_coll *c, const void *query, u32 radius, u32 max,
		     struct vexfs_coll_query *q, uint64_t *ids, float *distances, uint64_t *met)
{
	struct vex_search s = {
		.queries = query, .nq = 1, .dim = c->options.dim, .k = max, .ranged = true,
		.radius = radius, .ids = (u64 *)ids, .distances = (u32 *)distances,
	};
	int err;

	search_options(&s, q);
	err = vex_coll_search(c->image->fs, c->image->ino, &s);
	*met = s.met;
	if (q)
		q->compared = s.visited;
	return err;
}

int coll_image_get(struct vexfs_coll *c, const uint64_t *ids, u64 count, void *rows)
{
	u32 bytes = row_bytes(c), most = min(VEXFS_MAX_BATCH / bytes, VEXFS_MAX_IDS), n;
	u64 done, bad;
	int err = 0;

	for (done = 0; done < count && !err; done += n) {
		n = min_t(u64, count - done, most);
		err = vex_coll_get(c->image->fs, c->image->ino, (const u64 *)ids + done, n,
				   c->options.dim, (u8 *)rows + done * bytes, &bad);
	}
	return err;
}

static int image_delete(struct coll_image *i, const uint64_t *ids, u64 count)
{
	u64 *sorted, bad;
	int err;

	if (!count)
		return 0;
	if (count > VEXFS_MAX_IDS)
		return -E2BIG;
	sorted = vex_alloc(count * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, ids, count * sizeof(*sorted));
	err = vex_coll_delete(i->fs, i->ino, sorted, count, &bad);
	vex_free(sorted);
	return err;
}

int coll_image_delete(struct vexfs_coll *c, const uint64_t *ids, u64 count)
{
	return image_delete(c->image, ids, count);
}

int coll_image_stat(struct vexfs_coll *c, struct vexfs_coll_stats *out)
{
	struct vex_index_stat index;
	struct vex_coll coll;
	u64 there;
	int err;

	err = vex_coll_stat(c->image->fs, c->image->ino, &coll);
	if (!err)
		err = vex_index_stat(c->image->fs, c->image->ino, &index);
	if (err)
		return err;
	out->rows = coll.rows;
	out->live = coll.live;
	out->indexed = index.indexed;
	out->code = index.code;
	out->row_bytes = coll.rows * coll.row_bytes;
	/* What was not synced has no blocks yet. */
	there = coll.blocks * VEXFS_BLOCK_SIZE;
	out->index_bytes = there - min(there, round_up(out->row_bytes, (u64)VEXFS_BLOCK_SIZE));
	return 0;
}

int coll_image_sync(struct vexfs_coll *c)
{
	return c->image->read_only ? 0 : vex_fs_commit(c->image->fs);
}

/* ---- from memory to an image ------------------------------------------------------- */

static int copy_rows(struct vexfs_coll *from, struct coll_image *to, u64 rows)
{
	u32 bytes = from->row_bytes, most = max(COPY_BYTES / bytes, 1u), i, n;
	u8 *piece = vex_alloc((size_t)most * bytes);
	u64 done;
	int err = piece ? 0 : -ENOMEM;

	for (done = 0; done < rows && !err; done += n) {
		n = min_t(u64, rows - done, most);
		vex_read_lock(&from->lock);
		for (i = 0; i < n; i++)
			coll_row_copy(from, done + i, piece + (size_t)i * bytes);
		vex_read_unlock(&from->lock);
		err = image_add(to, from, piece, n, NULL);
	}
	vex_free(piece);
	return err;
}

static int copy_deleted(struct vexfs_coll *from, struct coll_image *to, u64 rows)
{
	uint64_t *ids = vex_alloc(VEXFS_TOMB_ROWS * sizeof(*ids));
	u64 id, n = 0;
	int err = ids ? 0 : -ENOMEM;

	for (id = 0; id < rows && !err; id++) {
		vex_read_lock(&from->lock);
		if (coll_row_dead(from, id))
			ids[n++] = id;
		vex_read_unlock(&from->lock);
		if (n == VEXFS_TOMB_ROWS || (n && id + 1 == rows)) {
			err = image_delete(to, ids, n);
			n = 0;
		}
	}
	vex_free(ids);
	return err;
}

static int copy_all(struct vexfs_coll *from, struct coll_image *to)
{
	u64 rows;
	int err;

	vex_read_lock(&from->lock);
	rows = from->rows.count;
	vex_read_unlock(&from->lock);
	err = copy_rows(from, to, rows);
	if (!err)
		err = copy_deleted(from, to, rows);
	/* Before the name: who sees that sees all of it. */
	return err ? err : vex_fs_commit(to->fs);
}

/* To a path that names nothing. The copy has no name as long as it is not whole. */
static int save_as(struct vexfs_coll *c, struct coll_image *i, const char *path)
{
	struct vexfs_coll_options o = c->options;
	struct vex_name name;
	u64 dir, there;
	u8 type;
	int err;

	o.code = c->code;
	err = image_walk(i, path, &dir, &name);
	if (err)
		return err;
	err = vex_dir_lookup(i->fs, dir, &name, &there, &type);
	if (err != -ENOENT)
		return err ? err : -EEXIST;
	err = image_make(i, &o);
	if (err)
		return err;
	err = copy_all(c, i);
	if (err) {
		vex_inode_evict(i->fs, i->ino);
		return err;
	}
	err = image_name(i, dir, &name);
	return err ? err : vex_fs_commit(i->fs);
}

int vexfs_coll_save(struct vexfs_coll *c, const char *image, const char *path)
{
	struct coll_image *i;
	int err, closed;

	if (c->image)
		return -EINVAL;
	i = vex_zalloc(sizeof(*i));
	if (!i)
		return -ENOMEM;
	err = image_open(i, image);
	if (!err)
		err = save_as(c, i, path);
	closed = coll_image_close(i);
	return err ? err : closed;
}
