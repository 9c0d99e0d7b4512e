/* The event loop: order, threads, freeing inside callbacks. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/run/loop.h"

struct bench {
	struct loop *loop;
	struct loop_fd *watch;
	struct loop_fd *other;
	struct loop_timer *timer;
	struct loop_signal *sig;
	int pair[2];
	int calls;
	unsigned ready;
	char order[32];
};

static struct bench b;

static void setup(void)
{
	memset(&b, 0, sizeof(b));
	ck_assert_int_eq(loop_new(&b.loop), 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b.pair), 0);
}

static void teardown(void)
{
	loop_fd_free(b.watch);
	loop_fd_free(b.other);
	loop_timer_free(b.timer);
	loop_signal_free(b.sig);
	close(b.pair[0]);
	close(b.pair[1]);
	loop_free(b.loop);
}

static void note(char c)
{
	size_t n = strlen(b.order);

	if (n + 1 < sizeof(b.order))
		b.order[n] = c;
}

static void on_ready(unsigned ready, void *arg)
{
	(void)arg;
	b.calls++;
	b.ready = ready;
}

static void on_ready_free_self(unsigned ready, void *arg)
{
	on_ready(ready, arg);
	loop_fd_free(b.watch);
	b.watch = NULL;
}

static void on_ready_free_both(unsigned ready, void *arg)
{
	on_ready(ready, arg);
	loop_fd_free(b.watch);
	loop_fd_free(b.other);
	b.watch = NULL;
	b.other = NULL;
}

static void on_call(void *arg)
{
	note(*(const char *)arg);
	b.calls++;
}

static void on_call_stop(void *arg)
{
	on_call(arg);
	loop_stop(b.loop);
}

static void on_call_again(void *arg)
{
	on_call(arg);
	ck_assert_int_eq(loop_defer(b.loop, on_call_again, arg), 0);
}

static void on_timer_free_self(void *arg)
{
	on_call(arg);
	loop_timer_free(b.timer);
	b.timer = NULL;
}

static char a_letter[] = "a";
static char b_letter[] = "b";
static char c_letter[] = "c";

START_TEST(test_fd_is_told_what_it_wants)
{
	ck_assert_int_eq(
		loop_fd_new(&b.watch, b.loop, b.pair[0], 0, on_ready, NULL), 0);
	loop_turn(b.loop, 0);
	ck_assert_int_eq(b.calls, 0);
	ck_assert_int_eq(loop_fd_want(b.watch, LOOP_WRITE), 0);
	loop_turn(b.loop, 1000);
	ck_assert_uint_eq(b.ready, LOOP_WRITE);
	ck_assert_int_eq(write(b.pair[1], "x", 1), 1);
	ck_assert_int_eq(loop_fd_want(b.watch, LOOP_READ | LOOP_WRITE), 0);
	loop_turn(b.loop, 1000);
	ck_assert_uint_eq(b.ready, LOOP_READ | LOOP_WRITE);
	ck_assert_int_eq(loop_fd_want(b.watch, 0), 0);
	loop_turn(b.loop, 0);
	ck_assert_int_eq(b.calls, 2);
}
END_TEST

START_TEST(test_fd_is_level_triggered)
{
	ck_assert_int_eq(write(b.pair[1], "x", 1), 1);
	ck_assert_int_eq(loop_fd_new(&b.watch, b.loop, b.pair[0], LOOP_READ,
				 on_ready, NULL),
		0);
	loop_turn(b.loop, 1000);
	loop_turn(b.loop, 1000);
	ck_assert_int_eq(b.calls, 2);
}
END_TEST

START_TEST(test_watch_may_be_freed_in_its_callback)
{
	ck_assert_int_eq(write(b.pair[1], "x", 1), 1);
	ck_assert_int_eq(loop_fd_new(&b.watch, b.loop, b.pair[0], LOOP_READ,
				 on_ready_free_self, NULL),
		0);
	loop_turn(b.loop, 1000);
	loop_turn(b.loop, 0);
	ck_assert_int_eq(b.calls, 1);
}
END_TEST

/* Both are ready in one turn; the second must not be called any more. */
START_TEST(test_watch_freed_by_another_is_not_called)
{
	ck_assert_int_eq(write(b.pair[1], "x", 1), 1);
	ck_assert_int_eq(write(b.pair[0], "x", 1), 1);
	ck_assert_int_eq(loop_fd_new(&b.watch, b.loop, b.pair[0], LOOP_READ,
				 on_ready_free_both, NULL),
		0);
	ck_assert_int_eq(loop_fd_new(&b.other, b.loop, b.pair[1], LOOP_READ,
				 on_ready_free_both, NULL),
		0);
	loop_turn(b.loop, 1000);
	loop_turn(b.loop, 0);
	ck_assert_int_eq(b.calls, 1);
}
END_TEST

START_TEST(test_timer_fires_once_and_may_free_itself)
{
	ck_assert_int_eq(loop_timer_new(&b.timer, b.loop, on_timer_free_self,
				 a_letter),
		0);
	ck_assert(!loop_timer_is_running(b.timer));
	loop_timer_start(b.timer, 5);
	ck_assert(loop_timer_is_running(b.timer));
	for (int i = 0; i < 100 && b.calls == 0; i++)
		loop_turn(b.loop, 10);
	ck_assert_int_eq(b.calls, 1);
	ck_assert_ptr_null(b.timer);
}
END_TEST

START_TEST(test_timer_started_again_moves)
{
	ck_assert_int_eq(
		loop_timer_new(&b.timer, b.loop, on_call, a_letter), 0);
	loop_timer_start(b.timer, 1);
	loop_timer_start(b.timer, 60000);
	loop_turn(b.loop, 20);
	ck_assert_int_eq(b.calls, 0);
	loop_timer_stop(b.timer);
	ck_assert(!loop_timer_is_running(b.timer));
}
END_TEST

START_TEST(test_deferred_work_keeps_its_order)
{
	ck_assert_int_eq(loop_defer(b.loop, on_call, a_letter), 0);
	ck_assert_int_eq(loop_defer(b.loop, on_call, b_letter), 0);
	ck_assert_int_eq(loop_defer(b.loop, on_call_stop, c_letter), 0);
	loop_run(b.loop);
	ck_assert_str_eq(b.order, "abc");
}
END_TEST

START_TEST(test_work_that_defers_itself_starves_nobody)
{
	ck_assert_int_eq(write(b.pair[1], "x", 1), 1);
	ck_assert_int_eq(loop_defer(b.loop, on_call_again, a_letter), 0);
	ck_assert_int_eq(loop_fd_new(&b.watch, b.loop, b.pair[0], LOOP_READ,
				 on_ready, NULL),
		0);
	loop_turn(b.loop, -1);
	loop_turn(b.loop, -1);
	ck_assert_int_eq(b.calls, 4);
	ck_assert_uint_eq(b.ready, LOOP_READ);
}
END_TEST

static void *post_from_thread(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(loop_post(b.loop, on_call, a_letter), 0);
	ck_assert_int_eq(loop_post(b.loop, on_call_stop, b_letter), 0);
	return NULL;
}

START_TEST(test_posted_work_runs_on_the_loop_thread_in_order)
{
	pthread_t thread;

	ck_assert_int_eq(
		pthread_create(&thread, NULL, post_from_thread, NULL), 0);
	loop_run(b.loop);
	pthread_join(thread, NULL);
	ck_assert_int_eq(b.calls, 1001);
	ck_assert(strchr(b.order, 'b') == NULL);
}
END_TEST

static void on_post_again(void *arg)
{
	on_call(arg);
	ck_assert_int_eq(loop_post(b.loop, on_call, b_letter), 0);
}

START_TEST(test_posted_work_alone_is_run_when_all_is_over)
{
	ck_assert_int_eq(write(b.pair[1], "x", 1), 1);
	ck_assert_int_eq(loop_fd_new(&b.watch, b.loop, b.pair[0], LOOP_READ,
				 on_ready, NULL),
		0);
	ck_assert_int_eq(loop_defer(b.loop, on_call, a_letter), 0);
	ck_assert(!loop_run_posted(b.loop));
	ck_assert_int_eq(loop_post(b.loop, on_post_again, a_letter), 0);
	ck_assert(loop_run_posted(b.loop));
	ck_assert_int_eq(b.calls, 1);
	ck_assert(loop_run_posted(b.loop));
	ck_assert_int_eq(b.calls, 2);
	ck_assert(!loop_run_posted(b.loop));
	ck_assert_uint_eq(b.ready, 0);
	/* What was deferred is still there. */
	loop_turn(b.loop, 0);
	ck_assert_int_ge(b.calls, 3);
}
END_TEST

static void *stop_from_thread(void *arg)
{
	(void)arg;
	usleep(20000);
	loop_stop(b.loop);
	return NULL;
}

START_TEST(test_stop_from_another_thread_ends_a_long_wait)
{
	pthread_t thread;

	ck_assert_int_eq(
		pthread_create(&thread, NULL, stop_from_thread, NULL), 0);
	loop_run(b.loop);
	pthread_join(thread, NULL);
	ck_assert(!loop_is_stopped(b.loop));
}
END_TEST

START_TEST(test_stop_before_run_is_not_lost)
{
	loop_stop(b.loop);
	ck_assert(loop_is_stopped(b.loop));
	loop_run(b.loop);
}
END_TEST

START_TEST(test_clock_is_read_once_per_turn)
{
	clock_fake(1000, 1000);
	loop_turn(b.loop, 0);
	ck_assert_int_eq(loop_now(b.loop).ms, 1000);
	clock_fake_advance(7);
	ck_assert_int_eq(loop_now(b.loop).ms, 1000);
	loop_turn(b.loop, 0);
	ck_assert_int_eq(loop_now(b.loop).ms, 1007);
	clock_real();
}
END_TEST

START_TEST(test_signal_arrives_as_a_callback)
{
	ck_assert_int_eq(
		loop_signal_new(&b.sig, b.loop, SIGUSR1, on_call, a_letter), 0);
	raise(SIGUSR1);
	loop_turn(b.loop, 1000);
	ck_assert_int_eq(b.calls, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("run/loop");
	TCase *tc = tcase_create("loop");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_fd_is_told_what_it_wants);
	tcase_add_test(tc, test_fd_is_level_triggered);
	tcase_add_test(tc, test_watch_may_be_freed_in_its_callback);
	tcase_add_test(tc, test_watch_freed_by_another_is_not_called);
	tcase_add_test(tc, test_timer_fires_once_and_may_free_itself);
	tcase_add_test(tc, test_timer_started_again_moves);
	tcase_add_test(tc, test_deferred_work_keeps_its_order);
	tcase_add_test(tc, test_work_that_defers_itself_starves_nobody);
	tcase_add_test(tc, test_posted_work_runs_on_the_loop_thread_in_order);
	tcase_add_test(tc, test_posted_work_alone_is_run_when_all_is_over);
	tcase_add_test(tc, test_stop_from_another_thread_ends_a_long_wait);
	tcase_add_test(tc, test_stop_before_run_is_not_lost);
	tcase_add_test(tc, test_clock_is_read_once_per_turn);
	tcase_add_test(tc, test_signal_arrives_as_a_callback);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
