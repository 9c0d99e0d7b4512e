/*
 * Open connections after the trusted authorities have changed: is the peer
 * one that would be let in today?
 */
#ifndef NET_STREAM_REVIEW_H
#define NET_STREAM_REVIEW_H

#include <stdbool.h>

#include "common/net/stream.h"
#include "common/net/tls.h"

/* Does the peer's certificate lead to an authority that this context trusts?
 * True for who showed none, or was asked for none. That it ended meanwhile
 * does not count: a connection that began in time may go on. */
bool stream_review(const struct stream *s, struct tls_ctx *ctx);

#endif
