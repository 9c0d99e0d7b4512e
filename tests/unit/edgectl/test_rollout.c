/* Tests of edgectl/publish/rollout.c: a fleet that does as it is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "edgectl/publish/rollout.h"

static struct rollout r;
static struct mono now;

/* machines of each pool */
static void begin(unsigned pools, unsigned per_pool)
{
	struct rollout_member *members = calloc(pools * per_pool,
		sizeof(*members));

	for (unsigned i = 0; i < pools * per_pool; i++) {
		snprintf(members[i].fqdn, sizeof(members[i].fqdn), "e%u.test",
			i);
		members[i].pool = i / per_pool;
	}
	now.ms = 1000000;
	memset(&r, 0, sizeof(r));
	rollout_begin(&r, members, pools * per_pool, now);
	r.confirm_ms = 60000;
	r.poll_ms = 30000;
	r.hold_ms = 30000;
}

static void teardown(void)
{
	rollout_fini(&r);
}

static void pass(int64_t ms)
{
	now.ms += ms;
	rollout_step(&r, now);
}

/* What is due for i is begun; what it is. */
static enum rollout_todo due(size_t i)
{
	enum rollout_todo todo;

	rollout_step(&r, now);
	todo = rollout_todo(&r, i, now);
	if (todo != ROLLOUT_NOTHING)
		rollout_started(&r, i, todo, now);
	return todo;
}

static void told(size_t i, enum rollout_event event)
{
	rollout_told(&r, i, event, "said so", now);
	rollout_step(&r, now);
}

static void stage_all(void)
{
	for (size_t i = 0; i < r.count; i++) {
		ck_assert_int_eq(due(i), ROLLOUT_PUT);
		told(i, ROLLOUT_IS_STAGED);
	}
}

/* Activate whatever may be activated now; how many. */
static size_t activate_round(void)
{
	size_t n = 0;

	for (size_t i = 0; i < r.count; i++) {
		if (r.members[i].state != ROLLOUT_STAGED ||
			due(i) != ROLLOUT_ACTIVATE)
			continue;
		n++;
		told(i, ROLLOUT_IS_PENDING);
	}
	return n;
}

static void confirm_all(void)
{
	pass(200);
	for (size_t i = 0; i < r.count; i++)
		if (r.members[i].state == ROLLOUT_CONFIRMING) {
			ck_assert_int_eq(due(i), ROLLOUT_ASK);
			told(i, ROLLOUT_IS_ACTIVE);
		}
}

static bool is_utf8(const char *text)
{
	json_t *value = json_string(text);
	const bool is_good = value != NULL;

	json_decref(value);
	return is_good;
}

START_TEST(test_nobody_activates_before_all_have_it_staged)
{
	begin(2, 1);
	ck_assert_int_eq(due(0), ROLLOUT_PUT);
	told(0, ROLLOUT_IS_STAGED);
	ck_assert_int_eq(due(0), ROLLOUT_NOTHING);
	ck_assert_int_eq(due(1), ROLLOUT_PUT);
	told(1, ROLLOUT_IS_STAGED);
	ck_assert_int_eq(due(0), ROLLOUT_ACTIVATE);
}
END_TEST

START_TEST(test_one_of_each_pool_first_then_a_watch_then_the_rest)
{
	begin(3, 2);
	stage_all();
	ck_assert_int_eq(r.phase, ROLLOUT_CANARY);
	ck_assert_uint_eq(activate_round(), 3);
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_HOLD);
	ck_assert_uint_eq(activate_round(), 0);
	pass(29000);
	ck_assert_int_eq(r.phase, ROLLOUT_HOLD);
	pass(2000);
	ck_assert_int_eq(r.phase, ROLLOUT_REST);
	ck_assert_uint_eq(activate_round(), 3);
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_DONE);
}
END_TEST

START_TEST(test_never_two_of_a_pool_at_once)
{
	begin(1, 4);
	r.hold_ms = 0;
	stage_all();
	for (unsigned n = 0; n < 4; n++) {
		ck_assert_uint_eq(activate_round(), 1);
		ck_assert_uint_eq(activate_round(), 0);
		ck_assert_uint_eq(rollout_count(&r, ROLLOUT_CONFIRMING), 1);
		confirm_all();
	}
	ck_assert_int_eq(r.phase, ROLLOUT_DONE);
}
END_TEST

/* A refusal so long that each place that keeps it has to cut it. */
START_TEST(test_words_of_a_machine_stay_text_when_they_are_cut)
{
	char text[400] = "";

	for (unsigned shift = 0; shift < 3; shift++) {
		size_t n = shift;

		memset(text, 'x', shift);
		for (; n + 3 < sizeof(text); n += 3)
			memcpy(text + n, "\xe2\x82\xac", 4);
		begin(1, 1);
		ck_assert_int_eq(due(0), ROLLOUT_PUT);
		rollout_told(&r, 0, ROLLOUT_SAYS_NO, text, now);
		rollout_step(&r, now);
		ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
		ck_assert(is_utf8(r.members[0].error));
		ck_assert(is_utf8(r.note));
		if (shift < 2)
			rollout_fini(&r);
	}
}
END_TEST

START_TEST(test_named_canaries_go_alone)
{
	begin(4, 1);
	r.members[2].is_named = true;
	stage_all();
	ck_assert_uint_eq(activate_round(), 1);
	ck_assert_int_eq(r.members[2].state, ROLLOUT_CONFIRMING);
}
END_TEST

START_TEST(test_canary_that_refuses_stops_everything)
{
	begin(3, 2);
	stage_all();
	ck_assert_int_eq(due(0), ROLLOUT_ACTIVATE);
	told(0, ROLLOUT_SAYS_NO);
	ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
	ck_assert_ptr_nonnull(strstr(r.note, "a canary refused it: e0.test"));
	ck_assert_int_eq(due(2), ROLLOUT_NOTHING);
	ck_assert_int_eq(due(1), ROLLOUT_NOTHING);
}
END_TEST

START_TEST(test_canary_that_goes_back_during_the_watch_stops_it)
{
	begin(2, 2);
	stage_all();
	activate_round();
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_HOLD);
	pass(3000);
	ck_assert_int_eq(due(0), ROLLOUT_ASK);
	told(0, ROLLOUT_IS_BEHIND);
	ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
}
END_TEST

/* R25: a refusal costs nothing as long as nobody has switched. */
START_TEST(test_R25_refusals_while_staging_stop_before_any_switch)
{
	begin(50, 1);
	for (size_t i = 0; i < r.count; i++) {
		due(i);
		told(i, i < 2 ? ROLLOUT_SAYS_NO : ROLLOUT_IS_STAGED);
	}
	ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
	ck_assert_ptr_nonnull(strstr(r.note, "2 of 50 machines failed"));
	ck_assert_uint_eq(activate_round(), 0);
}
END_TEST

START_TEST(test_one_failure_is_borne_two_percent_too)
{
	begin(100, 1);
	for (size_t i = 0; i < r.count; i++) {
		due(i);
		told(i, i < 2 ? ROLLOUT_SAYS_NO : ROLLOUT_IS_STAGED);
	}
	ck_assert_int_eq(r.phase, ROLLOUT_CANARY);
}
END_TEST

START_TEST(test_pool_with_a_refusal_keeps_its_other_machines)
{
	begin(3, 3);
	r.hold_ms = 0;
	stage_all();
	activate_round();
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_REST);
	ck_assert_int_eq(due(1), ROLLOUT_ACTIVATE);
	told(1, ROLLOUT_SAYS_NO);
	ck_assert_int_eq(due(2), ROLLOUT_NOTHING);
	ck_assert_int_eq(due(4), ROLLOUT_ACTIVATE);
}
END_TEST

START_TEST(test_machines_away_before_do_not_count_and_are_tried_on)
{
	begin(4, 1);
	r.members[0].was_away = true;
	r.members[1].was_away = true;
	for (size_t i = 0; i < r.count; i++) {
		due(i);
		told(i, i < 2 ? ROLLOUT_IS_AWAY : ROLLOUT_IS_STAGED);
	}
	ck_assert_int_eq(r.phase, ROLLOUT_CANARY);
	activate_round();
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_REST);
	ck_assert(rollout_is_settled(&r));
	ck_assert_uint_eq(rollout_late(&r), 2);
	ck_assert_int_eq(due(0), ROLLOUT_NOTHING);
	pass(6000);
	ck_assert_int_eq(due(0), ROLLOUT_PUT);
	told(0, ROLLOUT_IS_STAGED);
	ck_assert_int_eq(due(0), ROLLOUT_ACTIVATE);
	told(0, ROLLOUT_IS_ACTIVE);
	ck_assert_uint_eq(rollout_late(&r), 1);
}
END_TEST

START_TEST(test_retries_grow_to_five_minutes_and_go_on_for_ever)
{
	int64_t longest = 0;

	begin(1, 1);
	r.members[0].was_away = true;
	for (unsigned n = 0; n < 40; n++) {
		int64_t wait;

		ck_assert_int_eq(due(0), ROLLOUT_PUT);
		told(0, ROLLOUT_IS_AWAY);
		wait = mono_since_ms(now, r.members[0].next);
		ck_assert_int_ge(wait, 1600);
		if (wait > longest)
			longest = wait;
		now.ms += wait;
	}
	ck_assert_int_gt(longest, 200000);
	ck_assert_int_le(longest, 360000);
}
END_TEST

START_TEST(test_machine_that_is_not_active_in_time_has_refused)
{
	begin(3, 1);
	r.hold_ms = 0;
	r.members[2].is_named = true;
	stage_all();
	activate_round();
	pass(200);
	due(2);
	told(2, ROLLOUT_IS_BEHIND);
	ck_assert_int_eq(r.members[2].state, ROLLOUT_CONFIRMING);
	pass(60000);
	due(2);
	told(2, ROLLOUT_IS_BEHIND);
	ck_assert_int_eq(r.members[2].state, ROLLOUT_REFUSED);
	ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
}
END_TEST

START_TEST(test_pinned_machine_is_left_alone_and_is_no_failure)
{
	begin(2, 1);
	r.hold_ms = 0;
	stage_all();
	due(0);
	told(0, ROLLOUT_IS_PINNED);
	due(1);
	told(1, ROLLOUT_IS_ACTIVE);
	ck_assert_int_eq(r.phase, ROLLOUT_DONE);
	pass(31000);
	ck_assert_int_eq(due(0), ROLLOUT_ASK);
	told(0, ROLLOUT_IS_BEHIND); /* unpinned */
	ck_assert_int_eq(r.members[0].state, ROLLOUT_WAITING);
	ck_assert_int_eq(due(0), ROLLOUT_PUT);
}
END_TEST

/* R29: what an agent does with a generation that a daemon crashes with. */
START_TEST(test_R29_canary_that_takes_it_back_and_pins_stops_it)
{
	begin(2, 2);
	stage_all();
	activate_round();
	if (_i == 1)
		confirm_all();
	pass(3000);
	ck_assert_int_eq(due(0), ROLLOUT_ASK);
	told(0, ROLLOUT_IS_PINNED);
	ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
	ck_assert_int_eq(r.members[0].state, ROLLOUT_REFUSED);
	ck_assert_ptr_nonnull(strstr(r.note, "e0.test: taken back: said so"));
	ck_assert_uint_eq(activate_round(), 0);
	pass(31000);
	ck_assert_int_eq(due(0), ROLLOUT_ASK);
	told(0, ROLLOUT_IS_PINNED);
	ck_assert_int_eq(r.members[0].state, ROLLOUT_REFUSED);
}
END_TEST

START_TEST(test_R29_pool_keeps_the_others_when_one_takes_it_back)
{
	begin(2, 3);
	r.hold_ms = 0;
	stage_all();
	activate_round();
	confirm_all();
	ck_assert_int_eq(due(1), ROLLOUT_ACTIVATE);
	told(1, ROLLOUT_IS_PENDING);
	pass(200);
	ck_assert_int_eq(due(1), ROLLOUT_ASK);
	told(1, ROLLOUT_IS_PINNED);
	ck_assert_int_eq(r.members[1].state, ROLLOUT_REFUSED);
	ck_assert_int_eq(due(2), ROLLOUT_NOTHING);
}
END_TEST

START_TEST(test_pin_after_it_is_done_is_no_refusal)
{
	begin(2, 1);
	r.hold_ms = 0;
	stage_all();
	activate_round();
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_DONE);
	pass(31000);
	ck_assert_int_eq(due(0), ROLLOUT_ASK);
	told(0, ROLLOUT_IS_PINNED);
	ck_assert_int_eq(r.members[0].state, ROLLOUT_PINNED);
	ck_assert_int_eq(r.phase, ROLLOUT_DONE);
}
END_TEST

/* Who can't try it does not stand for its pool. */
START_TEST(test_pinned_canary_leaves_it_to_the_next_of_its_pool)
{
	begin(1, 3);
	stage_all();
	ck_assert_int_eq(due(0), ROLLOUT_ACTIVATE);
	told(0, ROLLOUT_IS_PINNED);
	ck_assert_int_eq(r.phase, ROLLOUT_CANARY);
	ck_assert_uint_eq(activate_round(), 1);
	ck_assert_int_eq(r.members[1].state, ROLLOUT_CONFIRMING);
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_HOLD);
	ck_assert_int_eq(r.members[2].state, ROLLOUT_STAGED);
}
END_TEST

START_TEST(test_named_canary_that_is_pinned_lets_one_of_each_pool_try)
{
	begin(2, 3);
	r.members[4].is_named = true;
	stage_all();
	ck_assert_int_eq(due(4), ROLLOUT_ACTIVATE);
	told(4, ROLLOUT_IS_PINNED);
	ck_assert_int_eq(r.phase, ROLLOUT_CANARY);
	ck_assert_uint_eq(activate_round(), 2);
	ck_assert_int_eq(r.members[0].state, ROLLOUT_CONFIRMING);
	ck_assert_int_eq(r.members[3].state, ROLLOUT_CONFIRMING);
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_HOLD);
}
END_TEST

/* After a resume it counts as one that was pinned before. */
START_TEST(test_resume_leaves_who_took_it_back)
{
	begin(1, 2);
	r.hold_ms = 0;
	stage_all();
	activate_round();
	pass(200);
	due(0);
	told(0, ROLLOUT_IS_PINNED);
	ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
	rollout_resume(&r, now);
	ck_assert_int_eq(due(0), ROLLOUT_PUT);
	told(0, ROLLOUT_IS_STAGED);
	ck_assert_int_eq(due(0), ROLLOUT_ACTIVATE);
	told(0, ROLLOUT_IS_PINNED);
	ck_assert_int_eq(r.members[0].state, ROLLOUT_PINNED);
	ck_assert_int_eq(due(1), ROLLOUT_ACTIVATE);
}
END_TEST

START_TEST(test_machine_that_fell_behind_later_gets_it_again)
{
	begin(2, 1);
	r.hold_ms = 0;
	stage_all();
	activate_round();
	confirm_all();
	ck_assert_int_eq(r.phase, ROLLOUT_DONE);
	pass(31000);
	ck_assert_int_eq(due(1), ROLLOUT_ASK);
	told(1, ROLLOUT_IS_BEHIND);
	ck_assert_int_eq(due(1), ROLLOUT_PUT);
	told(1, ROLLOUT_IS_STAGED);
	ck_assert_int_eq(due(1), ROLLOUT_ACTIVATE);
	told(1, ROLLOUT_IS_ACTIVE);
	ck_assert_int_eq(r.phase, ROLLOUT_DONE);
}
END_TEST

START_TEST(test_resume_tries_refusals_again_and_bears_those_away)
{
	begin(3, 1);
	for (size_t i = 0; i < r.count; i++) {
		due(i);
		told(i, i < 2 ? ROLLOUT_SAYS_NO : ROLLOUT_IS_STAGED);
	}
	ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
	rollout_resume(&r, now);
	ck_assert_int_eq(due(0), ROLLOUT_PUT);
	told(0, ROLLOUT_IS_STAGED);
	ck_assert_int_eq(due(1), ROLLOUT_PUT);
	told(1, ROLLOUT_IS_STAGED);
	ck_assert_int_eq(r.phase, ROLLOUT_CANARY);
}
END_TEST

START_TEST(test_stopped_by_a_person_only_asks)
{
	begin(2, 1);
	rollout_stop(&r, "stopped by alice");
	rollout_step(&r, now);
	ck_assert_int_eq(r.phase, ROLLOUT_STOPPED);
	ck_assert_int_eq(due(0), ROLLOUT_ASK);
}
END_TEST

START_TEST(test_R29_restart_only_asks_and_mends_what_lacks)
{
	begin(2, 1);
	rollout_adopt(&r);
	ck_assert_int_eq(due(0), ROLLOUT_ASK);
	told(0, ROLLOUT_IS_ACTIVE);
	ck_assert_int_eq(due(1), ROLLOUT_ASK);
	told(1, ROLLOUT_IS_BEHIND);
	ck_assert_int_eq(due(1), ROLLOUT_PUT);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("rollout");
	TCase *t = tcase_create("rollout");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, test_nobody_activates_before_all_have_it_staged);
	tcase_add_test(t,
		test_one_of_each_pool_first_then_a_watch_then_the_rest);
	tcase_add_test(t, test_never_two_of_a_pool_at_once);
	tcase_add_test(t,
		test_words_of_a_machine_stay_text_when_they_are_cut);
	tcase_add_test(t, test_named_canaries_go_alone);
	tcase_add_test(t, test_canary_that_refuses_stops_everything);
	tcase_add_test(t,
		test_canary_that_goes_back_during_the_watch_stops_it);
	tcase_add_test(t,
		test_R25_refusals_while_staging_stop_before_any_switch);
	tcase_add_test(t, test_one_failure_is_borne_two_percent_too);
	tcase_add_test(t, test_pool_with_a_refusal_keeps_its_other_machines);
	tcase_add_test(t,
		test_machines_away_before_do_not_count_and_are_tried_on);
	tcase_add_test(t,
		test_retries_grow_to_five_minutes_and_go_on_for_ever);
	tcase_add_test(t,
		test_machine_that_is_not_active_in_time_has_refused);
	tcase_add_test(t,
		test_pinned_machine_is_left_alone_and_is_no_failure);
	tcase_add_loop_test(t,
		test_R29_canary_that_takes_it_back_and_pins_stops_it, 0, 2);
	tcase_add_test(t,
		test_R29_pool_keeps_the_others_when_one_takes_it_back);
	tcase_add_test(t, test_pin_after_it_is_done_is_no_refusal);
	tcase_add_test(t,
		test_pinned_canary_leaves_it_to_the_next_of_its_pool);
	tcase_add_test(t,
		test_named_canary_that_is_pinned_lets_one_of_each_pool_try);
	tcase_add_test(t, test_resume_leaves_who_took_it_back);
	tcase_add_test(t, test_machine_that_fell_behind_later_gets_it_again);
	tcase_add_test(t,
		test_resume_tries_refusals_again_and_bears_those_away);
	tcase_add_test(t, test_stopped_by_a_person_only_asks);
	tcase_add_test(t, test_R29_restart_only_asks_and_mends_what_lacks);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
