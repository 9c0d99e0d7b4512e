/* The messages of RFC 5769, both ways, and a fingerprint that is wrong in a
 * known way. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/stun/stun_msg.h"
#include "tests/unit/stun/rfc5769.h"

static uint8_t bytes[256];

static size_t load(const char *hex)
{
	size_t len = 0;

	ck_assert_int_eq(str_unhex(str_of(hex), bytes, sizeof(bytes), &len),
		0);
	return len;
}

static struct stun_msg parse(const char *hex)
{
	struct stun_msg m;

	ck_assert_int_eq(stun_parse(&m, &stun_rfc, bytes, load(hex)), 0);
	return m;
}

static void assert_addr(const struct stun_msg *m, const char *want)
{
	char text[ADDR_TEXT_LEN];
	struct addr a;

	ck_assert_int_eq(stun_addr(m, STUN_XOR_MAPPED_ADDRESS, &a), 0);
	ck_assert_str_eq(addr_text(&a, text), want);
}

/* ---- reading ----------------------------------------------------------- */

START_TEST(test_rfc5769_request_is_read_and_its_integrity_holds)
{
	struct stun_msg m = parse(REQUEST_2_1);
	uint32_t priority;

	ck_assert_int_eq(m.class, STUN_REQUEST);
	ck_assert_int_eq(m.method, STUN_BINDING);
	ck_assert(!m.is_malformed);
	ck_assert_uint_eq(m.unknown_count, 0);
	ck_assert(str_eq_z(stun_bytes(&m, STUN_SOFTWARE), "STUN test client"));
	ck_assert(str_eq_z(stun_bytes(&m, STUN_USERNAME), "evtj:h6vY"));
	ck_assert_int_eq(stun_number(&m, STUN_PRIORITY, &priority), 0);
	ck_assert_uint_eq(priority, 0x6e0001ff);
	ck_assert_int_eq(stun_check_integrity(&m, SHORT_PASSWORD,
				 strlen(SHORT_PASSWORD)), 0);
	ck_assert_int_eq(stun_check_integrity(&m, "x", 1), EDGE_EFORGED);
}
END_TEST

START_TEST(test_rfc5769_responses_carry_the_mapped_addresses)
{
	struct stun_msg m = parse(RESPONSE_2_2);

	ck_assert_int_eq(m.class, STUN_SUCCESS);
	assert_addr(&m, "192.0.2.1:32853");
	ck_assert_int_eq(stun_check_integrity(&m, SHORT_PASSWORD,
				 strlen(SHORT_PASSWORD)), 0);
	m = parse(RESPONSE_2_3);
	assert_addr(&m, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
	ck_assert_int_eq(stun_check_integrity(&m, SHORT_PASSWORD,
				 strlen(SHORT_PASSWORD)), 0);
}
END_TEST

static void long_term_key(const struct stun_msg *m,
	uint8_t key[static STUN_KEY_LEN])
{
	stun_key(stun_bytes(m, STUN_USERNAME), stun_bytes(m, STUN_REALM),
		STR_LIT(LONG_PASSWORD), key);
}

START_TEST(test_rfc5769_long_term_request_verifies)
{
	struct stun_msg m = parse(REQUEST_2_4);
	uint8_t key[STUN_KEY_LEN];

	long_term_key(&m, key);
	ck_assert_int_eq(stun_check_integrity(&m, key, sizeof(key)), 0);
	bytes[30] ^= 1;
	ck_assert_int_eq(stun_check_integrity(&m, key, sizeof(key)),
		EDGE_EFORGED);
}
END_TEST

/* The CRC of stacks whose table has one entry mistyped: to the relay such a
 * check is payload, to its own port it is no message. */
START_TEST(test_fingerprint_of_the_mistyped_table_is_no_message)
{
	static const char covered[] =
	    "000100102112a442000000000000000000000019002400046e0001ff";
	char hex[128];
	struct stun_msg m;

	snprintf(hex, sizeof(hex), "%s80280004%s", covered, "dcafcd69");
	m = parse(hex);
	ck_assert(stun_has(&m, STUN_FINGERPRINT));
	snprintf(hex, sizeof(hex), "%s80280004%s", covered, "59f17f2f");
	ck_assert_int_eq(stun_parse(&m, &stun_rfc, bytes, load(hex)),
		EDGE_EMALFORMED);
}
END_TEST

/* ---- writing ----------------------------------------------------------- */

static const enum stun_attr order_2_1[] = {
	STUN_SOFTWARE, STUN_PRIORITY, STUN_ICE_CONTROLLED, STUN_USERNAME,
	STUN_INTEGRITY, STUN_FINGERPRINT,
};
static const enum stun_attr order_2_2[] = {
	STUN_SOFTWARE, STUN_XOR_MAPPED_ADDRESS, STUN_INTEGRITY,
	STUN_FINGERPRINT,
};
static const enum stun_attr order_2_4[] = {
	STUN_USERNAME, STUN_NONCE, STUN_REALM, STUN_INTEGRITY,
};

static const struct {
	const char *message;
	bool is_long_term;
	const enum stun_attr *order;
	size_t count;
} WRITTEN[] = {
	{REQUEST_2_1, false, order_2_1, ARRAY_COUNT(order_2_1)},
	{RESPONSE_2_2, false, order_2_2, ARRAY_COUNT(order_2_2)},
	{RESPONSE_2_3, false, order_2_2, ARRAY_COUNT(order_2_2)},
	{REQUEST_2_4, true, order_2_4, ARRAY_COUNT(order_2_4)},
};

static void write_value(struct stun_writer *w, const struct stun_msg *m,
	enum stun_attr attr)
{
	struct addr a;
	uint32_t n;

	switch (attr) {
	case STUN_PRIORITY:
		ck_assert_int_eq(stun_number(m, attr, &n), 0);
		stun_write_number(w, attr, n);
		break;
	case STUN_XOR_MAPPED_ADDRESS:
		ck_assert_int_eq(stun_addr(m, attr, &a), 0);
		stun_write_addr(w, attr, &a);
		break;
	default:
		stun_write_text(w, attr, stun_bytes(m, attr));
		break;
	}
}

/* We fill values up with zeros (threat T15), RFC 5769 2.1 to 2.3 with
 * blanks: the zeros are looked at and replaced, for they are signed. */
static void pad_alike(struct stun_writer *w, const struct stun_msg *m,
	enum stun_attr attr)
{
	size_t at = m->at[attr] + m->size[attr];

	for (; at % 4 != 0; at++) {
		ck_assert_uint_eq(w->w.p[at], 0);
		w->w.p[at] = m->data[at];
	}
	ck_assert_uint_eq(at, w->w.len);
}

START_TEST(test_rfc5769_messages_are_rebuilt_byte_for_byte)
{
	struct stun_msg m = parse(WRITTEN[_i].message);
	uint8_t key[64] = SHORT_PASSWORD, out[256];
	size_t key_len = strlen(SHORT_PASSWORD), i;
	struct stun_writer w;

	if (WRITTEN[_i].is_long_term) {
		long_term_key(&m, key);
		key_len = STUN_KEY_LEN;
	}
	memset(out, 0xee, sizeof(out));
	stun_write_begin(&w, &stun_rfc, out, sizeof(out), m.class, m.method,
		m.tid);
	for (i = 0; i < WRITTEN[_i].count; i++) {
		enum stun_attr attr = WRITTEN[_i].order[i];

		if (attr == STUN_INTEGRITY) {
			stun_write_integrity(&w, key, key_len);
		} else if (attr == STUN_FINGERPRINT) {
			stun_write_fingerprint(&w);
		} else {
			write_value(&w, &m, attr);
			pad_alike(&w, &m, attr);
		}
	}
	ck_assert_int_eq(stun_write_end(&w), (int)m.len);
	ck_assert_mem_eq(out, m.data, m.len);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stun_msg_vectors");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_test(t,
		test_rfc5769_request_is_read_and_its_integrity_holds);
	tcase_add_test(t, test_rfc5769_responses_carry_the_mapped_addresses);
	tcase_add_test(t, test_rfc5769_long_term_request_verifies);
	tcase_add_test(t,
		test_fingerprint_of_the_mistyped_table_is_no_message);
	tcase_add_loop_test(t,
		test_rfc5769_messages_are_rebuilt_byte_for_byte, 0,
		ARRAY_COUNT(WRITTEN));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
