/* Limits of discovered partners and the watch list, with a clock of the
 * test's own, and the list as a file. */
#include "access-edge/watch.h"

#include <unistd.h>

#include "access-edge/watch_store.h"
#include "tests/unit/check_main.h"

static struct policy_federation limits;
static char path[64];

static void setup(struct watch *w)
{
	limits = (struct policy_federation){.contacts_limit = true,
		.rate = 20, .contacts = 1000, .accepted_max = 10,
		.rejected_max = 5, .deleted_percent = 20};
	ck_assert_int_eq(watch_init(w, &limits), 0);
}

static const struct tls_names *names(const char *serial)
{
	static struct tls_names n;

	memset(&n, 0, sizeof(n));
	snprintf(n.issuer, sizeof(n.issuer), "CN=Some CA");
	snprintf(n.serial, sizeof(n.serial), "%s", serial);
	snprintf(n.subject, sizeof(n.subject), "CN=sip.example.test");
	return &n;
}

static struct wall at(int64_t s)
{
	return (struct wall){1800000000 + s};
}

static struct watch_peer *discovered(struct watch *w, const char *serial)
{
	struct watch_peer *p = watch_accept(w, names(serial),
		"example.test", true, at(0));

	ck_assert_ptr_nonnull(p);
	return p;
}

/* One message to user n@a.test at this moment. */
static enum watch_verdict take(struct watch *w, struct watch_peer *p, int n,
	int64_t ms, bool is_new)
{
	char user[32];
	struct watch_request r = {.host = STR_LIT("a.test"),
		.is_new = is_new};

	snprintf(user, sizeof(user), "u%d", n);
	r.user = str_of(user);
	return watch_take(w, p, &r, (struct mono){1000 + ms}, at(ms / 1000));
}

START_TEST(test_S11_rate_is_20_a_second_with_a_burst_of_40)
{
	struct watch w;
	struct watch_peer *p;
	int passed = 0;

	setup(&w);
	p = discovered(&w, "1");
	for (int i = 0; i < 100; i++)
		passed += take(&w, p, 1, 0, true) == WATCH_GO;
	ck_assert_int_eq(passed, 40);
	/* Ten seconds of asking for more all the time. */
	for (int64_t ms = 10; ms <= 4000; ms += 10)
		passed += take(&w, p, 1, ms, true) == WATCH_GO;
	ck_assert_int_ge(passed, 40 + 79);
	ck_assert_int_le(passed, 40 + 81);
	watch_fini(&w);
}
END_TEST

START_TEST(test_S11_who_stays_too_fast_gets_503_for_new_requests)
{
	struct watch w;
	struct watch_peer *p;
	int busy = 0, go = 0;

	setup(&w);
	p = discovered(&w, "1");
	for (int64_t ms = 0; ms < 4900; ms += 10)
		ck_assert_int_ne(take(&w, p, 1, ms, true), WATCH_BUSY);
	for (int64_t ms = 4900; ms < 8100; ms += 10)
		busy += take(&w, p, 1, ms, true) == WATCH_BUSY;
	ck_assert_int_ge(busy, 5);
	ck_assert_int_le(busy, 45); /* there is a limit to that, too */
	/* What is in a dialog waits, and gets through. */
	for (int64_t ms = 8100; ms < 9100; ms += 10) {
		enum watch_verdict v = take(&w, p, 1, ms, false);

		ck_assert_int_ne(v, WATCH_BUSY);
		go += v == WATCH_GO;
	}
	ck_assert_int_ge(go, 19);
	/* Slow again for a while: all is well. */
	for (int64_t ms = 20000; ms < 23000; ms += 200)
		ck_assert_int_eq(take(&w, p, 1, ms, true), WATCH_GO);
	watch_fini(&w);
}
END_TEST

START_TEST(test_allowed_partner_has_no_limits)
{
	struct watch w;
	struct watch_peer *p;

	setup(&w);
	p = watch_accept(&w, names("1"), "example.test", false, at(0));
	for (int i = 0; i < 5000; i++)
		ck_assert_int_eq(take(&w, p, i, 0, true), WATCH_GO);
	for (int i = 0; i < 200; i++)
		ck_assert(!watch_answered(&w, p, STR_LIT("x"),
			STR_LIT("a.test"), true, at(0)));
	ck_assert_int_eq(watch_mode_of(&w, p, at(0)), WATCH_STANDARD);
	ck_assert_uint_eq(p->messages, 5000);
	watch_fini(&w);
}
END_TEST

START_TEST(test_S11_address_1001_is_blocked_for_a_day)
{
	struct watch w;
	struct watch_peer *p;
	int64_t ms = 0;

	setup(&w);
	p = discovered(&w, "1");
	for (int i = 0; i < 1000; i++, ms += 60)
		ck_assert_int_eq(take(&w, p, i, ms, true), WATCH_GO);
	ck_assert_int_eq(watch_mode_of(&w, p, at(ms / 1000)),
		WATCH_BLOCKED);
	ck_assert_int_eq(take(&w, p, 1000, ms += 60, true), WATCH_FULL);
	/* Those it has written to before it may go on writing to, in any
	 * spelling, and in dialogs to anybody. */
	ck_assert_int_eq(take(&w, p, 7, ms += 60, true), WATCH_GO);
	ms += 60;
	ck_assert_int_eq(watch_take(&w, p, &(struct watch_request){
		.user = STR_LIT("U7"), .host = STR_LIT("A.Test"),
		.is_new = true}, (struct mono){1000 + ms}, at(ms / 1000)),
		WATCH_GO);
	ck_assert_int_eq(take(&w, p, 5000, ms += 60, false), WATCH_GO);
	ck_assert_uint_eq(p->contact_count, 1000);
	/* The next day begins anew. */
	ms = 86400 * 1000 + 1000;
	ck_assert_int_eq(take(&w, p, 1000, ms, true), WATCH_GO);
	ck_assert_uint_eq(p->contact_count, 1);
	limits.contacts_limit = false;
	for (int i = 0; i < 1100; i++, ms += 60)
		ck_assert_int_eq(take(&w, p, i, ms, true), WATCH_GO);
	watch_fini(&w);
}
END_TEST

START_TEST(test_S11_harvesting_makes_suspicious_for_an_hour)
{
	struct watch w;
	struct watch_peer *p;
	char user[16];
	bool became = false;
	int passed = 0;

	setup(&w);
	p = discovered(&w, "1");
	for (int i = 0; i < 49; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		ck_assert(!watch_answered(&w, p, str_of(user),
			STR_LIT("a.test"), true, at(i)));
	}
	became = watch_answered(&w, p, STR_LIT("u49"), STR_LIT("a.test"),
		true, at(50));
	ck_assert(became); /* told once */
	ck_assert(!watch_answered(&w, p, STR_LIT("u50"), STR_LIT("a.test"),
		true, at(50)));
	ck_assert_int_eq(watch_mode_of(&w, p, at(51)), WATCH_SUSPICIOUS);
	ck_assert_uint_eq(watch_rate_of(&w, p, at(51)), 1);
	for (int64_t ms = 51000; ms < 61000; ms += 50)
		passed += take(&w, p, 1, ms, false) == WATCH_GO;
	ck_assert_int_ge(passed, 10);
	ck_assert_int_le(passed, 13); /* 1/s and a burst of 2 */
	ck_assert_int_eq(watch_mode_of(&w, p, at(50 + 3600)),
		WATCH_STANDARD);
	ck_assert_uint_eq(watch_rate_of(&w, p, at(50 + 3600)), 20);
	watch_fini(&w);
}
END_TEST

START_TEST(test_few_recipients_or_few_failures_are_no_harvest)
{
	struct watch w;
	struct watch_peer *p;
	char user[16];

	setup(&w);
	/* One wrong address again and again: a mistake. */
	p = discovered(&w, "1");
	for (int i = 0; i < 300; i++) {
		snprintf(user, sizeof(user), "u%d", i % 19);
		ck_assert(!watch_answered(&w, p, str_of(user),
			STR_LIT("a.test"), true, at(i)));
	}
	/* Forty in a hundred that do not exist: people leave. */
	p = discovered(&w, "2");
	for (int i = 0; i < 1000; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		ck_assert(!watch_answered(&w, p, str_of(user),
			STR_LIT("a.test"), i % 5 < 2, at(i)));
	}
	ck_assert_uint_eq(p->outcome_failures, 40);
	watch_fini(&w);
}
END_TEST

START_TEST(test_which_answers_say_that_nobody_is_there)
{
	static const struct {
		unsigned status;
		const char *diagnostics;
		bool is_failure;
	} rows[] = {
		{404, "", true}, {403, "", true}, {604, "", true},
		{480, "1003;reason=\"User does not exist\"", true},
		{480, "", false}, {480, "1006;reason=\"x\"", false},
		{200, "", false}, {486, "", false}, {401, "", false},
		{500, "1003", false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		ck_assert(watch_is_failure(rows[i].status,
			str_of(rows[i].diagnostics)) == rows[i].is_failure);
}
END_TEST

/* ---- the list ------------------------------------------------------------ */

START_TEST(test_S11_same_certificate_is_the_same_peer)
{
	struct watch w;
	struct watch_peer *p;

	setup(&w);
	p = discovered(&w, "1");
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(take(&w, p, i, 0, true), WATCH_GO);
	/* A new connection, another domain: the same bucket, empty. */
	ck_assert_ptr_eq(watch_accept(&w, names("1"), "sub.example.test",
		true, at(1)), p);
	ck_assert_int_eq(take(&w, p, 1, 0, true), WATCH_WAIT);
	ck_assert_uint_eq(p->domain_count, 2);
	ck_assert_ptr_ne(watch_accept(&w, names("2"), "example.test", true,
		at(1)), p);
	watch_fini(&w);
}
END_TEST

START_TEST(test_full_list_drops_a_share_and_keeps_the_suspicious)
{
	struct watch w;
	char serial[16];
	uint8_t id[WATCH_ID_LEN];

	setup(&w);
	discovered(&w, "0")->suspicious_until = at(3600);
	for (int i = 1; i < 10; i++) {
		snprintf(serial, sizeof(serial), "%d", i);
		discovered(&w, serial);
	}
	ck_assert_uint_eq(w.accepted_count, 10);
	discovered(&w, "new");
	ck_assert_uint_eq(w.accepted_count, 8); /* 20 % of 10, and one */
	watch_id_of(names("0"), id);
	ck_assert_ptr_nonnull(watch_find(&w, id));
	watch_id_of(names("1"), id);
	ck_assert_ptr_null(watch_find(&w, id));
	watch_id_of(names("9"), id);
	ck_assert_ptr_nonnull(watch_find(&w, id));
	for (int i = 0; i < 100; i++) {
		snprintf(serial, sizeof(serial), "r%d", i);
		watch_reject(&w, names(serial), "evil.test", "blocked",
			at(i));
		ck_assert_uint_le(w.rejected_count, 5);
	}
	ck_assert_uint_eq(w.accepted_count, 8);
	watch_fini(&w);
}
END_TEST

START_TEST(test_refusals_do_not_take_a_partner_off_the_list)
{
	struct watch w;
	struct watch_peer *p;
	uint8_t id[WATCH_ID_LEN];

	setup(&w);
	watch_reject(&w, names("1"), "evil.test", "srv", at(0));
	watch_id_of(names("1"), id);
	p = watch_find(&w, id);
	ck_assert(p->is_rejected);
	ck_assert_uint_eq(p->refused, 1);
	ck_assert_str_eq(p->last_refusal, "srv");
	ck_assert_ptr_eq(discovered(&w, "1"), p);
	ck_assert(!p->is_rejected);
	watch_reject(&w, names("1"), "evil.test", "blocked", at(1));
	ck_assert(!p->is_rejected);
	ck_assert_uint_eq(p->refused, 2);
	watch_forget(&w, p);
	ck_assert_ptr_null(watch_find(&w, id));
	ck_assert_uint_eq(w.accepted_count + w.rejected_count, 0);
	watch_fini(&w);
}
END_TEST

START_TEST(test_domains_of_a_peer_are_the_latest)
{
	struct watch w;
	struct watch_peer *p = NULL;
	char domain[32];

	setup(&w);
	for (int i = 0; i < 20; i++) {
		snprintf(domain, sizeof(domain), "d%d.test", i);
		p = watch_accept(&w, names("1"), domain, true, at(i));
	}
	ck_assert_uint_eq(p->domain_count, WATCH_DOMAINS_MAX);
	ck_assert_str_eq(p->domains[0], "d12.test");
	ck_assert_str_eq(p->domains[7], "d19.test");
	watch_fini(&w);
}
END_TEST

/* ---- the file ------------------------------------------------------------ */

START_TEST(test_S11_restart_forgives_nothing)
{
	struct watch w, again;
	struct watch_peer *p;
	struct why why = {""};
	uint8_t id[WATCH_ID_LEN];

	setup(&w);
	p = discovered(&w, "1");
	limits.contacts = 3;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(take(&w, p, i, i * 100, true), WATCH_GO);
	p->suspicious_until = at(1000);
	p->failures = 70;
	watch_accept(&w, names("1"), "other.test", true, at(5));
	watch_reject(&w, names("2"), "evil.test", "blocked", at(6));
	ck_assert_int_eq(watch_save(&w, path, &why), 0);
	ck_assert(!w.is_changed);
	watch_fini(&w);

	ck_assert_int_eq(watch_init(&again, &limits), 0);
	ck_assert_msg(watch_load(&again, path, &why) == 0, "%s", why.text);
	ck_assert_uint_eq(again.accepted_count, 1);
	ck_assert_uint_eq(again.rejected_count, 1);
	watch_id_of(names("1"), id);
	p = watch_find(&again, id);
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->issuer, "CN=Some CA");
	ck_assert_str_eq(p->serial, "1");
	ck_assert_uint_eq(p->domain_count, 2);
	ck_assert_str_eq(p->domains[1], "other.test");
	ck_assert_uint_eq(p->failures, 70);
	ck_assert_int_eq(p->suspicious_until.s, at(1000).s);
	ck_assert_uint_eq(p->contact_count, 3);
	ck_assert_int_eq(take(&again, p, 0, 10000, true), WATCH_GO);
	ck_assert_int_eq(take(&again, p, 9, 12000, true), WATCH_FULL);
	watch_id_of(names("2"), id);
	ck_assert_str_eq(watch_find(&again, id)->last_refusal, "blocked");
	watch_fini(&again);
	unlink(path);
}
END_TEST

START_TEST(test_file_that_is_none_costs_nothing_else)
{
	struct watch w;
	struct why why = {""};
	FILE *f;

	setup(&w);
	ck_assert_int_eq(watch_load(&w, path, &why), -ENOENT);
	f = fopen(path, "w");
	for (int i = 0; i < 5000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	ck_assert_int_lt(watch_load(&w, path, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	ck_assert_uint_eq(w.accepted_count, 0);
	discovered(&w, "1");
	ck_assert_int_eq(watch_save(&w, path, &why), 0);
	watch_fini(&w);
	setup(&w);
	ck_assert_int_eq(watch_load(&w, path, &why), 0);
	ck_assert_uint_eq(w.accepted_count, 1);
	watch_fini(&w);
	f = fopen(path, "w"); /* empty, as after a power cut */
	fclose(f);
	setup(&w);
	ck_assert_int_lt(watch_load(&w, path, &why), 0);
	watch_fini(&w);
	unlink(path);
}
END_TEST

/* A file that is too long can't be read again. */
START_TEST(test_S11_long_list_is_written_so_that_it_can_be_read)
{
	struct watch w;
	struct watch_peer *p;
	struct why why = {""};
	uint8_t id[WATCH_ID_LEN];
	char serial[16];
	uint64_t *contacts = calloc(10000, sizeof(*contacts));

	ck_assert_ptr_nonnull(contacts);
	for (size_t i = 0; i < 10000; i++)
		contacts[i] = i * 2 + 1;
	setup(&w);
	limits.accepted_max = 2000;
	for (int i = 0; i < 900; i++) { /* 72 MB of addresses */
		struct watch_peer row = {.is_limited = true};

		snprintf(serial, sizeof(serial), "%d", i);
		watch_id_of(names(serial), row.id);
		row.last_seen = at(i);
		ck_assert_ptr_nonnull(watch_restore(&w, &row, contacts,
			10000));
	}
	w.is_changed = true;
	ck_assert_int_eq(watch_save(&w, path, &why), 0);
	watch_fini(&w);
	ck_assert_int_eq(watch_init(&w, &limits), 0);
	ck_assert_msg(watch_load(&w, path, &why) == 0, "%s", why.text);
	/* All of them are there; those heard of last with their addresses. */
	ck_assert_uint_eq(w.accepted_count, 900);
	watch_id_of(names("899"), id);
	p = watch_find(&w, id);
	ck_assert_uint_eq(p->contact_count, 10000);
	watch_id_of(names("0"), id);
	p = watch_find(&w, id);
	ck_assert_uint_eq(p->contact_count, 0);
	watch_fini(&w);
	free(contacts);
	unlink(path);
}
END_TEST

START_TEST(test_folder_that_is_gone_is_told)
{
	struct watch w;
	struct why why = {""};

	setup(&w);
	discovered(&w, "1");
	ck_assert_int_lt(watch_save(&w, "/nonexistent/partners.db", &why),
		0);
	ck_assert_ptr_nonnull(strstr(why.text, "/nonexistent/partners.db"));
	ck_assert(w.is_changed); /* tried again */
	watch_fini(&w);
}
END_TEST

int main(void)
{
	snprintf(path, sizeof(path), "/tmp/test-watch-%d.db", (int)getpid());
	RUN_SUITE("access-edge/watch",
		test_S11_rate_is_20_a_second_with_a_burst_of_40,
		test_S11_who_stays_too_fast_gets_503_for_new_requests,
		test_allowed_partner_has_no_limits,
		test_S11_address_1001_is_blocked_for_a_day,
		test_S11_harvesting_makes_suspicious_for_an_hour,
		test_few_recipients_or_few_failures_are_no_harvest,
		test_which_answers_say_that_nobody_is_there,
		test_S11_same_certificate_is_the_same_peer,
		test_full_list_drops_a_share_and_keeps_the_suspicious,
		test_refusals_do_not_take_a_partner_off_the_list,
		test_domains_of_a_peer_are_the_latest,
		test_S11_restart_forgives_nothing,
		test_file_that_is_none_costs_nothing_else,
		test_S11_long_list_is_written_so_that_it_can_be_read,
		test_folder_that_is_gone_is_told);
}
