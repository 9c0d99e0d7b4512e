/* Tests of edgectl/publish/edition.c: what the machines of a pool get. */
#include <errno.h>

#include "edgectl/publish/edition.h"
#include "tests/unit/bundle/bundles.h"

#define POOL "edge.int.contoso.test"

static struct bundle_bytes published;
static struct edition edition;

/* The sample; root is the hash over its parts that is signed, NULL = the
 * right one, "" = it can't be cut. */
static void publish(const char *root)
{
	struct bundle_manifest m = manifest_of(1, 1);
	struct sqlite3 *db = sample_db(SAMPLE);
	struct bundle_key *key = key_number(0);
	struct bundle_cut *cut = NULL;

	ck_assert_int_eq(bundle_cut_make(&cut, db, NULL), 0);
	bundle_cut_describe(cut, &m);
	if (root != NULL)
		snprintf(m.parts_sha256, sizeof(m.parts_sha256), "%s", root);
	if (m.parts_sha256[0] == '\0')
		m.parts = 0;
	make_sample(&published, &m, key);
	bundle_cut_free(cut);
	bundle_key_free(key);
	sqlite3_close(db);
}

static void open_it(bool is_cut)
{
	struct why why = {""};

	ck_assert_msg(edition_open(&edition, published.p, published.len,
		is_cut, &why) == 0, "%s", why.text);
}

static void teardown(void)
{
	edition_close(&edition);
	bundle_bytes_fini(&published);
}

static struct bundle_bytes body(void)
{
	struct bundle_bytes bytes;

	ck_assert_int_eq(edition_for(&bytes, &edition, POOL, NULL), 0);
	return bytes;
}

START_TEST(test_pool_gets_its_parts_under_the_name_of_the_whole)
{
	struct bundle_bytes bytes;
	struct bundle b;

	publish(NULL);
	open_it(true);
	bytes = body();
	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, NULL), 0);
	ck_assert_uint_gt(b.part_count, 1);
	ck_assert_str_eq(b.sha256, published.sha256);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
}
END_TEST

START_TEST(test_unknown_pool_is_an_error)
{
	struct bundle_bytes bytes;
	struct why why = {""};

	publish(NULL);
	open_it(true);
	ck_assert_int_eq(edition_for(&bytes, &edition, "x.test", &why),
		-ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "x.test"));
}
END_TEST

START_TEST(test_whole_goes_to_all_where_that_is_wanted)
{
	publish(NULL);
	open_it(false);
	ck_assert_ptr_null(body().p);
}
END_TEST

/* An older publication, or one whose parts another zstd pressed. */
START_TEST(test_whole_goes_to_all_where_parts_would_not_be_believed)
{
	publish("");
	open_it(true);
	ck_assert_ptr_null(body().p);
	teardown();
	publish("00000000000000000000000000000000"
		"00000000000000000000000000000000");
	open_it(true);
	ck_assert_ptr_null(body().p);
}
END_TEST

START_TEST(test_damaged_publication_is_not_opened)
{
	publish(NULL);
	published.p[published.len - 1] ^= 1;
	ck_assert_int_lt(edition_open(&edition, published.p, published.len,
		true, NULL), 0);
	ck_assert_ptr_null(edition.db);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/edition");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc,
		test_pool_gets_its_parts_under_the_name_of_the_whole);
	tcase_add_test(tc, test_unknown_pool_is_an_error);
	tcase_add_test(tc, test_whole_goes_to_all_where_that_is_wanted);
	tcase_add_test(tc,
		test_whole_goes_to_all_where_parts_would_not_be_believed);
	tcase_add_test(tc, test_damaged_publication_is_not_opened);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
