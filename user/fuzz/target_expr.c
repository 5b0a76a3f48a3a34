// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: the text of a filter, as the vexfs command takes it. One that is accepted is a program
 * that the core accepts, and, written out from that program, is parsed as the same one again; one
 * that is refused says what is wrong at a place inside of the text.
 *
 * Input: the text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vex_meta.h>

#include "../vexfs/expr.h"
#include "text.h"

/* A number with the digits that read back as the same one, or a string. */
static void write_value(FILE *f, const struct expr *e, const struct vexfs_filter_node *n)
{
	double d;

	if (n->type == VEXFS_META_INT) {
		fprintf(f, "%" PRId64, (int64_t)n->value);
	} else if (n->type == VEXFS_META_FLOAT) {
		memcpy(&d, &n->value, sizeof(d));
		/* Hexadecimal is exact, and no integer. */
		fprintf(f, "%a", d);
	} else {
		fputc('"', f);
		for (u32 i = 0; i < n->len; i++)
			fprintf(f, "\\x%02x", (u8)e->text[n->value + i]);
		fputc('"', f);
	}
}

/* A node with what it takes, in parentheses; returns the node before all of it. */
static int write_node(FILE *f, const struct expr *e, int at)
{
	static const char *const ops[] = { "==", "!=", "<", "<=", ">", ">=", "^=" };
	const struct vexfs_filter_node *n = &e->nodes[at];
	char *right = NULL;
	size_t len = 0;
	FILE *g;

	switch (n->op) {
	case VEXFS_FILTER_AND:
	case VEXFS_FILTER_OR:
		/* Right comes first, and is written last. */
		g = open_memstream(&right, &len);
		fuzz_must(g, "no memory");
		at = write_node(g, e, at - 1);
		fclose(g);
		fputc('(', f);
		at = write_node(f, e, at);
		fprintf(f, " %s %s)", n->op == VEXFS_FILTER_AND ? "and" : "||", right);
		free(right);
		return at;
	case VEXFS_FILTER_NOT:
		fputs("not ", f);
		return write_node(f, e, at - 1);
	case VEXFS_FILTER_EXISTS:
		fprintf(f, "has %.*s", n->key_len, n->key);
		return at - 1;
	default:
		fprintf(f, "%.*s %s ", n->key_len, n->key, ops[n->op - VEXFS_FILTER_EQ]);
		write_value(f, e, n);
		return at - 1;
	}
}

static void same(const struct expr *a, const struct expr *b, const char *text)
{
	fuzz_must(!b->error, "written out as %s: %s", text, b->error);
	fuzz_must(a->count == b->count && a->text_len == b->text_len &&
		  !memcmp(a->nodes, b->nodes, a->count * sizeof(a->nodes[0])) &&
		  !memcmp(a->text, b->text, a->text_len), "written out it is another: %s", text);
}

static void write_and_parse(const struct expr *e)
{
	static struct expr again;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	fuzz_must(f, "no memory");
	fuzz_must(write_node(f, e, e->count - 1) == -1, "nodes are left over");
	fclose(f);
	expr_parse(&again, text);
	same(e, &again, text);
	free(text);
}

void fuzz_expr(const u8 *data, size_t len)
{
	char *text = fuzz_text(data, len);
	static struct expr e;
	struct vex_filter f;
	int err = expr_parse(&e, text);

	fuzz_must(!err == !e.error, "an error without a word, or a word without an error");
	fuzz_must(!err || e.at <= strlen(text), "wrong at %zu, past the end", e.at);
	if (!err) {
		f = (struct vex_filter){ e.nodes, e.count, e.text, e.text_len, 0 };
		fuzz_must(!vex_filter_check(&f), "node %u is none that the core takes", f.bad_node);
		write_and_parse(&e);
	}
	fuzz_quiet();
	option_expr("filter", text, &e);
	fuzz_quiet_end();
	free(text);
}
