/*
 * Sets of address ranges and the table of special ranges. Membership is one
 * comparison of 128-bit numbers (threat T4), after it was settled what the
 * address means (addr_canonical(), threat T3). What to do about a member is
 * the callers' affair.
 */
#include "common/base/netset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct special {
	uint8_t family;
	uint8_t ip[16]; /* IPv4 in the first four */
	unsigned bits;
	const char *name;
};

/*
 * The IANA registries for special-purpose IPv4 and IPv6 addresses, and what
 * RFC 4291 and RFC 3879 set aside. The first row that has the address names
 * it, so the narrow ones come first.
 */
static const struct special SPECIAL[] = {
	{4, {0}, 8, "this network"},
	{4, {10}, 8, "private"},
	{4, {100, 64}, 10, "shared by carriers"},
	{4, {127}, 8, "loopback"},
	{4, {169, 254}, 16, "link-local"},
	{4, {172, 16}, 12, "private"},
	{4, {192, 0, 0}, 24, "protocol assignments"},
	{4, {192, 0, 2}, 24, "documentation"},
	{4, {192, 88, 99}, 24, "6to4 relay"},
	{4, {192, 168}, 16, "private"},
	{4, {198, 18}, 15, "benchmarking"},
	{4, {198, 51, 100}, 24, "documentation"},
	{4, {203, 0, 113}, 24, "documentation"},
	{4, {224}, 4, "multicast"},
	{4, {255, 255, 255, 255}, 32, "broadcast"},
	{4, {240}, 4, "reserved"},
	{6, {0}, 128, "unspecified"},
	{6, {[15] = 1}, 128, "loopback"},
	{6, {0x00, 0x64, 0xff, 0x9b}, 96, "translated to IPv4"},
	{6, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "translated to IPv4"},
	{6, {0x01, 0x00}, 64, "discard"},
	{6, {0x20, 0x01, 0x00, 0x00}, 32, "Teredo"},
	{6, {0x20, 0x01, 0x00}, 23, "protocol assignments"},
	{6, {0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
	{6, {0x3f, 0xff}, 20, "documentation"},
	{6, {0x5f, 0x00}, 16, "segment routing"},
	{6, {0xfc}, 7, "private"},
	{6, {0xfe, 0x80}, 10, "link-local"},
	{6, {0xfe, 0xc0}, 10, "site-local"},
	{6, {0xff}, 8, "multicast"},
};

static unsigned __int128 number(const uint8_t ip[16])
{
	return (unsigned __int128)buf_load_u64(ip) << 64 |
		buf_load_u64(ip + 8);
}

static bool is_mapped(const uint8_t ip[16])
{
	return number(ip) >> 32 == 0xffff;
}

struct net_prefix net_prefix_of(const struct addr *a, unsigned bits)
{
	struct net_prefix net = {{0}, {0}};
	unsigned __int128 host = 0; /* the host bits, all set */
	unsigned __int128 low = number(a->ip);

	if (a->family == 4)
		bits = bits > 32 ? 128 : bits + 96;
	if (bits < 128)
		host = ~(unsigned __int128)0 >> bits;
	low &= ~host;
	buf_store_u64(net.low, (uint64_t)(low >> 64));
	buf_store_u64(net.low + 8, (uint64_t)low);
	low |= host;
	buf_store_u64(net.high, (uint64_t)(low >> 64));
	buf_store_u64(net.high + 8, (uint64_t)low);
	return net;
}

int net_prefix_parse(struct str text, struct net_prefix *out)
{
	size_t slash = str_find(text, '/');
	struct net_prefix net;
	struct addr a;
	uint32_t bits;
	int err;

	err = addr_parse_ip((struct str){text.p, slash}, &a);
	if (err != 0)
		return err;
	bits = a.family == 4 ? 32 : 128;
	if (slash < text.n) {
		uint32_t most = bits;

		text = str_skip(text, slash + 1);
		if (text.n > 3 || str_to_u32(text, &bits) != 0 || bits > most)
			return EDGE_EMALFORMED;
	}
	net = net_prefix_of(&a, bits);
	if (number(net.low) != number(a.ip))
		return EDGE_EMALFORMED; /* host bits: which net is meant? */
	*out = net;
	return 0;
}

bool net_prefix_has(const struct net_prefix *net, const struct addr *a)
{
	unsigned __int128 ip = number(a->ip);

	if (a->family == 0)
		return false;
	/* ::/0 is every IPv6 address, and no IPv4 address. */
	if (a->family == 4 && !is_mapped(net->low))
		return false;
	return number(net->low) <= ip && ip <= number(net->high);
}

void netset_init(struct netset *set)
{
	*set = (struct netset){0};
}

void netset_fini(struct netset *set)
{
	free(set->nets);
	*set = (struct netset){0};
}

int netset_add(struct netset *set, const struct net_prefix *net)
{
	if (set->count == set->cap) {
		size_t cap = set->cap == 0 ? 8 : set->cap * 2;
		struct net_prefix *nets =
			reallocarray(set->nets, cap, sizeof(*nets));

		if (nets == NULL)
			return -ENOMEM;
		set->nets = nets;
		set->cap = cap;
	}
	set->nets[set->count++] = *net;
	return 0;
}

int netset_add_text(struct netset *set, struct str text)
{
	struct net_prefix net;
	int err = net_prefix_parse(text, &net);

	return err != 0 ? err : netset_add(set, &net);
}

bool netset_has(const struct netset *set, const struct addr *a)
{
	struct addr canonical = addr_canonical(a);

	for (size_t i = 0; i < set->count; i++) {
		if (net_prefix_has(&set->nets[i], &canonical) ||
			net_prefix_has(&set->nets[i], a))
			return true;
	}
	return false;
}

static bool special_has(const struct special *s, const struct addr *a)
{
	unsigned shift;

	if (s->family != a->family)
		return false;
	if (s->family == 6) {
		shift = 128 - s->bits;
		return number(a->ip) >> shift == number(s->ip) >> shift;
	}
	shift = 32 - s->bits;
	return buf_load_u32(a->ip + 12) >> shift ==
		buf_load_u32(s->ip) >> shift;
}

static const char *find_special(const struct addr *a)
{
	for (size_t i = 0; i < ARRAY_COUNT(SPECIAL); i++) {
		if (special_has(&SPECIAL[i], a))
			return SPECIAL[i].name;
	}
	return NULL;
}

const char *netset_special(const struct addr *a)
{
	struct addr canonical = addr_canonical(a);
	const char *name = find_special(&canonical);

	return name != NULL ? name : find_special(a);
}
