/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filters as the user writes them:
 *
 *	lang == "de" and (year >= 2020 or not has year) and title ^= "The "
 *
 *	expression	term { ("or" | "||") term }
 *	term		factor { ("and" | "&&") factor }
 *	factor		("not" | "!") factor | "(" expression ")" | "has" key | test
 *	test		key ("==" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "^=") value
 *			| key "in" "(" value { "," value } ")"
 */
#ifndef VEXFS_CMD_EXPR_H
#define VEXFS_CMD_EXPR_H

#include <stddef.h>
#include <stdint.h>
#include <linux/vexfs.h>
#include <linux/vexfs_format.h>

/**
 * struct expr - a filter as the filesystem takes it
 * @nodes: @count of them; 0: no filter
 * @text: its strings, @text_len bytes
 * @error: what is wrong, NULL when nothing is
 * @at: where, in bytes from the begin
 */
struct expr {
	struct vexfs_filter_node nodes[VEXFS_MAX_FILTER];
	uint32_t count;
	char text[VEXFS_MAX_FILTER_TEXT];
	uint32_t text_len;
	const char *error;
	size_t at;
};

/* 0, or -1 with the error set. */
int expr_parse(struct expr *e, const char *text);
/* The same as an option: GO_ON, or a status after a message that shows the place. */
int option_expr(const char *what, const char *text, struct expr *e);

#endif /* VEXFS_CMD_EXPR_H */
