/* SPDX-License-Identifier: GPL-2.0-only */
/* The command whose duration is the window. */
#ifndef TRACE_READ_COMMAND_H
#define TRACE_READ_COMMAND_H

#include <stdbool.h>

/* Makes a process for it that waits for command_go(). */
void command_prepare(char **argv);

/* Lets it run; false, with a message, when it cannot be executed. */
bool command_go(void);

/* Whether it ended; its status is then as the shell has it. Call after SIGCHLD. */
bool command_ended(int *status);

/* Ends it, if it runs: asks first, and insists after five seconds. */
void command_stop(void);

#endif /* TRACE_READ_COMMAND_H */
