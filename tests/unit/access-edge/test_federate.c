/* The two orders of checks between organisations: every kind of partner,
 * every step that can refuse, in and out. */
#include "access-edge/federate.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/check_main.h"

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

/* Bob of example.test writes to somebody at a.test, by a server with this
 * certificate; somebody there calls him. Federation is on, nobody is on a
 * list, and DNS has not been asked. */
struct world {
	struct plain p;
	struct cert c;
	struct discover_answer a;
	struct federate_in in;
	struct federate_out out;
	struct federate_plan plan;
};

static void shows(struct world *w, const char *a, const char *b)
{
	w->in.names = cert(&w->c, a, b);
}

static void writes_from(struct world *w, const char *domain)
{
	w->in.sender = w->in.from = str_of(domain);
}

static void dns(struct world *w, const char *first, const char *second)
{
	w->in.srv = w->out.srv = srv(&w->a, first, second);
}

static void begin(struct world *w, const char *certified)
{
	memset(w, 0, sizeof(*w));
	plain_init(&w->p);
	plain_federate(&w->p);
	w->in.policy = w->out.policy = &w->p.policy;
	writes_from(w, "example.test");
	shows(w, certified, NULL);
	w->in.recipient = w->in.to = STR_LIT("a.test");
	w->in.method = STR_LIT("MESSAGE");
	w->out.domain = STR_LIT("example.test");
	w->out.method = STR_LIT("INVITE");
}

static void end(struct world *w)
{
	plain_fini(&w->p);
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

static void in_as(struct world *w, enum partner_kind kind)
{
	federate_inbound(&w->in, &w->plan);
	accepted(&w->plan, kind);
}

/* 504 is all that partners are ever told, but of a method. */
static void not_in(struct world *w, enum federate_step step,
	enum diag_id diag)
{
	federate_inbound(&w->in, &w->plan);
	refused(&w->plan, step, step == FEDERATE_METHOD ? 403 : 504, diag);
}

static void out_as(struct world *w, enum partner_kind kind)
{
	federate_outbound(&w->out, &w->plan);
	accepted(&w->plan, kind);
}

static void not_out(struct world *w, enum federate_step step,
	unsigned status, enum diag_id diag)
{
	federate_outbound(&w->out, &w->plan);
	refused(&w->plan, step, status, diag);
}

static struct trust_mark mark(const struct world *w, enum trust_claim claim)
{
	return partner_mark(&w->plan.partner, claim);
}

/* ---- the four kinds, in -------------------------------------------------- */

START_TEST(test_direct_partner_is_known_by_the_name_of_its_edge)
{
	struct world w;

	begin(&w, "edge.elsewhere.test");
	plain_allow(&w.p, "example.test", "edge.elsewhere.test", "always");
	in_as(&w, PARTNER_DIRECT);
	ck_assert_int_eq(w.plan.partner.level, PARTNER_ALWAYS);
	ck_assert_str_eq(w.plan.partner.server, "edge.elsewhere.test");
	ck_assert_int_eq(mark(&w, TRUST_CLAIM_NONE).source,
		TRUST_DIRECT_PARTNER);
	/* Another certificate is refused; SRV is no second chance. */
	shows(&w, "sip.example.test", "sip:example.test");
	not_in(&w, FEDERATE_DIRECT, DIAG_NO_TRUST);
	end(&w);
}
END_TEST

START_TEST(test_allowed_partner_is_found_by_srv)
{
	struct world w;

	begin(&w, NULL);
	shows(&w, "other.test", "sip.example.test");
	plain_allow(&w.p, "example.test", "", "never");
	writes_from(&w, "Example.TEST.");
	federate_inbound(&w.in, &w.plan);
	ck_assert_int_eq(w.plan.result, FEDERATE_ASK);
	ck_assert_str_eq(w.plan.partner.domain, "example.test");
	dns(&w, "sip.example.test", NULL);
	in_as(&w, PARTNER_ALLOWED);
	ck_assert_int_eq(w.plan.partner.level, PARTNER_NEVER);
	ck_assert_int_eq(mark(&w, TRUST_CLAIM_VERIFIED).source,
		TRUST_AUTO_FEDERATION);
	end(&w);
}
END_TEST

START_TEST(test_discovered_partner_needs_the_setting)
{
	struct world w;

	begin(&w, "sip.example.test");
	dns(&w, "sip.example.test", NULL);
	not_in(&w, FEDERATE_LISTED, DIAG_NO_ROUTE);
	ck_assert_str_eq(w.plan.verdict.setting, "enable_partner_discovery");
	plain_set(&w.p, "enable_partner_discovery", "true");
	in_as(&w, PARTNER_DISCOVERED);
	ck_assert_int_eq(w.plan.partner.level, PARTNER_SOURCE);
	plain_set(&w.p, "discovered_partner_verification_level",
		"\"never\"");
	in_as(&w, PARTNER_DISCOVERED);
	ck_assert_int_eq(w.plan.partner.level, PARTNER_NEVER);
	end(&w);
}
END_TEST

START_TEST(test_provider_speaks_for_any_domain)
{
	struct world w;
	struct topology_provider *one;

	begin(&w, "edge.cloud.test");
	one = plain_provider(&w.p, "cloud", "edge.cloud.test");
	one->is_public = true;
	in_as(&w, PARTNER_PROVIDER);
	ck_assert_int_eq(mark(&w, TRUST_CLAIM_NONE).source,
		TRUST_AUTHORIZED_SERVER);
	ck_assert(mark(&w, TRUST_CLAIM_NONE).is_public_cloud);
	ck_assert(mark(&w, TRUST_CLAIM_NONE).is_verified);
	/* A blocked domain stays blocked behind it, asserted or in From. */
	plain_block(&w.p, "example.test");
	not_in(&w, FEDERATE_BLOCKED, DIAG_NO_FEDERATION);
	w.in.sender = STR_LIT("other.test");
	w.in.from = STR_LIT("Example.test.");
	not_in(&w, FEDERATE_BLOCKED, DIAG_NO_FEDERATION);
	w.in.from = w.in.sender;
	in_as(&w, PARTNER_PROVIDER);
	writes_from(&w, "example.test");
	one->is_enabled = false;
	w.p.t.partner_count = 0;
	not_in(&w, FEDERATE_LISTED, DIAG_NO_ROUTE);
	end(&w);
}
END_TEST

static void default_route(struct world *w)
{
	plain_set(&w->p, "default_route_fqdn", "\"hub.test\"");
	plain_set(&w->p, "use_default_routing", "true");
}

START_TEST(test_default_route_takes_everything_from_one_server)
{
	struct world w;

	begin(&w, "hub.test");
	default_route(&w);
	plain_allow(&w.p, "direct.test", "edge.direct.test", "source");
	in_as(&w, PARTNER_DEFAULT_ROUTE);
	ck_assert_int_eq(w.plan.partner.level, PARTNER_SOURCE);
	ck_assert(!mark(&w, TRUST_CLAIM_NONE).is_public_cloud);
	/* These two describe that one server. */
	plain_set(&w.p, "verification_level", "\"always\"");
	plain_set(&w.p, "is_public_provider", "true");
	in_as(&w, PARTNER_DEFAULT_ROUTE);
	ck_assert(mark(&w, TRUST_CLAIM_NONE).is_verified);
	ck_assert(mark(&w, TRUST_CLAIM_NONE).is_public_cloud);
	plain_block(&w.p, "example.test");
	not_in(&w, FEDERATE_BLOCKED, DIAG_NO_FEDERATION);
	writes_from(&w, "direct.test");
	shows(&w, "edge.direct.test", NULL);
	not_in(&w, FEDERATE_DEFAULT_ROUTE, DIAG_NO_TRUST);
	end(&w);
}
END_TEST

/* ---- each step that refuses, in ------------------------------------------ */

START_TEST(test_nothing_comes_in_without_federation)
{
	struct world w;

	begin(&w, "sip.example.test");
	plain_set(&w.p, "allow_federated_users", "false");
	plain_allow(&w.p, "example.test", "", "source");
	not_in(&w, FEDERATE_ENABLED, DIAG_NO_FEDERATION);
	ck_assert_str_eq(w.plan.verdict.setting, "allow_federated_users");
	end(&w);
}
END_TEST

START_TEST(test_S10_sender_must_be_a_domain_that_is_not_ours)
{
	static const char *const bad[] = {"", "192.0.2.1", "[2001:db8::1]",
		"a.test", "A.TEST.", "b.test", "x y.test", "exa\r\nmple.test",
		"-x.test", "*.test"};
	struct world w;

	begin(&w, NULL);
	shows(&w, "sip.a.test", "a.test");
	dns(&w, "sip.a.test", NULL);
	plain_set(&w.p, "enable_partner_discovery", "true");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		writes_from(&w, bad[i]);
		not_in(&w, FEDERATE_DOMAIN, DIAG_FOREIGN_SENDER);
		for (const char *t = last(&w.plan)->text; *t != '\0'; t++)
			ck_assert_int_ge(*t, ' ');
	}
	end(&w);
}
END_TEST

START_TEST(test_S10_from_must_not_say_something_else)
{
	static const struct {
		const char *from;
		enum federate_step step;
	} rows[] = {
		{"a.test", FEDERATE_DOMAIN}, /* ours, with an assertion */
		{"bank.test", FEDERATE_SENDER},
		{"", FEDERATE_SENDER},
	};
	struct world w;

	begin(&w, "sip.example.test");
	dns(&w, "sip.example.test", NULL);
	plain_set(&w.p, "enable_partner_discovery", "true");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		w.in.from = str_of(rows[i].from);
		not_in(&w, rows[i].step, DIAG_FOREIGN_SENDER);
	}
	w.in.from = STR_LIT("anonymous.invalid"); /* RFC 3325 */
	in_as(&w, PARTNER_DISCOVERED);
	end(&w);
}
END_TEST

START_TEST(test_split_domain_lets_our_own_senders_in)
{
	struct world w;
	struct topology_provider *one;

	begin(&w, "edge.cloud.test");
	one = plain_provider(&w.p, "cloud", "edge.cloud.test");
	writes_from(&w, "a.test");
	not_in(&w, FEDERATE_DOMAIN, DIAG_FOREIGN_SENDER);
	one->shared_address_space = true;
	in_as(&w, PARTNER_PROVIDER);
	ck_assert(w.plan.partner.shares_domains);
	/* Nobody else may, whoever he is. */
	shows(&w, "sip.a.test", NULL);
	not_in(&w, FEDERATE_DOMAIN, DIAG_FOREIGN_SENDER);
	end(&w);
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
	struct world w;

	begin(&w, "x.test");
	dns(&w, "", NULL);
	plain_set(&w.p, "enable_partner_discovery", "true");
	plain_block(&w.p, "bad.test");
	plain_block(&w.p, "*.worse.test");
	plain_allow(&w.p, "good.worse.test", "", "source");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		writes_from(&w, rows[i].domain);
		federate_inbound(&w.in, &w.plan);
		ck_assert_msg((w.plan.step == FEDERATE_BLOCKED) ==
			rows[i].is_blocked, "%s", rows[i].domain);
	}
	end(&w);
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
	struct world w;

	begin(&w, NULL);
	plain_allow(&w.p, "example.test", "", "source");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		shows(&w, rows[i].name, NULL);
		dns(&w, rows[i].first, rows[i].second);
		if (rows[i].step == FEDERATE_STEP_COUNT)
			in_as(&w, PARTNER_ALLOWED);
		else
			not_in(&w, rows[i].step, rows[i].diag);
	}
	end(&w);
}
END_TEST

START_TEST(test_domain_hosted_by_a_provider_is_the_providers)
{
	struct world w;

	begin(&w, NULL);
	plain_provider(&w.p, "cloud", "edge.cloud.test");
	/* Not listed and not to be discovered: the provider's entry does. */
	dns(&w, "edge.cloud.test", NULL);
	out_as(&w, PARTNER_PROVIDER);
	ck_assert_uint_eq(w.plan.target_count, 1);
	ck_assert_str_eq(w.plan.targets[0].host, "edge.cloud.test");
	dns(&w, "edge.other.test", NULL);
	not_out(&w, FEDERATE_PARENT, 403, DIAG_NO_ROUTE);
	/* In its own domain, but nobody has allowed it. */
	dns(&w, "sip.example.test", NULL);
	not_out(&w, FEDERATE_PARENT, 403, DIAG_NO_ROUTE);
	end(&w);
}
END_TEST

START_TEST(test_we_are_no_transit)
{
	static const struct {
		const char *recipient;
		const char *to;
		bool is_in_dialog;
		bool has_maddr;
		bool is_good;
	} rows[] = {
		{"third.test", "a.test", false, false, false},
		{"third.test", "third.test", true, false, false},
		/* In a dialog of ours it is a Contact of our user. */
		{"10.0.0.77", "a.test", true, false, true},
		{"10.0.0.77", "a.test", false, false, false},
		/* maddr would make a server inside the transit. */
		{"a.test", "a.test", false, true, false},
		{"a.test", "a.test", false, false, true},
	};
	struct world w;

	begin(&w, "edge.example.test");
	plain_allow(&w.p, "example.test", "edge.example.test", "source");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		w.in.recipient = str_of(rows[i].recipient);
		w.in.to = str_of(rows[i].to);
		w.in.is_in_dialog = rows[i].is_in_dialog;
		w.in.has_maddr = rows[i].has_maddr;
		if (rows[i].is_good)
			in_as(&w, PARTNER_DIRECT);
		else
			not_in(&w, FEDERATE_RECIPIENT, DIAG_DOMAIN_PAIR);
	}
	end(&w);
}
END_TEST

START_TEST(test_methods_are_a_setting_both_ways)
{
	static const char *const usual[] = {"INVITE", "ACK", "CANCEL", "BYE",
		"PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "BENOTIFY",
		"SUBSCRIBE", "MESSAGE", "OPTIONS", "SERVICE"};
	static const char *const other[] = {"REGISTER", "PUBLISH", "invite",
		"X"};
	struct world w;

	begin(&w, "edge.example.test");
	plain_allow(&w.p, "example.test", "edge.example.test", "source");
	for (size_t i = 0; i < ARRAY_COUNT(usual); i++) {
		w.in.method = w.out.method = str_of(usual[i]);
		in_as(&w, PARTNER_DIRECT);
		out_as(&w, PARTNER_DIRECT);
	}
	for (size_t i = 0; i < ARRAY_COUNT(other); i++) {
		w.in.method = w.out.method = str_of(other[i]);
		not_in(&w, FEDERATE_METHOD, DIAG_METHOD);
		not_out(&w, FEDERATE_METHOD, 403, DIAG_METHOD);
	}
	end(&w);
}
END_TEST

/* ---- out ----------------------------------------------------------------- */

START_TEST(test_out_needs_federation_and_no_entry_that_blocks)
{
	struct world w;

	begin(&w, NULL);
	plain_block(&w.p, "example.test");
	not_out(&w, FEDERATE_BLOCKED, 403, DIAG_NO_FEDERATION);
	plain_set(&w.p, "allow_federated_users", "false");
	not_out(&w, FEDERATE_ENABLED, 403, DIAG_NO_FEDERATION);
	end(&w);
}
END_TEST

START_TEST(test_out_to_a_direct_partner_goes_to_its_edge)
{
	struct world w;

	begin(&w, NULL);
	plain_allow(&w.p, "example.test", "edge.direct.test", "source");
	w.p.partners[0].edge_port = 5070;
	out_as(&w, PARTNER_DIRECT);
	ck_assert_uint_eq(w.plan.target_count, 1);
	ck_assert_str_eq(w.plan.targets[0].host, "edge.direct.test");
	ck_assert_uint_eq(w.plan.targets[0].port, 5070);
	ck_assert(!w.plan.may_name_domain);
	end(&w);
}
END_TEST

START_TEST(test_out_to_an_allowed_partner_goes_by_srv)
{
	struct world w;

	begin(&w, NULL);
	plain_allow(&w.p, "example.test", "", "source");
	federate_outbound(&w.out, &w.plan);
	ck_assert_int_eq(w.plan.result, FEDERATE_ASK);
	dns(&w, "b.example.test", "a.example.test");
	out_as(&w, PARTNER_ALLOWED);
	ck_assert_uint_eq(w.plan.target_count, 2);
	ck_assert_str_eq(w.plan.targets[0].host, "b.example.test");
	ck_assert(w.plan.may_name_domain && !w.plan.must_name_domain);
	dns(&w, "", NULL);
	not_out(&w, FEDERATE_SRV, 504, DIAG_NO_SRV);
	ck_assert_ptr_nonnull(strstr(w.plan.verdict.facts.text,
		"domain=\"example.test\""));
	dns(&w, "edge.sub.example.test", NULL);
	not_out(&w, FEDERATE_PARENT, 504, DIAG_SRV_MISMATCH);
	ck_assert_ptr_nonnull(strstr(w.plan.verdict.facts.text, ";domain="
		"\"example.test\";fqdn1=\"edge.sub.example.test:5061\""));
	end(&w);
}
END_TEST

START_TEST(test_out_to_a_stranger_needs_discovery)
{
	struct world w;

	begin(&w, NULL);
	dns(&w, "sip.example.test", NULL);
	not_out(&w, FEDERATE_LISTED, 403, DIAG_NO_ROUTE);
	plain_set(&w.p, "enable_partner_discovery", "true");
	out_as(&w, PARTNER_DISCOVERED);
	w.out.domain = STR_LIT("a.test"); /* ours */
	not_out(&w, FEDERATE_DOMAIN, 404, DIAG_NO_ROUTE);
	end(&w);
}
END_TEST

START_TEST(test_out_to_a_provider_that_shares_our_domains)
{
	struct world w;
	struct topology_provider *one;

	begin(&w, NULL);
	one = plain_provider(&w.p, "cloud", "edge.cloud.test");
	w.out.domain = STR_LIT("a.test");
	w.out.server = STR_LIT("edge.cloud.test");
	w.out.server_port = 5061;
	not_out(&w, FEDERATE_DOMAIN, 404, DIAG_NO_ROUTE);
	one->shared_address_space = true;
	out_as(&w, PARTNER_PROVIDER);
	ck_assert_str_eq(w.plan.targets[0].host, "edge.cloud.test");
	end(&w);
}
END_TEST

START_TEST(test_out_by_the_default_route)
{
	struct world w;

	begin(&w, NULL);
	default_route(&w);
	out_as(&w, PARTNER_DEFAULT_ROUTE);
	ck_assert_str_eq(w.plan.targets[0].host, "hub.test");
	ck_assert_uint_eq(w.plan.targets[0].port, 5061);
	end(&w);
}
END_TEST

START_TEST(test_S14_a_route_chooses_among_the_partners_own_servers)
{
	struct world w;

	begin(&w, NULL);
	plain_allow(&w.p, "example.test", "", "source");
	dns(&w, "sip1.example.test", "sip2.example.test");
	w.out.method = STR_LIT("BYE");
	w.out.server = STR_LIT("SIP2.example.test");
	out_as(&w, PARTNER_ALLOWED);
	ck_assert_uint_eq(w.plan.target_count, 1);
	ck_assert_str_eq(w.plan.targets[0].host, "sip2.example.test");
	w.out.server = STR_LIT("10.0.0.20");
	not_out(&w, FEDERATE_ROUTE, 403, DIAG_NO_ROUTE);
	/* In a dialog the name was put there by the partner; we go to its
	 * edge all the same. */
	w.out.is_in_dialog = true;
	out_as(&w, PARTNER_ALLOWED);
	ck_assert_str_eq(w.plan.targets[0].host, "sip1.example.test");
	end(&w);
}
END_TEST

/* Is this certificate that of the plan's n-th server? */
static bool is_server(struct world *w, size_t n, const char *name)
{
	return federate_is_server(&w->plan, n, &w->p.policy,
		cert(&w->c, name, NULL));
}

START_TEST(test_S10_dialled_server_must_prove_the_name_that_was_wanted)
{
	struct world w;

	begin(&w, NULL);
	plain_allow(&w.p, "example.test", "", "source");
	plain_allow(&w.p, "direct.test", "edge.direct.test", "source");
	dns(&w, "sip1.example.test", "sip2.example.test");
	out_as(&w, PARTNER_ALLOWED);
	ck_assert(is_server(&w, 0, "sip1.example.test"));
	ck_assert(!is_server(&w, 0, "sip2.example.test"));
	ck_assert(is_server(&w, 1, "sip2.example.test"));
	ck_assert(!is_server(&w, 0, "*.example.test"));
	ck_assert(!is_server(&w, 0, "sip1.example.test.evil.test"));
	ck_assert(is_server(&w, 0, "example.test"));
	ck_assert(is_server(&w, 0, "sip:example.test"));
	plain_set(&w.p, "allow_wildcard_federation", "true");
	ck_assert(is_server(&w, 0, "*.example.test"));
	ck_assert(!is_server(&w, 0, "*.test"));
	plain_set(&w.p, "allow_wildcard_federation", "false");
	w.a.is_fallback = true; /* RFC 3263: the domain, nothing else */
	out_as(&w, PARTNER_ALLOWED);
	ck_assert(!is_server(&w, 0, "sip1.example.test"));
	ck_assert(is_server(&w, 0, "sip:example.test"));
	w.out.domain = STR_LIT("direct.test");
	out_as(&w, PARTNER_DIRECT);
	ck_assert(is_server(&w, 0, "edge.direct.test"));
	ck_assert(!is_server(&w, 0, "direct.test"));
	end(&w);
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
	struct world w;

	begin(&w, "sip.example.test");
	plain_allow(&w.p, "example.test", "", "source");
	dns(&w, "sip.example.test", NULL);
	in_as(&w, PARTNER_ALLOWED);
	ck_assert_uint_eq(w.plan.report.count, 13);
	for (int i = 0; i < 100; i++)
		federate_found(&w.plan.report, FEDERATE_CONNECT,
			FEDERATE_REFUSED, "%d", i);
	ck_assert_uint_eq(w.plan.report.count, FEDERATE_STEP_COUNT);
	ck_assert_str_eq(last(&w.plan)->text, "99");
	for (int i = 0; i < FEDERATE_STEP_COUNT; i++) {
		ck_assert_ptr_nonnull(federate_step_name(i));
		ck_assert_ptr_nonnull(federate_step_help(i));
	}
	end(&w);
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
		test_out_needs_federation_and_no_entry_that_blocks,
		test_out_to_a_direct_partner_goes_to_its_edge,
		test_out_to_an_allowed_partner_goes_by_srv,
		test_out_to_a_stranger_needs_discovery,
		test_out_to_a_provider_that_shares_our_domains,
		test_out_by_the_default_route,
		test_S14_a_route_chooses_among_the_partners_own_servers,
		test_S10_dialled_server_must_prove_the_name_that_was_wanted,
		test_verification_level_decides_whose_word_counts,
		test_report_has_each_step_and_never_overflows);
}
