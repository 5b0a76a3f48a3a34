// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replaying inputs without libFuzzer: those that once broke something, and some hundred
 * random ones from a seed. Prints TAP. With arguments: TARGET FILE... replays these.
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
};

static const struct target {
	const char *name;
	void (*run)(const u8 *data, size_t len);
	u32 times;
} targets[] = {
	{ "image", fuzz_image, 1500 },
	{ "calls", fuzz_calls, 1500 },
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

/* As libFuzzer would begin: edits of an image, or any bytes. */
static size_t random_input(const struct target *t, u8 *data, size_t room, u64 *rnd)
{
	size_t len = 4 + fuzz_random(rnd) % (room - 4);

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
	if (argc > 2)
		return replay(argv[1], argv + 2);
	printf("TAP version 13\n");
	for (u32 i = 0; i < ARRAY_SIZE(inputs); i++) {
		try(inputs[i].what, inputs[i].run, inputs[i].data, inputs[i].len);
		passed(inputs[i].what);
	}
	for (u32 i = 0; i < ARRAY_SIZE(targets); i++)
		random_inputs(&targets[i], 1);
	printf("1..%u\n", count);
	return 0;
}
