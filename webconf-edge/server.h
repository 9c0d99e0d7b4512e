/*
 * Conferencing servers that are registered: what they said of themselves,
 * their control connections, their warm slots, and who waits for one.
 */
#ifndef WEBCONF_EDGE_SERVER_H
#define WEBCONF_EDGE_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/wce/ticket.h"
#include "common/wce/ticket_set.h"
#include "common/wce/wce_frame.h"

/* Two: after a cut in the network the new one comes before the old one is
 * known to be dead. */
#define SERVER_CONTROLS_MAX 2

struct server {
	struct map_node node;
	uint8_t id[WCE_ID_LEN];
	uint64_t epoch;
	char name[256]; /* of its certificate: binds the id */
	uint8_t spki_sha256[32];
	char pool[256];
	uint32_t capabilities;
	uint32_t sessions_max;
	struct ticket_key *keys[WCE_KEYS_MAX]; /* owned */
	size_t key_count;
	struct ticket_set *revoked; /* owned */
	size_t link_count; /* every struct link that knows this server */
	struct list controls; /* struct link */
	size_t control_count;
	struct list ready; /* struct link, oldest first */
	size_t ready_count;
	struct list muxes; /* struct link: connections that carry channels */
	size_t mux_count;
	struct list waiters; /* struct front, first come first served */
	size_t waiter_count;
	size_t session_count; /* pairing and relays */
	uint64_t joins;
	uint32_t load; /* sessions as it says itself */
	bool is_accepting; /* as it says itself */
	bool is_draining;
	bool is_listed; /* found by its id */
	struct wall since;
};

struct servers {
	struct map by_id;
	size_t count;
	size_t max;
};

EDGE_MUST int servers_init(struct servers *all, size_t max);
/* All connections must be gone. */
void servers_fini(struct servers *all);
struct server *servers_find(const struct servers *all,
	const uint8_t id[static WCE_ID_LEN]);
/* Walk in no order: NULL first, NULL at the end. */
struct server *servers_next(const struct servers *all,
	const struct server *at);

/* What a frame SRV_REGISTER says, checked. */
struct server_claim {
	uint8_t id[WCE_ID_LEN];
	uint64_t epoch;
	char pool[256];
	uint32_t capabilities;
	uint32_t sessions_max;
	struct ticket_key *keys[WCE_KEYS_MAX]; /* owned */
	size_t key_count;
};

/* EDGE_EMALFORMED: names, keys or numbers are no such. */
EDGE_MUST int server_claim_read(struct server_claim *out,
	const struct wce_fields *fields);
void server_claim_fini(struct server_claim *claim);

/* Who claims, by its certificate. */
struct server_peer {
	const char *name;
	const uint8_t *spki_sha256; /* 32 bytes */
};

enum server_verdict {
	SERVER_NEW,      /* nobody with this id is here */
	SERVER_SAME,     /* another control connection of a known one */
	SERVER_RESTARTED, /* higher epoch: what is left of the old must go */
	SERVER_REFUSED,  /* code tells why */
};

/* Pure: what this claim is to what is registered. */
enum server_verdict server_judge(const struct servers *all,
	const struct server_claim *claim, const struct server_peer *peer,
	enum wce_code *code);
/* Make it, or renew what is known of it; keys are taken from the claim. */
EDGE_MUST int server_register(struct server **out, struct servers *all,
	struct server_claim *claim, const struct server_peer *peer);
/* Its right is gone: the id is free for whoever has it, while what it began
 * comes to its end. */
void server_unlist(struct servers *all, struct server *s);
/* Gone for good, once nothing points to it any more: no connection, session
 * or client that waits. */
void server_forget_if_unused(struct servers *all, struct server *s);

/* May it get one more client at all? */
bool server_may_join(const struct server *s);
const struct ticket_key *server_key(const struct server *s, uint16_t id);
/* How many of them could not be kept. */
size_t server_revoke(struct server *s, struct str ids, struct wall now);
json_t *server_json(const struct server *s);

#endif
