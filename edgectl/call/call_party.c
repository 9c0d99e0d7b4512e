/*
 * What one end does, step by step; which end does what when is call.c's.
 * Data from the relay is told apart as RFC 7983 says: STUN below 4, RTP
 * from 128 to 191.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/call/call_party.h"

#define REGISTER_S 600
#define LIFETIME_S 600
#define CHANNEL    0x4001

int party_connect(struct party *p, struct why *why)
{
	const struct probe_sip_spec spec = {
		.label = p->label,
		.server_label = p->server_label,
		.local = p->end->local,
		.server = p->end->server,
		.server_name = p->end->server_name,
		.trust_path = p->end->trust[0] != '\0' ? p->end->trust : NULL,
		.aor = p->end->aor,
		.password = p->end->password,
		.route = p->end->route[0] != '\0' ? p->end->route : NULL,
		.is_outbound = p->end->route[0] != '\0',
	};
	int err = probe_sip_new(&p->sip, p->probe, &spec, why);

	if (err != 0)
		return err;
	probe_account_init(&p->account, p->sip);
	probe_dialog_init(&p->dialog, p->sip);
	return probe_sip_connect(p->sip, why);
}

int party_register(struct party *p, struct why *why)
{
	int err = probe_account_register(&p->account, REGISTER_S, why);

	p->is_registered = err == 0;
	return err;
}

int party_credentials(struct party *p, struct why *why)
{
	return probe_account_credentials(&p->account, p->plan->mras_uri,
		p->end->location, &p->mras, why);
}

/* ---- media ---- */

static void take_stun(struct party *p, const uint8_t *data, size_t len,
	const struct addr *peer)
{
	uint8_t room[PROBE_ICE_ROOM];
	int n = p->is_checking ?
		probe_ice_take(&p->ice, data, len, peer, room) :
		EDGE_EREFUSED;

	if (n < 0)
		p->denied++;
	else if (n > 0 && probe_turn_send(p->turn, peer, room, (size_t)n) != 0)
		p->denied++;
}

static void on_data(const uint8_t *data, size_t len, const struct addr *peer,
	void *arg)
{
	struct party *p = arg;

	if (len > 0 && data[0] < 4)
		take_stun(p, data, len, peer);
	else if (len > 0 && data[0] >= 128 && data[0] < 192 && p->srtp != NULL)
		probe_srtp_take(p->srtp, data, len);
	else
		p->denied++;
}

int party_allocate(struct party *p, struct why *why)
{
	struct probe_turn_spec spec = {
		.label = p->label,
		.local = p->end->local,
		.server = p->end->relay,
		.user = p->mras.user,
		.password = p->mras.password,
		.on_data = on_data,
		.arg = p,
	};
	int err = 0;

	if (!addr_is_set(&spec.server))
		err = test_plan_resolve(p->plan, p->mras.host, p->mras.udp_port,
			&spec.server, why);
	if (err == 0)
		err = probe_turn_new(&p->turn, p->probe, &spec, why);
	if (err == 0)
		err = probe_turn_allocate(p->turn, why);
	p->is_allocated = err == 0;
	return err;
}

int party_describe(struct party *p, char **text, struct why *why)
{
	probe_sdp_init(&p->local_sdp, probe_turn_relay(p->turn),
		probe_turn_reflexive(p->turn));
	*text = probe_sdp_print(&p->local_sdp);
	return *text != NULL ? 0 : why_set(why, -ENOMEM, "out of memory");
}

int party_take_description(struct party *p, struct str text, struct why *why)
{
	return probe_sdp_parse(&p->remote_sdp, text, why);
}

int party_permit(struct party *p, bool is_controlling, struct why *why)
{
	int err = probe_turn_permit(p->turn, &p->remote_sdp.relay, why);

	if (err != 0)
		return err;
	probe_ice_init(&p->ice, &p->local_sdp, &p->remote_sdp, is_controlling);
	p->is_checking = true;
	return 0;
}

void party_check(struct party *p)
{
	uint8_t room[PROBE_ICE_ROOM];
	int n;

	if (p->ice.is_answered)
		return;
	n = probe_ice_check(&p->ice, room);
	if (n < 0 ||
		probe_turn_send(p->turn, &p->remote_sdp.relay, room,
			(size_t)n) != 0)
		p->denied++;
	probe_trace(p->probe, p->label, "av-edge", "STUN check to the peer");
}

bool party_is_checked(const struct party *p)
{
	return p->ice.is_answered && p->ice.was_checked;
}

int party_open_media(struct party *p, struct why *why)
{
	int err = probe_turn_bind(p->turn, &p->remote_sdp.relay, CHANNEL, why);

	if (err != 0)
		return err;
	return probe_srtp_new(&p->srtp, p->local_sdp.srtp_key,
		p->remote_sdp.srtp_key, why);
}

void party_send_sound(struct party *p)
{
	uint8_t room[PROBE_SRTP_ROOM];
	int n = probe_srtp_next(p->srtp, room);

	if (n > 0 &&
		probe_turn_send(p->turn, &p->remote_sdp.relay, room,
			(size_t)n) != 0)
		p->denied++;
}

int party_keep(struct party *p, struct why *why)
{
	int err = probe_turn_refresh(p->turn, LIFETIME_S, why);

	if (err != 0)
		return err;
	/* Renews the permission too (RFC 8656 section 12). */
	return probe_turn_bind(p->turn, &p->remote_sdp.relay, CHANNEL, why);
}

int party_release(struct party *p, struct why *why)
{
	int first = 0;
	int err;

	if (p->is_allocated) {
		p->is_allocated = false;
		first = probe_turn_refresh(p->turn, 0, why);
	}
	if (p->is_registered && !probe_sip_is_ended(p->sip)) {
		p->is_registered = false;
		err = probe_account_register(&p->account, 0, why);
		first = first != 0 ? first : err;
	}
	return first;
}

void party_fini(struct party *p)
{
	probe_dialog_fini(&p->dialog);
	probe_turn_free(p->turn);
	probe_srtp_free(p->srtp);
	probe_sip_free(p->sip);
	digest_wipe(&p->mras, sizeof(p->mras));
}
