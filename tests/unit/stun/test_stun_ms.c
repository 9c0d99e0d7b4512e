/* The [MS-TURN] dialect: what is read, refused, passed over and written. */
#include "tests/unit/stun/ms.h"
#include "tests/unit/stun/ms_vectors.h"

static const struct stun_ms_key short_key = {.bytes = "k", .len = 16};

/* The zeros up to 64 are hashed: an integrity without them is wrong. */
START_TEST(test_T12_integrity_covers_the_padding_rule)
{
	struct stun_dialect unpadded = stun_ms;
	struct stun_writer w;
	struct stun_msg m;
	size_t len, n;

	unpadded.integrity_pad = 1;
	for (n = 0; n < 128; n++) {
		w = begin(STUN_MS_SEND);
		memset(rebuilt, 'x', n);
		stun_write_bytes(&w, STUN_PAYLOAD, rebuilt, n);
		w.dialect = &unpadded;
		stun_write_integrity(&w, short_key.bytes, short_key.len);
		len = end(&w);
		m = parse(len);
		ck_assert_int_eq(stun_ms_check(&m, &short_key),
			m.end % 64 == 0 ? 0 : EDGE_EFORGED);
	}
}
END_TEST

START_TEST(test_T12_nothing_after_the_integrity_counts)
{
	struct stun_writer w = begin(STUN_MS_SEND);
	struct stun_msg m;
	struct addr a;

	stun_write_text(&w, STUN_USERNAME, STR_LIT("user"));
	stun_ms_write_integrity(&w, &short_key);
	stun_write_number(&w, STUN_LIFETIME, 0);
	ck_assert_int_eq(addr_parse_z("192.0.2.1", 1, &a), 0);
	stun_write_addr(&w, STUN_DESTINATION, &a);
	stun_write_bytes(&w, STUN_PAYLOAD, "x", 1);
	wbuf_bytes(&w.w, "\x7f\x01\0\0", 4);
	/* a second one, in the other algorithm, and RFC 8489's last word */
	stun_write_integrity_sha256(&w, short_key.bytes, short_key.len);
	wbuf_bytes(&w.w, "\x80\x28\0\4abcd", 8);
	m = parse(end(&w));
	ck_assert(!m.is_malformed);
	ck_assert_uint_eq(m.unknown_count, 0);
	ck_assert(stun_has(&m, STUN_USERNAME));
	ck_assert(!stun_has(&m, STUN_LIFETIME));
	ck_assert(!stun_has(&m, STUN_DESTINATION));
	ck_assert(!stun_has(&m, STUN_PAYLOAD));
	ck_assert(!stun_has(&m, STUN_INTEGRITY_SHA256));
	ck_assert_int_eq(stun_ms_check(&m, &short_key), 0);
}
END_TEST

/* ---- shape ------------------------------------------------------------- */

START_TEST(test_values_of_any_length_follow_each_other_unpadded)
{
	static const char text[] = "0123456789abcdef0123456789abcdef"
				   "0123456789abcdef0123456789abcdef";
	struct stun_writer w;
	struct stun_msg m;
	size_t n, len;

	for (n = 0; n < sizeof(text); n++) {
		w = begin(STUN_MS_SEND);
		stun_write_bytes(&w, STUN_REALM, text, n);
		stun_write_bytes(&w, STUN_USERNAME, text, n + 1 < 56 ?
			n + 1 : 56);
		stun_write_bytes(&w, STUN_PAYLOAD, text, n);
		stun_ms_write_integrity(&w, &short_key);
		len = end(&w);
		m = parse(len);
		ck_assert(!m.is_malformed);
		ck_assert_uint_eq(stun_bytes(&m, STUN_REALM).n, n);
		ck_assert(str_eq(stun_bytes(&m, STUN_PAYLOAD),
			(struct str){text, n}));
		ck_assert(stun_has(&m, STUN_PAYLOAD));
		ck_assert_int_eq(stun_ms_check(&m, &short_key), 0);
	}
}
END_TEST

/* ms-turn 16: around the lengths of the credentials there are, 52 and 56. */
START_TEST(test_user_names_of_51_to_56_bytes_are_read_unpadded)
{
	static const char text[] = "0123456789abcdef0123456789abcdef"
				   "0123456789abcdef01234567";
	struct str user = {text, 51};
	struct stun_writer w;
	struct stun_msg m;
	size_t len;

	for (; user.n < sizeof(text); user.n++) {
		w = begin(STUN_MS_ALLOCATE);
		stun_write_text(&w, STUN_USERNAME, user);
		stun_write_text(&w, STUN_REALM, STR_LIT(MS_REALM));
		stun_ms_write_integrity(&w, &short_key);
		len = end(&w);
		ck_assert_uint_eq(len, 28 + 4 + user.n + 4 + 15 + 24);
		m = parse(len);
		ck_assert(str_eq(stun_bytes(&m, STUN_USERNAME), user));
		ck_assert(str_eq_z(stun_bytes(&m, STUN_REALM), MS_REALM));
		ck_assert_int_eq(stun_ms_check(&m, &short_key), 0);
	}
	ck_assert_uint_eq(user.n, 57);
}
END_TEST

/* A client that pads to 4 is understood as well: the 36-byte nonce as it is,
 * realm and user name of any length. */
START_TEST(test_padded_messages_are_read_too)
{
	struct stun_dialect padded = stun_ms;
	struct stun_writer w;
	struct stun_msg m;
	size_t n;

	padded.value_pad = 4;
	for (n = 1; n <= STUN_MS_TEXT_MAX; n++) {
		w = begin(STUN_MS_ALLOCATE);
		w.dialect = &padded;
		memset(rebuilt, 'r', n);
		stun_write_number(&w, STUN_MS_VERSION, 3);
		stun_write_bytes(&w, STUN_REALM, rebuilt, n);
		stun_write_text(&w, STUN_NONCE, STR_LIT(MS_NONCE));
		stun_write_bytes(&w, STUN_USERNAME, rebuilt, 52);
		stun_ms_write_integrity(&w, &short_key);
		m = parse(end(&w));
		ck_assert(!m.is_malformed);
		ck_assert_uint_eq(stun_bytes(&m, STUN_REALM).n, n);
		ck_assert(str_eq_z(stun_bytes(&m, STUN_NONCE), MS_NONCE));
		ck_assert_int_eq(stun_ms_check(&m, &short_key), 0);
	}
}
END_TEST

START_TEST(test_first_attribute_of_a_kind_counts)
{
	struct stun_writer w = begin(STUN_MS_ALLOCATE);
	struct stun_msg m;
	uint32_t n;

	stun_write_number(&w, STUN_LIFETIME, 1);
	stun_write_number(&w, STUN_LIFETIME, 2);
	stun_write_number(&w, STUN_MS_COOKIE, 3);
	m = parse(end(&w));
	ck_assert_int_eq(stun_number(&m, STUN_LIFETIME, &n), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert(!m.is_malformed);
}
END_TEST

START_TEST(test_unknown_required_attributes_are_listed)
{
	static const uint16_t sent[] = {
		/* nobody's; RFC TURN's that this dialect does not have */
		0x7ffe, 0x0016, 0x0019, 0x001a, 0x0020, 0x0000,
		/* optional: ignored */
		0x8006, 0x8037, 0x8039, 0x8022, 0x8028, 0x8061, 0x8062,
		0x8068, 0xffff,
	};
	struct stun_writer w = begin(STUN_MS_ALLOCATE);
	struct stun_msg m;
	struct str list;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(sent); i++) {
		wbuf_u16(&w.w, sent[i]);
		wbuf_u16(&w.w, 3);
		wbuf_zero(&w.w, 3);
	}
	m = parse(end(&w));
	ck_assert(!m.is_malformed);
	ck_assert_uint_eq(m.unknown_count, 6);
	for (i = 0; i < m.unknown_count; i++)
		ck_assert_uint_eq(m.unknown[i], sent[i]);
	stun_ms_write_begin(&w, rebuilt, sizeof(rebuilt),
		STUN_MS_ALLOCATE_ERROR, m.tid);
	stun_ms_write_error(&w, 420);
	stun_write_unknown(&w, &m);
	ck_assert_int_eq(stun_ms_parse(&m, rebuilt, end(&w)), 0);
	list = stun_bytes(&m, STUN_UNKNOWN_ATTRIBUTES);
	ck_assert_uint_eq(list.n, 12);
	ck_assert_uint_eq(buf_load_u16((const uint8_t *)list.p), 0x7ffe);
}
END_TEST

START_TEST(test_bandwidth_policy_of_any_shape_is_no_error)
{
	struct stun_writer w = begin(STUN_MS_ALLOCATE);
	struct stun_msg m;
	uint16_t type;

	for (type = 0x8056; type <= 0x8068; type++) {
		wbuf_u16(&w.w, type);
		wbuf_u16(&w.w, (uint16_t)(type - 0x8056));
		wbuf_zero(&w.w, type - 0x8056u);
	}
	m = parse(end(&w));
	ck_assert(!m.is_malformed);
	ck_assert_uint_eq(m.unknown_count, 0);
	ck_assert(stun_has(&m, STUN_BWM_ADMISSION));
	ck_assert_uint_eq(stun_bytes(&m, STUN_BWM_LOCAL_RELAY_ANSWER).n, 10);
}
END_TEST

/* [MS-TURN] 2.2.2.10: an unknown family is as if the attribute was absent,
 * a known one of the wrong length is a mistake. */
START_TEST(test_addresses_of_unknown_families_are_passed_over)
{
	static const struct {
		const char *attr;
		bool is_malformed;
	} cases[] = {
		{"001100080007c364c000021e", false},
		{"001100080000c364c000021e", false},
		{"0011000c0003c364c000021e00000000", false},
		{"001100070001c364c00002", true},
		{"0011000c0001c364c000021e00000000", true},
		{"001100080002c364c000021e", true},
		{"00110000", true},
	};
	struct stun_writer w;
	struct stun_msg m;
	uint8_t attr[32];
	size_t i, len;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		len = load_into(attr, sizeof(attr), cases[i].attr);
		w = begin(STUN_MS_SET_DESTINATION);
		wbuf_bytes(&w.w, attr, len);
		m = parse(end(&w));
		ck_assert(!stun_has(&m, STUN_DESTINATION));
		ck_assert_msg(m.is_malformed == cases[i].is_malformed,
			"case %zu", i);
	}
}
END_TEST

START_TEST(test_values_of_wrong_shape_are_malformed_not_fatal)
{
	static const struct {
		uint16_t type;
		uint16_t len;
	} cases[] = {
		{0x000d, 3}, {0x000d, 5}, {0x0010, 8}, {0x0008, 16},
		{0x0008, 21}, {0x0008, 24}, {0x0014, STUN_MS_TEXT_MAX + 1},
		{0x0015, STUN_MS_TEXT_MAX + 1}, {0x8050, 23}, {0x8050, 25},
		{0x8008, 2}, {0x8090, 8}, {0x0009, 3}, {0x0017, 1},
		{0x0006, STUN_USERNAME_MAX + 1},
	};
	struct stun_writer w;
	struct stun_msg m;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		w = begin(STUN_MS_ALLOCATE);
		wbuf_u16(&w.w, cases[i].type);
		wbuf_u16(&w.w, cases[i].len);
		wbuf_zero(&w.w, cases[i].len);
		m = parse(end(&w));
		ck_assert_msg(m.is_malformed, "case %zu", i);
		ck_assert_uint_eq(m.present,
			UINT64_C(1) << STUN_MS_COOKIE);
	}
}
END_TEST

START_TEST(test_what_is_no_message_is_told)
{
	static const char *const wrong[] = {
		"",
		"0003",
		/* no cookie: the initial Allocate of another draft */
		"00030000000102030405060708090a0b0c0d0e0f",
		/* cookie second, cookie's value, cookie's length */
		("00030010000102030405060708090a0b0c0d0e0f"
		 "8008000400000002000f000472c64bc6"),
		"00030008000102030405060708090a0b0c0d0e0f000f000472c64bc7",
		"00030008000102030405060708090a0b0c0d0e0f000f000372c64bc6",
		/* length field short and long; a value beyond the end */
		"00030007000102030405060708090a0b0c0d0e0f000f000472c64bc6",
		"00030009000102030405060708090a0b0c0d0e0f000f000472c64bc6",
		("0003000c000102030405060708090a0b0c0d0e0f000f000472c64bc6"
		 "00130001"),
		("0003000a000102030405060708090a0b0c0d0e0f000f000472c64bc6"
		 "0013"),
		/* types that are not in use */
		"00010008000102030405060708090a0b0c0d0e0f000f000472c64bc6",
		"01040008000102030405060708090a0b0c0d0e0f000f000472c64bc6",
		"01140008000102030405060708090a0b0c0d0e0f000f000472c64bc6",
		"80030008000102030405060708090a0b0c0d0e0f000f000472c64bc6",
		/* RFC 8656's Allocate */
		"000300082112a4428093d995f066734046dbf5f20019000411000000",
	};
	struct stun_msg m;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(wrong); i++)
		ck_assert_msg(stun_ms_parse(&m, bytes, load(wrong[i])) ==
			EDGE_EMALFORMED, "case %zu", i);
}
END_TEST

START_TEST(test_shortened_messages_are_no_messages)
{
	size_t i, len, cut;
	struct stun_msg m;
	uint8_t *copy;

	for (i = 0; i < ARRAY_COUNT(ms_sha1); i++) {
		len = load(ms_sha1[i].message);
		for (cut = 0; cut < len; cut++) {
			copy = malloc(cut + 1);
			ck_assert_ptr_nonnull(copy);
			memcpy(copy, bytes, cut);
			ck_assert_int_eq(stun_ms_parse(&m, copy, cut),
				EDGE_EMALFORMED);
			free(copy);
		}
	}
}
END_TEST

START_TEST(test_cookie_attribute_wins_over_the_rfc_cookie)
{
	size_t len = load("000300082112a4428093d995f066734046dbf5f2"
			  "000f000472c64bc6");

	ck_assert(stun_ms_is_control(bytes, len));
	ck_assert(stun_is_rfc(bytes, len));
}
END_TEST

START_TEST(test_biggest_message_is_read_and_one_byte_more_is_not)
{
	size_t data = UINT16_MAX - STUN_HEADER_LEN - STUN_MS_COOKIE_LEN - 4;
	struct stun_writer w = begin(STUN_MS_DATA);
	struct stun_msg m;

	memset(rebuilt, 'x', sizeof(rebuilt));
	stun_write_bytes(&w, STUN_PAYLOAD, rebuilt, data);
	m = parse(end(&w));
	ck_assert_uint_eq(m.len, UINT16_MAX);
	ck_assert_uint_eq(stun_bytes(&m, STUN_PAYLOAD).n, data);
	w = begin(STUN_MS_DATA);
	stun_write_bytes(&w, STUN_PAYLOAD, rebuilt, data + 1);
	ck_assert_int_eq(stun_write_end(&w), EDGE_ETOOBIG);
}
END_TEST

/* ---- writing ----------------------------------------------------------- */

START_TEST(test_T7_challenge_is_small)
{
	struct stun_writer w = begin(STUN_MS_ALLOCATE_ERROR);
	size_t len;

	stun_write_number(&w, STUN_MS_VERSION, 2);
	stun_ms_write_error(&w, 401);
	stun_write_text(&w, STUN_REALM, STR_LIT(MS_REALM));
	stun_write_text(&w, STUN_NONCE, STR_LIT(MS_NONCE));
	len = end(&w);
	ck_assert_uint_eq(len, 115);
	/* at most three times the 36 bytes asked with, headers counted */
	ck_assert_uint_le(len + 28, 3 * (36 + 28));
}
END_TEST

START_TEST(test_phrases_have_lengths_that_need_no_padding)
{
	static const char *const text[] = {
		"Try Alternate", "No Binding", "Integrity Check Failure",
	};
	static const unsigned of[] = {300, 437, 431};
	struct stun_writer w;
	struct stun_msg m;
	struct str phrase;
	unsigned code, got;
	size_t i;

	for (code = 300; code < 700; code++) {
		w = begin(STUN_MS_ALLOCATE_ERROR);
		stun_ms_write_error(&w, code);
		m = parse(end(&w));
		ck_assert_int_eq(stun_error(&m, &got, &phrase), 0);
		ck_assert_uint_eq(got, code);
		ck_assert_uint_eq(phrase.n % 4, 0);
		ck_assert(str_eq_z(str_trim(phrase), stun_ms_phrase(code)));
	}
	for (i = 0; i < ARRAY_COUNT(of); i++)
		ck_assert_str_eq(stun_ms_phrase(of[i]), text[i]);
}
END_TEST

START_TEST(test_T15_every_byte_is_written)
{
	static const struct stun_ms_number number = {.number = 7};
	struct stun_writer w;
	size_t i, len;

	memset(bytes, 0xee, sizeof(bytes));
	w = begin(STUN_MS_DESTINATION_ERROR);
	stun_ms_write_error(&w, 437);
	stun_ms_write_number(&w, &number);
	len = end(&w);
	for (i = 0; i < len; i++)
		ck_assert_uint_ne(bytes[i], 0xee);
	ck_assert_uint_eq(bytes[len], 0xee);
}
END_TEST

START_TEST(test_writing_beyond_the_room_is_told)
{
	struct stun_writer w;
	uint8_t room[60];
	size_t cap;

	for (cap = 0; cap < sizeof(room); cap++) {
		stun_ms_write_begin(&w, room, cap, STUN_MS_ALLOCATE_ERROR,
			tid);
		stun_ms_write_error(&w, 401);
		stun_ms_write_integrity(&w, &short_key);
		ck_assert_int_eq(stun_write_end(&w), EDGE_ETOOBIG);
	}
}
END_TEST

START_TEST(test_attributes_of_the_other_dialect_are_not_written)
{
	struct stun_writer w = begin(STUN_MS_ALLOCATED);

	stun_write_number(&w, STUN_CHANNEL_NUMBER, 0x4000);
	ck_assert_int_eq(stun_write_end(&w), EDGE_ETOOBIG);
	stun_write_begin(&w, &stun_rfc, bytes, sizeof(bytes), STUN_REQUEST,
		STUN_ALLOCATE, tid);
	stun_write_number(&w, STUN_MS_VERSION, 2);
	ck_assert_int_eq(stun_write_end(&w), EDGE_ETOOBIG);
}
END_TEST

START_TEST(test_version_announced_follows_the_setting)
{
	uint32_t v;

	for (v = 0; v < 8; v++) {
		ck_assert_uint_eq(stun_ms_announced(v, false), 2);
		ck_assert_uint_eq(stun_ms_announced(v, true), v < 3 ? 2 : 3);
	}
	ck_assert_uint_eq(stun_ms_announced(UINT32_MAX, true), 3);
}
END_TEST

START_TEST(test_types_have_names)
{
	ck_assert_str_eq(stun_ms_type_name(STUN_MS_DATA), "Data Indication");
	ck_assert_str_eq(stun_ms_type_name((enum stun_ms_type)1), "unknown");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T12_integrity_covers_the_padding_rule,
		test_T12_nothing_after_the_integrity_counts,
		test_values_of_any_length_follow_each_other_unpadded,
		test_user_names_of_51_to_56_bytes_are_read_unpadded,
		test_padded_messages_are_read_too,
		test_first_attribute_of_a_kind_counts,
		test_unknown_required_attributes_are_listed,
		test_bandwidth_policy_of_any_shape_is_no_error,
		test_addresses_of_unknown_families_are_passed_over,
		test_values_of_wrong_shape_are_malformed_not_fatal,
		test_what_is_no_message_is_told,
		test_shortened_messages_are_no_messages,
		test_cookie_attribute_wins_over_the_rfc_cookie,
		test_biggest_message_is_read_and_one_byte_more_is_not,
		test_T7_challenge_is_small,
		test_phrases_have_lengths_that_need_no_padding,
		test_T15_every_byte_is_written,
		test_writing_beyond_the_room_is_told,
		test_attributes_of_the_other_dialect_are_not_written,
		test_version_announced_follows_the_setting,
		test_types_have_names,
	};

	return ms_suite_run("stun_ms", tests, ARRAY_COUNT(tests));
}
