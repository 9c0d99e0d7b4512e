/*
 * A publisher's first steps, from this machine: the agent answers, it trusts
 * somebody, port 4443 asks for a certificate, answers ours, and shows one
 * that the publisher will accept. Our own certificate has no right to
 * publish: that it is refused is as good an answer as any.
 */
#include "edgectl/probe/probe_replica.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <curl/curl.h>

#include "common/base/err.h"
#include "common/bundle/bundle_wire.h"
#include "common/store/generation.h"
#include "common/store/topology.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"

#define TIMEOUT_S 5L

struct probe {
	const struct conf *conf;
	struct topology *topology;
	json_t *steps;
	size_t publishers; /* that the topology gives the right */
	bool is_expected;  /* somebody is meant to bring topologies */
	bool ok;
};

static void step(struct probe *p, const char *name, const char *result,
	const char *text)
{
	json_array_append_new(p->steps,
		json_pack("{s:s, s:s, s:s}", "step", name, "result", result,
			"text", text));
	if (strcmp(result, "fail") == 0)
		p->ok = false;
}

/* ---- the agent ---------------------------------------------------------- */

/* Neither keys nor a name: nobody meant this edge to have a publisher. One
 * of the two: somebody did, and has not finished. */
static void judge_publisher(struct probe *p, bool is_trusted)
{
	p->is_expected = is_trusted || p->publishers > 0;
	if (!p->is_expected) {
		step(p, "publisher", "none", "topologies come by 'edgectl "
			"topology apply' here");
		return;
	}
	step(p, "trust", is_trusted ? "ok" : "fail", is_trusted ?
		"keys of a publisher are in place" :
		"no publisher is trusted: 'edgectl publish export FILE' "
		"there, 'edgectl replication bootstrap --trust trust.json "
		"FILE' here");
	step(p, "right", p->publishers > 0 ? "ok" : "fail",
		p->publishers > 0 ? "the topology names who may publish" :
		"no server has the right replication: add 'NAME: "
		"[replication]' to servers in the publisher's topology.yaml "
		"and bring it here by 'edgectl replication bootstrap'");
}

static void judge_status(struct probe *p, const json_t *status)
{
	const json_t *pin = json_object_get(status, "pin");
	const json_int_t behind_s =
		json_integer_value(output_at(status, "lag.seconds"));

	judge_publisher(p, json_is_integer(json_object_get(status,
		"trust_serial")));
	if (!p->is_expected)
		return;
	if (pin != NULL)
		step(p, "pin", "warn", output_str(pin, "reason", ""));
	if (json_is_true(json_object_get(status, "stale")))
		step(p, "head", "warn", "over: the publisher has not been "
			"heard of for an hour");
	else if (json_is_null(json_object_get(status, "head")))
		step(p, "head", "warn", "none came yet: nobody knows what is "
			"newest");
	else
		step(p, "head", behind_s > 0 ? "warn" : "ok",
			behind_s > 0 ? "the publisher has something newer" :
				       "up to date");
}

static void ask_agent(struct probe *p)
{
	json_t *status = NULL;
	struct why why = {""};
	int err = daemons_call(p->conf, CONF_REPLICATION_AGENT,
		"/v1/replication", NULL, &status, &why);

	if (err < 0) {
		p->is_expected = true; /* nobody can say that it is not */
		step(p, "agent", "fail", why_text(&why, err));
		return;
	}
	step(p, "agent", "ok", "answers");
	judge_status(p, status);
	json_decref(status);
}

/* ---- port 4443 ---------------------------------------------------------- */

static size_t ignore(char *p, size_t size, size_t count, void *arg)
{
	(void)p;
	(void)arg;
	return size * count;
}

/* HTTP status, or a negated CURLcode. */
static long get(const struct probe *p, const struct topology_listener *l,
	bool with_certificate)
{
	const struct conf_certificate *own =
		&p->conf->certs[CONF_USE_INTERNAL];
	struct curl_slist *where = NULL;
	char ip[ADDR_TEXT_LEN];
	char text[512];
	long status = 0;
	CURL *curl = curl_easy_init();
	CURLcode rc;

	if (curl == NULL)
		return -CURLE_OUT_OF_MEMORY;
	snprintf(text, sizeof(text), "%s:%u:%s", p->conf->machine,
		l->address.port, addr_ip_text(&l->address, ip));
	where = curl_slist_append(NULL, text);
	snprintf(text, sizeof(text), "https://%s:%u%s", p->conf->machine,
		l->address.port, BUNDLE_PATH_STATUS);
	curl_easy_setopt(curl, CURLOPT_URL, text);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, where);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_CAINFO, p->conf->trust_internal);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	if (with_certificate) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, own->chain);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, own->key);
	}
	rc = curl_easy_perform(curl);
	if (rc == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	else
		status = -(long)rc;
	curl_slist_free_all(where);
	curl_easy_cleanup(curl);
	return status;
}

static void try_port(struct probe *p, const struct topology_listener *l)
{
	char at[ADDR_TEXT_LEN];
	char text[256];
	long status = get(p, l, true);

	addr_text(&l->address, at);
	if (status == 200 || status == 403)
		snprintf(text, sizeof(text), "%s answers with status %ld and "
			"a certificate for %s", at, status,
			p->conf->machine);
	else if (status < 0)
		snprintf(text, sizeof(text), "%s: %s", at,
			curl_easy_strerror((CURLcode)-status));
	else
		snprintf(text, sizeof(text), "%s: status %ld", at, status);
	step(p, "port", status == 200 || status == 403 ? "ok" : "fail", text);
	if (status < 0)
		return;
	status = get(p, l, false);
	step(p, "mutual TLS", status < 0 ? "ok" : "fail", status < 0 ?
		"without a certificate there is no answer" :
		"it answers who shows no certificate");
}

static size_t count_publishers(const struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->trusted_count; i++)
		n += t->trusted[i].grant == TOPOLOGY_GRANT_REPLICATION;
	return n;
}

static void try_ports(struct probe *p)
{
	const struct topology *t = p->topology;
	size_t ports = 0;

	for (size_t i = 0; i < t->listener_count; i++) {
		if (t->listeners[i].usage != TOPOLOGY_REPLICATION)
			continue;
		ports++;
		try_port(p, &t->listeners[i]);
	}
	if (ports == 0)
		step(p, "port", "fail", "the topology gives this machine no "
			"port for replication");
}

int probe_replica(json_t **report, const struct conf *conf, struct why *why)
{
	struct probe p = {.conf = conf, .ok = true};
	char path[PATH_MAX];
	int err = generation_current_path(conf->state_dir, path, sizeof(path),
		why);

	if (err == 0)
		err = topology_load(&p.topology, path, conf->machine, why);
	if (err < 0)
		return err;
	p.steps = json_array();
	p.publishers = count_publishers(p.topology);
	ask_agent(&p);
	try_ports(&p);
	topology_unref(p.topology);
	*report = json_pack("{s:b, s:b, s:o}", "ok", p.ok, "has_publisher",
		p.is_expected, "steps", p.steps);
	return *report != NULL ? 0 : -ENOMEM;
}

void probe_replica_text(FILE *to, const json_t *report)
{
	static const struct output_column COLUMNS[] = {
		{"STEP", "step", 0},
		{"RESULT", "result", 0},
		{"", "text", 0},
	};

	output_table(to, json_object_get(report, "steps"), COLUMNS,
		ARRAY_COUNT(COLUMNS));
	if (!json_is_true(json_object_get(report, "ok")))
		fputs("A publisher can't bring a topology here.\n", to);
	else if (json_is_true(json_object_get(report, "has_publisher")))
		fputs("A publisher can reach this edge.\n", to);
	else
		fputs("This edge has no publisher, and needs none. Should it "
		      "get one: 'edgectl replication bootstrap --help'.\n",
			to);
}
