/* Trust headers, branches, diagnostics, failed sign-ins: small tables. */
#include "access-edge/branch.h"
#include "access-edge/diag.h"
#include "access-edge/logon.h"
#include "access-edge/trust.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/sip/check_main.h"

#define FORGED                                                    \
	"ms-edge-proxy-message-trust: a\r\n"                      \
	"MS-Edge-Proxy-Message-Trust : b\r\n"                     \
	"ms-edge-proxy-message-trust\t:\r\n c\r\n"                \
	"ms-user-logon-data: RemoteUser\r\n"                      \
	"ms-asserted-verification-level: x\r\n"                   \
	"ms-split-domain-info: x\r\nX-Edge-Class: client\r\n"     \
	"P-Asserted-Identity: <sip:boss@a.test>\r\n"              \
	"p-asserted-identity: <tel:+1>\r\n"                       \
	"P-Asserted-Service: urn:x\r\n"
#define KEPT                                                      \
	"P-Preferred-Identity: <sip:alice@a.test>\r\n"            \
	"Authorization: NTLM x\r\nms-diagnostics: 1;reason=\"x\"\r\n" \
	"ms-keep-alive: UAC;hop-hop=yes\r\nHistory-Info: <sip:x>\r\n"

START_TEST(test_S1_nothing_a_client_asserts_gets_inside)
{
	struct sip_msg *m = plain_request("INVITE", "sip:b@a.test",
		FORGED KEPT);
	char *text;

	ck_assert_uint_eq(trust_strip(m, TRUST_FROM_CLIENT), 10);
	text = plain_print(m);
	ck_assert_ptr_nonnull(strstr(text, KEPT));
	ck_assert_ptr_null(strcasestr(text, "asserted"));
	ck_assert_ptr_null(strcasestr(text, "message-trust"));
	free(text);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_signed_headers_pass_to_clients)
{
	struct sip_msg *m = plain_request("INVITE", "sip:b@a.test",
		"P-Asserted-Identity: <sip:boss@a.test>\r\n"
		"Authentication-Info: NTLM rspauth=\"x\"\r\nExpires: 60\r\n"
		"ms-edge-proxy-message-trust: a\r\nX-Edge-Class: x\r\n");

	ck_assert_uint_eq(trust_strip(m, TRUST_TO_CLIENT), 1);
	ck_assert(sip_msg_has_header(m, "P-Asserted-Identity"));
	ck_assert(sip_msg_has_header(m, "Authentication-Info"));
	ck_assert(sip_msg_has_header(m, "Expires"));
	ck_assert(sip_msg_has_header(m, "ms-edge-proxy-message-trust"));
	sip_msg_free(m);
}
END_TEST

START_TEST(test_marks)
{
	struct plain p;
	struct sip_msg *m;

	plain_init(&p);
	m = plain_request("INVITE", "sip:b@a.test", "");
	ck_assert_int_eq(trust_mark(m, &p.policy, true), 0);
	ck_assert(str_eq_z(sip_msg_header(m, "ms-edge-proxy-message-trust"),
		"ms-source-type=InternetUser;ms-ep-fqdn=edge.int.test;"
		"ms-source-verified-user=verified"));
	sip_msg_free(m);
	plain_set(&p, "ms_headers", "false");
	m = plain_request("INVITE", "sip:b@a.test", "");
	ck_assert_int_eq(trust_mark(m, &p.policy, false), 0);
	ck_assert(!sip_msg_has_header(m, "ms-edge-proxy-message-trust"));
	ck_assert(str_eq_z(sip_msg_header(m, "X-Edge-Class"), "client"));
	sip_msg_free(m);
	plain_fini(&p);
}
END_TEST

static const struct branch_key key = {{1, 2, 3}};

/* The request again, below a Via of ours and one of the server's. */
static bool comes_back(struct plain *p, const char *uri, const char *extra,
	const char *sent_by)
{
	struct sip_msg *m = plain_request("INVITE", "sip:b@a.test", "");
	char branch[BRANCH_LEN], text[1024];
	bool is_loop;

	branch_make(branch_loop_hash(m, &key), branch);
	sip_msg_free(m);
	snprintf(text, sizeof(text), "Via: SIP/2.0/TLS fe;branch=z9hG4bKf"
		"\r\nVia: SIP/2.0/TLS %s;branch=%s\r\n%s", sent_by, branch,
		extra);
	m = plain_request("INVITE", uri, text);
	is_loop = branch_is_loop(m, branch_loop_hash(m, &key), &p->policy);
	sip_msg_free(m);
	return is_loop;
}

START_TEST(test_S13_loop_is_told_from_a_spiral)
{
	struct plain p;

	plain_init(&p);
	ck_assert(comes_back(&p, "sip:b@a.test", "", "edge.int.test:5061"));
	ck_assert(comes_back(&p, "sip:b@a.test", "", "Sip.A.test:443"));
	/* Another target, another route, another proxy's branch. */
	ck_assert(!comes_back(&p, "sip:b@192.0.2.9", "",
		"edge.int.test:5061"));
	ck_assert(!comes_back(&p, "sip:b@a.test", "Route: <sip:x;lr>\r\n",
		"edge.int.test:5061"));
	ck_assert(!comes_back(&p, "sip:b@a.test", "", "edge.int.test:5062"));
	ck_assert(!comes_back(&p, "sip:b@a.test", "", "other.test:5061"));
	plain_fini(&p);
}
END_TEST

START_TEST(test_branches_are_cookies_and_differ)
{
	char a[BRANCH_LEN], b[BRANCH_LEN];

	branch_make(7, a);
	branch_make(7, b);
	ck_assert_int_eq(strncmp(a, "z9hG4bK", 7), 0);
	ck_assert_uint_eq(strlen(a), 7 + 32 + 1 + 16);
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(test_diagnostics_tell_clients_less)
{
	char value[DIAG_VALUE_LEN];

	ck_assert_str_eq(diag_value(DIAG_CLIENT_CONNECTION, true,
		"sip.a.test", "fe", value),
		"1006;reason=\"Error routing on client connection\"");
	ck_assert_str_eq(diag_value(DIAG_CLIENT_CONNECTION, false,
		"sip.a.test", NULL, value),
		"1006;reason=\"Error routing on client connection\";"
		"source=\"sip.a.test\"");
	ck_assert_ptr_nonnull(strstr(diag_value(DIAG_CONNECT, false,
		"sip.a.test", "fe", value), ";PeerServer=\"fe\";source="));
}
END_TEST

/* One more failure from 192.0.2.<host>, or nothing; is it blocked now? */
static bool try_logon(struct logon *l, uint8_t host, const char *user,
	const char *login, bool fails, struct mono now)
{
	struct addr source;
	struct logon_id id;

	ck_assert_int_eq(addr_parse_z("192.0.2.1", 1, &source), 0);
	source.ip[15] = host;
	id = logon_id_of(l, &source, str_of(user), str_of(login));
	if (fails)
		logon_failed(l, &id, 3, 600, now);
	return logon_is_blocked(l, &id, now);
}

START_TEST(test_failed_logons_block_source_and_user)
{
	struct mono now = {1000};
	struct logon *l = NULL;

	ck_assert_int_eq(logon_new(&l), 0);
	ck_assert(!try_logon(l, 1, "X@a.test", "", true, now));
	ck_assert(!try_logon(l, 1, "X@a.test", "", true, now));
	ck_assert(try_logon(l, 1, "X@a.test", "", true, now));
	ck_assert(try_logon(l, 1, "y@a.test", "", false, now));
	ck_assert(try_logon(l, 2, "x@A.test", "", false, now));
	ck_assert(!try_logon(l, 2, "y@a.test", "", false, now));
	now = mono_after_ms(now, 600 * 1000 + 1);
	ck_assert(!try_logon(l, 1, "x@a.test", "", false, now));
	ck_assert(!try_logon(l, 1, "x@a.test", "", true, now));
	logon_free(l);
}
END_TEST

/* From many sources, under many names: still the same account. */
START_TEST(test_S6_account_in_the_credentials_counts_whatever_from_says)
{
	struct mono now = {1000};
	struct logon *l = NULL;

	ck_assert_int_eq(logon_new(&l), 0);
	try_logon(l, 1, "a@a.test", "bob", true, now);
	try_logon(l, 2, "b@a.test", "bob", true, now);
	ck_assert(try_logon(l, 3, "c@a.test", "BOB", true, now));
	ck_assert(try_logon(l, 4, "d@a.test", "bob", false, now));
	ck_assert(!try_logon(l, 4, "d@a.test", "dan", false, now));
	logon_free(l);
}
END_TEST

START_TEST(test_S6_stranger_can_not_keep_a_known_user_out)
{
	struct mono now = {1000};
	struct logon *l = NULL;
	struct logon_id bob, other;
	struct addr home;

	ck_assert_int_eq(logon_new(&l), 0);
	ck_assert_int_eq(addr_parse_z("192.0.2.9", 1, &home), 0);
	bob = logon_id_of(l, &home, STR_LIT("bob@a.test"), STR_LIT("bob"));
	logon_succeeded(l, &bob, now);
	for (uint8_t i = 1; i < 5; i++)
		try_logon(l, i, "bob@a.test", "bob", true, now);
	ck_assert(try_logon(l, 7, "bob@a.test", "bob", false, now));
	ck_assert(!logon_is_blocked(l, &bob, now));
	/* Nor one behind the same address who fails as somebody else. */
	for (int i = 0; i < 3; i++)
		try_logon(l, 9, "eve@a.test", "eve", true, now);
	ck_assert(try_logon(l, 9, "dan@a.test", "dan", false, now));
	ck_assert(!logon_is_blocked(l, &bob, now));
	/* Being known as one is no way to guess at another. */
	other = logon_id_of(l, &home, STR_LIT("bob@a.test"),
		STR_LIT("dan"));
	ck_assert(logon_is_blocked(l, &other, now));
	/* What fails as bob from there does count. */
	for (int i = 0; i < 3; i++)
		logon_failed(l, &bob, 3, 600, now);
	ck_assert(logon_is_blocked(l, &bob, now));
	logon_free(l);
}
END_TEST

START_TEST(test_flood_of_sources_takes_no_more_memory)
{
	struct mono now = {1000};
	struct logon *l = NULL;
	struct logon_id id;
	struct addr a;

	ck_assert_int_eq(logon_new(&l), 0);
	ck_assert_int_eq(addr_parse_z("10.0.0.0", 1, &a), 0);
	for (unsigned i = 0; i < 40000; i++) {
		a.ip[13] = (uint8_t)(i >> 16);
		a.ip[14] = (uint8_t)(i >> 8);
		a.ip[15] = (uint8_t)i;
		id = logon_id_of(l, &a, STR_LIT("same@a.test"),
			STR_LIT(""));
		logon_failed(l, &id, 3, 600, now);
		logon_succeeded(l, &id, now);
	}
	ck_assert_uint_le(logon_count(l), 16384);
	logon_free(l);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/trust",
		test_S1_nothing_a_client_asserts_gets_inside,
		test_signed_headers_pass_to_clients, test_marks,
		test_S13_loop_is_told_from_a_spiral,
		test_branches_are_cookies_and_differ,
		test_diagnostics_tell_clients_less,
		test_failed_logons_block_source_and_user,
		test_S6_account_in_the_credentials_counts_whatever_from_says,
		test_S6_stranger_can_not_keep_a_known_user_out,
		test_flood_of_sources_takes_no_more_memory);
}
