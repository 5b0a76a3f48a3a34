// SPDX-License-Identifier: GPL-2.0-only
/* vexfs import: what is in after it, also when it ends badly. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "command.h"

/* Rows of 128 elements in one batch of the command. */
#define BATCH	8192u

static void damage(const char *name, off_t at, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

/* The collection has @words in its 'stat --json'. */
static void expect_stat(const char *path, const char *words)
{
	expect(0, "", "stat", "--json", path);
	expect_out(words);
}

static void import_makes_the_collection_and_appends(void **state)
{
	place_make(16);
	write_fvecs("a.fvecs", 100, 4, 1);
	write_fvecs("b.fvecs", 50, 4, 101);
	expect(0, "", "import", place_path("a"), "a.fvecs", "b.fvecs");
	expect_out(": 150 rows in, ids 0 to 149, ");
	expect(0, "", "import", place_path("a"), "a.fvecs", "--limit", "7", "--json");
	expect_out("\"rows\": 7");
	expect_out("\"first_id\": 150");
	expect_out("\"last_id\": 156");
	expect_stat(place_path("a"), "\"metric\": \"l2\"");
	expect_out("\"rows\": 157");
	/* Row 120 is row 20 of b, which goes on where a ends. */
	expect(0, "", "get", place_path("a"), "120", "-o", "c.fvecs");
	write_fvecs("d.fvecs", 1, 4, 121);
	assert_int_equal(system("cmp c.fvecs d.fvecs"), 0);
	expect(0, "", "import", place_path("c"), "a.fvecs", "--metric", "ip");
	expect_stat(place_path("c"), "\"metric\": \"ip\"");
}

static void an_import_that_does_not_fit_changes_nothing(void **state)
{
	place_make(16);
	write_fvecs("a.fvecs", 100, 4, 1);
	write_fvecs("b.fvecs", 100, 5, 1);
	expect(1, "b.fvecs: has 5 elements a row, the import has 4", "import", place_path("a"),
	       "a.fvecs", "b.fvecs");
	expect(1, "no such file", "stat", place_path("a"));
	expect(1, "none.fvecs: No such file", "import", place_path("a"), "a.fvecs", "none.fvecs");
	expect(1, "no such file", "stat", place_path("a"));
	expect(0, "", "import", "-q", place_path("a"), "a.fvecs");
	expect(1, "b.fvecs: has 5 elements a row", "import", place_path("a"), "b.fvecs");
	expect(1, "has the metric l2, not ip", "import", place_path("a"), "a.fvecs", "--metric",
	       "ip");
	expect(1, "has 4 elements a row, not 9", "import", place_path("a"), "a.fvecs", "--dim",
	       "9");
	expect(1, "elements a row", "import", place_path("z"), "a.fvecs", "--dim", "9");
	expect(1, "no such file", "stat", place_path("z"));
	damage("b.fvecs", 24 * 50, "\x04\0\0\0", 4);
	expect(1, "record 50 at byte 1200 has dimension 4, the first has 5", "import",
	       place_path("z"), "b.fvecs");
	expect(1, "no such file", "stat", place_path("z"));
	expect_stat(place_path("a"), "\"rows\": 100");
}

static void a_bad_record_behind_good_batches_is_told_with_what_is_in(void **state)
{
	place_make(64);
	write_fvecs("a.fvecs", 2 * BATCH + 10, 128, 1);
	damage("a.fvecs", (2 * BATCH + 3) * 516ul + 4 + 4 * 5, "\0\0\x80\x7f", 4);
	expect(3, "record 16387, element 5 at byte 8455716: a value that is infinite", "import",
	       place_path("a"), "a.fvecs");
	assert_non_null(strstr(command_err, "16,384 rows are in, ids 0 to 16383"));
	assert_non_null(strstr(command_err, " 0-16383"));
	assert_string_equal(command_out, "");
	expect_stat(place_path("a"), "\"rows\": 16384");
}

static void a_full_filesystem_keeps_what_was_told(void **state)
{
	unsigned long rows;
	char *told;

	place_make(10);
	write_fvecs("a.fvecs", 4 * BATCH, 128, 1);
	expect(3, "is full; delete files", "import",
	       place_path("a"), "a.fvecs");
	told = strstr(command_err, " rows are in");
	assert_non_null(told);
	rows = strstr(command_err, "8,192") ? BATCH : strstr(command_err, "16,384") ? 2 * BATCH : 0;
	assert_true(rows);
	expect(0, "", "search", "-q", place_path("a"), "--row", "8191");
	expect(0, "", "delete", place_path("a"), "0-8191");
}

static void an_interrupted_import_tells_how_many_rows_are_in(void **state)
{
	const char *args[] = { "import", "--format", "fvecs", place_path("a"), "-", NULL };
	static char part[1 << 16];
	size_t left = (BATCH + 100) * 516ul;
	FILE *f;
	pid_t pid;
	int in;

	place_make(64);
	write_fvecs("a.fvecs", BATCH + 100, 128, 1);
	f = fopen("a.fvecs", "rb");
	pid = command_start(&in, args);
	while (left) {
		size_t n = fread(part, 1, sizeof(part), f);

		for (size_t at = 0; at < n;) {
			ssize_t put = write(in, part + at, n - at);

			assert_true(put > 0);
			at += put;
		}
		left -= n;
	}
	fclose(f);
	/* The pipe is empty: all that was sent is read, so the first batch is in. */
	for (int n = 1; n; usleep(10000))
		assert_int_equal(ioctl(in, FIONREAD, &n), 0);
	usleep(100000);
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(command_wait(pid), 128 + SIGINT);
	close(in);
	assert_non_null(strstr(command_err, "8,192 rows are in, ids 0 to 8191"));
	expect_stat(place_path("a"), "\"rows\": 8192");
}

static void make_tree(void)
{
	static const char *const texts[][2] = {
		{ "tree/locks", "pthread_mutex_lock and pthread_mutex_unlock guard a thread" },
		{ "tree/net/sockets", "socket, bind, listen, accept: network addresses and ports" },
		{ "tree/zip", "compress and decompress with deflate" },
		{ "tree/odd\nname", "a name with a line feed" },
	};

	mkdir("tree", 0755);
	mkdir("tree/net", 0755);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		write_file(texts[i][0], texts[i][1], strlen(texts[i][1]));
	write_file("tree/binary", "\x7f" "ELF\0\0", 6);
}

static void texts_are_found_by_words(void **state)
{
	place_make(16);
	make_tree();
	expect(0, "", "import", "--text", place_path("t"), "tree");
	expect_out(": 4 rows in, ids 0 to 3, ");
	expect_out("from 4 files, 0.0 MB of text; left out: 1 not text, 0 empty, 0 unreadable");
	expect_stat(place_path("t"), "\"metric\": \"cosine\"");
	expect_out("\"dim\": 256");
	expect_out("\"names\": 4");
	expect(0, "", "search", place_path("t"), "-k", "1", "--text", "Unlock a Mutex", "--text",
	       "network address", "--text", "compression");
	expect_out("nearest to \"Unlock a Mutex\"\n  rank      distance          id  name\n");
	expect_out("           0  tree/locks\n");
	expect_out("           1  tree/net/sockets\n");
	expect_out("           3  tree/zip\n");
	/* A name cannot play tricks with the terminal. */
	expect(0, "", "search", place_path("t"), "-k", "1", "--text", "line feed name");
	expect_out("           2  tree/odd\\x0aname\n");
	expect(0, "", "search", "--json", place_path("t"), "-k", "1", "--row", "2");
	expect_out("\"name\": \"tree/odd\\u000aname\"");
	expect(0, "", "get", "--json", place_path("t"), "1");
	expect_out("\"name\": \"tree/net/sockets\"");
}

static void names_stay_with_their_rows(void **state)
{
	place_make(16);
	make_tree();
	expect(0, "", "import", "-q", "--text", "--dim", "4", place_path("t"), "tree/locks");
	/* Rows without names come between. */
	write_fvecs("a.fvecs", 10, 4, 1);
	expect(0, "", "import", "-q", place_path("t"), "a.fvecs");
	expect(0, "", "import", "-q", "--text", place_path("t"), "tree/zip");
	expect(0, "", "search", place_path("t"), "--json", "-k", "1", "--row", "0");
	expect_out("\"name\": \"tree/locks\"");
	expect(0, "", "search", place_path("t"), "--json", "-k", "1", "--row", "11");
	expect_out("\"name\": \"tree/zip\"");
	expect(0, "", "search", place_path("t"), "--json", "-k", "1", "--row", "5");
	assert_null(strstr(command_out, "name"));
	expect_stat(place_path("t"), "\"names\": 12");
}

static void names_of_another_collection_are_refused(void **state)
{
	place_make(16);
	make_tree();
	/* t's names file is a collection's file already: x.names of "x". */
	expect(0, "", "import", "-q", "--text", "--dim", "4", place_path("x"), "tree");
	expect(0, "", "create", place_path("x.names.names"), "--dim", "4");
	expect(1, "x.names: not a collection", "import", "--text", place_path("x.names"), "tree");
	expect(0, "", "create", place_path("y.names"), "--dim", "4");
	expect(1, "its .names file: a collection cannot be written as a file", "import", "--text",
	       place_path("y"), "tree/locks");
	expect(1, "no such file", "stat", place_path("y"));
}

static void nothing_to_import_is_told(void **state)
{
	place_make(16);
	mkdir("none", 0755);
	write_file("none.csv", "# nothing\n", 10);
	expect(1, "none: no regular file there", "import", "--text", place_path("t"), "none");
	expect(1, "nowhere: No such file", "import", "--text", place_path("t"), "nowhere");
	expect(1, "none.csv: holds no row", "import", place_path("t"), "none.csv");
	expect(1, "no such file", "stat", place_path("t"));
}

static void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

static void metadata_go_in_with_their_rows(void **state)
{
	FILE *f;

	place_make(64);
	write_fvecs("a.fvecs", 4, 4, 1);
	write_text("a.meta", "lang=de year=2021\n\n\ttitle=\"two words\"  score=1.5 \r\nlang=en");
	expect(0, "", "import", "--meta", "a.meta", place_path("a"), "a.fvecs");
	expect(0, "", "meta", "get", place_path("a"), "0-3");
	assert_string_equal(command_out, "0\tlang=\"de\"  year=2021\n1\t\n"
					 "2\tscore=1.5  title=\"two words\"\n3\tlang=\"en\"\n");
	/* More rows than one call of the filesystem takes metadata for, from two sources. */
	write_fvecs("b.fvecs", 5000, 4, 1);
	f = fopen("b.meta", "w");
	for (unsigned int i = 0; i < 10000; i++)
		fprintf(f, "n=%u\n", i);
	fclose(f);
	expect(0, "", "import", "-q", "--meta", "b.meta", place_path("a"), "b.fvecs", "b.fvecs");
	expect(0, "", "meta", "filter", place_path("a"), "n == 4095 or n == 4096 or n == 9999");
	assert_string_equal(command_out, "4099\n4100\n10003\n");
	/* The first rows get the first lines. */
	expect(0, "", "import", "-q", "--limit", "2", "--meta", "b.meta", place_path("c"), "b.fvecs");
	expect(0, "", "meta", "get", place_path("c"), "0-1");
	assert_string_equal(command_out, "0\tn=0\n1\tn=1\n");
}

static void metadata_that_are_wrong_change_nothing(void **state)
{
	place_make(64);
	write_fvecs("a.fvecs", 3, 4, 1);
	expect(1, "none.meta: No such file", "import", "--meta", "none.meta", place_path("a"),
	       "a.fvecs");
	write_text("a.meta", "a=1\na=1 2b=2\na=3\n");
	expect(1, "a.meta: line 2: '2b=2' is no KEY=VALUE", "import", "--meta", "a.meta",
	       place_path("a"), "a.fvecs");
	write_text("a.meta", "a=1\n\na=1 b=\"x y\n");
	expect(1, "a.meta: line 3: 'b=\"x': the string has no closing quote", "import", "--meta",
	       "a.meta", place_path("a"), "a.fvecs");
	write_text("a.meta", "a=1\na=1 a=2\n");
	expect(1, "a.meta: line 2: the key 'a' is given twice", "import", "--meta", "a.meta",
	       place_path("a"), "a.fvecs");
	write_file("a.meta", "a=1\0\n", 5);
	expect(1, "a.meta: line 1: holds a NUL", "import", "--meta", "a.meta", place_path("a"),
	       "a.fvecs");
	write_text("a.meta", "a=1\na=2\n");
	expect(1, "a.meta: ends after line 2, before the rows do", "import", "--meta", "a.meta",
	       place_path("a"), "a.fvecs");
	expect(1, "no such file", "stat", place_path("a"));
	expect(2, "--meta does not go with --text", "import", "--text", "--meta", "a.meta",
	       place_path("a"), ".");
	/* Lines without rows are told, with what is in. */
	write_text("a.meta", "a=1\na=2\na=3\na=4\n");
	expect(3, "a.meta: line 4: there are more lines than rows", "import", "--meta", "a.meta",
	       place_path("a"), "a.fvecs");
	assert_non_null(strstr(command_err, "3 rows are in, ids 0 to 2"));
}

static int end(void **state)
{
	place_end();
	return test_leave(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(import_makes_the_collection_and_appends),
		cmocka_unit_test(an_import_that_does_not_fit_changes_nothing),
		cmocka_unit_test(a_bad_record_behind_good_batches_is_told_with_what_is_in),
		cmocka_unit_test(a_full_filesystem_keeps_what_was_told),
		cmocka_unit_test(an_interrupted_import_tells_how_many_rows_are_in),
		cmocka_unit_test(texts_are_found_by_words),
		cmocka_unit_test(names_stay_with_their_rows),
		cmocka_unit_test(names_of_another_collection_are_refused),
		cmocka_unit_test(nothing_to_import_is_told),
		cmocka_unit_test(metadata_go_in_with_their_rows),
		cmocka_unit_test(metadata_that_are_wrong_change_nothing),
	};

	return cmocka_run_group_tests(tests, test_enter, end);
}
