/*
 * Questions to the other daemons, and to ourselves: the agent's own snapshot
 * is taken over the same bus as everybody's, by the same rules.
 */
#include "replication-agent/crew.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/bus/bus_client.h"

/* Always at the admin door, where only few may knock: whoever merely reads
 * could keep the other one full, and silence counts as a crash. */
static int ask(const struct conf *conf, enum conf_daemon daemon,
	const char *path, const json_t *body, int timeout_ms, int *status,
	json_t **reply, struct why *why)
{
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct stat st;
	int err = bus_socket_path(socket, sizeof(socket), conf->run_dir,
		conf_daemon_name(daemon), true);

	if (err < 0)
		return err;
	/* No socket, no daemon: that is cheaper to see than to be told. */
	if (lstat(socket, &st) < 0)
		return why_set(why, -errno, "%s: %s", socket,
			err_text(-errno));
	return bus_ask(socket, path, body, timeout_ms, status, reply, why);
}

static void copy(const json_t *o, const char *name, char *out, size_t cap)
{
	const char *text = json_string_value(json_object_get(o, name));

	snprintf(out, cap, "%s", text != NULL ? text : "");
	str_tidy(out); /* it may end within a character */
}

/* Nobody there, and silence, are not refusals: the one is not run, the other
 * is for the watch to find. */
static void order(struct crew_report *row, const struct conf *conf,
	enum conf_daemon daemon, const char *path, const json_t *body,
	int timeout_ms)
{
	json_t *reply = NULL;
	struct why why = {""};
	int status = 0;
	int err = ask(conf, daemon, path, body, timeout_ms, &status, &reply,
		&why);

	row->has_answered = err == 0;
	row->has_refused = err == 0 && status != 200;
	if (row->has_refused)
		copy(reply, "text", row->text, sizeof(row->text));
	else if (err < 0)
		snprintf(row->text, sizeof(row->text), "%s",
			why_text(&why, err));
	json_decref(reply);
}

static void order_all(struct crew *out, const struct conf *conf,
	const char *path, const json_t *body, int timeout_ms)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		order(&out->rows[i], conf, (enum conf_daemon)i, path, body,
			timeout_ms);
}

void crew_check(struct crew *out, const struct conf *conf, const char *path,
	int timeout_ms)
{
	json_t *body = json_pack("{s:s}", "generation", path);

	order_all(out, conf, "/v1/check", body, timeout_ms);
	json_decref(body);
}

void crew_reload(struct crew *out, const struct conf *conf, int timeout_ms)
{
	json_t *body = json_pack("{s:b}", "certificates", 0);

	order_all(out, conf, "/v1/reload", body, timeout_ms);
	json_decref(body);
}

static void look(struct crew_report *row, const struct conf *conf,
	enum conf_daemon daemon, int timeout_ms)
{
	json_t *reply = NULL;
	int status = 0;
	int err = ask(conf, daemon, "/v1/status", NULL, timeout_ms, &status,
		&reply, NULL);

	row->has_answered = err == 0 && status == 200;
	if (row->has_answered) {
		row->pid = (pid_t)json_integer_value(
			json_object_get(reply, "pid"));
		copy(reply, "generation", row->version, sizeof(row->version));
		copy(reply, "state", row->state, sizeof(row->state));
	}
	json_decref(reply);
}

void crew_look(struct crew *out, const struct conf *conf, int timeout_ms)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		look(&out->rows[i], conf, (enum conf_daemon)i, timeout_ms);
}

int crew_judge(const struct crew *crew, struct why *why)
{
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		if (crew->rows[i].has_refused)
			return why_set(why, EDGE_EREFUSED, "%s: %s",
				conf_daemon_name((enum conf_daemon)i),
				crew->rows[i].text);
	return 0;
}

json_t *crew_json(const struct crew *crew)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		const struct crew_report *row = &crew->rows[i];
		const char *state = row->has_refused ? "refused" :
			!row->has_answered           ? "not running" :
			row->state[0] != '\0'        ? row->state :
						       "took it";

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s}", "name",
				conf_daemon_name((enum conf_daemon)i),
				"state", state, "version_running",
				row->version, "text", row->text));
	}
	return list;
}
