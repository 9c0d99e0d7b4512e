/*
 * A small topology for tests of av-auth: one edge, one Front End, and what
 * a test wants to be different. Once as plain structs, once as a real
 * generation file that is loaded. Needs <check.h>.
 */
#ifndef TEST_AV_AUTH_LAB_H
#define TEST_AV_AUTH_LAB_H

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/why.h"
#include "common/run/conf.h"
#include "common/run/setting.h"
#include "common/store/topology.h"
#include "schema_sql.h"

#define LAB_MACHINE "edge.int.test"

/* ---- plain structs: for pure functions ---------------------------------- */

struct lab_plain {
	struct topology t;
	struct topology_listener listeners[8];
	struct topology_trust trusted[4];
};

static inline struct topology_listener *lab_listener(struct lab_plain *lab,
	enum topology_usage usage, enum topology_side side, const char *ip,
	uint16_t port, const char *fqdn)
{
	struct topology_listener *l = &lab->listeners[lab->t.listener_count++];

	memset(l, 0, sizeof(*l));
	l->usage = usage;
	l->side = side;
	ck_assert_int_eq(addr_parse_z(ip, port, &l->address), 0);
	snprintf(l->public_fqdn, sizeof(l->public_fqdn), "%s", fqdn);
	l->public_port = port;
	return l;
}

static inline void lab_trust(struct lab_plain *lab, enum topology_grant grant,
	const char *fqdn)
{
	struct topology_trust *row = &lab->trusted[lab->t.trusted_count++];

	memset(row, 0, sizeof(*row));
	row->grant = grant;
	snprintf(row->fqdn, sizeof(row->fqdn), "%s", fqdn);
}

/* Relays on both sides by UDP and TCP, as the model has them; fe.int.test
 * may ask for credentials, sip.int.test may not. */
static inline void lab_plain_init(struct lab_plain *lab)
{
	memset(lab, 0, sizeof(*lab));
	lab->t.listeners = lab->listeners;
	lab->t.trusted = lab->trusted;
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		ck_assert_int_eq(setting_set_new(&lab->t.settings[i],
					 conf_daemon_name(i)), 0);
	lab_listener(lab, TOPOLOGY_AUTH, TOPOLOGY_INTERNAL, "10.0.0.10", 5062,
		LAB_MACHINE);
	lab_listener(lab, TOPOLOGY_TURN_UDP, TOPOLOGY_EXTERNAL,
		"198.51.100.30", 3478, "av.test");
	lab_listener(lab, TOPOLOGY_TURN_TCP, TOPOLOGY_EXTERNAL,
		"198.51.100.30", 443, "av.test");
	lab_listener(lab, TOPOLOGY_TURN_UDP, TOPOLOGY_INTERNAL, "10.0.0.10",
		3478, LAB_MACHINE);
	lab_listener(lab, TOPOLOGY_TURN_TCP, TOPOLOGY_INTERNAL, "10.0.0.10",
		443, LAB_MACHINE);
	lab_trust(lab, TOPOLOGY_GRANT_AV_AUTH, "fe.int.test");
	lab_trust(lab, TOPOLOGY_GRANT_SIP, "sip.int.test");
}

static inline void lab_set(struct lab_plain *lab, const char *name,
	const char *json)
{
	struct why why;

	ck_assert_int_eq(setting_set_put(lab->t.settings[CONF_AV_AUTH], name,
				 json, &why), 0);
}

static inline void lab_plain_fini(struct lab_plain *lab)
{
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		setting_set_free(lab->t.settings[i]);
}

/* ---- a generation file: for what keeps references ----------------------- */

static const char LAB_ROWS[] =
	"BEGIN;"
	"INSERT INTO meta VALUES('epoch','0'),('serial','1'),"
	" ('created','1767225600'),('source','test');"
	"INSERT INTO site VALUES(1,'Default','central',NULL,NULL);"
	"INSERT INTO sip_domain VALUES('test',1,0,0);"
	"INSERT INTO pool VALUES(1,1,1,NULL,'edge.int.test',1,'none');"
	"INSERT INTO machine VALUES(1,1,1,'edge.int.test','active');"
	"INSERT INTO net_interface VALUES"
	" (1,'internal',1,4,'127.0.0.1',NULL),"
	" (1,'external',1,4,'127.0.0.2',NULL);"
	"INSERT INTO service VALUES(1,1,'EdgeServer',1,NULL);"
	"INSERT INTO endpoint(service_id,component,usage,side,port,transport,"
	" public_fqdn) VALUES"
	" (1,'MediaRelayEdge','TURNServer','internal',3478,'udp',NULL),"
	" (1,'MediaRelayEdge','TURNServer','external',3478,'udp','av.test');"
	"INSERT INTO setting VALUES('global','topology','lab','true');"
	"COMMIT;";

/* Write the file and load it. extra: more SQL, or "". */
static inline struct topology *lab_load(const char *path, const char *extra)
{
	struct topology *t;
	struct why why = {""};
	sqlite3 *db;

	unlink(path);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, SCHEMA_SQL, NULL, NULL, NULL) ==
			SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_msg(sqlite3_exec(db, LAB_ROWS, NULL, NULL, NULL) ==
			SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_msg(sqlite3_exec(db, extra, NULL, NULL, NULL) == SQLITE_OK,
		"%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	ck_assert_msg(topology_load(&t, path, LAB_MACHINE, &why) == 0, "%s",
		why.text);
	return t;
}

#endif
