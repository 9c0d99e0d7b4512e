/*
 * The doctor on listeners: the daemons run, every port of the topology is
 * open and ours. The next hop is doctor_hop.c's.
 */
#include <stdio.h>
#include <string.h>

#include "edgectl/doctor/doctor.h"
#include "edgectl/output.h"
#include "edgectl/ports.h"

static void judge_row(struct doctor *d, const json_t *row)
{
	const char *state = output_str(row, "state", "");
	const char *service = output_str(row, "service", "");
	const json_t *port = json_object_get(row, "port");
	char where[128];

	if (port == NULL || strcmp(state, "absent") == 0)
		return;
	if (json_is_string(port))
		snprintf(where, sizeof(where), "%s %s %s",
			output_str(row, "address", ""), json_string_value(port),
			output_str(row, "transport", ""));
	else
		snprintf(where, sizeof(where), "%s:%lld/%s",
			output_str(row, "address", ""),
			json_integer_value(port),
			output_str(row, "transport", ""));
	if (strcmp(state, "open") == 0 || strcmp(state, "on-demand") == 0)
		doctor_add(d, DOCTOR_OK, service, NULL, "%s %s, %s (pid %lld)",
			where, state, output_str(row, "process", "?"),
			json_integer_value(json_object_get(row, "pid")));
	else if (strcmp(state, "taken") == 0)
		doctor_add(d, DOCTOR_FAIL, service,
			"stop that program, or give the service another port",
			"%s is taken by %s (pid %lld)", where,
			output_str(row, "process", "another process"),
			json_integer_value(json_object_get(row, "pid")));
	else if (strcmp(state, "down") == 0)
		doctor_add(d, DOCTOR_WARN, service,
			"edgectl up, or systemctl start sallyport.target",
			"%s does not run", output_str(row, "daemon", ""));
	else
		doctor_add(d, DOCTOR_FAIL, service, "see the daemon's log",
			"%s is %s", where, state);
}

static void check_ports(struct doctor *d)
{
	struct daemons daemons;
	json_t *table;
	const json_t *row;
	size_t i;

	daemons_ask(&daemons, d->conf);
	table = ports_table(d->topology, &daemons, port_owner_find);
	json_array_foreach(json_object_get(table, "ports"), i, row)
		judge_row(d, row);
	json_decref(table);
	daemons_fini(&daemons);
}

void doctor_listeners(struct doctor *d)
{
	const struct topology_listener *inside;

	if (d->topology == NULL)
		return;
	check_ports(d);
	inside = topology_listener(d->topology, TOPOLOGY_SIP_INTERNAL,
		TOPOLOGY_INTERNAL);
	for (size_t i = 0; inside != NULL && i < d->topology->hop_count; i++)
		doctor_hop(d, &d->topology->hops[i], inside);
}
