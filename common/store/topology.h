/*
 * An immutable snapshot of what one machine's daemons need of the topology:
 * read once from a generation file, shared by reference, never changed.
 * Sessions keep the snapshot they began with.
 */
#ifndef STORE_TOPOLOGY_H
#define STORE_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/setting.h"

enum topology_side {
	TOPOLOGY_INTERNAL,
	TOPOLOGY_EXTERNAL,
};

/* Which socket this is; one row per usage of topology-model.md A3. */
enum topology_usage {
	TOPOLOGY_SIP_CLIENT,       /* access-edge, external, tls 443 */
	TOPOLOGY_SIP_FEDERATION,   /* access-edge, external, mtls 5061 */
	TOPOLOGY_SIP_INTERNAL,     /* access-edge, internal, mtls 5061 */
	TOPOLOGY_AUTH,             /* av-auth, internal, mtls 5062 */
	TOPOLOGY_TURN_UDP,         /* av-edge, both sides, udp 3478 */
	TOPOLOGY_TURN_TCP,         /* av-edge, both sides, tcp 443 */
	TOPOLOGY_WEBCONF_CLIENT,   /* webconf-edge, external, tls 443 */
	TOPOLOGY_WEBCONF_SERVER,   /* webconf-edge, internal, mtls 8057 */
	TOPOLOGY_REPLICATION,      /* replication-agent, internal, https */
	TOPOLOGY_USAGE_COUNT,
};

struct topology_listener {
	enum topology_usage usage;
	enum topology_side side;
	struct addr address; /* where to bind */
	struct addr nat;     /* how the other side sees it; unset = same */
	char public_fqdn[256];
	uint16_t public_port;
};

/* Relay range on the external address, per family. */
struct topology_media {
	struct addr address; /* port 0 */
	struct addr nat;     /* unset = same */
	uint16_t port;
	uint16_t port_count;
};

struct topology_hop {
	char fqdn[256];
	uint16_t port;
	unsigned weight;
};

enum topology_grant {
	TOPOLOGY_GRANT_SIP,
	TOPOLOGY_GRANT_AV_AUTH,
	TOPOLOGY_GRANT_WEBCONF,
	TOPOLOGY_GRANT_REPLICATION,
};

struct topology_trust {
	char fqdn[256];
	enum topology_grant grant;
	bool has_pin;
	uint8_t spki_sha256[32];
	char server_uuid[40];
};

struct topology_partner {
	char domain[256];
	bool is_blocked;
	char edge_fqdn[256]; /* "" = found by SRV */
	uint16_t edge_port;
	char verification[8]; /* always, source, never */
};

struct topology_provider {
	char name[64];
	char proxy_fqdn[256];
	bool is_public;
	bool is_enabled;
	bool shared_address_space;
	char verification[8];
};

/* A key of the pool, sealed to this machine: pool_keys.h opens it. */
#define TOPOLOGY_SEALED_MAX 16384u
struct topology_sealed {
	char purpose[8]; /* "av", "flow" */
	uint32_t key_id;
	bool is_current; /* else one that goes on being believed */
	uint8_t *cms;    /* owned */
	size_t cms_len;
};

enum topology_state {
	TOPOLOGY_ACTIVE,
	TOPOLOGY_DRAIN,
	TOPOLOGY_DISABLED,
};

struct topology {
	uint32_t epoch;
	uint64_t serial;
	char sha256[65]; /* of the generation file, hex */
	char machine[256];
	char pool[256];
	enum topology_state state;
	bool lab;
	bool sides_separated; /* inside and outside on different devices */
	char default_domain[256];
	char (*domains)[256];
	size_t domain_count;
	struct topology_listener *listeners;
	size_t listener_count;
	struct topology_media *media;
	size_t media_count;
	struct topology_hop *hops;
	size_t hop_count;
	struct topology_trust *trusted;
	size_t trusted_count;
	struct topology_partner *partners;
	size_t partner_count;
	struct topology_provider *providers;
	size_t provider_count;
	struct topology_sealed *sealed; /* by purpose, current first */
	size_t sealed_count;
	struct setting_set *settings[5]; /* by enum conf_daemon */
};

/* Read the generation file at path for this machine. Unknown settings are
 * logged and skipped (a newer publisher). EDGE_EDATABASE, EDGE_EUNKNOWN
 * (the machine is not in it), -ENOENT. */
EDGE_MUST int topology_load(struct topology **out, const char *path,
	const char *machine, struct why *why);
/* A snapshot of nothing: no listener, no right, every setting its default.
 * For who must live before there is a generation. */
EDGE_MUST int topology_bare(struct topology **out, const char *machine,
	struct why *why);
struct topology *topology_ref(struct topology *t);
void topology_unref(struct topology *t); /* accepts NULL; last one frees */

/* "00000000-0000000000000042" */
#define TOPOLOGY_VERSION_LEN 26
const char *topology_version_text(const struct topology *t,
	char out[static TOPOLOGY_VERSION_LEN]);

/* First listener of that usage and side, or NULL. */
const struct topology_listener *topology_listener(const struct topology *t,
	enum topology_usage usage, enum topology_side side);
/* "sip-client" ... for logs, status and `edgectl ports`. */
const char *topology_usage_name(enum topology_usage usage);
const char *topology_side_name(enum topology_side side);
/* Name of the daemon that owns listeners of this usage. */
const char *topology_usage_daemon(enum topology_usage usage);
/* Does it give this machine a port that the daemon of this name serves? */
bool topology_needs(const struct topology *t, const char *daemon);

bool topology_has_domain(const struct topology *t, struct str domain);
/* The grant for this certificate name, or NULL. */
const struct topology_trust *topology_trusted(const struct topology *t,
	enum topology_grant grant, const char *fqdn);
/* Settings of a daemon by its name, borrowed. */
const struct setting_set *topology_settings(const struct topology *t,
	const char *daemon);
/* Any address this machine owns according to the topology (peer policy). */
bool topology_is_own(const struct topology *t, const struct addr *a);

#endif
