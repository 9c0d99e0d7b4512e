/*
 * Filling in a plan. Each value has one option; where it is missing the
 * machine's own files are asked, so that on an edge two addresses of users
 * are enough.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/store/generation.h"
#include "edgectl/address.h"
#include "edgectl/call/test_plan.h"

#define SIP_TLS_PORT 5061

static const struct addr *by_topology(const struct topology *t,
	const char *host, uint16_t port)
{
	for (size_t i = 0; t != NULL && i < t->listener_count; i++)
		if (strcmp(t->listeners[i].public_fqdn, host) == 0 &&
			t->listeners[i].public_port == port)
			return &t->listeners[i].address;
	return NULL;
}

static const struct addr *by_hosts(const struct conf *conf, const char *host)
{
	for (size_t i = 0; conf != NULL && i < conf->host_count; i++)
		if (strcmp(conf->hosts[i].name, host) == 0 &&
			conf->hosts[i].addr_count > 0)
			return &conf->hosts[i].addrs[0];
	return NULL;
}

int test_plan_resolve(const struct test_plan *plan, const char *host,
	uint16_t port, struct addr *out, struct why *why)
{
	const struct addr *found;

	if (addr_parse_z(host, port, out) == 0)
		return 0;
	found = by_topology(plan->topology, host, port);
	if (found != NULL) {
		*out = *found;
		return 0;
	}
	found = by_hosts(plan->conf, host);
	if (found != NULL) {
		*out = addr_with_port(found, port);
		return 0;
	}
	return address_by_system(out, host, port, "put the name under "
		"resolver.hosts in edge.yaml, or give an address", why);
}

static int take_server(const struct test_plan *plan, const char *option,
	const char *text, uint16_t port, struct addr *out, struct why *why)
{
	char host[ADDRESS_HOST_LEN];
	int err = address_read(out, host, option, text, port, why);

	if (err < 0 || host[0] == '\0')
		return err;
	return test_plan_resolve(plan, host, out->port, out, why);
}

/* What this machine knows of itself; nothing is fine too. */
static int load_files(struct test_plan *plan, const struct cmd_call *call,
	struct why *why)
{
	char path[PATH_MAX];
	struct why quiet;

	if (access(call->conf_path, F_OK) != 0 &&
		strcmp(call->conf_path, CONF_PATH_DEFAULT) == 0)
		return 0;
	if (conf_load(&plan->conf, call->conf_path, why) != 0)
		return EDGE_ECONFIG;
	if (generation_current_path(plan->conf->state_dir, path, sizeof(path),
		    &quiet) != 0 ||
		topology_load(&plan->topology, path, plan->conf->machine,
			&quiet) != 0)
		plan->topology = NULL; /* options then say everything */
	return 0;
}

static int take_text(char *out, size_t cap, const char *option,
	const char *given, const char *fallback, struct why *why)
{
	const char *text = given != NULL ? given : fallback;

	if (text == NULL)
		return why_set(why, EDGE_ECONFIG,
			"--%s is needed: there is "
			"no edge.yaml with a topology here that says it",
			option);
	if (str_copy(str_of(text), out, cap) != 0)
		return why_set(why, EDGE_ETOOBIG, "--%s: too long", option);
	return 0;
}

static int fill_outside(struct test_plan *plan, const struct cmd_call *call,
	struct why *why)
{
	struct test_end *end = &plan->outside;
	const struct topology_listener *l = plan->topology != NULL ?
		topology_listener(plan->topology, TOPOLOGY_SIP_CLIENT,
			TOPOLOGY_EXTERNAL) :
		NULL;
	const char *access = cmd_get(call, "access");
	int err = 0;

	end->location = "internet";
	if (access != NULL)
		err = take_server(plan, "access", access, 443, &end->server,
			why);
	else if (l != NULL)
		end->server = l->address;
	else
		return why_set(why, EDGE_ECONFIG,
			"--access is needed: there "
			"is no edge.yaml with a topology here that says where "
			"access-edge listens");
	if (err == 0)
		err = take_text(end->server_name, sizeof(end->server_name),
			"access-name", cmd_get(call, "access-name"),
			l != NULL ? l->public_fqdn : NULL, why);
	if (err == 0)
		err = take_text(end->trust, sizeof(end->trust), "trust",
			cmd_get(call, "trust"),
			plan->conf != NULL &&
					plan->conf->trust_external != NULL ?
				plan->conf->trust_external :
				"",
			why);
	if (err == 0)
		err = address_option(&end->local, call,
			"outside-address", why);
	if (err == 0 && cmd_get(call, "outside-relay") != NULL)
		err = take_server(plan, "outside-relay",
			cmd_get(call, "outside-relay"), 3478, &end->relay, why);
	if (err == 0)
		snprintf(end->route, sizeof(end->route),
			"<sip:%.250s:%u;transport=tls;lr>", end->server_name,
			end->server.port);
	return err;
}

static int fill_inside(struct test_plan *plan, const struct cmd_call *call,
	struct why *why)
{
	struct test_end *end = &plan->inside;
	const struct topology_hop *hop =
		plan->topology != NULL && plan->topology->hop_count > 0 ?
		&plan->topology->hops[0] :
		NULL;
	const char *server = cmd_get(call, "inside");
	int err;

	end->location = "intranet";
	if (server != NULL)
		err = take_server(plan, "inside", server, SIP_TLS_PORT,
			&end->server, why);
	else if (hop != NULL)
		err = test_plan_resolve(plan, hop->fqdn, hop->port,
			&end->server, why);
	else
		err = why_set(why, EDGE_ECONFIG,
			"--inside is needed: there "
			"is no topology here that says where the SIP server "
			"inside is");
	if (err == 0)
		err = take_text(end->server_name, sizeof(end->server_name),
			"inside-name", cmd_get(call, "inside-name"),
			hop != NULL ? hop->fqdn : NULL, why);
	if (err == 0)
		err = take_text(end->trust, sizeof(end->trust), "inside-trust",
			cmd_get(call, "inside-trust"),
			plan->conf != NULL &&
					plan->conf->trust_internal != NULL ?
				plan->conf->trust_internal :
				"",
			why);
	if (err == 0)
		err = address_option(&end->local, call,
			"inside-address", why);
	if (err == 0 && cmd_get(call, "inside-relay") != NULL)
		err = take_server(plan, "inside-relay",
			cmd_get(call, "inside-relay"), 3478, &end->relay, why);
	return err;
}

/* Of a user; told before the first connection, not in the middle. */
static int take_user(struct test_end *end, const char *option,
	const struct cmd_call *call, struct why *why)
{
	int err = take_text(end->aor, sizeof(end->aor), option,
		cmd_get(call, option), NULL, why);

	if (err == 0 && (strncmp(end->aor, "sip:", 4) != 0 ||
				strchr(end->aor, '@') == NULL))
		err = why_set(why, EDGE_ECONFIG,
			"--%s %s: not an address such as "
			"sip:alice@example.com",
			option, end->aor);
	return err;
}

static int fill_mras(struct test_plan *plan, const struct cmd_call *call,
	struct why *why)
{
	const char *given = cmd_get(call, "mras-uri");
	const char *at = strchr(plan->outside.aor, '@');
	char made[512] = "";

	if (plan->conf != NULL && at != NULL)
		snprintf(made, sizeof(made),
			"sip:%s@%.200s;gruu;opaque=srvr:MRAS:sallyport",
			plan->conf->machine, at + 1);
	return take_text(plan->mras_uri, sizeof(plan->mras_uri), "mras-uri",
		given, made[0] != '\0' ? made : NULL, why);
}

static int take_secret(struct test_end *end, const struct cmd_call *call,
	const struct secret_from *from, struct why *why)
{
	bool has_any = false;
	int err = secret_take(end->secret, &has_any, call, from, why);

	end->password = err == 0 && has_any ? end->secret : NULL;
	return err;
}

static int take_password(struct test_end *end, const struct cmd_call *call,
	struct why *why)
{
	return take_secret(end, call, &(struct secret_from){
		.file = "password-file", .ask = "ask-password",
		.environ = "EDGECTL_PASSWORD",
		.prompt = "Password of the user outside"}, why);
}

static int take_inside_password(struct test_end *end,
	const struct cmd_call *call, struct why *why)
{
	return take_secret(end, call, &(struct secret_from){
		.file = "inside-password-file",
		.environ = "EDGECTL_INSIDE_PASSWORD",
		.prompt = "Password of the user inside"}, why);
}

static int fill_call(struct test_plan *plan, const struct cmd_call *call,
	struct why *why)
{
	int err;

	if (cmd_get_number(call, "seconds", 1, 3600, &plan->seconds) != 0 ||
		cmd_get_number(call, "max-loss", 0, 100,
			&plan->max_loss_percent) != 0)
		return -ECANCELED; /* has been told */
	plan->is_reverse = cmd_has(call, "reverse");
	plan->inside_trace = cmd_get(call, "inside-trace");
	err = take_password(&plan->outside, call, why);
	if (err == 0)
		err = take_inside_password(&plan->inside, call, why);
	if (err == 0)
		err = take_user(&plan->outside, "from", call, why);
	if (err == 0)
		err = take_user(&plan->inside, "to", call, why);
	if (err == 0)
		err = fill_inside(plan, call, why);
	if (err == 0)
		err = fill_mras(plan, call, why);
	return err;
}

int test_plan_make(struct test_plan *plan, const struct cmd_call *call,
	bool needs_inside, struct why *why)
{
	int err;

	memset(plan, 0, sizeof(*plan));
	if (cmd_get_number(call, "timeout", 5, 7200, &plan->timeout_s) != 0)
		return -ECANCELED;
	err = load_files(plan, call, why);
	if (err == 0)
		err = fill_outside(plan, call, why);
	if (err == 0 && needs_inside)
		return fill_call(plan, call, why);
	if (err == 0) {
		err = take_password(&plan->outside, call, why);
		if (err == 0)
			err = take_user(&plan->outside, "user", call, why);
	}
	return err;
}

void test_plan_fini(struct test_plan *plan)
{
	digest_wipe(plan->outside.secret, sizeof(plan->outside.secret));
	digest_wipe(plan->inside.secret, sizeof(plan->inside.secret));
	topology_unref(plan->topology);
	conf_free(plan->conf);
}
