/*
 * The peer policy. An address is judged by what a packet to it would reach
 * (addr_canonical), so that no way of writing an IPv4 address into an IPv6
 * one opens a door (threat T3); what a translator of the operator's makes of
 * it (nat64) is judged beside it. Only the exact relay address is hairpin.
 */
#include "av-edge/peer_policy.h"

#include <string.h>

static const char *const VERDICT_NAMES[PEER_VERDICT_COUNT] = {
	[PEER_OK] = "ok",
	[PEER_HAIRPIN] = "own-relay-address",
	[PEER_SUITE] = "suite-address",
	[PEER_INSIDE] = "inside-network",
	[PEER_LOCAL] = "local-address",
	[PEER_PRIVATE] = "private-range",
	[PEER_SPECIAL] = "special-range",
};

/* Ranges from which clients take their host candidates (R14). */
static const char *const PRIVATE_RANGES[] = {
	"private", "link-local", "site-local", "shared by carriers",
};

const char *peer_verdict_name(enum peer_verdict v)
{
	return VERDICT_NAMES[v];
}

void peer_policy_init(struct peer_policy *p)
{
	memset(p, 0, sizeof(*p));
	netset_init(&p->allow);
}

void peer_policy_fini(struct peer_policy *p)
{
	netset_fini(&p->allow);
	host_net_fini(&p->host);
}

static bool is_among(const struct addr *list, size_t count,
	const struct addr *a)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (addr_ip_eq(&list[i], a))
			return true;
	return false;
}

void peer_policy_add_own(struct peer_policy *p, const struct addr *a)
{
	if (addr_is_set(a) && p->own_count < PEER_OWN_MAX &&
	    !is_among(p->own, p->own_count, a))
		p->own[p->own_count++] = *a;
}

void peer_policy_add_suite(struct peer_policy *p, const struct addr *a)
{
	if (addr_is_set(a) && p->suite_count < PEER_SUITE_MAX &&
	    !is_among(p->suite, p->suite_count, a))
		p->suite[p->suite_count++] = *a;
}

bool peer_policy_is_own(const struct peer_policy *p, const struct addr *a)
{
	return is_among(p->own, p->own_count, a);
}

static enum peer_verdict judge_range(const struct addr *a)
{
	const char *range = netset_special(a);
	size_t i;

	if (range == NULL)
		return PEER_OK;
	for (i = 0; i < ARRAY_COUNT(PRIVATE_RANGES); i++)
		if (strcmp(range, PRIVATE_RANGES[i]) == 0)
			return PEER_PRIVATE;
	return PEER_SPECIAL;
}

static enum peer_verdict judge_one(const struct peer_policy *p,
	const struct addr *peer)
{
	struct addr plain = addr_canonical(peer);
	enum peer_verdict range;

	if (peer_policy_is_own(p, peer) && addr_ip_eq(&plain, peer))
		return PEER_HAIRPIN;
	if (peer_policy_is_own(p, &plain) ||
	    is_among(p->suite, p->suite_count, &plain))
		return PEER_SUITE;
	if (netset_has(&p->allow, &plain))
		return PEER_OK;
	if (netset_has(&p->host.inside, &plain))
		return PEER_INSIDE;
	if (host_net_is_local(&p->host, &plain))
		return PEER_LOCAL;
	range = judge_range(&plain);
	/* What has no IPv4 form may still be special as it is written. */
	return range != PEER_OK ? range : judge_range(peer);
}

/* The way it is written and what it leads to both have to be allowed. */
enum peer_verdict peer_policy_judge(const struct peer_policy *p,
	const struct addr *peer)
{
	enum peer_verdict v = judge_one(p, peer), behind;
	struct addr translated;
	size_t i;

	for (i = 0; i < p->nat64.count && v == PEER_OK; i++) {
		if (!nat64_embedded(&p->nat64, i, peer, &translated))
			continue;
		behind = judge_one(p, &translated);
		/* From outside, a relay address is one of ours as others. */
		v = behind == PEER_HAIRPIN ? PEER_SUITE : behind;
	}
	return v;
}
