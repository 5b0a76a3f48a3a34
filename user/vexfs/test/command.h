/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running a command as a user does, in a process of its own; vexfs on an image or on
 * a mounted filesystem: the tests are the same for both.
 */
#ifndef VEXFS_CMD_TEST_COMMAND_H
#define VEXFS_CMD_TEST_COMMAND_H

#include "test.h"

/* ---- place_image.c or place_mounted.c ---------------------------------------- */

/* "--image" and the image, or both NULL. */
extern const char *const place_args[2];
/* The path of a collection, in a static buffer that the next call but 7 uses again. */
const char *place_path(const char *name);
/* Make a new filesystem of @mib MiB; where it is mounted, the old one is unmounted. */
void place_make(unsigned int mib);
void place_end(void);

/* ---- command.c ----------------------------------------------------------------- */

/* What the last command printed. */
extern char command_out[1 << 20];
extern char command_err[1 << 16];

/* The main() of the command under test: of program_vexfs.c, or the test's own. */
int program_main(int argc, char **argv);
/*
 * Run it with what place_args say and the arguments, of which the last is NULL.
 * Returns the exit status, 128 + n after signal n.
 */
int command_run(const char *first, ...) __attribute__((sentinel));
/* Start it with standard input from a pipe whose other end is *@in; end it with command_wait(). */
pid_t command_start(int *in, const char *const *args);
int command_wait(pid_t pid);

/* The command ended with @status, and said @words on standard error ("" is silence). */
#define expect(status, words, ...) do {						\
	int __got = command_run(__VA_ARGS__, NULL);					\
	if (__got != (status) || !strstr(command_err, words) ||			\
	    (!*(words) && *command_err))					\
		fail_msg("line %d: status %d, not %d; said: %s", __LINE__, __got,	\
			 status, command_err);					\
} while (0)

/* The command printed @words on standard output. */
#define expect_out(words) do {							\
	if (!strstr(command_out, words))					\
		fail_msg("line %d: printed no '%s' but: %s", __LINE__, words,	\
			 command_out);						\
} while (0)

/* Write @count rows of @dim elements, reproducible numbers from @seed on, as .fvecs. */
void write_fvecs(const char *name, uint32_t count, uint32_t dim, uint32_t seed);
/* The element that write_fvecs() writes. */
float fvecs_value(uint32_t seed, uint32_t row, uint32_t elem);

#endif /* VEXFS_CMD_TEST_COMMAND_H */
