/* Tests of edgectl/probe_digest.c with the examples of the RFCs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "edgectl/probe/probe_digest.h"

static char *answer(const char *challenge, const char *password,
	const char *uri, const char *cnonce)
{
	const struct probe_digest d = {
		.challenge = str_of(challenge),
		.user = "Mufasa",
		.password = password,
		.method = "GET",
		.uri = uri,
		.cnonce = cnonce,
	};
	char *out = NULL;

	return probe_digest_answer(&d, &out) == 0 ? out : NULL;
}

START_TEST(test_example_of_rfc2617)
{
	char *text = answer("Digest realm=\"testrealm@host.com\", "
			    "qop=\"auth,auth-int\", "
			    "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
			    "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
		"Circle Of Life", "/dir/index.html", "0a4f113b");

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(
		strstr(text, "response=\"6629fae49393a05397450978507c4ef1\""));
	ck_assert_ptr_nonnull(strstr(text, "qop=auth, nc=00000001"));
	ck_assert_ptr_nonnull(
		strstr(text, "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""));
	free(text);
}
END_TEST

START_TEST(test_examples_of_rfc7616)
{
	static const struct {
		const char *algorithm;
		const char *response;
	} ROWS[] = {
		{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256",
			"753927fa0e85d155564e2e272a28d1802ca10daf4496794"
			"697cf8db5856cb6c1"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
		char challenge[400];
		char *text;

		snprintf(challenge, sizeof(challenge),
			"Digest realm=\"http-auth@example.org\",\r\n "
			"qop=\"auth, auth-int\", algorithm=%s, nonce="
			"\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"",
			ROWS[i].algorithm);
		text = answer(challenge, "Circle of Life", "/dir/index.html",
			"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
		ck_assert_ptr_nonnull(text);
		ck_assert_msg(strstr(text, ROWS[i].response) != NULL, "%s",
			text);
		free(text);
	}
}
END_TEST

START_TEST(test_without_qop_the_old_form_is_used)
{
	char *text =
		answer("Digest realm=\"r\", nonce=\"n\"", "p", "sip:a", "c");

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_null(strstr(text, "cnonce"));
	free(text);
}
END_TEST

START_TEST(test_other_schemes_are_left_alone)
{
	ck_assert_ptr_null(
		answer("NTLM realm=\"r\", nonce=\"n\"", "p", "u", "c"));
	ck_assert_ptr_null(answer("Digest realm=\"r\", nonce=\"n\", "
				  "algorithm=AKAv1-MD5",
		"p", "u", "c"));
	ck_assert_ptr_null(answer("Digest realm=\"r\"", "p", "u", "c"));
	ck_assert_ptr_null(answer("Digest", "p", "u", "c"));
	ck_assert_ptr_null(answer("", "p", "u", "c"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/probe_digest");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_example_of_rfc2617);
	tcase_add_test(tc, test_examples_of_rfc7616);
	tcase_add_test(tc, test_without_qop_the_old_form_is_used);
	tcase_add_test(tc, test_other_schemes_are_left_alone);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
