/* SRV look-ups of partners' domains, and how long they are remembered. */
#include "access-edge/discover.h"

#include "tests/unit/net/dns_stub.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/check_main.h"

#define FED "_sipfederationtls._tcp."

struct bench {
	struct loop *loop;
	struct dns_stub dns;
	struct conf conf;
	struct resolver *resolver;
	struct discover *d;
};

struct asker {
	struct discover_wait w;
	int called;
	struct discover_answer answer;
};

static void setup(struct bench *b)
{
	struct why why = {""};

	memset(b, 0, sizeof(*b));
	ck_assert_int_eq(loop_new(&b->loop), 0);
	dns_stub_open(&b->dns, b->loop, "127.0.0.1");
	b->conf.resolver_external[0] = b->dns.at;
	b->conf.resolver_external_count = 1;
	ck_assert_int_eq(resolver_new(&b->resolver, b->loop, &b->conf, NULL,
		&why), 0);
	ck_assert_int_eq(discover_new(&b->d, b->loop, b->resolver), 0);
	discover_set(b->d, 10, false);
}

static void teardown(struct bench *b)
{
	discover_free(b->d);
	resolver_free(b->resolver);
	dns_stub_close(&b->dns);
	loop_free(b->loop);
}

static void on_answer(struct discover_wait *w,
	const struct discover_answer *answer)
{
	struct asker *a = container_of(w, struct asker, w);

	a->called++;
	a->answer = *answer;
}

static void ask(struct bench *b, struct asker *a, const char *domain)
{
	memset(a, 0, sizeof(*a));
	ck_assert_int_eq(discover_ask(b->d, str_of(domain), &a->w,
		on_answer), 0);
	ck_assert_int_eq(a->called, 0);
}

static void wait_for(struct bench *b, const struct asker *a)
{
	TURN_UNTIL(b->loop, a->called > 0);
	ck_assert_int_eq(a->called, 1);
}

START_TEST(test_answer_comes_in_order_and_is_remembered)
{
	struct bench b;
	struct asker one, two;
	const struct discover_answer *known;

	setup(&b);
	dns_stub_srv(&b.dns, FED "example.test", "late.example.test",
		5061)->priority = 20;
	dns_stub_srv(&b.dns, FED "example.test", "first.example.test",
		5070)->priority = 10;
	ck_assert_ptr_null(discover_find(b.d, STR_LIT("example.test")));
	ask(&b, &one, "Example.TEST");
	ask(&b, &two, "example.test");
	wait_for(&b, &one);
	wait_for(&b, &two);
	ck_assert_uint_eq(b.dns.asked, 1); /* one question for both */
	ck_assert(one.answer.is_found && !one.answer.is_fallback);
	ck_assert_uint_eq(one.answer.count, 2);
	ck_assert_str_eq(one.answer.targets[0].host, "first.example.test");
	ck_assert_uint_eq(one.answer.targets[0].port, 5070);
	ck_assert_int_eq(one.answer.ttl_s, 300);
	known = discover_find(b.d, STR_LIT("EXAMPLE.test"));
	ck_assert_ptr_nonnull(known);
	ck_assert_str_eq(known->domain, "example.test");
	discover_forget(b.d, STR_LIT("example.test"));
	ck_assert_ptr_null(discover_find(b.d, STR_LIT("example.test")));
	teardown(&b);
}
END_TEST

START_TEST(test_all_below_a_domain_are_forgotten_and_no_other)
{
	static const char *const names[] = {"example.test", "a.example.test",
		"b.a.example.test", "notexample.test"};
	struct bench b;
	struct asker one = {0};

	setup(&b);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		ask(&b, &one, names[i]);
		wait_for(&b, &one);
	}
	ck_assert_uint_eq(discover_count(b.d), 4);
	discover_forget(b.d, STR_LIT("*.Example.TEST"));
	ck_assert_uint_eq(discover_count(b.d), 2);
	discover_forget(b.d, STR_LIT("example.test"));
	ck_assert_uint_eq(discover_count(b.d), 1);
	discover_forget(b.d, STR_LIT("*."));
	discover_forget(b.d, STR_LIT("*"));
	ck_assert_uint_eq(discover_count(b.d), 1);
	teardown(&b);
}
END_TEST

START_TEST(test_ttl_has_bounds)
{
	static const struct {
		uint32_t ttl_s;
		int64_t kept_s;
	} rows[] = {{0, 60}, {59, 60}, {61, 61}, {3600, 3600},
		{86400, 3600}};
	struct bench b;

	setup(&b);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct asker a;
		char name[64], domain[32];

		snprintf(domain, sizeof(domain), "d%zu.test", i);
		snprintf(name, sizeof(name), FED "%s", domain);
		dns_stub_srv(&b.dns, name, "x.test", 5061)->ttl_s =
			rows[i].ttl_s;
		ask(&b, &a, domain);
		wait_for(&b, &a);
		ck_assert_int_eq(a.answer.ttl_s, rows[i].kept_s);
	}
	teardown(&b);
}
END_TEST

START_TEST(test_nothing_found_is_remembered_for_half_a_minute)
{
	struct bench b;
	struct asker a;
	const struct discover_answer *known;

	setup(&b);
	ask(&b, &a, "nowhere.test");
	wait_for(&b, &a);
	ck_assert(!a.answer.is_found);
	ck_assert_int_eq(a.answer.ttl_s, 30);
	ck_assert_str_ne(a.answer.detail, "");
	known = discover_find(b.d, STR_LIT("nowhere.test"));
	ck_assert_ptr_nonnull(known);
	ck_assert(!known->is_found);
	teardown(&b);
}
END_TEST

START_TEST(test_fallback_of_rfc3263_is_a_setting)
{
	struct bench b;
	struct asker a;

	setup(&b);
	dns_stub_srv(&b.dns, "_sips._tcp.modern.test", "sip.modern.test",
		5061);
	ask(&b, &a, "modern.test");
	wait_for(&b, &a);
	ck_assert(!a.answer.is_found);
	discover_set(b.d, 10, true);
	ck_assert_ptr_null(discover_find(b.d, STR_LIT("modern.test")));
	ask(&b, &a, "modern.test");
	wait_for(&b, &a);
	ck_assert(a.answer.is_found && a.answer.is_fallback);
	ck_assert_str_eq(a.answer.targets[0].host, "sip.modern.test");
	/* Not even that: the domain's own address. */
	ask(&b, &a, "plain.test");
	wait_for(&b, &a);
	ck_assert(a.answer.is_found && a.answer.is_fallback);
	ck_assert_str_eq(a.answer.targets[0].host, "plain.test");
	ck_assert_uint_eq(a.answer.targets[0].port, 5061);
	teardown(&b);
}
END_TEST

/* RFC 3263 section 4.1. */
START_TEST(test_naptr_record_says_which_srv_record)
{
	struct bench b;
	struct asker a;

	setup(&b);
	discover_set(b.d, 10, true);
	/* Not ours to use, for one reason each; then two, by their order. */
	dns_stub_naptr(&b.dns, "modern.test", "SIP+D2U",
		"_sip._udp.modern.test")->priority = 1;
	strcpy(dns_stub_naptr(&b.dns, "modern.test", "SIPS+D2T",
		"_sips._tcp.flag.test")->flag, "u");
	dns_stub_naptr(&b.dns, "modern.test", "SIPS+D2T", "no srv name");
	dns_stub_naptr(&b.dns, "modern.test", "SIPS+D2T",
		"_sips._tcp.late.test")->priority = 30;
	dns_stub_naptr(&b.dns, "modern.test", "sips+d2t",
		"_sips._tcp.first.test")->priority = 20;
	dns_stub_srv(&b.dns, "_sips._tcp.flag.test", "x.test", 1);
	dns_stub_srv(&b.dns, "_sips._tcp.late.test", "x.test", 2);
	dns_stub_srv(&b.dns, "_sips._tcp.modern.test", "x.test", 3);
	dns_stub_srv(&b.dns, "_sips._tcp.first.test", "sip.first.test", 5070);
	ask(&b, &a, "modern.test");
	wait_for(&b, &a);
	ck_assert(a.answer.is_found && a.answer.is_fallback);
	ck_assert_uint_eq(a.answer.count, 1);
	ck_assert_str_eq(a.answer.targets[0].host, "sip.first.test");
	ck_assert_uint_eq(a.answer.targets[0].port, 5070);
	teardown(&b);
}
END_TEST

START_TEST(test_S12_memory_is_bounded_and_the_oldest_goes)
{
	struct bench b;
	struct asker a;
	char domain[32];

	setup(&b);
	for (int i = 0; i < 50; i++) {
		snprintf(domain, sizeof(domain), "d%d.test", i);
		ask(&b, &a, domain);
		wait_for(&b, &a);
		ck_assert_ptr_nonnull(discover_find(b.d, str_of("d0.test")));
		ck_assert_uint_le(discover_count(b.d), 10);
	}
	ck_assert_ptr_null(discover_find(b.d, STR_LIT("d1.test")));
	ck_assert_ptr_nonnull(discover_find(b.d, STR_LIT("d49.test")));
	teardown(&b);
}
END_TEST

START_TEST(test_names_that_are_none_are_not_asked)
{
	static const char *const bad[] = {"", "192.0.2.1", "x..test",
		"a b.test", "x_y.test", "\r\n"};
	struct bench b;
	struct asker a = {.called = 0};

	setup(&b);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		ck_assert_int_ne(discover_ask(b.d, str_of(bad[i]), &a.w,
			on_answer), 0);
	ck_assert_uint_eq(b.dns.asked, 0);
	ck_assert_uint_eq(discover_count(b.d), 0);
	teardown(&b);
}
END_TEST

START_TEST(test_who_gave_up_is_not_called)
{
	struct bench b;
	struct asker a, other;

	setup(&b);
	ask(&b, &a, "example.test");
	ask(&b, &other, "example.test");
	discover_cancel(&a.w);
	discover_cancel(&a.w);
	wait_for(&b, &other);
	ck_assert_int_eq(a.called, 0);
	ask(&b, &a, "another.test"); /* still out when all goes away */
	teardown(&b);
	ck_assert_int_eq(a.called, 0);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/discover",
		test_answer_comes_in_order_and_is_remembered,
		test_all_below_a_domain_are_forgotten_and_no_other,
		test_ttl_has_bounds,
		test_nothing_found_is_remembered_for_half_a_minute,
		test_fallback_of_rfc3263_is_a_setting,
		test_naptr_record_says_which_srv_record,
		test_S12_memory_is_bounded_and_the_oldest_goes,
		test_names_that_are_none_are_not_asked,
		test_who_gave_up_is_not_called);
}
