/*
 * Many clients over one connection (docs/protocol/webconf.md 10): channels
 * with credit, taken in turn, so that one that is stuck stops nobody else.
 * Here the connection's half, channel.h has the channel's. The edge opens
 * channels, the server takes them.
 */
#ifndef WCE_MUX_H
#define WCE_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/run/loop.h"
#include "common/wce/wce_frame.h"

struct channel;
struct mux;

/* What one side may say before it hears CH_CREDIT, both ways. */
#define MUX_WINDOW 262144u

struct mux_ops {
	/* Bytes of whole frames for the connection, copied. 0 = fine, > 0 =
	 * it is full: no more data before mux_writable(), < 0 = it ends. */
	int (*send)(void *arg, const void *data, size_t len);
	/* The peer opened one: channel_own(), then channel_accept() or
	 * channel_reset(), now or later. NULL where we open. */
	void (*on_open)(struct channel *ch, const struct wce_fields *fields,
		void *arg);
	/* A channel is gone; never while it is being opened. The mux must
	 * not be freed inside. May be NULL. */
	void (*on_gone)(void *arg);
};

struct mux_spec {
	struct loop *loop;    /* borrowed */
	uint32_t channels_max;
	bool is_opener;
	const struct mux_ops *ops;
	void *arg;
};

EDGE_MUST int mux_new(struct mux **out, const struct mux_spec *spec);
/* The connection is gone: every channel ends with WCE_E_NONE. Accepts
 * NULL; not from inside a callback of this mux. */
void mux_free(struct mux *m);

/* A frame that came with a channel other than 0. 0, or EDGE_EMALFORMED: the
 * connection can't go on. What a channel does wrong ends that channel. */
EDGE_MUST int mux_take(struct mux *m, const struct wce_frame *frame);
/* The connection takes data again. */
void mux_writable(struct mux *m);

/* May one more be opened? */
bool mux_has_room(const struct mux *m);
size_t mux_count(const struct mux *m);

#endif
