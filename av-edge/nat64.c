/*
 * Reading the prefixes, and where IPv4 addresses lie under them. What to do
 * about such an address is peer_policy's affair.
 */
#include "av-edge/nat64.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/netset.h"

#define SETTING "nat64_prefixes"

/* RFC 6052 2.2: after the prefix, but for bits 64 to 71. Some translators
 * look at those and what follows the address, others don't: here neither
 * counts. */
static const struct form {
	unsigned bits;
	uint8_t at[4]; /* the octets of the IPv4 address */
} FORMS[] = {
	{32, {4, 5, 6, 7}},
	{40, {5, 6, 7, 9}},
	{48, {6, 7, 9, 10}},
	{56, {7, 9, 10, 11}},
	{64, {9, 10, 11, 12}},
	{96, {12, 13, 14, 15}},
};

static const struct form *form_of(uint32_t bits)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(FORMS); i++)
		if (FORMS[i].bits == bits)
			return &FORMS[i];
	return NULL;
}

int nat64_add(struct nat64 *n, struct str prefix)
{
	size_t slash = str_find(prefix, '/');
	struct net_prefix net;
	struct addr first;
	uint32_t bits;

	if (n->count == NAT64_MAX)
		return -ENOSPC;
	if (slash == prefix.n || net_prefix_parse(prefix, &net) < 0 ||
	    addr_parse_ip((struct str){prefix.p, slash}, &first) < 0 ||
	    str_to_u32(str_skip(prefix, slash + 1), &bits) < 0 ||
	    first.family != 6 || form_of(bits) == NULL)
		return EDGE_EMALFORMED;
	n->prefixes[n->count].first = first;
	n->prefixes[n->count++].bits = bits;
	return 0;
}

int nat64_read(struct nat64 *out, const struct setting_set *set,
	struct why *why)
{
	size_t count = setting_list_count(set, SETTING), i;
	const char *text;

	out->count = 0;
	for (i = 0; i < count; i++) {
		text = setting_list_item(set, SETTING, i);
		if (nat64_add(out, str_of(text)) < 0)
			return why_set(why, EDGE_ECONFIG,
				SETTING ": \"%s\" is no IPv6 prefix of length "
				"32, 40, 48, 56, 64 or 96 (RFC 6052)", text);
	}
	return 0;
}

bool nat64_embedded(const struct nat64 *n, size_t i, const struct addr *a,
	struct addr *out)
{
	unsigned bits = n->prefixes[i].bits;
	const struct form *form = form_of(bits);
	uint8_t ip[4];
	size_t at;

	if (a->family != 6 ||
	    memcmp(a->ip, n->prefixes[i].first.ip, bits / 8) != 0)
		return false;
	for (at = 0; at < sizeof(ip); at++)
		ip[at] = a->ip[form->at[at]];
	*out = addr_of_ip4(ip, a->port);
	return true;
}
