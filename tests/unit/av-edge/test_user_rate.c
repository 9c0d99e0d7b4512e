/* What a user may begin: per minute, per user. */
#include <string.h>

#include "av-edge/user_rate.h"
#include "tests/unit/av-edge/suite.h"

static struct user_rate *r;
static const uint8_t alice[AV_CRED_CLIENT_ID_LEN] = "alice";
static const uint8_t bob[AV_CRED_CLIENT_ID_LEN] = "bob";
static struct mono now;

static void setup(void)
{
	ck_assert_int_eq(user_rate_new(&r), 0);
	now = (struct mono){1000000};
}

static void teardown(void)
{
	user_rate_free(r);
}

static unsigned takes(const uint8_t *user, unsigned tries, uint32_t rate)
{
	unsigned taken = 0;

	while (tries-- > 0)
		taken += user_rate_take(r, user, rate, now);
	return taken;
}

START_TEST(test_T6_a_minute_has_so_many_and_no_more)
{
	ck_assert_uint_eq(takes(alice, 100, 10), 10);
	now.ms += 5999;
	ck_assert_uint_eq(takes(alice, 100, 10), 0);
	now.ms += 1;
	ck_assert_uint_eq(takes(alice, 100, 10), 1);
	now.ms += 3600000;
	ck_assert_uint_eq(takes(alice, 100, 10), 10);
}
END_TEST

START_TEST(test_T6_refused_ones_cost_nothing)
{
	ck_assert_uint_eq(takes(alice, 100000, 1), 1);
	now.ms += 60000;
	ck_assert_uint_eq(takes(alice, 1, 1), 1);
}
END_TEST

START_TEST(test_users_have_their_own)
{
	ck_assert_uint_eq(takes(alice, 20, 10), 10);
	ck_assert_uint_eq(takes(bob, 20, 10), 10);
}
END_TEST

/* Whoever used up its own takes none of the others', but for bad luck. */
START_TEST(test_T9_a_user_without_any_left_does_not_starve_others)
{
	uint8_t other[AV_CRED_CLIENT_ID_LEN] = "other";
	unsigned starved = 0, i;

	ck_assert_uint_eq(takes(alice, 20, 10), 10);
	for (i = 0; i < 100000; i++) {
		memcpy(other + 8, &i, sizeof(i));
		starved += takes(other, 1, 10) == 0;
		now.ms += 1000;
		ck_assert_uint_le(takes(alice, 20, 10), 1);
	}
	ck_assert_uint_eq(starved, 0);
}
END_TEST

START_TEST(test_T9_more_users_than_places_have_less_each_and_no_more)
{
	uint8_t user[AV_CRED_CLIENT_ID_LEN] = "user";
	unsigned taken = 0, i;

	for (i = 0; i < 50000; i++) {
		memcpy(user + 8, &i, sizeof(i));
		taken += takes(user, 2, 1);
	}
	ck_assert_uint_eq(taken, 4096);
}
END_TEST

START_TEST(test_great_rates_do_not_wrap)
{
	ck_assert_uint_eq(takes(alice, 100001, 100000), 100000);
	now.ms += INT64_C(86400000) * 365;
	ck_assert_uint_eq(takes(alice, 100001, 100000), 100000);
	/* A smaller rate from now on, by a new setting. */
	ck_assert_uint_eq(takes(alice, 10, 5), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T6_a_minute_has_so_many_and_no_more,
		test_T6_refused_ones_cost_nothing,
		test_users_have_their_own,
		test_T9_a_user_without_any_left_does_not_starve_others,
		test_T9_more_users_than_places_have_less_each_and_no_more,
		test_great_rates_do_not_wrap,
	};

	return suite_run("user_rate", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
