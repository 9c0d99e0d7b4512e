/*
 * The manifest, struct to canonical text and back, by one table of members.
 * Signatures and payload are bundle_read.c's; whether the version may be
 * taken is bundle_version.c's.
 */
#include "common/bundle/bundle_manifest.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/bundle/bundle_json.h"

static const char *const TYPES[] = {
	[BUNDLE_TOPOLOGY] = "topology",
	[BUNDLE_TRUST] = "trust",
	[BUNDLE_HEAD] = "head",
};

static const char *const CODECS[] = {
	[BUNDLE_PLAIN] = "none",
	[BUNDLE_ZSTD] = "zstd",
};

const char *bundle_type_name(enum bundle_type type)
{
	return TYPES[type];
}

/* ---- members ------------------------------------------------------------ */

enum kind {
	KIND_U32,
	KIND_U64,
	KIND_WALL,
	KIND_TEXT,
	KIND_SHA,       /* may be "" */
	KIND_SHA_NEEDED,
};

/* Members that are one value; the rest is by hand below. */
struct member {
	const char *name;
	enum kind kind;
	size_t at; /* offset in struct bundle_manifest */
	size_t cap;
	bool not_in_head; /* describes a payload */
	bool head_only;
};

#define AT(m)   offsetof(struct bundle_manifest, m)
#define ROOM(m) sizeof(((struct bundle_manifest *)NULL)->m)

static const struct member MEMBERS[] = {
	{.name = "created", .kind = KIND_WALL, .at = AT(created)},
	{.name = "expires", .kind = KIND_WALL, .at = AT(expires)},
	{.name = "epoch", .kind = KIND_U32, .at = AT(version.epoch)},
	{.name = "serial", .kind = KIND_U64, .at = AT(version.serial)},
	{.name = "schema", .kind = KIND_U32, .at = AT(schema)},
	{.name = "prev_sha256", .kind = KIND_SHA, .at = AT(prev_sha256)},
	{.name = "publisher",
		.kind = KIND_TEXT,
		.at = AT(publisher),
		.cap = ROOM(publisher)},
	{.name = "reason",
		.kind = KIND_TEXT,
		.at = AT(reason),
		.cap = ROOM(reason)},
	{.name = "rows",
		.kind = KIND_U64,
		.at = AT(rows),
		.not_in_head = true},
	{.name = "raw_len",
		.kind = KIND_U64,
		.at = AT(raw_len),
		.not_in_head = true},
	{.name = "raw_sha256",
		.kind = KIND_SHA_NEEDED,
		.at = AT(raw_sha256),
		.not_in_head = true},
	{.name = "payload_len",
		.kind = KIND_U64,
		.at = AT(payload_len),
		.not_in_head = true},
	{.name = "payload_sha256",
		.kind = KIND_SHA_NEEDED,
		.at = AT(payload_sha256),
		.not_in_head = true},
	{.name = "of",
		.kind = KIND_SHA_NEEDED,
		.at = AT(of),
		.head_only = true},
};

static bool is_in(const struct member *row, enum bundle_type type)
{
	return type == BUNDLE_HEAD ? !row->not_in_head : !row->head_only;
}

/* All names there are, for the refusal of others. */
static const char *const NAMES[] = {"type", "deployment", "created",
	"expires", "epoch", "serial", "schema", "prev_sha256", "publisher",
	"reason", "rows", "raw_len", "raw_sha256", "payload_len",
	"payload_sha256", "codec", "rollback_of", "min_agent", "targets",
	"parts", "parts_sha256", "of", NULL};

/* ---- reading ------------------------------------------------------------ */

static int read_member(const json_t *o, const struct member *row, void *to,
	struct why *why)
{
	uint64_t number = 0;
	int err;

	switch (row->kind) {
	case KIND_U32:
		err = bundle_json_number(o, row->name, UINT32_MAX, &number,
			why);
		if (err == 0)
			*(uint32_t *)to = (uint32_t)number;
		return err;
	case KIND_U64:
		return bundle_json_number(o, row->name, INT64_MAX, to, why);
	case KIND_WALL:
		err = bundle_json_number(o, row->name, INT64_MAX, &number,
			why);
		if (err == 0)
			((struct wall *)to)->s = (int64_t)number;
		return err;
	case KIND_TEXT:
		return bundle_json_text(o, row->name, to, row->cap, why);
	case KIND_SHA:
	case KIND_SHA_NEEDED:
		return bundle_json_sha(o, row->name, row->kind == KIND_SHA,
			to, why);
	}
	return EDGE_EMALFORMED;
}

static int read_word(const json_t *o, const char *name,
	const char *const *words, size_t count, unsigned *out,
	struct why *why)
{
	const char *text = json_string_value(json_object_get(o, name));

	for (size_t i = 0; text != NULL && i < count; i++) {
		if (strcmp(words[i], text) == 0) {
			*out = (unsigned)i;
			return 0;
		}
	}
	return why_set(why, EDGE_EMALFORMED, "%s: missing or unknown", name);
}

static int read_targets(const json_t *o, struct bundle_manifest *m,
	struct why *why)
{
	const json_t *list = json_object_get(o, "targets");
	size_t count = json_array_size(list);

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || count == 0 || count > BUNDLE_TARGETS_MAX)
		return why_set(why, EDGE_EMALFORMED,
			"targets: not a list of 1 to %u pools",
			BUNDLE_TARGETS_MAX);
	m->targets = calloc(count, sizeof(*m->targets));
	if (m->targets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *name =
			json_string_value(json_array_get(list, i));

		if (name == NULL || !bundle_is_name(name))
			return why_set(why, EDGE_EMALFORMED,
				"targets: not a lower-case name");
		memcpy(m->targets[i], name, strlen(name) + 1);
		m->target_count++;
	}
	return 0;
}

static int read_parts(const json_t *o, struct bundle_manifest *m,
	struct why *why)
{
	uint64_t count = 0;
	int err;

	if (json_object_get(o, "parts") == NULL &&
		json_object_get(o, "parts_sha256") == NULL)
		return 0;
	err = bundle_json_number(o, "parts", UINT32_MAX, &count, why);
	if (err == 0)
		err = bundle_json_sha(o, "parts_sha256", false,
			m->parts_sha256, why);
	if (err == 0 && (count == 0 || m->type != BUNDLE_TOPOLOGY))
		err = why_set(why, EDGE_EMALFORMED,
			"parts: a topology has them, and then one at least");
	m->parts = (uint32_t)count;
	return err;
}

/* There and empty would print as absent, which is another manifest. */
static int read_min_agent(const json_t *o, struct bundle_manifest *m,
	struct why *why)
{
	int err;

	if (json_object_get(o, "min_agent") == NULL)
		return 0;
	err = bundle_json_text(o, "min_agent", m->min_agent,
		sizeof(m->min_agent), why);
	if (err == 0 && m->min_agent[0] == '\0')
		err = why_set(why, EDGE_EMALFORMED, "min_agent: empty");
	return err;
}

static int read_optional(const json_t *o, struct bundle_manifest *m,
	struct why *why)
{
	int err = 0;

	if (json_object_get(o, "rollback_of") != NULL) {
		m->is_rollback = true;
		err = bundle_json_version(o, "rollback_of", &m->rollback_of,
			why);
	}
	if (err == 0)
		err = read_min_agent(o, m, why);
	if (err == 0)
		err = read_targets(o, m, why);
	if (err == 0)
		err = read_parts(o, m, why);
	return err;
}

/* A member of the other kind of bundle is unknown, too. */
static int check_kind(const json_t *o, enum bundle_type type, struct why *why)
{
	for (size_t i = 0; i < ARRAY_COUNT(MEMBERS); i++) {
		const struct member *row = &MEMBERS[i];

		if (!is_in(row, type) && json_object_get(o, row->name) != NULL)
			return why_set(why, EDGE_EMALFORMED,
				"%s: has no place in a %s", row->name,
				TYPES[type]);
	}
	if (type == BUNDLE_HEAD && json_object_get(o, "codec") != NULL)
		return why_set(why, EDGE_EMALFORMED,
			"codec: has no place in a head");
	return 0;
}

static int read_all(const json_t *o, struct bundle_manifest *m,
	struct why *why)
{
	unsigned word = 0;
	int err = bundle_json_only(o, NAMES, why);

	if (err == 0)
		err = read_word(o, "type", TYPES, ARRAY_COUNT(TYPES), &word,
			why);
	m->type = (enum bundle_type)word;
	if (err == 0)
		err = check_kind(o, m->type, why);
	if (err == 0)
		err = bundle_json_uuid(o, "deployment", m->deployment, why);
	for (size_t i = 0; i < ARRAY_COUNT(MEMBERS) && err == 0; i++)
		if (is_in(&MEMBERS[i], m->type))
			err = read_member(o, &MEMBERS[i],
				(char *)m + MEMBERS[i].at, why);
	if (err == 0 && m->type != BUNDLE_HEAD) {
		err = read_word(o, "codec", CODECS, ARRAY_COUNT(CODECS),
			&word, why);
		m->codec = (enum bundle_codec)word;
	}
	if (err == 0)
		err = read_optional(o, m, why);
	/* Epoch 0 numbers what a host made by itself. */
	if (err == 0 && m->version.epoch == 0 && m->type != BUNDLE_TRUST)
		err = why_set(why, EDGE_EMALFORMED, "epoch: begins with 1");
	if (err == 0 && m->expires.s <= m->created.s)
		err = why_set(why, EDGE_EMALFORMED,
			"expires: not after created");
	return err;
}

int bundle_manifest_read(struct bundle_manifest *out, struct str text,
	struct why *why)
{
	struct bundle_manifest m = {.type = BUNDLE_TOPOLOGY};
	json_t *o = NULL;
	int err = bundle_json_object(&o, text, BUNDLE_MANIFEST_MAX, why);

	if (err == 0)
		err = read_all(o, &m, why);
	json_decref(o);
	if (err < 0) {
		bundle_manifest_fini(&m);
		return why_prefix(why, err, "manifest");
	}
	*out = m;
	return 0;
}

void bundle_manifest_fini(struct bundle_manifest *m)
{
	free(m->targets);
	m->targets = NULL;
	m->target_count = 0;
}

/* ---- printing ----------------------------------------------------------- */

static json_t *member_json(const struct member *row, const void *from)
{
	switch (row->kind) {
	case KIND_U32:
		return json_integer(*(const uint32_t *)from);
	case KIND_U64:
		return json_integer((json_int_t) * (const uint64_t *)from);
	case KIND_WALL:
		return json_integer(((const struct wall *)from)->s);
	case KIND_TEXT:
	case KIND_SHA:
	case KIND_SHA_NEEDED:
		break;
	}
	return json_string(from);
}

static json_t *targets_json(const struct bundle_manifest *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->target_count; i++)
		json_array_append_new(list, json_string(m->targets[i]));
	return list;
}

static json_t *manifest_json(const struct bundle_manifest *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "type", json_string(TYPES[m->type]));
	json_object_set_new(o, "deployment", json_string(m->deployment));
	for (size_t i = 0; i < ARRAY_COUNT(MEMBERS); i++)
		if (is_in(&MEMBERS[i], m->type))
			json_object_set_new(o, MEMBERS[i].name,
				member_json(&MEMBERS[i],
					(const char *)m + MEMBERS[i].at));
	if (m->type != BUNDLE_HEAD)
		json_object_set_new(o, "codec",
			json_string(CODECS[m->codec]));
	if (m->is_rollback)
		json_object_set_new(o, "rollback_of",
			json_pack("{s:I, s:I}", "epoch",
				(json_int_t)m->rollback_of.epoch, "serial",
				(json_int_t)m->rollback_of.serial));
	if (m->min_agent[0] != '\0')
		json_object_set_new(o, "min_agent", json_string(m->min_agent));
	if (m->parts > 0) {
		json_object_set_new(o, "parts", json_integer(m->parts));
		json_object_set_new(o, "parts_sha256",
			json_string(m->parts_sha256));
	}
	if (m->target_count > 0)
		json_object_set_new(o, "targets", targets_json(m));
	return o;
}

int bundle_manifest_print(const struct bundle_manifest *m, char **text,
	struct why *why)
{
	struct bundle_manifest again;
	json_t *o = manifest_json(m);
	char *p = o != NULL ? bundle_json_canonical(o) : NULL;
	int err;

	json_decref(o);
	if (p == NULL)
		return why_set(why, EDGE_EMALFORMED,
			"manifest: a text in it is not UTF-8");
	/* What no one could read must not be signed. */
	err = bundle_manifest_read(&again, str_of(p), why);
	if (err < 0) {
		free(p);
		return err;
	}
	bundle_manifest_fini(&again);
	*text = p;
	return 0;
}

bool bundle_manifest_is_for(const struct bundle_manifest *m, const char *pool)
{
	for (size_t i = 0; i < m->target_count; i++)
		if (strcmp(m->targets[i], pool) == 0)
			return true;
	return m->target_count == 0;
}
