/*
 * Rights. Lives here: user and groups of connector.yaml, its folders, the
 * sandbox. Does not live here: when they are given up (connector.c), what a
 * sandbox is (common/run).
 */
#include "webconf-edge/connector/identity.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"

#define PATHS_MAX 20

/* ---- who ----------------------------------------------------------------- */

static int find_group(struct identity *out, const struct connector_conf *conf,
	struct why *why)
{
	const struct group *group;

	if (conf->group == NULL)
		return 0;
	group = getgrnam(conf->group);
	if (group == NULL)
		return why_set(why, EDGE_ECONFIG, "%s: group '%s' does not "
			"exist; make it, or name another", conf->path,
			conf->group);
	out->minters = group->gr_gid;
	return 0;
}

static int find_user(struct identity *out, const struct connector_conf *conf,
	struct why *why)
{
	const struct passwd *user = getpwnam(conf->user);
	int count = IDENTITY_GROUPS_MAX;

	if (user == NULL || user->pw_uid == 0)
		return why_set(why, EDGE_ECONFIG, "%s: user '%s' does not "
			"exist or is root; make it, or name another",
			conf->path, conf->user);
	out->uid = user->pw_uid;
	out->gid = user->pw_gid;
	if (getgrouplist(conf->user, user->pw_gid, out->groups, &count) < 0)
		count = IDENTITY_GROUPS_MAX;
	out->group_count = (size_t)count;
	return 0;
}

int identity_find(struct identity *out, const struct connector_conf *conf,
	struct why *why)
{
	int err;

	*out = (struct identity){.minters = (gid_t)-1};
	err = find_group(out, conf, why);
	if (err < 0 || geteuid() != 0)
		return err;
	if (conf->user == NULL)
		return why_set(why, EDGE_ECONFIG, "%s: started as root: say "
			"under 'user' whom to become", conf->path);
	return find_user(out, conf, why);
}

/* ---- where --------------------------------------------------------------- */

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* It is made at the start, those above it are not. */
static bool can_be_made(const char *path)
{
	char above[PATH_MAX];
	char *slash;

	snprintf(above, sizeof(above), "%s", path);
	slash = strrchr(above, '/');
	if (slash == NULL)
		return true;
	slash[slash == above] = '\0';
	return is_folder(above) && access(path, F_OK) < 0;
}

int identity_check(const struct connector_conf *conf, struct why *why)
{
	struct identity id;
	int err = find_group(&id, conf, why);

	/* None is needed where a supervisor has seen to it. */
	if (err == 0 && conf->user != NULL)
		err = find_user(&id, conf, why);
	if (err < 0)
		return err;
	if (!is_folder(conf->run_dir))
		return why_set(why, EDGE_ECONFIG, "%s: run_dir %s: no such "
			"folder; make it, or start the socket units, which do",
			conf->path, conf->run_dir);
	if (!is_folder(conf->state_dir) && !can_be_made(conf->state_dir))
		return why_set(why, EDGE_ECONFIG, "%s: state_dir %s: no such "
			"folder, nor one to make it in", conf->path,
			conf->state_dir);
	return 0;
}

int identity_make_state_dir(const struct identity *id,
	const struct connector_conf *conf, struct why *why)
{
	int err = 0;

	if (mkdir(conf->state_dir, 0700) < 0 && errno != EEXIST)
		err = -errno;
	if (err == 0 && id->uid != 0 && chown(conf->state_dir, id->uid,
			id->gid) < 0)
		err = -errno;
	if (err < 0)
		return why_set(why, err, "%s: %s; make the folder, writable "
			"by this program's user", conf->state_dir,
			err_text(err));
	return 0;
}

/* ---- the sandbox --------------------------------------------------------- */

static void add_folder(struct sandbox_path *paths, size_t *count,
	char (*rooms)[PATH_MAX], const char *file)
{
	char *slash;

	if (file == NULL)
		return;
	snprintf(rooms[*count], PATH_MAX, "%s", file);
	slash = strrchr(rooms[*count], '/');
	if (slash == NULL)
		return;
	slash[slash == rooms[*count]] = '\0';
	paths[*count] = (struct sandbox_path){rooms[*count], SANDBOX_READ};
	++*count;
}

int identity_confine(const struct identity *id,
	const struct connector_conf *conf, struct sandbox_state *out,
	struct why *why)
{
	static const char *const system_paths[] = {"/etc/ssl", "/usr/lib/ssl",
		"/usr/share/ca-certificates", "/etc/hosts", "/etc/resolv.conf",
		"/run/systemd/resolve", "/etc/nsswitch.conf",
		"/etc/localtime", "/proc/self", "/dev/null"};
	const char *const files[] = {conf->chain, conf->key, conf->trust,
		conf->target_trust};
	struct sandbox_path paths[PATHS_MAX];
	char rooms[ARRAY_COUNT(files)][PATH_MAX];
	struct sandbox_plan plan = {
		.uid = id->uid,
		.gid = id->gid,
		.groups = id->groups,
		.group_count = id->group_count,
		.needs = SANDBOX_KEEPS_FILES | SANDBOX_DIALS,
		.paths = paths,
	};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(files); i++)
		add_folder(paths, &count, rooms, files[i]);
	for (size_t i = 0; i < ARRAY_COUNT(system_paths); i++)
		paths[count++] = (struct sandbox_path){system_paths[i],
			SANDBOX_READ};
	paths[count++] = (struct sandbox_path){conf->state_dir,
		SANDBOX_WRITE};
	plan.path_count = count;
	return sandbox_enter(&plan, out, why);
}
