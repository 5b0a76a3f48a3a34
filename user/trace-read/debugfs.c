// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters from the tables under /sys/kernel/debug/vexfs. Columns are found by
 * the names in a table's first line, so that their order and new ones do not matter.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base.h"
#include "counters.h"

#define DIR "/sys/kernel/debug/vexfs/"
#define MAX_COLUMNS 32
#define MAX_ERRNO 133

enum unit { NUMBER32, NUMBER64, MICROSECONDS, MILLISECONDS };

/* Where a column's value goes. */
struct column {
	const char *name;
	size_t offset;
	enum unit unit;
};

#define N32(name, type, member) { name, offsetof(type, member), NUMBER32 }
#define N64(name, type, member) { name, offsetof(type, member), NUMBER64 }
#define US(name, type, member)  { name, offsetof(type, member), MICROSECONDS }
#define MS(name, type, member)  { name, offsetof(type, member), MILLISECONDS }

static const struct column stack_columns[] = {
	N64("calls", struct depth_counters, calls),
	N64("painted", struct depth_counters, painted),
	N64("unpainted", struct depth_counters, unpainted),
	N64("clipped", struct depth_counters, clipped),
	N64("shallow", struct depth_counters, shallow),
	N32("min/B", struct depth_counters, min),
	N32("mean/B", struct depth_counters, mean),
	N32("p50/B", struct depth_counters, p50),
	N32("p99/B", struct depth_counters, p99),
	N32("max/B", struct depth_counters, max),
	N32("stack/B", struct depth_counters, max_absolute),
	N64(">75%", struct depth_counters, over_75),
	N64("irq", struct depth_counters, interrupted),
	{ }
};

static const struct column latency_columns[] = {
	N64("count", struct latency_counters, count),
	N64("errors", struct latency_counters, errors),
	US("min/us", struct latency_counters, min),
	US("mean/us", struct latency_counters, mean),
	US("p50/us", struct latency_counters, p50),
	US("p90/us", struct latency_counters, p90),
	US("p99/us", struct latency_counters, p99),
	US("p99.9/us", struct latency_counters, p999),
	US("max/us", struct latency_counters, max),
	{ }
};

static const struct column ops_columns[] = {
	N64("calls", struct ops_counters, calls),
	N64("errors", struct ops_counters, errors),
	N64("bytes/B", struct ops_counters, bytes),
	US("total/us", struct ops_counters, total),
	US("cpu/us", struct ops_counters, cpu),
	US("lock/us", struct ops_counters, lock),
	US("io/us", struct ops_counters, io),
	US("sleep/us", struct ops_counters, sleep),
	US("runnable/us", struct ops_counters, runnable),
	US("lost/us", struct ops_counters, lost),
	N64("lost", struct ops_counters, lost_ops),
	{ }
};

static const struct column cache_columns[] = {
	N64("node_hits", struct ops_counters, node_hits),
	N64("node_misses", struct ops_counters, node_misses),
	N64("seg_hits", struct ops_counters, segment_hits),
	N64("seg_misses", struct ops_counters, segment_misses),
	{ }
};

static const struct column lock_columns[] = {
	N64("waits", struct lock_counters, waits),
	US("total/us", struct lock_counters, total),
	US("max/us", struct lock_counters, max),
	{ }
};

static const struct column alloc_columns[] = {
	N32("site", struct site_counters, id),
	N64("allocs", struct site_counters, allocs),
	N64("frees", struct site_counters, frees),
	N64("objects", struct site_counters, live_objects),
	N64("live/B", struct site_counters, live),
	N64("peak/B", struct site_counters, peak),
	N64("bytes/B", struct site_counters, bytes),
	N64("failures", struct site_counters, failures),
	{ }
};

static const struct column leak_columns[] = {
	N32("rises", struct site_counters, rises),
	N32("tracked", struct site_counters, tracked),
	N32("old", struct site_counters, old),
	MS("oldest/ms", struct site_counters, oldest),
	N64("untracked", struct site_counters, untracked),
	N64("ended", struct site_counters, ended),
	MS("mean/ms", struct site_counters, mean),
	MS("p50/ms", struct site_counters, p50),
	MS("p99/ms", struct site_counters, p99),
	MS("max/ms", struct site_counters, max),
	{ }
};

static const struct column chain_columns[] = {
	N32("depth/B", struct chain_counters, depth),
	{ }
};

static const struct column target_columns[] = {
	N32("functions", struct target_counters, functions),
	N64("missed", struct target_counters, missed),
	N64("allocs", struct target_counters, allocs),
	N64("bytes/B", struct target_counters, bytes),
	N64("frees", struct target_counters, frees),
	N64("pages", struct target_counters, pages),
	N64("freed", struct target_counters, pages_freed),
	{ }
};

static const struct column frame_columns[] = {
	N32("bytes/B", struct chain_frame, bytes),
	{ }
};

/* One table while it is being read: the words of its first and of its current line. */
struct table {
	char *text, *rest;
	char *names[MAX_COLUMNS], *words[MAX_COLUMNS];
	size_t nr_names, nr_words;
};

static size_t split(char *line, char **words)
{
	size_t n = 0;
	char *word, *rest = line;

	while (n < MAX_COLUMNS && (word = strsep(&rest, " \t")))
		if (*word)
			words[n++] = word;
	return n;
}

static bool table_open(struct table *t, const char *path)
{
	char *line;

	*t = (struct table){ .text = read_file(path, NULL) };
	if (!t->text) {
		warn("%s: %s", path, strerror(errno));
		return false;
	}
	t->rest = t->text;
	line = strsep(&t->rest, "\n");
	t->nr_names = split(line, t->names);
	return true;
}

static bool table_next(struct table *t)
{
	char *line = strsep(&t->rest, "\n");

	t->nr_words = line ? split(line, t->words) : 0;
	return t->nr_words;
}

/* The word below a column's name, NULL where there is none or it says "-". */
static const char *table_word(const struct table *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->nr_names && i < t->nr_words; i++)
		if (!strcmp(t->names[i], name))
			return strcmp(t->words[i], "-") ? t->words[i] : NULL;
	return NULL;
}

static uint64_t microseconds(const char *word)
{
	char *end;
	uint64_t us = strtoull(word, &end, 10), digit = 100, ns = 0;

	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9'; end++, digit /= 10)
			ns += digit * (*end - '0');
	return us * 1000 + ns;
}

static void table_take(const struct table *t, const struct column *columns, void *to)
{
	const struct column *c;

	for (c = columns; c->name; c++) {
		const char *word = table_word(t, c->name);
		char *field = (char *)to + c->offset;

		if (!word)
			continue;
		if (c->unit == NUMBER32)
			*(uint32_t *)field = strtoul(word, NULL, 10);
		else if (c->unit == NUMBER64)
			*(uint64_t *)field = strtoull(word, NULL, 10);
		else
			*(uint64_t *)field = microseconds(word) *
					     (c->unit == MILLISECONDS ? 1000 : 1);
	}
}

/* The class of the current line, MAX_CLASSES when this build does not know it. */
static unsigned int table_class(const struct table *t)
{
	const char *name = table_word(t, "class");
	unsigned int i;

	for (i = 0; i < MAX_CLASSES; i++)
		if (name && !strcmp(name, class_name(i)))
			break;
	return i;
}

/*
 * The table gives stack bytes and their share in tenths of a percent, but not the whole,
 * which is a power of two.
 */
static uint32_t stack_size(const struct table *t)
{
	const char *bytes = table_word(t, "stack/B"), *share = table_word(t, "stack/%");
	uint64_t used, permille, size;

	if (!bytes || !share)
		return 0;
	used = strtoull(bytes, NULL, 10);
	permille = microseconds(share) / 100;
	for (size = 4096; used && size <= 1 << 20; size *= 2)
		if (used * 1000 / size == permille)
			return size;
	return 0;
}

/* The classes behind those of operations, by name. */
static bool read_targets(struct counters *c)
{
	struct table t;
	const char *class, *function;
	unsigned long id;

	if (!table_open(&t, DIR "targets"))
		return false;
	while (table_next(&t)) {
		class = table_word(&t, "class");
		function = table_word(&t, "function");
		id = class ? strtoul(class, NULL, 10) : MAX_CLASSES;
		if (!function || id >= MAX_CLASSES)
			continue;
		class_set_name(id, intern(function));
		table_take(&t, target_columns, &c->classes[id].target);
	}
	free(t.text);
	return true;
}

static bool read_stack(struct counters *c)
{
	struct table t;
	unsigned int i;

	if (!table_open(&t, DIR "stack"))
		return false;
	for (i = 0; i < MAX_CLASSES; i++)
		c->classes[i].depth = (struct depth_counters){};
	while (table_next(&t)) {
		i = table_class(&t);
		if (i == MAX_CLASSES)
			continue;
		table_take(&t, stack_columns, &c->classes[i].depth);
		c->classes[i].depth.measured = table_word(&t, "max/B");
		if (!c->status.thread_size)
			c->status.thread_size = stack_size(&t);
	}
	free(t.text);
	return true;
}

/* A function of a module is two words: its name, and the module in brackets. */
static const char *table_function(const struct table *t)
{
	const char *word = table_word(t, "function"), *function;
	char *both;

	if (!word || t->nr_words <= t->nr_names)
		return word ? intern(word) : "?";
	both = xprintf("%s %s", word, t->words[t->nr_names]);
	function = intern(both);
	free(both);
	return function;
}

/* One line a frame. Whether the chain is whole shows in the sum of the frames. */
static bool read_chain(struct counters *c)
{
	struct table t;

	if (!table_open(&t, DIR "chain"))
		return false;
	counters_clear_chains(c);
	while (table_next(&t)) {
		unsigned int i = table_class(&t);
		struct chain_counters *chain;
		struct chain_frame *frame;
		const char *by;

		if (i == MAX_CLASSES)
			continue;
		chain = &c->classes[i].chain;
		table_take(&t, chain_columns, chain);
		frame = counters_add_frame(chain);
		table_take(&t, frame_columns, frame);
		frame->function = table_function(&t);
		by = table_word(&t, "by");
		chain->ftrace = by && !strcmp(by, "ftrace");
		chain->complete = table_word(&t, "from/B") &&
				  strtoul(table_word(&t, "from/B"), NULL, 10) == frame->bytes;
	}
	free(t.text);
	return true;
}

static bool read_latency(struct counters *c)
{
	struct table t;
	unsigned int i;

	if (!table_open(&t, DIR "latency"))
		return false;
	for (i = 0; i < MAX_CLASSES; i++)
		c->classes[i].latency = (struct latency_counters){};
	while (table_next(&t)) {
		i = table_class(&t);
		if (i < MAX_CLASSES)
			table_take(&t, latency_columns, &c->classes[i].latency);
	}
	free(t.text);
	return true;
}

/* "ENOENT:24,EIO:1". */
static void read_errors(struct ops_counters *ops, const char *word)
{
	char *copy = xprintf("%s", word), *rest = copy, *part, *colon;
	uint32_t number;

	while ((part = strsep(&rest, ","))) {
		colon = strchr(part, ':');
		if (!colon)
			continue;
		*colon = 0;
		for (number = MAX_ERRNO; number && strcmp(errno_name(number), part); number--)
			;
		ops_add_error(ops, number, strtoull(colon + 1, NULL, 10));
	}
	free(copy);
}

/* Two tables: what operations did, and what they did not find in the cache. */
static bool read_ops(struct counters *c)
{
	const char *word;
	struct table t;
	unsigned int i;

	if (!table_open(&t, DIR "ops"))
		return false;
	for (i = 0; i < MAX_CLASSES; i++)
		counters_clear_ops(&c->classes[i].ops);
	while (table_next(&t)) {
		i = table_class(&t);
		if (i == MAX_CLASSES)
			continue;
		table_take(&t, ops_columns, &c->classes[i].ops);
		word = table_word(&t, "errnos");
		if (word)
			read_errors(&c->classes[i].ops, word);
	}
	free(t.text);
	if (!table_open(&t, DIR "cache"))
		return false;
	while (table_next(&t)) {
		i = table_class(&t);
		if (i < MAX_CLASSES)
			table_take(&t, cache_columns, &c->classes[i].ops);
	}
	free(t.text);
	return true;
}

/* A line without a frame begins a lock, one with frame 0 a stack of its holders. */
static bool read_locks(struct counters *c)
{
	struct lock_counters *lock = NULL;
	const char *frame, *word, *site = "?";
	struct table t;

	if (!table_open(&t, DIR "locks"))
		return false;
	counters_clear_locks(c);
	while (table_next(&t)) {
		frame = table_word(&t, "frame");
		if (!frame)
			site = table_word(&t, "function") ? table_function(&t) : "?";
		if (!frame || !strcmp(frame, "0")) {
			lock = counters_add_lock(c);
			lock->op_class = table_class(&t);
			word = table_word(&t, "lock");
			lock->kind = word ? intern(word) : "?";
			lock->function = site;
			table_take(&t, lock_columns, lock);
			word = table_word(&t, frame ? "holder" : "stacks");
			if (frame)
				lock->holder = word ? intern(word) : "?";
			else
				lock->stacks = word ? strtoull(word, NULL, 10) : 0;
		}
		if (frame && lock)
			trail_add(&lock->stack, table_function(&t));
	}
	free(t.text);
	return true;
}

static bool read_alloc(struct counters *c)
{
	struct site_counters *site;
	const char *word, *colon;
	struct table t;

	if (!table_open(&t, DIR "alloc"))
		return false;
	c->nr_sites = 0;
	while (table_next(&t)) {
		site = counters_add_site(c);
		table_take(&t, alloc_columns, site);
		word = table_word(&t, "function");
		if (word)
			site->func = intern(word);
		word = table_word(&t, "file:line");
		colon = word ? strrchr(word, ':') : NULL;
		if (colon) {
			site->file = intern_len(word, colon - word);
			site->line = strtoul(colon + 1, NULL, 10);
		}
	}
	free(t.text);
	return true;
}

static bool read_leaks(struct counters *c)
{
	struct site_counters *site;
	const char *word;
	struct table t;

	if (!table_open(&t, DIR "leaks"))
		return false;
	while (table_next(&t)) {
		word = table_word(&t, "site");
		site = word ? counters_find_site(c, strtoul(word, NULL, 10)) : NULL;
		if (!site)
			continue;
		table_take(&t, leak_columns, site);
		word = table_word(&t, "verdict");
		site->verdict = word ? intern(word) : "?";
	}
	free(t.text);
	return true;
}

static bool debugfs_mounted(void)
{
	struct statfs fs;

	return !statfs("/sys/kernel/debug", &fs) && fs.f_type == DEBUGFS_MAGIC;
}

static bool debugfs_open(void)
{
	if (!access(DIR "stack", R_OK))
		return true;
	if (errno == EACCES || errno == EPERM)
		warn(DIR "stack: not permitted: run as root");
	else if (!debugfs_mounted())
		warn(DIR "stack: debugfs is not mounted: mount -t debugfs debugfs"
		     " /sys/kernel/debug");
	else
		warn(DIR "stack: %s: load the module: insmod vexfs_trace.ko (after insmod"
		     " vexfs.ko)", strerror(errno));
	return false;
}

static void debugfs_close(void)
{
}

/* The tables do not tell the state of the tracer. */
static bool debugfs_status(struct status_counters *status)
{
	(void)status;
	return true;
}

static bool debugfs_read(struct counters *c)
{
	return read_targets(c) && read_stack(c) && read_chain(c) && read_latency(c) &&
	       read_ops(c) && read_locks(c) && read_alloc(c) && read_leaks(c);
}

static const char *target_refusal(int err)
{
	if (err == ENOENT)
		return "no such function, or it was inlined everywhere";
	if (err == EINVAL)
		return "the kernel does not let this function be probed";
	if (err == ENOSPC)
		return "there is no room for more targets: remove one";
	return strerror(err);
}

/* Return: 0 or errno. */
static int write_target(char what, const char *name, const char *function)
{
	char *line = xprintf("%c%s%s%s", what, name, function ? " " : "", function ? function : "");
	int fd = open(DIR "targets", O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	free(line);
	return err;
}

static enum target_result debugfs_target_add(const char *name, const char *function,
					     const char **reason)
{
	int err = write_target('+', name, function);

	if (!err)
		return TARGET_DONE;
	if (err == EEXIST)
		return TARGET_THERE;
	*reason = target_refusal(err);
	return TARGET_REFUSED;
}

static void debugfs_target_drop(const char *name)
{
	write_target('-', name, NULL);
}

static bool debugfs_reset(void)
{
	int fd = open(DIR "reset", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "1", 1) == 1;

	if (!done)
		warn(DIR "reset: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return done;
}

const struct counter_source debugfs_source = {
	.name	= "debugfs",
	.open	= debugfs_open,
	.status	= debugfs_status,
	.read	= debugfs_read,
	.target_add	= debugfs_target_add,
	.target_drop	= debugfs_target_drop,
	.reset	= debugfs_reset,
	.close	= debugfs_close,
};
