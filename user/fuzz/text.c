// SPDX-License-Identifier: GPL-2.0-only
/* Inputs that are text, and the silence of what complains about them. */
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

static FILE *nowhere, *before;

char *fuzz_text(const u8 *data, size_t len)
{
	char *text = strndup((const char *)data, len);

	fuzz_must(text, "no memory");
	return text;
}

static void nowhere_close(void)
{
	fclose(nowhere);
}

void fuzz_quiet(void)
{
	if (!nowhere) {
		nowhere = fopen("/dev/null", "w");
		fuzz_must(nowhere, "/dev/null does not open");
		atexit(nowhere_close);
	}
	before = stderr;
	stderr = nowhere;
}

void fuzz_quiet_end(void)
{
	stderr = before;
}
