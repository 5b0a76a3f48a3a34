// SPDX-License-Identifier: GPL-2.0-only
/* Checksums, name hash, nearest candidates, and the helpers of the userspace platform. */
#include "test.h"

/* ---- CRC-32C ---------------------------------------------------------------- */

/* One bit at a time: the definition. */
static u32 crc_reference(const u8 *p, size_t len)
{
	u32 crc = ~0u;

	for (; len; len--, p++) {
		crc ^= *p;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void crc_known_values(void **state)
{
	u8 zeros[32] = { 0 }, ones[32], up[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (u32 i = 0; i < 32; i++)
		up[i] = i;
	assert_int_equal(vex_crc32c("123456789", 9), 0xe3069283);
	assert_int_equal(vex_crc32c("", 0), 0);
	/* RFC 3720, appendix B.4. */
	assert_int_equal(vex_crc32c(zeros, 32), 0x8a9136aa);
	assert_int_equal(vex_crc32c(ones, 32), 0x62a8ab43);
	assert_int_equal(vex_crc32c(up, 32), 0x46dd794e);
}

static void crc_every_length_and_alignment(void **state)
{
	u8 *buf = malloc(16384);
	u64 rnd = 1;

	(void)state;
	for (u32 i = 0; i < 16384; i++)
		buf[i] = test_random(&rnd);
	for (u32 len = 0; len < 16384 - 8; len += len < 300 ? 1 : 61) {
		u32 at = len % 8, want = crc_reference(buf + at, len);

		assert_int_equal(vex_crc32c(buf + at, len), want);
		assert_int_equal((u32)~vex_crc32c_table(~0u, buf + at, len), want);
		if (vex_cpu_has_crc32())
			assert_int_equal((u32)~vex_crc32c_x86(~0u, buf + at, len), want);
	}
	free(buf);
}

/* ---- SipHash-2-4 -------------------------------------------------------------- */

/*
 * The paper's key 00 01 .. 0f over the messages 00 01 .. (n-1). Appendix A works n = 15; the
 * others are of the authors' reference implementation.
 */
static void siphash_reference_vectors(void **state)
{
	static const struct { u32 len; u64 hash; } want[] = {
		{ 0, 0x726fdb47dd0e0e31ULL }, { 1, 0x74f839c593dc67fdULL },
		{ 2, 0x0d6c8009d9a94f5aULL }, { 3, 0x85676696d7fb7e2dULL },
		{ 7, 0xab0200f58b01d137ULL }, { 8, 0x93f5f5799a932462ULL },
		{ 15, 0xa129ca6149be45e5ULL }, { 63, 0x958a324ceb064572ULL },
	};
	const u64 key[2] = { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL };
	u8 message[64];

	(void)state;
	for (u32 i = 0; i < 64; i++)
		message[i] = i;
	for (u32 i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(vex_siphash(key, message, want[i].len), want[i].hash);
}

static void siphash_reads_no_further_than_told(void **state)
{
	const u64 key[2] = { 1, 2 };
	u64 before = 0;

	(void)state;
	for (u32 len = 0; len < 40; len++) {
		char *exact = malloc(len ? len : 1);
		u64 hash;

		memset(exact, 'x', len ? len : 1);
		hash = vex_siphash(key, exact, len);
		assert_int_not_equal(hash, before);
		before = hash;
		free(exact);
	}
}

/* ---- nearest candidates --------------------------------------------------------- */

static int by_order_then_id(const void *a, const void *b)
{
	const struct vex_cand *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void topk_equals_a_full_sort(void **state)
{
	enum { MOST = 600 };
	static struct vex_cand heap[64], all[MOST];
	u32 distances[64];
	u64 ids[64], rnd = 7;

	(void)state;
	for (u32 round = 0; round < 400; round++) {
		u32 n = test_below(&rnd, MOST), k = 1 + test_below(&rnd, 64);
		struct vex_topk t;

		vex_topk_init(&t, heap, k);
		for (u32 i = 0; i < n; i++) {
			/* Few values, so that many are equal; both signs. */
			u32 bits = test_bits((float)test_below(&rnd, 9) - 4.0f);

			all[i] = (struct vex_cand){ vex_f32_order(bits), bits,
						    test_random(&rnd) };
			vex_topk_offer(&t, bits, all[i].id);
		}
		qsort(all, n, sizeof(all[0]), by_order_then_id);
		vex_topk_drain(&t, ids, distances);
		for (u32 i = 0; i < k; i++) {
			assert_int_equal(ids[i], i < n ? all[i].id : VEXFS_NO_ID);
			assert_int_equal(distances[i], i < n ? all[i].bits : VEX_F32_MAX);
		}
	}
}

static void order_follows_the_values(void **state)
{
	static const float up[] = { -3e38f, -1.0f, -1e-40f, -0.0f, 0.0f, 1e-45f, 1.0f, 3e38f };

	(void)state;
	for (u32 i = 1; i < ARRAY_SIZE(up); i++)
		assert_true(vex_f32_order(test_bits(up[i - 1])) < vex_f32_order(test_bits(up[i])));
}

/* ---- the platform ---------------------------------------------------------------- */

static int compare_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void sort_orders_everything(void **state)
{
	u64 rnd = 3, v[200];

	(void)state;
	for (u32 n = 0; n <= 200; n++) {
		u64 sum = 0;

		for (u32 i = 0; i < n; i++)
			sum += v[i] = test_below(&rnd, 50);
		sort(v, n, sizeof(v[0]), compare_u64, NULL);
		for (u32 i = 0; i < n; i++) {
			sum -= v[i];
			assert_true(!i || v[i - 1] <= v[i]);
		}
		assert_int_equal(sum, 0);
	}
}

static void memory_is_counted_and_fails_when_told(void **state)
{
	struct vex_mem_count before, after;
	void *p[4];

	(void)state;
	vex_mem_count(&before);
	vex_mem_fail(2, 1);
	for (u32 i = 0; i < 4; i++)
		p[i] = vex_zalloc(i == 3 ? 5000 : 10);
	vex_mem_fail(0, 0);
	assert_non_null(p[0]);
	assert_null(p[1]);
	assert_null(p[2]);
	assert_non_null(p[3]);
	assert_int_equal((uintptr_t)p[0] % 16, 0);
	assert_int_equal((uintptr_t)p[3] % 4096, 0);
	assert_null(memchr_inv(p[3], 0, 5000));
	vex_mem_count(&after);
	assert_int_equal(after.live, before.live + 2);
	assert_int_equal(after.failed, before.failed + 2);
	for (u32 i = 0; i < 4; i++)
		vex_free(p[i]);
	vex_mem_count(&after);
	assert_int_equal(after.live, before.live);
	assert_int_equal(after.bytes, before.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_known_values),
		cmocka_unit_test(crc_every_length_and_alignment),
		cmocka_unit_test(siphash_reference_vectors),
		cmocka_unit_test(siphash_reads_no_further_than_told),
		cmocka_unit_test(topk_equals_a_full_sort),
		cmocka_unit_test(order_follows_the_values),
		cmocka_unit_test(sort_orders_everything),
		cmocka_unit_test(memory_is_counted_and_fails_when_told),
	};

	vex_crc32c_init();
	return cmocka_run_group_tests_name("util", tests, NULL, NULL);
}
