/* The two orders of checks between organisations: every kind of partner,
 * every step that can refuse, in and out. */
#include "access-edge/federate.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/sip/check_main.h"

/* A certificate by its names: hosts, then "sip:" domains. */
struct cert {
	struct tls_names names;
	char *hosts[4];
	char *domains[2];
};

static const struct tls_names *cert(struct cert *c, const char *a,
	const char *b)
{
	const char *all[] = {a, b};

	memset(c, 0, sizeof(*c));
	c->names.hosts = c->hosts;
	c->names.domains = c->domains;
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		if (all[i] == NULL)
			continue;
		if (strncmp(all[i], "sip:", 4) == 0)
			c->domains[c->names.domain_count++] =
				(char *)(uintptr_t)(all[i] + 4);
		else
			c->hosts[c->names.host_count++] =
				(char *)(uintptr_t)all[i];
	}
	return &c->names;
}

/* What DNS says; "" = nothing. */
static const struct discover_answer *srv(struct discover_answer *a,
	const char *first, const char *second)
{
	const char *all[] = {first, second};

	memset(a, 0, sizeof(*a));
	snprintf(a->detail, sizeof(a->detail), "no such name");
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		struct discover_target *t = &a->targets[a->count];

		if (all[i] == NULL || all[i][0] == '\0')
			continue;
		a->is_found = true;
		snprintf(t->host, sizeof(t->host), "%s", all[i]);
		t->port = 5061;
		a->count++;
	}
	return a;
}

static struct federate_in message(const struct plain *p,
	const struct tls_names *names, const char *sender,
	const struct discover_answer *answer)
{
	return (struct federate_in){
		.policy = &p->policy,
		.names = names,
		.sender = str_of(sender),
		.from = str_of(sender),
		.srv = answer,
		.recipient = STR_LIT("a.test"),
		.to = STR_LIT("a.test"),
		.method = STR_LIT("MESSAGE"),
	};
}

static const struct federate_finding *last(const struct federate_plan *plan)
{
	ck_assert_uint_gt(plan->report.count, 0);
	return &plan->report.rows[plan->report.count - 1];
}

static void refused(const struct federate_plan *plan,
	enum federate_step step, unsigned status, enum diag_id diag)
{
	ck_assert_msg(plan->result == FEDERATE_REFUSED, "%s: %s",
		federate_result_name(plan->result), last(plan)->text);
	ck_assert_msg(plan->step == step, "refused by %s: %s",
		federate_step_name(plan->step), last(plan)->text);
	ck_assert_int_eq(last(plan)->step, step);
	ck_assert_int_eq(last(plan)->result, FEDERATE_REFUSED);
	ck_assert_uint_eq(plan->verdict.status, status);
	ck_assert_int_eq(plan->verdict.diag, diag);
	ck_assert_str_eq(plan->verdict.rule, federate_step_name(step));
}

static void accepted(const struct federate_plan *plan,
	enum partner_kind kind)
{
	ck_assert_msg(plan->result == FEDERATE_PASSED, "%s refused: %s",
		federate_step_name(plan->step), last(plan)->text);
	ck_assert_msg(plan->partner.kind == kind, "%s",
		partner_kind_name(plan->partner.kind));
}

/* ---- the four kinds, in -------------------------------------------------- */

START_TEST(test_direct_partner_is_known_by_the_name_of_its_edge)
{
	struct plain p;
	struct cert c;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	plain_allow(&p, "example.test", "edge.elsewhere.test", "always");
	in = message(&p, cert(&c, "edge.elsewhere.test", NULL),
		"example.test", NULL);
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_DIRECT);
	ck_assert_int_eq(plan.partner.level, PARTNER_ALWAYS);
	ck_assert_str_eq(plan.partner.server, "edge.elsewhere.test");
	ck_assert_int_eq(partner_mark(&plan.partner,
		TRUST_CLAIM_NONE).source, TRUST_DIRECT_PARTNER);
	/* Another certificate is refused; SRV is no second chance. */
	in.names = cert(&c, "sip.example.test", "sip:example.test");
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_DIRECT, 504, DIAG_NO_TRUST);
	plain_fini(&p);
}
END_TEST

START_TEST(test_allowed_partner_is_found_by_srv)
{
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	plain_allow(&p, "example.test", "", "never");
	in = message(&p, cert(&c, "other.test", "sip.example.test"),
		"Example.TEST.", NULL);
	federate_inbound(&in, &plan);
	ck_assert_int_eq(plan.result, FEDERATE_ASK);
	ck_assert_str_eq(plan.partner.domain, "example.test");
	in.srv = srv(&a, "sip.example.test", NULL);
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_ALLOWED);
	ck_assert_int_eq(plan.partner.level, PARTNER_NEVER);
	ck_assert_int_eq(partner_mark(&plan.partner,
		TRUST_CLAIM_VERIFIED).source, TRUST_AUTO_FEDERATION);
	plain_fini(&p);
}
END_TEST

START_TEST(test_discovered_partner_needs_the_setting)
{
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	in = message(&p, cert(&c, "sip.example.test", NULL), "example.test",
		srv(&a, "sip.example.test", NULL));
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_LISTED, 504, DIAG_NO_ROUTE);
	ck_assert_str_eq(plan.verdict.setting, "enable_partner_discovery");
	plain_set(&p, "enable_partner_discovery", "true");
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_DISCOVERED);
	ck_assert_int_eq(plan.partner.level, PARTNER_SOURCE);
	plain_set(&p, "discovered_partner_verification_level", "\"never\"");
	federate_inbound(&in, &plan);
	ck_assert_int_eq(plan.partner.level, PARTNER_NEVER);
	plain_fini(&p);
}
END_TEST

START_TEST(test_provider_speaks_for_any_domain)
{
	struct plain p;
	struct cert c;
	struct topology_provider *one;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	one = plain_provider(&p, "cloud", "edge.cloud.test");
	one->is_public = true;
	in = message(&p, cert(&c, "edge.cloud.test", NULL), "example.test",
		NULL);
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_PROVIDER);
	ck_assert_int_eq(partner_mark(&plan.partner,
		TRUST_CLAIM_NONE).source, TRUST_AUTHORIZED_SERVER);
	ck_assert(partner_mark(&plan.partner,
		TRUST_CLAIM_NONE).is_public_cloud);
	ck_assert(partner_mark(&plan.partner, TRUST_CLAIM_NONE).is_verified);
	/* A blocked domain stays blocked behind it, asserted or in From. */
	plain_block(&p, "example.test");
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_BLOCKED, 504, DIAG_NO_FEDERATION);
	in.sender = STR_LIT("other.test");
	in.from = STR_LIT("Example.test.");
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_BLOCKED, 504, DIAG_NO_FEDERATION);
	in.from = in.sender;
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_PROVIDER);
	in.sender = in.from = STR_LIT("example.test");
	one->is_enabled = false;
	p.t.partner_count = 0;
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_LISTED, 504, DIAG_NO_ROUTE);
	plain_fini(&p);
}
END_TEST

START_TEST(test_default_route_takes_everything_from_one_server)
{
	struct plain p;
	struct cert c;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	plain_set(&p, "default_route_fqdn", "\"hub.test\"");
	plain_set(&p, "use_default_routing", "true");
	plain_allow(&p, "direct.test", "edge.direct.test", "source");
	in = message(&p, cert(&c, "hub.test", NULL), "anyone.test", NULL);
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_DEFAULT_ROUTE);
	ck_assert_int_eq(plan.partner.level, PARTNER_SOURCE);
	in.sender = STR_LIT("direct.test");
	in.names = cert(&c, "edge.direct.test", NULL);
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_DEFAULT_ROUTE, 504, DIAG_NO_TRUST);
	plain_fini(&p);
}
END_TEST

/* ---- each step that refuses, in ------------------------------------------ */

START_TEST(test_nothing_comes_in_without_federation)
{
	struct plain p;
	struct cert c;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_allow(&p, "example.test", "", "source");
	in = message(&p, cert(&c, "sip.example.test", NULL), "example.test",
		NULL);
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_ENABLED, 504, DIAG_NO_FEDERATION);
	ck_assert_str_eq(plan.verdict.setting, "allow_federated_users");
	plain_fini(&p);
}
END_TEST

START_TEST(test_S10_sender_must_be_a_domain_that_is_not_ours)
{
	static const char *const bad[] = {"", "192.0.2.1", "[2001:db8::1]",
		"a.test", "A.TEST.", "b.test", "x y.test", "exa\r\nmple.test",
		"-x.test", "*.test"};
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;

	plain_init(&p);
	plain_federate(&p);
	plain_set(&p, "enable_partner_discovery", "true");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		const struct federate_in in = message(&p, cert(&c,
			"sip.a.test", "a.test"), bad[i], srv(&a,
			"sip.a.test", NULL));

		federate_inbound(&in, &plan);
		refused(&plan, FEDERATE_DOMAIN, 504, DIAG_FOREIGN_SENDER);
		for (const char *t = last(&plan)->text; *t != '\0'; t++)
			ck_assert_int_ge(*t, ' ');
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_S10_from_must_not_say_something_else)
{
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	plain_set(&p, "enable_partner_discovery", "true");
	in = message(&p, cert(&c, "sip.example.test", NULL), "example.test",
		srv(&a, "sip.example.test", NULL));
	in.from = STR_LIT("a.test"); /* ours, with a P-Asserted-Identity */
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_DOMAIN, 504, DIAG_FOREIGN_SENDER);
	in.from = STR_LIT("bank.test");
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_SENDER, 504, DIAG_FOREIGN_SENDER);
	in.from = STR_LIT("");
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_SENDER, 504, DIAG_FOREIGN_SENDER);
	in.from = STR_LIT("anonymous.invalid"); /* RFC 3325 */
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_DISCOVERED);
	plain_fini(&p);
}
END_TEST

START_TEST(test_split_domain_lets_our_own_senders_in)
{
	struct plain p;
	struct cert c;
	struct topology_provider *one;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	one = plain_provider(&p, "cloud", "edge.cloud.test");
	in = message(&p, cert(&c, "edge.cloud.test", NULL), "a.test", NULL);
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_DOMAIN, 504, DIAG_FOREIGN_SENDER);
	one->shared_address_space = true;
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_PROVIDER);
	ck_assert(plan.partner.shares_domains);
	/* Nobody else may, whoever he is. */
	in.names = cert(&c, "sip.a.test", NULL);
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_DOMAIN, 504, DIAG_FOREIGN_SENDER);
	plain_fini(&p);
}
END_TEST

START_TEST(test_blocked_domains_match_exactly_or_by_a_star)
{
	static const struct {
		const char *domain;
		bool is_blocked;
	} rows[] = {
		{"bad.test", true},
		{"BAD.test.", true},
		{"sub.bad.test", false},
		{"xbad.test", false},
		{"worse.test", false},
		{"a.worse.test", true},
		{"a.b.worse.test", true},
		{"good.worse.test", false}, /* the longer entry counts */
		{"xworse.test", false},
	};
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;

	plain_init(&p);
	plain_federate(&p);
	plain_set(&p, "enable_partner_discovery", "true");
	plain_block(&p, "bad.test");
	plain_block(&p, "*.worse.test");
	plain_allow(&p, "good.worse.test", "", "source");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct federate_in in = message(&p, cert(&c, "x.test",
			NULL), rows[i].domain, srv(&a, "", NULL));

		federate_inbound(&in, &plan);
		ck_assert_msg((plan.step == FEDERATE_BLOCKED) ==
			rows[i].is_blocked, "%s", rows[i].domain);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_S12_srv_must_be_there_and_lead_into_the_domain)
{
	static const struct {
		const char *first;
		const char *second;
		const char *name;
		int step; /* FEDERATE_STEP_COUNT = accepted */
		enum diag_id diag;
	} rows[] = {
		{"", NULL, "sip.example.test", FEDERATE_SRV, DIAG_NO_SRV},
		{"sip.example.test", NULL, "sip.example.test",
			FEDERATE_STEP_COUNT, DIAG_NONE},
		{"edge.sub.example.test", NULL, "sip.example.test",
			FEDERATE_PARENT, DIAG_SRV_MISMATCH},
		{"sip.evil.test", NULL, "sip.example.test", FEDERATE_PARENT,
			DIAG_SRV_MISMATCH},
		{"example.test", NULL, "sip.example.test", FEDERATE_PARENT,
			DIAG_SRV_MISMATCH},
		{"sipexample.test", NULL, "sip.example.test", FEDERATE_PARENT,
			DIAG_SRV_MISMATCH},
		{"sip.evil.test", "sip.example.test", "sip.evil.test",
			FEDERATE_NAME, DIAG_NO_TRUST},
		{"sip.evil.test", "sip2.example.test", "sip2.example.test",
			FEDERATE_STEP_COUNT, DIAG_NONE},
		{"sip.example.test", NULL, "sip2.example.test",
			FEDERATE_NAME, DIAG_NO_TRUST},
		{"sip.example.test", NULL, "*.example.test", FEDERATE_NAME,
			DIAG_NO_TRUST},
		/* RFC 5922: the domain itself makes up for the two. */
		{"sip.evil.test", NULL, "sip:example.test",
			FEDERATE_STEP_COUNT, DIAG_NONE},
		{"sip.evil.test", NULL, "example.test", FEDERATE_STEP_COUNT,
			DIAG_NONE},
		{"", NULL, "example.test", FEDERATE_SRV, DIAG_NO_SRV},
	};
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;

	plain_init(&p);
	plain_federate(&p);
	plain_allow(&p, "example.test", "", "source");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct federate_in in = message(&p, cert(&c,
			rows[i].name, NULL), "example.test", srv(&a,
			rows[i].first, rows[i].second));

		federate_inbound(&in, &plan);
		if (rows[i].step == FEDERATE_STEP_COUNT)
			accepted(&plan, PARTNER_ALLOWED);
		else
			refused(&plan, rows[i].step, 504, rows[i].diag);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_domain_hosted_by_a_provider_is_the_providers)
{
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;
	const struct federate_out out = {
		.policy = &p.policy,
		.domain = STR_LIT("hosted.test"),
		.srv = srv(&a, "edge.cloud.test", NULL),
		.method = STR_LIT("INVITE"),
	};

	(void)c;
	plain_init(&p);
	plain_federate(&p);
	plain_provider(&p, "cloud", "edge.cloud.test");
	/* Not listed and not to be discovered: the provider's entry does. */
	federate_outbound(&out, &plan);
	accepted(&plan, PARTNER_PROVIDER);
	ck_assert_uint_eq(plan.target_count, 1);
	ck_assert_str_eq(plan.targets[0].host, "edge.cloud.test");
	srv(&a, "edge.other.test", NULL);
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_PARENT, 403, DIAG_NO_ROUTE);
	/* In its own domain, but nobody has allowed it. */
	srv(&a, "sip.hosted.test", NULL);
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_PARENT, 403, DIAG_NO_ROUTE);
	plain_fini(&p);
}
END_TEST

START_TEST(test_we_are_no_transit)
{
	struct plain p;
	struct cert c;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	plain_allow(&p, "example.test", "edge.example.test", "source");
	in = message(&p, cert(&c, "edge.example.test", NULL),
		"example.test", NULL);
	in.recipient = STR_LIT("third.test");
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_RECIPIENT, 504, DIAG_DOMAIN_PAIR);
	in.to = STR_LIT("third.test");
	in.is_in_dialog = true;
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_RECIPIENT, 504, DIAG_DOMAIN_PAIR);
	/* In a dialog of ours the Request-URI is a Contact of our user. */
	in.recipient = STR_LIT("10.0.0.77");
	in.to = STR_LIT("a.test");
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_DIRECT);
	in.is_in_dialog = false;
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_RECIPIENT, 504, DIAG_DOMAIN_PAIR);
	/* maddr would make a server inside the transit. */
	in.recipient = STR_LIT("a.test");
	in.has_maddr = true;
	federate_inbound(&in, &plan);
	refused(&plan, FEDERATE_RECIPIENT, 504, DIAG_DOMAIN_PAIR);
	plain_fini(&p);
}
END_TEST

START_TEST(test_methods_are_a_setting_both_ways)
{
	static const char *const usual[] = {"INVITE", "ACK", "CANCEL", "BYE",
		"PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "BENOTIFY",
		"SUBSCRIBE", "MESSAGE", "OPTIONS", "SERVICE"};
	static const char *const other[] = {"REGISTER", "PUBLISH", "invite",
		"X"};
	struct plain p;
	struct cert c;
	struct federate_plan plan;
	struct federate_in in;
	struct federate_out out = {.policy = &p.policy,
		.domain = STR_LIT("example.test")};

	plain_init(&p);
	plain_federate(&p);
	plain_allow(&p, "example.test", "edge.example.test", "source");
	in = message(&p, cert(&c, "edge.example.test", NULL),
		"example.test", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(usual); i++) {
		in.method = out.method = str_of(usual[i]);
		federate_inbound(&in, &plan);
		accepted(&plan, PARTNER_DIRECT);
		federate_outbound(&out, &plan);
		accepted(&plan, PARTNER_DIRECT);
	}
	for (size_t i = 0; i < ARRAY_COUNT(other); i++) {
		in.method = out.method = str_of(other[i]);
		federate_inbound(&in, &plan);
		refused(&plan, FEDERATE_METHOD, 403, DIAG_METHOD);
		federate_outbound(&out, &plan);
		refused(&plan, FEDERATE_METHOD, 403, DIAG_METHOD);
	}
	plain_fini(&p);
}
END_TEST

/* ---- out ----------------------------------------------------------------- */

START_TEST(test_out_direct_allowed_discovered_and_nobody)
{
	struct plain p;
	struct discover_answer a;
	struct federate_plan plan;
	struct federate_out out = {.policy = &p.policy,
		.method = STR_LIT("INVITE")};

	plain_init(&p);
	out.domain = STR_LIT("direct.test");
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_ENABLED, 403, DIAG_NO_FEDERATION);
	plain_federate(&p);
	plain_allow(&p, "direct.test", "edge.direct.test", "source");
	plain_allow(&p, "listed.test", "", "source");
	plain_block(&p, "bad.test");
	p.partners[0].edge_port = 5070;
	federate_outbound(&out, &plan);
	accepted(&plan, PARTNER_DIRECT);
	ck_assert_uint_eq(plan.target_count, 1);
	ck_assert_str_eq(plan.targets[0].host, "edge.direct.test");
	ck_assert_uint_eq(plan.targets[0].port, 5070);
	ck_assert(!plan.may_name_domain);
	out.domain = STR_LIT("bad.test");
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_BLOCKED, 403, DIAG_NO_FEDERATION);
	out.domain = STR_LIT("listed.test");
	federate_outbound(&out, &plan);
	ck_assert_int_eq(plan.result, FEDERATE_ASK);
	out.srv = srv(&a, "b.listed.test", "a.listed.test");
	federate_outbound(&out, &plan);
	accepted(&plan, PARTNER_ALLOWED);
	ck_assert_uint_eq(plan.target_count, 2);
	ck_assert_str_eq(plan.targets[0].host, "b.listed.test");
	ck_assert(plan.may_name_domain && !plan.must_name_domain);
	out.srv = srv(&a, "", NULL);
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_SRV, 504, DIAG_NO_SRV);
	ck_assert_ptr_nonnull(strstr(plan.verdict.facts.text,
		"domain=\"listed.test\""));
	out.srv = srv(&a, "edge.sub.listed.test", NULL);
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_PARENT, 504, DIAG_SRV_MISMATCH);
	ck_assert_ptr_nonnull(strstr(plan.verdict.facts.text,
		";domain=\"listed.test\";fqdn1=\"edge.sub.listed.test:5061\""));
	out.domain = STR_LIT("stranger.test");
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_LISTED, 403, DIAG_NO_ROUTE);
	plain_set(&p, "enable_partner_discovery", "true");
	out.srv = srv(&a, "sip.stranger.test", NULL);
	federate_outbound(&out, &plan);
	accepted(&plan, PARTNER_DISCOVERED);
	out.domain = STR_LIT("a.test");
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_DOMAIN, 404, DIAG_NO_ROUTE);
	plain_fini(&p);
}
END_TEST

START_TEST(test_out_default_route_and_shared_provider)
{
	struct plain p;
	struct topology_provider *one;
	struct federate_plan plan;
	struct federate_out out = {.policy = &p.policy,
		.domain = STR_LIT("a.test"), .method = STR_LIT("INVITE"),
		.server = STR_LIT("edge.cloud.test"), .server_port = 5061};

	plain_init(&p);
	plain_federate(&p);
	one = plain_provider(&p, "cloud", "edge.cloud.test");
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_DOMAIN, 404, DIAG_NO_ROUTE);
	one->shared_address_space = true;
	federate_outbound(&out, &plan);
	accepted(&plan, PARTNER_PROVIDER);
	ck_assert_str_eq(plan.targets[0].host, "edge.cloud.test");
	p.t.provider_count = 0;
	plain_set(&p, "default_route_fqdn", "\"hub.test\"");
	plain_set(&p, "use_default_routing", "true");
	out.domain = STR_LIT("anyone.test");
	out.server = STR_LIT("");
	federate_outbound(&out, &plan);
	accepted(&plan, PARTNER_DEFAULT_ROUTE);
	ck_assert_str_eq(plan.targets[0].host, "hub.test");
	ck_assert_uint_eq(plan.targets[0].port, 5061);
	plain_fini(&p);
}
END_TEST

START_TEST(test_S14_a_route_chooses_among_the_partners_own_servers)
{
	struct plain p;
	struct discover_answer a;
	struct federate_plan plan;
	struct federate_out out = {.policy = &p.policy,
		.domain = STR_LIT("example.test"), .method = STR_LIT("BYE"),
		.srv = srv(&a, "sip1.example.test", "sip2.example.test")};

	plain_init(&p);
	plain_federate(&p);
	plain_allow(&p, "example.test", "", "source");
	out.server = STR_LIT("SIP2.example.test");
	federate_outbound(&out, &plan);
	accepted(&plan, PARTNER_ALLOWED);
	ck_assert_uint_eq(plan.target_count, 1);
	ck_assert_str_eq(plan.targets[0].host, "sip2.example.test");
	out.server = STR_LIT("10.0.0.20");
	federate_outbound(&out, &plan);
	refused(&plan, FEDERATE_ROUTE, 403, DIAG_NO_ROUTE);
	/* In a dialog the name was put there by the partner; we go to its
	 * edge all the same. */
	out.is_in_dialog = true;
	federate_outbound(&out, &plan);
	accepted(&plan, PARTNER_ALLOWED);
	ck_assert_str_eq(plan.targets[0].host, "sip1.example.test");
	plain_fini(&p);
}
END_TEST

START_TEST(test_S10_dialled_server_must_prove_the_name_that_was_wanted)
{
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;
	struct federate_out out = {.policy = &p.policy,
		.domain = STR_LIT("example.test"), .method = STR_LIT("INVITE"),
		.srv = srv(&a, "sip1.example.test", "sip2.example.test")};

	plain_init(&p);
	plain_federate(&p);
	plain_allow(&p, "example.test", "", "source");
	plain_allow(&p, "direct.test", "edge.direct.test", "source");
	federate_outbound(&out, &plan);
#define IS(n, name) federate_is_server(&plan, n, &p.policy, \
	cert(&c, name, NULL))
	ck_assert(IS(0, "sip1.example.test"));
	ck_assert(!IS(0, "sip2.example.test"));
	ck_assert(IS(1, "sip2.example.test"));
	ck_assert(!IS(0, "*.example.test"));
	ck_assert(!IS(0, "sip1.example.test.evil.test"));
	ck_assert(IS(0, "example.test"));
	ck_assert(IS(0, "sip:example.test"));
	plain_set(&p, "allow_wildcard_federation", "true");
	ck_assert(IS(0, "*.example.test"));
	ck_assert(!IS(0, "*.test"));
	plain_set(&p, "allow_wildcard_federation", "false");
	a.is_fallback = true; /* RFC 3263: the domain itself, nothing else */
	federate_outbound(&out, &plan);
	ck_assert(!IS(0, "sip1.example.test"));
	ck_assert(IS(0, "sip:example.test"));
	out.domain = STR_LIT("direct.test");
	federate_outbound(&out, &plan);
	ck_assert(IS(0, "edge.direct.test"));
	ck_assert(!IS(0, "direct.test"));
#undef IS
	plain_fini(&p);
}
END_TEST

/* ---- verification -------------------------------------------------------- */

START_TEST(test_verification_level_decides_whose_word_counts)
{
	static const struct {
		enum partner_level level;
		bool none, verified, unverified;
	} rows[] = {
		{PARTNER_ALWAYS, true, true, true},
		{PARTNER_SOURCE, false, true, false},
		{PARTNER_NEVER, false, false, false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		ck_assert(partner_is_verified(rows[i].level,
			TRUST_CLAIM_NONE) == rows[i].none);
		ck_assert(partner_is_verified(rows[i].level,
			TRUST_CLAIM_VERIFIED) == rows[i].verified);
		ck_assert(partner_is_verified(rows[i].level,
			TRUST_CLAIM_UNVERIFIED) == rows[i].unverified);
	}
	ck_assert_int_eq(partner_level_of("always"), PARTNER_ALWAYS);
	ck_assert_int_eq(partner_level_of("source"), PARTNER_SOURCE);
	ck_assert_int_eq(partner_level_of("nonsense"), PARTNER_NEVER);
}
END_TEST

START_TEST(test_report_has_each_step_and_never_overflows)
{
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_plan plan;
	struct federate_in in;

	plain_init(&p);
	plain_federate(&p);
	plain_allow(&p, "example.test", "", "source");
	in = message(&p, cert(&c, "sip.example.test", NULL), "example.test",
		srv(&a, "sip.example.test", NULL));
	federate_inbound(&in, &plan);
	accepted(&plan, PARTNER_ALLOWED);
	ck_assert_uint_eq(plan.report.count, 13);
	for (int i = 0; i < 100; i++)
		federate_found(&plan.report, FEDERATE_CONNECT,
			FEDERATE_REFUSED, "%d", i);
	ck_assert_uint_eq(plan.report.count, FEDERATE_STEP_COUNT);
	ck_assert_str_eq(last(&plan)->text, "99");
	for (int i = 0; i < FEDERATE_STEP_COUNT; i++) {
		ck_assert_ptr_nonnull(federate_step_name(i));
		ck_assert_ptr_nonnull(federate_step_help(i));
	}
	plain_fini(&p);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/federate",
		test_direct_partner_is_known_by_the_name_of_its_edge,
		test_allowed_partner_is_found_by_srv,
		test_discovered_partner_needs_the_setting,
		test_provider_speaks_for_any_domain,
		test_default_route_takes_everything_from_one_server,
		test_nothing_comes_in_without_federation,
		test_S10_sender_must_be_a_domain_that_is_not_ours,
		test_S10_from_must_not_say_something_else,
		test_split_domain_lets_our_own_senders_in,
		test_blocked_domains_match_exactly_or_by_a_star,
		test_S12_srv_must_be_there_and_lead_into_the_domain,
		test_domain_hosted_by_a_provider_is_the_providers,
		test_we_are_no_transit,
		test_methods_are_a_setting_both_ways,
		test_out_direct_allowed_discovered_and_nobody,
		test_out_default_route_and_shared_provider,
		test_S14_a_route_chooses_among_the_partners_own_servers,
		test_S10_dialled_server_must_prove_the_name_that_was_wanted,
		test_verification_level_decides_whose_word_counts,
		test_report_has_each_step_and_never_overflows);
}
