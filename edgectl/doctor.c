/*
 * The doctor's round: loads what there is, walks the rooms, keeps the
 * findings. What is looked at lives in doctor_<room>.c.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgectl/doctor.h"
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

void doctor_add(struct doctor *d, enum doctor_level level, const char *what,
	const char *todo, const char *fmt, ...)
{
	char text[2 * WHY_LEN];
	json_t *row;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	row = json_pack("{s:s,s:s,s:s,s:s}", "room", d->room, "level",
		LEVELS[level], "what", what, "text", text);
	if (row != NULL && todo != NULL)
		json_object_set_new(row, "todo", json_string(todo));
	json_array_append_new(d->findings, row);
	d->count[level]++;
}

json_t *doctor_examine(const char *conf_path)
{
	struct doctor d = {
		.conf_path = conf_path,
		.findings = json_array(),
	};
	json_t *report;

	for (size_t i = 0; i < ARRAY_COUNT(ROOMS); i++) {
		d.room = ROOMS[i].name;
		ROOMS[i].look(&d);
	}
	report = json_pack("{s:b,s:i,s:i,s:o}", "ok", d.count[DOCTOR_FAIL] == 0,
		"failed", (int)d.count[DOCTOR_FAIL], "warned",
		(int)d.count[DOCTOR_WARN], "findings", d.findings);
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
