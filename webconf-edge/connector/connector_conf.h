/*
 * /etc/sallyport/connector.yaml: what the inside helper must know. Strict,
 * read against one field table.
 */
#ifndef WEBCONF_CONNECTOR_CONNECTOR_CONF_H
#define WEBCONF_CONNECTOR_CONNECTOR_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"
#include "common/run/yaml_take.h"
#include "common/wce/ticket.h"

#define CONNECTOR_CONF_PATH "/etc/sallyport/connector.yaml"
#define CONNECTOR_EDGES_MAX 64

struct connector_edge {
	char name[256]; /* what its certificate must say */
	uint16_t port;
};

struct connector_conf {
	char *path;
	struct connector_edge edges[CONNECTOR_EDGES_MAX];
	size_t edge_count;
	char pool[256];
	char *chain; /* owned, as all paths */
	char *key;
	char *trust;
	char target_host[256]; /* where clients are led to */
	uint16_t target_port;
	bool target_tls;
	char *target_trust;     /* NULL = the system's CAs */
	char target_name[256];  /* "" = target_host */
	bool is_tls_server;     /* who begins TLS towards the edge */
	enum ticket_alg alg;
	uint32_t lifetime_s;
	uint32_t sessions_max;
	uint32_t warm_max;
	uint32_t trunks; /* connections to each edge that many share */
	char *state_dir;
	char *run_dir;
	char *user;  /* NULL = stay who we are */
	char *group; /* may mint tickets; NULL = root and our user alone */
	struct conf net; /* hosts and name servers, for the resolver */
};

/* The table, for its manual page's test. */
size_t connector_conf_field_count(void);
const struct yaml_field *connector_conf_field_at(size_t i);

EDGE_MUST int connector_conf_parse(struct connector_conf **out,
	const char *name, struct str text, struct why *why);
EDGE_MUST int connector_conf_load(struct connector_conf **out,
	const char *path, struct why *why);
void connector_conf_free(struct connector_conf *conf); /* accepts NULL */

#endif
