/* Ports put aside: by token, by user, for half a minute. */
#include <string.h>

#include "common/base/err.h"
#include "av-edge/reservation.h"
#include "tests/unit/av-edge/suite.h"

static struct reservations *all;
static const struct mono now = {5000000};
static const uint8_t alice[AV_CRED_CLIENT_ID_LEN] = {1};
static const uint8_t bob[AV_CRED_CLIENT_ID_LEN] = {2};

static void setup(void)
{
	ck_assert_int_eq(reservations_new(&all), 0);
}

static void teardown(void)
{
	reservations_free(all);
}

static struct reservation add(uint16_t port)
{
	struct reservation r = {.port = port, .family = 1};

	memcpy(r.client_id, alice, sizeof(alice));
	ck_assert_int_eq(reservation_add(all, &r, now), 0);
	return r;
}

START_TEST(test_token_is_good_once_and_for_its_user)
{
	struct reservation r = add(50001), got;

	ck_assert(!reservation_claim(all, r.token, bob, now, &got));
	ck_assert(reservation_claim(all, r.token, alice, now, &got));
	ck_assert_uint_eq(got.port, 50001);
	ck_assert_uint_eq(got.family, 1);
	ck_assert(!reservation_claim(all, r.token, alice, now, &got));
	ck_assert_uint_eq(reservation_count(all), 0);
}
END_TEST

START_TEST(test_token_is_over_after_half_a_minute)
{
	struct reservation r = add(50001), got;
	const struct mono later = {now.ms + RESERVATION_MS};

	ck_assert(!reservation_next_over(all, (struct mono){later.ms - 1},
		&got));
	ck_assert(!reservation_claim(all, r.token, alice, later, &got));
	ck_assert(reservation_next_over(all, later, &got));
	ck_assert_uint_eq(got.port, 50001);
	ck_assert(!reservation_next_over(all, later, &got));
}
END_TEST

START_TEST(test_one_is_found_by_its_port)
{
	struct reservation r = add(50001), got;

	(void)add(50003);
	ck_assert(reservation_of_port(all, 1, 50001, &got));
	ck_assert_mem_eq(got.token, r.token, sizeof(r.token));
	ck_assert(!reservation_of_port(all, 0, 50001, &got));
	ck_assert(!reservation_of_port(all, 1, 50002, &got));
	ck_assert_uint_eq(reservation_count(all), 2);
}
END_TEST

START_TEST(test_T17_tokens_differ_and_their_number_is_bounded)
{
	static uint8_t tokens[RESERVATION_MAX][RESERVATION_TOKEN_LEN];
	struct reservation r = {.port = 1};
	size_t i, k;

	for (i = 0; i < RESERVATION_MAX; i++)
		memcpy(tokens[i], add(1).token, sizeof(tokens[0]));
	ck_assert_int_eq(reservation_add(all, &r, now), EDGE_EBUSY);
	for (i = 0; i < RESERVATION_MAX; i++)
		for (k = 0; k < i; k++)
			ck_assert_mem_ne(tokens[i], tokens[k],
				sizeof(tokens[0]));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_token_is_good_once_and_for_its_user,
		test_token_is_over_after_half_a_minute,
		test_one_is_found_by_its_port,
		test_T17_tokens_differ_and_their_number_is_bounded,
	};

	return suite_run("reservation", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
