// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run of several threads. Each works in a directory of its own, beside its own model, and all
 * commit. Which generation holds which calls nobody knows beforehand: a state must show of each
 * thread a moment between its last acknowledgement and its last call, and every state of a
 * generation the same.
 */
#include <pthread.h>
#include <stdlib.h>

#include "model.h"
#include "record.h"

/**
 * struct worker - one of the threads
 * @number: its number
 * @failed: what went wrong
 */
struct worker {
	pthread_t thread;
	u32 number;
	struct record *rec;
	const struct script *script;
	struct vex_fs *fs;
	struct model *model;
	char *failed;
	u32 failed_op;
};

/* The paths of a call, below the directory of its thread. */
static struct op moved(const struct op *op, const char *dir)
{
	struct op to = *op;

	snprintf(to.path, sizeof(to.path), "%s/%.30s", dir, op->path);
	snprintf(to.to, sizeof(to.to), "%s/%.30s", dir, op->to);
	return to;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct lane *lane = &w->rec->lanes[w->number];
	struct holder held = { 0 };
	u32 number = 0;

	for (u32 i = w->number; i < w->script->count && !w->failed; i += w->script->threads) {
		struct op op = moved(&w->script->ops[i], lane->dir);

		w->failed_op = i;
		number++;
		vex_io_mem_mark(w->rec->device, MARK(MARK_BEGUN, w->number, number));
		w->failed = lane_call(w->fs, w->model, &op, &held, lane->dir);
		if (!w->failed)
			lane_shoot(lane, w->fs, &op);
		if (op_commits(&op))
			vex_io_mem_mark(w->rec->device,
					MARK(MARK_ACKNOWLEDGED, w->number, number));
	}
	return NULL;
}

static void prepare(struct worker *w, const struct op *mkdir)
{
	struct lane *lane = &w->rec->lanes[w->number];
	struct holder none = { 0 };
	int err = op_run(w->fs, mkdir, &none);

	vex_rule(!err, "a directory for each thread");
	w->model = model_create(7, 8);
	model_apply(w->model, mkdir);
	strcpy(lane->dir, mkdir->path);
}

void record_threads(struct record *rec, const struct script *script, struct vex_fs *fs)
{
	struct worker workers[LANES_MAX] = { 0 };
	struct vex_statfs st;
	u32 i;

	rec->lane_count = script->threads;
	for (i = 0; i < script->threads; i++) {
		struct op op = { .kind = OP_MKDIR, .path = { 't', '0' + i } };

		workers[i].number = i;
		workers[i].rec = rec;
		workers[i].script = script;
		workers[i].fs = fs;
		prepare(&workers[i], &op);
	}
	vex_rule(!vex_fs_commit(fs) && !vex_io_mem_record(rec->device), "a base is committed");
	vex_fs_statfs(fs, &st);
	rec->first = st.generation;
	for (i = 0; i < script->threads; i++)
		lane_shoot(&rec->lanes[i], fs, NULL);
	for (i = 0; i < script->threads; i++)
		vex_rule(!pthread_create(&workers[i].thread, NULL, work, &workers[i]),
			 "a thread starts");
	for (i = 0; i < script->threads; i++) {
		pthread_join(workers[i].thread, NULL);
		model_free(workers[i].model);
		if (workers[i].failed && !rec->failed) {
			rec->failed = workers[i].failed;
			rec->failed_op = workers[i].failed_op;
		} else {
			free(workers[i].failed);
		}
	}
}
