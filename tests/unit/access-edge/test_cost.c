/* What one message costs. Everybody shares the thread: a stranger's lists of
 * tens of thousands of values, which fit the limits of a message, are walked
 * once, not once for each value (threat S7). */
#include <time.h>

#include "access-edge/admit.h"
#include "access-edge/branch.h"
#include "access-edge/hide.h"
#include "access-edge/trust.h"
#include "common/sip/sip_edit.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/check_main.h"

/* Twice what a message may have, so that once or a thousand times is told
 * apart on any machine: the square takes 10 s and more. */
#define LEN     120000
#define MOST_MS 1000

static int64_t cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct sip_msg *request_with(const char *header, const char *value,
	const char *between)
{
	static char text[LEN + 1024];
	struct sip_fault fault;
	struct sip_msg *m;
	size_t at = (size_t)snprintf(text, sizeof(text),
		"REGISTER sip:a.test SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.0.2.77;branch=z9hG4bK1\r\n"
		"From: <sip:alice@a.test>;tag=1\r\nTo: <sip:alice@a.test>\r\n"
		"Call-ID: x\r\nCSeq: 1 REGISTER\r\n%s: %s", header, value);

	while (at < LEN)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
			between, value);
	snprintf(text + at, sizeof(text) - at, "\r\n\r\n");
	ck_assert_msg(sip_msg_parse(&m, str_of(text), &fault) == 0, "%s",
		fault.cause);
	return m;
}

static void admit(struct plain *p, struct sip_msg *m)
{
	const struct admit a = {.policy = &p->policy, .from = &p->client,
		.is_in_rate = true};

	(void)admit_request(m, &a);
}

static void strip(struct plain *p, struct sip_msg *m)
{
	const struct trust_peer peer = {.policy = &p->policy};

	for (unsigned way = 0; way < TRUST_WAY_COUNT; way++)
		ck_assert_int_ge(trust_strip(m, way, &peer), 0);
}

static void see_loop(struct plain *p, struct sip_msg *m)
{
	ck_assert(!branch_is_loop(m, 7, &p->policy));
}

static void look_for_path(struct plain *p, struct sip_msg *m)
{
	(void)p;
	ck_assert(!sip_msg_has_token(m, SIP_HEADER_SUPPORTED, "path"));
}

static void show_hidden(struct plain *p, struct sip_msg *m)
{
	const struct flow_keys keys = {.count = 1};
	const struct hide hide = {&p->policy, &keys, {0}};

	ck_assert_int_eq(hide_show_response(m, &hide), 0);
}

static void mark(struct plain *p, struct sip_msg *m)
{
	ck_assert_int_eq(sip_mark_received(m, &p->client.remote,
		p->client.cid_text), 0);
}

START_TEST(test_S7_long_lists_are_walked_once)
{
	static const struct {
		const char *header;
		const char *value;
		const char *between;
		void (*act)(struct plain *p, struct sip_msg *m);
	} rows[] = {
		{"Proxy-Require", "path", ",", admit},
		{"Proxy-Require", "", ",", admit},
		{"Route", "a", ",", strip},
		{"Route", "a;ms-edge-route", ",", strip},
		{"Via", "SIP/2.0/TLS a", ",", see_loop},
		{"Supported", "a", ",", look_for_path},
		{"Record-Route", "<sip:a>", ",", show_hidden},
		{"Via", "SIP/2.0/TLS a", ";ms-received-cid=", mark},
	};
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sip_msg *m = request_with(rows[i].header,
			rows[i].value, rows[i].between);
		int64_t began = cpu_ms(), took;

		rows[i].act(&p, m);
		took = cpu_ms() - began;
		ck_assert_msg(took < MOST_MS, "%s %s: %lld ms",
			rows[i].header, rows[i].value, (long long)took);
		sip_msg_free(m);
	}
	plain_fini(&p);
}
END_TEST

/* A client's Routes that are taken out for their number are still counted:
 * such a request goes nowhere. */
START_TEST(test_S7_request_with_too_many_routes_stays_refused)
{
	struct plain p;
	struct sip_msg *m;
	struct admit a = {.is_in_rate = true};
	struct verdict v;

	plain_init(&p);
	a.policy = &p.policy;
	a.from = &p.client;
	m = request_with("Route", "<sip:sip.a.test;lr>", ",");
	strip(&p, m);
	ck_assert(!sip_msg_has_header(m, "Route"));
	v = admit_request(m, &a);
	ck_assert_int_eq(v.kind, VERDICT_ANSWER);
	ck_assert_uint_eq(v.status, 400);
	sip_msg_free(m);
	plain_fini(&p);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/cost", test_S7_long_lists_are_walked_once,
		test_S7_request_with_too_many_routes_stays_refused);
}
