/* Binding requests with short-term credentials. Sending is the caller's. */
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/probe/probe_ice.h"

/* Peer-reflexive type preference 110 (RFC 8445 section 5.1.2.1). */
#define CHECK_PRIORITY ((110u << 24) + (65535u << 8) + 255u)

void probe_ice_init(struct probe_ice *ice, const struct probe_sdp *local,
	const struct probe_sdp *remote, bool is_controlling)
{
	memset(ice, 0, sizeof(*ice));
	ice->local = local;
	ice->remote = remote;
	ice->is_controlling = is_controlling;
	stun_tid_new(ice->tid);
}

int probe_ice_check(struct probe_ice *ice, uint8_t room[static PROBE_ICE_ROOM])
{
	static const uint8_t TIE_BREAKER[8] = {0x53, 0x50};
	char user[2 * PROBE_ICE_LEN + 2];
	struct stun_writer w;

	snprintf(user, sizeof(user), "%s:%s", ice->remote->ufrag,
		ice->local->ufrag);
	stun_write_begin(&w, &stun_rfc, room, PROBE_ICE_ROOM, STUN_REQUEST,
		STUN_BINDING, ice->tid);
	stun_write_text(&w, STUN_USERNAME, str_of(user));
	stun_write_number(&w, STUN_PRIORITY, CHECK_PRIORITY);
	stun_write_bytes(&w,
		ice->is_controlling ? STUN_ICE_CONTROLLING :
				      STUN_ICE_CONTROLLED,
		TIE_BREAKER, sizeof(TIE_BREAKER));
	if (ice->is_controlling)
		stun_write_bytes(&w, STUN_USE_CANDIDATE, "", 0);
	stun_write_integrity(&w, ice->remote->pwd, strlen(ice->remote->pwd));
	stun_write_fingerprint(&w);
	return stun_write_end(&w);
}

static int answer(struct probe_ice *ice, const struct stun_msg *m,
	const struct addr *from, uint8_t room[static PROBE_ICE_ROOM])
{
	char user[2 * PROBE_ICE_LEN + 2];
	struct stun_writer w;

	snprintf(user, sizeof(user), "%s:%s", ice->local->ufrag,
		ice->remote->ufrag);
	if (!str_eq_z(stun_bytes(m, STUN_USERNAME), user) ||
		stun_check_integrity(m, ice->local->pwd,
			strlen(ice->local->pwd)) != 0)
		return EDGE_EFORGED;
	ice->was_checked = true;
	stun_write_begin(&w, &stun_rfc, room, PROBE_ICE_ROOM, STUN_SUCCESS,
		STUN_BINDING, m->tid);
	stun_write_addr(&w, STUN_XOR_MAPPED_ADDRESS, from);
	stun_write_integrity(&w, ice->local->pwd, strlen(ice->local->pwd));
	stun_write_fingerprint(&w);
	return stun_write_end(&w);
}

int probe_ice_take(struct probe_ice *ice, const uint8_t *data, size_t len,
	const struct addr *from, uint8_t room[static PROBE_ICE_ROOM])
{
	struct stun_msg m;

	if (stun_parse(&m, &stun_rfc, data, len) != 0 || m.is_malformed ||
		m.method != STUN_BINDING)
		return EDGE_EMALFORMED;
	if (m.class == STUN_REQUEST)
		return answer(ice, &m, from, room);
	if (m.class != STUN_SUCCESS ||
		memcmp(m.tid, ice->tid, STUN_TID_LEN) != 0)
		return EDGE_EUNKNOWN;
	if (stun_check_integrity(&m, ice->remote->pwd,
		    strlen(ice->remote->pwd)) != 0)
		return EDGE_EFORGED;
	if (stun_addr(&m, STUN_XOR_MAPPED_ADDRESS, &ice->mapped) == 0)
		ice->is_answered = true;
	return 0;
}
