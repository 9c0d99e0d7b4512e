/* Keys, trust and bundles that the tests of the bundle codec share. */
#ifndef TEST_BUNDLE_BUNDLES_H
#define TEST_BUNDLE_BUNDLES_H

#include "common/base/err.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_trust.h"
#include "tests/unit/store/samples.h"

#define DEPLOYMENT "00000000-0000-0000-0000-000000000001"

/* Seed 00 01 .. 1f is number 0: the key of the published vectors. */
static inline struct bundle_key *key_number(unsigned n)
{
	struct bundle_key *key = NULL;
	struct why why = {""};
	uint8_t seed[32];

	for (unsigned i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)(i + n);
	ck_assert_int_eq(bundle_key_from_seed(&key, seed, &why), 0);
	return key;
}

static inline struct bundle_manifest manifest_of(uint32_t epoch,
	uint64_t serial)
{
	struct bundle_manifest m = {
		.deployment = DEPLOYMENT,
		.version = {epoch, serial},
		.created = {1700000000},
		.expires = {1800000000},
		.publisher = "cms.int.contoso.test",
		.reason = "a test",
	};

	return m;
}

static inline void add_trust(struct bundle_trust *t, struct bundle_key *key,
	const char *name)
{
	struct bundle_trust_key *row = &t->keys[t->key_count++];
	struct bundle_signer signer;

	bundle_key_signer(key, &signer);
	memcpy(row->public_key, signer.public_key, BUNDLE_KEY_LEN);
	bundle_key_id(row->public_key, row->id);
	snprintf(row->name, sizeof(row->name), "%s", name);
}

static inline void trust_in(struct bundle_trust *t, struct bundle_key *key)
{
	memset(t, 0, sizeof(*t));
	snprintf(t->deployment, sizeof(t->deployment), "%s", DEPLOYMENT);
	t->serial = 1;
	t->threshold = 1;
	add_trust(t, key, "first");
	snprintf(t->publishers[0], sizeof(t->publishers[0]), "%s",
		"cms.int.contoso.test");
	t->publisher_count = 1;
}

/* The sample topology, signed by key. */
static inline void make_sample(struct bundle_bytes *out,
	struct bundle_manifest *m, struct bundle_key *key)
{
	struct sqlite3 *db = sample_db(SAMPLE);
	struct bundle_signer signer;
	struct bundle_rows rows;
	struct why why = {""};
	int err;

	bundle_key_signer(key, &signer);
	ck_assert_int_eq(bundle_rows_dump(&rows, db, &why), 0);
	err = bundle_make_topology(out, m, &rows, &signer, 1, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	bundle_rows_fini(&rows);
	sqlite3_close(db);
}

#endif
