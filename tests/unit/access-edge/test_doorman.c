/* Who may stay connected when settings, topology or authorities change, and by
 * which limits. */
#include "access-edge/doorman.h"
#include "tests/unit/access-edge/federation.h"
#include "tests/unit/access-edge/texts.h"
#include "tests/unit/check_main.h"
#include "tests/unit/net/pki_crl.h"

static void apply(struct lab *lab, const char *settings)
{
	struct topology *t = lab_topology(lab, settings);
	struct why why = {""};

	ck_assert_int_eq(edge_apply(lab->edge, t, lab->tls_partner, &why), 0);
	topology_unref(t);
}

/* The file of trusted authorities becomes that of these. */
static void trust(struct lab *lab, const char *first, const char *second)
{
	struct tls_watch *all[] = {lab->tls_server, lab->tls_next_hop,
		lab->tls_door_partner, lab->tls_partner};
	FILE *out = pki_open(&lab->pki, "new", "crt", "w");
	X509 *one = pki_cert(&lab->pki, first);
	struct why why = {""};
	char *from;

	PEM_write_X509(out, one);
	X509_free(one);
	if (second != NULL) {
		one = pki_cert(&lab->pki, second);
		PEM_write_X509(out, one);
		X509_free(one);
	}
	fclose(out);
	from = pki_path_dup(&lab->pki, "new.crt");
	ck_assert_int_eq(rename(from, pki_path(&lab->pki, "ca.crt")), 0);
	free(from);
	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		ck_assert_msg(tls_watch_poll(all[i], true, &why) == 1, "%s",
			why.text);
}

static const char *options(unsigned n)
{
	static char text[512];

	snprintf(text, sizeof(text),
		"OPTIONS sip:sip.test SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5:41234;branch=z9hG4bKo%u\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:carol@example.com>;tag=c9\r\n"
		"To: <sip:sip.test>\r\nCall-ID: o%u\r\nCSeq: 1 OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n", n, n);
	return text;
}

/* How many of 20 requests at once are let through. */
static unsigned let_through(struct party *p, unsigned from)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 20; i++)
		party_send(p, options(from + i));
	for (unsigned i = 0; i < 20; i++)
		n += strncmp(party_expect(p, "SIP/2.0 "), "SIP/2.0 200", 11)
			== 0;
	return n;
}

START_TEST(test_rate_of_an_open_connection_follows_a_reload)
{
	struct lab lab;
	struct party *client;

	lab_start(&lab, "");
	client = party_client(&lab);
	ck_assert_uint_eq(let_through(client, 0), 20);
	apply(&lab, "settings: {access-edge: {client_rate: 2, "
		"client_burst: 4}}\n");
	ck_assert_uint_lt(let_through(client, 100), 20);
	party_forget(client);
	apply(&lab, "settings: {access-edge: {client_rate: 1000, "
		"client_burst: 1000}}\n");
	turn_for_ms(lab.loop, 100);
	ck_assert_uint_eq(let_through(client, 200), 20);
	lab_fini(&lab);
}
END_TEST

static const char *long_message(unsigned kb)
{
	static char text[200 * 1024];
	int at = snprintf(text, sizeof(text),
		"MESSAGE sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5:41234;branch=z9hG4bKm%u\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:carol@example.com>;tag=c9\r\n"
		"To: <sip:bob@example.com>\r\nCall-ID: m%u\r\n"
		"CSeq: 1 MESSAGE\r\nContent-Length: %u\r\n\r\n", kb, kb,
		kb * 1024);

	memset(text + at, 'x', kb * 1024);
	text[at + (int)kb * 1024] = '\0';
	return text;
}

START_TEST(test_bound_of_messages_follows_a_reload)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings: {access-edge: "
		"{max_client_message_body_size_kb: 64}}\n");
	struct party *client = signed_in(&lab, fe);

	apply(&lab, "");
	party_send(client, long_message(120));
	party_expect(fe, "MESSAGE ");
	apply(&lab, "settings: {access-edge: "
		"{max_client_message_body_size_kb: 64}}\n");
	party_send(client, long_message(100));
	party_expect(client, "SIP/2.0 413");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_clients_go_with_allow_outside_users)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);

	apply(&lab, "settings: {access-edge: {allow_outside_users: false}}\n");
	party_expect_end(client);
	ck_assert(!fe->is_ended);
	lab_fini(&lab);
}
END_TEST

/* Everybody that a certificate let in: servers that dialled us, servers that
 * we dialled, partners. Clients have none. */
START_TEST(test_S9_who_leads_to_no_trusted_authority_is_cut)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, DISCOVERY);
	struct party *inside, *partner, *client;

	pki_ca(&lab.pki, "next");
	inside = party_dial_to(&lab, &lab.inside, lab.ctx_dial, LAB_MACHINE);
	partner = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	client = party_client(&lab);
	turn_for_ms(lab.loop, 50);
	/* One more changes nothing. */
	trust(&lab, "ca", "next");
	doorman_review(lab.edge);
	turn_for_ms(lab.loop, 50);
	ck_assert(!fe->is_ended && !inside->is_ended && !partner->is_ended);
	trust(&lab, "next", NULL);
	doorman_review(lab.edge);
	party_expect_end(fe);
	party_expect_end(inside);
	party_expect_end(partner);
	ck_assert(!client->is_ended);
	lab_fini(&lab);
}
END_TEST

/* It shakes hands by what was trusted when it began. */
START_TEST(test_S9_who_is_shaking_hands_is_looked_at_when_done)
{
	struct lab lab;
	struct stream_target to = {.name = LAB_MACHINE};
	struct stream_limits limits = {0};
	struct party *p;

	lab_start(&lab, "");
	pki_ca(&lab.pki, "next");
	p = party_new(&lab);
	to.remote = lab.inside;
	ck_assert_int_eq(stream_connect(&p->stream, lab.loop, &to,
		lab.ctx_dial, &limits, &party_ops, p), 0);
	TURN_UNTIL(lab.loop, lab.edge->sessions.shaking_count == 1);
	trust(&lab, "next", NULL);
	doorman_review(lab.edge);
	party_expect_end(p);
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/doorman",
		test_rate_of_an_open_connection_follows_a_reload,
		test_bound_of_messages_follows_a_reload,
		test_clients_go_with_allow_outside_users,
		test_S9_who_leads_to_no_trusted_authority_is_cut,
		test_S9_who_is_shaking_hands_is_looked_at_when_done);
}
