/* Tests of common/base/counter.c. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/counter.h"

enum { MADE, BYTES_IN, HELD, BYTES_OUT, COUNT };

static const struct counter_def DEFS[COUNT] = {
	[MADE] = {"allocations_made", NULL, COUNTER_TOTAL, "",
		"Allocations granted"},
	[BYTES_IN] = {"relayed_bytes", "side=\"external\"", COUNTER_TOTAL,
		"bytes", "Payload bytes relayed"},
	[HELD] = {"sockets_open", NULL, COUNTER_GAUGE, "sockets",
		"Relay sockets open now"},
	[BYTES_OUT] = {"relayed_bytes", "side=\"internal\"", COUNTER_TOTAL,
		"bytes", "Payload bytes relayed"},
};

START_TEST(test_counter_counts)
{
	struct counters c;

	ck_assert_int_eq(counters_init(&c, DEFS, COUNT), 0);
	for (size_t i = 0; i < COUNT; i++)
		ck_assert_uint_eq(counter_get(&c, i), 0);
	counter_add(&c, MADE, 2);
	counter_add(&c, MADE, 3);
	counter_set(&c, HELD, 10);
	counter_sub(&c, HELD, 4);
	ck_assert_uint_eq(counter_get(&c, MADE), 5);
	ck_assert_uint_eq(counter_get(&c, HELD), 6);
	counters_fini(&c);
	counters_fini(&c);
}
END_TEST

START_TEST(test_counter_openmetrics_sums_the_blocks)
{
	struct counters a, b;
	const struct counters *const blocks[] = {&a, &b};
	char *text;

	ck_assert_int_eq(counters_init(&a, DEFS, COUNT), 0);
	ck_assert_int_eq(counters_init(&b, DEFS, COUNT), 0);
	counter_add(&a, MADE, 2);
	counter_add(&b, MADE, 40);
	counter_add(&a, BYTES_IN, 100);
	counter_add(&b, BYTES_OUT, 7);
	counter_set(&b, HELD, 1);
	text = counters_openmetrics(blocks, 2, "av-edge");
	ck_assert_str_eq(text,
		"# TYPE sallyport_av_edge_allocations_made counter\n"
		"# HELP sallyport_av_edge_allocations_made "
		"Allocations granted\n"
		"sallyport_av_edge_allocations_made_total 42\n"
		"# TYPE sallyport_av_edge_relayed_bytes counter\n"
		"# UNIT sallyport_av_edge_relayed_bytes bytes\n"
		"# HELP sallyport_av_edge_relayed_bytes "
		"Payload bytes relayed\n"
		"sallyport_av_edge_relayed_bytes_total"
		"{side=\"external\"} 100\n"
		"sallyport_av_edge_relayed_bytes_total"
		"{side=\"internal\"} 7\n"
		"# TYPE sallyport_av_edge_sockets_open gauge\n"
		"# HELP sallyport_av_edge_sockets_open "
		"Relay sockets open now\n"
		"sallyport_av_edge_sockets_open 1\n"
		"# EOF\n");
	free(text);
	counters_fini(&a);
	counters_fini(&b);
}
END_TEST

START_TEST(test_counter_openmetrics_of_nothing_is_valid)
{
	char *text = counters_openmetrics(NULL, 0, "av-edge");

	ck_assert_str_eq(text, "# EOF\n");
	free(text);
}
END_TEST

static void *count_much(void *arg)
{
	for (int i = 0; i < 10000; i++)
		counter_add(arg, MADE, 1);
	return NULL;
}

START_TEST(test_counter_threads_lose_nothing)
{
	pthread_t threads[4];
	struct counters c;

	ck_assert_int_eq(counters_init(&c, DEFS, COUNT), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count_much, &c);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(counter_get(&c, MADE), 40000);
	counters_fini(&c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/counter");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_counter_counts);
	tcase_add_test(tc, test_counter_openmetrics_sums_the_blocks);
	tcase_add_test(tc, test_counter_openmetrics_of_nothing_is_valid);
	tcase_add_test(tc, test_counter_threads_lose_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
