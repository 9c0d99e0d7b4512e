/* Tests of common/bundle/bundle_manifest.c: one canonical text, nothing
 * unknown, nothing missing. */
#include "bundles.h"

static int read_text(const char *text, struct why *why)
{
	struct bundle_manifest m;
	int err = bundle_manifest_read(&m, str_of(text), why);

	if (err == 0)
		bundle_manifest_fini(&m);
	return err;
}

START_TEST(test_every_member_comes_back)
{
	char targets[2][256] = {"a.int.test", "b.int.test"};
	struct bundle_manifest m = manifest_of(7, 70);
	struct bundle_manifest again;
	struct why why = {""};
	char *text = NULL;

	m.is_rollback = true;
	m.rollback_of = (struct bundle_version){6, 60};
	m.targets = targets;
	m.target_count = 2;
	m.schema = 1;
	m.rows = 3;
	m.raw_len = 100;
	m.payload_len = 50;
	m.codec = BUNDLE_ZSTD;
	m.parts = 12;
	snprintf(m.parts_sha256, sizeof(m.parts_sha256), "%064d", 4);
	snprintf(m.min_agent, sizeof(m.min_agent), "0.2.0");
	snprintf(m.raw_sha256, sizeof(m.raw_sha256), "%064d", 1);
	snprintf(m.payload_sha256, sizeof(m.payload_sha256), "%064d", 2);
	snprintf(m.prev_sha256, sizeof(m.prev_sha256), "%064d", 3);
	ck_assert_msg(bundle_manifest_print(&m, &text, &why) == 0, "%s",
		why.text);
	ck_assert_int_eq(bundle_manifest_read(&again, str_of(text), &why), 0);
	ck_assert(again.is_rollback);
	ck_assert_uint_eq(again.rollback_of.serial, 60);
	ck_assert_uint_eq(again.target_count, 2);
	ck_assert_str_eq(again.targets[1], "b.int.test");
	ck_assert(bundle_manifest_is_for(&again, "a.int.test"));
	ck_assert(!bundle_manifest_is_for(&again, "c.int.test"));
	ck_assert_str_eq(again.min_agent, "0.2.0");
	ck_assert_str_eq(again.prev_sha256, m.prev_sha256);
	ck_assert_str_eq(again.reason, "a test");
	ck_assert_uint_eq(again.raw_len, 100);
	ck_assert_uint_eq(again.parts, 12);
	ck_assert_str_eq(again.parts_sha256, m.parts_sha256);
	bundle_manifest_fini(&again);
	free(text);
}
END_TEST

/* Both or none, and one at least; only a topology has them. */
START_TEST(test_parts_come_with_their_hash)
{
	static const char *const BAD[][2] = {
		{"\"parts\":12,", ""},
		{"\"parts_sha256\":\"", "\"parts_sha257\":\""},
		{"\"parts\":12,", "\"parts\":0,"},
		{"\"parts\":12,", "\"parts\":-1,"},
		{"\"parts\":12,", "\"parts\":4294967296,"},
		{"\"topology\"", "\"trust\""},
	};
	struct bundle_manifest m = manifest_of(7, 70);
	char *text = NULL;

	m.schema = 1;
	m.parts = 12;
	snprintf(m.raw_sha256, sizeof(m.raw_sha256), "%064d", 1);
	snprintf(m.payload_sha256, sizeof(m.payload_sha256), "%064d", 2);
	snprintf(m.parts_sha256, sizeof(m.parts_sha256), "%064d", 4);
	ck_assert_int_eq(bundle_manifest_print(&m, &text, NULL), 0);
	ck_assert_int_eq(read_text(text, NULL), 0);
	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		char *at = strstr(text, BAD[i][0]);
		char bad[4096];

		ck_assert_ptr_nonnull(at);
		snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - text), text,
			BAD[i][1], at + strlen(BAD[i][0]));
		ck_assert_msg(read_text(bad, NULL) == EDGE_EMALFORMED, "%s",
			bad);
	}
	free(text);
}
END_TEST

#define ZEROS "0000000000000000"
#define SHA   "\"" ZEROS ZEROS ZEROS ZEROS "\""
#define HEAD_A "{\"created\":1700000000,\"deployment\":\"" DEPLOYMENT "\","
#define HEAD_B "\"of\":" SHA ",\"prev_sha256\":\"\",\"publisher\":\"p\","
#define HEAD_C "\"reason\":\"\",\"schema\":1,\"serial\":1,\"type\":\"head\"}"

START_TEST(test_bad_manifests_are_refused)
{
	static const char GOOD[] =
		HEAD_A "\"epoch\":1,\"expires\":1700003600," HEAD_B HEAD_C;
	static const char *const BAD[] = {
		"", "{}", "[]", "{\"type\":\"head\"}",
		/* order, white space, a second of a name */
		"{\"deployment\":\"" DEPLOYMENT "\",\"created\":1700000000,"
		"\"epoch\":1,\"expires\":1700003600," HEAD_B HEAD_C,
		HEAD_A " \"epoch\":1,\"expires\":1700003600," HEAD_B HEAD_C,
		HEAD_A "\"epoch\":1,\"epoch\":1,\"expires\":1700003600,"
		HEAD_B HEAD_C,
		/* kinds and ranges */
		HEAD_A "\"epoch\":\"1\",\"expires\":1700003600," HEAD_B HEAD_C,
		HEAD_A "\"epoch\":-1,\"expires\":1700003600," HEAD_B HEAD_C,
		HEAD_A "\"epoch\":1.5,\"expires\":1700003600," HEAD_B HEAD_C,
		HEAD_A "\"epoch\":4294967296,\"expires\":1700003600,"
		HEAD_B HEAD_C,
		HEAD_A "\"epoch\":0,\"expires\":1700003600," HEAD_B HEAD_C,
		/* over before it begins */
		HEAD_A "\"epoch\":1,\"expires\":1700000000," HEAD_B HEAD_C,
		/* what a head has not, and what nobody knows */
		HEAD_A "\"epoch\":1,\"expires\":1700003600," HEAD_B
		"\"raw_len\":0," HEAD_C,
		HEAD_A "\"epoch\":1,\"expires\":1700003600,\"extra\":1,"
		HEAD_B HEAD_C,
		HEAD_A "\"epoch\":1,\"expires\":1700003600," HEAD_B
		"\"reason\":\"\",\"schema\":1,\"serial\":1,"
		"\"type\":\"other\"}",
		HEAD_A "\"epoch\":1,\"expires\":1700003600," HEAD_B
		"\"reason\":\"\\n\",\"schema\":1,\"serial\":1,"
		"\"type\":\"head\"}",
		HEAD_A "\"epoch\":1,\"expires\":1700003600," HEAD_B
		"\"reason\":\"\",\"schema\":1,\"serial\":1,\"targets\":[],"
		"\"type\":\"head\"}",
		/* said, and nothing is said: it would not print again */
		HEAD_A "\"epoch\":1,\"expires\":1700003600,\"min_agent\":\"\","
		HEAD_B HEAD_C,
	};
	struct why why = {""};

	ck_assert_msg(read_text(GOOD, &why) == 0, "%s", why.text);
	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		why.text[0] = '\0';
		ck_assert_msg(read_text(BAD[i], &why) == EDGE_EMALFORMED,
			"%zu: %s", i, BAD[i]);
		ck_assert_str_ne(why.text, "");
	}
}
END_TEST

START_TEST(test_what_can_not_be_read_is_not_printed)
{
	struct bundle_manifest m = manifest_of(1, 1);
	struct why why = {""};
	char *text = NULL;

	m.type = BUNDLE_HEAD;
	ck_assert_int_eq(bundle_manifest_print(&m, &text, &why),
		EDGE_EMALFORMED); /* of what? */
	snprintf(m.of, sizeof(m.of), "%064d", 0);
	snprintf(m.reason, sizeof(m.reason), "two\nlines");
	ck_assert_int_eq(bundle_manifest_print(&m, &text, &why),
		EDGE_EMALFORMED);
	snprintf(m.reason, sizeof(m.reason), "\xff");
	ck_assert_int_eq(bundle_manifest_print(&m, &text, &why),
		EDGE_EMALFORMED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_manifest");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_every_member_comes_back);
	tcase_add_test(tc, test_parts_come_with_their_hash);
	tcase_add_test(tc, test_bad_manifests_are_refused);
	tcase_add_test(tc, test_what_can_not_be_read_is_not_printed);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
