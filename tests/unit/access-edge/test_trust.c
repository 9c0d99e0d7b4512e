/*
 * Trust headers: every cell of the table, in every spelling; what is put in.
 */
#include "access-edge/trust.h"

#include "common/sip/sip_edit.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/check_main.h"

#define MARK "ms-edge-proxy-message-trust"

/* K stays, R goes. A value that depends on something has a row for each
 * case. Columns: from client, from partner example.org, to client, to
 * partner example.org; our domain is a.test. */
struct cell_row {
	const char *name;
	const char *value;
	const char *want;
	bool shares_domains;
};

static const struct cell_row rows[] = {
	{MARK, "ms-source-type=AuthorizedServer", "RRKR", false},
	{MARK, "ms-source-type=AuthorizedServer", "RRKR", true},
	{"X-Edge-Class", "client", "RRRR", false},
	{"ms-user-logon-data", "RemoteUser", "RRKR", false},
	{"ms-asserted-verification-level",
		"ms-source-verified-user=verified", "RRRR", false},
	{"ms-split-domain-info", "ms-traffic-type=SplitIntra", "RRRR",
		false},
	{"ms-split-domain-info", "ms-traffic-type=SplitIntra", "RKRK",
		true},
	{"P-Asserted-Identity", "<sip:b@example.org>", "RKKR", false},
	{"P-Asserted-Identity", "<sip:b@EXAMPLE.org.>", "RKKR", false},
	{"P-Asserted-Identity", "<sip:boss@a.test>", "RRKK", false},
	{"P-Asserted-Identity", "<sip:b@sub.example.org>", "RRKR", false},
	{"P-Asserted-Identity", "<sip:b@example.org>, <tel:+1555>", "RKKR",
		false},
	{"P-Asserted-Identity", "<sip:b@example.org>, <sip:boss@a.test>",
		"RRKR", false},
	{"P-Asserted-Identity", "<tel:+1555>", "RRKR", false},
	{"P-Asserted-Identity", "\"<sip:b@example.org>\" <sip:boss@a.test>",
		"RRKK", false},
	{"P-Asserted-Identity", "nonsense", "RRKR", false},
	{"Remote-Party-ID", "<sip:b@example.org>;party=calling", "RKKR",
		false},
	{"Remote-Party-ID", "<sip:boss@a.test>;party=calling", "RRKK",
		false},
	{"P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel",
		"RRKR", false},
	{"Authorization", "NTLM qop=\"auth\", realm=\"SIP Communications "
		"Service\", targetname=\"fe\"", "KKKR", false},
	{"Authorization", "Digest username=\"a\", realm=\"a.test\"", "KKKR",
		false},
	{"Authorization", "Digest username=\"x, realm=example.org\", "
		"realm=\"a.test\"", "KKKR", false},
	{"Authorization", "Digest username=\"a\", realm=\"example.org\"",
		"KKKK", false},
	{"Authorization", "Bearer abc", "KKKR", false},
	{"Proxy-Authorization", "Digest realm=\"A.Test\"", "KKKR", false},
	{"Proxy-Authorization", "Digest realm=\"example.org\"", "KKKK",
		false},
	{"Authentication-Info", "NTLM rspauth=\"01\", snum=\"1\"", "KKKK",
		false},
	{"ms-diagnostics", "1009;reason=\"x\";source=\"fe\"", "KKKR",
		false},
	{"ms-client-diagnostics", "22;reason=\"x\"", "KKKR", false},
	{"ms-diagnostics-public", "4005;reason=\"x\"", "KKKK", false},
	{"History-Info", "<sip:fe.int.test>;index=1", "KKKK", false},
	{"Diversion", "<sip:x@a.test>", "KKKK", false},
	{"P-Charging-Vector", "icid-value=1", "KKKK", false},
	{"P-Access-Network-Info", "3GPP", "KKKK", false},
	{"Server", "RTC/6.0", "KKKK", false},
	{"User-Agent", "UCCAPI/4.0", "KKKK", false},
	/* No trust in them at all. */
	{"P-Preferred-Identity", "<sip:alice@a.test>", "KKKK", false},
	{"ms-keep-alive", "UAC;hop-hop=yes", "KKKK", false},
	{"Expires", "60", "KKKK", false},
	{"P-Charging", "x", "KKKK", false},
	{"X-ms-edge-proxy-message-trust", "x", "KKKK", false},
};

static const char *const ways[] = {
	[TRUST_FROM_CLIENT] = "from client",
	[TRUST_FROM_PARTNER] = "from partner",
	[TRUST_TO_CLIENT] = "to client",
	[TRUST_TO_PARTNER] = "to partner",
};

/* The same header in the spellings that others have smuggled with. */
static void spell(char *out, size_t cap, unsigned how, const char *name,
	const char *value)
{
	char other[128];
	size_t i;

	for (i = 0; name[i] != '\0'; i++) {
		char c = name[i];
		bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		other[i] = !is_letter ? c : i % 2 == 0 ? (char)(c & ~0x20) :
			(char)(c | 0x20);
	}
	other[i] = '\0';
	switch (how) {
	case 0:
		snprintf(out, cap, "%s: %s\r\n", name, value);
		break;
	case 1:
		snprintf(out, cap, "%s:%s\r\n", other, value);
		break;
	case 2:
		snprintf(out, cap, "%s : %s\r\n", name, value);
		break;
	case 3:
		snprintf(out, cap, "%s\t \t:\t%s \t\r\n", other, value);
		break;
	case 4:
		snprintf(out, cap, "%s:\r\n %s\r\n", name, value);
		break;
	default:
		snprintf(out, cap, "%s:\r\n\t\r\n %s\r\n \r\n", name,
			value);
		break;
	}
}

#define SPELLINGS 6

/* One header among others that stay; is the result what the cell says,
 * octet for octet? */
static void check_cell(struct plain *p, const struct cell_row *row,
	enum trust_way way, unsigned how)
{
	static const char before[] = "Subject: before\r\n";
	static const char after[] = "X-After:  \r\n folded \r\n";
	const struct trust_peer peer = {&p->policy,
		STR_LIT("example.org"), row->shares_domains};
	char line[512], extra[1200], want[1200];
	struct sip_msg *m;
	char *out;
	bool goes = row->want[way] == 'R';

	spell(line, sizeof(line), how, row->name, row->value);
	snprintf(extra, sizeof(extra), "%s%s%s", before, line, after);
	snprintf(want, sizeof(want), "%s%s%s", before, goes ? "" : line,
		after);
	m = plain_request("INVITE", "sip:bob@a.test", extra);
	ck_assert_int_eq(trust_strip(m, way, &peer), goes ? 1 : 0);
	out = plain_print(m);
	ck_assert_msg(strstr(out, want) != NULL,
		"%s: %s, %s, spelling %u:\n%s", row->name, row->value,
		ways[way], how, out);
	free(out);
	sip_msg_free(m);
}

START_TEST(test_S1_every_cell_in_every_spelling)
{
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (unsigned way = 0; way < TRUST_WAY_COUNT; way++) {
			for (unsigned how = 0; how < SPELLINGS; how++)
				check_cell(&p, &rows[i], way, how);
		}
	}
	plain_fini(&p);
}
END_TEST

/* No row of the table is without a test. */
START_TEST(test_every_rule_of_the_table_has_rows_here)
{
	for (size_t i = 0; i < trust_rule_count(); i++) {
		const char *name = trust_rule_name(i);
		size_t n = strcspn(name, "*");
		bool found = strcmp(name, "Route") == 0; /* below */

		for (size_t k = 0; k < ARRAY_COUNT(rows); k++)
			found = found || strncmp(rows[k].name, name, n) == 0;
		ck_assert_msg(found, "%s", name);
	}
}
END_TEST

/* Removed headers in numbers, between and below each other. */
START_TEST(test_S1_repeated_and_interleaved_headers_all_go)
{
	struct plain p;
	struct trust_peer peer;
	struct sip_msg *m;
	char *out;

	plain_init(&p);
	peer = (struct trust_peer){.policy = &p.policy};
	m = plain_request("INVITE", "sip:b@a.test",
		MARK ": a\r\nSubject: 1\r\n" MARK " : b\r\n" MARK
		":\r\n c\r\nP-Asserted-Identity: <sip:x@a.test>\r\n"
		"p-asserted-identity: <tel:+1>\r\nExpires: 1\r\n"
		"P-ASSERTED-IDENTITY:\r\nms-user-logon-data:\r\n");
	ck_assert_int_eq(trust_strip(m, TRUST_FROM_CLIENT, &peer), 7);
	out = plain_print(m);
	ck_assert_ptr_null(strcasestr(out, "asserted"));
	ck_assert_ptr_null(strcasestr(out, "message-trust"));
	ck_assert_ptr_null(strcasestr(out, "logon"));
	ck_assert_ptr_nonnull(strstr(out, "Subject: 1\r\nExpires: 1\r\n"));
	free(out);
	sip_msg_free(m);
	plain_fini(&p);
}
END_TEST

/* What is no header line of its own is no header: a name in a folded line,
 * in a body, in a part of a multipart body passes, and means nothing. */
START_TEST(test_S1_what_looks_like_a_header_is_none)
{
	static const char text[] =
		"INVITE sip:b@a.test SIP/2.0\r\n"
		"Via: SIP/2.0/TLS h;branch=z9hG4bK1\r\n"
		"From: <sip:a@a.test>;tag=1\r\nTo: <sip:b@a.test>\r\n"
		"Call-ID: x\r\nCSeq: 1 INVITE\r\n"
		"Subject: one\r\n " MARK ": folded\r\n"
		"Content-Type: multipart/mixed;boundary=b\r\n"
		"Content-Length: 89\r\n\r\n"
		"--b\r\n" MARK ": x\r\nP-Asserted-Identity: <sip:b@a.test>"
		"\r\n\r\nbody\r\n--b--\r\n";
	struct plain p;
	struct trust_peer peer;
	struct sip_fault fault;
	struct sip_msg *m;
	char *out;

	plain_init(&p);
	peer = (struct trust_peer){.policy = &p.policy};
	ck_assert_int_eq(sip_msg_parse(&m, str_of(text), &fault), 0);
	ck_assert_int_eq(trust_strip(m, TRUST_FROM_CLIENT, &peer), 0);
	out = plain_print(m);
	ck_assert_str_eq(out, text);
	free(out);
	sip_msg_free(m);
	plain_fini(&p);
}
END_TEST

/* Names that another parser could take for one of ours are refused before
 * anything is taken out. */
START_TEST(test_S1_names_that_are_no_tokens_are_refused)
{
	static const char *const lines[] = {
		"ms-edge-\r\nproxy-message-trust: x\r\n",
		"ms-edge-proxy-message-trust\r\n : x\r\n",
		"ms-edge-proxy-message-trust\xc2\xa0: x\r\n",
		"ms-edge-proxy-message-tru\xd1\x95t: x\r\n",
		"ms-edge-proxy-message-trust\x0b: x\r\n",
		"\"ms-edge-proxy-message-trust\": x\r\n",
		"Subject: a\rms-edge-proxy-message-trust: x\r\n",
		"Subject: a\nms-edge-proxy-message-trust: x\r\n",
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		struct sip_fault fault;
		struct sip_msg *m = NULL;

		snprintf(text, sizeof(text), "INVITE sip:b@a.test SIP/2.0"
			"\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\n"
			"From: <sip:a@a.test>;tag=1\r\nTo: <sip:b@a.test>\r\n"
			"Call-ID: x\r\nCSeq: 1 INVITE\r\n%s"
			"Content-Length: 0\r\n\r\n", lines[i]);
		ck_assert_msg(sip_msg_parse(&m, str_of(text), &fault) ==
			EDGE_EMALFORMED, "line %zu passed", i);
		sip_msg_free(m);
	}
}
END_TEST

/* ---- what settings decide ------------------------------------------------ */

static void expect_to_partner(struct plain *p, const char *extra,
	const char *want)
{
	const struct trust_peer peer = {.policy = &p->policy,
		.domain = STR_LIT("example.org")};
	struct sip_msg *m = plain_request("INVITE", "sip:b@example.org",
		extra);
	char *out;

	ck_assert_int_ge(trust_strip(m, TRUST_TO_PARTNER, &peer), 0);
	out = plain_print(m);
	ck_assert_msg(strstr(out, want) != NULL, "%s\nnot in\n%s", want,
		out);
	free(out);
	sip_msg_free(m);
}

START_TEST(test_history_is_hidden_from_partners_when_asked)
{
	struct plain p;

	plain_init(&p);
	plain_set(&p, "hide_history", "true");
	expect_to_partner(&p, "History-Info: <sip:fe>\r\nDiversion: x\r\n"
		"P-Charging-Vector: x\r\np-charging-function-addresses : x"
		"\r\nP-Access-Network-Info: x\r\nSubject: left\r\n",
		"From: <sip:alice@a.test>;tag=1\r\nTo: <sip:bob@a.test>\r\n"
		"Subject: left\r\n");
	plain_fini(&p);
}
END_TEST

START_TEST(test_comments_of_software_are_hidden_from_partners)
{
	struct plain p;

	plain_init(&p);
	expect_to_partner(&p, "User-Agent: UCCAPI/4.0.7577.4356 "
		"OC/4.0.7577.4356 (Microsoft Lync 2010 (x64))\r\n",
		"User-Agent: UCCAPI/4.0.7577.4356 OC/4.0.7577.4356\r\n");
	expect_to_partner(&p, "Server: (only a comment \\) )\r\n"
		"Subject: left\r\n",
		"To: <sip:bob@a.test>\r\nSubject: left\r\n");
	expect_to_partner(&p, "Server: a (never closed\r\n",
		"Server: a\r\n");
	plain_set(&p, "hide_software", "false");
	expect_to_partner(&p, "User-Agent: UCCAPI/4.0 (Microsoft)\r\n",
		"User-Agent: UCCAPI/4.0 (Microsoft)\r\n");
	plain_fini(&p);
}
END_TEST

/* The mark on a Route goes, the Route does not. */
START_TEST(test_edge_route_is_for_shared_address_space_only)
{
	static const char routes[] =
		"Route: <sip:x;transport=tls;lr>;ms-edge-route;z=1, "
		"<sip:y;lr>\r\nRoute: <sip:z;lr>;MS-Edge-Route\r\n";
	struct plain p;

	plain_init(&p);
	for (unsigned way = 0; way < TRUST_WAY_COUNT; way++) {
		struct trust_peer peer = {.policy = &p.policy};
		struct sip_msg *m = plain_request("INVITE", "sip:b@a.test",
			routes);
		char *out;

		ck_assert_int_eq(trust_strip(m, way, &peer), 2);
		out = plain_print(m);
		ck_assert_ptr_nonnull(strstr(out,
			"Route: <sip:x;transport=tls;lr>;z=1, <sip:y;lr>\r\n"
			"Route: <sip:z;lr>\r\n"));
		free(out);
		sip_msg_free(m);
		m = plain_request("INVITE", "sip:b@a.test", routes);
		peer.shares_domains = true;
		ck_assert_int_eq(trust_strip(m, way, &peer), 0);
		out = plain_print(m);
		ck_assert_ptr_nonnull(strstr(out, routes));
		free(out);
		sip_msg_free(m);
	}
	plain_fini(&p);
}
END_TEST

/* ---- what is put in ------------------------------------------------------ */

#define EP ";ms-ep-fqdn=edge.int.test;ms-source-verified-user="

START_TEST(test_marks_are_those_of_the_grammar)
{
	static const struct {
		struct trust_mark mark;
		const char *want;
		const char *edge_class;
	} marks[] = {
		{{.source = TRUST_INTERNET_USER, .is_verified = true},
			"ms-source-type=InternetUser" EP "verified",
			"client"},
		{{.source = TRUST_INTERNET_USER},
			"ms-source-type=InternetUser" EP "unverified",
			"client"},
		{{.source = TRUST_AUTO_FEDERATION, .is_verified = true},
			"ms-source-type=AutoFederation" EP "verified"
			";ms-source-network=federation", "federation"},
		{{.source = TRUST_DIRECT_PARTNER},
			"ms-source-type=DirectPartner" EP "unverified"
			";ms-source-network=federation", "federation"},
		{{.source = TRUST_AUTHORIZED_SERVER, .is_verified = true,
			.is_public_cloud = true,
			.remote_fqdn = "fed.example.net"},
			"ms-source-type=AuthorizedServer" EP "verified"
			";ms-source-network=publiccloud"
			";ms-remote-fqdn=fed.example.net", "provider"},
		{{.source = TRUST_EDGE_GENERATED},
			"ms-source-type=EdgeProxyGenerated" EP "unverified",
			"edge"},
	};
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
		struct sip_msg *m = plain_request("INVITE", "sip:b@a.test",
			MARK ": forged\r\n" MARK ": twice\r\n");

		plain_set(&p, "ms_headers", "true");
		ck_assert_int_eq(trust_put(m, &p.policy, &marks[i].mark),
			0);
		ck_assert(str_eq_z(sip_msg_header(m, MARK),
			marks[i].want));
		sip_remove(m, MARK); /* one line, not two */
		ck_assert(!sip_msg_has_header(m, MARK));
		plain_set(&p, "ms_headers", "false");
		ck_assert_int_eq(trust_put(m, &p.policy, &marks[i].mark),
			0);
		ck_assert(!sip_msg_has_header(m, MARK));
		ck_assert(str_eq_z(sip_msg_header(m, "X-Edge-Class"),
			marks[i].edge_class));
		sip_msg_free(m);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_claims_of_partners_are_read_and_made)
{
	static const struct {
		const char *line;
		enum trust_claim want;
	} claims[] = {
		{"", TRUST_CLAIM_NONE},
		{"ms-asserted-verification-level: x\r\n", TRUST_CLAIM_NONE},
		{"ms-asserted-verification-level : "
			"ms-source-verified-user=Verified\r\n",
			TRUST_CLAIM_VERIFIED},
		{"ms-asserted-verification-level: "
			"ms-source-verified-user=unverified\r\n",
			TRUST_CLAIM_UNVERIFIED},
		{"ms-asserted-verification-level: "
			"ms-source-verified-user=\r\n",
			TRUST_CLAIM_UNVERIFIED},
	};

	for (size_t i = 0; i < ARRAY_COUNT(claims); i++) {
		struct sip_msg *m = plain_request("INVITE", "sip:b@a.test",
			claims[i].line);

		ck_assert_int_eq(trust_claim_of(m), claims[i].want);
		ck_assert_int_eq(trust_claim_put(m, true), 0);
		ck_assert_int_eq(trust_claim_of(m), TRUST_CLAIM_VERIFIED);
		sip_msg_free(m);
	}
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/trust",
		test_S1_every_cell_in_every_spelling,
		test_every_rule_of_the_table_has_rows_here,
		test_S1_repeated_and_interleaved_headers_all_go,
		test_S1_what_looks_like_a_header_is_none,
		test_S1_names_that_are_no_tokens_are_refused,
		test_history_is_hidden_from_partners_when_asked,
		test_comments_of_software_are_hidden_from_partners,
		test_edge_route_is_for_shared_address_space_only,
		test_marks_are_those_of_the_grammar,
		test_claims_of_partners_are_read_and_made);
}
