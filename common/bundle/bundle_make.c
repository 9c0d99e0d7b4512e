/*
 * The making half of the .edgb codec: manifest completed, payload packed,
 * signatures fetched from wherever their keys are and verified before they
 * are used. What is published, and when, is the publisher's affair.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_layout.h"
#include "common/bundle/bundle_pack.h"
#include "common/bundle/bundle_trust.h"
#include "common/store/generation.h"

void bundle_bytes_fini(struct bundle_bytes *b)
{
	free(b->p);
	*b = (struct bundle_bytes){.p = NULL};
}

/* ---- signatures --------------------------------------------------------- */

static int sign_one(struct bundle_signature *out,
	const struct bundle_signer *signer,
	const uint8_t input[static BUNDLE_INPUT_LEN], struct why *why)
{
	int err = signer->sign(signer->arg, input, out->bytes, why);

	if (err == 0)
		err = bundle_key_verify(signer->public_key, input, out->bytes);
	if (err == EDGE_EFORGED)
		return why_set(why, err,
			"the signer's answer does not fit its public key: is "
			"it the right command or key file?");
	if (err == 0)
		bundle_key_id(signer->public_key, out->key_id);
	return err;
}

static int sign_all(struct bundle_signature *out,
	const uint8_t input[static BUNDLE_INPUT_LEN],
	const struct bundle_signer *signers, size_t count, struct why *why)
{
	if (count == 0 || count > BUNDLE_SIGNERS_MAX)
		return why_set(why, EDGE_EMALFORMED,
			"a bundle has 1 to %u signatures", BUNDLE_SIGNERS_MAX);
	for (size_t i = 0; i < count; i++) {
		int err = sign_one(&out[i], &signers[i], input, why);

		if (err < 0)
			return err;
		for (size_t k = 0; k < i; k++)
			if (memcmp(out[k].key_id, out[i].key_id,
				    BUNDLE_KEY_ID_LEN) == 0)
				return why_set(why, EDGE_EMALFORMED,
					"the same key signs twice");
	}
	return 0;
}

/* ---- the file ----------------------------------------------------------- */

size_t bundle_envelope_len(struct str manifest, size_t signature_count)
{
	return BUNDLE_MAGIC_LEN + 4 + manifest.n + 1 +
		signature_count * BUNDLE_SIGNATURE_ROW_LEN;
}

void bundle_write_envelope(struct wbuf *w, unsigned format,
	struct str manifest, const struct bundle_signature *signatures,
	size_t count)
{
	uint8_t magic[BUNDLE_MAGIC_LEN];

	memcpy(magic, BUNDLE_MAGIC, sizeof(magic));
	magic[BUNDLE_FORMAT_AT] = (uint8_t)format;
	wbuf_bytes(w, magic, sizeof(magic));
	wbuf_u32(w, (uint32_t)manifest.n);
	wbuf_bytes(w, manifest.p, manifest.n);
	wbuf_u8(w, (uint8_t)count);
	for (size_t i = 0; i < count; i++) {
		wbuf_bytes(w, signatures[i].key_id, BUNDLE_KEY_ID_LEN);
		wbuf_u8(w, BUNDLE_ALG_ED25519);
		wbuf_u8(w, 0);
		wbuf_bytes(w, signatures[i].bytes, BUNDLE_SIGNATURE_LEN);
	}
}

/* Put the parts together, and read the whole as an edge will. */
static int assemble(struct bundle_bytes *out, struct str manifest,
	const struct bundle_signature *signatures, size_t count,
	const struct bundle_packed *payload, struct why *why)
{
	const size_t len = bundle_envelope_len(manifest, count) + 8 +
		payload->len;
	uint8_t *p = len <= BUNDLE_MAX ? malloc(len) : NULL;
	struct wbuf w = wbuf_of(p, len);
	struct bundle check;
	int err;

	if (p == NULL)
		return why_set(why, len > BUNDLE_MAX ? EDGE_ETOOBIG : -ENOMEM,
			"a bundle of %zu bytes is over %u MiB, or over our "
			"memory", len, BUNDLE_MAX >> 20);
	bundle_write_envelope(&w, BUNDLE_FORMAT_WHOLE, manifest, signatures,
		count);
	wbuf_u64(&w, payload->len);
	if (payload->len > 0)
		wbuf_bytes(&w, payload->p, payload->len);
	err = bundle_read(&check, p, len, why);
	if (err < 0) {
		free(p);
		return err;
	}
	*out = (struct bundle_bytes){.p = p, .len = len};
	memcpy(out->sha256, check.sha256, sizeof(out->sha256));
	bundle_fini(&check);
	return 0;
}

static int finish(struct bundle_bytes *out, const struct bundle_manifest *m,
	const struct bundle_packed *payload,
	const struct bundle_signer *signers, size_t signer_count,
	struct why *why)
{
	struct bundle_signature signatures[BUNDLE_SIGNERS_MAX];
	uint8_t input[BUNDLE_INPUT_LEN];
	char *text = NULL;
	int err = bundle_manifest_print(m, &text, why);

	if (err < 0)
		return err;
	bundle_input_of(text, strlen(text), input);
	err = sign_all(signatures, input, signers, signer_count, why);
	if (err == 0)
		err = assemble(out, str_of(text), signatures, signer_count,
			payload, why);
	free(text);
	return err;
}

/* ---- kinds -------------------------------------------------------------- */

static void describe(struct bundle_manifest *m, const void *raw,
	size_t raw_len, const struct bundle_packed *payload)
{
	m->codec = payload->codec;
	m->raw_len = raw_len;
	m->payload_len = payload->len;
	bundle_sha_of(raw, raw_len, m->raw_sha256);
	bundle_sha_of(payload->p, payload->len, m->payload_sha256);
}

int bundle_make_topology(struct bundle_bytes *out, struct bundle_manifest *m,
	const struct bundle_rows *rows, const struct bundle_signer *signers,
	size_t signer_count, struct why *why)
{
	struct bundle_packed payload;
	int err = bundle_pack(&payload, (struct str){rows->text, rows->len},
		why);

	if (err < 0)
		return err;
	m->type = BUNDLE_TOPOLOGY;
	m->schema = GENERATION_SCHEMA;
	m->rows = rows->count;
	describe(m, rows->text, rows->len, &payload);
	err = finish(out, m, &payload, signers, signer_count, why);
	bundle_packed_fini(&payload);
	return err;
}

int bundle_make_trust(struct bundle_bytes *out, struct bundle_manifest *m,
	const struct bundle_trust *next, const struct bundle_signer *signers,
	size_t signer_count, struct why *why)
{
	struct bundle_packed payload;
	char *text = NULL;
	int err = bundle_trust_print(next, &text, why);

	if (err < 0)
		return err;
	payload = (struct bundle_packed){BUNDLE_PLAIN, (uint8_t *)text,
		strlen(text)};
	m->type = BUNDLE_TRUST;
	m->schema = GENERATION_SCHEMA;
	m->rows = 0;
	describe(m, text, payload.len, &payload);
	err = finish(out, m, &payload, signers, signer_count, why);
	free(text);
	return err;
}

int bundle_make_head(struct bundle_bytes *out, struct bundle_manifest *m,
	const struct bundle_signer *signers, size_t signer_count,
	struct why *why)
{
	const struct bundle_packed none = {.p = NULL};

	m->type = BUNDLE_HEAD;
	m->schema = GENERATION_SCHEMA;
	return finish(out, m, &none, signers, signer_count, why);
}
