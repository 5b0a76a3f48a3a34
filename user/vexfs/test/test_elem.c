// SPDX-License-Identifier: GPL-2.0-only
/* Collections of f16, i8 and b1 by the command: what goes in, what comes out, what is refused. */
#include <string.h>

#include "command.h"

/* A .npy file of @rows rows of @dim elements of type @descr. */
static void write_npy(const char *name, const char *descr, uint32_t rows, uint32_t dim,
		      const void *data, size_t len)
{
	static unsigned char file[4096];
	size_t header = 128;

	assert_true(header + len <= sizeof(file));
	memset(file, ' ', header);
	memcpy(file, "\x93NUMPY\1\0\x76\0", 10);
	snprintf((char *)file + 10, header - 10, "{'descr': '%s', 'fortran_order': False, "
		 "'shape': (%u, %u), }", descr, rows, dim);
	file[strlen((char *)file + 10) + 10] = ' ';
	file[header - 1] = '\n';
	memcpy(file + header, data, len);
	write_file(name, file, header + len);
}

#define GOT(text, ...) do {							\
	expect(0, "", "get", __VA_ARGS__);					\
	assert_string_equal(command_out, text);					\
} while (0)

static void f16_takes_the_nearest_numbers_that_it_has(void **state)
{
	static const _Float16 half[] = { 1, -0.5f, 65504, 0x1p-24f, 0, -2, 3, 4 };

	place_make(64);
	write_npy("h.npy", "<f2", 2, 4, half, sizeof(half));
	expect(0, "", "import", "-q", "--elem", "f16", place_path("h"), "h.npy");
	GOT("0\t1,-0.5,65504,5.96046448e-08\n1\t0,-2,3,4\n", place_path("h"), "0-1");
	/* 2049 lies between 2048 and 2050, and 2051 between 2050 and 2052: the even one. */
	expect(0, "", "insert", "-q", place_path("h"), "0.1,2049,2051,65519");
	GOT("2\t0.0999755859,2048,2052,65504\n", place_path("h"), "2");
	expect(1, "row 1, element 3: 65520 is beyond the range of f16", "insert",
	       place_path("h"), "1,2,3,4", "1,2,3,65520");
	expect(1, "row 0 of those given holds NaN", "insert", place_path("h"), "1,2,nan,4");
	expect(0, "", "stat", place_path("h"));
	expect_out("4 x f16, 8 bytes");
	expect_out("3 live");
	expect(0, "", "search", place_path("h"), "--row", "1", "-k", "1", "--json");
	expect_out("\"id\": 1");
	write_file("q.csv", "100000,1,2,3\n", 13);
	expect(1, "query 0, element 0: 100000 is beyond", "search", place_path("h"), "--query",
	       "q.csv");
}

static void i8_takes_integers_and_with_shift_unsigned_bytes(void **state)
{
	static const signed char i8[] = { -128, 127, 0, 5, 6, 7 };
	static const unsigned char u8[] = { 0, 255, 128, 1, 2, 3 };

	place_make(64);
	write_npy("i.npy", "|i1", 2, 3, i8, sizeof(i8));
	write_npy("u.npy", "|u1", 2, 3, u8, sizeof(u8));
	expect(0, "", "import", "-q", "--elem", "i8", place_path("i"), "i.npy");
	GOT("0\t-128,127,0\n1\t5,6,7\n", place_path("i"), "0-1");
	expect(1, "record 0, element 1: 255 is no integer from -128 to 127", "import",
	       place_path("i"), "u.npy");
	expect(0, "", "import", "-q", "--convert", "shift", place_path("i"), "u.npy");
	GOT("2\t-128,127,0\n3\t-127,-126,-125\n", place_path("i"), "2-3");
	expect(1, "element 0: 0.5 is no integer", "insert", place_path("i"), "0.5,1,2");
	expect(1, "element 1: 128 is no integer", "update", place_path("i"), "0", "1,128,2");
	expect(0, "", "update", place_path("i"), "0", "--convert", "shift", "1,128,2");
	GOT("0\t-127,0,-126\n", place_path("i"), "0");
	expect(0, "", "search", place_path("i"), "--query", "u.npy", "--convert", "shift",
	       "--limit", "1", "-k", "1", "--json");
	expect_out("\"id\": 2");
	expect(2, "--convert sign is for elements of type b1", "insert", "--convert", "sign",
	       place_path("i"), "1,2,3");
	expect(2, "--convert 'half' is none of", "insert", "--convert", "half", place_path("i"),
	       "1,2,3");
	expect(1, "has elements of type i8, not f32", "import", "--elem", "f32", place_path("i"),
	       "i.npy");
}

static void b1_takes_bits_signs_and_bytes_of_bits(void **state)
{
	static const unsigned char bits[] = { 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1 };
	static const unsigned char bytes[] = { 0x81, 0x03, 0xff, 0x07 };

	place_make(64);
	write_npy("b.npy", "|b1", 1, 12, bits, sizeof(bits));
	write_npy("u.npy", "|u1", 2, 2, bytes, sizeof(bytes));
	expect(0, "", "import", "-q", "--elem", "b1", place_path("b"), "b.npy");
	GOT("0\t1,0,0,1,1,1,0,0,0,1,0,1\n", place_path("b"), "0");
	expect(0, "", "stat", place_path("b"));
	expect_out("12 x b1, 2 bytes");
	expect_out("hamming");
	expect(0, "", "import", "-q", "--convert", "bits", place_path("b"), "u.npy");
	GOT("1\t1,0,0,0,0,0,0,1,1,1,0,0\n2\t1,1,1,1,1,1,1,1,1,1,1,0\n", place_path("b"), "1-2");
	expect(1, "row 0 of those given has a bit behind its last element", "insert", "--convert",
	       "bits", place_path("b"), "1,16");
	expect(1, "element 0: 256 is no byte", "insert", "--convert", "bits", place_path("b"),
	       "256,1");
	expect(1, "element 1: 2 is neither 0 nor 1", "insert", place_path("b"),
	       "0,2,0,0,0,0,0,0,0,0,0,0");
	expect(0, "", "insert", "-q", "--convert", "sign", place_path("b"), "--",
	       "-1,2,0,.5,0,0,0,0,0,0,0,-0");
	GOT("3\t0,1,0,1,0,0,0,0,0,0,0,0\n", place_path("b"), "3");
	expect(0, "", "search", place_path("b"), "--query", "u.npy", "--convert", "bits", "--limit",
	       "1", "-k", "1", "--json");
	expect_out("\"id\": 1");
	expect(2, "--index lsh does not go with --elem b1", "create", "--dim", "64", "--elem", "b1",
	       "--index", "lsh", place_path("z"));
	/* Of a new collection the dimension is what the bytes hold. */
	expect(0, "", "import", "-q", "--elem", "b1", "--index", "hnsw", "--convert", "bits",
	       place_path("p"), "u.npy");
	expect(0, "", "stat", place_path("p"));
	expect_out("16 x b1, 2 bytes");
	expect_out("code b1");
}

static int end(void **state)
{
	place_end();
	return test_leave(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(f16_takes_the_nearest_numbers_that_it_has),
		cmocka_unit_test(i8_takes_integers_and_with_shift_unsigned_bytes),
		cmocka_unit_test(b1_takes_bits_signs_and_bytes_of_bits),
	};

	return cmocka_run_group_tests(tests, test_enter, end);
}
