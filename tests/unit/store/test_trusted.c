/* Which certificate has which right. */
#include <check.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/store/trusted.h"

static struct topology_trust rows[2];
static struct topology t;
static struct tls_peer peer;
static const char *cause;

static void setup(void)
{
	memset(rows, 0, sizeof(rows));
	rows[0].grant = TOPOLOGY_GRANT_AV_AUTH;
	strcpy(rows[0].fqdn, "fe.int.test");
	rows[1].grant = TOPOLOGY_GRANT_SIP;
	strcpy(rows[1].fqdn, "sip.int.test");
	t.trusted = rows;
	t.trusted_count = 2;
	memset(&peer, 0, sizeof(peer));
	peer.is_present = true;
	peer.is_verified = true;
	peer.name_count = 2;
	strcpy(peer.names[0], "other.int.test");
	strcpy(peer.names[1], "fe.int.test");
	memset(peer.spki_sha256, 7, sizeof(peer.spki_sha256));
}

static const struct topology_trust *find(void)
{
	return trusted_find(&t, TOPOLOGY_GRANT_AV_AUTH, &peer, &cause);
}

START_TEST(test_any_name_of_the_certificate_will_do)
{
	const struct topology_trust *row = find();

	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->fqdn, "fe.int.test");
}
END_TEST

START_TEST(test_unverified_or_missing_certificate_has_no_right)
{
	peer.is_verified = false;
	ck_assert_ptr_null(find());
	peer.is_verified = true;
	peer.is_present = false;
	ck_assert_ptr_null(find());
	ck_assert_ptr_nonnull(strstr(cause, "no certificate"));
}
END_TEST

START_TEST(test_another_right_is_not_this_right)
{
	strcpy(peer.names[1], "sip.int.test");
	ck_assert_ptr_null(find());
	ck_assert_ptr_nonnull(strstr(cause, "has the right av-auth"));
}
END_TEST

START_TEST(test_name_is_compared_whole)
{
	static const char *const NEAR[] = {"fe.int.test.evil.test",
		"xfe.int.test", "*.int.test", "int.test", "fe.int.tes", ""};

	for (size_t i = 0; i < ARRAY_COUNT(NEAR); i++) {
		strcpy(peer.names[1], NEAR[i]);
		ck_assert_ptr_null(find());
	}
}
END_TEST

START_TEST(test_pin_is_kept)
{
	rows[0].has_pin = true;
	memset(rows[0].spki_sha256, 7, 32);
	ck_assert_ptr_nonnull(find());
	peer.spki_sha256[31] ^= 1;
	ck_assert_ptr_null(find());
	ck_assert_ptr_nonnull(strstr(cause, "pinned"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trusted");
	TCase *tc = tcase_create("trusted");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_any_name_of_the_certificate_will_do);
	tcase_add_test(tc, test_unverified_or_missing_certificate_has_no_right);
	tcase_add_test(tc, test_another_right_is_not_this_right);
	tcase_add_test(tc, test_name_is_compared_whole);
	tcase_add_test(tc, test_pin_is_kept);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
