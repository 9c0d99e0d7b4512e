/*
 * One edge machine: the control connection to it, kept up with back-off, and
 * its warm slots.
 */
#ifndef WEBCONF_CONNECTOR_UPSTREAM_H
#define WEBCONF_CONNECTOR_UPSTREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "webconf-edge/connector/connector.h"

struct slot;

EDGE_MUST int upstream_new(struct upstream **out, struct connector *c,
	const struct connector_edge *edge);
void upstream_free(struct upstream *u); /* accepts NULL */

/* Each second: heartbeat, load, warm slots. */
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

/* ---- for slot.c ---- */
struct connector *upstream_connector(const struct upstream *u);
const struct addr *upstream_address(const struct upstream *u);
const char *upstream_name(const struct upstream *u);
/* Silence after which a connection to it is dead. */
int64_t upstream_silence_ms(const struct upstream *u);
struct list *upstream_slots(struct upstream *u);
enum upstream_slot_event {
	UPSTREAM_SLOT_READY,
	UPSTREAM_SLOT_TAKEN,  /* PAIR came */
	UPSTREAM_SLOT_RETURNED, /* and was rejected after all */
	UPSTREAM_SLOT_FAILED, /* before it was ready */
	UPSTREAM_SLOT_LOST,   /* while it was ready */
};
void upstream_slot_event(struct upstream *u, enum upstream_slot_event event);

#endif
