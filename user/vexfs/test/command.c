// SPDX-License-Identifier: GPL-2.0-only
/* Running a command: its main(), in a process of its own. */
#include <fcntl.h>
#include <stdio_ext.h>
#include <sys/wait.h>

#include "command.h"

#define MAX_ARGS 32

char command_out[1 << 20];
char command_err[1 << 16];

static void redirect(const char *name, int fd)
{
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (file < 0 || dup2(file, fd) < 0)
		_exit(126);
	close(file);
}

pid_t command_start(int *in, const char *const *args)
{
	char *argv[MAX_ARGS + 4] = { (char *)"program" };
	int argc = 1, fds[2];
	pid_t pid;

	for (int i = 0; i < 2 && place_args[i]; i++)
		argv[argc++] = (char *)place_args[i];
	for (int i = 0; args[i]; i++)
		argv[argc++] = (char *)args[i];
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		redirect(getenv("VEXFS_TEST_STDOUT") ?: "out", STDOUT_FILENO);
		redirect("err", STDERR_FILENO);
		dup2(fds[0], STDIN_FILENO);
		close(fds[0]);
		close(fds[1]);
		/* The test's own output stays the parent's. */
		__fpurge(stdout);
		exit(program_main(argc, argv));
	}
	close(fds[0]);
	*in = fds[1];
	return pid;
}

static void read_back(const char *name, char *buf, size_t room)
{
	FILE *f = fopen(name, "r");
	size_t len;

	assert_non_null(f);
	len = fread(buf, 1, room - 1, f);
	buf[len] = 0;
	fclose(f);
}

int command_wait(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	read_back("out", command_out, sizeof(command_out));
	read_back("err", command_err, sizeof(command_err));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int command_run(const char *first, ...)
{
	const char *args[MAX_ARGS] = { first };
	va_list list;
	pid_t pid;
	int in;

	va_start(list, first);
	for (int i = 1; i < MAX_ARGS && args[i - 1]; i++)
		args[i] = va_arg(list, const char *);
	va_end(list);
	pid = command_start(&in, args);
	close(in);
	return command_wait(pid);
}

float fvecs_value(uint32_t seed, uint32_t row, uint32_t elem)
{
	uint32_t h = (seed + row) * 2654435761u ^ elem * 2246822519u;

	h ^= h >> 15;
	h *= 2654435761u;
	return (int32_t)(h ^ h >> 13) / 2147483648.0f;
}

void write_fvecs(const char *name, uint32_t count, uint32_t dim, uint32_t seed)
{
	FILE *f = fopen(name, "wb");

	assert_non_null(f);
	for (uint32_t row = 0; row < count; row++) {
		fwrite(&dim, sizeof(dim), 1, f);
		for (uint32_t i = 0; i < dim; i++) {
			float v = fvecs_value(seed, row, i);

			fwrite(&v, sizeof(v), 1, f);
		}
	}
	assert_int_equal(fclose(f), 0);
}
