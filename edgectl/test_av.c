/*
 * What `edgectl test av` tries: a credential (asked of av-auth here, or
 * brought along) says where the relay is on either side; each way of each
 * side becomes one trial of probe_av.
 */
#include "edgectl/test_av.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "edgectl/address.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"
#include "edgectl/probe/probe_av.h"

#define IDENTITY_LEN 320

static const struct way {
	const char *name; /* --way */
	enum probe_way way;
	bool is_ms;
} WAYS[] = {
	{"udp", PROBE_UDP, false},
	{"tcp", PROBE_TCP, false},
	{"tls", PROBE_TLS, false},
	{"ms-udp", PROBE_UDP, true},
	{"pseudo-tls", PROBE_PSEUDO_TLS, true},
};

static const struct side {
	const char *name;
	const char *location; /* in the credential */
	const char *local;    /* options */
	const char *relay;
	const char *trust;
} SIDES[] = {
	{"external", "internet", "outside-address", "outside-relay", "trust"},
	{"internal", "intranet", "inside-address", "inside-relay",
		"inside-trust"},
};

const struct cmd_option TEST_AV_OPTIONS[TEST_AV_OPTION_COUNT] = {
	{.name = "side",
		.arg = "SIDE",
		.help = "external or internal alone (default: both)"},
	{.name = "way",
		.arg = "WAY",
		.is_many = true,
		.help = "udp, tcp, tls, ms-udp or pseudo-tls (default: all)"},
	{.name = "credential",
		.arg = "FILE",
		.help = "what 'edgectl credentials issue --json' printed on "
			"the edge (default: ask av-auth here)"},
	{.name = "user",
		.arg = "SIP-URI",
		.help = "whom to ask a credential for"},
	{.name = "outside-address",
		.arg = "ADDR",
		.help = "address to come from outside"},
	{.name = "inside-address",
		.arg = "ADDR",
		.help = "address to come from inside"},
	{.name = "outside-relay",
		.arg = "ADDR",
		.help = "the relay outside, if not as the credential says"},
	{.name = "inside-relay",
		.arg = "ADDR",
		.help = "the relay inside, if not as the credential says"},
	{.name = "observer",
		.arg = "ADDR",
		.help = "address to look at the relay from (default: that "
			"outside)"},
	{.name = "trust",
		.arg = "FILE",
		.help = "who signed the certificate for TLS outside (default: "
			"trust.external)"},
	{.name = "inside-trust",
		.arg = "FILE",
		.help = "the same inside (default: as outside)"},
	{.name = "timeout",
		.arg = "SECONDS",
		.fallback = "60",
		.help = "for everything"},
};

struct run {
	const struct cmd_call *call;
	struct conf *conf;  /* owned; NULL = not readable here */
	json_t *credential; /* owned */
	struct probe probe;
	json_t *rows; /* owned */
	bool ok;
};

/* ---- the credential ----------------------------------------------------- */

static int read_credential(struct run *r, const char *path, struct why *why)
{
	json_error_t error;

	r->credential = strcmp(path, "-") == 0
		? json_loadf(stdin, 0, &error)
		: json_load_file(path, 0, &error);
	if (r->credential == NULL)
		return why_set(why, EDGE_EMALFORMED, "%s: %s", path,
			error.text);
	if (output_str(r->credential, "username", NULL) == NULL ||
		output_str(r->credential, "password", NULL) == NULL ||
		json_array_size(json_object_get(r->credential, "relays")) == 0)
		return why_set(why, EDGE_EMALFORMED,
			"%s: lacks username, password or relays; make it on "
			"the edge: edgectl credentials issue --user … --json",
			path);
	return 0;
}

static int ask_credential(struct run *r, struct why *why)
{
	const char *user = cmd_get(r->call, "user");
	char made[IDENTITY_LEN];
	json_t *body;
	int err;

	if (r->conf == NULL)
		return why_set(why, EDGE_ECONFIG,
			"--credential is needed: there is no edge.yaml here, "
			"so no av-auth to ask");
	snprintf(made, sizeof(made), "sip:edgectl-test@%.250s",
		r->conf->machine);
	body = json_pack("{s:s, s:i}", "identity", user != NULL ? user : made,
		"duration_minutes", 10);
	err = daemons_call(r->conf, CONF_AV_AUTH, "/v1/credentials", body,
		&r->credential, why);
	json_decref(body);
	return err;
}

static int load(struct run *r, struct why *why)
{
	const char *path = cmd_get(r->call, "credential");
	int err = 0;

	if (access(r->call->conf_path, F_OK) == 0 ||
		strcmp(r->call->conf_path, CONF_PATH_DEFAULT) != 0)
		err = conf_load(&r->conf, r->call->conf_path, why);
	if (err != 0)
		return err;
	return path != NULL ? read_credential(r, path, why)
			    : ask_credential(r, why);
}

/* ---- the trials --------------------------------------------------------- */

static bool is_wanted(const struct cmd_call *call, const struct way *way)
{
	const char *name;

	for (size_t i = 0; (name = cmd_get_nth(call, "way", i)) != NULL; i++)
		if (strcmp(name, way->name) == 0)
			return true;
	return cmd_get_nth(call, "way", 0) == NULL;
}

static int check_words(const struct cmd_call *call, struct why *why)
{
	const char *side = cmd_get(call, "side");
	const char *name;

	if (side != NULL && strcmp(side, SIDES[0].name) != 0 &&
		strcmp(side, SIDES[1].name) != 0)
		return why_set(why, EDGE_ECONFIG,
			"--side %s: external or internal", side);
	for (size_t i = 0; (name = cmd_get_nth(call, "way", i)) != NULL; i++) {
		size_t k = 0;

		while (k < ARRAY_COUNT(WAYS) &&
			strcmp(WAYS[k].name, name) != 0)
			k++;
		if (k == ARRAY_COUNT(WAYS))
			return why_set(why, EDGE_ECONFIG,
				"--way %s: udp, tcp, tls, ms-udp or "
				"pseudo-tls", name);
	}
	return 0;
}

static const char *trust_of(const struct run *r, const struct side *side)
{
	const char *trust = cmd_get(r->call, side->trust);

	if (trust == NULL)
		trust = cmd_get(r->call, "trust");
	if (trust == NULL && r->conf != NULL)
		trust = r->conf->trust_external;
	return trust;
}

static uint16_t port_of(const json_t *relay, const char *key)
{
	return (uint16_t)json_integer_value(json_object_get(relay, key));
}

/* TLS is there for those who named a certificate for it: without one its
 * silence is no fault, unless somebody asks for it by name. */
static bool is_offered(const struct run *r, const struct way *way)
{
	return way->way != PROBE_TLS || r->conf == NULL ||
		r->conf->certs[CONF_USE_EXTERNAL_AV].is_set ||
		cmd_get_nth(r->call, "way", 0) != NULL;
}

static json_t *not_offered(const struct probe_av *spec)
{
	char server[ADDR_TEXT_LEN];

	return json_pack("{s:s, s:s, s:s, s:n, s:s, s:s}", "side", spec->side,
		"way", probe_way_name(spec->way), "dialect", "rfc", "ok",
		"server", addr_text(&spec->server, server), "text",
		"not offered: edge.yaml names no certificate external-av");
}

/* One relay of the credential, in every way that was asked for. */
static int try_relay(struct run *r, const struct side *side,
	const json_t *relay, struct why *why)
{
	const uint16_t udp_port = port_of(relay, "udp_port");
	const uint16_t tcp_port = port_of(relay, "tcp_port");
	struct probe_av spec = {.side = side->name,
		.name = output_str(relay, "host", NULL),
		.trust = trust_of(r, side),
		.user = output_str(r->credential, "username", ""),
		.password = output_str(r->credential, "password", "")};
	struct addr relayed = {{0}, 0, 0, 0};
	int err = address_option(&relayed, r->call, side->relay, why);

	if (err == 0 && !addr_is_set(&relayed))
		err = addr_parse_z(output_str(relay, "address", ""), 0,
			&relayed);
	if (err == 0)
		err = address_option(&spec.local, r->call, side->local, why);
	if (err == 0)
		err = address_option(&spec.observer, r->call,
			cmd_get(r->call, "observer") != NULL ? "observer" :
				"outside-address", why);
	if (err != 0)
		return err;
	if (udp_port != 0)
		spec.stun = addr_with_port(&relayed, udp_port);
	if (!addr_is_set(&spec.observer))
		spec.observer = spec.local;
	for (size_t i = 0; i < ARRAY_COUNT(WAYS); i++) {
		const uint16_t port =
			WAYS[i].way == PROBE_UDP ? udp_port : tcp_port;
		json_t *row;

		if (port == 0 || !is_wanted(r->call, &WAYS[i]))
			continue;
		spec.way = WAYS[i].way;
		spec.is_ms = WAYS[i].is_ms;
		spec.server = addr_with_port(&relayed, port);
		row = is_offered(r, &WAYS[i]) ?
			probe_av_run(&r->probe, &spec) : not_offered(&spec);
		r->ok = r->ok && !json_is_false(json_object_get(row, "ok"));
		json_array_append_new(r->rows, row);
	}
	return 0;
}

static int try_all(struct run *r, struct why *why)
{
	const char *only = cmd_get(r->call, "side");
	const json_t *relays = json_object_get(r->credential, "relays");
	const json_t *relay;
	int err = 0;
	size_t i;

	for (size_t s = 0; s < ARRAY_COUNT(SIDES) && err == 0; s++) {
		if (only != NULL && strcmp(only, SIDES[s].name) != 0)
			continue;
		json_array_foreach(relays, i, relay)
			if (err == 0 &&
				strcmp(output_str(relay, "location", ""),
					SIDES[s].location) == 0)
				err = try_relay(r, &SIDES[s], relay, why);
	}
	if (err == 0 && json_array_size(r->rows) == 0)
		err = why_set(why, EDGE_EUNKNOWN,
			"the credential names no relay for that side and way");
	return err;
}

/* ---- the report --------------------------------------------------------- */

static const struct output_column COLUMNS[] = {
	{"SIDE", "side", 0},
	{"WAY", "way", 0},
	{"DIALECT", "dialect", 0},
	{"SERVER", "server", 0},
	{"OK", "ok", 0},
	{"ADVERTISED", "advertised", 0},
	{"OBSERVED", "observed", 0},
	{"SEEN BY", "seen_by", 0},
	{"MS", "ms", 0},
	{"NOTE", "text", 0},
};

static void as_text(FILE *to, const json_t *object)
{
	output_table(to, json_object_get(object, "ways"), COLUMNS,
		ARRAY_COUNT(COLUMNS));
}

static int report(struct run *r, int err, const struct why *why)
{
	if (err != 0)
		return cmd_fail(r->call, CMD_USAGE, err, why);
	output_print(r->call, json_pack("{s:b, s:O, s:O}", "ok", r->ok,
		"ways", r->rows, "trace", r->probe.trace), as_text);
	return r->ok ? CMD_OK : CMD_FAILED;
}

int test_av_run(struct cmd_call *call)
{
	struct run r = {.call = call, .ok = true};
	struct why why = {""};
	uint32_t timeout_s;
	int status;
	int err;

	if (cmd_get_number(call, "timeout", 1, 3600, &timeout_s) != 0)
		return CMD_USAGE;
	err = check_words(call, &why);
	if (err == 0)
		err = load(&r, &why);
	if (err == 0)
		err = probe_init(&r.probe, (int64_t)timeout_s * 1000);
	if (err == 0) {
		r.rows = json_array();
		err = try_all(&r, &why);
	}
	status = report(&r, err, &why);
	if (r.probe.loop != NULL)
		probe_fini(&r.probe);
	json_decref(r.rows);
	json_decref(r.credential);
	conf_free(r.conf);
	return status;
}
