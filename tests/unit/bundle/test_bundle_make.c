/* Tests of common/bundle/bundle_make.c: what is made can be read, signed by
 * whoever was asked, and says who it is. */
#include <errno.h>

#include "bundles.h"

START_TEST(test_topology_comes_back_row_by_row)
{
	struct bundle_key *key = key_number(0);
	struct bundle_manifest m = manifest_of(3, 66);
	struct sqlite3 *before = sample_db(SAMPLE);
	struct sqlite3 *after = NULL;
	struct bundle_rows a;
	struct bundle_rows b;
	struct bundle_bytes bytes;
	struct bundle bundle;
	struct bundle_trust trust;
	struct why why = {""};

	make_sample(&bytes, &m, key);
	ck_assert_int_eq(bundle_read(&bundle, bytes.p, bytes.len, &why), 0);
	ck_assert_str_eq(bundle.sha256, bytes.sha256);
	ck_assert_uint_eq(bundle.manifest.version.epoch, 3);
	ck_assert_uint_eq(bundle.manifest.version.serial, 66);
	ck_assert_int_eq(bundle.manifest.codec, BUNDLE_ZSTD);
	trust_in(&trust, key);
	ck_assert_int_eq(bundle_trust_verify(&trust, &bundle, &why), 0);
	ck_assert_msg(bundle_scratch(&after, &bundle, &why) == 0, "%s",
		why.text);
	ck_assert_int_eq(bundle_rows_dump(&a, before, &why), 0);
	ck_assert_int_eq(bundle_rows_dump(&b, after, &why), 0);
	ck_assert_str_eq(a.text, b.text);
	ck_assert_uint_eq(a.count, bundle.manifest.rows);
	bundle_rows_fini(&a);
	bundle_rows_fini(&b);
	sqlite3_close(before);
	sqlite3_close(after);
	bundle_fini(&bundle);
	bundle_bytes_fini(&bytes);
	bundle_key_free(key);
}
END_TEST

START_TEST(test_same_content_gives_the_same_bytes)
{
	struct bundle_key *key = key_number(0);
	struct bundle_manifest m = manifest_of(1, 1);
	struct bundle_bytes a;
	struct bundle_bytes b;

	make_sample(&a, &m, key);
	make_sample(&b, &m, key);
	ck_assert_uint_eq(a.len, b.len);
	ck_assert_mem_eq(a.p, b.p, a.len);
	bundle_bytes_fini(&a);
	bundle_bytes_fini(&b);
	bundle_key_free(key);
}
END_TEST

/* A signer that answers with somebody else's signature. */
static int sign_wrongly(void *arg,
	const uint8_t input[static BUNDLE_INPUT_LEN],
	uint8_t out[static BUNDLE_SIGNATURE_LEN], struct why *why)
{
	struct bundle_signer other;

	bundle_key_signer(arg, &other);
	return other.sign(other.arg, input, out, why);
}

static int sign_never(void *arg, const uint8_t input[static BUNDLE_INPUT_LEN],
	uint8_t out[static BUNDLE_SIGNATURE_LEN], struct why *why)
{
	(void)arg;
	(void)input;
	(void)out;
	return why_set(why, EDGE_EPEER, "the token is not plugged in");
}

START_TEST(test_wrong_signer_is_found_before_publishing)
{
	struct bundle_key *key = key_number(0);
	struct bundle_key *other = key_number(1);
	struct bundle_manifest m = manifest_of(1, 1);
	struct bundle_signer signer;
	struct bundle_bytes bytes;
	struct why why = {""};

	snprintf(m.of, sizeof(m.of), "%064d", 0);
	bundle_key_signer(key, &signer);
	signer.sign = sign_wrongly;
	signer.arg = other;
	ck_assert_int_eq(bundle_make_head(&bytes, &m, &signer, 1, &why),
		EDGE_EFORGED);
	signer.sign = sign_never;
	ck_assert_int_eq(bundle_make_head(&bytes, &m, &signer, 1, &why),
		EDGE_EPEER);
	ck_assert_str_eq(why.text, "the token is not plugged in");
	bundle_key_free(key);
	bundle_key_free(other);
}
END_TEST

START_TEST(test_rows_that_press_too_well_travel_plain)
{
	struct bundle_key *key = key_number(0);
	struct bundle_manifest m = manifest_of(1, 1);
	struct sqlite3 *db = sample_db(SAMPLE);
	struct bundle_signer signer;
	struct bundle_rows rows;
	struct bundle_bytes bytes;
	struct bundle bundle;
	struct why why = {""};

	bundle_key_signer(key, &signer);
	ck_assert_int_eq(sqlite3_exec(db,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
		"FROM n WHERE i < 20000) INSERT INTO federated_domain(domain,"
		"action,note) SELECT printf('d%07d.test', i), 'allow', "
		"printf('%0300d', 0) FROM n", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(bundle_rows_dump(&rows, db, &why), 0);
	ck_assert_int_eq(bundle_make_topology(&bytes, &m, &rows, &signer, 1,
		&why), 0);
	ck_assert_int_eq(bundle_read(&bundle, bytes.p, bytes.len, &why), 0);
	ck_assert_uint_le(bundle.manifest.raw_len / BUNDLE_RATIO_MAX,
		bundle.manifest.payload_len);
	bundle_fini(&bundle);
	bundle_bytes_fini(&bytes);
	bundle_rows_fini(&rows);
	sqlite3_close(db);
	bundle_key_free(key);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_make");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_topology_comes_back_row_by_row);
	tcase_add_test(tc, test_same_content_gives_the_same_bytes);
	tcase_add_test(tc, test_wrong_signer_is_found_before_publishing);
	tcase_add_test(tc, test_rows_that_press_too_well_travel_plain);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
