/*
 * The rate of each inside server: a bucket that its credentials are taken
 * from. Who may connect at all is decided in session.c.
 */
#include "av-auth/rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "av-auth/avedge_xml.h"
#include "common/base/str.h"

/* So many seconds' worth may be asked for at once, at the start of a day. */
#define BURST_S 2

struct rate {
	char name[256];
	struct bucket bucket;
};

int rates_init(struct rates *r, const struct topology *t,
	struct mono now)
{
	uint64_t rate = setting_number(topology_settings(t, "av-auth"),
		"credential_rate");
	uint32_t burst = (uint32_t)rate * BURST_S;
	struct rate *row;

	*r = (struct rates){.rate_per_s = (uint32_t)rate};
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

void rates_fini(struct rates *r)
{
	free(r->rows);
	r->rows = NULL;
	r->count = 0;
}

static struct rate *find_row(struct rates *r, const char *server)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_ieq_z(str_of(server), r->rows[i].name))
			return &r->rows[i];
	return NULL;
}

bool rates_take(struct rates *r, const char *server,
	size_t count, struct mono now)
{
	struct rate *row = find_row(r, server);

	return row != NULL && bucket_take_many(&row->bucket, count, now);
}
