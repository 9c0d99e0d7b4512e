/*
 * Two joined streams: order, back-pressure, half-close both ways, resets,
 * the rate cap. Left and right are accepted streams as in the edge; the
 * peers that dialled them are ends of the test.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/net/relay.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki.h"

#define EDGE_NAME "edge.contoso.test"
#define BIG       ((size_t)8 << 20)

struct peer {
	struct end e;
	bool is_eof;
	size_t bytes;
};

static struct {
	struct loop *loop;
	struct pki pki;
	struct tls_ctx *server, *client;
	struct peer peers[2];
	struct stream *accepted[2];
	int accepted_ready;
	struct relay *relay;
	uint32_t rate_kib_s;
	int64_t half_close_ms;
	int ends;
	enum relay_end end;
	enum stream_end stream_end;
} t;

/* ---- peers --------------------------------------------------------------- */

static void on_peer_data(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	struct peer *p = arg;

	p->bytes += len;
	if (p->e.len < 65536)
		end_on_data(s, data, len, &p->e);
}

static void on_peer_eof(struct stream *s, void *arg)
{
	(void)s;
	((struct peer *)arg)->is_eof = true;
}

static void on_peer_ready(struct stream *s, void *arg)
{
	end_on_ready(s, &((struct peer *)arg)->e);
}

static void on_peer_drained(struct stream *s, void *arg)
{
	end_on_drained(s, &((struct peer *)arg)->e);
}

static void on_peer_end(struct stream *s, enum stream_end end,
	const char *detail, void *arg)
{
	end_on_end(s, end, detail, &((struct peer *)arg)->e);
}

static const struct stream_ops PEER_OPS = {
	.on_ready = on_peer_ready,
	.on_data = on_peer_data,
	.on_drained = on_peer_drained,
	.on_eof = on_peer_eof,
	.on_end = on_peer_end,
};

static void on_accepted_ready(struct stream *s, void *arg)
{
	(void)arg;
	stream_pause(s);
	t.accepted_ready++;
}

static void on_accepted_data(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	(void)s;
	(void)data;
	(void)len;
	(void)arg;
	ck_abort_msg("not joined yet");
}

static const struct stream_ops ACCEPTED_OPS = {
	.on_ready = on_accepted_ready,
	.on_data = on_accepted_data,
};

static void on_relay_end(struct relay *r, enum relay_end end,
	enum stream_end stream_end, const char *detail, void *arg)
{
	(void)detail;
	ck_assert_ptr_eq(r, t.relay);
	ck_assert_ptr_eq(arg, &t);
	t.ends++;
	t.end = end;
	t.stream_end = stream_end;
	t.relay = NULL;
}

static void setup(void)
{
	memset(&t, 0, sizeof(t));
	t.half_close_ms = 60000;
	ck_assert_int_eq(loop_new(&t.loop), 0);
	pki_init(&t.pki);
}

static void teardown(void)
{
	relay_free(t.relay);
	for (int i = 0; i < 2; i++)
		end_fini(&t.peers[i].e);
	tls_ctx_unref(t.server);
	tls_ctx_unref(t.client);
	pki_fini(&t.pki);
	loop_free(t.loop);
}

static void use_tls(void)
{
	char *chain, *key, *trust;
	struct tls_spec spec = {.role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_NONE, .alpn = "wce/1"};

	pki_ca(&t.pki, "ca");
	pki_leaf(&t.pki, "ca", "server", "DNS:" EDGE_NAME);
	chain = pki_path_dup(&t.pki, "server.crt");
	key = pki_path_dup(&t.pki, "server.key");
	trust = pki_path_dup(&t.pki, "ca.crt");
	spec.chain_path = chain;
	spec.key_path = key;
	ck_assert_int_eq(tls_ctx_new(&t.server, &spec, NULL), 0);
	spec = (struct tls_spec){.role = TLS_ROLE_CLIENT,
		.verify = TLS_VERIFY_REQUIRE, .trust_path = trust,
		.alpn = "wce/1"};
	ck_assert_int_eq(tls_ctx_new(&t.client, &spec, NULL), 0);
	free(chain);
	free(key);
	free(trust);
}

static void connect_side(int i)
{
	const struct stream_limits limits = {.queue_max = RELAY_QUEUE_MAX};
	struct stream_target target = {.name = EDGE_NAME};
	int fd = test_listen(&target.remote);
	struct stream_limits wide = {.queue_max = 2 * BIG};

	ck_assert_int_eq(stream_connect(&t.peers[i].e.stream, t.loop, &target,
		t.client, &wide, &PEER_OPS, &t.peers[i]), 0);
	ck_assert_int_eq(stream_accept(&t.accepted[i], t.loop,
		test_accept(fd), &target.remote, t.server, &limits,
		&ACCEPTED_OPS, NULL), 0);
	close(fd);
}

static void join(void)
{
	struct relay_spec spec = {.loop = t.loop,
		.rate_kib_s = t.rate_kib_s,
		.half_close_ms = t.half_close_ms,
		.on_end = on_relay_end,
		.arg = &t};

	connect_side(0);
	connect_side(1);
	TURN_UNTIL(t.loop, t.accepted_ready == 2 && t.peers[0].e.is_ready &&
		t.peers[1].e.is_ready);
	spec.left = t.accepted[0];
	spec.right = t.accepted[1];
	ck_assert_int_eq(relay_new(&t.relay, &spec), 0);
}

static void say(int i, const char *text)
{
	ck_assert_int_ge(stream_send(t.peers[i].e.stream, text, strlen(text)),
		0);
}

static void offer(int i, size_t len)
{
	uint8_t *blob = malloc(len);

	for (size_t at = 0; at < len; at++)
		blob[at] = (uint8_t)(at * 31 >> 3);
	ck_assert_int_ge(stream_send(t.peers[i].e.stream, blob, len), 0);
	free(blob);
}

/* ---- tests, each over TLS and plain TCP ---------------------------------- */

static void use(int with_tls)
{
	if (with_tls)
		use_tls();
	join();
}

START_TEST(test_bytes_cross_both_ways)
{
	use(_i);
	say(0, "from the left");
	say(1, "from the right side");
	TURN_UNTIL(t.loop, t.peers[0].e.len == 19 && t.peers[1].e.len == 13);
	ck_assert_mem_eq(t.peers[1].e.data, "from the left", 13);
	ck_assert_uint_eq(relay_bytes(t.relay, RELAY_LEFT), 13);
	ck_assert_uint_eq(relay_bytes(t.relay, RELAY_RIGHT), 19);
	ck_assert_int_eq(t.ends, 0);
}
END_TEST

START_TEST(test_much_arrives_whole)
{
	uint8_t want[65536];

	for (size_t at = 0; at < sizeof(want); at++)
		want[at] = (uint8_t)(at * 31 >> 3);
	use(_i);
	offer(0, BIG);
	offer(1, BIG);
	TURN_UNTIL(t.loop, t.peers[0].bytes == BIG && t.peers[1].bytes == BIG);
	ck_assert_mem_eq(t.peers[0].e.data, want, 60000);
	ck_assert_mem_eq(t.peers[1].e.data, want, 60000);
}
END_TEST

/* B9.4: who does not read is not sent to; nothing piles up here. */
START_TEST(test_a_reader_that_stops_stops_the_writer)
{
	size_t most = 0;
	size_t before;

	use(_i);
	stream_pause(t.peers[1].e.stream);
	offer(0, BIG);
	for (int i = 0; i < 60; i++) {
		turn_for_ms(t.loop, 5);
		if (relay_queued(t.relay) > most)
			most = relay_queued(t.relay);
	}
	ck_assert_uint_gt(most, RELAY_QUEUE_MAX / 2);
	/* one read beyond the mark, and one batch on its way */
	ck_assert_uint_le(most, RELAY_QUEUE_MAX / 2 + 65536 + 4 * 16640);
	before = relay_bytes(t.relay, RELAY_LEFT);
	ck_assert_uint_lt(before, BIG);
	/* the other direction does not care */
	say(1, "still here");
	TURN_UNTIL(t.loop, t.peers[0].e.len == 10);
	stream_resume(t.peers[1].e.stream);
	TURN_UNTIL(t.loop, t.peers[1].bytes == BIG);
}
END_TEST

static void half_close(int first)
{
	int second = 1 - first;

	say(first, "question");
	stream_shut(t.peers[first].e.stream);
	TURN_UNTIL(t.loop, t.peers[second].is_eof);
	ck_assert_uint_eq(t.peers[second].e.len, 8);
	ck_assert_int_eq(t.ends, 0);
	say(second, "answer");
	TURN_UNTIL(t.loop, t.peers[first].e.len == 6);
	stream_shut(t.peers[second].e.stream);
	TURN_UNTIL(t.loop, t.peers[first].is_eof);
	stream_close(t.peers[0].e.stream);
	stream_close(t.peers[1].e.stream);
	TURN_UNTIL(t.loop, t.ends == 1);
	ck_assert_int_eq(t.end, RELAY_END_BOTH);
}

START_TEST(test_half_close_from_the_left)
{
	use(_i);
	half_close(0);
}
END_TEST

START_TEST(test_half_close_from_the_right)
{
	use(_i);
	half_close(1);
}
END_TEST

START_TEST(test_a_last_word_behind_much_arrives_after_it)
{
	use(_i);
	offer(0, BIG);
	stream_shut(t.peers[0].e.stream);
	TURN_UNTIL(t.loop, t.peers[1].is_eof);
	ck_assert_uint_eq(t.peers[1].bytes, BIG);
}
END_TEST

START_TEST(test_half_open_is_not_for_ever)
{
	t.half_close_ms = 100;
	use(_i);
	stream_shut(t.peers[0].e.stream);
	TURN_UNTIL(t.loop, t.peers[1].is_eof);
	stream_close(t.peers[1].e.stream);
	TURN_UNTIL(t.loop, t.ends == 1 || t.peers[0].is_eof);
	stream_close(t.peers[0].e.stream);
	TURN_UNTIL(t.loop, t.ends == 1);
}
END_TEST

START_TEST(test_a_silent_half_is_cut_when_its_time_is_over)
{
	t.half_close_ms = 100;
	use(_i);
	stream_shut(t.peers[0].e.stream);
	TURN_UNTIL(t.loop, t.peers[0].is_eof);
	stream_close(t.peers[0].e.stream);
	stream_close(t.peers[1].e.stream);
	TURN_UNTIL(t.loop, t.ends == 1);
	ck_assert_int_eq(t.end, RELAY_END_HALF);
}
END_TEST

static void reset(int first)
{
	stream_abort(t.peers[first].e.stream);
	t.peers[first].e.stream = NULL;
	TURN_UNTIL(t.loop, t.ends == 1 && t.peers[1 - first].e.is_ended);
	ck_assert_int_eq(t.end, first == 0 ? RELAY_END_LEFT :
		RELAY_END_RIGHT);
	ck_assert_int_eq(t.stream_end, STREAM_END_RESET);
	/* and not an orderly end */
	ck_assert_int_eq(t.peers[1 - first].e.end, STREAM_END_RESET);
	ck_assert(!t.peers[1 - first].is_eof);
}

START_TEST(test_a_reset_crosses_from_the_left)
{
	use(_i);
	reset(0);
}
END_TEST

START_TEST(test_a_reset_crosses_from_the_right)
{
	use(_i);
	reset(1);
}
END_TEST

START_TEST(test_cut_tells_both)
{
	use(_i);
	relay_cut(t.relay);
	TURN_UNTIL(t.loop, t.peers[0].is_eof && t.peers[1].is_eof);
	stream_close(t.peers[0].e.stream);
	stream_close(t.peers[1].e.stream);
	TURN_UNTIL(t.loop, t.ends == 1);
	ck_assert_int_eq(t.end, RELAY_END_CUT);
}
END_TEST

START_TEST(test_the_rate_cap_holds_in_each_direction)
{
	struct mono begin;
	int64_t took_ms;

	t.rate_kib_s = 1024;
	use(_i);
	begin = mono_now();
	offer(0, 2 << 20); /* 1 MiB at once, the second at its rate */
	offer(1, 2 << 20);
	TURN_UNTIL(t.loop, t.peers[0].bytes == 2 << 20 &&
		t.peers[1].bytes == 2 << 20);
	took_ms = mono_since_ms(begin, mono_now());
	ck_assert_int_ge(took_ms, 800);
	ck_assert_int_le(took_ms, 3000);
}
END_TEST

START_TEST(test_bytes_read_before_are_put_in)
{
	use(_i);
	relay_inject(t.relay, RELAY_RIGHT, "early", 5);
	relay_inject(t.relay, RELAY_RIGHT, "", 0);
	say(1, " late");
	TURN_UNTIL(t.loop, t.peers[0].e.len == 10);
	ck_assert_mem_eq(t.peers[0].e.data, "early late", 10);
}
END_TEST

/* ---- TLS in the other direction than TCP --------------------------------- */

static void other_roles(bool dialler_is_server)
{
	struct stream_limits limits = {
		.is_tls_client = dialler_is_server,
		.is_tls_server = dialler_is_server,
	};
	struct stream_target target = {.name = NULL};
	struct end s = {0};
	int fd = test_listen(&target.remote);

	use_tls();
	ck_assert_int_eq(stream_connect(&t.peers[0].e.stream, t.loop, &target,
		dialler_is_server ? t.server : t.client, &limits, &PEER_OPS,
		&t.peers[0]), 0);
	ck_assert_int_eq(stream_accept(&s.stream, t.loop, test_accept(fd),
		&target.remote, dialler_is_server ? t.client : t.server,
		&limits, &end_ops, &s), 0);
	close(fd);
	TURN_UNTIL(t.loop, s.is_ready && t.peers[0].e.is_ready);
	ck_assert_int_eq(s.peer.is_verified, dialler_is_server);
	say(0, "hello");
	TURN_UNTIL(t.loop, s.len == 5);
	end_fini(&s);
}

START_TEST(test_who_accepts_may_begin_tls)
{
	other_roles(true);
}
END_TEST

START_TEST(test_who_dials_begins_tls_as_usual)
{
	other_roles(false);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("relay");
	TCase *tc = tcase_create("relay");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_bytes_cross_both_ways, 0, 2);
	tcase_add_loop_test(tc, test_much_arrives_whole, 0, 2);
	tcase_add_loop_test(tc, test_a_reader_that_stops_stops_the_writer, 0,
		2);
	tcase_add_loop_test(tc, test_half_close_from_the_left, 0, 2);
	tcase_add_loop_test(tc, test_half_close_from_the_right, 0, 2);
	tcase_add_loop_test(tc, test_a_last_word_behind_much_arrives_after_it,
		0, 2);
	tcase_add_loop_test(tc, test_half_open_is_not_for_ever, 0, 2);
	tcase_add_loop_test(tc,
		test_a_silent_half_is_cut_when_its_time_is_over, 0, 2);
	tcase_add_loop_test(tc, test_a_reset_crosses_from_the_left, 0, 2);
	tcase_add_loop_test(tc, test_a_reset_crosses_from_the_right, 0, 2);
	tcase_add_loop_test(tc, test_cut_tells_both, 0, 2);
	tcase_add_loop_test(tc, test_the_rate_cap_holds_in_each_direction, 0,
		2);
	tcase_add_loop_test(tc, test_bytes_read_before_are_put_in, 0, 2);
	tcase_add_test(tc, test_who_accepts_may_begin_tls);
	tcase_add_test(tc, test_who_dials_begins_tls_as_usual);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
