/* Tests of common/base/netset.c: ranges as numbers, the special ranges. */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "common/base/netset.h"
#include "common/base/rand.h"
#include "tests/unit/cases.h"

#define CASES cases(100000)

static struct addr parsed(const char *text)
{
	struct addr a = {.family = 0};

	ck_assert_msg(addr_parse_ip(str_of(text), &a) == 0, "%s", text);
	return a;
}

START_TEST(test_netset_prefix_has_its_ends)
{
	struct net_prefix net;
	struct addr a;

	ck_assert_int_eq(net_prefix_parse(STR_LIT("10.16.0.0/12"), &net), 0);
	a = parsed("10.15.255.255");
	ck_assert(!net_prefix_has(&net, &a));
	a = parsed("10.16.0.0");
	ck_assert(net_prefix_has(&net, &a));
	a = parsed("10.31.255.255");
	ck_assert(net_prefix_has(&net, &a));
	a = parsed("10.32.0.0");
	ck_assert(!net_prefix_has(&net, &a));
	ck_assert_int_eq(net_prefix_parse(STR_LIT("2001:db8::/33"), &net), 0);
	a = parsed("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
	ck_assert(net_prefix_has(&net, &a));
	a = parsed("2001:db8:8000::");
	ck_assert(!net_prefix_has(&net, &a));
}
END_TEST

START_TEST(test_netset_prefix_text_is_strict)
{
	static const char *const BAD[] = {"", "/", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.1/8", "10.0.0.0/-1", "10.0.0.0/08x", "10.0.0.0/8/8",
		"2001:db8::/129", "2001:db8::1/64", "10.0.0.0:5/8", "[::]/0",
		"10.0.0.0/0000", "10.0.0.0 /8", "example.com"};
	struct net_prefix net;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_msg(net_prefix_parse(str_of(BAD[i]), &net) ==
				EDGE_EMALFORMED, "\"%s\"", BAD[i]);
	ck_assert_int_eq(net_prefix_parse(STR_LIT("10.0.0.1"), &net), 0);
	ck_assert_int_eq(net_prefix_parse(STR_LIT("0.0.0.0/0"), &net), 0);
	ck_assert_int_eq(net_prefix_parse(STR_LIT("::/0"), &net), 0);
	ck_assert_int_eq(net_prefix_parse(STR_LIT("::1/128"), &net), 0);
}
END_TEST

START_TEST(test_netset_all_of_one_family_is_not_the_other)
{
	struct addr four = parsed("8.8.8.8");
	struct addr six = parsed("2001:db8::1");
	struct net_prefix net;

	ck_assert_int_eq(net_prefix_parse(STR_LIT("::/0"), &net), 0);
	ck_assert(!net_prefix_has(&net, &four));
	ck_assert(net_prefix_has(&net, &six));
	ck_assert_int_eq(net_prefix_parse(STR_LIT("0.0.0.0/0"), &net), 0);
	ck_assert(net_prefix_has(&net, &four));
	ck_assert(!net_prefix_has(&net, &six));
}
END_TEST

START_TEST(test_netset_unset_address_is_in_no_net)
{
	struct addr none = {.family = 0};
	struct net_prefix net = net_prefix_of(&none, 0);

	ck_assert(!net_prefix_has(&net, &none));
	ck_assert_ptr_null(netset_special(&none));
}
END_TEST

START_TEST(test_netset_holds_many)
{
	struct netset set;
	struct addr a;

	netset_init(&set);
	for (unsigned i = 0; i < 100; i++) {
		char text[32];

		snprintf(text, sizeof(text), "11.%u.0.0/16", 2 * i);
		ck_assert_int_eq(netset_add_text(&set, str_of(text)), 0);
	}
	ck_assert_int_eq(netset_add_text(&set, STR_LIT("x")),
		EDGE_EMALFORMED);
	ck_assert_uint_eq(set.count, 100);
	a = parsed("11.198.3.4");
	ck_assert(netset_has(&set, &a));
	a = parsed("::ffff:11.198.3.4");
	ck_assert(netset_has(&set, &a));
	a = parsed("11.199.3.4");
	ck_assert(!netset_has(&set, &a));
	netset_fini(&set);
	ck_assert(!netset_has(&set, &a));
}
END_TEST

/* Byte by byte with a carry, as on paper: -1, 0, 1. */
static int reference_cmp(const uint8_t a[16], const uint8_t b[16])
{
	int borrow = 0;
	bool zero = true;

	for (int i = 15; i >= 0; i--) {
		int d = a[i] - b[i] - borrow;

		borrow = d < 0;
		if ((d & 0xff) != 0)
			zero = false;
	}
	if (borrow)
		return -1;
	return zero ? 0 : 1;
}

/* Bytes that often agree at the front, so that late bytes decide. */
static void random_ip(uint8_t ip[16], const uint8_t like[16])
{
	rand_bytes(ip, 16);
	memcpy(ip, like, rand_below(17));
	ip[0] |= 0x20; /* stay away from the embedded IPv4 forms */
}

START_TEST(test_T4_ranges_compare_as_128_bit_numbers)
{
	struct addr a = {.family = 6};
	struct net_prefix net;
	uint8_t base[16];
	unsigned inside = 0;

	for (unsigned n = 0; n < CASES; n++) {
		bool want;

		rand_bytes(base, sizeof(base));
		random_ip(net.low, base);
		random_ip(net.high, base);
		random_ip(a.ip, base);
		want = reference_cmp(net.low, a.ip) <= 0 &&
			reference_cmp(a.ip, net.high) <= 0;
		ck_assert(net_prefix_has(&net, &a) == want);
		inside += want;
	}
	ck_assert_uint_gt(inside, CASES / 100);
}
END_TEST

START_TEST(test_T4_prefix_bits_equal_a_bitwise_compare)
{
	struct addr a = {.family = 6}, b = {.family = 6};

	for (unsigned n = 0; n < CASES; n++) {
		unsigned bits = rand_below(129);
		struct net_prefix net;
		bool want = true;

		rand_bytes(a.ip, sizeof(a.ip));
		random_ip(b.ip, a.ip);
		net = net_prefix_of(&a, bits);
		for (unsigned i = 0; i < bits && want; i++)
			want = ((a.ip[i / 8] ^ b.ip[i / 8]) >>
				(7 - i % 8) & 1) == 0;
		ck_assert(net_prefix_has(&net, &b) == want);
	}
}
END_TEST

struct special_case {
	const char *first;
	const char *last;
	const char *name;
};

/* threats 3d, written down a second time as first and last address. */
static const struct special_case SPECIAL_CASES[] = {
	{"0.0.0.0", "0.255.255.255", "this network"},
	{"10.0.0.0", "10.255.255.255", "private"},
	{"100.64.0.0", "100.127.255.255", "shared by carriers"},
	{"127.0.0.0", "127.255.255.255", "loopback"},
	{"169.254.0.0", "169.254.255.255", "link-local"},
	{"172.16.0.0", "172.31.255.255", "private"},
	{"192.0.0.0", "192.0.0.255", "protocol assignments"},
	{"192.0.2.0", "192.0.2.255", "documentation"},
	{"192.88.99.0", "192.88.99.255", "6to4 relay"},
	{"192.168.0.0", "192.168.255.255", "private"},
	{"198.18.0.0", "198.19.255.255", "benchmarking"},
	{"198.51.100.0", "198.51.100.255", "documentation"},
	{"203.0.113.0", "203.0.113.255", "documentation"},
	{"224.0.0.0", "239.255.255.255", "multicast"},
	{"240.0.0.0", "255.255.255.254", "reserved"},
	{"255.255.255.255", "255.255.255.255", "broadcast"},
	{"::", "::", "unspecified"},
	{"::1", "::1", "loopback"},
	{"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
		"translated to IPv4"},
	{"100::", "100::ffff:ffff:ffff:ffff", "discard"},
	{"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo"},
	{"2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
		"protocol assignments"},
	{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
		"documentation"},
	{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private"},
	{"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"},
	{"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local"},
	{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
};

static void check_named(const struct addr *a, const char *name)
{
	const char *found = netset_special(a);
	char text[ADDR_TEXT_LEN];

	ck_assert_msg(found != NULL && strcmp(found, name) == 0,
		"%s is \"%s\", not \"%s\"", addr_ip_text(a, text),
		found != NULL ? found : "ordinary", name);
}

START_TEST(test_T1_special_ranges_are_named)
{
	for (size_t i = 0; i < ARRAY_COUNT(SPECIAL_CASES); i++) {
		struct addr a = parsed(SPECIAL_CASES[i].first);

		check_named(&a, SPECIAL_CASES[i].name);
		a = parsed(SPECIAL_CASES[i].last);
		check_named(&a, SPECIAL_CASES[i].name);
	}
}
END_TEST

START_TEST(test_T1_neighbours_of_special_ranges_are_ordinary)
{
	static const char *const PLAIN[] = {"1.0.0.0", "9.255.255.255",
		"11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0", "192.0.1.255", "192.0.3.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "8.8.8.8", "2001:200::",
		"2001:db7:ffff::", "2001:db9::", "2606:4700::1111",
		"fbff:ffff::", "fe00::", "2002:808:808::",
		"64:ff9b:2::1", "100:0:0:1::"};

	for (size_t i = 0; i < ARRAY_COUNT(PLAIN); i++) {
		struct addr a = parsed(PLAIN[i]);

		ck_assert_msg(netset_special(&a) == NULL, "%s is \"%s\"",
			PLAIN[i], netset_special(&a));
	}
}
END_TEST

START_TEST(test_T3_teredo_and_local_nat64_are_denied)
{
	static const char *const DENIED[] = {"2001::1",
		"2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b:1::8.8.8.8",
		"64:ff9b:1:2::1", "64:ff9b::8.8.8.8"};

	for (size_t i = 0; i < ARRAY_COUNT(DENIED); i++) {
		struct addr a = parsed(DENIED[i]);

		ck_assert_msg(netset_special(&a) != NULL, "%s", DENIED[i]);
	}
}
END_TEST

/* Each way to write ip4 into 16 bytes. */
static struct addr embed(const uint8_t ip4[4], int form)
{
	static const uint8_t FRONT[][12] = {
		{[10] = 0xff, [11] = 0xff},
		{0},
		{[8] = 0xff, [9] = 0xff},
		{0x00, 0x64, 0xff, 0x9b},
		{0xfe, 0x80, [10] = 0x5e, [11] = 0xfe},
		{0x26, 0x06, 0x47, [8] = 0x02, [10] = 0x5e, [11] = 0xfe},
		{0x26, 0x06, 0x47, [10] = 0x5e, [11] = 0xfe},
	};
	struct addr a = {.family = 6};

	if (form == (int)ARRAY_COUNT(FRONT)) {
		rand_bytes(a.ip, sizeof(a.ip));
		a.ip[0] = 0x20;
		a.ip[1] = 0x02;
		memcpy(a.ip + 2, ip4, 4);
		return a;
	}
	memcpy(a.ip, FRONT[form], 12);
	memcpy(a.ip + 12, ip4, 4);
	return a;
}

START_TEST(test_T3_ipv4_in_ipv6_is_denied)
{
	for (unsigned n = 0; n < CASES; n++) {
		/* The IPv4 rows are the first 16. */
		const struct special_case *row = &SPECIAL_CASES[n % 16];
		struct addr first = parsed(row->first);
		struct addr last = parsed(row->last);
		struct addr a;
		uint8_t ip4[4];

		for (int i = 0; i < 4; i++) {
			uint8_t low = first.ip[12 + i];
			uint32_t span = (uint32_t)(last.ip[12 + i] - low) + 1;

			ip4[i] = (uint8_t)(low + rand_below(span));
		}
		for (int form = 0; form <= 7; form++) {
			a = embed(ip4, form);
			ck_assert_msg(netset_special(&a) != NULL,
				"%s, form %d", row->first, form);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/netset");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_netset_prefix_has_its_ends);
	tcase_add_test(tc, test_netset_prefix_text_is_strict);
	tcase_add_test(tc, test_netset_all_of_one_family_is_not_the_other);
	tcase_add_test(tc, test_netset_unset_address_is_in_no_net);
	tcase_add_test(tc, test_netset_holds_many);
	tcase_add_test(tc, test_T4_ranges_compare_as_128_bit_numbers);
	tcase_add_test(tc, test_T4_prefix_bits_equal_a_bitwise_compare);
	tcase_add_test(tc, test_T1_special_ranges_are_named);
	tcase_add_test(tc, test_T1_neighbours_of_special_ranges_are_ordinary);
	tcase_add_test(tc, test_T3_teredo_and_local_nat64_are_denied);
	tcase_add_test(tc, test_T3_ipv4_in_ipv6_is_denied);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
