/* Tickets: the published vector, both algorithms, everything forged. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "tests/unit/wce/vector.h"

START_TEST(test_the_vector_is_reproduced)
{
	struct ticket_key *key = vector_key();
	struct ticket t = vector_ticket();
	uint8_t public[TICKET_PUBLIC_MAX];
	uint8_t bytes[TICKET_MAX_LEN];
	char text[TICKET_TEXT_LEN];
	char hex[2 * TICKET_PUBLIC_MAX + 1];
	size_t len;

	ck_assert_uint_eq(ticket_key_public(key, public), 32);
	str_hex(public, 32, hex);
	ck_assert_str_eq(hex, "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d"
		"5f1ddc8664125531b8");
	ck_assert_int_eq(ticket_sign(&t, key, bytes, &len), 0);
	ck_assert_uint_eq(len, 209);
	digest_b64url(bytes, len, text);
	ck_assert_str_eq(text, VECTOR_TEXT);
	ticket_key_free(key);
}
END_TEST

START_TEST(test_the_vector_is_read)
{
	uint8_t room[TICKET_MAX_LEN];
	struct ticket want = vector_ticket();
	struct ticket t;

	ck_assert_int_eq(ticket_read(vector_bytes(room), &t), 0);
	ck_assert_int_eq(t.alg, TICKET_ED25519);
	ck_assert(t.is_single_use);
	ck_assert_uint_eq(t.key_id, 7);
	ck_assert_int_eq(t.not_before.s, 1700000000);
	ck_assert_int_eq(t.not_after.s, 1700000300);
	ck_assert_mem_eq(t.id, want.id, sizeof(t.id));
	ck_assert_mem_eq(t.server, want.server, sizeof(t.server));
	ck_assert_mem_eq(t.conference, want.conference, 32);
	ck_assert_uint_eq(t.rate_kib_s, 0);
	ck_assert_str_eq(t.audience, "webconf.example.com");
}
END_TEST

/* B9.3: no byte may change, in either algorithm. */
static void assert_no_flip(const struct ticket_key *key)
{
	struct ticket t = vector_ticket();
	uint8_t bytes[TICKET_MAX_LEN];
	struct str s = {(const char *)bytes, 0};
	size_t len;

	ck_assert_int_eq(ticket_sign(&t, key, bytes, &len), 0);
	s.n = len;
	ck_assert_int_eq(ticket_verify(s, key), 0);
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= (uint8_t)(1u << (i % 8));
		ck_assert_msg(ticket_verify(s, key) == EDGE_EFORGED,
			"byte %zu", i);
		bytes[i] ^= (uint8_t)(1u << (i % 8));
	}
	s.n = len - 1;
	ck_assert_int_eq(ticket_verify(s, key), EDGE_EFORGED);
}

START_TEST(test_each_flipped_byte_is_forged_ed25519)
{
	struct ticket_key *key = vector_key();

	assert_no_flip(key);
	ticket_key_free(key);
}
END_TEST

START_TEST(test_each_flipped_byte_is_forged_p256)
{
	struct ticket_key *key = NULL;

	ck_assert_int_eq(ticket_key_make(&key, TICKET_P256, 3), 0);
	assert_no_flip(key);
	ticket_key_free(key);
}
END_TEST

/* What the edge has, and what a thief of the edge has: the public key. */
static void assert_public_only_checks(enum ticket_alg alg)
{
	struct ticket_key *private = NULL;
	struct ticket_key *public = NULL;
	struct ticket t = vector_ticket();
	uint8_t raw[TICKET_PUBLIC_MAX];
	uint8_t bytes[TICKET_MAX_LEN];
	uint8_t other[TICKET_MAX_LEN];
	struct str s = {(const char *)raw, 0};
	size_t len;

	ck_assert_int_eq(ticket_key_make(&private, alg, 1), 0);
	s.n = ticket_key_public(private, raw);
	ck_assert_int_eq(ticket_key_from_public(&public, alg, s, 1), 0);
	ck_assert_int_eq(ticket_sign(&t, private, bytes, &len), 0);
	s = (struct str){(const char *)bytes, len};
	ck_assert_int_eq(ticket_verify(s, public), 0);
	ck_assert_int_eq(ticket_sign(&t, public, other, &len), EDGE_ETLS);
	ticket_key_free(private);
	ticket_key_free(public);
}

START_TEST(test_a_public_key_checks_and_never_signs)
{
	assert_public_only_checks(TICKET_ED25519);
	assert_public_only_checks(TICKET_P256);
}
END_TEST

START_TEST(test_another_servers_key_is_refused)
{
	uint8_t room[TICKET_MAX_LEN];
	struct ticket_key *other = NULL;

	ck_assert_int_eq(ticket_key_make(&other, TICKET_ED25519, 7), 0);
	ck_assert_int_eq(ticket_verify(vector_bytes(room), other),
		EDGE_EFORGED);
	ticket_key_free(other);
}
END_TEST

START_TEST(test_private_keys_survive_their_file)
{
	static const enum ticket_alg algs[] = {TICKET_ED25519, TICKET_P256};

	for (size_t i = 0; i < 2; i++) {
		struct ticket_key *key = NULL;
		struct ticket_key *back = NULL;
		uint8_t a[TICKET_PUBLIC_MAX];
		uint8_t b[TICKET_PUBLIC_MAX];
		char *pem = NULL;

		ck_assert_int_eq(ticket_key_make(&key, algs[i], 5), 0);
		ck_assert_int_eq(ticket_key_pem(key, &pem), 0);
		ck_assert_int_eq(ticket_key_from_pem(&back, str_of(pem), 5),
			0);
		ck_assert_int_eq(ticket_key_alg(back), algs[i]);
		ck_assert_uint_eq(ticket_key_public(key, a),
			ticket_key_public(back, b));
		ck_assert_mem_eq(a, b, i == 0 ? 32 : 65);
		free(pem);
		ticket_key_free(key);
		ticket_key_free(back);
	}
}
END_TEST

START_TEST(test_keys_of_other_kinds_are_refused)
{
	struct ticket_key *key = NULL;
	uint8_t zero[TICKET_PUBLIC_MAX] = {4};
	struct str s = {(const char *)zero, 65};

	/* a point that is on no curve */
	ck_assert_int_lt(ticket_key_from_public(&key, TICKET_P256, s, 1), 0);
	s.n = 64;
	ck_assert_int_eq(ticket_key_from_public(&key, TICKET_P256, s, 1),
		EDGE_EMALFORMED);
	s.n = 33;
	ck_assert_int_eq(ticket_key_from_public(&key, TICKET_ED25519, s, 1),
		EDGE_EMALFORMED);
	ck_assert_int_eq(ticket_key_from_public(&key, 3, s, 1),
		EDGE_EMALFORMED);
	ck_assert_int_eq(ticket_key_from_pem(&key, str_of("no key"), 1),
		EDGE_ETLS);
	ck_assert_ptr_null(key);
}
END_TEST

START_TEST(test_shapes_that_are_no_ticket)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *what;
	} faults[] = {
		{0, 'X', "magic"},
		{4, 0, "algorithm 0"},
		{4, 3, "algorithm 3"},
		{5, 3, "a flag of the future"},
		{8, 0x80, "a negative begin"},
		{16, 0x80, "a negative end"},
		{21, 0x54, "a life of more than eight hours"},
		{23, 0x00, "an end before the begin"},
		{122, 1, "zero that is not"},
		{125, 20, "an audience longer than it is"},
		{125, 0, "no audience"},
		{126, 'W', "an audience in capitals"},
		{126, 0, "a NUL in the audience"},
	};
	uint8_t room[TICKET_MAX_LEN];
	struct str s = vector_bytes(room);
	struct ticket t;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		vector_bytes(room);
		room[faults[i].at] = faults[i].value;
		if (faults[i].at == 23)
			room[22] = 0;
		ck_assert_msg(ticket_read(s, &t) == EDGE_EMALFORMED, "%s",
			faults[i].what);
	}
	vector_bytes(room);
	for (s.n = 0; s.n < 209; s.n++)
		ck_assert_int_eq(ticket_read(s, &t), EDGE_EMALFORMED);
	s.n = 210;
	ck_assert_int_eq(ticket_read(s, &t), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_audience_and_time)
{
	struct ticket t = vector_ticket();
	static const char name[] = "webconf.example.com";

	ck_assert_int_eq(ticket_check(&t, name, t.not_before, 60), 0);
	ck_assert_int_eq(ticket_check(&t, "webconf.example.org",
				 t.not_before, 60), EDGE_EREFUSED);
	ck_assert_int_eq(ticket_check(&t, name,
				 (struct wall){t.not_before.s - 60}, 60), 0);
	ck_assert_int_eq(ticket_check(&t, name,
				 (struct wall){t.not_before.s - 61}, 60),
		EDGE_EEXPIRED);
	ck_assert_int_eq(ticket_check(&t, name,
				 (struct wall){t.not_after.s + 60}, 60), 0);
	ck_assert_int_eq(ticket_check(&t, name,
				 (struct wall){t.not_after.s + 61}, 60),
		EDGE_EEXPIRED);
}
END_TEST

START_TEST(test_a_conference_is_the_same_in_capitals)
{
	uint8_t a[TICKET_HASH_LEN];
	uint8_t b[TICKET_HASH_LEN];
	char long_uri[1000];

	ticket_hash(str_of("SIP:Alice@Example.COM"), a);
	ticket_hash(str_of("sip:alice@example.com"), b);
	ck_assert_mem_eq(a, b, sizeof(a));
	ticket_hash(str_of("sip:alice@example.con"), b);
	ck_assert_mem_ne(a, b, sizeof(a));
	memset(long_uri, 'A', sizeof(long_uri));
	ticket_hash((struct str){long_uri, sizeof(long_uri)}, a);
	memset(long_uri, 'a', sizeof(long_uri));
	digest_sha256(&(struct digest_part){long_uri, sizeof(long_uri)}, 1,
		b);
	ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ticket");
	TCase *tc = tcase_create("ticket");
	SRunner *runner;
	int failures;

	tcase_add_test(tc, test_the_vector_is_reproduced);
	tcase_add_test(tc, test_the_vector_is_read);
	tcase_add_test(tc, test_each_flipped_byte_is_forged_ed25519);
	tcase_add_test(tc, test_each_flipped_byte_is_forged_p256);
	tcase_add_test(tc, test_a_public_key_checks_and_never_signs);
	tcase_add_test(tc, test_another_servers_key_is_refused);
	tcase_add_test(tc, test_private_keys_survive_their_file);
	tcase_add_test(tc, test_keys_of_other_kinds_are_refused);
	tcase_add_test(tc, test_shapes_that_are_no_ticket);
	tcase_add_test(tc, test_audience_and_time);
	tcase_add_test(tc, test_a_conference_is_the_same_in_capitals);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
