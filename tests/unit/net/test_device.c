/* Which device carries an address (threat S19). */
#include <check.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/device.h"

static struct addr ip(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_z(text, 0, &a), 0);
	return a;
}

START_TEST(test_loopback_carries_its_whole_prefix)
{
	static const char *const on_lo[] = { "127.0.0.1", "127.0.1.10",
		"127.255.0.1" };
	char name[NET_DEVICE_LEN];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(on_lo); i++) {
		struct addr a = ip(on_lo[i]);

		ck_assert_int_eq(net_device_of(&a, name), 0);
		ck_assert_str_eq(name, "lo");
	}
}
END_TEST

START_TEST(test_foreign_addresses_and_wildcards_have_no_device)
{
	static const char *const none[] = { "192.0.2.1", "0.0.0.0", "::",
		"2001:db8::1" };
	char name[NET_DEVICE_LEN];
	struct addr unset = { .family = 0 };
	size_t i;

	for (i = 0; i < ARRAY_COUNT(none); i++) {
		struct addr a = ip(none[i]);

		ck_assert_int_eq(net_device_of(&a, name), -ENODEV);
	}
	ck_assert_int_eq(net_device_of(&unset, name), -ENODEV);
}
END_TEST

START_TEST(test_sides_on_one_device_are_seen)
{
	struct addr a = ip("127.0.1.10");
	struct addr b = ip("127.0.2.10");
	struct addr c = ip("192.0.2.1");

	ck_assert(net_same_device(&a, &b));
	ck_assert(!net_same_device(&a, &c));
	ck_assert(!net_same_device(&c, &c));
}
END_TEST

START_TEST(test_S19_a_socket_is_bound_to_the_device)
{
	struct addr a = ip("127.0.2.10");
	struct addr c = ip("192.0.2.1");
	char name[NET_DEVICE_LEN] = "";
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(net_bind_device(fd, &c, name), -ENODEV);
	ck_assert_int_eq(net_bind_device(fd, &a, NULL), 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
		&len), 0);
	ck_assert_str_eq(name, "lo");
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("device");
	TCase *tc = tcase_create("device");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_loopback_carries_its_whole_prefix);
	tcase_add_test(tc,
		test_foreign_addresses_and_wildcards_have_no_device);
	tcase_add_test(tc, test_sides_on_one_device_are_seen);
	tcase_add_test(tc, test_S19_a_socket_is_bound_to_the_device);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
