/* Tests of common/bundle/bundle_trust.c: thresholds, the way of a key change,
 * files that are none. */
#include "bundles.h"

static struct bundle_key *keys[4];

static void setup(void)
{
	for (unsigned i = 0; i < ARRAY_COUNT(keys); i++)
		keys[i] = key_number(i);
}

static void teardown(void)
{
	for (unsigned i = 0; i < ARRAY_COUNT(keys); i++)
		bundle_key_free(keys[i]);
}

/* `next` signed by the keys whose bits are set. */
static int follow(const struct bundle_trust *old,
	const struct bundle_trust *next, unsigned signers, uint64_t serial,
	struct why *why)
{
	struct bundle_manifest m = manifest_of(1, serial);
	struct bundle_signer rows[ARRAY_COUNT(keys)];
	struct bundle_trust got;
	struct bundle_bytes bytes;
	struct bundle b;
	size_t count = 0;
	int err;

	for (unsigned i = 0; i < ARRAY_COUNT(keys); i++)
		if ((signers & 1u << i) != 0)
			bundle_key_signer(keys[i], &rows[count++]);
	ck_assert_int_eq(bundle_make_trust(&bytes, &m, next, rows, count,
		why), 0);
	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, why), 0);
	err = bundle_trust_follow(old, &b, &got, why);
	if (err == 0) {
		ck_assert_uint_eq(got.serial, next->serial);
		ck_assert_uint_eq(got.key_count, next->key_count);
	}
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
	return err;
}

START_TEST(test_keys_change_only_with_old_and_new_signatures)
{
	struct bundle_trust old;
	struct bundle_trust next;
	struct why why = {""};

	trust_in(&old, keys[0]);
	trust_in(&next, keys[1]);
	next.serial = 2;
	ck_assert_int_eq(follow(&old, &next, 1u << 0, 2, &why), EDGE_EFORGED);
	ck_assert_int_eq(follow(&old, &next, 1u << 1, 2, &why), EDGE_EFORGED);
	ck_assert_int_eq(follow(&old, &next, 1u << 2 | 1u << 1, 2, &why),
		EDGE_EFORGED);
	ck_assert_int_eq(follow(&old, &next, 1u << 0 | 1u << 1, 2, &why), 0);
	/* Not backwards, not sideways, not under another number. */
	next.serial = 1;
	ck_assert_int_eq(follow(&old, &next, 1u << 0 | 1u << 1, 1, &why),
		EDGE_EREFUSED);
	next.serial = 2;
	ck_assert_int_eq(follow(&old, &next, 1u << 0 | 1u << 1, 3, &why),
		EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_threshold_of_two_wants_two_different_keys)
{
	struct bundle_trust old;
	struct bundle_trust next;
	struct why why = {""};

	trust_in(&old, keys[0]);
	add_trust(&old, keys[1], "second");
	add_trust(&old, keys[2], "offline");
	old.threshold = 2;
	next = old;
	next.serial = 2;
	ck_assert_int_eq(follow(&old, &next, 1u << 0, 2, &why), EDGE_EFORGED);
	ck_assert_int_eq(follow(&old, &next, 1u << 0 | 1u << 3, 2, &why),
		EDGE_EFORGED);
	ck_assert_int_eq(follow(&old, &next, 1u << 0 | 1u << 2, 2, &why), 0);
	ck_assert_int_eq(follow(&old, &next, 1u << 2 | 1u << 1, 2, &why), 0);
}
END_TEST

START_TEST(test_another_deployment_is_refused)
{
	struct bundle_manifest m = manifest_of(1, 1);
	struct bundle_trust trust;
	struct bundle_bytes bytes;
	struct bundle b;
	struct why why = {""};

	trust_in(&trust, keys[0]);
	m.deployment[0] = '1';
	make_sample(&bytes, &m, keys[0]);
	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, &why), 0);
	ck_assert_int_eq(bundle_trust_verify(&trust, &b, &why),
		EDGE_EREFUSED);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
}
END_TEST

START_TEST(test_printed_trust_comes_back)
{
	struct bundle_trust t;
	struct bundle_trust again;
	struct why why = {""};
	char *json = NULL;

	trust_in(&t, keys[0]);
	add_trust(&t, keys[1], "second");
	ck_assert_int_eq(bundle_trust_print(&t, &json, &why), 0);
	ck_assert_int_eq(bundle_trust_parse(&again, str_of(json), &why), 0);
	ck_assert_mem_eq(&t, &again, sizeof(t));
	ck_assert(bundle_trust_is_publisher(&again, "CMS.int.contoso.test"));
	ck_assert(!bundle_trust_is_publisher(&again, "int.contoso.test"));
	free(json);
}
END_TEST

#define ID  "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c"
#define PUB "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define KEY "{\"id\":\"" ID "\",\"public\":\"" PUB "\",\"name\":\"k\"}"
#define HEAD "{\"deployment\":\"" DEPLOYMENT "\",\"serial\":1,"

START_TEST(test_bad_trust_files_are_refused)
{
	static const char GOOD[] = HEAD "\"threshold\":1,\"keys\":[" KEY
					"],\"publishers\":[]}";
	static const char *const BAD[] = {
		"", "[]", "{}",
		HEAD "\"threshold\":0,\"keys\":[" KEY "],\"publishers\":[]}",
		HEAD "\"threshold\":2,\"keys\":[" KEY "],\"publishers\":[]}",
		HEAD "\"threshold\":1,\"keys\":[],\"publishers\":[]}",
		HEAD "\"threshold\":2,\"keys\":[" KEY "," KEY
		     "],\"publishers\":[]}",
		HEAD "\"threshold\":1,\"keys\":[" KEY "]}",
		HEAD "\"threshold\":1,\"keys\":[" KEY
		     "],\"publishers\":[\"A B\"]}",
		HEAD "\"threshold\":1,\"keys\":[{\"id\":\"" PUB
		     "\",\"public\":\"" PUB
		     "\",\"name\":\"k\"}],\"publishers\":[]}",
		HEAD "\"threshold\":1,\"keys\":[" KEY
		     "],\"publishers\":[],\"more\":1}",
		"{\"deployment\":\"x\",\"serial\":1,\"threshold\":1,\"keys\":["
		KEY "],\"publishers\":[]}",
	};
	struct bundle_trust t;
	struct why why = {""};

	ck_assert_msg(bundle_trust_parse(&t, str_of(GOOD), &why) == 0, "%s",
		why.text);
	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		why.text[0] = '\0';
		ck_assert_msg(bundle_trust_parse(&t, str_of(BAD[i]), &why) ==
			EDGE_EMALFORMED, "%s", BAD[i]);
		ck_assert_str_ne(why.text, "");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_trust");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
		test_keys_change_only_with_old_and_new_signatures);
	tcase_add_test(tc, test_threshold_of_two_wants_two_different_keys);
	tcase_add_test(tc, test_another_deployment_is_refused);
	tcase_add_test(tc, test_printed_trust_comes_back);
	tcase_add_test(tc, test_bad_trust_files_are_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
