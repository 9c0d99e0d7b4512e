/* Which process holds a port. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/net/port_owner.h"
#include "common/net/udp.h"
#include "tests/unit/net/ends.h"

START_TEST(test_a_listener_of_ours_is_found)
{
	struct port_owner owner;
	struct addr at;
	char text[96];
	char want[32];
	int fd = test_listen(&at);

	ck_assert_int_eq(port_owner_find(&at, false, &owner), 0);
	ck_assert_int_eq(owner.pid, getpid());
	ck_assert_str_eq(owner.name, "test_port_owner");
	snprintf(want, sizeof(want), "pid %d (", (int)getpid());
	ck_assert_ptr_nonnull(strstr(port_owner_text(&owner, text,
		sizeof(text)), want));
	close(fd);
	ck_assert_int_eq(port_owner_find(&at, false, &owner), -ENOENT);
}
END_TEST

START_TEST(test_a_wildcard_holds_every_address)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct port_owner owner;
	struct addr at;
	struct addr local;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len, &at),
		0);
	ck_assert_int_eq(addr_parse_z("127.0.0.1", at.port, &local), 0);
	ck_assert_int_eq(port_owner_find(&local, false, &owner), 0);
	ck_assert_int_eq(owner.pid, getpid());
	close(fd);
}
END_TEST

START_TEST(test_datagram_sockets_are_another_table)
{
	struct udp_spec spec = { .bind_device = false };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct port_owner owner;
	struct addr at;
	int fd;

	ck_assert_int_eq(addr_parse_z("127.0.0.1", 0, &spec.address), 0);
	fd = udp_open(&spec, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len, &at),
		0);
	ck_assert_int_eq(port_owner_find(&at, true, &owner), 0);
	ck_assert_int_eq(owner.pid, getpid());
	ck_assert_int_eq(port_owner_find(&at, false, &owner), -ENOENT);
	close(fd);
}
END_TEST

START_TEST(test_a_process_that_can_not_be_seen_is_told_by_uid)
{
	struct port_owner owner = { .uid = 33 };
	char text[96];

	ck_assert_str_eq(port_owner_text(&owner, text, sizeof(text)),
		"a process of uid 33 ('edgectl doctor' as root names it)");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port_owner");
	TCase *tc = tcase_create("port_owner");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_a_listener_of_ours_is_found);
	tcase_add_test(tc, test_a_wildcard_holds_every_address);
	tcase_add_test(tc, test_datagram_sockets_are_another_table);
	tcase_add_test(tc, test_a_process_that_can_not_be_seen_is_told_by_uid);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
