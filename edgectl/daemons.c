/*
 * Where daemons are and what they say: their programs on the disk, their
 * answers over bus_client with our socket paths and time limits.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/bus/bus_client.h"
#include "edgectl/daemons.h"

static const char *const PLACES = "/usr/local/sbin:/usr/sbin:/usr/local/bin";

static int try_program(char *out, size_t cap, struct str dir, const char *name)
{
	int n = snprintf(out, cap, "%.*s/%s", STR_ARG(dir), name);

	if (n < 0 || (size_t)n >= cap || access(out, X_OK) != 0)
		return -ENOENT;
	return 0;
}

static int try_list(char *out, size_t cap, const char *list, const char *name)
{
	struct str rest = str_of(list);
	struct str dir;

	while (str_split(&rest, ':', &dir))
		if (dir.n > 0 && try_program(out, cap, dir, name) == 0)
			return 0;
	return -ENOENT;
}

int daemons_find_program(enum conf_daemon daemon, char *out, size_t cap)
{
	const char *name = conf_daemon_name(daemon);
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	size_t len = n > 0 ? (size_t)n : 0;

	while (len > 0 && self[len - 1] != '/')
		len--;
	if (len > 1 &&
		try_program(out, cap, (struct str){self, len - 1}, name) == 0)
		return 0;
	if (try_list(out, cap, getenv("PATH"), name) == 0)
		return 0;
	return try_list(out, cap, PLACES, name);
}

int daemons_call(const struct conf *conf, enum conf_daemon daemon,
	const char *path, const json_t *body, json_t **reply, struct why *why)
{
	return daemons_call_within(conf, daemon, path, body,
		DAEMONS_TIMEOUT_MS, reply, why);
}

int daemons_call_within(const struct conf *conf, enum conf_daemon daemon,
	const char *path, const json_t *body, int timeout_ms,
	json_t **reply, struct why *why)
{
	const char *name = conf_daemon_name(daemon);
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	json_t *answer = NULL;
	const char *text;
	int status = 0;
	int err;

	/* Whoever may only read can't keep root from looking. */
	err = bus_socket_path(socket, sizeof(socket), conf->run_dir, name,
		body != NULL || geteuid() == 0);
	if (err == 0)
		err = bus_ask(socket, path, body, timeout_ms, &status,
			&answer, why);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return why_set(why, err, "%s does not run (no answer on %s)",
			name, socket);
	if (err == -EACCES)
		return why_set(why, err,
			"%s: no right to use %s; become "
			"root or a member of group %s",
			name, socket,
			body != NULL ? "sallyport-admin" : "sallyport");
	if (err != 0)
		return why_prefix(why, err, "%s", name);
	if (status >= 200 && status < 300) {
		*reply = answer;
		return 0;
	}
	text = json_string_value(json_object_get(answer, "text"));
	err = why_set(why, status == 404 ? EDGE_EUNKNOWN : EDGE_EREFUSED,
		"%s: %s", name, text != NULL ? text : "refused without a word");
	json_decref(answer);
	return err;
}

void daemons_ask(struct daemons *d, const struct conf *conf)
{
	char path[PATH_MAX];

	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		const enum conf_daemon id = (enum conf_daemon)i;

		d->is_installed[i] =
			daemons_find_program(id, path, sizeof(path)) == 0;
		d->err[i] = daemons_call(conf, id, "/v1/status", NULL,
			&d->status[i], &d->why[i]);
	}
}

void daemons_fini(struct daemons *d)
{
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		json_decref(d->status[i]);
		d->status[i] = NULL;
	}
}
