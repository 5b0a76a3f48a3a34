// SPDX-License-Identifier: GPL-2.0-only
/* vexfs-crash: workers that each try every n-th workload, and a parent that counts. */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "shrink.h"

/**
 * struct tally - what a worker has done, seen by its parent
 * @progress: different states so far, also of the unfinished workload
 * @round: the workload that it is at
 */
struct tally {
	pid_t pid;
	volatile u64 progress;
	volatile u64 round;
	u64 tried, different, second, rounds;
};

/* In shared memory: the workers' tallies, and the wish that all end. */
static struct tally *tallies;
static volatile int *stop;
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = 1;
	*stop = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ---- a worker -------------------------------------------------------------------------- */

static void json_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((u8)*text < ' ')
			fprintf(out, "\\u%04x", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void report(const struct options *o, struct failure *f, u64 round)
{
	char *script;
	size_t size;
	FILE *out;

	if (!o->json) {
		printf("\nFOUND in workload %llu of seed %llu:\n%s\n\n", round, o->seed, f->what);
		printf("As a script, for --script:\n\n");
		failure_print(f, stdout);
		printf("\nAs a test, for user/crash/test_states.c:\n\n");
		failure_print_test(f, stdout);
		return;
	}
	out = open_memstream(&script, &size);
	failure_print(f, out);
	fclose(out);
	printf("{\"found\": ");
	json_string(f->what, stdout);
	printf(", \"seed\": %llu, \"workload\": %llu, \"script\": ", o->seed, round);
	json_string(script, stdout);
	printf("}\n");
	free(script);
}

static void found(const struct options *o, struct failure *f, struct limits *limits, u64 round)
{
	*stop = 1;
	limits->stop = NULL;
	limits->states = U64_MAX;
	if (!f->script.crash)
		failure_shrink(f, o->broken, limits, o->minimise);
	report(o, f, round);
	failure_free(f);
}

static bool one_workload(const struct options *o, struct tally *t, const struct script *script)
{
	struct limits limits = { .all_of = o->all_of, .pairs = 200, .random = 48, .stop = stop,
				 .progress = &t->progress };
	struct failure f;
	struct outcome out;
	bool bad;

	limits.states = o->states / o->jobs + (t == tallies ? o->states % o->jobs : 0) -
			t->different;
	bad = failure_find(script, o->broken, &limits, &out, &f);
	t->tried += out.tried;
	t->different += out.different;
	t->second += out.second;
	t->rounds++;
	t->progress = t->different;
	if (bad)
		found(o, &f, &limits, t->round);
	return !bad;
}

static int work(const struct options *o, u32 number, const struct script *only)
{
	struct tally *t = &tallies[number];
	u64 share = o->states / o->jobs + (number ? 0 : o->states % o->jobs);
	bool good = true;

	if (only)
		return one_workload(o, t, only) ? EXIT_SOUND : EXIT_FOUND;
	for (t->round = number; good && t->different < share && !*stop; t->round += o->jobs) {
		struct script script;

		script_generate(&script, o->seed, t->round);
		if (o->threads)
			script_divide(&script, o->threads);
		good = one_workload(o, t, &script);
		script_free(&script);
	}
	return good ? EXIT_SOUND : EXIT_FOUND;
}

/* ---- the parent ---------------------------------------------------------------------------- */

static void show_progress(const struct options *o, double began, bool tty)
{
	double spent = now() - began;
	u64 states = 0;

	for (u32 i = 0; i < o->jobs; i++)
		states += tallies[i].progress;
	fprintf(stderr, tty ? "\r%llu of %llu states, %.0f a second\033[K" :
			      "%llu of %llu states, %.0f a second\n",
		states, o->states, spent > 0 ? states / spent : 0);
}

static int worker_ended(const struct tally *t, const struct options *o, int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	*stop = 1;
	fprintf(stderr,
		"vexfs-crash: a worker was ended by signal %d in workload %llu of seed %llu\n",
		WTERMSIG(status), t->round, o->seed);
	return EXIT_FOUND;
}

static int wait_for_workers(const struct options *o, double began)
{
	bool tty = isatty(STDERR_FILENO);
	u32 left = o->jobs, ticks = 0;
	int worst = 0, status;

	while (left) {
		for (u32 i = 0; i < o->jobs; i++) {
			if (!tallies[i].pid || waitpid(tallies[i].pid, &status, WNOHANG) <= 0)
				continue;
			tallies[i].pid = 0;
			left--;
			worst = max(worst, worker_ended(&tallies[i], o, status));
		}
		if (!left)
			break;
		usleep(50000);
		ticks++;
		if (!o->quiet && ticks % (tty ? 5 : 100) == 0)
			show_progress(o, began, tty);
	}
	if (!o->quiet && tty)
		fprintf(stderr, "\r\033[K");
	return worst;
}

/* Seconds of a processor that the workers took. */
static double processor(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return r.ru_utime.tv_sec + r.ru_stime.tv_sec +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static void summary(const struct options *o, double spent, int status)
{
	struct tally sum = { 0 };

	for (u32 i = 0; i < o->jobs; i++) {
		sum.tried += tallies[i].tried;
		sum.different += tallies[i].different;
		sum.second += tallies[i].second;
		sum.rounds += tallies[i].rounds;
	}
	if (o->json)
		printf("{\"sound\": %s, \"interrupted\": %s, \"seed\": %llu, \"workloads\": %llu, "
		       "\"states\": %llu, \"built\": %llu, \"second_crashes\": %llu, "
		       "\"seconds\": %.1f, \"processor_seconds\": %.1f}\n",
		       status ? "false" : "true", interrupted ? "true" : "false", o->seed,
		       sum.rounds, sum.different, sum.tried, sum.second, spent, processor());
	else
		printf("%llu states of %llu workloads, and %llu after a second crash, %s%s\n"
		       "%llu were built before equal ones were left out; "
		       "%.1f s, %.1f s of a processor\n",
		       sum.different, sum.rounds, sum.second,
		       status == EXIT_FOUND ? "one of them wrong" : "all right",
		       interrupted ? " (interrupted)" : "", sum.tried, spent,
		       processor());
}

static char *read_all(const char *path)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char *text = NULL;
	size_t len = 0, room = 0, n;

	if (!in) {
		fprintf(stderr, "vexfs-crash: %s: %s\n", path, strerror(errno));
		exit(EXIT_USAGE);
	}
	do {
		if (room - len < 4096)
			text = realloc(text, room = 2 * room + 8192);
		n = fread(text + len, 1, room - len - 1, in);
		len += n;
	} while (n);
	text[len] = 0;
	fclose(in);
	return text;
}

static void read_script(struct script *s, const char *path)
{
	char *text = read_all(path);
	const char *wrong;
	u32 line;

	script_init(s);
	wrong = script_parse(s, text, &line);
	free(text);
	if (!wrong)
		return;
	fprintf(stderr, "vexfs-crash: %s:%u: %s\n", path, line, wrong);
	exit(EXIT_USAGE);
}

static int start(const struct options *o, const struct script *only)
{
	double began = now();
	int status;
	pid_t pid;

	fflush(NULL);
	for (u32 i = 0; i < o->jobs; i++) {
		pid = fork();
		if (!pid) {
			status = work(o, i, only);
			fflush(NULL);
			_exit(status);
		}
		vex_rule(pid > 0, "a process can be made");
		tallies[i].pid = pid;
	}
	status = wait_for_workers(o, began);
	summary(o, now() - began, status);
	return status ? status : interrupted ? EXIT_INTERRUPTED : EXIT_SOUND;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct script only, *script = NULL;
	struct options o;
	size_t size;
	int status;

	options_read(&o, argc, argv);
	vex_core_init();
	/* Segments come and go by the thousand: not from and to the system each time. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	if (o.script) {
		read_script(&only, o.script);
		script = &only;
		o.jobs = 1;
	}
	if (o.print) {
		if (!script)
			script_generate(script = &only, o.seed, 0);
		script_print(script, script->crash, stdout, "", "\n");
		return EXIT_SOUND;
	}
	size = sizeof(*stop) * 16 + o.jobs * sizeof(*tallies);
	stop = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	vex_rule(stop != MAP_FAILED, "there is memory to share");
	tallies = (void *)(stop + 16);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	status = start(&o, script);
	if (script)
		script_free(script);
	return status;
}
