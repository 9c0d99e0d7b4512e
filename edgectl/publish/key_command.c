/*
 * Making, showing and changing signing keys. The first set is made here and
 * carried to each edge by hand; every later one goes out as a bundle signed
 * by enough of the old keys and of the new (replication protocol, Keys).
 */
#include "edgectl/publish/key_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/run/file.h"
#include "edgectl/output.h"
#include "edgectl/place.h"
#include "edgectl/publish/order.h"
#include "edgectl/publish/trust_store.h"

/* ---- showing ------------------------------------------------------------ */

static json_t *trust_json(const struct bundle_trust *t,
	const struct signing *signing)
{
	json_t *keys = json_array();
	json_t *names = json_array();

	for (size_t i = 0; i < t->key_count; i++) {
		const struct bundle_trust_key *k = &t->keys[i];
		char id[2 * BUNDLE_KEY_ID_LEN + 1];
		bool is_ours = false;

		str_hex(k->id, sizeof(k->id), id);
		for (size_t n = 0; signing != NULL && n < signing->count; n++)
			is_ours |= digest_eq(k->public_key,
				signing->signers[n].public_key,
				BUNDLE_KEY_LEN);
		json_array_append_new(keys, json_pack("{s:s,s:s,s:b}", "id",
			id, "name", k->name, "here", is_ours));
	}
	for (size_t i = 0; i < t->publisher_count; i++)
		json_array_append_new(names, json_string(t->publishers[i]));
	return json_pack("{s:b,s:s,s:I,s:I,s:o,s:o}", "ok", 1, "deployment",
		t->deployment, "serial", (json_int_t)t->serial, "threshold",
		(json_int_t)t->threshold, "keys", keys, "publishers", names);
}

static void print_trust(FILE *to, const json_t *object)
{
	static const struct output_field FIELDS[] = {
		{"Deployment", "deployment", ""},
		{"Serial", "serial", ""},
		{"Signatures wanted", "threshold", ""},
		{"Publishers", "publishers", ""},
		{"Key file", "file", ""},
		{"Edges with this set", "edges", ""},
		{"Not yet", "lacking", ""},
	};
	static const struct output_column COLUMNS[] = {
		{"KEY", "id", 0},
		{"NAME", "name", 0},
		{"SIGNS HERE", "here", 0},
	};

	output_fields(to, object, FIELDS, ARRAY_COUNT(FIELDS));
	putc('\n', to);
	output_table(to, json_object_get(object, "keys"), COLUMNS,
		ARRAY_COUNT(COLUMNS));
	if (json_is_true(json_object_get(object, "rotated")))
		fputs("\nThe service brings it to the edges; 'edgectl publish "
		      "key show' says who has it. A key that shall sign here "
		      "belongs into 'signing' of publisher.yaml, then restart "
		      "the service.\n", to);
	if (json_is_false(json_object_get(object, "made")))
		fputs("\nNothing was made: the key was there already. Another "
		      "one: --file FILE, then 'edgectl publish key rotate "
		      "--add FILE --with FILE'.\n", to);
}

/* Who believes this set by now, as far as each was heard of: until nobody is
 * left, an old key still counts somewhere. */
static int add_edges(json_t *object, struct record *r,
	const struct bundle_trust *t, struct why *why)
{
	struct record_replica *rows = NULL;
	json_t *lacking = json_array();
	size_t count = 0;
	int err = record_list_replicas(r, &rows, &count, why);
	char text[64];

	for (size_t i = 0; i < count; i++) {
		json_t *status = json_loads(rows[i].status, 0, NULL);
		json_int_t has = json_integer_value(json_object_get(status,
			"trust_serial"));

		json_decref(status);
		if (has < (json_int_t)t->serial)
			json_array_append_new(lacking,
				json_string(rows[i].fqdn));
	}
	snprintf(text, sizeof(text), "%zu of %zu",
		count - json_array_size(lacking), count);
	if (err == 0 && count > 0) {
		json_object_set_new(object, "edges", json_string(text));
		json_object_set(object, "lacking", lacking);
	}
	json_decref(lacking);
	record_replicas_free(rows, count);
	return err;
}

static int show(struct cmd_call *call, const struct publish_conf *conf,
	struct record *r)
{
	struct signing signing;
	struct bundle_trust trust;
	struct why why = {""};
	struct why none = {""};
	json_t *object;
	int err = trust_store_load(r, &trust, &why);

	if (err < 0)
		return cmd_fail(call, CMD_FAILED, err, &why);
	/* A machine without the key may look, too. */
	if (signing_open(&signing, conf, &none) < 0)
		signing.count = 0;
	object = trust_json(&trust, &signing);
	signing_fini(&signing);
	err = add_edges(object, r, &trust, &why);
	if (err < 0) {
		json_decref(object);
		return cmd_fail(call, CMD_USAGE, err, &why);
	}
	output_print(call, object, print_trust);
	return CMD_OK;
}

/* ---- making ------------------------------------------------------------- */

static int write_key(const char *path, const struct bundle_key *key,
	struct why *why)
{
	struct place_file file = {.path = path, .mode = 0600,
		.uid = (uid_t)-1, .gid = (gid_t)-1};
	char *pem = NULL;
	int err = bundle_key_pem(key, &pem, why);

	if (err < 0)
		return err;
	file.data = pem;
	file.len = strlen(pem);
	err = place_file(&file, why);
	if (err == -EEXIST)
		why_set(why, err, "%s is there already: a key is never "
			"overwritten; name another file", path);
	digest_wipe(pem, strlen(pem));
	free(pem);
	return err;
}

static int add_key(struct bundle_trust *t,
	const uint8_t public_key[static BUNDLE_KEY_LEN], const char *name,
	struct why *why)
{
	struct bundle_trust_key *k;

	for (size_t i = 0; i < t->key_count; i++)
		if (digest_eq(t->keys[i].public_key, public_key,
			    BUNDLE_KEY_LEN))
			return why_set(why, -EEXIST,
				"this key is among them already");
	if (t->key_count == BUNDLE_TRUST_KEYS_MAX)
		return why_set(why, EDGE_ETOOBIG, "more than %u keys",
			BUNDLE_TRUST_KEYS_MAX);
	k = &t->keys[t->key_count++];
	memset(k, 0, sizeof(*k));
	memcpy(k->public_key, public_key, BUNDLE_KEY_LEN);
	bundle_key_id(public_key, k->id);
	snprintf(k->name, sizeof(k->name), "%s", name);
	return 0;
}

/* Our own signers become the first set of keys. */
static int first_trust(struct record *r, const struct publish_conf *conf,
	struct bundle_trust *t, struct signing *signing, struct why *why)
{
	int err = signing_open(signing, conf, why);

	memset(t, 0, sizeof(*t));
	trust_store_uuid(t->deployment);
	t->serial = 1;
	t->threshold = 1;
	snprintf(t->publishers[0], sizeof(t->publishers[0]), "%s",
		conf->name);
	t->publisher_count = 1;
	for (size_t i = 0; i < signing->count && err == 0; i++)
		err = add_key(t, signing->signers[i].public_key, conf->name,
			why);
	return err == 0 ? trust_store_first(r, t, why) : err;
}

/* The key file of the configuration, or the one that is named. The first
 * key makes the deployment; later ones come in by `rotate`. */
static int generate(struct cmd_call *call, const struct publish_conf *conf,
	struct record *r)
{
	const char *path = cmd_get(call, "file") != NULL ?
		cmd_get(call, "file") : conf->signers[0].key;
	struct signing signing = {.count = 0};
	struct bundle_trust trust;
	struct bundle_key *key = NULL;
	struct why none = {""};
	struct why why = {""};
	json_t *object;
	bool is_made = path != NULL && (access(path, F_OK) != 0 ||
		cmd_get(call, "file") != NULL);
	int err = 0;

	if (is_made) {
		err = bundle_key_make(&key, &why);
		if (err == 0)
			err = write_key(path, key, &why);
		if (err == 0)
			err = file_settle(path, &why);
		bundle_key_free(key);
	}
	if (err == 0) {
		err = trust_store_load(r, &trust, &why);
		if (err == -ENOENT)
			err = first_trust(r, conf, &trust, &signing, &why);
		else if (err == 0 && signing_open(&signing, conf, &none) < 0)
			signing.count = 0;
	}
	if (err < 0) {
		signing_fini(&signing);
		return cmd_fail(call, CMD_FAILED, err, &why);
	}
	object = trust_json(&trust, &signing);
	/* Behind a command it is not ours to make. */
	if (path != NULL) {
		json_object_set_new(object, "file", json_string(path));
		json_object_set_new(object, "made", json_boolean(is_made));
	}
	output_print(call, object, print_trust);
	signing_fini(&signing);
	return CMD_OK;
}

/* ---- changing ----------------------------------------------------------- */

/* "FILE" or "NAME=FILE". */
static int apply_add(struct bundle_trust *t, const char *word,
	struct why *why)
{
	const char *equals = strchr(word, '=');
	uint8_t public_key[BUNDLE_KEY_LEN];
	const char *path = equals != NULL ? equals + 1 : word;
	char name[64];
	int err = signing_read_public(path, public_key, why);

	snprintf(name, sizeof(name), "%.*s",
		equals != NULL ? (int)(equals - word) : 40, equals != NULL ?
		word : strrchr(word, '/') != NULL ? strrchr(word, '/') + 1 :
		word);
	return err == 0 ? add_key(t, public_key, name, why) : err;
}

static int apply_remove(struct bundle_trust *t, const char *word,
	struct why *why)
{
	size_t found = t->key_count;
	size_t hits = 0;

	for (size_t i = 0; i < t->key_count; i++) {
		char id[2 * BUNDLE_KEY_ID_LEN + 1];

		str_hex(t->keys[i].id, sizeof(t->keys[i].id), id);
		if (strcmp(t->keys[i].name, word) != 0 &&
			(strlen(word) < 8 ||
				strncmp(id, word, strlen(word)) != 0))
			continue;
		found = i;
		hits++;
	}
	if (hits != 1)
		return why_set(why, EDGE_EUNKNOWN, "%s key is called '%.80s': "
			"'edgectl publish key show' lists them by id and name",
			hits == 0 ? "no" : "more than one", word);
	memmove(&t->keys[found], &t->keys[found + 1],
		(t->key_count - found - 1) * sizeof(t->keys[0]));
	t->key_count--;
	return 0;
}

static int apply_publishers(struct bundle_trust *t,
	const struct cmd_call *call, struct why *why)
{
	const char *name;

	if (cmd_get_nth(call, "name", 0) == NULL)
		return 0;
	t->publisher_count = 0;
	for (size_t i = 0; (name = cmd_get_nth(call, "name", i)) != NULL;
		i++) {
		if (i == BUNDLE_TRUST_PUBLISHERS_MAX)
			return why_set(why, EDGE_ETOOBIG,
				"more than %u publishers",
				BUNDLE_TRUST_PUBLISHERS_MAX);
		snprintf(t->publishers[t->publisher_count++],
			sizeof(t->publishers[0]), "%s", name);
	}
	return 0;
}

static int apply_changes(struct bundle_trust *t, const struct cmd_call *call,
	struct why *why)
{
	uint32_t threshold = t->threshold;
	const char *word;
	int err = 0;

	for (size_t i = 0; err == 0 &&
		(word = cmd_get_nth(call, "add", i)) != NULL; i++)
		err = apply_add(t, word, why);
	for (size_t i = 0; err == 0 &&
		(word = cmd_get_nth(call, "remove", i)) != NULL; i++)
		err = apply_remove(t, word, why);
	if (err == 0)
		err = apply_publishers(t, call, why);
	if (err == 0 && cmd_get(call, "threshold") != NULL &&
		(str_to_u32(str_of(cmd_get(call, "threshold")), &threshold) <
				0 ||
			threshold < 1))
		err = why_set(why, EDGE_ECONFIG,
			"--threshold: a number of signatures is wanted");
	if (err == 0 && threshold > t->key_count)
		err = why_set(why, EDGE_ECONFIG, "%u signature%s of %zu "
			"key%s can't be had: add keys with --add%s", threshold,
			threshold == 1 ? "" : "s", t->key_count,
			t->key_count == 1 ? "" : "s", threshold > 1 ?
				", or lower --threshold" : "");
	t->threshold = threshold;
	t->serial++;
	return err;
}

static bool has_changes(const struct cmd_call *call)
{
	static const char *const OPTIONS[] = {"add", "remove", "threshold",
		"name"};

	for (size_t i = 0; i < ARRAY_COUNT(OPTIONS); i++)
		if (cmd_has(call, OPTIONS[i]))
			return true;
	return false;
}

static int rotate(struct cmd_call *call, const struct publish_conf *conf,
	struct record *r)
{
	struct signing signing = {.count = 0};
	struct bundle_trust old;
	struct bundle_trust next;
	struct why why = {""};
	const char *word;
	char *leader = NULL;
	uint32_t epoch = 0;
	json_t *object;
	int err = trust_store_load(r, &old, &why);

	if (err == 0 && !has_changes(call))
		return cmd_fail_text(call, CMD_USAGE, "what is to change? "
			"--add, --remove, --threshold or --name says so");
	next = old;
	if (err == 0)
		err = apply_changes(&next, call, &why);
	if (err == 0)
		err = signing_open(&signing, conf, &why);
	for (size_t i = 0; err == 0 &&
		(word = cmd_get_nth(call, "with", i)) != NULL; i++)
		err = signing_add_file(&signing, word, &why);
	if (err == 0)
		err = record_leader(r, &leader, &epoch, &why);
	free(leader);
	if (err == 0)
		err = trust_store_next(r, epoch, &old, &next, &signing,
			conf->name, &why);
	if (err < 0) {
		signing_fini(&signing);
		return cmd_fail(call, CMD_FAILED, err, &why);
	}
	object = trust_json(&next, &signing);
	json_object_set_new(object, "rotated", json_true());
	output_print(call, object, print_trust);
	signing_fini(&signing);
	return CMD_OK;
}

/* ---- the verb ----------------------------------------------------------- */

int key_command(struct cmd_call *call)
{
	static const struct {
		const char *word;
		int (*run)(struct cmd_call *call,
			const struct publish_conf *conf, struct record *r);
	} WORDS[] = {{"generate", generate}, {"show", show},
		{"rotate", rotate}};
	struct publish_conf *conf = order_conf(call);
	struct record *r = NULL;
	struct why why = {""};
	int status = -1;
	int err;

	if (conf == NULL)
		return CMD_USAGE;
	err = record_open(&r, conf->driver, conf->record, &why);
	for (size_t i = 0; i < ARRAY_COUNT(WORDS) && err == 0; i++)
		if (strcmp(call->argv[0], WORDS[i].word) == 0)
			status = WORDS[i].run(call, conf, r);
	if (err < 0)
		status = cmd_fail(call, CMD_USAGE, err, &why);
	else if (status < 0)
		status = cmd_fail_text(call, CMD_USAGE, "'%s': generate, show "
			"or rotate", call->argv[0]);
	record_close(r);
	publish_conf_free(conf);
	return status;
}
