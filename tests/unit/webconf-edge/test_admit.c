/*
 * The questions a ticket must answer, in their order; and who may register
 * under which id. No sockets: servers are made by hand.
 */
#include <check.h>
#include <string.h>

#include "common/base/err.h"
#include "tests/unit/wce/vector.h"
#include "webconf-edge/admit.h"

static const uint8_t SPKI[32];
static const struct server_peer FE = {"fe.a.test", SPKI};
static const struct server_peer FE2 = {"fe2.a.test", SPKI};

static struct {
	struct servers servers;
	struct server *server;
	struct ticket_key *key;
	struct ticket_set *used;
	struct admit_facts facts;
	uint8_t bytes[TICKET_MAX_LEN];
	struct str ticket;
} t;

static struct server_claim claim(uint8_t id, uint64_t epoch)
{
	struct server_claim c = {.epoch = epoch, .pool = "pool.test",
		.sessions_max = 10};
	uint8_t public[TICKET_PUBLIC_MAX];
	struct ticket_key *key = vector_key();
	struct str s = {(const char *)public, ticket_key_public(key, public)};

	vector_run(c.id, sizeof(c.id), id);
	ck_assert_int_eq(ticket_key_from_public(&c.keys[0], TICKET_ED25519, s,
				 7), 0);
	c.key_count = 1;
	ticket_key_free(key);
	return c;
}

static void sign(const struct ticket *ticket)
{
	size_t len;

	ck_assert_int_eq(ticket_sign(ticket, t.key, t.bytes, &len), 0);
	t.ticket = (struct str){(const char *)t.bytes, len};
}

static void setup(void)
{
	struct server_claim c = claim(0x20, 5);
	struct ticket ticket = vector_ticket();

	memset(&t, 0, sizeof(t));
	t.key = vector_key();
	ck_assert_int_eq(servers_init(&t.servers, 2), 0);
	ck_assert_int_eq(server_register(&t.server, &t.servers, &c, &FE), 0);
	t.server->control_count = 1;
	ck_assert_int_eq(ticket_set_new(&t.used, 100), 0);
	t.facts = (struct admit_facts){.servers = &t.servers,
		.used = t.used,
		.audience = "webconf.example.com",
		.now = {1700000100},
		.skew_s = 60};
	sign(&ticket);
}

static void teardown(void)
{
	servers_fini(&t.servers);
	ticket_set_free(t.used);
	ticket_key_free(t.key);
}

static enum admit_verdict ask(void)
{
	struct server *server = NULL;
	struct ticket ticket;

	return admit_check(t.ticket, str_of(VECTOR_URI), &t.facts, &ticket,
		&server);
}

START_TEST(test_a_good_ticket_is_good_once)
{
	ck_assert_int_eq(ask(), ADMIT_OK);
	ck_assert_int_eq(ask(), ADMIT_REPLAYED);
	ck_assert_int_eq(admit_code(ADMIT_REPLAYED), WCE_E_TICKET);
}
END_TEST

START_TEST(test_a_reusable_ticket_is_good_again)
{
	struct ticket ticket = vector_ticket();

	ticket.is_single_use = false;
	sign(&ticket);
	ck_assert_int_eq(ask(), ADMIT_OK);
	ck_assert_int_eq(ask(), ADMIT_OK);
	ck_assert_uint_eq(ticket_set_count(t.used), 0);
}
END_TEST

/* What is refused for another reason is not used up. */
START_TEST(test_refusals_do_not_use_a_ticket_up)
{
	t.server->is_draining = true;
	ck_assert_int_eq(ask(), ADMIT_FULL);
	t.server->is_draining = false;
	t.facts.audience = "other.example.com";
	ck_assert_int_eq(ask(), ADMIT_AUDIENCE);
	t.facts.audience = "webconf.example.com";
	t.facts.now.s = 1700000361;
	ck_assert_int_eq(ask(), ADMIT_TIME);
	t.facts.now.s = 1700000100;
	t.server->session_count = 10;
	ck_assert_int_eq(ask(), ADMIT_FULL);
	t.server->session_count = 0;
	ck_assert_int_eq(ask(), ADMIT_OK);
}
END_TEST

START_TEST(test_each_question_has_its_verdict)
{
	struct ticket ticket = vector_ticket();
	struct server *server = NULL;

	t.server->control_count = 0;
	ck_assert_int_eq(ask(), ADMIT_SERVER);
	t.server->control_count = 1;
	ck_assert_int_eq(admit_check(t.ticket, str_of("sip:other"), &t.facts,
				 &ticket, &server), ADMIT_CONFERENCE);
	server_revoke(t.server, (struct str){(const char *)ticket.id, 16},
		t.facts.now);
	ck_assert_int_eq(ask(), ADMIT_REVOKED);
	t.bytes[t.ticket.n - 1] ^= 1;
	ck_assert_int_eq(ask(), ADMIT_SIGNATURE);
	t.bytes[7] ^= 1; /* the key's number */
	ck_assert_int_eq(ask(), ADMIT_KEY);
	t.bytes[40] ^= 1; /* the server's id */
	ck_assert_int_eq(ask(), ADMIT_SERVER);
	t.bytes[0] ^= 1;
	ck_assert_int_eq(ask(), ADMIT_SHAPE);
}
END_TEST

START_TEST(test_a_full_memory_refuses)
{
	uint8_t id[TICKET_ID_LEN];

	for (uint8_t i = 0; i < 100; i++) {
		vector_run(id, sizeof(id), (uint8_t)(i + 100));
		ck_assert_int_eq(ticket_set_add(t.used, id,
					 (struct wall){1800000000},
					 t.facts.now), 0);
	}
	ck_assert_int_eq(ask(), ADMIT_SET_FULL);
	ck_assert_int_eq(admit_code(ADMIT_SET_FULL), WCE_E_EDGE_FULL);
}
END_TEST

/* One code for everything that is wrong with a ticket. */
START_TEST(test_a_client_learns_one_code)
{
	static const enum admit_verdict verdicts[] = {ADMIT_SHAPE, ADMIT_KEY,
		ADMIT_SIGNATURE, ADMIT_AUDIENCE, ADMIT_TIME, ADMIT_CONFERENCE,
		ADMIT_REVOKED, ADMIT_REPLAYED};

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		ck_assert_int_eq(admit_code(verdicts[i]), WCE_E_TICKET);
}
END_TEST

/* S17: an id belongs to the name that registered it. */
START_TEST(test_S17_an_id_is_not_taken_over)
{
	struct server_claim c = claim(0x20, 6);
	enum wce_code code;

	ck_assert_int_eq(server_judge(&t.servers, &c, &FE2, &code),
		SERVER_REFUSED);
	ck_assert_int_eq(code, WCE_E_UNTRUSTED);
	ck_assert_int_eq(server_judge(&t.servers, &c, &FE, &code),
		SERVER_RESTARTED);
	c.epoch = 5;
	ck_assert_int_eq(server_judge(&t.servers, &c, &FE, &code),
		SERVER_SAME);
	t.server->control_count = SERVER_CONTROLS_MAX;
	ck_assert_int_eq(server_judge(&t.servers, &c, &FE, &code),
		SERVER_REFUSED);
	ck_assert_int_eq(code, WCE_E_DUPLICATE);
	c.epoch = 4;
	t.server->control_count = 1;
	ck_assert_int_eq(server_judge(&t.servers, &c, &FE, &code),
		SERVER_REFUSED);
	ck_assert_int_eq(code, WCE_E_DUPLICATE);
	server_claim_fini(&c);
}
END_TEST

START_TEST(test_servers_have_a_bound)
{
	struct server_claim c = claim(0x60, 1);
	struct server_claim d = claim(0x70, 1);
	struct server *s;
	enum wce_code code;

	ck_assert_int_eq(server_judge(&t.servers, &c, &FE2, &code),
		SERVER_NEW);
	ck_assert_int_eq(server_register(&s, &t.servers, &c, &FE2), 0);
	ck_assert_int_eq(server_judge(&t.servers, &d, &FE2, &code),
		SERVER_REFUSED);
	ck_assert_int_eq(code, WCE_E_EDGE_FULL);
	server_forget_if_unused(&t.servers, s);
	ck_assert_uint_eq(t.servers.count, 1);
	server_claim_fini(&d);
}
END_TEST

/* S17: one name with many ids does not keep the others out. */
START_TEST(test_S17_a_name_has_a_share_of_the_servers)
{
	struct server_claim last = claim(0x90, 1);
	struct server_claim again = claim(0x20, 5);
	struct server *s;
	enum wce_code code;

	t.servers.max = 20;
	for (uint8_t i = 1; i < 5; i++) {
		struct server_claim c = claim((uint8_t)(0x20 + 0x10 * i), 1);

		ck_assert_int_eq(server_judge(&t.servers, &c, &FE, &code),
			SERVER_NEW);
		ck_assert_int_eq(server_register(&s, &t.servers, &c, &FE), 0);
	}
	ck_assert_int_eq(server_judge(&t.servers, &last, &FE, &code),
		SERVER_REFUSED);
	ck_assert_int_eq(code, WCE_E_EDGE_FULL);
	ck_assert_int_eq(server_judge(&t.servers, &last, &FE2, &code),
		SERVER_NEW);
	ck_assert_int_eq(server_judge(&t.servers, &again, &FE, &code),
		SERVER_SAME);
	server_claim_fini(&last);
	server_claim_fini(&again);
}
END_TEST

/* A pin that comes later is compared with the key of now. */
/* What is left of one that lost its right does not keep its id from its
 * owner, nor a place of the table. */
START_TEST(test_T11_an_id_is_free_when_its_right_is_gone)
{
	struct server_claim again = claim(0x20, 9);
	enum wce_code code;
	struct server *owner;

	t.server->session_count = 1; /* a relay that is being cut */
	ck_assert_int_eq(server_judge(&t.servers, &again, &FE2, &code),
		SERVER_REFUSED);
	server_unlist(&t.servers, t.server);
	ck_assert_uint_eq(t.servers.count, 0);
	ck_assert_ptr_null(servers_find(&t.servers, again.id));
	ck_assert_int_eq(server_judge(&t.servers, &again, &FE2, &code),
		SERVER_NEW);
	ck_assert_int_eq(server_register(&owner, &t.servers, &again, &FE2), 0);
	server_claim_fini(&again);
	t.server->session_count = 0;
	server_forget_if_unused(&t.servers, t.server);
	ck_assert_ptr_eq(servers_find(&t.servers, owner->id), owner);
	ck_assert_uint_eq(t.servers.count, 1);
}
END_TEST

START_TEST(test_a_renewed_certificate_is_the_one_that_counts)
{
	static const uint8_t renewed[32] = {7};
	const struct server_peer peer = {"fe.a.test", renewed};
	struct server_claim c = claim(0x20, 6);
	struct server *s;

	ck_assert_int_eq(server_register(&s, &t.servers, &c, &peer), 0);
	ck_assert_ptr_eq(s, t.server);
	ck_assert_mem_eq(s->spki_sha256, renewed, sizeof(renewed));
}
END_TEST

START_TEST(test_a_claim_with_a_wrong_key_is_none)
{
	struct wce_fields f = {.count = 0};
	struct server_claim c;
	static const char key[] = "\0\7\1" "12345678901234567890123456789012";
	static const char wrong[] = "\0\7\2" "12345678901234567890123456789012";
	static const char id[16], four[4], eight[8];

	f.at[f.count++] = (struct wce_field){WCE_SERVER, {id, 16}};
	f.at[f.count++] = (struct wce_field){WCE_POOL, STR_LIT("Pool.Test")};
	f.at[f.count++] = (struct wce_field){WCE_CAPABILITIES, {four, 4}};
	f.at[f.count++] = (struct wce_field){WCE_SESSIONS_MAX, {four, 4}};
	f.at[f.count++] = (struct wce_field){WCE_EPOCH, {eight, 8}};
	f.at[f.count++] = (struct wce_field){WCE_KEY, {key, 35}};
	ck_assert_int_eq(server_claim_read(&c, &f), 0);
	ck_assert_str_eq(c.pool, "pool.test");
	server_claim_fini(&c);
	/* the same number twice */
	f.at[f.count++] = (struct wce_field){WCE_KEY + 1, {key, 35}};
	ck_assert_int_eq(server_claim_read(&c, &f), EDGE_EMALFORMED);
	f.count--;
	f.at[5].value.p = wrong;
	ck_assert_int_eq(server_claim_read(&c, &f), EDGE_EMALFORMED);
	f.at[5].value.p = key;
	f.at[1].value = STR_LIT("no name!");
	ck_assert_int_lt(server_claim_read(&c, &f), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("admit");
	TCase *tc = tcase_create("admit");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_a_good_ticket_is_good_once);
	tcase_add_test(tc, test_a_reusable_ticket_is_good_again);
	tcase_add_test(tc, test_refusals_do_not_use_a_ticket_up);
	tcase_add_test(tc, test_each_question_has_its_verdict);
	tcase_add_test(tc, test_a_full_memory_refuses);
	tcase_add_test(tc, test_a_client_learns_one_code);
	tcase_add_test(tc, test_S17_an_id_is_not_taken_over);
	tcase_add_test(tc, test_servers_have_a_bound);
	tcase_add_test(tc, test_S17_a_name_has_a_share_of_the_servers);
	tcase_add_test(tc, test_T11_an_id_is_free_when_its_right_is_gone);
	tcase_add_test(tc, test_a_renewed_certificate_is_the_one_that_counts);
	tcase_add_test(tc, test_a_claim_with_a_wrong_key_is_none);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
