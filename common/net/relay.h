/*
 * Two streams joined, or what can stand for one (leg.h): what one says the
 * other hears, as it is. Back-pressure both ways (who is not heard is not
 * read), half-close, a rate cap, counted bytes. Knows no protocol.
 */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/net/leg.h"
#include "common/net/stream.h"

/* What the streams of a relay should be made with: reading stops above half
 * of this and goes on below a quarter. */
#define RELAY_QUEUE_MAX ((size_t)512 << 10)

enum relay_side_id {
	RELAY_LEFT,
	RELAY_RIGHT,
};

enum relay_end {
	RELAY_END_BOTH,  /* both sides said their last word */
	RELAY_END_HALF,  /* one did, the other went on for too long */
	RELAY_END_LEFT,  /* that side broke */
	RELAY_END_RIGHT,
	RELAY_END_CUT,   /* relay_cut() */
};

struct relay;

/* The last call ever; both streams and the relay are gone when it returns.
 * stream_end and detail are of the side that broke, else LOCAL and "". */
typedef void(relay_end_cb)(struct relay *r, enum relay_end end,
	enum stream_end stream_end, const char *detail, void *arg);

struct relay_spec {
	struct loop *loop;
	struct stream *left;  /* taken on success, as the next three */
	struct stream *right;
	struct leg left_leg;  /* when set, instead of the stream */
	struct leg right_leg;
	uint32_t rate_kib_s;  /* per direction, 0 = no cap */
	int64_t half_close_ms;
	relay_end_cb *on_end;
	void *arg;
};

/* "both", "half_close" ... for logs. */
const char *relay_end_name(enum relay_end end);

EDGE_MUST int relay_new(struct relay **out, const struct relay_spec *spec);
/* Bytes of one side that its former owner had read already. */
void relay_inject(struct relay *r, enum relay_side_id side, const void *data,
	size_t len);
/* Orderly but now: both are told, what is queued has 2 s. */
void relay_cut(struct relay *r);
/* At once, without on_end. Accepts NULL. */
void relay_free(struct relay *r);

/* Bytes that this side has said. */
uint64_t relay_bytes(const struct relay *r, enum relay_side_id side);
/* Bytes that wait in both queues. */
size_t relay_queued(const struct relay *r);
/* The last byte either way. */
struct mono relay_heard(const struct relay *r);

#endif
