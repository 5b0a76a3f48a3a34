// SPDX-License-Identifier: GPL-2.0-only
/* Filters and values as the user writes them. */
#include "test.h"

#include "../expr.h"
#include "../options.h"
#include "../record.h"

static struct expr e;

/* The program as text: keys and operators in postfix order. */
static const char *program(const char *text)
{
	static const char *const ops[] = {
		"?", "and", "or", "not", "has", "==", "!=", "<", "<=", ">", ">=", "^="
	};
	static char out[2000];
	size_t len = 0;

	if (expr_parse(&e, text))
		fail_msg("'%s': %s at %zu", text, e.error, e.at);
	out[0] = 0;
	for (uint32_t i = 0; i < e.count; i++) {
		const struct vexfs_filter_node *n = &e.nodes[i];
		double d;

		len += sprintf(out + len, "%s%.*s%s", i ? " " : "", n->key_len, n->key,
			       ops[n->op]);
		memcpy(&d, &n->value, sizeof(d));
		if (n->type == VEXFS_META_INT)
			len += sprintf(out + len, "%lld", (long long)n->value);
		if (n->type == VEXFS_META_FLOAT)
			len += sprintf(out + len, "%g.", d);
		if (n->type == VEXFS_META_STRING)
			len += sprintf(out + len, "'%.*s'", (int)n->len, e.text + n->value);
	}
	return out;
}

static void expressions_become_programs(void **state)
{
	(void)state;
	assert_string_equal(program("year >= 2020"), "year>=2020");
	assert_string_equal(program("lang==\"de\"&&year>=2020"), "lang=='de' year>=2020 and");
	assert_string_equal(program("a=1 or b=2 and c=3"), "a==1 b==2 c==3 and or");
	assert_string_equal(program("(a=1 or b=2) and c=3"), "a==1 b==2 or c==3 and");
	assert_string_equal(program("not has a and !b<-1.5"), "ahas not b<-1.5. not and");
	assert_string_equal(program("a-b.c != 'it\\'s'"), "a-b.c!='it's'");
	assert_string_equal(program("t ^= \"The \""), "t^='The '");
	assert_string_equal(program("l in (\"a\", 2, 3.0)"), "l=='a' l==2 or l==3. or");
	assert_string_equal(program("android=1 or nothing=2 and inn=3"),
			    "android==1 nothing==2 inn==3 and or");
	assert_string_equal(program("a=9223372036854775807"), "a==9223372036854775807");
	assert_string_equal(program("a=-9223372036854775808"), "a==-9223372036854775808");
	assert_string_equal(program("a < 1e3"), "a<1000.");
	assert_string_equal(program("a=\"\\x41\\n\""), "a=='A\n'");
}

static void wrong(const char *text, const char *error, size_t at)
{
	assert_int_equal(expr_parse(&e, text), -1);
	assert_non_null(strstr(e.error, error));
	assert_int_equal(e.at, at);
}

static void errors_tell_the_place(void **state)
{
	char many[1024] = "a=1", deep[200];

	(void)state;
	wrong("", "the filter ends", 0);
	wrong("year", "one of ==", 4);
	wrong("year >=", "a number or a string", 7);
	wrong("year >= de", "a number or a string", 8);
	wrong("year >= 20de", "a value ends before", 10);
	wrong("lang == \"de", "no closing quote", 11);
	wrong("a = 1 b = 2", "'and' or 'or'", 6);
	wrong("a = 1 and", "the filter ends", 9);
	wrong("(a = 1", "ends before a ')'", 6);
	wrong("a = 1)", "'and' or 'or'", 5);
	wrong("a in 1", "'('", 5);
	wrong("a in (1 2)", "',' or ')'", 8);
	wrong("and = 1", "not this word", 0);
	wrong("a ^= 1", "a string in quotes", 5);
	wrong("a = 99999999999999999999", "64 bits", 24);
	wrong("a = nan", "a number or a string", 4);
	wrong("a = \"\\q\"", "the escapes are", 5);
	wrong("abcdefghijklmnopqrstuvwxyzabcdef = 1", "at most 31", 0);
	for (int i = 0; i < 16; i++)
		strcat(many, " or a=1");
	wrong(many, "at most 32", 3 + 16 * 7);
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = 0;
	wrong(deep, "nested too deeply", 64);
}

/* The type of a value by its look, 0 when it is refused. */
static int look(const char *arg, int type)
{
	struct record r = { .count = 0 };

	return record_add(&r, arg, type) == GO_ON ? r.values[0].type : 0;
}

static void values_have_the_type_of_their_look(void **state)
{
	(void)state;
	assert_int_equal(look("a=12", 0), VEXFS_META_INT);
	assert_int_equal(look("a=-0", 0), VEXFS_META_INT);
	assert_int_equal(look("a=1.5", 0), VEXFS_META_FLOAT);
	assert_int_equal(look("a=-1e-3", 0), VEXFS_META_FLOAT);
	assert_int_equal(look("a=inf", 0), VEXFS_META_FLOAT);
	assert_int_equal(look("a=nan", 0), VEXFS_META_STRING);
	assert_int_equal(look("a=de", 0), VEXFS_META_STRING);
	assert_int_equal(look("a=", 0), VEXFS_META_STRING);
	assert_int_equal(look("a=2020-01-02", 0), VEXFS_META_STRING);
	assert_int_equal(look("a=\"12\"", 0), VEXFS_META_STRING);
	assert_int_equal(look("a=99999999999999999999", 0), 0);
	assert_int_equal(look("a=12", VEXFS_META_STRING), VEXFS_META_STRING);
	assert_int_equal(look("a=12", VEXFS_META_FLOAT), VEXFS_META_FLOAT);
	assert_int_equal(look("a=1.5", VEXFS_META_INT), 0);
	assert_int_equal(look("a=x", VEXFS_META_INT), 0);
	assert_int_equal(look("1a=2", 0), 0);
	assert_int_equal(look("=2", 0), 0);
	assert_int_equal(look("a", 0), 0);
}

static void records_are_packed_in_order(void **state)
{
	static const unsigned char want[] = {
		27, 0, 0, 0, 4, 3, 2, 0, 'l', 'a', 'n', 'g', 'd', 'e',
		4, 1, 8, 0, 'y', 'e', 'a', 'r', 0xe4, 7, 0, 0, 0, 0, 0, 0,
	};
	unsigned char buf[RECORD_MAX];
	struct record r = { .count = 0 };
	char text[300];

	(void)state;
	assert_int_equal(record_add(&r, "year=2020", 0), GO_ON);
	assert_int_equal(record_add(&r, "lang=de", 0), GO_ON);
	assert_int_equal(record_pack(&r, buf), 4 + 26);
	assert_memory_equal(buf + 4, want + 4, 26);
	assert_int_equal(buf[0], 26);
	assert_int_equal(record_add(&r, "lang=en", 0), STATUS_USAGE);
	memset(text, 'x', sizeof(text));
	memcpy(text, "t=", 2);
	text[2 + 255] = 0;
	assert_int_equal(record_add(&r, text, 0), STATUS_USAGE);
	text[2 + 254] = 0;
	assert_int_equal(record_add(&r, text, 0), GO_ON);
	for (int i = 3; i < 16; i++) {
		snprintf(text, sizeof(text), "k%d=%d", i, i);
		assert_int_equal(record_add(&r, text, 0), GO_ON);
	}
	assert_int_equal(record_add(&r, "z=1", 0), STATUS_USAGE);
	assert_true(record_pack(&r, buf) <= RECORD_MAX);
}

/* The pairs of a line, packed, after their length; NULL: it is refused. */
static const char *line(const char *text)
{
	static char out[2048];
	static struct record r;
	struct report rep;
	unsigned char buf[RECORD_MAX];
	size_t len;

	r.count = 0;
	if (record_line(&r, text))
		return NULL;
	len = record_pack(&r, buf);
	report_begin(&rep, false);
	assert_true(record_print(&rep, buf + 4, len - 4));
	fflush(rep.f);
	snprintf(out, sizeof(out), "%s", rep.text);
	report_drop(&rep);
	return out;
}

static void lines_hold_pairs(void **state)
{
	(void)state;
	assert_string_equal(line(""), "");
	assert_string_equal(line(" \t\r"), "");
	assert_string_equal(line("b=1 a=2\r"), "a=2  b=1");
	assert_string_equal(line("  a=\"x y\"\tb='\"'  "), "a=\"x y\"  b=\"\\\"\"");
	assert_string_equal(line("a= b=x"), "a=\"\"  b=\"x\"");
	assert_string_equal(line("a=x\"y z=1"), "a=\"x\\\"y\"  z=1");
	assert_string_equal(line("a=\"x=\\\" b=1\""), "a=\"x=\\\" b=1\"");
	assert_null(line("a"));
	assert_null(line("a=1 ="));
	assert_null(line("a=\"x\"y"));
	assert_null(line("a=\"x"));
	assert_null(line("a=1 a=1"));
	assert_null(line("# a=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_become_programs),
		cmocka_unit_test(errors_tell_the_place),
		cmocka_unit_test(values_have_the_type_of_their_look),
		cmocka_unit_test(records_are_packed_in_order),
		cmocka_unit_test(lines_hold_pairs),
	};

	return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
