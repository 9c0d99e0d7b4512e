/*
 * One client's bytes inside a connection that it shares with others: opened,
 * accepted, data within credit both ways, a last word each, reset. As a leg
 * of a relay it behaves like a stream.
 */
#ifndef WCE_CHANNEL_H
#define WCE_CHANNEL_H

#include "common/net/leg.h"
#include "common/wce/mux.h"

/* Until it is a leg; then the relay hears. */
struct channel_ops {
	/* Where we open: the peer said yes. */
	void (*on_accept)(struct channel *ch, void *arg);
	/* The last call: reset with this code by the peer, or WCE_E_NONE: the
	 * connection is gone. The channel is gone when it returns. */
	void (*on_end)(struct channel *ch, enum wce_code code, void *arg);
};

/* fields: what follows the head of CH_OPEN. EDGE_ETOOBIG: no room
 * (mux_has_room() says so before). on_end is not called before this
 * returns. */
EDGE_MUST int channel_open(struct channel **out, struct mux *m,
	const void *fields, size_t len, const struct channel_ops *ops,
	void *arg);
/* Whose it is; once, inside on_open of the mux. */
void channel_own(struct channel *ch, const struct channel_ops *ops,
	void *arg);
/* Its leg must be joined before the owner returns. */
void channel_accept(struct channel *ch);
/* At once and without on_end: the peer hears this code. */
void channel_reset(struct channel *ch, enum wce_code code);

/* For relay_new(); accepted, on whichever side. */
struct leg channel_leg(struct channel *ch);

#endif
