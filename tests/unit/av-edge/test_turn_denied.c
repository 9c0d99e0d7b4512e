/*
 * Every address that no peer may have, asked for by every verb there is, in
 * both dialects: refused, counted, and nothing is kept or sent (T1, T2, T3).
 * Why an address is denied is test_peer_policy.c's affair.
 */
#include "tests/unit/av-edge/lab_ms.h"
#include "tests/unit/av-edge/suite.h"

#define ALICE "203.0.113.7:4000"

static const char *const V4[] = {
	"0.0.0.0", "0.0.0.1", "10.0.0.1", "100.64.0.1", "127.0.0.1",
	"127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255",
	"192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
	"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
	"240.0.0.1", "255.255.255.255",
	"9.9.9.10", /* of the suite */
	"11.1.2.3", /* of an inside network that is not private */
};
static const char *const V6[] = {
	"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::10.0.0.1",
	"64:ff9b::a00:1", "64:ff9b:1::8.8.8.8", "100::1", "2001::1",
	"2001:1ff::1", "2001:db8::1", "2002:a00:1::1", "fc00::1", "fdff::1",
	"fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
	"2a01::5efe:a00:1",
};

static struct lab lab;
static struct lab_ask ask;
static struct ms_ask ms_ask;
static struct lab_cred alice;
static struct ms_client ms_alice;
static unsigned serial;

static void setup(void)
{
	struct addr suite = lab_addr("9.9.9.10");

	lab_init(&lab, 64);
	lab_add_v6(&lab);
	peer_policy_add_suite(&lab.rules->peers, &suite);
	lab_must(netset_add_text(&lab.rules->peers.host.inside,
		STR_LIT("11.0.0.0/8")) == 0, "inside");
	alice = lab_user(&lab, "sip:alice@contoso.test");
	ms_client_init(&ms_alice, &lab, ALICE, "sip:alice@contoso.test");
	serial = 1;
}

static void teardown(void)
{
	lab_check(&lab);
	lab_fini(&lab);
}

static uint64_t refused(void)
{
	uint64_t sum = 0;
	size_t i;

	for (i = AV_PEER_SUITE; i <= AV_PEER_SPECIAL; i++)
		sum += stats_get(&lab.turn.stats, i);
	return sum;
}

static void allocate(unsigned protocol, unsigned family)
{
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, serial++);
	lab_write_transport(&ask, protocol);
	stun_write_number(&ask.w, STUN_REQUESTED_FAMILY, family << 24);
	lab_sign(&ask, &alice);
	ck_assert_uint_eq(lab_send(&ask), 0);
}

static unsigned connect_to(const char *peer)
{
	struct addr a = lab_addr(peer);

	lab_begin(&ask, &lab, ALICE, STUN_CONNECT, serial++);
	stun_write_addr(&ask.w, STUN_PEER_ADDRESS, &a);
	lab_sign(&ask, &alice);
	return lab_send(&ask);
}

static const char *at_port(const char *ip, bool is_v6)
{
	static char text[ADDR_TEXT_LEN];

	snprintf(text, sizeof(text), is_v6 ? "[%s]:9000" : "%s:9000", ip);
	return text;
}

static void assert_udp_verbs(const char *peer)
{
	uint64_t before = refused();

	ck_assert_msg(lab_permit(&ask, &lab, ALICE, &alice, peer) == 403,
		"CreatePermission %s: %u", peer, ask.code);
	ck_assert_msg(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, peer) ==
		403, "ChannelBind %s: %u", peer, ask.code);
	ck_assert_uint_eq(refused(), before + 2);
	ck_assert_msg(!lab_data(&ask, &lab, ALICE, peer), "Send %s", peer);
}

static void assert_nothing_kept(void)
{
	const struct alloc *a = lab_alloc(&lab, ALICE);

	ck_assert_uint_eq(a->perm_count, 0);
	ck_assert_uint_eq(a->hot_count, 0);
	ck_assert_uint_eq(lab.connects, 0);
}

START_TEST(test_T1_no_verb_of_the_rfc_takes_a_denied_peer)
{
	size_t i;

	allocate(17, 1);
	for (i = 0; i < ARRAY_COUNT(V4); i++)
		assert_udp_verbs(at_port(V4[i], false));
	assert_nothing_kept();
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, "8.8.8.8:1"),
		0);
}
END_TEST

START_TEST(test_T3_no_verb_of_the_rfc_takes_a_denied_peer_of_ipv6)
{
	size_t i;

	allocate(17, 2);
	for (i = 0; i < ARRAY_COUNT(V6); i++)
		assert_udp_verbs(at_port(V6[i], true));
	assert_nothing_kept();
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, "[2a00::1]:1"),
		0);
}
END_TEST

static void assert_no_connect(const char *peer)
{
	uint64_t before = refused();

	ck_assert_msg(connect_to(peer) == 403, "Connect %s: %u", peer,
		ask.code);
	ck_assert_uint_eq(refused(), before + 1);
}

/* Refused before anything is tried, so that it tells nothing (T6). */
START_TEST(test_T1_connect_tries_no_denied_peer)
{
	size_t i;

	lab.over_tcp = true;
	allocate(6, 1);
	for (i = 0; i < ARRAY_COUNT(V4); i++)
		assert_no_connect(at_port(V4[i], false));
	assert_nothing_kept();
	ck_assert_uint_eq(connect_to("8.8.8.8:1"), 999); /* when it answers */
	ck_assert_uint_eq(lab.connects, 1);
}
END_TEST

START_TEST(test_T3_connect_tries_no_denied_peer_of_ipv6)
{
	size_t i;

	lab.over_tcp = true;
	allocate(6, 2);
	for (i = 0; i < ARRAY_COUNT(V6); i++)
		assert_no_connect(at_port(V6[i], true));
	assert_nothing_kept();
	ck_assert_uint_eq(connect_to("[2a00::1]:1"), 999);
	ck_assert_uint_eq(lab.connects, 1);
}
END_TEST

START_TEST(test_T1_no_verb_of_ms_turn_takes_a_denied_peer)
{
	uint64_t before;
	const char *peer;
	size_t i;

	ck_assert_uint_eq(ms_allocate(&ms_ask, &ms_alice, serial++), 0);
	for (i = 0; i < ARRAY_COUNT(V4); i++) {
		peer = at_port(V4[i], false);
		before = refused();
		ck_assert_msg(!ms_data(&ms_ask, &ms_alice, serial++, peer,
			"x"), "Send %s", peer);
		ck_assert_msg(ms_aim(&ms_ask, &ms_alice, serial++, peer) ==
			400, "Set Active Destination %s", peer);
		ck_assert_uint_eq(refused(), before + 2);
	}
	assert_nothing_kept();
	ck_assert(ms_data(&ms_ask, &ms_alice, serial++, "8.8.8.8:1", "x"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T1_no_verb_of_the_rfc_takes_a_denied_peer,
		test_T3_no_verb_of_the_rfc_takes_a_denied_peer_of_ipv6,
		test_T1_connect_tries_no_denied_peer,
		test_T3_connect_tries_no_denied_peer_of_ipv6,
		test_T1_no_verb_of_ms_turn_takes_a_denied_peer,
	};

	return suite_run("turn_denied", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
