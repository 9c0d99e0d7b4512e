/*
 * The command line of a daemon: one table for parsing and for --help. A
 * daemon takes next to nothing there; edge.yaml and the topology have the
 * rest.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/daemon/daemon_life.h"

struct option_row {
	char letter;
	const char *name;
	const char *value; /* what stands for it in --help, or NULL */
	const char *help;
};

static const struct option_row rows[] = {
	{'c', "config", "FILE", "read FILE instead of " CONF_PATH_DEFAULT},
	{'k', "check", NULL, "check configuration and topology, then leave"},
	{'l', "log-level", "LEVEL",
		"error, warning, notice (default), info or debug"},
	{'V', "version", NULL, "print the version"},
	{'h', "help", NULL, "print this"},
};

static void print_help(const struct daemon_spec *spec)
{
	const char *name = conf_daemon_name(spec->id);

	printf("%s: %s\n\nusage: %s [options]\n\n", name, spec->summary, name);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char left[32];

		snprintf(left, sizeof(left), "-%c, --%s%s%s", rows[i].letter,
			rows[i].name, rows[i].value != NULL ? " " : "",
			rows[i].value != NULL ? rows[i].value : "");
		printf("  %-24s %s\n", left, rows[i].help);
	}
	printf("\nExit status: 0 = stopped as asked, 1 = failed, 2 = wrong "
	       "usage or configuration.\nManual: %s(8), edge.yaml(5)\n", name);
}

/* getopt's own tables, from ours. */
static void make_tables(struct option *longs, char *shorts)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].value != NULL ? required_argument
							 : no_argument,
			.val = rows[i].letter,
		};
		shorts[n++] = rows[i].letter;
		if (rows[i].value != NULL)
			shorts[n++] = ':';
	}
	longs[ARRAY_COUNT(rows)] = (struct option){0};
	shorts[n] = '\0';
}

static void leave(struct daemon_options *o, int status)
{
	o->done = true;
	o->status = status;
}

static void take(struct daemon_options *o, const struct daemon_spec *spec,
	int letter)
{
	const char *name = conf_daemon_name(spec->id);

	switch (letter) {
	case 'c':
		o->conf_path = optarg;
		break;
	case 'k':
		o->check_only = true;
		break;
	case 'l':
		if (log_level_parse(optarg, &o->level) == 0)
			break;
		fprintf(stderr, "%s: --log-level: '%s' is none of error, "
			"warning, notice, info, debug\n", name, optarg);
		leave(o, 2);
		break;
	case 'V':
		printf("%s %s\n", name, EDGE_VERSION);
		leave(o, 0);
		break;
	case 'h':
		print_help(spec);
		leave(o, 0);
		break;
	default: /* getopt has named it */
		fprintf(stderr, "%s: see %s --help\n", name, name);
		leave(o, 2);
		break;
	}
}

void daemon_options_parse(struct daemon_options *out,
	const struct daemon_spec *spec, int argc, char **argv)
{
	struct option longs[ARRAY_COUNT(rows) + 1];
	char shorts[2 * ARRAY_COUNT(rows) + 1];
	int letter;

	*out = (struct daemon_options){
		.conf_path = CONF_PATH_DEFAULT,
		.level = LOG_LEVEL_NOTICE,
	};
	make_tables(longs, shorts);
	optind = 0; /* also when called a second time, as tests do */
	while (!out->done &&
		(letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
		take(out, spec, letter);
	if (out->done || optind >= argc)
		return;
	fprintf(stderr, "%s: '%s' is not an option; see %s --help\n",
		conf_daemon_name(spec->id), argv[optind],
		conf_daemon_name(spec->id));
	leave(out, 2);
}
