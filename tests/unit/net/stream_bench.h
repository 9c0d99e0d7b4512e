/*
 * What the tests of streams share: two ends over loopback on one loop, with
 * certificates made for the test.
 */
#ifndef TEST_STREAM_BENCH_H
#define TEST_STREAM_BENCH_H

#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki.h"

#define EDGE_NAME "edge.contoso.test"

struct bench {
	struct pki pki;
	struct loop *loop;
	int listen_fd;
	struct addr at;
	struct tls_ctx *server; /* TLS contexts, NULL = plain */
	struct tls_ctx *client;
	struct end s; /* server's end */
	struct end c;
	const char *name; /* the client wants */
	struct stream_limits limits;
};

static struct bench b;

static inline void setup(void)
{
	memset(&b, 0, sizeof(b));
	pki_init(&b.pki);
	ck_assert_int_eq(loop_new(&b.loop), 0);
	b.listen_fd = test_listen(&b.at);
}

static inline void teardown(void)
{
	end_fini(&b.s);
	end_fini(&b.c);
	tls_ctx_unref(b.server);
	tls_ctx_unref(b.client);
	loop_free(b.loop);
	close(b.listen_fd);
	pki_fini(&b.pki);
}

static inline struct tls_ctx *context(enum tls_role role,
	enum tls_verify verify, const char *own, const char *ca)
{
	char chain[256];
	char key[256];
	char trust[256];
	struct tls_spec spec = { .role = role, .verify = verify };
	struct tls_ctx *ctx = NULL;
	struct why why = { "" };

	snprintf(chain, sizeof(chain), "%s/%s.crt", b.pki.dir, own);
	snprintf(key, sizeof(key), "%s/%s.key", b.pki.dir, own);
	snprintf(trust, sizeof(trust), "%s/%s.crt", b.pki.dir, ca);
	if (own[0] != '\0') {
		spec.chain_path = chain;
		spec.key_path = key;
	}
	if (ca[0] != '\0')
		spec.trust_path = trust;
	ck_assert_msg(tls_ctx_new(&ctx, &spec, &why) == 0, "%s", why.text);
	return ctx;
}

/* The usual: server certificate, client checks it. */
static inline void use_tls(void)
{
	pki_ca(&b.pki, "ca");
	pki_leaf(&b.pki, "ca", "server", "DNS:" EDGE_NAME);
	b.server = context(TLS_ROLE_SERVER, TLS_VERIFY_NONE, "server", "");
	b.client = context(TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, "", "ca");
	b.name = EDGE_NAME;
}

static inline void use_mutual_tls(const char *client_cert)
{
	pki_ca(&b.pki, "ca");
	pki_leaf(&b.pki, "ca", "server", "DNS:" EDGE_NAME);
	pki_leaf(&b.pki, "ca", "next", "DNS:Next.Contoso.test");
	b.server = context(TLS_ROLE_SERVER, TLS_VERIFY_REQUIRE, "server",
		"ca");
	b.client = context(TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, client_cert,
		"ca");
	b.name = EDGE_NAME;
}

static inline void dial(void)
{
	struct stream_target target = { .remote = b.at, .name = b.name };

	ck_assert_int_eq(stream_connect(&b.c.stream, b.loop, &target,
		b.client, &b.limits, &end_ops, &b.c), 0);
}

static inline void admit(int fd)
{
	ck_assert_int_eq(stream_accept(&b.s.stream, b.loop, fd, &b.at,
		b.server, &b.limits, &end_ops, &b.s), 0);
}

static inline void join(void)
{
	dial();
	admit(test_accept(b.listen_fd));
}

static inline void join_ready(void)
{
	join();
	TURN_UNTIL(b.loop, b.s.is_ready && b.c.is_ready);
}

static inline void say(struct end *e, const char *text)
{
	ck_assert_int_ge(stream_send(e->stream, text, strlen(text)), 0);
}

static inline void assert_heard(const struct end *e, const char *text)
{
	ck_assert_uint_eq(e->len, strlen(text));
	ck_assert_mem_eq(e->data, text, e->len);
}

static inline TCase *bench_case(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	return tc;
}

#endif
