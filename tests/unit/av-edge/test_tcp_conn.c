/*
 * The life of connections and of their ports: who is silent, who trickles,
 * who goes away, how many may come.
 */
#include "tests/unit/av-edge/tcp_bench.h"

/* ---- who does not speak ------------------------------------------------ */

START_TEST(test_T8_silent_connection_is_closed_in_time)
{
	static const char *const beginnings[] = {
		"", "16", "160301", "00", "000100002112a4",
		/* a real ClientHello, begun; a pseudo-TLS one, half */
		"16030100", "160301002d010000290301aabb",
	};
	int fds[ARRAY_COUNT(beginnings)];
	uint8_t bytes[64];
	size_t i, len;

	for (i = 0; i < ARRAY_COUNT(beginnings); i++) {
		fds[i] = dial("127.0.3.1:0", OUTSIDE);
		ck_assert_int_ge(fds[i], 0);
		ck_assert_int_eq(str_unhex(str_of(beginnings[i]), bytes,
			sizeof(bytes), &len), 0);
		if (len > 0)
			ck_assert_int_eq(send(fds[i], bytes, len, 0),
				(ssize_t)len);
	}
	for (i = 0; i < ARRAY_COUNT(beginnings); i++) {
		ck_assert_msg(is_ended(fds[i], GREET_MS + 500), "%s",
			beginnings[i]);
		close(fds[i]);
	}
	await_no_one();
	ck_assert_uint_ge(relay_counter(relay, AV_CONN_TOO_SLOW), 5);
}
END_TEST

/* One byte now and then is no way to stay. */
START_TEST(test_T8_trickling_is_no_way_to_stay)
{
	static struct client c;
	uint8_t room[64];
	size_t len = binding(room, 1);
	unsigned i;
	ssize_t n = 1;

	tcp_open(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_int_eq(send(c.fd, room, len, 0), (ssize_t)len);
	for (i = 0; i < (VOID_MS + 1000) / 100 && n == 1; i++) {
		nap(100);
		n = send(c.fd, room + i % len, 1, MSG_NOSIGNAL);
	}
	ck_assert(is_ended(c.fd, 500));
	close(c.fd);
	await_no_one();
}
END_TEST

START_TEST(test_connection_outlives_its_deadline_with_an_allocation)
{
	static struct client c;

	tcp_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	nap(VOID_MS + 300);
	ck_assert_uint_eq(client_end(&c), 0);
	/* and no longer without */
	ck_assert(!is_ended(c.fd, VOID_MS / 2));
	ck_assert(is_ended(c.fd, VOID_MS));
	close(c.fd);
	await_no_one();
}
END_TEST

/* ---- who goes away ----------------------------------------------------- */

static void reset(int fd)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

START_TEST(test_R4_lost_connection_frees_allocation_and_port)
{
	static struct client c;
	unsigned i;

	for (i = 0; i < 30; i++) {
		tcp_allocated(&c, "127.0.3.1:0", i % 2 ? OUTSIDE : INSIDE,
			&alice);
		ck_assert_uint_eq(port_pool_count(
			relay->shared.ports[RULES_V4]).used, 1);
		if (i % 3 == 0)
			close(c.fd);
		else if (i % 3 == 1)
			reset(c.fd);
		else
			shutdown(c.fd, SHUT_WR);
		await_no_one();
		if (i % 3 == 2)
			close(c.fd);
	}
	ck_assert_uint_eq(relay_counter(relay, AV_ENDED_CONNECTION), 30);
	ck_assert_uint_eq(quota_user_count(relay->shared.quota), 0);
}
END_TEST

/* Ends and data for them cross each other. */
START_TEST(test_peers_of_lost_connections_do_no_harm)
{
	static struct client c;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer);
	unsigned i, k;

	for (i = 0; i < 50; i++) {
		tcp_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
		ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
		for (k = 0; k < 20; k++)
			say(peer, &c.relayed, "late", 4);
		reset(c.fd);
		for (k = 0; k < 20; k++)
			say(peer, &c.relayed, "late", 4);
	}
	await_no_one();
	close(peer);
}
END_TEST

START_TEST(test_many_clients_come_and_go)
{
	static struct client c[20];
	unsigned round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 20; i++)
			tcp_allocated(&c[i], "127.0.3.1:0",
				i % 2 ? OUTSIDE : INSIDE,
				i % 2 ? &alice : &bob);
		ck_assert_uint_eq(connections(), 20);
		ck_assert_uint_eq(relay_allocations(relay), 20);
		for (i = 0; i < 20; i++)
			close(c[i].fd);
		await_no_one();
	}
	for (i = 0; i < 5; i++) /* left to the teardown */
		tcp_allocated(&c[i], "127.0.3.1:0", OUTSIDE, &alice);
	relay_stop(relay);
	for (i = 0; i < 5; i++)
		close(c[i].fd);
}
END_TEST

/* ---- ports -------------------------------------------------------------- */

START_TEST(test_T8_connections_of_a_source_are_limited)
{
	struct addr at = lab_addr(OUTSIDE);
	int fds[5];
	unsigned i;

	relay_close_tcp(relay, &at);
	nap(50);
	open_tcp(OUTSIDE, TOPOLOGY_EXTERNAL, 3);
	nap(50);
	for (i = 0; i < 5; i++)
		fds[i] = dial("127.0.3.1:0", OUTSIDE);
	for (i = 0; i < 5; i++) {
		ck_assert_int_ge(fds[i], 0);
		ck_assert(is_ended(fds[i], 50) == (i >= 3));
	}
	i = (unsigned)dial("127.0.3.2:0", OUTSIDE);
	ck_assert(!is_ended((int)i, 50));
	close((int)i);
	for (i = 0; i < 5; i++)
		close(fds[i]);
	await_no_one();
	/* they are given back, whatever shard they ended in */
	for (i = 0; i < 3; i++) {
		fds[i] = dial("127.0.3.1:0", OUTSIDE);
		ck_assert(!is_ended(fds[i], 50));
	}
	for (i = 0; i < 3; i++)
		close(fds[i]);
}
END_TEST

START_TEST(test_closed_port_keeps_its_connections)
{
	static struct client c, late;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from, outside = lab_addr(OUTSIDE);
	unsigned i;

	tcp_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	tcp_open(&late, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_allocate(&late), 0);
	ck_assert_uint_eq(client_end(&late), 0);
	relay_close_tcp(relay, &outside);
	ck_assert_ptr_null(relay_find_tcp(relay, &outside));
	nap(50);
	ck_assert_int_lt(dial_once("127.0.3.1:0", OUTSIDE), 0);
	ck_assert_uint_eq(client_allocate(&late), 508);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	client_channel(&c, 0x4000, "old");
	ck_assert(gets(peer, "old", &from));
	/* Its place is free when the last has gone, and not before. */
	for (i = 0; i < 40; i++) {
		open_tcp(OUTSIDE, TOPOLOGY_EXTERNAL, 0);
		nap(10);
		relay_close_tcp(relay, &outside);
		nap(10);
	}
	client_channel(&c, 0x4000, "still");
	ck_assert(gets(peer, "still", &from));
	close(c.fd);
	close(late.fd);
	close(peer);
	await_no_one();
}
END_TEST

START_TEST(test_port_in_use_is_told)
{
	const struct tcp_port_spec spec = {.address = lab_addr(OUTSIDE)};
	struct why why = {""};

	ck_assert_int_lt(relay_open_tcp(relay, &spec, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "23443"));
}
END_TEST

START_TEST(test_T8_broken_and_silent_handshakes_end)
{
	static const char hello[] = "160301012c010001280303";
	struct rules *r = make_rules();
	uint8_t bytes[512];
	size_t len;
	int slow, bad;

	pki_init(&pki);
	r->tls = server_context();
	use_rules(r);
	slow = dial("127.0.3.1:0", OUTSIDE);
	bad = dial("127.0.3.1:0", OUTSIDE);
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_int_eq(str_unhex(str_of(hello), bytes, 64, &len), 0);
	ck_assert_int_eq(send(slow, bytes, len, 0), (ssize_t)len);
	ck_assert_int_eq(send(bad, bytes, sizeof(bytes), 0), sizeof(bytes));
	ck_assert(is_ended(bad, GREET_MS / 2));
	ck_assert(is_ended(slow, GREET_MS + 500));
	ck_assert_uint_eq(relay_counter(relay, AV_CONN_TLS_FAILED), 1);
	close(slow);
	close(bad);
	await_no_one();
	pki_fini(&pki);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T8_silent_connection_is_closed_in_time,
		test_T8_trickling_is_no_way_to_stay,
		test_connection_outlives_its_deadline_with_an_allocation,
		test_R4_lost_connection_frees_allocation_and_port,
		test_peers_of_lost_connections_do_no_harm,
		test_many_clients_come_and_go,
		test_T8_connections_of_a_source_are_limited,
		test_closed_port_keeps_its_connections,
		test_port_in_use_is_told,
		test_T8_broken_and_silent_handshakes_end,
	};

	return suite_run("tcp_conn", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
