// SPDX-License-Identifier: GPL-2.0-only
/*
 * The distance kernels of f16, i8 and b1, of every instruction set that this CPU has, against sums
 * in long double; the bound is that of test_dist.c for f16, and one rounding for the others.
 */
#include <float.h>
#include <math.h>

#include "elems.h"

static const struct vex_dist_ops *sets[4];
static u32 set_count;
static u64 compared;

/* ---- types --------------------------------------------------------------------------- */

static bool half_finite(u32 bits)
{
	return (bits & 0x7c00) != 0x7c00;
}

static void every_f16_widens_to_its_value(void **state)
{
	(void)state;
	for (u32 bits = 0; bits < 0x10000; bits++) {
		u16 row = bits;
		float want;

		if (!half_finite(bits))
			continue;
		want = elem_value(VEXFS_ELEM_F16, &row, 0);
		assert_int_equal(vex_f16_widen(bits), test_bits(want));
	}
}

static void every_i8_widens_to_its_value(void **state)
{
	u8 row[256];
	u32 wide[256];

	(void)state;
	for (u32 i = 0; i < 256; i++)
		row[i] = i;
	vex_row_widen(VEXFS_ELEM_I8, row, 256, wide);
	for (u32 i = 0; i < 256; i++)
		assert_int_equal(wide[i], test_bits((s8)i));
}

static void rows_have_the_bytes_of_their_elements(void **state)
{
	(void)state;
	for (u32 elem = VEXFS_ELEM_F32; elem <= VEXFS_ELEM_B1; elem++)
		for (u32 dim = 1; dim <= VEXFS_MAX_DIM; dim += dim < 70 ? 1 : 4091)
			assert_int_equal(vex_row_bytes(elem, dim), elem_row(elem, dim));
	assert_int_equal(vex_row_bytes(0, 8), 0);
	assert_int_equal(vex_row_bytes(VEXFS_ELEM_B1 + 1, 8), 0);
	assert_int_equal(vex_row_bytes(U32_MAX, 8), 0);
}

static void bits_go_with_hamming_and_numbers_with_the_rest(void **state)
{
	(void)state;
	for (u32 elem = 0; elem < 40; elem++)
		for (u32 metric = 0; metric < 40; metric++) {
			bool known = elem >= 1 && elem <= 4 && metric >= 1 && metric <= 4;

			assert_int_equal(vex_elem_served(elem, metric), known &&
					 (elem == VEXFS_ELEM_B1) ==
					 (metric == VEXFS_METRIC_HAMMING));
		}
	for (u32 s = 0; s < set_count; s++)
		for (u32 elem = 0; elem < VEX_ELEMS; elem++)
			for (u32 metric = 0; metric < VEX_METRICS; metric++)
				assert_int_equal(!!sets[s]->kernel[elem][metric],
						 vex_elem_served(elem, metric));
}

/* ---- what may not be stored ------------------------------------------------------------ */

static void f16_that_is_not_finite_is_found(void **state)
{
	static const u16 bad[] = { 0x7c00, 0xfc00, 0x7e00, 0xfe00, 0x7c01, 0xffff };
	static const u16 good[] = { 0, 0x8000, 1, 0x83ff, 0x7bff, 0xfbff, 0x3c00 };

	(void)state;
	for (u32 n = 1; n < 140; n++) {
		u8 *mem = malloc(2 * n + 2), *v = mem + 2;
		u16 x;

		for (u32 at = 0; at < n; at++) {
			for (u32 i = 0; i < n; i++)
				memcpy(v + 2 * i, &good[i % ARRAY_SIZE(good)], 2);
			assert_int_equal(vex_rows_find_bad(VEXFS_ELEM_F16, v, n, 1), n);
			x = bad[at % ARRAY_SIZE(bad)];
			memcpy(v + 2 * at, &x, 2);
			assert_int_equal(vex_rows_find_bad(VEXFS_ELEM_F16, v, n, 1), at);
			if (n % 3)
				continue;
			assert_int_equal(vex_rows_find_bad(VEXFS_ELEM_F16, v, n / 3, 3), at / 3);
		}
		free(mem);
	}
}

static void bits_behind_the_last_element_are_found(void **state)
{
	enum { ROWS = 5 };

	(void)state;
	for (u32 dim = 1; dim < 40; dim++) {
		u32 bytes = (dim + 7) / 8;
		u8 *rows = malloc(ROWS * bytes);

		for (u32 bit = 0; bit < 8 * bytes; bit++)
			for (u32 row = 0; row < ROWS; row++) {
				memset(rows, 0, ROWS * bytes);
				rows[row * bytes + bit / 8] = 1u << bit % 8;
				assert_int_equal(vex_rows_find_bad(VEXFS_ELEM_B1, rows, ROWS, dim),
						 bit < dim ? ROWS : row);
			}
		free(rows);
	}
}

static void every_i8_can_be_stored(void **state)
{
	u8 row[256];

	(void)state;
	for (u32 i = 0; i < 256; i++)
		row[i] = i;
	assert_int_equal(vex_rows_find_bad(VEXFS_ELEM_I8, row, 2, 128), 2);
}

/* ---- kernels ----------------------------------------------------------------------------- */

enum kind { UNIT, RANGE, LARGEST, SMALLEST, SUBNORMAL, ZERO, ONE_NONZERO, OPPOSITE, KINDS };

/* Of the largest f16, of i8 and of a sign. */
static double value_of(enum kind kind, u32 elem, u64 *rnd, u32 i)
{
	double most = elem == VEXFS_ELEM_F16 ? 65504 : 127;
	double sign = test_random(rnd) & 1 ? -1 : 1;

	switch (kind) {
	case UNIT:
		return elem == VEXFS_ELEM_F16 ? test_unit(rnd) : 3 * test_unit(rnd);
	case RANGE:
		return most * test_unit(rnd);
	case LARGEST:
		return most;
	case SMALLEST:
		return elem == VEXFS_ELEM_F16 ? -most : -128;
	case SUBNORMAL:
		return elem == VEXFS_ELEM_F16 ? test_unit(rnd) * 0x1p-14 : sign;
	case ZERO:
		return sign * 0.0;
	case ONE_NONZERO:
		return i ? 0 : sign * 0x1p-24;
	default:
		return i & 1 ? most : -most - (elem == VEXFS_ELEM_I8);
	}
}

static void check_one(const struct vex_dist_ops *ops, u32 elem, u32 metric, const u8 *q,
		      const u8 *r, u32 dim, u32 got)
{
	double size, value = test_float(got);
	long double want = elem_distance(elem, metric, q, r, dim, &size);

	assert_true(isfinite(value));
	assert_int_not_equal(got, 0x80000000);
	if (metric != VEXFS_METRIC_COSINE && elem != VEXFS_ELEM_F16)
		assert_int_equal(got, test_bits((float)want));
	if (fabsl(value - want) > elem_bound(elem, metric, dim, size))
		fail_msg("%s %s metric %u dim %u: %.9g, reference %.9Lg", ops->name,
			 elem_names[elem], metric, dim, value, want);
	if (metric == VEXFS_METRIC_COSINE)
		assert_true(value >= 0 && value <= 2);
	compared++;
}

/*
 * Rows that start one element off any alignment and end with their memory, so that a sanitizer
 * sees a read past it.
 */
static void check_rows(u32 elem, u32 metric, u32 n, u32 dim, enum kind qkind, enum kind kind,
		       u64 *rnd)
{
	size_t bytes = elem_row(elem, dim), off = elem == VEXFS_ELEM_F16 ? 2 : 1;
	u8 *qbuf = calloc(1, off + bytes), *rbuf = calloc(1, off + n * bytes);
	u8 *q = qbuf + off, *rows = rbuf + off;
	u32 *out = malloc(n * sizeof(*out));

	for (u32 i = 0; i < dim; i++)
		elem_set(elem, q, i, value_of(qkind, elem, rnd, i));
	for (u32 j = 0; j < n; j++)
		for (u32 i = 0; i < dim; i++)
			elem_set(elem, rows + j * bytes, i, value_of(kind, elem, rnd, i));
	for (u32 s = 0; s < set_count; s++) {
		vex_fpu_begin();
		sets[s]->kernel[elem][metric](q, rows, n, dim, out);
		vex_fpu_end();
		for (u32 j = 0; j < n; j++)
			check_one(sets[s], elem, metric, q, rows + j * bytes, dim, out[j]);
	}
	free(out);
	free(rbuf);
	free(qbuf);
}

static void every_small_dimension(void **state)
{
	u64 rnd = 31;

	(void)state;
	each_elem(elem, metric)
		for (u32 dim = 1; dim <= 100; dim++)
			for (u32 kind = 0; kind < KINDS; kind++)
				for (u32 n = 1; n <= 9; n += 1 + (dim > 40))
					check_rows(elem, metric, n, dim, kind, kind, &rnd);
}

static void larger_dimensions(void **state)
{
	static const u32 dims[] = { 127, 128, 129, 255, 300, 511, 768, 1536, 4097 };
	u64 rnd = 32;

	(void)state;
	each_elem(elem, metric)
		for (u32 kind = 0; kind < KINDS; kind++) {
			for (u32 i = 0; i < ARRAY_SIZE(dims); i++)
				check_rows(elem, metric, 5, dims[i], kind, kind, &rnd);
			check_rows(elem, metric, 1, VEXFS_MAX_DIM, kind, kind, &rnd);
		}
}

/* The largest sums: of 65,535 squared differences of 255. */
static void every_pair_of_kinds(void **state)
{
	u64 rnd = 33;

	(void)state;
	each_elem(elem, metric)
		for (u32 a = 0; a < KINDS; a++)
			for (u32 b = 0; b < KINDS; b++) {
				check_rows(elem, metric, 5, 5, a, b, &rnd);
				check_rows(elem, metric, 5, 93, a, b, &rnd);
				check_rows(elem, metric, 1, VEXFS_MAX_DIM, a, b, &rnd);
			}
}

static void equal_rows_have_equal_distances_anywhere(void **state)
{
	enum { N = 11 };
	u64 rnd = 34;

	(void)state;
	each_elem(elem, metric)
		for (u32 dim = 1; dim < 300; dim += 7) {
			size_t bytes = elem_row(elem, dim);
			u8 *q = calloc(1, bytes), *rows = calloc(N, bytes);
			u32 out[N];

			for (u32 i = 0; i < dim; i++) {
				elem_set(elem, q, i, 100 * test_unit(&rnd));
				elem_set(elem, rows, i, 100 * test_unit(&rnd));
			}
			for (u32 j = 1; j < N; j++)
				memcpy(rows + j * bytes, rows, bytes);
			for (u32 s = 0; s < set_count; s++) {
				sets[s]->kernel[elem][metric](q, rows, N, dim, out);
				for (u32 j = 1; j < N; j++)
					assert_int_equal(out[j], out[0]);
			}
			free(rows);
			free(q);
		}
}

static void zero_vectors_have_cosine_distance_one(void **state)
{
	u8 zeros[66] = { 0 }, q[66];
	u32 out;

	(void)state;
	for (u32 elem = VEXFS_ELEM_F16; elem <= VEXFS_ELEM_I8; elem++) {
		for (u32 i = 0; i < 33; i++)
			elem_set(elem, q, i, i + 1);
		for (u32 s = 0; s < set_count; s++)
			for (u32 dim = 1; dim <= 33; dim++) {
				vex_dist_kernel cosine =
					sets[s]->kernel[elem][VEXFS_METRIC_COSINE];

				cosine(q, zeros, 1, dim, &out);
				assert_int_equal(out, test_bits(1.0f));
				cosine(zeros, q, 1, dim, &out);
				assert_int_equal(out, test_bits(1.0f));
				cosine(zeros, zeros, 1, dim, &out);
				assert_int_equal(out, test_bits(1.0f));
			}
	}
}

/* By the reference a row of f16 is as far away as the same row in f32. */
static void scalar_f16_has_the_bits_of_f32(void **state)
{
	u64 rnd = 35;

	(void)state;
	for (u32 dim = 1; dim < 200; dim++) {
		u16 *q = malloc(2 * dim), *row = malloc(2 * dim);
		u32 *wide_q = malloc(4 * dim), *wide_row = malloc(4 * dim), half, single;

		for (u32 i = 0; i < dim; i++) {
			elem_set(VEXFS_ELEM_F16, q, i, test_unit(&rnd));
			elem_set(VEXFS_ELEM_F16, row, i, i % 3 ? test_unit(&rnd) : 0x1p-20);
		}
		vex_row_widen(VEXFS_ELEM_F16, q, dim, wide_q);
		vex_row_widen(VEXFS_ELEM_F16, row, dim, wide_row);
		for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_COSINE; m++) {
			vex_dist_scalar.kernel[VEXFS_ELEM_F16][m](q, row, 1, dim, &half);
			vex_dist_scalar.kernel[VEXFS_ELEM_F32][m](wide_q, wide_row, 1, dim,
								  &single);
			assert_int_equal(half, single);
		}
		free(wide_row);
		free(wide_q);
		free(row);
		free(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_f16_widens_to_its_value),
		cmocka_unit_test(every_i8_widens_to_its_value),
		cmocka_unit_test(rows_have_the_bytes_of_their_elements),
		cmocka_unit_test(bits_go_with_hamming_and_numbers_with_the_rest),
		cmocka_unit_test(f16_that_is_not_finite_is_found),
		cmocka_unit_test(bits_behind_the_last_element_are_found),
		cmocka_unit_test(every_i8_can_be_stored),
		cmocka_unit_test(every_small_dimension),
		cmocka_unit_test(larger_dimensions),
		cmocka_unit_test(every_pair_of_kinds),
		cmocka_unit_test(equal_rows_have_equal_distances_anywhere),
		cmocka_unit_test(zero_vectors_have_cosine_distance_one),
		cmocka_unit_test(scalar_f16_has_the_bits_of_f32),
	};
	int failed;

	sets[set_count++] = &vex_dist_scalar;
	if (vex_cpu_has_avx2())
		sets[set_count++] = &vex_dist_avx2;
	if (vex_cpu_has_avx512())
		sets[set_count++] = &vex_dist_avx512;
	if (vex_cpu_has_avx512() && vex_cpu_has_vnni())
		sets[set_count++] = &vex_dist_vnni;
	failed = cmocka_run_group_tests_name("dist_elem", tests, NULL, NULL);
	printf("dist_elem: %u instruction sets, %llu distances compared\n", set_count, compared);
	return failed;
}
