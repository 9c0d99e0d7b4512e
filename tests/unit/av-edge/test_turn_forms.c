/*
 * The three forms of credentials and their one check: base64 text and
 * "expiry:user" in RFC 8656, raw bytes in [MS-TURN]; and the choice of
 * algorithms that RFC 8489 adds (R10, R16, T22).
 */
#include "common/stun/stun_password.h"
#include "tests/unit/av-edge/lab_ms.h"
#include "tests/unit/av-edge/suite.h"

#define ALICE  "203.0.113.7:4000"
#define SECRET "north-sea-lighthouse-keeps-burning-7411"
#define OTHER  "another-very-different-secret-of-9-words"
#define HOUR   INT64_C(3600)

static struct lab lab;
static struct lab_ask ask;

static void add_secret(const char *text)
{
	struct rest_ring *ring = &lab.rules->rest;
	struct rest_secret *s = &ring->secrets[ring->count++];

	s->len = strlen(text);
	memcpy(s->bytes, text, s->len);
}

static void setup(void)
{
	lab_init(&lab, 64);
	add_secret(SECRET);
}

static void teardown(void)
{
	lab_check(&lab);
	lab_fini(&lab);
}

/* What a web application hands out. */
static struct lab_cred rest_user(const char *secret, int64_t lives_s,
	const char *name)
{
	struct rest_secret s = {.len = strlen(secret)};
	struct lab_cred c;

	memcpy(s.bytes, secret, s.len);
	snprintf(c.user, sizeof(c.user), "%lld:%s",
		(long long)(wall_now().s + lives_s), name);
	rest_password(&s, str_of(c.user), c.password);
	stun_key(str_of(c.user), STR_LIT(LAB_REALM), str_of(c.password),
		c.key);
	return c;
}

static unsigned allocate(const char *client, const struct lab_cred *cred)
{
	return lab_allocate(&ask, &lab, client, cred, 1);
}

/* Exactly this cause was counted since the last look, once. */
static void assert_cause(enum av_counter id)
{
	int i;

	for (i = AV_AUTH_CHALLENGED; i <= AV_AUTH_NO_KEY; i++) {
		ck_assert_uint_eq(stats_get(&lab.turn.stats, (size_t)i),
			i == (int)id);
		atomic_store(&lab.turn.stats.values[i], 0);
	}
}

/* ---- the same for all of them ------------------------------------------- */

enum form {
	FORM_TEXT,
	FORM_REST,
	FORM_BYTES,
	FORM_COUNT,
};

struct holder {
	enum form form;
	struct lab_cred cred;
	struct ms_client ms;
};

static void issue(struct holder *h, enum form form)
{
	memset(h, 0, sizeof(*h));
	h->form = form;
	switch (form) {
	case FORM_TEXT:
		h->cred = lab_user(&lab, "sip:alice@contoso.test");
		break;
	case FORM_REST:
		h->cred = rest_user(SECRET, 8 * HOUR, "alice");
		break;
	case FORM_BYTES:
		ms_client_init(&h->ms, &lab, ALICE, "sip:alice@contoso.test");
		break;
	case FORM_COUNT:
		break;
	}
}

/* Allocate, or refresh what it has there. */
static unsigned make(struct holder *h, const char *client, unsigned n)
{
	struct ms_ask ms;

	if (h->form != FORM_BYTES)
		return lab_allocate(&ask, &lab, client, &h->cred, n);
	h->ms.at = lab_addr(client);
	nonce_make(&lab.shared.secret, &h->ms.at, lab.turn.now, h->ms.nonce);
	ms_make_key(&h->ms, false);
	return ms_allocate(&ms, &h->ms, n);
}

static unsigned keep(struct holder *h, const char *client, unsigned n)
{
	if (h->form == FORM_BYTES)
		return make(h, client, n);
	return lab_refresh(&ask, &lab, client, &h->cred, 3600);
}

static void keep_for(struct holder *h, const char *client, int64_t seconds)
{
	static unsigned n = 1000;

	for (; seconds > 0; seconds -= 500) {
		ck_assert_uint_eq(keep(h, client, n++), 0);
		lab_advance(&lab, (seconds < 500 ? seconds : 500) * 1000);
	}
}

/* T22: works at 7 h 59 min, makes nothing new after 8 h, and a running call
 * goes on. */
START_TEST(test_T22_eight_hours_and_the_call_that_goes_on)
{
	static const char running[] = "203.0.113.7:4001";
	struct holder h;
	int form;

	for (form = 0; form < FORM_COUNT; form++) {
		issue(&h, (enum form)form);
		ck_assert_uint_eq(make(&h, ALICE, 1), 0);
		ck_assert_uint_eq(keep(&h, ALICE, 2), 0);
		lab_advance(&lab, (7 * HOUR + 59 * 60) * 1000);
		ck_assert_uint_eq(make(&h, running, 3), 0);
		keep_for(&h, running, 60);
		ck_assert_uint_eq(make(&h, ALICE, 4),
			form == FORM_BYTES ? 436 : 401);
		assert_cause(AV_AUTH_EXPIRED);
		keep_for(&h, running, HOUR);
		ck_assert_ptr_nonnull(lab_alloc(&lab, running));
		lab_advance(&lab, 24 * HOUR * 1000);
		ck_assert_ptr_null(lab_alloc(&lab, running));
	}
}
END_TEST

/* R16: limits are the user's, whatever it is called in a form. */
START_TEST(test_R16_limits_hold_in_each_form)
{
	char client[32];
	struct holder h;
	unsigned i;
	int form;

	lab.rules->allocations_per_user = 3;
	for (form = 0; form < FORM_COUNT; form++) {
		issue(&h, (enum form)form);
		for (i = 0; i <= 3; i++) {
			snprintf(client, sizeof(client), "203.0.113.%d:%u",
				20 + form, 2000 + i);
			ck_assert_uint_eq(make(&h, client, i),
				/* text and bytes are one identity */
				i == 3 || form == FORM_BYTES ? 486 : 0);
		}
	}
	lab.rules->allocations_per_user = 48;
	lab.rules->allocations_per_credential = 1;
	issue(&h, FORM_REST);
	ck_assert_uint_eq(make(&h, "203.0.113.30:1", 1), 486);
	h.cred = rest_user(SECRET, 7 * HOUR, "alice");
	ck_assert_uint_eq(make(&h, "203.0.113.30:1", 1), 0);
	ck_assert_uint_eq(make(&h, "203.0.113.30:2", 1), 486);
}
END_TEST

/* ---- "expiry:user" ------------------------------------------------------- */

START_TEST(test_rest_credentials_are_off_without_a_secret)
{
	struct lab_cred c = rest_user(SECRET, HOUR, "alice");

	lab.rules->rest.count = 0;
	ck_assert_uint_eq(allocate(ALICE, &c), 401);
	assert_cause(AV_AUTH_REST_OFF);
}
END_TEST

START_TEST(test_rest_credentials_of_either_secret_count)
{
	struct lab_cred old = rest_user(SECRET, HOUR, "alice");
	struct lab_cred new = rest_user(OTHER, HOUR, "alice");

	ck_assert_uint_eq(allocate("203.0.113.7:1", &new), 401);
	assert_cause(AV_AUTH_BAD_INTEGRITY);
	add_secret(OTHER);
	ck_assert_uint_eq(allocate("203.0.113.7:1", &new), 0);
	ck_assert_uint_eq(allocate("203.0.113.7:2", &old), 0);
	ck_assert_int_eq(stun_check_integrity(&ask.m, old.key,
		sizeof(old.key)), 0);
	/* The old one goes: its calls stay. */
	lab.rules->rest.secrets[0] = lab.rules->rest.secrets[1];
	lab.rules->rest.count = 1;
	ck_assert_uint_eq(lab_refresh(&ask, &lab, "203.0.113.7:2", &old, 600),
		0);
	ck_assert_uint_eq(allocate("203.0.113.7:3", &old), 401);
}
END_TEST

START_TEST(test_R10_rest_refusals_have_causes_of_their_own)
{
	struct lab_cred c;

	c = rest_user(SECRET, -1, "alice");
	ck_assert_uint_eq(allocate(ALICE, &c), 401);
	ck_assert(stun_has(&ask.m, STUN_NONCE));
	assert_cause(AV_AUTH_EXPIRED);
	c = rest_user(SECRET, 24 * HOUR + 301, "alice");
	ck_assert_uint_eq(allocate(ALICE, &c), 401);
	assert_cause(AV_AUTH_TOO_LONG);
	/* An end that nobody with the secret wrote is no end. */
	c = rest_user(OTHER, -1, "alice");
	ck_assert_uint_eq(allocate(ALICE, &c), 401);
	assert_cause(AV_AUTH_BAD_INTEGRITY);
	stun_key(str_of(c.user), STR_LIT("else.test"), str_of(c.password),
		c.key);
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	lab_sign_with(&ask, &c, "else.test", "x");
	ck_assert_uint_eq(lab_send(&ask), 401);
	assert_cause(AV_AUTH_WRONG_REALM);
}
END_TEST

START_TEST(test_rest_credential_ends_on_time)
{
	struct lab_cred c = rest_user(SECRET, 60, "alice");

	lab_advance(&lab, 59000);
	ck_assert_uint_eq(allocate("203.0.113.7:1", &c), 0);
	lab_advance(&lab, 1000);
	ck_assert_uint_eq(allocate("203.0.113.7:2", &c), 401);
	lab.rules->credential_skew_s = 10;
	ck_assert_uint_eq(allocate("203.0.113.7:2", &c), 0);
	lab.rules->rest_max_s = 60;
	c = rest_user(SECRET, 361, "alice");
	ck_assert_uint_eq(allocate("203.0.113.7:3", &c), 401);
}
END_TEST

START_TEST(test_T11_rest_user_can_not_touch_anothers_allocation)
{
	struct lab_cred a = rest_user(SECRET, HOUR, "alice");
	struct lab_cred b = rest_user(SECRET, HOUR, "bob");

	ck_assert_uint_eq(allocate(ALICE, &a), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &b, 0), 441);
	ck_assert_uint_eq(allocate(ALICE, &b), 437);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &a, 0), 0);
}
END_TEST

/* R10: minted by a clock far ahead, or looked at by one far behind. */
START_TEST(test_R10_clock_that_is_wrong_has_a_cause)
{
	struct lab_cred c = lab_cred_for(&lab.rules->keys, "sip:a@x.test",
		8 * HOUR + 299);

	ck_assert_uint_eq(allocate(ALICE, &c), 0);
	c = lab_cred_for(&lab.rules->keys, "sip:a@x.test", 8 * HOUR + 301);
	ck_assert_uint_eq(allocate("203.0.113.7:2", &c), 401);
	assert_cause(AV_AUTH_TOO_LONG);
}
END_TEST

/* ---- algorithms ---------------------------------------------------------- */

/* Challenge, then Allocate with what the challenge gave and this change. */
static void challenge(char nonce[static NONCE_OFFER_LEN + 1])
{
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	ck_assert_uint_eq(lab_send(&ask), 401);
	ck_assert_int_eq(str_copy(stun_bytes(&ask.m, STUN_NONCE), nonce,
		NONCE_OFFER_LEN + 1), 0);
	assert_cause(AV_AUTH_CHALLENGED);
}

static unsigned answer(const struct lab_cred *c, const char *nonce,
	enum stun_algorithm algorithm, bool sha256)
{
	uint8_t key[STUN_PASSWORD_KEY_MAX];
	size_t len = stun_password_key(algorithm, str_of(c->user),
		STR_LIT(LAB_REALM), str_of(c->password), key);

	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 2);
	lab_write_transport(&ask, 17);
	stun_write_text(&ask.w, STUN_USERNAME, str_of(c->user));
	stun_write_text(&ask.w, STUN_REALM, STR_LIT(LAB_REALM));
	stun_write_text(&ask.w, STUN_NONCE, str_of(nonce));
	stun_password_write_choice(&ask.w, algorithm);
	if (sha256)
		stun_write_integrity_sha256(&ask.w, key, len);
	else
		stun_write_integrity(&ask.w, key, len);
	if (lab_send(&ask) == 0)
		ck_assert_int_eq(stun_check_integrity(&ask.m, key, len), 0);
	return ask.code;
}

START_TEST(test_challenge_offers_algorithms_and_says_so_in_the_nonce)
{
	static const uint8_t offer[] = {0, 2, 0, 0, 0, 1, 0, 0};
	char nonce[NONCE_OFFER_LEN + 1];

	challenge(nonce);
	ck_assert_int_eq(strncmp(nonce, "obMatJos2gAAA", 13), 0);
	ck_assert_uint_eq(stun_bytes(&ask.m, STUN_PASSWORD_ALGORITHMS).n,
		sizeof(offer));
	ck_assert_mem_eq(stun_bytes(&ask.m, STUN_PASSWORD_ALGORITHMS).p,
		offer, sizeof(offer));
}
END_TEST

START_TEST(test_each_algorithm_with_each_integrity)
{
	struct lab_cred c = lab_user(&lab, "sip:alice@contoso.test");
	char nonce[NONCE_OFFER_LEN + 1];
	int i;

	for (i = 0; i < 4; i++) {
		challenge(nonce);
		ck_assert_uint_eq(answer(&c, nonce, i & 1 ? STUN_SHA256 :
			STUN_MD5, i & 2), 0);
		ck_assert(stun_has(&ask.m, i & 2 ? STUN_INTEGRITY_SHA256 :
			STUN_INTEGRITY));
		/* The answer was lost: the same key, kept or made anew. */
		ck_assert_uint_eq(answer(&c, nonce, i & 1 ? STUN_SHA256 :
			STUN_MD5, i & 2), 0);
		turn_end(&lab.turn, lab_alloc(&lab, ALICE),
			ALLOC_END_CLOSED);
	}
}
END_TEST

START_TEST(test_kept_key_is_used_with_its_own_algorithm_alone)
{
	struct lab_cred c = lab_cred_for(&lab.rules->keys, "sip:a@x.test", 60);
	char nonce[NONCE_OFFER_LEN + 1];

	challenge(nonce);
	ck_assert_uint_eq(answer(&c, nonce, STUN_SHA256, true), 0);
	lab_advance(&lab, 61000);
	/* same transaction: the answer once more */
	ck_assert_uint_eq(answer(&c, nonce, STUN_SHA256, true), 0);
	ck_assert_uint_eq(answer(&c, nonce, STUN_MD5, true), 401);
	assert_cause(AV_AUTH_EXPIRED);
}
END_TEST

/* RFC 8489 9.2.4: an offer that somebody on the way made weaker. */
START_TEST(test_bidding_down_is_400)
{
	static const char weaker[] = "\0\1\0\0";
	struct lab_cred c = lab_user(&lab, "sip:alice@contoso.test");
	char nonce[NONCE_OFFER_LEN + 1];

	challenge(nonce);
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 2);
	lab_write_transport(&ask, 17);
	stun_write_bytes(&ask.w, STUN_PASSWORD_ALGORITHMS, weaker, 4);
	stun_write_bytes(&ask.w, STUN_PASSWORD_ALGORITHM, weaker, 4);
	lab_sign_with(&ask, &c, LAB_REALM, nonce);
	ck_assert_uint_eq(lab_send(&ask), 400);
	assert_cause(AV_AUTH_ALGORITHMS);
}
END_TEST

START_TEST(test_cookie_can_not_be_taken_off_or_put_on)
{
	struct lab_cred c = lab_user(&lab, "sip:alice@contoso.test");
	char nonce[NONCE_OFFER_LEN + 1], other[NONCE_OFFER_LEN + 1];

	challenge(nonce);
	ck_assert_uint_eq(answer(&c, nonce + NONCE_COOKIE_LEN, STUN_MD5,
		false), 438);
	nonce_make(&lab.shared.secret, &ask.client, lab.turn.now, other);
	memmove(other + NONCE_COOKIE_LEN, other, NONCE_LEN + 1);
	memcpy(other, NONCE_COOKIE, NONCE_COOKIE_LEN);
	ck_assert_uint_eq(answer(&c, other, STUN_MD5, false), 438);
}
END_TEST

START_TEST(test_cut_integrity_is_none)
{
	struct lab_cred c = lab_user(&lab, "sip:alice@contoso.test");
	char nonce[NONCE_OFFER_LEN + 1];
	uint8_t mac[16], head[4];
	struct digest_part parts[2];
	uint8_t whole[DIGEST_SHA256_LEN];

	challenge(nonce);
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 2);
	lab_write_transport(&ask, 17);
	stun_write_text(&ask.w, STUN_USERNAME, str_of(c.user));
	stun_write_text(&ask.w, STUN_REALM, STR_LIT(LAB_REALM));
	stun_write_text(&ask.w, STUN_NONCE, str_of(nonce));
	memcpy(head, ask.bytes, 2);
	buf_store_u16(head + 2, (uint16_t)(ask.w.w.len - STUN_HEADER_LEN +
		20));
	parts[0] = (struct digest_part){head, 4};
	parts[1] = (struct digest_part){ask.bytes + 4, ask.w.w.len - 4};
	digest_hmac_sha256(c.key, sizeof(c.key), parts, 2, whole);
	memcpy(mac, whole, sizeof(mac));
	stun_write_bytes(&ask.w, STUN_INTEGRITY_SHA256, mac, sizeof(mac));
	ck_assert_uint_eq(lab_send(&ask), 401);
}
END_TEST

/* T7: with a long realm the challenge goes without the offer. */
START_TEST(test_T7_long_realm_costs_the_offer_not_the_challenge)
{
	memset(lab.rules->realm, 'r', 60);
	lab.rules->realm[60] = '\0';
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	ck_assert_uint_eq(lab_send(&ask), 401);
	ck_assert_uint_eq(stun_bytes(&ask.m, STUN_NONCE).n, NONCE_LEN);
	ck_assert(!stun_has(&ask.m, STUN_PASSWORD_ALGORITHMS));
	ck_assert_uint_le(ask.out.answer_len + 28, 3 * (28 + 28));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T22_eight_hours_and_the_call_that_goes_on,
		test_R16_limits_hold_in_each_form,
		test_rest_credentials_are_off_without_a_secret,
		test_rest_credentials_of_either_secret_count,
		test_R10_rest_refusals_have_causes_of_their_own,
		test_rest_credential_ends_on_time,
		test_T11_rest_user_can_not_touch_anothers_allocation,
		test_R10_clock_that_is_wrong_has_a_cause,
		test_challenge_offers_algorithms_and_says_so_in_the_nonce,
		test_each_algorithm_with_each_integrity,
		test_kept_key_is_used_with_its_own_algorithm_alone,
		test_bidding_down_is_400,
		test_cookie_can_not_be_taken_off_or_put_on,
		test_cut_integrity_is_none,
		test_T7_long_realm_costs_the_offer_not_the_challenge,
	};

	return suite_run("turn_forms", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
