/*
 * Relay ports put aside for a moment (RFC 8656 section 7.2, EVEN-PORT with
 * the R bit): known by a token, good for the user who got it and nobody
 * else. A reservation holds its port and one unit of the user's quota; both
 * go to the allocation that claims it, or back when its time is over.
 */
#ifndef AV_EDGE_RESERVATION_H
#define AV_EDGE_RESERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "av-edge/quota.h"

#define RESERVATION_TOKEN_LEN 8
#define RESERVATION_MS        30000
#define RESERVATION_MAX       1024

struct reservation {
	uint8_t token[RESERVATION_TOKEN_LEN];
	uint8_t client_id[AV_CRED_CLIENT_ID_LEN];
	struct quota_place place;
	uint16_t port;
	uint8_t family; /* index of its port pool */
	int64_t until_ms;
};

struct reservations;

EDGE_MUST int reservations_new(struct reservations **out);
void reservations_free(struct reservations *all); /* accepts NULL */
/* Any thread, as all of these. r's token and end are filled in. EDGE_EBUSY:
 * there are too many. */
EDGE_MUST int reservation_add(struct reservations *all,
	struct reservation *r, struct mono now);
/* Take what this user has by this token; what it holds is the caller's. */
bool reservation_claim(struct reservations *all, const uint8_t *token,
	const uint8_t *client_id, struct mono now, struct reservation *out);
/* The one of this port, which stays. */
bool reservation_of_port(struct reservations *all, uint8_t family,
	uint16_t port, struct reservation *out);
/* Take one that is over; call until there is none. */
bool reservation_next_over(struct reservations *all, struct mono now,
	struct reservation *out);
size_t reservation_count(struct reservations *all);

#endif
