/*
 * Real sockets of both families, in a network of this test's own: which
 * relayed addresses a client gets and which peers it reaches (R17), the DF
 * bit, and ICMP errors. Needs root; without it there is nothing to show.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "common/base/netset.h"
#include "av-edge/relay.h"
#include "tests/unit/av-edge/client.h"
#include "tests/unit/av-edge/suite.h"

#define SERVER_V4 "127.0.1.12:23478"
#define SERVER_V6 "[fd00:1::12]:23478"
#define TCP_V4    "127.0.1.12:23443"
#define TCP_V6    "[fd00:1::12]:23443"
#define PEER_V4   "127.0.3.9"
#define PEER_V6   "fd00:3::9"
#define LO_MTU    2000

static struct relay *relay;
static struct rules *rules;
static struct lab_cred alice;

/* ---- a network ---------------------------------------------------------- */

static void set_lo(int fd)
{
	struct ifreq r = {.ifr_name = "lo"};

	lab_must(ioctl(fd, SIOCGIFFLAGS, &r) == 0, "flags");
	r.ifr_flags |= IFF_UP | IFF_RUNNING;
	lab_must(ioctl(fd, SIOCSIFFLAGS, &r) == 0, "up");
	r.ifr_mtu = LO_MTU;
	lab_must(ioctl(fd, SIOCSIFMTU, &r) == 0, "mtu");
}

static void add_v6(int fd, const char *text)
{
	struct in6_ifreq r = {.ifr6_prefixlen = 128, .ifr6_ifindex = 1};
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	bool is_there;
	int probe, tries;

	lab_must(inet_pton(AF_INET6, text, &r.ifr6_addr) == 1, text);
	lab_must(ioctl(fd, SIOCSIFADDR, &r) == 0, "address");
	at.sin6_addr = r.ifr6_addr;
	for (tries = 0; tries < 200; tries++) { /* until it may be used */
		probe = socket(AF_INET6, SOCK_DGRAM, 0);
		is_there = bind(probe, (struct sockaddr *)&at, sizeof(at)) ==
		    0;
		close(probe);
		if (is_there)
			return;
		usleep(10000);
	}
	lab_must(false, text);
}

static bool make_network(void)
{
	int fd4, fd6;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd4 = socket(AF_INET, SOCK_DGRAM, 0);
	fd6 = socket(AF_INET6, SOCK_DGRAM, 0);
	lab_must(fd4 >= 0 && fd6 >= 0, "socket");
	set_lo(fd4);
	add_v6(fd6, "fd00:1::12");
	add_v6(fd6, "fd00:3::1");
	add_v6(fd6, PEER_V6);
	close(fd4);
	close(fd6);
	return true;
}

static void listen_on(const char *at)
{
	struct addr a = lab_addr(at);
	struct why why = {""};

	lab_must(relay_open_port(relay, &a, TOPOLOGY_EXTERNAL, false, &why) ==
		0, why.text);
}

static void add_media(enum rules_family family, const char *address)
{
	struct rules_media *m = &rules->media[family];

	m->bind = lab_addr(address);
	m->shown = m->bind;
	m->port = 41000;
	m->port_count = 200;
	peer_policy_add_own(&rules->peers, &m->bind);
}

static void setup(void)
{
	struct av_key_ring ring = {.count = 0};

	log_set_level(LOG_LEVEL_ERROR);
	if (!make_network())
		return;
	av_key_ring_rotate(&ring, wall_now());
	rules = lab_rules(200, &ring);
	add_media(RULES_V4, "127.0.1.12");
	add_media(RULES_V6, "fd00:1::12");
	lab_must(netset_add_text(&rules->peers.allow,
		STR_LIT("127.0.3.0/24")) == 0 &&
		netset_add_text(&rules->peers.allow,
		STR_LIT("fd00:3::/64")) == 0, "allow");
	lab_must(relay_new(&relay, rules, 2) == 0, "relay");
	listen_on(SERVER_V4);
	listen_on(SERVER_V6);
	lab_must(relay_start(relay) == 0, "start");
	alice = lab_cred_for(&rules->keys, "sip:alice@contoso.test", 1000);
}

static void teardown(void)
{
	size_t i;

	if (relay == NULL)
		return;
	relay_stop(relay);
	for (i = 0; i < RULES_FAMILY_COUNT; i++)
		lab_must(port_pool_is_sound(relay->shared.ports[i]), "R4");
	relay_free(relay);
	rules_unref(rules);
	relay = NULL;
}

static void open_client(struct client *c, bool is_v6)
{
	client_open(c, is_v6 ? "[fd00:3::1]:0" : "127.0.3.1:0",
		is_v6 ? SERVER_V6 : SERVER_V4, &alice);
}

static int open_peer(bool is_v6)
{
	return plain_socket(is_v6 ? "[" PEER_V6 "]:0" : PEER_V4 ":0");
}

/* ---- the matrix --------------------------------------------------------- */

/* Both ways, as indications and by channel. */
static void exchange(struct client *c, int peer, uint16_t channel)
{
	struct addr at = name_of(peer), from;

	ck_assert_uint_eq(client_permit(c, &at), 0);
	client_send(c, &at, "up");
	ck_assert(gets(peer, "up", &from));
	ck_assert(addr_eq(&from, c->relayed.family == at.family ?
		&c->relayed : &c->second));
	say(peer, &from, "down", 4);
	ck_assert(client_gets_data(c, &at, "down"));
	ck_assert_uint_eq(client_bind(c, channel, &at), 0);
	client_channel(c, channel, "up again");
	ck_assert(gets(peer, "up again", &from));
	say(peer, &from, "down again", 10);
	ck_assert(client_gets_channel(c, channel, "down again"));
}

static void try_peer(struct client *c, bool is_v6, bool is_there)
{
	int peer = open_peer(is_v6);
	struct addr at = name_of(peer);

	if (is_there) {
		exchange(c, peer, is_v6 ? 0x4001 : 0x4000);
	} else {
		ck_assert_uint_eq(client_permit(c, &at), 443);
		ck_assert_uint_eq(client_bind(c, 0x4002, &at), 443);
		client_send(c, &at, "nothing");
		ck_assert(is_quiet(peer));
	}
	close(peer);
}

/* Client IPv4 and IPv6, asks for nothing, IPv4, IPv6, both, peer IPv4 and
 * IPv6. */
START_TEST(test_R17_matrix_over_real_sockets)
{
	static const struct {
		unsigned family;
		bool both;
		bool has_v4, has_v6;
	} asked[] = {
		{0, false, true, false},
		{1, false, true, false},
		{2, false, false, true},
		{0, true, true, true},
	};
	static struct client c;
	size_t i, v6;

	if (relay == NULL)
		return;
	for (i = 0; i < 2 * ARRAY_COUNT(asked); i++) {
		const struct request ask = {
			.method = STUN_ALLOCATE,
			.family = asked[i / 2].family,
			.both = asked[i / 2].both,
		};

		open_client(&c, i % 2);
		ck_assert_uint_eq(client_ask(&c, &ask), 0);
		ck_assert_uint_eq(c.relayed.family, asked[i / 2].has_v4 ? 4 :
			6);
		ck_assert_uint_eq(c.second.family, ask.both ? 6 : 0);
		for (v6 = 0; v6 < 2; v6++)
			try_peer(&c, v6, v6 ? asked[i / 2].has_v6 :
				asked[i / 2].has_v4);
		ck_assert_uint_eq(client_end(&c), 0);
		close(c.fd);
	}
}
END_TEST

/* An outside client on IPv4 and one on IPv6, over relays of either family. */
/* ---- TCP relay ports ----------------------------------------------------- */

static int stream_socket(const char *at, int listens)
{
	struct addr a = lab_addr(at);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0);

	lab_must(fd >= 0 && bind(fd, (struct sockaddr *)&ss, len) == 0 &&
		(!listens || listen(fd, 4) == 0), at);
	return fd;
}

static void stream_client(struct client *c, bool is_v6)
{
	struct sockaddr_storage ss;
	socklen_t len;

	memset(c, 0, sizeof(*c));
	c->fd = stream_socket(is_v6 ? "[fd00:3::1]:0" : "127.0.3.1:0", false);
	c->is_stream = true;
	c->server = lab_addr(is_v6 ? TCP_V6 : TCP_V4);
	c->cred = alice;
	len = addr_to_sockaddr(&c->server, &ss);
	lab_must(connect(c->fd, (struct sockaddr *)&ss, len) == 0, "connect");
}

static void listen_tcp(const char *at)
{
	const struct tcp_port_spec spec = {.address = lab_addr(at),
		.side = TOPOLOGY_EXTERNAL};
	struct why why = {""};

	lab_must(relay_open_tcp(relay, &spec, &why) == 0, why.text);
}

/* Connect, be connected from the relay port, bind, a word each way. */
static void carry_to(struct client *c, const char *peer_at, bool is_v6)
{
	static struct client data;
	int listener = stream_socket(peer_at, true), fd;
	struct addr at = name_of(listener), from;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct stun_msg m;
	uint32_t id = 0;
	char room[8];

	ck_assert_uint_eq(client_ask(c, &(struct request){
		.method = STUN_CONNECT, .peer = &at}), 0);
	ck_assert(stun_parse(&m, &stun_rfc, c->in, c->in_len) == 0 &&
		stun_number(&m, STUN_CONNECTION_ID, &id) == 0);
	fd = accept(listener, (struct sockaddr *)&ss, &len);
	ck_assert(fd >= 0 && addr_from_sockaddr((struct sockaddr *)&ss, len,
		&from) == 0);
	ck_assert(addr_eq(&from, &c->relayed));
	stream_client(&data, is_v6);
	ck_assert_uint_eq(client_ask(&data, &(struct request){
		.method = STUN_CONNECTION_BIND, .connection = id}), 0);
	ck_assert_int_eq(send(data.fd, "up", 2, 0), 2);
	ck_assert_int_eq(recv(fd, room, 2, MSG_WAITALL), 2);
	ck_assert_int_eq(send(fd, "down", 4, 0), 4);
	ck_assert_int_eq(recv(data.fd, room, 4, MSG_WAITALL), 4);
	close(data.fd);
	close(fd);
	close(listener);
}

START_TEST(test_R17_tcp_relay_ports_of_both_families)
{
	static struct client c;
	struct addr other;
	int client_v6, relay_v6;

	if (relay == NULL)
		return;
	listen_tcp(TCP_V4);
	listen_tcp(TCP_V6);
	usleep(50000); /* the first thread listens, soon */
	for (client_v6 = 0; client_v6 < 2; client_v6++)
		for (relay_v6 = 0; relay_v6 < 2; relay_v6++) {
			stream_client(&c, client_v6);
			ck_assert_uint_eq(client_ask(&c, &(struct request){
				.method = STUN_ALLOCATE, .protocol = 6,
				.family = relay_v6 ? 2 : 1}), 0);
			ck_assert_uint_eq(c.relayed.family, relay_v6 ? 6 : 4);
			carry_to(&c, relay_v6 ? "[" PEER_V6 "]:0" :
				PEER_V4 ":0", client_v6);
			other = lab_addr(relay_v6 ? PEER_V4 ":9" :
				"[" PEER_V6 "]:9");
			ck_assert_uint_eq(client_ask(&c, &(struct request){
				.method = STUN_CONNECT, .peer = &other}), 443);
			/* T3: an IPv4 peer in an IPv6 spelling is judged as
			 * what it is, before anything is tried. */
			other = lab_addr("[::ffff:10.0.0.1]:22");
			ck_assert_uint_eq(client_ask(&c, &(struct request){
				.method = STUN_CONNECT, .peer = &other}),
				relay_v6 ? 403 : 443);
			close(c.fd);
		}
}
END_TEST

START_TEST(test_R13_relay_to_relay_across_families)
{
	static struct client a, b;
	unsigned family;

	if (relay == NULL)
		return;
	for (family = 1; family <= 2; family++) {
		const struct request ask = {.method = STUN_ALLOCATE,
			.family = family};

		open_client(&a, false);
		open_client(&b, true);
		ck_assert_uint_eq(client_ask(&a, &ask), 0);
		ck_assert_uint_eq(client_ask(&b, &ask), 0);
		ck_assert_uint_eq(client_permit(&a, &b.relayed), 0);
		ck_assert_uint_eq(client_permit(&b, &a.relayed), 0);
		client_send(&a, &b.relayed, "four to six");
		ck_assert(client_gets_data(&b, &a.relayed, "four to six"));
		client_send(&b, &a.relayed, "six to four");
		ck_assert(client_gets_data(&a, &b.relayed, "six to four"));
		close(a.fd);
		close(b.fd);
	}
}
END_TEST

/* ---- DF ----------------------------------------------------------------- */

static void send_with(struct client *c, const struct addr *peer, size_t len,
	bool whole)
{
	static uint8_t payload[4096], room[5000];
	uint8_t tid[STUN_TID_LEN];
	struct stun_writer w;

	stun_tid_new(tid);
	stun_write_begin(&w, &stun_rfc, room, sizeof(room), STUN_INDICATION,
		STUN_SEND, tid);
	stun_write_addr(&w, STUN_PEER_ADDRESS, peer);
	if (whole)
		stun_write_bytes(&w, STUN_DONT_FRAGMENT, NULL, 0);
	stun_write_bytes(&w, STUN_PAYLOAD, payload, len);
	client_say(c, room, (size_t)stun_write_end(&w));
}

/* The flags of the next IPv4 datagram to this port; -1 when none comes. */
static int flags_to(int raw, uint16_t port)
{
	struct pollfd p = {.fd = raw, .events = POLLIN};
	uint8_t room[8192];
	struct iphdr ip;

	while (poll(&p, 1, CLIENT_QUIET_MS * 3) > 0) {
		if (recv(raw, room, sizeof(room), 0) < 28)
			continue;
		memcpy(&ip, room, sizeof(ip));
		if (buf_load_u16(room + 22) == port)
			return ntohs(ip.frag_off);
	}
	return -1;
}

START_TEST(test_df_bit_is_set_when_asked_for_and_not_else)
{
	static struct client c;
	int raw, peer;
	struct addr at;

	if (relay == NULL)
		return;
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	peer = open_peer(false);
	at = name_of(peer);
	ck_assert_int_ge(raw, 0);
	open_client(&c, false);
	ck_assert_uint_eq(client_allocate(&c), 0);
	ck_assert_uint_eq(client_permit(&c, &at), 0);
	send_with(&c, &at, 100, false);
	ck_assert_int_eq(flags_to(raw, at.port), 0);
	send_with(&c, &at, 100, true);
	ck_assert_int_eq(flags_to(raw, at.port), IP_DF);
	send_with(&c, &at, 100, false);
	ck_assert_int_eq(flags_to(raw, at.port), 0);
	close(raw);
	close(peer);
	close(c.fd);
}
END_TEST

/* ---- ICMP --------------------------------------------------------------- */

/* The ICMP attribute of the next indication: type, code, data. */
static bool gets_icmp(struct client *c, const struct addr *peer,
	unsigned type_and_code, uint32_t data)
{
	struct stun_msg m;
	struct str value;
	struct addr a;

	if (!client_hear(c, CLIENT_WAIT_MS) ||
	    stun_parse(&m, &stun_rfc, c->in, c->in_len) < 0 ||
	    m.class != STUN_INDICATION || m.method != STUN_DATA ||
	    stun_has(&m, STUN_PAYLOAD) ||
	    stun_addr(&m, STUN_PEER_ADDRESS, &a) < 0 || !addr_eq(&a, peer))
		return false;
	value = stun_bytes(&m, STUN_ICMP);
	return value.n == 8 && buf_load_u32((const uint8_t *)value.p) ==
	    type_and_code && buf_load_u32((const uint8_t *)value.p + 4) ==
	    data;
}

START_TEST(test_too_long_for_the_path_is_told_with_its_mtu)
{
	static struct client c;
	static uint8_t room[4096];
	struct addr at, from;
	int peer, v6;

	if (relay == NULL)
		return;
	for (v6 = 0; v6 < 2; v6++) {
		const struct request ask = {.method = STUN_ALLOCATE,
			.family = 1u + (unsigned)v6};

		peer = open_peer(v6);
		at = name_of(peer);
		open_client(&c, v6);
		ck_assert_uint_eq(client_ask(&c, &ask), 0);
		ck_assert_uint_eq(client_permit(&c, &at), 0);
		send_with(&c, &at, 3000, false); /* in pieces */
		ck_assert_int_eq(hear(peer, room, sizeof(room), &from,
			CLIENT_WAIT_MS), 3000);
		send_with(&c, &at, 3000, true);
		ck_assert(gets_icmp(&c, &at, v6 ? 2u << 9 : 3u << 9 | 4,
			LO_MTU));
		ck_assert(is_quiet(peer));
		send_with(&c, &at, 1000, true);
		ck_assert_int_eq(hear(peer, room, sizeof(room), &from,
			CLIENT_WAIT_MS), 1000);
		close(peer);
		close(c.fd);
	}
}
END_TEST

START_TEST(test_unreachable_ports_are_told_and_harm_nobody_else)
{
	static struct client c;
	struct addr closed, at, from;
	int peer, v6, i;

	if (relay == NULL)
		return;
	for (v6 = 0; v6 < 2; v6++) {
		const struct request ask = {.method = STUN_ALLOCATE,
			.family = 1u + (unsigned)v6};

		peer = open_peer(v6);
		closed = name_of(peer);
		close(peer);
		peer = open_peer(v6);
		at = name_of(peer);
		open_client(&c, v6);
		ck_assert_uint_eq(client_ask(&c, &ask), 0);
		ck_assert_uint_eq(client_permit(&c, &at), 0);
		client_send(&c, &closed, "anybody?");
		ck_assert(gets_icmp(&c, &closed, v6 ? 1u << 9 | 4 :
			3u << 9 | 3, 0));
		/* The error of one datagram costs no other. */
		for (i = 0; i < 20; i++) {
			client_send(&c, &closed, "anybody?");
			client_send(&c, &at, "you");
			ck_assert(gets(peer, "you", &from));
		}
		close(peer);
		close(c.fd);
	}
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_SEND), 0);
	/* Not more than a few: a peer must not make a client busy. */
	ck_assert_uint_le(relay_counter(relay, AV_ICMP_TOLD), 24);
}
END_TEST

/* An ICMP error as somebody far away would forge it: the relay port is all
 * that there is to know, and that can be guessed. */
static size_t forge_icmp(const struct addr *relayed, uint8_t out[static 64])
{
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 9,
		.protocol = IPPROTO_UDP};
	uint32_t sum = 0;
	size_t i, len = 8 + sizeof(ip) + 8;

	memset(out, 0, 64);
	out[0] = 3; /* destination unreachable, */
	out[1] = 3; /* port */
	ip.tot_len = htons(sizeof(ip) + 8);
	memcpy(&ip.saddr, relayed->ip + 12, 4);
	ip.daddr = htonl(0x7f000363);
	memcpy(out + 8, &ip, sizeof(ip));
	buf_store_u16(out + 8 + sizeof(ip), relayed->port);
	buf_store_u16(out + 8 + sizeof(ip) + 2, 9);
	buf_store_u16(out + 8 + sizeof(ip) + 4, 8);
	for (i = 0; i < len; i += 2)
		sum += buf_load_u16(out + i);
	sum = (sum & 0xffff) + (sum >> 16);
	buf_store_u16(out + 2, (uint16_t)~(sum + (sum >> 16)));
	return len;
}

static void forge_many(int raw, const struct addr *relayed, unsigned count)
{
	const struct addr at = addr_with_port(relayed, 0);
	uint8_t error[64];
	size_t len = forge_icmp(relayed, error);

	while (count-- > 0)
		say(raw, &at, error, len);
}

START_TEST(test_forged_icmp_is_not_looked_at_for_long)
{
	static struct client c;
	uint64_t turns;
	struct addr at, from;
	int peer, raw, i;

	if (relay == NULL)
		return;
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	peer = open_peer(false);
	at = name_of(peer);
	open_client(&c, false);
	ck_assert_int_ge(raw, 0);
	ck_assert_uint_eq(client_allocate(&c), 0);
	ck_assert_uint_eq(client_permit(&c, &at), 0);
	for (i = 0; i < 100; i++) { /* wherever a second ends */
		forge_many(raw, &c.relayed, 20);
		usleep(1000);
	}
	turns = relay_counter(relay, AV_TURNS);
	forge_many(raw, &c.relayed, 5000);
	turns = relay_counter(relay, AV_TURNS) - turns;
	ck_assert_uint_le(turns, 50);
	for (i = 0; i < 50; i++) {
		forge_many(raw, &c.relayed, 5);
		client_send(&c, &at, "you");
		ck_assert(gets(peer, "you", &from));
	}
	ck_assert_uint_eq(relay_counter(relay, AV_DROP_SEND), 0);
	close(raw);
	close(peer);
	close(c.fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_R17_matrix_over_real_sockets,
		test_R17_tcp_relay_ports_of_both_families,
		test_R13_relay_to_relay_across_families,
		test_df_bit_is_set_when_asked_for_and_not_else,
		test_too_long_for_the_path_is_told_with_its_mtu,
		test_unreachable_ports_are_told_and_harm_nobody_else,
		test_forged_icmp_is_not_looked_at_for_long,
	};

	return suite_run("relay_families", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
