/* Tests of replication-agent/accept.c: the decision about one bundle. */
#include "replication-agent/accept.h"
#include "tests/unit/bundle/bundles.h"

static struct bundle_key *key;
static struct bundle_trust trust;
static struct bundle_mark highest;

static void setup(void)
{
	key = key_number(0);
	trust_in(&trust, key);
	highest = (struct bundle_mark){{3, 60}, ""};
}

static void teardown(void)
{
	bundle_key_free(key);
}

static struct accept_ground ground(void)
{
	return (struct accept_ground){
		.trust = &trust,
		.highest = &highest,
		.pool = "edge.int.contoso.test",
		.now = {1700000000},
	};
}

static enum accept_verdict judge(struct bundle_manifest *m,
	const struct accept_ground *g)
{
	struct bundle_bytes bytes;
	struct bundle b;
	struct why why = {""};
	enum accept_verdict verdict;

	make_sample(&bytes, m, key);
	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, &why), 0);
	verdict = accept_judge(&b, g, &why);
	if (verdict != ACCEPT_NEW && verdict != ACCEPT_KNOWN)
		ck_assert_str_ne(why.text, "");
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
	return verdict;
}

START_TEST(test_new_one_is_taken)
{
	struct bundle_manifest m = manifest_of(3, 61);
	struct accept_ground g = ground();

	ck_assert_int_eq(judge(&m, &g), ACCEPT_NEW);
	g.fence = 3;
	ck_assert_int_eq(judge(&m, &g), ACCEPT_NEW);
	g.fence = 4;
	ck_assert_int_eq(judge(&m, &g), ACCEPT_OLD);
}
END_TEST

START_TEST(test_announced_otherwise_is_refused)
{
	static const char SHA[] = "00000000000000000000000000000000"
				  "00000000000000000000000000000000";
	const struct bundle_version other = {3, 62};
	struct bundle_manifest m = manifest_of(3, 61);
	struct accept_ground g = ground();

	g.sha256 = SHA;
	ck_assert_int_eq(judge(&m, &g), ACCEPT_MISTAKEN);
	g.sha256 = NULL;
	g.version = &other;
	ck_assert_int_eq(judge(&m, &g), ACCEPT_MISTAKEN);
}
END_TEST

START_TEST(test_future_is_refused_by_more_than_five_minutes)
{
	struct bundle_manifest m = manifest_of(3, 61);
	struct accept_ground g = ground();

	g.now.s = 1700000000 - 300;
	ck_assert_int_eq(judge(&m, &g), ACCEPT_NEW);
	g.now.s = 1700000000 - 301;
	ck_assert_int_eq(judge(&m, &g), ACCEPT_FORGED);
	g.now.s = 1900000000; /* over: availability before freshness */
	ck_assert_int_eq(judge(&m, &g), ACCEPT_NEW);
}
END_TEST

START_TEST(test_other_pools_and_newer_agents_are_not_for_us)
{
	char targets[1][256] = {"other.int.contoso.test"};
	struct bundle_manifest m = manifest_of(3, 61);
	struct accept_ground g = ground();

	m.targets = targets;
	m.target_count = 1;
	ck_assert_int_eq(judge(&m, &g), ACCEPT_FOREIGN);
	snprintf(targets[0], sizeof(targets[0]), "edge.int.contoso.test");
	ck_assert_int_eq(judge(&m, &g), ACCEPT_NEW);
	snprintf(m.min_agent, sizeof(m.min_agent), "99.0.0");
	ck_assert_int_eq(judge(&m, &g), ACCEPT_UNKNOWN);
	snprintf(m.min_agent, sizeof(m.min_agent), EDGE_VERSION);
	ck_assert_int_eq(judge(&m, &g), ACCEPT_NEW);
	snprintf(m.min_agent, sizeof(m.min_agent), "0.0.9");
	ck_assert_int_eq(judge(&m, &g), ACCEPT_NEW);
}
END_TEST

START_TEST(test_signature_comes_before_everything_that_is_told)
{
	struct bundle_manifest m = manifest_of(1, 1);
	struct accept_ground g = ground();

	/* Nobody learns our version by bundles of his own. */
	trust_in(&trust, key);
	trust.keys[0].public_key[0] ^= 1;
	bundle_key_id(trust.keys[0].public_key, trust.keys[0].id);
	ck_assert_int_eq(judge(&m, &g), ACCEPT_FORGED);
}
END_TEST

START_TEST(test_every_verdict_has_its_status)
{
	ck_assert_int_eq(accept_status(ACCEPT_NEW), 200);
	ck_assert_int_eq(accept_status(ACCEPT_MISTAKEN), 400);
	ck_assert_int_eq(accept_status(ACCEPT_FORGED), 403);
	ck_assert_int_eq(accept_status(ACCEPT_OLD), 409);
	ck_assert_int_eq(accept_status(ACCEPT_CONFLICT), 409);
	ck_assert_int_eq(accept_status(ACCEPT_UNKNOWN), 415);
	ck_assert_int_eq(accept_status(ACCEPT_FOREIGN), 422);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("accept");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_new_one_is_taken);
	tcase_add_test(tc, test_announced_otherwise_is_refused);
	tcase_add_test(tc,
		test_future_is_refused_by_more_than_five_minutes);
	tcase_add_test(tc,
		test_other_pools_and_newer_agents_are_not_for_us);
	tcase_add_test(tc,
		test_signature_comes_before_everything_that_is_told);
	tcase_add_test(tc, test_every_verdict_has_its_status);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
