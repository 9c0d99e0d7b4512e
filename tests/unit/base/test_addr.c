/* Tests of common/base/addr.c: text, socket addresses, canonical form. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "common/base/rand.h"

#define CASES 100000

static struct addr parsed(const char *text)
{
	struct addr a = {.family = 0};

	ck_assert_msg(addr_parse(str_of(text), &a) == 0, "%s", text);
	return a;
}

START_TEST(test_addr_text_goes_both_ways)
{
	static const char *const TEXTS[] = {"192.0.2.1:5061", "0.0.0.0:0",
		"255.255.255.255:65535", "[2001:db8::1]:5061", "[::]:0",
		"[::ffff:192.0.2.1]:1",
		"[1111:2222:3333:4444:5555:6666:7777:8888]:65535"};
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++) {
		struct addr a = parsed(TEXTS[i]);

		ck_assert_str_eq(addr_text(&a, text), TEXTS[i]);
	}
}
END_TEST

START_TEST(test_addr_parses_with_and_without_port)
{
	char text[ADDR_TEXT_LEN];
	struct addr a = parsed("2001:db8::1");

	ck_assert_uint_eq(a.port, 0);
	ck_assert_str_eq(addr_ip_text(&a, text), "2001:db8::1");
	a = parsed("[2001:db8::1]");
	ck_assert_uint_eq(a.port, 0);
	a = parsed("192.0.2.1");
	ck_assert_uint_eq(a.port, 0);
	ck_assert_str_eq(addr_ip_text(&a, text), "192.0.2.1");
	ck_assert_int_eq(addr_parse_z("192.0.2.1", 5061, &a), 0);
	ck_assert_uint_eq(a.port, 5061);
	ck_assert_int_eq(addr_parse_z("192.0.2.1:80", 5061, &a), 0);
	ck_assert_uint_eq(a.port, 80);
}
END_TEST

START_TEST(test_addr_refuses_other_text)
{
	static const char *const BAD[] = {"", "localhost", "192.0.2",
		"1.2.3.4.5",
		"192.0.2.256", "0300.0.2.1", "192.0.2.1:", "192.0.2.1:65536",
		"192.0.2.1:-1", "192.0.2.1:000080", "192.0.2.1 ", " 192.0.2.1",
		"[192.0.2.1]:80", "[2001:db8::1", "[2001:db8::1]x", "[]",
		"[]:1", "[2001:db8::1]:", "2001:db8::1::", "fe80::1%eth0",
		"[", "]", ":",
		"::1:99999", "0x7f.1", "2130706433"};
	struct addr a;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_msg(addr_parse(str_of(BAD[i]), &a) ==
				EDGE_EMALFORMED, "\"%s\"", BAD[i]);
	ck_assert_int_eq(addr_parse(STR_LIT("1.2.3.4\0"), &a),
		EDGE_EMALFORMED);
	ck_assert_int_eq(addr_parse_ip(STR_LIT("1.2.3.4:5"), &a),
		EDGE_EMALFORMED);
	ck_assert_int_eq(addr_parse_ip(STR_LIT("[::1]"), &a), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_addr_compares_with_and_without_port)
{
	struct addr a = parsed("192.0.2.1:1");
	struct addr b = addr_with_port(&a, 2);
	struct addr mapped = parsed("[::ffff:192.0.2.1]:1");

	ck_assert(!addr_eq(&a, &b));
	ck_assert(addr_ip_eq(&a, &b));
	ck_assert(!addr_eq(&a, &mapped));
	ck_assert(!addr_ip_eq(&a, &mapped));
	ck_assert_int_lt(addr_cmp(&a, &b), 0);
	ck_assert_int_gt(addr_cmp(&b, &a), 0);
	ck_assert_int_eq(addr_cmp(&a, &a), 0);
	ck_assert_int_ne(addr_cmp(&a, &mapped), 0);
}
END_TEST

START_TEST(test_addr_socket_address_goes_both_ways)
{
	static const char *const TEXTS[] = {"192.0.2.1:5061",
		"[2001:db8::1]:5061"};
	struct sockaddr_storage ss;
	struct addr back;

	for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++) {
		struct addr a = parsed(TEXTS[i]);
		socklen_t len = addr_to_sockaddr(&a, &ss);

		ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss,
			len, &back), 0);
		ck_assert(addr_eq(&a, &back));
		ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss,
			len - 1, &back), -EAFNOSUPPORT);
	}
	ss.ss_family = AF_UNIX;
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss,
		sizeof(ss), &back), -EAFNOSUPPORT);
	ck_assert_int_eq(addr_from_sockaddr(NULL, 0, &back), -EAFNOSUPPORT);
}
END_TEST

START_TEST(test_addr_unset_is_harmless)
{
	struct addr none = {.family = 0};
	struct sockaddr_storage ss;
	char text[ADDR_TEXT_LEN];

	ck_assert(!addr_is_set(&none));
	ck_assert(!addr_is_any(&none));
	ck_assert(!addr_is_loopback(&none));
	ck_assert_str_eq(addr_text(&none, text), "-");
	addr_to_sockaddr(&none, &ss);
	ck_assert_int_eq(ss.ss_family, AF_UNSPEC);
}
END_TEST

START_TEST(test_T2_any_and_loopback_in_all_forms)
{
	static const char *const ANY[] = {"0.0.0.0", "::", "::ffff:0.0.0.0",
		"64:ff9b::", "2002::", "::ffff:0:0.0.0.0"};
	static const char *const LOOP[] = {"127.0.0.1", "127.255.3.4", "::1",
		"::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::",
		"64:ff9b::127.0.0.1", "fe80::5efe:127.0.0.1",
		"2001:db8::200:5efe:127.0.0.1", "::ffff:0:127.0.0.1"};
	struct addr a;

	for (size_t i = 0; i < ARRAY_COUNT(ANY); i++) {
		a = parsed(ANY[i]);
		ck_assert_msg(addr_is_any(&a), "%s", ANY[i]);
		ck_assert(!addr_is_loopback(&a));
	}
	for (size_t i = 0; i < ARRAY_COUNT(LOOP); i++) {
		a = parsed(LOOP[i]);
		ck_assert_msg(addr_is_loopback(&a), "%s", LOOP[i]);
		ck_assert(!addr_is_any(&a));
	}
}
END_TEST

START_TEST(test_T3_embedded_forms_become_the_ipv4_address)
{
	static const char *const FORMS[] = {"::ffff:%u.%u.%u.%u",
		"::%u.%u.%u.%u", "2002:%02x%02x:%02x%02x::",
		"2002:%02x%02x:%02x%02x:dead:beef:1:2:3",
		"64:ff9b::%u.%u.%u.%u",
		"fe80::5efe:%u.%u.%u.%u", "2001:db8:1:2:200:5efe:%u.%u.%u.%u",
		"2001:db8:1:2:0:5efe:%u.%u.%u.%u", "::ffff:0:%u.%u.%u.%u"};
	char text[64];

	for (int n = 0; n < CASES; n++) {
		const char *form = FORMS[n % (int)ARRAY_COUNT(FORMS)];
		struct addr plain, embedded, canonical, again;
		uint8_t ip[4];

		rand_bytes(ip, sizeof(ip));
		if (ip[0] == 0 && ip[1] == 0)
			continue; /* :: and ::1 and their like */
		snprintf(text, sizeof(text), "%u.%u.%u.%u:7", ip[0], ip[1],
			ip[2], ip[3]);
		plain = parsed(text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), form, ip[0], ip[1], ip[2], ip[3]);
#pragma GCC diagnostic pop
		embedded = parsed(text);
		embedded.port = 7;
		canonical = addr_canonical(&embedded);
		ck_assert_msg(addr_eq(&canonical, &plain), "%s", text);
		again = addr_canonical(&canonical);
		ck_assert(addr_eq(&again, &canonical));
	}
}
END_TEST

START_TEST(test_T3_canonical_is_idempotent)
{
	for (int n = 0; n < CASES; n++) {
		struct addr a = {.family = 6, .port = 9}, once, twice;

		rand_bytes(a.ip, sizeof(a.ip));
		/* Near the special forms more often than chance would. */
		if (n % 2 == 0)
			memset(a.ip, 0, (size_t)(n / 2 % 17));
		once = addr_canonical(&a);
		twice = addr_canonical(&once);
		ck_assert(addr_eq(&once, &twice));
		ck_assert_uint_eq(once.port, 9);
	}
}
END_TEST

START_TEST(test_T3_ordinary_addresses_stay)
{
	static const char *const PLAIN[] = {"192.0.2.1", "::", "::1",
		"2001:db8::1", "2001::1", "64:ff9b:1::1.2.3.4", "fe80::1",
		"2001:db8::100:5efe:1.2.3.4", "2003::1", "1::fffe:1.2.3.4"};

	for (size_t i = 0; i < ARRAY_COUNT(PLAIN); i++) {
		struct addr a = parsed(PLAIN[i]);
		struct addr c = addr_canonical(&a);

		ck_assert_msg(addr_eq(&a, &c), "%s", PLAIN[i]);
	}
}
END_TEST

START_TEST(test_addr_hash_spreads_neighbours)
{
	unsigned count[256] = {0};
	struct addr a = parsed("192.0.2.1:1");
	uint64_t seed = rand_u64();

	for (unsigned port = 0; port < 65536; port++) {
		a.port = (uint16_t)port;
		count[addr_hash(&a, seed) & 255]++;
	}
	for (size_t i = 0; i < 256; i++) {
		/* 256 on average, standard deviation 16 */
		ck_assert_uint_gt(count[i], 256 - 8 * 16);
		ck_assert_uint_lt(count[i], 256 + 8 * 16);
	}
	ck_assert_uint_ne(addr_hash(&a, seed), addr_hash(&a, seed + 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/addr");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_addr_text_goes_both_ways);
	tcase_add_test(tc, test_addr_parses_with_and_without_port);
	tcase_add_test(tc, test_addr_refuses_other_text);
	tcase_add_test(tc, test_addr_compares_with_and_without_port);
	tcase_add_test(tc, test_addr_socket_address_goes_both_ways);
	tcase_add_test(tc, test_addr_unset_is_harmless);
	tcase_add_test(tc, test_T2_any_and_loopback_in_all_forms);
	tcase_add_test(tc, test_T3_embedded_forms_become_the_ipv4_address);
	tcase_add_test(tc, test_T3_canonical_is_idempotent);
	tcase_add_test(tc, test_T3_ordinary_addresses_stay);
	tcase_add_test(tc, test_addr_hash_spreads_neighbours);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
