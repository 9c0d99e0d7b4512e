/* Who begins TLS, by the first bytes. */
#include <check.h>

#include "webconf-edge/role.h"

START_TEST(test_first_bytes_decide)
{
	static const struct {
		const char *p;
		size_t len;
		enum role_verdict want;
	} rows[] = {
		{"", 0, ROLE_WAIT},
		{"\x16", 1, ROLE_SERVER},
		{"\x16\x03\x01", 3, ROLE_SERVER},
		{"\x80", 1, ROLE_WAIT},
		{"\x80\x2e", 2, ROLE_WAIT},
		{"\x80\x2e\x01", 3, ROLE_SERVER},
		{"\xff\x2e\x01\x03", 4, ROLE_SERVER},
		{"\x80\x2e\x02", 3, ROLE_NO_TLS},
		{"G", 1, ROLE_NO_TLS},
		{"\x17\x03\x03", 3, ROLE_NO_TLS},
		{"\x00", 1, ROLE_NO_TLS},
		{"WE\x01", 3, ROLE_NO_TLS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(role_probe((const uint8_t *)rows[i].p,
				      rows[i].len) == rows[i].want,
			"row %zu", i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("role");
	TCase *tc = tcase_create("role");
	SRunner *runner;
	int failures;

	tcase_add_test(tc, test_first_bytes_decide);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
