// SPDX-License-Identifier: GPL-2.0-only
/* The subcommands but import: what they print, and what they refuse. */
#include <fcntl.h>
#include <math.h>

#include "command.h"

#define ROWS	200u
#define DIM	5u
#define SEED	1u

/* A new filesystem with the collection "a" of ROWS rows. */
static void fresh(void)
{
	place_make(8);
	write_fvecs("a.fvecs", ROWS, DIM, SEED);
	expect(0, "", "import", "-q", place_path("a"), "a.fvecs");
}

static double l2(uint32_t a, uint32_t b)
{
	double sum = 0;

	for (uint32_t i = 0; i < DIM; i++) {
		double d = (double)fvecs_value(SEED, a, i) - fvecs_value(SEED, b, i);

		sum += d * d;
	}
	return sum;
}

/* The row nearest to @row but for itself. */
static uint32_t nearest(uint32_t row)
{
	uint32_t best = !row;

	for (uint32_t i = 0; i < ROWS; i++) {
		if (i != row && l2(i, row) < l2(best, row))
			best = i;
	}
	return best;
}

static void every_command_has_help_with_examples(void **state)
{
	static const char *const commands[] = {
		"create", "import", "search", "insert", "get", "delete", "stat", "caps", "bench",
		"update", "meta",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		expect(0, "", commands[i], "--help");
		expect_out("Usage: vexfs ");
		expect_out("Examples:");
		expect_out("Exit status:");
	}
	expect(0, "", "--help");
	expect_out("Examples:");
}

static void wrong_usage_is_status_2(void **state)
{
	const char *a = place_path("a"), *b = place_path("b");

	fresh();
	expect(2, "unknown command 'cook'", "cook");
	expect(2, "--dim is needed", "create", a);
	expect(2, "--dim '0' is not a number from 1 to 65535", "create", a, "--dim", "0");
	expect(2, "--dim '65536' is not", "create", a, "--dim", "65536");
	expect(2, "--metric 'manhattan' is none of", "create", a, "--dim", "2", "--metric",
	       "manhattan");
	expect(2, "--metric hamming does not go with --elem f32", "create", b, "--dim", "2",
	       "--metric", "hamming");
	expect(2, "--metric l2 does not go with --elem b1", "create", b, "--dim", "2",
	       "--metric", "l2", "--elem", "b1");
	expect(2, "--code b1 does not go with --elem i8", "create", b, "--dim", "2", "--elem", "i8",
	       "--index", "hnsw", "--code", "b1");
	expect(2, "--code sq4 does not go with --elem b1", "create", b, "--dim", "2", "--elem",
	       "b1", "--index", "hnsw", "--code", "sq4");
	expect(2, "exactly one FILE", "create", "--dim", "2");
	expect(2, "exactly one FILE", "create", "--dim", "2", a, a);
	expect(2, "unrecognized option '--dimm'", "create", "--dimm", "2", a);
	expect(2, "one of --query, --text and --row", "search", a);
	expect(2, "one of --query, --text and --row", "search", a, "--row", "1", "--text", "x");
	expect(2, "-k '0' is not a number from 1 to 4096", "search", a, "--row", "1", "-k", "0");
	expect(2, "-k '4097'", "search", a, "--row", "1", "-k", "4097");
	expect(2, "--radius: 'x' is no finite number", "search", a, "--row", "1", "--radius", "x");
	expect(2, "--radius: 'nan' is no", "search", a, "--row", "1", "--radius", "nan");
	expect(2, "--radius: '1e99' is no", "search", a, "--row", "1", "--radius", "1e99");
	expect(2, "--radius and --groundtruth", "search", a, "--row", "1", "--radius", "1",
	       "--groundtruth", "x");
	expect(2, "no word to look for", "search", a, "--text", " ");
	expect(2, "is not UTF-8", "search", a, "--text", "\xff");
	expect(2, "neither a row id nor a range", "get", a, "x");
	expect(2, "neither a row id nor a range", "get", a, "5-4");
	expect(2, "neither a row id nor a range", "get", a, "99999999999999999999");
	expect(2, "more than 1048576 ids", "get", a, "0-1048576");
	expect(2, "at least one ID", "get", a);
	expect(2, "row 3 is named twice", "delete", a, "3", "2-4");
	expect(2, "either ROWs or --from", "insert", a);
	expect(2, "at least one SOURCE", "import", a);
	expect(2, "--sample goes with --text", "import", a, "a.fvecs", "--sample", "3");
	expect(2, "none of scalar, avx2", "--isa", "mmx", "stat", a);
}

static void create_makes_an_empty_collection(void **state)
{
	place_make(8);
	expect(0, "", "create", place_path("c"), "--dim", "7", "--metric", "cosine");
	expect(0, "", "stat", "--json", place_path("c"));
	expect_out("\"metric\": \"cosine\"");
	expect_out("\"dim\": 7");
	expect_out("\"rows\": 0");
	expect(1, "exists already", "create", place_path("c"), "--dim", "7");
	expect(1, "the folder of the file does not exist", "create", place_path("x/c"), "--dim",
	       "7");
	expect(1, "no such file", "stat", place_path("none"));
	expect(1, "a folder; name a file", "stat", place_path(""));
	expect(0, "", "search", place_path("c"), "--query", "-", "--format", "csv", "--help");
}

static void search_finds_the_nearest_rows(void **state)
{
	char words[128];

	fresh();
	for (uint32_t row = 0; row < ROWS; row += 37) {
		char id[16];
		float distance = l2(row, nearest(row));

		snprintf(id, sizeof(id), "%u", row);
		expect(0, "", "search", "--json", place_path("a"), "--row", id, "-k", "2");
		snprintf(words, sizeof(words), "{\"id\": %u, \"distance\": 0, \"distance_bits\": "
			 "\"0x00000000\"}", row);
		expect_out(words);
		snprintf(words, sizeof(words), "{\"id\": %u, \"distance\": %.4g", nearest(row),
			 distance);
		/* The last digits are the kernel's own rounding. */
		words[strlen(words) - 1] = 0;
		expect_out(words);
	}
	expect_out("\"visited\": 200");
	expect(0, "", "search", place_path("a"), "--row", "3", "--radius", "0", "--json");
	expect_out("\"met\": 1");
	expect(0, "", "search", place_path("a"), "--row", "3", "--radius", "1e30", "-k", "1");
	expect_out("and more: 200 rows within 1e+30 were met");
	expect(0, "", "search", place_path("a"), "--row", "0-2", "-k", "1");
	expect_out("nearest to row 2\n  rank      distance          id\n"
		   "     1             0           2\n");
	expect(1, "there is no row 200: it was never inserted", "search", place_path("a"), "--row",
	       "200");
	assert_string_equal(command_out, "");
}

static void recall_is_the_share_of_true_neighbours(void **state)
{
	uint32_t record[3] = { 2 };
	FILE *f = fopen("gt.ivecs", "wb");

	fresh();
	/* Right for the even queries; half right for the odd ones. */
	for (uint32_t row = 0; row < ROWS; row++) {
		record[1] = nearest(row);
		record[2] = row % 2 ? ROWS + row : row;
		fwrite(record, sizeof(record), 1, f);
	}
	fclose(f);
	expect(0, "", "search", "-q", place_path("a"), "--query", "a.fvecs", "-k", "2",
	       "--groundtruth", "gt.ivecs", "--batch", "7");
	assert_string_equal(command_out, "recall@2 0.7500 over 200 queries\n");
	expect(0, "", "search", "-q", place_path("a"), "--query", "a.fvecs", "-k", "2",
	       "--groundtruth", "gt.ivecs", "--limit", "1", "--json");
	expect_out("\"recall\": 1");
	expect(1, "holds 2 neighbours of each query", "search", place_path("a"), "--query",
	       "a.fvecs", "-k", "3", "--groundtruth", "gt.ivecs");
	write_fvecs("b.fvecs", ROWS + 1, DIM, SEED);
	expect(1, "holds the neighbours of 200 queries", "search", place_path("a"), "--query",
	       "b.fvecs", "-k", "2", "--groundtruth", "gt.ivecs");
	expect(1, "holds ids of neighbours", "search", place_path("a"), "--query", "gt.ivecs");
	expect(0, "", "search", "-q", place_path("a"), "--query", "a.fvecs", "--repeat", "3");
	expect_out("600 searches in ");
}

static void wrong_queries_are_refused_and_nothing_is_printed(void **state)
{
	uint32_t nan_bits = 0x7fc00000;
	int fd;

	fresh();
	write_fvecs("q.fvecs", 100, DIM, 7);
	fd = open("q.fvecs", O_WRONLY);
	assert_int_equal(pwrite(fd, &nan_bits, 4, 80 * 24 + 8), 4);
	close(fd);
	expect(1, "q.fvecs: record 80, element 1 at byte 1928: not a number", "search",
	       place_path("a"), "--query", "q.fvecs");
	assert_string_equal(command_out, "");
	write_fvecs("q.fvecs", 3, DIM + 1, 7);
	expect(1, "queries have 6 elements, rows of", "search", place_path("a"), "--query",
	       "q.fvecs");
	expect(1, "No such file", "search", place_path("a"), "--query", "none.fvecs");
}

static void get_gives_rows_back_to_the_bit(void **state)
{
	static unsigned char before[ROWS * 24 + 1], after[ROWS * 24 + 1];
	char words[64];
	FILE *f;

	fresh();
	expect(0, "", "get", place_path("a"), "0-199", "--output", "b.fvecs");
	f = fopen("a.fvecs", "rb");
	assert_int_equal(fread(before, 1, sizeof(before), f), ROWS * 24);
	fclose(f);
	f = fopen("b.fvecs", "rb");
	assert_int_equal(fread(after, 1, sizeof(after), f), ROWS * 24);
	fclose(f);
	assert_memory_equal(before, after, sizeof(before));
	expect(0, "", "get", place_path("a"), "17");
	snprintf(words, sizeof(words), "17\t%.9g,%.9g,", fvecs_value(SEED, 17, 0),
		 fvecs_value(SEED, 17, 1));
	expect_out(words);
	expect(1, "there is no row 200", "get", place_path("a"), "0-200", "-o", "c.fvecs");
	assert_int_equal(access("c.fvecs", F_OK), -1);
	assert_int_equal(system("ls | grep -q c.fvecs"), 256);
}

static void insert_takes_all_rows_or_none(void **state)
{
	fresh();
	expect(0, "", "insert", place_path("a"), "1,2,3,4,5", "6 7 8 9 1e1");
	assert_string_equal(command_out, "200\n201\n");
	expect(0, "", "insert", place_path("a"), "--json", "--", "-1,2,3,4,5");
	expect_out("\"first_id\": 202");
	expect(2, "has 4 elements", "insert", place_path("a"), "1,2,3,4,5", "1,2,3,4");
	expect(2, "has more than 5 elements", "insert", place_path("a"), "1,2,3,4,5,6");
	expect(2, "not a number at character 3", "insert", place_path("a"), "1,x,3,4,5");
	expect(1, "row 1 of those given holds NaN", "insert", place_path("a"), "1,2,3,4,5",
	       "1,2,nan,4,5");
	expect(1, "row 0 of those given holds NaN or an infinity", "insert", place_path("a"),
	       "1,2,3,4,1e39");
	expect(0, "", "insert", place_path("a"), "--from", "a.fvecs", "-q");
	assert_string_equal(command_out, "");
	expect(0, "", "get", place_path("a"), "201", "202");
	assert_string_equal(command_out, "201\t6,7,8,9,10\n202\t-1,2,3,4,5\n");
	expect(0, "", "stat", "--json", place_path("a"));
	expect_out("\"rows\": 403");
}

static void delete_takes_all_rows_or_none(void **state)
{
	fresh();
	expect(1, "there is no row 200: it was never inserted; nothing was deleted", "delete",
	       place_path("a"), "3", "200");
	expect(0, "", "delete", place_path("a"), "3", "10-19");
	assert_string_equal(command_out, "");
	expect(1, "there is no row 3: it was deleted before; nothing was deleted", "delete",
	       place_path("a"), "3-5");
	expect(1, "there is no row 3: it was deleted", "get", place_path("a"), "3");
	expect(0, "", "get", place_path("a"), "4");
	expect(0, "", "search", place_path("a"), "--json", "--row", "4", "-k", "4096");
	assert_null(strstr(command_out, "{\"id\": 3,"));
	expect_out("{\"id\": 5,");
	expect_out("\"visited\": 189");
	expect(0, "", "stat", place_path("a"));
	expect_out("189 live, 11 deleted");
}

static void what_is_no_collection_is_refused(void **state)
{
	fresh();
	write_file("t.txt", "hello world", 11);
	expect(0, "", "import", "-q", "--text", place_path("t"), "t.txt");
	expect(1, "not a collection", "stat", place_path("t.names"));
	expect(1, "not a collection", "import", place_path("t.names"), "a.fvecs");
	expect(1, "not a collection", "insert", place_path("t.names"), "1");
}

static void output_that_cannot_be_written_fails(void **state)
{
	fresh();
	setenv("VEXFS_TEST_STDOUT", "/dev/full", 1);
	expect(1, "standard output: No space left", "search", place_path("a"), "--row", "1");
	expect(1, "standard output: No space left", "stat", place_path("a"));
	expect(1, "standard output: No space left", "stat", "--help");
	unsetenv("VEXFS_TEST_STDOUT");
	expect(1, "/nowhere/x.fvecs: No such file", "get", place_path("a"), "1", "-o",
	       "/nowhere/x.fvecs");
}

static void caps_and_bench_print_what_they_promise(void **state)
{
	place_make(8);
	expect(0, "", "caps", place_path(""));
	expect_out("max_dim      65,535");
	expect(0, "", "bench", place_path("b"), "--fill", "100", "--dim", "3", "--queries", "5");
	expect_out("search of 1 in 100 rows x 3: 5 times");
	expect(0, "", "bench", place_path("b"), "--op", "get", "--batch", "4", "--json");
	expect_out("\"cycles_median\": ");
	expect(0, "", "bench", place_path("b"), "--op", "insert", "--queries", "5");
	expect(0, "", "stat", "--json", place_path("b"));
	expect_out("\"rows\": 108");
	expect(2, "--fill needs --dim", "bench", place_path("c"), "--fill", "5");
	expect(2, "--dim needs --fill", "bench", place_path("b"), "--dim", "5");
	expect(2, "are for searches", "bench", place_path("b"), "--op", "get", "--recall");
	expect(2, "--csv and --json", "bench", place_path("b"), "--csv", "--json");
	expect(2, "at most 16 numbers", "bench", place_path("b"), "--ef",
	       "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17");
	expect(2, "--ef '65537'", "bench", place_path("b"), "--ef", "65537");
}

static void bench_sweeps_breadths_and_tells_recall(void **state)
{
	place_make(16);
	expect(0, "", "bench", place_path("g"), "--fill", "1500", "--dim", "8", "--index", "hnsw",
	       "--fill-batch", "500", "--queries", "20", "--ef", "10,1500", "--recall", "--csv");
	expect_out("search,hnsw,sq7,");
	expect_out("1.0000\n");
	/* Deleted rows keep their ids. */
	expect(0, "", "delete", place_path("g"), "100-199");
	expect(0, "", "bench", place_path("g"), "--queries", "20", "--ef", "1500", "--recall");
	expect_out(" 1.0000\n");
	expect(1, "No such file", "bench", place_path("n"), "--from", "nowhere.fvecs");
	expect(1, "no such file", "stat", place_path("n"));
}

static int end(void **state)
{
	place_end();
	return test_leave(state);
}

static void metadata_are_set_got_and_filtered(void **state)
{
	const char *a = place_path("a");

	fresh();
	expect(0, "", "meta", "set", a, "0-99", "lang=de", "year=2019");
	expect(0, "", "meta", "set", a, "50-149", "lang=en", "score=1.5", "--unset", "year");
	expect(0, "", "meta", "get", a, "0", "50", "199");
	expect_out("0\tlang=\"de\"  year=2019\n50\tlang=\"en\"  score=1.5\n199\t\n");
	expect(0, "", "meta", "get", "--json", a, "50");
	expect_out("{\"id\": 50, \"meta\": {\"lang\": \"en\", \"score\": 1.5}}");
	expect(0, "", "meta", "filter", a, "lang == 'en' or year = 2019.0 and not has score",
	       "--limit", "51");
	expect_out("0\n1\n2\n");
	expect_out("49\n50\n");
	if (strstr(command_out, "51\n"))
		fail_msg("more than the limit");
	expect(0, "", "meta", "filter", "--json", a, "score in (1, 1.5) and lang ^= 'e'");
	expect_out("\"ids\": [50, 51, 52");
	expect(0, "", "meta", "set", a, "3", "--replace");
	expect(0, "", "meta", "get", a, "3");
	expect_out("3\t\n");
	expect(0, "", "search", a, "--row", "120", "-k", "300", "--json", "--filter",
	       "lang == \"en\"");
	expect_out("\"visited\": 100");
	expect(0, "", "search", a, "--row", "120", "--filter", "year < 0");
	expect(2, "  year \n       ^\nvexfs search: --filter: one of", "search", a, "--row", "1", "--filter",
	       "year ");
	expect(2, "KEY=VALUE", "meta", "set", a, "1");
	expect(2, "at least one ID", "meta", "set", a, "x=1");
	expect(2, "named twice", "meta", "set", a, "1", "0-2", "x=1");
	expect(2, "none of set, get, filter", "meta", "put", a);
	expect(1, "there is no row 200: it was never inserted", "meta", "get", a, "200");
	expect(0, "", "delete", a, "7");
	expect(1, "there is no row 7: it was deleted", "meta", "set", a, "6", "7", "x=1");
	expect(0, "", "meta", "get", a, "6");
	expect_out("6\tlang=\"de\"  year=2019\n");
}

static void update_replaces_rows(void **state)
{
	const char *a = place_path("a");

	fresh();
	write_fvecs("new.fvecs", 3, DIM, 9);
	expect(0, "", "update", a, "5", "1,2,3,4,5", "--meta", "checked=1");
	expect(0, "", "get", a, "5");
	expect_out("5\t1,2,3,4,5\n");
	expect(0, "", "meta", "get", a, "5");
	expect_out("5\tchecked=1\n");
	expect(0, "", "update", a, "10-12", "--from", "new.fvecs");
	expect(0, "", "insert", a, "9,8,7,6,5", "--meta", "lang=fr");
	expect(0, "", "meta", "filter", a, "has lang or has checked");
	expect_out("5\n200\n");
	expect(1, "has 3 rows, and 4 ids", "update", a, "10-13", "--from", "new.fvecs");
	expect(1, "there is no row 201; nothing was changed", "update", a, "201", "1,2,3,4,5");
	expect(2, "has 2 elements", "update", a, "1", "1,2");
	expect(2, "at most 512 rows", "update", a, "0-512", "--from", "new.fvecs");
	expect(2, "one ROW is for one ID", "update", a, "1-2", "1,2,3,4,5");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_has_help_with_examples),
		cmocka_unit_test(wrong_usage_is_status_2),
		cmocka_unit_test(create_makes_an_empty_collection),
		cmocka_unit_test(search_finds_the_nearest_rows),
		cmocka_unit_test(recall_is_the_share_of_true_neighbours),
		cmocka_unit_test(wrong_queries_are_refused_and_nothing_is_printed),
		cmocka_unit_test(get_gives_rows_back_to_the_bit),
		cmocka_unit_test(insert_takes_all_rows_or_none),
		cmocka_unit_test(delete_takes_all_rows_or_none),
		cmocka_unit_test(what_is_no_collection_is_refused),
		cmocka_unit_test(output_that_cannot_be_written_fails),
		cmocka_unit_test(caps_and_bench_print_what_they_promise),
		cmocka_unit_test(bench_sweeps_breadths_and_tells_recall),
		cmocka_unit_test(metadata_are_set_got_and_filtered),
		cmocka_unit_test(update_replaces_rows),
	};

	return cmocka_run_group_tests(tests, test_enter, end);
}
