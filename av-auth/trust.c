/* Admission of inside servers: by certificate, and by rate. */
#include "av-auth/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "av-auth/avedge_xml.h"
#include "common/base/digest.h"
#include "common/base/str.h"

/* So many seconds' worth may be asked for at once, at the start of a day. */
#define BURST_S 2

struct trust_rate {
	char name[256];
	struct bucket bucket;
};

const struct topology_trust *trust_find(const struct topology *t,
	const struct tls_peer *peer, const char **cause)
{
	const struct topology_trust *row;

	*cause = "no certificate that our trust anchors vouch for";
	if (!peer->is_present || !peer->is_verified)
		return NULL;
	*cause = "no name of the certificate has the right av-auth";
	for (size_t i = 0; i < peer->name_count; i++) {
		row = topology_trusted(t, TOPOLOGY_GRANT_AV_AUTH,
			peer->names[i]);
		if (row == NULL)
			continue;
		if (!row->has_pin || digest_eq(row->spki_sha256,
					     peer->spki_sha256,
					     sizeof(row->spki_sha256)))
			return row;
		*cause = "the key is not the pinned one";
	}
	return NULL;
}

int trust_rates_init(struct trust_rates *r, const struct topology *t,
	struct mono now)
{
	uint64_t rate = setting_number(topology_settings(t, "av-auth"),
		"credential_rate");
	uint32_t burst = (uint32_t)rate * BURST_S;
	struct trust_rate *row;

	*r = (struct trust_rates){.rate_per_s = (uint32_t)rate};
	if (burst < AVEDGE_ITEMS_MAX) /* one full request must pass */
		burst = AVEDGE_ITEMS_MAX;
	r->rows = calloc(t->trusted_count + 1, sizeof(*r->rows));
	if (r->rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->trusted_count; i++) {
		if (t->trusted[i].grant != TOPOLOGY_GRANT_AV_AUTH)
			continue;
		row = &r->rows[r->count++];
		memcpy(row->name, t->trusted[i].fqdn, sizeof(row->name));
		bucket_init(&row->bucket, r->rate_per_s, burst, now);
	}
	return 0;
}

void trust_rates_fini(struct trust_rates *r)
{
	free(r->rows);
	r->rows = NULL;
	r->count = 0;
}

static struct trust_rate *find_row(struct trust_rates *r, const char *server)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_ieq_z(str_of(server), r->rows[i].name))
			return &r->rows[i];
	return NULL;
}

bool trust_rates_take(struct trust_rates *r, const char *server,
	size_t count, struct mono now)
{
	struct trust_rate *row = find_row(r, server);

	return row != NULL && bucket_take_many(&row->bucket, count, now);
}
