/*
 * Reading connector.yaml. One row for each key of the top level; what a row
 * reads has been checked when the file is taken.
 */
#include "webconf-edge/connector/connector_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/run/yaml_take.h"

#define EDGE_PORT       8057
#define LIFETIME_MIN_S  10
#define SESSIONS_LIMIT  1000000
#define WARM_LIMIT      4096
#define TRUNKS_LIMIT    64
#define HOST_ADDRS_MAX  16

typedef int(field_fn)(struct connector_conf *c, const struct yaml_node *n,
	struct why *why);

/* ---- values -------------------------------------------------------------- */

/* "host:port" or "[address]:port"; without port: fallback, 0 = needed. */
static int take_host(char *host, size_t cap, uint16_t *port,
	uint16_t fallback, const struct yaml_node *n, struct why *why)
{
	struct str text = yaml_text(n);
	struct str name = text;
	uint32_t number = fallback;
	struct addr address;
	char plain[ADDR_TEXT_LEN];
	size_t colon;

	if (addr_parse(text, &address) == 0) {
		*port = address.port != 0 ? address.port : fallback;
		addr_ip_text(&address, plain);
		if (*port != 0 && str_copy(str_of(plain), host, cap) == 0)
			return 0;
	}
	colon = str_find(text, ':');
	if (colon < text.n) {
		name.n = colon;
		if (str_to_u32(str_skip(text, colon + 1), &number) < 0 ||
			number > UINT16_MAX)
			number = 0;
	}
	if (yaml_kind(n) != YAML_SCALAR || number == 0 ||
		dns_name_take(name, host, cap) < 0)
		return yaml_fault(n, why, "'%.*s' is not host:port",
			STR_ARG(text));
	*port = (uint16_t)number;
	return 0;
}

/* ---- fields -------------------------------------------------------------- */

static int read_edges(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	size_t count = yaml_count(n);
	int err = 0;

	if (yaml_kind(n) != YAML_LIST || count == 0)
		return yaml_fault(n, why, "a list of edges is wanted: "
			"[edge.example.com:8057]");
	if (count > CONNECTOR_EDGES_MAX)
		return yaml_fault(n, why, "more than %d edges",
			CONNECTOR_EDGES_MAX);
	for (size_t i = 0; i < count && err == 0; i++)
		err = take_host(c->edges[i].name, sizeof(c->edges[i].name),
			&c->edges[i].port, EDGE_PORT, yaml_item(n, i), why);
	c->edge_count = count;
	return err;
}

static int read_pool(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_name(c->pool, n, why);
}

static int read_certificate(struct connector_conf *c,
	const struct yaml_node *n, struct why *why)
{
	return yaml_take_certificate(&c->chain, &c->key, n, why);
}

static int read_trust(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_text(&c->trust, n, why);
}

static int read_target(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return take_host(c->target_host, sizeof(c->target_host),
		&c->target_port, 0, n, why);
}

static int read_target_tls(struct connector_conf *c,
	const struct yaml_node *n, struct why *why)
{
	static const char *const KEYS[] = {"trust", "name"};
	const struct yaml_node *trust = yaml_get(n, "trust");
	const struct yaml_node *name = yaml_get(n, "name");
	int err;

	if (yaml_kind(n) != YAML_MAP)
		return yaml_fault(n, why, "{trust: FILE, name: NAME} is "
			"wanted, or leave target_tls out");
	err = yaml_check_keys(n, KEYS, ARRAY_COUNT(KEYS), why);
	if (err == 0 && trust != NULL)
		err = yaml_take_text(&c->target_trust, trust, why);
	if (err == 0 && name != NULL)
		err = yaml_take_name(c->target_name, name, why);
	c->target_tls = true;
	return err;
}

static int read_role(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	c->is_tls_server = str_eq_z(yaml_text(n), "server");
	if (!c->is_tls_server && !str_eq_z(yaml_text(n), "client"))
		return yaml_fault(n, why, "tls_role is client or server");
	return 0;
}

static int read_alg(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	c->alg = str_eq_z(yaml_text(n), "p256") ? TICKET_P256 :
		TICKET_ED25519;
	if (c->alg == TICKET_ED25519 &&
		!str_eq_z(yaml_text(n), "ed25519"))
		return yaml_fault(n, why,
			"ticket_algorithm is ed25519 or p256");
	return 0;
}

static int read_lifetime(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_number(&c->lifetime_s, LIFETIME_MIN_S,
		TICKET_LIFE_MAX_S, n, why);
}

static int read_sessions(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_number(&c->sessions_max, 1, SESSIONS_LIMIT, n, why);
}

static int read_warm(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_number(&c->warm_max, 1, WARM_LIMIT, n, why);
}

static int read_trunks(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_number(&c->trunks, 0, TRUNKS_LIMIT, n, why);
}

static int read_state_dir(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_text(&c->state_dir, n, why);
}

static int read_run_dir(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_text(&c->run_dir, n, why);
}

static int read_user(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_text(&c->user, n, why);
}

static int read_group(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	return yaml_take_text(&c->group, n, why);
}

static int read_host(struct conf_host *host, const struct yaml_node *n,
	struct why *why)
{
	bool is_list = yaml_kind(n) == YAML_LIST;
	size_t count = is_list ? yaml_count(n) : 1;

	if (count == 0 || count > HOST_ADDRS_MAX)
		return yaml_fault(n, why, "1 to %d addresses are wanted",
			HOST_ADDRS_MAX);
	host->addrs = calloc(count, sizeof(*host->addrs));
	if (host->addrs == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *one = is_list ? yaml_item(n, i) : n;

		if (addr_parse_ip(yaml_text(one), &host->addrs[i]) < 0)
			return yaml_fault(one, why,
				"'%.*s' is not an address",
				STR_ARG(yaml_text(one)));
		host->addr_count = i + 1;
	}
	return 0;
}

static int read_hosts(struct connector_conf *c, const struct yaml_node *n,
	struct why *why)
{
	size_t count = yaml_count(n);
	int err = 0;

	if (yaml_kind(n) != YAML_MAP)
		return yaml_fault(n, why, "{name: address, ...} is wanted");
	c->net.hosts = calloc(count + 1, sizeof(*c->net.hosts));
	if (c->net.hosts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && err == 0; i++) {
		const struct yaml_node *value;
		struct str key = yaml_key_at(n, i, &value);
		char name[DNS_NAME_LEN];

		if (dns_name_take(key, name, sizeof(name)) < 0)
			return yaml_key_fault(value, why,
				"'%.*s' is not a host name", STR_ARG(key));
		c->net.hosts[i].name = strdup(name);
		c->net.host_count = i + 1;
		if (c->net.hosts[i].name == NULL)
			return -ENOMEM;
		err = read_host(&c->net.hosts[i], value, why);
	}
	return err;
}

static const struct {
	struct yaml_field show;
	field_fn *read;
} FIELDS[] = {
	{{"edges", true, NULL, "machines of the edge pool, host:port"},
		read_edges},
	{{"pool", true, NULL, "name of the pool this server belongs to"},
		read_pool},
	{{"certificate", true, NULL, "{chain, key}: files in PEM that show "
		"who we are"}, read_certificate},
	{{"trust", true, NULL, "CAs that the edges' certificates come from"},
		read_trust},
	{{"target", true, NULL, "where clients are led to, host:port"},
		read_target},
	{{"target_tls", false, NULL, "{trust, name}: speak TLS to the target"},
		read_target_tls},
	{{"tls_role", false, "client", "client, or server: stay silent and "
		"let the edge begin TLS"}, read_role},
	{{"ticket_algorithm", false, "ed25519", "ed25519 or p256"}, read_alg},
	{{"ticket_lifetime", false, "300", "seconds a ticket is good"},
		read_lifetime},
	{{"max_sessions", false, "1000", "clients at once"}, read_sessions},
	{{"max_warm", false, "256", "idle connections kept to each edge"},
		read_warm},
	{{"multiplexed", false, "0", "connections to each edge that all "
		"clients share; 0: each client has its own"}, read_trunks},
	{{"hosts", false, NULL, "{name: address}, asked before DNS"},
		read_hosts},
	{{"state_dir", false, "/var/lib/sallyport/webconf-connector",
		"own state: server id, ticket key"}, read_state_dir},
	{{"run_dir", false, "/run/sallyport", "where its sockets are"},
		read_run_dir},
	{{"user", false, NULL, "user to become when started as root"},
		read_user},
	{{"group", false, NULL, "group that may mint tickets and change"},
		read_group},
};

size_t connector_conf_field_count(void)
{
	return ARRAY_COUNT(FIELDS);
}

const struct yaml_field *connector_conf_field_at(size_t i)
{
	return &FIELDS[i].show;
}

/* ---- the file ------------------------------------------------------------ */

static int fill_defaults(struct connector_conf *c)
{
	c->alg = TICKET_ED25519;
	c->lifetime_s = 300;
	c->sessions_max = 1000;
	c->warm_max = 256;
	c->state_dir = strdup("/var/lib/sallyport/webconf-connector");
	c->run_dir = strdup("/run/sallyport");
	return c->state_dir != NULL && c->run_dir != NULL ? 0 : -ENOMEM;
}

static int read_field(void *arg, size_t i, const struct yaml_node *n,
	struct why *why)
{
	return FIELDS[i].read(arg, n, why);
}

static const struct yaml_fields ALL = {
	.count = ARRAY_COUNT(FIELDS),
	.at = connector_conf_field_at,
	.read = read_field,
};

static int from_doc(struct connector_conf **out, const struct yaml_doc *doc,
	const char *path, struct why *why)
{
	struct connector_conf *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c == NULL)
		goto out;
	c->path = strdup(path);
	if (c->path == NULL)
		goto out;
	err = fill_defaults(c);
	if (err == 0)
		err = yaml_take_fields(&ALL, c, yaml_root(doc), why);
	if (err < 0)
		goto out;

	*out = c;
	c = NULL;
out:
	connector_conf_free(c);
	return err;
}

int connector_conf_parse(struct connector_conf **out, const char *name,
	struct str text, struct why *why)
{
	struct yaml_doc *doc = NULL;
	int err = yaml_parse(&doc, name, text, why);

	if (err == 0)
		err = from_doc(out, doc, name, why);
	yaml_free(doc);
	return err;
}

int connector_conf_load(struct connector_conf **out, const char *path,
	struct why *why)
{
	struct yaml_doc *doc = NULL;
	int err = yaml_load(&doc, path, why);

	if (err == 0)
		err = from_doc(out, doc, path, why);
	yaml_free(doc);
	return err;
}

void connector_conf_free(struct connector_conf *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->net.host_count; i++) {
		free(c->net.hosts[i].name);
		free(c->net.hosts[i].addrs);
	}
	free(c->net.hosts);
	free(c->path);
	free(c->chain);
	free(c->key);
	free(c->trust);
	free(c->target_trust);
	free(c->state_dir);
	free(c->run_dir);
	free(c->user);
	free(c->group);
	free(c);
}
