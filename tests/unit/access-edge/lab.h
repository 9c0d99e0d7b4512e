/*
 * A proxy on loopback with real TLS on both sides, all on one loop: parties
 * outside, servers inside, and what each of them got. Include once per
 * program; needs <check.h>.
 */
#ifndef TEST_ACCESS_EDGE_LAB_H
#define TEST_ACCESS_EDGE_LAB_H

#include <check.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/edge.h"
#include "access-edge/front.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/sip/sip_frame.h"
#include "common/sip/sip_msg.h"
#include "common/store/topology_yaml.h"
#include "schema_sql.h"
#include "tests/unit/access-edge/signed.h"
#include "tests/unit/net/dns_stub.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki.h"

#define LAB_MACHINE "edge.int.test"
#define LAB_OUTSIDE "sip.test"
#define INBOX_MAX   64
#define PARTIES_MAX 24

enum party_side {
	PARTY_OTHER,  /* what it sends and gets is not recorded */
	PARTY_CLIENT,
	PARTY_SERVER,
};

/* One end of a connection that talks SIP. */
struct party {
	struct lab *lab;
	enum party_side side;
	struct sip_frame sent; /* what it sends, for the recorder */
	struct stream *stream; /* NULL once it ended */
	struct sip_frame frame;
	bool is_ready;
	bool is_ended;
	enum stream_end end;
	char *inbox[INBOX_MAX]; /* owned */
	size_t got;
	size_t read;
	size_t pongs;
	char *last; /* borrowed: what the last expect returned */
};

/* A listening server inside. */
struct server {
	struct lab *lab;
	int fd;
	struct loop_fd *watch;
	struct tls_ctx *ctx; /* owned; NULL = that of the inside */
	struct addr at;
	struct party *accepted[PARTIES_MAX];
	size_t count;
};

struct lab {
	struct loop *loop;
	struct pki pki;
	struct conf conf;
	struct conf_host host;
	struct addr host_addrs[2];
	struct resolver *resolver;
	struct counters counters;
	struct topology *topology;
	struct front *front;
	struct edge *edge;
	struct tls_watch *tls_client;
	struct tls_watch *tls_server;
	struct tls_watch *tls_next_hop;
	struct tls_ctx *ctx_outside; /* what a client brings */
	struct tls_ctx *ctx_dial;    /* a server that dials the edge */
	struct tls_ctx *ctx_serve;   /* a server that is dialled */
	struct addr outside;
	struct addr inside;
	uint16_t hop_port;
	struct server hops[2]; /* fe.int.test: 127.0.0.3 and .4 */
	struct party *parties[PARTIES_MAX];
	size_t party_count;
	struct signed_log *recorder; /* owned */
	const char *more_servers; /* lines below servers: */
	struct dns_stub dns;  /* outside */
	struct addr partners; /* the port for them */
	struct tls_watch *tls_door_partner;
	struct tls_watch *tls_door_shared;
	struct tls_watch *tls_partner;
	char watch_path[128]; /* "" = not kept */
	const char *key_path;
	char key_room[128];
	char db_path[128];
};

/* ---- parties ------------------------------------------------------------- */

static inline void party_on_ready(struct stream *s, void *arg)
{
	(void)s;
	((struct party *)arg)->is_ready = true;
}

static inline void party_on_data(struct stream *s, const uint8_t *data,
	size_t len, void *arg)
{
	struct party *p = arg;
	struct str rest = {(const char *)data, len};
	struct sip_frame_item item;

	(void)s;
	/* Lone line ends are pongs. */
	for (size_t i = 0; i + 1 < len && sip_frame_is_idle(&p->frame) &&
		data[i] == '\r' && data[i + 1] == '\n'; i += 2)
		p->pongs++;
	do {
		ck_assert_int_eq(sip_frame_next(&p->frame, &rest, &item), 0);
		ck_assert_int_ne(item.kind, SIP_FRAME_BAD);
		if (item.kind == SIP_FRAME_MESSAGE) {
			ck_assert_uint_lt(p->got, INBOX_MAX);
			p->inbox[p->got] = malloc(item.message.n + 1);
			memcpy(p->inbox[p->got], item.message.p,
				item.message.n);
			p->inbox[p->got][item.message.n] = '\0';
			if (p->side != PARTY_OTHER)
				signed_received(p->lab->recorder,
					p->inbox[p->got],
					p->side == PARTY_CLIENT);
			p->got++;
		}
	} while (item.kind != SIP_FRAME_NONE);
}

static inline void party_on_end(struct stream *s, enum stream_end end,
	const char *detail, void *arg)
{
	struct party *p = arg;

	(void)s;
	(void)detail;
	p->stream = NULL;
	p->is_ended = true;
	p->end = end;
}

static const struct stream_ops party_ops = {
	.on_ready = party_on_ready,
	.on_data = party_on_data,
	.on_end = party_on_end,
};

static inline struct party *party_new(struct lab *lab)
{
	const struct sip_frame_limits limits = {1 << 20, 1 << 20, 1000,
		1 << 24};
	struct party *p = calloc(1, sizeof(*p));

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_lt(lab->party_count, PARTIES_MAX);
	p->lab = lab;
	sip_frame_init(&p->frame, &limits);
	sip_frame_init(&p->sent, &limits);
	lab->parties[lab->party_count++] = p;
	return p;
}

static inline struct party *party_dial_to(struct lab *lab,
	const struct addr *at, struct tls_ctx *ctx, const char *name)
{
	struct party *p = party_new(lab);
	struct stream_target to = {.remote = *at, .name = name};
	struct stream_limits limits = {0};

	ck_assert_int_eq(stream_connect(&p->stream, lab->loop, &to, ctx,
		&limits, &party_ops, p), 0);
	TURN_UNTIL(lab->loop, p->is_ready || p->is_ended);
	return p;
}

/* A client outside, connected. */
static inline struct party *party_client(struct lab *lab)
{
	struct party *p = party_dial_to(lab, &lab->outside,
		lab->ctx_outside, LAB_OUTSIDE);

	ck_assert(p->is_ready);
	p->side = PARTY_CLIENT;
	return p;
}

static inline void party_record(struct party *p, const char *text,
	size_t len)
{
	struct str rest = {text, len};
	struct sip_frame_item item;

	if (p->side == PARTY_OTHER)
		return;
	do {
		ck_assert_int_eq(sip_frame_next(&p->sent, &rest, &item), 0);
		if (item.kind == SIP_FRAME_MESSAGE)
			signed_sent(p->lab->recorder, item.message,
				p->side == PARTY_CLIENT);
		if (item.kind == SIP_FRAME_BAD)
			p->side = PARTY_OTHER; /* no more messages then */
	} while (item.kind != SIP_FRAME_NONE && p->side != PARTY_OTHER);
}

static inline void party_send_bytes(struct party *p, const char *text,
	size_t len)
{
	ck_assert_ptr_nonnull(p->stream);
	party_record(p, text, len);
	ck_assert_int_ge(stream_send(p->stream, text, len), 0);
}

static inline void party_send(struct party *p, const char *text)
{
	party_send_bytes(p, text, strlen(text));
}

/* The next message; it must begin with this. Valid until the lab ends. */
static inline const char *party_expect(struct party *p, const char *start)
{
	TURN_UNTIL(p->lab->loop, p->got > p->read || p->is_ended);
	ck_assert_msg(p->got > p->read, "ended, '%s' was expected", start);
	p->last = p->inbox[p->read++];
	ck_assert_msg(strncmp(p->last, start, strlen(start)) == 0,
		"expected %s, got:\n%s", start, p->last);
	return p->last;
}

/* What came so far is of no interest. */
static inline void party_forget(struct party *p)
{
	for (size_t i = 0; i < p->got; i++)
		free(p->inbox[i]);
	p->got = 0;
	p->read = 0;
}

/* Nothing comes for a while. */
static inline void party_expect_silence(struct party *p, int64_t ms)
{
	turn_for_ms(p->lab->loop, ms);
	ck_assert_msg(p->got == p->read, "unexpected:\n%s",
		p->inbox[p->read]);
}

static inline void party_expect_end(struct party *p)
{
	TURN_UNTIL(p->lab->loop, p->is_ended);
}

static inline void party_close(struct party *p)
{
	if (p->stream != NULL)
		stream_close(p->stream);
	TURN_UNTIL(p->lab->loop, p->is_ended);
}

static inline void expect_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in:\n%s", part,
		text);
}

static inline void expect_lacks(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "'%s' in:\n%s", part,
		text);
}

/* Every line of this header, joined, into out. */
static inline const char *lines_of(const char *message, const char *name,
	char *out, size_t cap)
{
	const char *p = message;
	enum sip_header id = sip_header_of(str_of(name));
	size_t at = 0;

	out[0] = '\0';
	while ((p = strstr(p, "\r\n")) != NULL && strncmp(p, "\r\n\r\n", 4)) {
		struct str have = {p + 2, strcspn(p + 2, ":\r")};

		p += 2;
		if (str_ieq_z(have, name) || (id != SIP_HEADER_OTHER &&
			sip_header_of(have) == id)) {
			size_t n = strcspn(p, "\r") + 2;

			ck_assert_uint_lt(at + n, cap);
			memcpy(out + at, p, n);
			at += n;
			out[at] = '\0';
		}
	}
	return out;
}

/* The value of a header's first line, without "Name: ". */
static inline const char *value_of(const char *message, const char *name,
	char *out, size_t cap)
{
	char all[8192];
	const char *v = lines_of(message, name, all, sizeof(all));

	ck_assert_msg(v[0] != '\0', "no %s in:\n%s", name, message);
	v += strcspn(v, ":") + 1;
	v += strspn(v, " ");
	snprintf(out, cap, "%.*s", (int)strcspn(v, "\r"), v);
	return out;
}

/* An answer to a request that was received: headers copied, tag put on. */
static inline void party_answer(struct party *p, const char *request,
	const char *status, const char *extra, const char *body)
{
	char vias[4096], routes[4096], from[1024], to[1024], id[512];
	char cseq[256], text[16384];
	bool has_tag;

	lines_of(request, "Via", vias, sizeof(vias));
	lines_of(request, "Record-Route", routes, sizeof(routes));
	lines_of(request, "From", from, sizeof(from));
	value_of(request, "To", to, sizeof(to));
	lines_of(request, "Call-ID", id, sizeof(id));
	lines_of(request, "CSeq", cseq, sizeof(cseq));
	has_tag = strstr(to, ";tag=") != NULL;
	snprintf(text, sizeof(text), "SIP/2.0 %s\r\n%s%s%sTo: %s%s\r\n%s%s"
		"%sContent-Length: %zu\r\n\r\n%s", status, vias, routes,
		from, to, has_tag ? "" : ";tag=answerer", id, cseq, extra,
		strlen(body), body);
	party_send(p, text);
}

/* ---- servers ------------------------------------------------------------- */

static inline void server_on_fd(unsigned ready, void *arg)
{
	struct server *s = arg;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct stream_limits limits = {0};
	struct addr remote;
	struct party *p;
	int fd;

	(void)ready;
	fd = accept4(s->fd, (struct sockaddr *)&ss, &len,
		SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len,
		&remote), 0);
	p = party_new(s->lab);
	p->side = PARTY_SERVER;
	ck_assert_int_eq(stream_accept(&p->stream, s->lab->loop, fd,
		&remote, s->ctx != NULL ? s->ctx : s->lab->ctx_serve,
		&limits, &party_ops, p), 0);
	s->accepted[s->count++] = p;
}

static inline int listen_at(const char *ip, uint16_t port, struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0);

	ck_assert_int_eq(addr_parse_z(ip, port, at), 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	len = addr_to_sockaddr(at, &ss);
	if (bind(fd, (struct sockaddr *)&ss, len) != 0 ||
		listen(fd, 16) != 0) {
		close(fd);
		return -1;
	}
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len, at),
		0);
	return fd;
}

static inline void server_open(struct lab *lab, size_t i)
{
	static const char *const ips[] = {"127.0.0.3", "127.0.0.4"};
	struct server *s = &lab->hops[i];

	s->lab = lab;
	s->fd = listen_at(ips[i], lab->hop_port, &s->at);
	ck_assert_int_ge(s->fd, 0);
	ck_assert_int_eq(loop_fd_new(&s->watch, lab->loop, s->fd, LOOP_READ,
		server_on_fd, s), 0);
}

static inline void server_close(struct server *s)
{
	if (s->fd <= 0)
		return;
	loop_fd_free(s->watch);
	close(s->fd);
	s->fd = 0;
	tls_ctx_unref(s->ctx);
	s->ctx = NULL;
}

/* The newest live connection of this server that is ready. */
static inline struct party *server_party(struct server *s)
{
	for (size_t i = s->count; i > 0; i--) {
		if (s->accepted[i - 1]->is_ready &&
			!s->accepted[i - 1]->is_ended)
			return s->accepted[i - 1];
	}
	return NULL;
}

/* Wait until somebody has dialled it. */
static inline struct party *server_dialled(struct server *s)
{
	struct party *p;

	TURN_UNTIL(s->lab->loop, server_party(s) != NULL);
	p = server_party(s);
	ck_assert_ptr_nonnull(p);
	return p;
}

/* Wait until the edge's connection to it is up. */
static inline struct party *server_wait(struct server *s)
{
	struct party *p = server_dialled(s);

	TURN_UNTIL(s->lab->loop, peer_pool_is_up(s->lab->edge->peers));
	return p;
}

/* ---- the lab ------------------------------------------------------------- */

static inline void lab_certs(struct lab *lab)
{
	struct why why = {""};
	char *ca, *chain, *key;
	struct tls_spec spec = {0};

	pki_init(&lab->pki);
	pki_ca(&lab->pki, "ca");
	pki_leaf(&lab->pki, "ca", "out", "DNS:" LAB_OUTSIDE);
	pki_leaf(&lab->pki, "ca", "edge", "DNS:" LAB_MACHINE);
	pki_leaf(&lab->pki, "ca", "fe", "DNS:fe.int.test");
	pki_leaf(&lab->pki, "ca", "other", "DNS:other.int.test");
	ca = pki_path_dup(&lab->pki, "ca.crt");

	chain = pki_path_dup(&lab->pki, "out.crt");
	key = pki_path_dup(&lab->pki, "out.key");
	spec = (struct tls_spec){.role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_NONE, .chain_path = chain,
		.key_path = key, .trust_path = ca};
	ck_assert_int_eq(tls_watch_new(&lab->tls_client, &spec, &why), 0);
	spec.verify = TLS_VERIFY_ASK;
	ck_assert_int_eq(tls_watch_new(&lab->tls_door_shared, &spec, &why),
		0);
	spec.verify = TLS_VERIFY_REQUIRE;
	ck_assert_int_eq(tls_watch_new(&lab->tls_door_partner, &spec, &why),
		0);
	spec.role = TLS_ROLE_CLIENT;
	ck_assert_int_eq(tls_watch_new(&lab->tls_partner, &spec, &why), 0);
	free(chain);
	free(key);

	chain = pki_path_dup(&lab->pki, "edge.crt");
	key = pki_path_dup(&lab->pki, "edge.key");
	spec = (struct tls_spec){.role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_REQUIRE, .chain_path = chain,
		.key_path = key, .trust_path = ca};
	ck_assert_int_eq(tls_watch_new(&lab->tls_server, &spec, &why), 0);
	spec.role = TLS_ROLE_CLIENT;
	ck_assert_int_eq(tls_watch_new(&lab->tls_next_hop, &spec, &why), 0);
	free(chain);
	free(key);

	chain = pki_path_dup(&lab->pki, "fe.crt");
	key = pki_path_dup(&lab->pki, "fe.key");
	spec = (struct tls_spec){.role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_REQUIRE, .chain_path = chain,
		.key_path = key, .trust_path = ca};
	ck_assert_int_eq(tls_ctx_new(&lab->ctx_serve, &spec, &why), 0);
	spec.role = TLS_ROLE_CLIENT;
	ck_assert_int_eq(tls_ctx_new(&lab->ctx_dial, &spec, &why), 0);
	free(chain);
	free(key);

	spec = (struct tls_spec){.role = TLS_ROLE_CLIENT,
		.verify = TLS_VERIFY_REQUIRE, .trust_path = ca};
	ck_assert_int_eq(tls_ctx_new(&lab->ctx_outside, &spec, &why), 0);
	free(ca);
}

static inline struct tls_ctx *lab_ctx_as(struct lab *lab, const char *name,
	enum tls_role role)
{
	char file[64];
	char *ca = pki_path_dup(&lab->pki, "ca.crt");
	char *chain, *key;
	struct tls_ctx *ctx = NULL;
	struct why why = {""};

	snprintf(file, sizeof(file), "%s.crt", name);
	chain = pki_path_dup(&lab->pki, file);
	snprintf(file, sizeof(file), "%s.key", name);
	key = pki_path_dup(&lab->pki, file);
	ck_assert_int_eq(tls_ctx_new(&ctx, &(struct tls_spec){
		.role = role, .verify = TLS_VERIFY_REQUIRE,
		.chain_path = chain, .key_path = key, .trust_path = ca},
		&why), 0);
	free(ca);
	free(chain);
	free(key);
	return ctx;
}

/* A context with another certificate of the lab's CA. */
static inline struct tls_ctx *lab_ctx(struct lab *lab, const char *name)
{
	return lab_ctx_as(lab, name, TLS_ROLE_CLIENT);
}

/* A server outside with a certificate of its own; the name of its files is
 * that of the first DNS name. */
static inline void lab_partner_open(struct lab *lab, struct server *s,
	const char *ip, const char *name, const char *san)
{
	memset(s, 0, sizeof(*s));
	pki_leaf(&lab->pki, "ca", name, san);
	s->lab = lab;
	s->ctx = lab_ctx_as(lab, name, TLS_ROLE_SERVER);
	s->fd = listen_at(ip, 0, &s->at);
	ck_assert_int_ge(s->fd, 0);
	ck_assert_int_eq(loop_fd_new(&s->watch, lab->loop, s->fd, LOOP_READ,
		server_on_fd, s), 0);
}

/* A partner that comes to us; NULL when it was not let shake hands. */
static inline struct party *lab_partner_dial(struct lab *lab,
	const char *name, const char *san)
{
	struct tls_ctx *ctx;
	struct party *p;

	pki_leaf(&lab->pki, "ca", name, san);
	ctx = lab_ctx(lab, name);
	p = party_dial_to(lab, &lab->partners, ctx, LAB_OUTSIDE);
	tls_ctx_unref(ctx);
	return p;
}

/* Ports that are free now on all the lab's addresses. */
static inline uint16_t lab_free_port(const char *ip)
{
	struct addr at;
	int fd = listen_at(ip, 0, &at);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return at.port;
}

static inline struct topology *lab_topology(struct lab *lab,
	const char *settings)
{
	char yaml[4096];
	struct topology_yaml *y = NULL;
	struct topology *t = NULL;
	struct why why = {""};
	sqlite3 *db;

	snprintf(yaml, sizeof(yaml),
		"lab: true\n"
		"domains: [example.com, example.net, example.org, "
		"company.com]\n"
		"edges:\n"
		"  edge.int.test:\n"
		"    next_hop: fe.int.test:%u\n"
		"    access: {name: sip.test, port: %u, federation_port: %u}\n"
		"    internal_ports: {sip: %u}\n"
		"    machines:\n"
		"      edge.int.test: {internal: 127.0.0.1, "
		"access: 127.0.0.2}\n"
		"servers:\n"
		"  fe.int.test: [sip]\n"
		"%s%s", lab->hop_port, lab->outside.port,
		lab->partners.port, lab->inside.port,
		lab->more_servers, settings);
	ck_assert_msg(topology_yaml_parse(&y, "lab", str_of(yaml), &why) ==
		0, "%s", why.text);
	unlink(lab->db_path);
	ck_assert_int_eq(sqlite3_open(lab->db_path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, SCHEMA_SQL, NULL, NULL, NULL) ==
		SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_exec(db, "INSERT INTO meta VALUES"
		"('epoch','0'),('serial','1'),('created','1767225600'),"
		"('source','test')", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_msg(topology_yaml_fill(db, y, &why) == 0, "%s", why.text);
	sqlite3_close(db);
	topology_yaml_free(y);
	ck_assert_msg(topology_load(&t, lab->db_path, LAB_MACHINE, &why) ==
		0, "%s", why.text);
	return t;
}

static inline void lab_edge(struct lab *lab)
{
	struct front_tls tls = {{
		[ORIGIN_DOOR_CLIENT] = lab->tls_client,
		[ORIGIN_DOOR_INTERNAL] = lab->tls_server,
		[ORIGIN_DOOR_PARTNER] = lab->tls_door_partner,
		[ORIGIN_DOOR_SHARED] = lab->tls_door_shared,
	}};
	struct edge_spec spec = {
		.loop = lab->loop,
		.topology = lab->topology,
		.counters = &lab->counters,
		.resolver = lab->resolver,
		.tls_next_hop = lab->tls_next_hop,
		.tls_partner = lab->tls_partner,
		.watch_path = lab->watch_path,
		.flow_key_path = lab->key_path,
	};
	struct why why = {""};

	ck_assert_msg(edge_new(&lab->edge, &spec, &why) == 0, "%s",
		why.text);
	ck_assert_msg(front_new(&lab->front, lab->topology, &tls, &why) ==
		0, "%s", why.text);
	ck_assert_msg(front_start(lab->front, lab->edge, &why) == 0, "%s",
		why.text);
}

static inline void lab_edge_stop(struct lab *lab)
{
	edge_free(lab->edge);
	front_free(lab->front);
	lab->edge = NULL;
	lab->front = NULL;
}

/* What the protocol decides, or DNS and certificates: no line of anybody's
 * configuration. */
static inline bool lab_is_protocol(const char *line)
{
	static const char *const rules[] = {"answer", "anonymous.event",
		"anonymous.identity", "anonymous.target", "cancel",
		"compression", "contact", "hops", "inside.register", "loop",
		"memory", "proxy-require", "route", "route.abuse", "scheme",
		"shape", "address", "certificate-name", "connect", "domain",
		"parent-domain", "recipient", "sender", "srv", "tls"};
	const char *rule = strstr(line, " rule=");

	/* How late the loop may be is no setting. */
	if (strstr(line, " cause=\"overload\" ") != NULL)
		return true;
	rule += 6;
	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		size_t n = strlen(rules[i]);

		if (strncmp(rule, rules[i], n) == 0 && rule[n] == ' ')
			return true;
	}
	return false;
}

/* Every refusal and every end, in every test of this lab, says by which rule
 * and which line of the configuration. */
static inline void lab_on_log(const char *line, void *arg)
{
	(void)arg;
	if (strstr(line, "event=session.closed") != NULL ||
		strstr(line, "event=handshake.failed") != NULL)
		ck_assert_msg(strstr(line, " config=") != NULL, "%s", line);
	if (strstr(line, "event=request.refused") == NULL &&
		strstr(line, "event=request.failed") == NULL &&
		strstr(line, "event=abuse.refused") == NULL)
		return;
	ck_assert_msg(strstr(line, " rule=") != NULL &&
		strstr(line, " rule=- ") == NULL, "no rule: %s", line);
	ck_assert_msg(lab_is_protocol(line) ||
		strstr(line, " config=\"\"") == NULL, "no line: %s", line);
}

/* Clients and partners come to one port; set before lab_init. */
static bool lab_shares_port;

/* settings: YAML lines as they stand in a topology, or "". */
static inline void lab_init(struct lab *lab, const char *settings)
{
	struct why why = {""};

	memset(lab, 0, sizeof(*lab));
	lab->recorder = calloc(1, sizeof(*lab->recorder));
	ck_assert_ptr_nonnull(lab->recorder);
	log_init("test", LOG_LEVEL_INFO, false);
	log_capture(lab_on_log, NULL);
	ck_assert_int_eq(loop_new(&lab->loop), 0);
	lab_certs(lab);
	ck_assert_int_eq(counters_init(&lab->counters, access_edge_counters,
		COUNTER_ACCESS_EDGE_COUNT), 0);
	lab->hop_port = lab_free_port("127.0.0.3");
	ck_assert_int_eq(addr_parse_z("127.0.0.2",
		lab_free_port("127.0.0.2"), &lab->outside), 0);
	ck_assert_int_eq(addr_parse_z("127.0.0.2", lab_shares_port ?
		lab->outside.port : lab_free_port("127.0.0.2"),
		&lab->partners), 0);
	dns_stub_open(&lab->dns, lab->loop, "127.0.0.1");
	lab->conf.resolver_external[0] = lab->dns.at;
	lab->conf.resolver_external_count = 1;
	ck_assert_int_eq(addr_parse_z("127.0.0.1",
		lab_free_port("127.0.0.1"), &lab->inside), 0);
	ck_assert_int_eq(addr_parse_z("127.0.0.3", 0, &lab->host_addrs[0]),
		0);
	ck_assert_int_eq(addr_parse_z("127.0.0.4", 0, &lab->host_addrs[1]),
		0);
	lab->host.name = strdup("fe.int.test");
	lab->host.addrs = lab->host_addrs;
	lab->host.addr_count = 1;
	lab->conf.hosts = &lab->host;
	lab->conf.host_count = 1;
	ck_assert_msg(resolver_new(&lab->resolver, lab->loop, &lab->conf,
		NULL, &why) == 0, "%s", why.text);
	snprintf(lab->db_path, sizeof(lab->db_path), "%s/topology.db",
		lab->pki.dir);
	snprintf(lab->key_room, sizeof(lab->key_room), "%s/flow.key",
		lab->pki.dir);
	lab->key_path = lab->key_room;
	if (lab->more_servers == NULL)
		lab->more_servers = "";
	lab->topology = lab_topology(lab, settings);
}

/* The usual lab: one server inside, up and connected. */
static inline struct party *lab_start(struct lab *lab, const char *settings)
{
	lab_init(lab, settings);
	server_open(lab, 0);
	lab_edge(lab);
	return server_wait(&lab->hops[0]);
}

static inline void lab_fini(struct lab *lab)
{
	for (size_t i = 0; i < lab->party_count; i++) {
		struct party *p = lab->parties[i];

		stream_free(p->stream);
		sip_frame_fini(&p->frame);
		sip_frame_fini(&p->sent);
		for (size_t k = 0; k < p->got; k++)
			free(p->inbox[k]);
		free(p);
	}
	server_close(&lab->hops[0]);
	server_close(&lab->hops[1]);
	lab_edge_stop(lab);
	resolver_free(lab->resolver);
	topology_unref(lab->topology);
	counters_fini(&lab->counters);
	tls_ctx_unref(lab->ctx_outside);
	tls_ctx_unref(lab->ctx_dial);
	tls_ctx_unref(lab->ctx_serve);
	tls_watch_free(lab->tls_client);
	tls_watch_free(lab->tls_server);
	tls_watch_free(lab->tls_next_hop);
	tls_watch_free(lab->tls_door_partner);
	tls_watch_free(lab->tls_door_shared);
	tls_watch_free(lab->tls_partner);
	dns_stub_close(&lab->dns);
	free(lab->host.name);
	loop_free(lab->loop);
	pki_fini(&lab->pki);
	free(lab->recorder);
	log_capture(NULL, NULL);
	log_set_level(LOG_LEVEL_ERROR);
}

#endif
