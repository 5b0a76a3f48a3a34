// SPDX-License-Identifier: GPL-2.0-only
/* ann: recall and speed of searches for near vectors, beside other libraries. See options.c. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ann.h"

volatile sig_atomic_t ann_stop;

void ann_die(const char *how, ...)
{
	va_list args;

	ann_breathe();
	fputs("ann: ", stderr);
	va_start(args, how);
	vfprintf(stderr, how, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void ann_breathe(void)
{
	if (!ann_stop)
		return;
	fputs("\nann: interrupted, nothing was written\n", stderr);
	exit(EXIT_INTERRUPTED);
}

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

double ann_cpu_seconds(void)
{
	return now(CLOCK_THREAD_CPUTIME_ID);
}

/* On a terminal one line that changes, in a log one in ten seconds. */
void ann_progress(const struct options *o, const char *how, ...)
{
	static double last = -1e9;
	bool terminal = isatty(STDERR_FILENO);
	double time = now(CLOCK_MONOTONIC);
	va_list args;

	if (o->quiet || (how && time - last < (terminal ? 0.2 : 10)))
		return;
	last = time;
	if (terminal)
		fputs("\r\033[K", stderr);
	if (!how)
		return;
	va_start(args, how);
	vfprintf(stderr, how, args);
	va_end(args);
	if (!terminal)
		fputc('\n', stderr);
}

/* As the kernel says: a virtual processor may tell programs of the whole host's cache. */
static unsigned long cache_kib(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r");
	unsigned long kib = 0;

	if (f && fscanf(f, "%luK", &kib) != 1)
		kib = 0;
	if (f)
		fclose(f);
	return kib;
}

void ann_machine(char *out, size_t len)
{
	const char *isa = __builtin_cpu_supports("avx512f") ? "AVX-512" :
			  __builtin_cpu_supports("avx2") ? "AVX2" : "no AVX2";
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned long kib = cache_kib();
	int n = snprintf(out, len, "%ld core%s, %s", cores, cores == 1 ? "" : "s", isa);

	if (kib)
		snprintf(out + n, len - n, ", %lu MiB of L3 cache", kib >> 10);
}

static void interrupted(int sig)
{
	ann_stop = 1;
}

/* The first signal ends it in good order, the second at once. */
static void handle_signals(void)
{
	struct sigaction a = { .sa_handler = interrupted, .sa_flags = SA_RESETHAND | SA_RESTART };

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
}

static void choose(struct result *r)
{
	uint32_t i;

	for (i = 0; i < ANN_CONTENDERS; i++)
		if (r->data->base.dim >= contender_kinds[i].least_dim &&
		    (!i || !r->o->only || strstr(contender_kinds[i].name, r->o->only)))
			r->contender[r->contenders++].kind = &contender_kinds[i];
}

/* Before the long work, but with what is in the file kept until there is something new. */
static FILE *create(const char *path)
{
	FILE *f = path ? fopen(path, "a") : NULL;

	if (path && !f)
		ann_die("%s: %s; name a file that can be written", path, strerror(errno));
	return f;
}

static void finish(FILE *f, const char *path)
{
	bool bad = ferror(f);

	if ((f == stdout ? fflush(f) : fclose(f)) || bad)
		ann_die("%s: %s; is the device full?", path, strerror(errno));
}

static void rewrite(const struct result *r, FILE *f, const char *path,
		    void (*print)(const struct result *r, FILE *f))
{
	if (!f)
		return;
	if (ftruncate(fileno(f), 0))
		ann_die("%s: %s; name an ordinary file", path, strerror(errno));
	print(r, f);
	finish(f, path);
}

int main(int argc, char **argv)
{
	static struct result r;
	struct options o;
	struct data data;
	FILE *csv, *svg;

	options_read(&o, argc, argv);
	handle_signals();
	csv = create(o.csv);
	svg = create(o.svg);
	r.o = &o;
	r.data = &data;
	ann_machine(r.machine, sizeof(r.machine));
	data_load(&o, &data);
	data.batch = o.batch;
	choose(&r);
	measure_all(&r);
	if (o.scan)
		scan_all(&r);
	ann_progress(&o, NULL);
	rewrite(&r, csv, o.csv, report_csv);
	rewrite(&r, svg, o.svg, plot_svg);
	(o.json ? report_json : report_table)(&r, stdout);
	finish(stdout, "standard output");
	data_free(&data);
	return 0;
}
