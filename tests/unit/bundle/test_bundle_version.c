/* Tests of common/bundle/bundle_version.c: forwards only. */
#include "bundles.h"

START_TEST(test_B9_2_replays_and_old_publishers_are_told_apart)
{
	const struct bundle_mark mark = {{3, 66}, "aa"};
	const struct {
		struct bundle_version version;
		const char *sha256;
		enum bundle_verdict verdict;
	} rows[] = {
		{{3, 67}, "bb", BUNDLE_NEWER},
		{{3, 1000}, "bb", BUNDLE_NEWER},
		{{4, 1}, "bb", BUNDLE_NEWER},
		{{3, 66}, "aa", BUNDLE_KNOWN},
		{{3, 66}, "bb", BUNDLE_CONFLICT},
		{{3, 65}, "bb", BUNDLE_OLDER},
		{{3, 65}, "aa", BUNDLE_OLDER},
		{{2, 1000}, "bb", BUNDLE_OLDER},
		{{0, UINT64_MAX}, "bb", BUNDLE_OLDER},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		ck_assert_int_eq(bundle_judge(&mark, rows[i].version,
			rows[i].sha256), rows[i].verdict);
}
END_TEST

START_TEST(test_version_text_comes_back)
{
	static const char *const BAD[] = {"", ".", "3", "3.", ".66", "3.66.1",
		"-3.66", "3. 66", "4294967296.1", "3.18446744073709551616",
		"0x3.1"};
	char text[BUNDLE_VERSION_LEN];
	struct bundle_version v = {0, 0};

	bundle_version_text((struct bundle_version){UINT32_MAX, UINT64_MAX},
		text);
	ck_assert_str_eq(text, "4294967295.18446744073709551615");
	ck_assert_int_eq(bundle_version_parse(str_of(text), &v), 0);
	ck_assert_uint_eq(v.epoch, UINT32_MAX);
	ck_assert_uint_eq(v.serial, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_msg(bundle_version_parse(str_of(BAD[i]), &v) < 0,
			"%s", BAD[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_version");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_B9_2_replays_and_old_publishers_are_told_apart);
	tcase_add_test(tc, test_version_text_comes_back);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
