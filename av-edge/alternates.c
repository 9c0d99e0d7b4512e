/*
 * Reading and drawing. Whether to send a client away is the handlers'
 * affair; the port is that of the listener it came to, which is the same on
 * all edges of a pool.
 */
#include "av-edge/alternates.h"

#include "common/base/err.h"
#include "common/base/rand.h"

static const char *const names[ALTERNATES_SIDES] = {
	[TOPOLOGY_INTERNAL] = "alternate_servers_internal",
	[TOPOLOGY_EXTERNAL] = "alternate_servers",
};

static int read_side(struct alternates *out, const struct setting_set *set,
	enum topology_side side, struct why *why)
{
	size_t n = setting_list_count(set, names[side]), i;
	const char *text;

	for (i = 0; i < n && i < ALTERNATES_MAX; i++) {
		text = setting_list_item(set, names[side], i);
		if (addr_parse_ip(str_of(text), &out->list[side][i]) < 0)
			return why_set(why, EDGE_ECONFIG,
				"%s: \"%s\" is a range; name the address of "
				"each relay", names[side], text);
	}
	out->count[side] = i;
	return 0;
}

int alternates_read(struct alternates *out, const struct setting_set *set,
	struct why *why)
{
	int err = read_side(out, set, TOPOLOGY_INTERNAL, why);

	return err < 0 ? err : read_side(out, set, TOPOLOGY_EXTERNAL, why);
}

bool alternates_pick(const struct alternates *all, enum topology_side side,
	uint8_t family, struct addr *out)
{
	const struct addr *fits[ALTERNATES_MAX];
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < all->count[side]; i++)
		if (all->list[side][i].family == family)
			fits[n++] = &all->list[side][i];
	if (n == 0)
		return false;
	*out = *fits[rand_below(n)];
	return true;
}
