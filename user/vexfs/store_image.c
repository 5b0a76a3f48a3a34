// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collections in an image or device that is not mounted: each operation is a call
 * of the core, in this process.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "device.h"
#include "names.h"
#include "report.h"
#include "store.h"
#include "vex_io.h"

/**
 * struct image_store - an open image
 * @io: the device
 * @fs: the filesystem on it
 * @dir: folder of the file
 * @name: of the file in it
 * @names: name of its names file
 * @ino: the file
 * @names_ino: its names file, 0 until it is found
 */
struct image_store {
	struct store s;
	struct vex_io io;
	struct vex_fs *fs;
	u64 dir;
	struct vex_name name;
	char *names;
	u64 ino;
	u64 names_ino;
};

static struct image_store *image_of(struct store *s)
{
	return (struct image_store *)s;
}

static int image_create(struct image_store *i, const struct vexfs_create *a)
{
	struct vex_coll c = {
		.elem = a->elem, .metric = a->metric, .index = a->index, .dim = a->dim,
		.code = a->code, .m = a->m, .ef_construction = a->ef_construction,
		.tables = a->tables, .bits = a->bits,
	};

	return vex_coll_create(i->fs, i->ino, &c);
}

static int image_stat(struct image_store *i, struct vexfs_stat *a)
{
	struct vex_index_stat index;
	struct vex_coll c;
	int err = vex_coll_stat(i->fs, i->ino, &c);

	if (!err)
		err = vex_index_stat(i->fs, i->ino, &index);
	if (err)
		return err;
	a->elem = c.elem;
	a->metric = c.metric;
	a->dim = c.dim;
	a->index = c.index;
	a->rows = c.rows;
	a->live = c.live;
	a->row_bytes = c.row_bytes;
	a->blocks = c.blocks;
	a->code = index.code;
	a->m = index.m;
	a->ef_construction = index.ef_construction;
	a->pending = index.pending;
	a->indexed = index.indexed;
	a->tables = index.tables;
	a->bits = index.bits;
	return 0;
}

static int image_reindex(struct image_store *i, const struct vexfs_reindex *a)
{
	struct vex_index_stat want = {
		.code = a->code, .m = a->m, .ef_construction = a->ef_construction,
		.tables = a->tables, .bits = a->bits,
	};

	return vex_index_rebuild(i->fs, i->ino, &want);
}

static void *at(u64 address)
{
	return (void *)(uintptr_t)address;
}

static int image_insert(struct image_store *i, struct vexfs_insert *a)
{
	struct vex_rows r = {
		.rows = at(a->rows), .count = a->count, .dim = a->dim,
		.meta = a->meta_len ? at(a->meta) : NULL, .meta_len = a->meta_len,
	};
	int err = vex_coll_append(i->fs, i->ino, &r);

	a->first_id = r.first_id;
	a->bad_row = r.bad_row;
	return err;
}

static int image_update(struct image_store *i, struct vexfs_update *a)
{
	struct vex_rows r = {
		.ids = at(a->ids), .rows = at(a->rows), .count = a->count, .dim = a->dim,
		.flags = a->flags, .meta = a->meta_len ? at(a->meta) : NULL,
		.meta_len = a->meta_len,
	};
	int err = vex_coll_update(i->fs, i->ino, &r);

	a->bad_row = r.bad_row;
	return err;
}

static int image_meta_set(struct image_store *i, struct vexfs_meta_set *a)
{
	struct vex_rows r = {
		.ids = at(a->ids), .count = a->count, .flags = a->flags, .meta = at(a->meta),
		.meta_len = a->meta_len,
	};
	int err = vex_meta_set(i->fs, i->ino, &r);

	a->bad_row = r.bad_row;
	return err;
}

static int image_meta_get(struct image_store *i, struct vexfs_meta_get *a)
{
	size_t used = 0;
	u64 bad = 0;
	int err = vex_meta_get(i->fs, i->ino, at(a->ids), a->count, at(a->meta), a->meta_len,
			       &used, &bad);

	a->used = used;
	a->bad_row = bad;
	return err;
}

static int image_filter(struct image_store *i, struct vexfs_filter *a)
{
	struct vex_filter f = {
		.nodes = at(a->filter), .count = a->filter_count, .text = at(a->filter_text),
		.text_len = a->filter_text_len,
	};
	u64 next = 0;
	int err = vex_coll_filter(i->fs, i->ino, &f, a->from, at(a->ids), a->max, &a->count,
				  &next);

	a->next = next;
	a->bad_node = f.bad_node;
	return err;
}

static int image_search(struct image_store *i, struct vexfs_search *a)
{
	struct vex_filter f = {
		.nodes = at(a->filter), .count = a->filter_count, .text = at(a->filter_text),
		.text_len = a->filter_text_len,
	};
	struct vex_search s = {
		.filter = a->filter_count ? &f : NULL,
		.queries = (void *)(uintptr_t)a->queries, .nq = a->nq, .dim = a->dim, .k = a->k,
		.ef = a->ef, .probes = a->probes,
		.ids = (u64 *)(uintptr_t)a->ids, .distances = (u32 *)(uintptr_t)a->distances,
	};
	int err = vex_coll_search(i->fs, i->ino, &s);

	a->visited = s.visited;
	a->bad_query = s.bad_query;
	a->bad_node = f.bad_node;
	return err;
}

static int image_range(struct image_store *i, struct vexfs_range *a)
{
	struct vex_filter f = {
		.nodes = at(a->filter), .count = a->filter_count, .text = at(a->filter_text),
		.text_len = a->filter_text_len,
	};
	struct vex_search s = {
		.filter = a->filter_count ? &f : NULL, .queries = at(a->query), .nq = 1,
		.dim = a->dim, .k = a->max, .ef = a->ef, .ranged = true, .radius = a->radius,
		.ids = at(a->ids), .distances = at(a->distances),
	};
	int err = vex_coll_search(i->fs, i->ino, &s);

	a->count = s.met < s.k ? s.met : s.k;
	a->met = s.met;
	a->visited = s.visited;
	a->bad = s.bad_query;
	a->bad_node = f.bad_node;
	return err;
}

static int image_caps(struct vexfs_caps *a)
{
	a->elems = VEX_ELEMS_SERVED;
	a->metrics = VEX_METRICS_SERVED;
	a->indexes = VEX_INDEXES_SERVED;
	a->isa = vex_dist_isa();
	a->max_dim = VEXFS_MAX_DIM;
	a->max_k = VEXFS_MAX_K;
	a->max_queries = VEXFS_MAX_QUERIES;
	a->max_results = VEXFS_MAX_RESULTS;
	a->max_ids = VEXFS_MAX_IDS;
	a->max_batch = VEXFS_MAX_BATCH;
	a->max_update = VEXFS_MAX_UPDATE;
	a->max_meta = VEXFS_MAX_META;
	a->max_filter = VEXFS_MAX_FILTER;
	a->max_filter_text = VEXFS_MAX_FILTER_TEXT;
	return 0;
}

static int image_call(struct store *s, unsigned int op, void *arg)
{
	struct image_store *i = image_of(s);
	struct vexfs_delete *delete = arg;
	struct vexfs_get *get = arg;
	u64 bad = 0;
	int err;

	switch (op) {
	case VEXFS_IOC_CAPS:
		return image_caps(arg);
	case VEXFS_IOC_CREATE:
		return image_create(i, arg);
	case VEXFS_IOC_STAT:
		return image_stat(i, arg);
	case VEXFS_IOC_SEARCH:
		return image_search(i, arg);
	case VEXFS_IOC_RANGE:
		return image_range(i, arg);
	case VEXFS_IOC_INSERT:
		return image_insert(i, arg);
	case VEXFS_IOC_UPDATE:
		return image_update(i, arg);
	case VEXFS_IOC_META_SET:
		return image_meta_set(i, arg);
	case VEXFS_IOC_META_GET:
		return image_meta_get(i, arg);
	case VEXFS_IOC_REINDEX:
		return image_reindex(i, arg);
	case VEXFS_IOC_FILTER:
		return image_filter(i, arg);
	case VEXFS_IOC_GET:
		err = vex_coll_get(i->fs, i->ino, (u64 *)(uintptr_t)get->ids, get->count, get->dim,
				   (void *)(uintptr_t)get->rows, &bad);
		get->bad_id = bad;
		return err;
	case VEXFS_IOC_DELETE:
		err = vex_coll_delete(i->fs, i->ino, (u64 *)(uintptr_t)delete->ids, delete->count,
				      &bad);
		delete->bad_id = bad;
		return err;
	default:
		return -ENOTTY;
	}
}

/* Look for the names file. */
static int names_lookup(struct image_store *i)
{
	struct vex_name name = { .str = i->names, .len = strlen(i->names) };
	u8 type;
	int err;

	if (i->names_ino)
		return 0;
	if (name.len > VEXFS_NAME_MAX)
		return -ENOENT;
	err = vex_dir_lookup(i->fs, i->dir, &name, &i->names_ino, &type);
	if (err)
		i->names_ino = 0;
	return err;
}

static int make_file(struct image_store *i, const char *str, u64 *ino)
{
	struct vex_name name = { .str = str, .len = strlen(str) };
	struct vex_inode node = { .mode = S_IFREG | 0644, .uid = getuid(), .gid = getgid() };
	int err;

	if (name.len > VEXFS_NAME_MAX)
		return -ENAMETOOLONG;
	err = vex_dir_create(i->fs, i->dir, &name, &node);
	*ino = node.ino;
	return err;
}

static int image_names_size(struct store *s, uint64_t *size)
{
	struct image_store *i = image_of(s);
	struct vex_inode inode;
	int err = names_lookup(i);

	if (!err)
		err = vex_inode_get(i->fs, i->names_ino, &inode);
	if (!err && !S_ISREG(inode.mode))
		err = -EISDIR;
	if (!err && (inode.flags & VEXFS_INODE_COLL))
		err = -EPERM;
	if (!err)
		*size = inode.size;
	return err;
}

static int image_names_read(struct store *s, uint64_t pos, void *buf, size_t len, size_t *done)
{
	struct image_store *i = image_of(s);

	return vex_file_read(i->fs, i->names_ino, pos, buf, len, done);
}

static int image_names_write(struct store *s, uint64_t pos, const void *buf, size_t len)
{
	struct image_store *i = image_of(s);
	int err = names_lookup(i);

	if (err == -ENOENT)
		err = make_file(i, i->names, &i->names_ino);
	if (!err && len)
		err = vex_file_write(i->fs, i->names_ino, pos, buf, len);
	return err;
}

static int image_sync(struct store *s)
{
	return vex_fs_commit(image_of(s)->fs);
}

static int image_remove(struct store *s)
{
	struct image_store *i = image_of(s);
	int err = vex_dir_remove(i->fs, i->dir, &i->name, false);

	return err ? err : vex_inode_evict(i->fs, i->ino);
}

static bool image_damage(struct store *s, char *buf, size_t len)
{
	const char *what;
	u64 block;

	if (!vex_fs_take_damage(image_of(s)->fs, &block, &what))
		return false;
	snprintf(buf, len, "block %" PRIu64 " is damaged (%s); restore the image from a copy",
		 (uint64_t)block, what);
	return true;
}

static int image_close(struct store *s)
{
	struct image_store *i = image_of(s);
	int err = 0;

	if (i->fs)
		err = vex_fs_close(i->fs);
	if (i->io.ops) {
		int closed = vex_io_fd_close(&i->io);

		err = err ? err : closed;
	}
	free(i->names);
	free(i);
	return err;
}

static const struct store_ops image_ops = {
	.call = image_call,
	.names_size = image_names_size,
	.names_read = image_names_read,
	.names_write = image_names_write,
	.sync = image_sync,
	.remove = image_remove,
	.damage = image_damage,
	.close = image_close,
};

/* Open the device and the filesystem on it. A status. */
static int open_image(struct image_store *i, bool write)
{
	struct vex_open_opts opts = { .read_only = !write };
	const char *image = i->s.where;
	struct vex_open_error why;
	int fd, status, err;

	status = device_open(image, write, &fd);
	if (status)
		return status;
	err = vex_io_fd_attach(&i->io, fd);
	if (err) {
		close(fd);
		return report_fail("%s: %s", image, strerror(-err));
	}
	err = -EINVAL;
	if (i->io.blocks >= VEXFS_MIN_BLOCKS)
		err = vex_fs_open(&i->io, &opts, &i->fs, &why);
	if (err == -EINVAL)
		return report_fail("%s: holds no VexFS; make one with mkfs.vexfs", image);
	if (err == -EUCLEAN)
		return report_fail("%s: is damaged: block %" PRIu64 ": %s; restore it from a copy",
				   image, (uint64_t)why.block, why.what);
	if (err == -EOPNOTSUPP)
		return report_fail("%s: block %" PRIu64 ": %s%s%s; use a newer vexfs", image,
				   (uint64_t)why.block, why.what, why.feature[0] ? " " : "",
				   why.feature);
	return err ? report_fail("%s: %s", image, strerror(-err)) : STATUS_OK;
}

/*
 * Walk @path down to the folder of its last part, which becomes i->name; the root
 * itself leaves it empty. 0 or a negative errno.
 */
static int walk(struct image_store *i, const char *path)
{
	u8 type;
	int err;

	i->dir = VEXFS_ROOT_INO;
	i->ino = VEXFS_ROOT_INO;
	i->name.len = 0;
	for (;;) {
		path += strspn(path, "/");
		if (!*path)
			return 0;
		if (i->name.len) {
			err = vex_dir_lookup(i->fs, i->dir, &i->name, &i->dir, &type);
			if (err)
				return err;
			if (type != DT_DIR)
				return -ENOTDIR;
		}
		i->name.str = path;
		i->name.len = strcspn(path, "/");
		if (i->name.len > VEXFS_NAME_MAX)
			return -ENAMETOOLONG;
		if ((i->name.len == 1 && *path == '.') || !strncmp(path, "../", 3) ||
		    !strcmp(path, ".."))
			return -EINVAL;
		path += i->name.len;
	}
}

/* Find or make the file. 0 or a negative errno. */
static int open_file(struct image_store *i, const char *path, enum store_mode mode)
{
	u8 type;
	int err = walk(i, path);

	if (err)
		return err;
	if (!i->name.len)
		return mode == STORE_CAPS ? 0 : -EISDIR;
	if (asprintf(&i->names, "%.*s" NAMES_SUFFIX, (int)i->name.len, i->name.str) < 0) {
		i->names = NULL;
		return -ENOMEM;
	}
	err = vex_dir_lookup(i->fs, i->dir, &i->name, &i->ino, &type);
	if (!err && mode == STORE_CREATE)
		return -EEXIST;
	if (err == -ENOENT && (mode == STORE_CREATE || mode == STORE_ENSURE)) {
		char *name = strndup(i->name.str, i->name.len);

		err = name ? make_file(i, name, &i->ino) : -ENOMEM;
		free(name);
		i->s.made = !err;
		return err;
	}
	if (err || mode == STORE_CAPS)
		return err;
	return type == DT_REG ? 0 : type == DT_DIR ? -EISDIR : -ENOTTY;
}

int store_image_open(struct store **out, const struct store_place *place, const char *path,
		     enum store_mode mode)
{
	bool write = mode != STORE_READ && mode != STORE_CAPS;
	struct image_store *i;
	int status, err;

	vex_core_init();
	if (place->isa >= 0 && vex_dist_select(place->isa))
		return report_fail("--isa %s: this CPU does not have it",
				   store_isa_name(place->isa));
	i = calloc(1, sizeof(*i));
	if (!i)
		return report_fail("out of memory");
	i->s.ops = &image_ops;
	i->s.path = path;
	i->s.where = place->image;
	status = open_image(i, write);
	if (!status) {
		err = open_file(i, path, mode);
		if (err == -EINVAL)
			status = report_fail("%s:%s: a path inside an image has no '.' and '..'",
					     place->image, path);
		else if (err)
			status = store_explain_open(&i->s, mode, err);
	}
	if (status)
		image_close(&i->s);
	else
		*out = &i->s;
	return status;
}
