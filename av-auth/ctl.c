/*
 * What the control bus can ask of av-auth: its keys (never their bytes),
 * who is connected, a credential for an administrator's own test.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "av-auth/av_auth.h"
#include "av-auth/counters.h"
#include "av-auth/remember.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/log.h"

/* What an administrator may ask for; longer is no SIP URI of a person. */
#define IDENTITY_MAX 1024

static void get_keys(struct bus_request *req, void *state)
{
	const struct av_auth *a = state;

	bus_reply(req, 200,
		json_pack("{s:o}", "keys", keys_json(&a->keys, wall_now())));
}

static void get_servers(struct bus_request *req, void *state)
{
	const struct av_auth *a = state;

	bus_reply(req, 200,
		json_pack("{s:o}", "servers", server_json(&a->server)));
}

static void post_rotate(struct bus_request *req, void *state)
{
	struct av_auth *a = state;
	struct why why = {""};
	int drop_old = 0;
	int err;

	if (json_unpack((json_t *)(uintptr_t)bus_body(req), "{s?b}",
		    "drop_old", &drop_old) < 0) {
		bus_reply_error(req, 400, "EDGE_EMALFORMED",
			"drop_old is true or false");
		return;
	}
	err = keys_rotate(&a->keys, wall_now(), drop_old != 0, &why);
	if (err < 0) {
		bus_reply_error(req, 409, err_name(err), "%s",
			why_text(&why, err));
		return;
	}
	counter_add(daemon_counters(a->daemon), COUNT_ROTATIONS, 1);
	daemon_event(a->daemon, "keys.rotated", "id=%" PRIu32 " dropped_old=%d",
		a->keys.ring.keys[0].id, drop_old);
	get_keys(req, state);
}

/* ---- a credential for the administrator --------------------------------- */

struct wish {
	const char *identity;
	enum avedge_location location;
	uint32_t duration_min;
	enum av_cred_version version;
};

/* NULL when the body can be used, else what is wrong with it. */
static const char *read_wish(const json_t *body, struct wish *out)
{
	const char *location = "";
	json_int_t minutes = 0;
	json_int_t version = 2;
	struct str identity;

	if (json_unpack((json_t *)(uintptr_t)body,
		    "{s:s, s?s, s?I, s?I}", "identity", &out->identity,
		    "location", &location, "duration_minutes", &minutes,
		    "version", &version) < 0)
		return "identity is missing, or a field has a wrong type";
	identity = str_of(out->identity);
	if (!str_istarts(identity, "sip:") || identity.n <= 4 ||
		identity.n > IDENTITY_MAX)
		return "identity is not a SIP URI; write sip:user@domain";
	out->location = AVEDGE_ANYWHERE;
	if (location[0] != '\0' &&
		avedge_location_parse(str_of(location), &out->location) < 0)
		return "location is intranet or internet";
	if (minutes < 0 || minutes > UINT32_MAX)
		return "duration_minutes is not a number of minutes";
	if (version != AV_CRED_V1 && version != AV_CRED_V2)
		return "version is 1 or 2";
	out->duration_min = (uint32_t)minutes;
	out->version = (enum av_cred_version)version;
	return NULL;
}

static json_t *relays_json(const struct issue_policy *policy,
	enum avedge_location location)
{
	const struct issue_relays *names = &policy->by_name;
	json_t *list = json_array();

	for (size_t i = 0; i < policy->by_address.count; i++) {
		const struct avedge_relay *relay = &policy->by_address.at[i];
		const char *host = "";

		if (location != AVEDGE_ANYWHERE && location != relay->location)
			continue;
		for (size_t n = 0; n < names->count; n++)
			if (names->at[n].location == relay->location)
				host = names->at[n].name;
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:i, s:i}", "location",
				avedge_location_text(relay->location), "host",
				host, "address", relay->name, "udp_port",
				(int)relay->udp_port, "tcp_port",
				(int)relay->tcp_port));
	}
	return list;
}

static json_t *credential_json(const struct av_auth *a, const struct wish *wish,
	const struct av_cred *c, uint32_t minutes)
{
	char user[AV_CRED_USER_TEXT];
	char password[AV_CRED_PASSWORD_TEXT];
	char expires[WALL_TEXT_LEN];
	json_t *reply;

	av_cred_user_text(c, user);
	av_cred_password_text(c, password);
	reply = json_pack("{s:s, s:i, s:s, s:s, s:s, s:I, s:I, s:o}",
		"identity", wish->identity, "version", (int)wish->version,
		"username", user, "password", password, "expires",
		wall_text(c->expires, expires), "duration_minutes",
		(json_int_t)minutes, "key_id", (json_int_t)c->key_id, "relays",
		relays_json(&a->policy, wish->location));
	digest_wipe(password, sizeof(password));
	return reply;
}

static void post_credentials(struct bus_request *req, void *state)
{
	struct av_auth *a = state;
	struct wall expires = wall_now();
	const char *fault;
	struct av_cred c;
	struct wish wish;
	uint32_t minutes;
	int err;

	fault = read_wish(bus_body(req), &wish);
	if (fault != NULL) {
		bus_reply_error(req, 400, "EDGE_EMALFORMED", "%s", fault);
		return;
	}
	minutes = issue_lifetime_min(&a->policy, wish.duration_min);
	expires.s += (int64_t)minutes * 60;
	err = av_cred_mint(&c, &a->keys.ring, wish.version,
		str_of(wish.identity), expires);
	if (err < 0) {
		bus_reply_error(req, 503, err_name(err),
			"no credential can be made: %s", err_text(err));
		return;
	}
	counter_add(daemon_counters(a->daemon), COUNT_ISSUED_BUS, 1);
	daemon_event(a->daemon, "credentials.issued_by_bus",
		"identity=%s version=%d lifetime_min=%" PRIu32,
		log_qz(wish.identity), (int)wish.version, minutes);
	remember_by_bus(daemon_recall(a->daemon), wish.identity, &c, minutes);
	bus_reply(req, 200, credential_json(a, &wish, &c, minutes));
	digest_wipe(&c, sizeof(c));
}

static const char *const ROTATE_FIELDS[] = {"drop_old", NULL};
static const char *const CREDENTIAL_FIELDS[] = {"identity", "location",
	"duration_minutes", "version", NULL};

const struct bus_route AV_AUTH_ROUTES[AV_AUTH_ROUTE_COUNT] = {
	{.method = "GET",
		.path = "/v1/keys",
		.right = BUS_READ,
		.help = "ids and ages of the pool keys",
		.handler = get_keys},
	{.method = "POST",
		.path = "/v1/keys/rotate",
		.right = BUS_CHANGE,
		.fields = ROTATE_FIELDS,
		.help = "make a new pool key; drop_old forgets the others now",
		.handler = post_rotate},
	{.method = "GET",
		.path = "/v1/servers",
		.right = BUS_READ,
		.help = "inside servers that are connected",
		.handler = get_servers},
	{.method = "POST",
		.path = "/v1/credentials",
		.right = BUS_CHANGE,
		.fields = CREDENTIAL_FIELDS,
		.help = "make a relay credential for a user",
		.handler = post_credentials},
};
