/*
 * From the rows of a generation to the snapshot that daemons hold: one
 * query per table, for one machine. Nothing here judges (topology_check.c)
 * and nothing is written. Reloading is loading aside and swapping the
 * pointer; the last user of an old snapshot frees it (requirement R25).
 */
#include "common/store/topology.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/device.h"
#include "common/run/conf.h"
#include "common/store/generation.h"
#include "common/store/sql.h"
#include "common/store/topology_port.h"

#define ROWS_MAX 100000u

struct snapshot {
	struct topology t; /* what others see */
	atomic_uint refs;
};

static_assert(ARRAY_COUNT(((struct topology *)NULL)->settings) ==
		CONF_DAEMON_COUNT,
	"one set of settings for each daemon");

/* What one load works on. */
struct load {
	struct sqlite3 *db;
	struct topology *t;
	struct why *why;
};

static const char *const USAGE_NAMES[TOPOLOGY_USAGE_COUNT] = {
	[TOPOLOGY_SIP_CLIENT] = "sip-client",
	[TOPOLOGY_SIP_FEDERATION] = "sip-federation",
	[TOPOLOGY_SIP_INTERNAL] = "sip-internal",
	[TOPOLOGY_AUTH] = "av-auth",
	[TOPOLOGY_TURN_UDP] = "turn-udp",
	[TOPOLOGY_TURN_TCP] = "turn-tcp",
	[TOPOLOGY_WEBCONF_CLIENT] = "webconf-client",
	[TOPOLOGY_WEBCONF_SERVER] = "webconf-server",
	[TOPOLOGY_REPLICATION] = "replication",
};

static const enum conf_daemon USAGE_DAEMONS[TOPOLOGY_USAGE_COUNT] = {
	[TOPOLOGY_SIP_CLIENT] = CONF_ACCESS_EDGE,
	[TOPOLOGY_SIP_FEDERATION] = CONF_ACCESS_EDGE,
	[TOPOLOGY_SIP_INTERNAL] = CONF_ACCESS_EDGE,
	[TOPOLOGY_AUTH] = CONF_AV_AUTH,
	[TOPOLOGY_TURN_UDP] = CONF_AV_EDGE,
	[TOPOLOGY_TURN_TCP] = CONF_AV_EDGE,
	[TOPOLOGY_WEBCONF_CLIENT] = CONF_WEBCONF_EDGE,
	[TOPOLOGY_WEBCONF_SERVER] = CONF_WEBCONF_EDGE,
	[TOPOLOGY_REPLICATION] = CONF_REPLICATION_AGENT,
};

const char *topology_usage_name(enum topology_usage usage)
{
	return USAGE_NAMES[usage];
}

const char *topology_side_name(enum topology_side side)
{
	return side == TOPOLOGY_INTERNAL ? "internal" : "external";
}

const char *topology_usage_daemon(enum topology_usage usage)
{
	return conf_daemon_name(USAGE_DAEMONS[usage]);
}

bool topology_needs(const struct topology *t, const char *daemon)
{
	for (size_t i = 0; i < t->listener_count; i++) {
		if (strcmp(topology_usage_daemon(t->listeners[i].usage),
			    daemon) == 0)
			return true;
	}
	return false;
}

const char *topology_version_text(const struct topology *t,
	char out[static TOPOLOGY_VERSION_LEN])
{
	return generation_version_text(t->epoch, t->serial, out);
}

/* ---- rows --------------------------------------------------------------- */

/* Room for one more element of size bytes, zeroed; NULL out of memory. */
static void *grow(void **rows, size_t *count, size_t size)
{
	/* Doubling at powers of two needs no capacity of its own. */
	if ((*count & (*count - 1)) == 0) {
		size_t cap = *count == 0 ? 1 : *count * 2;
		void *bigger = NULL;

		if (*count < ROWS_MAX)
			bigger = realloc(*rows, cap * size);
		if (bigger == NULL)
			return NULL;
		*rows = bigger;
	}
	memset((char *)*rows + *count * size, 0, size);
	return (char *)*rows + (*count)++ * size;
}

typedef int(row_fn)(struct load *load, struct sqlite3_stmt *stmt);

/* fn for each row of a query whose only parameter is the machine. */
static int each_row(struct load *load, const char *sql, row_fn *fn)
{
	struct sqlite3_stmt *stmt;
	int err;

	err = sql_query(&stmt, load->db, load->why, sql,
		strchr(sql, '?') != NULL ? "t" : "", load->t->machine);
	if (err < 0)
		return err;
	while ((err = sql_next(stmt, load->why)) == 1) {
		err = fn(load, stmt);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

static int take_addr(struct load *load, struct sqlite3_stmt *stmt, int column,
	uint16_t port, struct addr *out)
{
	const char *text = sql_text(stmt, column);

	if (addr_parse_z(text, port, out) < 0)
		return why_set(load->why, EDGE_EDATABASE,
			"topology store: '%s' is not an address", text);
	return 0;
}

static bool column_is_null(struct sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_NULL;
}

static int take_machine(struct load *load, struct sqlite3_stmt *stmt)
{
	const char *state = sql_text(stmt, 1);

	if (strcmp(state, "drain") == 0)
		load->t->state = TOPOLOGY_DRAIN;
	else if (strcmp(state, "disabled") == 0)
		load->t->state = TOPOLOGY_DISABLED;
	return sql_copy(stmt, 0, load->t->pool, sizeof(load->t->pool),
		load->why);
}

static int take_domain(struct load *load, struct sqlite3_stmt *stmt)
{
	struct topology *t = load->t;
	char(*name)[256] = grow((void **)&t->domains, &t->domain_count,
		sizeof(*t->domains));
	int err;

	if (name == NULL)
		return -ENOMEM;
	err = sql_copy(stmt, 0, *name, sizeof(*name), load->why);
	if (err == 0 && sqlite3_column_int(stmt, 1) == 1)
		memcpy(t->default_domain, *name, sizeof(*name));
	return err;
}

static int take_listener(struct load *load, struct sqlite3_stmt *stmt)
{
	const struct topology_port *port = topology_port_find(
		sql_text(stmt, 0), sql_text(stmt, 1), sql_text(stmt, 2),
		sql_text(stmt, 3));
	const struct setting_set *access =
		load->t->settings[CONF_ACCESS_EDGE];
	struct topology_listener *l;
	uint16_t number = (uint16_t)sqlite3_column_int(stmt, 4);
	int err;

	if (port == NULL)
		return 0; /* another product's part: kept, never bound */
	if (port->usage == TOPOLOGY_SIP_FEDERATION &&
		!setting_bool(access, "allow_federated_users"))
		return 0; /* on for the pool, off for this machine */
	l = grow((void **)&load->t->listeners, &load->t->listener_count,
		sizeof(*l));
	if (l == NULL)
		return -ENOMEM;
	l->usage = port->usage;
	l->side = port->side;
	l->public_port = (uint16_t)sqlite3_column_int(stmt, 7);
	err = take_addr(load, stmt, 5, number, &l->address);
	if (err == 0 && !column_is_null(stmt, 6))
		err = take_addr(load, stmt, 6, l->public_port, &l->nat);
	if (err == 0)
		err = sql_copy(stmt, 8, l->public_fqdn,
			sizeof(l->public_fqdn), load->why);
	return err;
}

static int take_media(struct load *load, struct sqlite3_stmt *stmt)
{
	struct topology_media *m = grow((void **)&load->t->media,
		&load->t->media_count, sizeof(*m));
	int err;

	if (m == NULL)
		return -ENOMEM;
	m->port = (uint16_t)sqlite3_column_int(stmt, 0);
	m->port_count = (uint16_t)sqlite3_column_int(stmt, 1);
	err = take_addr(load, stmt, 2, 0, &m->address);
	if (err == 0 && !column_is_null(stmt, 3))
		err = take_addr(load, stmt, 3, 0, &m->nat);
	return err;
}

static int take_hop(struct load *load, struct sqlite3_stmt *stmt)
{
	struct topology_hop *h = grow((void **)&load->t->hops,
		&load->t->hop_count, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	h->port = (uint16_t)sqlite3_column_int(stmt, 1);
	h->weight = (unsigned)sqlite3_column_int(stmt, 2);
	return sql_copy(stmt, 0, h->fqdn, sizeof(h->fqdn), load->why);
}

static int take_trust(struct load *load, struct sqlite3_stmt *stmt)
{
	struct topology_trust *s = grow((void **)&load->t->trusted,
		&load->t->trusted_count, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	if (!topology_grant_parse(sql_text(stmt, 1), &s->grant))
		return why_set(load->why, EDGE_EDATABASE,
			"topology store: unknown grant '%s'",
			sql_text(stmt, 1));
	s->has_pin = sqlite3_column_bytes(stmt, 2) ==
		(int)sizeof(s->spki_sha256);
	if (s->has_pin)
		memcpy(s->spki_sha256, sqlite3_column_blob(stmt, 2),
			sizeof(s->spki_sha256));
	err = sql_copy(stmt, 0, s->fqdn, sizeof(s->fqdn), load->why);
	if (err == 0)
		err = sql_copy(stmt, 3, s->server_uuid,
			sizeof(s->server_uuid), load->why);
	return err;
}

/* An envelope of ours; who opens it judges what is in it. */
static int take_sealed(struct load *load, struct sqlite3_stmt *stmt)
{
	struct topology_sealed *s = grow((void **)&load->t->sealed,
		&load->t->sealed_count, sizeof(*s));
	int len = sqlite3_column_bytes(stmt, 3);
	int64_t id = sqlite3_column_int64(stmt, 1);

	if (s == NULL)
		return -ENOMEM;
	if (len <= 0 || len > (int)TOPOLOGY_SEALED_MAX || id < 0 ||
		id > UINT32_MAX)
		return why_set(load->why, EDGE_EDATABASE,
			"topology store: sealed key %lld is out of bounds",
			(long long)id);
	s->key_id = (uint32_t)id;
	s->is_current = strcmp(sql_text(stmt, 2), "current") == 0;
	s->cms = malloc((size_t)len);
	if (s->cms == NULL)
		return -ENOMEM;
	s->cms_len = (size_t)len;
	memcpy(s->cms, sqlite3_column_blob(stmt, 3), s->cms_len);
	return sql_copy(stmt, 0, s->purpose, sizeof(s->purpose), load->why);
}

static int take_partner(struct load *load, struct sqlite3_stmt *stmt)
{
	struct topology_partner *p = grow((void **)&load->t->partners,
		&load->t->partner_count, sizeof(*p));
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->is_blocked = strcmp(sql_text(stmt, 1), "block") == 0;
	p->edge_port = (uint16_t)sqlite3_column_int(stmt, 3);
	err = sql_copy(stmt, 0, p->domain, sizeof(p->domain), load->why);
	if (err == 0)
		err = sql_copy(stmt, 2, p->edge_fqdn, sizeof(p->edge_fqdn),
			load->why);
	if (err == 0)
		err = sql_copy(stmt, 4, p->verification,
			sizeof(p->verification), load->why);
	return err;
}

static int take_provider(struct load *load, struct sqlite3_stmt *stmt)
{
	struct topology_provider *p = grow((void **)&load->t->providers,
		&load->t->provider_count, sizeof(*p));
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->is_public = strcmp(sql_text(stmt, 1), "public") == 0;
	p->is_enabled = sqlite3_column_int(stmt, 3) == 1;
	p->shared_address_space = sqlite3_column_int(stmt, 4) == 1;
	err = sql_copy(stmt, 0, p->name, sizeof(p->name), load->why);
	if (err == 0)
		err = sql_copy(stmt, 2, p->proxy_fqdn, sizeof(p->proxy_fqdn),
			load->why);
	if (err == 0)
		err = sql_copy(stmt, 5, p->verification,
			sizeof(p->verification), load->why);
	return err;
}

/* ---- settings ----------------------------------------------------------- */

/* Widest scope first, so that the narrowest is put last and wins. */
static const char SETTINGS_SQL[] =
	"SELECT s.key, s.value FROM setting s JOIN ("
	" SELECT 0 AS rank, 'global' AS scope"
	" UNION ALL SELECT 1, 'site:'||t.name FROM site t JOIN pool p"
	"  USING(site_id) JOIN machine m USING(pool_id) WHERE m.fqdn=?1"
	" UNION ALL SELECT 2, 'pool:'||p.fqdn FROM pool p JOIN machine m"
	"  USING(pool_id) WHERE m.fqdn=?1"
	" UNION ALL SELECT 3, 'machine:'||?1) c USING(scope)"
	" WHERE s.component=?2 ORDER BY c.rank";

static int load_settings(struct load *load, const char *component,
	struct setting_set **out)
{
	struct sqlite3_stmt *stmt = NULL;
	struct setting_set *set = NULL;
	struct why why = {""};
	int err;

	err = setting_set_new(&set, component);
	if (err == 0)
		err = sql_query(&stmt, load->db, load->why, SETTINGS_SQL,
			"tt", load->t->machine, component);
	while (err == 0 && (err = sql_next(stmt, load->why)) == 1) {
		err = setting_set_put(set, sql_text(stmt, 0),
			sql_text(stmt, 1), &why);
		if (err == EDGE_EUNKNOWN) {
			/* A newer publisher: no reason to stand still. */
			log_warning("setting.skipped", "component=%s text=%s",
				component, log_qz(why.text));
			err = 0;
		} else if (err < 0) {
			err = why_set(load->why, err, "%s: %s", component,
				why_text(&why, err));
		}
	}
	sqlite3_finalize(stmt);
	if (err < 0) {
		setting_set_free(set);
		return err;
	}
	*out = set;
	return 0;
}

static int load_all_settings(struct load *load)
{
	struct setting_set *own = NULL;
	int err = load_settings(load, "topology", &own);

	if (err < 0)
		return err;
	load->t->lab = setting_bool(own, "lab");
	setting_set_free(own);
	for (unsigned i = 0; i < CONF_DAEMON_COUNT && err == 0; i++)
		err = load_settings(load, conf_daemon_name((enum conf_daemon)i),
			&load->t->settings[i]);
	return err;
}

/* ---- the whole ---------------------------------------------------------- */

static const struct {
	const char *sql;
	row_fn *fn;
} TABLES[] = {
	{"SELECT p.fqdn, m.state FROM machine m JOIN pool p USING(pool_id)"
	 " WHERE m.fqdn=?1", take_machine},
	{"SELECT name, is_default FROM sip_domain"
	 " ORDER BY is_default DESC, name", take_domain},
	{"SELECT component, usage, side, transport, port, address,"
	 " nat_address, public_port, public_fqdn FROM listener"
	 " WHERE machine=?1 ORDER BY side DESC, component, usage, transport,"
	 " family, address, port", take_listener},
	{"SELECT e.port, e.port_count, n.address, n.nat_address"
	 " FROM endpoint e JOIN service s USING(service_id)"
	 " JOIN machine m USING(pool_id)"
	 " JOIN net_interface n ON n.machine_id=m.machine_id AND n.side=e.side"
	 "  AND n.number=e.iface_number"
	 " WHERE m.fqdn=?1 AND m.state<>'disabled'"
	 "  AND e.component='" TOPOLOGY_MEDIA_COMPONENT "'"
	 "  AND e.usage='" TOPOLOGY_MEDIA_USAGE "' AND e.enabled=1"
	 " ORDER BY n.family", take_media},
	{"SELECT n.fqdn, n.port, n.weight FROM next_hop n JOIN machine m"
	 " USING(pool_id) WHERE m.fqdn=?1 ORDER BY n.ordinal", take_hop},
	{"SELECT t.fqdn, t.grants, t.spki_sha256, t.server_uuid"
	 " FROM trusted_server t JOIN machine m ON m.pool_id=t.edge_pool"
	 " WHERE m.fqdn=?1 ORDER BY t.fqdn, t.grants", take_trust},
	{"SELECT domain, action, edge_fqdn, COALESCE(edge_port, 5061),"
	 " verification FROM federated_domain ORDER BY domain",
		take_partner},
	{"SELECT name, kind, proxy_fqdn, enabled, shared_address_space,"
	 " verification FROM provider ORDER BY name", take_provider},
	{"SELECT k.purpose, k.key_id, k.role, k.cms FROM sealed_key k"
	 " JOIN machine m USING(machine_id) WHERE m.fqdn=?1"
	 " ORDER BY k.purpose, k.role, k.key_id DESC", take_sealed},
};

/* One device for both sides means that a route of the host, and not we,
 * decides what is inside (threat S19). */
static bool are_sides_separated(const struct topology *t)
{
	for (size_t i = 0; i < t->listener_count; i++) {
		const struct topology_listener *in = &t->listeners[i];

		if (in->side != TOPOLOGY_INTERNAL)
			continue;
		for (size_t k = 0; k < t->listener_count; k++) {
			const struct topology_listener *out =
				&t->listeners[k];

			if (out->side == TOPOLOGY_EXTERNAL &&
				net_same_device(&in->address, &out->address))
				return false;
		}
	}
	return true;
}

static int load_rows(struct load *load)
{
	int err = load_all_settings(load);

	for (size_t i = 0; i < ARRAY_COUNT(TABLES) && err == 0; i++) {
		err = each_row(load, TABLES[i].sql, TABLES[i].fn);
		if (err == 0 && load->t->pool[0] == '\0')
			err = why_set(load->why, EDGE_EUNKNOWN,
				"machine '%s' is not in the topology: add it "
				"below 'edges', or correct 'machine' in "
				"edge.yaml", load->t->machine);
	}
	if (err == 0)
		load->t->sides_separated = are_sides_separated(load->t);
	return err;
}

static int open_and_load(struct topology *t, const char *path,
	struct why *why)
{
	struct load load = {.t = t, .why = why};
	struct generation_info info;
	int err = generation_open(&load.db, path, why);

	if (err < 0)
		return err;
	err = generation_read_info(load.db, path, &info, why);
	if (err == 0) {
		t->epoch = info.epoch;
		t->serial = info.serial;
		memcpy(t->sha256, info.sha256, sizeof(t->sha256));
		err = load_rows(&load);
		if (err < 0)
			err = why_prefix(why, err, "%s", path);
	}
	sqlite3_close(load.db);
	return err;
}

static int snapshot_new(struct topology **out, const char *machine,
	struct why *why)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	if (dns_name_take(str_of(machine), s->t.machine,
		    sizeof(s->t.machine)) < 0) {
		free(s);
		return why_set(why, EDGE_EUNKNOWN, "'%s' is not a host name",
			machine);
	}
	*out = &s->t;
	return 0;
}

int topology_load(struct topology **out, const char *path,
	const char *machine, struct why *why)
{
	struct topology *t = NULL;
	int err = snapshot_new(&t, machine, why);

	if (err < 0)
		return err;
	err = open_and_load(t, path, why);
	if (err < 0) {
		topology_unref(t);
		return err;
	}
	*out = t;
	return 0;
}

int topology_bare(struct topology **out, const char *machine,
	struct why *why)
{
	struct topology *t = NULL;
	int err = snapshot_new(&t, machine, why);

	for (unsigned i = 0; i < CONF_DAEMON_COUNT && err == 0; i++)
		err = setting_set_new(&t->settings[i],
			conf_daemon_name((enum conf_daemon)i));
	if (err < 0) {
		topology_unref(t);
		return err;
	}
	t->sides_separated = true;
	*out = t;
	return 0;
}

struct topology *topology_ref(struct topology *t)
{
	struct snapshot *s = container_of(t, struct snapshot, t);

	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return t;
}

void topology_unref(struct topology *t)
{
	struct snapshot *s;

	if (t == NULL)
		return;
	s = container_of(t, struct snapshot, t);
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		setting_set_free(t->settings[i]);
	free(t->domains);
	free(t->listeners);
	free(t->media);
	free(t->hops);
	free(t->trusted);
	free(t->partners);
	free(t->providers);
	for (size_t i = 0; i < t->sealed_count; i++)
		free(t->sealed[i].cms);
	free(t->sealed);
	free(s);
}

/* ---- questions ---------------------------------------------------------- */

const struct topology_listener *topology_listener(const struct topology *t,
	enum topology_usage usage, enum topology_side side)
{
	for (size_t i = 0; i < t->listener_count; i++) {
		const struct topology_listener *l = &t->listeners[i];

		if (l->usage == usage && l->side == side)
			return l;
	}
	return NULL;
}

bool topology_has_domain(const struct topology *t, struct str domain)
{
	for (size_t i = 0; i < t->domain_count; i++) {
		if (str_ieq_z(domain, t->domains[i]))
			return true;
	}
	return false;
}

const struct topology_trust *topology_trusted(const struct topology *t,
	enum topology_grant grant, const char *fqdn)
{
	for (size_t i = 0; i < t->trusted_count; i++) {
		const struct topology_trust *s = &t->trusted[i];

		if (s->grant == grant && str_ieq_z(str_of(fqdn), s->fqdn))
			return s;
	}
	return NULL;
}

const struct setting_set *topology_settings(const struct topology *t,
	const char *daemon)
{
	enum conf_daemon id;

	if (conf_daemon_parse(daemon, &id) < 0)
		return NULL;
	return t->settings[id];
}

static bool is_either(const struct addr *a, const struct addr *bound,
	const struct addr *nat)
{
	return addr_ip_eq(a, bound) || (addr_is_set(nat) && addr_ip_eq(a, nat));
}

bool topology_is_own(const struct topology *t, const struct addr *a)
{
	struct addr real = addr_canonical(a);

	for (size_t i = 0; i < t->listener_count; i++) {
		const struct topology_listener *l = &t->listeners[i];

		if (is_either(&real, &l->address, &l->nat))
			return true;
	}
	for (size_t i = 0; i < t->media_count; i++) {
		if (is_either(&real, &t->media[i].address, &t->media[i].nat))
			return true;
	}
	return false;
}
