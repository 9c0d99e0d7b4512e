/* Addresses off the command line: literals, names, ports, and neither. */
#include <check.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/address.h"
#include "tests/unit/check_main.h"

static struct why why;

static int read_of(const char *text, struct addr *out,
	char host[static ADDRESS_HOST_LEN])
{
	why = (struct why){""};
	return address_read(out, host, "edge", text, 443, &why);
}

START_TEST(test_literals_are_addresses_with_or_without_a_port)
{
	static const struct {
		const char *text;
		const char *want;
	} rows[] = {
		{"192.0.2.10", "192.0.2.10:443"},
		{"192.0.2.10:8443", "192.0.2.10:8443"},
		{"[2001:db8::1]:8443", "[2001:db8::1]:8443"},
		{"2001:db8::1", "[2001:db8::1]:443"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char host[ADDRESS_HOST_LEN], text[ADDR_TEXT_LEN];
		struct addr a;

		ck_assert_int_eq(read_of(rows[i].text, &a, host), 0);
		ck_assert_str_eq(host, "");
		ck_assert_str_eq(addr_text(&a, text), rows[i].want);
	}
}
END_TEST

START_TEST(test_names_are_left_to_the_caller_with_their_port)
{
	char host[ADDRESS_HOST_LEN];
	struct addr a;

	ck_assert_int_eq(read_of("edge.example.com", &a, host), 0);
	ck_assert_str_eq(host, "edge.example.com");
	ck_assert_uint_eq(a.port, 443);
	ck_assert(!addr_is_set(&a));
	ck_assert_int_eq(read_of("edge.example.com:5061", &a, host), 0);
	ck_assert_str_eq(host, "edge.example.com");
	ck_assert_uint_eq(a.port, 5061);
}
END_TEST

START_TEST(test_what_is_neither_is_told_with_its_option)
{
	static const char *const rows[] = {"", ":443", "edge.example.com:",
		"edge.example.com:0", "edge.example.com:65536",
		"edge.example.com:https"};
	char host[ADDRESS_HOST_LEN], longest[300];
	struct addr a;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		ck_assert_int_eq(read_of(rows[i], &a, host), EDGE_ECONFIG);
		ck_assert_ptr_nonnull(strstr(why.text, "--edge "));
		ck_assert_ptr_nonnull(strstr(why.text, "192.0.2.10:443"));
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(read_of(longest, &a, host), EDGE_ECONFIG);
}
END_TEST

int main(void)
{
	RUN_SUITE("edgectl/address",
		test_literals_are_addresses_with_or_without_a_port,
		test_names_are_left_to_the_caller_with_their_port,
		test_what_is_neither_is_told_with_its_option);
}
