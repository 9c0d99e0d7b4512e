/* What the two halves of a link share: link.c (how it comes and goes) and
 * link_frame.c (what is said on it). Private to this room. */
#ifndef WEBCONF_EDGE_LINK_PRIV_H
#define WEBCONF_EDGE_LINK_PRIV_H

#include "common/wce/mux.h"
#include "common/wce/wce_frame.h"
#include "webconf-edge/link.h"

enum link_state {
	LINK_PROBE, /* who begins TLS? */
	LINK_TLS,
	LINK_FIRST, /* admitted; its first frame tells what it is for */
	LINK_CONTROL,
	LINK_READY,
	LINK_PAIRING,
	LINK_MUX, /* carries channels */
	LINK_OVER, /* closing */
};

struct link {
	struct list node;  /* edge->links */
	struct list fresh; /* edge->fresh, until it is admitted */
	struct list place; /* server->controls, ->ready or ->muxes */
	struct webconf_edge *edge; /* borrowed */
	struct addr remote;
	uint32_t port_id;
	uint64_t number;
	struct mono began;
	enum link_state state;
	int fd;                   /* owned in LINK_PROBE, else -1 */
	struct loop_fd *probe;    /* owned in LINK_PROBE */
	struct stream *stream;    /* owned from LINK_TLS on */
	struct loop_timer *timer; /* owned: probe, first frame, heartbeat */
	struct wce_reader reader;
	char *name; /* owned: of the certificate, from LINK_FIRST on */
	uint8_t spki_sha256[32];
	struct server *server; /* borrowed; CONTROL, READY, PAIRING, MUX */
	struct mux *mux;       /* owned; MUX */
	bool is_retired;       /* MUX: nobody new comes */
	struct pair *pair;     /* borrowed; PAIRING */
	unsigned missed;       /* PINGs without answer */
};

/* link.c */
const char *link_state_name(enum link_state state);
void link_set_state(struct link *l, enum link_state state);
/* It has a right and says for what. The server stays while links know it. */
void link_join_server(struct link *l, struct server *s);
/* Orderly: what was sent goes out, then it is released. */
void link_close(struct link *l);
/* ERROR, a line in the log, the end. */
void link_fault(struct link *l, enum wce_code code, const char *reason);
/* Out of all lists, and freed; the stream is somebody else's affair. */
void link_release(struct link *l);

/* link_frame.c */
/* false: the link is over. */
bool link_take_frame(struct link *l, const struct wce_frame *frame);
/* The last frame of a slot: what follows is the inside's. */
void link_take_pair_ok(struct link *l, const struct wce_frame *frame,
	struct str rest);

/* link_mux.c */
/* From now on it carries up to so many channels. */
void link_become_mux(struct link *l, struct server *s, uint32_t channels);
/* false: the link is over. */
bool link_take_channel(struct link *l, const struct wce_frame *frame);
/* The connection has room again. */
void link_mux_writable(struct link *l);
/* Nobody new comes: closed when the last channel is gone. */
void link_retire_mux(struct link *l);
void link_send_registered(struct link *l);
void link_send_drain(struct link *l, uint32_t grace_s);

#endif
