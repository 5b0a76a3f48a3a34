// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every distance kernel of every instruction set that this CPU has, against sums in long double.
 *
 * The bound on the error. A kernel adds n terms in at least eight sums side by side, so a term
 * passes through at most n/8 + 4 additions, and its own computation rounds three times at most;
 * each rounding is wrong by a factor of 1 + 2^-24 at most, or, for a term below the normal range,
 * by 2^-150. With g = (n/8 + 8) * 2^-24, doubled for the products of small errors:
 * |error| <= 2g * sum |term| + n * 2^-149. The cosine divides by two norms with such errors:
 * 2 * 2g + 2^-23, as |cosine| <= 1.
 */
#include <float.h>
#include <math.h>

#include "test.h"

static const struct vex_dist_ops *sets[3];
static u32 set_count;
static u64 compared;

enum kind {
	UNIT, BYTES, DENORMAL, TINY, HUGE_VALUES, ANY_EXPONENT, SIGNED_ZERO, ONE_NONZERO,
	TINY_AND_HUGE, KINDS
};

static float value_of(enum kind kind, u64 *rnd, u32 i)
{
	float sign = test_random(rnd) & 1 ? -1.0f : 1.0f;

	switch (kind) {
	case UNIT:
		return test_unit(rnd);
	case BYTES:
		return (float)test_below(rnd, 256);
	case DENORMAL:
		return test_float(test_random(rnd) & 0x807fffff);
	case TINY:
		return test_unit(rnd) * 1e-37f;
	case HUGE_VALUES:
		return test_unit(rnd) * FLT_MAX;
	case ANY_EXPONENT:
		return sign * test_float((u32)test_below(rnd, 0x7f800000));
	case SIGNED_ZERO:
		return sign * 0.0f;
	case ONE_NONZERO:
		return i ? sign * 0.0f : sign * 1e-30f;
	default:
		return i & 1 ? sign * 1e-40f : sign * 3e38f;
	}
}

/* What the kernels compute, and the sum of the terms' magnitudes. */
static long double reference(u32 metric, const float *q, const float *r, u32 dim, double *size)
{
	long double dot = 0, qq = 0, rr = 0, l2 = 0, magnitude = 0;

	for (u32 i = 0; i < dim; i++) {
		long double d = (long double)q[i] - r[i];

		l2 += d * d;
		dot += (long double)q[i] * r[i];
		magnitude += fabsl((long double)q[i] * r[i]);
		qq += (long double)q[i] * q[i];
		rr += (long double)r[i] * r[i];
	}
	*size = metric == VEXFS_METRIC_L2 ? l2 : metric == VEXFS_METRIC_IP ? magnitude : 1;
	if (metric == VEXFS_METRIC_L2)
		return fminl(l2, FLT_MAX);
	if (metric == VEXFS_METRIC_IP)
		return fmaxl(fminl(-dot, FLT_MAX), -FLT_MAX);
	return qq > 0 && rr > 0 ? 1 - dot / sqrtl(qq) / sqrtl(rr) : 1;
}

static double bound(u32 metric, u32 dim, double size)
{
	double g = (dim / 8 + 8) * 0x1p-24;

	if (metric == VEXFS_METRIC_COSINE)
		return 4 * g + 0x1p-23;
	return 2 * g * size + dim * 0x1p-149;
}

static void check_one(const struct vex_dist_ops *ops, u32 metric, const float *q, const float *r,
		      u32 dim, u32 got)
{
	double size, limit, value = test_float(got);
	long double want = reference(metric, q, r, dim, &size);

	limit = bound(metric, dim, size);
	assert_true(isfinite(value));
	/* Zero has one form only: the order of results tells -0 from +0. */
	assert_int_not_equal(got, 0x80000000);
	if (fabsl(value - want) > limit)
		fail_msg("%s metric %u dim %u: %.9g, reference %.9Lg, bound %.3g",
			 ops->name, metric, dim, value, want, limit);
	if (metric == VEXFS_METRIC_COSINE)
		assert_true(value >= 0 && value <= 2);
	compared++;
}

/*
 * @n rows of @dim elements of one kind. The buffers start 4 bytes off any alignment and end
 * with the last element, so that a sanitizer sees a read past it.
 */
static void check_rows(u32 n, u32 dim, enum kind qkind, enum kind kind, u64 *rnd)
{
	u8 *qbuf = malloc(4 + 4 * (size_t)dim), *rbuf = malloc(4 + 4 * (size_t)n * dim);
	float *q = (float *)(qbuf + 4), *rows = (float *)(rbuf + 4);
	u32 *out = malloc(n * sizeof(*out)), *near = malloc(n * sizeof(*near));

	for (u32 i = 0; i < dim; i++)
		q[i] = value_of(qkind, rnd, i);
	for (size_t i = 0; i < (size_t)n * dim; i++)
		rows[i] = value_of(kind, rnd, i % dim);
	for (u32 s = 0; s < set_count; s++) {
		for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_COSINE; m++) {
			vex_fpu_begin();
			sets[s]->kernel[VEXFS_ELEM_F32][m](q, rows, n, dim, out);
			vex_fpu_end();
			for (u32 j = 0; j < n; j++)
				check_one(sets[s], m, q, rows + (size_t)j * dim, dim, out[j]);
			if (!sets[s]->near[VEXFS_ELEM_F32][m])
				continue;
			vex_fpu_begin();
			sets[s]->near[VEXFS_ELEM_F32][m](q, rows, n, dim, near);
			vex_fpu_end();
			assert_memory_equal(near, out, n * sizeof(*near));
		}
	}
	free(near);
	free(out);
	free(rbuf);
	free(qbuf);
}

static void every_small_dimension(void **state)
{
	u64 rnd = 11;

	(void)state;
	for (u32 dim = 1; dim <= 67; dim++)
		for (u32 kind = 0; kind < KINDS; kind++)
			for (u32 n = 1; n <= 9; n++)
				check_rows(n, dim, kind, kind, &rnd);
}

static void larger_dimensions(void **state)
{
	static const u32 dims[] = { 127, 128, 129, 255, 300, 768, 1536, 4097 };
	u64 rnd = 12;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(dims); i++)
		for (u32 kind = 0; kind < KINDS; kind++)
			check_rows(7, dims[i], kind, kind, &rnd);
	for (u32 kind = 0; kind < KINDS; kind++)
		check_rows(2, VEXFS_MAX_DIM, kind, kind, &rnd);
}

static void every_pair_of_kinds(void **state)
{
	u64 rnd = 13;

	(void)state;
	for (u32 dim = 5; dim < 140; dim += 22)
		for (u32 a = 0; a < KINDS; a++)
			for (u32 b = 0; b < KINDS; b++)
				check_rows(5, dim, a, b, &rnd);
}

static void extremes_are_limited_not_infinite(void **state)
{
	enum { DIM = 40 };
	float q[DIM], row[DIM];
	u32 out;

	(void)state;
	for (u32 i = 0; i < DIM; i++) {
		q[i] = FLT_MAX;
		row[i] = -FLT_MAX;
	}
	for (u32 s = 0; s < set_count; s++) {
		sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_L2](q, row, 1, DIM, &out);
		assert_int_equal(out, VEX_F32_MAX);
		sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_IP](q, row, 1, DIM, &out);
		assert_int_equal(out, VEX_F32_MAX);
		sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_IP](q, q, 1, DIM, &out);
		assert_int_equal(out, VEX_F32_MAX | 1u << 31);
		sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_COSINE](q, row, 1, DIM, &out);
		assert_int_equal(out, test_bits(2.0f));
		sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_COSINE](q, q, 1, DIM, &out);
		assert_int_equal(out, test_bits(0.0f));
	}
}

/* Sums that pass infinity on the way and come back: the exact path finds the small result. */
static void cancelled_overflow_is_exact(void **state)
{
	enum { DIM = 64 };
	float q[DIM], row[DIM];
	u32 out;

	(void)state;
	for (u32 i = 0; i < DIM; i++) {
		q[i] = 3e30f;
		row[i] = i < DIM / 2 ? 3e30f : -3e30f;
	}
	q[0] = 2.0f;
	row[0] = 5.0f;
	row[DIM - 1] = 0.0f;
	for (u32 s = 0; s < set_count; s++) {
		sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_IP](q, row, 1, DIM, &out);
		assert_true(fabsf(test_float(out)) <= 10.0f);
	}
}

static void equal_rows_have_equal_distances_anywhere(void **state)
{
	enum { N = 11 };
	u64 rnd = 14;

	(void)state;
	for (u32 dim = 1; dim < 300; dim += 7) {
		float *q = malloc(4 * dim), *rows = malloc(4 * dim * N);
		u32 out[N];

		for (u32 i = 0; i < dim; i++)
			q[i] = test_unit(&rnd);
		for (u32 i = 0; i < dim; i++)
			rows[i] = test_unit(&rnd);
		for (u32 j = 1; j < N; j++)
			memcpy(rows + j * dim, rows, 4 * dim);
		for (u32 s = 0; s < set_count; s++)
			for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_COSINE; m++) {
				sets[s]->kernel[VEXFS_ELEM_F32][m](q, rows, N, dim, out);
				for (u32 j = 1; j < N; j++)
					assert_int_equal(out[j], out[0]);
			}
		free(rows);
		free(q);
	}
}

static void zero_vectors_have_cosine_distance_one(void **state)
{
	float zeros[33] = { 0 }, q[33];
	u32 out;

	(void)state;
	zeros[3] = -0.0f;
	for (u32 i = 0; i < 33; i++)
		q[i] = i + 1;
	for (u32 s = 0; s < set_count; s++)
		for (u32 dim = 1; dim <= 33; dim++) {
			sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_COSINE](q, zeros, 1, dim, &out);
			assert_int_equal(out, test_bits(1.0f));
			sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_COSINE](zeros, q, 1, dim, &out);
			assert_int_equal(out, test_bits(1.0f));
			sets[s]->kernel[VEXFS_ELEM_F32][VEXFS_METRIC_COSINE](zeros, zeros, 1, dim, &out);
			assert_int_equal(out, test_bits(1.0f));
		}
}

/* The scalar kernels promise the same bits on every host: this sum was taken once. */
static void scalar_bits_never_change(void **state)
{
	static const u32 dims[] = { 1, 3, 8, 17, 128, 300, 1536 };
	u32 out[4 * 3 * ARRAY_SIZE(dims)], used = 0;
	float *q = malloc(4 * 1536), *rows = malloc(4 * 1536 * 4);
	u64 rnd = 15;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(dims); i++) {
		for (u32 j = 0; j < dims[i]; j++)
			q[j] = test_unit(&rnd);
		for (u32 j = 0; j < 4 * dims[i]; j++)
			rows[j] = test_unit(&rnd);
		for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_COSINE; m++, used += 4)
			vex_dist_scalar.kernel[VEXFS_ELEM_F32][m](q, rows, 4, dims[i], out + used);
	}
	assert_int_equal(vex_crc32c(out, sizeof(out)), 0xae703970);
	free(rows);
	free(q);
}

static void nonfinite_elements_are_found(void **state)
{
	static const u32 bad[] = { 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001,
				   0xffffffff };
	static const u32 good[] = { 0, 0x80000000, 1, 0x807fffff, 0x7f7fffff, 0xff7fffff,
				    0x3f800000 };

	(void)state;
	for (u32 n = 1; n < 70; n++) {
		u32 *v = malloc(4 * n + 4) + 4;

		for (u32 at = 0; at < n; at++) {
			for (u32 i = 0; i < n; i++)
				v[i] = good[i % ARRAY_SIZE(good)];
			assert_int_equal(vex_f32_find_nonfinite(v, n), n);
			v[at] = bad[at % ARRAY_SIZE(bad)];
			if (at + 1 < n)
				v[n - 1] = bad[0];
			assert_int_equal(vex_f32_find_nonfinite(v, n), at);
		}
		free((u8 *)v - 4);
	}
	assert_int_equal(vex_f32_find_nonfinite(NULL, 0), 0);
}

static void selection_is_by_what_the_cpu_has(void **state)
{
	(void)state;
	vex_dist_init();
	assert_int_equal(vex_dist_isa(), vex_dist_best());
	for (u32 isa = VEXFS_ISA_SCALAR; isa <= VEXFS_ISA_AVX512; isa++) {
		assert_int_equal(vex_dist_select(isa), isa <= vex_dist_best() ? 0 : -EOPNOTSUPP);
		if (isa <= vex_dist_best())
			assert_int_equal(vex_dist_ops()->isa, isa);
	}
	assert_int_equal(vex_dist_select(99), -EINVAL);
	assert_string_equal(vex_dist_isa_name(VEXFS_ISA_AVX2), "avx2");
	assert_string_equal(vex_dist_isa_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_small_dimension),
		cmocka_unit_test(larger_dimensions),
		cmocka_unit_test(every_pair_of_kinds),
		cmocka_unit_test(extremes_are_limited_not_infinite),
		cmocka_unit_test(cancelled_overflow_is_exact),
		cmocka_unit_test(equal_rows_have_equal_distances_anywhere),
		cmocka_unit_test(zero_vectors_have_cosine_distance_one),
		cmocka_unit_test(scalar_bits_never_change),
		cmocka_unit_test(nonfinite_elements_are_found),
		cmocka_unit_test(selection_is_by_what_the_cpu_has),
	};
	int failed;

	vex_crc32c_init();
	sets[set_count++] = &vex_dist_scalar;
	if (vex_cpu_has_avx2())
		sets[set_count++] = &vex_dist_avx2;
	if (vex_cpu_has_avx512())
		sets[set_count++] = &vex_dist_avx512;
	failed = cmocka_run_group_tests_name("dist", tests, NULL, NULL);
	printf("dist: %u instruction sets, %llu distances compared\n", set_count, compared);
	return failed;
}
