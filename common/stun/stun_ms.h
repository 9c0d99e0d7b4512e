/*
 * The [MS-TURN] dialect of STUN messages (docs/protocol/ms-turn.md): its
 * table of attributes for stun_msg.h, and what no RFC message has: a cookie
 * attribute in front, versions, sequence numbers, its own keys. No sockets,
 * no clock, no state.
 *
 * A client's message: stun_ms_parse(), then stun_bytes(), stun_number(),
 * stun_addr() as with any dialect, then stun_ms_check(). An answer:
 * stun_ms_write_begin(), stun_write_*(), stun_ms_write_integrity() last,
 * stun_write_end().
 *
 * Names by meaning: STUN_RELAYED_ADDRESS is MAPPED-ADDRESS (0x0001) here,
 * STUN_XOR_MAPPED_ADDRESS is 0x8020, STUN_PEER_ADDRESS is REMOTE-ADDRESS of
 * a Data Indication, STUN_DESTINATION the DESTINATION-ADDRESS of a request.
 */
#ifndef STUN_STUN_MS_H
#define STUN_STUN_MS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/digest.h"
#include "common/base/str.h"
#include "common/stun/stun_msg.h"

/* What follows the header of every message, a whole attribute. */
#define STUN_MS_COOKIE_LEN 8
/* Bound of REALM, NONCE, MS-ALTERNATE-HOST-NAME in bytes. */
#define STUN_MS_TEXT_MAX 128
#define STUN_MS_CONNECTION_LEN 20

/* [MS-TURN] 2.2.1. Not by class and method: the bits of a Data Indication
 * say "error". */
enum stun_ms_type {
	STUN_MS_ALLOCATE = 0x0003,
	STUN_MS_ALLOCATED = 0x0103,
	STUN_MS_ALLOCATE_ERROR = 0x0113,
	STUN_MS_SEND = 0x0004, /* never answered */
	STUN_MS_DATA = 0x0115,
	STUN_MS_SET_DESTINATION = 0x0006,
	STUN_MS_DESTINATION_SET = 0x0106,
	STUN_MS_DESTINATION_ERROR = 0x0116,
	/* Shared Secret, its answer and its error: never to be used */
	STUN_MS_SECRET = 0x0002,
	STUN_MS_SECRET_GIVEN = 0x0102,
	STUN_MS_SECRET_ERROR = 0x0112,
};

/* MS-VERSION, [MS-TURN] 2.2.2.17: what each adds. 0 = said nothing. */
enum stun_ms_version {
	STUN_MS_VERSION_ICE = 1,
	STUN_MS_VERSION_ICE2 = 2,
	STUN_MS_VERSION_SHA256 = 3,
	STUN_MS_VERSION_IPV6 = 4,
};

/* MS-SEQUENCE-NUMBER. */
struct stun_ms_number {
	uint8_t connection[STUN_MS_CONNECTION_LEN];
	uint32_t number;
};

/* What signs messages, by the version both sides have. */
struct stun_ms_key {
	uint8_t bytes[DIGEST_SHA256_LEN];
	size_t len; /* DIGEST_MD5_LEN: HMAC-SHA1, else HMAC-SHA256 */
};

extern const struct stun_dialect stun_ms;

/* By shape alone (rule 1 of the demultiplexer): a type of ours, a length
 * that fits, the cookie attribute first. Cheap. */
bool stun_ms_is_control(const void *data, size_t len);
/*
 * Take a message apart. Values are not padded; a message that makes no
 * sense that way is read once more as padded to 4. EDGE_EMALFORMED: not a
 * message, drop it (and close, on TCP). As with stun_parse() the first
 * attribute of a kind counts, none after the integrity, and a wrong shape
 * only sets is_malformed.
 */
EDGE_MUST int stun_ms_parse(struct stun_msg *m, const void *data, size_t len);

enum stun_ms_type stun_ms_type(const struct stun_msg *m);
/* MS-VERSION, 0 when absent. */
uint32_t stun_ms_version(const struct stun_msg *m);
/* What to announce to a client of that version; may_sha256 is a setting. */
uint32_t stun_ms_announced(uint32_t client_version, bool may_sha256);
/* -ENOENT when absent. */
EDGE_MUST int stun_ms_number(const struct stun_msg *m,
	struct stun_ms_number *out);
/* REALM as it enters a key: without double quotes around it. */
struct str stun_ms_bare_realm(struct str realm);

/* Key for versions below 3 on either side. The realm may be quoted. */
void stun_ms_key_sha1(struct stun_ms_key *key, struct str user,
	struct str realm, struct str password);
/* Key for 3 and above on both sides; nonce is the one of the authenticated
 * Allocate. */
void stun_ms_key_sha256(struct stun_ms_key *key, struct str user,
	struct str realm, struct str nonce, struct str password);
/* In constant time. -ENOENT when there is no integrity, EDGE_EFORGED when
 * it is wrong or of the other algorithm than the key. */
EDGE_MUST int stun_ms_check(const struct stun_msg *m,
	const struct stun_ms_key *key);

/* Header and cookie attribute. */
void stun_ms_write_begin(struct stun_writer *sw, void *room, size_t cap,
	enum stun_ms_type type, const uint8_t tid[static STUN_TID_LEN]);
void stun_ms_write_number(struct stun_writer *sw,
	const struct stun_ms_number *number);
/* The standard phrase, filled up with blanks to a multiple of 4, so that a
 * client that expects padding reads the same. */
void stun_ms_write_error(struct stun_writer *sw, unsigned code);
/* The last attribute. */
void stun_ms_write_integrity(struct stun_writer *sw,
	const struct stun_ms_key *key);

/* "No Binding" for 437; "" when the code has none here. */
const char *stun_ms_phrase(unsigned code);
const char *stun_ms_type_name(enum stun_ms_type type);

#endif
