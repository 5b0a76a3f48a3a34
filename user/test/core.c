// SPDX-License-Identifier: GPL-2.0-only
/* A filesystem on a memory device, for the tests of the core. */
#include <vex_check.h>

#include "core.h"

static struct vex_mem_count at_begin;

int core_count_begin(void **state)
{
	vex_mem_count(&at_begin);
	return 0;
}

int core_count_end(void **state)
{
	struct vex_mem_count now;

	vex_mem_count(&now);
	if (now.live == at_begin.live)
		return 0;
	print_error("%llu allocations of the core were not freed\n", now.live - at_begin.live);
	return -1;
}

int core_adopt(struct core *c, struct vex_io_mem *m, bool read_only)
{
	struct vex_open_opts opts = { .read_only = read_only, .cache_bytes = c->cache };
	int err;

	c->m = m;
	c->io = vex_io_mem_io(m);
	err = vex_fs_open(&c->io, &opts, &c->fs, NULL);
	if (err)
		c->fs = NULL;
	return err;
}

void core_make(struct core *c, u64 blocks, u64 seed)
{
	struct vex_mkfs_opts opts = {
		.label = "test", .uid = 7, .gid = 8, .features = VEX_FEATURES_DEFAULT,
	};

	memset(c, 0, sizeof(*c));
	c->m = vex_io_mem_create(blocks, seed);
	assert_non_null(c->m);
	c->io = vex_io_mem_io(c->m);
	assert_int_equal(vex_mkfs(&c->io, &opts), 0);
	assert_int_equal(core_adopt(c, c->m, false), 0);
}

void core_close(struct core *c)
{
	struct vex_fs *fs = c->fs;

	c->fs = NULL;
	if (fs)
		assert_int_equal(vex_fs_close(fs), 0);
}

void core_reopen(struct core *c)
{
	core_close(c);
	assert_int_equal(core_adopt(c, c->m, false), 0);
}

void core_drop(struct core *c)
{
	if (c->fs)
		vex_fs_close(c->fs);
	c->fs = NULL;
	vex_io_mem_destroy(c->m);
	c->m = NULL;
	while (c->page_count)
		free(c->pages[--c->page_count]);
	free(c->pages);
	c->pages = NULL;
}

void core_end(struct core *c)
{
	const char *wrong;

	core_commit(c);
	assert_int_equal(vex_check(c->fs, stderr), 0);
	core_close(c);
	wrong = image_check(c->m, NULL);
	if (wrong)
		fail_msg("the image is not sound: %s", wrong);
	core_drop(c);
}

struct vex_name core_name(const char *str)
{
	return (struct vex_name){ .str = str, .len = strlen(str) };
}

static u64 make_node(struct core *c, u64 dir, const char *str, u32 mode)
{
	struct vex_inode node = { .mode = mode, .uid = 1000, .gid = 100 };
	struct vex_name name = core_name(str);

	assert_int_equal(vex_dir_create(c->fs, dir, &name, &node), 0);
	return node.ino;
}

u64 core_create(struct core *c, u64 dir, const char *name)
{
	return make_node(c, dir, name, S_IFREG | 0644);
}

u64 core_mkdir(struct core *c, u64 dir, const char *name)
{
	return make_node(c, dir, name, S_IFDIR | 0755);
}

void core_write(struct core *c, u64 ino, u64 pos, const void *buf, size_t len)
{
	assert_int_equal(vex_file_write(c->fs, ino, pos, buf, len), 0);
}

void core_read(struct core *c, u64 ino, u64 pos, void *buf, size_t len)
{
	size_t done;

	assert_int_equal(vex_file_read(c->fs, ino, pos, buf, len, &done), 0);
	assert_int_equal(done, len);
}

void core_commit(struct core *c)
{
	assert_int_equal(vex_fs_commit(c->fs), 0);
}

void core_unlink(struct core *c, u64 dir, const char *str)
{
	struct vex_name name = core_name(str);
	u64 ino;
	u8 type;

	assert_int_equal(vex_dir_lookup(c->fs, dir, &name, &ino, &type), 0);
	assert_int_equal(vex_dir_remove(c->fs, dir, &name, type == DT_DIR), 0);
	assert_int_equal(vex_inode_evict(c->fs, ino), 0);
}

u64 core_free_blocks(struct core *c)
{
	struct vex_statfs st;

	vex_fs_statfs(c->fs, &st);
	return st.free;
}

int core_resolve(struct vex_fs *fs, const char *path, u64 *ino, u64 *parent,
		 struct vex_name *last)
{
	u64 dir = VEXFS_ROOT_INO, here = VEXFS_ROOT_INO;
	u8 type = DT_DIR;
	int err = 0;

	while (*path && !err) {
		last->str = path;
		last->len = strcspn(path, "/");
		path += last->len;
		path += *path == '/';
		dir = here;
		err = vex_dir_lookup(fs, dir, last, &here, &type);
		if (err && *path)
			return err;
	}
	if (parent)
		*parent = dir;
	if (ino)
		*ino = here;
	return err ? err : type;
}

/* ---- a host with a page cache ------------------------------------------------------- */

u32 core_announced;

static u32 host_data_begin(void *ctx)
{
	core_announced++;
	return 0;
}

void core_adopt_host(struct core *c)
{
	static struct vex_io_ops ops;

	c->io = vex_io_mem_io(c->m);
	ops = *c->io.ops;
	ops.data_begin = host_data_begin;
	c->io.ops = &ops;
	core_announced = 0;
	assert_int_equal(vex_fs_open(&c->io, &(struct vex_open_opts){ 0 }, &c->fs, NULL), 0);
}

/* The device may read the pages until a flush: they are kept for as long as the fixture. */
static void host_submit(struct core *c, const struct vex_map *map, const u8 *data)
{
	u8 *buf = aligned_alloc(VEXFS_BLOCK_SIZE, map->count * VEXFS_BLOCK_SIZE);

	memcpy(buf, data, map->count * VEXFS_BLOCK_SIZE);
	c->pages = realloc(c->pages, (c->page_count + 1) * sizeof(*c->pages));
	c->pages[c->page_count++] = buf;
	assert_int_equal(c->io.ops->write(c->io.ctx, map->block, map->count, buf, 0), 0);
}

void core_host_write(struct core *c, u64 ino, u64 fblock, u32 count, const u8 *data)
{
	u32 csums[VEXFS_EXTENT_MAX], done;
	struct vex_map map;

	assert_int_equal(vex_space_reserve(c->fs, count), 0);
	for (; count; count -= done, fblock += done, data += done * VEXFS_BLOCK_SIZE) {
		for (u32 i = 0; i < count; i++)
			csums[i] = vex_block_csum(data + i * VEXFS_BLOCK_SIZE);
		assert_int_equal(vex_extent_write(c->fs, ino, fblock, count, csums,
						  (fblock + count) * VEXFS_BLOCK_SIZE, &map), 0);
		assert_true(map.count >= 1 && map.count <= count);
		assert_int_equal(map.fblock, fblock);
		host_submit(c, &map, data);
		done = map.count;
	}
}

/* ---- digest ------------------------------------------------------------------- */

static const u64 digest_key[2] = { 0x646967657374, 1 };

/* Bytes looked at in all: no test has more, but a forged image can have circles. */
#define DIGEST_MOST	(64u << 20)

/**
 * struct walk - a digest in progress
 * @fs: filesystem
 * @digest: so far
 * @mixed: bytes of it
 * @dirs: directories still to be read
 * @count: of them
 * @buf: for reading
 */
struct walk {
	struct vex_fs *fs;
	u64 digest;
	u64 mixed;
	u64 *dirs;
	size_t count;
	u8 buf[16384];
};

static void mix(struct walk *w, const void *data, size_t len)
{
	const u64 key[2] = { digest_key[0], w->digest };

	w->digest = vex_siphash(key, data, len);
	w->mixed += len;
}

static int mix_meta(struct walk *w, u64 ino, u64 id)
{
	u8 buf[4 + 1024];
	size_t used;
	u64 bad;
	int err = vex_meta_get(w->fs, ino, &id, 1, buf, sizeof(buf), &used, &bad);

	if (!err)
		mix(w, buf, used);
	return err;
}

static int mix_collection(struct walk *w, u64 ino)
{
	struct vex_coll coll;
	u64 bad;
	int err;

	/* With its padding. */
	memset(&coll, 0, sizeof(coll));
	err = vex_coll_stat(w->fs, ino, &coll);
	if (err)
		return err;
	coll.blocks = 0;
	mix(w, &coll, sizeof(coll));
	for (u64 id = 0; id < coll.rows && w->mixed < DIGEST_MOST; id++) {
		u8 *row = malloc(coll.row_bytes);

		err = vex_coll_get(w->fs, ino, &id, 1, coll.dim, row, &bad);
		if (!err)
			mix(w, row, coll.row_bytes);
		else
			mix(w, "deleted", 7);
		free(row);
		if (!err)
			err = mix_meta(w, ino, id);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

static int mix_content(struct walk *w, const struct vex_inode *inode)
{
	u64 pos = 0;
	size_t done;
	int err;

	if (inode->flags & VEXFS_INODE_COLL)
		return mix_collection(w, inode->ino);
	do {
		err = vex_file_read(w->fs, inode->ino, pos, w->buf, sizeof(w->buf), &done);
		mix(w, w->buf, done);
		pos += done;
	} while (!err && done && w->mixed < DIGEST_MOST);
	return err;
}

static int mix_xattrs(struct walk *w, u64 ino)
{
	static u8 value[VEXFS_XATTR_VALUE_MAX];
	static char names[65536];
	struct vex_name name;
	size_t used, len;
	int err;

	err = vex_xattr_list(w->fs, ino, NULL, names, sizeof(names), &used);
	for (name.str = names; !err && name.str < names + used; name.str += name.len + 1) {
		name.len = strlen(name.str);
		err = vex_xattr_get(w->fs, ino, &name, value, sizeof(value), &len);
		mix(w, name.str, name.len);
		mix(w, value, len);
	}
	return err == -EOPNOTSUPP ? 0 : err;
}

static int mix_symlink(struct walk *w, u64 ino)
{
	char target[VEXFS_SYMLINK_MAX];
	size_t len;
	int err = vex_symlink_read(w->fs, ino, target, sizeof(target), &len);

	if (!err)
		mix(w, target, len);
	return err;
}

static int mix_inode(struct walk *w, u64 ino)
{
	struct vex_inode inode;
	int err;

	memset(&inode, 0, sizeof(inode));
	err = vex_inode_get(w->fs, ino, &inode);
	if (err)
		return err;
	/* Blocks are given late; a tie of times would be the clock of the test. */
	mix(w, &(u64[]){ inode.ino, inode.mode, inode.uid, inode.gid, inode.nlink, inode.size,
			 inode.parent, inode.generation, inode.flags, inode.mtime.sec,
			 inode.mtime.nsec, inode.ctime.nsec, inode.btime.nsec,
			 inode.rdev }, 14 * 8);
	err = mix_xattrs(w, ino);
	if (err)
		return err;
	if (S_ISREG(inode.mode))
		return mix_content(w, &inode);
	if (S_ISLNK(inode.mode))
		return mix_symlink(w, ino);
	if (!S_ISDIR(inode.mode))
		return 0;
	w->dirs = realloc(w->dirs, (w->count + 1) * sizeof(*w->dirs));
	w->dirs[w->count++] = ino;
	return 0;
}

static int mix_dir(struct walk *w, u64 dir)
{
	u8 *entries = malloc(4096);
	size_t used, at;
	u64 pos = 0;
	int err;

	do {
		err = vex_dir_read(w->fs, dir, pos, entries, 4096, &used);
		for (at = 0; !err && at < used;) {
			const struct vex_dirent *d = (void *)(entries + at);

			mix(w, d->name, d->len);
			mix(w, &d->type, 1);
			err = mix_inode(w, d->ino);
			pos = d->pos + 1;
			at += VEX_DIRENT_SIZE(d->len);
		}
	} while (!err && used);
	free(entries);
	return err;
}

int core_digest(struct vex_fs *fs, u64 *digest)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err;

	w->fs = fs;
	err = mix_inode(w, VEXFS_ROOT_INO);
	while (!err && w->count && w->mixed < DIGEST_MOST)
		err = mix_dir(w, w->dirs[--w->count]);
	*digest = w->digest;
	free(w->dirs);
	free(w);
	return err;
}
