/* What a person asks for against what an allocation is. */
#include <check.h>
#include <string.h>

#include "common/base/err.h"
#include "common/cred/rest_cred.h"
#include "av-edge/alloc_filter.h"

static struct av_key_ring ring;
static struct alloc a;
static struct alloc_filter f;

static void setup(void)
{
	memset(&ring, 0, sizeof(ring));
	memset(&a, 0, sizeof(a));
	memset(&f, 0, sizeof(f));
	av_key_ring_rotate(&ring, (struct wall){1});
	av_key_ring_rotate(&ring, (struct wall){2});
	a.side = TOPOLOGY_EXTERNAL;
	ck_assert_int_eq(addr_parse_z("198.51.100.7", 4000, &a.client), 0);
	ck_assert_int_eq(addr_parse_z("203.0.113.1", 50012, &a.relayed), 0);
}

START_TEST(test_nothing_asked_for_is_all)
{
	ck_assert(alloc_filter_takes(&f, &a));
}
END_TEST

START_TEST(test_user_by_name_under_every_key)
{
	static const char *const NAMES[] = {"sip:alice@contoso.test",
		"alice@contoso.test"};
	size_t key, i;

	for (key = 0; key < ring.count; key++) {
		av_cred_client_id(&ring.keys[key],
			STR_LIT("sip:alice@contoso.test"), a.client_id);
		for (i = 0; i < ARRAY_COUNT(NAMES); i++) {
			alloc_filter_user(&f, str_of(NAMES[i]), &ring);
			ck_assert(alloc_filter_takes(&f, &a));
		}
		alloc_filter_user(&f, STR_LIT("bob@contoso.test"), &ring);
		ck_assert(!alloc_filter_takes(&f, &a));
	}
}
END_TEST

START_TEST(test_user_of_a_web_application)
{
	const struct rest_user user = {.name = STR_LIT("room-7")};

	rest_user_client_id(&user, a.client_id);
	alloc_filter_user(&f, STR_LIT("room-7"), &ring);
	ck_assert(alloc_filter_takes(&f, &a));
	alloc_filter_user(&f, STR_LIT("room-8"), &ring);
	ck_assert(!alloc_filter_takes(&f, &a));
}
END_TEST

START_TEST(test_user_by_the_digits_of_the_list)
{
	char hex[2 * AV_CRED_CLIENT_ID_LEN + 1];

	a.client_id[3] = 0x77;
	str_hex(a.client_id, sizeof(a.client_id), hex);
	alloc_filter_user(&f, str_of(hex), &ring);
	ck_assert_uint_eq(f.user_count, 1);
	ck_assert(alloc_filter_takes(&f, &a));
	a.client_id[3] = 0x78;
	ck_assert(!alloc_filter_takes(&f, &a));
}
END_TEST

START_TEST(test_side)
{
	ck_assert_int_eq(alloc_filter_side(&f, STR_LIT("internal")), 0);
	ck_assert(!alloc_filter_takes(&f, &a));
	ck_assert_int_eq(alloc_filter_side(&f, STR_LIT("external")), 0);
	ck_assert(alloc_filter_takes(&f, &a));
	ck_assert_int_eq(alloc_filter_side(&f, STR_LIT("middle")),
		EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_address_and_port_of_either_end)
{
	static const struct {
		const char *address;
		const char *port;
		bool is_taken;
	} CASES[] = {
		{"198.51.100.7", NULL, true},
		{"198.51.100.7:4000", NULL, true},
		{"198.51.100.7:4001", NULL, false},
		{"203.0.113.1", NULL, true},
		{"203.0.113.1:50012", NULL, true},
		{"203.0.113.2", NULL, false},
		{NULL, "50012", true},
		{NULL, "4000", true},
		{NULL, "4001", false},
		{"198.51.100.7", "50012", true},
		{"198.51.100.7", "50013", false},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(CASES); i++) {
		memset(&f, 0, sizeof(f));
		if (CASES[i].address != NULL)
			ck_assert_int_eq(alloc_filter_address(&f,
				str_of(CASES[i].address)), 0);
		if (CASES[i].port != NULL)
			ck_assert_int_eq(alloc_filter_port(&f,
				str_of(CASES[i].port)), 0);
		ck_assert_msg(alloc_filter_takes(&f, &a) ==
			CASES[i].is_taken, "case %zu", i);
	}
}
END_TEST

START_TEST(test_nonsense_is_refused)
{
	ck_assert_int_lt(alloc_filter_address(&f, STR_LIT("here")), 0);
	ck_assert_int_lt(alloc_filter_port(&f, STR_LIT("0")), 0);
	ck_assert_int_lt(alloc_filter_port(&f, STR_LIT("65536")), 0);
	ck_assert_int_lt(alloc_filter_port(&f, STR_LIT("x")), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("alloc_filter");
	TCase *tc = tcase_create("alloc_filter");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_nothing_asked_for_is_all);
	tcase_add_test(tc, test_user_by_name_under_every_key);
	tcase_add_test(tc, test_user_of_a_web_application);
	tcase_add_test(tc, test_user_by_the_digits_of_the_list);
	tcase_add_test(tc, test_side);
	tcase_add_test(tc, test_address_and_port_of_either_end);
	tcase_add_test(tc, test_nonsense_is_refused);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
