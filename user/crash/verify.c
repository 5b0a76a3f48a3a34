// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verifying a state: it opens, which finishes what a crash interrupted; every invariant of the
 * format holds; all can be read. Some are opened read-only first, which has to show the same
 * and write nothing. The writes of a recovery are cut short in turn: a second
 * crash. Some are worked with, and crashed once more.
 */
#include <stdlib.h>

#include <vex_check.h>

#include "verify.h"

void verifier_init(struct verifier *v, const struct record *rec)
{
	memset(v, 0, sizeof(*v));
	v->rec = rec;
	disk_init(&v->disk, rec->blocks);
	v->before = calloc(rec->blocks, sizeof(*v->before));
	v->nowhere = fopen("/dev/null", "w");
	vex_rule(v->nowhere != NULL, "there is a /dev/null");
}

void verifier_free(struct verifier *v)
{
	disk_free(&v->disk);
	free(v->before);
	free(v->log);
	text_free(&v->view);
	text_free(&v->after);
	text_free(&v->text);
	fclose(v->nowhere);
}

static const char *wrong(struct verifier *v, const char *what, long number, const char *more)
{
	v->text.len = 0;
	text_add(&v->text, "%s (%ld)%s%s", what, number, *more ? ": " : "", more);
	return v->text.str;
}

static const char *check(struct verifier *v, struct vex_fs *fs)
{
	char *list = NULL;
	const char *text;
	size_t size;
	FILE *out;
	long n = vex_check(fs, v->nowhere);

	if (!n)
		return NULL;
	out = open_memstream(&list, &size);
	vex_check(fs, out);
	fclose(out);
	text = wrong(v, "violations of the format", n, list);
	free(list);
	return text;
}

/* Add what each thread's part shows to @text; @lanes receives the hashes. */
static int read_lanes(struct verifier *v, struct vex_fs *fs, struct text *text, u64 *lanes)
{
	int err = 0;

	text->len = 0;
	for (u32 l = 0; !err && l < v->rec->lane_count; l++) {
		size_t from = text->len;

		err = view_fs(fs, v->rec->lanes[l].dir, VIEW_TIMES, text);
		lanes[l] = hash_bytes(0, text->str + from, text->len - from);
		v->lane[l] = from;
	}
	return err;
}

static const char *open_state(struct verifier *v, bool read_only, struct vex_fs **fs)
{
	struct vex_open_opts opts = { .read_only = read_only };
	struct vex_io io = disk_io(&v->disk);
	struct vex_open_error why;
	int err = vex_fs_open(&io, &opts, fs, &why);
	char more[120];

	if (!err)
		return NULL;
	snprintf(more, sizeof(more), "%s, block %llu", why.what, why.block);
	return wrong(v, "it does not open", err, more);
}

static u64 generation(struct verifier *v, struct vex_fs *fs)
{
	struct vex_statfs st;

	vex_fs_statfs(fs, &st);
	for (u32 i = 0; i < v->disk.count; i++)
		st.generation -= v->disk.log[i].fua;
	return st.generation;
}

/* Open, read, check. On success with @keep the filesystem stays open. */
static const char *look(struct verifier *v, bool read_only, struct text *text,
			struct verdict *out, struct vex_fs **keep)
{
	const char *bad, *what;
	struct vex_fs *fs;
	u64 block;
	int err;

	bad = open_state(v, read_only, &fs);
	if (bad)
		return bad;
	out->generation = generation(v, fs);
	err = read_lanes(v, fs, text, out->lanes);
	if (err)
		bad = wrong(v, "reading fails", err, "");
	if (!bad && vex_fs_commit(fs))
		bad = wrong(v, "a commit after the open fails", 0, "");
	if (!bad)
		bad = check(v, fs);
	if (!bad && vex_fs_take_damage(fs, &block, &what))
		bad = wrong(v, what, block, "damage was met");
	if (!bad && keep) {
		*keep = fs;
		return NULL;
	}
	err = vex_fs_close(fs);
	return !bad && err ? wrong(v, "closing fails", err, "") : bad;
}

/* ---- a second crash ---------------------------------------------------------------- */

/* Put the state back, with the first @upto entries of the log, of the last epoch only some. */
static void second_state(struct verifier *v, u32 upto, u64 *rnd)
{
	u32 epoch = 0;

	memcpy(v->disk.image, v->before, v->rec->blocks * sizeof(*v->before));
	for (u32 i = 0; i < upto; i++)
		if (!v->log[i].data)
			epoch = i + 1;
	for (u32 i = 0; i < upto; i++) {
		const struct disk_write *w = &v->log[i];
		bool lost = i >= epoch && !(w->fua && i + 1 < upto) && rnd && rnd_below(rnd, 2);

		if (w->data && !lost)
			v->disk.image[w->block] = w->data;
	}
}

/* What may be seen after it: what was seen before, or after more was done. */
static const char *second_look(struct verifier *v, u64 seen, u64 more)
{
	struct verdict verdict;
	struct text text = { 0 };
	const char *bad;
	u64 hash;

	v->disk.count = 0;
	v->second++;
	bad = look(v, false, &text, &verdict, NULL);
	hash = text.str ? hash_bytes(0, text.str, text.len) : 0;
	if (!bad && hash != seen && hash != more)
		bad = wrong(v, "after a second crash the content differs", 0,
			    view_difference(v->view.str, text.str));
	text_free(&text);
	return bad;
}

static const char *second_crash(struct verifier *v, u64 seen, u64 more, u32 most, u64 *rnd)
{
	const char *bad = NULL;

	/* The log is taken over: opening the next state writes another. */
	swap(v->log, v->disk.log);
	v->log_count = v->disk.count;
	v->disk.count = 0;
	v->disk.log_room = 0;
	v->disk.log = NULL;
	for (u32 i = 0; !bad && i < most; i++) {
		u32 upto = most > v->log_count ? i : rnd_below(rnd, v->log_count + 1);

		if (upto > v->log_count)
			break;
		second_state(v, upto, i & 1 ? rnd : NULL);
		bad = second_look(v, seen, more);
	}
	free(v->log);
	v->log = NULL;
	return bad;
}

/* ---- work after a recovery ------------------------------------------------------------ */

static const char *work(struct verifier *v, struct vex_fs *fs, u64 *rnd)
{
	struct holder held = { 0 };
	u64 lanes[LANES_MAX];
	const char *bad;
	struct op op;
	int err;

	for (u32 i = 0; i < 12; i++) {
		op_generate(&op, rnd);
		err = op_commits(&op) ? 0 : op_run(fs, &op, &held);
		if (err == -EIO || err == -EUCLEAN)
			return wrong(v, "work after the recovery fails", err, "");
	}
	err = read_lanes(v, fs, &v->after, lanes);
	if (!err)
		err = vex_fs_commit(fs);
	if (err)
		return wrong(v, "a commit after the recovery fails", err, "");
	bad = check(v, fs);
	err = holder_release(fs, &held);
	return !bad && err ? wrong(v, "an inode cannot be freed", err, "") : bad;
}

/* Did the recovery, or the work, commit more than once? Then more than two contents may be. */
static u32 commits(const struct disk *d)
{
	u32 n = 0;

	for (u32 i = 0; i < d->count; i++)
		n += d->log[i].fua;
	return n;
}

static const char *verify_work(struct verifier *v, struct vex_fs *fs, u64 seen, u64 *rnd)
{
	u32 before = commits(&v->disk), after;
	const char *bad = work(v, fs, rnd);
	u64 more;
	int err;

	after = commits(&v->disk);
	err = vex_fs_close(fs);
	if (!bad && err)
		bad = wrong(v, "closing fails", err, "");
	/* A commit inside of the work would show a part of it. */
	if (bad || after > before + 1)
		return bad;
	more = hash_bytes(0, v->after.str, v->after.len);
	return second_crash(v, seen, more, 6, rnd);
}

static const char *verify_read_only(struct verifier *v)
{
	struct verdict verdict;
	const char *bad = look(v, true, &v->view, &verdict, NULL);

	if (!bad && v->disk.count)
		bad = wrong(v, "a read-only open writes", v->disk.count, "");
	return bad;
}

const char *verify(struct verifier *v, u64 number, bool all, struct verdict *out)
{
	struct vex_fs *fs = NULL;
	u64 rnd = number;
	const char *bad;
	u64 seen = 0;

	if (all || !(number & 15)) {
		bad = verify_read_only(v);
		if (bad)
			return bad;
		seen = hash_bytes(0, v->view.str, v->view.len);
	}
	memcpy(v->before, v->disk.image, v->rec->blocks * sizeof(*v->before));
	bad = look(v, false, &v->view, out, &fs);
	if (bad)
		return bad;
	if (!seen)
		seen = hash_bytes(0, v->view.str, v->view.len);
	else if (seen != hash_bytes(0, v->view.str, v->view.len))
		bad = wrong(v, "recovery changes what can be seen", 0, "");
	if (!bad && (all || !(number >> 8 & 31)))
		return verify_work(v, fs, seen, &rnd);
	if (vex_fs_close(fs) && !bad)
		bad = wrong(v, "closing fails", 0, "");
	if (!bad && v->disk.count && !(number >> 16 & 3))
		bad = second_crash(v, seen, seen, 8, &rnd);
	return bad;
}
