/* The rules of proxy=replace. The client is seen as 192.0.2.77:58350. */
#include "access-edge/contact.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/check_main.h"

#define CID "000000000000001D"

static void expect(struct plain *p, bool all, const char *contact,
	const char *want)
{
	char extra[512];
	struct str value;
	struct sip_msg *m;

	snprintf(extra, sizeof(extra), "Contact: %s\r\n", contact);
	m = plain_request("INVITE", "sip:b@a.test", extra);
	ck_assert_int_eq(contact_replace(m, &p->client, all), 0);
	ck_assert(sip_msg_value(m, SIP_HEADER_CONTACT, 0, &value));
	ck_assert_msg(str_eq_z(value, want), "got %.*s", STR_ARG(value));
	sip_msg_free(m);
}

START_TEST(test_address_becomes_the_one_seen)
{
	struct plain p;

	plain_init(&p);
	expect(&p, false, "<sip:192.168.1.190:58350;transport=tls;"
		"ms-opaque=9b>;methods=\"A, B\";proxy=replace;x=1",
		"<sip:192.0.2.77:58350;transport=tls;ms-opaque=9b;"
		"ms-received-cid=" CID ">;methods=\"A, B\";x=1");
	expect(&p, false, "\"C\" <sip:c@10.0.0.1>;proxy=replace",
		"\"C\" <sip:c@192.0.2.77:58350;ms-received-cid=" CID ">");
	expect(&p, false, "<sip:[fe80::1]:5060;x>;proxy=replace",
		"<sip:192.0.2.77:58350;x;ms-received-cid=" CID ">");
	expect(&p, false, "sip:c@10.0.0.1;proxy=replace",
		"<sip:c@192.0.2.77:58350;ms-received-cid=" CID ">");
	plain_fini(&p);
}
END_TEST

START_TEST(test_names_get_maddr_and_maddr_is_replaced)
{
	struct plain p;

	plain_init(&p);
	expect(&p, false, "<sip:c@pc.home>;proxy=replace",
		"<sip:c@pc.home:58350;maddr=192.0.2.77;ms-received-cid=" CID
		">");
	expect(&p, false, "<sip:c@pc.home:1;maddr=10.1.1.1;lr>;"
		"proxy=replace", "<sip:c@pc.home:58350;maddr=192.0.2.77;lr;"
		"ms-received-cid=" CID ">");
	expect(&p, false, "<sip:c@10.9.9.9;maddr=10.1.1.1>;proxy=replace",
		"<sip:c@10.9.9.9:58350;maddr=192.0.2.77;ms-received-cid=" CID
		">");
	plain_fini(&p);
}
END_TEST

/* A client that shows what it was told on a connection before must be found
 * on this one, and nobody may name another. */
START_TEST(test_S14_marks_of_another_connection_do_not_stay)
{
	struct plain p;

	plain_init(&p);
	expect(&p, false, "<sip:c@10.0.0.1:9;ms-received-cid=00FF;lr;"
		"MS-Received-CID=0101>;proxy=replace",
		"<sip:c@192.0.2.77:58350;lr;ms-received-cid=" CID ">");
	expect(&p, false, "<sip:c@pc.home;maddr=10.1.1.1;lr;maddr=10.2.2.2>"
		";proxy=replace", "<sip:c@pc.home:58350;maddr=192.0.2.77;lr;"
		"ms-received-cid=" CID ">");
	plain_fini(&p);
}
END_TEST

/* A name may be written with escapes: then it is not in the text. */
START_TEST(test_S14_marks_that_are_spelt_otherwise_are_refused)
{
	static const char *const rows[] = {
		"<sip:c@10.0.0.1;ms%2Dreceived-cid=00FF>;proxy=replace",
		"<sip:c@10.0.0.1;m%61ddr=10.9.9.9>;proxy=replace",
		"<sip:c@pc.home;m%61ddr=10.9.9.9>;proxy=replace",
		"<sip:c@pc.home;%6Ds-received-cid=00FF>",
	};
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char extra[256];
		struct sip_msg *m;

		snprintf(extra, sizeof(extra), "Contact: %s\r\n", rows[i]);
		m = plain_request("INVITE", "sip:b@a.test", extra);
		ck_assert_msg(contact_replace(m, &p.client, false) ==
			EDGE_EREFUSED, "%s", rows[i]);
		sip_msg_free(m);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_S14_contact_that_stays_names_no_connection)
{
	struct plain p;

	plain_init(&p);
	expect(&p, false, "\"C\" <sip:c@pc.home:9;maddr=192.0.2.1;"
		"MS-received-cid=00FF;lr>;x=1",
		"\"C\" <sip:c@pc.home:9;maddr=192.0.2.1;lr>;x=1");
	expect(&p, true, "<sip:c@192.0.2.1:9;ob;ms-received-cid=00FF>",
		"<sip:c@192.0.2.1:9;ob>");
	plain_fini(&p);
}
END_TEST

START_TEST(test_ipv6_sources_get_brackets)
{
	struct plain p;

	plain_init(&p);
	ck_assert_int_eq(addr_parse_z("2001:db8::7", 99, &p.client.remote),
		0);
	expect(&p, false, "<sip:c@10.0.0.1>;proxy=replace",
		"<sip:c@[2001:db8::7]:99;ms-received-cid=" CID ">");
	plain_fini(&p);
}
END_TEST

START_TEST(test_contacts_that_do_not_ask_stay_as_they_are)
{
	static const char *const plain_contacts[] = {
		"<sip:c@a.test;opaque=user:epid:x;gruu>",
		"<sip:c@192.168.1.5:41234;transport=tls;ob>;reg-id=1",
		"*", "sip:c@10.0.0.1", "<tel:+1555>",
	};
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(plain_contacts); i++)
		expect(&p, false, plain_contacts[i], plain_contacts[i]);
	plain_fini(&p);
}
END_TEST

START_TEST(test_fix_nated_contact_takes_addresses_without_outbound)
{
	struct plain p;

	plain_init(&p);
	expect(&p, true, "<sip:c@10.0.0.1:5060>",
		"<sip:c@192.0.2.77:58350;ms-received-cid=" CID ">");
	expect(&p, true, "<sip:c@pc.home>", "<sip:c@pc.home>");
	expect(&p, true, "<sip:c@10.0.0.1;ob>", "<sip:c@10.0.0.1;ob>");
	plain_fini(&p);
}
END_TEST

START_TEST(test_what_must_not_be_asked_is_refused)
{
	static const struct {
		const char *extra;
		int err;
	} rows[] = {
		{"Contact: <sip:c@10.0.0.1>;proxy=keep\r\n",
			EDGE_EREFUSED},
		{"Contact: <sip:c@10.0.0.1;transport=tcp>;proxy=replace"
			"\r\n", EDGE_EREFUSED},
		{"Via: SIP/2.0/TLS a\r\nVia: SIP/2.0/TLS b\r\n"
			"Contact: <sip:c@10.0.0.1>;proxy=replace\r\n",
			EDGE_EREFUSED},
		{"Contact: sip:c@ 10.0.0.1;proxy=replace\r\n",
			EDGE_EMALFORMED},
	};
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sip_msg *m = plain_request("INVITE", "sip:b@a.test",
			rows[i].extra);

		ck_assert_msg(contact_replace(m, &p.client, false) ==
			rows[i].err, "%s", rows[i].extra);
		sip_msg_free(m);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_outbound_needs_both_parameters_and_the_first_hop)
{
	static const struct {
		const char *extra;
		bool is_outbound;
	} rows[] = {
		{"Contact: <sip:c@h;ob>;reg-id=1;+sip.instance=\"<u>\"\r\n",
			true},
		{"Contact: <sip:c@h;ob>;reg-id=1\r\n", false},
		{"Contact: <sip:c@h;ob>;+sip.instance=\"<u>\"\r\n", false},
		{"Via: SIP/2.0/TLS a, SIP/2.0/TLS b\r\n"
			"Contact: <sip:c@h>;reg-id=1;+sip.instance=\"<u>\""
			"\r\n", false},
		{"", false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sip_msg *m = plain_request("REGISTER", "sip:a.test",
			rows[i].extra);

		ck_assert(contact_is_outbound(m) == rows[i].is_outbound);
		sip_msg_free(m);
	}
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/contact", test_address_becomes_the_one_seen,
		test_names_get_maddr_and_maddr_is_replaced,
		test_S14_marks_of_another_connection_do_not_stay,
		test_S14_marks_that_are_spelt_otherwise_are_refused,
		test_S14_contact_that_stays_names_no_connection,
		test_ipv6_sources_get_brackets,
		test_contacts_that_do_not_ask_stay_as_they_are,
		test_fix_nated_contact_takes_addresses_without_outbound,
		test_what_must_not_be_asked_is_refused,
		test_outbound_needs_both_parameters_and_the_first_hop);
}
