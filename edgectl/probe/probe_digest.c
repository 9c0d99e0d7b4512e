/* Hashes over quoted strings. Which header it goes into is probe_sip.c's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/sip/sip_text.h"
#include "edgectl/probe/probe_digest.h"

#define HEX_LEN (2 * DIGEST_SHA256_LEN + 1)
#define PARTS   9

struct hasher {
	bool is_sha256;
};

static void hash(const struct hasher *h, const struct str *parts, size_t count,
	char out[static HEX_LEN])
{
	struct digest_part list[2 * PARTS];
	uint8_t raw[DIGEST_SHA256_LEN];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			list[n++] = (struct digest_part){":", 1};
		list[n++] = (struct digest_part){parts[i].p, parts[i].n};
	}
	if (h->is_sha256) {
		digest_sha256(list, n, raw);
		str_hex(raw, DIGEST_SHA256_LEN, out);
	} else {
		digest_md5(list, n, raw);
		str_hex(raw, DIGEST_MD5_LEN, out);
	}
}

/* A parameter of the challenge, without its quotes. */
static struct str param(struct str params, const char *name)
{
	struct str rest = params;
	struct str item;

	while (sip_list_next(&rest, &item)) {
		size_t at = str_find(item, '=');
		struct str key = {item.p, at};

		if (at < item.n && str_ieq_z(str_trim(key), name))
			return sip_unquote(str_trim(str_skip(item, at + 1)));
	}
	return (struct str){"", 0};
}

static bool offers_auth(struct str qop)
{
	struct str rest = qop;
	struct str item;

	while (str_split(&rest, ',', &item))
		if (str_ieq_z(str_trim(item), "auth"))
			return true;
	return false;
}

static int print(const struct probe_digest *d, struct str params,
	const char *response, bool with_qop, char **out)
{
	const struct str realm = param(params, "realm");
	const struct str nonce = param(params, "nonce");
	const struct str opaque = param(params, "opaque");
	const struct str algorithm = param(params, "algorithm");
	size_t len;
	FILE *to = open_memstream(out, &len);

	if (to == NULL)
		return -ENOMEM;
	fprintf(to,
		"Digest username=\"%s\", realm=\"%.*s\", nonce=\"%.*s\", "
		"uri=\"%s\", response=\"%s\"",
		d->user, STR_ARG(realm), STR_ARG(nonce), d->uri, response);
	if (algorithm.n > 0)
		fprintf(to, ", algorithm=%.*s", STR_ARG(algorithm));
	if (with_qop)
		fprintf(to, ", qop=auth, nc=00000001, cnonce=\"%s\"",
			d->cnonce);
	if (opaque.n > 0)
		fprintf(to, ", opaque=\"%.*s\"", STR_ARG(opaque));
	if (fclose(to) == 0)
		return 0;
	free(*out);
	*out = NULL;
	return -ENOMEM;
}

int probe_digest_answer(const struct probe_digest *d, char **out)
{
	struct hasher h = {false};
	char ha1[HEX_LEN];
	char ha2[HEX_LEN];
	char response[HEX_LEN];
	struct str params;
	struct str algorithm;
	struct str nonce;
	bool with_qop;

	if (!str_istarts(d->challenge, "Digest "))
		return EDGE_EUNKNOWN;
	params = str_trim(str_skip(d->challenge, 7));
	algorithm = param(params, "algorithm");
	nonce = param(params, "nonce");
	if (nonce.n == 0 || param(params, "realm").n == 0)
		return EDGE_EMALFORMED;
	h.is_sha256 = str_ieq_z(algorithm, "SHA-256");
	if (algorithm.n > 0 && !h.is_sha256 && !str_ieq_z(algorithm, "MD5"))
		return EDGE_EUNKNOWN;
	with_qop = offers_auth(param(params, "qop"));
	hash(&h,
		(struct str[]){str_of(d->user), param(params, "realm"),
			str_of(d->password)},
		3, ha1);
	hash(&h, (struct str[]){str_of(d->method), str_of(d->uri)}, 2, ha2);
	if (with_qop)
		hash(&h,
			(struct str[]){str_of(ha1), nonce, STR_LIT("00000001"),
				str_of(d->cnonce), STR_LIT("auth"),
				str_of(ha2)},
			6, response);
	else
		hash(&h, (struct str[]){str_of(ha1), nonce, str_of(ha2)}, 3,
			response);
	digest_wipe(ha1, sizeof(ha1));
	return print(d, params, response, with_qop, out);
}
