/*
 * TURN over TCP and TLS with real sockets: frames torn and piled up, calls,
 * policy, and clients that do not read.
 */
#include "common/base/rand.h"
#include "tests/unit/av-edge/tcp_bench.h"

/* ---- calls ------------------------------------------------------------- */

static void carry_both_ways(struct client *c)
{
	static const char *const texts[] = {"", "a", "ab", "abc", "abcd"};
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;
	size_t i;

	ck_assert_uint_eq(client_permit(c, &at), 0);
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		client_send(c, &at, texts[i]);
		ck_assert(gets(peer, texts[i], &from));
		ck_assert(addr_eq(&from, &c->relayed));
		say(peer, &from, texts[i], strlen(texts[i]));
		ck_assert(client_gets_data(c, &at, texts[i]));
	}
	ck_assert_uint_eq(client_bind(c, 0x4000, &at), 0);
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		client_channel(c, 0x4000, texts[i]);
		ck_assert(gets(peer, texts[i], &from));
		say(peer, &from, texts[i], strlen(texts[i]));
		ck_assert(client_gets_channel(c, 0x4000, texts[i]));
	}
	ck_assert_uint_eq(client_end(c), 0);
	ck_assert_uint_eq(relay_allocations(relay), 0);
	/* and again on the same connection */
	ck_assert_uint_eq(client_allocate(c), 0);
	close(peer);
}

START_TEST(test_calls_over_tcp_carry_both_ways)
{
	static struct client out, in;

	tcp_allocated(&out, "127.0.3.1:0", OUTSIDE, &alice);
	carry_both_ways(&out);
	tcp_allocated(&in, "127.0.4.1:0", INSIDE, &alice);
	ck_assert_uint_eq(relay_counter(relay, AV_LIVE_INTERNAL), 1);
	close(out.fd);
	close(in.fd);
	await_no_one();
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_RFC), 2);
	ck_assert_uint_eq(relay_counter(relay, AV_ENDED_CONNECTION), 2);
}
END_TEST

/* The normal call: one over TCP, one over UDP, in whatever shards. */
START_TEST(test_R13_tcp_and_udp_clients_talk_through_the_short_cut)
{
	static struct client a, b;
	unsigned i;

	for (i = 0; i < 8; i++) {
		tcp_allocated(&a, "127.0.4.1:0", INSIDE, &alice);
		client_open(&b, "127.0.3.1:0", OUTSIDE_UDP, &bob);
		ck_assert_uint_eq(client_allocate(&b), 0);
		ck_assert_uint_eq(client_bind(&a, 0x4000, &b.relayed), 0);
		ck_assert_uint_eq(client_permit(&b, &a.relayed), 0);
		client_channel(&a, 0x4000, "hello");
		ck_assert(client_gets_data(&b, &a.relayed, "hello"));
		client_send(&b, &a.relayed, "hello too");
		ck_assert(client_gets_channel(&a, 0x4000, "hello too"));
		close(a.fd);
		ck_assert_uint_eq(client_end(&b), 0);
		close(b.fd);
	}
	await_no_one();
}
END_TEST

START_TEST(test_clients_of_ipv6_are_served)
{
	static struct client c;

	open_tcp("[::1]:23443", TOPOLOGY_EXTERNAL, 0);
	nap(50);
	tcp_allocated(&c, "[::1]:0", "[::1]:23443", &alice);
	carry_both_ways(&c);
	close(c.fd);
	await_no_one();
}
END_TEST

START_TEST(test_transport_belongs_to_the_5_tuple)
{
	static struct client t, u;
	char at[ADDR_TEXT_LEN];
	struct addr name;

	tcp_allocated(&t, "127.0.3.1:0", OUTSIDE, &alice);
	name = name_of(t.fd);
	client_open(&u, addr_text(&name, at), OUTSIDE_UDP, &alice);
	ck_assert_uint_eq(client_allocate(&u), 0);
	ck_assert_uint_eq(relay_allocations(relay), 2);
	ck_assert_uint_eq(client_allocate(&t), 437);
	ck_assert_uint_eq(client_end(&t), 0);
	ck_assert_uint_eq(relay_allocations(relay), 1);
	ck_assert_uint_eq(client_end(&u), 0);
	close(t.fd);
	close(u.fd);
}
END_TEST

START_TEST(test_large_datagrams_pass)
{
	static struct client c;
	static uint8_t big[60004];
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;

	tcp_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	buf_store_u16(big, 0x4000);
	buf_store_u16(big + 2, 60000);
	memset(big + 4, 'b', 60000);
	client_say(&c, big, sizeof(big));
	ck_assert_int_eq(hear(peer, c.in, sizeof(c.in), &from,
				 CLIENT_WAIT_MS), 60000);
	ck_assert_mem_eq(c.in, big + 4, 60000);
	say(peer, &c.relayed, big + 4, 60000);
	ck_assert(client_hear(&c, CLIENT_WAIT_MS));
	ck_assert_uint_eq(c.in_len, 60004);
	ck_assert_mem_eq(c.in, big, 60004);
	close(c.fd);
	close(peer);
}
END_TEST

/* ---- bytes as they come ------------------------------------------------ */

START_TEST(test_torn_bytes_are_put_together)
{
	static struct client c;
	uint8_t room[64], data[8] = {0x40, 0, 0, 2, 'h', 'i', 0, 0};
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;
	size_t len = binding(room, 1), i;

	tcp_open(&c, "127.0.3.1:0", OUTSIDE, &alice);
	for (i = 0; i < len; i++) {
		ck_assert_int_eq(send(c.fd, room + i, 1, 0), 1);
		nap(2);
	}
	ck_assert(client_hear(&c, CLIENT_WAIT_MS));
	ck_assert_uint_eq(c.in[8], 1);
	ck_assert_uint_eq(client_allocate(&c), 0);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	for (i = 0; i < sizeof(data); i++) {
		ck_assert_int_eq(send(c.fd, data + i, 1, 0), 1);
		nap(2);
	}
	ck_assert(gets(peer, "hi", &from));
	close(c.fd);
	close(peer);
}
END_TEST

START_TEST(test_pipelined_requests_are_answered_in_order)
{
	static struct client c;
	uint8_t all[101 * 20 + 64];
	size_t len = 0;
	unsigned i;

	tcp_open(&c, "127.0.3.1:0", OUTSIDE, &alice);
	for (i = 0; i < 100; i++)
		len += binding(all + len, (uint8_t)i);
	len += binding(all + len, 100) - 10; /* half of one more */
	ck_assert_int_eq(send(c.fd, all, len, 0), (ssize_t)len);
	for (i = 0; i < 100; i++) {
		ck_assert(client_hear(&c, CLIENT_WAIT_MS));
		ck_assert_uint_eq(c.in[8], i);
	}
	ck_assert(is_silent(&c));
	(void)binding(all, 100);
	ck_assert_int_eq(send(c.fd, all + 10, 10, 0), 10);
	ck_assert(client_hear(&c, CLIENT_WAIT_MS));
	ck_assert_uint_eq(c.in[8], 100);
	close(c.fd);
}
END_TEST

/* Lengths that lie: nothing behind them can be told from anything. */
START_TEST(test_T13_broken_framing_closes_and_frees)
{
	static const char *const broken[] = {
		"000100032112a4420000", /* no multiple of 4 */
		"0001fffc2112a4420000", /* longer than any message */
		"000100000000000000",   /* no cookie, in mid-stream */
		"c0000000", "80000000", /* neither message nor channel */
	};
	static struct client c;
	uint8_t bytes[64];
	size_t i, len;

	for (i = 0; i < ARRAY_COUNT(broken); i++) {
		tcp_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
		ck_assert_int_eq(str_unhex(str_of(broken[i]), bytes,
			sizeof(bytes), &len), 0);
		ck_assert_int_eq(send(c.fd, bytes, len, 0), (ssize_t)len);
		ck_assert_msg(is_ended(c.fd, CLIENT_WAIT_MS), "%s",
			broken[i]);
		close(c.fd);
		await_no_one();
	}
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_BROKEN),
		ARRAY_COUNT(broken));
}
END_TEST

/* The greatest ChannelData there can be, for a channel that is none. */
START_TEST(test_T13_longest_frame_is_taken_and_dropped)
{
	static struct client c;
	static uint8_t big[4 + 65535];

	tcp_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	memset(big, 0xff, sizeof(big));
	buf_store_u16(big, 0x4fff);
	client_say(&c, big, sizeof(big));
	ck_assert_uint_eq(client_end(&c), 0);
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_NO_CHANNEL), 1);
	close(c.fd);
}
END_TEST

/* T8: who has no allocation is not kept 64 KiB for, begun or unread. */
START_TEST(test_T8_strangers_have_nothing_long_kept)
{
	static uint8_t some[60000];
	uint8_t one[64];
	size_t len = binding(one, 1), at;
	int fd = dial("127.0.3.1:0", OUTSIDE);

	ck_assert_int_eq(send(fd, one, len, 0), (ssize_t)len);
	memcpy(some, one, len); /* and then one that goes on and on */
	buf_store_u16(some + 2, 59980);
	ck_assert_int_eq(send(fd, some, 3000, MSG_NOSIGNAL), 3000);
	ck_assert(!is_ended(fd, CLIENT_QUIET_MS));
	ck_assert_int_eq(send(fd, some + 3000, 3000, MSG_NOSIGNAL), 3000);
	ck_assert(is_ended(fd, CLIENT_WAIT_MS));
	close(fd);
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_BROKEN), 1);
	fd = dial("127.0.3.1:0", OUTSIDE);
	for (at = 0; at + len <= sizeof(some); at += len)
		memcpy(some + at, one, len);
	/* All the answers at once are more than it may leave unread. */
	for (at = 0; at < 200 && send(fd, some, sizeof(some), MSG_NOSIGNAL) >
		0; at++)
		;
	ck_assert_uint_lt(at, 200);
	close(fd);
	await_no_one();
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_BROKEN), 2);
}
END_TEST

START_TEST(test_T21_garbage_ends_its_connection_and_no_other)
{
	static struct client c;
	uint8_t junk[600];
	unsigned i;
	int fd;

	tcp_allocated(&c, "127.0.4.1:0", INSIDE, &alice);
	for (i = 0; i < 300; i++) {
		fd = dial("127.0.3.1:0", OUTSIDE);
		ck_assert_int_ge(fd, 0);
		rand_bytes(junk, sizeof(junk));
		if (i % 3 == 0) /* something that begins well */
			(void)binding(junk, 1);
		(void)!send(fd, junk, rand_below(sizeof(junk)), MSG_NOSIGNAL);
		close(fd);
	}
	ck_assert_uint_eq(client_end(&c), 0);
	close(c.fd);
	await_no_one();
}
END_TEST

/* ---- who does not read ------------------------------------------------- */

/* T9: a peer that floods a client which does not read. */
START_TEST(test_T9_slow_reader_loses_datagrams_and_nothing_grows)
{
	static struct client c, other;
	static uint8_t payload[1200];
	int peer = plain_socket(PEER_AT), small = 65536;
	struct addr at = name_of(peer);
	struct rules *r = make_rules();
	unsigned i, got = 0;

	r->port_kbps = UINT32_MAX;
	r->user_kbps = UINT32_MAX;
	use_rules(r);
	tcp_allocated(&other, "127.0.3.2:0", OUTSIDE, &bob);
	ck_assert_uint_eq(client_bind(&other, 0x4000, &at), 0);
	tcp_open(&c, "127.0.3.1:0", OUTSIDE, &alice);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ck_assert_uint_eq(client_allocate(&c), 0);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	for (i = 0; i < 5000; i++) {
		say(peer, &c.relayed, payload, sizeof(payload));
		if (i % 100 != 0)
			continue;
		nap(2);
		say(peer, &other.relayed, "fine", 4);
		ck_assert(client_gets_channel(&other, 0x4000, "fine"));
	}
	nap(100);
	ck_assert_uint_gt(relay_counter(relay, AV_DROP_CLIENT), 1000);
	/* Whole frames come out, and answers still have their place. */
	client_send(&c, &at, "up");
	while (client_hear(&c, CLIENT_WAIT_MS)) {
		ck_assert_uint_eq(buf_load_u16(c.in), 0x4000);
		ck_assert_uint_eq(c.in_len, 4 + sizeof(payload));
		got++;
	}
	/* all of our queue, twice the kernel's, and what the client has */
	ck_assert_uint_ge(got, 100);
	ck_assert_uint_le(got, 1000);
	ck_assert_uint_eq(client_end(&c), 0);
	close(c.fd);
	close(other.fd);
	close(peer);
}
END_TEST

/* Who asks on and on and does not hear is not heard; nothing is lost. */
START_TEST(test_unread_answers_stop_the_asking)
{
	static struct client c;
	static uint8_t some[500 * 20 + 64];
	size_t len = 0, sent = 0, total, heard = 0;
	unsigned i, stuck = 0;
	int small = 65536;
	ssize_t n;

	tcp_open(&c, "127.0.3.1:0", OUTSIDE, &alice);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	/* with an allocation it may take as long as it likes */
	ck_assert_uint_eq(client_allocate(&c), 0);
	for (i = 0; i < 500; i++)
		len += binding(some + len, (uint8_t)i);
	while (stuck < 5 && sent < 64u * 1024 * 1024) {
		n = send(c.fd, some + sent % len, len - sent % len,
			MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		stuck = n > 0 ? 0 : stuck + 1;
		if (n <= 0)
			nap(50);
	}
	ck_assert_uint_eq(stuck, 5);
	total = sent / 20;
	while (client_hear(&c, CLIENT_WAIT_MS)) {
		ck_assert_uint_eq(c.in[8], (uint8_t)(heard % 500));
		heard++;
	}
	ck_assert_uint_eq(heard, total);
	close(c.fd);
}
END_TEST

/* ---- policy is that of UDP --------------------------------------------- */

START_TEST(test_quota_counts_all_transports)
{
	static struct client t, u, late;
	struct rules *r = make_rules();

	r->allocations_per_user = 2;
	use_rules(r);
	tcp_allocated(&t, "127.0.3.1:0", OUTSIDE, &alice);
	client_open(&u, "127.0.3.1:0", OUTSIDE_UDP, &alice);
	ck_assert_uint_eq(client_allocate(&u), 0);
	tcp_open(&late, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_allocate(&late), 486);
	close(t.fd);
	nap(100);
	ck_assert_uint_eq(client_allocate(&late), 0);
	close(u.fd);
	close(late.fd);
}
END_TEST

START_TEST(test_wrong_credentials_and_denied_peers_are_refused)
{
	static struct client c;
	struct lab_cred wrong = alice;
	struct addr at = lab_addr("169.254.169.254:80");

	wrong.key[0] ^= 1;
	tcp_open(&c, "127.0.3.1:0", OUTSIDE, &wrong);
	ck_assert_uint_eq(client_allocate(&c), 401);
	ck_assert_uint_eq(relay_counter(relay, AV_AUTH_BAD_INTEGRITY), 1);
	c.cred = alice;
	ck_assert_uint_eq(client_allocate(&c), 0);
	ck_assert_uint_eq(client_permit(&c, &at), 403);
	at = lab_addr(OUTSIDE); /* our own ports by way of the short cut */
	ck_assert_uint_eq(client_permit(&c, &at), 0);
	client_send(&c, &at, "to the listener");
	ck_assert(is_silent(&c));
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_NO_RELAY), 1);
	close(c.fd);
}
END_TEST

/* T7 is about other people's addresses; on a stream there are none, and
 * its clients do not ask again. */
START_TEST(test_T7_budget_of_strangers_is_not_for_streams)
{
	static struct client c;
	struct rules *r = make_rules();
	uint8_t room[64];
	unsigned i;

	r->stranger_rate = 1;
	use_rules(r);
	tcp_open(&c, "127.0.3.1:0", OUTSIDE, &alice);
	for (i = 0; i < 200; i++) {
		client_say(&c, room, binding(room, (uint8_t)i));
		ck_assert(client_hear(&c, CLIENT_WAIT_MS));
	}
	ck_assert_uint_eq(relay_counter(relay, AV_STRANGER_SILENCED), 0);
	close(c.fd);
}
END_TEST

/* ---- dialects ---------------------------------------------------------- */

START_TEST(test_others_are_closed_and_counted)
{
	static const struct {
		const char *bytes;
		enum av_counter counter;
	} rows[] = {
		{"474554202f20485454502f312e310d0a", AV_CONN_UNKNOWN},
		{"0300", AV_CONN_UNKNOWN},
		{"0001000000112233", AV_CONN_UNKNOWN}, /* RFC 3489 */
		{"160301012c010001280303", AV_CONN_NO_CERTIFICATE},
		{"0201", AV_CONN_UNKNOWN},
	};
	uint8_t bytes[64];
	size_t i, len;
	uint64_t before;
	int fd;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		before = relay_counter(relay, rows[i].counter);
		fd = dial("127.0.3.1:0", OUTSIDE);
		ck_assert_int_eq(str_unhex(str_of(rows[i].bytes), bytes,
			sizeof(bytes), &len), 0);
		ck_assert_int_eq(send(fd, bytes, len, 0), (ssize_t)len);
		ck_assert_msg(is_ended(fd, GREET_MS / 2), "%s",
			rows[i].bytes);
		ck_assert_uint_eq(relay_counter(relay, rows[i].counter),
			before + 1);
		close(fd);
	}
	await_no_one();
}
END_TEST

/* T15: no HTTP here at all, on either side, not even an error. */
START_TEST(test_T15_http_is_not_answered_with_a_byte)
{
	static const char *const requests[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/reload HTTP/1.0\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};
	struct pollfd p = {.events = POLLIN};
	uint8_t byte;
	size_t i;

	for (i = 0; i < 2 * ARRAY_COUNT(requests); i++) {
		const char *request = requests[i / 2];

		p.fd = dial("127.0.3.1:0", i % 2 ? OUTSIDE : INSIDE);
		ck_assert_int_ge(p.fd, 0);
		(void)!send(p.fd, request, strlen(request), MSG_NOSIGNAL);
		ck_assert_msg(poll(&p, 1, CLIENT_WAIT_MS) == 1 &&
			recv(p.fd, &byte, 1, 0) <= 0, "%s", request);
		close(p.fd);
	}
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_UNKNOWN),
		2 * ARRAY_COUNT(requests));
	await_no_one();
}
END_TEST

/* ---- TLS --------------------------------------------------------------- */

static bool shake(struct client *c, SSL_CTX *ctx)
{
	c->ssl = SSL_new(ctx);
	lab_must(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1, "SSL");
	return SSL_connect(c->ssl) == 1;
}

START_TEST(test_calls_over_tls_carry_both_ways)
{
	static struct client c[4];
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct rules *r = make_rules();
	unsigned i;

	pki_init(&pki);
	r->tls = server_context();
	use_rules(r);
	for (i = 0; i < ARRAY_COUNT(c); i++) {
		tcp_open(&c[i], "127.0.3.1:0", i % 2 ? OUTSIDE : INSIDE,
			&alice);
		ck_assert(shake(&c[i], ctx));
		ck_assert_uint_eq(client_allocate(&c[i]), 0);
		carry_both_ways(&c[i]);
		ck_assert_uint_eq(client_end(&c[i]), 0);
	}
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_TLS), 4);
	/* The certificate goes; those who are there stay. */
	use_rules(make_rules());
	ck_assert_uint_eq(client_allocate(&c[0]), 0);
	for (i = 0; i < ARRAY_COUNT(c); i++) {
		SSL_free(c[i].ssl);
		close(c[i].fd);
	}
	tcp_open(&c[0], "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert(!shake(&c[0], ctx));
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_NO_CERTIFICATE), 1);
	SSL_free(c[0].ssl);
	close(c[0].fd);
	SSL_CTX_free(ctx);
	await_no_one();
	pki_fini(&pki);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_calls_over_tcp_carry_both_ways,
		test_R13_tcp_and_udp_clients_talk_through_the_short_cut,
		test_clients_of_ipv6_are_served,
		test_transport_belongs_to_the_5_tuple,
		test_large_datagrams_pass,
		test_torn_bytes_are_put_together,
		test_pipelined_requests_are_answered_in_order,
		test_T13_broken_framing_closes_and_frees,
		test_T13_longest_frame_is_taken_and_dropped,
		test_T8_strangers_have_nothing_long_kept,
		test_T21_garbage_ends_its_connection_and_no_other,
		test_T9_slow_reader_loses_datagrams_and_nothing_grows,
		test_unread_answers_stop_the_asking,
		test_quota_counts_all_transports,
		test_wrong_credentials_and_denied_peers_are_refused,
		test_T7_budget_of_strangers_is_not_for_streams,
		test_others_are_closed_and_counted,
		test_T15_http_is_not_answered_with_a_byte,
		test_calls_over_tls_carry_both_ways,
	};

	return suite_run("front_tcp", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
