// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes and their mappings over time. News comes from the kernel's records of fork,
 * exec, mmap and exit (sideband.c), the past from /proc (procfs.c).
 *
 * A generation begins with fork or exec. A forked one shares the mappings of its
 * parent until it maps something of its own. Generations that ended before the epoch
 * that is being collected are forgotten: all their events were resolved by then.
 */
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "object.h"
#include "perfmap.h"
#include "process.h"
#include "procfs.h"
#include "sideband.h"

/* How long an ended generation is kept, for records that arrive out of order. */
#define KEEP_NS		2000000000ULL

struct mapping {
	uint64_t start, end, offset, time;
	struct object *object;
};

/* Mappings, in the order in which they became known. */
struct mappings {
	unsigned int users;
	struct mapping *m;
	size_t used, room;
};

/**
 * struct generation - a process from fork or exec to the next exec or its end
 * @start: when it began; 0 for what existed before the program did
 * @end: when it ended, UINT64_MAX while it runs
 * @looked: /proc was read for it since the last update
 */
struct generation {
	uint64_t start, end;
	struct mappings *maps;
	bool looked;
};

struct process {
	uint32_t tgid;
	struct generation *g;
	size_t used, room;
};

struct object jit_object = { .path = "jit", .name = "jit", .fd = -1 };
struct object cut_object = { .path = "", .name = "", .fd = -1 };

static struct process *processes;
static size_t nr_processes, room_processes;
static struct index process_index;
/* Generations that ended, since the last clearing out. */
static size_t nr_ended;
static uint64_t updated, updated_before;

static bool same_tgid(const void *array, uint32_t item, const void *key)
{
	return ((const struct process *)array)[item].tgid == *(const uint32_t *)key;
}

static struct process *find_process(uint32_t tgid)
{
	uint32_t i = index_find(&process_index, hash_bytes(&tgid, sizeof(tgid), 0), same_tgid,
				processes, &tgid);

	return i == INDEX_NONE ? NULL : &processes[i];
}

static struct process *get_process(uint32_t tgid)
{
	struct process *p = find_process(tgid);

	if (p)
		return p;
	GROW(processes, nr_processes, room_processes);
	processes[nr_processes] = (struct process){ .tgid = tgid };
	index_add(&process_index, hash_bytes(&tgid, sizeof(tgid), 0), nr_processes);
	return &processes[nr_processes++];
}

static void put_mappings(struct mappings *maps)
{
	if (!maps || --maps->users)
		return;
	free(maps->m);
	free(maps);
}

/* The mappings of @g for itself alone, so that it may add to them. */
static struct mappings *own_mappings(struct generation *g)
{
	struct mappings *old = g->maps;

	if (old && old->users == 1)
		return old;
	g->maps = xzalloc(sizeof(*g->maps));
	g->maps->users = 1;
	if (old) {
		g->maps->m = xmemdup(old->m, old->used * sizeof(*old->m));
		g->maps->used = g->maps->room = old->used;
		put_mappings(old);
	}
	return g->maps;
}

/* The generation that ran at @time; the first one when none had begun. */
static struct generation *generation_at(struct process *p, uint64_t time)
{
	size_t i;

	for (i = p->used; i > 1; i--)
		if (p->g[i - 1].start <= time)
			break;
	return i ? &p->g[i - 1] : NULL;
}

/* A new generation, in its place among those known. */
static struct generation *add_generation(struct process *p, uint64_t start)
{
	size_t i;

	GROW(p->g, p->used, p->room);
	for (i = p->used; i && p->g[i - 1].start > start; i--)
		p->g[i] = p->g[i - 1];
	p->used++;
	p->g[i] = (struct generation){
		.start = start, .end = i + 1 < p->used ? p->g[i + 1].start : UINT64_MAX,
	};
	if (i && p->g[i - 1].end > start) {
		p->g[i - 1].end = start;
		nr_ended++;
	}
	return &p->g[i];
}

void process_fork(uint32_t tgid, uint32_t parent, uint64_t time)
{
	struct process *from = find_process(parent);
	struct generation *g = from ? generation_at(from, time) : NULL;
	struct mappings *maps = g ? g->maps : NULL;

	if (maps)
		maps->users++;
	add_generation(get_process(tgid), time)->maps = maps;
}

void process_exec(uint32_t tgid, uint64_t time)
{
	add_generation(get_process(tgid), time);
}

void process_exit(uint32_t tgid, uint64_t time)
{
	struct process *p = find_process(tgid);
	struct generation *g = p ? generation_at(p, time) : NULL;

	if (g && g->end == UINT64_MAX) {
		g->end = time;
		nr_ended++;
	}
}

void process_map(uint32_t tgid, uint64_t time, uint64_t start, uint64_t end, uint64_t offset,
		 struct object *object)
{
	struct process *p = get_process(tgid);
	struct generation *g = generation_at(p, time);
	struct mappings *maps;
	size_t i;

	if (!g)
		g = add_generation(p, 0);
	for (i = 0; g->maps && i < g->maps->used; i++) {
		const struct mapping *m = &g->maps->m[i];

		if (m->start == start && m->end == end && m->offset == offset &&
		    m->object == object)
			return;
	}
	maps = own_mappings(g);
	GROW(maps->m, maps->used, maps->room);
	maps->m[maps->used++] = (struct mapping){ start, end, offset, time, object };
}

/* The newest mapping of @address that is not newer than @time, or the oldest one. */
static const struct mapping *find_mapping(const struct generation *g, uint64_t address,
					  uint64_t time)
{
	const struct mapping *best = NULL;
	size_t i;

	for (i = 0; g->maps && i < g->maps->used; i++) {
		const struct mapping *m = &g->maps->m[i];

		if (address < m->start || address >= m->end)
			continue;
		if (!best || (m->time <= time && (m->time >= best->time || best->time > time)))
			best = m;
	}
	return best;
}

static struct generation *look_again(uint32_t tgid, uint64_t time)
{
	struct process *p = find_process(tgid);
	struct generation *g = p ? generation_at(p, time) : NULL;

	/* /proc shows the process as it is now: of no use for an earlier generation. */
	if (g && (g->looked || g->end != UINT64_MAX))
		return g;
	procfs_read(tgid, now_ns());
	p = find_process(tgid);
	g = p ? generation_at(p, time) : NULL;
	if (g)
		g->looked = true;
	return g;
}

void process_frame(uint32_t tgid, uint64_t time, uint64_t address, struct user_frame *frame)
{
	struct process *p = find_process(tgid);
	struct generation *g = p ? generation_at(p, time) : NULL;
	const struct mapping *m = g ? find_mapping(g, address, time) : NULL;
	const char *name;

	if (!m) {
		g = look_again(tgid, time);
		m = g ? find_mapping(g, address, time) : NULL;
	}
	if (m && m->object) {
		object_use(m->object, tgid);
		*frame = (struct user_frame){ m->object, address - m->start + m->offset };
		return;
	}
	name = perfmap_name(tgid, address);
	if (name)
		*frame = (struct user_frame){ &jit_object, (uintptr_t)name };
	else if (!m && g && g->maps)
		/* Not code: the walk went through a function without frame pointer. */
		*frame = (struct user_frame){ &cut_object, 0 };
	else
		*frame = (struct user_frame){ NULL, address };
}

static void drop_ended(struct process *p, uint64_t before)
{
	size_t i, kept = 0;

	for (i = 0; i < p->used; i++) {
		if (p->g[i].end < before)
			put_mappings(p->g[i].maps);
		else
			p->g[kept++] = p->g[i];
	}
	p->used = kept;
}

static void clear_out(uint64_t before)
{
	size_t i, kept = 0;

	index_clear(&process_index);
	for (i = 0; i < nr_processes; i++) {
		struct process *p = &processes[i];

		drop_ended(p, before);
		if (!p->used) {
			free(p->g);
			continue;
		}
		index_add(&process_index, hash_bytes(&p->tgid, sizeof(p->tgid), 0), kept);
		processes[kept++] = *p;
	}
	nr_processes = kept;
	nr_ended = 0;
}

void processes_open(void)
{
	sideband_open();
	procfs_read_all();
	updated = now_ns();
}

const int *processes_fds(size_t *count)
{
	return sideband_fds(count);
}

void processes_update(void)
{
	uint64_t now = now_ns();
	size_t i, j;

	/* What was mapped meanwhile is in /proc only, for as long as the process lives. */
	if (sideband_read())
		procfs_read_all();
	for (i = 0; i < nr_processes; i++)
		for (j = 0; j < processes[i].used; j++)
			processes[i].g[j].looked = false;
	if (nr_ended > 1024 && updated_before > KEEP_NS)
		clear_out(updated_before - KEEP_NS);
	updated_before = updated;
	updated = now;
}

void processes_close(void)
{
	size_t i, j;

	sideband_close();
	for (i = 0; i < nr_processes; i++) {
		for (j = 0; j < processes[i].used; j++)
			put_mappings(processes[i].g[j].maps);
		free(processes[i].g);
	}
	free(processes);
	processes = NULL;
	nr_processes = room_processes = 0;
	index_free(&process_index);
	perfmap_close();
	objects_close();
}
