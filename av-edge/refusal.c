/*
 * Saying no: budget, counters, log lines. What the refusal looks like on
 * the wire is each dialect's own.
 */
#include "av-edge/refusal.h"

#include "common/base/log.h"
#include "av-edge/remember.h"

#define IP_UDP_LEN  28 /* headers counted in amplification, IPv4 */
#define AMPLIFY_MAX 3  /* threat T7 */

bool refusal_is_short(const struct turn_in *in, size_t len)
{
	/* It is no other's address that the answer goes to. */
	return in->is_stream ||
	    len + IP_UDP_LEN <= AMPLIFY_MAX * (in->len + IP_UDP_LEN);
}

bool refusal_may_be_told(struct turn *t, const struct turn_in *in, size_t len)
{
	if (in->is_stream)
		return true;
	if (!refusal_is_short(in, len)) {
		stats_add(&t->stats, AV_STRANGER_TOO_LONG, 1);
		return false;
	}
	if (!strangers_may_get_reply(t->shared->strangers, in->client,
		    t->now)) {
		stats_add(&t->stats, AV_STRANGER_SILENCED, 1);
		return false;
	}
	return true;
}

/* R9: the challenge is no event. R10: everything else has its cause. */
void refusal_note_sender(struct turn *t, const struct turn_in *in,
	enum auth_cause cause, const char *method, int64_t expired_ago_s)
{
	char client[ADDR_TEXT_LEN];

	stats_add(&t->stats, AV_AUTH_CHALLENGED + (size_t)cause -
		AUTH_CHALLENGED, 1);
	if (cause == AUTH_CHALLENGED || cause == AUTH_STALE_NONCE)
		return;
	remember_sender(t, in, cause, method, expired_ago_s);
	addr_text(in->client, client);
	if (cause == AUTH_EXPIRED)
		log_limited(LOG_LEVEL_INFO, 10, "auth.refused",
			"cause=%s method=%s client=%s expired_ago_s=%lld",
			auth_cause_name(cause), log_qz(method), client,
			(long long)expired_ago_s);
	else
		log_limited(LOG_LEVEL_INFO, 10, "auth.refused",
			"cause=%s method=%s client=%s", auth_cause_name(cause),
			log_qz(method), client);
}

/* Being full is 508 in RFC 8656, 500 in [MS-TURN], and 300 in both when
 * another relay may do. */
static enum av_counter counter_of(unsigned code)
{
	switch (code) {
	case 437:
		return AV_REFUSED_MISMATCH;
	case 486:
		return AV_REFUSED_QUOTA;
	case 300:
	case 500:
	case 508:
		return AV_REFUSED_CAPACITY;
	default:
		return AV_REFUSED_OTHER;
	}
}

void refusal_note(struct turn *t, const struct turn_in *in,
	const struct auth_proof *who, const char *method, unsigned code)
{
	char client[ADDR_TEXT_LEN];

	remember_refusal(t, in, who, method, code);
	log_limited(LOG_LEVEL_INFO, 10, "request.refused",
		"code=%u method=%s client=%s", code, log_qz(method),
		addr_text(in->client, client));
	stats_add(&t->stats, counter_of(code), 1);
}
