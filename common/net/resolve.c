/*
 * Names to addresses. Lives here: who is asked for which name, deadlines,
 * what an answer comes down to. Does not live here: c-ares on the loop
 * (dns_channel.c), SRV on the wire (srv.c), whether an address may be used
 * (its asker's policy). Architecture D5.
 */
#include "common/net/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/list.h"
#include "common/net/dns_channel.h"
#include "common/net/srv.h"

/* For one name, retries and the second server included. A client's SIP
 * transaction lives 32 s (access-edge.md 12). */
#define DEADLINE_MS 5000
/* Names asked for at once; more is a flood. */
#define QUERIES_MAX 1000
#define DETAIL_LEN  400
/* Types of questions; class IN is 1 (RFC 2782, RFC 3403). */
#define TYPE_SRV   33
#define TYPE_NAPTR 35

struct resolver {
	struct loop *loop;
	const struct conf *conf; /* borrowed */
	struct dns_channel *channels[2]; /* owned; by side */
	bool has_servers[2];
	struct list queries;
	size_t query_count;
};

/* Lives until it was answered or cancelled, and c-ares has let go of it. */
struct resolve_query {
	struct list node;
	struct resolver *r;
	struct loop_timer *timer; /* owned; deadline, or "answer now" */
	char name[DNS_NAME_LEN];
	uint16_t port;
	resolve_cb *on_host; /* one of the three */
	resolve_srv_cb *on_srv;
	resolve_name_cb *on_name;
	void *arg;
	bool is_asked; /* c-ares holds it */
	bool is_known; /* the answer is below */
	bool is_over;  /* nobody waits for it */
	int err;
	char detail[DETAIL_LEN];
	size_t count;
	struct addr addrs[RESOLVE_ADDRS_MAX];
	struct resolve_srv *rows; /* owned */
	char service[16];         /* of a NAPTR record */
	char found[DNS_NAME_LEN];
};

/* ---- life of a query ----------------------------------------------------- */

static void query_free(struct resolve_query *q)
{
	list_remove(&q->node);
	q->r->query_count--;
	loop_timer_free(q->timer);
	free(q->rows);
	free(q);
}

static void query_end(struct resolve_query *q)
{
	q->is_over = true;
	loop_timer_stop(q->timer);
	if (!q->is_asked)
		query_free(q);
}

/* Tell the asker. The query is out of reach of resolve_cancel() by then, as
 * the callback may free the resolver. */
static void query_answer(struct resolve_query *q)
{
	resolve_cb *on_host = q->on_host;
	resolve_srv_cb *on_srv = q->on_srv;
	resolve_name_cb *on_name = q->on_name;
	void *arg = q->arg;
	struct addr addrs[RESOLVE_ADDRS_MAX];
	struct resolve_srv *rows = q->rows;
	char detail[DETAIL_LEN], found[DNS_NAME_LEN];
	size_t count = q->count;
	int err = q->err;

	memcpy(addrs, q->addrs, sizeof(addrs));
	memcpy(detail, q->detail, sizeof(detail));
	memcpy(found, q->found, sizeof(found));
	q->rows = NULL;
	query_end(q);
	if (on_host != NULL)
		on_host(err, addrs, count, detail, arg);
	else if (on_name != NULL)
		on_name(err, found, detail, arg);
	else
		on_srv(err, rows, count, detail, arg);
	free(rows);
}

static void on_timer(void *arg)
{
	struct resolve_query *q = arg;

	if (!q->is_known) {
		q->err = -ETIMEDOUT;
		snprintf(q->detail, sizeof(q->detail),
			"%s: no name server answered", q->name);
	}
	query_answer(q);
}

/* The answer is known: tell it from the loop. */
static void query_settle(struct resolve_query *q, int err, const char *cause)
{
	q->is_known = true;
	q->err = err;
	if (err < 0) {
		q->count = 0;
		snprintf(q->detail, sizeof(q->detail), "%s: %s", q->name,
			cause);
	}
	loop_timer_start(q->timer, 0);
}

static int query_new(struct resolve_query **out, struct resolver *r,
	const char *name, void *arg)
{
	struct resolve_query *q;
	int err;

	if (r->query_count >= QUERIES_MAX)
		return EDGE_EBUSY;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	err = loop_timer_new(&q->timer, r->loop, on_timer, q);
	if (err < 0) {
		free(q);
		return err;
	}
	q->r = r;
	q->arg = arg;
	snprintf(q->name, sizeof(q->name), "%s", name);
	list_push_back(&r->queries, &q->node);
	r->query_count++;
	loop_timer_start(q->timer, DEADLINE_MS);
	*out = q;
	return 0;
}

/* ---- names --------------------------------------------------------------- */

static struct str undotted(const char *name)
{
	return dns_name_without_dot(str_of(name));
}

/* "_service._proto.domain": labels with an underscore in front, then a
 * name. */
static bool is_srv_name(struct str name)
{
	if (name.n >= DNS_NAME_LEN - 1)
		return false;
	while (name.n > 0 && name.p[0] == '_') {
		struct str label = { name.p + 1, str_find(name, '.') - 1 };

		if (str_is_empty(label) || label.n > 62 ||
			!dns_name_is_valid(label))
			return false;
		name = str_skip(name, label.n + 2);
	}
	return dns_name_is_valid(name);
}

/* ---- what c-ares says ---------------------------------------------------- */

static int err_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		return EDGE_EUNKNOWN;
	case ARES_ETIMEOUT:
		return -ETIMEDOUT;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return EDGE_EPEER;
	}
}

static const char *cause_of(int status)
{
	switch (status) {
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		return "no such name";
	case ARES_ETIMEOUT:
		return "no name server answered";
	default:
		return ares_strerror(status);
	}
}

/* c-ares has let go. True when somebody still waits for the answer. */
static bool query_back(struct resolve_query *q, int status)
{
	q->is_asked = false;
	if (q->is_over) {
		query_free(q);
		return false;
	}
	/* The resolver goes away, which ends queries without a callback. */
	return status != ARES_EDESTRUCTION;
}

static void add_addr(struct resolve_query *q, const struct addr *a)
{
	if (q->count == RESOLVE_ADDRS_MAX || addr_is_any(a))
		return;
	q->addrs[q->count++] = addr_with_port(a, q->port);
}

static void on_addrinfo(void *arg, int status, int timeouts,
	struct ares_addrinfo *found)
{
	struct resolve_query *q = arg;
	const struct ares_addrinfo_node *node;

	(void)timeouts;
	if (!query_back(q, status)) {
		ares_freeaddrinfo(found);
		return;
	}
	for (node = found != NULL ? found->nodes : NULL; node != NULL;
		node = node->ai_next) {
		struct addr a;

		if (addr_from_sockaddr(node->ai_addr, node->ai_addrlen,
			    &a) == 0)
			add_addr(q, &a);
	}
	ares_freeaddrinfo(found);
	if (status == ARES_SUCCESS && q->count == 0)
		status = ARES_ENODATA;
	query_settle(q, err_of(status), cause_of(status));
}

static void on_srv_answer(void *arg, int status, int timeouts,
	unsigned char *message, int len)
{
	struct resolve_query *q = arg;
	struct resolve_srv *rows;
	int err;

	(void)timeouts;
	if (!query_back(q, status))
		return;
	if (status != ARES_SUCCESS || len < 0) {
		query_settle(q, err_of(status), cause_of(status));
		return;
	}
	rows = calloc(SRV_ROWS_MAX, sizeof(*rows));
	if (rows == NULL) {
		query_settle(q, -ENOMEM, err_text(-ENOMEM));
		return;
	}
	q->rows = rows;
	err = srv_parse(message, (size_t)len, rows, SRV_ROWS_MAX, &q->count);
	if (err < 0) {
		query_settle(q, EDGE_EPEER, "the answer is malformed");
		return;
	}
	srv_sort(rows, q->count);
	if (q->count == 0)
		query_settle(q, EDGE_EUNKNOWN, "no such service");
	else
		query_settle(q, 0, "");
}

/* Nothing but a name is taken: no flag but "s", no regular expression. */
static bool is_better_naptr(const struct resolve_query *q,
	const struct ares_naptr_reply *row, const struct ares_naptr_reply *best)
{
	if (!str_ieq_z(str_of((const char *)row->service), q->service) ||
		!str_ieq_z(str_of((const char *)row->flags), "s") ||
		row->regexp[0] != '\0' ||
		!is_srv_name(undotted(row->replacement)))
		return false;
	return best == NULL || row->order < best->order ||
		(row->order == best->order &&
			row->preference < best->preference);
}

static void on_naptr_answer(void *arg, int status, int timeouts,
	unsigned char *message, int len)
{
	struct resolve_query *q = arg;
	struct ares_naptr_reply *rows = NULL, *row, *best = NULL;

	(void)timeouts;
	if (!query_back(q, status))
		return;
	if (status == ARES_SUCCESS)
		status = ares_parse_naptr_reply(message, len, &rows);
	for (row = rows; row != NULL; row = row->next)
		if (is_better_naptr(q, row, best))
			best = row;
	if (status == ARES_SUCCESS && (best == NULL || str_copy(undotted(
		best->replacement), q->found, sizeof(q->found)) != 0))
		status = ARES_ENODATA;
	ares_free_data(rows);
	query_settle(q, err_of(status), cause_of(status));
}

/* ---- asking -------------------------------------------------------------- */

static bool answer_from_conf(struct resolve_query *q)
{
	const struct conf *conf = q->r->conf;
	size_t i;
	size_t k;

	for (i = 0; i < conf->host_count; i++) {
		const struct conf_host *host = &conf->hosts[i];

		if (!str_ieq_z(str_of(q->name), host->name))
			continue;
		for (k = 0; k < host->addr_count; k++)
			add_addr(q, &host->addrs[k]);
		if (q->count > 0)
			query_settle(q, 0, "");
		else
			query_settle(q, EDGE_EUNKNOWN, "has no address");
		return true;
	}
	return false;
}

static void ask_servers(struct resolve_query *q, enum resolve_side side)
{
	static const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = ARES_AI_NOSORT,
	};
	struct dns_channel *channel = q->r->channels[side];

	q->is_asked = true;
	ares_getaddrinfo(dns_channel_ares(channel), q->name, NULL, &hints,
		on_addrinfo, q);
	dns_channel_arm(channel);
}

int resolve_host(struct resolve_query **out, struct resolver *r,
	const char *name, uint16_t port, enum resolve_side side,
	resolve_cb *cb, void *arg)
{
	char host[DNS_NAME_LEN];
	struct resolve_query *q;
	struct addr literal;
	bool is_literal;
	int err;

	is_literal = addr_parse_z(name, port, &literal) == 0;
	if (!is_literal) {
		err = dns_name_take(undotted(name), host, sizeof(host));
		if (err < 0)
			return err;
	}
	err = query_new(&q, r, is_literal ? name : host, arg);
	if (err < 0)
		return err;
	q->on_host = cb;
	q->port = port;
	*out = q;
	if (is_literal) {
		add_addr(q, &literal);
		query_settle(q, q->count > 0 ? 0 : EDGE_EUNKNOWN,
			"not an address to talk to");
	} else if (!answer_from_conf(q)) {
		if (side == RESOLVE_OUTSIDE && !r->has_servers[side])
			query_settle(q, EDGE_EUNKNOWN, "edge.yaml has neither "
				"resolver.hosts for it nor resolver.external");
		else
			ask_servers(q, side);
	}
	return 0;
}

/* For records of which a resolver asks its servers alone: cb comes later. */
static void ask_type(struct resolve_query *q, int type,
	enum resolve_side side, ares_callback cb)
{
	struct resolver *r = q->r;

	if (!r->has_servers[side]) {
		query_settle(q, EDGE_EUNKNOWN, side == RESOLVE_OUTSIDE ?
			"edge.yaml has no resolver.external" :
			"edge.yaml has no resolver.internal");
		return;
	}
	q->is_asked = true;
	ares_query(dns_channel_ares(r->channels[side]), q->name, 1, type, cb,
		q);
	dns_channel_arm(r->channels[side]);
}

int resolve_srv(struct resolve_query **out, struct resolver *r,
	const char *name, enum resolve_side side, resolve_srv_cb *cb,
	void *arg)
{
	struct str wanted = undotted(name);
	char service[DNS_NAME_LEN];
	struct resolve_query *q;
	int err;

	if (!is_srv_name(wanted))
		return EDGE_EMALFORMED;
	err = str_copy(wanted, service, sizeof(service));
	if (err < 0)
		return err;
	err = query_new(&q, r, service, arg);
	if (err < 0)
		return err;
	q->on_srv = cb;
	*out = q;
	ask_type(q, TYPE_SRV, side, on_srv_answer);
	return 0;
}

int resolve_naptr(struct resolve_query **out, struct resolver *r,
	const char *domain, const char *service, enum resolve_side side,
	resolve_name_cb *cb, void *arg)
{
	char name[DNS_NAME_LEN];
	struct resolve_query *q;
	int err = dns_name_take(undotted(domain), name, sizeof(name));

	if (err == 0)
		err = query_new(&q, r, name, arg);
	if (err < 0)
		return err;
	snprintf(q->service, sizeof(q->service), "%s", service);
	q->on_name = cb;
	*out = q;
	ask_type(q, TYPE_NAPTR, side, on_naptr_answer);
	return 0;
}

void resolve_cancel(struct resolve_query *q)
{
	if (q != NULL)
		query_end(q);
}

/* ---- the resolver -------------------------------------------------------- */

int resolver_new(struct resolver **out, struct loop *loop,
	const struct conf *conf, const struct addr *local_outside,
	struct why *why)
{
	const struct dns_channel_spec inside = {
		.servers = conf->resolver_internal,
		.server_count = conf->resolver_internal_count,
		.use_hosts_file = true,
	};
	const struct dns_channel_spec outside = {
		.servers = conf->resolver_external,
		.server_count = conf->resolver_external_count,
		.local = local_outside,
	};
	struct resolver *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->loop = loop;
	r->conf = conf;
	list_init(&r->queries);
	r->has_servers[RESOLVE_INSIDE] = inside.server_count > 0;
	r->has_servers[RESOLVE_OUTSIDE] = outside.server_count > 0;
	err = dns_channel_new(&r->channels[RESOLVE_INSIDE], loop, &inside,
		why);
	if (err == 0)
		err = dns_channel_new(&r->channels[RESOLVE_OUTSIDE], loop,
			&outside, why);
	if (err < 0) {
		resolver_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	struct list *it;
	struct list *tmp;

	if (r == NULL)
		return;
	/* c-ares lets go of its queries in here */
	dns_channel_free(r->channels[RESOLVE_INSIDE]);
	dns_channel_free(r->channels[RESOLVE_OUTSIDE]);
	list_for_each_safe(it, tmp, &r->queries)
		query_free(container_of(it, struct resolve_query, node));
	free(r);
}
