/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables ops and locks of vexfs_trace.ko as structures. */
#ifndef SELFTESTS_VXT_OPS_H
#define SELFTESTS_VXT_OPS_H

#include <math.h>
#include "vxt.h"

#define ROUNDING	0.01	/* figures are in us with three decimals; some of them are added up */

struct vxt_ops {	/* times in microseconds */
	uint64_t calls;
	uint64_t errors;
	uint64_t bytes;
	double rate;
	double total;
	double cpu;
	double lock;
	double io;
	double sleep;
	double runnable;
	double lost_time;
	double share[5];
	uint64_t lost;
	char errnos[128];
};

/* All zero for a class that has no line; -1 when the file is not as it should be. */
static inline int vxt_ops(const char *name, struct vxt_ops *ops)
{
	char *text = vxt_read(VXT_DIR "ops");
	const char *line = text ? vxt_line(text, name) : NULL;
	double f[17];
	int err = 0;

	memset(ops, 0, sizeof(*ops));
	if (!text || !vxt_line(text, "class"))
		err = -1;
	else if (line && vxt_figures(line, f, 17) != 17)
		err = -1;
	else if (line)
		*ops = (struct vxt_ops) {
			.calls = f[0], .errors = f[1], .bytes = f[2], .rate = f[3], .total = f[4],
			.cpu = f[5], .lock = f[6], .io = f[7], .sleep = f[8], .runnable = f[9],
			.lost_time = f[10], .share = { f[11], f[12], f[13], f[14], f[15] },
			.lost = f[16],
		};
	if (!err && line) {
		const char *end = line + strcspn(line, "\n"), *word = end;

		while (word[-1] != ' ')
			word--;
		snprintf(ops->errnos, sizeof(ops->errnos), "%.*s", (int)(end - word), word);
	}
	free(text);
	return err;
}

/* The parts are all of the whole. */
static inline bool vxt_ops_add_up(const struct vxt_ops *o)
{
	return fabs(o->total - o->cpu - o->lock - o->io - o->sleep - o->runnable - o->lost_time) <
	       ROUNDING;
}

#define VXT_STACK_FRAMES	32

/* What the table locks has of one class; a class that waited for one lock at one place. */
struct vxt_lock {
	unsigned int rows;
	char kind[32];
	char site[64];
	uint64_t waits;
	uint64_t stacks;
	double total;
	double max;
	char holder[16];		/* of the last stack: what it did */
	unsigned int frames;
	char frame[VXT_STACK_FRAMES][64];
};

static inline int vxt_lock(const char *name, struct vxt_lock *l)
{
	char *text = vxt_read(VXT_DIR "locks"), *line, *rest = text;
	int err = text ? 0 : -1;

	memset(l, 0, sizeof(*l));
	while (!err && (line = strsep(&rest, "\n"))) {
		char class[64], kind[32], holder[16], frame[16], function[64];
		unsigned long waits, stacks;
		double total, mean, max;

		if (!*line || !strncmp(line, "class ", 6))
			continue;
		if (sscanf(line, "%63s %31s %lu %lu %lf %lf %lf %15s %15s %63[^+ .]", class, kind,
			   &waits, &stacks, &total, &mean, &max, holder, frame, function) != 10)
			err = -1;
		else if (strcmp(class, name))
			continue;
		else if (!strcmp(frame, "-")) {
			l->rows++;
			l->waits = waits;
			l->stacks = stacks;
			l->total = total;
			l->max = max;
			strcpy(l->kind, kind);
			strcpy(l->site, function);
		} else if (l->frames < VXT_STACK_FRAMES) {
			strcpy(l->holder, holder);
			strcpy(l->frame[l->frames++], function);
		}
	}
	free(text);
	return err;
}

static inline bool vxt_lock_holder_is(const struct vxt_lock *l, const char *function)
{
	unsigned int i;

	for (i = 0; i < l->frames; i++)
		if (!strcmp(l->frame[i], function))
			return true;
	return false;
}

#endif /* SELFTESTS_VXT_OPS_H */
