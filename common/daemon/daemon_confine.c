/*
 * What a daemon may use and reach: process limits, its own folder, and the
 * plan for the sandbox. Which files the plan names follows from edge.yaml
 * and is the same list for each daemon; the sandbox itself is in run/.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/daemon/daemon_life.h"
#include "common/run/ready.h"
#include "common/run/sandbox_paths.h"

#define DESCRIPTORS_WANTED 131072u
/* Threads that allocate are few, and none does on the data path. */
#define MALLOC_ARENAS 4

void daemon_limits(void)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	umask(0077);
	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (geteuid() == 0 && limit.rlim_max < DESCRIPTORS_WANTED) {
		struct rlimit more = {DESCRIPTORS_WANTED, DESCRIPTORS_WANTED};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	/* A unit's filter may forbid it; its LimitNOFILE= counts then. */
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_debug("limits.kept", "reason=%s", log_qz(err_text(-errno)));
}

/* Make path and what is missing above it. 1 = it was there. */
static int make_path(const char *path)
{
	char part[PATH_MAX];
	int err = 0;

	if (snprintf(part, sizeof(part), "%s/", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	for (char *p = part + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		err = mkdir(part, 0755) < 0 ? -errno : 0;
		if (err == 0 && chmod(part, 0755) < 0) /* umask */
			err = -errno;
		if (err < 0 && err != -EEXIST)
			return err;
		*p = '/';
	}
	return err == -EEXIST ? 1 : 0;
}

/* av-edge reads what av-auth writes. */
static int give_state_dir(const struct daemon *d)
{
	const bool is_shared = d->spec->id == CONF_AV_AUTH;
	const gid_t group =
		is_shared ? d->rights.groups[RIGHTS_AV] : d->rights.gid;

	if (chmod(d->state_dir, is_shared ? 0750 : 0700) < 0)
		return -errno;
	if (d->rights.is_root && chown(d->state_dir, d->rights.uid, group) < 0)
		return -errno;
	return 0;
}

/* Units and `edgectl up` have made it; a daemon started by hand does it
 * itself. */
int daemon_make_dirs(struct daemon *d, struct why *why)
{
	int n = snprintf(d->state_dir, sizeof(d->state_dir), "%s/%s",
		d->conf->state_dir, d->name);
	int err;

	if (n < 0 || (size_t)n >= sizeof(d->state_dir))
		return why_set(why, EDGE_ECONFIG, "state_dir: is too long");
	err = make_path(d->state_dir);
	if (err == 0)
		err = give_state_dir(d);
	if (err < 0)
		return why_set(why, err,
			"%s: %s; make the folder, writable by this daemon's "
			"user", d->state_dir, err_text(err));
	return 0;
}

static void collect(struct sandbox_paths *p, const struct daemon *d)
{
	const struct conf *conf = d->conf;
	char path[PATH_MAX];

	sandbox_paths_add_system(p);
	sandbox_paths_add_folder(p, SANDBOX_READ, conf->path);
	for (size_t i = 0; i < CONF_USE_COUNT; i++) {
		sandbox_paths_add_folder(p, SANDBOX_READ, conf->certs[i].chain);
		sandbox_paths_add_folder(p, SANDBOX_READ, conf->certs[i].key);
		sandbox_paths_add(p, SANDBOX_READ, conf->certs[i].more);
	}
	sandbox_paths_add_folder(p, SANDBOX_READ, conf->trust_internal);
	sandbox_paths_add_folder(p, SANDBOX_READ, conf->trust_external);
	snprintf(path, sizeof(path), "%s/topology", conf->state_dir);
	sandbox_paths_add(p, d->spec->writes_topology ? SANDBOX_WRITE :
							SANDBOX_READ, path);
	sandbox_paths_add(p, SANDBOX_WRITE, d->state_dir);
	/* The one shared secret: av-auth writes it, av-edge watches it. */
	if (rights_has_group(d->spec->id, RIGHTS_AV)) {
		snprintf(path, sizeof(path), "%s/%s", conf->state_dir,
			conf_daemon_name(CONF_AV_AUTH));
		sandbox_paths_add(p, SANDBOX_READ, path);
	}
}

static struct sandbox_plan plan_of(const struct daemon *d)
{
	return (struct sandbox_plan){
		.gid = d->rights.gid,
		.groups = d->rights.memberships,
		.group_count = d->rights.membership_count,
		.may_bind_low = d->spec->may_bind_low,
		.needs = d->spec->needs,
		/* Without `edgectl up` nobody would start us again, and the
		 * next one would find our ports and sockets taken. */
		.parent = ready_has_manager() ? getppid() : 0,
	};
}

/* As units have it from the beginning: what lies in the store was written by
 * another user, and is not for root to read. */
int daemon_step_down(const struct daemon *d, struct why *why)
{
	struct sandbox_plan plan = plan_of(d);

	if (!d->rights.is_root)
		return 0;
	plan.uid = d->rights.uid;
	return sandbox_change_user(&plan, why);
}

int daemon_confine(struct daemon *d, struct why *why)
{
	struct sandbox_paths *paths = NULL;
	struct sandbox_plan plan = plan_of(d);
	int err = sandbox_paths_new(&paths);

	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	collect(paths, d);
	plan.paths = sandbox_paths_rows(paths, &plan.path_count);
	err = sandbox_enter(&plan, &d->sandbox, why);
	sandbox_paths_free(paths);
	if (err == 0 && d->sandbox.landlock_abi == 0)
		log_warning("sandbox.weakened",
			"text=\"this kernel has no Landlock, or keeps it from "
			"us; file modes alone protect the files\"");
	return err;
}
