/*
 * The decision about a bundle, apart from files and clocks. The transport
 * only limits who may talk; what is decided here is what protects: S16 and
 * S18, replays and publishers that were voted out.
 */
#include "replication-agent/accept.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/bundle/bundle_wire.h"
#include "common/store/generation.h"

#ifndef EDGE_VERSION
#error "EDGE_VERSION is set by the Makefile"
#endif

int accept_status(enum accept_verdict verdict)
{
	switch (verdict) {
	case ACCEPT_NEW:
	case ACCEPT_KNOWN:
		return 200;
	case ACCEPT_MISTAKEN:
		return 400;
	case ACCEPT_FORGED:
		return 403;
	case ACCEPT_OLD:
	case ACCEPT_CONFLICT:
		return 409;
	case ACCEPT_UNKNOWN:
		return 415;
	case ACCEPT_FOREIGN:
		break;
	}
	return 422;
}

/* "0.10.1" against ours, number by number; what is no number is 0. */
static bool is_agent_old(const char *wanted)
{
	unsigned w[3] = {0, 0, 0};
	unsigned o[3] = {0, 0, 0};

	if (sscanf(wanted, "%u.%u.%u", &w[0], &w[1], &w[2]) < 1 ||
		sscanf(EDGE_VERSION, "%u.%u.%u", &o[0], &o[1], &o[2]) < 1)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(w); i++)
		if (w[i] != o[i])
			return w[i] > o[i];
	return false;
}

static bool is_announced(const struct bundle *b,
	const struct accept_ground *g)
{
	return (g->sha256 == NULL || strcmp(g->sha256, b->sha256) == 0) &&
		(g->version == NULL ||
			bundle_version_compare(*g->version,
				b->manifest.version) == 0);
}

/* The same for all kinds: who signed, for whom, when. */
static enum accept_verdict judge_origin(const struct bundle *b,
	const struct accept_ground *g, struct why *why)
{
	if (!is_announced(b, g)) {
		why_set(why, EDGE_EMALFORMED,
			"the bundle is not the one that path and header "
			"announce");
		return ACCEPT_MISTAKEN;
	}
	if (bundle_trust_verify(g->trust, b, why) < 0)
		return ACCEPT_FORGED;
	if (b->manifest.created.s > g->now.s + BUNDLE_SKEW_S) {
		why_set(why, EDGE_EREFUSED,
			"made %" PRId64 " seconds in the future: set the "
			"clocks right", b->manifest.created.s - g->now.s);
		return ACCEPT_FORGED;
	}
	return ACCEPT_NEW;
}

static enum accept_verdict judge_version(const struct bundle *b,
	const struct accept_ground *g, struct why *why)
{
	char have[BUNDLE_VERSION_LEN];
	char came[BUNDLE_VERSION_LEN];
	enum bundle_verdict verdict;

	bundle_version_text(g->highest->version, have);
	bundle_version_text(b->manifest.version, came);
	if (b->manifest.version.epoch < g->fence) {
		why_set(why, EDGE_EREFUSED,
			"epoch %" PRIu32 " is over: a publisher of epoch %"
			PRIu32 " was seen", b->manifest.version.epoch,
			g->fence);
		return ACCEPT_OLD;
	}
	verdict = bundle_judge(g->highest, b->manifest.version, b->sha256);
	if (verdict == BUNDLE_OLDER)
		why_set(why, EDGE_EREFUSED,
			"version %s is not newer than %s", came, have);
	if (verdict == BUNDLE_CONFLICT)
		why_set(why, EDGE_EREFUSED, "version %s is here with another "
			"content: two publishers?", came);
	switch (verdict) {
	case BUNDLE_NEWER:
		return ACCEPT_NEW;
	case BUNDLE_KNOWN:
		return ACCEPT_KNOWN;
	case BUNDLE_OLDER:
		return ACCEPT_OLD;
	case BUNDLE_CONFLICT:
		break;
	}
	return ACCEPT_CONFLICT;
}

enum accept_verdict accept_judge(const struct bundle *b,
	const struct accept_ground *g, struct why *why)
{
	const struct bundle_manifest *m = &b->manifest;
	enum accept_verdict verdict;

	if (m->type != BUNDLE_TOPOLOGY) {
		why_set(why, EDGE_EMALFORMED, "a %s where a topology is "
			"wanted", bundle_type_name(m->type));
		return ACCEPT_MISTAKEN;
	}
	verdict = judge_origin(b, g, why);
	if (verdict != ACCEPT_NEW)
		return verdict;
	if (m->schema != GENERATION_SCHEMA || is_agent_old(m->min_agent)) {
		why_set(why, EDGE_EUNKNOWN,
			"made for schema %" PRIu32 " and agents from %s on; "
			"this is schema %d, agent %s: update this edge",
			m->schema, m->min_agent[0] != '\0' ? m->min_agent :
			"any", GENERATION_SCHEMA, EDGE_VERSION);
		return ACCEPT_UNKNOWN;
	}
	if (g->pool[0] != '\0' && !bundle_manifest_is_for(m, g->pool)) {
		why_set(why, EDGE_EREFUSED, "not made for pool %s", g->pool);
		return ACCEPT_FOREIGN;
	}
	return judge_version(b, g, why);
}

enum accept_verdict accept_judge_head(const struct bundle *b,
	const struct accept_ground *g, const struct bundle *held,
	struct why *why)
{
	enum accept_verdict verdict;

	if (b->manifest.type != BUNDLE_HEAD) {
		why_set(why, EDGE_EMALFORMED, "a %s where a head is wanted",
			bundle_type_name(b->manifest.type));
		return ACCEPT_MISTAKEN;
	}
	verdict = judge_origin(b, g, why);
	if (verdict != ACCEPT_NEW)
		return verdict;
	if (b->manifest.version.epoch < g->fence ||
		(held != NULL &&
			(bundle_version_compare(b->manifest.version,
				 held->manifest.version) < 0 ||
				b->manifest.created.s <
					held->manifest.created.s))) {
		why_set(why, EDGE_EREFUSED, "a newer head was seen");
		return ACCEPT_OLD;
	}
	return ACCEPT_NEW;
}
