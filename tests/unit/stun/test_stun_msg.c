/* The STUN codec: what it writes, reads and must refuse. (Known messages:
 * test_stun_msg_vectors.c.) */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/stun/stun_msg.h"
#include "tests/unit/stun/rfc5769.h"

static uint8_t bytes[65536];

static size_t load(const char *hex)
{
	size_t len = 0;

	ck_assert_int_eq(str_unhex(str_of(hex), bytes, sizeof(bytes), &len),
		0);
	return len;
}

static struct stun_msg parse(size_t len)
{
	struct stun_msg m;

	ck_assert_int_eq(stun_parse(&m, &stun_rfc, bytes, len), 0);
	return m;
}

static void assert_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_LEN];

	ck_assert_str_eq(addr_text(a, text), want);
}

static struct stun_writer begin(enum stun_class class, uint16_t method)
{
	static const uint8_t tid[STUN_TID_LEN] = {0x21, 0x12, 0xa4, 0x42, 1};
	struct stun_writer w;

	stun_write_begin(&w, &stun_rfc, bytes, sizeof(bytes), class, method,
		tid);
	return w;
}

static size_t end(struct stun_writer *w)
{
	int len = stun_write_end(w);

	ck_assert_int_gt(len, 0);
	return (size_t)len;
}

START_TEST(test_written_messages_are_read_back)
{
	static const char *const addrs[] = {
		"192.0.2.9:5000", "[2001:db8::1]:65535", "0.0.0.0:0",
	};
	struct stun_writer w = begin(STUN_SUCCESS, STUN_ALLOCATE);
	struct stun_msg m;
	struct addr a;
	uint32_t n;
	size_t i;

	stun_write_number(&w, STUN_LIFETIME, 600);
	stun_write_text(&w, STUN_REALM, STR_LIT("contoso.test"));
	for (i = 0; i < ARRAY_COUNT(addrs); i++) {
		ck_assert_int_eq(addr_parse(str_of(addrs[i]), &a), 0);
		stun_write_addr(&w, STUN_PEER_ADDRESS, &a);
	}
	stun_write_integrity(&w, "key", 3);
	stun_write_integrity_sha256(&w, "key", 3);
	stun_write_fingerprint(&w);
	m = parse(end(&w));
	ck_assert_int_eq(m.class, STUN_SUCCESS);
	ck_assert_int_eq(m.method, STUN_ALLOCATE);
	ck_assert_int_eq(stun_number(&m, STUN_LIFETIME, &n), 0);
	ck_assert_uint_eq(n, 600);
	for (i = 0; i < ARRAY_COUNT(addrs); i++) {
		ck_assert_int_eq(stun_addr_nth(&m, STUN_PEER_ADDRESS, i, &a),
			0);
		assert_addr(&a, addrs[i]);
	}
	ck_assert_int_eq(stun_addr_nth(&m, STUN_PEER_ADDRESS, i, &a),
		-ENOENT);
	ck_assert_int_eq(stun_check_integrity(&m, "key", 3), 0);
	ck_assert_int_eq(stun_check_integrity(&m, "kex", 3), EDGE_EFORGED);
	/* The weaker one alone holds as well. */
	m.present &= ~(UINT64_C(1) << STUN_INTEGRITY_SHA256);
	ck_assert_int_eq(stun_check_integrity(&m, "key", 3), 0);
}
END_TEST

START_TEST(test_all_classes_and_methods_survive)
{
	unsigned method, class;

	for (class = 0; class < 4; class++) {
		for (method = 0; method < 0x1000; method++) {
			struct stun_writer w = begin((enum stun_class)class,
				(uint16_t)method);
			struct stun_msg m = parse(end(&w));

			ck_assert_uint_eq(m.class, class);
			ck_assert_uint_eq(m.method, method);
		}
	}
}
END_TEST

START_TEST(test_error_code_is_read_back_with_its_phrase)
{
	struct stun_writer w = begin(STUN_ERROR, STUN_ALLOCATE);
	struct stun_msg m;
	struct str phrase;
	unsigned code;

	stun_write_error(&w, 437);
	m = parse(end(&w));
	ck_assert_int_eq(stun_error(&m, &code, &phrase), 0);
	ck_assert_uint_eq(code, 437);
	ck_assert(str_eq_z(phrase, "Allocation Mismatch"));
	bytes[26] = 7; /* the class: hundreds */
	ck_assert_int_eq(stun_error(&m, &code, NULL), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_unknown_required_attributes_are_listed)
{
	size_t len = load("000100142112a442000000000000000000000000"
			  "7ffe0004000000008ffe000400000000"
			  "7fff0000");
	struct stun_msg m = parse(len);
	struct stun_writer w;

	ck_assert_uint_eq(m.unknown_count, 2);
	ck_assert_uint_eq(m.unknown[0], 0x7ffe);
	ck_assert_uint_eq(m.unknown[1], 0x7fff);
	w = begin(STUN_ERROR, STUN_BINDING);
	stun_write_error(&w, 420);
	stun_write_unknown(&w, &m);
	m = parse(end(&w));
	ck_assert_uint_eq(stun_bytes(&m, STUN_UNKNOWN_ATTRIBUTES).n, 4);
}
END_TEST

START_TEST(test_first_attribute_of_a_kind_counts)
{
	struct stun_msg m = parse(load(
		"000100102112a442000000000000000000000000"
		"000d000400000001000d000400000002"));
	uint32_t n;

	ck_assert_int_eq(stun_number(&m, STUN_LIFETIME, &n), 0);
	ck_assert_uint_eq(n, 1);
}
END_TEST

/* T12: whatever follows the integrity has no effect. */
START_TEST(test_T12_attributes_after_integrity_do_not_count)
{
	struct stun_writer w = begin(STUN_REQUEST, STUN_REFRESH);
	struct stun_msg m;
	struct addr a;

	stun_write_text(&w, STUN_USERNAME, STR_LIT("user"));
	stun_write_integrity(&w, "key", 3);
	stun_write_number(&w, STUN_LIFETIME, 0);
	ck_assert_int_eq(addr_parse_z("192.0.2.1", 1, &a), 0);
	stun_write_addr(&w, STUN_PEER_ADDRESS, &a);
	stun_write_bytes(&w, STUN_EVEN_PORT, "\0", 1);
	stun_write_fingerprint(&w);
	m = parse(end(&w));
	ck_assert(stun_has(&m, STUN_USERNAME));
	ck_assert(stun_has(&m, STUN_FINGERPRINT));
	ck_assert(!stun_has(&m, STUN_LIFETIME));
	ck_assert(!stun_has(&m, STUN_PEER_ADDRESS));
	ck_assert(!stun_has(&m, STUN_EVEN_PORT));
	ck_assert_int_eq(stun_check_integrity(&m, "key", 3), 0);
}
END_TEST

START_TEST(test_T12_repeated_address_after_integrity_does_not_count)
{
	struct stun_writer w = begin(STUN_REQUEST, STUN_CREATE_PERMISSION);
	struct stun_msg m;
	struct addr a;

	ck_assert_int_eq(addr_parse_z("192.0.2.1", 1, &a), 0);
	stun_write_addr(&w, STUN_PEER_ADDRESS, &a);
	stun_write_integrity(&w, "key", 3);
	stun_write_addr(&w, STUN_PEER_ADDRESS, &a);
	m = parse(end(&w));
	ck_assert_int_eq(stun_addr_nth(&m, STUN_PEER_ADDRESS, 0, &a), 0);
	ck_assert_int_eq(stun_addr_nth(&m, STUN_PEER_ADDRESS, 1, &a),
		-ENOENT);
}
END_TEST

/* T15: no byte of a message is left as it was in memory. */
START_TEST(test_T15_padding_is_zero)
{
	struct stun_writer w;
	size_t n, i, len;

	for (n = 0; n < 9; n++) {
		memset(bytes, 0xee, sizeof(bytes));
		w = begin(STUN_SUCCESS, STUN_BINDING);
		stun_write_bytes(&w, STUN_SOFTWARE, "aaaaaaaaaaaa", n);
		stun_write_error(&w, 401);
		len = end(&w);
		ck_assert_uint_eq(len % 4, 0);
		for (i = 0; i < len; i++)
			ck_assert_uint_ne(bytes[i], 0xee);
		for (i = 24 + n; i % 4 != 0; i++)
			ck_assert_uint_eq(bytes[i], 0);
	}
}
END_TEST

START_TEST(test_wrong_lengths_are_no_messages)
{
	static const char *const wrong[] = {
		"",
		"0001",
		/* length field too long, too short, odd */
		"000100042112a442000000000000000000000000",
		"000100002112a44200000000000000000000000000000000",
		"000100022112a4420000000000000000000000000000",
		/* attribute beyond the end */
		"000100042112a44200000000000000000000000080220001",
		("000100082112a442000000000000000000000000"
		 "8022000500000000"),
		/* top bits, cookie */
		"800100002112a442000000000000000000000000",
		"000100002112a443000000000000000000000000",
	};
	struct stun_msg m;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(wrong); i++)
		ck_assert_int_eq(stun_parse(&m, &stun_rfc, bytes,
					 load(wrong[i])), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_values_of_wrong_shape_are_malformed_not_fatal)
{
	static const char *const wrong[] = {
		/* LIFETIME of 3 bytes, XOR-PEER-ADDRESS of family 3, of
		 * family 1 with 20 bytes, EVEN-PORT of 2 */
		"000300082112a442000000000000000000000000000d000300000000",
		("0003000c2112a442000000000000000000000000"
		 "001200080003000000000000"),
		("000300182112a442000000000000000000000000"
		 "001200140001000000000000000000000000000000000000"),
		("000300082112a442000000000000000000000000"
		 "0018000200000000"),
	};
	struct stun_msg m;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(wrong); i++) {
		m = parse(load(wrong[i]));
		ck_assert(m.is_malformed);
		ck_assert_uint_eq(m.present, 0);
	}
}
END_TEST

START_TEST(test_wrong_or_misplaced_fingerprint_is_no_message)
{
	struct stun_writer w = begin(STUN_REQUEST, STUN_BINDING);
	struct stun_msg m;
	size_t len;

	stun_write_fingerprint(&w);
	len = end(&w);
	bytes[len - 1] ^= 1;
	ck_assert_int_eq(stun_parse(&m, &stun_rfc, bytes, len),
		EDGE_EMALFORMED);
	w = begin(STUN_REQUEST, STUN_BINDING);
	stun_write_fingerprint(&w);
	stun_write_number(&w, STUN_LIFETIME, 1);
	ck_assert_int_eq(stun_parse(&m, &stun_rfc, bytes, end(&w)),
		EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_writing_beyond_the_room_is_told)
{
	static const uint8_t tid[STUN_TID_LEN];
	struct stun_writer w;
	uint8_t room[40];
	size_t cap;

	for (cap = 0; cap < sizeof(room); cap++) {
		stun_write_begin(&w, &stun_rfc, room, cap, STUN_ERROR,
			STUN_BINDING, tid);
		stun_write_error(&w, 401);
		stun_write_integrity(&w, "key", 3);
		stun_write_fingerprint(&w);
		ck_assert_int_eq(stun_write_end(&w), EDGE_ETOOBIG);
	}
}
END_TEST

START_TEST(test_open_end_announces_value_and_padding)
{
	struct stun_writer w = begin(STUN_INDICATION, STUN_DATA);
	struct stun_msg m;
	size_t pad = 9;
	int len;

	len = stun_write_end_open(&w, STUN_PAYLOAD, 5, &pad);
	ck_assert_int_eq(len, 24);
	ck_assert_uint_eq(pad, 3);
	memcpy(bytes + 24, "hello\0\0\0", 8);
	m = parse(32);
	ck_assert(str_eq_z(stun_bytes(&m, STUN_PAYLOAD), "hello"));
}
END_TEST

/* Random bytes and random damage: nothing is read past the end (the bytes
 * are on the heap, exactly as many as there are). */
START_TEST(test_damaged_messages_are_read_within_their_bounds)
{
	struct stun_msg m;
	struct addr a;
	unsigned i, at, flips;

	for (i = 0; i < 20000; i++) {
		size_t len = load(i % 2 ? REQUEST_2_1 : REQUEST_2_4);
		uint8_t *copy;

		len = rand_below((uint32_t)len + 1);
		for (flips = rand_below(6); flips > 0 && len > 0; flips--) {
			at = rand_below((uint32_t)len);
			bytes[at] = (uint8_t)rand_u32();
		}
		copy = malloc(len > 0 ? len : 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, bytes, len);
		if (len >= 4) {
			copy[2] = (uint8_t)((len - 20) >> 8);
			copy[3] = (uint8_t)(len - 20);
		}
		if (stun_parse(&m, &stun_rfc, copy, len) == 0) {
			(void)!stun_check_integrity(&m, "k", 1);
			(void)!stun_addr_nth(&m, STUN_PEER_ADDRESS, 3, &a);
		}
		free(copy);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stun_msg");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_test(t, test_written_messages_are_read_back);
	tcase_add_test(t, test_all_classes_and_methods_survive);
	tcase_add_test(t, test_error_code_is_read_back_with_its_phrase);
	tcase_add_test(t, test_unknown_required_attributes_are_listed);
	tcase_add_test(t, test_first_attribute_of_a_kind_counts);
	tcase_add_test(t, test_T12_attributes_after_integrity_do_not_count);
	tcase_add_test(t,
		test_T12_repeated_address_after_integrity_does_not_count);
	tcase_add_test(t, test_T15_padding_is_zero);
	tcase_add_test(t, test_wrong_lengths_are_no_messages);
	tcase_add_test(t,
		test_values_of_wrong_shape_are_malformed_not_fatal);
	tcase_add_test(t,
		test_wrong_or_misplaced_fingerprint_is_no_message);
	tcase_add_test(t, test_writing_beyond_the_room_is_told);
	tcase_add_test(t, test_open_end_announces_value_and_padding);
	tcase_add_test(t,
		test_damaged_messages_are_read_within_their_bounds);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
