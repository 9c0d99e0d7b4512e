/* What users hold and carry, over all shards (R16, T9). */
#include <pthread.h>
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

/* n: which of the user's credentials. */
static int take_for(const uint8_t *user, uint8_t n, uint32_t per_user,
	uint32_t per_credential, struct quota_place *out)
{
	const uint8_t credential[QUOTA_CREDENTIAL_LEN] = {user[0], n};
	const struct quota_claim claim = {
		.client_id = user,
		.credential = credential,
		.per_user = per_user,
		.per_credential = per_credential,
	};

	return quota_take(q, &claim, out);
}

static int take(const uint8_t *user, uint32_t limit, struct quota_place *out)
{
	return take_for(user, 0, limit, 1000, out);
}

START_TEST(test_R16_limit_is_reached_and_room_comes_back)
{
	struct quota_place p[4], other;

	ck_assert_int_eq(take(alice, 2, &p[0]), 0);
	ck_assert_int_eq(take(alice, 2, &p[1]), 0);
	ck_assert_int_eq(take(alice, 2, &p[2]), EDGE_EBUSY);
	ck_assert_int_eq(take(bob, 2, &other), 0);
	ck_assert_uint_eq(quota_user_count(q), 2);
	ck_assert_uint_eq(quota_held(q), 3);
	quota_give(q, p[0]);
	ck_assert_int_eq(take(alice, 2, &p[2]), 0);
	ck_assert_int_eq(take(alice, 3, &p[3]), 0); /* limit was raised */
	ck_assert_uint_eq(quota_held(q), 4);
}
END_TEST

START_TEST(test_R16_a_credential_has_a_limit_of_its_own)
{
	struct quota_place p;

	ck_assert_int_eq(take_for(alice, 1, 10, 2, &p), 0);
	ck_assert_int_eq(take_for(alice, 1, 10, 2, &p), 0);
	ck_assert_int_eq(take_for(alice, 1, 10, 2, &p), EDGE_EBUSY);
	ck_assert_int_eq(take_for(alice, 2, 10, 2, &p), 0);
	/* ... and all of them together the user's. */
	ck_assert_int_eq(take_for(alice, 3, 3, 2, &p), EDGE_EBUSY);
	ck_assert_uint_eq(quota_user_count(q), 1);
}
END_TEST

START_TEST(test_users_who_hold_nothing_are_forgotten)
{
	struct quota_place p;

	ck_assert_int_eq(take(alice, 1, &p), 0);
	quota_give(q, p);
	ck_assert_uint_eq(quota_user_count(q), 0);
	ck_assert_uint_eq(quota_held(q), 0);
}
END_TEST

/* Bytes of 1000 each that one may carry within so many ms. */
static unsigned carried(struct quota_place p, uint32_t kbps, int64_t ms)
{
	unsigned n = 0;
	int64_t at;

	for (at = 0; at < ms; at++)
		while (quota_may_carry(q, p, QUOTA_UP, 1000, kbps,
			(struct mono){5000000 + at}))
			n++;
	return n;
}

START_TEST(test_R16_bandwidth_of_a_user_is_bounded)
{
	struct quota_place p;
	unsigned n;

	ck_assert_int_eq(take(alice, 9, &p), 0);
	/* 8000 kbit/s are 1000 of them a second, and one second's worth is
	 * there at the beginning. */
	n = carried(p, 8000, 10000);
	ck_assert_uint_ge(n, 10990);
	ck_assert_uint_le(n, 11010);
	/* The other direction has a budget of its own. */
	ck_assert(quota_may_carry(q, p, QUOTA_DOWN, 1000, 8000,
		(struct mono){5000000}));
}
END_TEST

START_TEST(test_T9_ending_all_and_beginning_anew_brings_no_bandwidth)
{
	struct quota_place p, other;

	ck_assert_int_eq(take(alice, 9, &p), 0);
	ck_assert_uint_ge(carried(p, 8000, 1), 990);
	quota_give(q, p);
	ck_assert_uint_eq(quota_user_count(q), 0);
	ck_assert_int_eq(take(alice, 9, &p), 0);
	ck_assert_uint_le(carried(p, 8000, 1), 1);
	/* Neither way is another's, nor is it other users'. */
	ck_assert(quota_may_carry(q, p, QUOTA_DOWN, 1000, 8000,
		(struct mono){5000000}));
	ck_assert_int_eq(take(bob, 9, &other), 0);
	ck_assert_uint_ge(carried(other, 8000, 1), 990);
	/* Time pays it, without anybody's record. */
	quota_give(q, p);
	ck_assert_int_eq(take(alice, 9, &p), 0);
	ck_assert(quota_may_carry(q, p, QUOTA_UP, 1000, 8000,
		(struct mono){5002000}));
}
END_TEST

START_TEST(test_even_the_lowest_rate_lets_something_pass)
{
	struct quota_place p;

	ck_assert_int_eq(take(alice, 9, &p), 0);
	ck_assert(quota_may_carry(q, p, QUOTA_UP, 9000, 1,
		(struct mono){5000000}));
	ck_assert(!quota_may_carry(q, p, QUOTA_UP, 1, 1,
		(struct mono){5070000}));
	ck_assert(quota_may_carry(q, p, QUOTA_UP, 1, 1,
		(struct mono){5071001}));
}
END_TEST

#define DRAWERS 4

static void *drawer(void *arg)
{
	struct quota_place p = *(struct quota_place *)arg;

	return (void *)(uintptr_t)carried(p, 8000, 3000);
}

/* Shards draw on one user at once: together they get what one would. */
START_TEST(test_R16_a_user_is_one_over_all_shards)
{
	struct quota_place p[DRAWERS];
	pthread_t threads[DRAWERS];
	uintptr_t n = 0;
	void *part;
	size_t i;

	for (i = 0; i < DRAWERS; i++) {
		ck_assert_int_eq(take_for(alice, (uint8_t)i, 9, 9, &p[i]), 0);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, drawer,
			&p[i]), 0);
	}
	for (i = 0; i < DRAWERS; i++) {
		pthread_join(threads[i], &part);
		n += (uintptr_t)part;
	}
	ck_assert_uint_ge(n, 3900);
	/* A thread whose clock is behind gets nothing more. */
	ck_assert_uint_le(n, 4010);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_R16_limit_is_reached_and_room_comes_back,
		test_R16_a_credential_has_a_limit_of_its_own,
		test_users_who_hold_nothing_are_forgotten,
		test_R16_bandwidth_of_a_user_is_bounded,
		test_T9_ending_all_and_beginning_anew_brings_no_bandwidth,
		test_even_the_lowest_rate_lets_something_pass,
		test_R16_a_user_is_one_over_all_shards,
	};

	return suite_run("quota", tests, ARRAY_COUNT(tests), setup, teardown);
}
