/*
 * [MS-TURN] over TCP through a whole relay: the greeting, frames however
 * they come, byte streams of peers, the short cut, and who does not read.
 */
#include "common/base/rand.h"
#include "tests/unit/av-edge/ms_tcp.h"

#define ALICE "sip:alice@contoso.test"
#define BOB   "sip:bob@contoso.test"

static struct ms_tcp a, b;

/* ---- pseudo-TLS -------------------------------------------------------- */

static bool is_greeting(const uint8_t got[static FRAME_ANSWER_LEN])
{
	static const uint8_t head[] = {0x16, 0x03, 0x01, 0x00, 0x4e, 0x02,
		0x00, 0x00, 0x46, 0x03, 0x01};
	static const uint8_t tail[] = {0x00, 0x18, 0x00, 0x0e, 0x00, 0x00,
		0x00};

	return memcmp(got, head, sizeof(head)) == 0 && got[43] == 0x20 &&
	    memcmp(got + 76, tail, sizeof(tail)) == 0;
}

START_TEST(test_pseudo_tls_is_answered_with_83_bytes_and_then_frames)
{
	uint8_t got[256];
	size_t i;

	ms_open(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	for (i = 0; i < sizeof(ms_hello); i++) {
		stream_says(a.fd, ms_hello + i, 1);
		nap(1);
	}
	nap(50);
	ck_assert_int_eq(recv(a.fd, got, sizeof(got), 0), FRAME_ANSWER_LEN);
	ck_assert(is_greeting(got));
	ck_assert_uint_eq(ms_tries_allocate(&a), 0);
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_PSEUDO_TLS), 1);
	close(a.fd);
	await_no_one();
}
END_TEST

/* Sheet: hello and frame in one segment; the frame is read after it. */
START_TEST(test_frame_behind_the_hello_is_read_after_the_answer)
{
	uint8_t both[FRAME_HELLO_LEN + 64], got[FRAME_ANSWER_LEN];
	int len;

	ms_open(&a, "127.0.4.1:0", INSIDE, ALICE);
	ms_request(&a, STUN_MS_ALLOCATE);
	len = stun_write_end(&a.ask.w);
	ck_assert_int_gt(len, 0);
	memcpy(both, ms_hello, sizeof(ms_hello));
	frame_ms_header(both + FRAME_HELLO_LEN, FRAME_CONTROL, (size_t)len);
	memcpy(both + FRAME_HELLO_LEN + 4, a.ask.bytes, (size_t)len);
	stream_says(a.fd, both, FRAME_HELLO_LEN + 4 + (size_t)len);
	ck_assert_int_eq(recv(a.fd, got, sizeof(got), MSG_WAITALL),
		FRAME_ANSWER_LEN);
	ck_assert(is_greeting(got));
	ck_assert(ms_hears(&a, CLIENT_WAIT_MS));
	ck_assert_int_eq(stun_ms_parse(&a.ask.m, a.in, a.in_len), 0);
	ck_assert_int_eq(stun_ms_type(&a.ask.m), STUN_MS_ALLOCATE_ERROR);
	close(a.fd);
	await_no_one();
}
END_TEST

/* Frames of both kinds, cut anywhere, also between the bytes of a header;
 * and then all at once. */
START_TEST(test_T13_frames_are_put_together_wherever_they_are_cut)
{
	static uint8_t all[2 * (4 + 4) + 4 + 300];
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	size_t len = 0, i;
	int whole;

	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ck_assert_uint_eq(ms_aims(&a, &at), 0);
	frame_ms_header(all, FRAME_DATA, 4);
	memcpy(all + 4, "bare", 4);
	len = 8;
	ms_request(&a, STUN_MS_SEND);
	stun_write_addr(&a.ask.w, STUN_DESTINATION, &at);
	stun_write_bytes(&a.ask.w, STUN_PAYLOAD, "\0\4sent", 6);
	ms_sign(&a.ask);
	whole = stun_write_end(&a.ask.w);
	ck_assert(whole > 0 && whole <= 300);
	frame_ms_header(all + len, FRAME_CONTROL, (size_t)whole);
	memcpy(all + len + 4, a.ask.bytes, (size_t)whole);
	len += 4 + (size_t)whole;
	frame_ms_header(all + len, FRAME_DATA, 4);
	memcpy(all + len + 4, "more", 4);
	len += 8;
	for (i = 0; i < len; i++) {
		stream_says(a.fd, all + i, 1);
		nap(1);
	}
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert_int_ge(fd, 0);
	ck_assert(stream_hears(fd, "\0\4bare\0\4sent\0\4more", 18));
	/* The Send is a replay now, the data is not. */
	stream_says(a.fd, all, len);
	ck_assert(stream_hears(fd, "\0\4bare\0\4more", 12));
	close(fd);
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

/* ---- peers in the network ---------------------------------------------- */

START_TEST(test_send_connects_from_the_relay_port_and_data_flows)
{
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;

	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ms_sends(&a, &at, "\0\5hello", 7);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert_int_ge(fd, 0);
	ck_assert(addr_eq(&from, &a.relayed));
	ck_assert(stream_hears(fd, "\0\5hello", 7));
	stream_says(fd, "\0\3yes\0\0\0\2no", 11);
	ck_assert(ms_gets_data(&a, &at, "\0\3yes", 5));
	ck_assert(ms_gets_data(&a, &at, "\0\0", 2));
	ck_assert(ms_gets_data(&a, &at, "\0\2no", 4));
	/* Now it is the active destination: the frame's length is the
	 * packet's, in both directions. */
	ck_assert_uint_eq(ms_aims(&a, &at), 0);
	ms_says(&a, FRAME_DATA, "bare", 4);
	ck_assert(stream_hears(fd, "\0\4bare", 6));
	stream_says(fd, "\0\4", 2);
	nap(20);
	stream_says(fd, "back\0\1", 6);
	ck_assert(ms_gets_bare(&a, "back", 4));
	stream_says(fd, "!", 1);
	ck_assert(ms_gets_bare(&a, "!", 1));
	/* It goes away: its connection does, the allocation does not. */
	close(fd);
	await_counter(AV_PEER_CONNS, 0);
	ms_says(&a, FRAME_DATA, "more", 4);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert_int_ge(fd, 0);
	ck_assert(stream_hears(fd, "\0\4more", 6));
	close(fd);
	close(listener);
	close(a.fd);
	await_no_one();
	ck_assert_uint_eq(relay_counter(relay, AV_PEER_CONNS), 0);
}
END_TEST

START_TEST(test_without_rfc4571_bytes_pass_as_they_are)
{
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	struct rules *r = make_rules();

	r->turn_tcp_rfc4571 = false;
	use_rules(r);
	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ck_assert_uint_eq(ms_aims(&a, &at), 0);
	ms_says(&a, FRAME_DATA, "bare", 4);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert_int_ge(fd, 0);
	ck_assert(stream_hears(fd, "bare", 4));
	stream_says(fd, "\xff\xff anything", 11);
	ck_assert(ms_gets_bare(&a, "\xff\xff anything", 11));
	close(fd);
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

START_TEST(test_T6_denied_and_closed_peers_look_alike_to_send)
{
	int listener = peer_listens("127.0.4.44:0"); /* not allowed */
	struct addr denied = name_of(listener), closed = denied, from;

	closed.port = (uint16_t)(closed.port ^ 1);
	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ms_sends(&a, &denied, "\0\1x", 3);
	ms_sends(&a, &closed, "\0\1x", 3);
	/* One answer for both, at once, and no connection. */
	ck_assert_uint_eq(ms_aims(&a, &denied), 400);
	ck_assert_uint_eq(ms_aims(&a, &closed), 400);
	ck_assert_int_lt(peer_accepts(listener, &from, CLIENT_QUIET_MS), 0);
	ck_assert_uint_eq(relay_counter(relay, AV_CONNECT_TRIED), 0);
	close(listener);
	close(a.fd);
}
END_TEST

START_TEST(test_T6_connects_of_a_user_are_bounded_over_all_allocations)
{
	struct rules *r = make_rules();
	struct addr closed = lab_addr("127.0.3.9:1");
	unsigned i;

	r->connects_per_minute = 5;
	use_rules(r);
	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	for (i = 0; i < 4; i++) {
		ms_sends(&a, &closed, "\0\1x", 3);
		await_counter(AV_CONNECT_FAILED, i + 1);
	}
	close(a.fd);
	await_no_one();
	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	for (i = 0; i < 4; i++) {
		closed.port++;
		ms_sends(&a, &closed, "\0\1x", 3);
	}
	ck_assert_uint_eq(ms_aims(&a, &closed), 0); /* all were handled */
	ck_assert_uint_eq(relay_counter(relay, AV_CONNECT_TRIED), 5);
	ck_assert_uint_ge(relay_counter(relay, AV_CONNECT_TOO_FAST), 1);
	/* Another user's are its own. */
	ms_allocates(&b, "127.0.3.2:0", OUTSIDE, BOB);
	ms_sends(&b, &closed, "\0\1x", 3);
	await_counter(AV_CONNECT_TRIED, 6);
	close(a.fd);
	close(b.fd);
}
END_TEST

/* ---- peers that come --------------------------------------------------- */

START_TEST(test_T20_only_permitted_peers_get_in)
{
	struct addr friendly = lab_addr("127.0.3.9:9");
	int fd;

	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	/* Nobody is permitted: the port does not even listen. */
	ck_assert_int_lt(peer_dials("127.0.3.9:0", &a.relayed), 0);
	ck_assert_uint_eq(ms_aims(&a, &friendly), 0);
	fd = peer_dials("127.0.3.44:0", &a.relayed);
	ck_assert(fd < 0 || is_reset(fd));
	if (fd >= 0)
		close(fd);
	ck_assert_uint_eq(relay_counter(relay, AV_PEER_CONN_TAKEN), 0);
	fd = peer_dials("127.0.3.9:0", &a.relayed);
	ck_assert_int_ge(fd, 0);
	friendly = name_of(fd);
	stream_says(fd, "\0\2hi", 4);
	ck_assert(ms_gets_data(&a, &friendly, "\0\2hi", 4));
	close(fd);
	close(a.fd);
	await_no_one();
}
END_TEST

/* The short cut never uses the network: who comes from there with our
 * relay's address is not us, whatever is permitted. */
START_TEST(test_T20_our_own_address_from_the_network_is_not_us)
{
	int fd;

	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ms_allocates(&b, "127.0.3.2:0", OUTSIDE, BOB);
	ck_assert_uint_eq(ms_aims(&a, &b.relayed), 0);
	fd = peer_dials(RELAY ":0", &a.relayed);
	ck_assert(fd < 0 || is_reset(fd));
	if (fd >= 0)
		close(fd);
	await_counter(AV_PEER_CONN_REFUSED, 1);
	close(a.fd);
	close(b.fd);
}
END_TEST

START_TEST(test_connections_of_an_allocation_are_bounded)
{
	struct addr friendly = lab_addr("127.0.3.9:9");
	int fds[10];
	unsigned i, open = 0;

	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ck_assert_uint_eq(ms_aims(&a, &friendly), 0);
	for (i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = peer_dials("127.0.3.9:0", &a.relayed);
		ck_assert_int_ge(fds[i], 0);
	}
	await_counter(AV_PEER_CONN_REFUSED, 2);
	for (i = 0; i < ARRAY_COUNT(fds); i++)
		open += !is_ended(fds[i], 10);
	ck_assert_uint_eq(open, 8);
	for (i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
	await_counter(AV_PEER_CONNS, 0);
	close(a.fd);
}
END_TEST

START_TEST(test_withdrawn_permission_ends_the_connection)
{
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	struct rules *r = make_rules();

	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ms_sends(&a, &at, "\0\1x", 3);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert(stream_hears(fd, "\0\1x", 3));
	netset_fini(&r->peers.allow);
	netset_init(&r->peers.allow);
	use_rules(r);
	stream_says(fd, "\0\1x", 3);
	ck_assert(is_ended(fd, CLIENT_WAIT_MS));
	ck_assert(!ms_hears(&a, CLIENT_QUIET_MS));
	close(fd);
	close(listener);
	close(a.fd);
}
END_TEST

/* ---- the short cut ----------------------------------------------------- */

/* The normal call of two clients over TCP; in whatever shards they are. */
START_TEST(test_R13_two_relay_ports_talk_without_the_network)
{
	unsigned i;

	for (i = 0; i < 8; i++) {
		ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
		if (i % 2 == 1) /* they are dealt out in turn */
			ms_allocates(&b, "127.0.3.3:0", OUTSIDE, BOB);
		else
			ms_allocates(&b, "127.0.4.1:0", INSIDE, BOB);
		/* Not permitted yet: as if it was refused. */
		ms_sends(&a, &b.relayed, "\0\5early", 7);
		await_counter(AV_CONNECT_FAILED, 2 * i + 1);
		ms_sends(&b, &a.relayed, "\0\2hi", 4);
		ck_assert(ms_gets_data(&a, &b.relayed, "\0\2hi", 4));
		ms_sends(&a, &b.relayed, "\0\3you", 5);
		ck_assert(ms_gets_data(&b, &a.relayed, "\0\3you", 5));
		ck_assert_uint_eq(ms_aims(&a, &b.relayed), 0);
		ck_assert_uint_eq(ms_aims(&b, &a.relayed), 0);
		ms_says(&a, FRAME_DATA, "bare", 4);
		ck_assert(ms_gets_bare(&b, "bare", 4));
		ms_says(&b, FRAME_DATA, "", 0);
		ck_assert(ms_gets_bare(&a, "", 0));
		close(a.fd);
		await_counter(AV_PEER_CONNS, 0);
		/* Nobody has that port any more. */
		ms_says(&b, FRAME_DATA, "gone?", 5);
		await_counter(AV_CONNECT_FAILED, 2 * i + 2);
		close(b.fd);
		await_no_one();
	}
}
END_TEST

/* A datagram to a TCP port's number, bytes to a UDP port's. */
START_TEST(test_T19_ports_of_the_other_transport_take_nothing)
{
	static struct client u;

	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	client_open(&u, "127.0.3.2:0", OUTSIDE_UDP, &bob);
	ck_assert_uint_eq(client_allocate(&u), 0);
	ck_assert_uint_eq(client_permit(&u, &a.relayed), 0);
	ck_assert_uint_eq(ms_aims(&a, &u.relayed), 0);
	ms_says(&a, FRAME_DATA, "to udp", 6);
	client_send(&u, &a.relayed, "to tcp");
	await_counter(AV_DROP_NO_RELAY, 1);
	await_counter(AV_CONNECT_FAILED, 1);
	ck_assert(!ms_hears(&a, CLIENT_QUIET_MS));
	ck_assert(is_quiet(u.fd));
	close(a.fd);
	close(u.fd);
}
END_TEST

/* ---- bounds ------------------------------------------------------------ */

/* Who does not read holds up who talks to it, loses nothing and costs no
 * more than its queues. */
START_TEST(test_T9_slow_client_holds_up_its_peer_and_loses_nothing)
{
	static uint8_t packet[2 + 8000];
	int listener = peer_listens("127.0.3.9:0"), fd, small = 65536;
	struct addr at = name_of(listener), from;
	unsigned stuck = 0, sent = 0, got = 0;

	buf_store_u16(packet, 8000);
	ms_open(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	setsockopt(a.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ck_assert_uint_eq(ms_tries_allocate(&a), 0);
	ck_assert_uint_eq(ms_aims(&a, &at), 0);
	ms_says(&a, FRAME_DATA, "hello", 5);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (stuck < 10 && sent < 20000) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		if (poll(&p, 1, 30) <= 0) {
			stuck++;
			continue;
		}
		stuck = 0;
		buf_store_u32(packet + 2, sent);
		stream_says(fd, packet, sizeof(packet));
		sent++;
	}
	ck_assert_uint_eq(stuck, 10);
	ck_assert_uint_lt(sent, 12000); /* kernel buffers are the most of it */
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_CLIENT), 0);
	while (got < sent && ms_hears(&a, CLIENT_WAIT_MS)) {
		ck_assert_uint_eq(a.in_len, 8000);
		ck_assert_uint_eq(buf_load_u32(a.in), got);
		got++;
	}
	ck_assert_uint_eq(got, sent);
	close(fd);
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

START_TEST(test_T9_slow_peer_holds_up_its_client_and_loses_nothing)
{
	static uint8_t data[8000], want[8002];
	int listener = peer_listens("127.0.3.9:0"), fd, small = 65536;
	struct addr at = name_of(listener), from;
	unsigned sent = 0, got, stuck = 0;
	struct pollfd p;

	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	setsockopt(a.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	ck_assert_uint_eq(ms_aims(&a, &at), 0);
	p = (struct pollfd){.fd = a.fd, .events = POLLOUT};
	ms_says(&a, FRAME_DATA, "x", 1);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert(stream_hears(fd, "\0\1x", 3));
	while (stuck < 10 && sent < 20000) {
		if (poll(&p, 1, 30) <= 0) {
			stuck++;
			continue;
		}
		stuck = 0;
		buf_store_u32(data, sent);
		ms_says(&a, FRAME_DATA, data, sizeof(data));
		sent++;
	}
	ck_assert_uint_eq(stuck, 10);
	for (got = 0; got < sent; got++) {
		buf_store_u16(want, 8000);
		buf_store_u32(want + 2, got);
		ck_assert(stream_hears(fd, want, sizeof(want)));
	}
	ck_assert_uint_eq(ms_aims(&a, &at), 0); /* it is read again */
	close(fd);
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

/* R16: what is over the bandwidth waits, and is not lost. */
START_TEST(test_R16_bandwidth_holds_streams_up_both_ways)
{
	static uint8_t data[10000], want[10002];
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	struct rules *r = make_rules();
	struct mono began;
	unsigned i;

	r->port_kbps = 400; /* 50,000 bytes a second, as many at once */
	use_rules(r);
	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ck_assert_uint_eq(ms_aims(&a, &at), 0);
	began = mono_now();
	buf_store_u16(want, sizeof(data));
	for (i = 0; i < 10; i++)
		ms_says(&a, FRAME_DATA, data, sizeof(data));
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	for (i = 0; i < 10; i++)
		ck_assert(stream_hears(fd, want, sizeof(want)));
	ck_assert_int_gt(mono_since_ms(began, mono_now()), 300);
	began = mono_now();
	for (i = 0; i < 10; i++)
		stream_says(fd, want, sizeof(want));
	for (i = 0; i < 10; i++)
		ck_assert(ms_gets_bare(&a, data, sizeof(data)));
	ck_assert_int_gt(mono_since_ms(began, mono_now()), 300);
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_BANDWIDTH), 0);
	close(fd);
	close(listener);
	close(a.fd);
}
END_TEST

/* R16: frames without payload make work and traffic as others do. */
START_TEST(test_R16_frames_of_length_0_are_held_up_too)
{
	static uint8_t empty[2 * 4000]; /* as datagrams 112,000 bytes */
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	struct rules *r = make_rules();
	struct mono began;
	unsigned i;

	r->port_kbps = 400;
	use_rules(r);
	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ck_assert_uint_eq(ms_aims(&a, &at), 0);
	began = mono_now();
	for (i = 0; i < sizeof(empty) / 2; i++)
		ms_says(&a, FRAME_DATA, "", 0);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert(stream_hears(fd, empty, sizeof(empty)));
	ck_assert_int_gt(mono_since_ms(began, mono_now()), 800);
	began = mono_now();
	stream_says(fd, empty, sizeof(empty));
	for (i = 0; i < sizeof(empty) / 2; i++)
		ck_assert(ms_gets_bare(&a, "", 0));
	ck_assert_int_gt(mono_since_ms(began, mono_now()), 800);
	close(fd);
	close(listener);
	close(a.fd);
}
END_TEST

START_TEST(test_T13_longest_frames_pass_and_broken_ones_close)
{
	static const char *const broken[] = {
		"04000001ff", "0201000100", /* types, reserved byte */
		"0200000401020304",         /* control that is no message */
	};
	static uint8_t big[2 + UINT16_MAX];
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	uint8_t bytes[64];
	size_t i, len;

	ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	rand_bytes(big, sizeof(big));
	buf_store_u16(big, UINT16_MAX);
	ck_assert_uint_eq(ms_aims(&a, &at), 0);
	ms_says(&a, FRAME_DATA, big + 2, UINT16_MAX);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert(stream_hears(fd, big, sizeof(big)));
	stream_says(fd, big, sizeof(big));
	ck_assert(ms_gets_bare(&a, big + 2, UINT16_MAX));
	close(fd);
	close(listener);
	for (i = 0; i < ARRAY_COUNT(broken); i++) {
		ck_assert_int_eq(str_unhex(str_of(broken[i]), bytes,
			sizeof(bytes), &len), 0);
		stream_says(a.fd, bytes, len);
		ck_assert_msg(is_ended(a.fd, CLIENT_WAIT_MS), "%s",
			broken[i]);
		close(a.fd);
		await_no_one();
		ms_allocates(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	}
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_BROKEN),
		ARRAY_COUNT(broken));
	close(a.fd);
}
END_TEST

START_TEST(test_T16_without_tcp_relays_none_is_given)
{
	struct rules *r = make_rules();

	r->tcp_relays = false;
	use_rules(r);
	ms_open(&a, "127.0.3.1:0", OUTSIDE, ALICE);
	ck_assert_uint_eq(ms_tries_allocate(&a), 500);
	close(a.fd);
}
END_TEST

int main(void)
{
	static const TTest *tests[20];
	size_t n = 0;

	tests[n++] = test_pseudo_tls_is_answered_with_83_bytes_and_then_frames;
	tests[n++] = test_frame_behind_the_hello_is_read_after_the_answer;
	tests[n++] = test_T13_frames_are_put_together_wherever_they_are_cut;
	tests[n++] = test_send_connects_from_the_relay_port_and_data_flows;
	tests[n++] = test_without_rfc4571_bytes_pass_as_they_are;
	tests[n++] = test_T6_denied_and_closed_peers_look_alike_to_send;
	tests[n++] =
	    test_T6_connects_of_a_user_are_bounded_over_all_allocations;
	tests[n++] = test_T20_only_permitted_peers_get_in;
	tests[n++] = test_T20_our_own_address_from_the_network_is_not_us;
	tests[n++] = test_connections_of_an_allocation_are_bounded;
	tests[n++] = test_withdrawn_permission_ends_the_connection;
	tests[n++] = test_R13_two_relay_ports_talk_without_the_network;
	tests[n++] = test_T19_ports_of_the_other_transport_take_nothing;
	tests[n++] = test_T9_slow_client_holds_up_its_peer_and_loses_nothing;
	tests[n++] = test_T9_slow_peer_holds_up_its_client_and_loses_nothing;
	tests[n++] = test_R16_bandwidth_holds_streams_up_both_ways;
	tests[n++] = test_R16_frames_of_length_0_are_held_up_too;
	tests[n++] = test_T13_longest_frames_pass_and_broken_ones_close;
	tests[n++] = test_T16_without_tcp_relays_none_is_given;
	return suite_run("ms_stream", tests, n, setup, teardown);
}
