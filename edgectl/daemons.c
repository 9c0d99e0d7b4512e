/* Questions to daemons: bus_client with our socket paths and time limits. */
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "common/base/err.h"
#include "common/bus/bus_client.h"
#include "edgectl/daemons.h"

int daemons_call(const struct conf *conf, enum conf_daemon daemon,
	const char *path, const json_t *body, json_t **reply,
	struct why *why)
{
	const char *name = conf_daemon_name(daemon);
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	json_t *answer = NULL;
	const char *text;
	int status = 0;
	int err;

	err = bus_socket_path(socket, sizeof(socket), conf->run_dir, name,
		body != NULL);
	if (err == 0)
		err = bus_ask(socket, path, body, DAEMONS_TIMEOUT_MS, &status,
			&answer, why);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return why_set(why, err, "%s does not run (no answer on %s)",
			name, socket);
	if (err == -EACCES)
		return why_set(why, err, "%s: no right to use %s; become "
			"root or a member of group %s", name, socket,
			body != NULL ? "sallyport-admin" : "sallyport");
	if (err != 0)
		return why_prefix(why, err, "%s", name);
	if (status >= 200 && status < 300) {
		*reply = answer;
		return 0;
	}
	text = json_string_value(json_object_get(answer, "text"));
	err = why_set(why, status == 404 ? EDGE_EUNKNOWN : EDGE_EREFUSED,
		"%s: %s (status %d)", name,
		text != NULL ? text : "refused", status);
	json_decref(answer);
	return err;
}

void daemons_ask(struct daemons *d, const struct conf *conf)
{
	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		d->err[i] = daemons_call(conf, (enum conf_daemon)i,
			"/v1/status", NULL, &d->status[i], &d->why[i]);
}

void daemons_fini(struct daemons *d)
{
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		json_decref(d->status[i]);
		d->status[i] = NULL;
	}
}
