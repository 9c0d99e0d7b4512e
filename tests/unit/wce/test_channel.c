/* One channel: last words, breaks, refusals, what it does wrong; its frames
 * byte by byte. */
#include "tests/unit/net/ends.h"
#include "tests/unit/wce/muxes.h"

/* ---- the end of one ------------------------------------------------------ */

START_TEST(test_last_words_pass_each_way)
{
	struct ear *left = &t.edge.ears[0];
	struct ear *right = &t.server.ears[0];

	open_some(2);
	say(left, 300000);
	relay_side_eof(left->side);
	settle();
	ck_assert(right->heard_eof);
	ck_assert_uint_eq(right->heard, 300000);
	say(right, 1000);
	settle();
	ck_assert_uint_eq(left->heard, 1000);
	relay_side_eof(right->side);
	settle();
	settle();
	ck_assert(left->is_over && right->is_over);
	ck_assert_int_eq(left->end, RELAY_END_BOTH);
	ck_assert_int_eq(right->end, RELAY_END_BOTH);
	ck_assert_uint_eq(mux_count(t.edge.mux), 1);
	ck_assert_uint_eq(mux_count(t.server.mux), 1);
	ck_assert_int_eq(t.edge.gone, 1);
}
END_TEST

START_TEST(test_a_broken_side_breaks_the_other)
{
	open_some(2);
	relay_side_end(t.server.ears[0].side, STREAM_END_RESET, "");
	settle();
	ck_assert(t.edge.ears[0].is_over && t.edge.ears[0].was_aborted);
	ck_assert_int_eq(t.edge.ears[0].end, RELAY_END_RIGHT);
	ck_assert(!t.edge.ears[1].is_over);
	say(&t.edge.ears[1], 10);
	settle();
	ck_assert_uint_eq(t.server.ears[1].heard, 10);
}
END_TEST

START_TEST(test_a_cut_says_all_and_ends_within_its_time)
{
	open_some(1);
	say(&t.edge.ears[0], 200000);
	relay_cut(t.edge.ears[0].relay);
	settle();
	ck_assert(t.server.ears[0].heard_eof);
	ck_assert_uint_eq(t.server.ears[0].heard, 200000);
	/* The target does not answer with its own last word. */
	TURN_UNTIL(t.loop, t.edge.ears[0].is_over);
	settle();
	ck_assert(t.server.ears[0].is_over);
	ck_assert_uint_eq(mux_count(t.server.mux), 0);
}
END_TEST

START_TEST(test_a_refusal_has_its_code)
{
	t.refuses = true;
	ck_assert_int_eq(try_open(0), 0);
	settle();
	ck_assert_int_eq(t.edge.ended, 1);
	ck_assert_int_eq(t.edge.code, WCE_E_TICKET);
	ck_assert_uint_eq(mux_count(t.edge.mux), 0);
}
END_TEST

START_TEST(test_who_leaves_before_the_answer_is_forgotten)
{
	t.is_slow = true;
	open_some(2);
	channel_reset(t.edge.opened[0], WCE_E_TIMEOUT);
	settle();
	ck_assert_int_eq(t.server.ended, 1);
	ck_assert_int_eq(t.server.code, WCE_E_TIMEOUT);
	/* An answer that crossed the reset reaches nobody. */
	forge(&t.edge, WCE_CH_ACCEPT, 1, "\0\x70\0\4\0\0\1\0", 8);
	forge(&t.edge, WCE_CH_DATA, 1, "late", 4);
	ck_assert_int_eq(t.edge.err, 0);
	ck_assert_int_eq(t.edge.accepted, 0);
	channel_accept(t.server.opened[1]);
	join(&t.server.ears[1], t.server.opened[1]);
	settle();
	ck_assert_int_eq(t.edge.accepted, 1);
}
END_TEST

START_TEST(test_a_lost_connection_ends_all)
{
	t.is_slow = true;
	open_some(3);
	channel_accept(t.server.opened[0]);
	join(&t.server.ears[0], t.server.opened[0]);
	settle();
	t.edge.out.is_cut = true;
	mux_free(t.edge.mux);
	t.edge.mux = NULL;
	ck_assert(t.edge.ears[0].is_over && t.edge.ears[0].was_aborted);
	ck_assert_int_eq(t.edge.ended, 2);
	ck_assert_int_eq(t.edge.code, WCE_E_NONE);
}
END_TEST

/* ---- rules --------------------------------------------------------------- */

START_TEST(test_more_than_the_window_ends_that_channel)
{
	struct ear *e = &t.server.ears[0];
	uint8_t piece[WCE_DATA_MAX];

	open_some(2);
	e->is_deaf = true;
	for (int i = 0; i < 40 && !e->is_over; i++) {
		for (size_t k = 0; k < sizeof(piece); k++)
			piece[k] = sound(e->seed_heard, e->heard + k);
		forge(&t.server, WCE_CH_DATA, 1, piece, sizeof(piece));
	}
	ck_assert(e->is_over);
	ck_assert_uint_le(e->heard, RELAY_QUEUE_MAX);
	ck_assert(!t.server.ears[1].is_over);
	ck_assert_int_eq(t.server.err, 0);
	settle();
	ck_assert(t.edge.ears[0].is_over);
	ck_assert(!t.edge.ears[1].is_over);
}
END_TEST

static const struct {
	const char *what;
	bool to_edge;
	bool is_open; /* else: no answer yet */
	uint8_t type;
	const char *payload;
	size_t len;
} FAULTS[] = {
	{"data before the answer", true, false, WCE_CH_DATA, "x", 1},
	{"data before our answer", false, false, WCE_CH_DATA, "x", 1},
	{"a last word before the answer", true, false, WCE_CH_EOF, "", 0},
	{"credit before the answer", true, false, WCE_CH_CREDIT,
		"\0\0\0\1", 4},
	{"a second answer", true, true, WCE_CH_ACCEPT,
		"\0\x70\0\4\0\4\0\0", 8},
	{"an answer from who asked", false, true, WCE_CH_ACCEPT,
		"\0\x70\0\4\0\4\0\0", 8},
	{"credit over all bounds", false, true, WCE_CH_CREDIT,
		"\x7f\xff\xff\xff", 4},
	{"no credit", false, true, WCE_CH_CREDIT, "\0\0\0\0", 4},
	{"credit over all bounds at once", true, false, WCE_CH_ACCEPT,
		"\0\x70\0\4\xff\xff\xff\xff", 8},
};

START_TEST(test_what_a_channel_does_wrong_ends_it_alone)
{
	struct half *to = FAULTS[_i].to_edge ? &t.edge : &t.server;
	size_t before;

	t.is_slow = true;
	open_some(2);
	if (FAULTS[_i].is_open) {
		channel_accept(t.server.opened[0]);
		join(&t.server.ears[0], t.server.opened[0]);
		settle();
	}
	before = mux_count(to->mux);
	forge(to, FAULTS[_i].type, 1, FAULTS[_i].payload, FAULTS[_i].len);
	ck_assert_int_eq(to->err, 0);
	ck_assert_uint_eq(mux_count(to->mux), before - 1);
	settle();
	ck_assert_uint_eq(mux_count(t.edge.mux), 1);
	ck_assert_uint_eq(mux_count(t.server.mux), 1);
}
END_TEST

START_TEST(test_a_word_after_the_last_ends_the_channel)
{
	open_some(1);
	relay_side_eof(t.edge.ears[0].side);
	settle();
	forge(&t.server, WCE_CH_DATA, 1, "more", 4);
	ck_assert(t.server.ears[0].is_over);
	ck_assert_int_eq(t.server.err, 0);
}
END_TEST

/* ---- the vectors of docs/protocol/webconf.md 10 -------------------------- */

static void expect_out(struct half *h, const char *hex)
{
	char text[512] = "";

	ck_assert_uint_lt(h->out.to - h->out.from, 250);
	str_hex(h->out.data + h->out.from, h->out.to - h->out.from, text);
	ck_assert_str_eq(text, hex);
}

START_TEST(test_vectors)
{
	static const uint8_t hello[] = "hello";

	ck_assert_int_eq(try_open(0), 0);
	ck_assert_uint_eq(t.edge.out.to, 12 + 20 + 213 + 8 + 6);
	carry(&t.edge, &t.server, 1000);
	expect_out(&t.server, "57450121000000010000000800700004"
		"00040000");
	carry(&t.server, &t.edge, 1000);
	relay_side_data(t.edge.ears[0].side, hello, 5);
	expect_out(&t.edge, "57450122000000010000000568656c6c6f");
	t.edge.out.to = 0;
	relay_side_eof(t.edge.ears[0].side);
	expect_out(&t.edge, "574501240000000100000000");
	t.edge.out.to = 0;
	relay_free(t.edge.ears[0].relay);
	t.edge.ears[0].relay = NULL;
	expect_out(&t.edge, "5745012500000001000000020206");
	t.edge.out.to = 0;
}
END_TEST

START_TEST(test_vector_of_credit)
{
	open_some(1);
	say(&t.edge.ears[0], MUX_WINDOW / 2);
	while (carry(&t.edge, &t.server, 16000) > 0)
		;
	expect_out(&t.server, "57450123000000010000000400020000");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("channel");
	TCase *tc = tcase_create("channel");
	TCase *slow;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_last_words_pass_each_way);
	tcase_add_test(tc, test_a_broken_side_breaks_the_other);
	tcase_add_test(tc, test_a_refusal_has_its_code);
	tcase_add_test(tc, test_who_leaves_before_the_answer_is_forgotten);
	tcase_add_test(tc, test_a_lost_connection_ends_all);
	tcase_add_test(tc, test_more_than_the_window_ends_that_channel);
	tcase_add_loop_test(tc, test_what_a_channel_does_wrong_ends_it_alone,
		0, (int)ARRAY_COUNT(FAULTS));
	tcase_add_test(tc, test_a_word_after_the_last_ends_the_channel);
	tcase_add_test(tc, test_vectors);
	tcase_add_test(tc, test_vector_of_credit);
	suite_add_tcase(s, tc);
	slow = tcase_create("closing");
	tcase_set_tags(slow, "slow"); /* waits two seconds */
	tcase_add_checked_fixture(slow, setup, teardown);
	tcase_set_timeout(slow, 60);
	tcase_add_test(slow, test_a_cut_says_all_and_ends_within_its_time);
	suite_add_tcase(s, slow);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
