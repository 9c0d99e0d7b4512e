/*
 * The answers of `edgectl init` as edge.yaml and topology.yaml. Asking is
 * cmd_init.c's, certificates are certmake.c's.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/conf.h"
#include "edgectl/init_plan.h"

void init_plan_loopback(struct init_plan *plan)
{
	const struct init_plan demo = {
		.domains = {"lab.test"},
		.domain_count = 1,
		.machine = "edge.int.lab.test",
		.internal_address = "127.0.2.10",
		.access_name = "sip.lab.test",
		.access_address = "127.0.1.10",
		.av_name = "av.lab.test",
		.av_address = "127.0.1.12",
		.webconf_name = "webcon.lab.test",
		.webconf_address = "127.0.1.11",
		.next_hop = "inside.int.lab.test",
		.next_hop_address = "127.0.2.20",
		.lab = true,
	};
	struct init_plan kept = *plan;

	*plan = demo;
	memcpy(plan->directory, kept.directory, sizeof(kept.directory));
	memcpy(plan->run_dir, kept.run_dir, sizeof(kept.run_dir));
	memcpy(plan->state_dir, kept.state_dir, sizeof(kept.state_dir));
	plan->port_add = kept.port_add;
	if (plan->port_add != 0)
		plan->next_hop_port = 5061 + plan->port_add;
}

bool init_is_name(const char *text)
{
	char lower[DNS_NAME_LEN];

	return strchr(text, '.') != NULL &&
		dns_name_take(str_of(text), lower, sizeof(lower)) == 0 &&
		strcmp(text, lower) == 0;
}

static bool is_address(const char *text)
{
	struct addr a;

	return addr_parse_z(text, 0, &a) == 0 && !addr_is_any(&a);
}

enum need {
	NEED_NAME,
	NEED_NAME_OR_NONE,
	NEED_ADDRESS,
	NEED_ADDRESS_OR_NONE,
};

static int check_value(const char *option, const char *value, enum need need,
	struct why *why)
{
	const bool is_name = need == NEED_NAME || need == NEED_NAME_OR_NONE;

	if (value[0] == '\0' && need != NEED_NAME && need != NEED_ADDRESS)
		return 0;
	if (value[0] == '\0')
		return why_set(why, EDGE_ECONFIG, "--%s is needed", option);
	if (is_name && !init_is_name(value))
		return why_set(why, EDGE_ECONFIG,
			"--%s %s: not a host name "
			"with a domain, such as sip.example.com",
			option, value);
	if (!is_name && !is_address(value))
		return why_set(why, EDGE_ECONFIG,
			"--%s %s: not an address "
			"such as 192.0.2.10",
			option, value);
	return 0;
}

static const struct {
	const char *option;
	size_t at; /* of the text in struct init_plan */
	enum need need;
} VALUES[] = {
	{"machine", offsetof(struct init_plan, machine), NEED_NAME},
	{"internal-address", offsetof(struct init_plan, internal_address),
		NEED_ADDRESS},
	{"access-name", offsetof(struct init_plan, access_name), NEED_NAME},
	{"access-address", offsetof(struct init_plan, access_address),
		NEED_ADDRESS},
	{"av-name", offsetof(struct init_plan, av_name), NEED_NAME},
	{"av-address", offsetof(struct init_plan, av_address), NEED_ADDRESS},
	{"av-nat", offsetof(struct init_plan, av_nat), NEED_ADDRESS_OR_NONE},
	{"webconf-name", offsetof(struct init_plan, webconf_name),
		NEED_NAME_OR_NONE},
	{"webconf-address", offsetof(struct init_plan, webconf_address),
		NEED_ADDRESS_OR_NONE},
	{"next-hop", offsetof(struct init_plan, next_hop), NEED_NAME},
	{"next-hop-address", offsetof(struct init_plan, next_hop_address),
		NEED_ADDRESS_OR_NONE},
};

static int check_domains(const struct init_plan *plan, struct why *why)
{
	int err = plan->domain_count == 0 ?
		why_set(why, EDGE_ECONFIG, "--domain is needed") :
		0;

	for (size_t i = 0; err == 0 && i < plan->domain_count; i++)
		err = check_value("domain", plan->domains[i], NEED_NAME, why);
	return err;
}

int init_plan_check_one(const struct init_plan *plan, const char *option,
	struct why *why)
{
	if (strcmp(option, "domain") == 0)
		return check_domains(plan, why);
	for (size_t i = 0; i < ARRAY_COUNT(VALUES); i++)
		if (strcmp(option, VALUES[i].option) == 0)
			return check_value(option,
				(const char *)plan + VALUES[i].at,
				VALUES[i].need, why);
	return 0;
}

int init_plan_check(const struct init_plan *plan, struct why *why)
{
	int err = check_domains(plan, why);

	for (size_t i = 0; err == 0 && i < ARRAY_COUNT(VALUES); i++)
		err = init_plan_check_one(plan, VALUES[i].option, why);
	if (err == 0 &&
		strcmp(plan->internal_address, plan->access_address) == 0)
		err = why_set(why, EDGE_ECONFIG,
			"--internal-address and "
			"--access-address are the same; an edge has one "
			"address on each side");
	if (err == 0 && plan->webconf_address[0] != '\0')
		err = check_value("webconf-name", plan->webconf_name,
			NEED_NAME, why);
	return err;
}

const char *init_plan_outside_name(const struct init_plan *plan, size_t n,
	char room[static INIT_NAME_LEN])
{
	if (n == 0)
		return plan->access_name;
	for (size_t i = 0; i < plan->domain_count; i++) {
		snprintf(room, INIT_NAME_LEN, "sip.%.*s", INIT_NAME_LEN - 5,
			plan->domains[i]);
		if (strcmp(room, plan->access_name) != 0 && --n == 0)
			return room;
	}
	return NULL;
}

static char *finish(FILE *to, char **text)
{
	if (fclose(to) == 0)
		return *text;
	free(*text);
	return NULL;
}

static void put_certificate(FILE *to, const char *directory, const char *use)
{
	fprintf(to, "  %s: {chain: %s/tls/%s.crt, key: %s/tls/%s.key}\n", use,
		directory, use, directory, use);
}

char *init_plan_edge_yaml(const struct init_plan *plan)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	fprintf(to,
		"# Who this machine is in the topology.\n"
		"machine: %s\n"
		"\n"
		"# Certificate chain and key for each use.\n"
		"certificates:\n",
		plan->machine);
	put_certificate(to, plan->directory, "external-sip");
	if (plan->webconf_address[0] != '\0')
		put_certificate(to, plan->directory, "external-webconf");
	put_certificate(to, plan->directory, "internal");
	fprintf(to,
		"\n# Whom to believe on each side.\n"
		"trust:\n  internal: %s/tls/internal-ca.crt\n",
		plan->directory);
	if (plan->certificates == INIT_CERTIFICATES_LAB)
		fprintf(to, "  external: %s/tls/external-ca.crt\n",
			plan->directory);
	if (plan->next_hop_address[0] != '\0')
		fprintf(to,
			"\n# Names that need no name server.\n"
			"resolver:\n  hosts:\n    %s: %s\n",
			plan->next_hop, plan->next_hop_address);
	if (plan->run_dir[0] != '\0' || plan->state_dir[0] != '\0')
		fputc('\n', to);
	if (plan->run_dir[0] != '\0')
		fprintf(to, "run_dir: %s\n", plan->run_dir);
	if (plan->state_dir[0] != '\0')
		fprintf(to, "state_dir: %s\n", plan->state_dir);
	return finish(to, &text);
}

/* ", port: 10443", only where it is not the default. */
static void put_port(FILE *to, const struct init_plan *plan, const char *key,
	unsigned port)
{
	if (plan->port_add != 0)
		fprintf(to, ", %s: %u", key, port + plan->port_add);
}

/* With one address for all, TCP 443 is the SIP clients', then media's. */
static unsigned av_port(const struct init_plan *plan)
{
	return strcmp(plan->av_address, plan->access_address) == 0 ? 444 : 443;
}

static unsigned webconf_port(const struct init_plan *plan)
{
	const char *at = plan->webconf_address;
	unsigned port = strcmp(at, plan->access_address) == 0 ? 444 : 443;

	if (strcmp(at, plan->av_address) == 0 && port == av_port(plan))
		port++;
	return port;
}

static void put_webconf(FILE *to, const struct init_plan *plan)
{
	const unsigned port = webconf_port(plan) + plan->port_add;

	if (plan->webconf_address[0] == '\0')
		return;
	fprintf(to, "    webconf: {name: %s", plan->webconf_name);
	if (port != 443)
		fprintf(to, ", port: %u", port);
	fprintf(to, "}\n");
}

static void put_edge(FILE *to, const struct init_plan *plan)
{
	const unsigned add = plan->port_add;

	fprintf(to, "    next_hop: %s", plan->next_hop);
	if (plan->next_hop_port != 0 && plan->next_hop_port != 5061)
		fprintf(to, ":%u", plan->next_hop_port);
	fprintf(to, "\n    access: {name: %s", plan->access_name);
	put_port(to, plan, "port", 443);
	put_port(to, plan, "federation_port", 5061);
	fprintf(to, "}\n    av: {name: %s", plan->av_name);
	if (av_port(plan) + add != 443)
		fprintf(to, ", tcp_port: %u", av_port(plan) + add);
	put_port(to, plan, "udp_port", 3478);
	fprintf(to, "}\n");
	put_webconf(to, plan);
	if (add != 0)
		fprintf(to,
			"    internal_ports: {sip: %u, av_auth: %u, "
			"webconf: %u, replication: %u, turn_tcp: %u, "
			"turn_udp: %u}\n",
			5061 + add, 5062 + add, 8057 + add, 4443 + add,
			443 + add, 3478 + add);
}

static void put_machine(FILE *to, const struct init_plan *plan)
{
	fprintf(to, "    machines:\n      %s: {internal: %s, access: %s, av: ",
		plan->machine, plan->internal_address, plan->access_address);
	if (plan->av_nat[0] != '\0')
		fprintf(to, "{address: %s, nat: %s}", plan->av_address,
			plan->av_nat);
	else
		fprintf(to, "%s", plan->av_address);
	if (plan->webconf_address[0] != '\0')
		fprintf(to, ", webconf: %s", plan->webconf_address);
	fprintf(to, "}\n");
}

char *init_plan_topology_yaml(const struct init_plan *plan)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	fprintf(to,
		"# SIP domains; the first one is the default.\n"
		"domains: [");
	for (size_t i = 0; i < plan->domain_count; i++)
		fprintf(to, "%s%s", i > 0 ? ", " : "", plan->domains[i]);
	fprintf(to,
		"]\n"
		"\n# The edge: names that the outside uses, where requests "
		"go inside, addresses.\n"
		"edges:\n  %s:\n",
		plan->machine);
	put_edge(to, plan);
	put_machine(to, plan);
	fprintf(to,
		"\n# Inside servers by certificate name, and what each "
		"may ask of the edge.\n"
		"servers:\n  %s: [sip, av-auth%s]\n",
		plan->next_hop,
		plan->webconf_address[0] != '\0' ? ", webconf" : "");
	if (plan->federation)
		fprintf(to,
			"\n# Settings that differ from their defaults.\n"
			"settings:\n"
			"  access-edge: {allow_federated_users: true}\n");
	if (plan->lab)
		fprintf(to,
			"\n# Loopback addresses, and both sides on one "
			"device, are meant.\nlab: true\n");
	return finish(to, &text);
}
