/*
 * Whose word counts: trust.json as a struct, thresholds of signatures, and
 * the one way its content changes (docs/protocol/replication.md 4). Files
 * are only read here; who stores them is the agent.
 */
#include "common/bundle/bundle_trust.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/bundle/bundle_json.h"

/* ---- reading ------------------------------------------------------------ */

static int read_hex32(const json_t *o, const char *name,
	uint8_t out[static 32], struct why *why)
{
	char text[BUNDLE_SHA_LEN];
	size_t len = 0;
	int err = bundle_json_sha(o, name, false, text, why);

	return err < 0 ? err : str_unhex(str_of(text), out, 32, &len);
}

static int read_key(const json_t *o, struct bundle_trust *t, struct why *why)
{
	static const char *const NAMES[] = {"id", "public", "name", NULL};
	struct bundle_trust_key *key = &t->keys[t->key_count];
	uint8_t id[BUNDLE_KEY_ID_LEN];
	int err;

	if (!json_is_object(o))
		return why_set(why, EDGE_EMALFORMED, "not an object");
	err = bundle_json_only(o, NAMES, why);
	if (err == 0)
		err = read_hex32(o, "id", id, why);
	if (err == 0)
		err = read_hex32(o, "public", key->public_key, why);
	if (err == 0)
		err = bundle_json_text(o, "name", key->name,
			sizeof(key->name), why);
	if (err < 0)
		return err;
	bundle_key_id(key->public_key, key->id);
	if (memcmp(id, key->id, sizeof(id)) != 0)
		return why_set(why, EDGE_EMALFORMED,
			"id: not the SHA-256 of this public key");
	for (size_t i = 0; i < t->key_count; i++)
		if (memcmp(t->keys[i].id, key->id, sizeof(id)) == 0)
			return why_set(why, EDGE_EMALFORMED,
				"the same key twice");
	t->key_count++;
	return 0;
}

static int read_keys(const json_t *o, struct bundle_trust *t,
	struct why *why)
{
	const json_t *list = json_object_get(o, "keys");
	size_t count = json_array_size(list);

	if (count == 0 || count > BUNDLE_TRUST_KEYS_MAX)
		return why_set(why, EDGE_EMALFORMED,
			"keys: not a list of 1 to %u", BUNDLE_TRUST_KEYS_MAX);
	for (size_t i = 0; i < count; i++) {
		int err = read_key(json_array_get(list, i), t, why);

		if (err < 0)
			return why_prefix(why, err, "keys: entry %zu", i + 1);
	}
	return 0;
}

static int read_publishers(const json_t *o, struct bundle_trust *t,
	struct why *why)
{
	const json_t *list = json_object_get(o, "publishers");
	size_t count = json_array_size(list);

	if (!json_is_array(list) || count > BUNDLE_TRUST_PUBLISHERS_MAX)
		return why_set(why, EDGE_EMALFORMED,
			"publishers: not a list of at most %u names",
			BUNDLE_TRUST_PUBLISHERS_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *name =
			json_string_value(json_array_get(list, i));

		if (name == NULL || !bundle_is_name(name))
			return why_set(why, EDGE_EMALFORMED,
				"publishers: not a lower-case name");
		memcpy(t->publishers[t->publisher_count++], name,
			strlen(name) + 1);
	}
	return 0;
}

static int read_all(const json_t *o, struct bundle_trust *t, struct why *why)
{
	static const char *const NAMES[] = {"deployment", "serial",
		"threshold", "keys", "publishers", NULL};
	uint64_t threshold = 0;
	int err = bundle_json_only(o, NAMES, why);

	if (err == 0)
		err = bundle_json_uuid(o, "deployment", t->deployment, why);
	if (err == 0)
		err = bundle_json_number(o, "serial", INT64_MAX, &t->serial,
			why);
	if (err == 0)
		err = bundle_json_number(o, "threshold",
			BUNDLE_TRUST_KEYS_MAX, &threshold, why);
	if (err == 0)
		err = read_keys(o, t, why);
	if (err == 0)
		err = read_publishers(o, t, why);
	if (err == 0 && (threshold == 0 || threshold > t->key_count))
		err = why_set(why, EDGE_EMALFORMED,
			"threshold: %" PRIu64 " of %zu keys", threshold,
			t->key_count);
	t->threshold = (unsigned)threshold;
	return err;
}

int bundle_trust_parse(struct bundle_trust *out, struct str json,
	struct why *why)
{
	struct bundle_trust *t = calloc(1, sizeof(*t));
	json_error_t error;
	json_t *o = NULL;
	int err = 0;

	if (t == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	if (json.n > BUNDLE_TRUST_TEXT_MAX)
		err = why_set(why, EDGE_ETOOBIG, "more than %u bytes",
			BUNDLE_TRUST_TEXT_MAX);
	else
		o = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES,
			&error);
	if (err == 0 && !json_is_object(o))
		err = why_set(why, EDGE_EMALFORMED, "not a JSON object");
	if (err == 0)
		err = read_all(o, t, why);
	if (err == 0)
		*out = *t;
	json_decref(o);
	free(t);
	return err < 0 ? why_prefix(why, err, "trust") : 0;
}

int bundle_trust_load(struct bundle_trust *out, const char *path,
	struct why *why)
{
	struct bundle_bytes file;
	int err = bundle_load_file(&file, path, why);

	if (err < 0)
		return err;
	err = bundle_trust_parse(out,
		(struct str){(const char *)file.p, file.len}, why);
	bundle_bytes_fini(&file);
	return err < 0 ? why_prefix(why, err, "%s", path) : 0;
}

/* ---- printing ----------------------------------------------------------- */

static json_t *key_json(const struct bundle_trust_key *key)
{
	char id[BUNDLE_SHA_LEN];
	char raw[BUNDLE_SHA_LEN];

	str_hex(key->id, sizeof(key->id), id);
	str_hex(key->public_key, sizeof(key->public_key), raw);
	return json_pack("{s:s, s:s, s:s}", "id", id, "public", raw, "name",
		key->name);
}

int bundle_trust_print(const struct bundle_trust *t, char **json,
	struct why *why)
{
	struct bundle_trust *again = calloc(1, sizeof(*again));
	json_t *keys = json_array();
	json_t *names = json_array();
	json_t *o = NULL;
	char *text = NULL;
	int err = -ENOMEM;

	for (size_t i = 0; i < t->key_count; i++)
		json_array_append_new(keys, key_json(&t->keys[i]));
	for (size_t i = 0; i < t->publisher_count; i++)
		json_array_append_new(names, json_string(t->publishers[i]));
	o = json_pack("{s:s, s:I, s:i, s:o, s:o}", "deployment",
		t->deployment, "serial", (json_int_t)t->serial, "threshold",
		(int)t->threshold, "keys", keys, "publishers", names);
	if (o != NULL)
		text = bundle_json_canonical(o);
	json_decref(o);
	/* What no one could read must not be signed. */
	if (text != NULL && again != NULL)
		err = bundle_trust_parse(again, str_of(text), why);
	free(again);
	if (err < 0) {
		free(text);
		return err;
	}
	*json = text;
	return 0;
}

/* ---- belief ------------------------------------------------------------- */

static bool has_signed(const struct bundle_trust_key *key,
	const struct bundle *b)
{
	for (size_t i = 0; i < b->signature_count; i++) {
		const struct bundle_signature *s = &b->signatures[i];

		if (memcmp(s->key_id, key->id, sizeof(key->id)) == 0)
			return bundle_key_verify(key->public_key, b->input,
				       s->bytes) == 0;
	}
	return false;
}

int bundle_trust_verify(const struct bundle_trust *t, const struct bundle *b,
	struct why *why)
{
	unsigned good = 0;

	if (strcmp(t->deployment, b->manifest.deployment) != 0)
		return why_set(why, EDGE_EREFUSED,
			"made for deployment %s, this is %s",
			b->manifest.deployment, t->deployment);
	/* By key, so that no key counts twice. */
	for (size_t i = 0; i < t->key_count; i++)
		good += has_signed(&t->keys[i], b) ? 1 : 0;
	if (good < t->threshold)
		return why_set(why, EDGE_EFORGED,
			"%u good signature(s) of trusted keys, %u needed",
			good, t->threshold);
	return 0;
}

int bundle_trust_follow(const struct bundle_trust *old,
	const struct bundle *b, struct bundle_trust *next, struct why *why)
{
	struct bundle_trust *t = NULL;
	int err;

	if (b->manifest.type != BUNDLE_TRUST)
		return why_set(why, EDGE_EMALFORMED,
			"a %s where a trust bundle is wanted",
			bundle_type_name(b->manifest.type));
	err = bundle_trust_verify(old, b, why);
	if (err < 0)
		return err;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	err = bundle_trust_parse(t,
		(struct str){(const char *)b->payload, b->payload_len}, why);
	if (err == 0 && (t->serial != b->manifest.version.serial ||
				strcmp(t->deployment, old->deployment) != 0))
		err = why_set(why, EDGE_EMALFORMED,
			"trust: not what its manifest says");
	if (err == 0 && t->serial <= old->serial)
		err = why_set(why, EDGE_EREFUSED,
			"trust %" PRIu64 " is not newer than %" PRIu64,
			t->serial, old->serial);
	if (err == 0)
		err = why_prefix(why, bundle_trust_verify(t, b, why),
			"by the new keys");
	if (err == 0)
		*next = *t;
	free(t);
	return err;
}

bool bundle_trust_is_publisher(const struct bundle_trust *t, const char *name)
{
	for (size_t i = 0; i < t->publisher_count; i++)
		if (str_ieq_z(str_of(name), t->publishers[i]))
			return true;
	return false;
}
