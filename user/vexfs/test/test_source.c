// SPDX-License-Identifier: GPL-2.0-only
/* Files of vectors: what is read, and how each kind of wrong file is refused. */
#include <math.h>
#include <sys/stat.h>

#include "test.h"
#include "../source.h"

/* A file being put together. */
static struct {
	unsigned char bytes[1 << 20];
	size_t len;
} file;

static void put(const void *data, size_t len)
{
	assert_true(file.len + len <= sizeof(file.bytes));
	memcpy(file.bytes + file.len, data, len);
	file.len += len;
}

static void put_int(int32_t v)
{
	put(&v, sizeof(v));
}

static void put_float(float v)
{
	put(&v, sizeof(v));
}

static void put_fvec(int32_t dim, float first)
{
	put_int(dim);
	for (int32_t i = 0; i < dim; i++)
		put_float(first + i);
}

/* Write what was put together and begin anew. */
static void save(const char *name)
{
	write_file(name, file.bytes, file.len);
	file.len = 0;
}

/* Read all of @name, @max rows at a time; the file must be refused with @words in the message. */
static void refused_by(const char *name, uint32_t max, const char *words)
{
	static float rows[1 << 18];
	struct source s;
	uint32_t got = 1;
	int err = source_open(&s, name, NULL);

	if (!err) {
		while (!err && got)
			err = source_read(&s, rows, max, &got);
		source_close(&s);
	}
	if (!err)
		fail_msg("%s was not refused", name);
	if (!strstr(s.error, words))
		fail_msg("%s: '%s' does not say '%s'", name, s.error, words);
}

static void refused(const char *name, const char *words)
{
	refused_by(name, 1, words);
	refused_by(name, 7, words);
}

/* Open @name and read all of it. */
static float *read_all(const char *name, uint32_t max, uint32_t *dim, uint64_t *count)
{
	float *rows = malloc(1 << 20);
	struct source s;
	uint32_t got = 1;

	assert_int_equal(source_open(&s, name, NULL), 0);
	*dim = s.dim;
	*count = 0;
	while (got) {
		if (source_read(&s, rows + *count * s.dim, max, &got))
			fail_msg("%s: %s", name, s.error);
		*count += got;
	}
	source_close(&s);
	return rows;
}

static void fvecs_rows_are_read_as_they_stand(void **state)
{
	uint64_t count;
	uint32_t dim;

	for (int r = 0; r < 10; r++)
		put_fvec(3, 10 * r);
	save("a.fvecs");
	for (uint32_t max = 1; max <= 11; max += 5) {
		float *rows = read_all("a.fvecs", max, &dim, &count);

		assert_int_equal(dim, 3);
		assert_int_equal(count, 10);
		for (int i = 0; i < 30; i++)
			assert_true(rows[i] == 10 * (i / 3) + i % 3);
		free(rows);
	}
}

static void fvecs_of_wrong_lengths_are_refused(void **state)
{
	save("empty.fvecs");
	refused("empty.fvecs", "is empty");
	put("ab", 2);
	save("a.fvecs");
	refused("a.fvecs", "truncated");
	put_fvec(4, 0);
	put_fvec(4, 1);
	file.len -= 3;
	save("a.fvecs");
	refused("a.fvecs", "record 1 at byte 20 is truncated");
	put_fvec(4, 0);
	put_int(4);
	save("a.fvecs");
	refused("a.fvecs", "record 1 at byte 20 is truncated");
	put_int(4);
	save("a.fvecs");
	refused("a.fvecs", "record 0 at byte 0 is truncated");
}

static void fvecs_of_wrong_dimensions_are_refused(void **state)
{
	static const int32_t dims[] = { 0, -1, INT32_MIN, 65536, INT32_MAX };

	for (size_t i = 0; i < sizeof(dims) / sizeof(*dims); i++) {
		put_int(dims[i]);
		put_float(1);
		save("a.fvecs");
		refused("a.fvecs", "is not between 1 and 65535");
	}
	put_fvec(3, 0);
	put_int(2);
	put("123456789012", 12);
	save("a.fvecs");
	refused("a.fvecs", "record 1 at byte 16 has dimension 2, the first has 3");
}

static void values_that_are_not_finite_are_refused_with_their_place(void **state)
{
	put_fvec(3, 0);
	put_int(3);
	put_float(0);
	put_float(NAN);
	put_float(0);
	save("a.fvecs");
	refused("a.fvecs", "record 1, element 1 at byte 24: not a number");
	put_int(1);
	put_float(-INFINITY);
	save("a.fvecs");
	refused("a.fvecs", "record 0, element 0 at byte 4: a value that is infinite");
}

/* What the length of a regular file tells at once shows in a pipe at its end. */
static void truncation_is_seen_in_pipes(void **state)
{
	struct source s;
	float row[3];
	uint32_t got;
	int fds[2];

	put_fvec(3, 0);
	put_fvec(3, 1);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], file.bytes, 26), 26);
	file.len = 0;
	close(fds[1]);
	assert_true(dup2(fds[0], STDIN_FILENO) >= 0);
	close(fds[0]);
	assert_int_equal(source_open(&s, "-", "fvecs"), 0);
	assert_int_equal(source_read(&s, row, 1, &got), 0);
	assert_int_equal(got, 1);
	assert_int_equal(source_read(&s, row, 1, &got), -1);
	assert_non_null(strstr(s.error, "truncated: a record at byte 20 needs 12 bytes and has 6"));
	source_close(&s);
}

static void bvecs_become_floats(void **state)
{
	unsigned char row[256];
	uint64_t count;
	uint32_t dim;
	float *rows;

	for (int r = 0; r < 3; r++) {
		for (int i = 0; i < 256; i++)
			row[i] = i + r;
		put_int(256);
		put(row, 256);
	}
	save("a.bvecs");
	rows = read_all("a.bvecs", 2, &dim, &count);
	assert_int_equal(dim, 256);
	assert_int_equal(count, 3);
	for (int i = 0; i < 3 * 256; i++)
		assert_true(rows[i] == (unsigned char)(i % 256 + i / 256));
	free(rows);
	put_int(8);
	put("1234567", 7);
	save("a.bvecs");
	refused("a.bvecs", "record 0 at byte 0 is truncated");
}

static void ivecs_are_loaded_whole(void **state)
{
	struct source s;
	uint32_t *ids, k;
	uint64_t n;

	for (int r = 0; r < 1000; r++) {
		put_int(2);
		put_int(r);
		put_int(-1 - r);
	}
	save("a.ivecs");
	assert_int_equal(source_load_ids(&s, "a.ivecs", &ids, &n, &k), 0);
	assert_int_equal(n, 1000);
	assert_int_equal(k, 2);
	for (uint32_t r = 0; r < 1000; r++) {
		assert_int_equal(ids[2 * r], r);
		assert_int_equal(ids[2 * r + 1], UINT32_MAX - r);
	}
	free(ids);
	put_int(2);
	save("a.ivecs");
	assert_int_equal(source_load_ids(&s, "a.ivecs", &ids, &n, &k), -1);
	assert_int_equal(source_load_ids(&s, "none.ivecs", &ids, &n, &k), -1);
}

/* A .npy file: version, header text, then @len bytes of @data. */
static void npy(const char *name, int version, const char *header, const void *data, size_t len)
{
	uint32_t header_len = strlen(header);

	put("\x93NUMPY", 6);
	file.bytes[file.len++] = version;
	file.bytes[file.len++] = 0;
	put(&header_len, version == 1 ? 2 : 4);
	put(header, header_len);
	put(data, len);
	save(name);
}

#define HEADER(descr, order, shape)	\
	"{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }   \n"

static void npy_of_each_kind_is_read(void **state)
{
	static const float f4[] = { 0.5f, -1, 2, 3, 4, 5 };
	static const double f8[] = { 0.1, -1e300 * 0, 1e-60, 3, 4, 5 };
	static const char *const headers[] = {
		HEADER("<f4", "False", "(2, 3)"),
		"{ \"shape\":(2,3) , \"descr\" : \"<f4\",\"fortran_order\":False}",
		HEADER("<f4", "False", "(2, 3,)"),
	};
	uint64_t count;
	uint32_t dim;
	float *rows;

	for (int version = 1; version <= 3; version++) {
		npy("a.npy", version, headers[version - 1], f4, sizeof(f4));
		rows = read_all("a.npy", version, &dim, &count);
		assert_int_equal(dim, 3);
		assert_int_equal(count, 2);
		assert_memory_equal(rows, f4, sizeof(f4));
		free(rows);
	}
	npy("a.npy", 1, HEADER("<f8", "False", "(3, 2)"), f8, sizeof(f8));
	rows = read_all("a.npy", 2, &dim, &count);
	assert_int_equal(dim, 2);
	for (int i = 0; i < 6; i++)
		assert_true(rows[i] == (float)f8[i]);
	free(rows);
	npy("a.npy", 1, HEADER("|u1", "False", "(5,)"), "\x00\x01\x7f\x80\xff", 5);
	rows = read_all("a.npy", 2, &dim, &count);
	assert_int_equal(dim, 5);
	assert_int_equal(count, 1);
	assert_true(rows[3] == 128 && rows[4] == 255);
	free(rows);
	npy("a.npy", 1, HEADER("<f4", "False", "(0, 3)"), "", 0);
	rows = read_all("a.npy", 2, &dim, &count);
	assert_int_equal(count, 0);
	free(rows);
}

static void npy_that_is_not_read_is_refused(void **state)
{
	static const float f4[] = { 0, 1, 2, 3, 4, 5 };
	static const struct {
		const char *header;
		const char *words;
	} bad[] = {
		{ HEADER("<f4", "True", "(2, 3)"), "Fortran order" },
		{ HEADER(">f4", "False", "(2, 3)"), "element type '>f4' is not read" },
		{ HEADER("<i4", "False", "(2, 3)"), "element type '<i4' is not read" },
		{ HEADER("|O", "False", "(2, 3)"), "element type '|O' is not read" },
		{ HEADER("<f4", "False", "(1, 2, 3)"), "has 3 axes" },
		{ HEADER("<f4", "False", "()"), "has 0 axes" },
		{ HEADER("<f4", "False", "(6, 0)"), "is not between 1 and 65535" },
		{ HEADER("<f4", "False", "(1, 65536)"), "is not between 1 and 65535" },
		{ HEADER("<f4", "False", "(2, 4)"), "needs 32 bytes after the header" },
		{ HEADER("<f4", "False", "(2, 2)"), "needs 16 bytes after the header" },
		{ HEADER("<f4", "False", "(9223372036854775807, 3)"), "too large for any file" },
		{ HEADER("<f4", "False", "(99999999999999999999, 3)"), "not a tuple of lengths" },
		{ HEADER("<f4", "False", "(-2, 3)"), "not a tuple of lengths" },
		{ HEADER("<f4", "False", "[2, 3]"), "not a tuple of lengths" },
		{ HEADER("<f4", "Maybe", "(2, 3)"), "neither True nor False" },
		{ HEADER("<f4", "False", "(2, 3)") "x", "goes on after its end" },
		{ "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
		  "not a simple one" },
		{ "{'descr': '<f4', 'fortran_order': False}", "lacks" },
		{ "{'fortran_order': False, 'shape': (2, 3)}", "lacks" },
		{ "{'descr': '<f4', 'shape': (2, 3)}", "lacks" },
		{ "{'color': 'red', }", "unknown key" },
		{ "{'descr': '<f4", "not a simple one" },
		{ "{'descr'", "no key" },
		{ "{", "no key" },
		{ "{'descr': '<f4' 'shape': (2, 3)}", "does not end" },
		{ "", "does not begin with '{'" },
		{ "[1, 2]", "does not begin with '{'" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		npy("a.npy", 1, bad[i].header, f4, sizeof(f4));
		refused("a.npy", bad[i].words);
	}
}

static void npy_of_wrong_bytes_is_refused(void **state)
{
	static const double huge[] = { 0, 1e39 };
	static const double nan_row[] = { 0, NAN };
	uint32_t len = 1u << 31;

	npy("a.npy", 1, HEADER("<f8", "False", "(1, 2)"), huge, sizeof(huge));
	refused("a.npy", "element 1 at byte 81: a value that is infinite in binary32");
	npy("a.npy", 1, HEADER("<f8", "False", "(1, 2)"), nan_row, sizeof(nan_row));
	refused("a.npy", "not a number");
	npy("a.npy", 4, HEADER("<f4", "False", "(1, 2)"), huge, 8);
	refused("a.npy", "version 4.0");
	npy("a.npy", 0, HEADER("<f4", "False", "(1, 2)"), huge, 8);
	refused("a.npy", "version 0.0");
	save("a.npy");
	refused("a.npy", "is not a .npy file");
	put("\x93NUMPX\x01\x00\x10\x00", 10);
	save("a.npy");
	refused("a.npy", "is not a .npy file");
	put("\x93NUMPY\x01\x00\x10\x00{", 11);
	save("a.npy");
	refused("a.npy", "truncated");
	put("\x93NUMPY\x02\x00\x10\x00", 10);
	save("a.npy");
	refused("a.npy", "truncated");
	put("\x93NUMPY\x02\x00", 8);
	put(&len, 4);
	save("a.npy");
	refused("a.npy", "says that it is 2147483648 bytes long");
	put("\x93NUMPY\x01\x00\x04\x00{\0}\n", 14);
	save("a.npy");
	refused("a.npy", "does not begin");
}

/* Any damage of a header gives rows or an error, never a crash. */
static void npy_headers_may_be_damaged_anyhow(void **state)
{
	static const float f4[] = { 0, 1, 2, 3, 4, 5 };
	static unsigned char good[256];
	uint32_t random = 1, got;
	size_t len;
	float row[64];

	npy("a.npy", 1, HEADER("<f4", "False", "(2, 3)"), f4, sizeof(f4));
	FILE *f = fopen("a.npy", "rb");

	len = fread(good, 1, sizeof(good), f);
	fclose(f);
	for (int i = 0; i < 5000; i++) {
		unsigned char bad[256];
		struct source s;

		memcpy(bad, good, len);
		for (int n = 0; n < 1 + i % 3; n++) {
			random = random * 1664525 + 1013904223;
			bad[(random >> 8) % len] = random >> 24;
		}
		write_file("b.npy", bad, i % 7 ? len : (random >> 8) % len);
		if (source_open(&s, "b.npy", NULL))
			continue;
		if (s.dim <= 64)
			(void)!source_read(&s, row, 1, &got);
		source_close(&s);
	}
}

static void csv_rows_are_read(void **state)
{
	static const char text[] = "x, y, z\n# a comment\n1,2.5,-3e2\n\n 4 ;5;\t6 \r\n7\t8  9";
	static const float expected[] = { 1, 2.5, -3e2, 4, 5, 6, 7, 8, 9 };
	uint64_t count;
	uint32_t dim;
	float *rows;

	write_file("a.csv", text, sizeof(text) - 1);
	for (uint32_t max = 1; max < 4; max++) {
		rows = read_all("a.csv", max, &dim, &count);
		assert_int_equal(dim, 3);
		assert_int_equal(count, 3);
		assert_memory_equal(rows, expected, sizeof(expected));
		free(rows);
	}
}

static void csv_that_is_wrong_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} bad[] = {
		{ "", "holds no row" },
		{ "# only\n\n", "holds no row" },
		{ "a,b\n", "holds no row" },
		{ "1,2\n3\n", "line 2 at byte 4 has 1 numbers, the first row has 2" },
		{ "1,2\n3,4,5\n", "line 2 at byte 4 has 3 numbers, the first row has 2" },
		{ "1,2\n3,x\n", "line 2, column 3 at byte 6: not a number" },
		{ "1,2\n3,,4\n", "line 2, column 3" },
		{ "1,2,\n", "line 1, column 5" },
		{ "1,2\n3 4a\n", "line 2, column 4" },
		{ "1,nan\n", "line 1 at byte 0, element 1: NaN" },
		{ "1,1e39\n", "element 1: NaN and what is infinite" },
	};
	size_t len = 0;
	char *line;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		write_file("a.csv", bad[i].text, strlen(bad[i].text));
		refused("a.csv", bad[i].words);
	}
	write_file("a.csv", "1,2\n3\0,4\n", 9);
	refused("a.csv", "holds a NUL");
	line = malloc(5 << 20);
	memset(line, ' ', 5 << 20);
	write_file("a.csv", line, 5 << 20);
	refused("a.csv", "longer than 4 MiB");
	while (len < 2 * 65536) {
		line[len++] = '1';
		line[len++] = ',';
	}
	write_file("a.csv", line, len);
	refused("a.csv", "more than 65535 numbers");
	free(line);
}

static void what_is_no_source_is_refused(void **state)
{
	struct source s;

	assert_int_equal(mkdir("d.fvecs", 0755), 0);
	refused("d.fvecs", "is a folder");
	refused("none.fvecs", "No such file");
	refused("a.txt", "does not end in one of fvecs, bvecs, npy, csv");
	refused("a.d/b", "does not end in one of");
	assert_int_equal(source_open(&s, "a.csv", "tsv"), -1);
	assert_non_null(strstr(s.error, "unknown format 'tsv'"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fvecs_rows_are_read_as_they_stand),
		cmocka_unit_test(fvecs_of_wrong_lengths_are_refused),
		cmocka_unit_test(fvecs_of_wrong_dimensions_are_refused),
		cmocka_unit_test(values_that_are_not_finite_are_refused_with_their_place),
		cmocka_unit_test(truncation_is_seen_in_pipes),
		cmocka_unit_test(bvecs_become_floats),
		cmocka_unit_test(ivecs_are_loaded_whole),
		cmocka_unit_test(npy_of_each_kind_is_read),
		cmocka_unit_test(npy_that_is_not_read_is_refused),
		cmocka_unit_test(npy_of_wrong_bytes_is_refused),
		cmocka_unit_test(npy_headers_may_be_damaged_anyhow),
		cmocka_unit_test(csv_rows_are_read),
		cmocka_unit_test(csv_that_is_wrong_is_refused_with_its_line),
		cmocka_unit_test(what_is_no_source_is_refused),
	};

	return cmocka_run_group_tests(tests, test_enter, test_leave);
}
