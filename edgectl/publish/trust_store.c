/* Reading, writing and succeeding of trust.json in the record. */
#include "edgectl/publish/trust_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/base/str.h"

#define TRUST_LIFE_S (3650u * 86400u)

void trust_store_uuid(char out[static BUNDLE_UUID_LEN])
{
	uint8_t b[16];
	char hex[33];

	rand_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 4122, version 4 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	str_hex(b, sizeof(b), hex);
	snprintf(out, BUNDLE_UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
		hex + 8, hex + 12, hex + 16, hex + 20);
}

int trust_store_load(struct record *r, struct bundle_trust *out,
	struct why *why)
{
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, "SELECT json FROM trust"
		" ORDER BY serial DESC LIMIT 1", NULL, 0, &rows, why);

	if (err == 0 && rows.rows == 0)
		err = why_set(why, -ENOENT,
			"there is no key that signs: 'edgectl publish key "
			"generate' makes the first");
	else if (err == 0)
		err = bundle_trust_parse(out, str_of(record_cell(&rows, 0, 0)),
			why);
	record_rows_fini(&rows);
	return err;
}

static int put(struct record *r, const struct bundle_trust *trust,
	const struct bundle_bytes *bundle, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	char *json = NULL;
	int err = bundle_trust_print(trust, &json, why);

	if (err == 0) {
		const struct record_value in[] = {
			record_int((int64_t)trust->serial), record_text(json),
			record_int(wall_now().s),
			bundle != NULL ? record_blob(bundle->p, bundle->len) :
					 record_text(NULL)};

		err = record_run(r, "INSERT INTO trust(serial, json, created,"
			" bundle) VALUES($1, $2, $3, $4)"
			" ON CONFLICT(serial) DO NOTHING", in, 4, &rows, why);
	}
	if (err == 0 && rows.changed != 1)
		err = why_set(why, -EEXIST,
			"trust %" PRIu64 " is there already", trust->serial);
	record_rows_fini(&rows);
	free(json);
	return err == 0 ? record_notify(r, why) : err;
}

int trust_store_first(struct record *r, const struct bundle_trust *trust,
	struct why *why)
{
	return put(r, trust, NULL, why);
}

/* ---- who signs ---------------------------------------------------------- */

static size_t signers_among(const struct bundle_trust *trust,
	const struct signing *signing)
{
	size_t n = 0;

	for (size_t i = 0; i < trust->key_count; i++)
		for (size_t k = 0; k < signing->count; k++)
			n += digest_eq(trust->keys[i].public_key,
				signing->signers[k].public_key,
				BUNDLE_KEY_LEN);
	return n;
}

int trust_store_suffices(const struct bundle_trust *trust,
	const struct signing *signing, struct why *why)
{
	size_t n = signers_among(trust, signing);

	if (n >= trust->threshold)
		return 0;
	return why_set(why, EDGE_ECONFIG,
		"edges want %u signature%s and %zu of our signers %s among "
		"their keys: name the others under 'signing' in "
		"publisher.yaml, or with --with; 'edgectl publish key show' "
		"lists them", trust->threshold,
		trust->threshold == 1 ? "" : "s", n, n == 1 ? "is" : "are");
}

static int make_bundle(struct bundle_bytes *out, uint32_t epoch,
	const struct bundle_trust *next, const struct signing *signing,
	const char *publisher, struct why *why)
{
	struct bundle_manifest m = {.type = BUNDLE_TRUST};
	int err;

	memcpy(m.deployment, next->deployment, sizeof(m.deployment));
	m.version.epoch = epoch;
	m.version.serial = next->serial;
	m.created = wall_now();
	m.expires.s = m.created.s + TRUST_LIFE_S;
	snprintf(m.publisher, sizeof(m.publisher), "%s", publisher);
	snprintf(m.reason, sizeof(m.reason), "keys changed");
	err = bundle_make_trust(out, &m, next, signing->signers,
		signing->count, why);
	bundle_manifest_fini(&m);
	return err;
}

int trust_store_next(struct record *r, uint32_t epoch,
	const struct bundle_trust *old, const struct bundle_trust *next,
	const struct signing *signing, const char *publisher, struct why *why)
{
	struct bundle_bytes bytes = {NULL, 0, ""};
	struct bundle bundle = {.payload = NULL};
	struct bundle_trust check;
	int err;

	err = trust_store_suffices(old, signing, why);
	if (err == 0)
		err = trust_store_suffices(next, signing, why);
	if (err == 0)
		err = make_bundle(&bytes, epoch, next, signing, publisher,
			why);
	/* As an edge will judge it, before anything is kept. */
	if (err == 0)
		err = bundle_read(&bundle, bytes.p, bytes.len, why);
	if (err == 0)
		err = bundle_trust_follow(old, &bundle, &check, why);
	if (err == 0)
		err = put(r, next, &bytes, why);
	bundle_fini(&bundle);
	bundle_bytes_fini(&bytes);
	return err;
}

int trust_store_bundle(struct record *r, uint64_t serial,
	struct bundle_bytes *out, struct bundle_version *version,
	struct why *why)
{
	const struct record_value in[] = {record_int((int64_t)serial)};
	struct record_rows rows = {.rows = 0};
	struct bundle b = {.payload = NULL};
	int err = record_run(r, "SELECT bundle FROM trust WHERE serial>$1"
		" AND bundle IS NOT NULL ORDER BY serial LIMIT 1", in, 1,
		&rows, why);

	memset(out, 0, sizeof(*out));
	if (err == 0 && rows.rows == 0)
		err = -ENOENT;
	if (err == 0) {
		out->len = rows.cells[0].len;
		out->p = malloc(out->len + 1);
		if (out->p == NULL)
			err = -ENOMEM;
		else
			memcpy(out->p, rows.cells[0].p, out->len);
	}
	if (err == 0)
		err = bundle_read(&b, out->p, out->len, why);
	if (err == 0)
		memcpy(out->sha256, b.sha256, sizeof(out->sha256));
	*version = b.manifest.version;
	bundle_fini(&b);
	record_rows_fini(&rows);
	if (err < 0)
		bundle_bytes_fini(out);
	return err;
}
