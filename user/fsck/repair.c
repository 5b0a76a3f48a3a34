// SPDX-License-Identifier: GPL-2.0-only
/* A repair from the check to the commit. */
#include <stdlib.h>

#include "repair.h"

static int note_hurt(const struct check *c, struct repair_result *result)
{
	size_t count = 0;

	for (size_t i = 0; i < c->inode_count; i++)
		count += c->inodes[i].hurt || c->inodes[i].rotten;
	if (!count)
		return 0;
	result->hurt = calloc(count, sizeof(*result->hurt));
	if (!result->hurt)
		return -ENOMEM;
	for (size_t i = 0; i < c->inode_count; i++) {
		const struct check_inode *n = &c->inodes[i];

		if (n->hurt || n->rotten)
			result->hurt[result->hurt_count++] = (struct hurt_file){
				n->ino, n->named_in, n->hurt,
			};
	}
	return 0;
}

static int repair_run(struct check *c, const struct repair_opts *opts,
		      struct repair_result *result)
{
	struct repair r = { .c = c };
	int err = check_run(c);

	if (!err && c->damaged) {
		err = salvage(c);
		result->nothing_left = err == 1;
		if (!err)
			err = check_from_items(c);
	}
	check_flush(c);
	c->result.used = c->used.count;
	c->result.inodes = c->real_inodes;
	c->result.tree_damaged = c->damaged;
	result->found = c->result;
	if (err || result->nothing_left)
		return err > 0 ? 0 : err;
	if (c->result.problems + c->result.notes == c->result.unrepairable ||
	    !opts->confirm(opts->check.ctx, &c->result))
		return note_hurt(c, result);
	r.copy = c->salvaged;
	err = plan(&r);
	if (!err)
		err = apply(&r);
	free(r.names);
	check_flush(c);
	result->failed = err;
	result->done = !err;
	result->reconnected = r.reconnected;
	return note_hurt(c, result);
}

int repair_device(const struct vex_io *io, const struct repair_opts *opts,
		  struct repair_result *result, struct vex_open_error *why)
{
	struct check c;
	int err = check_begin(&c, io, &opts->check);

	memset(result, 0, sizeof(*result));
	if (!err)
		err = check_supers(&c, why);
	if (!err) {
		err = repair_run(&c, opts, result);
	} else if (err > 0) {
		/* No superblock: nothing tells what the blocks mean. */
		check_flush(&c);
		result->found = c.result;
		result->nothing_left = true;
		err = 0;
	}
	check_end(&c);
	return err;
}
