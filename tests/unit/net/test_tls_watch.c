/* Certificates that change under running connections. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/base/err.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki.h"

static struct pki pki;
static struct tls_watch *watch;
static char chain[256];
static char key[256];
static char ca[256];

static void setup(void)
{
	struct tls_spec spec = { .role = TLS_ROLE_SERVER,
		.chain_path = chain, .key_path = key };

	pki_init(&pki);
	pki_ca(&pki, "ca");
	pki_leaf(&pki, "ca", "a", "DNS:one.test");
	snprintf(ca, sizeof(ca), "%s/ca.crt", pki.dir);
	snprintf(chain, sizeof(chain), "%s/a.crt", pki.dir);
	snprintf(key, sizeof(key), "%s/a.key", pki.dir);
	ck_assert_int_eq(tls_watch_new(&watch, &spec, NULL), 0);
}

static void teardown(void)
{
	tls_watch_free(watch);
	pki_fini(&pki);
}

/* The DNS name in the certificate of the context now in force. */
static bool serves(const char *name)
{
	struct tls_ctx *ctx = tls_watch_get(watch);
	bool yes = X509_check_host(
		SSL_CTX_get0_certificate(tls_ctx_ssl(ctx)), name, 0, 0,
		NULL) == 1;

	tls_ctx_unref(ctx);
	return yes;
}

/* As certbot does it: a new file takes the old one's name. */
static void move(const char *from, const char *to)
{
	char *old = pki_path_dup(&pki, from);

	ck_assert_int_eq(rename(old, pki_path(&pki, to)), 0);
	free(old);
}

static void renew(const char *san)
{
	pki_leaf(&pki, "ca", "new", san);
	move("new.crt", "a.crt");
	move("new.key", "a.key");
}

START_TEST(test_nothing_happens_without_a_change)
{
	struct tls_ctx *before = tls_watch_get(watch);
	struct tls_ctx *after;

	ck_assert_int_eq(tls_watch_poll(watch, false, NULL), 0);
	after = tls_watch_get(watch);
	ck_assert_ptr_eq(before, after);
	tls_ctx_unref(before);
	tls_ctx_unref(after);
}
END_TEST

START_TEST(test_new_files_are_taken)
{
	renew("DNS:two.test");
	ck_assert(serves("one.test"));
	ck_assert_int_eq(tls_watch_poll(watch, false, NULL), 1);
	ck_assert(serves("two.test"));
	ck_assert_int_eq(tls_watch_poll(watch, false, NULL), 0);
}
END_TEST

START_TEST(test_force_takes_what_is_there)
{
	ck_assert_int_eq(tls_watch_poll(watch, true, NULL), 1);
	ck_assert(serves("one.test"));
}
END_TEST

START_TEST(test_bad_files_keep_the_old_and_are_told_once)
{
	struct why why = { "" };

	pki_write(&pki, "a.crt", "rubbish\n");
	ck_assert_int_eq(tls_watch_poll(watch, false, &why), EDGE_ETLS);
	ck_assert_ptr_nonnull(strstr(why.text, chain));
	ck_assert(serves("one.test"));
	ck_assert_int_eq(tls_watch_poll(watch, false, &why), 0);
	/* told again when somebody asks */
	ck_assert_int_eq(tls_watch_poll(watch, true, &why), EDGE_ETLS);
	unlink(chain);
	ck_assert_int_lt(tls_watch_poll(watch, false, &why), 0);
	ck_assert(serves("one.test"));
	renew("DNS:three.test");
	ck_assert_int_eq(tls_watch_poll(watch, false, &why), 1);
	ck_assert(serves("three.test"));
}
END_TEST

START_TEST(test_half_a_renewal_waits_for_the_other_half)
{
	struct why why = { "" };

	pki_leaf(&pki, "ca", "new", "DNS:two.test");
	move("new.crt", "a.crt");
	ck_assert_int_eq(tls_watch_poll(watch, false, &why), EDGE_ETLS);
	ck_assert_ptr_nonnull(strstr(why.text, "does not belong"));
	ck_assert(serves("one.test"));
	move("new.key", "a.key");
	ck_assert_int_eq(tls_watch_poll(watch, false, NULL), 1);
	ck_assert(serves("two.test"));
}
END_TEST

/* ---- session tickets ----------------------------------------------------- */

static void shake(SSL *client, SSL *server)
{
	char c;

	for (int i = 0; i < 10; i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	/* The ticket comes behind the handshake. */
	ck_assert_int_eq(SSL_write(server, "x", 1), 1);
	ck_assert_int_eq(SSL_read(client, &c, 1), 1);
}

/* One handshake with the context now in force; with *session resumed if it
 * can be. */
static bool resumes(SSL_SESSION **session)
{
	struct tls_ctx *ctx = tls_watch_get(watch);
	SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
	SSL *server = SSL_new(tls_ctx_ssl(ctx));
	SSL *client = SSL_new(client_ctx);
	BIO *left, *right;
	bool is_resumed;

	ck_assert_int_eq(BIO_new_bio_pair(&left, 65536, &right, 65536), 1);
	SSL_set_bio(client, left, left);
	SSL_set_bio(server, right, right);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	if (*session != NULL)
		ck_assert_int_eq(SSL_set_session(client, *session), 1);
	shake(client, server);
	is_resumed = SSL_session_reused(client) == 1;
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(client);
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_ctx);
	tls_ctx_unref(ctx);
	return is_resumed;
}

START_TEST(test_the_key_of_tickets_changes_after_twelve_hours)
{
	SSL_SESSION *session = NULL;

	clock_fake(1000000, 1790000000000);
	ck_assert_int_eq(tls_watch_poll(watch, true, NULL), 1);
	ck_assert(!resumes(&session));
	ck_assert(resumes(&session));
	clock_fake_advance(12 * 3600 * 1000 - 1000);
	ck_assert_int_eq(tls_watch_poll(watch, false, NULL), 0);
	ck_assert(resumes(&session));
	clock_fake_advance(1000);
	ck_assert_int_eq(tls_watch_poll(watch, false, NULL), 0);
	ck_assert(!resumes(&session));
	ck_assert(resumes(&session));
	SSL_SESSION_free(session);
	clock_real();
}
END_TEST

/* ---- R26: reload during handshakes --------------------------------------- */

#define CLIENTS 3
#define ROUNDS  150

struct storm {
	struct addr at;
	atomic_uint good;
	atomic_uint bad;
	atomic_uint done;
};

static void *client_run(void *arg)
{
	struct storm *storm = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int i;

	SSL_CTX_load_verify_file(ctx, ca);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	for (i = 0; i < ROUNDS; i++) {
		int fd = test_dial(&storm->at);
		SSL *ssl = SSL_new(ctx);
		char c = 0;

		SSL_set_fd(ssl, fd);
		if (SSL_connect(ssl) == 1 && SSL_write(ssl, "x", 1) == 1 &&
			SSL_read(ssl, &c, 1) == 1 && c == 'y')
			atomic_fetch_add(&storm->good, 1);
		else
			atomic_fetch_add(&storm->bad, 1);
		SSL_free(ssl);
		close(fd);
	}
	SSL_CTX_free(ctx);
	atomic_fetch_add(&storm->done, 1);
	return NULL;
}

static void say_y(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	(void)stream_send(s, "y", 1);
}

static void ignore_end(struct stream *s, enum stream_end end,
	const char *detail, void *arg)
{
	unsigned *open_count = arg;

	(void)s;
	(void)end;
	(void)detail;
	--*open_count;
}

static const struct stream_ops storm_ops = {
	.on_data = say_y,
	.on_end = ignore_end,
};

static void take_one(struct loop *loop, int listen_fd, unsigned *open_count)
{
	struct addr remote = { .family = 0 };
	struct tls_ctx *ctx;
	struct stream *s;
	int fd = accept4(listen_fd, NULL, NULL,
		SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	ctx = tls_watch_get(watch);
	ck_assert_int_eq(stream_accept(&s, loop, fd, &remote, ctx, NULL,
		&storm_ops, open_count), 0);
	++*open_count;
	tls_ctx_unref(ctx);
}

START_TEST(test_R26_reload_during_handshakes_fails_none)
{
	struct storm storm = { .good = 0 };
	pthread_t threads[CLIENTS];
	unsigned open_count = 0;
	unsigned swaps = 0;
	unsigned turns = 0;
	struct loop *loop;
	int listen_fd = test_listen(&storm.at);
	int i;

	ck_assert_int_eq(loop_new(&loop), 0);
	fcntl(listen_fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < CLIENTS; i++)
		pthread_create(&threads[i], NULL, client_run, &storm);
	while (atomic_load(&storm.done) < CLIENTS || open_count > 0) {
		take_one(loop, listen_fd, &open_count);
		loop_turn(loop, 1);
		if (++turns % 10 != 0)
			continue;
		renew(swaps % 2 ? "DNS:one.test" : "DNS:two.test");
		ck_assert_int_eq(tls_watch_poll(watch, false, NULL), 1);
		swaps++;
	}
	for (i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(storm.bad, 0);
	ck_assert_uint_eq(storm.good, CLIENTS * ROUNDS);
	ck_assert_uint_gt(swaps, 10);
	close(listen_fd);
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_watch");
	TCase *tc = tcase_create("tls_watch");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_nothing_happens_without_a_change);
	tcase_add_test(tc, test_new_files_are_taken);
	tcase_add_test(tc, test_force_takes_what_is_there);
	tcase_add_test(tc, test_bad_files_keep_the_old_and_are_told_once);
	tcase_add_test(tc, test_half_a_renewal_waits_for_the_other_half);
	tcase_add_test(tc,
		test_the_key_of_tickets_changes_after_twelve_hours);
	tcase_add_test(tc, test_R26_reload_during_handshakes_fails_none);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
