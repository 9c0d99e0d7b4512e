/*
 * Tests of edgectl/topology_plan.c and topology_apply.c, with a stand-in
 * for av-edge on its control bus that says what the test wants.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/store/samples.h"

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/bus/bus_client.h"
#include "common/bus/bus_server.h"
#include "edgectl/topology/topology_apply.h"

/* Shared with the stand-in, which is a process of its own. */
struct script {
	int refuse_check;  /* n-th check is answered with 409; 0 = none */
	int refuse_reload;
	int checks;
	int reloads;
};

static struct script *script;
static struct conf *conf;
static char *folder;
static pid_t daemon_pid;

/* ---- the stand-in ------------------------------------------------------- */

static void post_check(struct bus_request *req, void *state)
{
	struct script *s = state;

	if (++s->checks == s->refuse_check)
		bus_reply_error(req, 409, "EDGE_ECONFIG",
			"I do not like port %d", 443);
	else
		bus_reply(req, 200, json_pack("{s:b}", "ok", 1));
}

static void post_reload(struct bus_request *req, void *state)
{
	struct script *s = state;

	if (++s->reloads == s->refuse_reload)
		bus_reply_error(req, 409, "EADDRINUSE", "port %d is taken",
			443);
	else
		bus_reply(req, 200,
			json_pack("{s:b,s:[s]}", "changed", 1,
				"restart_needed", "tls_min"));
}

static const char *const CHECK_FIELDS[] = {"generation", NULL};
static const char *const RELOAD_FIELDS[] = {"certificates", NULL};

static const struct bus_route ROUTES[] = {
	{
		.method = "POST",
		.path = "/v1/check",
		.right = BUS_CHECK,
		.fields = CHECK_FIELDS,
		.help = "check",
		.handler = post_check,
	},
	{
		.method = "POST",
		.path = "/v1/reload",
		.right = BUS_CHECK,
		.fields = RELOAD_FIELDS,
		.help = "reload",
		.handler = post_reload,
	},
};

static void serve(int read_fd, int admin_fd)
{
	static const struct bus_route *const TABLES[] = {ROUTES};
	static const size_t COUNTS[] = {ARRAY_COUNT(ROUTES)};
	void *const states[] = {script};
	struct bus_server_spec spec = {
		.read_fd = read_fd,
		.admin_fd = admin_fd,
		.read_group = (gid_t)-1,
		.admin_group = (gid_t)-1,
		.agent_uid = (uid_t)-1,
		.tables = TABLES,
		.table_counts = COUNTS,
		.table_count = 1,
		.states = states,
	};
	struct bus_server *server = NULL;
	struct loop *loop = NULL;

	if (loop_new(&loop) < 0 ||
		bus_server_new(&server, loop, &spec, NULL) < 0)
		_exit(1);
	loop_run(loop);
	_exit(0);
}

static void start_daemon(void)
{
	char path[128];
	int read_fd;
	int admin_fd;

	ck_assert(mkdir(conf->run_dir, 0755) == 0 || errno == EEXIST);
	ck_assert_int_eq(bus_socket_path(path, sizeof(path), conf->run_dir,
		"av-edge", false), 0);
	read_fd = bus_listen(path, (gid_t)-1, NULL);
	ck_assert_int_ge(read_fd, 0);
	ck_assert_int_eq(bus_socket_path(path, sizeof(path), conf->run_dir,
		"av-edge", true), 0);
	admin_fd = bus_listen(path, (gid_t)-1, NULL);
	ck_assert_int_ge(admin_fd, 0);
	daemon_pid = fork();
	ck_assert_int_ge(daemon_pid, 0);
	if (daemon_pid == 0)
		serve(read_fd, admin_fd);
	close(read_fd);
	close(admin_fd);
}

/* ---- fixture ------------------------------------------------------------ */

static void setup(void)
{
	char text[512];
	struct why why = {""};

	folder = sample_folder();
	ck_assert_int_eq(chmod(folder, 0755), 0);
	snprintf(text, sizeof(text), "machine: edge.int.contoso.test\n"
		"run_dir: %s/run\nstate_dir: %s/state\n", folder, folder);
	ck_assert_int_eq(conf_parse(&conf, "edge.yaml", str_of(text), &why),
		0);
	script = mmap(NULL, sizeof(*script), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(script != MAP_FAILED);
	daemon_pid = 0;
}

static void teardown(void)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	munmap(script, sizeof(*script));
	conf_free(conf);
	sample_remove(folder);
}

static const char *file_of(const char *text)
{
	static char path[128];
	FILE *to;

	snprintf(path, sizeof(path), "%s/topology.yaml", folder);
	to = fopen(path, "w");
	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
	return path;
}

/* Plan and apply; reports are dropped. */
static int apply(const char *text, struct why *why)
{
	struct topology_plan plan;
	struct topology_apply result;
	int err = topology_plan_make(&plan, conf, file_of(text), why);

	ck_assert_msg(err == 0, "%s", why->text);
	ck_assert(!plan.has_errors);
	err = topology_apply(&result, &plan, conf, "test", why);
	json_decref(result.daemons);
	topology_plan_fini(&plan);
	return err;
}

static uint64_t current_serial(void)
{
	struct generation_info *rows = NULL;
	size_t count = 0;
	uint64_t serial = 0;

	ck_assert_int_eq(generation_list(conf->state_dir, &rows, &count,
		NULL), 0);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].is_current)
			serial = rows[i].serial;
	}
	free(rows);
	return serial;
}

#define SECOND SAMPLE_HEAD SAMPLE_SERVERS

/* ---- plan --------------------------------------------------------------- */

START_TEST(test_plan_compares_and_checks_and_writes_nothing)
{
	struct topology_plan plan;
	struct why why = {""};
	struct stat st;

	ck_assert_int_eq(topology_plan_make(&plan, conf, file_of(SAMPLE),
		&why), 0);
	ck_assert(!plan.has_errors);
	ck_assert(!plan.has_current);
	ck_assert_uint_eq(plan.diff.count, 14);
	/* The sample's addresses are no host's: told, and no error. */
	ck_assert_uint_eq(plan.finding_count, 4);
	for (size_t i = 0; i < plan.finding_count; i++)
		ck_assert_str_eq(plan.findings[i].rule, "no-device");
	topology_plan_fini(&plan);
	ck_assert_int_lt(stat(conf->state_dir, &st), 0);

	ck_assert_int_eq(apply(SAMPLE, &why), 0);
	ck_assert_int_eq(topology_plan_make(&plan, conf, file_of(SECOND),
		&why), 0);
	ck_assert(plan.has_current);
	ck_assert_str_eq(plan.current, "00000000-0000000000000001");
	ck_assert_uint_eq(plan.diff.count, 3);
	topology_plan_fini(&plan);
}
END_TEST

START_TEST(test_topology_without_this_machine_is_an_error)
{
	struct topology_plan plan;
	struct why why = {""};

	free(conf->machine);
	conf->machine = strdup("other.contoso.test");
	ck_assert_int_eq(topology_plan_make(&plan, conf, file_of(SAMPLE),
		&why), 0);
	ck_assert(plan.has_errors);
	ck_assert_str_eq(plan.findings[0].rule, "this-machine");
	topology_plan_fini(&plan);
}
END_TEST

START_TEST(test_damaged_current_is_a_warning)
{
	struct topology_plan plan;
	struct why why = {""};
	char path[512];

	ck_assert_int_eq(apply(SAMPLE, &why), 0);
	ck_assert_int_eq(generation_current_path(conf->state_dir, path,
		sizeof(path), &why), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(truncate(path, 5000), 0);
	ck_assert_int_eq(topology_plan_make(&plan, conf, file_of(SAMPLE),
		&why), 0);
	ck_assert(!plan.has_errors);
	ck_assert(!plan.has_current);
	ck_assert_str_eq(plan.findings[plan.finding_count - 1].rule,
		"current");
	topology_plan_fini(&plan);
	/* And the way out is to apply. */
	ck_assert_int_eq(apply(SAMPLE, &why), 0);
	ck_assert_uint_eq(current_serial(), 2);
}
END_TEST

/* ---- apply -------------------------------------------------------------- */

START_TEST(test_apply_reports_each_daemon)
{
	struct topology_plan plan;
	struct topology_apply result;
	struct why why = {""};
	const json_t *row;
	size_t i;

	start_daemon();
	ck_assert_int_eq(topology_plan_make(&plan, conf, file_of(SAMPLE),
		&why), 0);
	ck_assert_int_eq(topology_apply(&result, &plan, conf, "by me", &why),
		0);
	ck_assert_uint_eq(result.made.serial, 1);
	ck_assert_str_eq(result.made.source, "by me");
	ck_assert_uint_eq(json_array_size(result.daemons), 5);
	json_array_foreach(result.daemons, i, row) {
		const char *name = json_string_value(json_object_get(row,
			"daemon"));
		const char *state = json_string_value(json_object_get(row,
			"state"));

		/* All five have work in this topology. */
		ck_assert_str_eq(state, strcmp(name, "av-edge") == 0 ?
			"took it" : "not running");
		ck_assert_int_eq(json_object_get(row, "text") == NULL,
			strcmp(name, "av-edge") == 0);
	}
	ck_assert_int_eq(script->checks, 1);
	ck_assert_int_eq(script->reloads, 1);
	json_decref(result.daemons);
	topology_plan_fini(&plan);
}
END_TEST

START_TEST(test_refused_check_changes_nothing_and_names_the_daemon)
{
	struct why why = {""};

	ck_assert_int_eq(apply(SAMPLE, &why), 0);
	start_daemon();
	script->refuse_check = 1;
	ck_assert_int_eq(apply(SECOND, &why), EDGE_EREFUSED);
	ck_assert_str_eq(why.text,
		"av-edge: I do not like port 443");
	ck_assert_uint_eq(current_serial(), 1);
	ck_assert_int_eq(script->reloads, 0);
	/* The next one is free to go. */
	ck_assert_int_eq(apply(SECOND, &why), 0);
	ck_assert_uint_eq(current_serial(), 2);
}
END_TEST

START_TEST(test_refused_reload_brings_the_old_one_back)
{
	struct topology_apply result;
	struct why why = {""};

	ck_assert_int_eq(apply(SAMPLE, &why), 0);
	start_daemon();
	script->refuse_reload = 1;
	ck_assert_int_eq(apply(SECOND, &why), EDGE_EREFUSED);
	ck_assert_str_eq(why.text, "the old generation is in force again: "
		"av-edge: port 443 is taken");
	ck_assert_uint_eq(current_serial(), 1);
	ck_assert_int_eq(script->reloads, 2);
	/* What was refused is not what a rollback leads to. */
	ck_assert_int_eq(topology_apply_rollback(&result, conf, &why),
		EDGE_EUNKNOWN);
	ck_assert_uint_eq(current_serial(), 1);
}
END_TEST

/* ---- rollback ----------------------------------------------------------- */

START_TEST(test_rollback_asks_first)
{
	struct topology_apply result;
	struct why why = {""};

	ck_assert_int_eq(apply(SAMPLE, &why), 0);
	ck_assert_int_eq(topology_apply_rollback(&result, conf, &why),
		EDGE_EUNKNOWN);
	json_decref(result.daemons);
	ck_assert_int_eq(apply(SECOND, &why), 0);
	start_daemon();
	script->refuse_check = 1;
	ck_assert_int_eq(topology_apply_rollback(&result, conf, &why),
		EDGE_EREFUSED);
	json_decref(result.daemons);
	ck_assert_uint_eq(current_serial(), 2);
	ck_assert_int_eq(topology_apply_rollback(&result, conf, &why), 0);
	ck_assert_uint_eq(result.made.serial, 1);
	json_decref(result.daemons);
	ck_assert_uint_eq(current_serial(), 1);
	ck_assert_int_eq(script->reloads, 1);
}
END_TEST

START_TEST(test_trust_of_a_publisher_is_seen)
{
	struct why why = {""};
	char path[160];
	FILE *to;

	ck_assert_int_eq(apply(SAMPLE, &why), 0);
	ck_assert(!topology_apply_is_published(conf));
	snprintf(path, sizeof(path), "%s/replication-agent", conf->state_dir);
	ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
	strcat(path, "/trust.json");
	to = fopen(path, "w");
	ck_assert_ptr_nonnull(to);
	fclose(to);
	ck_assert(topology_apply_is_published(conf));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topology_apply");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc,
		test_plan_compares_and_checks_and_writes_nothing);
	tcase_add_test(tc, test_topology_without_this_machine_is_an_error);
	tcase_add_test(tc, test_damaged_current_is_a_warning);
	tcase_add_test(tc, test_apply_reports_each_daemon);
	tcase_add_test(tc,
		test_refused_check_changes_nothing_and_names_the_daemon);
	tcase_add_test(tc, test_refused_reload_brings_the_old_one_back);
	tcase_add_test(tc, test_rollback_asks_first);
	tcase_add_test(tc, test_trust_of_a_publisher_is_seen);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
