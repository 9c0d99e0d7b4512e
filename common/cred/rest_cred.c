/*
 * Credentials that an application makes by itself from a shared secret
 * (draft-uberti-behave-turn-rest), and the file of the secrets. Pure
 * functions of the secrets and the text; the clock is the caller's.
 */
#include "common/cred/rest_cred.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/attr.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/cred/secret_file.h"

/* Far beyond any clock, and far from where sums of it are no numbers. */
#define EXPIRES_MAX (INT64_MAX / 2)
/* Of a user name that is no secret: any key makes a number of it that no
 * credential of av-auth has. */
#define CLIENT_ID_KEY "sallyport turn rest client id"

/* ---- secrets ----------------------------------------------------------- */

static bool is_printable(struct str line)
{
	size_t i;

	for (i = 0; i < line.n; i++)
		if (line.p[i] <= ' ' || line.p[i] > '~')
			return false;
	return true;
}

static bool is_there(const struct rest_ring *ring, struct str line)
{
	size_t i;

	for (i = 0; i < ring->count; i++)
		if (ring->secrets[i].len == line.n &&
		    digest_eq(ring->secrets[i].bytes, line.p, line.n))
			return true;
	return false;
}

/* How many different bytes it has: a typo of a secret is mostly one. */
static unsigned variety_of(struct str line)
{
	bool seen[256] = {false};
	unsigned n = 0;
	size_t i;

	for (i = 0; i < line.n; i++) {
		n += !seen[(uint8_t)line.p[i]];
		seen[(uint8_t)line.p[i]] = true;
	}
	return n;
}

/* NULL, or what is wrong. Requirement R11. */
static const char *take_secret(void *arg, struct str line)
{
	struct rest_ring *ring = arg;
	struct rest_secret *s = &ring->secrets[ring->count];

	if (ring->count == REST_SECRETS_MAX)
		return "there are more than four secrets";
	if (line.n < REST_SECRET_MIN)
		return "a secret has at least 32 characters";
	if (line.n > REST_SECRET_MAX)
		return "a secret has at most 256 characters";
	if (!is_printable(line))
		return "a secret is printable ASCII without blanks";
	if (variety_of(line) < 8)
		return "a secret must be random";
	if (is_there(ring, line))
		return "this secret is there already";
	memcpy(s->bytes, line.p, line.n);
	s->len = line.n;
	ring->count++;
	return NULL;
}

int rest_ring_load(struct rest_ring *out, const char *path, struct why *why)
{
	struct rest_ring ring = {.count = 0};
	const struct secret_file_spec spec = {
		.path = path,
		.forbidden = S_IRWXG | S_IRWXO,
		.tighten = "chmod 0400 it and use another secret",
		.take = take_secret,
		.arg = &ring,
		.none = "there is no secret in it",
		.repair = "make one by `openssl rand -base64 36`, or remove "
			  "the file to have no such credentials",
	};
	int err = secret_file_load(&spec, why);

	if (err == 0)
		*out = ring;
	rest_ring_wipe(&ring);
	return err;
}

void rest_ring_wipe(struct rest_ring *ring)
{
	digest_wipe(ring, sizeof(*ring));
}

/* ---- credentials ------------------------------------------------------- */

int rest_user_parse(struct str text, struct rest_user *out)
{
	size_t colon = str_find(text, ':');
	uint64_t expires;

	if (colon == text.n ||
	    str_to_u64((struct str){text.p, colon}, &expires) < 0 ||
	    expires > EXPIRES_MAX)
		return EDGE_EMALFORMED;
	out->expires.s = (int64_t)expires;
	out->name = str_skip(text, colon + 1);
	return 0;
}

void rest_user_client_id(const struct rest_user *user,
	uint8_t out[static AV_CRED_CLIENT_ID_LEN])
{
	const struct digest_part part = {user->name.p, user->name.n};

	digest_hmac_sha1(CLIENT_ID_KEY, sizeof(CLIENT_ID_KEY) - 1, &part, 1,
		out);
}

void rest_password(const struct rest_secret *secret, struct str user,
	char out[static REST_PASSWORD_TEXT])
{
	const struct digest_part part = {user.p, user.n};
	uint8_t raw[DIGEST_SHA1_LEN];

	digest_hmac_sha1(secret->bytes, secret->len, &part, 1, raw);
	digest_b64(raw, sizeof(raw), out);
	digest_wipe(raw, sizeof(raw));
}
