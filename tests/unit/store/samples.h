/* Topologies that the tests of the store share, and a folder to work in. */
#ifndef TEST_STORE_SAMPLES_H
#define TEST_STORE_SAMPLES_H

#include <check.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/str.h"
#include "common/base/why.h"
#include "common/store/topology_yaml.h"

/* One edge, one front end, one partner: the namespace laboratory. */
#define SAMPLE_HEAD                                                         \
	"domains: [contoso.test]\n"                                         \
	"edges:\n"                                                          \
	"  edge.int.contoso.test:\n"                                        \
	"    next_hop: fe.int.contoso.test\n"                               \
	"    access:  {name: sip.contoso.test}\n"                           \
	"    webconf: {name: webcon.contoso.test}\n"                        \
	"    av:      {name: av.contoso.test}\n"                            \
	"    machines:\n"                                                   \
	"      edge.int.contoso.test: {internal: 10.0.0.10, access: "       \
	"198.51.100.10, webconf: 198.51.100.20, av: 198.51.100.30}\n"
#define SAMPLE_SERVERS                                                      \
	"servers:\n"                                                        \
	"  fe.int.contoso.test: [sip, av-auth, webconf]\n"                  \
	"  cms.int.contoso.test: [replication]\n"
#define SAMPLE_TAIL                                                         \
	"partners:\n"                                                       \
	"  fabrikam.test: {edge: sip.fabrikam.test}\n"                      \
	"settings:\n"                                                       \
	"  access-edge: {allow_federated_users: true}\n"                    \
	"  av-edge: {allow_peers: [198.51.100.0/24]}\n"
#define SAMPLE SAMPLE_HEAD SAMPLE_SERVERS SAMPLE_TAIL

static inline struct topology_yaml *sample_yaml(const char *text)
{
	struct topology_yaml *y = NULL;
	struct why why = {""};
	int err = topology_yaml_parse(&y, "t.yaml", str_of(text), &why);

	ck_assert_msg(err == 0, "%d: %s", err, why.text);
	return y;
}

/* The rows of a topology.yaml in memory. */
static inline struct sqlite3 *sample_db(const char *text)
{
	struct topology_yaml *y = sample_yaml(text);
	struct sqlite3 *db = NULL;
	struct why why = {""};

	ck_assert_int_eq(topology_yaml_scratch(&db, y, &why), 0);
	topology_yaml_free(y);
	return db;
}

static inline char *sample_folder(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/sallyport-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	return path;
}

static inline int sample_remove_one(const char *path, const struct stat *st,
	int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void sample_remove(const char *path)
{
	nftw(path, sample_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
