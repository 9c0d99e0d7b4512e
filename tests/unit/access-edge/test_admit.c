/* The order of checks, row by row. */
#include "access-edge/admit.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/check_main.h"

struct row {
	const char *what;
	const char *method;
	const char *uri;
	const char *extra;
	unsigned status; /* 0 = passes */
};

static struct verdict admit(struct plain *p, const struct origin *from,
	const struct row *row)
{
	struct sip_msg *m = plain_request(row->method, row->uri,
		row->extra);
	struct admit a = {.policy = &p->policy, .from = from,
		.is_in_rate = true};
	struct verdict v = admit_request(m, &a);

	sip_msg_free(m);
	return v;
}

static void run(struct plain *p, const struct origin *from,
	const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct verdict v = admit(p, from, &rows[i]);
		unsigned got = v.kind == VERDICT_PASS ? 0 : v.status;

		ck_assert_msg(got == rows[i].status, "%s: %u, not %u (%s)",
			rows[i].what, got, rows[i].status,
			v.cause != NULL ? v.cause : "");
	}
}

START_TEST(test_requests_of_clients)
{
	static const struct row rows[] = {
		{"plain", "INVITE", "sip:bob@a.test", "", 0},
		{"other domain inside ours", "MESSAGE", "sip:c@b.test",
			"From: <sip:alice@B.Test.>;tag=1\r\n", 0},
		{"unknown method", "SERVICE", "sip:bob@a.test", "", 0},
		{"scheme", "INVITE", "http://a.test/", "", 416},
		{"tel without a route", "INVITE", "tel:+15551", "", 416},
		{"tel with a route", "INVITE", "tel:+15551",
			"Route: <sip:sip.a.test;lr>\r\n", 0},
		{"no hops left", "INVITE", "sip:bob@a.test",
			"Max-Forwards: 0\r\n", 483},
		{"OPTIONS for us", "OPTIONS", "sip:sip.a.test", "", 200},
		{"OPTIONS that ends here", "OPTIONS", "sip:bob@a.test",
			"Max-Forwards: 0\r\n", 200},
		{"OPTIONS for somebody", "OPTIONS", "sip:bob@a.test", "",
			0},
		{"known extensions", "SUBSCRIBE", "sip:bob@a.test",
			"Proxy-Require: ms-benotify, Path,timer\r\n", 0},
		{"unknown extension", "SUBSCRIBE", "sip:bob@a.test",
			"Proxy-Require: ms-benotify, x-new\r\n", 420},
		{"Require is not for proxies", "INVITE", "sip:bob@a.test",
			"Require: x-new\r\n", 0},
		{"breadth", "INVITE", "sip:bob@a.test",
			"Max-Breadth: 0\r\n", 440},
		{"foreign sender", "INVITE", "sip:bob@a.test",
			"From: <sip:eve@evil.test>;tag=1\r\n", 403},
		{"sub-domain is foreign", "INVITE", "sip:bob@a.test",
			"From: <sip:eve@x.a.test>;tag=1\r\n", 403},
		{"tel sender", "INVITE", "sip:bob@a.test",
			"From: <tel:+1555>;tag=1\r\n", 403},
		{"anonymous", "INVITE", "sip:bob@a.test",
			"From: <sip:x@anonymous.invalid>;tag=1\r\n", 403},
		{"register", "REGISTER", "sip:a.test",
			"To: <sip:alice@a.test>\r\n", 0},
		{"register to the edge's name", "REGISTER",
			"sip:sip.a.test", "To: <sip:alice@a.test>\r\n", 0},
		{"register for another domain", "REGISTER", "sip:a.test",
			"To: <sip:alice@b.test>\r\n", 403},
		{"register to another domain", "REGISTER", "sip:b.test",
			"To: <sip:alice@a.test>\r\n", 403},
	};
	struct plain p;

	plain_init(&p);
	run(&p, &p.client, rows, ARRAY_COUNT(rows));
	plain_fini(&p);
}
END_TEST

START_TEST(test_requests_of_inside_servers)
{
	static const struct row rows[] = {
		{"any sender", "INVITE", "sip:alice@192.0.2.77",
			"From: <sip:eve@evil.test>;tag=1\r\n", 0},
		{"no hops left", "BENOTIFY", "sip:alice@192.0.2.77",
			"Max-Forwards: 0\r\n", 483},
		{"probe", "OPTIONS", "sip:edge.int.test:5061", "", 200},
		{"register", "REGISTER", "sip:a.test", "", 403},
	};
	struct plain p;

	plain_init(&p);
	run(&p, &p.inside, rows, ARRAY_COUNT(rows));
	plain_fini(&p);
}
END_TEST

START_TEST(test_before_signing_in_methods_and_number_are_bounded)
{
	static const struct row rows[] = {
		{"may", "SUBSCRIBE", "sip:bob@a.test", "", 0},
		{"may not", "MESSAGE", "sip:bob@a.test", "", 403},
		{"may not, though the case differs", "invite",
			"sip:bob@a.test", "", 403},
	};
	static const struct row one = {"", "INVITE", "sip:bob@a.test", "",
		0};
	struct plain p;
	struct verdict v;

	plain_init(&p);
	p.client.is_signed_in = false;
	p.client.requests = 30;
	run(&p, &p.client, rows, ARRAY_COUNT(rows));
	p.client.requests = 31;
	v = admit(&p, &p.client, &one);
	ck_assert_uint_eq(v.status, 403);
	ck_assert(v.close);
	plain_set(&p, "pre_auth_methods", "[\"REGISTER\"]");
	p.client.requests = 1;
	ck_assert_uint_eq(admit(&p, &p.client, &one).status, 403);
	plain_fini(&p);
}
END_TEST

START_TEST(test_outside_users_off_ends_the_connection)
{
	static const struct row one = {"", "INVITE", "sip:bob@a.test", "",
		403};
	struct plain p;
	struct verdict v;

	plain_init(&p);
	plain_set(&p, "allow_outside_users", "false");
	v = admit(&p, &p.client, &one);
	ck_assert_uint_eq(v.status, 403);
	ck_assert(v.close);
	ck_assert_int_eq(admit(&p, &p.inside, &one).kind, VERDICT_PASS);
	plain_fini(&p);
}
END_TEST

static struct verdict admit_with(struct plain *p, struct admit a,
	const char *method, const char *extra)
{
	struct sip_msg *m = plain_request(method, "sip:a.test", extra);
	struct verdict v;

	a.policy = &p->policy;
	a.from = &p->client;
	v = admit_request(m, &a);
	sip_msg_free(m);
	return v;
}

START_TEST(test_rate_overload_loop_and_blocked_users)
{
	const struct admit slow = {.is_in_rate = false};
	const struct admit full = {.is_in_rate = true,
		.load = LOAD_NO_CLIENTS, .load_setting = "memory_mark_mb"};
	const struct admit crowded = {.is_in_rate = true,
		.full_by = "max_transaction_memory_mb"};
	const struct admit closing = {.is_in_rate = true,
		.load = LOAD_NO_CONNECTIONS};
	const struct admit loop = {.is_in_rate = true, .is_loop = true};
	const struct admit blocked = {.is_in_rate = true,
		.is_blocked = true};
	const char *to_me = "To: <sip:alice@a.test>\r\n";
	struct plain p;
	struct verdict v;

	plain_init(&p);
	v = admit_with(&p, slow, "INVITE", "");
	ck_assert_uint_eq(v.status, 503);
	ck_assert_str_eq(v.field, "Retry-After");
	ck_assert_int_ge(atoi(v.field_value), 10);
	ck_assert_int_le(atoi(v.field_value), 60);
	/* A client takes 503 to REGISTER as the end of it. */
	ck_assert_uint_eq(admit_with(&p, slow, "REGISTER", to_me).status,
		504);
	v = admit_with(&p, full, "INVITE", "");
	ck_assert_uint_eq(v.status, 503);
	ck_assert_str_eq(v.setting, "memory_mark_mb");
	v = admit_with(&p, crowded, "INVITE", "");
	ck_assert_uint_eq(v.status, 503);
	ck_assert_str_eq(v.setting, "max_transaction_memory_mb");
	ck_assert_uint_eq(admit_with(&p, full, "REGISTER", to_me).status,
		504);
	ck_assert_int_eq(admit_with(&p, closing, "INVITE", "").kind,
		VERDICT_PASS);
	ck_assert_int_eq(admit_with(&p, full, "BYE", "").kind,
		VERDICT_PASS);
	ck_assert_int_eq(admit_with(&p, full, "INVITE",
		"To: <sip:bob@a.test>;tag=2\r\n").kind, VERDICT_PASS);
	ck_assert_uint_eq(admit_with(&p, loop, "INVITE", "").status, 482);
	ck_assert_uint_eq(admit_with(&p, blocked, "REGISTER",
		to_me).status, 403);
	plain_fini(&p);
}
END_TEST

START_TEST(test_S13_too_many_vias_and_routes)
{
	static char vias[8192], routes[2048];
	struct row row = {"vias", "INVITE", "sip:bob@a.test", vias, 483};
	struct plain p;
	size_t at = 0;

	plain_init(&p);
	for (int i = 0; i < 70; i++)
		at += (size_t)snprintf(vias + at, sizeof(vias) - at,
			"Via: SIP/2.0/TLS h%d;branch=z9hG4bK%d\r\n", i, i);
	ck_assert_int_eq(admit(&p, &p.client, &row).kind, VERDICT_PASS);
	snprintf(vias + at, sizeof(vias) - at, "v: SIP/2.0/TLS x\r\n");
	ck_assert_uint_eq(admit(&p, &p.client, &row).status, 483);
	at = 0;
	for (int i = 0; i < 21; i++)
		at += (size_t)snprintf(routes + at, sizeof(routes) - at,
			"Route: <sip:h%d;lr>\r\n", i);
	row.extra = routes;
	ck_assert_uint_eq(admit(&p, &p.client, &row).status, 400);
	plain_fini(&p);
}
END_TEST

START_TEST(test_420_names_every_unknown_extension_that_fits)
{
	static const struct row one = {"", "INVITE", "sip:bob@a.test",
		"Proxy-Require: x-a, path\r\nProxy-Require: x-b\r\n", 420};
	static char many[4096];
	struct row row = {"", "INVITE", "sip:bob@a.test", many, 420};
	struct plain p;
	struct verdict v;
	size_t at = 0;

	plain_init(&p);
	v = admit(&p, &p.client, &one);
	ck_assert_str_eq(v.field, "Unsupported");
	ck_assert_str_eq(v.field_value, "x-a, x-b");
	for (int i = 0; i < 60; i++)
		at += (size_t)snprintf(many + at, sizeof(many) - at,
			"Proxy-Require: extension-%d\r\n", i);
	v = admit(&p, &p.client, &row);
	ck_assert_uint_lt(strlen(v.field_value), sizeof(v.field_value));
	ck_assert_int_ne(v.field_value[strlen(v.field_value) - 1], ',');
	plain_fini(&p);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/admit", test_requests_of_clients,
		test_requests_of_inside_servers,
		test_before_signing_in_methods_and_number_are_bounded,
		test_outside_users_off_ends_the_connection,
		test_rate_overload_loop_and_blocked_users,
		test_S13_too_many_vias_and_routes,
		test_420_names_every_unknown_extension_that_fits);
}
