/* A store, a publisher's key and bundles with a number in them, for the tests
 * of the keeper. No daemon runs: nobody is asked. */
#ifndef TEST_AGENT_KEEPERS_H
#define TEST_AGENT_KEEPERS_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/run/file.h"
#include "common/store/pin.h"
#include "common/store/sql.h"
#include "replication-agent/keeper.h"
#include "replication-agent/vault.h"
#include "tests/unit/bundle/bundles.h"

#define MACHINE "edge.int.contoso.test"

static char *state_dir;
static struct conf test_conf;
static struct bundle_key *key;
static struct bundle_trust trust;
static struct keeper keeper;

/* The sample with so many domains, all saying the number, so that a mixture
 * of two would show. */
static inline char *numbered_yaml(int number)
{
	size_t cap = 64 * 1024;
	char *text = malloc(cap);
	size_t n = 0;

	n += (size_t)snprintf(text + n, cap - n, "domains: [contoso.test");
	for (int i = 0; i < 50; i++)
		n += (size_t)snprintf(text + n, cap - n, ", d%d.n%d.test", i,
			number);
	n += (size_t)snprintf(text + n, cap - n, "]\n%s%s",
		strchr(SAMPLE_HEAD, '\n') + 1, SAMPLE_SERVERS);
	return text;
}

static inline void make_bundle(struct bundle_bytes *out,
	struct bundle_manifest *m, const char *yaml)
{
	struct sqlite3 *db = sample_db(yaml);
	struct bundle_signer signer;
	struct bundle_rows rows;
	struct why why = {""};
	int err;

	bundle_key_signer(key, &signer);
	ck_assert_int_eq(bundle_rows_dump(&rows, db, &why), 0);
	err = bundle_make_topology(out, m, &rows, &signer, 1, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	bundle_rows_fini(&rows);
	sqlite3_close(db);
}

/* Number 7 as version epoch.7. */
static inline void make_number(struct bundle_bytes *out, uint32_t epoch,
	int number)
{
	struct bundle_manifest m = manifest_of(epoch, (uint64_t)number);
	char *yaml = numbered_yaml(number);

	make_bundle(out, &m, yaml);
	free(yaml);
}

/* The number of what is current; -1 when nothing whole is. */
static inline int current_number(void)
{
	struct sqlite3_stmt *stmt = NULL;
	struct sqlite3 *db = NULL;
	char path[512];
	int number = -1;
	int count = 0;

	if (generation_current_path(state_dir, path, sizeof(path), NULL) < 0 ||
		generation_open(&db, path, NULL) < 0)
		return -1;
	if (sql_query(&stmt, db, NULL, "SELECT name FROM sip_domain", "") < 0)
		return -1;
	while (sql_next(stmt, NULL) == 1) {
		int i;
		int n;

		if (sscanf(sql_text(stmt, 0), "d%d.n%d.test", &i, &n) != 2)
			continue;
		if (number != -1 && n != number)
			count = -1000;
		number = n;
		count++;
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count == 50 ? number : -1;
}

static inline int stage(const struct bundle_bytes *b)
{
	struct keeper_result r = {.status = 0};

	keeper_stage(&keeper, b->p, b->len, NULL, NULL, &r);
	keeper_result_fini(&r);
	return r.status;
}

static inline int activate(const struct bundle_bytes *b,
	struct bundle_version v)
{
	struct keeper_result r = {.status = 0};

	keeper_activate(&keeper, v, b->sha256, &r);
	keeper_result_fini(&r);
	return r.status;
}

/* Number n of epoch e, staged and made current; the last status. */
static inline int bring(uint32_t epoch, int number)
{
	struct bundle_bytes b;
	int status;

	make_number(&b, epoch, number);
	status = stage(&b);
	if (status == 200 || status == 201)
		status = activate(&b,
			(struct bundle_version){epoch, (uint64_t)number});
	bundle_bytes_fini(&b);
	return status;
}

static inline void put_trust(void)
{
	struct why why = {""};
	char *json = NULL;

	ck_assert_int_eq(bundle_trust_print(&trust, &json, &why), 0);
	ck_assert_int_eq(file_replace(keeper.dir[0] != '\0' ? keeper.dir : "",
		"trust.json", json, strlen(json), 0600, &why), 0);
	free(json);
}

static inline void open_keeper(void)
{
	struct why why = {""};

	ck_assert_msg(keeper_init(&keeper, &test_conf, &why) == 0, "%s",
		why.text);
	ck_assert_msg(keeper_recover(&keeper, &why) == 0, "%s", why.text);
}

static inline void make_place(void)
{
	struct why why = {""};
	char dir[PATH_MAX];

	ck_assert_int_eq(generation_make_folders(state_dir, geteuid(),
		getegid(), &why), 0);
	snprintf(dir, sizeof(dir), "%s/replication-agent", state_dir);
	ck_assert(mkdir(dir, 0700) == 0 || errno == EEXIST);
	ck_assert_int_eq(vault_make(dir, &why), 0);
	snprintf(keeper.dir, sizeof(keeper.dir), "%s", dir);
	put_trust();
}

static inline void setup_at(char *dir)
{
	state_dir = dir;
	test_conf = (struct conf){
		.machine = (char *)(uintptr_t)MACHINE,
		.run_dir = state_dir,
		.state_dir = state_dir,
	};
	key = key_number(0);
	trust_in(&trust, key);
	make_place();
	open_keeper();
}

static inline void setup(void)
{
	setup_at(sample_folder());
}

static inline void teardown(void)
{
	keeper_fini(&keeper);
	bundle_key_free(key);
	sample_remove(state_dir);
}

/* The generation that a link of the store leads to. */
static inline void damage(const char *link)
{
	char path[2 * PATH_MAX];
	char target[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/topology/%s", state_dir, link);
	n = readlink(path, target, sizeof(target) - 1);
	ck_assert_int_gt(n, 0);
	target[n] = '\0';
	snprintf(path, sizeof(path), "%s/topology/%s", state_dir, target);
	ck_assert_int_eq(chmod(path, 0600), 0);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "wreck", 5), 5);
	close(fd);
}

#endif
