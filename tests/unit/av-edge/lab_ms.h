/*
 * A client of [MS-TURN] in the lab: its requests the way libnice makes them
 * (realm in double quotes, no padding, version 1), and what comes back.
 */
#ifndef TESTS_AV_EDGE_LAB_MS_H
#define TESTS_AV_EDGE_LAB_MS_H

#include "common/stun/stun_ms.h"
#include "av-edge/turn_ms.h"
#include "tests/unit/av-edge/lab.h"

#define MS_REALM "\"" LAB_REALM "\""

struct ms_client {
	struct lab *lab;
	struct addr at;
	struct av_cred cred;
	struct stun_ms_key key;
	const char *realm; /* as it says it; NULL = never */
	char nonce[NONCE_LEN + 1];
	uint32_t version;
	struct stun_ms_number number; /* of its last request */
	bool counts;
};

struct ms_ask {
	struct ms_client *c;
	uint8_t bytes[2048];
	size_t len;
	struct stun_writer w;
	uint8_t answer[TURN_ANSWER_MAX];
	struct turn_out out;
	struct stun_msg m; /* of the answer */
	unsigned code;     /* 0 = success, 999 = no answer */
	bool is_signed;
};

static inline void ms_make_key(struct ms_client *c, bool sha256)
{
	struct str user = {(const char *)c->cred.user, c->cred.user_len};
	struct str password = {(const char *)c->cred.password,
		sizeof(c->cred.password)};
	struct str realm = str_of(c->realm != NULL ? c->realm : LAB_REALM);

	if (sha256)
		stun_ms_key_sha256(&c->key, user, realm, str_of(c->nonce),
			password);
	else
		stun_ms_key_sha1(&c->key, user, realm, password);
}

/* With a nonce as the server would have given it. */
static inline void ms_client_init(struct ms_client *c, struct lab *lab,
	const char *at, const char *identity)
{
	struct wall end = {wall_now().s + 28800};

	memset(c, 0, sizeof(*c));
	c->lab = lab;
	c->at = lab_addr(at);
	c->realm = MS_REALM;
	c->version = 1;
	c->counts = true;
	lab_must(av_cred_mint(&c->cred, &lab->rules->keys, AV_CRED_V2,
		str_of(identity), end) == 0, "mint");
	nonce_make(&lab->shared.secret, &c->at, lab->turn.now, c->nonce);
	ms_make_key(c, false);
}

static inline void ms_tid(unsigned n, uint8_t out[static STUN_TID_LEN])
{
	memset(out, 0xa5, STUN_TID_LEN);
	buf_store_u32(out + 8, n);
}

static inline void ms_begin(struct ms_ask *ask, struct ms_client *c,
	enum stun_ms_type type, unsigned n)
{
	uint8_t tid[STUN_TID_LEN];

	memset(ask, 0, sizeof(*ask));
	ask->c = c;
	ms_tid(n, tid);
	stun_ms_write_begin(&ask->w, ask->bytes, sizeof(ask->bytes), type,
		tid);
}

static inline void ms_write_user(struct ms_ask *ask)
{
	stun_write_bytes(&ask->w, STUN_USERNAME, ask->c->cred.user,
		ask->c->cred.user_len);
}

/* As an Allocate has it. */
static inline void ms_sign_fully(struct ms_ask *ask)
{
	stun_write_text(&ask->w, STUN_REALM, str_of(ask->c->realm));
	stun_write_text(&ask->w, STUN_NONCE, str_of(ask->c->nonce));
	ms_write_user(ask);
	stun_ms_write_integrity(&ask->w, &ask->c->key);
}

/* As the others have it: with a number in place of the nonce. */
static inline void ms_sign(struct ms_ask *ask)
{
	if (ask->c->counts) {
		ask->c->number.number++;
		stun_ms_write_number(&ask->w, &ask->c->number);
	}
	ms_write_user(ask);
	if (ask->c->realm != NULL)
		stun_write_text(&ask->w, STUN_REALM, str_of(ask->c->realm));
	stun_ms_write_integrity(&ask->w, &ask->c->key);
}

static inline unsigned ms_hear(struct ms_ask *ask, const uint8_t *data,
	size_t len)
{
	const struct addr local = lab_addr(LAB_RELAY ":3478");
	const struct turn_in in = {
		.data = data,
		.len = len,
		.client = &ask->c->at,
		.local = &local,
		.listener = lab_listener(ask->c->lab),
		.side = TOPOLOGY_EXTERNAL,
		.is_stream = ask->c->lab->over_tcp,
	};

	ask->out = (struct turn_out){.answer = ask->answer};
	ask->code = 999;
	ask->is_signed = false;
	turn_ms_handle(&ask->c->lab->turn, &in, &ask->out);
	if (ask->out.answer_len == 0)
		return ask->code;
	lab_must(stun_ms_parse(&ask->m, ask->answer, ask->out.answer_len) ==
		0, "answer can't be read");
	lab_must(!ask->m.is_malformed && ask->m.dialect == &stun_ms,
		"answer is malformed");
	lab_must(memcmp(ask->m.tid, data + 4, STUN_TID_LEN) == 0,
		"answer to something else");
	ask->is_signed = stun_ms_check(&ask->m, &ask->c->key) == 0;
	lab_must(ask->is_signed || (!stun_has(&ask->m, STUN_INTEGRITY) &&
		!stun_has(&ask->m, STUN_INTEGRITY_SHA256)), "signed wrongly");
	ask->code = 0;
	if (stun_has(&ask->m, STUN_ERROR_CODE))
		lab_must(stun_error(&ask->m, &ask->code, NULL) == 0, "code");
	else
		lab_must(ask->is_signed, "success must be signed");
	return ask->code;
}

static inline unsigned ms_send(struct ms_ask *ask)
{
	int len = stun_write_end(&ask->w);

	lab_must(len > 0, "request too long");
	ask->len = (size_t)len;
	return ms_hear(ask, ask->bytes, ask->len);
}

/* The same bytes once more. */
static inline unsigned ms_again(struct ms_ask *ask)
{
	return ms_hear(ask, ask->bytes, ask->len);
}

/* ---- whole requests ---------------------------------------------------- */

/* lifetime_s UINT32_MAX: asks for none. */
static inline unsigned ms_allocate_for(struct ms_ask *ask,
	struct ms_client *c, unsigned n, uint32_t lifetime_s)
{
	struct stun_ms_number number;

	ms_begin(ask, c, STUN_MS_ALLOCATE, n);
	stun_write_number(&ask->w, STUN_MS_VERSION, c->version);
	if (lifetime_s != UINT32_MAX)
		stun_write_number(&ask->w, STUN_LIFETIME, lifetime_s);
	ms_sign_fully(ask);
	if (ms_send(ask) == 0 && stun_ms_number(&ask->m, &number) == 0)
		c->number = number;
	return ask->code;
}

static inline unsigned ms_allocate(struct ms_ask *ask, struct ms_client *c,
	unsigned n)
{
	return ms_allocate_for(ask, c, n, UINT32_MAX);
}

/* peer NULL: no destination. */
static inline unsigned ms_aim(struct ms_ask *ask, struct ms_client *c,
	unsigned n, const char *peer)
{
	struct addr a;

	ms_begin(ask, c, STUN_MS_SET_DESTINATION, n);
	if (peer != NULL) {
		a = lab_addr(peer);
		stun_write_addr(&ask->w, STUN_DESTINATION, &a);
	}
	ms_sign(ask);
	return ms_send(ask);
}

/* True when the relay would send it on. */
static inline bool ms_data(struct ms_ask *ask, struct ms_client *c,
	unsigned n, const char *peer, const char *text)
{
	struct addr a = lab_addr(peer);

	ms_begin(ask, c, STUN_MS_SEND, n);
	stun_write_number(&ask->w, STUN_MS_VERSION, c->version);
	stun_write_addr(&ask->w, STUN_DESTINATION, &a);
	stun_write_text(&ask->w, STUN_PAYLOAD, str_of(text));
	ms_sign(ask);
	lab_must(ms_send(ask) == 999, "Send was answered");
	return ask->out.from != NULL && addr_eq(&ask->out.peer, &a) &&
	    str_eq_z(ask->out.payload, text);
}

static inline struct alloc *ms_alloc(const struct ms_client *c)
{
	return alloc_find(&c->lab->turn.allocs, lab_listener(c->lab),
		&c->at);
}

#endif
