/* The queue between shards: bounded, in order, across threads. */
#include <pthread.h>
#include <string.h>

#include "common/base/rand.h"
#include "av-edge/handoff.h"
#include "tests/unit/av-edge/suite.h"

#define MANY 200000

static struct handoff *h;
static const struct addr from = {.family = 4, .port = 50000};

static void setup(void)
{
	ck_assert_int_eq(handoff_new(&h), 0);
}

static void teardown(void)
{
	handoff_free(h);
}

static uint8_t room[UINT16_MAX], data[UINT16_MAX];
static struct handoff_datagram d;

START_TEST(test_what_goes_in_comes_out)
{
	ck_assert(!handoff_peek(h, 0, room, &d));
	ck_assert(handoff_push(h, 1, &from, "one", 3));
	ck_assert(handoff_push(h, 2, &from, "", 0));
	ck_assert(handoff_peek(h, 0, room, &d));
	ck_assert_uint_eq(d.owner, 1);
	ck_assert_uint_eq(d.len, 3);
	ck_assert_uint_eq(d.places, 1);
	ck_assert_mem_eq(d.data, "one", 3);
	ck_assert(handoff_peek(h, 1, room, &d));
	ck_assert_uint_eq(d.owner, 2);
	ck_assert_uint_eq(d.len, 0);
	ck_assert(!handoff_peek(h, 2, room, &d));
	handoff_drop(h, 2);
	ck_assert(!handoff_peek(h, 0, room, &d));
}
END_TEST

START_TEST(test_long_datagrams_take_several_places_and_stay_whole)
{
	static const size_t lens[] = {HANDOFF_PIECE - 1, HANDOFF_PIECE,
		HANDOFF_PIECE + 1, 2 * HANDOFF_PIECE, 9000, 65507,
		UINT16_MAX};
	unsigned round, i;

	rand_bytes(data, sizeof(data));
	for (round = 0; round < 50; round++) {
		for (i = 0; i < ARRAY_COUNT(lens); i++) {
			ck_assert(handoff_push(h, i, &from, data, lens[i]));
			ck_assert(handoff_push(h, 99, &from, "next", 4));
			ck_assert(handoff_peek(h, 0, room, &d));
			ck_assert_uint_eq(d.owner, i);
			ck_assert_uint_eq(d.len, lens[i]);
			ck_assert_mem_eq(d.data, data, lens[i]);
			ck_assert(handoff_peek(h, d.places, room, &d));
			ck_assert_mem_eq(d.data, "next", 4);
			handoff_drop(h, 1 + (unsigned)((lens[i] +
				HANDOFF_PIECE - 1) / HANDOFF_PIECE));
			ck_assert(!handoff_peek(h, 0, room, &d));
		}
	}
}
END_TEST

START_TEST(test_full_queue_refuses_all_of_a_datagram)
{
	unsigned i;

	for (i = 0; i < HANDOFF_ITEMS - 1; i++)
		ck_assert(handoff_push(h, 1, &from, data, HANDOFF_PIECE));
	ck_assert(!handoff_push(h, 1, &from, data, HANDOFF_PIECE + 1));
	ck_assert(handoff_push(h, 1, &from, data, 1));
	ck_assert(!handoff_push(h, 1, &from, data, 1));
	handoff_drop(h, 1);
	ck_assert(handoff_push(h, 1, &from, data, 1));
}
END_TEST

static void *write_many(void *arg)
{
	uint64_t i = 1;

	(void)arg;
	static uint8_t sent[3 * HANDOFF_PIECE];

	while (i <= MANY) {
		memcpy(sent, &i, sizeof(i));
		if (handoff_push(h, i, &from, sent, i % 7 == 0 ?
			    sizeof(sent) : sizeof(i)))
			i++;
	}
	return NULL;
}

START_TEST(test_two_threads_lose_and_reorder_nothing)
{
	uint64_t expected = 1, value;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, write_many, NULL), 0);
	while (expected <= MANY) {
		if (!handoff_peek(h, 0, room, &d))
			continue;
		memcpy(&value, d.data, sizeof(value));
		ck_assert_uint_eq(d.owner, expected);
		ck_assert_uint_eq(value, expected);
		handoff_drop(h, d.places);
		expected++;
	}
	pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_what_goes_in_comes_out,
		test_long_datagrams_take_several_places_and_stay_whole,
		test_full_queue_refuses_all_of_a_datagram,
		test_two_threads_lose_and_reorder_nothing,
	};

	return suite_run("handoff", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
