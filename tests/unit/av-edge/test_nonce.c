/* Nonces: T8 (no state), T17 (no guessing). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "av-edge/nonce.h"
#include "tests/unit/cases.h"

#define MANY 20000

static struct nonce_secret secret;
static const struct mono now = {5000000};

static struct addr client(unsigned n)
{
	struct addr a = {.family = 4, .ip = {[10] = 0xff, [11] = 0xff}};

	a.ip[12] = 9;
	a.ip[13] = (uint8_t)(n >> 16);
	a.ip[14] = (uint8_t)(n >> 8);
	a.ip[15] = (uint8_t)n;
	a.port = (uint16_t)(1024 + n % 7);
	return a;
}

static enum nonce_state check(unsigned n, int64_t later_ms, const char *text)
{
	struct addr a = client(n);
	struct mono then = {now.ms + later_ms};

	return nonce_check(&secret, &a, then, 900, str_of(text));
}

START_TEST(test_nonce_is_good_for_its_lifetime)
{
	struct addr a = client(1);
	char text[NONCE_LEN + 1];

	nonce_make(&secret, &a, now, text);
	ck_assert_uint_eq(strlen(text), NONCE_LEN);
	ck_assert_int_eq(check(1, 0, text), NONCE_GOOD);
	ck_assert_int_eq(check(1, 900000, text), NONCE_GOOD);
	ck_assert_int_eq(check(1, 901000, text), NONCE_STALE);
	ck_assert_int_eq(check(1, -1000, text), NONCE_STALE);
}
END_TEST

START_TEST(test_changed_nonce_is_foreign)
{
	struct addr a = client(1);
	char text[NONCE_LEN + 1];
	size_t i;

	for (i = 0; i < NONCE_LEN; i++) {
		nonce_make(&secret, &a, now, text);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		ck_assert_int_eq(check(1, 0, text), NONCE_FOREIGN);
	}
	ck_assert_int_eq(check(1, 0, ""), NONCE_FOREIGN);
	ck_assert_int_eq(check(1, 0, "%%%%%%%%%%%%%%%%%%%%"), NONCE_FOREIGN);
}
END_TEST

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

START_TEST(test_T17_nonces_differ_and_fit_their_source_alone)
{
	const unsigned many = cases(MANY);
	char(*texts)[NONCE_LEN + 1] = calloc(many, sizeof(*texts));
	unsigned i;

	for (i = 0; i < many; i++) {
		struct addr a = client(i);

		nonce_make(&secret, &a, now, texts[i]);
	}
	for (i = 0; i < many; i++)
		ck_assert_int_eq(check((i + 1) % many, 0, texts[i]),
			NONCE_FOREIGN);
	qsort(texts, many, sizeof(texts[0]), by_text);
	for (i = 1; i < many; i++)
		ck_assert_str_ne(texts[i - 1], texts[i]);
	free(texts);
}
END_TEST

START_TEST(test_T17_nonce_of_another_process_is_foreign)
{
	struct addr a = client(1);
	char text[NONCE_LEN + 1];

	nonce_make(&secret, &a, now, text);
	nonce_secret_new(&secret);
	ck_assert_int_eq(check(1, 0, text), NONCE_FOREIGN);
}
END_TEST

static void setup(void)
{
	nonce_secret_new(&secret);
}

int main(void)
{
	Suite *s = suite_create("nonce");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, test_nonce_is_good_for_its_lifetime);
	tcase_add_test(t, test_changed_nonce_is_foreign);
	tcase_add_test(t, test_T17_nonces_differ_and_fit_their_source_alone);
	tcase_add_test(t, test_T17_nonce_of_another_process_is_foreign);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
