// SPDX-License-Identifier: GPL-2.0-only
/* Texts as vectors, the walk that finds them, and the names of rows. */
#include <errno.h>
#include <math.h>
#include <sys/stat.h>

#include "test.h"
#include "../document.h"
#include "../names.h"
#include "../options.h"
#include "../store.h"
#include "../text.h"
#include "../tree.h"

#define DIM 256

/* The vector of a text; returns the number of n-grams. */
static uint32_t vector(const char *text, float *out)
{
	struct text_hasher h;
	uint32_t grams;

	assert_int_equal(text_hasher_init(&h, DIM, strlen(text)), 0);
	grams = text_vector(&h, text, strlen(text), out);
	text_hasher_free(&h);
	return grams;
}

static double dot(const float *a, const float *b)
{
	double sum = 0;

	for (int i = 0; i < DIM; i++)
		sum += (double)a[i] * b[i];
	return sum;
}

/* The cosine of the angle between two texts. */
static double likeness(const char *a, const char *b)
{
	float x[DIM], y[DIM];

	assert_true(vector(a, x));
	assert_true(vector(b, y));
	return dot(x, y);
}

static void vectors_have_length_one(void **state)
{
	static const char *const texts[] = {
		"a cat", "abc", "the quick brown fox jumps over the lazy dog", "\xc3\xa9t\xc3\xa9",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_true(fabs(likeness(texts[i], texts[i]) - 1) < 1e-6);
}

/* The n-grams of one word, by the description in text.c. */
static void n_grams_are_those_described(void **state)
{
	float v[DIM];

	assert_int_equal(vector("", v), 0);
	assert_int_equal(vector("  \n\t ", v), 0);
	for (int i = 0; i < DIM; i++)
		assert_true(v[i] == 0);
	/* " a ": nothing else. */
	assert_int_equal(vector("a", v), 1);
	/* " ab", " ab ", "ab ". */
	assert_int_equal(vector("ab", v), 3);
	/* " ab", " abc", " abc ", "abc", "abc ", "bc ". */
	assert_int_equal(vector("abc", v), 6);
	/* The same n-grams again count, but are none more. */
	assert_int_equal(vector("abc abc\nabc", v), 6);
	/* None goes over a space. */
	assert_int_equal(vector("ab cd", v), 6);
}

/* The format of vectors that are on disks: a change of the hash would go unseen otherwise. */
static void vectors_do_not_change_between_versions(void **state)
{
	float v[DIM];
	uint64_t sum = 0xcbf29ce484222325ULL;

	vector("The Linux kernel, 6.1: caf\xc3\xa9 \xce\x91\xce\xb2\xce\x93", v);
	for (int i = 0; i < DIM; i++) {
		/* Which elements are set, and on which side; a libm may round a last bit. */
		sum ^= v[i] > 1e-6 ? 1 : v[i] < -1e-6 ? 2 : 0;
		sum *= 0x100000001b3ULL;
	}
	assert_true(sum == 0xe731f7f90eeb3785ULL);
}

static void case_and_white_space_make_no_difference(void **state)
{
	assert_true(likeness("Mutex Lock", "mutex lock") > 0.999999);
	assert_true(likeness("  mutex\n\n\tlock ", "mutex lock") > 0.999999);
	assert_true(likeness("\xc3\x89T\xc3\x89", "\xc3\xa9t\xc3\xa9") > 0.999999);
	assert_true(likeness("\xd0\x9c\xd0\x98\xd0\xa0", "\xd0\xbc\xd0\xb8\xd1\x80") > 0.999999);
	assert_true(likeness("\xce\xa9\xce\x91", "\xcf\x89\xce\xb1") > 0.999999);
	assert_true(likeness("a\xc2\xa0" "b c", "a b\xe3\x80\x80" "c") > 0.999999);
	assert_true(likeness("one two three", "three one two") > 0.999999);
}

static void texts_alike_are_near(void **state)
{
	const char *query = "lock and unlock a mutex";
	double near = likeness(query, "int pthread_mutex_lock(pthread_mutex_t *mutex); "
			       "int pthread_mutex_unlock(pthread_mutex_t *mutex);");
	double far = likeness(query, "struct sockaddr { sa_family_t sa_family; "
			      "char sa_data[14]; };");

	assert_true(near > 0.2);
	assert_true(far < 0.1);
}

static size_t prefix(const char *text, size_t len, bool *cut)
{
	return text_prefix(text, len, cut);
}

static void text_is_told_from_the_rest(void **state)
{
	static const char *const bad[] = {
		"ab\xff", "ab\xc0\x80", "ab\xc1\xbf", "ab\xe0\x80\x80", "ab\xed\xa0\x80",
		"ab\xf0\x80\x80\x80", "ab\xf4\x90\x80\x80", "ab\x80", "ab\xc3" "a",
		"ab\xf8\x88\x80\x80\x80",
	};
	static const char *const parts[] = { "ab\xc3", "ab\xe2\x82", "ab\xf0\x9f\x98" };
	bool cut;

	assert_int_equal(prefix("abc\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 12, &cut), 12);
	assert_false(cut);
	assert_int_equal(prefix("ab\0c", 4, &cut), 2);
	assert_false(cut);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(prefix(bad[i], strlen(bad[i]), &cut), 2);
		assert_false(cut);
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		assert_int_equal(prefix(parts[i], strlen(parts[i]), &cut), 2);
		assert_true(cut);
	}
}

static void texts_are_cut_between_words_or_characters(void **state)
{
	assert_int_equal(text_cut("abcde fghij klm", 12), 12);
	assert_int_equal(text_cut("abcde fghij klm", 11), 6);
	assert_int_equal(text_cut("a bcdefghijklmn", 10), 10);
	assert_int_equal(text_cut("aaaaaaa\xe2\x82\xac" "aaaa", 8), 7);
	assert_int_equal(text_cut("aaaaaaa\xe2\x82\xac" "aaaa", 9), 7);
	assert_int_equal(text_cut("aaaaaaa\xe2\x82\xac" "aaaa", 10), 10);
}

/* Walk "tree", read all documents in chunks of @chunk; the names go to @names. */
static uint64_t walk_and_read(size_t chunk, size_t sample, struct documents *d, struct names *names)
{
	static float rows[4 * DIM];
	char *roots[] = { "tree", NULL };
	struct tree tree;
	struct source s;
	uint32_t got = 1;

	memset(names, 0, sizeof(*names));
	assert_int_equal(tree_walk(&tree, roots), 0);
	tree_sample(&tree, sample);
	assert_int_equal(documents_open(&s, d, &tree, DIM, chunk), 0);
	s.names = names;
	while (got)
		assert_int_equal(source_read(&s, rows, 4, &got), 0);
	source_close(&s);
	tree_free(&tree);
	names_add(names, "end");
	names->text[names->len - 1] = 0;
	return s.record;
}

static void make_tree(void)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	for (size_t i = 9; i < sizeof(text); i += 10)
		text[i] = ' ';
	mkdir("tree", 0755);
	mkdir("tree/b", 0755);
	write_file("tree/b/two", "second text", 11);
	write_file("tree/a", "first text", 10);
	write_file("tree/c", "binary \0 data", 13);
	write_file("tree/d", " \n", 2);
	write_file("tree/e", "", 0);
	write_file("tree/f", text, sizeof(text));
	write_file("tree/g", "latin \xe9 one", 11);
	write_file("tree/h\ni\\j", "odd name", 8);
	write_file("elsewhere", "outside", 7);
	assert_int_equal(symlink("../elsewhere", "tree/link"), 0);
	assert_int_equal(symlink("..", "tree/loop"), 0);
}

static void trees_are_read_in_order_without_links(void **state)
{
	struct documents d;
	struct names names;

	make_tree();
	assert_int_equal(walk_and_read(4096, 0, &d, &names), 4);
	assert_string_equal(names.text, "tree/a\ntree/b/two\ntree/f\ntree/h\\ni\\\\j\nend");
	assert_int_equal(d.texts, 4);
	assert_int_equal(d.binary, 2);
	assert_int_equal(d.empty, 2);
	assert_int_equal(d.unreadable, 0);
	assert_int_equal(d.bytes, 10 + 11 + 1000 + 8);
	names_free(&names);
}

static void long_texts_give_a_row_for_each_chunk(void **state)
{
	struct documents d;
	struct names names;

	assert_int_equal(walk_and_read(300, 0, &d, &names), 7);
	assert_string_equal(names.text, "tree/a\ntree/b/two\ntree/f\ntree/f@300\ntree/f@600\n"
			    "tree/f@900\ntree/h\\ni\\\\j\nend");
	assert_int_equal(d.texts, 4);
	names_free(&names);
}

static void samples_are_spread_evenly(void **state)
{
	struct documents d;
	struct names names;

	/* Of a b/two c d e f g h: the first, third, sixth. */
	assert_int_equal(walk_and_read(4096, 3, &d, &names), 2);
	assert_string_equal(names.text, "tree/a\ntree/f\nend");
	assert_int_equal(d.binary, 1);
	names_free(&names);
	walk_and_read(4096, 8, &d, &names);
	assert_int_equal(d.texts + d.binary + d.empty, 8);
	names_free(&names);
}

static void roots_that_do_not_exist_are_refused(void **state)
{
	char *roots[] = { "tree", "nowhere", NULL };
	struct tree tree;

	assert_int_equal(tree_walk(&tree, roots), 1);
	tree_free(&tree);
}

/* A store whose names file is a string. */
static const char *names_text;

static int fake_size(struct store *s, uint64_t *size)
{
	if (!names_text)
		return -ENOENT;
	*size = strlen(names_text);
	return 0;
}

static int fake_read(struct store *s, uint64_t pos, void *buf, size_t len, size_t *done)
{
	size_t left = strlen(names_text) - pos;

	/* Short reads, so that lines go over the ends of pieces. */
	*done = left < 5 ? left : 5;
	memcpy(buf, names_text + pos, *done);
	return 0;
}

static void names_are_found_by_row(void **state)
{
	static const struct store_ops ops = { .names_size = fake_size, .names_read = fake_read };
	static const uint64_t ids[] = { 4, 0, 3, 0, ~0ULL, 2, 99 };
	struct store store = { .ops = &ops };
	struct row_names n;
	uint64_t lines, bytes;

	names_text = "zero\n\n/a/long/name/with\\\\and\\n\nthree\nfour without end";
	assert_int_equal(row_names_find(&n, &store, ids, 7), 0);
	assert_string_equal(row_names_get(&n, 0), "zero");
	assert_string_equal(row_names_get(&n, 2), "/a/long/name/with\\and\n");
	assert_string_equal(row_names_get(&n, 3), "three");
	assert_string_equal(row_names_get(&n, 4), "four without end");
	assert_null(row_names_get(&n, 1));
	assert_null(row_names_get(&n, 99));
	assert_null(row_names_get(&n, ~0ULL));
	row_names_free(&n);
	assert_int_equal(names_count(&store, &lines, &bytes), 0);
	assert_int_equal(lines, 5);
	assert_int_equal(bytes, strlen(names_text));
	names_text = NULL;
	assert_int_equal(row_names_find(&n, &store, ids, 7), 0);
	assert_null(row_names_get(&n, 0));
	row_names_free(&n);
	assert_int_equal(names_count(&store, &lines, &bytes), 0);
	assert_int_equal(lines, 0);
}

static void numbers_are_read_strictly(void **state)
{
	static const char *const bad[] = { "", "x", "-1", "+1", " 1", "1 ", "1x", "0", "101", "1K",
					   "99999999999999999999" };
	uint64_t n;

	assert_int_equal(option_number("n", "100", 1, 100, &n), GO_ON);
	assert_int_equal(n, 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(option_number("n", bad[i], 1, 100, &n), 2);
	assert_int_equal(option_size("n", "2k", 1, 4096, &n), GO_ON);
	assert_int_equal(n, 2048);
	assert_int_equal(option_size("n", "3T", 1, UINT64_MAX, &n), GO_ON);
	assert_int_equal(n, 3ULL << 40);
	assert_int_equal(option_size("n", "18446744073709551615K", 1, UINT64_MAX, &n), 2);
	assert_int_equal(option_size("n", "1Kx", 1, UINT64_MAX, &n), 2);
	assert_string_equal(grouped(0), "0");
	assert_string_equal(grouped(999), "999");
	assert_string_equal(grouped(1234567), "1,234,567");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_have_length_one),
		cmocka_unit_test(n_grams_are_those_described),
		cmocka_unit_test(vectors_do_not_change_between_versions),
		cmocka_unit_test(case_and_white_space_make_no_difference),
		cmocka_unit_test(texts_alike_are_near),
		cmocka_unit_test(text_is_told_from_the_rest),
		cmocka_unit_test(texts_are_cut_between_words_or_characters),
		cmocka_unit_test(trees_are_read_in_order_without_links),
		cmocka_unit_test(long_texts_give_a_row_for_each_chunk),
		cmocka_unit_test(samples_are_spread_evenly),
		cmocka_unit_test(roots_that_do_not_exist_are_refused),
		cmocka_unit_test(names_are_found_by_row),
		cmocka_unit_test(numbers_are_read_strictly),
	};

	return cmocka_run_group_tests(tests, test_enter, test_leave);
}
