// SPDX-License-Identifier: GPL-2.0-only
/* Running a workload on the recording device, beside the model. */
#include <stdlib.h>

#include "model.h"
#include "record.h"

/* ---- calls --------------------------------------------------------------------------- */

int lane_shoot(struct lane *lane, struct vex_fs *fs, const struct op *op)
{
	struct text text = { 0 };
	int err = view_fs(fs, lane->dir, VIEW_TIMES, &text);

	if (!(lane->count & (lane->count - 1)))
		lane->shots = realloc(lane->shots,
				      (lane->count ? 2 * lane->count : 1) * sizeof(*lane->shots));
	lane->shots[lane->count] = (struct shot){
		.text = text.str, .hash = hash_bytes(0, text.str, text.len),
	};
	if (op && op_in_parts(op->kind))
		strcpy(lane->shots[lane->count].parts, op->path);
	lane->count++;
	return err;
}

/* The line of inode @ino in both texts, and nothing else, may differ. */
static bool same_but_for(const char *a, const char *b, size_t len, const char *ino)
{
	const char *end = b + len;

	while (*a && b < end) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
		size_t name = strcspn(a, " ");

		if ((la != lb || memcmp(a, b, la)) &&
		    (memcmp(a, b, name + 1) || !memmem(a, la, ino, strlen(ino)) ||
		     !memmem(b, lb, ino, strlen(ino))))
			return false;
		a += la + 1;
		b += lb + 1;
	}
	return !*a && b == end;
}

bool lane_between(const struct lane *lane, u32 n, const char *text, size_t len)
{
	const struct shot *shot = &lane->shots[n];
	char ino[40] = "", name[OP_PATH_MAX + 2];
	const char *line;

	if (!n || !shot->parts[0])
		return false;
	snprintf(name, sizeof(name), "\n%s ", shot->parts);
	line = strstr(shot->text, name);
	line = line ? strstr(line, " ino=") : NULL;
	if (!line || sscanf(line, " %38[^ ]", ino) != 1)
		return false;
	return same_but_for(shot->text, text, len, ino);
}

static char *complaint(const struct op *op, const char *what, const char *more)
{
	char line[OP_LINE_MAX];
	struct text t = { 0 };

	text_add(&t, "%s: %s%s%s", op_print(op, line), what, *more ? "\n" : "", more);
	return t.str;
}

static char *compare(struct vex_fs *fs, struct model *model, const struct op *op, const char *dir)
{
	struct text found = { 0 }, expected = { 0 };
	int err = view_fs(fs, dir, 0, &found);
	char *wrong = NULL, number[40];

	model_view(model, dir, &expected);
	if (err) {
		snprintf(number, sizeof(number), "error %d", err);
		wrong = complaint(op, "after it reading fails", number);
	} else if (found.len != expected.len || memcmp(found.str, expected.str, found.len)) {
		wrong = complaint(op, "the filesystem differs from the model",
				  view_difference(expected.str, found.str));
	}
	text_free(&found);
	text_free(&expected);
	return wrong;
}

/* A write that met a full disk may have done some of its pieces: the model learns how many. */
static char *compare_partial(struct vex_fs *fs, struct model *model, const struct op *op,
			     const char *dir)
{
	struct op part = *op;
	char *wrong = compare(fs, model, op, dir);
	u64 len = op->arg[1], n;

	if (op->kind == OP_APPEND) {
		part.arg[0] = model_size(model, op->path);
		len = op->arg[0];
		part.arg[2] = op->arg[1];
	}
	part.kind = OP_WRITE;
	for (n = OP_PIECE - part.arg[0] % OP_PIECE; wrong && n < len; n += OP_PIECE) {
		free(wrong);
		part.arg[1] = n;
		model_apply(model, &part);
		wrong = compare(fs, model, op, dir);
	}
	return wrong;
}

char *lane_call(struct vex_fs *fs, struct model *model, const struct op *op,
		struct holder *held, const char *dir)
{
	bool allowed = model_allows(model, op);
	int err = op_run(fs, op, held);
	char number[40];

	snprintf(number, sizeof(number), "error %d", err);
	if (op_commits(op) && err)
		return complaint(op, "a commit fails", number);
	if (!err && !allowed)
		return complaint(op, "it works, and should not", "");
	/* Space is the core's own business; so are blocks that are allocated past an end. */
	if (err == -ENOSPC || (err == -ENOTEMPTY && op->kind == OP_COLLECTION))
		allowed = false;
	if (err && allowed && op->kind != OP_RELEASE)
		return complaint(op, "it fails", number);
	if (!err && allowed)
		model_apply(model, op);
	if (err == -ENOSPC && (op->kind == OP_WRITE || op->kind == OP_APPEND))
		return compare_partial(fs, model, op, dir);
	return compare(fs, model, op, dir);
}

/* ---- one thread ------------------------------------------------------------------------- */

static u64 generation_of(struct vex_fs *fs)
{
	struct vex_statfs st;

	vex_fs_statfs(fs, &st);
	return st.generation;
}

static void promise(struct record *rec, u64 generation, u32 from, u32 to)
{
	u32 n = generation - rec->first;

	rec->promises = realloc(rec->promises, (n + 1) * sizeof(*rec->promises));
	while (rec->generations <= n)
		rec->promises[rec->generations++] = (struct promise){ from, to };
}

static void record_single(struct record *rec, const struct script *script, struct vex_fs *fs)
{
	struct model *model = model_create(7, 8);
	struct lane *lane = &rec->lanes[0];
	struct holder held = { 0 };

	rec->lane_count = 1;
	lane_shoot(lane, fs, NULL);
	promise(rec, rec->first, 0, 0);
	vex_io_mem_mark(rec->device, MARK(MARK_ACKNOWLEDGED, 0, 0));
	for (u32 i = 0; i < script->count && !rec->failed; i++) {
		const struct op *op = &script->ops[i];
		u64 before = generation_of(fs);

		rec->failed_op = i;
		rec->failed = lane_call(fs, model, op, &held, "");
		if (!rec->failed && lane_shoot(lane, fs, op))
			rec->failed = complaint(op, "after it reading fails", "");
		/* A commit inside of a call shows what was before it, or all of it. */
		for (u64 g = before + 1; g <= generation_of(fs); g++)
			promise(rec, g, i, i + 1);
		if (op_commits(op))
			vex_io_mem_mark(rec->device, MARK(MARK_ACKNOWLEDGED, 0, i + 1));
	}
	model_free(model);
}

/* ---- the log ------------------------------------------------------------------------------ */

static struct event *event_add(struct record *rec)
{
	if (!(rec->count & (rec->count - 1)))
		rec->events = realloc(rec->events,
				      (rec->count ? 2 * rec->count : 1) * sizeof(*rec->events));
	memset(&rec->events[rec->count], 0, sizeof(*rec->events));
	return &rec->events[rec->count++];
}

static void take_write(struct record *rec, const struct vex_io_event *from, enum broken broken)
{
	for (u32 i = 0; i < from->count; i++) {
		struct event *e = event_add(rec);

		e->kind = EVENT_WRITE;
		e->end = from->end;
		e->block = from->block + i;
		e->data = vex_io_block_data(from->data[i]);
		e->hash = hash_bytes(0, e->data, VEXFS_BLOCK_SIZE);
		e->fua = (from->flags & VEX_IO_FUA) && broken != BROKEN_NO_FUA;
		e->super = e->block == VEXFS_SUPER_BLOCK(0) || e->block == VEXFS_SUPER_BLOCK(1);
	}
}

static void take_event(struct record *rec, const struct vex_io_event *from, enum broken broken)
{
	struct event *e;

	if (from->kind == VEX_IO_WRITE) {
		take_write(rec, from, broken);
		return;
	}
	if (from->kind == VEX_IO_FLUSH && broken == BROKEN_NO_FLUSH)
		return;
	e = event_add(rec);
	e->from = from->line;
	e->block = from->block;
	e->count = from->count;
	e->mark = from->mark;
	e->kind = from->kind == VEX_IO_FLUSH ? EVENT_FLUSH :
		  from->kind == VEX_IO_DISCARD ? EVENT_DISCARD : EVENT_MARK;
}

static void take_log(struct record *rec, enum broken broken)
{
	const struct vex_io_event *log;
	size_t count;
	u32 *at;

	log = vex_io_mem_log(rec->device, &count);
	at = malloc((count + 1) * sizeof(*at));
	for (size_t i = 0; i < count; i++) {
		at[i] = rec->count;
		take_event(rec, &log[i], broken);
	}
	at[count] = rec->count;
	/* Numbers of the log become those of its parts. */
	for (u32 i = 0; i < rec->count; i++) {
		rec->events[i].from = at[rec->events[i].from];
		rec->events[i].end = at[rec->events[i].end];
	}
	free(at);
	rec->base_device = vex_io_mem_base(rec->device);
	rec->base = calloc(rec->blocks, sizeof(*rec->base));
	for (u64 b = 0; b < rec->blocks; b++)
		rec->base[b] = vex_io_mem_peek(rec->base_device, b);
}

/* ---- a run ----------------------------------------------------------------------------------- */

void record_run(struct record *rec, const struct script *script, enum broken broken)
{
	struct vex_mkfs_opts opts = { .label = "crash", .uid = 7, .gid = 8,
				      .features = VEX_FEATURES_DEFAULT };
	struct vex_open_opts how = { .cache_bytes = script->cache,
				     .discard = script->discard };
	struct vex_io io;
	struct vex_fs *fs;
	int err;

	memset(rec, 0, sizeof(*rec));
	rec->blocks = script->blocks;
	rec->cache = script->cache;
	rec->device = vex_io_mem_create(script->blocks, script->seed);
	vex_rule(rec->device != NULL, "there is memory for a device");
	io = vex_io_mem_io(rec->device);
	err = vex_mkfs(&io, &opts);
	if (!err)
		err = vex_fs_open(&io, &how, &fs, NULL);
	vex_rule(!err && !vex_io_mem_record(rec->device), "a new filesystem opens");
	rec->first = generation_of(fs);
	if (script->threads)
		record_threads(rec, script, fs);
	else
		record_single(rec, script, fs);
	take_log(rec, broken);
	vex_fs_close(fs);
}

void record_free(struct record *rec)
{
	for (u32 l = 0; l < rec->lane_count; l++) {
		for (u32 i = 0; i < rec->lanes[l].count; i++)
			free(rec->lanes[l].shots[i].text);
		free(rec->lanes[l].shots);
	}
	free(rec->base);
	free(rec->events);
	free(rec->promises);
	free(rec->failed);
	vex_io_mem_destroy(rec->base_device);
	vex_io_mem_destroy(rec->device);
	memset(rec, 0, sizeof(*rec));
}
