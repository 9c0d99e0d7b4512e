/*
 * One edge machine: the control connection to it, kept up with back-off, and
 * the connections that wait for its clients.
 */
#ifndef WEBCONF_CONNECTOR_UPSTREAM_H
#define WEBCONF_CONNECTOR_UPSTREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "webconf-edge/connector/connector.h"

EDGE_MUST int upstream_new(struct upstream **out, struct connector *c,
	const struct connector_edge *edge);
void upstream_free(struct upstream *u); /* accepts NULL */

/* Each second: load, warm connections. */
void upstream_tick(struct upstream *u);
/* Tell it that we take no new clients. */
void upstream_drain(struct upstream *u, uint32_t grace_s);
/* Close the control connection and dial again at once. */
void upstream_restart(struct upstream *u);
void upstream_revoke(struct upstream *u, const uint8_t *ids, size_t count);

bool upstream_is_up(const struct upstream *u);
/* Registered, and taking clients. */
bool upstream_is_serving(const struct upstream *u);
const char *upstream_audience(const struct upstream *u);
uint16_t upstream_public_port(const struct upstream *u);
size_t upstream_ready_count(const struct upstream *u);
json_t *upstream_json(const struct upstream *u);

/* ---- for warm.c, session.c and their own ---- */
struct connector *upstream_connector(const struct upstream *u);
const struct addr *upstream_address(const struct upstream *u);
const char *upstream_name(const struct upstream *u);
/* Silence after which a connection to it is dead. */
int64_t upstream_silence_ms(const struct upstream *u);
/* Slots that it wants to see waiting at least. */
uint32_t upstream_warm_min(const struct upstream *u);
/* Connections that many clients share; 0 = each has its own. */
size_t upstream_trunks_wanted(const struct upstream *u);
void upstream_count_session(struct upstream *u, int more);

#endif
