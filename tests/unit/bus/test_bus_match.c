/* From a request to a row of the tables, without a socket. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/bus/bus_match.h"

static void no_handler(struct bus_request *req, void *state)
{
	(void)req;
	(void)state;
}

static const char *const drain_fields[] = {"deadline_s", "reason", NULL};

static const struct bus_route common_routes[] = {
	{"GET", "/v1/status", BUS_READ, NULL, "", no_handler},
	{"POST", "/v1/drain", BUS_CHANGE, drain_fields, "", no_handler},
};
static const struct bus_route own_routes[] = {
	{"GET", "/v1/keys", BUS_READ, NULL, "", no_handler},
};
static const struct bus_route *const tables[] = {common_routes, own_routes};
static const size_t counts[] = {2, 1};
static const struct bus_tables all = {tables, counts, 2};

static bool may_read(enum bus_right right, const void *arg)
{
	(void)arg;
	return right == BUS_READ;
}

static bool may_all(enum bus_right right, const void *arg)
{
	(void)right;
	(void)arg;
	return true;
}

static struct bus_match m;

static int ask(const char *method, const char *uri, const char *body)
{
	const struct bus_call call = {
		.method = str_of(method),
		.uri = str_of(uri),
		.body = str_of(body),
		.may = may_all,
	};

	bus_match_fini(&m);
	return bus_match_init(&m, &all, &call);
}

static void refused(int err, int status, const char *code, const char *text)
{
	ck_assert_int_eq(err, EDGE_EREFUSED);
	ck_assert_int_eq(m.status, status);
	ck_assert_str_eq(m.code, code);
	ck_assert_msg(strstr(m.why.text, text) != NULL, "%s", m.why.text);
}

static void teardown(void)
{
	bus_match_fini(&m);
}

START_TEST(test_route_is_found_in_each_table)
{
	ck_assert_int_eq(ask("GET", "/v1/status", ""), 0);
	ck_assert_ptr_eq(m.route, &common_routes[0]);
	ck_assert_uint_eq(m.table, 0);
	ck_assert_int_eq(ask("GET", "/v1/keys", ""), 0);
	ck_assert_ptr_eq(m.route, &own_routes[0]);
	ck_assert_uint_eq(m.table, 1);
}
END_TEST

START_TEST(test_wrong_path_names_the_nearest)
{
	refused(ask("GET", "/v1/statsu", ""), 404, "not_found",
		"did you mean /v1/status");
	refused(ask("GET", "", ""), 404, "not_found", "nothing answers");
	refused(ask("GET", "/v1/status/", ""), 404, "not_found", "");
}
END_TEST

START_TEST(test_wrong_method_names_the_right_one)
{
	refused(ask("POST", "/v1/status", "{}"), 405, "wrong_method",
		"asked with GET");
	refused(ask("GET", "/v1/drain", ""), 405, "wrong_method",
		"asked with POST");
}
END_TEST

START_TEST(test_query_is_unescaped)
{
	ck_assert_int_eq(
		ask("GET", "/v1/status?side=in%20side&x=a+b&empty", ""), 0);
	ck_assert_str_eq(
		json_string_value(json_object_get(m.query, "side")), "in side");
	ck_assert_str_eq(
		json_string_value(json_object_get(m.query, "x")), "a b");
	ck_assert_str_eq(
		json_string_value(json_object_get(m.query, "empty")), "");
}
END_TEST

START_TEST(test_bad_query_is_refused)
{
	char many[256] = "/v1/status?";

	refused(ask("GET", "/v1/status?a=%4", ""), 400, "bad_query", "query");
	refused(ask("GET", "/v1/status?a=%00", ""), 400, "bad_query", "query");
	refused(ask("GET", "/v1/status?a=%ff", ""), 400, "bad_query", "query");
	for (int i = 0; i < BUS_QUERY_MAX + 1; i++)
		strcat(many, "a=b&");
	refused(ask("GET", many, ""), 400, "bad_query", "query");
}
END_TEST

START_TEST(test_body_fields_are_known_ones)
{
	ck_assert_int_eq(ask("POST", "/v1/drain", "{\"deadline_s\": 5}"), 0);
	ck_assert_int_eq(json_integer_value(
				 json_object_get(m.body, "deadline_s")),
		5);
	ck_assert_int_eq(ask("POST", "/v1/drain", ""), 0);
	ck_assert_uint_eq(json_object_size(m.body), 0);
}
END_TEST

START_TEST(test_R7_unknown_field_names_the_nearest)
{
	refused(ask("POST", "/v1/drain", "{\"deadlin_s\": 5}"), 400,
		"unknown_field", "did you mean deadline_s");
}
END_TEST

START_TEST(test_bad_bodies_are_refused)
{
	refused(ask("POST", "/v1/drain", "{\"deadline_s\": "), 400, "bad_body",
		"not JSON");
	refused(ask("POST", "/v1/drain", "[]"), 400, "bad_body", "object");
	refused(ask("POST", "/v1/drain",
			"{\"deadline_s\":1,\"deadline_s\":2}"),
		400, "bad_body", "duplicate");
	refused(ask("GET", "/v1/status", "{}"), 400, "bad_body", "no body");
}
END_TEST

START_TEST(test_deep_body_is_refused_before_parsing)
{
	char deep[2048] = "{\"reason\":";

	/* Brackets in strings must not hide the depth. */
	for (int i = 0; i < BUS_DEPTH_MAX + 1; i++)
		strcat(deep, "[\"]\\\"]\",");
	refused(ask("POST", "/v1/drain", deep), 400, "bad_body", "levels");
}
END_TEST

START_TEST(test_S18_rights_come_before_the_body)
{
	const struct bus_call call = {
		.method = str_of("POST"),
		.uri = str_of("/v1/drain"),
		.body = str_of("not JSON"),
		.may = may_read,
	};

	refused(bus_match_init(&m, &all, &call), 403, "forbidden",
		"sallyport-admin");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bus/match");
	TCase *tc = tcase_create("match");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, test_route_is_found_in_each_table);
	tcase_add_test(tc, test_wrong_path_names_the_nearest);
	tcase_add_test(tc, test_wrong_method_names_the_right_one);
	tcase_add_test(tc, test_query_is_unescaped);
	tcase_add_test(tc, test_bad_query_is_refused);
	tcase_add_test(tc, test_body_fields_are_known_ones);
	tcase_add_test(tc, test_R7_unknown_field_names_the_nearest);
	tcase_add_test(tc, test_bad_bodies_are_refused);
	tcase_add_test(tc, test_deep_body_is_refused_before_parsing);
	tcase_add_test(tc, test_S18_rights_come_before_the_body);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
