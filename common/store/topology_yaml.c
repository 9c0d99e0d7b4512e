/*
 * topology.yaml to rows: shape, types and names are checked here, key by
 * key, with file:line:column; what the rows mean together is judged by
 * topology_check.c. A file is read by filling a scratch schema, so that
 * parsing and applying can't disagree. Dumping is topology_yaml_dump.c.
 */
#include "common/store/topology_yaml.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/run/setting.h"
#include "common/store/generation.h"
#include "common/store/sql.h"
#include "common/store/topology_yaml_word.h"

#define SPKI_LEN       32u
#define UUID_LEN       36u
#define LIST_ITEMS_MAX 1024u

struct topology_yaml {
	struct yaml_doc *doc;
};

/* ---- domains ------------------------------------------------------------ */

static int fill_domains(struct topology_fill *f)
{
	const struct yaml_node *list = yaml_get(f->root, "domains");

	if (list == NULL || yaml_kind(list) != YAML_LIST ||
		yaml_count(list) == 0)
		return yaml_fault(list != NULL ? list : f->root, f->why,
			"'domains' needs a list of SIP domains, the first one "
			"is the default: domains: [example.com]");
	for (size_t i = 0; i < yaml_count(list); i++) {
		const struct yaml_node *item = yaml_item(list, i);
		char name[DNS_NAME_LEN];
		int err = topology_read_name(item, "a SIP domain", name,
			f->why);

		if (err < 0)
			return err;
		err = sql_run(f->db, f->why,
			"INSERT INTO sip_domain(name, is_default)"
			" VALUES(?, ?) ON CONFLICT DO NOTHING", "ti", name,
			(int64_t)(i == 0));
		if (err < 0)
			return err;
		if (sqlite3_changes(f->db) == 0)
			return yaml_fault(item, f->why,
				"'%s' is listed twice", name);
	}
	return 0;
}

/* ---- settings ----------------------------------------------------------- */

/* The daemon that has a setting of this name, NULL when none has. */
static const char *owner_of(const char *name)
{
	for (size_t i = 0; i < setting_count(); i++)
		if (strcmp(setting_at(i)->name, name) == 0)
			return setting_at(i)->component;
	return NULL;
}

static int unknown_setting(const struct yaml_node *value,
	const char *component, const char *name, struct why *why)
{
	const char *owner = owner_of(name);
	const char *near = setting_nearest(component, name);

	if (owner != NULL)
		return yaml_key_fault(value, why,
			"%s has no setting '%s': it is one of %s, put it "
			"there", component, name, owner);
	if (near != NULL)
		return yaml_key_fault(value, why,
			"%s has no setting '%s': did you mean '%s'?",
			component, name, near);
	return yaml_key_fault(value, why,
		"%s has no setting '%s': see topology.yaml(5)", component,
		name);
}

static int fill_setting(struct topology_fill *f, const struct yaml_node *value,
	const char *scope, const char *component, const char *name)
{
	const struct setting_def *def = setting_find(component, name);
	struct str items[LIST_ITEMS_MAX];
	size_t count = topology_item_count(value);
	struct why why = {""};
	char *json = NULL;
	int err;

	if (def == NULL)
		return unknown_setting(value, component, name, f->why);
	if (yaml_kind(value) == YAML_MAP || count > ARRAY_COUNT(items))
		return yaml_fault(value, f->why,
			"%s: a value or a list of values belongs here", name);
	for (size_t i = 0; i < count; i++)
		items[i] = yaml_text(topology_item_at(value, i));
	err = setting_from_text(def, items, count,
		yaml_kind(value) == YAML_LIST, &json, &why);
	if (err < 0)
		return yaml_fault(value, f->why, "%s", why_text(&why, err));
	err = sql_run(f->db, f->why,
		"INSERT INTO setting(scope, component, key, value)"
		" VALUES(?, ?, ?, ?)", "tttt", scope, component, name, json);
	free(json);
	return err;
}

/* The daemons that have settings, each once. */
static size_t component_names(const char **out, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < setting_count(); i++) {
		const char *name = setting_at(i)->component;
		size_t k = 0;

		if (strcmp(name, "topology") == 0)
			continue;
		while (k < count && strcmp(out[k], name) != 0)
			k++;
		if (k == count && count < cap)
			out[count++] = name;
	}
	return count;
}

int topology_fill_settings(struct topology_fill *f,
	const struct yaml_node *settings, const char *scope)
{
	const char *names[16];
	size_t count = component_names(names, ARRAY_COUNT(names));
	int err;

	if (settings == NULL)
		return 0;
	err = yaml_check_keys(settings, names, count, f->why);
	for (size_t i = 0; i < yaml_count(settings) && err == 0; i++) {
		const struct yaml_node *map;
		struct str component = yaml_key_at(settings, i, &map);

		err = topology_need_map(map, "a map of settings", f->why);
		for (size_t k = 0; k < yaml_count(map) && err == 0; k++) {
			const struct yaml_node *value;
			struct str name = yaml_key_at(map, k, &value);

			/* Keys are NUL-terminated in their document. */
			err = fill_setting(f, value, scope, component.p,
				name.p);
		}
	}
	return err;
}

static int fill_lab(struct topology_fill *f)
{
	const struct yaml_node *node = yaml_get(f->root, "lab");
	bool on;
	int err;

	if (node == NULL)
		return 0;
	err = topology_read_bool(node, &on, f->why);
	if (err < 0)
		return err;
	return sql_run(f->db, f->why,
		"INSERT INTO setting(scope, component, key, value)"
		" VALUES('global', 'topology', 'lab', ?)", "t",
		on ? "true" : "false");
}

/* ---- servers ------------------------------------------------------------ */

struct server {
	char fqdn[DNS_NAME_LEN];
	bool has_pin;
	uint8_t pin[SPKI_LEN];
	struct str uuid; /* .n 0 = none */
};

static int read_pin(const struct yaml_node *node, struct server *s,
	struct why *why)
{
	size_t len = 0;

	if (str_unhex(yaml_text(node), s->pin, sizeof(s->pin), &len) < 0 ||
		len != sizeof(s->pin))
		return yaml_fault(node, why,
			"the SHA-256 of the server's public key belongs here, "
			"64 hex digits");
	s->has_pin = true;
	return 0;
}

static int read_uuid(const struct yaml_node *node, struct server *s,
	struct why *why)
{
	struct str text = yaml_text(node);

	for (size_t i = 0; i < text.n && text.n == UUID_LEN; i++) {
		char c = text.p[i];
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool is_hex = (c >= '0' && c <= '9') ||
			(c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (is_dash ? c != '-' : !is_hex)
			text.n = 0;
	}
	if (text.n != UUID_LEN)
		return yaml_fault(node, why,
			"a UUID belongs here, e.g. "
			"0f7a2c1e-5b7d-4f0e-9a53-1f2f3b4c5d6e");
	s->uuid = text;
	return 0;
}

static int fill_grant(struct topology_fill *f, const struct server *s,
	const struct yaml_node *node)
{
	static const char *const WORDS[] = {"sip", "av-auth", "webconf",
		"replication"};
	bool is_webconf;
	size_t word = 0;
	int err;

	err = topology_read_word(node, WORDS, ARRAY_COUNT(WORDS), &word,
		f->why);
	if (err < 0)
		return err;
	is_webconf = strcmp(WORDS[word], "webconf") == 0;
	err = sql_run(f->db, f->why,
		"INSERT INTO trusted_server(fqdn, edge_pool, grants,"
		" server_uuid, spki_sha256) SELECT ?, pool_id, ?, ?, ?"
		" FROM pool WHERE true ON CONFLICT DO NOTHING", "tttb",
		s->fqdn, WORDS[word],
		is_webconf && s->uuid.n > 0 ? s->uuid.p : NULL,
		s->has_pin ? (const void *)s->pin : NULL, sizeof(s->pin));
	if (err == 0 && sqlite3_changes(f->db) == 0)
		err = yaml_fault(node, f->why, "'%s' is granted twice",
			WORDS[word]);
	return err;
}

static int fill_server(struct topology_fill *f, struct str key,
	const struct yaml_node *node)
{
	static const char *const KEYS[] = {"grants", "pin", "webconf_id"};
	const struct yaml_node *grants = node;
	const struct yaml_node *pin = NULL;
	const struct yaml_node *uuid = NULL;
	struct server s = {.has_pin = false};
	int err;

	err = topology_read_key_name(node, key, "the name of a server", s.fqdn,
		f->why);
	if (err == 0 && yaml_kind(node) == YAML_MAP) {
		err = yaml_check_keys(node, KEYS, ARRAY_COUNT(KEYS), f->why);
		grants = yaml_get(node, "grants");
		pin = yaml_get(node, "pin");
		uuid = yaml_get(node, "webconf_id");
	}
	if (err == 0 && pin != NULL)
		err = read_pin(pin, &s, f->why);
	if (err == 0 && uuid != NULL)
		err = read_uuid(uuid, &s, f->why);
	if (err < 0)
		return err;
	if (grants == NULL || yaml_kind(grants) != YAML_LIST ||
		yaml_count(grants) == 0)
		return yaml_fault(grants != NULL ? grants : node, f->why,
			"a list of what it may ask belongs here: [sip, "
			"av-auth, webconf, replication]");
	for (size_t i = 0; i < yaml_count(grants) && err == 0; i++)
		err = fill_grant(f, &s, yaml_item(grants, i));
	return err;
}

/* ---- partners and providers --------------------------------------------- */

static const char *const LEVELS[] = {"always", "source", "never"};
#define LEVEL_SOURCE 1

struct partner {
	char domain[DNS_NAME_LEN];
	char edge[DNS_NAME_LEN]; /* "" = found by SRV */
	uint16_t port;           /* 0 = none given */
	size_t level;
	struct str note;
};

static int read_partner(const struct yaml_node *node, struct partner *p,
	struct why *why)
{
	static const char *const KEYS[] = {"edge", "verification", "note"};
	const struct yaml_node *edge = yaml_get(node, "edge");
	const struct yaml_node *level = yaml_get(node, "verification");
	const struct yaml_node *note = yaml_get(node, "note");
	int err = yaml_check_keys(node, KEYS, ARRAY_COUNT(KEYS), why);

	if (err == 0 && edge != NULL)
		err = topology_read_target(edge, TOPOLOGY_SIP_TLS_PORT,
			p->edge, &p->port, why);
	if (err == 0 && level != NULL)
		err = topology_read_word(level, LEVELS, ARRAY_COUNT(LEVELS),
			&p->level, why);
	if (err == 0 && note != NULL)
		err = topology_read_text(note, &p->note, why);
	return err;
}

/* "example.org", or "*.example.org" for everything below it. */
static int read_domain(const struct yaml_node *node, struct str key,
	char out[static DNS_NAME_LEN], struct why *why)
{
	size_t at = str_starts(key, "*.") ? 2 : 0;
	char name[DNS_NAME_LEN];
	int err = topology_read_key_name(node, str_skip(key, at),
		"a SIP domain, or *. and a SIP domain,", name, why);

	if (err == 0 && (size_t)snprintf(out, DNS_NAME_LEN, "%s%s",
		at > 0 ? "*." : "", name) >= DNS_NAME_LEN)
		err = yaml_key_fault(node, why, "the name is too long");
	return err;
}

static int fill_partner(struct topology_fill *f, struct str key,
	const struct yaml_node *node)
{
	static const char *const ACTIONS[] = {"allow", "block"};
	struct partner p = {.level = LEVEL_SOURCE};
	size_t word = 0;
	int err;

	err = read_domain(node, key, p.domain, f->why);
	if (err == 0 && yaml_kind(node) == YAML_MAP)
		err = read_partner(node, &p, f->why);
	else if (err == 0)
		err = topology_read_word(node, ACTIONS, ARRAY_COUNT(ACTIONS),
			&word, f->why);
	if (err < 0)
		return err;
	err = sql_run(f->db, f->why,
		"INSERT INTO federated_domain(domain, action, edge_fqdn,"
		" edge_port, verification, note) VALUES(?, ?, NULLIF(?, ''),"
		" NULLIF(?, 0), ?, NULLIF(?, '')) ON CONFLICT DO NOTHING",
		"tttits", p.domain, ACTIONS[word], p.edge, (int64_t)p.port,
		LEVELS[p.level], p.note);
	if (err == 0 && sqlite3_changes(f->db) == 0)
		err = yaml_key_fault(node, f->why, "'%s' is there twice",
			p.domain);
	return err;
}

static int fill_provider(struct topology_fill *f, struct str key,
	const struct yaml_node *node)
{
	static const char *const KEYS[] = {"proxy", "kind",
		"shared_address_space", "verification", "enabled"};
	static const char *const KINDS[] = {"hosting", "public"};
	const struct yaml_node *value;
	char proxy[DNS_NAME_LEN];
	bool is_shared = false;
	bool is_enabled = true;
	size_t level = 0;
	size_t kind = 0;
	int err;

	err = yaml_check_keys(node, KEYS, ARRAY_COUNT(KEYS), f->why);
	if (err < 0)
		return err;
	if (key.n > 63)
		return yaml_key_fault(node, f->why,
			"a name of at most 63 characters belongs here");
	value = yaml_get(node, "proxy");
	if (value == NULL)
		return yaml_key_fault(node, f->why,
			"'proxy' is missing: the name of the provider's edge");
	err = topology_read_name(value, "a name", proxy, f->why);
	value = yaml_get(node, "kind");
	if (err == 0 && value != NULL)
		err = topology_read_word(value, KINDS, ARRAY_COUNT(KINDS),
			&kind, f->why);
	value = yaml_get(node, "shared_address_space");
	if (err == 0 && value != NULL)
		err = topology_read_bool(value, &is_shared, f->why);
	value = yaml_get(node, "enabled");
	if (err == 0 && value != NULL)
		err = topology_read_bool(value, &is_enabled, f->why);
	value = yaml_get(node, "verification");
	if (err == 0 && value != NULL)
		err = topology_read_word(value, LEVELS, ARRAY_COUNT(LEVELS),
			&level, f->why);
	if (err < 0)
		return err;
	err = sql_run(f->db, f->why,
		"INSERT INTO provider(name, kind, proxy_fqdn, enabled,"
		" shared_address_space, verification) VALUES(?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO NOTHING", "sttiit", key, KINDS[kind], proxy,
		(int64_t)is_enabled, (int64_t)is_shared, LEVELS[level]);
	if (err == 0 && sqlite3_changes(f->db) == 0)
		err = yaml_key_fault(node, f->why,
			"another provider has this name or the proxy '%s'",
			proxy);
	return err;
}

/* ---- the whole file ----------------------------------------------------- */

typedef int(entry_fn)(struct topology_fill *f, struct str key,
	const struct yaml_node *node);

static int fill_map(struct topology_fill *f, const char *name, entry_fn *fn)
{
	const struct yaml_node *map = yaml_get(f->root, name);
	int err = 0;

	if (map == NULL)
		return 0;
	err = topology_need_map(map, "a map by name", f->why);
	for (size_t i = 0; i < yaml_count(map) && err == 0; i++) {
		const struct yaml_node *value;
		struct str key = yaml_key_at(map, i, &value);

		err = fn(f, key, value);
	}
	return err;
}

int topology_yaml_fill(struct sqlite3 *db, void *yaml, struct why *why)
{
	static const char *const KEYS[] = {"domains", "edges", "servers",
		"partners", "providers", "settings", "lab"};
	const struct topology_yaml *y = yaml;
	struct topology_fill f = {.db = db, .why = why,
		.root = yaml_root(y->doc)};
	int err;

	err = yaml_check_keys(f.root, KEYS, ARRAY_COUNT(KEYS), why);
	if (err == 0)
		err = fill_domains(&f);
	if (err == 0)
		err = fill_lab(&f);
	if (err == 0)
		err = topology_fill_settings(&f, yaml_get(f.root, "settings"),
			"global");
	if (err == 0)
		err = topology_fill_edges(&f);
	if (err == 0)
		err = fill_map(&f, "servers", fill_server);
	if (err == 0)
		err = fill_map(&f, "partners", fill_partner);
	if (err == 0)
		err = fill_map(&f, "providers", fill_provider);
	return err;
}

/* ---- places ------------------------------------------------------------- */

/* The value of a map by its key, the item of a list by its text. */
static const struct yaml_node *child_of(const struct yaml_node *node,
	struct str key)
{
	char name[DNS_NAME_LEN];

	if (yaml_kind(node) == YAML_MAP)
		return str_copy(key, name, sizeof(name)) == 0 ?
			yaml_get(node, name) : NULL;
	for (size_t i = 0; i < yaml_count(node); i++)
		if (str_eq(yaml_text(yaml_item(node, i)), key))
			return yaml_item(node, i);
	return NULL;
}

void topology_yaml_place(const struct topology_yaml *y, const char *keys,
	const char *text, struct why *why)
{
	const struct yaml_node *parent = NULL;
	const struct yaml_node *node = yaml_root(y->doc);
	const struct yaml_node *next = node;
	struct str rest = str_of(keys);
	struct str key;

	while (next != NULL && str_split(&rest, '/', &key)) {
		next = child_of(node, key);
		if (next != NULL) {
			parent = node;
			node = next;
		}
	}
	if (parent == NULL)
		why_set(why, 0, "%s", text);
	else if (yaml_kind(parent) == YAML_MAP)
		yaml_key_fault(node, why, "%s", text);
	else
		yaml_fault(node, why, "%s", text);
}

/* ---- the parsed file ---------------------------------------------------- */

int topology_yaml_scratch(struct sqlite3 **out, struct topology_yaml *y,
	struct why *why)
{
	struct sqlite3 *db;
	int err = generation_scratch(&db, why);

	if (err < 0)
		return err;
	err = sql_script(db, why, "BEGIN");
	if (err == 0)
		err = topology_yaml_fill(db, y, why);
	if (err == 0)
		err = sql_script(db, why, "COMMIT");
	if (err < 0) {
		sqlite3_close(db);
		return err;
	}
	*out = db;
	return 0;
}

/* doc is taken, also on failure. */
static int from_document(struct topology_yaml **out, struct yaml_doc *doc,
	struct why *why)
{
	struct topology_yaml *y = calloc(1, sizeof(*y));
	struct sqlite3 *db;
	int err;

	if (y == NULL) {
		yaml_free(doc);
		return -ENOMEM;
	}
	y->doc = doc;
	err = topology_yaml_scratch(&db, y, why);
	if (err < 0) {
		topology_yaml_free(y);
		return err;
	}
	sqlite3_close(db);
	*out = y;
	return 0;
}

int topology_yaml_load(struct topology_yaml **out, const char *path,
	struct why *why)
{
	struct yaml_doc *doc;
	int err = yaml_load(&doc, path, why);

	return err < 0 ? err : from_document(out, doc, why);
}

int topology_yaml_parse(struct topology_yaml **out, const char *name,
	struct str text, struct why *why)
{
	struct yaml_doc *doc;
	int err = yaml_parse(&doc, name, text, why);

	return err < 0 ? err : from_document(out, doc, why);
}

void topology_yaml_free(struct topology_yaml *y)
{
	if (y == NULL)
		return;
	yaml_free(y->doc);
	free(y);
}
