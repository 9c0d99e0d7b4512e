/*
 * Keys from passwords, and the attributes that choose how. Specification:
 * RFC 8489 sections 9.2.2 to 9.2.4, 14.4, 14.11, 14.12. Passwords of ours
 * are ASCII, which OpaqueString (RFC 8265) leaves as it is.
 */
#include "common/stun/stun_password.h"

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"

/* Number and length of parameters, 16 bits each; none has any. */
#define ENTRY_LEN 4

static const char offer[] = {0, STUN_SHA256, 0, 0, 0, STUN_MD5, 0, 0};

size_t stun_password_key(enum stun_algorithm algorithm, struct str user,
	struct str realm, struct str password,
	uint8_t out[static STUN_PASSWORD_KEY_MAX])
{
	const struct digest_part parts[] = {
		{user.p, user.n}, {":", 1}, {realm.p, realm.n}, {":", 1},
		{password.p, password.n},
	};

	if (algorithm == STUN_SHA256) {
		digest_sha256(parts, ARRAY_COUNT(parts), out);
		return DIGEST_SHA256_LEN;
	}
	stun_key(user, realm, password, out);
	return STUN_KEY_LEN;
}

void stun_password_userhash(struct str user, struct str realm,
	uint8_t out[static DIGEST_SHA256_LEN])
{
	const struct digest_part parts[] = {
		{user.p, user.n}, {":", 1}, {realm.p, realm.n},
	};

	digest_sha256(parts, ARRAY_COUNT(parts), out);
}

void stun_password_write_offer(struct stun_writer *sw)
{
	stun_write_bytes(sw, STUN_PASSWORD_ALGORITHMS, offer, sizeof(offer));
}

void stun_password_write_choice(struct stun_writer *sw,
	enum stun_algorithm algorithm)
{
	const uint8_t entry[ENTRY_LEN] = {0, (uint8_t)algorithm, 0, 0};

	stun_password_write_offer(sw);
	stun_write_bytes(sw, STUN_PASSWORD_ALGORITHM, entry, sizeof(entry));
}

int stun_password_choice(const struct stun_msg *m, enum stun_algorithm *out)
{
	struct str all = stun_bytes(m, STUN_PASSWORD_ALGORITHMS);
	struct str one = stun_bytes(m, STUN_PASSWORD_ALGORITHM);
	size_t i;

	if (!stun_has(m, STUN_PASSWORD_ALGORITHMS) &&
	    !stun_has(m, STUN_PASSWORD_ALGORITHM)) {
		*out = STUN_MD5;
		return 0;
	}
	if (!str_eq(all, (struct str){offer, sizeof(offer)}))
		return EDGE_EMALFORMED;
	for (i = 0; i < sizeof(offer); i += ENTRY_LEN) {
		if (!str_eq(one, (struct str){offer + i, ENTRY_LEN}))
			continue;
		*out = (enum stun_algorithm)offer[i + 1];
		return 0;
	}
	return EDGE_EMALFORMED;
}
