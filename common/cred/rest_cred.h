/*
 * Credentials of the "TURN REST" kind, for web applications: user name
 * "expiry:user" with the expiry in Unix seconds, password
 * base64(HMAC-SHA1(secret, user name)). The application and the relay share
 * the secret; several of them at once let it be changed without a gap.
 */
#ifndef CRED_REST_CRED_H
#define CRED_REST_CRED_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/cred/av_cred.h"

#define REST_SECRET_MIN    32
#define REST_SECRET_MAX    256
#define REST_SECRETS_MAX   4
#define REST_PASSWORD_TEXT 29 /* with NUL */

struct rest_secret {
	uint8_t bytes[REST_SECRET_MAX];
	size_t len;
};

struct rest_ring {
	struct rest_secret secrets[REST_SECRETS_MAX];
	size_t count; /* 0 = credentials of this kind are off */
};

/* A line for each secret, its text as it is; '#' begins a comment.
 * -ENOENT, -EACCES, EDGE_ECONFIG (not its owner's alone), EDGE_EMALFORMED
 * (with file and line in why). *out is set on success only. */
EDGE_MUST int rest_ring_load(struct rest_ring *out, const char *path,
	struct why *why);
void rest_ring_wipe(struct rest_ring *ring);

/* A user name taken apart; borrowed from the text. */
struct rest_user {
	struct wall expires;
	struct str name; /* may be empty */
};

/* By shape alone: digits, a colon, anything. EDGE_EMALFORMED. */
EDGE_MUST int rest_user_parse(struct str text, struct rest_user *out);
/* Whom limits are counted for: the same for one name, whatever its expiry. */
void rest_user_client_id(const struct rest_user *user,
	uint8_t out[static AV_CRED_CLIENT_ID_LEN]);
/* user is the whole user name. */
void rest_password(const struct rest_secret *secret, struct str user,
	char out[static REST_PASSWORD_TEXT]);

#endif
