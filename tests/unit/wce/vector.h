/* The vectors of docs/protocol/webconf.md 9. */
#ifndef TESTS_WCE_VECTOR_H
#define TESTS_WCE_VECTOR_H

#include <check.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/wce/ticket.h"

static const char VECTOR_URI[] =
	"sip:alice@example.com;gruu;opaque=app:conf:data-conf:id:ab12cd34";
static const char VECTOR_TEXT[] =
	"V0NUMQEBAAcAAAAAZVPxAAAAAABlU_IsEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkq"
	"KywtLi_kcC4JAjx3kJFtt5bnp44GwOYMhSUcgS3SU8bECA_S9gAAAAAAAAAAAAAAAAAA"
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAATd2ViY29uZi5leGFtcGxlLmNvbS_TCZDMaQ52"
	"1HAw_cJSuVWDYCHrEhgXxZD9T94WFGvtYnCZ02z9rNN3VfoJBCAaW-j3FIAGzapkq471"
	"su5zKQE";

/* first, first + 1, ... */
static inline void vector_run(uint8_t *out, size_t len, uint8_t first)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(first + i);
}

static inline struct ticket_key *vector_key(void)
{
	struct ticket_key *key = NULL;
	uint8_t seed[32];

	vector_run(seed, sizeof(seed), 0);
	ck_assert_int_eq(ticket_key_from_seed(&key, seed, 7), 0);
	return key;
}

static inline struct ticket vector_ticket(void)
{
	struct ticket t = {.alg = TICKET_ED25519,
		.is_single_use = true,
		.key_id = 7,
		.not_before = {1700000000},
		.not_after = {1700000300},
		.audience = "webconf.example.com"};

	vector_run(t.id, sizeof(t.id), 0x10);
	vector_run(t.server, sizeof(t.server), 0x20);
	ticket_hash(str_of(VECTOR_URI), t.conference);
	return t;
}

static inline struct str vector_bytes(uint8_t room[static TICKET_MAX_LEN])
{
	size_t len = 0;

	if (digest_unb64url(str_of(VECTOR_TEXT), room, TICKET_MAX_LEN,
		    &len) < 0)
		len = 0;
	return (struct str){(const char *)room, len};
}

#endif
