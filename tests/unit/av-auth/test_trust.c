/* Who may ask: certificate names, pins, rates. */
#include <check.h>
#include <string.h>

#include "av-auth/avedge_xml.h"
#include "av-auth/trust.h"
#include "tests/unit/av-auth/lab.h"

static struct lab_plain lab;
static struct tls_peer peer;
static const char *cause;

static void setup(void)
{
	lab_plain_init(&lab);
	memset(&peer, 0, sizeof(peer));
	peer.is_present = true;
	peer.is_verified = true;
	peer.name_count = 2;
	strcpy(peer.names[0], "other.int.test");
	strcpy(peer.names[1], "fe.int.test");
	memset(peer.spki_sha256, 7, sizeof(peer.spki_sha256));
}

static void teardown(void)
{
	lab_plain_fini(&lab);
}

START_TEST(test_any_name_of_the_certificate_will_do)
{
	const struct topology_trust *row = trust_find(&lab.t, &peer, &cause);

	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->fqdn, "fe.int.test");
}
END_TEST

START_TEST(test_unverified_or_missing_certificate_has_no_right)
{
	peer.is_verified = false;
	ck_assert_ptr_null(trust_find(&lab.t, &peer, &cause));
	peer.is_verified = true;
	peer.is_present = false;
	ck_assert_ptr_null(trust_find(&lab.t, &peer, &cause));
	ck_assert_ptr_nonnull(strstr(cause, "no certificate"));
}
END_TEST

START_TEST(test_another_right_is_not_this_right)
{
	strcpy(peer.names[1], "sip.int.test");
	ck_assert_ptr_null(trust_find(&lab.t, &peer, &cause));
	ck_assert_ptr_nonnull(strstr(cause, "has the right av-auth"));
}
END_TEST

START_TEST(test_name_is_compared_whole)
{
	static const char *const NEAR[] = {"fe.int.test.evil.test",
		"xfe.int.test", "*.int.test", "int.test", "fe.int.tes", ""};

	for (size_t i = 0; i < ARRAY_COUNT(NEAR); i++) {
		strcpy(peer.names[1], NEAR[i]);
		ck_assert_ptr_null(trust_find(&lab.t, &peer, &cause));
	}
}
END_TEST

START_TEST(test_pin_is_kept)
{
	lab.trusted[0].has_pin = true;
	memset(lab.trusted[0].spki_sha256, 7, 32);
	ck_assert_ptr_nonnull(trust_find(&lab.t, &peer, &cause));
	peer.spki_sha256[31] ^= 1;
	ck_assert_ptr_null(trust_find(&lab.t, &peer, &cause));
	ck_assert_ptr_nonnull(strstr(cause, "pinned"));
}
END_TEST

START_TEST(test_rate_is_per_server_and_comes_back)
{
	struct trust_rates r;
	struct mono now = {1000};

	lab_trust(&lab, TOPOLOGY_GRANT_AV_AUTH, "fe2.int.test");
	lab_set(&lab, "credential_rate", "60");
	ck_assert_int_eq(trust_rates_init(&r, &lab.t, now), 0);
	ck_assert(trust_rates_take(&r, "fe.int.test", 120, now));
	ck_assert(!trust_rates_take(&r, "fe.int.test", 1, now));
	ck_assert(trust_rates_take(&r, "FE2.int.test", 1, now));
	now.ms += 1000;
	ck_assert(trust_rates_take(&r, "fe.int.test", 60, now));
	ck_assert(!trust_rates_take(&r, "fe.int.test", 1, now));
	trust_rates_fini(&r);
}
END_TEST

START_TEST(test_one_full_request_passes_at_the_lowest_rate)
{
	struct trust_rates r;
	struct mono now = {1000};

	lab_set(&lab, "credential_rate", "1");
	ck_assert_int_eq(trust_rates_init(&r, &lab.t, now), 0);
	ck_assert(trust_rates_take(&r, "fe.int.test", AVEDGE_ITEMS_MAX, now));
	trust_rates_fini(&r);
}
END_TEST

/* Else one that repeats a large request would never see it answered. */
START_TEST(test_refused_request_costs_nothing)
{
	struct trust_rates r;
	struct mono now = {1000};

	lab_set(&lab, "credential_rate", "10");
	ck_assert_int_eq(trust_rates_init(&r, &lab.t, now), 0);
	ck_assert(trust_rates_take(&r, "fe.int.test", 60, now));
	for (int i = 0; i < 5; i++) {
		ck_assert(!trust_rates_take(&r, "fe.int.test", 91, now));
		now.ms += 1000;
	}
	ck_assert(trust_rates_take(&r, "fe.int.test", 90, now));
	trust_rates_fini(&r);
}
END_TEST

START_TEST(test_server_without_the_right_has_no_rate)
{
	struct trust_rates r;
	struct mono now = {1000};

	ck_assert_int_eq(trust_rates_init(&r, &lab.t, now), 0);
	ck_assert_uint_eq(r.count, 1);
	ck_assert(!trust_rates_take(&r, "sip.int.test", 1, now));
	trust_rates_fini(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trust");
	TCase *tc = tcase_create("trust");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_any_name_of_the_certificate_will_do);
	tcase_add_test(tc, test_unverified_or_missing_certificate_has_no_right);
	tcase_add_test(tc, test_another_right_is_not_this_right);
	tcase_add_test(tc, test_name_is_compared_whole);
	tcase_add_test(tc, test_pin_is_kept);
	tcase_add_test(tc, test_rate_is_per_server_and_comes_back);
	tcase_add_test(tc, test_one_full_request_passes_at_the_lowest_rate);
	tcase_add_test(tc, test_refused_request_costs_nothing);
	tcase_add_test(tc, test_server_without_the_right_has_no_rate);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
