/* Sequence numbers: what is new, what is answered again, what is dropped. */
#include <stdlib.h>
#include <string.h>

#include "common/base/rand.h"
#include "av-edge/sequence.h"
#include "tests/unit/av-edge/suite.h"

static const uint8_t ours[STUN_MS_CONNECTION_LEN] = "connection of ours.";
static const uint8_t theirs[STUN_MS_CONNECTION_LEN] = "one of another one.";
static struct sequence s;

static void setup(void)
{
	sequence_init(&s, ours);
}

static void fill_tid(uint8_t tid[static STUN_TID_LEN], uint32_t n)
{
	memset(tid, 0, STUN_TID_LEN);
	buf_store_u32(tid, n);
}

static enum sequence_verdict take_as(const uint8_t *connection, uint32_t n,
	uint32_t tid_number)
{
	struct stun_ms_number number = {.number = n};
	uint8_t tid[STUN_TID_LEN];

	memcpy(number.connection, connection, sizeof(number.connection));
	fill_tid(tid, tid_number);
	return sequence_take(&s, &number, false, tid);
}

/* Each with a transaction id of its own. */
static enum sequence_verdict take(uint32_t n)
{
	static uint32_t serial = 1000000;

	return take_as(ours, n, serial++);
}

static enum sequence_verdict take_bare(bool may_lack, uint32_t tid_number)
{
	uint8_t tid[STUN_TID_LEN];

	fill_tid(tid, tid_number);
	return sequence_take(&s, NULL, may_lack, tid);
}

static void remember(uint32_t n, uint32_t tid_number, uint16_t code)
{
	struct sequence_answer a = {
		.number = n,
		.type = STUN_MS_DESTINATION_SET,
		.code = code,
	};

	fill_tid(a.tid, tid_number);
	sequence_remember(&s, &a);
}

START_TEST(test_numbers_that_overtake_each_other_are_new_once)
{
	ck_assert_int_eq(take(1), SEQUENCE_NEW);
	ck_assert_int_eq(take(2), SEQUENCE_NEW);
	ck_assert_int_eq(take(4), SEQUENCE_NEW);
	ck_assert_int_eq(take(3), SEQUENCE_NEW);
	ck_assert_int_eq(take(3), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(4), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(1), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(5), SEQUENCE_NEW);
}
END_TEST

START_TEST(test_number_zero_was_given_away_by_the_answer)
{
	ck_assert_int_eq(take(0), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(1), SEQUENCE_NEW);
}
END_TEST

START_TEST(test_T22_numbers_behind_the_window_are_replays)
{
	ck_assert_int_eq(take(100), SEQUENCE_NEW);
	ck_assert_int_eq(take(100 - SEQUENCE_WINDOW), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(100 - SEQUENCE_WINDOW + 1), SEQUENCE_NEW);
	ck_assert_int_eq(take(100 - SEQUENCE_WINDOW + 1), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(100 + SEQUENCE_WINDOW), SEQUENCE_NEW);
	ck_assert_int_eq(take(100), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(101), SEQUENCE_NEW);
}
END_TEST

START_TEST(test_window_moves_by_any_step)
{
	ck_assert_int_eq(take(1), SEQUENCE_NEW);
	ck_assert_int_eq(take(64), SEQUENCE_NEW);
	ck_assert_int_eq(take(1), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(63), SEQUENCE_NEW);
	ck_assert_int_eq(take(127), SEQUENCE_NEW);
	ck_assert_int_eq(take(64), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(UINT32_MAX), SEQUENCE_NEW);
	ck_assert_int_eq(take(UINT32_MAX), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(UINT32_MAX - 63), SEQUENCE_NEW);
	ck_assert_int_eq(take(UINT32_MAX - 64), SEQUENCE_REPLAY);
	ck_assert_int_eq(take(0), SEQUENCE_REPLAY);
}
END_TEST

/* Against a reference that forgets nothing. */
START_TEST(test_T22_no_number_is_ever_new_twice)
{
	enum { NUMBERS = 4096 };
	static bool was_new[NUMBERS];
	uint32_t n, base = 1, highest = 0;
	enum sequence_verdict got;
	unsigned i;

	memset(was_new, 0, sizeof(was_new));
	for (i = 0; i < 200000; i++) {
		n = base + rand_below(100);
		base += rand_below(60) == 0;
		if (n >= NUMBERS)
			break;
		got = take(n);
		ck_assert_int_eq(got,
			!was_new[n] && n + SEQUENCE_WINDOW > highest ?
			SEQUENCE_NEW : SEQUENCE_REPLAY);
		was_new[n] |= got == SEQUENCE_NEW;
		highest = n > highest ? n : highest;
	}
	ck_assert_uint_gt(highest, NUMBERS / 2);
}
END_TEST

START_TEST(test_retransmission_is_answered_again_and_a_replay_is_not)
{
	struct stun_ms_number number = {.number = 1};
	const struct sequence_answer *a;
	uint8_t tid[STUN_TID_LEN];

	memcpy(number.connection, ours, sizeof(ours));
	ck_assert_int_eq(take_as(ours, 1, 77), SEQUENCE_NEW);
	/* while it is not answered yet, it is only a replay */
	ck_assert_int_eq(take_as(ours, 1, 77), SEQUENCE_REPLAY);
	remember(1, 77, 437);
	ck_assert_int_eq(take_as(ours, 1, 77), SEQUENCE_AGAIN);
	ck_assert_int_eq(take_as(ours, 1, 77), SEQUENCE_AGAIN);
	fill_tid(tid, 77);
	a = sequence_find(&s, &number, tid);
	ck_assert_ptr_nonnull(a);
	ck_assert_uint_eq(a->code, 437);
	/* same number, other transaction; same transaction, other number */
	ck_assert_int_eq(take_as(ours, 1, 78), SEQUENCE_REPLAY);
	ck_assert_int_eq(take_as(ours, 2, 77), SEQUENCE_NEW);
}
END_TEST

START_TEST(test_only_the_last_answers_are_kept)
{
	uint32_t n;

	for (n = 1; n <= SEQUENCE_ANSWERS + 1; n++) {
		ck_assert_int_eq(take_as(ours, n, n), SEQUENCE_NEW);
		remember(n, n, 0);
	}
	ck_assert_int_eq(take_as(ours, 1, 1), SEQUENCE_REPLAY);
	for (n = 2; n <= SEQUENCE_ANSWERS + 1; n++)
		ck_assert_int_eq(take_as(ours, n, n), SEQUENCE_AGAIN);
}
END_TEST

START_TEST(test_T11_connection_of_another_allocation_is_foreign)
{
	ck_assert_int_eq(take_as(theirs, 1, 5), SEQUENCE_FOREIGN);
	ck_assert_int_eq(take_as(theirs, UINT32_MAX, 6), SEQUENCE_FOREIGN);
	/* and has moved nothing */
	ck_assert_int_eq(take(1), SEQUENCE_NEW);
	remember(1, 7, 0);
	ck_assert_int_eq(take_as(theirs, 1, 7), SEQUENCE_FOREIGN);
	ck_assert_int_eq(take_bare(false, 8), SEQUENCE_MISSING);
}
END_TEST

START_TEST(test_request_without_number_needs_a_client_that_never_counts)
{
	ck_assert_int_eq(take_bare(false, 1), SEQUENCE_NEW);
	ck_assert_int_eq(take_bare(true, 2), SEQUENCE_NEW);
	ck_assert_int_eq(take(1), SEQUENCE_NEW);
	ck_assert_int_eq(take_bare(false, 3), SEQUENCE_MISSING);
	/* libnice refreshes without one though it counts its Sends */
	ck_assert_int_eq(take_bare(true, 4), SEQUENCE_NEW);
}
END_TEST

START_TEST(test_retransmission_without_number_is_answered_again)
{
	ck_assert_int_eq(take_bare(true, 9), SEQUENCE_NEW);
	remember(0, 9, 0);
	ck_assert_int_eq(take_bare(true, 9), SEQUENCE_AGAIN);
	ck_assert_int_eq(take_bare(true, 10), SEQUENCE_NEW);
	/* an answer that had a number is not one to a request without */
	ck_assert_int_eq(take_as(ours, 1, 11), SEQUENCE_NEW);
	remember(1, 11, 0);
	ck_assert_int_eq(take_bare(true, 11), SEQUENCE_NEW);
}
END_TEST

START_TEST(test_no_answer_is_found_before_there_is_one)
{
	static const uint8_t zeros[STUN_TID_LEN];

	ck_assert_ptr_null(sequence_find(&s, NULL, zeros));
	ck_assert_int_eq(sequence_take(&s, NULL, true, zeros), SEQUENCE_NEW);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_numbers_that_overtake_each_other_are_new_once,
		test_number_zero_was_given_away_by_the_answer,
		test_T22_numbers_behind_the_window_are_replays,
		test_window_moves_by_any_step,
		test_T22_no_number_is_ever_new_twice,
		test_retransmission_is_answered_again_and_a_replay_is_not,
		test_only_the_last_answers_are_kept,
		test_T11_connection_of_another_allocation_is_foreign,
		test_request_without_number_needs_a_client_that_never_counts,
		test_retransmission_without_number_is_answered_again,
		test_no_answer_is_found_before_there_is_one,
	};

	return suite_run("sequence", tests, ARRAY_COUNT(tests), setup, NULL);
}
