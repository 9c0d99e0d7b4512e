/*
 * What a datagram on a UDP port is: both dialects, their data, and whatever
 * comes astray, told apart by its bytes and by which dialect the client has
 * an allocation of (docs/protocol/ms-turn.md). Pure.
 *
 * A client is one dialect's from its first successful Allocate until that
 * allocation ends.
 */
#ifndef AV_EDGE_DEMUX_UDP_H
#define AV_EDGE_DEMUX_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum demux_owner {
	DEMUX_NOBODY, /* the client has no allocation */
	DEMUX_OF_RFC,
	DEMUX_OF_MS,
};

enum demux_class {
	DEMUX_MS_CONTROL,  /* [MS-TURN] message, for stun_ms_parse() */
	DEMUX_MS_DATA,     /* for the active destination, as it is */
	DEMUX_RFC_MESSAGE, /* STUN or TURN, for stun_parse() */
	DEMUX_CHANNEL,     /* ChannelData; whether it is bound is yet to see */
	/* The rest is dropped; why, for the counters. */
	DEMUX_MULTIPLEXED, /* a form of [MS-TURN] we never announce */
	DEMUX_STRAY,       /* right, but not from this client */
	DEMUX_JUNK,        /* nothing we speak */
};

/* By shape: ChannelData, or a message that looks like it. */
bool demux_is_channel(const uint8_t *data, size_t len);
enum demux_class demux_udp(const uint8_t *data, size_t len,
	enum demux_owner owner);

#endif
