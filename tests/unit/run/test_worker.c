/* Tests of common/run/worker.c: in order, and done in any case. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/run/worker.h"

struct number {
	struct job job;
	int value;
	bool has_run;
};

static struct loop *loop;
static struct worker *worker;
static int order[64];
static int done_count;
static int ran_count;
static int wanted;

static void run(struct job *job)
{
	struct number *n = container_of(job, struct number, job);

	usleep(1000);
	n->has_run = true;
}

static void done(struct job *job)
{
	struct number *n = container_of(job, struct number, job);

	order[done_count++] = n->value;
	ran_count += n->has_run;
	free(n);
	if (done_count == wanted)
		loop_stop(loop);
}

static void add(int value)
{
	struct number *n = calloc(1, sizeof(*n));

	ck_assert_ptr_nonnull(n);
	n->job.run = run;
	n->job.done = done;
	n->value = value;
	worker_add(worker, &n->job);
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(worker_new(&worker, loop), 0);
}

static void teardown(void)
{
	worker_free(worker);
	loop_free(loop);
}

START_TEST(test_jobs_are_done_in_order_on_the_loop)
{
	ck_assert_int_eq(worker_start(worker), 0);
	wanted = 40;
	for (int i = 0; i < wanted; i++)
		add(i);
	ck_assert_uint_eq(worker_load(worker), 40);
	loop_run(loop);
	ck_assert_int_eq(ran_count, wanted);
	for (int i = 0; i < wanted; i++)
		ck_assert_int_eq(order[i], i);
	ck_assert_uint_eq(worker_load(worker), 0);
}
END_TEST

START_TEST(test_jobs_that_never_ran_are_told_so)
{
	wanted = -1;
	for (int i = 0; i < 5; i++)
		add(i);
	worker_free(worker);
	worker = NULL;
	ck_assert_int_eq(done_count, 5);
	ck_assert_int_eq(ran_count, 0);
}
END_TEST

START_TEST(test_end_in_the_middle_loses_nothing)
{
	ck_assert_int_eq(worker_start(worker), 0);
	wanted = -1;
	for (int i = 0; i < 30; i++)
		add(i);
	usleep(5000);
	worker_free(worker);
	worker = NULL;
	ck_assert_int_eq(done_count, 30);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_jobs_are_done_in_order_on_the_loop);
	tcase_add_test(tc, test_jobs_that_never_ran_are_told_so);
	tcase_add_test(tc, test_end_in_the_middle_loses_nothing);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
