/* IPv4 behind the operator's own translators (RFC 6052, threat T3). */
#include <errno.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "av-edge/nat64.h"
#include "av-edge/peer_policy.h"
#include "tests/unit/av-edge/suite.h"
#include "tests/unit/cases.h"

static struct peer_policy policy;

static void setup(void)
{
	peer_policy_init(&policy);
}

static void teardown(void)
{
	peer_policy_fini(&policy);
}

static struct addr addr(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse_ip(str_of(text), &a) == 0, "%s", text);
	return a;
}

static int adds(const char *prefix)
{
	return nat64_add(&policy.nat64, str_of(prefix));
}

static enum peer_verdict judge(const char *text)
{
	struct addr a = addr(text);

	return peer_policy_judge(&policy, &a);
}

/* RFC 6052 2.4, table 2. */
static const struct row {
	const char *prefix;
	const char *address;
} rows[] = {
	{"2001:db8::/32", "2001:db8:c000:221::"},
	{"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
	{"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
	{"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
	{"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
	{"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
};

START_TEST(test_T3_examples_of_the_rfc_are_read)
{
	struct addr want = addr("192.0.2.33"), out, a;
	struct nat64 n;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		n.count = 0;
		a = addr(rows[i].address);
		ck_assert_int_eq(nat64_add(&n, str_of(rows[i].prefix)), 0);
		ck_assert(nat64_embedded(&n, 0, &a, &out));
		ck_assert_msg(addr_ip_eq(&out, &want), "%s", rows[i].prefix);
		/* Bits 64 to 71 and what follows the address don't hide it. */
		if (n.prefixes[0].bits < 96) {
			a.ip[8] = 0xff;
			a.ip[15] = 0x17;
		}
		ck_assert(nat64_embedded(&n, 0, &a, &out));
		ck_assert_msg(addr_ip_eq(&out, &want), "%s", rows[i].prefix);
		a.ip[3] ^= 1;
		ck_assert(!nat64_embedded(&n, 0, &a, &out));
		ck_assert(!nat64_embedded(&n, 0, &want, &out));
	}
}
END_TEST

START_TEST(test_other_lengths_and_families_are_refused)
{
	static const char *const bad[] = {
		"2a01::/16", "2a01::/33", "2a01:1::/63", "2a01:1::/128",
		"2a01:1::", "10.0.0.0/32", "::ffff:10.0.0.0/96x", "/96", "",
		"2a01::1/96",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++)
		ck_assert_msg(adds(bad[i]) == EDGE_EMALFORMED, "%s", bad[i]);
	ck_assert_uint_eq(policy.nat64.count, 0);
	for (i = 0; i < NAT64_MAX; i++)
		ck_assert_int_eq(adds("2a01:1::/96"), 0);
	ck_assert_int_eq(adds("2a01:1::/96"), -ENOSPC);
}
END_TEST

START_TEST(test_setting_with_another_length_says_so)
{
	struct setting_set *set;
	struct why why = {.text = ""};

	ck_assert_int_eq(setting_set_new(&set, "av-edge"), 0);
	ck_assert_int_eq(nat64_read(&policy.nat64, set, &why), 0);
	ck_assert_uint_eq(policy.nat64.count, 0);
	ck_assert_int_eq(setting_set_put(set, "nat64_prefixes",
		"[\"2a01:1::/96\",\"2a01:2::/48\"]", &why), 0);
	ck_assert_int_eq(nat64_read(&policy.nat64, set, &why), 0);
	ck_assert_uint_eq(policy.nat64.count, 2);
	ck_assert_int_eq(setting_set_put(set, "nat64_prefixes",
		"[\"2a01:1::/80\"]", &why), 0);
	ck_assert_int_eq(nat64_read(&policy.nat64, set, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "2a01:1::/80"));
	setting_set_free(set);
}
END_TEST

/* Where the octets lie, worked out bit by bit and not from a table. */
static struct addr embed(const char *prefix, unsigned bits, uint32_t v4)
{
	struct addr a = addr(prefix);
	unsigned at = bits, i;

	for (i = 0; i < 32; i++, at++) {
		if (at == 64 && bits < 96)
			at = 72;
		if ((v4 >> (31 - i) & 1) != 0)
			a.ip[at / 8] |= (uint8_t)(0x80 >> at % 8);
	}
	return a;
}

static uint32_t some_denied(void)
{
	static const struct {
		uint32_t low;
		unsigned bits;
	} nets[] = {
		{0x0a000000, 8}, {0x7f000000, 8}, {0xa9fe0000, 16},
		{0xac100000, 12}, {0xc0a80000, 16}, {0x64400000, 10},
		{0xe0000000, 4}, {0xf0000000, 4},
	};
	size_t i = rand_below(ARRAY_COUNT(nets));

	return nets[i].low | rand_u32() >> nets[i].bits;
}

static void check_length(unsigned bits)
{
	static const char prefix[] = "2a01:64:64:64::";
	static const char *const cut[] = {
		[32] = "2a01:64::/32", [40] = "2a01:64::/40",
		[48] = "2a01:64:64::/48", [56] = "2a01:64:64::/56",
		[64] = "2a01:64:64:64::/64", [96] = "2a01:64:64:64::/96",
	};
	char first[sizeof(prefix)] = "";
	struct addr a;
	unsigned i;

	memcpy(first, cut[bits], (size_t)(strchr(cut[bits], '/') -
		cut[bits]));
	a = embed(first, bits, 0x0a010203);
	ck_assert_int_eq(peer_policy_judge(&policy, &a), PEER_OK);
	ck_assert_int_eq(adds(cut[bits]), 0);
	for (i = 0; i < cases(5000); i++) {
		a = embed(first, bits, some_denied());
		ck_assert_msg(!peer_verdict_is_yes(peer_policy_judge(&policy,
			&a)), "/%u", bits);
		a = embed(first, bits, 0x08080000 | rand_below(65536));
		ck_assert_int_eq(peer_policy_judge(&policy, &a), PEER_OK);
	}
	policy.nat64.count = 0;
}

START_TEST(test_T3_denied_ipv4_behind_prefix_32)
{
	check_length(32);
}
END_TEST

START_TEST(test_T3_denied_ipv4_behind_prefix_40)
{
	check_length(40);
}
END_TEST

START_TEST(test_T3_denied_ipv4_behind_prefix_48)
{
	check_length(48);
}
END_TEST

START_TEST(test_T3_denied_ipv4_behind_prefix_56)
{
	check_length(56);
}
END_TEST

START_TEST(test_T3_denied_ipv4_behind_prefix_64)
{
	check_length(64);
}
END_TEST

START_TEST(test_T3_denied_ipv4_behind_prefix_96)
{
	check_length(96);
}
END_TEST

/* Both forms have to be allowed, and our own addresses never are. */
START_TEST(test_T3_what_is_written_and_what_is_meant_are_both_judged)
{
	struct addr own = addr("9.9.9.30"), suite = addr("9.9.9.10");
	struct net_prefix inside;

	peer_policy_add_own(&policy, &own);
	peer_policy_add_suite(&policy, &suite);
	ck_assert_int_eq(adds("2a01:1::/96"), 0);
	ck_assert_int_eq(adds("2a01:2::/64"), 0);
	ck_assert_int_eq(judge("2a01:1::9.9.9.30"), PEER_SUITE);
	ck_assert_int_eq(judge("2a01:1::9.9.9.10"), PEER_SUITE);
	ck_assert_int_eq(judge("2a01:2::a:102:300:0"), PEER_PRIVATE);
	ck_assert_int_eq(judge("2a01:1::8.8.8.8"), PEER_OK);
	/* The prefix allowed as a whole opens nothing behind it ... */
	ck_assert_int_eq(netset_add_text(&policy.allow,
		STR_LIT("2a01:1::/96")), 0);
	ck_assert_int_eq(judge("2a01:1::10.1.2.3"), PEER_PRIVATE);
	/* ... but what is allowed there is allowed on this way, too, */
	ck_assert_int_eq(netset_add_text(&policy.allow,
		STR_LIT("10.1.0.0/16")), 0);
	ck_assert_int_eq(judge("2a01:1::10.1.2.3"), PEER_OK);
	ck_assert_int_eq(judge("2a01:1::10.2.2.3"), PEER_PRIVATE);
	/* unless the translator itself is inside. */
	ck_assert_int_eq(net_prefix_parse(STR_LIT("2a01:2::/32"), &inside), 0);
	ck_assert_int_eq(netset_add(&policy.host.inside, &inside), 0);
	ck_assert_int_eq(judge("2a01:2::a:102:300:0"), PEER_INSIDE);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T3_examples_of_the_rfc_are_read,
		test_other_lengths_and_families_are_refused,
		test_setting_with_another_length_says_so,
		test_T3_denied_ipv4_behind_prefix_32,
		test_T3_denied_ipv4_behind_prefix_40,
		test_T3_denied_ipv4_behind_prefix_48,
		test_T3_denied_ipv4_behind_prefix_56,
		test_T3_denied_ipv4_behind_prefix_64,
		test_T3_denied_ipv4_behind_prefix_96,
		test_T3_what_is_written_and_what_is_meant_are_both_judged,
	};

	return suite_run("nat64", tests, ARRAY_COUNT(tests), setup, teardown);
}
