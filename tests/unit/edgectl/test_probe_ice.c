/* Tests of edgectl/probe_ice.c: two ends check each other. */
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "edgectl/probe/probe_ice.h"

static struct probe_sdp sdp_a, sdp_b;
static struct probe_ice a, b;
static struct addr relay_a, relay_b;
static uint8_t request[PROBE_ICE_ROOM], reply[PROBE_ICE_ROOM];

static void setup(void)
{
	ck_assert_int_eq(addr_parse_z("192.0.2.1", 50001, &relay_a), 0);
	ck_assert_int_eq(addr_parse_z("192.0.2.1", 50002, &relay_b), 0);
	probe_sdp_init(&sdp_a, &relay_a, &relay_a);
	probe_sdp_init(&sdp_b, &relay_b, &relay_b);
	probe_ice_init(&a, &sdp_a, &sdp_b, true);
	probe_ice_init(&b, &sdp_b, &sdp_a, false);
}

START_TEST(test_both_ends_come_together)
{
	int n;
	int m;

	setup();
	n = probe_ice_check(&a, request);
	ck_assert_int_gt(n, 0);
	m = probe_ice_take(&b, request, (size_t)n, &relay_a, reply);
	ck_assert_int_gt(m, 0);
	ck_assert(b.was_checked && !b.is_answered);
	ck_assert_int_eq(probe_ice_take(&a, reply, (size_t)m, &relay_b,
				 request),
		0);
	ck_assert(a.is_answered && !a.was_checked);
	ck_assert(addr_eq(&a.mapped, &relay_a));
}
END_TEST

START_TEST(test_a_check_with_another_password_is_refused)
{
	int n;

	setup();
	n = probe_ice_check(&a, request);
	sdp_b.pwd[0] ^= 1;
	ck_assert_int_eq(probe_ice_take(&b, request, (size_t)n, &relay_a,
				 reply),
		EDGE_EFORGED);
	ck_assert(!b.was_checked);
}
END_TEST

START_TEST(test_an_answer_to_somebody_else_is_refused)
{
	int n;
	int m;

	setup();
	n = probe_ice_check(&a, request);
	m = probe_ice_take(&b, request, (size_t)n, &relay_a, reply);
	a.tid[STUN_TID_LEN - 1] ^= 1;
	ck_assert_int_eq(probe_ice_take(&a, reply, (size_t)m, &relay_b,
				 request),
		EDGE_EUNKNOWN);
	ck_assert(!a.is_answered);
}
END_TEST

START_TEST(test_garbage_is_refused)
{
	static const uint8_t ZERO[28];

	setup();
	ck_assert_int_lt(probe_ice_take(&a, ZERO, sizeof(ZERO), &relay_b,
				 reply),
		0);
	ck_assert_int_lt(probe_ice_take(&a, ZERO, 0, &relay_b, reply), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/probe_ice");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_both_ends_come_together);
	tcase_add_test(tc, test_a_check_with_another_password_is_refused);
	tcase_add_test(tc, test_an_answer_to_somebody_else_is_refused);
	tcase_add_test(tc, test_garbage_is_refused);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
