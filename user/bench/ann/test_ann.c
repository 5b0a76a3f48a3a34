// SPDX-License-Identifier: GPL-2.0-only
/* The benchmark's parts that could lie: reading files, making rows, counting, interpolating. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

#include "score.h"
#include "vecs.h"

/* ---- files ------------------------------------------------------------------------ */

static char dir[] = "/tmp/vexfs-test-ann-XXXXXX";

/* A file of these bytes; its name is valid until the next one is made. */
static const char *file_of(const char *end, const void *data, size_t len)
{
	static char path[sizeof(dir) + 32];
	FILE *f;

	snprintf(path, sizeof(path), "%s/rows.%s", dir, end);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	return path;
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const ends[] = { "fvecs", "bvecs", "ivecs", "txt" };
	char path[sizeof(dir) + 32];

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(path, sizeof(path), "%s/rows.%s", dir, ends[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* Two rows: 1, -2.5, 0 and 3, 4, 5. */
static const uint8_t floats[] = {
	3, 0, 0, 0,	0, 0, 0x80, 0x3f,	0, 0, 0x20, 0xc0,	0, 0, 0, 0,
	3, 0, 0, 0,	0, 0, 0x40, 0x40,	0, 0, 0x80, 0x40,	0, 0, 0xa0, 0x40,
};

/* Three rows of two. */
static const uint8_t bytes[] = { 2, 0, 0, 0, 0, 255,  2, 0, 0, 0, 7, 8,  2, 0, 0, 0, 128, 1 };

static const uint8_t ids[] = {
	2, 0, 0, 0,	7, 0, 0, 0,	0, 1, 0, 0,
	2, 0, 0, 0,	0xff, 0xff, 0xff, 0xff,	1, 0, 0, 0,
};

static void fvecs_are_read(void **state)
{
	static const float want[] = { 1, -2.5, 0, 3, 4, 5 };
	struct vecs_error e;
	struct vecs v;

	assert_int_equal(vecs_read(file_of("fvecs", floats, sizeof(floats)), 99, &v, &e), 0);
	assert_int_equal(v.rows, 2);
	assert_int_equal(v.dim, 3);
	assert_memory_equal(v.data, want, sizeof(want));
	vecs_free(&v);
}

static void bvecs_become_floats(void **state)
{
	static const float want[] = { 0, 255, 7, 8, 128, 1 };
	struct vecs_error e;
	struct vecs v;

	assert_int_equal(vecs_read(file_of("bvecs", bytes, sizeof(bytes)), 99, &v, &e), 0);
	assert_int_equal(v.rows, 3);
	assert_memory_equal(v.data, want, sizeof(want));
	vecs_free(&v);
}

static void ivecs_are_read(void **state)
{
	static const int32_t want[] = { 7, 256, -1, 1 };
	struct vecs_error e;
	struct vecs v;

	assert_int_equal(vecs_read_ids(file_of("ivecs", ids, sizeof(ids)), 99, &v, &e), 0);
	assert_int_equal(v.rows, 2);
	assert_int_equal(v.dim, 2);
	assert_memory_equal(v.ids, want, sizeof(want));
	vecs_free(&v);
}

static void no_more_rows_are_read_than_asked_for(void **state)
{
	struct vecs_error e;
	struct vecs v;

	assert_int_equal(vecs_read(file_of("bvecs", bytes, sizeof(bytes)), 2, &v, &e), 0);
	assert_int_equal(v.rows, 2);
	vecs_free(&v);
	/* What comes after them may be cut off. */
	assert_int_equal(vecs_read(file_of("bvecs", bytes, sizeof(bytes) - 1), 2, &v, &e), 0);
	assert_int_equal(v.rows, 2);
	vecs_free(&v);
}

static void refused(const char *path, const char *why)
{
	struct vecs_error e = { "" };
	struct vecs v;

	assert_int_equal(vecs_read(path, UINT64_MAX, &v, &e), -1);
	assert_int_equal(strncmp(e.text, path, strlen(path)), 0);
	assert_non_null(strstr(e.text, why));
	assert_null(v.data);
}

static void files_cut_anywhere_are_refused(void **state)
{
	size_t len;

	for (len = 0; len < sizeof(floats); len++)
		if (len != sizeof(floats) / 2)
			refused(file_of("fvecs", floats, len), len < 4 ? "no row" : "ends within");
	for (len = 4; len < sizeof(bytes); len++)
		if (len % 6)
			refused(file_of("bvecs", bytes, len), "ends within");
}

static void rows_of_unequal_lengths_are_refused(void **state)
{
	uint8_t other[sizeof(floats)];

	memcpy(other, floats, sizeof(floats));
	other[16] = 2;
	refused(file_of("fvecs", other, sizeof(other)), "row 1 has 2 elements and row 0 has 3");
	other[16] = 3;
	other[19] = 0x80;
	refused(file_of("fvecs", other, sizeof(other)), "row 1 has");
}

static void impossible_lengths_are_refused(void **state)
{
	static const uint8_t none[8], many[] = { 0, 0, 1, 0, 1, 2, 3, 4 };
	static const uint8_t negative[] = { 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4 };

	refused(file_of("fvecs", none, sizeof(none)), "has 0 elements");
	refused(file_of("fvecs", many, sizeof(many)), "has 65536 elements");
	refused(file_of("bvecs", negative, sizeof(negative)), "has -1 elements");
}

static void files_that_cannot_be_opened_are_named(void **state)
{
	refused(file_of("txt", floats, sizeof(floats)), "must end in .fvecs or .bvecs");
	refused("/nowhere/base.fvecs", "No such file");
	refused("/nowhere/.fvecs", "No such file");
}

/* ---- making rows -------------------------------------------------------------------- */

static uint64_t checksum_of(uint64_t rows, uint32_t dim, uint64_t seed, enum vecs_stream stream)
{
	struct vecs v;
	uint64_t sum;

	assert_int_equal(vecs_generate(rows, dim, seed, stream, &v), 0);
	assert_int_equal(v.rows, rows);
	assert_int_equal(v.dim, dim);
	sum = vecs_checksum(&v);
	vecs_free(&v);
	return sum;
}

static void made_rows_are_the_same_bits_everywhere(void **state)
{
	assert_int_equal(checksum_of(1000, 128, 1, VECS_BASE), 0xe3ea12de5b2a2397);
	assert_int_equal(checksum_of(100, 128, 1, VECS_QUERIES), 0x10b311a2beb57c55);
	assert_int_equal(checksum_of(50, 769, 2, VECS_BASE), 0xc4f4164e7d7e3bb9);
	assert_int_equal(checksum_of(50, 1, UINT64_MAX, VECS_BASE), 0xb37dfb55e140a048);
}

static void fewer_made_rows_are_the_first_of_more(void **state)
{
	struct vecs few, many;

	assert_int_equal(vecs_generate(10, 20, 5, VECS_BASE, &few), 0);
	assert_int_equal(vecs_generate(30, 20, 5, VECS_BASE, &many), 0);
	assert_memory_equal(few.data, many.data, 10 * 20 * sizeof(float));
	vecs_free(&few);
	vecs_free(&many);
}

static void made_rows_have_the_shape_that_is_told(void **state)
{
	double sum = 0, squares = 0;
	struct vecs v;
	uint64_t i, n;

	assert_int_equal(vecs_generate(2000, 64, 3, VECS_BASE, &v), 0);
	n = v.rows * v.dim;
	for (i = 0; i < n; i++) {
		assert_true(isfinite(v.data[i]));
		sum += v.data[i];
		squares += (double)v.data[i] * v.data[i];
	}
	/* Variance: that of the directions times centre's and spread's, and the noise. */
	assert_true(fabs(sum / n) < 1);
	assert_true(squares / n > 20 && squares / n < 80);
	vecs_free(&v);
}

/* ---- counting ------------------------------------------------------------------------- */

/* Rows on a line: their distances from 0 are the squares of 0, 1, 2, 2, 2, 3. */
static float line[] = { 0, 1, 2, -2, 2, 3 };
static const struct vecs base = { .rows = 6, .dim = 1, .data = line };
static const int32_t truth[] = { 0, 1, 2 };

static uint32_t hits(uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t found[] = { a, b, c };
	const float query = 0;

	return score_hits(&base, &query, 3, truth, found);
}

static void recall_counts_true_neighbours(void **state)
{
	assert_int_equal(hits(0, 1, 2), 3);
	assert_int_equal(hits(2, 0, 1), 3);
	assert_int_equal(hits(0, 1, 5), 2);
	assert_int_equal(hits(5, 5, 5), 0);
}

static void any_of_several_at_the_last_distance_counts(void **state)
{
	assert_int_equal(hits(0, 1, 3), 3);
	assert_int_equal(hits(0, 1, 4), 3);
	assert_int_equal(hits(3, 4, 2), 3);
}

static void no_id_counts_twice_and_none_that_is_no_row(void **state)
{
	assert_int_equal(hits(0, 0, 0), 1);
	assert_int_equal(hits(0, 6, UINT64_MAX), 1);
}

static void a_truth_in_another_order_is_as_good(void **state)
{
	static const int32_t turned[] = { 2, 0, 1 };
	const uint64_t found[] = { 0, 1, 3 };
	const float query = 0;

	assert_int_equal(score_hits(&base, &query, 3, turned, found), 3);
}

/* ---- figures ---------------------------------------------------------------------------- */

static void near(double x, double want)
{
	assert_true(fabs(x - want) < 1e-9 * (1 + fabs(want)));
}

static void rates_are_interpolated_by_their_logarithm(void **state)
{
	static const struct score_point p[] = { { 0.8, 10000 }, { 0.9, 1000 }, { 1, 10 } };

	near(score_qps_at(p, 3, 0.85), sqrt(10000.0 * 1000));
	near(score_qps_at(p, 3, 0.95), 100);
	near(score_qps_at(p, 3, 0.9), 1000);
	near(score_qps_at(p, 3, 1), 10);
}

static void nothing_is_extrapolated(void **state)
{
	static const struct score_point p[] = { { 0.8, 10000 }, { 0.9, 1000 } };

	near(score_qps_at(p, 2, 0.91), 0);
	near(score_qps_at(p, 0, 0.5), 0);
	/* The first point finds more than is asked for: no breadth is faster. */
	near(score_qps_at(p, 2, 0.5), 10000);
	near(score_qps_at(p, 1, 0.8), 10000);
}

static void recall_may_fall_along_a_sweep(void **state)
{
	static const struct score_point p[] = { { 0.9, 100 }, { 0.96, 80 }, { 0.94, 50 },
						{ 0.99, 20 } };
	static const struct score_point flat[] = { { 0.9, 100 }, { 0.9, 90 } };

	near(score_qps_at(p, 4, 0.96), 80);
	assert_true(score_qps_at(p, 4, 0.95) > 80);
	near(score_qps_at(flat, 2, 0.9), 100);
}

static void medians(void **state)
{
	double odd[] = { 3, 1, 2 }, even[] = { 4, 1, 3, 2 }, one[] = { 7 };

	near(score_median(odd, 3), 2);
	near(score_median(even, 4), 2.5);
	near(score_median(one, 1), 7);
	near(score_median(one, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fvecs_are_read),
		cmocka_unit_test(bvecs_become_floats),
		cmocka_unit_test(ivecs_are_read),
		cmocka_unit_test(no_more_rows_are_read_than_asked_for),
		cmocka_unit_test(files_cut_anywhere_are_refused),
		cmocka_unit_test(rows_of_unequal_lengths_are_refused),
		cmocka_unit_test(impossible_lengths_are_refused),
		cmocka_unit_test(files_that_cannot_be_opened_are_named),
		cmocka_unit_test(made_rows_are_the_same_bits_everywhere),
		cmocka_unit_test(fewer_made_rows_are_the_first_of_more),
		cmocka_unit_test(made_rows_have_the_shape_that_is_told),
		cmocka_unit_test(recall_counts_true_neighbours),
		cmocka_unit_test(any_of_several_at_the_last_distance_counts),
		cmocka_unit_test(no_id_counts_twice_and_none_that_is_no_row),
		cmocka_unit_test(a_truth_in_another_order_is_as_good),
		cmocka_unit_test(rates_are_interpolated_by_their_logarithm),
		cmocka_unit_test(nothing_is_extrapolated),
		cmocka_unit_test(recall_may_fall_along_a_sweep),
		cmocka_unit_test(medians),
	};

	return cmocka_run_group_tests_name("ann", tests, make_dir, remove_dir);
}
