/*
 * One row of the topology changed, everything else as it was: the current
 * generation as text, through the reader that checks what people write.
 */
#include "edgectl/partner_list.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/store/generation.h"
#include "common/store/sql.h"

static int dump_current(char **text, const struct conf *conf,
	struct why *why)
{
	char path[PATH_MAX];
	struct sqlite3 *db = NULL;
	int err = generation_current_path(conf->state_dir, path, sizeof(path),
		why);

	if (err == -ENOENT)
		return why_set(why, err, "there is no topology yet: 'edgectl "
			"topology apply FILE' makes the first one");
	if (err == 0)
		err = generation_open(&db, path, why);
	if (err == 0)
		err = topology_yaml_dump(db, text, why);
	sqlite3_close(db);
	return err;
}

/* "example.org" and "*.example.org" in lower case. */
static int take_domain(const char *text, char *out, size_t cap,
	struct why *why)
{
	size_t at = strncmp(text, "*.", 2) == 0 ? 2 : 0;
	char name[DNS_NAME_LEN];

	if (dns_name_take(str_of(text + at), name, sizeof(name)) != 0)
		return why_set(why, EDGE_ECONFIG, "'%s' is no SIP domain; "
			"write example.org, or *.example.org for everything "
			"below it", text);
	snprintf(out, cap, "%s%s", at > 0 ? "*." : "", name);
	return 0;
}

/* "name" or "name:port" */
static int take_edge(const char *text, char *name, size_t cap, int64_t *port,
	struct why *why)
{
	struct str host = {text, strcspn(text, ":")};
	uint32_t n = 5061;

	if (dns_name_take(host, name, cap) != 0 || (text[host.n] == ':' &&
		(str_to_u32(str_of(text + host.n + 1), &n) != 0 || n < 1 ||
			n > 65535)))
		return why_set(why, EDGE_ECONFIG, "'%s' is no server; write "
			"sip.example.org or sip.example.org:5061", text);
	*port = n;
	return 0;
}

static int insert(struct sqlite3 *db, const char *domain, bool is_blocked,
	const struct partner_list_entry *e, struct why *why)
{
	char edge[DNS_NAME_LEN] = "";
	int64_t port = 0;
	int err = 0;

	if (e->edge != NULL)
		err = take_edge(e->edge, edge, sizeof(edge), &port, why);
	if (err != 0)
		return err;
	return sql_run(db, why, "INSERT INTO federated_domain(domain, action,"
		" edge_fqdn, edge_port, verification, note) VALUES(?, ?,"
		" NULLIF(?, ''), NULLIF(?, 0), ?, NULLIF(?, ''))", "tttitt",
		domain, is_blocked ? "block" : "allow", edge, port,
		e->verification != NULL ? e->verification : "source",
		e->note != NULL ? e->note : "");
}

static int edit(struct sqlite3 *db, enum partner_list_act act,
	const struct partner_list_entry *e, struct why *why)
{
	char domain[DNS_NAME_LEN + 2];
	int err = take_domain(e->domain, domain, sizeof(domain), why);

	if (err == 0)
		err = sql_run(db, why, "DELETE FROM federated_domain"
			" WHERE domain=?", "t", domain);
	if (err == 0 && act != PARTNER_LIST_REMOVE)
		err = insert(db, domain, act == PARTNER_LIST_BLOCK, e, why);
	return err;
}

int partner_list_edit(struct topology_yaml **out, const struct conf *conf,
	enum partner_list_act act, const struct partner_list_entry *entry,
	struct why *why)
{
	struct topology_yaml *now = NULL;
	struct sqlite3 *db = NULL;
	char *text = NULL, *next = NULL;
	int err = dump_current(&text, conf, why);

	if (err == 0)
		err = topology_yaml_parse(&now, "the current topology",
			str_of(text), why);
	if (err == 0)
		err = topology_yaml_scratch(&db, now, why);
	if (err == 0)
		err = edit(db, act, entry, why);
	if (err == 0)
		err = topology_yaml_dump(db, &next, why);
	if (err == 0)
		err = topology_yaml_parse(out, "the new topology",
			str_of(next), why);
	sqlite3_close(db);
	topology_yaml_free(now);
	free(text);
	free(next);
	return err;
}
