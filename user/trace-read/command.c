// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command whose duration is the window. The process exists before the window
 * opens, so that all that it does itself, exec included, lies within.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "command.h"

static pid_t child;
static const char *name;
static int go[2], failure[2];

static void run(char **argv)
{
	sigset_t none;
	char byte;
	int err;

	/* Without its watcher it has no purpose; and it must not run when that failed. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	close(go[1]);
	if (read(go[0], &byte, 1) != 1)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	err = errno;
	if (write(failure[1], &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

void command_prepare(char **argv)
{
	name = argv[0];
	if (pipe2(go, O_CLOEXEC) || pipe2(failure, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fflush(NULL);
	child = fork();
	if (child < 0)
		die("fork: %s", strerror(errno));
	if (!child)
		run(argv);
	close(go[0]);
	close(failure[1]);
}

bool command_go(void)
{
	int err;

	if (write(go[1], "", 1) != 1)
		die("%s: %s", name, strerror(errno));
	close(go[1]);
	/* The other end closes with exec. */
	if (read(failure[0], &err, sizeof(err)) != sizeof(err))
		return true;
	waitpid(child, NULL, 0);
	child = 0;
	warn("%s: %s", name, strerror(err));
	return false;
}

bool command_ended(int *status)
{
	int s;

	if (child <= 0 || waitpid(child, &s, WNOHANG) != child)
		return false;
	child = 0;
	*status = WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s);
	return true;
}

void command_stop(void)
{
	int tries;

	if (child <= 0)
		return;
	kill(child, SIGTERM);
	for (tries = 0; tries < 500 && !waitpid(child, NULL, WNOHANG); tries++)
		usleep(10000);
	if (tries == 500) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = 0;
}
