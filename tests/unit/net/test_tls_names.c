/* What certificates say of their holders: a matrix of good and bad ones, and
 * what is proved by each (threat S10, RFC 5922 section 7). */
#include "common/net/tls_names.h"

#include "tests/unit/net/pki.h"
#include "tests/unit/check_main.h"

static struct pki pki;
static unsigned made;

static struct tls_names *names_of(const struct pki_spec *base)
{
	struct pki_spec spec = *base;
	struct tls_names *names = NULL;
	char name[16], file[24];
	X509 *cert;
	FILE *f;

	snprintf(name, sizeof(name), "c%u", made++);
	snprintf(file, sizeof(file), "%s.crt", name);
	spec.name = name;
	pki_make(&pki, &spec);
	f = fopen(pki_path(&pki, file), "r");
	ck_assert_ptr_nonnull(f);
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_int_eq(tls_names_of(cert, &names), 0);
	X509_free(cert);
	return names;
}

#define HOST   "sip.example.test"
#define DOMAIN "example.test"

/* Does it prove the host, and the domain? */
struct row {
	const char *san;
	const char *cn;
	bool host;
	bool domain;
};

static const struct row rows[] = {
	/* what a certificate should have */
	{"DNS:" HOST, NULL, true, false},
	{"DNS:SIP.Example.TEST", NULL, true, false},
	{"DNS:other.test,DNS:" HOST, NULL, true, false},
	{"DNS:" HOST ",DNS:" DOMAIN, NULL, true, true},
	{"DNS:" DOMAIN, NULL, false, true},
	{"URI:sip:" DOMAIN, NULL, false, true},
	{"URI:SIP:Example.Test", NULL, false, true},
	{"URI:sip:" DOMAIN ";transport=tls", NULL, false, true},
	{"URI:sip:" DOMAIN ":5061", NULL, false, true},
	{"URI:sip:" DOMAIN ",DNS:" HOST, NULL, true, true},
	/* the subject counts only where there is nothing else */
	{NULL, HOST, true, false},
	{NULL, DOMAIN, false, true},
	{"DNS:other.test", HOST, false, false},
	{"URI:sip:other.test", HOST, false, false},
	{"IP:192.0.2.1", HOST, true, false},
	{"email:a@example.test", HOST, true, false},
	{"URI:https://example.test/", HOST, true, false},
	/* others */
	{"DNS:sip.other.test", NULL, false, false},
	{"DNS:" HOST ".evil.test", NULL, false, false},
	{"DNS:evil" HOST, NULL, false, false},
	{"DNS:xsip.example.test", NULL, false, false},
	{"DNS:sub." HOST, NULL, false, false},
	{"DNS:sip.example", NULL, false, false},
	{"DNS:test", NULL, false, false},
	{"URI:sip:other.test", NULL, false, false},
	{"URI:sip:sub." DOMAIN, NULL, false, false},
	{"URI:sip:user@" DOMAIN, NULL, false, false}, /* a user's */
	{"URI:sips:" DOMAIN, NULL, false, false},
	{"URI:https://" DOMAIN, NULL, false, false},
	{"URI:xmpp:" DOMAIN, NULL, false, false},
	{"URI:sip:" HOST, NULL, false, false}, /* a domain, no host */
	{"email:sip@" DOMAIN, NULL, false, false},
	{"IP:192.0.2.1", NULL, false, false},
	/* wildcards, RFC 5922 section 7.2 */
	{"DNS:*." DOMAIN, NULL, false, false},
	{"DNS:*.test", NULL, false, false},
	{"DNS:*", NULL, false, false},
	{"DNS:s*.example.test", NULL, false, false},
	{"URI:sip:*." DOMAIN, NULL, false, false},
	{NULL, "*." DOMAIN, false, false},
	{NULL, NULL, false, false},
	{NULL, "Example Corporation", false, false},
};

START_TEST(test_S10_matrix_of_certificates)
{
	const struct row *r = &rows[_i];
	struct tls_names *n = names_of(&(struct pki_spec){.issuer = "ca",
		.cn = r->cn, .san = r->san});

	ck_assert_msg(tls_names_has_host(n, str_of(HOST), false) == r->host,
		"%s / %s: host", r->san != NULL ? r->san : "-",
		r->cn != NULL ? r->cn : "-");
	ck_assert_msg(tls_names_has_domain(n, str_of(DOMAIN)) == r->domain,
		"%s / %s: domain", r->san != NULL ? r->san : "-",
		r->cn != NULL ? r->cn : "-");
	ck_assert(!tls_names_has_host(n, STR_LIT(""), true));
	ck_assert(!tls_names_has_domain(n, STR_LIT("")));
	tls_names_free(n);
}
END_TEST

START_TEST(test_S10_nul_and_odd_bytes_make_no_name)
{
	static const struct {
		const char *bytes;
		int len;
	} bad[] = {
		{"sip.example.test\0.evil.test", 27},
		{"\0sip.example.test", 17},
		{"sip.example.test ", 17},
		{"sip.example.test\n", 17},
		{" sip.example.test", 17},
		{"sip\x00e9.example.test", 17},
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct tls_names *n = names_of(&(struct pki_spec){
			.issuer = "ca", .cn = HOST, .raw_san = bad[i].bytes,
			.raw_san_len = bad[i].len});

		/* And the CN does not step in for it. */
		ck_assert_uint_eq(n->host_count, 0);
		ck_assert(!tls_names_has_host(n, str_of(HOST), true));
		tls_names_free(n);
	}
}
END_TEST

START_TEST(test_wildcard_is_one_label_when_it_is_allowed)
{
	static const struct {
		const char *san;
		const char *host;
		bool is_named;
	} some[] = {
		{"DNS:*.example.test", "sip.example.test", true},
		{"DNS:*.example.test", "SIP.EXAMPLE.TEST.", true},
		{"DNS:*.example.test", "a.sip.example.test", false},
		{"DNS:*.example.test", "example.test", false},
		{"DNS:*.example.test", ".example.test", false},
		{"DNS:*.example.test", "*.example.test", false},
		{"DNS:*.test", "example.test", false},
		{"DNS:s*.example.test", "sip.example.test", false},
		{"DNS:*.*.test", "a.b.test", false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(some); i++) {
		struct tls_names *n = names_of(&(struct pki_spec){
			.issuer = "ca", .san = some[i].san});

		ck_assert_msg(tls_names_has_host(n, str_of(some[i].host),
			true) == some[i].is_named, "%s for %s", some[i].san,
			some[i].host);
		ck_assert(!tls_names_has_host(n, str_of(some[i].host),
			false));
		tls_names_free(n);
	}
}
END_TEST

START_TEST(test_many_names_all_count_up_to_a_bound)
{
	char *san = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&san, &len);
	struct tls_names *n;

	for (int i = 0; i < 300; i++)
		fprintf(to, "%sDNS:h%d.example.test", i > 0 ? "," : "", i);
	fclose(to);
	n = names_of(&(struct pki_spec){.issuer = "ca", .san = san});
	ck_assert_uint_eq(n->host_count, TLS_NAMES_MAX);
	ck_assert(tls_names_has_host(n, STR_LIT("h200.example.test"),
		false));
	tls_names_free(n);
	free(san);
}
END_TEST

START_TEST(test_what_the_certificate_is_known_by)
{
	struct tls_names *a = names_of(&(struct pki_spec){.issuer = "ca",
		.cn = "one", .san = "DNS:a.test"});
	struct tls_names *b = names_of(&(struct pki_spec){.issuer = "ca",
		.cn = "two", .san = "DNS:a.test"});

	ck_assert_str_eq(a->issuer, b->issuer);
	ck_assert_str_ne(a->issuer, "");
	ck_assert_str_ne(a->serial, b->serial);
	ck_assert_ptr_nonnull(strstr(a->subject, "CN=one"));
	ck_assert_int_ne(memcmp(a->sha256, b->sha256, sizeof(a->sha256)), 0);
	tls_names_free(a);
	tls_names_free(b);
	tls_names_free(NULL);
}
END_TEST

static void setup(void)
{
	pki_init(&pki);
	pki_ca(&pki, "ca");
}

static void teardown(void)
{
	pki_fini(&pki);
}

int main(void)
{
	Suite *suite = suite_create("tls_names");
	TCase *c = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_S10_matrix_of_certificates, 0,
		(int)ARRAY_COUNT(rows));
	tcase_add_test(c, test_S10_nul_and_odd_bytes_make_no_name);
	tcase_add_test(c, test_wildcard_is_one_label_when_it_is_allowed);
	tcase_add_test(c, test_many_names_all_count_up_to_a_bound);
	tcase_add_test(c, test_what_the_certificate_is_known_by);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
