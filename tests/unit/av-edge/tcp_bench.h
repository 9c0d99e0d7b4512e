/*
 * A whole relay in this process with UDP and TCP ports on loopback, and
 * clients over TCP: for tests of streams. Include it once per program.
 */
#ifndef TESTS_AV_EDGE_TCP_BENCH_H
#define TESTS_AV_EDGE_TCP_BENCH_H

#include <netinet/tcp.h>
#include <time.h>

#include "common/base/netset.h"
#include "av-edge/relay.h"
#include "tests/unit/av-edge/client.h"
#include "tests/unit/av-edge/suite.h"
#include "tests/unit/net/pki.h"

#define OUTSIDE     "127.0.1.12:23443"
#define INSIDE      "127.0.2.10:23443"
#define OUTSIDE_UDP "127.0.1.12:23478"
#define RELAY       "127.0.1.12"
#define PEER_AT     "127.0.3.9:0"
#define GREET_MS    300
#define VOID_MS     1500

static struct relay *relay;
static struct rules *rules;
static struct lab_cred alice, bob;
static struct pki pki;

static inline void nap(long ms)
{
	const struct timespec t = {.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static inline struct rules *make_rules(void)
{
	struct av_key_ring ring = {.count = 0};
	struct rules *r = lab_rules(200, NULL);

	if (rules == NULL)
		av_key_ring_rotate(&ring, wall_now());
	r->keys = rules != NULL ? rules->keys : ring;
	peer_policy_fini(&r->peers);
	peer_policy_init(&r->peers);
	r->media[RULES_V4].bind = lab_addr(RELAY);
	r->media[RULES_V4].shown = lab_addr(RELAY);
	r->media[RULES_V4].port = 42000;
	r->user_kbps = r->port_kbps = 10000000;
	r->greet_ms = GREET_MS;
	r->void_ms = VOID_MS;
	peer_policy_add_own(&r->peers, &r->media[RULES_V4].bind);
	lab_must(netset_add_text(&r->peers.allow, STR_LIT("127.0.3.0/24")) ==
		0, "allow");
	return r;
}

static inline void use_rules(struct rules *r)
{
	ck_assert_int_eq(relay_set_rules(relay, r), 0);
	nap(50);
}

static inline void open_tcp(const char *at, enum topology_side side,
	unsigned max_per_source)
{
	const struct tcp_port_spec spec = {
		.address = lab_addr(at),
		.side = side,
		.max_per_source = max_per_source,
	};
	struct why why = {""};
	int err = -1;

	/* One that was closed is free when its threads have seen it. */
	for (int i = 0; i < 250 && err < 0; i++) {
		if (i > 0)
			nap(20);
		err = relay_open_tcp(relay, &spec, &why);
	}
	ck_assert_msg(err == 0, "%s", why.text);
}

static inline void setup(void)
{
	struct addr udp = lab_addr(OUTSIDE_UDP);
	struct why why = {""};

	log_set_level(LOG_LEVEL_ERROR);
	rules = NULL;
	rules = make_rules();
	ck_assert_int_eq(relay_new(&relay, rules, 2), 0);
	ck_assert_int_eq(relay_open_port(relay, &udp, TOPOLOGY_EXTERNAL,
		false, &why), 0);
	open_tcp(OUTSIDE, TOPOLOGY_EXTERNAL, 0);
	ck_assert_int_eq(relay_start(relay), 0);
	open_tcp(INSIDE, TOPOLOGY_INTERNAL, 0); /* of a running relay: */
	nap(50); /* its thread listens, soon */
	alice = lab_cred_for(&rules->keys, "sip:alice@contoso.test", 1000);
	bob = lab_cred_for(&rules->keys, "sip:bob@contoso.test", 1000);
}

static inline void teardown(void)
{
	relay_stop(relay);
	ck_assert(port_pool_is_sound(relay->shared.ports[RULES_V4]));
	relay_free(relay);
	rules_unref(rules);
	rules = NULL;
}

/* ---- clients ----------------------------------------------------------- */

static inline int dial_once(const char *at, const char *to)
{
	struct addr local = lab_addr(at), server = lab_addr(to);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&local, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0), on = 1;

	lab_must(fd >= 0, "socket");
	lab_must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ==
		0, "reuse");
	lab_must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ==
		0, "nodelay");
	lab_must(bind(fd, (struct sockaddr *)&ss, len) == 0, "bind");
	len = addr_to_sockaddr(&server, &ss);
	if (connect(fd, (struct sockaddr *)&ss, len) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Its thread listens soon after a port was opened. */
static inline int dial(const char *at, const char *to)
{
	int fd = dial_once(at, to);

	for (int i = 0; i < 250 && fd < 0; i++) {
		nap(20);
		fd = dial_once(at, to);
	}
	return fd;
}

static inline void tcp_open(struct client *c, const char *at,
	const char *server, const struct lab_cred *cred)
{
	memset(c, 0, sizeof(*c));
	c->fd = dial(at, server);
	lab_must(c->fd >= 0, "connect");
	c->is_stream = true;
	c->server = lab_addr(server);
	c->cred = *cred;
}

static inline void tcp_allocated(struct client *c, const char *at,
	const char *server, const struct lab_cred *cred)
{
	tcp_open(c, at, server, cred);
	ck_assert_uint_eq(client_allocate(c), 0);
}

/* The server ended it, within so many milliseconds. */
static inline bool is_ended(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t room[4096];
	ssize_t n;

	do {
		if (poll(&p, 1, wait_ms) <= 0)
			return false;
		n = recv(fd, room, sizeof(room), 0);
	} while (n > 0);
	return true;
}

static inline bool is_silent(struct client *c)
{
	return !client_hear(c, CLIENT_QUIET_MS);
}

static inline uint64_t connections(void)
{
	return relay_counter(relay, AV_CONN_INTERNAL) +
	    relay_counter(relay, AV_CONN_EXTERNAL);
}

/* Until nobody is there, or two seconds have passed. */
static inline void await_no_one(void)
{
	unsigned i;

	for (i = 0; i < 100 && connections() + relay_allocations(relay) > 0;
	     i++)
		nap(20);
	ck_assert_uint_eq(connections(), 0);
	ck_assert_uint_eq(relay_allocations(relay), 0);
	ck_assert_uint_eq(port_pool_count(
		relay->shared.ports[RULES_V4]).used, 0);
}

static inline size_t binding(uint8_t room[static 64], uint8_t mark)
{
	uint8_t tid[STUN_TID_LEN] = {0x21, 0x12, 0xa4, 0x42, mark};
	struct stun_writer w;

	stun_write_begin(&w, &stun_rfc, room, 64, STUN_REQUEST, STUN_BINDING,
		tid);
	return (size_t)stun_write_end(&w);
}

static inline struct tls_ctx *server_context(void)
{
	char chain[256], key[256];
	const struct tls_spec spec = {
		.role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_NONE,
		.chain_path = chain,
		.key_path = key,
	};
	struct tls_ctx *ctx = NULL;
	struct why why = {""};

	pki_ca(&pki, "ca");
	pki_leaf(&pki, "ca", "av", "DNS:av.contoso.test");
	snprintf(chain, sizeof(chain), "%s/av.crt", pki.dir);
	snprintf(key, sizeof(key), "%s/av.key", pki.dir);
	ck_assert_msg(tls_ctx_new(&ctx, &spec, &why) == 0, "%s", why.text);
	return ctx;
}

#endif
