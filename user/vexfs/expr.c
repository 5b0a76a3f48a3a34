// SPDX-License-Identifier: GPL-2.0-only
/* Filters: a parser by recursive descent, which emits a program in postfix order. */
#include <ctype.h>
#include <string.h>

#include "expr.h"
#include "options.h"
#include "record.h"
#include "report.h"

#define MAX_DEPTH	64

struct parser {
	struct expr *e;
	const char *begin;
	const char *at;
	int depth;
};

static int fail_at(struct parser *p, const char *at, const char *error)
{
	if (!p->e->error) {
		p->e->error = error;
		p->e->at = at - p->begin;
	}
	return -1;
}

static void skip(struct parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
}

/* Step over @word when it stands here, and is no part of a longer word. */
static bool take(struct parser *p, const char *word)
{
	size_t len = strlen(word);

	skip(p);
	if (strncmp(p->at, word, len) ||
	    (isalpha((unsigned char)*word) && len != key_length(p->at)))
		return false;
	p->at += len;
	return true;
}

static int emit(struct parser *p, const struct vexfs_filter_node *n, const char *at)
{
	if (p->e->count == VEXFS_MAX_FILTER)
		return fail_at(p, at, "a filter has at most 32 comparisons, and, or, not");
	p->e->nodes[p->e->count++] = *n;
	return 0;
}

static int emit_op(struct parser *p, uint8_t op)
{
	struct vexfs_filter_node n = { .op = op };

	return emit(p, &n, p->at);
}

static int read_key(struct parser *p, struct vexfs_filter_node *n)
{
	static const char *const words[] = { "and", "or", "not", "has", "in" };
	size_t len;

	skip(p);
	len = key_length(p->at);
	if (!len)
		return fail_at(p, p->at, *p->at ? "a key, 'not', 'has' or '(' is needed" :
					     "the filter ends where a key is needed");
	if (len > VEXFS_META_KEY_MAX)
		return fail_at(p, p->at, "a key has at most 31 characters");
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strlen(words[i]) == len && !memcmp(words[i], p->at, len))
			return fail_at(p, p->at, "a key is needed, not this word");
	}
	n->key_len = len;
	memcpy(n->key, p->at, len);
	p->at += len;
	return 0;
}

/* Read a value and emit the comparison with it. */
static int read_value(struct parser *p, struct vexfs_filter_node *n)
{
	const char *start, *end, *wrong;
	struct value v;

	skip(p);
	start = end = p->at;
	wrong = value_read(&v, p->at, &end);
	if (wrong)
		return fail_at(p, end, wrong);
	if (key_length(end) || isdigit((unsigned char)*end))
		return fail_at(p, end, "a value ends before this");
	if (n->op == VEXFS_FILTER_PREFIX && v.type != VEXFS_META_STRING)
		return fail_at(p, start, "^= compares with a string in quotes");
	p->at = end;
	n->type = v.type;
	n->value = v.bits;
	n->len = 0;
	if (v.type == VEXFS_META_STRING) {
		if (p->e->text_len + v.len > sizeof(p->e->text))
			return fail_at(p, start, "the strings of a filter have at most 8192 bytes");
		n->value = p->e->text_len;
		n->len = v.len;
		memcpy(p->e->text + p->e->text_len, v.text, v.len);
		p->e->text_len += v.len;
	}
	return emit(p, n, start);
}

static int read_list(struct parser *p, struct vexfs_filter_node *n)
{
	bool first = true;

	n->op = VEXFS_FILTER_EQ;
	if (!take(p, "("))
		return fail_at(p, p->at, "'(' is needed after 'in'");
	do {
		if (read_value(p, n) || (!first && emit_op(p, VEXFS_FILTER_OR)))
			return -1;
		first = false;
	} while (take(p, ","));
	return take(p, ")") ? 0 : fail_at(p, p->at, "',' or ')' is needed");
}

static int read_test(struct parser *p)
{
	static const struct {
		const char *word;
		uint8_t op;
	} ops[] = {
		{ "==", VEXFS_FILTER_EQ }, { "!=", VEXFS_FILTER_NE }, { "<=", VEXFS_FILTER_LE },
		{ ">=", VEXFS_FILTER_GE }, { "^=", VEXFS_FILTER_PREFIX }, { "=", VEXFS_FILTER_EQ },
		{ "<", VEXFS_FILTER_LT }, { ">", VEXFS_FILTER_GT },
	};
	struct vexfs_filter_node n = { 0 };

	if (read_key(p, &n))
		return -1;
	if (take(p, "in"))
		return read_list(p, &n);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (take(p, ops[i].word)) {
			n.op = ops[i].op;
			return read_value(p, &n);
		}
	}
	return fail_at(p, p->at, "one of == != < <= > >= ^= in is needed");
}

static int read_or(struct parser *p);

static int read_factor(struct parser *p)
{
	struct vexfs_filter_node n = { .op = VEXFS_FILTER_EXISTS };
	const char *start;
	int err;

	skip(p);
	start = p->at;
	if (p->depth == MAX_DEPTH)
		return fail_at(p, start, "nested too deeply");
	if (take(p, "has"))
		return read_key(p, &n) ? -1 : emit(p, &n, start);
	if (take(p, "not") || take(p, "!")) {
		p->depth++;
		err = read_factor(p);
		p->depth--;
		return err ? -1 : emit_op(p, VEXFS_FILTER_NOT);
	}
	if (!take(p, "("))
		return read_test(p);
	p->depth++;
	err = read_or(p);
	p->depth--;
	if (!err && !take(p, ")"))
		return fail_at(p, p->at, *p->at ? "'and', 'or' or ')' is needed" :
					     "the filter ends before a ')'");
	return err;
}

static int read_and(struct parser *p)
{
	if (read_factor(p))
		return -1;
	while (take(p, "and") || take(p, "&&"))
		if (read_factor(p) || emit_op(p, VEXFS_FILTER_AND))
			return -1;
	return 0;
}

static int read_or(struct parser *p)
{
	if (read_and(p))
		return -1;
	while (take(p, "or") || take(p, "||"))
		if (read_and(p) || emit_op(p, VEXFS_FILTER_OR))
			return -1;
	return 0;
}

int expr_parse(struct expr *e, const char *text)
{
	struct parser p = { .e = e, .begin = text, .at = text };

	memset(e, 0, sizeof(*e));
	if (read_or(&p))
		return -1;
	skip(&p);
	return *p.at ? fail_at(&p, p.at, "'and' or 'or' is needed") : 0;
}

int option_expr(const char *what, const char *text, struct expr *e)
{
	if (!expr_parse(e, text))
		return GO_ON;
	fputs("  ", stderr);
	report_text(stderr, text);
	fprintf(stderr, "\n  %*s^\n", (int)e->at, "");
	return report_misuse("%s: %s, at character %zu", what, e->error, e->at + 1);
}
