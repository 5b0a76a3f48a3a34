// SPDX-License-Identifier: GPL-2.0-only
/* The operations of a workload: their names, their text, and the calls that they make. */
#include <stdlib.h>

#include "op.h"

static const struct op_form forms[OP_KINDS] = {
	[OP_MKDIR] = { "mkdir", "p", "make a directory" },
	[OP_CREATE] = { "create", "p", "make an empty file" },
	[OP_WRITE] = { "write", "paaa", "write: position, bytes, content" },
	[OP_APPEND] = { "append", "paa", "write at the end: bytes, content" },
	[OP_TRUNCATE] = { "truncate", "pa", "set the size" },
	[OP_UNLINK] = { "unlink", "p", "remove a file's name, and the file with its last" },
	[OP_RMDIR] = { "rmdir", "p", "remove an empty directory" },
	[OP_RENAME] = { "rename", "pta", "rename: flags as renameat2(2)" },
	[OP_CHMOD] = { "chmod", "paa", "set permissions and group" },
	[OP_COLLECTION] = { "collection", "paa", "make a file a collection: dimension, metric" },
	[OP_INSERT] = { "insert", "paa", "insert rows: how many, content" },
	[OP_DELETE] = { "delete", "paa", "delete rows: first id, how many" },
	[OP_HOLD] = { "hold", "p", "unlink a file that a program has open" },
	[OP_RELEASE] = { "release", "", "close the oldest of these" },
	[OP_FSYNC] = { "fsync", "p", "commit" },
	[OP_SYNC] = { "sync", "", "commit" },
	[OP_LINK] = { "link", "pt", "give a file another name" },
	[OP_SYMLINK] = { "symlink", "pt", "make a symbolic link that says TO" },
	[OP_FIFO] = { "mkfifo", "p", "make a fifo" },
	[OP_TMPFILE] = { "tmpfile", "", "make a file without a name that a program has open" },
	[OP_ALLOCATE] = { "fallocate", "paaa", "mode as fallocate(2), position, bytes" },
	[OP_UPDATE] = { "update", "paaa", "rows and metadata: first id, how many, content" },
	[OP_META] = { "meta", "paaa", "metadata: first id, how many, content" },
	[OP_TRIM] = { "trim", "", "discard all that is free" },
	[OP_SETXATTR] = { "setxattr", "ptaa", "set attribute user.TO: bytes, content" },
	[OP_RMXATTR] = { "removexattr", "pt", "remove attribute user.TO" },
};

const struct op_form *op_form(enum op_kind kind)
{
	return &forms[kind];
}

/* ---- text ------------------------------------------------------------------------- */

const char *op_print(const struct op *op, char *buf)
{
	const struct op_form *form = &forms[op->kind];
	int n = sprintf(buf, "%s", form->name);
	u32 arg = 0;

	for (const char *w = form->words; *w; w++) {
		if (*w == 'a')
			n += sprintf(buf + n, " %llu", op->arg[arg++]);
		else
			n += sprintf(buf + n, " %s", *w == 'p' ? op->path : op->to);
	}
	return buf;
}

static bool next_word(const char **line, char *word, size_t size)
{
	size_t len;

	*line += strspn(*line, " \t");
	len = strcspn(*line, " \t\r\n");
	if (!len || len >= size)
		return false;
	memcpy(word, *line, len);
	word[len] = 0;
	*line += len;
	return true;
}

const char *op_parse(struct op *op, const char *line)
{
	char word[OP_PATH_MAX], *end;
	const char *w;
	u32 arg = 0;

	memset(op, 0, sizeof(*op));
	if (!next_word(&line, word, sizeof(word)))
		return "no operation";
	while (op->kind < OP_KINDS && strcmp(forms[op->kind].name, word))
		op->kind++;
	if (op->kind == OP_KINDS)
		return "unknown operation";
	for (w = forms[op->kind].words; *w; w++) {
		if (!next_word(&line, word, sizeof(word)))
			return "too few words, or one too long";
		if (*w == 'p')
			strcpy(op->path, word);
		else if (*w == 't')
			strcpy(op->to, word);
		else
			op->arg[arg++] = strtoull(word, &end, 0);
		if (*w == 'a' && *end)
			return "not a number";
	}
	return next_word(&line, word, sizeof(word)) ? "too many words" : NULL;
}

/* ---- calls -------------------------------------------------------------------------- */

/**
 * struct target - where a path leads
 * @dir: inode of the directory
 * @name: last component
 * @ino: what it names
 * @type: DT_*; DT_UNKNOWN when there is nothing
 */
struct target {
	u64 dir;
	struct vex_name name;
	u64 ino;
	u8 type;
};

static int resolve(struct vex_fs *fs, const char *path, struct target *t)
{
	int err = 0;

	t->ino = VEXFS_ROOT_INO;
	t->type = DT_DIR;
	while (*path) {
		if (err)
			return err;
		t->dir = t->ino;
		t->name.str = path;
		t->name.len = strcspn(path, "/");
		path += t->name.len;
		path += *path == '/';
		err = vex_dir_lookup(fs, t->dir, &t->name, &t->ino, &t->type);
	}
	if (err == -ENOENT)
		t->type = DT_UNKNOWN;
	return err == -ENOENT ? 0 : err;
}

static int make(struct vex_fs *fs, const struct target *t, u32 mode)
{
	struct vex_inode node = { .mode = mode, .uid = 1, .gid = 2 };

	return vex_dir_create(fs, t->dir, &t->name, &node);
}

static int write_bytes(struct vex_fs *fs, u64 ino, u64 pos, u64 len, u64 seed)
{
	u8 *buf = malloc(len + 1);
	int err;

	for (u64 i = 0; i < len; i++)
		buf[i] = op_byte(seed, i);
	err = vex_file_write(fs, ino, pos, buf, len);
	free(buf);
	return err;
}

static int append(struct vex_fs *fs, u64 ino, u64 len, u64 seed)
{
	struct vex_inode inode;
	int err = vex_inode_get(fs, ino, &inode);

	if (err || inode.size + len > OP_SIZE_MAX)
		return err ? err : -EFBIG;
	return write_bytes(fs, ino, inode.size, len, seed);
}

static void add_pair(u8 *buf, u32 *len, char key, u8 type, const void *value, u32 size)
{
	struct vexfs_meta_pair *pair = (void *)(buf + *len);

	pair->key_len = 1;
	pair->type = type;
	pair->len = cpu_to_le16(size);
	*len += sizeof(*pair);
	buf[(*len)++] = key;
	memcpy(buf + *len, value, size);
	*len += size;
}

u32 op_meta(u64 seed, u64 row, u8 *buf)
{
	u8 number[8], text[64];
	u32 len = 0;

	if (seed % 5 == 0)
		return 0;
	put_unaligned_le64(seed * 1000 + row, number);
	add_pair(buf, &len, 'n', VEXFS_META_INT, number, sizeof(number));
	for (u32 i = 0; i < sizeof(text); i++)
		text[i] = 'a' + (seed + row + i) % 26;
	if (seed % 5 > 1)
		add_pair(buf, &len, 's', VEXFS_META_STRING, text, seed % sizeof(text));
	return len;
}

/* The records of rows from @first on, each behind its length. */
static size_t records(u64 seed, u64 first, u64 count, u8 *buf)
{
	size_t len = 0;

	for (u64 i = 0; i < count; i++) {
		u32 n = op_meta(seed, first + i, buf + len + 4);

		put_unaligned_le32(n, buf + len);
		len += 4 + n;
	}
	return len;
}

static int change_rows(struct vex_fs *fs, u64 ino, const struct op *op, u64 first, u64 count,
		       u64 seed)
{
	struct vex_rows r = { .count = count };
	struct vex_coll coll;
	u64 *ids;
	float *rows;
	u8 *meta;
	int err = vex_coll_stat(fs, ino, &coll);

	if (err)
		return err;
	if (op->kind == OP_INSERT)
		first = coll.rows;
	if (!count || count > OP_ROWS_MAX || first + count > OP_ROWS_MAX)
		return -EFBIG;
	rows = malloc(count * coll.row_bytes);
	meta = malloc(count * (OP_META_MAX + 4));
	ids = malloc(count * sizeof(*ids));
	for (u64 i = 0; i < count * coll.dim; i++)
		rows[i] = op_element(seed, i);
	for (u64 i = 0; i < count; i++)
		ids[i] = first + i;
	r.dim = coll.dim;
	r.rows = rows;
	r.ids = ids;
	r.meta = meta;
	r.meta_len = records(seed, first, count, meta);
	if (op->kind == OP_INSERT)
		err = vex_coll_append(fs, ino, &r);
	else if (op->kind == OP_UPDATE)
		err = vex_coll_update(fs, ino, &r);
	else
		err = vex_meta_set(fs, ino, &r);
	free(rows);
	free(meta);
	free(ids);
	return err;
}

static int delete(struct vex_fs *fs, u64 ino, u64 first, u64 count)
{
	u64 *ids, bad;
	int err;

	if (count > OP_ROWS_MAX)
		return -EINVAL;
	ids = malloc(count * sizeof(*ids) + 1);
	for (u64 i = 0; i < count; i++)
		ids[i] = first + count - 1 - i;
	err = vex_coll_delete(fs, ino, ids, count, &bad);
	free(ids);
	return err;
}

/* Free an inode that lost a name, if it was its last; what cannot be freed now is held. */
static void let_go(struct vex_fs *fs, u64 ino, struct holder *held)
{
	struct vex_inode inode;

	if (vex_inode_get(fs, ino, &inode) || inode.nlink)
		return;
	if (vex_inode_evict(fs, ino) && held->count < ARRAY_SIZE(held->ino))
		held->ino[held->count++] = ino;
}

static int remove_name(struct vex_fs *fs, const struct op *op, const struct target *t,
		       struct holder *held)
{
	struct vex_inode inode;
	int err;

	if (op->kind == OP_HOLD && held->count == ARRAY_SIZE(held->ino))
		return -EMFILE;
	err = vex_dir_remove(fs, t->dir, &t->name, op->kind == OP_RMDIR);
	if (err)
		return err;
	if (op->kind == OP_HOLD && !vex_inode_get(fs, t->ino, &inode) && !inode.nlink)
		held->ino[held->count++] = t->ino;
	else
		let_go(fs, t->ino, held);
	return 0;
}

static int link_name(struct vex_fs *fs, const struct op *op, u64 ino)
{
	struct target to;
	int err = resolve(fs, op->to, &to);

	return err ? err : vex_dir_link(fs, to.dir, &to.name, ino);
}

static int change_xattr(struct vex_fs *fs, const struct op *op, u64 ino)
{
	char str[OP_PATH_MAX + 8];
	struct vex_name name = { .str = str, .len = sprintf(str, "user.%s", op->to) };
	size_t len = op->arg[0];
	u8 *value;
	int err;

	if (op->kind == OP_RMXATTR)
		return vex_xattr_remove(fs, ino, &name);
	if (len > OP_SIZE_MAX)
		return -E2BIG;
	value = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		value[i] = op_byte(op->arg[1], i);
	err = vex_xattr_set(fs, ino, &name, value, len, 0);
	free(value);
	return err;
}

static int tmpfile_make(struct vex_fs *fs, struct holder *held)
{
	struct vex_inode node = { .mode = S_IFREG | 0600, .uid = 1, .gid = 2 };
	int err;

	if (held->count == ARRAY_SIZE(held->ino))
		return -EMFILE;
	err = vex_inode_create(fs, &node);
	if (!err)
		held->ino[held->count++] = node.ino;
	return err;
}

static int trim(struct vex_fs *fs)
{
	struct vex_statfs st;
	u64 trimmed;

	vex_fs_statfs(fs, &st);
	return vex_fs_trim(fs, 0, st.blocks, 1, &trimmed);
}

static int rename_name(struct vex_fs *fs, const struct op *op, const struct target *from,
		       struct holder *held)
{
	size_t len = strlen(op->path);
	struct target to;
	u64 replaced;
	int err = resolve(fs, op->to, &to);

	/* The core leaves this to its host. */
	if (!err && !strncmp(op->path, op->to, len) && op->to[len] == '/')
		err = -EINVAL;
	len = strlen(op->to);
	if (!err && op->arg[0] & VEX_RENAME_EXCHANGE && !strncmp(op->path, op->to, len) &&
	    op->path[len] == '/')
		err = -EINVAL;
	if (!err)
		err = vex_dir_rename(fs, from->dir, &from->name, to.dir, &to.name, op->arg[0],
				     &replaced);
	if (!err && replaced)
		let_go(fs, replaced, held);
	return err;
}

static int release(struct vex_fs *fs, struct holder *held)
{
	int err;

	if (!held->count)
		return -EBADF;
	err = vex_inode_evict(fs, held->ino[0]);
	if (!err)
		memmove(held->ino, held->ino + 1, --held->count * sizeof(held->ino[0]));
	return err;
}

int holder_release(struct vex_fs *fs, struct holder *held)
{
	int err = 0;

	while (!err && held->count)
		err = release(fs, held);
	return err;
}

static int run_file(struct vex_fs *fs, const struct op *op, u64 ino)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = op->arg[1],
				 .dim = op->arg[0], .index = VEXFS_INDEX_FLAT };
	struct vex_inode attr = { .mode = op->arg[0] & 07777, .gid = op->arg[1] };

	switch (op->kind) {
	case OP_WRITE:
		if (op->arg[0] + op->arg[1] > OP_SIZE_MAX)
			return -EFBIG;
		return write_bytes(fs, ino, op->arg[0], op->arg[1], op->arg[2]);
	case OP_APPEND:
		return append(fs, ino, op->arg[0], op->arg[1]);
	case OP_TRUNCATE:
		if (op->arg[0] > OP_SIZE_MAX)
			return -EFBIG;
		return vex_file_truncate(fs, ino, op->arg[0]);
	case OP_CHMOD:
		return vex_inode_set(fs, ino, &attr, VEX_SET_MODE | VEX_SET_GID);
	case OP_COLLECTION:
		return vex_coll_create(fs, ino, &coll);
	case OP_INSERT:
		return change_rows(fs, ino, op, 0, op->arg[0], op->arg[1]);
	case OP_UPDATE:
	case OP_META:
		return change_rows(fs, ino, op, op->arg[0], op->arg[1], op->arg[2]);
	case OP_ALLOCATE:
		if (op->arg[1] + op->arg[2] > OP_SIZE_MAX)
			return -EFBIG;
		return vex_file_fallocate(fs, ino, op->arg[0], op->arg[1], op->arg[2]);
	default:
		return delete(fs, ino, op->arg[0], op->arg[1]);
	}
}

int op_run(struct vex_fs *fs, const struct op *op, struct holder *held)
{
	struct target t;
	int err;

	if (op_commits(op))
		return vex_fs_commit(fs);
	if (op->kind == OP_RELEASE)
		return release(fs, held);
	if (op->kind == OP_TMPFILE)
		return tmpfile_make(fs, held);
	if (op->kind == OP_TRIM)
		return trim(fs);
	err = resolve(fs, op->path, &t);
	if (err)
		return err;
	if (op->kind == OP_MKDIR || op->kind == OP_CREATE)
		return make(fs, &t, op->kind == OP_MKDIR ? S_IFDIR | 0755 : S_IFREG | 0644);
	if (op->kind == OP_FIFO)
		return make(fs, &t, S_IFIFO | 0600);
	if (op->kind == OP_SYMLINK) {
		struct vex_inode node = { .uid = 1, .gid = 2 };

		return vex_dir_symlink(fs, t.dir, &t.name, op->to, strlen(op->to), &node);
	}
	if (t.type == DT_UNKNOWN)
		return -ENOENT;
	switch (op->kind) {
	case OP_UNLINK:
	case OP_RMDIR:
	case OP_HOLD:
		return remove_name(fs, op, &t, held);
	case OP_RENAME:
		return rename_name(fs, op, &t, held);
	case OP_LINK:
		return link_name(fs, op, t.ino);
	case OP_SETXATTR:
	case OP_RMXATTR:
		return change_xattr(fs, op, t.ino);
	default:
		return run_file(fs, op, t.ino);
	}
}
