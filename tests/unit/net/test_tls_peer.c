/* What a certificate says about its holder. */
#include <check.h>
#include <errno.h>

#include "common/base/err.h"
#include "common/net/tls.h"
#include "tests/unit/net/pki.h"

static struct pki pki;
static struct tls_cert_info info;

static void setup(void)
{
	pki_init(&pki);
	memset(&info, 0, sizeof(info));
}

static void teardown(void)
{
	pki_fini(&pki);
}

static void load(const struct pki_spec *spec)
{
	struct why why = { "" };
	char file[64];

	pki_make(&pki, spec);
	snprintf(file, sizeof(file), "%s.crt", spec->name);
	ck_assert_msg(tls_cert_info_load(pki_path(&pki, file), &info,
		&why) == 0, "%s", why.text);
}

START_TEST(test_names_are_those_of_the_san_in_lower_case)
{
	load(&(struct pki_spec){ .name = "x", .cn = "cn.test",
		.san = "DNS:Sip.Contoso.TEST,DNS:webcon.contoso.test,"
		       "IP:10.0.0.1,URI:sip:contoso.test" });
	ck_assert_uint_eq(info.name_count, 2);
	ck_assert_str_eq(info.names[0], "sip.contoso.test");
	ck_assert_str_eq(info.names[1], "webcon.contoso.test");
}
END_TEST

START_TEST(test_cn_counts_without_dns_names_only)
{
	load(&(struct pki_spec){ .name = "x", .cn = "CN.test" });
	ck_assert_uint_eq(info.name_count, 1);
	ck_assert_str_eq(info.names[0], "cn.test");
	load(&(struct pki_spec){ .name = "y", .cn = "cn.test",
		.san = "IP:10.0.0.1" });
	ck_assert_uint_eq(info.name_count, 1);
	load(&(struct pki_spec){ .name = "z", .cn = "cn.test",
		.san = "DNS:san.test" });
	ck_assert_uint_eq(info.name_count, 1);
	ck_assert_str_eq(info.names[0], "san.test");
	load(&(struct pki_spec){ .name = "w" });
	ck_assert_uint_eq(info.name_count, 0);
}
END_TEST

/* A C string would end at the NUL: "front.test", a name of ours. */
START_TEST(test_S3_name_with_a_nul_is_refused_and_hides_the_cn)
{
	load(&(struct pki_spec){ .name = "x", .cn = "front.test",
		.raw_san = "front.test\0.evil.test", .raw_san_len = 21 });
	ck_assert_uint_eq(info.name_count, 0);
	load(&(struct pki_spec){ .name = "y", .cn = "front.test",
		.raw_san = "front.test\n", .raw_san_len = 11 });
	ck_assert_uint_eq(info.name_count, 0);
	load(&(struct pki_spec){ .name = "z", .cn = "front.test",
		.raw_san = "", .raw_san_len = 0 });
	ck_assert_uint_eq(info.name_count, 0);
}
END_TEST

START_TEST(test_overlong_names_are_refused)
{
	char name[300];

	memset(name, 'a', sizeof(name));
	load(&(struct pki_spec){ .name = "x", .raw_san = name,
		.raw_san_len = sizeof(name) });
	ck_assert_uint_eq(info.name_count, 0);
	load(&(struct pki_spec){ .name = "y", .raw_san = name,
		.raw_san_len = 255 });
	ck_assert_uint_eq(info.name_count, 1);
}
END_TEST

START_TEST(test_dates_subject_issuer_and_serial_are_read)
{
	int64_t now = wall_now().s;

	pki_ca(&pki, "ca");
	load(&(struct pki_spec){ .name = "x", .issuer = "ca", .cn = "x.test",
		.to_days = 10 });
	ck_assert_str_eq(info.subject, "O=Test,CN=x.test");
	ck_assert_str_eq(info.issuer, "O=Test,CN=ca");
	ck_assert_uint_gt(strlen(info.serial), 4);
	ck_assert_int_lt(llabs(info.not_before.s - (now - 60)), 10);
	ck_assert_int_lt(llabs(info.not_after.s - (now + 10 * 86400)), 10);
}
END_TEST

START_TEST(test_bad_files_are_told)
{
	struct why why = { "" };

	ck_assert_int_eq(tls_cert_info_load(pki_path(&pki, "none.crt"), &info,
		&why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "none.crt"));
	pki_write(&pki, "bad.crt", "hello\n");
	ck_assert_int_eq(tls_cert_info_load(pki_path(&pki, "bad.crt"), &info,
		&why), EDGE_ETLS);
	ck_assert_ptr_nonnull(strstr(why.text, "bad.crt"));
}
END_TEST

START_TEST(test_names_are_compared_whole_and_without_case)
{
	struct tls_peer peer = { .names = { "a.test", "*.b.test" },
		.name_count = 2 };

	ck_assert(tls_peer_has_name(&peer, "A.Test"));
	ck_assert(!tls_peer_has_name(&peer, "x.a.test"));
	ck_assert(!tls_peer_has_name(&peer, "a.tes"));
	ck_assert(!tls_peer_has_name(&peer, "x.b.test"));
	ck_assert(!tls_peer_has_name(&peer, ""));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_peer");
	TCase *tc = tcase_create("tls_peer");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_names_are_those_of_the_san_in_lower_case);
	tcase_add_test(tc, test_cn_counts_without_dns_names_only);
	tcase_add_test(tc,
		test_S3_name_with_a_nul_is_refused_and_hides_the_cn);
	tcase_add_test(tc, test_overlong_names_are_refused);
	tcase_add_test(tc, test_dates_subject_issuer_and_serial_are_read);
	tcase_add_test(tc, test_bad_files_are_told);
	tcase_add_test(tc, test_names_are_compared_whole_and_without_case);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
