/* The connection: order, no cross-talk, turns, bounds, what ends it; and
 * anything at any time. */
#include "tests/unit/net/ends.h"
#include "tests/unit/wce/muxes.h"

/* ---- what it is for ------------------------------------------------------ */

START_TEST(test_bytes_cross_on_many_channels)
{
	open_some(EARS);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < EARS; i++) {
			say(&t.edge.ears[i], (size_t)(i * 37 + round) % 5000);
			say(&t.server.ears[i], (size_t)(i * 91) % 3000);
		}
		settle();
	}
	for (int i = 0; i < EARS; i++) {
		ck_assert_uint_eq(t.edge.ears[i].said,
			t.server.ears[i].heard);
		ck_assert_uint_eq(t.server.ears[i].said,
			t.edge.ears[i].heard);
	}
	ck_assert_int_eq(t.edge.err, 0);
	ck_assert_int_eq(t.server.err, 0);
}
END_TEST

START_TEST(test_much_passes_the_window_many_times)
{
	const uint64_t much = 20 * (uint64_t)MUX_WINDOW;

	open_some(1);
	while (t.server.ears[0].heard < much) {
		uint64_t before = t.server.ears[0].heard;

		say_while_allowed(&t.edge.ears[0], much);
		settle();
		ck_assert_uint_gt(t.server.ears[0].heard, before);
	}
	ck_assert_uint_eq(t.server.ears[0].heard, much);
}
END_TEST

/* B9.8: what one does not read holds up nobody else, and has a bound. */
START_TEST(test_one_stalled_channel_stops_no_other)
{
	const uint64_t much = 8 * (uint64_t)MUX_WINDOW;
	struct ear *stuck = &t.server.ears[0];

	open_some(2);
	stuck->is_deaf = true;
	for (int i = 0; i < 1000 && t.server.ears[1].heard < much; i++) {
		say_while_allowed(&t.edge.ears[0], 100 * much);
		say_while_allowed(&t.edge.ears[1], much);
		settle();
	}
	ck_assert_uint_eq(t.server.ears[1].heard, much);
	/* its pile, and what waits at the sender */
	ck_assert(t.edge.ears[0].is_mute);
	ck_assert_uint_le(stuck->piled, RELAY_QUEUE_MAX);
	ck_assert_uint_le(t.edge.ears[0].said,
		RELAY_QUEUE_MAX + 262144 + 65536);
	/* and it goes on where it was */
	stuck->is_deaf = false;
	stuck->piled = 0;
	relay_side_drained(stuck->side);
	settle();
	ck_assert(!t.edge.ears[0].is_mute);
	ck_assert_uint_eq(stuck->heard, t.edge.ears[0].said);
}
END_TEST

START_TEST(test_channels_take_turns)
{
	size_t shares[4];

	open_some(4);
	/* The connection is full: everyone waits. */
	t.edge.out.is_above = true;
	for (int i = 0; i < 4; i++)
		say(&t.edge.ears[i], 250000);
	for (int i = 0; i < 30; i++)
		carry(&t.edge, &t.server, 20000);
	for (int i = 0; i < 4; i++)
		shares[i] = t.server.ears[i].heard;
	for (int i = 0; i < 4; i++) {
		ck_assert_uint_gt(shares[i], 50000);
		ck_assert_uint_le(shares[0], shares[i] + 100000);
		ck_assert_uint_le(shares[i], shares[0] + 100000);
	}
}
END_TEST

START_TEST(test_control_goes_ahead_of_data)
{
	open_some(2);
	say(&t.edge.ears[0], 2 * MUX_WINDOW); /* waits for credit */
	relay_free(t.edge.ears[1].relay);     /* CH_RESET */
	t.edge.ears[1].relay = NULL;
	/* Behind what is in the connection, before what waits in channels. */
	while (!t.server.ears[1].is_over)
		ck_assert_uint_gt(carry(&t.edge, &t.server, 4096), 0);
	ck_assert_uint_lt(t.server.ears[0].heard, 2 * MUX_WINDOW);
}
END_TEST

/* ---- rules --------------------------------------------------------------- */

static const struct {
	const char *what;
	bool to_edge;
	uint8_t type;
	uint32_t channel;
	size_t len;
} STRANGERS[] = {
	{"the edge is opened to", true, WCE_CH_OPEN, 3, OPEN_LEN},
	{"an even number", false, WCE_CH_DATA, 2, 1},
	{"a number not yet used", false, WCE_CH_DATA, 5, 1},
	{"the connection itself", false, WCE_CH_DATA, 0, 1},
	{"an open without fields", false, WCE_CH_OPEN, 3, 0},
	{"an open with a used number", false, WCE_CH_OPEN, 1, OPEN_LEN},
	{"no data", false, WCE_CH_DATA, 1, 0},
	{"too much data", false, WCE_CH_DATA, 1, WCE_DATA_MAX + 1},
	{"short credit", false, WCE_CH_CREDIT, 1, 3},
	{"a long last word", false, WCE_CH_EOF, 1, 1},
	{"a reset without code", false, WCE_CH_RESET, 1, 0},
	{"a frame of another kind", false, WCE_PAIR, 1, 0},
	{"an answer without credit", true, WCE_CH_ACCEPT, 1, 0},
};

START_TEST(test_what_no_channel_says_ends_the_connection)
{
	static uint8_t payload[WCE_DATA_MAX + 1];
	struct half *to = STRANGERS[_i].to_edge ? &t.edge : &t.server;

	t.is_slow = true;
	open_some(1);
	wce_reader_fini(&to->reader);
	wce_reader_init(&to->reader, WCE_PAYLOAD_MAX);
	/* An open is right but for what the row says. */
	(void)open_fields(payload, sizeof(payload));
	forge(to, STRANGERS[_i].type, STRANGERS[_i].channel, payload,
		STRANGERS[_i].len);
	ck_assert_int_eq(to->err, EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_channels_have_a_bound_on_both_ends)
{
	uint8_t fields[512];
	size_t len = open_fields(fields, sizeof(fields));

	open_some(EARS);
	ck_assert(!mux_has_room(t.edge.mux));
	ck_assert_int_eq(try_open(0), EDGE_ETOOBIG);
	/* One that opens more all the same is told no, the rest lives. */
	forge(&t.server, WCE_CH_OPEN, 2 * EARS + 1, fields, len);
	ck_assert_int_eq(t.server.err, 0);
	ck_assert_uint_eq(mux_count(t.server.mux), EARS);
	settle();
	ck_assert_int_eq(t.edge.err, EDGE_EMALFORMED); /* it never asked */
}
END_TEST

START_TEST(test_a_full_connection_takes_no_new_client)
{
	open_some(1);
	t.edge.out.is_above = true;
	say(&t.edge.ears[0], 20000);
	ck_assert(!mux_has_room(t.edge.mux));
	settle();
	ck_assert(mux_has_room(t.edge.mux));
}
END_TEST

/* ---- anything at any time ------------------------------------------------ */

static void random_step(unsigned *seed)
{
	int i = (int)(rand_r(seed) % EARS);
	struct half *h = rand_r(seed) % 2 ? &t.edge : &t.server;
	struct ear *e = &h->ears[i];
	size_t len = rand_r(seed) % 70000;

	switch (rand_r(seed) % 12) {
	case 0:
		if (t.edge.opened[i] == NULL && i == t.next &&
			mux_has_room(t.edge.mux) && try_open(i) == 0)
			settle();
		break;
	case 1:
		if (e->relay != NULL && !e->heard_eof && rand_r(seed) % 8 == 0)
			relay_cut(e->relay);
		break;
	case 2:
		if (e->relay != NULL && rand_r(seed) % 8 == 0) {
			relay_free(e->relay);
			e->relay = NULL;
			e->is_over = true;
		}
		break;
	case 3:
		e->is_deaf = !e->is_deaf;
		if (!e->is_deaf && e->relay != NULL) {
			e->piled = 0;
			relay_side_drained(e->side);
		}
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		if (e->relay != NULL && !e->is_mute)
			say(e, len);
		break;
	default:
		carry(&t.edge, &t.server, len);
		carry(&t.server, &t.edge, rand_r(seed) % 70000);
		loop_turn(t.loop, 0);
		break;
	}
}

/* Every byte that is heard is checked by ear_send(): cross-talk can't be. */
START_TEST(test_random_lives_never_cross)
{
	unsigned seed = (unsigned)_i * 7919 + 1;

	for (int i = 0; i < 1500; i++)
		random_step(&seed);
	ck_assert_int_eq(t.edge.err, 0);
	ck_assert_int_eq(t.server.err, 0);
	for (int i = 0; i < EARS; i++)
		ck_assert_uint_le(t.server.ears[i].heard,
			t.edge.ears[i].said);
	for (int i = 0; i < EARS; i++) {
		relay_free(t.edge.ears[i].relay);
		relay_free(t.server.ears[i].relay);
	}
	settle();
	ck_assert_uint_eq(mux_count(t.edge.mux), 0);
	ck_assert_uint_eq(mux_count(t.server.mux), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("mux");
	TCase *tc = tcase_create("mux");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_bytes_cross_on_many_channels);
	tcase_add_test(tc, test_much_passes_the_window_many_times);
	tcase_add_test(tc, test_one_stalled_channel_stops_no_other);
	tcase_add_test(tc, test_channels_take_turns);
	tcase_add_test(tc, test_control_goes_ahead_of_data);
	tcase_add_loop_test(tc, test_what_no_channel_says_ends_the_connection,
		0, (int)ARRAY_COUNT(STRANGERS));
	tcase_add_test(tc, test_channels_have_a_bound_on_both_ends);
	tcase_add_test(tc, test_a_full_connection_takes_no_new_client);
	tcase_add_loop_test(tc, test_random_lives_never_cross, 0, 8);
	suite_add_tcase(s, tc);
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
