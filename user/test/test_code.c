// SPDX-License-Identifier: GPL-2.0-only
/*
 * Codes: every kernel of every instruction set that this CPU has against sums over levels, and
 * what a distance of codes says of the distance of the rows.
 */
#include <float.h>
#include <math.h>

#include "test.h"
#include <vex_code.h>

static const struct vex_code_ops *sets[3];
static u32 set_count;
static u64 compared;

static void codec_new(struct vex_codec *c, u32 kind, u32 metric, u32 dim)
{
	memset(c, 0, sizeof(*c));
	vex_codec_shape(c, kind, VEXFS_ELEM_F32, metric, dim);
	c->low = calloc(dim, sizeof(*c->low));
}

/* Train without a change to @rows. */
static void codec_train(struct vex_codec *c, const float *rows, u32 count)
{
	size_t bytes = (size_t)count * c->dim * sizeof(*rows);
	float *copy = malloc(bytes);

	memcpy(copy, rows, bytes);
	assert_int_equal(vex_codec_train(c, copy, count), 0);
	free(copy);
}

/* ---- kernels ---------------------------------------------------------------------- */

enum { MOST = 9 };

/* A form and up to MOST codes, each one byte off any alignment and ending with its memory. */
struct sample {
	struct vex_codec codec;
	struct vex_form form;
	u8 *form_mem;
	u8 *levels[MOST + 1];	/* the last one is the form's */
	u8 *code[MOST];
};

static void sample_new(struct sample *s, u32 kind, u32 metric, u32 dim)
{
	struct vex_codec *c = &s->codec;

	codec_new(c, kind, metric, dim);
	s->form_mem = malloc(1 + c->padded);
	s->form.level = s->form_mem + 1;
	for (u32 i = 0; i <= MOST; i++)
		s->levels[i] = calloc(1, c->padded);
	for (u32 i = 0; i < MOST; i++)
		s->code[i] = (u8 *)malloc(1 + c->bytes) + 1;
}

static void sample_free(struct sample *s)
{
	for (u32 i = 0; i <= MOST; i++)
		free(s->levels[i]);
	for (u32 i = 0; i < MOST; i++)
		free(s->code[i] - 1);
	free(s->form_mem);
	free(s->codec.low);
}

static void sample_pack(struct sample *s)
{
	for (u32 i = 0; i < MOST; i++)
		vex_codec_pack(&s->codec, s->levels[i], s->code[i]);
	vex_codec_form(&s->codec, s->levels[MOST], &s->form);
}

static void sample_random(struct sample *s, u64 *rnd)
{
	for (u32 i = 0; i <= MOST; i++)
		for (u32 j = 0; j < s->codec.dim; j++)
			s->levels[i][j] = test_below(rnd, VEX_LEVEL_MAX + 1);
	sample_pack(s);
}

/* The level that a code stands for. */
static s32 kept(u32 kind, u8 level)
{
	return kind == VEX_CODE_SQ4 ? (level & ~7) + 4 : level;
}

static s64 reference(const struct sample *s, u32 code)
{
	const u8 *q = s->levels[MOST], *x = s->levels[code];
	s64 l2 = 0, ip = 0;

	for (u32 i = 0; i < s->codec.dim; i++) {
		s32 level = kept(s->codec.kind, x[i]);

		l2 += (q[i] - level) * (q[i] - level);
		ip += (q[i] - 64) * (level - 64);
	}
	return s->codec.metric == VEXFS_METRIC_IP ? (1LL << 31) - ip : l2;
}

static vex_code_dist kernel_of(const struct vex_code_ops *ops, const struct vex_codec *c)
{
	return c->metric == VEXFS_METRIC_IP ? ops->ip[c->kind] : ops->l2[c->kind];
}

static void sample_check(const struct sample *s, u32 from_n)
{
	s64 want[MOST];

	for (u32 i = 0; i < MOST; i++) {
		want[i] = reference(s, i);
		assert_in_range(want[i], 0, U32_MAX);
	}
	for (u32 set = 0; set < set_count; set++)
		for (u32 n = from_n; n <= MOST; n++) {
			u32 *out = malloc(n * sizeof(*out));

			vex_fpu_begin();
			kernel_of(sets[set], &s->codec)(&s->form, (const u8 *const *)s->code, n,
							s->codec.bytes, out);
			vex_fpu_end();
			for (u32 i = 0; i < n; i++)
				assert_int_equal(out[i], want[i]);
			compared += n;
			free(out);
		}
}

typedef void sample_fn(struct sample *s, void *arg);

/* Under cosine the kernels are those of L2. */
static void each_kernel(u32 dim, sample_fn *fn, void *arg)
{
	struct sample s;

	for (u32 kind = 0; kind < VEX_CODE_KINDS; kind++)
		for (u32 metric = VEXFS_METRIC_L2; metric <= VEXFS_METRIC_IP; metric++) {
			sample_new(&s, kind, metric, dim);
			fn(&s, arg);
			sample_free(&s);
		}
}

static void check_random(struct sample *s, void *rnd)
{
	sample_random(s, rnd);
	sample_check(s, 1);
}

static void kernels_equal_sums_over_levels(void **state)
{
	static const u32 dims[] = { 255, 256, 784, 2000, VEXFS_MAX_DIM };
	u64 rnd = 21;

	(void)state;
	for (u32 dim = 1; dim <= 130; dim++)
		each_kernel(dim, check_random, &rnd);
	for (u32 i = 0; i < ARRAY_SIZE(dims); i++)
		each_kernel(dims[i], check_random, &rnd);
}

static void check_ends(struct sample *s, void *arg)
{
	(void)arg;
	for (u32 end = 0; end < 2; end++) {
		memset(s->levels[MOST], end ? VEX_LEVEL_MAX : 0, s->codec.dim);
		for (u32 i = 0; i < MOST; i++)
			memset(s->levels[i], i & 1 ? VEX_LEVEL_MAX : 0, s->codec.dim);
		sample_pack(s);
		sample_check(s, MOST);
	}
}

static void first_and_last_levels_overflow_nothing(void **state)
{
	(void)state;
	for (u32 dim = 1; dim <= 130; dim++)
		each_kernel(dim, check_ends, NULL);
	each_kernel(VEXFS_MAX_DIM, check_ends, NULL);
}

static void kernels_go_with_those_of_distances(void **state)
{
	(void)state;
	for (u32 isa = VEXFS_ISA_SCALAR; isa <= vex_dist_best(); isa++) {
		assert_int_equal(vex_dist_select(isa), 0);
		assert_ptr_equal(vex_code_ops(), isa == VEXFS_ISA_SCALAR ? &vex_code_scalar :
				 isa == VEXFS_ISA_AVX512 && vex_cpu_has_vnni() ? &vex_code_vnni :
				 &vex_code_avx2);
	}
}

static void words_rise_by_any_number_of_places(void **state)
{
	enum { WORDS = 40, BY = 9 };
	u64 want[WORDS + BY], got[WORDS + BY];

	(void)state;
	for (u32 set = 0; set < set_count; set++)
		for (u32 n = 0; n <= WORDS; n++)
			for (u32 by = 0; by <= BY; by++) {
				for (u32 i = 0; i < WORDS + BY; i++)
					want[i] = got[i] = i;
				memmove(want + by, want, n * sizeof(*want));
				sets[set]->rise(got, n, by);
				assert_memory_equal(got, want, sizeof(want));
			}
}

/* ---- forms of codes ----------------------------------------------------------------- */

static void check_form_of(struct sample *s, void *rnd)
{
	struct vex_form of = { .level = malloc(s->codec.padded) };

	sample_random(s, rnd);
	for (u32 i = 0; i < MOST; i++) {
		for (u32 j = 0; j < s->codec.dim; j++)
			s->levels[MOST][j] = kept(s->codec.kind, s->levels[i][j]);
		vex_codec_form(&s->codec, s->levels[MOST], &s->form);
		memset(of.level, 0xa5, s->codec.padded);
		vex_codec_form_of(&s->codec, s->code[i], &of);
		assert_memory_equal(of.level, s->form.level, s->codec.padded);
		assert_int_equal(of.bias, s->form.bias);
	}
	free(of.level);
}

static void form_of_a_code_is_that_of_the_levels_it_keeps(void **state)
{
	u64 rnd = 22;

	(void)state;
	for (u32 dim = 1; dim <= 130; dim++)
		each_kernel(dim, check_form_of, &rnd);
	each_kernel(VEXFS_MAX_DIM, check_form_of, &rnd);
}

static void check_mutual(struct sample *s, void *rnd)
{
	struct vex_form of = { .level = malloc(s->codec.padded) };
	vex_code_dist kernel = kernel_of(&vex_code_scalar, &s->codec);
	const u8 *code[2];
	u32 there, back;

	sample_random(s, rnd);
	for (u32 i = 1; i < MOST; i++) {
		code[0] = s->code[0];
		code[1] = s->code[i];
		vex_codec_form_of(&s->codec, code[0], &of);
		kernel(&of, code + 1, 1, s->codec.bytes, &there);
		vex_codec_form_of(&s->codec, code[1], &of);
		kernel(&of, code, 1, s->codec.bytes, &back);
		assert_int_equal(there, back);
		kernel(&of, code + 1, 1, s->codec.bytes, &there);
		if (s->codec.metric == VEXFS_METRIC_L2)
			assert_int_equal(there, 0);
	}
	free(of.level);
}

static void distances_of_two_codes_are_mutual(void **state)
{
	u64 rnd = 23;

	(void)state;
	for (u32 dim = 1; dim <= 130; dim += 3)
		each_kernel(dim, check_mutual, &rnd);
}

/* ---- levels ------------------------------------------------------------------------- */

enum values { UNIT, SUBNORMAL, HUGE_VALUES, MAXIMA, ZEROS, CONSTANT, ONE_OUTLIER, ANY, VALUES };

static float value_of(enum values v, u64 *rnd, u32 row, u32 i)
{
	float sign = test_random(rnd) & 1 ? -1.0f : 1.0f;

	switch (v) {
	case UNIT:
		return test_unit(rnd);
	case SUBNORMAL:
		return test_float(test_random(rnd) & 0x807fffff);
	case HUGE_VALUES:
		return test_unit(rnd) * FLT_MAX;
	case MAXIMA:
		return sign * FLT_MAX;
	case ZEROS:
		return sign * 0.0f;
	case CONSTANT:
		return i & 1 ? (float)i : -1e20f;
	case ONE_OUTLIER:
		return row ? test_unit(rnd) : sign * FLT_MAX;
	default:
		return sign * test_float((u32)test_below(rnd, 0x7f800000));
	}
}

static float *rows_of(enum values v, u32 count, u32 dim, u64 *rnd)
{
	float *rows = malloc((size_t)count * dim * sizeof(*rows));

	for (u32 n = 0; n < count; n++)
		for (u32 i = 0; i < dim; i++)
			rows[(size_t)n * dim + i] = value_of(v, rnd, n, i);
	return rows;
}

static void check_levels(const struct vex_codec *c, const float *row)
{
	u8 *want = malloc(c->padded), *got = malloc(c->padded);

	memset(want, 0xa5, c->padded);
	vex_code_scalar.levels(c, row, want);
	for (u32 i = 0; i < c->padded; i++)
		assert_in_range(want[i], 0, i < c->dim ? VEX_LEVEL_MAX : 0);
	for (u32 set = 1; set < set_count; set++) {
		memset(got, 0xa5, c->padded);
		sets[set]->levels(c, row, got);
		assert_memory_equal(got, want, c->padded);
		compared += c->padded;
	}
	free(got);
	free(want);
}

/* A codec of rows of one sort, the levels of rows of each. */
static void check_sort(enum values v, u32 metric, u32 dim, u64 *rnd)
{
	enum { ROWS = 12 };
	float *rows = rows_of(v, ROWS, dim, rnd);
	struct vex_codec c;

	codec_new(&c, VEX_CODE_SQ7, metric, dim);
	codec_train(&c, rows, ROWS);
	for (u32 n = 0; n < ROWS; n++)
		check_levels(&c, rows + n * dim);
	for (u32 other = 0; other < VALUES; other++) {
		float *row = rows_of(other, 1, dim, rnd);

		check_levels(&c, row);
		free(row);
	}
	free(c.low);
	free(rows);
}

static void levels_are_the_same_bits_from_every_set(void **state)
{
	u64 rnd = 24;

	(void)state;
	for (u32 dim = 1; dim <= 300; dim += dim < 20 ? 1 : 31)
		for (u32 v = 0; v < VALUES; v++)
			for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_COSINE; m++)
				check_sort(v, m, dim, &rnd);
}

/* ---- training ------------------------------------------------------------------------ */

/* Levels of one row by a codec of @count rows. */
static void levels_of(u32 metric, u32 dim, const float *rows, u32 count, const float *row,
		      u8 *levels)
{
	u8 padded[128];
	struct vex_codec c;

	codec_new(&c, VEX_CODE_SQ7, metric, dim);
	codec_train(&c, rows, count);
	vex_codec_levels(&c, row, padded);
	memcpy(levels, padded, dim);
	free(c.low);
}

static void one_row_trains_a_codec(void **state)
{
	const float row[] = { 1, -2, 0, 1e20f, -0.0f };
	u8 levels[5];

	(void)state;
	for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_COSINE; m++)
		levels_of(m, 5, row, 1, row, levels);
}

static void constant_columns_have_one_level(void **state)
{
	enum { DIM = 9, ROWS = 40 };
	float rows[ROWS * DIM];
	u8 first[DIM], levels[DIM];
	u64 rnd = 25;

	(void)state;
	for (u32 n = 0; n < ROWS; n++)
		for (u32 i = 0; i < DIM; i++)
			rows[n * DIM + i] = i % 3 ? test_unit(&rnd) : 7.5f * i;
	levels_of(VEXFS_METRIC_L2, DIM, rows, ROWS, rows, first);
	for (u32 n = 0; n < ROWS; n++) {
		levels_of(VEXFS_METRIC_L2, DIM, rows, ROWS, rows + n * DIM, levels);
		for (u32 i = 0; i < DIM; i += 3)
			assert_int_equal(levels[i], first[i]);
	}
}

static void a_query_has_the_same_levels_at_any_length(void **state)
{
	enum { DIM = 70 };
	float query[DIM], scaled[DIM];
	u8 want[128], levels[128];
	struct vex_codec c;
	u64 rnd = 31;

	(void)state;
	codec_new(&c, VEX_CODE_SQ7, VEXFS_METRIC_IP, DIM);
	for (u32 i = 0; i < DIM; i++)
		query[i] = test_unit(&rnd);
	query[7] = -1;
	query[8] = 0;
	vex_codec_query(&c, query, want);
	assert_int_equal(want[7], 1);
	assert_int_equal(want[8], 64);
	assert_int_equal(want[DIM], 0);
	/* Powers of two, so that nothing is rounded. */
	for (s32 e = -100; e <= 127; e++) {
		for (u32 i = 0; i < DIM; i++)
			scaled[i] = ldexpf(query[i], e);
		memset(levels, 0xa5, sizeof(levels));
		vex_codec_query(&c, scaled, levels);
		assert_memory_equal(levels, want, c.padded);
	}
	memset(scaled, 0, sizeof(scaled));
	vex_codec_query(&c, scaled, levels);
	for (u32 i = 0; i < DIM; i++)
		assert_int_equal(levels[i], 64);
	scaled[3] = test_float(1);
	vex_codec_query(&c, scaled, levels);
	assert_int_equal(levels[3], 127);
	free(c.low);
}

/* Of any number of levels: eight are taken at once, and some are left. */
static void levels_are_lowered_one_by_one(void **state)
{
	static const u8 by[] = { 0, 4, 60, 64, 127 };
	u8 levels[203], lower[204];
	u64 rnd = 41;

	(void)state;
	for (u32 n = 0; n <= sizeof(levels); n++) {
		u32 less = by[n % ARRAY_SIZE(by)];
		s32 sum = 0;

		for (u32 i = 0; i < n; i++)
			levels[i] = n & 1 ? VEX_LEVEL_MAX : test_below(&rnd, VEX_LEVEL_MAX + 1);
		lower[n] = 0xa5;
		for (u32 i = 0; i < n; i++)
			sum += levels[i] - (s32)less;
		assert_int_equal(vex_levels_lower(levels, n, less, lower), sum);
		for (u32 i = 0; i < n; i++)
			assert_int_equal((s8)lower[i], levels[i] - (s32)less);
		assert_int_equal(lower[n], 0xa5);
		/* In place, too. */
		assert_int_equal(vex_levels_lower(levels, n, less, levels), sum);
		assert_memory_equal(levels, lower, n);
	}
}

/* The smallest sample of a collection, with one row that is like no other. */
static void an_outlier_does_not_widen_the_steps(void **state)
{
	enum { DIM = 3, ROWS = 256 };
	u8 levels[DIM], least[DIM], most[DIM] = { 0 };
	u64 rnd = 30;
	float *rows = rows_of(UNIT, ROWS, DIM, &rnd);

	(void)state;
	memset(least, 0xff, sizeof(least));
	rows[1] = 1e9f;
	for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_IP; m++)
		for (u32 n = 1; n < ROWS; n++) {
			levels_of(m, DIM, rows, ROWS, rows + n * DIM, levels);
			for (u32 i = 0; i < DIM; i++) {
				least[i] = min(least[i], levels[i]);
				most[i] = max(most[i], levels[i]);
			}
		}
	for (u32 i = 0; i < DIM; i++)
		assert_true(most[i] - least[i] > 100);
	free(rows);
}

static void negative_zero_has_the_level_of_zero(void **state)
{
	const float rows[] = { -1, 0, 1, -0.0f, 0.5f, 0.25f };
	const float plus[] = { 0, 0 }, minus[] = { -0.0f, -0.0f };
	u8 a[2], b[2];

	(void)state;
	for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_COSINE; m++) {
		levels_of(m, 2, rows, 3, plus, a);
		levels_of(m, 2, rows, 3, minus, b);
		assert_memory_equal(a, b, 2);
	}
}

/* What is common to all rows changes no order of inner products, and no code. */
static void a_common_vector_is_no_matter_under_an_inner_product(void **state)
{
	enum { DIM = 7, ROWS = 31 };
	u8 levels[DIM], moved[DIM];
	float row[DIM];
	u64 rnd = 26;

	(void)state;
	for (u32 e = 0; e < 10; e++) {
		float *rows = rows_of(UNIT, ROWS, DIM, &rnd);

		/* Of so few digits that a sum is exact. */
		for (u32 i = 0; i < ROWS * DIM; i++)
			rows[i] = rintf(rows[i] * 512) / 512;
		memcpy(row, rows + DIM, sizeof(row));
		levels_of(VEXFS_METRIC_IP, DIM, rows, ROWS, row, levels);
		for (u32 i = 0; i < ROWS * DIM; i++)
			rows[i] += 1 << e;
		for (u32 i = 0; i < DIM; i++)
			row[i] += 1 << e;
		levels_of(VEXFS_METRIC_IP, DIM, rows, ROWS, row, moved);
		assert_memory_equal(levels, moved, DIM);
		free(rows);
	}
}

/*
 * Where squares overflow, distances are all FLT_MAX and no order of levels matters; but none is
 * turned round.
 */
static void the_largest_values_are_not_turned_round(void **state)
{
	const float rows[] = { -FLT_MAX, -FLT_MAX / 2, -1, 0, 1, FLT_MAX / 2, FLT_MAX };
	u8 before, level;

	(void)state;
	for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_IP; m++) {
		levels_of(m, 1, rows, ARRAY_SIZE(rows), rows, &before);
		for (u32 n = 1; n < ARRAY_SIZE(rows); n++, before = level) {
			levels_of(m, 1, rows, ARRAY_SIZE(rows), rows + n, &level);
			assert_true(level >= before);
		}
	}
}

/* ---- lengths ------------------------------------------------------------------------- */

static void rows_of_any_length_are_scaled_to_one(void **state)
{
	static const float scale[] = { 1e-45f, 1e-42f, 1e-39f, 1e-38f, 1e-20f, 1, 1e20f, FLT_MAX };
	float row[100], out[100];
	u64 rnd = 27;

	(void)state;
	for (u32 s = 0; s < ARRAY_SIZE(scale); s++)
		for (u32 dim = 1; dim <= 100; dim++) {
			double sum = 0;

			for (u32 i = 0; i < dim; i++)
				row[i] = i ? test_unit(&rnd) * scale[s] : scale[s];
			vex_code_normalise(row, out, dim);
			for (u32 i = 0; i < dim; i++)
				sum += (double)out[i] * out[i];
			assert_true(fabs(sum - 1) < 1e-5);
		}
}

/* It has no direction, and must not be in the way of rows that have. */
static void a_zero_row_is_far_from_all_under_cosine(void **state)
{
	enum { DIM = 20, ROWS = 200 };
	float zeros[DIM] = { 0 };
	u64 rnd = 28;
	float *rows = rows_of(UNIT, ROWS, DIM, &rnd);

	(void)state;
	zeros[4] = -0.0f;
	for (u32 kind = VEX_CODE_SQ7; kind <= VEX_CODE_F32; kind++) {
		u8 levels[128], code[2][128], form[128];
		const u8 *codes[] = { code[0], code[1] };
		struct vex_form f = { .level = form };
		struct vex_codec c;
		u32 dist[2];

		codec_new(&c, kind, VEXFS_METRIC_COSINE, DIM);
		codec_train(&c, rows, ROWS);
		vex_codec_levels(&c, zeros, levels);
		vex_codec_pack(&c, levels, code[0]);
		assert_false(vex_codec_cut(&c, zeros));
		for (u32 n = 1; n < ROWS; n++) {
			vex_codec_query(&c, rows, levels);
			vex_codec_form(&c, levels, &f);
			vex_codec_levels(&c, rows + n * DIM, levels);
			vex_codec_pack(&c, levels, code[1]);
			vex_codec_dist(&c)(&f, codes, 2, c.bytes, dist);
			assert_true(dist[0] > dist[1]);
		}
		free(c.low);
	}
	free(rows);
}

/* ---- floats, and what levels lack --------------------------------------------------- */

static u32 order_bits(u32 order)
{
	return order & 0x80000000u ? order & ~0x80000000u : ~order;
}

static void floats_are_the_rows_themselves(void **state)
{
	enum { DIM = 37, ROWS = 40 };
	u64 rnd = 41;
	float *rows = rows_of(UNIT, ROWS, DIM, &rnd);
	struct vex_codec c;

	(void)state;
	for (u32 metric = VEXFS_METRIC_L2; metric <= VEXFS_METRIC_IP; metric++) {
		u8 levels[256], code[256], form[256];
		const u8 *codes[] = { code };
		struct vex_form f = { .level = form };
		float moved[DIM];
		u32 got, want;

		codec_new(&c, VEX_CODE_F32, metric, DIM);
		codec_train(&c, rows, ROWS);
		assert_int_equal(c.bytes, 192);
		vex_codec_query(&c, rows, levels);
		vex_codec_form(&c, levels, &f);
		for (u32 n = 1; n < ROWS; n++) {
			for (u32 i = 0; i < DIM; i++)
				moved[i] = rows[n * DIM + i] -
					   (metric == VEXFS_METRIC_IP ? test_float(c.low[i]) : 0);
			vex_codec_levels(&c, rows + n * DIM, levels);
			vex_codec_pack(&c, levels, code);
			vex_codec_dist(&c)(&f, codes, 1, c.bytes, &got);
			vex_dist_ops()->kernel[VEXFS_ELEM_F32][metric](rows, moved, 1, DIM, &want);
			assert_true(fabs(test_float(order_bits(got)) - test_float(want)) < 1e-4);
			assert_false(vex_codec_cut(&c, rows + n * DIM));
		}
		free(c.low);
	}
	free(rows);
}

static void rows_outside_of_the_range_are_cut(void **state)
{
	enum { DIM = 40, ROWS = 200 };
	u64 rnd = 42;
	float *rows = rows_of(UNIT, ROWS, DIM, &rnd), row[DIM];
	struct vex_codec c;

	(void)state;
	for (u32 kind = VEX_CODE_SQ7; kind <= VEX_CODE_SQ4; kind++)
		for (u32 metric = VEXFS_METRIC_L2; metric <= VEXFS_METRIC_IP; metric++) {
			codec_new(&c, kind, metric, DIM);
			codec_train(&c, rows, ROWS);
			assert_int_equal(c.usual, 0);
			for (u32 i = 0; i < DIM; i++)
				row[i] = rows[i] + 3;
			assert_true(vex_codec_cut(&c, row));
			row[0] = FLT_MAX;
			assert_true(vex_codec_cut(&c, row));
			memcpy(row, rows, sizeof(row));
			row[5] = -100;
			assert_true(vex_codec_cut(&c, row));
			free(c.low);
		}
	free(rows);
}

/* The same rows, and of one more element that is a thousand times as wide. */
static void what_levels_do_not_tell_is_known(void **state)
{
	enum { DIM = 40, ROWS = 500 };
	u64 rnd = 43;
	float *rows = rows_of(UNIT, ROWS, DIM, &rnd);
	struct vex_codec c;

	(void)state;
	for (u32 kind = VEX_CODE_SQ7; kind <= VEX_CODE_SQ4; kind++)
		for (u32 metric = VEXFS_METRIC_L2; metric <= VEXFS_METRIC_COSINE; metric++) {
			codec_new(&c, kind, metric, DIM);
			assert_int_equal(vex_codec_choose(&c, kind, rows, ROWS), 0);
			assert_int_equal(c.kind, kind);
			free(c.low);
		}
	for (u32 n = 0; n < ROWS; n++)
		rows[n * DIM] *= 1000;
	for (u32 kind = VEX_CODE_SQ7; kind <= VEX_CODE_SQ4; kind++) {
		codec_new(&c, kind, VEXFS_METRIC_L2, DIM);
		assert_int_equal(vex_codec_choose(&c, kind, rows, ROWS), 0);
		assert_int_equal(c.kind, VEX_CODE_F32);
		free(c.low);
	}
	free(rows);
}

static void a_few_cut_rows_are_usual_and_many_are_not(void **state)
{
	struct vex_codec c = { .usual = 10 };
	struct vex_drift d = { .rows = 1024, .cut = 30 };

	(void)state;
	/* A 64th, and twice what is usual. */
	assert_true(vex_drift_admits(&d, &c, 1024));
	d.cut = 36;
	assert_false(vex_drift_admits(&d, &c, 1024));
	assert_true(vex_drift_admits(&d, &c, 2048));
	/* They wait, and are not enough yet. */
	assert_false(vex_drift_due(&d, &c, 1024, 1536, 2));
	assert_true(vex_drift_due(&d, &c, 1024, 1537, 2));
	/* Rows that wait for another reason. */
	d.cut = 35;
	assert_false(vex_drift_due(&d, &c, 1024, 5000, 2));
	/* No more than there were when it was made: another codec would be the same. */
	d = (struct vex_drift){ .rows = 4000, .cut = 3000 };
	assert_false(vex_drift_due(&d, &c, 3500, 4000, 2));
	d.fresh = 2001;
	assert_true(vex_drift_due(&d, &c, 4000, 4000, 2));
}

/* ---- what a distance of codes says ----------------------------------------------------- */

/*
 * Of a row inside the range of the codec a level is wrong by half a step at most, and what an
 * SQ4 code keeps of it by four more. So the form is wrong by a vector of length e = step *
 * sqrt(dim) / 2 at most, and the code by one of f = e, or 9 e. The distance then is wrong by
 * e + f, by the triangle inequality, and the inner product by |q| f + |x| e + e f, both moved by what
 * level 64 stands for. A hundredth is for the rounding of levels in binary32.
 */
static void check_bound(const struct vex_codec *c, const float *q, const float *x, u32 dist)
{
	double step = 1 / (double)test_float(c->inv_step), dot = 0, qq = 0, xx = 0;
	double l2 = 0, got, want, limit;
	double e = step * sqrt(c->dim) / 2 * 1.01, f = c->kind == VEX_CODE_SQ4 ? 9 * e : e;

	for (u32 i = 0; i < c->dim; i++) {
		double middle = test_float(c->low[i]) + 64 * step, a = q[i] - middle;

		dot += a * (x[i] - middle);
		qq += a * a;
		xx += (x[i] - middle) * (x[i] - middle);
		l2 += ((double)q[i] - x[i]) * ((double)q[i] - x[i]);
	}
	if (c->metric == VEXFS_METRIC_IP) {
		got = ((double)(1U << 31) - dist) * step * step;
		want = dot;
		limit = sqrt(qq) * f + sqrt(xx) * e + e * f;
	} else {
		got = sqrt(dist) * step;
		want = sqrt(l2);
		limit = e + f;
	}
	if (fabs(got - want) > limit)
		fail_msg("kind %u metric %u dim %u: %g, of rows %g, bound %g", c->kind, c->metric,
			 c->dim, got, want, limit);
}

static void check_rows(u32 kind, u32 metric, u32 dim, float scale, u64 *rnd)
{
	/* So few that no value is left out of the range. */
	enum { ROWS = 30 };
	float *rows = rows_of(UNIT, ROWS, dim, rnd);
	struct vex_form form;
	struct vex_codec c;
	u8 *levels, *code;
	u32 dist;

	codec_new(&c, kind, metric, dim);
	levels = malloc(c.padded);
	code = malloc(c.bytes);
	form.level = malloc(c.padded);
	for (u32 i = 0; i < ROWS * dim; i++)
		rows[i] *= scale;
	codec_train(&c, rows, ROWS);
	for (u32 n = 0; n < ROWS && metric == VEXFS_METRIC_COSINE; n++)
		vex_code_normalise(rows + n * dim, rows + n * dim, dim);
	vex_codec_levels(&c, rows, levels);
	vex_codec_form(&c, levels, &form);
	for (u32 n = 0; n < ROWS; n++) {
		vex_codec_levels(&c, rows + n * dim, levels);
		vex_codec_pack(&c, levels, code);
		vex_codec_dist(&c)(&form, (const u8 *const *)&code, 1, c.bytes, &dist);
		check_bound(&c, rows, rows + n * dim, dist);
	}
	free(form.level);
	free(code);
	free(levels);
	free(c.low);
	free(rows);
}

static void distances_of_codes_are_near_those_of_rows(void **state)
{
	static const float scale[] = { 1e-15f, 1, 1e15f };
	u64 rnd = 29;

	(void)state;
	for (u32 dim = 1; dim < 400; dim += dim < 70 ? 3 : 61)
		for (u32 kind = 0; kind < VEX_CODE_KINDS; kind++)
			for (u32 m = VEXFS_METRIC_L2; m <= VEXFS_METRIC_COSINE; m++)
				for (u32 s = 0; s < ARRAY_SIZE(scale); s++)
					check_rows(kind, m, dim, scale[s], &rnd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_equal_sums_over_levels),
		cmocka_unit_test(first_and_last_levels_overflow_nothing),
		cmocka_unit_test(kernels_go_with_those_of_distances),
		cmocka_unit_test(words_rise_by_any_number_of_places),
		cmocka_unit_test(form_of_a_code_is_that_of_the_levels_it_keeps),
		cmocka_unit_test(distances_of_two_codes_are_mutual),
		cmocka_unit_test(levels_are_the_same_bits_from_every_set),
		cmocka_unit_test(one_row_trains_a_codec),
		cmocka_unit_test(constant_columns_have_one_level),
		cmocka_unit_test(a_query_has_the_same_levels_at_any_length),
		cmocka_unit_test(levels_are_lowered_one_by_one),
		cmocka_unit_test(an_outlier_does_not_widen_the_steps),
		cmocka_unit_test(negative_zero_has_the_level_of_zero),
		cmocka_unit_test(a_common_vector_is_no_matter_under_an_inner_product),
		cmocka_unit_test(the_largest_values_are_not_turned_round),
		cmocka_unit_test(rows_of_any_length_are_scaled_to_one),
		cmocka_unit_test(a_zero_row_is_far_from_all_under_cosine),
		cmocka_unit_test(floats_are_the_rows_themselves),
		cmocka_unit_test(rows_outside_of_the_range_are_cut),
		cmocka_unit_test(what_levels_do_not_tell_is_known),
		cmocka_unit_test(a_few_cut_rows_are_usual_and_many_are_not),
		cmocka_unit_test(distances_of_codes_are_near_those_of_rows),
	};
	int failed;

	vex_dist_init();
	sets[set_count++] = &vex_code_scalar;
	if (vex_cpu_has_avx2())
		sets[set_count++] = &vex_code_avx2;
	if (vex_cpu_has_avx512() && vex_cpu_has_vnni())
		sets[set_count++] = &vex_code_vnni;
	failed = cmocka_run_group_tests_name("code", tests, NULL, NULL);
	printf("code: %u instruction sets, %llu values compared\n", set_count, compared);
	return failed;
}
