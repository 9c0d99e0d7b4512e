/*
 * The doctor's round: loads what there is, walks the rooms, keeps the
 * findings. What is looked at lives in doctor_<room>.c.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/str.h"
#include "edgectl/doctor/doctor.h"
#include "edgectl/output.h"

static const struct {
	const char *name;
	void (*look)(struct doctor *d);
} ROOMS[] = {
	{"configuration", doctor_config},
	{"certificates", doctor_certificates},
	{"names", doctor_names},
	{"routes", doctor_routes},
	{"listeners", doctor_listeners},
	{"clock", doctor_clock},
	{"kernel", doctor_kernel},
};

static const char *const LEVELS[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARN] = "warn",
	[DOCTOR_FAIL] = "fail",
};

static bool is_known(const struct doctor *d, const char *what,
	const char *text)
{
	const json_t *row;
	size_t i;

	json_array_foreach(d->findings, i, row)
		if (strcmp(output_str(row, "what", ""), what) == 0 &&
			strcmp(output_str(row, "text", ""), text) == 0)
			return true;
	return false;
}

void doctor_add(struct doctor *d, enum doctor_level level, const char *what,
	const char *todo, const char *fmt, ...)
{
	char text[2 * WHY_LEN];
	json_t *row;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_tidy(text); /* what is cut, or a name of a file, is still UTF-8 */
	d->count[level]++;
	if (is_known(d, what, text))
		return;
	row = json_pack("{s:s,s:s,s:s,s:s}", "room", d->room, "level",
		LEVELS[level], "what", what, "text", text);
	if (row != NULL && todo != NULL)
		json_object_set_new(row, "todo", json_string(todo));
	json_array_append_new(d->findings, row);
}

static int count_of(const struct doctor *d, enum doctor_level level)
{
	const json_t *row;
	int count = 0;
	size_t i;

	json_array_foreach(d->findings, i, row)
		count += strcmp(output_str(row, "level", ""),
			LEVELS[level]) == 0;
	return count;
}

json_t *doctor_examine(const char *conf_path)
{
	struct doctor d = {
		.conf_path = conf_path,
		.findings = json_array(),
	};
	const enum log_level level = log_get_level();
	json_t *report;

	/* What the rooms' libraries log is in the findings. */
	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < ARRAY_COUNT(ROOMS); i++) {
		d.room = ROOMS[i].name;
		ROOMS[i].look(&d);
	}
	log_set_level(level);
	report = json_pack("{s:b,s:i,s:i,s:o}", "ok", d.count[DOCTOR_FAIL] == 0,
		"failed", count_of(&d, DOCTOR_FAIL), "warned",
		count_of(&d, DOCTOR_WARN), "findings", d.findings);
	topology_unref(d.topology);
	conf_free(d.conf);
	return report;
}

void doctor_text(FILE *to, const json_t *report)
{
	const json_t *findings = json_object_get(report, "findings");
	const char *room = "";
	const json_t *row;
	size_t i;

	json_array_foreach(findings, i, row)
	{
		const char *todo = output_str(row, "todo", NULL);
		char *text = output_value(json_object_get(row, "text"));

		if (strcmp(room, output_str(row, "room", "")) != 0) {
			room = output_str(row, "room", "");
			fprintf(to, "%s\n", room);
		}
		fprintf(to, "  %-4s  %s: %s\n", output_str(row, "level", ""),
			output_str(row, "what", ""), text != NULL ? text : "");
		if (todo != NULL)
			fprintf(to, "        do: %s\n", todo);
		free(text);
	}
	fprintf(to, "\n%lld failed, %lld warnings, %zu looked at\n",
		json_integer_value(json_object_get(report, "failed")),
		json_integer_value(json_object_get(report, "warned")),
		json_array_size(findings));
}
