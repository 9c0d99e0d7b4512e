/*
 * The inside stand-in: what its files share. One struct inside for the
 * program, one struct peer for each connection, one struct hop for each
 * server that is dialled.
 */
#ifndef MOCK_INSIDE_H
#define MOCK_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/list.h"
#include "common/net/listener.h"
#include "common/net/stream.h"
#include "common/net/tls.h"
#include "common/run/loop.h"
#include "common/sip/sip_frame.h"
#include "common/sip/sip_msg.h"
#include "tests/mock/inside_binding.h"

struct peer;

/* A server we dial: the edge's access-edge, or its av-auth. */
struct hop {
	const char *label; /* for the trace */
	char *name; /* its certificate's; owned, NULL = no such server */
	struct addr at;
	struct peer *peer; /* NULL while there is no connection */
};

struct peer {
	struct list node;
	struct inside *in;
	uint32_t id; /* never used again */
	struct stream *stream;
	struct sip_frame frame;
	struct hop *hop; /* NULL = it dialled us */
	char name[256];  /* for the trace: daemon, user or address */
};

struct inside {
	struct loop *loop;
	struct listener *listener;
	struct tls_ctx *server_tls;
	struct tls_ctx *client_tls;
	struct list peers;
	uint32_t last_id;
	struct bindings bindings;
	struct hop edge;
	struct hop av_auth;
	const char *domain;
	char name[256]; /* ours: first name of our certificate */
	struct addr at;
	bool trace;
};

/* inside.c */
struct peer *inside_peer_find(struct inside *in, uint32_t id);
struct peer *inside_peer_at(struct inside *in, const struct addr *remote);
/* The connection to a hop, dialled when there is none; NULL = can't. */
struct peer *inside_hop_peer(struct inside *in, struct hop *hop);
void inside_send(struct peer *to, const struct sip_msg *m);
void inside_answer(struct peer *to, const struct sip_msg *request,
	unsigned status, const char *reason);
/* The same with what is on the wire already made; text is freed. */
void inside_send_text(struct peer *to, char *text, size_t len);

/* inside_proxy.c */
void inside_request(struct peer *from, struct sip_msg *m);
void inside_response(struct peer *from, struct sip_msg *m);

/* inside_registrar.c */
void inside_register(struct peer *from, struct sip_msg *m);

#endif
