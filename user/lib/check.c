// SPDX-License-Identifier: GPL-2.0-only
/* The checker's face: runs the passes, collects and reports what they find. */
#include <stdarg.h>
#include <stdlib.h>

#include "check.h"

#define KIND(code, name, repair, what) [VEX_P_##code] = { name, what, VEX_REPAIR_##repair },
const struct vex_problem_kind vex_problem_kinds[VEX_PROBLEM_CODES] = { VEX_PROBLEMS(KIND) };

void *check_grow(struct check *c, void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *bigger;

	if (count < *room)
		return array;
	bigger = realloc(array, more * size);
	if (!bigger) {
		c->err = -ENOMEM;
		return array;
	}
	*room = more;
	return bigger;
}

void check_problem(struct check *c, enum vex_problem_code code, u64 block, u64 ino,
		   const char *format, ...)
{
	struct held_problem *h;
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		c->err = -ENOMEM;
		return;
	}
	c->held = check_grow(c, c->held, c->held_count, &c->held_room, sizeof(*c->held));
	if (c->err) {
		free(text);
		return;
	}
	h = &c->held[c->held_count++];
	h->p = (struct vex_problem){ .code = code, .block = block, .ino = ino };
	h->text = text;
}

void check_flush(struct check *c)
{
	for (size_t i = 0; i < c->held_count; i++) {
		struct held_problem *h = &c->held[i];
		enum vex_repair repair = vex_problem_kinds[h->p.code].repair;

		c->result.problems += repair != VEX_REPAIR_NOTE;
		c->result.notes += repair == VEX_REPAIR_NOTE;
		c->result.unrepairable += repair == VEX_REPAIR_NONE;
		c->result.lossy += repair == VEX_REPAIR_LOSSY;
		h->p.text = h->text;
		if (c->opts.problem)
			c->opts.problem(c->opts.ctx, &h->p);
		free(h->text);
	}
	c->held_count = 0;
}

void check_forget(struct check *c)
{
	while (c->held_count)
		free(c->held[--c->held_count].text);
}

int check_progress(struct check *c, u64 blocks)
{
	c->work_done += blocks;
	if (!c->opts.progress)
		return 0;
	return c->opts.progress(c->opts.ctx, c->work_done, c->work_total);
}

int check_begin(struct check *c, const struct vex_io *io, const struct vex_check_opts *opts)
{
	memset(c, 0, sizeof(*c));
	c->io = *io;
	c->opts = *opts;
	c->leaf_buf = vex_alloc(VEXFS_BLOCK_SIZE);
	c->dup = malloc(sizeof(*c->dup));
	return c->leaf_buf && c->dup ? 0 : -ENOMEM;
}

void check_end(struct check *c)
{
	check_forget(c);
	map_free(&c->used);
	map_free(&c->tree);
	map_free(&c->contested);
	free(c->held);
	free(c->leaves);
	free(c->inodes);
	free(c->names);
	free(c->orphans);
	free(c->colls);
	free(c->tombs);
	free(c->bad_xattrs);
	free(c->bitmap_seen);
	free(c->bitmap_wrong);
	free(c->dup);
	vex_free(c->leaf_buf);
}

/* Only the problems of the nodes: what is said of items is not true without all of them. */
static void forget_items(struct check *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->held_count; i++) {
		if (c->held[i].p.code >= VEX_P_NODE_READ && c->held[i].p.code <= VEX_P_NODE_TWICE)
			c->held[kept++] = c->held[i];
		else
			free(c->held[i].text);
	}
	c->held_count = kept;
}

int check_used_reset(struct check *c)
{
	int err;

	map_free(&c->used);
	err = map_init(&c->used, c->blocks);
	if (!err)
		err = map_add_reserved(&c->used);
	for (u64 block = 0; block < c->blocks && !err; block++) {
		if (!c->tree.groups[block / VEXFS_GROUP_BLOCKS])
			block |= VEXFS_GROUP_BLOCKS - 1;
		else if (map_test(&c->tree, block))
			err = map_add(&c->used, block, 1);
	}
	return err;
}

/* Which of two extents a block belongs to, its checksum tells: with that known, once more. */
static int check_contest(struct check *c)
{
	int err;

	if (!c->contested.count || c->contest)
		return 0;
	c->contest = true;
	check_forget(c);
	err = check_used_reset(c);
	return err ? err : check_items(c);
}

int check_from_items(struct check *c)
{
	int err = check_items(c);

	if (!err && (!c->damaged || c->salvaged))
		err = check_contest(c);
	if (err)
		return err;
	if (c->damaged && !c->salvaged) {
		forget_items(c);
		check_flush(c);
		return 0;
	}
	check_flush(c);
	err = check_links(c);
	check_flush(c);
	if (!err && !c->salvaged)
		err = check_space(c);
	check_flush(c);
	if (!err && c->opts.data)
		err = check_data(c);
	check_flush(c);
	if (!err && c->opts.data && !c->result.problems && !c->salvaged && c->opts.slot < 0)
		err = check_indexes(c);
	check_flush(c);
	return err;
}

int check_run(struct check *c)
{
	int err = map_init(&c->used, c->blocks);

	if (!err)
		err = map_init(&c->tree, c->blocks);
	if (!err)
		err = map_init(&c->contested, c->blocks);
	if (!err)
		err = map_add_reserved(&c->used);
	c->bitmap_seen = calloc(1, c->used.nr_groups / 8 + 1);
	c->bitmap_wrong = calloc(1, c->used.nr_groups / 8 + 1);
	if (!err && (!c->bitmap_seen || !c->bitmap_wrong))
		err = -ENOMEM;
	if (!err)
		err = check_tree(c);
	check_flush(c);
	return err ? err : check_from_items(c);
}

int vex_check_device(const struct vex_io *io, const struct vex_check_opts *opts,
		     struct vex_check_result *result, struct vex_open_error *why)
{
	struct vex_open_error unused;
	struct check c;
	int err;

	err = check_begin(&c, io, opts);
	if (!err)
		err = check_supers(&c, why ? why : &unused);
	if (!err)
		err = check_run(&c);
	else if (err > 0)
		err = 0;
	check_flush(&c);
	c.result.used = c.used.count;
	c.result.inodes = c.real_inodes;
	c.result.tree_damaged = c.damaged;
	*result = c.result;
	check_end(&c);
	return err;
}

/* ---- an open filesystem ------------------------------------------------------------------ */

static void print_problem(void *ctx, const struct vex_problem *p)
{
	const struct vex_problem_kind *kind = &vex_problem_kinds[p->code];

	if (kind->repair == VEX_REPAIR_NOTE)
		return;
	fprintf(ctx, "%s: block %llu, inode %llu: %s\n", kind->name, p->block, p->ino, p->text);
}

static long differs(FILE *out, const char *of, u64 memory, u64 device)
{
	if (memory == device)
		return 0;
	fprintf(out, "in memory: %llu %s, %llu found\n", memory, of, device);
	return 1;
}

long vex_check(struct vex_fs *fs, FILE *out)
{
	struct vex_check_opts opts = { .slot = -1, .problem = print_problem, .ctx = out };
	struct vex_check_result r;
	long bad;
	int err;

	if (fs->changed)
		return -EBUSY;
	err = vex_check_device(&fs->io, &opts, &r, NULL);
	if (err)
		return err;
	bad = r.problems;
	if (!bad) {
		bad += differs(out, "free blocks", fs->free, r.blocks - r.used);
		bad += differs(out, "tree nodes", fs->tree_blocks, r.tree_blocks);
		bad += differs(out, "unwritten blocks", fs->unwritten, r.unwritten);
		bad += differs(out, "inodes", fs->inode_count, r.inodes);
		bad += differs(out, "as the generation", fs->generation - 1, r.generation);
	}
	return bad;
}
