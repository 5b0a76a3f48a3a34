// SPDX-License-Identifier: GPL-2.0-only
/* Collections in an image, by the calls of vexfs.h: made, saved, opened again, refused. */
#include <unistd.h>
#include <vex_io.h>

#include "vectors.h"

#define DIM	16u
#define ROWS	1500u

static char image[64];

static int image_make(void **state)
{
	struct vex_mkfs_opts opts = { .label = "test", .features = VEX_FEATURES_DEFAULT };
	struct vex_io io;
	int fd;

	strcpy(image, "/tmp/vexfs-api-XXXXXX");
	fd = mkstemp(image);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(truncate(image, 32 << 20), 0);
	vex_core_init();
	assert_int_equal(vex_io_fd_open(&io, image, VEX_IO_FD_WRITE), 0);
	assert_int_equal(vex_mkfs(&io, &opts), 0);
	return vex_io_fd_close(&io);
}

static int image_remove(void **state)
{
	return unlink(image);
}

static const struct vexfs_coll_options hnsw = {
	.size = sizeof(hnsw), .dim = DIM, .m = 8, .ef_construction = 40,
};

static void one_that_is_made_is_there_when_opened_again(void **state)
{
	float *rows = vectors_new(CLUSTERED, ROWS, DIM, 1);
	struct vexfs_coll_stats st;
	struct vexfs_coll *c;
	uint64_t first = 7, id = 3;
	float row[DIM];

	assert_int_equal(vexfs_coll_open(image, "/rows", &hnsw, 0, &c), 0);
	assert_int_equal(vexfs_coll_add(c, rows, ROWS, &first), 0);
	assert_int_equal(first, 0);
	assert_int_equal(vexfs_coll_delete(c, &id, 1), 0);
	assert_int_equal(vexfs_coll_sync(c), 0);
	assert_int_equal(vexfs_coll_close(c), 0);

	assert_int_equal(vexfs_coll_open(image, "rows", NULL, VEXFS_COLL_READ_ONLY, &c), 0);
	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.rows, ROWS);
	assert_int_equal(st.live, ROWS - 1);
	assert_int_equal(st.indexed, ROWS);
	assert_int_equal(st.dim, DIM);
	assert_int_equal(st.m, 8);
	assert_int_equal(st.ef_construction, 40);
	assert_int_equal(st.code, VEXFS_COLL_SQ7);
	assert_true(st.index_bytes > 0);
	assert_int_equal(vexfs_coll_get(c, &id, 1, row), -ENOENT);
	id = 4;
	assert_int_equal(vexfs_coll_get(c, &id, 1, row), 0);
	assert_memory_equal(row, rows + 4 * DIM, sizeof(row));
	assert_int_equal(vexfs_coll_add(c, rows, 1, NULL), -EROFS);
	assert_int_equal(vexfs_coll_close(c), 0);
	free(rows);
}

static void bytes_are_saved_as_they_came(void **state)
{
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 5), row[DIM];
	struct vexfs_coll *memory, *saved;
	struct vexfs_coll_stats st;
	uint64_t id;

	for (u32 i = 0; i < ROWS * DIM; i++)
		rows[i] = (u8)(int)(rows[i] * 1000);
	assert_int_equal(vexfs_coll_memory(&hnsw, &memory), 0);
	assert_int_equal(vexfs_coll_add(memory, rows, ROWS, NULL), 0);
	assert_int_equal(vexfs_coll_stat(memory, &st), 0);
	assert_int_equal(st.row_bytes, ROWS * DIM);
	assert_int_equal(vexfs_coll_save(memory, image, "/bytes"), 0);
	assert_int_equal(vexfs_coll_open(image, "/bytes", NULL, 0, &saved), 0);
	assert_int_equal(vexfs_coll_stat(saved, &st), 0);
	assert_int_equal(st.row_bytes, ROWS * DIM * sizeof(float));
	for (id = 0; id < ROWS; id++) {
		assert_int_equal(vexfs_coll_get(saved, &id, 1, row), 0);
		assert_memory_equal(row, rows + id * DIM, sizeof(row));
	}
	vexfs_coll_close(saved);
	vexfs_coll_close(memory);
	free(rows);
}

static void one_that_is_saved_finds_the_same(void **state)
{
	float *rows = vectors_new(CLUSTERED, ROWS, DIM, 2);
	float *queries = vectors_queries(CLUSTERED, 20, DIM, 2);
	struct vexfs_coll *memory, *flat, *saved;
	uint64_t ids[100], filter[ROWS / 64 + 1], i;

	assert_int_equal(vexfs_coll_memory(&hnsw, &memory), 0);
	flat = coll_of(VEXFS_COLL_L2, 0, DIM, rows, ROWS);
	assert_int_equal(vexfs_coll_add(memory, rows, ROWS, NULL), 0);
	for (i = 0; i < 100; i++)
		ids[i] = 5 * i;
	assert_int_equal(vexfs_coll_delete(memory, ids, 100), 0);
	assert_int_equal(vexfs_coll_delete(flat, ids, 100), 0);
	assert_int_equal(vexfs_coll_save(memory, image, "/saved"), 0);
	assert_int_equal(vexfs_coll_save(memory, image, "/saved"), -EEXIST);
	assert_int_equal(vexfs_coll_save(memory, image, "/no/saved"), -ENOENT);
	assert_int_equal(vexfs_coll_open(image, "/saved", NULL, 0, &saved), 0);
	assert_true(vectors_recall(saved, flat, queries, 20, 100, NULL, 0) >= 0.97);
	for (i = 0; i < ARRAY_SIZE(filter); i++)
		filter[i] = 0xf0f0f0f0f0f0f0f0;
	assert_true(vectors_recall(saved, flat, queries, 20, 20, filter, ARRAY_SIZE(filter)) >= 0.97);
	assert_true(vectors_recall(saved, flat, queries, 20, 20, filter, 1) == 1);
	assert_int_equal(vexfs_coll_save(saved, image, "/again"), -EINVAL);
	vexfs_coll_close(saved);
	vexfs_coll_close(flat);
	vexfs_coll_close(memory);
	free(queries);
	free(rows);
}

/* Rows of @WIDE elements that differ in a dozen directions, and in all others a little. */
static float *few_directions(u32 count, u64 seed)
{
	enum { FEW = 12, WIDE = 256 };
	float *along = vectors_new(UNIFORM, FEW, WIDE, 11);
	float *place = vectors_new(UNIFORM, count, FEW, seed);
	float *rows = vectors_new(UNIFORM, count, WIDE, seed + 1);

	for (u32 i = 0; i < count * WIDE; i++) {
		rows[i] *= 0.05f;
		for (u32 d = 0; d < FEW; d++)
			rows[i] += place[i / WIDE * FEW + d] * along[d * WIDE + i % WIDE];
	}
	free(place);
	free(along);
	return rows;
}

/* The codes are chosen by the rows, in memory and in an image, and are there when it is reopened. */
static void main_directions_are_found_and_kept(void **state)
{
	enum { MANY = 3000, QUERIES = 20, WIDE = 256 };
	const struct vexfs_coll_options o = { .size = sizeof(o), .dim = WIDE };
	float *rows = few_directions(MANY, 21), *queries = few_directions(QUERIES, 31);
	struct vexfs_coll *flat = coll_of(VEXFS_COLL_L2, 0, WIDE, rows, MANY), *c;
	struct vexfs_coll_stats st;

	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	assert_int_equal(vexfs_coll_add(c, rows, MANY, NULL), 0);
	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.code, VEXFS_COLL_PCA);
	assert_true(vectors_recall(c, flat, queries, QUERIES, 100, NULL, 0) >= 0.97);
	vexfs_coll_close(c);
	assert_int_equal(vexfs_coll_open(image, "/pca", &o, 0, &c), 0);
	assert_int_equal(vexfs_coll_add(c, rows, MANY, NULL), 0);
	assert_true(vectors_recall(c, flat, queries, QUERIES, 100, NULL, 0) >= 0.97);
	assert_int_equal(vexfs_coll_close(c), 0);
	assert_int_equal(vexfs_coll_open(image, "/pca", NULL, VEXFS_COLL_READ_ONLY, &c), 0);
	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.code, VEXFS_COLL_PCA);
	assert_int_equal(st.indexed, MANY);
	assert_true(vectors_recall(c, flat, queries, QUERIES, 100, NULL, 0) >= 0.97);
	vexfs_coll_close(c);
	vexfs_coll_close(flat);
	free(queries);
	free(rows);
}

/* Nothing is there of what there is no room for, and all room is free again. */
static void one_that_has_no_room_leaves_nothing(void **state)
{
	enum { MANY = 40000 };
	float *rows = vectors_new(UNIFORM, MANY, 256, 5);
	struct vexfs_coll *big, *small, *c;

	big = coll_new(VEXFS_COLL_L2, 0, 256, 8, 40);
	assert_int_equal(vexfs_coll_add(big, rows, MANY, NULL), 0);
	assert_int_equal(vexfs_coll_save(big, image, "/big"), -ENOSPC);
	assert_int_equal(vexfs_coll_open(image, "/big", NULL, 0, &c), -ENOENT);
	/* What fits into an empty image still does, and under the same name. */
	small = coll_new(VEXFS_COLL_L2, 0, 256, 8, 40);
	assert_int_equal(vexfs_coll_add(small, rows, 25000, NULL), 0);
	assert_int_equal(vexfs_coll_save(small, image, "/big"), 0);
	assert_int_equal(vexfs_coll_open(image, "/big", NULL, 0, &c), 0);
	vexfs_coll_close(c);
	vexfs_coll_close(small);
	vexfs_coll_close(big);
	free(rows);
}

static void what_cannot_be_opened_is_refused(void **state)
{
	struct vexfs_coll_options wrong = hnsw, flat = hnsw;
	struct vexfs_coll *c, *other;
	float row[DIM] = { 0 }, distance;
	uint64_t id;

	wrong.m = 1;
	flat.index = VEXFS_COLL_FLAT;
	assert_int_equal(vexfs_coll_open("none.img", "/a", &hnsw, 0, &c), -ENOENT);
	assert_int_equal(vexfs_coll_open("/dev/null", "/a", &hnsw, 0, &c), -ENOTBLK);
	assert_int_equal(vexfs_coll_open(image, "/a", NULL, 0, &c), -ENOENT);
	assert_int_equal(vexfs_coll_open(image, "/", NULL, 0, &c), -EISDIR);
	assert_int_equal(vexfs_coll_open(image, "/a/b", &hnsw, 0, &c), -ENOENT);
	assert_int_equal(vexfs_coll_open(image, "/a", &wrong, 0, &c), -EINVAL);
	assert_int_equal(vexfs_coll_open(image, "/a", NULL, 2, &c), -EINVAL);
	assert_int_equal(vexfs_coll_open(image, "/a", &hnsw, VEXFS_COLL_READ_ONLY, &c), -EINVAL);
	assert_int_equal(vexfs_coll_open(image, "/a", &flat, 0, &c), 0);
	assert_int_equal(vexfs_coll_open(image, "/a", NULL, 0, &other), -EBUSY);
	assert_int_equal(vexfs_coll_search(c, row, 1, 4097, NULL, &id, &distance), -EINVAL);
	assert_int_equal(vexfs_coll_close(c), 0);
	assert_int_equal(vexfs_coll_open(image, "/a", &flat, 0, &c), -EEXIST);
	assert_int_equal(vexfs_coll_open(image, "/a/b", NULL, 0, &c), -ENOTDIR);
	assert_int_equal(truncate(image, 4096), 0);
	assert_int_equal(vexfs_coll_open(image, "/a", NULL, 0, &c), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_is_made_is_there_when_opened_again,
						image_make, image_remove),
		cmocka_unit_test_setup_teardown(bytes_are_saved_as_they_came, image_make,
						image_remove),
		cmocka_unit_test_setup_teardown(one_that_is_saved_finds_the_same, image_make,
						image_remove),
		cmocka_unit_test_setup_teardown(main_directions_are_found_and_kept, image_make,
						image_remove),
		cmocka_unit_test_setup_teardown(one_that_has_no_room_leaves_nothing, image_make,
						image_remove),
		cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_refused, image_make,
						image_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
