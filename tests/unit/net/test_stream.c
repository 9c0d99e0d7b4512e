/* Streams: two ends over loopback, on one loop. */
#include <check.h>
#include <pthread.h>

#include "tests/unit/net/stream_bench.h"

/* ---- the normal case ----------------------------------------------------- */

START_TEST(test_plain_bytes_go_both_ways)
{
	join_ready();
	ck_assert_str_eq(b.s.cipher, "tcp");
	ck_assert(!b.s.peer.is_present);
	say(&b.c, "ping");
	TURN_UNTIL(b.loop, b.s.len == 4);
	say(&b.s, "pong!");
	TURN_UNTIL(b.loop, b.c.len == 5);
	assert_heard(&b.s, "ping");
	assert_heard(&b.c, "pong!");
	ck_assert_uint_eq(stream_bytes_in(b.s.stream), 4);
	ck_assert_uint_eq(stream_bytes_out(b.s.stream), 5);
	ck_assert(addr_eq(stream_local(b.s.stream), &b.at));
	ck_assert(addr_eq(stream_remote(b.c.stream), &b.at));
}
END_TEST

START_TEST(test_tls_bytes_go_both_ways)
{
	use_tls();
	join_ready();
	ck_assert_ptr_nonnull(strstr(b.s.cipher, "TLSv1.3"));
	ck_assert(b.c.peer.is_verified);
	ck_assert(!b.s.peer.is_present);
	say(&b.c, "ping");
	TURN_UNTIL(b.loop, b.s.len == 4);
	say(&b.s, "pong!");
	TURN_UNTIL(b.loop, b.c.len == 5);
	assert_heard(&b.c, "pong!");
}
END_TEST

START_TEST(test_megabytes_arrive_whole)
{
	size_t size = 900000;
	uint8_t *blob = malloc(size);
	size_t i;

	for (i = 0; i < size; i++)
		blob[i] = (uint8_t)(i * 7 + i / 251);
	use_tls();
	join_ready();
	/* how much of it the kernel takes at once is its affair */
	ck_assert_int_ge(stream_send(b.c.stream, blob, size), 0);
	TURN_UNTIL(b.loop, b.s.len == size);
	ck_assert_mem_eq(b.s.data, blob, size);
	ck_assert_uint_eq(stream_queued(b.c.stream), 0);
	free(blob);
}
END_TEST

START_TEST(test_what_is_sent_before_ready_goes_out)
{
	use_tls();
	join();
	say(&b.c, "early");
	TURN_UNTIL(b.loop, b.s.len == 5);
	assert_heard(&b.s, "early");
}
END_TEST

START_TEST(test_small_sends_of_one_turn_share_a_record)
{
	use_tls();
	join_ready();
	say(&b.c, "one ");
	say(&b.c, "two ");
	say(&b.c, "three");
	TURN_UNTIL(b.loop, b.s.len == 13);
	assert_heard(&b.s, "one two three");
	ck_assert_uint_eq(b.s.calls, 1);
}
END_TEST

START_TEST(test_idle_peer_is_cut_and_bytes_move_the_limit)
{
	struct mono begin = mono_now();

	b.limits.idle_ms = 150;
	join_ready();
	stream_set_idle_ms(b.c.stream, 0);
	turn_for_ms(b.loop, 100);
	say(&b.c, "still here");
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_IDLE);
	ck_assert_int_ge(mono_since_ms(begin, mono_now()), 240);
	TURN_UNTIL(b.loop, b.c.is_ended);
	ck_assert_int_eq(b.c.end, STREAM_END_PEER);
}
END_TEST

/* ---- ends ---------------------------------------------------------------- */

START_TEST(test_close_sends_what_is_queued)
{
	size_t size = 700000;
	uint8_t *blob = calloc(1, size);

	use_tls();
	join_ready();
	ck_assert_int_ge(stream_send(b.s.stream, blob, size), 0);
	stream_close(b.s.stream);
	ck_assert_int_eq(stream_send(b.s.stream, "x", 1), -ENOTCONN);
	ck_assert_int_eq(b.s.end_count, 0);
	TURN_UNTIL(b.loop, b.s.is_ended && b.c.is_ended);
	ck_assert_uint_eq(b.c.len, size);
	ck_assert_int_eq(b.s.end, STREAM_END_LOCAL);
	ck_assert_str_eq(b.s.detail, "");
	ck_assert_int_eq(b.c.end, STREAM_END_PEER);
	free(blob);
}
END_TEST

START_TEST(test_close_waits_two_seconds_at_most)
{
	struct mono begin = mono_now();
	uint8_t *blob = calloc(1, 1 << 20);
	int fd = test_dial(&b.at);

	b.limits.queue_max = 16 << 20;
	admit(test_accept(b.listen_fd));
	TURN_UNTIL(b.loop, b.s.is_ready);
	while (stream_send(b.s.stream, blob, 1 << 20) == 0)
		loop_turn(b.loop, 0);
	stream_close(b.s.stream);
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_LOCAL);
	ck_assert_str_ne(b.s.detail, "");
	ck_assert_int_ge(mono_since_ms(begin, mono_now()), 1900);
	ck_assert_int_lt(mono_since_ms(begin, mono_now()), 4000);
	close(fd);
	free(blob);
}
END_TEST

START_TEST(test_last_answer_survives_a_peer_that_still_talks)
{
	char room[64] = "";
	ssize_t n;
	int fd = test_dial(&b.at);

	admit(test_accept(b.listen_fd));
	TURN_UNTIL(b.loop, b.s.is_ready);
	/* closing with unread bytes would send a reset over the answer */
	ck_assert_int_eq(send(fd, "more and more", 13, 0), 13);
	say(&b.s, "bye");
	stream_close(b.s.stream);
	turn_for_ms(b.loop, 50);
	ck_assert_int_eq(send(fd, "and more", 8, 0), 8);
	turn_for_ms(b.loop, 50);
	n = recv(fd, room, sizeof(room), 0);
	ck_assert_int_eq(n, 3);
	ck_assert_int_eq(recv(fd, room, sizeof(room), 0), 0);
	close(fd);
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_LOCAL);
}
END_TEST

static void *shake_and_drop(void *arg)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = *(int *)arg;

	SSL_set_fd(ssl, fd);
	ck_assert_int_eq(SSL_connect(ssl), 1);
	ck_assert_int_eq(SSL_write(ssl, "last", 4), 4);
	SSL_free(ssl); /* no close_notify */
	shutdown(fd, SHUT_WR);
	SSL_CTX_free(ctx);
	return NULL;
}

START_TEST(test_peer_that_ends_without_goodbye_is_no_error)
{
	pthread_t thread;
	int fd;

	use_tls();
	fd = test_dial(&b.at);
	admit(test_accept(b.listen_fd));
	pthread_create(&thread, NULL, shake_and_drop, &fd);
	TURN_UNTIL(b.loop, b.s.is_ended);
	pthread_join(thread, NULL);
	assert_heard(&b.s, "last");
	ck_assert_int_eq(b.s.end, STREAM_END_PEER);
	close(fd);
}
END_TEST

START_TEST(test_reset_is_told_from_an_end)
{
	struct linger hard = { .l_onoff = 1 };
	int fd = test_dial(&b.at);

	admit(test_accept(b.listen_fd));
	TURN_UNTIL(b.loop, b.s.is_ready);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_RESET);
	ck_assert_str_ne(b.s.detail, "");
}
END_TEST

/* Who looks at the room first never overflows, and sees it come back. */
START_TEST(test_room_is_what_a_stream_takes)
{
	uint8_t *blob = calloc(1, 100000);
	int fd = test_dial(&b.at);
	size_t room;
	int i;

	b.limits.queue_max = 150000;
	admit(test_accept(b.listen_fd));
	TURN_UNTIL(b.loop, b.s.is_ready);
	ck_assert_uint_eq(stream_room(b.s.stream, 1), 150000);
	for (i = 0; i < 1000; i++) {
		room = stream_room(b.s.stream, 100000);
		if (room < 100000)
			break;
		ck_assert_int_ge(stream_send(b.s.stream, blob, 100000), 0);
	}
	ck_assert_int_lt(i, 1000);
	ck_assert_uint_eq(stream_queued(b.s.stream), 150000 - room);
	stream_set_queue_max(b.s.stream, 1); /* far below */
	ck_assert_uint_eq(stream_room(b.s.stream, 1), 0);
	stream_set_queue_max(b.s.stream, 150000);
	while (stream_queued(b.s.stream) > 0) {
		(void)!recv(fd, blob, 100000, MSG_DONTWAIT);
		stream_push(b.s.stream);
	}
	ck_assert_uint_eq(stream_room(b.s.stream, 1), 150000);
	close(fd);
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_ne(b.s.end, STREAM_END_OVERFLOW);
	free(blob);
}
END_TEST

START_TEST(test_peer_that_does_not_read_is_cut)
{
	uint8_t *blob = calloc(1, 100000);
	int fd = test_dial(&b.at);
	int got = 0;
	int i;

	b.limits.queue_max = 200000;
	admit(test_accept(b.listen_fd));
	TURN_UNTIL(b.loop, b.s.is_ready);
	for (i = 0; i < 1000 && got >= 0; i++) {
		got = stream_send(b.s.stream, blob, 100000);
		ck_assert_int_eq(b.s.end_count, 0);
		if (got >= 0)
			loop_turn(b.loop, 0);
	}
	ck_assert_int_eq(got, -ENOBUFS);
	ck_assert_int_eq(stream_send(b.s.stream, blob, 1), -ENOTCONN);
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_OVERFLOW);
	close(fd);
	free(blob);
}
END_TEST

START_TEST(test_a_burst_within_one_turn_is_no_overflow)
{
	uint8_t *blob = calloc(1, 60000);
	int i;

	b.limits.queue_max = 100000;
	join_ready();
	for (i = 0; i < 3; i++)
		ck_assert_int_ge(stream_send(b.s.stream, blob, 60000), 0);
	TURN_UNTIL(b.loop, b.c.len == 180000);
	free(blob);
}
END_TEST

/* ---- back-pressure and pieces -------------------------------------------- */

START_TEST(test_paused_reader_hears_nothing_until_it_resumes)
{
	use_tls();
	join_ready();
	stream_pause(b.s.stream);
	say(&b.c, "later");
	turn_for_ms(b.loop, 50);
	ck_assert_uint_eq(b.s.len, 0);
	stream_resume(b.s.stream);
	TURN_UNTIL(b.loop, b.s.len == 5);
}
END_TEST

static void pause_now(struct end *e)
{
	stream_pause(e->stream);
}

START_TEST(test_pause_inside_data_keeps_the_rest_and_the_end)
{
	size_t size = 300000;
	uint8_t *blob = calloc(1, size);
	int i;

	use_tls();
	join_ready();
	b.s.react = pause_now;
	ck_assert_int_ge(stream_send(b.c.stream, blob, size), 0);
	stream_close(b.c.stream);
	for (i = 0; i < 1000 && !b.s.is_ended; i++) {
		size_t before = b.s.calls;

		loop_turn(b.loop, 1);
		ck_assert_uint_le(b.s.calls - before, 1);
		if (b.s.stream != NULL)
			stream_resume(b.s.stream);
	}
	ck_assert_uint_eq(b.s.len, size);
	ck_assert_int_eq(b.s.end, STREAM_END_PEER);
	free(blob);
}
END_TEST

static void *send_single_bytes(void *arg)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int i;

	SSL_set_fd(ssl, *(int *)arg);
	ck_assert_int_eq(SSL_connect(ssl), 1);
	for (i = 0; i < 5000; i++)
		ck_assert_int_eq(SSL_write(ssl, &"0123456789"[i % 10], 1), 1);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return NULL;
}

START_TEST(test_records_of_one_byte_are_gathered)
{
	pthread_t thread;
	int fd;
	int i;

	use_tls();
	fd = test_dial(&b.at);
	admit(test_accept(b.listen_fd));
	pthread_create(&thread, NULL, send_single_bytes, &fd);
	TURN_UNTIL(b.loop, b.s.is_ended);
	pthread_join(thread, NULL);
	ck_assert_int_eq(b.s.end, STREAM_END_PEER);
	ck_assert_uint_eq(b.s.len, 5000);
	for (i = 0; i < 5000; i++)
		ck_assert_int_eq(b.s.data[i], '0' + i % 10);
	ck_assert_uint_gt(b.s.biggest, 1);
	close(fd);
}
END_TEST

/* ---- freeing in the wrong moment ----------------------------------------- */

static void free_now(struct end *e)
{
	stream_free(e->stream);
	e->stream = NULL;
}

static void close_now(struct end *e)
{
	stream_close(e->stream);
}

static void answer_and_free(struct end *e)
{
	ck_assert_int_eq(stream_send(e->stream, "x", 1), 0);
	free_now(e);
}

START_TEST(test_free_inside_data_is_the_last_call)
{
	use_tls();
	join_ready();
	b.s.react = answer_and_free;
	say(&b.c, "kill");
	TURN_UNTIL(b.loop, b.c.is_ended);
	ck_assert_int_eq(b.s.end_count, 0);
	ck_assert_int_eq(b.c.end, STREAM_END_PEER);
}
END_TEST

START_TEST(test_free_inside_ready_is_the_last_call)
{
	use_tls();
	b.s.react_ready = free_now;
	join();
	TURN_UNTIL(b.loop, b.c.is_ended);
	ck_assert_int_eq(b.s.end_count, 0);
}
END_TEST

START_TEST(test_close_inside_data_stops_data)
{
	use_tls();
	join_ready();
	b.s.react = close_now;
	say(&b.c, "one");
	TURN_UNTIL(b.loop, b.s.len == 3);
	if (b.c.stream != NULL)
		(void)stream_send(b.c.stream, "two", 3);
	TURN_UNTIL(b.loop, b.s.is_ended && b.c.is_ended);
	ck_assert_uint_eq(b.s.len, 3);
	ck_assert_int_eq(b.s.end, STREAM_END_LOCAL);
}
END_TEST

START_TEST(test_free_with_work_deferred_leaves_nothing)
{
	join_ready();
	say(&b.c, "never");
	free_now(&b.c);
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_uint_eq(b.s.len, 0);
}
END_TEST

START_TEST(test_close_before_ready_ends_from_the_loop)
{
	use_tls();
	dial();
	stream_close(b.c.stream);
	ck_assert_int_eq(b.c.end_count, 0);
	TURN_UNTIL(b.loop, b.c.is_ended);
	ck_assert_int_eq(b.c.end, STREAM_END_LOCAL);
	stream_free(NULL);
}
END_TEST

START_TEST(test_every_end_has_a_name)
{
	int i;

	for (i = STREAM_END_PEER; i <= STREAM_END_MEMORY; i++)
		ck_assert_str_ne(stream_end_name((enum stream_end)i), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stream");
	SRunner *sr = srunner_create(suite);
	TCase *tc;
	int failures;

	tc = bench_case("normal");
	tcase_add_test(tc, test_plain_bytes_go_both_ways);
	tcase_add_test(tc, test_tls_bytes_go_both_ways);
	tcase_add_test(tc, test_megabytes_arrive_whole);
	tcase_add_test(tc, test_what_is_sent_before_ready_goes_out);
	tcase_add_test(tc, test_small_sends_of_one_turn_share_a_record);
	suite_add_tcase(suite, tc);

	tc = bench_case("ends");
	tcase_add_test(tc, test_close_sends_what_is_queued);
	tcase_add_test(tc, test_close_waits_two_seconds_at_most);
	tcase_add_test(tc, test_last_answer_survives_a_peer_that_still_talks);
	tcase_add_test(tc, test_peer_that_ends_without_goodbye_is_no_error);
	tcase_add_test(tc, test_reset_is_told_from_an_end);
	tcase_add_test(tc, test_room_is_what_a_stream_takes);
	tcase_add_test(tc, test_peer_that_does_not_read_is_cut);
	tcase_add_test(tc, test_a_burst_within_one_turn_is_no_overflow);
	tcase_add_test(tc, test_every_end_has_a_name);
	tcase_add_test(tc, test_idle_peer_is_cut_and_bytes_move_the_limit);
	suite_add_tcase(suite, tc);

	tc = bench_case("pieces");
	tcase_add_test(tc,
		test_paused_reader_hears_nothing_until_it_resumes);
	tcase_add_test(tc, test_pause_inside_data_keeps_the_rest_and_the_end);
	tcase_add_test(tc, test_records_of_one_byte_are_gathered);
	suite_add_tcase(suite, tc);

	tc = bench_case("freeing");
	tcase_add_test(tc, test_free_inside_data_is_the_last_call);
	tcase_add_test(tc, test_free_inside_ready_is_the_last_call);
	tcase_add_test(tc, test_close_inside_data_stops_data);
	tcase_add_test(tc, test_free_with_work_deferred_leaves_nothing);
	tcase_add_test(tc, test_close_before_ready_ends_from_the_loop);
	suite_add_tcase(suite, tc);

	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
