// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names that a process gave to code that it made itself. The file has lines "start size
 * name", the numbers hexadecimal. It is read again when it has grown; a later line
 * for the same address wins. Anybody may write to /tmp: only a regular
 * file of the process's own user counts, and it names nothing but its own process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "perfmap.h"

#define MAX_BYTES	(256u << 20)

struct code {
	uint64_t start, end;
	size_t order;
	const char *name;
};

struct map {
	uint32_t tgid;
	off_t size;
	struct timespec changed;
	struct code *code;
	size_t used, room;
};

static struct map *maps;
static size_t nr_maps, room_maps;
static struct index map_index;

static bool same_tgid(const void *array, uint32_t item, const void *key)
{
	return ((const struct map *)array)[item].tgid == *(const uint32_t *)key;
}

static struct map *get_map(uint32_t tgid)
{
	uint64_t hash = hash_bytes(&tgid, sizeof(tgid), 0);
	uint32_t i = index_find(&map_index, hash, same_tgid, maps, &tgid);

	if (i != INDEX_NONE)
		return &maps[i];
	GROW(maps, nr_maps, room_maps);
	maps[nr_maps] = (struct map){ .tgid = tgid };
	index_add(&map_index, hash, nr_maps);
	return &maps[nr_maps++];
}

static int by_start(const void *a, const void *b)
{
	const struct code *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void parse(struct map *map, char *text)
{
	char *line, *end;

	map->used = 0;
	while ((line = strsep(&text, "\n"))) {
		uint64_t start = strtoull(line, &end, 16), size;

		if (end == line || *end != ' ')
			continue;
		size = strtoull(end + 1, &end, 16);
		if (*end != ' ' || !size || !end[1])
			continue;
		GROW(map->code, map->used, map->room);
		map->code[map->used] = (struct code){
			start, start + size, map->used, intern(end + 1),
		};
		map->used++;
	}
	if (map->used)
		qsort(map->code, map->used, sizeof(*map->code), by_start);
}

/* Whether the file may speak for the process; one that ended cannot be asked any more. */
static bool trusted(uint32_t tgid, const struct stat *file)
{
	char path[32];
	struct stat process;

	if (!S_ISREG(file->st_mode) || file->st_size > MAX_BYTES)
		return false;
	snprintf(path, sizeof(path), "/proc/%u", tgid);
	return !file->st_uid || stat(path, &process) || process.st_uid == file->st_uid;
}

static void refresh(struct map *map)
{
	char path[48], *text;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%u.map", map->tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && trusted(map->tgid, &st) &&
	    (st.st_size != map->size || st.st_mtim.tv_sec != map->changed.tv_sec ||
	     st.st_mtim.tv_nsec != map->changed.tv_nsec)) {
		map->size = st.st_size;
		map->changed = st.st_mtim;
		text = xzalloc(st.st_size + 1);
		if (pread(fd, text, st.st_size, 0) > 0)
			parse(map, text);
		free(text);
	}
	close(fd);
}

static const char *find(const struct map *map, uint64_t address)
{
	size_t low = 0, high = map->used;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (map->code[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < map->code[low - 1].end ? map->code[low - 1].name : NULL;
}

const char *perfmap_name(uint32_t tgid, uint64_t address)
{
	struct map *map = get_map(tgid);
	const char *name = find(map, address);

	if (name)
		return name;
	refresh(map);
	return find(map, address);
}

void perfmap_close(void)
{
	size_t i;

	for (i = 0; i < nr_maps; i++)
		free(maps[i].code);
	free(maps);
	maps = NULL;
	nr_maps = room_maps = 0;
	index_free(&map_index);
}
