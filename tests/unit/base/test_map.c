/* Tests of common/base/map.c. */
#include <string.h>

#include <check.h>

#include "common/base/attr.h"
#include "common/base/map.h"

struct thing {
	struct map_node node;
	uint32_t key;
	bool seen;
};

static struct thing *thing_of(const struct map_node *node)
{
	return container_of(node, struct thing, node);
}

static bool thing_is(const struct map_node *node, const void *key)
{
	return thing_of(node)->key == *(const uint32_t *)key;
}

static void put(struct map *m, struct thing *t, uint32_t key)
{
	t->key = key;
	map_insert(m, &t->node, map_hash(m, &key, sizeof(key)));
}

static struct thing *get(const struct map *m, uint32_t key)
{
	struct map_node *node = map_find(m, map_hash(m, &key, sizeof(key)),
		thing_is, &key);

	return node != NULL ? thing_of(node) : NULL;
}

/* The vectors of the authors: key 00..0f, message 00 01 02 ... */
START_TEST(test_map_siphash_equals_the_published_vectors)
{
	static const uint64_t WANT[] = {0x726fdb47dd0e0e31, 0x74f839c593dc67fd,
		0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d, 0xcf2794e0277187b7,
		0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
		0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3,
		0xf4b32f46226bada7, 0x751e8fbc860ee5fb, 0x14ea5627c0843d90,
		0xf723ca908e7af2ee, 0xa129ca6149be45e5};
	static const uint64_t KEY[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	uint8_t message[16];

	for (uint8_t i = 0; i < 16; i++) {
		message[i] = i;
		ck_assert_uint_eq(siphash24(KEY, message, i), WANT[i]);
	}
}
END_TEST

START_TEST(test_map_finds_what_was_put)
{
	enum { COUNT = 5000 };
	static struct thing things[COUNT];
	struct map m;

	ck_assert_int_eq(map_init(&m), 0);
	ck_assert_ptr_null(get(&m, 1));
	for (uint32_t i = 0; i < COUNT; i++)
		put(&m, &things[i], i * 7);
	ck_assert_uint_eq(m.count, COUNT);
	ck_assert_uint_ge(m.bucket_count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		ck_assert_ptr_eq(get(&m, i * 7), &things[i]);
		ck_assert_ptr_null(get(&m, i * 7 + 1));
	}
	for (uint32_t i = 0; i < COUNT; i += 2)
		map_remove(&m, &things[i].node);
	for (uint32_t i = 0; i < COUNT; i++)
		ck_assert((get(&m, i * 7) != NULL) == (i % 2 == 1));
	ck_assert_uint_eq(m.count, COUNT / 2);
	map_fini(&m);
}
END_TEST

START_TEST(test_map_removing_a_stranger_changes_nothing)
{
	struct thing a, stranger = {.key = 2};
	struct map m;

	ck_assert_int_eq(map_init(&m), 0);
	put(&m, &a, 1);
	map_remove(&m, &stranger.node);
	ck_assert_uint_eq(m.count, 1);
	map_remove(&m, &a.node);
	map_remove(&m, &a.node);
	ck_assert_uint_eq(m.count, 0);
	map_fini(&m);
	map_remove(&m, &a.node);
	ck_assert_ptr_null(get(&m, 1));
}
END_TEST

START_TEST(test_map_walk_sees_each_node_once)
{
	enum { COUNT = 1000 };
	static struct thing things[COUNT];
	struct map_node *at = NULL;
	struct map m;
	size_t count = 0;

	ck_assert_int_eq(map_init(&m), 0);
	ck_assert_ptr_null(map_next(&m, NULL));
	for (uint32_t i = 0; i < COUNT; i++)
		put(&m, &things[i], i);
	while ((at = map_next(&m, at)) != NULL) {
		ck_assert(!thing_of(at)->seen);
		thing_of(at)->seen = true;
		count++;
	}
	ck_assert_uint_eq(count, COUNT);
	map_fini(&m);
}
END_TEST

START_TEST(test_map_walk_may_remove_what_it_sees)
{
	enum { COUNT = 1000 };
	static struct thing things[COUNT];
	struct map_node *at, *tmp;
	struct map m;
	size_t count = 0;

	ck_assert_int_eq(map_init(&m), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		put(&m, &things[i], i);
	map_for_each(at, tmp, &m) {
		map_remove(&m, at);
		memset(thing_of(at), 0xa5, sizeof(struct thing));
		count++;
	}
	ck_assert_uint_eq(count, COUNT);
	ck_assert_uint_eq(m.count, 0);
	map_fini(&m);
}
END_TEST

START_TEST(test_map_keys_differ_between_maps)
{
	struct map a, b;

	ck_assert_int_eq(map_init(&a), 0);
	ck_assert_int_eq(map_init(&b), 0);
	ck_assert_uint_ne(map_hash(&a, "x", 1), map_hash(&b, "x", 1));
	map_fini(&a);
	map_fini(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/map");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_map_siphash_equals_the_published_vectors);
	tcase_add_test(tc, test_map_finds_what_was_put);
	tcase_add_test(tc, test_map_removing_a_stranger_changes_nothing);
	tcase_add_test(tc, test_map_walk_sees_each_node_once);
	tcase_add_test(tc, test_map_walk_may_remove_what_it_sees);
	tcase_add_test(tc, test_map_keys_differ_between_maps);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
