/*
 * A command of edgectl is a table: noun, verbs, options, help, function.
 * main.c, `--help`, shell completion and the manual's completeness test
 * read the same rows. Adding a command: write cmd_<noun>.c with one
 * `const struct cmd cmd_<noun>`, name it in cmd_table.c.
 */
#ifndef EDGECTL_CMD_H
#define EDGECTL_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

/* Exit status of every command. */
#define CMD_OK     0
#define CMD_FAILED 1 /* it ran, and the answer is no */
#define CMD_USAGE  2 /* asked the wrong way, or it could not run */

#define CMD_VALUES_MAX 64

struct cmd_option {
	const char *name;     /* "seconds": long form only */
	const char *arg;      /* "N", or NULL for a switch */
	const char *help;     /* one line, lower case, no full stop */
	const char *fallback; /* shown as the default; NULL = none */
	bool is_many;         /* may be given more than once */
};

struct cmd_value {
	const struct cmd_option *option;
	const char *text; /* "" for a switch */
};

/* One call: global options, the verb's options, what is left over. */
struct cmd_call {
	const char *program;   /* argv[0] */
	const char *conf_path; /* -c, or CONF_PATH_DEFAULT */
	bool json;
	const struct cmd *cmd;
	const struct cmd_verb *verb;
	struct cmd_value values[CMD_VALUES_MAX];
	size_t value_count;
	char **argv; /* words that are not options */
	int argc;
};

typedef int(cmd_fn)(struct cmd_call *call);

struct cmd_verb {
	const char *name;  /* "plan"; NULL when the noun has no verbs, or
			    * first, for words that are no verb */
	const char *words; /* what follows: "FILE", "[ID...]"; "" = nothing */
	int words_min;
	int words_max;    /* -1 = any number */
	const char *help; /* one line, lower case, no full stop */
	const struct cmd_option *options;
	size_t option_count;
	const char *more;     /* a paragraph for --help, or NULL */
	const char *examples; /* "edgectl ...\n" lines, or NULL */
	cmd_fn *run;
};

struct cmd {
	const char *noun;
	const char *help; /* one line, lower case, no full stop */
	const struct cmd_verb *verbs;
	size_t verb_count;
};

/* ---- the table (cmd_table.c) ---- */
size_t cmd_count(void);
const struct cmd *cmd_at(size_t i);
const struct cmd *cmd_find(const char *noun); /* NULL when unknown */
const struct cmd_verb *cmd_find_verb(const struct cmd *cmd, const char *name);
/* Options that every command knows: config, json, help. */
extern const struct cmd_option CMD_GLOBAL[];
extern const size_t CMD_GLOBAL_COUNT;

/* ---- parsing (cmd_parse.c) ---- */
/* argv[0] is the verb's first word after noun and verb were taken off. On
 * error why tells what, and what to type. CMD_USAGE as the caller's status. */
EDGE_MUST int cmd_parse(struct cmd_call *call, int argc, char **argv,
	bool *want_help, struct why *why);
/* Whole argument vector of the process to an exit status. */
int cmd_main(int argc, char **argv);

/* ---- for the commands ---- */
/* Value of an option of the verb's table; its fallback (may be NULL) when
 * it was not given. For a switch: cmd_has(). */
const char *cmd_get(const struct cmd_call *call, const char *option);
bool cmd_has(const struct cmd_call *call, const char *option);
/* n-th value of a repeatable option, NULL after the last. */
const char *cmd_get_nth(const struct cmd_call *call, const char *option,
	size_t n);
/* Number within bounds; tells the user and returns EDGE_ECONFIG if not. */
EDGE_MUST int cmd_get_number(const struct cmd_call *call, const char *option,
	uint32_t min, uint32_t max, uint32_t *out);
/* edge.yaml of this call; tells the user when it can't be read. The caller
 * frees it. */
EDGE_MUST int cmd_conf(const struct cmd_call *call, struct conf **out);
/* Say what went wrong (text on stderr, an object with --json) and return
 * the exit status: `return cmd_fail(call, CMD_FAILED, err, &why);` */
int cmd_fail(const struct cmd_call *call, int status, int err,
	const struct why *why);
/* The same with a text of the caller's. */
int cmd_fail_text(const struct cmd_call *call, int status, const char *fmt, ...)
	EDGE_PRINTF(3, 4);

/* ---- help (cmd_help.c) ---- */
void cmd_help_all(void);
void cmd_help_noun(const struct cmd *cmd);
void cmd_help_verb(const struct cmd *cmd, const struct cmd_verb *verb);
/* edgectl(1) in mdoc on stdout (cmd_manual.c). */
void cmd_manual(void);

#endif
