/* How much each inside server may ask for. */
#include <check.h>
#include <string.h>

#include "av-auth/avedge_xml.h"
#include "av-auth/rates.h"
#include "tests/unit/av-auth/lab.h"

static struct lab_plain lab;

static void setup(void)
{
	lab_plain_init(&lab);
}

static void teardown(void)
{
	lab_plain_fini(&lab);
}

START_TEST(test_rate_is_per_server_and_comes_back)
{
	struct rates r;
	struct mono now = {1000};

	lab_trust(&lab, TOPOLOGY_GRANT_AV_AUTH, "fe2.int.test");
	lab_set(&lab, "credential_rate", "60");
	ck_assert_int_eq(rates_init(&r, &lab.t, now), 0);
	ck_assert(rates_take(&r, "fe.int.test", 120, now));
	ck_assert(!rates_take(&r, "fe.int.test", 1, now));
	ck_assert(rates_take(&r, "FE2.int.test", 1, now));
	now.ms += 1000;
	ck_assert(rates_take(&r, "fe.int.test", 60, now));
	ck_assert(!rates_take(&r, "fe.int.test", 1, now));
	rates_fini(&r);
}
END_TEST

START_TEST(test_one_full_request_passes_at_the_lowest_rate)
{
	struct rates r;
	struct mono now = {1000};

	lab_set(&lab, "credential_rate", "1");
	ck_assert_int_eq(rates_init(&r, &lab.t, now), 0);
	ck_assert(rates_take(&r, "fe.int.test", AVEDGE_ITEMS_MAX, now));
	rates_fini(&r);
}
END_TEST

/* Else one that repeats a large request would never see it answered. */
START_TEST(test_refused_request_costs_nothing)
{
	struct rates r;
	struct mono now = {1000};

	lab_set(&lab, "credential_rate", "10");
	ck_assert_int_eq(rates_init(&r, &lab.t, now), 0);
	ck_assert(rates_take(&r, "fe.int.test", 60, now));
	for (int i = 0; i < 5; i++) {
		ck_assert(!rates_take(&r, "fe.int.test", 91, now));
		now.ms += 1000;
	}
	ck_assert(rates_take(&r, "fe.int.test", 90, now));
	rates_fini(&r);
}
END_TEST

START_TEST(test_server_without_the_right_has_no_rate)
{
	struct rates r;
	struct mono now = {1000};

	ck_assert_int_eq(rates_init(&r, &lab.t, now), 0);
	ck_assert_uint_eq(r.count, 1);
	ck_assert(!rates_take(&r, "sip.int.test", 1, now));
	rates_fini(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rates");
	TCase *tc = tcase_create("rates");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_rate_is_per_server_and_comes_back);
	tcase_add_test(tc, test_one_full_request_passes_at_the_lowest_rate);
	tcase_add_test(tc, test_refused_request_costs_nothing);
	tcase_add_test(tc, test_server_without_the_right_has_no_rate);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
