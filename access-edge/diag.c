/*
 * Diagnostics: one table. The first fifteen reasons are the published ones,
 * the others say what we mean by the number.
 */
#include "access-edge/diag.h"

#include <stdio.h>

struct diag {
	enum diag_id id;
	const char *text;
};

static const struct diag table[] = {
	{DIAG_NO_USER, "User does not exist"},
	{DIAG_ROUTE_SET, "Route set is no longer valid"},
	{DIAG_NO_ROUTE, "Cannot route to destination domain"},
	{DIAG_CLIENT_CONNECTION, "Error routing on client connection"},
	{DIAG_NO_ROUTE_NOW, "Temporarily cannot route"},
	{DIAG_NO_TRUST,
		"Certificate trust with another server could not be "
		"established"},
	{DIAG_NO_OUTSIDE,
		"From URI not authorized to communicate with users outside "
		"the enterprise"},
	{DIAG_NO_ADDRESS, "DNS A record could not be resolved"},
	{DIAG_FOREIGN_SENDER, "Cannot route from message source domain"},
	{DIAG_UNREADABLE, "Parsing failure"},
	{DIAG_CONNECT, "Failed to connect to a peer server"},
	{DIAG_TLS, "Failed to complete TLS negotiation with a peer server"},
};

const char *diag_text(enum diag_id id)
{
	for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
		if (table[i].id == id)
			return table[i].text;
	}
	return "";
}

const char *diag_value(enum diag_id id, bool is_public, const char *source,
	const char *peer, char out[static DIAG_VALUE_LEN])
{
	int used = snprintf(out, DIAG_VALUE_LEN, "%d;reason=\"%s\"", (int)id,
		diag_text(id));
	size_t at = used > 0 ? (size_t)used : 0;

	if (is_public || at >= DIAG_VALUE_LEN)
		return out;
	if (peer != NULL)
		snprintf(out + at, DIAG_VALUE_LEN - at,
			";PeerServer=\"%s\";source=\"%s\"", peer, source);
	else
		snprintf(out + at, DIAG_VALUE_LEN - at, ";source=\"%s\"",
			source);
	return out;
}
