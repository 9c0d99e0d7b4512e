/* Keys and algorithms of RFC 8489, against its appendix B.1 (with the
 * erratum on the length and the algorithm). */
#include <check.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/stun/stun_password.h"

#define USER  "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf" \
	"\xe3\x82\xb9"
#define REALM "example.org"
#define NONCE "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"

static const char REQUEST_B1[] =
	"000100902112a44278ad3433c6ad72c029da412e"
	"001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f"
	"1704"
	"001500296f624d61744a6f73324141414366"
	"2f2f3439396b393534643"
	"64f4c33346f4c39465354767936347341000000"
	"0014000b6578616d706c652e6f726700"
	"001d000400020000"
	"001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc651"
	"8e65";

static uint8_t wire[256];
static size_t wire_len;
static uint8_t key[STUN_PASSWORD_KEY_MAX];
static size_t key_len;

static void setup(void)
{
	ck_assert_int_eq(str_unhex(str_of(REQUEST_B1), wire, sizeof(wire),
		&wire_len), 0);
	key_len = stun_password_key(STUN_SHA256, STR_LIT(USER),
		STR_LIT(REALM), STR_LIT("TheMatrIX"), key);
}

START_TEST(test_rfc8489_b1_is_read_and_its_integrity_holds)
{
	uint8_t hash[DIGEST_SHA256_LEN];
	struct stun_msg m;

	ck_assert_uint_eq(key_len, 32);
	ck_assert_int_eq(stun_parse(&m, &stun_rfc, wire, wire_len), 0);
	ck_assert(!m.is_malformed);
	stun_password_userhash(STR_LIT(USER), STR_LIT(REALM), hash);
	ck_assert_uint_eq(stun_bytes(&m, STUN_USERHASH).n, sizeof(hash));
	ck_assert_mem_eq(stun_bytes(&m, STUN_USERHASH).p, hash, sizeof(hash));
	ck_assert(str_eq_z(stun_bytes(&m, STUN_NONCE), NONCE));
	ck_assert_int_eq(stun_check_integrity(&m, key, key_len), 0);
	key[0] ^= 1;
	ck_assert_int_eq(stun_check_integrity(&m, key, key_len),
		EDGE_EFORGED);
}
END_TEST

START_TEST(test_rfc8489_b1_is_rebuilt_byte_for_byte)
{
	static const uint8_t choice[] = {0, STUN_SHA256, 0, 0};
	uint8_t hash[DIGEST_SHA256_LEN], out[256];
	struct stun_writer w;
	int len;

	stun_password_userhash(STR_LIT(USER), STR_LIT(REALM), hash);
	stun_write_begin(&w, &stun_rfc, out, sizeof(out), STUN_REQUEST,
		STUN_BINDING, wire + 4);
	stun_write_bytes(&w, STUN_USERHASH, hash, sizeof(hash));
	stun_write_text(&w, STUN_NONCE, STR_LIT(NONCE));
	stun_write_text(&w, STUN_REALM, STR_LIT(REALM));
	stun_write_bytes(&w, STUN_PASSWORD_ALGORITHM, choice, sizeof(choice));
	stun_write_integrity_sha256(&w, key, key_len);
	len = stun_write_end(&w);
	ck_assert_int_eq(len, (int)wire_len);
	ck_assert_mem_eq(out, wire, wire_len);
}
END_TEST

/* A request with these two attributes; NULL = without. */
static int choose(const char *offer, size_t offer_len, const char *choice,
	enum stun_algorithm *out)
{
	uint8_t room[256], tid[STUN_TID_LEN] = {0x21, 0x12, 0xa4, 0x42};
	struct stun_writer w;
	struct stun_msg m;
	int len;

	stun_write_begin(&w, &stun_rfc, room, sizeof(room), STUN_REQUEST,
		STUN_ALLOCATE, tid);
	if (offer != NULL)
		stun_write_bytes(&w, STUN_PASSWORD_ALGORITHMS, offer,
			offer_len);
	if (choice != NULL)
		stun_write_bytes(&w, STUN_PASSWORD_ALGORITHM, choice, 4);
	len = stun_write_end(&w);
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(stun_parse(&m, &stun_rfc, room, (size_t)len), 0);
	return stun_password_choice(&m, out);
}

START_TEST(test_choice_must_be_of_our_offer)
{
	static const char ours[] = "\0\2\0\0\0\1\0\0";
	static const char weaker[] = "\0\1\0\0";
	enum stun_algorithm a;

	ck_assert_int_eq(choose(NULL, 0, NULL, &a), 0);
	ck_assert_int_eq(a, STUN_MD5);
	ck_assert_int_eq(choose(ours, 8, "\0\2\0\0", &a), 0);
	ck_assert_int_eq(a, STUN_SHA256);
	ck_assert_int_eq(choose(ours, 8, "\0\1\0\0", &a), 0);
	ck_assert_int_eq(a, STUN_MD5);
	/* One without the other, an offer that somebody cut, a choice that
	 * nobody offered. */
	ck_assert_int_eq(choose(ours, 8, NULL, &a), EDGE_EMALFORMED);
	ck_assert_int_eq(choose(NULL, 0, "\0\2\0\0", &a), EDGE_EMALFORMED);
	ck_assert_int_eq(choose(weaker, 4, "\0\1\0\0", &a), EDGE_EMALFORMED);
	ck_assert_int_eq(choose(ours, 8, "\0\3\0\0", &a), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_md5_key_is_the_old_one)
{
	uint8_t old[STUN_KEY_LEN];

	key_len = stun_password_key(STUN_MD5, STR_LIT("u"), STR_LIT("r"),
		STR_LIT("p"), key);
	stun_key(STR_LIT("u"), STR_LIT("r"), STR_LIT("p"), old);
	ck_assert_uint_eq(key_len, sizeof(old));
	ck_assert_mem_eq(key, old, sizeof(old));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stun_password");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, test_rfc8489_b1_is_read_and_its_integrity_holds);
	tcase_add_test(t, test_rfc8489_b1_is_rebuilt_byte_for_byte);
	tcase_add_test(t, test_choice_must_be_of_our_offer);
	tcase_add_test(t, test_md5_key_is_the_old_one);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
