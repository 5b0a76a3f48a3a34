// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replaying inputs without libFuzzer: those that once broke something, those to begin with, and
 * some thousand random ones from a seed. Prints TAP. With arguments: TARGET FILE... replays these;
 * --seeds TARGET DIR writes those to begin with into files.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/**
 * struct input - an input that broke something
 * @what: it was
 * @run: target
 * @len: of @data
 */
struct input {
	const char *what;
	void (*run)(const u8 *data, size_t len);
	size_t len;
	const u8 *data;
};

#define INPUT(text, target, ...)						\
	{ text, target, sizeof((const u8[]){ __VA_ARGS__ }), (const u8[]){ __VA_ARGS__ } }

static const struct input inputs[] = {
	INPUT("a mode has no bits that the format has no place for", fuzz_calls,
	      0x0a, 0x0a, 0xe9, 0x01, 0xc1, 0x00, 0xc1, 0xc1),
	INPUT("the next inode number is in use", fuzz_image,
	      0x8a, 0x7a, 0x45, 0xa8, 0x00, 0x00, 0x03, 0x00, 0xe2, 0x6d, 0xb3),
	INPUT("a pair without a value is not compared", fuzz_filter,
	      0x00, 0x00, 0x04, 0x32, 0x1f, 0x01, 0x01, 0x06, 0xd3, 0x47, 0xff),
};

static const struct target {
	const char *name;
	void (*run)(const u8 *data, size_t len);
	u32 times;
} targets[] = {
	{ "image", fuzz_image, 1500 },
	{ "calls", fuzz_calls, 1500 },
	{ "filter", fuzz_filter, 20000 },
	{ "meta", fuzz_meta, 20000 },
	{ "expr", fuzz_expr, 20000 },
	{ "record", fuzz_record, 20000 },
	{ "print", fuzz_print, 5000 },
};

static u32 count;

/* The input that is being tried, for whoever has to repeat it. */
static const char *trying;
static const u8 *input_data;
static size_t input_len;

/* From wherever the program ends. */
static void tell_input(void)
{
	fprintf(stderr, "# %s, the input in hexadecimal:\n", trying);
	for (size_t i = 0; i < input_len; i++)
		fprintf(stderr, "%02x%s", input_data[i], i % 32 == 31 ? "\n" : "");
	fputc('\n', stderr);
}

static void on_signal(int sig)
{
	tell_input();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Of the sanitizers' library, when there is one. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void try(const char *what, void (*run)(const u8 *data, size_t len), const u8 *data,
		size_t len)
{
	trying = what;
	input_data = data;
	input_len = len;
	/* Ends the program when it runs in a circle. */
	alarm(60);
	run(data, len);
	alarm(0);
}

static void passed(const char *what)
{
	printf("ok %u - %s\n", ++count, what);
	fflush(stdout);
}

static const struct fuzz_seed *seed_of(const struct target *t, u64 rnd)
{
	u32 n = 0, at = 0;

	for (const struct fuzz_seed *s = fuzz_seeds; s->target; s++)
		n += !strcmp(s->target, t->name);
	if (!n)
		return NULL;
	for (const struct fuzz_seed *s = fuzz_seeds;; s++)
		if (!strcmp(s->target, t->name) && at++ == rnd % n)
			return s;
}

/* A seed, a few bytes of it changed, put in, or taken out. */
static size_t change_seed(const struct fuzz_seed *seed, u8 *data, size_t room, u64 *rnd)
{
	static const char useful[] = "\"'\\()=<>!^ ,.-+01x\n";
	size_t len = min(seed->len, room - 8);

	memcpy(data, seed->data, len);
	for (u32 n = 1 + fuzz_random(rnd) % 6; n && len; n--) {
		size_t at = fuzz_random(rnd) % len;
		u8 byte = fuzz_random(rnd) & 1 ? fuzz_random(rnd) :
			  useful[fuzz_random(rnd) % (sizeof(useful) - 1)];

		switch (fuzz_random(rnd) % 3) {
		case 0:
			data[at] = byte;
			break;
		case 1:
			memmove(data + at + 1, data + at, len++ - at);
			data[at] = byte;
			break;
		default:
			memmove(data + at, data + at + 1, --len - at);
		}
	}
	return len;
}

/* As libFuzzer would begin: edits of an image, a changed seed, or any bytes. */
static size_t random_input(const struct target *t, u8 *data, size_t room, u64 *rnd)
{
	size_t len = 4 + fuzz_random(rnd) % (room - 4);
	const struct fuzz_seed *seed = seed_of(t, fuzz_random(rnd));

	if (seed && fuzz_random(rnd) & 3)
		return change_seed(seed, data, room, rnd);
	if (t->run == fuzz_image)
		len = 4 + (1 + fuzz_random(rnd) % 3) * FUZZ_EDIT_BYTES;
	for (size_t i = 0; i < len; i++)
		data[i] = fuzz_random(rnd);
	for (size_t at = 4; t->run == fuzz_image && at < len; at += FUZZ_EDIT_BYTES)
		fuzz_edit_random(data + at, rnd);
	return len;
}

static void random_inputs(const struct target *t, u64 seed)
{
	char what[80];
	u8 data[700];

	for (u32 i = 0; i < t->times; i++) {
		u64 rnd = seed + i;
		size_t len = random_input(t, data, sizeof(data), &rnd);

		try(t->name, t->run, data, len);
	}
	snprintf(what, sizeof(what), "%s: %u random inputs from seed %llu", t->name, t->times,
		 (unsigned long long)seed);
	passed(what);
}

static void seeds(const struct target *t)
{
	char what[80];
	u32 n = 0;

	for (const struct fuzz_seed *s = fuzz_seeds; s->target; s++) {
		if (strcmp(s->target, t->name))
			continue;
		try(t->name, t->run, (const u8 *)s->data, s->len);
		n++;
	}
	snprintf(what, sizeof(what), "%s: %u inputs to begin with", t->name, n);
	if (n)
		passed(what);
}

static int write_seeds(const char *name, const char *dir)
{
	char path[4096];
	u32 n = 0;

	for (const struct fuzz_seed *s = fuzz_seeds; s->target; s++) {
		FILE *f;

		if (strcmp(s->target, name))
			continue;
		snprintf(path, sizeof(path), "%s/seed-%u", dir, n++);
		f = fopen(path, "wb");
		if (!f || fwrite(s->data, 1, s->len, f) != s->len || fclose(f)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}

static int replay(const char *name, char **files)
{
	const struct target *t = targets;
	static u8 data[1 << 20];

	while (t < targets + ARRAY_SIZE(targets) && strcmp(t->name, name))
		t++;
	if (t == targets + ARRAY_SIZE(targets)) {
		fprintf(stderr, "no target %s\n", name);
		return 2;
	}
	for (; *files; files++) {
		FILE *f = fopen(*files, "rb");
		size_t len = f ? fread(data, 1, sizeof(data), f) : 0;

		if (!f) {
			perror(*files);
			return 2;
		}
		fclose(f);
		t->run(data, len);
		printf("%s: %zu bytes, nothing wrong\n", *files, len);
	}
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGABRT, on_signal);
	signal(SIGALRM, on_signal);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(tell_input);
	if (argc == 4 && !strcmp(argv[1], "--seeds"))
		return write_seeds(argv[2], argv[3]);
	if (argc > 2)
		return replay(argv[1], argv + 2);
	printf("TAP version 13\n");
	for (u32 i = 0; i < ARRAY_SIZE(inputs); i++) {
		try(inputs[i].what, inputs[i].run, inputs[i].data, inputs[i].len);
		passed(inputs[i].what);
	}
	for (u32 i = 0; i < ARRAY_SIZE(targets); i++)
		seeds(&targets[i]);
	for (u32 i = 0; i < ARRAY_SIZE(targets); i++)
		random_inputs(&targets[i], 1);
	printf("1..%u\n", count);
	return 0;
}
