// SPDX-License-Identifier: GPL-2.0-only
/* The main() of vexfs, to be called by a test. */
#include "command.h"

#define main program_main
#include "../main.c"
