/* Allocations per user over all shards (R16, T9). */
#include <string.h>

#include "common/base/err.h"
#include "av-edge/quota.h"
#include "tests/unit/av-edge/suite.h"

static struct quota *q;
static const uint8_t alice[AV_CRED_CLIENT_ID_LEN] = {1};
static const uint8_t bob[AV_CRED_CLIENT_ID_LEN] = {2};

static void setup(void)
{
	ck_assert_int_eq(quota_new(&q), 0);
}

static void teardown(void)
{
	quota_free(q);
}

START_TEST(test_R16_limit_is_reached_and_room_comes_back)
{
	ck_assert_int_eq(quota_take(q, alice, 2), 0);
	ck_assert_int_eq(quota_take(q, alice, 2), 0);
	ck_assert_int_eq(quota_take(q, alice, 2), EDGE_EBUSY);
	ck_assert_int_eq(quota_take(q, bob, 2), 0);
	ck_assert_uint_eq(quota_user_count(q), 2);
	quota_give(q, alice);
	ck_assert_int_eq(quota_take(q, alice, 2), 0);
	ck_assert_int_eq(quota_take(q, alice, 3), 0); /* limit was raised */
}
END_TEST

START_TEST(test_users_who_hold_nothing_are_forgotten)
{
	ck_assert_int_eq(quota_take(q, alice, 1), 0);
	quota_give(q, alice);
	ck_assert_uint_eq(quota_user_count(q), 0);
	quota_give(q, alice); /* nothing to give */
	ck_assert_uint_eq(quota_user_count(q), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_R16_limit_is_reached_and_room_comes_back,
		test_users_who_hold_nothing_are_forgotten,
	};

	return suite_run("quota", tests, ARRAY_COUNT(tests), setup, teardown);
}
