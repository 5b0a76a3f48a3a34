// SPDX-License-Identifier: GPL-2.0-only
/* Files that were mapped executable: finding, opening and verifying them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "binary.h"
#include "object.h"

static struct object **objects;
static size_t nr_objects, room_objects;
static struct index object_index;

struct wanted {
	const char *path;
	const uint8_t *id;
	size_t id_size;
};

static bool same_object(const void *array, uint32_t item, const void *key)
{
	const struct object *o = ((struct object *const *)array)[item];
	const struct wanted *w = key;

	return o->path == w->path && o->id_size == w->id_size &&
	       !memcmp(o->id, w->id, w->id_size);
}

/* Names that the kernel gives to memory without a file of its own. */
static bool is_file(const char *path)
{
	static const char *const memory[] = {
		"//anon", "/dev/zero", "/anon_hugepage", "/memfd:", "/SYSV", "/i915",
	};
	size_t i;

	if (!strcmp(path, "[vdso]"))
		return true;
	for (i = 0; i < ARRAY_LEN(memory); i++)
		if (!strncmp(path, memory[i], strlen(memory[i])))
			return false;
	return *path == '/';
}

struct object *object_find(const char *path, const uint8_t *id, size_t id_size)
{
	struct wanted w = { NULL, id ? id : (const uint8_t *)"", id_size };
	const char *slash;
	struct object *o;
	uint64_t hash;
	uint32_t i;

	if (!is_file(path))
		return NULL;
	if (w.id_size > BUILD_ID_SIZE)
		w.id_size = BUILD_ID_SIZE;
	w.path = intern(path);
	hash = hash_bytes(w.id, w.id_size, (uintptr_t)w.path);
	i = index_find(&object_index, hash, same_object, objects, &w);
	if (i != INDEX_NONE)
		return objects[i];
	o = xzalloc(sizeof(*o));
	slash = strrchr(w.path, '/');
	o->path = w.path;
	o->name = slash ? slash + 1 : w.path;
	o->id_size = w.id_size;
	memcpy(o->id, w.id, w.id_size);
	o->fd = -1;
	GROW(objects, nr_objects, room_objects);
	objects[nr_objects] = o;
	index_add(&object_index, hash, nr_objects++);
	return o;
}

static bool try_path(struct object *o, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return false;
	}
	if (o->id_size && !binary_has_id(fd, o->id, o->id_size)) {
		o->stale = true;
		close(fd);
		return false;
	}
	o->stale = false;
	o->fd = fd;
	return true;
}

void object_use(struct object *o, uint32_t tgid)
{
	char *path;

	if (o->tried || o->fd >= 0 || *o->path != '/')
		return;
	o->tried = true;
	/* A process in a container has a root of its own. */
	path = xprintf("/proc/%u/root%s", tgid, o->path);
	if (!try_path(o, path))
		try_path(o, o->path);
	free(path);
}

size_t object_places(struct object *o, uint64_t offset, struct place *places, size_t max)
{
	if (o->fd < 0)
		return 0;
	if (!o->binary)
		o->binary = binary_open(o->fd);
	return binary_places(o->binary, offset, places, max);
}

void objects_close(void)
{
	size_t i;

	for (i = 0; i < nr_objects; i++) {
		binary_close(objects[i]->binary);
		if (objects[i]->fd >= 0)
			close(objects[i]->fd);
		free(objects[i]);
	}
	free(objects);
	objects = NULL;
	nr_objects = room_objects = 0;
	index_free(&object_index);
}
