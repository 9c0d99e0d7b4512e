/*
 * Filling in the way through the edge. Each value has one option; where it is
 * missing the machine's own files are asked, so that on an edge nothing but
 * the ticket is needed.
 */
#include "edgectl/webconf_plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/bus/bus_client.h"
#include "common/store/generation.h"
#include "common/store/topology.h"
#include "edgectl/address.h"
#include "edgectl/daemons.h"

#define TLS_PORT 443

/* A ticket is a secret: rather from a file than from the command line, which
 * everybody on the host can read. */
static int read_ticket(const char *text, char *room, size_t cap)
{
	FILE *file;
	size_t len;

	if (text[0] != '@')
		return str_copy(str_of(text), room, cap);
	file = strcmp(text, "@-") == 0 ? stdin : fopen(text + 1, "re");
	if (file == NULL)
		return -errno;
	len = fread(room, 1, cap - 1, file);
	room[len] = '\0';
	if (file != stdin)
		fclose(file);
	return 0;
}

int webconf_plan_ticket(struct webconf_way *way, const char *text,
	struct why *why)
{
	char room[2 * TICKET_TEXT_LEN];
	int err = read_ticket(text, room, sizeof(room));

	if (err < 0)
		return why_set(why, err, "--ticket %s: %s",
			text[0] == '@' ? text : "", err_text(err));
	return webconf_way_ticket(way, str_of(room), why);
}

static int look_up(struct webconf_way *way, const char *host, uint16_t port,
	struct why *why)
{
	return address_by_system(&way->edge, host, port,
		"give --edge ADDRESS:PORT", why);
}

static int take_edge(struct webconf_way *way, const char *text,
	struct why *why)
{
	char host[ADDRESS_HOST_LEN];
	int err = address_read(&way->edge, host, "edge", text, TLS_PORT, why);

	if (err < 0 || host[0] == '\0')
		return err;
	return look_up(way, host, way->edge.port, why);
}

/* What this machine knows of itself; nothing is fine too. */
static struct topology *load_topology(const struct conf *conf)
{
	struct topology *t = NULL;
	char path[PATH_MAX];
	struct why quiet;

	if (conf == NULL || generation_current_path(conf->state_dir, path,
			sizeof(path), &quiet) < 0 ||
		topology_load(&t, path, conf->machine, &quiet) < 0)
		return NULL;
	return t;
}

static int find_edge(struct webconf_way *way, const struct cmd_call *call,
	const struct conf *conf, struct why *why)
{
	const char *text = cmd_get(call, "edge");
	const struct topology_listener *l = NULL;
	struct topology *t;
	int err = 0;

	if (text != NULL)
		return take_edge(way, text, why);
	t = load_topology(conf);
	if (t != NULL)
		l = topology_listener(t, TOPOLOGY_WEBCONF_CLIENT,
			TOPOLOGY_EXTERNAL);
	if (l != NULL) {
		way->edge = l->address;
		if (way->name[0] == '\0')
			memcpy(way->name, l->public_fqdn, sizeof(way->name));
	} else if (way->name[0] != '\0') {
		err = look_up(way, way->name, TLS_PORT, why);
	} else {
		err = why_set(why, EDGE_ECONFIG, "--edge is needed: there is "
			"no edge.yaml with a topology here that says where "
			"webconf-edge listens");
	}
	topology_unref(t);
	return err;
}

static int find_trust(struct webconf_way *way, const struct cmd_call *call,
	const struct conf *conf, struct why *why)
{
	struct tls_spec spec = {
		.role = TLS_ROLE_CLIENT,
		.verify = TLS_VERIFY_REQUIRE,
		.trust_path = cmd_get(call, "trust"),
		.alpn = WCE_ALPN,
	};

	if (spec.trust_path == NULL && conf != NULL)
		spec.trust_path = conf->trust_external;
	return tls_ctx_new(&way->tls, &spec, why);
}

int webconf_plan_way(struct webconf_way *way, const struct cmd_call *call,
	struct why *why)
{
	const char *name = cmd_get(call, "name");
	struct conf *conf = NULL;
	int err;

	way->conference = cmd_get(call, "conference");
	if (way->conference == NULL)
		return why_set(why, EDGE_ECONFIG, "--conference is needed: "
			"the URI that the ticket was minted for");
	if (name != NULL && str_copy(str_of(name), way->name,
			sizeof(way->name)) < 0)
		return why_set(why, EDGE_ETOOBIG, "--name: too long");
	err = address_option(&way->local, call, "local-address", why);
	if (err == 0 && (access(call->conf_path, F_OK) == 0 ||
		strcmp(call->conf_path, CONF_PATH_DEFAULT) != 0))
		err = conf_load(&conf, call->conf_path, why);
	if (err == 0)
		err = find_edge(way, call, conf, why);
	if (err == 0)
		err = find_trust(way, call, conf, why);
	conf_free(conf);
	return err;
}

void webconf_plan_fini(struct webconf_way *way)
{
	tls_ctx_unref(way->tls);
	way->tls = NULL;
}

static json_t *mint_body(const struct cmd_call *call, struct why *why)
{
	const char *conference = cmd_get(call, "conference");
	const char *user = cmd_get(call, "user");
	uint32_t lifetime_s = 0;
	uint32_t rate = 0;
	json_t *body;

	if (conference == NULL) {
		(void)why_set(why, EDGE_ECONFIG, "--conference is needed: the "
			"URI of the meeting");
		return NULL;
	}
	if ((cmd_get(call, "lifetime") != NULL && cmd_get_number(call,
			"lifetime", 1, TICKET_LIFE_MAX_S, &lifetime_s) < 0) ||
		(cmd_get(call, "rate") != NULL && cmd_get_number(call, "rate",
			1, UINT16_MAX, &rate) < 0)) {
		(void)why_set(why, EDGE_ECONFIG, "a number is out of bounds");
		return NULL;
	}
	body = json_pack("{s:s, s:b}", "conference", conference, "single_use",
		!cmd_has(call, "reusable"));
	if (body == NULL) {
		(void)why_set(why, EDGE_ECONFIG, "--conference: not UTF-8");
		return NULL;
	}
	if (user != NULL)
		json_object_set_new(body, "user", json_string(user));
	if (lifetime_s > 0)
		json_object_set_new(body, "lifetime_s",
			json_integer(lifetime_s));
	if (rate > 0)
		json_object_set_new(body, "rate_kib_s", json_integer(rate));
	return body;
}

int webconf_plan_mint(const struct cmd_call *call, json_t **reply,
	struct why *why)
{
	const char *socket = cmd_get(call, "connector");
	json_t *body = mint_body(call, why);
	json_t *answer = NULL;
	const char *text;
	int status = 0;
	int err;

	if (body == NULL)
		return EDGE_ECONFIG;
	err = bus_ask(socket, "/v1/tickets", body, DAEMONS_TIMEOUT_MS, &status,
		&answer, why);
	json_decref(body);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return why_set(why, err, "webconf-connector does not run here "
			"(no answer on %s); run this on the inside host, or "
			"name its socket with --connector", socket);
	if (err < 0)
		return err;
	if (status == 200) {
		*reply = answer;
		return 0;
	}
	text = json_string_value(json_object_get(answer, "text"));
	err = why_set(why, EDGE_EREFUSED, "webconf-connector: %s (status %d)",
		text != NULL ? text : "refused", status);
	json_decref(answer);
	return err;
}
