/* Tests of replication-agent/request.c: shapes of requests on 4443. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/bundle/bundle_wire.h"
#include "replication-agent/request.h"

#define HEX16 "0123456789abcdef"
#define SHA   HEX16 HEX16 HEX16 HEX16

static int ask(struct request *out, const char *method, const char *uri,
	const char *version, const char *body)
{
	const struct request_raw raw = {
		.method = str_of(method),
		.uri = str_of(uri),
		.version = version,
		.body = str_of(body),
	};
	struct why why = {""};
	int status = request_read(out, &raw, &why);

	/* A refusal says why, but for paths that are none. */
	if (status != 0 && status != 404)
		ck_assert_str_ne(why.text, "");
	return status;
}

START_TEST(test_good_requests_are_taken_apart)
{
	struct request r;

	ck_assert_int_eq(ask(&r, "GET", BUNDLE_PATH_STATUS, NULL, ""), 0);
	ck_assert_int_eq(r.kind, REQUEST_STATUS);
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES SHA, "3.66",
		"bundle"), 0);
	ck_assert_int_eq(r.kind, REQUEST_BUNDLE);
	ck_assert_str_eq(r.sha256, SHA);
	ck_assert_uint_eq(r.version.epoch, 3);
	ck_assert_uint_eq(r.version.serial, 66);
	ck_assert(!r.is_activating);
	ck_assert(str_eq_z(r.body, "bundle"));
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES SHA "?activate=1",
		"3.66", "b"), 0);
	ck_assert(r.is_activating);
	ck_assert_int_eq(ask(&r, "POST", BUNDLE_PATH_ACTIVATE, NULL,
		"{\"epoch\": 3, \"serial\": 66, \"sha256\": \"" SHA "\"}"), 0);
	ck_assert_uint_eq(r.version.serial, 66);
	ck_assert_int_eq(ask(&r, "POST", BUNDLE_PATH_ABORT, NULL,
		"{\"epoch\":3,\"serial\":66,\"sha256\":\"" SHA "\"}"), 0);
	ck_assert_int_eq(r.kind, REQUEST_ABORT);
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_HEAD, NULL, "h"), 0);
	ck_assert_int_eq(ask(&r, "GET", BUNDLE_PATH_EVENTS "?after=7&wait=55",
		NULL, ""), 0);
	ck_assert_uint_eq(r.after, 7);
	ck_assert_uint_eq(r.wait_s, 55);
	ck_assert_int_eq(ask(&r, "GET", BUNDLE_PATH_EVENTS, NULL, ""), 0);
	ck_assert_uint_eq(r.after, 0);
}
END_TEST

START_TEST(test_no_other_path_is_known)
{
	static const char *const BAD[] = {"", "/", "/replication",
		"/replication/v1/", "/replication/v2/status",
		(BUNDLE_PATH_STATUS "/"), "/REPLICATION/V1/STATUS",
		"//replication/v1/status", "/replication/v1/../v1/status",
		("http://x" BUNDLE_PATH_STATUS), "/metrics", "/v1/status",
		"/replication/v1/status%00", "/replication/v1/bundles"};
	struct request r;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_msg(ask(&r, "GET", BAD[i], NULL, "") == 404, "%s",
			BAD[i]);
}
END_TEST

START_TEST(test_wrong_methods_are_told)
{
	struct request r;

	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_STATUS, NULL, "x"), 405);
	ck_assert_int_eq(ask(&r, "GET", BUNDLE_PATH_BUNDLES SHA, NULL, ""),
		405);
	ck_assert_int_eq(ask(&r, "GET", BUNDLE_PATH_ACTIVATE, NULL, ""), 405);
	ck_assert_int_eq(ask(&r, "other", BUNDLE_PATH_HEAD, NULL, ""), 405);
}
END_TEST

START_TEST(test_bad_uploads_are_refused)
{
	struct request r;

	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES SHA, "3.66", ""),
		400);
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES SHA, NULL, "b"),
		400);
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES SHA, "3", "b"),
		400);
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES SHA, "3.66\r\nX: y",
		"b"), 400);
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES SHA "0", "3.66",
		"b"), 400);
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES "../../etc/passwd",
		"3.66", "b"), 400);
	ck_assert_int_eq(ask(&r, "PUT", BUNDLE_PATH_BUNDLES, "3.66", "b"),
		400);
}
END_TEST

START_TEST(test_S2_bad_orders_are_refused)
{
	static const char *const BAD[] = {"", "x", "[]", "{}", "null",
		"{\"epoch\":3,\"serial\":66}",
		"{\"epoch\":\"3\",\"serial\":66,\"sha256\":\"" SHA "\"}",
		"{\"epoch\":-3,\"serial\":66,\"sha256\":\"" SHA "\"}",
		"{\"epoch\":4294967296,\"serial\":66,\"sha256\":\"" SHA "\"}",
		"{\"epoch\":3,\"serial\":-1,\"sha256\":\"" SHA "\"}",
		"{\"epoch\":3,\"serial\":6.5,\"sha256\":\"" SHA "\"}",
		"{\"epoch\":3,\"serial\":66,\"sha256\":\"" SHA "0\"}",
		"{\"epoch\":3,\"serial\":66,\"sha256\":\"\\u0000" SHA "\"}",
		"{\"epoch\":3,\"serial\":66,\"sha256\":\"a\\r\\nb\"}",
		"{\"epoch\":3,\"epoch\":3,\"serial\":66,\"sha256\":\"" SHA
		"\"}"};
	struct request r;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_msg(ask(&r, "POST", BUNDLE_PATH_ACTIVATE, NULL,
			BAD[i]) == 400, "%s", BAD[i]);
}
END_TEST

START_TEST(test_deep_and_long_bodies_are_refused)
{
	char *body = malloc(70000);
	struct request r;

	memset(body, '[', 64);
	memset(body + 64, ']', 64);
	body[128] = '\0';
	ck_assert_int_eq(ask(&r, "POST", BUNDLE_PATH_ACTIVATE, NULL, body),
		400);
	memset(body, ' ', 69999);
	body[69999] = '\0';
	ck_assert_int_eq(ask(&r, "POST", BUNDLE_PATH_ACTIVATE, NULL, body),
		400);
	free(body);
}
END_TEST

START_TEST(test_waits_have_a_bound)
{
	struct request r;

	ck_assert_int_eq(ask(&r, "GET", BUNDLE_PATH_EVENTS "?wait=56", NULL,
		""), 400);
	ck_assert_int_eq(ask(&r, "GET", BUNDLE_PATH_EVENTS "?wait=-1", NULL,
		""), 400);
	ck_assert_int_eq(ask(&r, "GET", BUNDLE_PATH_EVENTS "?after=x", NULL,
		""), 400);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("request");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_good_requests_are_taken_apart);
	tcase_add_test(tc, test_no_other_path_is_known);
	tcase_add_test(tc, test_wrong_methods_are_told);
	tcase_add_test(tc, test_bad_uploads_are_refused);
	tcase_add_test(tc, test_S2_bad_orders_are_refused);
	tcase_add_test(tc, test_deep_and_long_bodies_are_refused);
	tcase_add_test(tc, test_waits_have_a_bound);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
