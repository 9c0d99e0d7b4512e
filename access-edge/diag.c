/*
 * Diagnostics: one table of every cause of the SIP stack's range that an
 * edge has words for ([MS-OCER] 7.2 and 8.2).
 */
#include "access-edge/diag.h"

#include <stdio.h>
#include <string.h>

static const struct diag_row table[] = {
	{DIAG_HANDSHAKE, 403, true,
		"Final handshake failed"},
	{DIAG_NO_PUBLIC_IM, 403, true,
		"From URI not authorized to communicate with public IM "
		"providers"},
	{DIAG_NO_FEDERATION, 403, true,
		"From URI not authorized to communicate with federated "
		"partners"},
	{DIAG_NO_USER, 404, true, "User does not exist"},
	{DIAG_ROUTE_SET, 481, true, "Route set is no longer valid"},
	{DIAG_NO_ROUTE, 404, true, "Cannot route to destination domain"},
	{DIAG_CLIENT_CONNECTION, 480, true,
		"Error routing on client connection"},
	{DIAG_NO_ROUTE_NOW, 480, true, "Temporarily cannot route"},
	{DIAG_NO_SRV, 504, true, "Unable to resolve DNS SRV record"},
	{DIAG_SRV_MISMATCH, 504, true,
		"No match for domain in DNS SRV results"},
	{DIAG_NO_TRUST, 504, true,
		"Certificate trust with another server could not be "
		"established"},
	{DIAG_PREVIOUS_SILENT, 0, true,
		"Ms-Diagnostics header not provided by previous hop"},
	{DIAG_NO_OUTSIDE, 403, true,
		"From URI not authorized to communicate with users outside "
		"the enterprise"},
	{DIAG_CLOCK, 403, true,
		"Significant time skew detected during authentication"},
	{DIAG_NO_ADDRESS, 504, true, "Unable to resolve DNS A record"},
	{DIAG_FOREIGN_SENDER, 403, false,
		"Cannot route from message source domain"},
	{DIAG_DOMAIN_TYPE, 403, false,
		"Message asserted domain type does not match local "
		"configuration"},
	{DIAG_DOMAIN_PAIR, 403, true,
		"Cannot route From and To domains in this combination"},
	{DIAG_UNREADABLE, 400, false, "Parsing failure"},
	{DIAG_METHOD, 403, true,
		"Cannot route this type of SIP request to or from federated "
		"partners"},
	{DIAG_SRV_HOSTING, 504, false,
		"Domain resolved by DNS SRV to a configured hosting service "
		"but the domain is not in the allow list"},
	{DIAG_SERVER_SILENT, 0, false,
		"Previous hop server did not report diagnostic information"},
	{DIAG_PARTNER_SILENT, 0, true,
		"Previous hop federated peer did not report diagnostic "
		"information"},
	{DIAG_PUBLIC_SILENT, 0, false,
		"Previous hop public IM provider did not report diagnostic "
		"information"},
	{DIAG_SHARED_SILENT, 0, false,
		"Previous hop shared address space peer did not report "
		"diagnostic information"},
	{DIAG_CONNECT, 504, false, "Failed to connect to a peer server"},
	{DIAG_TLS, 504, false,
		"Failed to complete TLS negotiation with a peer server"},
	{DIAG_PARTNER_CONNECT, 504, false,
		"Failed to connect to a federated peer server"},
	{DIAG_PARTNER_TLS, 504, true,
		"Failed to complete TLS negotiation with a federated peer "
		"server"},
};

size_t diag_count(void)
{
	return ARRAY_COUNT(table);
}

const struct diag_row *diag_at(size_t i)
{
	return &table[i];
}

static const struct diag_row *find(enum diag_id id)
{
	for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
		if (table[i].id == id)
			return &table[i];
	}
	return NULL;
}

const char *diag_text(enum diag_id id)
{
	const struct diag_row *row = find(id);

	return row != NULL ? row->text : "";
}

unsigned diag_status(enum diag_id id)
{
	const struct diag_row *row = find(id);

	return row != NULL ? row->status : 0;
}

void diag_fact(struct diag_facts *facts, const char *name,
	const char *value)
{
	char one[DIAG_FACTS_LEN];
	size_t at = strlen(facts->text);
	int used = snprintf(one, sizeof(one), ";%s=\"", name);
	size_t n = used > 0 ? (size_t)used : sizeof(one);

	for (const char *p = value; *p != '\0'; p++) {
		if (n + 4 > sizeof(one))
			return;
		if (*p == '"' || *p == '\\')
			one[n++] = '\\';
		one[n++] = *p >= ' ' && *p < 0x7f ? *p : '?';
	}
	if (n + 2 > sizeof(one))
		return;
	one[n++] = '"';
	one[n] = '\0';
	if (at + n < sizeof(facts->text))
		memcpy(facts->text + at, one, n + 1);
}

const char *diag_value(enum diag_id id, bool is_public, const char *source,
	const struct diag_facts *facts, char out[static DIAG_VALUE_LEN])
{
	if (is_public)
		snprintf(out, DIAG_VALUE_LEN, "%d;reason=\"%s\"", (int)id,
			diag_text(id));
	else
		snprintf(out, DIAG_VALUE_LEN, "%d;reason=\"%s\"%s;"
			"source=\"%s\"", (int)id, diag_text(id),
			facts != NULL ? facts->text : "", source);
	return out;
}
