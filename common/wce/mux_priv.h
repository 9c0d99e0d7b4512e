/* What mux.c (the connection: who is there, whose turn it is) and channel.c
 * (one of them) share. Private to this room. */
#ifndef WCE_MUX_PRIV_H
#define WCE_MUX_PRIV_H

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/net/sendq.h"
#include "common/wce/channel.h"

struct mux {
	struct loop *loop; /* borrowed */
	struct map channels;
	struct list turn; /* channels with something to send, in turn */
	uint32_t channels_max;
	uint32_t last_id; /* of channels ever opened */
	const struct mux_ops *ops;
	void *arg;
	bool is_opener;
	bool is_full;    /* the connection takes no data now */
	bool is_pumping;
	bool is_over;    /* being freed: nothing is sent any more */
};

enum channel_state {
	CHANNEL_OPENING, /* CH_OPEN went or came, no answer yet */
	CHANNEL_OPEN,
	CHANNEL_CLOSING, /* its owner has closed it: what waits goes out */
};

struct channel {
	struct map_node node; /* mux->channels */
	struct list place;    /* mux->turn */
	struct mux *mux;      /* borrowed */
	uint32_t id;
	enum channel_state state;
	struct sendq out;
	uint32_t credit; /* bytes we may still say */
	uint32_t owed;   /* bytes heard and not given back as credit */
	bool is_paused;  /* who does not want to hear gives no credit */
	bool is_above;   /* too much waits; on_drained is due */
	bool is_failed;  /* no memory for what should be said */
	bool is_shutting;
	bool is_shut;    /* CH_EOF is out */
	bool is_eof;     /* CH_EOF came */
	struct loop_timer *timer; /* owned: the end of CLOSING */
	const struct channel_ops *ops;
	void *arg;
	struct relay_side *side; /* borrowed: once it is a leg */
};

/* mux.c */
/* A frame without fields; len 0 = empty. */
void mux_send_raw(struct mux *m, enum wce_type type, uint32_t channel,
	const void *data, size_t len);
/* It has something to send. */
void mux_queue(struct mux *m, struct channel *ch);
/* Send while the connection takes it. */
void mux_pump(struct mux *m);
/* The number of the next channel; it counts as used. */
uint32_t mux_next_id(struct mux *m);
/* One less: the owner may have been waiting for it. */
void mux_tell_gone(struct mux *m);
void mux_insert(struct mux *m, struct channel *ch);
void mux_remove(struct mux *m, struct channel *ch);

/* channel.c */
EDGE_MUST int channel_new(struct channel **out, struct mux *m, uint32_t id);
/* Out of the table and freed, nothing is said. */
void channel_free(struct channel *ch);
/* One turn: a frame of data, or the last word. */
void channel_write(struct channel *ch);
bool channel_has_turn(const struct channel *ch);
/* Its frames; the channel may be gone afterwards. */
void channel_take(struct channel *ch, const struct wce_frame *frame);
void channel_give_credit(struct channel *ch);
/* The connection is gone. */
void channel_lost(struct channel *ch);

#endif
