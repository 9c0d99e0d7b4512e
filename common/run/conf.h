/*
 * /etc/sallyport/edge.yaml: what only this machine knows. Strict, read
 * against one field table; docs and `edgectl init` use the same table.
 */
#ifndef RUN_CONF_H
#define RUN_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define CONF_PATH_DEFAULT "/etc/sallyport/edge.yaml"
#define CONF_TLS_DIR      "/etc/sallyport/tls"

/* What a certificate is for. */
enum conf_use {
	CONF_USE_EXTERNAL_SIP,
	CONF_USE_EXTERNAL_WEBCONF,
	CONF_USE_EXTERNAL_AV, /* optional: TURN over TLS outside */
	CONF_USE_INTERNAL,
	CONF_USE_COUNT,
};

/* The five daemons, in the order they start. */
enum conf_daemon {
	CONF_AV_AUTH,
	CONF_AV_EDGE,
	CONF_ACCESS_EDGE,
	CONF_WEBCONF_EDGE,
	CONF_REPLICATION_AGENT,
	CONF_DAEMON_COUNT,
};

struct conf_certificate {
	char *chain; /* owned paths */
	char *key;
	char *more;  /* folder of further pairs, or NULL */
	bool is_set; /* named in the file, so it must be there */
};

struct conf_host {
	char *name; /* owned, lower case */
	struct addr *addrs; /* owned, port 0 */
	size_t addr_count;
};

struct conf {
	char *path;    /* of the file itself */
	char *machine; /* lower case */
	struct conf_certificate certs[CONF_USE_COUNT];
	char *trust_internal; /* CA file */
	char *trust_external; /* CA file, or NULL = the system's bundle */
	struct conf_host *hosts; /* resolver.hosts */
	size_t host_count;
	struct addr resolver_external[4];
	size_t resolver_external_count;
	struct addr resolver_internal[4];
	size_t resolver_internal_count;
	char *run_dir;
	char *state_dir;
	char *users[CONF_DAEMON_COUNT];
	unsigned workers; /* 0 = one for each CPU where that applies */
};

/* File name part of a use: "external-sip". */
const char *conf_use_name(enum conf_use use);
const char *conf_daemon_name(enum conf_daemon daemon);
/* EDGE_EUNKNOWN */
EDGE_MUST int conf_daemon_parse(const char *name, enum conf_daemon *out);

/* One key of the file, for documentation, `edgectl init` and the check that
 * every key is documented. */
struct conf_field {
	const char *path;     /* "trust.internal" */
	const char *kind;     /* "path", "name", "number" ... */
	const char *fallback; /* NULL = none */
	const char *help;
};

size_t conf_field_count(void);
const struct conf_field *conf_field_at(size_t i);

/* Read and check text; name stands for the file in messages. */
EDGE_MUST int conf_parse(struct conf **out, const char *name,
	struct str text, struct why *why);
/* Read and check the file. Certificates are not opened here. */
EDGE_MUST int conf_load(struct conf **out, const char *path,
	struct why *why);
void conf_free(struct conf *conf); /* accepts NULL */

#endif
