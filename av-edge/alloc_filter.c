/*
 * What a person asks for against what an allocation is. Users are known by
 * their client id only, so a name is turned into the ids it can have.
 */
#include "av-edge/alloc_filter.h"

#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/cred/rest_cred.h"

#define USER_MAX 1024

static uint8_t *next_user(struct alloc_filter *f)
{
	return f->users[f->user_count++];
}

static void add_name(struct alloc_filter *f, struct str name,
	const struct av_key_ring *ring)
{
	size_t i;

	for (i = 0; i < ring->count; i++)
		av_cred_client_id(&ring->keys[i], name, next_user(f));
}

void alloc_filter_user(struct alloc_filter *f, struct str user,
	const struct av_key_ring *ring)
{
	const struct rest_user rest = {.name = user};
	char with_scheme[USER_MAX];
	size_t len = 0;
	int n;

	f->user_count = 0;
	if (str_unhex(user, f->users[0], sizeof(f->users[0]), &len) == 0 &&
	    len == sizeof(f->users[0])) {
		f->user_count = 1;
		return;
	}
	rest_user_client_id(&rest, next_user(f));
	add_name(f, user, ring);
	n = snprintf(with_scheme, sizeof(with_scheme), "sip:%.*s",
		STR_ARG(user));
	if (!str_istarts(user, "sip:") && n > 0 &&
	    (size_t)n < sizeof(with_scheme))
		add_name(f, str_of(with_scheme), ring);
}

int alloc_filter_side(struct alloc_filter *f, struct str side)
{
	f->has_side = true;
	if (str_eq_z(side, topology_side_name(TOPOLOGY_EXTERNAL)))
		f->side = TOPOLOGY_EXTERNAL;
	else if (str_eq_z(side, topology_side_name(TOPOLOGY_INTERNAL)))
		f->side = TOPOLOGY_INTERNAL;
	else
		return EDGE_EMALFORMED;
	return 0;
}

int alloc_filter_address(struct alloc_filter *f, struct str text)
{
	return addr_parse(text, &f->address);
}

int alloc_filter_port(struct alloc_filter *f, struct str text)
{
	uint32_t port;

	if (str_to_u32(text, &port) < 0 || port == 0 || port > UINT16_MAX)
		return EDGE_EMALFORMED;
	f->port = (uint16_t)port;
	return 0;
}

static bool is_user(const struct alloc_filter *f, const struct alloc *a)
{
	size_t i;

	for (i = 0; i < f->user_count; i++)
		if (memcmp(f->users[i], a->client_id,
			    sizeof(a->client_id)) == 0)
			return true;
	return f->user_count == 0;
}

static bool is_address(const struct addr *want, const struct addr *have)
{
	return addr_ip_eq(want, have) &&
	    (want->port == 0 || want->port == have->port);
}

bool alloc_filter_takes(const struct alloc_filter *f, const struct alloc *a)
{
	if (f->has_side && f->side != (enum topology_side)a->side)
		return false;
	if (f->port != 0 && f->port != a->client.port &&
	    f->port != a->relayed.port)
		return false;
	if (addr_is_set(&f->address) &&
	    !is_address(&f->address, &a->client) &&
	    !is_address(&f->address, &a->relayed))
		return false;
	return is_user(f, a);
}
