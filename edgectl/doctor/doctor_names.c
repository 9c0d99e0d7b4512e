/*
 * The doctor on names (access-edge.md 17.4): the next hop inside, and what
 * clients and partners outside look up to find us. Each look-up has a
 * deadline.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/err.h"
#include "common/net/resolve.h"
#include "common/net/tls.h"
#include "common/run/loop.h"
#include "edgectl/doctor/doctor.h"

#define LOOK_UP_MS 6000
#define SRV_MAX    16

struct look_up {
	const char *name;
	bool is_done;
	int err;
	char detail[256];
	struct addr addrs[RESOLVE_ADDRS_MAX];
	size_t addr_count;
	struct resolve_srv srv[SRV_MAX];
	size_t srv_count;
};

static void finish(struct look_up *l, int err, const char *detail)
{
	l->is_done = true;
	l->err = err;
	if (detail != NULL && detail[0] != '\0')
		snprintf(l->detail, sizeof(l->detail), "%s", detail);
	else
		snprintf(l->detail, sizeof(l->detail), "%s: %s", l->name,
			err == -ETIMEDOUT ? "no answer in time" :
					    err_text(err));
}

static void on_host(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	struct look_up *l = arg;

	finish(l, err, detail);
	l->addr_count = err == 0 ? count : 0;
	memcpy(l->addrs, addrs, l->addr_count * sizeof(*addrs));
}

static void on_srv(int err, const struct resolve_srv *rows, size_t count,
	const char *detail, void *arg)
{
	struct look_up *l = arg;

	finish(l, err, detail);
	if (err != 0)
		return;
	l->srv_count = count < SRV_MAX ? count : SRV_MAX;
	memcpy(l->srv, rows, l->srv_count * sizeof(*rows));
}

struct names {
	struct doctor *d;
	struct loop *loop;
	struct resolver *resolver;
};

static void wait_for(struct names *n, struct look_up *l,
	struct resolve_query *query)
{
	const struct mono end = mono_after_ms(mono_now(), LOOK_UP_MS);

	while (!l->is_done && !mono_is_past(end, mono_now()))
		loop_turn(n->loop, 100);
	if (!l->is_done) {
		resolve_cancel(query);
		finish(l, -ETIMEDOUT, NULL);
	}
}

static void host(struct names *n, struct look_up *l, const char *name,
	enum resolve_side side)
{
	struct resolve_query *query = NULL;
	int err;

	memset(l, 0, sizeof(*l));
	l->name = name;
	err = resolve_host(&query, n->resolver, name, 0, side, on_host, l);
	if (err != 0)
		finish(l, err, NULL);
	wait_for(n, l, query);
}

static void check_next_hops(struct names *n)
{
	struct doctor *d = n->d;
	struct look_up l;

	for (size_t i = 0; i < d->topology->hop_count; i++) {
		const char *name = d->topology->hops[i].fqdn;
		char text[ADDR_TEXT_LEN];

		host(n, &l, name, RESOLVE_INSIDE);
		if (l.err == 0)
			doctor_add(d, DOCTOR_OK, "next hop", NULL, "%s is %s",
				name, addr_ip_text(&l.addrs[0], text));
		else
			doctor_add(d, DOCTOR_FAIL, "next hop",
				"put it under resolver.hosts in edge.yaml, or "
				"into the inside's DNS",
				"%s", l.detail);
	}
}

/* A name outside must lead to the address that we answer on. */
static void check_outside(struct names *n,
	const struct topology_listener *listener)
{
	const struct addr *want = addr_is_set(&listener->nat) ?
		&listener->nat :
		&listener->address;
	const char *name = listener->public_fqdn;
	char text[ADDR_TEXT_LEN];
	struct look_up l;

	host(n, &l, name, RESOLVE_OUTSIDE);
	if (l.err != 0) {
		doctor_add(n->d, DOCTOR_WARN, "outside name",
			"make an A record outside", "%s", l.detail);
		return;
	}
	for (size_t i = 0; i < l.addr_count; i++)
		if (addr_ip_eq(&l.addrs[i], want)) {
			doctor_add(n->d, DOCTOR_OK, "outside name", NULL,
				"%s is %s", name, addr_ip_text(want, text));
			return;
		}
	doctor_add(n->d, DOCTOR_WARN, "outside name",
		"correct the A record outside, or the address in the "
		"topology",
		"%s does not lead to %s", name, addr_ip_text(want, text));
}

static void service(struct names *n, struct look_up *l, const char *name)
{
	struct resolve_query *query = NULL;
	int err;

	memset(l, 0, sizeof(*l));
	l->name = name;
	err = resolve_srv(&query, n->resolver, name, RESOLVE_OUTSIDE, on_srv,
		l);
	if (err != 0)
		finish(l, err, NULL);
	wait_for(n, l, query);
}

static void check_srv(struct names *n, const char *domain,
	const struct topology_listener *listener)
{
	char name[300];
	struct look_up l;

	snprintf(name, sizeof(name), "_sip._tls.%s", domain);
	service(n, &l, name);
	if (l.err != 0)
		doctor_add(n->d, DOCTOR_WARN, "SRV record",
			"make it, so that clients find us by their domain",
			"%s", l.detail);
	else if (l.srv[0].port != listener->public_port)
		doctor_add(n->d, DOCTOR_WARN, "SRV record", "correct its port",
			"%s: port %u, we listen on %u", name, l.srv[0].port,
			listener->public_port);
	else
		doctor_add(n->d, DOCTOR_OK, "SRV record", NULL, "%s is %s:%u",
			name, l.srv[0].target, l.srv[0].port);
}

static bool is_directly_below(const char *host, const char *domain)
{
	const char *parent = strchr(host, '.');

	return parent != NULL && strcasecmp(parent + 1, domain) == 0;
}

/* Whether the certificate that we show outside names this server; true when
 * it can't be read: that is told in its own room. */
static bool is_certified(const struct names *n, const char *host)
{
	struct tls_cert_info info;
	struct why why = {""};

	if (tls_cert_info_load(n->d->conf->certs[CONF_USE_EXTERNAL_SIP].chain,
		    &info, &why) != 0)
		return true;
	for (size_t i = 0; i < info.name_count; i++)
		if (strcasecmp(info.names[i], host) == 0)
			return true;
	return false;
}

/* Partners believe a server directly below the domain, and no other; its
 * certificate must name it (access-edge.md 5.2). */
static void check_federation(struct names *n, const char *domain,
	const struct topology_listener *listener)
{
	static const char what[] = "federation record";
	const struct resolve_srv *srv;
	char name[300];
	struct look_up l;
	size_t i = 0;

	snprintf(name, sizeof(name), "_sipfederationtls._tcp.%s", domain);
	service(n, &l, name);
	while (i < l.srv_count && !is_directly_below(l.srv[i].target, domain))
		i++;
	srv = &l.srv[i < l.srv_count ? i : 0];
	if (l.err != 0)
		doctor_add(n->d, DOCTOR_WARN, what,
			"make it, or only partners that have our name on "
			"their list find us", "%s", l.detail);
	else if (i == l.srv_count)
		doctor_add(n->d, DOCTOR_WARN, what,
			"let it lead to a name directly below the domain",
			"%s leads to %s: partners refuse servers that are "
			"not directly below %s", name, srv->target, domain);
	else if (srv->port != listener->public_port)
		doctor_add(n->d, DOCTOR_WARN, what, "correct its port",
			"%s: port %u, we listen on %u", name, srv->port,
			listener->public_port);
	else if (!is_certified(n, srv->target))
		doctor_add(n->d, DOCTOR_WARN, what,
			"get a certificate for external-sip with this name",
			"%s leads to %s, which our certificate does not "
			"name", name, srv->target);
	else
		doctor_add(n->d, DOCTOR_OK, what, NULL, "%s is %s:%u", name,
			srv->target, srv->port);
}

/* One look-up shows whether there is anybody to ask: with a dead server
 * each takes its whole deadline, and says nothing about our names. */
static bool answers_outside(struct names *n,
	const struct topology_listener *any)
{
	char server[ADDR_TEXT_LEN];
	struct look_up l;

	host(n, &l, any->public_fqdn, RESOLVE_OUTSIDE);
	if (l.err != -ETIMEDOUT)
		return true;
	addr_ip_text(&n->d->conf->resolver_external[0], server);
	doctor_add(n->d, DOCTOR_FAIL, "outside names",
		"look whether UDP and TCP 53 to it are open, or correct "
		"'resolver: external:' in edge.yaml",
		"no name server answered (%s%s)", server,
		n->d->conf->resolver_external_count > 1 ? ", ..." : "");
	return false;
}

static void check_names_outside(struct names *n)
{
	const struct topology *t = n->d->topology;
	const struct topology_listener *sip =
		topology_listener(t, TOPOLOGY_SIP_CLIENT, TOPOLOGY_EXTERNAL);
	const struct topology_listener *partners = topology_listener(t,
		TOPOLOGY_SIP_FEDERATION, TOPOLOGY_EXTERNAL);
	const struct topology_listener *turn =
		topology_listener(t, TOPOLOGY_TURN_UDP, TOPOLOGY_EXTERNAL);

	if (t->lab) {
		doctor_add(n->d, DOCTOR_OK, "outside names", NULL,
			"a lab: not looked up");
		return;
	}
	if (n->d->conf->resolver_external_count == 0) {
		doctor_add(n->d, DOCTOR_WARN, "outside names",
			"put a name server that sees what the Internet sees "
			"under 'resolver: external:' in edge.yaml",
			"not looked up, there is nobody to ask");
		return;
	}
	if ((sip != NULL || turn != NULL) &&
		!answers_outside(n, sip != NULL ? sip : turn))
		return;
	if (sip != NULL)
		check_outside(n, sip);
	if (turn != NULL)
		check_outside(n, turn);
	for (size_t i = 0; sip != NULL && i < t->domain_count; i++)
		check_srv(n, t->domains[i], sip);
	for (size_t i = 0; partners != NULL && i < t->domain_count; i++)
		check_federation(n, t->domains[i], partners);
}

void doctor_names(struct doctor *d)
{
	struct names n = {.d = d};
	struct addr none = {.family = 0};
	struct why why = {""};
	int err;

	if (d->topology == NULL)
		return;
	err = loop_new(&n.loop);
	if (err == 0)
		err = resolver_new(&n.resolver, n.loop, d->conf, &none, &why);
	if (err != 0) {
		doctor_add(d, DOCTOR_FAIL, "resolver",
			"look at 'resolver' "
			"in edge.yaml and at /etc/resolv.conf",
			"%s", why_text(&why, err));
	} else {
		check_next_hops(&n);
		check_names_outside(&n);
	}
	resolver_free(n.resolver);
	loop_free(n.loop);
}
