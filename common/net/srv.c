/*
 * The codec for SRV answers. c-ares reads them too, but hides the TTL.
 * Names come out of the message by ares_expand_name, which knows
 * compression and its loops. RFC 1035 section 4.1, RFC 2782.
 */
#include "common/net/srv.h"

#include <ares.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/rand.h"

#define TYPE_SRV     33
#define CLASS_IN     1
#define RECORDS_MAX  256
#define TTL_MAX_S    86400u
#define TTL_NEGATIVE 0x80000000u /* RFC 2181 section 8: counts as 0 */

static int skip_name(struct rbuf *r)
{
	char *name = NULL;
	long used = 0;

	if (!rbuf_ok(r) || rbuf_left(r) == 0)
		return EDGE_EMALFORMED;
	if (ares_expand_name(r->p + r->pos, r->p, (int)r->len, &name,
		    &used) != ARES_SUCCESS)
		return EDGE_EMALFORMED;
	ares_free_string(name);
	if (used <= 0)
		return EDGE_EMALFORMED;
	rbuf_skip(r, (size_t)used);
	return 0;
}

/* "." and what is no host name give EDGE_EREFUSED: a row to leave out. */
static int take_target(const struct rbuf *r, char *out, size_t cap)
{
	char *name = NULL;
	long used = 0;
	int err;

	if (!rbuf_ok(r) || rbuf_left(r) == 0)
		return EDGE_EMALFORMED;
	if (ares_expand_name(r->p + r->pos, r->p, (int)r->len, &name,
		    &used) != ARES_SUCCESS)
		return EDGE_EMALFORMED;
	err = dns_name_take(str_of(name), out, cap);
	ares_free_string(name);
	return err < 0 ? EDGE_EREFUSED : 0;
}

static int take_row(struct rbuf *r, uint32_t ttl_s, struct resolve_srv *row)
{
	memset(row, 0, sizeof(*row));
	if (ttl_s >= TTL_NEGATIVE)
		ttl_s = 0;
	row->ttl_s = ttl_s < TTL_MAX_S ? ttl_s : TTL_MAX_S;
	row->priority = rbuf_u16(r);
	row->weight = rbuf_u16(r);
	row->port = rbuf_u16(r);
	return take_target(r, row->target, sizeof(row->target));
}

int srv_parse(const uint8_t *message, size_t len, struct resolve_srv *rows,
	size_t cap, size_t *count)
{
	struct rbuf r = rbuf_of(message, len);
	size_t questions;
	size_t answers;
	size_t found = 0;

	if (len > UINT16_MAX)
		return EDGE_EMALFORMED;
	rbuf_skip(&r, 4);
	questions = rbuf_u16(&r);
	answers = rbuf_u16(&r);
	rbuf_skip(&r, 4);
	if (!rbuf_ok(&r) || questions > 1 || answers > RECORDS_MAX)
		return EDGE_EMALFORMED;
	if (questions == 1) {
		if (skip_name(&r) < 0)
			return EDGE_EMALFORMED;
		rbuf_skip(&r, 4);
	}
	for (; answers > 0 && found < cap; answers--) {
		uint16_t type;
		uint16_t class;
		uint32_t ttl_s;
		size_t end;
		int err;

		if (skip_name(&r) < 0)
			return EDGE_EMALFORMED;
		type = rbuf_u16(&r);
		class = rbuf_u16(&r);
		ttl_s = rbuf_u32(&r);
		end = rbuf_u16(&r);
		end += r.pos;
		if (!rbuf_ok(&r) || end > len)
			return EDGE_EMALFORMED;
		if (type == TYPE_SRV && class == CLASS_IN) {
			err = take_row(&r, ttl_s, &rows[found]);
			if (err == EDGE_EMALFORMED)
				return err;
			if (err == 0)
				found++;
		}
		r.pos = end; /* within the message, checked above */
	}
	*count = found;
	return 0;
}

static void swap(struct resolve_srv *a, struct resolve_srv *b)
{
	struct resolve_srv c = *a;

	*a = *b;
	*b = c;
}

/* Rows that come before others whatever the dice say. */
static bool is_before(const struct resolve_srv *a,
	const struct resolve_srv *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	/* weight 0 first, so that it has its small chance */
	return a->weight == 0 && b->weight != 0;
}

static size_t draw(const struct resolve_srv *rows, size_t count)
{
	uint32_t sum = 0;
	uint32_t dice;
	size_t i;

	for (i = 0; i < count; i++)
		sum += rows[i].weight;
	dice = rand_below(sum + 1);
	sum = 0;
	for (i = 0; i + 1 < count; i++) {
		sum += rows[i].weight;
		if (sum >= dice)
			break;
	}
	return i;
}

void srv_sort(struct resolve_srv *rows, size_t count)
{
	size_t i;
	size_t j;

	for (i = 1; i < count; i++) {
		for (j = i; j > 0 && is_before(&rows[j], &rows[j - 1]); j--)
			swap(&rows[j], &rows[j - 1]);
	}
	for (i = 0; i < count; i++) {
		size_t same = 1;

		while (i + same < count &&
			rows[i + same].priority == rows[i].priority)
			same++;
		/* drawn to the front; the others keep their order */
		for (j = i + draw(rows + i, same); j > i; j--)
			swap(&rows[j], &rows[j - 1]);
	}
}
