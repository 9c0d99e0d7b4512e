/* A GET over plain HTTP: what is asked, what is taken for an answer. */
#include <check.h>
#include <fcntl.h>

#include "common/base/err.h"
#include "common/net/http_get.h"
#include "tests/unit/net/ends.h"

static const struct {
	const char *url;
	int err;
	const char *host;
	unsigned port;
	const char *path;
} urls[] = {
	{"http://crl.test/a/b.crl?x=1", 0, "crl.test", 80, "/a/b.crl?x=1"},
	{"HTTP://crl.test", 0, "crl.test", 80, "/"},
	{"http://crl.test:8080/", 0, "crl.test", 8080, "/"},
	{"http://[2001:db8::1]:81/x", 0, "2001:db8::1", 81, "/x"},
	{"http://[2001:db8::1]", 0, "2001:db8::1", 80, "/"},
	{"https://crl.test/", EDGE_EMALFORMED, "", 0, ""},
	{"http:///x", EDGE_EMALFORMED, "", 0, ""},
	{"http://a b/", EDGE_EMALFORMED, "", 0, ""},
	{"http://a/\r\nHost: b", EDGE_EMALFORMED, "", 0, ""},
	{"http://me@a/", EDGE_EMALFORMED, "", 0, ""},
	{"http://a:0/", EDGE_EMALFORMED, "", 0, ""},
	{"http://a:65536/", EDGE_EMALFORMED, "", 0, ""},
	{"http://[::1", EDGE_EMALFORMED, "", 0, ""},
	{"http://[::1]x/", EDGE_EMALFORMED, "", 0, ""},
	{"ldap://a/", EDGE_EMALFORMED, "", 0, ""},
};

START_TEST(test_urls)
{
	for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
		struct http_url u;
		int err = http_url_parse(str_of(urls[i].url), &u);

		ck_assert_msg(err == urls[i].err, "%s: %d", urls[i].url,
			err);
		if (err != 0)
			continue;
		ck_assert(str_eq_z(u.host, urls[i].host));
		ck_assert_uint_eq(u.port, urls[i].port);
		ck_assert(str_eq_z(u.path, urls[i].path));
	}
}
END_TEST

#define OK "HTTP/1.0 200 OK\r\n"

static const struct {
	const char *text;
	bool is_eof;
	int want;
	const char *body;
} answers[] = {
	{OK "\r\nabc", true, 0, "abc"},
	{OK "\r\nabc", false, 1, ""},
	{OK "Content-Length: 3\r\n\r\nabc", false, 0, "abc"},
	{OK "content-length : 3\r\n\r\nabcd", false, 0, "abc"},
	{OK "Content-Length: 4\r\n\r\nabc", false, 1, ""},
	{OK "Content-Length: 4\r\n\r\nabc", true, EDGE_EMALFORMED, ""},
	{OK "Content-Length: 11\r\n\r\n", false, EDGE_ETOOBIG, ""},
	{OK "\r\n0123456789x", true, EDGE_ETOOBIG, ""},
	{OK "\r\n0123456789x", false, EDGE_ETOOBIG, ""},
	{OK "Content-Length: 0\r\n\r\n", false, 0, ""},
	{OK "Content-Length: -1\r\n\r\nab", true, 0, "ab"},
	{"HTTP/1.1 404 Not Found\r\n\r\n", false, EDGE_EREFUSED, ""},
	{"HTTP/1.1 302 Found\r\nLocation: http://b/\r\n\r\n", true,
		EDGE_EREFUSED, ""},
	{"HTTP/1.1 2x0 OK\r\n\r\n", true, EDGE_EMALFORMED, ""},
	{"SSH-2.0-x\r\n\r\n", true, EDGE_EMALFORMED, ""},
	{"HTTP/1.\r\n\r\n", true, EDGE_EMALFORMED, ""},
	{OK, true, EDGE_EMALFORMED, ""},
	{"", true, EDGE_EMALFORMED, ""},
	{"", false, 1, ""},
};

START_TEST(test_answers)
{
	for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
		struct str body = {NULL, 0};
		unsigned status = 0;
		int err = http_answer(str_of(answers[i].text),
			answers[i].is_eof, 10, &status, &body);

		ck_assert_msg(err == answers[i].want, "%zu: %d", i, err);
		if (err == 0)
			ck_assert(str_eq_z(body, answers[i].body));
	}
}
END_TEST

/* ---- over the wire ------------------------------------------------------- */

static struct loop *loop;
static struct resolver *resolver;
static struct conf conf;
static bool is_over;
static char got[64], why[160];
static bool is_forbidden;

static void on_answer(const void *body, size_t len, const char *detail,
	void *arg)
{
	(void)arg;
	is_over = true;
	snprintf(got, sizeof(got), "%.*s", (int)len,
		body != NULL ? (const char *)body : "-");
	if (body == NULL)
		snprintf(got, sizeof(got), "-");
	snprintf(why, sizeof(why), "%s", detail);
}

static bool may_ask(const struct addr *a, void *arg)
{
	(void)a;
	(void)arg;
	return !is_forbidden;
}

static struct http_get *ask(const struct addr *server)
{
	static char url[64];
	struct http_get *get = NULL;
	struct http_get_spec spec = {
		.loop = loop,
		.resolver = resolver,
		.url = url,
		.max = 1000,
		.timeout_ms = 200,
		.may_ask = may_ask,
		.cb = on_answer,
	};

	is_over = false;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/x.crl",
		server->port);
	ck_assert_int_eq(http_get_new(&get, &spec), 0);
	return get;
}

static void setup(void)
{
	struct why w = {""};

	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(resolver_new(&resolver, loop, &conf, NULL, &w), 0);
	is_forbidden = false;
}

static void teardown(void)
{
	resolver_free(resolver);
	loop_free(loop);
}

/* A server that answers in two pieces; NULL = says nothing. */
static void serve(int fd, const char *text, bool closes)
{
	char asked[512] = "";
	int c = -1;

	TURN_UNTIL(loop, (c = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0 ||
		is_over);
	TURN_UNTIL(loop, recv(c, asked, sizeof(asked) - 1, 0) > 0 ||
		is_over);
	ck_assert_ptr_nonnull(strstr(asked, "GET /x.crl HTTP/1.0\r\n"
		"Host: 127.0.0.1\r\n"));
	for (size_t i = 0; text != NULL && i < 2; i++) {
		size_t half = strlen(text) / 2;

		ck_assert_int_gt(send(c, i == 0 ? text : text + half,
			i == 0 ? half : strlen(text) - half, MSG_NOSIGNAL),
			0);
		turn_for_ms(loop, 10);
	}
	if (closes)
		close(c);
	TURN_UNTIL(loop, is_over);
	if (!closes)
		close(c);
}

START_TEST(test_body_comes_whole_or_not_at_all)
{
	struct addr at;
	int fd = test_listen(&at);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	ask(&at);
	serve(fd, OK "\r\nthe list", true);
	ck_assert_str_eq(got, "the list");
	ask(&at);
	serve(fd, OK "Content-Length: 8\r\n\r\nthe list", false);
	ck_assert_str_eq(got, "the list");
	ask(&at);
	serve(fd, OK "Content-Length: 9\r\n\r\nthe list", true);
	ck_assert_str_eq(got, "-");
	ask(&at);
	serve(fd, "HTTP/1.0 404 no\r\n\r\n", true);
	ck_assert_str_eq(got, "-");
	ck_assert_str_eq(why, "the server answered 404");
	close(fd);
}
END_TEST

START_TEST(test_S8_server_that_says_nothing_is_not_waited_for)
{
	struct addr at;
	int fd = test_listen(&at);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	ask(&at);
	serve(fd, NULL, false);
	ck_assert_str_eq(why, "no answer in time");
	close(fd);
}
END_TEST

START_TEST(test_S12_address_that_may_not_be_asked_is_not)
{
	struct addr at;
	int fd = test_listen(&at);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	is_forbidden = true;
	ask(&at);
	TURN_UNTIL(loop, is_over);
	ck_assert_str_eq(got, "-");
	turn_for_ms(loop, 20);
	ck_assert_int_lt(accept4(fd, NULL, NULL, SOCK_NONBLOCK), 0);
	close(fd);
}
END_TEST

START_TEST(test_cancelled_request_calls_nobody)
{
	struct addr at;
	int fd = test_listen(&at);

	http_get_cancel(ask(&at));
	turn_for_ms(loop, 30);
	ck_assert(!is_over);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/http_get");
	TCase *c = tcase_create("http_get");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_urls);
	tcase_add_test(c, test_answers);
	tcase_add_test(c, test_body_comes_whole_or_not_at_all);
	tcase_add_test(c, test_S8_server_that_says_nothing_is_not_waited_for);
	tcase_add_test(c, test_S12_address_that_may_not_be_asked_is_not);
	tcase_add_test(c, test_cancelled_request_calls_nobody);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
