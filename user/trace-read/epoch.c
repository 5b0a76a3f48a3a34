// SPDX-License-Identifier: GPL-2.0-only
/*
 * The maps of an epoch. Only the maps of a retired epoch are read here: a lookup of a
 * stack map that programs still fill would take the stack out of its slot for a
 * moment, and another one could move in under the same id.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "vexfs_read.skel.h"

#include "base.h"
#include "batch.h"
#include "epoch.h"
#include "events.h"
#include "origins.h"

/* A stack as it was read: frames[first], count of them. */
struct held {
	uint64_t name;
	uint32_t first, count;
};

/* Descriptors of the stack maps: [user][epoch * cpus + cpu], -1 where there is none. */
static int *maps[2];
static unsigned int nr_cpus;
static unsigned int depth, slots_per_cpu;

/* The stacks of the epoch that is being read. */
static struct held *held;
static size_t nr_held, room_held;
static struct index held_index;
static uint64_t *frames;
static size_t nr_frames, room_frames;

static int new_stack_map(const char *name, unsigned int slots)
{
	return bpf_map_create(BPF_MAP_TYPE_STACK_TRACE, name, sizeof(uint32_t),
			      depth * sizeof(uint64_t), slots, NULL);
}

int epoch_size(struct vexfs_read_bpf *skel, const struct options *o, unsigned int cpus)
{
	struct bpf_map *outer[] = {
		skel->maps.kernel_stacks, skel->maps.user_stacks, skel->maps.grace,
	};
	char *limit = read_file("/proc/sys/kernel/perf_event_max_stack", NULL);
	unsigned int online = sysconf(_SC_NPROCESSORS_ONLN), i;
	int template;

	depth = limit ? strtoul(limit, NULL, 10) : VXR_FRAMES;
	if (!depth || depth > VXR_FRAMES)
		depth = VXR_FRAMES;
	free(limit);
	slots_per_cpu = 1;
	while (slots_per_cpu * 2 * online <= o->stack_slots)
		slots_per_cpu *= 2;
	nr_cpus = cpus;
	/* All stack maps have this one's shape; it serves the grace periods itself. */
	template = new_stack_map("vexfs_grace", 1);
	for (i = 0; i < ARRAY_LEN(outer); i++)
		if (template >= 0)
			bpf_map__set_inner_map_fd(outer[i], template);
	bpf_map__set_max_entries(skel->maps.kernel_stacks, VXR_EPOCHS * cpus);
	bpf_map__set_max_entries(skel->maps.user_stacks, VXR_EPOCHS * cpus);
	bpf_map__set_max_entries(skel->maps.totals_even, o->totals);
	bpf_map__set_max_entries(skel->maps.totals_odd, o->totals);
	if (o->follow) {
		bpf_map__set_max_entries(skel->maps.taken, o->followed);
		bpf_map__set_max_entries(skel->maps.freed_even, o->totals);
		bpf_map__set_max_entries(skel->maps.freed_odd, o->totals);
	}
	return template;
}

static bool online(unsigned int cpu)
{
	char path[80], *state;

	bool is;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u", cpu);
	if (access(path, F_OK))
		return false;
	/* The first CPU often cannot go offline, and has no such file then. */
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	state = read_file(path, NULL);
	is = !state || *state == '1';
	free(state);
	return is;
}

/* A CPU that comes online later has no stack map: its events travel by the ring buffer. */
static int fill(struct bpf_map *outer, const char *name, int **fds)
{
	unsigned int slots = VXR_EPOCHS * nr_cpus, n = 0, i;
	uint32_t *keys = xmalloc(slots * sizeof(*keys)), *values = xmalloc(slots * sizeof(*values));
	int fd = bpf_map__fd(outer), err = 0;

	*fds = xmalloc(slots * sizeof(**fds));
	memset(*fds, 0xff, slots * sizeof(**fds));
	for (i = 0; i < slots && !err; i++) {
		if (!online(i % nr_cpus))
			continue;
		(*fds)[i] = new_stack_map(name, slots_per_cpu);
		if ((*fds)[i] < 0) {
			err = -errno;
			break;
		}
		keys[n] = i;
		values[n++] = (*fds)[i];
	}
	/* One call where the kernel can: each single update waits for a grace period. */
	i = n;
	if (!err && bpf_map_update_batch(fd, keys, values, &i, NULL))
		for (i = 0; i < n && !err; i++)
			if (bpf_map_update_elem(fd, &keys[i], &values[i], BPF_ANY))
				err = -errno;
	free(keys);
	free(values);
	return err;
}

int epoch_fill(struct vexfs_read_bpf *skel)
{
	int err = fill(skel->maps.kernel_stacks, "vexfs_kstacks", &maps[0]);

	return err ? err : fill(skel->maps.user_stacks, "vexfs_ustacks", &maps[1]);
}

static bool same_name(const void *array, uint32_t item, const void *key)
{
	return ((const struct held *)array)[item].name == *(const uint64_t *)key;
}

static uint64_t stack_name(bool user, uint32_t cpu, uint32_t id)
{
	return (uint64_t)user << 63 | (uint64_t)cpu << 32 | id;
}

static void hold(uint64_t name, const uint64_t *ip)
{
	uint32_t i, first = nr_frames;

	for (i = 0; i < depth && ip[i]; i++) {
		GROW(frames, nr_frames, room_frames);
		frames[nr_frames++] = ip[i];
	}
	GROW(held, nr_held, room_held);
	held[nr_held] = (struct held){ name, first, nr_frames - first };
	index_add(&held_index, hash_bytes(&name, sizeof(name), 0), nr_held++);
}

/* Takes every stack out of one map, which leaves it empty for its next epoch. */
static void take_stacks(int fd, bool user, uint32_t cpu)
{
	uint64_t ip[VXR_FRAMES];
	uint32_t id, *previous = NULL;

	while (!bpf_map_get_next_key(fd, previous, &id)) {
		if (!bpf_map_lookup_elem(fd, &id, ip))
			hold(stack_name(user, cpu, id), ip);
		bpf_map_delete_elem(fd, &id);
		previous = &id;
	}
}

/* The frames of @id; an absent stack has none, one that should be there is counted. */
static const uint64_t *find_stack(bool user, uint32_t cpu, int32_t id, size_t *count,
				  uint64_t *missing)
{
	uint64_t name = stack_name(user, cpu, id);
	uint32_t i;

	*count = 0;
	if (id < 0)
		return NULL;
	i = index_find(&held_index, hash_bytes(&name, sizeof(name), 0), same_name, held, &name);
	if (i == INDEX_NONE) {
		(*missing)++;
		return NULL;
	}
	*count = held[i].count;
	return frames + held[i].first;
}

/* While the totals are read. */
struct reading {
	uint32_t turn;
	bool follow;
	uint64_t missing;
	uint64_t *counted;
};

static void hand_on(void *context, const void *keys, const void *values, size_t n)
{
	const struct vxr_value *value = values;
	const struct vxr_key *key = keys;
	struct reading *r = context;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct vxr_key *k = &key[i];
		struct sample s = { .key = k, .value = &value[i] };
		const struct group *g;

		s.kernel = find_stack(false, k->cpu, k->kstack, &s.nr_kernel, &r->missing);
		s.user = find_stack(true, k->cpu, k->ustack, &s.nr_user, &r->missing);
		g = events_add(&s);
		if (r->follow && k->kind == VEXFS_EVENT_ALLOC)
			origins_note(k, r->turn, g);
		r->counted[k->kind] += value[i].count;
	}
}

uint64_t epoch_read(struct vexfs_read_bpf *skel, uint32_t turn, bool follow, uint64_t *counted)
{
	struct bpf_map *totals = turn & 1 ? skel->maps.totals_odd : skel->maps.totals_even;
	struct reading r = { .turn = turn, .follow = follow, .counted = counted };
	unsigned int epoch = turn & 1, user, cpu;

	nr_held = 0;
	nr_frames = 0;
	index_clear(&held_index);
	for (user = 0; user < 2; user++)
		for (cpu = 0; cpu < nr_cpus; cpu++)
			if (maps[user][epoch * nr_cpus + cpu] >= 0)
				take_stacks(maps[user][epoch * nr_cpus + cpu], user, cpu);
	batch_read(bpf_map__fd(totals), true, "totals", sizeof(struct vxr_key),
		   sizeof(struct vxr_value), hand_on, &r);
	return r.missing;
}

void epoch_free(void)
{
	unsigned int user, i;

	for (user = 0; user < 2; user++) {
		for (i = 0; maps[user] && i < VXR_EPOCHS * nr_cpus; i++)
			if (maps[user][i] >= 0)
				close(maps[user][i]);
		free(maps[user]);
		maps[user] = NULL;
	}
	free(held);
	free(frames);
	held = NULL;
	frames = NULL;
	nr_held = room_held = nr_frames = room_frames = 0;
	index_free(&held_index);
}
