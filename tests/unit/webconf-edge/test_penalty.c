/* Bans for bad tickets: the source, the whole source, nobody else. */
#include <check.h>
#include <stdio.h>

#include "webconf-edge/penalty.h"

static struct addr at(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_z(text, 1234, &a), 0);
	return a;
}

START_TEST(test_one_more_than_allowed_bans)
{
	struct mono now = {1000};
	struct addr a = at("192.0.2.1");
	struct addr other = at("192.0.2.2");
	struct penalty *p = NULL;

	ck_assert_int_eq(penalty_new(&p), 0);
	for (int i = 0; i < 20; i++)
		ck_assert(!penalty_add(p, &a, 20, 300000, now));
	ck_assert(!penalty_is_banned(p, &a, now));
	ck_assert(penalty_add(p, &a, 20, 300000, now));
	ck_assert(penalty_is_banned(p, &a, now));
	ck_assert(!penalty_is_banned(p, &other, now));
	ck_assert_uint_eq(penalty_count(p, now), 1);
	now.ms += 299999;
	ck_assert(penalty_is_banned(p, &a, now));
	now.ms += 2;
	ck_assert(!penalty_is_banned(p, &a, now));
	ck_assert_uint_eq(penalty_count(p, now), 0);
	penalty_free(p);
}
END_TEST

START_TEST(test_a_minute_forgets)
{
	struct mono now = {1000};
	struct addr a = at("192.0.2.1");
	struct penalty *p = NULL;

	ck_assert_int_eq(penalty_new(&p), 0);
	for (int i = 0; i < 1000; i++) {
		ck_assert(!penalty_add(p, &a, 20, 300000, now));
		now.ms += 3001; /* just under 20 a minute */
	}
	penalty_free(p);
}
END_TEST

START_TEST(test_a_prefix_of_ipv6_is_one_source)
{
	struct mono now = {1000};
	struct addr a = at("2001:db8:1:2::1");
	struct addr same = at("2001:db8:1:ff::9");
	struct addr other = at("2001:db8:1:9900::1");
	struct addr mapped = at("::ffff:192.0.2.9");
	struct addr plain = at("192.0.2.9");
	struct penalty *p = NULL;

	ck_assert_int_eq(penalty_new(&p), 0);
	for (int i = 0; i < 3; i++) {
		penalty_add(p, i % 2 ? &a : &same, 2, 1000, now);
		penalty_add(p, i % 2 ? &mapped : &plain, 2, 1000, now);
	}
	ck_assert(penalty_is_banned(p, &a, now));
	ck_assert(penalty_is_banned(p, &same, now));
	ck_assert(!penalty_is_banned(p, &other, now));
	ck_assert(penalty_is_banned(p, &plain, now));
	ck_assert(penalty_is_banned(p, &mapped, now));
	penalty_free(p);
}
END_TEST

/* A flood of sources neither grows the table nor frees the banned. */
START_TEST(test_a_flood_of_sources_lifts_no_ban)
{
	struct mono now = {1000};
	struct addr a = at("192.0.2.1");
	struct penalty *p = NULL;
	char text[32];

	ck_assert_int_eq(penalty_new(&p), 0);
	for (int i = 0; i < 3; i++)
		penalty_add(p, &a, 2, 300000, now);
	for (unsigned i = 0; i < 200000; i++) {
		struct addr one;

		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16,
			i >> 8 & 255, i & 255);
		one = at(text);
		penalty_add(p, &one, 2, 300000, now);
	}
	ck_assert(penalty_is_banned(p, &a, now));
	ck_assert_uint_eq(penalty_count(p, now), 1);
	penalty_free(p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("penalty");
	TCase *tc = tcase_create("penalty");
	SRunner *runner;
	int failures;

	tcase_add_test(tc, test_one_more_than_allowed_bans);
	tcase_add_test(tc, test_a_minute_forgets);
	tcase_add_test(tc, test_a_prefix_of_ipv6_is_one_source);
	tcase_add_test(tc, test_a_flood_of_sources_lifts_no_ban);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
