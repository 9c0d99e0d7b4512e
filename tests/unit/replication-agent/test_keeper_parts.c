/* The keeper and bundles that are not whole: what an edge of a pool gets of
 * a topology of two. */
#include "common/bundle/bundle_cut.h"
#include "keepers.h"

/* A second pool beside ours. */
#define TWO_POOLS                                                           \
	SAMPLE_HEAD                                                         \
	"  other.int.contoso.test:\n"                                       \
	"    next_hop: fe.int.contoso.test\n"                               \
	"    access:  {name: sip2.contoso.test}\n"                          \
	"    av:      {name: av2.contoso.test}\n"                           \
	"    machines:\n"                                                   \
	"      edge2.int.contoso.test: {internal: 10.0.0.11, access: "      \
	"198.51.100.11, av: 198.51.100.31}\n" SAMPLE_SERVERS

/* The bundle of both, and what the machines of one pool get of it. */
static void make_parts(struct bundle_bytes *whole, struct bundle_bytes *part,
	const char *pool, uint64_t serial)
{
	struct bundle_manifest m = manifest_of(1, serial);
	struct sqlite3 *db = sample_db(TWO_POOLS);
	struct bundle_cut *cut = NULL;
	struct why why = {""};
	struct bundle b;

	ck_assert_int_eq(bundle_cut_make(&cut, db, &why), 0);
	bundle_cut_describe(cut, &m);
	make_bundle(whole, &m, TWO_POOLS);
	ck_assert_int_eq(bundle_read(&b, whole->p, whole->len, &why), 0);
	ck_assert_msg(bundle_cut_for(part, cut, db, &b, pool, &why) == 0,
		"%s", why.text);
	bundle_fini(&b);
	bundle_cut_free(cut);
	sqlite3_close(db);
}

static int64_t current_pools(void)
{
	struct sqlite3 *db = NULL;
	struct why why = {""};
	char path[512];
	int64_t count = -1;

	ck_assert_int_eq(generation_current_path(state_dir, path,
		sizeof(path), &why), 0);
	ck_assert_int_eq(generation_open(&db, path, &why), 0);
	ck_assert_int_eq(sql_number(db, &why, "SELECT COUNT(*) FROM pool", -1,
		&count), 0);
	sqlite3_close(db);
	return count;
}

START_TEST(test_part_of_our_pool_is_taken_like_the_whole)
{
	struct bundle_bytes whole;
	struct bundle_bytes part;

	make_parts(&whole, &part, "edge.int.contoso.test", 7);
	ck_assert_int_eq(stage(&part), 201);
	/* One version, whatever of it was brought. */
	ck_assert_int_eq(stage(&part), 200);
	ck_assert_int_eq(stage(&whole), 200);
	ck_assert_int_eq(activate(&part, (struct bundle_version){1, 7}), 200);
	ck_assert_int_eq(current_pools(), 1);
	ck_assert_int_eq(stage(&whole), 200);
	bundle_bytes_fini(&whole);
	bundle_bytes_fini(&part);
	/* Either may follow the other. */
	make_parts(&whole, &part, "edge.int.contoso.test", 8);
	ck_assert_int_eq(stage(&whole), 201);
	ck_assert_int_eq(activate(&whole, (struct bundle_version){1, 8}), 200);
	ck_assert_int_eq(current_pools(), 2);
	bundle_bytes_fini(&whole);
	bundle_bytes_fini(&part);
}
END_TEST

/* Signed all right, and proved: of no use here, and not in the way of what
 * is. */
START_TEST(test_part_of_another_pool_is_refused_and_ours_still_taken)
{
	struct bundle_bytes whole;
	struct bundle_bytes part;

	make_parts(&whole, &part, "other.int.contoso.test", 7);
	ck_assert_int_eq(stage(&part), 422);
	bundle_bytes_fini(&whole);
	bundle_bytes_fini(&part);
	make_parts(&whole, &part, "edge.int.contoso.test", 7);
	ck_assert_int_eq(stage(&part), 201);
	ck_assert_int_eq(activate(&part, (struct bundle_version){1, 7}), 200);
	bundle_bytes_fini(&whole);
	bundle_bytes_fini(&part);
}
END_TEST

START_TEST(test_lost_store_is_rebuilt_from_a_part)
{
	struct bundle_bytes whole;
	struct bundle_bytes part;

	make_parts(&whole, &part, "edge.int.contoso.test", 7);
	ck_assert_int_eq(stage(&part), 201);
	ck_assert_int_eq(activate(&part, (struct bundle_version){1, 7}), 200);
	bundle_bytes_fini(&whole);
	bundle_bytes_fini(&part);
	keeper_fini(&keeper);
	damage("current");
	open_keeper();
	ck_assert_int_eq(current_pools(), 1);
	ck_assert_uint_eq(keeper.view.current.serial, 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper_parts");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_part_of_our_pool_is_taken_like_the_whole);
	tcase_add_test(tc,
		test_part_of_another_pool_is_refused_and_ours_still_taken);
	tcase_add_test(tc, test_lost_store_is_rebuilt_from_a_part);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
