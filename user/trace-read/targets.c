// SPDX-License-Identifier: GPL-2.0-only
/* --target: functions are measured from the beginning of the window to its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "entries.h"
#include "targets.h"

#define MODULE	"module:"

static const struct counter_source *source;
static const char **ours;	/* what is to be removed */
static size_t nr_ours, room_ours;

/* Functions of that name, of its module where it names one. */
static unsigned int count_functions(const char *target)
{
	char *text = read_file("/proc/kallsyms", NULL), *rest = text, *line;
	const char *colon = strchr(target, ':');
	const char *name = colon ? colon + 1 : target;
	unsigned int n = 0;

	while (text && (line = strsep(&rest, "\n"))) {
		char type, function[512], module[128] = "";

		if (sscanf(line, "%*s %c %511s [%127[^]]", &type, function, module) < 2 ||
		    !strchr("tTwW", type) || strcmp(function, name))
			continue;
		if (!colon || (strlen(module) == (size_t)(colon - target) &&
			       !strncmp(module, target, colon - target)))
			n++;
	}
	free(text);
	return n;
}

static void remember(const char *target)
{
	GROW(ours, nr_ours, room_ours);
	ours[nr_ours++] = target;
}

static bool add_function(const char *target)
{
	unsigned int n = count_functions(target);
	enum target_result result;
	const char *reason;

	if (n > 1) {
		warn("--target=%s: %u functions have this name%s: choose another one", target, n,
		     strchr(target, ':') ? "" : "; where they are of modules, put MODULE: before it");
		return false;
	}
	result = source->target_add(target, NULL, &reason);
	if (result == TARGET_DONE)
		remember(target);
	else if (result == TARGET_REFUSED)
		warn("--target=%s: %s", target, reason);
	return result != TARGET_REFUSED;
}

/* Those that the kernel does not let be probed are passed over, and told. */
static bool add_module(const char *target)
{
	const char **names, *reason = "no function of it is called from outside";
	size_t nr, i, added = 0, there = 0;

	names = module_entries(target + strlen(MODULE), &nr);
	if (!names)
		return false;
	for (i = 0; i < nr; i++) {
		enum target_result result = source->target_add(target, names[i], &reason);

		added += result == TARGET_DONE;
		there += result == TARGET_THERE;
	}
	free(names);
	/* One that was there before stays, with what was added to it. */
	if (added && !there)
		remember(target);
	if (!added && !there) {
		warn("--target=%s: none of %zu functions can be measured: %s", target, nr, reason);
		return false;
	}
	warn("--target=%s: %zu functions that the kernel may call are measured as one%s", target,
	     added + there, nr > added + there ? "; others cannot be" : "");
	return true;
}

bool targets_add(const struct counter_source *from, const struct options *options)
{
	size_t i;

	source = from;
	for (i = 0; i < options->nr_targets; i++) {
		const char *target = options->targets[i];

		if (strncmp(target, MODULE, strlen(MODULE)) ? !add_function(target) :
							      !add_module(target)) {
			targets_drop();
			return false;
		}
	}
	return true;
}

static bool is_measured(const struct counters *c, const char *target)
{
	unsigned int i;

	for (i = VEXFS_OP_NR; i < MAX_CLASSES; i++)
		if (c->classes[i].target.functions && !strcmp(class_name(i), target))
			return true;
	return false;
}

bool targets_measured(const struct counters *c, const struct options *options)
{
	bool all = true;
	size_t i;

	for (i = 0; i < options->nr_targets; i++) {
		if (is_measured(c, options->targets[i]))
			continue;
		warn("--target=%s: it was removed while this watched, by whoever had added it before: its"
		     " figures are gone; run this again", options->targets[i]);
		all = false;
	}
	return all;
}

void targets_drop(void)
{
	while (nr_ours)
		source->target_drop(ours[--nr_ours]);
	free(ours);
	ours = NULL;
	room_ours = 0;
}
