/*
 * A policy without files or sockets: one edge, one server inside, settings
 * at their defaults but for what a test sets. Needs <check.h>.
 */
#ifndef TEST_ACCESS_EDGE_PLAIN_H
#define TEST_ACCESS_EDGE_PLAIN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/origin.h"
#include "access-edge/policy.h"
#include "common/base/err.h"
#include "common/run/conf.h"
#include "common/sip/sip_msg.h"

struct plain {
	struct topology t;
	struct topology_listener listeners[3];
	struct topology_partner partners[4];
	struct topology_provider providers[3];
	struct topology_trust trusted[2];
	struct topology_hop hops[1];
	char domains[2][256];
	struct policy policy;
	struct origin client; /* cid 0x1D, 192.0.2.77:58350 */
	struct origin inside; /* cid 0x2E, fe.int.test */
	struct origin partner; /* cid 0x5F, sip.partner.test */
};

static inline void plain_remake(struct plain *p)
{
	struct why why = {""};

	ck_assert_msg(policy_from(&p->policy, &p->t, &why) == 0, "%s",
		why.text);
}

static inline void plain_init(struct plain *p)
{
	memset(p, 0, sizeof(*p));
	p->t.listeners = p->listeners;
	p->t.trusted = p->trusted;
	p->t.hops = p->hops;
	p->t.partners = p->partners;
	p->t.providers = p->providers;
	p->t.domains = p->domains;
	snprintf(p->t.machine, sizeof(p->t.machine), "edge.int.test");
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		ck_assert_int_eq(setting_set_new(&p->t.settings[i],
			conf_daemon_name(i)), 0);
	p->t.listener_count = 2;
	p->listeners[0] = (struct topology_listener){
		.usage = TOPOLOGY_SIP_CLIENT, .side = TOPOLOGY_EXTERNAL,
		.public_fqdn = "sip.a.test", .public_port = 443};
	p->listeners[1] = (struct topology_listener){
		.usage = TOPOLOGY_SIP_INTERNAL, .side = TOPOLOGY_INTERNAL,
		.public_fqdn = "edge.int.test", .public_port = 5061};
	ck_assert_int_eq(addr_parse_z("198.51.100.10", 443,
		&p->listeners[0].address), 0);
	ck_assert_int_eq(addr_parse_z("203.0.113.10", 443,
		&p->listeners[0].nat), 0);
	ck_assert_int_eq(addr_parse_z("10.0.0.10", 5061,
		&p->listeners[1].address), 0);
	p->t.trusted_count = 2;
	p->trusted[0] = (struct topology_trust){.fqdn = "fe.int.test",
		.grant = TOPOLOGY_GRANT_SIP};
	p->trusted[1] = (struct topology_trust){.fqdn = "mcu.int.test",
		.grant = TOPOLOGY_GRANT_WEBCONF};
	p->t.hop_count = 1;
	p->hops[0] = (struct topology_hop){.fqdn = "fe.int.test",
		.port = 5061};
	p->t.domain_count = 2;
	snprintf(p->domains[0], sizeof(p->domains[0]), "a.test");
	snprintf(p->domains[1], sizeof(p->domains[1]), "b.test");
	plain_remake(p);
	p->client.role = ORIGIN_CLIENT;
	p->client.cid = 0x1D;
	p->client.is_signed_in = true;
	snprintf(p->client.cid_text, sizeof(p->client.cid_text),
		"000000000000001D");
	ck_assert_int_eq(addr_parse_z("192.0.2.77", 58350,
		&p->client.remote), 0);
	p->partner.role = ORIGIN_PARTNER;
	p->partner.cid = 0x5F;
	snprintf(p->partner.peer_name, sizeof(p->partner.peer_name),
		"sip.partner.test");
	p->inside.role = ORIGIN_INTERNAL;
	p->inside.cid = 0x2E;
	snprintf(p->inside.peer_name, sizeof(p->inside.peer_name),
		"fe.int.test");
}

static inline void plain_fini(struct plain *p)
{
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		setting_set_free(p->t.settings[i]);
}

static inline void plain_set(struct plain *p, const char *name,
	const char *json)
{
	struct why why = {""};

	ck_assert_msg(setting_set_put(p->t.settings[CONF_ACCESS_EDGE], name,
		json, &why) == 0, "%s", why.text);
	plain_remake(p);
}

/* Federation is on, with its port; nobody is listed and nobody discovered. */
static inline void plain_federate(struct plain *p)
{
	p->t.listener_count = 3;
	p->listeners[2] = (struct topology_listener){
		.usage = TOPOLOGY_SIP_FEDERATION, .side = TOPOLOGY_EXTERNAL,
		.public_fqdn = "sip.a.test", .public_port = 5061};
	ck_assert_int_eq(addr_parse_z("198.51.100.10", 5061,
		&p->listeners[2].address), 0);
	plain_set(p, "allow_federated_users", "true");
}

/* edge "" = found by DNS */
static inline void plain_allow(struct plain *p, const char *domain,
	const char *edge, const char *verification)
{
	struct topology_partner *one = &p->partners[p->t.partner_count++];

	ck_assert_uint_le(p->t.partner_count, ARRAY_COUNT(p->partners));
	snprintf(one->domain, sizeof(one->domain), "%s", domain);
	snprintf(one->edge_fqdn, sizeof(one->edge_fqdn), "%s", edge);
	snprintf(one->verification, sizeof(one->verification), "%s",
		verification);
}

static inline void plain_block(struct plain *p, const char *domain)
{
	plain_allow(p, domain, "", "source");
	p->partners[p->t.partner_count - 1].is_blocked = true;
}

static inline struct topology_provider *plain_provider(struct plain *p,
	const char *name, const char *proxy)
{
	struct topology_provider *one = &p->providers[p->t.provider_count++];

	ck_assert_uint_le(p->t.provider_count, ARRAY_COUNT(p->providers));
	snprintf(one->name, sizeof(one->name), "%s", name);
	snprintf(one->proxy_fqdn, sizeof(one->proxy_fqdn), "%s", proxy);
	snprintf(one->verification, sizeof(one->verification), "always");
	one->is_enabled = true;
	return one;
}

/* A request of alice@a.test; extra are whole header lines. The text lives
 * until the next call. */
static inline struct sip_msg *plain_request(const char *method,
	const char *uri, const char *extra)
{
	static char text[16384];
	struct sip_fault fault;
	struct sip_msg *m;
	bool has_from = strstr(extra, "From:") != NULL;
	bool has_to = strstr(extra, "To:") != NULL;
	bool has_via = strstr(extra, "Via:") != NULL;

	snprintf(text, sizeof(text), "%s %s SIP/2.0\r\n%s%s%s%s"
		"Call-ID: x\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		method, uri, has_via ? "" :
		"Via: SIP/2.0/TLS 192.168.1.190:58350;branch=z9hG4bK1\r\n",
		has_from ? "" : "From: <sip:alice@a.test>;tag=1\r\n",
		has_to ? "" : "To: <sip:bob@a.test>\r\n", extra, method);
	ck_assert_msg(sip_msg_parse(&m, str_of(text), &fault) == 0,
		"%s:\n%s", fault.cause, text);
	return m;
}

static inline char *plain_print(const struct sip_msg *m)
{
	char *out = NULL;
	size_t len = 0;

	ck_assert_int_eq(sip_msg_print(m, &out, &len), 0);
	return out;
}

#endif
