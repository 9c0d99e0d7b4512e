/*
 * The settings of replication-agent: rows of the table in setting_table.c,
 * which tells what a row must have. Defaults: docs/protocol/replication.md.
 */
#include "common/run/setting_table.h"

static const char *const SIDES[] = {"external", "internal", NULL};

const struct setting_def SETTING_REPLICATION[SETTING_REPLICATION_COUNT] = {
	{
		.component = "replication-agent",
		.name = "auto_revert",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.help = "Take a generation back, and pin the machine, when a "
			"daemon refuses it or keeps crashing with it.",
	},
	{
		.component = "replication-agent",
		.name = "confirm",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "60",
		.min = 1,
		.max = 3600,
		.help = "How long the daemons are looked at after a switch, "
			"and by when each must report the new version.",
	},
	{
		.component = "replication-agent",
		.name = "check_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "10",
		.min = 1,
		.max = 60,
		.help = "How long one daemon may take to answer the dry run.",
	},
	{
		.component = "replication-agent",
		.name = "header_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "10",
		.min = 1,
		.max = 60,
		.help = "How long a publisher may take to shake hands, and to "
			"send the header of a request.",
	},
	{
		.component = "replication-agent",
		.name = "upload_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "120",
		.min = 1,
		.max = 3600,
		.help = "How long a publisher may take to send a whole "
			"request.",
	},
	{
		.component = "replication-agent",
		.name = "pull_from",
		.kind = SETTING_URLS,
		.unit = "",
		.fallback = "[]",
		.help = "HTTP or HTTPS bases to fetch head.edgb and "
			"bundles/<sha256>.edgb from; the first that answers "
			"counts. Empty = the publisher pushes.",
	},
	{
		.component = "replication-agent",
		.name = "pull_every",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "30",
		.min = 1,
		.max = 86400,
		.help = "How often pull_from is asked, give or take a fifth.",
	},
	{
		.component = "replication-agent",
		.name = "pull_side",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"external\"",
		.choices = SIDES,
		.help = "Whose trust anchors and name servers count for "
			"pull_from.",
	},
};
