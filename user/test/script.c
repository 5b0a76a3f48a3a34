// SPDX-License-Identifier: GPL-2.0-only
/* Scripts of calls for the fault sweeps and the crash simulation. */
#include "core.h"

#define CALL(kind, from, ...)	{ .what = kind, .path = from, ##__VA_ARGS__ }
#define COMMIT			{ .what = STEP_COMMIT }

const struct step script[] = {
	CALL(STEP_MKDIR, "d"),
	CALL(STEP_CREATE, "a"),
	CALL(STEP_WRITE, "a", .a = 0, .b = 100, .seed = 1),
	COMMIT,
	CALL(STEP_CREATE, "d/b"),
	CALL(STEP_WRITE, "d/b", .a = 5000, .b = 70000, .seed = 2),
	CALL(STEP_MKDIR, "d/e"),
	COMMIT,
	CALL(STEP_WRITE, "a", .a = 50, .b = 9000, .seed = 3),
	CALL(STEP_CREATE, "d/e/v"),
	CALL(STEP_COLL, "d/e/v", .a = 48, .b = VEXFS_METRIC_L2),
	CALL(STEP_INSERT, "d/e/v", .b = 40, .seed = 4),
	COMMIT,
	CALL(STEP_INSERT, "d/e/v", .b = 60, .seed = 5),
	CALL(STEP_DELETE, "d/e/v", .a = 7, .b = 5),
	CALL(STEP_TRUNCATE, "d/b", .a = 12345),
	COMMIT,
	CALL(STEP_RENAME, "a", .to = "d/e/a"),
	CALL(STEP_CREATE, "c"),
	CALL(STEP_WRITE, "c", .a = 0, .b = 4096, .seed = 6),
	CALL(STEP_RENAME, "c", .to = "d/b"),
	COMMIT,
	CALL(STEP_TRUNCATE, "d/b", .a = 300000),
	CALL(STEP_WRITE, "d/b", .a = 200000, .b = 10, .seed = 7),
	CALL(STEP_SETATTR, "d/e/a", .a = 0600),
	COMMIT,
	CALL(STEP_REMOVE, "d/e/a"),
	CALL(STEP_RENAME, "d/e", .to = "f"),
	COMMIT,
	CALL(STEP_DELETE, "f/v", .a = 50, .b = 50),
	CALL(STEP_WRITE, "d/b", .a = 100, .b = 150000, .seed = 8),
	COMMIT,
	CALL(STEP_REMOVE, "f/v"),
	CALL(STEP_REMOVE, "f"),
	COMMIT,
	CALL(STEP_TRUNCATE, "d/b", .a = 0),
	COMMIT,
};
const u32 script_len = ARRAY_SIZE(script);

static int make(struct vex_fs *fs, u64 parent, const struct vex_name *name, u32 mode)
{
	struct vex_inode node = { .mode = mode, .uid = 1, .gid = 2 };

	return vex_dir_create(fs, parent, name, &node);
}

static void *content(u64 seed, size_t len)
{
	u8 *buf = malloc(len ? len : 1);

	for (size_t i = 0; i < len; i++)
		buf[i] = test_random(&seed);
	return buf;
}

static int write_step(struct vex_fs *fs, u64 ino, const struct step *s)
{
	void *buf = content(s->seed, s->b);
	int err = vex_file_write(fs, ino, s->a, buf, s->b);

	free(buf);
	return err;
}

static int insert_step(struct vex_fs *fs, u64 ino, const struct step *s)
{
	struct vex_coll coll;
	u64 first, bad, rnd = s->seed;
	float *rows;
	int err = vex_coll_stat(fs, ino, &coll);

	if (err)
		return err;
	rows = malloc(s->b * coll.row_bytes);
	for (u64 i = 0; i < s->b * coll.dim; i++)
		rows[i] = test_unit(&rnd);
	err = vex_coll_insert(fs, ino, rows, s->b, coll.dim, &first, &bad);
	free(rows);
	return err;
}

static int delete_step(struct vex_fs *fs, u64 ino, const struct step *s)
{
	u64 *ids = malloc(s->b * sizeof(*ids)), bad;
	int err;

	for (u64 i = 0; i < s->b; i++)
		ids[i] = s->a + s->b - 1 - i;
	err = vex_coll_delete(fs, ino, ids, s->b, &bad);
	free(ids);
	return err;
}

static int remove_step(struct vex_fs *fs, u64 parent, const struct vex_name *name, int type)
{
	u64 ino;
	u8 dt;
	int err = vex_dir_lookup(fs, parent, name, &ino, &dt);

	if (!err)
		err = vex_dir_remove(fs, parent, name, type == DT_DIR);
	return err ? err : vex_inode_evict(fs, ino);
}

/* Did the walk along @path come to its last name, or miss a directory before it? */
static bool is_last(const char *path, const struct vex_name *name)
{
	return name->str + name->len == path + strlen(path);
}

static int rename_step(struct vex_fs *fs, u64 parent, const struct vex_name *name,
		       const char *to)
{
	struct vex_name new_name;
	u64 new_parent, replaced;
	int err = core_resolve(fs, to, NULL, &new_parent, &new_name);

	if (err < 0 && err != -ENOENT)
		return err;
	if (!is_last(to, &new_name))
		return -ENOENT;
	err = vex_dir_rename(fs, parent, name, new_parent, &new_name, 0, &replaced);
	return err || !replaced ? err : vex_inode_evict(fs, replaced);
}

int step_run(struct vex_fs *fs, const struct step *s)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = s->b, .dim = s->a,
				 .index = VEXFS_INDEX_FLAT };
	struct vex_inode attr = { .mode = s->a, .gid = 5 };
	struct vex_name name;
	u64 ino, parent;
	int type;

	if (s->what == STEP_COMMIT)
		return vex_fs_commit(fs);
	type = core_resolve(fs, s->path, &ino, &parent, &name);
	if (s->what == STEP_MKDIR || s->what == STEP_CREATE) {
		if (type != -ENOENT || !is_last(s->path, &name))
			return type < 0 ? type : -EEXIST;
		return make(fs, parent, &name,
			    s->what == STEP_MKDIR ? S_IFDIR | 0755 : S_IFREG | 0644);
	}
	if (type < 0)
		return type;
	switch (s->what) {
	case STEP_WRITE:
		return write_step(fs, ino, s);
	case STEP_TRUNCATE:
		return vex_file_truncate(fs, ino, s->a);
	case STEP_REMOVE:
		return remove_step(fs, parent, &name, type);
	case STEP_RENAME:
		return rename_step(fs, parent, &name, s->to);
	case STEP_SETATTR:
		return vex_inode_set(fs, ino, &attr, VEX_SET_MODE | VEX_SET_GID);
	case STEP_COLL:
		return vex_coll_create(fs, ino, &coll);
	case STEP_INSERT:
		return insert_step(fs, ino, s);
	default:
		return delete_step(fs, ino, s);
	}
}

const char *step_text(const struct step *s)
{
	static const char *const what[] = {
		"mkdir", "create", "write", "truncate", "remove", "rename", "setattr", "coll",
		"insert", "delete", "commit",
	};
	static char text[160];

	snprintf(text, sizeof(text), "%s %s %s a=%llu b=%llu seed=%llu", what[s->what], s->path,
		 s->to, s->a, s->b, s->seed);
	return text;
}

static void random_path(char *path, size_t size, u64 *rnd)
{
	static const char *const dirs[] = { "", "", "d/", "d/e/", "g/" };
	static const char *const names[] = { "a", "b", "c", "v", "w", "x" };

	snprintf(path, size, "%s%s", dirs[test_below(rnd, 5)], names[test_below(rnd, 6)]);
}

void step_random(struct step *s, u64 *rnd)
{
	/* Weights: contents change more often than names. */
	static const u8 kinds[] = {
		STEP_CREATE, STEP_CREATE, STEP_CREATE, STEP_WRITE, STEP_WRITE, STEP_WRITE,
		STEP_WRITE, STEP_TRUNCATE, STEP_REMOVE, STEP_RENAME, STEP_SETATTR, STEP_COLL,
		STEP_COLL, STEP_INSERT, STEP_INSERT, STEP_INSERT, STEP_DELETE, STEP_MKDIR,
		STEP_COMMIT, STEP_COMMIT, STEP_COMMIT,
	};
	static const char *const dirs[] = { "d", "d/e", "g" };

	memset(s, 0, sizeof(*s));
	s->what = kinds[test_below(rnd, ARRAY_SIZE(kinds))];
	random_path(s->path, sizeof(s->path), rnd);
	random_path(s->to, sizeof(s->to), rnd);
	if (s->what == STEP_MKDIR)
		snprintf(s->path, sizeof(s->path), "%s", dirs[test_below(rnd, 3)]);
	s->a = test_below(rnd, test_below(rnd, 4) ? 20000 : 400000);
	s->b = 1 + test_below(rnd, test_below(rnd, 4) ? 6000 : 100000);
	if (s->what == STEP_COLL) {
		s->a = 1 + test_below(rnd, 200);
		s->b = 1 + test_below(rnd, 3);
	}
	if (s->what == STEP_INSERT || s->what == STEP_DELETE) {
		s->a = test_below(rnd, 40);
		s->b = 1 + test_below(rnd, 30);
	}
	if (s->what == STEP_SETATTR)
		s->a = test_below(rnd, 01000);
	s->seed = test_random(rnd);
}

bool step_error_expected(int err)
{
	return err == -ENOENT || err == -EEXIST || err == -ENOTEMPTY || err == -ENOTDIR ||
	       err == -EISDIR || err == -EPERM || err == -ENODATA || err == -ENOTTY ||
	       err == -EINVAL;
}
