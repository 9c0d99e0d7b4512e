/* Which peers are allowed: threats T1 to T5, requirements R13 and R14. */
#include <check.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include "av-edge/peer_policy.h"
#include "tests/unit/cases.h"

static struct peer_policy policy;

static struct addr addr(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse(str_of(text), &a) == 0, "%s", text);
	return a;
}

static void add_inside(const char *text)
{
	struct net_prefix net;

	ck_assert_int_eq(net_prefix_parse(str_of(text), &net), 0);
	ck_assert_int_eq(netset_add(&policy.host.inside, &net), 0);
}

static void setup(void)
{
	static struct addr local;
	struct addr a;

	peer_policy_init(&policy);
	a = addr("9.9.9.30"); /* bound behind a NAT */
	peer_policy_add_own(&policy, &a);
	a = addr("5.5.5.5"); /* its public form */
	peer_policy_add_own(&policy, &a);
	a = addr("2a00:1:2:3::30");
	peer_policy_add_own(&policy, &a);
	a = addr("9.9.9.10:443"); /* access edge */
	peer_policy_add_suite(&policy, &a);
	a = addr("9.9.9.30:3478"); /* the relay's own listener */
	peer_policy_add_suite(&policy, &a);
	add_inside("11.0.0.0/8");
	add_inside("2a00:ffff::/32");
	local = addr("9.9.9.99");
	policy.host.locals = &local;
	policy.host.local_count = 1;
}

static void teardown(void)
{
	policy.host.locals = NULL;
	peer_policy_fini(&policy);
}

static enum peer_verdict judge(const char *text)
{
	struct addr a = addr(text);

	return peer_policy_judge(&policy, &a);
}

START_TEST(test_ordinary_addresses_are_allowed)
{
	ck_assert_int_eq(judge("8.8.8.8"), PEER_OK);
	ck_assert_int_eq(judge("2a01::1"), PEER_OK);
	ck_assert_int_eq(judge("9.9.9.31"), PEER_OK);
}
END_TEST

/* R13: relay to relay is the normal call, not a refusal. */
START_TEST(test_R13_own_relay_addresses_are_hairpin)
{
	ck_assert_int_eq(judge("9.9.9.30"), PEER_HAIRPIN);
	ck_assert_int_eq(judge("5.5.5.5"), PEER_HAIRPIN);
	ck_assert_int_eq(judge("2a00:1:2:3::30"), PEER_HAIRPIN);
	/* written otherwise it is no relay address to a peer */
	ck_assert_int_eq(judge("::ffff:9.9.9.30"), PEER_SUITE);
	ck_assert_int_eq(judge("64:ff9b::505:505"), PEER_SUITE);
}
END_TEST

START_TEST(test_T1_inside_and_special_ranges_are_denied)
{
	static const struct {
		const char *addr;
		enum peer_verdict want;
	} rows[] = {
		{"0.0.0.1", PEER_SPECIAL}, {"10.0.0.1", PEER_PRIVATE},
		{"11.1.2.3", PEER_INSIDE}, {"100.64.0.1", PEER_PRIVATE},
		{"127.0.0.1", PEER_SPECIAL}, {"127.255.255.254", PEER_SPECIAL},
		{"169.254.169.254", PEER_PRIVATE},
		{"172.16.0.1", PEER_PRIVATE}, {"172.31.255.255", PEER_PRIVATE},
		{"192.0.0.1", PEER_SPECIAL}, {"192.0.2.1", PEER_SPECIAL},
		{"192.88.99.1", PEER_SPECIAL}, {"192.168.1.1", PEER_PRIVATE},
		{"198.18.0.1", PEER_SPECIAL}, {"198.19.255.1", PEER_SPECIAL},
		{"198.51.100.1", PEER_SPECIAL}, {"203.0.113.1", PEER_SPECIAL},
		{"224.0.0.1", PEER_SPECIAL}, {"239.1.1.1", PEER_SPECIAL},
		{"240.0.0.1", PEER_SPECIAL}, {"255.255.255.255", PEER_SPECIAL},
		{"100::1", PEER_SPECIAL}, {"2001::1", PEER_SPECIAL},
		{"2001:db8::1", PEER_SPECIAL}, {"fc00::1", PEER_PRIVATE},
		{"fdff::1", PEER_PRIVATE}, {"fe80::1", PEER_PRIVATE},
		{"fec0::1", PEER_PRIVATE}, {"ff02::1", PEER_SPECIAL},
		{"2a00:ffff::9", PEER_INSIDE},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++)
		ck_assert_msg(judge(rows[i].addr) == rows[i].want, "%s is %s",
			rows[i].addr, peer_verdict_name(judge(rows[i].addr)));
}
END_TEST

START_TEST(test_T2_special_forms_are_denied)
{
	static const char *const forms[] = {
		"0.0.0.0", "::", "::1", "::ffff:0.0.0.0", "::ffff:127.0.0.1",
		"::127.0.0.1",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(forms); i++)
		ck_assert_msg(!peer_verdict_is_yes(judge(forms[i])), "%s",
			forms[i]);
}
END_TEST

static struct addr embed(unsigned form, uint32_t v4)
{
	struct addr a = {.family = 6};

	switch (form) {
	case 0: /* mapped */
		a.ip[10] = a.ip[11] = 0xff;
		buf_store_u32(a.ip + 12, v4);
		break;
	case 1: /* compatible */
		buf_store_u32(a.ip + 12, v4);
		break;
	case 2: /* 6to4 */
		buf_store_u16(a.ip, 0x2002);
		buf_store_u32(a.ip + 2, v4);
		a.ip[15] = (uint8_t)rand_u32();
		break;
	case 3: /* NAT64 */
		buf_store_u32(a.ip, 0x0064ff9b);
		buf_store_u32(a.ip + 12, v4);
		break;
	case 4: /* local-use NAT64 */
		buf_store_u32(a.ip, 0x0064ff9b);
		a.ip[5] = 1;
		buf_store_u32(a.ip + 12, v4);
		break;
	case 5: /* Teredo: the client's address, inverted */
		buf_store_u32(a.ip, 0x20010000);
		buf_store_u32(a.ip + 12, ~v4);
		break;
	default: /* ISATAP */
		buf_store_u32(a.ip, 0x2a010000);
		buf_store_u32(a.ip + 8, 0x00005efe);
		buf_store_u32(a.ip + 12, v4);
		break;
	}
	return a;
}

/* A random address of a denied range of the table above. */
static uint32_t denied_v4(void)
{
	static const struct {
		uint32_t low;
		unsigned bits;
	} nets[] = {
		{0x00000000, 8}, {0x0a000000, 8}, {0x64400000, 10},
		{0x7f000000, 8}, {0xa9fe0000, 16}, {0xac100000, 12},
		{0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16},
		{0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24},
		{0xe0000000, 4}, {0xf0000000, 4}, {0x0b000000, 8},
	};
	size_t i = rand_below(ARRAY_COUNT(nets));

	return nets[i].low | (rand_u32() >> nets[i].bits);
}

START_TEST(test_T3_ipv4_in_ipv6_is_denied)
{
	unsigned i, form;

	for (i = 0; i < cases(20000); i++) {
		uint32_t v4 = denied_v4();

		for (form = 0; form < 7; form++) {
			struct addr a = embed(form, v4);
			struct addr c = addr_canonical(&a);
			struct addr twice = addr_canonical(&c);

			ck_assert_msg(!peer_verdict_is_yes(
				peer_policy_judge(&policy, &a)),
				"form %u of %08x", form, v4);
			ck_assert(addr_eq(&c, &twice));
		}
	}
}
END_TEST

/* T4: prefixes against a reference that compares bit by bit. */
START_TEST(test_T4_prefixes_are_compared_as_numbers)
{
	unsigned i, bit, bits;

	for (i = 0; i < cases(100000); i++) {
		struct addr net = {.family = 6}, a = {.family = 6};
		struct net_prefix prefix;
		bool same = true;

		rand_bytes(net.ip, sizeof(net.ip));
		net.ip[0] |= 0x20; /* no IPv4 in it */
		memcpy(a.ip, net.ip, sizeof(a.ip));
		bit = rand_below(128);
		a.ip[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		bits = rand_below(129);
		prefix = net_prefix_of(&net, bits);
		if (bit < bits)
			same = false;
		ck_assert(net_prefix_has(&prefix, &net));
		ck_assert(net_prefix_has(&prefix, &a) == same);
	}
}
END_TEST

START_TEST(test_T5_suite_and_local_addresses_are_denied)
{
	ck_assert_int_eq(judge("9.9.9.10"), PEER_SUITE);
	ck_assert_int_eq(judge("::ffff:9.9.9.10"), PEER_SUITE);
	ck_assert_int_eq(judge("9.9.9.99"), PEER_LOCAL);
	ck_assert_int_eq(judge("64:ff9b::9.9.9.99"), PEER_LOCAL);
}
END_TEST

START_TEST(test_allow_peers_opens_ranges_but_never_the_suite)
{
	ck_assert_int_eq(netset_add_text(&policy.allow,
				 STR_LIT("198.51.100.0/24")), 0);
	ck_assert_int_eq(netset_add_text(&policy.allow,
				 STR_LIT("11.1.0.0/16")), 0);
	ck_assert_int_eq(netset_add_text(&policy.allow,
				 STR_LIT("9.9.9.0/24")), 0);
	ck_assert_int_eq(judge("198.51.100.7"), PEER_OK);
	ck_assert_int_eq(judge("11.1.2.3"), PEER_OK);
	ck_assert_int_eq(judge("11.2.2.3"), PEER_INSIDE);
	ck_assert_int_eq(judge("9.9.9.10"), PEER_SUITE);
	ck_assert_int_eq(judge("9.9.9.30"), PEER_HAIRPIN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer_policy");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_ordinary_addresses_are_allowed);
	tcase_add_test(t, test_R13_own_relay_addresses_are_hairpin);
	tcase_add_test(t, test_T1_inside_and_special_ranges_are_denied);
	tcase_add_test(t, test_T2_special_forms_are_denied);
	tcase_add_test(t, test_T3_ipv4_in_ipv6_is_denied);
	tcase_add_test(t, test_T4_prefixes_are_compared_as_numbers);
	tcase_add_test(t, test_T5_suite_and_local_addresses_are_denied);
	tcase_add_test(t,
		test_allow_peers_opens_ranges_but_never_the_suite);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
