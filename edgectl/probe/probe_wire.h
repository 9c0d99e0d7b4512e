/*
 * How a probe's STUN messages travel: datagrams, or frames on a TCP
 * connection, bare, in TLS or behind a pseudo-TLS greeting. Messages in,
 * messages out; what they mean is probe_turn's and probe_ms_turn's.
 */
#ifndef EDGECTL_PROBE_WIRE_H
#define EDGECTL_PROBE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/probe/probe.h"

enum probe_way {
	PROBE_UDP,
	PROBE_TCP,
	PROBE_TLS,
	PROBE_PSEUDO_TLS, /* MS-TURN alone */
};
#define PROBE_WAYS (PROBE_PSEUDO_TLS + 1)

/* "udp", "tcp", "tls", "pseudo-tls". */
const char *probe_way_name(enum probe_way way);

struct probe_wire;

/* One whole message, or ChannelData with its header; of MS-TURN also bare
 * data. Borrowed for the call. */
typedef void(probe_wire_cb)(const uint8_t *data, size_t len, void *arg);

struct probe_wire_spec {
	enum probe_way way;
	bool is_ms;        /* frames of MS-TURN, else of RFC 8656 */
	struct addr local; /* to send from; unset = any */
	struct addr server;
	const char *name;  /* TLS: what the certificate must say; NULL = any */
	const char *trust; /* TLS: who signed it; NULL = the system's */
	probe_wire_cb *on_message;
	void *arg;
};

/* Connected and greeted when it returns; turns the probe's loop. */
EDGE_MUST int probe_wire_open(struct probe_wire **out, struct probe *probe,
	const struct probe_wire_spec *spec, struct why *why);
void probe_wire_close(struct probe_wire *w); /* accepts NULL */

/* What can't leave is lost, as on UDP. is_data: payload of MS-TURN. */
void probe_wire_send(struct probe_wire *w, const uint8_t *data, size_t len,
	bool is_data);
/* Does it lose messages, so that asking again makes sense? */
bool probe_wire_is_lossy(const struct probe_wire *w);
/* Why nothing comes any more; "" while it is open. */
const char *probe_wire_end(const struct probe_wire *w);
const struct addr *probe_wire_server(const struct probe_wire *w);
enum probe_way probe_wire_way(const struct probe_wire *w);

#endif
