/*
 * Clients of [MS-TURN] through a whole relay, on loopback: indications, bare
 * data, the short cut between both dialects, and whatever bare data may look
 * like.
 */
#include <errno.h>
#include <time.h>

#include "common/base/netset.h"
#include "av-edge/relay.h"
#include "tests/unit/av-edge/client.h"
#include "tests/unit/av-edge/lab_ms.h"
#include "tests/unit/av-edge/suite.h"

#define OUTSIDE "127.0.1.12:23478"
#define INSIDE  "127.0.2.10:23478"
#define RELAY   "127.0.1.12"
#define PEER_AT "127.0.3.9:0"

/* A client of the lab with a socket. */
struct far_end {
	int fd;
	struct addr server;
	struct ms_client c;
	struct ms_ask ask;
	struct addr relayed;
	uint8_t in[65536];
	size_t in_len;
};

static struct relay *relay;
static struct lab lab; /* of which only the rules are used */
static struct far_end alice, bob;

static struct rules *new_rules(const struct av_key_ring *ring)
{
	struct rules *r = lab_rules(200, ring);

	peer_policy_fini(&r->peers);
	peer_policy_init(&r->peers);
	r->media[RULES_V4].bind = lab_addr(RELAY);
	r->media[RULES_V4].shown = lab_addr(RELAY);
	r->media[RULES_V4].port = 42000;
	peer_policy_add_own(&r->peers, &r->media[RULES_V4].bind);
	ck_assert_int_eq(netset_add_text(&r->peers.allow,
				 STR_LIT("127.0.3.0/24")), 0);
	return r;
}

static void setup(void)
{
	struct addr outside = lab_addr(OUTSIDE), inside = lab_addr(INSIDE);
	struct av_key_ring ring = {.count = 0};
	struct why why = {""};

	log_set_level(LOG_LEVEL_ERROR);
	av_key_ring_rotate(&ring, wall_now());
	memset(&lab, 0, sizeof(lab));
	lab.rules = new_rules(&ring);
	ck_assert_int_eq(relay_new(&relay, lab.rules, 2), 0);
	ck_assert_msg(relay_open_port(relay, &outside, TOPOLOGY_EXTERNAL,
		false, &why) == 0, "%s", why.text);
	ck_assert_msg(relay_open_port(relay, &inside, TOPOLOGY_INTERNAL,
		false, &why) == 0, "%s", why.text);
	ck_assert_int_eq(relay_start(relay), 0);
}

static void teardown(void)
{
	relay_stop(relay);
	ck_assert(port_pool_is_sound(relay->shared.ports[RULES_V4]));
	relay_free(relay);
	rules_unref(lab.rules);
}

/* ---- one client -------------------------------------------------------- */

static bool hears(struct far_end *f, int wait_ms)
{
	struct addr from;
	ssize_t n = hear(f->fd, f->in, sizeof(f->in), &from, wait_ms);

	f->in_len = n < 0 ? 0 : (size_t)n;
	return n >= 0 && addr_eq(&from, &f->server);
}

/* What was written as a request goes out; the code that comes back. */
static unsigned asks(struct far_end *f)
{
	struct ms_ask *ask = &f->ask;
	int len = stun_write_end(&ask->w);

	lab_must(len > 0, "request");
	say(f->fd, &f->server, ask->bytes, (size_t)len);
	if (!hears(f, CLIENT_WAIT_MS))
		return 999;
	lab_must(stun_ms_parse(&ask->m, f->in, f->in_len) == 0, "answer");
	ask->code = 0;
	if (stun_has(&ask->m, STUN_ERROR_CODE))
		lab_must(stun_error(&ask->m, &ask->code, NULL) == 0, "code");
	else
		lab_must(stun_ms_check(&ask->m, &f->c.key) == 0, "signature");
	return ask->code;
}

static void begins(struct far_end *f, enum stun_ms_type type)
{
	static unsigned tid;

	ms_begin(&f->ask, &f->c, type, ++tid);
}

static void allocates(struct far_end *f, const char *at, const char *server,
	const char *identity)
{
	struct wall end = {wall_now().s + 1000};

	memset(f, 0, sizeof(*f));
	f->fd = plain_socket(at);
	f->server = lab_addr(server);
	f->c.lab = &lab;
	f->c.realm = MS_REALM;
	f->c.counts = true;
	ck_assert_int_eq(av_cred_mint(&f->c.cred, &lab.rules->keys,
				 AV_CRED_V2, str_of(identity), end), 0);
	ms_make_key(&f->c, false);
	begins(f, STUN_MS_ALLOCATE);
	ck_assert_uint_eq(asks(f), 401);
	ck_assert_int_eq(str_copy(stun_bytes(&f->ask.m, STUN_NONCE),
				 f->c.nonce, sizeof(f->c.nonce)), 0);
	begins(f, STUN_MS_ALLOCATE);
	ms_sign_fully(&f->ask);
	ck_assert_uint_eq(asks(f), 0);
	ck_assert_int_eq(stun_addr(&f->ask.m, STUN_RELAYED_ADDRESS,
				 &f->relayed), 0);
	ck_assert_int_eq(stun_ms_number(&f->ask.m, &f->c.number), 0);
}

static void ends(struct far_end *f)
{
	begins(f, STUN_MS_ALLOCATE);
	stun_write_number(&f->ask.w, STUN_LIFETIME, 0);
	ms_sign_fully(&f->ask);
	ck_assert_uint_eq(asks(f), 0);
	close(f->fd);
}

static void sends(struct far_end *f, const struct addr *peer,
	const char *text)
{
	int len;

	begins(f, STUN_MS_SEND);
	stun_write_addr(&f->ask.w, STUN_DESTINATION, peer);
	stun_write_text(&f->ask.w, STUN_PAYLOAD, str_of(text));
	ms_sign(&f->ask);
	len = stun_write_end(&f->ask.w);
	ck_assert_int_gt(len, 0);
	say(f->fd, &f->server, f->ask.bytes, (size_t)len);
}

static unsigned aims(struct far_end *f, const struct addr *peer)
{
	begins(f, STUN_MS_SET_DESTINATION);
	if (peer != NULL)
		stun_write_addr(&f->ask.w, STUN_DESTINATION, peer);
	ms_sign(&f->ask);
	return asks(f);
}

/* Is this, as a Data Indication without integrity, what comes next? */
static bool gets_data(struct far_end *f, const struct addr *peer,
	const char *text)
{
	struct stun_msg m;
	struct addr a;

	return hears(f, CLIENT_WAIT_MS) &&
	    stun_ms_parse(&m, f->in, f->in_len) == 0 &&
	    stun_ms_type(&m) == STUN_MS_DATA &&
	    !stun_has(&m, STUN_INTEGRITY) &&
	    stun_addr(&m, STUN_PEER_ADDRESS, &a) == 0 && addr_eq(&a, peer) &&
	    str_eq_z(stun_bytes(&m, STUN_PAYLOAD), text);
}

static bool gets_bytes(struct far_end *f, const void *data, size_t len)
{
	return hears(f, CLIENT_WAIT_MS) && f->in_len == len &&
	    memcmp(f->in, data, len) == 0;
}

/* ---- tests ------------------------------------------------------------- */

START_TEST(test_send_and_indication_carry_any_length)
{
	static const char *const texts[] = {"", "a", "ab", "abc", "abcd"};
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;
	size_t i;

	allocates(&alice, "127.0.3.1:0", OUTSIDE, "sip:alice@contoso.test");
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		sends(&alice, &at, texts[i]);
		ck_assert(gets(peer, texts[i], &from));
		ck_assert(addr_eq(&from, &alice.relayed));
		say(peer, &from, texts[i], strlen(texts[i]));
		ck_assert(gets_data(&alice, &at, texts[i]));
	}
	ends(&alice);
	close(peer);
}
END_TEST

/* RTP, STUN, ChannelData, the multiplexed form, nothing at all: data. */
START_TEST(test_bare_data_passes_whatever_it_looks_like)
{
	static const char *const looks[] = {
		"8000000155555555", "000100002112a442e5be46c05b56268bd39d3337",
		"4000000401020304", "40", "", "ff10000801020304",
		"000300002112a442e5be46c05b56268bd39d3337", "16feff00",
		"0001000000112233445566778899aabbccddeeff",
	};
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;
	uint8_t data[64], got[64];
	size_t i, len;

	allocates(&alice, "127.0.4.1:0", INSIDE, "sip:alice@contoso.test");
	say(alice.fd, &alice.server, "early", 5); /* dropped: no destination */
	ck_assert_uint_eq(aims(&alice, &at), 0);
	for (i = 0; i < ARRAY_COUNT(looks); i++) {
		ck_assert_int_eq(str_unhex(str_of(looks[i]), data,
			sizeof(data), &len), 0);
		say(alice.fd, &alice.server, data, len);
		ck_assert_msg(hear(peer, got, sizeof(got), &from,
			CLIENT_WAIT_MS) == (ssize_t)len &&
			memcmp(got, data, len) == 0, "case %zu", i);
		say(peer, &alice.relayed, data, len);
		ck_assert_msg(gets_bytes(&alice, data, len), "case %zu", i);
	}
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_NO_DESTINATION), 1);
	ck_assert(is_quiet(alice.fd));
	ends(&alice);
	close(peer);
}
END_TEST

START_TEST(test_third_peer_comes_as_an_indication)
{
	int first = plain_socket(PEER_AT), third = plain_socket(PEER_AT);
	int stranger = plain_socket("127.0.3.44:0");
	struct addr at = name_of(first), other = name_of(third), from;

	allocates(&alice, "127.0.3.1:0", OUTSIDE, "sip:alice@contoso.test");
	ck_assert_uint_eq(aims(&alice, &at), 0);
	say(third, &alice.relayed, "third", 5); /* same address */
	ck_assert(gets_data(&alice, &other, "third"));
	say(first, &alice.relayed, "first", 5);
	ck_assert(gets_bytes(&alice, "first", 5));
	say(stranger, &alice.relayed, "x", 1); /* T20 */
	ck_assert(is_quiet(alice.fd));
	/* the destination moves: both change places */
	ck_assert_uint_eq(aims(&alice, &other), 0);
	say(alice.fd, &alice.server, "bare", 4);
	ck_assert(gets(third, "bare", &from));
	say(first, &alice.relayed, "first", 5);
	ck_assert(gets_data(&alice, &at, "first"));
	/* and goes: all are indications, bare data is dropped */
	ck_assert_uint_eq(aims(&alice, NULL), 0);
	say(third, &alice.relayed, "third", 5);
	ck_assert(gets_data(&alice, &other, "third"));
	say(alice.fd, &alice.server, "bare", 4);
	ck_assert(is_quiet(third));
	ends(&alice);
	close(first);
	close(third);
	close(stranger);
}
END_TEST

/* The normal call, often, so that both shards are used. */
START_TEST(test_R13_pairs_talk_through_the_short_cut)
{
	unsigned i;

	for (i = 0; i < 8; i++) {
		allocates(&alice, "127.0.3.1:0", OUTSIDE,
			"sip:alice@contoso.test");
		allocates(&bob, "127.0.4.1:0", INSIDE,
			"sip:bob@contoso.test");
		sends(&alice, &bob.relayed, "early");
		ck_assert(is_quiet(bob.fd));
		sends(&bob, &alice.relayed, "hello");
		ck_assert(gets_data(&alice, &bob.relayed, "hello"));
		ck_assert_uint_eq(aims(&alice, &bob.relayed), 0);
		ck_assert_uint_eq(aims(&bob, &alice.relayed), 0);
		say(alice.fd, &alice.server, "media", 5);
		ck_assert(gets_bytes(&bob, "media", 5));
		say(bob.fd, &bob.server, "media too", 9);
		ck_assert(gets_bytes(&alice, "media too", 9));
		ends(&alice);
		say(bob.fd, &bob.server, "gone", 4);
		ends(&bob);
	}
	ck_assert_uint_ge(relay_counter(relay, AV_HAIRPIN_PACKETS), 24);
	ck_assert_uint_eq(relay_allocations(relay), 0);
}
END_TEST

/* The public address is the relay address, and no packet leaves for it. */
START_TEST(test_R13_pair_behind_a_nat_uses_the_public_address)
{
	const struct addr public = lab_addr("192.0.2.200");
	struct rules *nat = new_rules(&lab.rules->keys);

	nat->media[RULES_V4].shown = public;
	peer_policy_add_own(&nat->peers, &public);
	ck_assert_int_eq(relay_set_rules(relay, nat), 0);
	usleep(50000); /* its threads take them up, soon */
	allocates(&alice, "127.0.3.1:0", OUTSIDE, "sip:alice@contoso.test");
	allocates(&bob, "127.0.4.1:0", INSIDE, "sip:bob@contoso.test");
	ck_assert(addr_ip_eq(&alice.relayed, &public));
	ck_assert(addr_ip_eq(&bob.relayed, &public));
	ck_assert_uint_eq(aims(&bob, &alice.relayed), 0);
	sends(&alice, &bob.relayed, "hello");
	ck_assert(gets_bytes(&bob, "hello", 5));
	ck_assert_uint_eq(aims(&alice, &bob.relayed), 0);
	say(alice.fd, &alice.server, "media", 5);
	ck_assert(gets_bytes(&bob, "media", 5));
	say(bob.fd, &bob.server, "media too", 9);
	ck_assert(gets_bytes(&alice, "media too", 9));
	ck_assert_uint_eq(relay_counter(relay, AV_HAIRPIN_PACKETS), 3);
	ends(&alice);
	ends(&bob);
}
END_TEST

START_TEST(test_R13_the_short_cut_joins_both_dialects)
{
	static struct client rfc;
	struct lab_cred cred;
	unsigned i;

	for (i = 0; i < 8; i++) {
		allocates(&alice, "127.0.3.1:0", OUTSIDE,
			"sip:alice@contoso.test");
		cred = lab_cred_for(&lab.rules->keys, "sip:c@contoso.test",
			1000);
		client_open(&rfc, "127.0.4.1:0", INSIDE, &cred);
		ck_assert_uint_eq(client_allocate(&rfc), 0);
		ck_assert_uint_eq(client_bind(&rfc, 0x4000, &alice.relayed),
			0);
		sends(&alice, &rfc.relayed, "hello");
		ck_assert(client_gets_channel(&rfc, 0x4000, "hello"));
		client_channel(&rfc, 0x4000, "hello too");
		ck_assert(gets_data(&alice, &rfc.relayed, "hello too"));
		ck_assert_uint_eq(aims(&alice, &rfc.relayed), 0);
		say(alice.fd, &alice.server, "media", 5);
		ck_assert(client_gets_channel(&rfc, 0x4000, "media"));
		client_channel(&rfc, 0x4000, "media too");
		ck_assert(gets_bytes(&alice, "media too", 9));
		ends(&alice);
		ck_assert_uint_eq(client_end(&rfc), 0);
		close(rfc.fd);
	}
}
END_TEST

/* A client that comes from another port is another client. */
START_TEST(test_T11_another_port_is_another_client)
{
	int peer = plain_socket(PEER_AT), other;
	struct addr at = name_of(peer);
	uint8_t room[2048];
	struct addr from;

	allocates(&alice, "127.0.3.1:0", OUTSIDE, "sip:alice@contoso.test");
	ck_assert_uint_eq(aims(&alice, &at), 0);
	other = plain_socket("127.0.3.1:0");
	say(other, &alice.server, "bare", 4);
	sends(&alice, &at, "x"); /* to have one in the buffer */
	ck_assert(gets(peer, "x", &from));
	say(other, &alice.server, alice.ask.bytes, alice.ask.w.w.len);
	ck_assert(is_quiet(peer));
	ck_assert(hear(other, room, sizeof(room), &from, 60) < 0);
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_NO_ALLOCATION), 1);
	ends(&alice);
	close(other);
	close(peer);
}
END_TEST

/* T19: what comes back is delivered, never sent on. */
START_TEST(test_T19_aiming_at_oneself_makes_no_loop)
{
	allocates(&alice, "127.0.3.1:0", OUTSIDE, "sip:alice@contoso.test");
	ck_assert_uint_eq(aims(&alice, &alice.relayed), 0);
	say(alice.fd, &alice.server, "echo", 4);
	ck_assert(gets_bytes(&alice, "echo", 4));
	ck_assert(is_quiet(alice.fd));
	ends(&alice);
}
END_TEST

START_TEST(test_allocation_over_and_dialects_change)
{
	static struct client rfc;
	struct lab_cred cred = lab_cred_for(&lab.rules->keys,
		"sip:c@contoso.test", 1000);

	allocates(&alice, "127.0.3.1:23999", OUTSIDE,
		"sip:alice@contoso.test");
	ends(&alice);
	client_open(&rfc, "127.0.3.1:23999", OUTSIDE, &cred);
	ck_assert_uint_eq(client_allocate(&rfc), 0);
	ck_assert_uint_eq(client_end(&rfc), 0);
	close(rfc.fd);
	allocates(&alice, "127.0.3.1:23999", OUTSIDE,
		"sip:alice@contoso.test");
	ends(&alice);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_send_and_indication_carry_any_length,
		test_bare_data_passes_whatever_it_looks_like,
		test_third_peer_comes_as_an_indication,
		test_R13_pairs_talk_through_the_short_cut,
		test_R13_pair_behind_a_nat_uses_the_public_address,
		test_R13_the_short_cut_joins_both_dialects,
		test_T11_another_port_is_another_client,
		test_T19_aiming_at_oneself_makes_no_loop,
		test_allocation_over_and_dialects_change,
	};

	return suite_run("relay_ms", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
