/* Who may ask what (threat S18). */
#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bus/bus_right.h"

#define OWN   700
#define AGENT 701
#define READ  800
#define ADMIN 801

static const struct bus_policy installed = {OWN, READ, ADMIN, AGENT};
static const struct bus_policy bare = {
	OWN, (gid_t)-1, (gid_t)-1, (uid_t)-1};

static struct bus_peer peer_of(uid_t uid, gid_t gid)
{
	return (struct bus_peer){.uid = uid, .gid = gid};
}

struct row {
	uid_t uid;
	gid_t gid;
	bool is_admin; /* socket */
	bool may[3];   /* READ, CHECK, CHANGE */
};

static const struct row rows[] = {
	{0, 0, false, {true, false, false}},
	{0, 0, true, {true, true, true}},
	{5, READ, false, {true, false, false}},
	{5, READ, true, {true, false, false}},
	{5, ADMIN, false, {true, false, false}},
	{5, ADMIN, true, {true, true, true}},
	{AGENT, 5, true, {true, true, false}},
	/* The agent is in the admin group too, which gives it no more. */
	{AGENT, ADMIN, true, {true, true, false}},
	{AGENT, ADMIN, false, {true, false, false}},
	{OWN, OWN, false, {true, false, false}},
	{OWN, OWN, true, {true, false, false}},
	{5, 5, false, {false, false, false}},
	{5, 5, true, {false, false, false}},
	{(uid_t)-1, READ, true, {false, false, false}},
};

START_TEST(test_S18_rights_follow_user_and_group)
{
	const struct row *row = &rows[_i];
	const struct bus_peer peer = peer_of(row->uid, row->gid);

	for (unsigned right = BUS_READ; right <= BUS_CHANGE; right++)
		ck_assert_msg(bus_may(&installed, &peer, row->is_admin,
				      (enum bus_right)right) ==
				row->may[right],
			"row %d right %u", _i, right);
}
END_TEST

START_TEST(test_S18_supplementary_groups_count)
{
	gid_t groups[] = {4, ADMIN};
	struct bus_peer peer = peer_of(5, 5);

	peer.groups = groups;
	peer.group_count = 2;
	ck_assert(bus_may(&installed, &peer, true, BUS_CHANGE));
	peer.group_count = 1;
	ck_assert(!bus_may(&installed, &peer, true, BUS_CHANGE));
}
END_TEST

START_TEST(test_without_groups_our_own_user_may_all)
{
	struct bus_peer peer = peer_of(OWN, OWN);

	ck_assert(bus_may(&bare, &peer, true, BUS_CHANGE));
	ck_assert(!bus_may(&bare, &peer, false, BUS_CHANGE));
	/* An absent group is not a group number. */
	peer = peer_of(5, (gid_t)-1);
	ck_assert(!bus_may(&bare, &peer, false, BUS_READ));
	ck_assert(!bus_may(&bare, &peer, true, BUS_CHANGE));
}
END_TEST

START_TEST(test_kernel_names_the_peer)
{
	struct bus_peer peer;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(bus_peer_init(&peer, pair[0]), 0);
	ck_assert_uint_eq(peer.uid, getuid());
	ck_assert_uint_eq(peer.gid, getgid());
	ck_assert_int_eq(peer.pid, getpid());
	ck_assert_int_eq(peer.group_count, getgroups(0, NULL));
	bus_peer_fini(&peer);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bus/right");
	TCase *tc = tcase_create("right");
	SRunner *runner;
	int failures;

	tcase_add_loop_test(tc, test_S18_rights_follow_user_and_group, 0,
		(int)ARRAY_COUNT(rows));
	tcase_add_test(tc, test_S18_supplementary_groups_count);
	tcase_add_test(tc, test_without_groups_our_own_user_may_all);
	tcase_add_test(tc, test_kernel_names_the_peer);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
