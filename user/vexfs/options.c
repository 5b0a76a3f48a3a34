// SPDX-License-Identifier: GPL-2.0-only
/* Numbers and sizes, read and printed. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "report.h"

static int out_of_range(const char *what, const char *text, uint64_t min, uint64_t max)
{
	return report_misuse("%s '%s' is not a number from %" PRIu64 " to %" PRIu64, what, text,
			     min, max);
}

/* Digits, then @suffixes allow one of KMGT. */
static int read_number(const char *what, const char *text, bool suffixes, uint64_t min,
		       uint64_t max, uint64_t *out)
{
	static const char letters[] = "KMGT";
	const char *letter;
	char *end;

	if (!isdigit((unsigned char)*text))
		return out_of_range(what, text, min, max);
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno)
		return out_of_range(what, text, min, max);
	letter = suffixes && *end ? strchr(letters, toupper((unsigned char)*end)) : NULL;
	if (letter) {
		unsigned int shift = 10 * (letter - letters + 1);

		if (*out > UINT64_MAX >> shift)
			return out_of_range(what, text, min, max);
		*out <<= shift;
		end++;
	}
	if (*end || *out < min || *out > max)
		return out_of_range(what, text, min, max);
	return GO_ON;
}

int option_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return read_number(what, text, false, min, max, out);
}

int option_size(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return read_number(what, text, true, min, max, out);
}

const char *grouped(uint64_t n)
{
	static char texts[8][32];
	static unsigned int next;
	char *text = texts[next++ % 8];
	char *at = text + sizeof(texts[0]) - 1;
	unsigned int digits = 0;

	*at = 0;
	do {
		if (digits && digits % 3 == 0)
			*--at = ',';
		*--at = '0' + n % 10;
		digits++;
		n /= 10;
	} while (n);
	return at;
}
