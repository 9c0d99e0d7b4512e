/* Tests of edgectl/probe_sdp.c: what is printed is read back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "edgectl/probe/probe_sdp.h"

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(str_of(text), &a), 0);
	return a;
}

static char *sample(struct probe_sdp *sdp, const char *relay)
{
	const struct addr at = address(relay);
	const struct addr seen = address("198.51.100.9:4000");
	char *text;

	probe_sdp_init(sdp, &at, &seen);
	text = probe_sdp_print(sdp);
	ck_assert_ptr_nonnull(text);
	return text;
}

START_TEST(test_what_is_printed_is_read_back)
{
	static const char *const RELAYS[] = {"192.0.2.7:50123",
		"[2001:db8::7]:50123"};

	for (size_t i = 0; i < 2; i++) {
		struct why why = {""};
		struct probe_sdp in;
		struct probe_sdp out;
		char *text = sample(&in, RELAYS[i]);

		ck_assert_int_eq(probe_sdp_parse(&out, str_of(text), &why), 0);
		ck_assert(addr_eq(&out.relay, &in.relay));
		ck_assert_str_eq(out.ufrag, in.ufrag);
		ck_assert_str_eq(out.pwd, in.pwd);
		ck_assert_mem_eq(out.srtp_key, in.srtp_key, PROBE_SRTP_KEY_LEN);
		free(text);
	}
}
END_TEST

START_TEST(test_each_call_has_secrets_of_its_own)
{
	struct probe_sdp a;
	struct probe_sdp b;

	free(sample(&a, "192.0.2.7:50123"));
	free(sample(&b, "192.0.2.7:50123"));
	ck_assert_str_ne(a.ufrag, b.ufrag);
	ck_assert_str_ne(a.pwd, b.pwd);
	ck_assert_mem_ne(a.srtp_key, b.srtp_key, PROBE_SRTP_KEY_LEN);
}
END_TEST

/* The sample with one line taken out or put in another's place. */
static int parse_with(const char *start, const char *instead, struct why *why)
{
	struct probe_sdp sdp;
	char *text = sample(&sdp, "192.0.2.7:50123");
	char *changed = NULL;
	size_t len;
	FILE *to = open_memstream(&changed, &len);
	char *rest = text;
	char *line;
	int err;

	while ((line = strsep(&rest, "\n")) != NULL)
		fprintf(to, "%s\n",
			strncmp(line, start, strlen(start)) == 0 ? instead :
								   line);
	fclose(to);
	err = probe_sdp_parse(&sdp, str_of(changed), why);
	free(text);
	free(changed);
	return err;
}

START_TEST(test_what_is_missing_is_named)
{
	struct why why = {""};

	ck_assert_int_eq(parse_with("a=candidate", "a=x", &why),
		EDGE_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why.text, "relay candidate"));
	ck_assert_int_eq(parse_with("a=ice-pwd", "a=x", &why), EDGE_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why.text, "ICE"));
	ck_assert_int_eq(parse_with("a=crypto", "a=x", &why), EDGE_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why.text, "SRTP"));
}
END_TEST

START_TEST(test_bad_lines_are_refused)
{
	static const struct {
		const char *start;
		const char *instead;
	} ROWS[] = {
		{"a=crypto", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"},
		{"a=crypto", "a=crypto:1 NULL inline:AAAA"},
		{"a=crypto", "a=crypto:1"},
		{"a=candidate",
			"a=candidate:1 1 udp 1 not-an-address 5 typ "
			"relay"},
		{"a=candidate", "a=candidate:1 1 udp 1 192.0.2.1 0 typ relay"},
		{"a=candidate",
			"a=candidate:1 1 udp 1 192.0.2.1 70000 typ "
			"relay"},
		{"a=candidate", "a=candidate:1"},
		{"a=ice-ufrag",
			"a=ice-ufrag:"
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
		struct why why = {""};

		ck_assert_msg(parse_with(ROWS[i].start, ROWS[i].instead,
				      &why) == EDGE_EMALFORMED,
			"%s", ROWS[i].instead);
	}
}
END_TEST

START_TEST(test_other_candidates_and_key_lifetimes_are_skipped)
{
	struct why why = {""};

	ck_assert_int_eq(parse_with("a=rtcp-mux",
				 "a=candidate:2 1 udp 9 "
				 "10.0.0.1 4000 typ host",
				 &why),
		0);
	ck_assert_int_eq(
		parse_with("a=crypto",
			"a=crypto:1 "
			"AES_CM_128_HMAC_SHA1_80 inline:"
			"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd|2^31|1:1",
			&why),
		0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/probe_sdp");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_what_is_printed_is_read_back);
	tcase_add_test(tc, test_each_call_has_secrets_of_its_own);
	tcase_add_test(tc, test_what_is_missing_is_named);
	tcase_add_test(tc, test_bad_lines_are_refused);
	tcase_add_test(tc, test_other_candidates_and_key_lifetimes_are_skipped);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
