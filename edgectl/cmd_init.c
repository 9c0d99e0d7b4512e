/*
 * edgectl init: at most twelve questions, all also options, to the two
 * files, certificates, the first generation, and the doctor's opinion.
 * What the files say is init_plan.c's, what is written where init_write.c's.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "edgectl/commands.h"
#include "edgectl/doctor/doctor.h"
#include "edgectl/init_plan.h"
#include "edgectl/init_write.h"
#include "edgectl/output.h"

#define HIGH_PORT_ADD 10000

/* One question: the option that answers it, and where the answer goes. */
struct question {
	const char *option;
	const char *text;
	size_t at; /* offset in struct init_plan; 0 = has a taker of its own */
	size_t cap;
	/* Default from the answers so far, into out. NULL = none. */
	void (*suggest)(const struct init_plan *plan, char *out, size_t cap);
	int (*take)(struct init_plan *plan, const char *text, struct why *why);
	bool is_quiet; /* never asked: the suggestion will do, or an option */
};

#define INTO(field) \
	.at = offsetof(struct init_plan, field), \
	.cap = sizeof(((struct init_plan *)NULL)->field)

static int take_domains(struct init_plan *plan, const char *text,
	struct why *why)
{
	struct str rest = str_of(text);
	struct str part;

	while (str_split(&rest, ',', &part)) {
		part = str_trim(part);
		if (part.n == 0)
			continue;
		if (plan->domain_count == INIT_DOMAINS_MAX ||
			str_copy(part, plan->domains[plan->domain_count],
				INIT_NAME_LEN) != 0)
			return why_set(why, EDGE_ETOOBIG,
				"--domain: at most %d", INIT_DOMAINS_MAX);
		plan->domain_count++;
	}
	return 0;
}

static int take_next_hop(struct init_plan *plan, const char *text,
	struct why *why)
{
	struct str rest = str_of(text);
	struct str name;
	uint32_t port = 0;

	if (!str_split(&rest, ':', &name))
		return 0;
	if (rest.p != NULL && rest.n > 0 &&
		(str_to_u32(rest, &port) != 0 || port == 0 || port > 65535))
		return why_set(why, EDGE_ECONFIG,
			"--next-hop %s: the part "
			"behind ':' is no port",
			text);
	plan->next_hop_port = port;
	if (str_copy(name, plan->next_hop, sizeof(plan->next_hop)) != 0)
		return why_set(why, EDGE_ETOOBIG, "--next-hop: too long");
	return 0;
}

static int take_certificates(struct init_plan *plan, const char *text,
	struct why *why)
{
	static const char *const NAMES[] = {
		[INIT_CERTIFICATES_LAB] = "lab",
		[INIT_CERTIFICATES_CSR] = "csr",
		[INIT_CERTIFICATES_OWN] = "own",
	};

	for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
		if (strcmp(text, NAMES[i]) == 0) {
			plan->certificates = (enum init_certificates)i;
			return 0;
		}
	return why_set(why, EDGE_ECONFIG,
		"--certificates %s: one of lab, "
		"csr, own",
		text);
}

static int take_federation(struct init_plan *plan, const char *text,
	struct why *why)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return why_set(why, EDGE_ECONFIG,
			"--federation %s: yes or "
			"no",
			text);
	plan->federation = text[0] == 'y';
	return 0;
}

static void suggest_machine(const struct init_plan *plan, char *out, size_t cap)
{
	char host[INIT_NAME_LEN] = "";

	if (gethostname(host, sizeof(host) - 1) == 0 && init_is_name(host))
		snprintf(out, cap, "%s", host);
	else if (plan->domain_count > 0)
		snprintf(out, cap, "edge.int.%s", plan->domains[0]);
}

static void suggest_access(const struct init_plan *plan, char *out, size_t cap)
{
	if (plan->domain_count > 0)
		snprintf(out, cap, "sip.%s", plan->domains[0]);
}

static void suggest_av(const struct init_plan *plan, char *out, size_t cap)
{
	if (plan->domain_count > 0)
		snprintf(out, cap, "av.%s", plan->domains[0]);
}

static void suggest_webconf(const struct init_plan *plan, char *out,
	size_t cap)
{
	if (plan->domain_count > 0)
		snprintf(out, cap, "webcon.%s", plan->domains[0]);
}

static void suggest_lab(const struct init_plan *plan, char *out, size_t cap)
{
	(void)plan;
	snprintf(out, cap, "lab");
}

static void suggest_no(const struct init_plan *plan, char *out, size_t cap)
{
	(void)plan;
	snprintf(out, cap, "no");
}

static const struct question QUESTIONS[] = {
	{.option = "domain",
		.text = "SIP domains, the main one first",
		.take = take_domains},
	{.option = "machine",
		INTO(machine),
		.suggest = suggest_machine,
		.text = "This machine's name towards the inside"},
	{.option = "internal-address",
		INTO(internal_address),
		.text = "Its address inside"},
	{.option = "access-name",
		INTO(access_name),
		.suggest = suggest_access,
		.text = "Name that SIP clients outside connect to"},
	{.option = "access-address",
		INTO(access_address),
		.text = "Address outside for SIP"},
	{.option = "av-name",
		INTO(av_name),
		.suggest = suggest_av,
		.is_quiet = true,
		.text = "Name of the media relay outside"},
	{.option = "av-address",
		INTO(av_address),
		.text = "Address outside for media"},
	{.option = "av-nat",
		INTO(av_nat),
		.text = "Address the Internet sees for it, if there is NAT"},
	{.option = "webconf-name",
		INTO(webconf_name),
		.suggest = suggest_webconf,
		.is_quiet = true,
		.text = "Name of web conferences outside"},
	{.option = "webconf-address",
		INTO(webconf_address),
		.text = "Address outside for web conferences (empty: none)"},
	{.option = "next-hop",
		.take = take_next_hop,
		.text = "SIP server inside, name or name:port"},
	{.option = "next-hop-address",
		INTO(next_hop_address),
		.text = "Its address (empty: ask the name server)"},
	{.option = "certificates",
		.take = take_certificates,
		.suggest = suggest_lab,
		.text = "Certificates: lab (own test authority), csr "
			"(requests), own (files are put there later)"},
	{.option = "federation",
		.take = take_federation,
		.suggest = suggest_no,
		.text = "Open the port for federation partners, yes or no"},
};

static int take_answer(const struct question *q, struct init_plan *plan,
	const char *text, struct why *why)
{
	if (q->take != NULL)
		return q->take(plan, text, why);
	if (str_copy(str_of(text), (char *)plan + q->at, q->cap) != 0)
		return why_set(why, EDGE_ETOOBIG, "--%s: too long", q->option);
	return 0;
}

static bool ask(const struct question *q, const char *suggestion, char *out,
	size_t cap)
{
	struct str line;

	if (suggestion[0] != '\0')
		fprintf(stderr, "%s [%s]: ", q->text, suggestion);
	else
		fprintf(stderr, "%s: ", q->text);
	fflush(stderr);
	if (fgets(out, (int)cap, stdin) == NULL)
		return false;
	line = str_trim(str_of(out));
	memmove(out, line.p, line.n);
	out[line.n] = '\0';
	if (line.n == 0)
		snprintf(out, cap, "%s", suggestion);
	return true;
}

/* Asks again until the answer will do: twelve answers are too many to give
 * them all once more for the sake of one. */
static int ask_until_good(const struct question *q, struct init_plan *plan,
	const char *suggestion, struct why *why)
{
	char text[INIT_NAME_LEN * 4];
	int err;

	do {
		snprintf(text, sizeof(text), "%s", suggestion);
		if (!ask(q, suggestion, text, sizeof(text)))
			return why_set(why, -ECANCELED, "input ended");
		if (q->take == take_domains)
			plan->domain_count = 0;
		err = take_answer(q, plan, text, why);
		if (err == 0)
			err = init_plan_check_one(plan, q->option, why);
		if (err != 0)
			fprintf(stderr, "  %s\n", why_text(why, err));
	} while (err != 0);
	return 0;
}

/* From the options, from the person, or the suggestion. */
static int answer_all(const struct cmd_call *call, struct init_plan *plan,
	bool interactive, struct why *why)
{
	char suggestion[INIT_NAME_LEN];
	int err = 0;

	for (size_t i = 0; err == 0 && i < ARRAY_COUNT(QUESTIONS); i++) {
		const struct question *q = &QUESTIONS[i];

		if (cmd_has(call, q->option)) {
			const char *value;

			for (size_t n = 0; err == 0 &&
				(value = cmd_get_nth(call, q->option, n)) !=
					NULL;
				n++)
				err = take_answer(q, plan, value, why);
			continue;
		}
		suggestion[0] = '\0';
		if (q->suggest != NULL)
			q->suggest(plan, suggestion, sizeof(suggestion));
		err = interactive && !q->is_quiet ?
			ask_until_good(q, plan, suggestion, why) :
			take_answer(q, plan, suggestion, why);
	}
	return err;
}

static int absolute(const char *text, const char *option, char *out, size_t cap,
	struct why *why)
{
	char here[PATH_MAX];
	int n;

	if (text[0] == '/')
		n = snprintf(out, cap, "%s", text);
	else if (getcwd(here, sizeof(here)) != NULL)
		n = snprintf(out, cap, "%s/%s", here, text);
	else
		return why_set(why, -errno, "--%s %s: %s", option, text,
			strerror(errno));
	if (n < 0 || (size_t)n >= cap ||
		strpbrk(out, " \t\n\"'#{}[],:&*") != NULL)
		return why_set(why, EDGE_ECONFIG,
			"--%s %s: too long, or with "
			"characters that YAML would need quoted",
			option, text);
	return 0;
}

/* Which addresses there are to answer with, before they are asked for. */
static void tell_addresses(void)
{
	struct ifaddrs *all = NULL;
	char text[ADDR_TEXT_LEN];
	struct addr a;

	if (getifaddrs(&all) != 0)
		return;
	fprintf(stderr, "This machine has");
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL ||
			i->ifa_addr->sa_family != AF_INET ||
			(i->ifa_flags & IFF_LOOPBACK) != 0 ||
			addr_from_sockaddr(i->ifa_addr,
				sizeof(struct sockaddr_in), &a) != 0)
			continue;
		fprintf(stderr, " %s on %s,", addr_ip_text(&a, text),
			i->ifa_name);
	}
	fprintf(stderr, " and loopback.\n");
	freeifaddrs(all);
}

/* What is missing, and why nobody asked for it. */
static int check_plan(const struct cmd_call *call,
	const struct init_plan *plan, bool was_asked, struct why *why)
{
	struct why detail = {""};
	int err = init_plan_check(plan, &detail);

	if (err == 0)
		return 0;
	if (was_asked || cmd_has(call, "yes") || cmd_has(call, "loopback") ||
		call->json)
		return why_set(why, err, "%s", why_text(&detail, err));
	return why_set(why, err, "%s (there is no terminal to ask on)",
		why_text(&detail, err));
}

static int make_plan(const struct cmd_call *call, struct init_plan *plan,
	struct why *why)
{
	const bool loopback = cmd_has(call, "loopback");
	const bool asks = !loopback && !cmd_has(call, "yes") && !call->json &&
		isatty(STDIN_FILENO);
	int err = absolute(cmd_get(call, "directory"), "directory",
		plan->directory, sizeof(plan->directory), why);

	if (err == 0 && cmd_has(call, "run-dir"))
		err = absolute(cmd_get(call, "run-dir"), "run-dir",
			plan->run_dir, sizeof(plan->run_dir), why);
	if (err == 0 && cmd_has(call, "state-dir"))
		err = absolute(cmd_get(call, "state-dir"), "state-dir",
			plan->state_dir, sizeof(plan->state_dir), why);
	if (err != 0)
		return err;
	err = init_look_first(plan, cmd_has(call, "force"), why);
	if (err != 0)
		return err;
	if (cmd_has(call, "high-ports") || (loopback && geteuid() != 0))
		plan->port_add = HIGH_PORT_ADD;
	if (asks)
		tell_addresses();
	if (loopback)
		init_plan_loopback(plan);
	else
		err = answer_all(call, plan, asks, why);
	return err != 0 ? err : check_plan(call, plan, asks, why);
}

static void as_text(FILE *to, const json_t *object)
{
	const json_t *files = json_object_get(object, "files");
	const json_t *report = json_object_get(object, "doctor");
	const json_t *row;
	size_t i;

	json_array_foreach(files, i, row)
		fprintf(to, "wrote %s\n", json_string_value(row));
	fprintf(to, "topology %s is current\n\n",
		output_str(object, "generation", "?"));
	doctor_text(to, report);
	fprintf(to, "\nNext: %s\n", output_str(object, "next", ""));
}

static const char *next_step(const struct init_plan *plan)
{
	switch (plan->certificates) {
	case INIT_CERTIFICATES_CSR:
		return "have the .csr files under tls/ signed, put the "
		       "answers beside them as .crt and the inside "
		       "authority as internal-ca.crt, then 'edgectl doctor'";
	case INIT_CERTIFICATES_OWN:
		return "put certificates and keys under tls/, then "
		       "'edgectl doctor'";
	case INIT_CERTIFICATES_LAB:
		break;
	}
	return "'edgectl up', or 'systemctl enable --now sallyport.target'";
}

static int run(struct cmd_call *call)
{
	struct init_plan *plan = calloc(1, sizeof(*plan));
	struct init_result result = {.files = json_array()};
	struct why why = {""};
	const char *peers[INIT_PEERS_MAX] = {NULL};
	size_t peer_count = 0;
	int status = CMD_OK;
	int err = -ENOMEM;

	if (plan == NULL || result.files == NULL)
		goto out;
	err = make_plan(call, plan, &why);
	if (err != 0)
		goto out;
	while (peer_count < INIT_PEERS_MAX &&
		(peers[peer_count] = cmd_get_nth(call, "peer", peer_count)) !=
			NULL)
		peer_count++;
	err = init_write(plan, peers, peer_count, cmd_has(call, "force"),
		&result, &why);
out:
	if (err != 0)
		status = cmd_fail(call, CMD_USAGE, err, &why);
	else
		output_print(call,
			json_pack("{s:b,s:s,s:O,s:s,s:o,s:s}", "ok", 1,
				"config", result.conf_path, "files",
				result.files, "generation", result.generation,
				"doctor", doctor_examine(result.conf_path),
				"next", next_step(plan)),
			as_text);
	json_decref(result.files);
	free(plan);
	return status;
}

static const struct cmd_option OPTIONS[] = {
	{.name = "domain",
		.arg = "NAME[,NAME]",
		.is_many = true,
		.help = "SIP domains, the main one first"},
	{.name = "machine",
		.arg = "NAME",
		.help = "this machine's name towards the inside"},
	{.name = "internal-address",
		.arg = "ADDRESS",
		.help = "its address inside"},
	{.name = "access-name",
		.arg = "NAME",
		.help = "name that SIP clients outside connect to"},
	{.name = "access-address",
		.arg = "ADDRESS",
		.help = "address outside for SIP"},
	{.name = "av-name",
		.arg = "NAME",
		.help = "name of the media relay outside (default av.DOMAIN)"},
	{.name = "av-address",
		.arg = "ADDRESS",
		.help = "address outside for media"},
	{.name = "av-nat",
		.arg = "ADDRESS",
		.help = "address the Internet sees for it"},
	{.name = "webconf-name",
		.arg = "NAME",
		.help = "name of web conferences outside (default "
			"webcon.DOMAIN)"},
	{.name = "webconf-address",
		.arg = "ADDRESS",
		.help = "address outside for web conferences (default: none)"},
	{.name = "next-hop", .arg = "NAME[:PORT]", .help = "SIP server inside"},
	{.name = "next-hop-address",
		.arg = "ADDRESS",
		.help = "its address, when no name server knows it"},
	{.name = "certificates",
		.arg = "HOW",
		.help = "lab, csr or own (default lab)"},
	{.name = "federation",
		.arg = "YES-OR-NO",
		.help = "open the port for partners (default no)"},
	{.name = "directory",
		.arg = "DIR",
		.fallback = "/etc/sallyport",
		.help = "where the files go"},
	{.name = "run-dir",
		.arg = "DIR",
		.help = "control sockets (default /run/sallyport)"},
	{.name = "state-dir",
		.arg = "DIR",
		.help = "state (default /var/lib/sallyport)"},
	{.name = "peer",
		.arg = "NAME",
		.is_many = true,
		.help = "with lab certificates: one for this inside server"},
	{.name = "loopback",
		.help = "answer everything for a lab on loopback addresses"},
	{.name = "high-ports",
		.help = "add 10000 to every port (loopback without root)"},
	{.name = "yes", .help = "ask nothing, take the defaults shown"},
	{.name = "force", .help = "replace files that exist"},
};

static const struct cmd_verb VERBS[] = {
	{
		.words = "",
		.help = "set up this machine: two files, certificates, the "
			"first topology",
		.options = OPTIONS,
		.option_count = ARRAY_COUNT(OPTIONS),
		.more = "Asks what no option answered, at most twelve "
			"things. Writes edge.yaml and\n"
			"topology.yaml, makes a lab authority with "
			"certificates, or requests (csr),\n"
			"applies the topology on this machine, and ends with "
			"'edgectl doctor'. Files\n"
			"that exist are never replaced without --force.",
		.examples =
			"edgectl init\n"
			"edgectl init --loopback --directory /tmp/lab "
			"--run-dir /tmp/lab/run "
			"--state-dir /tmp/lab/state\n"
			"edgectl init --yes --domain example.com "
			"--internal-address 10.0.0.10 \\\n"
			"    --access-address 192.0.2.10 --av-address "
			"192.0.2.12 \\\n"
			"    --next-hop fe.int.example.com --certificates "
			"csr\n",
		.run = run,
	},
};

const struct cmd cmd_init = {
	.noun = "init",
	.help = "set up this machine",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
