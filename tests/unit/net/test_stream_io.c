/* What OpenSSL would do for a peer without end. */
#include <check.h>
#include <pthread.h>

#include "tests/unit/net/stream_bench.h"

#define MANY 20000

struct talker {
	int fd;
	int wanted; /* new keys */
	bool asks;  /* for ours each time */
	int said;
};

/* Shakes hands, changes its keys, says "last". */
static void *change_keys(void *arg)
{
	struct talker *t = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int kind = t->asks ? SSL_KEY_UPDATE_REQUESTED :
		SSL_KEY_UPDATE_NOT_REQUESTED;

	SSL_set_fd(ssl, t->fd);
	ck_assert_int_eq(SSL_connect(ssl), 1);
	while (t->said < t->wanted && SSL_key_update(ssl, kind) == 1 &&
		SSL_do_handshake(ssl) == 1)
		t->said++;
	if (t->said == t->wanted)
		(void)SSL_write(ssl, "last", 4);
	SSL_free(ssl);
	shutdown(t->fd, SHUT_WR);
	SSL_CTX_free(ctx);
	return NULL;
}

static void talk(struct talker *t)
{
	pthread_t thread;

	use_tls();
	t->fd = test_dial(&b.at);
	admit(test_accept(b.listen_fd));
	pthread_create(&thread, NULL, change_keys, t);
	TURN_UNTIL(b.loop, b.s.is_ended);
	pthread_join(thread, NULL);
	close(t->fd);
}

START_TEST(test_S8_flood_of_new_keys_is_cut)
{
	struct talker t = {.wanted = MANY, .asks = _i != 0};

	talk(&t);
	ck_assert_int_eq(b.s.end, STREAM_END_TLS);
	ck_assert_ptr_nonnull(strstr(b.s.detail, "floods"));
	ck_assert_uint_eq(b.s.len, 0);
}
END_TEST

START_TEST(test_some_new_keys_are_fine)
{
	struct talker t = {.wanted = 20, .asks = _i != 0};

	talk(&t);
	ck_assert_int_eq(t.said, 20);
	assert_heard(&b.s, "last");
	ck_assert_int_eq(b.s.end, STREAM_END_PEER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/stream_io");
	TCase *c = tcase_create("stream_io");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_S8_flood_of_new_keys_is_cut, 0, 2);
	tcase_add_loop_test(c, test_some_new_keys_are_fine, 0, 2);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
