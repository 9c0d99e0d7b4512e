/* The policy: lifetimes, locations, relay names, versions. */
#include <check.h>
#include <string.h>

#include "av-auth/issue.h"
#include "tests/unit/av-auth/lab.h"

static struct lab_plain lab;
static struct issue_policy policy;
static struct av_key_ring ring;
static struct avedge_item items[3];
static struct avedge_request q;
static struct avedge_response a;
static const struct wall NOW = {1767225600};

static void setup(void)
{
	lab_plain_init(&lab);
	issue_policy_from(&policy, &lab.t);
	memset(&ring, 0, sizeof(ring));
	av_key_ring_rotate(&ring, NOW);
	memset(items, 0, sizeof(items));
	items[0].id = STR_LIT("1");
	items[0].identity = STR_LIT("sip:alice@test");
	items[1].id = STR_LIT("2");
	items[1].identity = STR_LIT("sip:bob@test");
	q = (struct avedge_request){.id = STR_LIT("7"),
		.version = STR_LIT("2.0"), .major = 2, .items = items,
		.item_count = 1};
	memset(&a, 0, sizeof(a));
}

static void teardown(void)
{
	issue_response_fini(&a);
	lab_plain_fini(&lab);
}

static void answer(void)
{
	issue_response_fini(&a);
	issue_answer(&a, &policy, &ring, &q, NOW);
}

/* The grant's text forms lead back to a credential that checks. */
static struct av_cred check_grant(size_t i)
{
	char password[AV_CRED_PASSWORD_TEXT];
	uint8_t user[AV_CRED_USER_MAX];
	struct av_cred c;
	size_t len;

	ck_assert_int_eq(av_cred_user_from_text(str_of(a.grants[i].user), user,
				 &len), 0);
	ck_assert_int_eq(av_cred_check(&c, &ring, user, len, NOW, 0), 0);
	av_cred_password_text(&c, password);
	ck_assert_str_eq(password, a.grants[i].password);
	return c;
}

static const struct {
	uint32_t asked_min;
	uint32_t granted_min;
} LIFETIMES[] = {
	{0, 480}, {1, 1}, {60, 60}, {480, 480}, {481, 480}, {100000, 480},
	{UINT32_MAX, 480},
};

START_TEST(test_lifetime_is_the_smaller_of_asked_and_limit)
{
	struct av_cred c;

	items[0].duration_min = LIFETIMES[_i].asked_min;
	answer();
	ck_assert_int_eq(a.reason, AVEDGE_OK);
	ck_assert_uint_eq(a.grants[0].duration_min, LIFETIMES[_i].granted_min);
	c = check_grant(0);
	ck_assert_int_eq(c.expires.s,
		NOW.s + 60 * (int64_t)LIFETIMES[_i].granted_min);
}
END_TEST

START_TEST(test_limit_is_the_setting)
{
	lab_set(&lab, "max_token_lifetime", "3600");
	issue_policy_from(&policy, &lab.t);
	answer();
	ck_assert_uint_eq(a.grants[0].duration_min, 60);
	ck_assert_uint_eq(issue_lifetime_min(&policy, 59), 59);
	ck_assert_uint_eq(issue_lifetime_min(&policy, 61), 60);
}
END_TEST

START_TEST(test_version_of_the_request_decides_the_format)
{
	answer();
	ck_assert_uint_eq(check_grant(0).user_len, 56);
	ck_assert_str_eq(a.server_version, "2.0");
	q.major = 1;
	answer();
	ck_assert_uint_eq(check_grant(0).user_len, 52);
	ck_assert_str_eq(a.server_version, "1.0");
}
END_TEST

START_TEST(test_other_versions_are_a_mismatch)
{
	static const unsigned BAD[][2] = {{0, 0}, {3, 0}, {1, 1}, {2, 1},
		{65535, 0}};

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		q.major = BAD[i][0];
		q.minor = BAD[i][1];
		answer();
		ck_assert_int_eq(a.reason, AVEDGE_VERSION_MISMATCH);
		ck_assert_str_eq(a.server_version, "2.0");
		ck_assert_uint_eq(a.grant_count, 0);
	}
}
END_TEST

START_TEST(test_names_per_location_are_never_mixed)
{
	answer();
	ck_assert_uint_eq(a.relay_count, 2);
	ck_assert_int_eq(a.relays[0].location, AVEDGE_INTRANET);
	ck_assert_str_eq(a.relays[0].name, LAB_MACHINE);
	ck_assert_int_eq(a.relays[1].location, AVEDGE_INTERNET);
	ck_assert_str_eq(a.relays[1].name, "av.test");
	ck_assert(!a.relays[0].is_address);
}
END_TEST

START_TEST(test_ports_of_both_transports_are_offered)
{
	answer();
	for (size_t i = 0; i < a.relay_count; i++) {
		ck_assert_uint_eq(a.relays[i].udp_port, 3478);
		ck_assert_uint_eq(a.relays[i].tcp_port, 443);
	}
}
END_TEST

START_TEST(test_ports_without_a_listener_are_not_offered)
{
	lab.listeners[2].usage = TOPOLOGY_WEBCONF_CLIENT;
	issue_policy_from(&policy, &lab.t);
	answer();
	ck_assert_uint_eq(a.relays[0].tcp_port, 443);
	ck_assert_uint_eq(a.relays[1].udp_port, 3478);
	ck_assert_uint_eq(a.relays[1].tcp_port, 0);
}
END_TEST

START_TEST(test_tcp_port_is_not_offered_without_tcp_relays)
{
	struct why why = {""};

	ck_assert_int_eq(setting_set_put(lab.t.settings[CONF_AV_EDGE],
		"tcp_relays", "false", &why), 0);
	issue_policy_from(&policy, &lab.t);
	answer();
	for (size_t i = 0; i < a.relay_count; i++) {
		ck_assert_uint_eq(a.relays[i].udp_port, 3478);
		ck_assert_uint_eq(a.relays[i].tcp_port, 0);
	}
}
END_TEST

START_TEST(test_public_port_counts_not_the_bound_one)
{
	lab.listeners[1].public_port = 13478;
	issue_policy_from(&policy, &lab.t);
	answer();
	ck_assert_uint_eq(a.relays[1].udp_port, 13478);
}
END_TEST

START_TEST(test_directip_gives_addresses_and_what_nat_shows)
{
	q.direct_ip = true;
	answer();
	ck_assert_uint_eq(a.relay_count, 2);
	ck_assert(a.relays[0].is_address);
	ck_assert_str_eq(a.relays[0].name, "10.0.0.10");
	ck_assert_str_eq(a.relays[1].name, "198.51.100.30");
	ck_assert_int_eq(addr_parse_z("203.0.113.9", 3478,
				 &lab.listeners[1].nat), 0);
	issue_policy_from(&policy, &lab.t);
	answer();
	ck_assert_str_eq(a.relays[1].name, "203.0.113.9");
}
END_TEST

START_TEST(test_both_families_share_a_name_and_have_two_addresses)
{
	lab_listener(&lab, TOPOLOGY_TURN_UDP, TOPOLOGY_EXTERNAL, "2001:db8::1",
		3478, "av.test");
	issue_policy_from(&policy, &lab.t);
	ck_assert_uint_eq(policy.by_name.count, 2);
	ck_assert_uint_eq(policy.by_address.count, 3);
	ck_assert_str_eq(policy.by_address.at[2].name, "2001:db8::1");
}
END_TEST

START_TEST(test_location_without_a_relay_is_not_supported)
{
	lab.t.listener_count = 3; /* nothing inside */
	issue_policy_from(&policy, &lab.t);
	items[0].location = AVEDGE_INTRANET;
	answer();
	ck_assert_int_eq(a.reason, AVEDGE_NOT_SUPPORTED);
	ck_assert_uint_eq(a.grant_count, 0);
	items[0].location = AVEDGE_ANYWHERE;
	answer();
	ck_assert_int_eq(a.reason, AVEDGE_OK);
	lab.t.listener_count = 0;
	issue_policy_from(&policy, &lab.t);
	answer();
	ck_assert_int_eq(a.reason, AVEDGE_NOT_SUPPORTED);
}
END_TEST

START_TEST(test_without_a_key_nothing_is_granted)
{
	av_key_ring_wipe(&ring);
	answer();
	ck_assert_int_eq(a.reason, AVEDGE_NOT_SUPPORTED);
	ck_assert_ptr_null(a.grants);
}
END_TEST

START_TEST(test_one_bad_item_fails_all)
{
	lab.t.listener_count = 3;
	issue_policy_from(&policy, &lab.t);
	q.item_count = 2;
	items[0].location = AVEDGE_INTERNET;
	items[1].location = AVEDGE_INTRANET;
	answer();
	ck_assert_int_eq(a.reason, AVEDGE_NOT_SUPPORTED);
	ck_assert_uint_eq(a.grant_count, 0);
	ck_assert_ptr_null(a.grants);
}
END_TEST

START_TEST(test_each_item_gets_its_own_credential_in_order)
{
	struct av_cred alice, bob;

	q.item_count = 2;
	answer();
	ck_assert_uint_eq(a.grant_count, 2);
	ck_assert(str_eq_z(a.grants[0].id, "1"));
	ck_assert(str_eq_z(a.grants[1].id, "2"));
	alice = check_grant(0);
	bob = check_grant(1);
	ck_assert_mem_ne(alice.client_id, bob.client_id, 20);
}
END_TEST

/* Local policy: nobody is kept out until it is switched on. */
START_TEST(test_users_of_other_domains_are_forbidden_when_asked_for)
{
	static char ours[2][256] = {"contoso.test", "sub.contoso.test"};
	static const struct {
		const char *identity;
		bool is_ours;
	} CASES[] = {
		{"sip:alice@contoso.test", true},
		{"sip:alice@CONTOSO.test;gruu;opaque=x", true},
		{"sips:alice@sub.contoso.test:5061", true},
		{"sip:alice@sub.contoso.test?x=y", true},
		{"sip:alice@fabrikam.test", false},
		{"sip:alice@xcontoso.test", false},
		{"sip:alice@contoso.test.evil.test", false},
		{"sip:contoso.test", false},
		{"sip:alice@", false},
		{"alice", false},
	};

	lab.t.domains = ours;
	lab.t.domain_count = 2;
	for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
		items[0].identity = str_of(CASES[i].identity);
		lab_set(&lab, "own_domains_only", "false");
		issue_policy_from(&policy, &lab.t);
		answer();
		ck_assert_int_eq(a.reason, AVEDGE_OK);
		lab_set(&lab, "own_domains_only", "true");
		issue_policy_from(&policy, &lab.t);
		answer();
		ck_assert_msg(a.reason == (CASES[i].is_ours ? AVEDGE_OK :
				AVEDGE_FORBIDDEN), "%s", CASES[i].identity);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("issue");
	TCase *tc = tcase_create("issue");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc,
		test_lifetime_is_the_smaller_of_asked_and_limit, 0,
		ARRAY_COUNT(LIFETIMES));
	tcase_add_test(tc, test_limit_is_the_setting);
	tcase_add_test(tc, test_version_of_the_request_decides_the_format);
	tcase_add_test(tc, test_other_versions_are_a_mismatch);
	tcase_add_test(tc, test_names_per_location_are_never_mixed);
	tcase_add_test(tc, test_ports_of_both_transports_are_offered);
	tcase_add_test(tc, test_ports_without_a_listener_are_not_offered);
	tcase_add_test(tc, test_tcp_port_is_not_offered_without_tcp_relays);
	tcase_add_test(tc, test_public_port_counts_not_the_bound_one);
	tcase_add_test(tc, test_directip_gives_addresses_and_what_nat_shows);
	tcase_add_test(tc,
		test_both_families_share_a_name_and_have_two_addresses);
	tcase_add_test(tc, test_location_without_a_relay_is_not_supported);
	tcase_add_test(tc, test_without_a_key_nothing_is_granted);
	tcase_add_test(tc, test_one_bad_item_fails_all);
	tcase_add_test(tc, test_each_item_gets_its_own_credential_in_order);
	tcase_add_test(tc,
		test_users_of_other_domains_are_forbidden_when_asked_for);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
