/*
 * The publisher as a service: readiness and watchdog as systemd has them,
 * the user it is told to become, one line in the log for each thing that
 * happens. In office or standing by, it is the same loop.
 */
#include "edgectl/publish/serve.h"

#include <errno.h>
#include <grp.h>
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
#include "edgectl/publish/publisher.h"

#define TURN_MS 500

/* The one thing a handler may touch. */
static volatile sig_atomic_t is_stopping;

static void on_signal(int signo)
{
	(void)signo;
	is_stopping = 1;
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

/* As the user who keeps the record, so that its files stay his. */
static int raise_epoch(const struct publish_conf *conf, struct why *why)
{
	struct record *r = NULL;
	uint32_t epoch = 0;
	int err = record_open(&r, conf->driver, conf->record, why);

	if (err == 0)
		err = record_raise_epoch(r, &epoch, why);
	if (err == 0)
		log_notice("publisher.epoch_raised", "epoch=%u text=%s", epoch,
			log_qz("nothing is published under an older one"));
	record_close(r);
	return err;
}

int serve_run(struct cmd_call *call, const struct publish_conf *conf)
{
	struct sigaction act = {.sa_handler = on_signal};
	struct publisher *p = NULL;
	struct why why = {""};
	bool was_in_office = false;
	int err;

	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	ready_init();
	log_init("publisher", LOG_LEVEL_NOTICE, ready_is_journal());
	umask(077);
	err = become(conf->user, &why);
	if (err == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err = -errno;
	if (err == 0 && cmd_has(call, "raise-epoch"))
		err = raise_epoch(conf, &why);
	if (err == 0)
		err = publisher_new(&p, conf, &why);
	if (err < 0)
		return cmd_fail(call, CMD_USAGE, err, &why);
	log_notice("publisher.started", "version=%s record=%s name=%s",
		EDGE_VERSION, conf->driver->name, conf->name);
	ready_notify("READY=1\nSTATUS=standing by");
	while (!is_stopping) {
		publisher_turn(p, TURN_MS);
		tell_manager(p, &was_in_office);
	}
	ready_notify("STOPPING=1");
	publisher_free(p);
	log_notice("publisher.stopped", "text=%s", log_qz("as asked"));
	return CMD_OK;
}
