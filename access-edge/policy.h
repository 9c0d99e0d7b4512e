/*
 * What decisions need of the topology and its settings, in the form in
 * which they need it. Made from one snapshot, never changed.
 */
#ifndef ACCESS_EDGE_POLICY_H
#define ACCESS_EDGE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/sip/sip_uri.h"
#include "common/store/topology.h"

enum register_path {
	REGISTER_PATH_BOTH,
	REGISTER_PATH_PATH,
	REGISTER_PATH_RECORD_ROUTE,
};

/* One side of the edge as others see it in Via, Record-Route and Path. */
struct policy_side {
	char fqdn[256];
	uint16_t port;
	char host_port[272]; /* "edge.int.example:5061" */
	struct addr address; /* where we listen */
	struct addr nat;     /* unset = same */
};

/* What is decided about partners as a whole; who they are is in the
 * topology. */
struct policy_federation {
	bool is_on;
	bool discovery;
	bool default_routing;
	const char *default_route; /* borrowed */
	bool is_public_provider;   /* the default route */
	bool mark_verifiable;
	bool contacts_limit;
	bool allow_wildcard;
	bool rfc3263_fallback;
	const char *discovered_level; /* always, source, never; borrowed */
	const char *default_level;
	unsigned tls_count;
	unsigned rate;     /* of a discovered partner, a second */
	unsigned contacts; /* most local addresses of one, in a day */
	unsigned accepted_max;
	unsigned rejected_max;
	unsigned deleted_percent;
	unsigned srv_max;
	uint32_t report_s;
};

struct policy {
	const struct topology *topology; /* borrowed: outlives the policy */
	const struct setting_set *settings;
	struct policy_side inside;
	struct policy_side outside; /* clients */
	struct policy_side partners; /* fqdn "" = no federation */
	bool allow_outside_users;
	bool allow_anonymous_users;
	bool verified_before_sign_in;
	bool hide_software;
	bool hide_history;
	bool hide_vias;
	bool hide_record_routes;
	bool keep_crls;
	bool require_crls;
	bool ms_headers;
	bool add_supported_path;
	bool fix_nated_contact;
	bool white_space_keep_alive;
	enum register_path register_path;
	unsigned flow_failed_code;
	unsigned pre_auth_requests;
	unsigned anonymous_dialogs;  /* a minute and source */
	unsigned client_rate;
	unsigned client_burst;
	unsigned failed_logon_limit;
	uint32_t failed_logon_window_s;
	uint32_t keep_alive_s;
	uint32_t flow_timer_s;
	uint32_t max_idle_s;
	uint32_t pre_auth_s;
	uint32_t first_message_s;
	uint32_t message_s;
	uint32_t handshake_s;
	uint32_t transaction_s;
	uint32_t invite_s;
	uint32_t connect_s;
	uint32_t probe_s;
	uint32_t down_s;
	unsigned tls_count;
	struct policy_federation federation;
	size_t handshakes_max;
	size_t memory_mark; /* bytes */
	size_t transactions_max;
	size_t transaction_bytes_max;
	size_t client_transactions_max;
	size_t client_body_max;
	size_t server_body_max;
};

/* EDGE_ECONFIG: the topology has no listener for clients or inside. */
EDGE_MUST int policy_from(struct policy *out, const struct topology *t,
	struct why *why);

/* Is this the method of an unproven client that may go in? */
bool policy_is_pre_auth_method(const struct policy *p, struct str method);
/* Is this a method that passes between us and partners? */
bool policy_is_federation_method(const struct policy *p, struct str method);
/* May a name of a partner lead to this special address all the same? */
bool policy_allows_target(const struct policy *p, const struct addr *a);
/* Is this the method of somebody without an account that may go in? */
bool policy_is_anonymous_method(const struct policy *p, struct str method);
/* Does the URI name this edge itself (a Route of ours)? */
bool policy_is_own_uri(const struct policy *p, const struct sip_uri *uri);
/* "access-edge.client_rate: 20": the line of topology.yaml behind a name of
 * a setting or, as it stands, of another key; "" for NULL. Returns out. */
#define POLICY_LINE_LEN 192
const char *policy_line(const struct policy *p, const char *name,
	char out[static POLICY_LINE_LEN]);
/* One of our SIP domains; a dot at the end does not count. */
bool policy_has_domain(const struct policy *p, struct str host);
/* May a server with this certificate name talk SIP with us? */
bool policy_trusts(const struct policy *p, struct str host);

#endif
