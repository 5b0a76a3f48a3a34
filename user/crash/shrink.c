// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making a failing case small: delta debugging (Zeller and Hildebrandt, 2002) on the calls, each
 * shorter script searched for a failing state again; then the state's missing writes
 * are put back one by one. A script of several threads is left as it is, for it
 * may not fail twice.
 */
#include <stdlib.h>
#include <time.h>

#include "shrink.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

bool failure_find(const struct script *script, enum broken broken, const struct limits *limits,
		  struct outcome *out, struct failure *f)
{
	struct record rec;

	memset(f, 0, sizeof(*f));
	memset(out, 0, sizeof(*out));
	record_run(&rec, script, broken);
	if (rec.failed) {
		f->what = strdup(rec.failed);
	} else if (script->crash) {
		f->what = states_try_one(&rec, script->crash);
		out->tried = 1;
		out->different = 1;
		if (f->what) {
			f->crash = malloc(sizeof(*f->crash));
			*f->crash = *script->crash;
		}
	} else {
		states_try(&rec, limits, script->seed, out);
		f->what = out->failed;
		f->crash = out->crash;
	}
	out->failed = NULL;
	out->crash = NULL;
	if (f->what)
		script_copy(&f->script, script);
	record_free(&rec);
	return f->what;
}

void failure_free(struct failure *f)
{
	script_free(&f->script);
	free(f->crash);
	free(f->what);
	memset(f, 0, sizeof(*f));
}

/* A shorter script gets so many states to fail in. */
#define SHRINK_TRIES	20000u

/* Does it fail without calls [@from, @from + @count)? Then it is the case from now on. */
static bool fails_without(struct failure *f, u32 from, u32 count, enum broken broken,
			  const struct limits *limits)
{
	struct limits quiet = *limits;
	struct failure less;
	struct outcome out;
	struct script s;

	quiet.progress = NULL;
	quiet.states = U64_MAX;
	quiet.tries = SHRINK_TRIES;
	script_copy(&s, &f->script);
	memmove(s.ops + from, s.ops + from + count, (s.count - from - count) * sizeof(*s.ops));
	s.count -= count;
	if (!failure_find(&s, broken, &quiet, &out, &less)) {
		script_free(&s);
		return false;
	}
	script_free(&s);
	failure_free(f);
	*f = less;
	return true;
}

static void shrink_calls(struct failure *f, enum broken broken, const struct limits *limits,
			 double until)
{
	u32 chunk = f->script.count / 2, from;

	while (chunk && now() < until) {
		bool less = false;

		/* From the end: what comes after the crash goes first. */
		for (from = f->script.count; from && now() < until;) {
			u32 count = min(from, chunk);

			from -= count;
			less |= fails_without(f, from, count, broken, limits);
		}
		chunk = less && chunk == 1 ? 1 : chunk / 2;
	}
}

static bool still_fails(const struct record *rec, struct failure *f, const struct crash *less)
{
	char *what = states_try_one(rec, less);

	if (!what)
		return false;
	free(f->what);
	f->what = what;
	*f->crash = *less;
	return true;
}

static void shrink_state(struct failure *f, enum broken broken, double until)
{
	struct crash *less = malloc(sizeof(*less));
	struct record rec;

	record_run(&rec, &f->script, broken);
	*less = *f->crash;
	less->torn = CRASH_WHOLE;
	if (f->crash->torn != CRASH_WHOLE)
		still_fails(&rec, f, less);
	for (u32 i = f->crash->count; i-- && now() < until;) {
		*less = *f->crash;
		less->missing[i] = less->missing[--less->count];
		still_fails(&rec, f, less);
	}
	record_free(&rec);
	free(less);
}

void failure_shrink(struct failure *f, enum broken broken, const struct limits *limits,
		    u32 seconds)
{
	double until = now() + seconds;

	if (f->script.threads)
		return;
	shrink_calls(f, broken, limits, until);
	if (f->crash)
		shrink_state(f, broken, until + 5);
}

/* ---- printing ------------------------------------------------------------------------- */

void failure_print(const struct failure *f, FILE *out)
{
	const char *line = f->what;

	while (*line) {
		size_t len = strcspn(line, "\n");

		fprintf(out, "# %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	script_print(&f->script, f->crash, out, "", "\n");
}

void failure_print_test(const struct failure *f, FILE *out)
{
	fprintf(out, "static void a_crash_that_was_found(void **state)\n{\n"
		"\texpect_sound(\n");
	script_print(&f->script, f->crash, out, "\t\t\"", "\\n\"\n");
	fprintf(out, "\t\t\"\");\n}\n");
}
