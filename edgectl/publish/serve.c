/*
 * The publisher as a service: readiness and watchdog as systemd has them,
 * the user it is told to become, its sandbox, one line in the log for each
 * thing that happens. In office or standing by, it is the same loop.
 */
#include "edgectl/publish/serve.h"

#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/run/ready.h"
#include "common/run/sandbox_paths.h"
#include "edgectl/publish/publisher.h"

#define TURN_MS 500

/* The two things a handler may touch. */
static volatile sig_atomic_t is_stopping;
static volatile sig_atomic_t has_lost_signer;

static void on_signal(int signo)
{
	if (signo == SIGCHLD)
		has_lost_signer = 1;
	else
		is_stopping = 1;
}

static void take_signals(void)
{
	static const int SIGNALS[] = {SIGTERM, SIGINT, SIGCHLD};
	const struct sigaction act = {.sa_handler = on_signal,
		.sa_flags = SA_NOCLDSTOP};

	for (size_t i = 0; i < ARRAY_COUNT(SIGNALS); i++)
		sigaction(SIGNALS[i], &act, NULL);
}

static int become(const char *user, struct why *why)
{
	const struct passwd *pw;

	if (user == NULL || geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (pw == NULL || pw->pw_uid == 0)
		return why_set(why, EDGE_ECONFIG, "user '%s' of publisher.yaml "
			"does not exist, or is root", user);
	if (initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
		setuid(pw->pw_uid) < 0)
		return why_set(why, -errno, "becoming %s: %s", user,
			err_text(-errno));
	return 0;
}

/* ---- the sandbox -------------------------------------------------------- */

static void add_record_file(void *arg, const char *path, bool is_written)
{
	if (is_written)
		sandbox_paths_add_folder(arg, SANDBOX_WRITE, path);
	else
		sandbox_paths_add(arg, SANDBOX_READ, path);
}

/* What is read once and never again, publisher.yaml and the keys that sign,
 * is not among them. */
static void collect(struct sandbox_paths *paths,
	const struct publish_conf *conf, struct publisher *p)
{
	sandbox_paths_add_system(paths);
	sandbox_paths_add_folder(paths, SANDBOX_READ, conf->chain);
	sandbox_paths_add_folder(paths, SANDBOX_READ, conf->key);
	sandbox_paths_add_folder(paths, SANDBOX_READ, conf->trust);
	if (conf->mirror != NULL)
		sandbox_paths_add(paths, SANDBOX_WRITE, conf->mirror);
	record_files(publisher_record(p), add_record_file, paths);
}

/* Last: libraries that a database brings are loaded by now, and the helper
 * that starts signing commands is on the other side. */
static int confine(const struct publish_conf *conf, struct publisher *p,
	struct sandbox_state *state, struct why *why)
{
	struct sandbox_plan plan = {.may_be_root = true,
		.needs = SANDBOX_PUBLISHES | SANDBOX_WORKS};
	struct sandbox_paths *paths = NULL;
	int err = publisher_delegate(p, why);

	if (err == 0)
		err = sandbox_paths_new(&paths);
	if (err < 0)
		return err;
	collect(paths, conf, p);
	if (conf->mirror != NULL)
		plan.needs |= SANDBOX_MIRRORS;
	plan.paths = sandbox_paths_rows(paths, &plan.path_count);
	err = sandbox_enter(&plan, state, why);
	sandbox_paths_free(paths);
	if (err == 0 && state->landlock_abi == 0)
		log_warning("sandbox.weakened", "text=%s",
			log_qz("this kernel has no Landlock, or keeps it from "
			       "us; file modes alone protect the files"));
	if (err == 0 && state->uid == 0)
		log_warning("sandbox.weakened", "text=%s",
			log_qz("started as root: name a user in "
			       "publisher.yaml (user: sallyport-publisher)"));
	return err;
}

/* ---- life --------------------------------------------------------------- */

static void tell_manager(struct publisher *p, bool *was_in_office)
{
	bool is_in_office = publisher_is_in_office(p);

	if (ready_watchdog_ms() > 0)
		ready_notify("WATCHDOG=1");
	if (is_in_office == *was_in_office)
		return;
	*was_in_office = is_in_office;
	ready_notify(is_in_office ? "STATUS=in office" : "STATUS=standing by");
	if (!is_in_office)
		log_notice("publisher.standing_by", "text=%s",
			log_qz("somebody else is in office, or the record "
			       "can't be reached"));
}

/* The highest that a machine has told of. */
static int find_seen(struct record *r, uint32_t *seen, struct why *why)
{
	struct record_replica *rows = NULL;
	size_t count = 0;
	int err = record_list_replicas(r, &rows, &count, why);

	for (size_t i = 0; i < count; i++) {
		json_t *status = json_loads(rows[i].status, 0, NULL);
		json_int_t epoch = json_integer_value(json_object_get(
			json_object_get(status, "highest_seen"), "epoch"));

		if (epoch > *seen && epoch <= UINT32_MAX)
			*seen = (uint32_t)epoch;
		json_decref(status);
	}
	record_replicas_free(rows, count);
	return err;
}

/* As the user who keeps the record, so that its files stay his. */
static int raise_epoch(const struct publish_conf *conf, struct why *why)
{
	struct record *r = NULL;
	uint32_t epoch = 0;
	uint32_t seen = 0;
	int err = record_open(&r, conf->driver, conf->record, why);

	if (err == 0)
		err = find_seen(r, &seen, why);
	if (err == 0)
		err = record_raise_epoch(r, seen, &epoch, why);
	if (err == 0)
		log_notice("publisher.epoch_raised", "epoch=%u text=%s", epoch,
			log_qz("nothing is published under an older one"));
	record_close(r);
	return err;
}

/* Everything that may fail; after it there is only the loop. */
static int begin(struct cmd_call *call, const struct publish_conf *conf,
	struct publisher **p, struct why *why)
{
	struct sandbox_state state = {0};
	int err = become(conf->user, why);

	if (err == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err = -errno;
	if (err == 0 && cmd_has(call, "raise-epoch"))
		err = raise_epoch(conf, why);
	if (err == 0)
		err = publisher_new(p, conf, why);
	if (err == 0)
		err = confine(conf, *p, &state, why);
	if (err < 0)
		return err;
	log_notice("publisher.started", "version=%s record=%s name=%s uid=%u "
		"landlock=%u syscalls=%u", EDGE_VERSION, conf->driver->name,
		conf->name, (unsigned)state.uid, state.landlock_abi,
		state.syscall_count);
	return 0;
}

int serve_run(struct cmd_call *call, const struct publish_conf *conf)
{
	struct publisher *p = NULL;
	struct why why = {""};
	bool was_in_office = false;
	int err;

	take_signals();
	ready_init();
	log_init("publisher", LOG_LEVEL_NOTICE, ready_is_journal());
	umask(077);
	err = begin(call, conf, &p, &why);
	if (err < 0) {
		publisher_free(p);
		return cmd_fail(call, CMD_USAGE, err, &why);
	}
	ready_notify("READY=1\nSTATUS=standing by");
	while (!is_stopping && !has_lost_signer) {
		publisher_turn(p, TURN_MS);
		tell_manager(p, &was_in_office);
	}
	ready_notify("STOPPING=1");
	if (has_lost_signer && !is_stopping)
		log_error("publisher.signer_lost", "text=%s",
			log_qz("the process that runs signing commands died; "
			       "ending, to be started anew"));
	publisher_free(p);
	log_notice("publisher.stopped", "text=%s", log_qz(is_stopping ?
		"as asked" : "without its signer"));
	return is_stopping ? CMD_OK : CMD_FAILED;
}
