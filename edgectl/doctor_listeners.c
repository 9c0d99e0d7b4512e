/*
 * The doctor on listeners: the daemons run, every port of the topology is
 * open and ours, the next hop can be reached from our inside address.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"
#include "edgectl/doctor.h"
#include "edgectl/output.h"
#include "edgectl/ports.h"

#define REACH_MS 3000

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
			"%s: %s does not run", where,
			output_str(row, "daemon", ""));
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

/* 0, or why a TCP connection from local to remote does not come about. */
static int reach(const struct addr *local, const struct addr *remote)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(int);
	struct pollfd p = {.events = POLLOUT};
	int err = 0;

	p.fd = socket(remote->family == 6 ? AF_INET6 : AF_INET,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p.fd < 0)
		return -errno;
	if (bind(p.fd, (struct sockaddr *)&sa, addr_to_sockaddr(local, &sa)) !=
		0)
		err = errno;
	else if (connect(p.fd, (struct sockaddr *)&sa,
			 addr_to_sockaddr(remote, &sa)) != 0 &&
		errno != EINPROGRESS)
		err = errno;
	else if (poll(&p, 1, REACH_MS) != 1)
		err = ETIMEDOUT;
	else if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	close(p.fd);
	return -err;
}

/* Only hops with an address in edge.yaml: the room of names tells of the
 * others. */
static void check_hop(struct doctor *d, const struct topology_hop *hop,
	const struct topology_listener *inside)
{
	struct addr local = addr_with_port(&inside->address, 0);
	struct addr remote;
	char text[ADDR_TEXT_LEN];
	int err;

	for (size_t i = 0; i < d->conf->host_count; i++) {
		const struct conf_host *host = &d->conf->hosts[i];

		if (strcmp(host->name, hop->fqdn) != 0 || host->addr_count == 0)
			continue;
		remote = addr_with_port(&host->addrs[0], hop->port);
		err = reach(&local, &remote);
		addr_text(&remote, text);
		if (err == 0)
			doctor_add(d, DOCTOR_OK, "next hop", NULL,
				"%s (%s) accepts connections from our inside",
				hop->fqdn, text);
		else
			doctor_add(d, DOCTOR_WARN, "next hop",
				"start the SIP server, or open its firewall "
				"for our inside address",
				"%s (%s) can't be reached: %s", hop->fqdn, text,
				err_text(err));
	}
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
		check_hop(d, &d->topology->hops[i], inside);
}
