// SPDX-License-Identifier: GPL-2.0-only
/* What fsck.vexfs prints and asks. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "../vexfs/progress.h"
#include "fsck.h"
#include "path.h"

/* Of one code, unless -v. */
#define TOLD_MAX	20u

void fsck_problem(void *ctx, const struct vex_problem *p)
{
	const struct vex_problem_kind *kind = &vex_problem_kinds[p->code];
	struct fsck *f = ctx;
	struct report *r = &f->out;

	if (f->told[p->code]++ >= TOLD_MAX && !f->verbose && !f->json)
		return;
	json_open(r, NULL, '{');
	json_string(r, "code", kind->name);
	json_uint(r, "block", p->block);
	json_uint(r, "inode", p->ino);
	json_string(r, "text", p->text);
	json_string(r, "repair", kind->what);
	json_close(r, '}');
	if (f->json)
		return;
	progress_hide();
	printf("%s: ", kind->name);
	if (p->ino)
		printf("inode %llu: ", p->ino);
	if (p->block)
		printf("block %llu: ", p->block);
	report_text(stdout, p->text);
	putchar('\n');
}

int fsck_progress(void *ctx, u64 done, u64 total)
{
	struct fsck *f = ctx;

	if (interrupt_pending())
		return -EINTR;
	if (f->drawn != total) {
		progress_start("checking", "blocks", total);
		f->drawn = total;
	}
	progress_update(done, done);
	/* At most a thousand lines. */
	if (f->bar >= 0 && total && (done == total || done % (total / 1000 + 1) == 0))
		dprintf(f->bar, "1 %llu %llu %s\n", done, total, f->path);
	return 0;
}

static void print_more(const struct fsck *f)
{
	for (u32 code = 0; code < VEX_PROBLEM_CODES && !f->json && !f->verbose; code++)
		if (f->told[code] > TOLD_MAX)
			printf("%s: %llu more (-v prints all)\n", vex_problem_kinds[code].name,
			       f->told[code] - TOLD_MAX);
}

static bool ask(const struct fsck *f, const struct vex_check_result *found)
{
	char line[16];

	puts("\nA repair would do this:");
	for (u32 code = 0; code < VEX_PROBLEM_CODES; code++)
		if (f->told[code])
			printf("  %-16s %6llu  %s\n", vex_problem_kinds[code].name, f->told[code],
			       vex_problem_kinds[code].what);
	printf("Repair %s? [y/N] ", found->unrepairable ? "what can be repaired" : "all of this");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

bool fsck_confirm(void *ctx, const struct vex_check_result *found)
{
	struct fsck *f = ctx;

	progress_stop();
	print_more(f);
	switch (f->mode) {
	case MODE_YES:
		return true;
	case MODE_PREEN:
		f->refused = found->lossy || found->unrepairable;
		if (f->refused)
			report_warn("%s: needs more than -p repairs; run fsck.vexfs without -p",
				    f->path);
		return !f->refused;
	case MODE_ASK:
		return !f->json && ask(f, found);
	default:
		return false;
	}
}

static void print_file(struct fsck *f, struct vex_fs *fs, const struct hurt_file *h)
{
	char *path = fs ? path_of(fs, h->dir, h->ino) : NULL;

	json_open(&f->out, NULL, '{');
	json_uint(&f->out, "inode", h->ino);
	if (path)
		json_string(&f->out, "path", path);
	json_string(&f->out, "state", h->dropped ? "incomplete" : "damaged");
	json_close(&f->out, '}');
	if (!f->json) {
		printf("%s: inode %llu: ", h->dropped ? "data are missing" : "data are damaged",
		       h->ino);
		report_text(stdout, path ? path : "its path cannot be told");
		putchar('\n');
	}
	free(path);
}

static void print_hurt(struct fsck *f, const struct vex_io *io, const struct repair_result *r)
{
	struct vex_open_opts opts = { .read_only = true };
	struct vex_fs *fs = NULL;

	json_open(&f->out, "files", '[');
	if (r->hurt_count && vex_fs_open(io, &opts, &fs, NULL))
		fs = NULL;
	for (size_t i = 0; i < r->hurt_count; i++)
		print_file(f, fs, &r->hurt[i]);
	if (fs)
		vex_fs_close(fs);
	json_close(&f->out, ']');
}

static void print_numbers(struct fsck *f, const struct vex_check_result *v)
{
	struct report *r = &f->out;

	json_uint(r, "problems_found", v->problems);
	json_uint(r, "notes", v->notes);
	json_uint(r, "not_repairable", v->unrepairable);
	json_uint(r, "blocks", v->blocks);
	json_uint(r, "blocks_used", v->used);
	json_uint(r, "tree_nodes", v->tree_blocks);
	json_uint(r, "inodes", v->inodes);
	json_uint(r, "generation", v->generation);
	json_open(r, "features", '[');
	for (u32 bit = 0; bit < VEXFS_FEATURE_BITS; bit++)
		if (v->features >> bit & 1)
			json_string(r, NULL, vex_feature_name(bit));
	json_close(r, ']');
	if (f->json || !f->verbose)
		return;
	printf("  generation %llu, %llu tree nodes, features", v->generation, v->tree_blocks);
	for (u32 bit = 0; bit < VEXFS_FEATURE_BITS; bit++)
		if (v->features >> bit & 1)
			printf(" %s", vex_feature_name(bit));
	printf("%s\n", v->features ? "" : " none");
}

void fsck_summary(struct fsck *f, const struct vex_io *io, const struct repair_result *r,
		  int status)
{
	const struct vex_check_result *v = &r->found;
	struct report *out = &f->out;

	progress_stop();
	if (!r->done)
		print_more(f);
	json_close(out, ']');
	print_hurt(f, io, r);
	print_numbers(f, v);
	json_uint(out, "repaired", r->done);
	json_uint(out, "reconnected", r->reconnected);
	json_uint(out, "exit", status);
	if (f->json)
		return;
	report_text(stdout, f->path);
	if (status == FSCK_OK)
		printf(": clean, %llu inodes, %llu of %llu blocks%s\n", v->inodes, v->used,
		       v->blocks, f->data ? ", all data verified" : "");
	else if (r->done)
		printf(": %llu problems, repaired%s\n", v->problems + v->notes,
		       status == FSCK_LEFT ? " what can be" : "");
	else
		printf(": %llu problems, left as they are\n", v->problems);
	if (r->reconnected)
		printf("%llu files and directories are in lost+found\n", r->reconnected);
}
