/*
 * TCP allocations (RFC 6062) through a whole relay: connecting, being
 * connected to, binding in whatever shard, bytes and last words, and
 * everything that may not be.
 */
#include "common/base/rand.h"
#include "tests/unit/av-edge/tcp_peer.h"

#define TCP 6

static struct client a, b, data;

static unsigned allocates(struct client *c, const char *at,
	const char *server, const struct lab_cred *cred)
{
	tcp_open(c, at, server, cred);
	return client_ask(c, &(struct request){.method = STUN_ALLOCATE,
		.protocol = TCP});
}

static unsigned connects(struct client *c, const struct addr *peer,
	uint32_t *id)
{
	struct stun_msg m;
	unsigned code = client_ask(c, &(struct request){
		.method = STUN_CONNECT, .peer = peer});

	*id = 0;
	if (code != 0)
		return code;
	lab_must(stun_parse(&m, &stun_rfc, c->in, c->in_len) == 0 &&
		stun_number(&m, STUN_CONNECTION_ID, id) == 0, "id");
	return 0;
}

/* A new connection of the same user asks for it. */
static unsigned binds(struct client *d, const struct client *of,
	const char *server, const struct lab_cred *cred, uint32_t id)
{
	tcp_open(d, "127.0.3.1:0", server, cred);
	memcpy(d->nonce, of->nonce, sizeof(d->nonce));
	return client_ask(d, &(struct request){
		.method = STUN_CONNECTION_BIND, .connection = id});
}

/* What comes next is the news of a peer. */
static bool is_told(struct client *c, struct addr *peer, uint32_t *id)
{
	struct stun_msg m;

	return client_hear(c, CLIENT_WAIT_MS) &&
	    stun_parse(&m, &stun_rfc, c->in, c->in_len) == 0 &&
	    m.class == STUN_INDICATION &&
	    m.method == STUN_CONNECTION_ATTEMPT &&
	    stun_addr(&m, STUN_PEER_ADDRESS, peer) == 0 &&
	    stun_number(&m, STUN_CONNECTION_ID, id) == 0;
}

/* Bytes that may have come together with the answer to its ConnectionBind. */
static bool data_hears(struct client *d, const void *want, size_t len)
{
	size_t had = d->wait_len < len ? d->wait_len : len;

	return memcmp(d->wait, want, had) == 0 && stream_hears(d->fd,
		(const uint8_t *)want + had, len - had);
}

static void carries(int one, int other)
{
	static uint8_t some[100000];

	rand_bytes(some, sizeof(some));
	stream_says(one, "to and", 6);
	ck_assert(stream_hears(other, "to and", 6));
	stream_says(other, "fro", 3);
	ck_assert(stream_hears(one, "fro", 3));
	stream_says(one, some, sizeof(some));
	ck_assert(stream_hears(other, some, sizeof(some)));
}

/* ---- to a peer --------------------------------------------------------- */

START_TEST(test_connect_and_bind_carry_bytes_both_ways)
{
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	uint32_t id;
	unsigned i;

	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	for (i = 0; i < 4; i++) { /* each comes to another shard */
		ck_assert_uint_eq(connects(&a, &at, &id), 0);
		fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
		ck_assert(addr_eq(&from, &a.relayed));
		/* Before it is bound there is nobody to hear it. */
		stream_says(fd, "early", 5);
		ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, id), 0);
		ck_assert(data_hears(&data, "early", 5));
		carries(data.fd, fd);
		/* One is closed, so is the other. */
		close(i % 2 ? data.fd : fd);
		ck_assert(is_ended(i % 2 ? fd : data.fd, CLIENT_WAIT_MS));
		close(i % 2 ? fd : data.fd);
		await_counter(AV_PEER_CONNS, 0);
	}
	ck_assert_uint_ge(relay_counter(relay, AV_CONN_MOVED), 1);
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

/* Nobody reads it until it is bound: what a peer said before it closed is
 * there still, and a reset ends what was bound to it. */
START_TEST(test_peer_may_be_gone_before_it_is_bound)
{
	static const struct linger at_once = {.l_onoff = 1};
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	uint32_t id;
	unsigned i;

	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	for (i = 0; i < 4; i++) { /* each comes to another shard */
		ck_assert_uint_eq(connects(&a, &at, &id), 0);
		fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
		stream_says(fd, "early", 5);
		if (i % 2 != 0)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
				sizeof(at_once));
		close(fd);
		ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, id), 0);
		if (i % 2 == 0)
			ck_assert(data_hears(&data, "early", 5));
		ck_assert(is_ended(data.fd, CLIENT_WAIT_MS));
		close(data.fd);
		await_counter(AV_PEER_CONNS, 0);
	}
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

/* The data connection over TLS, which changes its thread as well. */
START_TEST(test_bound_connections_may_be_tls)
{
	struct rules *r = make_rules();
	int listener = peer_listens("127.0.3.9:0"), fd;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct addr at = name_of(listener), from;
	unsigned i;
	uint32_t id;

	pki_init(&pki);
	r->tls = server_context();
	use_rules(r);
	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(connects(&a, &at, &id), 0);
		fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
		tcp_open(&data, "127.0.3.1:0", OUTSIDE, &alice);
		data.ssl = SSL_new(ctx);
		SSL_set_fd(data.ssl, data.fd);
		ck_assert_int_eq(SSL_connect(data.ssl), 1);
		ck_assert_uint_eq(client_ask(&data, &(struct request){
			.method = STUN_CONNECTION_BIND, .connection = id}), 0);
		ck_assert_int_eq(SSL_write(data.ssl, "hello", 5), 5);
		ck_assert(stream_hears(fd, "hello", 5));
		stream_says(fd, "hello too", 9);
		ck_assert_int_eq(SSL_read(data.ssl, data.in, 64), 9);
		SSL_free(data.ssl);
		close(data.fd);
		close(fd);
		await_counter(AV_PEER_CONNS, 0);
	}
	SSL_CTX_free(ctx);
	close(listener);
	close(a.fd);
	await_no_one();
	pki_fini(&pki);
}
END_TEST

START_TEST(test_last_words_travel_one_way_at_a_time)
{
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	uint32_t id;

	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &at, &id), 0);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, id), 0);
	stream_says(data.fd, "question", 8);
	shutdown(data.fd, SHUT_WR);
	ck_assert(stream_hears(fd, "question", 8));
	ck_assert(is_ended(fd, CLIENT_WAIT_MS));
	stream_says(fd, "answer", 6);
	ck_assert(stream_hears(data.fd, "answer", 6));
	shutdown(fd, SHUT_WR);
	ck_assert(is_ended(data.fd, CLIENT_WAIT_MS));
	await_counter(AV_PEER_CONNS, 0);
	close(fd);
	close(data.fd);
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

/* ---- peers that come --------------------------------------------------- */

START_TEST(test_permitted_peer_is_announced_and_bound)
{
	struct addr friendly = lab_addr("127.0.3.9:9"), peer;
	uint32_t id;
	int fd;

	ck_assert_uint_eq(allocates(&a, "127.0.4.1:0", INSIDE, &alice), 0);
	ck_assert_int_lt(peer_dials("127.0.3.9:0", &a.relayed), 0);
	ck_assert_uint_eq(client_permit(&a, &friendly), 0);
	fd = peer_dials("127.0.3.44:0", &a.relayed);
	ck_assert(fd < 0 || is_reset(fd));
	if (fd >= 0)
		close(fd);
	fd = peer_dials("127.0.3.9:0", &a.relayed);
	ck_assert_int_ge(fd, 0);
	friendly = name_of(fd);
	ck_assert(is_told(&a, &peer, &id));
	ck_assert(addr_eq(&peer, &friendly));
	stream_says(fd, "waiting", 7);
	ck_assert_uint_eq(binds(&data, &a, INSIDE, &alice, id), 0);
	ck_assert(data_hears(&data, "waiting", 7));
	carries(fd, data.fd);
	/* The allocation ends, and with it all that it has. */
	ck_assert_uint_eq(client_end(&a), 0);
	ck_assert(is_ended(fd, CLIENT_WAIT_MS));
	ck_assert(is_ended(data.fd, CLIENT_WAIT_MS));
	close(fd);
	close(data.fd);
	close(a.fd);
	await_no_one();
}
END_TEST

/* Both ends are relay ports of ours, in whatever threads. */
START_TEST(test_R13_relay_ports_meet_without_the_network)
{
	static struct client far;
	struct addr peer;
	uint32_t id, other;
	unsigned i;

	for (i = 0; i < 4; i++) {
		ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE,
			&alice), 0);
		ck_assert_uint_eq(allocates(&b, "127.0.4.1:0", INSIDE, &bob),
			0);
		ck_assert_uint_eq(connects(&a, &b.relayed, &id), 447);
		ck_assert_uint_eq(client_permit(&b, &a.relayed), 0);
		ck_assert_uint_eq(connects(&a, &b.relayed, &id), 0);
		ck_assert(is_told(&b, &peer, &other));
		ck_assert(addr_eq(&peer, &a.relayed));
		ck_assert_uint_eq(binds(&far, &b, INSIDE, &bob, other), 0);
		stream_says(far.fd, "first", 5); /* the other is not bound */
		nap(20);
		ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, id), 0);
		ck_assert(data_hears(&data, "first", 5));
		carries(data.fd, far.fd);
		close(a.fd);
		ck_assert(is_ended(far.fd, CLIENT_WAIT_MS));
		ck_assert(is_ended(data.fd, CLIENT_WAIT_MS));
		close(far.fd);
		close(data.fd);
		close(b.fd);
		await_no_one();
	}
}
END_TEST

/* ---- what may not be --------------------------------------------------- */

/* Denied: one answer, at once, whether the port is open or closed. */
START_TEST(test_T6_denied_peers_are_refused_before_any_connect)
{
	int listener = peer_listens("127.0.4.44:0");
	struct addr open_port = name_of(listener), closed = open_port, from;
	struct addr special[] = {lab_addr("127.0.1.12:22"),
		lab_addr("10.0.0.1:22"), lab_addr("169.254.169.254:80"),
		lab_addr("0.0.0.0:22")};
	struct mono began;
	uint32_t id;
	size_t i;

	closed.port = (uint16_t)(closed.port ^ 1);
	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	began = mono_now();
	ck_assert_uint_eq(connects(&a, &open_port, &id), 403);
	ck_assert_uint_eq(connects(&a, &closed, &id), 403);
	for (i = 1; i < ARRAY_COUNT(special); i++)
		ck_assert_uint_eq(connects(&a, &special[i], &id), 403);
	ck_assert_int_lt(mono_since_ms(began, mono_now()), 500);
	ck_assert_int_lt(peer_accepts(listener, &from, CLIENT_QUIET_MS), 0);
	ck_assert_uint_eq(relay_counter(relay, AV_CONNECT_TRIED), 0);
	/* Our own address, at a port that is no relay's: nobody's. */
	ck_assert_uint_eq(connects(&a, &special[0], &id), 447);
	close(listener);
	close(a.fd);
}
END_TEST

/* T5: a connection needs no permission once it is there, but a peer. */
START_TEST(test_T5_new_rules_end_connections_they_forbid)
{
	int bad = peer_listens("127.0.3.9:0"), good = peer_listens(
		"127.0.3.10:0"), fds[2];
	struct addr at = name_of(bad), other = name_of(good), from;
	static struct client kept;
	struct rules *r;
	uint32_t id;

	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &at, &id), 0);
	fds[0] = peer_accepts(bad, &from, CLIENT_WAIT_MS);
	ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, id), 0);
	ck_assert_uint_eq(connects(&a, &other, &id), 0);
	fds[1] = peer_accepts(good, &from, CLIENT_WAIT_MS);
	ck_assert_uint_eq(binds(&kept, &a, OUTSIDE, &alice, id), 0);
	r = make_rules();
	peer_policy_add_suite(&r->peers, &at);
	use_rules(r);
	ck_assert(is_ended(fds[0], CLIENT_WAIT_MS));
	ck_assert(is_ended(data.fd, CLIENT_WAIT_MS));
	ck_assert_uint_eq(relay_counter(relay, AV_PEER_CONN_WITHDRAWN), 1);
	carries(kept.fd, fds[1]);
	close(fds[0]);
	close(fds[1]);
	close(data.fd);
	close(kept.fd);
	close(bad);
	close(good);
	close(a.fd);
	await_no_one();
}
END_TEST

/* Permitted: closed and silent are the same answer. */
START_TEST(test_T6_closed_and_silent_peers_are_both_447)
{
	int full = peer_listens("127.0.3.9:0"), waits[8];
	struct addr silent = name_of(full), closed = lab_addr("127.0.3.9:1");
	struct rules *r = make_rules();
	uint32_t id;
	size_t i;

	r->connect_ms = 300;
	use_rules(r);
	/* A listener whose backlog is full does not answer. */
	listen(full, 0);
	for (i = 0; i < ARRAY_COUNT(waits); i++) {
		struct sockaddr_storage ss;
		socklen_t len = addr_to_sockaddr(&silent, &ss);

		waits[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(waits[i], (struct sockaddr *)&ss, len);
	}
	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &closed, &id), 447);
	ck_assert_uint_eq(connects(&a, &silent, &id), 447);
	ck_assert_uint_eq(relay_counter(relay, AV_CONNECT_FAILED), 2);
	for (i = 0; i < ARRAY_COUNT(waits); i++)
		close(waits[i]);
	close(full);
	close(a.fd);
}
END_TEST

START_TEST(test_T6_connects_and_connections_are_bounded)
{
	int listener = peer_listens("127.0.3.9:0"), more;
	struct addr at = name_of(listener), other;
	struct rules *r = make_rules();
	uint32_t id;

	r->peer_connections = 1;
	r->connects_per_minute = 2;
	use_rules(r);
	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &at, &id), 0);
	ck_assert_uint_eq(connects(&a, &at, &id), 446);
	more = peer_listens("127.0.3.10:0");
	other = name_of(more);
	ck_assert_uint_eq(connects(&a, &other, &id), 486);
	ck_assert_uint_eq(relay_counter(relay, AV_CONNECT_TOO_MANY), 1);
	close(a.fd);
	await_no_one();
	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &other, &id), 0);
	close(a.fd);
	await_no_one();
	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &other, &id), 486);
	ck_assert_uint_eq(relay_counter(relay, AV_CONNECT_TOO_FAST), 1);
	close(more);
	close(listener);
	close(a.fd);
}
END_TEST

START_TEST(test_unbound_connections_end_in_time)
{
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	struct rules *r = make_rules();
	uint32_t id;

	r->connect_ms = 200;
	use_rules(r);
	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &at, &id), 0);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert(is_ended(fd, CLIENT_WAIT_MS));
	ck_assert_uint_eq(relay_counter(relay, AV_PEER_CONN_UNBOUND), 1);
	ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, id), 400);
	close(fd);
	close(data.fd);
	close(listener);
	close(a.fd);
}
END_TEST

/* T11: another user's connection id opens nothing. */
START_TEST(test_T11_connection_ids_are_their_users)
{
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	uint32_t id;
	unsigned i;

	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &at, &id), 0);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &bob, id), 441);
	close(data.fd);
	for (i = 1; i < 4; i++) { /* guesses, of every shard and of none */
		ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice,
			id ^ i << 25), 400);
		close(data.fd);
	}
	ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, ~id), 400);
	close(data.fd);
	/* On the connection of the allocation itself: no. */
	ck_assert_uint_eq(client_ask(&a, &(struct request){
		.method = STUN_CONNECTION_BIND, .connection = id}), 400);
	ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, id), 0);
	carries(data.fd, fd);
	/* Once is enough. */
	ck_assert_uint_eq(binds(&b, &a, OUTSIDE, &alice, id), 400);
	close(b.fd);
	close(fd);
	close(data.fd);
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

START_TEST(test_datagram_methods_are_not_for_tcp_ports_nor_the_reverse)
{
	struct addr friendly = lab_addr("127.0.3.9:9");
	static struct client u;
	uint32_t id;

	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(client_bind(&a, 0x4000, &friendly), 400);
	ck_assert_uint_eq(client_permit(&a, &friendly), 0);
	client_send(&a, &friendly, "datagram");
	await_counter(AV_DROP_NO_PERMISSION, 1);
	close(a.fd);
	tcp_allocated(&a, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(connects(&a, &friendly, &id), 400);
	close(a.fd);
	tcp_open(&a, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(connects(&a, &friendly, &id), 437);
	close(a.fd);
	/* Over UDP there are no TCP allocations, nor what belongs to them. */
	client_open(&u, "127.0.3.2:0", OUTSIDE_UDP, &alice);
	ck_assert_uint_eq(client_ask(&u, &(struct request){
		.method = STUN_ALLOCATE, .protocol = TCP}), 400);
	ck_assert_uint_eq(client_ask(&u, &(struct request){
		.method = STUN_CONNECTION_BIND, .connection = 5}), 400);
	close(u.fd);
}
END_TEST

/* T8: who asks to be moved about gets nowhere, and soon not even that. */
START_TEST(test_T8_strangers_are_not_moved_for_ever)
{
	struct stun_msg m;
	unsigned i;

	tcp_open(&a, "127.0.3.1:0", OUTSIDE, &alice);
	for (i = 0; i < 20; i++)
		ck_assert_uint_eq(client_try(&a, &(struct request){
			.method = STUN_CONNECTION_BIND,
			.connection = (i % 2) << 26 | 1}, &m),
			i == 0 ? 401 : 400);
	ck_assert_uint_le(relay_counter(relay, AV_CONN_MOVED), 4);
	ck_assert(is_ended(a.fd, VOID_MS + 1000));
	close(a.fd);
	await_no_one();
}
END_TEST

/* T8: nor does it buy time. */
START_TEST(test_T8_moving_does_not_prolong_the_wait)
{
	struct mono began;
	struct stun_msg m;
	unsigned i;

	tcp_open(&a, "127.0.3.1:0", OUTSIDE, &alice);
	began = mono_now();
	/* The last one well before the end, also where naps get longer. */
	for (i = 0; i < 4; i++) {
		nap(VOID_MS / 8);
		ck_assert_uint_ne(client_try(&a, &(struct request){
			.method = STUN_CONNECTION_BIND,
			.connection = (i % 2) << 26 | 1}, &m), 0);
	}
	ck_assert_uint_ge(relay_counter(relay, AV_CONN_MOVED), 3);
	ck_assert(is_ended(a.fd, VOID_MS + 1000));
	ck_assert_int_lt(mono_since_ms(began, mono_now()),
		VOID_MS + VOID_MS / 3);
	close(a.fd);
	await_no_one();
}
END_TEST

/* ---- bounds ------------------------------------------------------------ */

START_TEST(test_T9_who_does_not_read_holds_the_other_up)
{
	static uint8_t some[50000];
	int listener = peer_listens("127.0.3.9:0"), fd, small = 65536;
	struct addr at = name_of(listener), from;
	unsigned sent[2] = {0, 0}, got, i, stuck;
	int ends[2];
	uint32_t id;

	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE, &alice), 0);
	ck_assert_uint_eq(connects(&a, &at, &id), 0);
	fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
	ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice, id), 0);
	setsockopt(data.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ends[0] = fd;
	ends[1] = data.fd;
	rand_bytes(some, sizeof(some));
	for (i = 0; i < 2; i++) {
		setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &small,
			sizeof(small));
		for (stuck = 0; stuck < 10 && sent[i] < 2000;) {
			struct pollfd p = {.fd = ends[i], .events = POLLOUT};

			if (poll(&p, 1, 30) <= 0) {
				stuck++;
				continue;
			}
			stuck = 0;
			if (send(ends[i], some, sizeof(some), MSG_DONTWAIT |
				MSG_NOSIGNAL) != sizeof(some))
				break; /* part of it went: fair enough */
			sent[i]++;
		}
		ck_assert_uint_lt(sent[i], 2000);
	}
	for (i = 0; i < 2; i++)
		for (got = 0; got < sent[i]; got++)
			ck_assert(stream_hears(ends[!i], some, sizeof(some)));
	close(fd);
	close(data.fd);
	close(listener);
	close(a.fd);
	await_no_one();
}
END_TEST

START_TEST(test_R4_connections_come_and_go_and_nothing_is_left)
{
	int listener = peer_listens("127.0.3.9:0"), fd;
	struct addr at = name_of(listener), from;
	struct rules *r = make_rules();
	uint32_t id;
	unsigned i;

	r->connects_per_minute = 1000;
	use_rules(r);
	for (i = 0; i < 60; i++) {
		ck_assert_uint_eq(allocates(&a, "127.0.3.1:0", OUTSIDE,
			&alice), 0);
		ck_assert_uint_eq(connects(&a, &at, &id), 0);
		fd = peer_accepts(listener, &from, CLIENT_WAIT_MS);
		if (i % 3 != 0)
			ck_assert_uint_eq(binds(&data, &a, OUTSIDE, &alice,
				id), 0);
		if (i % 3 == 1)
			stream_says(data.fd, "x", 1);
		if (i % 2 == 0)
			close(fd);
		close(a.fd);
		if (i % 2 != 0)
			close(fd);
		if (i % 3 != 0)
			close(data.fd);
	}
	await_no_one();
	ck_assert_uint_eq(relay_counter(relay, AV_PEER_CONNS), 0);
	close(listener);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_connect_and_bind_carry_bytes_both_ways,
		test_peer_may_be_gone_before_it_is_bound,
		test_bound_connections_may_be_tls,
		test_last_words_travel_one_way_at_a_time,
		test_permitted_peer_is_announced_and_bound,
		test_R13_relay_ports_meet_without_the_network,
		test_T6_denied_peers_are_refused_before_any_connect,
		test_T5_new_rules_end_connections_they_forbid,
		test_T6_closed_and_silent_peers_are_both_447,
		test_T6_connects_and_connections_are_bounded,
		test_unbound_connections_end_in_time,
		test_T11_connection_ids_are_their_users,
		test_datagram_methods_are_not_for_tcp_ports_nor_the_reverse,
		test_T8_strangers_are_not_moved_for_ever,
		test_T8_moving_does_not_prolong_the_wait,
		test_T9_who_does_not_read_holds_the_other_up,
		test_R4_connections_come_and_go_and_nothing_is_left,
	};

	return suite_run("data_conn", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
