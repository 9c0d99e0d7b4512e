/*
 * The whole daemon in a process of its own, sandboxed: keys over restarts,
 * questions over the control bus, new topologies while it serves.
 */
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "common/bus/bus_client.h"
#include "common/cred/av_cred.h"
#include "common/run/syscall_filter.h"
#include "common/store/generation.h"
#include "common/store/topology_yaml.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki.h"

/* The table of the real program. */
int av_auth_main(int argc, char **argv);
#define main av_auth_main
#include "av-auth/main.c"
#undef main

static struct {
	struct pki pki; /* its folder has everything else too */
	char conf[128];
	char state_dir[128];
	char key_path[160];
	char output[128];
	char read_path[128];
	char admin_path[128];
	pid_t pid;
} t;

static int open_to_all(const char *path, const struct stat *st, int flag,
	struct FTW *ftw)
{
	(void)flag;
	(void)ftw;
	if (S_ISLNK(st->st_mode) || strstr(path, "/av-auth") != NULL)
		return 0;
	return chmod(path, S_ISDIR(st->st_mode) ? 0755 : 0644);
}

static int remove_one(const char *path, const struct stat *st, int flag,
	struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* A new generation; more: lines below "settings:". */
static void activate(uint16_t port, const char *more)
{
	struct generation_stage *stage;
	struct topology_yaml *y;
	struct why why = {""};
	char text[1024];

	snprintf(text, sizeof(text),
		"domains: [test]\nlab: true\nedges:\n  edge.test:\n"
		"    next_hop: fe.test\n    access: {name: sip.test}\n"
		"    av: {name: av.test}\n"
		"    internal_ports: {av_auth: %u}\n"
		"    machines:\n      edge.test: {internal: 127.0.0.1,"
		" access: 127.0.0.2, av: 127.0.0.3}\n"
		"servers:\n  fe.test: [sip, av-auth]\n"
		"settings:\n  av-auth: {%s}\n",
		(unsigned)port, more);
	ck_assert_msg(topology_yaml_parse(&y, "t.yaml", str_of(text), &why) ==
			0, "%s", why.text);
	ck_assert_msg(generation_stage_new(&stage, t.state_dir, "test",
			      topology_yaml_fill, y, &why) == 0, "%s",
		why.text);
	ck_assert_msg(generation_activate(stage, &why) == 0, "%s", why.text);
	topology_yaml_free(y);
	nftw(t.pki.dir, open_to_all, 16, FTW_PHYS);
}

static uint16_t pick_port(void)
{
	struct addr at;

	close(test_listen(&at));
	return at.port;
}

static void write_conf(void)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"machine: edge.test\ncertificates:\n"
		"  internal: {chain: %s/edge.crt, key: %s/edge.key}\n"
		"trust: {internal: %s/ca.crt}\nrun_dir: %s\nstate_dir: %s\n",
		t.pki.dir, t.pki.dir, t.pki.dir, t.pki.dir, t.state_dir);
	pki_write(&t.pki, "edge.yaml", text);
}

static void setup(void)
{
	memset(&t, 0, sizeof(t));
	pki_init(&t.pki);
	pki_ca(&t.pki, "ca");
	pki_leaf(&t.pki, "ca", "edge", "DNS:edge.test");
	snprintf(t.conf, sizeof(t.conf), "%s/edge.yaml", t.pki.dir);
	snprintf(t.output, sizeof(t.output), "%s/output", t.pki.dir);
	snprintf(t.state_dir, sizeof(t.state_dir), "%s/state", t.pki.dir);
	snprintf(t.key_path, sizeof(t.key_path), "%s/av-auth/pool.key",
		t.state_dir);
	ck_assert_int_eq(bus_socket_path(t.read_path, sizeof(t.read_path),
				 t.pki.dir, "av-auth", false), 0);
	ck_assert_int_eq(bus_socket_path(t.admin_path, sizeof(t.admin_path),
				 t.pki.dir, "av-auth", true), 0);
	mkdir(t.state_dir, 0755);
	write_conf();
	activate(pick_port(), "");
}

static void teardown(void)
{
	if (t.pid > 0) {
		kill(t.pid, SIGKILL);
		waitpid(t.pid, NULL, 0);
	}
	nftw(t.pki.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static char *output_text(void)
{
	static char text[16384];
	FILE *f = fopen(t.output, "r");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

static void spawn(void)
{
	char name[] = "av-auth", c[] = "-c", level[] = "--log-level=debug";
	char *argv[] = {name, c, t.conf, level, NULL};

	t.pid = fork();
	ck_assert_int_ge(t.pid, 0);
	if (t.pid > 0)
		return;
	if (freopen(t.output, "w", stderr) == NULL)
		_exit(98);
	exit(av_auth_main(4, argv));
}

static int ask(const char *path, json_t *body, json_t **reply)
{
	struct why why = {""};
	int status = 0;

	ck_assert_msg(bus_ask(body != NULL ? t.admin_path : t.read_path, path,
			      body, 5000, &status, reply, &why) == 0,
		"%s\n%s", why.text, output_text());
	json_decref(body);
	return status;
}

static void start(void)
{
	json_t *reply;
	int status;

	spawn();
	for (int i = 0; i < 500; i++) {
		if (bus_ask(t.read_path, "/v1/status", NULL, 1000, &status,
			    &reply, NULL) == 0) {
			json_decref(reply);
			return;
		}
		usleep(10000);
	}
	ck_abort_msg("it did not come up: %s", output_text());
}

static void must_exit(int code)
{
	int status;

	ck_assert_int_eq(waitpid(t.pid, &status, 0), t.pid);
	t.pid = 0;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code,
		"status %#x: %s", (unsigned)status, output_text());
}

static void stop(void)
{
	ck_assert_int_eq(kill(t.pid, SIGTERM), 0);
	must_exit(0);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static json_t *wish(const char *identity)
{
	return json_pack("{s:s}", "identity", identity);
}

/* Credential of that reply against the key file, as av-edge checks it. */
static int check_reply(const json_t *reply, struct av_cred *out)
{
	struct av_key_ring ring = {.count = 0};
	uint8_t user[AV_CRED_USER_MAX];
	struct why why;
	size_t len;

	ck_assert_int_eq(av_key_load(&ring, t.key_path, &why), 0);
	ck_assert_int_eq(av_cred_user_from_text(
				 str_of(text_of(reply, "username")), user,
				 &len), 0);
	return av_cred_check(out, &ring, user, len, wall_now(), 0);
}

START_TEST(test_first_start_makes_the_key_for_its_own_user)
{
	struct stat st;

	start();
	ck_assert_int_eq(stat(t.key_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	if (geteuid() == 0)
		ck_assert_uint_ne(st.st_uid, 0);
	stop();
}
END_TEST

START_TEST(test_credential_over_the_bus_checks_like_any_other)
{
	char password[AV_CRED_PASSWORD_TEXT];
	struct av_cred c;
	json_t *relays;
	json_t *reply;

	start();
	ck_assert_int_eq(ask("/v1/credentials",
				 json_pack("{s:s, s:i, s:i}", "identity",
					 "sip:alice@test", "duration_minutes",
					 10, "version", 1),
				 &reply), 200);
	ck_assert_int_eq(check_reply(reply, &c), 0);
	ck_assert_uint_eq(c.user_len, 52);
	av_cred_password_text(&c, password);
	ck_assert_str_eq(text_of(reply, "password"), password);
	ck_assert_int_le(c.expires.s, wall_now().s + 600);
	relays = json_object_get(reply, "relays");
	ck_assert_uint_eq(json_array_size(relays), 2);
	ck_assert_str_eq(text_of(json_array_get(relays, 0), "address"),
		"127.0.0.1");
	ck_assert_str_eq(text_of(json_array_get(relays, 1), "host"),
		"av.test");
	json_decref(reply);
	stop();
}
END_TEST

START_TEST(test_wrong_wishes_are_refused_in_words)
{
	static const struct {
		const char *json;
		const char *says;
	} BAD[] = {
		{"{}", "identity is missing"},
		{"{\"identity\": 5}", "wrong type"},
		{"{\"identity\": \"alice\"}", "sip:user@domain"},
		{"{\"identity\": \"sip:a@b\", \"location\": \"moon\"}",
			"intranet or internet"},
		{"{\"identity\": \"sip:a@b\", \"version\": 3}",
			"version is 1 or 2"},
		{"{\"identity\": \"sip:a@b\", \"duration_minutes\": -1}",
			"duration_minutes"},
	};
	json_t *reply;

	start();
	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		ck_assert_int_eq(ask("/v1/credentials",
					 json_loads(BAD[i].json, 0, NULL),
					 &reply), 400);
		ck_assert_msg(strstr(text_of(reply, "text"), BAD[i].says) !=
				NULL, "%s", text_of(reply, "text"));
		json_decref(reply);
	}
	stop();
}
END_TEST

START_TEST(test_T22_rotation_over_the_bus_keeps_old_credentials)
{
	struct av_cred c;
	json_t *before;
	json_t *reply;

	start();
	ck_assert_int_eq(ask("/v1/credentials", wish("sip:a@b"), &before),
		200);
	ck_assert_int_eq(ask("/v1/keys/rotate", json_object(), &reply), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(reply, "keys")), 2);
	json_decref(reply);
	ck_assert_int_eq(check_reply(before, &c), 0);
	ck_assert_uint_eq(c.key_id, 1);
	ck_assert_int_eq(ask("/v1/credentials", wish("sip:a@b"), &reply), 200);
	ck_assert_int_eq(check_reply(reply, &c), 0);
	ck_assert_uint_eq(c.key_id, 2);
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/keys/rotate",
				 json_pack("{s:b}", "drop_old", 1), &reply),
		200);
	json_decref(reply);
	ck_assert_int_eq(check_reply(before, &c), EDGE_EFORGED);
	json_decref(before);
	stop();
}
END_TEST

START_TEST(test_rotation_stops_before_it_cuts_credentials)
{
	json_t *reply;

	start();
	for (int n = 1; n < AV_KEYS_MAX; n++) {
		ck_assert_int_eq(ask("/v1/keys/rotate", json_object(), &reply),
			200);
		json_decref(reply);
	}
	ck_assert_int_eq(ask("/v1/keys/rotate", json_object(), &reply), 409);
	ck_assert_ptr_nonnull(strstr(text_of(reply, "text"), "drop the old"));
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/keys/rotate",
				 json_pack("{s:s}", "drop_old", "yes"), &reply),
		400);
	json_decref(reply);
	stop();
}
END_TEST

START_TEST(test_restart_keeps_the_key)
{
	struct av_cred c;
	json_t *reply;

	start();
	ck_assert_int_eq(ask("/v1/credentials", wish("sip:a@b"), &reply), 200);
	stop();
	start();
	ck_assert_int_eq(check_reply(reply, &c), 0);
	json_decref(reply);
	stop();
}
END_TEST

START_TEST(test_R11_damaged_key_file_stops_the_start)
{
	FILE *f;

	start();
	stop();
	f = fopen(t.key_path, "a");
	fputs("key 1\n", f);
	fclose(f);
	spawn();
	must_exit(2);
	ck_assert_msg(strstr(output_text(), "pool.key:4: ") != NULL, "%s",
		output_text());
}
END_TEST

START_TEST(test_reload_takes_port_and_lifetime)
{
	uint16_t port = pick_port();
	json_t *reply;
	json_t *row;

	start();
	activate(port, "max_token_lifetime: 1h");
	ck_assert_int_eq(ask("/v1/reload", json_object(), &reply), 200);
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/status", NULL, &reply), 200);
	row = json_array_get(json_object_get(reply, "ports"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(row, "port")),
		port);
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/credentials", wish("sip:a@b"), &reply), 200);
	ck_assert_int_eq(json_integer_value(json_object_get(reply,
				 "duration_minutes")), 60);
	json_decref(reply);
	stop();
}
END_TEST

START_TEST(test_R6_reload_that_cannot_bind_changes_nothing)
{
	struct addr taken;
	int fd = test_listen(&taken);
	json_t *reply;

	start();
	activate(taken.port, "max_token_lifetime: 1h");
	ck_assert_int_eq(ask("/v1/reload", json_object(), &reply), 409);
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/credentials", wish("sip:a@b"), &reply), 200);
	ck_assert_int_eq(json_integer_value(json_object_get(reply,
				 "duration_minutes")), 480);
	json_decref(reply);
	close(fd);
	stop();
}
END_TEST

START_TEST(test_R8_port_in_use_stops_the_start)
{
	struct addr taken;
	int fd = test_listen(&taken);

	activate(taken.port, "");
	spawn();
	must_exit(1);
	ck_assert_msg(strstr(output_text(), "in use") != NULL, "%s",
		output_text());
	close(fd);
}
END_TEST

/* Memory of the daemon in KiB. */
static long resident_kib(void)
{
	char path[64];
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)t.pid);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void reload_often(unsigned times)
{
	json_t *reply;

	for (unsigned i = 0; i < times; i++) {
		ck_assert_int_eq(ask("/v1/reload", json_object(), &reply), 200);
		ck_assert_int_eq(json_integer_value(json_object_get(reply,
					 "certificates")), 1);
		json_decref(reply);
	}
}

/* Certificates and generation are read anew each time. A sanitizer keeps
 * what was freed. */
START_TEST(test_R21_thousand_reloads_do_not_grow)
{
	long before;

	start();
	reload_often(100);
	before = resident_kib();
	reload_often(1000);
#ifndef SYSCALL_FILTER_FOR_SANITIZER
	ck_assert_int_lt(resident_kib() - before, 256);
#else
	ck_assert_int_gt(before, 0);
#endif
	stop();
}
END_TEST

START_TEST(test_R8_port_taken_while_drained_is_not_silent)
{
	struct addr taken;
	json_t *reply;
	json_t *row;
	int fd;

	start();
	fd = test_listen(&taken); /* after the fork: it is ours alone */
	ck_assert_int_eq(ask("/v1/drain", json_object(), &reply), 200);
	json_decref(reply);
	activate(taken.port, "");
	ck_assert_int_eq(ask("/v1/reload", json_object(), &reply), 200);
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/resume", json_object(), &reply), 200);
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/status", NULL, &reply), 200);
	ck_assert_str_eq(text_of(reply, "state"), "degraded");
	row = json_array_get(json_object_get(reply, "ports"), 0);
	ck_assert(json_is_false(json_object_get(row, "open")));
	ck_assert_int_eq(json_integer_value(json_object_get(row, "port")),
		taken.port);
	json_decref(reply);
	close(fd);
	ck_assert_int_eq(ask("/v1/drain", json_object(), &reply), 200);
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/resume", json_object(), &reply), 200);
	json_decref(reply);
	ck_assert_int_eq(ask("/v1/status", NULL, &reply), 200);
	ck_assert_str_eq(text_of(reply, "state"), "serving");
	json_decref(reply);
	stop();
}
END_TEST

/* The canary over the life of the daemon, at the loudest level: neither
 * what was handed out nor the bytes of the key file are in its output. */
START_TEST(test_S16_no_secret_in_the_output_of_the_daemon)
{
	struct av_key_ring ring = {.count = 0};
	char hex[2 * AV_KEY_LEN + 1];
	char *metrics = NULL;
	struct why why;
	json_t *reply;
	int status;

	start();
	ck_assert_int_eq(ask("/v1/credentials", wish("sip:a@b"), &reply), 200);
	ck_assert_int_eq(bus_ask_text(t.read_path, "/metrics", 5000, &status,
				 &metrics, &why), 0);
	ck_assert_ptr_nonnull(
		strstr(metrics, "sallyport_av_auth_credentials_issued"));
	ck_assert_int_eq(av_key_load(&ring, t.key_path, &why), 0);
	stop();
	ck_assert_ptr_nonnull(strstr(output_text(), "issued_by_bus"));
	ck_assert_ptr_null(strstr(output_text(), text_of(reply, "username")));
	ck_assert_ptr_null(strstr(output_text(), text_of(reply, "password")));
	str_hex(ring.keys[0].sk1, AV_KEY_LEN, hex);
	ck_assert_ptr_null(strstr(output_text(), hex));
	ck_assert_ptr_null(strstr(metrics, hex));
	free(metrics);
	json_decref(reply);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("av_auth");
	TCase *tc = tcase_create("av_auth");
	SRunner *sr;
	int failures;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_first_start_makes_the_key_for_its_own_user);
	tcase_add_test(tc, test_credential_over_the_bus_checks_like_any_other);
	tcase_add_test(tc, test_wrong_wishes_are_refused_in_words);
	tcase_add_test(tc,
		test_T22_rotation_over_the_bus_keeps_old_credentials);
	tcase_add_test(tc, test_rotation_stops_before_it_cuts_credentials);
	tcase_add_test(tc, test_restart_keeps_the_key);
	tcase_add_test(tc, test_R11_damaged_key_file_stops_the_start);
	tcase_add_test(tc, test_reload_takes_port_and_lifetime);
	tcase_add_test(tc, test_R6_reload_that_cannot_bind_changes_nothing);
	tcase_add_test(tc, test_R8_port_in_use_stops_the_start);
	tcase_add_test(tc, test_R8_port_taken_while_drained_is_not_silent);
	tcase_add_test(tc, test_R21_thousand_reloads_do_not_grow);
	tcase_add_test(tc, test_S16_no_secret_in_the_output_of_the_daemon);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
