/*
 * The doctor on names (access-edge.md 17.4): the next hop inside, and what
 * clients outside look up to find us. Each look-up has a deadline.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/net/resolve.h"
#include "common/run/loop.h"
#include "edgectl/doctor/doctor.h"

#define LOOK_UP_MS 6000

struct look_up {
	const char *name;
	bool is_done;
	int err;
	char detail[256];
	struct addr addrs[RESOLVE_ADDRS_MAX];
	size_t addr_count;
	struct resolve_srv srv;
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
	if (err == 0 && count > 0)
		l->srv = rows[0];
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

static void check_srv(struct names *n, const char *domain,
	const struct topology_listener *listener)
{
	struct resolve_query *query = NULL;
	char name[300];
	struct look_up l = {.name = name};
	int err;

	snprintf(name, sizeof(name), "_sip._tls.%s", domain);
	err = resolve_srv(&query, n->resolver, name, RESOLVE_OUTSIDE, on_srv,
		&l);
	if (err != 0)
		finish(&l, err, NULL);
	wait_for(n, &l, query);
	if (l.err != 0)
		doctor_add(n->d, DOCTOR_WARN, "SRV record",
			"make it, so that clients find us by their domain",
			"%s", l.detail);
	else if (l.srv.port != listener->public_port)
		doctor_add(n->d, DOCTOR_WARN, "SRV record", "correct its port",
			"%s: port %u, we listen on %u", name, l.srv.port,
			listener->public_port);
	else
		doctor_add(n->d, DOCTOR_OK, "SRV record", NULL, "%s is %s:%u",
			name, l.srv.target, l.srv.port);
}

static void check_names_outside(struct names *n)
{
	const struct topology *t = n->d->topology;
	const struct topology_listener *sip =
		topology_listener(t, TOPOLOGY_SIP_CLIENT, TOPOLOGY_EXTERNAL);
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
	if (sip != NULL)
		check_outside(n, sip);
	if (turn != NULL)
		check_outside(n, turn);
	for (size_t i = 0; sip != NULL && i < t->domain_count; i++)
		check_srv(n, t->domains[i], sip);
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
