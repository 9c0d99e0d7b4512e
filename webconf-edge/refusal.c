/*
 * Refused clients. Lives here: the counter of each code, the line in the
 * log, the advice for each reason. Does not live here: who is refused
 * (front.c, admit.c, pair.c), what the client hears (opener.c).
 */
#include "webconf-edge/refusal.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/log.h"
#include "common/daemon/recall.h"
#include "webconf-edge/counters.h"
#include "webconf-edge/webconf_edge.h"

#define LINES_MAX 60 /* a minute */

static const struct {
	const char *reason;
	const char *advice;
} ADVICE[] = {
	{"shape", "it is no ticket: copy it whole, without line breaks"},
	{"server", "the server that made the ticket is not connected; see "
		"`edgectl webconf servers` and the connector's log"},
	{"key", "the connector has another key now: mint another ticket"},
	{"signature", "the ticket was changed on its way, or made by a "
		"stranger: mint another"},
	{"audience", "the ticket is for another edge: compare its host with "
		"webconf.name of this one"},
	{"time", "mint another ticket; when it is new, compare the clocks of "
		"connector and edge"},
	{"conference", "the client asks for another meeting than the "
		"ticket's"},
	{"revoked", "somebody took the ticket back: mint another"},
	{"replayed", "a ticket is good once: mint one for each connection, "
		"or a reusable one"},
	{"tickets_full", "raise max_tickets, or let tickets live shorter"},
	{"server_full", "raise max_sessions of the connector, or see whether "
		"it drains"},
	{"no_slot", "no warm connection in time: see `edgectl webconf "
		"servers`, and max_warm there and at the connector"},
	{"queue_full", "raise max_waiters, or max_warm at the connector"},
	{"draining", "`edgectl resume webconf-edge` takes clients again"},
	{"edge_full", "raise max_relays or memory_budget"},
	{"hello_timeout", "the client connects and says nothing"},
	{"opening_unknown", "the client speaks another protocol than WCE/1"},
	{"rejected", "the connector said no; its log has the reason"},
	{"slot_gone", "the connector went while it was asked; see its log"},
	{"no_answer", "the connector did not answer within pair_timeout: is "
		"its target reachable?"},
};

const char *refusal_advice(const char *reason)
{
	for (size_t i = 0; i < ARRAY_COUNT(ADVICE); i++)
		if (strcmp(ADVICE[i].reason, reason) == 0)
			return ADVICE[i].advice;
	return NULL;
}

static const struct {
	enum wce_code code;
	enum webconf_edge_counter counter;
} COUNTERS[] = {
	{WCE_E_MALFORMED, COUNT_REFUSED_MALFORMED},
	{WCE_E_VERSION, COUNT_REFUSED_MALFORMED},
	{WCE_E_TIMEOUT, COUNT_REFUSED_TIMEOUT},
	{WCE_E_TICKET, COUNT_REFUSED_TICKET},
	{WCE_E_SERVER, COUNT_REFUSED_SERVER},
	{WCE_E_SERVER_FULL, COUNT_REFUSED_SERVER_FULL},
	{WCE_E_EDGE_FULL, COUNT_REFUSED_EDGE_FULL},
	{WCE_E_DRAINING, COUNT_REFUSED_DRAINING},
};

void refusal_count(struct webconf_edge *e, enum wce_code code)
{
	enum webconf_edge_counter counter = COUNT_REFUSED_OTHER;

	for (size_t i = 0; i < ARRAY_COUNT(COUNTERS); i++)
		if (COUNTERS[i].code == code)
			counter = COUNTERS[i].counter;
	counter_add(e->counters, counter, 1);
}

/* Who had no good ticket may push out only what such as he caused. */
static enum recall_share share_of(const struct refusal *r)
{
	return r->server == NULL || r->code == WCE_E_TICKET ||
		r->code == WCE_E_MALFORMED ? RECALL_STRANGER :
		RECALL_REFUSED;
}

void refusal_tell(struct webconf_edge *e, const struct refusal *r)
{
	const char *server = r->server != NULL ? r->server->name : "";
	const struct recall_note note = {
		.share = share_of(r),
		.kind = "client.refused",
		.advice = refusal_advice(r->reason),
		.domain = str_of(server),
		.address = r->remote,
	};
	char from[ADDR_TEXT_LEN];

	recall_add(daemon_recall(e->daemon), &note, "code=%s reason=%s",
		wce_code_name(r->code), r->reason);
	log_limited(LOG_LEVEL_WARNING, LINES_MAX, "client.refused",
		"client=%" PRIu64 " remote=%s server=%s reason=%s", r->client,
		addr_text(r->remote, from), log_qz(server), r->reason);
}
