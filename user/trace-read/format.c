// SPDX-License-Identifier: GPL-2.0-only
/* Figures for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "format.h"

#define BUFFERS		16
#define BUFFER_SIZE	256

static char *buffer(void)
{
	static char buffers[BUFFERS][BUFFER_SIZE];
	static unsigned int next;

	return buffers[next++ % BUFFERS];
}

const char *number(uint64_t n)
{
	char digits[24], *out = buffer(), *to = out;
	int len = sprintf(digits, "%" PRIu64, n), i;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = 0;
	return out;
}

const char *plural(uint64_t n, const char *noun)
{
	char *out = buffer();

	snprintf(out, BUFFER_SIZE, "%s %s%s", number(n), noun, n == 1 ? "" : "s");
	return out;
}

/* Three significant digits and a unit. */
static const char *scaled(double value, const char *unit)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	char *out = buffer();

	snprintf(out, BUFFER_SIZE, "%.*f %s", decimals, value, unit);
	return out;
}

const char *bytes(uint64_t n)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = n / 1024.0;
	size_t i;
	char *out;

	if (n < 1024) {
		out = buffer();
		sprintf(out, "%" PRIu64 " B", n);
		return out;
	}
	for (i = 0; value >= 1023.5 && i + 1 < ARRAY_LEN(units); i++)
		value /= 1024;
	return scaled(value, units[i]);
}

const char *duration(uint64_t ns)
{
	static const char *const units[] = { "us", "ms", "s" };
	double value = ns / 1000.0;
	size_t i;
	char *out;

	if (ns < 1000) {
		out = buffer();
		sprintf(out, "%" PRIu64 " ns", ns);
		return out;
	}
	for (i = 0; value >= 999.5 && i + 1 < ARRAY_LEN(units); i++)
		value /= 1000;
	return scaled(value, units[i]);
}

const char *percent(uint64_t part, uint64_t whole)
{
	char *out = buffer();

	if (whole)
		snprintf(out, BUFFER_SIZE, "%.1f %%", 100.0 * part / whole);
	else
		strcpy(out, "-");
	return out;
}

const char *printable(const char *s)
{
	char *out = buffer(), *to = out;

	for (; *s && to < out + BUFFER_SIZE - 1; s++)
		*to++ = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
	*to = 0;
	return out;
}

void wrap_word(struct wrap *w, const char *word)
{
	int len = strlen(word);

	if (w->column > w->indent && w->column + 1 + len > WIDTH) {
		fprintf(w->out, "\n%*s", w->indent, "");
		w->column = w->indent;
	} else if (w->column > w->indent) {
		fputc(' ', w->out);
		w->column++;
	}
	fputs(word, w->out);
	w->column += len;
}

void section(FILE *out, const char *title, const char *note)
{
	fprintf(out, "\n%s%s%s\n", title, *note ? "  " : "", note);
}
