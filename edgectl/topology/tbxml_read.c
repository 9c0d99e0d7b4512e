/*
 * XML of a topology into temporary tables, one row for each element that
 * counts, with its line. expat in namespace mode; document types are
 * refused, so there are no entities to expand; depth, attributes and
 * lengths are bounded. Elements are matched by namespace and local name in
 * one table, inside the parents it names; everything else is a note. What
 * the rows mean together is tbxml_rows.c.
 */
#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/store/sql.h"
#include "edgectl/topology/tbxml_priv.h"

/* expat puts this between namespace and local name. */
#define SEPARATOR    '|'
#define DEPLOY       "urn:schema:Microsoft.Rtc.Management.Deploy."
#define ELEMENTS_MAX 500000u
#define VALUE_MAX    1024u
#define SITE_NAME_LEN 256u

enum namespace {
	NS_BUILDER = 1 << 0,
	NS_WRITABLE = 1 << 1,
	NS_TOPOLOGY = 1 << 2,
	NS_ROLES = 1 << 3,
	NS_OTHER = 1 << 4,
};

static const struct {
	const char *uri;
	enum namespace bit;
} NAMESPACES[] = {
	{DEPLOY "TopologyBuilder.2008", NS_BUILDER},
	{DEPLOY "WritableTopology.2008", NS_WRITABLE},
	{DEPLOY "Topology.2008", NS_TOPOLOGY},
	{DEPLOY "ServiceRoles.2008", NS_ROLES},
};

/* Where we are; a bit each, so that a row can name several parents. */
enum place {
	AT_TOP = 1 << 0,
	AT_BUILDER = 1 << 1,
	AT_NEW = 1 << 2,
	AT_TOPOLOGY = 1 << 3, /* PartialTopology, or the published root */
	AT_DOMAINS = 1 << 4,
	AT_SITES = 1 << 5,
	AT_SITE = 1 << 6,
	AT_SITE_NAME = 1 << 7,
	AT_CLUSTERS = 1 << 8,
	AT_CLUSTER = 1 << 9,
	AT_MACHINES = 1 << 10,
	AT_MACHINE = 1 << 11,
	AT_INSTANCES = 1 << 12,
	AT_SERVICES = 1 << 13,
	AT_SERVICE = 1 << 14,
	AT_DEPENDS = 1 << 15,
	AT_DEPENDENCY = 1 << 16,
	AT_PORTS = 1 << 17,
	AT_INSTALLED = 1 << 18,
	AT_LEAF = 1 << 19, /* nothing is expected below */
	AT_SKIPPED = 1 << 20, /* known, of no use, with all below it */
};

struct reader {
	struct tbxml *t;
	struct why *why;
	XML_Parser parser;
	enum place stack[TBXML_DEPTH_MAX];
	unsigned depth;
	unsigned skip; /* elements we are inside of and do not read */
	size_t elements;
	int err;
	char site_key[64]; /* of the site we are in */
	char site_name[SITE_NAME_LEN];
	size_t site_name_len;
	int64_t cluster;
	int64_t number; /* of clusters in this site so far */
	int64_t machine;
	int64_t ordinal;
	int64_t service;
};

typedef int(element_fn)(struct reader *r, const char **atts);

static unsigned long line_of(const struct reader *r)
{
	return XML_GetCurrentLineNumber(r->parser);
}

/* ---- attributes --------------------------------------------------------- */

/* NULL when absent. */
static const char *attr(const char **atts, const char *name)
{
	for (size_t i = 0; atts[i] != NULL; i += 2)
		if (strcmp(atts[i], name) == 0)
			return atts[i + 1];
	return NULL;
}

/* "" and a note when it is not there. */
static const char *need(struct reader *r, const char **atts,
	const char *element, const char *name)
{
	const char *value = attr(atts, name);

	if (value != NULL && value[0] != '\0')
		return value;
	if (r->err == 0)
		r->err = tbxml_note(r->t, TBXML_ERROR, line_of(r),
			"%s has no %s", element, name);
	return "";
}

/* A host name in lower case into out, "" when absent or not one. */
static int take_name(struct reader *r, const char *value, const char *what,
	char out[static DNS_NAME_LEN])
{
	out[0] = '\0';
	if (value == NULL || value[0] == '\0' ||
		dns_name_take(str_of(value), out, DNS_NAME_LEN) == 0)
		return 0;
	out[0] = '\0';
	return tbxml_note(r->t, TBXML_ERROR, line_of(r),
		"%s '%.100s' is not a host name", what, value);
}

/* Within bounds, or a note and the fallback. */
static int take_number(struct reader *r, const char *value, const char *what,
	uint32_t fallback, uint32_t max, int64_t *out)
{
	uint32_t number = 0;

	*out = fallback;
	if (value == NULL || value[0] == '\0')
		return 0;
	if (str_to_u32(str_of(value), &number) == 0 && number >= 1 &&
		number <= max) {
		*out = number;
		return 0;
	}
	return tbxml_note(r->t, TBXML_ERROR, line_of(r),
		"%s '%.40s' is not a number from 1 to %u", what, value, max);
}

static bool is_true(const char *value)
{
	return value != NULL && (str_ieq_z(str_of(value), "true") ||
					strcmp(value, "1") == 0);
}

/* One of a few words, in our spelling; NULL and a note else. */
static const char *take_word(struct reader *r, const char *value,
	const char *what, const char *const (*words)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_ieq_z(str_of(value), words[i][0]))
			return words[i][1];
	if (r->err == 0)
		r->err = tbxml_note(r->t, TBXML_REVIEW, line_of(r),
			"%s '%.40s' is not known, so this entry is left out",
			what, value);
	return NULL;
}

static const char *take_side(struct reader *r, const char *value)
{
	static const char *const SIDES[][2] = {{"Internal", "internal"},
		{"External", "external"}, {"Primary", "primary"},
		{"Pstn", "pstn"}};

	return take_word(r, value, "InterfaceSide", SIDES, ARRAY_COUNT(SIDES));
}

static const char *take_transport(struct reader *r, const char *value)
{
	static const char *const TRANSPORTS[][2] = {{"Tcp", "tcp"},
		{"Udp", "udp"}, {"TcpOrUdp", "tcp_or_udp"}, {"Tls", "tls"},
		{"Mtls", "mtls"}, {"Http", "http"}, {"Https", "https"}};

	return take_word(r, value, "Protocol", TRANSPORTS,
		ARRAY_COUNT(TRANSPORTS));
}

/* ---- elements ----------------------------------------------------------- */

static int on_builder(struct reader *r, const char **atts)
{
	(void)atts;
	r->t->form = TBXML_BUILDER;
	return 0;
}

static int on_published(struct reader *r, const char **atts)
{
	(void)atts;
	r->t->form = TBXML_PUBLISHED;
	return 0;
}

static int on_domains(struct reader *r, const char **atts)
{
	char name[DNS_NAME_LEN];
	int err = take_name(r, attr(atts, "DefaultDomain"), "DefaultDomain",
		name);

	if (err == 0 && is_true(attr(atts, "AllowAllDomains")))
		err = tbxml_note(r->t, TBXML_REVIEW, line_of(r),
			"AllowAllDomains has no counterpart: list every SIP "
			"domain");
	return err < 0 ? err :
			sql_run(r->t->db, r->why,
				"INSERT INTO in_default VALUES(?)", "t", name);
}

static int on_domain(struct reader *r, const char **atts)
{
	char name[DNS_NAME_LEN];
	int err = take_name(r, need(r, atts, "InternalDomain", "Name"),
		"InternalDomain", name);

	if (err < 0 || name[0] == '\0')
		return err;
	return sql_run(r->t->db, r->why,
		"INSERT INTO in_domain VALUES(?, ?, ?, ?)", "tiii", name,
		(int64_t)is_true(attr(atts, "Authoritative")),
		(int64_t)is_true(attr(atts, "AllowSubDomains")),
		(int64_t)line_of(r));
}

static int on_site(struct reader *r, const char **atts)
{
	snprintf(r->site_key, sizeof(r->site_key), "%s",
		need(r, atts, "CentralSite", "SiteId"));
	r->site_name_len = 0;
	r->number = 0;
	return 0;
}

static int on_cluster(struct reader *r, const char **atts)
{
	const char *replicated = attr(atts, "RequiresReplication");
	char name[DNS_NAME_LEN];
	int err = take_name(r, need(r, atts, "Cluster", "Fqdn"), "Cluster",
		name);

	if (err < 0)
		return err;
	if (r->t->form == TBXML_BUILDER)
		need(r, atts, "Cluster", "UniqueId");
	r->ordinal = 0;
	err = sql_run(r->t->db, r->why,
		"INSERT INTO in_cluster(key, site_key, number, fqdn,"
		" replicated, line) VALUES(?, ?, ?, ?, ?, ?)", "ttitii",
		attr(atts, "UniqueId"), r->site_key, ++r->number, name,
		(int64_t)(replicated == NULL || is_true(replicated)),
		(int64_t)line_of(r));
	r->cluster = sqlite3_last_insert_rowid(r->t->db);
	return err;
}

/* The published form names a cluster by site and number, here its own. */
static int on_own_cluster_id(struct reader *r, const char **atts)
{
	const char *site = need(r, atts, "ClusterId", "SiteId");
	const char *number = need(r, atts, "ClusterId", "Number");

	return sql_run(r->t->db, r->why,
		"UPDATE in_cluster SET key=?1||'-'||?2, site_key=?1,"
		" number=CAST(?2 AS INTEGER) WHERE id=?3", "tti", site, number,
		r->cluster);
}

static int on_machine(struct reader *r, const char **atts)
{
	const char *ordinal = attr(atts, "OrdinalInCluster");
	char name[DNS_NAME_LEN];
	int64_t at;
	int err = take_name(r, attr(atts, "Fqdn"), "Machine", name);

	r->ordinal++;
	if (err == 0)
		err = take_number(r, ordinal, "OrdinalInCluster",
			(uint32_t)r->ordinal, 10000, &at);
	if (err < 0)
		return err;
	err = sql_run(r->t->db, r->why,
		"INSERT INTO in_machine(cluster, ordinal, fqdn, line)"
		" VALUES(?, ?, NULLIF(?, ''), ?)", "iiti", r->cluster, at,
		name, (int64_t)line_of(r));
	r->machine = sqlite3_last_insert_rowid(r->t->db);
	return err;
}

static int on_interface(struct reader *r, const char **atts)
{
	const char *side = take_side(r,
		need(r, atts, "NetInterface", "InterfaceSide"));
	int64_t number;
	int err = take_number(r, attr(atts, "InterfaceNumber"),
		"InterfaceNumber", 1, 99, &number);

	if (err < 0 || side == NULL)
		return err;
	return sql_run(r->t->db, r->why,
		"INSERT INTO in_interface VALUES(?, ?, ?, ?,"
		" NULLIF(?, ''), ?)", "ititti", r->machine, side, number,
		need(r, atts, "NetInterface", "IPAddress"),
		attr(atts, "ConfiguredIPAddress"), (int64_t)line_of(r));
}

/* Something installed on a database instance is installed on its pool. */
static int on_instance(struct reader *r, const char **atts)
{
	const char *key = attr(atts, "UniqueId");

	if (key == NULL)
		return 0;
	return sql_run(r->t->db, r->why, "INSERT INTO in_alias VALUES(?, ?)",
		"ti", key, r->cluster);
}

static int on_service(struct reader *r, const char **atts)
{
	bool is_builder = r->t->form == TBXML_BUILDER;
	int err = sql_run(r->t->db, r->why,
		"INSERT INTO in_service(key, role, host, line)"
		" VALUES(?, ?, ?, ?)", "ttti",
		is_builder ? need(r, atts, "Service", "UniqueId") : NULL,
		is_builder ? need(r, atts, "Service", "RoleName") : NULL,
		is_builder ? need(r, atts, "Service", "InstalledOn") : NULL,
		(int64_t)line_of(r));

	r->service = sqlite3_last_insert_rowid(r->t->db);
	return err;
}

static int on_own_service_id(struct reader *r, const char **atts)
{
	return sql_run(r->t->db, r->why,
		"UPDATE in_service SET key=?1||'-'||?2||'-'||?3, role=?2"
		" WHERE id=?4", "ttti", need(r, atts, "ServiceId", "SiteId"),
		need(r, atts, "ServiceId", "RoleName"),
		need(r, atts, "ServiceId", "Instance"), r->service);
}

static int on_installed_id(struct reader *r, const char **atts)
{
	return sql_run(r->t->db, r->why,
		"UPDATE in_service SET host=?||'-'||? WHERE id=?", "tti",
		need(r, atts, "ClusterId", "SiteId"),
		need(r, atts, "ClusterId", "Number"), r->service);
}

static int on_dependency(struct reader *r, const char **atts)
{
	if (r->t->form == TBXML_PUBLISHED)
		return 0; /* its ServiceId follows */
	return sql_run(r->t->db, r->why,
		"INSERT INTO in_dependency VALUES(?, ?, ?)", "iti", r->service,
		need(r, atts, "Dependency", "ServiceUniqueId"),
		(int64_t)line_of(r));
}

static int on_target_id(struct reader *r, const char **atts)
{
	return sql_run(r->t->db, r->why,
		"INSERT INTO in_dependency VALUES(?, ?||'-'||?||'-'||?, ?)",
		"ittti", r->service, need(r, atts, "ServiceId", "SiteId"),
		need(r, atts, "ServiceId", "RoleName"),
		need(r, atts, "ServiceId", "Instance"), (int64_t)line_of(r));
}

static int on_director(struct reader *r, const char **atts)
{
	if (!is_true(attr(atts, "IsDirector")))
		return 0;
	return sql_run(r->t->db, r->why,
		"UPDATE in_service SET is_director=1 WHERE id=?", "i",
		r->service);
}

/* "urn:component:AccessEdge" and "urn:application:RGS" lose their heads. */
static const char *component_of(const char *owner)
{
	static const char *const HEADS[] = {"urn:component:",
		"urn:application:"};

	for (size_t i = 0; i < ARRAY_COUNT(HEADS); i++)
		if (str_istarts(str_of(owner), HEADS[i]))
			return owner + strlen(HEADS[i]);
	return owner;
}

static int on_port(struct reader *r, const char **atts)
{
	const char *side = take_side(r, need(r, atts, "Port",
		"InterfaceSide"));
	const char *transport = take_transport(r, need(r, atts, "Port",
		"Protocol"));
	char name[DNS_NAME_LEN];
	int64_t iface;
	int64_t port;
	int64_t count;
	int64_t public;
	int err;

	err = take_number(r, attr(atts, "InterfaceNumber"), "InterfaceNumber",
		1, 99, &iface);
	if (err == 0)
		err = take_number(r, need(r, atts, "Port", "Port"), "Port", 0,
			UINT16_MAX, &port);
	if (err == 0)
		err = take_number(r, attr(atts, "Range"), "Range", 1,
			UINT16_MAX, &count);
	if (err == 0)
		err = take_number(r, attr(atts, "ConfiguredPort"),
			"ConfiguredPort", 0, UINT16_MAX, &public);
	if (err == 0)
		err = take_name(r, attr(atts, "ConfiguredFqdn"),
			"ConfiguredFqdn", name);
	if (err < 0 || side == NULL || transport == NULL || port == 0)
		return err;
	return sql_run(r->t->db, r->why,
		"INSERT INTO in_port VALUES(?, ?, ?, ?, ?, ?, ?, ?,"
		" NULLIF(?, ''), NULLIF(?, 0), ?)", "itttiiittii",
		r->service,
		component_of(need(r, atts, "Port", "Owner")),
		need(r, atts, "Port", "Usage"), side, iface, port,
		count, transport, name, public, (int64_t)line_of(r));
}

/* ---- the table ---------------------------------------------------------- */

#define ATTRS_MAX 14

struct element {
	unsigned spaces; /* enum namespace bits */
	const char *name;
	unsigned parents; /* enum place bits */
	enum place place;
	element_fn *fn; /* or NULL */
	/* Those that are read and those that say nothing to an edge. */
	const char *attrs[ATTRS_MAX];
};

static const struct element ELEMENTS[] = {
	{NS_BUILDER, "TopologyBuilder", AT_TOP, AT_BUILDER, on_builder,
		{"IsFreeFromChanges", "FileName"}},
	{NS_BUILDER, "NewTopology", AT_BUILDER, AT_NEW, NULL, {NULL}},
	{NS_BUILDER, "OldTopology", AT_BUILDER, AT_SKIPPED, NULL, {NULL}},
	{NS_WRITABLE, "PartialTopology", AT_NEW, AT_TOPOLOGY, NULL,
		{"IsPublished", "Signature"}},
	{NS_TOPOLOGY, "Topology", AT_TOP, AT_TOPOLOGY, on_published,
		{"Signature"}},
	{NS_TOPOLOGY, "InternalDomains", AT_TOPOLOGY, AT_DOMAINS, on_domains,
		{"AllowAllDomains", "DefaultDomain"}},
	{NS_TOPOLOGY, "InternalDomain", AT_DOMAINS, AT_LEAF, on_domain,
		{"Name", "Authoritative", "AllowSubDomains"}},
	{NS_OTHER | NS_TOPOLOGY | NS_WRITABLE, "SimpleUrlConfiguration",
		AT_TOPOLOGY, AT_SKIPPED, NULL, {NULL}},
	{NS_WRITABLE, "CentralSites", AT_TOPOLOGY, AT_SITES, NULL, {NULL}},
	{NS_TOPOLOGY, "Sites", AT_TOPOLOGY, AT_SITES, NULL, {NULL}},
	{NS_WRITABLE | NS_TOPOLOGY, "CentralSite", AT_SITES, AT_SITE, on_site,
		{"SiteId"}},
	{NS_TOPOLOGY, "Name", AT_SITE, AT_SITE_NAME, NULL, {NULL}},
	{NS_TOPOLOGY | NS_WRITABLE, "Location", AT_SITE, AT_SKIPPED, NULL,
		{NULL}},
	{NS_WRITABLE | NS_TOPOLOGY, "RemoteSites", AT_SITE, AT_LEAF, NULL,
		{NULL}},
	{NS_WRITABLE, "Clusters", AT_SITE, AT_CLUSTERS, NULL, {NULL}},
	{NS_TOPOLOGY, "Clusters", AT_TOPOLOGY, AT_CLUSTERS, NULL, {NULL}},
	{NS_WRITABLE | NS_TOPOLOGY, "Cluster", AT_CLUSTERS, AT_CLUSTER,
		on_cluster,
		{"Fqdn", "UniqueId", "IsSingleMachineOnly",
			"RequiresReplication", "RequiresSetup"}},
	{NS_TOPOLOGY, "ClusterId", AT_CLUSTER, AT_LEAF, on_own_cluster_id,
		{"SiteId", "Number"}},
	{NS_WRITABLE, "Machines", AT_CLUSTER, AT_MACHINES, NULL, {NULL}},
	{NS_WRITABLE | NS_TOPOLOGY, "Machine", AT_MACHINES | AT_CLUSTER,
		AT_MACHINE, on_machine,
		{"Fqdn", "FaultDomain", "UpgradeDomain", "OrdinalInCluster",
			"UniqueId"}},
	{NS_TOPOLOGY, "NetInterface", AT_MACHINE, AT_LEAF, on_interface,
		{"InterfaceSide", "InterfaceNumber", "IPAddress",
			"ConfiguredIPAddress"}},
	{NS_WRITABLE, "SqlInstances", AT_CLUSTER, AT_INSTANCES, NULL, {NULL}},
	{NS_WRITABLE, "SqlInstance", AT_INSTANCES, AT_LEAF, on_instance,
		{"UniqueId", "Name"}},
	{NS_TOPOLOGY, "SqlInstances", AT_TOPOLOGY, AT_SKIPPED, NULL, {NULL}},
	{NS_WRITABLE | NS_TOPOLOGY, "Services", AT_TOPOLOGY, AT_SERVICES, NULL,
		{NULL}},
	{NS_WRITABLE | NS_TOPOLOGY, "Service", AT_SERVICES, AT_SERVICE,
		on_service,
		{"UniqueId", "RoleName", "InstalledOn", "RoleVersion",
			"ServiceVersion", "Type"}},
	{NS_TOPOLOGY, "ServiceId", AT_SERVICE, AT_LEAF, on_own_service_id,
		{"SiteId", "RoleName", "Instance"}},
	{NS_TOPOLOGY, "InstalledOn", AT_SERVICE, AT_INSTALLED, NULL, {NULL}},
	{NS_TOPOLOGY, "SqlInstanceId", AT_INSTALLED, AT_INSTALLED, NULL,
		{"Name"}},
	{NS_TOPOLOGY, "ClusterId", AT_INSTALLED, AT_LEAF, on_installed_id,
		{"SiteId", "Number"}},
	{NS_WRITABLE | NS_TOPOLOGY, "DependsOn", AT_SERVICE, AT_DEPENDS, NULL,
		{NULL}},
	{NS_WRITABLE | NS_TOPOLOGY, "Dependency", AT_DEPENDS, AT_DEPENDENCY,
		on_dependency, {"ServiceUniqueId", "Usage"}},
	{NS_TOPOLOGY, "ServiceId", AT_DEPENDENCY, AT_LEAF, on_target_id,
		{"SiteId", "RoleName", "Instance"}},
	{NS_ROLES, "Ports", AT_SERVICE, AT_PORTS, NULL, {NULL}},
	{NS_ROLES, "Port", AT_PORTS, AT_LEAF, on_port,
		{"Owner", "Usage", "InterfaceSide", "InterfaceNumber", "Port",
			"Range", "Protocol", "UrlPath", "AuthorizesRequests",
			"GruuType", "ConfiguredFqdn", "ConfiguredPort"}},
	{NS_ROLES, "RegistrarService", AT_SERVICE, AT_SKIPPED, on_director,
		{"IsDirector"}},
	{NS_ROLES, "ConfService", AT_SERVICE, AT_SKIPPED, NULL, {NULL}},
	{NS_ROLES, "FileStoreService", AT_SERVICE, AT_SKIPPED, NULL, {NULL}},
	{NS_ROLES, "ApplicationServerService", AT_SERVICE, AT_SKIPPED, NULL,
		{NULL}},
	{NS_ROLES, "WebService", AT_SERVICE, AT_SKIPPED, NULL, {NULL}},
};

/* ---- walking ------------------------------------------------------------ */

static enum namespace split_name(const char *name, const char **local)
{
	const char *bar = strrchr(name, SEPARATOR);

	*local = bar != NULL ? bar + 1 : name;
	for (size_t i = 0; bar != NULL && i < ARRAY_COUNT(NAMESPACES); i++)
		if (strlen(NAMESPACES[i].uri) == (size_t)(bar - name) &&
			strncmp(NAMESPACES[i].uri, name,
				(size_t)(bar - name)) == 0)
			return NAMESPACES[i].bit;
	return NS_OTHER;
}

static const struct element *find_element(enum namespace space,
	const char *local, enum place parent)
{
	for (size_t i = 0; i < ARRAY_COUNT(ELEMENTS); i++)
		if ((ELEMENTS[i].spaces & space) != 0 &&
			(ELEMENTS[i].parents & (unsigned)parent) != 0 &&
			strcmp(ELEMENTS[i].name, local) == 0)
			return &ELEMENTS[i];
	return NULL;
}

/* Known attributes may be of no use; unknown ones are told. */
static int check_attributes(struct reader *r, const struct element *e,
	const char **atts)
{
	int err = 0;

	for (size_t i = 0; atts[i] != NULL && err == 0; i += 2) {
		bool is_known = e->place == AT_SKIPPED;

		if (strlen(atts[i + 1]) > VALUE_MAX)
			return why_set(r->why, EDGE_ETOOBIG,
				"line %lu: a value of more than %u bytes",
				line_of(r), VALUE_MAX);
		for (size_t k = 0; k < ATTRS_MAX && e->attrs[k] != NULL; k++)
			is_known |= strcmp(atts[i], e->attrs[k]) == 0;
		if (!is_known)
			err = tbxml_note(r->t, TBXML_IGNORED, line_of(r),
				"attribute %.80s of %s", atts[i], e->name);
	}
	return err;
}

static void stop(struct reader *r, int err)
{
	if (r->err == 0)
		r->err = err;
	XML_StopParser(r->parser, XML_FALSE);
}

static int enter(struct reader *r, const char *name, const char **atts)
{
	enum place parent = r->depth > 0 ? r->stack[r->depth - 1] : AT_TOP;
	const struct element *e;
	const char *local;
	enum namespace space = split_name(name, &local);
	int err = 0;

	e = find_element(space, local, parent);
	if (e == NULL && parent == AT_TOP)
		return why_set(r->why, EDGE_ECONFIG,
			"line %lu: this is not a topology: it begins with "
			"<%.60s>, not with TopologyBuilder or Topology of the "
			"namespaces that end in .2008", line_of(r), local);
	if (e == NULL || e->place == AT_SKIPPED)
		r->skip = 1;
	if (e == NULL)
		return tbxml_note(r->t, TBXML_IGNORED, line_of(r),
			"element %.80s", local);
	err = check_attributes(r, e, atts);
	if (err == 0 && e->place == AT_SKIPPED && e->fn == NULL)
		err = tbxml_note(r->t, TBXML_LEFT, line_of(r), "%s", e->name);
	if (err == 0 && e->fn != NULL)
		err = e->fn(r, atts);
	if (err == 0)
		err = r->err;
	if (err == 0 && r->skip == 0)
		r->stack[r->depth++] = e->place;
	return err;
}

static void XMLCALL on_start(void *arg, const XML_Char *name,
	const XML_Char **atts)
{
	struct reader *r = arg;
	int err = 0;

	if (r->err != 0)
		return;
	if (++r->elements > ELEMENTS_MAX)
		err = why_set(r->why, EDGE_ETOOBIG,
			"line %lu: more than %u elements", line_of(r),
			ELEMENTS_MAX);
	else if (r->depth + r->skip >= TBXML_DEPTH_MAX)
		err = why_set(r->why, EDGE_ETOOBIG,
			"line %lu: more than %d elements inside each other",
			line_of(r), TBXML_DEPTH_MAX);
	else if (r->skip > 0)
		r->skip++;
	else
		err = enter(r, name, atts);
	if (err != 0)
		stop(r, err);
}

static int leave_site(struct reader *r)
{
	r->site_name[r->site_name_len] = '\0';
	return sql_run(r->t->db, r->why, "INSERT INTO in_site VALUES(?, ?)",
		"ts", r->site_key, str_trim(str_of(r->site_name)));
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	int err = 0;

	(void)name;
	if (r->err != 0)
		return;
	if (r->skip > 0) {
		r->skip--;
		return;
	}
	if (r->stack[--r->depth] == AT_SITE)
		err = leave_site(r);
	if (err != 0)
		stop(r, err);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
	struct reader *r = arg;
	size_t n = (size_t)len;

	if (r->err != 0 || r->skip > 0 || r->depth == 0 ||
		r->stack[r->depth - 1] != AT_SITE_NAME)
		return;
	if (n > SITE_NAME_LEN - 1 - r->site_name_len) {
		stop(r, why_set(r->why, EDGE_ETOOBIG,
			"line %lu: the name of a site is too long",
			line_of(r)));
		return;
	}
	memcpy(r->site_name + r->site_name_len, text, n);
	r->site_name_len += n;
}

/* No document types, so no entities and nothing fetched (threat S15). */
static void XMLCALL on_doctype(void *arg, const XML_Char *name,
	const XML_Char *system, const XML_Char *public, int has_subset)
{
	struct reader *r = arg;

	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	stop(r, why_set(r->why, EDGE_ECONFIG,
		"line %lu: a document type declaration is not accepted",
		line_of(r)));
}

static int prepare(struct tbxml *t, struct why *why)
{
	return sql_script(t->db, why,
		"CREATE TEMP TABLE in_default(name TEXT);"
		"CREATE TEMP TABLE in_domain(name TEXT, authoritative INTEGER,"
		" subdomains INTEGER, line INTEGER);"
		"CREATE TEMP TABLE in_site(key TEXT, name TEXT);"
		"CREATE TEMP TABLE in_cluster(id INTEGER PRIMARY KEY,"
		" key TEXT, site_key TEXT, number INTEGER, fqdn TEXT,"
		" replicated INTEGER, line INTEGER);"
		"CREATE TEMP TABLE in_alias(key TEXT, cluster INTEGER);"
		"CREATE TEMP TABLE in_machine(id INTEGER PRIMARY KEY,"
		" cluster INTEGER, ordinal INTEGER, fqdn TEXT, line INTEGER);"
		"CREATE TEMP TABLE in_interface(machine INTEGER, side TEXT,"
		" number INTEGER, address TEXT, nat TEXT, line INTEGER);"
		"CREATE TEMP TABLE in_service(id INTEGER PRIMARY KEY,"
		" key TEXT, role TEXT, host TEXT, line INTEGER,"
		" is_director INTEGER NOT NULL DEFAULT 0,"
		" cluster INTEGER);"
		"CREATE TEMP TABLE in_dependency(service INTEGER,"
		" target TEXT, line INTEGER);"
		"CREATE TEMP TABLE in_port(service INTEGER, component TEXT,"
		" usage TEXT, side TEXT, iface INTEGER, port INTEGER,"
		" count INTEGER, transport TEXT, fqdn TEXT,"
		" public_port INTEGER, line INTEGER);");
}

static int parse(struct reader *r, const char *name, struct str text)
{
	enum XML_Status status = XML_Parse(r->parser, text.p, (int)text.n, 1);

	if (r->err != 0)
		return r->why->text[0] == '\0' ? r->err :
			why_prefix(r->why, r->err, "%s", name);
	if (status == XML_STATUS_OK)
		return 0;
	return why_set(r->why, EDGE_ECONFIG, "%s: line %lu: %s; %s", name,
		line_of(r), XML_ErrorString(XML_GetErrorCode(r->parser)),
		str_starts(text, "PK") ? "this is an archive: unpack it "
			"first, the topology is one of its files" :
			"XML is wanted: what Topology Builder saves (.tbxml), "
			"or the published topology");
}

int tbxml_read(struct tbxml *t, const char *name, struct str text,
	struct why *why)
{
	struct why own = {""};
	struct reader r = {.t = t, .why = why != NULL ? why : &own};
	int err = prepare(t, r.why);

	if (err < 0)
		return err;
	r.parser = XML_ParserCreateNS(NULL, SEPARATOR);
	if (r.parser == NULL)
		return -ENOMEM;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	err = parse(&r, name, text);
	XML_ParserFree(r.parser);
	return err;
}
