/*
 * A whole relay in this process, on loopback: threads, sockets, both sides,
 * and the threats that only show with real packets.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <time.h>

#include "common/base/rand.h"
#include "common/base/netset.h"
#include "av-edge/relay.h"
#include "tests/unit/av-edge/client.h"
#include "tests/unit/av-edge/suite.h"

#define OUTSIDE "127.0.1.12:23478"
#define INSIDE  "127.0.2.10:23478"
#define RELAY   "127.0.1.12"
#define PEER_AT "127.0.3.9:0"

static struct relay *relay;
static struct rules *rules;
static struct lab_cred alice, bob;

static void nap(long ms)
{
	const struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

static struct rules *make_rules(void)
{
	struct av_key_ring ring = {.count = 0};
	struct rules *r = lab_rules(200, NULL);

	if (rules != NULL)
		r->keys = rules->keys;
	else
		av_key_ring_rotate(&ring, wall_now());
	if (rules == NULL)
		r->keys = ring;
	peer_policy_fini(&r->peers);
	peer_policy_init(&r->peers);
	r->media[RULES_V4].bind = lab_addr(RELAY);
	r->media[RULES_V4].shown = lab_addr(RELAY);
	r->media[RULES_V4].port = 41000;
	peer_policy_add_own(&r->peers, &r->media[RULES_V4].bind);
	peer_policy_add_suite(&r->peers, &(struct addr){.family = 4,
		.ip = {[10] = 255, 255, 127, 0, 3, 77}});
	lab_must(netset_add_text(&r->peers.allow, STR_LIT("127.0.3.0/24")) ==
		0, "allow");
	return r;
}

static void start_workers(unsigned workers)
{
	struct addr outside = lab_addr(OUTSIDE), inside = lab_addr(INSIDE);
	struct why why = {""};

	rules = NULL;
	rules = make_rules();
	ck_assert_int_eq(relay_new(&relay, rules, workers), 0);
	ck_assert_msg(relay_open_port(relay, &outside, TOPOLOGY_EXTERNAL,
		false, &why) == 0, "%s", why.text);
	ck_assert_msg(relay_open_port(relay, &inside, TOPOLOGY_INTERNAL,
		false, &why) == 0, "%s", why.text);
	ck_assert_int_eq(relay_start(relay), 0);
	alice = lab_cred_for(&rules->keys, "sip:alice@contoso.test", 1000);
	bob = lab_cred_for(&rules->keys, "sip:bob@contoso.test", 1000);
}

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	start_workers(2);
}

static void teardown(void)
{
	relay_stop(relay);
	ck_assert(port_pool_is_sound(relay->shared.ports[RULES_V4]));
	relay_free(relay);
	rules_unref(rules);
	rules = NULL;
}

static void open_allocated(struct client *c, const char *at,
	const char *server, const struct lab_cred *cred)
{
	client_open(c, at, server, cred);
	ck_assert_uint_eq(client_allocate(c), 0);
}

START_TEST(test_channel_carries_both_ways)
{
	static struct client c;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	client_channel(&c, 0x4000, "to the peer");
	ck_assert(gets(peer, "to the peer", &from));
	ck_assert(addr_eq(&from, &c.relayed));
	say(peer, &from, "to the client", 13);
	ck_assert(client_gets_channel(&c, 0x4000, "to the client"));
	say(peer, &from, "", 0); /* empty ones are datagrams too */
	ck_assert(client_gets_channel(&c, 0x4000, ""));
	ck_assert_uint_eq(client_end(&c), 0);
	close(c.fd);
	close(peer);
}
END_TEST

START_TEST(test_indications_carry_both_ways)
{
	static const char *const texts[] = {"", "a", "ab", "abc", "abcd"};
	static struct client c;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;
	size_t i;

	open_allocated(&c, "127.0.4.1:0", INSIDE, &alice);
	ck_assert_uint_eq(client_permit(&c, &at), 0);
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		client_send(&c, &at, texts[i]);
		ck_assert(gets(peer, texts[i], &from));
		say(peer, &from, texts[i], strlen(texts[i]));
		ck_assert(client_gets_data(&c, &at, texts[i]));
	}
	close(c.fd);
	close(peer);
}
END_TEST

/* R16: what is over the rate is dropped, and counted for what it is. */
START_TEST(test_R16_bandwidth_is_bounded_on_the_wire)
{
	static struct client c;
	static char text[1001];
	int peer = plain_socket(PEER_AT), big = 1 << 20;
	struct addr at = name_of(peer), from;
	struct rules *slow = make_rules();
	char room[1200];
	unsigned i, got = 0;

	slow->port_kbps = 800; /* 100 of them a second */
	ck_assert_int_eq(relay_set_rules(relay, slow), 0);
	setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	memset(text, 'x', 1000);
	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	for (i = 0; i < 400; i++) {
		client_channel(&c, 0x4000, text);
		if (i % 50 == 0)
			nap(1);
	}
	while (hear(peer, room, sizeof(room), &from, CLIENT_QUIET_MS) > 0)
		got++;
	ck_assert_uint_ge(got, 100);
	ck_assert_uint_le(got, 300);
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_BANDWIDTH), 400 - got);
	close(c.fd);
	close(peer);
}
END_TEST

START_TEST(test_R16_empty_datagrams_are_bounded_on_the_wire)
{
	static struct client c;
	int peer = plain_socket(PEER_AT), big = 1 << 20;
	struct addr at = name_of(peer), from;
	struct rules *slow = make_rules();
	unsigned i, got = 0;
	char room[8];

	slow->port_kbps = 8; /* 35 of them a second, and 300 drawn at once */
	ck_assert_int_eq(relay_set_rules(relay, slow), 0);
	setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	for (i = 0; i < 1000; i++) {
		client_channel(&c, 0x4000, "");
		if (i % 20 == 0)
			nap(1);
	}
	while (hear(peer, room, sizeof(room), &from, CLIENT_QUIET_MS) >= 0)
		got++;
	ck_assert_uint_ge(got, 30);
	ck_assert_uint_le(got, 700);
	ck_assert_uint_ge(relay_counter(relay, AV_DROP_BANDWIDTH), 1);
	close(c.fd);
	close(peer);
}
END_TEST

/* The normal call: one client inside, one outside, relay to relay. Many
 * pairs, so that both shards and the queue between them are used. */
START_TEST(test_R13_pairs_talk_through_the_short_cut)
{
	static struct client a, b;
	unsigned i;

	for (i = 0; i < 12; i++) {
		open_allocated(&a, "127.0.3.1:0", OUTSIDE, &alice);
		open_allocated(&b, "127.0.4.1:0", INSIDE, &bob);
		ck_assert_uint_eq(client_bind(&a, 0x4000, &b.relayed), 0);
		/* not yet permitted by the other side */
		client_channel(&a, 0x4000, "early");
		ck_assert(is_quiet(b.fd));
		ck_assert_uint_eq(client_permit(&b, &a.relayed), 0);
		client_channel(&a, 0x4000, "hello");
		ck_assert(client_gets_data(&b, &a.relayed, "hello"));
		client_send(&b, &a.relayed, "hello too");
		ck_assert(client_gets_channel(&a, 0x4000, "hello too"));
		ck_assert_uint_eq(client_end(&a), 0);
		client_send(&b, &a.relayed, "gone");
		ck_assert(is_quiet(a.fd));
		ck_assert_uint_eq(client_end(&b), 0);
		close(a.fd);
		close(b.fd);
	}
	ck_assert_uint_ge(relay_counter(relay, AV_HAIRPIN_PACKETS), 24);
	ck_assert_uint_eq(relay_allocations(relay), 0);
}
END_TEST

/* A NAT's public address is the relay address for peers and pairs. */
START_TEST(test_pair_behind_a_nat_uses_the_public_address)
{
	static struct client a, b;
	struct rules *nat = make_rules();

	nat->media[RULES_V4].shown = lab_addr("192.0.2.200");
	peer_policy_add_own(&nat->peers, &nat->media[RULES_V4].shown);
	ck_assert_int_eq(relay_set_rules(relay, nat), 0);
	nap(50);
	open_allocated(&a, "127.0.3.1:0", OUTSIDE, &alice);
	open_allocated(&b, "127.0.3.2:0", OUTSIDE, &bob);
	ck_assert_uint_eq(a.relayed.ip[12], 192);
	ck_assert_uint_eq(client_bind(&a, 0x4000, &b.relayed), 0);
	ck_assert_uint_eq(client_bind(&b, 0x4001, &a.relayed), 0);
	client_channel(&a, 0x4000, "x");
	ck_assert(client_gets_channel(&b, 0x4001, "x"));
	close(a.fd);
	close(b.fd);
}
END_TEST

/* T1, T2, T5: no verb reaches what is denied; nothing arrives there. */
START_TEST(test_T1_denied_peers_are_refused_by_every_verb)
{
	static const char *const denied[] = {
		"127.0.0.1", "127.0.3.77", "127.0.2.10", "169.254.169.254",
		"10.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
	};
	static struct client c;
	struct addr at;
	int victim;
	size_t i;

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	victim = plain_socket("127.0.3.77:0"); /* "suite" in these rules */
	for (i = 0; i < ARRAY_COUNT(denied); i++) {
		at = lab_addr(denied[i]);
		at.port = name_of(victim).port;
		ck_assert_uint_eq(client_permit(&c, &at), 403);
		ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 403);
		client_send(&c, &at, "x");
		client_channel(&c, 0x4000, "x");
	}
	ck_assert(is_quiet(victim));
	ck_assert_uint_ge(relay_counter(relay, AV_PEER_SUITE) +
		relay_counter(relay, AV_PEER_SPECIAL) +
		relay_counter(relay, AV_PEER_PRIVATE), 16);
	close(victim);
	close(c.fd);
}
END_TEST

/* R15: the relay's own listener is no peer, though its address is. */
START_TEST(test_R15_own_ports_are_never_reached)
{
	static struct client c;
	struct addr at = lab_addr(OUTSIDE);

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_permit(&c, &at), 0); /* by IP: hairpin */
	client_send(&c, &at, "to the listener");
	at.port = 41000;
	client_send(&c, &at, "to a port without owner");
	ck_assert(is_quiet(c.fd));
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_NO_RELAY), 2);
	close(c.fd);
}
END_TEST

/* T7: a spoofer makes us hit its victim ten times a second at most, and with
 * no answer above three times what it sent. */
START_TEST(test_T7_victim_of_spoofing_gets_few_replies)
{
	struct client c;
	uint8_t room[64], tid[STUN_TID_LEN];
	struct stun_writer w;
	struct mono began;
	struct addr from;
	unsigned i, answers = 0;
	ssize_t n;
	int len;

	ck_assert_int_eq(strangers_set_rate(relay->shared.strangers, 10), 0);
	client_open(&c, "127.0.3.1:0", OUTSIDE, &alice);
	began = mono_now();
	for (i = 0; i < 5000; i++) {
		stun_tid_new(tid);
		stun_write_begin(&w, &stun_rfc, room, sizeof(room),
			STUN_REQUEST, i % 2 ? STUN_BINDING : STUN_ALLOCATE,
			tid);
		len = stun_write_end(&w);
		ck_assert_int_eq(len, STUN_HEADER_LEN);
		say(c.fd, &c.server, room, (size_t)len);
	}
	while ((n = hear(c.fd, c.in, sizeof(c.in), &from, 100)) >= 0) {
		answers++;
		ck_assert_int_le(n + 28, 3 * (STUN_HEADER_LEN + 28));
	}
	/* ten at once, and ten more for each second it took */
	ck_assert_uint_ge(answers, 10);
	ck_assert_int_le(answers,
		20 + mono_since_ms(began, mono_now()) / 100);
	close(c.fd);
}
END_TEST

/* T8: a flood of strangers costs an established call nothing. */
START_TEST(test_T8_call_survives_a_flood_of_strangers)
{
	static struct client c, flood;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;
	uint8_t junk[20] = {0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42};
	unsigned i, lost = 0;

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	client_open(&flood, "127.0.3.2:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	for (i = 0; i < 500; i++) {
		unsigned k;

		for (k = 0; k < 20; k++)
			say(flood.fd, &flood.server, junk, sizeof(junk));
		client_channel(&c, 0x4000, "media");
		lost += !gets(peer, "media", &from);
	}
	ck_assert_uint_eq(lost, 0);
	ck_assert_uint_eq(relay_allocations(relay), 1);
	close(c.fd);
	close(flood.fd);
	close(peer);
}
END_TEST

/* T15: every byte that leaves was written. The answers are compared with
 * themselves over dirty memory by valgrind; here their padding is checked
 * from outside. */
START_TEST(test_T15_padding_of_indications_is_zero)
{
	static struct client c;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer);

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_permit(&c, &at), 0);
	say(peer, &c.relayed, "x", 1);
	ck_assert(client_gets_data(&c, &at, "x"));
	ck_assert_uint_eq(c.in_len, 40);
	ck_assert_mem_eq(c.in + 37, "\0\0\0", 3);
	close(c.fd);
	close(peer);
}
END_TEST

/* T19: two allocations permitted to each other, clients that echo. */
START_TEST(test_T19_relay_to_relay_traffic_does_not_grow)
{
	static struct client a, b;
	unsigned i;
	uint64_t carried;

	open_allocated(&a, "127.0.3.1:0", OUTSIDE, &alice);
	open_allocated(&b, "127.0.3.2:0", OUTSIDE, &bob);
	ck_assert_uint_eq(client_bind(&a, 0x4000, &b.relayed), 0);
	ck_assert_uint_eq(client_bind(&b, 0x4000, &a.relayed), 0);
	client_channel(&a, 0x4000, "ping");
	for (i = 0; i < 50; i++) {
		struct client *at = i % 2 ? &a : &b;

		ck_assert(client_gets_channel(at, 0x4000, "ping"));
		client_channel(at, 0x4000, "ping");
	}
	ck_assert(client_gets_channel(&b, 0x4000, "ping"));
	ck_assert(is_quiet(a.fd) && is_quiet(b.fd));
	/* A relays to itself: its client hears it once, nothing loops. */
	ck_assert_uint_eq(client_bind(&a, 0x4001, &a.relayed), 0);
	carried = relay_counter(relay, AV_HAIRPIN_PACKETS);
	client_channel(&a, 0x4001, "me");
	ck_assert(client_gets_channel(&a, 0x4001, "me"));
	ck_assert(is_quiet(a.fd));
	ck_assert_uint_eq(relay_counter(relay, AV_HAIRPIN_PACKETS),
		carried + 1);
	close(a.fd);
	close(b.fd);
}
END_TEST

/* T20: a third host delivers nothing and receives nothing. */
START_TEST(test_T20_third_host_gets_nothing_in_or_out)
{
	static struct client c;
	int peer = plain_socket(PEER_AT), third = plain_socket("127.0.3.66:0");
	struct addr at = name_of(peer), from;
	unsigned i;

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	for (i = 0; i < 200; i++)
		say(third, &c.relayed, "spray", 5);
	ck_assert(is_quiet(c.fd));
	client_channel(&c, 0x4000, "media");
	ck_assert(gets(peer, "media", &from));
	ck_assert(is_quiet(third));
	say(peer, &c.relayed, "answer", 6);
	ck_assert(client_gets_channel(&c, 0x4000, "answer"));
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_NO_PERMISSION), 200);
	close(c.fd);
	close(peer);
	close(third);
}
END_TEST

/* Whoever sends from the network with our relay's address is not us. */
START_TEST(test_T20_spoofed_relay_address_is_dropped)
{
	static struct client a, b;
	int liar = plain_socket(RELAY ":0");

	open_allocated(&a, "127.0.3.1:0", OUTSIDE, &alice);
	open_allocated(&b, "127.0.3.2:0", OUTSIDE, &bob);
	ck_assert_uint_eq(client_permit(&a, &b.relayed), 0);
	say(liar, &a.relayed, "lie", 3);
	ck_assert(is_quiet(a.fd));
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_SPOOFED), 1);
	close(a.fd);
	close(b.fd);
	close(liar);
}
END_TEST

/* T21: garbage at the relay port and at the front never ends anything. */
START_TEST(test_T21_garbage_never_closes_an_allocation)
{
	static struct client c;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;
	uint8_t junk[1400];
	unsigned i;

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	for (i = 0; i < 500; i++) {
		size_t len = rand_below(sizeof(junk));

		rand_bytes(junk, sizeof(junk));
		say(peer, &c.relayed, junk, len);
		if (len > 0)
			junk[0] &= i % 2 ? 0x7f : 0x01;
		say(c.fd, &c.server, junk, len);
	}
	while (!is_quiet(c.fd))
		;
	while (!is_quiet(peer))
		;
	client_channel(&c, 0x4000, "still here");
	ck_assert(gets(peer, "still here", &from));
	close(c.fd);
	close(peer);
}
END_TEST

/* A channel's length field rules; what follows is padding (12.5). */
START_TEST(test_channel_length_is_checked_and_padding_cut)
{
	static const uint8_t padded[] = {0x40, 0, 0, 3, 'a', 'b', 'c', 0};
	static const uint8_t too_long[] = {0x40, 0, 0, 9, 'a', 'b', 'c', 0};
	static struct client c;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	say(c.fd, &c.server, too_long, sizeof(too_long));
	say(c.fd, &c.server, padded, sizeof(padded));
	ck_assert(gets(peer, "abc", &from));
	ck_assert(is_quiet(peer));
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_MALFORMED), 1);
	close(c.fd);
	close(peer);
}
END_TEST

/* Runs (UDP_SEGMENT) of equal datagrams arrive as single ones, in order. */
START_TEST(test_runs_come_out_one_by_one)
{
	static struct client c;
	static uint8_t run[40 * 104];
	int peer = plain_socket(PEER_AT), size = 104;
	struct addr at = name_of(peer), from;
	char room[2048];
	unsigned i;

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	for (i = 0; i < 40; i++) {
		uint8_t *p = run + (size_t)i * 104;

		memset(p, (int)i, 104);
		buf_store_u16(p, 0x4000);
		buf_store_u16(p + 2, 100);
	}
	if (setsockopt(c.fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
		return; /* a kernel without it */
	say(c.fd, &c.server, run, sizeof(run) - 30);
	size = 0;
	setsockopt(c.fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size));
	for (i = 0; i < 39; i++) {
		ck_assert_int_eq(hear(peer, room, sizeof(room), &from,
					 CLIENT_WAIT_MS), 100);
		ck_assert_int_eq(room[7], (char)i);
	}
	ck_assert(is_quiet(peer)); /* the last one was cut: malformed */
	/* and back */
	size = 100;
	setsockopt(peer, SOL_UDP, UDP_SEGMENT, &size, sizeof(size));
	say(peer, &c.relayed, run, 3950);
	for (i = 0; i < 40; i++) {
		ck_assert(client_hear(&c, CLIENT_WAIT_MS));
		ck_assert_uint_eq(c.in_len, i < 39 ? 104 : 54);
		ck_assert_uint_eq(buf_load_u16(c.in + 2), i < 39 ? 100 : 50);
		ck_assert_mem_eq(c.in + 4, run + (size_t)i * 100,
			i < 39 ? 100 : 50);
	}
	close(c.fd);
	close(peer);
}
END_TEST

START_TEST(test_large_datagrams_pass)
{
	static struct client c;
	static uint8_t big[60004];
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	buf_store_u16(big, 0x4000);
	buf_store_u16(big + 2, 60000);
	memset(big + 4, 'b', 60000);
	say(c.fd, &c.server, big, sizeof(big));
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

/* Of whatever shards: sooner or later the two are in different ones. */
START_TEST(test_large_datagrams_take_the_short_cut_between_shards)
{
	static struct client one, other;
	static uint8_t big[60004];
	unsigned i;

	buf_store_u16(big, 0x4000);
	buf_store_u16(big + 2, 60000);
	for (i = 0; i < 8; i++) {
		memset(big + 4, (int)('a' + i), 60000);
		open_allocated(&one, "127.0.3.1:0", OUTSIDE, &alice);
		open_allocated(&other, "127.0.3.2:0", OUTSIDE, &bob);
		ck_assert_uint_eq(client_bind(&one, 0x4000, &other.relayed),
			0);
		ck_assert_uint_eq(client_bind(&other, 0x4000, &one.relayed),
			0);
		say(one.fd, &one.server, big, sizeof(big));
		ck_assert(client_hear(&other, CLIENT_WAIT_MS));
		ck_assert_uint_eq(other.in_len, sizeof(big));
		ck_assert_mem_eq(other.in, big, sizeof(big));
		ck_assert_uint_eq(client_end(&one), 0);
		ck_assert_uint_eq(client_end(&other), 0);
		close(one.fd);
		close(other.fd);
	}
}
END_TEST

START_TEST(test_drain_keeps_old_calls_and_refuses_new_ones)
{
	static struct client c, late;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from;
	struct rules *drain = make_rules();

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	drain->is_draining = true;
	ck_assert_int_eq(relay_set_rules(relay, drain), 0);
	nap(50);
	client_open(&late, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_allocate(&late), 508);
	client_channel(&c, 0x4000, "old");
	ck_assert(gets(peer, "old", &from));
	ck_assert_int_eq(relay_set_rules(relay, make_rules()), 0);
	nap(50);
	ck_assert_uint_eq(client_allocate(&late), 0);
	close(c.fd);
	close(late.fd);
	close(peer);
}
END_TEST

START_TEST(test_closed_port_ends_with_its_last_allocation)
{
	static struct client c, late;
	int peer = plain_socket(PEER_AT);
	struct addr at = name_of(peer), from, outside = lab_addr(OUTSIDE);

	open_allocated(&c, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_bind(&c, 0x4000, &at), 0);
	relay_close_port(relay, &outside);
	nap(50);
	client_channel(&c, 0x4000, "old");
	ck_assert(gets(peer, "old", &from));
	ck_assert_uint_eq(client_end(&c), 0);
	nap(900);
	nap(300);
	client_open(&late, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_allocate(&late), 999);
	close(c.fd);
	close(late.fd);
	close(peer);
}
END_TEST

/* R30, R8: says what is in the way. */
START_TEST(test_port_in_use_is_told)
{
	struct why why = {""};
	struct addr at = lab_addr("127.0.1.12:23499");
	int fd = plain_socket("127.0.1.12:23499");

	ck_assert_int_lt(relay_open_port(relay, &at, TOPOLOGY_EXTERNAL,
				 false, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "23499"));
	ck_assert_ptr_null(relay_find_port(relay, &at));
	close(fd);
}
END_TEST

START_TEST(test_many_clients_come_and_go)
{
	static struct client c[30];
	unsigned round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 30; i++)
			open_allocated(&c[i], "127.0.3.1:0",
				i % 2 ? OUTSIDE : INSIDE,
				i % 2 ? &alice : &bob);
		ck_assert_uint_eq(relay_allocations(relay), 30);
		ck_assert_uint_eq(port_pool_count(
			relay->shared.ports[RULES_V4]).used, 30);
		for (i = 0; i < 30; i++) {
			ck_assert_uint_eq(client_end(&c[i]), 0);
			close(c[i].fd);
		}
		ck_assert_uint_eq(relay_allocations(relay), 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_channel_carries_both_ways,
		test_indications_carry_both_ways,
		test_R16_bandwidth_is_bounded_on_the_wire,
		test_R16_empty_datagrams_are_bounded_on_the_wire,
		test_R13_pairs_talk_through_the_short_cut,
		test_pair_behind_a_nat_uses_the_public_address,
		test_T1_denied_peers_are_refused_by_every_verb,
		test_R15_own_ports_are_never_reached,
		test_T7_victim_of_spoofing_gets_few_replies,
		test_T8_call_survives_a_flood_of_strangers,
		test_T15_padding_of_indications_is_zero,
		test_T19_relay_to_relay_traffic_does_not_grow,
		test_T20_third_host_gets_nothing_in_or_out,
		test_T20_spoofed_relay_address_is_dropped,
		test_T21_garbage_never_closes_an_allocation,
		test_channel_length_is_checked_and_padding_cut,
		test_runs_come_out_one_by_one,
		test_large_datagrams_pass,
		test_large_datagrams_take_the_short_cut_between_shards,
		test_drain_keeps_old_calls_and_refuses_new_ones,
		test_closed_port_ends_with_its_last_allocation,
		test_port_in_use_is_told,
		test_many_clients_come_and_go,
	};

	return suite_run("relay", tests, ARRAY_COUNT(tests), setup, teardown);
}
