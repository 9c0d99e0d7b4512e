/*
 * Users and groups by name, with fixed numbers where nothing is installed.
 * Lives here: who a daemon becomes and which of our groups it is in. Does
 * not live here: changing to it (sandbox.c), deciding on a bus request
 * (bus/bus_right.c).
 */
#include "common/run/rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"

#define IN(group) (1u << (group))

static const char *const group_names[RIGHTS_GROUP_COUNT] = {
	[RIGHTS_READ] = "sallyport",
	[RIGHTS_ADMIN] = "sallyport-admin",
	[RIGHTS_TLS] = "sallyport-tls",
	[RIGHTS_AV] = "sallyport-av",
};

/* Everybody reads the store; the rest is what each has to open. */
static const unsigned daemon_groups[CONF_DAEMON_COUNT] = {
	[CONF_AV_AUTH] = IN(RIGHTS_READ) | IN(RIGHTS_TLS) | IN(RIGHTS_AV),
	[CONF_AV_EDGE] = IN(RIGHTS_READ) | IN(RIGHTS_AV),
	[CONF_ACCESS_EDGE] = IN(RIGHTS_READ) | IN(RIGHTS_TLS),
	[CONF_WEBCONF_EDGE] = IN(RIGHTS_READ) | IN(RIGHTS_TLS),
	[CONF_REPLICATION_AGENT] =
		IN(RIGHTS_READ) | IN(RIGHTS_TLS) | IN(RIGHTS_ADMIN),
};

const char *rights_group_name(enum rights_group group)
{
	return group_names[group];
}

bool rights_has_group(enum conf_daemon daemon, enum rights_group group)
{
	return daemon < CONF_DAEMON_COUNT &&
		(daemon_groups[daemon] & IN(group)) != 0;
}

static void find_groups(struct rights *r)
{
	for (unsigned i = 0; i < RIGHTS_GROUP_COUNT; i++) {
		const struct group *gr = getgrnam(group_names[i]);

		if (gr != NULL)
			r->groups[i] = gr->gr_gid;
		else if (r->is_root)
			r->groups[i] = RIGHTS_GID_BASE + i;
		else
			r->groups[i] = RIGHTS_NO_ID;
	}
}

static bool is_default_user(enum conf_daemon daemon, const char *user)
{
	char name[64];

	snprintf(name, sizeof(name), "sallyport-%s", conf_daemon_name(daemon));
	return strcmp(name, user) == 0;
}

/* Root only. *has_entry: the user is in the password file. */
static int find_user(enum conf_daemon daemon, const char *user, uid_t *uid,
	gid_t *gid, bool *has_entry, struct why *why)
{
	const struct passwd *pw = getpwnam(user);

	*has_entry = pw != NULL;
	if (pw == NULL && !is_default_user(daemon, user))
		return why_set(why, EDGE_ECONFIG,
			"users: %s: there is no user '%s' on this host; make "
			"it or take the line out of edge.yaml",
			conf_daemon_name(daemon), user);
	*uid = pw != NULL ? pw->pw_uid : RIGHTS_UID_BASE + daemon;
	*gid = pw != NULL ? pw->pw_gid : RIGHTS_UID_BASE + daemon;
	if (*uid == 0 || *gid == 0)
		return why_set(why, EDGE_ECONFIG,
			"users: %s: '%s' is root or in its group; name an "
			"unprivileged user",
			conf_daemon_name(daemon), user);
	return 0;
}

static void join(struct rights *r, gid_t gid)
{
	if (gid == r->gid)
		return;
	for (size_t i = 0; i < r->membership_count; i++) {
		if (r->memberships[i] == gid)
			return;
	}
	if (r->membership_count < RIGHTS_MEMBERSHIPS_MAX)
		r->memberships[r->membership_count++] = gid;
}

/* Ours first, then what the administrator added to the user, such as the
 * group that may read a public certificate's key. */
static void find_memberships(struct rights *r, enum conf_daemon daemon,
	const char *user, bool has_entry)
{
	gid_t more[RIGHTS_MEMBERSHIPS_MAX];
	int count = RIGHTS_MEMBERSHIPS_MAX;

	for (unsigned i = 0; i < RIGHTS_GROUP_COUNT; i++) {
		if (rights_has_group(daemon, i))
			join(r, r->groups[i]);
	}
	if (!has_entry || getgrouplist(user, r->gid, more, &count) < 0)
		return;
	for (int i = 0; i < count; i++)
		join(r, more[i]);
}

int rights_find(struct rights *out, enum conf_daemon daemon,
	char *const users[CONF_DAEMON_COUNT], struct why *why)
{
	struct rights r = {.is_root = geteuid() == 0};
	const char *agent = users[CONF_REPLICATION_AGENT];
	bool has_entry = false;
	gid_t ignored;
	int err;

	find_groups(&r);
	if (r.is_root) {
		err = find_user(daemon, users[daemon], &r.uid, &r.gid,
			&has_entry, why);
		if (err < 0)
			return err;
		find_memberships(&r, daemon, users[daemon], has_entry);
		err = find_user(CONF_REPLICATION_AGENT, agent, &r.agent_uid,
			&ignored, &has_entry, why);
		if (err < 0)
			return err;
	} else {
		const struct passwd *pw = getpwnam(agent);

		r.uid = geteuid();
		r.gid = getegid();
		r.agent_uid = pw != NULL ? pw->pw_uid : RIGHTS_NO_ID;
	}
	*out = r;
	return 0;
}
