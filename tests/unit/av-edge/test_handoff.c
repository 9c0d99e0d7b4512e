/* The queue between shards: bounded, in order, across threads. */
#include <pthread.h>
#include <string.h>

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

START_TEST(test_what_goes_in_comes_out)
{
	const struct handoff_item *item;

	ck_assert_ptr_null(handoff_peek(h, 0));
	ck_assert(handoff_push(h, 1, &from, "one", 3));
	ck_assert(handoff_push(h, 2, &from, "", 0));
	item = handoff_peek(h, 0);
	ck_assert_uint_eq(item->owner, 1);
	ck_assert_uint_eq(item->len, 3);
	ck_assert_mem_eq(item->data, "one", 3);
	ck_assert_uint_eq(handoff_peek(h, 1)->owner, 2);
	ck_assert_ptr_null(handoff_peek(h, 2));
	handoff_drop(h, 2);
	ck_assert_ptr_null(handoff_peek(h, 0));
}
END_TEST

START_TEST(test_full_queue_and_long_datagram_are_refused)
{
	static const uint8_t data[HANDOFF_DATA_MAX + 1];
	unsigned i;

	ck_assert(!handoff_push(h, 1, &from, data, sizeof(data)));
	for (i = 0; i < HANDOFF_ITEMS; i++)
		ck_assert(handoff_push(h, 1, &from, data, HANDOFF_DATA_MAX));
	ck_assert(!handoff_push(h, 1, &from, data, 1));
	handoff_drop(h, 1);
	ck_assert(handoff_push(h, 1, &from, data, 1));
}
END_TEST

static void *write_many(void *arg)
{
	uint64_t i = 1;

	(void)arg;
	while (i <= MANY)
		if (handoff_push(h, i, &from, &i, sizeof(i)))
			i++;
	return NULL;
}

START_TEST(test_two_threads_lose_and_reorder_nothing)
{
	const struct handoff_item *item;
	uint64_t expected = 1, value;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, write_many, NULL), 0);
	while (expected <= MANY) {
		item = handoff_peek(h, 0);
		if (item == NULL)
			continue;
		memcpy(&value, item->data, sizeof(value));
		ck_assert_uint_eq(item->owner, expected);
		ck_assert_uint_eq(value, expected);
		handoff_drop(h, 1);
		expected++;
	}
	pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_what_goes_in_comes_out,
		test_full_queue_and_long_datagram_are_refused,
		test_two_threads_lose_and_reorder_nothing,
	};

	return suite_run("handoff", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
