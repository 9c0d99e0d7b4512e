/*
 * What GET /v1/status and GET /v1/config show: facts of every daemon in one
 * shape (docs/protocol/control-bus.md), then the daemon's own. No secret is
 * held by anything that is printed here.
 */
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>

#include "common/daemon/daemon_life.h"
#include "common/run/setting.h"

#define PORTS_MAX 64
#define DAY_S     86400

/* Requirement R8: never silent about one that is configured. */
static bool has_closed_port(const struct daemon *d)
{
	struct daemon_port ports[PORTS_MAX];
	size_t count = 0;

	if (d->spec->ports != NULL && d->state != NULL)
		count = d->spec->ports(d->state, ports, PORTS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!ports[i].is_open)
			return true;
	}
	return false;
}

/* It works, but not with what the files say. */
static bool is_degraded(const struct daemon *d)
{
	return d->has_bad_cert || has_closed_port(d) ||
		(d->last_reload.at.s != 0 && !d->last_reload.ok);
}

const char *daemon_phase_name(const struct daemon *d)
{
	switch (d->phase) {
	case DAEMON_STARTING:
		return "starting";
	case DAEMON_SERVING:
		return is_degraded(d) ? "degraded" :
			d->worker != NULL ? "idle" : "serving";
	case DAEMON_DRAINING:
		return "draining";
	case DAEMON_STOPPING:
		return "stopping";
	}
	return "unknown";
}

static json_t *time_json(struct wall at)
{
	char text[WALL_TEXT_LEN];

	return json_string(wall_text(at, text));
}

static json_t *error_json(const struct daemon_note *note)
{
	if (note->at.s == 0)
		return json_null();
	return json_pack("{s:o, s:s}", "at", time_json(note->at), "text",
		note->text);
}

static json_t *reload_json(const struct daemon_note *note)
{
	if (note->at.s == 0)
		return json_null();
	return json_pack("{s:o, s:b, s:s}", "at", time_json(note->at), "ok",
		note->ok, "text", note->text);
}

static json_t *capabilities_json(unsigned long long set)
{
	json_t *names = json_array();

	if ((set & 1ULL << CAP_NET_BIND_SERVICE) != 0)
		json_array_append_new(names,
			json_string("cap_net_bind_service"));
	if ((set & ~(1ULL << CAP_NET_BIND_SERVICE)) != 0)
		json_array_append_new(names, json_string("others"));
	return names;
}

static json_t *sandbox_json(const struct sandbox_state *s)
{
	return json_pack("{s:i, s:b, s:i, s:b, s:i, s:o}", "uid", (int)s->uid,
		"no_new_privs", s->no_new_privs, "landlock_abi",
		(int)s->landlock_abi, "seccomp", s->seccomp, "syscalls",
		(int)s->syscall_count, "capabilities",
		capabilities_json(s->capabilities));
}

static json_t *port_json(const struct daemon_port *p)
{
	char text[ADDR_TEXT_LEN];

	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:I}", "usage",
		topology_usage_name(p->usage), "side",
		topology_side_name(p->side), "address",
		addr_ip_text(&p->address, text), "port", p->address.port,
		"protocol", p->protocol, "device", p->device, "open",
		p->is_open, "connections", (json_int_t)p->open_count);
}

static json_t *ports_json(struct daemon *d)
{
	struct daemon_port ports[PORTS_MAX];
	json_t *list = json_array();
	size_t count = 0;

	if (d->spec->ports != NULL && d->state != NULL)
		count = d->spec->ports(d->state, ports, PORTS_MAX);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, port_json(&ports[i]));
	return list;
}

static json_t *certificate_json(const struct daemon_cert_view *view)
{
	const struct tls_cert_info *info = view->info;
	json_t *names = json_array();

	if (info == NULL)
		return json_pack("{s:s, s:s, s:n, s:o, s:n, s:n}", "use",
			conf_use_name(view->use), "chain", view->chain,
			"subject", "names", names, "not_after", "days_left");
	for (size_t i = 0; i < info->name_count; i++)
		json_array_append_new(names, json_string(info->names[i]));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I}", "use",
		conf_use_name(view->use), "chain", view->chain, "subject",
		info->subject, "names", names, "not_after",
		time_json(info->not_after), "days_left",
		(json_int_t)((info->not_after.s - wall_now().s) / DAY_S));
}

static json_t *certificates_json(const struct daemon *d)
{
	struct daemon_cert_view views[CONF_USE_COUNT];
	const size_t count = daemon_certs_view(d, views, CONF_USE_COUNT);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, certificate_json(&views[i]));
	return list;
}

static void put_topology(json_t *status, const struct topology *t)
{
	char version[TOPOLOGY_VERSION_LEN];

	json_object_set_new(status, "generation",
		json_string(topology_version_text(t, version)));
	json_object_set_new(status, "sha256", json_string(t->sha256));
	json_object_set_new(status, "machine", json_string(t->machine));
	json_object_set_new(status, "lab", json_boolean(t->lab));
	json_object_set_new(status, "sides_separated",
		json_boolean(t->sides_separated));
}

json_t *daemon_status_json(struct daemon *d)
{
	const int64_t uptime_ms = mono_since_ms(d->started, loop_now(d->loop));
	json_t *status = json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:s}",
		"daemon", d->name, "summary", d->spec->summary, "version",
		EDGE_VERSION, "pid", (int)getpid(), "uid", (int)geteuid(),
		"uptime_s", (json_int_t)(uptime_ms / 1000), "state",
		daemon_phase_name(d));

	if (status == NULL)
		return NULL;
	put_topology(status, d->topology);
	json_object_set_new(status, "last_error", error_json(&d->last_error));
	json_object_set_new(status, "last_reload",
		reload_json(&d->last_reload));
	json_object_set_new(status, "restart_needed",
		daemon_restart_needed(d));
	json_object_set_new(status, "sandbox", sandbox_json(&d->sandbox));
	json_object_set_new(status, "ports", ports_json(d));
	json_object_set_new(status, "certificates", certificates_json(d));
	json_object_set_new(status, "sessions",
		json_integer((json_int_t)daemon_busy(d)));
	if (d->spec->status != NULL)
		d->spec->status(d->state, status);
	return status;
}

/* ---- configuration ------------------------------------------------------ */

static json_t *setting_json_of(const struct setting_set *set,
	const struct setting_def *def)
{
	json_t *value = json_loads(setting_json(set, def->name),
		JSON_DECODE_ANY, NULL);

	return json_pack("{s:o, s:b, s:b, s:s}", "value",
		value != NULL ? value : json_null(), "default",
		setting_is_default(set, def->name), "restart", def->restart,
		"unit", def->unit != NULL ? def->unit : "");
}

static json_t *settings_json(const struct daemon *d)
{
	const struct setting_set *set = topology_settings(d->topology, d->name);
	json_t *all = json_object();

	for (size_t i = 0; set != NULL && i < setting_count(); i++) {
		const struct setting_def *def = setting_at(i);

		if (strcmp(def->component, d->name) == 0)
			json_object_set_new(all, def->name,
				setting_json_of(set, def));
	}
	return all;
}

/* Paths of keys, never what is in them. */
static json_t *edge_json(const struct conf *conf)
{
	json_t *certs = json_object();

	for (unsigned i = 0; i < CONF_USE_COUNT; i++)
		json_object_set_new(certs, conf_use_name(i),
			json_pack("{s:s?, s:s?}", "chain",
				conf->certs[i].chain, "key",
				conf->certs[i].key));
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s?, s:s?, s:o}", "file",
		conf->path, "machine", conf->machine, "run_dir", conf->run_dir,
		"state_dir", conf->state_dir, "workers", (int)conf->workers,
		"trust_internal", conf->trust_internal, "trust_external",
		conf->trust_external, "certificates", certs);
}

json_t *daemon_config_json(const struct daemon *d)
{
	char version[TOPOLOGY_VERSION_LEN];

	return json_pack("{s:s, s:s, s:o, s:o}", "daemon", d->name,
		"generation", topology_version_text(d->topology, version),
		"edge", edge_json(d->conf), "settings", settings_json(d));
}
