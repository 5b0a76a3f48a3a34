// SPDX-License-Identifier: GPL-2.0-only
/* The model: how every call changes it, and when a call has to fail. */
#include <stdlib.h>

#include "model.h"
#include "node.h"

static struct node *node_new(struct model *m, u32 mode, u32 uid, u32 gid)
{
	struct node *n = calloc(1, sizeof(*n));

	n->mode = mode;
	n->uid = uid;
	n->gid = gid;
	n->nlink = S_ISDIR(mode) ? 2 : 1;
	n->next = m->all;
	m->all = n;
	return n;
}

struct model *model_create(u32 uid, u32 gid)
{
	struct model *m = calloc(1, sizeof(*m));

	m->root = node_new(m, S_IFDIR | 0755, uid, gid);
	return m;
}

void model_free(struct model *m)
{
	struct node *next;

	for (struct node *n = m ? m->all : NULL; n; n = next) {
		next = n->next;
		free(n->data);
		free(n->seed);
		free(n->names);
		free(n);
	}
	free(m);
}

/* ---- names ---------------------------------------------------------------------------- */

/**
 * struct place - where a path leads
 * @dir: NULL when a directory on the way is missing
 * @name: last component
 * @slot: in @dir, or -1
 * @node: what is there, or NULL
 */
struct place {
	struct node *dir;
	char name[OP_PATH_MAX];
	int slot;
	struct node *node;
};

static int slot_of(const struct node *dir, const char *name)
{
	for (u32 i = 0; i < dir->count; i++)
		if (!strcmp(dir->names[i].str, name))
			return i;
	return -1;
}

static struct place find(struct model *m, const char *path)
{
	struct place p = { .node = m->root };

	while (*path) {
		size_t len = strcspn(path, "/");

		p.dir = p.node && S_ISDIR(p.node->mode) ? p.node : NULL;
		memcpy(p.name, path, len);
		p.name[len] = 0;
		path += len;
		path += *path == '/';
		p.slot = p.dir ? slot_of(p.dir, p.name) : -1;
		p.node = p.slot >= 0 ? p.dir->names[p.slot].node : NULL;
	}
	return p;
}

static void name_add(struct node *dir, const char *str, struct node *node)
{
	dir->names = realloc(dir->names, (dir->count + 1) * sizeof(*dir->names));
	strcpy(dir->names[dir->count].str, str);
	dir->names[dir->count++].node = node;
	dir->nlink += S_ISDIR(node->mode);
}

static void name_drop(struct node *dir, int slot)
{
	dir->nlink -= S_ISDIR(dir->names[slot].node->mode);
	dir->names[slot] = dir->names[--dir->count];
}

u64 model_size(struct model *m, const char *path)
{
	struct place p = find(m, path);

	return p.node ? p.node->size : 0;
}

struct node *model_node(struct model *m, const char *path)
{
	return find(m, path).node;
}

/* ---- what may be ------------------------------------------------------------------------ */

static bool rename_allowed(struct model *m, const struct op *op, const struct place *from)
{
	struct place to = find(m, op->to);
	size_t len = strlen(op->path);

	if (!from->node || !to.dir || (!strncmp(op->path, op->to, len) && op->to[len] == '/'))
		return false;
	if (op->arg[0] & VEX_RENAME_EXCHANGE) {
		len = strlen(op->to);
		return to.node && !(op->arg[0] & VEX_RENAME_NOREPLACE) &&
		       (strncmp(op->path, op->to, len) || op->path[len] != '/');
	}
	if (!to.node)
		return true;
	if (op->arg[0] & VEX_RENAME_NOREPLACE)
		return false;
	if (to.node == from->node)
		return true;
	if (S_ISDIR(from->node->mode) != S_ISDIR(to.node->mode))
		return false;
	return !to.node->count;
}

static bool rows_live(const struct node *n, u64 first, u64 count)
{
	if (!count || first > n->rows || count > n->rows - first)
		return false;
	for (u64 i = first; i < first + count; i++)
		if (!n->data[i])
			return false;
	return true;
}

static bool allocate_allowed(const struct node *n, const struct op *op)
{
	u64 mode = op->arg[0];

	if (n->coll || !op->arg[2] || op->arg[1] + op->arg[2] > OP_SIZE_MAX)
		return false;
	return mode == 0 || mode == VEX_FALLOC_KEEP_SIZE || mode == VEX_FALLOC_ZERO ||
	       mode == (VEX_FALLOC_PUNCH | VEX_FALLOC_KEEP_SIZE) ||
	       mode == (VEX_FALLOC_ZERO | VEX_FALLOC_KEEP_SIZE);
}

static struct xattr *xattr_of(struct node *n, const char *name)
{
	for (u32 i = 0; i < n->xattr_count; i++)
		if (!strcmp(n->xattrs[i].name, name))
			return &n->xattrs[i];
	return NULL;
}

static bool file_allows(const struct node *n, const struct op *op)
{
	if (!n || !S_ISREG(n->mode))
		return false;
	switch (op->kind) {
	case OP_WRITE:
		return !n->coll && op->arg[0] + op->arg[1] <= OP_SIZE_MAX;
	case OP_APPEND:
		return !n->coll && n->size + op->arg[0] <= OP_SIZE_MAX;
	case OP_TRUNCATE:
		return !n->coll && op->arg[0] <= OP_SIZE_MAX;
	case OP_COLLECTION:
		return !n->coll && !n->size && op->arg[0] && op->arg[0] <= 4096 &&
		       op->arg[1] >= VEXFS_METRIC_L2 && op->arg[1] <= VEXFS_METRIC_COSINE;
	case OP_ALLOCATE:
		return allocate_allowed(n, op);
	case OP_INSERT:
		return n->coll && op->arg[0] && n->rows + op->arg[0] <= OP_ROWS_MAX;
	default:
		return n->coll && rows_live(n, op->arg[0], op->arg[1]);
	}
}

bool model_allows(struct model *m, const struct op *op)
{
	struct place p = find(m, op->path), to;

	switch (op->kind) {
	case OP_FSYNC:
	case OP_SYNC:
		return true;
	case OP_RELEASE:
	case OP_TMPFILE:
	case OP_TRIM:
		return true;
	case OP_MKDIR:
	case OP_CREATE:
	case OP_FIFO:
	case OP_SYMLINK:
		return p.dir && !p.node;
	case OP_UNLINK:
	case OP_HOLD:
		return p.dir && p.node && !S_ISDIR(p.node->mode);
	case OP_RMDIR:
		return p.dir && p.node && S_ISDIR(p.node->mode) && !p.node->count;
	case OP_RENAME:
		return p.dir && rename_allowed(m, op, &p);
	case OP_CHMOD:
		return p.node;
	case OP_SETXATTR:
		return p.node && op->arg[0] <= VEXFS_XATTR_VALUE_MAX;
	case OP_RMXATTR:
		return p.node && xattr_of(p.node, op->to);
	case OP_LINK:
		to = find(m, op->to);
		return p.node && !S_ISDIR(p.node->mode) && to.dir && !to.node;
	default:
		return file_allows(p.node, op);
	}
}

/* ---- what happens ----------------------------------------------------------------------- */

static void resize(struct node *n, u64 size)
{
	n->data = realloc(n->data, size + 1);
	if (size > n->size)
		memset(n->data + n->size, 0, size - n->size);
	n->size = size;
}

static void put(struct node *n, u64 pos, u64 len, u64 seed)
{
	if (len && pos + len > n->size)
		resize(n, pos + len);
	for (u64 i = 0; i < len; i++)
		n->data[pos + i] = op_byte(seed, i);
}

static void insert(struct node *n, u64 count, u64 seed)
{
	n->data = realloc(n->data, n->rows + count);
	n->seed = realloc(n->seed, (n->rows + count) * sizeof(*n->seed));
	for (u64 i = 0; i < count; i++) {
		n->data[n->rows] = 1;
		n->seed[n->rows][0] = seed;
		n->seed[n->rows][2] = seed;
		n->seed[n->rows++][1] = i * n->dim;
	}
	n->size = n->rows * n->dim * 4;
}

static void update(struct node *n, const struct op *op)
{
	for (u64 i = 0; i < op->arg[1]; i++) {
		u64 *seed = n->seed[op->arg[0] + i];

		seed[2] = op->arg[2];
		if (op->kind == OP_META)
			continue;
		seed[0] = op->arg[2];
		seed[1] = i * n->dim;
	}
}

static void allocate(struct node *n, const struct op *op)
{
	u64 from = op->arg[1], to = from + op->arg[2];

	if (!(op->arg[0] & VEX_FALLOC_KEEP_SIZE) && to > n->size)
		resize(n, to);
	to = min(to, n->size);
	if (op->arg[0] & (VEX_FALLOC_ZERO | VEX_FALLOC_PUNCH) && from < to)
		memset(n->data + from, 0, to - from);
}

static void set_xattr(struct node *n, const struct op *op)
{
	struct xattr *x = xattr_of(n, op->to);

	if (op->kind == OP_RMXATTR) {
		*x = n->xattrs[--n->xattr_count];
		return;
	}
	if (!x) {
		vex_rule(n->xattr_count < OP_XATTRS_MAX, "a script has few attributes");
		x = &n->xattrs[n->xattr_count++];
	}
	strcpy(x->name, op->to);
	x->len = op->arg[0];
	x->seed = op->arg[1];
}

static void exchange(struct place *a, struct place *b)
{
	struct name *x = &a->dir->names[a->slot], *y = &b->dir->names[b->slot];

	a->dir->nlink += S_ISDIR(b->node->mode) - S_ISDIR(a->node->mode);
	b->dir->nlink += S_ISDIR(a->node->mode) - S_ISDIR(b->node->mode);
	swap(x->node, y->node);
}

static void rename_apply(struct model *m, const struct op *op, struct place from)
{
	struct place to = find(m, op->to);

	if (to.node == from.node)
		return;
	if (op->arg[0] & VEX_RENAME_EXCHANGE) {
		exchange(&from, &to);
		return;
	}
	if (to.node) {
		to.node->nlink = S_ISDIR(to.node->mode) ? 0 : to.node->nlink - 1;
		name_drop(to.dir, to.slot);
		from.slot = slot_of(from.dir, from.name);
	}
	name_drop(from.dir, from.slot);
	name_add(to.dir, to.name, from.node);
}

static void file_apply(struct node *n, const struct op *op)
{
	switch (op->kind) {
	case OP_WRITE:
		put(n, op->arg[0], op->arg[1], op->arg[2]);
		return;
	case OP_APPEND:
		put(n, n->size, op->arg[0], op->arg[1]);
		return;
	case OP_TRUNCATE:
		resize(n, op->arg[0]);
		return;
	case OP_CHMOD:
		n->mode = (n->mode & S_IFMT) | (op->arg[0] & 07777);
		n->gid = op->arg[1];
		return;
	case OP_COLLECTION:
		n->coll = true;
		n->dim = op->arg[0];
		n->metric = op->arg[1];
		return;
	case OP_INSERT:
		insert(n, op->arg[0], op->arg[1]);
		return;
	case OP_UPDATE:
	case OP_META:
		update(n, op);
		return;
	case OP_ALLOCATE:
		allocate(n, op);
		return;
	case OP_SETXATTR:
	case OP_RMXATTR:
		set_xattr(n, op);
		return;
	case OP_DELETE:
		memset(n->data + op->arg[0], 0, op->arg[1]);
		return;
	default:
		return;
	}
}

void model_apply(struct model *m, const struct op *op)
{
	struct place p = find(m, op->path), to;

	switch (op->kind) {
	case OP_MKDIR:
		name_add(p.dir, p.name, node_new(m, S_IFDIR | 0755, 1, 2));
		return;
	case OP_CREATE:
		name_add(p.dir, p.name, node_new(m, S_IFREG | 0644, 1, 2));
		return;
	case OP_FIFO:
		name_add(p.dir, p.name, node_new(m, S_IFIFO | 0600, 1, 2));
		return;
	case OP_SYMLINK:
		name_add(p.dir, p.name, node_new(m, S_IFLNK | 0777, 1, 2));
		p = find(m, op->path);
		strcpy(p.node->target, op->to);
		p.node->size = strlen(op->to);
		return;
	case OP_LINK:
		to = find(m, op->to);
		name_add(to.dir, to.name, p.node);
		p.node->nlink++;
		return;
	case OP_HOLD:
	case OP_UNLINK:
	case OP_RMDIR:
		p.node->nlink--;
		name_drop(p.dir, p.slot);
		return;
	case OP_RELEASE:
	case OP_TMPFILE:
	case OP_TRIM:
		return;
	case OP_RENAME:
		rename_apply(m, op, p);
		return;
	default:
		if (p.node)
			file_apply(p.node, op);
	}
}
