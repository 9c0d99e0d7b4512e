/* Tests of common/bundle/bundle_tree.c: the tree of RFC 9162 section 2.1. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "common/bundle/bundle_tree.h"

/* Leaves and roots of the tests of Certificate Transparency's reference
 * implementation (google/certificate-transparency, merkletree), whose tree
 * is that of RFC 6962 and RFC 9162. */
static const char *const LEAVES[] = {"", "00", "10", "2021", "3031",
	"40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
static const char *const ROOTS[] = {
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static struct bundle_hash hash_of(const char *hex)
{
	struct bundle_hash hash;
	size_t len = 0;

	ck_assert_int_eq(str_unhex(str_of(hex), hash.bytes,
		sizeof(hash.bytes), &len), 0);
	ck_assert_uint_eq(len, sizeof(hash.bytes));
	return hash;
}

START_TEST(test_roots_are_those_of_the_reference_implementation)
{
	struct bundle_hash leaves[ARRAY_COUNT(LEAVES)];

	for (size_t i = 0; i < ARRAY_COUNT(LEAVES); i++) {
		struct bundle_hash want = hash_of(ROOTS[i]);
		struct bundle_hash root;
		struct bundle_tree *tree = NULL;
		uint8_t data[16];
		size_t len = 0;

		ck_assert_int_eq(str_unhex(str_of(LEAVES[i]), data,
			sizeof(data), &len), 0);
		leaves[i] = bundle_tree_leaf(data, len);
		ck_assert_int_eq(bundle_tree_make(&tree, leaves, i + 1), 0);
		root = bundle_tree_root(tree);
		ck_assert_mem_eq(root.bytes, want.bytes, sizeof(root.bytes));
		bundle_tree_free(tree);
	}
}
END_TEST

static struct bundle_hash *some_leaves(size_t count)
{
	struct bundle_hash *leaves = calloc(count, sizeof(*leaves));

	for (size_t i = 0; i < count; i++)
		leaves[i] = bundle_tree_leaf(&i, sizeof(i));
	return leaves;
}

START_TEST(test_every_leaf_is_proved_and_only_in_its_place)
{
	for (size_t count = 1; count <= 70; count++) {
		struct bundle_hash *leaves = some_leaves(count);
		struct bundle_tree *tree = NULL;
		struct bundle_hash root;

		ck_assert_int_eq(bundle_tree_make(&tree, leaves, count), 0);
		root = bundle_tree_root(tree);
		for (size_t at = 0; at < count; at++) {
			struct bundle_hash path[BUNDLE_PATH_MAX];
			size_t n = bundle_tree_path(tree, at, path);
			const uint8_t *p = (const uint8_t *)path;

			ck_assert(bundle_tree_holds(&root, count, at,
				leaves[at], p, n));
			/* Another place, or a leaf of another place. */
			for (size_t i = 0; i < count; i++)
				ck_assert(i == at ||
					(!bundle_tree_holds(&root, count, i,
						 leaves[at], p, n) &&
						!bundle_tree_holds(&root,
							count, at, leaves[i],
							p, n)));
			ck_assert(!bundle_tree_holds(&root, count, count,
				leaves[at], p, n));
		}
		bundle_tree_free(tree);
		free(leaves);
	}
}
END_TEST

START_TEST(test_path_that_is_longer_shorter_or_changed_proves_nothing)
{
	struct bundle_hash *leaves = some_leaves(13);
	struct bundle_hash path[BUNDLE_PATH_MAX] = {0};
	struct bundle_tree *tree = NULL;
	struct bundle_hash root;
	size_t n;

	ck_assert_int_eq(bundle_tree_make(&tree, leaves, 13), 0);
	root = bundle_tree_root(tree);
	n = bundle_tree_path(tree, 5, path);
	ck_assert_uint_eq(n, 4);
	ck_assert(!bundle_tree_holds(&root, 13, 5, leaves[5], (uint8_t *)path,
		n - 1));
	ck_assert(!bundle_tree_holds(&root, 13, 5, leaves[5], (uint8_t *)path,
		n + 1));
	ck_assert(!bundle_tree_holds(&root, 13, 5, leaves[5], NULL, 0));
	/* A tree of another size has another shape. */
	ck_assert(!bundle_tree_holds(&root, 5, 4, leaves[5], (uint8_t *)path,
		n));
	for (size_t i = 0; i < n * sizeof(path[0]); i++) {
		uint8_t *octet = (uint8_t *)path + i;

		*octet ^= 1;
		ck_assert(!bundle_tree_holds(&root, 13, 5, leaves[5],
			(uint8_t *)path, n));
		*octet ^= 1;
	}
	bundle_tree_free(tree);
	free(leaves);
}
END_TEST

/* The hash of two leaves is none of a leaf: nobody shows a node as one. */
START_TEST(test_node_is_no_leaf)
{
	struct bundle_hash *leaves = some_leaves(4);
	struct bundle_hash path[BUNDLE_PATH_MAX];
	struct bundle_hash pair[2];
	struct bundle_hash root;
	struct bundle_tree *tree = NULL;

	ck_assert_int_eq(bundle_tree_make(&tree, leaves, 4), 0);
	root = bundle_tree_root(tree);
	memcpy(pair, leaves, sizeof(pair));
	ck_assert_uint_eq(bundle_tree_path(tree, 0, path), 2);
	ck_assert(!bundle_tree_holds(&root, 2, 0,
		bundle_tree_leaf(pair, sizeof(pair)), path[1].bytes, 1));
	bundle_tree_free(tree);
	free(leaves);
}
END_TEST

START_TEST(test_tree_of_nothing_is_refused)
{
	struct bundle_tree *tree = NULL;

	ck_assert_int_lt(bundle_tree_make(&tree, NULL, 0), 0);
	bundle_tree_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_tree");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc,
		test_roots_are_those_of_the_reference_implementation);
	tcase_add_test(tc, test_every_leaf_is_proved_and_only_in_its_place);
	tcase_add_test(tc,
		test_path_that_is_longer_shorter_or_changed_proves_nothing);
	tcase_add_test(tc, test_node_is_no_leaf);
	tcase_add_test(tc, test_tree_of_nothing_is_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
