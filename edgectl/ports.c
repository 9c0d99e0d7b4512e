/*
 * Three views of the same ports laid over each other (access-edge.md 17).
 * How they are drawn is cmd_ports.c's.
 */
#include <stdio.h>
#include <string.h>

#include "edgectl/ports.h"

const struct ports_service PORTS_SERVICES[CONF_DAEMON_COUNT] = {
	{CONF_ACCESS_EDGE, "Access Edge", "RTCSRV"},
	{CONF_AV_AUTH, "Audio/Video Authentication", "RTCMRAUTH"},
	{CONF_AV_EDGE, "Audio/Video Edge", "RTCMEDIARELAY"},
	{CONF_WEBCONF_EDGE, "Web Conferencing Edge", "RTCDATAPROXY"},
	{CONF_REPLICATION_AGENT, "Replica Replicator Agent", "REPLICA"},
};

static const struct {
	const char *protocol;
	bool is_udp;
} USAGES[TOPOLOGY_USAGE_COUNT] = {
	[TOPOLOGY_SIP_CLIENT] = {"SIP/TLS", false},
	[TOPOLOGY_SIP_FEDERATION] = {"SIP/mTLS", false},
	[TOPOLOGY_SIP_INTERNAL] = {"SIP/mTLS", false},
	[TOPOLOGY_AUTH] = {"SIP/mTLS", false},
	[TOPOLOGY_TURN_UDP] = {"STUN/TURN", true},
	[TOPOLOGY_TURN_TCP] = {"STUN/TURN", false},
	[TOPOLOGY_WEBCONF_CLIENT] = {"WCE/TLS", false},
	[TOPOLOGY_WEBCONF_SERVER] = {"WCE/mTLS", false},
	[TOPOLOGY_REPLICATION] = {"HTTPS", false},
};

struct table {
	const struct topology *topology;
	const struct daemons *daemons;
	ports_owner_fn *owner;
	json_t *rows; /* owned */
	bool ok;
};

const char *ports_service_name(enum conf_daemon daemon)
{
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		if (PORTS_SERVICES[i].daemon == daemon)
			return PORTS_SERVICES[i].service;
	return "";
}

const char *ports_protocol(enum topology_usage usage)
{
	return USAGES[usage].protocol;
}

bool ports_is_udp(enum topology_usage usage)
{
	return USAGES[usage].is_udp;
}

static enum conf_daemon daemon_of(enum topology_usage usage)
{
	enum conf_daemon id = CONF_ACCESS_EDGE;

	if (conf_daemon_parse(topology_usage_daemon(usage), &id) != 0)
		return CONF_ACCESS_EDGE;
	return id;
}

/* The daemon's own row for this listener, or NULL. */
static const json_t *reported(const json_t *status,
	const struct topology_listener *l, const char *address)
{
	const json_t *ports = json_object_get(status, "ports");
	const json_t *row;
	size_t i;

	json_array_foreach(ports, i, row)
	{
		const char *usage =
			json_string_value(json_object_get(row, "usage"));
		const char *where =
			json_string_value(json_object_get(row, "address"));

		if (usage == NULL || where == NULL ||
			strcmp(usage, topology_usage_name(l->usage)) != 0)
			continue;
		if (strcmp(where, address) == 0 &&
			json_integer_value(json_object_get(row, "port")) ==
				l->address.port)
			return row;
	}
	return NULL;
}

/* Processes of other users are seen by root alone; then it is the daemon's
 * word that counts. */
static void put_owner(json_t *row, const json_t *status,
	const struct port_owner *owner)
{
	json_t *own = json_object_get(status, "pid");

	if (owner->pid != 0) {
		json_object_set_new(row, "pid", json_integer(owner->pid));
		json_object_set_new(row, "process", json_string(owner->name));
	} else if (own != NULL) {
		json_object_set(row, "pid", own);
		json_object_set(row, "process",
			json_object_get(status, "daemon"));
	}
}

static bool is_owner(const json_t *row, const json_t *status)
{
	const json_t *pid = json_object_get(row, "pid");

	return pid == NULL ||
		json_integer_value(pid) ==
		json_integer_value(json_object_get(status, "pid"));
}

static void judge(struct table *t, json_t *row, const char *state, bool is_good,
	const char *note)
{
	json_object_set_new(row, "state", json_string(state));
	if (note != NULL)
		json_object_set_new(row, "note", json_string(note));
	t->ok = t->ok && is_good;
}

static json_t *start_row(struct table *t, enum conf_daemon daemon)
{
	json_t *row = json_pack("{s:s,s:s}", "service",
		ports_service_name(daemon), "daemon", conf_daemon_name(daemon));

	json_array_append_new(t->rows, row);
	return row;
}

static void fill_reported(json_t *row, const json_t *report)
{
	static const char *const KEYS[] = {"device", "connections"};

	for (size_t i = 0; i < ARRAY_COUNT(KEYS); i++) {
		json_t *value = json_object_get(report, KEYS[i]);

		if (value != NULL)
			json_object_set(row, KEYS[i], value);
	}
}

static void judge_listener(struct table *t, json_t *row, const json_t *status,
	const json_t *report, bool is_held)
{
	if (status == NULL && !is_held &&
		json_is_false(json_object_get(row, "installed")))
		judge(t, row, "absent", true, "its program is not installed");
	else if (status == NULL && !is_held)
		judge(t, row, "down", false, "the daemon does not run");
	else if (status == NULL)
		judge(t, row, "taken", false,
			"the daemon does not run, another process is there");
	else if (report == NULL && !is_held)
		judge(t, row, "absent", true,
			"this version has no service for it");
	else if (report == NULL)
		judge(t, row, "taken", false, "another process is there");
	else if (!json_is_true(json_object_get(report, "open")) || !is_held)
		judge(t, row, "closed", false, "see the daemon's log");
	else if (!is_owner(row, status))
		judge(t, row, "taken", false, "another process is there");
	else
		judge(t, row, "open", true, NULL);
}

static void put_listener(struct table *t, const struct topology_listener *l)
{
	const enum conf_daemon daemon = daemon_of(l->usage);
	const json_t *status = t->daemons->status[daemon];
	const bool is_installed = t->daemons->is_installed[daemon];
	const bool is_udp = ports_is_udp(l->usage);
	struct port_owner owner;
	const bool is_held = t->owner(&l->address, is_udp, &owner) == 0;
	char address[ADDR_TEXT_LEN];
	const json_t *report;
	json_t *row = start_row(t, daemon);

	addr_ip_text(&l->address, address);
	report = reported(status, l, address);
	json_object_set_new(row, "usage",
		json_string(topology_usage_name(l->usage)));
	json_object_set_new(row, "side",
		json_string(topology_side_name(l->side)));
	json_object_set_new(row, "address", json_string(address));
	json_object_set_new(row, "port", json_integer(l->address.port));
	json_object_set_new(row, "transport",
		json_string(is_udp ? "udp" : "tcp"));
	json_object_set_new(row, "protocol",
		json_string(ports_protocol(l->usage)));
	json_object_set_new(row, "expected",
		json_string(
			(status != NULL && report == NULL) || !is_installed ?
				"none" :
				"open"));
	json_object_set_new(row, "installed", json_boolean(is_installed));
	fill_reported(row, report);
	if (is_held)
		put_owner(row, status, &owner);
	judge_listener(t, row, status, report, is_held);
}

static void put_media(struct table *t, const struct topology_media *m,
	const char *transport)
{
	const json_t *status = t->daemons->status[CONF_AV_EDGE];
	json_t *row = start_row(t, CONF_AV_EDGE);
	char address[ADDR_TEXT_LEN];
	char range[16];

	addr_ip_text(&m->address, address);
	snprintf(range, sizeof(range), "%u-%u", m->port,
		(unsigned)(m->port + m->port_count - 1));
	json_object_set_new(row, "usage", json_string("media-relay"));
	json_object_set_new(row, "side", json_string("external"));
	json_object_set_new(row, "address", json_string(address));
	json_object_set_new(row, "port", json_string(range));
	json_object_set_new(row, "transport", json_string(transport));
	json_object_set_new(row, "protocol", json_string("RTP/RTCP relay"));
	json_object_set_new(row, "expected", json_string("on-demand"));
	if (status == NULL && !t->daemons->is_installed[CONF_AV_EDGE]) {
		judge(t, row, "absent", true, "its program is not installed");
		return;
	}
	if (status == NULL) {
		judge(t, row, "down", false, "the daemon does not run");
		return;
	}
	json_object_set(row, "connections",
		json_object_get(status, "sessions"));
	json_object_set(row, "pid", json_object_get(status, "pid"));
	json_object_set(row, "process", json_object_get(status, "daemon"));
	judge(t, row, "on-demand", true, NULL);
}

static void put_media_all(struct table *t)
{
	const struct topology *topology = t->topology;
	const struct setting_set *set = topology_settings(topology, "av-edge");

	for (size_t i = 0; i < topology->media_count; i++) {
		put_media(t, &topology->media[i], "udp");
		if (set != NULL && setting_bool(set, "tcp_relays"))
			put_media(t, &topology->media[i], "tcp");
	}
}

static void put_service(struct table *t, enum conf_daemon daemon)
{
	const struct topology *topology = t->topology;

	if (topology == NULL ||
		!topology_needs(topology, conf_daemon_name(daemon))) {
		json_t *row = start_row(t, daemon);

		json_object_set_new(row, "expected", json_string("none"));
		judge(t, row, "unset", true,
			"the topology gives this machine no such service");
		return;
	}
	for (size_t i = 0; i < topology->listener_count; i++)
		if (daemon_of(topology->listeners[i].usage) == daemon)
			put_listener(t, &topology->listeners[i]);
	if (daemon == CONF_AV_EDGE)
		put_media_all(t);
}

json_t *ports_table(const struct topology *topology,
	const struct daemons *daemons, ports_owner_fn *owner)
{
	struct table t = {
		.topology = topology,
		.daemons = daemons,
		.owner = owner,
		.rows = json_array(),
		.ok = topology != NULL,
	};

	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		put_service(&t, PORTS_SERVICES[i].daemon);
	return json_pack("{s:b,s:o}", "ok", t.ok, "ports", t.rows);
}
