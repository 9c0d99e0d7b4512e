/*
 * The doorkeeper of 4443 (replication-agent/guest.c) over real TLS: who takes
 * too long, sends too much or sits in the way is cut, the others are served.
 */
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <pthread.h>
#include <signal.h>

#include "replication-agent/guest.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki.h"

#define CLIENTS_MAX 32
#define MANY        20000 /* changes of keys */

static struct {
	struct pki pki;
	struct loop *loop;
	struct tls_watch *tls;
	struct evhttp *http;
	struct guests guests;
	struct addr at;
	bool has_right;
	bool is_full;
	int events[GUEST_FLOODED + 1];
	int requests;
	SSL_CTX *client;
	SSL *clients[CLIENTS_MAX];
	int fds[CLIENTS_MAX];
	int count;
} b;

static bool has_right(SSL *ssl, void *arg)
{
	(void)arg;
	ck_assert(SSL_is_init_finished(ssl));
	return b.has_right;
}

static void on_event(enum guest_event what, void *arg)
{
	(void)arg;
	b.events[what]++;
}

static void on_full(bool is_full, void *arg)
{
	(void)arg;
	b.is_full = is_full;
}

static void on_request(struct evhttp_request *ev, void *arg)
{
	(void)arg;
	b.requests++;
	guests_asked(&b.guests, evhttp_connection_get_bufferevent(
		evhttp_request_get_connection(ev)));
	evhttp_send_reply(ev, 204, NULL, NULL);
}

static void open_tls(void)
{
	char *chain;
	char *key;
	struct why why = {""};
	struct tls_spec spec = {.role = TLS_ROLE_SERVER};

	pki_init(&b.pki);
	pki_ca(&b.pki, "ca");
	pki_leaf(&b.pki, "ca", "server", "DNS:edge.contoso.test");
	chain = pki_path_dup(&b.pki, "server.crt");
	key = pki_path_dup(&b.pki, "server.key");
	spec.chain_path = chain;
	spec.key_path = key;
	ck_assert_msg(tls_watch_new(&b.tls, &spec, &why) == 0, "%s",
		why.text);
	free(chain);
	free(key);
	b.client = SSL_CTX_new(TLS_client_method());
}

static void setup(void)
{
	int fd;

	memset(&b, 0, sizeof(b));
	signal(SIGPIPE, SIG_IGN);
	open_tls();
	ck_assert_int_eq(loop_new(&b.loop), 0);
	b.guests = (struct guests){
		.loop = b.loop,
		.tls = b.tls,
		.limits = {.handshake_ms = 20000, .header_ms = 20000,
			.request_ms = 20000, .no_right_max = 65536},
		.has_right = has_right,
		.on_event = on_event,
		.on_full = on_full,
	};
	b.http = evhttp_new(loop_base(b.loop));
	ck_assert_int_eq(guests_init(&b.guests, b.http), 0);
	evhttp_set_gencb(b.http, on_request, NULL);
	fd = test_listen(&b.at);
	evutil_make_socket_nonblocking(fd);
	ck_assert_int_eq(evhttp_accept_socket(b.http, fd), 0);
}

static void hang_up(int i)
{
	SSL_free(b.clients[i]);
	b.clients[i] = NULL;
	if (b.fds[i] >= 0)
		close(b.fds[i]);
	b.fds[i] = -1;
}

static void teardown(void)
{
	for (int i = 0; i < b.count; i++)
		hang_up(i);
	evhttp_free(b.http);
	guests_fini(&b.guests);
	loop_free(b.loop);
	tls_watch_free(b.tls);
	SSL_CTX_free(b.client);
	pki_fini(&b.pki);
}

/* A client that has said nothing yet. */
static int dial(void)
{
	const int i = b.count++;

	ck_assert_int_lt(i, CLIENTS_MAX);
	b.fds[i] = test_dial(&b.at);
	b.clients[i] = SSL_new(b.client);
	SSL_set_fd(b.clients[i], b.fds[i]);
	evutil_make_socket_nonblocking(b.fds[i]);
	return i;
}

static int shake_hands(void)
{
	const int i = dial();

	TURN_UNTIL(b.loop, SSL_connect(b.clients[i]) == 1);
	return i;
}

static void say(int i, const char *text)
{
	ck_assert_int_eq(SSL_write(b.clients[i], text, (int)strlen(text)),
		(int)strlen(text));
}

/* Has the other side ended it? */
static bool is_cut(int i)
{
	char room[256];
	int n = SSL_read(b.clients[i], room, sizeof(room));
	int err;

	if (n > 0)
		return false;
	err = SSL_get_error(b.clients[i], n);
	return err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE;
}

/* ---- time --------------------------------------------------------------- */

START_TEST(test_handshake_that_does_not_come_is_cut)
{
	b.guests.limits.handshake_ms = 100;
	dial();
	TURN_UNTIL(b.loop, b.events[GUEST_TLS_LATE] == 1);
	TURN_UNTIL(b.loop, b.guests.count == 0);
}
END_TEST

START_TEST(test_S18_header_that_trickles_is_cut)
{
	struct mono next = mono_now();
	int i;

	b.has_right = true;
	b.guests.limits.header_ms = 600;
	i = shake_hands();
	say(i, "GET / HTTP/1.1\r\n");
	while (b.events[GUEST_HEADER_LATE] == 0) {
		loop_turn(b.loop, 20);
		if (!mono_is_past(next, mono_now()))
			continue;
		next = mono_after_ms(next, 100);
		if (SSL_write(b.clients[i], "x", 1) <= 0)
			break;
	}
	TURN_UNTIL(b.loop, is_cut(i));
	ck_assert_int_eq(b.events[GUEST_HEADER_LATE], 1);
	ck_assert_int_eq(b.requests, 0);
}
END_TEST

/* The header is over with two ends of line, of either kind. */
START_TEST(test_S18_body_that_does_not_come_is_cut)
{
	static const char *const HEADERS[] = {
		"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
		"PUT / HTTP/1.1\nContent-Length: 9\n\n",
	};
	int i;

	b.has_right = true;
	b.guests.limits.request_ms = 300;
	i = shake_hands();
	say(i, HEADERS[_i]);
	TURN_UNTIL(b.loop, b.events[GUEST_BODY_LATE] == 1);
	TURN_UNTIL(b.loop, is_cut(i));
	ck_assert_int_eq(b.events[GUEST_HEADER_LATE], 0);
}
END_TEST

START_TEST(test_each_request_has_its_own_time)
{
	int i;

	b.has_right = true;
	b.guests.limits.header_ms = 300;
	b.guests.limits.request_ms = 300;
	i = shake_hands();
	for (int n = 1; n <= 4; n++) {
		say(i, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
		TURN_UNTIL(b.loop, b.requests == n);
		turn_for_ms(b.loop, 400);
		ck_assert(!is_cut(i));
	}
	ck_assert_int_eq(b.events[GUEST_CAME], 1);
}
END_TEST

/* ---- rights ------------------------------------------------------------- */

START_TEST(test_S18_without_the_right_there_is_little_to_send)
{
	char text[256];
	int i;

	b.guests.limits.no_right_max = 1000;
	i = shake_hands();
	say(i, "PUT / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int n = 0; n < 8 && SSL_write(b.clients[i], text,
		(int)strlen(text)) > 0; n++)
		loop_turn(b.loop, 10);
	TURN_UNTIL(b.loop, b.events[GUEST_NO_RIGHT] == 1);
	TURN_UNTIL(b.loop, is_cut(i));
}
END_TEST

START_TEST(test_S18_strangers_who_are_silent_make_room)
{
	for (int i = 0; i < (int)GUESTS_CROWD; i++)
		shake_hands();
	ck_assert_int_eq(b.events[GUEST_CROWDED], 0);
	TURN_UNTIL(b.loop, b.events[GUEST_CROWDED] > 0);
	TURN_UNTIL(b.loop, b.guests.count < GUESTS_CROWD);
}
END_TEST

/* Answered with 403 each time, and never leaving. */
START_TEST(test_S18_strangers_who_ask_for_ever_make_room)
{
	struct mono next = mono_now();

	for (int i = 0; i < (int)GUESTS_MAX; i++)
		shake_hands();
	TURN_UNTIL(b.loop, b.is_full);
	while (b.events[GUEST_CROWDED] == 0) {
		loop_turn(b.loop, 20);
		ck_assert_int_lt(b.requests, 2000);
		if (!mono_is_past(next, mono_now()))
			continue;
		next = mono_after_ms(next, 300);
		for (int i = 0; i < (int)GUESTS_MAX; i++)
			(void)(SSL_write(b.clients[i],
				"GET / HTTP/1.1\r\n\r\n", 18) > 0);
	}
	TURN_UNTIL(b.loop, b.guests.count < GUESTS_CROWD);
	ck_assert_int_gt(b.requests, 0);
}
END_TEST

START_TEST(test_publishers_are_not_in_the_way)
{
	b.has_right = true;
	for (int i = 0; i < (int)GUESTS_CROWD + 1; i++)
		shake_hands();
	turn_for_ms(b.loop, GUESTS_HASTE_MS + 600);
	ck_assert_int_eq(b.events[GUEST_CROWDED], 0);
	ck_assert_uint_eq(b.guests.count, GUESTS_CROWD + 1);
}
END_TEST

START_TEST(test_full_house_says_so_and_opens_again)
{
	b.has_right = true;
	for (int i = 0; i < (int)GUESTS_MAX; i++)
		shake_hands();
	TURN_UNTIL(b.loop, b.is_full);
	ck_assert_uint_eq(b.guests.count, GUESTS_MAX);
	hang_up(0);
	TURN_UNTIL(b.loop, !b.is_full);
	ck_assert_uint_lt(b.guests.count, GUESTS_MAX);
}
END_TEST

/* ---- messages of TLS itself --------------------------------------------- */

struct talker {
	int fd;
	int wanted;
	int said;
};

/* Shakes hands, changes its keys, asks. */
static void *change_keys(void *arg)
{
	struct talker *t = arg;
	SSL *ssl = SSL_new(b.client);

	SSL_set_fd(ssl, t->fd);
	ck_assert_int_eq(SSL_connect(ssl), 1);
	while (t->said < t->wanted &&
		SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
		SSL_do_handshake(ssl) == 1)
		t->said++;
	if (t->said == t->wanted)
		(void)SSL_write(ssl, "GET / HTTP/1.1\r\n\r\n", 18);
	SSL_free(ssl);
	return NULL;
}

START_TEST(test_S8_flood_of_new_keys_is_cut)
{
	struct talker t = {.fd = test_dial(&b.at), .wanted = MANY};
	pthread_t thread;

	b.has_right = true;
	pthread_create(&thread, NULL, change_keys, &t);
	TURN_UNTIL(b.loop, b.events[GUEST_FLOODED] == 1);
	TURN_UNTIL(b.loop, b.guests.count == 0);
	pthread_join(thread, NULL);
	close(t.fd);
	ck_assert_int_eq(b.requests, 0);
}
END_TEST

START_TEST(test_some_new_keys_are_fine)
{
	struct talker t = {.fd = test_dial(&b.at), .wanted = 20};
	pthread_t thread;

	b.has_right = true;
	pthread_create(&thread, NULL, change_keys, &t);
	TURN_UNTIL(b.loop, b.requests == 1);
	pthread_join(thread, NULL);
	close(t.fd);
	ck_assert_int_eq(b.events[GUEST_FLOODED], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_handshake_that_does_not_come_is_cut);
	tcase_add_test(tc, test_S18_header_that_trickles_is_cut);
	tcase_add_loop_test(tc, test_S18_body_that_does_not_come_is_cut, 0,
		2);
	tcase_add_test(tc, test_each_request_has_its_own_time);
	tcase_add_test(tc, test_S18_without_the_right_there_is_little_to_send);
	tcase_add_test(tc, test_S18_strangers_who_are_silent_make_room);
	tcase_add_test(tc, test_S18_strangers_who_ask_for_ever_make_room);
	tcase_add_test(tc, test_publishers_are_not_in_the_way);
	tcase_add_test(tc, test_full_house_says_so_and_opens_again);
	tcase_add_test(tc, test_S8_flood_of_new_keys_is_cut);
	tcase_add_test(tc, test_some_new_keys_are_fine);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
