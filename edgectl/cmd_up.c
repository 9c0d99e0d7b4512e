/*
 * edgectl up: directories, the choice of daemons, and the supervisor in the
 * foreground until it is told to end. How children live is supervisor.c's.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/run/ready.h"
#include "edgectl/commands.h"
#include "edgectl/daemons.h"
#include "edgectl/place.h"
#include "edgectl/up/supervisor.h"
#include "edgectl/up/wanted.h"

struct up {
	const struct cmd_call *call;
	int ready_fd; /* -1 = none */
};

static void on_ready(void *arg)
{
	const struct up *up = arg;

	log_notice("up.ready", "daemons=all");
	printf("ready\n");
	fflush(stdout);
	if (up->ready_fd >= 0 && write(up->ready_fd, "ready\n", 6) != 6)
		log_warning("up.unheard", "fd=%d error=%s", up->ready_fd,
			log_qz(strerror(errno)));
}

static int only(const struct cmd_call *call, bool *wanted)
{
	bool chosen[CONF_DAEMON_COUNT] = {false};
	const char *name;

	if (!cmd_has(call, "only"))
		return 0;
	for (size_t i = 0; (name = cmd_get_nth(call, "only", i)) != NULL; i++) {
		enum conf_daemon id;

		if (conf_daemon_parse(name, &id) != 0) {
			cmd_fail_text(call, CMD_USAGE,
				"--only %s: no such daemon; access-edge, "
				"av-auth, av-edge, webconf-edge, "
				"replication-agent",
				name);
			return EDGE_EUNKNOWN;
		}
		chosen[id] = true;
	}
	memcpy(wanted, chosen, sizeof(chosen));
	return 0;
}

/* A service that this build has no program for is told, not fatal: the
 * others are of use without it. */
static void drop_missing(bool *wanted)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		const enum conf_daemon id = (enum conf_daemon)i;

		if (!wanted[i] ||
			daemons_find_program(id, path, sizeof(path)) == 0)
			continue;
		log_notice("up.missing",
			"daemon=%s reason=\"the topology "
			"asks for it, its program is not installed\"",
			conf_daemon_name(id));
		wanted[i] = false;
	}
}

static int supervise(struct cmd_call *call, const struct conf *conf,
	const bool *wanted)
{
	struct up up = {call, -1};
	struct supervisor *s = NULL;
	struct why why = {""};
	uint32_t fd;
	int err;

	if (cmd_has(call, "ready-fd")) {
		if (cmd_get_number(call, "ready-fd", 0, 1023, &fd) != 0)
			return CMD_USAGE;
		up.ready_fd = (int)fd;
	}
	err = place_dirs(conf, &why);
	if (err == 0)
		err = supervisor_new(&s,
			&(struct supervisor_spec){
				.conf = conf,
				.wanted = wanted,
				.log_level = cmd_get(call, "log-level"),
				.on_ready = on_ready,
				.arg = &up,
			},
			&why);
	if (err == 0)
		err = supervisor_run(s, &why);
	supervisor_free(s);
	return err == 0 ? CMD_OK : cmd_fail(call, CMD_FAILED, err, &why);
}

static int run(struct cmd_call *call)
{
	bool wanted[CONF_DAEMON_COUNT] = {false};
	struct conf *conf = NULL;
	struct why why = {""};
	enum log_level level;
	int status = CMD_USAGE;
	int err;

	ready_init();
	if (log_level_parse(cmd_get(call, "log-level"), &level) != 0)
		return cmd_fail_text(call, CMD_USAGE,
			"--log-level %s: one "
			"of error, warning, notice, info, debug",
			cmd_get(call, "log-level"));
	log_init("edgectl", level < LOG_LEVEL_NOTICE ? level : LOG_LEVEL_NOTICE,
		ready_is_journal());
	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = wanted_by_topology(conf, wanted, &why);
	if (err != 0) {
		status = cmd_fail(call, CMD_USAGE, err, &why);
		goto out;
	}
	if (only(call, wanted) != 0)
		goto out;
	drop_missing(wanted);
	status = supervise(call, conf, wanted);
out:
	conf_free(conf);
	return status;
}

static const struct cmd_option OPTIONS[] = {
	{.name = "only",
		.arg = "DAEMON",
		.is_many = true,
		.help = "start just this daemon; may be repeated"},
	{.name = "ready-fd",
		.arg = "FD",
		.help = "write \"ready\" to this descriptor too"},
	{.name = "log-level",
		.arg = "LEVEL",
		.fallback = "notice",
		.help = "of the daemons: error, warning, notice, info, debug"},
};

static const struct cmd_verb VERBS[] = {
	{
		.words = "",
		.help = "run the daemons in the foreground and look after them",
		.options = OPTIONS,
		.option_count = ARRAY_COUNT(OPTIONS),
		.more = "Makes the run and state directories, binds the "
			"control sockets, starts the\n"
			"daemons that the topology asks for, prints "
			"\"ready\" when all of them are, and\n"
			"starts one again that ends. SIGHUP reloads, SIGTERM "
			"and Ctrl-C stop all;\n"
			"when it is killed, the daemons stop too.\n"
			"On an installed host systemd does this: systemctl "
			"start sallyport.target.",
		.examples = "edgectl up\n"
			    "edgectl -c /tmp/lab/edge.yaml up --only av-edge "
			    "--log-level debug\n",
		.run = run,
	},
};

const struct cmd cmd_up = {
	.noun = "up",
	.help = "run the daemons in the foreground and look after them",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
