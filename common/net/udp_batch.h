/*
 * Datagrams in batches: many received by one call into slots that stay put,
 * many sent by one call. Runs that the kernel glued (UDP_GRO) come as one
 * slot with a segment length; equal datagrams in a row leave as one
 * UDP_SEGMENT send. Nothing is allocated or copied per packet.
 */
#ifndef NET_UDP_BATCH_H
#define NET_UDP_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"

#define UDP_BATCH    64 /* datagrams per system call */
#define UDP_HEAD_MAX 48 /* bytes that may be put before a payload */
#define UDP_PAD_MAX  3  /* zero bytes that may be put after it */

/* One slot: a datagram, or several of segment bytes each (the last one may
 * be shorter). */
struct udp_in {
	uint8_t *data;
	size_t len;
	size_t segment; /* len when it is a single one */
	struct addr from; /* unset: cut or unreadable, to be ignored */
};

struct udp_rx;

/* slots is rounded up to UDP_BATCH. Memory is touched only as used. */
EDGE_MUST int udp_rx_new(struct udp_rx **out, unsigned slots);
void udp_rx_free(struct udp_rx *rx); /* accepts NULL */
unsigned udp_rx_room(const struct udp_rx *rx); /* free slots */
/* Receive up to max datagrams (at most the room and UDP_BATCH) into the
 * next free slots; *first is the first of them. How many, 0 = nothing
 * waits, or < 0. */
EDGE_MUST int udp_rx_read(struct udp_rx *rx, int fd, unsigned max,
	struct udp_in **first);
void udp_rx_reset(struct udp_rx *rx); /* all slots are free again */

/* Where a datagram goes. no_segment lives with the socket: set once a path
 * has refused UDP_SEGMENT, and respected from then on. */
struct udp_to {
	int fd;
	bool *no_segment;
	const struct addr *addr;
};

struct udp_tx;

EDGE_MUST int udp_tx_new(struct udp_tx **out);
void udp_tx_free(struct udp_tx *tx); /* accepts NULL */
/* One datagram: head (copied), payload (borrowed until the flush), zeros. */
struct udp_out {
	const void *head;
	size_t head_len;
	const void *data;
	size_t len;
	size_t pad;
};

/* Flushes by itself when full. */
void udp_tx_add(struct udp_tx *tx, const struct udp_to *to,
	const struct udp_out *out);
void udp_tx_flush(struct udp_tx *tx);
/* Datagrams that left and that the kernel would not take, since the last
 * call. */
void udp_tx_take_counts(struct udp_tx *tx, uint64_t *sent, uint64_t *failed);

/* Datagrams that found the socket's buffer full so far (SO_MEMINFO). */
uint64_t udp_dropped(int fd);

#endif
