/* Who a daemon becomes, with and without installed users. */
#include <check.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/run/rights.h"

static char av_auth[] = "sallyport-av-auth";
static char av_edge[] = "sallyport-av-edge";
static char access_edge[] = "sallyport-access-edge";
static char webconf_edge[] = "sallyport-webconf-edge";
static char agent[] = "sallyport-replication-agent";
static char root[] = "root";
static char nobody_there[] = "no-such-user-here";
static char daemon_user[] = "daemon";

static char *users[CONF_DAEMON_COUNT];

static void setup(void)
{
	users[CONF_AV_AUTH] = av_auth;
	users[CONF_AV_EDGE] = av_edge;
	users[CONF_ACCESS_EDGE] = access_edge;
	users[CONF_WEBCONF_EDGE] = webconf_edge;
	users[CONF_REPLICATION_AGENT] = agent;
}

static bool has(const struct rights *r, gid_t gid)
{
	for (size_t i = 0; i < r->membership_count; i++) {
		if (r->memberships[i] == gid)
			return true;
	}
	return false;
}

START_TEST(test_root_without_users_gives_each_daemon_its_own)
{
	struct rights r;
	uid_t last = 0;

	if (getuid() != 0 || getpwnam(av_auth) != NULL ||
		getgrnam("sallyport") != NULL)
		return;
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		ck_assert_int_eq(rights_find(&r, i, users, NULL), 0);
		ck_assert(r.is_root);
		ck_assert_uint_eq(r.uid, RIGHTS_UID_BASE + i);
		ck_assert_uint_ne(r.uid, last);
		ck_assert(has(&r, RIGHTS_GID_BASE + RIGHTS_READ));
		ck_assert_uint_eq(r.agent_uid,
			RIGHTS_UID_BASE + CONF_REPLICATION_AGENT);
		last = r.uid;
	}
}
END_TEST

START_TEST(test_only_av_daemons_share_the_pool_key_s_group)
{
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		ck_assert(rights_has_group(i, RIGHTS_AV) ==
			(i == CONF_AV_AUTH || i == CONF_AV_EDGE));
	ck_assert(!rights_has_group(CONF_AV_EDGE, RIGHTS_TLS));
	ck_assert(!rights_has_group(CONF_ACCESS_EDGE, RIGHTS_ADMIN));
	ck_assert_str_eq(rights_group_name(RIGHTS_ADMIN), "sallyport-admin");
}
END_TEST

START_TEST(test_user_that_is_not_there_is_refused)
{
	struct rights r;
	struct why why = {""};

	if (getuid() != 0)
		return;
	users[CONF_AV_AUTH] = nobody_there;
	ck_assert_int_eq(rights_find(&r, CONF_AV_AUTH, users, &why),
		EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, nobody_there));
}
END_TEST

START_TEST(test_root_is_no_daemon_s_user)
{
	struct rights r;
	struct why why = {""};

	if (getuid() != 0)
		return;
	users[CONF_AV_AUTH] = root;
	ck_assert_int_eq(rights_find(&r, CONF_AV_AUTH, users, &why),
		EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "unprivileged"));
}
END_TEST

START_TEST(test_named_user_is_looked_up)
{
	const struct passwd *pw = getpwnam(daemon_user);
	struct rights r;
	uid_t uid;
	gid_t gid;

	if (getuid() != 0 || pw == NULL)
		return;
	uid = pw->pw_uid; /* the next look-up overwrites it */
	gid = pw->pw_gid;
	users[CONF_AV_EDGE] = daemon_user;
	ck_assert_int_eq(rights_find(&r, CONF_AV_EDGE, users, NULL), 0);
	ck_assert_uint_eq(r.uid, uid);
	ck_assert_uint_eq(r.gid, gid);
	ck_assert(has(&r, r.groups[RIGHTS_AV]));
	ck_assert(!has(&r, r.gid));
}
END_TEST

START_TEST(test_ordinary_user_stays_itself)
{
	int status;
	pid_t pid;

	if (getuid() != 0)
		return;
	pid = fork();
	if (pid == 0) {
		struct rights r;

		if (setresuid(61999, 61999, 61999) < 0 ||
			rights_find(&r, CONF_AV_AUTH, users, NULL) < 0)
			_exit(1);
		if (r.is_root || r.uid != 61999 || r.membership_count != 0)
			_exit(2);
		if (getgrnam("sallyport") == NULL &&
			r.groups[RIGHTS_READ] != RIGHTS_NO_ID)
			_exit(3);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("run/rights");
	TCase *tc = tcase_create("rights");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_root_without_users_gives_each_daemon_its_own);
	tcase_add_test(tc, test_only_av_daemons_share_the_pool_key_s_group);
	tcase_add_test(tc, test_user_that_is_not_there_is_refused);
	tcase_add_test(tc, test_root_is_no_daemon_s_user);
	tcase_add_test(tc, test_named_user_is_looked_up);
	tcase_add_test(tc, test_ordinary_user_stays_itself);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
