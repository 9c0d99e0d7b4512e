/*
 * edge.yaml: one static table says every key with its type, default and
 * help; reading is walking the file against that table. Files named here
 * are opened by those who use them, not here.
 */
#include "common/run/conf.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/run/yaml.h"

#define PATH_LEN_MAX 400
/* sun_path is 108 bytes: "/replication-agent.admin.sock" must fit behind. */
#define RUN_DIR_LEN_MAX 78
#define USER_LEN_MAX    31
#define WORKERS_MAX     256
#define HOSTS_MAX       1024
#define HOST_ADDRS_MAX  16
#define DNS_PORT        53

typedef int(field_read)(const struct yaml_node *node, struct conf *conf,
	size_t offset, struct why *why);

struct field {
	struct conf_field card;
	size_t offset; /* in struct conf */
	field_read *read;
};

static const char *const USE_NAMES[CONF_USE_COUNT] = {
	[CONF_USE_EXTERNAL_SIP] = "external-sip",
	[CONF_USE_EXTERNAL_WEBCONF] = "external-webconf",
	[CONF_USE_EXTERNAL_AV] = "external-av",
	[CONF_USE_INTERNAL] = "internal",
};

static const char *const DAEMON_NAMES[CONF_DAEMON_COUNT] = {
	[CONF_AV_AUTH] = "av-auth",
	[CONF_AV_EDGE] = "av-edge",
	[CONF_ACCESS_EDGE] = "access-edge",
	[CONF_WEBCONF_EDGE] = "webconf-edge",
	[CONF_REPLICATION_AGENT] = "replication-agent",
};

const char *conf_use_name(enum conf_use use)
{
	return USE_NAMES[use];
}

const char *conf_daemon_name(enum conf_daemon daemon)
{
	return DAEMON_NAMES[daemon];
}

int conf_daemon_parse(const char *name, enum conf_daemon *out)
{
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		if (strcmp(DAEMON_NAMES[i], name) != 0)
			continue;
		*out = (enum conf_daemon)i;
		return 0;
	}
	return EDGE_EUNKNOWN;
}

/* ---- one reader per type ------------------------------------------------ */

static void *member(struct conf *conf, size_t offset)
{
	return (char *)conf + offset;
}

static int set_text(struct conf *conf, size_t offset, struct str text)
{
	char **slot = member(conf, offset);
	char *copy = str_dup(text);

	if (copy == NULL)
		return -ENOMEM;
	free(*slot);
	*slot = copy;
	return 0;
}

static int need_scalar(const struct yaml_node *node, const char *what,
	struct why *why)
{
	if (yaml_kind(node) != YAML_SCALAR || yaml_is_null(node))
		return yaml_fault(node, why, "%s belongs here", what);
	return 0;
}

static int read_name(const struct yaml_node *node, struct conf *conf,
	size_t offset, struct why *why)
{
	char name[DNS_NAME_LEN];
	int err = need_scalar(node, "a host name", why);

	if (err < 0)
		return err;
	if (dns_name_take(yaml_text(node), name, sizeof(name)) < 0)
		return yaml_fault(node, why,
			"'%.*s' is not a host name: write it as in the "
			"topology, e.g. edge.int.example.com",
			STR_ARG(yaml_text(node)));
	return set_text(conf, offset, str_of(name));
}

static int read_path(const struct yaml_node *node, struct conf *conf,
	size_t offset, struct why *why)
{
	struct str text = yaml_text(node);
	size_t max = offset == offsetof(struct conf, run_dir) ?
		RUN_DIR_LEN_MAX :
		PATH_LEN_MAX;
	int err = need_scalar(node, "a path", why);

	if (err < 0)
		return err;
	if (text.p[0] != '/')
		return yaml_fault(node, why,
			"'%.*s' is not an absolute path: begin with '/'",
			STR_ARG(text));
	if (text.n > max)
		return yaml_fault(node, why,
			"this path has %zu characters, at most %zu fit",
			text.n, max);
	while (text.n > 1 && text.p[text.n - 1] == '/')
		text.n--;
	return set_text(conf, offset, text);
}

static int read_user(const struct yaml_node *node, struct conf *conf,
	size_t offset, struct why *why)
{
	struct str text = yaml_text(node);
	int err = need_scalar(node, "a user name", why);

	if (err < 0)
		return err;
	if (text.n > USER_LEN_MAX || str_find(text, ' ') < text.n ||
		str_find(text, ':') < text.n || str_find(text, '/') < text.n)
		return yaml_fault(node, why, "'%.*s' is not a user name",
			STR_ARG(text));
	return set_text(conf, offset, text);
}

static int read_workers(const struct yaml_node *node, struct conf *conf,
	size_t offset, struct why *why)
{
	unsigned *slot = member(conf, offset);
	uint32_t n;

	if (yaml_kind(node) != YAML_SCALAR ||
		str_to_u32(yaml_text(node), &n) < 0 || n > WORKERS_MAX)
		return yaml_fault(node, why,
			"a number from 0 (one for each CPU) to %d belongs "
			"here", WORKERS_MAX);
	*slot = n;
	return 0;
}

/* A single address, or the item of a list. */
static int read_addr(const struct yaml_node *node, bool may_have_port,
	struct addr *out, struct why *why)
{
	struct str text = yaml_text(node);

	if (yaml_kind(node) == YAML_SCALAR && addr_parse(text, out) == 0 &&
		(may_have_port || out->port == 0))
		return 0;
	return yaml_fault(node, why,
		"'%.*s' is not an address: write numbers, e.g. 192.0.2.1 or "
		"2001:db8::1", STR_ARG(text));
}

static size_t item_count(const struct yaml_node *node)
{
	return yaml_kind(node) == YAML_LIST ? yaml_count(node) : 1;
}

static const struct yaml_node *item_at(const struct yaml_node *node, size_t i)
{
	return yaml_kind(node) == YAML_LIST ? yaml_item(node, i) : node;
}

static int read_servers(const struct yaml_node *node, struct addr *out,
	size_t cap, size_t *count, struct why *why)
{
	size_t n = item_count(node);

	if (n > cap)
		return yaml_fault(node, why,
			"at most %zu name servers are asked", cap);
	for (size_t i = 0; i < n; i++) {
		int err = read_addr(item_at(node, i), true, &out[i], why);

		if (err < 0)
			return err;
		if (out[i].port == 0)
			out[i].port = DNS_PORT;
	}
	*count = n;
	return 0;
}

static int read_external(const struct yaml_node *node, struct conf *conf,
	size_t offset, struct why *why)
{
	(void)offset;
	return read_servers(node, conf->resolver_external,
		ARRAY_COUNT(conf->resolver_external),
		&conf->resolver_external_count, why);
}

static int read_internal(const struct yaml_node *node, struct conf *conf,
	size_t offset, struct why *why)
{
	(void)offset;
	return read_servers(node, conf->resolver_internal,
		ARRAY_COUNT(conf->resolver_internal),
		&conf->resolver_internal_count, why);
}

static int read_host(const struct yaml_node *node, struct str key,
	struct conf_host *host, struct why *why)
{
	char name[DNS_NAME_LEN];
	size_t n = item_count(node);

	if (dns_name_take(key, name, sizeof(name)) < 0)
		return yaml_key_fault(node, why, "'%.*s' is not a host name",
			STR_ARG(key));
	if (n == 0 || n > HOST_ADDRS_MAX)
		return yaml_fault(node, why,
			"1 to %d addresses belong here", HOST_ADDRS_MAX);
	host->name = str_dup(str_of(name));
	host->addrs = calloc(n, sizeof(struct addr));
	if (host->name == NULL || host->addrs == NULL)
		return -ENOMEM;
	for (; host->addr_count < n; host->addr_count++) {
		int err = read_addr(item_at(node, host->addr_count), false,
			&host->addrs[host->addr_count], why);

		if (err < 0)
			return err;
	}
	return 0;
}

static int read_hosts(const struct yaml_node *node, struct conf *conf,
	size_t offset, struct why *why)
{
	size_t n = yaml_count(node);

	(void)offset;
	if (yaml_kind(node) != YAML_MAP)
		return yaml_fault(node, why,
			"a map of names belongs here, e.g. "
			"{fe.int.example.com: 10.0.0.20}");
	if (n > HOSTS_MAX)
		return yaml_fault(node, why, "more than %d names: run a name "
			"server for so many", HOSTS_MAX);
	conf->hosts = calloc(n > 0 ? n : 1, sizeof(struct conf_host));
	if (conf->hosts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *value;
		struct str key = yaml_key_at(node, i, &value);
		int err;

		conf->host_count++; /* before: conf_free takes half of one */
		err = read_host(value, key, &conf->hosts[i], why);
		if (err < 0)
			return err;
	}
	return 0;
}

/* ---- the table ---------------------------------------------------------- */

#define AT(m) offsetof(struct conf, m)

static const struct field FIELDS[] = {
	{{"machine", "name", NULL,
		"this machine's name in the topology; the only key that must "
		"be there"},
		AT(machine), read_name},

	{{"certificates.external-sip.chain", "path",
		CONF_TLS_DIR "/external-sip.crt",
		"certificate chain that SIP clients and partners see, leaf "
		"first, PEM"},
		AT(certs[CONF_USE_EXTERNAL_SIP].chain), read_path},
	{{"certificates.external-sip.key", "path",
		CONF_TLS_DIR "/external-sip.key", "its private key, PEM"},
		AT(certs[CONF_USE_EXTERNAL_SIP].key), read_path},
	{{"certificates.external-sip.more", "path", NULL,
		"folder of further certificates NAME.crt with NAME.key, shown "
		"to those who ask for one of their names"},
		AT(certs[CONF_USE_EXTERNAL_SIP].more), read_path},
	{{"certificates.external-webconf.chain", "path",
		CONF_TLS_DIR "/external-webconf.crt",
		"certificate chain that web conferencing clients see"},
		AT(certs[CONF_USE_EXTERNAL_WEBCONF].chain), read_path},
	{{"certificates.external-webconf.key", "path",
		CONF_TLS_DIR "/external-webconf.key", "its private key, PEM"},
		AT(certs[CONF_USE_EXTERNAL_WEBCONF].key), read_path},
	{{"certificates.external-av.chain", "path",
		CONF_TLS_DIR "/external-av.crt",
		"certificate chain for TURN over TLS outside, which is "
		"offered only when this is named"},
		AT(certs[CONF_USE_EXTERNAL_AV].chain), read_path},
	{{"certificates.external-av.key", "path",
		CONF_TLS_DIR "/external-av.key", "its private key, PEM"},
		AT(certs[CONF_USE_EXTERNAL_AV].key), read_path},
	{{"certificates.internal.chain", "path",
		CONF_TLS_DIR "/internal.crt",
		"certificate chain that inside servers see; it holds the "
		"pool's name and the machine's"},
		AT(certs[CONF_USE_INTERNAL].chain), read_path},
	{{"certificates.internal.key", "path", CONF_TLS_DIR "/internal.key",
		"its private key, PEM"},
		AT(certs[CONF_USE_INTERNAL].key), read_path},

	{{"trust.internal", "path", CONF_TLS_DIR "/internal-ca.crt",
		"certificate authorities of inside servers, PEM"},
		AT(trust_internal), read_path},
	{{"trust.external", "path", NULL,
		"certificate authorities for the outside, PEM; default: the "
		"system's bundle"},
		AT(trust_external), read_path},

	{{"resolver.hosts", "map of name to address or list of addresses",
		NULL, "names answered from here before any server is asked"},
		0, read_hosts},
	{{"resolver.external", "list of addresses", NULL,
		"name servers for names of the outside; default: the "
		"system's"},
		0, read_external},
	{{"resolver.internal", "list of addresses", NULL,
		"name servers for names of the inside; default: the system's"},
		0, read_internal},

	{{"run_dir", "path", "/run/sallyport",
		"where the sockets of the control bus are"},
		AT(run_dir), read_path},
	{{"state_dir", "path", "/var/lib/sallyport",
		"where topology generations and the daemons' state are"},
		AT(state_dir), read_path},

	{{"users.av-auth", "user", "sallyport-av-auth",
		"user that av-auth runs as"},
		AT(users[CONF_AV_AUTH]), read_user},
	{{"users.av-edge", "user", "sallyport-av-edge",
		"user that av-edge runs as"},
		AT(users[CONF_AV_EDGE]), read_user},
	{{"users.access-edge", "user", "sallyport-access-edge",
		"user that access-edge runs as"},
		AT(users[CONF_ACCESS_EDGE]), read_user},
	{{"users.webconf-edge", "user", "sallyport-webconf-edge",
		"user that webconf-edge runs as"},
		AT(users[CONF_WEBCONF_EDGE]), read_user},
	{{"users.replication-agent", "user", "sallyport-replication-agent",
		"user that replication-agent runs as; it owns the topology"},
		AT(users[CONF_REPLICATION_AGENT]), read_user},

	{{"workers", "number", "0",
		"threads of the media relay; 0 = one for each CPU"},
		AT(workers), read_workers},
};

size_t conf_field_count(void)
{
	return ARRAY_COUNT(FIELDS);
}

const struct conf_field *conf_field_at(size_t i)
{
	return &FIELDS[i].card;
}

/* ---- walking the file against it ---------------------------------------- */

#define WORD_LEN 32

/* The names that may come next after this prefix ("" or "trust."), each
 * once. The words are copied into room. */
static size_t next_words(const char *prefix, char room[][WORD_LEN],
	const char **words)
{
	size_t prefix_len = strlen(prefix);
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(FIELDS); i++) {
		const char *path = FIELDS[i].card.path;
		size_t n;

		if (strncmp(path, prefix, prefix_len) != 0)
			continue;
		path += prefix_len;
		n = strcspn(path, ".");
		if (count > 0 && strlen(room[count - 1]) == n &&
			strncmp(room[count - 1], path, n) == 0)
			continue;
		memcpy(room[count], path, n);
		room[count][n] = '\0';
		words[count] = room[count];
		count++;
	}
	return count;
}

static const struct field *find_field(const char *path)
{
	for (size_t i = 0; i < ARRAY_COUNT(FIELDS); i++) {
		if (strcmp(FIELDS[i].card.path, path) == 0)
			return &FIELDS[i];
	}
	return NULL;
}

static int read_map(const struct yaml_node *map, const char *prefix,
	struct conf *conf, struct why *why)
{
	char room[ARRAY_COUNT(FIELDS)][WORD_LEN];
	const char *words[ARRAY_COUNT(FIELDS)];
	size_t count = next_words(prefix, room, words);
	int err = yaml_check_keys(map, words, count, why);

	for (size_t i = 0; i < yaml_count(map) && err == 0; i++) {
		const struct yaml_node *value;
		struct str key = yaml_key_at(map, i, &value);
		const struct field *field;
		char path[3 * WORD_LEN];

		snprintf(path, sizeof(path), "%s%.*s", prefix, STR_ARG(key));
		field = find_field(path);
		if (field != NULL) {
			err = field->read(value, conf, field->offset, why);
			continue;
		}
		snprintf(path, sizeof(path), "%s%.*s.", prefix, STR_ARG(key));
		err = read_map(value, path, conf, why);
	}
	return err;
}

/* Chain and key go together; half of a pair is a mistake. */
static int check_certificates(const struct yaml_node *root, struct conf *conf,
	struct why *why)
{
	const struct yaml_node *certs = yaml_get(root, "certificates");

	if (certs == NULL)
		return 0;
	for (unsigned i = 0; i < CONF_USE_COUNT; i++) {
		const struct yaml_node *pair = yaml_get(certs, USE_NAMES[i]);

		if (pair == NULL)
			continue;
		if (yaml_get(pair, "chain") == NULL ||
			yaml_get(pair, "key") == NULL)
			return yaml_key_fault(pair, why,
				"'%s' needs both: chain and key",
				USE_NAMES[i]);
		conf->certs[i].is_set = true;
	}
	return 0;
}

static int set_defaults(struct conf *conf)
{
	for (size_t i = 0; i < ARRAY_COUNT(FIELDS); i++) {
		const struct field *field = &FIELDS[i];
		char **slot = member(conf, field->offset);

		if (field->card.fallback == NULL ||
			field->read == read_workers || *slot != NULL)
			continue;
		*slot = strdup(field->card.fallback);
		if (*slot == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int read_conf(struct conf *conf, const struct yaml_node *root,
	struct why *why)
{
	int err = read_map(root, "", conf, why);

	if (err < 0)
		return err;
	if (conf->machine == NULL)
		return yaml_fault(root, why,
			"'machine' is missing: add the name that this machine "
			"has in the topology, e.g. machine: "
			"edge.int.example.com");
	err = check_certificates(root, conf, why);
	if (err < 0)
		return err;
	return set_defaults(conf);
}

/* doc is taken, also on failure. */
static int from_document(struct conf **out, const char *path,
	struct yaml_doc *doc, struct why *why)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	int err = -ENOMEM;

	if (conf == NULL)
		goto out;
	conf->path = strdup(path);
	if (conf->path == NULL)
		goto out;
	err = read_conf(conf, yaml_root(doc), why);
	if (err < 0)
		goto out;
	*out = conf;
	conf = NULL; /* handed over */
out:
	conf_free(conf);
	yaml_free(doc);
	return err;
}

int conf_parse(struct conf **out, const char *name, struct str text,
	struct why *why)
{
	struct yaml_doc *doc;
	int err = yaml_parse(&doc, name, text, why);

	if (err < 0)
		return err;
	return from_document(out, name, doc, why);
}

int conf_load(struct conf **out, const char *path, struct why *why)
{
	struct yaml_doc *doc;
	int err = yaml_load(&doc, path, why);

	if (err < 0)
		return err;
	return from_document(out, path, doc, why);
}

void conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	for (unsigned i = 0; i < CONF_USE_COUNT; i++) {
		free(conf->certs[i].chain);
		free(conf->certs[i].key);
		free(conf->certs[i].more);
	}
	for (size_t i = 0; i < conf->host_count; i++) {
		free(conf->hosts[i].name);
		free(conf->hosts[i].addrs);
	}
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		free(conf->users[i]);
	free(conf->hosts);
	free(conf->trust_internal);
	free(conf->trust_external);
	free(conf->run_dir);
	free(conf->state_dir);
	free(conf->machine);
	free(conf->path);
	free(conf);
}
