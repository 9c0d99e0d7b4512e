/* Failed sign-ins: who is counted, who is kept out, who is not. */
#include "access-edge/logon.h"

#include <check.h>

#include "tests/unit/check_main.h"

/* One more failure from 192.0.2.<host>, or nothing; is it blocked now? */
static bool try_logon(struct logon *l, uint8_t host, const char *user,
	const char *login, bool fails, struct mono now)
{
	struct addr source;
	struct logon_id id;

	ck_assert_int_eq(addr_parse_z("192.0.2.1", 1, &source), 0);
	source.ip[15] = host;
	id = logon_id_of(l, &source, str_of(user), str_of(login));
	if (fails)
		logon_failed(l, &id, 3, 600, now);
	return logon_is_blocked(l, &id, now);
}

START_TEST(test_failed_logons_block_source_and_user)
{
	struct mono now = {1000};
	struct logon *l = NULL;

	ck_assert_int_eq(logon_new(&l), 0);
	ck_assert(!try_logon(l, 1, "X@a.test", "", true, now));
	ck_assert(!try_logon(l, 1, "X@a.test", "", true, now));
	ck_assert(try_logon(l, 1, "X@a.test", "", true, now));
	ck_assert(try_logon(l, 1, "y@a.test", "", false, now));
	ck_assert(try_logon(l, 2, "x@A.test", "", false, now));
	ck_assert(!try_logon(l, 2, "y@a.test", "", false, now));
	now = mono_after_ms(now, 600 * 1000 + 1);
	ck_assert(!try_logon(l, 1, "x@a.test", "", false, now));
	ck_assert(!try_logon(l, 1, "x@a.test", "", true, now));
	logon_free(l);
}
END_TEST

/* From many sources, under many names: still the same account. */
START_TEST(test_S6_account_in_the_credentials_counts_whatever_from_says)
{
	struct mono now = {1000};
	struct logon *l = NULL;

	ck_assert_int_eq(logon_new(&l), 0);
	try_logon(l, 1, "a@a.test", "bob", true, now);
	try_logon(l, 2, "b@a.test", "bob", true, now);
	ck_assert(try_logon(l, 3, "c@a.test", "BOB", true, now));
	ck_assert(try_logon(l, 4, "d@a.test", "bob", false, now));
	ck_assert(!try_logon(l, 4, "d@a.test", "dan", false, now));
	logon_free(l);
}
END_TEST

START_TEST(test_S6_stranger_can_not_keep_a_known_user_out)
{
	struct mono now = {1000};
	struct logon *l = NULL;
	struct logon_id bob, other;
	struct addr home;

	ck_assert_int_eq(logon_new(&l), 0);
	ck_assert_int_eq(addr_parse_z("192.0.2.9", 1, &home), 0);
	bob = logon_id_of(l, &home, STR_LIT("bob@a.test"), STR_LIT("bob"));
	logon_succeeded(l, &bob, now);
	for (uint8_t i = 1; i < 5; i++)
		try_logon(l, i, "bob@a.test", "bob", true, now);
	ck_assert(try_logon(l, 7, "bob@a.test", "bob", false, now));
	ck_assert(!logon_is_blocked(l, &bob, now));
	/* Nor one behind the same address who fails as somebody else. */
	for (int i = 0; i < 3; i++)
		try_logon(l, 9, "eve@a.test", "eve", true, now);
	ck_assert(try_logon(l, 9, "dan@a.test", "dan", false, now));
	ck_assert(!logon_is_blocked(l, &bob, now));
	/* Being known as one is no way to guess at another. */
	other = logon_id_of(l, &home, STR_LIT("bob@a.test"),
		STR_LIT("dan"));
	ck_assert(logon_is_blocked(l, &other, now));
	/* What fails as bob from there does count. */
	for (int i = 0; i < 3; i++)
		logon_failed(l, &bob, 3, 600, now);
	ck_assert(logon_is_blocked(l, &bob, now));
	logon_free(l);
}
END_TEST

START_TEST(test_flood_of_sources_takes_no_more_memory)
{
	struct mono now = {1000};
	struct logon *l = NULL;
	struct logon_id id;
	struct addr a;

	ck_assert_int_eq(logon_new(&l), 0);
	ck_assert_int_eq(addr_parse_z("10.0.0.0", 1, &a), 0);
	for (unsigned i = 0; i < 40000; i++) {
		a.ip[13] = (uint8_t)(i >> 16);
		a.ip[14] = (uint8_t)(i >> 8);
		a.ip[15] = (uint8_t)i;
		id = logon_id_of(l, &a, STR_LIT("same@a.test"),
			STR_LIT(""));
		logon_failed(l, &id, 3, 600, now);
		logon_succeeded(l, &id, now);
	}
	ck_assert_uint_le(logon_count(l), 16384);
	logon_free(l);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/logon",
		test_failed_logons_block_source_and_user,
		test_S6_account_in_the_credentials_counts_whatever_from_says,
		test_S6_stranger_can_not_keep_a_known_user_out,
		test_flood_of_sources_takes_no_more_memory);
}
