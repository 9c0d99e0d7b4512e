/* The single-use set: bounded in memory and in time, forgets nothing live. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/wce/ticket_set.h"

static const struct wall NOW = {1000};
static const struct wall LATER = {2000};

static void id_of(uint32_t n, uint8_t id[TICKET_ID_LEN])
{
	memset(id, 0, TICKET_ID_LEN);
	memcpy(id, &n, sizeof(n));
}

static struct ticket_set *set_of(size_t max)
{
	struct ticket_set *set = NULL;

	ck_assert_int_eq(ticket_set_new(&set, max), 0);
	return set;
}

START_TEST(test_an_id_goes_in_once)
{
	struct ticket_set *set = set_of(10);
	uint8_t id[TICKET_ID_LEN];

	id_of(1, id);
	ck_assert(!ticket_set_has(set, id));
	ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), 0);
	ck_assert(ticket_set_has(set, id));
	ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), -EEXIST);
	ck_assert_uint_eq(ticket_set_count(set), 1);
	ticket_set_remove(set, id);
	ticket_set_remove(set, id);
	ck_assert_uint_eq(ticket_set_count(set), 0);
	ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), 0);
	ticket_set_free(set);
}
END_TEST

START_TEST(test_full_refuses_and_forgets_no_live_id)
{
	struct ticket_set *set = set_of(5000);
	uint8_t id[TICKET_ID_LEN];

	for (uint32_t i = 0; i < 5000; i++) {
		id_of(i, id);
		ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), 0);
	}
	id_of(5000, id);
	ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), EDGE_EBUSY);
	ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), EDGE_EBUSY);
	for (uint32_t i = 0; i < 5000; i++) {
		id_of(i, id);
		ck_assert(ticket_set_has(set, id));
	}
	ticket_set_free(set);
}
END_TEST

START_TEST(test_a_new_bound_forgets_nothing)
{
	struct ticket_set *set = set_of(100);
	uint8_t id[TICKET_ID_LEN];

	for (uint32_t i = 0; i < 100; i++) {
		id_of(i, id);
		ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), 0);
	}
	id_of(100, id);
	ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), EDGE_EBUSY);
	ticket_set_limit(set, 2000);
	for (uint32_t i = 100; i < 2000; i++) {
		id_of(i, id);
		ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), 0);
	}
	ticket_set_limit(set, 50);
	ck_assert_uint_eq(ticket_set_count(set), 2000);
	for (uint32_t i = 0; i < 2000; i++) {
		id_of(i, id);
		ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), -EEXIST);
	}
	id_of(2000, id);
	ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), EDGE_EBUSY);
	ck_assert_int_eq(ticket_set_add(set, id, (struct wall){9000},
		(struct wall){LATER.s + 1}), 0);
	ticket_set_free(set);
}
END_TEST

START_TEST(test_room_comes_back_when_tickets_are_over)
{
	struct ticket_set *set = set_of(1000);
	uint8_t id[TICKET_ID_LEN];

	for (uint32_t i = 0; i < 1000; i++) {
		id_of(i, id);
		ck_assert_int_eq(ticket_set_add(set, id,
					 (struct wall){1000 + i}, NOW), 0);
	}
	id_of(1000, id);
	ck_assert_int_eq(ticket_set_add(set, id, LATER, NOW), EDGE_EBUSY);
	/* half of them are over */
	for (uint32_t i = 1000; i < 1500; i++) {
		id_of(i, id);
		ck_assert_int_eq(ticket_set_add(set, id, LATER,
					 (struct wall){1500}), 0);
	}
	id_of(1500, id);
	ck_assert_int_eq(ticket_set_add(set, id, LATER, (struct wall){1500}),
		EDGE_EBUSY);
	for (uint32_t i = 500; i < 1000; i++) {
		id_of(i, id);
		ck_assert(ticket_set_has(set, id));
	}
	ticket_set_free(set);
}
END_TEST

START_TEST(test_steady_use_keeps_the_set_small)
{
	struct ticket_set *set = set_of(1000000);
	uint8_t id[TICKET_ID_LEN];
	size_t most = 0;

	/* 10 a second, each good for 300 s, for a day */
	for (uint32_t i = 0; i < 864000; i++) {
		struct wall now = {1000 + i / 10};

		id_of(i, id);
		ck_assert_int_eq(ticket_set_add(set, id,
					 (struct wall){now.s + 300}, now), 0);
		if (ticket_set_count(set) > most)
			most = ticket_set_count(set);
	}
	ck_assert_uint_lt(most, 10000);
	ticket_set_free(set);
}
END_TEST

/* Against a list that is searched from end to end. */
START_TEST(test_the_same_as_a_plain_list)
{
	enum { IDS = 600 };
	struct ticket_set *set = set_of(300);
	int64_t until[IDS] = {0};
	uint8_t id[TICKET_ID_LEN];

	for (uint32_t step = 0; step < 40000; step++) {
		struct wall now = {1000 + step / 20};
		uint32_t n = rand_below(IDS);
		struct wall end = {now.s + rand_below(60)};
		int err;

		id_of(n, id);
		err = ticket_set_add(set, id, end, now);
		if (err == 0) {
			ck_assert_int_lt(until[n], now.s);
			until[n] = end.s;
		} else if (err == -EEXIST) {
			ck_assert_int_ne(until[n], 0);
		} else {
			ck_assert_int_eq(err, EDGE_EBUSY);
		}
		n = rand_below(IDS);
		id_of(n, id);
		if (until[n] >= now.s)
			ck_assert(ticket_set_has(set, id));
		if (until[n] == 0)
			ck_assert(!ticket_set_has(set, id));
	}
	ticket_set_free(set);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ticket_set");
	TCase *tc = tcase_create("ticket_set");
	SRunner *runner;
	int failures;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_an_id_goes_in_once);
	tcase_add_test(tc, test_full_refuses_and_forgets_no_live_id);
	tcase_add_test(tc, test_a_new_bound_forgets_nothing);
	tcase_add_test(tc, test_room_comes_back_when_tickets_are_over);
	tcase_add_test(tc, test_steady_use_keeps_the_set_small);
	tcase_add_test(tc, test_the_same_as_a_plain_list);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
