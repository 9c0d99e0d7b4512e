/*
 * webconf-connector: the inside helper for conferencing servers that do not
 * speak WCE/1. Options here, life in connector.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/run/ready.h"
#include "webconf-edge/connector/connector.h"

#define NAME "webconf-connector"

static const char HELP[] =
	NAME ": leads clients from web conferencing edges to a server here\n\n"
	"usage: " NAME " [options]\n\n"
	"  -c, --config FILE        read FILE instead of "
	CONNECTOR_CONF_PATH "\n"
	"  -k, --check              check the configuration, then leave\n"
	"  -l, --log-level LEVEL    error, warning, notice (default), info or "
	"debug\n"
	"  -V, --version            print the version\n"
	"  -h, --help               print this\n\n"
	"Exit status: 0 = stopped as asked, 1 = failed, 2 = wrong usage or "
	"configuration.\nManual: " NAME "(8)\n";

static const struct option OPTIONS[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, 'k'},
	{"log-level", required_argument, NULL, 'l'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

struct options {
	const char *path;
	enum log_level level;
	bool check_only;
	int status; /* >= 0: leave with it */
};

static void take(struct options *o, int letter)
{
	switch (letter) {
	case 'c':
		o->path = optarg;
		break;
	case 'k':
		o->check_only = true;
		break;
	case 'l':
		if (log_level_parse(optarg, &o->level) < 0) {
			log_error("options.refused", "option=--log-level "
				"value=%s", log_qz(optarg));
			o->status = 2;
		}
		break;
	case 'V':
		printf(NAME " %s\n", EDGE_VERSION);
		o->status = 0;
		break;
	case 'h':
		fputs(HELP, stdout);
		o->status = 0;
		break;
	default: /* getopt has named it */
		o->status = 2;
		break;
	}
}

static int run(const struct options *o)
{
	struct connector *c = calloc(1, sizeof(*c));
	struct why why = {""};
	int status = 0;
	int err;

	if (c == NULL)
		return 1;
	err = connector_conf_load(&c->conf, o->path, &why);
	if (err == 0 && o->check_only)
		err = connector_check(c, &why);
	if (err < 0) {
		log_error("configuration.refused", "text=%s",
			log_qz(why_text(&why, err)));
		status = 2;
	} else if (o->check_only) {
		printf(NAME ": %s is fine\n", o->path);
	} else {
		err = connector_start(c, &why);
		if (err < 0) {
			log_error("connector.failed", "text=%s",
				log_qz(why_text(&why, err)));
			status = 1;
		} else {
			connector_run(c);
			log_notice("connector.stopped", "sessions=%zu",
				c->session_count);
		}
	}
	connector_stop(c);
	free(c);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = {.path = CONNECTOR_CONF_PATH,
		.level = LOG_LEVEL_NOTICE,
		.status = -1};
	int letter;

	log_init(NAME, o.level, ready_is_journal());
	while (o.status < 0 && (letter = getopt_long(argc, argv, "c:kl:Vh",
			OPTIONS, NULL)) != -1)
		take(&o, letter);
	if (o.status < 0 && optind < argc) {
		log_error("options.refused", "option=%s",
			log_qz(argv[optind]));
		o.status = 2;
	}
	if (o.status >= 0)
		return o.status;
	log_set_level(o.level);
	return run(&o);
}
