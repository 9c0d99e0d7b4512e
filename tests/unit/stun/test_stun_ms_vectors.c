/* The [MS-TURN] dialect: known messages and keys, both ways. */
#include "tests/unit/stun/ms.h"
#include "tests/unit/stun/ms_vectors.h"

struct seen {
	enum stun_attr attr;
	size_t at;
};

/* The attributes of a message in the order they have on the wire. */
static size_t in_order(const struct stun_msg *m, struct seen *seen)
{
	size_t count = 0, i, j;

	for (i = 0; i < STUN_ATTR_COUNT; i++) {
		if (!stun_has(m, (enum stun_attr)i))
			continue;
		for (j = count; j > 0 && seen[j - 1].at > m->at[i]; j--)
			seen[j] = seen[j - 1];
		seen[j] = (struct seen){(enum stun_attr)i, m->at[i]};
		count++;
	}
	return count;
}

static void write_value(struct stun_writer *w, const struct stun_msg *m,
	enum stun_attr attr, const struct stun_ms_key *key)
{
	struct stun_ms_number number;
	struct addr a;
	uint32_t n;
	unsigned code;

	if (attr == STUN_MS_COOKIE) {
		/* written by stun_ms_write_begin() */
	} else if (attr == STUN_INTEGRITY || attr == STUN_INTEGRITY_SHA256) {
		stun_ms_write_integrity(w, key);
	} else if (attr == STUN_MS_SEQUENCE) {
		ck_assert_int_eq(stun_ms_number(m, &number), 0);
		stun_ms_write_number(w, &number);
	} else if (attr == STUN_ERROR_CODE) {
		ck_assert_int_eq(stun_error(m, &code, NULL), 0);
		stun_ms_write_error(w, code);
	} else if (m->dialect->rows[attr].kind == STUN_KIND_NUMBER) {
		ck_assert_int_eq(stun_number(m, attr, &n), 0);
		stun_write_number(w, attr, n);
	} else if (m->dialect->rows[attr].kind != STUN_KIND_BYTES) {
		ck_assert_int_eq(stun_addr(m, attr, &a), 0);
		stun_write_addr(w, attr, &a);
	} else {
		stun_write_text(w, attr, stun_bytes(m, attr));
	}
}

static void assert_rebuilt(const struct stun_msg *m,
	const struct stun_ms_key *key)
{
	struct seen seen[STUN_ATTR_COUNT];
	size_t count = in_order(m, seen), i;
	struct stun_writer w;

	ck_assert_int_eq(seen[0].attr, STUN_MS_COOKIE);
	memset(rebuilt, 0xee, sizeof(rebuilt));
	stun_ms_write_begin(&w, rebuilt, sizeof(rebuilt), stun_ms_type(m),
		m->tid);
	for (i = 0; i < count; i++)
		write_value(&w, m, seen[i].attr, key);
	ck_assert_int_eq(stun_write_end(&w), (int)m->len);
	ck_assert_mem_eq(rebuilt, m->data, m->len);
}

static void assert_vector(const struct ms_vector *v,
	const struct stun_ms_key *key)
{
	size_t len = load(v->message);
	struct stun_msg m = parse(len);
	uint8_t want[DIGEST_SHA256_LEN];

	ck_assert_msg(!m.is_malformed, "%s", v->name);
	ck_assert_uint_eq(m.unknown_count, 0);
	if (v->integrity == NULL) {
		ck_assert_int_eq(stun_ms_check(&m, key), -ENOENT);
	} else {
		ck_assert_msg(stun_ms_check(&m, key) == 0, "%s", v->name);
		ck_assert_uint_eq(load_into(want, sizeof(want),
					  v->integrity) + m.end + 4, len);
		ck_assert_mem_eq(want, bytes + m.end + 4, len - m.end - 4);
	}
	assert_rebuilt(&m, key);
}

/* Each bit that is covered counts, and so does each of the integrity. */
static void assert_sealed(const struct ms_vector *v,
	const struct stun_ms_key *key)
{
	size_t len = load(v->message), bit;
	struct stun_msg m;

	for (bit = 0; v->integrity != NULL && bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (stun_ms_parse(&m, bytes, len) == 0)
			ck_assert_int_ne(stun_ms_check(&m, key), 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

START_TEST(test_messages_with_sha1_are_read_and_rebuilt)
{
	struct stun_ms_key key = key_of(MS_KEY_SHA1);
	size_t i;

	for (i = 0; i < ARRAY_COUNT(ms_sha1); i++) {
		assert_vector(&ms_sha1[i], &key);
		assert_sealed(&ms_sha1[i], &key);
	}
}
END_TEST

START_TEST(test_messages_with_sha256_are_read_and_rebuilt)
{
	struct stun_ms_key key = key_of(MS_KEY_SHA256);
	size_t i;

	for (i = 0; i < ARRAY_COUNT(ms_sha256); i++) {
		assert_vector(&ms_sha256[i], &key);
		assert_sealed(&ms_sha256[i], &key);
	}
}
END_TEST

START_TEST(test_messages_of_libnice_are_read_and_rebuilt)
{
	struct stun_ms_key key = key_of(NICE_KEY), made;
	uint8_t user[16];
	size_t i;

	load_into(user, sizeof(user), NICE_USER);
	stun_ms_key_sha1(&made, (struct str){(char *)user, sizeof(user)},
		STR_LIT(NICE_REALM), STR_LIT(NICE_PASSWORD));
	ck_assert_uint_eq(made.len, key.len);
	ck_assert_mem_eq(made.bytes, key.bytes, key.len);
	for (i = 0; i < ARRAY_COUNT(ms_libnice); i++)
		assert_vector(&ms_libnice[i], &key);
}
END_TEST

START_TEST(test_values_of_the_vectors_are_understood)
{
	struct stun_msg m = parse(load(ms_sha1[1].message));
	struct stun_ms_number number;
	struct str phrase;
	unsigned code;
	uint32_t n;

	ck_assert_int_eq(stun_ms_type(&m), STUN_MS_ALLOCATE_ERROR);
	ck_assert_int_eq(stun_error(&m, &code, &phrase), 0);
	ck_assert_uint_eq(code, 401);
	ck_assert(str_eq_z(phrase, "Unauthorized"));
	ck_assert(str_eq_z(stun_bytes(&m, STUN_REALM), MS_REALM));
	ck_assert(str_eq_z(stun_bytes(&m, STUN_NONCE), MS_NONCE));
	ck_assert_uint_eq(stun_ms_version(&m), 2);

	m = parse(load(ms_sha1[3].message));
	ck_assert_int_eq(stun_ms_type(&m), STUN_MS_ALLOCATED);
	assert_addr(&m, STUN_RELAYED_ADDRESS, "198.51.100.10:51234");
	assert_addr(&m, STUN_XOR_MAPPED_ADDRESS, "203.0.113.7:40000");
	ck_assert_int_eq(stun_number(&m, STUN_LIFETIME, &n), 0);
	ck_assert_uint_eq(n, 600);
	ck_assert_int_eq(stun_ms_number(&m, &number), 0);
	ck_assert_uint_eq(number.number, 0);

	m = parse(load(ms_sha1[4].message));
	ck_assert_int_eq(stun_ms_type(&m), STUN_MS_SEND);
	assert_addr(&m, STUN_DESTINATION, "192.0.2.30:50020");
	ck_assert(str_eq_z(stun_bytes(&m, STUN_PAYLOAD), "probe payload"));
	ck_assert(!stun_has(&m, STUN_REALM) && !stun_has(&m, STUN_NONCE));

	m = parse(load(ms_sha1[5].message));
	ck_assert_int_eq(stun_ms_type(&m), STUN_MS_DATA);
	assert_addr(&m, STUN_PEER_ADDRESS, "192.0.2.30:50020");
	ck_assert_uint_eq(stun_ms_version(&m), 0);
}
END_TEST

START_TEST(test_client_address_is_masked_with_the_transaction_id)
{
	static const struct {
		const char *addr;
		const char *value;
	} cases[] = {
		{"203.0.113.7:40000", "00019c41cb017304"},
		{"[2001:db8::7]:40000",
			"00029c4120000fbb0405060708090a0b0c0d0e08"},
	};
	struct stun_writer w;
	struct stun_msg m;
	struct addr a;
	uint8_t want[20];
	size_t i, len;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		w = begin(STUN_MS_ALLOCATED);
		ck_assert_int_eq(addr_parse(str_of(cases[i].addr), &a), 0);
		stun_write_addr(&w, STUN_XOR_MAPPED_ADDRESS, &a);
		m = parse(end(&w));
		len = load_into(want, sizeof(want), cases[i].value);
		ck_assert_uint_eq(m.size[STUN_XOR_MAPPED_ADDRESS], len);
		ck_assert_mem_eq(m.data + m.at[STUN_XOR_MAPPED_ADDRESS],
			want, len);
		assert_addr(&m, STUN_XOR_MAPPED_ADDRESS, cases[i].addr);
	}
}
END_TEST

/* ---- keys -------------------------------------------------------------- */

static struct str raw(uint8_t *room, size_t cap, const char *hex)
{
	return (struct str){(char *)room, load_into(room, cap, hex)};
}

START_TEST(test_keys_are_made_of_raw_bytes)
{
	uint8_t user[64], password[20];
	struct stun_ms_key key, want;

	stun_ms_key_sha1(&key, raw(user, sizeof(user), MS_USER),
		STR_LIT(MS_REALM), raw(password, sizeof(password),
		MS_PASSWORD));
	want = key_of(MS_KEY_SHA1);
	ck_assert_uint_eq(key.len, 16);
	ck_assert_mem_eq(key.bytes, want.bytes, key.len);
	stun_ms_key_sha256(&key, raw(user, sizeof(user), MS_USER),
		STR_LIT(MS_REALM), STR_LIT(MS_NONCE),
		raw(password, sizeof(password), MS_PASSWORD));
	want = key_of(MS_KEY_SHA256);
	ck_assert_uint_eq(key.len, 32);
	ck_assert_mem_eq(key.bytes, want.bytes, key.len);
}
END_TEST

/* libnice trims it, and has another key: why av-auth hands out none. */
START_TEST(test_user_names_that_end_in_a_quote_are_not_trimmed)
{
	struct stun_ms_key key, want = key_of(MS_HAZARD_KEY);
	uint8_t user_room[64], password_room[20];
	struct str user = raw(user_room, sizeof(user_room), MS_HAZARD_USER);
	struct str password = raw(password_room, sizeof(password_room),
		MS_HAZARD_PASSWORD);

	stun_ms_key_sha1(&key, user, STR_LIT(MS_REALM), password);
	ck_assert_mem_eq(key.bytes, want.bytes, want.len);
	user.n--;
	want = key_of(MS_HAZARD_KEY_TRIMMED);
	stun_ms_key_sha1(&key, user, STR_LIT(MS_REALM), password);
	ck_assert_mem_eq(key.bytes, want.bytes, want.len);
}
END_TEST

START_TEST(test_key_with_sha256_agrees_with_another_implementation)
{
	struct stun_ms_key key, want = key_of(MS_CROSS_KEY);
	struct stun_msg m = parse(load(MS_CROSS_MESSAGE));

	stun_ms_key_sha256(&key, STR_LIT("user"), STR_LIT("realm"),
		STR_LIT("nonce"), STR_LIT("pass"));
	ck_assert_mem_eq(key.bytes, want.bytes, sizeof(key.bytes));
	ck_assert_int_eq(stun_ms_check(&m, &key), 0);
	assert_rebuilt(&m, &key);
}
END_TEST

START_TEST(test_quotes_around_the_realm_are_not_part_of_it)
{
	static const struct {
		const char *wire;
		const char *bare;
	} cases[] = {
		{"\"contoso.test\"", "contoso.test"},
		{"contoso.test", "contoso.test"},
		{"\"contoso.test", "\"contoso.test"},
		{"contoso.test\"", "contoso.test\""},
		{"\"\"", ""}, {"\"", "\""}, {"", ""},
	};
	struct stun_ms_key quoted, bare;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++)
		ck_assert(str_eq_z(stun_ms_bare_realm(str_of(cases[i].wire)),
			cases[i].bare));
	stun_ms_key_sha256(&quoted, STR_LIT("u"), STR_LIT("\"r\""),
		STR_LIT("n"), STR_LIT("p"));
	stun_ms_key_sha256(&bare, STR_LIT("u"), STR_LIT("r"), STR_LIT("n"),
		STR_LIT("p"));
	ck_assert_mem_eq(quoted.bytes, bare.bytes, sizeof(bare.bytes));
}
END_TEST

START_TEST(test_empty_parts_make_a_key_too)
{
	const struct str none = {NULL, 0};
	struct stun_ms_key key;

	stun_ms_key_sha1(&key, none, none, none);
	ck_assert_uint_eq(key.len, 16);
	stun_ms_key_sha256(&key, none, none, none, none);
	ck_assert_uint_eq(key.len, 32);
}
END_TEST

/* Also when it was made with the right key: which algorithm it is was agreed
 * on before. */
START_TEST(test_integrity_of_the_other_algorithm_is_forged)
{
	struct stun_ms_key sha1 = key_of(MS_KEY_SHA1);
	struct stun_ms_key sha256 = key_of(MS_KEY_SHA256);
	struct stun_writer w = begin(STUN_MS_SEND);
	struct stun_msg m;

	stun_write_integrity_sha256(&w, sha1.bytes, sha1.len);
	m = parse(end(&w));
	ck_assert_int_eq(stun_ms_check(&m, &sha1), EDGE_EFORGED);
	w = begin(STUN_MS_SEND);
	stun_write_integrity(&w, sha256.bytes, sha256.len);
	m = parse(end(&w));
	ck_assert_int_eq(stun_ms_check(&m, &sha256), EDGE_EFORGED);
	m = parse(load(ms_sha256[0].message));
	ck_assert_int_eq(stun_ms_check(&m, &sha256), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_messages_with_sha1_are_read_and_rebuilt,
		test_messages_with_sha256_are_read_and_rebuilt,
		test_messages_of_libnice_are_read_and_rebuilt,
		test_values_of_the_vectors_are_understood,
		test_client_address_is_masked_with_the_transaction_id,
		test_keys_are_made_of_raw_bytes,
		test_user_names_that_end_in_a_quote_are_not_trimmed,
		test_key_with_sha256_agrees_with_another_implementation,
		test_quotes_around_the_realm_are_not_part_of_it,
		test_empty_parts_make_a_key_too,
		test_integrity_of_the_other_algorithm_is_forged,
	};

	return ms_suite_run("stun_ms_vectors", tests, ARRAY_COUNT(tests));
}
