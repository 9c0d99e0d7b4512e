/* Where requests go, row by row. Connection 0x1D is the sender's, 0x3F is
 * another client's, 0x5F and 0x6F are partners', all others are gone. */
#include "access-edge/route.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/check_main.h"

static const struct flow_keys keys = {
	.keys = {{.number = 1, .secret = "0123456789abcdef0123456789abcde",
		.made = {1000}}},
	.count = 1,
	.edge_id = {1, 2},
};
static const struct flow_keys other_edge = {
	.keys = {{.number = 1, .secret = "0123456789abcdef0123456789abcde",
		.made = {1000}}},
	.count = 1,
	.edge_id = {9, 9},
};

static const struct addr *client(const void *arg, uint64_t cid)
{
	const struct plain *p = arg;

	return cid == 0x1D || cid == 0x3F ? &p->client.remote : NULL;
}

static const char *partner(const void *arg, uint64_t cid)
{
	(void)arg;
	return cid == 0x5F ? "sip.partner.test" :
		cid == 0x6F ? "sip.other.test" : NULL;
}

static const char *server_at(const void *arg, const struct addr *a)
{
	char text[ADDR_TEXT_LEN];

	(void)arg;
	return strcmp(addr_text(a, text), "10.0.0.20:5061") == 0 ?
		"fe.int.test" : NULL;
}

static struct verdict decide(struct plain *p, const struct origin *from,
	const char *uri, const char *routes, struct route *out)
{
	struct sip_msg *m = plain_request("BYE", uri, routes);
	const struct route_in in = {
		.policy = &p->policy,
		.keys = &keys,
		.from = from,
		.now = {2000},
		.world = {client, partner, server_at, p},
	};
	struct verdict v = route_decide(m, &in, out);

	sip_msg_free(m);
	return v;
}

/* A Route with the token of a partner's connection. */
static const char *flow(uint64_t cid)
{
	static char text[256];
	char token[FLOW_TOKEN_LEN + 1];

	snprintf(text, sizeof(text), "Route: <sip:%s@edge.int.test;lr>\r\n",
		flow_token(&keys, FLOW_FEDERATION, cid, token));
	return text;
}

/* "Route: <sip:TOKEN@host;lr>" for this connection. */
static const char *own(const struct flow_keys *k, uint64_t cid,
	const char *host)
{
	static char text[4][256];
	static unsigned next;
	char token[FLOW_TOKEN_LEN + 1];
	char *out = text[next++ % 4];

	snprintf(out, sizeof(text[0]), "Route: <sip:%s@%s;lr>\r\n",
		flow_token(k, 0, cid, token), host);
	return out;
}

static const char *two(const char *a, const char *b)
{
	static char text[1024];

	snprintf(text, sizeof(text), "%s%s", a, b);
	return text;
}

START_TEST(test_client_without_a_route_goes_to_the_next_hop)
{
	struct plain p;
	struct route r;

	plain_init(&p);
	ck_assert_int_eq(decide(&p, &p.client, "sip:bob@a.test", "",
		&r).kind, VERDICT_PASS);
	ck_assert_int_eq(r.to, ROUTE_TO_NEXT_HOP);
	/* Even to a foreign domain: policy is made inside. */
	ck_assert_int_eq(decide(&p, &p.client, "sip:bob@partner.test", "",
		&r).kind, VERDICT_PASS);
	ck_assert_int_eq(r.to, ROUTE_TO_NEXT_HOP);
	plain_fini(&p);
}
END_TEST

START_TEST(test_own_routes_in_every_form_are_taken_off)
{
	static const char *const forms[] = {
		"Route: <sip:sip.a.test;transport=tls;lr>\r\n",
		"Route: <sip:SIP.a.test.:443;lr>\r\n",
		"Route: <sip:sip.a.test:5061;lr>\r\n",
		"Route: <sip:198.51.100.10:443;lr>\r\n",
		"Route: <sip:203.0.113.10;lr>\r\n",
		"Route: <sip:edge.int.test:5061;lr>\r\n",
	};
	struct plain p;
	struct route r;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		ck_assert_int_eq(decide(&p, &p.client, "sip:bob@a.test",
			forms[i], &r).kind, VERDICT_PASS);
		ck_assert_uint_eq(r.own_routes, 1);
		ck_assert_int_eq(r.to, ROUTE_TO_NEXT_HOP);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_client_dialog_takes_two_routes_off_and_follows_the_next)
{
	struct plain p;
	struct route r;
	char routes[1024];

	plain_init(&p);
	snprintf(routes, sizeof(routes), "%s%s%s",
		own(&keys, 0x1D, "sip.a.test:443"),
		own(&keys, 0x1D, "edge.int.test:5061"),
		"Route: <sip:fe.int.test:5061;transport=tls;lr>\r\n");
	ck_assert_int_eq(decide(&p, &p.client, "sip:bob@x", routes,
		&r).kind, VERDICT_PASS);
	ck_assert_uint_eq(r.own_routes, 2);
	ck_assert_int_eq(r.to, ROUTE_TO_SERVER);
	ck_assert_str_eq(r.server, "fe.int.test");
	ck_assert_uint_eq(r.port, 5061);
	ck_assert(!r.is_strict);
	/* By address, when a known server has it; without lr. */
	ck_assert_int_eq(decide(&p, &p.client, "sip:bob@x",
		"Route: <sip:10.0.0.20:5061>\r\n", &r).kind, VERDICT_PASS);
	ck_assert_str_eq(r.server, "fe.int.test");
	ck_assert(r.is_strict);
	/* A dot at the end makes no other server of it. */
	ck_assert_int_eq(decide(&p, &p.client, "sip:bob@x",
		"Route: <sip:fe.int.test.:5061;lr>\r\n", &r).kind,
		VERDICT_PASS);
	ck_assert_str_eq(r.server, "fe.int.test");
	/* An address that a server had which is trusted no more. */
	p.t.trusted_count = 0;
	ck_assert_uint_eq(decide(&p, &p.client, "sip:bob@x",
		"Route: <sip:10.0.0.20:5061;lr>\r\n", &r).status, 403);
	plain_fini(&p);
}
END_TEST

START_TEST(test_S14_client_can_not_steer_us_anywhere)
{
	static const char *const bad[] = {
		"Route: <sip:evil.test;lr>\r\n",
		"Route: <sip:10.0.0.99:5061;lr>\r\n",
		"Route: <sip:mcu.int.test:5061;lr>\r\n", /* no grant sip */
		"Route: <sip:fe.int.test:22;lr>\r\n",
		"Route: <sip:fe.int.test:0005061;lr>\r\nRoute: <sip:x;lr>"
			"\r\n",
		"Route: <sip:sip.a.test;lr>\r\nRoute: <sip:evil.test;lr>"
			"\r\n",
	};
	struct plain p;
	struct route r;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct verdict v = decide(&p, &p.client, "sip:bob@a.test",
			bad[i], &r);

		if (i == 4) /* leading zeros are the same port */
			continue;
		ck_assert_msg(v.kind == VERDICT_ANSWER && v.status == 403 &&
			v.is_abuse, "passed: %s", bad[i]);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_S14_tokens_of_clients)
{
	struct plain p;
	struct route r;
	char forged[256];
	char *at;
	struct verdict v;

	plain_init(&p);
	/* Another one's, that is open. */
	v = decide(&p, &p.client, "sip:b@a.test",
		own(&keys, 0x3F, "sip.a.test:443"), &r);
	ck_assert_uint_eq(v.status, 403);
	ck_assert(v.is_abuse);
	/* One that is gone, or a pool member's: only after signing in. */
	ck_assert_int_eq(decide(&p, &p.client, "sip:b@a.test",
		own(&keys, 0x77, "sip.a.test:443"), &r).kind, VERDICT_PASS);
	ck_assert_int_eq(decide(&p, &p.client, "sip:b@a.test",
		own(&other_edge, 0x1D, "sip.a.test:443"), &r).kind,
		VERDICT_PASS);
	p.client.is_signed_in = false;
	ck_assert_uint_eq(decide(&p, &p.client, "sip:b@a.test",
		own(&keys, 0x77, "sip.a.test:443"), &r).status, 403);
	p.client.is_signed_in = true;
	/* Two that differ. */
	ck_assert_uint_eq(decide(&p, &p.client, "sip:b@a.test",
		two(own(&keys, 0x1D, "sip.a.test:443"),
		own(&keys, 0x77, "edge.int.test:5061")), &r).status, 403);
	/* Every single character matters. */
	snprintf(forged, sizeof(forged), "%s",
		own(&keys, 0x1D, "sip.a.test:443"));
	at = strchr(forged, '@') - FLOW_TOKEN_LEN;
	for (size_t i = 1; i < FLOW_TOKEN_LEN; i++) {
		char was = at[i];

		at[i] = was == 'A' ? 'B' : 'A';
		v = decide(&p, &p.client, "sip:b@a.test", forged, &r);
		/* Shaped like none any more, it is only a user part. */
		ck_assert(v.kind == VERDICT_PASS || v.status == 403);
		ck_assert(v.kind != VERDICT_PASS || r.to !=
			ROUTE_TO_CLIENT);
		at[i] = was;
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_inside_goes_over_the_flow_of_its_token)
{
	struct plain p;
	struct route r;
	struct verdict v;

	plain_init(&p);
	v = decide(&p, &p.inside, "sip:alice@192.168.1.1",
		two(own(&keys, 0x1D, "edge.int.test:5061"),
		own(&keys, 0x1D, "sip.a.test:443")), &r);
	ck_assert_int_eq(v.kind, VERDICT_PASS);
	ck_assert_int_eq(r.to, ROUTE_TO_CLIENT);
	ck_assert_uint_eq(r.cid, 0x1D);
	ck_assert_uint_eq(r.own_routes, 2);
	v = decide(&p, &p.inside, "sip:alice@192.168.1.1",
		own(&keys, 0x99, "edge.int.test:5061"), &r);
	ck_assert_uint_eq(v.status, 430);
	ck_assert_int_eq(v.diag, DIAG_CLIENT_CONNECTION);
	v = decide(&p, &p.inside, "sip:alice@192.168.1.1",
		own(&other_edge, 0x1D, "edge.int.test:5061"), &r);
	ck_assert_uint_eq(v.status, 430);
	plain_set(&p, "flow_failed_code", "\"480\"");
	v = decide(&p, &p.inside, "sip:alice@192.168.1.1",
		own(&keys, 0x99, "edge.int.test:5061"), &r);
	ck_assert_uint_eq(v.status, 480);
	plain_fini(&p);
}
END_TEST

START_TEST(test_inside_goes_by_the_cid_in_the_contact)
{
	static const struct {
		const char *uri;
		unsigned status; /* 0 = passes */
	} rows[] = {
		{"sip:192.0.2.77:58350;transport=tls;"
			"ms-received-cid=000000000000001D", 0},
		{"sip:h:58350;maddr=192.0.2.77;"
			"ms-received-cid=000000000000001d", 0},
		{"sip:192.0.2.78:58350;ms-received-cid=000000000000001D",
			430},
		{"sip:192.0.2.77:58351;ms-received-cid=000000000000001D",
			430},
		{"sip:192.0.2.77:58350;ms-received-cid=0000000000000099",
			430},
		{"sip:192.0.2.77:58350;ms-received-cid=1D", 430},
		{"sip:192.0.2.77:58350;ms-received-cid=00000000000000XY",
			430},
	};
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct route r;
		struct verdict v = decide(&p, &p.inside, rows[i].uri, "",
			&r);
		unsigned got = v.kind == VERDICT_PASS ? 0 : v.status;

		ck_assert_msg(got == rows[i].status, "%s: %u", rows[i].uri,
			got);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_inside_gets_no_way_to_anything_else)
{
	static const struct {
		const char *uri;
		const char *routes;
		unsigned status;
	} rows[] = {
		{"sip:bob@a.test", "", 404},
		{"sip:edge.int.test", "", 404},
		{"sip:bob@a.test", "Route: <sip:@@;lr>\r\n", 400},
	};
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct route r;
		struct verdict v = decide(&p, &p.inside, rows[i].uri,
			rows[i].routes, &r);

		ck_assert_msg(v.kind == VERDICT_ANSWER && v.status ==
			rows[i].status, "%zu: %u", i, v.status);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_strict_router_upstream_is_repaired)
{
	struct plain p;
	struct sip_msg *m;
	char uri[128], token[FLOW_TOKEN_LEN + 1];
	char *text;

	plain_init(&p);
	snprintf(uri, sizeof(uri), "sip:%s@edge.int.test:5061;lr",
		flow_token(&keys, 0, 0x1D, token));
	m = plain_request("BYE", uri, "Route: <sip:x;lr>, "
		"<sip:alice@192.168.1.1;ob>\r\n");
	ck_assert_int_eq(route_repair(m, &p.policy), 0);
	text = plain_print(m);
	ck_assert(str_starts(str_of(text),
		"BYE sip:alice@192.168.1.1;ob SIP/2.0\r\n"));
	/* Ours is on top: its token is not lost. */
	snprintf(uri, sizeof(uri), "Route: <sip:%s@edge.int.test:5061;lr>"
		"\r\nRoute: <sip:x;lr>\r\n", token);
	ck_assert_ptr_nonnull(strstr(text, uri));
	free(text);
	sip_msg_free(m);
	plain_fini(&p);
}
END_TEST

START_TEST(test_ack_of_a_client_needs_a_dialog)
{
	struct plain p;
	struct sip_msg *m;
	struct route r;

	plain_init(&p);
	m = plain_request("ACK", "sip:bob@a.test", "");
	ck_assert_int_eq(route_decide(m, &(struct route_in){
		.policy = &p.policy, .keys = &keys, .from = &p.client,
		.now = {2000}, .world = {client, partner, server_at, &p}},
		&r).kind, VERDICT_DROP);
	sip_msg_free(m);
	plain_fini(&p);
}
END_TEST

#define TO_PARTNER "To: <sip:bob@partner.test>;tag=2\r\n"
#define NEXT_ROUTE "Route: <sip:198.18.0.1:5061;transport=tls;lr>\r\n"

START_TEST(test_inside_reaches_a_partner_by_domain_flow_or_dialog)
{
	static const char own_pair[] =
		"Route: <sip:edge.int.test:5061;lr>\r\n"
		"Route: <sip:sip.a.test:5061;lr>\r\n";
	struct plain p;
	struct route r;
	char text[1024];

	plain_init(&p);
	/* An initial request: the domain of the Request-URI. */
	ck_assert_int_eq(decide(&p, &p.inside, "sip:bob@partner.test", "",
		&r).kind, VERDICT_PASS);
	ck_assert_int_eq(r.to, ROUTE_TO_PARTNER);
	ck_assert(!r.is_in_dialog);
	ck_assert_str_eq(r.server, "");
	/* A Route that names a server: federate.c looks whether it may. */
	ck_assert_int_eq(decide(&p, &p.inside, "sip:bob@partner.test",
		"Route: <sip:x.test:5062;lr>\r\n", &r).kind, VERDICT_PASS);
	ck_assert_str_eq(r.server, "x.test");
	ck_assert_uint_eq(r.port, 5062);
	/* In a dialog the Request-URI may be any address. */
	snprintf(text, sizeof(text), "%s%s%s", TO_PARTNER, own_pair,
		NEXT_ROUTE);
	ck_assert_int_eq(decide(&p, &p.inside,
		"sip:bob@10.1.1.1;ms-received-cid=1D5400", text, &r).kind,
		VERDICT_PASS);
	ck_assert_int_eq(r.to, ROUTE_TO_PARTNER);
	ck_assert(r.is_in_dialog);
	ck_assert_uint_eq(r.own_routes, 2);
	ck_assert_uint_eq(r.cid, 0);
	/* One that the partner began: over its connection, while it lasts. */
	snprintf(text, sizeof(text), "%s%s%s", TO_PARTNER, flow(0x5F),
		NEXT_ROUTE);
	ck_assert_int_eq(decide(&p, &p.inside, "sip:bob@10.1.1.1", text,
		&r).kind, VERDICT_PASS);
	ck_assert_uint_eq(r.cid, 0x5F);
	snprintf(text, sizeof(text), "%s%s", TO_PARTNER, flow(0x99));
	ck_assert_int_eq(decide(&p, &p.inside, "sip:bob@10.1.1.1", text,
		&r).kind, VERDICT_PASS);
	ck_assert_int_eq(r.to, ROUTE_TO_PARTNER);
	ck_assert_uint_eq(r.cid, 0);
	ck_assert(r.is_in_dialog);
	plain_fini(&p);
}
END_TEST

START_TEST(test_S14_tokens_of_partners)
{
	const struct {
		const char *routes;
		unsigned status; /* 0 = passes */
	} rows[] = {
		{"", 0},
		{"Route: <sip:sip.a.test:5061;lr>\r\n", 0},
		{flow(0x5F), 0},
	};
	struct plain p;
	struct route r;
	struct verdict v;
	char forged[256];

	plain_init(&p);
	plain_federate(&p);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		v = decide(&p, &p.partner, "sip:bob@a.test", rows[i].routes,
			&r);
		ck_assert_int_eq(v.kind, VERDICT_PASS);
		ck_assert_int_eq(r.to, ROUTE_TO_NEXT_HOP);
	}
	/* Gone, so that nobody can tell whose it was: harmless. */
	v = decide(&p, &p.partner, "sip:bob@a.test", flow(0x77), &r);
	ck_assert_int_eq(v.kind, VERDICT_PASS);
	v = decide(&p, &p.partner, "sip:bob@a.test", flow(0x6F), &r);
	ck_assert(v.is_abuse); /* another partner's */
	v = decide(&p, &p.partner, "sip:bob@a.test", own(&keys, 0x1D,
		"sip.a.test"), &r);
	ck_assert(v.is_abuse); /* a client's */
	snprintf(forged, sizeof(forged), "%s", flow(0x5F));
	forged[40] = forged[40] == 'A' ? 'B' : 'A';
	v = decide(&p, &p.partner, "sip:bob@a.test", forged, &r);
	ck_assert(v.is_abuse);
	plain_fini(&p);
}
END_TEST

START_TEST(test_S14_partner_can_not_steer_us_anywhere)
{
	static const char *const routes[] = {
		"Route: <sip:x.test;lr>\r\n",
		"Route: <sip:fe.int.test:22;lr>\r\n",
		"Route: <sip:10.0.0.99:5061;lr>\r\n",
		"Route: <sip:sip.a.test:5061;lr>, <sip:x.test;lr>\r\n",
	};
	struct plain p;
	struct route r;

	plain_init(&p);
	plain_federate(&p);
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		struct verdict v = decide(&p, &p.partner, "sip:bob@a.test",
			routes[i], &r);

		ck_assert_msg(v.kind == VERDICT_ANSWER && v.is_abuse,
			"%s", routes[i]);
	}
	ck_assert_int_eq(decide(&p, &p.partner, "sip:bob@a.test",
		"Route: <sip:fe.int.test:5061;transport=tls;lr>\r\n",
		&r).kind, VERDICT_PASS);
	ck_assert_int_eq(r.to, ROUTE_TO_SERVER);
	plain_fini(&p);
}
END_TEST

START_TEST(test_S11_partner_proves_a_dialog_by_tag_and_token)
{
	static const char to[] = "To: <sip:bob@a.test>;tag=t\r\n";
	struct plain p;
	char lines[512], token[FLOW_TOKEN_LEN + 1];

	plain_init(&p);
	for (int i = 0; i < 5; i++) {
		struct route_in in = {.policy = &p.policy, .keys = &keys,
			.from = &p.partner, .now = {2000},
			.world = {client, partner, server_at, &p}};
		struct sip_msg *m;

		flow_token(&keys, i == 3 ? 0 : FLOW_FEDERATION, 0x5F, token);
		if (i == 4)
			token[FLOW_TOKEN_LEN - 3] ^= 1;
		snprintf(lines, sizeof(lines), "%sRoute: <sip:sip.a.test;lr>"
			"\r\nRoute: <sip:%s%sedge.int.test;lr>\r\n",
			i == 1 ? "" : to, i == 2 ? "" : token,
			i == 2 ? "" : "@");
		m = plain_request("BYE", "sip:bob@10.0.0.7", lines);
		ck_assert_msg(route_is_in_dialog(m, &in) == (i == 0), "%s",
			lines);
		sip_msg_free(m);
	}
	plain_fini(&p);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/route",
		test_client_without_a_route_goes_to_the_next_hop,
		test_own_routes_in_every_form_are_taken_off,
		test_client_dialog_takes_two_routes_off_and_follows_the_next,
		test_S14_client_can_not_steer_us_anywhere,
		test_S14_tokens_of_clients,
		test_inside_goes_over_the_flow_of_its_token,
		test_inside_goes_by_the_cid_in_the_contact,
		test_inside_gets_no_way_to_anything_else,
		test_inside_reaches_a_partner_by_domain_flow_or_dialog,
		test_S14_tokens_of_partners,
		test_S14_partner_can_not_steer_us_anywhere,
		test_strict_router_upstream_is_repaired,
		test_S11_partner_proves_a_dialog_by_tag_and_token,
		test_ack_of_a_client_needs_a_dialog);
}
