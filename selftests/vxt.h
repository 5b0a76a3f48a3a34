/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of vexfs_trace.ko share: its debugfs files as structures, and
 * operations of known depth from the module vxt_fixture.
 */
#ifndef SELFTESTS_VXT_H
#define SELFTESTS_VXT_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VXT_DIR		"/sys/kernel/debug/vexfs/"
#define VXT_FIXTURE	"/sys/kernel/debug/vxt_fixture"
#define VXT_NONE	UINT64_MAX	/* a "-" in a table */

/* Write @text in one piece; 0 or a negative errno. */
static inline int vxt_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* The whole of a file, to be freed; NULL when it cannot be read. */
static inline char *vxt_read(const char *path)
{
	size_t room = 1 << 20, used = 0;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text + used, room - 1 - used)) > 0)
		used += n;
	text[used] = '\0';
	if (fd < 0 || n < 0) {
		free(text);
		text = NULL;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static inline int vxt_reset(void)
{
	return vxt_write(VXT_DIR "reset", "1");
}

static inline int vxt_share(unsigned int share)
{
	char text[32];

	snprintf(text, sizeof(text), "paint_share %u", share);
	return vxt_write(VXT_DIR "config", text);
}

static inline void vxt_module_path(const char *name, char *path, size_t room)
{
	const char *dir = getenv("VEXFS_MODDIR");

	snprintf(path, room, "%s/%s.ko", dir ? dir : ".", name);
}

static inline int vxt_module_load_from(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

static inline int vxt_module_load(const char *name)
{
	char path[512];

	vxt_module_path(name, path, sizeof(path));
	return vxt_module_load_from(path);
}

static inline int vxt_module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* The line of @text that begins with the word @name; NULL when there is none. */
static inline const char *vxt_line(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (; text && *text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL)
		if (!strncmp(text, name, len) && text[len] == ' ')
			return text;
	return NULL;
}

/* Up to @nr figures behind the first word of a line; returns how many there are. */
static inline unsigned int vxt_figures(const char *line, double *figure, unsigned int nr)
{
	const char *end = line + strcspn(line, "\n");
	unsigned int n = 0;

	line += strcspn(line, " ");
	while (n < nr) {
		line += strspn(line, " ");
		if (line >= end)
			break;
		figure[n++] = *line == '-' ? -1 : strtod(line, NULL);
		line += strcspn(line, "\n ");
	}
	return n;
}

struct vxt_stack {
	uint64_t calls;
	uint64_t painted;
	uint64_t unpainted;
	uint64_t clipped;
	uint64_t shallow;
	uint64_t min;
	uint64_t mean;
	uint64_t p50;
	uint64_t p99;
	uint64_t max;
	uint64_t absolute;
	double share;
	uint64_t over75;
	uint64_t interrupted;
};

static inline uint64_t vxt_figure(double value)
{
	return value < 0 ? VXT_NONE : (uint64_t)value;
}

/* All zero for a class that has no line; -1 when the file is not as it should be. */
static inline int vxt_stack(const char *name, struct vxt_stack *stack)
{
	char *text = vxt_read(VXT_DIR "stack");
	const char *line = text ? vxt_line(text, name) : NULL;
	double f[14];
	int err = 0;

	memset(stack, 0, sizeof(*stack));
	if (!text || !vxt_line(text, "class"))
		err = -1;
	else if (line && vxt_figures(line, f, 14) != 14)
		err = -1;
	else if (line)
		*stack = (struct vxt_stack) {
			.calls = f[0], .painted = f[1], .unpainted = f[2], .clipped = f[3],
			.shallow = f[4], .min = vxt_figure(f[5]), .mean = vxt_figure(f[6]),
			.p50 = vxt_figure(f[7]), .p99 = vxt_figure(f[8]), .max = vxt_figure(f[9]),
			.absolute = vxt_figure(f[10]), .share = f[11], .over75 = f[12],
			.interrupted = f[13],
		};
	free(text);
	return err;
}

struct vxt_latency {	/* microseconds */
	uint64_t count;
	uint64_t errors;
	double min;
	double mean;
	double p50;
	double p90;
	double p99;
	double p999;
	double max;
};

static inline int vxt_latency(const char *name, struct vxt_latency *latency)
{
	char *text = vxt_read(VXT_DIR "latency");
	const char *line = text ? vxt_line(text, name) : NULL;
	double f[9];
	int err = 0;

	memset(latency, 0, sizeof(*latency));
	if (!text || !vxt_line(text, "class"))
		err = -1;
	else if (line && vxt_figures(line, f, 9) != 9)
		err = -1;
	else if (line)
		*latency = (struct vxt_latency) {
			.count = f[0], .errors = f[1], .min = f[2], .mean = f[3], .p50 = f[4],
			.p90 = f[5], .p99 = f[6], .p999 = f[7], .max = f[8],
		};
	free(text);
	return err;
}

#define VXT_FRAMES	64

struct vxt_frame {
	unsigned int bytes;
	unsigned int from;
	char function[64];	/* without offset and module */
};

struct vxt_chain {
	unsigned int max;
	unsigned int depth;
	bool ftrace;
	unsigned int nr;
	struct vxt_frame frame[VXT_FRAMES];
};

/* The chain of a class; all zero when it has none, -1 when the table is not as it should be. */
static inline int vxt_chain(const char *name, struct vxt_chain *c)
{
	char *text = vxt_read(VXT_DIR "chain"), *line, *rest = text;
	int err = 0;

	memset(c, 0, sizeof(*c));
	if (!text || !vxt_line(text, "class"))
		err = -1;
	while (!err && (line = strsep(&rest, "\n"))) {
		struct vxt_frame *f = &c->frame[c->nr];
		unsigned int n, max, depth;
		char class[64], by[8];

		if (!*line || !strncmp(line, "class", 5))
			continue;
		if (c->nr == VXT_FRAMES ||
		    sscanf(line, "%63s %u %u %7s %u %u %u %63[^+ .]", class, &max, &depth, by, &n,
			   &f->bytes, &f->from, f->function) != 8)
			err = -1;
		if (err || strcmp(class, name))
			continue;
		c->max = max;
		c->depth = depth;
		c->ftrace = !strcmp(by, "ftrace");
		err = n == c->nr++ ? 0 : -1;
	}
	free(text);
	return err;
}

/* From the word to the caller of the operation, without a gap. */
static inline bool vxt_adds_up(const struct vxt_chain *c)
{
	unsigned int i, from = c->depth;

	for (i = 0; i < c->nr; i++) {
		if (c->frame[i].from != from || !c->frame[i].bytes || c->frame[i].bytes > from)
			return false;
		from -= c->frame[i].bytes;
	}
	return from == 0;
}

/**
 * struct vxt_known - what the fixture says of the operation that it ran
 * @expect: its depth in bytes; 0 when only the tracing itself bounds it
 * @frame: bytes of one level
 * @inner: depth of the nested operation, 0 without one
 */
struct vxt_known {
	uint64_t expect;
	uint64_t frame;
	uint64_t inner;
};

/* Run a case of vxt_fixture.c, @times times. */
static inline int vxt_run(const char *name, unsigned int op_class, unsigned int levels,
			  unsigned int times, struct vxt_known *known)
{
	char line[64], *text;
	int err = 0, n;

	snprintf(line, sizeof(line), "%s %u %u", name, op_class, levels);
	while (times-- && !err)
		err = vxt_write(VXT_FIXTURE, line);
	text = err ? NULL : vxt_read(VXT_FIXTURE);
	if (!text)
		return err ? err : -EIO;
	n = sscanf(text, "%*u %lu %lu %lu", &known->expect, &known->frame, &known->inner);
	free(text);
	return n == 3 ? 0 : -EIO;
}

#endif /* SELFTESTS_VXT_H */
