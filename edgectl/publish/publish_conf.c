/* Reading publisher.yaml. One row for each key of the top level. */
#include "edgectl/publish/publish_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/run/yaml_take.h"

#define STATE_DIR "/var/lib/sallyport/publisher"

typedef int(field_fn)(struct publish_conf *c, const struct yaml_node *n,
	struct why *why);

/* ---- values ------------------------------------------------------------- */

/* "90s", "5m", "8h", "2d", or plain seconds. */
static int take_duration(uint32_t *out, uint32_t min_s, uint32_t max_s,
	const struct yaml_node *n, struct why *why)
{
	static const struct {
		char unit;
		uint32_t s;
	} UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct str text = yaml_text(n);
	uint32_t factor = 1;
	uint32_t number = 0;

	for (size_t i = 0; i < ARRAY_COUNT(UNITS) && text.n > 1; i++) {
		if (text.p[text.n - 1] != UNITS[i].unit)
			continue;
		factor = UNITS[i].s;
		text.n--;
		break;
	}
	if (yaml_kind(n) != YAML_SCALAR || str_to_u32(text, &number) < 0 ||
		number > max_s / factor || number * factor < min_s)
		return yaml_fault(n, why,
			"a time from %us to %us is wanted, like 90s, 5m, 8h",
			min_s, max_s);
	*out = number * factor;
	return 0;
}

/* ---- fields ------------------------------------------------------------- */

static int read_name(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_name(c->name, n, why);
}

static int read_certificate(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_certificate(&c->chain, &c->key, n, why);
}

static int read_trust(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_text(&c->trust, n, why);
}

/* A password here would be in backups and in a process list. */
static int refuse_password(const struct yaml_node *n, const char *where,
	struct why *why)
{
	const char *at = strstr(where, "://");
	const char *end = at != NULL ? strchr(at, '@') : NULL;

	if (strstr(where, "password") == NULL &&
		(end == NULL || memchr(at + 3, ':',
					(size_t)(end - at - 3)) == NULL))
		return 0;
	return yaml_fault(n, why, "no password here: put it into a pgpass or "
		"service file of PostgreSQL and name that: "
		"{postgres: \"service=sallyport\"}");
}

static int read_record(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	static const char *const KEYS[] = {"sqlite", "postgres"};
	const struct yaml_node *file = yaml_get(n, "sqlite");
	const struct yaml_node *server = yaml_get(n, "postgres");
	int err;

	if (yaml_kind(n) != YAML_MAP || (file == NULL) == (server == NULL))
		return yaml_fault(n, why, "{sqlite: FILE} or "
			"{postgres: \"service=NAME\"} is wanted");
	err = yaml_check_keys(n, KEYS, ARRAY_COUNT(KEYS), why);
	c->driver = file != NULL ? &RECORD_SQLITE : &RECORD_POSTGRES;
	if (err == 0)
		err = yaml_take_text(&c->record,
			file != NULL ? file : server, why);
	if (err == 0 && server != NULL)
		err = refuse_password(server, c->record, why);
	return err;
}

static int read_command(struct publish_signer *s, const struct yaml_node *n,
	struct why *why)
{
	size_t count = yaml_count(n);
	int err = 0;

	if (yaml_kind(n) != YAML_LIST || count == 0 ||
		count > PUBLISH_WORDS_MAX)
		return yaml_fault(n, why, "a list of 1 to %u words is wanted: "
			"[/usr/local/bin/sign, argument]", PUBLISH_WORDS_MAX);
	for (size_t i = 0; i < count && err == 0; i++)
		err = yaml_take_text(&s->command[i], yaml_item(n, i), why);
	if (err == 0 && s->command[0][0] != '/')
		err = yaml_fault(n, why, "'%s': the whole path of the program "
			"is wanted", s->command[0]);
	return err;
}

static int read_signer(struct publish_signer *s, const struct yaml_node *n,
	struct why *why)
{
	static const char *const KEYS[] = {"key", "command", "public"};
	const struct yaml_node *key = yaml_get(n, "key");
	const struct yaml_node *command = yaml_get(n, "command");
	const struct yaml_node *public = yaml_get(n, "public");
	int err;

	if (yaml_kind(n) != YAML_MAP || (key == NULL) == (command == NULL) ||
		(command == NULL) != (public == NULL))
		return yaml_fault(n, why, "{key: FILE}, or {command: [...], "
			"public: FILE} is wanted");
	err = yaml_check_keys(n, KEYS, ARRAY_COUNT(KEYS), why);
	if (err == 0 && key != NULL)
		return yaml_take_text(&s->key, key, why);
	if (err == 0)
		err = yaml_take_text(&s->public, public, why);
	return err == 0 ? read_command(s, command, why) : err;
}

static int read_signing(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	size_t count = yaml_count(n);
	int err = 0;

	if (yaml_kind(n) != YAML_LIST || count == 0 ||
		count > BUNDLE_SIGNERS_MAX)
		return yaml_fault(n, why, "a list of 1 to %u signers is "
			"wanted: [{key: FILE}]", BUNDLE_SIGNERS_MAX);
	for (size_t i = 0; i < count && err == 0; i++) {
		c->signer_count = i + 1;
		err = read_signer(&c->signers[i], yaml_item(n, i), why);
	}
	return err;
}

static int read_canaries(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	size_t count = yaml_count(n);
	int err = 0;

	if (yaml_kind(n) != YAML_LIST || count > PUBLISH_CANARIES_MAX)
		return yaml_fault(n, why, "a list of at most %u machines is "
			"wanted", PUBLISH_CANARIES_MAX);
	c->canaries = calloc(count + 1, sizeof(*c->canaries));
	if (c->canaries == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && err == 0; i++)
		err = yaml_take_name(c->canaries[i], yaml_item(n, i), why);
	c->canary_count = count;
	return err;
}

static int read_state_dir(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_text(&c->state_dir, n, why);
}

static int read_user(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_text(&c->user, n, why);
}

static int read_edges_get(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	const struct str word = yaml_text(n);

	if (!str_eq_z(word, "own") && !str_eq_z(word, "all"))
		return yaml_fault(n, why, "own or all is wanted");
	c->is_all = str_eq_z(word, "all");
	return 0;
}

static int read_mirror(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	int err = yaml_take_text(&c->mirror, n, why);

	if (err == 0 && c->mirror[0] != '/')
		err = yaml_fault(n, why, "'%s': the whole path of a folder is "
			"wanted", c->mirror);
	return err;
}

static int read_parallel(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_number(&c->parallel, 1, 256, n, why);
}

static int read_hold(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return take_duration(&c->hold_s, 0, 86400, n, why);
}

static int read_confirm(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return take_duration(&c->confirm_s, 1, 3600, n, why);
}

static int read_poll(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return take_duration(&c->poll_s, 1, 3600, n, why);
}

static int read_expires(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return take_duration(&c->expires_s, 3600, 3650u * 86400u, n, why);
}

static int read_key_life(struct publish_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return take_duration(&c->key_life_s, 0, 3650u * 86400u, n, why);
}

static const struct {
	struct yaml_field show;
	field_fn *read;
} FIELDS[] = {
	{{"name", true, NULL, "our name: in our certificate, in the grant "
		"replication of the topology, in every manifest"}, read_name},
	{{"certificate", true, NULL, "{chain, key}: files in PEM that show "
		"the edges who we are"}, read_certificate},
	{{"trust", true, NULL, "CAs that the edges' internal certificates "
		"come from"}, read_trust},
	{{"record", false, "{sqlite: " STATE_DIR "/record.db}",
		"{sqlite: FILE}, or {postgres: \"service=NAME\"}"},
		read_record},
	{{"signing", false, "[{key: " STATE_DIR "/signing.pem}]",
		"who signs: {key: FILE}, or {command: [...], public: FILE}; "
		"several where edges want several signatures"}, read_signing},
	{{"canaries", false, "one of each pool", "machines that take a "
		"topology first"}, read_canaries},
	{{"hold", false, "30s", "how long the canaries are watched"},
		read_hold},
	{{"confirm", false, "60s", "how long a machine may take to run what "
		"it activated"}, read_confirm},
	{{"poll", false, "30s", "how often each machine is asked how it is"},
		read_poll},
	{{"edges_get", false, "own", "what a machine gets of a topology: own, "
		"what concerns its pool, or all"}, read_edges_get},
	{{"mirror", false, NULL, "folder that a web server hands out, for "
		"machines that fetch"}, read_mirror},
	{{"parallel", false, "32", "transfers at once"}, read_parallel},
	{{"expires", false, "365d", "after that edges warn that what they "
		"have is old"}, read_expires},
	{{"pool_key_life", false, "30d", "age at which a pool's shared keys "
		"are replaced at the next publication; 0s = by hand"},
		read_key_life},
	{{"state_dir", false, STATE_DIR, "own state: record and signing key "
		"where nothing else is said"}, read_state_dir},
	{{"user", false, NULL, "user to become when started as root"},
		read_user},
};

size_t publish_conf_field_count(void)
{
	return ARRAY_COUNT(FIELDS);
}

const struct yaml_field *publish_conf_field_at(size_t i)
{
	return &FIELDS[i].show;
}

/* ---- the file ----------------------------------------------------------- */

static int join(char **out, const char *folder, const char *name)
{
	return asprintf(out, "%s/%s", folder, name) < 0 ? -ENOMEM : 0;
}

static int fill_defaults(struct publish_conf *c)
{
	int err = 0;

	if (c->state_dir == NULL)
		c->state_dir = strdup(STATE_DIR);
	if (c->state_dir == NULL)
		return -ENOMEM;
	if (c->driver == NULL) {
		c->driver = &RECORD_SQLITE;
		err = join(&c->record, c->state_dir, "record.db");
	}
	if (err == 0 && c->signer_count == 0) {
		c->signer_count = 1;
		err = join(&c->signers[0].key, c->state_dir, "signing.pem");
	}
	return err;
}

static int read_field(void *arg, size_t i, const struct yaml_node *n,
	struct why *why)
{
	return FIELDS[i].read(arg, n, why);
}

static const struct yaml_fields ALL = {
	.count = ARRAY_COUNT(FIELDS),
	.at = publish_conf_field_at,
	.read = read_field,
};

static int from_doc(struct publish_conf **out, const struct yaml_doc *doc,
	const char *path, struct why *why)
{
	struct publish_conf *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c == NULL)
		goto out;
	*c = (struct publish_conf){.hold_s = 30, .confirm_s = 60,
		.poll_s = 30, .parallel = 32, .expires_s = 365u * 86400u,
		.key_life_s = 30u * 86400u, .connect_ms = 5000,
		.transfer_ms = 120000};
	c->path = strdup(path);
	if (c->path == NULL)
		goto out;
	err = yaml_take_fields(&ALL, c, yaml_root(doc), why);
	if (err == 0)
		err = fill_defaults(c);
	if (err < 0)
		goto out;

	*out = c;
	c = NULL;
out:
	publish_conf_free(c);
	return err;
}

int publish_conf_parse(struct publish_conf **out, const char *name,
	struct str text, struct why *why)
{
	struct yaml_doc *doc = NULL;
	int err = yaml_parse(&doc, name, text, why);

	if (err == 0)
		err = from_doc(out, doc, name, why);
	yaml_free(doc);
	return err;
}

int publish_conf_load(struct publish_conf **out, const char *path,
	struct why *why)
{
	struct yaml_doc *doc = NULL;
	int err = yaml_load(&doc, path, why);

	if (err == 0)
		err = from_doc(out, doc, path, why);
	yaml_free(doc);
	return err;
}

static void signer_fini(struct publish_signer *s)
{
	free(s->key);
	free(s->public);
	for (size_t i = 0; i < PUBLISH_WORDS_MAX; i++)
		free(s->command[i]);
}

void publish_conf_free(struct publish_conf *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->signer_count; i++)
		signer_fini(&c->signers[i]);
	free(c->path);
	free(c->chain);
	free(c->key);
	free(c->trust);
	free(c->record);
	free(c->canaries);
	free(c->mirror);
	free(c->state_dir);
	free(c->user);
	free(c);
}
